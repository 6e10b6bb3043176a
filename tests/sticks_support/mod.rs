//! A table with sticks on it: which are plugged in, what is on them, and what is wrong with them.
//! A mounted stick is its folder, moved to the role's place.
#![allow(dead_code, reason = "each test program uses a part of what is here")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceremony::edge::block::{
    Bus, Disk, FileSystem, MountError, Mounted, Mounts, Number, Refusal, Sticks, Usb,
};
use ceremony::edge::directory::Directories;
use ceremony::edge::media::{Access, Kind, Media, MediaError, MediaFault};
use ceremony::edge::{Terminal, TerminalError, files};
use ceremony::preflight::MediumFact;
use ceremony::role::Role;
use ceremony::screen::{Page, Question, Reply, SecretPage};
use tempfile::TempDir;

/// What a stick does wrong, from the next write on whose path contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is pulled out in the middle.
    Pulled,
    /// It has no space left.
    Full,
    /// It locks itself.
    ReadOnly,
    /// It says yes, and what was written is gone when it is mounted again.
    LosesWrites,
}

pub struct Stick {
    pub plugged: bool,
    pub formatted: bool,
    pub boot: bool,
    pub removable: bool,
    pub read_only: bool,
    pub serial: String,
    /// The kernel's letter for it.
    name: String,
    sequence: u64,
    wrong: Option<(Wrong, String)>,
    /// Its content when the writes began that it will lose.
    before: Option<BTreeMap<String, Vec<u8>>>,
}

struct Inner {
    folder: TempDir,
    sticks: Vec<Stick>,
    mounted: BTreeMap<Role, String>,
    plugs: u64,
    mounts: usize,
}

/// See the module.
#[derive(Clone)]
pub struct Table(Rc<RefCell<Inner>>);

impl Table {
    pub fn new() -> Table {
        let folder = TempDir::new().expect("a folder");
        for name in ["sticks", "places"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Table(Rc::new(RefCell::new(Inner {
            folder,
            sticks: Vec::new(),
            mounted: BTreeMap::new(),
            plugs: 0,
            mounts: 0,
        })))
    }

    /// Lays an empty stick on the table.
    pub fn add(&self, serial: &str) {
        fs::create_dir(self.path("sticks", serial)).expect("a new stick");
        self.0.borrow_mut().sticks.push(Stick {
            plugged: false,
            formatted: true,
            boot: false,
            removable: true,
            read_only: false,
            serial: serial.to_string(),
            name: String::new(),
            sequence: 0,
            wrong: None,
            before: None,
        });
    }

    fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.0.borrow().folder.path().join(kind).join(name)
    }

    pub fn change(&self, serial: &str, change: impl FnOnce(&mut Stick)) {
        let mut inner = self.0.borrow_mut();
        let mut sticks = inner.sticks.iter_mut();
        change(
            sticks
                .find(|stick| stick.serial == serial)
                .expect("it is there"),
        );
    }

    /// Plugs a stick in; the kernel gives it the next letter.
    pub fn plug(&self, serial: &str) {
        let plugs = {
            let mut inner = self.0.borrow_mut();
            inner.plugs += 1;
            inner.plugs
        };
        self.change(serial, |stick| {
            if !stick.plugged {
                stick.plugged = true;
                stick.name = disk_name(plugs);
                stick.sequence = plugs;
            }
        });
    }

    /// Pulls a stick out, mounted or not.
    pub fn pull(&self, serial: &str) {
        self.change(serial, |stick| stick.plugged = false);
        if let Some(role) = self.role(serial) {
            // Nothing can be reached at its place any more.
            fs::rename(
                self.path("places", role.name()),
                self.path("sticks", serial),
            )
            .expect("it was mounted");
        }
    }

    pub fn goes_wrong(&self, serial: &str, wrong: Wrong, path: &str) {
        self.change(serial, |stick| {
            stick.wrong = Some((wrong, path.to_string()))
        });
    }

    fn role(&self, serial: &str) -> Option<Role> {
        let inner = self.0.borrow();
        let mut mounted = inner.mounted.iter();
        mounted.find_map(|(role, other)| (other == serial).then_some(*role))
    }

    fn serial(&self, role: Role) -> Option<String> {
        self.0.borrow().mounted.get(&role).cloned()
    }

    pub fn mounted(&self) -> Vec<Role> {
        self.0.borrow().mounted.keys().copied().collect()
    }

    /// How often anything was mounted.
    pub fn mounts(&self) -> usize {
        self.0.borrow().mounts
    }

    /// What is on a stick.
    pub fn content(&self, serial: &str) -> BTreeMap<String, Vec<u8>> {
        let aside = self.path("sticks", serial);
        let at = match self.role(serial) {
            Some(role) if !aside.is_dir() => self.path("places", role.name()),
            _ => aside,
        };
        files::read_folder(&at).expect("it can be read").files
    }

    /// Puts a file on a stick that is not mounted.
    pub fn put(&self, serial: &str, path: &str, bytes: &[u8]) {
        files::write_below(&self.path("sticks", serial).join(path), bytes).expect("it is written");
    }

    pub fn sticks(&self) -> Sticks {
        let files = Files {
            table: self.clone(),
            inner: Directories::new(BTreeMap::new()),
        };
        Sticks::new(
            Box::new(self.clone()),
            Box::new(self.clone()),
            Box::new(files),
        )
    }

    /// What a write meets.
    fn wrong(&self, role: Role, path: &str) -> Option<(String, Wrong)> {
        let serial = self.serial(role)?;
        let mut inner = self.0.borrow_mut();
        let mut sticks = inner.sticks.iter_mut();
        let stick = sticks.find(|stick| stick.serial == serial)?;
        let (wrong, part) = stick.wrong.clone()?;
        path.contains(&part).then(|| {
            stick.wrong = None;
            (serial, wrong)
        })
    }
}

impl Bus for Table {
    fn disks(&mut self) -> io::Result<Vec<Disk>> {
        let inner = self.0.borrow();
        let plugged = inner.sticks.iter().filter(|stick| stick.plugged);
        let disk = |stick: &Stick| Disk {
            name: stick.name.clone(),
            number: Number {
                major: 8,
                minor: 16 * stick.sequence as u32,
            },
            sequence: stick.sequence,
            vendor: "Maker".to_string(),
            model: "Stick".to_string(),
            usb: Some(Usb {
                product: "0781:5567".to_string(),
                serial: Some(stick.serial.clone()),
            }),
            bytes: 16_000_000_000,
            removable: stick.removable,
            read_only: stick.read_only,
            in_use: inner.mounted.values().any(|serial| *serial == stick.serial),
            partitions: Vec::new(),
        };
        Ok(plugged.map(disk).collect())
    }

    fn wait(&mut self) {}
}

fn refused(refusal: Refusal) -> MountError {
    MountError::Refused(refusal)
}

impl Mounts for Table {
    fn mount(&mut self, device: &str, role: Role) -> Result<Mounted, MountError> {
        let at = self.path("places", role.name());
        let (serial, read_only) = {
            let inner = self.0.borrow();
            let mut sticks = inner.sticks.iter();
            let stick = sticks.find(|stick| stick.plugged && stick.name == device);
            let stick = stick.ok_or(refused(Refusal::NotThere))?;
            let taken = inner.mounted.contains_key(&role)
                || inner.mounted.values().any(|serial| *serial == stick.serial);
            match stick {
                Stick {
                    removable: false, ..
                } => return Err(refused(Refusal::Fixed)),
                Stick { boot: true, .. } => return Err(refused(Refusal::BootMedium)),
                Stick {
                    formatted: false, ..
                } => return Err(refused(Refusal::NoFileSystem)),
                _ if taken => return Err(refused(Refusal::InUse)),
                stick => (stick.serial.clone(), stick.read_only),
            }
        };
        fs::rename(self.path("sticks", &serial), &at).expect("it is on the table");
        let mut inner = self.0.borrow_mut();
        inner.mounted.insert(role, serial);
        inner.mounts += 1;
        Ok(Mounted {
            at,
            kind: FileSystem::Fat,
            read_only,
        })
    }

    fn unmount(&mut self, role: Role) -> Result<(), MountError> {
        let serial = self.serial(role).ok_or(refused(Refusal::NotMounted))?;
        let (at, aside) = (
            self.path("places", role.name()),
            self.path("sticks", &serial),
        );
        if at.is_dir() {
            fs::rename(&at, &aside).expect("it goes back to the table");
        }
        self.0.borrow_mut().mounted.remove(&role);
        let mut before = None;
        self.change(&serial, |stick| before = stick.before.take());
        if let Some(files) = before {
            fs::remove_dir_all(&aside).expect("it is forgotten");
            fs::create_dir(&aside).expect("as before");
            files
                .iter()
                .for_each(|(path, bytes)| self.put(&serial, path, bytes));
        }
        Ok(())
    }

    fn format(&mut self, disk: &str) -> Result<(), MountError> {
        let serial = {
            let inner = self.0.borrow();
            let mut sticks = inner.sticks.iter();
            let stick = sticks.find(|stick| stick.plugged && stick.name == disk);
            let stick = stick.ok_or(refused(Refusal::NotThere))?;
            if stick.boot {
                return Err(refused(Refusal::BootMedium));
            }
            stick.serial.clone()
        };
        fs::remove_dir_all(self.path("sticks", &serial)).expect("it is not mounted");
        fs::create_dir(self.path("sticks", &serial)).expect("it is empty");
        self.change(&serial, |stick| stick.formatted = true);
        Ok(())
    }
}

/// Folders whose writes meet what is wrong with a stick.
struct Files {
    table: Table,
    inner: Directories,
}

impl Files {
    fn meet(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        let Some((serial, wrong)) = self.table.wrong(role, path) else {
            return Ok(());
        };
        let kind = match wrong {
            Wrong::Full => io::Error::from(io::ErrorKind::StorageFull),
            Wrong::ReadOnly => io::Error::from(io::ErrorKind::ReadOnlyFilesystem),
            Wrong::Pulled => {
                self.table.pull(&serial);
                // EIO, which has no kind of its own.
                io::Error::from_raw_os_error(5)
            }
            Wrong::LosesWrites => {
                let content = self.table.content(&serial);
                self.table
                    .change(&serial, |stick| stick.before = Some(content));
                return Ok(());
            }
        };
        Err(MediaError {
            role,
            path: path.to_string(),
            fault: MediaFault::System(kind),
        })
    }
}

impl Media for Files {
    fn roles(&self) -> Vec<Role> {
        self.inner.roles()
    }

    fn look(&mut self, role: Role) -> MediumFact {
        self.inner.look(role)
    }

    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError> {
        self.inner.replace(role, location)
    }

    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError> {
        self.inner.list(role, folder)
    }

    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError> {
        self.inner.read(role, path)
    }

    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), MediaError> {
        self.meet(role, path)?;
        self.inner.create(role, path, bytes, access)
    }

    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError> {
        self.meet(role, path)?;
        self.inner.extend(role, path, whole)
    }

    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError> {
        self.inner.cut(role, path, length)
    }

    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError> {
        self.inner.rename(role, from, to)
    }

    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        self.inner.remove(role, path)
    }

    fn remount(&mut self, role: Role) -> Result<(), MediaError> {
        self.inner.remount(role)
    }
}

/// Two people who answer with what a closure says; everything they saw is kept.
pub struct Hands<'h> {
    pub answer: Box<dyn FnMut(&Question) -> Reply + 'h>,
    pub seen: Vec<String>,
}

impl<'h> Hands<'h> {
    pub fn new(answer: impl FnMut(&Question) -> Reply + 'h) -> Hands<'h> {
        Hands {
            answer: Box::new(answer),
            seen: Vec::new(),
        }
    }

    /// All that stood on the screen, line breaks taken out.
    pub fn screen(&self) -> String {
        let all = self.seen.join(" ");
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Terminal for Hands<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        let lines = ceremony::screen::layout::page(page);
        assert!(
            lines.len() <= 20,
            "no room is left for the question: {lines:#?}"
        );
        assert!(lines.iter().all(|line| line.len() <= 78), "{lines:#?}");
        self.seen.extend(lines);
        Ok(())
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.seen.push(line.to_string());
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        assert!(self.seen.len() < 5000, "it goes on for ever");
        self.seen.push(question.prompt.clone());
        Ok((self.answer)(question))
    }

    fn secret(&mut self, _: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        Err(TerminalError::Closed)
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.say(label)
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}

pub fn line(text: &str) -> Reply {
    Reply::Line(text.to_string())
}

/// A path below a folder, made.
pub fn below(folder: &Path, path: &str) -> PathBuf {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    path
}

/// sda to sdz, then sdaa and so on: never one that was there before.
fn disk_name(number: u64) -> String {
    let letter = |number: u64| char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => format!("sd{}", letter(number)),
        more => format!("sd{}{}", letter(more - 1), letter(number)),
    }
}
