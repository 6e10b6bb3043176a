//! What a token refuses.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod support;

use support::{Host, PIN, PUK, contains, token};
use virtual_yubikey::{Status, Touch, Version};

const BOTH: [Version; 2] = [Version::V5_4, Version::V5_7];

#[test]
fn nothing_is_changed_without_the_management_key() {
    for version in BOTH {
        let mut token = token(version);
        let before = token.to_json();
        let mut host = Host(&mut token);
        host.verify(PIN).unwrap();
        for (command, data) in [
            ([0x47, 0, 0x9c], &[0xac, 3, 0x80, 1, 0x11][..]),
            ([0xfe, 0x11, 0x9c], &[&[6, 32][..], &[1; 32]].concat()),
            ([0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5, 0x53, 1, 1]),
            ([0xff, 0xff, 0xff], &[&[3, 0x9b, 24][..], &[9; 24]].concat()),
            ([0xfa, 5, 5], &[]),
        ] {
            assert_eq!(
                host.send(command, data),
                Err(Status::SECURITY),
                "{command:02x?}"
            );
        }
        let moving = host.send([0xf6, 0x9d, 0x9c], &[]).unwrap_err();
        let known = version == Version::V5_7;
        assert_eq!(
            moving,
            if known {
                Status::SECURITY
            } else {
                Status::UNKNOWN_COMMAND
            }
        );
        assert_eq!(host.send([0xfb, 0, 0], &[]), Err(Status::CONDITIONS));
        assert_eq!(token.to_json(), before);
    }
}

#[test]
fn a_wrong_management_key_and_a_second_use_of_a_challenge_are_refused() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    let wrong = [&[0x7c, 10, 0x82, 8][..], &[0; 8]].concat();
    assert_eq!(
        host.send([0x87, 3, 0x9b], &wrong),
        Err(Status::SECURITY),
        "nothing was asked"
    );
    host.send([0x87, 3, 0x9b], &[0x7c, 2, 0x81, 0]).unwrap();
    assert_eq!(host.send([0x87, 3, 0x9b], &wrong), Err(Status::SECURITY));
    assert_eq!(host.generate(0x9c, 3, 2), Err(Status::SECURITY));
    assert_eq!(
        host.send([0x87, 0x0a, 0x9b], &[0x7c, 2, 0x81, 0]),
        Err(Status::WRONG_PARAMETERS)
    );
    let challenge = host.send([0x87, 3, 0x9b], &[0x7c, 2, 0x81, 0]).unwrap();
    host.send([0x87, 3, 0x9b], &wrong).unwrap_err();
    let response = support::encrypt::<des::TdesEde3>(&challenge[4..]);
    let right = [&[0x7c, 10, 0x82, 8][..], &response].concat();
    let late = host.send([0x87, 3, 0x9b], &right);
    assert_eq!(late, Err(Status::SECURITY), "the challenge was used up");
    let mutual = |witness: &[u8]| {
        let challenge = [&[0x81, 8][..], &[5; 8]].concat();
        [&[0x7c, 20, 0x80, 8][..], witness, &challenge].concat()
    };
    host.send([0x87, 3, 0x9b], &[0x7c, 2, 0x80, 0]).unwrap();
    let guessed = mutual(&[0; 8]);
    assert_eq!(host.send([0x87, 3, 0x9b], &guessed), Err(Status::SECURITY));
    assert_eq!(host.generate(0x9c, 3, 2), Err(Status::SECURITY));
    let encrypted = host.send([0x87, 3, 0x9b], &[0x7c, 2, 0x80, 0]).unwrap();
    let sent_back = mutual(&encrypted[4..]);
    assert_eq!(
        host.send([0x87, 3, 0x9b], &sent_back),
        Err(Status::SECURITY)
    );
    host.administrator();
    host.generate(0x9c, 3, 2).unwrap();
    host.select();
    assert_eq!(
        host.generate(0x9c, 3, 2),
        Err(Status::SECURITY),
        "selecting forgets"
    );
}

#[test]
fn the_pin_is_counted_down_and_blocked_and_the_puk_sets_it_anew() {
    let mut token = token(Version::V5_7);
    let mut host = Host(&mut token);
    let wrong = b"000000\xff\xff";
    assert_eq!(host.verify(wrong), Err(Status(0x63c2)));
    assert_eq!(
        host.verify(b"123456"),
        Err(Status::WRONG_DATA),
        "not eight bytes: no try is spent"
    );
    assert_eq!(
        host.verify(&[]),
        Err(Status(0x63c2)),
        "asking spends no try"
    );
    assert_eq!(host.verify(wrong), Err(Status(0x63c1)));
    host.verify(PIN).unwrap();
    assert_eq!(
        host.0.tries_left(),
        (3, 3),
        "the right one gives the tries back"
    );
    for expected in [0x63c2, 0x63c1, 0x6983, 0x6983] {
        assert_eq!(host.verify(wrong), Err(Status(expected)));
    }
    assert_eq!(
        host.verify(PIN),
        Err(Status::BLOCKED),
        "the right one comes too late"
    );
    assert_eq!(
        host.send([0xfb, 0, 0], &[]),
        Err(Status::CONDITIONS),
        "the PUK is not blocked"
    );

    let unblock = |puk: &[u8; 8], pin: &[u8; 8]| [*puk, *pin].concat();
    assert_eq!(
        host.send([0x2c, 0, 0x80], &unblock(wrong, PIN)),
        Err(Status(0x63c2))
    );
    let short = host.send([0x2c, 0, 0x80], &unblock(PUK, b"12345\xff\xff\xff"));
    assert_eq!(short, Err(Status::WRONG_DATA));
    host.send([0x2c, 0, 0x80], &unblock(PUK, b"654321\xff\xff"))
        .unwrap();
    assert_eq!(host.verify(PIN), Err(Status(0x63c2)));
    host.verify(b"654321\xff\xff").unwrap();
    let changed = host.send([0x24, 0, 0x80], &unblock(b"654321\xff\xff", b"87654321"));
    changed.unwrap();
    host.verify(b"87654321").unwrap();
}

#[test]
fn with_pin_and_puk_blocked_a_reset_gives_a_token_as_from_the_factory_but_for_its_attestation() {
    let mut token = token(Version::V5_7);
    let mut host = Host(&mut token);
    host.administrator();
    host.generate(0x9c, 3, 2).unwrap();
    host.send([0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5, 0x53, 1, 1])
        .unwrap();
    let certificate = host
        .send([0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xff, 1])
        .unwrap();
    for _ in 0..3 {
        host.verify(b"000000\xff\xff").unwrap_err();
        host.send([0x2c, 0, 0x80], &[b'0'; 16]).unwrap_err();
    }
    host.send([0xfb, 0, 0], &[]).unwrap();
    assert_eq!(host.0.tries_left(), (3, 3));
    assert_eq!(
        host.send([0xf7, 0, 0x9c], &[]),
        Err(Status::NO_SUCH_REFERENCE)
    );
    assert_eq!(
        host.send([0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5]),
        Err(Status::NOT_FOUND)
    );
    let kept = host
        .send([0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xff, 1])
        .unwrap();
    assert_eq!(kept, certificate);
    assert_eq!(
        host.generate(0x9c, 3, 2),
        Err(Status::SECURITY),
        "nobody is administrator"
    );
}

#[test]
fn pin_always_means_one_use_and_pin_once_means_until_selected_again() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    host.administrator();
    host.generate(0x9c, 3, 1).unwrap();
    host.generate(0x9d, 2, 1).unwrap();
    host.generate(0x9e, 1, 1).unwrap();
    assert_eq!(host.sign(0x9c), Err(Status::SECURITY));
    assert_eq!(host.sign(0x9d), Err(Status::SECURITY));
    host.sign(0x9e).unwrap();
    host.verify(PIN).unwrap();
    host.sign(0x9c).unwrap();
    assert_eq!(
        host.sign(0x9c),
        Err(Status::SECURITY),
        "the PIN was good for one signature"
    );
    host.sign(0x9d).unwrap();
    host.sign(0x9d).unwrap();
    host.verify(b"000000\xff\xff").unwrap_err();
    assert_eq!(
        host.sign(0x9d),
        Err(Status::SECURITY),
        "a wrong PIN takes the right one back"
    );
    host.verify(PIN).unwrap();
    host.0.power_cycle();
    host.select();
    assert_eq!(
        host.sign(0x9d),
        Err(Status::SECURITY),
        "without power it is forgotten"
    );
    assert_eq!(
        host.sign(0xf9),
        Err(Status::WRONG_PARAMETERS),
        "attests, but signs for nobody"
    );
}

#[test]
fn what_this_firmware_does_not_know_is_refused() {
    let mut old = token(Version::V5_4);
    let mut host = Host(&mut old);
    host.administrator();
    for algorithm in [0x05, 0x16, 0xe0, 0xe1, 0x00, 0x12] {
        let request = [0xac, 3, 0x80, 1, algorithm];
        assert_eq!(
            host.send([0x47, 0, 0x9c], &request),
            Err(Status::WRONG_DATA),
            "{algorithm:02x}"
        );
    }
    assert_eq!(host.generate(0x9b, 3, 2), Err(Status::NO_SUCH_SLOT));
    assert_eq!(host.generate(0x9c, 4, 2), Err(Status::WRONG_DATA));
    assert_eq!(host.generate(0x9c, 3, 4), Err(Status::WRONG_DATA));
    let mut older = token(Version(5, 2, 7));
    let mut host = Host(&mut older);
    assert_eq!(
        host.send([0xf7, 0, 0x80], &[]),
        Err(Status::UNKNOWN_COMMAND)
    );
    host.administrator();
    let aes = [&[0x0a, 0x9b, 24][..], &[9; 24]].concat();
    assert_eq!(host.send([0xff, 0xff, 0xff], &aes), Err(Status::WRONG_DATA));
}

#[test]
fn an_imported_key_is_not_attested_and_a_key_that_was_moved_is_said_to_be_where_it_is() {
    let mut token = token(Version::V5_7);
    let mut host = Host(&mut token);
    host.administrator();
    assert_eq!(
        host.send([0xf9, 0x9c, 0], &[]),
        Err(Status::WRONG_DATA),
        "an empty slot"
    );
    host.send([0xfe, 0x11, 0x9c], &[&[6, 32][..], &[1; 32]].concat())
        .unwrap();
    assert_eq!(host.send([0xf9, 0x9c, 0], &[]), Err(Status::WRONG_DATA));
    assert_eq!(
        host.send([0xf9, 0xf9, 0], &[]),
        Err(Status::WRONG_DATA),
        "it came from the factory"
    );
    host.generate(0x9d, 3, 2).unwrap();
    let before = host.send([0xf9, 0x9d, 0], &[]).unwrap();
    assert!(contains(&before, b"YubiKey PIV Attestation 9d"));
    assert_eq!(
        host.send([0xf6, 0x9c, 0x9d], &[]),
        Err(Status::WRONG_DATA),
        "9c is in use"
    );
    assert_eq!(
        host.send([0xf6, 0xf9, 0x9d], &[]),
        Err(Status::NO_SUCH_SLOT)
    );
    host.send([0xf6, 0x82, 0x9d], &[]).unwrap();
    assert_eq!(host.send([0xf9, 0x9d, 0], &[]), Err(Status::WRONG_DATA));
    let after = host.send([0xf9, 0x82, 0], &[]).unwrap();
    assert!(contains(&after, b"YubiKey PIV Attestation 82"));
    host.send([0xf6, 0xff, 0x9c], &[]).unwrap();
    assert_eq!(
        host.send([0xf6, 0xff, 0x9c], &[]),
        Err(Status::NO_SUCH_REFERENCE)
    );
}

#[test]
fn protected_objects_need_the_pin_and_objects_have_a_largest_size() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    host.administrator();
    let put = |length: u16, name: u8| {
        let [high, low] = length.to_be_bytes();
        [
            &[0x5c, 3, 0x5f, 0xc1, name, 0x53, 0x82, high, low][..],
            &vec![7; length.into()],
        ]
        .concat()
    };
    assert_eq!(
        host.send([0xdb, 0x3f, 0xff], &put(3053, 9)),
        Err(Status::NO_SPACE)
    );
    host.send([0xdb, 0x3f, 0xff], &put(3052, 9)).unwrap();
    let get = [0x5c, 3, 0x5f, 0xc1, 9];
    assert_eq!(host.send([0xcb, 0x3f, 0xff], &get), Err(Status::SECURITY));
    host.verify(PIN).unwrap();
    assert_eq!(host.send([0xcb, 0x3f, 0xff], &get).unwrap().len(), 3052 + 4);
    host.send([0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 9, 0x53, 0])
        .unwrap();
    assert_eq!(host.send([0xcb, 0x3f, 0xff], &get), Err(Status::NOT_FOUND));
}

#[test]
fn a_management_key_can_need_a_touch() {
    let mut token = token(Version::V5_4);
    let mut host = Host(&mut token);
    host.administrator();
    host.send(
        [0xff, 0xff, 0xfe],
        &[&[3, 0x9b, 24][..], &support::KEY].concat(),
    )
    .unwrap();
    assert_eq!(
        host.send([0xff, 0xff, 0xff], &[3, 0x9b, 24, 1]),
        Err(Status::WRONG_DATA)
    );
    host.select();
    host.administrator();
    assert_eq!(
        host.send([0xf7, 0, 0x9b], &[]).unwrap(),
        [1, 1, 3, 2, 2, 0, 2, 5, 1, 1]
    );
    host.select();
    host.0.set_touch(Touch::NEVER);
    let witness = host.send([0x87, 3, 0x9b], &[0x7c, 2, 0x81, 0]).unwrap();
    assert_eq!(witness.len(), 12);
    assert_eq!(host.generate(0x9c, 3, 2), Err(Status::SECURITY));
}
