//! The terminal's interface: where people read and type.

use std::fmt;

use crate::error::Explain;
use crate::screen::{Page, Question, Reply, SecretPage};

/// Is told how much of some work is done, in bytes.
pub type Meter = Box<dyn FnMut(u64) + Send>;

/// Where people read and type. The rules that every implementation keeps:
///
/// - line-oriented and quiet; every page fits 80 columns and 24 lines;
/// - `!` at any prompt is [`Reply::Exception`];
/// - a secret page is erased, scrollback too, before anything else is shown.
pub trait Terminal {
    /// Shows a page.
    fn page(&mut self, page: &Page) -> Result<(), TerminalError>;

    /// Shows one more line below the page.
    fn say(&mut self, line: &str) -> Result<(), TerminalError>;

    /// Asks, and waits for the answer.
    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError>;

    /// Shows a secret until its reader is done, then erases it.
    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError>;

    /// Whether the terminal shows half blocks; without them a code is drawn with `##`.
    fn draws_blocks(&self) -> bool {
        true
    }

    /// Says that work begins which may take longer than a second.
    fn work(&mut self, label: &str) -> Result<(), TerminalError>;

    /// The same, where it is known how much there is, in bytes. What is returned is told how much
    /// of it is done.
    fn meter(&mut self, label: &str, _total: u64) -> Result<Meter, TerminalError> {
        self.work(label)?;
        Ok(Box::new(|_| {}))
    }

    /// Says that the work ended.
    fn work_done(&mut self) -> Result<(), TerminalError>;
}

/// The terminal is gone.
#[derive(Debug)]
pub enum TerminalError {
    /// Nobody can type any more: end of input, or the line was cut.
    Closed,
    /// Reading or writing failed.
    Io(std::io::Error),
}

impl fmt::Display for TerminalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TerminalError::Closed => f.write_str("the terminal was closed"),
            TerminalError::Io(_) => f.write_str("the terminal does not work"),
        }
    }
}

impl std::error::Error for TerminalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TerminalError::Closed => None,
            TerminalError::Io(error) => Some(error),
        }
    }
}

impl Explain for TerminalError {
    fn remedy(&self) -> String {
        "Run this at a terminal. A ceremony that had begun goes on with `ceremony resume`."
            .to_string()
    }
}
