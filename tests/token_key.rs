//! A key that is made in a YubiKey, from the plan to the last signature and to its first use.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/gpg.rs"]
mod gpg;
#[path = "token_key_support/mod.rs"]
mod support;

use std::process::Command;

use ceremony::openpgp::{Certificate, Format, TokenCertificate};
use ceremony::plan::Plan;
use ceremony::record::time;
use ceremony::role::Role;
use ceremony::verify::{Completion, Material, Pins, verify};
use support::{Hands, Held, KEY, LIMIT, Maker, Table, as_expected, pin};
use virtual_yubikey::alone_with_pcscd;

const NAME: &str = "a_key_is_made_in_a_token_tried_and_used";

#[test]
fn a_key_is_made_in_a_token_tried_and_used() {
    alone_with_pcscd(NAME, LIMIT, |[reader, _]| {
        let maker = Maker::known();
        let table = Table::new(Hands::new(reader, maker.token(KEY)));
        let held = table.hold(as_expected()).closed();
        for (name, times) in [
            ("generated", 1),
            ("token-attested", 1),
            ("revocation-saved", 1),
            ("trial-done", 1),
            ("exported", 1),
            ("call-confirmed", 1),
            ("backed-up", 0),
            ("drilled", 0),
            ("exception", 0),
        ] {
            assert_eq!(held.named(name), times, "{name}");
        }
        held.must_say("This key has no backup. If the YubiKey is lost or breaks");
        the_record_verifies(&table, &held);
        the_program_judges_the_token_again(&table, &held, &maker);
        nothing_secret_is_left(&table);
        the_certificate_is_what_was_asked_for(&table, &held);
        what_is_encrypted_can_be_read(&table, &held);
    });
}

/// By the library, by the program and by the script, on every medium that has a copy.
fn the_record_verifies(table: &Table, held: &Held) {
    for role in Role::ALL {
        let folder = table.medium(role).join(&held.id);
        let mut material = read(&folder.join("record"));
        material.beside = read(&folder).files;
        let verdict = verify(&material, &Pins::default());
        let verdict = verdict.unwrap_or_else(|fault| panic!("{role}: {fault}"));
        let whole = [Role::OperatorA, Role::OperatorB, Role::Public].contains(&role);
        let expected = match whole {
            true => Completion::Closed,
            false => Completion::Unfinished,
        };
        assert_eq!(verdict.completion, expected, "{role}");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
        let ran = Command::new("sh").arg(script).arg(&folder).output();
        let ran = ran.expect("sh is there");
        // A rehearsal.
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(ran.status.code(), Some(3), "{role}: {said}");
    }
}

/// Only who knows the maker of the software YubiKey believes what it showed.
fn the_program_judges_the_token_again(table: &Table, held: &Held, maker: &Maker) {
    let folder = table.medium(Role::Public).join(&held.id);
    let root = table.medium(Role::Public).join("root.der");
    std::fs::write(&root, maker.certificate()).expect("it can be written");
    let verify = |variable: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ceremony"));
        program.arg("verify").arg(&folder).env(variable, &root);
        let ran = program.output().expect("the program starts");
        let said = [ran.stdout, ran.stderr].concat();
        (
            ran.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let (code, said) = verify(ceremony::edge::test_only::ROOT);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains(&format!("made in YubiKey {KEY}, firmware 5.7.4")),
        "{said}"
    );
    assert!(said.contains("NO BACKUP"), "{said}");
    let (code, said) = verify("NOTHING");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the YubiKey with the key: nobody known vouches"),
        "{said}"
    );
    std::fs::remove_file(&root).expect("it was written");
}

fn read(folder: &std::path::Path) -> Material {
    let found = ceremony::edge::files::read_folder(folder).expect("it is readable");
    Material {
        files: found.files,
        odd: found.odd,
        ..Material::default()
    }
}

/// On no medium, in no file.
fn nothing_secret_is_left(table: &Table) {
    let mut secrets: Vec<String> = support::PIN
        .iter()
        .chain(&support::PUK)
        .map(ToString::to_string)
        .collect();
    secrets.extend([support::PIN.concat(), support::PUK.concat()]);
    for (path, bytes) in table.files() {
        // A half has four characters, which may stand in base64 by chance.
        for secret in secrets.iter().filter(|secret| secret.len() == 8) {
            let found = bytes.windows(8).any(|window| window == secret.as_bytes());
            assert!(!found, "{path} has a PIN or PUK");
        }
        let private = String::from_utf8_lossy(&bytes).contains("PRIVATE KEY BLOCK");
        assert!(
            !private || path.contains("operator-"),
            "{path} has a secret key"
        );
        assert!(
            !path.ends_with("payload.asc") || path.ends_with("revocation/payload.asc"),
            "{path}: a backup"
        );
    }
}

fn certificate(table: &Table, held: &Held) -> TokenCertificate {
    let file = table.file(Role::Public, &held.id, "certificate.asc");
    let certificate = Certificate::from_bytes(&file).expect("a certificate");
    TokenCertificate::from_certificate(certificate).expect("of a key in a token")
}

fn the_certificate_is_what_was_asked_for(table: &Table, held: &Held) {
    let token = certificate(table, held);
    let certificate = token.certificate();
    assert_eq!(certificate.algorithm(), "NIST P-256");
    assert_eq!(certificate.version(), 4);
    let five_years = 5 * 365 * 86_400;
    assert_eq!(
        certificate.expires(),
        Some(certificate.created() + five_years)
    );
    let ids = certificate.user_ids();
    assert!(
        ids.len() == 1 && ids[0].starts_with("REHEARSAL "),
        "{ids:?}"
    );
    let keys = token.keys();
    let state = table
        .hands
        .borrow()
        .open()
        .state()
        .expect("the token is there");
    assert_eq!(
        state.signature.and_then(|key| key.point),
        Some(keys.signing)
    );
    assert_eq!(
        state.decryption.and_then(|key| key.point),
        Some(keys.decryption)
    );
    assert!(!state.pin.default && !state.puk.default && !state.default_management_key);
    assert!(time::format(certificate.created()).starts_with("20"));
}

/// Stock gpg and this program encrypt to the key; the token decrypts, with both halves.
fn what_is_encrypted_can_be_read(table: &Table, held: &Held) {
    let token = certificate(table, held);
    let plain = b"what nobody can read alone";
    let now = token.certificate().created() + 60;
    let home = gpg::Home::at(now);
    home.import(&token.certificate().armored(None));
    let by_gpg = home.encrypt(&token.certificate().fingerprint().to_string(), plain);
    let mut sealed = Vec::new();
    token
        .certificate()
        .seal(Format::Gpg, now, &plain[..], &mut sealed, &mut |_| {})
        .expect("it can be sealed to");
    let by_us = home.armored(&sealed);
    for message in [by_gpg, by_us] {
        let mut device = table.hands.borrow().open();
        let read = token.decrypt(&message, plain.len(), now, &mut |point| {
            device.agree(&pin(), point, &mut || {})
        });
        assert_eq!(read.expect("it decrypts").expose(), plain);
    }
}

#[test]
fn the_carried_plan_says_that_there_is_no_backup() {
    let plan = Plan::parse(include_str!("../ceremony/token-key.toml")).expect("a good plan");
    let said = |command: &str| {
        let program = env!("CARGO_BIN_EXE_ceremony");
        let ran = Command::new(program).args([command, "token-key"]).output();
        let ran = ran.expect("the program starts");
        assert!(ran.status.success());
        String::from_utf8(ran.stdout).expect("text")
    };
    assert!(plan.key_is_in_a_token());
    assert!(said("check").contains("NO BACKUP"));
    assert!(said("checklist").contains("NO BACKUP"));
    assert!(plan.source().contains("NO BACKUP"));
}

#[test]
fn nobody_plays_it_without_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let program = env!("CARGO_BIN_EXE_ceremony");
    let ran = Command::new(program)
        .args(["rehearse", "token-key", "--auto", "--fast", "--out"])
        .arg(&out)
        .output()
        .expect("the program starts");
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("needs YubiKeys"), "{said}");
    assert!(!out.exists(), "nothing was begun");
}
