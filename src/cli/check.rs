//! `plans`, `check` and `checklist`.

use clap::Args;

use super::place;
use super::printed::Printed;
use crate::cli::CliError;
use crate::edge::files;
use crate::error::{Exit, Failure};
use crate::plan::{Plan, carried, checklist};
use crate::sheet::Lines;

/// `ceremony plans`.
pub(super) fn plans() -> Result<Exit, Failure> {
    for each in carried() {
        let plan = Plan::parse(each.source)?;
        print(&format!(
            "{:<16} {} ({} minutes)\n",
            each.name, plan.title, plan.minutes
        ))?;
        print(&format!("                 {}\n", plan.summary))?;
    }
    Ok(Exit::Good)
}

/// `ceremony check PLAN`.
#[derive(Args)]
pub(super) struct Check {
    /// The name of a carried plan, or a file.
    plan: String,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let plan = place::plan(&self.plan)?;
        print(&format!(
            "{}: good. {} phases, {} steps, {} minutes.\nSHA-256 {}\n",
            plan.id,
            plan.phases.len(),
            plan.step_count(),
            plan.minutes,
            plan.digest()
        ))?;
        if plan.key_is_in_a_token() {
            print(
                "NO BACKUP: its key is made in a YubiKey and never leaves it. If the YubiKey is \
                 lost or breaks,\nnothing that was encrypted to the key can be read again.\n",
            )?;
        }
        Ok(Exit::Good)
    }
}

/// `ceremony checklist PLAN`.
#[derive(Args)]
pub(super) struct Checklist {
    /// The name of a carried plan, or a file; or a list that is the same for all plans:
    /// preparation, rehearsal, custody, emergency.
    plan: String,
    /// Mark every page REHEARSAL.
    #[arg(long)]
    rehearsal: bool,
    #[command(flatten)]
    printed: Printed,
}

impl Checklist {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (name, text) = match checklist::list(&self.plan) {
            Some(list) => (self.plan, list.to_string()),
            None => {
                let plan = place::plan(&self.plan)?;
                (plan.id.clone(), checklist::compile(&plan))
            }
        };
        let title = format!("Checklist {name}");
        self.printed
            .lines(&Lines::of_text(&title, self.rehearsal, &text))
    }
}

pub(super) fn print(text: &str) -> Result<(), Failure> {
    files::print(text).map_err(|e| CliError::Write("standard output".into(), e))?;
    Ok(())
}
