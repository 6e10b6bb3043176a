//! Media that are folders: for rehearsals, tests, and any distribution that mounts the sticks.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, OFlags, RenameFlags};

use super::media::{Access, Kind, MAX_FILE, MAX_FILES, Media, MediaError, MediaFault, PART};
use crate::preflight::MediumFact;
use crate::role::Role;

/// ext4 has this at its top, for root alone.
const LOST_AND_FOUND: &str = "lost+found";

/// See the module.
pub struct Directories {
    roots: BTreeMap<Role, PathBuf>,
}

impl Directories {
    /// Each role's folder. It must exist when it is used.
    pub fn new(roots: BTreeMap<Role, PathBuf>) -> Directories {
        Directories { roots }
    }

    fn root(&self, role: Role) -> Result<&Path, MediaError> {
        let absent = || MediaError {
            role,
            path: String::new(),
            fault: MediaFault::Absent,
        };
        self.roots
            .get(&role)
            .map(PathBuf::as_path)
            .ok_or_else(absent)
    }

    fn at(&self, role: Role, path: &str) -> Result<PathBuf, MediaError> {
        Ok(self.root(role)?.join(path))
    }
}

/// Gives an error of the system its medium and file.
fn named<T>(role: Role, path: &str, result: Result<T, MediaFault>) -> Result<T, MediaError> {
    result.map_err(|fault| MediaError {
        role,
        path: path.to_string(),
        fault,
    })
}

impl From<io::Error> for MediaFault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            MediaFault::NotFound
        } else {
            MediaFault::System(error)
        }
    }
}

impl From<rustix::io::Errno> for MediaFault {
    fn from(error: rustix::io::Errno) -> Self {
        MediaFault::from(io::Error::from(error))
    }
}

impl Media for Directories {
    fn roles(&self) -> Vec<Role> {
        self.roots.keys().copied().collect()
    }

    fn look(&mut self, role: Role) -> MediumFact {
        match self
            .root(role)
            .map_err(|e| e.to_string())
            .and_then(|root| look(role, root))
        {
            Ok(fact) => fact,
            Err(problem) => MediumFact::absent(role.name(), problem),
        }
    }

    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError> {
        let place = PathBuf::from(location);
        let taken =
            |other: &PathBuf| identity(other).is_some_and(|id| Some(id) == identity(&place));
        let fault = if !place.is_dir() {
            MediaFault::NotFound
        } else if self.roots.iter().any(|(r, root)| *r != role && taken(root)) {
            MediaFault::Exists
        } else {
            self.roots.insert(role, place);
            return Ok(());
        };
        Err(MediaError {
            role,
            path: location.to_string(),
            fault,
        })
    }

    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError> {
        let root = self.root(role)?;
        if !root.is_dir() {
            let fault = MediaFault::NotFound;
            return Err(MediaError {
                role,
                path: folder.to_string(),
                fault,
            });
        }
        let mut found = Vec::new();
        let own = folder.is_empty().then_some(LOST_AND_FOUND);
        named(role, folder, walk(&root.join(folder), "", own, &mut found))?;
        found.sort();
        Ok(found)
    }

    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError> {
        let full = self.at(role, path)?;
        named(role, path, read(&full))
    }

    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), MediaError> {
        let root = self.root(role)?.to_path_buf();
        named(role, path, create(&root, path, bytes, access))
    }

    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError> {
        let full = self.at(role, path)?;
        match read(&full) {
            Err(MediaFault::NotFound) => self.create(role, path, whole, Access::Public),
            Err(fault) => named(role, path, Err(fault)),
            Ok(held) if whole == held => Ok(()),
            Ok(held) if whole.starts_with(&held) => {
                named(role, path, append(&full, held.len(), whole))
            }
            Ok(_) => named(role, path, Err(MediaFault::Differs)),
        }
    }

    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError> {
        let full = self.at(role, path)?;
        let cut = || -> Result<(), MediaFault> {
            let file = open_plain(OpenOptions::new().write(true), &full)?;
            file.set_len(length as u64)?;
            Ok(file.sync_all()?)
        };
        named(role, path, cut())
    }

    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError> {
        let (source, target) = (self.at(role, from)?, self.at(role, to)?);
        named(role, from, rename_new(&source, &target))
    }

    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        let full = self.at(role, path)?;
        let remove = || -> Result<(), MediaFault> {
            fs::remove_file(&full)?;
            sync_folder(&full)
        };
        named(role, path, remove())
    }

    /// A folder cannot be unmounted: its file system is written out, and every later read drops
    /// what is cached of its file.
    fn remount(&mut self, role: Role) -> Result<(), MediaError> {
        let sync = |root: &Path| -> Result<(), MediaFault> {
            let folder = File::open(root)?;
            Ok(rustix::fs::syncfs(&folder)?)
        };
        let root = self.root(role)?;
        named(role, "", sync(root))
    }
}

fn identity(root: &Path) -> Option<(u64, u64)> {
    fs::metadata(root).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn look(role: Role, root: &Path) -> Result<MediumFact, String> {
    let explain = |error: io::Error| format!("{}: {error}", root.display());
    let meta = fs::metadata(root).map_err(explain)?;
    if !meta.is_dir() {
        return Err(format!("{} is not a folder", root.display()));
    }
    let space = rustix::fs::statvfs(root).map_err(|e| explain(e.into()))?;
    let problem = try_writing(root)
        .err()
        .map(|e| format!("{}: {e}", root.display()));
    Ok(MediumFact {
        role: role.to_string(),
        present: true,
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        identity: format!("folder {}:{}", meta.dev(), meta.ino()),
        writable: problem.is_none(),
        problem,
    })
}

/// Writes a small file and removes it.
fn try_writing(root: &Path) -> io::Result<()> {
    let probe = root.join(format!("{PART}probe-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)?;
    let written = file.write_all(&[0x5a; 4096]).and_then(|()| file.sync_all());
    fs::remove_file(&probe)?;
    written
}

/// Lists a folder and all below it; a folder of its own that the file system has in it is left out.
fn walk(
    folder: &Path,
    prefix: &str,
    own: Option<&str>,
    found: &mut Vec<(String, Kind)>,
) -> Result<(), MediaFault> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let Some(name) = entry.file_name().to_str().map(str::to_string) else {
            return Err(MediaFault::NotAFile);
        };
        if found.len() >= MAX_FILES {
            return Err(MediaFault::TooLarge);
        }
        if kind.is_dir() && own == Some(name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            found.push((path.clone(), Kind::Folder));
            walk(&entry.path(), &format!("{path}/"), None, found)?;
        } else if kind.is_file() {
            found.push((path, Kind::File));
        } else {
            found.push((path, Kind::Other));
        }
    }
    Ok(())
}

/// Opens a regular file; never follows a link at its end.
fn open_plain(options: &mut OpenOptions, path: &Path) -> Result<File, MediaFault> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let meta = fs::symlink_metadata(path)?;
    let kind = meta.file_type();
    if !kind.is_file() || kind.is_fifo() {
        return Err(MediaFault::NotAFile);
    }
    Ok(options.custom_flags(flags.bits() as i32).open(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, MediaFault> {
    let file = open_plain(OpenOptions::new().read(true), path)?;
    let length = file.metadata()?.len();
    if length > MAX_FILE {
        return Err(MediaFault::TooLarge);
    }
    // What is read comes from the medium where the system can forget its copy.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn create(root: &Path, path: &str, bytes: &[u8], access: Access) -> Result<(), MediaFault> {
    let full = root.join(path);
    match read(&full) {
        Ok(held) if held == bytes => return Ok(()),
        Ok(_) => return Err(MediaFault::Exists),
        Err(MediaFault::NotFound) => {}
        Err(fault) => return Err(fault),
    }
    let folder = full.parent().ok_or(MediaFault::NotFound)?;
    make_folders(root, folder)?;
    let name = full
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or(MediaFault::NotAFile)?;
    let part = folder.join(format!("{PART}{name}"));
    if fs::symlink_metadata(&part).is_ok() {
        // What an interrupted write left; it never had its name.
        fs::remove_file(&part)?;
    }
    let mode = match access {
        Access::Private => 0o600,
        Access::Public => 0o644,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written {
        // Space that a failed write took is given back; the error is what matters.
        let _ = fs::remove_file(&part);
        return Err(error.into());
    }
    if read(&part)? != bytes {
        return Err(MediaFault::ReadBack);
    }
    rename_new(&part, &full)
}

/// Makes the folders between `root`, which must exist, and `folder`.
fn make_folders(root: &Path, folder: &Path) -> Result<(), MediaFault> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|p| *p != root && !p.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        sync_folder(folder)?;
    }
    Ok(())
}

/// Renames to a name that is not taken. Where the file system has no such call (exFAT), the
/// name is looked at before.
///
/// FAT gives the new name an entry that says "empty, no cluster" and fills it in when the file
/// itself is written out (Linux, `vfat_rename`). Without that the power may fail after the folder
/// was written out, and the file has its name and no content.
fn rename_new(from: &Path, to: &Path) -> Result<(), MediaFault> {
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(MediaFault::Exists),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(MediaFault::Exists);
            }
            fs::rename(from, to)?;
        }
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits() as i32);
    options.open(to)?.sync_all()?;
    sync_folder(to)
}

/// Writes out the folder that holds `path`.
fn sync_folder(path: &Path) -> Result<(), MediaFault> {
    let folder = path.parent().ok_or(MediaFault::NotFound)?;
    Ok(File::open(folder)?.sync_all()?)
}

fn append(path: &Path, held: usize, whole: &[u8]) -> Result<(), MediaFault> {
    let mut file = open_plain(OpenOptions::new().write(true), path)?;
    file.seek(SeekFrom::Start(held as u64))?;
    file.write_all(&whole[held..])?;
    file.sync_all()?;
    drop(file);
    if read(path)? == whole {
        Ok(())
    } else {
        Err(MediaFault::ReadBack)
    }
}
