//! A record that `verify` accepted, read once more for what it tells.

use super::document::{Cell, quoted, strong};
use super::harmless;
use crate::engine::State;
use crate::plan::{Phase, Plan, Step};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::transcript::{self, Placed};
use crate::verify::{Material, Verdict};

/// See the module.
pub(super) struct Story<'a> {
    pub material: &'a Material,
    pub verdict: &'a Verdict,
    pub plan: Plan,
    pub entries: Vec<Placed>,
    pub state: State,
}

impl<'a> Story<'a> {
    /// Reads what `verify` read. It accepted all of it, so nothing here can fail.
    pub(super) fn of(material: &'a Material, verdict: &'a Verdict) -> Story<'a> {
        let file = |path: &str| material.files.get(path).map_or(&[][..], Vec::as_slice);
        let entries = transcript::parse(file(files::TRANSCRIPT)).expect("verify parsed it");
        let plan = Plan::parse(&String::from_utf8_lossy(file(files::PLAN)));
        let plan = plan.expect("verify parsed it");
        let state = State::replay(&plan, &entries).expect("verify replayed it");
        Story {
            material,
            verdict,
            plan,
            entries,
            state,
        }
    }

    /// All entries, in order; at least one.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|placed| &placed.entry)
    }

    /// The last entry for which `find` has something.
    pub(super) fn last<T>(&self, find: impl Fn(&Entry) -> Option<T>) -> Option<T> {
        self.entries.iter().rev().find_map(|each| find(&each.entry))
    }

    /// The numbers of all entries with such an event.
    pub(super) fn numbers(&self, is: impl Fn(&Event) -> bool) -> Vec<u32> {
        let those = self.entries().filter(|entry| is(&entry.event));
        those.map(|entry| entry.number).collect()
    }

    /// A step by its id, with its phase.
    pub(super) fn step(&self, id: &str) -> Option<(&Phase, &Step)> {
        let mut all = self
            .plan
            .phases
            .iter()
            .flat_map(|phase| phase.steps.iter().map(move |step| (phase, step)));
        all.find(|(_, step)| step.id == id)
    }

    /// What people wrote in the detail file of an entry, or that it is withheld.
    pub(super) fn detail(&self, number: u32) -> Cell {
        self.detail_where(number, |_| true)
    }

    /// The same, with some of its lines.
    pub(super) fn detail_where(&self, number: u32, shows: impl Fn(&str) -> bool) -> Cell {
        let Some(bytes) = self.material.files.get(&Entry::detail_path(number)) else {
            return strong("withheld in this public copy");
        };
        let text = harmless::text(bytes);
        // The nonce in the first line is for the hash, not for people.
        let lines = text.split('\n').skip(1).filter(|line| shows(line));
        quoted(lines.collect::<Vec<_>>().join("\n").trim_end_matches('\n'))
    }

    /// Whether the record still has personal facts in it.
    pub(super) fn is_private(&self) -> bool {
        let mut paths = self.material.files.keys();
        paths.any(|path| files::may_be_withheld(path))
    }
}
