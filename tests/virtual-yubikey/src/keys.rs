//! Asymmetric keys: what a slot holds, and what it can do.

use p256::elliptic_curve::Generate;
use p256::elliptic_curve::rand_core::UnwrapErr;
use p256::pkcs8::EncodePublicKey;
use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serde::{Deserialize, Serialize};

use crate::apdu::{Outcome, Status};
use crate::secrets::random;
use crate::tlv::{encode, find};
use crate::token::Version;

/// Algorithm identifiers: SP 800-78-4, table 6-2; Yubico's from firmware 5.7 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Algorithm {
    Rsa1024 = 0x06,
    Rsa2048 = 0x07,
    Rsa3072 = 0x05,
    Rsa4096 = 0x16,
    P256 = 0x11,
    P384 = 0x14,
    Ed25519 = 0xe0,
    X25519 = 0xe1,
}

impl Algorithm {
    /// The algorithm of this identifier, if this firmware knows it.
    pub fn known(id: u8, version: Version) -> Option<Self> {
        use Algorithm::*;
        let all = [
            Rsa1024, Rsa2048, Rsa3072, Rsa4096, P256, P384, Ed25519, X25519,
        ];
        let new = matches!(id, 0x05 | 0x16 | 0xe0 | 0xe1);
        all.into_iter()
            .find(|known| *known as u8 == id && (version >= Version(5, 7, 0) || !new))
    }

    /// Bits of an RSA modulus; of the other kinds nobody asks.
    fn bits(self) -> usize {
        match self {
            Self::Rsa1024 => 1024,
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
            _ => 0,
        }
    }
}

/// Where a key comes from, as GET METADATA says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Origin {
    Generated = 1,
    Imported = 2,
}

/// Yubico's extension AA: when the PIN is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum PinPolicy {
    Never = 1,
    Once = 2,
    Always = 3,
}

/// Yubico's extension AB: when a touch is needed. "Cached" means one in the last 15 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum TouchPolicy {
    Never = 1,
    Always = 2,
    Cached = 3,
}

/// The key in a slot.
#[derive(Serialize, Deserialize)]
pub struct Key {
    pub pin: PinPolicy,
    pub touch: TouchPolicy,
    pub origin: Origin,
    pub private: PrivateKey,
}

impl Key {
    /// The policies come beside the key's data; 0, or none, is the slot's default.
    pub fn new(
        slot: u8,
        private: PrivateKey,
        origin: Origin,
        fields: &[(u32, &[u8])],
    ) -> Result<Self, Status> {
        let policy = |tag| match find(fields, tag) {
            None => Ok(0),
            Some([policy]) => Ok(*policy),
            Some(_) => Err(Status::WRONG_DATA),
        };
        let pin = match (policy(0xaa)?, slot) {
            (0, 0x9c) | (3, _) => PinPolicy::Always,
            (0, 0x9e) | (1, _) => PinPolicy::Never,
            (0 | 2, _) => PinPolicy::Once,
            _ => return Err(Status::WRONG_DATA),
        };
        let touch = match policy(0xab)? {
            0 | 1 => TouchPolicy::Never,
            2 => TouchPolicy::Always,
            3 => TouchPolicy::Cached,
            _ => return Err(Status::WRONG_DATA),
        };
        Ok(Self {
            pin,
            touch,
            origin,
            private,
        })
    }
}

/// A private key as its numbers: the scalar or seed of a curve; both primes of RSA.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "SavedKey")]
pub struct PrivateKey {
    pub algorithm: Algorithm,
    #[serde(with = "hex")]
    secret: Vec<u8>,
}

/// A key in a file, where anybody may have changed it.
#[derive(Deserialize)]
struct SavedKey {
    algorithm: Algorithm,
    #[serde(with = "hex")]
    secret: Vec<u8>,
}

impl TryFrom<SavedKey> for PrivateKey {
    type Error = &'static str;

    fn try_from(SavedKey { algorithm, secret }: SavedKey) -> Result<Self, Self::Error> {
        Self::checked(algorithm, secret).ok_or("these are not the numbers of a key")
    }
}

impl PrivateKey {
    pub fn generate(algorithm: Algorithm) -> Self {
        let secret = match algorithm {
            Algorithm::P256 => p256::SecretKey::generate().to_bytes().to_vec(),
            Algorithm::P384 => p384::SecretKey::generate().to_bytes().to_vec(),
            Algorithm::Ed25519 | Algorithm::X25519 => random(32),
            _ => {
                let mut rng = UnwrapErr(getrandom::SysRng);
                let key = rsa::RsaPrivateKey::new(&mut rng, algorithm.bits())
                    .expect("the sizes are all ones that can be generated");
                key.primes()
                    .iter()
                    .flat_map(|prime| fixed(prime, algorithm.bits() / 16))
                    .collect()
            }
        };
        Self { algorithm, secret }
    }

    /// IMPORT ASYMMETRIC KEY: the tags are Yubico's. Of an RSA key the primes are enough.
    pub fn import(algorithm: Algorithm, fields: &[(u32, &[u8])]) -> Result<Self, Status> {
        let tags = match algorithm {
            Algorithm::P256 | Algorithm::P384 => &[0x06][..],
            Algorithm::Ed25519 => &[0x07],
            Algorithm::X25519 => &[0x08],
            _ => &[0x01, 0x02],
        };
        let numbers: Option<Vec<&[u8]>> = tags.iter().map(|tag| find(fields, *tag)).collect();
        let secret = numbers.ok_or(Status::WRONG_DATA)?.concat();
        Self::checked(algorithm, secret).ok_or(Status::WRONG_DATA)
    }

    fn checked(algorithm: Algorithm, secret: Vec<u8>) -> Option<Self> {
        let length = match algorithm {
            Algorithm::P256 | Algorithm::Ed25519 | Algorithm::X25519 => 32,
            Algorithm::P384 => 48,
            rsa => rsa.bits() / 8,
        };
        if secret.len() != length {
            return None;
        }
        let key = Self { algorithm, secret };
        let usable = match algorithm {
            Algorithm::P256 => p256::SecretKey::from_slice(&key.secret).is_ok(),
            Algorithm::P384 => p384::SecretKey::from_slice(&key.secret).is_ok(),
            Algorithm::Ed25519 | Algorithm::X25519 => true,
            rsa => key
                .try_rsa()
                .is_some_and(|key| key.n().bits() as usize == rsa.bits()),
        };
        usable.then_some(key)
    }

    /// The public key as GENERATE and GET METADATA give it: SP 800-73-4 part 2, table 11.
    pub fn public(&self) -> Vec<u8> {
        match self.algorithm {
            Algorithm::P256 => encode(0x86, &self.p256().public_key().to_sec1_bytes()),
            Algorithm::P384 => encode(0x86, &self.p384().public_key().to_sec1_bytes()),
            Algorithm::Ed25519 => encode(0x86, self.ed25519().verifying_key().as_bytes()),
            Algorithm::X25519 => encode(
                0x86,
                x25519_dalek::PublicKey::from(&self.x25519()).as_bytes(),
            ),
            _ => {
                let key = self.rsa();
                [(0x81, key.n().as_ref()), (0x82, key.e())]
                    .map(|(tag, number)| encode(tag, &number.to_be_bytes_trimmed_vartime()))
                    .concat()
            }
        }
    }

    /// The public key as certificates have it: SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7;
    /// RFC 8410 for the two of Curve25519.
    pub fn subject_public_key_info(&self) -> Vec<u8> {
        let of_curve25519 = |oid: u8, key: &[u8; 32]| {
            let algorithm = encode(0x30, &encode(0x06, &[0x2b, 0x65, oid]));
            encode(
                0x30,
                &[algorithm, encode(0x03, &[&[0], &key[..]].concat())].concat(),
            )
        };
        let der = match self.algorithm {
            Algorithm::Ed25519 => {
                return of_curve25519(0x70, self.ed25519().verifying_key().as_bytes());
            }
            Algorithm::X25519 => {
                return of_curve25519(
                    0x6e,
                    x25519_dalek::PublicKey::from(&self.x25519()).as_bytes(),
                );
            }
            Algorithm::P256 => self.p256().public_key().to_public_key_der(),
            Algorithm::P384 => self.p384().public_key().to_public_key_der(),
            _ => self.rsa().to_public_key().to_public_key_der(),
        };
        der.expect("a key that is in a slot can be encoded")
            .into_vec()
    }

    /// What tag 81 of GENERAL AUTHENTICATE asks for: ECDSA over a hash, Ed25519 over a message;
    /// of RSA the bare operation, for the host pads and a signature is the same as a decryption.
    pub fn sign(&self, input: &[u8]) -> Outcome {
        use p256::ecdsa::signature::hazmat::PrehashSigner;
        match self.algorithm {
            Algorithm::P256 => {
                let hash = pad::<32>(input)?;
                let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(self.p256())
                    .sign_prehash(&hash)
                    .map_err(|_| Status::WRONG_DATA)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Algorithm::P384 => {
                let hash = pad::<48>(input)?;
                let signature: p384::ecdsa::Signature = p384::ecdsa::SigningKey::from(self.p384())
                    .sign_prehash(&hash)
                    .map_err(|_| Status::WRONG_DATA)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Algorithm::Ed25519 => {
                use ed25519_dalek::Signer;
                Ok(self.ed25519().sign(input).to_bytes().to_vec())
            }
            Algorithm::X25519 => Err(Status::WRONG_DATA),
            _ => {
                let key = self.rsa();
                if input.len() != key.size() {
                    return Err(Status::WRONG_DATA);
                }
                let input = BoxedUint::from_be_slice(input, key.n_bits_precision())
                    .map_err(|_| Status::WRONG_DATA)?;
                let output =
                    rsa::hazmat::rsa_decrypt_and_check::<getrandom::SysRng>(&key, None, &input)
                        .map_err(|_| Status::WRONG_DATA)?;
                Ok(fixed(&output, key.size()))
            }
        }
    }

    /// What tag 85 asks for: the shared secret with another party's public key.
    pub fn agree(&self, point: &[u8]) -> Outcome {
        match self.algorithm {
            Algorithm::P256 => {
                let other =
                    p256::PublicKey::from_sec1_bytes(point).map_err(|_| Status::WRONG_DATA)?;
                let own = self.p256().to_nonzero_scalar();
                let shared = p256::ecdh::diffie_hellman(own, other.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
            Algorithm::P384 => {
                let other =
                    p384::PublicKey::from_sec1_bytes(point).map_err(|_| Status::WRONG_DATA)?;
                let own = self.p384().to_nonzero_scalar();
                let shared = p384::ecdh::diffie_hellman(own, other.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
            Algorithm::X25519 => {
                let other = <[u8; 32]>::try_from(point).map_err(|_| Status::WRONG_DATA)?;
                Ok(self
                    .x25519()
                    .diffie_hellman(&other.into())
                    .as_bytes()
                    .to_vec())
            }
            _ => Err(Status::WRONG_DATA),
        }
    }

    fn p256(&self) -> p256::SecretKey {
        p256::SecretKey::from_slice(&self.secret).expect("checked when the key was made")
    }

    fn p384(&self) -> p384::SecretKey {
        p384::SecretKey::from_slice(&self.secret).expect("checked when the key was made")
    }

    fn ed25519(&self) -> ed25519_dalek::SigningKey {
        let seed = self.secret[..]
            .try_into()
            .expect("checked when the key was made");
        ed25519_dalek::SigningKey::from_bytes(&seed)
    }

    fn x25519(&self) -> x25519_dalek::StaticSecret {
        let scalar: [u8; 32] = self.secret[..]
            .try_into()
            .expect("checked when the key was made");
        scalar.into()
    }

    fn rsa(&self) -> rsa::RsaPrivateKey {
        self.try_rsa().expect("checked when the key was made")
    }

    fn try_rsa(&self) -> Option<rsa::RsaPrivateKey> {
        let (p, q) = self.secret.split_at(self.secret.len() / 2);
        let [p, q] = [p, q].map(BoxedUint::from_be_slice_vartime);
        rsa::RsaPrivateKey::from_p_q(p, q, BoxedUint::from(65537u64)).ok()
    }
}

/// A shorter hash counts as one with zeros before it.
fn pad<const LENGTH: usize>(hash: &[u8]) -> Result<[u8; LENGTH], Status> {
    let zeros = LENGTH.checked_sub(hash.len()).ok_or(Status::WRONG_DATA)?;
    let mut padded = [0; LENGTH];
    padded[zeros..].copy_from_slice(hash);
    Ok(padded)
}

/// A number in so many bytes.
fn fixed(number: &BoxedUint, length: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes_trimmed_vartime();
    let mut fixed = vec![0; length - bytes.len()];
    fixed.extend_from_slice(&bytes);
    fixed
}

/// Bytes in a saved token.
pub mod hex {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        HEXLOWER.encode(bytes).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}
