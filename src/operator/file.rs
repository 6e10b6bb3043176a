//! An operator whose key is a passphrase-protected file on their own stick.

use super::{SignStop, Signatory};
use crate::edge::Terminal;
use crate::openpgp::{Certificate, LockedKey, OpenPgpError, SignError};
use crate::plan::Operator;
use crate::record::time::UnixTime;
use crate::record::value::{Means, Standing};
use crate::screen::{Answer, Asks, Place, Question, Reply, Who};
use crate::secret::{SecretBytes, SecretText};

/// Where a key that was made in the session lies on its operator's medium.
pub fn key_path(id: &str, operator: Operator) -> String {
    let letter = operator.to_string().to_lowercase();
    format!("{id}/operator-{letter}.key.asc")
}

/// See the module.
pub struct FileOperator {
    operator: Operator,
    key: LockedKey,
    certificate_file: Vec<u8>,
    standing: Standing,
    comment: Option<&'static str>,
}

impl FileOperator {
    /// `comment` stands in the armor of every signature.
    pub fn new(
        operator: Operator,
        key: LockedKey,
        standing: Standing,
        comment: Option<&'static str>,
    ) -> FileOperator {
        let certificate_file = key.certificate().armored(comment);
        FileOperator {
            operator,
            key,
            certificate_file,
            standing,
            comment,
        }
    }

    /// Whether this passphrase unlocks the key.
    pub fn opens_with(&self, passphrase: &SecretText) -> bool {
        self.key.opens_with(passphrase)
    }
}

impl Signatory for FileOperator {
    fn certificate(&self) -> &Certificate {
        self.key.certificate()
    }

    fn certificate_file(&self) -> &[u8] {
        &self.certificate_file
    }

    fn standing(&self) -> Standing {
        self.standing
    }

    fn means(&self) -> Means {
        Means::File
    }

    fn key_file(&self) -> Option<&[u8]> {
        (self.standing == Standing::Enrolled).then(|| self.key.bytes())
    }

    /// A key file holds nothing that could be encrypted to.
    fn decrypt(
        &self,
        _terminal: &mut dyn Terminal,
        _place: &Place,
        _message: &[u8],
        _limit: usize,
        _at: UnixTime,
    ) -> Result<SecretBytes, SignStop> {
        Err(SignStop::OpenPgp(OpenPgpError::OnlySigns))
    }

    /// Typing the passphrase is the authorisation. It may be tried as often as it takes; a key
    /// file cannot be locked by wrong tries, and `!` is the way out.
    fn sign(
        &self,
        terminal: &mut dyn Terminal,
        _place: &Place,
        message: &[u8],
        at: UnixTime,
    ) -> Result<Vec<u8>, SignStop> {
        let question = Question {
            who: Who::Operator(self.operator),
            asks: Asks::Passphrase(self.operator),
            prompt: format!("Operator {}, type your passphrase to sign", self.operator),
            answer: Answer::Hidden,
        };
        loop {
            let passphrase = match terminal.ask(&question)? {
                Reply::Secret(passphrase) => passphrase,
                Reply::Line(_) => continue,
                Reply::Exception => return Err(SignStop::Exception),
            };
            terminal.work("Signing")?;
            let signature = self.key.sign(&passphrase, message, at, self.comment);
            terminal.work_done()?;
            match signature {
                Ok(signature) => return Ok(signature),
                Err(SignError::WrongPassphrase) => {
                    terminal
                        .say("That is not the passphrase of this key. Try again; `!` stops.")?;
                }
                Err(SignError::Other(error)) => return Err(SignStop::OpenPgp(error)),
            }
        }
    }
}
