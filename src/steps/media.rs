//! All media are there, told apart, and can be written.

use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let lines = loop {
        let (lines, problem) = look(room);
        let Some(problem) = problem else { break lines };
        let expected = "every medium is there, is another device, and can be written";
        room.exception_about(Some((expected, &problem)))?;
    };
    let mut body = layout::paragraphs(&[
        "These are the media of this ceremony. Put a label with its name on each one now.",
    ]);
    body.push(String::new());
    body.extend(lines.iter().cloned());
    room.page(Who::Both, "The media", body)?;
    room.each_agrees("is every medium labelled", Asks::Agree)?;
    let media = lines.len() as u32;
    room.record_with(
        Event::MediaReady { media },
        Actors::both(),
        &lines.join("\n"),
    )
}

/// One line per medium, and what is wrong, if anything is.
fn look(room: &mut Room<'_>) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut problem = None;
    for role in room.plan().media(&room.edge.media.roles()) {
        let fact = room.edge.media.look(role);
        lines.push(format!(
            "{:<12} {:>9} free   {}",
            role.to_string(),
            megabytes(fact.free_bytes),
            fact.identity
        ));
        let found = if let Some(found) = fact.problem {
            Some(found)
        } else if !fact.present {
            Some("it is not there".to_string())
        } else if !fact.writable {
            Some("it cannot be written".to_string())
        } else if seen.contains(&fact.identity) {
            Some("it is the same device as another medium".to_string())
        } else {
            None
        };
        seen.push(fact.identity);
        problem = problem.or(found.map(|found| format!("{role}: {found}")));
    }
    (lines, problem)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}
