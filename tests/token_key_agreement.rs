//! `scripts/verify-record` and the program agree on what may follow in a record of a key in a
//! token: to beginnings of a good record one more entry is added, of every kind that could be
//! thought of, and both judge it.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_key_support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ceremony::attestation::Firmware;
use ceremony::digest::{Digest, Fingerprint};
use ceremony::engine::State;
use ceremony::error::Exit;
use ceremony::plan::Plan;
use ceremony::record::entry::Entry;
use ceremony::record::event::{Detail, Event};
use ceremony::record::files::{self, Claim};
use ceremony::record::transcript::{self, Placed};
use ceremony::record::value::{Act, Actors, Holder, Mode, Opener, Token};
use ceremony::role::Role;
use ceremony::verify::{Material, Pins, verify};
use support::{Cut, Hands, KEY, LIMIT, Maker, Table, as_expected};
use virtual_yubikey::alone_with_pcscd;

type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn both_allow_and_refuse_the_same_next_entries() {
    let name = "both_allow_and_refuse_the_same_next_entries";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = Table::of_two(Hands::new(reader, Maker::known().token(KEY)));
        // Interrupted where a key in a token behaves otherwise than one in memory.
        let cut = Cut::BeforeEntry("event: token-attested");
        let held = table.hold_until(cut, as_expected()).cut();
        let cut = Cut::BeforeEntry("file: revocation/AB.asc");
        let held = table.resume_until(&held.id, cut, as_expected()).cut();
        let held = table.resume(&held.id, as_expected()).closed();
        let folder = table.medium(Role::OperatorA).join(&held.id).join("record");
        let whole = ceremony::edge::files::read_folder(&folder).expect("it is readable");
        let whole = whole.files;
        let entries = transcript::parse(&whole[files::TRANSCRIPT]).expect("it is good");
        let record = Record {
            plan: &table.plan,
            whole: &whole,
            entries: &entries,
        };
        let (mut good, mut bad) = (0, 0);
        for length in record.places() {
            for event in record.candidates(length) {
                let code = record.judged(length, &event);
                good += u32::from(code == Exit::Rehearsal as i32);
                bad += u32::from(code == Exit::Failed as i32);
            }
        }
        assert!(good >= 8 && bad >= 60, "{good} good, {bad} bad");
    });
}

struct Record<'a> {
    plan: &'a Plan,
    whole: &'a Files,
    entries: &'a [Placed],
}

impl Record<'_> {
    /// How many entries the beginnings have: each ends where something of such a key comes next.
    fn places(&self) -> Vec<usize> {
        let comes = |event: &Event| match event {
            Event::Generated { .. } | Event::TokenAttested { .. } | Event::TrialDone { .. } => true,
            Event::FingerprintCopied {} | Event::RevocationSaved { .. } => true,
            Event::Stored { file, .. } => file.as_str() == "RECOVERY.txt",
            Event::Authorise { act } => *act == Act::Trial,
            _ => false,
        };
        let places = self.entries.iter().enumerate();
        let places: Vec<usize> = places
            .filter(|(_, placed)| comes(&placed.entry.event))
            .map(|(at, _)| at)
            .collect();
        assert!(places.len() >= 7, "{places:?}");
        places
    }

    fn key(&self) -> (Fingerprint, Digest) {
        let made = self
            .entries
            .iter()
            .find_map(|placed| match &placed.entry.event {
                Event::Generated {
                    fingerprint,
                    certificate,
                    ..
                } => Some((fingerprint.clone(), *certificate)),
                _ => None,
            });
        made.expect("a key was made")
    }

    fn candidates(&self, length: usize) -> Vec<Event> {
        let (fingerprint, certificate) = self.key();
        let token = |text: &str| Token::new(text).expect("a token");
        let generated = |attempt, profile: &str| Event::Generated {
            attempt,
            profile: token(profile),
            fingerprint: fingerprint.clone(),
            certificate,
        };
        let stored = |name: &str| Event::Stored {
            file: token(name),
            sha256: Digest::of(b"a file"),
        };
        let attested = |holder| Event::TokenAttested {
            holder,
            firmware: Firmware(5, 7, 4),
        };
        let other = Fingerprint::from_bytes(&[7; 20]).expect("20 bytes");
        vec![
            // What came next in truth.
            self.entries[length].entry.event.clone(),
            generated(1, "p256"),
            generated(2, "p256"),
            generated(1, "modern"),
            attested(Holder::Key),
            attested(Holder::A),
            Event::FingerprintCopied {},
            stored("RECOVERY.txt"),
            stored("payload.asc"),
            Event::RevocationSaved { files: 2 },
            Event::RevocationSaved { files: 3 },
            Event::BackedUp { files: 3 },
            Event::QuorumOpened {
                quorum: token("AB"),
                medium: Role::Secret1,
                opener: Opener::Library,
            },
            Event::Erased {},
            Event::TrialDone {
                fingerprint: fingerprint.clone(),
            },
            Event::TrialDone { fingerprint: other },
            Event::Authorise { act: Act::Trial },
            Event::Authorise { act: Act::Generate },
        ]
    }

    /// The exit code that both give to so many entries and one more.
    fn judged(&self, length: usize, event: &Event) -> i32 {
        let (files, what) = self.with(length, event);
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &files);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
        let ran = Command::new("sh").arg(script).arg(folder.path()).output();
        let ran = ran.expect("sh is there");
        let material = Material {
            files,
            ..Material::default()
        };
        let verdict = verify(&material, &Pins::default());
        let code = match &verdict {
            Ok(verdict) => verdict.exit() as i32,
            Err(_) => Exit::Failed as i32,
        };
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let here = format!("after {length} entries {what}: {:?}\n{said}", verdict.err());
        assert_eq!(ran.status.code(), Some(code), "{here}");
        // For what it says, not for how it was forged.
        let by_the_plan = said.contains("cause        entry ");
        assert!(code != Exit::Failed as i32 || by_the_plan, "{here}");
        code
    }

    fn with(&self, length: usize, event: &Event) -> (Files, String) {
        let before = &self.entries[..length];
        let last = &before[length - 1];
        let state = State::replay(self.plan, before).expect("it is good so far");
        let number = length as u32;
        let true_one = &self.entries[length].entry;
        let detail = (event.detail() == Detail::Needed).then(|| self.detail(event));
        let entry = Entry {
            number,
            prev: last.digest,
            time: true_one.time,
            uptime: true_one.uptime.max(last.entry.uptime),
            step: Token::new(state.step_label(self.plan, event)).expect("a token"),
            event: event.clone(),
            actors: actors(event),
            detail: detail.as_ref().map(|bytes| Digest::of(bytes)),
        };
        let mut text = self.whole[files::TRANSCRIPT][..last.end].to_vec();
        text.extend(entry.bytes());
        let placed = Placed {
            digest: Digest::of(&entry.bytes()),
            end: text.len(),
            entry,
        };
        let all: Vec<Placed> = before.iter().cloned().chain([placed]).collect();
        let mut kept = Files::new();
        for (path, claim) in files::claims(&all) {
            let bytes = match &detail {
                Some(bytes) if path == Entry::detail_path(number) => Some(bytes.clone()),
                // Another attempt would have made another one; what counts is that it is there.
                _ if path == files::certificate(2) => {
                    self.whole.get(&files::certificate(1)).cloned()
                }
                _ => self.whole.get(&path).cloned(),
            };
            match (bytes, claim) {
                (Some(bytes), _) => drop(kept.insert(path, bytes)),
                (None, Claim::Pending) => {}
                (None, Claim::Hashed(_)) => panic!("{path} is missing"),
            }
        }
        // Those of the true entry are no signatures of this one.
        kept.retain(|path, _| !path.starts_with(&format!("signatures/{number:04}")));
        kept.insert(files::TRANSCRIPT.to_string(), text);
        (kept, event.name().to_string())
    }

    /// What the token really showed; for other events some text.
    fn detail(&self, event: &Event) -> Vec<u8> {
        let shown = self.entries.iter().find(|placed| {
            matches!(placed.entry.event, Event::TokenAttested { .. })
                && placed.entry.event.name() == event.name()
        });
        let path = Entry::detail_path(shown.expect("the token showed something").entry.number);
        self.whole[&path].clone()
    }
}

fn actors(event: &Event) -> Actors {
    match event {
        Event::Generated { .. }
        | Event::Stored { .. }
        | Event::BackedUp { .. }
        | Event::RevocationSaved { .. }
        | Event::Authorise { .. }
        | Event::Erased {} => Actors::none(),
        Event::TokenAttested { holder, .. } => match holder {
            Holder::Key => Actors::none(),
            other => Actors::of(other.word().chars()),
        },
        _ => Actors::both(),
    }
}

fn write(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("in the folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

/// Both read the plan anew, and refuse one that breaks a rule of such keys.
#[test]
fn both_refuse_the_same_plans() {
    let good = include_str!("../ceremony/token-key.toml");
    assert_eq!(plan_judged(good), Exit::Rehearsal as i32);
    let memory =
        include_str!("../ceremony/backup-key.toml").replace("\"backup-key\"", "\"token-key\"");
    assert_eq!(plan_judged(&memory), Exit::Rehearsal as i32);
    let said = memory.replace("[key]\n", "[key]\nwhere = \"memory\"\n");
    assert_eq!(plan_judged(&said), Exit::Rehearsal as i32);
    let kind = |plan: &str, from: &str, to: &str| {
        plan.replace(&format!("kind = \"{from}\""), &format!("kind = \"{to}\""))
    };
    let bad = [
        good.replace("where = \"token\"\n", ""),
        good.replace("where = \"token\"\n", "where = \"memory\"\n"),
        good.replace("where = \"token\"\n", "where = \"cloud\"\n"),
        good.replace("\"p256\"", "\"modern\""),
        memory.replace("\"rsa4096\"", "\"p256\""),
        memory.replace("[key]\n", "[key]\nwhere = \"token\"\n"),
        memory
            .replace("[key]\n", "[key]\nwhere = \"token\"\n")
            .replace("\"rsa4096\"", "\"p256\""),
        kind(good, "trial", "drill"),
        kind(good, "revocation", "backup"),
        kind(good, "trial", "fingerprint"),
        kind(good, "revocation", "fingerprint"),
        kind(good, "share", "fingerprint"),
        kind(&memory, "drill", "trial"),
        kind(
            &kind(&kind(good, "trial", "x"), "revocation", "trial"),
            "x",
            "revocation",
        ),
        kind(
            &kind(&kind(good, "trial", "x"), "export", "trial"),
            "x",
            "export",
        ),
        // Capsules for tokens need a drill.
        good.replace("minutes = 67\n", "minutes = 67\noperators = \"token\"\n")
            .replace("threshold = 2\n", "threshold = 2\ntokens = true\n"),
        // A trial that is not authorised.
        good.replacen(
            "minutes = 5\nauthorise = [\"A\", \"B\"]\n\n[[phase]]\nid = \"5\"",
            "minutes = 5\n\n[[phase]]\nid = \"5\"",
            1,
        ),
    ];
    for (at, plan) in bad.iter().enumerate() {
        assert!(plan != good && plan != &memory, "{at}: nothing was changed");
        assert_eq!(plan_judged(plan), Exit::Failed as i32, "{at}: {plan}");
    }
}

/// The exit code that both give to a record of one entry with this plan.
fn plan_judged(plan: &str) -> i32 {
    let detail = format!("{}\nnothing\n", "0".repeat(64)).into_bytes();
    let hash = |bytes: &[u8]| Digest::of(bytes);
    let token = |text: &str| Token::new(text).expect("a token");
    let entry = Entry {
        number: 0,
        prev: Digest::ZERO,
        time: 1_767_323_045,
        uptime: 1,
        step: token("0"),
        event: Event::Opened {
            format: 1,
            mode: Mode::Rehearsal,
            id: token("REHEARSAL-2026-01-02-token-key-00000000"),
            plan: hash(plan.as_bytes()),
            checklist: hash(b"a list"),
            program: Digest::ZERO,
            version: token("1"),
            image: None,
            previous: None,
        },
        actors: Actors::none(),
        detail: Some(hash(&detail)),
    };
    let files = Files::from([
        (files::TRANSCRIPT.to_string(), entry.bytes()),
        (files::PLAN.to_string(), plan.as_bytes().to_vec()),
        (files::CHECKLIST.to_string(), b"a list".to_vec()),
        (Entry::detail_path(0), detail),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &files);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
    let ran = Command::new("sh").arg(script).arg(folder.path()).output();
    let ran = ran.expect("sh is there");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let material = Material {
        files,
        ..Material::default()
    };
    let verdict = verify(&material, &Pins::default());
    let code = verdict
        .as_ref()
        .map_or(Exit::Failed as i32, |verdict| verdict.exit() as i32);
    assert_eq!(
        ran.status.code(),
        Some(code),
        "{:?}\n{said}\n{plan}",
        verdict.err()
    );
    let of_the_plan = said.contains("cause        plan.toml");
    assert!(code != Exit::Failed as i32 || of_the_plan, "{said}");
    code
}
