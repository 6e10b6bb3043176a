//! A shell at a terminal, the commands of a printed page, and gpg in a home of its own.

#![allow(dead_code, reason = "not every test does everything")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ceremony::backup::quorum::Custodian;
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};

use crate::held::Held;

/// How long one command may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// One printed command: its lines as they stand, and whose words it asks for.
#[derive(Debug)]
pub struct Step {
    pub lines: Vec<String>,
    asks: Option<Custodian>,
}

/// What people have who recover: the media and the cards.
pub trait Kept {
    /// The page on that secret medium.
    fn page(&self, medium: &str) -> Vec<u8>;
    /// What a custodian types.
    fn words(&self, custodian: Custodian) -> String;
}

impl Kept for Held {
    fn page(&self, medium: &str) -> Vec<u8> {
        self.file(medium, "RECOVERY.txt")
    }

    fn words(&self, custodian: Custodian) -> String {
        Held::words(self, custodian)
    }
}

/// `RECOVERY.txt`, cut at its headings.
pub struct Printed {
    pub prepare: Vec<Step>,
    sections: Vec<(String, Vec<Step>)>,
}

impl Printed {
    /// The page of a held rehearsal; both secret media have the same.
    pub fn of(held: &impl Kept) -> Printed {
        let page = held.page("secret-1");
        assert!(page == held.page("secret-2"));
        let page = String::from_utf8(page).expect("ASCII");
        let mut parts = page.split("\n---- ");
        let prepare = Printed::commands(parts.next().expect("it begins"));
        let section = |part: &str| {
            let (title, body) = part.split_once(" ----\n").expect("a heading is one line");
            (title.to_string(), Printed::commands(body))
        };
        Printed {
            prepare,
            sections: parts.map(section).collect(),
        }
    }

    /// The commands under a heading.
    pub fn section(&self, title: &str) -> &[Step] {
        let found = self.sections.iter().find(|(named, _)| named == title);
        let (_, steps) = found.unwrap_or_else(|| panic!("RECOVERY.txt has no \"{title}\""));
        assert!(!steps.is_empty(), "\"{title}\" has no commands");
        steps
    }

    /// Lines that begin with just four blanks; one that ends with a backslash or a pipe goes on.
    pub fn commands(text: &str) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut asks = None;
        let mut goes_on = false;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("It asks for the words of ") {
                asks = Custodian::parse(rest.trim_end_matches(':'));
                assert!(asks.is_some(), "{line}");
            }
            // More than four blanks: the second row of a fingerprint, say.
            let begins = line.starts_with("    ") && !line.starts_with("     ");
            match steps.last_mut() {
                Some(step) if goes_on => step.lines.push(line.to_string()),
                _ if begins => steps.push(Step {
                    lines: vec![line.to_string()],
                    asks: asks.take(),
                }),
                _ => continue,
            }
            goes_on = line.ends_with('\\') || line.ends_with('|');
        }
        steps
    }
}

/// `sh`, as a person has it before them.
pub struct Shell {
    session: PtySession,
    terminal: fs::File,
    home: Option<PathBuf>,
}

impl Shell {
    /// A shell in `folder` which has no gpg home yet.
    pub fn start(folder: &Path) -> Shell {
        let mut command = Command::new("sh");
        command.env_clear().current_dir(folder);
        command.envs([("PATH", "/usr/bin:/bin"), ("TERM", "dumb"), ("LC_ALL", "C")]);
        let mut session =
            spawn_command(command, Some(LIMIT.as_millis() as u64)).expect("sh starts");
        // An interactive shell pays no heed to SIGTERM.
        session.process_mut().set_kill_timeout(Some(100));
        let terminal = session
            .process()
            .get_file_handle()
            .expect("it has a terminal");
        let mut shell = Shell {
            session,
            terminal,
            home: None,
        };
        // A terminal echoes; that it stops to is how one sees that gpg waits for words.
        shell.send("stty echo");
        shell.wait_echo(true);
        shell
    }

    /// gpg's home, once a command has made it.
    pub fn home(&self) -> PathBuf {
        self.home.clone().expect("a command made it")
    }

    /// Runs commands as printed, types the words where gpg asks; each must succeed.
    pub fn run_all(&mut self, held: &impl Kept, steps: &[Step]) -> String {
        let mut said = String::new();
        for step in steps {
            self.send_lines(&step.lines);
            if let Some(custodian) = step.asks {
                let asked = self.session.exp_string("Enter passphrase:");
                asked.unwrap_or_else(|error| panic!("{step:?}: {error}"));
                // gpg throws away what is typed before it has switched the echo off.
                self.wait_echo(false);
                self.send(&held.words(custodian));
                self.wait_echo(true);
            }
            let (status, text) = self.finished();
            assert_eq!(status, "0", "{step:?}: {text}");
            assert!(
                !text.contains("Enter passphrase"),
                "{step:?} asks again: {text}"
            );
            said += &text;
        }
        if self.home.is_none() {
            self.send("echo \"HOME-\"\"$GNUPGHOME\"-");
            let found = self
                .session
                .exp_regex("HOME-[^\"-]+-")
                .expect("the home's name")
                .1;
            self.home = Some(PathBuf::from(
                found.trim_start_matches("HOME-").trim_end_matches('-'),
            ));
        }
        said
    }

    /// Starts a command that reads the keyboard up to Ctrl-D, and types `text`.
    pub fn type_into(&mut self, command: &[String], text: &str) {
        self.send_lines(command);
        self.send(text);
        self.session
            .send_control('d')
            .expect("the terminal takes it");
    }

    /// Types lines.
    pub fn send_lines(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.send(line));
    }

    /// What was said until now, however the last command ended.
    pub fn wait_done(&mut self) -> String {
        self.finished().1
    }

    fn send(&mut self, line: &str) {
        self.session.send_line(line).expect("the terminal takes it");
        self.session.flush().expect("the terminal takes it");
    }

    /// The last command's exit code, and all that was on the screen.
    fn finished(&mut self) -> (String, String) {
        // What is echoed of this line has no digits.
        self.send("echo \"DONE-$?\"");
        let (text, done) = self
            .session
            .exp_regex("DONE-[0-9]+")
            .expect("the command ends");
        (done.trim_start_matches("DONE-").to_string(), text)
    }

    fn wait_echo(&mut self, wanted: bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let modes = tcgetattr(&self.terminal).expect("a terminal").local_modes;
            if modes.contains(LocalModes::ECHO) == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the echo does not become {wanted}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Only a test that failed comes here with the home still there.
        if let Some(home) = self.home.take().filter(|home| home.exists()) {
            Gpg(home.clone()).stop();
            let _ = fs::remove_dir_all(home);
        }
    }
}

/// gpg with a home of its own.
pub struct Gpg(pub PathBuf);

impl Gpg {
    /// Whether it succeeded, and all that it printed.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> (bool, String) {
        let mut child = Command::new("gpg")
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .env("GNUPGHOME", &self.0)
            .current_dir(&self.0)
            .args([
                "--batch",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
                "--status-fd",
                "2",
            ])
            .arg("--no-symkey-cache")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gpg starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // gpg may end without reading all of it; how it ends is what counts.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("gpg ends");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    /// Stops the agent that gpg started for this home.
    pub fn stop(&self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", &self.0)
            .args(["--kill", "all"])
            .status();
    }
}
