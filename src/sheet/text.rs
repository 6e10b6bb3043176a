//! The sheet as plain text, for a screen, a screen reader and the plainest printer.

use super::{
    CALL_TITLE, CALLS, CERTIFICATE_TITLE, FINGERPRINT_TITLE, Layout, NOTES, SIGNATURES, WORDS_TITLE,
};

/// Columns of a line; the record's width.
const COLUMNS: usize = 78;

pub(super) fn render(sheet: &Layout) -> String {
    let mut page = Page(String::new());
    page.banner(sheet.rehearsal);
    page.line(&sheet.title.to_uppercase());
    page.line("");
    for fact in &sheet.facts {
        for (at, line) in fact.lines.iter().enumerate() {
            let label = if at == 0 { fact.label } else { "" };
            page.line(&format!("{label:14}{line}"));
        }
    }
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

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end_matches(' '));
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }

    /// Spaced out and centred: plain text has no larger letters.
    fn banner(&mut self, word: Option<&str>) {
        if let Some(word) = word {
            let spaced: Vec<_> = word.chars().map(String::from).collect();
            self.line(&format!(
                "{:^COLUMNS$}",
                format!("*** {} ***", spaced.join(" "))
            ));
            self.line("");
        }
    }

    /// Labels above lines to write on, side by side.
    fn boxes(&mut self, labels: &[&str]) {
        let width = (COLUMNS + 2) / labels.len() - 2;
        let rules: Vec<_> = labels.iter().map(|_| "_".repeat(width)).collect();
        let labels: Vec<_> = labels
            .iter()
            .map(|label| format!("{label:width$}"))
            .collect();
        self.line(&labels.join("  "));
        self.line("");
        self.line(&rules.join("  "));
    }

    fn finish(mut self) -> String {
        self.0.truncate(self.0.trim_end().len());
        self.0.push('\n');
        self.0
    }
}
