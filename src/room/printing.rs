//! The room's printer, where it has one.

use crate::edge::printer::{Printer, PrinterError, Printers};
use crate::print::Job;
use crate::record::value::PrintedBy;

/// How often something may be typed wrongly from a page.
pub const ATTEMPTS: u32 = 3;

/// A place to print at, and what is known of it.
pub struct Printing {
    printers: Box<dyn Printers>,
    place: String,
    printer: Option<Box<dyn Printer>>,
    /// Its test page was typed back.
    pub tested: bool,
    /// The operators decided to do without.
    pub given_up: bool,
}

impl Printing {
    /// Printing at this place. Nothing is opened yet.
    pub fn new(printers: Box<dyn Printers>, place: &str) -> Printing {
        Printing {
            printers,
            place: place.to_string(),
            printer: None,
            tested: false,
            given_up: false,
        }
    }

    /// Opens the printer, if it is not open yet.
    ///
    /// # Errors
    /// Where there is none.
    pub fn open(&mut self) -> Result<&mut dyn Printer, PrinterError> {
        if self.printer.is_none() {
            self.printer = Some(self.printers.open(&self.place)?);
        }
        let printer = self.printer.as_mut().expect("it was just opened");
        Ok(printer.as_mut())
    }

    /// Another printer takes its place, if it is there.
    ///
    /// # Errors
    /// Where there is none; then nothing changed.
    pub fn replace(&mut self, place: &str) -> Result<(), PrinterError> {
        self.printer = Some(self.printers.open(place)?);
        self.place = place.to_string();
        self.tested = false;
        Ok(())
    }

    /// Has a job printed, and says by what.
    ///
    /// # Errors
    /// What the printer says. It is opened anew the next time.
    pub fn print(&mut self, job: &Job) -> Result<PrintedBy, PrinterError> {
        let printer = self.open()?;
        let way = printer.way();
        let printed = printer.print(job);
        if printed.is_err() {
            self.printer = None;
        }
        printed.map(|()| way)
    }

    /// Whether what is printed here are files, of which one copy is enough.
    pub fn keeps_files(&mut self) -> bool {
        let way = self.open().map(|printer| printer.way());
        matches!(way, Ok(PrintedBy::Folder))
    }
}
