//! A backup that the operators' YubiKeys open as well: made, drilled and used, with two virtual
//! tokens behind the real pcscd.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod agree;
mod drill;
mod liar;
mod opening;
#[path = "../opening_support/mod.rs"]
mod opening_support;
mod people;
#[path = "../restored/mod.rs"]
mod restored;
#[path = "../tamper_support/script.rs"]
mod script;
#[path = "../support/mod.rs"]
mod support;
#[path = "../token_support/mod.rs"]
mod token_support;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ceremony::paper::{Backup, is_file_name};
use ceremony::record::event::Event;
use ceremony::record::value::{Actors, Opener};
use ceremony::role::Role;
use ceremony::screen::Asks;
use ceremony::verify::{self, Pins};
use people::{PINS, Room, TOKENS, certificate_of, choose_tokens, with_pins};
use support::{contains, material};
use token_support::{BOB, LIMIT};
use virtual_yubikey::alone_with_pcscd;

#[test]
fn drilled_with_words_and_tokens_then_opened_with_tokens() {
    alone_with_pcscd(
        "drilled_with_words_and_tokens_then_opened_with_tokens",
        LIMIT,
        |readers| {
            let printer = tempfile::tempdir().expect("a folder");
            let mut room = Room::new(readers);
            room.table.printer = Some(printer.path().to_path_buf());
            room.make_key();
            let made = room.making();
            let opened = made.iter().filter_map(|event| match event {
                Event::QuorumOpened { quorum, opener, .. } => Some((quorum.to_string(), *opener)),
                _ => None,
            });
            let opened: Vec<_> = opened.collect();
            let by_words = ["AB", "AC", "BC"].map(|q| (q.to_string(), Opener::Library));
            let mut all = by_words.to_vec();
            all.push((TOKENS.to_string(), Opener::Token));
            assert_eq!(opened, all);
            let drilled = |event: &&Event| matches!(event, Event::Drilled { quorums: 4, .. });
            assert_eq!(made.iter().filter(drilled).count(), 1);
            the_files_are_on_both_media(&room, &made);
            the_paper_has_all_files_and_no_pin(&room, printer.path());

            let asked = Cell::new(0);
            let shown = room.opens(with_pins(|question| {
                if matches!(question.asks, Asks::DrillWord(..)) {
                    panic!("no word is asked for: {question:?}");
                }
                asked.set(asked.get() + u32::from(question.prompt.contains("to decrypt")));
                choose_tokens(question)
            }));
            assert_eq!(asked.get(), 2, "a PIN for each layer");
            assert!(shown.contains("AB-tokens opened the backup"), "{shown}");
            assert_eq!(room.opened_by(), (TOKENS.to_string(), Opener::Token));
            let entries = room.table.entries(Role::OperatorB);
            let entry = entries
                .iter()
                .find(|placed| placed.entry.event.name() == "quorum-opened");
            assert_eq!(entry.expect("it was opened").entry.actors, Actors::both());

            both_verifiers_agree(&room);
            nothing_secret_anywhere(&room);
        },
    );
}

fn the_files_are_on_both_media(room: &Room, made: &[Event]) {
    let stored: Vec<String> = made
        .iter()
        .filter_map(|event| match event {
            Event::Stored { file, .. } => Some(file.to_string()),
            _ => None,
        })
        .collect();
    let expected = ["BC.asc", "AB-tokens.asc", "RECOVERY.txt"];
    assert_eq!(stored[3..6], expected);
    assert_eq!(
        stored[9..11],
        ["revocation/BC.asc", "revocation/AB-tokens.asc"]
    );
    let id = &room.table.backup;
    let files = |role| room.table.media.device(role);
    for name in ["AB-tokens.asc", "revocation/AB-tokens.asc"] {
        let path = format!("{id}/{name}");
        let capsule = files(Role::Secret1)[&path].clone();
        assert_eq!(files(Role::Secret2)[&path], capsule);
        assert!(contains(&capsule, b"Comment: REHEARSAL"));
        outside_it_is_for_b(room, &capsule);
    }
    let recovery = &files(Role::Secret2)[&format!("{id}/RECOVERY.txt")];
    assert!(contains(recovery, b"AB-tokens.asc"));
}

/// The capsule that YubiKeys open is on the recovery sheets, too, and comes back from them.
fn the_paper_has_all_files_and_no_pin(room: &Room, printer: &Path) {
    let id = &room.table.backup;
    let beside = |(path, bytes): (String, Vec<u8>)| {
        let name = path.strip_prefix(&format!("{id}/"))?.to_string();
        is_file_name(&name).then_some((name, bytes))
    };
    let device = room.table.media.device(Role::Secret1);
    let files: BTreeMap<String, Vec<u8>> = device.into_iter().filter_map(beside).collect();
    assert_eq!(files.len(), 2 * (1 + 3 + 1), "{:?}", files.keys());
    let backup = Backup::new(id, &files).expect("a backup");
    restored::gives(&backup, &files);
    let printed = fs::read_to_string(printer.join("recovery-sheets.txt")).expect("it was printed");
    for file in backup.groups.iter().flat_map(|group| &group.files[1..]) {
        assert!(printed.contains(&file.label()), "{}", file.label());
    }
    for name in ["recovery-sheets", "fingerprint-sheet", "test-page"] {
        for form in ["txt", "pdf"] {
            let bytes = fs::read(printer.join(format!("{name}.{form}"))).expect("it was printed");
            for pin in PINS {
                assert!(!contains(&bytes, pin.as_bytes()), "a PIN in {name}.{form}");
            }
        }
    }
}

/// As stock gpg sees it: one recipient, AES-256 with MDC, nothing else on this layer.
fn outside_it_is_for_b(room: &Room, capsule: &[u8]) {
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("capsule.asc");
    fs::write(&file, capsule).unwrap();
    let done = Command::new("gpg")
        .args(["--batch", "--no-autostart", "--list-packets", "--homedir"])
        .args([place.path(), &file])
        .output()
        .expect("gpg is needed: apt-get install gpg");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(
        said.matches(":pubkey enc packet: version 3, algo 18")
            .count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches(":encrypted data packet:").count(), 1, "{said}");
    assert!(said.contains("mdc_method: 2"), "{said}");
    let keys = certificate_of(room, BOB).certificate().key_fingerprints();
    let subkey = keys[1].to_string().to_uppercase();
    // A key id is the end of the fingerprint (RFC 9580, section 5.5.4.2).
    assert!(said.contains(&format!("keyid {}", &subkey[24..])), "{said}");
}

fn both_verifiers_agree(room: &Room) {
    let table = &room.table;
    let of_the_key = material(&table.media.device(Role::Secret1), &table.backup);
    let verdict = verify::verify(&of_the_key, &Pins::default());
    let compared = verdict.expect("the record is in order").compared;
    assert!(compared.contains(&"AB-tokens.asc".to_string()));
    assert!(compared.contains(&"revocation/AB-tokens.asc".to_string()));
    let (code, said) = script::run(&of_the_key, &Pins::default());
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("beside       revocation/AB-tokens.asc\n"),
        "{said}"
    );

    let id = table.id().expect("it was recorded");
    let drilled = material(&table.media.device(Role::OperatorA), &table.backup);
    let opened = material(&table.media.device(Role::OperatorB), &id);
    table.verdict();
    let (code, said) = script::run(&opened, &Pins::default());
    assert_eq!(code, 3, "{said}");
    agree::on_changes(&drilled, &opened);
}

fn nothing_secret_anywhere(room: &Room) {
    let mut secrets = room.table.secrets();
    secrets.extend(PINS.map(str::to_string));
    let screen = room.table.screen.text();
    for secret in secrets {
        assert!(!screen.contains(&secret), "on the screen");
        for (stick, device) in room.table.everything() {
            for (path, bytes) in device {
                assert!(!contains(&bytes, secret.as_bytes()), "{stick}: {path}");
            }
        }
    }
}
