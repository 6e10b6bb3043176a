//! The sheets are printed, where there is a printer, and typed back from the paper.
//!
//! By now the drill is over and nothing secret is in memory. A printer never stops a ceremony: what it
//! does not do is an exception, and the operators choose another printer, their own hands, or nothing.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::edge::printer::PrinterError;
use crate::engine::sheet_of;
use crate::error::Explain;
use crate::paper::Backup;
use crate::plan::Operator;
use crate::print::{
    Asked, CODE_BYTES, Job, SecretOnPage, TestPage, certificate_rows, recovery_rows,
};
use crate::record::event::Event;
use crate::record::value::{Actors, Decision, Instead, PrintedBy, Sheet};
use crate::role::Role;
use crate::room::{PRINTING_ATTEMPTS, Room, Stop};
use crate::screen::{Answer, Asks, Question, Reply, Who, layout};
use crate::sheet::{Paper, RecoverySheets, plain};
use crate::words::pgp;

use super::export::contents;
use super::fingerprint::certificate_file;

/// What is typed where a page is not as it should be.
pub const BAD: &str = "bad";

/// Rows of a sheet that fit below a page's header.
const ROWS: usize = 12;

/// A sheet, who gets a copy of it, and what is typed back from each copy.
struct Task {
    sheet: Sheet,
    job: Job,
    copies: Vec<Copy>,
}

struct Copy {
    /// Whose it is, as the screen says it.
    whose: &'static str,
    /// Who types, and rows of which one is chosen; for each page that has any.
    pages: Vec<(Who, Vec<Asked>)>,
}

/// Why a sheet is not on paper as it should be.
struct Trouble {
    expected: &'static str,
    happened: String,
    remedy: String,
}

impl Trouble {
    fn of(error: &impl Explain) -> Trouble {
        let mut happened = error.to_string();
        if let Some(source) = error.source() {
            happened.push_str(&format!(": {source}"));
        }
        Trouble {
            expected: "the printer takes the pages",
            happened: ceremony_devices::printable(&happened, 300),
            remedy: error.remedy(),
        }
    }

    fn paper(happened: &str) -> Trouble {
        Trouble {
            expected: "what is on the paper is typed back from it",
            happened: happened.to_string(),
            remedy: "The paper cannot be trusted: mark it as spoilt, and do not use it."
                .to_string(),
        }
    }
}

/// Prints what is not recorded yet. Without a printer there is nothing to do.
pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    if room.printing.is_none() {
        return Ok(());
    }
    for sheet in Sheet::ALL {
        if recorded(room, *sheet) {
            continue;
        }
        match task(room, *sheet)? {
            Ok(Some(task)) => one(room, task)?,
            Ok(None) => {}
            Err(secret) => {
                let name = title(*sheet);
                room.say(&format!("The {name} will not be printed: {secret}."))?;
            }
        }
    }
    Ok(())
}

/// Whether this sheet of the present key was printed, or it was decided that it is not.
fn recorded(room: &Room<'_>, sheet: Sheet) -> bool {
    let entries = room.journal.entries().iter().rev();
    let mut of_key =
        entries.take_while(|placed| !matches!(placed.entry.event, Event::Generated { .. }));
    of_key.any(|placed| sheet_of(&placed.entry.event) == Some(sheet))
}

/// Whether the recovery sheets of the present key are on paper, in whatever way.
pub(super) fn has_recovery_sheets(room: &Room<'_>) -> bool {
    let entries = room.journal.entries().iter().rev();
    let mut of_key =
        entries.take_while(|placed| !matches!(placed.entry.event, Event::Generated { .. }));
    of_key.any(|placed| match placed.entry.event {
        Event::Printed { sheet, .. } => sheet == Sheet::Recovery,
        Event::NotPrinted { sheet, how } => sheet == Sheet::Recovery && how == Instead::ByHand,
        _ => false,
    })
}

/// What is to be printed, if there is any; or why it must not be.
type Wanted = Result<Result<Option<Task>, SecretOnPage>, Stop>;

fn task(room: &mut Room<'_>, sheet: Sheet) -> Wanted {
    match sheet {
        Sheet::Fingerprint => fingerprint_sheet(room),
        Sheet::Recovery => recovery_sheets(room),
    }
}

/// One for each operator, and one for the record.
fn fingerprint_sheet(room: &mut Room<'_>) -> Wanted {
    let [_, _, text, pdf] = contents(room)?;
    let file = certificate_file(room)?;
    let words = pgp::words(Digest::of(&file).bytes());
    let rows = certificate_rows(&words);
    let copy = |whose, who| Copy {
        whose,
        pages: vec![(who, rows.clone())],
    };
    let keeps_files = room
        .printing
        .as_mut()
        .is_some_and(|printing| printing.keeps_files());
    let copies = match keeps_files {
        true => vec![copy("for the record", Who::Both)],
        false => vec![
            copy("for operator A", Who::Operator(Operator::A)),
            copy("for operator B", Who::Operator(Operator::B)),
            copy("for the record", Who::Both),
        ],
    };
    let text = String::from_utf8_lossy(&text);
    let job = Job::new("fingerprint-sheet", &text, Some(pdf));
    Ok(job.map(|job| {
        Some(Task {
            sheet: Sheet::Fingerprint,
            job,
            copies,
        })
    }))
}

/// From the medium, with the hashes that the record has: what is printed is what was drilled.
fn recovery_sheets(room: &mut Room<'_>) -> Wanted {
    let stored = room.state().stored.clone();
    let of_backup = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name);
        name.ends_with(".asc") && name != "certificate.asc"
    };
    let mut files = BTreeMap::new();
    let mut instructions = None;
    for (name, digest) in stored {
        if name == "RECOVERY.txt" {
            let bytes = room.fetch_exactly(Role::Secret1, &name, digest)?;
            instructions = Some(String::from_utf8_lossy(&bytes).into_owned());
        } else if of_backup(&name) {
            let bytes = room.fetch_exactly(Role::Secret1, &name, digest)?;
            files.insert(name, bytes);
        }
    }
    // Without a backup there is nothing to print; a key in a token has its revocation's.
    let Ok(backup) = Backup::new(&room.id, &files) else {
        return Ok(Ok(None));
    };
    let sheets = RecoverySheets::new(backup, instructions.as_deref());
    let pdf = sheets.pdf(Paper::A4);
    let job = match Job::new("recovery-sheets", &sheets.text(), Some(pdf)) {
        Ok(job) => job,
        Err(secret) => return Ok(Err(secret)),
    };
    let with_rows = recovery_rows(job.pages())
        .into_iter()
        .filter(|rows| !rows.is_empty());
    let readers = Operator::ALL.into_iter().map(Who::Operator).cycle();
    let pages = readers.zip(with_rows).collect();
    let copies = vec![Copy {
        whose: "for the safe place of the paper backup",
        pages,
    }];
    Ok(Ok(Some(Task {
        sheet: Sheet::Recovery,
        job,
        copies,
    })))
}

fn one(room: &mut Room<'_>, task: Task) -> Result<(), Stop> {
    loop {
        let given_up = room
            .printing
            .as_ref()
            .is_none_or(|printing| printing.given_up);
        if given_up {
            return instead(room, &task);
        }
        match attempt(room, &task)? {
            Ok(how) => {
                let event = Event::Printed {
                    sheet: task.sheet,
                    pages: (task.job.pages().len() * task.copies.len()) as u32,
                    sha256: task.job.digest(),
                    how,
                };
                room.record(event, Actors::both())?;
                return room.say(&format!("On paper, and typed back: {}.", title(task.sheet)));
            }
            Err(trouble) => resolve(room, &trouble)?,
        }
    }
}

type Tried<T> = Result<Result<T, Trouble>, Stop>;

/// A page of the test first, then every copy, each typed back before the next one.
fn attempt(room: &mut Room<'_>, task: &Task) -> Tried<PrintedBy> {
    if let Err(trouble) = test(room)? {
        return Ok(Err(trouble));
    }
    let mut way = PrintedBy::Raw;
    for copy in &task.copies {
        way = match send(room, &task.job)? {
            Ok(way) => way,
            Err(error) => return Ok(Err(Trouble::of(&error))),
        };
        for (at, (who, rows)) in copy.pages.iter().enumerate() {
            // A page for each, so that nothing scrolls away, and everyone sees whose turn it is.
            room.page(*who, "From the paper", from_paper(task.sheet, copy, at))?;
            let asked = &rows[random(room, rows.len())?];
            let asks = Asks::PaperRow(task.sheet, asked.what.clone());
            let prompt = format!("Type {}", asked.what);
            if let Err(trouble) = type_back(room, *who, asks, &prompt, |typed| asked.is(typed))? {
                return Ok(Err(trouble));
            }
        }
    }
    Ok(Ok(way))
}

/// What is said above the row that is typed after `typed` others.
fn from_paper(sheet: Sheet, copy: &Copy, typed: usize) -> Vec<String> {
    let (name, whose, all) = (title(sheet), copy.whose, copy.pages.len());
    let lead = match typed {
        0 => format!(
            "Sent to the printer: {name}, {whose}. Take it, and see that every page is there and \
             can be read."
        ),
        _ => format!("The {name}, {whose}: {typed} of {all} rows are typed back."),
    };
    layout::paragraphs(&[
        &lead,
        "What is asked for now stands on the paper, and is not on the screen.",
        "If something is missing or cannot be read, type: bad",
    ])
}

fn test(room: &mut Room<'_>) -> Tried<()> {
    if room
        .printing
        .as_ref()
        .is_some_and(|printing| printing.tested)
    {
        return Ok(Ok(()));
    }
    let mut bytes = [0; CODE_BYTES];
    room.edge.system.random(&mut bytes)?;
    let page = TestPage::new(bytes);
    if let Err(error) = send(room, &test_job(&page))? {
        return Ok(Err(Trouble::of(&error)));
    }
    let body = layout::paragraphs(&[
        "The printer was sent a test page. Look at it together: the frame is whole, the numbered \
         lines are all there, and every character can be read.",
        "Near its foot stands a check code, which is on the paper alone.",
        "If no page comes out, or it is not as it should be, type: bad",
    ]);
    room.page(Who::Both, "The test page", body)?;
    let prompt = "Type the check code";
    let typed = type_back(room, Who::Both, Asks::TestCode, prompt, |typed| {
        page.is_code(typed)
    })?;
    if typed.is_ok()
        && let Some(printing) = &mut room.printing
    {
        printing.tested = true;
    }
    Ok(typed)
}

/// The test page as it is printed.
pub fn test_job(page: &TestPage) -> Job {
    let job = |pdf| {
        let job = Job::new("test-page", &page.text(), pdf);
        job.expect("a test page has no words of the list in a row")
    };
    let text = job(None);
    let pdf = plain(text.pages(), Paper::A4, "Test page");
    job(Some(pdf))
}

fn send(room: &mut Room<'_>, job: &Job) -> Result<Result<PrintedBy, PrinterError>, Stop> {
    let label = format!("Printing {}", job.name());
    room.work(&label, |room| {
        let printing = room.printing.as_mut();
        printing
            .expect("nothing is printed without a printer")
            .print(job)
    })
}

fn type_back(
    room: &mut Room<'_>,
    who: Who,
    asks: Asks,
    prompt: &str,
    fits: impl Fn(&str) -> bool,
) -> Tried<()> {
    for attempt in 1..=PRINTING_ATTEMPTS {
        let typed = room.ask_line(who, asks.clone(), prompt)?;
        if fits(&typed) {
            return Ok(Ok(()));
        }
        if typed.eq_ignore_ascii_case(BAD) {
            return Ok(Err(Trouble::paper("a page is missing or cannot be read")));
        }
        if attempt < PRINTING_ATTEMPTS {
            room.say("That is not what the paper should say. Look once more, and type it again.")?;
        }
    }
    Ok(Err(Trouble::paper("it was typed wrongly three times")))
}

/// Below `count`, which is more than 0.
fn random(room: &mut Room<'_>, count: usize) -> Result<usize, Stop> {
    let mut bytes = [0; 4];
    room.edge.system.random(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes) as usize % count)
}

/// The operators decide; it is on the record.
fn resolve(room: &mut Room<'_>, trouble: &Trouble) -> Result<(), Stop> {
    let Trouble {
        expected,
        happened,
        remedy,
    } = trouble;
    match room.printer_failed(expected, happened, remedy)? {
        Decision::ReplaceDevice => another(room),
        Decision::CopyByHand => {
            if let Some(printing) = &mut room.printing {
                printing.given_up = true;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Another printer takes the first one's place; Enter alone keeps that.
fn another(room: &mut Room<'_>) -> Result<(), Stop> {
    let prompt = "Which printer (/dev/usb/lp0, cups:NAME, a folder; Enter alone: the same)";
    loop {
        let place = room.ask_line(Who::Both, Asks::PrinterPlace, prompt)?;
        let Some(printing) = room.printing.as_mut().filter(|_| !place.is_empty()) else {
            return Ok(());
        };
        match printing.replace(&place) {
            Ok(()) => return Ok(()),
            Err(error) => room.say(&format!("{error}. {}", error.remedy()))?,
        }
    }
}

fn title(sheet: Sheet) -> &'static str {
    match sheet {
        Sheet::Fingerprint => "fingerprint sheet",
        Sheet::Recovery => "recovery sheets",
    }
}

/// What there is instead of a sheet: a copy by hand from the screen, or nothing.
fn instead(room: &mut Room<'_>, task: &Task) -> Result<(), Stop> {
    let pages = task.job.pages().iter().flatten();
    let lines: Vec<String> = pages.filter(|line| !line.is_empty()).cloned().collect();
    let name = title(task.sheet);
    let kept = match task.sheet {
        Sheet::Fingerprint => "It is on the medium public too, as fingerprint.pdf.",
        Sheet::Recovery => {
            "It can be printed later, from a secret medium: ceremony sheet --recovery."
        }
    };
    let body = layout::paragraphs(&[
        &format!("The {name} will not be printed. {kept}"),
        &format!(
            "It can be copied by hand from the screen now: {} lines.",
            lines.len()
        ),
    ]);
    room.page(Who::Both, &format!("No {name}"), body)?;
    let choices = [
        (Instead::LeftOut, "leave it out"),
        (Instead::ByHand, "copy it by hand, row by row"),
    ];
    let listed = choices.map(|(how, text)| (how.word(), text.to_string()));
    let question = Question {
        who: Who::Both,
        asks: Asks::Instead(task.sheet),
        prompt: "What do you do".to_string(),
        answer: Answer::Choice(listed.to_vec()),
    };
    let how = loop {
        let Reply::Line(typed) = room.ask(&question)? else {
            continue;
        };
        match typed.trim() {
            "1" | "left-out" => break Instead::LeftOut,
            "2" | "by-hand" => break Instead::ByHand,
            _ => room.say("Please type one of the numbers.")?,
        }
    };
    if how == Instead::ByHand {
        copy(room, name, &lines)?;
    }
    let sheet = task.sheet;
    room.record(Event::NotPrinted { sheet, how }, Actors::both())
}

fn copy(room: &mut Room<'_>, name: &str, lines: &[String]) -> Result<(), Stop> {
    let parts = lines.chunks(ROWS);
    let all = parts.len();
    for (at, rows) in parts.enumerate() {
        let title = format!("Copy the {name} by hand ({} of {all})", at + 1);
        room.page(Who::Both, &title, rows.to_vec())?;
        room.done(Who::Both, Asks::Done, "Press Enter when it is on the paper")?;
    }
    Ok(())
}
