//! Ceremonies with a printer: what gets onto paper, what never does, and what happens when it fails.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod planted;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ceremony::digest::Digest;
use ceremony::driver::Outcome;
use ceremony::edge::paper::Paper;
use ceremony::record::event::Event;
use ceremony::record::value::{Act, Decision, Instead, PrintedBy, Sheet};
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use held::{Backup, Held, PROGRAM};
use planted::{Search, count, secrets};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use support::script::Death;
use support::{World, plans};

const SMALL: Backup = Backup {
    profile: "modern",
    custodians: "AB",
    threshold: 2,
    absent: "",
};

/// A rehearsal that prints at `place`, which `prepare` makes below its folder.
fn held(place: &str, prepare: impl FnOnce(&Path)) -> (Held, PathBuf) {
    let folder = held::folder();
    let printer = folder.path().join(place);
    prepare(&printer);
    let mut command = held::command(&SMALL, folder.path());
    let output = command.arg("--printer").arg(&printer).output();
    let output = output.expect("the program starts");
    (Held::found(SMALL, folder, output), printer)
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

/// Both verifiers accept a rehearsal's record as one.
fn both_verify(held: &Held) -> String {
    let record = held.medium("public").join("record");
    let program = Command::new(PROGRAM).arg("verify").arg(&record).output();
    let program = program.expect("the program starts");
    let said = String::from_utf8_lossy(&program.stdout).into_owned();
    assert_eq!(program.status.code(), Some(3), "{said}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
    let script = Command::new(script)
        .arg(&record)
        .output()
        .expect("it starts");
    let also = String::from_utf8_lossy(&script.stdout).into_owned();
    assert_eq!(
        script.status.code(),
        Some(3),
        "{also}{}",
        String::from_utf8_lossy(&script.stderr)
    );
    said
}

/// How often such an event stands in the record.
fn recorded(held: &Held, event: &str) -> usize {
    let transcript = String::from_utf8(held.file("public", "record/transcript.txt"));
    let line = format!("event: {event}");
    let transcript = transcript.expect("ASCII");
    transcript.lines().filter(|found| *found == line).count()
}

/// A whole rehearsal with a folder for a printer. Of all that went there nothing is secret; the same
/// search finds what is planted.
#[test]
fn all_sheets_are_printed_and_no_secret_is() {
    let (held, printer) = held("printer", |path| fs::create_dir(path).expect("a folder"));
    both_verify(&held);
    assert_eq!(recorded(&held, "printed"), 2);
    assert_eq!(
        recorded(&held, "not-printed") + recorded(&held, "exception"),
        0
    );
    assert_eq!(held.recorded("printed", "sheet"), "fingerprint");
    let mut names: Vec<String> = held::files(&printer)
        .iter()
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let sheets = ["fingerprint-sheet", "recovery-sheets", "test-page"];
    let expected: Vec<String> = sheets
        .iter()
        .flat_map(|n| [format!("{n}.pdf"), format!("{n}.txt")])
        .collect();
    assert_eq!(names, expected);
    let read = |name: &str| fs::read(printer.join(name)).expect("it was printed");
    assert_eq!(
        read("fingerprint-sheet.txt"),
        held.file("public", "fingerprint.txt")
    );
    assert_eq!(
        read("fingerprint-sheet.pdf"),
        held.file("public", "fingerprint.pdf")
    );
    let hash = Digest::of(&read("recovery-sheets.txt")).to_string();
    assert!(String::from_utf8_lossy(&held.file("public", "record/transcript.txt")).contains(&hash));

    let secrets = secrets(&held);
    let search = Search::new(&secrets);
    let mut all = Vec::new();
    for name in &names {
        let bytes = read(name);
        let found = search.find(&bytes);
        assert!(found.is_empty(), "{name}: {found:?}");
        all.extend(bytes);
    }
    // Any three words of a share or a passphrase that follow each other, however they are parted.
    let paper = [
        "share-A.txt",
        "share-B.txt",
        "passphrase-A.txt",
        "passphrase-B.txt",
    ];
    let words: Vec<String> = paper.iter().map(|name| held.paper(name)).collect();
    let printed = plain_words(&all);
    for secret in &words {
        assert_eq!(three_in_a_row(secret, &printed), None);
    }
    let code = check_code(&String::from_utf8(read("test-page.txt")).expect("ASCII"));
    let transcript = held.file("public", "record/transcript.txt");
    assert!(
        !support::contains(&transcript, code.as_bytes()),
        "the code is of no use later"
    );

    // The positive control: each of them is found once it is among what was printed.
    for (name, secret) in [
        "share of A",
        "share of B",
        "passphrase of A",
        "passphrase of B",
    ]
    .iter()
    .zip(&words)
    {
        let planted = [&all[..], secret.as_bytes()].concat();
        assert!(count(&search.find(&planted), name) > 0, "{name}");
        let list: Vec<&str> = secret.split(' ').collect();
        let numbered = format!(
            "7. {}\r\n 8. {} \n9) {}",
            list[6],
            list[7].to_uppercase(),
            list[8]
        );
        let planted = [&all[..], numbered.as_bytes()].concat();
        assert!(
            three_in_a_row(secret, &plain_words(&planted)).is_some(),
            "{name}"
        );
    }
    let k = held.k("");
    let planted = [&all[..], k.expose().as_bytes()].concat();
    assert!(count(&search.find(&planted), "K as text") > 0);
}

/// The words in a file, whatever stands between them.
fn plain_words(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphabetic());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

/// Three words of `secret` that stand in a row; where, not which.
fn three_in_a_row(secret: &str, printed: &[String]) -> Option<usize> {
    let secret: Vec<&str> = secret.split(' ').collect();
    let three: Vec<&[&str]> = secret.windows(3).collect();
    printed
        .windows(3)
        .position(|row| three.iter().any(|three| row.iter().eq(three.iter())))
}

fn check_code(page: &str) -> String {
    let mut below = page
        .lines()
        .skip_while(|line| !line.contains("Check code"))
        .skip(1);
    let line = below.find(|line| line.len() > 40 && line[5..40].trim().len() == 9);
    line.expect("a code")[5..40].trim().to_string()
}

/// Nobody reads from the pipe: there is no printer, however often one tries.
#[test]
fn a_printer_that_always_fails_stops_nothing() {
    let (held, _) = held("printer", pipe);
    let said = both_verify(&held);
    assert!(said.contains("exception"), "{said}");
    assert_eq!(
        (recorded(&held, "printed"), recorded(&held, "not-printed")),
        (0, 2)
    );
    assert_eq!(
        recorded(&held, "exception"),
        1,
        "it is asked once, not for each sheet"
    );
    assert_eq!(held.recorded("exception", "decided"), "copy-by-hand");
    assert_eq!(held.recorded("not-printed", "how"), "left-out");
    let screen = String::from_utf8_lossy(&held.output.stdout).into_owned();
    assert!(screen.contains("there is no printer at"), "what is wrong");
    assert!(
        screen.contains("Plug the printer in and switch it on"),
        "what to do"
    );
    let transcript =
        String::from_utf8_lossy(&held.file("public", "record/transcript.txt")).into_owned();
    assert!(
        !transcript.contains("/printer"),
        "where it is, is in a detail at most"
    );
}

/// What is not there before anything began is refused then.
#[test]
fn a_printer_that_is_not_there_is_refused_before_the_ceremony() {
    let folder = held::folder();
    let mut command = held::command(&SMALL, folder.path());
    let output = command
        .args(["--printer", "/nonexistent/lp0"])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("there is no printer at /nonexistent/lp0"),
        "{said}"
    );
    assert!(!folder.path().join("out").exists(), "nothing was made");
}

/// Without a printer nothing is different.
#[test]
fn none_is_no_printer() {
    let folder = held::folder();
    let mut command = held::command(&SMALL, folder.path());
    let output = command
        .args(["--printer", "none"])
        .output()
        .expect("it starts");
    let held = Held::found(SMALL, folder, output);
    assert_eq!(
        recorded(&held, "printed") + recorded(&held, "not-printed"),
        0
    );
    both_verify(&held);
}

/// A world whose printer is a folder.
fn world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new();
    world.printer = Some(folder.path().to_path_buf());
    (world, folder)
}

fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

/// What the record says of sheets and exceptions, in order.
fn told(world: &World) -> Vec<String> {
    let entries = world.entries();
    let of_sheets = entries
        .iter()
        .filter_map(|placed| match &placed.entry.event {
            Event::Printed { sheet, how, .. } => Some(format!("{sheet} {how}")),
            Event::NotPrinted { sheet, how } => Some(format!("{sheet} {how}")),
            Event::Exception { decided } => Some(decided.to_string()),
            _ => None,
        });
    of_sheets.collect()
}

/// A garbled test page, a garbled sheet: each is found by what is typed back, is an exception that both
/// signed, and ends as the operators decide.
#[test]
fn garbled_paper_is_found_and_decided_about() {
    let (mut world, folder) = world();
    let other = tempfile::tempdir().expect("another printer");
    let place = other.path().to_string_lossy().into_owned();
    let (mut codes, mut troubles) = (0, 0);
    let ended = world.hold_meddled(
        &plans::two_of_two(),
        None,
        Some(Box::new(
            |question: &Question, _: &mut Paper| match &question.asks {
                // Garbled three times, then good.
                Asks::TestCode if codes < 3 => {
                    codes += 1;
                    line("0000 0000")
                }
                Asks::PaperRow(Sheet::Recovery, _) => line("bad"),
                Asks::PaperRow(Sheet::Fingerprint, _) if troubles == 1 => {
                    line("aardvark aardvark aardvark aardvark")
                }
                Asks::Printer => {
                    troubles += 1;
                    match troubles {
                        1 => line("try-again"),
                        2 => line("1"),
                        _ => line("copy-by-hand"),
                    }
                }
                Asks::PrinterPlace => line(&place),
                Asks::Instead(Sheet::Recovery) => line("by-hand"),
                _ => None,
            },
        )),
    );
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}: {}",
        world.screen.end()
    );
    let expected = [
        "try-again",
        "try-again",
        "fingerprint folder",
        "copy-by-hand",
        "recovery by-hand",
    ];
    assert_eq!(told(&world), expected);
    world.verify(Role::OperatorA).expect("a good record");
    for (at, placed) in world.entries().iter().enumerate() {
        if let Event::Exception { .. } = placed.entry.event {
            let next = &world.entries()[at + 1].entry.event;
            assert_eq!(
                *next,
                Event::Authorise {
                    act: Act::Exception
                },
                "signed by both"
            );
        }
    }
    let screen = world.screen.take();
    assert!(
        screen.contains("The paper cannot be trusted"),
        "what to do with it"
    );
    assert!(
        screen.contains("Copy the recovery sheets by hand (1 of"),
        "row by row"
    );
    assert!(
        folder.path().join("test-page-2.txt").exists(),
        "a new page has a new code"
    );
    assert!(
        fs::read_dir(other.path()).expect("there").next().is_none(),
        "it was not chosen"
    );
}

#[test]
fn another_printer_takes_the_place_of_one_that_fails() {
    let good = tempfile::tempdir().expect("a folder");
    let bad = tempfile::tempdir().expect("a folder");
    let broken = bad.path().join("lp0");
    pipe(&broken);
    let mut world = World::new();
    // The players read from the good one; the world prints at the bad one first.
    world.printer = Some(good.path().to_path_buf());
    let place = good.path().to_string_lossy().into_owned();
    let mut asked = 0;
    world.printing_at = Some(broken);
    let ended = world.hold_meddled(
        &plans::two_of_two(),
        None,
        Some(Box::new(
            |question: &Question, _: &mut Paper| match &question.asks {
                Asks::Printer => line(Decision::ReplaceDevice.word()),
                Asks::PrinterPlace => {
                    asked += 1;
                    line(if asked == 1 {
                        "/nonexistent/printer"
                    } else {
                        &place
                    })
                }
                _ => None,
            },
        )),
    );
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}: {}",
        world.screen.end()
    );
    let folder = PrintedBy::Folder;
    let expected = [
        "replace-device".to_string(),
        format!("{} {folder}", Sheet::Fingerprint),
        format!("{} {folder}", Sheet::Recovery),
    ];
    assert_eq!(told(&world), expected);
    assert_eq!(asked, 2, "one that is not there is asked for again");
    world.verify(Role::OperatorA).expect("a good record");
}

/// The machine is switched off at every question about paper, and once between the two sheets.
/// Otherwise the first of many rows would scroll off the screen.
#[test]
fn every_row_is_asked_for_on_a_page_of_its_own() {
    let (mut world, _folder) = world();
    let ended = world.hold(&plans::two_of_two(), None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    let script = world.script.borrow();
    let about = ["Type row", "Type the last group", "page From the paper"];
    let touches = script.touches.iter().map(|touch| touch.what.as_str());
    let touches: Vec<&str> = touches
        .filter(|what| about.iter().any(|about| what.contains(about)))
        .collect();
    assert!(touches.len() > 8, "several rows: {touches:?}");
    for pair in touches.chunks(2) {
        assert!(pair[0].contains("page"), "{touches:?}");
        assert!(pair[1].contains("Type"), "{touches:?}");
    }
}

#[test]
fn an_interruption_while_printing_prints_again_or_goes_on() {
    let (mut world, _folder) = world();
    let plan = plans::two_of_two();
    let ended = world.hold(&plan, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    let about = [
        "check code",
        "Type row",
        "Type the last group",
        "page From the paper",
        "page The test page",
    ];
    let touches: Vec<usize> = world
        .script
        .borrow()
        .touches
        .iter()
        .enumerate()
        .filter(|(_, touch)| about.iter().any(|what| touch.what.contains(what)))
        .map(|(at, _)| at)
        .collect();
    assert!(touches.len() > 5, "{touches:?}");
    for touch in [
        touches[0],
        touches[1],
        touches[2],
        touches[3],
        touches[touches.len() - 1],
    ] {
        let (mut world, _folder) = self::world();
        let died = world.hold(&plan, Some((touch, Death::Before)));
        assert!(!died.is(Outcome::Closed), "it was switched off");
        let id = world.id().expect("a record");
        let ended = world.resume(&id, None);
        assert!(
            ended.is(Outcome::Closed),
            "{touch}: {ended:?}: {}",
            world.screen.end()
        );
        assert_eq!(
            told(&world),
            ["fingerprint folder", "recovery folder"],
            "{touch}"
        );
        world.verify(Role::OperatorA).expect("a good record");
    }
}

/// What is on the record already is not asked for again after a stop.
#[test]
fn what_was_left_out_stays_left_out() {
    let (mut world, _folder) = world();
    world.stops = true;
    let mut first = true;
    let ended = world.hold_meddled(
        &plans::two_of_two(),
        None,
        Some(Box::new(
            |question: &Question, _: &mut Paper| match &question.asks {
                Asks::TestCode if std::mem::take(&mut first) => line("BAD"),
                _ => None,
            },
        )),
    );
    assert!(ended.is(Outcome::Paused), "{ended:?}");
    let id = world.id().expect("a record");
    let ended = world.resume(&id, None);
    assert!(
        ended.is(Outcome::Closed) || ended.is(Outcome::Paused),
        "{ended:?}"
    );
    let left_out = Instead::LeftOut;
    let expected = [
        "copy-by-hand".to_string(),
        format!("fingerprint {left_out}"),
        format!("recovery {left_out}"),
    ];
    assert_eq!(told(&world), expected);
}
