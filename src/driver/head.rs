//! The head goes on paper, so that not even both operators can rewrite the record later.

use crate::digest::Digest;
use crate::plan::{Operator, StepKind};
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::words::pgp;

/// How many of the head's words go on the paper checklist: 80 bits.
pub const WORDS: usize = 10;

/// At a phase's end: ten words, written by each operator on their own checklist.
pub(super) fn note(room: &mut Room<'_>, head: Digest) -> Result<(), Stop> {
    if before_the_call(room) {
        whole(room, head)?;
    }
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

/// Whether the verifier is called in the phase that begins now: the head then goes out of the room
/// with the handover medium, and is written down whole.
fn before_the_call(room: &Room<'_>) -> bool {
    let (plan, state) = (room.plan(), room.state());
    let phase = plan.phase_of(state.cursor());
    let steps = plan.phases[phase].steps.iter();
    state.confirmed.is_none() && steps.into_iter().any(|step| step.kind == StepKind::Phone)
}

fn whole(room: &mut Room<'_>, head: Digest) -> Result<(), Stop> {
    let mut body = layout::paragraphs(&[
        "This is the head that goes out with the handover medium, in full. The next page but one \
         has the ten words of it that are read in the call.",
    ]);
    body.push(String::new());
    body.extend(layout::numbered(pgp::words(head.bytes())));
    let place = room.place_at(room.state().cursor().saturating_sub(1));
    room.page_at(place, Who::Both, "The head before the call, in full", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to go on")?;
    room.code(
        "The head before the call, as a code (optional)",
        &head.to_string().to_uppercase(),
    )
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
