//! `ceremony form`: blank forms, to be filled in by hand.

use clap::{Args, ValueEnum};

use super::printed::Printed;
use super::{CliError, place};
use crate::error::{Exit, Failure};
use crate::plan::{Plan, Profile};
use crate::sheet::Grid;
use crate::sheet::blank::{self, About};

/// `ceremony form NAME`.
#[derive(Args)]
pub(super) struct Form {
    /// Which form.
    name: Name,
    /// The plan that it is for: the name of a carried plan, or a file. Without one it fits any.
    #[arg(long)]
    plan: Option<String>,
    /// The ceremony's id. Without one there is a line to write it on.
    #[arg(long)]
    id: Option<String>,
    /// Mark every page REHEARSAL; a rehearsal's id does so, too.
    #[arg(long)]
    rehearsal: bool,
    #[command(flatten)]
    printed: Printed,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Cards for the words of shares: blank, for words are never printed.
    ShareCard,
    /// A sheet for something that is not as it should be.
    Exception,
    /// Labels for the media, to be cut out.
    Labels,
    /// Who gave what to whom, and when.
    Custody,
    /// What the verifier writes on in the call.
    Verifier,
}

impl Form {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let plan = self.plan.as_deref().map(place::plan).transpose()?;
        let about = About {
            ceremony_id: self.id.as_deref(),
            rehearsal: self.rehearsal,
            plan: plan.as_ref(),
        };
        let lines = match self.name {
            Name::ShareCard => blank::share_cards(&about).ok_or(CliError::NoShares)?,
            Name::Exception => blank::exception(&about),
            Name::Labels => blank::labels(&about),
            Name::Custody => blank::custody_log(&about),
            Name::Verifier => {
                let grid = Grid::new(
                    key_version(plan.as_ref()),
                    self.id.as_deref(),
                    self.rehearsal,
                );
                return self.printed.either(&grid.text(), |paper| grid.pdf(paper));
            }
        };
        self.printed.lines(&lines)
    }
}

/// Of the key that the plan makes; most keys are of version 4.
fn key_version(plan: Option<&Plan>) -> u8 {
    match plan
        .and_then(|plan| plan.key.as_ref())
        .map(|key| key.profile)
    {
        Some(Profile::V6) => 6,
        _ => 4,
    }
}
