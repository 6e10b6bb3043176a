//! What is asked, checked and done.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where devices are mounted"
)]

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::acts::{Acts, Plan, bounded, open_device};
use super::{limit, place};
use crate::boot::{self, BootMedium};
use crate::probe::Head;
use crate::wire::{Answer, DeviceName, Layout, Request, Spot};
use crate::{Disk, FileSystem, Number, Refusal, keyboard, sysfs};

/// Makes FAT32, from the first sector to the last.
///
/// FAT32 because every computer reads and writes it. Without a partition table: Windows, macOS and
/// Linux take a removable medium so, there is no table that could point to another place, and
/// nothing of an earlier one is left. `-I`: yes, the whole disk. dosfstools and busybox both have
/// this program under this name.
const FORMAT: (&str, [&str; 5]) = ("/sbin/mkdosfs", ["-I", "-F", "32", "-n", "MEDIUM"]);

/// Makes the kernel forget the partitions that were there.
const REREAD: (&str, [&str; 1]) = ("/sbin/blockdev", ["--rereadpt"]);

/// Sets the layout of the machine's own console, whatever screen the program is on. `-q`: it says
/// nothing.
const LAYOUT: (&str, [&str; 2]) = ("/bin/loadkeys", ["-q", "--console=/dev/tty1"]);

/// A clock later than this after the build is wrong, as in preflight.
const MOST_SECONDS_AFTER_BUILD: u64 = 20 * 31_557_600;

/// The helper's view of the machine.
pub struct Machine {
    /// `/`, or a tree of a test's own.
    pub root: PathBuf,
    /// To whom mounted files belong.
    pub user: u32,
    /// When the program was built: UTC seconds since 1970.
    pub built: u64,
    pub acts: Arc<dyn Acts>,
}

/// Why a request was not done.
enum Not {
    Refused(Refusal),
    System(io::Error),
}

impl From<Refusal> for Not {
    fn from(refusal: Refusal) -> Not {
        Not::Refused(refusal)
    }
}

impl From<io::Error> for Not {
    fn from(error: io::Error) -> Not {
        match error.kind() {
            io::ErrorKind::TimedOut => Not::Refused(Refusal::TooSlow),
            _ => Not::System(error),
        }
    }
}

/// A device that passed the checks.
struct Checked {
    disk: Disk,
    path: PathBuf,
    number: Number,
    file_system: Option<FileSystem>,
}

impl Machine {
    /// Answers a line, without its end.
    pub fn answer(&self, line: &str) -> Answer {
        let Some(request) = Request::parse(line) else {
            return Answer::Refused(Refusal::BadRequest);
        };
        let done = match &request {
            Request::Mount(device, spot) => self.mount(device, *spot, limit(&request)),
            Request::Unmount(spot) => self.unmount(*spot, limit(&request)),
            Request::Format(device) => self.format(device, limit(&request)),
            Request::Clock(seconds) => self.clock(*seconds),
            Request::Layout(layout) => self.layout(layout, limit(&request)),
            Request::BootMedium => self.boot_medium(limit(&request)),
            Request::PowerOff => self.power_off(limit(&request)),
        };
        match done {
            Ok(answer) => answer,
            Err(Not::Refused(refusal)) => Answer::Refused(refusal),
            Err(Not::System(error)) => Answer::Failed(error.raw_os_error().unwrap_or(EIO)),
        }
    }

    fn mount(&self, name: &DeviceName, spot: Spot, limit: Duration) -> Result<Answer, Not> {
        let at = self.free_place(spot)?;
        let device = self.check(name, limit)?;
        let read_only = device.disk.read_only;
        let kind = device.file_system.ok_or(Refusal::NoFileSystem)?;
        let (acts, user, path) = (Arc::clone(&self.acts), self.user, device.path.clone());
        bounded(limit, move || {
            let (device, at) = (&path, &at);
            acts.mount(&Plan {
                device,
                at,
                kind,
                read_only,
                user,
            })?;
            // ext4 has owners: its top folder becomes the program's.
            if kind == FileSystem::Ext4 && !read_only {
                acts.give(at, user)?;
            }
            Ok(())
        })?;
        if !self.is_still(&device)? {
            self.unmount(spot, limit)?;
            return Err(Refusal::NotThere.into());
        }
        Ok(Answer::Mounted { kind, read_only })
    }

    fn unmount(&self, spot: Spot, limit: Duration) -> Result<Answer, Not> {
        let at = place(&self.root, spot);
        if !self.is_mounted(&at)? {
            return Err(Refusal::NotMounted.into());
        }
        let acts = Arc::clone(&self.acts);
        bounded(limit, move || acts.unmount(&at))?;
        Ok(Answer::Done)
    }

    fn format(&self, name: &DeviceName, limit: Duration) -> Result<Answer, Not> {
        let device = self.check(name, limit)?;
        if device.disk.name != name.as_str() {
            // Formatting is of whole sticks.
            return Err(Refusal::BadRequest.into());
        }
        if device.disk.read_only {
            return Err(Refusal::ReadOnly.into());
        }
        let path = device.path.to_str().ok_or(Refusal::NotThere)?;
        let with_path = |fixed: &[&'static str]| -> Vec<String> {
            let fixed = fixed.iter().copied();
            fixed.chain([path]).map(str::to_string).collect()
        };
        self.run(FORMAT.0, &with_path(&FORMAT.1), limit)?;
        // Where it fails the stick has to be pulled out and plugged in again.
        let _ = self.run(REREAD.0, &with_path(&REREAD.1), Duration::from_secs(10));
        Ok(Answer::Done)
    }

    fn run(&self, program: &str, arguments: &[String], limit: Duration) -> io::Result<()> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.acts.run(program, &arguments, limit)
    }

    fn clock(&self, seconds: u64) -> Result<Answer, Not> {
        let latest = self.built.saturating_add(MOST_SECONDS_AFTER_BUILD);
        if !(self.built..=latest).contains(&seconds) {
            return Err(Refusal::OutOfRange.into());
        }
        self.acts.set_clock(seconds)?;
        Ok(Answer::Done)
    }

    fn layout(&self, layout: &Layout, limit: Duration) -> Result<Answer, Not> {
        let file = keyboard::file(&self.root, layout.as_str()).ok_or(Refusal::NoLayout)?;
        let file = file.to_str().ok_or(Refusal::NoLayout)?.to_string();
        let fixed = LAYOUT.1.iter().map(|fixed| fixed.to_string());
        let arguments: Vec<String> = fixed.chain([file]).collect();
        self.run(LAYOUT.0, &arguments, limit)?;
        Ok(Answer::Done)
    }

    /// Any disk with the image on it, a CD too; it is only read.
    fn boot_medium(&self, limit: Duration) -> Result<Answer, Not> {
        for disk in sysfs::disks(&self.root)? {
            let Some(name) = DeviceName::new(&disk.name) else {
                continue;
            };
            let head = self.head(&disk.name, disk.number, BOOT_LOOK);
            if head.is_ok_and(|head| head.is_boot_medium())
                && let Some(medium) = self.read_image(&disk, limit)?
            {
                return Ok(Answer::BootMedium(name, medium));
            }
        }
        Ok(Answer::NoBootMedium)
    }

    fn read_image(&self, disk: &Disk, limit: Duration) -> Result<Option<BootMedium>, Not> {
        let (acts, path, number) = (Arc::clone(&self.acts), self.path(&disk.name), disk.number);
        Ok(bounded(limit, move || {
            let mut file = open_device(&path)?;
            match acts.is_device(&file.metadata()?, number) {
                true => boot::look(&mut file),
                false => Ok(None),
            }
        })?)
    }

    fn power_off(&self, limit: Duration) -> Result<Answer, Not> {
        for spot in Spot::all() {
            // One that cannot be unmounted does not keep the machine on.
            let _ = self.unmount(spot, limit / Spot::all().count() as u32);
        }
        self.acts.power_off()?;
        Ok(Answer::Done)
    }

    /// A place with nothing mounted on it.
    fn free_place(&self, spot: Spot) -> Result<PathBuf, Not> {
        let at = place(&self.root, spot);
        match DirBuilder::new().mode(0o755).create(&at) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        // Only root can put anything here; a link would still be an error.
        if !fs::symlink_metadata(&at)?.is_dir() || self.is_mounted(&at)? {
            return Err(Refusal::InUse.into());
        }
        Ok(at)
    }

    fn is_mounted(&self, at: &Path) -> Result<bool, Not> {
        Ok(sysfs::mounts(&self.root)?
            .iter()
            .any(|mount| mount.at == at))
    }

    /// The checks that every device must pass.
    fn check(&self, name: &DeviceName, limit: Duration) -> Result<Checked, Not> {
        let (disk, number) = self.find(name)?;
        if disk.usb.is_none() || !disk.removable {
            return Err(Refusal::Fixed.into());
        }
        if disk.bytes == 0 {
            return Err(Refusal::NotThere.into());
        }
        if disk.in_use {
            return Err(Refusal::InUse.into());
        }
        let whole = self.head(&disk.name, disk.number, limit)?;
        if whole.is_boot_medium() {
            return Err(Refusal::BootMedium.into());
        }
        let head = match disk.name == name.as_str() {
            true => whole,
            false => self.head(name.as_str(), number, limit)?,
        };
        Ok(Checked {
            path: self.path(name.as_str()),
            number,
            file_system: head.file_system(),
            disk,
        })
    }

    /// The disk that has this name, or whose first partition has it.
    fn find(&self, name: &DeviceName) -> Result<(Disk, Number), Not> {
        for disk in sysfs::disks(&self.root)? {
            if disk.name == name.as_str() {
                let number = disk.number;
                return Ok((disk, number));
            }
            let part = disk.partitions.iter().position(|p| p.name == name.as_str());
            if let Some(at) = part {
                let number = disk.partitions[at].number;
                return match at {
                    0 => Ok((disk, number)),
                    _ => Err(Refusal::NotFirst.into()),
                };
            }
        }
        Err(Refusal::NotThere.into())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join("dev").join(name)
    }

    /// A device's first bytes; only if its file is the device that sysfs speaks of.
    fn head(&self, name: &str, number: Number, limit: Duration) -> Result<Head, Not> {
        let (acts, path) = (Arc::clone(&self.acts), self.path(name));
        let head = bounded(limit, move || {
            let mut file = open_device(&path)?;
            if !acts.is_device(&file.metadata()?, number) {
                return Ok(None);
            }
            Head::read(&mut file).map(Some)
        })?;
        head.ok_or(Refusal::NotThere.into())
    }

    /// Whether the disk that was checked is still the one with its name.
    fn is_still(&self, device: &Checked) -> Result<bool, Not> {
        let name = &device.disk.name;
        let now = sysfs::disks(&self.root)?;
        let now = now.into_iter().find(|disk| disk.name == *name);
        Ok(now.is_some_and(|disk| {
            let numbers: Vec<Number> = disk.partitions.iter().map(|p| p.number).collect();
            let same = disk.number == device.number || numbers.contains(&device.number);
            same && disk.sequence == device.disk.sequence && disk.usb == device.disk.usb
        }))
    }
}

/// As long as a disk may take to show its first bytes: an empty drive gives up late.
const BOOT_LOOK: Duration = Duration::from_secs(20);

/// What is said where the system gave no number.
const EIO: i32 = 5;
