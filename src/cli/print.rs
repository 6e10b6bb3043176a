//! `ceremony print`: pages on paper, and whether a printer can be trusted with them.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, check, place};
use crate::assign::Desk;
use crate::edge::console::Console;
use crate::edge::printer::{Printers, RealPrinters, find};
use crate::edge::system::System;
use crate::edge::{Terminal, files, test_only};
use crate::error::{Exit, Explain, Failure};
use crate::print::{CODE_BYTES, Job, TestPage};
use crate::room::PRINTING_ATTEMPTS;
use crate::screen::Asks;
use crate::steps;

/// The screen instead of a printer.
const SCREEN: &str = "screen";

/// Rows that fit below a page's header.
const ROWS: usize = 12;

/// `ceremony print [FILE...]`.
#[derive(Args)]
pub(super) struct Print {
    /// Texts (a form feed begins a page) or PDF files. Never anything secret.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a test page, and ask for the code on it.
    #[arg(long, conflicts_with = "files")]
    test: bool,
    /// Where: /dev/usb/lp0, cups:NAME, a folder, or screen (to copy by hand). Without it, the
    /// printers that are there are listed.
    #[arg(long, value_name = "WHERE")]
    to: Option<String>,
}

impl Print {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let printers = RealPrinters::new(&test_only::root());
        let Some(place) = &self.to else {
            check::print(&listed(&printers))?;
            return match self.test || !self.files.is_empty() {
                true => Err(PrintError::NoPlace.into()),
                false => Ok(Exit::Good),
            };
        };
        if self.test {
            return test(&printers, place);
        }
        if self.files.is_empty() {
            return Err(PrintError::NoFile.into());
        }
        // All are looked at before the first one is printed.
        let jobs: Vec<Job> = self
            .files
            .iter()
            .map(|file| job(file))
            .collect::<Result<_, _>>()?;
        if place == SCREEN {
            let mut console = Console::open()?;
            return jobs
                .iter()
                .try_for_each(|job| copy(&mut console, job))
                .map(|()| Exit::Good);
        }
        let mut printer = printers.open(place)?;
        for job in &jobs {
            printer.print(job)?;
            check::print(&format!("{} was sent to {place}.\n", job.name()))?;
        }
        check::print("Look at the paper: that a page was sent does not mean that it is right.\n")?;
        Ok(Exit::Good)
    }
}

fn listed(printers: &RealPrinters) -> String {
    let found = find(printers);
    if found.is_empty() {
        return "There is no printer. Pages can go to a folder (--to FOLDER), or be copied by hand \
                (--to screen).\n"
            .to_string();
    }
    let line = |one: &crate::edge::printer::Found| format!("{:<24}{}\n", one.place, one.title);
    let lines: String = found.iter().map(line).collect();
    format!(
        "Printers, for --to:\n\n{lines}\nTry one: ceremony print --test --to {}\n",
        found[0].place
    )
}

fn job(path: &Path) -> Result<Job, Failure> {
    let bytes = files::read(path).map_err(|error| CliError::Read(path.to_path_buf(), error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if bytes.starts_with(b"%PDF-") {
        return Ok(Job::of_pdf(name.trim_end_matches(".pdf"), bytes)?);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Job::new(name.trim_end_matches(".txt"), &text, None)?),
        Err(_) => Err(PrintError::NoText(path.to_path_buf()).into()),
    }
}

/// Row by row, for pen and paper.
fn copy(terminal: &mut dyn Terminal, job: &Job) -> Result<(), Failure> {
    if job.pages().is_empty() {
        return Err(PrintError::NoText(PathBuf::from(job.name())).into());
    }
    let mut desk = Desk::before(terminal, "Copy by hand");
    let lines: Vec<&String> = job
        .pages()
        .iter()
        .flatten()
        .filter(|line| !line.is_empty())
        .collect();
    let parts = lines.chunks(ROWS);
    let all = parts.len();
    for (at, rows) in parts.enumerate() {
        let title = format!("{} ({} of {all})", job.name(), at + 1);
        desk.page(&title, rows.iter().map(ToString::to_string).collect())?;
        desk.enter(Asks::Done, "Press Enter when it is on the paper")?;
    }
    Ok(())
}

fn test(printers: &dyn Printers, place: &str) -> Result<Exit, Failure> {
    let mut bytes = [0; CODE_BYTES];
    place::system(false).random(&mut bytes)?;
    let page = TestPage::new(bytes);
    let mut printer = printers.open(place)?;
    // Where nobody can type, that is said before paper is spoilt.
    let mut console = Console::open()?;
    printer.print(&steps::test_job(&page))?;
    type_back(&mut console, &page)?;
    drop(console);
    check::print("The printer works, and the paper says what it should.\n")?;
    Ok(Exit::Good)
}

/// The code, as it stands on the paper alone.
fn type_back(terminal: &mut dyn Terminal, page: &TestPage) -> Result<(), Failure> {
    let mut desk = Desk::before(terminal, "Test page");
    let body = crate::screen::layout::paragraphs(&[
        "A test page was sent. Look at it: the frame is whole, the numbered lines are all there, and \
         every character can be read.",
        "Near its foot stands a check code. If no page comes out, or it is not as it should be, type: bad",
    ]);
    desk.page("Test page", body)?;
    for attempt in 1..=PRINTING_ATTEMPTS {
        let typed = desk.line(Asks::TestCode, "Type the check code")?;
        if page.is_code(&typed) {
            return Ok(());
        }
        if typed.eq_ignore_ascii_case(steps::BAD_PAPER) {
            break;
        }
        if attempt < PRINTING_ATTEMPTS {
            desk.say("That is not the code. Look once more, and type it again.")?;
        }
    }
    Err(PrintError::Untrusted.into())
}

/// What can be wrong beside the printer.
#[derive(Debug)]
enum PrintError {
    /// It was not said where.
    NoPlace,
    /// It was not said what.
    NoFile,
    /// Neither text nor PDF, or a PDF for a place that takes text alone.
    NoText(PathBuf),
    /// The code was not typed back.
    Untrusted,
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrintError::NoPlace => f.write_str("it was not said where to print"),
            PrintError::NoFile => f.write_str("it was not said what to print"),
            PrintError::NoText(path) => write!(f, "{} has no text to print", path.display()),
            PrintError::Untrusted => f.write_str("this paper cannot be trusted"),
        }
    }
}

impl std::error::Error for PrintError {}

impl Explain for PrintError {
    fn remedy(&self) -> String {
        match self {
            PrintError::NoPlace => "Name one of the places above: --to WHERE.",
            PrintError::NoFile => "Name files, or print a test page: --test.",
            PrintError::NoText(_) => "Print a text in UTF-8 or a PDF file; a PDF needs a printer.",
            PrintError::Untrusted => {
                "Throw the page away, see to the printer and try again; or use another printer, a \
                 folder, or your hands (--to screen)."
            }
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            PrintError::Untrusted => Exit::Device,
            _ => Exit::Usage,
        }
    }
}
