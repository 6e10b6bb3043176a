//! What a report says, before it is set. Everything is plain text here; `html` alone makes markup,
//! `plain` alone makes lines.

use super::harmless::cut;
use crate::qr::Qr;

/// A whole report.
pub struct Document {
    /// The verdict's first words: the title, and the first thing on the page.
    pub headline: String,
    /// Which of the three it is, for the eye.
    pub tone: Tone,
    /// Large words above everything and on each printed page, such as `REHEARSAL`.
    pub banner: Option<&'static str>,
    /// What stands at the foot of each printed page: the id, where it is verified.
    pub foot: String,
    /// The verdict in full.
    pub verdict: Vec<Block>,
    /// What follows.
    pub sections: Vec<Section>,
}

/// How the verdict looks. It never says anything that the words do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good in every respect.
    Good,
    /// Nothing is wrong, but something is missing.
    Open,
    /// Something is wrong.
    Bad,
}

/// A heading and what belongs to it.
pub struct Section {
    /// The heading.
    pub title: String,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// A part of a section.
pub enum Block {
    /// A paragraph.
    Paragraph(Line),
    /// What is known, name by name.
    Facts(Vec<(String, Cell)>),
    /// A table.
    Table(Table),
    /// A QR code, and what it says to those who cannot see it.
    Qr(Qr, String),
}

/// A table. Its first column names the row.
pub struct Table {
    /// What the table is about.
    pub caption: String,
    /// One for each column.
    pub heads: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a table.
pub enum Row {
    /// One cell for each column.
    Cells(Vec<Cell>),
    /// A heading for the rows after it.
    Heading(Line),
}

/// Lines, one below the other.
pub type Cell = Vec<Line>;

/// What stands in one line.
pub type Line = Vec<Piece>;

/// A run of text of one kind.
#[derive(Clone, Debug)]
pub enum Piece {
    /// The program's own words.
    Said(String),
    /// The same, with weight.
    Strong(String),
    /// Hashes, ids, names of files: in a fixed width.
    Code(String),
    /// What people wrote, with any characters; how many more there are.
    Quoted(String, usize),
}

/// A cell with the program's words.
pub fn said(text: impl Into<String>) -> Cell {
    vec![vec![Piece::Said(text.into())]]
}

/// A cell with words that have weight.
pub fn strong(text: impl Into<String>) -> Cell {
    vec![vec![Piece::Strong(text.into())]]
}

/// A cell with a hash, an id or the like.
pub fn code(text: impl Into<String>) -> Cell {
    vec![vec![Piece::Code(text.into())]]
}

/// The most characters that are shown of one text that people wrote.
pub const MOST_OF_ONE: usize = 4000;

/// A cell with what people wrote, which may be of any length.
pub fn quoted(text: &str) -> Cell {
    let shown = cut(text, MOST_OF_ONE);
    vec![vec![Piece::Quoted(shown.kept.to_string(), shown.left_out)]]
}

/// A cell with the program's words, line by line.
pub fn lines(texts: impl IntoIterator<Item = String>) -> Cell {
    let line = |text| vec![Piece::Said(text)];
    texts.into_iter().map(line).collect()
}

/// A paragraph of the program's words.
pub fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph(vec![Piece::Said(text.into())])
}
