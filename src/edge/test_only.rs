//! A seam for tests that look into the program's memory. Off in a release: there every function
//! here is empty, and the variable has no meaning.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where processes are stopped"
)]

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};

pub use ceremony_devices::test_only::{MACHINE, root};
use rustix::process::{Signal, getpid, kill_process};

/// Names places, separated by commas. While it is set the program leaves its memory readable to
/// whoever started it, and stops itself when it first comes to one of those places.
pub const STOPS: &str = "CEREMONY_TEST_ONLY_STOPS";

const ON: bool = cfg!(debug_assertions);

static STOPPED: AtomicU32 = AtomicU32::new(0);

/// Names a file with a root certificate (X.509, DER) of tokens in software: while it is set, the
/// program believes what that root vouches for.
pub const ROOT: &str = "CEREMONY_TEST_ONLY_ROOT";

/// Where libpcsclite finds pcscd: tests run their own.
const PCSCD: &str = "PCSCLITE_CSOCK_NAME";

/// Whether `name` is one of the seams' variables, which a clean environment else would not keep.
pub fn is_variable(name: &str) -> bool {
    ON && [STOPS, ROOT, MACHINE, PCSCD].contains(&name)
}

/// Believes the root that [`ROOT`] names, if it does.
#[cfg(debug_assertions)]
pub fn trust_root() {
    let root = env::var_os(ROOT).and_then(|path| std::fs::read(path).ok());
    if let Some(root) = root {
        crate::attestation::test_only::trust_root(&root);
    }
}

/// A release has no such seam.
#[cfg(not(debug_assertions))]
pub fn trust_root() {}

/// Whether a test is to read this process's memory.
pub fn memory_is_read() -> bool {
    ON && env::var_os(STOPS).is_some()
}

/// Stops (as Ctrl-Z does) when this is the first time at a place that was asked for: the name of
/// an event that was just recorded, or `end` when an automatic rehearsal is over.
pub fn stop_at(place: &str) {
    if !ON {
        return;
    }
    let places = env::var(STOPS).unwrap_or_default();
    let Some(index) = places.split(',').position(|named| named == place) else {
        return;
    };
    let bit = 1 << (index % 32);
    if STOPPED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        // The test cannot fail to see it: it waits for a stop at each place.
        let _ = kill_process(getpid(), Signal::STOP);
    }
}
