#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! The library and `scripts/verify-record` judge alike: good records, and bad ones of every kind.

mod tamper_support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use ceremony::record::files;
use ceremony::record::value::{Mode, Spoken};
use ceremony::verify::{Pins, verify};
use tamper_support::call::{self, Opening};
use tamper_support::call_cases::{self, Judged};
use tamper_support::cases::{self, Case};
use tamper_support::hold::Table;
use tamper_support::token_cases;
use tamper_support::{
    Held, aborted, alternatives, called, eventful, opened, script, small_plan, smooth, stock,
};

/// What the library would exit with, and why.
fn library(case: &Case) -> (i32, String) {
    match verify(&case.material, &case.pins) {
        Ok(verdict) => (verdict.exit() as i32, "accepted".to_string()),
        Err(fault) => (1, fault.to_string()),
    }
}

/// Has both judge every case; returns how often each exit code came.
fn agree(what: &str, cases: impl IntoIterator<Item = Case>) -> BTreeMap<i32, usize> {
    let cases: Vec<Case> = cases.into_iter().collect();
    let queue = Mutex::new(cases.iter());
    let (codes, apart) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no panic").next();
                    let Some(case) = next else { return };
                    let (ours, why) = library(case);
                    let (theirs, said) = script::run(&case.material, &case.pins);
                    *codes.lock().expect("no panic").entry(ours).or_default() += 1;
                    if ours != theirs {
                        let name = &case.name;
                        let text = format!("{name}: {ours}, {why}; the script {theirs}, {said}");
                        apart.lock().expect("no panic").push(text);
                    }
                }
            });
        }
    });
    let codes = codes.into_inner().expect("no panic");
    let apart = apart.into_inner().expect("no panic");
    println!(
        "{what}: {} judged by both, exit codes {codes:?}",
        cases.len()
    );
    assert!(apart.is_empty(), "{what}: they differ about {apart:#?}");
    codes
}

/// As [`agree`], where nothing may be accepted.
fn agree_to_refuse(what: &str, cases: impl IntoIterator<Item = Case>) {
    let codes = agree(what, cases);
    assert_eq!(codes.keys().collect::<Vec<_>>(), [&1], "{what}");
}

#[test]
fn on_good_records() {
    let mut cases = Vec::new();
    let digits = call::called(smooth(), Spoken::Digits);
    let refused = call::opened(smooth(), Opening::Refused);
    let held = [eventful(), smooth(), aborted(), called(), opened()];
    for held in held.into_iter().chain([&digits, &refused]) {
        for pins in [held.pins.clone(), Pins::default()] {
            cases.push(Case::new("closed or aborted", held.closed.clone(), &pins));
            cases.push(Case::new("stopped", held.paused.clone(), &pins));
        }
    }
    let mut redacted = eventful().closed.clone();
    let detail = "details/0000.txt";
    redacted.files.remove(detail);
    let list = format!("{detail}\n").into_bytes();
    redacted.files.insert(files::REDACTED.to_string(), list);
    cases.push(Case::new("redacted", redacted, &eventful().pins));
    let (whole, fragment) = cases::with_a_fragment(eventful());
    for list in [format!("{detail}\n{fragment}\n"), format!("{fragment}\n")] {
        let mut without = whole.clone();
        list.lines()
            .for_each(|path| drop(without.files.remove(path)));
        without
            .files
            .insert(files::REDACTED.to_string(), list.into_bytes());
        cases.push(Case::new("without a fragment", without, &eventful().pins));
    }
    cases.push(Case::new("with a fragment", whole, &eventful().pins));
    let codes = agree("good records", cases);
    assert_eq!(codes.keys().collect::<Vec<_>>(), [&0, &3, &4]);
}

/// One change for each field of each kind of entry that `about` names. The record ends soon after it and is signed
/// anew by both operators, so that no signature hides what the two make of the field itself.
fn one_change_per_field(held: &Held, about: impl Fn(&str) -> bool) -> Vec<Case> {
    let forge = held.forge();
    let mut done = BTreeSet::new();
    let mut cases = Vec::new();
    let pieces = forge.pieces.iter().enumerate();
    for (at, piece) in pieces.filter(|(_, piece)| about(piece.event())) {
        for (label, value) in &piece.fields {
            if !done.insert((piece.event(), label)) {
                continue;
            }
            let others = alternatives(piece.event(), label, value);
            // Another one for each kind, so that all have their turn.
            let other = &others[done.len() % others.len()];
            let mut count = (at + 2).min(forge.pieces.len());
            if forge.pieces[count - 1].event() == "authorise" {
                count += 1;
            }
            let name = format!("{}, {label}: {value} is {other}", piece.event());
            let change = Some((at, label.as_str(), other.as_str()));
            let material = forge.cut(count).sign(change, &held.keys);
            cases.push(Case::new(name, material, &held.pins));
        }
    }
    cases
}

#[test]
fn on_one_change_per_field() {
    let cases = one_change_per_field(eventful(), |_| true);
    assert!(cases.len() > 200, "{}", cases.len());
    agree("fields, signed anew", cases);
}

#[test]
fn on_fields_of_an_aborted_record() {
    let of_the_end = |event: &str| event == "abandoned" || event == "aborted";
    let cases = one_change_per_field(aborted(), of_the_end);
    agree("fields of the end, signed anew", cases);
}

#[test]
fn on_flipped_bits() {
    let held = eventful();
    let length = held.closed.files[files::TRANSCRIPT].len();
    // Spread over the whole transcript by a fixed stride that shares no factor with its length.
    let flips = (0..64).map(|n: usize| {
        let at = n * 7919 % length;
        let mut material = held.closed.clone();
        let text = material
            .files
            .get_mut(files::TRANSCRIPT)
            .expect("a transcript");
        text[at] ^= 1 << (n % 8);
        Case::new(format!("byte {at}, bit {}", n % 8), material, &held.pins)
    });
    agree_to_refuse("flipped bits", flips);
}

#[test]
fn on_files_and_lists() {
    let held = eventful();
    let mut cases = cases::files_moved(held);
    cases.extend(cases::lists(held));
    // The same fingerprint for both is wrong usage of the script's command line.
    let pins = cases::pinned(held).into_iter();
    cases.extend(pins.filter(|case| case.name != "A twice"));
    agree_to_refuse("files, lists, pins", cases);
}

#[test]
fn on_signatures() {
    agree_to_refuse("one signature", cases::one_signature(smooth()));
    let mut cases = stock::cases(eventful());
    agree_to_refuse("signatures by gpg", cases.split_off(1));
    let codes = agree("good signatures by gpg", cases);
    assert_eq!(codes.keys().collect::<Vec<_>>(), [&4]);
}

/// Both operators conspire: every step left out or excused, and some of the rest.
#[test]
fn on_what_both_operators_forged() {
    let cases = cases::colluding(eventful()).into_iter().enumerate();
    let cases = cases.filter(|(at, case)| case.name.contains("step") || at % 4 == 0);
    agree_to_refuse("signed by both", cases.map(|(_, case)| case));
}

/// Both judge as expected, and so alike.
fn agree_as_expected(what: &str, judged: Judged, good: &[i32]) {
    let codes = agree(what, judged.good);
    let found: Vec<&i32> = codes.keys().collect();
    assert_eq!(found, good.iter().collect::<Vec<_>>(), "{what}");
    agree_to_refuse(what, judged.bad);
}

#[test]
fn on_one_change_per_field_of_a_call_or_message() {
    let of_calls = |event: &str| event.starts_with("call-") || event == "sheets-checked";
    let of_messages = |event: &str| event.starts_with("message-") || event == "quorum-opened";
    let refused = call::opened(smooth(), Opening::Refused);
    let digits = call::called(smooth(), Spoken::Digits);
    let mut cases = one_change_per_field(called(), of_calls);
    cases.extend(one_change_per_field(&digits, |event| {
        event == "call-confirmed"
    }));
    cases.extend(one_change_per_field(opened(), of_messages));
    cases.extend(one_change_per_field(&refused, |event| {
        event == "message-refused"
    }));
    assert!(cases.len() > 70, "{}", cases.len());
    agree("fields of calls and messages, signed anew", cases);
}

#[test]
fn on_the_words_of_a_call() {
    agree_as_expected("words", call_cases::words(called()), &[4]);
    let plan = small_plan().replace("\"modern\"", "\"v6\"");
    let long = tamper_support::hold_closed(Table::new(&plan, Mode::Ceremony));
    let long = call::called(&long, Spoken::Canaries);
    agree_as_expected("words, version 6", call_cases::long_words(&long), &[4]);
}

#[test]
fn on_what_happens_in_a_call() {
    agree_as_expected("calls", call_cases::call(called()), &[4]);
}

#[test]
fn on_opened_messages() {
    agree_as_expected("messages", call_cases::message(opened(), eventful()), &[4]);
}

#[test]
fn on_plans_with_a_call_or_a_message() {
    agree_as_expected("plans", call_cases::plans(called(), opened()), &[4]);
}

#[test]
fn on_capsules_for_tokens() {
    agree_as_expected("plans", token_cases::plans(called()), &[4]);
    agree_as_expected("openers", token_cases::openers(opened()), &[4]);
}

/// The script cannot read the program's list, so it has its own.
#[test]
fn both_have_the_same_words() {
    let script = include_str!("../scripts/verify-record");
    let (_, words) = script
        .split_once("pgp_words() {\n    cat <<'END'\n")
        .expect("the list");
    let (words, _) = words.split_once("\nEND\n").expect("its end");
    let ours: Vec<&str> = words.split_whitespace().collect();
    let theirs: Vec<&str> = include_str!("../src/words/pgp-words.txt")
        .split_whitespace()
        .collect();
    assert_eq!(ours.len(), 512);
    assert_eq!(ours, theirs);
}
