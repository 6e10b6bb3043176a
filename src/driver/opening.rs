//! Before the record: the clock, the machine, the id. Then entry 0.

use std::fmt;

use crate::digest::Digest;
use crate::error::{Exit, Explain};
use crate::id;
use crate::journal::Journal;
use crate::plan::{Plan, UserIdSource, checklist};
use crate::preflight::Report;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Mode, Token};
use crate::room::{Room, Stop};
use crate::steps;
use crate::version;

/// Opens a record for `plan`. Nothing is written before the machine passed its checks; a
/// rehearsal goes on all the same, and its record says what failed.
pub fn open(room: &mut Room<'_>, plan: &Plan) -> Result<(), OpenError> {
    site_answers(room, plan)?;
    steps::confirm_clock(room)?;
    let roles = steps::needed_media(room);
    let report = steps::look_at_machine(room, &roles);
    if report.fails() && room.mode == Mode::Ceremony {
        return Err(OpenError::Preflight(report));
    }
    let mut random = [0; 5];
    room.edge.system.random(&mut random).map_err(Stop::from)?;
    room.id = id::new(room.mode, room.now(), &plan.id, random);
    room.journal = Journal::new(plan.clone(), &room.id);

    let checklist = checklist::compile(plan);
    let event = Event::Opened {
        format: 1,
        mode: room.mode,
        id: Token::new(&room.id).expect("ids are tokens"),
        plan: plan.digest(),
        checklist: Digest::of(checklist.as_bytes()),
        program: room.edge.system.program_digest().map_err(Stop::from)?,
        version: Token::new(version::VERSION).expect("versions are tokens"),
        image: None,
        previous: room.site.previous,
    };
    room.journal
        .add_file(files::PLAN.to_string(), plan.source().as_bytes().to_vec());
    room.journal
        .add_file(files::CHECKLIST.to_string(), checklist.into_bytes());
    let site = room.site.source().to_string();
    match room.record_with(event, Actors::none(), &site) {
        // A medium failed at the first entry, and both decided to stop: that is on the record.
        Err(Stop::Aborting) => Ok(room.record_abort()?),
        written => Ok(written?),
    }
}

/// What the plan takes from the site must be there before anything is done.
fn site_answers(room: &Room<'_>, plan: &Plan) -> Result<(), OpenError> {
    let asks = plan
        .key
        .as_ref()
        .is_some_and(|key| key.user_id == UserIdSource::Site);
    if asks && room.site.backup_address.is_none() {
        return Err(OpenError::NoAddress);
    }
    Ok(())
}

/// Why no record was opened.
#[derive(Debug)]
pub enum OpenError {
    /// The plan's key is for an address that the site does not give.
    NoAddress,
    /// The machine did not pass its checks.
    Preflight(Report),
    /// Something else.
    Stop(Stop),
}

impl From<Stop> for OpenError {
    fn from(stop: Stop) -> Self {
        OpenError::Stop(stop)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NoAddress => {
                f.write_str("the plan wants the site's backup-address, and there is none")
            }
            OpenError::Preflight(report) => f.write_str(&report.refusal()),
            OpenError::Stop(Stop::Aborting) => f.write_str("stopped before anything was recorded"),
            OpenError::Stop(stop) => stop.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Stop(stop) => stop.source(),
            _ => None,
        }
    }
}

impl Explain for OpenError {
    fn remedy(&self) -> String {
        match self {
            OpenError::NoAddress => "Write a site file with a line like \
                backup-address = \"Backup <backup@example.org>\", and name it with --site."
                .to_string(),
            OpenError::Preflight(_) => "Put right what says FAIL, then start again. Nothing was \
                written. To try things out on this machine, use `ceremony rehearse`."
                .to_string(),
            OpenError::Stop(Stop::Aborting) => "Start again when you are ready.".to_string(),
            OpenError::Stop(stop) => stop.remedy(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            OpenError::NoAddress => Exit::Usage,
            OpenError::Preflight(_) => Exit::Preflight,
            OpenError::Stop(stop) => stop.exit(),
        }
    }
}
