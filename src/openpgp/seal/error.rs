//! Why something was not sealed, and what to do then.

use std::error::Error;
use std::fmt;
use std::io;

use super::super::UnixTime;
use super::super::error::Source;
use crate::error::{Exit, Explain};
use crate::record::time;

/// See the module.
#[derive(Debug)]
pub enum SealError {
    /// The certificate is revoked.
    Revoked,
    /// The key was made later than now.
    NotYetValid(UnixTime),
    /// The key expired, then.
    Expired(UnixTime),
    /// It has no key for encryption that is valid now.
    NoKey(Option<Source>),
    /// The key is of version 6, and the form was to be one that GnuPG reads.
    NotForGpg,
    /// The clock is beyond what OpenPGP can hold.
    Clock,
    /// What was to be sealed can't be read.
    Read(io::Error),
    /// The message can't be written.
    Write(io::Error),
    /// The library failed.
    Library(Source),
}

impl SealError {
    pub(super) fn library(error: impl Into<Source>) -> SealError {
        SealError::Library(error.into())
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SealError::NotYetValid(from) => {
                let from = time::for_people(*from);
                return write!(
                    f,
                    "the key is valid only from {from}, which is later than now"
                );
            }
            SealError::Expired(end) => {
                return write!(f, "the key expired on {}", time::for_people(*end));
            }
            SealError::Revoked => "the key is revoked",
            SealError::NoKey(_) => "the key has no part that can be encrypted to now",
            SealError::NotForGpg => "gpg can't read what is sealed to a key of version 6",
            SealError::Clock => "this machine's clock is beyond the year 2106",
            SealError::Read(_) => "the data to be sealed can't be read",
            SealError::Write(_) => "the sealed file can't be written",
            SealError::Library(_) => "the OpenPGP library failed",
        })
    }
}

impl Error for SealError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SealError::Read(inner) | SealError::Write(inner) => Some(inner),
            SealError::NoKey(Some(inner)) | SealError::Library(inner) => Some(inner.as_ref()),
            _ => None,
        }
    }
}

impl Explain for SealError {
    fn remedy(&self) -> String {
        match self {
            SealError::Revoked => {
                "Do not use this key. Ask its keepers for the new one, and confirm that by phone."
            }
            SealError::NotYetValid(_) | SealError::Clock => "Set this machine's clock right.",
            SealError::Expired(_) => {
                "Check this machine's clock. If it is right, ask the key's keepers for the \
                 certificate with its new end, and give it with --cert."
            }
            SealError::NoKey(_) => {
                "Check this machine's clock. If it is right, ask the key's keepers for a newer \
                 certificate, and give it with --cert."
            }
            SealError::NotForGpg => "Seal with --to modern.",
            SealError::Read(_) => {
                "Nothing whole was written. See what is wrong with the source, and seal it again."
            }
            SealError::Write(_) => {
                "Nothing whole was written. See that there is room at the target, and seal again."
            }
            SealError::Library(_) => "Try again. If it happens again, use another machine.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            SealError::NotForGpg => Exit::Usage,
            SealError::Read(_) | SealError::Write(_) => Exit::Device,
            _ => Exit::Failed,
        }
    }
}
