//! The only folder that names the OpenPGP library; none of its types leave it.
//!
//! Certificates ([`Certificate`]), the ceremony's key ([`SecretKey`]), an operator's key file
//! ([`LockedKey`]), messages under a password, and signatures beside a file. All times are given
//! by the caller: nothing here reads the clock. The library draws its randomness itself.
//!
//! What GnuPG 2.2 can't read is made for [`Profile::V6`] alone: certificates and signatures
//! of version 4, SEIPDv1, and passwords with the iterated and salted S2K are all that
//! the other profiles, the operators' keys and the backup's messages use.
//!
//! # Where copies of secrets stay
//!
//! Keys and passwords are kept encrypted in RAM by the library and zeroized on drop, and
//! buffers made here are pre-sized and zeroized. Copies that can't be reached from here are
//! marked with "Residue:" in the comments. They lie in freed heap memory, so the program
//! must be started with an allocator that overwrites what it frees.

mod armor;
mod cert;
mod error;
mod framing;
mod generate;
mod line;
mod password;
mod raw;
mod seal;
mod sign;
mod token;
mod unseal;
mod verify;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia::Packet;
use sequoia::crypto::Password;
use sequoia::parse::{Dearmor, PacketParserBuilder, PacketParserResult, Parse};
use sequoia::policy::StandardPolicy;
use sequoia_openpgp as sequoia;

pub use armor::{ArmorError, armor_message, crc24, encrypted_message, insert_comment};
pub use cert::Certificate;
pub use error::{DecryptError, OpenPgpError, SignError, VerifyError};
pub use generate::{Generated, SecretKey};
#[cfg(debug_assertions)]
pub use password::test_only;
pub use password::{decrypt_with_password, encrypt_with_password};
pub use raw::{RawHash, RawKey, RawSignature, verify_raw};
pub use seal::{Format, SealError, Sealed};
pub use sign::LockedKey;
pub use token::{Agree, EcdsaSignature, SignDigest, TokenCertificate, TokenKeyError, TokenKeys};
pub use unseal::{UnsealError, Unsealed};
pub use verify::{Signed, verify_detached};

use crate::secret::SecretText;
use error::Source;

/// Whole seconds since 1970-01-01T00:00:00Z. OpenPGP holds 32 bits of it.
pub type UnixTime = u64;

/// The kinds of key that a ceremony makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Version 4, RSA with 4096 bits: readable by everything in use.
    Rsa4096,
    /// Version 4, Ed25519 and Cv25519: small, readable by GnuPG 2.2.
    Modern,
    /// Version 6 (RFC 9580), Ed25519 and X25519: not readable by GnuPG.
    V6,
}

/// The day by whose standard algorithms are judged: 2026-01-01.
///
/// A fixed day, because a record must be judged the same in ten years as today, and because
/// the time in a signature is chosen by whoever made it: judged by that, an old date would make
/// SHA-1 acceptable.
const JUDGED_AT: UnixTime = 1_767_225_600;

/// The largest key file or certificate that is read, in bytes.
const MAX_KEY: usize = 1 << 20;

fn policy() -> StandardPolicy<'static> {
    StandardPolicy::at(UNIX_EPOCH + Duration::from_secs(JUDGED_AT))
}

/// The library's time; `None` beyond 2106, which OpenPGP's 32 bits can't hold.
fn system_time(at: UnixTime) -> Option<SystemTime> {
    u32::try_from(at)
        .ok()
        .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds.into()))
}

fn unix_time(at: SystemTime) -> UnixTime {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The library's copy of a passphrase; it is encrypted in RAM and zeroized on drop.
fn password(text: &SecretText) -> Password {
    Password::from(text.expose().as_bytes())
}

/// The packets of `binary`, not looking into containers.
///
/// Text is not taken for armor here: armor was taken off before, by stricter rules.
fn packets(binary: &[u8]) -> Result<Vec<Packet>, Source> {
    let mut found = Vec::new();
    let mut rest = PacketParserBuilder::from_bytes(binary)?
        .dearmor(Dearmor::Disabled)
        .build()?;
    while let PacketParserResult::Some(parser) = rest {
        let (packet, next) = parser.next()?;
        found.push(packet);
        rest = next;
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Keys for the tests of this folder.

    use super::*;

    /// 2026-03-01T12:00:00Z.
    pub const NOW: UnixTime = 1_772_366_400;

    pub fn text(s: &str) -> SecretText {
        SecretText::from_string(s.to_string())
    }

    pub fn key(profile: Profile) -> Generated {
        SecretKey::generate(profile, "Test <test@example.org>", Some(86_400), NOW)
            .expect("the key is made")
    }

    pub fn locked(passphrase: &str) -> LockedKey {
        LockedKey::generate("operator A test", &text(passphrase), NOW, None)
            .expect("the key is made")
    }
}
