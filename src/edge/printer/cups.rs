//! A queue of CUPS, through its own program `lp`.
//!
//! CUPS keeps what it prints as plain files in its spool: it gets what may be read by anyone who finds the disk.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where programs are run"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Printer, PrinterError};
use crate::edge::gpg::child;
use crate::print::Job;
use crate::record::value::PrintedBy;
use ceremony_devices::printable;

/// Where `lp` is looked for, unless a path is given.
pub(super) const PATH: &str = "/usr/bin:/bin:/usr/local/bin";

/// As much as it may say on its standard output, and as much as is shown of what it says.
pub(super) const MOST: usize = 64 * 1024;
const SHOWN: usize = 200;

pub(super) struct Queue {
    name: String,
    lp: PathBuf,
    patience: Duration,
}

impl Queue {
    /// A name of CUPS (RFC 8011 and lpadmin(8)): no blank, slash or number sign; and here no hyphen at
    /// its beginning, which would be an option, and nothing that could name a server elsewhere.
    pub(super) fn new(name: &str, lp: PathBuf, patience: Duration) -> Result<Queue, PrinterError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        let good = (1..=127).contains(&name.len()) && name.chars().all(fits);
        if !good || name.starts_with('-') {
            return Err(PrinterError::Queue(printable(name, SHOWN)));
        }
        Ok(Queue {
            name: name.to_string(),
            lp,
            patience,
        })
    }
}

impl Printer for Queue {
    fn print(&mut self, job: &Job) -> Result<(), PrinterError> {
        let text;
        let document = match job.pdf() {
            Some(pdf) => pdf,
            None => {
                text = job.text();
                text.as_bytes()
            }
        };
        let mut command = Command::new(&self.lp);
        let command = command.env_clear().env("PATH", PATH).env("LC_ALL", "C");
        let command = command.args(["-d", &self.name, "-t", job.name()]);
        let answer = child::talk(command, &[document], MOST, self.patience);
        let answer = answer.map_err(PrinterError::Lp)?;
        if answer.success {
            return Ok(());
        }
        let said = printable(answer.messages.trim(), SHOWN);
        Err(PrinterError::Refused(match said.is_empty() {
            true => "it does not say why".to_string(),
            false => said,
        }))
    }

    fn way(&self) -> PrintedBy {
        PrintedBy::Cups
    }
}
