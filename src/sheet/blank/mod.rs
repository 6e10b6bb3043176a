//! Forms to fill in by hand. Nothing secret is ever printed on one, so none has a place where the
//! program could put it: they are made from the plan and the ceremony's id alone.

mod card;
mod custody;
mod labels;

use super::{Fact, Lines, REHEARSAL, says_rehearsal};
use crate::plan::Plan;
use crate::plan::checklist::{PAGE_LINES, WIDTH, exception_sheet, wrap};

pub use card::share_cards;
pub use custody::custody_log;
pub use labels::labels;

/// What the forms of one ceremony are made from.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// Without it there is a line to write it on.
    pub ceremony_id: Option<&'a str>,
    /// Whether it is a rehearsal; an id may say so as well.
    pub rehearsal: bool,
    /// Without it a form fits any plan.
    pub plan: Option<&'a Plan>,
}

/// A page for one exception.
pub fn exception(about: &About<'_>) -> Lines {
    about.pages("Exception sheet", vec![exception_sheet("EXCEPTION SHEET")])
}

/// Columns of the labels at a page's head.
const LABEL: usize = 14;

impl About<'_> {
    fn says_rehearsal(&self) -> bool {
        self.rehearsal || self.ceremony_id.is_some_and(says_rehearsal)
    }

    /// What stands at the head of page `number`.
    fn head(&self, title: &str, number: usize, all: usize) -> Vec<String> {
        let right = format!("page {number} of {all}");
        let mut lines = vec![format!(
            "{title}{right:>width$}",
            width = WIDTH - title.len()
        )];
        match self.ceremony_id {
            None => lines.push(format!(
                "{:LABEL$}{}",
                "Ceremony id",
                "_".repeat(WIDTH - LABEL)
            )),
            Some(id) => {
                let fact = Fact::new("Ceremony id", id);
                let labels = std::iter::once(fact.label).chain(std::iter::repeat(""));
                let line = |(label, line)| format!("{label:LABEL$}{line}");
                lines.extend(labels.zip(&fact.lines).map(line));
            }
        }
        lines.push(String::new());
        lines
    }

    /// Lines of a page that are left for what it is about.
    fn room(&self) -> usize {
        PAGE_LINES - self.head("", 1, 1).len()
    }

    fn pages(&self, title: &str, bodies: Vec<Vec<String>>) -> Lines {
        let all = bodies.len();
        let page = |(body, number)| {
            let mut page = self.head(title, number, all);
            page.extend(body);
            page
        };
        let pages = bodies.into_iter().zip(1..).map(page).collect();
        Lines::new(title, self.says_rehearsal().then_some(REHEARSAL), pages)
    }
}

/// A table's columns, by what fits in each; one column more is a bar.
struct Table<'a>(&'a [usize]);

impl Table<'_> {
    fn border(&self) -> String {
        let ends = self.0.iter().map(|width| "-".repeat(*width) + "+");
        ends.fold("+".to_string(), |line, end| line + &end)
    }

    /// A row and the border below it. It is `height` lines high, or more where a cell needs it.
    fn row(&self, cells: &[&str], height: usize) -> Vec<String> {
        let fitted = |line: &str, width: usize| match line.len() <= width {
            true => vec![line.to_string()],
            false => wrap(line, width),
        };
        let wrapped: Vec<Vec<String>> = cells
            .iter()
            .zip(self.0)
            .map(|(cell, width)| {
                cell.lines()
                    .flat_map(|line| fitted(line, width - 1))
                    .collect()
            })
            .collect();
        let tallest = wrapped.iter().map(Vec::len).max().unwrap_or_default();
        let line = |at: usize| {
            let cells = wrapped.iter().zip(self.0).map(|(cell, width)| {
                let text = cell.get(at).map_or("", String::as_str);
                format!(" {text:<inner$}|", inner = width - 1)
            });
            cells.fold("|".to_string(), |line, cell| line + &cell)
        };
        let mut lines: Vec<String> = (0..height.max(tallest)).map(line).collect();
        lines.push(self.border());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, load_carried};

    fn all(about: &About<'_>) -> Vec<Lines> {
        let mut all = vec![exception(about), labels(about), custody_log(about)];
        all.extend(share_cards(about));
        all
    }

    /// Whatever the plan and however long the id.
    #[test]
    fn every_page_is_narrow_short_and_numbered() {
        let long = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(400));
        let ids = [None, Some("2026-01-02-backup-key-01234567"), Some(&*long)];
        let names = plan::carried().iter().map(|carried| Some(carried.name));
        for name in names.chain([None]) {
            let plan = name.map(|name| load_carried(name).expect("carried").expect("good"));
            for ceremony_id in ids {
                let about = About {
                    ceremony_id,
                    rehearsal: false,
                    plan: plan.as_ref(),
                };
                for form in all(&about) {
                    let text = form.text();
                    let pages: Vec<&str> = text.split('\u{c}').collect();
                    assert_eq!(pages.len(), form.pages());
                    for (page, number) in pages.iter().zip(1..) {
                        assert!(page.is_ascii(), "{page}");
                        assert!(page.lines().count() <= PAGE_LINES + 4, "{page}");
                        assert!(page.lines().all(|line| line.len() <= WIDTH), "{page}");
                        let of = format!("page {number} of {}\n", pages.len());
                        assert!(page.contains(&of), "{page}");
                        let begins = ceremony_id.map_or("_____", |id| &id[..30]);
                        assert!(page.contains(begins), "{page}");
                        let rehearsal = begins.starts_with("REHEARSAL");
                        let marks = page.matches("R E H E A R S A L").count();
                        assert_eq!(marks, if rehearsal { 2 } else { 0 });
                    }
                }
            }
        }
    }
}
