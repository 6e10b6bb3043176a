//! The program, stopped by itself at places of its run: a seam that a release does not have.

#![allow(dead_code, reason = "not every test uses everything")]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

const LIMIT: Duration = Duration::from_secs(180);

/// A child that is killed if the test fails while it is stopped.
pub struct Watched(Option<Child>);

/// What it did.
pub enum Happened {
    Stopped,
    Ended(ExitStatus),
}

impl Watched {
    /// A child that was started with the seam's variable.
    pub fn new(child: Child) -> Watched {
        Watched(Some(child))
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(self.0.as_ref().expect("it has not ended"))
    }

    /// Waits until it stops itself, or ends.
    pub fn next(&mut self) -> Happened {
        let deadline = Instant::now() + LIMIT;
        loop {
            let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
            let seen = waitpid(Some(self.pid()), options).expect("it is our child");
            match seen {
                Some((_, status)) if status.stopped() => return Happened::Stopped,
                Some((_, status)) => {
                    self.0 = None;
                    return Happened::Ended(ExitStatus::from_raw(status.as_raw()));
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
            assert!(
                Instant::now() < deadline,
                "the program neither stops nor ends"
            );
        }
    }

    pub fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).expect("it is stopped");
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        let mut child = self.0.take().expect("it has not ended");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }

    /// All its writable memory.
    pub fn memory(&self) -> Vec<Vec<u8>> {
        let pid = self.pid().as_raw_nonzero();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("we may look");
        let mut memory = File::open(format!("/proc/{pid}/mem")).expect("we may look");
        let mut parts = Vec::new();
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let range = fields.next().expect("a range");
            if !fields.next().is_some_and(|flags| flags.starts_with("rw")) {
                continue;
            }
            let (from, to) = range.split_once('-').expect("from-to");
            let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).expect("hex"));
            let mut part = vec![0; (to - from) as usize];
            memory.seek(SeekFrom::Start(from)).expect("seeks");
            memory
                .read_exact(&mut part)
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            parts.push(part);
        }
        parts
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
