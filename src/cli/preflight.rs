//! `ceremony preflight`.

use std::path::PathBuf;

use clap::Args;

use super::{check, place};
use crate::edge::Media;
use crate::edge::directory::Directories;
use crate::edge::system::{RealSystem, System};
use crate::error::{Exit, Failure};
use crate::preflight::{Demands, TokenDemands, assess, assess_tokens};
use crate::version;

/// `ceremony preflight`.
#[derive(Args)]
pub(super) struct Preflight {
    /// The local facts.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Media to look at, as with `run`.
    #[arg(long, value_name = "ROLE=PATH")]
    medium: Vec<String>,
}

impl Preflight {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let site = place::site(self.site.as_deref())?;
        let mut media = Directories::new(place::media(&self.medium, &site)?);
        let roles = media.roles();
        let looked: Vec<_> = roles.into_iter().map(|role| media.look(role)).collect();
        let demands = Demands {
            build_time: version::BUILD_TIME,
            not_before: None,
            needed_bytes: crate::steps::NEEDED_BYTES,
            gpg_wanted: true,
            only_read: Vec::new(),
        };
        let mut report = assess(
            &RealSystem::new(place::work_folder()).facts(),
            &looked,
            &demands,
        );
        // Without a plan it is looked at whatever is there.
        let demands = TokenDemands::of_site(&site);
        let found = place::tokens(false).list();
        if demands.any() || found.as_ref().is_ok_and(|found| !found.is_empty()) {
            report.lines.extend(assess_tokens(&found, &demands));
        }
        check::print(&report.text())?;
        Ok(if report.fails() {
            Exit::Preflight
        } else {
            Exit::Good
        })
    }
}
