//! `ceremony print` from outside: what it lists, prints, refuses, and asks for.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ceremony::words::share;
use pty_support::{Terminal, Turn};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

fn print(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    let command = command.arg("print").args(arguments).current_dir(at);
    command.stdin(Stdio::null()).output().expect("it starts")
}

fn refused(at: &Path, arguments: &[&str], code: i32, said: &str) {
    let output = print(at, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(error.contains(said), "{arguments:?}: {error}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_secret_is_printed_and_nothing_before_it() {
    let at = tempfile::tempdir().expect("a folder");
    let path = at.path();
    fs::create_dir(path.join("printer")).expect("a folder");
    let words = share::from_entropy(&[3; 16]);
    fs::write(path.join("card.txt"), words.expose()).expect("writable");
    fs::write(
        path.join("key.asc"),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    )
    .expect("writable");
    fs::write(path.join("good.txt"), "good\n").expect("writable");
    fs::write(path.join("bytes"), [0xff, 0xfe, 0]).expect("writable");
    let to = ["--to", "printer"];
    let with = |files: &[&'static str]| [files, &to[..]].concat();
    refused(
        path,
        &with(&["good.txt", "card.txt"]),
        2,
        "words of a share",
    );
    refused(path, &with(&["good.txt", "key.asc"]), 2, "secret key");
    refused(
        path,
        &with(&["good.txt", "bytes"]),
        2,
        "has no text to print",
    );
    refused(
        path,
        &with(&["good.txt", "nothing"]),
        1,
        "nothing cannot be read",
    );
    refused(path, &with(&[]), 2, "it was not said what to print");
    refused(path, &["good.txt"], 2, "it was not said where to print");
    refused(path, &["good.txt", "--to", "good.txt"], 2, "is no printer");
    refused(
        path,
        &["good.txt", "--to", "/nonexistent/lp0"],
        6,
        "there is no printer at",
    );
    refused(
        path,
        &["good.txt", "--test", "--to", "printer"],
        2,
        "cannot be used with",
    );
    assert_eq!(names(&path.join("printer")), [""; 0]);
}

#[test]
fn texts_and_pdf_files_go_where_they_are_sent() {
    let at = tempfile::tempdir().expect("a folder");
    let path = at.path();
    fs::create_dir(path.join("printer")).expect("a folder");
    fs::write(path.join("two.txt"), "one\n\u{c}two\n").expect("writable");
    fs::write(path.join("sheet.pdf"), b"%PDF-1.7 and so on").expect("writable");
    let output = print(path, &["two.txt", "sheet.pdf", "--to", "printer"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("Look at the paper"), "{said}");
    let printer = path.join("printer");
    assert_eq!(names(&printer), ["sheet.pdf", "two.txt"]);
    assert_eq!(
        fs::read_to_string(printer.join("two.txt")).expect("there"),
        "one\n\u{c}two\n"
    );
    assert_eq!(
        fs::read(printer.join("sheet.pdf")).expect("there"),
        b"%PDF-1.7 and so on"
    );
}

/// What is listed depends on the machine; that it ends well does not.
#[test]
fn printers_are_listed() {
    let at = tempfile::tempdir().expect("a folder");
    let output = print(at.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("--to"), "{said}");
}

/// Runs it in a terminal, and answers each question; what it ended with, and all it said.
fn at_terminal(line: &str, mut answer: impl FnMut(&str) -> String) -> (i32, String) {
    let mut terminal = Terminal::start(line, &[]);
    loop {
        match terminal.turn() {
            Turn::Asked(asked) => terminal.press(&format!("{}\r", answer(&asked.question))),
            Turn::Ended(code) => return (code, terminal.printed.clone()),
        }
    }
}

/// The code on the page that was printed.
fn code(folder: &Path) -> String {
    let page = fs::read_to_string(folder.join("test-page.txt")).expect("it was printed");
    let mut below = page
        .lines()
        .skip_while(|line| !line.contains("Check code"))
        .skip(2);
    below.next().expect("a line")[5..40].trim().to_string()
}

#[test]
fn a_test_page_is_typed_back_or_the_paper_is_not_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("{PROGRAM} print --test --to {}", folder.path().display());
    let mut asked = 0;
    let (ended, said) = at_terminal(&line, |_| {
        asked += 1;
        "0000 0000".to_string()
    });
    assert_eq!((ended, asked), (6, 3), "{said}");
    assert!(said.contains("this paper cannot be trusted"), "{said}");
    assert!(
        !said.contains(&code(folder.path())),
        "the code is on the paper alone"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("{PROGRAM} print --test --to {}", folder.path().display());
    let mut asked = 0;
    let (ended, said) = at_terminal(&line, |_| {
        asked += 1;
        match asked {
            1 => "wrong".to_string(),
            _ => code(folder.path()).to_lowercase(),
        }
    });
    assert_eq!((ended, asked), (0, 2), "{said}");
    assert!(said.contains("The printer works"), "{said}");
    assert_eq!(names(folder.path()), ["test-page.pdf", "test-page.txt"]);

    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("{PROGRAM} print --test --to {}", folder.path().display());
    let (ended, said) = at_terminal(&line, |_| "bad".to_string());
    assert_eq!(ended, 6, "{said}");
}

#[test]
fn a_page_is_copied_by_hand_row_by_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Vec<String> = (1..=30).map(|n| format!("row number {n:02}")).collect();
    let file = folder.path().join("sheet.txt");
    fs::write(&file, rows.join("\n")).expect("writable");
    let line = format!("{PROGRAM} print {} --to screen", file.display());
    let mut asked = 0;
    let (ended, said) = at_terminal(&line, |question| {
        assert!(question.contains("Press Enter"), "{question}");
        asked += 1;
        String::new()
    });
    assert_eq!((ended, asked), (0, 3), "{said}");
    for row in rows {
        assert!(said.contains(&row), "{row}");
    }
}
