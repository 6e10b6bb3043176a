//! A machine of a test's own below the helper's checks; debug builds only. Nothing is mounted,
//! formatted or set: what would have been done is written to `acts` in the machine's root.
//!
//! A mounted stick is its folder `sticks/DEVICE`, moved to its place, so that a program can go on
//! to write there. `mountinfo` is kept as the kernel would.

#![allow(
    clippy::disallowed_methods,
    reason = "a seam for tests, which touch files"
)]

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::acts::{Acts, Plan};
use crate::{Number, sysfs};

pub struct Pretend {
    root: PathBuf,
}

impl Pretend {
    pub fn new(root: PathBuf) -> Pretend {
        Pretend { root }
    }

    fn note(&self, line: &str) -> io::Result<()> {
        let acts = self.root.join("acts");
        let mut file = OpenOptions::new().append(true).create(true).open(acts)?;
        writeln!(file, "{}", line.replace(&*self.root.to_string_lossy(), ""))
    }

    fn mountinfo(&self) -> PathBuf {
        self.root.join("proc/self/mountinfo")
    }

    fn stick(&self, device: &Path) -> PathBuf {
        let name = device.file_name().unwrap_or_default();
        self.root.join("sticks").join(name)
    }

    fn number(&self, device: &Path) -> io::Result<Number> {
        let name = device
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        for disk in sysfs::disks(&self.root)? {
            let parts = disk.partitions.iter().map(|p| (p.name.as_str(), p.number));
            let mut all = parts.chain([(disk.name.as_str(), disk.number)]);
            if let Some((_, number)) = all.find(|(other, _)| *other == name) {
                return Ok(number);
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Acts for Pretend {
    fn may(&self) -> bool {
        true
    }

    fn is_device(&self, meta: &Metadata, _: Number) -> bool {
        meta.is_file()
    }

    fn mount(&self, plan: &Plan<'_>) -> io::Result<()> {
        let access = if plan.read_only { "ro" } else { "rw" };
        let (device, at, kind) = (plan.device.display(), plan.at.display(), plan.kind.name());
        let options = plan.options();
        self.note(&format!("mount {device} {at} {kind} {access} {options}"))?;
        let Number { major, minor } = self.number(plan.device)?;
        fs::remove_dir(plan.at)?;
        fs::rename(self.stick(plan.device), plan.at)?;
        let line = format!("99 1 {major}:{minor} / {at} {access} - {kind} {device} {access}\n");
        let mut file = OpenOptions::new().append(true).open(self.mountinfo())?;
        file.write_all(line.as_bytes())
    }

    fn unmount(&self, at: &Path) -> io::Result<()> {
        self.note(&format!("unmount {}", at.display()))?;
        let text = fs::read_to_string(self.mountinfo())?;
        let is_it = |line: &&str| line.split(' ').nth(4) == at.to_str();
        let line = text.lines().find(is_it).ok_or(io::ErrorKind::NotFound)?;
        let device = line.rsplit(' ').nth(1).unwrap_or_default();
        fs::rename(at, self.stick(Path::new(device)))?;
        let rest: String = text
            .lines()
            .filter(|other| other != &line)
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(self.mountinfo(), rest)
    }

    fn run(&self, program: &str, arguments: &[&str], _: Duration) -> io::Result<()> {
        self.note(&format!("run {program} {}", arguments.join(" ")))
    }

    fn set_clock(&self, seconds: u64) -> io::Result<()> {
        self.note(&format!("clock {seconds}"))
    }

    fn power_off(&self) -> io::Result<()> {
        self.note("power off")
    }

    fn give(&self, _: &Path, _: u32) -> io::Result<()> {
        Ok(())
    }
}
