//! Why no paper backup was made, or a code is none of its parts.

use std::error::Error;
use std::fmt;

use super::SUMS;
use crate::error::{Exit, Explain};
use crate::openpgp::ArmorError;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperError {
    /// Not the id of a ceremony.
    Id(String),
    /// Not the name of a backup's file.
    Name(String),
    /// No payload in the folder: it is no backup.
    NoPayload,
    /// A file that is no encrypted message.
    NotEncrypted(String, ArmorError),
    /// A file whose lines are not as this program writes them: typed rows would not give it back.
    Unusual(String),
    /// A file has too many lines, or too long ones.
    TooLong(String),
    /// A code or text that is no part of a paper backup; its first line.
    NotAPart(String),
    /// A part's text does not fit its check.
    Damaged {
        /// The file.
        file: String,
        /// From 1.
        part: usize,
        /// Of how many.
        of: usize,
    },
}

impl fmt::Display for PaperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PaperError::Id(id) => write!(f, "{id:?} is not the id of a ceremony"),
            PaperError::Name(name) => write!(f, "{name:?} is not the name of a backup's file"),
            PaperError::NoPayload => f.write_str("there is no payload.asc"),
            PaperError::NotEncrypted(name, _) => write!(f, "{name} is not put on paper"),
            PaperError::Unusual(name) => {
                write!(f, "{name} is not written as this program writes it")
            }
            PaperError::TooLong(name) => write!(f, "{name} is too long for paper"),
            PaperError::NotAPart(line) => write!(f, "{line:?} begins no part of a paper backup"),
            PaperError::Damaged { file, part, of } => {
                write!(f, "part {part} of {of} of {file} does not fit its check")
            }
        }
    }
}

impl Error for PaperError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PaperError::NotEncrypted(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for PaperError {
    fn remedy(&self) -> String {
        match self {
            PaperError::Id(_) => {
                "Name the ceremony's folder as it lies on a secret medium, or give --id."
            }
            PaperError::Name(_) | PaperError::NoPayload => {
                "Name the ceremony's folder on a secret medium: the one with payload.asc in it."
            }
            PaperError::NotEncrypted(..) => {
                "Only the encrypted files of a backup are printed. See what this file is, and how it \
                 came there."
            }
            PaperError::Unusual(_) => {
                "Copy the folder again from the secret medium, as it lies there."
            }
            PaperError::TooLong(_) => "Keep this backup on media: it is no backup for paper.",
            PaperError::NotAPart(_) => "Leave out what is not from a recovery sheet.",
            PaperError::Damaged { .. } => {
                return format!(
                    "Scan the page again; every code is printed twice. {SUMS} confirms the files."
                );
            }
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            PaperError::Id(_) | PaperError::Name(_) | PaperError::NoPayload => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}
