//! Data that is too large to be held: from a file or standard input, to standard output, and the
//! sign on standard error of how far it is.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Standard input or a file, and its size where that is known.
pub struct Input {
    file: File,
    /// The size in bytes, of a plain file.
    pub size: Option<u64>,
}

impl Input {
    /// Opens `path`, or standard input.
    pub fn open(path: Option<&Path>) -> io::Result<Input> {
        let file = match path {
            Some(path) => File::open(path)?,
            None => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        };
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let size = about.is_file().then_some(about.len());
        Ok(Input { file, size })
    }
}

impl io::Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Standard output without a buffer of its own; `None` if it is a terminal, which data would spoil.
pub fn output() -> io::Result<Option<File>> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Ok(None);
    }
    Ok(Some(File::from(stdout.as_fd().try_clone_to_owned()?)))
}

/// Says something on standard error.
pub fn warn(text: &str) {
    eprintln!("{text}");
}

/// How far it is, on standard error if that is a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of `size` bytes, where that is known.
    pub fn new(size: Option<u64>) -> Progress {
        let template = match size {
            Some(_) => "{bytes} of {total_bytes} {wide_bar} {eta} left",
            None => "{bytes} in {elapsed}",
        };
        // Draws nothing if standard error is no terminal.
        let target = ProgressDrawTarget::stderr_with_hz(4);
        let bar = ProgressBar::with_draw_target(size, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("## "));
        }
        Progress(bar)
    }

    /// So many bytes are done.
    pub fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
