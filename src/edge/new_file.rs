//! A large output file that appears only when all of it is written.
//!
//! Until then it has no name, where the file system can do that (`O_TMPFILE`): whatever ends the
//! program, nothing remains. Elsewhere (FAT, NFS) it has another name in the same folder, and is
//! removed when it is dropped or a signal ends the program. What exists is never replaced.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{self as sys, AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};

use super::media::Access;

/// See the module.
pub struct NewFile {
    file: File,
    folder: OwnedFd,
    /// What it is to be called.
    name: OsString,
    /// What it is called now, if it had to have a name.
    part: Option<OsString>,
}

impl NewFile {
    /// Begins a file that will be at `path`, where nothing may be yet.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says.
    pub fn create(path: &Path, access: Access) -> io::Result<NewFile> {
        let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = sys::open(folder, flags, Mode::empty())?;
        if exists(&folder, name)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (file, part) = match unnamed(&folder, access) {
            Some(file) => (file, None),
            None => named(&folder, name, access).map(|(file, part)| (file, Some(part)))?,
        };
        let name = name.to_owned();
        Ok(NewFile {
            file,
            folder,
            name,
            part,
        })
    }

    /// Has a signal that ends the program remove the file first, if it has a name. For commands that
    /// do nothing else when they are interrupted.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_at_signals(&self) -> io::Result<()> {
        let Some(part) = self.part.clone() else {
            return Ok(());
        };
        let folder = self.folder.try_clone()?;
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let (mut told, tells) = UnixStream::pair()?;
            pipe::register(signal, tells)?;
            let (folder, part) = (folder.try_clone()?, part.clone());
            // It waits until the program ends, in one way or the other.
            std::thread::spawn(move || {
                if told.read_exact(&mut [0]).is_ok() {
                    let _ = sys::unlinkat(&folder, &part, AtFlags::empty());
                    let _ = emulate_default_handler(signal);
                }
            });
        }
        Ok(())
    }

    /// Brings the file to the disk and gives it its name; both are on the disk when this returns.
    ///
    /// # Errors
    /// `AlreadyExists` if the name was taken meanwhile, or what the system says. The file is gone then.
    pub fn publish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        match self.part.take() {
            None => {
                let from = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                sys::linkat(CWD, from, &self.folder, &self.name, AtFlags::SYMLINK_FOLLOW)?;
            }
            Some(part) => {
                if let Err(error) = rename_new(&self.folder, &part, &self.name) {
                    // Dropping removes it.
                    self.part = Some(part);
                    return Err(error);
                }
                // FAT fills in the new name's entry when the file is written out after that.
                self.file.sync_all()?;
            }
        }
        sys::fsync(&self.folder)?;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            let _ = sys::unlinkat(&self.folder, part, AtFlags::empty());
        }
    }
}

fn mode(access: Access) -> Mode {
    Mode::from_raw_mode(match access {
        Access::Private => 0o600,
        Access::Public => 0o644,
    })
}

fn exists(folder: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match sys::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A file without a name, if it can be given one later: that goes through `/proc`.
fn unnamed(folder: &OwnedFd, access: Access) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(sys::openat(folder, ".", flags, mode(access)).ok()?);
    let seen = std::fs::metadata(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    seen.is_file().then_some(file)
}

/// A file with a name that no one uses.
fn named(folder: &OwnedFd, name: &OsStr, access: Access) -> io::Result<(File, OsString)> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    for number in 0..100 {
        let mut part = OsString::from(".part-");
        part.push(format!("{}-{number}-", std::process::id()));
        part.push(name);
        match sys::openat(folder, &part, flags, mode(access)) {
            Ok(file) => return Ok((file.into(), part)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Renames to a name that is not taken. Where the file system can't promise that (exFAT), the
/// name is looked at before.
fn rename_new(folder: &OwnedFd, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match sys::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if exists(folder, to)? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Ok(sys::renameat(folder, from, folder, to)?)
        }
        done => Ok(done?),
    }
}

/// Whether both are one and the same plain file.
pub fn is_same_file(one: impl AsFd, other: impl AsFd) -> io::Result<bool> {
    let (one, other) = (sys::fstat(one)?, sys::fstat(other)?);
    let plain = sys::FileType::from_raw_mode(one.st_mode).is_file();
    Ok(plain && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// As where there is no `O_TMPFILE`.
    fn with_a_part(path: &Path) -> NewFile {
        let mut new = NewFile::create(path, Access::Public).expect("created");
        let name = path.file_name().expect("a name");
        let (file, part) = named(&new.folder, name, Access::Public).expect("created");
        (new.file, new.part) = (file, Some(part));
        new
    }

    fn without(path: &Path) -> NewFile {
        NewFile::create(path, Access::Public).expect("created")
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).expect("it can be listed");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    }

    #[test]
    fn the_file_appears_only_when_it_is_published() {
        for begin in [with_a_part, without] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("out");
            let mut new = begin(&path);
            new.write_all(b"all of it").expect("written");
            assert!(!path.exists());
            new.publish().expect("published");
            assert_eq!(fs::read(&path).expect("it is there"), b"all of it");
            assert_eq!(names(folder.path()), ["out"]);
        }
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        for begin in [with_a_part, without] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut new = begin(&folder.path().join("out"));
            new.write_all(b"a part").expect("written");
            drop(new);
            assert!(names(folder.path()).is_empty());
        }
    }

    #[test]
    fn nothing_that_exists_is_replaced() {
        for begin in [with_a_part, without] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("out");
            let mut new = begin(&path);
            new.write_all(b"new").expect("written");
            // Taken while it was being written.
            fs::write(&path, b"old").expect("written");
            let refused = new.publish().expect_err("refused").kind();
            assert_eq!(refused, io::ErrorKind::AlreadyExists);
            let refused = NewFile::create(&path, Access::Public)
                .err()
                .expect("refused");
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).expect("it is there"), b"old");
            assert_eq!(names(folder.path()), ["out"]);
            // A link that leads nowhere is there, too.
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("nowhere", &link).expect("linked");
            assert!(NewFile::create(&link, Access::Public).is_err());
        }
    }

    #[test]
    fn private_files_are_private_and_folders_are_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        let new = NewFile::create(&path, Access::Private).expect("created");
        new.publish().expect("published");
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        for wrong in ["", "..", "/", "missing/out"] {
            assert!(NewFile::create(&folder.path().join(wrong), Access::Public).is_err());
        }
    }

    #[test]
    #[ignore = "started by the test below in a process of its own"]
    fn helper_waits_for_a_signal() {
        let folder = std::env::var_os("TEST_FOLDER").expect("set by the test");
        let mut new = with_a_part(&Path::new(&folder).join("out"));
        new.write_all(b"a part").expect("written");
        new.remove_at_signals().expect("set up");
        println!("\nready");
        io::stdin()
            .read_line(&mut String::new())
            .expect("nothing comes");
        println!("\nnot reached");
    }

    #[test]
    fn a_signal_removes_a_file_that_has_a_name_and_ends_the_program() {
        use std::os::unix::process::ExitStatusExt;
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut child = std::process::Command::new(std::env::current_exe().expect("known"))
                .args([
                    "--exact",
                    "edge::new_file::tests::helper_waits_for_a_signal",
                ])
                .args(["--ignored", "--nocapture", "--test-threads=1"])
                .env("TEST_FOLDER", folder.path())
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("starts");
            // Both stay open until the end: it must end by the signal and by nothing else.
            let _input = child.stdin.take();
            let output = io::BufReader::new(child.stdout.take().expect("piped"));
            let mut lines = io::BufRead::lines(output).map_while(Result::ok);
            let ready = lines.any(|line| line == "ready");
            assert!(ready);
            assert_eq!(names(folder.path()).len(), 1, "it has a name");
            let number = rustix::process::Signal::from_named_raw(signal).expect("a signal");
            rustix::process::kill_process(rustix::process::Pid::from_child(&child), number)
                .expect("it runs");
            let status = child.wait().expect("it ends");
            assert_eq!(status.signal(), Some(signal));
            assert!(names(folder.path()).is_empty());
        }
    }
}
