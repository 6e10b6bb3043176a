//! What only root may do.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where devices are mounted"
)]

use std::ffi::CString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, major, minor};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, Timespec, clock_settime};

use crate::{FileSystem, Number};

/// One mount.
pub struct Plan<'a> {
    pub device: &'a Path,
    pub at: &'a Path,
    pub kind: FileSystem,
    pub read_only: bool,
    /// To whom the files belong.
    pub user: u32,
}

impl Plan<'_> {
    /// The file system's own options. FAT and exFAT know no owners: all files are the program's,
    /// and nobody else's. After an error nothing more is written.
    pub fn options(&self) -> String {
        let user = self.user;
        let owner = format!("uid={user},gid={user},fmask=0177,dmask=0077");
        match self.kind {
            // The names of a ceremony's files are ASCII; the kernel's tables for these two are
            // part of the image.
            FileSystem::Fat => format!("{owner},codepage=437,iocharset=ascii,errors=remount-ro"),
            FileSystem::ExFat => format!("{owner},errors=remount-ro"),
            FileSystem::Ext4 => "errors=remount-ro".to_string(),
        }
    }
}

/// The acts, so that tests can put a machine of their own below the checks.
pub trait Acts: Send + Sync {
    /// Whether the program may be asked at all.
    fn may(&self) -> bool;
    /// Whether an open file is the block device with this number.
    fn is_device(&self, meta: &Metadata, number: Number) -> bool;
    fn mount(&self, plan: &Plan<'_>) -> io::Result<()>;
    fn unmount(&self, at: &Path) -> io::Result<()>;
    /// Runs a program to its end.
    fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> io::Result<()>;
    fn set_clock(&self, seconds: u64) -> io::Result<()>;
    fn power_off(&self) -> io::Result<()>;
    /// Gives a folder to the program's user.
    fn give(&self, folder: &Path, user: u32) -> io::Result<()>;
}

/// The real ones.
pub struct Real;

impl Acts for Real {
    fn may(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    fn is_device(&self, meta: &Metadata, number: Number) -> bool {
        let device = meta.rdev();
        meta.file_type().is_block_device()
            && (major(device), minor(device)) == (number.major, number.minor)
    }

    fn mount(&self, plan: &Plan<'_>) -> io::Result<()> {
        let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        if plan.read_only {
            flags |= MountFlags::RDONLY;
        }
        let options = CString::new(plan.options())?;
        let kind = plan.kind.name();
        rustix::mount::mount(plan.device, plan.at, kind, flags, options.as_c_str())?;
        Ok(())
    }

    fn unmount(&self, at: &Path) -> io::Result<()> {
        Ok(rustix::mount::unmount(at, UnmountFlags::NOFOLLOW)?)
    }

    fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> io::Result<()> {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let end = Instant::now() + limit;
        while Instant::now() < end {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return Err(rustix::io::Errno::IO.into()),
                None => thread::sleep(Duration::from_millis(50)),
            }
        }
        child.kill()?;
        Err(io::ErrorKind::TimedOut.into())
    }

    fn set_clock(&self, seconds: u64) -> io::Result<()> {
        let tv_sec = i64::try_from(seconds).map_err(|_| io::ErrorKind::InvalidInput)?;
        clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec: 0 })?;
        Ok(())
    }

    /// The first process ends all others and switches off: SIGUSR2 is what busybox's takes for
    /// that, and the image's own does, too.
    fn power_off(&self) -> io::Result<()> {
        rustix::fs::sync();
        Ok(kill_process(Pid::INIT, Signal::USR2)?)
    }

    fn give(&self, folder: &Path, user: u32) -> io::Result<()> {
        std::os::unix::fs::chown(folder, Some(user), Some(user))
    }
}

/// Opens a device to look at it; never through a link.
pub fn open_device(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits() as i32);
    options.open(path)
}

/// Does something that may never come back: a broken stick can hold a process for ever. Then its
/// thread is left behind, and whoever asked is told so.
pub fn bounded<T: Send + 'static>(
    limit: Duration,
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        // Nobody may be waiting any more.
        let _ = done.send(act());
    });
    let gave_up = |_| io::Error::from(io::ErrorKind::TimedOut);
    wait.recv_timeout(limit).map_err(gave_up)?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A real mount: `losetup -f --show FILE` and mkfs.ext4 on it, then in a mount namespace
    /// (`unshare -m`) DEVICE=/dev/loopN with `--ignored`.
    #[test]
    #[ignore = "needs root and a device that may be written to"]
    fn a_device_is_mounted_as_planned() {
        let device = std::env::var("DEVICE").expect("DEVICE names it");
        let folder = tempfile::tempdir().expect("a folder");
        let at = fs::canonicalize(folder.path()).expect("it is there");
        let plan = |read_only| Plan {
            device: Path::new(&device),
            at: &at,
            kind: FileSystem::Ext4,
            read_only,
            user: 1000,
        };
        for read_only in [false, true] {
            Real.mount(&plan(read_only)).expect("it is mounted");
            let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is there");
            let line = mounts
                .lines()
                .find(|line| line.contains(&*at.to_string_lossy()));
            let line = line.expect("it is listed");
            for flag in ["nosuid", "nodev", "noexec", "errors=remount-ro"] {
                assert!(line.contains(flag), "{flag}: {line}");
            }
            assert_eq!(fs::write(at.join("x"), "x").is_ok(), !read_only, "{line}");
            Real.give(&at, 1000)
                .map_or_else(|_| assert!(read_only), drop);
            Real.unmount(&at).expect("it is unmounted");
            assert!(!at.join("x").exists());
        }
    }

    #[test]
    fn what_hangs_is_left_behind() {
        let hangs = || {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        };
        let error = bounded(Duration::from_millis(50), hangs).expect_err("it does not come back");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            bounded(Duration::from_secs(30), || Ok(1)).expect("at once"),
            1
        );
        let error = Real.run("/bin/sh", &["-c", "sleep 60"], Duration::from_millis(100));
        assert_eq!(
            error.expect_err("it is ended").kind(),
            io::ErrorKind::TimedOut
        );
        assert!(
            Real.run("/bin/sh", &["-c", "exit 3"], Duration::from_secs(30))
                .is_err()
        );
        assert!(Real.run("/no/such", &[], Duration::from_secs(30)).is_err());
    }

    #[test]
    fn a_link_is_no_device() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("sdb");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        assert!(open_device(&link).is_err());
        let null = open_device(Path::new("/dev/null")).expect("it is there");
        let meta = null.metadata().expect("it is there");
        let number = Number { major: 1, minor: 3 };
        assert!(!Real.is_device(&meta, number), "not a block device");
    }
}
