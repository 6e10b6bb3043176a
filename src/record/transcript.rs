//! `transcript.txt`: parsed strictly, so that what was read is what would be written.

use std::fmt;

use super::entry::{Entry, MAX_LINE};
use super::event::Event;
use crate::digest::Digest;
use crate::error::Explain;

/// The largest transcript that is read, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// An entry with its place in the transcript.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The entry.
    pub entry: Entry,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Where it ends: the length of the transcript up to and including it.
    pub end: usize,
}

/// Reads a whole transcript; every byte must belong to a well-formed, chained entry.
pub fn parse(bytes: &[u8]) -> Result<Vec<Placed>, TranscriptError> {
    let (entries, rest) = parse_prefix(bytes);
    match rest {
        None if entries.is_empty() => Err(TranscriptError {
            entry: 0,
            why: Why::Empty,
        }),
        None => Ok(entries),
        Some(error) => Err(error),
    }
}

/// Reads the longest well-formed beginning, and says what ended it, if anything did.
///
/// A transcript whose last write was cut short reads as all the entries before it.
pub fn parse_prefix(bytes: &[u8]) -> (Vec<Placed>, Option<TranscriptError>) {
    let mut entries: Vec<Placed> = Vec::new();
    if bytes.len() > MAX_BYTES {
        return (
            entries,
            Some(TranscriptError {
                entry: 0,
                why: Why::TooLong,
            }),
        );
    }
    let mut at = 0;
    while at < bytes.len() {
        match next_entry(&bytes[at..], entries.last()) {
            Ok(entry) => {
                let raw = entry.bytes();
                at += raw.len();
                entries.push(Placed {
                    entry,
                    digest: Digest::of(&raw),
                    end: at,
                });
            }
            Err(why) => {
                let number = entries.len() as u32;
                return (entries, Some(TranscriptError { entry: number, why }));
            }
        }
    }
    (entries, None)
}

fn next_entry(bytes: &[u8], before: Option<&Placed>) -> Result<Entry, Why> {
    let length = find_blank_line(bytes).ok_or(Why::CutShort)?;
    let stanza = &bytes[..length];
    let printable = |b: &u8| *b == b'\n' || (b' '..=b'~').contains(b);
    let text = std::str::from_utf8(stanza)
        .ok()
        .filter(|_| stanza.iter().all(printable));
    let text = text.ok_or(Why::Malformed)?;
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    if lines.iter().any(|line| line.len() > MAX_LINE) {
        return Err(Why::Malformed);
    }
    let entry = Entry::read(&lines).ok_or(Why::Malformed)?;
    if entry.bytes() != stanza {
        return Err(Why::Malformed);
    }
    check_link(&entry, before)?;
    Ok(entry)
}

/// The length of the first stanza with its blank line, if it is whole.
fn find_blank_line(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|at| at + 2)
}

fn check_link(entry: &Entry, before: Option<&Placed>) -> Result<(), Why> {
    let Some(before) = before else {
        if entry.number != 0 {
            return Err(Why::Number);
        }
        return if entry.prev == Digest::ZERO {
            Ok(())
        } else {
            Err(Why::Chain)
        };
    };
    if entry.number != before.entry.number + 1 {
        return Err(Why::Number);
    }
    if entry.prev != before.digest {
        return Err(Why::Chain);
    }
    if entry.time < before.entry.time {
        return Err(Why::Time);
    }
    let resumed = matches!(entry.event, Event::Resumed { .. });
    if entry.uptime < before.entry.uptime && !resumed {
        return Err(Why::Uptime);
    }
    Ok(())
}

/// A transcript that is not accepted, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptError {
    /// The number of the entry at fault.
    pub entry: u32,
    /// What is wrong with it.
    pub why: Why,
}

/// What can be wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no entry at all.
    Empty,
    /// It is larger than [`MAX_BYTES`].
    TooLong,
    /// It ends in the middle of an entry.
    CutShort,
    /// A field is unknown, missing, misplaced, misspelt or too long.
    Malformed,
    /// The entry's number is not the next one.
    Number,
    /// `prev` is not the hash of the entry before.
    Chain,
    /// The time is before that of the entry before.
    Time,
    /// The seconds since boot fell, without an interruption.
    Uptime,
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.entry;
        match self.why {
            Why::Empty => write!(f, "the transcript is empty"),
            Why::TooLong => write!(f, "the transcript is larger than {MAX_BYTES} bytes"),
            Why::CutShort => write!(f, "the transcript ends in the middle of entry {n}"),
            Why::Malformed => write!(f, "entry {n} of the transcript is not well formed"),
            Why::Number => write!(f, "entry {n} of the transcript has another number"),
            Why::Chain => write!(f, "entry {n} does not follow from the entry before it"),
            Why::Time => write!(f, "entry {n} is earlier than the entry before it"),
            Why::Uptime => write!(
                f,
                "entry {n} has fewer seconds since boot than the one before"
            ),
        }
    }
}

impl std::error::Error for TranscriptError {}

impl Explain for TranscriptError {
    fn remedy(&self) -> String {
        match self.why {
            Why::CutShort => {
                "If the ceremony was interrupted, continue it with `ceremony resume`. \
                              If it was complete, this copy was changed: use another copy."
                    .to_string()
            }
            _ => "Do not rely on this copy. Compare it with the copies on the other media."
                .to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::{Act, Actors, Token};
    use super::*;

    fn entry(number: u32, prev: Digest, event: Event) -> Entry {
        Entry {
            number,
            prev,
            time: 1_767_323_045 + u64::from(number),
            uptime: 10,
            step: Token::new("1.1").expect("a token"),
            event,
            actors: Actors::both(),
            detail: None,
        }
    }

    fn three() -> Vec<u8> {
        let mut out = Vec::new();
        let mut prev = Digest::ZERO;
        for number in 0..3 {
            let event = match number {
                1 => Event::Authorise { act: Act::Generate },
                _ => Event::ClockConfirmed {},
            };
            let bytes = entry(number, prev, event).bytes();
            prev = Digest::of(&bytes);
            out.extend(bytes);
        }
        out
    }

    #[test]
    fn any_flipped_bit_is_refused_or_breaks_the_chain() {
        let good = three();
        assert_eq!(parse(&good).expect("a good transcript").len(), 3);
        let last = parse(&good).expect("good")[1].end;
        for at in 0..last {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(parse(&bad).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_write_that_was_cut_short_reads_as_what_came_before() {
        let good = three();
        let second = parse(&good).expect("good")[1].end;
        for length in second + 1..good.len() {
            let (entries, error) = parse_prefix(&good[..length]);
            assert_eq!(entries.len(), 2);
            assert_eq!(error.map(|e| e.why), Some(Why::CutShort), "{length}");
        }
    }

    #[test]
    fn carriage_returns_and_trailing_bytes_are_refused() {
        let good = three();
        let text = String::from_utf8(good.clone()).expect("ASCII");
        assert!(parse(text.replace('\n', "\r\n").as_bytes()).is_err());
        assert!(parse(&[good.as_slice(), b"\n"].concat()).is_err());
        assert!(parse(&[good.as_slice(), b"x"].concat()).is_err());
        assert!(parse(b"").is_err());
    }
}
