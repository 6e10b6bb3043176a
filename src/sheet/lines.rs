//! Pages of plain lines, set as text and as PDF: the same lines on the same pages.
//!
//! In the PDF a line that draws something is drawn: a row of `=`, `-` or `_` that is a whole line,
//! the borders `+---+` of a table, the bars `|` of its rows. All else is Courier, column by column.

use super::REHEARSAL;
use super::pdf::{GAP, MARGIN, MONO, MONO_WIDTH, Page, Paper, finish};
use super::text::{self, COLUMNS};

/// The largest type, in points, and the largest distance of two lines.
const TYPE: f32 = 11.0;
const LEADING: f32 = 13.0;

/// Type is at most this share of the distance of two lines, so that they do not touch.
const SHARE: f32 = 0.92;

/// A row of one character that is at least this long is a rule.
const RULE: usize = 20;

/// Pages of at most 62 lines of at most 78 columns.
pub struct Lines {
    title: String,
    mark: Option<&'static str>,
    pages: Vec<Vec<String>>,
}

impl Lines {
    /// Takes pages of printable characters; at least one. `mark` is the word at the top and the
    /// foot of each.
    pub fn new(title: &str, mark: Option<&'static str>, pages: Vec<Vec<String>>) -> Lines {
        Lines {
            title: title.to_string(),
            mark,
            pages,
        }
    }

    /// Takes a text whose pages are parted by form feeds, as checklists are.
    pub fn of_text(title: &str, rehearsal: bool, text: &str) -> Lines {
        let page = |page: &str| page.lines().map(str::to_string).collect();
        let pages = text.split('\u{c}').map(page).collect();
        Lines::new(title, rehearsal.then_some(REHEARSAL), pages)
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The pages as text, a form feed between two.
    pub fn text(&self) -> String {
        let pages: Vec<String> = self.pages.iter().map(|lines| self.one(lines)).collect();
        pages.join("\u{c}")
    }

    fn one(&self, lines: &[String]) -> String {
        let mut page = text::Page::new();
        page.mark(self.mark);
        lines.iter().for_each(|line| page.line(line));
        page.line("");
        page.mark(self.mark);
        page.finish()
    }

    /// The pages as a PDF file; the same pages always give the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        let tallest = self.pages.iter().map(Vec::len).max().unwrap_or_default();
        let empty = Page::marked(paper, self.mark);
        let foot = if self.mark.is_some() { GAP } else { 0.0 };
        let leading = ((empty.spare() - foot) / tallest.max(1) as f32).min(LEADING);
        let widest = empty.inner_width() / (MONO_WIDTH * COLUMNS as f32);
        let size = TYPE.min(widest).min(leading * SHARE);
        let column = MONO_WIDTH * size;
        let grid = Grid {
            left: f32::max(MARGIN, (empty.width - column * COLUMNS as f32) / 2.0),
            column,
            size,
            leading,
        };
        let page = |lines: &Vec<String>| {
            let mut page = Page::marked(paper, self.mark);
            lines.iter().for_each(|line| grid.set(&mut page, line));
            page
        };
        finish(self.pages.iter().map(page).collect(), &self.title)
    }
}

/// Where a line's characters stand, in points.
struct Grid {
    left: f32,
    column: f32,
    size: f32,
    leading: f32,
}

impl Grid {
    fn set(&self, page: &mut Page, line: &str) {
        page.y -= self.leading;
        let width = self.column * line.chars().count() as f32;
        let middle = page.y + self.leading / 2.0;
        let base = page.y + self.leading * 0.28;
        let mut across = |thick, y| {
            page.stroke(thick, (self.left, y), (self.left + width, y));
        };
        match what_is_drawn(line) {
            Drawn::Rule('=') => across(1.2, middle),
            Drawn::Rule('_') => across(0.5, base - 2.0),
            Drawn::Rule(_) => across(0.5, middle),
            Drawn::Border => {
                let (first, last) = (self.bar(0), self.bar(line.len() - 1));
                page.stroke(0.6, (first, middle), (last, middle));
            }
            Drawn::Row => {
                for (at, _) in line.char_indices().filter(|(_, c)| *c == '|') {
                    // From the middle of the line above to that of the one below: there are borders.
                    let (x, half) = (self.bar(at), self.leading / 2.0);
                    page.stroke(0.6, (x, page.y - half), (x, page.y + self.leading + half));
                }
                page.text(MONO, self.size, self.left, base, &line.replace('|', " "));
            }
            Drawn::Nothing if line.is_empty() => {}
            Drawn::Nothing => page.text(MONO, self.size, self.left, base, line),
        }
    }

    /// The middle of a column.
    fn bar(&self, at: usize) -> f32 {
        self.left + self.column * (at as f32 + 0.5)
    }
}

/// What of a line is drawn rather than written.
enum Drawn {
    Rule(char),
    Border,
    Row,
    Nothing,
}

fn what_is_drawn(line: &str) -> Drawn {
    let all = |of: &[char]| line.chars().all(|c| of.contains(&c));
    let rule = ['=', '-', '_'].into_iter().find(|c| all(&[*c]));
    match rule {
        Some(of) if line.len() >= RULE => Drawn::Rule(of),
        // Columns are bytes in a table: all forms are ASCII.
        _ if line.starts_with('+') && line.ends_with('+') && all(&['+', '-']) => Drawn::Border,
        _ if line.starts_with('|') && line.ends_with('|') && line.is_ascii() => Drawn::Row,
        _ => Drawn::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::checklist;

    #[test]
    fn a_text_of_pages_stays_as_it_is() {
        for (name, list) in checklist::LISTS {
            let lines = Lines::of_text(name, false, list);
            assert_eq!(lines.text(), list, "{name}");
            assert_eq!(lines.pages(), list.split('\u{c}').count());
        }
    }

    #[test]
    fn every_page_is_marked_at_both_ends() {
        let lines = Lines::of_text("two", true, "a\n\u{c}b\n");
        for page in lines.text().split('\u{c}') {
            assert_eq!(page.matches("R E H E A R S A L").count(), 2, "{page}");
        }
        let pdf = lines.pdf(Paper::A4);
        let marks = pdf.windows(9).filter(|at| *at == b"REHEARSAL").count();
        assert_eq!(marks, 4);
    }

    #[test]
    fn the_same_lines_give_the_same_bytes() {
        let made = || Lines::of_text("x", false, "a\n").pdf(Paper::Letter);
        assert_eq!(made(), made());
    }
}
