//! A form as plain text.

use super::{Boxes, Form, Part, Row};
use crate::sheet::text::{COLUMNS, Page};

/// Columns before the boxes and the words of a line.
const LEAD: usize = 14;

pub(super) fn render(form: &Form) -> String {
    let mut page = Page::new();
    page.banner(form.rehearsal);
    page.line(&form.title.to_uppercase());
    page.line("");
    page.facts(&form.facts);
    if let Some(Part::Lines(_)) = form.parts.first() {
        page.line("");
    }
    for part in &form.parts {
        match part {
            Part::Heading(heading) => page.heading(heading),
            Part::Lines(lines) => lines.iter().for_each(|line| page.line(line)),
            Part::Row(row) => spoken(&mut page, row),
            Part::Boxes(boxes) => page.line(&blanks(boxes)),
        }
    }
    page.line("");
    page.banner(form.rehearsal);
    page.finish()
}

fn spoken(page: &mut Page, row: &Row) {
    let width = (COLUMNS - LEAD) / row.item.columns();
    let mut line = format!("{:LEAD$}", row.lead.to_uppercase());
    for (number, item) in &row.items {
        line.push_str(&format!("{:width$}", format!("{number} {item}")));
    }
    page.line("");
    page.line(&line);
    page.line(&format!("{:LEAD$}{}", "", row.then));
}

/// A label and a line to write on for each box.
fn blanks(boxes: &Boxes) -> String {
    let width = (COLUMNS - LEAD) / boxes.columns;
    let mut line = format!("{:LEAD$}", boxes.lead);
    for label in &boxes.labels {
        let rule = "_".repeat((width - 2).saturating_sub(label.len() + 1));
        line.push_str(&format!("{label} {rule}  "));
    }
    line
}
