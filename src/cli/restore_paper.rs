//! `ceremony restore-paper INPUT... -o DIR`: a backup's files from its recovery sheets.
//!
//! What comes out is as encrypted as what went onto paper: no secret is asked for, or of use here.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, check};
use crate::edge::files;
use crate::error::{Exit, Explain, Failure};
use crate::paper::{Gathered, Problem, Restored};
use crate::{picture, qr};

/// `ceremony restore-paper`.
#[derive(Args)]
pub(super) struct RestorePaper {
    /// Scans of the pages (PNG or PGM, 300 dpi), and texts: rows as they were typed, with the lines
    /// CEREMONY and FILE, or what zbarimg --raw printed.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where the files are written; must not exist.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Write the files that are whole, although others are not.
    #[arg(long)]
    partial: bool,
}

impl RestorePaper {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if files::exists(&self.out) {
            return Err(CliError::Exists(self.out).into());
        }
        let mut gathered = Gathered::default();
        let mut unread = Vec::new();
        for path in &self.inputs {
            if let Err(complaint) = gather(&mut gathered, path)? {
                unread.push(complaint);
            }
        }
        match gathered.finish() {
            Ok(restored) => self.finish(&restored, &unread),
            Err(problems) => {
                let mut said = lines(&unread);
                said += &listed(&problems);
                said += "\nNothing was written. Give the pages of one ceremony alone.\n";
                check::print(&said)?;
                Ok(Exit::Failed)
            }
        }
    }

    fn finish(&self, restored: &Restored, unread: &[String]) -> Result<Exit, Failure> {
        let whole = restored.missing.is_empty();
        let mut said = format!("Ceremony {}\n", restored.id);
        said += &lines(unread);
        said += &listed(&restored.notes);
        said += &listed(&restored.missing);
        if whole || self.partial && !restored.files.is_empty() {
            write(&self.out, restored)?;
            for name in restored.files.keys() {
                let _ = writeln!(said, "whole: {name}");
            }
            let _ = writeln!(said, "\nThe files are in {}.", self.out.display());
        } else {
            said += "\nNothing was written. Scan or type what is missing, and give all of it again; \
                     --partial writes the files that are whole.\n";
        }
        if whole {
            said += "They are as encrypted as before: go on with RECOVERY.txt, also printed on the \
                     last pages.\n";
        }
        check::print(&said)?;
        Ok(if whole { Exit::Good } else { Exit::Failed })
    }
}

/// Adds one input. A picture that is damaged is complained of, and the others still count.
fn gather(gathered: &mut Gathered, path: &Path) -> Result<Result<(), String>, CliError> {
    let unreadable = |error| CliError::Read(path.to_path_buf(), error);
    let bytes = files::read(path).map_err(unreadable)?;
    let source = path.display().to_string();
    if picture::is_picture(&bytes) {
        return Ok(match picture::read(&bytes) {
            Ok(picture) => {
                gathered.codes(&source, &qr::scan(&picture));
                Ok(())
            }
            Err(error) => Err(format!("{source}: {error}. {}", error.remedy())),
        });
    }
    match str::from_utf8(&bytes) {
        Ok(text) => {
            gathered.text(&source, text);
            Ok(Ok(()))
        }
        Err(_) => Ok(Err(format!(
            "{source}: neither a picture (PNG, PGM) nor a text"
        ))),
    }
}

/// All files into a new folder.
fn write(out: &Path, restored: &Restored) -> Result<(), CliError> {
    let failed = |path: &Path, error| CliError::Write(path.to_path_buf(), error);
    files::new_folder(out).map_err(|error| failed(out, error))?;
    for (name, bytes) in &restored.files {
        let path = out.join(name);
        files::write_below(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

fn listed(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}
