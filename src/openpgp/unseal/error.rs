//! Why a message was not opened, and what to do then.

use std::error::Error;
use std::fmt;
use std::io;

use super::super::error::Source;
use crate::error::{Exit, Explain};

/// See the module.
#[derive(Debug)]
pub enum UnsealError {
    /// It is no encrypted OpenPGP message.
    NotAMessage(Option<Source>),
    /// It is encrypted, but not to this key.
    NotForThisKey,
    /// It was changed after it was sealed, or a part of it is missing.
    Altered(Option<Source>),
    /// It is of the old kind that nothing protects from being changed.
    Unprotected,
    /// It is of a kind that can't be opened here.
    Unsupported(Option<Source>),
    /// The message can't be read from its medium.
    Read(io::Error),
    /// The plaintext can't be written.
    Write(io::Error),
}

/// So that it can come through the readers, which are stacked on one another.
impl From<UnsealError> for io::Error {
    fn from(error: UnsealError) -> io::Error {
        io::Error::other(error)
    }
}

/// What comes through the readers and is not ours is a complaint of a decoder about its data.
impl From<io::Error> for UnsealError {
    fn from(error: io::Error) -> UnsealError {
        error
            .downcast()
            .unwrap_or_else(|error| UnsealError::Altered(Some(error.into())))
    }
}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnsealError::NotAMessage(_) => "the file is no encrypted OpenPGP message",
            UnsealError::NotForThisKey => "the message is not sealed to this key",
            UnsealError::Altered(_) => "the message was altered or cut short",
            UnsealError::Unprotected => "the message has no protection against being altered",
            UnsealError::Unsupported(_) => "the message is of a kind that can't be opened here",
            UnsealError::Read(_) => "the message can't be read",
            UnsealError::Write(_) => "the opened file can't be written",
        })
    }
}

impl Error for UnsealError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            UnsealError::NotAMessage(Some(inner))
            | UnsealError::Altered(Some(inner))
            | UnsealError::Unsupported(Some(inner)) => Some(inner.as_ref()),
            UnsealError::Read(inner) | UnsealError::Write(inner) => Some(inner),
            _ => None,
        }
    }
}

impl Explain for UnsealError {
    fn remedy(&self) -> String {
        match self {
            UnsealError::NotAMessage(_) => "Check that it is the right file.",
            UnsealError::NotForThisKey => {
                "Check that file and key belong together: another ceremony's key may be meant."
            }
            UnsealError::Altered(_) => {
                "Nothing of it can be trusted. Fetch the file again, or use another copy."
            }
            UnsealError::Unprotected | UnsealError::Unsupported(_) => {
                "Have it sealed again with this program or a current gpg. In need, restore the \
                 key as RECOVERY.txt says and open the file with gpg, knowing that it may be false."
            }
            UnsealError::Read(_) => "Use another copy of the file, or another medium.",
            UnsealError::Write(_) => "See that there is room at the target, and open it again.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            UnsealError::Read(_) | UnsealError::Write(_) => Exit::Device,
            _ => Exit::Failed,
        }
    }
}
