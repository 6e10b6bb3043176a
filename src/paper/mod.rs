//! The paper backup: encrypted files as codes to scan and rows to type. docs/paper-backup.md has
//! the format, in enough detail for another reader.
//!
//! [`Backup`] cuts files into [`Part`]s and [`row`]s and says on which page each stands;
//! [`Gathered`] puts together what was scanned or typed. Pure: files and pictures are the edge's.

mod backup;
mod error;
mod gather;
mod pages;
mod part;
mod row;

pub use backup::{Backup, Group, PaperFile};
pub use error::PaperError;
pub use gather::{Gathered, Problem, Restored};
pub use pages::{ACROSS, BAND, BETWEEN, Band, LEADING, Place, Sheet, Slot};
pub use part::Part;
pub use row::{Mistake, Row, rows};

use crate::backup::quorum::{Custodian, TOKENS};
use crate::digest::Digest;
use crate::id;

/// The list of a group's files with their hashes, as `sha256sum -c` takes it.
pub const SUMS: &str = "SHA256SUMS";

/// What the revocation certificate's files are called before their names.
pub const REVOCATION: &str = "revocation/";

/// Whether a file of that name can be part of a backup: `payload.asc`, `AB.asc` and the like,
/// `SHA256SUMS`, all perhaps in `revocation/`. No other name comes from paper onto a disk.
pub fn is_file_name(name: &str) -> bool {
    let name = name.strip_prefix(REVOCATION).unwrap_or(name);
    let Some(stem) = name.strip_suffix(".asc") else {
        return name == SUMS;
    };
    let quorum = stem.len() >= 2 && stem.chars().all(|c| Custodian::new(c).is_some());
    stem == "payload" || stem == TOKENS || quorum
}

/// Whether a ceremony has such an id; a rehearsal's counts.
pub fn is_id(id: &str) -> bool {
    id.len() <= 100 && id::mode_of(id).is_some()
}

/// The first 32 bits of a SHA-256 in hex: enough against slips, no protection from a forger.
fn short_hash(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()[..8].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for bad in [
            "",
            ".asc",
            "A.asc",
            "Z.asc",
            "ab.asc",
            "../payload.asc",
            "/payload.asc",
            "revocation/../AB.asc",
            "revocation/revocation/AB.asc",
            "payload",
            "AB.asc/",
            "payload.asc\n",
            "RECOVERY.txt",
        ] {
            assert!(!is_file_name(bad), "{bad}");
        }
        for good in [
            "payload.asc",
            "AB.asc",
            "revocation/ABT.asc",
            "AB-tokens.asc",
            SUMS,
        ] {
            assert!(is_file_name(good), "{good}");
        }
    }
}
