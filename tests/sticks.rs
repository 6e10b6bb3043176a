//! Ceremonies on sticks: who gets which role, and what happens when a stick is pulled, full,
//! locked or lies.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod sticks_support;
mod support;

use std::cell::Cell;
use std::collections::BTreeMap;

use ceremony::assign::{self, AssignError, Assigned, Desk, Purpose};
use ceremony::driver::{self, Outcome};
use ceremony::edge::block::Sticks;
use ceremony::edge::media::{Access, Media, MediaFault};
use ceremony::edge::players::Meddle;
use ceremony::record::event::Event;
use ceremony::record::transcript;
use ceremony::record::value::Decision;
use ceremony::role::Role;
use ceremony::screen::{Answer, Asks, Question, Reply};
use ceremony::verify::{self, Completion, Pins, Verdict};
use sticks_support::{Hands, Table, Wrong, line};
use support::{Ended, World, far_end, plans};

/// The serial number of a role's stick.
fn serial(role: Role) -> String {
    format!("A1{}", role.name().to_uppercase().replace('-', ""))
}

/// Two people who plug in the right stick for each role and agree to it.
fn willing(table: &Table) -> impl FnMut(&Question) -> Reply + use<> {
    let table = table.clone();
    move |question| match &question.asks {
        Asks::StickIn(role) => {
            table.plug(&serial(*role));
            line("")
        }
        Asks::StickFor(_) => line("1"),
        Asks::Agree(operator) | Asks::Erase(operator) => line(&operator.to_string()),
        Asks::Decide => line("1"),
        _ => line(""),
    }
}

/// A stick for each role on the table, all with their roles.
fn laid() -> (Table, Sticks) {
    let table = Table::new();
    for role in Role::ALL {
        table.add(&serial(role));
    }
    let mut sticks = table.sticks();
    let mut hands = Hands::new(willing(&table));
    let mut desk = Desk::before(&mut hands, "test");
    assign::all(&mut desk, &mut sticks, &Role::ALL, |_| Purpose::New).expect("all have their role");
    (table, sticks)
}

fn one(
    table: &Table,
    role: Role,
    purpose: Purpose<'_>,
    answer: impl FnMut(&Question) -> Reply,
) -> (Result<Assigned, AssignError>, String) {
    let mut sticks = table.sticks();
    let mut hands = Hands::new(answer);
    let assigned = assign::one(
        &mut Desk::before(&mut hands, "test"),
        &mut sticks,
        role,
        purpose,
    );
    (assigned, hands.screen())
}

#[test]
fn only_the_operators_sticks_stay_mounted() {
    let (table, mut sticks) = laid();
    assert_eq!(table.mounted(), [Role::OperatorA, Role::OperatorB]);
    sticks
        .create(Role::Secret1, "a/b", b"kept", Access::Private)
        .expect("is written");
    assert!(table.mounted().contains(&Role::Secret1));
    // Before the record goes on it is compared and unmounted.
    sticks
        .extend(Role::OperatorA, "x/t", b"entry")
        .expect("is written");
    assert_eq!(table.mounted(), [Role::OperatorA, Role::OperatorB]);
    sticks.finish().expect("all is as it was written");
    assert_eq!(table.mounted(), []);
    assert_eq!(table.content(&serial(Role::Secret1))["a/b"], b"kept");
}

#[test]
fn a_stick_that_forgets_is_found_before_the_record_goes_on() {
    for role in [Role::Secret1, Role::OperatorA] {
        let (table, mut sticks) = laid();
        table.goes_wrong(&serial(role), Wrong::LosesWrites, "");
        let written = match role {
            Role::OperatorA => Ok(()),
            _ => sticks.create(role, "a/b", b"lost", Access::Private),
        };
        written.expect("it says yes");
        let error = sticks
            .extend(Role::OperatorA, "x/t", b"entry")
            .expect_err("found");
        assert!(matches!(error.fault, MediaFault::ReadBack), "{error:?}");
        assert_eq!(error.role, role);
        // Trying again does not make it good.
        let error = sticks
            .extend(Role::OperatorA, "x/t", b"entry")
            .expect_err("found");
        assert_eq!(error.role, role);
        // An abort goes on without it.
        sticks.give_up(role);
        sticks
            .extend(Role::OperatorB, "x/t", b"entry")
            .expect("is written");
    }
}

#[test]
fn a_stick_that_was_pulled_is_the_same_under_another_name() {
    let (table, mut sticks) = laid();
    for (role, path) in [(Role::OperatorB, "x/t"), (Role::Public, "p")] {
        sticks.extend(role, path, b"one").expect("is written");
        table.goes_wrong(&serial(role), Wrong::Pulled, path);
        for _ in 0..2 {
            let error = sticks
                .extend(role, path, b"one two")
                .expect_err("it is not there");
            assert!(matches!(error.fault, MediaFault::Pulled), "{error:?}");
        }
        table.plug(&serial(role));
        sticks.extend(role, path, b"one two").expect("it is back");
        assert_eq!(sticks.read(role, path).expect("is read"), b"one two");
    }
    sticks.finish().expect("all is as it was written");
}

#[test]
fn a_stick_that_lies_on_the_table_is_asked_for_and_was_looked_at() {
    let (table, mut sticks) = laid();
    table.pull(&serial(Role::Secret2));
    let fact = sticks.look(Role::Secret2);
    assert!(fact.present && fact.writable, "{fact:?}");
    assert!(
        fact.identity.starts_with("A1SECRET2 Maker Stick 16.0 GB"),
        "{fact:?}"
    );
    let error = sticks
        .read(Role::Secret2, "x")
        .expect_err("it is not there");
    assert!(
        matches!(error.fault, MediaFault::NotPlugged(_)),
        "{error:?}"
    );
    table.plug(&serial(Role::Secret2));
    let error = sticks.read(Role::Secret2, "x").expect_err("no such file");
    assert!(matches!(error.fault, MediaFault::NotFound), "{error:?}");
    // An operator's stick is never put aside.
    table.pull(&serial(Role::OperatorA));
    let error = sticks
        .read(Role::OperatorA, "x")
        .expect_err("it is not there");
    assert!(matches!(error.fault, MediaFault::Pulled), "{error:?}");
    assert!(!sticks.look(Role::OperatorA).present);
}

#[test]
fn one_stick_has_one_role() {
    let (table, mut sticks) = laid();
    let all = sticks.found();
    let stick = all.iter().find(|found| {
        let id = found.fit.as_ref();
        id.is_ok_and(|id| id.serial() == serial(Role::Public))
    });
    let error = sticks.put(Role::Handover, stick.expect("it is plugged in"));
    let error = error.err().expect("refused");
    assert!(matches!(error.fault, MediaFault::Exists), "{error:?}");
    let error = sticks.replace(Role::Handover, &serial(Role::Public));
    assert!(error.is_err());
    // Nor is it offered to another role.
    let mut asked = 0;
    let mut hands = Hands::new(|question| match question.asks {
        Asks::StickIn(_) => {
            asked += 1;
            if asked < 3 {
                line("")
            } else {
                Reply::Exception
            }
        }
        _ => line("leave"),
    });
    let mut desk = Desk::before(&mut hands, "test");
    let left = assign::one(&mut desk, &mut sticks, Role::Secret1, Purpose::New);
    assert!(matches!(left, Err(AssignError::Left)), "{left:?}");
    let screen = hands.screen();
    assert!(screen.contains("A1PUBLIC, 16.0 GB is public."), "{screen}");
    drop(table);
}

#[test]
fn what_is_no_medium_is_refused_with_a_plain_reason() {
    for (change, reason) in [
        (
            (|stick| stick.boot = true) as fn(&mut sticks_support::Stick),
            "it is a boot stick",
        ),
        (|stick| stick.removable = false, "it is a fixed disk"),
    ] {
        let table = Table::new();
        table.add("A1");
        table.change("A1", change);
        table.plug("A1");
        let times = Cell::new(0);
        let (assigned, screen) = one(&table, Role::Public, Purpose::New, |question| {
            times.set(times.get() + 1);
            match question.asks {
                Asks::Decide => line("leave"),
                _ if times.get() > 3 => Reply::Exception,
                _ => line("1"),
            }
        });
        assert!(matches!(assigned, Err(AssignError::Left)), "{assigned:?}");
        assert!(screen.contains(reason), "{reason}: {screen}");
    }
}

#[test]
fn a_stick_is_erased_only_where_both_agree() {
    let id = "2026-01-02-backup-key-0A1B2C3D";
    let table = Table::new();
    table.add("A1PUBLIC");
    table.put("A1PUBLIC", &format!("{id}/payload.asc"), b"precious");
    // One operator does not.
    let (assigned, screen) = one(
        &table,
        Role::Public,
        Purpose::New,
        |question| match &question.asks {
            Asks::StickIn(_) => {
                table.plug("A1PUBLIC");
                line("")
            }
            Asks::StickFor(_) => line("erase"),
            Asks::Erase(ceremony::plan::Operator::A) => line("A"),
            Asks::Erase(_) => Reply::Exception,
            _ => line("leave"),
        },
    );
    assert!(matches!(assigned, Err(AssignError::Left)), "{assigned:?}");
    assert!(screen.contains("Everything on this stick is lost for ever: Maker Stick, A1PUBLIC"));
    assert!(screen.contains(&format!("{id} (a backup)")), "{screen}");
    assert_eq!(table.content("A1PUBLIC").len(), 1);
    // Both do.
    let mut both = willing(&table);
    let (assigned, screen) = one(
        &table,
        Role::Public,
        Purpose::New,
        |question| match question.asks {
            Asks::StickFor(_) => line("erase"),
            _ => both(question),
        },
    );
    assert!(matches!(assigned, Ok(Assigned::Yes)), "{assigned:?}");
    assert!(screen.contains("It is empty now."), "{screen}");
    assert_eq!(table.content("A1PUBLIC").len(), 0);
}

#[test]
fn a_new_stick_is_formatted_and_an_empty_one_is_not_offered_to_be() {
    for formatted in [false, true] {
        let table = Table::new();
        table.add(&serial(Role::Public));
        table.change(&serial(Role::Public), |stick| stick.formatted = formatted);
        let mut offered = Vec::new();
        let mut both = willing(&table);
        let (assigned, _) = one(&table, Role::Public, Purpose::New, |question| {
            if let (Asks::StickFor(_), Answer::Choice(choices)) = (&question.asks, &question.answer)
            {
                offered = choices.iter().map(|(word, _)| *word).collect();
            }
            both(question)
        });
        assert!(matches!(assigned, Ok(Assigned::Yes)), "{assigned:?}");
        let first = if formatted { "take" } else { "erase" };
        assert_eq!(offered, [first, "another"]);
    }
}

#[test]
fn a_locked_stick_is_taken_for_reading_only() {
    let table = Table::new();
    table.add(&serial(Role::Secret1));
    table.change(&serial(Role::Secret1), |stick| stick.read_only = true);
    let (assigned, _) = one(&table, Role::Secret1, Purpose::Read, willing(&table));
    assert!(matches!(assigned, Ok(Assigned::Yes)), "{assigned:?}");
    let table = Table::new();
    table.add(&serial(Role::Secret1));
    table.change(&serial(Role::Secret1), |stick| stick.read_only = true);
    let mut times = 0;
    let (assigned, screen) = one(&table, Role::Secret1, Purpose::New, |question| {
        table.plug(&serial(Role::Secret1));
        times += 1;
        match question.asks {
            Asks::Decide => line("leave"),
            _ if times > 4 => Reply::Exception,
            _ => line("1"),
        }
    });
    assert!(matches!(assigned, Err(AssignError::Left)), "{assigned:?}");
    assert!(screen.contains("Write lock closed"), "{screen}");
    assert!(
        screen.contains("It cannot be written as it is."),
        "{screen}"
    );
}

/// The record on each stick verifies: whole on three, a beginning of it on the others.
fn records_are_good(table: &Table, of: impl Fn(Role) -> String, label: &str) {
    for role in Role::ALL {
        let verdict = verdict(table, &of(role));
        let verdict = verdict.unwrap_or_else(|fault| panic!("{label}: {role}: {fault}"));
        let whole = [Role::OperatorA, Role::OperatorB, Role::Public].contains(&role);
        let expected = match whole {
            true => Completion::Closed,
            false => Completion::Unfinished,
        };
        assert_eq!(verdict.completion, expected, "{label}: {role}");
    }
    assert_eq!(table.mounted(), [], "{label}");
}

fn verdict(table: &Table, serial: &str) -> Result<Verdict, verify::Fault> {
    let content = table.content(serial);
    verify::verify(
        &support::material(&content, &id(&content)),
        &Pins::default(),
    )
}

fn id(content: &BTreeMap<String, Vec<u8>>) -> String {
    let mut ids = content.keys().filter_map(|path| path.split('/').next());
    let id = ids.find(|id| id.starts_with("REHEARSAL-"));
    id.expect("something was written").to_string()
}

fn decisions(table: &Table, serial: &str) -> Vec<Decision> {
    let content = table.content(serial);
    let path = format!("{}/record/transcript.txt", id(&content));
    let (entries, _) = transcript::parse_prefix(&content[&path]);
    let decided = entries
        .iter()
        .filter_map(|placed| match placed.entry.event {
            Event::Exception { decided } => Some(decided),
            _ => None,
        });
    decided.collect()
}

fn hold(
    world: &mut World,
    table: &Table,
    sticks: &mut Sticks,
    meddle: Option<Meddle<'_>>,
) -> Ended {
    let handover = table.clone();
    let verifier = far_end::verifier(move || handover.content(&serial(Role::Handover)));
    world.hold_on(sticks, verifier, &plans::two_of_two(), meddle)
}

#[test]
fn a_whole_rehearsal_on_sticks_leaves_good_records() {
    let (table, mut sticks) = laid();
    let mut world = World::new();
    let ended = hold(&mut world, &table, &mut sticks, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    sticks.finish().expect("all is as it was written");
    records_are_good(&table, serial, "no fault");
    assert_eq!(decisions(&table, &serial(Role::OperatorA)), []);
    println!("mounted {} times", table.mounts());
}

/// Sticks that are not in are asked for, with no exception; all but the operators' share a place.
#[test]
fn a_machine_with_three_places_is_enough() {
    let (table, mut sticks) = laid();
    let others = [Role::Secret1, Role::Secret2, Role::Handover, Role::Public];
    others.iter().for_each(|role| table.pull(&serial(*role)));
    let plugged = table.clone();
    let mut asked = 0;
    let meddle: Meddle<'_> = Box::new(|question, _| match question.asks {
        Asks::StickIn(role) => {
            asked += 1;
            // Whatever is in the third place goes: nothing of it may be in use.
            assert_eq!(plugged.mounted(), [Role::OperatorA, Role::OperatorB]);
            others
                .iter()
                .for_each(|other| plugged.pull(&serial(*other)));
            plugged.plug(&serial(role));
            Some(line(""))
        }
        _ => None,
    });
    let mut world = World::new();
    let ended = hold(&mut world, &table, &mut sticks, Some(meddle));
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}\n{}",
        world.screen.end()
    );
    sticks.finish().expect("all is as it was written");
    records_are_good(&table, serial, "one place");
    assert_eq!(decisions(&table, &serial(Role::OperatorA)), []);
    println!("asked for a stick {asked} times");
}

/// Where a fault can strike: a medium, and the file that is written then.
const PLACES: [(Role, &str); 6] = [
    (Role::OperatorA, "record/transcript.txt"),
    (Role::OperatorB, "operator-b.key.asc"),
    (Role::Secret1, "/payload.asc"),
    (Role::Secret2, "/AB.asc"),
    (Role::Handover, "HANDOVER.txt"),
    (Role::Public, "fingerprint.pdf"),
];

#[test]
fn a_stick_that_fails_is_put_right_on_the_record() {
    let mut tried = 0;
    for wrong in [Wrong::Pulled, Wrong::Full, Wrong::ReadOnly] {
        for (role, path) in PLACES {
            let label = format!("{wrong:?} on {role}, {path}");
            let (table, mut sticks) = laid();
            table.goes_wrong(&serial(role), wrong, path);
            let back = table.clone();
            let meddle: Meddle<'_> = Box::new(move |question, _| match question.asks {
                Asks::Device => {
                    back.plug(&serial(role));
                    Some(line(Decision::TryAgain.word()))
                }
                _ => None,
            });
            let mut world = World::new();
            let ended = hold(&mut world, &table, &mut sticks, Some(meddle));
            assert!(
                ended.is(Outcome::Closed),
                "{label}: {ended:?}\n{}",
                world.screen.end()
            );
            sticks.finish().expect("all is as it was written");
            records_are_good(&table, serial, &label);
            let decided = decisions(&table, &serial(Role::OperatorA));
            assert_eq!(decided, [Decision::TryAgain], "{label}");
            tried += 1;
        }
    }
    println!("{tried} faults passed, all on the record");
}

#[test]
fn a_stick_that_fails_for_good_or_lies_is_replaced() {
    let mut tried = 0;
    for wrong in [Wrong::Pulled, Wrong::LosesWrites] {
        for (role, path) in PLACES {
            let label = format!("{wrong:?} on {role}, {path}");
            let (table, mut sticks) = laid();
            table.add("SPARE1");
            table.goes_wrong(&serial(role), wrong, path);
            let spare = table.clone();
            let meddle: Meddle<'_> = Box::new(move |question, _| match question.asks {
                Asks::Device => Some(line(Decision::ReplaceDevice.word())),
                Asks::StickIn(_) => {
                    spare.pull(&serial(role));
                    spare.plug("SPARE1");
                    Some(line(""))
                }
                _ => None,
            });
            let mut world = World::new();
            let replaced = |other: Role| match other == role {
                true => "SPARE1".to_string(),
                false => serial(other),
            };
            let handover = table.clone();
            let verifier = far_end::verifier(move || handover.content(&replaced(Role::Handover)));
            let plan = plans::two_of_two();
            let ended = world.hold_on(&mut sticks, verifier, &plan, Some(meddle));
            assert!(
                ended.is(Outcome::Closed),
                "{label}: {ended:?}\n{}",
                world.screen.end()
            );
            sticks.finish().expect("all is as it was written");
            records_are_good(&table, replaced, &label);
            let decided = decisions(&table, &replaced(Role::OperatorA));
            assert_eq!(decided, [Decision::ReplaceDevice], "{label}");
            tried += 1;
        }
    }
    println!("{tried} sticks replaced, all on the record");
}

/// After an interruption the sticks are found by what is on them.
#[test]
fn a_ceremony_goes_on_from_what_is_on_the_sticks() {
    let (table, mut sticks) = laid();
    let mut world = World::new();
    world.stops = true;
    let ended = hold(&mut world, &table, &mut sticks, None);
    drop(sticks);
    let (begun, closes) = (ended.is(Outcome::Paused), ended.is(Outcome::Closed));
    assert!(begun || closes, "{ended:?}");
    assert_eq!(
        table.mounted(),
        [],
        "whatever ends, the sticks are unmounted"
    );
    let id = id(&table.content(&serial(Role::OperatorA)));

    // The wrong operator's stick is refused.
    Role::ALL.iter().for_each(|role| table.pull(&serial(*role)));
    let swapped = |question: &Question| match question.asks {
        Asks::StickIn(_) => {
            table.plug(&serial(Role::OperatorB));
            line("")
        }
        Asks::StickFor(_) => Reply::Exception,
        _ => line("leave"),
    };
    let (left, screen) = one(&table, Role::OperatorA, Purpose::Search, swapped);
    assert!(matches!(left, Err(AssignError::Left)), "{left:?}");
    assert!(
        screen.contains("The key on it is that of operator-b."),
        "{screen}"
    );
    table.pull(&serial(Role::OperatorB));

    let mut sticks = table.sticks();
    let mut hands = Hands::new(willing(&table));
    let mut desk = Desk::before(&mut hands, "test");
    let first = assign::one(&mut desk, &mut sticks, Role::OperatorA, Purpose::Search);
    assert!(matches!(first, Ok(Assigned::Yes)), "{first:?}");
    let found = assign::record(&mut desk, &mut sticks).expect("it is on the stick");
    assert_eq!(found, id);
    let purpose = Purpose::Again(&id);
    assign::one(&mut desk, &mut sticks, Role::OperatorB, purpose).expect("it is there");
    let found = driver::gather(&mut sticks, &id).expect("both copies are whole");
    let needed = found.media_needed().expect("the record can be replayed");
    assert!(!needed.contains(&Role::Secret1), "{needed:?}");
    assert!(needed.contains(&Role::Public) || closes, "{needed:?}");
}
