//! The key is made, in memory; its certificate goes into the record.

use super::key_token;
use crate::digest::Digest;
use crate::openpgp::{Profile as KeyProfile, SecretKey};
use crate::plan::{KeySpec, Profile, UserIdSource};
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Mode, Token};
use crate::room::{REHEARSAL, Room, Stop};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let spec = room
        .plan()
        .key
        .clone()
        .expect("a plan that generates says what");
    if spec.is_in_a_token() {
        return key_token::make(room, &spec);
    }
    let user_id = user_id(room, &spec);
    let lifetime = spec.expires.as_ref().map(|period| period.seconds());
    let now = room.now();
    let profile =
        library_profile(spec.profile).expect("the plan's rules: only a token makes the others");
    let label = "Making the key. On an old machine this can take a minute";
    let made = room.work(label, |_| {
        SecretKey::generate(profile, &user_id, lifetime, now)
    })??;

    let certificate = made.key.certificate();
    let file = certificate.armored(room.comment());
    let attempt = room.state().next_attempt();
    let event = Event::Generated {
        attempt,
        profile: Token::new(&spec.profile.to_string()).expect("profile names are tokens"),
        fingerprint: certificate.fingerprint(),
        certificate: Digest::of(&file),
    };
    room.vault.key = Some(made.key);
    room.vault.revocation = Some(made.revocation);
    room.journal.add_file(files::certificate(attempt), file);
    room.record(event, Actors::none())
}

/// Who the key is for. A rehearsal's key says so wherever it is shown.
pub(super) fn user_id(room: &Room<'_>, spec: &KeySpec) -> String {
    let plain = match &spec.user_id {
        UserIdSource::Literal(text) => text.clone(),
        UserIdSource::Site => room.site.backup_address.clone().unwrap_or_default(),
    };
    match room.mode {
        Mode::Rehearsal if !plain.contains(REHEARSAL) => format!("{REHEARSAL} {plain}"),
        _ => plain,
    }
}

/// What key is made, and for whom.
pub fn key_in_words(room: &Room<'_>) -> String {
    let Some(spec) = room.plan().key.clone() else {
        return "none".to_string();
    };
    let kind = match spec.profile {
        Profile::Rsa4096 => "RSA with 4096 bits",
        Profile::Modern => "Ed25519 and Cv25519",
        Profile::V6 => "version 6, Ed25519 and X25519",
        Profile::P256 => "P-256 in a YubiKey, WITHOUT A BACKUP",
    };
    let expires = spec.expires.as_ref().map_or_else(
        || "without an expiry date".to_string(),
        |period| format!("good for {}", period.in_words()),
    );
    format!("{kind}, {expires}, for {}", user_id(room, &spec))
}

/// `None` for what is made in a token alone.
fn library_profile(profile: Profile) -> Option<KeyProfile> {
    match profile {
        Profile::Rsa4096 => Some(KeyProfile::Rsa4096),
        Profile::Modern => Some(KeyProfile::Modern),
        Profile::V6 => Some(KeyProfile::V6),
        Profile::P256 => None,
    }
}
