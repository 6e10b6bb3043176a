//! Typing a share's words, unseen, one or more at a time.

use crate::backup::quorum::Custodian;
use crate::record::value::Part;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::secret::SecretText;
use crate::words::share;

/// Longest word of the BIP-39 English list, and a blank.
const WORD_SPACE: usize = 9;

/// Who types a part: the custodian; for an absent one's halves, the operator who wrote it.
pub(super) fn writer(custodian: Custodian, part: Part) -> Custodian {
    match part {
        Part::Whole => custodian,
        Part::First => Custodian::A,
        Part::Second => Custodian::B,
    }
}

/// `A's share`, or `the first half of C's share`.
pub(super) fn name(custodian: Custodian, part: Part) -> String {
    match part {
        Part::Whole => format!("{custodian}'s share"),
        Part::First => format!("the first half of {custodian}'s share"),
        Part::Second => format!("the second half of {custodian}'s share"),
    }
}

/// Has a custodian's whole share typed from the card, or from the two cards of an absent one.
/// `typist` says who types a part.
pub(super) fn type_share(
    room: &mut Room<'_>,
    custodian: Custodian,
    parts: &[Part],
    typist: impl Fn(Custodian, Part) -> Custodian,
) -> Result<SecretText, Stop> {
    let mut whole = SecretText::with_capacity(2 * share::WORDS * WORD_SPACE);
    for part in parts {
        let (who, name) = (typist(custodian, *part), name(custodian, *part));
        let body = layout::paragraphs(&[
            &format!("{who}: type {name} from the card."),
            "Everybody else: look away.",
        ]);
        let title = format!("{who} types {name}");
        room.page(Who::Custodian(who), &title, body)?;
        let asks = |at| Asks::DrillWord(custodian, *part, at);
        let typed = type_words(room, who, asks)?;
        if !whole.expose().is_empty() {
            whole.push_str(" ");
        }
        whole.push_str(typed.expose());
    }
    Ok(whole)
}

/// Has the twelve words of a part typed. They are in lower case, joined by single blanks.
pub(super) fn type_part(
    room: &mut Room<'_>,
    custodian: Custodian,
    part: Part,
    asks: impl Fn(usize) -> Asks,
) -> Result<SecretText, Stop> {
    type_words(room, writer(custodian, part), asks)
}

fn type_words(
    room: &mut Room<'_>,
    who: Custodian,
    asks: impl Fn(usize) -> Asks,
) -> Result<SecretText, Stop> {
    let who = Who::Custodian(who);
    let mut words = SecretText::with_capacity(share::WORDS * WORD_SPACE);
    let mut count = 0;
    while count < share::WORDS {
        let prompt = format!("word {} of {}", count + 1, share::WORDS);
        let typed = room
            .ask_hidden(who, asks(count), &prompt)?
            .normalized_words();
        let taken = typed
            .expose()
            .split(' ')
            .filter(|word| !word.is_empty())
            .count();
        if taken == 0 || count + taken > share::WORDS {
            room.say("Type one word, then press Enter.")?;
        } else if !typed.expose().split(' ').all(share::is_word) {
            room.say("That is not a word of the list. Look at the card and type it again.")?;
        } else {
            if count > 0 {
                words.push_str(" ");
            }
            words.push_str(typed.expose());
            count += taken;
        }
    }
    Ok(words)
}
