//! Mistakes and missing fingers in a real terminal: all of it fits the screen, and no PIN or PUK
//! is on it, with `RUST_LOG=trace` either.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;
#[path = "token_support/table.rs"]
mod table;

use pty_support::{Deed, People, Terminal, Token};
use table::Table;
use tempfile::TempDir;
use virtual_yubikey::{Touch, Version};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const ALICE: u32 = 10_000_001;
const BOB: u32 = 10_000_002;
const SECRETS: [&str; 5] = ["73916402", "58204617", "26481937", "90418263", WRONG];
const WRONG: &str = "60281745";

fn deed(title: &'static str, question: &'static str, keys: &'static str) -> Deed {
    Deed {
        question,
        title,
        keys,
    }
}

#[test]
fn mistakes_fit_the_screen_and_show_no_secret() {
    let mut readers = Table::new();
    let tokens = [
        readers.token(ALICE, Version::V5_4),
        readers.token(BOB, Version::V5_7),
    ];
    for (reader, token) in readers.readers.iter_mut().zip(&tokens) {
        reader.insert(token).expect("the reader is empty");
    }
    let mut asked = 0;
    let sometimes = move || {
        asked += 1;
        asked % 3 != 1
    };
    tokens[1].lock().set_touch(Touch::Ask(Box::new(sometimes)));

    let folder = TempDir::with_prefix("screen-").expect("a folder");
    let environment = readers.environment();
    let mut environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    environment.push(("RUST_LOG", "trace"));
    let line = format!(
        "cd {} && {PROGRAM} rehearse enrol-operator --out rehearsal",
        folder.path().display()
    );
    let mut terminal = Terminal::start(&line, &environment);
    let [pin_a, pin_b, puk_a, puk_b, _] = SECRETS;
    let token = |serial, pin, puk| Some(Token { serial, pin, puk });
    let mut people = People::default();
    people.tokens = [token(ALICE, pin_a, puk_a), token(BOB, pin_b, puk_b)];
    people.deeds = vec![
        deed("Operator A's YubiKey", "The number", "99"),
        deed("Operator A's YubiKey", "The number", "!"),
        deed("Operator A chooses a PIN", "new PIN", "123456"),
        deed("Operator A chooses a PIN", "the same again", WRONG),
        deed("Operator A chooses a PUK", "new PUK", pin_a),
        deed("Operator B's YubiKey", "The number", "10000001"),
        deed("Both operators sign", "Operator A, type your PIN", WRONG),
        deed("Both operators sign", "Operator A, type your PIN", "123"),
    ];
    let deeds = people.deeds.len();
    assert_eq!(people.play(&mut terminal), Some(0), "{}", terminal.printed);
    assert_eq!(people.done.len(), deeds, "{:?}", people.done);
    for part in [
        "There is no YubiKey with that number in this machine.",
        "That is one of the first that a thief would try.",
        "The two are not the same.",
        "That is your PIN. Choose another one.",
        "That is the other operator's YubiKey.",
        "Not signed: that is not the PIN; 2 tries are left.",
        "Not signed: a PIN or PUK has 6 to 8 characters",
        "Not done: the YubiKey was not touched in time.",
        "Not signed: the YubiKey was not touched in time.",
    ] {
        assert!(terminal.printed.contains(part), "{part}");
    }
    for secret in SECRETS {
        assert!(!terminal.printed.contains(secret), "a secret was shown");
    }
    assert_eq!(tokens[0].lock().tries_left(), (3, 3));
}
