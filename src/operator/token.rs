//! An operator whose key is in a YubiKey: PIN and touch are the authorisation.

use std::rc::Rc;

use super::{SignStop, Signatory};
use crate::edge::token::{Slot, Token, TokenError, Tokens};
use crate::edge::{Terminal, TerminalError};
use crate::error::Explain;
use crate::openpgp::{Certificate, OpenPgpError, TokenCertificate, TokenKeyError};
use crate::plan::Operator;
use crate::record::time::UnixTime;
use crate::record::value::{Means, Standing};
use crate::screen::{Answer, Asks, Place, Question, Reply, Who, layout};
use crate::secret::{SecretBytes, SecretText};

/// See the module.
pub struct TokenOperator {
    operator: Operator,
    serial: u32,
    key: TokenCertificate,
    certificate_file: Vec<u8>,
    standing: Standing,
    comment: Option<&'static str>,
    tokens: Rc<dyn Tokens>,
}

/// What the key in a slot is for, in words.
struct Use {
    slot: Slot,
    verb: &'static str,
    undone: &'static str,
}

const SIGN: Use = Use {
    slot: Slot::Signature,
    verb: "sign",
    undone: "Not signed",
};

const DECRYPT: Use = Use {
    slot: Slot::Decryption,
    verb: "decrypt",
    undone: "Not decrypted",
};

/// What is done with a token once its operator typed the PIN.
type Work<'a, T> =
    &'a mut dyn FnMut(&mut dyn Terminal, &mut dyn Token, &SecretText) -> Result<T, Trouble>;

/// Why it is not done yet.
enum Trouble {
    /// It ends here.
    Stop(SignStop),
    /// The operator can see to it, and have another chance.
    Token(TokenError),
    /// The operator was warned, and would rather not.
    NotNow,
}

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        Trouble::Token(error)
    }
}

impl From<SignStop> for Trouble {
    fn from(stop: SignStop) -> Self {
        Trouble::Stop(stop)
    }
}

impl From<TerminalError> for Trouble {
    fn from(error: TerminalError) -> Self {
        Trouble::Stop(error.into())
    }
}

impl TokenOperator {
    /// `serial` is the token that the keys of `key` are in; `comment` stands in the armor of every
    /// signature.
    pub fn new(
        operator: Operator,
        serial: u32,
        key: TokenCertificate,
        standing: Standing,
        comment: Option<&'static str>,
        tokens: Rc<dyn Tokens>,
    ) -> TokenOperator {
        let certificate_file = key.certificate().armored(comment);
        TokenOperator {
            operator,
            serial,
            key,
            certificate_file,
            standing,
            comment,
            tokens,
        }
    }

    /// The serial number of the operator's token.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    fn ask(
        &self,
        terminal: &mut dyn Terminal,
        asks: Asks,
        prompt: String,
        answer: Answer,
    ) -> Result<Reply, SignStop> {
        let question = Question {
            who: Who::Operator(self.operator),
            asks,
            prompt,
            answer,
        };
        match terminal.ask(&question)? {
            Reply::Exception => Err(SignStop::Exception),
            reply => Ok(reply),
        }
    }

    /// PIN and touch are the authorisation. Whatever goes wrong is said plainly, and there is
    /// another chance; `!` is the way out. The last try is left unless the operator insists.
    fn until_done<T>(
        &self,
        terminal: &mut dyn Terminal,
        what: &Use,
        work: Work<'_, T>,
    ) -> Result<T, SignStop> {
        loop {
            let error = match self.attempt(terminal, what, work) {
                Ok(done) => return Ok(done),
                Err(Trouble::Stop(stop)) => return Err(stop),
                Err(Trouble::NotNow) => None,
                Err(Trouble::Token(error)) => Some(error),
            };
            if let Some(error) = &error {
                let said = [format!("{}: {error}.", what.undone), error.remedy()];
                for line in said.iter().flat_map(|text| layout::wrap(text)) {
                    terminal.say(&line)?;
                }
            }
            let operator = self.operator;
            let again = matches!(
                error,
                Some(TokenError::WrongPin(2..) | TokenError::Form | TokenError::NotTouched)
            );
            if !again {
                let prompt = format!("Operator {operator}, press Enter to try again; `!` stops");
                self.ask(terminal, Asks::TokenReady(operator), prompt, Answer::Enter)?;
            }
        }
    }

    /// One try, with the token opened anew: whatever happened to it before plays no part.
    fn attempt<T>(
        &self,
        terminal: &mut dyn Terminal,
        what: &Use,
        work: Work<'_, T>,
    ) -> Result<T, Trouble> {
        let mut token = self.tokens.open(self.serial)?;
        let state = token.state()?;
        state.is_set_up()?;
        let keys = self.key.keys();
        let wanted = match what.slot {
            Slot::Signature => keys.signing,
            Slot::Decryption => keys.decryption,
        };
        if state.slot(what.slot).and_then(|key| key.point) != Some(wanted) {
            return Err(Trouble::Token(TokenError::OtherKey(what.slot)));
        }
        let pin = self.pin(terminal, what, state.pin.left)?;
        work(terminal, token.as_mut(), &pin)
    }

    fn pin(
        &self,
        terminal: &mut dyn Terminal,
        what: &Use,
        left: u8,
    ) -> Result<SecretText, Trouble> {
        let operator = self.operator;
        match left {
            0 => return Err(TokenError::PinBlocked.into()),
            1 => {
                terminal.say("Only 1 try is left. If the PIN is wrong again, it is blocked.")?;
                let prompt =
                    format!("Operator {operator}, type yes to use the last try, or Enter not to");
                let reply = self.ask(terminal, Asks::LastTry(operator), prompt, Answer::Line)?;
                if !matches!(reply, Reply::Line(line) if line.trim() == "yes") {
                    return Err(Trouble::NotNow);
                }
            }
            _ => {}
        }
        let tries = if left == 1 { "try" } else { "tries" };
        let verb = what.verb;
        let prompt = format!("Operator {operator}, type your PIN to {verb} ({left} {tries} left)");
        loop {
            let reply = self.ask(
                terminal,
                Asks::Pin(operator),
                prompt.clone(),
                Answer::Hidden,
            )?;
            if let Reply::Secret(pin) = reply {
                return Ok(pin);
            }
        }
    }

    fn sign_with(
        &self,
        terminal: &mut dyn Terminal,
        token: &mut dyn Token,
        pin: &SecretText,
        message: &[u8],
        at: UnixTime,
    ) -> Result<Vec<u8>, Trouble> {
        let signed = touched(terminal, |touch| {
            self.key.sign(message, at, self.comment, &mut |digest| {
                token.sign(pin, digest, touch)
            })
        })?;
        signed.map_err(|error| match error {
            TokenKeyError::Token(error) => Trouble::Token(error),
            // The token signed, but not with the certificate's key, or not rightly.
            TokenKeyError::OpenPgp(OpenPgpError::SelfTest(source)) => {
                Trouble::Token(TokenError::Garbage(source))
            }
            TokenKeyError::OpenPgp(error) => Trouble::Stop(SignStop::OpenPgp(error)),
        })
    }
}

/// Uses a token, and says when it waits for a finger.
fn touched<T>(
    terminal: &mut dyn Terminal,
    work: impl FnOnce(&mut dyn FnMut()) -> T,
) -> Result<T, TerminalError> {
    let (mut shown, mut broken) = (false, Ok(()));
    let done = work(&mut || {
        shown = true;
        broken = terminal
            .say("The PIN is right. Touch your YubiKey now: it blinks for 15 seconds.")
            .and_then(|()| terminal.work("Waiting for the touch"));
    });
    broken?;
    if shown {
        terminal.work_done()?;
    }
    Ok(done)
}

impl Signatory for TokenOperator {
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
        Means::Token
    }

    /// It never leaves the token.
    fn key_file(&self) -> Option<&[u8]> {
        None
    }

    fn sign(
        &self,
        terminal: &mut dyn Terminal,
        _place: &Place,
        message: &[u8],
        at: UnixTime,
    ) -> Result<Vec<u8>, SignStop> {
        self.until_done(terminal, &SIGN, &mut |terminal, token, pin| {
            self.sign_with(terminal, token, pin, message, at)
        })
    }

    /// The same care as with a signature. A message that another attempt would not mend ends it.
    fn decrypt(
        &self,
        terminal: &mut dyn Terminal,
        _place: &Place,
        message: &[u8],
        limit: usize,
        at: UnixTime,
    ) -> Result<SecretBytes, SignStop> {
        self.key.is_for(message).map_err(SignStop::OpenPgp)?;
        self.until_done(terminal, &DECRYPT, &mut |terminal, token, pin| {
            let plain = touched(terminal, |touch| {
                self.key.decrypt(message, limit, at, &mut |point| {
                    token.agree(pin, point, touch)
                })
            })?;
            plain.map_err(|error| match error {
                TokenKeyError::Token(error) => Trouble::Token(error),
                TokenKeyError::OpenPgp(error) => Trouble::Stop(SignStop::OpenPgp(error)),
            })
        })
    }
}
