//! The world that fails: a terminal that is closed, media that die.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::OnceLock;

use ceremony::digest::Digest;
use ceremony::edge::directory::Directories;
use ceremony::edge::facts::Facts;
use ceremony::edge::gpg::StockGpg;
use ceremony::edge::media::{Access, Kind};
use ceremony::edge::players::Players;
use ceremony::edge::system::RealSystem;
use ceremony::edge::{Media, MediaError, MediaFault, System, SystemError, Terminal, TerminalError};
use ceremony::preflight::MediumFact;
use ceremony::role::Role;
use ceremony::screen::{Page, Question, Reply, SecretPage};

/// When everything ends.
pub enum Cut<'a> {
    Never,
    /// Before this page is shown.
    AtPage(Box<dyn FnMut(&Page) -> bool + 'a>),
    /// Before this question is answered.
    AtQuestion(Box<dyn FnMut(&Question) -> bool + 'a>),
    /// Before an entry is written that has this text.
    BeforeEntry(&'static str),
}

impl Cut<'_> {
    pub fn before_entry(&mut self) -> Option<&'static str> {
        match self {
            Cut::BeforeEntry(text) => Some(text),
            _ => None,
        }
    }
}

/// The players' terminal, until it is closed.
pub struct Watched<'a> {
    pub players: Players<'a>,
    pub cut: Cut<'a>,
}

impl Terminal for Watched<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        if let Cut::AtPage(at) = &mut self.cut
            && at(page)
        {
            return Err(TerminalError::Closed);
        }
        self.players.page(page)
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.players.say(line)
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        if let Cut::AtQuestion(at) = &mut self.cut
            && at(question)
        {
            return Err(TerminalError::Closed);
        }
        self.players.ask(question)
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        self.players.secret(page)
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.players.work(label)
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        self.players.work_done()
    }
}

/// Media that are gone, all of them, before an entry with some text is written.
pub struct Mortal {
    inner: Directories,
    before: Option<&'static str>,
    dead: bool,
}

impl Mortal {
    pub fn new(inner: Directories, before: Option<&'static str>) -> Mortal {
        Mortal {
            inner,
            before,
            dead: false,
        }
    }

    fn live<T>(
        &mut self,
        role: Role,
        path: &str,
        work: impl FnOnce(&mut Directories) -> Result<T, MediaError>,
    ) -> Result<T, MediaError> {
        if self.dead {
            return Err(MediaError {
                role,
                path: path.to_string(),
                fault: MediaFault::Gone,
            });
        }
        work(&mut self.inner)
    }
}

impl Media for Mortal {
    fn roles(&self) -> Vec<Role> {
        self.inner.roles()
    }

    fn look(&mut self, role: Role) -> MediumFact {
        self.inner.look(role)
    }

    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError> {
        self.live(role, "", |media| media.replace(role, location))
    }

    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError> {
        self.live(role, folder, |media| media.list(role, folder))
    }

    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError> {
        self.live(role, path, |media| media.read(role, path))
    }

    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), MediaError> {
        self.live(role, path, |media| media.create(role, path, bytes, access))
    }

    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError> {
        let text = String::from_utf8_lossy(whole);
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        self.dead |= self.before.is_some_and(|before| last.contains(before));
        self.live(role, path, |media| media.extend(role, path, whole))
    }

    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError> {
        self.live(role, path, |media| media.cut(role, path, length))
    }

    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError> {
        self.live(role, from, |media| media.rename(role, from, to))
    }

    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        self.live(role, path, |media| media.remove(role, path))
    }

    fn remount(&mut self, role: Role) -> Result<(), MediaError> {
        self.live(role, "", |media| media.remount(role))
    }
}

/// The real machine, looked at once; without stock gpg, whose use other tests show.
pub struct Machine(RealSystem);

impl Machine {
    pub fn new() -> Machine {
        Machine(RealSystem::new(PathBuf::from("/")))
    }
}

impl System for Machine {
    fn now(&self) -> u64 {
        self.0.now()
    }

    fn uptime(&self) -> u64 {
        self.0.uptime()
    }

    fn set_clock(&mut self, unix: u64) -> Result<(), SystemError> {
        self.0.set_clock(unix)
    }

    fn random(&mut self, buf: &mut [u8]) -> Result<(), SystemError> {
        self.0.random(buf)
    }

    fn facts(&self) -> Facts {
        static FACTS: OnceLock<Facts> = OnceLock::new();
        let now = self.now();
        let facts = FACTS.get_or_init(|| self.0.facts()).clone();
        Facts { now, ..facts }
    }

    fn gpg(&mut self) -> Option<&mut dyn StockGpg> {
        None
    }

    fn program_digest(&self) -> Result<Digest, SystemError> {
        Ok(Digest::of(b"this test"))
    }
}

/// A screen that can be read afterwards.
#[derive(Clone, Default)]
pub struct Screen(Rc<RefCell<Vec<u8>>>);

impl Screen {
    pub fn taken(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
