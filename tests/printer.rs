//! Printers that vanish, block, dawdle, refuse and garble: each ends in a clear error, within its bound.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ceremony::edge::printer::{Limits, PrinterError, Printers, RealPrinters, find};
use ceremony::error::{Exit, Explain};
use ceremony::print::{Job, Language, render};
use ceremony::record::value::PrintedBy;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tempfile::TempDir;

/// Bounds that a test can wait for.
const SHORT: Limits = Limits {
    stall: Duration::from_millis(300),
    total: Duration::from_secs(60),
};

/// Longer than anything here takes, where a bound must not be the cause.
const LONG: Limits = Limits {
    stall: Duration::from_secs(60),
    total: Duration::from_secs(60),
};

/// A machine in a folder, with a printer on USB that is a pipe.
struct Machine(TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(machine.path("dev/usb")).expect("folders");
        let pipe = machine.device();
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn device(&self) -> PathBuf {
        self.path("dev/usb/lp0")
    }

    fn says(self, id: &[u8]) -> Machine {
        let folder = self.path("sys/class/usbmisc/lp0/device");
        fs::create_dir_all(&folder).expect("folders");
        fs::write(folder.join("ieee1284_id"), id).expect("writable");
        self
    }

    fn printers(&self) -> RealPrinters {
        RealPrinters::new(self.0.path())
    }

    fn print(&self, limits: Limits, job: &Job) -> Result<(), PrinterError> {
        let place = self.device().to_string_lossy().into_owned();
        let mut printer = self.printers().within(limits).open(&place)?;
        assert_eq!(printer.way(), PrintedBy::Raw);
        printer.print(job)
    }

    /// The printer's end, open before anything is sent.
    fn reader(&self) -> File {
        let flags = OFlags::NONBLOCK.bits() as i32;
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(flags);
        options.open(self.device()).expect("the pipe opens")
    }
}

/// Reads all, `most` bytes at a time with a pause before each, until nobody writes any more.
fn drain(mut reader: File, most: usize, pause: Duration) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let (mut all, mut piece) = (Vec::new(), vec![0; most]);
        loop {
            thread::sleep(pause);
            match reader.read(&mut piece) {
                Ok(0) if !all.is_empty() => return all,
                Ok(count) => all.extend(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
}

fn small() -> Job {
    Job::new("small", "HEAD\nline (1) \\\n\u{c}two\n", None).expect("no secret")
}

/// More than a pipe holds (64 KiB).
fn large() -> Job {
    Job::new("large", &"0123456789 and so on\n".repeat(20_000), None).expect("no secret")
}

fn explained(error: &PrinterError) -> String {
    assert!(!error.remedy().is_empty(), "{error}");
    error.to_string()
}

#[test]
fn a_printer_that_is_not_there_or_off_says_so_at_once() {
    let machine = Machine::new();
    let error = machine.print(LONG, &small()).expect_err("nobody reads");
    assert!(matches!(error, PrinterError::Missing(_)), "{error:?}");
    assert!(explained(&error).contains("there is no printer at"));
    assert_eq!(error.exit(), Exit::Device);
    fs::remove_file(machine.device()).expect("it was there");
    let error = machine.print(LONG, &small()).expect_err("it is gone");
    assert!(matches!(error, PrinterError::Missing(_)), "{error:?}");
    assert!(!machine.device().exists(), "nothing is made in its place");
}

#[test]
fn a_file_is_no_printer_and_stays_as_it_is() {
    let machine = Machine::new();
    let file = machine.path("precious");
    fs::write(&file, "precious").expect("writable");
    let place = file.to_string_lossy().into_owned();
    let error = machine.printers().open(&place).err().expect("no printer");
    assert!(matches!(error, PrinterError::NotOne(_)), "{error:?}");
    assert_eq!(
        (error.exit(), explained(&error).contains("precious")),
        (Exit::Usage, true)
    );
    assert_eq!(fs::read(&file).expect("there"), b"precious");
}

#[test]
fn out_of_paper_blocks_and_the_wait_is_bounded() {
    let machine = Machine::new();
    let _never_reads = machine.reader();
    let error = machine.print(SHORT, &large()).expect_err("blocks");
    assert!(matches!(error, PrinterError::Stalled(_)), "{error:?}");
    assert!(explained(&error).contains("took nothing"));
}

/// How much the pipe takes while nobody reads; it is empty again afterwards.
fn capacity(machine: &Machine, reader: &mut File) -> usize {
    let flags = OFlags::NONBLOCK.bits() as i32;
    let mut options = OpenOptions::new();
    let writer = options
        .write(true)
        .custom_flags(flags)
        .open(machine.device());
    let mut writer = writer.expect("somebody reads");
    let mut held = 0;
    while let Ok(count) = writer.write(&[0; 4096]) {
        held += count;
    }
    let mut piece = vec![0; held];
    reader.read_exact(&mut piece).expect("all of it is there");
    held
}

#[test]
fn the_last_piece_is_waited_for_as_well() {
    let machine = Machine::new().says(b"CMD:PDF;");
    let mut reader = machine.reader();
    // Exactly what the pipe holds: then it is full, but all was taken from us.
    let held = capacity(&machine, &mut reader);
    let job = Job::of_pdf("x", vec![b'x'; held]).expect("no secret");
    let error = machine
        .print(SHORT, &job)
        .expect_err("the printer never took it");
    assert!(matches!(error, PrinterError::Stalled(_)), "{error:?}");
}

#[test]
fn a_printer_that_vanishes_in_the_middle_is_gone() {
    let machine = Machine::new();
    let mut reader = machine.reader();
    let vanishes = thread::spawn(move || {
        let mut piece = [0; 1000];
        // Waits for the first bytes, then goes.
        while !matches!(reader.read(&mut piece), Ok(count) if count > 0) {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let error = machine.print(LONG, &large()).expect_err("it is gone");
    vanishes.join().expect("the reader ends");
    assert!(matches!(error, PrinterError::Write(_)), "{error:?}");
    assert_eq!(explained(&error), "the printer is gone");
}

#[test]
fn a_slow_printer_gets_everything_as_long_as_it_goes_on() {
    let machine = Machine::new();
    let job = large();
    let slow = drain(machine.reader(), 30_000, Duration::from_millis(20));
    // A stall bound that the whole job exceeds many times over.
    let limits = Limits {
        stall: Duration::from_millis(2000),
        total: Duration::from_secs(120),
    };
    machine.print(limits, &job).expect("it goes on");
    let got = slow.join().expect("the reader ends");
    assert_eq!(Some(got), render(&job, Language::Text));
}

#[test]
fn a_printer_that_dawdles_is_bounded_in_total() {
    let machine = Machine::new();
    let mut reader = machine.reader();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ends = over.clone();
    let dawdles = thread::spawn(move || {
        let mut piece = [0; 5000];
        while !ends.load(std::sync::atomic::Ordering::Relaxed) {
            let _ = reader.read(&mut piece);
            thread::sleep(Duration::from_millis(50));
        }
    });
    let limits = Limits {
        stall: Duration::from_secs(60),
        total: Duration::from_millis(500),
    };
    let error = machine.print(limits, &large()).expect_err("too slow");
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    dawdles.join().expect("the reader ends");
    assert!(matches!(error, PrinterError::Slow(_)), "{error:?}");
}

#[test]
fn a_printer_gets_the_language_that_it_says_it_takes() {
    let with_pdf = Job::new("x", "HEAD\n", Some(b"%PDF-1.7".to_vec())).expect("no secret");
    for (id, expected) in [
        (&b"MFG:X;CMD:PCL;"[..], Language::Text),
        (b"MFG:EPSON;CMD:ESCPL2;", Language::Escp),
        (b"MFG:X;CMD:PJL,POSTSCRIPT;", Language::PostScript),
        (b"MFG:X;CMD:POSTSCRIPT,PDF;", Language::Pdf),
        (b"\xff\xfe;;;CMD", Language::Text),
    ] {
        let machine = Machine::new().says(id);
        let reader = drain(machine.reader(), 4000, Duration::from_millis(5));
        machine.print(LONG, &with_pdf).expect("it is taken");
        let got = reader.join().expect("the reader ends");
        assert_eq!(Some(got), render(&with_pdf, expected), "{expected:?}");
    }
    let machine = Machine::new().says(b"CMD:ZJS,URF;");
    let _reader = machine.reader();
    let error = machine
        .print(LONG, &with_pdf)
        .expect_err("no language of ours");
    assert!(explained(&error).contains("ZJS, URF"), "{error}");
    let machine = Machine::new();
    let _reader = machine.reader();
    let pdf = Job::of_pdf("x", b"%PDF-1.7".to_vec()).expect("no secret");
    let error = machine.print(LONG, &pdf).expect_err("it takes text");
    assert!(explained(&error).contains("as PDF alone"), "{error}");
}

/// What PostScript makes of the program, read by another implementation.
#[test]
fn ghostscript_sets_every_line_as_it_stands() {
    let lines = [
        "HEAD",
        "(unbalanced \\ and ) the other",
        "100% <~ [/x] {y} quit",
    ];
    let text = format!("{}\n\u{c}{}", lines.join("\n"), "full page\n".repeat(66));
    let job = Job::new("x", &text, None).expect("no secret");
    let program = render(&job, Language::PostScript).expect("has text");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("page.ps");
    fs::write(&path, program).expect("writable");
    let output = std::process::Command::new("gs")
        .args([
            "-q",
            "-dSAFER",
            "-dBATCH",
            "-dNOPAUSE",
            "-sDEVICE=txtwrite",
            "-sOutputFile=-",
        ])
        .arg(&path)
        .output()
        .expect("this test needs gs; scripts/test installs it");
    let set = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{set}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in lines {
        assert!(
            set.lines().any(|found| found.trim() == line),
            "{line}: {set}"
        );
    }
    assert_eq!(set.matches("full page").count(), 66, "{set}");
}

/// A program that stands in for `lp`.
fn fake_lp(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("lp");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    path
}

fn queue(script: &str, patience: Duration, job: &Job) -> (Result<(), PrinterError>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let lp = fake_lp(
        folder.path(),
        &script.replace("FOLDER", &folder.path().to_string_lossy()),
    );
    let printers = RealPrinters::new(folder.path()).with_lp(&lp, patience);
    let mut printer = printers.open("cups:office").expect("a name");
    assert_eq!(printer.way(), PrintedBy::Cups);
    (printer.print(job), folder)
}

const PATIENT: Duration = Duration::from_secs(60);

#[test]
fn a_queue_that_hangs_is_left() {
    let hurried = Duration::from_millis(300);
    for script in ["exec sleep 600", "cat >/dev/null; sleep 600 & exit 0"] {
        let (printed, _) = queue(script, hurried, &small());
        let error = printed.expect_err("it hangs");
        assert!(matches!(error, PrinterError::Lp(_)), "{error:?}");
        assert!(explained(&error).contains("did not answer"));
    }
}

#[test]
fn a_queue_that_fails_is_quoted_and_cannot_write_to_the_terminal() {
    let script = "cat >/dev/null; printf 'lp: The printer \\033[2Jis gone.\\n' >&2; exit 1";
    let (printed, _) = queue(script, PATIENT, &small());
    let said = explained(&printed.expect_err("it fails"));
    assert!(said.contains("lp: The printer ?[2Jis gone."), "{said}");
    let (printed, _) = queue("exit 1", PATIENT, &small());
    assert!(explained(&printed.expect_err("it fails")).contains("does not say why"));
    let machine = tempfile::tempdir().expect("a folder");
    let printers = RealPrinters::new(machine.path()).with_lp(Path::new("/nonexistent/lp"), PATIENT);
    let error = printers.open("cups:x").expect("a name").print(&small());
    assert!(matches!(error, Err(PrinterError::Lp(_))), "{error:?}");
}

#[test]
fn no_name_of_a_queue_is_an_option_or_leads_elsewhere() {
    let printers = RealPrinters::new(Path::new("/"));
    for name in [
        "",
        "-h",
        "a b",
        "a/b",
        "x@host",
        "host:631",
        "a#",
        "ä",
        &"x".repeat(128),
    ] {
        let error = printers.open(&format!("cups:{name}")).err().expect(name);
        assert!(matches!(error, PrinterError::Queue(_)), "{name}");
        assert_eq!(error.exit(), Exit::Usage);
    }
}

#[test]
fn a_queue_gets_the_document_and_nothing_of_our_environment() {
    let script = "cat >FOLDER/got; echo \"$@\" >FOLDER/arguments; env >FOLDER/environment";
    let (printed, folder) = queue(script, PATIENT, &small());
    printed.expect("it is taken");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("written");
    assert_eq!(read("got"), small().text());
    assert_eq!(read("arguments"), "-d office -t small\n");
    let mut names: Vec<String> = read("environment")
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.to_string()))
        .collect();
    // The shell's own.
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(&name.as_str()));
    names.sort();
    assert_eq!(names, ["LC_ALL", "PATH"]);
    let with_pdf = Job::new("x", "text\n", Some(b"%PDF-1.7".to_vec())).expect("no secret");
    let (printed, folder) = queue("cat >FOLDER/got", PATIENT, &with_pdf);
    printed.expect("it is taken");
    assert_eq!(
        fs::read(folder.path().join("got")).expect("written"),
        b"%PDF-1.7"
    );
}

#[test]
fn a_folder_gets_both_forms_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_string_lossy().into_owned();
    let mut printer = RealPrinters::new(Path::new("/"))
        .open(&place)
        .expect("a folder");
    assert_eq!(printer.way(), PrintedBy::Folder);
    let job = Job::new("sheet", "text\n", Some(b"%PDF-1.7".to_vec())).expect("no secret");
    fs::write(folder.path().join("sheet.pdf"), "somebody's").expect("writable");
    printer.print(&job).expect("written");
    printer.print(&job).expect("written");
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "sheet-2.pdf",
            "sheet-2.txt",
            "sheet-3.pdf",
            "sheet-3.txt",
            "sheet.pdf"
        ]
    );
    assert_eq!(
        fs::read(folder.path().join("sheet.pdf")).expect("there"),
        b"somebody's"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("sheet-3.txt")).expect("there"),
        "text\n"
    );
    fs::remove_dir_all(folder.path()).expect("ours");
    let error = printer.print(&job).expect_err("it is gone");
    assert!(matches!(error, PrinterError::Folder(..)), "{error:?}");
    assert!(!explained(&error).is_empty());
}

#[test]
fn printers_are_found_with_their_names() {
    let machine = Machine::new().says(b"MFG:Needle;MDL:\x1b[2J24;CMD:ESCPL2;SN:SECRET-SERIAL;");
    fs::write(machine.path("dev/usb/lp1"), "a file").expect("writable");
    fs::write(machine.path("dev/lpx"), "a file").expect("writable");
    let found = find(&machine.printers());
    let of_usb: Vec<_> = found
        .iter()
        .filter(|one| one.place.starts_with('/'))
        .collect();
    assert_eq!(of_usb.len(), 1, "{found:?}");
    assert_eq!(of_usb[0].place, machine.device().to_string_lossy());
    assert_eq!(of_usb[0].title, "Needle ?[2J24");
}
