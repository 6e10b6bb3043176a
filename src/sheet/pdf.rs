//! What every printed page needs as PDF: paper, fonts, a place that moves down, one file.
//!
//! Lengths are in points (1/72 inch), as in PDF itself; y grows upwards. Nothing but the
//! facts goes in, no date and no random file id, so the bytes can be compared.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{Fact, REHEARSAL};

/// The paper's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 210 mm by 297 mm.
    A4,
    /// 8.5 by 11 inches.
    Letter,
}

impl Paper {
    fn size(self) -> (f32, f32) {
        match self {
            Paper::A4 => (595.28, 841.89),
            Paper::Letter => (612.0, 792.0),
        }
    }
}

/// Free on all sides; printers leave up to 18 points blank.
pub(super) const MARGIN: f32 = 36.0;
/// Between two parts of the page.
pub(super) const GAP: f32 = 9.0;

pub(super) const SANS: Name = Name(b"Sans");
pub(super) const BOLD: Name = Name(b"Bold");
pub(super) const MONO: Name = Name(b"Mono");
/// The width of every Courier character, as a share of the type's size.
pub(super) const MONO_WIDTH: f32 = 0.6;

/// The type size of the banner.
const BANNER: f32 = 30.0;

/// Draws from the top to the bottom; `y` is the lower end of what has been drawn.
pub(super) struct Page {
    pub content: Content,
    pub width: f32,
    pub y: f32,
    height: f32,
    mark: Option<&'static str>,
}

impl Page {
    /// An empty page, with the banner at its top if it is a rehearsal's.
    pub fn new(paper: Paper, rehearsal: bool) -> Page {
        Page::marked(paper, rehearsal.then_some(REHEARSAL))
    }

    /// An empty page with this banner, in capitals, at its top.
    pub fn marked(paper: Paper, mark: Option<&'static str>) -> Page {
        let (width, height) = paper.size();
        let mut page = Page {
            content: Content::new(),
            width,
            y: height - MARGIN,
            height,
            mark,
        };
        page.banner();
        page
    }

    pub fn inner_width(&self) -> f32 {
        self.width - 2.0 * MARGIN
    }

    /// The height that is left, the lower banner's taken off.
    pub fn spare(&self) -> f32 {
        let foot = if self.mark.is_some() { BANNER } else { 0.0 };
        self.y - MARGIN - foot
    }

    /// A file of this page alone, with its banner at its foot.
    pub fn finish(self, title: &str) -> Vec<u8> {
        finish(vec![self], title)
    }

    fn banner(&mut self) {
        if let Some(mark) = self.mark {
            let x = (self.width - bold_width(mark) * BANNER) / 2.0;
            self.text(BOLD, BANNER, x, self.y - 0.8 * BANNER, mark);
            self.y -= BANNER + 2.0;
        }
    }

    /// The title and the facts below it.
    pub fn head(&mut self, title: &str, facts: &[Fact]) {
        const SIZE: f32 = 10.0;
        const LEADING: f32 = 12.5;
        self.text(BOLD, 18.0, MARGIN, self.y - 16.0, title);
        self.y -= 36.0;
        for fact in facts {
            self.text(SANS, SIZE, MARGIN, self.y, fact.label);
            for line in &fact.lines {
                self.text(MONO, SIZE, MARGIN + 72.0, self.y, line);
                self.y -= LEADING;
            }
        }
        self.y += LEADING;
    }

    pub fn heading(&mut self, heading: &str) {
        const SIZE: f32 = 10.0;
        self.y -= SIZE;
        self.text(BOLD, SIZE, MARGIN, self.y + 1.5, heading);
    }

    /// A box to write in, its label small in the upper left corner.
    pub fn labelled_box(&mut self, x: f32, y: f32, width: f32, height: f32, label: &str) {
        self.content
            .set_line_width(0.6)
            .rect(x, y, width, height)
            .stroke();
        self.text(SANS, 7.0, x + 3.0, y + height - 8.0, label);
    }

    pub fn text(&mut self, font: Name, size: f32, x: f32, y: f32, text: &str) {
        let content = &mut self.content;
        content.begin_text().set_font(font, size).next_line(x, y);
        content.show(Str(&win_ansi(text))).end_text();
    }

    /// A straight line.
    pub fn stroke(&mut self, width: f32, from: (f32, f32), to: (f32, f32)) {
        self.content
            .set_line_width(width)
            .move_to(from.0, from.1)
            .line_to(to.0, to.1)
            .stroke();
    }
}

/// Latin letters of western Europe have the same numbers here as in Unicode; what else there is,
/// whoever sets text spells out before.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match u8::try_from(c) {
            Ok(byte @ (b' '..=b'~' | 0xa1..=0xff)) if c != SOFT_HYPHEN => byte,
            _ => b'?',
        })
        .collect()
}

/// It is drawn at the end of a line alone.
const SOFT_HYPHEN: char = '\u{ad}';

/// The width of capitals in Helvetica-Bold, as a share of the type's size (Adobe's font metrics).
fn bold_width(capitals: &str) -> f32 {
    let width = |c| match c {
        ' ' | 'I' => 0.278,
        'E' | 'S' => 0.667,
        'F' | 'L' => 0.611,
        // A, D, H and R; a banner of other letters is a little off the middle.
        _ => 0.722,
    };
    capitals.chars().map(width).sum()
}

/// A file of these pages, in their order; at least one. Each has its banner at its foot, too.
pub(super) fn finish(sheets: Vec<Page>, title: &str) -> Vec<u8> {
    let [catalog, pages, info, sans, bold, mono] = [1, 2, 3, 4, 5, 6].map(Ref::new);
    let fonts = [
        (SANS, sans, Name(b"Helvetica")),
        (BOLD, bold, Name(b"Helvetica-Bold")),
        (MONO, mono, Name(b"Courier")),
    ];
    // A page and its stream after each other, behind what all pages share.
    let kids = (7..).step_by(2).map(Ref::new).take(sheets.len());
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages).lang(TextStr("en-GB"));
    pdf.document_info(info).title(TextStr(title));
    pdf.pages(pages)
        .kids(kids.clone())
        .count(sheets.len() as i32);
    for (mut sheet, id) in sheets.into_iter().zip(kids) {
        let stream = id.next();
        sheet.y = MARGIN + BANNER;
        sheet.banner();
        let mut page = pdf.page(id);
        page.parent(pages)
            .media_box(Rect::new(0.0, 0.0, sheet.width, sheet.height))
            .contents(stream);
        page.resources()
            .fonts()
            .pairs(fonts.map(|(name, id, _)| (name, id)));
        page.finish();
        pdf.stream(stream, &sheet.content.finish());
    }
    for (_, id, base) in fonts {
        // Without it the apostrophe and the grave accent become typographic quotes.
        pdf.type1_font(id)
            .base_font(base)
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paper_has_its_size() {
        for (paper, media) in [
            (Paper::A4, "[0 0 595.28 841.89]"),
            (Paper::Letter, "[0 0 612 792]"),
        ] {
            let pdf = Page::new(paper, false).finish("empty");
            assert!(String::from_utf8_lossy(&pdf).contains(&format!("/MediaBox {media}")));
        }
    }
}
