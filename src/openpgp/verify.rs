//! Checking a signature beside a file.

use sequoia::packet::{Packet, Signature};
use sequoia::policy::{HashAlgoSecurity, Policy};
use sequoia::types::{HashAlgorithm, SignatureType};
use sequoia_openpgp as sequoia;

use super::armor::{self, Kind};
use super::{Certificate, UnixTime, VerifyError, packets, policy, unix_time};

/// The largest signature file that is read, in bytes.
const MAX_SIGNATURE: usize = 64 << 10;

/// What a good signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// When it says it was made.
    pub at: UnixTime,
    /// The hash's name: `SHA256`, `SHA384` or `SHA512`.
    pub hash: String,
}

/// Checks that `signature` is one armored, detached signature over the bytes of `message`, made
/// by a key of `certificate` that could sign then.
///
/// Judged as of the signature's own time: a key that has expired since is good. A key that was
/// revoked, at whatever time and for whatever reason, is not, because whoever has a stolen key
/// can choose the time.
///
/// # Errors
///
/// See [`VerifyError`]. Anything but exactly one block with exactly one signature packet is
/// refused, as is a signature over text (class 0x01), which would also fit a changed file.
pub fn verify_detached(
    signature: &[u8],
    certificate: &Certificate,
    message: &[u8],
) -> Result<Signed, VerifyError> {
    let signature = parse(signature)?;
    let hash = match signature.hash_algo() {
        good @ (HashAlgorithm::SHA256 | HashAlgorithm::SHA384 | HashAlgorithm::SHA512) => good,
        weak => return Err(VerifyError::Hash(weak.to_string())),
    };
    if signature.typ() != SignatureType::Binary {
        return Err(VerifyError::Class);
    }
    if signature.signature_validity_period().is_some() {
        return Err(VerifyError::Time);
    }
    let at = signature
        .signature_creation_time()
        .ok_or(VerifyError::Time)?;
    // Also refuses what a signature marks as critical and the library does not know.
    policy()
        .signature(&signature, HashAlgoSecurity::CollisionResistance)
        .map_err(|error| VerifyError::Malformed(error.into()))?;
    by_key_of(&signature, certificate, message)?;
    Ok(Signed {
        at: unix_time(at),
        hash: hash.to_string(),
    })
}

fn parse(bytes: &[u8]) -> Result<Signature, VerifyError> {
    if bytes.len() > MAX_SIGNATURE {
        return Err(VerifyError::TooLarge(MAX_SIGNATURE));
    }
    let binary = armor::decode(Kind::Signature, bytes).map_err(VerifyError::Armor)?;
    let packets = packets(&binary).map_err(VerifyError::Malformed)?;
    match <[Packet; 1]>::try_from(packets) {
        Ok([Packet::Signature(signature)]) if matches!(signature.version(), 4 | 6) => Ok(signature),
        _ => Err(VerifyError::NotOne),
    }
}

fn by_key_of(
    signature: &Signature,
    certificate: &Certificate,
    message: &[u8],
) -> Result<(), VerifyError> {
    let at = signature
        .signature_creation_time()
        .ok_or(VerifyError::Time)?;
    let issuers = signature.get_issuers();
    let mut refused = VerifyError::OtherKey;
    for key in certificate.cert().keys() {
        let handle = sequoia::KeyHandle::from(key.key().fingerprint());
        if !issuers.iter().any(|issuer| issuer.aliases(&handle)) {
            continue;
        }
        if at < key.key().creation_time() {
            refused = VerifyError::NotValidThen(None);
            continue;
        }
        // The mathematics first: a claim of a key's name alone says nothing about that key.
        if let Err(error) = signature.verify_message(key.key(), message) {
            refused = VerifyError::Bad(Some(error.into()));
            continue;
        }
        // The library ignores these two bytes of the digest, GnuPG refuses a signature where they
        // are wrong, and the two must come to the same verdict.
        let digest = signature.computed_digest().unwrap_or_default();
        if !digest.starts_with(signature.digest_prefix()) {
            return Err(VerifyError::Bad(None));
        }
        if certificate.is_revoked() || key.self_revocations().next().is_some() {
            return Err(VerifyError::Revoked);
        }
        return match certificate.signing_keys(at) {
            Ok(usable) if usable.contains(&key.key().fingerprint()) => Ok(()),
            Ok(_) => Err(VerifyError::NotValidThen(None)),
            Err(error) => Err(VerifyError::NotValidThen(Some(error))),
        };
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sequoia::packet::signature::SignatureBuilder;
    use sequoia::serialize::MarshalInto;

    use super::super::testing::*;
    use super::super::{Profile, SecretKey, insert_comment, system_time};
    use super::*;
    use crate::secret::SecretBytes;

    /// Signs `text` with `key` as `change` wants it.
    fn signed(
        key: &SecretKey,
        class: SignatureType,
        change: impl FnOnce(SignatureBuilder) -> sequoia::Result<SignatureBuilder>,
    ) -> Vec<u8> {
        let primary = key.cert().primary_key().key().clone().parts_into_secret();
        let mut signer = primary
            .and_then(|key| key.into_keypair())
            .expect("a secret key");
        let signature = SignatureBuilder::new(class)
            .set_hash_algo(HashAlgorithm::SHA512)
            .set_signature_creation_time(system_time(NOW + 60).unwrap())
            .and_then(change)
            .and_then(|builder| builder.sign_message(&mut signer, b"text"))
            .expect("it can be signed");
        Packet::from(signature).to_vec().expect("it can be written")
    }

    fn armored(binary: &[u8]) -> Vec<u8> {
        armor::encode(Kind::Signature, None, true, binary)
    }

    fn dated(key: &SecretKey, at: UnixTime) -> Vec<u8> {
        let at = system_time(at).unwrap();
        armored(&signed(key, SignatureType::Binary, |b| {
            b.set_signature_creation_time(at)
        }))
    }

    #[test]
    fn a_good_signature_says_when_and_how() {
        let made = key(Profile::Modern).key;
        let good = dated(&made, NOW + 60);
        let signed = verify_detached(&good, &made.certificate(), b"text").expect("good");
        assert_eq!(
            signed,
            Signed {
                at: NOW + 60,
                hash: "SHA512".to_string()
            }
        );
        let commented = insert_comment(&SecretBytes::from_vec(good), "REHEARSAL");
        assert!(verify_detached(commented.expose(), &made.certificate(), b"text").is_ok());
    }

    #[test]
    fn another_text_key_class_or_hash_is_refused() {
        let (made, other) = (key(Profile::Modern).key, key(Profile::Modern).key);
        let certificate = made.certificate();
        let good = dated(&made, NOW + 60);
        let refused = |signature: &[u8], message: &[u8]| {
            verify_detached(signature, &certificate, message).expect_err("refused")
        };
        assert!(matches!(refused(&good, b"texT"), VerifyError::Bad(_)));
        assert!(matches!(
            refused(&dated(&other, NOW), b"text"),
            VerifyError::OtherKey
        ));
        let text = armored(&signed(&made, SignatureType::Text, Ok));
        assert!(matches!(refused(&text, b"text"), VerifyError::Class));
        for weak in [HashAlgorithm::SHA1, HashAlgorithm::SHA224] {
            let signature = signed(&made, SignatureType::Binary, |b| Ok(b.set_hash_algo(weak)));
            assert!(matches!(
                refused(&armored(&signature), b"text"),
                VerifyError::Hash(_)
            ));
        }
        let ends = signed(&made, SignatureType::Binary, |b| {
            b.set_signature_validity_period(Duration::from_secs(86_400 * 365))
        });
        assert!(matches!(
            refused(&armored(&ends), b"text"),
            VerifyError::Time
        ));
        let claimed = certificate.cert().fingerprint();
        let claim = signed(&other, SignatureType::Binary, |b| {
            b.set_issuer_fingerprint(claimed)
        });
        assert!(matches!(
            refused(&armored(&claim), b"text"),
            VerifyError::Bad(_)
        ));
    }

    #[test]
    fn anything_but_one_signature_is_refused() {
        let made = key(Profile::Modern).key;
        let certificate = made.certificate();
        let one = signed(&made, SignatureType::Binary, Ok);
        let refused = |bytes: &[u8]| verify_detached(bytes, &certificate, b"text").unwrap_err();
        let two = armored(&[one.clone(), one.clone()].concat());
        assert!(matches!(refused(&two), VerifyError::NotOne));
        let blocks = [armored(&one), armored(&one)].concat();
        assert!(matches!(refused(&blocks), VerifyError::Armor(_)));
        let junk = [b"junk\n".to_vec(), armored(&one)].concat();
        assert!(matches!(refused(&junk), VerifyError::Armor(_)));
        assert!(matches!(refused(&one), VerifyError::Armor(_)), "binary");
        let cert = armor::decode(Kind::PublicKey, &certificate.armored(None)).unwrap();
        assert!(matches!(refused(&armored(&cert)), VerifyError::NotOne));
        assert!(matches!(
            refused(&vec![b'-'; MAX_SIGNATURE + 1]),
            VerifyError::TooLarge(_)
        ));
    }

    #[test]
    fn no_changed_bit_of_a_signature_goes_unseen() {
        let made = key(Profile::Modern).key;
        let certificate = made.certificate();
        let good = signed(&made, SignatureType::Binary, Ok);
        let unseen: Vec<usize> = (0..good.len() * 8)
            .filter(|at| {
                let mut bad = good.clone();
                bad[at / 8] ^= 1 << (at % 8);
                verify_detached(&armored(&bad), &certificate, b"text").is_ok()
            })
            .collect();
        assert_eq!(unseen, [0; 0], "of {} bits", good.len() * 8);
    }

    #[test]
    fn the_key_must_have_been_valid_then_and_never_revoked() {
        let generated = key(Profile::Modern);
        let made = generated.key;
        let certificate = made.certificate();
        let verdict = |at| verify_detached(&dated(&made, at), &certificate, b"text");
        assert!(verdict(NOW + 86_399).is_ok(), "it has expired since");
        assert!(matches!(
            verdict(NOW + 86_401),
            Err(VerifyError::NotValidThen(Some(_)))
        ));
        assert!(matches!(
            verdict(NOW - 1),
            Err(VerifyError::NotValidThen(None))
        ));

        let revocation = armor::decode(Kind::PublicKey, generated.revocation.expose()).unwrap();
        let revocation = super::super::packets(&revocation).unwrap();
        let revoked = made.cert().clone().insert_packets(revocation).unwrap().0;
        let revoked = Certificate::from_cert(revoked).unwrap();
        assert!(revoked.is_revoked() && !certificate.is_revoked());
        let verdict = verify_detached(&dated(&made, NOW + 60), &revoked, b"text");
        assert!(matches!(verdict, Err(VerifyError::Revoked)));
    }
}
