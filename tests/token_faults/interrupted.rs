//! The terminal is closed at a question; the ceremony is resumed.

use ceremony::driver::Outcome;
use ceremony::plan::Plan;
use ceremony::verify::Completion;
use virtual_yubikey::{SharedToken, Version};

use crate::desk::{ALICE, BOB, Desk, in_parts};
use crate::inside::{as_sold, made};
use crate::people::People;
use crate::plans;
use crate::support::Ended;
use crate::table::row;

const USED: &str = "Slot 9c has a key of yours already; it is used.";

const PARTS: usize = 3;

/// The questions up to the end of the roll call.
fn each_question(desk: &Desk, part: usize) {
    let plan = plans::tokens_only();
    let begin = |versions: [Version; 2]| {
        desk.new_media();
        let tokens = [desk.token(ALICE, versions[0]), desk.token(BOB, versions[1])];
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        tokens
    };
    let end = || {
        desk.pulls(0);
        desk.pulls(1);
    };
    begin([Version::V5_4, Version::V5_7]);
    let whole = desk.holds(&plan, People::new().until_step(plans::AFTER_ROLL_CALL));
    end();
    let mut counted = Counted::default();
    for at in (part..whole.asked).step_by(PARTS) {
        let tokens = begin([Version::V5_7, Version::V5_4]);
        interrupted(desk, &plan, at, &tokens, &mut counted);
        end();
    }
    println!("\n  * {} questions: {counted:?}", whole.asked);
    assert!(counted.attested + counted.called > 0, "{counted:?}");
}

/// How far those came that were interrupted.
#[derive(Debug, Default)]
struct Counted {
    tried: usize,
    /// Both tokens are on the record, and the roll call is not.
    attested: usize,
    /// The roll call is.
    called: usize,
}

fn interrupted(
    desk: &Desk,
    plan: &Plan,
    at: usize,
    tokens: &[SharedToken; 2],
    counted: &mut Counted,
) {
    let cut = desk.holds(plan, People::new().closes_at(at));
    if let Ended::Open(_) = cut.ended {
        // Nothing was written; the token was not even looked at.
        assert_eq!(as_sold(&tokens[0]), [true; 3]);
        return;
    }
    assert!(matches!(cut.ended, Ended::Stop(_)), "at {at}: {cut}");
    let names = desk.names();
    let attested = names.iter().filter(|name| **name == "token-attested");
    let (attested, called) = (attested.count() == 2, names.contains(&"roll-call"));
    counted.tried += 1;
    counted.attested += usize::from(attested && !called);
    counted.called += usize::from(called);

    let sat = desk.resumes(People::new());
    assert!(sat.ended.is(Outcome::Closed), "at {at}: {sat}");
    for token in tokens {
        assert_eq!(as_sold(token), [false; 3]);
        let made = [made(token, 0x9c), made(token, 0x9d)];
        assert_eq!(made, [1, 1], "at {at}: {sat}");
        assert_eq!(token.lock().tries_left(), (3, 3));
    }
    desk.assert_verifies(Completion::Closed);
    if attested && !names.contains(&"authorised") {
        row(
            "5.1",
            "the program ends (power, terminal) at any question of enrolment or roll call, between \
             `token-attested` and `roll-call` and after both as well",
            &sat,
            &[USED],
            "`resume` asks for the same YubiKey; what was done in it stays; no key is made anew",
        );
    }
}

#[test]
fn at_each_question() {
    in_parts(module_path!(), "at_each_question", PARTS, each_question);
}
