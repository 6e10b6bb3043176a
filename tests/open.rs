//! `ceremony open` with the real program: what gpg and the library sealed to a rehearsal's key is
//! opened, in another rehearsal, with that one's media and cards.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod planted;
mod stopped;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ceremony::digest::Digest;
use ceremony::edge::test_only::STOPS;
use ceremony::openpgp::{Certificate, Format};

use held::{Backup, Held, PROGRAM, need};
use planted::{Found, Search, Secret, count, secrets};
use stopped::{Happened, Watched};

/// C's words stand on two cards.
const TWO_OF_THREE: Backup = Backup {
    profile: "modern",
    custodians: "ABC",
    threshold: 2,
    absent: "C",
};

/// The rehearsal whose key all of this is about. It is held once for all that run at a time.
fn rehearsal() -> Arc<Held> {
    static HELD: Mutex<Weak<Held>> = Mutex::new(Weak::new());
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(held) = held.upgrade() {
        return held;
    }
    need(&["gpg", "gpgconf"]);
    let new = Arc::new(Held::new(TWO_OF_THREE));
    *held = Arc::downgrade(&new);
    new
}

/// A folder with a copy of the rehearsal in `r`, and gpg's home.
struct Table {
    held: Arc<Held>,
    folder: tempfile::TempDir,
}

impl Table {
    fn new() -> Table {
        let held = rehearsal();
        let folder = held::folder();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(held.out())
            .arg(folder.path().join("r"))
            .status();
        assert!(copied.expect("cp starts").success());
        let home = folder.path().join("g");
        fs::create_dir(&home).expect("a new folder");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&home, private).expect("it is ours");
        let table = Table { held, folder };
        let certificate = table.held.medium("public").join("certificate.asc");
        table.gpg(&["--import", certificate.to_str().expect("UTF-8")], b"");
        table
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn certificate(&self) -> Certificate {
        let bytes = self.held.file("public", "certificate.asc");
        Certificate::from_bytes(&bytes).expect("it was exported")
    }

    /// Runs gpg over `input`, which comes by a pipe.
    fn gpg(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args(["--homedir", self.at("g").to_str().expect("UTF-8")])
            .args(["--batch", "--quiet", "--trust-model", "always"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gpg starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || pipe.write_all(input).expect("gpg reads it"));
            child.wait_with_output().expect("gpg ends")
        });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        output.stdout
    }

    /// Encrypted by gpg to the key.
    fn by_gpg(&self, more: &[&str], content: &[u8]) -> Vec<u8> {
        let recipient = self.certificate().fingerprint().to_string();
        let args = [&["-r", &recipient, "-e"], more].concat();
        self.gpg(&args, content)
    }

    fn put(&self, name: &str, message: &[u8]) {
        fs::write(self.at(name), message).expect("the folder can be written");
    }

    /// `ceremony open` with these arguments, all persons played.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).arg("open");
        command.args(args).args(["--auto", "--fast"]);
        // Whatever it might pass through a file must not stay there.
        let passing = self.at("tmp");
        fs::create_dir_all(&passing).expect("the folder can be written");
        command.env("TMPDIR", passing).stdin(Stdio::null());
        command
    }

    fn open(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Opens a message as a rehearsal; it must end with this code.
    fn opens(&self, message: &str, code: i32) -> Output {
        let output = self.open(&[message, "-o", "out", "--rehearsal", "r"]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        output
    }

    /// The folders of all openings on an operator's medium.
    fn records(&self, role: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.at("r").join(role)).expect("the medium");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let is_opening = |path: &PathBuf| path.display().to_string().contains("-open-");
        paths.filter(is_opening).collect()
    }

    /// The only opening's record verifies, as a rehearsal, by the program and by the script.
    fn verified(&self) -> String {
        let records = self.records("operator-a");
        let [record] = &records[..] else {
            panic!("one opening: {records:?}");
        };
        let verify = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            let output = command.args(args).output().expect("it starts");
            assert_eq!(output.status.code(), Some(3), "{}", said(&output));
            String::from_utf8(output.stdout).expect("ASCII")
        };
        let record = record.join("record");
        let record = record.to_str().expect("UTF-8");
        let text = verify(PROGRAM, &["verify", record]);
        assert!(text.starts_with("REHEARSAL, complete. "), "{text}");
        let backup = format!("\nbackup       {}\n", self.held.id);
        assert!(text.contains(&backup), "{text}");
        let opened = !text.contains("\ncontent      refused\n");
        let transcript = fs::read_to_string(format!("{record}/transcript.txt")).expect("ASCII");
        let operator = |name: &str| {
            let mut fields = transcript.lines().filter_map(|line| line.split_once(": "));
            let found = fields
                .find(|(label, _)| *label == name)
                .expect("roll call was held");
            found.1.to_string()
        };
        assert_eq!(
            opened,
            transcript.contains("\nevent: message-opened\n"),
            "{text}"
        );
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
        verify(
            script,
            &[record, &operator("operator-a"), &operator("operator-b")],
        );
        transcript
    }

    fn nothing_at(&self, name: &str) {
        assert!(
            fs::symlink_metadata(self.at(name)).is_err(),
            "{name} is there"
        );
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let home = self.at("g");
        let mut command = Command::new("gpgconf");
        command.arg("--homedir").arg(home).args(["--kill", "all"]);
        let _ = command.status();
    }
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// Bytes that no compression makes smaller.
fn data(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

#[test]
fn what_gpg_and_the_library_sealed_is_opened() {
    let table = Table::new();
    let content = data(100_000);
    let now = table.certificate().created() + 60;
    let mut modern = Vec::new();
    table
        .certificate()
        .seal(Format::Modern, now, &content[..], &mut modern, &mut |_| {})
        .expect("sealed");
    let library = table
        .certificate()
        .encrypt(&content, now)
        .expect("encrypted");
    let messages = [
        ("as gpg does it", table.by_gpg(&[], &content)),
        (
            "armored, not compressed",
            table.by_gpg(&["-a", "-z0"], &content),
        ),
        ("by the library", library),
        ("the modern format", modern),
    ];
    for (case, message) in messages {
        println!("{case}");
        table.put("message", &message);
        table.opens("message", 0);
        assert_eq!(fs::read(table.at("out")).expect("it is there"), content);
        let mode = fs::metadata(table.at("out")).expect("it is there");
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&mode) & 0o777, 0o600);
        let transcript = table.verified();
        for line in [
            format!("message: {}\n", Digest::of(&message)),
            format!("content: {}\n", Digest::of(&content)),
            format!("backup: {}\n", table.held.id),
            format!("fingerprint: {}\n", table.certificate().fingerprint()),
            "quorum: AB\n".to_string(),
        ] {
            assert!(transcript.contains(&line), "{line}");
        }
        fs::remove_file(table.at("out")).expect("it is ours");
        for role in ["operator-a", "operator-b"] {
            for record in table.records(role) {
                fs::remove_dir_all(record).expect("it is ours");
            }
        }
    }
}

#[test]
fn a_large_message_that_came_through_a_pipe_is_opened() {
    let table = Table::new();
    let content = data(64 << 20);
    table.put("message", &table.by_gpg(&["-z0"], &content));
    table.opens("message", 0);
    let opened = fs::read(table.at("out")).expect("it is there");
    assert!(opened == content, "not the content");
    table.verified();
}

#[test]
fn what_cannot_be_opened_is_refused_on_the_record() {
    let table = Table::new();
    let good = table.by_gpg(&[], b"content");
    let mut altered = good.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    for (case, message) in [("altered", altered), ("empty", Vec::new())] {
        table.put(case, &message);
        let output = table.open(&[case, "-o", "out", "--rehearsal", "r"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("The message was NOT opened: "),
            "{}",
            said(&output)
        );
        table.nothing_at("out");
    }
    let records = table.records("operator-a");
    assert_eq!(records.len(), 2, "each is on record");
    fs::remove_dir_all(&records[0]).expect("it is ours");
    let transcript = table.verified();
    assert!(transcript.contains("event: message-refused\n"));
    assert!(!transcript.contains("event: message-opened\n"));
}

/// Refused with this code and cause before anything is done.
fn refused_early(table: &Table, args: &[&str], code: i32, cause: &str) {
    let output = table.open(args);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {}",
        said(&output)
    );
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains(cause), "{args:?}: {errors}");
    assert!(errors.contains("What to do: "), "{args:?}: {errors}");
    assert!(
        table.records("operator-a").is_empty(),
        "{args:?}: nothing is begun"
    );
    assert!(
        table.records("operator-b").is_empty(),
        "{args:?}: nothing is begun"
    );
}

#[test]
fn what_can_be_refused_early_is() {
    let table = Table::new();
    table.put("message", b"x");
    table.put("out", b"old");
    std::os::unix::fs::symlink("nowhere", table.at("link")).expect("a new link");
    let backup = "secret-1=r/secret-1";
    let refuse = |args: &[&str], code, cause: &str| refused_early(&table, args, code, cause);
    let rehearsal = ["--rehearsal", "r"];
    let with = |args: &[&'static str]| [args, &rehearsal].concat();
    refuse(&with(&["message", "-o", "out"]), 2, "out exists already");
    refuse(&with(&["message", "-o", "link"]), 2, "link exists already");
    refuse(
        &with(&["message", "-o", "message"]),
        2,
        "message exists already",
    );
    refuse(
        &with(&["missing", "-o", "new"]),
        1,
        "missing cannot be read",
    );
    refuse(&with(&["r", "-o", "new"]), 2, "r is not a plain file");
    refuse(
        &with(&["message", "-o", "no/new"]),
        1,
        "no/new cannot be written",
    );
    let other = "2026-01-02-backup-key-0A1B2C3D";
    refuse(
        &with(&["message", "-o", "new", "--backup", other]),
        2,
        "there is no backup of",
    );
    refuse(&["message", "-o", "new"], 2, "no secret medium is named");
    refuse(
        &["message", "-o", "new", "--rehearsal", "nowhere"],
        2,
        "no secret medium",
    );
    refuse(
        &["message", "-o", "new", "--medium", backup],
        2,
        "only a rehearsal",
    );
    let empty = [
        "message",
        "-o",
        "new",
        "--rehearsal",
        "r",
        "--medium",
        "secret-1=tmp",
    ];
    refuse(&empty, 2, "there is no ceremony's backup on secret-1");
    assert_eq!(fs::read(table.at("out")).expect("it is there"), b"old");
    table.nothing_at("new");
    // The plan alone is not enough.
    for args in [&["run", "open"][..], &["rehearse", "open", "--auto"]] {
        let output = Command::new(PROGRAM).args(args).output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            said(&output).contains("ceremony open FILE -o OUT"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn a_ceremonys_backup_is_no_rehearsals_and_of_several_one_is_named() {
    let table = Table::new();
    let message = table.by_gpg(&[], b"content");
    table.put("message", &message);
    let secret = table.at("r/secret-1");
    let id = &table.held.id;
    let real = id.trim_start_matches("REHEARSAL-");
    fs::create_dir(secret.join(real)).expect("a new folder");
    fs::write(secret.join(real).join("payload.asc"), b"x").expect("it can be written");
    let args = ["message", "-o", "out", "--rehearsal", "r"];
    refused_early(&table, &args, 2, "there are several backups: ");
    let named = [&args[..], &["--backup", real]].concat();
    refused_early(
        &table,
        &named,
        2,
        "is a ceremony's backup, which is not opened",
    );
    // A folder that is none is not counted.
    fs::create_dir(secret.join("ABANDONED-1-x")).expect("a new folder");
    let named = [&args[..], &["--backup", id]].concat();
    let output = table.open(&named);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read(table.at("out")).expect("it is there"), b"content");
}

#[test]
fn the_second_secret_medium_is_enough() {
    let table = Table::new();
    table.put("message", &table.by_gpg(&[], b"content"));
    fs::remove_dir_all(table.at("r/secret-1")).expect("it is ours");
    table.opens("message", 0);
    assert!(table.verified().contains("medium: secret-2\n"));
}

#[test]
fn no_secret_is_shown_or_kept() {
    let table = Table::new();
    // Long enough to be found in pieces, and in words.
    let content = data(3000);
    table.put("message", &table.by_gpg(&[], &content));
    let output = table.opens("message", 0);
    let mut planted = secrets(&table.held);
    planted.push(Secret::number("the content", &content));
    let search = Search::new(&planted);
    let clean = |place: &str, bytes: &[u8]| {
        let found = search.find(bytes);
        assert!(found.is_empty(), "{place}: {found:?}");
    };
    clean("standard output", &output.stdout);
    clean("standard error", &output.stderr);
    let (mut read, mut on_paper) = (0, Found::new());
    for path in held::files(&table.at("r")) {
        let bytes = fs::read(&path).expect("it is ours");
        if path.starts_with(table.at("r/paper")) {
            search.add(&bytes, &mut on_paper);
        } else {
            clean(&path.display().to_string(), &bytes);
            read += 1;
        }
    }
    assert!(read > 100, "{read} files were read");
    assert!(count(&on_paper, "share of A") > 0, "the search finds them");
    let opened = search.find(&fs::read(table.at("out")).expect("it is there"));
    assert!(count(&opened, "the content") > 0, "the search finds it");
    let left = fs::read_dir(table.at("tmp")).expect("the folder for passing things");
    assert_eq!(left.count(), 0);
}

/// Starts an opening that stops itself at a place.
fn stopping(table: &Table, place: &str, args: &[&str]) -> Watched {
    let log = File::create(table.at("log")).expect("the folder can be written");
    let mut command = table.command(args);
    command
        .env(STOPS, place)
        .stdout(log.try_clone().expect("a file"))
        .stderr(log);
    Watched::new(command.spawn().expect("the program starts"))
}

#[test]
fn the_key_and_the_words_are_gone_from_memory() {
    let table = Table::new();
    table.put("message", &table.by_gpg(&[], b"content"));
    let args = ["message", "-o", "out", "--rehearsal", "r"];
    let mut watched = stopping(&table, "quorum-opened,erased,end", &args);
    let all = secrets(&table.held);
    let search = Search::new(&all);
    let mut found = Vec::new();
    loop {
        match watched.next() {
            Happened::Stopped => {
                let mut here = Found::new();
                let memory = watched.memory();
                memory.iter().for_each(|part| search.add(part, &mut here));
                found.push(here);
                watched.go_on();
            }
            Happened::Ended(status) => break assert_eq!(status.code(), Some(0)),
        }
    }
    let [_, erased, end] = &found[..] else {
        panic!("once at each place: {found:?}");
    };
    assert!(
        count(erased, "share of A") > 0,
        "the players' paper is still there"
    );
    let mut left = erased.clone();
    left.retain(|(name, _), _| name.contains("key's") || name.contains('K'));
    assert!(left.is_empty(), "after erasing: {left:?}");
    assert!(end.is_empty(), "at the end: {end:?}");
}

#[test]
fn a_killed_opening_leaves_nothing_half_and_goes_on() {
    let table = Table::new();
    let content = data(48 << 20);
    table.put("message", &table.by_gpg(&["-z0"], &content));
    fs::create_dir(table.at("to")).expect("a new folder");
    let args = ["message", "-o", "to/out", "--rehearsal", "r"];
    let mut watched = stopping(&table, "quorum-opened", &args);
    assert!(matches!(watched.next(), Happened::Stopped));
    watched.go_on();
    wait_for_open_file(&watched, &table.at("to"));
    watched.kill();
    let left = fs::read_dir(table.at("to")).expect("a folder").count();
    assert_eq!(left, 0, "nothing of the content has a name");

    let record = table.records("operator-a").remove(0);
    let record = record.to_str().expect("UTF-8");
    let output = Command::new(PROGRAM)
        .args(["resume", record, "--auto", "--fast"])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("--resume RECORD"),
        "{}",
        said(&output)
    );

    // Once more: this time the content is there, and on the record, but the key is not erased.
    let again = ["message", "-o", "to/out", "--resume", record];
    let mut watched = stopping(&table, "message-opened", &again);
    assert!(
        matches!(watched.next(), Happened::Stopped),
        "{}",
        log(&table)
    );
    watched.kill();
    assert!(fs::read(table.at("to/out")).expect("it is there") == content);
    let before = fs::metadata(table.at("to/out")).expect("it is there");
    let output = table.open(&again);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let after = fs::metadata(table.at("to/out")).expect("it is there");
    let modified = |meta: &fs::Metadata| meta.modified().expect("the system knows");
    assert_eq!(modified(&before), modified(&after), "it was taken as it is");
    let transcript = table.verified();
    assert_eq!(transcript.matches("event: message-named\n").count(), 3);
    assert_eq!(transcript.matches("event: resumed\n").count(), 2);
    assert_eq!(transcript.matches("event: erased\n").count(), 1);
    // What is complete needs no message to be looked at again.
    let output = Command::new(PROGRAM)
        .args(["resume", record, "--auto", "--fast"])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

fn log(table: &Table) -> String {
    fs::read_to_string(table.at("log")).unwrap_or_default()
}

/// Waits until the program writes into a file in `folder` that has no name.
fn wait_for_open_file(watched: &Watched, folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let fds = format!("/proc/{}/fd", watched.pid().as_raw_nonzero());
    let folder = fs::canonicalize(folder).expect("it is there");
    loop {
        let links = fs::read_dir(&fds).expect("it runs").flatten();
        let mut open = links.filter_map(|link| {
            let inside = fs::read_link(link.path()).ok()?.starts_with(&folder);
            inside.then(|| fs::metadata(link.path()).map_or(0, |meta| meta.len()))
        });
        if open.any(|size| size > 0) {
            return;
        }
        assert!(Instant::now() < deadline, "it writes nothing there");
        std::thread::sleep(Duration::from_millis(1));
    }
}
