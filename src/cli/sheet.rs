//! `ceremony sheet CERT`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CliError, check, place};
use crate::edge::files;
use crate::edge::system::{RealSystem, System};
use crate::error::{Exit, Failure};
use crate::openpgp::Certificate;
use crate::record::time;
use crate::sheet::Paper;
use crate::steps;

/// `ceremony sheet CERT`.
#[derive(Args)]
pub(super) struct Sheet {
    /// The certificate's file, armored or not.
    cert: PathBuf,
    /// The ceremony's id, where the certificate came from one.
    #[arg(long, default_value = "none")]
    id: String,
    /// Write a PDF to this file instead of text to the screen.
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// The paper of the PDF.
    #[arg(long, value_enum, default_value = "a4")]
    paper: Size,
}

#[derive(Clone, Copy, ValueEnum)]
enum Size {
    A4,
    Letter,
}

impl Sheet {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bytes = files::read(&self.cert).map_err(|e| CliError::Read(self.cert.clone(), e))?;
        let certificate = Certificate::from_bytes(&bytes)?;
        let utc = time::for_people(RealSystem::new(place::work_folder()).now());
        let rehearsal = self.id.starts_with("REHEARSAL") || says_rehearsal(&bytes);
        let sheet = steps::fingerprint_sheet(&self.id, rehearsal, utc, &certificate, &bytes);
        let Some(path) = self.pdf else {
            check::print(&sheet.text())?;
            return Ok(Exit::Good);
        };
        let paper = match self.paper {
            Size::A4 => Paper::A4,
            Size::Letter => Paper::Letter,
        };
        files::write_new(&path, &sheet.pdf(paper)).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => CliError::Exists(path.clone()),
            _ => CliError::Write(path.clone(), error),
        })?;
        Ok(Exit::Good)
    }
}

/// A rehearsal's certificate says so in its armor.
fn says_rehearsal(file: &[u8]) -> bool {
    let comment = b"Comment: REHEARSAL";
    file.windows(comment.len())
        .take(400)
        .any(|window| window == comment)
}
