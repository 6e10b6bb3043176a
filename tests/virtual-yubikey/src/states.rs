//! What pcscd says of its readers: the one question of its clients' protocol that a test needs.
//!
//! Whoever puts a card in has to know when clients will find it. The wire to the card can't tell:
//! pcscd asks the card for its ATR, gives it power, and only then tells its clients. So this asks
//! what clients ask. Source: pcsc-lite 1.9.9, `winscard_msg.h` (the command), `eventhandler.h` and
//! `eventhandler.c` (the answer, and when it changes). A pcscd that answered otherwise would not
//! be taken for ready.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// `CMD_GET_READERS_STATE`, in the byte order of the machine.
const GET_READERS_STATE: u32 = 0x12;
/// `PCSCLITE_MAX_READERS_CONTEXTS`
const MOST_READERS: usize = 16;
/// Name (128 bytes), number of events, state, sharing (4 each), ATR (33, filled up to 36), its
/// length, protocol (4 each).
const ENTRY: usize = 128 + 3 * 4 + 36 + 2 * 4;
/// `SCARD_ABSENT`
const ABSENT: u32 = 2;
/// A question costs pcscd next to nothing.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(5);

/// A client of pcscd that only looks.
pub(crate) struct States {
    stream: UnixStream,
}

/// One reader, as clients see it.
#[derive(Clone, Copy)]
pub(crate) struct State {
    /// How often a card came or went: odd numbers are cards. Counted last, so that what belongs
    /// to the event is done before.
    pub events: u32,
    pub empty: bool,
}

impl States {
    /// Waits for an answer no longer than `limit`.
    pub fn connect(socket: &Path, limit: Duration) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(limit))?;
        Ok(Self { stream })
    }

    /// Asks until the reader with this name is as wanted; `None` if it isn't within `limit`.
    pub fn wait_for(
        &mut self,
        reader: &Name,
        limit: Duration,
        wanted: impl Fn(State) -> bool,
    ) -> io::Result<Option<State>> {
        let begun = Instant::now();
        loop {
            let found = self.of(reader)?.filter(|state| wanted(*state));
            if found.is_some() || begun.elapsed() > limit {
                return Ok(found);
            }
            thread::sleep(BETWEEN_QUESTIONS);
        }
    }

    fn of(&mut self, reader: &Name) -> io::Result<Option<State>> {
        // The size of what follows the command: nothing.
        let question = [0, GET_READERS_STATE].map(u32::to_ne_bytes).concat();
        self.stream.write_all(&question)?;
        let mut answer = [0; MOST_READERS * ENTRY];
        self.stream.read_exact(&mut answer)?;
        let (entries, _) = answer.as_chunks::<ENTRY>();
        let entry = entries.iter().find(|entry| reader.is(&entry[..128]));
        Ok(entry.map(|entry| {
            let events = number(entry, 128);
            State {
                events,
                // Said to be absent is not enough: a client that fails to reset a card says so,
                // too, before pcscd has looked and can take the next card for another.
                empty: number(entry, 132) == ABSENT && events.is_multiple_of(2),
            }
        }))
    }
}

fn number(entry: &[u8; ENTRY], at: usize) -> u32 {
    let bytes = entry[at..at + 4].try_into().expect("four bytes");
    u32::from_ne_bytes(bytes)
}

/// A reader's name without the number that pcscd puts between the driver's name and the slot's.
#[derive(Clone)]
pub(crate) struct Name {
    pub driver: &'static str,
    pub slot: u16,
}

impl Name {
    fn is(&self, padded: &[u8]) -> bool {
        let end = padded.iter().position(|byte| *byte == 0).unwrap_or(0);
        let slot = format!(" {:02X}", self.slot);
        padded[..end].starts_with(self.driver.as_bytes())
            && padded[..end].ends_with(slot.as_bytes())
    }
}
