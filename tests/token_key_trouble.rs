//! What can go wrong with a key in a token, and with the people who make it: each trouble is a
//! plain message and another chance, and nothing is lost or skipped.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_key_support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::time::Duration;

use ceremony::driver::Outcome;
use ceremony::edge::token::{Slot, Token};
use ceremony::plan::Operator;
use ceremony::record::event::Event;
use ceremony::record::value::{Decision, Means};
use ceremony::screen::{Asks, Code, Question, Reply};
use support::{Hands, KEY, LIMIT, Maker, PIN, PUK, Table, decides, first, line, pin, secret, text};
use virtual_yubikey::{Fault, Reader, SharedToken, Touch, Version, alone_with_pcscd};

const OTHER: u32 = 10_004;
/// APDUs' instructions (NIST SP 800-73-4, part 2, table 1; Yubico's extensions).
const VERIFY: u8 = 0x20;
const CHANGE_REFERENCE: u8 = 0x24;
const GENERATE: u8 = 0x47;
const AUTHENTICATE: u8 = 0x87;
const PUT_DATA: u8 = 0xdb;
const ATTEST: u8 = 0xf9;
const SET_MANAGEMENT_KEY: u8 = 0xff;

fn table(reader: Reader, maker: &Maker) -> Table {
    Table::of_two(Hands::new(reader, maker.token(KEY)))
}

/// As an interrupted attempt leaves a token: everything set up, with the halves that are on the
/// cards, and keys in both slots.
fn set_up(token: &mut dyn Token) {
    let (pin, puk) = (pin(), text(&PUK.concat()));
    token.change_pin(&text("123456"), &pin).unwrap();
    token.change_puk(&text("12345678"), &puk).unwrap();
    token.protect(&pin).unwrap();
    for slot in [Slot::Signature, Slot::Decryption] {
        token.generate(slot, &pin, false).unwrap();
    }
}

#[test]
fn halves_that_would_be_guessed_and_halves_that_are_wrong() {
    let name = "halves_that_would_be_guessed_and_halves_that_are_wrong";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let is = |wanted: Asks| move |asks: &Asks| *asks == wanted;
        let mut new = first(
            is(Asks::NewHalf(Operator::A, Code::Pin)),
            vec![
                secret("abc"),
                secret("1234"),
                secret("a b!"),
                secret("aaaa"),
                secret("x7+Q"),
            ],
        );
        // Not what was typed before: both are typed once more.
        let mut same = first(
            is(Asks::SameHalf(Operator::A, Code::Pin)),
            vec![secret("x7+q")],
        );
        let mut puk = first(
            is(Asks::NewHalf(Operator::B, Code::Puk)),
            vec![secret(PIN[1])],
        );
        // Too short, which is no try; then wrong; then A's and B's exchanged; then right.
        let mut a = first(
            is(Asks::Half(Operator::A, Code::Pin)),
            vec![secret("x7"), secret("zzzz"), secret(PIN[1])],
        );
        let mut b = first(
            is(Asks::Half(Operator::B, Code::Pin)),
            vec![None, secret(PIN[0])],
        );
        let held = table.hold(Box::new(move |question, _| {
            let answers = [
                new(question),
                same(question),
                puk(question),
                a(question),
                b(question),
            ];
            answers.into_iter().flatten().next()
        }));
        let held = held.closed();
        for text in [
            "Exactly four characters",
            "That would be guessed first",
            "The two are not the same",
            "That is your half of the PIN",
            "A half has exactly four characters",
            "that is not the PIN; 2 tries are left",
            "One of the two halves is wrong; which one, nobody can tell",
            "that is not the PIN; 1 try is left",
            "Only 1 try is left",
        ] {
            held.must_say(text);
        }
        assert_eq!(
            held.asked(|asks| matches!(asks, Asks::LastTry(_))),
            2,
            "both were asked"
        );
        assert_eq!(table.hands.borrow().token.lock().tries_left(), (3, 3));
        assert_eq!(held.named("exception"), 0);
    });
}

/// Without the second half the token says no, and counts.
#[test]
fn one_half_opens_nothing_and_a_blocked_pin_ends_in_an_abort() {
    let name = "one_half_opens_nothing_and_a_blocked_pin_ends_in_an_abort";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let held = table.hold(Box::new(|question, hands| match &question.asks {
            Asks::Half(Operator::B, Code::Pin) => secret("0000"),
            Asks::KeyTokenReady if hands.token.lock().tries_left().0 == 0 => Some(Reply::Exception),
            _ => decides(question, Decision::Abort),
        }));
        assert_eq!(held.end, Ok(Outcome::Aborted));
        held.must_say("the PIN is blocked: there were too many wrong tries");
        held.must_say("the key in the YubiKey must never be used");
        // The certificate that could declare it invalid is not stored: nobody may use it.
        assert_eq!((held.named("generated"), held.named("abandoned")), (1, 1));
    });
}

#[test]
fn neither_an_operators_token_nor_a_strangers_nor_an_imitation_is_taken() {
    let name = "neither_an_operators_token_nor_a_strangers_nor_an_imitation_is_taken";
    alone_with_pcscd(name, LIMIT, |[mut own, reader]| {
        const ALICE: u32 = 10_001;
        let maker = Maker::known();
        own.insert(&maker.token(ALICE)).unwrap();
        let imitation = virtual_yubikey::Token::with_own_root(OTHER, Version::V5_7).shared();
        let table = Table::of_two(Hands::new(reader, imitation));
        let good = maker.token(KEY);
        let (pin, puk) = ("84736251", "19283746");
        let mut typed = first(
            |asks| *asks == Asks::KeyTokenSerial,
            vec![line("abc"), line("99"), line("10001")],
        );
        let taken = RefCell::new(Some(good));
        let held = table.hold(Box::new(|question, hands| {
            if let Some(reply) = typed(question) {
                return Some(reply);
            }
            match &question.asks {
                Asks::Means(Operator::A) => line("token"),
                Asks::Serial(Operator::A) => line("10001"),
                Asks::NewPin(_) | Asks::SamePin(_) | Asks::Pin(_) => secret(pin),
                Asks::NewPuk(_) | Asks::SamePuk(_) => secret(puk),
                // The imitation was refused, and the number of a good one is asked for.
                Asks::KeyTokenSerial if !hands.token.lock().log().is_empty() && imitated(hands) => {
                    hands.take(taken.borrow_mut().take().expect("once"));
                    None
                }
                _ => None,
            }
        }));
        let held = held.closed();
        for text in [
            "A serial number has digits only",
            "YubiKey 99 is not plugged in",
            "That is operator A's own YubiKey",
            "This YubiKey is not taken: nobody known vouches for this token",
        ] {
            held.must_say(text);
        }
        let by_token = |event: &Event| {
            matches!(event, Event::RollCall { means_a, means_b, .. }
            if (*means_a, *means_b) == (Means::Token, Means::File))
        };
        assert_eq!(held.count(by_token), 1);
        assert_eq!(held.named("token-attested"), 2);
        assert_eq!(held.named("generated"), 1);
    });
}

/// It has the keys that were made in it, and was refused for what they showed.
fn imitated(hands: &Hands) -> bool {
    hands.serial == OTHER && hands.open().state().unwrap().decryption.is_some()
}

/// An earlier attempt left it behind: it is put aside for a new one, or overwritten when both
/// operators signed that.
#[test]
fn a_token_in_use_is_overwritten_only_after_an_exception() {
    let name = "a_token_in_use_is_overwritten_only_after_an_exception";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        set_up(table.hands.borrow().open().as_mut());
        let before = points(&table.hands.borrow());
        let mut choice = first(
            |asks| *asks == Asks::KeyTokenUsed,
            vec![line("another"), line("overwrite"), line("overwrite")],
        );
        // The first exception decides something else: nothing is overwritten by that.
        let mut decided = first(
            |asks| *asks == Asks::Decide,
            vec![
                line(Decision::TryAgain.word()),
                line(Decision::SetUpAgain.word()),
            ],
        );
        // The PUK that is in the token must be known, too.
        let mut puk = first(
            |asks| *asks == Asks::Half(Operator::A, Code::Puk),
            vec![secret("nope")],
        );
        let held = table.hold(Box::new(|question, hands| {
            if question.asks == Asks::KeyTokenSerial {
                assert_eq!(points(hands), before, "overwritten too early");
            }
            let answers = [choice(question), decided(question), puk(question)];
            answers.into_iter().flatten().next()
        }));
        let held = held.closed();
        held.must_say("This YubiKey is not new: its PIN was changed, its PUK was changed");
        held.must_say("there is a key in slot 9c, there is a key in slot 9d");
        held.must_say("that is not the PUK; 2 tries are left");
        assert_eq!(held.named("exception"), 2);
        assert_eq!(held.asked(|asks| *asks == Asks::KeyTokenSerial), 3);
        let after = points(&table.hands.borrow());
        assert!(before.iter().zip(&after).all(|(old, new)| old != new));
    });
}

/// The points in 9c and 9d.
fn points(hands: &Hands) -> Vec<Option<[u8; 65]>> {
    let state = hands.open().state().expect("the token is there");
    [state.signature, state.decryption]
        .map(|key| key.and_then(|key| key.point))
        .to_vec()
}

/// What happens to the token at the next command of a kind, one fault after the other: each time
/// it is put back, the next one waits for it.
fn faults<'a>(
    list: Vec<Vec<(u8, Fault)>>,
    token: &'a SharedToken,
) -> impl FnMut(&Question, &mut Hands) + 'a {
    let mut list = list.into_iter();
    let arm = move |faults: Option<Vec<(u8, Fault)>>| {
        let mut token = token.lock();
        token.clear_faults();
        for (instruction, fault) in faults.into_iter().flatten() {
            token.fault_on(instruction, fault);
        }
    };
    arm(list.next());
    move |question, hands| {
        if question.asks == Asks::KeyTokenReady {
            match question.prompt.contains("is out") {
                true => hands.pull_out(),
                false => hands.plug_in(),
            }
            arm(list.next());
        }
    }
}

const NOTHING: Fault = Fault::Delay(Duration::ZERO);

#[test]
fn pulled_at_each_act_of_setting_up() {
    let name = "pulled_at_each_act_of_setting_up";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let token = table.hands.borrow().token.clone();
        use Fault::{Pull, PullAfter};
        let list = vec![
            vec![(CHANGE_REFERENCE, Pull)],
            vec![(CHANGE_REFERENCE, PullAfter)],
            // The PIN is set; this is the PUK.
            vec![(CHANGE_REFERENCE, Pull)],
            vec![(CHANGE_REFERENCE, PullAfter)],
            vec![(PUT_DATA, Pull)],
            vec![(SET_MANAGEMENT_KEY, Pull)],
            vec![(SET_MANAGEMENT_KEY, PullAfter)],
            vec![(GENERATE, Pull)],
            // The second key; the first is made, and known.
            vec![(GENERATE, NOTHING), (GENERATE, Pull)],
            vec![(ATTEST, Pull)],
            vec![(ATTEST, NOTHING), (ATTEST, PullAfter)],
            // The management key is shown with the same command as a key is used, twice.
            vec![(AUTHENTICATE, Pull)],
            vec![(AUTHENTICATE, NOTHING), (AUTHENTICATE, PullAfter)],
            // The certificate: two signatures.
            vec![
                (AUTHENTICATE, NOTHING),
                (AUTHENTICATE, NOTHING),
                (AUTHENTICATE, Pull),
            ],
            vec![(AUTHENTICATE, NOTHING), (AUTHENTICATE, PullAfter)],
        ];
        let troubles = list.len();
        let mut world = faults(list, &token);
        let held = table.hold(Box::new(move |question, hands| {
            world(question, hands);
            None
        }));
        let held = held.closed();
        let gone = held.screen.matches("That was not done: ").count();
        assert_eq!(gone, troubles, "{}", held.screen);
        assert_eq!((held.named("generated"), held.named("exception")), (1, 0));
        let chosen = held.asked(|asks| matches!(asks, Asks::NewHalf(..)));
        assert_eq!(chosen, 4, "nobody chooses twice");
    });
}

/// A key that the token made, but nobody heard of: it is in use by nobody knows whom.
#[test]
fn a_key_whose_making_was_not_heard_of_is_not_taken() {
    let name = "a_key_whose_making_was_not_heard_of_is_not_taken";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let maker = Maker::known();
        let table = table(reader, &maker);
        let token = table.hands.borrow().token.clone();
        token.lock().fault_on(GENERATE, Fault::PullAfter);
        let other = RefCell::new(Some(maker.token(OTHER)));
        let held = table.hold(Box::new(|question, hands| {
            if question.asks == Asks::KeyTokenUsed {
                hands.take(other.borrow_mut().take().expect("once"));
            }
            None
        }));
        let held = held.closed();
        held.must_say("there is a key in slot 9c already");
        held.must_say("This YubiKey cannot be used. Another one is needed.");
        assert_eq!((held.named("generated"), held.named("exception")), (1, 0));
    });
}

#[test]
fn pulled_and_not_touched_when_the_key_is_used() {
    let name = "pulled_and_not_touched_when_the_key_is_used";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let token = table.hands.borrow().token.clone();
        // Once the key is made: the revocation, then the trial.
        let list = RefCell::new(vec![
            vec![(VERIFY, Fault::Pull)],
            vec![(AUTHENTICATE, Fault::Pull)],
            vec![(AUTHENTICATE, Fault::PullAfter)],
        ]);
        let mut missed = 0;
        let held = table.hold(Box::new(|question, hands| {
            match &question.asks {
                Asks::Half(Operator::A, Code::Pin) => {
                    // Both times they type, the first touch does not come.
                    let mut first = true;
                    missed += 1;
                    let decide = move || !std::mem::replace(&mut first, false);
                    token.lock().set_touch(Touch::Ask(Box::new(decide)));
                }
                Asks::KeyTokenReady if question.prompt.contains("try again") => {
                    hands.plug_in();
                }
                Asks::KeyTokenReady if question.prompt.contains("is in") => {
                    hands.plug_in();
                    // Sign, then decrypt.
                    *list.borrow_mut() = vec![
                        vec![(AUTHENTICATE, Fault::Pull)],
                        vec![(AUTHENTICATE, NOTHING), (AUTHENTICATE, Fault::PullAfter)],
                    ];
                }
                _ => return None,
            }
            let mut list = list.borrow_mut();
            if !list.is_empty() {
                for (instruction, fault) in list.remove(0) {
                    token.lock().fault_on(instruction, fault);
                }
            }
            None
        }));
        let held = held.closed();
        assert_eq!(missed, 2, "halves are typed once for each use");
        held.must_say("the YubiKey was not touched in time");
        held.must_say("the YubiKey was pulled out, or lost contact");
        assert_eq!((held.named("trial-done"), held.named("exception")), (1, 0));
    });
}

/// The trial begins with the token out of the machine.
#[test]
fn a_token_that_stays_in_is_no_trial() {
    let name = "a_token_that_stays_in_is_no_trial";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let mut stays = first(
            |asks| *asks == Asks::KeyTokenReady,
            vec![line(""), line("")],
        );
        let held = table.hold(Box::new(move |question, _| match &question.asks {
            Asks::KeyTokenReady if question.prompt.contains("is out") => stays(question),
            _ => None,
        }));
        let held = held.closed();
        assert_eq!(held.screen.matches("It is still in.").count(), 2);
    });
}
