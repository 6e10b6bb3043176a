//! The head goes on paper, so that not even both operators can rewrite the record later.

use crate::digest::Digest;
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::words::pgp;

/// How many of the head's words go on the paper checklist: 80 bits.
pub const WORDS: usize = 10;

/// At a phase's end: ten words, written by each operator on their own checklist.
pub(super) fn note(room: &mut Room<'_>, head: Digest) -> Result<(), Stop> {
    let mut body = layout::paragraphs(&[
        "A part of the ceremony is complete. Each of you writes these ten words on your own \
         checklist. They pin the record as it is now: nobody can change it later unnoticed.",
    ]);
    body.push(String::new());
    body.extend(layout::numbered(pgp::words(&head.bytes()[..WORDS])));
    // The page belongs to the phase that has just ended.
    let place = room.place_at(room.state().cursor().saturating_sub(1));
    room.page_at(place, Who::Both, "The head of the record", body)?;
    for operator in Operator::ALL {
        room.one_agrees(
            operator,
            "are they on your checklist",
            Asks::HeadWritten(operator),
        )?;
        if room.state().head != Some(head) {
            // An exception was signed meanwhile; the engine asks for the new head.
            return room.say(
                "The exception was added to the record, so it has a new head. Cross out those \
                 words; new ones follow.",
            );
        }
    }
    room.settle_owed()?;
    // An exception in between was signed too: then there is a newer head, which is noted instead.
    if room.state().head != Some(head) {
        return Ok(());
    }
    room.record(Event::HeadNoted { head }, Actors::both())
}

/// At the close: all 32 words, and a code.
pub(super) fn show_final(room: &mut Room<'_>, head: Digest) -> Result<(), Stop> {
    let mut body = layout::paragraphs(&[
        "The record is closed. This is its final head. Write at least the first ten words on \
         your checklist.",
    ]);
    body.push(String::new());
    body.extend(layout::numbered(pgp::words(head.bytes())));
    room.page(Who::Both, "The final head of the record", body)?;
    room.each_agrees("are they on your checklist", Asks::HeadWritten)?;
    // Upper case makes a smaller code.
    room.code(
        "The final head as a code, for a camera (optional)",
        &head.to_string().to_uppercase(),
    )
}
