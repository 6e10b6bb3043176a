//! Opening a backup with the two operators' tokens, where it has a capsule for them.

use super::backup::Backup;
use super::quorum::key_from;
use crate::backup::quorum::TOKENS;
use crate::openpgp::{Certificate, SecretKey, TokenCertificate};
use crate::plan::Operator;
use crate::record::value::Means;
use crate::room::{Room, Stop};
use crate::steps::tokens::{self, Came};

/// The capsule, if the backup has one, or why the tokens that are here cannot open it.
pub(super) fn usable(room: &Room<'_>, backup: &Backup) -> Option<Result<Vec<u8>, String>> {
    let capsule = backup.tokens.clone()?;
    let Some(said) = &backup.said else {
        return Some(Err(
            "no record beside the backup says whose they are".to_string()
        ));
    };
    for operator in Operator::ALL {
        let then = said.operators.get(operator.index());
        let now = room.operator(operator);
        let by_token = now.is_some_and(|now| now.means() == Means::Token);
        if !by_token {
            return Some(Err(format!("operator {operator} signs without one")));
        }
        let same = now
            .zip(then)
            .is_some_and(|(now, then)| same_keys(now.certificate(), then));
        if !same {
            return Some(Err(format!(
                "operator {operator} is not the {operator} of that ceremony"
            )));
        }
    }
    Some(Ok(capsule))
}

/// Both keys, not only the one that signs: the capsule is for the other.
fn same_keys(now: &Certificate, then: &Certificate) -> bool {
    let keys = |certificate: &Certificate| {
        let made = TokenCertificate::from_certificate(certificate.clone());
        made.map(|made| made.keys().clone()).ok()
    };
    keys(now).is_some_and(|now| Some(now) == keys(then))
}

/// `None` where something else is to be tried.
pub(super) fn open(
    room: &mut Room<'_>,
    backup: &Backup,
    capsule: Vec<u8>,
) -> Result<Option<SecretKey>, Stop> {
    let name = format!("{TOKENS}.asc");
    let happened = match tokens::open(room, &[(name, capsule)])? {
        Came::Opened(keys) => {
            let key = keys.first().expect("one for each capsule");
            let label = format!("Opening the backup as {TOKENS}");
            match room.work(&label, |_| key_from(backup, key))? {
                Ok(key) => return Ok(Some(key)),
                Err(what) => what.to_string(),
            }
        }
        Came::Broken(happened) => happened,
        Came::Stopped => return Ok(None),
    };
    room.say(&format!("{happened}."))?;
    let expected = format!("{TOKENS} opens the backup");
    room.exception_about(Some((&expected, &happened)))?;
    Ok(None)
}
