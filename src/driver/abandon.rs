//! A key whose backup was not finished is given up, on the record.

use crate::digest::Digest;
use crate::edge::media::{Kind, is_part};
use crate::engine::Key;
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::role::Role;
use crate::room::{Room, SECRET_MEDIA, Stop};
use crate::screen::{Asks, Who, layout};

pub(super) fn run(room: &mut Room<'_>, key: &Key) -> Result<(), Stop> {
    room.vault.clear();
    let why = match key.in_token {
        true => {
            "The ceremony is aborted, and the certificate that could declare the key invalid is \
             not stored. So the key in the YubiKey must never be used. It is given up, and this is \
             written down. Reset that YubiKey before it is used for anything else."
        }
        false => {
            "The key that was being made cannot be used: what its backup needed was only in this \
             machine's memory, and is gone. It is given up, and this is written down."
        }
    };
    let body = layout::paragraphs(&[
        why,
        "If you wrote any card with words for it, destroy every one of them now, both of you \
         watching. A new key gets new words. If there is no card, answer with your letter.",
    ]);
    room.page(Who::Both, "The key is given up", body)?;
    room.each_agrees("is every card of this key destroyed", Asks::Agree)?;
    let mut left = Vec::new();
    for role in SECRET_MEDIA {
        if room.journal.was_given_up(role) {
            left.push(format!("{role} failed: what it holds was not listed"));
            continue;
        }
        set_aside(room, role, key.attempt)?;
        list(room, role, key.attempt, &mut left)?;
    }
    let text = if left.is_empty() {
        "nothing was left behind".to_string()
    } else {
        left.join("\n")
    };
    let event = Event::Abandoned {
        attempt: key.attempt,
        fingerprint: key.fingerprint.clone(),
    };
    room.record_with(event, Actors::both(), &text)
}

/// The folder that an abandoned attempt's files are kept in.
fn folder(room: &Room<'_>, attempt: u32) -> String {
    format!("ABANDONED-{attempt}-{}", room.id)
}

fn set_aside(room: &mut Room<'_>, role: Role, attempt: u32) -> Result<(), Stop> {
    let (from, to) = (room.id.clone(), folder(room, attempt));
    let exists = room.with_device(|room| room.edge.media.list(role, &from))?;
    let done = room.with_device(|room| room.edge.media.list(role, &to))?;
    // An interruption may have come between this and its entry: then it is done already.
    if exists.is_empty() || !done.is_empty() {
        return Ok(());
    }
    room.with_device(|room| room.edge.media.rename(role, &from, &to))
}

fn list(room: &mut Room<'_>, role: Role, attempt: u32, left: &mut Vec<String>) -> Result<(), Stop> {
    let folder = folder(room, attempt);
    let found = room.with_device(|room| room.edge.media.list(role, &folder))?;
    for (path, kind) in found {
        if kind == Kind::File {
            let full = format!("{folder}/{path}");
            if is_part(&path) {
                // It never had its name. Where the power failed it may be damaged, and reading it
                // would have the stick taken for broken.
                left.push(format!("cut short  {role}/{full}"));
                continue;
            }
            let bytes = room.with_device(|room| room.edge.media.read(role, &full))?;
            left.push(format!("{}  {role}/{full}", Digest::of(&bytes)));
        }
    }
    Ok(())
}
