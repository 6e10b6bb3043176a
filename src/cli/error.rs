//! What can be wrong with a command's arguments and files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Exit, Explain};

/// See the module.
#[derive(Debug)]
pub enum CliError {
    /// Neither a plan that the program carries nor a file.
    NoSuchPlan(String),
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file or folder cannot be written.
    Write(PathBuf, io::Error),
    /// An output exists already.
    Exists(PathBuf),
    /// `--medium` wants `ROLE=PATH`.
    Medium(String),
    /// A role was given twice.
    MediumTwice(String),
    /// The plan opens a message, which only `ceremony open` brings.
    NeedsMessage,
    /// The plan has no shares, so there is no card for any.
    NoShares,
    /// Not the folder of a record.
    NotARecord(PathBuf),
    /// `--auto` plays all persons, which only a rehearsal may.
    AutoCeremony,
    /// `--auto` has nobody who could touch a token.
    AutoTokens,
    /// Not a fingerprint or hash.
    NotHex(String),
    /// The start menu needs a terminal.
    NoTerminal,
}

impl CliError {
    /// A new file or folder was not made.
    pub(super) fn not_made(path: &Path, error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => CliError::Exists(path.to_path_buf()),
            _ => CliError::Write(path.to_path_buf(), error),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::NoSuchPlan(name) => write!(f, "there is no plan {name}, and no such file"),
            CliError::Read(path, _) => write!(f, "{} cannot be read", path.display()),
            CliError::Write(path, _) => write!(f, "{} cannot be written", path.display()),
            CliError::Exists(path) => write!(f, "{} exists already", path.display()),
            CliError::Medium(text) => write!(f, "{text:?} does not say which medium is where"),
            CliError::MediumTwice(role) => write!(f, "the medium {role} is named twice"),
            CliError::NeedsMessage => f.write_str("this plan opens a message, and none was named"),
            CliError::NoShares => f.write_str("this plan has no shares, so it needs no cards"),
            CliError::NotARecord(path) => {
                write!(f, "{} is not the folder of a record", path.display())
            }
            CliError::AutoCeremony => f.write_str("only a rehearsal can play by itself"),
            CliError::AutoTokens => {
                f.write_str("this plan needs YubiKeys, and the program has none to play with")
            }
            CliError::NotHex(text) => write!(f, "{text:?} is not a fingerprint or hash"),
            CliError::NoTerminal => f.write_str("the start menu needs a terminal"),
        }
    }
}

impl std::error::Error for CliError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CliError::Read(_, error) | CliError::Write(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for CliError {
    fn remedy(&self) -> String {
        match self {
            CliError::NoSuchPlan(_) => "`ceremony plans` lists what there is.",
            CliError::Read(..) => "See that the path is right and the file may be read.",
            CliError::Write(..) => "See that the folder exists and may be written.",
            CliError::Exists(_) => "Nothing is overwritten: choose another name.",
            CliError::Medium(_) => {
                "Write it as ROLE=PATH, for example --medium operator-a=/media/a."
            }
            CliError::MediumTwice(_) => "Name each medium once.",
            CliError::NeedsMessage => {
                "Use `ceremony open FILE -o OUT`; to go on after an interruption, \
                 `ceremony open FILE -o OUT --resume RECORD`."
            }
            CliError::NoShares => {
                "Name another plan, or none: then the card fits any custodian."
            }
            CliError::NotARecord(_) => {
                "Name the folder `record` of a ceremony, or the folder that holds it."
            }
            CliError::AutoCeremony => "Leave out --auto: two people must be there.",
            CliError::AutoTokens => {
                "Leave out --auto, and rehearse with spare YubiKeys: a rehearsal makes keys in them."
            }
            CliError::NotHex(_) => "Copy it in full: 40 or 64 hex digits.",
            CliError::NoTerminal => "Name a command; `ceremony --help` lists them.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            CliError::Read(..) | CliError::Write(..) => Exit::Failed,
            _ => Exit::Usage,
        }
    }
}
