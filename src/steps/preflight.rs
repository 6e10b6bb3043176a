//! The machine is looked at, and what was found is recorded.

use crate::preflight::{self, Demands, Report};
use crate::record::event::Event;
use crate::record::value::{Actors, Mode};
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who};
use crate::version;

/// Room for the record, the backup and the documents on each medium, in bytes.
pub const NEEDED_BYTES: u64 = 4 * 1024 * 1024;

/// As many report lines as fit below a page's header and above its prompt.
const LINES_PER_PAGE: usize = 14;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    loop {
        let report = look(room);
        show(room, &report)?;
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

/// Looks at the machine and at all its media.
pub fn look(room: &mut Room<'_>) -> Report {
    let facts = room.edge.system.facts();
    let roles = room.edge.media.roles();
    let media: Vec<_> = roles
        .into_iter()
        .map(|role| room.edge.media.look(role))
        .collect();
    let demands = Demands {
        build_time: version::BUILD_TIME,
        not_before: room
            .journal
            .entries()
            .last()
            .map(|placed| placed.entry.time),
        needed_bytes: NEEDED_BYTES,
        gpg_wanted: room.plan().backup.is_some(),
    };
    preflight::assess(&facts, &media, &demands)
}

fn show(room: &mut Room<'_>, report: &Report) -> Result<(), Stop> {
    let text = report.text();
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    let pages = lines.chunks(LINES_PER_PAGE).count();
    for (at, chunk) in lines.chunks(LINES_PER_PAGE).enumerate() {
        let title = format!("What this machine is like ({} of {pages})", at + 1);
        room.page(Who::Both, &title, chunk.to_vec())?;
        if at + 1 < pages {
            room.done(Who::Both, Asks::Done, "Press Enter for the rest")?;
        }
    }
    Ok(())
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
