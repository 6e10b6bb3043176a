//! A rehearsal that left a backup, and messages that are opened with it: in this process, with an
//! edge that can fail anywhere.

#![allow(dead_code, reason = "not every test looks at everything")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

use ceremony::driver::{self, Outcome};
use ceremony::edge::Edge;
use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Meddle, Pace, Players};
use ceremony::edge::token::{NoTokens, Tokens};
use ceremony::edge::vessel::{Measure, Source, Target, Vessel, VesselError};
use ceremony::id;
use ceremony::journal::Journal;
use ceremony::openpgp::{Certificate, Format};
use ceremony::plan::{Operator, Plan, load_carried};
use ceremony::record::event::Event;
use ceremony::record::transcript::{self, Placed};
use ceremony::record::value::{Mode, Part};
use ceremony::role::Role;
use ceremony::room::{Opening, Room};
use ceremony::site::Site;
use ceremony::verify::{self, Pins, Verdict};

use crate::support::machine::{Clock, ScriptedSystem, ScriptedTerminal};
use crate::support::media::{Device, MemoryMedia};
use crate::support::script::{Death, Effect, Script, Shared};
use crate::support::{Ended, SITE, material, printing_at};

/// What the table's drive for messages does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// It has no space after so many bytes.
    FullAfter(usize),
    /// It keeps other bytes than were written.
    KeepsWrong,
    /// It cannot be read after so many bytes.
    UnreadableAfter(usize),
    /// Somebody else takes the name while the content is written.
    NameTaken,
}

/// The drive with the message and its content.
#[derive(Default)]
pub struct Drive {
    pub message: Vec<u8>,
    /// What the message becomes once it was read so often.
    pub exchanged: Option<(usize, Vec<u8>)>,
    pub content: Option<Vec<u8>>,
    pub fails: Option<Fails>,
    reads: usize,
}

/// A drive in memory.
struct MemoryVessel {
    drive: Arc<Mutex<Drive>>,
    script: Shared,
}

fn look(drive: &Arc<Mutex<Drive>>) -> MutexGuard<'_, Drive> {
    drive
        .lock()
        .expect("no test panics while it holds the drive")
}

struct Unreadable(Cursor<Vec<u8>>, u64);

impl io::Read for Unreadable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.1.saturating_sub(self.0.position()) as usize;
        match left.min(buffer.len()) {
            0 => Err(io::Error::from_raw_os_error(5)),
            size => self.0.read(&mut buffer[..size]),
        }
    }
}

impl io::Seek for Unreadable {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Vessel for MemoryVessel {
    fn message_name(&self) -> String {
        "sealed.pgp".to_string()
    }

    fn target_name(&self) -> String {
        "content".to_string()
    }

    fn message(&mut self) -> Result<Box<dyn Source>, VesselError> {
        self.script
            .borrow_mut()
            .touch("message".to_string(), Effect::None);
        let mut drive = look(&self.drive);
        drive.reads += 1;
        let reads = drive.reads;
        if let Some((_, other)) = drive.exchanged.take_if(|(after, _)| *after < reads) {
            drive.message = other;
        }
        let cursor = Cursor::new(drive.message.clone());
        Ok(match drive.fails {
            Some(Fails::UnreadableAfter(size)) => Box::new(Unreadable(cursor, size as u64)),
            _ => Box::new(cursor),
        })
    }

    fn standing(&mut self) -> Result<Option<Box<dyn Source>>, VesselError> {
        let content = look(&self.drive).content.clone();
        Ok(content.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Source>))
    }

    fn target(&mut self) -> Result<Box<dyn Target>, VesselError> {
        // Whatever was written has no name yet: a death here leaves nothing, one after it all.
        self.script
            .borrow_mut()
            .touch("target".to_string(), Effect::Whole);
        Ok(Box::new(Unnamed(Vec::new(), self.drive.clone())))
    }
}

struct Unnamed(Vec<u8>, Arc<Mutex<Drive>>);

impl Write for Unnamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fails = look(&self.1).fails;
        if let Some(Fails::FullAfter(size)) = fails
            && self.0.len() + bytes.len() > size
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target for Unnamed {
    fn publish(self: Box<Self>, expected: &Measure) -> Result<(), VesselError> {
        let mut drive = look(&self.1);
        match drive.fails {
            Some(Fails::NameTaken) => drive.content = Some(b"somebody else's".to_vec()),
            Some(Fails::KeepsWrong) => return Err(VesselError::ReadBack("content".to_string())),
            _ => {}
        }
        if drive.content.is_some() {
            return Err(VesselError::Exists("content".to_string()));
        }
        let written = Measure::of(&mut &self.0[..], &mut |_| {});
        assert_eq!(written.expect("memory can be read"), *expected);
        drive.content = Some(self.0);
        Ok(())
    }
}

/// What outlives the machine.
pub struct Table {
    pub media: MemoryMedia,
    pub script: Shared,
    pub clock: Clock,
    pub drive: Arc<Mutex<Drive>>,
    /// The ceremony that made the key.
    pub backup: String,
    pub screen: Shown,
    /// The secret medium that is used.
    pub secret: Role,
    /// When the record beside the backup ends.
    pub not_before: Option<u64>,
    /// The site file.
    pub site: String,
    /// The readers of the machine.
    pub tokens: Rc<dyn Tokens>,
    /// A folder that is the printer while a key is made, where there is one.
    pub printer: Option<PathBuf>,
    /// The opening that is held, or was last.
    current: Option<String>,
    paper: Option<Paper>,
}

/// Everything that was on the screen.
#[derive(Clone, Default)]
pub struct Shown(Rc<RefCell<Vec<u8>>>);

impl Shown {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Table {
    /// Holds a rehearsal that makes and backs up a key.
    pub fn with_key(plan: &Plan) -> Table {
        let mut table = Table::empty();
        table.make_key(plan, None);
        table
    }

    /// Empty media, and players who hold nothing in their hands.
    pub fn empty() -> Table {
        ceremony::openpgp::test_only::make_passwords_cheap();
        let script = Script::shared();
        let clock = Clock::new();
        let mut system = ScriptedSystem::new(clock.clone(), Script::shared());
        let paper = Paper::new(&mut system, None).expect("the kernel has random numbers");
        Table {
            media: MemoryMedia::new(script.clone()),
            script,
            clock,
            drive: Arc::default(),
            backup: String::new(),
            screen: Shown::default(),
            secret: Role::Secret1,
            not_before: None,
            site: SITE.to_string(),
            tokens: Rc::new(NoTokens),
            printer: None,
            current: None,
            paper: Some(paper),
        }
    }

    /// Holds a rehearsal that makes and backs up a key, as far as the planned stop.
    pub fn make_key(&mut self, plan: &Plan, meddle: Option<Meddle<'_>>) {
        let held = self.hold(plan, meddle);
        self.is_made(&held);
    }

    /// Holds a rehearsal that makes a key, however it ends.
    pub fn hold(&mut self, plan: &Plan, meddle: Option<Meddle<'_>>) -> Ended {
        let printer = self.printer.clone();
        self.session(None, meddle, |edge, site, _| {
            let journal = Journal::new(plan.clone(), "");
            let mut room = Room::new(edge, site, journal, Mode::Rehearsal, "");
            room.printing = printer.as_deref().map(printing_at);
            driver::open(&mut room, plan).expect("the machine is sound");
            driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
        })
    }

    /// The machine was off while a key was made; that goes on, as far as the planned stop.
    pub fn go_on_making(&mut self, meddle: Option<Meddle<'_>>) {
        self.clock.reboot(1200);
        let id = self.ids(Role::OperatorA).remove(0);
        let held = self.session(None, meddle, |edge, site, _| {
            let found = driver::gather(edge.media, &id).expect("a record");
            let journal = Journal::new(found.plan.clone(), &id);
            let mut room = Room::new(edge, site, journal, found.mode, &id);
            if let Err(error) = driver::resume(&mut room, found) {
                return Ended::Resume(error);
            }
            driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
        });
        self.is_made(&held);
    }

    /// Whether it stops there for the call or not: the backup is on its media.
    fn is_made(&mut self, held: &Ended) {
        assert!(
            held.is(Outcome::Paused) || held.is(Outcome::Closed),
            "{held:?}\n{}",
            self.screen.text()
        );
        self.backup = self.ids(Role::Secret1).remove(0);
    }

    /// The ceremonies that a medium has something of.
    pub fn ids(&self, role: Role) -> Vec<String> {
        let device = self.media.device(role);
        let first = |path: &String| path.split('/').next().unwrap_or_default().to_string();
        let mut ids: Vec<String> = device.keys().map(first).collect();
        ids.dedup();
        ids.retain(|id| id::mode_of(id).is_some());
        ids
    }

    /// The ceremony in which a message was opened last, once it left anything.
    pub fn id(&self) -> Option<String> {
        self.current.clone()
    }

    fn openings(&self) -> Vec<String> {
        let mut ids = self.ids(Role::OperatorA);
        ids.extend(self.ids(Role::OperatorB));
        ids.retain(|id| id.contains("-open-"));
        ids
    }

    /// The key's certificate.
    pub fn certificate(&self) -> Certificate {
        let path = format!("{}/certificate.asc", self.backup);
        let bytes = &self.media.device(Role::Public)[&path];
        Certificate::from_bytes(bytes).expect("it was exported")
    }

    /// Puts a message on the drive, sealed to the key.
    pub fn seal(&self, format: Format, content: &[u8]) {
        let now = self.now();
        let mut sealed = Vec::new();
        self.certificate()
            .seal(format, now, content, &mut sealed, &mut |_| {})
            .expect("the key can be sealed to");
        look(&self.drive).message = sealed;
    }

    pub fn now(&self) -> u64 {
        use ceremony::edge::System;
        ScriptedSystem::new(self.clock.clone(), Script::shared()).now()
    }

    pub fn drive(&self) -> MutexGuard<'_, Drive> {
        look(&self.drive)
    }

    /// Opens what is on the drive; the machine may die, a test may answer in the players' place.
    pub fn open(&mut self, death: Option<(usize, Death)>, meddle: Option<Meddle<'_>>) -> Ended {
        let (backup, medium) = (self.backup.clone(), self.secret);
        let not_before = self.not_before;
        let before = self.openings();
        let ended = self.session(death, meddle, |edge, site, vessel| {
            let plan = opening_plan();
            let journal = Journal::new(plan.clone(), "");
            let mut room = Room::new(edge, site, journal, Mode::Rehearsal, "");
            room.opening = Some(Opening {
                vessel,
                backup,
                medium,
                not_before,
            });
            if let Err(error) = driver::open(&mut room, &plan) {
                return Ended::Open(error);
            }
            driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
        });
        let new = self.openings().into_iter().find(|id| !before.contains(id));
        self.current = new;
        ended
    }

    /// The machine was off for a while; the opening goes on.
    pub fn resume(&mut self, meddle: Option<Meddle<'_>>) -> Ended {
        self.clock.reboot(1200);
        let Some(id) = self.id() else {
            return self.open(None, meddle);
        };
        let (backup, medium) = (self.backup.clone(), self.secret);
        let not_before = self.not_before;
        self.session(None, meddle, |edge, site, vessel| {
            let found = match driver::gather(edge.media, &id) {
                Ok(found) => found,
                Err(error) => return Ended::Resume(error),
            };
            let journal = Journal::new(found.plan.clone(), &id);
            let mut room = Room::new(edge, site, journal, found.mode, &id);
            room.opening = Some(Opening {
                vessel,
                backup,
                medium,
                not_before,
            });
            if let Err(error) = driver::resume(&mut room, found) {
                return Ended::Resume(error);
            }
            driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
        })
    }

    fn session(
        &mut self,
        death: Option<(usize, Death)>,
        meddle: Option<Meddle<'_>>,
        work: impl for<'e> FnOnce(Edge<'e>, &'e Site, &'e mut dyn Vessel) -> Ended,
    ) -> Ended {
        self.script.borrow_mut().restart(death);
        let site = Site::parse(&self.site).expect("the site is accepted");
        let paper = self.paper.take().expect("one session at a time");
        let mut players = Players::new(paper, Box::new(self.screen.clone()), Pace::Fast);
        if let Some(folder) = &self.printer {
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
        let mut media = self.media.clone();
        let mut vessel = MemoryVessel {
            drive: self.drive.clone(),
            script: self.script.clone(),
        };
        let edge = Edge {
            terminal: &mut terminal,
            media: &mut media,
            system: &mut system,
            tokens: Rc::clone(&self.tokens),
        };
        let ended = work(edge, &site, &mut vessel);
        self.paper = Some(terminal.players.into_paper());
        ended
    }

    /// The record of the opening, on an operator's medium.
    pub fn entries(&self, role: Role) -> Vec<Placed> {
        let id = self.id().expect("something was recorded");
        let files = material(&self.media.device(role), &id).files;
        let transcript = files.get("transcript.txt").map_or(&[][..], Vec::as_slice);
        transcript::parse_prefix(transcript).0
    }

    /// The events of one name.
    pub fn events(&self, name: &str) -> Vec<Event> {
        let entries = self.entries(Role::OperatorA).into_iter();
        let events = entries.map(|placed| placed.entry.event);
        events.filter(|event| event.name() == name).collect()
    }

    /// Both copies are the same, and verify.
    pub fn verdict(&self) -> Verdict {
        let id = self.id().expect("something was recorded");
        let both =
            [Role::OperatorA, Role::OperatorB].map(|role| material(&self.media.device(role), &id));
        assert_eq!(both[0].files, both[1].files);
        verify::verify(&both[0], &Pins::default()).expect("the record is in order")
    }

    /// The text of a detail file of the opening.
    pub fn detail(&self, event: &str) -> String {
        let entries = self.entries(Role::OperatorA);
        let mut found = entries.iter().rev();
        let placed = found.find(|placed| placed.entry.event.name() == event);
        let number = placed.expect("there is such an entry").entry.number;
        let id = self.id().expect("something was recorded");
        let path = format!("{id}/record/details/{number:04}.txt");
        let device = self.media.device(Role::OperatorA);
        String::from_utf8(device[&path].clone()).expect("UTF-8")
    }

    /// A custodian's card.
    pub fn share(&self, custodian: char, part: Part) -> String {
        let paper = self.paper.as_ref().expect("no session is open");
        let words = paper.share(custodian, part).expect("it was written");
        words.expose().to_string()
    }

    /// All passphrases and share words.
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

    /// All devices as they are now.
    pub fn everything(&self) -> BTreeMap<String, Device> {
        self.media.everything()
    }
}

pub fn opening_plan() -> Plan {
    load_carried("open")
        .expect("it is carried")
        .expect("it is good")
}
