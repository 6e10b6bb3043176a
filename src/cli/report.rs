//! `ceremony report RECORD`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::verify::{self, Notes};
use super::{CliError, check};
use crate::edge::files;
use crate::edge::media::Access;
use crate::edge::new_file::NewFile;
use crate::error::{Exit, Failure};
use crate::report::report;
use crate::verify::verify as check_record;

/// `ceremony report RECORD`.
#[derive(Args)]
pub(super) struct Report {
    /// The folder `record`, or the ceremony's folder that holds it.
    record: PathBuf,
    #[command(flatten)]
    notes: Notes,
    /// Write the page to this file, which must not exist, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    /// Judges as `verify` does, with its exit codes. A record that fails gets a page that says so.
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if let Some(path) = self.output.as_ref().filter(|path| files::exists(path)) {
            return Err(CliError::Exists(path.clone()).into());
        }
        let pins = self.notes.pins()?;
        let material = verify::read(&self.record)?;
        let judged = check_record(&material, &pins);
        let page = report(&material, &pins, &judged);
        match &self.output {
            None => check::print(&page)?,
            Some(path) => {
                write(path, page.as_bytes())?;
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
