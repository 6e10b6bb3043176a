//! Operators with YubiKeys: the program's own token layer on the real libpcsclite and pcscd, with
//! virtual tokens in the readers, and stock gpg at the other end.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/mod.rs"]
mod support;

use std::time::Duration;

use ceremony::attestation::{self, Attestation, AttestationError};
use ceremony::edge::token::pcsc::{ORDINARY, PcscTokens, TOUCH};
use ceremony::edge::token::{Firmware, Reference, Slot, TokenError, Tokens, the_only};
use ceremony::openpgp::{OpenPgpError, TokenCertificate, TokenKeyError, TokenKeys};
use support::{
    ALICE, BOB, LIMIT, NOW, PIN, PUK, certificate, gpg, in_reader, open, set_up, sign, text,
};
use virtual_yubikey::{Algorithm, Authority, Fault, Token, Touch, Version, alone_with_pcscd};

fn provisioned_and_used(version: Version, name: &str) {
    alone_with_pcscd(name, LIMIT, |[mut reader, _]| {
        // Old tokens hang from an RSA root, newer ones from an authority below another.
        let (root, below) = if version < Version::V5_7 {
            (Authority::root("Virtual root", Algorithm::Rsa2048), None)
        } else {
            let root = Authority::root("Virtual root", Algorithm::P384);
            let below = root.subordinate("Virtual authority", Algorithm::P384);
            (root, Some(below))
        };
        let authority = below.as_ref().unwrap_or(&root);
        let inside = Token::new(ALICE, version, authority).shared();
        reader.insert(&inside).unwrap();
        let mut token = open(ALICE);
        assert_eq!(
            token.about().firmware,
            Firmware(version.0, version.1, version.2)
        );

        // As it was sold, it is good for nothing.
        let state = token.state().unwrap();
        let factory = Reference {
            default: true,
            left: 3,
            of: 3,
        };
        assert_eq!((state.pin, state.puk), (factory, factory));
        assert!(state.default_management_key && state.signature.is_none());
        assert!(matches!(state.is_set_up(), Err(TokenError::DefaultPin)));
        let (digest, mut nothing) = ([7; 32], || panic!("nobody is asked to touch"));
        assert!(matches!(
            token.sign(&text("123456"), &digest, &mut nothing),
            Err(TokenError::SlotEmpty(Slot::Signature))
        ));
        assert!(matches!(
            token.attest(Slot::Decryption),
            Err(TokenError::SlotEmpty(Slot::Decryption))
        ));
        assert!(matches!(
            token.generate(Slot::Signature, &text("123456"), false),
            Err(TokenError::DefaultManagementKey)
        ));

        let keys = set_up(token.as_mut());
        let state = token.state().unwrap();
        state.is_set_up().unwrap();
        for (slot, point) in [
            (Slot::Signature, keys.signing),
            (Slot::Decryption, keys.decryption),
        ] {
            let key = state.slot(slot).unwrap();
            assert_eq!(key.point, Some(point));
            assert!(key.generated && key.pin_always && key.touch_always);
            assert!(matches!(
                token.generate(slot, &text(PIN), false),
                Err(TokenError::SlotInUse(found)) if found == slot
            ));
        }
        token.protect(&text(PIN)).expect("it is protected already");

        let above = below.iter().map(|one| one.certificate().to_vec());
        attested(token.as_mut(), &keys, &root, above.collect());
        with_gpg(token.as_mut(), &keys);

        let held = inside.lock();
        let logged = format!("{held:?} {:?} {state:?}", held.log());
        assert!(!logged.contains(PIN) && !logged.contains(PUK));
    });
}

/// An unknown root is never good; the same root trusted by the seam is; nothing else becomes so.
fn attested(
    token: &mut dyn ceremony::edge::token::Token,
    keys: &TokenKeys,
    root: &Authority,
    above: Vec<Vec<u8>>,
) {
    let mut chain = token.attest(Slot::Signature).unwrap();
    chain.extend(above);
    let judge = |slot, point| attestation::verify(&chain, slot, point);
    let Attestation::UnknownRoot { claimed, .. } = judge(Slot::Signature, &keys.signing).unwrap()
    else {
        panic!("a root that nobody knows is not believed");
    };
    assert_eq!(claimed.serial, ALICE);
    assert!(claimed.pin_always && claimed.touch_always);
    assert!(matches!(
        judge(Slot::Decryption, &keys.signing),
        Err(AttestationError::OtherSlot)
    ));
    assert!(matches!(
        judge(Slot::Signature, &keys.decryption),
        Err(AttestationError::OtherKey)
    ));
    let stranger = Authority::root("Virtual root", Algorithm::P256);
    attestation::test_only::trust_root(stranger.certificate());
    let judged = judge(Slot::Signature, &keys.signing).unwrap();
    assert!(
        matches!(judged, Attestation::UnknownRoot { .. }),
        "the name alone is not the root"
    );
    attestation::test_only::trust_root(root.certificate());
    let judged = judge(Slot::Signature, &keys.signing).unwrap();
    assert!(matches!(judged, Attestation::Genuine { .. }));
}

/// Stock gpg imports the certificate, verifies what 9c signed, and encrypts what 9d opens.
fn with_gpg(token: &mut dyn ceremony::edge::token::Token, keys: &TokenKeys) {
    let made = certificate(token, keys);
    let again = certificate(token, keys);
    assert_eq!(
        made.certificate().key_fingerprints(),
        again.certificate().key_fingerprints(),
        "reproducible from the slots"
    );
    let read = TokenCertificate::from_certificate(made.certificate().clone()).unwrap();
    assert_eq!(read.keys(), keys);

    let home = gpg::Home::new();
    home.import(&made.certificate().armored(None));
    let signature = sign(token, &made, b"a checkpoint").unwrap();
    assert!(home.verifies(&signature, b"a checkpoint"));
    assert!(!home.verifies(&signature, b"another checkpoint"));

    let message = home.encrypt(&made.certificate().fingerprint().to_string(), b"K");
    let mut touches = 0;
    let opened = made.decrypt(&message, 64, NOW, &mut |point| {
        token.agree(&text(PIN), point, &mut || touches += 1)
    });
    assert_eq!((opened.unwrap().expose(), touches), (&b"K"[..], 1));
    let small = made.decrypt(&message, 0, NOW, &mut |point| {
        token.agree(&text(PIN), point, &mut || {})
    });
    assert!(matches!(
        small,
        Err(TokenKeyError::OpenPgp(OpenPgpError::TooLarge(0)))
    ));
    let wrong = made.decrypt(&message, 64, NOW, &mut |point| {
        token.agree(&text("000000"), point, &mut || {})
    });
    assert!(matches!(
        wrong,
        Err(TokenKeyError::Token(TokenError::WrongPin(2)))
    ));
}

#[test]
fn firmware_5_4() {
    provisioned_and_used(Version::V5_4, "firmware_5_4");
}

#[test]
fn firmware_5_7() {
    provisioned_and_used(Version::V5_7, "firmware_5_7");
}

#[test]
fn wrong_pins_count_down_and_block() {
    alone_with_pcscd(
        "wrong_pins_count_down_and_block",
        LIMIT,
        |[mut reader, _]| {
            let _inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let mut token = open(ALICE);
            for bad in ["", "12345", "123456789", "12345\u{e9}", "12345\n"] {
                assert!(matches!(
                    token.change_pin(&text("123456"), &text(bad)),
                    Err(TokenError::Form)
                ));
            }
            let keys = set_up(token.as_mut());
            let made = certificate(token.as_mut(), &keys);
            let mut wrong = || {
                made.sign(b"x", NOW, None, &mut |digest| {
                    token.sign(&text("000000"), digest, &mut || {
                        panic!("not with a wrong PIN")
                    })
                })
            };
            for left in [2, 1] {
                let refused = wrong();
                assert!(
                    matches!(&refused, Err(TokenKeyError::Token(TokenError::WrongPin(found))) if *found == left)
                );
                let said = refused.unwrap_err().to_string();
                assert!(said.contains(&format!("{left} tr")), "{said}");
            }
            assert!(matches!(
                wrong(),
                Err(TokenKeyError::Token(TokenError::PinBlocked))
            ));
            assert_eq!(token.state().unwrap().pin.left, 0);
            assert!(matches!(
                sign(token.as_mut(), &made, b"x"),
                Err(TokenKeyError::Token(TokenError::PinBlocked))
            ));
            let mut puk = || token.change_puk(&text("00000000"), &text(PUK));
            assert!(matches!(puk(), Err(TokenError::WrongPuk(2))));
            assert!(matches!(puk(), Err(TokenError::WrongPuk(1))));
            assert!(matches!(puk(), Err(TokenError::PukBlocked)));
        },
    );
}

#[test]
fn none_another_and_several() {
    alone_with_pcscd("none_another_and_several", LIMIT, |[mut one, mut two]| {
        let tokens = PcscTokens::default();
        assert!(tokens.list().unwrap().is_empty());
        assert!(matches!(the_only(&[]), Err(TokenError::NoToken)));
        assert!(matches!(tokens.open(ALICE), Err(TokenError::NoToken)));
        let _a = in_reader(&mut one, ALICE, Version::V5_7);
        open(ALICE);
        assert_eq!(the_only(&tokens.list().unwrap()).unwrap().serial, ALICE);
        let refused = tokens.open(BOB).err().expect("it is not there");
        assert!(
            matches!(&refused, TokenError::WrongToken { wanted: BOB, found } if found == &[ALICE])
        );
        let _b = in_reader(&mut two, BOB, Version::V5_4);
        open(BOB);
        let all = tokens.list().unwrap();
        assert!(matches!(the_only(&all), Err(TokenError::Several(found)) if found.len() == 2));
        assert_eq!(open(ALICE).about().serial, ALICE);
    });
}

#[test]
fn old_firmware_is_refused() {
    alone_with_pcscd("old_firmware_is_refused", LIMIT, |[mut reader, _]| {
        let _inside = in_reader(&mut reader, ALICE, Version(5, 2, 7));
        let refused = support::poll(|| match PcscTokens::default().open(ALICE) {
            Err(error @ TokenError::TooOld { .. }) => Some(error),
            _ => None,
        });
        let said = refused.expect("it is too old").to_string();
        assert!(said.contains("5.2.7") && said.contains("5.3.0"), "{said}");
    });
}

#[test]
fn without_a_touch_nothing_is_signed() {
    alone_with_pcscd(
        "without_a_touch_nothing_is_signed",
        LIMIT,
        |[mut reader, _]| {
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let mut token = open(ALICE);
            let keys = set_up(token.as_mut());
            let made = certificate(token.as_mut(), &keys);
            inside.lock().set_touch(Touch::Missing {
                after: Duration::from_millis(50),
            });
            assert!(matches!(
                sign(token.as_mut(), &made, b"x"),
                Err(TokenKeyError::Token(TokenError::NotTouched))
            ));
            inside.lock().set_touch(Touch::ALWAYS);
            sign(token.as_mut(), &made, b"x").expect("the next touch counts");
        },
    );
}

/// Pulled before or after each APDU of opening and signing, the token is put in again, and signs.
#[test]
fn pulled_at_each_apdu_of_signing() {
    alone_with_pcscd(
        "pulled_at_each_apdu_of_signing",
        LIMIT,
        |[mut reader, _]| {
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let mut token = open(ALICE);
            let keys = set_up(token.as_mut());
            let made = certificate(token.as_mut(), &keys);
            drop(token);
            let whole = || {
                let mut token = PcscTokens::default()
                    .open(ALICE)
                    .map_err(TokenKeyError::Token)?;
                sign(token.as_mut(), &made, b"x")
            };
            support::poll(|| whole().ok()).expect("it signs");
            let before = inside.lock().log().len();
            whole().expect("it signs");
            let apdus = inside.lock().log().len() - before;
            assert!(apdus >= 5, "{apdus}");
            for at in 0..apdus as u64 {
                let fault = [Fault::Pull, Fault::PullAfter][at as usize % 2];
                inside.lock().fault_after(at, fault);
                let refused = whole().expect_err("it was pulled");
                assert!(
                    matches!(
                        refused,
                        TokenKeyError::Token(TokenError::Pulled(_) | TokenError::NoToken)
                    ),
                    "at {at}: {refused:?}"
                );
                inside.lock().clear_faults();
                reader.insert(&inside).unwrap();
                support::poll(|| whole().ok()).expect("it is there again, and signs");
            }
            assert_eq!(inside.lock().tries_left(), (3, 3), "no try was lost");
        },
    );
}

/// Pulled after each APDU of protecting the management key: the new key is never lost, and the
/// same again succeeds.
#[test]
fn pulled_at_each_apdu_of_protecting() {
    let name = "pulled_at_each_apdu_of_protecting";
    alone_with_pcscd(name, LIMIT, |[mut reader, _]| {
        let mut at = 0;
        loop {
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let mut token = open(ALICE);
            token.change_pin(&text("123456"), &text(PIN)).unwrap();
            inside.lock().fault_after(at, Fault::PullAfter);
            let protected = token.protect(&text(PIN));
            if protected.is_ok() {
                break;
            }
            assert!(
                matches!(protected, Err(TokenError::Pulled(_))),
                "at {at}: {protected:?}"
            );
            inside.lock().clear_faults();
            drop(token);
            reader.insert(&inside).unwrap();
            let mut token = open(ALICE);
            token
                .protect(&text(PIN))
                .unwrap_or_else(|error| panic!("at {at}: {error:?}"));
            token.generate(Slot::Signature, &text(PIN), false).unwrap();
            assert!(!token.state().unwrap().default_management_key);
            drop(token);
            reader.remove();
            at += 1;
        }
        assert!(at >= 8, "{at}");
    });
}

#[test]
fn an_imported_key_is_neither_attested_nor_overwritten() {
    use yubikey::piv::{self, AlgorithmId, SlotId};
    use yubikey::{MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};
    let name = "an_imported_key_is_neither_attested_nor_overwritten";
    alone_with_pcscd(name, LIMIT, |[mut reader, _]| {
        let _inside = in_reader(&mut reader, ALICE, Version::V5_7);
        drop(open(ALICE));
        let mut raw = support::poll(|| YubiKey::open_by_serial(Serial(ALICE)).ok()).unwrap();
        let default = MgmKey::get_default(&raw).unwrap();
        raw.authenticate(&default).unwrap();
        let (touch, pin) = (TouchPolicy::Always, PinPolicy::Always);
        let slot = SlotId::Signature;
        piv::import_ecc_key(&mut raw, slot, AlgorithmId::EccP256, &[9; 32], touch, pin).unwrap();
        drop(raw);
        let mut token = open(ALICE);
        let state = token.state().unwrap();
        assert!(!state.signature.unwrap().generated);
        assert!(matches!(
            token.attest(Slot::Signature),
            Err(TokenError::Imported(Slot::Signature))
        ));
        assert!(matches!(
            token.generate(Slot::Signature, &text("123456"), false),
            Err(TokenError::SlotInUse(Slot::Signature))
        ));
    });
}

#[test]
fn garbage_and_silence_are_errors() {
    alone_with_pcscd(
        "garbage_and_silence_are_errors",
        LIMIT,
        |[mut reader, _]| {
            const AUTHENTICATE: u8 = 0x87;
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let mut token = open(ALICE);
            let keys = set_up(token.as_mut());
            let made = certificate(token.as_mut(), &keys);
            for length in [2, 3, 40, 200] {
                inside.lock().fault_on(AUTHENTICATE, Fault::Garbage(length));
                let mut fresh = open(ALICE);
                let refused = sign(fresh.as_mut(), &made, b"x").expect_err("that is no signature");
                assert!(
                    matches!(
                        refused,
                        TokenKeyError::Token(_) | TokenKeyError::OpenPgp(OpenPgpError::SelfTest(_))
                    ),
                    "{length}: {refused:?}"
                );
            }
            assert!(TOUCH > ORDINARY && ORDINARY > Duration::from_secs(1));
            inside
                .lock()
                .fault_on(AUTHENTICATE, Fault::Delay(Duration::from_secs(3)));
            let impatient = PcscTokens::with_limits(ORDINARY, Duration::from_millis(200));
            let mut token = support::poll(|| impatient.open(ALICE).ok()).expect("it is there");
            assert!(matches!(
                sign(token.as_mut(), &made, b"x"),
                Err(TokenKeyError::Token(TokenError::TimedOut))
            ));
        },
    );
}

#[test]
fn without_the_service_it_says_so() {
    const ALONE: &str = "TOKEN_TEST_WITHOUT_SERVICE";
    if std::env::var_os(ALONE).is_some() {
        let refused = PcscTokens::default().list().expect_err("no service");
        assert!(matches!(refused, TokenError::NoService(_)), "{refused:?}");
        return;
    }
    // The library reads the variable once in a process.
    let folder = tempfile::tempdir().unwrap();
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "without_the_service_it_says_so",
            "--exact",
            "--test-threads=1",
        ])
        .env("PCSCLITE_CSOCK_NAME", folder.path().join("nobody"))
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// The token library traces APDUs, and a PIN is in some of them: there is no logging to turn on.
#[test]
fn nothing_can_be_logged() {
    assert_eq!(log::STATIC_MAX_LEVEL, log::LevelFilter::Off);
}
