//! A fresh home folder for gpg, in RAM, gone afterwards.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are made and wiped"
)]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::child;
use crate::edge::facts::is_in_memory;

/// The agent's sockets lie in the home, and a socket's path ends at 107 bytes (unix(7)).
/// The longest name that gpg adds has 21.
const LONGEST: usize = 80;

/// How long `gpgconf` may take to stop what was started for a home.
const STOPPING: Duration = Duration::from_secs(10);

/// The first folder, of those where one is usually found, that really is in RAM.
pub(super) fn memory_folder(runtime: Option<PathBuf>) -> Option<PathBuf> {
    let usual = ["/dev/shm", "/run", "/tmp"].map(PathBuf::from);
    let [shm, run, tmp] = usual;
    [Some(shm), runtime, Some(run), Some(tmp)]
        .into_iter()
        .flatten()
        .find(|folder| usable(folder))
}

/// Whether `folder` is in RAM, can be written to, and has a short absolute path.
fn usable(folder: &Path) -> bool {
    use rustix::fs::Access;
    folder.is_absolute()
        && folder.as_os_str().len() + 30 <= LONGEST
        && is_in_memory(folder).unwrap_or(false)
        && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// A gpg home with mode 0700 in RAM. Dropping it stops the agent that gpg started for it,
/// overwrites every file and removes all; [`Home::remove`] does the same and tells how it went.
pub(super) struct Home {
    path: PathBuf,
    gpgconf: Option<PathBuf>,
    search_path: std::ffi::OsString,
    removed: bool,
}

impl Home {
    /// Makes a home inside `memory`, which must be on tmpfs or ramfs.
    pub(super) fn make(
        memory: &Path,
        gpgconf: Option<PathBuf>,
        search_path: std::ffi::OsString,
    ) -> io::Result<Home> {
        if !is_in_memory(memory)? {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the folder is not in memory",
            ));
        }
        let mut tail = [0; 8];
        rustix::rand::getrandom(&mut tail, rustix::rand::GetRandomFlags::empty())?;
        let path = memory.join(format!("gpg-{}", data_encoding::HEXLOWER.encode(&tail)));
        if path.as_os_str().len() > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "the path is too long",
            ));
        }
        // Fails if anything of that name is there already.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Home {
            path,
            gpgconf,
            search_path,
            removed: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that sees this home and nothing else of our environment.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", &self.search_path)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("GNUPGHOME", &self.path)
            .current_dir(&self.path);
        command
    }

    /// Stops the agent, overwrites every file, removes all, and tells if something is left.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.clear()
    }

    fn clear(&mut self) -> io::Result<()> {
        self.removed = true;
        if let Some(gpgconf) = &self.gpgconf {
            // Nothing hangs on the answers: without an agent there is nothing to stop, and
            // an agent ends by itself once its home is gone.
            for order in [&["--kill", "all"][..], &["--remove-socketdir"]] {
                let mut command = self.command(gpgconf);
                let _ = child::talk(command.args(order), &[], 64 * 1024, STOPPING);
            }
        }
        // The agent takes its sockets away while it ends, perhaps just as we do.
        let mut result = wipe(&self.path);
        for _ in 0..50 {
            match &result {
                Ok(()) => break,
                Err(e) if e.kind() == io::ErrorKind::NotFound && !self.path.exists() => {
                    return Ok(());
                }
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
            result = wipe(&self.path);
        }
        result
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.removed {
            let _ = self.clear();
        }
    }
}

/// Overwrites and removes everything in `folder`, then `folder`. Goes on after an error
/// and gives back the first. Links are removed, not followed.
fn wipe(folder: &Path) -> io::Result<()> {
    let mut first = Ok(());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let done = fs::symlink_metadata(&path).and_then(|about| {
            if about.is_dir() {
                return wipe(&path);
            }
            // A file that cannot be overwritten is removed all the same.
            let overwritten = if about.is_file() {
                overwrite(&path, about.len())
            } else {
                Ok(())
            };
            fs::remove_file(&path).and(overwritten)
        });
        first = first.and(done);
    }
    first.and(fs::remove_dir(folder))
}

/// Writes zeros over a file in place. On tmpfs these are the very pages that held it.
fn overwrite(path: &Path, len: u64) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let zeros = [0; 4096];
    let mut left = len;
    while left > 0 {
        let count = left.min(zeros.len() as u64);
        file.write_all(&zeros[..count as usize])?;
        left -= count;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn home() -> Home {
        let memory = memory_folder(None).expect("a folder in memory");
        Home::make(&memory, None, "/usr/bin:/bin".into()).expect("a home")
    }

    #[test]
    fn a_home_outside_memory_is_refused() {
        let refused = Home::make(Path::new("/proc"), None, "".into())
            .err()
            .expect("refused");
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
        assert!(!usable(Path::new("/proc")));
        assert!(!usable(Path::new("dev/shm")));
        assert!(!usable(Path::new("/no/such/folder")));
    }

    #[test]
    fn a_folder_that_is_not_in_memory_is_passed_over() {
        let found = memory_folder(Some(PathBuf::from("/proc")));
        assert_ne!(found, Some(PathBuf::from("/proc")));
    }

    #[test]
    fn a_home_is_ours_alone() {
        let home = home();
        let mode = fs::metadata(home.path())
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o700);
    }

    #[test]
    fn a_home_goes_even_if_it_is_only_dropped() {
        let home = home();
        let path = home.path().to_path_buf();
        fs::create_dir(path.join("folder")).expect("test folder");
        fs::write(path.join("folder/key"), b"secret").expect("test file");
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn files_are_overwritten_in_place_and_links_are_not_followed() {
        let home = home();
        let elsewhere = Home::make(
            home.path().parent().expect("inside a folder"),
            None,
            "".into(),
        )
        .expect("another home");
        // A second name keeps the file's content in sight after it was removed here.
        let (inside, outside) = (home.path().join("key"), elsewhere.path().join("kept"));
        fs::write(&inside, b"secret!").expect("test file");
        fs::hard_link(&inside, &outside).expect("test link");
        let safe = elsewhere.path().join("safe");
        fs::write(&safe, b"not ours").expect("test file");
        symlink(&safe, home.path().join("link")).expect("test link");
        let inode = fs::metadata(&inside).expect("is there").ino();

        home.remove().expect("removed");

        assert_eq!(fs::metadata(&outside).expect("is there").ino(), inode);
        assert_eq!(fs::read(&outside).expect("is there"), [0; 7]);
        assert_eq!(fs::read(&safe).expect("is there"), b"not ours");
    }
}
