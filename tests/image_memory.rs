//! What is left in the live image's memory when the machine is off. A ceremony is held with it in
//! QEMU, up to the planned stop; what was typed and shown is looked for in all of the machine's
//! memory, while it must be there and when it must not. `scripts/test-image` runs this.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod image_support;
mod pty_support;
mod shell;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use image_support::menu::Menu;
use image_support::table::people;
use image_support::{Boot, Table, checks};
use pty_support::{ALTERNATE, Asked, People, Terminal, Turn, on_screen};

const CHOICES: [(&str, &str); 5] = [
    ("What do you want", "run"),
    ("Which ceremony?", "a plan from a stick"),
    ("Local facts", "from a stick"),
    ("What do you want", "off"),
    ("Switch off now?", "off"),
];

/// All of the machine's memory at a moment, in a file.
struct Dump(PathBuf);

impl Dump {
    fn take(table: &Rc<RefCell<Table>>, name: &str) -> Dump {
        let megabytes = std::env::var("IMAGE_MEMORY").expect("scripts/test-image sets it");
        let bytes = megabytes.parse::<u64>().expect("a number") * 1024 * 1024;
        let mut table = table.borrow_mut();
        let file = table.place.inside(name);
        let said = table
            .machine()
            .human(&format!("pmemsave 0 {bytes} \"{file}\""));
        assert_eq!(said, "");
        let dump = Dump(table.path(name));
        let size = std::fs::metadata(&dump.0).expect("QEMU wrote it").len();
        assert_eq!(size, bytes);
        dump
    }

    /// What of this is in it, and where.
    fn holds(&self, secrets: &BTreeSet<String>) -> Vec<String> {
        let patterns = self.0.with_extension("patterns");
        let lines: Vec<&str> = secrets.iter().map(String::as_str).collect();
        std::fs::write(&patterns, lines.join("\n")).expect("a file");
        let mut grep = Command::new("grep");
        grep.args(["-a", "-o", "-b", "-F", "-f"])
            .arg(patterns)
            .arg(&self.0);
        let output = grep.env("LC_ALL", "C").output().expect("grep starts");
        assert!(output.status.code() < Some(2), "{output:?}");
        let found = String::from_utf8_lossy(&output.stdout);
        found.lines().map(str::to_string).collect()
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // Half a gigabyte; kept when something was found in it.
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

fn set(secrets: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    secrets.into_iter().collect()
}

/// The rows of the secret page, as they are on the screen.
fn rows(asked: &Asked) -> BTreeSet<String> {
    let (_, page) = asked.text.split_once(ALTERNATE).expect("a secret page");
    let page = on_screen(page);
    let rows = page.lines().map(str::trim);
    // `1. aardvark ...`; the rest of the page is the program's own text.
    let is_row = |row: &&str| row.starts_with(|c: char| c.is_ascii_digit()) && row.contains(". ");
    set(rows.filter(is_row).map(str::to_string))
}

/// Three words in a row are no accident.
fn parts(people: &People) -> BTreeSet<String> {
    let cards = people.cards.values();
    set(cards.flat_map(|card| card.windows(3).map(|words| words.join(" "))))
}

struct Seen {
    typed: Dump,
    shown: Dump,
    rows: BTreeSet<String>,
}

/// Plays up to the question whether the machine is to be switched off.
fn play(table: &Rc<RefCell<Table>>, people: &mut People, terminal: &mut Terminal) -> Seen {
    let (mut typed, mut shown, mut all) = (None, None, BTreeSet::new());
    loop {
        let Turn::Asked(asked) = terminal.turn() else {
            panic!("it ended:\n{}", terminal.printed);
        };
        if typed.is_none() && asked.question.starts_with("the same again") {
            typed = Some(Dump::take(table, "typed"));
        }
        if asked.text.contains(ALTERNATE) {
            all.extend(rows(&asked));
            shown.get_or_insert_with(|| Dump::take(table, "shown"));
        }
        let keys = match plugged(table, &asked) {
            true => String::new(),
            false => people.answer(&asked),
        };
        terminal.press(&format!("{keys}\r"));
        if asked.title.starts_with("Switch off now?") {
            return Seen {
                typed: typed.expect("a passphrase was chosen"),
                shown: shown.expect("words were shown"),
                rows: all,
            };
        }
    }
}

/// Whether a stick was asked for, and is plugged in now. It stays: how sticks come and go is shown
/// elsewhere.
fn plugged(table: &Rc<RefCell<Table>>, asked: &Asked) -> bool {
    let title = asked.title.as_str();
    let wanted = ["The stick for ", "Plug in "];
    let role = wanted.iter().find_map(|before| title.strip_prefix(before));
    let Some(role) = role.filter(|_| asked.question.starts_with("Press Enter")) else {
        return false;
    };
    let mut table = table.borrow_mut();
    let id = format!("drive-{role}");
    if table.machine().human("info block").contains("drive-plans") {
        table.unplug("plans");
    }
    if !table.machine().human("info block").contains(&id) {
        let serial = table.sticks[role].serial.clone();
        let file = table.place.inside(&format!("{role}.img"));
        table.machine().plug(role, &serial, &file);
    }
    true
}

fn wait_until_off(table: &Rc<RefCell<Table>>) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !table
        .borrow_mut()
        .machine()
        .human("info status")
        .contains("shutdown")
    {
        assert!(Instant::now() < deadline, "the machine did not switch off");
        sleep(Duration::from_millis(500));
    }
}

#[test]
#[ignore = "needs an image: scripts/test-image"]
fn nothing_secret_is_in_memory_when_the_machine_is_off() {
    let table = Table::new("memory");
    let mut people = people(&table);
    table.borrow_mut().menu = Menu::of(&CHOICES);
    let mut terminal = Table::switch_on(&table, Boot::Cd);
    let seen = play(&table, &mut people, &mut terminal);
    wait_until_off(&table);
    let after = Dump::take(&table, "after");

    let passphrases = set(people.passphrases.clone());
    let k = set(checks::ks(&table.borrow(), &people));
    let all: BTreeSet<String> = [&passphrases, &k, &seen.rows, &parts(&people)]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    // The controls: what must be there is found. K has none: it is nowhere whole but while it is
    // being used, and then no question is asked.
    for (what, dump, secrets) in [
        ("a passphrase", &seen.typed, &passphrases),
        ("a row of words", &seen.shown, &seen.rows),
        ("words of a share", &seen.shown, &parts(&people)),
    ] {
        let found = dump.holds(secrets).len();
        eprintln!("control: {what} was found {found} times");
        assert!(found > 0, "control: {what} was not found while it was used");
    }
    let found = after.holds(&all);
    assert!(found.is_empty(), "in memory after power-off: {found:#?}");
}
