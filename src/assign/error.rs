//! Why no stick got its role.

use std::fmt;

use crate::edge::TerminalError;
use crate::error::{Exit, Explain};

/// Why no stick has the role.
#[derive(Debug)]
pub enum AssignError {
    /// They left before anything was recorded.
    Left,
    /// No record is on operator A's stick.
    NoRecord,
    /// The terminal is gone.
    Terminal(TerminalError),
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssignError::Left => f.write_str("stopped before all sticks had their roles"),
            AssignError::NoRecord => f.write_str("there is no record on this stick"),
            AssignError::Terminal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AssignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AssignError::Terminal(error) => error.source(),
            _ => None,
        }
    }
}

impl Explain for AssignError {
    fn remedy(&self) -> String {
        match self {
            AssignError::Left => "Start again when you are ready.".to_string(),
            AssignError::NoRecord => "Take the stick of the other operator.".to_string(),
            AssignError::Terminal(error) => error.remedy(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            AssignError::Terminal(error) => error.exit(),
            _ => Exit::Failed,
        }
    }
}

impl From<TerminalError> for AssignError {
    fn from(error: TerminalError) -> Self {
        AssignError::Terminal(error)
    }
}
