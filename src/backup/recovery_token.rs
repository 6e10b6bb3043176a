//! `RECOVERY.txt` of a key in a token: there is nothing to recover but the certificate that
//! declares it invalid, and how stock gpg opens that.

use super::recovery::{CLEAR, PREPARE, commands, custodians, head};
use crate::digest::Fingerprint;
use crate::plan::BackupSpec;

/// The page for this ceremony's revocation certificate. ASCII, at most 78 columns.
pub fn text(id: &str, fingerprint: &Fingerprint, spec: &BackupSpec, rehearsal: bool) -> String {
    let title = "HOW TO DECLARE THE KEY INVALID WITH GNUPG ALONE";
    let mut lines = head(title, id, fingerprint, spec, rehearsal);
    let mut add = |texts: &[&str]| {
        lines.push(String::new());
        lines.extend(texts.iter().map(ToString::to_string));
    };
    add(NO_BACKUP);
    add(PREPARE);
    for quorum in spec.quorums() {
        lines.push(String::new());
        lines.push(format!(
            "---- The revocation certificate, with the words of {} ----",
            custodians(&quorum)
        ));
        lines.push(String::new());
        lines.extend(commands(&quorum, "revocation/"));
    }
    let mut add = |texts: &[&str]| {
        lines.push(String::new());
        lines.extend(texts.iter().map(ToString::to_string));
    };
    add(USE);
    lines.extend(CLEAR.iter().map(ToString::to_string));
    lines.push(String::new());
    lines.extend(FORMAT.iter().map(ToString::to_string));
    lines.push(String::new());
    lines.join("\n")
}

const NO_BACKUP: &[&str] = &[
    "THE KEY ITSELF HAS NO BACKUP. It is in a YubiKey and nowhere else. If the",
    "YubiKey is lost or breaks, nothing that was encrypted to the key can be read",
    "again. What is here can only declare the key invalid, so that nobody uses it",
    "any more. It cannot be taken back.",
];

const USE: &[&str] = &[
    "---- Then, with the certificate ----",
    "",
    "Join it to the key's public certificate. The result, revoked.asc, is public:",
    "copy it to an empty medium, and give it to everybody who has the key.",
    "",
    "    gpg --batch --import record/certificates/1.asc",
    "    gpg --batch --import \"$GNUPGHOME/revocation.asc\"",
    "    gpg --batch --armor --output \"$GNUPGHOME/revoked.asc\" --export",
    "",
];

const FORMAT: &[&str] = &[
    "---- What these files are ----",
    "",
    "revocation/payload.asc is the revocation certificate (RFC 4880, 5.2.1, type",
    "0x20), encrypted with a passphrase K of 64 hex digits. revocation/AB.asc is K",
    "and a line feed, encrypted with A's words, and the result of that encrypted",
    "with B's words; the others likewise. Every layer is one ordinary OpenPGP",
    "message (RFC 4880): a version 4 symmetric-key packet with iterated and salted",
    "S2K and AES-256, then a version 1 integrity-protected data packet. One",
    "passphrase opens each.",
];

#[cfg(test)]
mod tests {
    use super::super::quorum::{Custodian, quorums};
    use super::*;

    #[test]
    fn it_says_that_there_is_no_backup_and_opens_nothing_but_the_revocation() {
        let fingerprint = Fingerprint::from_bytes(&[7; 20]).expect("20 bytes");
        for (n, k) in [(2, 2), (3, 2), (6, 3)] {
            let spec = BackupSpec {
                custodians: ('A'..='T').take(n).filter_map(Custodian::new).collect(),
                threshold: k,
                absent: Vec::new(),
                tokens: false,
            };
            let page = text("2026-01-02-token-key-ABCDEFGH", &fingerprint, &spec, true);
            assert!(page.is_ascii() && page.starts_with("REHEARSAL"));
            assert!(page.ends_with('\n') && page.contains("NO BACKUP"));
            assert!(page.lines().all(|line| line.len() <= 78), "{page}");
            assert!(!page.contains("--decrypt payload.asc"));
            for quorum in quorums(&spec.custodians, k) {
                assert!(page.contains(&format!("--decrypt revocation/{}", quorum.file_name())));
            }
        }
    }
}
