//! One stanza of the transcript.

use super::event::{Detail, Event, Fields};
use super::time::{self, UnixTime};
use super::value::{Actors, Token, Value};
use crate::digest::Digest;

/// The longest line of a transcript, without its line feed.
pub const MAX_LINE: usize = 78;

/// The highest entry number: file names have four digits.
pub const MAX_ENTRY: u32 = 9999;

/// One entry, as it stands in the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 0.
    pub number: u32,
    /// SHA-256 of the entry before it, closing blank line included; zeros for entry 0.
    pub prev: Digest,
    /// UTC as both operators set it; never decreases.
    pub time: UnixTime,
    /// Whole seconds since boot; decreases only at `resumed`.
    pub uptime: u64,
    /// The plan's step, or `0` before the first.
    pub step: Token,
    /// What happened.
    pub event: Event,
    /// Who acted.
    pub actors: Actors,
    /// SHA-256 of `details/NNNN.txt`, where there is one.
    pub detail: Option<Digest>,
}

impl Entry {
    /// The entry's bytes, the closing blank line included.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        let mut line = |label: &str, value: &str| {
            out.push_str(label);
            out.push_str(": ");
            out.push_str(value);
            out.push('\n');
        };
        line("entry", &self.number.write());
        line("prev", &self.prev.write());
        line("time", &time::format(self.time));
        line("uptime", &self.uptime.write());
        line("step", &self.step.write());
        line("event", self.event.name());
        line("actors", &self.actors.write());
        for (label, value) in self.event.fields() {
            line(label, &value);
        }
        if let Some(detail) = &self.detail {
            line("detail", &detail.write());
        }
        out.push('\n');
        out.into_bytes()
    }

    /// Reads one entry from its lines (without the blank line that closes it).
    pub(super) fn read(lines: &[&str]) -> Option<Entry> {
        let mut fields = Vec::with_capacity(lines.len());
        for line in lines {
            fields.push(line.split_once(": ")?);
        }
        let mut rest = fields.as_slice();
        let mut take = |label: &str| {
            let ((found, value), tail) = rest.split_first()?;
            rest = tail;
            (*found == label).then_some(*value)
        };
        let number = u32::read(take("entry")?).filter(|n| *n <= MAX_ENTRY)?;
        let prev = Digest::read(take("prev")?)?;
        let time = time::parse(take("time")?)?;
        let uptime = u64::read(take("uptime")?)?;
        let step = Token::read(take("step")?)?;
        let name = take("event")?;
        let actors = Actors::read(take("actors")?)?;
        let detail = match rest.split_last() {
            Some((("detail", value), head)) => {
                rest = head;
                Some(Digest::read(value)?)
            }
            _ => None,
        };
        let event = Event::read(name, Fields::new(rest))?;
        let agrees = (event.detail() == Detail::Needed) == detail.is_some();
        agrees.then_some(Entry {
            number,
            prev,
            time,
            uptime,
            step,
            event,
            actors,
            detail,
        })
    }

    /// The path of this entry's detail file in the record.
    pub fn detail_path(number: u32) -> String {
        format!("details/{number:04}.txt")
    }
}
