//! A form as PDF. What the page has to spare goes to the lines that are read or written on.

use super::{Boxes, Form, Item, Part, Prose, Row};
use crate::sheet::pdf::{BOLD, MARGIN, MONO, Page, Paper, SANS};

/// Left of the boxes and the words of a line.
const LEAD: f32 = 72.0;
/// A line of boxes is at least this high (5 mm), enough for a small hand. Only the fullest page
/// comes down to it: a rehearsal's grid for a key of version 6, on Letter.
const BOX: f32 = 14.0;
/// Kept free between the last line and what is at the foot.
const FOOT: f32 = 5.0;
/// A row that is read aloud is at least this high, with what comes after it.
const ROW: f32 = 37.0;
/// At most this is added to each.
const MOST: f32 = 15.0;

/// The type of words: the widest PGP word, "chambermaid", is 6.1 times as wide, and fits.
const WORD: f32 = 16.0;
/// The type of digits, all equally wide.
const DIGITS: f32 = 22.0;
/// Left of what is read aloud.
const ROW_LEAD: f32 = 60.0;
/// The type of an item's number, and the room that it takes.
const NUMBER: f32 = 9.0;
const NUMBER_WIDTH: f32 = 13.0;

pub(super) fn render(form: &Form, paper: Paper) -> Vec<u8> {
    let spare = set(form, paper, 0.0).spare() - FOOT;
    let grows = |part: &&Part| matches!(part, Part::Row(_) | Part::Boxes(_));
    let lines = form.parts.iter().filter(grows).count();
    let more = (spare / lines.max(1) as f32).clamp(0.0, MOST);
    set(form, paper, more).finish(&form.title)
}

/// Sets all but the lower banner, with lines that are higher by `more`.
fn set(form: &Form, paper: Paper, more: f32) -> Page {
    let mut page = Page::new(paper, form.rehearsal);
    page.head(&form.title, &form.facts);
    page.y -= 4.0;
    for part in &form.parts {
        match part {
            Part::Heading(heading) => {
                page.y -= form.prose.gap();
                page.heading(heading);
                page.y -= 2.0;
            }
            Part::Lines(lines) => prose(&mut page, lines, form.prose),
            Part::Row(row) => spoken(&mut page, row, ROW + more),
            Part::Boxes(boxes) => blanks(&mut page, boxes, BOX + more),
        }
    }
    page
}

impl Prose {
    /// The type and the distance of its lines. A full line is some 38 times as wide as its type
    /// is high, so either fits the page.
    fn type_size(self) -> (f32, f32) {
        match self {
            Prose::Large => (12.0, 14.5),
            Prose::Small => (9.5, 11.5),
        }
    }

    /// The gap above a heading.
    fn gap(self) -> f32 {
        match self {
            Prose::Large => 11.0,
            Prose::Small => 4.5,
        }
    }
}

fn prose(page: &mut Page, lines: &[String], prose: Prose) {
    let (size, leading) = prose.type_size();
    for line in lines {
        // Half a line between paragraphs is enough to see them.
        page.y -= if line.is_empty() {
            leading / 2.0
        } else {
            leading
        };
        page.text(SANS, size, MARGIN, page.y + 2.0, line);
    }
    page.y -= 1.5;
}

fn spoken(page: &mut Page, row: &Row, height: f32) {
    let (font, size) = match row.item {
        Item::Word => (SANS, WORD),
        Item::Digits => (MONO, DIGITS),
    };
    let column = (page.inner_width() - ROW_LEAD) / row.item.columns() as f32;
    page.y -= height;
    let base = page.y + 18.0;
    page.text(BOLD, 16.0, MARGIN, base, &row.lead);
    for (at, (number, item)) in row.items.iter().enumerate() {
        let x = MARGIN + ROW_LEAD + column * at as f32;
        page.text(SANS, NUMBER, x, base, &number.to_string());
        page.text(font, size, x + NUMBER_WIDTH, base, item);
    }
    page.text(SANS, 10.0, MARGIN + ROW_LEAD, page.y + 4.0, &row.then);
    let right = page.width - MARGIN;
    page.content
        .set_line_width(0.4)
        .move_to(MARGIN, page.y)
        .line_to(right, page.y)
        .stroke();
}

fn blanks(page: &mut Page, boxes: &Boxes, height: f32) {
    let width = (page.inner_width() - LEAD) / boxes.columns as f32;
    page.y -= height;
    let middle = page.y + height / 2.0 - 3.0;
    page.text(BOLD, 9.0, MARGIN, middle, &boxes.lead);
    for (at, label) in boxes.labels.iter().enumerate() {
        let x = MARGIN + LEAD + width * at as f32;
        page.labelled_box(x, page.y, width, height, label);
    }
}
