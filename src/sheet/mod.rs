//! The printed pages: the fingerprint sheet, and what is on the two tables during the call.
//!
//! [`FingerprintSheet`] is the page that both operators check and sign. [`ReadingSheet`] is what
//! one operator reads from in the call, [`Grid`] what the verifier writes on. Each is arranged
//! once and set twice, as plain text and as PDF, so that the two can differ in type, never in
//! content. The last two share one arrangement, [`form::Form`]. [`RecoverySheets`] are the paper backup.
//! [`Lines`] are pages of plain lines: checklists, a report, and the forms of [`blank`].

pub mod blank;
mod fingerprint;
mod form;
mod grid;
mod lines;
mod pdf;
mod plain;
mod reading;
mod recovery;
mod text;

pub use fingerprint::{Facts, FingerprintSheet, qr_payload};
pub use grid::Grid;
pub use lines::Lines;
pub use pdf::Paper;
pub use plain::plain;
pub use reading::{Reading, ReadingFacts, ReadingSheet};
pub use recovery::RecoverySheets;

use crate::digest::Digest;

/// The word that stands on everything a rehearsal makes, and begins its id.
const REHEARSAL: &str = "REHEARSAL";

/// Lines a fact may take; a longer one is cut, and says so, to keep the sheet on its page.
const FACT_LINES: usize = 2;

/// Columns of such a line: what fits beside the QR code.
const FACT_COLUMNS: usize = 56;

/// The sheet's code: the first four Crockford base32 characters (20 bits) of the SHA-256 over
/// the ceremony id, LF and the certificate file. It tells one attempt's sheet from another's;
/// it is no protection against a forger.
pub fn sheet_code(ceremony_id: &str, certificate_file: &[u8]) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digest = Digest::of(&[ceremony_id.as_bytes(), b"\n", certificate_file].concat());
    let head = digest.bytes()[..3]
        .iter()
        .fold(0, |head, &byte| head << 8 | usize::from(byte));
    // 24 bits were taken; the characters are the 5-bit groups from the top.
    [19, 14, 9, 4]
        .map(|shift| char::from(CROCKFORD[head >> shift & 31]))
        .iter()
        .collect()
}

/// Whether an id is a rehearsal's; then all that is printed for it is, whatever else is said.
fn says_rehearsal(ceremony_id: &str) -> bool {
    ceremony_id.starts_with(REHEARSAL)
}

/// One fact in a page's head.
struct Fact {
    label: &'static str,
    lines: Vec<String>,
}

impl Fact {
    fn new(label: &'static str, value: &str) -> Fact {
        let lines = fact_lines(value);
        Fact { label, lines }
    }
}

/// Escapes `value` and breaks it into lines that fit the sheet.
fn fact_lines(value: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = value.chars().count();
    for c in value.chars() {
        let shown = escape(c);
        let line = lines.last_mut().expect("there is always a line");
        if line.len() + shown.len() <= FACT_COLUMNS {
            line.push_str(&shown);
        } else if lines.len() < FACT_LINES {
            lines.push(shown);
        } else {
            lines.push(format!("(cut here: {left} more characters)"));
            return lines;
        }
        left -= 1;
    }
    lines
}

/// Printable ASCII as it is, all else and the backslash itself as `\u{..}`, so that no two
/// values look alike and none can move what is printed.
fn escape(c: char) -> String {
    match c {
        '\\' => c.escape_unicode().to_string(),
        ' '..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_cannot_move_what_is_printed_or_look_like_another() {
        assert_eq!(
            fact_lines("Zo\u{eb}\n\u{202e}\\"),
            ["Zo\\u{eb}\\u{a}\\u{202e}\\u{5c}"]
        );
        assert_ne!(fact_lines("\u{eb}"), fact_lines("\\u{eb}"));
    }

    #[test]
    fn a_long_user_id_is_cut_and_says_so() {
        let full = FACT_LINES * FACT_COLUMNS;
        let lines = fact_lines(&"x".repeat(full + 7));
        assert_eq!(lines.len(), FACT_LINES + 1);
        assert_eq!(lines[FACT_LINES], "(cut here: 7 more characters)");
        assert_eq!(fact_lines(&"x".repeat(full)).len(), FACT_LINES);
    }
}
