//! PIN and PUK in two halves: each operator chooses, writes down and types their own, alone.

use crate::plan::Operator;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Code, Who, layout};
use crate::secret::SecretText;

/// Characters in a half. Two of them are as long as a PIN or PUK can be (NIST SP 800-73-4, part 2,
/// section 3.2.1).
const HALF: usize = 4;

/// A's half, then B's.
pub(super) struct Halves([SecretText; 2]);

impl Halves {
    /// As the token takes them.
    pub(super) fn joined(&self) -> SecretText {
        let mut whole = SecretText::with_capacity(2 * HALF);
        self.0.iter().for_each(|half| whole.push_str(half.expose()));
        whole
    }
}

/// Each operator chooses their half of a new PIN or PUK. It must be another than in `before`.
pub(super) fn choose(
    room: &mut Room<'_>,
    code: Code,
    before: Option<&Halves>,
) -> Result<Halves, Stop> {
    let mut one = |operator: Operator| {
        let other = before.map(|halves| &halves.0[operator.index()]);
        choose_one(room, operator, code, other)
    };
    Ok(Halves([one(Operator::A)?, one(Operator::B)?]))
}

fn choose_one(
    room: &mut Room<'_>,
    operator: Operator,
    code: Code,
    before: Option<&SecretText>,
) -> Result<SecretText, Stop> {
    let (which, other) = (which(operator), operator.other());
    let purpose = match code {
        Code::Pin => "You type them each time the key is used.",
        Code::Puk => "You need them only if the PIN is blocked one day.",
    };
    let body = layout::paragraphs(&[
        &format!(
            "{operator}: take a card of your own. Choose four characters: letters, digits or \
             signs, without blanks. They are the {which} half of the {code} of the YubiKey that \
             is to hold the key. {purpose}"
        ),
        &format!(
            "Write them on your card: \"{code}, {which} half\". Capital and small letters differ."
        ),
        &format!(
            "{other}: turn away until {operator} tells you. Neither of you may ever know the \
             other's half: whoever has both can use the key alone."
        ),
    ]);
    let who = Who::Operator(operator);
    let title = format!("Operator {operator} chooses half of the {code}");
    room.page(who, &title, body)?;
    let half = loop {
        let prompt = format!("Operator {operator}, your four characters (stars appear)");
        let half = room.ask_hidden(who, Asks::NewHalf(operator, code), &prompt)?;
        if let Some(why) = refused(&half, before) {
            room.say(why)?;
            continue;
        }
        let prompt = format!("Operator {operator}, the same from your card");
        let again = room.ask_hidden(who, Asks::SameHalf(operator, code), &prompt)?;
        if half.same_as(&again) {
            break half;
        }
        room.say("The two are not the same. Look at your card, and type both once more.")?;
    };
    room.say(&format!(
        "{operator}: put the card away, and tell {other} to turn round."
    ))?;
    Ok(half)
}

/// Why a half is not taken.
fn refused(half: &SecretText, before: Option<&SecretText>) -> Option<&'static str> {
    if !is_half(half) {
        return Some("Exactly four characters: letters, digits or signs, without blanks.");
    }
    if is_simple(half.expose().as_bytes()) {
        return Some("That would be guessed first. Choose four characters without an order.");
    }
    let same = before.is_some_and(|before| before.same_as(half));
    same.then_some("That is your half of the PIN. Choose another one for the PUK.")
}

fn is_half(half: &SecretText) -> bool {
    let text = half.expose();
    text.len() == HALF && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// All the same, or one after the other, upwards or downwards: so that no half is that of a PIN
/// or PUK that tokens are sold with either.
fn is_simple(half: &[u8]) -> bool {
    [0, 1, u8::MAX].into_iter().any(|step| {
        let follows = |pair: &[u8]| pair[1] == pair[0].wrapping_add(step);
        half.windows(2).all(follows)
    })
}

/// Each operator types their half, from the card.
pub(super) fn typed(room: &mut Room<'_>, code: Code) -> Result<Halves, Stop> {
    let mut one = |operator| type_one(room, operator, code);
    Ok(Halves([one(Operator::A)?, one(Operator::B)?]))
}

fn type_one(room: &mut Room<'_>, operator: Operator, code: Code) -> Result<SecretText, Stop> {
    let other = operator.other();
    let body = layout::paragraphs(&[
        &format!(
            "{operator}: type your half of the {code} of the YubiKey with the key, from your card."
        ),
        &format!("{other}: turn away until {operator} has typed it."),
    ]);
    let who = Who::Operator(operator);
    let title = format!("Operator {operator} types half of the {code}");
    room.page(who, &title, body)?;
    loop {
        let prompt = format!("Operator {operator}, your four characters (stars appear)");
        let half = room.ask_hidden(who, Asks::Half(operator, code), &prompt)?;
        if is_half(&half) {
            return Ok(half);
        }
        // The token is not asked: it would count that as a wrong try.
        room.say("A half has exactly four characters. Look at your card.")?;
    }
}

fn which(operator: Operator) -> &'static str {
    match operator {
        Operator::A => "first",
        Operator::B => "second",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> SecretText {
        SecretText::from_string(s.to_string())
    }

    #[test]
    fn halves_that_would_be_guessed_or_cannot_be_typed_are_refused() {
        for bad in [
            "",
            "abc",
            "abcde",
            "a bc",
            " abc",
            "ab\tc",
            "k\u{e4}se",
            "1111",
            "1234",
            "5678",
            "dcba",
            "....",
        ] {
            assert!(refused(&text(bad), None).is_some(), "{bad:?}");
        }
        assert!(refused(&text("x7+Q"), Some(&text("x7+Q"))).is_some());
    }

    #[test]
    fn other_halves_are_taken_and_joined_in_order() {
        for good in ["x7+Q", "1235", "aab!", "9090"] {
            assert!(
                refused(&text(good), Some(&text("x7+R"))).is_none(),
                "{good}"
            );
        }
        let halves = Halves([text("x7+Q"), text("9090")]);
        assert_eq!(halves.joined().expose(), "x7+Q9090");
    }
}
