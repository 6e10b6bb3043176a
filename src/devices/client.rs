//! The program's side of the helper.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the helper is asked"
)]

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::boot::BootMedium;
use super::wire::{Answer, DeviceName, Layout, MAX_ANSWER, Request, Spot};
use super::{MountError, Mounted, Mounts, Refusal, helper};
use crate::role::Role;

/// Where the helper listens.
pub const SOCKET: &str = "run/ceremony/media.sock";

/// Whoever may mount is asked through a socket (a local one: it has no address outside).
#[derive(Clone)]
pub struct Client {
    root: PathBuf,
}

impl Client {
    /// The helper of the machine below `root`.
    pub fn new(root: &Path) -> Client {
        Client {
            root: root.to_path_buf(),
        }
    }

    /// Sets the clock.
    pub fn set_clock(&self, seconds: u64) -> Result<(), MountError> {
        self.done(&Request::Clock(seconds))
    }

    /// Sets the keyboard's layout.
    pub fn set_layout(&self, name: &str) -> Result<(), MountError> {
        let layout = Layout::new(name).ok_or(MountError::Refused(Refusal::NoLayout))?;
        self.done(&Request::Layout(layout))
    }

    /// The boot medium that is plugged in, by its device, and whether it is whole.
    pub fn boot_medium(&self) -> Result<Option<(String, BootMedium)>, MountError> {
        match self.ask(&Request::BootMedium)? {
            Answer::BootMedium(device, medium) => Ok(Some((device.as_str().to_string(), medium))),
            Answer::NoBootMedium => Ok(None),
            _ => Err(nonsense()),
        }
    }

    /// Mounts a stick that has no role.
    pub fn mount_on_desk(&self, device: &str) -> Result<Mounted, MountError> {
        self.mount_at(device, Spot::Desk)
    }

    /// Unmounts it.
    pub fn clear_desk(&self) -> Result<(), MountError> {
        self.done(&Request::Unmount(Spot::Desk))
    }

    /// Unmounts everything and has the machine switched off.
    pub fn power_off(&self) -> Result<(), MountError> {
        self.done(&Request::PowerOff)
    }

    fn ask(&self, request: &Request) -> Result<Answer, MountError> {
        let answer = self.exchange(request).map_err(MountError::Helper)?;
        match Answer::parse(&answer) {
            Some(Answer::Refused(refusal)) => Err(MountError::Refused(refusal)),
            Some(Answer::Failed(number)) => {
                Err(MountError::System(io::Error::from_raw_os_error(number)))
            }
            Some(answer) => Ok(answer),
            None => Err(nonsense()),
        }
    }

    fn exchange(&self, request: &Request) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.root.join(SOCKET))?;
        // The helper itself gives up in time; this is for a helper that is stuck.
        let patience = helper::limit(request) + Duration::from_secs(10);
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut line = String::new();
        stream.take(MAX_ANSWER as u64).read_to_string(&mut line)?;
        match line.strip_suffix('\n') {
            Some(line) => Ok(line.to_string()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn mount_at(&self, device: &str, spot: Spot) -> Result<Mounted, MountError> {
        match self.ask(&Request::Mount(named(device)?, spot))? {
            Answer::Mounted { kind, read_only } => Ok(Mounted {
                at: helper::place(&self.root, spot),
                kind,
                read_only,
            }),
            _ => Err(nonsense()),
        }
    }

    fn done(&self, request: &Request) -> Result<(), MountError> {
        match self.ask(request)? {
            Answer::Done => Ok(()),
            _ => Err(nonsense()),
        }
    }
}

fn nonsense() -> MountError {
    MountError::Helper(io::ErrorKind::InvalidData.into())
}

/// Names come from the kernel; one that is none of a stick's is no device for the helper.
fn named(device: &str) -> Result<DeviceName, MountError> {
    DeviceName::new(device).ok_or(MountError::Refused(Refusal::NotThere))
}

impl Mounts for Client {
    fn mount(&mut self, device: &str, role: Role) -> Result<Mounted, MountError> {
        self.mount_at(device, Spot::Role(role))
    }

    fn unmount(&mut self, role: Role) -> Result<(), MountError> {
        self.done(&Request::Unmount(Spot::Role(role)))
    }

    fn format(&mut self, disk: &str) -> Result<(), MountError> {
        self.done(&Request::Format(named(disk)?))
    }
}
