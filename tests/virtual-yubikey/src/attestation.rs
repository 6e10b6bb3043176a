//! Certificates that say "this key was made in this token, with these policies".
//!
//! The chain: an authority's own certificate, then one for each token (slot F9, object 5FFF01),
//! then one that the token makes anew for each ATTEST. Layout and extensions are from Yubico,
//! "PIV attestation" and "PIV Attestation OID Arc"; the rest is RFC 5280, written by hand because
//! a certificate is a good exercise in tag, length, value.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{Algorithm, Key, PrivateKey, hex};
use crate::secrets::random;
use crate::tlv::{decode, encode, nest};
use crate::token::Version;

const SEQUENCE: u32 = 0x30;
const SET: u32 = 0x31;
const INTEGER: u32 = 0x02;
const BIT_STRING: u32 = 0x03;
const OCTET_STRING: u32 = 0x04;
const OBJECT_IDENTIFIER: u32 = 0x06;
const UTF8_STRING: u32 = 0x0c;

/// Who vouches for tokens. Yubico's roots are RSA; newer tokens hang two authorities lower.
#[derive(Serialize, Deserialize)]
pub struct Authority {
    key: PrivateKey,
    #[serde(with = "hex")]
    certificate: Vec<u8>,
}

impl Authority {
    /// A root of its own, with a P-256, P-384 or RSA key.
    pub fn root(name: &str, algorithm: Algorithm) -> Self {
        let key = PrivateKey::generate(algorithm);
        let certificate = Issuer {
            key: &key,
            name: &common_name(name),
            validity: &decades(),
        }
        .sign(&common_name(name), &key, &authority_extension());
        Self { key, certificate }
    }

    /// An authority below this one.
    pub fn subordinate(&self, name: &str, algorithm: Algorithm) -> Self {
        let key = PrivateKey::generate(algorithm);
        let certificate = self.vouch_for(name, &key);
        Self { key, certificate }
    }

    /// X.509, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A token's own key has the algorithm of the authority that vouches for it.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    pub(crate) fn vouch_for(&self, name: &str, key: &PrivateKey) -> Vec<u8> {
        Issuer::of(&self.key, &self.certificate)
            .expect("an authority's own certificate can be read")
            .sign(&common_name(name), key, &authority_extension())
    }
}

/// ATTEST: a certificate for the key in `slot`, signed by the key in F9. `None` if what was put
/// into 5FFF01 is no certificate.
pub fn attest(
    slot: u8,
    key: &Key,
    (attesting, certificate): (&Key, &[u8]),
    (version, serial, form_factor): (Version, u32, u8),
) -> Option<Vec<u8>> {
    // 1.3.6.1.4.1.41482.3.N; 41482 is Yubico.
    let extension = |n: u8, value: &[u8]| {
        let oid = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, n];
        nest(
            SEQUENCE,
            &[encode(OBJECT_IDENTIFIER, &oid), encode(OCTET_STRING, value)],
        )
    };
    let extensions = [
        extension(3, &[version.0, version.1, version.2]),
        extension(7, &integer(&serial.to_be_bytes())),
        extension(8, &[key.pin as u8, key.touch as u8]),
        extension(9, &[form_factor]),
    ];
    let subject = common_name(&format!("YubiKey PIV Attestation {slot:x}"));
    let issuer = Issuer::of(&attesting.private, certificate)?;
    Some(issuer.sign(&subject, &key.private, &extensions.concat()))
}

/// Who signs a certificate: a key, and what the new certificate takes over from the old one.
struct Issuer<'a> {
    key: &'a PrivateKey,
    name: &'a [u8],
    validity: &'a [u8],
}

impl<'a> Issuer<'a> {
    /// A token takes the issuer's name and the dates from the certificate beside the key.
    fn of(key: &'a PrivateKey, certificate: &'a [u8]) -> Option<Self> {
        let [(SEQUENCE, certificate)] = decode(certificate)?[..] else {
            return None;
        };
        let [(SEQUENCE, signed), ..] = decode(certificate)?[..] else {
            return None;
        };
        // Version, serial number, algorithm, issuer; then the two that are wanted.
        let [_, _, _, _, (SEQUENCE, validity), (SEQUENCE, name), ..] = decode(signed)?[..] else {
            return None;
        };
        Some(Self {
            key,
            name,
            validity,
        })
    }

    /// RFC 5280, section 4.1.
    fn sign(&self, subject: &[u8], key: &PrivateKey, extensions: &[u8]) -> Vec<u8> {
        let signed = nest(
            SEQUENCE,
            &[
                encode(0xa0, &integer(&[2])), // version 3
                integer(&random(16)),
                self.algorithm(),
                encode(SEQUENCE, self.name),
                encode(SEQUENCE, self.validity),
                encode(SEQUENCE, subject),
                key.subject_public_key_info(),
                encode(0xa3, &encode(SEQUENCE, extensions)),
            ],
        );
        let signature = self.signature(&Sha256::digest(&signed));
        let signature = encode(BIT_STRING, &[vec![0], signature].concat());
        nest(SEQUENCE, &[signed, self.algorithm(), signature])
    }

    /// ecdsa-with-SHA256 (RFC 5758) or sha256WithRSAEncryption (RFC 4055): SHA-256 whatever the key.
    fn algorithm(&self) -> Vec<u8> {
        let ecdsa = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        match self.key.algorithm {
            Algorithm::P256 | Algorithm::P384 => {
                encode(SEQUENCE, &encode(OBJECT_IDENTIFIER, &ecdsa))
            }
            _ => nest(
                SEQUENCE,
                &[encode(OBJECT_IDENTIFIER, &rsa), encode(0x05, &[])],
            ),
        }
    }

    fn signature(&self, hash: &[u8]) -> Vec<u8> {
        let size = match self.key.algorithm {
            Algorithm::P256 | Algorithm::P384 => {
                return self
                    .key
                    .sign(hash)
                    .expect("a hash of 32 bytes fits both curves");
            }
            Algorithm::Rsa2048 => 256,
            other => panic!("{other:?} is no key that YubiKeys attest with"),
        };
        // EMSA-PKCS1-v1_5, RFC 8017 section 9.2: 00 01 FF..FF 00 DigestInfo.
        let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        let algorithm = nest(
            SEQUENCE,
            &[encode(OBJECT_IDENTIFIER, &sha256), encode(0x05, &[])],
        );
        let info = nest(SEQUENCE, &[algorithm, encode(OCTET_STRING, hash)]);
        let filling = vec![0xff; size - 3 - info.len()];
        let block = [vec![0, 1], filling, vec![0], info].concat();
        self.key
            .sign(&block)
            .expect("the block is as long as the modulus and smaller")
    }
}

/// The inside of a Name: one relative name, CN.
fn common_name(name: &str) -> Vec<u8> {
    let id = encode(OBJECT_IDENTIFIER, &[0x55, 0x04, 0x03]);
    nest(
        SET,
        &[nest(SEQUENCE, &[id, encode(UTF8_STRING, name.as_bytes())])],
    )
}

/// The inside of a Validity: the dates that Yubico's certificates have.
fn decades() -> Vec<u8> {
    [
        encode(0x17, b"160314000000Z"),
        encode(0x18, b"20520417000000Z"),
    ]
    .concat()
}

/// basicConstraints, critical: an authority (RFC 5280, section 4.2.1.9).
fn authority_extension() -> Vec<u8> {
    let id = encode(OBJECT_IDENTIFIER, &[0x55, 0x1d, 0x13]);
    let value = encode(OCTET_STRING, &encode(SEQUENCE, &encode(0x01, &[0xff])));
    nest(SEQUENCE, &[id, encode(0x01, &[0xff]), value])
}

/// A number that is not negative: no zeros before it but the one that keeps it positive.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros.min(bytes.len() - 1)..];
    let sign = if digits[0] < 0x80 { &[][..] } else { &[0] };
    encode(INTEGER, &[sign, digits].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X.690 section 8.3: as short as possible, and never negative.
    #[test]
    fn numbers_are_as_short_as_possible_and_positive() {
        for (number, expected) in [
            (0, &[0x02, 1, 0][..]),
            (0x7f, &[0x02, 1, 0x7f]),
            (0x80, &[0x02, 2, 0, 0x80]),
            (0x00ae_17fb, &[0x02, 4, 0, 0xae, 0x17, 0xfb]),
            (u32::MAX, &[0x02, 5, 0, 0xff, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(integer(&number.to_be_bytes()), expected);
        }
    }

    #[test]
    fn what_is_no_certificate_vouches_for_nothing() {
        let key = PrivateKey::generate(Algorithm::P256);
        let good = Authority::root("Root", Algorithm::P256).vouch_for("Token", &key);
        assert!(Issuer::of(&key, &good).is_some());
        for bad in [
            &[][..],
            &good[..good.len() - 1],
            &good[4..],
            b"0\x020\x00",
            b"0\x00",
        ] {
            assert!(Issuer::of(&key, bad).is_none(), "{bad:02x?}");
        }
    }
}
