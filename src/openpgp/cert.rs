//! Public certificates.

use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use sequoia::cert::Cert;
use sequoia::crypto::mpi;
use sequoia::packet::header::{BodyLength, CTB};
use sequoia::packet::{Packet, Tag};
use sequoia::parse::Parse;
use sequoia::serialize::stream::{Encryptor, Message, Recipient};
use sequoia::serialize::{Marshal, MarshalInto};
use sequoia::types::{Curve, Features, KeyFlags, PublicKeyAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;

use super::armor::{self, ArmorError, Kind};
use super::error::Source;
use super::{MAX_KEY, OpenPgpError, UnixTime, packets, policy, system_time, unix_time};
use crate::digest::Fingerprint;

/// Exactly one public certificate (a "transferable public key", RFC 9580, section 10.1).
///
/// It is parsed once; the library remembers which of its signatures it has checked.
#[derive(Clone)]
pub struct Certificate {
    cert: Cert,
    /// The time of its newest signature of its own: what it says of itself is read as of then.
    newest: SystemTime,
}

impl Certificate {
    /// Reads one certificate, armored or binary, of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// None or several certificates, secret keys, packets that are no part of a certificate,
    /// text around the armor, or no valid signature of its own.
    pub fn from_bytes(bytes: &[u8]) -> Result<Certificate, OpenPgpError> {
        if bytes.len() > MAX_KEY {
            return Err(OpenPgpError::TooLarge(MAX_KEY));
        }
        let binary = if !armor::is_armored(bytes) {
            bytes.to_vec()
        } else {
            if armor::decode(Kind::PrivateKey, bytes).is_ok() {
                return Err(OpenPgpError::HoldsSecretKey);
            }
            armor::decode(Kind::PublicKey, bytes)
                .map_err(OpenPgpError::Armor)?
                .to_vec()
        };
        Certificate::from_cert(one_cert(&binary, false)?)
    }

    /// The same, but armored only: a record holds no other files.
    ///
    /// # Errors
    ///
    /// As [`Certificate::from_bytes`]; [`OpenPgpError::Armor`] where there is no armor.
    pub fn from_armored(bytes: &[u8]) -> Result<Certificate, OpenPgpError> {
        if armor::is_armored(bytes) {
            Certificate::from_bytes(bytes)
        } else {
            Err(OpenPgpError::Armor(ArmorError::Begin))
        }
    }

    /// Takes over the library's certificate without any secret keys.
    pub(super) fn from_cert(cert: Cert) -> Result<Certificate, OpenPgpError> {
        let cert = cert.strip_secret_key_material();
        let newest = newest_self_signature(&cert);
        cert.with_policy(&policy(), newest)
            .map_err(|error| OpenPgpError::NoSelfSignature(error.into()))?;
        Ok(Certificate { cert, newest })
    }

    /// The armored certificate: the same bytes for the same certificate, always.
    pub fn armored(&self, comment: Option<&str>) -> Vec<u8> {
        let binary = self
            .cert
            .to_vec()
            .expect("a parsed certificate can be written");
        armor::encode(Kind::PublicKey, comment, self.version() == 4, &binary)
    }

    /// The primary key's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.cert.fingerprint())
    }

    /// The fingerprints of all keys, the primary key's first.
    pub fn key_fingerprints(&self) -> Vec<Fingerprint> {
        self.cert
            .keys()
            .map(|key| fingerprint(&key.key().fingerprint()))
            .collect()
    }

    /// The version of the primary key's packet: 4 or 6.
    pub fn version(&self) -> u8 {
        self.cert.primary_key().key().version()
    }

    /// The primary key's algorithm as people call it: `RSA 4096`, `Ed25519`, `NIST P-256`.
    pub fn algorithm(&self) -> String {
        let key = self.cert.primary_key().key();
        match (key.mpis(), key.pk_algo()) {
            (mpi::PublicKey::RSA { n, .. }, _) => format!("RSA {}", n.bits()),
            (mpi::PublicKey::EdDSA { curve, .. } | mpi::PublicKey::ECDSA { curve, .. }, _) => {
                match curve {
                    Curve::Ed25519 => "Ed25519".to_string(),
                    curve => curve.to_string(),
                }
            }
            (_, PublicKeyAlgorithm::Ed25519) => "Ed25519".to_string(),
            (_, other) => other.to_string(),
        }
    }

    /// The user IDs that the key itself signed and did not revoke. Bytes that are not UTF-8
    /// are shown as replacement characters.
    pub fn user_ids(&self) -> Vec<String> {
        let policy = policy();
        self.cert
            .userids()
            .with_policy(&policy, self.newest)
            .filter(|id| id.self_revocations().next().is_none())
            .map(|id| String::from_utf8_lossy(id.userid().value()).into_owned())
            .collect()
    }

    /// When the primary key was made.
    pub fn created(&self) -> UnixTime {
        unix_time(self.cert.primary_key().key().creation_time())
    }

    /// When the certificate expires by its newest signature of its own; `None` is never.
    pub fn expires(&self) -> Option<UnixTime> {
        let policy = policy();
        let valid = self.cert.with_policy(&policy, self.newest).ok()?;
        valid.primary_key().key_expiration_time().map(unix_time)
    }

    /// Whether any key here is also in `other`, under whatever fingerprint: a fingerprint covers
    /// the creation time, so the same key has another one when it is dated anew.
    pub fn shares_key_material(&self, other: &Certificate) -> bool {
        self.cert.keys().any(|mine| {
            let mine = material(mine.key().mpis());
            other
                .cert
                .keys()
                .any(|theirs| material(theirs.key().mpis()) == mine)
        })
    }

    /// Whether the certificate as a whole is revoked by its own key, for whatever reason and
    /// since whatever time.
    ///
    /// Revocations by other people's keys (RFC 9580, 5.2.3.23, deprecated) can't be checked
    /// without those keys and are not looked at.
    pub fn is_revoked(&self) -> bool {
        self.cert.primary_key().self_revocations().next().is_some()
    }

    /// Whether `revocation`, an armored revocation certificate, revokes this certificate.
    pub fn is_revoked_by(&self, revocation: &[u8]) -> bool {
        let packets = sequoia::PacketPile::from_bytes(revocation).map(|pile| pile.into_children());
        let signatures: Vec<Packet> = packets
            .into_iter()
            .flatten()
            .filter(|packet| matches!(packet, Packet::Signature(_)))
            .collect();
        match self.cert.clone().insert_packets(signatures) {
            Ok((cert, _)) => cert.primary_key().self_revocations().next().is_some(),
            Err(_) => false,
        }
    }

    /// This certificate with all that `other`, of the same key, has besides: later signatures,
    /// subkeys, revocations. Only what the key itself signed counts.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::OtherKey`] if it is not the same key.
    pub fn joined_with(&self, other: &Certificate) -> Result<Certificate, OpenPgpError> {
        if self.fingerprint() != other.fingerprint() {
            return Err(OpenPgpError::OtherKey);
        }
        let joined = self.cert.clone().merge_public(other.cert.clone());
        Certificate::from_cert(joined.map_err(OpenPgpError::library)?)
    }

    /// Whether a key of it can make signatures at `at`.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::Revoked`], or [`OpenPgpError::CannotSign`] if it has expired, is not yet
    /// valid, or has no key for signing.
    pub fn can_sign(&self, at: UnixTime) -> Result<(), OpenPgpError> {
        let at = system_time(at).ok_or(OpenPgpError::Time)?;
        if self.is_revoked() {
            return Err(OpenPgpError::Revoked);
        }
        match self.signing_keys(at) {
            Ok(keys) if !keys.is_empty() => Ok(()),
            Ok(_) => Err(OpenPgpError::CannotSign(None)),
            Err(error) => Err(OpenPgpError::CannotSign(Some(error))),
        }
    }

    /// The fingerprints of the keys that can sign at `at` and were never revoked.
    pub(super) fn signing_keys(&self, at: SystemTime) -> Result<Vec<sequoia::Fingerprint>, Source> {
        let policy = policy();
        let valid = self.cert.with_policy(&policy, at)?;
        valid.alive()?;
        let keys = valid.keys().alive().for_signing().supported();
        Ok(keys
            .filter(|key| key.self_revocations().next().is_none())
            .map(|key| key.key().fingerprint())
            .collect())
    }

    /// Encrypts to all encryption keys that are valid at `now`: armored, AES-256, not compressed.
    ///
    /// To a certificate of version 4 the message is SEIPDv1, whatever newer things the certificate
    /// advertises, so that GnuPG 2.2 can open it; to one of version 6 it is SEIPDv2.
    ///
    /// # Errors
    ///
    /// [`OpenPgpError::CannotEncrypt`] if no key fits.
    pub fn encrypt(&self, plaintext: &[u8], now: UnixTime) -> Result<Vec<u8>, OpenPgpError> {
        let at = system_time(now).ok_or(OpenPgpError::Time)?;
        if self.is_revoked() {
            return Err(OpenPgpError::Revoked);
        }
        let policy = policy();
        let cannot = |error: Source| OpenPgpError::CannotEncrypt(Some(error));
        let valid = self
            .cert
            .with_policy(&policy, at)
            .map_err(|error| cannot(error.into()))?;
        valid.alive().map_err(|error| cannot(error.into()))?;
        let uses = KeyFlags::empty()
            .set_transport_encryption()
            .set_storage_encryption();
        let keys: Vec<_> = valid
            .keys()
            .alive()
            .revoked(false)
            .supported()
            .key_flags(uses)
            .collect();
        if keys.is_empty() {
            return Err(OpenPgpError::CannotEncrypt(None));
        }
        let old = self.version() == 4;
        let recipients = keys.iter().map(|key| {
            if old {
                let features = Features::empty().set_seipdv1();
                Recipient::new(
                    features,
                    sequoia::KeyHandle::from(key.key().keyid()),
                    key.key(),
                )
            } else {
                let features = Features::empty().set_seipdv1().set_seipdv2();
                let handle = sequoia::KeyHandle::from(key.key().fingerprint());
                Recipient::new(features, handle, key.key())
            }
        });
        let mut binary = Vec::new();
        Encryptor::for_recipients(Message::new(&mut binary), recipients)
            .symmetric_algo(SymmetricAlgorithm::AES256)
            .build()
            .and_then(|message| write_literal(message, plaintext))
            .map_err(OpenPgpError::library)?;
        Ok(armor::encode(Kind::Message, None, old, &binary))
    }

    /// The library's certificate, without secret keys.
    pub(super) fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The time of its newest signature of its own.
    pub(super) fn newest(&self) -> SystemTime {
        self.newest
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.cert == other.cert
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

/// The one certificate in `binary`; `secret` says which of the two kinds of key it must hold.
pub(super) fn one_cert(binary: &[u8], secret: bool) -> Result<Cert, OpenPgpError> {
    let packets = packets(binary).map_err(OpenPgpError::Malformed)?;
    let mut primaries = 0;
    for (at, packet) in packets.iter().enumerate() {
        match packet {
            Packet::SecretKey(_) | Packet::SecretSubkey(_) if !secret => {
                return Err(OpenPgpError::HoldsSecretKey);
            }
            Packet::PublicKey(_) if secret => return Err(OpenPgpError::Stub),
            Packet::PublicKey(_) | Packet::SecretKey(_) => primaries += 1,
            _ if at == 0 => return Err(OpenPgpError::Empty),
            Packet::PublicSubkey(_)
            | Packet::SecretSubkey(_)
            | Packet::UserID(_)
            | Packet::UserAttribute(_)
            | Packet::Signature(_) => {}
            _ => return Err(OpenPgpError::StrayPacket),
        }
    }
    match primaries {
        0 => Err(OpenPgpError::Empty),
        1 => Cert::from_packets(packets.into_iter())
            .map_err(|error| OpenPgpError::Malformed(error.into())),
        _ => Err(OpenPgpError::Several),
    }
}

/// Writes the one literal packet of a message: binary, no name, no date (RFC 9580, section 5.9),
/// and closes the message.
///
/// By hand, because the library's writer copies the plaintext into a buffer that it
/// does not zeroize. Residue: the last block (under 16 bytes) in the cipher's buffer.
pub(super) fn write_literal(mut message: Message<'_>, plaintext: &[u8]) -> sequoia::Result<()> {
    const HEADER: [u8; 6] = [b'b', 0, 0, 0, 0, 0];
    let length = u32::try_from(HEADER.len() + plaintext.len())?;
    CTB::new(Tag::Literal).serialize(&mut message)?;
    BodyLength::Full(length).serialize(&mut message)?;
    message.write_all(&HEADER)?;
    message.write_all(plaintext)?;
    message.finalize()
}

fn newest_self_signature(cert: &Cert) -> SystemTime {
    let of_keys = cert.keys().flat_map(|key| key.self_signatures());
    let of_ids = cert.userids().flat_map(|id| id.self_signatures());
    of_keys
        .chain(of_ids)
        .filter_map(|signature| signature.signature_creation_time())
        .max()
        .unwrap_or_else(|| cert.primary_key().key().creation_time())
}

pub(super) fn fingerprint(of: &sequoia::Fingerprint) -> Fingerprint {
    Fingerprint::from_bytes(of.as_bytes()).expect("keys of versions 4 and 6 only were let in")
}

/// The bytes that make a public key the same key: the modulus or the point alone, so that the
/// old and new encodings of one Curve25519 key, or one P-256 point in two roles, compare equal.
fn material(key: &mpi::PublicKey) -> Vec<u8> {
    match key {
        mpi::PublicKey::RSA { n, .. } => n.value().to_vec(),
        mpi::PublicKey::DSA { y, .. } | mpi::PublicKey::ElGamal { y, .. } => y.value().to_vec(),
        mpi::PublicKey::EdDSA { q, .. }
        | mpi::PublicKey::ECDSA { q, .. }
        | mpi::PublicKey::ECDH { q, .. } => match q.value() {
            [0x40, point @ ..] => point.to_vec(),
            point => point.to_vec(),
        },
        mpi::PublicKey::X25519 { u } => u.to_vec(),
        mpi::PublicKey::Ed25519 { a } => a.to_vec(),
        other => other.to_vec().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Profile;
    use super::super::testing::*;
    use super::*;

    fn binary(certificate: &Certificate) -> Vec<u8> {
        certificate.cert.to_vec().expect("it can be written")
    }

    #[test]
    fn anything_but_one_public_certificate_is_refused() {
        let (one, two) = (key(Profile::Modern).key, key(Profile::Modern).key);
        let (a, b) = (one.certificate(), two.certificate());
        let refused = |bytes: &[u8]| Certificate::from_bytes(bytes).expect_err("refused");
        assert!(matches!(
            refused(b""),
            OpenPgpError::Empty | OpenPgpError::Armor(_)
        ));
        assert!(matches!(
            refused(one.armored(None).expose()),
            OpenPgpError::HoldsSecretKey
        ));
        let secret = one.cert().as_tsk().to_vec().unwrap();
        assert!(matches!(refused(&secret), OpenPgpError::HoldsSecretKey));
        assert!(matches!(
            refused(&[binary(&a), binary(&b)].concat()),
            OpenPgpError::Several
        ));
        assert!(matches!(
            refused(&[binary(&a), binary(&a)].concat()),
            OpenPgpError::Several
        ));
        let blocks = [a.armored(None), b.armored(None)].concat();
        assert!(matches!(refused(&blocks), OpenPgpError::Armor(_)));
        // A literal packet and a marker packet.
        for stray in [
            &[0xcb, 6, b'b', 0, 0, 0, 0, 0][..],
            &[0xca, 3, b'P', b'G', b'P'],
        ] {
            assert!(matches!(
                refused(&[&binary(&a)[..], stray].concat()),
                OpenPgpError::StrayPacket
            ));
        }
        let key_alone = sequoia::Packet::from(a.cert.primary_key().key().clone())
            .to_vec()
            .unwrap();
        assert!(matches!(
            refused(&key_alone),
            OpenPgpError::NoSelfSignature(_)
        ));
        assert!(matches!(
            refused(&vec![0x98; MAX_KEY + 1]),
            OpenPgpError::TooLarge(_)
        ));
        assert!(Certificate::from_bytes(&[&binary(&a)[..], b"\n"].concat()).is_err());
    }

    #[test]
    fn a_certificate_is_always_written_alike() {
        for profile in [Profile::Modern, Profile::V6] {
            let made = key(profile).key.certificate();
            let text = made.armored(None);
            let read = Certificate::from_bytes(&text).expect("it can be read");
            assert_eq!((&read, read.armored(None)), (&made, text));
            assert_eq!(
                Certificate::from_bytes(&binary(&made)).expect("binary"),
                made
            );
            let commented = made.armored(Some("REHEARSAL"));
            assert_eq!(
                Certificate::from_bytes(&commented).expect("commented"),
                made
            );
        }
    }

    #[test]
    fn the_same_key_with_another_date_is_found_out() {
        let (one, other) = (
            key(Profile::Modern).key,
            key(Profile::Modern).key.certificate(),
        );
        let mut primary = one.cert().primary_key().key().clone();
        primary
            .set_creation_time(system_time(NOW + 1).unwrap())
            .unwrap();
        let mut signer = primary
            .clone()
            .parts_into_secret()
            .unwrap()
            .into_keypair()
            .unwrap();
        let template = sequoia::packet::signature::SignatureBuilder::new(
            sequoia::types::SignatureType::DirectKey,
        );
        let signature = template
            .set_signature_creation_time(system_time(NOW + 1).unwrap())
            .and_then(|template| template.sign_direct_key(&mut signer, &primary))
            .unwrap();
        let dated = Cert::from_packets(
            [Packet::from(primary.take_secret().0), signature.into()].into_iter(),
        );
        let dated = Certificate::from_cert(dated.unwrap()).unwrap();
        let one = one.certificate();
        assert_ne!(one.fingerprint(), dated.fingerprint());
        assert!(one.shares_key_material(&dated) && dated.shares_key_material(&one));
        assert!(!one.shares_key_material(&other));
    }

    #[test]
    fn what_cannot_be_encrypted_to_says_so() {
        let refused = locked("words").certificate().encrypt(b"text", NOW);
        assert!(matches!(refused, Err(OpenPgpError::CannotEncrypt(None))));
        let late = key(Profile::Modern)
            .key
            .certificate()
            .encrypt(b"text", NOW + 90_000);
        assert!(matches!(late, Err(OpenPgpError::CannotEncrypt(Some(_)))));
    }

    #[test]
    fn messages_have_the_version_of_their_recipient() {
        for (profile, session, data) in [(Profile::Modern, 3, 1), (Profile::V6, 6, 2)] {
            let message = key(profile)
                .key
                .certificate()
                .encrypt(b"text", NOW)
                .unwrap();
            let binary = armor::decode(Kind::Message, &message).unwrap();
            let versions: Vec<_> = packets(&binary)
                .unwrap()
                .iter()
                .map(Packet::version)
                .collect();
            assert_eq!(versions, [Some(session), Some(data)]);
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Certificate::from_bytes(&bytes).is_err());
        }
    }
}
