//! Every error has two parts: what went wrong, and what to do now.

use std::fmt;

/// An error that a person at the table can act on.
///
/// `Display` gives the cause in one sentence, `remedy` says what to do now,
/// `exit` is the exit code that the program ends with if nobody resolves it.
pub trait Explain: std::error::Error {
    /// What to do now, in one or two plain sentences.
    fn remedy(&self) -> String;

    /// The exit code (see [`Exit`]); most errors are a failed ceremony or check.
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// The exit codes of all commands; documented in the README and the man pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Good = 0,
    /// The ceremony or the check failed.
    Failed = 1,
    /// Wrong usage, or a plan or site that is not accepted.
    Usage = 2,
    /// Verified, but it is a rehearsal.
    Rehearsal = 3,
    /// Verified, but unfinished or not pinned.
    Unfinished = 4,
    /// Refused by preflight.
    Preflight = 5,
    /// A device failed.
    Device = 6,
}

/// An explained error of any kind, as the commands pass it to `main`.
pub struct Failure(Box<dyn Explain + Send + Sync + 'static>);

impl Failure {
    /// The exit code to end with.
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }

    /// What to do now.
    pub fn remedy(&self) -> String {
        self.0.remedy()
    }
}

impl<E: Explain + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(inner) = source {
            write!(f, ": {inner}")?;
            source = inner.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (remedy: {})", self.remedy())
    }
}
