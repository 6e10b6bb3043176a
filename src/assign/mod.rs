//! Which stick has which role: people plug them in one after the other, look at what is on each,
//! and agree. Nothing is erased without both.
//!
//! It is done before the record begins, and again where a stick is replaced.

mod content;
mod desk;
mod error;

pub use content::Content;
pub use desk::Desk;
pub use error::AssignError;

use crate::edge::block::{Found, MountError, Refusal, Sticks, size};
use crate::edge::media::Media;
use crate::edge::{MediaError, MediaFault};
use crate::error::Explain;
use crate::journal::RECORD_MEDIA;
use crate::preflight::MediumFact;
use crate::role::Role;
use crate::screen::{Asks, layout};
use crate::steps::NEEDED_BYTES;

/// What a stick is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'p> {
    /// To be written from the beginning.
    New,
    /// To go on with the record of this ceremony.
    Again(&'p str),
    /// To go on with a record that has yet to be found on it.
    Search,
    /// To be read only.
    Read,
}

type Done<T> = Result<T, AssignError>;

/// Whether a stick has the role now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It has.
    Yes,
    /// It is lost; going on, this is an exception.
    Lost,
}

/// What the two decided about a stick.
enum Choice {
    Take,
    Erase,
    Another,
    Lost,
}

/// Gives each of these roles a stick, one after the other.
pub fn all(
    desk: &mut Desk<'_>,
    sticks: &mut Sticks,
    roles: &[Role],
    purpose: impl Fn(Role) -> Purpose<'static>,
) -> Done<()> {
    roles
        .iter()
        .try_for_each(|role| one(desk, sticks, *role, purpose(*role)).map(drop))
}

/// Gives one role a stick.
pub fn one(
    desk: &mut Desk<'_>,
    sticks: &mut Sticks,
    role: Role,
    purpose: Purpose<'_>,
) -> Done<Assigned> {
    loop {
        let Some(stick) = plugged_in(desk, sticks, role)? else {
            continue;
        };
        match look(sticks, role, &stick) {
            Err(why) => desk.say(&why)?,
            Ok(looked) => match decide(desk, role, &stick, &looked, purpose)? {
                Choice::Take => {
                    sticks.keep(role);
                    return Ok(Assigned::Yes);
                }
                Choice::Lost => {
                    sticks.take_out(role);
                    return Ok(Assigned::Lost);
                }
                Choice::Erase => {
                    sticks.take_out(role);
                    if erase(desk, sticks, role, &stick, &looked)? {
                        return Ok(Assigned::Yes);
                    }
                }
                Choice::Another => {}
            },
        }
        sticks.take_out(role);
    }
}

/// What a role's stick is for, and how long it is needed.
fn role_text(role: Role) -> &'static str {
    match role {
        Role::OperatorA => {
            "It is operator A's own. It holds the record from the first entry on, and stays \
             plugged in to the end."
        }
        Role::OperatorB => {
            "It is operator B's own. It holds the record from the first entry on, and stays \
             plugged in to the end."
        }
        Role::Secret1 => {
            "It holds the first copy of the backup. It may be pulled out until it is asked for."
        }
        Role::Secret2 => {
            "It holds the second copy of the backup. It may be pulled out until it is asked for."
        }
        Role::Handover => "It goes to the verifier. It may be pulled out until it is asked for.",
        Role::Public => "It holds what anyone may see. It may be pulled out until it is asked for.",
    }
}

/// Asks for the stick, until one that can be a medium and has no role yet is there.
fn plugged_in(desk: &mut Desk<'_>, sticks: &mut Sticks, role: Role) -> Done<Option<Found>> {
    let body = layout::paragraphs(&[
        role_text(role),
        "Plug it in, and wait until its light is calm.",
    ]);
    desk.page(&format!("The stick for {role}"), body)?;
    desk.enter(Asks::StickIn(role), "Press Enter when it is plugged in")?;
    let (mut free, mut refused) = (Vec::new(), Vec::new());
    for found in sticks.found() {
        match &found.fit {
            Ok(id) => match sticks.role_of(id) {
                None => free.push(found),
                Some(other) => refused.push(format!("{} is {other}.", named(&found))),
            },
            // The machine's own disks are nobody's business here.
            Err(_) if found.disk.usb.is_none() => {}
            Err(why) => refused.push(format!("{}: {why}.", named(&found))),
        }
    }
    match free.len() {
        0 => {
            desk.say("There is no new stick that can be used.")?;
            for line in refused {
                desk.say(&line)?;
            }
            Ok(None)
        }
        1 => Ok(free.pop()),
        _ => which(desk, free),
    }
}

/// A stick as people know it.
fn named(found: &Found) -> String {
    let serial = found.fit.as_ref().map(|id| format!(", {}", id.serial()));
    let disk = &found.disk;
    format!(
        "{}{}, {}",
        disk.title(),
        serial.unwrap_or_default(),
        size(disk.bytes)
    )
}

fn which(desk: &mut Desk<'_>, mut free: Vec<Found>) -> Done<Option<Found>> {
    desk.say("Several sticks are plugged in that have no role yet:")?;
    for (at, found) in free.iter().enumerate() {
        desk.say(&format!("  {}  {}", at + 1, named(found)))?;
    }
    let ids = free.iter().flat_map(|found| found.fit.as_ref());
    let serials = ids.map(|id| id.serial().to_string()).collect();
    let chosen = desk.number(Asks::WhichStick(serials), "Its number", free.len())?;
    Ok(Some(free.swap_remove(chosen)))
}

/// A stick as it was found.
struct Looked {
    /// The file system; none where it has to be formatted first.
    kind: Option<&'static str>,
    fact: Option<MediumFact>,
    content: Content,
    read_only: bool,
}

/// Mounts a stick in its role and looks at what is on it; why it cannot be used at all, otherwise.
fn look(sticks: &mut Sticks, role: Role, stick: &Found) -> Result<Looked, String> {
    let tried = match sticks.put(role, stick) {
        Ok(tried) => tried,
        Err(MediaError {
            fault:
                MediaFault::Mount(MountError::Refused(Refusal::NoFileSystem) | MountError::System(_)),
            ..
        }) => {
            return Ok(Looked {
                kind: None,
                fact: None,
                content: Content::Unreadable,
                read_only: stick.disk.read_only,
            });
        }
        Err(error) => return Err(format!("{error}. {}", error.remedy())),
    };
    let content = match sticks.list(role, "") {
        Ok(listed) => Content::of(&listed),
        Err(error) if matches!(error.fault, MediaFault::TooLarge | MediaFault::NotAFile) => {
            Content::Other
        }
        Err(error) => return Err(format!("{error}. {}", error.remedy())),
    };
    Ok(Looked {
        kind: Some(tried.mounted.kind.name()),
        fact: Some(tried.fact),
        content,
        read_only: tried.mounted.read_only,
    })
}

impl Looked {
    /// Whether it can be written as it is.
    fn is_usable(&self) -> bool {
        let fact = self.fact.as_ref();
        fact.is_some_and(|fact| fact.writable && fact.free_bytes >= NEEDED_BYTES)
    }

    fn lines(&self, stick: &Found) -> Vec<String> {
        let serial = stick.fit.as_ref().map_or("", |id| id.serial());
        let mut lines = vec![
            format!("Name            {}", stick.disk.title()),
            format!("Serial number   {serial}"),
            format!("Size            {}", size(stick.disk.bytes)),
        ];
        let kind = self.kind.unwrap_or("none that can be used");
        let free = self.fact.as_ref().map(|fact| size(fact.free_bytes));
        let free = free
            .map(|free| format!(", {free} free"))
            .unwrap_or_default();
        lines.push(format!("File system     {kind}{free}"));
        if self.read_only {
            lines.push("Write lock      closed".to_string());
        }
        lines.push(String::new());
        lines.extend(self.content.lines());
        lines
    }

    /// What keeps it from its role, if anything does.
    fn objection(&self, role: Role, purpose: Purpose<'_>) -> Option<String> {
        let is_record = RECORD_MEDIA.contains(&role);
        match purpose {
            Purpose::Read => self
                .kind
                .is_none()
                .then(|| "It cannot be read.".to_string()),
            Purpose::Search if self.content.records().is_empty() => {
                Some("There is no record on it.".to_string())
            }
            Purpose::Again(id) if is_record && !self.content.records().contains(&id) => {
                Some(format!("There is no record of {id} on it."))
            }
            _ if !self.is_usable() => Some("It cannot be written as it is.".to_string()),
            Purpose::Search | Purpose::Again(_) => self
                .content
                .belongs_to_other(role)
                .map(|other| format!("The key on it is that of {other}.")),
            Purpose::New => None,
        }
    }
}

fn decide(
    desk: &mut Desk<'_>,
    role: Role,
    stick: &Found,
    looked: &Looked,
    purpose: Purpose<'_>,
) -> Done<Choice> {
    let mut body = looked.lines(stick);
    let objection = looked.objection(role, purpose);
    if let Some(objection) = &objection {
        body.push(String::new());
        body.extend(layout::wrap(objection));
    }
    desk.page(&format!("Is this the stick for {role}?"), body)?;
    let mut choices = Vec::new();
    if objection.is_none() {
        choices.push(("take", format!("it becomes {role} as it is")));
    }
    let tidy = looked.is_usable() && looked.content == Content::Empty;
    if purpose == Purpose::New && !tidy && !looked.read_only {
        choices.push(("erase", format!("erase it, then it becomes {role}")));
    }
    choices.push(("another", "another stick".to_string()));
    if matches!(purpose, Purpose::Again(_)) && RECORD_MEDIA.contains(&role) {
        choices.push((
            "lost",
            format!("{role} is lost or broken: go on without it"),
        ));
    }
    let chosen = desk.choose(Asks::StickFor(role), "What do you do", choices)?;
    match chosen {
        "take" => {
            desk.each_agrees(&format!("does this stick become {role}"), Asks::Agree)?;
            desk.say(&format!("Put a label with {role} on it now."))?;
            Ok(Choice::Take)
        }
        "erase" => Ok(Choice::Erase),
        "lost" => Ok(Choice::Lost),
        _ => Ok(Choice::Another),
    }
}

/// Both agree to what is lost; then the stick is formatted, mounted and seen to be empty.
fn erase(
    desk: &mut Desk<'_>,
    sticks: &mut Sticks,
    role: Role,
    stick: &Found,
    looked: &Looked,
) -> Done<bool> {
    let mut body = layout::paragraphs(&[&format!(
        "Everything on this stick is lost for ever: {}",
        named(stick)
    )]);
    body.push(String::new());
    body.extend(looked.content.lines());
    desk.page("Erase this stick?", body)?;
    desk.each_agrees(looked.content.loss(), Asks::Erase)?;
    desk.work("Erasing and formatting the stick")?;
    let formatted = sticks.format(stick);
    desk.work_done()?;
    if let Err(error) = formatted {
        desk.say(&format!("{error}. {}", error.remedy()))?;
        return Ok(false);
    }
    let Some(stick) = again(desk, sticks, stick)? else {
        return Ok(false);
    };
    match look(sticks, role, &stick) {
        Ok(looked) if looked.is_usable() && looked.content == Content::Empty => {
            desk.say(&format!("It is empty now. Put a label with {role} on it."))?;
            sticks.keep(role);
            Ok(true)
        }
        Ok(_) => {
            desk.say("It is not empty after formatting. Do not use it.")?;
            Ok(false)
        }
        Err(why) => {
            desk.say(&why)?;
            Ok(false)
        }
    }
}

/// The same stick after formatting: where its old partitions are still seen it is plugged in anew.
fn again(desk: &mut Desk<'_>, sticks: &mut Sticks, old: &Found) -> Done<Option<Found>> {
    let mut now = sticks.after_format(old);
    if now
        .as_ref()
        .is_none_or(|now| !now.disk.partitions.is_empty())
    {
        desk.say("Pull the stick out, wait for five seconds, and plug it in again.")?;
        desk.enter(Asks::Done, "Press Enter when it is plugged in again")?;
        now = sticks.after_format(old);
    }
    if now.is_none() {
        desk.say("This stick is not there.")?;
    }
    Ok(now)
}

/// Which record on operator A's stick goes on: the only one, or the one that is chosen.
pub fn record(desk: &mut Desk<'_>, sticks: &mut Sticks) -> Done<String> {
    let listed = sticks.list(Role::OperatorA, "").unwrap_or_default();
    let content = Content::of(&listed);
    let records = content.records();
    match records[..] {
        [] => Err(AssignError::NoRecord),
        [only] => Ok(only.to_string()),
        _ => {
            let mut body = layout::paragraphs(&["Which ceremony do you go on with?"]);
            body.push(String::new());
            let numbered = records.iter().enumerate();
            body.extend(numbered.map(|(at, id)| format!("  {:>2}  {id}", at + 1)));
            desk.page("Several records", body)?;
            let ids = records.iter().map(|id| id.to_string()).collect();
            let chosen = desk.number(Asks::Record(ids), "Its number", records.len())?;
            Ok(records[chosen].to_string())
        }
    }
}
