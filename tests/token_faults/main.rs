//! What can go wrong with operators' YubiKeys, and what the people are told: each fault is made
//! through the real pcscd, at the program's own dialogue. The rows of `docs/token-faults.md`.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod desk;
mod doubts;
mod enrolment;
mod inside;
mod interrupted;
mod known;
mod people;
mod pins;
mod plans;
mod readers;
#[path = "../token_support/table.rs"]
mod set_up;
mod signing;
#[path = "../support/mod.rs"]
mod support;
mod sweep;
mod table;
