//! The certificate that declares a key in a token invalid: signed by the token while it can.

use super::super::drill;
use super::using::{self, KeyToken};
use crate::edge::media::Kind;
use crate::openpgp::Certificate;
use crate::plan::BackupSpec;
use crate::room::{Room, SECRET_MEDIA, Stop};
use crate::screen::{Who, layout};
use crate::secret::SecretBytes;

/// The folder that it is stored in.
const FOLDER: &str = "revocation";

/// Has the token sign it. Returns the certificate of the key, too.
pub(in crate::steps) fn revocation(
    room: &mut Room<'_>,
) -> Result<(SecretBytes, Certificate), Stop> {
    let token = using::recall(room)?;
    let KeyToken { serial, key } = &token;
    let body = layout::paragraphs(&[
        &format!(
            "The key signs the certificate that can declare it invalid one day. Plug in the \
             YubiKey with the key, {serial}. Both of you type your halves of its PIN; then it \
             blinks, and one of you touches it."
        ),
        "Nobody sees that certificate: it goes to the secret media, encrypted with the words of \
         the custodians.",
    ]);
    room.page(Who::Both, "In case the YubiKey is lost", body)?;
    let (now, comment) = (room.now(), room.comment());
    let signed = using::with_key(room, &token, &mut |device, pin, touch| {
        key.revocation(now, comment, &mut |digest| device.sign(pin, digest, touch))
    })?;
    Ok((signed, key.certificate().clone()))
}

/// An interruption may have left some files of an earlier try, with other contents: nothing is
/// overwritten, and they are not needed.
pub(in crate::steps) fn set_aside(room: &mut Room<'_>) -> Result<(), Stop> {
    let from = room.path(FOLDER);
    // The number of an entry is used once only.
    let to = format!("SET-ASIDE-{}-{}", room.journal.next_number(), room.id);
    for role in SECRET_MEDIA {
        let found = room.with_device(|room| room.edge.media.list(role, &from))?;
        if found.iter().any(|(_, kind)| *kind == Kind::File) {
            room.with_device(|room| room.edge.media.rename(role, &from, &to))?;
        }
    }
    Ok(())
}

/// There is no drill for such a key. So the machine itself opens what it stored, once for each
/// quorum, with the words that are still in memory; the media are read anew.
pub(in crate::steps) fn opens_again(
    room: &mut Room<'_>,
    spec: &BackupSpec,
    certificate: &Certificate,
) -> Result<(), Stop> {
    for role in SECRET_MEDIA {
        room.with_device(|room| room.edge.media.remount(role))?;
    }
    let shares = std::mem::take(&mut room.vault.shares);
    for (at, quorum) in spec.quorums().iter().enumerate() {
        let medium = SECRET_MEDIA[at % SECRET_MEDIA.len()];
        let label = format!("Opening it again as {quorum}, from {medium}");
        loop {
            let opened = room.work(&label, |room| {
                drill::open_one(room, quorum, medium, "revocation/", &shares)
            })??;
            let revokes = match &opened {
                Ok((revocation, _)) => certificate.is_revoked_by(revocation.expose()),
                Err(_) => false,
            };
            if revokes {
                break;
            }
            let expected = format!("the words of {quorum} open the revocation certificate");
            room.exception_about(Some((&expected, "they do not")))?;
        }
    }
    Ok(())
}
