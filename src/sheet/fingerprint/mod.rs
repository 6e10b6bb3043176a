//! The fingerprint sheet: one page that both operators check, sign and read from in the call.
//!
//! [`FingerprintSheet`] holds the facts, [`Layout`] arranges them once, `text` and `pdf` only
//! set what it says. So the two can differ in type, never in content.

mod pdf;
mod text;

use data_encoding::HEXUPPER;

use super::{Fact, Paper, says_rehearsal, sheet_code};
use crate::digest::{Digest, Fingerprint};
use crate::qr::Qr;
use crate::words::pgp;

/// What a sheet is made from. The texts may hold anything; what is not printable ASCII is
/// escaped on the sheet.
pub struct Facts<'a> {
    /// The ceremony's id. One that begins with `REHEARSAL` makes a rehearsal's sheet, whatever
    /// `rehearsal` says.
    pub ceremony_id: String,
    /// Whether it was a rehearsal.
    pub rehearsal: bool,
    /// The time on the sheet, in UTC.
    pub utc: String,
    /// The user ID.
    pub user_id: String,
    /// 4 or 6.
    pub key_version: u8,
    /// The algorithms in words, such as `RSA 4096`.
    pub algorithm: String,
    /// When the key says it was made, in UTC.
    pub created: String,
    /// The primary key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The certificate file's bytes, as the verifier gets them.
    pub certificate_file: &'a [u8],
}

/// One sheet.
pub struct FingerprintSheet {
    rehearsal: bool,
    sheet_code: String,
    facts: [(&'static str, String); 7],
    fingerprint: Fingerprint,
    certificate: Digest,
}

impl FingerprintSheet {
    /// Takes the facts, and works out the sheet code and the certificate file's digest.
    pub fn new(facts: Facts<'_>) -> FingerprintSheet {
        let sheet_code = sheet_code(&facts.ceremony_id, facts.certificate_file);
        FingerprintSheet {
            rehearsal: facts.rehearsal || says_rehearsal(&facts.ceremony_id),
            facts: [
                ("Ceremony", facts.ceremony_id),
                ("Sheet code", sheet_code.clone()),
                ("Time (UTC)", facts.utc),
                ("User ID", facts.user_id),
                ("Key version", facts.key_version.to_string()),
                ("Algorithm", facts.algorithm),
                ("Key made", facts.created),
            ],
            sheet_code,
            fingerprint: facts.fingerprint,
            certificate: Digest::of(facts.certificate_file),
        }
    }

    /// The four characters that are read out in the call, see [`sheet_code`].
    pub fn sheet_code(&self) -> &str {
        &self.sheet_code
    }

    /// The sheet in ASCII: at most 66 lines of at most 78 columns, LF.
    ///
    /// It has no QR code: made of printed letters, a code is too pale to be scanned.
    pub fn text(&self) -> String {
        text::render(&self.layout())
    }

    /// The sheet as a PDF file of one page; the same facts always give the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        pdf::render(&self.layout(), paper)
    }

    fn layout(&self) -> Layout {
        let payload = qr_payload(&self.fingerprint);
        let facts = self.facts.iter();
        Layout {
            rehearsal: self.rehearsal,
            title: "Fingerprint sheet",
            facts: facts
                .map(|(label, value)| Fact::new(label, value))
                .collect(),
            fingerprint: hex_rows(&self.fingerprint),
            words: pgp::rows(self.fingerprint.bytes()),
            certificate: pgp::rows(self.certificate.bytes()),
            qr: Qr::encode(payload.as_bytes()).expect("64 characters at most fit into a QR code"),
        }
    }
}

/// What the QR code says: `OPENPGP4FPR:` and 40 upper-case hex digits for a v4 key, which
/// key managers on phones understand, and 64 bare ones for a v6 key.
pub fn qr_payload(fingerprint: &Fingerprint) -> String {
    let hex = HEXUPPER.encode(fingerprint.bytes());
    if hex.len() == 40 {
        format!("OPENPGP4FPR:{hex}")
    } else {
        hex
    }
}

/// The sheet, arranged. Everything in it is printable ASCII.
struct Layout {
    /// Whether to say so at the top and the bottom in large letters.
    rehearsal: bool,
    title: &'static str,
    facts: Vec<Fact>,
    /// Groups of four digits, in two rows.
    fingerprint: Vec<Vec<String>>,
    words: Vec<Vec<&'static str>>,
    certificate: Vec<Vec<&'static str>>,
    qr: Qr,
}

const FINGERPRINT_TITLE: &str = "Fingerprint";
const WORDS_TITLE: &str = "The fingerprint as words";
const CERTIFICATE_TITLE: &str = "The certificate file (SHA-256) as words";
const CALL_TITLE: &str = "The calls";
const SIGNATURES: [&str; 2] = [
    "Operator A: name, signature, time",
    "Operator B: name, signature, time",
];

/// The boxes of the call log, row by row; a row's boxes share its width.
const CALLS: [&[&str]; 5] = [
    &["Call 1, room to verifier: time (UTC)", "Number called"],
    &["Call 2, verifier to room: time (UTC)", "Verifier's name"],
    &[
        "Questions: right / wrong",
        "Attempt 1: good / failed",
        "Attempt 2: good / failed",
    ],
    &["Result words 1 to 4, read by the room"],
    &["Result words 5 to 8, read by the verifier"],
];

/// Broken by hand, so that both renderings break alike and none needs font widths.
const NOTES: [&str; 5] = [
    "Only the second call confirms. Nobody is asked \"is it the same?\": the hearer",
    "types what was heard, and the program compares.",
    "What this check cannot detect: someone who sits in the middle of the call and",
    "passes it on live with cloned voices of people you know. Calling back on a",
    "known number and asking what was agreed make that harder, not impossible.",
];

fn hex_rows(fingerprint: &Fingerprint) -> Vec<Vec<String>> {
    let groups = fingerprint.groups();
    groups.chunks(groups.len() / 2).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sheet::REHEARSAL;

    pub(super) const V4: &str = "0123456789abcdef0123456789abcdef01234567";

    pub(super) fn sheet(
        id: &str,
        rehearsal: bool,
        user_id: &str,
        fingerprint: &str,
    ) -> FingerprintSheet {
        FingerprintSheet::new(Facts {
            ceremony_id: id.to_string(),
            rehearsal,
            utc: "2026-01-02 03:10".to_string(),
            user_id: user_id.to_string(),
            key_version: if fingerprint.len() == 40 { 4 } else { 6 },
            algorithm: "RSA 4096".to_string(),
            created: "2026-01-02 03:04:05".to_string(),
            fingerprint: Fingerprint::parse(fingerprint).expect("40 or 64 digits"),
            certificate_file: b"certificate",
        })
    }

    #[test]
    fn a_rehearsal_says_so_at_both_ends_even_if_only_its_id_does() {
        let id = "REHEARSAL-2026-01-02-backup-key-01234567";
        for made in [
            sheet("2026-01-02-x", true, "", V4),
            sheet(id, false, "", V4),
        ] {
            let text = made.text();
            let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
            for line in [lines[0], lines[lines.len() - 1]] {
                assert!(line.contains("R E H E A R S A L"), "{line}");
            }
        }
        let real = sheet("2026-01-02-x", false, "", V4);
        assert!(!real.text().contains("E H E A"));
        let pdf = real.pdf(Paper::A4);
        assert!(
            !pdf.windows(REHEARSAL.len())
                .any(|at| at == REHEARSAL.as_bytes())
        );
    }

    /// Computed with `printf '2026-01-02-x\ncertificate' | sha256sum`.
    #[test]
    fn the_sheet_code_is_the_digest_s_first_twenty_bits() {
        assert_eq!(sheet_code("2026-01-02-x", b"certificate"), "31XP");
        assert_eq!(sheet("2026-01-02-x", false, "", V4).sheet_code(), "31XP");
        assert_ne!(sheet_code("2026-01-02-y", b"certificate"), "31XP");
        assert_ne!(sheet_code("2026-01-02-x", b"certificatf"), "31XP");
    }

    #[test]
    fn qr_payloads() {
        let v4 = Fingerprint::parse(V4).expect("40 digits");
        assert_eq!(
            qr_payload(&v4),
            format!("OPENPGP4FPR:{}", V4.to_uppercase())
        );
        let v6 = Fingerprint::parse(&"ab".repeat(32)).expect("64 digits");
        assert_eq!(qr_payload(&v6), "AB".repeat(32));
    }

    #[test]
    fn every_word_and_group_stands_on_the_text_in_order() {
        let v6 = "00ff".repeat(16);
        for fingerprint in [V4, &v6] {
            let made = sheet(
                "2026-01-02-x",
                false,
                "Backups <b@example.org>",
                fingerprint,
            );
            let text = made.text();
            let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let fingerprint = &made.fingerprint;
            assert!(spaced.contains(&fingerprint.groups().join(" ")), "{text}");
            let numbered = pgp::words(fingerprint.bytes());
            let numbered: Vec<_> = numbered
                .iter()
                .enumerate()
                .map(|(at, word)| format!("{} {word}", at + 1))
                .collect();
            assert!(spaced.contains(&numbered.join(" ")), "{text}");
            let certificate = pgp::words(Digest::of(b"certificate").bytes()).join(" ");
            assert!(spaced.contains(&certificate), "{text}");
        }
    }

    #[test]
    fn the_fullest_text_is_one_page_of_66_lines() {
        let id = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(26));
        let text = sheet(&id, true, &"x".repeat(500), &"0f".repeat(32)).text();
        assert_eq!(text.lines().count(), 66, "{text}");
    }

    proptest! {
        #[test]
        fn the_text_is_narrow_ascii_whatever_the_facts(
            id: String, user_id: String, v6: bool
        ) {
            let fingerprint = "0a".repeat(if v6 { 32 } else { 20 });
            let text = sheet(&id, true, &user_id, &fingerprint).text();
            prop_assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
            for line in text.lines() {
                prop_assert!(line.len() <= 78 && line.trim_end() == line, "{}", line);
            }
        }
    }
}
