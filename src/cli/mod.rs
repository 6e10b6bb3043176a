//! The commands, one file each.

mod check;
mod confirm;
mod error;
mod form;
mod live;
mod menu;
mod open;
mod pages;
mod place;
mod preflight;
mod print;
mod printed;
mod redact;
mod rehearse;
mod report;
mod restore_paper;
mod resume;
mod run;
mod seal;
mod sheet;
mod verify;

pub use error::CliError;

use clap::{CommandFactory, Parser, Subcommand};

use crate::edge::harden::{self, Holds};
use crate::edge::test_only;
use crate::error::{Exit, Failure};
use crate::version;

/// An air-gapped key ceremony for two operators under dual control.
///
/// Without a command, on a terminal, a start menu.
#[derive(Parser)]
#[command(name = "ceremony", version = version::LONG_VERSION, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  the ceremony or the check failed
  2  usage, or a plan or site that is not accepted
  3  verified, but it is a rehearsal
  4  verified, but unfinished or not pinned
  5  refused by preflight
  6  a device failed";

#[derive(Subcommand)]
enum Command {
    /// List the plans that this program carries.
    Plans,
    /// Check a plan.
    Check(check::Check),
    /// Print the checklist of a plan, to be filled in by hand.
    Checklist(check::Checklist),
    /// Print a blank form: share cards, exception sheet, labels, custody log, the verifier's sheet.
    Form(form::Form),
    /// Look at this machine, and do nothing.
    Preflight(preflight::Preflight),
    /// Hold a ceremony.
    Run(run::Run),
    /// Hold a rehearsal, in folders, with real cryptography.
    Rehearse(rehearse::Rehearse),
    /// Go on with a ceremony that was interrupted or paused.
    Resume(resume::Resume),
    /// Open a message that was sealed to a ceremony's key, under dual control.
    Open(open::Open),
    /// Check a record that a ceremony left behind.
    Verify(verify::Verify),
    /// Show a record to people, verdict first: as one page (HTML), as text, or as PDF.
    Report(report::Report),
    /// Copy a record without its personal details, to be published.
    Redact(redact::Redact),
    /// Confirm a key by telephone: the verifier's side of the call.
    Confirm(confirm::Confirm),
    /// Seal data to a key that was confirmed by telephone.
    Seal(seal::Seal),
    /// Print the fingerprint sheet of a certificate, a page for the call, or a backup's recovery sheets.
    Sheet(sheet::Sheet),
    /// Print pages, or a test page; list the printers that are there.
    Print(print::Print),
    /// Put a backup together from its recovery sheets: scans, or rows that were typed.
    RestorePaper(restore_paper::RestorePaper),
    /// What the live image starts: its first screen, and a menu.
    Live,
    /// Print a man page, or write all of them to a folder.
    Man(pages::Man),
    /// Print the completions for a shell.
    Completions(pages::Completions),
}

impl Cli {
    /// Runs the command that was asked for.
    pub fn run(self) -> Result<Exit, Failure> {
        // Before anything else: the environment and the limits that secrets need.
        let holds = match self.command {
            Some(Command::Seal(_)) => Holds::PublicKeys,
            _ => Holds::Secrets,
        };
        harden::reexec_with_clean_environment(holds)?;
        harden::harden(holds)?;
        test_only::trust_root();
        match self.command {
            None => menu::run(),
            Some(Command::Plans) => check::plans(),
            Some(Command::Check(command)) => command.run(),
            Some(Command::Checklist(command)) => command.run(),
            Some(Command::Form(command)) => command.run(),
            Some(Command::Preflight(command)) => command.run(),
            Some(Command::Run(command)) => command.run(),
            Some(Command::Rehearse(command)) => command.run(),
            Some(Command::Resume(command)) => command.run(),
            Some(Command::Open(command)) => command.run(),
            Some(Command::Verify(command)) => command.run(),
            Some(Command::Report(command)) => command.run(),
            Some(Command::Redact(command)) => command.run(),
            Some(Command::Confirm(command)) => command.run(),
            Some(Command::Seal(command)) => command.run(),
            Some(Command::Sheet(command)) => command.run(),
            Some(Command::Print(command)) => command.run(),
            Some(Command::RestorePaper(command)) => command.run(),
            Some(Command::Live) => live::run(),
            Some(Command::Man(command)) => command.run(Cli::command()),
            Some(Command::Completions(command)) => command.run(Cli::command()),
        }
    }
}
