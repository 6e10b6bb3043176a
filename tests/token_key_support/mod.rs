//! A ceremony whose key is made in a software YubiKey behind the real pcscd, held in this process
//! by scripted people. A test may play some of them badly, and let the world fail.
#![allow(dead_code, reason = "each test program uses a part of what is here")]

#[path = "../far_end/mod.rs"]
mod far_end;

mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ceremony::attestation::test_only::trust_root;
use ceremony::driver::{self, Outcome};
use ceremony::edge::Edge;
use ceremony::edge::directory::Directories;
use ceremony::edge::files;
use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Pace, Players};
use ceremony::edge::printer::RealPrinters;
use ceremony::edge::system::RealSystem;
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::token::{Token, Tokens};
use ceremony::error::Explain;
use ceremony::journal::Journal;
use ceremony::openpgp::test_only::make_passwords_cheap;
use ceremony::plan::{Operator, Plan};
use ceremony::record::event::Event;
use ceremony::record::value::{Decision, Mode};
use ceremony::role::Role;
use ceremony::room::{Printing, Room};
use ceremony::screen::{Asks, Code, Page, Question, Reply};
use ceremony::secret::SecretText;
use ceremony::site::Site;
use tempfile::TempDir;
use virtual_yubikey::{Algorithm, Authority, Reader, SharedToken, Version};
pub use world::Cut;
use world::{Machine, Mortal, Screen};

/// For a test as a whole, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(240);
/// The serial number of the token that is to hold the key.
pub const KEY: u32 = 10_003;
/// A's half and B's.
pub const PIN: [&str; 2] = ["x7+Q", "9kZ!"];
pub const PUK: [&str; 2] = ["m4-T", "p_2W"];

pub fn text(s: &str) -> SecretText {
    SecretText::from_string(s.to_string())
}

pub fn pin() -> SecretText {
    text(&PIN.concat())
}

/// Who vouches for all tokens that are not imitations.
pub struct Maker(Authority);

impl Maker {
    pub fn known() -> Maker {
        let root = Authority::root("Virtual PIV Root", Algorithm::P256);
        trust_root(root.certificate());
        Maker(root)
    }

    /// X.509, DER.
    pub fn certificate(&self) -> &[u8] {
        self.0.certificate()
    }

    pub fn token(&self, serial: u32) -> SharedToken {
        virtual_yubikey::Token::new(serial, Version::V5_7, &self.0).shared()
    }
}

fn poll<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "pcscd is slow");
        sleep(Duration::from_millis(20));
    }
}

/// A reader, and whoever puts the token with the key into it and takes it out.
pub struct Hands {
    reader: Reader,
    pub token: SharedToken,
    pub serial: u32,
    inside: bool,
}

impl Hands {
    pub fn new(reader: Reader, token: SharedToken) -> Hands {
        let serial = token.lock().serial();
        let mut hands = Hands {
            reader,
            token,
            serial,
            inside: false,
        };
        hands.plug_in();
        hands
    }

    pub fn plug_in(&mut self) {
        if self.inside && PcscTokens::default().open(self.serial).is_ok() {
            return;
        }
        if self.inside {
            self.pull_out();
        }
        self.reader.insert(&self.token).expect("pcscd sees it");
        self.inside = true;
        self.open();
    }

    pub fn pull_out(&mut self) {
        self.reader.remove();
        self.inside = false;
        let serial = self.serial;
        poll(|| {
            let there = PcscTokens::default().list().ok()?;
            there
                .iter()
                .all(|about| about.serial != serial)
                .then_some(())
        });
    }

    /// Another token is taken.
    pub fn take(&mut self, token: SharedToken) {
        self.pull_out();
        self.serial = token.lock().serial();
        self.token = token;
        self.plug_in();
    }

    pub fn open(&self) -> Box<dyn Token> {
        poll(|| PcscTokens::default().open(self.serial).ok())
    }
}

/// Two operators, three custodians, six media in folders.
pub struct Table {
    folder: TempDir,
    pub plan: Plan,
    site: Site,
    paper: RefCell<Option<Paper>>,
    /// A folder that is the printer, where there is one.
    pub printer: Option<PathBuf>,
    pub hands: RefCell<Hands>,
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

pub type Hook<'a> = Box<dyn FnMut(&Question, &mut Hands) -> Option<Reply> + 'a>;

pub fn as_expected<'a>() -> Hook<'a> {
    Box::new(|_, _| None)
}

impl Table {
    pub fn new(hands: Hands) -> Table {
        make_passwords_cheap();
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_path_buf(),
            false => std::env::temp_dir(),
        };
        let folder = TempDir::with_prefix_in("token-key-", base).expect("a folder for the test");
        for role in Role::ALL {
            std::fs::create_dir(folder.path().join(role.to_string())).expect("a new medium");
        }
        let plan = include_str!("../../ceremony/token-key.toml");
        let mut system = RealSystem::new(PathBuf::from("/"));
        let paper = Paper::new(&mut system, None).expect("random numbers");
        Table {
            folder,
            plan: Plan::parse(plan).expect("a good plan"),
            site: Site::parse(ceremony::site::EXAMPLE).expect("a good site"),
            paper: RefCell::new(Some(paper)),
            printer: None,
            hands: RefCell::new(hands),
        }
    }

    /// Custodians A and B alone: fewer words to type.
    pub fn of_two(hands: Hands) -> Table {
        let mut table = Table::new(hands);
        let plan = table.plan.source();
        let plan = plan.replace("[\"A\", \"B\", \"C\"]", "[\"A\", \"B\"]");
        let plan = plan.replace("absent = [\"C\"]", "absent = []");
        table.plan = Plan::parse(&plan).expect("a good plan");
        table
    }

    pub fn medium(&self, role: Role) -> PathBuf {
        self.folder.path().join(role.to_string())
    }

    /// Every file on every medium.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = files::read_folder(self.folder.path()).expect("the media are readable");
        assert!(folder.odd.is_empty());
        folder.files
    }

    pub fn file(&self, role: Role, id: &str, path: &str) -> Vec<u8> {
        let path = self.medium(role).join(id).join(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// What a custodian has on the card.
    pub fn card(&self, custodian: char, part: ceremony::record::value::Part) -> String {
        let paper = self.paper.borrow();
        let share = paper
            .as_ref()
            .and_then(|paper| paper.share(custodian, part));
        share.expect("it was written").expose().to_string()
    }

    pub fn hold(&self, hook: Hook<'_>) -> Held {
        self.session(None, Cut::Never, hook)
    }

    pub fn hold_until(&self, cut: Cut<'_>, hook: Hook<'_>) -> Held {
        self.session(None, cut, hook)
    }

    pub fn resume(&self, id: &str, hook: Hook<'_>) -> Held {
        self.session(Some(id), Cut::Never, hook)
    }

    pub fn resume_until(&self, id: &str, cut: Cut<'_>, hook: Hook<'_>) -> Held {
        self.session(Some(id), cut, hook)
    }

    fn session(&self, resumed: Option<&str>, mut cut: Cut<'_>, mut hook: Hook<'_>) -> Held {
        let mut system = Machine::new();
        let screen = Screen::default();
        let paper = self.paper.borrow_mut().take().expect("it was put back");
        let players = Players::new(paper, Box::new(screen.clone()), Pace::Fast);
        let players = players.with_verifier(far_end::verifier_at(self.medium(Role::Handover)));
        let players = match &self.printer {
            Some(folder) => players.with_printed(folder.clone()),
            None => players,
        };
        let asked = Rc::new(RefCell::new(Vec::new()));
        let heard = asked.clone();
        let players = players.meddled(Box::new(move |question, _| {
            heard.borrow_mut().push(question.clone());
            let mut hands = self.hands.borrow_mut();
            hook(question, &mut hands).or_else(|| usual(question, &mut hands))
        }));
        let roots = Role::ALL.into_iter().map(|role| (role, self.medium(role)));
        let mut media = Mortal::new(Directories::new(roots.collect()), cut.before_entry());
        let mut terminal = world::Watched { players, cut };
        let mut id = resumed.unwrap_or_default().to_string();
        let (mut end, mut events);
        loop {
            let found = (!id.is_empty()).then(|| driver::gather(&mut media, &id));
            let edge = Edge {
                terminal: &mut terminal,
                media: &mut media,
                system: &mut system,
                tokens: Rc::new(PcscTokens::default()),
            };
            let journal = Journal::new(self.plan.clone(), &id);
            let mut room = Room::new(edge, &self.site, journal, Mode::Rehearsal, &id);
            room.printing = self.printer.as_ref().map(|folder| {
                let printers = RealPrinters::new(Path::new("/"));
                Printing::new(Box::new(printers), &folder.to_string_lossy())
            });
            let begun = match found {
                Some(found) => driver::resume(&mut room, found.expect("a record"))
                    .map_err(|error| explained(&error)),
                None => driver::open(&mut room, &self.plan).map_err(|error| explained(&error)),
            };
            end = begun.and_then(|()| driver::drive(&mut room).map_err(|e| explained(&e)));
            let entries = room.journal.entries().iter();
            events = entries
                .map(|placed| placed.entry.event.clone())
                .collect::<Vec<_>>();
            id = room.id.clone();
            // A planned stop: the same people go on at once.
            if end != Ok(Outcome::Paused) {
                break;
            }
        }
        *self.paper.borrow_mut() = Some(terminal.players.into_paper());
        let held = Held {
            end,
            events,
            screen: String::from_utf8(screen.taken()).expect("UTF-8"),
            asked: asked.take(),
            id,
        };
        held.shows_no_half();
        held
    }
}

/// What people do when nothing is wrong.
fn usual(question: &Question, hands: &mut Hands) -> Option<Reply> {
    match &question.asks {
        Asks::KeyTokenSerial => line(&hands.serial.to_string()),
        Asks::KeyTokenUsed => line("another"),
        Asks::NewHalf(operator, code)
        | Asks::SameHalf(operator, code)
        | Asks::Half(operator, code) => secret(half(*operator, *code)),
        Asks::KeyTokenReady => {
            match question.prompt.contains("is out") {
                true => hands.pull_out(),
                false => hands.plug_in(),
            }
            line("")
        }
        Asks::LastTry(operator) => line(&operator.to_string()),
        _ => None,
    }
}

pub fn half(operator: Operator, code: Code) -> &'static str {
    let halves = match code {
        Code::Pin => PIN,
        Code::Puk => PUK,
    };
    halves[operator.index()]
}

/// The cause and the remedy; every error has both.
fn explained(error: &dyn Explain) -> String {
    assert!(!error.remedy().is_empty(), "{error}");
    format!("{error}. {}", error.remedy())
}

impl Held {
    /// Asserts that it ended with a closed record.
    #[track_caller]
    pub fn closed(self) -> Held {
        let end = self.screen.len().saturating_sub(4000);
        assert_eq!(self.end, Ok(Outcome::Closed), "{}", &self.screen[end..]);
        self
    }

    /// Asserts that it was cut, and did not end by itself.
    #[track_caller]
    pub fn cut(self) -> Held {
        let end = self.screen.len().saturating_sub(4000);
        assert!(self.end.is_err(), "{:?} {}", self.end, &self.screen[end..]);
        self
    }

    /// Whether this was on the screen, however the lines were broken.
    pub fn says(&self, text: &str) -> bool {
        let words: Vec<&str> = self.screen.split_whitespace().collect();
        words.join(" ").contains(text)
    }

    #[track_caller]
    pub fn must_say(&self, text: &str) {
        assert!(self.says(text), "{text}: {}", self.screen);
    }

    pub fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| fits(event)).count()
    }

    pub fn named(&self, name: &str) -> usize {
        self.count(|event| event.name() == name)
    }

    pub fn asked(&self, fits: impl Fn(&Asks) -> bool) -> usize {
        self.asked
            .iter()
            .filter(|question| fits(&question.asks))
            .count()
    }

    fn shows_no_half(&self) {
        for half in PIN.iter().chain(&PUK) {
            assert!(!self.screen.contains(half), "a half was shown");
        }
    }
}

pub fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

pub fn secret(s: &str) -> Option<Reply> {
    Some(Reply::Secret(text(s)))
}

/// Answers the first questions that fit, one answer after the other, and then no more.
pub fn first<'a>(
    fits: impl Fn(&Asks) -> bool + 'a,
    answers: Vec<Option<Reply>>,
) -> impl FnMut(&Question) -> Option<Reply> + 'a {
    let mut answers = answers.into_iter();
    move |question| match fits(&question.asks) {
        true => answers.next().flatten(),
        false => None,
    }
}

/// At an exception about which the machine knows everything, what is decided.
pub fn decides(question: &Question, decided: Decision) -> Option<Reply> {
    match question.asks {
        Asks::Decide => line(decided.word()),
        _ => None,
    }
}

pub fn is_page(title: &'static str) -> impl FnMut(&Page) -> bool {
    move |page| page.title == title
}
