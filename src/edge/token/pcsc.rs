//! Real tokens, through PC/SC.
//!
//! A token that was opened lives in a thread of its own, to which the operations are handed one
//! by one; whoever waits, waits for a limited time. What a thread does that is waited for no
//! longer is cut off by the system's service or ends with the program.
//!
//! Residue: the token library keeps the PIN that was last verified, and management keys, in
//! memory that it does not overwrite (they are freed with the token, which is never kept longer
//! than for one thing). It would trace APDUs, PINs included: the build leaves all logging out
//! (`log`'s features in Cargo.toml).

mod operations;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use ::pcsc::Disposition;
use yubikey::reader::Context;
use yubikey::{Error, YubiKey};

use super::{About, Firmware, OLDEST, Point, Slot, State, Token, TokenError, Tokens, is_code};
use crate::openpgp::EcdsaSignature;
use crate::secret::{SecretBytes, SecretText};

/// How long an operation without a touch may take. The slowest, making a key, takes a second.
pub const ORDINARY: Duration = Duration::from_secs(20);
/// How long one with a touch may take. The token itself gives up after 15 seconds.
pub const TOUCH: Duration = Duration::from_secs(30);

/// The readers that the system's pcscd knows.
pub struct PcscTokens {
    ordinary: Duration,
    touch: Duration,
}

impl Default for PcscTokens {
    fn default() -> PcscTokens {
        PcscTokens::with_limits(ORDINARY, TOUCH)
    }
}

impl PcscTokens {
    /// With other limits than [`ORDINARY`] and [`TOUCH`].
    pub fn with_limits(ordinary: Duration, touch: Duration) -> PcscTokens {
        PcscTokens { ordinary, touch }
    }
}

impl Tokens for PcscTokens {
    fn list(&self) -> Result<Vec<About>, TokenError> {
        bounded(self.ordinary, || {
            let (found, _) = look(None)?;
            Ok(found)
        })
    }

    fn open(&self, serial: u32) -> Result<Box<dyn Token>, TokenError> {
        let (jobs, work) = channel::<Job>();
        let (told, opened) = channel();
        let (end, ended) = channel();
        spawn(move || {
            serve(serial, &told, &work);
            drop(end);
        })?;
        let about = wait(&opened, self.ordinary)??;
        Ok(Box::new(PcscToken {
            about,
            jobs: Some(jobs),
            ended,
            ordinary: self.ordinary,
            touch: self.touch,
        }))
    }
}

type Job = Box<dyn FnOnce(&mut YubiKey) + Send>;

/// The life of a token that was opened.
fn serve(serial: u32, told: &Sender<Result<About, TokenError>>, work: &Receiver<Job>) {
    let mut token = match find(serial) {
        Ok((about, token)) => {
            // Nobody waits any more if the time was up.
            if told.send(Ok(about)).is_err() {
                return;
            }
            token
        }
        Err(error) => {
            let _ = told.send(Err(error));
            return;
        }
    };
    while let Ok(job) = work.recv() {
        job(&mut token);
    }
    // Dropping it resets the card: no PIN stays verified.
}

fn find(serial: u32) -> Result<(About, YubiKey), TokenError> {
    let (found, token) = look(Some(serial))?;
    match token {
        Some((about, _)) if about.firmware < OLDEST => Err(TokenError::TooOld {
            firmware: about.firmware,
            oldest: OLDEST,
        }),
        Some(token) => Ok(token),
        None if found.is_empty() => Err(TokenError::NoToken),
        None => Err(TokenError::WrongToken {
            wanted: serial,
            found: found.iter().map(|about| about.serial).collect(),
        }),
    }
}

/// What is there, and the one that is wanted. The others are left as they were.
fn look(wanted: Option<u32>) -> Result<(Vec<About>, Option<(About, YubiKey)>), TokenError> {
    let (mut found, mut taken, mut trouble) = (Vec::new(), None, None);
    let mut context = match Context::open() {
        Ok(context) => context,
        Err(error) if no_readers(error) => return Ok((found, None)),
        Err(error) => return Err(operations::explain(error)),
    };
    let readers = match context.iter() {
        Ok(readers) => readers,
        Err(error) if no_readers(error) => return Ok((found, None)),
        Err(error) => return Err(operations::explain(error)),
    };
    for reader in readers {
        // A token that is just coming or going answers half; the second time it is clear.
        let opened = match reader.open() {
            Err(
                Error::GenericError
                | Error::SizeError
                | Error::ParseError
                | Error::PcscError {
                    inner: Some(::pcsc::Error::ResetCard),
                },
            ) => reader.open(),
            other => other,
        };
        match opened {
            Ok(token) => {
                let about = about(&token);
                found.push(about.clone());
                if wanted == Some(about.serial) && taken.is_none() {
                    taken = Some((about, token));
                } else {
                    // It was read, and nothing else was done to it.
                    let _ = token.disconnect(Disposition::LeaveCard);
                }
            }
            // An empty reader, a card of another kind, or one that is just going.
            Err(error) if is_no_token(error) => {}
            Err(error) => trouble = Some(error),
        }
    }
    match (wanted, &taken, trouble) {
        // It may be the one that is wanted.
        (Some(_), None, Some(error)) => Err(operations::explain(error)),
        _ => Ok((found, taken)),
    }
}

fn no_readers(error: Error) -> bool {
    matches!(
        error,
        Error::PcscError {
            inner: Some(::pcsc::Error::NoReadersAvailable)
        }
    )
}

fn is_no_token(error: Error) -> bool {
    use ::pcsc::Error as P;
    match error {
        Error::AppletNotFound { .. } => true,
        Error::PcscError { inner: Some(inner) } => !matches!(
            inner,
            P::SharingViolation | P::NoService | P::ServiceStopped | P::NoAccess
        ),
        _ => false,
    }
}

fn about(token: &YubiKey) -> About {
    let version = token.version();
    About {
        serial: token.serial().0,
        model: format!("YubiKey {}", version.major),
        firmware: Firmware(version.major, version.minor, version.patch),
        reader: token.name().to_string(),
    }
}

/// Does `work` in a thread of its own, and waits for it so long.
fn bounded<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, TokenError> + Send + 'static,
) -> Result<T, TokenError> {
    let (done, result) = channel();
    spawn(move || {
        // Nobody waits any more if the time was up.
        let _ = done.send(work());
    })?;
    wait(&result, limit)?
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), TokenError> {
    thread::Builder::new()
        .name("token".to_string())
        .spawn(work)
        .map(drop)
        .map_err(|error| TokenError::Refused(error.into()))
}

/// A thread that ended without a word panicked in the token library, over an answer that it
/// could not read.
fn wait<T>(result: &Receiver<T>, limit: Duration) -> Result<T, TokenError> {
    result.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => TokenError::TimedOut,
        RecvTimeoutError::Disconnected => TokenError::Garbage(None),
    })
}

/// A token that was opened.
struct PcscToken {
    about: About,
    /// `None` once it is being closed.
    jobs: Option<Sender<Job>>,
    /// Closed when the thread has let go of the token.
    ended: Receiver<()>,
    ordinary: Duration,
    touch: Duration,
}

impl PcscToken {
    fn does<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut YubiKey) -> Result<T, TokenError> + Send + 'static,
    ) -> Result<T, TokenError> {
        let (done, result) = channel();
        let job: Job = Box::new(move |token| {
            let result = work(token).map_err(|error| operations::or_gone(token, error));
            // Nobody waits any more if the time was up.
            let _ = done.send(result);
        });
        // Its thread has ended: it panicked over an answer before.
        let jobs = self.jobs.as_ref().ok_or(TokenError::Garbage(None))?;
        jobs.send(job).map_err(|_| TokenError::Garbage(None))?;
        wait(&result, limit)?
    }

    fn verify(&self, pin: &SecretText) -> Result<(), TokenError> {
        let pin = copy(pin)?;
        self.does(self.ordinary, move |token| operations::verify(token, &pin))
    }
}

/// Waits until the token is let go, so that it can be opened again at once: letting go resets it,
/// and in the meantime nobody finds it.
impl Drop for PcscToken {
    fn drop(&mut self) {
        const LETTING_GO: Duration = Duration::from_secs(2);
        drop(self.jobs.take());
        // It says nothing; it ends. One that hangs is left to itself.
        let _ = self.ended.recv_timeout(LETTING_GO);
    }
}

/// A copy for the thread, which wipes it.
fn copy(secret: &SecretText) -> Result<SecretText, TokenError> {
    if !is_code(secret) {
        return Err(TokenError::Form);
    }
    let text = secret.expose();
    let mut copy = SecretText::with_capacity(text.len());
    copy.push_str(text);
    Ok(copy)
}

impl Token for PcscToken {
    fn about(&self) -> &About {
        &self.about
    }

    fn state(&mut self) -> Result<State, TokenError> {
        let about = self.about.clone();
        self.does(self.ordinary, |token| operations::state(token, about))
    }

    fn change_pin(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError> {
        let (old, new) = (copy(old)?, copy(new)?);
        self.does(self.ordinary, move |token| {
            operations::change_pin(token, &old, &new)
        })
    }

    fn change_puk(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError> {
        let (old, new) = (copy(old)?, copy(new)?);
        self.does(self.ordinary, move |token| {
            operations::change_puk(token, &old, &new)
        })
    }

    fn protect(&mut self, pin: &SecretText) -> Result<(), TokenError> {
        let pin = copy(pin)?;
        self.does(self.ordinary, move |token| operations::protect(token, &pin))
    }

    fn generate(
        &mut self,
        slot: Slot,
        pin: &SecretText,
        replace: bool,
    ) -> Result<Point, TokenError> {
        let pin = copy(pin)?;
        self.does(self.ordinary, move |token| {
            operations::generate(token, slot, &pin, replace)
        })
    }

    fn attest(&mut self, slot: Slot) -> Result<Vec<Vec<u8>>, TokenError> {
        self.does(self.ordinary, move |token| operations::attest(token, slot))
    }

    fn sign(
        &mut self,
        pin: &SecretText,
        digest: &[u8; 32],
        touch: &mut dyn FnMut(),
    ) -> Result<EcdsaSignature, TokenError> {
        self.does(self.ordinary, |token| {
            operations::has_key(token, Slot::Signature)
        })?;
        self.verify(pin)?;
        touch();
        let digest = *digest;
        self.does(self.touch, move |token| operations::sign(token, &digest))
    }

    fn agree(
        &mut self,
        pin: &SecretText,
        point: &Point,
        touch: &mut dyn FnMut(),
    ) -> Result<SecretBytes, TokenError> {
        self.does(self.ordinary, |token| {
            operations::has_key(token, Slot::Decryption)
        })?;
        self.verify(pin)?;
        touch();
        let point = *point;
        self.does(self.touch, move |token| operations::agree(token, &point))
    }
}
