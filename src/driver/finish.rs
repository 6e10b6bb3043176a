//! After the last entry: the closing signatures, the public copy, the final head.

use super::head;
use crate::journal::RECORD_MEDIA;
use crate::plan::Operator;
use crate::record::files;
use crate::record::value::Mode;
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

/// Adds only what is missing, so that a closed record that was interrupted here is completed.
pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let missing: Vec<Operator> = Operator::ALL
        .into_iter()
        .filter(|operator| {
            room.journal
                .file(&files::closing_signature(*operator))
                .is_none()
        })
        .collect();
    if !missing.is_empty() {
        let body = layout::paragraphs(&[
            "The last entry is written. Each of you now signs the whole transcript, once.",
        ]);
        room.page(Who::Both, "Both operators sign the whole record", body)?;
    }
    for operator in missing {
        sign(room, operator)?;
    }
    room.save()?;
    if room.plan().media(&[]).contains(&Role::Public) {
        room.store_record(Role::Public)?;
        room.with_device(|room| room.edge.media.remount(Role::Public))?;
    }
    for role in RECORD_MEDIA {
        if !room.journal.was_given_up(role) {
            room.with_device(|room| room.edge.media.remount(role))?;
        }
    }
    if let Some(head) = room.state().head {
        head::show_final(room, head)?;
    }
    goodbye(room)
}

/// The record is closed: there is nothing to abort any more, only to wait.
fn sign(room: &mut Room<'_>, operator: Operator) -> Result<(), Stop> {
    loop {
        if let Some(signature) = room.sign_bytes(operator)? {
            room.journal
                .add_file(files::closing_signature(operator), signature);
            return room.save();
        }
        room.say("The record is closed already, but it does not count until both have signed.")?;
        room.done(
            Who::Operator(operator),
            Asks::Done,
            "Press Enter to sign it now",
        )?;
    }
}

fn goodbye(room: &mut Room<'_>) -> Result<(), Stop> {
    let folder = room.journal.folder().to_string();
    if room.plan().opens_a_message() {
        let body = layout::paragraphs(&[
            "The record is complete: it says who opened what, and when.",
            &format!("It is on the media operator-a and operator-b, in {folder}."),
            "Seal the cards and the secret medium again, each for itself, and take them back to \
             where they belong. Then switch this machine off.",
        ]);
        return room.page(Who::Both, "Done", body);
    }
    if room.mode == Mode::Rehearsal {
        let body = layout::paragraphs(&[
            "The rehearsal is complete. Its key is for practice only: never encrypt anything to it.",
            &format!("The record is on the media operator-a, operator-b and public, in {folder}."),
            "Destroy the cards. The media may be erased when you have looked at them.",
        ]);
        return room.page(Who::Both, "Done", body);
    }
    let body = layout::paragraphs(&[
        "The ceremony is complete.",
        "Before anybody uses the key: verify the record on another machine, and compare the \
         fingerprint by telephone.",
        &format!("The record is on the media operator-a, operator-b and public, in {folder}."),
        "Lock the secret media and the cards away, each where it belongs. Then switch this \
         machine off.",
    ]);
    room.page(Who::Both, "Done", body)
}
