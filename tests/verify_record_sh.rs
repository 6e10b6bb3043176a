//! `scripts/verify-record` and `ceremony verify` on one record after the other: good ones, and
//! ones with something wrong. Both must come to the same exit code every time.
//!
//! The records come from one automatic rehearsal. A ceremony's record is made from its: with the
//! players' own keys, signed anew.

// Tests drive other programs; the library itself may not.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ceremony::digest::{Digest, Fingerprint};
use ceremony::openpgp::LockedKey;
use ceremony::phone::canary;
use ceremony::phone::result::{self, Said};
use ceremony::plan::Operator;
use ceremony::record::entry::Entry;
use ceremony::record::event::Event;
use ceremony::record::files::{self, Claim};
use ceremony::record::transcript::{self, Placed};
use ceremony::record::value::{Mode, Signed, Token};
use ceremony::secret::SecretText;

/// A rehearsal that was played once for all tests.
struct Played {
    dir: tempfile::TempDir,
    id: String,
}

fn played() -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ceremony"));
        command.args(["rehearse", "backup-key", "--auto", "--fast", "--out"]);
        let ran = command
            .arg(dir.path().join("media"))
            .output()
            .expect("the program starts");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let public = fs::read_dir(dir.path().join("media/public")).expect("the public medium");
        let folder = public
            .map(|entry| entry.expect("readable"))
            .next()
            .expect("the ceremony");
        let id = folder.file_name().into_string().expect("ids are ASCII");
        Played { dir, id }
    })
}

impl Played {
    fn ceremony(&self, role: &str) -> PathBuf {
        self.dir.path().join("media").join(role).join(&self.id)
    }

    fn key(&self, operator: Operator) -> (LockedKey, SecretText) {
        let letter = operator.to_string().to_lowercase();
        let folder = self.ceremony(&format!("operator-{letter}"));
        let file = fs::read(folder.join(format!("operator-{letter}.key.asc"))).expect("the key");
        let paper = self
            .dir
            .path()
            .join(format!("media/paper/passphrase-{operator}.txt"));
        let passphrase = fs::read_to_string(paper).expect("the player's paper");
        let key = LockedKey::from_bytes(&file).expect("the operator's key");
        (
            key,
            SecretText::from_string(passphrase.trim_end().to_string()),
        )
    }

    fn fingerprints(&self) -> [Fingerprint; 2] {
        Operator::ALL.map(|operator| self.key(operator).0.certificate().fingerprint())
    }
}

/// A record in memory: its files, and those beside it.
#[derive(Clone)]
struct Record {
    files: BTreeMap<String, Vec<u8>>,
    beside: BTreeMap<String, Vec<u8>>,
}

fn read_all(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("readable");
        let name = format!(
            "{prefix}{}",
            entry.file_name().into_string().expect("ASCII")
        );
        if entry.path().is_dir() {
            read_all(&entry.path(), &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(entry.path()).expect("readable"));
        }
    }
}

impl Record {
    fn closed() -> Record {
        let mut all = BTreeMap::new();
        read_all(&played().ceremony("public"), "", &mut all);
        let mut record = Record {
            files: BTreeMap::new(),
            beside: BTreeMap::new(),
        };
        for (path, bytes) in all {
            match path.strip_prefix("record/") {
                Some(inside) => record.files.insert(inside.to_string(), bytes),
                None => record.beside.insert(path, bytes),
            };
        }
        record
    }

    fn transcript(&self) -> &[u8] {
        &self.files[files::TRANSCRIPT]
    }

    fn entries(&self) -> Vec<Placed> {
        transcript::parse(self.transcript()).expect("a good transcript")
    }

    /// Writes it as a ceremony's folder.
    fn write(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let inside = self
            .files
            .iter()
            .map(|(path, bytes)| (format!("record/{path}"), bytes));
        let beside = self
            .beside
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes));
        for (path, bytes) in inside.chain(beside) {
            let full = dir.path().join(path);
            fs::create_dir_all(full.parent().expect("it has one")).expect("a folder");
            fs::write(full, bytes).expect("writable");
        }
        dir
    }

    /// The exit code that both give.
    fn code(&self, pins: &[Fingerprint]) -> i32 {
        verdict(&[self.write().path()], pins, &[]).0
    }
}

/// Runs both. They must agree; what they printed is given too, the script's first.
fn verdict(records: &[&Path], pins: &[Fingerprint], more: &[&str]) -> (i32, String) {
    let mut script = Command::new("sh");
    script
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/scripts/verify-record"
        ))
        .args(more);
    let script = script
        .args(records)
        .args(pins.iter().map(ToString::to_string))
        .output();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ceremony"));
    program.arg("verify").args(records).args(more);
    for (option, pin) in ["--operator-a", "--operator-b"].into_iter().zip(pins) {
        program.args([option, &pin.to_string()]);
    }
    let [script, program] = [script, program.output()].map(|ran| ran.expect("it starts"));
    let said = |ran: &std::process::Output| {
        String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
    };
    let both = format!("{}---\n{}", said(&script), said(&program));
    assert_eq!(
        script.status.code(),
        program.status.code(),
        "they differ:\n{both}"
    );
    (script.status.code().expect("it was not killed"), both)
}

/// An entry, with what belongs to it alone.
#[derive(Clone)]
struct Stanza {
    entry: Entry,
    detail: Option<Vec<u8>>,
    /// The signatures whose hashes it holds, A's and B's.
    signatures: [Option<Vec<u8>>; 2],
}

fn take_apart(record: &Record) -> Vec<Stanza> {
    let take = |placed: Placed| {
        let number = placed.entry.number;
        let file = |path: String| record.files.get(&path).cloned();
        let before = number.saturating_sub(1);
        let signatures = match files::outcome(&placed.entry.event) {
            Some(_) => Operator::ALL.map(|operator| file(files::signature(before, operator))),
            None => [None, None],
        };
        Stanza {
            detail: file(Entry::detail_path(number)),
            entry: placed.entry,
            signatures,
        }
    };
    record.entries().into_iter().map(take).collect()
}

/// The files that an event names and that no number is part of.
fn named_files(event: &Event) -> Vec<String> {
    match event {
        Event::Opened { .. } => vec![files::PLAN.to_string(), files::CHECKLIST.to_string()],
        Event::RollCall { .. } => Operator::ALL.map(files::operator_certificate).to_vec(),
        Event::Generated { attempt, .. } => vec![files::certificate(*attempt)],
        _ => Vec::new(),
    }
}

/// The result of a call follows from what was said in it.
fn say_again(event: &mut Event, id: &str, (fingerprint, certificate): &(Fingerprint, Digest)) {
    let Event::CallConfirmed {
        head,
        nonce: Some(nonce),
        canaries: Some(canaries),
        result: Some(result),
        ..
    } = event
    else {
        return;
    };
    let words = fingerprint.bytes().len();
    let said = Said {
        id: id.to_string(),
        certificate: *certificate,
        nonce: result::read_nonce(nonce.as_str()).expect("a nonce"),
        canaries: canary::read(canaries.as_str(), words).expect("canaries"),
        head: head.bytes()[..10].try_into().expect("ten bytes"),
    };
    *result = said.digest();
}

/// Puts a record together again: numbers, links, heads, counts and file names are made right;
/// signatures stay as they are, or are made anew.
fn put_together(from: &Record, stanzas: Vec<Stanza>, sign: bool) -> Record {
    let keys = sign.then(|| Operator::ALL.map(|operator| played().key(operator)));
    let signature = |operator: Operator, text: &[u8], at| {
        let (key, passphrase) = &keys.as_ref().expect("signing anew")[operator.index()];
        key.sign(passphrase, text, at, None).expect("a signature")
    };
    let mut made = BTreeMap::new();
    for path in stanzas
        .iter()
        .flat_map(|stanza| named_files(&stanza.entry.event))
    {
        made.insert(path.clone(), from.files[&path].clone());
    }
    let (mut text, mut prev, mut head, mut checkpoint) = (Vec::new(), Digest::ZERO, None, 0);
    let (mut id, mut key, mut noted) = (String::new(), None, Digest::ZERO);
    for (number, stanza) in (0..).zip(stanzas) {
        let Stanza {
            mut entry,
            detail,
            signatures,
        } = stanza;
        (entry.number, entry.prev) = (number, prev);
        if let Some(bytes) = detail {
            made.insert(Entry::detail_path(number), bytes);
        }
        let mut hashes = [Signed::Refused; 2];
        for (operator, kept) in Operator::ALL.into_iter().zip(signatures) {
            let Some(kept) = kept else { continue };
            let bytes = if sign {
                signature(operator, &text, checkpoint)
            } else {
                kept
            };
            hashes[operator.index()] = Signed::Yes(Digest::of(&bytes));
            made.insert(files::signature(number - 1, operator), bytes);
        }
        match &mut entry.event {
            Event::Authorised { sig_a, sig_b } => [*sig_a, *sig_b] = hashes,
            Event::Opened { id: opened, .. } => id = opened.to_string(),
            Event::Generated {
                fingerprint,
                certificate,
                ..
            } => key = Some((fingerprint.clone(), *certificate)),
            Event::HeadNoted { head: written } => {
                noted = head.unwrap_or(Digest::ZERO);
                *written = noted;
            }
            Event::CallConfirmed { head, .. } => {
                *head = noted;
                if let Some(key) = &key {
                    say_again(&mut entry.event, &id, key);
                }
            }
            Event::Closed {
                entries,
                sums,
                sig_a,
                sig_b,
            } => {
                let list = files::sums(&made);
                (*entries, *sums) = (number + 1, Digest::of(list.as_bytes()));
                [*sig_a, *sig_b] = hashes;
                made.insert(files::SUMS.to_string(), list.into_bytes());
            }
            _ => {}
        }
        let bytes = entry.bytes();
        prev = Digest::of(&bytes);
        if let Event::Authorise { .. } = entry.event {
            (head, checkpoint) = (Some(prev), entry.time);
        }
        text.extend(bytes);
        if let Event::Closed { .. } = entry.event {
            for operator in Operator::ALL {
                let path = files::closing_signature(operator);
                let kept = from.files.get(&path).cloned();
                let bytes = if sign {
                    signature(operator, &text, entry.time)
                } else {
                    kept.expect("closed")
                };
                made.insert(path, bytes);
            }
        }
    }
    made.insert(files::TRANSCRIPT.to_string(), text);
    Record {
        files: made,
        beside: from.beside.clone(),
    }
}

/// The rehearsal's record as that of a ceremony, which names this one as the one before it.
fn ceremony_after(previous: Option<Digest>) -> Record {
    let record = Record::closed();
    let mut stanzas = take_apart(&record);
    for stanza in &mut stanzas {
        match &mut stanza.entry.event {
            Event::Opened {
                mode,
                id,
                previous: before,
                ..
            } => {
                let bare = id
                    .as_str()
                    .strip_prefix("REHEARSAL-")
                    .expect("a rehearsal")
                    .to_string();
                (*mode, *id, *before) =
                    (Mode::Ceremony, Token::new(&bare).expect("an id"), previous);
            }
            // The machine that runs the tests need not be fit for a ceremony.
            Event::PreflightDone { failed, .. } => *failed = 0,
            _ => {}
        }
    }
    put_together(&record, stanzas, true)
}

#[test]
fn copies_on_all_media_are_good_and_a_rehearsal() {
    let pins = played().fingerprints();
    // What left the table before the call says so first; the others say how the key was confirmed.
    let waiting = "REHEARSAL, unfinished: not confirmed by phone. Not a ceremony.\n";
    for (role, confirmed) in [
        ("operator-a", true),
        ("operator-b", true),
        ("secret-1", false),
        ("secret-2", false),
        ("handover", false),
        ("public", true),
    ] {
        let (code, said) = verdict(&[&played().ceremony(role)], &pins, &[]);
        assert_eq!(code, 3, "{role}: {said}");
        let (script, program) = said.split_once("---\n").expect("both");
        for said in [script, program] {
            assert!(said.starts_with("REHEARSAL"), "{role}: {said}");
            assert_eq!(said.starts_with(waiting), !confirmed, "{role}: {said}");
            let how = match confirmed {
                true => "by phone, with canaries",
                false => "not by phone",
            };
            let line = format!("\nconfirmed    {how}\n");
            assert!(said.contains(&line), "{role}: {said}");
        }
    }
}

/// Both say the same of a call and of an opened message, in the records that are kept.
#[test]
fn calls_and_messages_are_told_alike() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/2");
    let waiting = "UNFINISHED: not confirmed by phone; what there is, is good.\n";
    for (name, line) in [
        ("waiting", "\nconfirmed    not by phone\n"),
        ("canaries", "\nconfirmed    by phone, with canaries\n"),
        ("digits", "\nconfirmed    by phone, without canaries\n"),
        ("opened", "\ncontent      "),
        ("refused", "\ncontent      refused\n"),
    ] {
        let folder = kept.join(name);
        let expected = fs::read_to_string(folder.join("EXPECTED")).expect("EXPECTED");
        let (code, pins) = expected.split_once('\n').expect("a code");
        let pins = pins
            .lines()
            .map(|pin| Fingerprint::parse(pin).expect("one"));
        let (found, said) = verdict(&[&folder.join("record")], &pins.collect::<Vec<_>>(), &[]);
        assert_eq!(found.to_string(), code, "{name}: {said}");
        let lines = |said: &str| -> Vec<String> {
            let told = ["confirmed ", "message ", "backup ", "content "];
            let lines = said.lines();
            let lines = lines.filter(|line| told.iter().any(|label| line.starts_with(label)));
            lines.map(str::to_string).collect()
        };
        let (script, program) = said.split_once("---\n").expect("both");
        assert_eq!(lines(script), lines(program), "{name}");
        assert!(script.contains(line), "{name}: {said}");
        for said in [script, program] {
            assert_eq!(
                said.starts_with(waiting),
                name == "waiting",
                "{name}: {said}"
            );
        }
    }
}

/// What the verifier kept of the call, against all copies of the record.
#[test]
fn the_verifiers_pin_is_compared_with_the_record() {
    let played = played();
    let name = format!("{}.pin", played.id);
    let pin = played.dir.path().join("media/verifier").join(name);
    let verify = |pin: &Path, role: &str, more: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ceremony"));
        program.arg("verify").arg(played.ceremony(role)).args(more);
        let ran = program.arg("--pin").arg(pin).output().expect("it starts");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.code(), String::from_utf8(said).expect("ASCII"))
    };
    let (code, said) = verify(&pin, "public", &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("\npin          of this call\n"), "{said}");
    let (code, said) = verify(&pin, "handover", &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("does not come to the call yet"), "{said}");
    for (role, wanted) in [("public", "recorded"), ("secret-1", "not-yet")] {
        let (_, said) = verify(&pin, role, &["--json"]);
        let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(json["pin"], wanted);
        assert_eq!(json["confirmed"].as_str().is_some(), role == "public");
        assert!(json["message"].is_null());
    }

    let text = fs::read_to_string(&pin).expect("the pin");
    let changed = |from: &str, to: &str| {
        let path = played.dir.path().join("changed.pin");
        fs::write(&path, text.replacen(from, to, 1)).expect("writable");
        verify(&path, "public", &[])
    };
    let (code, said) = changed("ceremony pin 1", "ceremony pin 2");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("this is not a pin file"), "{said}");
    // A pin holds together in itself; a good one of another call is refused by the record.
    let mut other = ceremony::pin::Pin::parse(text.as_bytes()).expect("a pin");
    other.nonce[0] ^= 1;
    let path = played.dir.path().join("other.pin");
    fs::write(&path, other.render()).expect("writable");
    let (code, said) = verify(&path, "public", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("FAILED: the record has another call"),
        "{said}"
    );
    assert!(said.contains("do not encrypt to that key"), "{said}");
    let (code, said) = verify(&played.dir.path().join("none.pin"), "public", &[]);
    assert_ne!(code, Some(0));
    assert!(said.contains("none.pin"), "{said}");
}

#[test]
fn a_ceremony_is_good_only_with_both_pins_and_in_its_chain() {
    let pins = played().fingerprints();
    let [a, b] = pins.clone();
    let first = ceremony_after(None);
    assert_eq!(first.code(&pins), 0);
    assert_eq!(first.code(&[]), 4, "not pinned");
    assert_eq!(first.code(&[b.clone(), a.clone()]), 1, "exchanged");
    assert_eq!(
        first.code(&[a, Fingerprint::from_bytes(&[7; 20]).expect("20 bytes")]),
        1
    );

    let hash = Digest::of(first.transcript());
    let second = ceremony_after(Some(hash));
    let (one, two) = (first.write(), second.write());
    let (one, two) = (one.path(), two.path());
    let code = |records: &[&Path], more: &[&str]| verdict(records, &pins, more).0;
    assert_eq!(code(&[one, two], &[]), 0);
    assert_eq!(code(&[two, one], &[]), 1, "the wrong order");
    assert_eq!(code(&[two], &["--previous", &hash.to_string()]), 0);
    assert_eq!(code(&[one], &["--previous", &hash.to_string()]), 1);
    let id = played().id.trim_start_matches("REHEARSAL-");
    assert_eq!(code(&[one], &["--id", id]), 0);
    assert_eq!(code(&[one], &["--id", &played().id]), 1);
}

#[test]
fn a_flip_in_any_field_of_any_kind_of_entry_is_found() {
    let record = Record::closed();
    let text = String::from_utf8(record.transcript().to_vec()).expect("ASCII");
    let mut kinds = BTreeSet::new();
    let mut start = 0;
    for placed in record.entries() {
        let stanza = &text[start..placed.end];
        let begin = std::mem::replace(&mut start, placed.end);
        if !kinds.insert(placed.entry.event.name()) {
            continue;
        }
        let mut at = begin;
        for line in stanza.lines() {
            let last = at + line.len();
            at = last + 1;
            if line.is_empty() {
                continue;
            }
            let mut bad = record.clone();
            let bytes = bad.files.get_mut(files::TRANSCRIPT).expect("it has one");
            bytes[last - 1] ^= 1;
            assert_eq!(bad.code(&[]), 1, "{line:?} of {stanza}");
        }
    }
    assert!(kinds.len() >= 20, "{kinds:?}");
}

#[test]
fn every_file_counts() {
    let record = Record::closed();
    for path in record.files.keys() {
        // The transcript has tests of its own, and of the signatures two are as good as all.
        let skipped = path == files::TRANSCRIPT
            || path.starts_with("signatures/") && !path.starts_with("signatures/0008");
        if skipped {
            continue;
        }
        let mut missing = record.clone();
        missing.files.remove(path);
        assert_eq!(missing.code(&[]), 1, "{path} missing");
        let mut changed = record.clone();
        changed.files.get_mut(path).expect("there").push(b'x');
        assert_eq!(changed.code(&[]), 1, "{path} changed");
    }
    for extra in [
        "extra",
        ".part-x",
        "details/9999.txt",
        "signatures/0001.A.asc",
        "-rf",
        "a\n$(b) c",
    ] {
        let mut more = record.clone();
        more.files.insert(extra.to_string(), b"x".to_vec());
        assert_eq!(more.code(&[]), 1, "{extra:?}");
    }
    let linked = record.write();
    let plan = linked.path().join("record/plan.toml");
    fs::rename(&plan, linked.path().join("plan.toml")).expect("moved");
    symlink("../plan.toml", &plan).expect("linked");
    assert_eq!(verdict(&[linked.path()], &[], &[]).0, 1);
}

#[test]
fn an_entry_left_out_doubled_or_exchanged_does_not_follow() {
    let record = Record::closed();
    let stanzas = take_apart(&record);
    let refused = |what: String, stanzas: Vec<Stanza>| {
        let written = put_together(&record, stanzas, false).write();
        let (code, said) = verdict(&[written.path()], &[], &[]);
        assert_eq!(code, 1, "{what}: {said}");
        let fault = |said: &str| said.contains("entry ") && !said.contains("signature");
        assert!(said.split("---\n").all(fault), "{what}: {said}");
    };
    let last = stanzas.len() - 1;
    let mut kinds = BTreeSet::new();
    for at in 1..last {
        let name = stanzas[at].entry.event.name();
        if !kinds.insert(name) && name != "authorise" {
            continue;
        }
        let mut without = stanzas.clone();
        without.remove(at);
        refused(format!("entry {at} ({name}) left out"), without);
        let mut twice = stanzas.clone();
        twice.insert(at, stanzas[at].clone());
        refused(format!("entry {at} ({name}) doubled"), twice);
    }
    for at in (1..last - 1).step_by(5) {
        let mut exchanged = stanzas.clone();
        // Each keeps its time: the order of times must not be what is found.
        let times = [at, at + 1].map(|i| (stanzas[i].entry.time, stanzas[i].entry.uptime));
        exchanged.swap(at, at + 1);
        for (stanza, (time, uptime)) in exchanged[at..=at + 1].iter_mut().zip(times) {
            (stanza.entry.time, stanza.entry.uptime) = (time, uptime);
        }
        refused(format!("entries {at} and {} exchanged", at + 1), exchanged);
    }
}

#[test]
fn a_record_that_stops_after_an_entry_is_unfinished() {
    let record = Record::closed();
    let entries = record.entries();
    for (at, placed) in entries.iter().enumerate().take(entries.len() - 1) {
        let checkpoint = matches!(placed.entry.event, Event::Authorise { .. });
        if !checkpoint && at % 7 != 0 {
            continue;
        }
        let claims = files::claims(&entries[..=at]);
        let kept = claims
            .keys()
            .filter_map(|path| Some((path.clone(), record.files.get(path)?.clone())));
        let mut part = Record {
            files: kept.collect(),
            beside: BTreeMap::new(),
        };
        part.files.insert(
            files::TRANSCRIPT.to_string(),
            record.transcript()[..placed.end].to_vec(),
        );
        assert_eq!(part.code(&[]), 3, "after entry {at}");
        // One signature may have been made before the other.
        if let Some((path, _)) = claims.iter().find(|(_, claim)| **claim == Claim::Pending) {
            let mut exchanged = part.clone();
            exchanged.files.remove(path);
            assert_eq!(exchanged.code(&[]), 3, "after entry {at} without {path}");
            let other = path.replace(".A.", ".B.");
            exchanged
                .files
                .insert(path.clone(), record.files[&other].clone());
            assert_eq!(
                exchanged.code(&[]),
                1,
                "after entry {at} with B's signature for A's"
            );
        }
        part.files
            .insert(files::SUMS.to_string(), record.files[files::SUMS].clone());
        assert_eq!(
            part.code(&[]),
            1,
            "SHA256SUMS without closed, after entry {at}"
        );
    }
}

#[test]
fn what_was_withheld_must_be_listed_and_only_details_may_be() {
    let record = Record::closed();
    let details: Vec<String> = record
        .files
        .keys()
        .filter(|p| p.starts_with("details/"))
        .cloned()
        .collect();
    let redacted = |gone: &[String], list: &str| {
        let mut copy = record.clone();
        copy.files.retain(|path, _| !gone.contains(path));
        copy.files
            .insert(files::REDACTED.to_string(), list.as_bytes().to_vec());
        copy.write()
    };
    let lines = |paths: &[String]| {
        paths
            .iter()
            .map(|path| format!("{path}\n"))
            .collect::<String>()
    };
    let all = lines(&details);
    let good = redacted(&details, &all);
    let (code, said) = verdict(&[good.path()], &[], &[]);
    assert_eq!(code, 3, "{said}");
    let withheld = |said: &str| said.to_lowercase().contains("withheld");
    assert!(said.split("---\n").all(withheld), "{said}");
    let reversed: Vec<String> = details.iter().rev().cloned().collect();
    let plan = vec![files::PLAN.to_string()];
    for (gone, list) in [
        (&details[..], lines(&details[1..])),
        (&details[1..], all.clone()),
        (&details[..], lines(&reversed)),
        (&details[..], all.trim_end().to_string()),
        (&details[..], format!("{all}details/9999.txt\n")),
        (&details[..], format!("{}{all}", lines(&details[..1]))),
        (&[], String::new()),
        (&plan[..], lines(&plan)),
    ] {
        assert_eq!(
            verdict(&[redacted(gone, &list).path()], &[], &[]).0,
            1,
            "{list:?}"
        );
    }
}

#[test]
fn what_lies_beside_is_compared() {
    let record = Record::closed();
    for name in ["certificate.asc", "fingerprint.txt", "fingerprint.pdf"] {
        let mut changed = record.clone();
        changed
            .beside
            .get_mut(name)
            .expect("it is on the public medium")
            .push(b'\n');
        assert_eq!(changed.code(&[]), 1, "{name} changed");
        let mut missing = record.clone();
        missing.beside.remove(name);
        assert_eq!(missing.code(&[]), 3, "{name} missing");
    }
    let mut other = record;
    other.beside.insert("notes.txt".to_string(), b"x".to_vec());
    assert_eq!(other.code(&[]), 3);
}
