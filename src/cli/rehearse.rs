//! `ceremony rehearse PLAN`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, check, confirm, place, run};
use crate::driver::{self, Outcome};
use crate::edge::console::Console;
use crate::edge::directory::Directories;
use crate::edge::files;
use crate::edge::paper::Paper;
use crate::edge::players::{Pace, Players};
use crate::edge::system::{RealSystem, System};
use crate::edge::test_only;
use crate::edge::verifier::Verifier;
use crate::edge::{Edge, Terminal};
use crate::error::{Exit, Failure};
use crate::plan::Plan;
use crate::record::time;
use crate::record::value::Mode;
use crate::role::Role;
use crate::site::Site;

/// The site that a rehearsal uses unless another is named.
pub const REHEARSAL_SITE: &str = include_str!("../../ceremony/site.example.toml");

/// `ceremony rehearse PLAN`.
#[derive(Args)]
pub(super) struct Rehearse {
    /// The name of a carried plan, or a file.
    plan: String,
    /// All persons are played by the program.
    #[arg(long)]
    auto: bool,
    /// With --auto: without pauses for reading.
    #[arg(long, requires = "auto")]
    fast: bool,
    /// Where the media's folders are made; must not exist.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Where sheets are printed: /dev/usb/lp0, cups:NAME, or a folder, which is what --auto can read.
    #[arg(long, value_name = "WHERE")]
    printer: Option<String>,
}

impl Rehearse {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let plan = place::plan_to_hold(&self.plan)?;
        let mut system = RealSystem::new(place::work_folder());
        let out = self.out.unwrap_or_else(|| {
            let stamp = time::format(system.now()).replace([':', '-'], "");
            PathBuf::from(format!("rehearsal-{stamp}"))
        });
        rehearse(
            &plan,
            &out,
            self.auto.then_some(pace(self.fast)),
            &mut system,
            self.printer.as_deref(),
        )
    }
}

/// `--fast` or not.
pub(super) fn pace(fast: bool) -> Pace {
    if fast { Pace::Fast } else { Pace::Reading }
}

/// Holds a rehearsal in `out`, played by the program at some pace, or by a person.
pub(super) fn rehearse(
    plan: &Plan,
    out: &Path,
    auto: Option<Pace>,
    system: &mut RealSystem,
    printer: Option<&str>,
) -> Result<Exit, Failure> {
    if auto.is_some() && plan.needs_tokens() {
        return Err(CliError::AutoTokens.into());
    }
    let site = Site::parse(REHEARSAL_SITE)?;
    let printing = place::printer_there(printer, &site)?;
    // Where there is no terminal, that is said before a folder is made.
    let console = match auto {
        None => Some(Console::open()?),
        Some(_) => None,
    };
    let mut media = Directories::new(make_folders(out)?);
    let outcome = match (console, auto) {
        (Some(mut console), _) => {
            let edge = Edge {
                terminal: &mut console,
                media: &mut media,
                system,
                tokens: place::tokens(false),
            };
            run::hold(plan, &site, Mode::Rehearsal, edge, printing)?.0
        }
        (None, pace) => {
            let folder = out.join("paper");
            files::new_folder(&folder).map_err(|e| CliError::Write(folder.clone(), e))?;
            let paper = Paper::new(system, Some(folder.clone()))?;
            paper
                .keep_passphrases()
                .map_err(|e| CliError::Write(folder, e))?;
            let players = players(paper, out, pace.unwrap_or(Pace::Fast));
            let terminal = &mut reading(players, printer);
            let edge = played(terminal, &mut media, system);
            let (mut outcome, id) = run::hold(plan, &site, Mode::Rehearsal, edge, printing)?;
            while outcome == Outcome::Paused {
                let found = driver::gather(&mut media, &id)?;
                let edge = played(terminal, &mut media, system);
                let printing = place::printing(printer, &site);
                outcome = run::go_on(&id, found, &site, edge, printing)?;
            }
            outcome
        }
    };
    // By now the players and their paper are gone, too.
    test_only::stop_at("end");
    check::print(&format!(
        "\nThe rehearsal's media are the folders in {}\n",
        out.display()
    ))?;
    Ok(run::exit_of(outcome))
}

/// The world of an automatic rehearsal. Nobody is there to touch a token.
fn played<'a>(
    terminal: &'a mut dyn Terminal,
    media: &'a mut Directories,
    system: &'a mut RealSystem,
) -> Edge<'a> {
    Edge {
        terminal,
        media,
        system,
        tokens: place::tokens(true),
    }
}

/// The players of a rehearsal in `out`, with a verifier who gets what is on the handover medium.
pub(super) fn players(paper: Paper, out: &Path, pace: Pace) -> Players<'static> {
    let handover = out.join(Role::Handover.to_string());
    let courier = move || {
        let folder = files::folders(&handover).ok()?.pop()?;
        confirm::delivered(&folder.join("certificate.asc"), None).ok()?
    };
    let verifier = Verifier::new(Box::new(courier), Some(out.join("verifier")));
    Players::new(paper, files::screen(), pace).with_verifier(verifier)
}

/// The players read what a folder has that takes a printer's place.
pub(super) fn reading(players: Players<'static>, printer: Option<&str>) -> Players<'static> {
    match printer
        .map(PathBuf::from)
        .filter(|path| files::is_folder(path))
    {
        Some(folder) => players.with_printed(folder),
        None => players,
    }
}

fn make_folders(out: &Path) -> Result<BTreeMap<Role, PathBuf>, Failure> {
    let make =
        |path: &Path| files::new_folder(path).map_err(|error| CliError::not_made(path, error));
    make(out)?;
    let mut roots = BTreeMap::new();
    for role in Role::ALL {
        let path = out.join(role.to_string());
        make(&path)?;
        roots.insert(role, path);
    }
    Ok(roots)
}
