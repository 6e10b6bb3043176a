//! Bytes as words: for reading aloud (`pgp`) and for writing on cards (`share`).

pub mod pgp;
pub mod share;
