//! A token that lives in a file, so that it outlives the program that holds it.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::io;
use std::path::{Path, PathBuf};

use crate::token::{SharedToken, Token};

/// A token, and the file that is written whenever the token has changed.
pub(crate) struct Saved {
    file: PathBuf,
    text: String,
}

impl Saved {
    pub fn open(file: &Path) -> io::Result<(SharedToken, Self)> {
        let text = std::fs::read_to_string(file)?;
        let token = Token::from_json(&text)?.shared();
        let file = file.to_owned();
        Ok((token, Self { file, text }))
    }

    /// After each command.
    pub fn keep(&mut self, token: &Token) -> io::Result<()> {
        let now = token.to_json();
        if now != self.text {
            // Never half a token: a test may be killed at any time.
            let new = self.file.with_extension("new");
            std::fs::write(&new, &now)?;
            std::fs::rename(new, &self.file)?;
            self.text = now;
        }
        Ok(())
    }
}
