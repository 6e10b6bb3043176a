//! An operator's YubiKey takes a layer off a message: the same care as with a signature. Through
//! the real pcscd; the people are a list of cues.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/mod.rs"]
mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ceremony::edge::token::Tokens;
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::{Terminal, TerminalError};
use ceremony::openpgp::{Certificate, LockedKey, OpenPgpError, TokenCertificate};
use ceremony::operator::{FileOperator, SignStop, Signatory, TokenOperator};
use ceremony::plan::Operator;
use ceremony::record::value::Standing;
use ceremony::screen::{Asks, Page, Place, Question, Reply, SecretPage};
use support::people::{People, line, pin, ready, stops};
use support::{ALICE, BOB, LIMIT, NOW, PIN, certificate, in_reader, open, set_up, text};
use virtual_yubikey::{Fault, Reader, SharedToken, Touch, Version, alone_with_pcscd};

const AUTHENTICATE: u8 = 0x87;
const CONTENT: &[u8] = b"sixty-four hex digits, and a line feed";

/// A token in the reader, its operator, and a message for both.
fn prepared(reader: &mut Reader, serial: u32) -> (SharedToken, TokenOperator, Vec<u8>) {
    let inside = in_reader(reader, serial, Version::V5_7);
    let mut token = open(serial);
    let keys = set_up(token.as_mut());
    let key: TokenCertificate = certificate(token.as_mut(), &keys);
    let message = sealed_to(key.certificate());
    let tokens: Rc<dyn Tokens> = Rc::new(PcscTokens::default());
    let standing = Standing::Pinned;
    let who = TokenOperator::new(Operator::A, serial, key, standing, None, tokens);
    (inside, who, message)
}

fn sealed_to(certificate: &Certificate) -> Vec<u8> {
    certificate
        .encrypt(CONTENT, NOW)
        .expect("it can be encrypted to")
}

fn decrypts(
    who: &dyn Signatory,
    people: &mut People<'_>,
    message: &[u8],
    limit: usize,
) -> Result<(), SignStop> {
    let opened = who.decrypt(people, &Place::default(), message, limit, NOW);
    assert!(
        people.cues.is_empty(),
        "not all was asked: {:#?}",
        people.said
    );
    assert!(
        !people.heard(PIN) && !people.heard("000000"),
        "a PIN was shown"
    );
    assert_eq!(opened?.expose(), CONTENT);
    Ok(())
}

fn refused(
    who: &dyn Signatory,
    people: &mut People<'_>,
    message: &[u8],
    fits: fn(&OpenPgpError) -> bool,
) {
    match decrypts(who, people, message, 1000) {
        Err(SignStop::OpenPgp(error)) if fits(&error) => {}
        other => panic!("{other:?}: {:#?}", people.said),
    }
}

/// The first character of the last line of data; its bits are in the encrypted content.
fn damaged(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).expect("armor");
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let sum = lines.iter().rposition(|line| line.starts_with('='));
    // Without the sum, whose place in the armor is optional, the damage is the content's.
    let sum = lines.len() - 2 - usize::from(sum.is_none());
    lines.remove(sum);
    let last = &mut lines[sum - 1];
    let other = if last.starts_with('A') { "B" } else { "A" };
    last.replace_range(..1, other);
    (lines.join("\n") + "\n").into_bytes()
}

#[test]
fn what_is_not_for_this_key_is_refused_before_a_pin_is_asked_for() {
    alone_with_pcscd(
        "what_is_not_for_this_key_is_refused_before_a_pin_is_asked_for",
        LIMIT,
        |[mut one, mut two]| {
            let (inside, who, message) = prepared(&mut one, ALICE);
            let (_, _, others) = prepared(&mut two, BOB);
            let served = inside.lock().log().len();
            let nobody = || People::new(vec![]);
            refused(&who, &mut nobody(), &others, |e| {
                matches!(e, OpenPgpError::NotForThisKey)
            });
            refused(&who, &mut nobody(), b"K in the clear\n", |e| {
                matches!(e, OpenPgpError::Armor(_))
            });
            let half = &message[..message.len() / 2];
            refused(&who, &mut nobody(), half, |e| {
                matches!(e, OpenPgpError::Armor(_))
            });
            assert_eq!(
                inside.lock().log().len(),
                served,
                "the token was not even asked"
            );

            let key = LockedKey::generate("operator A", &text("amber kettle"), NOW - 60, None);
            let key = key.expect("the key is made");
            let by_file = FileOperator::new(Operator::A, key, Standing::Enrolled, None);
            refused(&by_file, &mut nobody(), &message, |e| {
                matches!(e, OpenPgpError::OnlySigns)
            });
        },
    );
}

#[test]
fn a_damaged_message_and_one_that_is_too_long_are_not_tried_twice() {
    alone_with_pcscd(
        "a_damaged_message_and_one_that_is_too_long_are_not_tried_twice",
        LIMIT,
        |[mut reader, _]| {
            let (_inside, who, message) = prepared(&mut reader, ALICE);
            let mut people = People::new(vec![pin(PIN)]);
            refused(&who, &mut people, &damaged(&message), |e| {
                matches!(e, OpenPgpError::Malformed(_))
            });
            let mut people = People::new(vec![pin(PIN)]);
            let stopped = decrypts(&who, &mut people, &message, CONTENT.len() - 1);
            assert!(matches!(
                stopped,
                Err(SignStop::OpenPgp(OpenPgpError::TooLarge(_)))
            ));
            let mut people = People::new(vec![pin(PIN)]);
            decrypts(&who, &mut people, &message, CONTENT.len()).unwrap();
        },
    );
}

#[test]
fn a_wrong_pin_and_a_missing_touch_are_another_chance_and_the_last_try_is_left() {
    alone_with_pcscd(
        "a_wrong_pin_and_a_missing_touch_are_another_chance_and_the_last_try_is_left",
        LIMIT,
        |[mut reader, _]| {
            let (inside, who, message) = prepared(&mut reader, ALICE);
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
            decrypts(&who, &mut people, &message, 1000).unwrap();
            for part in [
                "type your PIN to decrypt (3 tries left)",
                "Not decrypted: that is not the PIN; 2 tries are left",
                "Not decrypted: the YubiKey was not touched in time",
                "Touch your YubiKey now",
            ] {
                assert!(people.heard(part), "{part}: {:#?}", people.said);
            }

            let mut people = People::new(vec![
                pin("000000"),
                pin("000000"),
                ready(|| {}),
                line(Asks::LastTry, ""),
                stops(Asks::TokenReady),
            ]);
            let stopped = decrypts(&who, &mut people, &message, 1000);
            assert!(matches!(stopped, Err(SignStop::Exception)));
            assert_eq!(inside.lock().tries_left().0, 1, "it was not used");
            let mut people = People::new(vec![line(Asks::LastTry, "yes"), pin(PIN)]);
            decrypts(&who, &mut people, &message, 1000).unwrap();
        },
    );
}

#[test]
fn the_wrong_one_none_and_another_key_in_the_slot_are_another_chance() {
    alone_with_pcscd(
        "the_wrong_one_none_and_another_key_in_the_slot_are_another_chance",
        LIMIT,
        |[mut reader, mut second]| {
            let (inside, who, message) = prepared(&mut reader, ALICE);
            let (_, bob, _) = prepared(&mut second, BOB);
            // A's certificate with B's serial number: the slots hold other keys.
            let key = TokenCertificate::from_certificate(who.certificate().clone()).unwrap();
            let tokens: Rc<dyn Tokens> = Rc::new(PcscTokens::default());
            let wrong = TokenOperator::new(
                Operator::A,
                bob.serial(),
                key,
                Standing::Pinned,
                None,
                tokens,
            );
            let mut people = People::new(vec![stops(Asks::TokenReady)]);
            let stopped = decrypts(&wrong, &mut people, &message, 1000);
            assert!(matches!(stopped, Err(SignStop::Exception)));
            assert!(
                people.heard("slot 9d has another key than the certificate"),
                "{:#?}",
                people.said
            );

            let cell = RefCell::new(reader);
            cell.borrow_mut().remove();
            support::poll(|| {
                let there = PcscTokens::default().list().ok()?;
                (there.len() == 1).then_some(())
            })
            .expect("pcscd sees that it is gone");
            let back = || {
                cell.borrow_mut().insert(&inside).unwrap();
                open(ALICE);
            };
            let mut people = People::new(vec![ready(back), pin(PIN)]);
            decrypts(&who, &mut people, &message, 1000).unwrap();
            assert!(people.heard("YubiKey 10001 is not plugged in; found instead: 10002"));
        },
    );
}

/// Whatever APDU it is pulled at, before or after it was carried out: it is plugged in again, and
/// the layer comes off.
#[test]
fn pulled_at_each_moment_nothing_is_lost() {
    alone_with_pcscd(
        "pulled_at_each_moment_nothing_is_lost",
        LIMIT,
        |[mut reader, _]| {
            let (inside, who, message) = prepared(&mut reader, ALICE);
            let cell = RefCell::new(reader);
            for fault in [Fault::Pull, Fault::PullAfter] {
                inside.lock().fault_on(AUTHENTICATE, fault);
                let back = || {
                    cell.borrow_mut().insert(&inside).unwrap();
                    open(ALICE);
                };
                let mut people = People::new(vec![pin(PIN), ready(back), pin(PIN)]);
                decrypts(&who, &mut people, &message, 1000).unwrap();
                assert!(people.heard("Not decrypted: the YubiKey was pulled out, or lost contact"));
            }
            let mut pulled_at = 0;
            for after in (0..).step_by(3) {
                inside.lock().fault_after(after, Fault::Pull);
                let pulled = Cell::new(false);
                let opened = {
                    let mut people = Whenever {
                        ready: Box::new(|| {
                            pulled.set(true);
                            cell.borrow_mut().insert(&inside).unwrap();
                            open(ALICE);
                        }),
                    };
                    who.decrypt(&mut people, &Place::default(), &message, 1000, NOW)
                };
                assert_eq!(opened.unwrap().expose(), CONTENT, "pulled after {after}");
                inside.lock().clear_faults();
                if !pulled.get() {
                    break;
                }
                pulled_at += 1;
            }
            assert!(pulled_at > 3, "pulled {pulled_at} times");
            assert_eq!(inside.lock().tries_left(), (3, 3));
        },
    );
}

/// Types the right PIN, and puts the token back, as often as they are asked to.
struct Whenever<'a> {
    ready: Box<dyn FnMut() + 'a>,
}

impl Terminal for Whenever<'_> {
    fn page(&mut self, _: &Page) -> Result<(), TerminalError> {
        Ok(())
    }

    fn say(&mut self, _: &str) -> Result<(), TerminalError> {
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        Ok(match question.asks {
            Asks::Pin(_) => Reply::Secret(text(PIN)),
            _ => {
                (self.ready)();
                Reply::Line(String::new())
            }
        })
    }

    fn secret(&mut self, _: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        panic!("a key shows no secret")
    }

    fn work(&mut self, _: &str) -> Result<(), TerminalError> {
        Ok(())
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}
