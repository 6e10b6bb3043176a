//! What happens between a token, its reader and the host, through pcscd as it is.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod client;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use client::{LIMIT, open, poll, provision, sign, token};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use virtual_yubikey::{Fault, Pcscd, Token, Touch, Version, alone_with_pcscd};
use yubikey::{Error, Serial, YubiKey};

#[test]
fn a_token_pulled_in_the_middle_comes_back_with_its_keys_and_without_its_pin() {
    let name = "a_token_pulled_in_the_middle_comes_back_with_its_keys_and_without_its_pin";
    alone_with_pcscd(name, LIMIT, |[mut reader, _]| {
        let token = token(1001, Version::V5_7);
        reader.insert(&token).unwrap();
        let mut yubikey = open(1001);
        let [signing, _] = provision(&mut yubikey, b"84736251", b"19283746");
        for fault in [Fault::Pull, Fault::PullAfter] {
            yubikey.verify_pin(b"84736251").unwrap();
            token.lock().fault_on(0x87, fault);
            assert!(sign(&mut yubikey, &[5; 32]).is_err());
            drop(yubikey);
            assert!(poll(|| YubiKey::open_by_serial(Serial(1001)).err()).is_some());
            reader.insert(&token).unwrap();
            yubikey = open(1001);
            assert_eq!(
                sign(&mut yubikey, &[5; 32]).err(),
                Some(Error::AuthenticationError)
            );
        }
        yubikey.verify_pin(b"84736251").unwrap();
        let signature = sign(&mut yubikey, &[5; 32]).unwrap();
        p256::ecdsa::VerifyingKey::from(signing)
            .verify_prehash(&[5; 32], &signature)
            .unwrap();
    });
}

#[test]
fn garbage_and_wrong_status_words_are_errors_and_pass() {
    alone_with_pcscd(
        "garbage_and_wrong_status_words_are_errors_and_pass",
        LIMIT,
        |[mut reader, _]| {
            let token = token(1001, Version::V5_4);
            reader.insert(&token).unwrap();
            let mut yubikey = open(1001);
            provision(&mut yubikey, b"84736251", b"19283746");
            // Not 90 00 by chance: two bytes are too few for a signature.
            let faults = [
                Fault::Garbage(2),
                Fault::Garbage(60),
                Fault::Status(0x6f00),
                Fault::Status(0x6982),
            ];
            for fault in faults {
                yubikey.verify_pin(b"84736251").unwrap();
                token.lock().fault_on(0x87, fault);
                assert!(sign(&mut yubikey, &[5; 32]).is_err(), "{fault:?}");
            }
            token
                .lock()
                .fault_on(0x87, Fault::Delay(Duration::from_millis(300)));
            yubikey.verify_pin(b"84736251").unwrap();
            sign(&mut yubikey, &[5; 32]).expect("late, but right");
        },
    );
}

#[test]
fn without_a_touch_the_host_waits_and_is_then_refused() {
    alone_with_pcscd(
        "without_a_touch_the_host_waits_and_is_then_refused",
        LIMIT,
        |[mut reader, _]| {
            let token = token(1001, Version::V5_4);
            reader.insert(&token).unwrap();
            let mut yubikey = open(1001);
            provision(&mut yubikey, b"84736251", b"19283746");
            let after = Duration::from_millis(700);
            for (touch, signed) in [
                (Touch::Missing { after }, false),
                (Touch::Given { after }, true),
            ] {
                token.lock().set_touch(touch);
                yubikey.verify_pin(b"84736251").unwrap();
                let begun = Instant::now();
                let outcome = sign(&mut yubikey, &[5; 32]);
                assert!(begun.elapsed() >= after);
                assert_eq!(
                    outcome.err(),
                    (!signed).then_some(Error::AuthenticationError)
                );
            }
        },
    );
}

#[test]
fn two_tokens_are_told_apart_swapped_and_put_in_late() {
    alone_with_pcscd(
        "two_tokens_are_told_apart_swapped_and_put_in_late",
        LIMIT,
        |[mut one, mut two]| {
            let a = token(1001, Version::V5_4);
            let b = token(1002, Version::V5_7);
            assert!(
                YubiKey::open_by_serial(Serial(1001)).is_err(),
                "both readers are empty"
            );
            one.insert(&a).unwrap();
            assert!(one.insert(&b).is_err(), "there is one in it");
            two.insert(&b).unwrap();
            assert_eq!(
                [open(1001), open(1002)].map(|token| token.serial().0),
                [1001, 1002]
            );
            two.remove();
            one.swap(&b).unwrap();
            two.insert(&a).unwrap();
            assert_eq!(
                [open(1001), open(1002)].map(|token| token.serial().0),
                [1001, 1002]
            );
            assert_ne!(open(1001).name(), open(1002).name());
        },
    );
}

#[test]
fn a_saved_token_survives_the_process_that_held_it() {
    alone_with_pcscd(
        "a_saved_token_survives_the_process_that_held_it",
        LIMIT,
        |[mut reader, _]| {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("a.token");
            let new = Token::with_own_root(1001, Version::V5_4);
            std::fs::write(&file, new.to_json()).unwrap();
            let first = reader.insert_saved(&file).unwrap();
            let [signing, _] = provision(&mut open(1001), b"84736251", b"19283746");
            reader.remove();
            drop(first);

            reader.insert_saved(&file).unwrap();
            let mut yubikey = open(1001);
            yubikey.verify_pin(b"84736251").unwrap();
            let signature = sign(&mut yubikey, &[5; 32]).unwrap();
            p256::ecdsa::VerifyingKey::from(signing)
                .verify_prehash(&[5; 32], &signature)
                .unwrap();
            let missing = reader
                .insert_saved(&directory.path().join("none"))
                .unwrap_err();
            assert!(missing.to_string().contains("none"));
        },
    );
}

#[test]
fn services_do_not_meet_and_end_with_whoever_started_them() {
    let services = [Pcscd::start().unwrap(), Pcscd::start().unwrap()];
    assert_ne!(services[0].socket(), services[1].socket());
    let [mut first, _] = services[0].readers();
    let [mut second, _] = services[1].readers();
    let token = token(1001, Version::V5_4);
    first.insert(&token).unwrap();
    second
        .insert(&token)
        .expect("another service's reader is empty");
    drop(services);
    first.remove();
    assert!(first.insert(&token).is_err());

    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("known-before");
    let late = Pcscd::start_at(&socket).unwrap();
    UnixStream::connect(&socket).unwrap();
    assert!(
        Pcscd::start_at(&socket).is_err(),
        "another one listens there"
    );
    drop(late);
    assert!(!socket.exists());
}

#[test]
fn the_program_keeps_tokens_in_files_and_leaves_no_service_behind_when_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_virtual-yubikey"))
        .args([
            directory.path().join("a-5.4.token"),
            directory.path().join("b.token"),
        ])
        .env("TMPDIR", directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = lines.next().unwrap();
    let socket = first.strip_prefix("export PCSCLITE_CSOCK_NAME=").unwrap();
    let tokens: Vec<_> = lines.by_ref().take(2).collect();
    assert!(
        tokens[0].contains("serial: 10000001, version: Version(5, 4, 3)"),
        "{tokens:?}"
    );
    assert!(
        tokens[1].contains("serial: 10000002, version: Version(5, 7, 4)"),
        "{tokens:?}"
    );
    program
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"remove 1\ninsert 1\nwhat?\n")
        .unwrap();
    assert!(
        lines.next().unwrap().starts_with("remove N"),
        "the commands before have no output"
    );
    UnixStream::connect(socket).expect("the service runs");

    program.kill().unwrap();
    program.wait().unwrap();
    assert!(
        poll(|| UnixStream::connect(socket).err()).is_some(),
        "the service is still there"
    );
    let kept = std::fs::read_to_string(directory.path().join("b.token")).unwrap();
    assert_eq!(Token::from_json(&kept).unwrap().serial(), 10_000_002);
}
