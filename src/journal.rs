//! The journal: the record as it grows, on both operators' media before a step goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::edge::Media;
use crate::edge::media::{Access, MediaError};
use crate::engine::{Next, Refusal, State};
use crate::plan::{Operator, Plan};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::time::UnixTime;
use crate::record::transcript::Placed;
use crate::record::value::{Actors, Token};
use crate::role::Role;

/// The media that hold the record from its first entry.
pub const RECORD_MEDIA: [Role; 2] = [Role::OperatorA, Role::OperatorB];

/// When an entry is written, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// UTC.
    pub time: UnixTime,
    /// Whole seconds since boot.
    pub uptime: u64,
}

/// What is to be recorded.
pub struct Happening {
    /// The event.
    pub event: Event,
    /// Who acted.
    pub actors: Actors,
    /// The text of the detail file, its first line a nonce, where the event has one.
    pub detail: Option<String>,
}

/// The record in memory, and how much of it is on which medium.
pub struct Journal {
    plan: Plan,
    folder: String,
    entries: Vec<Placed>,
    transcript: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
    state: State,
    on_media: BTreeMap<Role, BTreeSet<String>>,
    /// A medium that failed and that an abort goes on without.
    given_up: BTreeSet<Role>,
}

impl Journal {
    /// An empty record for the ceremony `id`.
    pub fn new(plan: Plan, id: &str) -> Journal {
        Journal {
            plan,
            folder: format!("{id}/record"),
            entries: Vec::new(),
            transcript: Vec::new(),
            files: BTreeMap::new(),
            state: State::new(),
            on_media: BTreeMap::new(),
            given_up: BTreeSet::new(),
        }
    }

    /// A record that was read from its media and goes on.
    pub fn restore(
        plan: Plan,
        id: &str,
        entries: Vec<Placed>,
        transcript: Vec<u8>,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Journal, Refusal> {
        let state = State::replay(&plan, &entries)?;
        let mut journal = Journal::new(plan, id);
        journal.entries = entries;
        journal.transcript = transcript;
        journal.files = files;
        journal.state = state;
        Ok(journal)
    }

    /// The plan that is followed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The record's folder on its media.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The fold over what was recorded.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        self.state.next(&self.plan)
    }

    /// The entries so far.
    pub fn entries(&self) -> &[Placed] {
        &self.entries
    }

    /// The transcript so far. After a checkpoint this is what both operators sign.
    pub fn transcript(&self) -> &[u8] {
        &self.transcript
    }

    /// A file of the record.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// The number that the next entry gets.
    pub fn next_number(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Adds a file, to be on the media before the entry that names it.
    pub fn add_file(&mut self, path: String, bytes: Vec<u8>) {
        self.files.insert(path, bytes);
    }

    /// Adds an entry, if it follows. It is in memory only until [`Journal::flush`].
    ///
    /// The time never decreases: a clock that was set back is held at the last entry's time,
    /// and `uptime` shows how much time really passed.
    pub fn append(&mut self, moment: Moment, what: Happening) -> Result<(), Refusal> {
        let last = self.entries.last();
        let number = self.next_number();
        let resumes = matches!(what.event, Event::Resumed { .. });
        let floor = last
            .filter(|_| !resumes)
            .map_or(0, |placed| placed.entry.uptime);
        let label = self.state.step_label(&self.plan, &what.event);
        let entry = Entry {
            number,
            prev: last.map_or(Digest::ZERO, |placed| placed.digest),
            time: last.map_or(moment.time, |placed| moment.time.max(placed.entry.time)),
            uptime: moment.uptime.max(floor),
            step: Token::new(label).expect("the plan's step ids are of this alphabet"),
            event: what.event,
            actors: what.actors,
            detail: what.detail.as_ref().map(|text| Digest::of(text.as_bytes())),
        };
        let bytes = entry.bytes();
        let digest = Digest::of(&bytes);
        self.state.take(&self.plan, &entry, digest)?;
        if let Some(text) = what.detail {
            self.files
                .insert(Entry::detail_path(number), text.into_bytes());
        }
        self.transcript.extend(bytes);
        self.entries.push(Placed {
            entry,
            digest,
            end: self.transcript.len(),
        });
        Ok(())
    }

    /// The time of the last entry, which a signature must not precede.
    pub fn last_time(&self) -> UnixTime {
        self.entries.last().map_or(0, |placed| placed.entry.time)
    }

    /// Brings both media up to date: first the files, then the transcript that names them.
    pub fn flush(&mut self, media: &mut dyn Media) -> Result<(), MediaError> {
        for role in RECORD_MEDIA {
            if !self.was_given_up(role) {
                self.flush_one(media, role)?;
            }
        }
        Ok(())
    }

    fn flush_one(&mut self, media: &mut dyn Media, role: Role) -> Result<(), MediaError> {
        let present = self.on_media.entry(role).or_default();
        for (path, bytes) in &self.files {
            if !present.contains(path) {
                let full = format!("{}/{path}", self.folder);
                media.create(role, &full, bytes, Access::Public)?;
                present.insert(path.clone());
            }
        }
        if self.transcript.is_empty() {
            return Ok(());
        }
        media.extend(
            role,
            &format!("{}/{}", self.folder, files::TRANSCRIPT),
            &self.transcript,
        )
    }

    /// Another device has this role now: everything is written to it anew.
    pub fn medium_was_replaced(&mut self, role: Role) {
        self.on_media.remove(&role);
    }

    /// The ceremony ends without this medium, which failed.
    pub fn give_up(&mut self, role: Role) {
        self.given_up.insert(role);
    }

    /// Whether the ceremony ends without this medium.
    pub fn was_given_up(&self, role: Role) -> bool {
        self.given_up.contains(&role)
    }

    /// The record as it stood at its last checkpoint, with that checkpoint's signatures: what
    /// media get that leave earlier. Paths are relative to the record.
    pub fn copy_at_last_checkpoint(&self) -> Vec<(String, Vec<u8>)> {
        let is_checkpoint = |p: &&Placed| matches!(p.entry.event, Event::Authorise { .. });
        let Some(last) = self.entries.iter().rfind(is_checkpoint) else {
            return Vec::new();
        };
        let count = last.entry.number as usize + 1;
        let mut copy: Vec<(String, Vec<u8>)> = files::claims(&self.entries[..count])
            .into_keys()
            .filter_map(|path| self.files.get(&path).map(|bytes| (path, bytes.clone())))
            .collect();
        copy.push((
            files::TRANSCRIPT.to_string(),
            self.transcript[..last.end].to_vec(),
        ));
        copy
    }

    /// Everything, transcript included. Paths are relative to the record.
    pub fn whole_copy(&self) -> Vec<(String, Vec<u8>)> {
        let mut copy: Vec<_> = self
            .files
            .iter()
            .map(|(p, b)| (p.clone(), b.clone()))
            .collect();
        copy.push((files::TRANSCRIPT.to_string(), self.transcript.clone()));
        copy
    }

    /// `SHA256SUMS` over the record as it is now.
    pub fn sums(&self) -> String {
        let closing = Operator::ALL.map(files::closing_signature);
        files::sums(
            self.files
                .iter()
                .filter(|(path, _)| !closing.contains(path)),
        )
    }
}
