//! The fingerprint sheet as a PDF file: one page, black on white, the fonts every printer has.

use super::{
    CALL_TITLE, CALLS, CERTIFICATE_TITLE, FINGERPRINT_TITLE, Layout, NOTES, SIGNATURES, WORDS_TITLE,
};
use crate::qr::{QUIET, Qr};
use crate::sheet::pdf::{GAP, MARGIN, MONO, MONO_WIDTH, Page, Paper, SANS};

/// The side of a QR code's module, 1.1 mm: a code of some 35 mm, scanned at arm's length.
const MODULE: f32 = 3.1;

/// Boxes to write in are at least this high, and higher where the page has room.
const LOW_BOX: f32 = 25.0;
const HIGH_BOX: f32 = 38.0;

pub(super) fn render(sheet: &Layout, paper: Paper) -> Vec<u8> {
    let spare = set(sheet, paper, LOW_BOX).spare();
    let boxes = (LOW_BOX + spare / CALLS.len() as f32).clamp(LOW_BOX, HIGH_BOX);
    set(sheet, paper, boxes).finish(sheet.title)
}

/// Sets all but the lower banner, with boxes of the given height.
fn set(sheet: &Layout, paper: Paper, boxes: f32) -> Page {
    let mut page = Page::new(paper, sheet.rehearsal);
    facts(&mut page, sheet);
    fingerprint(&mut page, sheet);
    words(&mut page, sheet);
    calls(&mut page, boxes);
    certificate_and_signatures(&mut page, sheet);
    notes(&mut page);
    page
}

/// The facts, with the QR code at their right.
fn facts(page: &mut Page, sheet: &Layout) {
    let top = page.y;
    let side = qr(page, &sheet.qr, top);
    page.head(sheet.title, &sheet.facts);
    page.y = f32::min(page.y, top - side) - GAP;
}

/// Draws the code into the upper right corner and gives its side, the margin below included.
fn qr(page: &mut Page, qr: &Qr, top: f32) -> f32 {
    let side = MODULE * qr.size() as f32;
    let left = page.width - MARGIN - side;
    for (x, y) in (0..qr.size()).flat_map(|y| (0..qr.size()).map(move |x| (x, y))) {
        if qr.dark(x, y) {
            let (x, y) = (left + MODULE * x as f32, top - MODULE * (y + 1) as f32);
            page.content.rect(x, y, MODULE, MODULE);
        }
    }
    // One fill for all modules: filled one by one, hairlines would show between them.
    page.content.fill_nonzero();
    side + MODULE * QUIET as f32 - GAP
}

fn fingerprint(page: &mut Page, sheet: &Layout) {
    const SIZE: f32 = 14.0;
    page.heading(FINGERPRINT_TITLE);
    for row in &sheet.fingerprint {
        page.y -= SIZE + 3.0;
        page.text(MONO, SIZE, MARGIN + 12.0, page.y + 4.0, &row.join("  "));
    }
    page.y -= GAP;
}

fn words(page: &mut Page, sheet: &Layout) {
    const SIZE: f32 = 12.0;
    const LEADING: f32 = 15.0;
    page.heading(WORDS_TITLE);
    let column = page.inner_width() / 4.0;
    let mut number = 0;
    for row in &sheet.words {
        page.y -= LEADING;
        for (at, word) in row.iter().enumerate() {
            number += 1;
            let x = MARGIN + column * at as f32;
            page.text(MONO, SIZE, x, page.y + 3.0, &format!("{number:2} {word}"));
        }
    }
    page.y -= GAP;
}

fn calls(page: &mut Page, height: f32) {
    page.heading(CALL_TITLE);
    page.y -= 3.0;
    for row in CALLS {
        let width = page.inner_width() / row.len() as f32;
        page.y -= height;
        for (at, label) in row.iter().enumerate() {
            page.labelled_box(MARGIN + width * at as f32, page.y, width, height, label);
        }
    }
    page.y -= GAP;
}

/// The certificate file's words at the left, the signature boxes at the right.
fn certificate_and_signatures(page: &mut Page, sheet: &Layout) {
    const SIZE: f32 = 8.0;
    const LEADING: f32 = 10.5;
    let column = 12.0 * MONO_WIDTH * SIZE;
    let left = MARGIN + 4.0 * column + 12.0;
    let top = page.y;
    page.heading(CERTIFICATE_TITLE);
    for row in &sheet.certificate {
        page.y -= LEADING;
        for (at, word) in row.iter().enumerate() {
            page.text(MONO, SIZE, MARGIN + column * at as f32, page.y + 2.0, word);
        }
    }
    let height = (top - page.y) / 2.0;
    for (at, label) in SIGNATURES.iter().enumerate() {
        let y = top - height * (at + 1) as f32;
        page.labelled_box(left, y, page.width - MARGIN - left, height, label);
    }
    page.y -= GAP;
}

fn notes(page: &mut Page) {
    const LEADING: f32 = 10.0;
    for note in NOTES {
        page.y -= LEADING;
        page.text(SANS, 8.5, MARGIN, page.y + 2.0, note);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{V4, sheet};
    use super::*;

    /// The fullest sheet on the shorter paper, two facts longer than they ever should be.
    #[test]
    fn the_fullest_sheet_stays_on_its_page() {
        let id = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(40));
        let full = sheet(&id, true, &"x".repeat(500), &"0f".repeat(32)).layout();
        for paper in [Paper::A4, Paper::Letter] {
            let spare = set(&full, paper, LOW_BOX).spare();
            assert!(spare >= 0.0, "{paper:?}: {spare}");
        }
    }

    /// Shows that nothing of the moment or the machine goes in.
    #[test]
    fn the_same_facts_give_the_same_bytes() {
        let made = || sheet("2026-01-02-x", false, "b@example.org", V4).pdf(Paper::A4);
        assert_eq!(made(), made());
        let text = String::from_utf8_lossy(&made()).into_owned();
        assert!(!text.contains("CreationDate") && !text.contains("/ID"));
    }
}
