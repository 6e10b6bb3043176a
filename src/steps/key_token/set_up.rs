//! A token is made ready: PIN and PUK in halves, a management key that nobody knows, two keys.

use super::super::roll_call::collect;
use super::halves::{self, Halves};
use super::identify::Candidate;
use super::using::trouble;
use crate::attestation::Evidence;
use crate::edge::token::{Point, SOLD_PIN, SOLD_PUK, Slot, TokenError};
use crate::error::Explain;
use crate::openpgp::TokenKeys;
use crate::openpgp::UnixTime;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Code, Who};
use crate::secret::SecretText;

/// A token with two keys that were made in it.
pub(super) struct Ready {
    pub(super) serial: u32,
    pub(super) pin: SecretText,
    pub(super) keys: TokenKeys,
    pub(super) evidence: Evidence,
}

/// How far the setting up came. A token that was pulled out goes on from there.
struct Work {
    serial: u32,
    overwrite: bool,
    pin: SecretText,
    puk: SecretText,
    /// The PUK was shown to be the one in `puk`.
    puk_is_known: bool,
    made: [Option<Point>; 2],
}

const SLOTS: [Slot; 2] = [Slot::Signature, Slot::Decryption];

/// Sets the token up. `None` if it can't be, and another one is needed.
pub(super) fn run(
    room: &mut Room<'_>,
    candidate: &Candidate,
    now: UnixTime,
) -> Result<Option<Ready>, Stop> {
    let state = &candidate.state;
    let pin = new_or_known(room, Code::Pin, state.pin.default, None)?;
    let puk = new_or_known(room, Code::Puk, state.puk.default, Some(&pin))?;
    let mut work = Work {
        serial: state.about.serial,
        overwrite: candidate.overwrite,
        pin: pin.joined(),
        puk: puk.joined(),
        puk_is_known: false,
        made: [None, None],
    };
    loop {
        let label = "Setting the YubiKey up, and making the key in it";
        let done = room.work(label, |room| work.go_on(room))?;
        let error = match done {
            Ok(evidence) => return believed(room, work, evidence, now),
            Err(error) => error,
        };
        trouble(room, &error)?;
        match error {
            TokenError::WrongPin(_) | TokenError::Form => {
                work.pin = halves::typed(room, Code::Pin)?.joined();
            }
            TokenError::WrongPuk(_) => work.puk = halves::typed(room, Code::Puk)?.joined(),
            error if is_final(&error) => {
                room.say("This YubiKey cannot be used. Another one is needed.")?;
                return Ok(None);
            }
            _ if gives_up(room)? => return Ok(None),
            _ => {}
        }
    }
}

/// The halves of a new PIN or PUK; of one that was set before, those on the cards.
fn new_or_known(
    room: &mut Room<'_>,
    code: Code,
    as_sold: bool,
    before: Option<&Halves>,
) -> Result<Halves, Stop> {
    match as_sold {
        true => halves::choose(room, code, before),
        false => halves::typed(room, code),
    }
}

/// What no second try with the same token changes.
fn is_final(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::SlotInUse(_)
            | TokenError::Imported(_)
            | TokenError::NotAsAsked(_)
            | TokenError::OtherKey(_)
            | TokenError::UnknownManagementKey
            | TokenError::PinBlocked
            | TokenError::PukBlocked
            | TokenError::TooOld { .. }
    )
}

/// Waits until the token was seen to. Whether another one is taken instead.
fn gives_up(room: &mut Room<'_>) -> Result<bool, Stop> {
    let prompt = "Press Enter to try again, or type: another (to take another YubiKey)";
    let typed = room.ask_line(Who::Both, Asks::KeyTokenReady, prompt)?;
    Ok(typed.eq_ignore_ascii_case("another"))
}

/// What the token shows of its keys must prove something: else it may be an imitation.
fn believed(
    room: &mut Room<'_>,
    work: Work,
    evidence: Evidence,
    now: UnixTime,
) -> Result<Option<Ready>, Stop> {
    let [Some(signing), Some(decryption)] = work.made else {
        return Ok(None);
    };
    if let Err(doubt) = evidence.judge(&signing, &decryption) {
        room.say(&format!("This YubiKey is not taken: {doubt}."))?;
        room.say(&doubt.remedy())?;
        return Ok(None);
    }
    Ok(Some(Ready {
        serial: work.serial,
        pin: work.pin,
        keys: TokenKeys {
            signing,
            decryption,
            created: now,
        },
        evidence,
    }))
}

impl Work {
    /// Does what is still to do, as the token itself says.
    fn go_on(&mut self, room: &Room<'_>) -> Result<Evidence, TokenError> {
        let mut token = room.edge.tokens.open(self.serial)?;
        let token = token.as_mut();
        let state = token.state()?;
        if state.pin.default {
            token.change_pin(&text(SOLD_PIN), &self.pin)?;
        }
        if state.puk.default {
            token.change_puk(&text(SOLD_PUK), &self.puk)?;
        } else if !self.puk_is_known {
            // Set to what it is: that shows that it is known.
            token.change_puk(&self.puk, &self.puk)?;
        }
        self.puk_is_known = true;
        token.protect(&self.pin)?;
        for (slot, made) in SLOTS.into_iter().zip(&mut self.made) {
            let found = state.slot(slot);
            let point = match (found, *made) {
                (Some(key), Some(point)) if key.point == Some(point) => point,
                (_, Some(_)) => return Err(TokenError::OtherKey(slot)),
                (_, None) => token.generate(slot, &self.pin, self.overwrite)?,
            };
            *made = Some(point);
        }
        collect(token)
    }
}

fn text(s: &str) -> SecretText {
    let mut text = SecretText::with_capacity(s.len());
    text.push_str(s);
    text
}
