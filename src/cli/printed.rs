//! What a command prints: text on the screen, or a PDF in a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{check, place};
use crate::error::{Exit, Failure};
use crate::sheet::{Lines, Paper};

/// Where it goes.
#[derive(Args)]
pub(super) struct Printed {
    /// Write a PDF to this file, which must not exist, instead of printing to standard output.
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// The paper of the PDF.
    #[arg(long, value_enum, default_value = "a4")]
    paper: Size,
}

#[derive(Clone, Copy, ValueEnum)]
enum Size {
    A4,
    Letter,
}

impl Printed {
    /// The paper that was chosen.
    pub fn paper(&self) -> Paper {
        match self.paper {
            Size::A4 => Paper::A4,
            Size::Letter => Paper::Letter,
        }
    }

    /// Prints pages of lines.
    pub fn lines(&self, lines: &Lines) -> Result<Exit, Failure> {
        self.either(&lines.text(), |paper| lines.pdf(paper))
    }

    /// Prints the text, or the PDF if one was asked for.
    pub fn either(&self, text: &str, pdf: impl FnOnce(Paper) -> Vec<u8>) -> Result<Exit, Failure> {
        match &self.pdf {
            None => check::print(text)?,
            Some(path) => place::write_new(path, &pdf(self.paper()))?,
        }
        Ok(Exit::Good)
    }
}
