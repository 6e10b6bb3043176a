//! A document as one page of HTML that needs nothing else: no script, nothing to be fetched.
//!
//! Every text goes through `harmless`, the program's own words too, so there is no way into the
//! page but as text. Tags and attributes are those in this file and no others.

use super::document::{Block, Cell, Document, Line, Piece, Row, Section, Table, Tone};
use super::harmless::{cut, escape};
use crate::qr::{QUIET, Qr};

/// The most characters that are shown of all texts that people wrote.
pub const MOST_OF_ALL: usize = 200_000;

/// The most characters of a fact of the program's own: a cause may hold a part of a file.
const MOST_SAID: usize = 600;

/// The most rows of a table, and lines of a cell.
pub const MOST_ROWS: usize = 1000;

/// The largest page that can come of all that, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, run or sent, whatever the page says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub fn page(document: &Document) -> String {
    let mut page = Page {
        out: String::new(),
        quotable: MOST_OF_ALL,
    };
    page.head(document);
    page.body(document);
    page.out
}

struct Page {
    out: String,
    /// How many characters that people wrote may still be shown.
    quotable: usize,
}

impl Page {
    /// Markup of our own, in which nothing of a record stands.
    fn raw(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        let shown = cut(text, MOST_SAID);
        self.out.push_str(&escape(shown.kept));
        self.left_out(shown.left_out);
    }

    fn left_out(&mut self, characters: usize) {
        if characters > 0 {
            self.out.push_str(&format!(
                " <b class=\"cut\">[{characters} more characters are left out here]</b>"
            ));
        }
    }

    fn head(&mut self, document: &Document) {
        self.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.out.push_str(&format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n",
            escape(POLICY)
        ));
        self.raw("<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
        // No markup can stand in a title, so what was left out cannot be marked there.
        let shown = cut(&document.headline, 200).kept;
        self.out.push_str(&escape(shown));
        if !document.foot.is_empty() {
            self.out.push_str(" - ");
            self.out.push_str(&escape(&document.foot));
        }
        self.raw("</title>\n<style>\n");
        self.out.push_str(STYLE);
        self.out.push_str(&margins(document));
        self.raw("</style>\n</head>\n");
    }

    fn body(&mut self, document: &Document) {
        self.raw("<body>\n<header>\n");
        if let Some(banner) = document.banner {
            self.raw("<p class=\"banner\">");
            self.raw(banner);
            self.raw("</p>\n");
        }
        self.raw(match document.tone {
            Tone::Good => "<h1 class=\"good\">",
            Tone::Open => "<h1 class=\"open\">",
            Tone::Bad => "<h1 class=\"bad\">",
        });
        self.text(&document.headline);
        self.raw("</h1>\n");
        self.blocks(&document.verdict);
        self.raw("</header>\n<main>\n");
        for section in &document.sections {
            self.section(section);
        }
        self.raw("</main>\n");
        if let Some(banner) = document.banner {
            // On paper it stands behind the text of each page; without a style, at the end.
            self.raw("<p class=\"behind\">");
            self.raw(banner);
            self.raw("</p>\n");
        }
        self.raw("</body>\n</html>\n");
    }

    fn section(&mut self, section: &Section) {
        self.raw("<section>\n<h2>");
        self.text(&section.title);
        self.raw("</h2>\n");
        self.blocks(&section.blocks);
        self.raw("</section>\n");
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(line) => {
                    self.raw("<p>");
                    self.line(line);
                    self.raw("</p>\n");
                }
                Block::Facts(facts) => self.facts(facts),
                Block::Table(table) => self.table(table),
                Block::Qr(code, says) => self.qr(code, says),
            }
        }
    }

    fn facts(&mut self, facts: &[(String, Cell)]) {
        self.raw("<table class=\"facts\">\n<tbody>\n");
        for (name, cell) in facts.iter().take(MOST_ROWS) {
            self.raw("<tr><th scope=\"row\">");
            self.text(name);
            self.raw("</th><td>");
            self.cell(cell);
            self.raw("</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n");
        self.rows_left_out(facts.len());
    }

    fn table(&mut self, table: &Table) {
        self.raw("<table>\n<caption>");
        self.text(&table.caption);
        self.raw("</caption>\n<thead>\n<tr>");
        for head in &table.heads {
            self.raw("<th scope=\"col\">");
            self.raw(head);
            self.raw("</th>");
        }
        self.raw("</tr>\n</thead>\n<tbody>\n");
        for row in table.rows.iter().take(MOST_ROWS) {
            self.row(row, table.heads.len());
        }
        self.raw("</tbody>\n</table>\n");
        self.rows_left_out(table.rows.len());
    }

    fn rows_left_out(&mut self, rows: usize) {
        let left_out = rows.saturating_sub(MOST_ROWS);
        if left_out > 0 {
            self.out.push_str(&format!(
                "<p class=\"cut\">{left_out} more rows are left out here.</p>\n"
            ));
        }
    }

    fn row(&mut self, row: &Row, columns: usize) {
        match row {
            Row::Heading(line) => {
                self.out.push_str(&format!(
                    "<tr class=\"group\"><th scope=\"colgroup\" colspan=\"{columns}\">"
                ));
                self.line(line);
                self.raw("</th></tr>\n");
            }
            Row::Cells(cells) => {
                self.raw("<tr>");
                for (at, cell) in cells.iter().enumerate() {
                    self.raw(if at == 0 {
                        "<th scope=\"row\">"
                    } else {
                        "<td>"
                    });
                    self.cell(cell);
                    self.raw(if at == 0 { "</th>" } else { "</td>" });
                }
                self.raw("</tr>\n");
            }
        }
    }

    fn cell(&mut self, cell: &Cell) {
        for (at, line) in cell.iter().take(MOST_ROWS).enumerate() {
            if at > 0 {
                self.raw("<br>\n");
            }
            self.line(line);
        }
        if cell.len() > MOST_ROWS {
            self.raw("<br>\n<b class=\"cut\">[more lines are left out here]</b>");
        }
    }

    fn line(&mut self, line: &Line) {
        for piece in line {
            match piece {
                Piece::Said(text) => self.text(text),
                Piece::Strong(text) => {
                    self.raw("<strong>");
                    self.text(text);
                    self.raw("</strong>");
                }
                Piece::Code(text) => {
                    self.raw("<code>");
                    self.text(text);
                    self.raw("</code>");
                }
                Piece::Quoted(text, left_out) => self.quote(text, *left_out),
            }
        }
    }

    /// Isolated, so that writing from right to left moves nothing around it.
    fn quote(&mut self, text: &str, left_out: usize) {
        let shown = cut(text, self.quotable);
        self.quotable -= shown.kept.chars().count();
        self.raw(match shown.kept.contains('\n') {
            true => "<bdi class=\"lines\">",
            false => "<bdi class=\"quoted\">",
        });
        for (at, line) in shown.kept.split('\n').enumerate() {
            if at > 0 {
                self.raw("<br>");
            }
            self.out.push_str(&escape(line));
        }
        self.raw("</bdi>");
        self.left_out(left_out + shown.left_out);
    }

    /// One path for all dark modules, a rectangle for each run of them in a row.
    fn qr(&mut self, code: &Qr, says: &str) {
        let side = code.size() + 2 * QUIET;
        let mut path = String::new();
        for (y, row) in code.matrix(QUIET).iter().enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run[0] {
                    let wide = run.len();
                    path.push_str(&format!("M{x} {y}h{wide}v1h-{wide}z"));
                }
                x += run.len();
            }
        }
        self.out.push_str(&format!(
            "<svg class=\"qr\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {side} {side}\" \
             width=\"200\" height=\"200\"><rect width=\"{side}\" height=\"{side}\" \
             fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>\n",
            escape(cut(says, MOST_SAID).kept)
        ));
    }
}

/// What stands in the margins of each printed page, where the browser can: banner, id, number.
fn margins(document: &Document) -> String {
    // Ids have no quotes and no backslash; whatever else comes is left away.
    let plain = |c: &char| c.is_ascii_alphanumeric() || " -.".contains(*c);
    let foot: String = document.foot.chars().filter(plain).take(100).collect();
    let banner = document.banner.unwrap_or_default();
    format!(
        "@page {{ @top-center {{ content: \"{banner}\"; font: bold 14pt sans-serif; }} \
         @bottom-left {{ content: \"{foot}\"; font: 8pt sans-serif; }} \
         @bottom-right {{ content: \"page \" counter(page) \" of \" counter(pages); \
         font: 8pt sans-serif; }} }}\n"
    )
}
