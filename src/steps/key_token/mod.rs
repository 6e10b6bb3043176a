//! A key that is made in a token, and never leaves it.
//!
//! Neither operator can use it alone: each knows one half of the token's PIN and of its PUK, and
//! the management key is a random one that the token keeps behind the PIN. There is no backup;
//! what is shared among custodians is the certificate that declares the key invalid.

mod again;
mod halves;
mod identify;
mod make;
mod revoke;
mod set_up;
mod trial;
mod using;

pub(super) use again::{may_be_lost, words_again};
pub(super) use make::run as make;
pub(super) use revoke::{opens_again, revocation, set_aside};
pub(super) use trial::run as trial;

/// What is said wherever such a key is spoken of.
pub(super) const NO_BACKUP: &str = "This key has no backup. If the YubiKey is lost or breaks, \
     nothing that was encrypted to the key can be read again.";

/// What is kept of such a key beside the shares of its revocation certificate.
pub(super) fn things() -> impl Iterator<Item = &'static str> {
    [
        "the YubiKey with the key",
        "A's card with halves of PIN and PUK",
        "B's card with halves of PIN and PUK",
    ]
    .into_iter()
}
