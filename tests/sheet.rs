//! The sheet as the printer gets it: rendered, scanned and read back by other programs.
//!
//! Needs `pdftoppm` and `pdftotext` (poppler-utils) and `zbarimg` (zbar-tools).

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod tools;

use ceremony::digest::{Digest, Fingerprint};
use ceremony::sheet::{Facts, FingerprintSheet, Paper, qr_payload};
use ceremony::words::pgp;

const CERTIFICATE: &[u8] = b"a certificate";

fn sheet(rehearsal: bool, version: u8, user_id: &str) -> (FingerprintSheet, Fingerprint) {
    let bytes: Vec<u8> = (0..=u8::MAX)
        .map(|n| n.wrapping_mul(151).wrapping_add(90))
        .collect();
    let fingerprint = Fingerprint::from_bytes(&bytes[..if version == 4 { 20 } else { 32 }]);
    let fingerprint = fingerprint.expect("20 or 32 bytes");
    let id = "2026-01-02-backup-key-7QX2M9TD";
    let id = if rehearsal {
        format!("REHEARSAL-{id}")
    } else {
        id.to_string()
    };
    let sheet = FingerprintSheet::new(Facts {
        ceremony_id: id,
        rehearsal,
        utc: "2026-01-02 03:10".to_string(),
        user_id: user_id.to_string(),
        key_version: version,
        algorithm: "RSA 4096".to_string(),
        created: "2026-01-02 03:04:05".to_string(),
        fingerprint: fingerprint.clone(),
        certificate_file: CERTIFICATE,
    });
    (sheet, fingerprint)
}

/// Every kind of sheet: version, rehearsal, paper and the shortest and longest user ID.
fn for_each_sheet(check: impl Fn(&tools::Dir, &FingerprintSheet, &Fingerprint, Paper)) {
    let long = "Backups of the collective \u{fc}".repeat(20);
    for (rehearsal, version) in [(false, 4), (false, 6), (true, 4), (true, 6)] {
        for user_id in ["Backups <backup@example.org>", &long] {
            for paper in [Paper::A4, Paper::Letter] {
                let (sheet, fingerprint) = sheet(rehearsal, version, user_id);
                let dir = tools::Dir::new();
                dir.write("sheet.pdf", &sheet.pdf(paper));
                check(&dir, &sheet, &fingerprint, paper);
            }
        }
    }
}

#[test]
fn the_printed_code_scans() {
    for_each_sheet(|dir, _, fingerprint, paper| {
        dir.run(
            "pdftoppm",
            &["-r", "150", "-gray", "-singlefile", "sheet.pdf", "page"],
        );
        let scanned = dir.run("zbarimg", &["-q", "--raw", "page.pgm"]);
        assert_eq!(scanned.trim_end(), qr_payload(fingerprint), "{paper:?}");
    });
}

#[test]
fn every_word_and_group_can_be_read_from_the_page() {
    for_each_sheet(|dir, sheet, fingerprint, paper| {
        let text = dir.run("pdftotext", &["-layout", "sheet.pdf", "-"]);
        let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for group in fingerprint.groups() {
            assert!(
                spaced.contains(&group),
                "{paper:?}: {group} is not in {text}"
            );
        }
        for (at, word) in pgp::words(fingerprint.bytes()).iter().enumerate() {
            let numbered = format!("{} {word}", at + 1);
            assert!(
                spaced.contains(&numbered),
                "{paper:?}: {numbered} is not in {text}"
            );
        }
        for row in pgp::rows(Digest::of(CERTIFICATE).bytes()) {
            let row = row.join(" ");
            assert!(spaced.contains(&row), "{paper:?}: {row} is not in {text}");
        }
        assert!(spaced.contains(sheet.sheet_code()), "{text}");
    });
}

#[test]
fn it_is_one_page_and_a_rehearsal_says_so_at_both_ends() {
    for_each_sheet(|dir, sheet, _, paper| {
        let text = dir.run("pdftotext", &["-layout", "sheet.pdf", "-"]);
        assert_eq!(text.matches('\u{c}').count(), 1, "{paper:?}: not one page");
        let lines: Vec<_> = text
            .split(['\n', '\u{c}'])
            .filter(|line| !line.is_empty())
            .collect();
        let banners = lines
            .iter()
            .filter(|line| line.trim() == "REHEARSAL")
            .count();
        if sheet.text().contains("REHEARSAL") {
            assert_eq!(lines[0].trim(), "REHEARSAL", "{paper:?}: {text}");
            assert_eq!(
                lines[lines.len() - 1].trim(),
                "REHEARSAL",
                "{paper:?}: {text}"
            );
            assert_eq!(banners, 2);
        } else {
            assert_eq!(banners, 0);
        }
    });
}
