//! Talks to one child process through pipes: bounded in time and in size.
//!
//! All three pipes are served from one thread with poll(2). So a child that answers
//! before it has read everything cannot block us, no second thread's stack holds a
//! secret, and a grandchild that keeps a pipe open cannot outlast the time limit.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where processes are run and timed"
)]

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// What the child says on standard error is kept up to this many bytes.
const MESSAGES: usize = 64 * 1024;

/// What a child left behind.
pub(in crate::edge) struct Answer {
    /// Whether it ended with exit code 0.
    pub(in crate::edge) success: bool,
    /// Its standard output, which may be secret.
    pub(in crate::edge) output: SecretBytes,
    /// Its standard error.
    pub(in crate::edge) messages: String,
}

/// Why a child gave no answer.
#[derive(Debug)]
pub enum ChildError {
    /// It could not be started.
    Start(io::Error),
    /// A pipe to it failed.
    Pipe(io::Error),
    /// It did not end in time and was killed.
    TimedOut {
        /// How long it had, in seconds.
        seconds: u64,
    },
    /// It wrote more than it may and was killed.
    TooMuch {
        /// How many bytes it could write.
        room: usize,
    },
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Start(_) => f.write_str("the program could not be started"),
            ChildError::Pipe(_) => f.write_str("the connection to the program broke"),
            ChildError::TimedOut { seconds } => {
                write!(
                    f,
                    "the program did not end within {seconds} seconds and was stopped"
                )
            }
            ChildError::TooMuch { room } => {
                write!(
                    f,
                    "the program wrote more than {room} bytes and was stopped"
                )
            }
        }
    }
}

impl std::error::Error for ChildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ChildError::Start(source) | ChildError::Pipe(source) => Some(source),
            ChildError::TimedOut { .. } | ChildError::TooMuch { .. } => None,
        }
    }
}

/// Runs `command`, writes the parts of `input` to its standard input one after the other,
/// and takes at most `room` bytes of output and `limit` of time; kills it if either is exceeded.
pub(in crate::edge) fn talk(
    command: &mut Command,
    input: &[&[u8]],
    room: usize,
    limit: Duration,
) -> Result<Answer, ChildError> {
    let deadline = Instant::now() + limit;
    let left = || match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(ChildError::TimedOut {
            seconds: limit.as_secs(),
        }),
    };
    // Its own process group, so that whatever it started is killed with it.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = Guarded::new(command.spawn().map_err(ChildError::Start)?);
    let mut pipes = Pipes::new(&mut child.child, input, room).map_err(ChildError::Pipe)?;
    while pipes.are_open() {
        pipes.wait(left()?).map_err(ChildError::Pipe)?;
        pipes.move_bytes().map_err(ChildError::Pipe)?;
        if pipes.filled > room {
            return Err(ChildError::TooMuch { room });
        }
    }
    let status = loop {
        if let Some(status) = child.ended().map_err(ChildError::Pipe)? {
            break status;
        }
        thread::sleep(left()?.min(Duration::from_millis(2)));
    };
    Ok(pipes.into_answer(status.success()))
}

/// A child that is killed and reaped if we stop waiting for it.
struct Guarded {
    child: Child,
    reaped: bool,
}

impl Guarded {
    fn new(child: Child) -> Guarded {
        Guarded {
            child,
            reaped: false,
        }
    }

    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.reaped |= status.is_some();
        Ok(status)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Never after reaping: the number may by then be another process's.
        if !self.reaped {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Our ends of a child's pipes, and what has passed through them.
struct Pipes<'a> {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    input: VecDeque<&'a [u8]>,
    // One byte more than there is room for, so that too much can be told from enough. It
    // has its full size from the start: growing would leave copies behind.
    output: Zeroizing<Vec<u8>>,
    filled: usize,
    messages: Vec<u8>,
}

impl<'a> Pipes<'a> {
    fn new(child: &mut Child, input: &[&'a [u8]], room: usize) -> io::Result<Pipes<'a>> {
        let pipes = Pipes {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            input: input.iter().copied().collect(),
            output: Zeroizing::new(vec![0; room + 1]),
            filled: 0,
            messages: Vec::new(),
        };
        pipes.stdin.as_ref().map_or(Ok(()), do_not_block)?;
        pipes.stdout.as_ref().map_or(Ok(()), do_not_block)?;
        pipes.stderr.as_ref().map_or(Ok(()), do_not_block)?;
        Ok(pipes)
    }

    /// Standard input does not count: a child may end without having read it all.
    fn are_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// Waits until a pipe is ready or `limit` has passed.
    fn wait(&self, limit: Duration) -> io::Result<()> {
        let mut fds = Vec::with_capacity(3);
        fds.extend(
            self.stdin
                .as_ref()
                .map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
        );
        fds.extend(
            self.stdout
                .as_ref()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        fds.extend(
            self.stderr
                .as_ref()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        let limit = Timespec {
            tv_sec: limit.as_secs() as i64,
            tv_nsec: limit.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Moves what can be moved without waiting.
    fn move_bytes(&mut self) -> io::Result<()> {
        self.write_input()?;
        while let Some(pipe) = &mut self.stdout {
            match pipe.read(&mut self.output[self.filled..]) {
                // Also when there is no room left, which the caller treats as an error.
                Ok(0) => self.stdout = None,
                Ok(count) => self.filled += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let mut chunk = [0; 4096];
        while let Some(pipe) = &mut self.stderr {
            match pipe.read(&mut chunk) {
                Ok(0) => self.stderr = None,
                Ok(count) => {
                    let kept = count.min(MESSAGES - self.messages.len());
                    self.messages.extend_from_slice(&chunk[..kept]);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write_input(&mut self) -> io::Result<()> {
        while let Some(pipe) = &mut self.stdin {
            let Some(part) = self.input.front_mut() else {
                self.stdin = None;
                break;
            };
            if part.is_empty() {
                self.input.pop_front();
                continue;
            }
            match pipe.write(part) {
                Ok(count) => *part = &part[count..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // It wants no more; its exit code and messages will say why.
                Err(e) if e.kind() == ErrorKind::BrokenPipe => self.stdin = None,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn into_answer(mut self, success: bool) -> Answer {
        self.output.truncate(self.filled);
        Answer {
            success,
            output: SecretBytes::from_vec(mem::take(&mut *self.output)),
            messages: String::from_utf8_lossy(&self.messages).into_owned(),
        }
    }
}

fn do_not_block(pipe: &impl AsFd) -> io::Result<()> {
    fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let answer = talk(&mut Command::new("/no/such/program"), &[], 0, LIMIT);
        assert!(matches!(answer, Err(ChildError::Start(_))));
    }

    #[test]
    fn a_child_that_does_not_end_is_stopped() {
        let limit = Duration::from_millis(200);
        for script in [
            "exec sleep 600",
            "exec sleep 600 >&- 2>&-",
            "sleep 600 & exit 0",
        ] {
            let answer = talk(&mut sh(script), &[b"input"], 10, limit);
            assert!(
                matches!(answer, Err(ChildError::TimedOut { .. })),
                "{script}"
            );
        }
    }

    #[test]
    fn a_child_that_writes_too_much_is_stopped() {
        let answer = talk(&mut sh("yes"), &[], 1000, LIMIT);
        assert!(matches!(answer, Err(ChildError::TooMuch { room: 1000 })));
        let answer = talk(&mut sh("printf 12345"), &[], 4, LIMIT);
        assert!(matches!(answer, Err(ChildError::TooMuch { room: 4 })));
    }

    #[test]
    fn output_may_fill_the_room_exactly() {
        let answer = talk(&mut sh("printf 12345"), &[], 5, LIMIT).expect("answers");
        assert_eq!(answer.output.expose(), b"12345");
    }

    #[test]
    fn input_that_is_not_wanted_is_no_error() {
        let big = vec![7; 1 << 20];
        let answer = talk(&mut sh("echo no >&2; exit 3"), &[&big], 10, LIMIT).expect("answers");
        assert!(!answer.success);
        assert_eq!(answer.messages, "no\n");
    }

    #[test]
    fn a_flood_of_messages_is_cut() {
        let script = "head -c 1000000 /dev/zero >&2";
        let answer = talk(&mut sh(script), &[], 0, LIMIT).expect("answers");
        assert_eq!(answer.messages.len(), MESSAGES);
    }

    #[test]
    fn big_messages_pass_both_ways_at_once() {
        let big: Vec<u8> = (0..4_000_000u32).map(|n| (n % 251) as u8).collect();
        let answer = talk(
            &mut sh("exec cat"),
            &[b"", b"ab", &big],
            big.len() + 2,
            LIMIT,
        );
        let output = answer.expect("answers").output;
        assert_eq!(&output.expose()[..2], b"ab");
        assert!(output.expose()[2..] == big);
    }
}
