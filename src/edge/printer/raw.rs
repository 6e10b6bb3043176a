//! A printer as the kernel shows it: `/dev/usb/lp0`, `/dev/lp0`.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where devices are used and timed"
)]

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::{Printer, PrinterError};
use crate::print::{DeviceId, Job, render};
use crate::record::value::PrintedBy;

/// How long a printer may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without taking anything: a laser printer warms up for half a minute.
    pub stall: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            stall: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

/// Between two tries where the driver cannot be waited for: `lp` has no poll of its own.
const BREATH: Duration = Duration::from_millis(20);

pub(super) struct Device {
    path: PathBuf,
    id: DeviceId,
    limits: Limits,
}

impl Device {
    pub(super) fn new(path: PathBuf, id: DeviceId, limits: Limits) -> Device {
        Device { path, id, limits }
    }
}

impl Printer for Device {
    fn print(&mut self, job: &Job) -> Result<(), PrinterError> {
        let language = self.id.language(job.pdf().is_some());
        let language = language.ok_or_else(|| PrinterError::Language(self.id.commands()))?;
        let bytes = render(job, language).ok_or(PrinterError::Language(String::new()))?;
        // Never made if it is not there, and never waited for: a printer that is off, or a pipe that
        // nobody reads, says so at once.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        let options = options.write(true).custom_flags(flags.bits() as i32);
        let device = options.open(&self.path);
        let device = device.map_err(|error| PrinterError::opening(&self.path, error))?;
        Sending::new(device, self.limits).send(&bytes)
    }

    fn way(&self) -> PrintedBy {
        PrintedBy::Raw
    }
}

struct Sending {
    device: File,
    limits: Limits,
    began: Instant,
    /// When it last took something.
    progress: Instant,
}

impl Sending {
    fn new(device: File, limits: Limits) -> Sending {
        let now = Instant::now();
        Sending {
            device,
            limits,
            began: now,
            progress: now,
        }
    }

    fn send(mut self, bytes: &[u8]) -> Result<(), PrinterError> {
        let mut sent = 0;
        while sent < bytes.len() {
            self.wait()?;
            match self.device.write(&bytes[sent..]) {
                Ok(0) => thread::sleep(BREATH),
                Ok(count) => {
                    sent += count;
                    self.progress = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(BREATH),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(PrinterError::Write(error)),
            }
        }
        // The USB driver answers before the printer has taken the last piece, and drops that piece
        // when the device is closed. It can be written to again when the piece was taken.
        let ready = self.wait()?;
        let lost = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        match ready.intersects(lost) {
            true => Err(PrinterError::Write(rustix::io::Errno::PIPE.into())),
            false => Ok(()),
        }
    }

    /// Waits until the device takes something, or is gone, which the next write tells.
    fn wait(&mut self) -> Result<PollFlags, PrinterError> {
        loop {
            let left = self.left()?;
            let limit = Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut fds = [PollFd::new(&self.device, PollFlags::OUT)];
            match poll(&mut fds, Some(&limit)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(fds[0].revents()),
                Err(error) => return Err(PrinterError::Write(error.into())),
            }
        }
    }

    fn left(&self) -> Result<Duration, PrinterError> {
        let Limits { stall, total } = self.limits;
        let of_all = total.checked_sub(self.began.elapsed());
        let of_all = of_all.filter(|left| !left.is_zero());
        let of_all = of_all.ok_or(PrinterError::Slow(total.as_secs()))?;
        let of_stall = stall.checked_sub(self.progress.elapsed());
        let of_stall = of_stall.filter(|left| !left.is_zero());
        let of_stall = of_stall.ok_or(PrinterError::Stalled(stall.as_secs()))?;
        Ok(of_all.min(of_stall))
    }
}
