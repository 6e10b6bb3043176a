//! SEIPD version 1 (RFC 9580, section 5.13.1), read.

use std::io::{self, Read};

use sequoia::crypto::SessionKey;
use sequoia::crypto::symmetric::{BlockCipherMode, Decryptor, UnpaddingMode};
use sequoia::parse::buffered_reader::Memory;
use sequoia::types::SymmetricAlgorithm;
use sequoia_openpgp as sequoia;
use sha1::{Digest, Sha1};

use super::super::framing::read_full;
use super::super::seal::{MDC_HEADER, PREFIX};
use super::UnsealError;

/// What is decrypted at a time; a multiple of the block, and small enough for the allocator not to
/// ask the system for memory each time.
const STEP: usize = 64 << 10;

/// The block of every AES.
const BLOCK: usize = 16;

/// The packet at the end: a header and a SHA-1.
const MDC: usize = MDC_HEADER.len() + 20;

/// Gives the packets inside, without the last one: the SHA-1 over all, which is compared first.
pub(super) struct Cfb<R> {
    body: R,
    algorithm: SymmetricAlgorithm,
    key: SessionKey,
    /// The last block of ciphertext: with it the next can be decrypted (RFC 9580, 12.9).
    before: [u8; BLOCK],
    cipher: Vec<u8>,
    /// Plaintext; what lies before `ready` is given out from `given`, what is behind may be the MDC.
    plain: Vec<u8>,
    given: usize,
    ready: usize,
    filled: usize,
    sha1: Sha1,
    ended: bool,
}

impl<R: Read> Cfb<R> {
    pub fn new(body: R, algorithm: SymmetricAlgorithm, key: SessionKey) -> Cfb<R> {
        Cfb {
            body,
            algorithm,
            key,
            before: [0; BLOCK],
            cipher: vec![0; STEP],
            plain: vec![0; MDC + STEP],
            // The random prefix is hashed, and not given out.
            given: PREFIX,
            ready: 0,
            filled: 0,
            sha1: Sha1::new(),
            ended: false,
        }
    }

    fn next_step(&mut self) -> io::Result<()> {
        let skip = self.given - self.ready;
        self.plain.copy_within(self.ready..self.filled, 0);
        self.filled -= self.ready;
        (self.given, self.ready) = (skip, 0);
        let size = read_full(&mut self.body, &mut self.cipher)?;
        self.decrypt(size)?;
        self.filled += size;
        let Some(ready) = self.filled.checked_sub(MDC) else {
            return Err(UnsealError::Altered(None).into());
        };
        self.ready = ready;
        self.sha1.update(&self.plain[..ready]);
        // Never set before the check: whoever reads on after an error must not find an end.
        if size < STEP {
            self.check()?;
            self.ended = true;
        }
        Ok(())
    }

    fn decrypt(&mut self, size: usize) -> io::Result<()> {
        let cipher = &self.cipher[..size];
        if cipher.is_empty() {
            return Ok(());
        }
        // The library decrypts from a reader only; one is made for each step.
        let mut decryptor = Decryptor::new(
            self.algorithm,
            BlockCipherMode::CFB,
            UnpaddingMode::None,
            &self.key,
            Some(&self.before),
            Memory::with_cookie(cipher, Default::default()),
        )
        .map_err(|error| UnsealError::Unsupported(Some(error.into())))?;
        decryptor.read_exact(&mut self.plain[self.filled..self.filled + size])?;
        if let Some(last) = cipher.last_chunk() {
            self.before = *last;
        }
        Ok(())
    }

    /// Compares the SHA-1. Before that the plaintext is worth nothing.
    fn check(&mut self) -> io::Result<()> {
        let mdc = &self.plain[self.ready..self.filled];
        let mut sha1 = self.sha1.clone();
        sha1.update(MDC_HEADER);
        let whole = mdc[..2] == MDC_HEADER && mdc[2..] == sha1.finalize()[..];
        if whole && self.given <= self.ready {
            Ok(())
        } else {
            Err(UnsealError::Altered(None).into())
        }
    }
}

impl<R: Read> Read for Cfb<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.ready && !self.ended {
            self.next_step()?;
        }
        let size = buffer.len().min(self.ready.saturating_sub(self.given));
        buffer[..size].copy_from_slice(&self.plain[self.given..self.given + size]);
        self.given += size;
        Ok(size)
    }
}
