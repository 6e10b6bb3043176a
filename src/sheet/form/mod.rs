//! A page that is read from or written on in the call: its parts, in order.

mod pdf;
mod text;

use super::{Fact, Paper, escape, says_rehearsal};
use crate::screen::layout::wrap;
use crate::words::pgp;

/// One page. Everything in it is printable ASCII once it has come through [`Form::new`] and
/// [`Row::new`].
pub(super) struct Form {
    rehearsal: bool,
    prose: Prose,
    title: String,
    facts: Vec<Fact>,
    pub parts: Vec<Part>,
}

/// How the prose of a page is set where type has sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prose {
    /// It is read out, or while speaking.
    Large,
    /// It must leave room for a pen.
    Small,
}

/// A part of a page.
pub(super) enum Part {
    /// A line that begins something new.
    Heading(String),
    /// Prose, broken once, so that both renderings break alike and none needs font widths.
    Lines(Vec<String>),
    /// Something to read aloud.
    Row(Row),
    /// Something to fill in.
    Boxes(Boxes),
}

/// What is read aloud in one breath: one line in large type.
pub(super) struct Row {
    /// Says which row it is.
    lead: String,
    /// Each with the number before it.
    items: Vec<(usize, String)>,
    /// What the items are.
    item: Item,
    /// What comes after it, in small type.
    then: String,
}

/// What a row is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// PGP words.
    Word,
    /// Groups of four hex digits.
    Digits,
}

impl Item {
    /// How many there are in a full row.
    pub fn columns(self) -> usize {
        match self {
            Item::Word => pgp::ROW,
            Item::Digits => 5,
        }
    }
}

/// Boxes in a line, with what they are for at their left.
pub(super) struct Boxes {
    /// What they are for, in at most 12 characters.
    lead: String,
    /// A short name in each.
    labels: Vec<String>,
    /// Of how many equal columns the line has the first ones.
    columns: usize,
}

impl Form {
    /// An empty form. It is one page, and says so, so that nobody looks for a second.
    pub fn new(
        prose: Prose,
        title: &str,
        ceremony_id: Option<&str>,
        rehearsal: bool,
        facts: &[(&'static str, &str)],
    ) -> Form {
        let ceremony = ceremony_id.map(|id| ("Ceremony", id));
        let all = ceremony.iter().chain(facts).chain(&[("Page", "1 of 1")]);
        Form {
            rehearsal: rehearsal || ceremony_id.is_some_and(says_rehearsal),
            prose,
            title: title.to_string(),
            facts: all.map(|(label, value)| Fact::new(label, value)).collect(),
            parts: Vec::new(),
        }
    }

    pub fn heading(&mut self, heading: &str) {
        self.parts.push(Part::Heading(heading.to_string()));
    }

    /// A paragraph, with a gap before it if another one is above.
    pub fn say(&mut self, paragraph: &str) {
        let mut lines = wrap(paragraph);
        if let Some(Part::Lines(_)) = self.parts.last() {
            lines.insert(0, String::new());
        }
        self.parts.push(Part::Lines(lines));
    }

    /// Boxes that fill the line.
    pub fn boxes(&mut self, lead: &str, labels: &[&str]) {
        self.some_boxes(lead, labels, labels.len());
    }

    /// Boxes that are as wide as if there were `columns` of them.
    pub fn some_boxes<L: ToString>(&mut self, lead: &str, labels: &[L], columns: usize) {
        self.parts.push(Part::Boxes(Boxes {
            lead: lead.to_string(),
            labels: labels.iter().map(L::to_string).collect(),
            columns,
        }));
    }

    /// The page in ASCII: lines of at most 78 columns, LF.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// The page as a PDF file; the same form always gives the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        pdf::render(self, paper)
    }
}

impl Row {
    /// A row whose items are numbered from `first` on. What is not printable is escaped.
    pub fn new(lead: String, first: usize, items: &[String], item: Item, then: String) -> Row {
        let shown = items.iter().map(|item| item.chars().map(escape).collect());
        Row {
            lead,
            items: (first..).zip(shown).collect(),
            item,
            then,
        }
    }
}
