//! PINs and PUKs that are wrong, blocked, or the ones it was sold with.

use std::cell::Cell;

use ceremony::driver::Outcome;
use ceremony::plan::Operator::A;
use ceremony::record::value::Decision;
use ceremony::screen::{Asks, Reply};
use ceremony::verify::Completion;
use virtual_yubikey::Version;

use crate::desk::{ALICE, ALICES_PIN, CAROL, WRONG_PIN, alone};
use crate::inside::{as_sold, slot};
use crate::known::{pinned_and_in, pins_a, ready, used};
use crate::people::{People, line};
use crate::plans;
use crate::table::row;

#[test]
fn new_pins_that_are_no_good() {
    alone(module_path!(), "new_pins_that_are_no_good", |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        desk.puts(0, &token);
        let people = People::one_token()
            .types_unseen(Asks::NewPin(A), "12345")
            .types_unseen(Asks::NewPin(A), "123456")
            .types_unseen(Asks::NewPin(A), "777777")
            .types_unseen(Asks::SamePin(A), WRONG_PIN)
            .types_unseen(Asks::NewPuk(A), ALICES_PIN)
            .types_unseen(Asks::NewPuk(A), "12345678");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(as_sold(&token), [false; 3]);
        row(
            "3.1",
            "a new PIN or PUK that is too short, the one it was sold with, one sign repeated, typed \
             differently the second time, or the PIN as the PUK",
            &sat,
            &[
                "It has 6 to 8 characters: letters, digits, signs. Choose again.",
                "That is one of the first that a thief would try. Choose again.",
                "The two are not the same. Choose again.",
                "That is your PIN. Choose another one.",
            ],
            "nothing was changed; it is asked for again",
        );
    });
}

#[test]
fn a_wrong_pin_at_enrolment() {
    alone(module_path!(), "a_wrong_pin_at_enrolment", |desk| {
        let token = used(desk, Version::V5_4);
        let people = People::one_token()
            .types_unseen(Asks::Pin(A), "123")
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::LastTry(A), "")
            .types(Asks::LastTry(A), "y")
            .types(Asks::LastTry(A), "yes");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(token.lock().tries_left(), (3, 3));
        assert_eq!(
            sat.times("the PIN of this YubiKey (1 try left)"),
            1,
            "{sat}"
        );
        row(
            "3.2",
            "a wrong PIN at enrolment, and the last try",
            &sat,
            &[
                "Not done: a PIN or PUK has 6 to 8 characters: letters, digits, signs.",
                "Not done: that is not the PIN; 2 tries are left.",
                "Not done: that is not the PIN; 1 try is left.",
                "Only 1 try is left. If the PIN is wrong again, it is blocked.",
                "type yes to use the last try, or Enter not to",
            ],
            "the last try is left unspent unless `yes` is typed; the right PIN brings back three",
        );
    });
}

#[test]
fn a_blocked_pin_at_enrolment() {
    alone(module_path!(), "a_blocked_pin_at_enrolment", |desk| {
        let token = used(desk, Version::V5_7);
        let before = slot(&token, 0x9c);
        let other = desk.token(CAROL, Version::V5_7);
        desk.puts(1, &other);
        let people = People::one_token()
            .types(Asks::Serial(A), "10000001")
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::LastTry(A), "yes")
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::Serial(A), "10000001")
            .types(Asks::Serial(A), "10000003");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(token.lock().tries_left().0, 0);
        assert_eq!(slot(&token, 0x9c), before, "its key is still there");
        assert!(!desk.details().contains("10000001"));
        row(
            "3.3",
            "a blocked PIN at enrolment",
            &sat,
            &[
                "Not done: the PIN is blocked: there were too many wrong tries.",
                "The PUK unblocks it, on another machine: ykman piv access unblock-pin.",
            ],
            "its keys are as they were; the operator may take another YubiKey; the record does not \
             name the blocked one",
        );
    });
}

#[test]
fn a_wrong_pin_at_a_signature() {
    alone(module_path!(), "a_wrong_pin_at_a_signature", |desk| {
        let token = pinned_and_in(desk, Version::V5_7);
        let people = People::one_token()
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::LastTry(A), "")
            .types(Asks::LastTry(A), "yes");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(token.lock().tries_left(), (3, 3));
        row(
            "3.4",
            "a wrong PIN at a signature, and the last try",
            &sat,
            &[
                "type your PIN to sign (3 tries left)",
                "Not signed: that is not the PIN; 2 tries are left.",
                "Try again, with care: after the last try the PIN is blocked.",
                "Only 1 try is left. If the PIN is wrong again, it is blocked.",
            ],
            "the last try is left unspent unless `yes` is typed; the signature is good",
        );
    });
}

#[test]
fn a_blocked_pin_at_a_signature() {
    alone(module_path!(), "a_blocked_pin_at_a_signature", |desk| {
        let token = pinned_and_in(desk, Version::V5_4);
        let people = People::one_token()
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::LastTry(A), "yes")
            .types_unseen(Asks::Pin(A), WRONG_PIN)
            .types(Asks::TokenReady(A), "")
            .types(Asks::TokenReady(A), "")
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), || Reply::Exception)
            .decide(Decision::Abort)
            // A cannot sign the decision either, which does not keep it from its end.
            .cue(Asks::TokenReady(A), || Reply::Exception);
        let sat = desk.holds(&plans::small(""), people);
        assert!(sat.ended.is(Outcome::Aborted), "{sat}");
        assert_eq!(token.lock().tries_left().0, 0);
        desk.assert_verifies(Completion::Aborted);
        row(
            "3.5",
            "a blocked PIN at a signature",
            &sat,
            &[
                "Not signed: the PIN is blocked: there were too many wrong tries.",
                "press Enter to try again; `!` stops",
            ],
            "not signed; with `!` both decide; an abort is on the record",
        );
    });
}

#[test]
fn a_pinned_token_whose_pin_is_blocked_already() {
    let name = "a_pinned_token_whose_pin_is_blocked_already";
    alone(module_path!(), name, |desk| {
        let token = pinned_and_in(desk, Version::V5_7);
        for _ in 0..3 {
            token.lock().transmit(&[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]);
            token.lock().transmit(b"\x00\x20\x00\x80\x0800000000");
        }
        let people = People::one_token()
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), || Reply::Exception)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_aborted(&sat);
        row(
            "3.6",
            "a pinned YubiKey whose PIN is blocked when it comes",
            &sat,
            &["Not done: the PIN is blocked: there were too many wrong tries."],
            "found at the roll call, before anything is signed",
        );
    });
}

#[test]
fn a_pinned_token_with_the_pin_it_was_sold_with() {
    let name = "a_pinned_token_with_the_pin_it_was_sold_with";
    alone(module_path!(), name, |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        let certificate = ready(&token, "123456", "12345678");
        pins_a(desk, ALICE, &certificate);
        desk.puts(0, &token);
        assert_eq!(as_sold(&token), [true, true, false]);
        let changed = Cell::new(0);
        let change = || {
            // On another machine: the PIN first, then the PUK.
            let commands: [(u8, &[u8; 16]); 2] = [
                (0x80, b"123456\xff\xff73916402"),
                (0x81, b"1234567826481937"),
            ];
            if let Some((which, both)) = commands.get(changed.get()) {
                token.lock().transmit(&[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]);
                token
                    .lock()
                    .transmit(&[&[0, 0x24, 0, *which, 16][..], *both].concat());
            }
            changed.set(changed.get() + 1);
            line("")
        };
        let people = People::one_token()
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), change)
            .cue(Asks::TokenReady(A), change);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        row(
            "3.7",
            "a pinned YubiKey with the PIN or the PUK that it was sold with",
            &sat,
            &[
                "Not done: the YubiKey still has the PIN it was sold with.",
                "Everybody knows it. Change it on another machine (ykman piv access change-pin), or \
                 hold the plan enrol-operator first.",
                "Not done: the YubiKey still has the PUK it was sold with.",
            ],
            "not accepted until both are changed",
        );
    });
}
