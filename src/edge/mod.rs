//! The edge: the only place that touches files, processes, the keyboard, the clock and the
//! system's randomness. Everything inward reaches the world through these interfaces,
//! so that tests can put scripted ones with faults in their place.

pub mod block;
pub mod console;
pub mod directory;
pub mod facts;
pub mod files;
pub mod gpg;
pub mod harden;
pub mod live;
pub mod media;
pub mod new_file;
pub mod paper;
pub mod players;
mod printed;
pub mod printer;
pub mod stream;
pub mod system;
pub mod terminal;
pub mod test_only;
pub mod token;
pub mod verifier;
pub mod vessel;

use std::rc::Rc;

pub use media::{Media, MediaError, MediaFault};
pub use system::{System, SystemError};
pub use terminal::{Meter, Terminal, TerminalError};
pub use vessel::{Vessel, VesselError};

/// The world as a ceremony sees it.
pub struct Edge<'a> {
    /// Where people read and type.
    pub terminal: &'a mut dyn Terminal,
    /// The sticks.
    pub media: &'a mut dyn Media,
    /// Clock, randomness, facts, stock gpg.
    pub system: &'a mut dyn System,
    /// Smart card readers.
    pub tokens: Rc<dyn token::Tokens>,
}
