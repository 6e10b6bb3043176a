//! A folder instead of a printer: the pages as files, to be printed elsewhere.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Printer, PrinterError};
use crate::edge::files;
use crate::print::Job;
use crate::record::value::PrintedBy;

/// How many files of one name there can be.
const MOST: usize = 999;

pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path }
    }

    /// The next free name: `sheet`, `sheet-2` and so on. Nothing is overwritten.
    fn free(&self, name: &str) -> Result<PathBuf, PrinterError> {
        let numbered = |n: usize| match n {
            1 => name.to_string(),
            n => format!("{name}-{n}"),
        };
        let taken = |name: &String| {
            let taken = |ending| files::exists(&self.path.join(format!("{name}.{ending}")));
            taken("txt") || taken("pdf")
        };
        let mut names = (1..=MOST).map(numbered);
        match names.find(|name| !taken(name)) {
            Some(name) => Ok(self.path.join(name)),
            None => Err(PrinterError::Folder(
                self.path.clone(),
                io::ErrorKind::AlreadyExists.into(),
            )),
        }
    }
}

impl Printer for Folder {
    fn print(&mut self, job: &Job) -> Result<(), PrinterError> {
        let name = self.free(job.name())?;
        let with = |ending: &str| {
            let mut path = name.clone().into_os_string();
            path.push(format!(".{ending}"));
            PathBuf::from(path)
        };
        if !job.pages().is_empty() {
            write(&with("txt"), job.text().as_bytes())?;
        }
        match job.pdf() {
            Some(pdf) => write(&with("pdf"), pdf),
            None => Ok(()),
        }
    }

    fn way(&self) -> PrintedBy {
        PrintedBy::Folder
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PrinterError> {
    let failed = |error| PrinterError::Folder(path.to_path_buf(), error);
    files::write_new(path, bytes).map_err(failed)?;
    match fs::read(path).map_err(failed)? == bytes {
        true => Ok(()),
        false => Err(PrinterError::Differs(path.to_path_buf())),
    }
}
