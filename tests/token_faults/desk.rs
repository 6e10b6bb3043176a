//! The desk at which the faults happen: media in memory, two readers behind a pcscd that the test
//! itself starts and stops, tokens in software, and two people at a scripted terminal.
//!
//! Each test runs in a process of its own (libpcsclite reads `PCSCLITE_CSOCK_NAME` only once),
//! with `RUST_LOG=trace`: nothing that it prints, shows or writes may hold a secret.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use ceremony::attestation::test_only::trust_root;
use ceremony::driver::{self, Outcome};
use ceremony::edge::Edge;
use ceremony::edge::paper::Paper;
use ceremony::edge::token::Tokens;
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::journal::Journal;
use ceremony::plan::Plan;
use ceremony::record::event::Event;
use ceremony::record::transcript;
use ceremony::record::value::Mode;
use ceremony::role::Role;
use ceremony::room::Room;
use ceremony::site::Site;
use ceremony::verify::{self, Completion, Material, Pins};
use tempfile::TempDir;
use virtual_yubikey::{Algorithm, Authority, Pcscd, Reader, SharedToken, Token, Version};

use crate::inside::management_key;
use crate::people::{Gate, People};
use crate::support::machine::{Clock, ScriptedSystem};
use crate::support::media::MemoryMedia;
use crate::support::script::{Script, Shared};
use crate::support::{self, Ended, contains};

pub const ALICE: u32 = 10_000_001;
pub const BOB: u32 = 10_000_002;
pub const CAROL: u32 = 10_000_003;
pub const ALICES_PIN: &str = "73916402";
pub const BOBS_PIN: &str = "58204617";
pub const ALICES_PUK: &str = "26481937";
pub const BOBS_PUK: &str = "90418263";
/// Typed by mistake.
pub const WRONG_PIN: &str = "60281745";
const SECRETS: [&str; 5] = [ALICES_PIN, BOBS_PIN, ALICES_PUK, BOBS_PUK, WRONG_PIN];

/// Where the child finds its folder.
const FOLDER: &str = "TOKEN_FAULTS_FOLDER";
/// Which part of the work it does, from 0.
const PART: &str = "TOKEN_FAULTS_PART";
/// For a test as a whole, on a busy machine.
const LIMIT: Duration = Duration::from_secs(400);

/// See the module.
pub struct Desk {
    socket: PathBuf,
    service: RefCell<Option<Pcscd>>,
    readers: RefCell<Vec<Reader>>,
    turn: Cell<usize>,
    root: Authority,
    pub media: RefCell<MemoryMedia>,
    script: Shared,
    clock: Clock,
    paper: RefCell<Option<Paper>>,
    pub site: RefCell<String>,
    pub tokens: RefCell<Rc<dyn Tokens>>,
    drawer: RefCell<Vec<SharedToken>>,
    /// Everything that was shown in earlier sessions, and on earlier media.
    before: RefCell<Vec<Vec<u8>>>,
}

/// A session at the desk: how it ended, and all that stood on the screen, blanks and line ends
/// made one.
pub struct Sat {
    pub ended: Ended,
    pub screen: String,
    /// How many questions were asked.
    pub asked: usize,
}

impl Sat {
    pub fn shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.screen.contains(part), "{part:?} is not on:\n{self}");
        }
    }

    pub fn times(&self, part: &str) -> usize {
        self.screen.matches(part).count()
    }
}

impl std::fmt::Display for Sat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let screen: Vec<char> = self.screen.chars().collect();
        let end: String = screen[screen.len().saturating_sub(3000)..].iter().collect();
        write!(f, "{:?} after ...{end}", self.ended)
    }
}

/// Runs `body` at a new desk, in a process of its own. `module` and `test` name the test.
pub fn alone(module: &str, test: &str, body: impl FnOnce(&Desk)) {
    in_parts(module, test, 1, |desk, _| body(desk));
}

/// The same at several desks at once, each in a process of its own: most of the time is pcscd's,
/// which looks for tokens a few times in a second.
pub fn in_parts(module: &str, test: &str, parts: usize, body: impl FnOnce(&Desk, usize)) {
    if let Some(folder) = env::var_os(FOLDER) {
        let folder = PathBuf::from(folder);
        let desk = Desk::at(folder.join("socket"));
        let part = env::var(PART).expect("set together with the folder");
        body(&desk, part.parse().expect("a number"));
        desk.assert_no_secrets();
        fs::write(folder.join("done"), "").expect("the parent's folder is there");
        return;
    }
    let (_, module) = module.split_once("::").expect("the crate's name is first");
    let test = format!("{module}::{test}");
    let children: Vec<_> = (0..parts).map(|part| Begun::new(&test, part)).collect();
    for child in children {
        child.ends(&test);
    }
}

/// A desk in another process.
struct Begun {
    folder: TempDir,
    child: Child,
    since: Instant,
}

impl Begun {
    fn new(test: &str, part: usize) -> Begun {
        let folder = tempfile::Builder::new().prefix("f-").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let log = fs::File::create(at("log")).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env("PCSCLITE_CSOCK_NAME", at("socket"))
            .env(FOLDER, folder.path())
            .env(PART, part.to_string())
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Begun {
            folder,
            child,
            since: Instant::now(),
        }
    }

    /// Fails if it did, takes too long, or printed a secret.
    fn ends(mut self, test: &str) {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if self.since.elapsed() > LIMIT {
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let at = |name: &str| self.folder.path().join(name);
        let log = fs::read_to_string(at("log")).unwrap_or_default();
        let good = status.is_some_and(|status| status.success()) && at("done").exists();
        assert!(good, "{test}: {status:?}\n{log}");
        for secret in SECRETS {
            assert!(!log.contains(secret), "{test} printed a secret");
        }
        // What it has to say, for those who asked with --nocapture.
        let told = log.lines().filter(|line| line.starts_with("  * "));
        told.for_each(|line| println!("{line}"));
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Another one failed, or it took too long; one that has ended can't be ended again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Desk {
    fn at(socket: PathBuf) -> Desk {
        ceremony::openpgp::test_only::make_passwords_cheap();
        let root = Authority::root("Virtual root", Algorithm::P384);
        trust_root(root.certificate());
        let script = Script::shared();
        let clock = Clock::new();
        let mut system = ScriptedSystem::new(clock.clone(), Script::shared());
        let paper = Paper::new(&mut system, None).expect("the kernel has random numbers");
        let desk = Desk {
            socket,
            service: RefCell::default(),
            readers: RefCell::default(),
            turn: Cell::default(),
            root,
            media: RefCell::new(MemoryMedia::new(script.clone())),
            script,
            clock,
            paper: RefCell::new(Some(paper)),
            site: RefCell::default(),
            tokens: RefCell::new(Rc::new(PcscTokens::default())),
            drawer: RefCell::default(),
            before: RefCell::default(),
        };
        desk.start_pcscd();
        desk
    }

    pub fn start_pcscd(&self) {
        let service = Pcscd::start_at(&self.socket);
        let service = service.unwrap_or_else(|error| panic!("{error}: {error:?}"));
        self.readers.replace(service.all_readers());
        self.service.replace(Some(service));
    }

    /// The service dies, and nothing is in its readers any more.
    pub fn stop_pcscd(&self) {
        self.readers.borrow_mut().clear();
        self.service.replace(None);
    }

    /// A token as it is sold, which the desk's root vouches for.
    pub fn token(&self, serial: u32, version: Version) -> SharedToken {
        let token = Token::new(serial, version, &self.root).shared();
        self.drawer.borrow_mut().push(token.clone());
        token
    }

    /// The same from somebody whom nobody knows.
    pub fn strange_token(&self, serial: u32, version: Version) -> SharedToken {
        let token = Token::with_own_root(serial, version).shared();
        self.drawer.borrow_mut().push(token.clone());
        token
    }

    pub fn puts(&self, reader: usize, token: &SharedToken) {
        self.readers.borrow_mut()[reader].insert(token).unwrap();
    }

    /// Puts it in, unless it is in already.
    pub fn puts_back(&self, reader: usize, token: &SharedToken) {
        if self.is_gone(reader) {
            self.puts(reader, token);
        }
    }

    pub fn pulls(&self, reader: usize) {
        self.readers.borrow_mut()[reader]
            .remove_and_wait()
            .expect("pcscd sees that it is gone");
    }

    pub fn is_gone(&self, reader: usize) -> bool {
        self.readers.borrow()[reader].is_empty()
    }

    /// Pulls it out, and waits for nobody.
    pub fn lets_go(&self, reader: usize) {
        self.readers.borrow_mut()[reader].remove();
    }

    /// Each in its turn.
    pub fn next_reader(&self) -> usize {
        self.turn
            .set((self.turn.get() + 1) % self.readers.borrow().len());
        self.turn.get()
    }

    /// Empty media. What the old ones hold is still searched for secrets at the end.
    pub fn new_media(&self) {
        let old = self.media.replace(MemoryMedia::new(self.script.clone()));
        self.keep(&old);
    }

    fn keep(&self, media: &MemoryMedia) {
        let files = media.everything();
        let bytes = files.into_values().flatten().map(|(_, bytes)| bytes);
        self.before.borrow_mut().extend(bytes);
    }

    /// A ceremony from its beginning.
    pub fn holds(&self, plan: &Plan, people: People<'_>) -> Sat {
        self.sits(Some(plan), people)
    }

    /// Goes on, some time later.
    pub fn resumes(&self, people: People<'_>) -> Sat {
        self.clock.reboot(1200);
        self.sits(None, people)
    }

    fn sits(&self, plan: Option<&Plan>, people: People<'_>) -> Sat {
        self.script.borrow_mut().restart(None);
        let source = self.site.borrow().clone();
        let site = Site::parse(&source).expect("the site is accepted");
        let paper = self.paper.take().expect("one session at a time");
        let shown = Rc::new(RefCell::new(Vec::new()));
        let counts = Rc::new(Cell::new((0, 0)));
        let mut gate = Gate::new(paper, people, Rc::clone(&shown), Rc::clone(&counts));
        let mut media = self.media.borrow().clone();
        let mut system = ScriptedSystem::new(self.clock.clone(), self.script.clone());
        let edge = Edge {
            terminal: &mut gate,
            media: &mut media,
            system: &mut system,
            tokens: Rc::clone(&self.tokens.borrow()),
        };
        let ended = match plan {
            Some(plan) => open(edge, &site, plan),
            None => go_on(edge, &site, &self.id()),
        };
        self.paper.replace(Some(gate.into_paper()));
        let shown = shown.take();
        let screen = String::from_utf8_lossy(&shown).into_owned();
        self.before.borrow_mut().push(shown);
        let screen: Vec<&str> = screen.split_whitespace().collect();
        let (asked, left) = counts.get();
        let sat = Sat {
            ended,
            screen: screen.join(" "),
            asked,
        };
        assert_eq!(left, 0, "some of the cues were not wanted: {sat}");
        sat
    }

    pub fn id(&self) -> String {
        let device = self.media.borrow().device(Role::OperatorA);
        let path = device.into_keys().find(|path| path.starts_with("20"));
        let path = path.expect("something was recorded");
        path.split('/').next().expect("never empty").to_string()
    }

    pub fn material(&self, role: Role) -> Material {
        support::material(&self.media.borrow().device(role), &self.id())
    }

    /// Everything that the record says, on operator A's medium.
    pub fn events(&self) -> Vec<Event> {
        let files = self.material(Role::OperatorA).files;
        let (entries, _) = transcript::parse_prefix(&files["transcript.txt"]);
        entries
            .into_iter()
            .map(|placed| placed.entry.event)
            .collect()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.events().iter().map(Event::name).collect()
    }

    /// All details of the record, one after the other.
    pub fn details(&self) -> String {
        let files = self.material(Role::OperatorA).files;
        let details = files
            .iter()
            .filter(|(path, _)| path.starts_with("details/"));
        let texts = details.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The verifier's word on the record, attestations and all.
    pub fn assert_verifies(&self, completion: Completion) {
        let verdict = verify::verify(&self.material(Role::OperatorA), &Pins::default());
        let verdict = verdict.unwrap_or_else(|fault| panic!("{fault}: {:?}", self.names()));
        assert_eq!(verdict.completion, completion);
    }

    /// All steps were done, and the record is good.
    pub fn assert_closed(&self, sat: &Sat) {
        assert!(sat.ended.is(Outcome::Closed), "{sat}");
        self.assert_verifies(Completion::Closed);
    }

    /// Aborted before anybody was called; no token is claimed.
    pub fn assert_aborted(&self, sat: &Sat) {
        assert!(sat.ended.is(Outcome::Aborted), "{sat}");
        let names = self.names();
        assert!(!names.contains(&"token-attested"), "{names:?}");
        assert!(!names.contains(&"roll-call"), "{names:?}");
    }

    fn assert_no_secrets(&self) {
        self.keep(&self.media.borrow());
        let mut secrets: Vec<Vec<u8>> = SECRETS.map(|s| s.as_bytes().to_vec()).to_vec();
        for token in self.drawer.borrow().iter() {
            let key = management_key(token);
            secrets.push(data_encoding::HEXLOWER.encode(&key).into_bytes());
            secrets.push(data_encoding::HEXUPPER.encode(&key).into_bytes());
            secrets.push(key);
        }
        for bytes in self.before.borrow().iter() {
            let found = secrets.iter().any(|secret| contains(bytes, secret));
            assert!(!found, "a secret was shown or written");
        }
    }
}

fn open<'e>(edge: Edge<'e>, site: &'e Site, plan: &Plan) -> Ended {
    let journal = Journal::new(plan.clone(), "");
    let mut room = Room::new(edge, site, journal, Mode::Ceremony, "");
    if let Err(error) = driver::open(&mut room, plan) {
        return Ended::Open(error);
    }
    driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
}

fn go_on<'e>(edge: Edge<'e>, site: &'e Site, id: &str) -> Ended {
    let found = match driver::gather(edge.media, id) {
        Ok(found) => found,
        Err(error) => return Ended::Resume(error),
    };
    let journal = Journal::new(found.plan.clone(), id);
    let mut room = Room::new(edge, site, journal, found.mode, id);
    if let Err(error) = driver::resume(&mut room, found) {
        return Ended::Resume(error);
    }
    driver::drive(&mut room).map_or_else(Ended::Stop, Ended::Well)
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
