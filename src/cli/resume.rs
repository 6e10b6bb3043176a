//! `ceremony resume RECORD`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::rehearse::{self, REHEARSAL_SITE, pace};
use super::{CliError, place, run};
use crate::assign::{self, Desk, Purpose};
use crate::driver::{self, Found, Outcome};
use crate::edge::block::Sticks;
use crate::edge::console::Console;
use crate::edge::directory::Directories;
use crate::edge::paper::Paper;
use crate::edge::system::RealSystem;
use crate::edge::{Edge, Terminal};
use crate::error::{Exit, Failure};
use crate::id;
use crate::record::value::Mode;
use crate::role::Role;
use crate::site::Site;

/// `ceremony resume RECORD`.
#[derive(Args)]
pub(super) struct Resume {
    /// The folder `record` on an operator's medium, or the ceremony's folder that holds it.
    /// With --sticks: the ceremony's id, if several records are on the stick.
    #[arg(required_unless_present = "sticks")]
    record: Option<PathBuf>,
    /// The local facts, as at the beginning.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Where a medium is; a rehearsal's are found by themselves.
    #[arg(long, value_name = "ROLE=PATH")]
    medium: Vec<String>,
    /// The media are sticks: plugged in and chosen at the terminal (the live image).
    #[arg(long, conflicts_with_all = ["medium", "auto"])]
    sticks: bool,
    /// An automatic rehearsal goes on by itself.
    #[arg(long)]
    auto: bool,
    /// With --auto: without pauses for reading.
    #[arg(long, requires = "auto")]
    fast: bool,
    /// Where sheets are printed, instead of what the site says: /dev/usb/lp0, cups:NAME, a folder; or none.
    #[arg(long, value_name = "WHERE")]
    printer: Option<String>,
}

impl Resume {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let record = match (self.sticks, &self.record) {
            (false, Some(record)) => record,
            (_, id) => return self.with_sticks(id.as_deref()),
        };
        let place = place::record(record)?;
        let site = self.site_of(&place.id)?;
        let mut roots = place::siblings(&place.root);
        roots.extend(place::media(&self.medium, &site)?);
        let mut media = Directories::new(roots);
        let found = driver::gather(&mut media, &place.id)?;
        if found.plan.opens_a_message() && found.goes_on() {
            return Err(CliError::NeedsMessage.into());
        }
        if self.auto && found.mode != Mode::Rehearsal {
            return Err(CliError::AutoCeremony.into());
        }
        if self.auto && found.plan.needs_tokens() && found.goes_on() {
            return Err(CliError::AutoTokens.into());
        }
        let mut terminal: Box<dyn Terminal> = if self.auto {
            let out = place.root.parent().unwrap_or(&place.root);
            let folder = out.join("paper");
            let paper = Paper::load(folder.clone()).map_err(|e| CliError::Read(folder, e))?;
            let players = rehearse::players(paper, out, pace(self.fast));
            Box::new(rehearse::reading(players, self.printer.as_deref()))
        } else {
            Box::new(Console::open()?)
        };
        let mut system = RealSystem::new(place::work_folder());
        let terminal = terminal.as_mut();
        let (id, mut found) = (&place.id, found);
        let outcome = loop {
            let edge = Edge {
                terminal: &mut *terminal,
                media: &mut media,
                system: &mut system,
                tokens: place::tokens(self.auto),
            };
            let printing = place::printing(self.printer.as_deref(), &site);
            let outcome = run::go_on(id, found, &site, edge, printing)?;
            // The players wait for nobody.
            if !self.auto || outcome != Outcome::Paused {
                break outcome;
            }
            found = driver::gather(&mut media, id)?;
        };
        Ok(run::exit_of(outcome))
    }

    /// The local facts; a rehearsal has some of its own.
    fn site_of(&self, id: &str) -> Result<Site, Failure> {
        match (&self.site, id::is_rehearsal(id)) {
            (None, true) => Ok(Site::parse(REHEARSAL_SITE)?),
            (path, _) => place::site(path.as_deref()),
        }
    }

    /// The record is on the operators' sticks; it says which others are needed.
    fn with_sticks(&self, id: Option<&Path>) -> Result<Exit, Failure> {
        let mut console = Console::open()?;
        let mut sticks = place::sticks();
        let id = id.map(|id| id.to_string_lossy().into_owned());
        let mut desk = Desk::before(&mut console, "ceremony");
        let (id, found) = reassign(&mut desk, &mut sticks, id)?;
        if found.plan.opens_a_message() && found.goes_on() {
            return Err(CliError::NeedsMessage.into());
        }
        let site = self.site_of(&id)?;
        let mut system = place::system(true);
        let edge = Edge {
            terminal: &mut console,
            media: &mut sticks,
            system: &mut system,
            tokens: place::tokens(false),
        };
        let printing = place::printing(self.printer.as_deref(), &site);
        let outcome = run::go_on(&id, found, &site, edge, printing)?;
        sticks.finish()?;
        Ok(run::exit_of(outcome))
    }
}

/// The operators' sticks first: the record on them says how far the ceremony came, and so which
/// of the others are needed.
pub(super) fn reassign(
    desk: &mut Desk<'_>,
    sticks: &mut Sticks,
    id: Option<String>,
) -> Result<(String, Found), Failure> {
    let purpose = id.as_deref().map_or(Purpose::Search, Purpose::Again);
    assign::one(desk, sticks, Role::OperatorA, purpose)?;
    let id = match id {
        Some(id) => id,
        None => assign::record(desk, sticks)?,
    };
    assign::one(desk, sticks, Role::OperatorB, Purpose::Again(&id))?;
    let found = driver::gather(sticks, &id)?;
    for role in found.media_needed()? {
        let purpose = match found.plan.opens_a_message() {
            true => Purpose::Read,
            false => Purpose::Again(&id),
        };
        assign::one(desk, sticks, role, purpose)?;
    }
    Ok((id, found))
}
