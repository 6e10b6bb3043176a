//! The terminal is closed at a question; the ceremony is resumed.

use ceremony::driver::Outcome;
use ceremony::plan::{Operator::A, Plan};
use ceremony::screen::Asks;
use ceremony::verify::Completion;
use virtual_yubikey::{SharedToken, Version};

use crate::desk::{ALICE, BOB, CAROL, Desk, alone, in_parts};
use crate::inside::{as_sold, made};
use crate::people::{People, line};
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

/// Once both were asked to sign, a roll call that is held again must find the same two.
#[test]
fn another_token_at_the_roll_call_that_is_held_again() {
    let test = "another_token_at_the_roll_call_that_is_held_again";
    alone(module_path!(), test, |desk| {
        let tokens = [ALICE, BOB].map(|serial| desk.token(serial, Version::V5_7));
        let other = desk.token(CAROL, Version::V5_4);
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        // The PIN for A's first signature.
        const QUESTION: usize = 19;
        let people = People::new().closes_at(QUESTION);
        desk.holds(&plans::tokens_only(), people);
        assert_eq!(desk.names().last(), Some(&"authorise"));
        // Going on is signed with the first one.
        let people = People::new()
            .cue(Asks::Serial(A), || {
                desk.pulls(0);
                desk.puts(0, &other);
                line("")
            })
            .types(Asks::Serial(A), "10000003")
            .cue(Asks::Decide, || {
                desk.pulls(0);
                desk.puts(0, &tokens[0]);
                line("try-again")
            });
        let sat = desk.resumes(people);
        desk.assert_closed(&sat);
        let details = desk.details();
        assert!(!details.contains("serial: 10000003"), "{details}");
        row(
            "5.2",
            "the same, and another YubiKey is brought to the roll call that is held again",
            &sat,
            &[
                "Expected: both operators have the keys of this ceremony's earlier roll call",
                "Happened: operator A has another key or certificate",
            ],
            "refused; an exception of both; with the first one the ceremony goes on",
        );
    });
}
