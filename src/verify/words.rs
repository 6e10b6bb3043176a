//! A verdict in words: the same in `ceremony verify` and in a report.

use super::{Completion, PinStands, TokenSays, Verdict};
use crate::attestation::Proven;
use crate::engine::Message;
use crate::record::value::{Mode, Spoken};

impl Verdict {
    /// The first words of the verdict.
    pub fn headline(&self) -> &'static str {
        if self.waits_for_call() {
            return match self.mode {
                Mode::Rehearsal => "REHEARSAL, unfinished: not confirmed by phone. Not a ceremony.",
                Mode::Ceremony => "UNFINISHED: not confirmed by phone; what there is, is good.",
            };
        }
        match (self.mode, self.completion, self.pinned()) {
            (Mode::Rehearsal, Completion::Closed, _) => "REHEARSAL, complete. Not a ceremony.",
            (Mode::Rehearsal, Completion::Aborted, _) => "REHEARSAL, aborted. Not a ceremony.",
            (Mode::Rehearsal, Completion::Unfinished, _) => {
                "REHEARSAL, unfinished. Not a ceremony."
            }
            (_, Completion::Aborted, _) => "ABORTED: the ceremony was stopped, on the record.",
            (_, Completion::Unfinished, _) => "UNFINISHED: what there is, is good.",
            (_, Completion::Closed, true) => "GOOD: complete, and signed by both pinned operators.",
            (_, Completion::Closed, false) => {
                "NOT PINNED: complete and consistent; compare the operators' fingerprints."
            }
        }
    }

    /// Whether the far end confirmed the key, where the plan asks for that.
    pub fn confirmed_in_words(&self) -> Option<&'static str> {
        let words = match self.confirmed {
            Some(Spoken::Canaries) => "by phone, with canaries",
            Some(Spoken::Digits) => "by phone, without canaries",
            None => "not by phone",
        };
        self.wants_call.then_some(words)
    }
}

impl PinStands {
    /// What the pin has to do with the record.
    pub fn in_words(self) -> &'static str {
        match self {
            PinStands::Recorded => "of this call",
            PinStands::NotYet => "of this key; the record does not come to the call yet",
        }
    }
}

impl TokenSays {
    /// What an operator signs with, and what shows that; `None` is a key file.
    pub fn of_operator(token: Option<&TokenSays>) -> Vec<String> {
        match token {
            None => vec!["signs with a key file and a passphrase".to_string()],
            Some(TokenSays::Withheld { firmware }) => vec![format!(
                "signs with a token, firmware {firmware}; its attestations are withheld"
            )],
            Some(TokenSays::Proven(Proven { attested, root })) => vec![
                format!(
                    "signs with YubiKey {}, firmware {}, {}",
                    attested.serial,
                    attested.firmware,
                    attested.form()
                ),
                "keys made inside it; PIN and touch for each use".to_string(),
                format!("attested under {root}"),
            ],
        }
    }

    /// Where a key is that was made in a token.
    pub fn of_key(&self) -> Vec<String> {
        let mut lines = match self {
            TokenSays::Withheld { firmware } => vec![format!(
                "made in a token, firmware {firmware}; its attestations are withheld"
            )],
            TokenSays::Proven(Proven { attested, root }) => vec![
                format!(
                    "made in YubiKey {}, firmware {}; PIN and touch for each use",
                    attested.serial, attested.firmware
                ),
                format!("attested under {root}"),
            ],
        };
        lines.push("NO BACKUP: it is in that YubiKey and nowhere else".to_string());
        lines
    }
}

/// What became of a message: the hash of its content, or why there is none.
pub fn content_in_words(message: &Message) -> String {
    match (message.content, message.refused) {
        (Some(content), _) => content.to_string(),
        (None, true) => "refused".to_string(),
        (None, false) => "not opened".to_string(),
    }
}
