//! The record: the folder that a ceremony leaves behind. `transcript.txt` is its spine.
//!
//! `docs/record-format.md` describes the format for those who write another verifier.

pub mod entry;
pub mod event;
pub mod files;
pub mod time;
pub mod transcript;
pub mod value;
