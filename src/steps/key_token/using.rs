//! Having the token do something, with both halves of the PIN. Whatever goes wrong is said
//! plainly, and there is another chance.

use super::super::fingerprint::certificate_on_medium;
use super::super::roll_call::evidence_of;
use super::halves;
use crate::edge::Terminal;
use crate::edge::token::{Slot, Token, TokenError};
use crate::error::Explain;
use crate::openpgp::{OpenPgpError, TokenCertificate, TokenKeyError};
use crate::record::value::Holder;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Code, Who};
use crate::secret::SecretText;

/// The token with the ceremony's key.
pub(super) struct KeyToken {
    pub(super) serial: u32,
    pub(super) key: TokenCertificate,
}

/// What is done with a token that was opened. The last argument is to be called whenever a finger
/// is needed.
pub(super) type Act<'a, T> = &'a mut dyn FnMut(
    &mut dyn Token,
    &SecretText,
    &mut dyn FnMut(),
) -> Result<T, TokenKeyError<TokenError>>;

/// The token as the record has it, its certificate as it lies on the medium.
pub(super) fn recall(room: &mut Room<'_>) -> Result<KeyToken, Stop> {
    let evidence = evidence_of(room, Holder::Key);
    let evidence = evidence.expect("the engine runs no later step before the key is attested");
    let certificate = certificate_on_medium(room)?;
    Ok(KeyToken {
        serial: evidence.serial,
        key: TokenCertificate::from_certificate(certificate)?,
    })
}

/// Has both operators type their halves, and `act` done, until it succeeds.
pub(super) fn with_key<T>(
    room: &mut Room<'_>,
    token: &KeyToken,
    act: Act<'_, T>,
) -> Result<T, Stop> {
    let mut pin = None;
    loop {
        let error = match one_try(room, token, &mut pin, act)? {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if matches!(error, TokenError::WrongPin(_) | TokenError::Form) {
            pin = None;
        }
        trouble(room, &error)?;
        if let TokenError::WrongPin(_) = error {
            room.say("One of the two halves is wrong; which one, nobody can tell.")?;
        }
        if !matches!(error, TokenError::NotTouched) {
            let prompt = "Press Enter to try again; ! if it cannot be done";
            room.done(Who::Both, Asks::KeyTokenReady, prompt)?;
        }
    }
}

/// One try, with the token opened anew: whatever happened to it before plays no part.
fn one_try<T>(
    room: &mut Room<'_>,
    wanted: &KeyToken,
    pin: &mut Option<SecretText>,
    act: Act<'_, T>,
) -> Result<Result<T, TokenError>, Stop> {
    let left = match look(room, wanted) {
        Ok(left) => left,
        Err(error) => return Ok(Err(error)),
    };
    if pin.is_none() {
        if left == 1 {
            room.say("Only 1 try is left. If the PIN is wrong again, it is blocked.")?;
            room.each_agrees("is the last try to be used", Asks::LastTry)?;
        }
        // The token is let go meanwhile: nobody's fingers are held up by it.
        *pin = Some(halves::typed(room, Code::Pin)?.joined());
    }
    let Some(pin) = pin else {
        return Ok(Err(TokenError::Form));
    };
    let mut token = match room.edge.tokens.open(wanted.serial) {
        Ok(token) => token,
        Err(error) => return Ok(Err(error)),
    };
    touching(room, |touch| act(token.as_mut(), pin, touch))
}

/// The token is there and has the certificate's keys. Returns how many tries its PIN has left.
fn look(room: &mut Room<'_>, wanted: &KeyToken) -> Result<u8, TokenError> {
    let state = room.edge.tokens.open(wanted.serial)?.state()?;
    state.is_set_up()?;
    let keys = wanted.key.keys();
    for (slot, point) in [
        (Slot::Signature, keys.signing),
        (Slot::Decryption, keys.decryption),
    ] {
        if state.slot(slot).and_then(|key| key.point) != Some(point) {
            return Err(TokenError::OtherKey(slot));
        }
    }
    match state.pin.left {
        0 => Err(TokenError::PinBlocked),
        left => Ok(left),
    }
}

/// Runs what needs a finger now and then, and says so when it does. The outer error ends the step.
pub(super) fn touching<T>(
    room: &mut Room<'_>,
    act: impl FnOnce(&mut dyn FnMut()) -> Result<T, TokenKeyError<TokenError>>,
) -> Result<Result<T, TokenError>, Stop> {
    let terminal: &mut dyn Terminal = room.edge.terminal;
    let mut waits = false;
    let mut shown = Ok(());
    let done = act(&mut || {
        let ended = match waits {
            true => terminal.work_done(),
            false => Ok(()),
        };
        waits = true;
        let said = ended
            .and_then(|()| {
                terminal.say("Touch the YubiKey with the key now: it blinks for 15 seconds.")
            })
            .and_then(|()| terminal.work("Waiting for the touch"));
        if shown.is_ok() {
            shown = said;
        }
    });
    if waits {
        terminal.work_done()?;
    }
    shown?;
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(TokenKeyError::Token(error)) => Ok(Err(error)),
        // It answered, but not with the certificate's keys, or not rightly.
        Err(TokenKeyError::OpenPgp(OpenPgpError::SelfTest(source))) => {
            Ok(Err(TokenError::Garbage(source)))
        }
        Err(TokenKeyError::OpenPgp(OpenPgpError::Malformed(source))) => {
            Ok(Err(TokenError::Garbage(Some(source))))
        }
        Err(TokenKeyError::OpenPgp(error)) => Err(error.into()),
    }
}

/// What went wrong, and what to do now.
pub(super) fn trouble(room: &mut Room<'_>, error: &TokenError) -> Result<(), Stop> {
    room.say(&format!("That was not done: {error}."))?;
    room.say(&error.remedy())
}
