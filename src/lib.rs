//! An air-gapped key ceremony for two operators under dual control.
//!
//! The house is walked in this order: plan, engine, step, evidence, transcript,
//! media. See `docs/architecture.md`.

pub mod assign;
pub mod attestation;
pub mod backup;
pub mod cli;
pub mod confirm;
pub mod driver;
pub mod edge;
pub mod engine;
pub mod handover;
pub mod id;
pub mod input;
pub mod journal;
pub mod live;
pub mod openpgp;
pub mod operator;
pub mod paper;
pub mod phone;
pub mod picture;
pub mod pin;
pub mod plan;
pub mod preflight;
pub mod print;
pub mod qr;
pub mod record;
pub mod report;
pub mod room;
pub mod screen;
pub mod secret;
pub mod sheet;
pub mod site;
pub mod steps;
pub mod verify;
pub mod version;
pub mod words;

pub use ceremony_devices::{digest, error, printable, role};
