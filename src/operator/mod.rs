//! An operator is someone who can sign; nothing more.
//!
//! How (a passphrase, a token with PIN and touch) is known here alone, so that neither steps
//! nor the record change when another way is added.

mod file;
mod token;

pub use file::{FileOperator, key_path};
pub use token::TokenOperator;

use std::fmt;

use crate::edge::{Terminal, TerminalError};
use crate::openpgp::{Certificate, OpenPgpError};
use crate::record::time::UnixTime;
use crate::record::value::{Means, Standing};
use crate::screen::Place;
use crate::secret::SecretBytes;

/// Someone who can sign.
pub trait Signatory {
    /// The certificate that the signatures verify against.
    fn certificate(&self) -> &Certificate;

    /// The certificate's file, as it lies in the record.
    fn certificate_file(&self) -> &[u8];

    /// Whether the certificate was pinned before or made in the session.
    fn standing(&self) -> Standing;

    /// By file or by token.
    fn means(&self) -> Means;

    /// The key file that lies on the operator's medium, where it was made in the session.
    fn key_file(&self) -> Option<&[u8]>;

    /// Lets the operator authorise, and signs `message`: a detached, armored OpenPGP signature
    /// in binary mode, made at `at`.
    fn sign(
        &self,
        terminal: &mut dyn Terminal,
        place: &Place,
        message: &[u8],
        at: UnixTime,
    ) -> Result<Vec<u8>, SignStop>;

    /// Lets the operator authorise, and decrypts an armored message that is for them, of at most
    /// `limit` bytes of content. Only operators with a token are ever asked.
    ///
    /// # Errors
    ///
    /// [`SignStop::OpenPgp`] if the message is not for this operator, or not whole.
    fn decrypt(
        &self,
        terminal: &mut dyn Terminal,
        place: &Place,
        message: &[u8],
        limit: usize,
        at: UnixTime,
    ) -> Result<SecretBytes, SignStop>;
}

/// Why there is no signature, or nothing was decrypted.
#[derive(Debug)]
pub enum SignStop {
    /// The operator typed `!`.
    Exception,
    /// The terminal is gone.
    Terminal(TerminalError),
    /// The key cannot do it.
    OpenPgp(OpenPgpError),
}

impl fmt::Display for SignStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignStop::Exception => f.write_str("the operator did not authorise it"),
            SignStop::Terminal(error) => error.fmt(f),
            SignStop::OpenPgp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SignStop {}

impl From<TerminalError> for SignStop {
    fn from(error: TerminalError) -> Self {
        SignStop::Terminal(error)
    }
}
