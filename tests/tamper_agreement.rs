#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! The library and `scripts/verify-record` judge alike: good records, and bad ones of every kind.

mod tamper_support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use ceremony::record::files;
use ceremony::verify::{Pins, verify};
use tamper_support::cases::{self, Case};
use tamper_support::{Held, aborted, alternatives, eventful, script, smooth, stock};

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
    for held in [eventful(), smooth(), aborted()] {
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
    let codes = agree("good records", cases);
    assert_eq!(codes.keys().collect::<Vec<_>>(), [&0, &3, &4]);
}

/// One change for each field of each kind of entry. The record ends soon after it and is signed
/// anew by both operators, so that no signature hides what the two make of the field itself.
fn one_change_per_field(held: &Held) -> Vec<Case> {
    let forge = held.forge();
    let mut done = BTreeSet::new();
    let mut cases = Vec::new();
    for (at, piece) in forge.pieces.iter().enumerate() {
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
    let cases = one_change_per_field(eventful());
    assert!(cases.len() > 200, "{}", cases.len());
    agree("fields, signed anew", cases);
}

#[test]
fn on_fields_of_an_aborted_record() {
    let mut cases = one_change_per_field(aborted());
    cases.retain(|case| case.name.starts_with("abandoned") || case.name.starts_with("aborted"));
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
