//! The table: sticks, a machine with three places for them, and what people do with their hands.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::menu::{Menu, number_of, offers};
use super::paper::Paper;
use super::{Boot, Form, Machine, Place, Stick};
use crate::pty_support::{Asked, Hands, People, Terminal};

const PLAN: &str = include_str!("../../ceremony/backup-key.toml");
const SITE: &str = include_str!("../../ceremony/site.example.toml");

/// The sticks as they come: some fresh from a factory, some formatted elsewhere.
const STICKS: [(&str, Form); 7] = [
    ("operator-a", Form::Blank),
    ("operator-b", Form::Fat32),
    ("secret-1", Form::Partition),
    ("secret-2", Form::Blank),
    ("handover", Form::Fat16),
    ("public", Form::Blank),
    ("plans", Form::Fat32),
];
/// These two stay plugged in.
const STAY: [&str; 2] = ["operator-a", "operator-b"];
/// What a laptop has.
const PLACES: usize = 3;

/// See the module.
pub struct Table {
    pub place: Place,
    pub sticks: BTreeMap<String, Stick>,
    pub machine: Option<Machine>,
    plugged: Vec<String>,
    pub menu: Menu,
    /// The stick that is read from next, where it has no role.
    to_read: &'static str,
    /// What was printed before the machine was switched off.
    paper: String,
    /// The operators' fingerprints, in their own notes.
    pub fingerprints: Vec<String>,
    /// What is chosen when a device needs somebody, one after the other.
    pub troubles: Vec<&'static str>,
    /// A new stick takes the place of the next one that is asked for.
    replaces: bool,
    ahead: Option<Ahead>,
    /// What the roles' sticks were asked for: the titles of these pages.
    pub asked: Vec<String>,
}

/// Something that is done when these pages have come, by their titles and in this order.
struct Ahead {
    pages: &'static [&'static str],
    deed: Deed,
}

/// Something that is done with the machine or the sticks.
pub type Deed = Box<dyn FnOnce(&mut Table)>;

impl Table {
    /// A table for a case, with a stick for each role and one with the plan.
    pub fn new(case: &str) -> Rc<RefCell<Table>> {
        let place = Place::of(case);
        let numbered = STICKS.iter().enumerate();
        let made = numbered.map(|(at, (name, form))| {
            let serial = format!("5TICK{:04}", 1000 + at);
            let stick = Stick::new(&place.work, name, &serial, *form);
            (name.to_string(), stick)
        });
        let sticks: BTreeMap<String, Stick> = made.collect();
        let plan = PLAN.replace("\"rsa4096\"", "\"modern\"");
        sticks["plans"].write("plan.toml", &plan);
        sticks["plans"].write("site.toml", &site());
        Rc::new(RefCell::new(Table {
            place,
            sticks,
            machine: None,
            plugged: Vec::new(),
            menu: Menu::default(),
            to_read: "plans",
            paper: String::new(),
            fingerprints: Vec::new(),
            troubles: Vec::new(),
            replaces: false,
            ahead: None,
            asked: Vec::new(),
        }))
    }

    /// Switches the machine on, with nothing plugged in, and begins on its serial line.
    pub fn switch_on(table: &Rc<RefCell<Table>>, boot: Boot) -> Terminal {
        let mut it = table.borrow_mut();
        it.machine = None;
        it.plugged.clear();
        // QEMU begins a new file.
        it.paper = it.printed().0;
        let (mut terminal, machine) = Machine::start(&it.place, boot);
        it.machine = Some(machine);
        terminal.press("\r");
        terminal
    }

    /// The people's hands at this table.
    pub fn hands(table: &Rc<RefCell<Table>>) -> Hands {
        let table = Rc::clone(table);
        Box::new(move |asked| table.borrow_mut().about(asked))
    }

    pub fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("it is on")
    }

    /// All that came out of the printer.
    pub fn printed(&self) -> Paper {
        let latest = std::fs::read(self.path("printed")).unwrap_or_default();
        let latest = String::from_utf8(latest).expect("a plain printer prints ASCII");
        let lines = latest.replace('\r', "").replace('\u{c}', "\n");
        Paper(format!("{}{lines}", self.paper))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.work.join(name)
    }

    /// Plugs a stick in; whatever does not stay makes room for it.
    pub fn plug(&mut self, name: &str) {
        if self.plugged.iter().any(|plugged| plugged == name) {
            return;
        }
        let leave = |plugged: &&String| !STAY.contains(&plugged.as_str());
        let leaving: Vec<String> = self.plugged.iter().filter(leave).cloned().collect();
        leaving.iter().for_each(|stick| self.unplug(stick));
        let stick = &self.sticks[name];
        let file = stick.source(&self.place.inside);
        let (id, serial) = (stick.name.clone(), stick.serial.clone());
        self.machine().plug(&id, &serial, &file);
        self.plugged.push(name.to_string());
        assert!(self.plugged.len() <= PLACES, "{:?}", self.plugged);
    }

    /// Pulls a stick out.
    pub fn unplug(&mut self, name: &str) {
        let id = self.sticks[name].name.clone();
        self.machine().unplug(&id);
        self.plugged.retain(|plugged| plugged != name);
    }

    /// Another stick than the one with that name: from now on this is the role's.
    pub fn replace(&mut self, name: &str) {
        if self.plugged.iter().any(|plugged| plugged == name) {
            self.unplug(name);
        }
        let fresh = Stick::new(
            &self.place.work,
            &format!("{name}-new"),
            "5PARE0001",
            Form::Blank,
        );
        self.sticks.insert(name.to_string(), fresh);
    }

    /// What is typed after something was done with the hands.
    fn about(&mut self, asked: &Asked) -> Option<String> {
        let (title, question) = (asked.title.as_str(), asked.question.as_str());
        self.do_what_is_ahead(title);
        if !self.machine().is_on() {
            return Some(String::new());
        }
        if let Some(keys) = self.menu.answer(asked) {
            return Some(keys);
        }
        if question.contains("plugged in again") {
            let last = self.plugged.last().cloned()?;
            self.unplug(&last);
            self.plug(&last);
            return Some(String::new());
        }
        let wanted = ["The stick for ", "Plug in "];
        if let Some(role) = wanted.iter().find_map(|before| title.strip_prefix(before)) {
            self.asked.push(title.to_string());
            if std::mem::take(&mut self.replaces) {
                self.replace(role);
            }
            self.plug(role);
            return Some(String::new());
        }
        if let Some(read) = self.printed().answer(question) {
            return Some(read);
        }
        if title == "A stick to read from" {
            return self.about_reading(asked);
        }
        if title.ends_with("he keyboard") {
            return Some(String::new());
        }
        if title.starts_with("Is this the stick for ") && question.starts_with("What do you do") {
            let keep = offers(asked, "it becomes");
            let choice = if keep { "it becomes" } else { "erase it" };
            return Some(number_of(asked, choice));
        }
        if title == "A device needs you" && question.starts_with("What do you do") {
            assert!(
                !self.troubles.is_empty(),
                "nothing is wrong:\n{}",
                asked.text
            );
            let decided = self.troubles.remove(0);
            self.replaces = decided.starts_with("another");
            return Some(number_of(asked, decided));
        }
        None
    }

    /// Has something done at the last of these pages.
    pub fn later(
        &mut self,
        pages: &'static [&'static str],
        deed: impl FnOnce(&mut Table) + 'static,
    ) {
        let deed = Box::new(deed);
        self.ahead = Some(Ahead { pages, deed });
    }

    fn do_what_is_ahead(&mut self, title: &str) {
        let Some(ahead) = &mut self.ahead else { return };
        if title.starts_with(ahead.pages[0]) {
            ahead.pages = &ahead.pages[1..];
        }
        if let Some(ahead) = self.ahead.take_if(|ahead| ahead.pages.is_empty()) {
            (ahead.deed)(self);
        }
    }

    /// A stick that has no role, and what is on it.
    fn about_reading(&mut self, asked: &Asked) -> Option<String> {
        let question = asked.question.as_str();
        if question.starts_with("Press Enter when it is plugged in") {
            let record = asked.text.contains("with the record of");
            self.to_read = if record { "public" } else { "plans" };
            self.plug(self.to_read);
            return Some(String::new());
        }
        if question.starts_with("Its number") {
            let serial = self.sticks[self.to_read].serial.to_lowercase();
            return Some(number_of(asked, &serial));
        }
        let of = |operator: usize| self.fingerprints[operator].clone();
        match question {
            q if q.starts_with("Operator A's fingerprint") => Some(of(0)),
            q if q.starts_with("Operator B's fingerprint") => Some(of(1)),
            _ => None,
        }
    }

    /// What is on a stick, as another system sees it: a folder with its files.
    pub fn files(&self, name: &str) -> PathBuf {
        let folder = self.place.work.join("read").join(name);
        // It may have been looked at before.
        let _ = std::fs::remove_dir_all(&folder);
        self.sticks[name].read(&folder);
        folder
    }

    /// The one ceremony's folder on a stick.
    pub fn ceremony(&self, name: &str) -> PathBuf {
        only_folder(&self.files(name))
    }
}

/// The one folder in it that was not set aside.
pub fn only_folder(folder: &Path) -> PathBuf {
    let found = std::fs::read_dir(folder).expect("a folder");
    let found = found.map(|entry| entry.expect("readable").path());
    let aside = |path: &PathBuf| path.to_string_lossy().contains("/ABANDONED-");
    let mut found: Vec<PathBuf> = found.filter(|path| path.is_dir() && !aside(path)).collect();
    assert_eq!(found.len(), 1, "one folder, no more: {found:?}");
    found.remove(0)
}

/// The example, with the printer at the machine's old port.
fn site() -> String {
    SITE.replace("#printer = \"/dev/usb/lp0\"", "printer = \"/dev/lp0\"")
}

/// Operators A and B at this table.
pub fn people(table: &Rc<RefCell<Table>>) -> People {
    let mut people = People::new();
    people.hands = Some(Table::hands(table));
    people
}
