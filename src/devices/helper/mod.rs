//! The helper: a process of its own that runs as root and does a few things for the ceremony's
//! program, which does not. It believes nothing that it is told and looks for itself:
//!
//! - a device is a removable USB disk, or the first partition of one, and holds no live image;
//! - a role is one of six, or none at all (the desk), and its place follows from it;
//! - what is mounted has one of three file systems, and nothing on it is run, obeyed or a device;
//! - the programs that it starts, and their arguments, are fixed.

mod acts;
#[cfg(debug_assertions)]
mod pretend;
mod requests;

#[allow(
    clippy::disallowed_methods,
    reason = "the edge is where the helper listens"
)]
mod serve;

pub use serve::{HelperError, serve};

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wire::{Request, Spot};

/// Below it each role has a folder.
const PLACES: &str = "run/ceremony/media";

/// Where a stick is mounted.
pub fn place(root: &Path, spot: Spot) -> PathBuf {
    root.join(PLACES).join(spot.name())
}

/// How long a request may take. A large stick that is slow needs minutes to be formatted, and
/// one that has much to write out some time to be unmounted.
pub fn limit(request: &Request) -> Duration {
    Duration::from_secs(match request {
        Request::Mount(..) => 30,
        Request::Unmount(_) => 60,
        Request::Format(_) => 300,
        Request::Clock(_) => 5,
        Request::Layout(_) => 10,
        // 30 MB from a CD, or from a stick at USB 1's speed.
        Request::BootMedium => 180,
        Request::PowerOff => 90,
    })
}
