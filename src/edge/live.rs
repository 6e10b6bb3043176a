//! The machine that the live image runs on, for [`crate::live`].

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the machine is looked at and programs are started"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::Rc;

use super::block::sysfs::Sysfs;
use super::block::{Bus, Client, Found, MountError, keyboard};
use super::files;
use super::system::{RealSystem, System};
use super::token::Tokens;
use crate::digest::Digest;
use crate::live::{Ended, Host, Image, Loaded, Look};

/// Where the image says what it is.
const ABOUT: &str = "etc/ceremony-image";

/// See the module.
pub struct Machine {
    root: PathBuf,
    helper: Client,
    bus: Sysfs,
    system: RealSystem,
    tokens: Rc<dyn Tokens>,
    /// Where copies of files from sticks go: in memory.
    work: PathBuf,
    fetched: u32,
}

/// Whether the image below `root` is one with a shell.
pub fn is_debug(root: &Path) -> bool {
    root.join(ABOUT).join("debug").exists()
}

impl Machine {
    /// The machine below `root`; copies of files go to `work`.
    pub fn new(root: PathBuf, work: PathBuf, tokens: Rc<dyn Tokens>) -> Machine {
        Machine {
            helper: Client::new(&root),
            bus: Sysfs::new(root.clone()),
            system: RealSystem::new(work.clone()),
            tokens,
            root,
            work,
            fetched: 0,
        }
    }

    /// A file's text without blanks around it; empty if it cannot be read.
    fn text(&self, path: &str) -> String {
        let text = fs::read_to_string(self.root.join(path)).unwrap_or_default();
        text.trim().to_string()
    }

    fn about(&self, name: &str) -> String {
        let about = self.text(&format!("{ABOUT}/about"));
        let mut lines = about.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or("not known").to_string()
    }

    fn image(&self) -> Image {
        match self.helper.boot_medium() {
            Ok(Some((device, medium))) => Image::Found { device, medium },
            Ok(None) => Image::None,
            Err(error) => Image::Unread(error.to_string()),
        }
    }

    /// Compares every file with the list that was made when the image was built: as sha256sum
    /// writes it, paths from the root.
    fn loaded(&self) -> Loaded {
        let Ok(list) = fs::read_to_string(self.root.join(ABOUT).join("manifest")) else {
            return Loaded::NoList;
        };
        let mut files = 0;
        let mut damaged = Vec::new();
        for line in list.lines() {
            files += 1;
            let sound = line.split_once("  ").and_then(|(hash, path)| {
                let bytes = fs::read(self.root.join(path)).ok()?;
                (Digest::parse(hash)? == Digest::of(&bytes)).then_some(())
            });
            if sound.is_none() {
                damaged.push(line.rsplit("  ").next().unwrap_or(line).to_string());
            }
        }
        match damaged.is_empty() && files > 0 {
            true => Loaded::Good {
                files,
                list: Digest::of(list.as_bytes()),
            },
            false => Loaded::Damaged(damaged),
        }
    }

    fn find_printers(&self) -> Vec<String> {
        let is_printer = |name: &String| {
            let number = name.strip_prefix("lp").unwrap_or("");
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let mut printers = Vec::new();
        for folder in ["dev/usb", "dev"] {
            let names = names(&self.root.join(folder), |_| true).into_iter();
            printers.extend(
                names
                    .filter(is_printer)
                    .map(|name| format!("/{folder}/{name}")),
            );
        }
        printers
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(arguments);
        command
    }
}

/// The names in a folder that fit, sorted; none if it cannot be read.
fn names(folder: &Path, fits: impl Fn(&fs::FileType) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| entry.file_type().is_ok_and(|kind| fits(&kind)));
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

impl Host for Machine {
    fn look(&mut self) -> Look {
        let image = self.image();
        let loaded = self.loaded();
        // Last of all: after a start the smart card service takes a moment to see them.
        let tokens = self.tokens.list();
        Look {
            kernel: self.about("kernel"),
            debug: is_debug(&self.root),
            image,
            loaded,
            drivers_closed: self.text("proc/sys/kernel/modules_disabled") == "1",
            secure_boot: match self.text("run/boot-facts").as_str() {
                "secure-boot: on" => Some(true),
                "secure-boot: off" => Some(false),
                _ => None,
            },
            facts: self.system.facts(),
            sticks: self.sticks(),
            tokens: tokens
                .map(|found| found.iter().map(|token| token.serial).collect())
                .map_err(|error| error.to_string()),
            printers: self.find_printers(),
            notes: self
                .text("run/boot-notes")
                .lines()
                .map(str::to_string)
                .collect(),
        }
    }

    fn layouts(&mut self) -> Vec<String> {
        match on_console() {
            true => keyboard::names(&self.root),
            false => Vec::new(),
        }
    }

    fn set_layout(&mut self, name: &str) -> Result<(), MountError> {
        self.helper.set_layout(name)
    }

    fn sticks(&mut self) -> Vec<Found> {
        self.bus.found()
    }

    fn printers(&mut self) -> Vec<String> {
        self.find_printers()
    }

    fn mount(&mut self, stick: &Found) -> Result<PathBuf, MountError> {
        // What a task that ended badly left there.
        let _ = self.helper.clear_desk();
        let mounted = self.helper.mount_on_desk(stick.disk.device())?;
        Ok(mounted.at)
    }

    fn clear(&mut self) -> Result<(), MountError> {
        self.helper.clear_desk()
    }

    fn files(&mut self, folder: &Path) -> Vec<String> {
        names(folder, fs::FileType::is_file)
    }

    fn folders(&mut self, folder: &Path) -> Vec<String> {
        names(folder, fs::FileType::is_dir)
    }

    fn fetch(&mut self, file: &Path) -> io::Result<PathBuf> {
        let bytes = files::read(file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // A number of its own: the same name may come again from another stick.
        let copy = loop {
            self.fetched += 1;
            let copy = self.work.join(format!("{}-{name}", self.fetched));
            if !files::exists(&copy) {
                break copy;
            }
        };
        files::write_new(&copy, &bytes)?;
        Ok(copy)
    }

    fn run(&mut self, arguments: &[String]) -> io::Result<Ended> {
        Ok(ended(self.command(arguments).status()?))
    }

    fn hear(&mut self, arguments: &[String]) -> io::Result<(Ended, String)> {
        let output = self.command(arguments).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((ended(output.status), said))
    }

    fn power_off(&mut self) -> Result<(), MountError> {
        self.helper.power_off()
    }
}

fn ended(status: ExitStatus) -> Ended {
    status.code().map_or(Ended::Killed, Ended::Code)
}

/// Whether the keyboard is this machine's own: standard input is a virtual console (`/dev/tty1`).
fn on_console() -> bool {
    let terminal = fs::read_link("/proc/self/fd/0").unwrap_or_default();
    let number = terminal
        .to_str()
        .and_then(|path| path.strip_prefix("/dev/tty"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
