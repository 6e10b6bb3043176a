//! Ceremonies held in this process, so that there is something to tamper with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ceremony::digest::Digest;
use ceremony::driver::{self, Outcome};
use ceremony::edge::directory::Directories;
use ceremony::edge::facts::Facts;
use ceremony::edge::gpg::StockGpg;
use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Meddle, Pace, Players};
use ceremony::edge::printer::RealPrinters;
use ceremony::edge::system::RealSystem;
use ceremony::edge::{Edge, System, SystemError, Terminal, TerminalError, files};
use ceremony::journal::Journal;
use ceremony::openpgp::LockedKey;
use ceremony::plan::{Operator, Plan};
use ceremony::record::value::Mode;
use ceremony::role::Role;
use ceremony::room::{Printing, Room, Stop};
use ceremony::screen::{Asks, Page, Question, Reply, SecretPage};
use ceremony::secret::SecretText;
use ceremony::site::Site;
use ceremony::verify::Material;

use super::far_end;
use super::forge::Signer;

/// A machine without a network, whose clock ticks once each time it is read: so every entry
/// has a time of its own. It began in the past, because gpg refuses keys from the future.
struct Ticking {
    real: RealSystem,
    clock: Cell<u64>,
}

impl System for Ticking {
    fn now(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }
    fn uptime(&self) -> u64 {
        self.clock.get() % 100_000
    }
    fn set_clock(&mut self, unix: u64) -> Result<(), SystemError> {
        self.real.set_clock(unix)
    }
    fn random(&mut self, buf: &mut [u8]) -> Result<(), SystemError> {
        self.real.random(buf)
    }
    fn facts(&self) -> Facts {
        Facts {
            interfaces: Ok(vec!["lo".to_string()]),
            swaps: Ok(Vec::new()),
            random_ready: Ok(true),
            ..self.real.facts()
        }
    }
    fn gpg(&mut self) -> Option<&mut dyn StockGpg> {
        self.real.gpg()
    }
    fn program_digest(&self) -> Result<Digest, SystemError> {
        self.real.program_digest()
    }
}

/// Whether the terminal is cut off at this question.
pub type Cut<'a> = Box<dyn FnMut(&Question) -> bool + 'a>;

/// Players whose terminal can be cut off, as if the machine had been switched off.
struct Cuttable<'a> {
    players: Players<'a>,
    cut: Cut<'a>,
}

impl Terminal for Cuttable<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        self.players.page(page)
    }
    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.players.say(line)
    }
    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        if (self.cut)(question) {
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

/// One ceremony on folders of its own, from session to session.
pub struct Table {
    folder: tempfile::TempDir,
    plan: Plan,
    site: Site,
    mode: Mode,
    system: Ticking,
    paper: Option<Paper>,
    /// Whether a folder takes a printer's place.
    prints: bool,
    printed: tempfile::TempDir,
}

impl Table {
    /// A table with empty media, two days ago.
    pub fn new(plan: &str, mode: Mode) -> Table {
        let now = RealSystem::new(PathBuf::from("/")).now();
        Table::dated(plan, mode, now - 200_000)
    }

    /// A table with empty media, at some time.
    pub fn dated(plan: &str, mode: Mode, begin: u64) -> Table {
        ceremony::openpgp::test_only::make_passwords_cheap();
        let folder = tempfile::tempdir().expect("a folder for the media");
        for role in Role::ALL {
            files::new_folder(&folder.path().join(role.to_string())).expect("a medium's folder");
        }
        let mut system = Ticking {
            real: RealSystem::new(PathBuf::from("/dev/shm")),
            clock: Cell::new(begin),
        };
        let paper = Paper::new(&mut system, None).expect("paper");
        Table {
            folder,
            plan: Plan::parse(plan).expect("the test's plan is good"),
            site: Site::parse("backup-address = \"Tests <tests@example.org>\"\n").expect("a site"),
            mode,
            system,
            paper: Some(paper),
            prints: false,
            printed: tempfile::tempdir().expect("a folder for pages"),
        }
    }

    /// The same, with a folder that takes a printer's place.
    pub fn with_printer(mut self) -> Table {
        self.prints = true;
        self
    }

    /// One session at the machine, the first one or a later one; `None` if it was cut off.
    pub fn session<'a>(&mut self, meddle: Meddle<'a>, cut: Cut<'a>) -> Option<Outcome> {
        let media_of = |root: &Path| -> BTreeMap<Role, PathBuf> {
            Role::ALL
                .into_iter()
                .map(|role| (role, root.join(role.to_string())))
                .collect()
        };
        let mut media = Directories::new(media_of(self.folder.path()));
        let paper = self.paper.take().expect("a session at a time");
        let handover = self.folder.path().join(Role::Handover.to_string());
        let players = Players::new(paper, Box::new(io::sink()), Pace::Fast)
            .with_verifier(far_end::verifier_at(handover))
            .meddled(meddle)
            .with_printed(self.printed.path().to_path_buf());
        let mut terminal = Cuttable { players, cut };
        let id = self.id();
        let found = id
            .as_deref()
            .map(|id| driver::gather(&mut media, id).expect("the record can be gathered"));
        let edge = Edge {
            terminal: &mut terminal,
            media: &mut media,
            system: &mut self.system,
            tokens: std::rc::Rc::new(ceremony::edge::token::NoTokens),
        };
        let id = id.unwrap_or_default();
        let journal = Journal::new(self.plan.clone(), &id);
        let mut room = Room::new(edge, &self.site, journal, self.mode, &id);
        if self.prints {
            let printers = RealPrinters::new(Path::new("/"));
            let place = self.printed.path().to_string_lossy().into_owned();
            room.printing = Some(Printing::new(Box::new(printers), &place));
        }
        match found {
            None => driver::open(&mut room, &self.plan).expect("the record is opened"),
            Some(found) => driver::resume(&mut room, found).expect("the record goes on"),
        }
        let outcome = driver::drive(&mut room);
        drop(room);
        self.paper = Some(terminal.players.into_paper());
        match outcome {
            Ok(outcome) => Some(outcome),
            Err(Stop::Terminal(TerminalError::Closed)) => None,
            Err(stop) => panic!("the session ended with {stop}"),
        }
    }

    /// The ceremony's id, once there is a record.
    fn id(&self) -> Option<String> {
        let folder = self.folder.path().join("operator-a");
        let mut names = std::fs::read_dir(folder).expect("the medium can be read");
        names.next().map(|entry| {
            entry
                .expect("a name")
                .file_name()
                .into_string()
                .expect("ASCII")
        })
    }

    /// What a medium holds of the ceremony.
    pub fn material(&self, role: Role) -> Material {
        let id = self.id().expect("a record");
        let record = self
            .folder
            .path()
            .join(role.to_string())
            .join(id)
            .join("record");
        let read = files::read_folder(&record).expect("the record can be read");
        Material {
            files: read.files,
            odd: read.odd,
            beside: self.beside(),
        }
    }

    /// All that was stored on the media that leave and on those that are locked away.
    fn beside(&self) -> BTreeMap<String, Vec<u8>> {
        let id = self.id().expect("a record");
        let mut beside = BTreeMap::new();
        for role in [Role::Secret1, Role::Public] {
            let folder = self.folder.path().join(role.to_string()).join(&id);
            for name in files::beside(&folder.join("record")) {
                let bytes = files::read(&folder.join(&name)).expect("it can be read");
                beside.insert(name, bytes);
            }
        }
        beside
    }

    /// Both operators' keys, to forge with.
    pub fn keys(&self) -> Keys {
        let id = self.id().expect("a record");
        let [a, b] = Operator::ALL.map(|operator| {
            let letter = operator.to_string().to_lowercase();
            let medium = self.folder.path().join(format!("operator-{letter}"));
            let path = medium.join(&id).join(format!("operator-{letter}.key.asc"));
            let key = LockedKey::from_bytes(&files::read(&path).expect("the key file"));
            let paper = self.paper.as_ref().expect("between sessions");
            let mut passphrase = SecretText::with_capacity(256);
            passphrase.push_str(paper.passphrase(operator).expose());
            (key.expect("a key file"), passphrase)
        });
        Keys([a, b])
    }
}

/// Both operators' keys with their passphrases.
pub struct Keys(pub [(LockedKey, SecretText); 2]);

impl Signer for Keys {
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8> {
        let (key, passphrase) = &self.0[operator.index()];
        // Who forges a time before their key was made has no signature to show.
        key.sign(passphrase, message, at, None)
            .unwrap_or_else(|_| b"no signature\n".to_vec())
    }
}

/// What a test answers, and to which questions.
type Scripted = (fn(&Asks) -> bool, fn() -> Reply);

/// Answers a question in the players' place, the first time that it is asked.
pub fn once<'a>(answers: Vec<Scripted>) -> impl FnMut(&Question, &mut Paper) -> Option<Reply> + 'a {
    let mut due = answers;
    move |question, _| {
        if matches!(question.asks, Asks::Decide) {
            return Some(Reply::Line("try-again".to_string()));
        }
        let at = due.iter().position(|(asks, _)| asks(&question.asks))?;
        Some((due.remove(at).1)())
    }
}
