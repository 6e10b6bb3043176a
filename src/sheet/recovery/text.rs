//! The recovery sheets as plain text: rows and commands.

use super::{INSTRUCTIONS, RecoverySheets, TITLE, apart, scanned, subject, typed};
use crate::sheet::text::Page;

/// Lines of a page for what it is about; head, foot and banners take up to 12 more.
const LINES: usize = 48;

pub(super) fn render(sheets: &RecoverySheets) -> String {
    let mut pages: Vec<(&str, Vec<String>)> = Vec::new();
    for group in &sheets.backup.groups {
        let mut head = scanned(group.folder);
        head.push(String::new());
        head.extend(typed(group.folder));
        head.push(String::new());
        let mut lines = Vec::new();
        for file in group.files.iter().filter(|file| !file.rows.is_empty()) {
            lines.push(file.label());
            lines.extend(file.rows.iter().map(|row| apart(row)));
        }
        for rows in lines.chunks(LINES - head.len()) {
            pages.push((subject(group.folder), [&head, rows].concat()));
        }
    }
    for lines in sheets.instructions.chunks(LINES) {
        pages.push((INSTRUCTIONS, lines.to_vec()));
    }
    let all = pages.len();
    let page = |(number, (subject, lines))| one(sheets, number, all, subject, lines);
    let pages: Vec<String> = (1..).zip(pages).map(page).collect();
    pages.join("\u{c}")
}

fn one(
    sheets: &RecoverySheets,
    number: usize,
    all: usize,
    subject: &str,
    lines: Vec<String>,
) -> String {
    let mut page = Page::new();
    let rehearsal = sheets.backup.rehearsal();
    page.banner(rehearsal);
    page.line(&format!("{}: {subject}", TITLE.to_uppercase()));
    page.line(&format!("CEREMONY {}", sheets.backup.id));
    page.line(&format!(
        "Sheet code {}, page {number} of {all}",
        sheets.sheet_code
    ));
    page.line("");
    lines.iter().for_each(|line| page.line(line));
    page.line("");
    page.banner(rehearsal);
    page.finish()
}
