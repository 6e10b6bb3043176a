#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! Records that ceremonies left behind stay readable for ever, by both verifiers.
//!
//! `tests/records/SET/NAME` holds a record, with the operators' fingerprints and the exit code
//! in `EXPECTED`. Old ones are never changed: set 1 is from before there were telephone calls and
//! opened messages, set 2 is of those, set 3 of tokens: in software, each with the root of its own
//! maker beside it. What the format learns anew gets a set of its own.

mod tamper_support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ceremony::edge::files;
use ceremony::record::files as names;
use ceremony::record::value::{Mode, Spoken};
use ceremony::verify::{Material, Pins, TokenSays, Verdict, verify};
use tamper_support::call::{self, Opening};
use tamper_support::hold::Table;
use tamper_support::{Held, script, small_plan};

/// 2026-02-01T09:00:00Z: gpg refuses signatures from the future, so old records are old.
const DAY: u64 = 1_769_936_400;

fn set(number: u32) -> PathBuf {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    records.join(number.to_string())
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

/// Both verifiers judge the whole set as they did; what they said, by name.
fn judged(number: u32) -> BTreeMap<String, (Verdict, String)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(set(number)).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if !path.is_dir() {
            continue;
        }
        let (material, pins, expected) = load(&path);
        if let Ok(root) = std::fs::read(path.join("root.der")) {
            ceremony::attestation::test_only::trust_root(&root);
        }
        let verdict = verify(&material, &pins).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(verdict.exit() as i32, expected, "{name}");
        let (code, said) = script::run(&material, &pins);
        assert_eq!(code, expected, "{name}: {said}");
        let unpinned = verify(&material, &Pins::default()).expect("good");
        assert_ne!(unpinned.exit() as i32, 0, "{name}: not pinned");
        found.insert(name.into_owned(), (verdict, said));
    }
    found
}

fn names_of(found: &BTreeMap<String, (Verdict, String)>) -> Vec<&str> {
    found.keys().map(String::as_str).collect()
}

#[test]
fn both_verifiers_still_say_what_they_said() {
    let found = judged(1);
    assert_eq!(
        names_of(&found),
        ["aborted", "closed", "redacted", "rehearsal", "unfinished"]
    );
    for (verdict, said) in found.values() {
        assert!(!verdict.wants_call && verdict.confirmed.is_none() && verdict.message.is_none());
        assert!(!said.contains("\nconfirmed "), "{said}");
    }
}

#[test]
fn calls_and_messages_are_still_what_they_were() {
    let found = judged(2);
    assert_eq!(
        names_of(&found),
        ["canaries", "digits", "opened", "refused", "waiting"]
    );
    let confirmed = |name: &str| found[name].0.confirmed;
    assert_eq!(confirmed("canaries"), Some(Spoken::Canaries));
    assert_eq!(confirmed("digits"), Some(Spoken::Digits));
    assert_eq!(confirmed("waiting"), None);
    assert!(found["waiting"].0.waits_for_call());
    let message = |name: &str| found[name].0.message.clone().expect("a message");
    let content = message("opened").content.expect("its content");
    assert!(!message("opened").refused);
    assert!(message("refused").refused && message("refused").content.is_none());
    for (name, lines) in [
        (
            "canaries",
            "\nconfirmed    by phone, with canaries\n".to_string(),
        ),
        (
            "digits",
            "\nconfirmed    by phone, without canaries\n".to_string(),
        ),
        ("waiting", "\nconfirmed    not by phone\n".to_string()),
        ("opened", format!("\ncontent      {content}\n")),
        ("refused", "\ncontent      refused\n".to_string()),
    ] {
        let said = &found[name].1;
        assert!(said.contains(&lines), "{name}: {said}");
    }
    let first = "UNFINISHED: not confirmed by phone; what there is, is good.\n";
    let said = &found["waiting"].1;
    assert!(said.starts_with(first), "{said}");
}

#[test]
fn tokens_are_still_what_they_showed() {
    let found = judged(3);
    assert_eq!(names_of(&found), ["capsules", "key-in-a-token", "opened"]);
    for name in ["capsules", "opened"] {
        let operators = found[name].0.operators.as_ref().expect("both were called");
        for known in operators {
            assert!(
                matches!(known.token, Some(TokenSays::Proven(_))),
                "{name}: {:?}",
                known.token
            );
        }
        assert!(found[name].1.contains("token, firmware 5.7.4"), "{name}");
    }
    assert!(found["key-in-a-token"].0.key_token.is_some());
    let message = found["opened"].0.message.as_ref().expect("a message");
    assert!(message.content.is_some());
}

/// The fixtures can fail: one byte makes them bad.
#[test]
fn a_changed_fixture_is_refused() {
    let (mut material, pins, _) = load(&set(1).join("closed"));
    let text = material
        .files
        .get_mut(names::TRANSCRIPT)
        .expect("a transcript");
    text[100] ^= 1;
    assert!(verify(&material, &pins).is_err());
    assert_eq!(script::run(&material, &pins).0, 1);
}

/// Writes the sets that are not there: run by hand, once for each.
#[test]
#[ignore = "writes into tests/records"]
fn write_the_fixtures() {
    if !set(1).exists() {
        write_without_calls();
    }
    if !set(2).exists() {
        write_calls_and_messages();
    }
}

fn write_without_calls() {
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
    keep(1, "closed", &held.closed, &held);
    keep(1, "unfinished", &unfinished, &held);
    keep(1, "redacted", &redacted, &held);
    let rehearsal = tamper_support::hold_closed(Table::dated(&small_plan(), Mode::Rehearsal, DAY));
    keep(1, "rehearsal", &rehearsal.closed, &rehearsal);
    let aborted = tamper_support::hold_aborted(Table::dated(&small_plan(), Mode::Ceremony, DAY));
    keep(1, "aborted", &aborted.closed, &aborted);
}

/// As tests/records/2/README.md says.
fn write_calls_and_messages() {
    let held = tamper_support::hold_closed(Table::dated(&small_plan(), Mode::Ceremony, DAY));
    let canaries = call::called(&held, Spoken::Canaries);
    keep(2, "waiting", &canaries.paused, &canaries);
    keep(2, "canaries", &canaries.closed, &canaries);
    let digits = call::called(&held, Spoken::Digits);
    keep(2, "digits", &digits.closed, &digits);
    for (name, end) in [("opened", Opening::Opened), ("refused", Opening::Refused)] {
        let message = call::opened(&held, end);
        keep(2, name, &message.closed, &message);
    }
}

fn keep(number: u32, name: &str, material: &Material, held: &Held) {
    let path = set(number).join(name);
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
