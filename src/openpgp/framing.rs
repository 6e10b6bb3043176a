//! Packet headers and bodies (RFC 9580, section 4.2), as sealing and unsealing need them.

use std::io::{self, Read, Write};

use super::unseal::UnsealError;

/// The packets that a message is made of (RFC 9580, section 5).
pub(super) mod tag {
    pub const PKESK: u8 = 1;
    pub const SKESK: u8 = 3;
    pub const COMPRESSED: u8 = 8;
    pub const SED: u8 = 9;
    pub const MARKER: u8 = 10;
    pub const LITERAL: u8 = 11;
    pub const SEIPD: u8 = 18;
    /// What GnuPG 2.3 and later make for keys that ask for it; in no standard.
    pub const OCB_OF_GNUPG: u8 = 20;
    pub const PADDING: u8 = 21;
}

/// How long a packet's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// All of it.
    Whole(u32),
    /// Its first part; another length follows the part.
    Part(u32),
    /// Up to the end of what holds the packet: the old format, used inside messages by GnuPG.
    ToTheEnd,
}

/// The begin of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub tag: u8,
    pub length: Length,
}

impl Header {
    /// Reads a header, old or new; `None` if there is nothing more.
    pub fn read(input: &mut impl Read) -> io::Result<Option<Header>> {
        let mut first = [0];
        if read_full(input, &mut first)? == 0 {
            return Ok(None);
        }
        let [first] = first;
        if first & 0x80 == 0 {
            return Err(UnsealError::NotAMessage(None).into());
        }
        if first & 0x40 != 0 {
            let (tag, length) = (first & 0x3f, new_length(input)?);
            return Ok(Some(Header { tag, length }));
        }
        let length = match first & 3 {
            0 => Length::Whole(number::<1>(input)?),
            1 => Length::Whole(number::<2>(input)?),
            2 => Length::Whole(number::<4>(input)?),
            _ => Length::ToTheEnd,
        };
        let tag = (first >> 2) & 0xf;
        Ok(Some(Header { tag, length }))
    }

    /// Reads the body if it is of one piece and has at most `limit` bytes.
    pub fn small_body(&self, input: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
        match self.length {
            Length::Whole(size) if size as usize <= limit => {
                let mut body = vec![0; size as usize];
                exactly(input, &mut body)?;
                Ok(body)
            }
            _ => Err(UnsealError::NotAMessage(None).into()),
        }
    }
}

/// A length in the new format (RFC 9580, 4.2.1).
fn new_length(input: &mut impl Read) -> io::Result<Length> {
    let first = number::<1>(input)?;
    Ok(match first {
        0..=191 => Length::Whole(first),
        192..=223 => Length::Whole(((first - 192) << 8) + number::<1>(input)? + 192),
        224..=254 => Length::Part(1 << (first & 0x1f)),
        _ => Length::Whole(number::<4>(input)?),
    })
}

/// A number of `N` bytes, at most 4, the highest first.
fn number<const N: usize>(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; N];
    exactly(input, &mut bytes)?;
    Ok(bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// Fills `buffer`; a message that ends before is cut short.
pub(super) fn exactly(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<()> {
    if read_full(input, buffer)? == buffer.len() {
        Ok(())
    } else {
        Err(UnsealError::Altered(None).into())
    }
}

/// Fills `buffer` as far as there is something to read, and says how far.
pub(super) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(size) => filled += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What may come after a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    /// Packets that mean nothing: inside a message its sender may hide its length so.
    Padding,
}

/// The body of a packet that must be the last of its input. It ends only after that was seen.
pub(super) struct Body<R> {
    input: R,
    /// What is left of the part.
    left: u64,
    length: Length,
    after: After,
    ended: bool,
}

impl<R: Read> Body<R> {
    /// The body after a header with `length` was read.
    pub fn new(input: R, length: Length, after: After) -> Body<R> {
        let left = match length {
            Length::Whole(size) | Length::Part(size) => size.into(),
            Length::ToTheEnd => u64::MAX,
        };
        Body {
            input,
            left,
            length,
            after,
            ended: false,
        }
    }

    fn next_part(&mut self) -> io::Result<()> {
        if let Length::Part(_) = self.length {
            self.length = new_length(&mut self.input)?;
            if let Length::Whole(size) | Length::Part(size) = self.length {
                self.left = size.into();
            }
            return Ok(());
        }
        while let Some(header) = Header::read(&mut self.input)? {
            let padding = matches!(header.tag, tag::PADDING | tag::MARKER);
            if self.after == After::Nothing || !padding {
                return Err(UnsealError::Altered(None).into());
            }
            header.small_body(&mut self.input, MAX_PADDING)?;
        }
        self.ended = true;
        Ok(())
    }
}

/// The largest padding that is skipped, in bytes.
const MAX_PADDING: usize = 16 << 20;

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 && !self.ended {
            self.next_part()?;
        }
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let size = self.input.read(&mut buffer[..most])?;
        if size == 0 {
            if self.length != Length::ToTheEnd {
                return Err(UnsealError::Altered(None).into());
            }
            self.ended = true;
        }
        self.left -= size as u64;
        Ok(size)
    }
}

/// The size of a part, of 2^19 bytes: a thread takes one at a time, and should not have to wait for
/// the other more often than that. Larger ones would cost memory.
pub(super) const PART: usize = 1 << PART_BITS;
const PART_BITS: u8 = 19;

/// The length octet that is before each part of [`PART`] bytes (RFC 9580, 4.2.1.4).
pub(super) const PART_LENGTH: u8 = 224 + PART_BITS;

/// The first octet of a packet in the new format.
pub(super) fn first_octet(tag: u8) -> u8 {
    0xc0 | tag
}

/// A length in the new format, in as few octets as can be.
pub(super) fn whole_length(size: u32) -> ([u8; 5], usize) {
    let [a, b, c, d] = size.to_be_bytes();
    match size {
        0..192 => ([d, 0, 0, 0, 0], 1),
        192..8384 => {
            let [.., high, low] = (size - 192).to_be_bytes();
            ([high + 192, low, 0, 0, 0], 2)
        }
        _ => ([0xff, a, b, c, d], 5),
    }
}

/// Writes a packet whose length is not known beforehand, in parts.
pub(super) struct Parts<W> {
    output: W,
    /// What is not yet a whole part.
    kept: Vec<u8>,
}

impl<W: Write> Parts<W> {
    /// Begins a packet.
    pub fn new(mut output: W, tag: u8) -> io::Result<Parts<W>> {
        output.write_all(&[first_octet(tag)])?;
        let kept = Vec::with_capacity(PART);
        Ok(Parts { output, kept })
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.kept.len() + bytes.len() >= PART {
            let (now, later) = bytes.split_at(PART - self.kept.len());
            // Three writes and no copy: the first two are small.
            self.output.write_all(&[PART_LENGTH])?;
            self.output.write_all(&self.kept)?;
            self.output.write_all(now)?;
            self.kept.clear();
            bytes = later;
        }
        self.kept.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the packet. One that is dropped without this has no end, and nobody takes it for whole.
    pub fn finish(mut self) -> io::Result<W> {
        let size = u32::try_from(self.kept.len()).expect("less than a part");
        let (length, octets) = whole_length(size);
        self.output.write_all(&length[..octets])?;
        self.output.write_all(&self.kept)?;
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(bytes: &[u8]) -> Option<Header> {
        Header::read(&mut &*bytes).expect("a header")
    }

    #[test]
    fn headers_of_both_formats_are_read() {
        let is =
            |bytes: &[u8], tag, length| assert_eq!(header(bytes), Some(Header { tag, length }));
        assert_eq!(header(b""), None);
        is(&[0xcb, 0], tag::LITERAL, Length::Whole(0));
        is(&[0xcb, 191], tag::LITERAL, Length::Whole(191));
        is(&[0xcb, 192, 0], tag::LITERAL, Length::Whole(192));
        is(&[0xcb, 223, 255], tag::LITERAL, Length::Whole(8383));
        is(&[0xcb, 224], tag::LITERAL, Length::Part(1));
        is(&[0xd2, 254], tag::SEIPD, Length::Part(1 << 30));
        is(
            &[0xd2, 255, 1, 2, 3, 4],
            tag::SEIPD,
            Length::Whole(0x0102_0304),
        );
        is(&[0xac, 7], tag::LITERAL, Length::Whole(7));
        is(&[0xad, 1, 0], tag::LITERAL, Length::Whole(256));
        is(
            &[0xae, 1, 2, 3, 4],
            tag::LITERAL,
            Length::Whole(0x0102_0304),
        );
        is(&[0xa3], tag::COMPRESSED, Length::ToTheEnd);
        for cut in [&[0xcb][..], &[0xcb, 192], &[0xcb, 255, 0, 0, 0], &[0xad, 0]] {
            assert!(Header::read(&mut &*cut).is_err(), "{cut:?}");
        }
        assert!(Header::read(&mut &b"-----BEGIN"[..]).is_err());
    }

    #[test]
    fn a_body_ends_only_where_its_input_does() {
        let read = |bytes: &[u8], length, after| {
            let mut out = Vec::new();
            Body::new(bytes, length, after)
                .read_to_end(&mut out)
                .map(|_| out)
        };
        let padding = [b'a', 0xd5, 2, 9, 9, 0xca, 3, b'P', b'G', b'P'];
        for (bytes, length) in [
            (&b"abc"[..], Length::Whole(3)),
            (b"abc", Length::ToTheEnd),
            (b"ab\x01c", Length::Part(2)),
            (b"ab\xe0c\x00", Length::Part(2)),
        ] {
            assert_eq!(read(bytes, length, After::Nothing).expect("whole"), b"abc");
            let longer = [bytes, b"\xca\x00"].concat();
            if length != Length::ToTheEnd {
                assert!(read(&longer, length, After::Nothing).is_err());
                assert!(read(&bytes[..bytes.len() - 1], length, After::Nothing).is_err());
            }
        }
        let one = Length::Whole(1);
        assert_eq!(read(&padding, one, After::Padding).expect("padded"), b"a");
        assert!(read(&padding, one, After::Nothing).is_err());
        assert!(read(b"a\xcb\x00", one, After::Padding).is_err());
    }

    proptest! {
        #[test]
        fn parts_are_read_back(
            sizes in prop::collection::vec(0usize..1_200_000, 0..5),
            read_at_once in 1usize..70_000,
        ) {
            let mut packet = Parts::new(Vec::new(), tag::SEIPD).unwrap();
            let mut written = Vec::new();
            for (number, size) in sizes.into_iter().enumerate() {
                let bytes = vec![number as u8; size];
                packet.write(&bytes).unwrap();
                written.extend(bytes);
            }
            let packet = packet.finish().unwrap();
            let mut input = &packet[..];
            let header = Header::read(&mut input).unwrap().unwrap();
            let mut body = Body::new(input, header.length, After::Nothing);
            let (mut read, mut buffer) = (Vec::new(), vec![0; read_at_once]);
            loop {
                let size = body.read(&mut buffer).unwrap();
                if size == 0 {
                    break;
                }
                read.extend_from_slice(&buffer[..size]);
            }
            prop_assert!(header.tag == tag::SEIPD && read == written);
        }
    }
}
