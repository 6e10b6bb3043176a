//! The machine is looked at, and what was found is recorded.

use crate::preflight::{self, Demands, Report, TokenDemands};
use crate::record::event::Event;
use crate::record::time::UnixTime;
use crate::record::value::{Actors, Mode};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who};
use crate::version;

/// Room for the record, the backup and the documents on each medium, in bytes.
pub const NEEDED_BYTES: u64 = 4 * 1024 * 1024;

/// As many report lines as fit below a page's header and above what follows.
const LINES_PER_PAGE: usize = 12;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let roles = needed_media(room);
    loop {
        let report = look(room, &roles);
        show(room, &report)?;
        if report.fails() && room.mode == Mode::Rehearsal {
            room.say(
                "What says FAIL would stop a ceremony here. This is a rehearsal: it goes on, and \
                 its record says so.",
            )?;
        }
        if !report.fails() || room.mode == Mode::Rehearsal {
            room.each_agrees("have you read this", Asks::Agree)?;
            return record(room, &report);
        }
        let expected = "this machine passes its checks";
        let failed: Vec<&str> = report.failed().collect();
        let happened = format!("failed: {}", failed.join(", "));
        room.exception_about(Some((expected, &happened)))?;
    }
}

/// The media that were brought, and those that the plan needs besides.
pub fn needed_media(room: &mut Room<'_>) -> Vec<Role> {
    let mut roles = room.edge.media.roles();
    roles.extend(room.plan().media(&roles));
    roles.sort();
    roles.dedup();
    roles
}

/// Looks at the machine and at these media.
pub fn look(room: &mut Room<'_>, roles: &[Role]) -> Report {
    let facts = room.edge.system.facts();
    let media: Vec<_> = roles
        .iter()
        .map(|role| room.edge.media.look(*role))
        .collect();
    let demands = Demands {
        build_time: version::BUILD_TIME,
        not_before: newest(room),
        needed_bytes: NEEDED_BYTES,
        gpg_wanted: room.plan().backup.is_some(),
        only_read: match &room.opening {
            Some(opening) => vec![opening.medium.to_string()],
            None => Vec::new(),
        },
    };
    let mut report = preflight::assess(&facts, &media, &demands);
    let mut tokens = TokenDemands::of(room.plan(), room.site);
    // After an interruption the one with the key may be locked away already; it is asked for when
    // it is needed.
    tokens.demanded |= room.plan().key_is_in_a_token() && room.resuming_at.is_none();
    if tokens.any() {
        let found = room.edge.tokens.list();
        report
            .lines
            .extend(preflight::assess_tokens(&found, &tokens));
    }
    report
}

/// The newest time in this record, or in the one beside the backup that is opened.
fn newest(room: &Room<'_>) -> Option<UnixTime> {
    let last = room.journal.entries().last();
    let earlier = room.opening.as_ref().and_then(|opening| opening.not_before);
    last.map(|placed| placed.entry.time).max(earlier)
}

fn show(room: &mut Room<'_>, report: &Report) -> Result<(), Stop> {
    let pages = pages(&report.text());
    let last = pages.len();
    for (at, lines) in pages.into_iter().enumerate() {
        let title = format!("What this machine is like ({} of {last})", at + 1);
        room.page(Who::Both, &title, lines)?;
        if at + 1 < last {
            room.done(Who::Both, Asks::Done, "Press Enter for the rest")?;
        }
    }
    Ok(())
}

/// The report in pages. A finding and its remedy, which is indented below it, stay together.
fn pages(text: &str) -> Vec<Vec<String>> {
    let mut findings: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        match findings.last_mut() {
            Some(finding) if line.starts_with(' ') => finding.push(line.to_string()),
            _ => findings.push(vec![line.to_string()]),
        }
    }
    let mut pages: Vec<Vec<String>> = Vec::new();
    for finding in findings {
        match pages.last_mut() {
            Some(page) if page.len() + finding.len() <= LINES_PER_PAGE => page.extend(finding),
            _ => pages.push(finding),
        }
    }
    pages
}

fn record(room: &mut Room<'_>, report: &Report) -> Result<(), Stop> {
    let counts = report.counts();
    let event = Event::PreflightDone {
        passed: counts.pass as u32,
        warned: counts.warn as u32,
        failed: counts.fail as u32,
    };
    room.record_with(event, Actors::both(), &report.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_and_its_remedy_stay_on_one_page() {
        let finding = "FAIL  network ...\n          Take cables out.\n          Then again.\n";
        let pages = pages(&finding.repeat(9));
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 27);
        assert!(pages.iter().all(|page| page.len() <= LINES_PER_PAGE));
        assert!(pages.iter().all(|page| page[0].starts_with("FAIL")));
    }
}
