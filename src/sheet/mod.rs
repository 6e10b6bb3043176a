//! The fingerprint sheet: one page that both operators check, sign and read from in the call.
//!
//! [`FingerprintSheet`] holds the facts, [`Layout`] arranges them once, `text` and `pdf` only
//! set what it says. So the two can differ in type, never in content.

mod pdf;
mod text;

pub use pdf::Paper;

use data_encoding::HEXUPPER;

use crate::digest::{Digest, Fingerprint};
use crate::qr::Qr;
use crate::words::pgp;

/// The word that stands on everything a rehearsal makes, and begins its id.
const REHEARSAL: &str = "REHEARSAL";

/// Lines a fact may take; a longer one is cut, and says so, to keep the sheet on its page.
const FACT_LINES: usize = 2;

/// Columns of such a line: what fits beside the QR code.
const FACT_COLUMNS: usize = 56;

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
            rehearsal: facts.rehearsal || facts.ceremony_id.starts_with(REHEARSAL),
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
            rehearsal: self.rehearsal.then_some(REHEARSAL),
            title: "Fingerprint sheet",
            facts: facts
                .map(|(label, value)| Fact {
                    label,
                    lines: fact_lines(value),
                })
                .collect(),
            fingerprint: hex_rows(&self.fingerprint),
            words: pgp::rows(self.fingerprint.bytes()),
            certificate: pgp::rows(self.certificate.bytes()),
            qr: Qr::encode(payload.as_bytes()).expect("64 characters at most fit into a QR code"),
        }
    }
}

/// The sheet's code: the first four Crockford base32 characters (20 bits) of the SHA-256 over
/// the ceremony id, LF and the certificate file. It tells one attempt's sheet from another's;
/// it is no protection against a forger.
pub fn sheet_code(ceremony_id: &str, certificate_file: &[u8]) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digest = Digest::of(&[ceremony_id.as_bytes(), b"\n", certificate_file].concat());
    let head = digest.bytes()[..3]
        .iter()
        .fold(0, |head, &byte| head << 8 | usize::from(byte));
    // 24 bits were taken; the characters are the 5-bit groups from the top.
    [19, 14, 9, 4]
        .map(|shift| char::from(CROCKFORD[head >> shift & 31]))
        .iter()
        .collect()
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
    /// What to put at the top and the bottom in large letters.
    rehearsal: Option<&'static str>,
    title: &'static str,
    facts: Vec<Fact>,
    /// Groups of four digits, in two rows.
    fingerprint: Vec<Vec<String>>,
    words: Vec<Vec<&'static str>>,
    certificate: Vec<Vec<&'static str>>,
    qr: Qr,
}

struct Fact {
    label: &'static str,
    lines: Vec<String>,
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

/// Escapes `value` and breaks it into lines that fit the sheet.
fn fact_lines(value: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = value.chars().count();
    for c in value.chars() {
        let shown = escape(c);
        let line = lines.last_mut().expect("there is always a line");
        if line.len() + shown.len() <= FACT_COLUMNS {
            line.push_str(&shown);
        } else if lines.len() < FACT_LINES {
            lines.push(shown);
        } else {
            lines.push(format!("(cut here: {left} more characters)"));
            return lines;
        }
        left -= 1;
    }
    lines
}

/// Printable ASCII as it is, all else and the backslash itself as `\u{..}`, so that no two
/// values look alike and none can move what is printed.
fn escape(c: char) -> String {
    match c {
        '\\' => c.escape_unicode().to_string(),
        ' '..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn a_user_id_cannot_move_what_is_printed_or_look_like_another() {
        assert_eq!(
            fact_lines("Zo\u{eb}\n\u{202e}\\"),
            ["Zo\\u{eb}\\u{a}\\u{202e}\\u{5c}"]
        );
        assert_ne!(fact_lines("\u{eb}"), fact_lines("\\u{eb}"));
    }

    #[test]
    fn a_long_user_id_is_cut_and_says_so() {
        let full = FACT_LINES * FACT_COLUMNS;
        let lines = fact_lines(&"x".repeat(full + 7));
        assert_eq!(lines.len(), FACT_LINES + 1);
        assert_eq!(lines[FACT_LINES], "(cut here: 7 more characters)");
        assert_eq!(fact_lines(&"x".repeat(full)).len(), FACT_LINES);
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
