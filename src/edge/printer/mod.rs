//! Printers: a device of the kernel, a queue of CUPS, or a folder.
//!
//! Every wait is bounded, and nothing here can stop a ceremony: what fails is an error with a remedy,
//! and the people choose. Where it says so, the printer's language is asked of the kernel (sysfs); there is no ioctl.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where devices and programs are used"
)]

mod cups;
mod error;
mod find;
mod folder;
mod raw;

pub use error::PrinterError;
pub use find::{Found, find};
pub use raw::Limits;

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::print::Job;
use crate::record::value::PrintedBy;

/// Says that nothing is printed, whatever the site says.
pub const NONE: &str = "none";

/// What stands before the name of a queue.
const QUEUE: &str = "cups:";

/// Somewhere that pages can go.
pub trait Printer {
    /// Has all pages taken. That they came out is seen by looking at the paper alone.
    ///
    /// # Errors
    /// [`PrinterError`], within a bounded time. Some pages may have been printed.
    fn print(&mut self, job: &Job) -> Result<(), PrinterError>;

    /// How the record names this way.
    fn way(&self) -> PrintedBy;
}

/// Finds printers by what people type.
pub trait Printers {
    /// The printer at this place: a device's path, `cups:NAME`, or a folder.
    ///
    /// # Errors
    /// Where there is none. A queue is asked only when something is printed.
    fn open(&self, place: &str) -> Result<Box<dyn Printer>, PrinterError>;
}

/// The printers of this machine.
#[derive(Clone, Debug)]
pub struct RealPrinters {
    root: PathBuf,
    limits: Limits,
    lp: PathBuf,
    patience: Duration,
}

impl RealPrinters {
    /// The printers of the machine below `root`, which is `/` but in tests.
    pub fn new(root: &Path) -> RealPrinters {
        RealPrinters {
            root: root.to_path_buf(),
            limits: Limits::default(),
            lp: PathBuf::from("lp"),
            // A queue takes a job in a moment, or its server is not there.
            patience: Duration::from_secs(60),
        }
    }

    /// With other bounds for devices.
    pub fn within(mut self, limits: Limits) -> RealPrinters {
        self.limits = limits;
        self
    }

    /// With another program instead of `lp`, and another bound for it.
    pub fn with_lp(mut self, lp: &Path, patience: Duration) -> RealPrinters {
        self.lp = lp.to_path_buf();
        self.patience = patience;
        self
    }
}

impl Printers for RealPrinters {
    fn open(&self, place: &str) -> Result<Box<dyn Printer>, PrinterError> {
        if let Some(name) = place.strip_prefix(QUEUE) {
            let (lp, patience) = (self.lp.clone(), self.patience);
            return Ok(Box::new(cups::Queue::new(name, lp, patience)?));
        }
        let path = PathBuf::from(place);
        let kind = fs::metadata(&path).map_err(|error| PrinterError::opening(&path, error))?;
        if kind.is_dir() {
            return Ok(Box::new(folder::Folder::new(path)));
        }
        let kind = kind.file_type();
        // A file could be one that somebody needs, a disk even more so.
        if !kind.is_char_device() && !kind.is_fifo() {
            return Err(PrinterError::NotOne(path));
        }
        let id = find::device_id(&self.root, &path);
        Ok(Box::new(raw::Device::new(path, id, self.limits)))
    }
}
