//! The interface to whoever may mount.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::FileSystem;
use crate::error::{Exit, Explain};
use crate::role::Role;

/// A stick that was mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub at: PathBuf,
    /// With which file system.
    pub kind: FileSystem,
    /// It can only be read.
    pub read_only: bool,
}

/// Mounts, unmounts and formats sticks. Every call is bounded in time.
pub trait Mounts {
    /// Mounts a device (`sdb`, or `sdb1`) in a role's place.
    fn mount(&mut self, device: &str, role: Role) -> Result<Mounted, MountError>;

    /// Writes everything out and unmounts what is in a role's place.
    fn unmount(&mut self, role: Role) -> Result<(), MountError>;

    /// Makes an empty file system on a whole disk. What was on it is gone.
    fn format(&mut self, disk: &str) -> Result<(), MountError>;
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $cause:literal, $remedy:literal;)*) => {
        /// Why the helper did not do it. It decides from this list alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// All of them.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name,)*];

            /// As it stands in an answer.
            pub fn word(self) -> &'static str {
                match self { $(Refusal::$name => $word,)* }
            }

            fn cause(self) -> &'static str {
                match self { $(Refusal::$name => $cause,)* }
            }

            fn remedy(self) -> &'static str {
                match self { $(Refusal::$name => $remedy,)* }
            }
        }
    };
}

refusals! {
    /// Not one of the requests.
    BadRequest = "bad-request", "the request is not understood",
        "This is an error in the program. Keep the media and report it.";
    /// No such device.
    NotThere = "not-there", "the stick is not there",
        "Plug it in, wait for five seconds, then try again.";
    /// Not removable, or not behind USB.
    Fixed = "fixed-disk", "it is a fixed disk", "Only sticks can be media. Take a stick.";
    /// Another part than the first.
    NotFirst = "not-the-first", "it is not the first partition of its stick",
        "Take a stick with one partition, or have it formatted.";
    /// The live image is on it.
    BootMedium = "boot-medium", "the live image is on it: it is a boot stick",
        "Take another stick. A boot stick is never written to.";
    /// It is mounted, or the role's place is taken.
    InUse = "in-use", "it is in use already", "Take another stick for this role.";
    /// Nothing that is mounted.
    NoFileSystem = "no-file-system", "there is no file system on it that can be used",
        "Have it formatted, or take another one.";
    /// Nothing is mounted there.
    NotMounted = "not-mounted", "it is not mounted", "Try again.";
    /// Its write lock is closed.
    ReadOnly = "read-only", "it cannot be written", "Open its write lock, or take another one.";
    /// No such keyboard layout.
    NoLayout = "no-layout", "there is no such keyboard layout",
        "Type one of the names in the list.";
    /// No time of a ceremony.
    OutOfRange = "out-of-range", "that time is not possible",
        "Read the time from a watch, in UTC, and type it again.";
    /// It took too long.
    TooSlow = "too-slow", "it did not answer in time",
        "Pull it out, wait for five seconds, and plug it in again; or take another one.";
}

impl Refusal {
    /// The refusal that a word names.
    pub fn from_word(word: &str) -> Option<Refusal> {
        let mut all = Refusal::ALL.iter().copied();
        all.find(|refusal| refusal.word() == word)
    }
}

/// Why a stick was not mounted, unmounted or formatted.
#[derive(Debug)]
pub enum MountError {
    /// The helper refused.
    Refused(Refusal),
    /// The system refused, with its own reason.
    System(io::Error),
    /// The helper cannot be reached or does not answer.
    Helper(io::Error),
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MountError::Refused(refusal) => refusal.cause(),
            MountError::System(_) => "the system did not take it",
            MountError::Helper(_) => "the helper for sticks does not answer",
        })
    }
}

impl std::error::Error for MountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MountError::Refused(_) => None,
            MountError::System(error) | MountError::Helper(error) => Some(error),
        }
    }
}

impl Explain for MountError {
    fn remedy(&self) -> String {
        match self {
            MountError::Refused(refusal) => refusal.remedy(),
            MountError::System(_) => {
                "Pull the stick out and plug it in again. If it happens again, take another one."
            }
            MountError::Helper(_) => {
                "Sticks are mounted by a helper that the live image starts. Start the machine \
                 again, and use `ceremony resume` if the ceremony had begun. On other systems \
                 mount the sticks yourself and name them with --medium."
            }
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        Exit::Device
    }
}
