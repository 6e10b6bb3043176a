//! The interface to the sticks. Paths are relative to a medium's root, parts joined by `/`.

use std::fmt;

use super::block::{MountError, Sticks};
use crate::error::{Exit, Explain};
use crate::preflight::MediumFact;
use crate::role::Role;

/// The largest file that is read from a medium, in bytes.
pub const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The most files that a folder of a medium may hold.
pub const MAX_FILES: usize = 20_000;

/// A file that is being written has this before its name, until it was read back.
pub const PART: &str = ".part-";

/// Whether a path is that of a file whose writing was cut short.
pub fn is_part(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(PART)
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device or something else that does not belong here.
    Other,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Mode 0600: its owner alone.
    Private,
    /// Mode 0644: everybody.
    Public,
}

/// The sticks. What is written is read back, after sync and with caches dropped where the
/// system lets us, before a call returns; nothing is overwritten.
pub trait Media {
    /// The roles for which there is a medium.
    fn roles(&self) -> Vec<Role>;

    /// What preflight wants to know of a medium. Never fails: what is wrong is in the fact.
    fn look(&mut self, role: Role) -> MediumFact;

    /// Puts another device in a role, as an exception decided.
    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError>;

    /// Everything below `folder`, paths relative to it, in order; empty if it does not exist.
    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError>;

    /// Reads a whole file.
    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError>;

    /// Writes a new file. A file that already has exactly these bytes is left as it is; one
    /// with others is [`MediaFault::Exists`].
    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), MediaError>;

    /// Makes a file hold `whole`, which must begin with what it holds now
    /// ([`MediaFault::Differs`] otherwise). Creates it if need be.
    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError>;

    /// Cuts a file down to its first `length` bytes. For what an interrupted write left behind.
    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError>;

    /// Gives a file or folder another name that is not taken.
    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError>;

    /// Removes a file whose bytes were kept elsewhere.
    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError>;

    /// Writes out everything and forgets what is cached, as if the stick had been pulled and
    /// put back.
    fn remount(&mut self, role: Role) -> Result<(), MediaError>;

    /// The ceremony goes on to its end without this medium, which failed.
    fn give_up(&mut self, _role: Role) {}

    /// The sticks, where the media are sticks: people then choose them at the terminal, and no
    /// path names them.
    fn sticks(&mut self) -> Option<&mut Sticks> {
        None
    }
}

/// A medium that did not do what it was asked.
#[derive(Debug)]
pub struct MediaError {
    /// Which medium.
    pub role: Role,
    /// Which file on it.
    pub path: String,
    /// What happened.
    pub fault: MediaFault,
}

/// What can go wrong with a medium.
#[derive(Debug)]
pub enum MediaFault {
    /// No medium has this role.
    Absent,
    /// The stick was taken out where nothing was lost by it; the text says which one it is.
    NotPlugged(String),
    /// The stick was pulled out while it was in use.
    Pulled,
    /// The stick could not be mounted.
    Mount(MountError),
    /// The file exists, with other contents.
    Exists,
    /// The file does not begin with what it should.
    Differs,
    /// What was read back is not what was written.
    ReadBack,
    /// The file is not there.
    NotFound,
    /// It is a link, a device or something else.
    NotAFile,
    /// It is larger than [`MAX_FILE`], or the folder has more than [`MAX_FILES`] files.
    TooLarge,
    /// The system refused, with the system's own reason.
    System(std::io::Error),
    /// The machine stopped: nothing can be read or written any more.
    Gone,
}

impl MediaError {
    /// Whether trying again, perhaps with another device, can help.
    pub fn can_be_resolved(&self) -> bool {
        !matches!(self.fault, MediaFault::Gone)
    }
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MediaError { role, path, fault } = self;
        match fault {
            MediaFault::Absent => write!(f, "there is no medium {role}"),
            MediaFault::NotPlugged(stick) => write!(f, "{role} ({stick}) is not plugged in"),
            MediaFault::Pulled => write!(f, "{role}: the stick was pulled out while it was in use"),
            MediaFault::Mount(error) => write!(f, "{role} cannot be used: {error}"),
            MediaFault::Exists => write!(f, "{role}: {path} exists already, with other contents"),
            MediaFault::Differs => write!(f, "{role}: {path} is not what was written there before"),
            MediaFault::ReadBack => {
                write!(f, "{role}: {path} does not read back as it was written")
            }
            MediaFault::NotFound => write!(f, "{role}: there is no {path}"),
            MediaFault::NotAFile => write!(f, "{role}: {path} is not a plain file"),
            MediaFault::TooLarge => write!(f, "{role}: {path} is too large"),
            MediaFault::System(_) => write!(f, "{role}: {path} cannot be read or written"),
            MediaFault::Gone => write!(f, "{role}: the machine stopped"),
        }
    }
}

impl std::error::Error for MediaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            MediaFault::System(error) => Some(error),
            MediaFault::Mount(error) => error.source(),
            _ => None,
        }
    }
}

impl Explain for MediaError {
    fn remedy(&self) -> String {
        let role = self.role;
        match &self.fault {
            MediaFault::Absent => {
                format!("Name it: --medium {role}=PATH, or [media] in the site file.")
            }
            MediaFault::NotPlugged(_) => format!("Plug {role} in."),
            MediaFault::Pulled => {
                "Plug the same stick in again, wait for five seconds, then try again. If it was \
                 lost or is broken, replace it."
                    .to_string()
            }
            MediaFault::Mount(error) => error.remedy(),
            MediaFault::Exists => {
                format!("Nothing was overwritten. Use an empty medium as {role}.")
            }
            MediaFault::Differs | MediaFault::ReadBack => {
                format!("Do not trust this device. Replace {role} with another one.")
            }
            MediaFault::NotFound => format!("See that the right medium is inserted as {role}."),
            MediaFault::NotAFile | MediaFault::TooLarge => {
                format!("This was not written by a ceremony. Look at {role} on another machine.")
            }
            MediaFault::System(error) => system_remedy(role, error),
            MediaFault::Gone => "Start the machine again and use `ceremony resume`.".to_string(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Device
    }
}

fn system_remedy(role: Role, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("{role} is full. Replace it with a larger one.")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            format!("{role} cannot be written. Open its write lock, or replace it.")
        }
        _ => format!("See that {role} is inserted; if it is, replace it."),
    }
}

#[cfg(test)]
mod tests {
    use super::is_part;

    #[test]
    fn a_part_is_told_by_the_beginning_of_its_own_name() {
        for part in [".part-AC.asc", "ABANDONED-1-x/.part-AC.asc", "a/b/.part-"] {
            assert!(is_part(part), "{part}");
        }
        for whole in ["", "AC.asc", "a.part-x", ".part-x/AC.asc", ".part"] {
            assert!(!is_part(whole), "{whole}");
        }
    }
}
