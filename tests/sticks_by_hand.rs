//! The real program and the real helper, each a process of its own, and two people at a terminal
//! who plug sticks in when they are asked to.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod media_support;
mod pty_support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use media_support::{Machine, SEAM, fat};
use pty_support::{Asked, People, Terminal, Turn};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const PLAN: &str = include_str!("../ceremony/backup-key.toml");
const SITE: &str = include_str!("../ceremony/site.example.toml");
const ROLES: [&str; 6] = [
    "operator-a",
    "operator-b",
    "secret-1",
    "secret-2",
    "handover",
    "public",
];

/// The kernel's name for a role's stick.
fn name(role: &str) -> String {
    let at = ROLES.iter().position(|other| *other == role);
    format!("sd{}", char::from(b'b' + at.expect("a role") as u8))
}

fn plug(machine: &Machine, role: &str) {
    let at = ROLES
        .iter()
        .position(|other| *other == role)
        .expect("a role");
    if !machine.path("sys/block").join(name(role)).exists() {
        machine.disk(&name(role), 16 * (at as u32 + 1), Some(at), &fat());
    }
}

/// What they do when it is about sticks.
fn about_sticks(machine: &Machine, asked: &Asked) -> Option<String> {
    let (question, title) = (asked.question.as_str(), asked.title.as_str());
    if let Some(role) = title.strip_prefix("The stick for ") {
        plug(machine, role);
        return Some(String::new());
    }
    if !title.starts_with("Is this the stick for ") {
        return None;
    }
    assert!(asked.lines <= 24, "{} lines do not fit", asked.lines);
    let operator = question.strip_prefix("Operator ");
    Some(match operator {
        Some(rest) => rest[..1].to_string(),
        None => "1".to_string(),
    })
}

/// Plays to the end, or until a page with this title.
fn play(machine: &Machine, line: &str, until: &str) -> (Option<i32>, String) {
    let seam = machine.folder.path().to_str().expect("a plain path");
    let mut terminal = Terminal::start(line, &[(SEAM, seam)]);
    let mut people = People::new();
    for _ in 0..MOST_TURNS {
        let asked = match terminal.turn() {
            Turn::Ended(code) => return (Some(code), terminal.printed),
            Turn::Asked(asked) => asked,
        };
        if !until.is_empty() && asked.title.starts_with(until) {
            return (None, terminal.printed);
        }
        let keys = match about_sticks(machine, &asked) {
            Some(keys) => keys,
            None => people.answer(&asked),
        };
        terminal.press(&format!("{keys}\r"));
    }
    panic!("it goes on for ever:\n{}", terminal.printed);
}

/// More questions than a ceremony has.
const MOST_TURNS: usize = 600;

/// On a machine with nothing but `lo` and no swap.
fn command(machine: &Machine, arguments: &str) -> String {
    machine.put(
        "plan.toml",
        PLAN.replace("\"rsa4096\"", "\"modern\"").as_bytes(),
    );
    machine.put("site.toml", SITE.as_bytes());
    machine.put("swaps", b"Filename\tType\tSize\tUsed\tPriority\n");
    format!(
        "cd {} && unshare -rnm sh -c 'mount --bind swaps /proc/swaps && \
         exec {PROGRAM} {arguments} --site site.toml --sticks'",
        machine.folder.path().display()
    )
}

/// The ceremony's folder on a stick that is not mounted.
fn folder(machine: &Machine, role: &str) -> PathBuf {
    let stick = machine.path("sticks").join(name(role));
    let mut found = fs::read_dir(stick).expect("it is unmounted");
    found
        .next()
        .expect("a folder on it")
        .expect("readable")
        .path()
}

#[test]
fn a_ceremony_on_sticks_stops_as_planned_and_goes_on() {
    let machine = Machine::bare().started();
    let run = command(&machine, "run plan.toml");
    let (code, printed) = play(&machine, &run, "");
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("ceremony resume --sticks"),
        "the planned stop"
    );
    assert!(printed.contains("A2"), "serial numbers are on the screen");
    let mountinfo = fs::read_to_string(machine.path("proc/self/mountinfo")).expect("is there");
    assert_eq!(mountinfo, "", "all sticks are unmounted at the end");
    for role in ROLES {
        let folder = folder(&machine, role);
        if role == "public" {
            continue;
        }
        let mut verify = Command::new(PROGRAM);
        let output = verify.arg("verify").arg(folder.join("record")).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "{role}: unfinished: {said}");
    }

    ROLES.iter().for_each(|role| machine.unplug(&name(role)));
    let resume = command(&machine, "resume");
    let (code, printed) = play(&machine, &resume, "Where the ceremony stands");
    assert_eq!(code, None, "{printed}");
    for (role, asked) in [
        ("operator-a", true),
        ("operator-b", true),
        ("secret-1", false),
        ("secret-2", false),
        ("handover", false),
        ("public", true),
    ] {
        let title = format!("The stick for {role}");
        assert_eq!(printed.contains(&title), asked, "{role}: {printed}");
    }

    // That program was ended in the middle, and left sticks mounted: the next one begins anew.
    let mountinfo = fs::read_to_string(machine.path("proc/self/mountinfo")).expect("is there");
    assert!(mountinfo.contains("/media/operator-a"), "{mountinfo}");

    // The same sticks bring the backup for a message that is opened.
    ROLES
        .iter()
        .for_each(|role| machine.unplug_if_in(&name(role)));
    machine.put("message", b"whatever it is");
    let open = command(&machine, "open message -o out");
    let (code, printed) = play(&machine, &open, "Is the clock right?");
    assert_eq!(code, None, "{printed}");
    for (role, asked) in [
        ("operator-b", true),
        ("secret-1", true),
        ("secret-2", false),
    ] {
        let title = format!("The stick for {role}");
        assert_eq!(printed.contains(&title), asked, "{role}: {printed}");
    }
    assert!(
        printed.contains("(a backup)"),
        "what is on it is on the screen"
    );
}

#[test]
fn without_the_helper_nobody_is_led_astray() {
    let machine = Machine::bare();
    plug(&machine, "operator-a");
    let run = command(&machine, "run plan.toml");
    let seam = machine.folder.path().to_str().expect("a plain path");
    let mut terminal = Terminal::start(&run, &[(SEAM, seam)]);
    let mut keys = ["", "!", "1"].into_iter();
    let code = loop {
        match terminal.turn() {
            Turn::Ended(code) => break code,
            Turn::Asked(_) => {
                let keys = keys.next().expect("it ends");
                terminal.press(&format!("{keys}\r"));
            }
        }
    };
    let printed: Vec<&str> = terminal.printed.split_whitespace().collect();
    let printed = printed.join(" ");
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("the helper for sticks does not answer"),
        "{printed}"
    );
    assert!(
        printed.contains("stopped before all sticks had their roles"),
        "{printed}"
    );
}
