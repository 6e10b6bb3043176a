//! `ceremony open FILE -o OUT`.

mod backup;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use self::backup::OpeningError;
use super::rehearse::{REHEARSAL_SITE, pace};
use super::{CliError, place, resume, run};
use crate::assign::{self, Desk, Purpose};
use crate::driver::{self, Found, Outcome};
use crate::edge::console::Console;
use crate::edge::directory::Directories;
use crate::edge::files;
use crate::edge::paper::Paper;
use crate::edge::players::Players;
use crate::edge::test_only;
use crate::edge::vessel::{self, Vessel};
use crate::edge::{Edge, Media, Terminal, VesselError};
use crate::error::{Exit, Failure};
use crate::id;
use crate::journal::Journal;
use crate::plan::Plan;
use crate::record::event::Event;
use crate::record::value::Mode;
use crate::role::Role;
use crate::room::{Opening, Room};
use crate::site::Site;

/// The plan that is followed.
const PLAN: &str = "open";

/// `ceremony open FILE -o OUT`.
#[derive(Args)]
pub(super) struct Open {
    /// The message: a file that was sealed or encrypted to the ceremony's key.
    file: PathBuf,
    /// Where its content goes: a file that must not exist.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The local facts.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Where a medium is: operator-a, operator-b, and secret-1 or secret-2.
    #[arg(long, value_name = "ROLE=PATH")]
    medium: Vec<String>,
    /// The ceremony that made the key, where backups of several are on the secret medium.
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Opens it as a rehearsal, with the media in a finished rehearsal's folder.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    rehearsal: Option<PathBuf>,
    /// The media are sticks: plugged in and chosen at the terminal (the live image).
    #[arg(long, conflicts_with_all = ["medium", "rehearsal", "auto"])]
    sticks: bool,
    /// Goes on with the record of an opening that was interrupted. With --sticks: its id.
    #[arg(long, value_name = "RECORD")]
    resume: Option<PathBuf>,
    /// In a rehearsal: all persons are played by the program.
    #[arg(long)]
    auto: bool,
    /// With --auto: without pauses for reading.
    #[arg(long, requires = "auto")]
    fast: bool,
}

/// Where everything is.
struct Table {
    media: Box<dyn Media>,
    /// The secret medium that was brought.
    secret: Role,
    /// The record that is gone on with.
    resumed: Option<(String, Found)>,
    plan: Plan,
    /// What the players of an automatic rehearsal wrote.
    paper: Option<PathBuf>,
    site: Site,
    /// All persons are played by the program.
    auto: bool,
    /// The media are sticks.
    sticks: bool,
}

impl Open {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut vessel = vessel::Files::new(self.file.clone(), self.output.clone());
        self.look_at(&mut vessel)?;
        let (mut table, mut terminal) = if self.sticks {
            let mut console = Console::open()?;
            (
                self.table_of_sticks(&mut console)?,
                Box::new(console) as Box<dyn Terminal>,
            )
        } else {
            let mut table = self.table()?;
            let terminal = self.terminal(table.paper.take())?;
            (table, terminal)
        };
        let asked: Option<&mut dyn Terminal> = match self.auto {
            true => None,
            false => Some(terminal.as_mut()),
        };
        let named = self.backup.as_deref().or_else(|| table.named());
        let named = named.map(str::to_string);
        let id = backup::choose(table.media.as_mut(), table.secret, named.as_deref(), asked)?;
        let mode = self.mode(&id, &table)?;
        if mode == Mode::Rehearsal && self.site.is_none() {
            table.site = Site::parse(REHEARSAL_SITE)?;
        }
        let exit = hold(table, terminal.as_mut(), &mut vessel, id, mode)?;
        // By now the players and their paper are gone, too.
        drop(terminal);
        test_only::stop_at("end");
        Ok(exit)
    }

    /// What can be refused before anything is done. After an interruption the content may stand
    /// in its place already.
    fn look_at(&self, vessel: &mut vessel::Files) -> Result<(), Failure> {
        match vessel.message() {
            Err(VesselError::Read(_, error)) => {
                return Err(CliError::Read(self.file.clone(), error).into());
            }
            other => drop(other?),
        }
        let standing = match vessel.standing() {
            Err(VesselError::Exists(_)) | Ok(Some(_)) => true,
            other => other?.is_some(),
        };
        match (standing, self.resume.is_some()) {
            (true, false) => Err(CliError::Exists(self.output.clone()).into()),
            (true, true) => Ok(()),
            // It is gone again at once: this only shows that it can be made.
            (false, _) => match vessel.target() {
                Err(VesselError::Write(_, error)) => {
                    Err(CliError::Write(self.output.clone(), error).into())
                }
                other => {
                    drop(other?);
                    Ok(())
                }
            },
        }
    }

    fn table(&self) -> Result<Table, Failure> {
        let site = place::site(self.site.as_deref())?;
        let record = self.resume.as_deref().map(place::record).transpose()?;
        let beside = match (&record, &self.rehearsal) {
            (Some(record), _) => record.root.parent().map(Path::to_path_buf),
            (None, Some(folder)) => Some(folder.clone()),
            (None, None) => None,
        };
        let mut roots: BTreeMap<Role, PathBuf> = match &beside {
            // `siblings` looks beside a medium.
            Some(folder) => place::siblings(&folder.join("medium")),
            None => BTreeMap::new(),
        };
        roots.extend(place::media(&self.medium, &site)?);
        let mut media = Directories::new(roots.clone());
        let resumed = match &record {
            None => None,
            Some(record) => {
                let found = driver::gather(&mut media, &record.id)?;
                if !found.plan.opens_a_message() {
                    return Err(OpeningError::NotAnOpening(record.record.clone()).into());
                }
                Some((record.id.clone(), found))
            }
        };
        let plan = match &resumed {
            Some((_, found)) => found.plan.clone(),
            None => place::plan(PLAN)?,
        };
        let secret = backup::medium(&mut roots, &self.medium, &plan)?;
        Ok(Table {
            media: Box::new(Directories::new(roots)),
            secret,
            resumed,
            plan,
            paper: beside.map(|folder| folder.join("paper")),
            site,
            auto: self.auto,
            sticks: false,
        })
    }

    /// The same, where people plug them in. Both secret media hold the same; either is secret-1
    /// here.
    fn table_of_sticks(&self, console: &mut Console) -> Result<Table, Failure> {
        let site = place::site(self.site.as_deref())?;
        let mut sticks = place::sticks();
        let mut desk = Desk::before(console, "ceremony");
        let resumed = match &self.resume {
            None => None,
            Some(id) => {
                let id = id.to_string_lossy().into_owned();
                let (id, found) = resume::reassign(&mut desk, &mut sticks, Some(id))?;
                if !found.plan.opens_a_message() {
                    return Err(OpeningError::NotAnOpening(PathBuf::from(id)).into());
                }
                Some((id, found))
            }
        };
        let plan = match &resumed {
            Some((_, found)) => found.plan.clone(),
            None => place::plan(PLAN)?,
        };
        let mut missing = plan.media(&[Role::Secret1]);
        missing.retain(|role| !sticks.roles().contains(role));
        assign::all(&mut desk, &mut sticks, &missing, |role| match role {
            Role::Secret1 => Purpose::Read,
            _ => Purpose::New,
        })?;
        Ok(Table {
            media: Box::new(sticks),
            secret: Role::Secret1,
            resumed,
            plan,
            paper: None,
            site,
            auto: false,
            sticks: true,
        })
    }

    fn terminal(&self, paper: Option<PathBuf>) -> Result<Box<dyn Terminal>, Failure> {
        if !self.auto {
            return Ok(Box::new(Console::open()?));
        }
        let folder = paper.ok_or(CliError::AutoCeremony)?;
        let paper = Paper::load(folder.clone()).map_err(|e| CliError::Read(folder, e))?;
        Ok(Box::new(Players::new(
            paper,
            files::screen(),
            pace(self.fast),
        )))
    }

    /// The backup decides: what a rehearsal made is opened in a rehearsal, and nothing else is.
    fn mode(&self, id: &str, table: &Table) -> Result<Mode, Failure> {
        let mode = id::mode_of(id).ok_or(OpeningError::NoBackup(table.secret))?;
        let begun = table.resumed.as_ref().map(|(_, found)| found.mode);
        let rehearses = (self.rehearsal.is_some() || self.auto).then_some(Mode::Rehearsal);
        if [begun, rehearses]
            .into_iter()
            .flatten()
            .any(|other| other != mode)
        {
            return Err(OpeningError::OtherMode(id.to_string()).into());
        }
        Ok(mode)
    }
}

impl Table {
    /// The backup that the record named before the interruption.
    fn named(&self) -> Option<&str> {
        let (_, found) = self.resumed.as_ref()?;
        let mut entries = found.entries.iter().rev();
        entries.find_map(|placed| match &placed.entry.event {
            Event::MessageNamed { backup, .. } => Some(backup.as_str()),
            _ => None,
        })
    }
}

fn hold(
    mut table: Table,
    terminal: &mut dyn Terminal,
    vessel: &mut dyn Vessel,
    backup: String,
    mode: Mode,
) -> Result<Exit, Failure> {
    let mut system = place::system(table.sticks);
    let edge = Edge {
        terminal,
        media: table.media.as_mut(),
        system: &mut system,
        tokens: place::tokens(table.auto),
    };
    let id = table.resumed.as_ref().map_or("", |(id, _)| id.as_str());
    let journal = Journal::new(table.plan.clone(), id);
    let not_before = backup::written(edge.media, table.secret, &backup);
    let mut room = Room::new(edge, &table.site, journal, mode, id);
    room.opening = Some(Opening {
        vessel,
        backup,
        medium: table.secret,
        not_before,
    });
    match table.resumed {
        Some((_, found)) => driver::resume(&mut room, found)?,
        None => driver::open(&mut room, &table.plan)?,
    }
    let outcome = driver::drive(&mut room)?;
    let message = room.state().message.as_ref();
    let refused = message.is_some_and(|message| message.refused);
    drop(room);
    place::finish(table.media.as_mut())?;
    Ok(match outcome {
        Outcome::Closed if refused => Exit::Failed,
        outcome => run::exit_of(outcome),
    })
}
