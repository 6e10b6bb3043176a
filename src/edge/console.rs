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
//! - Typed secrets show as stars. They are read byte by byte into one buffer of full size.
//! - However the program ends, the terminal is left as it was found.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the keyboard is read"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::{
    self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios,
};
use zeroize::Zeroizing;

use super::terminal::{Terminal, TerminalError};
use crate::screen::{Answer, Page, Question, Reply, SecretPage, layout};
use crate::secret::{MAX_TYPED, SecretText};

/// The longest visible line that is read, in bytes.
const MAX_LINE: usize = 1024;

/// What these keys send.
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 0x15;
const BACKSPACE: [u8; 2] = [8, 0x7f];
const ESCAPE: u8 = 0x1b;

/// Takes a star off the screen.
const ERASE_STAR: &str = "\x08 \x08";

/// See the module.
pub struct Console {
    tty: File,
    /// Echo and Ctrl-C's signal are off as long as this lives.
    _quiet: Mode,
    bold: bool,
    blocks: bool,
    spinner: Option<ProgressBar>,
}

impl Console {
    /// Opens the controlling terminal.
    pub fn open() -> Result<Console, TerminalError> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let tty = tty.map_err(TerminalError::Io)?;
        let plain = std::env::var_os("NO_COLOR").is_some()
            || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let bold = !plain && io::stdout().is_terminal();
        let quiet = Mode::enter(&tty, |modes, _| {
            modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        })?;
        Ok(Console {
            tty,
            _quiet: quiet,
            bold,
            blocks: utf8_locale(),
            spinner: None,
        })
    }

    fn write(&mut self, text: &str) -> Result<(), TerminalError> {
        let written = self
            .tty
            .write_all(text.as_bytes())
            .and_then(|()| self.tty.flush());
        written.map_err(TerminalError::Io)
    }

    /// Forgets what was typed before a question is asked.
    fn forget_typed(&mut self) -> Result<(), TerminalError> {
        termios::tcflush(&self.tty, QueueSelector::IFlush).map_err(|e| TerminalError::Io(e.into()))
    }

    fn prompt(&mut self, question: &Question) -> Result<(), TerminalError> {
        self.forget_typed()?;
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

    /// A visible line, or `None` for Ctrl-C.
    fn read_line(&mut self) -> Result<Option<String>, TerminalError> {
        let _mode = Mode::enter(&self.tty, |modes, codes| {
            modes.insert(LocalModes::ICANON | LocalModes::ECHO);
            // Ctrl-C ends the line instead of the program.
            codes[SpecialCodeIndex::VEOL] = CTRL_C;
        })?;
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
        let _mode = Mode::enter(&self.tty, |modes, codes| {
            modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            codes[SpecialCodeIndex::VMIN] = 1;
            codes[SpecialCodeIndex::VTIME] = 0;
        })?;
        let mut line = Unseen::new();
        loop {
            let stars = match self.read_byte()? {
                b'\n' | b'\r' => break,
                CTRL_C => {
                    self.write("\n")?;
                    return Ok(None);
                }
                CTRL_D if line.is_empty() => return Err(TerminalError::Closed),
                CTRL_U => line.clear(),
                ESCAPE => {
                    self.skip_sequence()?;
                    continue;
                }
                byte if BACKSPACE.contains(&byte) => line.pop(),
                byte => line.push(byte),
            };
            self.write(&stars)?;
        }
        self.write("\n")?;
        match line.into_text() {
            Some(text) => Ok(Some(text)),
            None => {
                self.write("That cannot be read; use plain letters and digits. Again: ")?;
                self.read_hidden()
            }
        }
    }

    /// What an arrow key or the like sends after Escape is no part of a secret.
    fn skip_sequence(&mut self) -> Result<(), TerminalError> {
        if matches!(self.read_byte()?, b'[' | b'O') {
            while !(0x40..=0x7e).contains(&self.read_byte()?) {}
        }
        Ok(())
    }

    fn read_byte(&mut self) -> Result<u8, TerminalError> {
        let mut byte = Zeroizing::new([0]);
        loop {
            match self.tty.read(byte.as_mut_slice()) {
                Ok(1..) => return Ok(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Err(TerminalError::Closed),
            }
        }
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
        let lines = layout::page(page);
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
        self.prompt(question)?;
        if question.answer == Answer::Hidden {
            return Ok(match self.read_hidden()? {
                None => Reply::Exception,
                Some(text) if text.expose().trim() == "!" => Reply::Exception,
                Some(text) => Reply::Secret(text),
            });
        }
        Ok(match self.read_line()? {
            None => Reply::Exception,
            Some(line) if line.trim() == "!" => Reply::Exception,
            Some(line) => Reply::Line(line),
        })
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        self.write("\x1b[?1049h\x1b[H\x1b[2J")?;
        self.page(&page.page)?;
        let words = layout::secret_words(page.words);
        self.write(words.expose())?;
        self.forget_typed()?;
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
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let spinner = ProgressBar::new_spinner().with_style(style.tick_chars("|/-\\ "));
            spinner.set_message(label.to_string());
            spinner.enable_steady_tick(Duration::from_millis(250));
            self.spinner = Some(spinner);
            return Ok(());
        }
        self.write(&format!("{label} ...\n"))
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
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

/// A secret while it is typed, in a buffer that never grows.
struct Unseen(Zeroizing<Vec<u8>>);

impl Unseen {
    fn new() -> Unseen {
        Unseen(Zeroizing::new(Vec::with_capacity(MAX_TYPED)))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a byte; returns what shows it. Control characters are not taken, nor what is too
    /// much: then no star appears.
    fn push(&mut self, byte: u8) -> String {
        if byte < b' ' || self.0.len() == MAX_TYPED {
            return String::new();
        }
        self.0.push(byte);
        if begins_character(byte) { "*" } else { "" }.to_string()
    }

    fn pop(&mut self) -> String {
        while let Some(byte) = self.0.pop() {
            if begins_character(byte) {
                return ERASE_STAR.to_string();
            }
        }
        String::new()
    }

    fn clear(&mut self) -> String {
        let stars = self.0.iter().filter(|byte| begins_character(**byte));
        let erase = ERASE_STAR.repeat(stars.count());
        self.0.clear();
        erase
    }

    /// `None` if it is no UTF-8: typed at a keyboard with an old character set.
    fn into_text(self) -> Option<SecretText> {
        let typed = std::str::from_utf8(&self.0).ok()?;
        let mut text = SecretText::with_capacity(MAX_TYPED);
        text.push_str(typed);
        Some(text)
    }
}

/// Whether a byte is not in the middle of a UTF-8 character.
fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
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

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> (Unseen, String) {
        let mut line = Unseen::new();
        let stars = bytes.iter().map(|byte| line.push(*byte)).collect();
        (line, stars)
    }

    #[test]
    fn each_character_shows_as_one_star_and_none_as_itself() {
        let (line, stars) = typed("caf\u{e9} \u{1f6b2}\t".as_bytes());
        assert_eq!(stars, "******");
        assert_eq!(
            line.into_text().expect("UTF-8").expose(),
            "caf\u{e9} \u{1f6b2}"
        );
    }

    #[test]
    fn keys_that_correct_take_whole_characters_back() {
        let (mut line, _) = typed("a\u{e9}".as_bytes());
        assert_eq!(line.pop(), ERASE_STAR);
        assert_eq!(line.clear(), ERASE_STAR);
        assert_eq!((line.pop(), line.clear()), (String::new(), String::new()));
        assert_eq!(line.into_text().expect("UTF-8").expose(), "");
    }

    #[test]
    fn what_is_too_long_or_no_utf8_neither_grows_the_buffer_nor_ends_the_program() {
        let (line, stars) = typed(&[b'x'; MAX_TYPED + 5]);
        assert_eq!(stars.len(), MAX_TYPED);
        assert_eq!(line.0.capacity(), MAX_TYPED);
        assert!(typed(b"caf\xe9").0.into_text().is_none());
    }
}
