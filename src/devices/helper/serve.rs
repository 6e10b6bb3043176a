//! Listening: one connection at a time, one request each.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;

use super::PLACES;
use super::acts::{Acts, Real};
use super::requests::Machine;
use crate::Refusal;
use crate::SOCKET;
use crate::error::Explain;
use crate::wire::{Answer, MAX_LINE};

/// Whoever connects says what it wants at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the helper did not start.
#[derive(Debug)]
pub enum HelperError {
    /// Not `--for USER-NUMBER`.
    Usage,
    /// It is not root.
    NotRoot,
    /// It cannot listen.
    Listen(io::Error),
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HelperError::Usage => "usage: ceremony-media --for USER-NUMBER",
            HelperError::NotRoot => "the helper for sticks must be started as root",
            HelperError::Listen(_) => "the helper for sticks cannot listen",
        })
    }
}

impl std::error::Error for HelperError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HelperError::Listen(error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for HelperError {
    fn remedy(&self) -> String {
        match self {
            HelperError::Usage | HelperError::NotRoot => {
                "The live image starts it. Elsewhere mount the sticks yourself, and name them \
                 with --medium."
            }
            HelperError::Listen(_) => {
                "See that it does not run already, and that /run can be written."
            }
        }
        .to_string()
    }
}

/// Answers requests from now on; comes back only if it cannot. `built` is when the program was
/// built, in seconds since 1970: no clock is set before that.
pub fn serve(arguments: &[String], built: u64) -> Result<(), HelperError> {
    let [option, user] = arguments else {
        return Err(HelperError::Usage);
    };
    let user: u32 = user.parse().map_err(|_| HelperError::Usage)?;
    if option != "--for" {
        return Err(HelperError::Usage);
    }
    let machine = machine(user, built);
    if !machine.acts.may() {
        return Err(HelperError::NotRoot);
    }
    let listener = listen(&machine.root, user, machine.acts.as_ref());
    let listener = listener.map_err(HelperError::Listen)?;
    loop {
        let (stream, _) = listener.accept().map_err(HelperError::Listen)?;
        // Whoever went away before the answer does not want it.
        let _ = talk(&machine, stream);
    }
}

/// Only the program's user may connect: the socket is theirs, and nobody else may write to it.
fn listen(root: &Path, user: u32, acts: &dyn Acts) -> io::Result<UnixListener> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(root.join(PLACES))?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let socket = root.join(SOCKET);
    let listener = UnixListener::bind(&socket)?;
    acts.give(&socket, user)?;
    // Places for sticks are for everybody to pass through; what is mounted on them is not.
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    fs::metadata(&socket)?;
    Ok(listener)
}

fn talk(machine: &Machine, mut stream: UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    (&mut stream)
        .take(MAX_LINE as u64 + 1)
        .read_to_end(&mut bytes)?;
    let line = std::str::from_utf8(&bytes).ok();
    let line = line
        .filter(|line| line.len() <= MAX_LINE)
        .and_then(|line| line.strip_suffix('\n'));
    let answer = match line {
        Some(line) => machine.answer(line),
        None => Answer::Refused(Refusal::BadRequest),
    };
    stream.write_all(format!("{answer}\n").as_bytes())
}

/// The machine itself.
fn real(user: u32, built: u64) -> Machine {
    Machine {
        root: "/".into(),
        user,
        built,
        acts: Arc::new(Real),
    }
}

/// A test may put one of its own in its place.
#[cfg(debug_assertions)]
fn machine(user: u32, built: u64) -> Machine {
    let Some(root) = crate::test_only::machine() else {
        return real(user, built);
    };
    let acts = Arc::new(super::pretend::Pretend::new(root.clone()));
    Machine {
        root,
        user,
        built,
        acts,
    }
}

/// A release has no such seam.
#[cfg(not(debug_assertions))]
fn machine(user: u32, built: u64) -> Machine {
    real(user, built)
}
