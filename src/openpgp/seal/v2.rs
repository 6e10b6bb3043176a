//! SEIPD version 2 (RFC 9580, section 5.13.2): chunks, each with its own tag, and a last tag over
//! their number and length.

use std::io::{Read, Write};

use sequoia::crypto::SessionKey;
use sequoia::crypto::aead::{EncryptionContext, SEIPv2Schedule, Schedule};
use sequoia::packet::pkesk::PKESK6;
use sequoia::types::AEADAlgorithm;
use sequoia_openpgp as sequoia;

use super::super::framing::{Parts, tag};
use super::super::line::{self, Stage};
use super::literal::{Buffer, Literal, ROOM};
use super::{CIPHER, Recipient, SealError, write_session_keys};

/// 256 KiB: in large chunks the setting up of the cipher costs nothing, and a reader must
/// hold only one of them. The octet is the power of two above 64 bytes.
const CHUNK: usize = 1 << (CHUNK_OCTET + 6);
const CHUNK_OCTET: u8 = 12;

const MODE: AEADAlgorithm = AEADAlgorithm::OCB;
const TAG: usize = 16;

/// Some chunks of the packet's plaintext, and then their ciphertext and tags.
struct Piece {
    /// The number of the first chunk.
    first: u64,
    plain: Buffer,
    cipher: Buffer,
}

impl Piece {
    fn new() -> Piece {
        // What was kept is less than a chunk.
        let room = CHUNK + ROOM;
        Piece {
            first: 0,
            plain: Buffer::new(room),
            cipher: Buffer::new(room + room.div_ceil(CHUNK) * TAG),
        }
    }
}

/// Writes the message; the size of the plaintext.
pub(super) fn seal(
    recipients: &[Recipient],
    input: impl Read + Send,
    output: &mut (impl Write + Send),
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, SealError> {
    let key = SessionKey::new(32).map_err(SealError::library)?;
    let encrypt = |to: &Recipient| PKESK6::for_recipient(&key, to).map(Into::into);
    write_session_keys(recipients, encrypt, output)?;
    let mut packet = Parts::new(output, tag::SEIPD).map_err(SealError::Write)?;
    let mut salt = [0; 32];
    sequoia::crypto::random(&mut salt).map_err(SealError::library)?;
    let begin = [2, CIPHER.into(), MODE.into(), CHUNK_OCTET];
    packet.write(&begin).map_err(SealError::Write)?;
    packet.write(&salt).map_err(SealError::Write)?;
    let schedule =
        SEIPv2Schedule::new(&key, CIPHER, MODE, CHUNK, &salt).map_err(SealError::library)?;

    let mut chunks = Chunks::new(input);
    let mut done = 0;
    let stages = vec![
        Stage::at_once(|piece: &mut Piece| encrypt_chunks(&schedule, piece)),
        Stage::in_order(|piece: &mut Piece| {
            packet
                .write(piece.cipher.filled())
                .map_err(SealError::Write)?;
            done += piece.plain.filled().len() as u64;
            progress(done);
            Ok(())
        }),
    ];
    line::run(
        [Piece::new(), Piece::new()],
        |piece| chunks.fill(piece),
        stages,
    )?;

    // Only now, when all was read: without this the message is not whole.
    let mut last = [0; TAG];
    schedule
        .finalizer(chunks.count, chunks.bytes, &mut context)
        .and_then(|mut cipher| cipher.encrypt_seal(&mut last, b""))
        .map_err(SealError::library)?;
    packet.write(&last).map_err(SealError::Write)?;
    packet.finish().map_err(SealError::Write)?;
    Ok(chunks.literal.bytes)
}

fn context(key: &SessionKey, nonce: &[u8], ad: &[u8]) -> sequoia::Result<EncryptionContext> {
    MODE.context(CIPHER, key, ad, nonce)?.for_encryption()
}

fn encrypt_chunks(schedule: &SEIPv2Schedule, piece: &mut Piece) -> Result<(), SealError> {
    piece.cipher.clear();
    for (number, chunk) in (piece.first..).zip(piece.plain.filled().chunks(CHUNK)) {
        let sealed = piece.cipher.take(chunk.len() + TAG);
        schedule
            .chunk(number, &mut context)
            .and_then(|mut cipher| cipher.encrypt_seal(sealed, chunk))
            .map_err(SealError::library)?;
    }
    Ok(())
}

/// Cuts the literal packet into chunks. A part of the packet is one octet longer than some chunks
/// are, so something is kept for the next piece.
struct Chunks<R> {
    literal: Literal<R>,
    kept: Vec<u8>,
    /// How many chunks there were so far, and their bytes.
    count: u64,
    bytes: u64,
}

impl<R: Read> Chunks<R> {
    fn new(input: R) -> Chunks<R> {
        Chunks {
            literal: Literal::new(input),
            kept: Vec::with_capacity(CHUNK),
            count: 0,
            bytes: 0,
        }
    }

    fn fill(&mut self, piece: &mut Piece) -> Result<bool, SealError> {
        piece.plain.clear();
        piece.plain.push(&self.kept);
        self.kept.clear();
        if !self.literal.ended() {
            self.literal.fill(&mut piece.plain)?;
        }
        let filled = piece.plain.filled().len();
        if !self.literal.ended() {
            let whole = filled - filled % CHUNK;
            self.kept.extend_from_slice(&piece.plain.filled()[whole..]);
            piece.plain.shorten(whole);
        }
        let size = piece.plain.filled().len();
        piece.first = self.count;
        self.count += size.div_ceil(CHUNK) as u64;
        self.bytes += size as u64;
        Ok(size > 0)
    }
}
