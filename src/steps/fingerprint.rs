//! The fingerprint is shown and copied to paper, by each operator on their own sheet.

use crate::openpgp::Certificate;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::Actors;
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::sheet;
use crate::words::pgp;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let fingerprint = certificate_on_medium(room)?.fingerprint();
    let mut hex = layout::paragraphs(&[
        "This is the new key's fingerprint. Each of you copies it by hand onto your own paper, \
         row by row.",
    ]);
    hex.push(String::new());
    hex.extend(
        fingerprint
            .rows()
            .iter()
            .enumerate()
            .map(|(at, row)| format!("    row {}    {}", at + 1, row.join("  "))),
    );
    room.page(Who::Both, "The fingerprint in digits", hex)?;
    copied(room)?;

    let mut words = layout::paragraphs(&[
        "The same fingerprint in words. They are easier to read aloud. Copy them too, with \
         their numbers.",
    ]);
    words.push(String::new());
    words.extend(layout::numbered(pgp::words(fingerprint.bytes())));
    room.page(Who::Both, "The fingerprint in words", words)?;
    copied(room)?;

    room.code(
        "The fingerprint as a code, for a camera (optional)",
        &sheet::qr_payload(&fingerprint),
    )?;
    room.record(Event::FingerprintCopied {}, Actors::both())
}

fn copied(room: &mut Room<'_>) -> Result<(), Stop> {
    room.each_agrees("is it all on your paper", Asks::Copied)
}

/// The certificate as it lies on operator B's medium: what is compared and shown is what was
/// written, not what is in memory.
pub(super) fn certificate_on_medium(room: &mut Room<'_>) -> Result<Certificate, Stop> {
    let file = certificate_file(room)?;
    Ok(Certificate::from_bytes(&file)?)
}

/// The certificate's file, re-read and compared with the hash in the record.
pub(super) fn certificate_file(room: &mut Room<'_>) -> Result<Vec<u8>, Stop> {
    let key = room
        .state()
        .key
        .clone()
        .expect("the engine runs this only after a key was made");
    let path = format!("record/{}", files::certificate(key.attempt));
    room.fetch_exactly(Role::OperatorB, &path, key.certificate)
}
