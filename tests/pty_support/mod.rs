//! The program in a real terminal of 80 columns and 24 lines, and the two people who sit at it.

// Each test binary uses some of this and none uses all.
#![allow(dead_code, unused_imports)]

pub mod call;
pub mod golden;
pub mod people;

pub use people::{Deed, Hands, People, Token};

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rexpect::process::PtyProcess;

/// Longer than the slowest thing that happens between two questions, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A prompt stands when nothing follows it for so long.
const QUIET: Duration = Duration::from_millis(40);

/// What leaves the secret page: both screens erased, scrollback too.
pub const ERASE: &str = "\x1b[H\x1b[2J\x1b[3J\x1b[?1049l\x1b[H\x1b[2J\x1b[3J";
/// What enters it.
pub const ALTERNATE: &str = "\x1b[?1049h";

/// The program in a terminal.
pub struct Terminal {
    // Dropping it ends the program.
    _process: PtyProcess,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    /// Everything that was printed, byte by byte.
    pub printed: String,
    answered: usize,
    header: Header,
    /// Every page: who acts, and its title.
    pub pages: Vec<(String, String)>,
    /// How long the program may work between two questions.
    pub patience: Duration,
    /// A prompt stands when nothing follows it for so long.
    pub quiet: Duration,
    log: Option<File>,
}

/// What the page on the screen says, and how many lines it has had since its top.
#[derive(Clone, Default)]
struct Header {
    who: String,
    title: String,
    lines: usize,
}

/// A question that waits for an answer.
pub struct Asked {
    /// Who acts, as the page's header says.
    pub who: String,
    /// The page's title.
    pub title: String,
    /// The prompt.
    pub question: String,
    /// All that was printed since the last answer, escape sequences included.
    pub text: String,
    /// How many lines of the screen are taken, from the page's top to the prompt.
    pub lines: usize,
    /// Whether a new page came since the last answer.
    pub new_page: bool,
}

/// What comes next.
pub enum Turn {
    Asked(Asked),
    /// The program ended with this code.
    Ended(i32),
}

impl Terminal {
    /// Runs a shell command line. The terminal's modes are printed before and after.
    pub fn start(line: &str, environment: &[(&str, &str)]) -> Terminal {
        let script = format!(
            "stty sane rows 24 cols 80; echo \"MODES $(stty -g)\"; {line}; code=$?; \
             echo; echo \"MODES $(stty -g)\"; echo \"EXIT $code\""
        );
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).env_clear();
        command.env("PATH", std::env::var_os("PATH").expect("a PATH"));
        command.envs([("TERM", "linux"), ("LANG", "C.UTF-8"), ("HOME", "/")]);
        command.envs(environment.iter().copied());
        let process = PtyProcess::new(command).expect("a pseudo-terminal");
        let keyboard = process.get_file_handle().expect("the terminal's other end");
        let mut screen = keyboard.try_clone().expect("the terminal's other end");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails when the last program has left the terminal.
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            _process: process,
            keyboard,
            output,
            printed: String::new(),
            answered: 0,
            header: Header::default(),
            pages: Vec::new(),
            patience: PATIENCE,
            quiet: QUIET,
            log: None,
        }
    }

    /// Adds what is printed from now on to a file, for whoever looks on.
    pub fn log_to(&mut self, path: &Path) {
        let log = File::options().create(true).append(true).open(path);
        self.log = Some(log.expect("the log can be written"));
    }

    /// Waits until something is printed that is no question.
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + self.patience;
        let mut pending = Vec::new();
        while !self.printed[self.answered..].contains(text) {
            match self.output.recv_timeout(self.quiet) {
                Ok(bytes) => self.take(bytes, &mut pending),
                Err(RecvTimeoutError::Timeout) => {}
                Err(_) => panic!("it ended without {text:?}:\n{}", self.printed),
            }
            let in_time = Instant::now() < deadline;
            assert!(in_time, "no {text:?}, but:\n{}", self.printed);
        }
    }

    fn take(&mut self, bytes: Vec<u8>, pending: &mut Vec<u8>) {
        if let Some(log) = &mut self.log {
            log.write_all(&bytes).expect("the log can be written");
        }
        pending.extend(bytes);
        // A character may have been cut in two.
        let is_cut = |error: std::str::Utf8Error| error.error_len().is_none();
        if !std::str::from_utf8(pending).is_err_and(is_cut) {
            self.printed.push_str(&String::from_utf8_lossy(pending));
            pending.clear();
        }
    }

    /// Waits for the next question, or the end.
    pub fn turn(&mut self) -> Turn {
        let deadline = Instant::now() + self.patience;
        let mut pending = Vec::new();
        loop {
            let stands = self.last_line().ends_with(": ") && pending.is_empty();
            match self.output.recv_timeout(self.quiet) {
                Ok(bytes) => self.take(bytes, &mut pending),
                Err(RecvTimeoutError::Timeout) if stands => return Turn::Asked(self.asked()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.ended(),
            }
            // Also while something turns on the screen.
            assert!(
                Instant::now() < deadline,
                "the program neither asks nor ends; it said last:\n{}",
                &self.printed[self.answered..]
            );
        }
    }

    fn last_line(&self) -> &str {
        let pending = &self.printed[self.answered..];
        pending.rsplit(['\n', '\r']).next().unwrap_or_default()
    }

    fn asked(&mut self) -> Asked {
        let text = self.printed[self.answered..].to_string();
        let plain = on_screen(&text);
        let pages = self.pages.len();
        let lines: Vec<&str> = plain.lines().collect();
        for at in 0..lines.len() {
            if let Some(header) = header_at(&lines, at) {
                self.pages.push((header.who.clone(), header.title.clone()));
                self.header = header;
            }
            // The first line goes on from the prompt that was answered.
            self.header.lines += usize::from(at > 0);
        }
        let question = lines.last().unwrap_or(&"").to_string();
        let Header { who, title, lines } = self.header.clone();
        Asked {
            who,
            title,
            question,
            text,
            lines,
            new_page: self.pages.len() > pages,
        }
    }

    fn ended(&mut self) -> Turn {
        self.asked();
        let lines = self.printed[self.answered..].lines();
        let code = lines.rev().find_map(|line| line.strip_prefix("EXIT "));
        let code = code.and_then(|code| code.trim().parse().ok());
        Turn::Ended(code.expect("the shell says how it ended"))
    }

    /// Presses keys. What is printed from now on belongs to the next turn.
    pub fn press(&mut self, keys: &str) {
        self.answered = self.printed.len();
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
    }

    /// The terminal's modes before the program started and after it ended.
    pub fn modes(&self) -> Vec<&str> {
        let lines = self.printed.lines();
        lines
            .filter_map(|line| line.strip_prefix("MODES "))
            .collect()
    }
}

/// The header that begins at this line: an optional rule, two lines, a thin rule, the title.
fn header_at(lines: &[&str], at: usize) -> Option<Header> {
    let is = |at: usize, sign: char| {
        lines
            .get(at)
            .is_some_and(|line| line.len() == 78 && line.chars().all(|c| c == sign))
    };
    // Below the rule; or, on a tall page without one, at the plan's line.
    let top = if is(at, '=') { at + 1 } else { at };
    if !is(top + 2, '-') || (top == at && at > 0 && is(at - 1, '=')) {
        return None;
    }
    let (_, who) = lines[top + 1].rsplit_once("now: ")?;
    Some(Header {
        who: who.to_string(),
        title: lines.get(top + 3)?.to_string(),
        lines: 0,
    })
}

/// The text as a person sees it: no escape sequences, and of a line in which the cursor went
/// back to its beginning only what was printed last.
pub fn on_screen(text: &str) -> String {
    let last = |line: &str| {
        let line = line.trim_end_matches('\r');
        line.rsplit('\r').next().unwrap_or(line).to_string()
    };
    let plain = without_escapes(text);
    plain.split('\n').map(last).collect::<Vec<_>>().join("\n")
}

/// The text without escape sequences (ECMA-48 control sequences).
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}
