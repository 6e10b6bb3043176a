//! The live image and YubiKeys in software, in QEMU's card readers. `scripts/test-image` runs this.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod image_support;
mod pty_support;
mod shell;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use image_support::checks::{run, text};
use image_support::menu::Menu;
use image_support::table::people;
use image_support::{Boot, Table};
use pty_support::call::{Call, Codes};
use pty_support::{Deed, People, Terminal, Token, Turn};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
const ADDRESS: &str = "backup-address = \"Backups <backup@example.org>\"\n\n[verifier]\n\
                       call-back = \"+44 20 7946 0102\"\n";
/// As `virtual-yubikey --vscard` numbers them.
const ALICE: u32 = 10_000_001;
const BOB: u32 = 10_000_002;
const ALICES_PIN: &str = "73916402";
const BOBS_PIN: &str = "58204617";
const ALICES_PUK: &str = "26481937";
const BOBS_PUK: &str = "90418263";

const ENROL: [(&str, &str); 3] = [
    ("What do you want", "run"),
    ("Which ceremony?", "enrol-operator"),
    ("Local facts", "none"),
];
const RUN: [(&str, &str); 3] = [
    ("What do you want", "run"),
    ("Which ceremony?", "a plan from a stick"),
    ("Local facts", "from a stick"),
];
const RESUME: [(&str, &str); 2] = [
    ("What do you want", "resume"),
    ("Local facts", "from a stick"),
];
const OFF: [(&str, &str); 2] = [("What do you want", "off"), ("Switch off now?", "off")];

type Shared = Rc<RefCell<Table>>;

fn people_with_tokens(table: &Shared) -> People {
    let token = |serial, pin, puk| Some(Token { serial, pin, puk });
    let mut people = people(table);
    people.tokens = [
        token(ALICE, ALICES_PIN, ALICES_PUK),
        token(BOB, BOBS_PIN, BOBS_PUK),
    ];
    people
}

fn switch_on(table: &Shared, choices: &[&[(&'static str, &'static str)]]) -> Terminal {
    table.borrow_mut().menu = Menu::of(&choices.concat());
    Table::switch_on(table, Boot::Cd)
}

/// The root that the tokens have.
fn root(table: &Shared) -> PathBuf {
    let work = table.borrow().place.work.clone();
    work.parent().expect("a case's folder").join("root.der")
}

#[test]
#[ignore = "needs an image: scripts/test-image"]
fn software_tokens_are_refused_as_imitations() {
    let table = Table::new("token_imitation");
    let mut people = people_with_tokens(&table);
    let mut terminal = switch_on(&table, &[&ENROL]);
    let mut questions = 0;
    loop {
        let Turn::Asked(asked) = terminal.turn() else {
            panic!("it ended:\n{}", terminal.printed);
        };
        let said = asked.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.contains("nobody known vouches for this token: it may be an imitation") {
            break;
        }
        questions += 1;
        assert!(questions < 200, "not refused:\n{}", terminal.printed);
        let keys = people.answer(&asked);
        terminal.press(&format!("{keys}\r"));
    }
    // The self-check counted them, in whatever order they were plugged in.
    let counted = [(ALICE, BOB), (BOB, ALICE)].map(|(one, two)| format!("tokens  {one}, {two}"));
    let counted = counted.iter().any(|line| terminal.printed.contains(line));
    assert!(counted, "{}", terminal.printed);
}

fn play_to_the_end(table: &Shared, people: &mut People, terminal: &mut Terminal) {
    let code = people.play(terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    assert!(table.borrow().menu.is_done(), "{}", terminal.printed);
}

/// The folder of the ceremony of this plan on a stick.
fn folder(table: &Shared, role: &str, plan: &str) -> PathBuf {
    let files = table.borrow().files(role);
    let found = std::fs::read_dir(files).expect("what is on the stick");
    let mut found = found.map(|entry| entry.expect("readable").path());
    let fits = |path: &PathBuf| path.display().to_string().contains(&format!("-{plan}-"));
    found.find(fits).expect("the ceremony's folder")
}

/// Good for the program that knows the tokens' root, and for the script.
fn assert_verifies(table: &Shared, role: &str, plan: &str, people: &People) {
    let record = folder(table, role, plan).join("record");
    let record = record.display().to_string();
    let [a, b] = people.operators.as_slice() else {
        panic!("two fingerprints: {:?}", people.operators);
    };
    let mut program = Command::new(PROGRAM);
    program.args(["verify", &record, "--operator-a", a, "--operator-b", b]);
    let verified = program.env("CEREMONY_TEST_ONLY_ROOT", root(table)).output();
    let verified = verified.expect("the program starts");
    let said = text(&verified);
    assert_eq!(verified.status.code(), Some(0), "{role}: {said}");
    assert!(said.contains("attested under CN=Virtual root"), "{said}");
    let script = run(SCRIPT, &[&record, a, b]);
    let said = text(&script);
    assert_eq!(script.status.code(), Some(0), "{role}: {said}");
    assert!(said.contains("token, firmware 5.7."), "{said}");
}

fn assert_no_secrets(table: &Shared, printed: &str) {
    let table = table.borrow();
    let sticks = table.sticks.values().map(|stick| stick.text());
    let everything: Vec<String> = sticks.chain([printed.to_string()]).collect();
    for secret in [ALICES_PIN, BOBS_PIN, ALICES_PUK, BOBS_PUK] {
        let found = everything.iter().any(|text| text.contains(secret));
        assert!(!found, "a secret was left behind");
    }
}

#[test]
#[ignore = "needs an image: scripts/test-image"]
fn two_people_with_tokens_are_enrolled_and_hold_a_ceremony() {
    let table = Table::new("tokens");
    let mut enrolled = people_with_tokens(&table);
    let mut terminal = switch_on(&table, &[&ENROL, &OFF]);
    play_to_the_end(&table, &mut enrolled, &mut terminal);
    assert_verifies(&table, "public", "enrol-operator", &enrolled);
    assert_no_secrets(&table, &terminal.printed);
    let pins = folder(&table, "operator-a", "enrol-operator").join("site.toml");
    let pins = std::fs::read_to_string(pins).expect("the lines that pin both");
    drop(terminal);

    // Their certificates are on their own sticks from then on.
    table.borrow().sticks["plans"].write("site.toml", &format!("{ADDRESS}\n{pins}"));
    let mut known = people_with_tokens(&table);
    let mut terminal = switch_on(&table, &[&RUN, &OFF]);
    play_to_the_end(&table, &mut known, &mut terminal);
    assert_eq!(known.operators, enrolled.operators);

    // The planned stop: the handover stick has gone to the verifier, who calls.
    let mail = folder(&table, "handover", "backup-key");
    let confirm = format!(
        "cd {} && {PROGRAM} confirm certificate.asc -o key.pin",
        mail.display()
    );
    let root = root(&table).display().to_string();
    // Both records are on the operators' sticks; in the order of their names.
    known.deeds.push(Deed {
        title: "Several records",
        question: "Its number",
        keys: "1",
    });
    let mut room = switch_on(&table, &[&RESUME, &OFF]);
    let mut far = Terminal::start(&confirm, &[("CEREMONY_TEST_ONLY_ROOT", &root)]);
    far.patience = room.patience;
    let codes = Call::new(&mut room, &mut known, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert!(table.borrow().menu.is_done(), "{}", room.printed);
    for role in ["operator-a", "operator-b", "public"] {
        assert_verifies(&table, role, "backup-key", &known);
    }
    let printed = [terminal.printed, room.printed, far.printed].concat();
    assert_no_secrets(&table, &printed);
}
