//! Who is believed about YubiKeys.
//!
//! `roots.pem`: Yubico's PIV roots; `below.pem`: the authorities between the newer root and a
//! token, which tokens do not carry: those of the branches A 1, B 1 and B2 1. Published at
//! <https://developers.yubico.com/PKI/>; the tests of this folder hold their SHA-256. A token of a
//! branch that was founded later is "unknown root" until its authorities are added.

use data_encoding::BASE64;

/// Yubico PIV Root CA Serial 263751 (firmware before 5.7.4), Yubico Attestation Root 1 (since).
const ROOTS: &str = include_str!("roots.pem");
const BELOW: &str = include_str!("below.pem");

/// Roots, DER.
pub(super) fn roots() -> Vec<Vec<u8>> {
    let mut all = certificates(ROOTS);
    all.extend(test_roots());
    all
}

/// Authorities that may stand between a token and a root, DER.
pub(super) fn below() -> Vec<Vec<u8>> {
    certificates(BELOW)
}

/// The certificates in an embedded file.
pub(super) fn certificates(pem: &str) -> Vec<Vec<u8>> {
    pem.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .map(|block| {
            let text: String = block
                .lines()
                .take_while(|line| !line.starts_with("-----END"))
                .collect();
            BASE64
                .decode(text.as_bytes())
                .expect("the file is a part of the program, and a test reads it")
        })
        .collect()
}

#[cfg(not(debug_assertions))]
fn test_roots() -> Vec<Vec<u8>> {
    Vec::new()
}

#[cfg(debug_assertions)]
fn test_roots() -> Vec<Vec<u8>> {
    test_only::ROOTS
        .lock()
        .map(|roots| roots.clone())
        .unwrap_or_default()
}

/// A seam for tests with tokens in software. It is not there in a release.
#[cfg(debug_assertions)]
pub mod test_only {
    use std::sync::Mutex;

    pub(super) static ROOTS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

    /// From now on this process believes what `root` (X.509, DER) vouches for.
    pub fn trust_root(root: &[u8]) {
        if let Ok(mut roots) = ROOTS.lock() {
            roots.push(root.to_vec());
        }
    }
}
