//! Why an attestation is not believed.

use std::fmt;

use crate::error::Explain;

/// See the module.
#[derive(Debug)]
pub enum AttestationError {
    /// Fewer than two certificates, or more than any chain has.
    Length(usize),
    /// One of them, counted from 0 at the slot's own, is no certificate in strict form.
    Malformed(usize),
    /// One of them was not made by the holder of the next.
    NotSigned(usize),
    /// One of them may not vouch for another.
    NotAnAuthority(usize),
    /// It speaks of another slot.
    OtherSlot,
    /// It speaks of another public key.
    OtherKey,
    /// One of Yubico's extensions is missing, or says what can't be.
    Extension(&'static str),
}

impl fmt::Display for AttestationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use AttestationError as E;
        match self {
            E::Length(found) => write!(f, "the attestation has {found} certificates"),
            E::Malformed(at) => write!(f, "certificate {at} of the attestation can't be read"),
            E::NotSigned(at) => write!(
                f,
                "certificate {at} of the attestation was not made by the one above it"
            ),
            E::NotAnAuthority(at) => {
                write!(
                    f,
                    "certificate {at} of the attestation may not vouch for another"
                )
            }
            E::OtherSlot => f.write_str("the attestation is about another slot of the token"),
            E::OtherKey => f.write_str("the attestation is about another key"),
            E::Extension(which) => write!(f, "the attestation does not rightly say the {which}"),
        }
    }
}

impl std::error::Error for AttestationError {}

impl Explain for AttestationError {
    fn remedy(&self) -> String {
        "Nothing shows that this key was made inside a YubiKey. Set the slot up again on another \
         YubiKey, and keep this one for someone who can look into it."
            .to_string()
    }
}
