//! An operator signs with a YubiKey: what is asked and said, and that every trouble is another
//! chance. Through the real pcscd; the people are a list of cues.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/mod.rs"]
mod support;

use std::rc::Rc;
use std::time::{Duration, Instant};

use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::openpgp::{LockedKey, TokenCertificate, verify_detached};
use ceremony::operator::{FileOperator, SignStop, Signatory, TokenOperator};
use ceremony::plan::Operator;
use ceremony::record::value::{Means, Standing};
use ceremony::screen::{Asks, Place, Reply};
use support::people::{Cue, People, line, pin, ready, stops};
use support::{ALICE, BOB, LIMIT, NOW, PIN, certificate, in_reader, open, set_up, text};
use virtual_yubikey::{Fault, Touch, Version, alone_with_pcscd};

fn operator(serial: u32, key: &TokenCertificate) -> TokenOperator {
    TokenOperator::new(
        Operator::A,
        serial,
        key.clone(),
        Standing::Pinned,
        None,
        Rc::new(PcscTokens::default()),
    )
}

fn signs(who: &dyn Signatory, people: &mut People<'_>) -> Result<(), SignStop> {
    let signature = who.sign(people, &Place::default(), b"a checkpoint", NOW)?;
    verify_detached(&signature, who.certificate(), b"a checkpoint").expect("it is good");
    assert!(
        people.cues.is_empty(),
        "not all was asked: {:#?}",
        people.said
    );
    assert!(
        !people.heard(PIN) && !people.heard("000000"),
        "a PIN was shown"
    );
    Ok(())
}

#[test]
fn a_wrong_pin_and_a_missing_touch_are_another_chance() {
    alone_with_pcscd(
        "a_wrong_pin_and_a_missing_touch_are_another_chance",
        LIMIT,
        |[mut reader, _]| {
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let key = {
                let mut token = open(ALICE);
                let keys = set_up(token.as_mut());
                certificate(token.as_mut(), &keys)
            };
            let who = operator(ALICE, &key);
            assert_eq!((who.means(), who.key_file()), (Means::Token, None));
            inside.lock().set_touch(Touch::Missing {
                after: Duration::from_millis(20),
            });
            let touch = || {
                inside.lock().set_touch(Touch::ALWAYS);
                Reply::Secret(text(PIN))
            };
            let mut people = People::new(vec![
                pin("12345"),
                pin("000000"),
                pin(PIN),
                (Asks::Pin(Operator::A), Box::new(touch)),
            ]);
            signs(&who, &mut people).unwrap();
            for part in [
                "6 to 8 characters",
                "3 tries left",
                "that is not the PIN; 2 tries are left",
                "Touch your YubiKey now",
                "not touched in time",
            ] {
                assert!(people.heard(part), "{part}: {:#?}", people.said);
            }
        },
    );
}

#[test]
fn the_last_try_is_left_unless_the_operator_insists() {
    alone_with_pcscd(
        "the_last_try_is_left_unless_the_operator_insists",
        LIMIT,
        |[mut reader, _]| {
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let key = {
                let mut token = open(ALICE);
                let keys = set_up(token.as_mut());
                certificate(token.as_mut(), &keys)
            };
            let who = operator(ALICE, &key);
            let mut people = People::new(vec![
                pin("000000"),
                pin("000000"),
                ready(|| {}),
                line(Asks::LastTry, ""),
                stops(Asks::TokenReady),
            ]);
            assert!(matches!(signs(&who, &mut people), Err(SignStop::Exception)));
            assert_eq!(inside.lock().tries_left().0, 1, "it was not used");
            let mut people = People::new(vec![line(Asks::LastTry, "yes"), pin(PIN)]);
            signs(&who, &mut people).unwrap();
            assert!(people.heard("1 try left"));
            assert_eq!(inside.lock().tries_left().0, 3);

            let mut people = People::new(vec![
                pin("000000"),
                pin("000000"),
                ready(|| {}),
                line(Asks::LastTry, "yes"),
                pin("000000"),
                ready(|| {}),
                stops(Asks::TokenReady),
            ]);
            assert!(matches!(signs(&who, &mut people), Err(SignStop::Exception)));
            assert!(people.heard("the PIN is blocked"));
        },
    );
}

#[test]
fn none_the_wrong_one_and_one_that_is_pulled_are_another_chance() {
    alone_with_pcscd(
        "none_the_wrong_one_and_one_that_is_pulled_are_another_chance",
        LIMIT,
        |[mut reader, mut second]| {
            const AUTHENTICATE: u8 = 0x87;
            let inside = in_reader(&mut reader, ALICE, Version::V5_7);
            let key = {
                let mut token = open(ALICE);
                let keys = set_up(token.as_mut());
                certificate(token.as_mut(), &keys)
            };
            let who = operator(ALICE, &key);
            reader.remove();
            support::poll(|| {
                let gone = PcscTokens::default();
                let there = ceremony::edge::token::Tokens::list(&gone).ok()?;
                there.is_empty().then_some(())
            })
            .expect("pcscd sees that it is gone");
            let cell = std::cell::RefCell::new(reader);
            let back = || {
                cell.borrow_mut().insert(&inside).unwrap();
                open(ALICE);
            };
            let mut people = People::new(vec![
                ready(|| {
                    in_reader(&mut second, BOB, Version::V5_7);
                    open(BOB);
                }),
                ready(|| {
                    back();
                    inside.lock().fault_on(AUTHENTICATE, Fault::Pull);
                }),
                pin(PIN),
                ready(back),
                pin(PIN),
            ]);
            signs(&who, &mut people).unwrap();
            for part in [
                "no YubiKey is plugged in",
                "YubiKey 10001 is not plugged in; found instead: 10002",
                "pulled out, or lost contact",
            ] {
                assert!(people.heard(part), "{part}: {:#?}", people.said);
            }
            assert_eq!(inside.lock().tries_left(), (3, 3));
        },
    );
}

/// Somebody else's token with the right serial number would be a forgery: its key is not the
/// certificate's.
#[test]
fn another_key_in_the_slot_signs_nothing() {
    alone_with_pcscd(
        "another_key_in_the_slot_signs_nothing",
        LIMIT,
        |[mut one, mut two]| {
            let _a = in_reader(&mut one, ALICE, Version::V5_7);
            let _b = in_reader(&mut two, BOB, Version::V5_7);
            let keys = set_up(open(BOB).as_mut());
            let others = certificate(open(BOB).as_mut(), &keys);
            set_up(open(ALICE).as_mut());
            let mut people = People::new(vec![stops(Asks::TokenReady)]);
            assert!(matches!(
                signs(&operator(ALICE, &others), &mut people),
                Err(SignStop::Exception)
            ));
            assert!(people.heard("another key than the certificate"));
        },
    );
}

/// How long one authorisation takes, people left out: `cargo test --test token_operator -- --ignored
/// --nocapture`. Beside it the same with a key file and its passphrase.
#[test]
#[ignore = "it measures, and cannot fail"]
fn how_long_an_authorisation_takes() {
    alone_with_pcscd(
        "how_long_an_authorisation_takes",
        LIMIT,
        |[mut reader, _]| {
            in_reader(&mut reader, ALICE, Version::V5_7);
            let key = {
                let mut token = open(ALICE);
                let keys = set_up(token.as_mut());
                certificate(token.as_mut(), &keys)
            };
            let token = operator(ALICE, &key);
            let words = "amber kettle seven ropes";
            let locked =
                LockedKey::generate("operator B test", &text(words), NOW - 60, None).unwrap();
            let file = FileOperator::new(Operator::B, locked, Standing::Enrolled, None);
            let passphrase = || -> Cue<'_> {
                let typed = move || Reply::Secret(text(words));
                (Asks::Passphrase(Operator::B), Box::new(typed))
            };
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..15 {
                let began = Instant::now();
                signs(&token, &mut People::new(vec![pin(PIN)])).unwrap();
                times[0].push(began.elapsed());
                let began = Instant::now();
                signs(&file, &mut People::new(vec![passphrase()])).unwrap();
                times[1].push(began.elapsed());
            }
            for (what, times) in ["token, through pcscd", "key file"].iter().zip(&mut times) {
                times.sort();
                let (low, middle, high) = (times[0], times[7], times[14]);
                println!("{what}: median {middle:.0?} of 15, from {low:.0?} to {high:.0?}");
            }
        },
    );
}
