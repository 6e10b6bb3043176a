//! The scripted system and terminal: a clock that only touches move, sound facts, and players
//! whose machine can die under their hands.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use ceremony::digest::Digest;
use ceremony::edge::facts::{CoreDumps, Facts, Memory, TerminalSize, WorkFolder};
use ceremony::edge::gpg::StockGpg;
use ceremony::edge::players::Players;
use ceremony::edge::system::RealSystem;
use ceremony::edge::{System, SystemError, Terminal, TerminalError};
use ceremony::screen::{Asks, Page, Question, Reply, SecretPage};
use ceremony::version;

use super::script::{Cue, Effect, Shared};

/// A clock that goes on by itself from touch to touch.
#[derive(Clone)]
pub struct Clock {
    now: Rc<Cell<u64>>,
    booted: Rc<Cell<u64>>,
}

impl Clock {
    pub fn new() -> Clock {
        let start = version::BUILD_TIME + 3600;
        Clock {
            now: Rc::new(Cell::new(start)),
            booted: Rc::new(Cell::new(start - 600)),
        }
    }

    /// The machine was off for this long, in seconds.
    pub fn reboot(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
        self.booted.set(self.now.get() - 30);
    }
}

/// See the module.
pub struct ScriptedSystem {
    pub clock: Clock,
    pub script: Shared,
    random: RealSystem,
}

impl ScriptedSystem {
    pub fn new(clock: Clock, script: Shared) -> ScriptedSystem {
        ScriptedSystem {
            clock,
            script,
            random: RealSystem::new(PathBuf::from("/")),
        }
    }
}

impl System for ScriptedSystem {
    fn now(&self) -> u64 {
        // A second goes by at each look, so that no two moments are taken for one.
        self.clock.now.set(self.clock.now.get() + 1);
        self.clock.now.get()
    }

    fn uptime(&self) -> u64 {
        self.clock.now.get() - self.clock.booted.get()
    }

    fn set_clock(&mut self, unix: u64) -> Result<(), SystemError> {
        match self
            .script
            .borrow_mut()
            .touch("set-clock".to_string(), Effect::Whole)
        {
            Cue::Live => {}
            _ => {
                let source = std::io::ErrorKind::Other.into();
                return Err(SystemError::Clock { unix, source });
            }
        }
        let up = self.uptime();
        self.clock.now.set(unix);
        self.clock.booted.set(unix.saturating_sub(up));
        Ok(())
    }

    /// The kernel's own: keys must differ from run to run.
    fn random(&mut self, buf: &mut [u8]) -> Result<(), SystemError> {
        match self
            .script
            .borrow_mut()
            .touch(format!("random {}", buf.len()), Effect::None)
        {
            Cue::Live => self.random.random(buf),
            _ => Err(SystemError::Random(std::io::ErrorKind::Other.into())),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            interfaces: Ok(vec!["lo".to_string()]),
            swaps: Ok(Vec::new()),
            core_dumps: Ok(CoreDumps {
                limit: Some(0),
                dumpable: false,
                pattern: "core".to_string(),
            }),
            memory: Ok(Memory {
                locked: 4096,
                private: 4096,
            }),
            random_ready: Ok(true),
            now: self.now(),
            work_folder: Ok(WorkFolder {
                path: PathBuf::from("/"),
                in_memory: true,
            }),
            terminal: Some(TerminalSize {
                columns: 80,
                rows: 24,
            }),
            gpg: None,
            program: self.program_digest().map_err(|_| unreachable!()),
        }
    }

    fn gpg(&mut self) -> Option<&mut dyn StockGpg> {
        None
    }

    fn program_digest(&self) -> Result<Digest, SystemError> {
        Ok(Digest::of(b"the program under test"))
    }
}

/// See the module.
pub struct ScriptedTerminal<'a> {
    pub players: Players<'a>,
    pub script: Shared,
}

impl ScriptedTerminal<'_> {
    fn call<T>(
        &mut self,
        what: String,
        effect: Effect,
        work: impl FnOnce(&mut Self) -> Result<T, TerminalError>,
    ) -> Result<T, TerminalError> {
        let cue = self.script.borrow_mut().touch(what, effect);
        match cue {
            Cue::Live => work(self),
            Cue::Dead => Err(TerminalError::Closed),
            Cue::Dying(_) => {
                // It was read and copied to paper; the machine learns nothing of that.
                drop(work(self));
                Err(TerminalError::Closed)
            }
        }
    }
}

impl Terminal for ScriptedTerminal<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        let what = format!("page {}", page.title);
        self.call(what, Effect::None, |t| t.players.page(page))
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.call("say".to_string(), Effect::None, |t| t.players.say(line))
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        let effect = match question.asks {
            Asks::Copied(_) | Asks::HeadWritten(_) => Effect::Whole,
            _ => Effect::None,
        };
        let what = format!("ask {}", question.prompt);
        self.call(what, effect, |t| t.players.ask(question))
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        let what = format!("secret {}", page.page.title);
        self.call(what, Effect::Whole, |t| t.players.secret(page))
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.call("work".to_string(), Effect::None, |t| t.players.work(label))
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        self.call("work done".to_string(), Effect::None, |t| {
            t.players.work_done()
        })
    }
}
