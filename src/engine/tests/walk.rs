//! A ceremony that is walked through event by event, and all that could be tried on the way.

use super::super::*;
use crate::attestation::Firmware;
use crate::backup::quorum::TOKENS;
use crate::digest::{Digest, Fingerprint};
use crate::phone::canary::{self, Canary};
use crate::phone::result::{self, Said};
use crate::plan::{self, OperatorDemand, Plan, StepKind};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::value::{
    Act, Decision, Holder, Instead, Means, Mode, Opener, Part, PrintedBy, Sheet, Signed, Spoken,
    Standing, Token,
};
use crate::role::Role;
use crate::words::pgp::Heard;

pub(super) fn carried() -> Plan {
    let plan = plan::load_carried("backup-key").expect("it is carried");
    plan.expect("it is good")
}

/// The carried plan that opens a message and makes no key.
pub(super) fn opening() -> Plan {
    let plan = plan::load_carried("open").expect("it is carried");
    plan.expect("it is good")
}

/// The carried plan that enrols two operators with tokens.
pub(super) fn enrolling() -> Plan {
    let plan = plan::load_carried("enrol-operator").expect("it is carried");
    plan.expect("it is good")
}

/// The carried plan whose key is made in a token.
pub(super) fn in_a_token() -> Plan {
    let plan = plan::load_carried("token-key").expect("it is carried");
    plan.expect("it is good")
}

/// The carried plan with a planned stop before the last step.
pub(super) fn with_a_pause() -> Plan {
    let source = carried().source().replace("minutes = 60", "minutes = 61");
    let (before, close) = source.rsplit_once("[[phase.step]]").expect("a step");
    let id = carried().steps().last().expect("a step").1.id.clone();
    let (phase, step) = id.split_once('.').expect("an id");
    let next: u32 = step.parse::<u32>().expect("a number") + 1;
    let pause = format!("id = \"{id}\"\nkind = \"pause\"\ntext = \"Wait.\"\nminutes = 1\n\n");
    let close = close.replace(&format!("\"{id}\""), &format!("\"{phase}.{next}\""));
    let source = format!("{before}[[phase.step]]\n{pause}[[phase.step]]{close}");
    Plan::parse(&source).expect("a good plan")
}

pub(super) fn token(text: &str) -> Token {
    Token::new(text).expect("a token")
}

pub(super) fn fingerprint(of: &str) -> Fingerprint {
    Fingerprint::from_bytes(&Digest::of(of.as_bytes()).bytes()[..20]).expect("20 bytes")
}

pub(super) fn yes() -> Signed {
    Signed::Yes(Digest::of(b"a signature"))
}

/// A ceremony as it goes on.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: State,
}

impl<'a> Walk<'a> {
    pub(super) fn new(plan: &'a Plan) -> Walk<'a> {
        Walk {
            plan,
            state: State::new(),
        }
    }

    /// The event as an entry that is right in all but, perhaps, its coming now.
    pub(super) fn take(&mut self, event: Event) -> Result<(), Refusal> {
        let number = self.state.entries;
        let entry = Entry {
            number,
            prev: Digest::ZERO,
            time: 0,
            uptime: 0,
            step: token(self.state.step_label(self.plan, &event)),
            actors: says::actors(&event),
            detail: None,
            event,
        };
        let digest = Digest::of(&entry.bytes());
        self.state.take(self.plan, &entry, digest)
    }

    pub(super) fn must(&mut self, event: Event) {
        let name = event.name();
        let step = self.state.cursor();
        let taken = self.take(event);
        taken.unwrap_or_else(|_| panic!("{name} must follow at step {step}"));
    }

    pub(super) fn refuses(&self, event: Event) -> bool {
        self.clone().take(event).is_err()
    }

    /// What a ceremony without any trouble does next; `None` at the end.
    pub(super) fn due(&self) -> Option<Event> {
        if let Some(act) = self.state.awaiting() {
            let (sig_a, sig_b) = (yes(), yes());
            return Some(match act {
                Act::Close => Event::Closed {
                    entries: self.state.entries + 1,
                    sums: Digest::ZERO,
                    sig_a,
                    sig_b,
                },
                _ => Event::Authorised { sig_a, sig_b },
            });
        }
        Some(match self.state.next(self.plan) {
            Next::Open => opened(),
            Next::Authorise(act) => Event::Authorise { act },
            Next::NoteHead(head) => Event::HeadNoted { head },
            Next::Abandon(key) => Event::Abandoned {
                attempt: key.attempt,
                fingerprint: key.fingerprint,
            },
            Next::Abort => Event::Aborted {},
            Next::Paused => resumed(self.state.entries),
            Next::Ended(_) => return None,
            Next::Step(_) => self.due_in_step(),
        })
    }

    pub(super) fn due_in_step(&self) -> Event {
        let step = self.plan.step(self.state.cursor()).expect("a step");
        let seen = self.state.seen();
        let failed =
            |e: &&Event| matches!(e, Event::ShareFailed { .. } | Event::ReadBackFailed { .. });
        let wrong = seen.iter().rev().take_while(failed).count() as u32;
        let at = seen.len();
        match &step.kind {
            StepKind::Clock => Event::ClockConfirmed {},
            StepKind::Preflight => preflight(0),
            StepKind::RollCall => match (self.plan.operators, at) {
                (OperatorDemand::Any, _) => roll_call("b"),
                (OperatorDemand::Token, 0) => attested(Holder::A),
                (OperatorDemand::Token, 1) => attested(Holder::B),
                _ => with_tokens(),
            },
            StepKind::Media => Event::MediaReady { media: 6 },
            StepKind::Generate if at == 1 => attested(Holder::Key),
            StepKind::Generate => made(self.plan, self.state.next_attempt()),
            StepKind::Fingerprint => Event::FingerprintCopied {},
            StepKind::ReadBack(_) => Event::ReadBackMatched {
                attempts: wrong + 1,
            },
            StepKind::Share => {
                let done = seen.iter().filter(|e| !failed(e)).count();
                let (custodian, part) = share_parts(&self.backup())[done];
                share(custodian.letter(), part, wrong + 1)
            }
            StepKind::Backup => match backup_files(&self.backup()).get(at) {
                Some(name) => stored(name),
                None => Event::BackedUp { files: at as u32 },
            },
            StepKind::Trial => Event::TrialDone {
                fingerprint: fingerprint("the key"),
            },
            StepKind::Revocation => match revocation_names(self.plan).get(at) {
                Some(name) => stored(name),
                None => Event::RevocationSaved { files: at as u32 },
            },
            StepKind::Drill => match self.backup().capsules().get(at) {
                Some(name) => quorum_opened(name),
                None if at == self.backup().capsules().len() => drilled(at as u32),
                None => Event::Erased {},
            },
            StepKind::Export => match EXPORT_FILES.get(at - sheets(seen)) {
                Some(name) => stored(name),
                None if at - sheets(seen) == EXPORT_FILES.len() => Event::Custody { items: 4 },
                None => Event::Exported { files: 4 },
            },
            StepKind::Pause => Event::Paused {},
            StepKind::Phone => match seen.split_first() {
                None => Event::SheetsChecked {},
                Some((_, failed)) => self.confirmed(Spoken::Canaries, failed.len() as u32 + 1),
            },
            StepKind::Open => match at {
                0 => message_named("2026-01-02-backup-key-0A1B2C3D"),
                1 => quorum_opened("AB"),
                2 => message_opened(),
                _ => Event::Erased {},
            },
            StepKind::Enrol => match ENROL_FILES.get(at) {
                Some(name) => stored(name),
                None => Event::Enrolled { files: at as u32 },
            },
            StepKind::Close => Event::Authorise { act: Act::Close },
        }
    }

    /// A call that confirmed the key.
    pub(super) fn confirmed(&self, heard: Spoken, attempts: u32) -> Event {
        let head = self.state.noted_head().unwrap_or(Digest::ZERO);
        let none = Event::CallConfirmed {
            attempts,
            heard,
            head,
            nonce: None,
            canaries: None,
            result: None,
        };
        let (Some(key), Spoken::Canaries) = (&self.state.key, heard) else {
            return none;
        };
        let word = |byte| Heard { byte, even: true };
        let canary = |place, byte| Canary {
            place,
            word: word(byte),
        };
        let said = Said {
            id: self.state.id.clone().expect("it was opened"),
            certificate: key.certificate,
            nonce: [1, 2, 3, 4],
            canaries: vec![canary(1, 7), canary(5, 8), canary(22, 9)],
            head: head.bytes()[..10].try_into().expect("ten bytes"),
        };
        Event::CallConfirmed {
            attempts,
            heard,
            head,
            nonce: Some(token(&result::write_nonce(&said.nonce))),
            canaries: Some(token(&canary::write(&said.canaries))),
            result: Some(said.digest()),
        }
    }

    /// The plan's custodians; where it names none, those that other events may speak of.
    pub(super) fn backup(&self) -> plan::BackupSpec {
        let named = self.plan.backup.clone();
        named.unwrap_or_else(|| carried().backup.expect("the plan backs up"))
    }

    /// Goes on without trouble until `stop` says so, or to the end.
    pub(super) fn on_until(&mut self, stop: impl Fn(&Walk<'_>) -> bool) {
        while !stop(self) {
            let Some(event) = self.due() else { return };
            self.must(event);
        }
    }

    pub(super) fn on_to(&mut self, kind: &StepKind) {
        self.on_until(|walk| {
            let step = walk.plan.step(walk.state.cursor());
            step.is_some_and(|step| step.kind == *kind) && walk.in_step()
        });
        assert!(self.due().is_some(), "the plan has such a step");
    }

    /// Whether the step itself goes on next, nothing else being due.
    pub(super) fn in_step(&self) -> bool {
        let next = self.state.next(self.plan);
        self.state.awaiting().is_none() && matches!(next, Next::Step(_))
    }
}

pub(super) fn opened() -> Event {
    Event::Opened {
        format: 1,
        mode: Mode::Ceremony,
        id: token("2026-01-02-backup-key-00000000"),
        plan: Digest::ZERO,
        checklist: Digest::ZERO,
        program: Digest::ZERO,
        version: token("1"),
        image: None,
        previous: None,
    }
}

pub(super) fn resumed(kept: u32) -> Event {
    Event::Resumed {
        kept,
        fragment: None,
        medium: Role::OperatorA,
        missing: None,
    }
}

pub(super) fn preflight(failed: u32) -> Event {
    Event::PreflightDone {
        passed: 9,
        warned: 0,
        failed,
    }
}

pub(super) fn roll_call(b: &str) -> Event {
    Event::RollCall {
        operator_a: fingerprint("a"),
        cert_a: Digest::of(b"a"),
        standing_a: Standing::Enrolled,
        means_a: Means::File,
        operator_b: fingerprint(b),
        cert_b: Digest::of(b.as_bytes()),
        standing_b: Standing::Enrolled,
        means_b: Means::File,
    }
}

/// The roll call of two operators with tokens.
pub(super) fn with_tokens() -> Event {
    let mut event = roll_call("b");
    if let Event::RollCall {
        means_a, means_b, ..
    } = &mut event
    {
        (*means_a, *means_b) = (Means::Token, Means::Token);
    }
    event
}

pub(super) fn attested(holder: Holder) -> Event {
    Event::TokenAttested {
        holder,
        firmware: Firmware(5, 7, 1),
    }
}

pub(super) fn generated(attempt: u32) -> Event {
    Event::Generated {
        attempt,
        profile: token("rsa4096"),
        fingerprint: fingerprint("the key"),
        certificate: Digest::of(b"certificate.asc"),
    }
}

/// The key that the plan describes.
pub(super) fn made(plan: &Plan, attempt: u32) -> Event {
    let mut event = generated(attempt);
    if let (Event::Generated { profile, .. }, Some(key)) = (&mut event, &plan.key) {
        *profile = token(&key.profile.to_string());
    }
    event
}

/// The files of the revocation step; where the plan has none, those of one that does.
pub(super) fn revocation_names(plan: &Plan) -> Vec<String> {
    let names = revocation_files(plan).or_else(|| revocation_files(&carried()));
    names.expect("the plan backs up")
}

pub(super) fn share(custodian: char, part: Part, attempts: u32) -> Event {
    Event::ShareConfirmed {
        custodian,
        part,
        attempts,
    }
}

pub(super) fn stored(name: &str) -> Event {
    Event::Stored {
        file: token(name),
        sha256: Digest::of(name.as_bytes()),
    }
}

pub(super) fn quorum_opened(quorum: &str) -> Event {
    let opener = match quorum == TOKENS {
        true => Opener::Token,
        false => Opener::Gpg,
    };
    opened_by(quorum, opener)
}

pub(super) fn opened_by(quorum: &str, opener: Opener) -> Event {
    Event::QuorumOpened {
        quorum: token(quorum),
        medium: Role::Secret1,
        opener,
    }
}

pub(super) fn drilled(quorums: u32) -> Event {
    Event::Drilled {
        quorums,
        fingerprint: fingerprint("the key"),
    }
}

pub(super) fn message_named(backup: &str) -> Event {
    Event::MessageNamed {
        message: Digest::of(b"message"),
        bytes: 7,
        backup: token(backup),
        payload: Digest::of(b"payload"),
    }
}

pub(super) fn message_opened() -> Event {
    Event::MessageOpened {
        fingerprint: fingerprint("the key"),
        content: Digest::of(b"content"),
        bytes: 7,
    }
}

/// Events of every kind, each with the values that could fit somewhere.
pub(super) fn everything(walk: &Walk<'_>) -> Vec<Event> {
    let mut all = vec![
        opened(),
        Event::ClockConfirmed {},
        preflight(0),
        preflight(1),
        roll_call("b"),
        roll_call("c"),
        with_tokens(),
        attested(Holder::A),
        attested(Holder::B),
        Event::MediaReady { media: 6 },
        Event::FingerprintCopied {},
        Event::Erased {},
        Event::Custody { items: 4 },
        printed(Sheet::Fingerprint, "fingerprint.txt"),
        printed(Sheet::Fingerprint, "something-else"),
        printed(Sheet::Recovery, "anything"),
        not_printed(Sheet::Fingerprint),
        not_printed(Sheet::Recovery),
        Event::Paused {},
        Event::Aborted {},
        Event::SheetsChecked {},
        attested(Holder::Key),
        Event::TrialDone {
            fingerprint: fingerprint("the key"),
        },
        Event::TrialDone {
            fingerprint: fingerprint("another key"),
        },
        message_named("2026-01-02-backup-key-0A1B2C3D"),
        message_named("REHEARSAL-2026-01-02-backup-key-0A1B2C3D"),
        message_opened(),
        Event::MessageRefused {
            fingerprint: fingerprint("the key"),
        },
        resumed(walk.state.entries),
        resumed(walk.state.entries + 1),
    ];
    all.extend(Act::ALL.iter().map(|act| Event::Authorise { act: *act }));
    all.extend(
        Decision::ALL
            .iter()
            .map(|d| Event::Exception { decided: *d }),
    );
    for (sig_a, sig_b) in [
        (yes(), yes()),
        (yes(), Signed::Refused),
        (Signed::Refused, yes()),
        (Signed::Refused, Signed::Refused),
    ] {
        all.push(Event::Authorised { sig_a, sig_b });
        all.push(Event::Refused { sig_a, sig_b });
        for entries in [walk.state.entries, walk.state.entries + 1] {
            let sums = Digest::ZERO;
            all.push(Event::Closed {
                entries,
                sums,
                sig_a,
                sig_b,
            });
        }
    }
    for n in 0..7 {
        all.extend([
            generated(n),
            made(walk.plan, n),
            Event::ReadBackFailed { attempt: n },
            Event::CallFailed { attempt: n },
            walk.confirmed(Spoken::Canaries, n),
            walk.confirmed(Spoken::Digits, n),
            Event::ReadBackMatched { attempts: n },
            Event::BackedUp { files: n },
            Event::RevocationSaved { files: n },
            Event::Exported { files: n },
            Event::Enrolled { files: n },
            drilled(n),
        ]);
        for (custodian, part) in share_parts(&walk.backup()) {
            let custodian = custodian.letter();
            all.push(share(custodian, part, n));
            all.push(Event::ShareFailed {
                custodian,
                part,
                attempt: n,
            });
        }
        all.push(Event::Abandoned {
            attempt: n,
            fingerprint: fingerprint("the key"),
        });
    }
    let files = [backup_files(&walk.backup()), revocation_names(walk.plan)].concat();
    all.extend(files.iter().map(|name| stored(name)));
    all.extend(EXPORT_FILES.iter().map(|name| stored(name)));
    all.extend(walk.backup().capsules().iter().map(|q| quorum_opened(q)));
    let heads = [Digest::ZERO].into_iter().chain(walk.state.head);
    all.extend(heads.map(|head| Event::HeadNoted { head }));
    all
}

/// What may happen beside the event that is due: trouble, which is never a way round it.
pub(super) fn may_happen(walk: &Walk<'_>, event: &Event) -> bool {
    let awaiting = walk.state.awaiting().is_some();
    match event {
        Event::Resumed { kept, .. } => *kept == walk.state.entries && *kept > 0,
        Event::Exception { .. } => !awaiting && walk.state.entries > 0,
        Event::Refused { sig_a, sig_b } => awaiting && [*sig_a, *sig_b] != [yes(), yes()],
        // Nobody was called yet: whoever comes is called.
        Event::RollCall {
            means_a: a,
            means_b: b,
            ..
        } => {
            let due = walk.due();
            let same = matches!(due, Some(Event::RollCall { means_a, means_b, .. })
                if (means_a, means_b) == (*a, *b));
            same && !walk.state.can_authorise()
        }
        // Each of the two may have a token, also where the plan does not ask for one.
        Event::TokenAttested { holder, .. } => {
            let step = walk.plan.step(walk.state.cursor());
            let called = step.is_some_and(|step| step.kind == StepKind::RollCall);
            let seen = walk.state.seen();
            let fits = match holder {
                Holder::A => seen.is_empty(),
                Holder::B => !seen.contains(&attested(Holder::B)),
                Holder::Key => false,
            };
            called && walk.in_step() && !walk.state.can_authorise() && fits
        }
        Event::ReadBackFailed { attempt } => {
            matches!(walk.due(), Some(Event::ReadBackMatched { attempts }) if attempts == *attempt)
        }
        Event::CallFailed { attempt } => {
            matches!(walk.due(), Some(Event::CallConfirmed { attempts, .. }) if attempts == *attempt)
        }
        // Either way of reading confirms the key.
        Event::CallConfirmed { attempts: n, .. } => {
            matches!(walk.due(), Some(Event::CallConfirmed { attempts, .. }) if attempts == *n)
        }
        Event::ShareFailed {
            custodian,
            part,
            attempt,
        } => walk.due() == Some(share(*custodian, *part, *attempt)),
        // Sheets, where there is a printer, in their order.
        Event::Printed { sheet, .. } => {
            let as_stored = *event != printed(Sheet::Fingerprint, "something-else");
            prints_now(walk, *sheet) && as_stored
        }
        Event::NotPrinted { sheet, .. } => {
            let decided = walk.state.exceptions.iter();
            let by_hand = |decision: &Decision| *decision == Decision::CopyByHand;
            let step = walk.plan.step(walk.state.cursor()).map(|step| &step.id);
            let mut here = decided.filter(|(_, of, _)| Some(of) == step);
            prints_now(walk, *sheet) && here.any(|(_, _, decision)| by_hand(decision))
        }
        // Whichever quorum is there opens the backup, and a message may be refused.
        Event::QuorumOpened { .. } => opens_now(walk, 1),
        Event::MessageRefused { .. } => opens_now(walk, 2),
        _ => false,
    }
}

/// How many sheets were printed or not.
fn sheets(seen: &[Event]) -> usize {
    seen.iter()
        .filter(|event| sheet_of(event).is_some())
        .count()
}

/// Whether all files were exported, and this sheet may be next.
fn prints_now(walk: &Walk<'_>, sheet: Sheet) -> bool {
    let step = walk.plan.step(walk.state.cursor());
    let exports = step.is_some_and(|step| step.kind == StepKind::Export);
    let seen = walk.state.seen();
    let before: Vec<Sheet> = seen.iter().filter_map(sheet_of).collect();
    let next = before.is_empty() || (before == [Sheet::Fingerprint] && sheet == Sheet::Recovery);
    let files = seen.len() - before.len() == EXPORT_FILES.len();
    exports && walk.in_step() && files && next
}

pub(super) fn printed(sheet: Sheet, name: &str) -> Event {
    let Event::Stored { sha256, .. } = stored(name) else {
        unreachable!("it is a file's")
    };
    Event::Printed {
        sheet,
        pages: 3,
        sha256,
        how: PrintedBy::Raw,
    }
}

pub(super) fn not_printed(sheet: Sheet) -> Event {
    Event::NotPrinted {
        sheet,
        how: Instead::LeftOut,
    }
}

/// Whether a message is being opened, and so many of its events came.
pub(super) fn opens_now(walk: &Walk<'_>, seen: usize) -> bool {
    let step = walk.plan.step(walk.state.cursor());
    let opens = step.is_some_and(|step| step.kind == StepKind::Open);
    opens && walk.in_step() && walk.state.seen().len() == seen
}
