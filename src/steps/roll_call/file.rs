//! An operator whose key is a passphrase-protected file on their own medium.

use std::fmt;

use super::own_medium;
use crate::edge::media::Access;
use crate::edge::{MediaError, MediaFault};
use crate::openpgp::{LockedKey, UnixTime};
use crate::operator::{FileOperator, key_path};
use crate::plan::Operator;
use crate::record::value::Standing;
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::secret::SecretText;
use crate::site::SiteOperator;

/// The shortest passphrase that is taken for a key made here, in characters.
const MIN_PASSPHRASE: usize = 12;

/// A key and the passphrase that unlocks it.
pub(super) struct Proven {
    pub(super) key: LockedKey,
    passphrase: SecretText,
    pub(super) origin: Origin,
}

/// Where a key comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Pinned by the site.
    Pinned,
    /// Made before an interruption of this ceremony; it is on the medium.
    Before,
    /// Made just now; it is in memory only.
    New,
}

impl Proven {
    /// Whether the two have one passphrase, however it was typed.
    pub(super) fn shares_passphrase(&self, other: &Proven) -> bool {
        self.passphrase.same_as(&other.passphrase)
            || self.key.opens_with(&other.passphrase)
            || other.key.opens_with(&self.passphrase)
    }
}

/// The key that the site pins, from the operator's own medium, proven with its passphrase.
pub(super) fn pinned(
    room: &mut Room<'_>,
    operator: Operator,
    pin: &SiteOperator,
    path: &str,
) -> Result<Proven, Stop> {
    let role = own_medium(operator);
    let key = room.with_device(|room| {
        let bytes = room.edge.media.read(role, path)?;
        pinned_key(role, pin, &bytes, room.now())
    })?;
    prove(room, operator, key, Origin::Pinned)
}

/// The key that was made before an interruption of this ceremony, if there is one.
pub(super) fn made_before(room: &mut Room<'_>, operator: Operator) -> Result<Option<Proven>, Stop> {
    let role = own_medium(operator);
    let path = key_path(&room.id, operator);
    let held = room.with_device(|room| match room.edge.media.read(role, &path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.fault, MediaFault::NotFound) => Ok(None),
        Err(error) => Err(error),
    })?;
    match held {
        Some(bytes) => {
            let key = LockedKey::from_bytes(&bytes)?;
            prove(room, operator, key, Origin::Before).map(Some)
        }
        None => Ok(None),
    }
}

/// The brought key, if it is the pinned one and can sign now. A clock that is before the key
/// was made shows here.
fn pinned_key(
    role: Role,
    pin: &SiteOperator,
    bytes: &[u8],
    now: UnixTime,
) -> Result<LockedKey, MediaError> {
    let refuse = |why: WrongKey| MediaError {
        role,
        path: pin.key.path().to_string(),
        fault: MediaFault::System(std::io::Error::other(why)),
    };
    let key = LockedKey::from_bytes(bytes)
        .map_err(|error| refuse(WrongKey::Unusable(error.to_string())))?;
    if key.certificate().fingerprint() != pin.fingerprint {
        return Err(refuse(WrongKey::NotPinned));
    }
    match key.certificate().can_sign(now) {
        Ok(()) => Ok(key),
        Err(error) => Err(refuse(WrongKey::Unusable(error.to_string()))),
    }
}

/// Why a brought key is not taken.
#[derive(Debug)]
enum WrongKey {
    NotPinned,
    Unusable(String),
}

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrongKey::NotPinned => f.write_str("it is not the key that the site file pins"),
            WrongKey::Unusable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for WrongKey {}

fn prove(
    room: &mut Room<'_>,
    operator: Operator,
    key: LockedKey,
    origin: Origin,
) -> Result<Proven, Stop> {
    let whence = match origin {
        Origin::Before => "that you made earlier in this ceremony",
        _ => "that you brought",
    };
    let body = layout::paragraphs(&[
        &format!("{operator}: your medium has the key {whence}. Type its passphrase."),
        "Let nobody see you type. The other operator looks away.",
    ]);
    let who = Who::Operator(operator);
    room.page(
        who,
        &format!("Operator {operator} proves who they are"),
        body,
    )?;
    loop {
        let prompt = format!("Operator {operator}, your passphrase");
        let typed = room.ask_hidden(who, Asks::Passphrase(operator), &prompt)?;
        if key.opens_with(&typed) {
            return Ok(Proven {
                key,
                passphrase: typed,
                origin,
            });
        }
        room.say("That is not the passphrase of this key. Try again.")?;
    }
}

/// A new key; `None` if the operator asked for another way to sign.
pub(super) fn make(room: &mut Room<'_>, operator: Operator) -> Result<Option<Proven>, Stop> {
    let body = layout::paragraphs(&[
        &format!(
            "{operator}: choose a passphrase. With it you sign every step that matters today. \
             It is yours alone: the other operator must never learn it."
        ),
        &format!(
            "At least {MIN_PASSPHRASE} characters; several words that have nothing to do with \
             each other are good. You will type it about ten times. Let nobody see you type."
        ),
        "Have you a YubiKey? It is the safer way: plug it in, and press Enter without a passphrase.",
    ]);
    let who = Who::Operator(operator);
    room.page(
        who,
        &format!("Operator {operator} chooses a passphrase"),
        body,
    )?;
    let passphrase = loop {
        let first = room.ask_hidden(who, Asks::NewPassphrase(operator), "new passphrase")?;
        if first.expose().is_empty() {
            return Ok(None);
        }
        if first.expose().chars().count() < MIN_PASSPHRASE {
            room.say(&format!(
                "That is too short: at least {MIN_PASSPHRASE} characters."
            ))?;
            continue;
        }
        let again = room.ask_hidden(who, Asks::SamePassphrase(operator), "the same again")?;
        if first.same_as(&again) {
            break first;
        }
        room.say("The two are not the same. Choose again.")?;
    };
    let user_id = format!("operator {operator} {}", room.id);
    let (now, comment) = (room.now(), room.comment());
    let key = room.work("Making your signing key", |_| {
        LockedKey::generate(&user_id, &passphrase, now, comment)
    })??;
    Ok(Some(Proven {
        key,
        passphrase,
        origin: Origin::New,
    }))
}

/// Puts a new key on its operator's medium.
pub(super) fn settle(
    room: &mut Room<'_>,
    operator: Operator,
    proven: Proven,
) -> Result<FileOperator, Stop> {
    if proven.origin == Origin::New {
        let path = key_path(&room.id, operator);
        let role = own_medium(operator);
        let bytes = proven.key.bytes().to_vec();
        room.with_device(|room| room.edge.media.create(role, &path, &bytes, Access::Private))?;
    }
    let standing = if proven.origin == Origin::Pinned {
        Standing::Pinned
    } else {
        Standing::Enrolled
    };
    Ok(FileOperator::new(
        operator,
        proven.key,
        standing,
        room.comment(),
    ))
}
