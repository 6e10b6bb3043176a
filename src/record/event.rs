//! The closed list of events, each with its fields in their fixed order.

use super::value::{
    Act, Decision, Holder, Instead, Means, Mode, Opener, Part, PrintedBy, Sheet, Signed, Spoken,
    Standing, Token, Value,
};
use crate::attestation::Firmware;
use crate::digest::{Digest, Fingerprint};
use crate::role::Role;

/// Reads one event's fields in their order; `None` where one is missing, misplaced or misspelt.
pub(super) struct Fields<'a> {
    lines: &'a [(&'a str, &'a str)],
}

impl<'a> Fields<'a> {
    pub(super) fn new(lines: &'a [(&'a str, &'a str)]) -> Fields<'a> {
        Fields { lines }
    }

    fn take<T: Value>(&mut self, label: &str) -> Option<T> {
        let ((found, text), rest) = self.lines.split_first()?;
        self.lines = rest;
        (*found == label).then(|| T::read(text))?
    }

    fn finish(self) -> Option<()> {
        self.lines.is_empty().then_some(())
    }
}

/// Whether an event's entry names a detail file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// It must.
    Needed,
    /// It must not.
    None,
}

/// Defines the events: variant, name in the record, detail, fields with their labels.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $detail:ident {
        $($field:ident: $kind:ty = $label:literal),* $(,)?
    })*) => {
        /// What an entry says happened.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Event { $($(#[$doc])* $variant { $($field: $kind),* }),* }

        impl Event {
            /// Every event's name, in the order of the format's description.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The event's name in the record.
            pub fn name(&self) -> &'static str {
                match self { $(Event::$variant { .. } => $name),* }
            }

            /// Whether its entry names a detail file.
            pub fn detail(&self) -> Detail {
                match self { $(Event::$variant { .. } => Detail::$detail),* }
            }

            /// The fields, in order, as they are written.
            pub fn fields(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Event::$variant { $($field),* } => vec![$(($label, $field.write())),*]),*
                }
            }

            /// Reads the event called `name` from its fields.
            pub(super) fn read(name: &str, mut fields: Fields<'_>) -> Option<Event> {
                match name {
                    $($name => {
                        let event = Event::$variant { $($field: fields.take($label)?),* };
                        fields.finish()?;
                        Some(event)
                    })*
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// The record begins. `detail` is the site file. Always entry 0.
    Opened = "opened", Needed {
        format: u32 = "format",
        mode: Mode = "mode",
        id: Token = "id",
        plan: Digest = "plan",
        checklist: Digest = "checklist",
        program: Digest = "program",
        version: Token = "version",
        image: Option<Digest> = "image",
        previous: Option<Digest> = "previous",
    }
    /// Both operators compared the clock with a watch.
    ClockConfirmed = "clock-confirmed", None {}
    /// The machine was looked at; `detail` has the lines.
    PreflightDone = "preflight-done", Needed {
        passed: u32 = "passed",
        warned: u32 = "warned",
        failed: u32 = "failed",
    }
    /// Who the operators are; `detail` has what their certificates say and their call-back numbers.
    RollCall = "roll-call", Needed {
        operator_a: Fingerprint = "operator-a",
        cert_a: Digest = "cert-a",
        standing_a: Standing = "standing-a",
        means_a: Means = "means-a",
        operator_b: Fingerprint = "operator-b",
        cert_b: Digest = "cert-b",
        standing_b: Standing = "standing-b",
        means_b: Means = "means-b",
    }
    /// A token showed that the keys in it were made inside, and need PIN and touch each time.
    /// `detail` has its serial number and the certificates that prove it.
    TokenAttested = "token-attested", Needed {
        holder: Holder = "holder",
        firmware: Firmware = "firmware",
    }
    /// All media are there, told apart and writable; `detail` describes them.
    MediaReady = "media-ready", Needed { media: u32 = "media" }
    /// A checkpoint: both operators sign the transcript up to and including this entry.
    Authorise = "authorise", None { act: Act = "act" }
    /// Both signed the checkpoint just before.
    Authorised = "authorised", None { sig_a: Signed = "sig-a", sig_b: Signed = "sig-b" }
    /// At least one operator did not sign the checkpoint just before.
    Refused = "refused", None { sig_a: Signed = "sig-a", sig_b: Signed = "sig-b" }
    /// A key was made; its certificate lies in the record as `certificates/N.asc`, N the attempt.
    Generated = "generated", None {
        attempt: u32 = "attempt",
        profile: Token = "profile",
        fingerprint: Fingerprint = "fingerprint",
        certificate: Digest = "certificate",
    }
    /// Both operators copied the fingerprint to paper.
    FingerprintCopied = "fingerprint-copied", None {}
    /// The fingerprint was typed wrongly.
    ReadBackFailed = "read-back-failed", None { attempt: u32 = "attempt" }
    /// The fingerprint was typed as the certificate on the medium has it.
    ReadBackMatched = "read-back-matched", None { attempts: u32 = "attempts" }
    /// A custodian typed their words wrongly.
    ShareFailed = "share-failed", None {
        custodian: char = "custodian",
        part: Part = "part",
        attempt: u32 = "attempt",
    }
    /// A custodian's words were typed back from the card.
    ShareConfirmed = "share-confirmed", None {
        custodian: char = "custodian",
        part: Part = "part",
        attempts: u32 = "attempts",
    }
    /// A file was written to its media and read back.
    Stored = "stored", None { file: Token = "file", sha256: Digest = "sha256" }
    /// The secret key's payload and all its capsules are on both secret media.
    BackedUp = "backed-up", None { files: u32 = "files" }
    /// The revocation certificate's payload and capsules are on both secret media.
    RevocationSaved = "revocation-saved", None { files: u32 = "files" }
    /// A quorum's words opened its capsules, read from this medium; or both operators' tokens
    /// theirs, whose `quorum` is `AB-tokens`.
    QuorumOpened = "quorum-opened", None {
        quorum: Token = "quorum",
        medium: Role = "medium",
        opener: Opener = "opener",
    }
    /// Every quorum restored the key, and the restored key signed and decrypted.
    Drilled = "drilled", None { quorums: u32 = "quorums", fingerprint: Fingerprint = "fingerprint" }
    /// The token with the key was plugged in again, and the key in it signed and decrypted.
    TrialDone = "trial-done", None { fingerprint: Fingerprint = "fingerprint" }
    /// Nothing secret of the key is left in this machine's memory.
    Erased = "erased", None {}
    /// The certificates of both operators and what the site file needs are on their media.
    Enrolled = "enrolled", None { files: u32 = "files" }
    /// A sheet was printed, and what was asked for was typed back from the paper. `sha256` is of
    /// the sheet's text, whatever the printer took; `pages` counts all copies in that form.
    Printed = "printed", None {
        sheet: Sheet = "sheet",
        pages: u32 = "pages",
        sha256: Digest = "sha256",
        how: PrintedBy = "how",
    }
    /// A sheet that should have been printed was not, as an exception decided.
    NotPrinted = "not-printed", None { sheet: Sheet = "sheet", how: Instead = "how" }
    /// Who keeps what, with seal numbers; `detail` has the list.
    Custody = "custody", Needed { items: u32 = "items" }
    /// Everything that leaves the room is on its media.
    Exported = "exported", None { files: u32 = "files" }
    /// Both operators typed words of the fingerprint from their own paper, chosen at random.
    SheetsChecked = "sheets-checked", None {}
    /// An attempt to have the fingerprint confirmed by phone failed.
    CallFailed = "call-failed", None { attempt: u32 = "attempt" }
    /// The verifier heard the fingerprint, typed it, and has the same key. `head` is the one that
    /// was read in the call; the last three are `none` where digits were read. `detail` has the
    /// numbers that were called.
    CallConfirmed = "call-confirmed", Needed {
        attempts: u32 = "attempts",
        heard: Spoken = "heard",
        head: Digest = "head",
        nonce: Option<Token> = "nonce",
        canaries: Option<Token> = "canaries",
        result: Option<Digest> = "result",
    }
    /// A message is to be opened with the key of an earlier ceremony, whose encrypted key has the
    /// hash `payload`. `detail` has the file's name and why it is opened.
    MessageNamed = "message-named", Needed {
        message: Digest = "message",
        bytes: u64 = "bytes",
        backup: Token = "backup",
        payload: Digest = "payload",
    }
    /// The whole message was decrypted and verified, and its content written and read back.
    MessageOpened = "message-opened", None {
        fingerprint: Fingerprint = "fingerprint",
        content: Digest = "content",
        bytes: u64 = "bytes",
    }
    /// The message was not opened: altered, cut short, or not for this key. Nothing was written.
    MessageRefused = "message-refused", None { fingerprint: Fingerprint = "fingerprint" }
    /// The head was shown at a phase's end and written on paper.
    HeadNoted = "head-noted", None { head: Digest = "head" }
    /// A planned stop; the ceremony goes on with `resume`.
    Paused = "paused", None {}
    /// The ceremony goes on after a stop. `detail` says what was found on the media.
    Resumed = "resumed", Needed {
        kept: u32 = "kept",
        fragment: Option<Digest> = "fragment",
        medium: Role = "medium",
        missing: Option<Role> = "missing",
    }
    /// A deviation; `detail` has what was expected, what happened, and who was there.
    Exception = "exception", Needed { decided: Decision = "decided" }
    /// A key was given up; `detail` lists all that it left behind, with hashes.
    Abandoned = "abandoned", Needed {
        attempt: u32 = "attempt",
        fingerprint: Fingerprint = "fingerprint",
    }
    /// The ceremony was stopped for good. Always the last entry.
    Aborted = "aborted", None {}
    /// The ceremony is complete. Always the last entry.
    Closed = "closed", None {
        entries: u32 = "entries",
        sums: Digest = "sums",
        sig_a: Signed = "sig-a",
        sig_b: Signed = "sig-b",
    }
}
