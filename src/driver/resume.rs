//! Going on after an interruption: the transcript is the state, and there is no other.

use std::collections::BTreeMap;
use std::fmt;

use super::head;
use crate::digest::Digest;
use crate::edge::media::{Kind, Media};
use crate::edge::{MediaError, MediaFault};
use crate::engine::{Ending, Refusal, State};
use crate::error::{Exit, Explain};
use crate::id;
use crate::journal::{Journal, RECORD_MEDIA};
use crate::plan::{Operator, Plan, PlanError};
use crate::preflight::Report;
use crate::record::event::Event;
use crate::record::files::{self, Claim};
use crate::record::time;
use crate::record::transcript::{self, Placed, TranscriptError};
use crate::record::value::{Actors, Decision, Mode};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Place, Who, layout};
use crate::steps;
use crate::words::pgp;

/// What the record media hold, after the longest copy was chosen.
pub struct Found {
    /// The plan, as the record has it.
    pub plan: Plan,
    /// The entries of the longest copy.
    pub entries: Vec<Placed>,
    /// Ceremony or rehearsal.
    pub mode: Mode,
    transcript: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
    medium: Role,
    missing: Option<Role>,
    /// What no entry accounts for: medium, path within the record, bytes.
    leftovers: Vec<(Role, String, Vec<u8>)>,
}

impl Found {
    /// Whether entries may follow.
    pub fn goes_on(&self) -> bool {
        let last = self.entries.last().map(|placed| &placed.entry.event);
        !matches!(last, Some(Event::Closed { .. } | Event::Aborted {}))
    }

    /// The media besides the operators' that are needed from here on, where all are brought anew.
    pub fn media_needed(&self) -> Result<Vec<Role>, ResumeError> {
        let state = State::replay(&self.plan, &self.entries)?;
        let from = begins_at(&state);
        // A closed record may lack its public copy.
        let ended = state.ended();
        let used = |role: &Role| match ended {
            None => self.plan.uses(*role, from),
            Some(Ending::Closed) => *role == Role::Public,
            Some(Ending::Aborted) => false,
        };
        let mut media = self.plan.media(&[]);
        media.retain(|role| !RECORD_MEDIA.contains(role) && used(role));
        Ok(media)
    }
}

/// The step from which media are used: a key that is only in memory is made again.
fn begins_at(state: &State) -> usize {
    match state.key_is_only_in_memory() {
        true => 0,
        false => state.cursor(),
    }
}

/// One medium's copy.
struct Copy {
    role: Role,
    bytes: Vec<u8>,
    entries: Vec<Placed>,
    files: BTreeMap<String, Vec<u8>>,
    error: Option<TranscriptError>,
}

impl Copy {
    fn valid(&self) -> &[u8] {
        &self.bytes[..self.entries.last().map_or(0, |last| last.end)]
    }
}

/// Reads all copies of the record. The longest valid one wins if the others are its prefixes.
pub fn gather(media: &mut dyn Media, id: &str) -> Result<Found, ResumeError> {
    let mut copies = Vec::new();
    let mut missing = None;
    let mut empty = None;
    for role in RECORD_MEDIA {
        match read_copy(media, role, id)? {
            Looked::Copy(copy) => copies.push(copy),
            Looked::Nothing => empty = Some(role),
            Looked::Unreachable => missing = Some(role),
        }
    }
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.entries.len()));
    let Some(longest) = copies.first() else {
        return Err(ResumeError::NoRecord);
    };
    for other in &copies[1..] {
        if !longest.valid().starts_with(other.valid()) {
            return Err(ResumeError::Fork);
        }
    }
    if longest.entries.is_empty() {
        return Err(match longest.error.clone() {
            Some(error) if error.why != transcript::Why::CutShort => ResumeError::Transcript(error),
            _ => ResumeError::Empty,
        });
    }
    // The first entry is on one medium before anything is on the other; later a medium without
    // a record is the wrong one.
    if longest.entries.len() > 1 {
        missing = missing.or(empty);
    }
    let Event::Opened {
        mode,
        plan: plan_digest,
        id: recorded,
        ..
    } = &longest.entries[0].entry.event
    else {
        return Err(ResumeError::Empty);
    };
    if recorded.as_str() != id {
        return Err(ResumeError::OtherId);
    }
    let files = claimed_files(&longest.entries, &copies)?;
    let source = files
        .get(files::PLAN)
        .filter(|bytes| Digest::of(bytes) == *plan_digest);
    let source = source.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let plan = Plan::parse(source.ok_or(ResumeError::Damaged(files::PLAN.to_string()))?)?;
    if !id::fits(id, *mode, &plan.id) {
        return Err(ResumeError::OtherId);
    }
    State::replay(&plan, &longest.entries)?;
    Ok(Found {
        mode: *mode,
        leftovers: leftovers(&files, &copies),
        entries: longest.entries.clone(),
        transcript: longest.valid().to_vec(),
        medium: longest.role,
        plan,
        files,
        missing,
    })
}

/// What a record medium has.
enum Looked {
    Copy(Copy),
    Nothing,
    Unreachable,
}

fn read_copy(media: &mut dyn Media, role: Role, id: &str) -> Result<Looked, ResumeError> {
    let folder = format!("{id}/record");
    let listed = match media.list(role, &folder) {
        Ok(listed) => listed,
        Err(MediaError {
            fault: MediaFault::Gone,
            ..
        }) => return Err(ResumeError::NoRecord),
        Err(_) => return Ok(Looked::Unreachable),
    };
    if listed.is_empty() {
        return Ok(Looked::Nothing);
    }
    let mut files = BTreeMap::new();
    for (path, kind) in listed {
        match kind {
            Kind::Folder => {}
            Kind::Other => return Err(ResumeError::Damaged(format!("{role}: {path}"))),
            Kind::File => {
                let bytes = media.read(role, &format!("{folder}/{path}"))?;
                files.insert(path, bytes);
            }
        }
    }
    let bytes = files.remove(files::TRANSCRIPT).unwrap_or_default();
    let (entries, error) = transcript::parse_prefix(&bytes);
    Ok(Looked::Copy(Copy {
        role,
        bytes,
        entries,
        files,
        error,
    }))
}

/// Every file that the transcript calls for, from whichever medium has it as it should be.
fn claimed_files(
    entries: &[Placed],
    copies: &[Copy],
) -> Result<BTreeMap<String, Vec<u8>>, ResumeError> {
    let mut files = BTreeMap::new();
    let mut take = |path: String, fits: &dyn Fn(&[u8]) -> bool, needed: bool| {
        let mut candidates = copies.iter().filter_map(|copy| copy.files.get(&path));
        match candidates.find(|bytes| fits(bytes)) {
            Some(bytes) => {
                files.insert(path, bytes.clone());
                Ok(())
            }
            None if needed => Err(ResumeError::Damaged(path)),
            None => Ok(()),
        }
    };
    for (path, claim) in files::claims(entries) {
        if let Claim::Hashed(hash) = claim {
            take(path, &|bytes| Digest::of(bytes) == hash, true)?;
        }
    }
    if matches!(
        entries.last().map(|last| &last.entry.event),
        Some(Event::Closed { .. })
    ) {
        for operator in Operator::ALL {
            take(files::closing_signature(operator), &|_| true, false)?;
        }
    }
    Ok(files)
}

fn leftovers(files: &BTreeMap<String, Vec<u8>>, copies: &[Copy]) -> Vec<(Role, String, Vec<u8>)> {
    let mut left = Vec::new();
    for copy in copies {
        let tail = &copy.bytes[copy.valid().len()..];
        if !tail.is_empty() {
            left.push((copy.role, files::TRANSCRIPT.to_string(), tail.to_vec()));
        }
        for (path, bytes) in &copy.files {
            if files.get(path) != Some(bytes) {
                left.push((copy.role, path.clone(), bytes.clone()));
            }
        }
    }
    left
}

/// All leftovers in one file: for each a name, a length, and its bytes.
fn fragment(leftovers: &[(Role, String, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (role, path, bytes) in leftovers {
        out.extend(format!("medium: {role}\nfile: {path}\nbytes: {}\n\n", bytes.len()).bytes());
        out.extend(bytes);
        out.push(b'\n');
    }
    (!out.is_empty()).then_some(out)
}

/// Goes on with what was found: the caller then drives the room.
pub fn resume(room: &mut Room<'_>, found: Found) -> Result<(), ResumeError> {
    let (found, given_up) = ask_for_missing(room, found)?;
    let state = State::replay(&found.plan, &found.entries)?;
    room.resuming_at = Some(Place {
        step: state.cursor().min(found.plan.step_count() - 1) + 1,
        ..room.place_at(state.cursor())
    });
    show_progress(room, &found, &state)?;
    let ended = state.ended().is_some();
    if !ended {
        steps::confirm_clock(room)?;
        // What left the room at a planned stop is not missed, though the site may name it.
        let from = begins_at(&state);
        let mut roles = room.edge.media.roles();
        roles.retain(|role| found.plan.uses(*role, from));
        let report = steps::look_at_machine(room, &roles);
        if report.fails() && found.mode == Mode::Ceremony && !only_media_failed(&report, &found) {
            return Err(ResumeError::Preflight(report));
        }
        head_words(room, &state)?;
    }
    let number = found.entries.len() as u32;
    let fragment = fragment(&found.leftovers).filter(|_| !ended);
    let mut files = found.files;
    if let Some(bytes) = &fragment {
        files.insert(files::fragment(number), bytes.clone());
    }
    let id = room.id.clone();
    let mut journal = Journal::restore(found.plan, &id, found.entries, found.transcript, files)?;
    std::mem::swap(&mut room.journal, &mut journal);
    // The medium with less to tidy comes first: until it has the new fragment, the other one keeps
    // what an earlier attempt at this had moved.
    let mut order = RECORD_MEDIA;
    order.sort_by_key(|role| found.leftovers.iter().filter(|(r, ..)| r == role).count());
    for role in order {
        if Some(role) != found.missing {
            tidy(room, role, number, fragment.as_deref(), &found.leftovers)?;
        }
    }
    if let Some(role) = given_up {
        room.journal.give_up(role);
    }
    for operator in Operator::ALL {
        if state.operators.is_some() {
            steps::load_operator(room, operator)?;
        }
    }
    if ended {
        return Ok(());
    }
    let event = Event::Resumed {
        kept: number,
        fragment: fragment.as_deref().map(Digest::of),
        medium: found.medium,
        missing: found.missing,
    };
    let head = state
        .head
        .map_or_else(|| "none".to_string(), |head| head.to_string());
    let mut text = format!("head: {head}\n");
    for (role, path, bytes) in &found.leftovers {
        text.push_str(&format!(
            "cut short: {role} {path} ({} bytes)\n",
            bytes.len()
        ));
    }
    Ok(room.record_resumed(event, Actors::both(), &text)?)
}

/// A medium that is not there is asked for before anything else: when it is put back it is read
/// like the other one. Returns the one that an abort goes on without; what was decided comes
/// onto the record after `resumed`.
fn ask_for_missing(
    room: &mut Room<'_>,
    mut found: Found,
) -> Result<(Found, Option<Role>), ResumeError> {
    while let Some(role) = found.missing {
        let ended = State::replay(&found.plan, &found.entries)?
            .ended()
            .is_some();
        match room.medium_is_missing(role) {
            Ok(Decision::TryAgain) => found = gather(room.edge.media, &room.id)?,
            Ok(_) => break,
            Err(Stop::Aborting) if !ended => return Ok((found, Some(role))),
            Err(stop) => return Err(stop.into()),
        }
    }
    Ok((found, None))
}

/// A missing operator medium was asked for before; all else must be in order.
fn only_media_failed(report: &Report, found: &Found) -> bool {
    found.missing.is_some() && report.failed().all(|check| check == "medium")
}

fn show_progress(room: &mut Room<'_>, found: &Found, state: &State) -> Result<(), ResumeError> {
    let last = found.entries.last().expect("gather refuses empty records");
    let step = found.plan.step(state.cursor());
    let mut lines = vec![
        format!("Ceremony        {}", room.id),
        format!(
            "Last entry      {}, {}",
            last.entry.number,
            last.entry.event.name()
        ),
        format!("Written         {}", time::for_people(last.entry.time)),
        format!(
            "Steps done      {} of {}",
            state.cursor(),
            found.plan.step_count()
        ),
    ];
    if let (Some(step), None) = (step, state.ended()) {
        lines.push(format!("Goes on with    {} {}", step.id, step.kind.name()));
    }
    if state.key_is_only_in_memory() {
        lines.push(String::new());
        lines.extend(layout::wrap(
            "A key had been made, and its backup was not finished. It was in memory only, and \
             is gone: it will be given up, on the record, and a new one made.",
        ));
    }
    for decision in &state.exceptions {
        lines.push(format!(
            "Exception       entry {}, step {}: {}",
            decision.0, decision.1, decision.2
        ));
    }
    room.page(Who::Both, "Where the ceremony stands", lines)?;
    room.each_agrees("is that what you remember", Asks::Agree)?;
    Ok(())
}

/// Both operators type the last head from their own paper, so that an older copy of the record
/// cannot pass for the last one.
fn head_words(room: &mut Room<'_>, state: &State) -> Result<(), ResumeError> {
    if state.noted_head().is_none() {
        return Ok(());
    }
    let good: Vec<Vec<u8>> = state
        .heads_since_note
        .iter()
        .map(|head| head.bytes()[..head::WORDS].to_vec())
        .collect();
    let body = layout::paragraphs(&[
        "Take your own checklist. Type the last ten head words that you wrote there, with a \
         blank between two words.",
    ]);
    room.page(Who::Both, "The head words from your paper", body)?;
    for operator in Operator::ALL {
        let mut tries = 0;
        loop {
            let prompt = format!("Operator {operator}, the ten words");
            let typed =
                room.ask_line(Who::Operator(operator), Asks::HeadWords(operator), &prompt)?;
            match pgp::decode(&typed) {
                Ok(bytes) if good.contains(&bytes) => break,
                Ok(bytes) if bytes.len() == head::WORDS => {
                    room.say("These are not the words of this record.")?;
                    tries += 1;
                }
                Ok(_) => room.say("Ten words are needed.")?,
                Err(error) => room.say(&format!("{error}. {}", error.remedy()))?,
            }
            if tries >= 3 {
                return Err(ResumeError::Head);
            }
        }
    }
    Ok(())
}

/// Moves what was cut short into the fragment and out of the way.
///
/// One medium after the other: until the first is tidy, the second still has everything.
fn tidy(
    room: &mut Room<'_>,
    role: Role,
    number: u32,
    fragment: Option<&[u8]>,
    leftovers: &[(Role, String, Vec<u8>)],
) -> Result<(), Stop> {
    let folder = room.journal.folder().to_string();
    let length = room.journal.transcript().len();
    let own = |path: &str| leftovers.iter().any(|(r, p, _)| *r == role && p == path);
    let name = files::fragment(number);
    if own(&name) {
        room.with_device(|room| put_away(room, role, &format!("{folder}/{name}")))?;
    }
    if let Some(bytes) = fragment {
        let path = format!("record/{name}");
        room.store(&[role], &path, bytes, crate::edge::media::Access::Public)?;
    }
    if own(files::TRANSCRIPT) {
        let path = format!("{folder}/{}", files::TRANSCRIPT);
        room.with_device(|room| {
            let held = room.edge.media.read(role, &path)?.len();
            room.edge.media.cut(role, &path, length.min(held))
        })?;
    }
    for (_, path, _) in leftovers
        .iter()
        .filter(|(r, p, _)| *r == role && *p != name)
    {
        if path != files::TRANSCRIPT {
            room.with_device(|room| put_away(room, role, &format!("{folder}/{path}")))?;
        }
    }
    Ok(())
}

/// Removes what is in the fragment now. A part that was never finished may be gone already:
/// writing the file anew removed it.
fn put_away(room: &mut Room<'_>, role: Role, path: &str) -> Result<(), MediaError> {
    match room.edge.media.remove(role, path) {
        Err(MediaError {
            fault: MediaFault::NotFound,
            ..
        }) => Ok(()),
        done => done,
    }
}

/// Why a record cannot go on.
#[derive(Debug)]
pub enum ResumeError {
    /// No medium has a copy.
    NoRecord,
    /// Nothing was recorded before the interruption.
    Empty,
    /// The copies differ: they are not one ceremony's.
    Fork,
    /// The folder's name is not the record's id.
    OtherId,
    /// A file is missing or was changed on every medium.
    Damaged(String),
    /// The words on paper are not of this record.
    Head,
    /// The transcript is not well formed.
    Transcript(TranscriptError),
    /// The entries do not follow from the plan.
    Refusal(Refusal),
    /// The plan in the record is not accepted.
    Plan(PlanError),
    /// A medium cannot be read.
    Media(MediaError),
    /// The machine did not pass its checks.
    Preflight(Report),
    /// Something else.
    Stop(Stop),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResumeError::NoRecord => f.write_str("neither operator's medium has this record"),
            ResumeError::Empty => {
                f.write_str("the ceremony was interrupted before anything was recorded")
            }
            ResumeError::Fork => f.write_str("the two copies of the record contradict each other"),
            ResumeError::OtherId => {
                f.write_str("the folder is named after another ceremony than its record")
            }
            ResumeError::Damaged(path) => {
                write!(f, "a file of the record is missing or was changed: {path}")
            }
            ResumeError::Head => f.write_str("the head words on paper are not of this record"),
            ResumeError::Transcript(error) => error.fmt(f),
            ResumeError::Refusal(error) => error.fmt(f),
            ResumeError::Plan(error) => error.fmt(f),
            ResumeError::Media(error) => error.fmt(f),
            ResumeError::Preflight(report) => f.write_str(&report.refusal()),
            ResumeError::Stop(Stop::Aborting) => f.write_str("stopped; the record is as it was"),
            ResumeError::Stop(stop) => stop.fmt(f),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ResumeError::Media(error) => error.source(),
            ResumeError::Stop(stop) => stop.source(),
            _ => None,
        }
    }
}

impl Explain for ResumeError {
    fn remedy(&self) -> String {
        let text = match self {
            ResumeError::NoRecord => {
                "See that both operators' media are there, and name them with --medium."
            }
            ResumeError::Empty => "Begin a new ceremony; this one left nothing to go on from.",
            ResumeError::Fork => {
                "Do not go on with either. Keep both as they are, and find out who changed one."
            }
            ResumeError::OtherId => "Give the folder back the name that it had.",
            ResumeError::Damaged(_) => {
                "Use the other copy of the record; if both are damaged, begin a new ceremony."
            }
            ResumeError::Head => {
                "This may be an older copy that somebody brought back. Find the newest one."
            }
            ResumeError::Preflight(_) => {
                "Put right what says FAIL, then resume again. Nothing was changed."
            }
            ResumeError::Stop(Stop::Aborting) => "Resume again when you are ready.",
            ResumeError::Transcript(error) => return error.remedy(),
            ResumeError::Refusal(error) => return error.remedy(),
            ResumeError::Plan(error) => return error.remedy(),
            ResumeError::Media(error) => return error.remedy(),
            ResumeError::Stop(stop) => return stop.remedy(),
        };
        text.to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            ResumeError::Preflight(_) => Exit::Preflight,
            ResumeError::Media(error) => error.exit(),
            ResumeError::Stop(stop) => stop.exit(),
            _ => Exit::Failed,
        }
    }
}

impl From<Stop> for ResumeError {
    fn from(stop: Stop) -> Self {
        ResumeError::Stop(stop)
    }
}

impl From<Refusal> for ResumeError {
    fn from(error: Refusal) -> Self {
        ResumeError::Refusal(error)
    }
}

impl From<MediaError> for ResumeError {
    fn from(error: MediaError) -> Self {
        ResumeError::Media(error)
    }
}

impl From<PlanError> for ResumeError {
    fn from(error: PlanError) -> Self {
        ResumeError::Plan(error)
    }
}
