//! An operator signs with a YubiKey: what is asked and said, and that every trouble is another
//! chance. Through the real pcscd; the people are a list of cues.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::{Terminal, TerminalError};
use ceremony::openpgp::{TokenCertificate, verify_detached};
use ceremony::operator::{SignStop, Signatory, TokenOperator};
use ceremony::plan::Operator;
use ceremony::record::value::{Means, Standing};
use ceremony::screen::{Asks, Page, Place, Question, Reply, SecretPage};
use support::{ALICE, BOB, LIMIT, NOW, PIN, certificate, in_reader, open, set_up, text};
use virtual_yubikey::{Fault, Touch, Version, alone_with_pcscd};

/// What a person does at a question, and what is done to the world meanwhile.
type Cue<'a> = (Asks, Box<dyn FnMut() -> Reply + 'a>);

/// Answers by the cues, in order, and keeps all that is said and asked.
struct People<'a> {
    cues: VecDeque<Cue<'a>>,
    said: Vec<String>,
}

impl<'a> People<'a> {
    fn new(cues: Vec<Cue<'a>>) -> People<'a> {
        People {
            cues: cues.into(),
            said: Vec::new(),
        }
    }

    fn heard(&self, part: &str) -> bool {
        self.said.iter().any(|line| line.contains(part))
    }
}

impl Terminal for People<'_> {
    fn page(&mut self, _: &Page) -> Result<(), TerminalError> {
        panic!("signing needs no page of its own")
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        assert!(line.len() <= 100, "{line}");
        self.said.push(line.to_string());
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        self.said.push(question.prompt.clone());
        let Some((asks, mut reply)) = self.cues.pop_front() else {
            panic!("nobody expected: {:#?}", self.said);
        };
        assert_eq!(asks, question.asks, "{:#?}", self.said);
        Ok(reply())
    }

    fn secret(&mut self, _: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        panic!("signing shows no secret")
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.said.push(label.to_string());
        Ok(())
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}

fn pin<'a>(typed: &'static str) -> Cue<'a> {
    let reply = move || Reply::Secret(text(typed));
    (Asks::Pin(Operator::A), Box::new(reply))
}

fn line<'a>(asks: fn(Operator) -> Asks, typed: &'static str) -> Cue<'a> {
    let reply = move || Reply::Line(typed.to_string());
    (asks(Operator::A), Box::new(reply))
}

fn ready<'a>(mut meanwhile: impl FnMut() + 'a) -> Cue<'a> {
    let reply = move || {
        meanwhile();
        Reply::Line(String::new())
    };
    (Asks::TokenReady(Operator::A), Box::new(reply))
}

fn stops<'a>(asks: fn(Operator) -> Asks) -> Cue<'a> {
    (asks(Operator::A), Box::new(|| Reply::Exception))
}

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

fn signs(who: &TokenOperator, people: &mut People<'_>) -> Result<(), SignStop> {
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
            assert!(people.heard("another key than the operator's certificate"));
        },
    );
}
