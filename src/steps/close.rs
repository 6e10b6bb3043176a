//! The last checkpoint, the list of files, and the entry that closes the record.

use crate::digest::Digest;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Act, Actors, Signed};
use crate::room::{Room, Stop};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let [a, b] = room.authorise(Act::Close)?;
    let sums = room.journal.sums().into_bytes();
    let event = Event::Closed {
        entries: room.journal.next_number() + 1,
        sums: Digest::of(&sums),
        sig_a: Signed::Yes(a),
        sig_b: Signed::Yes(b),
    };
    room.journal.add_file(files::SUMS.to_string(), sums);
    room.close_with(event, Actors::both())
}
