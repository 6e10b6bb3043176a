//! Whatever bytes come, a token answers, and never with what it must keep to itself.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod support;

use proptest::prelude::*;
use support::{Host, PIN, token};
use virtual_yubikey::{Answer, Version};

/// Any bytes, and commands that come further: known instructions, slots and templates.
fn apdu() -> impl Strategy<Value = Vec<u8>> {
    let ins = prop::sample::select(vec![
        0x20, 0x24, 0x2c, 0x47, 0x87, 0xa4, 0xc0, 0xcb, 0xdb, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb,
        0xfd, 0xfe, 0xff,
    ]);
    let reference = prop::sample::select(vec![
        0u8, 0x11, 0x14, 0xe0, 0xe1, 0x0a, 0x80, 0x81, 0x82, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0xf9,
        0xff, 3,
    ]);
    let bytes = || prop::collection::vec(any::<u8>(), 0..80);
    let tag = prop::sample::select(vec![
        0x5cu8, 0x53, 0x7c, 0x80, 0x81, 0x82, 0x85, 0xac, 0xaa, 6, 7, 8,
    ]);
    let object = (tag, bytes())
        .prop_map(|(tag, value)| [&[tag, u8::try_from(value.len()).unwrap()][..], &value].concat());
    // Not RSA: making one takes a second.
    let algorithm = prop::sample::select(vec![0x11u8, 0x14, 0xe0, 0xe1, 0x33]);
    let data = prop_oneof![
        bytes(),
        object.clone(),
        (object.clone(), object.clone()).prop_map(|(one, two)| [one, two].concat()),
        object.prop_filter_map("a template's length is one byte", |inner| {
            Some(
                [
                    &[
                        0x7c,
                        u8::try_from(inner.len())
                            .ok()
                            .filter(|length| *length < 0x80)?,
                    ][..],
                    &inner,
                ]
                .concat(),
            )
        }),
        algorithm.prop_map(|algorithm| vec![0xac, 3, 0x80, 1, algorithm]),
        Just(vec![0x7c, 2, 0x80, 0]),
        Just(vec![0x7c, 2, 0x81, 0]),
        Just([0xa0, 0, 0, 3, 8].to_vec()),
        Just(PIN.to_vec()),
        Just([&[0x7c, 36, 0x82, 0, 0x81, 32][..], &[7; 32]].concat()),
    ];
    let cla = prop_oneof![4 => Just(0u8), 1 => Just(0x10)];
    let known =
        (cla, ins, reference.clone(), reference, data).prop_map(|(cla, ins, p1, p2, data)| {
            [
                &[cla, ins, p1, p2, u8::try_from(data.len()).unwrap_or(255)][..],
                &data,
            ]
            .concat()
        });
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..300), 6 => known]
}

/// All numbers in a saved token that nobody may learn: private keys, PIN, PUK, management key.
fn secrets(saved: &str) -> Vec<Vec<u8>> {
    let saved: serde_json::Value = serde_json::from_str(saved).unwrap();
    let hex = |value: &serde_json::Value| {
        data_encoding::HEXLOWER
            .decode(value.as_str().unwrap().as_bytes())
            .unwrap()
    };
    let keys = saved["keys"].as_object().unwrap().values();
    let mut secrets: Vec<_> = keys.map(|key| hex(&key["private"]["secret"])).collect();
    secrets.extend(
        [
            &saved["pin"]["value"],
            &saved["puk"]["value"],
            &saved["management"]["key"],
        ]
        .map(hex),
    );
    secrets
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_apdu_makes_a_token_panic_or_give_away_a_secret(
        old in any::<bool>(),
        administrator in any::<bool>(),
        apdus in prop::collection::vec(apdu(), 1..60),
    ) {
        let mut token = token(if old { Version::V5_4 } else { Version::V5_7 });
        let mut host = Host(&mut token);
        if administrator {
            host.administrator();
            for slot in [0x9a, 0x9c, 0x9d] {
                host.generate(slot, 2, 1).unwrap();
            }
            host.verify(PIN).unwrap();
        }
        for apdu in apdus {
            let before = secrets(&token.to_json());
            let Answer::Reply { bytes, .. } = token.transmit(&apdu) else {
                panic!("a token without faults stays");
            };
            prop_assert!(bytes.len() >= 2, "every answer has a status word");
            prop_assert!(bytes.len() <= 65536 + 2);
            for secret in before.into_iter().chain(secrets(&token.to_json())) {
                // Eight bytes in a row are no chance.
                let given_away = secret.windows(8).any(|part| {
                    let sent = apdu.windows(8).any(|window| window == part);
                    !sent && bytes.windows(8).any(|window| window == part)
                });
                prop_assert!(!given_away, "{apdu:02x?} gives {bytes:02x?}");
            }
        }
    }
}

/// The property above can fail: with a secret put where anybody may read it, it is found.
#[test]
fn a_secret_in_an_answer_would_be_found() {
    let mut token = token(Version::V5_4);
    let secret = secrets(&token.to_json())[0].clone();
    let mut host = Host(&mut token);
    host.administrator();
    let object = [&[0x5c, 3, 0x5f, 0xc1, 5, 0x53, 32][..], &secret].concat();
    host.send([0xdb, 0x3f, 0xff], &object).unwrap();
    let answer = host
        .send([0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5])
        .unwrap();
    assert!(
        answer
            .windows(8)
            .any(|window| secret.windows(8).any(|part| part == window))
    );
}
