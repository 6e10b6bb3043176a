//! The message that is to be opened, and the file that its content goes to: all that a ceremony
//! touches beside the media. Only a plan that opens a message is given them.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::Advice;
use sha2::{Digest as _, Sha256};

use super::media::Access;
use super::new_file::NewFile;
use crate::digest::Digest;
use crate::error::{Exit, Explain};

/// How much is read at a time, in bytes.
const PIECE: usize = 256 << 10;

/// The size of a file, and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// How many there are.
    pub bytes: u64,
}

impl Measure {
    /// Reads to the end. `progress` is told how much was read.
    pub fn of(source: &mut dyn Read, progress: &mut dyn FnMut(u64)) -> io::Result<Measure> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        // What was read may be the content of the message.
        let mut piece = zeroize::Zeroizing::new(vec![0; PIECE]);
        loop {
            let size = match source.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                size => size?,
            };
            if size == 0 {
                return Ok(Measure {
                    sha256: Digest::from_bytes(hash.finalize().into()),
                    bytes,
                });
            }
            hash.update(&piece[..size]);
            bytes += size as u64;
            progress(bytes);
        }
    }
}

/// A file that is read.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// A new file that has no name yet. If it is dropped without one, nothing is left of it.
pub trait Target: Write + Send {
    /// Writes it out, gives it its name, which must not be taken, and reads it back.
    fn publish(self: Box<Self>, expected: &Measure) -> Result<(), VesselError>;
}

/// See the module.
pub trait Vessel {
    /// The message's file, as people know it.
    fn message_name(&self) -> String;

    /// The file that the content goes to, as people know it.
    fn target_name(&self) -> String;

    /// The message from its beginning.
    fn message(&mut self) -> Result<Box<dyn Source>, VesselError>;

    /// What already stands where the content is to go.
    fn standing(&mut self) -> Result<Option<Box<dyn Source>>, VesselError>;

    /// A new file for the content.
    fn target(&mut self) -> Result<Box<dyn Target>, VesselError>;
}

/// Real files.
pub struct Files {
    message: PathBuf,
    target: PathBuf,
}

impl Files {
    /// A message in one file, its content to go to another, which does not exist yet.
    pub fn new(message: PathBuf, target: PathBuf) -> Files {
        Files { message, target }
    }
}

impl Vessel for Files {
    fn message_name(&self) -> String {
        shown(&self.message)
    }

    fn target_name(&self) -> String {
        shown(&self.target)
    }

    fn message(&mut self) -> Result<Box<dyn Source>, VesselError> {
        let name = self.message_name();
        match open(&self.message) {
            Ok(Some(file)) => Ok(Box::new(file)),
            Ok(None) => Err(VesselError::NotAFile(name)),
            Err(error) => Err(VesselError::Read(name, error)),
        }
    }

    fn standing(&mut self) -> Result<Option<Box<dyn Source>>, VesselError> {
        // A link that leads nowhere takes the name as well.
        match fs::symlink_metadata(&self.target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(VesselError::Write(self.target_name(), error)),
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Err(VesselError::Exists(self.target_name())),
        }
        match open(&self.target) {
            Ok(Some(file)) => Ok(Some(Box::new(file))),
            Ok(None) => Err(VesselError::Exists(self.target_name())),
            Err(error) => Err(VesselError::Read(self.target_name(), error)),
        }
    }

    fn target(&mut self) -> Result<Box<dyn Target>, VesselError> {
        let begin = || {
            remove_parts(&self.target)?;
            NewFile::create(&self.target, Access::Private)
        };
        let file = begin().map_err(|error| refused(self.target_name(), error))?;
        Ok(Box::new(NewContent {
            file,
            path: self.target.clone(),
        }))
    }
}

/// Where a file cannot be without a name, power that failed leaves a part of the content under
/// another one. It was never verified, and goes.
fn remove_parts(target: &Path) -> io::Result<()> {
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else {
        return Ok(());
    };
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_part = entry
            .file_name()
            .to_str()
            .is_some_and(|n| is_part_of(n, name));
        if is_part && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a file of this name was to become `name`: see [`NewFile`].
fn is_part_of(part: &str, name: &str) -> bool {
    let numbers = part
        .strip_prefix(".part-")
        .and_then(|rest| rest.strip_suffix(name))
        .and_then(|rest| rest.strip_suffix('-'))
        .and_then(|rest| rest.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(process, count)| is_number(process) && is_number(count))
}

struct NewContent {
    file: NewFile,
    path: PathBuf,
}

impl Write for NewContent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target for NewContent {
    fn publish(self: Box<Self>, expected: &Measure) -> Result<(), VesselError> {
        let name = shown(&self.path);
        let NewContent { file, path } = *self;
        file.publish()
            .map_err(|error| refused(name.clone(), error))?;
        let read = open(&path).and_then(|file| match file {
            Some(mut file) => Measure::of(&mut file, &mut |_| {}).map(Some),
            None => Ok(None),
        });
        match read {
            Ok(Some(found)) if found == *expected => Ok(()),
            Ok(_) => {
                // It is ours, and not what was opened: nobody shall take it for that.
                let _ = fs::remove_file(&path);
                Err(VesselError::ReadBack(name))
            }
            Err(error) => Err(VesselError::Read(name, error)),
        }
    }
}

fn refused(name: String, error: io::Error) -> VesselError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => VesselError::Exists(name),
        _ => VesselError::Write(name, error),
    }
}

/// Opens a plain file to be read from the medium; `None` if it is something else.
fn open(path: &Path) -> io::Result<Option<File>> {
    // Looked at first: opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    // Where the system can forget its copy, what is read comes from the medium.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    Ok(Some(file))
}

/// A path for the screen and the record: it may hold anything, and must not move the cursor.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// Why the message or its content could not be read or written. The names are for people.
#[derive(Debug)]
pub enum VesselError {
    /// A file could not be read.
    Read(String, io::Error),
    /// A file could not be written.
    Write(String, io::Error),
    /// It is a folder, a pipe or something else.
    NotAFile(String),
    /// The name for the content is taken.
    Exists(String),
    /// The content does not read back as it was written.
    ReadBack(String),
}

impl fmt::Display for VesselError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VesselError::Read(name, _) => write!(f, "{name} cannot be read"),
            VesselError::Write(name, _) => write!(f, "{name} cannot be written"),
            VesselError::NotAFile(name) => write!(f, "{name} is not a plain file"),
            VesselError::Exists(name) => write!(f, "{name} exists already, with other contents"),
            VesselError::ReadBack(name) => {
                write!(
                    f,
                    "{name} did not read back as it was written, and was removed"
                )
            }
        }
    }
}

impl std::error::Error for VesselError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            VesselError::Read(_, error) | VesselError::Write(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for VesselError {
    fn remedy(&self) -> String {
        match self {
            VesselError::Read(..) => "See that its medium is inserted and the file is there.",
            VesselError::Write(_, error) if is_full(error) => {
                "Its medium is full. Make room there, or put a larger one in its place."
            }
            VesselError::Write(..) => "See that its folder exists and can be written.",
            VesselError::NotAFile(_) => "Copy the message into a file, and name that.",
            VesselError::Exists(_) => {
                "Nothing was overwritten. Move that file away, or begin anew with another name."
            }
            VesselError::ReadBack(_) => "Do not trust its medium. Take another one.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            VesselError::NotAFile(_) | VesselError::Exists(_) => Exit::Usage,
            _ => Exit::Device,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn content() -> Measure {
        Measure::of(&mut &b"content"[..], &mut |_| {}).expect("memory can be read")
    }

    /// Every name in a folder, in order.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    fn files(folder: &tempfile::TempDir) -> Files {
        let message = folder.path().join("message");
        fs::write(&message, b"message").expect("the folder can be written");
        Files::new(message, folder.path().join("out"))
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn what_is_no_plain_file_is_neither_read_nor_replaced() {
        let folder = folder();
        for odd in ["folder", "pipe", "link to nowhere", "link to a folder"] {
            let path = folder.path().join(odd);
            match odd {
                "folder" => fs::create_dir(&path).expect("a new folder"),
                "pipe" => rustix::fs::mkfifoat(
                    rustix::fs::CWD,
                    &path,
                    rustix::fs::Mode::from_raw_mode(0o600),
                )
                .expect("a new pipe"),
                "link to nowhere" => symlink("nowhere", &path).expect("a new link"),
                _ => symlink("folder", &path).expect("a new link"),
            }
            let mut odd_files = Files::new(path.clone(), path);
            assert!(odd_files.message().is_err(), "{odd}");
            let standing = odd_files.standing();
            assert!(matches!(standing, Err(VesselError::Exists(_))), "{odd}");
            let target = odd_files.target();
            assert!(matches!(target, Err(VesselError::Exists(_))), "{odd}");
        }
        let missing = folder.path().join("missing");
        let mut missing = Files::new(missing.clone(), missing.join("out"));
        assert!(matches!(missing.message(), Err(VesselError::Read(..))));
        assert!(matches!(missing.target(), Err(VesselError::Write(..))));
    }

    #[test]
    fn the_content_appears_only_when_it_is_published_and_is_its_owners_alone() {
        let folder = folder();
        let mut files = files(&folder);
        let mut target = files.target().expect("nothing is there");
        target.write_all(b"con").expect("there is space");
        drop(target);
        assert_eq!(names(folder.path()), ["message"]);
        let mut target = files.target().expect("nothing is there");
        target.write_all(b"content").expect("there is space");
        assert!(files.standing().expect("it can be seen").is_none());
        target.publish(&content()).expect("it is what was written");
        assert_eq!(names(folder.path()), ["message", "out"]);
        let out = folder.path().join("out");
        let mode = fs::metadata(&out)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut standing = files.standing().expect("it can be seen").expect("a file");
        let found = Measure::of(&mut standing, &mut |_| {}).expect("it can be read");
        assert_eq!(found, content());
        assert!(matches!(files.target(), Err(VesselError::Exists(_))));
    }

    #[test]
    fn content_that_reads_back_wrong_does_not_stay() {
        let folder = folder();
        let mut target = files(&folder).target().expect("nothing is there");
        target.write_all(b"contents").expect("there is space");
        let published = target.publish(&content());
        assert!(matches!(published, Err(VesselError::ReadBack(_))));
        assert_eq!(names(folder.path()), ["message"]);
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_not_taken_over() {
        let folder = folder();
        let mut target = files(&folder).target().expect("nothing is there");
        target.write_all(b"content").expect("there is space");
        fs::write(folder.path().join("out"), b"old").expect("the folder can be written");
        let published = target.publish(&content());
        assert!(matches!(published, Err(VesselError::Exists(_))));
        assert_eq!(
            fs::read(folder.path().join("out")).expect("it is there"),
            b"old"
        );
    }

    #[test]
    fn what_a_failed_power_left_of_the_content_goes_and_nothing_else() {
        let folder = folder();
        let mut files = files(&folder);
        let kept = [
            ".part-1-out",
            ".part-1-2-outer",
            ".part-a-2-out",
            ".part-message",
            "part-1-2-out",
        ];
        for name in kept.iter().chain(&[".part-1-2-out", ".part-4711-0-out"]) {
            fs::write(folder.path().join(name), b"x").expect("the folder can be written");
        }
        drop(files.target().expect("nothing is there"));
        let mut expected: Vec<&str> = kept.to_vec();
        expected.push("message");
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn a_name_never_moves_the_cursor() {
        assert_eq!(shown(Path::new("a\u{1b}[2J\nb\u{9b}c")), "a?[2J?b?c");
    }
}
