//! A ceremony held in this process by scripted people, of whom a test may play some badly.

#[path = "../far_end/mod.rs"]
mod far_end;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;

use ceremony::digest::Digest;
use ceremony::driver::{self, OpenError, Outcome, ResumeError};
use ceremony::edge::directory::Directories;
use ceremony::edge::facts::Facts;
use ceremony::edge::files;
use ceremony::edge::gpg::StockGpg;
use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Pace, Players};
use ceremony::edge::system::RealSystem;
use ceremony::edge::{Edge, System, SystemError, Terminal, TerminalError};
use ceremony::error::Explain;
use ceremony::journal::Journal;
use ceremony::openpgp::test_only::make_passwords_cheap;
use ceremony::plan::{Operator, Plan};
use ceremony::record::event::Event;
use ceremony::record::value::{Act, Mode, Part};
use ceremony::role::Role;
use ceremony::room::Room;
use ceremony::screen::{Page, Question, Reply, SecretPage};
use ceremony::secret::SecretText;
use ceremony::site::Site;
use ceremony::verify::{Completion, Material, Pins, verify};
use tempfile::TempDir;

pub const PASSPHRASES: [&str; 2] = ["amber kettle seven ropes", "violet anchor two rivers"];

/// Two operators, two custodians, six media in folders.
pub struct Table {
    folder: TempDir,
    pub plan: Plan,
    /// The site file.
    pub site: String,
    cards: RefCell<BTreeMap<char, String>>,
}

/// What came of a session.
pub struct Held {
    /// How it ended, or the error that ended it.
    pub end: Result<Outcome, String>,
    pub events: Vec<Event>,
    pub screen: String,
    pub asked: Vec<Question>,
    pub id: String,
}

impl Table {
    /// The carried plan for A and B alone, with a key that is quick to make.
    pub fn new() -> Table {
        let plan = include_str!("../../ceremony/backup-key.toml");
        let plan = plan.replace("\"rsa4096\"", "\"modern\"");
        let plan = plan.replace("[\"A\", \"B\", \"C\"]", "[\"A\", \"B\"]");
        let plan = plan.replace("absent = [\"C\"]", "absent = []");
        make_passwords_cheap();
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let folder = TempDir::with_prefix_in("dual-", base).expect("a folder for the test");
        for role in Role::ALL {
            std::fs::create_dir(folder.path().join(role.to_string())).expect("a new medium");
        }
        Table {
            folder,
            plan: Plan::parse(&plan).expect("a good plan"),
            site: ceremony::site::EXAMPLE.to_string(),
            cards: RefCell::default(),
        }
    }

    pub fn medium(&self, role: Role) -> PathBuf {
        self.folder.path().join(role.to_string())
    }

    /// A folder that is no medium yet.
    pub fn spare(&self) -> String {
        let path = self.folder.path().join("spare");
        std::fs::create_dir_all(&path).expect("a new folder");
        path.display().to_string()
    }

    /// Puts the spare folder, which took a medium's place, where the medium was.
    pub fn use_spare(&mut self, role: Role) {
        std::fs::remove_dir_all(self.medium(role)).expect("the old one");
        std::fs::rename(self.spare(), self.medium(role)).expect("the new one");
    }

    /// The words on a custodian's card, as far as they were written.
    pub fn card(&self, custodian: char) -> Vec<String> {
        let cards = self.cards.borrow();
        let words = cards.get(&custodian).map_or("", String::as_str);
        words.split(' ').map(str::to_string).collect()
    }

    /// Every file on every medium.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = files::read_folder(self.folder.path()).expect("the media are readable");
        assert!(folder.odd.is_empty());
        folder.files
    }

    /// Holds a rehearsal. `meddle` answers in the players' place where it wants to.
    pub fn hold<'a>(&'a self, meddle: impl FnMut(&Question) -> Option<Reply> + 'a) -> Held {
        self.session(None, |_| false, meddle)
    }

    /// The terminal is closed at the first question that fits.
    pub fn hold_until<'a>(&'a self, cut: impl FnMut(&Question) -> bool + 'a) -> Held {
        self.session(None, cut, |_| None)
    }

    /// Goes on with an interrupted rehearsal.
    pub fn resume<'a>(
        &'a self,
        id: &str,
        meddle: impl FnMut(&Question) -> Option<Reply> + 'a,
    ) -> Held {
        self.session(Some(id), |_| false, meddle)
    }

    fn session<'a>(
        &'a self,
        resumed: Option<&str>,
        cut: impl FnMut(&Question) -> bool + 'a,
        mut meddle: impl FnMut(&Question) -> Option<Reply> + 'a,
    ) -> Held {
        let mut system = Machine(RealSystem::new(PathBuf::from("/")));
        let mut paper = Paper::new(&mut system, None).expect("random numbers");
        for operator in Operator::ALL {
            paper.set_passphrase(operator, PASSPHRASES[operator.index()]);
        }
        let screen = Screen::default();
        let players = Players::new(paper, Box::new(screen.clone()), Pace::Fast);
        let players = players.with_verifier(far_end::verifier_at(self.medium(Role::Handover)));
        let asked = Rc::new(RefCell::new(Vec::new()));
        let heard = asked.clone();
        let players = players.meddled(Box::new(move |question, paper| {
            for custodian in ['A', 'B'] {
                if let Some(words) = paper.share(custodian, Part::Whole) {
                    let words = words.expose().to_string();
                    self.cards.borrow_mut().insert(custodian, words);
                }
            }
            heard.borrow_mut().push(question.clone());
            meddle(question)
        }));
        let mut terminal = Cut { players, cut };
        let roots = Role::ALL.into_iter().map(|role| (role, self.medium(role)));
        let mut media = Directories::new(roots.collect());
        let site = Site::parse(&self.site).expect("a good site");
        let mut id = resumed.unwrap_or_default().to_string();
        let (mut end, mut events);
        loop {
            let found = (!id.is_empty()).then(|| driver::gather(&mut media, &id));
            let edge = Edge {
                terminal: &mut terminal,
                media: &mut media,
                system: &mut system,
                tokens: std::rc::Rc::new(ceremony::edge::token::NoTokens),
            };
            let journal = Journal::new(self.plan.clone(), &id);
            let mut room = Room::new(edge, &site, journal, Mode::Rehearsal, &id);
            let begun = match found {
                Some(found) => driver::resume(&mut room, found.expect("a record"))
                    .map_err(|e: ResumeError| explained(&e)),
                None => driver::open(&mut room, &self.plan).map_err(|e: OpenError| explained(&e)),
            };
            end = begun.and_then(|()| driver::drive(&mut room).map_err(|e| explained(&e)));
            events = entries(&room);
            id = room.id.clone();
            // A planned stop: the same people go on at once.
            if end != Ok(Outcome::Paused) {
                break;
            }
        }
        drop(terminal);
        let screen = String::from_utf8(screen.0.take()).expect("UTF-8");
        let asked = asked.take();
        Held {
            end,
            events,
            screen,
            asked,
            id,
        }
    }

    /// The verifier's judgement of the copy on operator A's medium.
    pub fn completion(&self, held: &Held) -> Completion {
        let record = self.medium(Role::OperatorA).join(&held.id).join("record");
        let folder = files::read_folder(&record).expect("the record is readable");
        let material = Material {
            files: folder.files,
            odd: folder.odd,
            ..Material::default()
        };
        let verdict = verify(&material, &Pins::default());
        verdict.expect("a record that verifies").completion
    }
}

fn entries(room: &Room<'_>) -> Vec<Event> {
    let entries = room.journal.entries().iter();
    entries.map(|placed| placed.entry.event.clone()).collect()
}

/// The cause and the remedy; every error has both.
fn explained(error: &dyn Explain) -> String {
    assert!(!error.remedy().is_empty(), "{error}");
    format!("{error}. {}", error.remedy())
}

impl Held {
    /// Asserts that it ended with a closed record.
    pub fn closed(self) -> Held {
        assert_eq!(self.end, Ok(Outcome::Closed), "{}", self.screen);
        self
    }

    /// Whether this was on the screen, however the lines were broken.
    pub fn says(&self, text: &str) -> bool {
        let words: Vec<&str> = self.screen.split_whitespace().collect();
        words.join(" ").contains(text)
    }

    pub fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| fits(event)).count()
    }

    pub fn asked(&self, fits: impl Fn(&Question) -> bool) -> usize {
        self.asked.iter().filter(|question| fits(question)).count()
    }

    /// What was done, exceptions with their signatures and refused checkpoints left out.
    pub fn deeds(&self) -> Vec<&'static str> {
        let mut deeds = Vec::new();
        let mut events = self.events.iter().peekable();
        while let Some(event) = events.next() {
            let refused = matches!(events.peek(), Some(Event::Refused { .. }));
            match event {
                Event::Exception { .. } => {}
                Event::Authorise { act } if refused || *act == Act::Exception => {
                    events.next();
                }
                event => deeds.push(event.name()),
            }
        }
        deeds
    }
}

pub fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

pub fn secret(text: &str) -> Option<Reply> {
    Some(Reply::Secret(SecretText::from_string(text.to_string())))
}

/// Answers the first `times` questions that fit, and no more.
pub fn first<'a>(
    mut times: usize,
    fits: impl Fn(&Question) -> bool + 'a,
    answer: impl Fn() -> Option<Reply> + 'a,
) -> impl FnMut(&Question) -> Option<Reply> + 'a {
    move |question| {
        if times > 0 && fits(question) {
            times -= 1;
            answer()
        } else {
            None
        }
    }
}

/// The real machine, looked at once; without stock gpg, whose use other tests show.
struct Machine(RealSystem);

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
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that is closed at some question.
struct Cut<'a, F> {
    players: Players<'a>,
    cut: F,
}

impl<F: FnMut(&Question) -> bool> Terminal for Cut<'_, F> {
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
