//! A YubiKey becomes an operator's: PIN, PUK and management key are no longer those that it was
//! sold with, and both slots have keys that were made inside. Each attempt begins with a look at
//! the token and does what is still missing, so that it can be pulled at any moment.

use std::rc::Rc;

use super::token::{Shown, Trouble, another_chance, collect};
use crate::edge::token::{
    Point, SOLD_PIN, SOLD_PUK, Slot, SlotKey, State, Token, TokenError, is_code,
};
use crate::openpgp::{Certificate, TokenCertificate, TokenKeys};
use crate::plan::Operator;
use crate::record::files;
use crate::record::value::{Decision, Standing};
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::secret::SecretText;

/// What is known while a token is set up.
struct Work {
    operator: Operator,
    serial: u32,
    /// Typed or chosen; asked for again when it was wrong.
    pin: Option<SecretText>,
    /// Both operators agreed that a key of another kind is lost.
    replace: bool,
}

/// The next thing to do.
enum Outcome {
    Shown(Box<Shown>),
    /// Something was done; the rest follows from how the token stands now.
    More,
    /// Another token, please.
    Another,
}

/// Sets the token up until it can be used; `None` if the operator takes another one.
pub(super) fn run(
    room: &mut Room<'_>,
    operator: Operator,
    serial: u32,
) -> Result<Option<Shown>, Stop> {
    let mut work = Work {
        operator,
        serial,
        pin: None,
        replace: false,
    };
    loop {
        match attempt(room, &mut work) {
            Ok(Outcome::Shown(shown)) => return Ok(Some(*shown)),
            Ok(Outcome::More) => {}
            Ok(Outcome::Another) => return Ok(None),
            Err(Trouble::Doubt(doubt)) => {
                another_chance(room, operator, Trouble::Doubt(doubt))?;
                return Ok(None);
            }
            Err(Trouble::Token(error)) => {
                use TokenError as E;
                if matches!(error, E::WrongPin(_) | E::PinBlocked | E::Form) {
                    work.pin = None;
                }
                let other = needs_another(&error);
                another_chance(room, operator, error.into())?;
                if other {
                    return Ok(None);
                }
            }
            Err(Trouble::Stop(stop)) => return Err(stop),
        }
    }
}

/// Whether trying again with the same token is of no use, so that the operator may take another.
fn needs_another(error: &TokenError) -> bool {
    use TokenError as E;
    matches!(
        error,
        E::TooOld { .. }
            | E::UnknownManagementKey
            | E::Imported(_)
            | E::NotAsAsked(_)
            | E::PinBlocked
            | E::PukBlocked
            | E::WrongToken { .. }
            | E::NoToken
    )
}

fn attempt(room: &mut Room<'_>, work: &mut Work) -> Result<Outcome, Trouble> {
    let state = look(room, work)?;
    if state.pin.left == 0 {
        return Err(TokenError::PinBlocked.into());
    }
    if state.pin.default {
        return new_pin(room, work);
    }
    if state.puk.default && state.puk.left == 0 {
        return Err(TokenError::PukBlocked.into());
    }
    if state.puk.default {
        return new_puk(room, work);
    }
    let unfit = unfit(&state);
    if !work.replace && !unfit.is_empty() {
        return in_use(room, work, &unfit);
    }
    let pin = match work.pin.take() {
        Some(pin) => pin,
        None => match ask_pin(room, work, state.pin.left)? {
            Some(pin) => pin,
            None => return Ok(Outcome::Another),
        },
    };
    let shown = fill(room, work, &state, &pin);
    work.pin = Some(pin);
    shown
}

fn open(room: &Room<'_>, work: &Work) -> Result<Box<dyn Token>, TokenError> {
    Rc::clone(&room.edge.tokens).open(work.serial)
}

fn look(room: &mut Room<'_>, work: &Work) -> Result<State, Trouble> {
    let oldest = room.plan().firmware;
    room.work("Looking at the YubiKey", |room| {
        let mut token = open(room, work)?;
        let firmware = token.about().firmware;
        match oldest {
            Some(oldest) if firmware < oldest => {
                Err(TokenError::TooOld { firmware, oldest }.into())
            }
            _ => Ok(token.state()?),
        }
    })?
}

/// The slots with a key that is not of the kind that would be made.
fn unfit(state: &State) -> Vec<Slot> {
    let mut slots = vec![Slot::Signature, Slot::Decryption];
    slots.retain(|slot| state.slot(*slot).is_some_and(|key| !is_operators(key)));
    slots
}

fn is_operators(key: &SlotKey) -> bool {
    key.point.is_some() && key.generated && key.pin_always && key.touch_always
}

/// Nothing is overwritten, unless both agree that it may be.
fn in_use(room: &mut Room<'_>, work: &mut Work, unfit: &[Slot]) -> Result<Outcome, Trouble> {
    let serial = work.serial;
    let slots: Vec<String> = unfit.iter().map(Slot::to_string).collect();
    let slots = slots.join(" and ");
    let expected = "slots 9c and 9d of the YubiKey are empty, or have an operator's keys";
    let happened = format!(
        "a key of another kind is in {slots}, perhaps still needed; \"set a slot up again\" would \
         overwrite it"
    );
    let before = room.state().exceptions.len();
    room.exception_about(Some((expected, &happened)))?;
    let decided = room.state().exceptions.get(before);
    let again = decided.is_some_and(|(_, _, decided)| *decided == Decision::SetUpAgain);
    if !again {
        room.say("Nothing was overwritten. Take another YubiKey.")?;
        return Ok(Outcome::Another);
    }
    let what = format!("is the key in {slots} of YubiKey {serial} to be lost for ever");
    room.each_agrees(&what, Asks::Agree)?;
    work.replace = true;
    Ok(Outcome::More)
}

fn new_pin(room: &mut Room<'_>, work: &mut Work) -> Result<Outcome, Trouble> {
    let operator = work.operator;
    let body = layout::paragraphs(&[
        "This YubiKey still has the PIN that it was sold with, which everybody knows. Choose a new \
         one: 6 to 8 characters, digits or letters.",
        "With it and a touch you sign every step that matters. It is yours alone. After three \
         wrong tries in a row it is blocked. Let nobody see you type; the other operator looks away.",
    ]);
    work.pin = None;
    let title = format!("Operator {operator} chooses a PIN");
    room.page(Who::Operator(operator), &title, body)?;
    let asks = [Asks::NewPin(operator), Asks::SamePin(operator)];
    let new = choose(room, work, "PIN", asks)?;
    let old = SecretText::from_string(SOLD_PIN.to_string());
    let changed = room.work("Changing the PIN", |room| {
        open(room, work)?.change_pin(&old, &new)
    })?;
    // Pulled out just now, the token may have it or not: the next look tells.
    work.pin = Some(new);
    changed?;
    Ok(Outcome::More)
}

fn new_puk(room: &mut Room<'_>, work: &mut Work) -> Result<Outcome, Trouble> {
    let operator = work.operator;
    let body = layout::paragraphs(&[
        "The YubiKey also has a PUK: it unblocks a PIN that was typed wrongly too often. It is \
         still the one that it was sold with. Choose a new one: 6 to 8 characters, not your PIN.",
        "Write it on paper, and keep that sealed at home, away from the YubiKey.",
    ]);
    let title = format!("Operator {operator} chooses a PUK");
    room.page(Who::Operator(operator), &title, body)?;
    let asks = [Asks::NewPuk(operator), Asks::SamePuk(operator)];
    let new = choose(room, work, "PUK", asks)?;
    let old = SecretText::from_string(SOLD_PUK.to_string());
    room.work("Changing the PUK", |room| {
        open(room, work)?.change_puk(&old, &new)
    })??;
    Ok(Outcome::More)
}

/// A new PIN or PUK, typed twice.
fn choose(
    room: &mut Room<'_>,
    work: &Work,
    what: &str,
    [first, again]: [Asks; 2],
) -> Result<SecretText, Stop> {
    let who = Who::Operator(work.operator);
    loop {
        let typed = room.ask_hidden(who, first.clone(), &format!("new {what}"))?;
        let sold = [SOLD_PIN, SOLD_PUK].contains(&typed.expose());
        let mut letters = typed.expose().chars();
        let one = letters
            .next()
            .is_some_and(|c| letters.all(|other| other == c));
        let is_pin = work.pin.as_ref().is_some_and(|pin| pin.same_as(&typed));
        let refused = if !is_code(&typed) {
            "It has 6 to 8 characters: letters, digits, signs. Choose again."
        } else if sold || one {
            "That is one of the first that a thief would try. Choose again."
        } else if is_pin {
            "That is your PIN. Choose another one."
        } else if !room
            .ask_hidden(who, again.clone(), "the same again")?
            .same_as(&typed)
        {
            "The two are not the same. Choose again."
        } else {
            return Ok(typed);
        };
        room.say(refused)?;
    }
}

/// The PIN of a token that is not new; `None` where the last try is left unspent.
fn ask_pin(room: &mut Room<'_>, work: &Work, left: u8) -> Result<Option<SecretText>, Trouble> {
    let operator = work.operator;
    if left == 0 {
        return Err(TokenError::PinBlocked.into());
    }
    let who = Who::Operator(operator);
    if left == 1 {
        room.say("Only 1 try is left. If the PIN is wrong again, it is blocked.")?;
        let prompt = format!("Operator {operator}, type yes to use the last try, or Enter not to");
        if room.ask_line(who, Asks::LastTry(operator), &prompt)? != "yes" {
            return Ok(None);
        }
    }
    let tries = if left == 1 { "try" } else { "tries" };
    let prompt = format!("Operator {operator}, the PIN of this YubiKey ({left} {tries} left)");
    Ok(Some(room.ask_hidden(who, Asks::Pin(operator), &prompt)?))
}

/// Management key, keys, certificate, attestations: whatever of it is missing.
fn fill(
    room: &mut Room<'_>,
    work: &mut Work,
    state: &State,
    pin: &SecretText,
) -> Result<Outcome, Trouble> {
    let mut token = open(room, work)?;
    if state.default_management_key {
        room.work(
            "Setting a random management key, kept behind the PIN",
            |_| token.protect(pin),
        )??;
    }
    let signing = key(room, work, token.as_mut(), state, Slot::Signature, pin)?;
    let decryption = key(room, work, token.as_mut(), state, Slot::Decryption, pin)?;
    let keys = TokenKeys {
        signing,
        decryption,
        created: TokenKeys::CREATED,
    };
    let evidence = collect(token.as_mut())?;
    evidence.judge(&signing, &decryption)?;
    let certificate = match called_before(room, work.operator, &keys) {
        Some(certificate) => {
            room.say("Both keys are those of this ceremony's earlier roll call.")?;
            certificate
        }
        None => {
            room.say(
                "Both keys were made inside it, and it shows who made it. Now it signs twice.",
            )?;
            certificate(room, work, token.as_mut(), keys, pin)?
        }
    };
    Ok(Outcome::Shown(Box::new(Shown {
        certificate,
        evidence,
        standing: Standing::Enrolled,
    })))
}

/// The key in a slot, made now if there is none.
fn key(
    room: &mut Room<'_>,
    work: &Work,
    token: &mut dyn Token,
    state: &State,
    slot: Slot,
    pin: &SecretText,
) -> Result<Point, Trouble> {
    let usable = state.slot(slot).filter(|key| is_operators(key));
    if let Some(point) = usable.and_then(|key| key.point) {
        room.say(&format!(
            "Slot {slot} has a key of yours already; it is used."
        ))?;
        return Ok(point);
    }
    let label = format!("The YubiKey makes a key in slot {slot}");
    Ok(room.work(&label, |_| token.generate(slot, pin, work.replace))??)
}

/// The certificate that the same keys have had in a roll call that was interrupted. Made anew it
/// would be other bytes: such signatures are never twice the same.
fn called_before(
    room: &Room<'_>,
    operator: Operator,
    keys: &TokenKeys,
) -> Option<TokenCertificate> {
    let file = room.journal.file(&files::operator_certificate(operator))?;
    let certificate = Certificate::from_armored(file).ok()?;
    let certificate = TokenCertificate::from_certificate(certificate).ok()?;
    (certificate.keys() == keys).then_some(certificate)
}

/// Two signatures of the token's: that the user ID and the subkey belong to its key.
fn certificate(
    room: &mut Room<'_>,
    work: &Work,
    token: &mut dyn Token,
    keys: TokenKeys,
    pin: &SecretText,
) -> Result<TokenCertificate, Trouble> {
    let user_id = format!("operator {} {}", work.operator, room.id);
    let terminal = &mut *room.edge.terminal;
    let mut nth = 0;
    let mut broken = Ok(());
    let made = TokenCertificate::make(keys, &user_id, &mut |digest| {
        token.sign(pin, digest, &mut || {
            nth += 1;
            let line =
                format!("Touch {nth} of 2: touch your YubiKey now; it blinks for 15 seconds.");
            if broken.is_ok() {
                broken = terminal.say(&line);
            }
        })
    });
    broken?;
    Ok(made?)
}
