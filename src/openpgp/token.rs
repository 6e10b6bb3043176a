//! Certificates whose secret keys are in a token: primary key ECDSA on P-256, one subkey ECDH on
//! P-256 (RFC 6637). The token is reached through functions that the caller gives, so that
//! nothing here knows of PINs and readers, and nothing there of OpenPGP.

mod revoke;

use std::error::Error;
use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime};

use sequoia::cert::Cert;
use sequoia::crypto::{self, SessionKey, Signer, mem::Protected, mpi};
use sequoia::packet::key::{Key4, PrimaryRole, PublicParts, SubordinateRole, UnspecifiedRole};
use sequoia::packet::signature::SignatureBuilder;
use sequoia::packet::{Key, PKESK, Packet, SKESK, UserID};
use sequoia::parse::Parse;
use sequoia::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia::serialize::MarshalInto;
use sequoia::types::{
    Curve, Features, HashAlgorithm, KeyFlags, PublicKeyAlgorithm, SignatureType, SymmetricAlgorithm,
};
use sequoia_openpgp as sequoia;
use zeroize::Zeroizing;

use super::armor::{self, Kind};
use super::error::Source;
use super::{Certificate, OpenPgpError, UnixTime, policy, system_time, verify_detached};
use crate::attestation::Point;
use crate::secret::SecretBytes;

/// An ECDSA signature: two numbers, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcdsaSignature {
    /// The first number.
    pub r: Vec<u8>,
    /// The second.
    pub s: Vec<u8>,
}

/// Has the token sign a SHA-256 digest.
pub type SignDigest<'a, E> = &'a mut dyn FnMut(&[u8; 32]) -> Result<EcdsaSignature, E>;

/// Has the token agree on a secret (ECDH) with the holder of this point.
pub type Agree<'a, E> = &'a mut dyn FnMut(&Point) -> Result<SecretBytes, E>;

/// Why a token's key was not used: the token's reason or the library's.
#[derive(Debug)]
pub enum TokenKeyError<E> {
    /// The token did not do it.
    Token(E),
    /// The key, the message or the library is not right.
    OpenPgp(OpenPgpError),
}

impl<E: fmt::Display> fmt::Display for TokenKeyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenKeyError::Token(error) => error.fmt(f),
            TokenKeyError::OpenPgp(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for TokenKeyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TokenKeyError::Token(error) => error.source(),
            TokenKeyError::OpenPgp(error) => error.source(),
        }
    }
}

impl<E> From<OpenPgpError> for TokenKeyError<E> {
    fn from(error: OpenPgpError) -> Self {
        TokenKeyError::OpenPgp(error)
    }
}

/// What a certificate is made from. The same three give the same fingerprint, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeys {
    /// The point in 9c.
    pub signing: Point,
    /// The point in 9d.
    pub decryption: Point,
    /// When both keys are said to have been made.
    pub created: UnixTime,
}

impl TokenKeys {
    /// The creation time of every operator's keys, 2020-01-01T00:00:00Z, whenever they were made:
    /// so the two slots alone give the fingerprint, also when the certificate's file is lost.
    pub const CREATED: UnixTime = 1_577_836_800;

    fn time(&self) -> Result<SystemTime, OpenPgpError> {
        system_time(self.created).ok_or(OpenPgpError::Time)
    }

    fn primary(&self) -> Result<Key<PublicParts, PrimaryRole>, OpenPgpError> {
        let numbers = mpi::PublicKey::ECDSA {
            curve: Curve::NistP256,
            q: mpi::MPI::new(&self.signing),
        };
        let key = Key4::new(self.time()?, PublicKeyAlgorithm::ECDSA, numbers);
        Ok(key.map_err(OpenPgpError::library)?.into())
    }

    /// KDF with SHA-256 and AES-128: what RFC 6637, section 12.2.1 gives for P-256.
    fn subkey(&self) -> Result<Key<PublicParts, SubordinateRole>, OpenPgpError> {
        let numbers = mpi::PublicKey::ECDH {
            curve: Curve::NistP256,
            q: mpi::MPI::new(&self.decryption),
            hash: HashAlgorithm::SHA256,
            sym: SymmetricAlgorithm::AES128,
        };
        let key = Key4::new(self.time()?, PublicKeyAlgorithm::ECDH, numbers);
        Ok(key.map_err(OpenPgpError::library)?.into())
    }
}

/// A certificate whose keys are in a token.
#[derive(Clone)]
pub struct TokenCertificate {
    certificate: Certificate,
    keys: TokenKeys,
}

impl TokenCertificate {
    /// Makes the certificate: two signatures of the token's, dated as the keys are, one for the
    /// user ID, one for the subkey.
    ///
    /// # Errors
    ///
    /// [`TokenKeyError::Token`] as `sign` gave it; [`OpenPgpError::UserId`], [`OpenPgpError::Time`];
    /// [`OpenPgpError::SelfTest`] if what the token made does not verify.
    pub fn make<E: fmt::Debug>(
        keys: TokenKeys,
        user_id: &str,
        sign: SignDigest<'_, E>,
    ) -> Result<TokenCertificate, TokenKeyError<E>> {
        TokenCertificate::make_for(keys, user_id, None, sign)
    }

    /// The same, to end `lifetime` seconds after the keys were made, or never.
    ///
    /// # Errors
    ///
    /// As [`TokenCertificate::make`]; [`OpenPgpError::Time`] if the lifetime is nought or ends
    /// after OpenPGP's 32 bits.
    pub fn make_for<E: fmt::Debug>(
        keys: TokenKeys,
        user_id: &str,
        lifetime: Option<u64>,
        sign: SignDigest<'_, E>,
    ) -> Result<TokenCertificate, TokenKeyError<E>> {
        super::generate::check_user_id(user_id)?;
        let ends = keys.created.checked_add(lifetime.unwrap_or(0));
        if lifetime == Some(0) || ends.and_then(system_time).is_none() {
            return Err(OpenPgpError::Time.into());
        }
        let (primary, subkey) = (keys.primary()?, keys.subkey()?);
        let user_id = UserID::from(user_id);
        let at = keys.time()?;
        let library = |error: Source| OpenPgpError::Library(error);
        let valid = lifetime.map(Duration::from_secs);
        let uses = KeyFlags::empty().set_certification().set_signing();
        let binding = self_signature(SignatureType::PositiveCertification, at, valid, uses)
            .map_err(library)?;
        let public = primary.clone().role_into_unspecified();
        let about_id = with_signer(&public, sign, |signer| {
            binding.sign_userid_binding(signer, &primary, &user_id)
        })?;
        let uses = KeyFlags::empty()
            .set_transport_encryption()
            .set_storage_encryption();
        let binding =
            self_signature(SignatureType::SubkeyBinding, at, valid, uses).map_err(library)?;
        let about_subkey = with_signer(&public, sign, |signer| {
            binding.sign_subkey_binding(signer, &primary, &subkey)
        })?;
        let packets = [
            Packet::from(primary),
            user_id.into(),
            about_id.into(),
            subkey.into(),
            about_subkey.into(),
        ];
        let cert = Cert::from_packets(packets.into_iter()).map_err(OpenPgpError::library)?;
        let made = Certificate::from_cert(cert)?;
        TokenCertificate::from_certificate(made)
            .and_then(|made| {
                if made.keys == keys {
                    Ok(made)
                } else {
                    Err(OpenPgpError::OtherKey)
                }
            })
            .map_err(|error| OpenPgpError::SelfTest(Some(error.into())).into())
    }

    /// Takes a certificate that was made by [`TokenCertificate::make`], now or long ago.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::OtherKey`] unless it has exactly such keys, made at one time;
    /// [`OpenPgpError::CannotSign`], [`OpenPgpError::CannotEncrypt`], [`OpenPgpError::Revoked`].
    pub fn from_certificate(certificate: Certificate) -> Result<TokenCertificate, OpenPgpError> {
        let keys = {
            let all: Vec<_> = certificate
                .cert()
                .keys()
                .map(|key| key.key().clone())
                .collect();
            let [primary, subkey] = &all[..] else {
                return Err(OpenPgpError::OtherKey);
            };
            let point = |q: &mpi::MPI| Point::try_from(q.value()).ok();
            let points = match (primary.mpis(), subkey.mpis()) {
                (mpi::PublicKey::ECDSA { q: signing, .. }, mpi::PublicKey::ECDH { q, .. }) => {
                    point(signing).zip(point(q))
                }
                _ => None,
            };
            let (signing, decryption) = points.ok_or(OpenPgpError::OtherKey)?;
            let keys = TokenKeys {
                signing,
                decryption,
                created: certificate.created(),
            };
            // The same numbers must give the same fingerprints: curve, KDF and time are right.
            let same = keys.primary()?.fingerprint() == primary.fingerprint()
                && keys.subkey()?.fingerprint() == subkey.fingerprint();
            same.then_some(keys).ok_or(OpenPgpError::OtherKey)?
        };
        let newest = super::unix_time(certificate.newest());
        certificate.can_sign(newest)?;
        // Whether it can be encrypted to is known by doing it.
        certificate.encrypt(b"", newest)?;
        Ok(TokenCertificate { certificate, keys })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What it was made from.
    pub fn keys(&self) -> &TokenKeys {
        &self.keys
    }

    /// A detached, armored signature over the bytes of `message` (class 0x00, SHA-256), dated
    /// `at`. It was verified before it is returned.
    ///
    /// # Errors
    ///
    /// [`TokenKeyError::Token`] as `sign` gave it; else as [`super::LockedKey::sign`].
    pub fn sign<E: fmt::Debug>(
        &self,
        message: &[u8],
        at: UnixTime,
        comment: Option<&str>,
        sign: SignDigest<'_, E>,
    ) -> Result<Vec<u8>, TokenKeyError<E>> {
        let time = system_time(at).ok_or(OpenPgpError::Time)?;
        self.certificate.can_sign(at)?;
        let public = self.keys.primary()?.role_into_unspecified();
        let builder = SignatureBuilder::new(SignatureType::Binary)
            .set_hash_algo(HashAlgorithm::SHA256)
            .set_signature_creation_time(time)
            .map_err(OpenPgpError::library)?;
        let signature = with_signer(&public, sign, |signer| {
            builder.sign_message(signer, message)
        })?;
        let binary = Packet::from(signature)
            .to_vec()
            .map_err(OpenPgpError::library)?;
        let armored = armor::encode(Kind::Signature, comment, true, &binary);
        verify_detached(&armored, &self.certificate, message)
            .map_err(|error| OpenPgpError::SelfTest(Some(error.into())))?;
        Ok(armored)
    }

    /// Whether an armored message names the subkey, which is known before anybody types a PIN.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::NotForThisKey`]; [`OpenPgpError::Armor`], [`OpenPgpError::Malformed`].
    pub fn is_for(&self, message: &[u8]) -> Result<(), OpenPgpError> {
        let binary = armor::decode(Kind::Message, message).map_err(OpenPgpError::Armor)?;
        let mine = sequoia::KeyHandle::from(self.keys.subkey()?.fingerprint());
        let named = |packet: &Packet| match packet {
            Packet::PKESK(one) => one.recipient().is_some_and(|it| it.aliases(&mine)),
            _ => false,
        };
        let packets = super::packets(&binary).map_err(OpenPgpError::Malformed)?;
        let found = packets.iter().any(named);
        found.then_some(()).ok_or(OpenPgpError::NotForThisKey)
    }

    /// Decrypts an armored message to the subkey, of at most `limit` bytes of plaintext.
    ///
    /// # Errors
    ///
    /// [`TokenKeyError::Token`] as `agree` gave it; [`OpenPgpError::Armor`],
    /// [`OpenPgpError::Malformed`] if the message is not for this key, or not whole;
    /// [`OpenPgpError::TooLarge`].
    pub fn decrypt<E: fmt::Debug>(
        &self,
        message: &[u8],
        limit: usize,
        at: UnixTime,
        agree: Agree<'_, E>,
    ) -> Result<SecretBytes, TokenKeyError<E>> {
        let binary = armor::decode(Kind::Message, message).map_err(OpenPgpError::Armor)?;
        let mut failed = None;
        let opener = Opener {
            key: self.keys.subkey()?.role_into_unspecified(),
            agree,
            failed: &mut failed,
        };
        let read = plaintext(&binary, limit, at, opener);
        match (failed, read) {
            (Some(error), _) => Err(TokenKeyError::Token(error)),
            (None, Ok(Some(plain))) => Ok(plain),
            (None, Ok(None)) => Err(OpenPgpError::TooLarge(limit).into()),
            (None, Err(error)) => Err(OpenPgpError::Malformed(error).into()),
        }
    }
}

fn self_signature(
    kind: SignatureType,
    at: SystemTime,
    valid: Option<Duration>,
    uses: KeyFlags,
) -> Result<SignatureBuilder, Source> {
    let builder = SignatureBuilder::new(kind)
        .set_hash_algo(HashAlgorithm::SHA256)
        .set_signature_creation_time(at)?
        .set_key_validity_period(valid)?
        .set_key_flags(uses)?;
    if kind == SignatureType::SubkeyBinding {
        return Ok(builder);
    }
    // What GnuPG 2.2 reads, so that peers send nothing else.
    Ok(builder
        .set_features(Features::empty().set_seipdv1())?
        .set_preferred_symmetric_algorithms(vec![SymmetricAlgorithm::AES256])?
        .set_preferred_hash_algorithms(vec![HashAlgorithm::SHA256, HashAlgorithm::SHA512])?)
}

/// Runs `make` with a signer over `sign`, and tells the token's failure from the library's.
fn with_signer<T, E: fmt::Debug>(
    public: &Key<PublicParts, UnspecifiedRole>,
    sign: SignDigest<'_, E>,
    make: impl FnOnce(&mut dyn Signer) -> sequoia::Result<T>,
) -> Result<T, TokenKeyError<E>> {
    let mut failed = None;
    let made = make(&mut OnToken {
        key: public,
        sign,
        failed: &mut failed,
    });
    match (failed, made) {
        (Some(error), _) => Err(TokenKeyError::Token(error)),
        (None, made) => made.map_err(|error| OpenPgpError::library(error).into()),
    }
}

struct OnToken<'a, 'b, E> {
    key: &'a Key<PublicParts, UnspecifiedRole>,
    sign: &'a mut (dyn FnMut(&[u8; 32]) -> Result<EcdsaSignature, E> + 'b),
    failed: &'a mut Option<E>,
}

impl<E> Signer for OnToken<'_, '_, E> {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        self.key
    }

    /// The slot takes 32 bytes.
    fn acceptable_hashes(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }

    fn sign(&mut self, _: HashAlgorithm, digest: &[u8]) -> sequoia::Result<mpi::Signature> {
        let signature = (self.sign)(digest.try_into()?).map_err(|error| {
            *self.failed = Some(error);
            sequoia::Error::InvalidOperation("the token did not sign".into())
        })?;
        Ok(mpi::Signature::ECDSA {
            r: mpi::MPI::new(&signature.r),
            s: mpi::MPI::new(&signature.s),
        })
    }
}

/// `None` if there is more than `limit` of it.
fn plaintext<E>(
    binary: &[u8],
    limit: usize,
    at: UnixTime,
    opener: Opener<'_, '_, E>,
) -> Result<Option<SecretBytes>, Source> {
    let policy = policy();
    let mut reader =
        DecryptorBuilder::from_bytes(binary)?.with_policy(&policy, system_time(at), opener)?;
    // Its full size at once: a buffer that grows leaves copies behind.
    let mut out = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    while length < out.len() {
        match reader.read(&mut out[length..])? {
            0 => break,
            more => length += more,
        }
    }
    if length > limit {
        return Ok(None);
    }
    Ok(Some(SecretBytes::build(length, |place| {
        place.copy_from_slice(&out[..length]);
        Ok::<(), Source>(())
    })?))
}

struct Opener<'a, 'b, E> {
    key: Key<PublicParts, UnspecifiedRole>,
    agree: &'a mut (dyn FnMut(&Point) -> Result<SecretBytes, E> + 'b),
    failed: &'a mut Option<E>,
}

impl<E> crypto::Decryptor for Opener<'_, '_, E> {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.key
    }

    fn decrypt(
        &mut self,
        ciphertext: &mpi::Ciphertext,
        length: Option<usize>,
    ) -> sequoia::Result<SessionKey> {
        let mpi::Ciphertext::ECDH { e, .. } = ciphertext else {
            return Err(sequoia::Error::InvalidOperation("not ECDH".into()).into());
        };
        let shared = (self.agree)(e.value().try_into()?).map_err(|error| {
            *self.failed = Some(error);
            sequoia::Error::InvalidOperation("the token did not decrypt".into())
        })?;
        let shared = Protected::from(shared.expose());
        crypto::ecdh::decrypt_unwrap(&self.key, &shared, ciphertext, length)
    }
}

impl<E> VerificationHelper for Opener<'_, '_, E> {
    fn get_certs(&mut self, _: &[sequoia::KeyHandle]) -> sequoia::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure) -> sequoia::Result<()> {
        Ok(())
    }
}

impl<E> DecryptionHelper for Opener<'_, '_, E> {
    fn decrypt(
        &mut self,
        recipients: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        open: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia::Result<Option<Cert>> {
        let mine = sequoia::KeyHandle::from(self.key.fingerprint());
        for recipient in recipients {
            // Each try is a touch, so only what names this key.
            let named = recipient.recipient();
            if !named.is_some_and(|named| named.aliases(&mine)) {
                continue;
            }
            let session = recipient.decrypt(self, algorithm);
            if self.failed.is_some() {
                break;
            }
            if session.is_some_and(|(algorithm, session)| open(algorithm, &session)) {
                return Ok(None);
            }
        }
        Err(sequoia::Error::MissingSessionKey("no key fits".into()).into())
    }
}
