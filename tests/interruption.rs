//! The machine dies at every place where a ceremony touches the world, before and in the middle
//! of the effect; then the ceremony is resumed.
//!
//! A touch that changes nothing (a question, a read) leaves the world as the touch before it
//! did, so dying before it is tried once for all touches since the last effect.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ceremony::driver::{Outcome, ResumeError};
use ceremony::plan::Plan;
use ceremony::record::event::Event;
use ceremony::record::transcript::Placed;
use support::script::{Death, Effect, Touch};
use support::{Ended, World, aftermath, plans};

/// A place to die.
#[derive(Clone, Debug)]
struct Place {
    touch: usize,
    how: Death,
    what: String,
}

impl Place {
    fn label(&self) -> String {
        format!("{:?} touch {}, {}", self.how, self.touch, self.what)
    }
}

/// What came of all places.
#[derive(Debug, Default)]
struct Totals {
    tried: usize,
    closed: usize,
    abandoned: usize,
    nothing_recorded: usize,
    died_twice: usize,
}

/// Where a whole ceremony touches the world, and the places among them that differ.
fn places(touches: &[Touch]) -> Vec<Place> {
    let mut places = Vec::new();
    let mut changed = true;
    for (touch, Touch { what, effect }) in touches.iter().enumerate() {
        let mut place = |how| {
            places.push(Place {
                touch,
                how,
                what: what.clone(),
            });
        };
        if changed {
            place(Death::Before);
        }
        match effect {
            // Half of the bytes and all of them without the name, by turns.
            Effect::Creates if touch % 2 == 0 => place(Death::HalfWritten),
            Effect::Creates => place(Death::NotRenamed),
            Effect::Extends => place(Death::HalfWritten),
            Effect::Whole | Effect::None => {}
        }
        changed = *effect != Effect::None;
    }
    if let Some(last) = touches.len().checked_sub(1) {
        places.push(Place {
            touch: last,
            how: Death::NotReported,
            what: touches[last].what.clone(),
        });
    }
    places
}

fn places_of(plan: &Plan) -> Vec<Place> {
    let mut world = World::new();
    let ended = world.hold(plan, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    places(&world.script.borrow().touches)
}

/// Dies there, goes on until the end, and looks at what is left.
fn die_at(plan: &Plan, place: &Place, twice: Option<usize>, totals: &mut Totals) {
    let label = place.label();
    let mut world = World::new();
    let ended = world.hold(plan, Some((place.touch, place.how)));
    // Random numbers are drawn again where they do not fit: one run is some touches shorter than
    // another, and may end before a place near the end is reached.
    if world.script.borrow().touches.len() <= place.touch {
        assert!(ended.is(Outcome::Closed), "{label}: {ended:?}");
        return;
    }
    assert!(world.script.borrow().dead, "{label}: {ended:?}");
    totals.tried += 1;
    let before = world.media.everything();
    let Some(id) = world.id() else {
        totals.nothing_recorded += 1;
        return;
    };
    if let Some(touch) = twice {
        let how = [Death::Before, Death::HalfWritten, Death::NotReported][touch % 3];
        let ended = world.resume(&id, Some((touch, how)));
        let died = world.script.borrow().dead;
        totals.died_twice += usize::from(died);
        let refused = matches!(ended, Ended::Resume(_));
        assert!(
            died || refused || matches!(ended, Ended::Well(_)),
            "{label}"
        );
    }
    let middle = world.media.everything();
    match world.resume(&id, None) {
        Ended::Well(Outcome::Closed) => {}
        Ended::Resume(ResumeError::Empty | ResumeError::NoRecord) => {
            let whole = before
                .values()
                .flatten()
                .any(|(path, bytes)| path.ends_with("/transcript.txt") && bytes.ends_with(b"\n\n"));
            assert!(!whole, "{label}: an entry was recorded");
            totals.nothing_recorded += 1;
            return;
        }
        ended => panic!("{label}: {ended:?}\n{}", world.screen.end()),
    }
    aftermath::records_are_good(&world, &label);
    let given_up = aftermath::keys_are_accounted_for(&world, &label);
    aftermath::nothing_is_lost(&world, &before, &label);
    aftermath::nothing_is_lost(&world, &middle, &label);
    aftermath::no_parts_are_left(&world, &label);
    aftermath::no_secret_is_left(&world, &label);
    totals.closed += 1;
    totals.abandoned += usize::from(given_up > 0);
}

/// Tries all these places, and only then says which of them failed.
fn try_all<'a>(
    chosen: impl Iterator<Item = (&'a Place, Option<usize>)>,
    plan: &Plan,
    totals: &mut Totals,
) {
    let mut failed = Vec::new();
    for (place, twice) in chosen {
        let tried = AssertUnwindSafe(|| die_at(plan, place, twice, totals));
        if catch_unwind(tried).is_err() {
            failed.push(format!("{} {twice:?}", place.label()));
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// Every place whose number leaves this rest, so that several tests share the work.
fn every(plan: &Plan, rest: usize, of: usize) {
    let places = places_of(plan);
    let mut totals = Totals::default();
    let chosen = places.iter().enumerate().filter(|(n, _)| n % of == rest);
    try_all(chosen.map(|(_, place)| (place, None)), plan, &mut totals);
    println!("{} places, part {rest} of {of}: {totals:?}", places.len());
    assert!(totals.closed > 0 && totals.abandoned > 0);
    assert!(totals.closed > totals.abandoned, "not every key is lost");
}

#[test]
fn a_2_of_2_survives_death_at_every_place_1() {
    every(&plans::two_of_two(), 0, 4);
}

#[test]
fn a_2_of_2_survives_death_at_every_place_2() {
    every(&plans::two_of_two(), 1, 4);
}

#[test]
fn a_2_of_2_survives_death_at_every_place_3() {
    every(&plans::two_of_two(), 2, 4);
}

#[test]
fn a_2_of_2_survives_death_at_every_place_4() {
    every(&plans::two_of_two(), 3, 4);
}

#[test]
fn a_2_of_3_with_c_absent_survives_death() {
    every(&plans::two_of_three(), 3, 9);
}

/// The machine is switched off at the planned stop, and dies in the session after it: in the call,
/// or around it.
#[test]
fn a_session_after_a_planned_stop_survives_death() {
    let plan = plans::two_of_two();
    let stopped = || {
        let mut world = World::new();
        world.stops = true;
        assert!(world.hold(&plan, None).is(Outcome::Paused));
        let id = world.id().expect("it is paused");
        (world, id)
    };
    let (mut world, id) = stopped();
    let ended = world.resume(&id, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    let all = places(&world.script.borrow().touches);
    let (mut tried, mut confirmed) = (0, 0);
    for place in all.iter().step_by(3) {
        let label = format!("after the stop, {}", place.label());
        let (mut world, id) = stopped();
        world.resume(&id, Some((place.touch, place.how)));
        assert!(world.script.borrow().dead, "{label}");
        let before = world.media.everything();
        confirmed += usize::from(calls(&world) > 0);
        let ended = world.resume(&id, None);
        assert!(ended.is(Outcome::Closed), "{label}: {ended:?}");
        assert!(calls(&world) > 0, "{label}: the call was left out");
        aftermath::records_are_good(&world, &label);
        aftermath::nothing_is_lost(&world, &before, &label);
        aftermath::no_parts_are_left(&world, &label);
        tried += 1;
    }
    println!("after a planned stop: died at {tried} places, at {confirmed} of them after the call");
    assert!(tried > 40 && confirmed > 5 && confirmed < tried);
}

/// How many calls confirmed the key: another one after an interruption.
fn calls(world: &World) -> usize {
    let entries = world.entries();
    let is_call = |p: &&Placed| matches!(p.entry.event, Event::CallConfirmed { .. });
    entries.iter().filter(is_call).count()
}

/// The machine dies again while the ceremony is being resumed.
#[test]
fn a_resume_survives_death() {
    let plan = plans::two_of_two();
    let places = places_of(&plan);
    let mut totals = Totals::default();
    // Resuming itself has some 40 touches; by turns each of them.
    let chosen = places.iter().enumerate().skip(12).step_by(5);
    let chosen = chosen.map(|(n, place)| (place, Some(3 + n * 7 % 60)));
    try_all(chosen, &plan, &mut totals);
    println!("dying twice: {totals:?}");
    assert!(totals.died_twice > 40, "{totals:?}");
}
