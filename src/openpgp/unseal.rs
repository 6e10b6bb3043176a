//! Unsealing: opening a message to a key, of any length, fast and in little memory.
//!
//! There are two ways. What this program and GnuPG make by default is read here, on the
//! library's public interfaces for all cryptography but one SHA-1. Everything else that is
//! legitimate (armored, signed inside, to a hidden recipient, compressed with bzip2, old
//! ciphers) is read by the library, slower and in more memory. Which way it goes is decided
//! before the first byte of plaintext is written.

mod cfb;
mod chunks;
mod error;
mod inner;
mod library;
mod session;

use std::io::{self, BufReader, Read, Seek, Write};

use sha2::{Digest as _, Sha256};

pub use error::UnsealError;

use super::SecretKey;
use super::framing::{After, Body, exactly, read_full};
use super::line::{self, Stage};
use super::seal::Format;
use crate::digest::Digest;

/// What was unsealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// The size of the plaintext.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// How the message was protected.
    pub format: Format,
}

/// How much plaintext a thread handles at a time, in bytes: much, so that it seldom waits for the other.
const PIECE: usize = 1 << 20;

/// For reading headers byte by byte; what is longer goes past this buffer without a copy.
const HEADERS: usize = 8 << 10;

/// A message whose plaintext is ready to be read.
///
/// It ends without an error only after all was verified: each tag or the MDC, the end of the
/// literal packet, and that nothing follows.
struct Plaintext<'a> {
    format: Format,
    reader: Box<dyn Read + Send + 'a>,
}

impl SecretKey {
    /// Opens the message in `input`, which begins where `input` stands, and writes the plaintext to `output`.
    ///
    /// **Only `Ok` means that the plaintext is what was sealed.** It is written while the message
    /// is still being checked, so `output` must be something that nobody uses until then, and that
    /// goes away after an error.
    ///
    /// `progress` is told how many bytes of plaintext are written. Two threads work.
    ///
    /// # Errors
    ///
    /// See [`UnsealError`].
    pub fn unseal(
        &self,
        input: impl Read + Seek + Send,
        mut output: impl Write + Send,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Unsealed, UnsealError> {
        let mut input = Device { input, fault: None };
        let unsealed = self.directly_or_not(&mut input, &mut output, progress);
        match input.fault {
            Some(fault) => Err(UnsealError::Read(fault)),
            None => unsealed,
        }
    }

    fn directly_or_not(
        &self,
        input: &mut Device<impl Read + Seek + Send>,
        output: &mut (impl Write + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Unsealed, UnsealError> {
        let begin = input.input.stream_position().map_err(UnsealError::Read)?;
        let directly = match self.open_directly(input)? {
            Some(plaintext) => Some(carry(plaintext, output, progress)?),
            None => None,
        };
        if let Some(unsealed) = directly {
            return Ok(unsealed);
        }
        let again = input.input.seek(io::SeekFrom::Start(begin));
        again.map_err(UnsealError::Read)?;
        carry(library::open(self, input)?, output, progress)
    }

    /// Opens what can be read here; `None` if it is something for the library.
    fn open_directly<'a, R: Read + Send>(
        &self,
        input: &'a mut Device<R>,
    ) -> io::Result<Option<Plaintext<'a>>> {
        let mut input = BufReader::with_capacity(HEADERS, input);
        let Some(found) = session::read(&mut input)? else {
            return Ok(None);
        };
        let mut body = Body::new(input, found.length, After::Nothing);
        let mut version = [0];
        exactly(&mut body, &mut version)?;
        let (format, decrypted): (Format, Box<dyn Read + Send + 'a>) = match version {
            [1] => match found.key_of_v3(self)? {
                Some((cipher, key)) => (Format::Gpg, Box::new(cfb::Cfb::new(body, cipher, key))),
                None => return Ok(None),
            },
            [2] => match found.key_of_v6(self)? {
                Some(key) => (Format::Modern, Box::new(chunks::Chunks::new(body, &key)?)),
                None => return Ok(None),
            },
            _ => return Err(UnsealError::Unsupported(None).into()),
        };
        let reader = inner::open(decrypted)?;
        Ok(reader.map(|reader| Plaintext { format, reader }))
    }
}

/// Keeps what the input itself could not give: a decoder would take that for an end of the message.
struct Device<R> {
    input: R,
    fault: Option<io::Error>,
}

impl<R: Read> Read for Device<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.fault.get_or_insert(error);
                Err(kind.into())
            }
            other => other,
        }
    }
}

/// Hashes and writes the plaintext: one thread reads and decrypts while the other does that.
fn carry(
    mut plaintext: Plaintext<'_>,
    output: &mut (impl Write + Send),
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Unsealed, UnsealError> {
    struct Piece(Vec<u8>, usize);
    let mut sha256 = Sha256::new();
    let mut bytes = 0;
    let reader = &mut plaintext.reader;
    let source = |piece: &mut Piece| {
        piece.1 = read_full(reader, &mut piece.0)?;
        Ok::<bool, UnsealError>(piece.1 > 0)
    };
    let stages = vec![
        Stage::in_order(|Piece(data, size): &mut Piece| {
            sha256.update(&data[..*size]);
            Ok(())
        }),
        Stage::in_order(|Piece(data, size): &mut Piece| {
            output
                .write_all(&data[..*size])
                .map_err(UnsealError::Write)?;
            bytes += *size as u64;
            progress(bytes);
            Ok(())
        }),
    ];
    let piece = || Piece(vec![0; PIECE], 0);
    line::run([piece(), piece()], source, stages)?;
    output.flush().map_err(UnsealError::Write)?;
    let sha256 = Digest::from_bytes(sha256.finalize().into());
    Ok(Unsealed {
        bytes,
        sha256,
        format: plaintext.format,
    })
}
