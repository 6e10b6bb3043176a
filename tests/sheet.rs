//! The sheet as the printer gets it: rendered, scanned and read back by other programs.
//!
//! Needs `pdftoppm` and `pdftotext` (poppler-utils) and `zbarimg` (zbar-tools).

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod tools;

use ceremony::digest::{Digest, Fingerprint};
use ceremony::plan::Operator;
use ceremony::sheet::{
    Facts, FingerprintSheet, Grid, Paper, Reading, ReadingFacts, ReadingSheet, qr_payload,
};
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

/// What both renderings of a page of the call are made from.
enum CallPage {
    Reading(ReadingSheet),
    Grid(Grid),
}

impl CallPage {
    fn text(&self) -> String {
        match self {
            CallPage::Reading(sheet) => sheet.text(),
            CallPage::Grid(grid) => grid.text(),
        }
    }

    fn pdf(&self, paper: Paper) -> Vec<u8> {
        match self {
            CallPage::Reading(sheet) => sheet.pdf(paper),
            CallPage::Grid(grid) => grid.pdf(paper),
        }
    }
}

/// The fullest rows: as many as a call has, of the widest word in print.
fn rows(version: u8, what: Reading) -> Vec<Vec<String>> {
    let bytes = if version == 6 { 32 } else { 20 };
    match what {
        Reading::Digits => {
            let fingerprint = Fingerprint::from_bytes(&vec![0xD8; bytes]);
            fingerprint.expect("20 or 32 bytes").rows()
        }
        Reading::Words { .. } => vec!["chambermaid".to_string(); bytes + 3]
            .chunks(4)
            .map(<[_]>::to_vec)
            .collect(),
    }
}

fn reading(id: &str, version: u8, reader: Operator, what: Reading) -> CallPage {
    CallPage::Reading(ReadingSheet::new(ReadingFacts {
        ceremony_id: id.to_string(),
        sheet_code: "31XP".to_string(),
        rehearsal: false,
        utc: "2026-01-02 03:10".to_string(),
        reader,
        rows: rows(version, what),
        what,
    }))
}

/// Every page of the call on both papers, with short and with far too long ids.
fn for_each_call_page(check: impl Fn(&tools::Dir, &str, &CallPage)) {
    let long = format!("REHEARSAL-2026-01-02-{}-7QX2M9TD", "x".repeat(60));
    let ids = ["2026-01-02-backup-key-7QX2M9TD", "REHEARSAL-x", &long];
    for (id, version) in ids.into_iter().flat_map(|id| [(id, 4), (id, 6)]) {
        let mut pages = vec![CallPage::Grid(Grid::new(version, Some(id), false))];
        for reader in Operator::ALL {
            for what in [Reading::Words { attempt: 1 }, Reading::Digits] {
                pages.push(reading(id, version, reader, what));
            }
        }
        for (at, page) in pages.iter().enumerate() {
            for paper in [Paper::A4, Paper::Letter] {
                let dir = tools::Dir::new();
                dir.write("page.pdf", &page.pdf(paper));
                check(&dir, &format!("{id}, v{version}, {at}, {paper:?}"), page);
            }
        }
    }
}

/// In the order of the page, without what only one rendering has: rules to write on, the
/// stars of a banner; titles are in capitals where there is no larger type.
fn words_of(text: &str) -> Vec<String> {
    let spaced = text.replace("*** R E H E A R S A L ***", "REHEARSAL");
    let words = spaced.split_whitespace().map(str::to_lowercase);
    words
        .filter(|word| !word.chars().all(|c| c == '_'))
        .collect()
}

#[test]
fn a_page_of_the_call_is_one_page_and_says_the_same_in_both_renderings() {
    for_each_call_page(|dir, label, page| {
        let printed = dir.run("pdftotext", &["-raw", "page.pdf", "-"]);
        assert_eq!(printed.matches('\u{c}').count(), 1, "{label}: not one page");
        let mut expected = words_of(&page.text());
        let mut found = words_of(&printed);
        // Labels stand in the corners of boxes: the order on a line is not that of the text.
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{label}: {printed}");
    });
}

/// The bounding box of all words lies within the margins: nothing is cut, nothing hangs out.
#[test]
fn nothing_on_a_page_of_the_call_is_cut_or_covers_something_else() {
    for_each_call_page(|dir, label, _| {
        let html = dir.run("pdftotext", &["-bbox", "page.pdf", "-"]);
        let number = |line: &str, name: &str| -> f32 {
            let (_, rest) = line
                .split_once(&format!(" {name}=\""))
                .expect("an attribute");
            let (value, _) = rest.split_once('"').expect("it ends");
            value.parse().expect("a number")
        };
        let page = html
            .lines()
            .find(|line| line.contains("<page "))
            .expect("a page");
        let (width, height) = (number(page, "width"), number(page, "height"));
        let words: Vec<[f32; 4]> = html
            .lines()
            .filter(|line| line.contains("<word "))
            .map(|line| ["xMin", "yMin", "xMax", "yMax"].map(|name| number(line, name)))
            .collect();
        assert!(words.len() > 50, "{label}: {html}");
        for (at, [left, top, right, bottom]) in words.iter().enumerate() {
            assert!(*left >= 30.0 && *right <= width - 30.0, "{label}: {html}");
            assert!(*top >= 25.0 && *bottom <= height - 25.0, "{label}: {html}");
            for [l, t, r, b] in &words[at + 1..] {
                // Boxes of type reach a little above and below the letters.
                let (x, y) = (right.min(*r) - left.max(*l), bottom.min(*b) - top.max(*t));
                assert!(x <= 0.5 || y <= 4.0, "{label}: at {left}, {top}: {html}");
            }
        }
    });
}
