//! Attestations: certificates by which a YubiKey says "this key was made in me, and is used only
//! with PIN and touch". Pure, offline, and the same in ten years.
//!
//! The chain: the slot's certificate, made by the token for the occasion; the token's own (slot
//! F9); authorities above it; a root. Dates are not looked at: Yubico's last to 2052 or 9999, and
//! the clock of the room proves nothing. Revocation can't be checked offline.
//!
//! Source for names and extensions: Yubico, "PIV attestation",
//! <https://developers.yubico.com/PIV/Introduction/PIV_attestation.html>; for the form, RFC 5280.

mod error;
mod evidence;
mod roots;

use std::fmt;

use x509_cert::Certificate;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::BasicConstraints;

pub use error::AttestationError;
pub use evidence::{Doubt, Evidence, Proven};
#[cfg(debug_assertions)]
pub use roots::test_only;

use crate::digest::Digest;
use crate::openpgp::{RawHash, RawKey, RawSignature, verify_raw};

/// A point on P-256, uncompressed (SEC 1, section 2.3.3): 04, x, y.
pub type Point = [u8; 65];

/// The two slots that an operator's keys live in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// 9c: signing.
    Signature,
    /// 9d: decryption.
    Decryption,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Slot::Signature => "9c",
            Slot::Decryption => "9d",
        })
    }
}

/// A token's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// Reads what it is written as: `5.7.1`, each number from 0 to 255, without leading zeros.
    pub fn parse(text: &str) -> Option<Firmware> {
        let mut numbers = text.split('.').map(|part| part.parse::<u8>().ok());
        let firmware = Firmware(numbers.next()??, numbers.next()??, numbers.next()??);
        (firmware.to_string() == text).then_some(firmware)
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What an attestation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The token's serial number.
    pub serial: u32,
    /// Its firmware.
    pub firmware: Firmware,
    /// Its shape, by Yubico's numbers.
    pub form_factor: u8,
    /// The PIN is asked for each time the key is used.
    pub pin_always: bool,
    /// So is a touch.
    pub touch_always: bool,
}

impl Attested {
    /// The form factor in words.
    pub fn form(&self) -> &'static str {
        // The top bits say FIPS and such.
        match self.form_factor & 0x0f {
            1 => "USB-A keychain",
            2 => "USB-A nano",
            3 => "USB-C keychain",
            4 => "USB-C nano",
            5 => "USB-C and Lightning",
            6 => "USB-A with fingerprint reader",
            7 => "USB-C with fingerprint reader",
            _ => "unknown form",
        }
    }
}

/// Whether what is attested can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// The chain ends at a root that is pinned here.
    Genuine {
        /// What it says.
        attested: Attested,
        /// The root's name.
        root: String,
    },
    /// The chain is whole, but nobody known stands above it: it may be a token in software.
    UnknownRoot {
        /// What it claims.
        claimed: Attested,
        /// The SHA-256 of the last certificate.
        last: Digest,
    },
}

/// Checks the chain (`chain[0]` is the slot's certificate, then the token's, then any above it)
/// for the key `public` in `slot`.
///
/// # Errors
///
/// [`AttestationError`]: it proves nothing at all.
pub fn verify(
    chain: &[Vec<u8>],
    slot: Slot,
    public: &Point,
) -> Result<Attestation, AttestationError> {
    /// The slot's, the token's, two authorities, a root, and one to spare.
    const LONGEST: usize = 6;
    if !(2..=LONGEST).contains(&chain.len()) {
        return Err(AttestationError::Length(chain.len()));
    }
    let mut links = Vec::new();
    for (at, der) in chain.iter().enumerate() {
        links.push(Link::read(der).ok_or(AttestationError::Malformed(at))?);
    }
    for (at, pair) in links.windows(2).enumerate() {
        if !pair[1].is_authority() {
            return Err(AttestationError::NotAnAuthority(at + 1));
        }
        if !pair[0].was_made_by(&pair[1]) {
            return Err(AttestationError::NotSigned(at));
        }
    }
    let leaf = &links[0];
    if leaf.subject() != format!("CN=YubiKey PIV Attestation {slot}") {
        return Err(AttestationError::OtherSlot);
    }
    if leaf.key() != Some(RawKeyOf::P256(public.to_vec())) {
        return Err(AttestationError::OtherKey);
    }
    let attested = leaf.attested()?;
    let last = links.pop().expect("there are at least two");
    Ok(match root_above(last) {
        Ok(root) => Attestation::Genuine { attested, root },
        Err(last) => Attestation::UnknownRoot {
            claimed: attested,
            last: Digest::of(&last),
        },
    })
}

/// The name of the pinned root above `last`, by way of authorities that are known here; else
/// `last` itself.
fn root_above(last: Link) -> Result<String, Vec<u8>> {
    let read =
        |all: Vec<Vec<u8>>| -> Vec<Link> { all.iter().filter_map(|der| Link::read(der)).collect() };
    let (roots, below) = (read(roots::roots()), read(roots::below()));
    let given = last.der.clone();
    let mut at = last;
    for _ in 0..=below.len() {
        if let Some(root) = roots
            .iter()
            .find(|root| at.der == root.der || at.was_made_by(root))
        {
            return Ok(root.subject());
        }
        match below.iter().find(|authority| at.was_made_by(authority)) {
            Some(authority) => at = authority.clone(),
            None => break,
        }
    }
    Err(given)
}

/// One certificate.
#[derive(Clone)]
struct Link {
    der: Vec<u8>,
    certificate: Certificate,
    /// The signed part.
    signed: Vec<u8>,
}

/// As [`RawKey`], but its own.
#[derive(PartialEq, Eq)]
enum RawKeyOf {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
}

impl Link {
    /// Strict: written again it must be the same bytes, so that what was signed is what was read.
    fn read(der: &[u8]) -> Option<Link> {
        /// Yubico's have less than 1 KiB.
        const LARGEST: usize = 8 << 10;
        if der.len() > LARGEST {
            return None;
        }
        let certificate = Certificate::from_der(der).ok()?;
        let again = certificate.to_der().ok()?;
        let signed = certificate.tbs_certificate().to_der().ok()?;
        (again == der).then_some(Link {
            der: again,
            certificate,
            signed,
        })
    }

    fn subject(&self) -> String {
        self.certificate.tbs_certificate().subject().to_string()
    }

    /// RFC 5280, section 4.2.1.9.
    fn is_authority(&self) -> bool {
        let found = self
            .certificate
            .tbs_certificate()
            .get_extension::<BasicConstraints>();
        matches!(found, Ok(Some((_, constraints))) if constraints.ca)
    }

    fn was_made_by(&self, above: &Link) -> bool {
        let (mine, theirs) = (
            self.certificate.tbs_certificate(),
            above.certificate.tbs_certificate(),
        );
        if mine.issuer() != theirs.subject()
            || mine.signature() != self.certificate.signature_algorithm()
        {
            return false;
        }
        let Some(key) = above.key() else {
            return false;
        };
        let Some(bytes) = self.certificate.signature().as_bytes() else {
            return false;
        };
        // RFC 4055, section 5, and RFC 5758, section 3.2.
        let (rsa, hash) = match self
            .certificate
            .signature_algorithm()
            .oid
            .to_string()
            .as_str()
        {
            "1.2.840.113549.1.1.11" => (true, RawHash::Sha256),
            "1.2.840.113549.1.1.12" => (true, RawHash::Sha384),
            "1.2.840.113549.1.1.13" => (true, RawHash::Sha512),
            "1.2.840.10045.4.3.2" => (false, RawHash::Sha256),
            "1.2.840.10045.4.3.3" => (false, RawHash::Sha384),
            "1.2.840.10045.4.3.4" => (false, RawHash::Sha512),
            _ => return false,
        };
        match (rsa, &key) {
            (true, RawKeyOf::Rsa { n, e }) => verify_raw(
                RawKey::Rsa { n, e },
                hash,
                &self.signed,
                RawSignature::Rsa(bytes),
            ),
            (false, RawKeyOf::P256(point)) => ecdsa(RawKey::P256(point), hash, &self.signed, bytes),
            (false, RawKeyOf::P384(point)) => ecdsa(RawKey::P384(point), hash, &self.signed, bytes),
            _ => false,
        }
    }

    /// The public key: RSA (RFC 8017, appendix A.1), or a point on a curve (RFC 5480, section 2).
    fn key(&self) -> Option<RawKeyOf> {
        let info = self.certificate.tbs_certificate().subject_public_key_info();
        let bytes = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid.to_string().as_str() {
            "1.2.840.113549.1.1.1" => {
                let (n, e) = two_numbers(bytes)?;
                // Shorter ones could be broken.
                (n.len() >= 256).then_some(RawKeyOf::Rsa { n, e })
            }
            "1.2.840.10045.2.1" => {
                let curve: x509_cert::spki::ObjectIdentifier =
                    info.algorithm.parameters.as_ref()?.decode_as().ok()?;
                match (curve.to_string().as_str(), bytes.len()) {
                    ("1.2.840.10045.3.1.7", 65) => Some(RawKeyOf::P256(bytes.to_vec())),
                    ("1.3.132.0.34", 97) => Some(RawKeyOf::P384(bytes.to_vec())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn attested(&self) -> Result<Attested, AttestationError> {
        let firmware = self.extension(3, "firmware")?;
        let serial = self.extension(7, "serial number")?;
        let policies = self.extension(8, "PIN and touch policies")?;
        let form = self.extension(9, "form factor")?;
        let [major, minor, patch] = firmware[..] else {
            return Err(AttestationError::Extension("firmware"));
        };
        let serial =
            u32::from_der(serial).map_err(|_| AttestationError::Extension("serial number"))?;
        // PIN: never 1, once 2, always 3. Touch: never 1, always 2, cached 3.
        let [pin @ 1..=5, touch @ 1..=3] = policies[..] else {
            return Err(AttestationError::Extension("PIN and touch policies"));
        };
        let [form_factor] = form[..] else {
            return Err(AttestationError::Extension("form factor"));
        };
        Ok(Attested {
            serial,
            firmware: Firmware(major, minor, patch),
            form_factor,
            pin_always: pin == 3,
            touch_always: touch == 2,
        })
    }

    /// Extension 1.3.6.1.4.1.41482.3.N, once.
    fn extension(&self, n: u8, name: &'static str) -> Result<&[u8], AttestationError> {
        let wanted = format!("1.3.6.1.4.1.41482.3.{n}");
        let all = self.certificate.tbs_certificate().extensions();
        let mut found = all
            .into_iter()
            .flatten()
            .filter(|extension| extension.extn_id.to_string() == wanted);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.extn_value.as_bytes()),
            _ => Err(AttestationError::Extension(name)),
        }
    }
}

fn ecdsa(key: RawKey<'_>, hash: RawHash, message: &[u8], signature: &[u8]) -> bool {
    two_numbers(signature)
        .is_some_and(|(r, s)| verify_raw(key, hash, message, RawSignature::Ecdsa { r: &r, s: &s }))
}

/// A sequence of two numbers that are not negative, as in an RSA key and an ECDSA signature
/// (RFC 3279, sections 2.3.1 and 2.2.3).
pub(crate) fn two_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader
        .sequence(|inner| -> x509_cert::der::Result<_> {
            let first = UintRef::decode(inner)?.as_bytes().to_vec();
            let second = UintRef::decode(inner)?.as_bytes().to_vec();
            Ok((first, second))
        })
        .ok()?;
    reader.finish().ok()?;
    Some(numbers)
}

#[cfg(test)]
mod tests;
