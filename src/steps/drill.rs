//! The drill: every quorum restores the key from the media, with the words from the cards.
//!
//! Stock gpg opens the capsules and uses the restored key, where the machine has it: an
//! independent implementation. Otherwise, and for what gpg does not know, the library does.

mod tokens;

use super::words;
use crate::backup::capsule;
use crate::backup::quorum::{Custodian, Quorum};
use crate::edge::gpg::GpgError;
use crate::engine::share_parts;
use crate::openpgp::{self, Certificate, DecryptError, SecretKey};
use crate::plan::BackupSpec;
use crate::record::event::Event;
use crate::record::value::{Actors, Opener, Part, Token};
use crate::role::Role;
use crate::room::{Room, SECRET_MEDIA, Share, Stop};
use crate::screen::{Asks, Who, layout};
use crate::secret::{SecretBytes, SecretText};

use super::fingerprint::certificate_on_medium;

/// How often a custodian's words may be wrong before it is an exception.
const ATTEMPTS: u32 = 3;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    if let Some(Event::Drilled { .. }) = room.state().seen().last() {
        room.vault.clear();
        room.record(Event::Erased {}, Actors::none())?;
        return room.say("The key is erased from this machine's memory.");
    }
    let spec = room
        .plan()
        .backup
        .clone()
        .expect("a plan that drills says among whom");
    introduce(room, &spec)?;
    for role in SECRET_MEDIA {
        room.with_device(|room| room.edge.media.remount(role))?;
    }
    let certificate = certificate_on_medium(room)?;
    let mut typed = type_all(room, &spec)?;
    room.say("All words are typed. Everybody may turn round.")?;
    for (at, quorum) in spec
        .quorums()
        .iter()
        .enumerate()
        .skip(room.state().seen().len())
    {
        // Each medium is used in turn, so that both have opened something.
        let medium = SECRET_MEDIA[at % SECRET_MEDIA.len()];
        let opener = open_quorum(room, &spec, quorum, medium, &certificate, &mut typed)?;
        let event = Event::QuorumOpened {
            quorum: Token::new(&quorum.to_string()).expect("letters"),
            medium,
            opener,
        };
        let actors = quorum
            .custodians()
            .iter()
            .map(|c| c.letter())
            .collect::<Vec<_>>();
        room.record(event, Actors::of(actors))?;
        room.say(&format!(
            "{quorum} opened the backup from {medium}, by {opener}. The restored key works."
        ))?;
    }
    drop(typed);
    if spec.tokens {
        tokens::run(room, &spec, &certificate)?;
    }
    let quorums = spec.capsules().len() as u32;
    let fingerprint = certificate.fingerprint();
    room.record(
        Event::Drilled {
            quorums,
            fingerprint,
        },
        Actors::both(),
    )
}

fn introduce(room: &mut Room<'_>, spec: &BackupSpec) -> Result<(), Stop> {
    let groups: Vec<String> = spec.quorums().iter().map(Quorum::to_string).collect();
    let by_tokens = match spec.tokens {
        true => "At the end both of you open it once more, with your YubiKeys instead of words.",
        false => "",
    };
    let paragraphs = [
        "Now it is tried whether the backup works, as if the key had been lost. Each custodian \
         types the words from their card once more, alone at the screen.",
        &format!(
            "Then the machine opens the backup from both secret media, once for each group of \
             custodians that can open it: {}.",
            groups.join(", ")
        ),
        by_tokens,
        "Only after that is the key in this machine's memory erased.",
    ];
    let said = paragraphs.into_iter().filter(|text| !text.is_empty());
    let body = layout::paragraphs(&said.collect::<Vec<_>>());
    room.page(Who::Both, "The drill", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to begin")
}

fn type_all(room: &mut Room<'_>, spec: &BackupSpec) -> Result<Vec<Share>, Stop> {
    let mut shares = Vec::new();
    for custodian in &spec.custodians {
        shares.push(Share {
            custodian: *custodian,
            words: type_share(room, spec, *custodian)?,
        });
    }
    Ok(shares)
}

/// A custodian's whole share, typed by those who wrote it.
fn type_share(
    room: &mut Room<'_>,
    spec: &BackupSpec,
    custodian: Custodian,
) -> Result<SecretText, Stop> {
    let parts = share_parts(spec).into_iter();
    let parts = parts.filter(|(whose, _)| *whose == custodian);
    let parts: Vec<Part> = parts.map(|(_, part)| part).collect();
    words::type_share(room, custodian, &parts, words::writer)
}

/// Opens everything that a quorum must be able to open; has words typed again where they fail.
fn open_quorum(
    room: &mut Room<'_>,
    spec: &BackupSpec,
    quorum: &Quorum,
    medium: Role,
    certificate: &Certificate,
    typed: &mut [Share],
) -> Result<Opener, Stop> {
    let mut failed = 0;
    loop {
        // Before the work: for this sticks may have to be plugged in.
        let sealed = fetch_sealed(room, quorum, medium, &["", "revocation/"])?;
        let label = format!("Opening the backup as {quorum}, from {medium}");
        let tried = room.work(&label, |room| {
            try_quorum(room, quorum, &sealed, certificate, typed)
        })??;
        let (happened, again) = match tried {
            Tried::Opened(opener) => return Ok(opener),
            Tried::WrongWords(custodian) => (
                format!("{custodian}'s words do not open {}", quorum.file_name()),
                Some(custodian),
            ),
            Tried::Broken(what) => (what.to_string(), None),
        };
        failed += 1;
        room.say(&format!("{happened}."))?;
        if again.is_none() || failed >= ATTEMPTS {
            failed = 0;
            room.exception_about(Some((&format!("{quorum} opens the backup"), &happened)))?;
        }
        if let Some(custodian) = again {
            let words = type_share(room, spec, custodian)?;
            if let Some(share) = typed.iter_mut().find(|share| share.custodian == custodian) {
                share.words = words;
            }
        }
    }
}

const DOES_NOT_REVOKE: &str = "the restored revocation certificate does not revoke the key";

/// What came of trying a quorum.
pub(super) enum Tried {
    Opened(Opener),
    WrongWords(Custodian),
    Broken(&'static str),
}

fn try_quorum(
    room: &mut Room<'_>,
    quorum: &Quorum,
    sealed: &[Sealed],
    certificate: &Certificate,
    typed: &[Share],
) -> Result<Tried, Stop> {
    let [key, revocation] = sealed else {
        unreachable!("two folders, two payloads")
    };
    let (key, opener) = match open_sealed(room, quorum, key, typed) {
        Ok(opened) => opened,
        Err(tried) => return Ok(tried),
    };
    if let Some(broken) = use_key(room, &key, certificate)? {
        return Ok(broken);
    }
    let (revocation, _) = match open_sealed(room, quorum, revocation, typed) {
        Ok(opened) => opened,
        Err(tried) => return Ok(tried),
    };
    if !certificate.is_revoked_by(revocation.expose()) {
        return Ok(Tried::Broken(DOES_NOT_REVOKE));
    }
    Ok(Tried::Opened(opener))
}

pub(super) type Opened = Result<(SecretBytes, Opener), Tried>;

/// A payload, and a quorum's capsule for it.
struct Sealed {
    capsule: Vec<u8>,
    payload: Vec<u8>,
}

/// What a quorum opens in these folders: all of it from one medium and then all from the other, for
/// the two may have to share a place at the machine.
fn fetch_sealed(
    room: &mut Room<'_>,
    quorum: &Quorum,
    medium: Role,
    folders: &[&str],
) -> Result<Vec<Sealed>, Stop> {
    let mut sealed = Vec::new();
    let other = SECRET_MEDIA.into_iter().find(|role| *role != medium);
    for role in other.into_iter().chain([medium]) {
        sealed.clear();
        for folder in folders {
            let capsule = format!("{folder}{}", quorum.file_name());
            let payload = format!("{folder}payload.asc");
            sealed.push(Sealed {
                capsule: fetch_from(room, role, &capsule)?,
                payload: fetch_from(room, role, &payload)?,
            });
        }
    }
    Ok(sealed)
}

/// Opens one payload through a quorum's capsule.
pub(super) fn open_one(
    room: &mut Room<'_>,
    quorum: &Quorum,
    medium: Role,
    folder: &str,
    typed: &[Share],
) -> Result<Opened, Stop> {
    let sealed = fetch_sealed(room, quorum, medium, &[folder])?;
    Ok(open_sealed(room, quorum, &sealed[0], typed))
}

fn open_sealed(room: &mut Room<'_>, quorum: &Quorum, sealed: &Sealed, typed: &[Share]) -> Opened {
    let Sealed { capsule, payload } = sealed;
    let share_of = |custodian: Custodian| {
        let share = typed.iter().find(|share| share.custodian == custodian);
        &share.expect("every custodian typed").words
    };
    if let Some(gpg) = room.edge.system.gpg() {
        let opened = capsule::open(capsule, quorum, share_of, |m, p| {
            gpg.decrypt_with_password(m, p)
        });
        return match opened {
            Err((custodian, GpgError::WrongPassword)) => Err(Tried::WrongWords(custodian)),
            Err(_) => Err(Tried::Broken("gpg did not open a capsule")),
            Ok(key) => match gpg.decrypt_with_password(payload, &key) {
                Ok(secret) => Ok((secret, Opener::Gpg)),
                Err(_) => Err(Tried::Broken("gpg did not open the payload")),
            },
        };
    }
    match capsule::open_with_library(capsule, quorum, share_of) {
        Err((custodian, DecryptError::WrongPassword)) => Err(Tried::WrongWords(custodian)),
        Err(_) => Err(Tried::Broken("a capsule is damaged")),
        Ok(key) => match openpgp::decrypt_with_password(payload, &key) {
            Ok(secret) => Ok((secret, Opener::Library)),
            Err(_) => Err(Tried::Broken("the payload is damaged")),
        },
    }
}

/// A stored file, which must be on both secret media as it was recorded.
fn fetch(room: &mut Room<'_>, medium: Role, name: &str) -> Result<Vec<u8>, Stop> {
    for role in SECRET_MEDIA {
        if role != medium {
            fetch_from(room, role, name)?;
        }
    }
    fetch_from(room, medium, name)
}

fn fetch_from(room: &mut Room<'_>, medium: Role, name: &str) -> Result<Vec<u8>, Stop> {
    let stored = room.state().stored.iter().find(|(path, _)| path == name);
    let (_, digest) = stored
        .cloned()
        .expect("the backup step recorded every file");
    room.fetch_exactly(medium, name, digest)
}

/// The restored key signs a nonce and decrypts it. `None` if it does.
fn use_key(
    room: &mut Room<'_>,
    secret: &SecretBytes,
    certificate: &Certificate,
) -> Result<Option<Tried>, Stop> {
    let Ok(key) = SecretKey::from_bytes(secret) else {
        return Ok(Some(Tried::Broken("what was restored is not a secret key")));
    };
    if key.certificate().fingerprint() != certificate.fingerprint() {
        return Ok(Some(Tried::Broken("what was restored is another key")));
    }
    let mut nonce = [0; 32];
    room.edge.system.random(&mut nonce)?;
    let now = room.now();
    if key.proves_itself(&nonce, now).is_err() {
        return Ok(Some(Tried::Broken(
            "the restored key does not sign and decrypt",
        )));
    }
    // gpg 2.2 knows no v6 keys: it restored the bytes, and the library used them.
    if certificate.version() > 4 {
        return Ok(None);
    }
    let encrypted = certificate.encrypt(&nonce, now)?;
    let Some(gpg) = room.edge.system.gpg() else {
        return Ok(None);
    };
    let used = match gpg.restore_and_use(secret, &nonce, &encrypted) {
        Ok(used) => used,
        Err(_) => return Ok(Some(Tried::Broken("gpg could not use the restored key"))),
    };
    let signed = openpgp::verify_detached(&used.signature, certificate, &nonce).is_ok();
    let decrypted = used.decrypted.expose() == nonce;
    Ok((!signed || !decrypted).then_some(Tried::Broken("gpg's use of the restored key was wrong")))
}
