//! `ceremony run PLAN`.

use std::path::PathBuf;

use clap::Args;

use super::place;
use crate::assign::{self, Desk, Purpose};
use crate::driver::{self, Found, Outcome};
use crate::edge::console::Console;
use crate::edge::directory::Directories;
use crate::edge::{Edge, Media};
use crate::error::{Exit, Failure};
use crate::journal::Journal;
use crate::plan::Plan;
use crate::record::value::Mode;
use crate::room::{Printing, Room};
use crate::site::Site;

/// `ceremony run PLAN`.
#[derive(Args)]
pub(super) struct Run {
    /// The name of a carried plan, or a file.
    plan: String,
    /// The local facts.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Where a medium is: operator-a, operator-b, secret-1, secret-2, handover, public.
    #[arg(long, value_name = "ROLE=PATH")]
    medium: Vec<String>,
    /// The media are sticks: plugged in and chosen at the terminal (the live image).
    #[arg(long, conflicts_with = "medium")]
    sticks: bool,
    /// Where sheets are printed, instead of what the site says: /dev/usb/lp0, cups:NAME, a folder; or none.
    #[arg(long, value_name = "WHERE")]
    printer: Option<String>,
}

impl Run {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let plan = place::plan_to_hold(&self.plan)?;
        let site = place::site(self.site.as_deref())?;
        let roots = place::media(&self.medium, &site)?;
        let printing = place::printer_there(self.printer.as_deref(), &site)?;
        let mut console = Console::open()?;
        let mut media: Box<dyn Media> = if self.sticks {
            let mut sticks = place::sticks();
            let mut desk = Desk::before(&mut console, &plan.title);
            assign::all(&mut desk, &mut sticks, &plan.media(&[]), |_| Purpose::New)?;
            Box::new(sticks)
        } else {
            Box::new(Directories::new(roots))
        };
        let mut system = place::system(self.sticks);
        let edge = Edge {
            terminal: &mut console,
            media: media.as_mut(),
            system: &mut system,
            tokens: place::tokens(false),
        };
        let (outcome, _) = hold(&plan, &site, Mode::Ceremony, edge, printing)?;
        place::finish(media.as_mut())?;
        Ok(exit_of(outcome))
    }
}

/// Holds a ceremony or rehearsal from its beginning; how it ended, and its id.
pub(super) fn hold<'a>(
    plan: &Plan,
    site: &'a Site,
    mode: Mode,
    edge: Edge<'a>,
    printing: Option<Printing>,
) -> Result<(Outcome, String), Failure> {
    let mut room = Room::new(edge, site, Journal::new(plan.clone(), ""), mode, "");
    room.printing = printing;
    driver::open(&mut room, plan)?;
    let outcome = driver::drive(&mut room)?;
    Ok((outcome, room.id.clone()))
}

/// Goes on with a record, until it ends or a planned stop is reached.
pub(super) fn go_on<'a>(
    id: &str,
    found: Found,
    site: &'a Site,
    edge: Edge<'a>,
    printing: Option<Printing>,
) -> Result<Outcome, Failure> {
    let journal = Journal::new(found.plan.clone(), id);
    let mut room = Room::new(edge, site, journal, found.mode, id);
    room.printing = printing;
    driver::resume(&mut room, found)?;
    Ok(driver::drive(&mut room)?)
}

/// What the program ends with.
pub(super) fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Closed | Outcome::Paused => Exit::Good,
        Outcome::Aborted => Exit::Failed,
    }
}
