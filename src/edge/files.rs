//! Files that the commands read and write beside the media.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest input file that is read, in bytes.
pub const MAX_INPUT: u64 = 16 * 1024 * 1024;

/// Reads a whole file, if it is not too large.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_INPUT + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 16 MiB",
        ));
    }
    Ok(bytes)
}

/// Reads a whole text file.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a text in UTF-8"))
}

/// The path without links and dots; it must exist.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// Makes a folder that must not exist yet.
pub fn new_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Writes a file that must not exist yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The same, making the folders above it.
pub fn write_below(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write_new(path, bytes)
}

/// Whether there is a file at `path`.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether there is a folder at `path`.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether a person can type.
pub fn at_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Where an automatic rehearsal can be watched.
pub fn screen() -> Box<dyn Write> {
    Box::new(io::stdout())
}

/// Standard output, for what a command prints.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What lies in a folder that is read as a record: plain files with their bytes.
pub struct Folder {
    /// Path and contents.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links, devices, files that are too large or too many: none may be in a record.
    pub odd: Vec<String>,
}

/// The most files that are read from a folder.
const MAX_FILES: usize = 20_000;

/// Reads a folder and all below it, following no links.
pub fn read_folder(root: &Path) -> io::Result<Folder> {
    let mut folder = Folder {
        files: BTreeMap::new(),
        odd: Vec::new(),
    };
    descend(root, "", &mut folder)?;
    Ok(folder)
}

fn descend(at: &Path, prefix: &str, folder: &mut Folder) -> io::Result<()> {
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if folder.files.len() + folder.odd.len() >= MAX_FILES {
            folder.odd.push(path);
            return Ok(());
        }
        if kind.is_dir() {
            descend(&entry.path(), &format!("{path}/"), folder)?;
        } else if kind.is_file() && entry.file_name().to_str().is_some() {
            match read(&entry.path()) {
                Ok(bytes) => drop(folder.files.insert(path, bytes)),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => folder.odd.push(path),
                Err(error) => return Err(error),
            }
        } else {
            folder.odd.push(path);
        }
    }
    Ok(())
}

/// Whether anything has this name, be it a link that leads nowhere.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The folders in a folder, by name.
pub fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path)?.flatten().take(MAX_FILES);
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// The plain files beside a record's folder, and in `revocation/`, by relative path.
pub fn beside(record: &Path) -> Vec<String> {
    let Some(folder) = record.parent() else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for prefix in ["", "revocation/"] {
        let Ok(entries) = fs::read_dir(folder.join(prefix)) else {
            continue;
        };
        for entry in entries.flatten().take(MAX_FILES) {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                names.push(format!("{prefix}{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    names
}
