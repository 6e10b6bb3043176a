//! The table itself: a child of the test sees, through libpcsclite, just what lies on it.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_support/mod.rs"]
mod support;
#[path = "token_support/table.rs"]
mod table;

use std::path::Path;
use std::process::{Command, Stdio};

use ceremony::attestation::{self, Attestation};
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::token::{Reference, Slot, TokenError, Tokens};
use ceremony::openpgp::verify_detached;
use support::{ALICE, BOB, LIMIT, NOW, PIN, PUK, text};
use table::Table;
use virtual_yubikey::{Reader, SharedToken, Touch, Version, alone_with_pcscd};

/// What the child is to do, and where it writes down what it found.
const TASK: &str = "TOKEN_TABLE_TASK";
const REPORT: &str = "TOKEN_TABLE_REPORT";
const CAROL: u32 = 10_003;

/// Not a test by itself.
#[test]
#[ignore = "the child that the others start"]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    ceremony::edge::test_only::trust_root();
    let report = match task.as_str() {
        "list" => list(),
        "enrol" => enrol(),
        "sign" => sign(),
        _ => panic!("there is no task {task}"),
    };
    std::fs::write(std::env::var_os(REPORT).unwrap(), report).unwrap();
}

fn list() -> String {
    match PcscTokens::default().list() {
        Err(TokenError::NoService(_)) => "no service".to_string(),
        Err(error) => format!("{error:?}"),
        Ok(found) => {
            let mut serials: Vec<_> = found.iter().map(|about| about.serial).collect();
            serials.sort_unstable();
            format!("{serials:?}")
        }
    }
}

/// A virgin token, from the factory to two keys that the root vouches for.
fn enrol() -> String {
    let mut token = PcscTokens::default().open(ALICE).unwrap();
    let keys = support::set_up(token.as_mut());
    let chain = token.attest(Slot::Signature).unwrap();
    let judged = attestation::verify(&chain, Slot::Signature, &keys.signing).unwrap();
    match judged {
        Attestation::UnknownRoot { .. } => "unknown root".to_string(),
        _ => "vouched for".to_string(),
    }
}

/// A token that was set up before is ready, and so is its certificate.
fn sign() -> String {
    let mut token = PcscTokens::default().open(ALICE).unwrap();
    let state = token.state().unwrap();
    state.is_set_up().unwrap();
    assert_eq!(
        state.pin,
        Reference {
            default: false,
            left: 3,
            of: 3
        }
    );
    for slot in [Slot::Signature, Slot::Decryption] {
        let key = state.slot(slot).unwrap();
        assert!(key.generated && key.pin_always && key.touch_always);
    }
    token.protect(&text(PIN)).expect("the key behind the PIN");
    let digest = [7; 32];
    match token.sign(&text(PIN), &digest, &mut || {}) {
        Ok(_) => "signed".to_string(),
        Err(TokenError::NotTouched) => "not touched".to_string(),
        Err(error) => format!("{error:?}"),
    }
}

fn run(table: &Table, task: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let log = std::fs::File::create(at("log")).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .envs(table.environment())
        .env(TASK, task)
        .env(REPORT, at("report"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status()
        .unwrap();
    assert!(status.success(), "{task}:\n{}", read(&at("log")));
    read(&at("report"))
}

fn puts(reader: &mut Reader, token: &SharedToken) {
    reader.insert(token).unwrap();
}

#[test]
fn a_child_sees_what_lies_on_the_table_and_at_once() {
    let mut table = Table::new();
    assert_eq!(run(&table, "list"), "[]");
    let [alice, bob, carol] = [ALICE, BOB, CAROL].map(|serial| table.token(serial, Version::V5_7));
    puts(&mut table.readers[0], &alice);
    puts(&mut table.readers[1], &bob);
    assert_eq!(run(&table, "list"), "[10001, 10002]");
    table.readers[0].remove_and_wait().unwrap();
    assert_eq!(run(&table, "list"), "[10002]");
    table.readers[1].swap(&carol).unwrap();
    assert_eq!(run(&table, "list"), "[10003]");
    puts(&mut table.readers[0], &bob);
    assert_eq!(run(&table, "list"), "[10002, 10003]");
}

#[test]
fn three_tokens_are_in_three_of_four_readers() {
    let mut table = Table::with_four_readers();
    assert_eq!(table.readers.len(), 4);
    for (place, serial) in [(0, ALICE), (2, BOB), (3, CAROL)] {
        let token = table.token(serial, Version::V5_4);
        puts(&mut table.readers[place], &token);
    }
    assert_eq!(run(&table, "list"), "[10001, 10002, 10003]");
    table.readers[2].remove_and_wait().unwrap();
    assert_eq!(run(&table, "list"), "[10001, 10003]");
}

#[test]
fn without_pcscd_there_is_no_service_until_it_comes() {
    let mut table = Table::without_pcscd();
    assert_eq!(run(&table, "list"), "no service");
    table.start_pcscd();
    let alice = table.token(ALICE, Version::V5_7);
    puts(&mut table.readers[0], &alice);
    assert_eq!(run(&table, "list"), "[10001]");
    table.stop_pcscd();
    assert_eq!(run(&table, "list"), "no service");
    table.start_pcscd();
    assert_eq!(run(&table, "list"), "[]");
}

#[test]
fn two_tables_share_nothing() {
    let [mut one, mut other] = [Table::new(), Table::new()];
    let (alice, bob) = (
        one.token(ALICE, Version::V5_7),
        other.token(BOB, Version::V5_7),
    );
    puts(&mut one.readers[0], &alice);
    puts(&mut other.readers[0], &bob);
    assert_eq!(
        [run(&one, "list"), run(&other, "list")],
        ["[10001]", "[10002]"]
    );
    // Nor is one's token vouched for by the other's root.
    let foreign = one.token(ALICE, Version::V5_7);
    other.readers[0].swap(&foreign).unwrap();
    assert_eq!(run(&other, "enrol"), "unknown root");
}

#[test]
fn a_virgin_token_is_enrolled_and_the_root_vouches_for_it() {
    for version in [Version::V5_4, Version::V5_7] {
        let mut table = Table::new();
        let alice = table.token(ALICE, version);
        puts(&mut table.readers[1], &alice);
        assert_eq!(run(&table, "enrol"), "vouched for", "{version:?}");
    }
}

#[test]
fn a_token_that_was_set_up_signs_when_it_is_touched() {
    for version in [Version::V5_4, Version::V5_7] {
        let mut table = Table::new();
        let alice = table.token(ALICE, version);
        table::set_up(&alice, PIN, PUK, NOW - 60);
        puts(&mut table.readers[0], &alice);
        assert_eq!(run(&table, "sign"), "signed", "{version:?}");
        alice.lock().set_touch(Touch::NEVER);
        assert_eq!(run(&table, "sign"), "not touched", "{version:?}");
    }
}

#[test]
fn the_certificate_of_a_token_that_was_set_up_is_what_its_token_signs_for() {
    // Beside the children: this process is a client of its own service.
    alone_with_pcscd(
        "the_certificate_of_a_token_that_was_set_up_is_what_its_token_signs_for",
        LIMIT,
        |[mut reader, _]| {
            let table = Table::without_pcscd();
            let alice = table.token(ALICE, Version::V5_7);
            let keys = table::set_up(&alice, PIN, PUK, NOW - 60);
            let by = table::certificate(&alice, PIN, &keys, "Operator A <a@example.org>");
            reader.insert(&alice).unwrap();
            let mut token = PcscTokens::default().open(ALICE).unwrap();
            let signature = support::sign(token.as_mut(), &by, b"a message").unwrap();
            verify_detached(&signature, by.certificate(), b"a message").unwrap();
            assert!(verify_detached(&signature, by.certificate(), b"another").is_err());
        },
    );
}
