//! The literal packet inside a message (RFC 9580, section 5.9): the data in parts.

use std::io::Read;

use super::super::framing::{self, PART, PART_LENGTH, read_full, tag};
use super::SealError;

/// Binary, no name, no date.
const BEGIN: [u8; 6] = [b'b', 0, 0, 0, 0, 0];

/// Room for what [`Literal::fill`] adds: the tag, and a part with the longest length before it.
pub(super) const ROOM: usize = 1 + 5 + PART;

/// A buffer that is made once and filled again and again.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Buffer {
    pub fn new(room: usize) -> Buffer {
        let bytes = vec![0; room];
        Buffer { bytes, used: 0 }
    }

    pub fn filled(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    pub fn clear(&mut self) {
        self.used = 0;
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.take(bytes.len()).copy_from_slice(bytes);
    }

    /// The next `size` bytes, which now count as filled.
    pub fn take(&mut self, size: usize) -> &mut [u8] {
        let from = self.used;
        self.used += size;
        &mut self.bytes[from..self.used]
    }

    pub fn shorten(&mut self, size: usize) {
        self.used = size;
    }
}

/// Reads the data and puts the packet around it.
pub(super) struct Literal<R> {
    input: R,
    begun: bool,
    ended: bool,
    /// How much data was read.
    pub bytes: u64,
}

impl<R: Read> Literal<R> {
    pub fn new(input: R) -> Literal<R> {
        Literal {
            input,
            begun: false,
            ended: false,
            bytes: 0,
        }
    }

    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Adds the next part of the packet to `stream`.
    ///
    /// Whether a part is the last is known only when the input ended, so that a packet whose
    /// reading failed has no last part.
    pub fn fill(&mut self, stream: &mut Buffer) -> Result<(), SealError> {
        let begin: &[u8] = if self.begun { &[] } else { &BEGIN };
        if !self.begun {
            stream.push(&[framing::first_octet(tag::LITERAL)]);
        }
        self.begun = true;
        let at = stream.used;
        // Most parts are whole, and their length has one octet: the data is read behind it.
        let part = &mut stream.take(1 + PART)[1..];
        part[..begin.len()].copy_from_slice(begin);
        let read = read_full(&mut self.input, &mut part[begin.len()..]).map_err(SealError::Read)?;
        self.bytes += read as u64;
        let size = begin.len() + read;
        if size == PART {
            stream.bytes[at] = PART_LENGTH;
            return Ok(());
        }
        self.ended = true;
        let size32 = u32::try_from(size).expect("less than a part");
        let (length, octets) = framing::whole_length(size32);
        stream.bytes.copy_within(at + 1..at + 1 + size, at + octets);
        stream.bytes[at..at + octets].copy_from_slice(&length[..octets]);
        stream.shorten(at + octets + size);
        Ok(())
    }
}
