//! A record as one page that people can read, its verdict first. Pure: verdict and bytes in, HTML out.
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
mod story;
mod timeline;
mod whole;

pub use document::MOST_OF_ONE;
pub use html::{MAX_BYTES, MOST_OF_ALL, MOST_ROWS};

use crate::verify::{Fault, Material, Pins, Verdict};

/// The page for a record and what `verify` said of it with these pins.
pub fn report(material: &Material, pins: &Pins, judged: &Result<Verdict, Fault>) -> String {
    html::page(&match judged {
        Ok(verdict) => whole::document(material, pins, verdict),
        Err(fault) => failed::document(material, fault),
    })
}
