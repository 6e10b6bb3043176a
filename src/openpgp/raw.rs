//! Signatures that are not OpenPGP's: of X.509 certificates. Here, because one library does all
//! cryptography (RFC 8017, section 8.2, and FIPS 186-5, by OpenSSL).

use std::time::UNIX_EPOCH;

use sequoia::crypto::mpi::{self, MPI};
use sequoia::packet::Key;
use sequoia::packet::key::{Key4, PublicParts, UnspecifiedRole};
use sequoia::types::{Curve, HashAlgorithm, PublicKeyAlgorithm};
use sequoia_openpgp as sequoia;

use super::error::Source;

/// A public key, its numbers in big-endian bytes, its points uncompressed.
#[derive(Clone, Copy, Debug)]
pub enum RawKey<'a> {
    /// RSA.
    Rsa {
        /// The modulus.
        n: &'a [u8],
        /// The exponent.
        e: &'a [u8],
    },
    /// ECDSA on P-256.
    P256(&'a [u8]),
    /// ECDSA on P-384.
    P384(&'a [u8]),
}

/// A signature of the same kind.
#[derive(Clone, Copy, Debug)]
pub enum RawSignature<'a> {
    /// RSA, PKCS #1 v1.5.
    Rsa(&'a [u8]),
    /// ECDSA.
    Ecdsa {
        /// The first number.
        r: &'a [u8],
        /// The second.
        s: &'a [u8],
    },
}

/// The hash that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Whether `signature` over `message` was made by `key`.
pub fn verify_raw(
    key: RawKey<'_>,
    hash: RawHash,
    message: &[u8],
    signature: RawSignature<'_>,
) -> bool {
    verify(key, hash, message, signature).is_ok()
}

fn verify(
    key: RawKey<'_>,
    hash: RawHash,
    message: &[u8],
    signature: RawSignature<'_>,
) -> Result<(), Source> {
    let ecdsa = |curve, point| {
        let q = MPI::new(point);
        (
            PublicKeyAlgorithm::ECDSA,
            mpi::PublicKey::ECDSA { curve, q },
        )
    };
    let (algorithm, numbers) = match key {
        RawKey::Rsa { n, e } => (
            PublicKeyAlgorithm::RSAEncryptSign,
            mpi::PublicKey::RSA {
                e: MPI::new(e),
                n: MPI::new(n),
            },
        ),
        RawKey::P256(point) => ecdsa(Curve::NistP256, point),
        RawKey::P384(point) => ecdsa(Curve::NistP384, point),
    };
    let signature = match signature {
        RawSignature::Rsa(s) => mpi::Signature::RSA { s: MPI::new(s) },
        RawSignature::Ecdsa { r, s } => mpi::Signature::ECDSA {
            r: MPI::new(r),
            s: MPI::new(s),
        },
    };
    let hash = match hash {
        RawHash::Sha256 => HashAlgorithm::SHA256,
        RawHash::Sha384 => HashAlgorithm::SHA384,
        RawHash::Sha512 => HashAlgorithm::SHA512,
    };
    let mut context = hash.context()?.for_digest();
    context.update(message);
    let digest = context.into_digest()?;
    // The time plays no part: nothing is asked of this key but the numbers.
    let key: Key<PublicParts, UnspecifiedRole> = Key4::new(UNIX_EPOCH, algorithm, numbers)?.into();
    Ok(key.verify(&signature, hash, &digest)?)
}
