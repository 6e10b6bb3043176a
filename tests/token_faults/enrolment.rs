//! A YubiKey fresh from the shop, and what happens while it becomes an operator's.

use ceremony::record::value::Means;
use ceremony::record::event::Event;
use ceremony::verify::Completion;
use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{ALICE, Desk, Sat, alone, as_sold, made};
use crate::plans;
use crate::sweep::{self, Share, Sweep, garbled, pulled};
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

fn swept(
    desk: &Desk,
    version: Version,
    part: usize,
    of: usize,
    fault: &dyn Fn(usize) -> Fault,
) -> Sat {
    let sweep = Sweep {
        plan: &plans::small(""),
        version,
        until_step: Some(plans::AFTER_ROLL_CALL),
        share: Share { part, of },
        ready: &virgin,
        fault,
        after: &enrolled,
    };
    sweep::run(desk, &sweep)
}

macro_rules! pulled_at_each_command {
    ($($name:ident: $version:expr, $first:expr, $part:expr;)*) => {$(
        #[test]
        fn $name() {
            alone(module_path!(), stringify!($name), |desk| {
                let sat = swept(desk, $version, $part, 4, &|at| pulled(at, $first));
                row(
                    "1.1",
                    "YubiKey pulled out at any command of its enrolment, before or after the \
                     command took effect",
                    &sat,
                    &[
                        "Not done: the YubiKey was pulled out, or lost contact.",
                        "Plug it in again. Nothing is lost; what was under way is done anew.",
                    ],
                    "what was done stays done; plugged in again, enrolment goes on from there; \
                     no key is made twice; nothing is on the record before PIN, PUK and management \
                     key are new",
                );
            });
        }
    )*};
}

pulled_at_each_command! {
    pulled_at_each_command_5_4_part_1: Version::V5_4, true, 0;
    pulled_at_each_command_5_4_part_2: Version::V5_4, true, 1;
    pulled_at_each_command_5_4_part_3: Version::V5_4, true, 2;
    pulled_at_each_command_5_4_part_4: Version::V5_4, true, 3;
    pulled_at_each_command_5_7_part_1: Version::V5_7, false, 0;
    pulled_at_each_command_5_7_part_2: Version::V5_7, false, 1;
    pulled_at_each_command_5_7_part_3: Version::V5_7, false, 2;
    pulled_at_each_command_5_7_part_4: Version::V5_7, false, 3;
}

macro_rules! garbled_at_each_command {
    ($($name:ident: $version:expr, $first:expr, $part:expr;)*) => {$(
        #[test]
        fn $name() {
            alone(module_path!(), stringify!($name), |desk| {
                let sat = swept(desk, $version, $part, 2, &|at| garbled(at, $first));
                row(
                    "1.2",
                    "an answer that makes no sense, or a refusal without a reason, at any command \
                     of enrolment",
                    &sat,
                    &[
                        "Not done: the YubiKey refused.",
                        "Pull it out, plug it in and try again. If it happens again, use another \
                         YubiKey.",
                    ],
                    "as 1.1",
                );
            });
        }
    )*};
}

garbled_at_each_command! {
    garbled_at_each_command_5_4_part_1: Version::V5_4, 0, 0;
    garbled_at_each_command_5_4_part_2: Version::V5_4, 0, 1;
    garbled_at_each_command_5_7_part_1: Version::V5_7, 5, 0;
    garbled_at_each_command_5_7_part_2: Version::V5_7, 5, 1;
}
