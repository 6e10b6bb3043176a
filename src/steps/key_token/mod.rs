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

use crate::attestation::Evidence;
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::value::Holder;
use crate::room::Room;

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

/// What a token showed in this record; `None` where it has none of that holder.
fn evidence(room: &Room<'_>, wanted: Holder) -> Option<Evidence> {
    let shown = room.journal.entries().iter().rev().find(|placed| {
        matches!(&placed.entry.event, Event::TokenAttested { holder, .. } if *holder == wanted)
    })?;
    let file = room.journal.file(&Entry::detail_path(shown.entry.number))?;
    let text = std::str::from_utf8(file).ok()?;
    let (_nonce, text) = text.split_once('\n')?;
    Evidence::parse(text).ok()
}
