//! `RECOVERY.txt`: how to open the backup with stock gpg alone, and what its format is.
//!
//! Lines that begin with four blanks are commands, to be typed as they stand.

use super::quorum::Quorum;
use crate::digest::Fingerprint;
use crate::plan::BackupSpec;

/// The page for this ceremony's backup. ASCII, at most 78 columns.
pub fn text(id: &str, fingerprint: &Fingerprint, spec: &BackupSpec, rehearsal: bool) -> String {
    let title = "HOW TO RECOVER THE SECRET KEY WITH GNUPG ALONE";
    let mut out = head(title, id, fingerprint, spec, rehearsal).join("\n");
    out.push('\n');
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("");
    for text in PREPARE {
        line(text);
    }
    for quorum in spec.quorums() {
        line("");
        line(&format!(
            "---- With the words of {} ----",
            custodians(&quorum)
        ));
        line("");
        for text in commands(&quorum, "") {
            line(&text);
        }
    }
    line("");
    // GnuPG 2.2 opens the layers of any backup, but knows no keys of version 6.
    let known = fingerprint.bytes().len() == 20;
    for text in if known { USE } else { USE_V6 } {
        line(text);
    }
    for text in CLEAR {
        line(text);
    }
    for quorum in spec.quorums() {
        line("");
        line(&format!(
            "---- The revocation certificate, with the words of {} ----",
            custodians(&quorum)
        ));
        line("");
        for text in commands(&quorum, "revocation/") {
            line(&text);
        }
    }
    if spec.tokens {
        line("");
        for text in TOKENS {
            line(text);
        }
    }
    line("");
    for text in FORMAT {
        line(text);
    }
    out
}

/// The first lines of such a page: what it is for, and of which ceremony.
pub(super) fn head(
    title: &str,
    id: &str,
    fingerprint: &Fingerprint,
    spec: &BackupSpec,
    rehearsal: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    if rehearsal {
        let mark = "REHEARSAL - this backup holds a rehearsal's key, not a real one.";
        lines.extend([mark.to_string(), String::new()]);
    }
    let [first, second] = halves(fingerprint);
    let people: Vec<String> = spec.custodians.iter().map(|c| c.to_string()).collect();
    lines.extend([
        title.to_string(),
        String::new(),
        format!("Ceremony     {id}"),
        format!("Fingerprint  {first}"),
        format!("             {second}"),
        format!(
            "Custodians   {}; any {} of them together open it.",
            people.join(" "),
            spec.threshold
        ),
    ]);
    lines
}

/// The commands that open one payload with one quorum's words, outermost layer first.
pub fn commands(quorum: &Quorum, folder: &str) -> Vec<String> {
    const GPG: &str = "gpg --pinentry-mode loopback --no-symkey-cache";
    // Both may be opened in one place: gpg would stop to ask whether it may overwrite a file.
    let (stem, result) = if folder.is_empty() {
        ("layer", "key.asc")
    } else {
        ("r-layer", "revocation.asc")
    };
    let mut lines = Vec::new();
    let depth = quorum.custodians().len();
    for (layer, custodian) in quorum.custodians().iter().enumerate().rev() {
        let from = if layer + 1 == depth {
            format!("{folder}{}", quorum.file_name())
        } else {
            format!("\"$GNUPGHOME/{stem}{}\"", layer + 1)
        };
        lines.push(format!("It asks for the words of {custodian}:"));
        lines.push(format!("    {GPG} \\"));
        lines.push(format!(
            "      --output \"$GNUPGHOME/{stem}{layer}\" --decrypt {from}"
        ));
    }
    lines.push("It asks for nothing:".to_string());
    lines.push(format!("    {GPG} --batch \\"));
    lines.push(format!("      --passphrase-file \"$GNUPGHOME/{stem}0\" \\"));
    lines.push(format!(
        "      --output \"$GNUPGHOME/{result}\" --decrypt {folder}payload.asc"
    ));
    lines
}

pub(super) fn custodians(quorum: &Quorum) -> String {
    let letters: Vec<String> = quorum.custodians().iter().map(|c| c.to_string()).collect();
    letters.join(" and ")
}

fn halves(fingerprint: &Fingerprint) -> [String; 2] {
    let groups = fingerprint.groups();
    let (a, b) = groups.split_at(groups.len() / 2);
    [a.join(" "), b.join(" ")]
}

pub(super) const PREPARE: &[&str] = &[
    "Do this on a machine without a network, booted from trusted media, with",
    "two people present. Go to the folder that holds this file, and make a",
    "place in memory:",
    "",
    "    export GNUPGHOME=\"$(mktemp -d /dev/shm/recovery.XXXXXX)\"",
    "",
    "Words are typed in lower case, with one blank between two words. The card",
    "of an absent custodian comes in two halves: type the first half, a blank,",
    "then the second half.",
];

const USE: &[&str] = &[
    "---- Then, with the key ----",
    "",
    "    gpg --batch --import \"$GNUPGHOME/key.asc\"",
    "    gpg --list-secret-keys",
    "",
    "Compare the fingerprint with the one above and on paper. Now gpg decrypts",
    "what was encrypted to the key: gpg --decrypt FILE.",
];

const USE_V6: &[&str] = &[
    "---- Then, with the key ----",
    "",
    "key.asc is a key of version 6 (RFC 9580). GnuPG opened the backup, but it",
    "cannot use such a key; sq can, in a version of 2025 or later. Compare the",
    "fingerprint with the one above and on paper.",
];

pub(super) const CLEAR: &[&str] = &[
    "At the end, whatever happened, remove the place in memory:",
    "",
    "    gpgconf --kill all",
    "    rm -rf \"$GNUPGHOME\"",
];

const TOKENS: &[&str] = &[
    "---- The YubiKeys of operators A and B ----",
    "",
    "AB-tokens.asc holds the same K as AB.asc, encrypted to A's certificate, and",
    "the result encrypted to B's (record/operators/; subkeys in PIV slot 9d).",
    "revocation/AB-tokens.asc likewise. The drill opened both. With them the",
    "program opens messages by two PINs and touches, without words:",
    "",
    "ceremony open FILE -o OUT",
    "",
    "This is a convenience. THE WORDS ABOVE ARE THE RECOVERY: a YubiKey that is",
    "lost, broken or blocked takes nothing from them. GnuPG 2.2 and sq cannot",
    "use such a YubiKey. GnuPG knows PIV from 2.3 on (gpg-card), but it has not",
    "been tried; whoever does decrypts AB-tokens.asc with B's, the result with",
    "A's, and then payload.asc with the K that comes out, as above.",
];

const FORMAT: &[&str] = &[
    "---- What these files are ----",
    "",
    "payload.asc is the secret key (an armored transferable secret key without",
    "a passphrase of its own), encrypted with a passphrase K of 64 hex digits.",
    "AB.asc is K and a line feed, encrypted with A's words, and the result of",
    "that encrypted with B's words; the others likewise. Every layer is one",
    "ordinary OpenPGP message (RFC 4880): a version 4 symmetric-key packet with",
    "iterated and salted S2K and AES-256, then a version 1 integrity-protected",
    "data packet. One passphrase opens each. revocation/ has the revocation",
    "certificate in the same form, with another K.",
];

#[cfg(test)]
mod tests {
    use super::super::quorum::{Custodian, quorums};
    use super::*;

    fn spec(n: usize, threshold: usize) -> BackupSpec {
        let custodians: Vec<Custodian> = ('A'..='T')
            .take(n)
            .map(|c| Custodian::new(c).expect("a letter"))
            .collect();
        BackupSpec {
            custodians,
            threshold,
            absent: Vec::new(),
            tokens: false,
        }
    }

    #[test]
    fn capsules_for_tokens_are_named_where_there_are_any_and_never_in_place_of_words() {
        let fingerprint = Fingerprint::from_bytes(&[7; 20]).expect("20 bytes");
        let mut spec = spec(3, 2);
        let page = |spec: &BackupSpec| text("2026-01-02-key-ABCDEFGH", &fingerprint, spec, false);
        let without = page(&spec);
        assert!(!without.contains("YubiKey") && !without.contains("tokens"));
        spec.tokens = true;
        let with = page(&spec);
        assert!(with.is_ascii() && with.lines().all(|line| line.len() <= 78));
        assert!(
            with.contains("AB-tokens.asc") && with.contains("THE WORDS ABOVE ARE THE RECOVERY")
        );
        // Every line that was there still is, in the same order: nothing took its place.
        let mut lines = with.lines();
        assert!(without.lines().all(|line| lines.any(|other| other == line)));
    }

    #[test]
    fn every_quorum_has_its_commands_and_no_line_is_too_wide() {
        let fingerprint = Fingerprint::from_bytes(&[7; 32]).expect("32 bytes");
        for (n, k) in [(2, 2), (3, 2), (3, 3), (6, 3)] {
            let spec = spec(n, k);
            let page = text("2026-01-02-backup-key-ABCDEFGH", &fingerprint, &spec, true);
            assert!(page.is_ascii() && page.starts_with("REHEARSAL"));
            assert!(page.lines().all(|line| line.len() <= 78), "{page}");
            for quorum in quorums(&spec.custodians, k) {
                assert!(page.contains(&format!("--decrypt {}", quorum.file_name())));
                assert!(page.contains(&format!("--decrypt revocation/{}", quorum.file_name())));
            }
        }
    }
}
