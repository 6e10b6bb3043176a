//! An air-gapped key ceremony for two operators under dual control.
//!
//! The house is walked in this order: plan, engine, step, evidence, transcript,
//! media. See `docs/architecture.md`.

pub mod digest;
pub mod error;
pub mod secret;
