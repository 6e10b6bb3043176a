//! pcscd, the PC/SC service, for one test: on a socket of its own, with two or four virtual readers
//! on ports of their own, without privileges, gone when the test is.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use tempfile::TempDir;

use crate::reader::Reader;
use crate::states::{Name, States};

const PROGRAM: &str = "/usr/sbin/pcscd";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Readers that one driver shows.
pub const READERS: u16 = 2;
/// What the readers of each driver are called. For the second two, pcscd loads a copy of the
/// driver: it can't load one twice.
const DRIVERS: [&str; 2] = ["Virtual reader", "Further reader"];
/// It takes about 50 ms; the rest is for busy machines.
const UNTIL_READY: Duration = Duration::from_secs(10);

/// A running pcscd. Clients find it by `PCSCLITE_CSOCK_NAME`, set to [`Pcscd::socket`].
pub struct Pcscd {
    shell: Child,
    /// Closed to end it.
    lifeline: Option<ChildStdin>,
    socket: PathBuf,
    directory: TempDir,
    ports: Ports,
    drivers: usize,
}

impl Pcscd {
    pub fn start() -> Result<Self, PcscdError> {
        let directory = Self::directory()?;
        let socket = directory.path().join("socket");
        Self::start_in(directory, &socket, 1)
    }

    /// Listens at a path that clients may know already, for a service that comes late.
    pub fn start_at(socket: &Path) -> Result<Self, PcscdError> {
        Self::start_in(Self::directory()?, socket, 1)
    }

    /// The same, with four readers.
    pub fn start_with_four_at(socket: &Path) -> Result<Self, PcscdError> {
        Self::start_in(Self::directory()?, socket, 2)
    }

    fn directory() -> io::Result<TempDir> {
        tempfile::Builder::new().prefix("pcscd-").tempdir()
    }

    fn start_in(directory: TempDir, socket: &Path, drivers: usize) -> Result<Self, PcscdError> {
        for (path, package) in [(PROGRAM, "pcscd"), (DRIVER, "vsmartcard-vpcd")] {
            if !Path::new(path).exists() {
                return Err(PcscdError::Missing { path, package });
            }
        }
        let listener = UnixListener::bind(socket)?;
        let ports = Ports::reserve()?;
        let shell = Self::spawn(directory.path(), &ports, drivers, listener)?;
        let mut service = Self {
            shell,
            lifeline: None,
            socket: socket.to_owned(),
            directory,
            ports,
            drivers,
        };
        service.lifeline = service.shell.stdin.take();
        service.wait_until_ready()?;
        Ok(service)
    }

    fn spawn(
        directory: &Path,
        ports: &Ports,
        drivers: usize,
        listener: UnixListener,
    ) -> Result<Child, PcscdError> {
        let at = |name: &str| directory.join(name);
        for name in ["config", "no-usb-drivers"] {
            fs::create_dir(at(name))?;
        }
        let copy = at("driver.so");
        let mut config = String::new();
        for (name, (first, library)) in DRIVERS[..drivers]
            .iter()
            .zip(ports.firsts().zip([Path::new(DRIVER), &copy]))
        {
            if library == copy {
                fs::copy(DRIVER, &copy)?;
            }
            config += &format!(
                "FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:0x{first:04X}\n\
                 LIBPATH {}\nCHANNELID 0x{first:04X}\n\n",
                library.display()
            );
        }
        fs::write(at("config").join("readers"), config)?;
        let shell = Command::new("/bin/sh")
            .args(["-c", include_str!("pcscd.sh"), "sh"])
            .arg(at("config"))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            // Readers that are really there are left to the system's own service.
            .env("PCSCLITE_HP_DROPDIR", at("no-usb-drivers"))
            .stdin(Stdio::piped())
            .stdout(OwnedFd::from(listener))
            .stderr(fs::File::create(at("log"))?)
            .spawn()?;
        Ok(shell)
    }

    /// Until clients can be told of all readers. A card that came earlier might be there before
    /// its reader is: pcscd asks it for its ATR, and shows it to nobody yet.
    fn wait_until_ready(&self) -> Result<(), PcscdError> {
        let empty = || {
            let mut states = States::connect(&self.socket, UNTIL_READY)?;
            let drivers = DRIVERS[..self.drivers].iter();
            for name in drivers.flat_map(|driver| (0..READERS).map(|slot| name(driver, slot))) {
                if states
                    .wait_for(&name, UNTIL_READY, |now| now.empty)?
                    .is_none()
                {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Ok(())
        };
        empty().map_err(|source| {
            let log = fs::read_to_string(self.directory.path().join("log"));
            PcscdError::NotReady {
                log: log.unwrap_or_default(),
                source,
            }
        })
    }

    /// What clients need in `PCSCLITE_CSOCK_NAME` before their first call.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The two readers, empty. Every call gives new handles to the same two.
    pub fn readers(&self) -> [Reader; READERS as usize] {
        readers(self.ports.first, &self.socket)
    }

    /// All readers that there are, likewise.
    pub fn all_readers(&self) -> Vec<Reader> {
        let drivers = DRIVERS[..self.drivers].iter().zip(self.ports.firsts());
        drivers
            .flat_map(|(driver, first)| readers_of(driver, first, &self.socket))
            .collect()
    }

    pub(crate) fn port(&self) -> u16 {
        self.ports.first
    }
}

pub(crate) fn readers(first_port: u16, socket: &Path) -> [Reader; READERS as usize] {
    readers_of(DRIVERS[0], first_port, socket)
}

fn readers_of(driver: &'static str, first_port: u16, socket: &Path) -> [Reader; READERS as usize] {
    [0, 1].map(|slot| Reader::new(first_port + slot, name(driver, slot), socket.to_owned()))
}

fn name(driver: &'static str, slot: u16) -> Name {
    Name { driver, slot }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The shell ends at once; if it can't be waited for, it has ended before.
        let _ = self.shell.wait();
        // In its own directory it would go anyway.
        let _ = fs::remove_file(&self.socket);
    }
}

/// Neighbouring ports that no other test uses, enough for all drivers.
struct Ports {
    first: u16,
    /// A name in the abstract namespace, which one process at a time can have, and which goes
    /// with it.
    _claim: UnixListener,
}

impl Ports {
    /// Below the range that the kernel takes ports for outgoing connections from.
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    const EACH: u16 = READERS * DRIVERS.len() as u16;

    /// The first of each driver.
    fn firsts(&self) -> impl Iterator<Item = u16> + use<> {
        (self.first..).step_by(usize::from(READERS))
    }

    fn reserve() -> Result<Self, PcscdError> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let groups = (Self::RANGE.end - Self::RANGE.start) / Self::EACH;
        // Each process begins somewhere else.
        let own = u16::try_from(std::process::id().wrapping_mul(7) % u32::from(groups))
            .expect("less than a number of 16 bits");
        for _ in 0..groups {
            let group = (own + NEXT.fetch_add(1, Ordering::Relaxed) % groups) % groups;
            let first = Self::RANGE.start + group * Self::EACH;
            let name = SocketAddr::from_abstract_name(format!("virtual-yubikey/{first}"))?;
            let Ok(claim) = UnixListener::bind_addr(&name) else {
                continue;
            };
            if (first..first + Self::EACH).all(free) {
                return Ok(Self {
                    first,
                    _claim: claim,
                });
            }
        }
        Err(PcscdError::NoPort)
    }
}

/// Nobody listens on it. Found out without listening: a program that another thread is starting
/// just now holds all that is open here for a moment, and pcscd could not listen itself.
fn free(port: u16) -> bool {
    let bind = || {
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))
    };
    bind().is_ok()
}

/// Why there is no pcscd.
#[derive(Debug)]
pub enum PcscdError {
    Missing {
        path: &'static str,
        package: &'static str,
    },
    NoPort,
    NotReady {
        log: String,
        source: io::Error,
    },
    System(io::Error),
}

impl From<io::Error> for PcscdError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl fmt::Display for PcscdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, package } => {
                write!(
                    f,
                    "{path} is missing; install it: apt-get install {package}"
                )
            }
            Self::NoPort => write!(f, "no neighbouring ports are free"),
            Self::NotReady { log, .. } => {
                write!(
                    f,
                    "pcscd did not get ready; /run/pcscd must exist. Its log:\n{log}"
                )
            }
            Self::System(_) => write!(f, "pcscd could not be started"),
        }
    }
}

impl std::error::Error for PcscdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(source) | Self::NotReady { source, .. } => Some(source),
            Self::Missing { .. } | Self::NoPort => None,
        }
    }
}
