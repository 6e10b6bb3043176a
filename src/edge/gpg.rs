//! The system's own gpg, as an independent reader of what was just written.
//!
//! It works in a fresh home in RAM that is gone afterwards. No secret is in an argument,
//! in the environment or in a file outside that home. Every call is bounded in time.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where programs are looked for"
)]

pub(super) mod child;
mod home;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use self::child::Answer;
pub use self::child::ChildError;
use self::home::Home;
use crate::digest::Fingerprint;
use crate::edge::facts::GpgFound;
use crate::error::Explain;
use crate::secret::{SecretBytes, SecretText};

/// How long one call of gpg may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How much longer than the message its plain text may be, in bytes. Our messages are not
/// compressed, so theirs is shorter; the rest is for small messages that are.
const SLACK: usize = 64 * 1024;

/// What the drill asks of stock gpg.
pub trait StockGpg {
    /// The first line of `gpg --version`.
    fn version(&self) -> String;

    /// Decrypts a message that is encrypted to one password (OpenPGP, binary or armored).
    ///
    /// # Errors
    /// [`GpgError::WrongPassword`] when gpg says so; otherwise see [`GpgError`].
    fn decrypt_with_password(
        &mut self,
        message: &[u8],
        password: &SecretText,
    ) -> Result<SecretBytes, GpgError>;

    /// Restores `secret_key` (one unprotected transferable secret key, RFC 9580 section 10.2,
    /// binary or armored) into a fresh home, signs `nonce` and decrypts `encrypted_nonce` with it.
    ///
    /// # Errors
    /// See [`GpgError`]. The home is gone in either case.
    fn restore_and_use(
        &mut self,
        secret_key: &SecretBytes,
        nonce: &[u8],
        encrypted_nonce: &[u8],
    ) -> Result<Used, GpgError>;
}

/// What a restored key could do.
pub struct Used {
    /// A detached, armored, binary-mode signature over the nonce.
    pub signature: Vec<u8>,
    /// The plain text of the encrypted nonce.
    pub decrypted: SecretBytes,
    /// The primary fingerprint of the key that gpg restored.
    pub fingerprint: Fingerprint,
}

/// Why stock gpg could not do what it was asked.
#[derive(Debug)]
pub enum GpgError {
    /// The password does not open the message.
    WrongPassword,
    /// The password has a line feed or a zero byte, which no typed password has.
    NotOneLine,
    /// No home could be made.
    Home {
        /// The folder that it should have been in.
        place: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The home could not be removed.
    HomeLeft {
        /// The home.
        place: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// gpg gave no answer.
    NoAnswer {
        /// What it was asked to do, as in "could not ...".
        action: &'static str,
        /// What went wrong.
        source: ChildError,
    },
    /// gpg answered that it could not, or not in the way that was expected.
    Failed {
        /// What it was asked to do, as in "could not ...".
        action: &'static str,
        /// Its last message, in printable ASCII.
        said: String,
    },
}

impl fmt::Display for GpgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GpgError::WrongPassword => f.write_str("gpg says that the password is wrong"),
            GpgError::NotOneLine => f.write_str("the password is not a single line of text"),
            GpgError::Home { place, .. } => {
                write!(f, "gpg's folder could not be made in {}", place.display())
            }
            GpgError::HomeLeft { place, .. } => {
                write!(f, "gpg's folder {} could not be removed", place.display())
            }
            GpgError::NoAnswer { action, .. } => write!(f, "gpg could not {action}"),
            GpgError::Failed { action, said } => write!(f, "gpg could not {action} ({said})"),
        }
    }
}

impl std::error::Error for GpgError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            GpgError::Home { source, .. } | GpgError::HomeLeft { source, .. } => Some(source),
            GpgError::NoAnswer { source, .. } => Some(source),
            GpgError::WrongPassword | GpgError::NotOneLine | GpgError::Failed { .. } => None,
        }
    }
}

impl Explain for GpgError {
    fn remedy(&self) -> String {
        match self {
            GpgError::WrongPassword => "Type the words again, from the card.".to_string(),
            GpgError::NotOneLine => {
                "Type the words again in one line, with blanks between them.".to_string()
            }
            GpgError::Home { place, .. } => format!(
                "Make room in {0}, or make it writable, then try again: df {0}",
                place.display()
            ),
            GpgError::HomeLeft { place, .. } => format!(
                "It may hold the secret key. It is in memory only: switch the machine off when \
                 the ceremony is over, and do not copy {}.",
                place.display()
            ),
            GpgError::NoAnswer { .. } => {
                "Try again. If it happens again, restart the machine and resume the ceremony."
                    .to_string()
            }
            GpgError::Failed { .. } => "What was written may be damaged, or a word is wrong. Type \
                 the words again; if it fails again, replace the medium as an exception."
                .to_string(),
        }
    }
}

/// Looks for gpg in the folders of `search_path` (as in `PATH`; relative ones are passed over),
/// and for a folder in RAM for its home, also in `runtime` (as in `XDG_RUNTIME_DIR`).
pub(super) fn look(
    search_path: &OsStr,
    runtime: Option<PathBuf>,
) -> Option<(GpgFound, Option<Gpg>)> {
    let path = find("gpg", search_path)?;
    let version = version_line(&path, search_path)?;
    let memory = home::memory_folder(runtime);
    let found = GpgFound {
        path: path.clone(),
        version: version.clone(),
        home_in_memory: memory.is_some(),
    };
    let gpg = memory.map(|memory| Gpg {
        gpgconf: find("gpgconf", search_path),
        program: path,
        search_path: search_path.to_os_string(),
        version,
        memory,
        limit: LIMIT,
    });
    Some((found, gpg))
}

/// The first executable file called `name` in the absolute folders of `search_path`.
fn find(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| {
            path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
        })
}

fn version_line(program: &Path, search_path: &OsStr) -> Option<String> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", search_path)
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    // Asking for the version needs no home; without this it would be the user's own.
    command
        .env("GNUPGHOME", "/nonexistent")
        .args(["--no-options", "--version"]);
    let answer = child::talk(&mut command, &[], SLACK, Duration::from_secs(10)).ok()?;
    let text = String::from_utf8_lossy(answer.output.expose()).into_owned();
    let line = text
        .lines()
        .next()
        .filter(|line| line.starts_with("gpg "))?;
    answer.success.then(|| printable(line))
}

/// The system's own gpg.
pub struct Gpg {
    program: PathBuf,
    gpgconf: Option<PathBuf>,
    search_path: OsString,
    version: String,
    memory: PathBuf,
    limit: Duration,
}

impl Gpg {
    /// Does `work` in a fresh home, which is gone afterwards however it went.
    fn at_home<T>(&self, work: impl FnOnce(&Home) -> Result<T, GpgError>) -> Result<T, GpgError> {
        let home = Home::make(&self.memory, self.gpgconf.clone(), self.search_path.clone())
            .map_err(|source| GpgError::Home {
                place: self.memory.clone(),
                source,
            })?;
        let place = home.path().to_path_buf();
        let result = work(&home);
        let removed = home
            .remove()
            .map_err(|source| GpgError::HomeLeft { place, source });
        // What went wrong first says more.
        let value = result?;
        removed.map(|()| value)
    }

    /// One call of gpg; `action` names it in errors.
    fn call(
        &self,
        home: &Home,
        action: &'static str,
        arguments: &[&str],
        input: &[&[u8]],
        room: usize,
    ) -> Result<Answer, GpgError> {
        let mut command = home.command(&self.program);
        command
            .args([
                "--batch",
                "--no-tty",
                "--no-options",
                "--no-greeting",
                "--status-fd",
                "2",
            ])
            .args([
                "--pinentry-mode",
                "loopback",
                "--no-symkey-cache",
                "--disable-dirmngr",
            ])
            .args(["--no-random-seed-file", "--no-auto-check-trustdb"])
            .args(["--trust-model", "always"])
            .args(arguments);
        child::talk(&mut command, input, room, self.limit)
            .map_err(|source| GpgError::NoAnswer { action, source })
    }

    fn decrypt_restored(&self, home: &Home, message: &[u8]) -> Result<SecretBytes, GpgError> {
        let action = "decrypt with the restored key";
        let room = message.len() + SLACK;
        let answer = self.call(home, action, &["--decrypt"], &[message], room)?;
        if decrypted_well(&answer) {
            Ok(answer.output)
        } else {
            Err(failed(action, &answer))
        }
    }
}

impl StockGpg for Gpg {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn decrypt_with_password(
        &mut self,
        message: &[u8],
        password: &SecretText,
    ) -> Result<SecretBytes, GpgError> {
        let action = "decrypt the message";
        let password = password.expose().as_bytes();
        if password.iter().any(|byte| matches!(byte, b'\n' | 0)) {
            return Err(GpgError::NotOneLine);
        }
        // gpg takes an empty password for none at all and would speak of a missing key.
        if password.is_empty() {
            return Err(GpgError::WrongPassword);
        }
        self.at_home(|home| {
            // gpg reads the password byte by byte up to the line feed; what follows in the same
            // pipe is the message. A password alone needs no agent.
            let arguments = ["--no-autostart", "--passphrase-fd", "0", "--decrypt"];
            let input = [password, b"\n", message];
            let answer = self.call(home, action, &arguments, &input, message.len() + SLACK)?;
            if decrypted_well(&answer) {
                return Ok(answer.output);
            }
            let mut lines = status(&answer.messages);
            match lines.any(|(word, rest)| word == "ERROR" && rest.ends_with("_BAD_PASSPHRASE")) {
                true => Err(GpgError::WrongPassword),
                false => Err(failed(action, &answer)),
            }
        })
    }

    fn restore_and_use(
        &mut self,
        secret_key: &SecretBytes,
        nonce: &[u8],
        encrypted_nonce: &[u8],
    ) -> Result<Used, GpgError> {
        self.at_home(|home| {
            let action = "restore the key";
            let answer = self.call(home, action, &["--import"], &[secret_key.expose()], SLACK)?;
            let fingerprint = restored(&answer).ok_or_else(|| failed(action, &answer))?;

            let action = "sign with the restored key";
            let signer = fingerprint.to_string();
            let arguments = ["--local-user", &signer, "--armor", "--detach-sign"];
            let signed = self.call(home, action, &arguments, &[nonce], SLACK)?;
            let created = status(&signed.messages).filter(|(word, _)| *word == "SIG_CREATED");
            if !signed.success || created.count() != 1 {
                return Err(failed(action, &signed));
            }

            let decrypted = self.decrypt_restored(home, encrypted_nonce)?;
            let signature = signed.output.expose().to_vec();
            Ok(Used {
                signature,
                decrypted,
                fingerprint,
            })
        })
    }
}

/// gpg's status lines (its doc/DETAILS): a keyword and the rest.
fn status(messages: &str) -> impl Iterator<Item = (&str, &str)> {
    messages
        .lines()
        .filter_map(|line| line.strip_prefix("[GNUPG:] "))
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
}

/// Whether exactly one message was decrypted and was not changed on its way.
fn decrypted_well(answer: &Answer) -> bool {
    let count = |wanted| {
        status(&answer.messages)
            .filter(|(word, _)| *word == wanted)
            .count()
    };
    answer.success
        && count("DECRYPTION_OKAY") == 1
        && count("GOODMDC") == 1
        && count("PLAINTEXT") == 1
        && count("DECRYPTION_FAILED") == 0
}

/// The fingerprint of the one secret key that was imported; `None` if there is not just one.
///
/// `IMPORT_OK <flags> <fingerprint>`, where the flag 16 means "contains private key".
fn restored(answer: &Answer) -> Option<Fingerprint> {
    let imported: Vec<(&str, &str)> = status(&answer.messages)
        .filter(|(word, _)| *word == "IMPORT_OK")
        .filter_map(|(_, rest)| rest.split_once(' '))
        .collect();
    let (_, first) = imported.first()?;
    let alone = imported.iter().all(|(_, fingerprint)| fingerprint == first);
    let is_secret = |flags: &str| flags.parse().is_ok_and(|flags: u32| flags & 16 != 0);
    let secret = imported.iter().any(|(flags, _)| is_secret(flags));
    let fingerprint = Fingerprint::parse(&first.to_ascii_lowercase())?;
    (answer.success && alone && secret).then_some(fingerprint)
}

fn failed(action: &'static str, answer: &Answer) -> GpgError {
    let said = answer
        .messages
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("gpg: "));
    GpgError::Failed {
        action,
        said: said.map_or_else(|| "no message".to_string(), printable),
    }
}

/// A message as it may be shown: printable ASCII, at most 120 characters.
fn printable(line: &str) -> String {
    crate::printable(line, 120)
}
