//! What plans and sites have in common: strict, bounded TOML, and errors that name the line.
//!
//! Input files may be hostile, and errors end up on the operators' terminal. So nothing
//! from a file is repeated in an error unless it has been made printable and short.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::error::{Exit, Explain};

/// The largest plan or site that is read, in bytes. The carried plan has about 4 KiB.
pub const MAX_SIZE: usize = 64 * 1024;

/// The longest OpenPGP user ID in bytes; gpg lists longer ones badly and paper cuts them off.
pub const MAX_USER_ID: usize = 200;

/// The longest part of a parser's message that is shown, in characters.
const MAX_MESSAGE: usize = 300;

/// Reads TOML into a raw type. The raw type refuses unknown keys.
pub fn read<T: DeserializeOwned>(source: &str) -> Result<T, Unreadable> {
    if source.len() > MAX_SIZE {
        return Err(Unreadable::TooLarge { size: source.len() });
    }
    toml::from_str(source).map_err(|error| Unreadable::Malformed {
        line: line_at(source, error.span()),
        message: one_line(error.message()),
    })
}

/// The line, from 1, on which a span begins; the last line where the parser gave no span.
pub fn line_at(source: &str, span: Option<Range<usize>>) -> usize {
    let end = span
        .map_or(source.len(), |span| span.start)
        .min(source.len());
    1 + source.as_bytes()[..end]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// One line of printable ASCII: a file must not be able to write to the terminal as it likes.
fn one_line(message: &str) -> String {
    crate::printable(&message.trim().replace('\n', "; "), MAX_MESSAGE)
}

/// A file that is not TOML, or has a key or a type that does not belong there.
///
/// The TOML library's own error is not kept as a source: its `Display` quotes the file
/// over several lines as it stands, control characters included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// More than [`MAX_SIZE`] bytes.
    TooLarge {
        /// The size that was found, in bytes.
        size: usize,
    },
    /// Not TOML, an unknown or missing key, or a value of the wrong type.
    Malformed {
        /// The line in the file, from 1.
        line: usize,
        /// What the TOML library says, as one printable line.
        message: String,
    },
}

impl Unreadable {
    /// The line in the file, from 1, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Unreadable::TooLarge { .. } => None,
            Unreadable::Malformed { line, .. } => Some(*line),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::TooLarge { size } => {
                write!(
                    f,
                    "the file has {size} bytes, more than the {MAX_SIZE} that are read"
                )
            }
            Unreadable::Malformed { line, message } => write!(f, "line {line}: {message}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Explain for Unreadable {
    fn remedy(&self) -> String {
        match self {
            Unreadable::TooLarge { .. } => "Check that this is the right file.".into(),
            Unreadable::Malformed { line, .. } => format!(
                "Correct line {line}. Keys are written exactly as in the examples that come \
                 with the program; no others are accepted."
            ),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Why a text is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadText {
    /// Nothing in it, or a blank at its beginning or end.
    Bare,
    /// Longer than this many bytes.
    TooLong(usize),
    /// A character that is not printable ASCII.
    NotAscii,
    /// A control character, or one that is invisible or turns the writing direction.
    Hidden,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadText::Bare => f.write_str("is empty, or begins or ends with a blank"),
            BadText::TooLong(limit) => write!(f, "is longer than {limit} bytes"),
            BadText::NotAscii => f.write_str("has a character that is not plain ASCII"),
            BadText::Hidden => f.write_str("has a control character or an invisible one"),
        }
    }
}

/// Accepts printable ASCII of 1 to `limit` bytes, with no blank at either end.
pub fn ascii_text(text: &str, limit: usize) -> Result<(), BadText> {
    unicode_text(text, limit)?;
    if text.is_ascii() {
        Ok(())
    } else {
        Err(BadText::NotAscii)
    }
}

/// Accepts UTF-8 of 1 to `limit` bytes without control or hidden characters, with no blank
/// at either end.
pub fn unicode_text(text: &str, limit: usize) -> Result<(), BadText> {
    if text.is_empty() || text.trim() != text {
        return Err(BadText::Bare);
    }
    if text.len() > limit {
        return Err(BadText::TooLong(limit));
    }
    if text.chars().any(is_hidden) {
        Err(BadText::Hidden)
    } else {
        Ok(())
    }
}

/// Characters that show nothing or change the order of what is shown (Unicode TR 36,
/// section 2.7 and TR 9): two user IDs could look the same and differ.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn unreadable(source: &str) -> Unreadable {
        read::<BTreeMap<String, u32>>(source).expect_err("must be refused")
    }

    #[test]
    fn a_large_file_is_refused_before_it_is_parsed() {
        let large = "#".repeat(MAX_SIZE + 1);
        assert_eq!(
            unreadable(&large),
            Unreadable::TooLarge { size: MAX_SIZE + 1 }
        );
        assert!(read::<BTreeMap<String, u32>>(&large[1..]).is_ok());
    }

    #[test]
    fn messages_name_the_line_and_hold_nothing_that_a_terminal_obeys() {
        for source in [
            "a = 1\nb = \"\u{1b}[2J\"\n",
            "a = 1\nb = \"\\u001b[2J\\u0007\"\n",
        ] {
            let error = unreadable(source);
            assert_eq!(error.line(), Some(2), "{error}");
            assert!(
                error
                    .to_string()
                    .chars()
                    .all(|c| c == ' ' || c.is_ascii_graphic())
            );
        }
        let long = unreadable(&format!("a = 1\nb = \"{}\"\n", "x".repeat(5000)));
        assert!(long.to_string().len() < 400);
    }

    #[test]
    fn texts_are_bounded_and_show_all_that_they_hold() {
        assert_eq!(ascii_text("", 5), Err(BadText::Bare));
        assert_eq!(ascii_text(" a", 5), Err(BadText::Bare));
        assert_eq!(ascii_text("abcdef", 5), Err(BadText::TooLong(5)));
        assert_eq!(ascii_text("caf\u{e9}", 5), Err(BadText::NotAscii));
        assert_eq!(unicode_text("caf\u{e9}", 5), Ok(()));
        for hidden in ["a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{7f}b", "a\u{85}b"] {
            assert_eq!(unicode_text(hidden, 9), Err(BadText::Hidden), "{hidden:?}");
        }
    }
}
