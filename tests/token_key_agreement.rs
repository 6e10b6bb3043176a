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
use ceremony::record::value::{Act, Actors, Holder, Opener, Token};
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
