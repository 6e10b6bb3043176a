//! Where plans, sites and media are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::CliError;
use crate::edge::block::sysfs::Sysfs;
use crate::edge::block::{Client, Sticks};
use crate::edge::directory::Directories;
use crate::edge::printer::{self, RealPrinters};
use crate::edge::system::RealSystem;
use crate::edge::token::pcsc::PcscTokens;
use crate::edge::token::{NoTokens, Tokens};
use crate::edge::{Media, files, test_only};
use crate::error::Failure;
use crate::plan::{self, Plan};
use crate::role::Role;
use crate::room::Printing;
use crate::site::Site;

/// A plan by its name, or from a file.
pub fn plan(name: &str) -> Result<Plan, Failure> {
    if let Some(carried) = plan::load_carried(name) {
        return Ok(carried?);
    }
    let path = Path::new(name);
    if !files::is_file(path) {
        return Err(CliError::NoSuchPlan(name.to_string()).into());
    }
    let source = files::read_text(path).map_err(|e| CliError::Read(path.to_path_buf(), e))?;
    Ok(Plan::parse(&source)?.in_plain_form()?)
}

/// The same, for a ceremony or rehearsal that is given no message to open.
pub fn plan_to_hold(name: &str) -> Result<Plan, Failure> {
    let plan = plan(name)?;
    if plan.opens_a_message() {
        return Err(CliError::NeedsMessage.into());
    }
    Ok(plan)
}

/// The site from a file, or an empty one.
pub fn site(path: Option<&Path>) -> Result<Site, Failure> {
    let source = match path {
        None => String::new(),
        Some(path) => files::read_text(path).map_err(|e| CliError::Read(path.to_path_buf(), e))?,
    };
    Ok(Site::parse(&source)?)
}

/// The readers of this machine; none where all persons are played by the program.
pub fn tokens(auto: bool) -> Rc<dyn Tokens> {
    match auto {
        true => Rc::new(NoTokens),
        false => Rc::new(PcscTokens::default()),
    }
}

/// The sticks of this machine, through its helper; none has a role yet.
pub fn sticks() -> Sticks {
    let root = test_only::root();
    Sticks::new(
        Box::new(Sysfs::new(root.clone())),
        Box::new(Client::new(&root)),
        Box::new(Directories::new(BTreeMap::new())),
    )
    .tidied()
}

/// The system; where there are sticks, the helper for them sets the clock, too.
pub fn system(sticks: bool) -> RealSystem {
    let system = RealSystem::new(work_folder());
    match sticks {
        true => system.helped(Client::new(&test_only::root())),
        false => system,
    }
}

/// Writes everything to the sticks, compares it and unmounts them; other media stay as they are.
pub fn finish(media: &mut dyn Media) -> Result<(), Failure> {
    match media.sticks() {
        Some(sticks) => Ok(sticks.finish()?),
        None => Ok(()),
    }
}

/// `--medium ROLE=PATH`, before what the site says.
pub fn media(given: &[String], site: &Site) -> Result<BTreeMap<Role, PathBuf>, Failure> {
    let mut media = BTreeMap::new();
    for text in given {
        let (role, path) = text
            .split_once('=')
            .ok_or_else(|| CliError::Medium(text.clone()))?;
        let role: Role = role.parse().map_err(|_| CliError::Medium(text.clone()))?;
        if path.is_empty() {
            return Err(CliError::Medium(text.clone()).into());
        }
        if media.insert(role, PathBuf::from(path)).is_some() {
            return Err(CliError::MediumTwice(role.to_string()).into());
        }
    }
    for (role, path) in &site.media {
        media.entry(*role).or_insert_with(|| PathBuf::from(path));
    }
    Ok(media)
}

/// A record's place: the ceremony's id, and the root of the medium that holds it.
pub struct RecordPlace {
    /// The folder's name.
    pub id: String,
    /// The folder `record`.
    pub record: PathBuf,
    /// The medium's root.
    pub root: PathBuf,
}

/// Takes the folder `record`, or the one that holds it.
pub fn record(path: &Path) -> Result<RecordPlace, Failure> {
    let wrong = || CliError::NotARecord(path.to_path_buf());
    let full = files::canonical(path).map_err(|_| wrong())?;
    let record = if files::is_folder(&full.join("record")) {
        full.join("record")
    } else {
        full
    };
    let folder = record.parent().ok_or_else(wrong)?;
    let id = folder
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(wrong)?;
    let root = folder.parent().ok_or_else(wrong)?;
    Ok(RecordPlace {
        id: id.to_string(),
        record: record.clone(),
        root: root.to_path_buf(),
    })
}

/// Media whose folders are named after their roles, beside each other: a rehearsal's.
pub fn siblings(root: &Path) -> BTreeMap<Role, PathBuf> {
    let Some(base) = root.parent() else {
        return BTreeMap::new();
    };
    let named = Role::ALL
        .into_iter()
        .map(|role| (role, base.join(role.to_string())));
    named.filter(|(_, path)| files::is_folder(path)).collect()
}

/// Writes a new file that a command was asked for.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    files::write_new(path, bytes).map_err(|error| CliError::not_made(path, error))
}

/// Where pages go: what was given before what the site says; `none` is no printer.
pub fn printing(given: Option<&str>, site: &Site) -> Option<Printing> {
    let place = given.or(site.printer.as_deref())?;
    let printers = RealPrinters::new(&test_only::root());
    (place != printer::NONE).then(|| Printing::new(Box::new(printers), place))
}

/// The same, refused before anything is begun if there is no printer at that place.
pub fn printer_there(given: Option<&str>, site: &Site) -> Result<Option<Printing>, Failure> {
    let mut printing = printing(given, site);
    if let Some(printing) = &mut printing {
        printing.open()?;
    }
    Ok(printing)
}

/// Where the program works: preflight wants to know whether it lies in RAM.
pub fn work_folder() -> PathBuf {
    files::canonical(Path::new(".")).unwrap_or_else(|_| PathBuf::from("."))
}
