//! An operator's key file, and the signatures made with it.

use std::time::SystemTime;

use sequoia::Packet;
use sequoia::cert::Cert;
use sequoia::crypto::{KeyPair, Password, S2K, Signer};
use sequoia::packet::Key;
use sequoia::packet::key::{Encrypted, SecretKeyMaterial, SecretParts, UnspecifiedRole};
use sequoia::packet::signature::SignatureBuilder;
use sequoia::serialize::MarshalInto;
use sequoia::types::{HashAlgorithm, SignatureType, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;

use super::armor::{self, Kind};
use super::error::Source;
use super::generate::{builder, secret_cert};
use super::password::strongest_s2k;
use super::{
    Certificate, OpenPgpError, Profile, SignError, UnixTime, password, system_time, verify_detached,
};
use crate::secret::SecretText;

/// An operator's key file: a secret key under a passphrase.
pub struct LockedKey {
    bytes: Vec<u8>,
    cert: Cert,
    certificate: Certificate,
}

impl LockedKey {
    /// Makes a version 4 Ed25519 key that certifies and signs, without subkeys and without an
    /// end, locked with the iterated and salted S2K (largest count, SHA-256) and AES-256 in CFB
    /// mode, which is what GnuPG 2.2 can import.
    ///
    /// # Errors
    ///
    /// As [`super::SecretKey::generate`]; an empty passphrase is [`OpenPgpError::Unprotected`].
    pub fn generate(
        user_id: &str,
        passphrase: &SecretText,
        now: UnixTime,
        comment: Option<&str>,
    ) -> Result<LockedKey, OpenPgpError> {
        if passphrase.expose().is_empty() {
            return Err(OpenPgpError::Unprotected);
        }
        let (cert, _) = builder(Profile::Modern, user_id, now)?
            .generate()
            .map_err(OpenPgpError::library)?;
        let cert = lock(cert, &password(passphrase)).map_err(OpenPgpError::Library)?;
        let binary = cert.as_tsk().to_vec().map_err(OpenPgpError::library)?;
        LockedKey::from_bytes(&armor::encode(Kind::PrivateKey, comment, true, &binary))
    }

    /// Reads a key file, armored or binary, of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// As [`Certificate::from_bytes`]; [`OpenPgpError::Unprotected`] if any secret has no
    /// passphrase; [`OpenPgpError::Stub`] if one is not in the file (GnuPG leaves a stub where the
    /// key is on a card, say); [`OpenPgpError::Version`] unless it is 4;
    /// [`OpenPgpError::Revoked`]; [`OpenPgpError::CannotSign`].
    pub fn from_bytes(bytes: &[u8]) -> Result<LockedKey, OpenPgpError> {
        let cert = secret_cert(bytes)?;
        for key in cert.keys() {
            match key.key().optional_secret() {
                Some(SecretKeyMaterial::Unencrypted(_)) => return Err(OpenPgpError::Unprotected),
                Some(SecretKeyMaterial::Encrypted(locked)) if !can_open(locked) => {
                    return Err(OpenPgpError::Stub);
                }
                _ => {}
            }
        }
        let certificate = Certificate::from_cert(cert.clone())?;
        if certificate.version() != 4 {
            return Err(OpenPgpError::Version(certificate.version()));
        }
        if certificate.is_revoked() {
            return Err(OpenPgpError::Revoked);
        }
        let key = LockedKey {
            bytes: bytes.to_vec(),
            cert,
            certificate,
        };
        key.signing_secret(None).map(|_| ())?;
        Ok(key)
    }

    /// The key file as it was read or made. It is locked, so it is no secret in itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The public certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether `passphrase` opens the key that signs. Takes some tenths of a second, on purpose.
    pub fn opens_with(&self, passphrase: &SecretText) -> bool {
        self.signing_secret(None)
            .is_ok_and(|key| key.decrypt_secret(&password(passphrase)).is_ok())
    }

    /// A detached, armored signature over the bytes of `message` (class 0x00, SHA-512), dated `at`,
    /// with the issuer's fingerprint in it. It was verified before it is returned.
    ///
    /// # Errors
    ///
    /// [`SignError::WrongPassphrase`]; [`SignError::Other`] if the key can't sign at `at`.
    pub fn sign(
        &self,
        passphrase: &SecretText,
        message: &[u8],
        at: UnixTime,
        comment: Option<&str>,
    ) -> Result<Vec<u8>, SignError> {
        let other = |error: OpenPgpError| SignError::Other(error);
        let time = system_time(at).ok_or(OpenPgpError::Time).map_err(other)?;
        let mut signer: KeyPair = self
            .signing_secret(Some(time))
            .map_err(other)?
            .decrypt_secret(&password(passphrase))
            .map_err(|_| SignError::WrongPassphrase)?
            .into_keypair()
            .map_err(|error| other(OpenPgpError::library(error)))?;
        let signature = detached(&mut signer, message, time, comment)
            .map_err(|error| other(OpenPgpError::Library(error)))?;
        // A faulty machine must not put a bad signature on the record, and a passphrase that passed
        // a weak check by chance must not count.
        verify_detached(&signature, &self.certificate, message)
            .map_err(|error| other(OpenPgpError::SelfTest(Some(error.into()))))?;
        Ok(signature)
    }

    /// The locked key that signs at `at`, or by default as of its newest signature of its own.
    /// The primary key goes first, because its fingerprint is what people compare.
    fn signing_secret(
        &self,
        at: Option<SystemTime>,
    ) -> Result<Key<SecretParts, UnspecifiedRole>, OpenPgpError> {
        let usable = self
            .certificate
            .signing_keys(at.unwrap_or(self.certificate.newest()))
            .map_err(|error| OpenPgpError::CannotSign(Some(error)))?;
        let key = self
            .cert
            .keys()
            .find(|key| usable.contains(&key.key().fingerprint()))
            .ok_or(OpenPgpError::CannotSign(None))?;
        key.key()
            .clone()
            .parts_into_secret()
            .map_err(|_| OpenPgpError::Stub)
    }
}

/// Signs the bytes of `message` (class 0x00, RFC 9580, section 5.2.1.1) with SHA-512.
pub(super) fn detached(
    signer: &mut dyn Signer,
    message: &[u8],
    at: SystemTime,
    comment: Option<&str>,
) -> Result<Vec<u8>, Source> {
    let signature = SignatureBuilder::new(SignatureType::Binary)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(at)?
        .sign_message(signer, message)?;
    let checksum = signature.version() == 4;
    let binary = Packet::from(signature).to_vec()?;
    Ok(armor::encode(Kind::Signature, comment, checksum, &binary))
}

/// Locks the primary key, the only one there is.
fn lock(cert: Cert, passphrase: &Password) -> Result<Cert, Source> {
    let key = cert.primary_key().key().clone().parts_into_secret()?;
    let (public, secret) = key.take_secret();
    let secret = secret.encrypt_with(
        &public,
        strongest_s2k()?,
        SymmetricAlgorithm::AES256,
        None,
        passphrase,
    )?;
    let (locked, _) = public.add_secret(secret);
    Ok(cert.insert_packets(Packet::from(locked))?.0)
}

/// Whether a passphrase can open it at all: GnuPG's stubs are of a private S2K kind.
fn can_open(locked: &Encrypted) -> bool {
    !matches!(locked.s2k(), S2K::Private { .. } | S2K::Unknown { .. })
        && locked.ciphertext().is_ok_and(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use sequoia::cert::CertBuilder;
    use sequoia::types::KeyFlags;

    use super::super::testing::*;
    use super::super::{Signed, VerifyError};
    use super::*;

    #[test]
    fn a_locked_key_signs_with_its_passphrase_only() {
        let key = locked("right words");
        assert!(key.opens_with(&text("right words")));
        assert!(!key.opens_with(&text("wrong words")));
        let wrong = key.sign(&text("wrong words"), b"text", NOW, None);
        assert!(matches!(wrong, Err(SignError::WrongPassphrase)));
        let signature = key
            .sign(&text("right words"), b"text", NOW + 5, Some("REHEARSAL"))
            .unwrap();
        assert!(signature.starts_with(b"-----BEGIN PGP SIGNATURE-----\nComment: REHEARSAL\n\n"));
        let verdict = verify_detached(&signature, key.certificate(), b"text").unwrap();
        assert_eq!(
            verdict,
            Signed {
                at: NOW + 5,
                hash: "SHA512".to_string()
            }
        );
        let other = locked("right words");
        let verdict = verify_detached(&signature, other.certificate(), b"text");
        assert!(matches!(verdict, Err(VerifyError::OtherKey)));
        let early = key.sign(&text("right words"), b"text", NOW - 1, None);
        assert!(matches!(
            early,
            Err(SignError::Other(OpenPgpError::CannotSign(_)))
        ));
        assert!(matches!(
            key.certificate().can_sign(NOW - 1),
            Err(OpenPgpError::CannotSign(_))
        ));
        assert!(key.certificate().can_sign(NOW).is_ok());
    }

    #[test]
    fn a_locked_key_is_what_gnupg_can_import() {
        let key = locked("words");
        assert_eq!(
            (key.certificate().version(), key.certificate().algorithm()),
            (4, "Ed25519".into())
        );
        assert_eq!(key.certificate().key_fingerprints().len(), 1);
        assert_eq!(key.certificate().expires(), None);
        let SecretKeyMaterial::Encrypted(secret) =
            key.cert.primary_key().key().optional_secret().unwrap()
        else {
            panic!("the key is not locked");
        };
        assert_eq!(
            (secret.algo(), secret.aead_algo()),
            (SymmetricAlgorithm::AES256, None)
        );
        assert!(matches!(
            secret.s2k(),
            S2K::Iterated {
                hash_bytes: 65_011_712,
                ..
            }
        ));
        let read = LockedKey::from_bytes(key.bytes()).expect("it can be read");
        assert_eq!(read.bytes(), key.bytes());
        assert_eq!(read.certificate(), key.certificate());
    }

    #[test]
    fn keys_that_are_open_or_cannot_sign_are_refused() {
        let open = key(Profile::Modern).key.armored(None);
        assert!(matches!(
            LockedKey::from_bytes(open.expose()),
            Err(OpenPgpError::Unprotected)
        ));
        let none = LockedKey::generate("x", &text(""), NOW, None);
        assert!(matches!(none, Err(OpenPgpError::Unprotected)));
        let certificate = locked("words").certificate().armored(None);
        assert!(matches!(
            LockedKey::from_bytes(&certificate),
            Err(OpenPgpError::Armor(_))
        ));
        let silent = CertBuilder::new()
            .set_creation_time(system_time(NOW).unwrap())
            .set_primary_key_flags(KeyFlags::empty().set_certification())
            .add_userid("x")
            .generate()
            .unwrap()
            .0;
        let silent = lock(silent, &password(&text("words"))).unwrap();
        let silent = LockedKey::from_bytes(&silent.as_tsk().to_vec().unwrap());
        assert!(matches!(silent, Err(OpenPgpError::CannotSign(_))));
        let new = builder(Profile::V6, "x", NOW)
            .unwrap()
            .generate()
            .unwrap()
            .0;
        let new = lock(new, &password(&text("words"))).unwrap();
        let new = LockedKey::from_bytes(&new.as_tsk().to_vec().unwrap());
        assert!(matches!(new, Err(OpenPgpError::Version(6))));
        let stub = key(Profile::Modern).key;
        let stub = stub.cert().clone().strip_secret_key_material();
        let stub = stub.as_tsk().emit_secret_key_stubs(true).to_vec().unwrap();
        assert!(matches!(
            LockedKey::from_bytes(&stub),
            Err(OpenPgpError::Stub)
        ));
    }
}
