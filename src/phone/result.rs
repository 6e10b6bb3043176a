//! What both programs work out at the end of a call: eight words over all that was said.

use super::canary::{self, Canary};
use super::{HEAD_WORDS, RESULT_WORDS};
use crate::digest::Digest;
use crate::words::pgp;

/// All that the result is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The ceremony's id.
    pub id: String,
    /// SHA-256 of the certificate's file.
    pub certificate: Digest,
    /// The verifier's nonce.
    pub nonce: [u8; 4],
    /// The canaries.
    pub canaries: Vec<Canary>,
    /// The first ten bytes of the head.
    pub head: [u8; HEAD_WORDS],
}

/// The nonce as the record writes it: four words joined by `-`.
pub fn write_nonce(nonce: &[u8; 4]) -> String {
    pgp::words(nonce).join("-")
}

/// Reads what [`write_nonce`] writes; nothing else.
pub fn read_nonce(text: &str) -> Option<[u8; 4]> {
    let nonce: [u8; 4] = pgp::decode(&text.replace('-', " ")).ok()?.try_into().ok()?;
    (write_nonce(&nonce) == text).then_some(nonce)
}

impl Said {
    /// The text whose SHA-256 is the result; also what `verify-record` hashes.
    ///
    /// ```text
    /// ceremony call 1
    /// id: 2026-01-02-backup-key-0A1B2C3D
    /// certificate: <64 hex digits>
    /// nonce: topmost-istanbul-pluto-vagabond
    /// canaries: 3-snapline.11-bravado.17-music
    /// head: <20 hex digits>
    /// outcome: confirmed
    /// ```
    ///
    /// Each line ends with LF. `outcome` is there so that no other end of a call can have the
    /// same words.
    pub fn text(&self) -> String {
        format!(
            "ceremony call 1\nid: {}\ncertificate: {}\nnonce: {}\ncanaries: {}\nhead: {}\n\
             outcome: confirmed\n",
            self.id,
            self.certificate,
            write_nonce(&self.nonce),
            canary::write(&self.canaries),
            data_encoding::HEXLOWER.encode(&self.head),
        )
    }

    /// The SHA-256 of the text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }

    /// The result in words: the first half is read by the room, the second by the verifier.
    pub fn halves(&self) -> [Vec<&'static str>; 2] {
        let digest = self.digest();
        let words = pgp::words(&digest.bytes()[..RESULT_WORDS]);
        let (first, second) = words.split_at(RESULT_WORDS / 2);
        [first.to_vec(), second.to_vec()]
    }
}

/// Whether typed words are these; case and blanks do not matter.
pub fn same_words(typed: &str, words: &[&str]) -> bool {
    typed
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .eq(words.iter().copied())
}
