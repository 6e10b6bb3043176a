//! The verifier's pin against the record: both sides of the telephone call tell the same.

use std::fmt;

use super::Fault;
use crate::digest::Digest;
use crate::engine::State;
use crate::phone::{HEAD_WORDS, canary, result};
use crate::pin::Pin;
use crate::record::event::Event;
use crate::record::transcript::Placed;

/// What the record says of the call that made a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinStands {
    /// The record has this call.
    Recorded,
    /// The record does not come to the call yet.
    NotYet,
}

/// How a pin contradicts the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinFault {
    /// It is of another ceremony.
    OtherId,
    /// It is of another key.
    OtherKey,
    /// It holds another certificate file of the same key.
    OtherCertificate,
    /// The ceremony ended, and no call is recorded.
    NoCall,
    /// Another head was read in the call.
    OtherHead,
    /// Another call is recorded.
    OtherCall,
}

impl fmt::Display for PinFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinFault::OtherId => "the pin is of another ceremony",
            PinFault::OtherKey => "the pin is of another key than the record",
            PinFault::OtherCertificate => "the pin has another certificate than the record",
            PinFault::NoCall => {
                "the ceremony ended, and its record has no call that confirmed the key"
            }
            PinFault::OtherHead => {
                "the head in the pin is not the one that the record has for the call"
            }
            PinFault::OtherCall => "the record has another call than the one that made the pin",
        })
    }
}

/// Compares all that both sides wrote down. The last call counts: after an interruption it is
/// held again.
pub(super) fn compare(pin: &Pin, state: &State, entries: &[Placed]) -> Result<PinStands, Fault> {
    let fault = |fault| Err(Fault::Pin(fault));
    if state.id.as_deref() != Some(&pin.id) {
        return fault(PinFault::OtherId);
    }
    let key = state
        .key
        .as_ref()
        .filter(|key| key.fingerprint == pin.fingerprint);
    let Some(key) = key else {
        return fault(PinFault::OtherKey);
    };
    if key.certificate != Digest::of(&pin.certificate) {
        return fault(PinFault::OtherCertificate);
    }
    let call = entries
        .iter()
        .rev()
        .find_map(|placed| match &placed.entry.event {
            Event::CallConfirmed {
                head,
                nonce,
                canaries,
                result,
                ..
            } => Some((head, nonce, canaries, result)),
            _ => None,
        });
    let Some((head, nonce, canaries, digest)) = call else {
        return match state.ended() {
            Some(_) => fault(PinFault::NoCall),
            None => Ok(PinStands::NotYet),
        };
    };
    // The fold has seen to it that this head is a checkpoint of the record, noted on paper.
    if head.bytes()[..HEAD_WORDS] != pin.head {
        return fault(PinFault::OtherHead);
    }
    let is = |written: &Option<crate::record::value::Token>, own: String| {
        written.as_ref().is_some_and(|token| token.as_str() == own)
    };
    let same = is(nonce, result::write_nonce(&pin.nonce))
        && is(canaries, canary::write(&pin.canaries))
        && *digest == Some(pin.said().digest());
    if same {
        Ok(PinStands::Recorded)
    } else {
        fault(PinFault::OtherCall)
    }
}
