//! The backup of an earlier ceremony, as it lies on its medium: whether it is what that
//! ceremony's record says, and whose words open it.

use std::collections::BTreeMap;
use std::fmt;

use crate::backup::quorum::{Custodian, Quorum, TOKENS, quorums};
use crate::digest::{Digest, Fingerprint};
use crate::edge::media::Kind;
use crate::edge::{Media, MediaError};
use crate::error::Explain;
use crate::openpgp::Certificate;
use crate::plan::{Operator, Plan};
use crate::record::files;
use crate::role::Role;
use crate::verify::{self, Fault, Material, Pins};

/// The encrypted secret key.
const PAYLOAD: &str = "payload.asc";

/// A backup that was looked at.
pub(super) struct Backup {
    /// The encrypted secret key.
    pub payload: Vec<u8>,
    /// The capsules, by their quorums.
    pub capsules: Vec<(Quorum, Vec<u8>)>,
    /// The capsule that the operators' tokens open, if there is one.
    pub tokens: Option<Vec<u8>>,
    /// What its record says; `None` where no record lies beside it.
    pub said: Option<Said>,
}

/// What the record of the ceremony that made the backup says.
pub(super) struct Said {
    /// The key.
    pub fingerprint: Fingerprint,
    /// The certificates of its operators.
    pub operators: Vec<Certificate>,
    /// Those whose share stands on two cards.
    pub absent: Vec<Custodian>,
    /// SHA-256 of its transcript, as far as it lies here.
    pub transcript: Digest,
}

impl Backup {
    /// The encrypted secret key's hash, by which this record knows the backup.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// The key, where a record says which it is.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.said.as_ref().map(|said| &said.fingerprint)
    }
}

/// Everything below a ceremony's folder.
pub(super) fn read(
    media: &mut dyn Media,
    role: Role,
    id: &str,
) -> Result<(Material, Vec<String>), MediaError> {
    let (mut material, mut capsules) = (Material::default(), Vec::new());
    for (path, kind) in media.list(role, id)? {
        let inside = path.strip_prefix("record/");
        match (kind, inside) {
            (Kind::Folder, _) | (Kind::Other, None) => {}
            (Kind::Other, Some(inside)) => material.odd.push(inside.to_string()),
            (Kind::File, Some(inside)) => {
                let bytes = media.read(role, &format!("{id}/{path}"))?;
                material.files.insert(inside.to_string(), bytes);
            }
            (Kind::File, None) => {
                if quorum_of(&path).is_some() || path == tokens_file() {
                    capsules.push(path.clone());
                }
                let bytes = media.read(role, &format!("{id}/{path}"))?;
                material.beside.insert(path, bytes);
            }
        }
    }
    Ok((material, capsules))
}

/// Compares what was read with the record beside it, as far as there is one.
pub(super) fn judge(
    mut material: Material,
    capsules: &[String],
    id: &str,
) -> Result<Backup, BackupFault> {
    let said = if material.files.is_empty() && material.odd.is_empty() {
        None
    } else {
        Some(said(&material, capsules, id)?)
    };
    let payload = material.beside.remove(PAYLOAD);
    let payload = payload.ok_or(BackupFault::Missing(PAYLOAD.to_string()))?;
    let capsules = capsules_of(&mut material.beside, capsules);
    if capsules.is_empty() {
        return Err(BackupFault::NoCapsule);
    }
    Ok(Backup {
        payload,
        capsules,
        tokens: material.beside.remove(&tokens_file()),
        said,
    })
}

fn said(material: &Material, capsules: &[String], id: &str) -> Result<Said, BackupFault> {
    let pins = Pins {
        id: Some(id.to_string()),
        ..Pins::default()
    };
    let verdict = verify::verify(material, &pins).map_err(BackupFault::Record)?;
    let fingerprint = verdict.fingerprint.ok_or(BackupFault::NoKey)?;
    let named = [PAYLOAD.to_string()];
    for path in named.iter().chain(capsules) {
        // What lies there and has no hash in the record may have been put there by anybody.
        if material.beside.contains_key(path) && !verdict.compared.contains(path) {
            return Err(BackupFault::Unknown(path.clone()));
        }
    }
    let source = material
        .files
        .get(files::PLAN)
        .map_or(&[][..], Vec::as_slice);
    let source = std::str::from_utf8(source).unwrap_or_default();
    let plan = Plan::parse(source).map_err(|error| BackupFault::Record(Fault::Plan(error)))?;
    let operators = Operator::ALL.iter().filter_map(|operator| {
        let bytes = material.files.get(&files::operator_certificate(*operator));
        // They were read when the record was verified.
        Certificate::from_armored(bytes?).ok()
    });
    Ok(Said {
        fingerprint,
        operators: operators.collect(),
        absent: plan.backup.map_or_else(Vec::new, |backup| backup.absent),
        transcript: verdict.transcript,
    })
}

fn capsules_of(beside: &mut BTreeMap<String, Vec<u8>>, names: &[String]) -> Vec<(Quorum, Vec<u8>)> {
    let pairs = names.iter().filter_map(|name| {
        let quorum = quorum_of(name)?;
        Some((quorum, beside.remove(name)?))
    });
    pairs.collect()
}

fn tokens_file() -> String {
    format!("{TOKENS}.asc")
}

/// The quorum whose capsule has this name: `AB.asc`.
fn quorum_of(name: &str) -> Option<Quorum> {
    let letters = name.strip_suffix(".asc")?;
    let people: Option<Vec<Custodian>> = letters.chars().map(Custodian::new).collect();
    // All of them together are the only quorum of so many; doubles and disorder are no names.
    let quorum = quorums(&people?, letters.len()).pop()?;
    (quorum.to_string() == letters).then_some(quorum)
}

/// Why a backup is not used.
#[derive(Debug)]
pub(super) enum BackupFault {
    /// A file is not there.
    Missing(String),
    /// There is no capsule at all.
    NoCapsule,
    /// A file is not named in the record beside it.
    Unknown(String),
    /// The record beside it made no key.
    NoKey,
    /// It is not the one that was named and authorised.
    Exchanged,
    /// The record beside it is not in order, or the files are not those that it names.
    Record(Fault),
}

impl fmt::Display for BackupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupFault::Missing(path) => write!(f, "the backup has no {path}"),
            BackupFault::NoCapsule => f.write_str("the backup has no capsule"),
            BackupFault::Unknown(path) => {
                write!(
                    f,
                    "the backup's record does not name {path}, which lies beside it"
                )
            }
            BackupFault::Exchanged => f.write_str("the backup is not the one that was named"),
            BackupFault::NoKey => f.write_str("the backup's record has no key"),
            BackupFault::Record(_) => f.write_str("the backup is not as its record says"),
        }
    }
}

impl std::error::Error for BackupFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BackupFault::Record(fault) => Some(fault),
            _ => None,
        }
    }
}

impl Explain for BackupFault {
    fn remedy(&self) -> String {
        "Take the other secret medium. If both are like this, follow RECOVERY.txt with gpg, and \
         find out who changed them."
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_capsules_name_is_a_capsule() {
        for name in [
            "payload.asc",
            "A.asc",
            "AA.asc",
            "BA.asc",
            "AU.asc",
            "ab.asc",
            "AB",
            "AB.asc.asc",
            "revocation/AB.asc",
            "AB-tokens.asc",
            ".asc",
            "",
        ] {
            assert_eq!(quorum_of(name), None, "{name}");
        }
        for letters in ["AB", "AC", "BCD", "ABCDEFGHIJKLMNOPQRST"] {
            let quorum = quorum_of(&format!("{letters}.asc")).expect("a capsule");
            assert_eq!(quorum.to_string(), letters);
        }
    }

    #[test]
    fn without_payload_or_capsules_there_is_no_backup() {
        let mut material = Material::default();
        let names = ["AB.asc".to_string()];
        let judged = |material: &Material| judge(material.clone(), &names, "x").map(drop);
        assert!(matches!(judged(&material), Err(BackupFault::Missing(_))));
        material.beside.insert(PAYLOAD.to_string(), b"p".to_vec());
        assert!(matches!(judged(&material), Err(BackupFault::NoCapsule)));
        material.beside.insert("AB.asc".to_string(), b"c".to_vec());
        assert!(judged(&material).is_ok());
        material.odd.push("transcript.txt".to_string());
        assert!(matches!(judged(&material), Err(BackupFault::Record(_))));
    }
}
