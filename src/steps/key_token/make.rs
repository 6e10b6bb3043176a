//! The key is made in a token; its certificate goes into the record, and what the token shows of
//! the key right after it.

use super::NO_BACKUP;
use super::identify::{self, Candidate};
use super::set_up::{self, Ready};
use super::using::{touching, trouble};
use crate::attestation::Evidence;
use crate::digest::Digest;
use crate::edge::token::TokenError;
use crate::error::Explain;
use crate::openpgp::TokenCertificate;
use crate::plan::{KeySpec, Operator};
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Holder, Token};
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::steps::fingerprint::certificate_on_medium;
use crate::steps::generate::user_id;
use crate::steps::roll_call::collect;

/// Makes the key, or goes on after an interruption that came when it was made.
pub(in crate::steps) fn run(room: &mut Room<'_>, spec: &KeySpec) -> Result<(), Stop> {
    let evidence = match room.state().seen() {
        [] => make(room, spec)?,
        _ => show_again(room)?,
    };
    let event = Event::TokenAttested {
        holder: Holder::Key,
        firmware: evidence.firmware,
    };
    room.record_with(event, Actors::none(), &evidence.text())?;
    room.say("The key is made. It is in the YubiKey, and nowhere else.")
}

fn make(room: &mut Room<'_>, spec: &KeySpec) -> Result<Evidence, Stop> {
    agree_to_no_backup(room)?;
    let (ready, made) = loop {
        let candidate = identify::new_one(room)?;
        if let Some(both) = try_candidate(room, spec, &candidate)? {
            break both;
        }
    };
    let certificate = made.certificate();
    let file = certificate.armored(room.comment());
    let attempt = room.state().next_attempt();
    let event = Event::Generated {
        attempt,
        profile: Token::new(&spec.profile.to_string()).expect("profile names are tokens"),
        fingerprint: certificate.fingerprint(),
        certificate: Digest::of(&file),
    };
    room.journal.add_file(files::certificate(attempt), file);
    room.record(event, Actors::none())?;
    Ok(ready.evidence)
}

/// The sentence that both must have read before anything is made.
fn agree_to_no_backup(room: &mut Room<'_>) -> Result<(), Stop> {
    let body = layout::paragraphs(&[
        NO_BACKUP,
        "That is on purpose: the key is made in the YubiKey and never leaves it, so nobody can \
         have a copy. What the custodians share is only the certificate that declares the key \
         invalid when the YubiKey is lost.",
        "If that is not what you want, type !, abort, and use a plan with a backup.",
    ]);
    room.page(Who::Both, "No backup", body)?;
    room.each_agrees("do you accept that this key has no backup", Asks::Agree)
}

/// `None` if another token is needed.
fn try_candidate(
    room: &mut Room<'_>,
    spec: &KeySpec,
    candidate: &Candidate,
) -> Result<Option<(Ready, TokenCertificate)>, Stop> {
    let now = room.now();
    let Some(ready) = set_up::run(room, candidate, now)? else {
        return Ok(None);
    };
    let made = sign(room, spec, &ready)?;
    let shares_with = |operator: &Operator| {
        let theirs = room.operator(*operator).map(|one| one.certificate());
        theirs.is_some_and(|theirs| theirs.shares_key_material(made.certificate()))
    };
    if let Some(operator) = Operator::ALL.into_iter().find(shares_with) {
        room.say(&format!(
            "This YubiKey is not taken: its key is also operator {operator}'s."
        ))?;
        return Ok(None);
    }
    Ok(Some((ready, made)))
}

/// The certificate: the token signs the user ID, and the subkey. Each needs a touch.
fn sign(room: &mut Room<'_>, spec: &KeySpec, ready: &Ready) -> Result<TokenCertificate, Stop> {
    let user_id = user_id(room, spec);
    let lifetime = spec.expires.as_ref().map(|period| period.seconds());
    let body = layout::paragraphs(&[
        "The key is made in the YubiKey. Now the YubiKey signs its own certificate. It blinks \
         twice: touch its metal each time.",
    ]);
    room.page(Who::Both, "The key signs its certificate", body)?;
    loop {
        let opened = room.edge.tokens.open(ready.serial);
        let made = match opened {
            Ok(mut token) => touching(room, |touch| {
                TokenCertificate::make_for(ready.keys.clone(), &user_id, lifetime, &mut |digest| {
                    token.sign(&ready.pin, digest, touch)
                })
            })?,
            Err(error) => Err(error),
        };
        match made {
            Ok(made) => return Ok(made),
            Err(error) => trouble(room, &error)?,
        }
        room.done(Who::Both, Asks::KeyTokenReady, "Press Enter to try again")?;
    }
}

/// What the token shows of the key that was made before an interruption.
fn show_again(room: &mut Room<'_>) -> Result<Evidence, Stop> {
    let certificate = certificate_on_medium(room)?;
    let keys = TokenCertificate::from_certificate(certificate)?
        .keys()
        .clone();
    loop {
        let state = identify::the_one_with(room, &keys.signing, &keys.decryption)?;
        let shown = look(room, state.about.serial);
        match shown {
            Err(error) => trouble(room, &error)?,
            Ok(evidence) => match evidence.judge(&keys.signing, &keys.decryption) {
                Ok(_) => return Ok(evidence),
                Err(doubt) => room.say(&format!("{doubt}. {}", doubt.remedy()))?,
            },
        }
    }
}

fn look(room: &Room<'_>, serial: u32) -> Result<Evidence, TokenError> {
    collect(room.edge.tokens.open(serial)?.as_mut())
}
