//! A document as pages of plain lines, for text and PDF.
//!
//! Every text goes through `harmless`. What people wrote stands on lines of its own, each with
//! `> ` before it, so that no line of theirs can be taken for one of the program's.

mod table;

use super::document::{Block, Cell, Document, Line, Piece, Row, Section, Table};
use super::harmless::{cut, plain};
use super::html::MOST_ROWS;
use crate::sheet::Lines;

/// The most pages of a report.
pub const MOST_PAGES: usize = 120;

/// The most columns that are spent on all texts that people wrote: some 40 pages.
const MOST_QUOTED: usize = 100_000;

/// What the end of a line of theirs costs: else a text of short lines would fill many pages.
const LINE_COSTS: usize = 40;

/// The most characters of a fact of the program's own: a cause may hold a part of a file.
const MOST_SAID: usize = 600;

const WIDTH: usize = 78;

/// Lines of a page below its head.
const ROOM: usize = 56;

/// Before what goes on of a line of a transcript.
const SET_IN: &str = "    ";

/// Before each line that people wrote.
const THEIRS: &str = "> ";

/// Columns for the names of facts.
const NAMES: usize = 24;

/// The whole report.
pub(super) fn lines(document: &Document) -> Lines {
    let mut plain = Plain::new(&document.headline);
    plain.blocks(&document.verdict);
    for section in &document.sections {
        plain.section(section);
    }
    numbered("Report", document, plain)
}

/// A transcript below the verdict's headline: every line as it stands in the file. An entry stays
/// together where a page has room for it; what is too long for a line goes on, set in.
pub(super) fn transcript(document: &Document, transcript: &str) -> Lines {
    let mut plain = Plain::new(&document.headline);
    for entry in transcript.split("\n\n") {
        let mut lines = vec![String::new()];
        lines.extend(entry.lines().flat_map(set_in));
        plain.together(lines);
    }
    numbered("Transcript", document, plain)
}

/// A transcript is printable ASCII (docs/record-format.md), so that a byte is a column.
fn set_in(line: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut rest = line;
    let mut before = "";
    loop {
        let (row, left) = rest
            .split_at_checked(WIDTH - before.len())
            .unwrap_or((rest, ""));
        rows.push(format!("{before}{row}"));
        if left.is_empty() {
            return rows;
        }
        (rest, before) = (left, SET_IN);
    }
}

fn numbered(name: &str, document: &Document, plain: Plain) -> Lines {
    let left = format!("{name}  {}", cut(&document.foot, 58).kept);
    let pages = bounded(plain.blocks);
    let all = pages.len();
    let numbered = pages.into_iter().zip(1..).map(|(page, number)| {
        let right = format!("page {number} of {all}");
        let head = format!("{left}{right:>width$}", width = WIDTH - left.len());
        [vec![head, String::new()], page].concat()
    });
    Lines::new(name, document.banner, numbered.collect())
}

/// Lines that stay together where a page has room for them.
struct Together {
    lines: Vec<String>,
    /// What is said again where a page begins with these lines: a table's head.
    head: Vec<String>,
}

struct Plain {
    blocks: Vec<Together>,
    /// How many columns people's texts may still take.
    quotable: usize,
}

impl Plain {
    fn new(headline: &str) -> Plain {
        let mut plain = Plain {
            blocks: Vec::new(),
            quotable: MOST_QUOTED,
        };
        plain.headline(headline);
        plain
    }

    fn headline(&mut self, text: &str) {
        let mut lines = vec!["=".repeat(WIDTH)];
        lines.extend(table::wrap(&said(text), WIDTH));
        lines.push("=".repeat(WIDTH));
        self.together(lines);
    }

    fn together(&mut self, lines: Vec<String>) {
        let head = Vec::new();
        self.blocks.push(Together { lines, head });
    }

    /// The heading stays with what comes first below it.
    fn section(&mut self, section: &Section) {
        let first = self.blocks.len();
        self.blocks(&section.blocks);
        let title = said(&section.title).to_uppercase();
        let mut lines = vec![String::new(), String::new(), title, "-".repeat(WIDTH)];
        match self.blocks.get_mut(first) {
            None => self.together(lines),
            Some(below) => {
                // A gap above it is not needed below a heading.
                let gap = below
                    .lines
                    .iter()
                    .take_while(|line| line.is_empty())
                    .count();
                lines.extend(below.lines.drain(..).skip(gap));
                below.lines = lines;
            }
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(line) => {
                    let mut lines = vec![String::new()];
                    lines.extend(
                        self.line(line)
                            .iter()
                            .flat_map(|piece| piece.wrapped(WIDTH)),
                    );
                    self.together(lines);
                }
                Block::Facts(facts) => self.facts(facts),
                Block::Table(table) => self.table(table),
                // Digits and words of the same stand beside it; here it would say nothing more.
                Block::Qr(..) => {}
            }
        }
    }

    fn facts(&mut self, facts: &[(String, Cell)]) {
        let mut lines = vec![String::new()];
        for (name, cell) in facts.iter().take(MOST_ROWS) {
            let name = vec![Run::ours(said(name))];
            let cells = [name, self.cell(cell)];
            let widths = [NAMES, WIDTH - NAMES - table::GAP];
            lines.extend(table::row(&cells, &widths));
            self.together(std::mem::take(&mut lines));
        }
        self.rows_left_out(facts.len());
    }

    fn table(&mut self, table: &Table) {
        let heads: Vec<Vec<Run>> = table
            .heads
            .iter()
            .map(|head| vec![Run::ours((*head).to_string())])
            .collect();
        let shown = table.rows.iter().take(MOST_ROWS);
        let rows: Vec<Shown> = shown.map(|row| self.shown(row)).collect();
        let cells = rows.iter().filter_map(|row| match row {
            Shown::Cells(cells) => Some(cells),
            Shown::Heading(_) => None,
        });
        let widths = table::widths(&heads, cells, WIDTH);
        let mut head = table::row(&heads, &widths);
        head.push("-".repeat(WIDTH));
        let mut first = vec![String::new()];
        first.extend(table::wrap(&said(&table.caption), WIDTH));
        first.push(String::new());
        first.extend(head.iter().cloned());
        let cells = |cells: &Vec<Vec<Run>>| table::row(cells, &widths);
        let tall = |row: &Shown| matches!(row, Shown::Cells(some) if cells(some).len() > 1);
        let apart = rows.iter().any(tall);
        // A heading stays with the row below it; what has the table's head in it needs no second one.
        let mut above = first;
        let mut again = Vec::new();
        for row in rows {
            if above.is_empty() && (apart || matches!(row, Shown::Heading(_))) {
                above.push(String::new());
            }
            match row {
                Shown::Heading(runs) => {
                    above.extend(runs.iter().flat_map(|run| run.wrapped(WIDTH)));
                }
                Shown::Cells(some) => {
                    let mut lines = std::mem::take(&mut above);
                    lines.extend(cells(&some));
                    let head = std::mem::replace(&mut again, head.clone());
                    self.blocks.push(Together { lines, head });
                }
            }
        }
        if !above.is_empty() {
            self.together(above);
        }
        self.rows_left_out(table.rows.len());
    }

    fn shown(&mut self, row: &Row) -> Shown {
        match row {
            Row::Cells(cells) => Shown::Cells(cells.iter().map(|cell| self.cell(cell)).collect()),
            Row::Heading(line) => Shown::Heading(self.line(line)),
        }
    }

    fn rows_left_out(&mut self, rows: usize) {
        let left_out = rows.saturating_sub(MOST_ROWS);
        if left_out > 0 {
            self.together(vec![format!("{left_out} more rows are left out here.")]);
        }
    }

    fn cell(&mut self, cell: &Cell) -> Vec<Run> {
        let lines = cell.iter().take(MOST_ROWS);
        let mut runs: Vec<Run> = lines.flat_map(|line| self.line(line)).collect();
        if cell.len() > MOST_ROWS {
            runs.push(Run::ours("[more lines are left out here]".to_string()));
        }
        runs
    }

    /// The program's own words in one run, what people wrote in runs of its own.
    fn line(&mut self, line: &Line) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut ours = String::new();
        for piece in line {
            match piece {
                Piece::Said(text) | Piece::Strong(text) | Piece::Code(text) => {
                    ours.push_str(&said(text));
                }
                Piece::Quoted(text, left_out) => {
                    if !ours.is_empty() {
                        runs.push(Run::ours(std::mem::take(&mut ours)));
                    }
                    self.quote(text, *left_out, &mut runs);
                }
            }
        }
        if !ours.is_empty() || runs.is_empty() {
            runs.push(Run::ours(ours));
        }
        runs
    }

    fn quote(&mut self, text: &str, left_out: usize, runs: &mut Vec<Run>) {
        let mut left_out = left_out;
        let mut lines = text.split('\n');
        while let Some(line) = lines.next() {
            let mut shown = String::new();
            let mut characters = line.chars();
            for each in characters.by_ref() {
                let one = plain(each.encode_utf8(&mut [0; 4]));
                if shown.len() + one.len() + LINE_COSTS > self.quotable {
                    // This one, what follows on the line, and the lines after it with their ends.
                    left_out += 1 + characters.as_str().chars().count();
                    left_out += lines.map(|line| 1 + line.chars().count()).sum::<usize>();
                    self.quotable = 0;
                    runs.push(Run::theirs(shown));
                    runs.push(Run::left_out(left_out));
                    return;
                }
                shown.push_str(&one);
            }
            self.quotable = self.quotable.saturating_sub(shown.len() + LINE_COSTS);
            runs.push(Run::theirs(shown));
        }
        if left_out > 0 {
            runs.push(Run::left_out(left_out));
        }
    }
}

/// The program's own words, which may hold a part of a file.
fn said(text: &str) -> String {
    let shown = cut(text, MOST_SAID);
    let mut out = plain(shown.kept);
    if shown.left_out > 0 {
        out.push_str(&format!(
            " [{} more characters are left out here]",
            shown.left_out
        ));
    }
    out
}

enum Shown {
    Cells(Vec<Vec<Run>>),
    Heading(Vec<Run>),
}

/// Words that begin a line.
struct Run {
    text: String,
    theirs: bool,
}

impl Run {
    fn ours(text: String) -> Run {
        let theirs = false;
        Run { text, theirs }
    }

    fn theirs(text: String) -> Run {
        let theirs = true;
        Run { text, theirs }
    }

    fn left_out(characters: usize) -> Run {
        Run::ours(format!("[{characters} more characters are left out here]"))
    }

    /// Columns before each line.
    fn indent(&self) -> usize {
        if self.theirs { THEIRS.len() } else { 0 }
    }

    fn wrapped(&self, width: usize) -> Vec<String> {
        if !self.theirs {
            return table::wrap(&self.text, width);
        }
        let lines = table::wrap(&self.text, width.saturating_sub(self.indent()).max(1));
        let lines = lines.iter().map(|line| format!("{THEIRS}{line}"));
        lines.map(|line| line.trim_end().to_string()).collect()
    }
}

/// Pages of these blocks; of too many the first ones, which then say so, and so does the last.
fn bounded(mut blocks: Vec<Together>) -> Vec<Vec<String>> {
    let pages = paginate(&blocks);
    if pages.len() <= MOST_PAGES {
        return pages;
    }
    let notice =
        format!("CUT: only the first {MOST_PAGES} pages. The last one says how much is missing.");
    let lines = vec![String::new(), notice];
    let head = Vec::new();
    blocks.insert(1, Together { lines, head });
    let mut pages = paginate(&blocks);
    let rest = pages.split_off(MOST_PAGES);
    let last = pages.last_mut().expect("there are pages");
    let more = last.split_off(last.len().min(ROOM - 4));
    let missing = more.len() + rest.iter().map(Vec::len).sum::<usize>();
    last.push(String::new());
    last.push(format!(
        "CUT HERE: {missing} more lines. The report as HTML (without --text and --pdf)"
    ));
    last.push("shows more of them.".to_string());
    pages
}

fn paginate(blocks: &[Together]) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = vec![Vec::new()];
    for block in blocks {
        let page = pages.last().expect("there is one");
        if page.len() + block.lines.len() > ROOM
            && !page.is_empty()
            && block.lines.len() <= ROOM / 2
        {
            pages.push(block.head.clone());
        }
        for line in &block.lines {
            let page = pages.last_mut().expect("there is one");
            if page.len() >= ROOM {
                pages.push(block.head.clone());
            }
            let page = pages.last_mut().expect("there is one");
            // No gap at a page's top, nor below what is said again there.
            if !(line.is_empty() && (page.is_empty() || *page == block.head)) {
                page.push(line.clone());
            }
        }
    }
    pages
}
