//! What a live session needs of the machine.

use std::io;
use std::path::{Path, PathBuf};

use super::Look;
use crate::edge::block::{Found, MountError};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By a signal.
    Killed,
}

/// See the module.
pub trait Host {
    /// Looks at the image and the machine. Takes as long as reading the boot medium takes.
    fn look(&mut self) -> Look;

    /// The keyboard layouts; none where the keyboard is at the other end of a line.
    fn layouts(&mut self) -> Vec<String>;

    /// Sets one of them.
    fn set_layout(&mut self, name: &str) -> Result<(), MountError>;

    /// What is plugged in.
    fn sticks(&mut self) -> Vec<Found>;

    /// Where printers are plugged in, or could be: a port is there without one, too.
    fn printers(&mut self) -> Vec<String>;

    /// Mounts a stick to read from it, and says where.
    fn mount(&mut self, stick: &Found) -> Result<PathBuf, MountError>;

    /// Unmounts it.
    fn clear(&mut self) -> Result<(), MountError>;

    /// The names of plain files in a folder, sorted.
    fn files(&mut self, folder: &Path) -> Vec<String>;

    /// The names of folders in a folder, sorted.
    fn folders(&mut self, folder: &Path) -> Vec<String>;

    /// Copies a file into memory, and says where it is.
    ///
    /// # Errors
    /// If it cannot be read, or is too large.
    fn fetch(&mut self, file: &Path) -> io::Result<PathBuf>;

    /// Runs this program with arguments, on the same terminal.
    ///
    /// # Errors
    /// If it cannot be started.
    fn run(&mut self, arguments: &[String]) -> io::Result<Ended>;

    /// Runs it and takes what it says.
    ///
    /// # Errors
    /// If it cannot be started.
    fn hear(&mut self, arguments: &[String]) -> io::Result<(Ended, String)>;

    /// Has the machine switched off.
    fn power_off(&mut self) -> Result<(), MountError>;
}
