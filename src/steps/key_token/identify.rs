//! Which YubiKey is to hold the key: told by its serial number, and neither operator's own.

use super::super::roll_call::evidence;
use super::using::trouble;
use crate::edge::token::{Point, Slot, State, TokenError};
use crate::openpgp::TokenCertificate;
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::value::Decision;
use crate::room::{Room, Stop};
use crate::screen::{Answer, Asks, Question, Reply, Who, layout};

/// A token that is taken for the key.
pub(super) struct Candidate {
    pub(super) state: State,
    /// It is not as it was sold, and both operators signed that what is in it is given up.
    pub(super) overwrite: bool,
}

/// Has a new token named and plugged in, until one can be taken.
pub(super) fn new_one(room: &mut Room<'_>) -> Result<Candidate, Stop> {
    introduce(room)?;
    loop {
        let state = named(room)?;
        let Some(used) = not_new(&state) else {
            return Ok(Candidate {
                state,
                overwrite: false,
            });
        };
        room.say(&format!("This YubiKey is not new: {used}."))?;
        if another(room)? {
            continue;
        }
        let expected = "the YubiKey for the key is new and empty";
        let happened = format!("of YubiKey {}: {used}", state.about.serial);
        if set_up_again(room, expected, &happened)? {
            return Ok(Candidate {
                state,
                overwrite: true,
            });
        }
    }
}

/// The token whose slots have these keys, after an interruption in which its number was lost.
pub(super) fn the_one_with(
    room: &mut Room<'_>,
    signing: &Point,
    decryption: &Point,
) -> Result<State, Stop> {
    let body = layout::paragraphs(&[
        "The key was made just before the interruption: it is in the YubiKey. What the YubiKey \
         says about it is not in the record yet.",
        "Plug that YubiKey in. A reads the serial number from its back aloud, B types it.",
    ]);
    room.page(Who::Both, "The YubiKey with the key", body)?;
    loop {
        let state = named(room)?;
        let has = |slot, point: &Point| {
            let key = state.slot(slot);
            key.and_then(|key| key.point).as_ref() == Some(point)
        };
        if has(Slot::Signature, signing) && has(Slot::Decryption, decryption) {
            return Ok(state);
        }
        room.say("That is another YubiKey: the key is not in it.")?;
    }
}

fn introduce(room: &mut Room<'_>) -> Result<(), Stop> {
    let mut texts = vec![
        "Take the new YubiKey that is to hold the key, and plug it in. It must be a third one: \
         neither of you signs with it.",
        "Its serial number is printed on its back. A reads it aloud, B types it.",
    ];
    if room.comment().is_some() {
        texts.push(
            "This is a rehearsal, but the YubiKey is set up in earnest. Use one that you can do \
             without until it is reset.",
        );
    }
    let body = layout::paragraphs(&texts);
    room.page(Who::Both, "The YubiKey for the key", body)
}

/// Has a serial number typed until there is such a token, and it is neither operator's.
fn named(room: &mut Room<'_>) -> Result<State, Stop> {
    loop {
        let who = Who::Operator(Operator::B);
        let prompt = "Operator B, the serial number that A reads aloud";
        let typed = room.ask_line(who, Asks::KeyTokenSerial, prompt)?;
        let Ok(serial) = typed.replace(' ', "").parse::<u32>() else {
            room.say("A serial number has digits only, as printed on the back.")?;
            continue;
        };
        let looked = look(room, serial);
        let state = match looked {
            Ok(state) => state,
            Err(error) => {
                trouble(room, &error)?;
                continue;
            }
        };
        match owner(room, &state) {
            None => return Ok(state),
            Some(operator) => room.say(&format!(
                "That is operator {operator}'s own YubiKey. The key needs one that nobody signs \
                 with."
            ))?,
        }
    }
}

fn look(room: &Room<'_>, serial: u32) -> Result<State, TokenError> {
    room.edge.tokens.open(serial)?.state()
}

/// The operator whose token it is, by its serial number or by what is in it.
fn owner(room: &Room<'_>, state: &State) -> Option<Operator> {
    let points: Vec<Point> = [Slot::Signature, Slot::Decryption]
        .into_iter()
        .filter_map(|slot| state.slot(slot)?.point)
        .collect();
    Operator::ALL.into_iter().find(|operator| {
        let shown = evidence(room, *operator);
        if shown.is_some_and(|evidence| evidence.serial == state.about.serial) {
            return true;
        }
        let certificate = room
            .operator(*operator)
            .map(|one| one.certificate().clone());
        let key = certificate.and_then(|one| TokenCertificate::from_certificate(one).ok());
        key.is_some_and(|key| {
            let keys = key.keys();
            points.contains(&keys.signing) || points.contains(&keys.decryption)
        })
    })
}

/// What shows that somebody had the token before; `None` if it is as it was sold.
fn not_new(state: &State) -> Option<String> {
    let signs = [
        (!state.pin.default, "its PIN was changed"),
        (!state.puk.default, "its PUK was changed"),
        (
            !state.default_management_key,
            "its management key was changed",
        ),
        (state.signature.is_some(), "there is a key in slot 9c"),
        (state.decryption.is_some(), "there is a key in slot 9d"),
    ];
    let found: Vec<&str> = signs
        .into_iter()
        .filter_map(|(is, sign)| is.then_some(sign))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// Whether another token is taken.
fn another(room: &mut Room<'_>) -> Result<bool, Stop> {
    let question = Question {
        who: Who::Both,
        asks: Asks::KeyTokenUsed,
        prompt: "What do you do".to_string(),
        answer: Answer::Choice(vec![
            ("another", "take another YubiKey, a new one".to_string()),
            (
                "overwrite",
                "an exception: overwrite this one; what is in it is lost for ever".to_string(),
            ),
        ]),
    };
    loop {
        let Reply::Line(typed) = room.ask(&question)? else {
            continue;
        };
        match typed.trim().to_ascii_lowercase().as_str() {
            "1" | "a" | "another" => {
                room.say("Pull this one out, and plug the other one in.")?;
                return Ok(true);
            }
            "2" | "o" | "overwrite" => return Ok(false),
            _ => room.say("Please type one of the numbers.")?,
        }
    }
}

/// An exception about a slot that is in use. Whether the operators decided to set it up again,
/// and nothing else.
fn set_up_again(room: &mut Room<'_>, expected: &str, happened: &str) -> Result<bool, Stop> {
    room.say("To overwrite it, decide \"set a slot up again\" on the next page.")?;
    let from = room.journal.entries().len();
    room.exception_about(Some((expected, happened)))?;
    let since = &room.journal.entries()[from..];
    let decided = Decision::SetUpAgain;
    Ok(since
        .iter()
        .any(|placed| placed.entry.event == Event::Exception { decided }))
}
