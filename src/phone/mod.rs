//! The telephone call in which the verifier confirms the fingerprint. Pure: the words that are
//! heard and typed come in, what is to be shown and whether it fits goes out.
//!
//! Nobody is ever asked "is it the same?". [`room::RoomCall`] is the side of the two operators,
//! [`far::FarCall`] that of the verifier:
//!
//! ```text
//! room                                      verifier
//! reads id, sheet code, head        ------> types them; compared with what was delivered
//! types the nonce                   <------ reads four nonce words
//! reads the fingerprint's words and ------> types what is heard; the fingerprint of the file
//!   three canaries hidden in them             that was delivered must be in it, and exactly
//!                                             three words more
//! types the canaries and places     <------ reads them
//! reads five places                 ------> types them
//! types the words at these places   <------ reads them
//! reads the result's first half     ------> types it
//! types the second half             <------ reads it
//! ```
//!
//! The canaries show that the hearer typed by ear: who copies the fingerprint from a screen or a
//! file does not know them. The nonce makes a recording of an earlier call useless. The result
//! binds all that was said. What no such call can detect is somebody who relays it live with
//! cloned voices (`docs/threat-model.md`).

pub mod canary;
pub mod far;
pub mod result;
pub mod room;

use crate::digest::Digest;
use crate::words::pgp::{self, Heard};

/// Canary words in a reading.
pub const CANARIES: usize = 3;
/// Words of the head that are read: 80 bits.
pub const HEAD_WORDS: usize = 10;
/// Words of the verifier's nonce: 32 bits.
pub const NONCE_WORDS: usize = 4;
/// Places that the room asks for in return.
pub const PLACES: usize = 5;
/// Words of the result; each side reads one half.
pub const RESULT_WORDS: usize = 8;
/// Rows that may have been misheard in an attempt; each is re-read once.
pub const REREADS: usize = 2;
/// Failed attempts that end the call.
pub const ATTEMPTS: u32 = 2;

/// What both sides know of the ceremony and the file, if they have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The ceremony's id.
    pub id: String,
    /// The sheet code (see [`crate::sheet::sheet_code`]).
    pub sheet_code: String,
    /// The primary key's fingerprint, 20 or 32 bytes.
    pub fingerprint: Vec<u8>,
    /// SHA-256 of the certificate's file.
    pub certificate: Digest,
}

impl Facts {
    /// The fingerprint's words, in order.
    pub fn words(&self) -> Vec<Heard> {
        canary::words_of(&self.fingerprint)
    }

    /// The last eight characters of the id, which are read aloud: its random part.
    pub fn id_tail(&self) -> &str {
        let at = self.id.len().saturating_sub(8);
        self.id.get(at..).unwrap_or(&self.id)
    }
}

/// Reads words that were heard, whatever their places; `Err` is the place (from 0) of the first
/// that is on neither list.
pub fn heard_words(typed: &str) -> Result<Vec<Heard>, usize> {
    let words = typed.split_whitespace().enumerate();
    words
        .map(|(at, word)| pgp::lookup(word).ok_or(at))
        .collect()
}

/// A whole number in `0..bound` from random bytes, without bias; draws again where it must.
fn below<E>(bound: usize, random: &mut dyn FnMut(&mut [u8]) -> Result<(), E>) -> Result<usize, E> {
    let bound = bound as u32;
    let limit = u32::MAX - u32::MAX % bound;
    loop {
        let mut bytes = [0; 4];
        random(&mut bytes)?;
        let drawn = u32::from_be_bytes(bytes);
        if drawn < limit {
            return Ok((drawn % bound) as usize);
        }
    }
}

/// `count` different places of `bound`, in order.
pub fn places<E>(
    count: usize,
    bound: usize,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<Vec<usize>, E> {
    let mut places = Vec::with_capacity(count);
    while places.len() < count.min(bound) {
        let place = below(bound, random)?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.sort_unstable();
    Ok(places)
}

#[cfg(test)]
mod tests;
