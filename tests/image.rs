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
use pty_support::{People, Terminal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

type Shared = Rc<RefCell<Table>>;

/// A ceremony with the plan and the local facts from a stick; then, back at the menu.
const RUN: [(&str, &str); 3] = [
    ("What do you want", "run"),
    ("Which ceremony", "a plan from a stick"),
    ("Local facts", "from a stick"),
];
/// The same with the plan that the image carries, whose key is RSA: that takes its time.
const RUN_CARRIED: [(&str, &str); 3] = [
    ("What do you want", "run"),
    ("Which ceremony", "backup-key"),
    ("Local facts", "from a stick"),
];
const RESUME: [(&str, &str); 2] = [
    ("What do you want", "resume"),
    ("Local facts", "from a stick"),
];
const OFF: [(&str, &str); 2] = [("What do you want", "off"), ("Switch off now", "off")];

/// Plays until the machine has switched itself off, as it was asked to.
fn play_to_the_end(table: &Shared, people: &mut People, terminal: &mut Terminal) {
    let code = people.play(terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    assert!(table.borrow().menu.is_done(), "{}", terminal.printed);
}

/// From a machine that is off to the planned stop, and off again.
fn up_to_the_stop(table: &Shared, people: &mut People, boot: Boot) {
    let slow = table.borrow().place.slow;
    let run = if slow { RUN_CARRIED } else { RUN };
    table.borrow_mut().menu = Menu::of(&[&run[..], &OFF].concat());
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
    {
        let mut table = table.borrow_mut();
        table.menu = Menu::of(&[&RESUME[..], &[("What do you want", "verify")], &OFF].concat());
        table.fingerprints = people.operators.clone();
    }
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
    checks::paper_is_right(&table, people);
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

/// Plays until the power fails.
fn play_into_darkness(table: &Shared, people: &mut People, menu: &[(&'static str, &'static str)]) {
    table.borrow_mut().menu = Menu::of(menu);
    let mut terminal = Table::switch_on(table, Boot::Cd);
    let code = people.play(&mut terminal);
    // 128 and the number of SIGKILL.
    assert_eq!(code, Some(137), "{}", terminal.printed);
    checks::unfinished_records_are_good(&table.borrow());
    // The key was in the memory.
    people.forget_fingerprint();
}

/// Twice: at a question in the middle of the backup, and in the middle of a file.
#[test]
#[ignore = "needs an image: scripts/test-image"]
fn the_power_is_cut_in_the_backup() {
    const BETWEEN_THE_COPIES: &[&str] = &["For B alone", "Plug in secret-2"];
    let table = Table::new("power_cut");
    let mut people = people(&table);
    table
        .borrow_mut()
        .later(BETWEEN_THE_COPIES, |table| table.machine().cut_power());
    play_into_darkness(&table, &mut people, &RUN);

    table.borrow_mut().later(BETWEEN_THE_COPIES, |table| {
        let file = table.sticks["secret-2"].file.clone();
        table.machine().cut_power_while_writing(&file);
    });
    play_into_darkness(&table, &mut people, &RESUME);

    table.borrow_mut().menu = Menu::of(&[&RESUME[..], &OFF].concat());
    let mut terminal = Table::switch_on(&table, Boot::Cd);
    play_to_the_end(&table, &mut people, &mut terminal);
    the_call_and_the_end(&table, &mut people);
    all_is_well(&table, &people);
    let table = table.borrow();
    let transcript = checks::transcript(&table.ceremony("public").join("record"));
    assert_eq!(
        transcript.matches("\nevent: resumed\n").count(),
        3,
        "{transcript}"
    );
    assert_eq!(
        transcript.matches("\nevent: abandoned\n").count(),
        2,
        "{transcript}"
    );
}

/// The boot stick is pulled out at the menu.
#[test]
#[ignore = "needs an image: scripts/test-image"]
fn the_boot_stick_is_removed() {
    let table = Table::new("boot_stick_removed");
    let mut people = people(&table);
    table.borrow_mut().later(&["What do you want"], |table| {
        table.machine().unplug("boot")
    });
    up_to_the_stop(&table, &mut people, Boot::Stick);
    checks::unfinished_records_are_good(&table.borrow());
}

/// A stick that is written to in the backup says that it wrote. It did not.
#[test]
#[ignore = "needs an image: scripts/test-image"]
fn a_stick_that_lies_is_found_out() {
    let table = Table::new("lying_stick");
    let mut people = people(&table);
    {
        let mut table = table.borrow_mut();
        table
            .sticks
            .get_mut("secret-1")
            .expect("a stick")
            .hand_to_liar();
        table.later(&["For B alone", "Plug in secret-1"], |table| {
            let liar = table.sticks["secret-1"].liar.as_ref();
            liar.expect("it was handed to one").begin_to_forget();
        });
        table.troubles = vec!["another device"];
    }
    up_to_the_stop(&table, &mut people, Boot::Cd);
    assert!(table.borrow().troubles.is_empty(), "nobody noticed");
    the_call_and_the_end(&table, &mut people);
    all_is_well(&table, &people);
    let table = table.borrow();
    let record = table.ceremony("public").join("record");
    assert_eq!(
        checks::recorded(&record, "exception", "decided"),
        "replace-device"
    );
}
