//! Why a site is not accepted.

use std::error::Error;
use std::fmt;

use crate::error::{Exit, Explain};
use crate::input::{BadText, Unreadable};
use crate::role::UnknownRole;

/// Why a site is not accepted: the first thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteError {
    /// Not TOML, too large, or a key or type that does not belong there.
    Unreadable(Unreadable),
    /// A value that is not accepted.
    Value {
        /// The line in the file, from 1.
        line: usize,
        /// The key whose value it is.
        key: &'static str,
        /// What is wrong with it.
        problem: BadFact,
    },
    /// Both operators have the same certificate.
    SameFingerprint {
        /// The line of operator B's fingerprint, from 1.
        line: usize,
    },
    /// An operator's key is in a file or in a token: one of the two must be named.
    KeyOrToken {
        /// The line of that operator's fingerprint, from 1.
        line: usize,
    },
    /// Both operators have the same token.
    SameToken {
        /// The line of operator B's fingerprint, from 1.
        line: usize,
    },
    /// Two roles have the same medium.
    SameMedium {
        /// The line of the second one, from 1.
        line: usize,
    },
}

/// What is wrong with a value of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFact {
    /// A text that is empty, too long, or has characters that are not accepted.
    Text(BadText),
    /// Not 64 lower-case hex digits.
    Digest,
    /// Not 40 or 64 hex digits.
    Fingerprint,
    /// Not a serial number.
    Serial,
    /// A path that leads out of the medium.
    Path,
    /// A role that media do not have.
    Role(UnknownRole),
}

impl SiteError {
    /// The line in the file, from 1; only a file that is too large has none.
    pub fn line(&self) -> Option<usize> {
        match self {
            SiteError::Unreadable(unreadable) => unreadable.line(),
            SiteError::Value { line, .. }
            | SiteError::SameFingerprint { line }
            | SiteError::KeyOrToken { line }
            | SiteError::SameToken { line }
            | SiteError::SameMedium { line } => Some(*line),
        }
    }
}

impl From<Unreadable> for SiteError {
    fn from(unreadable: Unreadable) -> SiteError {
        SiteError::Unreadable(unreadable)
    }
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SiteError::Unreadable(unreadable) => unreadable.fmt(f),
            SiteError::Value {
                line,
                problem: BadFact::Role(unknown),
                ..
            } => {
                write!(f, "line {line}: {unknown}")
            }
            SiteError::Value { line, key, problem } => {
                write!(f, "line {line}: the value of `{key}` {problem}")
            }
            SiteError::SameFingerprint { line } => {
                write!(f, "line {line}: both operators have the same fingerprint")
            }
            SiteError::KeyOrToken { line } => write!(
                f,
                "line {line}: this operator's key is neither in a file nor in a token, or in both"
            ),
            SiteError::SameToken { line } => {
                write!(f, "line {line}: both operators have the same YubiKey")
            }
            SiteError::SameMedium { line } => {
                write!(f, "line {line}: another role already has this medium")
            }
        }
    }
}

impl fmt::Display for BadFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFact::Text(bad) => bad.fmt(f),
            BadFact::Digest => f.write_str("is not a SHA-256 of 64 lower-case hex digits"),
            BadFact::Fingerprint => f.write_str("is not a fingerprint of 40 or 64 hex digits"),
            BadFact::Serial => f.write_str("is not the serial number on the back of a YubiKey"),
            BadFact::Path => f.write_str("is not the name of a file inside the operator's medium"),
            BadFact::Role(unknown) => unknown.fmt(f),
        }
    }
}

impl Error for SiteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // Each `Display` above says all that its part knows; only what lies below is left.
        match self {
            SiteError::Unreadable(unreadable) => unreadable.source(),
            _ => None,
        }
    }
}

impl Explain for SiteError {
    fn remedy(&self) -> String {
        match self {
            SiteError::Unreadable(unreadable) => unreadable.remedy(),
            SiteError::Value {
                problem: BadFact::Role(unknown),
                ..
            } => unknown.remedy(),
            SiteError::Value {
                problem: BadFact::Path,
                ..
            } => {
                "Write the path from the top of the medium, as in \"keys/alice.key.asc\", without \
                 a leading / and without `..`."
                    .into()
            }
            SiteError::Value { line, key, .. } => {
                format!("Correct `{key}` on line {line} of the site file.")
            }
            SiteError::SameFingerprint { .. } => {
                "Two different people operate, each with a certificate of their own. Compare the \
                 fingerprints with both operators' notes."
                    .into()
            }
            SiteError::KeyOrToken { .. } => {
                "Write either a line `key` (a passphrase-protected key file), or the two lines \
                 `token` (the serial number on the YubiKey's back) and `certificate`."
                    .into()
            }
            SiteError::SameToken { .. } => {
                "Two different people operate, each with a YubiKey of their own.".into()
            }
            SiteError::SameMedium { .. } => "Give each role a medium of its own.".into(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
