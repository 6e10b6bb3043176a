#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! Records that ceremonies left behind stay readable for ever, by both verifiers.
//!
//! `tests/records/FORMAT/NAME` holds a record, with the operators' fingerprints and the exit code
//! in `EXPECTED`. Old ones are never changed; a new format adds its own.

mod tamper_support;

use std::path::{Path, PathBuf};

use ceremony::edge::files;
use ceremony::record::files as names;
use ceremony::record::value::Mode;
use ceremony::verify::{Material, Pins, verify};
use tamper_support::hold::Table;
use tamper_support::{Held, script, small_plan};

/// 2026-02-01T09:00:00Z: gpg refuses signatures from the future, so old records are old.
const DAY: u64 = 1_769_936_400;

const FORMAT: &str = "tests/records/1";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FORMAT)
}

/// A record with what is expected of it: the exit code, and the operators' fingerprints.
fn load(path: &Path) -> (Material, Pins, i32) {
    let read = files::read_folder(&path.join("record")).expect("a record");
    let material = Material {
        files: read.files,
        odd: read.odd,
        ..Material::default()
    };
    let expected = std::fs::read_to_string(path.join("EXPECTED")).expect("EXPECTED");
    let mut words = expected.split_whitespace();
    let exit = words
        .next()
        .expect("an exit code")
        .parse()
        .expect("a number");
    let mut pin = || {
        words
            .next()
            .map(|w| ceremony::digest::Fingerprint::parse(w).expect("one"))
    };
    let pins = Pins {
        operators: [pin(), pin()],
        ..Pins::default()
    };
    (material, pins, exit)
}

#[test]
fn both_verifiers_still_say_what_they_said() {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let (material, pins, expected) = load(&path);
        let verdict = verify(&material, &pins).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(verdict.exit() as i32, expected, "{name}");
        let (code, said) = script::run(&material, &pins);
        assert_eq!(code, expected, "{name}: {said}");
        let unpinned = verify(&material, &Pins::default()).expect("good");
        assert_ne!(unpinned.exit() as i32, 0, "{name}: not pinned");
        found.push(name);
    }
    found.sort();
    assert_eq!(
        found,
        ["aborted", "closed", "redacted", "rehearsal", "unfinished"]
    );
}

/// The fixtures can fail: one byte makes them bad.
#[test]
fn a_changed_fixture_is_refused() {
    let (mut material, pins, _) = load(&folder().join("closed"));
    let text = material
        .files
        .get_mut(names::TRANSCRIPT)
        .expect("a transcript");
    text[100] ^= 1;
    assert!(verify(&material, &pins).is_err());
    assert_eq!(script::run(&material, &pins).0, 1);
}

/// Writes the fixtures of the present format, where there are none: run by hand, once.
#[test]
#[ignore = "writes into tests/records"]
fn write_the_fixtures() {
    let held = tamper_support::hold_closed(Table::dated(&small_plan(), Mode::Ceremony, DAY));
    let closed = held.forge();
    let unfinished = closed.cut(closed.find("authorised", 3) + 1).build();
    let mut redacted = held.closed.clone();
    let details = closed.pieces.iter().filter(|piece| piece.detail.is_some());
    let details = details.map(|piece| format!("details/{:0>4}.txt", piece.get("entry")));
    let list: Vec<String> = details.collect();
    for path in &list {
        redacted.files.remove(path);
    }
    let text = list.join("\n") + "\n";
    redacted
        .files
        .insert(names::REDACTED.to_string(), text.into_bytes());
    keep("closed", &held.closed, &held);
    keep("unfinished", &unfinished, &held);
    keep("redacted", &redacted, &held);
    let rehearsal = tamper_support::hold_closed(Table::dated(&small_plan(), Mode::Rehearsal, DAY));
    keep("rehearsal", &rehearsal.closed, &rehearsal);
    let aborted = tamper_support::hold_aborted(Table::dated(&small_plan(), Mode::Ceremony, DAY));
    keep("aborted", &aborted.closed, &aborted);
}

fn keep(name: &str, material: &Material, held: &Held) {
    let path = folder().join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::create_dir(&path).expect("never written over");
    for (file, bytes) in &material.files {
        let file = path.join("record").join(file);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        std::fs::write(file, bytes).expect("a file");
    }
    let exit = verify(material, &held.pins).expect("good").exit() as i32;
    let [a, b] = held.pins.operators.clone().map(|pin| pin.expect("called"));
    std::fs::write(path.join("EXPECTED"), format!("{exit}\n{a}\n{b}\n")).expect("a file");
    assert!(
        load(&path).0.files == material.files,
        "it is read as it was written"
    );
}
