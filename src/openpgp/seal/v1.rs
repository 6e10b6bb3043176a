//! SEIPD version 1 (RFC 9580, section 5.13.1): one long CFB stream that ends in a SHA-1 of all.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sequoia::crypto::SessionKey;
use sequoia::crypto::symmetric::{BlockCipherMode, Encryptor, PaddingMode};
use sequoia::packet::pkesk::PKESK3;
use sequoia_openpgp as sequoia;
use sha1::{Digest, Sha1};

use super::super::framing::{Parts, tag};
use super::super::line::{self, Stage};
use super::literal::{Buffer, Literal, ROOM};
use super::{CIPHER, Recipient, SealError, write_session_keys};

/// The header of the packet that holds the SHA-1: tag 19 and a length of 20 bytes.
pub(in crate::openpgp) const MDC_HEADER: [u8; 2] = [0xd3, 20];

/// A block of random bytes, of which the last two are repeated.
pub(in crate::openpgp) const PREFIX: usize = 16 + 2;

/// A part of the packet's plaintext, and then its ciphertext.
struct Piece {
    plain: Buffer,
    cipher: Vec<u8>,
}

impl Piece {
    fn new() -> Piece {
        Piece {
            plain: Buffer::new(ROOM),
            // The cipher may add what it held back, less than a block of 16 bytes.
            cipher: Vec::with_capacity(ROOM + 16),
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
    let encrypt = |to: &Recipient| PKESK3::for_recipient(CIPHER, &key, to).map(Into::into);
    write_session_keys(recipients, encrypt, output)?;
    let mut packet = Parts::new(output, tag::SEIPD).map_err(SealError::Write)?;
    packet.write(&[1]).map_err(SealError::Write)?;

    let mut cipher = Cipher::new(&key)?;
    // SHA-1 is no weakness here: whoever could use a collision would have to know the session key.
    let mut sha1 = Sha1::new();
    let mut first = Vec::new();
    let prefix = random_prefix()?;
    sha1.update(prefix);
    cipher.encrypt(&prefix, &mut first)?;
    packet.write(&first).map_err(SealError::Write)?;

    let mut literal = Literal::new(input);
    let mut done = 0;
    let source = |piece: &mut Piece| {
        piece.plain.clear();
        if literal.ended() {
            return Ok(false);
        }
        literal.fill(&mut piece.plain).map(|()| true)
    };
    let stages = vec![
        Stage::in_order(|piece: &mut Piece| {
            sha1.update(piece.plain.filled());
            Ok(())
        }),
        Stage::in_order(|piece: &mut Piece| {
            cipher.encrypt(piece.plain.filled(), &mut piece.cipher)
        }),
        Stage::in_order(|piece: &mut Piece| {
            packet.write(&piece.cipher).map_err(SealError::Write)?;
            done += piece.plain.filled().len() as u64;
            progress(done);
            Ok(())
        }),
    ];
    line::run([Piece::new(), Piece::new()], source, stages)?;

    // Only now, when all was read: without this the message is not whole.
    sha1.update(MDC_HEADER);
    let mut end = MDC_HEADER.to_vec();
    end.extend_from_slice(&sha1.finalize());
    let rest = cipher.finish(&end)?;
    packet.write(&rest).map_err(SealError::Write)?;
    packet.finish().map_err(SealError::Write)?;
    Ok(literal.bytes)
}

fn random_prefix() -> Result<[u8; PREFIX], SealError> {
    let mut prefix = [0; PREFIX];
    sequoia::crypto::random(&mut prefix[..16]).map_err(SealError::library)?;
    prefix.copy_within(14..16, 16);
    Ok(prefix)
}

/// The library's CFB encryption, which writes to something that it owns.
struct Cipher {
    encryptor: Encryptor<Pocket>,
    pocket: Pocket,
}

impl Cipher {
    fn new(key: &SessionKey) -> Result<Cipher, SealError> {
        let pocket = Pocket::default();
        // The initialisation vector is zero; the random prefix does its work (RFC 9580, 5.13.1).
        let mode = BlockCipherMode::CFB;
        let encryptor = Encryptor::new(CIPHER, mode, PaddingMode::None, key, None, pocket.clone())
            .map_err(SealError::library)?;
        Ok(Cipher { encryptor, pocket })
    }

    /// Puts into `out` what is ready of the ciphertext after `plain`.
    fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        out.clear();
        self.pocket.exchange(out);
        self.encryptor
            .write_all(plain)
            .map_err(SealError::library)?;
        self.pocket.exchange(out);
        Ok(())
    }

    fn finish(mut self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.encryptor
            .write_all(plain)
            .map_err(SealError::library)?;
        self.encryptor.finalize().map_err(SealError::library)?;
        let mut rest = Vec::new();
        self.pocket.exchange(&mut rest);
        Ok(rest)
    }
}

/// A buffer that the encryptor writes to and that can be taken out meanwhile.
#[derive(Clone, Default)]
struct Pocket(Arc<Mutex<Vec<u8>>>);

impl Pocket {
    fn exchange(&self, with: &mut Vec<u8>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *held, with);
    }
}

impl Write for Pocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
