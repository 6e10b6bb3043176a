//! What every printed page needs as plain text, for a screen, a screen reader and the plainest
//! printer.

use super::{Fact, REHEARSAL};

/// Columns of a line; the record's width.
pub(super) const COLUMNS: usize = 78;

pub(super) struct Page(String);

impl Page {
    pub fn new() -> Page {
        Page(String::new())
    }

    /// What stands at the page's head: each fact with its label before it.
    pub fn facts(&mut self, facts: &[Fact]) {
        for fact in facts {
            for (at, line) in fact.lines.iter().enumerate() {
                let label = if at == 0 { fact.label } else { "" };
                self.line(&format!("{label:14}{line}"));
            }
        }
    }

    pub fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end_matches(' '));
        self.0.push('\n');
    }

    pub fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }

    /// A rehearsal says so.
    pub fn banner(&mut self, rehearsal: bool) {
        self.mark(rehearsal.then_some(REHEARSAL));
    }

    /// Spaced out and centred: plain text has no larger letters.
    pub fn mark(&mut self, mark: Option<&str>) {
        if let Some(mark) = mark {
            let spaced: Vec<_> = mark.chars().map(String::from).collect();
            self.line(&format!(
                "{:^COLUMNS$}",
                format!("*** {} ***", spaced.join(" "))
            ));
            self.line("");
        }
    }

    /// Labels above lines to write on, side by side.
    pub fn boxes(&mut self, labels: &[&str]) {
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

    pub fn finish(mut self) -> String {
        self.0.truncate(self.0.trim_end().len());
        self.0.push('\n');
        self.0
    }
}
