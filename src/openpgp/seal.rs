//! Sealing: a message to a certificate, of any length, fast and in little memory.
//!
//! The library's own writers are slow for backups: its SHA-1 looks for collisions, which no
//! one could use here, and its authenticated chunks are of 4 KiB. So the packets around the data
//! are written here, on the library's public interfaces for all cryptography but that SHA-1.
//!
//! What is sealed is a stream of unknown length. Nothing that is written looks like a whole
//! message until all of the stream was read: the packet's last part and the code that
//! authenticates the message come last.

mod error;
mod literal;
mod v1;
mod v2;

use std::io::{Read, Write};

use sequoia::packet::Key;
use sequoia::packet::key::{PublicParts, UnspecifiedRole};
use sequoia::packet::{PKESK, Packet};
use sequoia::serialize::Marshal;
use sequoia::types::{KeyFlags, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;

pub use error::SealError;
pub(super) use v1::{MDC_HEADER, PREFIX};

use super::cert::fingerprint;
use super::{Certificate, UnixTime, policy, system_time};
use crate::digest::Fingerprint;

const CIPHER: SymmetricAlgorithm = SymmetricAlgorithm::AES256;

/// The form of a sealed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// SEIPDv1 (RFC 9580, 5.13.1) with AES-256: GnuPG 2.2 and everything else in use opens it.
    Gpg,
    /// SEIPDv2 (RFC 9580, 5.13.2) with AES-256 in OCB mode: faster, not readable by GnuPG.
    Modern,
}

/// What was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The size of the plaintext.
    pub bytes: u64,
    /// The keys that can open the message.
    pub recipients: Vec<Fingerprint>,
}

type Recipient = Key<PublicParts, UnspecifiedRole>;

impl Certificate {
    /// Seals all of `input` to all encryption keys that are valid at `now`, and writes the message
    /// to `output`: binary, not compressed, with no name and no date of a file.
    ///
    /// `progress` is told how many bytes are done, counted with the few that frame them inside. Two
    /// threads work; memory does not grow with the input.
    ///
    /// # Errors
    ///
    /// See [`SealError`]. After an error in the middle, `output` holds the begin of a message that no
    /// program takes for whole.
    pub fn seal(
        &self,
        format: Format,
        now: UnixTime,
        input: impl Read + Send,
        mut output: impl Write + Send,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Sealed, SealError> {
        if format == Format::Gpg && self.version() != 4 {
            return Err(SealError::NotForGpg);
        }
        let recipients = self.recipients(now)?;
        let bytes = match format {
            Format::Gpg => v1::seal(&recipients, input, &mut output, progress)?,
            Format::Modern => v2::seal(&recipients, input, &mut output, progress)?,
        };
        output.flush().map_err(SealError::Write)?;
        let recipients = recipients
            .iter()
            .map(|key| fingerprint(&key.fingerprint()))
            .collect();
        Ok(Sealed { bytes, recipients })
    }

    /// Whether there is anything to seal to at `now`.
    ///
    /// # Errors
    ///
    /// Those of [`Certificate::seal`] that do not come from reading or writing.
    pub fn can_seal(&self, format: Format, now: UnixTime) -> Result<(), SealError> {
        if format == Format::Gpg && self.version() != 4 {
            return Err(SealError::NotForGpg);
        }
        self.recipients(now).map(|_| ())
    }

    /// The encryption keys, for storage or transport, that are valid at `now` and were never revoked.
    fn recipients(&self, now: UnixTime) -> Result<Vec<Recipient>, SealError> {
        let at = system_time(now).ok_or(SealError::Clock)?;
        if self.is_revoked() {
            return Err(SealError::Revoked);
        }
        if now < self.created() {
            return Err(SealError::NotYetValid(self.created()));
        }
        match self.expires() {
            Some(end) if end <= now => return Err(SealError::Expired(end)),
            _ => {}
        }
        let policy = policy();
        let no_key = |error: sequoia::anyhow::Error| SealError::NoKey(Some(error.into()));
        let valid = self.cert().with_policy(&policy, at).map_err(no_key)?;
        valid.alive().map_err(no_key)?;
        let uses = KeyFlags::empty()
            .set_transport_encryption()
            .set_storage_encryption();
        let keys: Vec<Recipient> = valid
            .keys()
            .alive()
            .supported()
            .key_flags(uses)
            .filter(|key| key.self_revocations().next().is_none())
            .map(|key| key.key().clone())
            .collect();
        if keys.is_empty() {
            return Err(SealError::NoKey(None));
        }
        Ok(keys)
    }
}

/// Writes the session key, encrypted to each recipient.
fn write_session_keys(
    recipients: &[Recipient],
    encrypt: impl Fn(&Recipient) -> sequoia::Result<PKESK>,
    output: &mut impl Write,
) -> Result<(), SealError> {
    let mut packets = Vec::new();
    for key in recipients {
        encrypt(key)
            .and_then(|packet| Packet::from(packet).serialize(&mut packets))
            .map_err(SealError::library)?;
    }
    output.write_all(&packets).map_err(SealError::Write)
}
