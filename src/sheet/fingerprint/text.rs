//! The fingerprint sheet as plain text.

use super::{
    CALL_TITLE, CALLS, CERTIFICATE_TITLE, FINGERPRINT_TITLE, Layout, NOTES, SIGNATURES, WORDS_TITLE,
};
use crate::sheet::text::Page;

pub(super) fn render(sheet: &Layout) -> String {
    let mut page = Page::new();
    page.banner(sheet.rehearsal);
    page.line(&sheet.title.to_uppercase());
    page.line("");
    page.facts(&sheet.facts);
    page.heading(FINGERPRINT_TITLE);
    for row in &sheet.fingerprint {
        page.line(&format!("    {}", row.join("  ")));
    }
    page.heading(WORDS_TITLE);
    let mut number = 0;
    for row in &sheet.words {
        page.line(&row.iter().fold(String::new(), |line, word| {
            number += 1;
            format!("{line}{number:6} {word:11}")
        }));
    }
    page.heading(CERTIFICATE_TITLE);
    for row in &sheet.certificate {
        page.line(
            &row.iter()
                .fold("    ".to_string(), |line, word| format!("{line}{word:14}")),
        );
    }
    page.heading(CALL_TITLE);
    CALLS.iter().for_each(|row| page.boxes(row));
    page.line("");
    page.boxes(&SIGNATURES);
    page.line("");
    NOTES.iter().for_each(|note| page.line(note));
    page.line("");
    page.banner(sheet.rehearsal);
    page.finish()
}
