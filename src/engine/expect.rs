//! What each kind of step expects: the events that may follow those it already emitted.

use crate::backup::quorum::Custodian;
use crate::phone;
use crate::plan::{BackupSpec, Plan, ReadBack, Step, StepKind};
use crate::record::event::Event;
use crate::record::value::{Holder, Means, Part, Sheet};

/// Whether a step is complete after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More events follow.
    Continues,
    /// The step has done its work.
    Complete,
}

use Progress::{Complete, Continues};

/// Takes `event` as the next of `step`, after `seen` (authorisations left out); `None` refuses it.
///
/// Authorisations are not seen here: [`authorise_when`] says where a step needs one.
pub(super) fn accept(plan: &Plan, step: &Step, seen: &[Event], event: &Event) -> Option<Progress> {
    match &step.kind {
        StepKind::Clock => only(seen, matches!(event, Event::ClockConfirmed {})),
        StepKind::Preflight => only(seen, matches!(event, Event::PreflightDone { .. })),
        StepKind::RollCall => roll_call(seen, event),
        StepKind::Media => only(seen, matches!(event, Event::MediaReady { .. })),
        StepKind::Generate => generate(plan, seen, event),
        StepKind::Fingerprint => only(seen, matches!(event, Event::FingerprintCopied {})),
        StepKind::Pause => only(seen, matches!(event, Event::Paused {})),
        StepKind::Close => only(seen, matches!(event, Event::Closed { .. })),
        StepKind::ReadBack(terms) => read_back(terms, seen, event),
        StepKind::Share => share(plan.backup.as_ref()?, seen, event),
        StepKind::Backup => {
            let done = matches!(event, Event::BackedUp { .. });
            stored(&backup_files(plan.backup.as_ref()?), seen, event, done)
        }
        StepKind::Revocation => {
            let done = matches!(event, Event::RevocationSaved { .. });
            stored(&revocation_files(plan)?, seen, event, done)
        }
        StepKind::Drill => drill(plan.backup.as_ref()?, seen, event),
        StepKind::Trial => only(seen, matches!(event, Event::TrialDone { .. })),
        StepKind::Export => export(seen, event),
        StepKind::Phone => phone(seen, event),
        StepKind::Open => open(seen, event),
        StepKind::Enrol => enrol(seen, event),
    }
}

/// Where in a step its authorisation stands, if the plan asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthoriseWhen {
    /// Before anything else: the act cannot be undone.
    First,
    /// After the drill's result, before the copy in memory goes.
    BeforeErasing,
    /// After it was said what is to be done, before it is.
    AfterNaming,
    /// After all of the step's events.
    Last,
}

pub(super) fn authorise_when(kind: &StepKind) -> AuthoriseWhen {
    match kind {
        StepKind::Generate
        | StepKind::Backup
        | StepKind::Revocation
        | StepKind::Export
        | StepKind::Enrol
        | StepKind::Close => AuthoriseWhen::First,
        StepKind::Drill => AuthoriseWhen::BeforeErasing,
        StepKind::Open => AuthoriseWhen::AfterNaming,
        _ => AuthoriseWhen::Last,
    }
}

fn only(seen: &[Event], fits: bool) -> Option<Progress> {
    (seen.is_empty() && fits).then_some(Complete)
}

/// The tokens of those operators who sign with one, A's before B's, then who the operators are.
fn roll_call(seen: &[Event], event: &Event) -> Option<Progress> {
    let attested = |holder| {
        let is = |e: &Event| matches!(e, Event::TokenAttested { holder: of, .. } if *of == holder);
        seen.iter().any(is)
    };
    let by = |holder| match attested(holder) {
        true => Means::Token,
        false => Means::File,
    };
    match event {
        Event::TokenAttested { holder, .. } => match holder {
            Holder::A => seen.is_empty(),
            Holder::B => !attested(Holder::B),
            Holder::Key => false,
        }
        .then_some(Continues),
        Event::RollCall {
            means_a, means_b, ..
        } => ((*means_a, *means_b) == (by(Holder::A), by(Holder::B))).then_some(Complete),
        _ => None,
    }
}

/// A key; one in a token is attested then.
fn generate(plan: &Plan, seen: &[Event], event: &Event) -> Option<Progress> {
    let in_token = plan.key_is_in_a_token();
    match (seen, event) {
        ([], Event::Generated { .. }) => Some(if in_token { Continues } else { Complete }),
        ([_], Event::TokenAttested { holder, .. }) if in_token && *holder == Holder::Key => {
            Some(Complete)
        }
        _ => None,
    }
}

/// Failed attempts are counted; after the allowed number only an exception leads on,
/// which the state records as a new beginning of the step.
fn read_back(terms: &ReadBack, seen: &[Event], event: &Event) -> Option<Progress> {
    let failed = seen.len() as u32;
    match event {
        Event::ReadBackFailed { attempt } => {
            (*attempt == failed + 1 && failed < terms.max_attempts).then_some(Continues)
        }
        Event::ReadBackMatched { attempts } => {
            (*attempts == failed + 1 && failed < terms.max_attempts).then_some(Complete)
        }
        _ => None,
    }
}

/// The most often that a custodian may type a share wrongly before an exception is needed.
pub const SHARE_ATTEMPTS: u32 = 3;

/// The parts of shares in the order in which they are written: custodian and part.
pub fn share_parts(backup: &BackupSpec) -> Vec<(Custodian, Part)> {
    let mut parts = Vec::new();
    for custodian in &backup.custodians {
        if backup.absent.contains(custodian) {
            parts.push((*custodian, Part::First));
            parts.push((*custodian, Part::Second));
        } else {
            parts.push((*custodian, Part::Whole));
        }
    }
    parts
}

fn share(backup: &BackupSpec, seen: &[Event], event: &Event) -> Option<Progress> {
    let parts = share_parts(backup);
    let confirmed = seen
        .iter()
        .filter(|e| matches!(e, Event::ShareConfirmed { .. }))
        .count();
    let failed = seen
        .iter()
        .rev()
        .take_while(|e| matches!(e, Event::ShareFailed { .. }))
        .count() as u32;
    let (due, due_part) = parts.get(confirmed)?;
    let is_due = |c: &char, p: &Part| *c == due.letter() && p == due_part;
    match event {
        Event::ShareFailed {
            custodian,
            part,
            attempt,
        } => {
            let fits = *attempt == failed + 1 && failed < SHARE_ATTEMPTS;
            (is_due(custodian, part) && fits).then_some(Continues)
        }
        Event::ShareConfirmed {
            custodian,
            part,
            attempts,
        } => {
            let fits = *attempts == failed + 1 && failed < SHARE_ATTEMPTS;
            let last = confirmed + 1 == parts.len();
            (is_due(custodian, part) && fits).then_some(if last { Complete } else { Continues })
        }
        _ => None,
    }
}

/// The files of the key's backup, in the order in which they are stored.
pub fn backup_files(backup: &BackupSpec) -> Vec<String> {
    let mut files = vec!["payload.asc".to_string()];
    files.extend(backup.capsules().iter().map(|name| format!("{name}.asc")));
    files.push("RECOVERY.txt".to_string());
    files
}

/// The files of the revocation certificate's backup, in the order in which they are stored;
/// `None` where the plan makes none. A key in a token has no other backup, so that the page that
/// says how to open it comes with this one.
pub fn revocation_files(plan: &Plan) -> Option<Vec<String>> {
    let backup = plan.backup.as_ref()?;
    let mut files = vec!["revocation/payload.asc".to_string()];
    files.extend(
        backup
            .capsules()
            .iter()
            .map(|name| format!("revocation/{name}.asc")),
    );
    if plan.key_is_in_a_token() {
        files.push("RECOVERY.txt".to_string());
    }
    Some(files)
}

fn stored(names: &[String], seen: &[Event], event: &Event, done: bool) -> Option<Progress> {
    if let Some(name) = names.get(seen.len()) {
        return match event {
            Event::Stored { file, .. } if file.as_str() == name => Some(Continues),
            _ => None,
        };
    }
    let counted = match event {
        Event::BackedUp { files } | Event::RevocationSaved { files } => *files as usize,
        _ => return None,
    };
    (done && counted == names.len()).then_some(Complete)
}

fn drill(backup: &BackupSpec, seen: &[Event], event: &Event) -> Option<Progress> {
    let capsules = backup.capsules();
    if let Some(due) = capsules.get(seen.len()) {
        return match event {
            Event::QuorumOpened { quorum, .. } if quorum.as_str() == due => Some(Continues),
            _ => None,
        };
    }
    match (seen.len() - capsules.len(), event) {
        (0, Event::Drilled { quorums, .. }) => {
            (*quorums as usize == capsules.len()).then_some(Continues)
        }
        (1, Event::Erased {}) => Some(Complete),
        _ => None,
    }
}

/// What leaves the room, in the order in which it is stored.
pub const EXPORT_FILES: [&str; 4] = [
    "certificate.asc",
    "HANDOVER.txt",
    "fingerprint.txt",
    "fingerprint.pdf",
];

/// The sheet that an event is about, printed or not.
pub fn sheet_of(event: &Event) -> Option<Sheet> {
    match event {
        Event::Printed { sheet, .. } | Event::NotPrinted { sheet, .. } => Some(*sheet),
        _ => None,
    }
}

/// Files, then sheets where there is a printer, then who keeps what.
fn export(seen: &[Event], event: &Event) -> Option<Progress> {
    let printed: Vec<Sheet> = seen.iter().filter_map(sheet_of).collect();
    let done = seen.len() - printed.len();
    if let Some(sheet) = sheet_of(event) {
        // Each once, in this order; either may be missing.
        let next = matches!(
            (sheet, &printed[..]),
            (_, []) | (Sheet::Recovery, [Sheet::Fingerprint])
        );
        return (next && done == EXPORT_FILES.len()).then_some(Continues);
    }
    if let Some(name) = EXPORT_FILES.get(done) {
        return match event {
            Event::Stored { file, .. } if file.as_str() == *name => Some(Continues),
            _ => None,
        };
    }
    match (done - EXPORT_FILES.len(), event) {
        (0, Event::Custody { .. }) => Some(Continues),
        (1, Event::Exported { files }) => {
            (*files as usize == EXPORT_FILES.len()).then_some(Complete)
        }
        _ => None,
    }
}

/// Two failed attempts end a call; only an exception, which counts anew, leads to another one.
fn phone(seen: &[Event], event: &Event) -> Option<Progress> {
    let Some((first, attempts)) = seen.split_first() else {
        return matches!(event, Event::SheetsChecked {}).then_some(Continues);
    };
    matches!(first, Event::SheetsChecked {}).then_some(())?;
    let failed = attempts.len() as u32;
    match event {
        Event::CallFailed { attempt } => {
            (*attempt == failed + 1 && failed < phone::ATTEMPTS).then_some(Continues)
        }
        Event::CallConfirmed { attempts, .. } => {
            (*attempts == failed + 1 && failed < phone::ATTEMPTS).then_some(Complete)
        }
        _ => None,
    }
}

/// A message is named, opened by one quorum or refused, and the key is erased.
fn open(seen: &[Event], event: &Event) -> Option<Progress> {
    match (seen, event) {
        ([], Event::MessageNamed { .. })
        | ([_], Event::QuorumOpened { .. })
        | ([_, _], Event::MessageOpened { .. } | Event::MessageRefused { .. }) => Some(Continues),
        ([_, _, _], Event::Erased {}) => Some(Complete),
        _ => None,
    }
}

/// What the operators take home from an enrolment, in the order in which it is stored.
pub const ENROL_FILES: [&str; 3] = ["operator-a.asc", "operator-b.asc", "site.toml"];

fn enrol(seen: &[Event], event: &Event) -> Option<Progress> {
    match (ENROL_FILES.get(seen.len()), event) {
        (Some(name), Event::Stored { file, .. }) => (file.as_str() == *name).then_some(Continues),
        (None, Event::Enrolled { files }) => {
            (*files as usize == ENROL_FILES.len()).then_some(Complete)
        }
        _ => None,
    }
}
