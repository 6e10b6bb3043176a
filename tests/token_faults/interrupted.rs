//! The terminal is closed at a question; the ceremony is resumed.

use ceremony::driver::Outcome;
use ceremony::record::event::Event;
use ceremony::verify::Completion;
use virtual_yubikey::Version;

use crate::desk::{ALICE, BOB, Desk, alone, as_sold, made};
use crate::people::People;
use crate::plans;
use crate::support::Ended;
use crate::table::row;

/// The questions up to the end of the roll call, shared by several tests.
fn at_each_question(desk: &Desk, part: usize, of: usize) {
    let plan = plans::tokens_only();
    let begin = |version_a, version_b| {
        desk.new_media();
        let tokens = [desk.token(ALICE, version_a), desk.token(BOB, version_b)];
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        tokens
    };
    let end = || {
        desk.pulls(0);
        desk.pulls(1);
    };
    begin(Version::V5_4, Version::V5_7);
    let questions = desk.holds(&plan, People::new().until_step(plans::AFTER_ROLL_CALL)).asked;
    end();
    let (mut tried, mut between) = (0, 0);
    for at in (part..questions).step_by(of) {
        let tokens = begin(Version::V5_7, Version::V5_4);
        let cut = desk.holds(&plan, People::new().closes_at(at));
        if desk.media.borrow().everything().values().all(|device| device.is_empty()) {
            assert!(matches!(cut.ended, Ended::Open(_)), "{cut}");
            end();
            continue;
        }
        assert!(matches!(cut.ended, Ended::Stop(_)), "{cut}");
        tried += 1;
        between += usize::from(desk.names().last() == Some(&"token-attested"));
        let sat = desk.resumes(People::new());
        assert!(sat.ended.is(Outcome::Closed), "at {at}: {sat}");
        for token in &tokens {
            assert_eq!(as_sold(token), [false; 3]);
            assert_eq!([made(token, 0x9c), made(token, 0x9d)], [1, 1], "at {at}: {sat}");
            assert_eq!(token.lock().tries_left(), (3, 3));
        }
        desk.assert_verifies(Completion::Closed);
        let resumed = desk.events().into_iter().any(|e| matches!(e, Event::Resumed { .. }));
        assert!(resumed);
        if at + 4 > questions / 2 && part == 0 {
            row(
                "5.1",
                "the program ends (power, terminal) at any question of enrolment or roll call, \
                 between `token-attested` and `roll-call` as well",
                &sat,
                &["Slot 9c has a key of yours already; it is used."],
                "`resume` asks for the same YubiKey and its PIN; what was done in it stays; no key is \
                 made anew",
            );
        }
        end();
    }
    println!("\n  * {questions} questions, {tried} tried, {between} after token-attested");
    assert!(tried > 5 && (part > 0 || between > 0), "{tried} {between}");
}

#[test]
fn at_each_question_part_1() {
    alone(module_path!(), "at_each_question_part_1", |desk| at_each_question(desk, 0, 3));
}

#[test]
fn at_each_question_part_2() {
    alone(module_path!(), "at_each_question_part_2", |desk| at_each_question(desk, 1, 3));
}

#[test]
fn at_each_question_part_3() {
    alone(module_path!(), "at_each_question_part_3", |desk| at_each_question(desk, 2, 3));
}
