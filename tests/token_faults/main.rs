//! What can go wrong with operators' YubiKeys, and what the people are told: each fault is made
//! through the real pcscd, at the program's own dialogue. The rows of `docs/token-faults.md`.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod desk;
mod doubts;
mod enrolment;
mod interrupted;
mod people;
mod people_faults;
mod plans;
mod signing;
mod sweep;
#[path = "../support/mod.rs"]
mod support;
mod table;
#[path = "../token_support/table.rs"]
#[allow(dead_code, reason = "only what sets a token up at once is needed here")]
mod set_up;
