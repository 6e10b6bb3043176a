//! A planned stop: the machine may be switched off, and `resume` goes on.

use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    room.record(Event::Paused {}, Actors::none())
}
