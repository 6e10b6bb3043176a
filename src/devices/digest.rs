//! SHA-256 digests and OpenPGP fingerprints as the record writes them: bare lower-case hex.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest (FIPS 180-4), 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest that the first entry names as its predecessor: 64 zeros.
    pub const ZERO: Digest = Digest([0; 32]);

    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Takes over a digest that was computed piece by piece.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Reads exactly 64 lower-case hex digits; anything else is `None`.
    pub fn parse(text: &str) -> Option<Digest> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Digest(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An OpenPGP fingerprint: 20 bytes (v4, RFC 9580 section 5.5.4.2) or 32 bytes (v6, 5.5.4.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// Takes the raw bytes; `None` unless there are 20 or 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Fingerprint> {
        matches!(bytes.len(), 20 | 32).then(|| Fingerprint(bytes.to_vec()))
    }

    /// Reads 40 or 64 lower-case hex digits, as the record writes them.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        Fingerprint::from_bytes(&HEXLOWER.decode(text.as_bytes()).ok()?)
    }

    /// Reads a fingerprint as people type it: any case, blanks and colons ignored.
    pub fn parse_typed(text: &str) -> Option<Fingerprint> {
        let bare: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != ':')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Fingerprint::parse(bare.strip_prefix("0x").unwrap_or(&bare))
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Upper-case hex in groups of four digits, as printed on sheets.
    pub fn groups(&self) -> Vec<String> {
        let hex = data_encoding::HEXUPPER.encode(&self.0);
        (0..hex.len())
            .step_by(4)
            .map(|at| hex[at..at + 4].to_string())
            .collect()
    }

    /// The same, five groups to a row: as it is read aloud.
    pub fn rows(&self) -> Vec<Vec<String>> {
        self.groups().chunks(5).map(<[String]>::to_vec).collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_takes_only_64_lower_case_hex_digits() {
        let good = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::parse(good), Some(Digest::of(b"")));
        assert_eq!(Digest::of(b"").to_string(), good);
        for bad in [
            &good[1..],
            &good.to_uppercase(),
            &format!("{good}0"),
            "",
            " ",
        ] {
            assert_eq!(Digest::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn typed_fingerprints_may_have_blanks_and_any_case() {
        let typed = "0x0123 4567 89AB cdef 0123  4567 89ab CDEF 0123 4567";
        let parsed = Fingerprint::parse_typed(typed).expect("20 bytes");
        assert_eq!(
            parsed.to_string(),
            "0123456789abcdef0123456789abcdef01234567"
        );
        assert_eq!(parsed.groups().len(), 10);
        assert_eq!(Fingerprint::parse_typed("0123"), None);
        assert_eq!(
            Fingerprint::parse("0123456789ABCDEF0123456789ABCDEF01234567"),
            None
        );
    }
}
