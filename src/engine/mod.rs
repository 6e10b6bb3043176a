//! The engine: a pure fold over a plan and the entries so far.
//!
//! It does no I/O and keeps no other state. Running, resuming, verifying and reporting all
//! replay it: an event that the fold refuses can be neither written nor verified.

mod expect;
mod says;
mod state;

pub use expect::{
    ENROL_FILES, EXPORT_FILES, SHARE_ATTEMPTS, backup_files, revocation_files, share_parts,
    sheet_of,
};
pub use state::{Ending, Key, Message, Next, Operators, Refusal, State, act_of};

#[cfg(test)]
mod tests;
