//! The system at the edge: clock, randomness, what the machine shows, and its gpg.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the system is asked"
)]

use std::cell::OnceCell;
use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use super::block::Client;
use super::facts::{self, Facts, GpgFound};
use super::gpg::{self, Gpg, StockGpg};
use crate::digest::Digest;
use crate::error::{Exit, Explain};

/// What the ceremony asks of the system. A scripted implementation stands in for tests.
pub trait System {
    /// The clock: UTC seconds since 1970; 0 if it stands before that.
    fn now(&self) -> u64;

    /// Whole seconds since boot, as in `/proc/uptime`.
    fn uptime(&self) -> u64;

    /// Sets the clock to `unix` UTC seconds since 1970.
    ///
    /// # Errors
    /// [`SystemError::Clock`] when the system refuses; only root may do it.
    fn set_clock(&mut self, unix: u64) -> Result<(), SystemError>;

    /// Fills `buf` from the kernel's random generator, waiting until it is ready.
    ///
    /// # Errors
    /// [`SystemError::Random`]; `buf` must then not be used.
    fn random(&mut self, buf: &mut [u8]) -> Result<(), SystemError>;

    /// What the machine shows of itself. Never fails: each fact says if it could not be seen.
    fn facts(&self) -> Facts;

    /// The system's own gpg, if there is one and a folder in RAM for its keys.
    fn gpg(&mut self) -> Option<&mut dyn StockGpg>;

    /// SHA-256 of the running program's file.
    ///
    /// # Errors
    /// [`SystemError::Program`] when it cannot be read.
    fn program_digest(&self) -> Result<Digest, SystemError>;
}

/// Why the system did not do what it was asked.
#[derive(Debug)]
pub enum SystemError {
    /// The clock could not be set.
    Clock {
        /// The time that it should have been set to, in UTC seconds since 1970.
        unix: u64,
        /// What the system said.
        source: io::Error,
    },
    /// No random numbers could be had.
    Random(io::Error),
    /// The program's own file could not be read.
    Program(io::Error),
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SystemError::Clock { .. } => "the clock could not be set",
            SystemError::Random(_) => "the system gave no random numbers",
            SystemError::Program(_) => "the program could not read its own file",
        })
    }
}

impl std::error::Error for SystemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SystemError::Clock { source, .. }
            | SystemError::Random(source)
            | SystemError::Program(source) => Some(source),
        }
    }
}

impl Explain for SystemError {
    fn remedy(&self) -> String {
        match self {
            SystemError::Clock { unix, .. } => format!(
                "Start the program as root, or set the clock by hand and start again: \
                 date -u -s @{unix}"
            ),
            SystemError::Random(_) => "Restart the machine. If it happens again, use another \
                 machine: without random numbers no key can be made."
                .to_string(),
            SystemError::Program(_) => {
                "Make sure that /proc is mounted (mount -t proc proc /proc) \
                 and start the program again."
                    .to_string()
            }
        }
    }

    fn exit(&self) -> Exit {
        Exit::Device
    }
}

/// The real system.
pub struct RealSystem {
    // Sets the clock where this program may not.
    helper: Option<Client>,
    work_folder: PathBuf,
    // Looked for once: starting gpg for its version takes a moment.
    gpg: OnceCell<Option<(GpgFound, Option<Gpg>)>>,
    // The file behind a running program cannot change under the same name in /proc.
    program: OnceCell<Digest>,
}

impl RealSystem {
    /// The system, working in `work_folder` (only looked at, for preflight).
    pub fn new(work_folder: PathBuf) -> RealSystem {
        RealSystem {
            helper: None,
            work_folder,
            gpg: OnceCell::new(),
            program: OnceCell::new(),
        }
    }

    /// With a helper that may set the clock.
    pub fn helped(mut self, helper: Client) -> RealSystem {
        self.helper = Some(helper);
        self
    }

    fn look_for_gpg(&self) -> &Option<(GpgFound, Option<Gpg>)> {
        self.gpg.get_or_init(|| {
            let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
            gpg::look(&env::var_os("PATH")?, runtime)
        })
    }

    fn hash_program(&self) -> io::Result<Digest> {
        if let Some(digest) = self.program.get() {
            return Ok(*digest);
        }
        let digest = Digest::of(&fs::read("/proc/self/exe")?);
        Ok(*self.program.get_or_init(|| digest))
    }
}

impl System for RealSystem {
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    fn uptime(&self) -> u64 {
        // The clock that /proc/uptime shows; it goes on during suspend.
        u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or(0)
    }

    fn set_clock(&mut self, unix: u64) -> Result<(), SystemError> {
        let set = || {
            if let Some(helper) = &self.helper {
                return helper.set_clock(unix).map_err(io::Error::other);
            }
            let tv_sec = i64::try_from(unix).map_err(|_| io::ErrorKind::InvalidInput)?;
            clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec: 0 })?;
            Ok(())
        };
        set().map_err(|source| SystemError::Clock { unix, source })
    }

    fn random(&mut self, buf: &mut [u8]) -> Result<(), SystemError> {
        let mut filled = 0;
        while filled < buf.len() {
            match getrandom(&mut buf[filled..], GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(SystemError::Random(e.into())),
            }
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        Facts {
            interfaces: facts::interfaces(),
            swaps: facts::swaps(),
            core_dumps: facts::core_dumps(),
            memory: facts::memory(),
            random_ready: facts::random_ready(),
            now: self.now(),
            work_folder: facts::work_folder(&self.work_folder),
            terminal: facts::terminal(),
            gpg: self.look_for_gpg().as_ref().map(|(found, _)| found.clone()),
            program: self
                .hash_program()
                .map_err(|e| facts::unseen("/proc/self/exe", e)),
        }
    }

    fn gpg(&mut self) -> Option<&mut dyn StockGpg> {
        self.look_for_gpg();
        let (_, gpg) = self.gpg.get_mut()?.as_mut()?;
        gpg.as_mut().map(|gpg| gpg as &mut dyn StockGpg)
    }

    fn program_digest(&self) -> Result<Digest, SystemError> {
        self.hash_program().map_err(SystemError::Program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> RealSystem {
        RealSystem::new(PathBuf::from("/"))
    }

    #[test]
    fn a_time_beyond_the_clock_is_refused_with_a_remedy() {
        let refused = system().set_clock(u64::MAX).expect_err("refused");
        assert!(matches!(refused, SystemError::Clock { unix: u64::MAX, .. }));
        assert!(refused.remedy().contains("date -u -s @"));
    }

    #[test]
    fn random_fills_the_whole_buffer() {
        // 4096 bytes: a tail of 64 zeros comes up once in 2^512 tries.
        let mut buf = [0; 4096];
        system().random(&mut buf).expect("random numbers");
        assert!(
            buf.chunks(64)
                .all(|chunk| chunk.iter().any(|byte| *byte != 0))
        );
    }

    #[test]
    fn uptime_is_the_kernels() {
        let seconds = || -> u64 {
            let text = fs::read_to_string("/proc/uptime").expect("/proc is mounted");
            text.split('.')
                .next()
                .and_then(|whole| whole.parse().ok())
                .expect("a number")
        };
        let (before, uptime, after) = (seconds(), system().uptime(), seconds());
        assert!((before..=after).contains(&uptime));
    }

    #[test]
    fn the_program_hash_is_that_of_the_running_file() {
        let system = system();
        let file = fs::read(env::current_exe().expect("is known")).expect("is readable");
        assert_eq!(
            system.program_digest().expect("is readable"),
            Digest::of(&file)
        );
        assert_eq!(system.facts().program, Ok(Digest::of(&file)));
    }

    #[test]
    fn facts_and_use_of_gpg_agree() {
        let mut system = system();
        let found = system.facts().gpg.filter(|found| found.home_in_memory);
        let version = system.gpg().map(|gpg| gpg.version());
        assert_eq!(version, found.map(|found| found.version));
    }
}
