//! A YubiKey fresh from the shop, and what happens while it becomes an operator's.

use ceremony::record::event::Event;
use ceremony::record::value::Means;
use ceremony::verify::Completion;
use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{ALICE, Desk, Sat, alone, in_parts};
use crate::inside::{as_sold, made};
use crate::people::People;
use crate::plans;
use crate::sweep::{self, DESKS, Sweep, garbled, pulled};
use crate::table::row;

fn virgin(desk: &Desk, version: Version) -> SharedToken {
    desk.token(ALICE, version)
}

/// Nothing is as it was sold, each key was made once, and the record has all of it.
fn enrolled(desk: &Desk, token: &SharedToken, sat: &Sat) {
    let names = desk.names();
    let attested = names.iter().filter(|name| **name == "token-attested");
    assert_eq!(attested.count(), 1, "{names:?} {sat}");
    let called = desk.events().into_iter().find_map(|event| match event {
        Event::RollCall { means_a, .. } => Some(means_a),
        _ => None,
    });
    assert_eq!(called, Some(Means::Token), "{sat}");
    assert!(names.contains(&"authorised"), "{names:?} {sat}");
    assert_eq!(as_sold(token), [false; 3], "{sat}");
    assert_eq!([made(token, 0x9c), made(token, 0x9d)], [1, 1], "{sat}");
    assert_eq!(token.lock().tries_left().1, 3, "{sat}");
    desk.assert_verifies(Completion::Unfinished);
}

fn swept(desk: &Desk, version: Version, part: usize, fault: fn(usize) -> Fault) -> Sat {
    let sweep = Sweep {
        plan: &plans::small(""),
        version,
        until_step: Some(plans::AFTER_ROLL_CALL),
        first: sweep::first(version, part),
        ready: &virgin,
        fault: &fault,
        after: &enrolled,
    };
    sweep::run(desk, &sweep)
}

fn pulled_at_each_command(test: &str, version: Version) {
    in_parts(module_path!(), test, DESKS, |desk, part| {
        let sat = swept(desk, version, part, pulled);
        row(
            "1.1",
            "YubiKey pulled out at any command of its enrolment, before or after the command took \
             effect",
            &sat,
            &[
                "Not done: the YubiKey was pulled out, or lost contact.",
                "Plug it in again. Nothing is lost; what was under way is done anew.",
            ],
            "what was done stays done; plugged in again, enrolment goes on from there; no key is \
             made twice; nothing is on the record before PIN, PUK and management key are new",
        );
    });
}

#[test]
fn pulled_at_each_command_5_4() {
    pulled_at_each_command("pulled_at_each_command_5_4", Version::V5_4);
}

#[test]
fn pulled_at_each_command_5_7() {
    pulled_at_each_command("pulled_at_each_command_5_7", Version::V5_7);
}

fn garbled_at_each_command(test: &str, version: Version) {
    in_parts(module_path!(), test, DESKS, |desk, part| {
        swept(desk, version, part, garbled);
    });
}

#[test]
fn garbled_at_each_command_5_4() {
    garbled_at_each_command("garbled_at_each_command_5_4", Version::V5_4);
}

#[test]
fn garbled_at_each_command_5_7() {
    garbled_at_each_command("garbled_at_each_command_5_7", Version::V5_7);
}

#[test]
fn it_refuses_to_make_a_key() {
    alone(module_path!(), "it_refuses_to_make_a_key", |desk| {
        const GENERATE: u8 = 0x47;
        let token = virgin(desk, Version::V5_7);
        desk.puts(0, &token);
        token.lock().fault_on(GENERATE, Fault::Status(0x6f00));
        let sat = desk.holds(&plans::small(""), People::one_token());
        desk.assert_closed(&sat);
        row(
            "1.2",
            "an answer that makes no sense, or a refusal without a reason, at any command of \
             enrolment",
            &sat,
            &[
                "Not done: the YubiKey refused.",
                "Pull it out, plug it in and try again. If it happens again, use another YubiKey.",
            ],
            "as 1.1",
        );
    });
}
