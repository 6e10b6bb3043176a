//! Pages of plain lines as PDF, for printers that take nothing else.

use super::pdf::{MARGIN, MONO, Page, Paper, finish};

/// The type, in points: 78 columns are 468 points wide.
const SIZE: f32 = 10.0;

/// The widest leading. A page with more lines has less.
const LEADING: f32 = 12.0;

/// A PDF file of these pages, at least one, each of at most 78 columns of printable ASCII.
pub fn plain(pages: &[Vec<String>], paper: Paper, title: &str) -> Vec<u8> {
    let set = |lines: &Vec<String>| {
        let mut page = Page::new(paper, false);
        let leading = LEADING.min(page.spare() / lines.len().max(1) as f32);
        let left = MARGIN + (page.inner_width() - 78.0 * 0.6 * SIZE) / 2.0;
        for line in lines {
            page.y -= leading;
            page.text(MONO, SIZE, left, page.y + 2.0, line);
        }
        page
    };
    finish(pages.iter().map(set).collect(), title)
}
