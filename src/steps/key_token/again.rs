//! After an interruption the key is still there, but the words in memory are not.

use super::super::words;
use crate::engine::share_parts;
use crate::plan::BackupSpec;
use crate::record::event::Event;
use crate::record::value::Part;
use crate::room::{Room, Share, Stop};
use crate::screen::{Asks, Who, layout};

/// Before new words are made: cards that were written for this key before an interruption are
/// of no use any more, and must not be taken for the good ones.
pub(in crate::steps) fn may_be_lost(room: &mut Room<'_>) -> Result<(), Stop> {
    let entries = room.journal.entries();
    let mut since = entries.iter().rev();
    let mut since = since
        .by_ref()
        .take_while(|placed| !matches!(placed.entry.event, Event::Generated { .. }));
    let written = since.any(|placed| matches!(placed.entry.event, Event::ShareConfirmed { .. }));
    if !written {
        return Ok(());
    }
    let body = layout::paragraphs(&[
        "This step was interrupted: the words that were being written are gone from this \
         machine's memory. Everybody gets new ones.",
        "Destroy every card with words that you wrote for this key, both of you watching. The \
         cards with your halves of the PIN and the PUK stay.",
    ]);
    room.page(Who::Both, "New words", body)?;
    room.each_agrees("is every card with words destroyed", Asks::Agree)
}

/// Has all words typed from the cards, twice: nothing else is there to compare them with.
pub(in crate::steps) fn words_again(room: &mut Room<'_>, spec: &BackupSpec) -> Result<(), Stop> {
    let body = layout::paragraphs(&[
        "After the interruption the words are on the cards alone. Each custodian types theirs, \
         twice, so that what is encrypted now can be opened with them.",
    ]);
    room.page(Who::Both, "The words from the cards", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to begin")?;
    room.vault.shares.clear();
    for custodian in &spec.custodians {
        let parts = share_parts(spec).into_iter();
        let parts = parts.filter(|(whose, _)| whose == custodian);
        let parts: Vec<Part> = parts.map(|(_, part)| part).collect();
        let words = loop {
            let once = words::type_share(room, *custodian, &parts, words::writer)?;
            let twice = words::type_share(room, *custodian, &parts, words::writer)?;
            if once.same_as(&twice) {
                break once;
            }
            room.say("The two are not the same. Look at the card, and type both once more.")?;
        };
        let custodian = *custodian;
        room.vault.shares.push(Share { custodian, words });
    }
    room.say("All words are typed. Everybody may turn round.")
}
