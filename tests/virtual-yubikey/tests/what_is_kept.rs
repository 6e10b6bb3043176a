//! Touches, faults, saved tokens: what happens to a token, and what is left of it after.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod support;

use std::time::Duration;

use support::{Host, PIN, contains, token};
use virtual_yubikey::{Answer, Fault, Status, Token, Touch, Version};

#[test]
fn without_a_touch_nothing_is_signed_and_the_pin_is_spent() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    host.administrator();
    host.generate(0x9c, 3, 2).unwrap();
    host.generate(0x9d, 2, 3).unwrap();
    host.verify(PIN).unwrap();
    let patience = Duration::from_secs(15);
    host.0.set_touch(Touch::Missing { after: patience });
    let request = [
        &[0, 0x87, 0x11, 0x9c, 38, 0x7c, 36, 0x82, 0, 0x81, 32][..],
        &[7; 32],
    ]
    .concat();
    let answer = host.0.transmit(&request);
    assert_eq!(
        answer,
        Answer::Reply {
            bytes: vec![0x69, 0x82],
            after: patience
        }
    );
    host.0.set_touch(Touch::ALWAYS);
    assert_eq!(host.sign(0x9c), Err(Status::SECURITY));
    host.verify(PIN).unwrap();
    host.sign(0x9c).unwrap();

    host.sign(0x9d).unwrap();
    host.0.set_touch(Touch::NEVER);
    host.sign(0x9d)
        .expect("cached: the last touch still counts");
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = std::sync::Arc::clone(&asked);
    host.0.set_touch(Touch::Ask(Box::new(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0
    })));
    for expected in [Err(Status::SECURITY), Ok(())] {
        host.verify(PIN).unwrap();
        assert_eq!(host.sign(0x9c).map(drop), expected);
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn each_fault_happens_once_where_it_was_planned() {
    let mut token = token(Version::V5_4);
    let version = [0, 0xfd, 0, 0, 0];
    token.fault_after(2, Fault::Garbage(5));
    token.fault_on(0xf8, Fault::Status(0x6f00));
    let right = Answer::Reply {
        bytes: vec![5, 4, 3, 0x90, 0],
        after: Duration::ZERO,
    };
    assert_eq!(token.transmit(&version), right);
    let serial = token.transmit(&[0, 0xf8, 0, 0, 0]);
    assert_eq!(
        serial,
        Answer::Reply {
            bytes: vec![0x6f, 0],
            after: Duration::ZERO
        }
    );
    let Answer::Reply { bytes, .. } = token.transmit(&version) else {
        panic!("gone")
    };
    assert_eq!(bytes.len(), 5);
    assert_eq!(token.transmit(&version), right);
    let second = Duration::from_secs(1);
    token.fault_after(0, Fault::Delay(second));
    let Answer::Reply { after, .. } = token.transmit(&version) else {
        panic!("gone")
    };
    assert_eq!(after, second);
    token.fault_after(0, Fault::Pull);
    assert_eq!(token.transmit(&version), Answer::Gone);
    assert_eq!(
        Host(&mut token).send([0xfd, 0, 0], &[]),
        Err(Status::UNKNOWN_COMMAND)
    );
}

#[test]
fn pulled_before_or_after_a_command_differs_in_what_is_kept() {
    for (fault, made) in [(Fault::Pull, false), (Fault::PullAfter, true)] {
        let mut token = token(Version::V5_7);
        let mut host = Host(&mut token);
        host.administrator();
        host.0.fault_on(0x47, fault);
        let generate = [0, 0x47, 0, 0x9c, 5, 0xac, 3, 0x80, 1, 0x11];
        assert_eq!(host.0.transmit(&generate), Answer::Gone);
        host.select();
        assert_eq!(host.send([0xf7, 0, 0x9c], &[]).is_ok(), made, "{fault:?}");
    }
}

#[test]
fn a_saved_token_is_the_same_token_and_a_damaged_file_is_refused() {
    let mut token = token(Version::V5_7);
    let mut host = Host(&mut token);
    host.administrator();
    let public = host.generate(0x9c, 3, 1).unwrap();
    host.verify(b"000000\xff\xff").unwrap_err();
    let saved = token.to_json();
    let mut back = Token::from_json(&saved).unwrap();
    assert_eq!(back.to_json(), saved);
    assert_eq!(back.tries_left(), (2, 3));
    let mut host = Host(&mut back);
    host.select();
    assert!(contains(
        &host.send([0xf7, 0, 0x9c], &[]).unwrap(),
        &public[3..]
    ));
    host.verify(PIN).unwrap();
    host.sign(0x9c).unwrap();
    let longer = saved.replacen("\"secret\": \"", "\"secret\": \"00", 1);
    assert_ne!(longer, saved);
    for damaged in [
        &saved[..saved.len() / 2],
        "{}",
        &saved.replace("serial", "cereal"),
        &longer,
    ] {
        assert!(Token::from_json(damaged).is_err());
    }
}

#[test]
fn debug_output_and_the_log_have_no_pin_in_them() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    host.send([0x24, 0, 0x80], b"123456\xff\xff97318642")
        .unwrap();
    host.verify(b"97318642").unwrap();
    let shown = format!("{token:?} {:?}", token.log());
    assert!(shown.contains("12345678"), "the serial number: {shown}");
    assert!(shown.contains("instruction: 32"), "{shown}");
    for secret in ["97318642", "57, 55", "39, 37", "3937", "123456\"", "49, 50"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let shared = token.shared();
    assert!(!format!("{shared:?}").contains("97318642"));
}
