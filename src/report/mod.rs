//! A record as people can read it, its verdict first: one page of HTML, or pages of plain lines for
//! text and PDF, from one document. Pure: verdict and bytes in.
//!
//! The verdict is `verify`'s, never the report's own. A record that fails gets a page that says
//! so, and nothing on it could be taken for a good one: no fingerprint, no code, no signatures.

mod document;
mod failed;
mod happened;
pub mod harmless;
mod html;
mod key;
mod people;
mod plain;
mod story;
mod timeline;
mod whole;

pub use document::MOST_OF_ONE;
pub use html::{MAX_BYTES, MOST_OF_ALL, MOST_ROWS};
pub use plain::MOST_PAGES;

use document::Document;

use crate::record::files::TRANSCRIPT;
use crate::sheet::Lines;
use crate::verify::{Fault, Material, Pins, Verdict};

/// The page for a record and what `verify` said of it with these pins.
pub fn report(material: &Material, pins: &Pins, judged: &Result<Verdict, Fault>) -> String {
    html::page(&document(material, pins, judged))
}

/// The same as plain lines, for text and PDF.
pub fn report_lines(material: &Material, pins: &Pins, judged: &Result<Verdict, Fault>) -> Lines {
    plain::lines(&document(material, pins, judged))
}

/// The transcript itself, for text and PDF, if the record is good; else what is wrong with it.
pub fn transcript_lines(
    material: &Material,
    pins: &Pins,
    judged: &Result<Verdict, Fault>,
) -> Lines {
    let document = document(material, pins, judged);
    match (judged, material.files.get(TRANSCRIPT)) {
        (Ok(_), Some(bytes)) => plain::transcript(&document, &String::from_utf8_lossy(bytes)),
        _ => plain::lines(&document),
    }
}

fn document(material: &Material, pins: &Pins, judged: &Result<Verdict, Fault>) -> Document {
    match judged {
        Ok(verdict) => whole::document(material, pins, verdict),
        Err(fault) => failed::document(material, fault),
    }
}
