//! SEIPD version 2 (RFC 9580, section 5.13.2), read.

use std::io::{self, Read};

use sequoia::crypto::SessionKey;
use sequoia::crypto::aead::{DecryptionContext, SEIPv2Schedule, Schedule};
use sequoia::types::{AEADAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;

use super::super::framing::{exactly, read_full};
use super::UnsealError;

const TAG: usize = 16;

/// The largest octet for the size of a chunk: 4 MiB (RFC 9580, 5.13.2).
const MAX_OCTET: u8 = 16;

/// Gives the packets inside; each chunk only when its tag was right.
pub(super) struct Chunks<R> {
    body: R,
    cipher: SymmetricAlgorithm,
    mode: AEADAlgorithm,
    schedule: SEIPv2Schedule,
    /// A chunk, its tag, and behind it at least the last tag.
    sealed: Vec<u8>,
    filled: usize,
    plain: Vec<u8>,
    given: usize,
    ready: usize,
    /// How many chunks were opened, and their bytes.
    count: u64,
    bytes: u64,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    /// Reads the rest of the packet's header (after the version), too.
    pub fn new(mut body: R, key: &SessionKey) -> io::Result<Chunks<R>> {
        let mut header = [0; 3];
        exactly(&mut body, &mut header)?;
        let [cipher, mode, octet] = header;
        let (cipher, mode) = (SymmetricAlgorithm::from(cipher), AEADAlgorithm::from(mode));
        let mut salt = [0; 32];
        exactly(&mut body, &mut salt)?;
        if octet > MAX_OCTET {
            return Err(UnsealError::Unsupported(None).into());
        }
        let chunk = 1 << (octet + 6);
        let unsupported =
            |error: sequoia::anyhow::Error| UnsealError::Unsupported(Some(error.into()));
        // A key of another size is of another cipher: then the header was changed.
        if cipher.key_size().map_err(unsupported)? != key.len() {
            return Err(UnsealError::Altered(None).into());
        }
        let schedule = SEIPv2Schedule::new(key, cipher, mode, chunk, &salt).map_err(unsupported)?;
        Ok(Chunks {
            body,
            cipher,
            mode,
            schedule,
            sealed: vec![0; chunk + 2 * TAG],
            filled: 0,
            plain: vec![0; chunk],
            given: 0,
            ready: 0,
            count: 0,
            bytes: 0,
            ended: false,
        })
    }

    /// Opens the next chunk. The last tag is at the very end, so that no chunk is opened before
    /// it is known to be followed by so much.
    fn next_chunk(&mut self) -> io::Result<()> {
        self.filled += read_full(&mut self.body, &mut self.sealed[self.filled..])?;
        let at_end = self.filled < self.sealed.len();
        let end = match self.filled.checked_sub(TAG) {
            Some(end) if end == 0 || end > TAG => end,
            _ => return Err(UnsealError::Altered(None).into()),
        };
        (self.given, self.ready) = (0, 0);
        if end > 0 {
            let size = end - TAG;
            let plain = &mut self.plain[..size];
            let context = self
                .schedule
                .chunk(self.count, &mut opener(self.cipher, self.mode));
            verify(context, plain, &self.sealed[..end])?;
            self.count += 1;
            self.bytes += size as u64;
            self.ready = size;
        }
        self.sealed.copy_within(end..self.filled, 0);
        self.filled -= end;
        if at_end {
            let last = self.schedule.finalizer(
                self.count,
                self.bytes,
                &mut opener(self.cipher, self.mode),
            );
            verify(last, &mut [], &self.sealed[..TAG])?;
            // Never set before: whoever reads on after an error must not find an end.
            self.ended = true;
        }
        Ok(())
    }
}

fn opener(
    cipher: SymmetricAlgorithm,
    mode: AEADAlgorithm,
) -> impl FnMut(&SessionKey, &[u8], &[u8]) -> sequoia::Result<DecryptionContext> {
    move |key, nonce, ad| mode.context(cipher, key, ad, nonce)?.for_decryption()
}

fn verify(
    context: sequoia::Result<DecryptionContext>,
    plain: &mut [u8],
    sealed: &[u8],
) -> Result<(), UnsealError> {
    context
        .map_err(|error| UnsealError::Unsupported(Some(error.into())))?
        .decrypt_verify(plain, sealed)
        .map_err(|error| UnsealError::Altered(Some(error.into())))
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready && !self.ended {
            self.next_chunk()?;
        }
        let size = buffer.len().min(self.ready - self.given);
        buffer[..size].copy_from_slice(&self.plain[self.given..self.given + size]);
        self.given += size;
        Ok(size)
    }
}
