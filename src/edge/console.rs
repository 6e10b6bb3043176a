//! The terminal of a real machine. Its rules:
//!
//! - Line-oriented: a page is printed below the one before, nothing moves on the screen, so a
//!   plain console, a serial line and a screen reader show the same.
//! - Colour never carries a meaning of its own; there is none under `NO_COLOR` or where the
//!   output is no terminal.
//! - Secrets are shown on the alternate screen where there is one; the screen and its
//!   scrollback are erased before it is left.
//! - `!` at any prompt, or Ctrl-C, is an exception. End of input closes the terminal.
//! - Nothing is echoed but what answers a visible question: not a secret that is typed too
//!   early, either. What was typed before a question was asked does not answer it.
//! - Typed secrets are read with the `rpassword` crate and show as stars.
//! - However the program ends, the terminal is left as it was found.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the keyboard is read"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::{
    self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios,
};
use signal_hook::consts::SIGINT;

use super::live;
use super::terminal::{Meter, Terminal, TerminalError};
use super::test_only;
use crate::screen::{Answer, Page, Question, Reply, SecretPage, layout};
use crate::secret::SecretText;

/// The longest visible line that is read, in bytes.
const MAX_LINE: usize = 1024;

/// What Ctrl-C sends.
const CTRL_C: u8 = 3;

/// See the module.
pub struct Console {
    tty: File,
    /// Echo and Ctrl-C's signal are off as long as this lives.
    _quiet: Mode,
    bold: bool,
    blocks: bool,
    /// The live image has a shell: every page says so.
    debug: bool,
    spinner: Option<ProgressBar>,
    /// What is being worked at; the spinner stands still while something is asked in between.
    work: Option<String>,
}

impl Console {
    /// Opens the controlling terminal.
    pub fn open() -> Result<Console, TerminalError> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let tty = tty.map_err(TerminalError::Io)?;
        let plain = std::env::var_os("NO_COLOR").is_some()
            || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let bold = !plain && io::stdout().is_terminal();
        // The reader of secrets raises the signal at Ctrl-C: it must not end the program.
        let unused = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGINT, unused).map_err(TerminalError::Io)?;
        let quiet = Mode::enter(&tty, |modes, _| {
            modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        })?;
        Ok(Console {
            tty,
            _quiet: quiet,
            bold,
            blocks: utf8_locale(),
            debug: live::is_debug(&test_only::root()),
            spinner: None,
            work: None,
        })
    }

    fn write(&mut self, text: &str) -> Result<(), TerminalError> {
        let written = self
            .tty
            .write_all(text.as_bytes())
            .and_then(|()| self.tty.flush());
        written.map_err(TerminalError::Io)
    }

    /// Before a visible question: what was typed so far is forgotten, and echo is on.
    fn visible(&self) -> Result<Mode, TerminalError> {
        self.forget_typed()?;
        Mode::enter(&self.tty, |modes, codes| {
            modes.insert(LocalModes::ICANON | LocalModes::ECHO);
            // Ctrl-C ends the line instead of the program.
            codes[SpecialCodeIndex::VEOL] = CTRL_C;
        })
    }

    /// Before a question for a secret: what was typed so far is forgotten, and keys come one by one.
    fn hidden(&self) -> Result<Mode, TerminalError> {
        self.forget_typed()?;
        Mode::enter(&self.tty, |modes, codes| {
            modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            codes[SpecialCodeIndex::VMIN] = 1;
            codes[SpecialCodeIndex::VTIME] = 0;
        })
    }

    fn forget_typed(&self) -> Result<(), TerminalError> {
        termios::tcflush(&self.tty, QueueSelector::IFlush).map_err(|e| TerminalError::Io(e.into()))
    }

    fn prompt(&mut self, question: &Question) -> Result<(), TerminalError> {
        if let Answer::Choice(choices) = &question.answer {
            for (at, (_, text)) in choices.iter().enumerate() {
                self.write(&format!("  {}  {text}\n", at + 1))?;
            }
        }
        let hint = match &question.answer {
            Answer::Choice(_) => " (number)",
            _ => "",
        };
        self.write(&format!("{}{hint}: ", question.prompt))
    }

    /// Takes the spinner off the screen: it would be drawn over what is asked.
    fn hide_spinner(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn show_spinner(&mut self) {
        if let Some(label) = &self.work {
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let spinner = ProgressBar::new_spinner().with_style(style.tick_chars("|/-\\ "));
            spinner.set_message(label.clone());
            spinner.enable_steady_tick(Duration::from_millis(250));
            self.spinner = Some(spinner);
        }
    }

    /// A visible line, or `None` for Ctrl-C.
    fn read_line(&mut self) -> Result<Option<String>, TerminalError> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match self.tty.read(&mut byte) {
                Ok(0) => return Err(TerminalError::Closed),
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) if byte[0] == CTRL_C => {
                    self.write("\n")?;
                    return Ok(None);
                }
                Ok(_) if line.len() < MAX_LINE => line.push(byte[0]),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(TerminalError::Closed),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// An unseen line, or `None` for Ctrl-C.
    fn read_hidden(&mut self) -> Result<Option<SecretText>, TerminalError> {
        loop {
            let config = rpassword::ConfigBuilder::new()
                .password_feedback_mask('*')
                .build();
            match rpassword::read_password_with_config(config) {
                Ok(text) => return Ok(Some(SecretText::from_string(text))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
                // Typed at a keyboard with an old character set.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.write("\nThat cannot be read; use plain letters and digits. Again: ")?;
                }
                Err(_) => return Err(TerminalError::Closed),
            }
        }
    }

    fn asked(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        if question.answer == Answer::Hidden {
            let _mode = self.hidden()?;
            self.prompt(question)?;
            return Ok(match self.read_hidden()? {
                None => Reply::Exception,
                Some(text) if text.expose().trim() == "!" => Reply::Exception,
                Some(text) => Reply::Secret(text),
            });
        }
        let _mode = self.visible()?;
        self.prompt(question)?;
        Ok(match self.read_line()? {
            None => Reply::Exception,
            Some(line) if line.trim() == "!" => Reply::Exception,
            Some(line) => Reply::Line(line),
        })
    }

    /// Erases the screen and its scrollback, on the alternate screen and on the ordinary one:
    /// a console without an alternate screen showed the secret on the ordinary one.
    fn erase(&mut self) -> Result<(), TerminalError> {
        const ERASE: &str = "\x1b[H\x1b[2J\x1b[3J";
        self.write(ERASE)?;
        self.write("\x1b[?1049l")?;
        self.write(ERASE)
    }
}

impl Terminal for Console {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        self.hide_spinner();
        let lines = layout::page(page);
        if self.debug {
            self.write("DEBUG IMAGE WITH A SHELL: NEVER FOR A CEREMONY\n")?;
        }
        for line in &lines {
            let title = self.bold && !line.is_empty() && *line == page.title;
            let line = if title {
                format!("\x1b[1m{line}\x1b[0m\n")
            } else {
                format!("{line}\n")
            };
            self.write(&line)?;
        }
        Ok(())
    }

    fn draws_blocks(&self) -> bool {
        self.blocks
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.write(&format!("{line}\n"))
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        self.hide_spinner();
        let reply = self.asked(question);
        self.show_spinner();
        reply
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        self.write("\x1b[?1049h\x1b[H\x1b[2J")?;
        self.page(&page.page)?;
        let words = layout::secret_words(page.words);
        self.write(words.expose())?;
        let _mode = self.visible()?;
        self.write("\nPress Enter when the card is complete and checked: ")?;
        let line = self.read_line();
        // Whatever was typed, or not: nothing stays on the screen.
        self.erase()?;
        Ok(match line? {
            None => Reply::Exception,
            Some(line) if line.trim() == "!" => Reply::Exception,
            Some(line) => Reply::Line(line),
        })
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        if self.bold {
            self.work = Some(label.to_string());
            self.show_spinner();
            return Ok(());
        }
        self.write(&format!("{label} ...\n"))
    }

    fn meter(&mut self, label: &str, total: u64) -> Result<Meter, TerminalError> {
        if !self.bold {
            self.work(label)?;
            return Ok(Box::new(|_| {}));
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        // Two signs that every console has.
        let bar = ProgressBar::new(total).with_style(style.progress_chars("##-"));
        bar.set_message(label.to_string());
        self.spinner = Some(bar.clone());
        Ok(Box::new(move |done| bar.set_position(done)))
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        self.work = None;
        self.hide_spinner();
        Ok(())
    }
}

/// Whether the locale says that characters beyond ASCII can be shown.
fn utf8_locale() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    set.is_some_and(|locale| {
        locale
            .to_ascii_lowercase()
            .replace('-', "")
            .contains("utf8")
    })
}

/// A terminal in another mode until this is dropped.
struct Mode {
    tty: File,
    before: Termios,
}

impl Mode {
    fn enter(
        tty: &File,
        change: impl FnOnce(&mut LocalModes, &mut termios::SpecialCodes),
    ) -> Result<Mode, TerminalError> {
        let tty = tty.try_clone().map_err(TerminalError::Io)?;
        let before = termios::tcgetattr(&tty).map_err(|e| TerminalError::Io(e.into()))?;
        let mut mode = before.clone();
        change(&mut mode.local_modes, &mut mode.special_codes);
        termios::tcsetattr(&tty, OptionalActions::Now, &mode)
            .map_err(|e| TerminalError::Io(e.into()))?;
        Ok(Mode { tty, before })
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = termios::tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}
