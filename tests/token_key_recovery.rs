//! The revocation certificate of a key in a token is opened as RECOVERY.txt says, with stock gpg at
//! a terminal and the words from the cards. The commands are the printed ones, byte for byte.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod restored;
mod shell;
#[path = "token_key_support/mod.rs"]
mod support;

use ceremony::backup::quorum::Custodian;
use std::collections::BTreeMap;
use std::process::Command;

use ceremony::openpgp::Certificate;
use ceremony::paper::Backup;
use ceremony::record::event::Event;
use ceremony::record::value::{Part, Sheet};
use ceremony::role::Role;
use ceremony::sheet::RecoverySheets;
use shell::{Kept, Printed, Shell};
use support::{Hands, Held, KEY, LIMIT, Maker, PIN, PUK, Table, as_expected};
use virtual_yubikey::alone_with_pcscd;

struct Finished<'a>(&'a Table, Held);

impl Kept for Finished<'_> {
    fn page(&self, medium: &str) -> Vec<u8> {
        let role = match medium {
            "secret-1" => Role::Secret1,
            _ => Role::Secret2,
        };
        self.0.file(role, &self.1.id, "RECOVERY.txt")
    }

    fn words(&self, custodian: Custodian) -> String {
        self.0.card(custodian.letter(), Part::Whole)
    }
}

#[test]
fn the_key_is_declared_invalid_as_it_is_printed() {
    let name = "the_key_is_declared_invalid_as_it_is_printed";
    held::need(&["gpg", "gpgconf"]);
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = Table::of_two(Hands::new(reader, Maker::known().token(KEY)));
        let finished = Finished(&table, table.hold(as_expected()).closed());
        let printed = Printed::of(&finished);
        let folder = table.medium(Role::Secret1).join(&finished.1.id);
        let before =
            Certificate::from_bytes(&table.file(Role::Public, &finished.1.id, "certificate.asc"));
        let before = before.expect("a certificate");
        assert!(!before.is_revoked());
        let mut shell = Shell::start(&folder);
        shell.run_all(&finished, &printed.prepare);
        let title = "The revocation certificate, with the words of A and B";
        shell.run_all(&finished, printed.section(title));
        let (join, clear) = printed.section("Then, with the certificate").split_at(3);
        shell.run_all(&finished, join);
        let revoked = std::fs::read(shell.home().join("revoked.asc")).expect("it was written");
        let after = Certificate::from_bytes(&revoked).expect("a certificate");
        assert_eq!(after.fingerprint(), before.fingerprint());
        assert!(after.is_revoked());
        shell.run_all(&finished, clear);
        assert!(!shell.home().exists(), "the last command removes the place");
    });
}

/// The revocation certificate's backup is printed, whole, and nothing secret with it; the command
/// that prints it later takes it as well, but no key's backup without the key.
#[test]
fn the_revocation_certificate_gets_onto_paper() {
    let name = "the_revocation_certificate_gets_onto_paper";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let mut table = Table::of_two(Hands::new(reader, Maker::known().token(KEY)));
        let printer = tempfile::tempdir().expect("a folder");
        table.printer = Some(printer.path().to_path_buf());
        let held = table.hold(as_expected()).closed();
        let printed = |event: &Event| match event {
            Event::Printed { sheet, .. } => Some(*sheet),
            _ => None,
        };
        let sheets: Vec<Sheet> = held.events.iter().filter_map(printed).collect();
        assert_eq!(sheets, Sheet::ALL);
        held.must_say("seal number of the recovery sheets");

        let mut files = BTreeMap::new();
        for name in ["payload.asc", "AB.asc"].map(|name| format!("revocation/{name}")) {
            let bytes = table.file(Role::Secret1, &held.id, &name);
            files.insert(name, bytes);
        }
        let backup = Backup::new(&held.id, &files).expect("a backup");
        restored::gives(&backup, &files);
        let page = table.file(Role::Secret1, &held.id, "RECOVERY.txt");
        let page = String::from_utf8(page).expect("ASCII");
        let expected = RecoverySheets::new(backup, Some(&page)).text();
        let read = |name: &str| std::fs::read_to_string(printer.path().join(name));
        assert_eq!(read("recovery-sheets.txt").expect("printed"), expected);

        // What else would be secret here: the halves of the PIN and the PUK, and the words.
        let cards = ['A', 'B'].map(|custodian| table.card(custodian, Part::Whole));
        let rows = cards.iter().flat_map(|words| {
            let words: Vec<&str> = words.split(' ').collect();
            words
                .windows(3)
                .map(|row| row.join(" "))
                .collect::<Vec<_>>()
        });
        let mut secrets: Vec<String> = rows.collect();
        secrets.extend(PIN.iter().chain(&PUK).map(ToString::to_string));
        let mut on_paper = String::new();
        for file in held::files(printer.path()) {
            on_paper += &String::from_utf8_lossy(&std::fs::read(&file).expect("it is there"));
        }
        let found = |text: &str| secrets.iter().filter(|s| text.contains(*s)).count();
        assert_eq!(found(&on_paper), 0);
        on_paper += &format!("{} {} {} {}", cards[1], PIN[0], PUK[1], cards[0]);
        assert!(found(&on_paper) >= secrets.len() - 2, "control");

        let folder = table.medium(Role::Secret1).join(&held.id);
        let sheet = || {
            let program = env!("CARGO_BIN_EXE_ceremony");
            let command = [std::ffi::OsStr::new("sheet"), "--recovery".as_ref()];
            let ran = Command::new(program).args(command).arg(&folder).output();
            let ran = ran.expect("the program starts");
            (ran.status.code(), [ran.stdout, ran.stderr].concat())
        };
        assert_eq!(sheet(), (Some(0), expected.into_bytes()));
        std::fs::remove_file(folder.join("record/plan.toml")).expect("it is there");
        let (code, said) = sheet();
        assert_eq!(code, Some(2));
        assert!(String::from_utf8_lossy(&said).contains("there is no payload.asc"));
    });
}
