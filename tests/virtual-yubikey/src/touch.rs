//! The finger on the token's contact.

use std::time::{Duration, Instant};

/// How long a YubiKey blinks before it gives up, and how long a touch counts where the policy is
/// "cached" (Yubico, "PIV PIN, touch and policies").
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What the finger does when the token asks for it.
pub enum Touch {
    /// Touches, this long after it was asked.
    Given { after: Duration },
    /// Never does. The token gives up after this time; a real one after 15 seconds.
    Missing { after: Duration },
    /// Does what the test decides at the time. The token is held meanwhile: don't lock it.
    Ask(Box<dyn FnMut() -> bool + Send>),
}

impl Touch {
    /// At once.
    pub const ALWAYS: Self = Self::Given {
        after: Duration::ZERO,
    };
    /// Never, and without making a test wait for it.
    pub const NEVER: Self = Self::Missing {
        after: Duration::ZERO,
    };

    /// Whether it was touched, and how long that took.
    pub(crate) fn ask(&mut self) -> (bool, Duration) {
        match self {
            Self::Given { after } => (*after < PATIENCE, (*after).min(PATIENCE)),
            Self::Missing { after } => (false, *after),
            Self::Ask(decide) => (decide(), Duration::ZERO),
        }
    }
}

/// When a touch was; only to know whether it still counts.
#[allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
