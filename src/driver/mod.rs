//! The driver: asks the engine what comes next, and has it done.

mod abandon;
mod finish;
mod head;
mod opening;
mod resume;

pub use opening::{OpenError, open};
pub use resume::{Found, ResumeError, gather, resume};

use crate::engine::{Ending, Next};
use crate::plan::StepKind;
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Who, layout};
use crate::steps;

/// How a session at the machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record is closed and signed.
    Closed,
    /// The ceremony was aborted, on the record.
    Aborted,
    /// A planned stop; `resume` goes on.
    Paused,
}

/// Goes on from where the record stands until it ends or a planned stop is reached.
pub fn drive(room: &mut Room<'_>) -> Result<Outcome, Stop> {
    loop {
        let result = match room.journal.next() {
            // The opening writes entry 0 before the driver is called.
            Next::Open => return Err(Stop::Aborting),
            Next::Step(index) => {
                let step = room
                    .plan()
                    .step(index)
                    .cloned()
                    .expect("the engine names a step of the plan");
                steps::run(room, &step)
            }
            Next::Authorise(act) => room.authorise(act).map(drop),
            Next::NoteHead(head) => head::note(room, head),
            Next::Abandon(key) => abandon::run(room, &key),
            Next::Abort => abort(room),
            Next::Paused => {
                paused(room)?;
                return Ok(Outcome::Paused);
            }
            Next::Ended(Ending::Closed) => {
                finish::run(room)?;
                return Ok(Outcome::Closed);
            }
            Next::Ended(Ending::Aborted) => {
                // After an interruption one medium may lack the last entry.
                room.save()?;
                return Ok(Outcome::Aborted);
            }
        };
        match result {
            Ok(()) => {}
            Err(Stop::Aborting) => room.record_abort()?,
            Err(stop) => return Err(stop),
        }
    }
}

fn abort(room: &mut Room<'_>) -> Result<(), Stop> {
    room.vault.clear();
    room.record(Event::Aborted {}, Actors::both())?;
    // Where no key was made the cards are those of a backup that goes on to be needed.
    let cards = if room.plan().key.is_some() {
        " Destroy every card that was written."
    } else {
        ""
    };
    let body = layout::paragraphs(&[
        "The ceremony was aborted. The record says so, and why.",
        &format!("Keep the media of the operators with the record.{cards}"),
    ]);
    room.page(Who::Both, "Aborted", body)
}

fn paused(room: &mut Room<'_>) -> Result<(), Stop> {
    let folder = room.journal.folder().to_string();
    let call = room
        .plan()
        .steps()
        .any(|(_, step)| step.kind == StepKind::Phone);
    let waits = if call && room.state().confirmed.is_none() {
        "The handover medium goes to the verifier now. It never comes back to this machine. Lock \
         the secret media and the cards away; they are not needed for the call. Go on when the \
         verifier has the certificate, with the operators' media and the public one:"
    } else {
        "To go on, with the same media:"
    };
    let body = layout::paragraphs(&[
        "A planned stop. Everything is on the operators' media; the machine may be switched off.",
        waits,
        &match room.edge.media.sticks() {
            Some(_) => "ceremony resume --sticks".to_string(),
            None => format!("ceremony resume OPERATOR-A-MEDIUM/{folder}"),
        },
    ]);
    room.page(Who::Both, "Paused", body)
}
