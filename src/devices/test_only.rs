//! A seam for tests: a machine of their own. Off in a release: there the variable has no meaning.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the environment is read"
)]

use std::env;
use std::path::PathBuf;

/// Names a folder with a machine of a test's own: the disks that it shows, their contents and its
/// helper for sticks are looked for below it.
pub const MACHINE: &str = "CEREMONY_TEST_ONLY_MACHINE";

/// The machine's root: `/`, or a test's own.
pub fn root() -> PathBuf {
    machine().unwrap_or_else(|| PathBuf::from("/"))
}

/// The machine that [`MACHINE`] names, if it does; never in a release.
pub fn machine() -> Option<PathBuf> {
    if !cfg!(debug_assertions) {
        return None;
    }
    env::var_os(MACHINE).map(PathBuf::from)
}
