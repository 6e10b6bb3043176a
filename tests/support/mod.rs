//! A whole ceremony in this process, with an edge that can fail anywhere.
//!
//! [`World`] is what outlives the machine: the sticks, the paper, the time. A session at the
//! machine is [`World::hold`] or [`World::resume`]; the [`script::Script`] says where it dies.

// Every test binary uses some of this and none uses all.
#![allow(dead_code)]

pub mod aftermath;
#[path = "../far_end/mod.rs"]
pub mod far_end;
pub mod machine;
pub mod media;
pub mod plans;
pub mod script;

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceremony::driver::{self, OpenError, Outcome, ResumeError};
use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Meddle, Pace, Players};
use ceremony::edge::printer::RealPrinters;
use ceremony::edge::verifier::Verifier;
use ceremony::edge::{Edge, Media, System, Terminal};
use ceremony::journal::Journal;
use ceremony::plan::{Operator, Plan};
use ceremony::record::transcript::{self, Placed};
use ceremony::record::value::{Mode, Part};
use ceremony::role::Role;
use ceremony::room::{Printing, Room, Stop};
use ceremony::site::Site;
use ceremony::verify::{self, Fault, Material, Pins, Verdict};

use machine::{Clock, ScriptedSystem, ScriptedTerminal};
use media::{Device, MemoryMedia};
use script::{Death, Script, Shared};

/// The site that rehearsals use.
pub const SITE: &str = include_str!("../../ceremony/site.example.toml");

/// How a session at the machine ended.
#[derive(Debug)]
pub enum Ended {
    /// As the driver says.
    Well(Outcome),
    /// Not opened.
    Open(OpenError),
    /// Not resumed.
    Resume(ResumeError),
    /// Stopped in the middle.
    Stop(Stop),
}

impl Ended {
    pub fn is(&self, outcome: Outcome) -> bool {
        matches!(self, Ended::Well(found) if *found == outcome)
    }
}

/// What outlives the machine.
pub struct World {
    pub media: MemoryMedia,
    pub script: Shared,
    pub clock: Clock,
    pub mode: Mode,
    /// Whether the session at the machine ends at a planned stop; otherwise it goes on at once.
    pub stops: bool,
    /// Everything that was on the screen, of all sessions.
    pub screen: Screen,
    /// Where sheets are printed: a folder, which the players read, or something that fails.
    pub printer: Option<PathBuf>,
    /// Where they are printed, if the players read from another place.
    pub printing_at: Option<PathBuf>,
    paper: Option<Paper>,
}

/// A screen that is kept.
#[derive(Clone, Default)]
pub struct Screen(Rc<RefCell<Vec<u8>>>);

impl Screen {
    /// Everything shown since the last look.
    pub fn take(&self) -> String {
        String::from_utf8_lossy(&self.0.take()).into_owned()
    }
}

impl Screen {
    /// The step that the last page was shown in, from 1; 0 before the record began.
    pub fn step(&self) -> Option<usize> {
        let bytes = self.0.borrow();
        let tail = &bytes[bytes.len().saturating_sub(8000)..];
        let text = String::from_utf8_lossy(tail);
        let place = |line: &str| {
            if line.ends_with("  before the first step") {
                return Some(0);
            }
            let (_, place) = line.strip_suffix(" min left")?.rsplit_once("  step ")?;
            place.split(' ').next()?.parse().ok()
        };
        text.lines().rev().find_map(place)
    }

    /// The last lines, for a message.
    pub fn end(&self) -> String {
        let text = self.take();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(24)..].join("\n")
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl World {
    pub fn new() -> World {
        ceremony::openpgp::test_only::make_passwords_cheap();
        let script = Script::shared();
        let clock = Clock::new();
        let mut system = ScriptedSystem::new(clock.clone(), Script::shared());
        let paper = Paper::new(&mut system, None).expect("the kernel has random numbers");
        World {
            media: MemoryMedia::new(script.clone()),
            script,
            clock,
            mode: Mode::Rehearsal,
            stops: false,
            screen: Screen::default(),
            printer: None,
            printing_at: None,
            paper: Some(paper),
        }
    }

    /// Holds a rehearsal from its beginning; the machine may die.
    pub fn hold(&mut self, plan: &Plan, death: Option<(usize, Death)>) -> Ended {
        self.hold_meddled(plan, death, None)
    }

    /// The same, where a test answers some questions.
    pub fn hold_meddled(
        &mut self,
        plan: &Plan,
        death: Option<(usize, Death)>,
        meddle: Option<Meddle<'_>>,
    ) -> Ended {
        let (mut media, verifier) = (self.media.clone(), self.verifier());
        self.session(&mut media, verifier, Begin::New(plan), death, meddle)
    }

    /// The same, on other media, which the verifier knows.
    pub fn hold_on(
        &mut self,
        media: &mut dyn Media,
        verifier: Verifier<'_>,
        plan: &Plan,
        meddle: Option<Meddle<'_>>,
    ) -> Ended {
        self.session(media, verifier, Begin::New(plan), None, meddle)
    }

    /// Who gets the handover medium.
    fn verifier(&self) -> Verifier<'static> {
        let media = self.media.clone();
        far_end::verifier(move || media.device(Role::Handover))
    }

    /// Starts the machine again, some time later, and goes on.
    pub fn resume(&mut self, id: &str, death: Option<(usize, Death)>) -> Ended {
        self.resume_meddled(id, death, None)
    }

    /// The same, where a test answers some questions.
    pub fn resume_meddled(
        &mut self,
        id: &str,
        death: Option<(usize, Death)>,
        meddle: Option<Meddle<'_>>,
    ) -> Ended {
        self.clock.reboot(1200);
        let (mut media, verifier) = (self.media.clone(), self.verifier());
        self.session(&mut media, verifier, Begin::Again(id), death, meddle)
    }

    fn session(
        &mut self,
        media: &mut dyn Media,
        verifier: Verifier<'_>,
        begin: Begin<'_>,
        death: Option<(usize, Death)>,
        meddle: Option<Meddle<'_>>,
    ) -> Ended {
        self.script.borrow_mut().restart(death);
        let site = Site::parse(SITE).expect("the carried site is accepted");
        let paper = self.paper.take().expect("one session at a time");
        let mut players = Players::new(paper, Box::new(self.screen.clone()), Pace::Fast);
        players = players.with_verifier(verifier);
        if let Some(folder) = self.printer.as_ref().filter(|path| path.is_dir()) {
            players = players.with_printed(folder.clone());
        }
        if let Some(meddle) = meddle {
            players = players.meddled(meddle);
        }
        let mut terminal = ScriptedTerminal {
            players,
            script: self.script.clone(),
        };
        let mut system = ScriptedSystem::new(self.clock.clone(), self.script.clone());
        let printing = || {
            let place = self.printing_at.as_ref().or(self.printer.as_ref())?;
            Some(printing_at(place))
        };
        // Each sitting borrows the same three anew.
        let (mut ended, id) = match begin {
            Begin::New(plan) => {
                let edge = edge(&mut terminal, media, &mut system);
                open(edge, &site, plan, self.mode, printing())
            }
            Begin::Again(id) => {
                let edge = edge(&mut terminal, media, &mut system);
                (go_on(edge, &site, id, printing()), id.to_string())
            }
        };
        while ended.is(Outcome::Paused) && !self.stops {
            let edge = edge(&mut terminal, media, &mut system);
            ended = go_on(edge, &site, &id, printing());
        }
        self.paper = Some(terminal.players.into_paper());
        ended
    }

    /// The ceremony's id, once anything was written.
    pub fn id(&self) -> Option<String> {
        let sticks = self.media.everything();
        let mut paths = sticks.values().flat_map(Device::keys);
        paths.find_map(|path| {
            let id = path.split('/').next()?;
            let begins = id.starts_with("REHEARSAL-") || id.starts_with("20");
            begins.then(|| id.to_string())
        })
    }

    /// What is on a medium of the present ceremony, as the verifier reads it.
    pub fn material(&self, role: Role) -> Material {
        let id = self.id().expect("something was written");
        material(&self.media.device(role), &id)
    }

    /// The verifier's word on a medium's copy of the record.
    pub fn verify(&self, role: Role) -> Result<Verdict, Fault> {
        verify::verify(&self.material(role), &Pins::default())
    }

    /// The entries on operator A's medium, as far as they are whole.
    pub fn entries(&self) -> Vec<Placed> {
        let files = self.material(Role::OperatorA).files;
        let transcript = files.get("transcript.txt").map_or(&[][..], Vec::as_slice);
        transcript::parse_prefix(transcript).0
    }

    /// Everything that must never be in clear on a medium: passphrases and share words.
    pub fn secrets(&self) -> Vec<String> {
        let paper = self.paper.as_ref().expect("no session is open");
        let mut secrets: Vec<String> = Operator::ALL
            .iter()
            .map(|operator| paper.passphrase(*operator).expose().to_string())
            .collect();
        for custodian in 'A'..='T' {
            for part in [Part::Whole, Part::First, Part::Second] {
                let share = paper.share(custodian, part);
                secrets.extend(share.map(|words| words.expose().to_string()));
            }
        }
        secrets
    }
}

/// How a session at the machine begins.
enum Begin<'a> {
    New(&'a Plan),
    Again(&'a str),
}

fn edge<'e>(
    terminal: &'e mut dyn Terminal,
    media: &'e mut dyn Media,
    system: &'e mut dyn System,
) -> Edge<'e> {
    Edge {
        terminal,
        media,
        system,
        tokens: std::rc::Rc::new(ceremony::edge::token::NoTokens),
    }
}

/// A room's printer: a device, or a folder.
pub fn printing_at(place: &Path) -> Printing {
    let printers = RealPrinters::new(Path::new("/"));
    Printing::new(Box::new(printers), &place.to_string_lossy())
}

/// Holds a ceremony as far as it goes; also its id.
fn open<'e>(
    edge: Edge<'e>,
    site: &'e Site,
    plan: &Plan,
    mode: Mode,
    printing: Option<Printing>,
) -> (Ended, String) {
    let mut room = Room::new(edge, site, Journal::new(plan.clone(), ""), mode, "");
    room.printing = printing;
    if let Err(error) = driver::open(&mut room, plan) {
        return (Ended::Open(error), String::new());
    }
    let ended = driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well);
    (ended, room.id.clone())
}

/// Goes on from what the media hold.
fn go_on<'e>(edge: Edge<'e>, site: &'e Site, id: &str, printing: Option<Printing>) -> Ended {
    let found = match driver::gather(edge.media, id) {
        Ok(found) => found,
        Err(error) => return Ended::Resume(error),
    };
    let journal = Journal::new(found.plan.clone(), id);
    let mut room = Room::new(edge, site, journal, found.mode, id);
    room.printing = printing;
    if let Err(error) = driver::resume(&mut room, found) {
        return Ended::Resume(error);
    }
    driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
}

/// A ceremony's folder on a device, as the verifier reads it.
pub fn material(device: &Device, id: &str) -> Material {
    let mut material = Material::default();
    for (path, bytes) in device {
        let Some(path) = path.strip_prefix(&format!("{id}/")) else {
            continue;
        };
        let (folder, path) = match path.strip_prefix("record/") {
            Some(path) => (&mut material.files, path),
            None => (&mut material.beside, path),
        };
        folder.insert(path.to_string(), bytes.clone());
    }
    material
}

/// Whether `needle` stands somewhere in `hay`.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|window| window == needle)
}
