//! What the live image starts, in a real terminal, with the real helper above a machine in a
//! folder: the self-check, a ceremony from the menu, a record that is checked, power off.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod media_support;
mod pty_support;

use std::fs;
use std::path::Path;

use ceremony::digest::Digest;
use media_support::{Machine, SEAM, fat};
use pty_support::{Terminal, Turn, on_screen};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

/// An image of this size, as the build finishes it, whose list of files is this.
fn image(list: &str) -> Vec<u8> {
    const FIELD: usize = 16 * 2048 + 883;
    let mut image = vec![7; 100_000];
    image[32769..32774].copy_from_slice(b"CD001");
    image[32808..32816].copy_from_slice(b"CEREMONY");
    image[FIELD..FIELD + 512].fill(0);
    let (whole, list) = (Digest::of(&image), Digest::of(list.as_bytes()));
    let text = format!("ceremony-image bytes=100000 sha256={whole} ram={list}\n");
    image[FIELD..FIELD + text.len()].copy_from_slice(text.as_bytes());
    image
}

/// A machine that was started from an image, the stick still plugged in.
fn started() -> Machine {
    let machine = Machine::bare().started();
    let file = b"a file of the image";
    let list = format!("{}  usr/bin/file\n", Digest::of(file));
    machine.put("usr/bin/file", file);
    machine.put("etc/ceremony-image/manifest", list.as_bytes());
    machine.put(
        "etc/ceremony-image/about",
        b"version: 1\nkernel: 6.1.0-1-amd64\n",
    );
    machine.put("proc/sys/kernel/modules_disabled", b"1\n");
    machine.put("run/boot-facts", b"secure-boot: on\n");
    machine.put("dev/lp0", b"");
    fs::create_dir(machine.path("home")).expect("a folder");
    machine.disk("sdb", 16, Some(0), &image(&list));
    machine
}

/// Starts it, and answers each question: the page's title, what is typed, and what must be on the
/// screen before.
fn play(machine: &Machine, answers: &[(&str, &str, &str)]) -> (i32, String) {
    let seam = machine.folder.path().to_str().expect("a plain path");
    let line = format!("cd {seam}/home && {PROGRAM} live");
    let mut terminal = Terminal::start(&line, &[(SEAM, seam)]);
    let mut answers = answers.iter().peekable();
    loop {
        let asked = match terminal.turn() {
            Turn::Ended(code) => {
                assert_eq!(answers.next(), None, "it ended early: {}", terminal.printed);
                return (code, on_screen(&terminal.printed));
            }
            Turn::Asked(asked) => asked,
        };
        // Where much is wrong with the machine that runs the test it takes a page more.
        let goes_on = asked.question.starts_with("Press Enter to go on");
        if goes_on
            && answers
                .peek()
                .is_some_and(|(title, ..)| !asked.title.starts_with(title))
        {
            terminal.press("\r");
            continue;
        }
        let (title, typed, seen) = answers
            .next()
            .unwrap_or_else(|| panic!("nobody answers {}: {}", asked.title, terminal.printed));
        assert!(
            asked.title.starts_with(title),
            "{title}: {}",
            terminal.printed
        );
        let text = on_screen(&asked.text);
        assert!(text.contains(seen), "{seen:?} is not there:\n{text}");
        assert!(asked.lines <= 24, "{} lines do not fit", asked.lines);
        let number = numbered(&text, typed);
        terminal.press(&format!("{}\r", number.as_deref().unwrap_or(typed)));
    }
}

/// The number of a choice that begins with a word.
fn numbered(text: &str, word: &str) -> Option<String> {
    let mut lines = text.lines().filter(|_| !word.is_empty());
    lines.find_map(|line| {
        let (number, rest) = line.trim_start().split_once("  ")?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && rest.trim_start().split(' ').next() == Some(word)).then(|| number.to_string())
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("readable");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("known").is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

#[test]
fn from_the_first_screen_to_power_off() {
    let machine = started();
    machine.disk("sdc", 32, Some(1), &fat());
    machine.put(
        "sticks/sdc/plan.toml",
        include_bytes!("../ceremony/backup-key.toml"),
    );
    machine.put(
        "sticks/sdc/site.toml",
        include_bytes!("../ceremony/site.example.toml"),
    );
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/1/closed/record");
    copy(&record, &machine.path("sticks/sdc/2026-01-01-abcd/record"));
    let (code, printed) = play(
        &machine,
        &[
            ("The image", "", "sdb: the image on it is whole"),
            ("This machine", "", "PASS  clock"),
            ("What do you want to do?", "run", ""),
            ("Which ceremony?", "a", "backup-key"),
            ("A stick to read from", "", ""),
            ("Local facts", "from", "from a stick"),
            ("A stick to read from", "", ""),
            ("The stick for operator-a", "!", ""),
            (
                "The stick for operator-a",
                "leave,",
                "Nothing is recorded yet.",
            ),
            ("The stick for operator-a", "", "It ended with code 1."),
            ("What do you want to do?", "verify", ""),
            ("A stick to read from", "", ""),
            ("A stick to read from", "", "The record: 2026-01-01-abcd"),
            ("A stick to read from", "", ""),
            ("The verdict", "", "complete"),
            ("What do you want to do?", "off", ""),
            ("Switch off now?", "off", ""),
        ],
    );
    assert_eq!(code, 0, "{printed}");
    let acts = machine.acts();
    assert_eq!(
        acts.last().map(String::as_str),
        Some("power off"),
        "{acts:?}"
    );
    let mounts = acts.iter().filter(|act| act.starts_with("mount ")).count();
    let unmounts = acts
        .iter()
        .filter(|act| act.starts_with("unmount "))
        .count();
    assert_eq!((mounts, unmounts), (3, 3), "{acts:?}");
    assert!(!printed.contains("DEBUG IMAGE"));
    // The boot stick is no stick for a ceremony.
    assert!(printed.contains("PASS  sticks  A1 (16.0 GB)"), "{printed}");
    assert!(printed.contains("The plan: plan.toml"), "{printed}");
    assert!(printed.contains("PASS  printer /dev/lp0"), "{printed}");
}

/// The program that is started is told the place, and looks for it on the real machine, where a port of
/// such a number is not: that is said before anything is made.
#[test]
fn the_menu_offers_the_printer_that_is_there() {
    let machine = started();
    fs::remove_file(machine.path("dev/lp0")).expect("a file");
    machine.put("dev/lp917", b"");
    let (code, printed) = play(
        &machine,
        &[
            ("The image", "", ""),
            ("This machine", "", ""),
            ("What do you want to do?", "run", ""),
            ("Which ceremony?", "backup-key", ""),
            ("Local facts", "none", ""),
            ("A printer?", "print", "at /dev/lp917"),
            ("A printer?", "", "there is no printer at /dev/lp917"),
            ("What do you want to do?", "off", ""),
            ("Switch off now?", "off", ""),
        ],
    );
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("It ended with code 6."), "{printed}");
}

#[test]
fn damage_is_said_and_an_image_with_a_shell_says_so_on_every_page() {
    let machine = started();
    machine.put("usr/bin/file", b"another file");
    machine.put("etc/ceremony-image/debug", b"");
    machine.put("run/boot-notes", b"The driver xhci-hcd was not loaded.\n");
    let mut damaged = fs::read(machine.path("dev/sdb")).expect("the image");
    damaged[90_000] ^= 1;
    machine.put("dev/sdb", &damaged);
    let (code, printed) = play(
        &machine,
        &[
            (
                "The image",
                "",
                "FAIL  medium  sdb: the image on it is damaged",
            ),
            ("This machine", "", ""),
            ("What do you want to do?", "look", ""),
            ("The image", "", "FAIL  memory  damaged: usr/bin/file"),
            ("This machine", "", ""),
            ("What do you want to do?", "off", ""),
            ("Switch off now?", "off", ""),
        ],
    );
    assert_eq!(code, 0, "{printed}");
    let pages = printed.matches("now: BOTH OPERATORS").count();
    assert_eq!(printed.matches("DEBUG IMAGE WITH A SHELL").count(), pages);
    assert!(pages >= 7);
    assert!(printed.contains("WARN  start   The driver xhci-hcd was not loaded."));
}

#[test]
fn the_helper_sets_layouts_that_exist_and_reads_boot_media_alone() {
    let machine = started();
    let layout = machine.path("usr/share/keymaps/i386/qwertz/de.kmap");
    fs::create_dir_all(layout.parent().expect("a folder")).expect("a folder");
    fs::write(&layout, "").expect("a file");
    machine.says("layout de", "done");
    machine.says("layout fr", "refused no-layout");
    machine.says("layout ../qwertz/de", "refused bad-request");
    let acts = machine.acts();
    assert_eq!(
        acts,
        ["run /bin/loadkeys -q --console=/dev/tty1 /usr/share/keymaps/i386/qwertz/de.kmap"]
    );
    let image = fs::read(machine.path("dev/sdb")).expect("the image");
    let list = fs::read(machine.path("etc/ceremony-image/manifest")).expect("the list");
    let answer = |state| {
        format!(
            "boot-medium sdb {state} {} {}",
            Digest::of(&image),
            Digest::of(&list)
        )
    };
    machine.says("boot-medium", &answer("whole"));
    machine.unplug("sdb");
    machine.says("boot-medium", "boot-medium none");
    machine.disk("sdc", 32, Some(1), &fat());
    machine.says("boot-medium", "boot-medium none");
    machine.says("mount sdc desk", "mounted vfat rw");
    machine.says("mount sdc desk", "refused in-use");
    machine.says("mount sdc operator-a", "refused in-use");
    machine.says("unmount desk", "done");
    machine.says("unmount desk", "refused not-mounted");
}
