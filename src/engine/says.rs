//! What an entry must say by itself: who acted, and values that can be only one thing.

use super::state::State;
use crate::backup::quorum::TOKENS;
use crate::digest::Digest;
use crate::id;
use crate::phone::result::{self, Said};
use crate::phone::{HEAD_WORDS, canary};
use crate::plan::{Operator, OperatorDemand, Plan};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::value::{
    Actors, Decision, Holder, Means, Mode, Opener, Part, Sheet, Signed, Spoken,
};
use crate::role::Role;

/// The fingerprint sheet's text, as it is stored.
const SHEET_FILE: &str = "fingerprint.txt";

/// The most pages that a printed sheet has.
const MAX_PAGES: u32 = 999;

/// Whether the entry says of itself what such an entry must.
pub(super) fn fits(state: &State, plan: &Plan, entry: &Entry) -> bool {
    entry.actors == actors(&entry.event) && values_fit(state, plan, entry)
}

/// Who acts in an event. What one person did alone must not pass for both, nor the reverse.
pub(super) fn actors(event: &Event) -> Actors {
    match event {
        Event::Opened { .. }
        | Event::Authorise { .. }
        | Event::Generated { .. }
        | Event::Stored { .. }
        | Event::BackedUp { .. }
        | Event::RevocationSaved { .. }
        | Event::Erased {}
        | Event::Exported { .. }
        | Event::Enrolled { .. }
        | Event::MessageOpened { .. }
        | Event::MessageRefused { .. }
        | Event::Paused {} => Actors::none(),
        Event::Refused { sig_a, sig_b } => {
            let signed = Operator::ALL.into_iter().zip([sig_a, sig_b]);
            let signed = signed.filter(|(_, signed)| matches!(signed, Signed::Yes(_)));
            Actors::of(signed.map(|(operator, _)| operator.letter()))
        }
        // The halves of an absent custodian are typed by the operators who wrote them.
        Event::ShareFailed {
            custodian, part, ..
        }
        | Event::ShareConfirmed {
            custodian, part, ..
        } => Actors::of([match part {
            Part::Whole => *custodian,
            Part::First => 'A',
            Part::Second => 'B',
        }]),
        Event::QuorumOpened { quorum, .. } if quorum.as_str() == TOKENS => Actors::both(),
        Event::TokenAttested { holder, .. } => match holder {
            Holder::Key => Actors::none(),
            operator => Actors::of(operator.word().chars()),
        },
        Event::QuorumOpened { quorum, .. } => Actors::of(quorum.as_str().chars()),
        Event::ClockConfirmed {}
        | Event::PreflightDone { .. }
        | Event::RollCall { .. }
        | Event::MediaReady { .. }
        | Event::Authorised { .. }
        | Event::FingerprintCopied {}
        | Event::ReadBackFailed { .. }
        | Event::ReadBackMatched { .. }
        | Event::Drilled { .. }
        | Event::TrialDone { .. }
        | Event::Printed { .. }
        | Event::NotPrinted { .. }
        | Event::Custody { .. }
        | Event::SheetsChecked {}
        | Event::CallFailed { .. }
        | Event::CallConfirmed { .. }
        | Event::MessageNamed { .. }
        | Event::HeadNoted { .. }
        | Event::Resumed { .. }
        | Event::Exception { .. }
        | Event::Abandoned { .. }
        | Event::Aborted {}
        | Event::Closed { .. } => Actors::both(),
    }
}

fn values_fit(state: &State, plan: &Plan, entry: &Entry) -> bool {
    match &entry.event {
        // A ceremony does not go on where preflight failed; a rehearsal may.
        Event::PreflightDone { failed, .. } => state.mode != Some(Mode::Ceremony) || *failed == 0,
        Event::RollCall {
            means_a, means_b, ..
        } => {
            plan.operators == OperatorDemand::Any
                || [means_a, means_b] == [&Means::Token, &Means::Token]
        }
        Event::TokenAttested { holder, firmware } => {
            let operator = *holder != Holder::Key;
            !operator || plan.firmware.is_none_or(|oldest| *firmware >= oldest)
        }
        Event::Generated { profile, .. } => plan
            .key
            .as_ref()
            .is_some_and(|key| key.profile.to_string() == profile.as_str()),
        Event::Stored { file, sha256 } if file.as_str() == "certificate.asc" => state
            .key
            .as_ref()
            .is_some_and(|key| key.certificate == *sha256),
        Event::QuorumOpened {
            quorum,
            medium,
            opener,
        } => {
            matches!(medium, Role::Secret1 | Role::Secret2)
                && opening_fits(state, quorum.as_str(), *opener)
        }
        Event::Printed {
            sheet,
            pages,
            sha256,
            ..
        } => {
            // What was printed is what lies on the public medium.
            let stored = |(file, hash): &(String, Digest)| file == SHEET_FILE && hash == sha256;
            let as_stored = *sheet != Sheet::Fingerprint || state.stored.iter().any(stored);
            (1..=MAX_PAGES).contains(pages) && as_stored
        }
        Event::NotPrinted { .. } => {
            let decided = |(_, step, decision): &(u32, String, Decision)| {
                *decision == Decision::CopyByHand && step == entry.step.as_str()
            };
            state.exceptions.iter().any(decided)
        }
        Event::CallConfirmed { .. } => call_fits(state, &entry.event),
        // What a rehearsal backed up is opened in a rehearsal, and nothing else is.
        Event::MessageNamed { backup, .. } => {
            let rehearsal = id::is_rehearsal(backup.as_str());
            (state.mode == Some(Mode::Rehearsal)) == rehearsal
        }
        Event::Resumed {
            kept,
            medium,
            missing,
            ..
        } => {
            let holds_record = |role: &Role| matches!(role, Role::OperatorA | Role::OperatorB);
            *kept == entry.number
                && holds_record(medium)
                && missing.as_ref().is_none_or(holds_record)
                && *missing != Some(*medium)
        }
        _ => true,
    }
}

/// Custodians with their words, or both operators with their tokens.
fn opening_fits(state: &State, quorum: &str, opener: Opener) -> bool {
    if quorum == TOKENS {
        let operators = state.operators.as_ref();
        return opener == Opener::Token
            && operators.is_some_and(|both| both.means == [Means::Token; 2]);
    }
    let letters = quorum.as_bytes();
    opener != Opener::Token
        && letters.len() >= 2
        && letters.iter().all(|letter| (b'A'..=b'T').contains(letter))
        && letters.is_sorted_by(|a, b| a < b)
}

/// The head is the one on paper, and the result follows from all that was said.
fn call_fits(state: &State, event: &Event) -> bool {
    let Event::CallConfirmed {
        heard,
        head,
        nonce,
        canaries,
        result,
        ..
    } = event
    else {
        return false;
    };
    if state.noted_head() != Some(*head) {
        return false;
    }
    match (heard, nonce, canaries, result) {
        (Spoken::Digits, None, None, None) => true,
        (Spoken::Canaries, Some(nonce), Some(canaries), Some(result)) => {
            let said = said(state, head, nonce.as_str(), canaries.as_str());
            said.is_some_and(|said| said.digest() == *result)
        }
        _ => false,
    }
}

fn said(state: &State, head: &Digest, nonce: &str, canaries: &str) -> Option<Said> {
    let key = state.key.as_ref()?;
    let mut words = [0; HEAD_WORDS];
    words.copy_from_slice(&head.bytes()[..HEAD_WORDS]);
    Some(Said {
        id: state.id.clone()?,
        certificate: key.certificate,
        nonce: result::read_nonce(nonce)?,
        canaries: canary::read(canaries, key.fingerprint.bytes().len())?,
        head: words,
    })
}
