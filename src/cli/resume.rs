//! `ceremony resume RECORD`.

use std::path::PathBuf;

use clap::Args;

use super::rehearse::{self, REHEARSAL_SITE, pace};
use super::{CliError, place, run};
use crate::driver::{self, Outcome};
use crate::edge::console::Console;
use crate::edge::directory::Directories;
use crate::edge::paper::Paper;
use crate::edge::system::RealSystem;
use crate::edge::{Edge, Terminal};
use crate::error::{Exit, Failure};
use crate::id;
use crate::record::value::Mode;
use crate::site::Site;

/// `ceremony resume RECORD`.
#[derive(Args)]
pub(super) struct Resume {
    /// The folder `record` on an operator's medium, or the ceremony's folder that holds it.
    record: PathBuf,
    /// The local facts, as at the beginning.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Where a medium is; a rehearsal's are found by themselves.
    #[arg(long, value_name = "ROLE=PATH")]
    medium: Vec<String>,
    /// An automatic rehearsal goes on by itself.
    #[arg(long)]
    auto: bool,
    /// With --auto: without pauses for reading.
    #[arg(long, requires = "auto")]
    fast: bool,
}

impl Resume {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let place = place::record(&self.record)?;
        let rehearsal = id::is_rehearsal(&place.id);
        let site = match (&self.site, rehearsal) {
            (None, true) => Site::parse(REHEARSAL_SITE)?,
            (path, _) => place::site(path.as_deref())?,
        };
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
            Box::new(rehearse::players(paper, out, pace(self.fast)))
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
            let outcome = run::go_on(id, found, &site, edge)?;
            // The players wait for nobody.
            if !self.auto || outcome != Outcome::Paused {
                break outcome;
            }
            found = driver::gather(&mut media, id)?;
        };
        Ok(run::exit_of(outcome))
    }
}
