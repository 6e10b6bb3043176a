//! What is inside a message: one literal packet (RFC 9580, 5.9), perhaps compressed (5.6).

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::{DeflateDecoder, ZlibDecoder};

use super::super::framing::{After, Body, Header, exactly, tag};
use super::UnsealError;

/// How much is decompressed from at a time, in bytes.
const STEP: usize = 64 << 10;

type Boxed<'a> = Box<dyn Read + Send + 'a>;

/// Reads up to the data; `None` if it is something for the library.
pub(super) fn open<'a>(mut packets: Boxed<'a>) -> io::Result<Option<Boxed<'a>>> {
    let header = Header::read(&mut packets)?;
    match header {
        Some(Header {
            tag: tag::LITERAL,
            length,
        }) => literal(Body::new(packets, length, After::Padding)).map(Some),
        Some(Header {
            tag: tag::COMPRESSED,
            length,
        }) => compressed(Body::new(packets, length, After::Padding)),
        // A signed message, or something that is none.
        _ => Ok(None),
    }
}

/// The data behind its kind, name and date, which say nothing to us.
fn literal<'a, R: Read + Send + 'a>(mut body: Body<R>) -> io::Result<Boxed<'a>> {
    let mut begin = [0; 2];
    exactly(&mut body, &mut begin)?;
    let [_, name] = begin;
    exactly(&mut body, &mut vec![0; usize::from(name) + 4])?;
    Ok(Box::new(body))
}

fn compressed<'a>(mut body: Body<Boxed<'a>>) -> io::Result<Option<Boxed<'a>>> {
    let mut algorithm = [0];
    exactly(&mut body, &mut algorithm)?;
    let body = BufReader::with_capacity(STEP, body);
    // RFC 9580, section 9.4.
    let mut packets: Boxed<'a> = match algorithm {
        [1] => Box::new(Inflated::<_, _>::new(DeflateDecoder::new(body), |d| {
            d.get_mut()
        })),
        [2] => Box::new(Inflated::<_, _>::new(ZlibDecoder::new(body), |d| {
            d.get_mut()
        })),
        _ => return Ok(None),
    };
    match Header::read(&mut packets)? {
        Some(Header {
            tag: tag::LITERAL,
            length,
        }) => literal(Body::new(packets, length, After::Nothing)).map(Some),
        _ => Ok(None),
    }
}

/// A decompressor that ends only after its input did: what is verified is verified there.
struct Inflated<D, B> {
    decoder: D,
    input: fn(&mut D) -> &mut B,
}

impl<D: Read, B: BufRead> Inflated<D, B> {
    fn new(decoder: D, input: fn(&mut D) -> &mut B) -> Self {
        Inflated { decoder, input }
    }
}

impl<D: Read, B: BufRead> Read for Inflated<D, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.decoder.read(buffer)?;
        if size == 0
            && !buffer.is_empty()
            && !(self.input)(&mut self.decoder).fill_buf()?.is_empty()
        {
            return Err(UnsealError::Altered(None).into());
        }
        Ok(size)
    }
}
