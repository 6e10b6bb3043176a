//! What may leave the room is written; who keeps what is recorded.

use super::fingerprint::certificate_file;
use super::print;
use crate::digest::Digest;
use crate::edge::media::Access;
use crate::engine::EXPORT_FILES;
use crate::handover;
use crate::openpgp::Certificate;
use crate::record::event::Event;
use crate::record::time;
use crate::record::value::{Act, Actors, Token};
use crate::role::Role;
use crate::room::{Room, SECRET_MEDIA, Stop};
use crate::screen::{Asks, Who, layout};
use crate::sheet::{Facts, FingerprintSheet, Grid, Paper};

/// The media that the files of this step are on, in the order of [`EXPORT_FILES`].
const PLACES: [&[Role]; 4] = [
    &[Role::Handover, Role::Public],
    &[Role::Handover],
    &[Role::Public],
    &[Role::Public],
];

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let contents = contents(room)?;
    for ((name, roles), bytes) in EXPORT_FILES.into_iter().zip(PLACES).zip(contents) {
        room.store(roles, name, &bytes, Access::Public)?;
        let file = Token::new(name).expect("file names are tokens");
        room.record(
            Event::Stored {
                file,
                sha256: Digest::of(&bytes),
            },
            Actors::none(),
        )?;
    }
    store_verifier(room)?;
    store_grid(room)?;
    copy_record(room, &[SECRET_MEDIA[0], SECRET_MEDIA[1], Role::Handover])?;
    room.say("Written to the media, and read back.")?;
    print::run(room)?;
    custody(room)?;
    let files = EXPORT_FILES.len() as u32;
    room.record(Event::Exported { files }, Actors::none())
}

/// The files of this step, in the order of [`EXPORT_FILES`]. They follow from the record alone.
pub(super) fn contents(room: &mut Room<'_>) -> Result<[Vec<u8>; 4], Stop> {
    let file = certificate_file(room)?;
    let certificate = Certificate::from_bytes(&file)?;
    let sheet = sheet(room, &certificate, &file);
    let rehearsal = room.comment().is_some();
    let note = handover::text(&room.id, rehearsal, certificate.version());
    let (text, pdf) = (sheet.text().into_bytes(), sheet.pdf(Paper::A4));
    Ok([file, note.into_bytes(), text, pdf])
}

/// Writes to a device that took another's place what the record says was exported to that one.
pub fn export_again(room: &mut Room<'_>, role: Role) -> Result<(), Stop> {
    let is_stored = |room: &Room<'_>, name: &str| {
        let stored = &room.state().stored;
        stored.iter().any(|(stored, _)| stored == name)
    };
    if !is_stored(room, EXPORT_FILES[0]) {
        return Ok(());
    }
    let contents = contents(room)?;
    for ((name, roles), bytes) in EXPORT_FILES.into_iter().zip(PLACES).zip(contents) {
        if roles.contains(&role) && is_stored(room, name) {
            room.store(&[role], name, &bytes, Access::Public)?;
        }
    }
    match role {
        Role::Handover => {
            store_grid(room)?;
            copy_record(room, &[role])
        }
        _ => store_verifier(room),
    }
}

fn store_verifier(room: &mut Room<'_>) -> Result<(), Stop> {
    let script = handover::VERIFY_RECORD.as_bytes();
    room.store(&[Role::Public], "verify-record", script, Access::Public)
}

/// The page that the verifier writes on in the call. It has no time on it, so that it is the
/// same when it is written again.
fn store_grid(room: &mut Room<'_>) -> Result<(), Stop> {
    let file = certificate_file(room)?;
    let version = Certificate::from_bytes(&file)?.version();
    let grid = Grid::new(version, Some(&room.id), room.comment().is_some());
    for (name, bytes) in [
        ("grid.txt", grid.text().into_bytes()),
        ("grid.pdf", grid.pdf(Paper::A4)),
    ] {
        room.store(&[Role::Handover], name, &bytes, Access::Public)?;
    }
    Ok(())
}

fn sheet(room: &Room<'_>, certificate: &Certificate, file: &[u8]) -> FingerprintSheet {
    let utc = time::for_people(begun(room));
    fingerprint_sheet(&room.id, room.comment().is_some(), utc, certificate, file)
}

/// When this step was first authorised. An export that was interrupted writes the same sheet
/// again: with another time on it, it would not fit what is on the medium already.
fn begun(room: &Room<'_>) -> time::UnixTime {
    let first = room.journal.entries().iter().find(|placed| {
        let act = Act::Export;
        placed.entry.event == Event::Authorise { act }
    });
    first.map_or_else(|| room.now(), |placed| placed.entry.time)
}

/// The sheet of a certificate, whose file has exactly these bytes.
pub fn fingerprint_sheet(
    id: &str,
    rehearsal: bool,
    utc: String,
    certificate: &Certificate,
    file: &[u8],
) -> FingerprintSheet {
    FingerprintSheet::new(Facts {
        ceremony_id: id.to_string(),
        rehearsal,
        utc,
        user_id: certificate
            .user_ids()
            .into_iter()
            .next()
            .unwrap_or_default(),
        key_version: certificate.version(),
        algorithm: certificate.algorithm(),
        created: time::for_people(certificate.created()),
        fingerprint: certificate.fingerprint(),
        certificate_file: file,
    })
}

/// The record as it stands at its last checkpoint, to the media that leave before the end.
fn copy_record(room: &mut Room<'_>, roles: &[Role]) -> Result<(), Stop> {
    let copy = room.journal.copy_at_last_checkpoint();
    for &role in roles {
        let folder = room.path("record");
        // The whole copy at once: a device that takes another one's place gets all of it.
        room.with_device(|room| {
            for (path, bytes) in &copy {
                let full = format!("{folder}/{path}");
                if path == crate::record::files::TRANSCRIPT {
                    // An earlier copy, from before an interruption, is added to.
                    room.edge.media.extend(role, &full, bytes)?;
                } else {
                    room.edge.media.create(role, &full, bytes, Access::Public)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn custody(room: &mut Room<'_>) -> Result<(), Stop> {
    let apart = match room.plan().key_is_in_a_token() {
        true => {
            "This key has no backup: keep its YubiKey safe. It never lies together with the cards \
             that have its PIN; and no two things that open the revocation certificate lie \
             together either."
        }
        false => "Two things that open the backup together never go to the same place.",
    };
    let body = layout::paragraphs(&[
        "Put each of these into an envelope or bag of its own, seal it, and sign across the \
         seal. Then type the number of each seal; where there is none, type a minus sign, -.",
        apart,
    ]);
    room.page(Who::Both, "Who keeps what", body)?;
    let mut lines = Vec::new();
    for item in items(room) {
        let prompt = format!("seal number of {item}");
        let typed = loop {
            let typed = room.ask_line(Who::Both, Asks::Seal(item.clone()), &prompt)?;
            if !typed.is_empty() && typed.len() <= 40 && !typed.chars().any(char::is_control) {
                break typed;
            }
            room.say("Please type the number; where there is none, a minus sign, -.")?;
        };
        lines.push(format!("{item}: seal {typed}"));
    }
    let event = Event::Custody {
        items: lines.len() as u32,
    };
    room.record_with(event, Actors::both(), &lines.join("\n"))
}

/// What is sealed: the secret media, and every card.
fn items(room: &Room<'_>) -> Vec<String> {
    let mut items: Vec<String> = SECRET_MEDIA
        .iter()
        .map(|role| format!("medium {role}"))
        .collect();
    if let Some(backup) = &room.plan().backup {
        for (custodian, part) in crate::engine::share_parts(backup) {
            items.push(format!(
                "the card with {}",
                super::words::name(custodian, part)
            ));
        }
    }
    if print::has_recovery_sheets(room) {
        items.push("the recovery sheets".to_string());
    }
    if room.plan().key_is_in_a_token() {
        items.extend(super::key_token::things().map(String::from));
    }
    items
}
