//! `ceremony sheet`: the fingerprint sheet of a certificate, and the pages of the call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::printed::Printed;
use super::{CliError, place};
use crate::edge::files;
use crate::edge::system::{RealSystem, System};
use crate::error::{Exit, Failure};
use crate::openpgp::Certificate;
use crate::paper::{Backup, PaperError};
use crate::plan::{Operator, Plan};
use crate::record::time;
use crate::sheet::{self, Grid, Paper, Reading, ReadingFacts, ReadingSheet, RecoverySheets};
use crate::steps;

/// `ceremony sheet CERT`.
#[derive(Args)]
pub(super) struct Sheet {
    /// The certificate's file, armored or not.
    #[arg(required_unless_present_any = ["grid", "recovery"])]
    cert: Option<PathBuf>,
    /// Instead of the fingerprint sheet, what this operator reads to a verifier who has no
    /// ceremony program: the fingerprint's digits, every second row.
    #[arg(long, value_name = "OPERATOR")]
    reading: Option<Reader>,
    /// Instead of a certificate's sheet, the blank page that a verifier writes on in the call.
    #[arg(long, value_name = "KEY VERSION", conflicts_with_all = ["cert", "reading"])]
    grid: Option<KeyVersion>,
    /// Instead of a certificate's sheet, the recovery sheets of a backup: its encrypted files as
    /// codes to scan (in the PDF alone) and rows to type. DIR is the ceremony's folder as it lies
    /// on a secret medium.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "reading", "grid"])]
    recovery: Option<PathBuf>,
    /// The ceremony's id, where the certificate came from one, or a backup's folder has another name.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    printed: Printed,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reader {
    A,
    B,
}

#[derive(Clone, Copy, ValueEnum)]
enum KeyVersion {
    V4,
    V6,
}

impl Sheet {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let id = self.id.as_deref();
        let paper = self.printed.paper();
        let page = match (&self.cert, &self.recovery, self.grid) {
            (Some(cert), ..) => of_certificate(cert, id.unwrap_or("none"), self.reading, paper)?,
            (None, Some(folder), _) => of_backup(folder, id, paper)?,
            (None, None, version) => {
                let version = if let Some(KeyVersion::V6) = version {
                    6
                } else {
                    4
                };
                let grid = Grid::new(version, id, false);
                Page {
                    text: grid.text(),
                    pdf: grid.pdf(paper),
                }
            }
        };
        self.printed.either(&page.text, |_| page.pdf)
    }
}

/// What is printed, in both forms.
struct Page {
    text: String,
    pdf: Vec<u8>,
}

fn of_certificate(
    cert: &Path,
    id: &str,
    reader: Option<Reader>,
    paper: Paper,
) -> Result<Page, Failure> {
    let bytes = files::read(cert).map_err(|e| CliError::Read(cert.to_path_buf(), e))?;
    let certificate = Certificate::from_bytes(&bytes)?;
    let utc = time::for_people(RealSystem::new(place::work_folder()).now());
    let rehearsal = id.starts_with("REHEARSAL") || says_rehearsal(&bytes);
    let Some(reader) = reader else {
        let sheet = steps::fingerprint_sheet(id, rehearsal, utc, &certificate, &bytes);
        return Ok(Page {
            text: sheet.text(),
            pdf: sheet.pdf(paper),
        });
    };
    let sheet = ReadingSheet::new(ReadingFacts {
        ceremony_id: id.to_string(),
        sheet_code: sheet::sheet_code(id, &bytes),
        rehearsal,
        utc,
        reader: match reader {
            Reader::A => Operator::A,
            Reader::B => Operator::B,
        },
        rows: certificate.fingerprint().rows(),
        what: Reading::Digits,
    });
    Ok(Page {
        text: sheet.text(),
        pdf: sheet.pdf(paper),
    })
}

/// The encrypted files of a backup; of all else in the folder, `RECOVERY.txt` alone is looked at.
fn of_backup(folder: &Path, id: Option<&str>, paper: Paper) -> Result<Page, Failure> {
    let read = |path: PathBuf| files::read(&path).map_err(|e| CliError::Read(path, e));
    let full = files::canonical(folder).map_err(|e| CliError::Read(folder.to_path_buf(), e))?;
    let name = full
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let mut found = BTreeMap::new();
    for name in files::beside(&full.join("record")) {
        if name.ends_with(".asc") {
            found.insert(name.clone(), read(full.join(&name))?);
        }
    }
    let backup = Backup::new(id.unwrap_or(name), &found)?;
    if !backup.has_key() && !is_of_token(folder) {
        return Err(PaperError::NoPayload.into());
    }
    let instructions = full.join("RECOVERY.txt");
    let instructions = match files::is_file(&instructions) {
        true => Some(String::from_utf8_lossy(&read(instructions)?).into_owned()),
        false => None,
    };
    let sheets = RecoverySheets::new(backup, instructions.as_deref());
    Ok(Page {
        text: sheets.text(),
        pdf: sheets.pdf(paper),
    })
}

/// Whether the record beside the files has a plan whose key is made in a token: only then is a
/// revocation certificate's backup all that there is.
fn is_of_token(folder: &Path) -> bool {
    let plan = files::read(&folder.join("record/plan.toml")).ok();
    let text = plan.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| Plan::parse(&text).ok())
        .is_some_and(|plan| plan.key_is_in_a_token())
}

/// A rehearsal's certificate says so in its armor.
fn says_rehearsal(file: &[u8]) -> bool {
    let comment = b"Comment: REHEARSAL";
    file.windows(comment.len())
        .take(400)
        .any(|window| window == comment)
}
