//! The dual-control backup: who can open it, and how K is wrapped for them.

pub mod capsule;
pub mod quorum;
pub mod recovery;
pub mod recovery_token;
