//! Why a step did not end.

use std::fmt;

use crate::edge::{MediaError, SystemError, TerminalError};
use crate::engine::Refusal;
use crate::error::{Exit, Explain};
use crate::openpgp::OpenPgpError;
use crate::operator::SignStop;

/// Why a step did not end.
#[derive(Debug)]
pub enum Stop {
    /// An exception decided to abort; the driver brings it to its end.
    Aborting,
    /// The terminal is gone.
    Terminal(TerminalError),
    /// The media are gone for good.
    Media(MediaError),
    /// The system cannot do what is needed.
    System(SystemError),
    /// The OpenPGP library refused.
    OpenPgp(OpenPgpError),
    /// An event did not follow: an error in this program.
    Refusal(Refusal),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Aborting => f.write_str("the ceremony is being aborted"),
            Stop::Terminal(error) => error.fmt(f),
            Stop::Media(error) => error.fmt(f),
            Stop::System(error) => error.fmt(f),
            Stop::OpenPgp(error) => error.fmt(f),
            Stop::Refusal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Stop {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Stop::Aborting => None,
            Stop::Terminal(error) => error.source(),
            Stop::Media(error) => error.source(),
            Stop::System(error) => error.source(),
            Stop::OpenPgp(error) => error.source(),
            Stop::Refusal(error) => error.source(),
        }
    }
}

impl Explain for Stop {
    fn remedy(&self) -> String {
        match self {
            Stop::Aborting => "Read the record with `ceremony verify`.".to_string(),
            Stop::Terminal(error) => error.remedy(),
            Stop::Media(error) => error.remedy(),
            Stop::System(error) => error.remedy(),
            Stop::OpenPgp(error) => error.remedy(),
            Stop::Refusal(_) => "This is an error in the program. Nothing false was recorded; \
                                 keep the media and report it."
                .to_string(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Stop::Media(error) => error.exit(),
            Stop::Terminal(error) => error.exit(),
            _ => Exit::Failed,
        }
    }
}

impl From<TerminalError> for Stop {
    fn from(error: TerminalError) -> Self {
        Stop::Terminal(error)
    }
}

impl From<MediaError> for Stop {
    fn from(error: MediaError) -> Self {
        Stop::Media(error)
    }
}

impl From<SystemError> for Stop {
    fn from(error: SystemError) -> Self {
        Stop::System(error)
    }
}

impl From<OpenPgpError> for Stop {
    fn from(error: OpenPgpError) -> Self {
        Stop::OpenPgp(error)
    }
}

impl From<Refusal> for Stop {
    fn from(error: Refusal) -> Self {
        Stop::Refusal(error)
    }
}

impl From<SignStop> for Stop {
    fn from(stop: SignStop) -> Self {
        match stop {
            SignStop::Exception => Stop::Aborting,
            SignStop::Terminal(error) => Stop::Terminal(error),
            SignStop::OpenPgp(error) => Stop::OpenPgp(error),
        }
    }
}
