//! The state after some entries, and what comes next.

use std::fmt;

use super::expect::{self, AuthoriseWhen, Progress};
use super::says;
use crate::digest::{Digest, Fingerprint};
use crate::error::Explain;
use crate::plan::{Plan, Profile, Step, StepKind};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::transcript::Placed;
use crate::record::value::{Act, Decision, Means, Mode, Signed, Spoken, Standing};

/// What the engine wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Entry 0.
    Open,
    /// The step with this index, from where it stands.
    Step(usize),
    /// Both operators sign.
    Authorise(Act),
    /// The head is shown and written on paper.
    NoteHead(Digest),
    /// The key is given up, since what it needed in memory is gone.
    Abandon(Key),
    /// The ceremony is stopped for good, as an exception decided.
    Abort,
    /// A planned stop; only `resume` goes on from here.
    Paused,
    /// Nothing: the transcript is at its end.
    Ended(Ending),
}

/// How a transcript ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were done.
    Closed,
    /// An exception decided to stop.
    Aborted,
}

/// The key under ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The attempt that made it, from 1.
    pub attempt: u32,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// SHA-256 of its certificate's file.
    pub certificate: Digest,
    /// It is in a token: no interruption loses it.
    pub in_token: bool,
}

/// The operators as roll call recorded them: A, then B.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operators {
    /// Primary fingerprints.
    pub fingerprints: [Fingerprint; 2],
    /// SHA-256 of the certificates' files.
    pub certificates: [Digest; 2],
    /// Pinned before, or enrolled in the session.
    pub standings: [Standing; 2],
    /// File or token.
    pub means: [Means; 2],
}

/// A message that was to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SHA-256 of the encrypted message.
    pub message: Digest,
    /// The ceremony whose backup has the key.
    pub backup: String,
    /// SHA-256 of its content, once it was opened.
    pub content: Option<Digest>,
    /// It was refused: altered, cut short, or not for this key.
    pub refused: bool,
}

/// The fold's state.
#[derive(Clone, Debug)]
pub struct State {
    /// How many entries were taken.
    pub entries: u32,
    /// Ceremony or rehearsal, once opened.
    pub mode: Option<Mode>,
    /// The ceremony's id, once opened.
    pub id: Option<String>,
    /// The operators, once roll call was held.
    pub operators: Option<Operators>,
    /// The key, while there is one.
    pub key: Option<Key>,
    /// All keys that were given up, oldest first.
    pub abandoned: Vec<Key>,
    /// The files that were stored for the present key, with hashes.
    pub stored: Vec<(String, Digest)>,
    /// What the exceptions decided: entry number, step and decision.
    pub exceptions: Vec<(u32, String, Decision)>,
    /// How the fingerprint was confirmed by phone, if it was and both operators signed that.
    pub confirmed: Option<Spoken>,
    /// The same, before they signed.
    heard: Option<Spoken>,
    /// The message that was to be opened, and what became of it.
    pub message: Option<Message>,
    /// The last checkpoint entry's hash.
    pub head: Option<Digest>,
    /// The last head noted on paper, and every head since: what the paper may say.
    pub heads_since_note: Vec<Digest>,
    /// The step that is current.
    cursor: usize,
    /// Events of the current step, authorisations left out.
    seen: Vec<Event>,
    /// Whether the current step was authorised.
    authorised: bool,
    /// A checkpoint whose outcome is not recorded yet.
    awaiting: Option<Act>,
    /// Acts beside the steps that still want both signatures, the next one last.
    unsigned: Vec<Act>,
    /// The backup of the present key is complete, so that it no longer lives in memory alone.
    backed_up: bool,
    /// What the key needed in memory is gone.
    lost: bool,
    /// An exception decided to abort.
    aborting: bool,
    paused: bool,
    /// A phase ended since the head was last noted on paper.
    head_due: bool,
    noted: Option<Digest>,
    attempts: u32,
    ended: Option<Ending>,
}

impl State {
    /// The state before any entry.
    pub fn new() -> State {
        State {
            entries: 0,
            mode: None,
            id: None,
            operators: None,
            key: None,
            abandoned: Vec::new(),
            stored: Vec::new(),
            exceptions: Vec::new(),
            confirmed: None,
            heard: None,
            message: None,
            head: None,
            heads_since_note: Vec::new(),
            cursor: 0,
            seen: Vec::new(),
            authorised: false,
            awaiting: None,
            unsigned: Vec::new(),
            backed_up: false,
            lost: false,
            aborting: false,
            paused: false,
            head_due: false,
            noted: None,
            attempts: 0,
            ended: None,
        }
    }

    /// Replays a whole transcript.
    pub fn replay(plan: &Plan, entries: &[Placed]) -> Result<State, Refusal> {
        let mut state = State::new();
        for placed in entries {
            state.take(plan, &placed.entry, placed.digest)?;
        }
        Ok(state)
    }

    /// The current step's index.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The events of the current step so far, authorisations left out.
    pub fn seen(&self) -> &[Event] {
        &self.seen
    }

    /// How the transcript ended, if it did.
    pub fn ended(&self) -> Option<Ending> {
        self.ended
    }

    /// The attempt that a key made now would be.
    pub fn next_attempt(&self) -> u32 {
        self.attempts + 1
    }

    /// Whether both operators can be asked to sign.
    pub fn can_authorise(&self) -> bool {
        self.operators.is_some()
    }

    /// Whether the key lives in memory alone, so that an interruption loses it.
    pub fn key_is_only_in_memory(&self) -> bool {
        let in_memory = self.key.as_ref().is_some_and(|key| !key.in_token);
        in_memory && !self.backed_up
    }

    /// A checkpoint whose outcome the next entry must record.
    pub fn awaiting(&self) -> Option<Act> {
        self.awaiting
    }

    /// What comes next.
    pub fn next(&self, plan: &Plan) -> Next {
        if let Some(ending) = self.ended {
            return Next::Ended(ending);
        }
        if self.entries == 0 {
            return Next::Open;
        }
        if let Some(act) = self.unsigned.last() {
            return Next::Authorise(*act);
        }
        if let Some(key) = self.key.as_ref().filter(|_| self.must_abandon()) {
            return Next::Abandon(key.clone());
        }
        if self.aborting {
            return Next::Abort;
        }
        if self.paused {
            return Next::Paused;
        }
        if let Some(head) = self.owed_head() {
            return Next::NoteHead(head);
        }
        match plan.step(self.cursor) {
            Some(step) if self.wants_authorisation(plan, step) && step.kind != StepKind::Close => {
                Next::Authorise(act_of(&step.kind))
            }
            _ => Next::Step(self.cursor),
        }
    }

    fn must_abandon(&self) -> bool {
        self.lost || (self.aborting && !self.backed_up)
    }

    /// At each phase's end after a new checkpoint, the head goes on paper.
    fn owed_head(&self) -> Option<Digest> {
        self.head.filter(|_| self.head_due)
    }

    /// The last head that was noted on paper.
    pub fn noted_head(&self) -> Option<Digest> {
        self.noted
    }

    fn wants_authorisation(&self, plan: &Plan, step: &Step) -> bool {
        if !step.authorise || self.authorised {
            return false;
        }
        match expect::authorise_when(&step.kind) {
            AuthoriseWhen::First => self.seen.is_empty(),
            AuthoriseWhen::BeforeErasing => matches!(self.seen.last(), Some(Event::Drilled { .. })),
            AuthoriseWhen::AfterNaming => self.seen.len() == 1,
            AuthoriseWhen::Last => self.step_is_done(plan, step),
        }
    }

    fn step_is_done(&self, plan: &Plan, step: &Step) -> bool {
        match self.seen.split_last() {
            Some((last, before)) => {
                expect::accept(plan, step, before, last) == Some(Progress::Complete)
            }
            None => false,
        }
    }

    /// Takes one more entry, or refuses it; a refused entry changes nothing.
    pub fn take(&mut self, plan: &Plan, entry: &Entry, digest: Digest) -> Result<(), Refusal> {
        let refused = || Refusal {
            entry: entry.number,
            step: entry.step.to_string(),
            event: entry.event.name(),
        };
        if self.ended.is_some() || entry.step.as_str() != self.step_label(plan, &entry.event) {
            return Err(refused());
        }
        if !says::fits(self, plan, entry) {
            return Err(refused());
        }
        let mut after = self.clone();
        after.fold(plan, entry, digest).ok_or_else(refused)?;
        after.entries += 1;
        *self = after;
        Ok(())
    }

    /// The step that an entry must name: the current one, or `0` for entry 0.
    pub fn step_label<'a>(&self, plan: &'a Plan, event: &Event) -> &'a str {
        match (event, plan.step(self.cursor)) {
            (Event::Opened { .. }, _) | (_, None) => "0",
            (_, Some(step)) => &step.id,
        }
    }

    fn fold(&mut self, plan: &Plan, entry: &Entry, digest: Digest) -> Option<()> {
        let event = &entry.event;
        if (self.entries == 0) != matches!(event, Event::Opened { .. }) {
            return None;
        }
        if let Some(act) = self.awaiting {
            return self.take_outcome(plan, act, event);
        }
        match event {
            Event::Opened {
                mode, id, format, ..
            } => {
                self.mode = Some(*mode);
                self.id = Some(id.to_string());
                (*format == 1).then_some(())
            }
            Event::Resumed { .. } => self.take_resumed(plan),
            Event::Exception { decided } => self.take_exception(plan, entry, *decided),
            Event::Authorise { act } => self.take_checkpoint(plan, *act, digest),
            _ if !self.unsigned.is_empty() => match event {
                Event::Aborted {} if self.aborting => self.end(Ending::Aborted),
                _ => None,
            },
            Event::Abandoned {
                attempt,
                fingerprint,
            } => self.take_abandoned(plan, *attempt, fingerprint),
            Event::Aborted {} => {
                let free = self.aborting && !(self.key.is_some() && self.must_abandon());
                free.then(|| self.end(Ending::Aborted))?
            }
            _ if self.aborting || self.lost || self.paused => None,
            Event::HeadNoted { head } => {
                (self.owed_head()? == *head).then_some(())?;
                self.noted = Some(*head);
                self.head_due = false;
                self.heads_since_note = vec![*head];
                Some(())
            }
            _ => self.take_step_event(plan, event),
        }
    }

    fn end(&mut self, ending: Ending) -> Option<()> {
        self.ended = Some(ending);
        Some(())
    }

    /// After a checkpoint only its outcome can follow, or an interruption.
    fn take_outcome(&mut self, plan: &Plan, act: Act, event: &Event) -> Option<()> {
        match event {
            Event::Resumed { .. } => return self.take_resumed(plan),
            Event::Refused { sig_a, sig_b } => {
                let both = matches!((sig_a, sig_b), (Signed::Yes(_), Signed::Yes(_)));
                (!both).then_some(())?;
                // An operator who cannot or will not sign does not keep an abort from its end.
                if self.aborting {
                    self.unsigned.clear();
                }
            }
            Event::Closed {
                entries,
                sig_a: Signed::Yes(_),
                sig_b: Signed::Yes(_),
                ..
            } => {
                let complete = act == Act::Close && *entries == self.entries + 1;
                complete.then_some(())?;
                let step = plan.step(self.cursor)?;
                expect::accept(plan, step, &self.seen, event)?;
                self.end(Ending::Closed)?;
            }
            Event::Authorised {
                sig_a: Signed::Yes(_),
                sig_b: Signed::Yes(_),
            } if act != Act::Close => {
                if self.unsigned.last() == Some(&act) {
                    self.unsigned.pop();
                } else {
                    if act == Act::Phone {
                        self.confirmed = self.heard;
                    }
                    self.authorised = true;
                    self.advance_if_done(plan);
                }
            }
            _ => return None,
        }
        self.awaiting = None;
        Some(())
    }

    fn take_checkpoint(&mut self, plan: &Plan, act: Act, digest: Digest) -> Option<()> {
        let due = match self.unsigned.last() {
            Some(due) => *due,
            None => {
                let free = !self.aborting && !self.lost && !self.paused;
                let step = plan.step(self.cursor).filter(|_| free)?;
                let wanted = self.owed_head().is_none() && self.wants_authorisation(plan, step);
                wanted.then(|| act_of(&step.kind))?
            }
        };
        (due == act && self.can_authorise()).then_some(())?;
        self.awaiting = Some(act);
        self.head = Some(digest);
        self.heads_since_note.push(digest);
        Some(())
    }

    /// What was only in memory is gone, and the current step begins again.
    fn take_resumed(&mut self, plan: &Plan) -> Option<()> {
        self.awaiting = None;
        self.paused = false;
        self.unsigned.clear();
        if !self.aborting && !self.is_made_in_token(plan) {
            self.seen.clear();
            self.authorised = false;
        }
        // Roll call itself was interrupted before it was signed: it is held again.
        if self.operators.is_some() && self.head.is_none() {
            self.operators = None;
        }
        if self.can_authorise() {
            self.unsigned.push(Act::Resume);
        }
        self.lost = self.key_is_only_in_memory();
        Some(())
    }

    /// The key was just made in a token, so that the step goes on after that.
    fn is_made_in_token(&self, plan: &Plan) -> bool {
        let step = plan.step(self.cursor);
        step.is_some_and(|step| step.kind == StepKind::Generate)
            && self.key.as_ref().is_some_and(|key| key.in_token)
    }

    fn take_exception(&mut self, plan: &Plan, entry: &Entry, decided: Decision) -> Option<()> {
        self.exceptions
            .push((entry.number, entry.step.to_string(), decided));
        // Attempts are counted anew; nothing that was achieved is lost or gained.
        let done = plan
            .step(self.cursor)
            .is_some_and(|step| self.step_is_done(plan, step));
        if !done {
            self.seen.retain(|event| {
                !matches!(
                    event,
                    Event::ReadBackFailed { .. }
                        | Event::ShareFailed { .. }
                        | Event::CallFailed { .. }
                )
            });
        }
        if self.can_authorise() {
            self.unsigned.push(Act::Exception);
        }
        self.aborting |= decided == Decision::Abort;
        Some(())
    }

    fn take_abandoned(
        &mut self,
        plan: &Plan,
        attempt: u32,
        fingerprint: &Fingerprint,
    ) -> Option<()> {
        let key = self.key.take().filter(|_| self.must_abandon())?;
        (key.attempt == attempt && key.fingerprint == *fingerprint).then_some(())?;
        self.abandoned.push(key);
        self.stored.clear();
        self.lost = false;
        self.backed_up = false;
        if self.can_authorise() {
            self.unsigned.push(Act::Abandon);
        }
        let is_generate = |step: &Step| step.kind == StepKind::Generate;
        let generate = plan.steps().position(|(_, step)| is_generate(step))?;
        self.begin(generate);
        // The phase did not end: no head is owed for going back.
        self.head_due = false;
        Some(())
    }

    fn take_step_event(&mut self, plan: &Plan, event: &Event) -> Option<()> {
        let step = plan.step(self.cursor)?;
        if self.owed_head().is_some() || self.wants_authorisation(plan, step) {
            return None;
        }
        expect::accept(plan, step, &self.seen, event)?;
        self.note_effect(event)?;
        self.seen.push(event.clone());
        self.advance_if_done(plan);
        Some(())
    }

    /// What an event means beyond its own step.
    fn note_effect(&mut self, event: &Event) -> Option<()> {
        match event {
            Event::RollCall {
                operator_a,
                cert_a,
                standing_a,
                means_a,
                operator_b,
                cert_b,
                standing_b,
                means_b,
            } => {
                (operator_a != operator_b && cert_a != cert_b).then_some(())?;
                let called = Operators {
                    fingerprints: [operator_a.clone(), operator_b.clone()],
                    certificates: [*cert_a, *cert_b],
                    standings: [*standing_a, *standing_b],
                    means: [*means_a, *means_b],
                };
                // Held again after an interruption, it must find the same two.
                self.operators
                    .as_ref()
                    .is_none_or(|before| *before == called)
                    .then_some(())?;
                self.operators = Some(called);
            }
            Event::Generated {
                attempt,
                profile,
                fingerprint,
                certificate,
            } => {
                (*attempt == self.next_attempt()).then_some(())?;
                self.attempts = *attempt;
                self.key = Some(Key {
                    attempt: *attempt,
                    fingerprint: fingerprint.clone(),
                    certificate: *certificate,
                    // The plan's rules let a key in a token, and no other, have this profile.
                    in_token: profile.as_str() == Profile::P256.to_string(),
                });
            }
            Event::Stored { file, sha256 } => {
                // Stored again after an interruption, the later one counts.
                self.stored.retain(|(before, _)| before != file.as_str());
                self.stored.push((file.to_string(), *sha256));
            }
            Event::Drilled { fingerprint, .. } | Event::TrialDone { fingerprint } => {
                (self.key.as_ref()?.fingerprint == *fingerprint).then_some(())?;
            }
            Event::Paused {} => self.paused = true,
            Event::CallConfirmed { heard, .. } => self.heard = Some(*heard),
            Event::MessageNamed {
                message, backup, ..
            } => {
                // Named again after an interruption, it must be the same one.
                let same = |before: &Message| {
                    before.message == *message && before.backup == backup.as_str()
                };
                self.message.as_ref().is_none_or(same).then_some(())?;
                self.message = Some(Message {
                    message: *message,
                    backup: backup.to_string(),
                    content: None,
                    refused: false,
                });
            }
            Event::MessageOpened { content, .. } => {
                self.message.as_mut()?.content = Some(*content);
            }
            Event::MessageRefused { .. } => self.message.as_mut()?.refused = true,
            _ => {}
        }
        Some(())
    }

    fn advance_if_done(&mut self, plan: &Plan) {
        let Some(step) = plan.step(self.cursor) else {
            return;
        };
        if !self.step_is_done(plan, step) || (step.authorise && !self.authorised) {
            return;
        }
        let phase = plan.phase_of(self.cursor);
        self.begin(self.cursor + 1);
        let phase_ended = plan.phase_of(self.cursor) != phase;
        self.head_due |= phase_ended && self.head != self.noted;
        let waits = |kind: &StepKind| {
            matches!(
                kind,
                StepKind::Share | StepKind::Backup | StepKind::Revocation
            )
        };
        let pending = plan
            .steps()
            .skip(self.cursor)
            .any(|(_, step)| waits(&step.kind));
        self.backed_up = self.key.is_some() && !pending;
    }

    fn begin(&mut self, step: usize) {
        self.cursor = step;
        self.seen.clear();
        self.authorised = false;
    }
}

impl Default for State {
    fn default() -> Self {
        State::new()
    }
}

/// The act that authorises a step of this kind.
pub fn act_of(kind: &StepKind) -> Act {
    match kind {
        StepKind::RollCall => Act::RollCall,
        StepKind::Generate => Act::Generate,
        StepKind::Fingerprint => Act::Fingerprint,
        StepKind::ReadBack(_) => Act::ReadBack,
        StepKind::Share => Act::Share,
        StepKind::Backup => Act::Backup,
        StepKind::Revocation => Act::Revocation,
        StepKind::Drill => Act::Drill,
        StepKind::Trial => Act::Trial,
        StepKind::Export => Act::Export,
        StepKind::Phone => Act::Phone,
        StepKind::Open => Act::Open,
        StepKind::Enrol => Act::Enrol,
        StepKind::Close => Act::Close,
        // The plan's rules refuse authorisation before roll call; the rest is the media check.
        StepKind::Media | StepKind::Clock | StepKind::Preflight | StepKind::Pause => Act::Media,
    }
}

/// An entry that does not follow from the plan and the entries before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entry's number.
    pub entry: u32,
    /// The step that it names.
    pub step: String,
    /// Its event.
    pub event: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { entry, step, event } = self;
        write!(
            f,
            "entry {entry} (step {step}, {event}) does not follow from the plan and what came before"
        )
    }
}

impl std::error::Error for Refusal {}

impl Explain for Refusal {
    fn remedy(&self) -> String {
        "Do not rely on this record: a step was left out, repeated or done out of order."
            .to_string()
    }
}
