//! The live session, with a machine and people in memory.

mod people;

use crate::digest::Digest;
use crate::edge::block::boot::BootMedium;
use crate::live::check::{Image, Loaded, image_report, machine_report};
use crate::preflight::Level;
use crate::screen::{HEIGHT, WIDTH};
use people::{Machine, look, played};

/// From the first screen to the menu, and off at the end.
const BEGIN: &[(&str, &str)] = &[("The image", ""), ("This machine", "")];

fn with<'a>(answers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let end = [
        ("What do you want to do?", "off"),
        ("Switch off now?", "off"),
    ];
    [BEGIN, answers, &end].concat()
}

#[test]
fn damage_of_any_kind_fails_the_check_and_names_what_to_do() {
    let other = Digest::of(b"another list");
    let medium = |whole, ram| Image::Found {
        device: "sdb".to_string(),
        medium: BootMedium {
            whole,
            image: Digest::of(b"image"),
            ram,
        },
    };
    let cases: [(&str, fn(&mut super::Look, Image), Image); 7] = [
        ("medium", |l, i| l.image = i, medium(false, people::list())),
        (
            "medium",
            |l, i| l.image = i,
            Image::Unread("EIO".to_string()),
        ),
        ("memory", |l, i| l.image = i, medium(true, other)),
        ("memory", |l, _| l.loaded = Loaded::NoList, Image::None),
        (
            "memory",
            |l, _| l.loaded = Loaded::Damaged(vec!["usr/bin/gpg".to_string()]),
            Image::None,
        ),
        ("drivers", |l, _| l.drivers_closed = false, Image::None),
        ("version", |l, _| l.debug = true, Image::None),
    ];
    for (check, change, image) in cases {
        let mut look = look();
        assert!(!image_report(&look).fails(), "it was good before");
        change(&mut look, image);
        let report = image_report(&look);
        let failed: Vec<&str> = report.failed().collect();
        assert_eq!(failed, [check], "{}", report.text());
        let failed = report.lines.iter().find(|line| line.level == Level::Fail);
        assert!(failed.is_some_and(|line| line.remedy.is_some()));
    }
}

#[test]
fn a_missing_medium_and_notes_of_the_start_only_warn() {
    let mut look = look();
    look.image = Image::None;
    look.notes = vec!["The driver xhci-hcd was not loaded.".to_string()];
    let report = image_report(&look);
    assert_eq!(report.counts().warn, 2, "{}", report.text());
    assert!(!report.fails());
}

#[test]
fn a_network_interface_is_seen() {
    let mut look = look();
    look.facts.interfaces = Ok(vec!["lo".to_string(), "eth0".to_string()]);
    let failed: Vec<&str> = machine_report(&look).failed().collect();
    assert_eq!(failed, ["network"]);
}

#[test]
fn a_damaged_image_shows_no_words_to_compare() {
    let mut machine = Machine::default();
    let (good, _) = played(&mut machine, &with(&[]));
    assert!(good.contains("Words of the image's SHA-256"), "{good}");
    assert!(good.contains("may be removed now"), "{good}");
    let Image::Found { medium, .. } = &mut machine.look.image else {
        panic!("it was plugged in");
    };
    medium.whole = false;
    let (bad, _) = played(&mut machine, &with(&[]));
    assert!(bad.contains("FAIL  medium"), "{bad}");
    assert!(!bad.contains("Words of the image"), "{bad}");
    assert!(!bad.contains("may be removed now"), "{bad}");
}

#[test]
fn every_page_fits_the_screen_whatever_devices_are_called() {
    let mut machine = Machine::default();
    for at in 0..20 {
        machine.plug(&"W".repeat(126), at);
    }
    let common = super::keyboard::COMMON.iter();
    machine.layouts = common.map(|(name, _)| name.to_string()).collect();
    machine.look.printers = vec!["/dev/lp0".to_string(); 9];
    machine.look.notes = vec!["The driver was not loaded.".to_string(); 2];
    machine.look.facts.interfaces = Err(crate::edge::facts::Unseen {
        place: "/proc/self/net/dev",
        kind: std::io::ErrorKind::NotFound,
    });
    // So much is wrong that it takes two pages each.
    let answers = [
        BEGIN[0],
        BEGIN[0],
        BEGIN[1],
        BEGIN[1],
        ("The keyboard", "us"),
        ("Try the keyboard", ""),
        ("What do you want", "off"),
        ("Switch off", "off"),
    ];
    let (_, pages) = played(&mut machine, &answers);
    assert!(pages.len() >= 5);
    for page in pages {
        // The prompt needs one more line.
        assert!(page.len() < HEIGHT, "{} lines: {page:#?}", page.len());
        let widest = page.iter().map(|line| line.chars().count()).max();
        assert!(widest <= Some(WIDTH), "{page:#?}");
    }
}

#[test]
fn the_keyboard_is_chosen_by_a_name_that_exists_and_tried() {
    let mut machine = Machine {
        layouts: vec!["de".to_string(), "us".to_string()],
        ..Machine::default()
    };
    let keyboard = [
        BEGIN[0],
        BEGIN[1],
        ("The keyboard", "all"),
        ("All layouts", ""),
        ("The keyboard", "../de"),
        ("The keyboard", ""),
        ("The keyboard", "de"),
        ("Try the keyboard", "zyx"),
        ("Try the keyboard", "other"),
        ("The keyboard", ""),
        ("Try the keyboard", ""),
        ("What do you want", "off"),
        ("Switch off", "off"),
    ];
    let (said, _) = played(&mut machine, &keyboard);
    assert_eq!(machine.done, ["layout de", "layout us", "off"]);
    assert!(said.contains("There is no such layout"), "{said}");
    assert!(said.contains("de             German"), "{said}");
    assert!(
        !said.contains("Swedish"),
        "only those that are there: {said}"
    );
    assert!(said.contains("You typed zyx"), "{said}");
}

#[test]
fn a_serial_line_is_not_asked_for_a_keyboard() {
    let mut machine = Machine::default();
    played(&mut machine, &with(&[]));
    assert_eq!(machine.done, ["off"]);
}

#[test]
fn a_ceremony_runs_on_sticks_with_plan_and_facts_from_one() {
    let mut machine = Machine::default();
    machine.plug("A1", 0);
    machine.file("plan.toml");
    machine.file("site.toml");
    let answers = [
        ("What do you want", "run"),
        ("Which ceremony?", "stick"),
        ("A stick to read from", ""),
        ("Local facts", "stick"),
        ("A stick to read from", ""),
        ("Local facts", ""),
    ];
    // The last answer is Enter after the task: the page on the screen is the last one.
    let answers = [&answers[..5], &[("A stick to read from", "")]].concat();
    played(&mut machine, &with(&answers));
    assert_eq!(
        machine.done,
        [
            "mount A1",
            "fetch /desk/plan.toml",
            "clear",
            "mount A1",
            "fetch /desk/site.toml",
            "clear",
            "run run /copy/plan.toml --sticks --site /copy/site.toml",
            "off"
        ]
    );
}

#[test]
fn carried_plans_run_without_a_stick() {
    let mut machine = Machine::default();
    let answers = [
        ("What do you want", "run"),
        ("Which ceremony?", "backup-key"),
        ("Local facts", "none"),
        ("A printer?", "none"),
        ("A printer?", ""),
        ("What do you want", "rehearse"),
        ("Which ceremony?", "backup-key"),
        ("Which kind", "watch"),
        ("Which kind", ""),
        ("What do you want", "resume"),
        ("Local facts", "none"),
        ("A printer?", "none"),
        ("A printer?", ""),
    ];
    played(&mut machine, &with(&answers));
    assert_eq!(
        machine.done,
        [
            "run run backup-key --sticks",
            "run rehearse backup-key --auto",
            "run resume --sticks",
            "off"
        ]
    );
}

#[test]
fn a_printer_is_offered_where_sheets_are_printed() {
    let mut machine = Machine::default();
    let print = [
        ("What do you want", "run"),
        ("Which ceremony?", "token-key"),
        ("Local facts", "none"),
        ("A printer?", "print"),
        ("A printer?", ""),
        ("What do you want", "rehearse"),
        ("Which ceremony?", "backup-key"),
        ("Which kind", "hand"),
        ("A printer?", "print"),
        ("A printer?", ""),
        // Nothing of it is printed.
        ("What do you want", "run"),
        ("Which ceremony?", "enrol-operator"),
        ("Local facts", "none"),
        ("Local facts", ""),
    ];
    played(&mut machine, &with(&print));
    assert_eq!(
        machine.done,
        [
            "run run token-key --sticks --printer /dev/lp0",
            "run rehearse backup-key --printer /dev/lp0",
            "run run enrol-operator --sticks",
            "off"
        ]
    );
}

#[test]
fn one_of_several_printers_is_chosen_and_none_is_not_offered() {
    let mut machine = Machine::default();
    machine.look.printers.insert(0, "/dev/usb/lp0".to_string());
    let several = [
        ("What do you want", "resume"),
        ("Local facts", "none"),
        ("A printer?", "print"),
        ("A printer?", "2"),
        ("A printer?", ""),
    ];
    played(&mut machine, &with(&several));
    let done = "run resume --sticks --printer /dev/lp0";
    assert_eq!(machine.done, [done, "off"]);
    machine.look.printers.clear();
    let without = [
        ("What do you want", "resume"),
        ("Local facts", "none"),
        ("Local facts", ""),
    ];
    played(&mut machine, &with(&without));
    assert_eq!(machine.done, ["run resume --sticks", "off"]);
}

#[test]
fn a_stick_is_put_away_whatever_happens() {
    let mut machine = Machine::default();
    machine.plug("A1", 0);
    let answers = [
        // No record is on it.
        ("What do you want", "verify"),
        ("A stick", ""),
        ("A stick", ""),
        // No message is on it.
        ("What do you want", "open"),
        ("Local facts", "none"),
        ("A stick", ""),
        ("A stick", ""),
        // Left in the middle.
        ("What do you want", "phone"),
        ("A stick", "!"),
        ("A stick", "leave"),
    ];
    played(&mut machine, &with(&answers));
    assert_eq!(
        machine.done,
        ["mount A1", "clear", "mount A1", "clear", "off"]
    );
}

#[test]
fn a_message_is_opened_beside_itself_and_a_call_leaves_its_pin_on_the_stick() {
    let mut machine = Machine::default();
    machine.plug("A1", 0);
    machine.file("backup.tar.pgp");
    machine.file("2026-11-22-ab/certificate.asc");
    let answers = [
        ("What do you want", "open"),
        ("Local facts", "none"),
        ("A stick", ""),
        ("A stick", ""),
        ("A stick", ""),
        ("What do you want", "phone"),
        ("A stick", ""),
        ("A stick", ""),
    ];
    played(&mut machine, &with(&answers));
    assert_eq!(
        machine.done,
        [
            "mount A1",
            "run open /desk/backup.tar.pgp -o /desk/backup.tar.pgp.opened --sticks",
            "clear",
            "mount A1",
            "run confirm /desk/2026-11-22-ab/certificate.asc -o /desk/2026-11-22-ab.pin",
            "clear",
            "off"
        ]
    );
}

#[test]
fn a_verdict_is_shown_page_by_page() {
    let mut machine = Machine::default();
    machine.plug("A1", 0);
    machine.file("2026-11-22-ab/record/transcript.txt");
    machine.heard = (0..40).map(|at| format!("line {at}\n")).collect();
    let answers = [
        ("What do you want", "verify"),
        ("A stick", ""),
        ("A stick", "0123"),
        ("A stick", ""),
        ("The verdict", ""),
        ("The verdict", ""),
        ("The verdict", ""),
    ];
    let (said, _) = played(&mut machine, &with(&answers));
    assert_eq!(
        machine.done,
        [
            "mount A1",
            "hear verify /desk/2026-11-22-ab --operator-a=0123",
            "clear",
            "off"
        ]
    );
    assert!(said.contains("line 39"), "{said}");
}

#[test]
fn several_sticks_and_files_are_numbered_and_odd_names_are_harmless() {
    let mut machine = Machine::default();
    machine.plug("A1", 0);
    machine.plug("A2", 1);
    machine.file("one.toml");
    machine.file("t\u{1b}[2Jwo.toml");
    let answers = [
        ("What do you want", "run"),
        ("Which ceremony?", "stick"),
        ("A stick", ""),
        ("A stick", "2"),
        ("A stick", "2"),
        ("Local facts", "none"),
        ("A printer?", "none"),
        ("A printer?", ""),
    ];
    let (said, _) = played(&mut machine, &with(&answers));
    assert!(
        machine.done.contains(&"mount A2".to_string()),
        "{:?}",
        machine.done
    );
    assert!(said.contains("t?[2Jwo.toml"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}
