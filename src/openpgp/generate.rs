//! The ceremony's key: made, kept in RAM, written for the backup, read back, and tested.

use sequoia::cert::{Cert, CertBuilder, CipherSuite};
use sequoia::crypto::SessionKey;
use sequoia::packet::key::SecretKeyMaterial;
use sequoia::packet::{PKESK, Packet, SKESK, Signature};
use sequoia::parse::Parse;
use sequoia::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia::serialize::{Marshal, MarshalInto};
use sequoia::types::{Features, KeyFlags, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;
use std::io::Read;
use std::time::Duration;
use zeroize::Zeroizing;

use super::armor::{self, Kind};
use super::cert::one_cert;
use super::error::Source;
use super::sign::detached;
use super::{
    Certificate, MAX_KEY, OpenPgpError, Profile, UnixTime, policy, system_time, verify_detached,
};
use crate::secret::SecretBytes;

/// The longest user ID, in bytes.
const MAX_USER_ID: usize = 1000;

/// A certificate with its secret keys, not protected by a passphrase, in RAM only.
///
/// The library keeps each secret encrypted under a key of the process and zeroizes it on drop.
/// Residue: OpenSSL's generation of RSA primes leaves parts of them in freed heap memory.
pub struct SecretKey(Cert);

/// A new key and the means to revoke it.
pub struct Generated {
    /// The key.
    pub key: SecretKey,
    /// An armored revocation certificate. Whoever has it can make the key unusable, so it is
    /// kept as secret as the key. Version 4: the bare signature (RFC 9580, 10.1.3);
    /// version 6: with the primary key before it (10.1.2).
    pub revocation: SecretBytes,
}

impl SecretKey {
    /// Makes a key at `now`, which ends `lifetime` seconds later, or never.
    ///
    /// The primary key certifies and signs; one subkey encrypts, in transport and in storage.
    /// A certificate of version 4 advertises SEIPDv1 alone, so that peers send what GnuPG 2.2
    /// can read.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::UserId`] unless it has 1 to 1000 bytes and no control characters;
    /// [`OpenPgpError::Time`] if the lifetime is nought or ends after OpenPGP's 32 bits (GnuPG
    /// would see an end in the past).
    pub fn generate(
        profile: Profile,
        user_id: &str,
        lifetime: Option<u64>,
        now: UnixTime,
    ) -> Result<Generated, OpenPgpError> {
        let ends = now.checked_add(lifetime.unwrap_or(0)).and_then(system_time);
        if lifetime == Some(0) || ends.is_none() {
            return Err(OpenPgpError::Time);
        }
        let encrypts = KeyFlags::empty()
            .set_transport_encryption()
            .set_storage_encryption();
        let (cert, revocation) = builder(profile, user_id, now)?
            .set_validity_period(lifetime.map(Duration::from_secs))
            .add_subkey(encrypts, None, None)
            .generate()
            .map_err(OpenPgpError::library)?;
        let revocation = armored_revocation(&cert, revocation).map_err(OpenPgpError::Library)?;
        Ok(Generated {
            key: SecretKey(cert),
            revocation,
        })
    }

    /// Reads what [`SecretKey::armored`] wrote, or the same without armor; at most 1 MiB.
    ///
    /// Residue: the library parses into zeroized memory; its packet buffers over our
    /// zeroized copy are views, not copies.
    ///
    /// # Errors
    ///
    /// As [`Certificate::from_bytes`], and [`OpenPgpError::Protected`] or [`OpenPgpError::Stub`]
    /// if any secret is locked or missing.
    pub fn from_bytes(bytes: &SecretBytes) -> Result<SecretKey, OpenPgpError> {
        let cert = secret_cert(bytes.expose())?;
        for key in cert.keys() {
            match key.key().optional_secret() {
                Some(SecretKeyMaterial::Unencrypted(_)) => {}
                Some(SecretKeyMaterial::Encrypted(_)) => return Err(OpenPgpError::Protected),
                None => return Err(OpenPgpError::Stub),
            }
        }
        Certificate::from_cert(cert.clone())?;
        Ok(SecretKey(cert))
    }

    /// The public certificate.
    pub fn certificate(&self) -> Certificate {
        Certificate::from_cert(self.0.clone())
            .expect("checked by the same function when it was read, or made just so")
    }

    /// The armored secret key, unprotected: only ever to be encrypted.
    ///
    /// Residue: for the checksum the library writes the key's numbers into a buffer of its own
    /// (a plain `Vec`) once per key of version 4.
    pub fn armored(&self, comment: Option<&str>) -> SecretBytes {
        let key = self.0.as_tsk();
        let mut binary = Zeroizing::new(vec![0; key.serialized_len()]);
        let size = key
            .serialize_into(&mut binary)
            .expect("the buffer has the library's size");
        let checksum = self.0.primary_key().key().version() == 4;
        SecretBytes::from_vec(armor::encode(
            Kind::PrivateKey,
            comment,
            checksum,
            &binary[..size],
        ))
    }

    /// Signs `nonce` and verifies that with the public certificate; encrypts `nonce` to the
    /// certificate and decrypts it: the key is whole and its halves belong together.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::SelfTest`], or the reason why the certificate can't be used at `now`.
    pub fn proves_itself(&self, nonce: &[u8], now: UnixTime) -> Result<(), OpenPgpError> {
        let failed = |error: Source| OpenPgpError::SelfTest(Some(error));
        let certificate = self.certificate();
        let at = system_time(now).ok_or(OpenPgpError::Time)?;
        let primary = self.0.primary_key().key().clone().parts_into_secret();
        let mut signer = primary
            .and_then(|key| key.into_keypair())
            .map_err(|error| OpenPgpError::SelfTest(Some(error.into())))?;
        let signature = detached(&mut signer, nonce, at, None).map_err(failed)?;
        verify_detached(&signature, &certificate, nonce).map_err(|error| failed(error.into()))?;
        let message = certificate.encrypt(nonce, now)?;
        let restored = self.decrypt(&message, nonce.len(), now).map_err(failed)?;
        if restored.as_slice() == nonce {
            Ok(())
        } else {
            Err(OpenPgpError::SelfTest(None))
        }
    }

    /// The library's certificate, with its secret keys.
    pub(super) fn cert(&self) -> &Cert {
        &self.0
    }

    /// Decrypts an armored message of at most `limit` bytes of plaintext.
    fn decrypt(
        &self,
        message: &[u8],
        limit: usize,
        now: UnixTime,
    ) -> Result<Zeroizing<Vec<u8>>, Source> {
        let binary = armor::decode(Kind::Message, message)?;
        let policy = policy();
        let mut plaintext = DecryptorBuilder::from_bytes(&binary)?.with_policy(
            &policy,
            system_time(now),
            Opener(&self.0),
        )?;
        let mut out = Zeroizing::new(vec![0; limit]);
        plaintext.read_exact(&mut out)?;
        if plaintext.read(&mut [0])? != 0 {
            return Err(OpenPgpError::SelfTest(None).into());
        }
        Ok(out)
    }
}

/// Hands the library the secret key that a message names.
struct Opener<'a>(&'a Cert);

impl VerificationHelper for Opener<'_> {
    fn get_certs(&mut self, _: &[sequoia::KeyHandle]) -> sequoia::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure) -> sequoia::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Opener<'_> {
    fn decrypt(
        &mut self,
        recipients: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        open: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia::Result<Option<Cert>> {
        for key in self.0.keys().subkeys().unencrypted_secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for recipient in recipients {
                let session = recipient.decrypt(&mut pair, algorithm);
                if session.is_some_and(|(algorithm, session)| open(algorithm, &session)) {
                    return Ok(None);
                }
            }
        }
        Err(sequoia::Error::MissingSessionKey("no key fits".into()).into())
    }
}

/// The beginnings of a certificate whose primary key certifies and signs.
pub(super) fn builder<'a>(
    profile: Profile,
    user_id: &str,
    now: UnixTime,
) -> Result<CertBuilder<'a>, OpenPgpError> {
    check_user_id(user_id)?;
    let now = system_time(now).ok_or(OpenPgpError::Time)?;
    let old = Features::empty().set_seipdv1();
    let (suite, version, features) = match profile {
        Profile::Rsa4096 => (CipherSuite::RSA4k, sequoia::Profile::RFC4880, old),
        Profile::Modern => (CipherSuite::Cv25519, sequoia::Profile::RFC4880, old),
        Profile::V6 => (
            CipherSuite::Cv25519,
            sequoia::Profile::RFC9580,
            old.set_seipdv2(),
        ),
    };
    // The builder itself prefers AES-256, then AES-128, and SHA-512, then SHA-256.
    CertBuilder::new()
        .set_profile(version)
        .and_then(|builder| builder.set_features(features))
        .map(|builder| {
            builder
                .set_cipher_suite(suite)
                .set_creation_time(now)
                .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
                .add_userid(user_id)
        })
        .map_err(OpenPgpError::library)
}

/// 1 to 1000 bytes and no control characters.
pub(super) fn check_user_id(user_id: &str) -> Result<(), OpenPgpError> {
    let usable = 1..=MAX_USER_ID;
    if !usable.contains(&user_id.len()) || user_id.chars().any(char::is_control) {
        return Err(OpenPgpError::UserId);
    }
    Ok(())
}

/// The one certificate with secret keys in `bytes`, armored or binary.
pub(super) fn secret_cert(bytes: &[u8]) -> Result<Cert, OpenPgpError> {
    if bytes.len() > MAX_KEY {
        return Err(OpenPgpError::TooLarge(MAX_KEY));
    }
    if armor::is_armored(bytes) {
        let binary = armor::decode(Kind::PrivateKey, bytes).map_err(OpenPgpError::Armor)?;
        one_cert(&binary, true)
    } else {
        one_cert(bytes, true)
    }
}

fn armored_revocation(cert: &Cert, revocation: Signature) -> Result<SecretBytes, Source> {
    let old = cert.primary_key().key().version() == 4;
    let mut binary = Zeroizing::new(Vec::with_capacity(4096));
    if !old {
        let primary = cert.primary_key().key().clone();
        Packet::PublicKey(primary).serialize(&mut *binary)?;
    }
    Packet::from(revocation).serialize(&mut *binary)?;
    Ok(SecretBytes::from_vec(armor::encode(
        Kind::PublicKey,
        None,
        old,
        &binary,
    )))
}

#[cfg(test)]
mod tests {
    use sequoia::cert::Preferences;

    use super::super::testing::*;
    use super::*;

    const PROFILES: [Profile; 3] = [Profile::Rsa4096, Profile::Modern, Profile::V6];

    #[test]
    fn every_profile_makes_the_promised_key() {
        for (profile, version, algorithm) in [
            (Profile::Rsa4096, 4, "RSA 4096"),
            (Profile::Modern, 4, "Ed25519"),
            (Profile::V6, 6, "Ed25519"),
        ] {
            let made = key(profile).key;
            let certificate = made.certificate();
            assert_eq!(
                (certificate.version(), certificate.algorithm()),
                (version, algorithm.into())
            );
            assert_eq!(certificate.user_ids(), ["Test <test@example.org>"]);
            assert_eq!(
                (certificate.created(), certificate.expires()),
                (NOW, Some(NOW + 86_400))
            );
            assert_eq!(certificate.key_fingerprints().len(), 2);
            assert_eq!(certificate.key_fingerprints()[0], certificate.fingerprint());

            let policy = policy();
            let valid = made.cert().with_policy(&policy, system_time(NOW)).unwrap();
            let primary = valid.primary_key().key_flags().unwrap();
            assert_eq!(primary, KeyFlags::empty().set_certification().set_signing());
            let subkey = valid.keys().subkeys().next().unwrap().key_flags().unwrap();
            let both = KeyFlags::empty()
                .set_transport_encryption()
                .set_storage_encryption();
            assert_eq!(subkey, both);
            let features = valid.primary_userid().unwrap().features().unwrap();
            assert!(features.supports_seipdv1());
            assert_eq!(features.supports_seipdv2(), version == 6);
            let ciphers = valid
                .primary_userid()
                .unwrap()
                .preferred_symmetric_algorithms()
                .unwrap();
            assert_eq!(ciphers[0], SymmetricAlgorithm::AES256);
        }
    }

    #[test]
    fn a_key_proves_itself_and_comes_back_from_its_bytes() {
        for profile in PROFILES {
            let made = key(profile).key;
            assert!(made.proves_itself(b"nonce", NOW + 60).is_ok());
            let written = made.armored(Some("REHEARSAL"));
            let read = SecretKey::from_bytes(&written).expect("it can be read");
            assert!(read.proves_itself(b"nonce", NOW + 60).is_ok());
            assert_eq!(read.armored(Some("REHEARSAL")).expose(), written.expose());
            assert_eq!(
                read.certificate().armored(None),
                made.certificate().armored(None)
            );
        }
    }

    #[test]
    fn a_key_whose_halves_do_not_belong_together_does_not_prove_itself() {
        let (one, two) = (key(Profile::Modern).key, key(Profile::Modern).key);
        let theirs = two
            .cert()
            .primary_key()
            .key()
            .optional_secret()
            .unwrap()
            .clone();
        let public = one.cert().primary_key().key().clone().take_secret().0;
        let mixed = one
            .cert()
            .clone()
            .insert_packets(Packet::from(public.add_secret(theirs).0));
        let mixed = SecretKey(mixed.unwrap().0);
        assert!(matches!(
            mixed.proves_itself(b"nonce", NOW),
            Err(OpenPgpError::SelfTest(_))
        ));
        let late = one.proves_itself(b"nonce", NOW + 90_000);
        assert!(late.is_err(), "it has expired");
    }

    #[test]
    fn locked_and_public_keys_are_no_secret_keys() {
        let made = key(Profile::Modern).key;
        let public = SecretBytes::from_vec(made.certificate().armored(None));
        assert!(matches!(
            SecretKey::from_bytes(&public),
            Err(OpenPgpError::Armor(_))
        ));
        let locked = SecretBytes::from_vec(locked("word").bytes().to_vec());
        assert!(matches!(
            SecretKey::from_bytes(&locked),
            Err(OpenPgpError::Protected)
        ));
        // The subkey's secret is missing.
        let half = made
            .cert()
            .as_tsk()
            .set_filter(|key| key.fingerprint() == made.cert().fingerprint());
        let half = SecretBytes::from_vec(half.to_vec().unwrap());
        assert!(matches!(
            SecretKey::from_bytes(&half),
            Err(OpenPgpError::Stub)
        ));
    }

    #[test]
    fn unusable_names_and_times_are_refused() {
        let make =
            |id: &str, lifetime, now| SecretKey::generate(Profile::Modern, id, lifetime, now).err();
        for id in ["", "two\nlines", &"x".repeat(1001)] {
            assert!(
                matches!(make(id, None, NOW), Some(OpenPgpError::UserId)),
                "{id:?}"
            );
        }
        assert!(make("Käthe <käthe@example.org>", None, NOW).is_none());
        for (lifetime, now) in [
            (Some(0), NOW),
            (None, 1 << 32),
            (Some(1 << 32), NOW),
            (Some(u64::MAX), NOW),
        ] {
            assert!(
                matches!(make("x", lifetime, now), Some(OpenPgpError::Time)),
                "{lifetime:?}"
            );
        }
    }
}
