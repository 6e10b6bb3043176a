//! Capsules: the key K of a payload, encrypted under the shares of one quorum.

use zeroize::Zeroizing;

use super::quorum::{Custodian, Quorum};
use crate::openpgp::{self, Certificate, DecryptError, OpenPgpError, UnixTime};
use crate::secret::{SecretBytes, SecretText};

/// Random bytes in K.
pub const KEY_BYTES: usize = 32;

/// K as a passphrase: 64 lower-case hex digits, built in place from 256 random bits.
pub fn key_text(random: &[u8; KEY_BYTES]) -> SecretText {
    let mut hex = Zeroizing::new([0u8; KEY_BYTES * 2]);
    data_encoding::HEXLOWER.encode_mut(random, hex.as_mut_slice());
    let mut text = SecretText::with_capacity(KEY_BYTES * 2);
    text.push_str(std::str::from_utf8(hex.as_slice()).expect("hex digits are ASCII"));
    text
}

/// Encrypts K under the shares of a quorum, one after the other: the first custodian's is the
/// innermost layer, the last one's the outermost. Each layer is an armored OpenPGP message with
/// one password.
pub fn seal<'a>(
    key: &SecretText,
    quorum: &Quorum,
    share_of: impl Fn(Custodian) -> &'a SecretText,
    comment: Option<&str>,
) -> Result<Vec<u8>, OpenPgpError> {
    let line = line(key);
    let mut layer = SecretBytes::from_vec(Vec::new());
    for (depth, custodian) in quorum.custodians().iter().enumerate() {
        let inside = if depth == 0 {
            line.expose().as_bytes()
        } else {
            layer.expose()
        };
        let outside = openpgp::encrypt_with_password(inside, share_of(*custodian), comment)?;
        layer = SecretBytes::from_vec(outside);
    }
    Ok(layer.expose().to_vec())
}

/// The innermost text: the trailing line feed makes it a plain line for those who open it by hand.
fn line(key: &SecretText) -> SecretText {
    let mut line = SecretText::with_capacity(KEY_BYTES * 2 + 1);
    line.push_str(key.expose());
    line.push_str("\n");
    line
}

/// Encrypts K to operator A's certificate, and the result to B's: the capsule of two tokens. Both
/// layers have the form of any message to such a key.
pub fn seal_to(
    operators: [&Certificate; 2],
    key: &SecretText,
    now: UnixTime,
    comment: Option<&str>,
) -> Result<Vec<u8>, OpenPgpError> {
    let mut layer = SecretBytes::from_vec(line(key).expose().as_bytes().to_vec());
    for certificate in operators {
        layer = SecretBytes::from_vec(certificate.encrypt(layer.expose(), now)?);
        if let Some(comment) = comment {
            layer = openpgp::insert_comment(&layer, comment);
        }
    }
    Ok(layer.expose().to_vec())
}

/// Opens a capsule with a quorum's shares, by whatever opens one layer.
///
/// # Errors
/// Names the custodian whose words did not open their layer.
pub fn open<'a, E>(
    capsule: &[u8],
    quorum: &Quorum,
    share_of: impl Fn(Custodian) -> &'a SecretText,
    mut decrypt: impl FnMut(&[u8], &SecretText) -> Result<SecretBytes, E>,
) -> Result<SecretText, (Custodian, E)> {
    let mut layer: Option<SecretBytes> = None;
    for custodian in quorum.custodians().iter().rev() {
        let outside = layer.as_ref().map_or(capsule, SecretBytes::expose);
        let inside = decrypt(outside, share_of(*custodian)).map_err(|e| (*custodian, e))?;
        layer = Some(inside);
    }
    let nothing = || SecretText::with_capacity(0);
    Ok(layer.as_ref().map_or_else(nothing, key_in))
}

/// K, from what stood under the innermost layer.
pub fn key_in(innermost: &SecretBytes) -> SecretText {
    let mut key = SecretText::with_capacity(KEY_BYTES * 2 + 2);
    if let Ok(text) = std::str::from_utf8(innermost.expose()) {
        key.push_str(text.trim_end());
    }
    key
}

/// Opens a capsule with the OpenPGP library alone.
pub fn open_with_library<'a>(
    capsule: &[u8],
    quorum: &Quorum,
    share_of: impl Fn(Custodian) -> &'a SecretText,
) -> Result<SecretText, (Custodian, DecryptError)> {
    open(capsule, quorum, share_of, openpgp::decrypt_with_password)
}
