//! `ceremony report RECORD`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::printed::Printed;
use super::verify::{self, Notes};
use super::{CliError, check};
use crate::edge::files;
use crate::edge::media::Access;
use crate::edge::new_file::NewFile;
use crate::error::{Exit, Failure};
use crate::report::{report, report_lines, transcript_lines};
use crate::verify::verify as check_record;

/// `ceremony report RECORD`.
#[derive(Args)]
pub(super) struct Report {
    /// The folder `record`, or the ceremony's folder that holds it.
    record: PathBuf,
    #[command(flatten)]
    notes: Notes,
    /// As plain text, in pages, instead of HTML.
    #[arg(long, conflicts_with = "pdf")]
    text: bool,
    /// The transcript itself, every entry as it stands in the file, instead of what it tells: as
    /// plain text, or with --pdf.
    #[arg(long)]
    transcript: bool,
    /// Write the report to this file, which must not exist, instead of standard output.
    #[arg(short, long, value_name = "FILE", conflicts_with = "pdf")]
    output: Option<PathBuf>,
    #[command(flatten)]
    printed: Printed,
}

impl Report {
    /// Judges as `verify` does, with its exit codes. A record that fails gets a page that says so.
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let output = self.output.as_ref().or(self.printed.pdf.as_ref());
        if let Some(path) = output.filter(|path| files::exists(path)) {
            return Err(CliError::Exists(path.clone()).into());
        }
        let pins = self.notes.pins()?;
        let material = verify::read(&self.record)?;
        let judged = check_record(&material, &pins);
        let lines = || match self.transcript {
            true => transcript_lines(&material, &pins, &judged),
            false => report_lines(&material, &pins, &judged),
        };
        let bytes = match (&self.printed.pdf, self.text || self.transcript) {
            (Some(_), _) => lines().pdf(self.printed.paper()),
            (None, true) => lines().text().into_bytes(),
            (None, false) => report(&material, &pins, &judged).into_bytes(),
        };
        match output {
            None => check::print(&String::from_utf8_lossy(&bytes))?,
            Some(path) => {
                write(path, &bytes)?;
                check::print(&match &judged {
                    Ok(verdict) => format!("{}\n", verdict.headline()),
                    Err(fault) => verify::fault_text(fault),
                })?;
            }
        }
        Ok(judged.map_or(Exit::Failed, |verdict| verdict.exit()))
    }
}

/// Only for who made it: personal details may be in it. It gets its name when all of it is there.
fn write(path: &Path, page: &[u8]) -> Result<(), CliError> {
    let written = || -> std::io::Result<()> {
        let mut file = NewFile::create(path, Access::Private)?;
        file.write_all(page)?;
        file.publish()
    };
    written().map_err(|error| CliError::not_made(path, error))
}
