//! Why nothing was printed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::edge::gpg::ChildError;
use crate::error::{Exit, Explain};

/// See the module.
#[derive(Debug)]
pub enum PrinterError {
    /// There is nothing at that place.
    Missing(PathBuf),
    /// There is something else at that place.
    NotOne(PathBuf),
    /// It cannot be used.
    Open(PathBuf, io::Error),
    /// It takes none of the languages that the pages are there in; this is what it takes.
    Language(String),
    /// It took nothing for so many seconds.
    Stalled(u64),
    /// It took too little in so many seconds.
    Slow(u64),
    /// It took no more.
    Write(io::Error),
    /// Not a name that a queue can have.
    Queue(String),
    /// The program `lp` did not answer.
    Lp(ChildError),
    /// The program `lp` took nothing; this is what it said.
    Refused(String),
    /// A file was not written.
    Folder(PathBuf, io::Error),
    /// A file is not there as it was written.
    Differs(PathBuf),
}

impl PrinterError {
    /// What opening a path says.
    pub(super) fn opening(path: &Path, error: io::Error) -> PrinterError {
        let gone = [Errno::NOENT, Errno::NXIO, Errno::NODEV, Errno::NOTDIR];
        match error.raw_os_error() {
            Some(code) if gone.iter().any(|gone| gone.raw_os_error() == code) => {
                PrinterError::Missing(path.to_path_buf())
            }
            _ => PrinterError::Open(path.to_path_buf(), error),
        }
    }
}

impl fmt::Display for PrinterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrinterError::Missing(path) => write!(f, "there is no printer at {}", path.display()),
            PrinterError::NotOne(path) => {
                write!(f, "{} is no printer and no folder", path.display())
            }
            PrinterError::Open(path, _) => {
                write!(f, "the printer {} cannot be used", path.display())
            }
            PrinterError::Language(takes) if takes.is_empty() => {
                f.write_str("these pages are there as PDF alone, which this printer does not take")
            }
            PrinterError::Language(takes) => {
                write!(
                    f,
                    "this printer takes none of the program's languages, but {takes}"
                )
            }
            PrinterError::Stalled(seconds) => {
                write!(f, "the printer took nothing for {seconds} seconds")
            }
            PrinterError::Slow(seconds) => {
                write!(f, "the printer did not take all pages in {seconds} seconds")
            }
            PrinterError::Write(error) => f.write_str(match stopped(error) {
                Stopped::Paper => "the printer is out of paper",
                Stopped::Gone => "the printer is gone",
                Stopped::Other => "the printer took no more",
            }),
            PrinterError::Queue(name) => write!(f, "{name:?} is no name of a printer"),
            PrinterError::Lp(_) => f.write_str("the printing system (lp) did not answer"),
            PrinterError::Refused(said) => write!(f, "the printing system took no page: {said}"),
            PrinterError::Folder(path, _) => write!(f, "{} cannot be written", path.display()),
            PrinterError::Differs(path) => {
                write!(f, "{} is not there as it was written", path.display())
            }
        }
    }
}

enum Stopped {
    Paper,
    Gone,
    Other,
}

/// What a device's driver means by its error: ENOSPC is said for an empty tray.
fn stopped(error: &io::Error) -> Stopped {
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    if is(Errno::NOSPC) {
        Stopped::Paper
    } else if [Errno::NODEV, Errno::NXIO, Errno::PIPE, Errno::SHUTDOWN]
        .into_iter()
        .any(is)
    {
        Stopped::Gone
    } else {
        Stopped::Other
    }
}

impl std::error::Error for PrinterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PrinterError::Open(_, error)
            | PrinterError::Write(error)
            | PrinterError::Folder(_, error) => Some(error),
            PrinterError::Lp(error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for PrinterError {
    fn remedy(&self) -> String {
        match self {
            PrinterError::Missing(_) => {
                "Plug the printer in and switch it on. `ceremony print` lists those that are there."
            }
            PrinterError::NotOne(_) => {
                "Name a device (/dev/usb/lp0), a queue (cups:NAME) or a folder."
            }
            PrinterError::Open(_, error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "Only root and the group lp may print there: become a member of that group."
            }
            PrinterError::Open(..) => {
                "See that no other program prints, and switch the printer off and on again."
            }
            PrinterError::Language(_) => {
                "Use another printer, one of CUPS (cups:NAME), or print the text of the sheet."
            }
            PrinterError::Stalled(_) | PrinterError::Slow(_) => {
                "See whether it has paper and ink, whether it is jammed, and what it shows. Throw away \
                 what came out."
            }
            PrinterError::Write(error) => match stopped(error) {
                Stopped::Paper => "Put paper in, throw away what came out, and print again.",
                Stopped::Gone => "See to its cable and its power, and print again.",
                Stopped::Other => "See what it shows, switch it off and on again, and print again.",
            },
            PrinterError::Queue(_) => "`lpstat -e` lists the names.",
            PrinterError::Lp(_) => {
                "See that CUPS is installed and runs, or name a device such as /dev/usb/lp0."
            }
            PrinterError::Refused(_) => "`lpstat -e` lists the names, `lpstat -t` what is wrong.",
            PrinterError::Folder(..) => "See that the folder is there, may be written and has space.",
            PrinterError::Differs(_) => "The medium is damaged: use another folder.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            PrinterError::NotOne(_) | PrinterError::Queue(_) => Exit::Usage,
            _ => Exit::Device,
        }
    }
}
