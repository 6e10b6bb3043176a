//! Each custodian alone sees their share, copies it to a card, and types it back blind.

use zeroize::Zeroizing;

use super::{key_token, words};
use crate::backup::quorum::Custodian;
use crate::engine::{SHARE_ATTEMPTS, share_parts};
use crate::record::event::Event;
use crate::record::value::{Actors, Part};
use crate::room::{Room, Share, Stop};
use crate::screen::{Asks, Page, SecretPage, Who, layout};
use crate::secret::SecretText;
use crate::words::share;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let backup = room
        .plan()
        .backup
        .clone()
        .expect("a plan that shares says among whom");
    if room.plan().key_is_in_a_token() {
        key_token::may_be_lost(room)?;
    }
    room.vault.shares.clear();
    for (custodian, part) in share_parts(&backup) {
        let words = new_words(room)?;
        introduce(room, custodian, part)?;
        loop {
            show(room, custodian, part, &words)?;
            if type_back(room, custodian, part, &words)? {
                break;
            }
        }
        keep(room, custodian, part, &words);
    }
    Ok(())
}

/// Twelve new words, 128 bits from the system's randomness.
fn new_words(room: &mut Room<'_>) -> Result<SecretText, Stop> {
    let mut entropy = Zeroizing::new([0; 16]);
    room.edge.system.random(entropy.as_mut_slice())?;
    Ok(share::from_entropy(&entropy))
}

/// Joins an absent custodian's halves with one blank.
fn keep(room: &mut Room<'_>, custodian: Custodian, part: Part, words: &SecretText) {
    match room.vault.shares.last_mut() {
        Some(share) if part == Part::Second && share.custodian == custodian => {
            share.words.push_str(" ");
            share.words.push_str(words.expose());
        }
        _ => {
            let mut whole = SecretText::with_capacity(256);
            whole.push_str(words.expose());
            room.vault.shares.push(Share {
                custodian,
                words: whole,
            });
        }
    }
}

fn introduce(room: &mut Room<'_>, custodian: Custodian, part: Part) -> Result<(), Stop> {
    let writer = words::writer(custodian, part);
    let mut body = layout::paragraphs(&[
        &format!(
            "{writer}: take an empty card. The next page shows {}: twelve words. They are \
             for your eyes alone.",
            words::name(custodian, part)
        ),
        "Everybody else: turn away from the screen now, until you are told. No phone and no \
         camera may see it.",
    ]);
    if part != Part::Whole {
        body.push(String::new());
        body.extend(layout::wrap(&format!(
            "{custodian} is not here. A writes the first half, B the second, each on a card of \
             their own, sealed apart. Neither may see the other's half."
        )));
    }
    let who = Who::Custodian(writer);
    room.page(who, &capitalised(&words::name(custodian, part)), body)?;
    room.done(
        who,
        Asks::Done,
        &format!("{writer}: press Enter when nobody else can see the screen"),
    )
}

fn show(
    room: &mut Room<'_>,
    custodian: Custodian,
    part: Part,
    words: &SecretText,
) -> Result<(), Stop> {
    let writer = words::writer(custodian, part);
    let body = layout::wrap(
        "Copy these words to your card, with their numbers, in clear letters. Then check each one.",
    );
    let title = format!("For {writer} alone: {}", words::name(custodian, part));
    let page = Page {
        place: room.place(),
        who: Who::Custodian(writer),
        title,
        body,
    };
    room.secret(&SecretPage {
        page,
        custodian,
        part,
        words,
    })
}

/// Whether the words were typed as shown. A wrong attempt is on the record.
fn type_back(
    room: &mut Room<'_>,
    custodian: Custodian,
    part: Part,
    words: &SecretText,
) -> Result<bool, Stop> {
    let writer = words::writer(custodian, part);
    let who = Who::Custodian(writer);
    let body = layout::paragraphs(&[
        "The words are erased from the screen. Type them from your card, one by one. Stars \
         appear instead of letters.",
        "Everybody else: keep looking away.",
    ]);
    room.page(
        who,
        &format!("{writer}: type the words from your card"),
        body,
    )?;
    let typed = words::type_part(room, custodian, part, |at| {
        Asks::ShareWord(custodian, part, at)
    })?;
    let actors = Actors::of([writer.letter()]);
    room.settle_owed()?;
    let failed = failed_attempts(room);
    let (custodian, attempt) = (custodian.letter(), failed + 1);
    if typed.same_as(words) {
        let event = Event::ShareConfirmed {
            custodian,
            part,
            attempts: attempt,
        };
        room.record(event, actors)?;
        room.say(&format!(
            "That is right. {writer}: put the card away, and tell the others to turn round."
        ))?;
        return Ok(true);
    }
    room.record(
        Event::ShareFailed {
            custodian,
            part,
            attempt,
        },
        actors,
    )?;
    room.say("These are not the words that were shown. Correct the card: they are shown again.")?;
    if attempt >= SHARE_ATTEMPTS {
        let happened = format!("the words were typed wrongly {attempt} times");
        room.exception_about(Some(("the card has the words that were shown", &happened)))?;
    }
    room.done(
        who,
        Asks::Done,
        &format!("{writer}: press Enter when nobody else can see the screen"),
    )?;
    Ok(false)
}

fn failed_attempts(room: &Room<'_>) -> u32 {
    let failed = |event: &&Event| matches!(event, Event::ShareFailed { .. });
    room.state().seen().iter().rev().take_while(failed).count() as u32
}

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
