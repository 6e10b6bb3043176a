//! The last part of a drill whose plan has capsules for tokens: both operators open the backup with
//! their YubiKeys, and the key that comes out is used like any other quorum's.

use super::{DOES_NOT_REVOKE, Tried, fetch, use_key};
use crate::backup::quorum::TOKENS;
use crate::openpgp::{self, Certificate};
use crate::plan::BackupSpec;
use crate::record::event::Event;
use crate::record::value::{Actors, Opener, Token};
use crate::role::Role;
use crate::room::{Room, SECRET_MEDIA, Stop};
use crate::secret::{SecretBytes, SecretText};
use crate::steps::tokens::{self, Came};

/// Where the two payloads and their capsules lie.
const FOLDERS: [&str; 2] = ["", "revocation/"];

pub(super) fn run(
    room: &mut Room<'_>,
    spec: &BackupSpec,
    certificate: &Certificate,
) -> Result<(), Stop> {
    let medium = SECRET_MEDIA[spec.quorums().len() % SECRET_MEDIA.len()];
    while let Some(happened) = attempt(room, medium, certificate)? {
        room.say(&format!("{happened}."))?;
        let expected = format!("{TOKENS} opens the backup");
        room.exception_about(Some((&expected, &happened)))?;
    }
    let event = Event::QuorumOpened {
        quorum: Token::new(TOKENS).expect("it is a token"),
        medium,
        opener: Opener::Token,
    };
    room.record(event, Actors::both())?;
    room.say(&format!(
        "{TOKENS} opened the backup from {medium}, by both YubiKeys. The restored key works."
    ))
}

/// What is wrong, where another attempt alone would not mend it.
fn attempt(
    room: &mut Room<'_>,
    medium: Role,
    certificate: &Certificate,
) -> Result<Option<String>, Stop> {
    let mut capsules = Vec::new();
    for folder in FOLDERS {
        let name = format!("{folder}{TOKENS}.asc");
        let bytes = fetch(room, medium, &name)?;
        capsules.push((name, bytes));
    }
    let keys = loop {
        match tokens::open(room, &capsules)? {
            Came::Opened(keys) => break keys,
            Came::Broken(happened) => return Ok(Some(happened)),
            // Both signed the exception, and open them once more.
            Came::Stopped => {}
        }
    };
    let label = format!("Opening the backup as {TOKENS}, from {medium}");
    room.work(&label, |room| try_keys(room, medium, certificate, &keys))?
}

fn try_keys(
    room: &mut Room<'_>,
    medium: Role,
    certificate: &Certificate,
    keys: &[SecretText],
) -> Result<Option<String>, Stop> {
    let mut secrets: Vec<SecretBytes> = Vec::new();
    for (folder, key) in FOLDERS.iter().zip(keys) {
        let payload = fetch(room, medium, &format!("{folder}payload.asc"))?;
        match openpgp::decrypt_with_password(&payload, key) {
            Ok(secret) => secrets.push(secret),
            Err(_) => {
                return Ok(Some(format!(
                    "{folder}{TOKENS}.asc does not open {folder}payload.asc"
                )));
            }
        }
    }
    let [secret, revocation] = &secrets[..] else {
        return Ok(Some("a capsule is missing".to_string()));
    };
    if let Some(Tried::Broken(happened)) = use_key(room, secret, certificate)? {
        return Ok(Some(happened.to_string()));
    }
    let revokes = certificate.is_revoked_by(revocation.expose());
    Ok((!revokes).then(|| DOES_NOT_REVOKE.to_string()))
}
