//! The steps, one file per kind. A step does not know what comes next: it shows, asks,
//! does its work, and records what happened. Authorisations are the engine's matter.

mod backup;
mod clock;
mod close;
mod drill;
mod enrol;
mod export;
mod fingerprint;
mod generate;
mod key_token;
mod media;
mod open;
mod pause;
mod phone;
mod preflight;
mod print;
mod read_back;
mod roll_call;
mod share;
mod tokens;
mod words;

pub use clock::confirm as confirm_clock;
pub use export::{export_again, fingerprint_sheet};
pub use generate::key_in_words;
pub use preflight::{NEEDED_BYTES, look as look_at_machine, needed_media};
pub use print::{BAD as BAD_PAPER, test_job};
pub use roll_call::load as load_operator;

use crate::plan::{Step, StepKind};
use crate::room::{Room, Stop};

/// Runs a step from where it stands.
pub fn run(room: &mut Room<'_>, step: &Step) -> Result<(), Stop> {
    match &step.kind {
        StepKind::Clock => clock::run(room),
        StepKind::Preflight => preflight::run(room),
        StepKind::RollCall => roll_call::run(room),
        StepKind::Media => media::run(room),
        StepKind::Generate => generate::run(room),
        StepKind::Fingerprint => fingerprint::run(room),
        StepKind::ReadBack(terms) => read_back::run(room, terms),
        StepKind::Share => share::run(room),
        StepKind::Backup => backup::run(room),
        StepKind::Revocation => backup::run_revocation(room),
        StepKind::Drill => drill::run(room),
        StepKind::Trial => key_token::trial(room),
        StepKind::Export => export::run(room),
        StepKind::Pause => pause::run(room),
        StepKind::Phone => phone::run(room),
        StepKind::Open => open::run(room),
        StepKind::Enrol => enrol::run(room),
        StepKind::Close => close::run(room),
    }
}
