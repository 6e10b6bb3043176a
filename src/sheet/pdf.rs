//! The sheet as a PDF file: one page, black on white, the fonts every printer has.
//!
//! Lengths are in points (1/72 inch), as in PDF itself; y grows upwards. Nothing but the
//! facts goes in, no date and no random file id, so the bytes can be compared.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{
    CALL_TITLE, CALLS, CERTIFICATE_TITLE, FINGERPRINT_TITLE, Layout, NOTES, SIGNATURES, WORDS_TITLE,
};
use crate::qr::{QUIET, Qr};

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
const MARGIN: f32 = 36.0;
/// Between two parts of the page.
const GAP: f32 = 9.0;

const SANS: Name = Name(b"Sans");
const BOLD: Name = Name(b"Bold");
const MONO: Name = Name(b"Mono");
/// The width of every Courier character, as a share of the type's size.
const MONO_WIDTH: f32 = 0.6;
/// The width of "REHEARSAL" in Helvetica-Bold, as a share of the type's size.
const REHEARSAL_WIDTH: f32 = 6.222;

/// The side of a QR code's module, 1.1 mm: a code of some 35 mm, scanned at arm's length.
const MODULE: f32 = 3.1;

/// Boxes to write in are at least this high, and higher where the page has room.
const LOW_BOX: f32 = 25.0;
const HIGH_BOX: f32 = 38.0;

pub(super) fn render(sheet: &Layout, paper: Paper) -> Vec<u8> {
    let (_, spare) = set(sheet, paper, LOW_BOX);
    let boxes = (LOW_BOX + spare / CALLS.len() as f32).clamp(LOW_BOX, HIGH_BOX);
    let (mut page, _) = set(sheet, paper, boxes);
    page.y = MARGIN + BANNER;
    page.banner(sheet.rehearsal);
    file(&page.content.finish(), sheet.title, paper.size())
}

/// Sets all but the lower banner, with boxes of the given height. Also gives the height that
/// is left over.
fn set(sheet: &Layout, paper: Paper, boxes: f32) -> (Page, f32) {
    let (width, height) = paper.size();
    let mut page = Page {
        content: Content::new(),
        width,
        y: height - MARGIN,
    };
    page.banner(sheet.rehearsal);
    page.facts(sheet);
    page.fingerprint(sheet);
    page.words(sheet);
    page.calls(boxes);
    page.certificate_and_signatures(sheet);
    page.notes();
    let spare = page.y - MARGIN - foot(sheet);
    (page, spare)
}

/// The height to keep free for the lower banner, if there is one.
fn foot(sheet: &Layout) -> f32 {
    if sheet.rehearsal.is_some() {
        BANNER
    } else {
        0.0
    }
}

/// The type size of the rehearsal's banner.
const BANNER: f32 = 30.0;

/// Draws from the top to the bottom; `y` is the lower end of what has been drawn.
struct Page {
    content: Content,
    width: f32,
    y: f32,
}

impl Page {
    fn inner_width(&self) -> f32 {
        self.width - 2.0 * MARGIN
    }

    fn banner(&mut self, word: Option<&str>) {
        if let Some(word) = word {
            let x = (self.width - REHEARSAL_WIDTH * BANNER) / 2.0;
            self.text(BOLD, BANNER, x, self.y - 0.8 * BANNER, word);
            self.y -= BANNER + 2.0;
        }
    }

    /// The facts, with the QR code at their right.
    fn facts(&mut self, sheet: &Layout) {
        const SIZE: f32 = 10.0;
        const LEADING: f32 = 12.5;
        let top = self.y;
        let side = self.qr(&sheet.qr, top);
        self.text(BOLD, 18.0, MARGIN, top - 16.0, sheet.title);
        let mut y = top - 36.0;
        for fact in &sheet.facts {
            self.text(SANS, SIZE, MARGIN, y, fact.label);
            for line in &fact.lines {
                self.text(MONO, SIZE, MARGIN + 72.0, y, line);
                y -= LEADING;
            }
        }
        self.y = f32::min(y + LEADING, top - side) - GAP;
    }

    /// Draws the code into the upper right corner and gives its side, the margin below included.
    fn qr(&mut self, qr: &Qr, top: f32) -> f32 {
        let side = MODULE * qr.size() as f32;
        let left = self.width - MARGIN - side;
        for (x, y) in (0..qr.size()).flat_map(|y| (0..qr.size()).map(move |x| (x, y))) {
            if qr.dark(x, y) {
                let (x, y) = (left + MODULE * x as f32, top - MODULE * (y + 1) as f32);
                self.content.rect(x, y, MODULE, MODULE);
            }
        }
        // One fill for all modules: filled one by one, hairlines would show between them.
        self.content.fill_nonzero();
        side + MODULE * QUIET as f32 - GAP
    }

    fn fingerprint(&mut self, sheet: &Layout) {
        const SIZE: f32 = 14.0;
        self.heading(FINGERPRINT_TITLE);
        for row in &sheet.fingerprint {
            self.y -= SIZE + 3.0;
            self.text(MONO, SIZE, MARGIN + 12.0, self.y + 4.0, &row.join("  "));
        }
        self.y -= GAP;
    }

    fn words(&mut self, sheet: &Layout) {
        const SIZE: f32 = 12.0;
        const LEADING: f32 = 15.0;
        self.heading(WORDS_TITLE);
        let column = self.inner_width() / 4.0;
        let mut number = 0;
        for row in &sheet.words {
            self.y -= LEADING;
            for (at, word) in row.iter().enumerate() {
                number += 1;
                let x = MARGIN + column * at as f32;
                self.text(MONO, SIZE, x, self.y + 3.0, &format!("{number:2} {word}"));
            }
        }
        self.y -= GAP;
    }

    fn calls(&mut self, height: f32) {
        self.heading(CALL_TITLE);
        self.y -= 3.0;
        for row in CALLS {
            let width = self.inner_width() / row.len() as f32;
            self.y -= height;
            for (at, label) in row.iter().enumerate() {
                self.labelled_box(MARGIN + width * at as f32, self.y, width, height, label);
            }
        }
        self.y -= GAP;
    }

    /// The certificate file's words at the left, the signature boxes at the right.
    fn certificate_and_signatures(&mut self, sheet: &Layout) {
        const SIZE: f32 = 8.0;
        const LEADING: f32 = 10.5;
        let column = 12.0 * MONO_WIDTH * SIZE;
        let left = MARGIN + 4.0 * column + 12.0;
        let top = self.y;
        self.heading(CERTIFICATE_TITLE);
        for row in &sheet.certificate {
            self.y -= LEADING;
            for (at, word) in row.iter().enumerate() {
                self.text(MONO, SIZE, MARGIN + column * at as f32, self.y + 2.0, word);
            }
        }
        let height = (top - self.y) / 2.0;
        for (at, label) in SIGNATURES.iter().enumerate() {
            let y = top - height * (at + 1) as f32;
            self.labelled_box(left, y, self.width - MARGIN - left, height, label);
        }
        self.y -= GAP;
    }

    fn notes(&mut self) {
        const LEADING: f32 = 10.0;
        for note in NOTES {
            self.y -= LEADING;
            self.text(SANS, 8.5, MARGIN, self.y + 2.0, note);
        }
    }

    fn heading(&mut self, heading: &str) {
        const SIZE: f32 = 10.0;
        self.y -= SIZE;
        self.text(BOLD, SIZE, MARGIN, self.y + 1.5, heading);
    }

    /// A box to write in, its label small in the upper left corner.
    fn labelled_box(&mut self, x: f32, y: f32, width: f32, height: f32, label: &str) {
        self.content
            .set_line_width(0.6)
            .rect(x, y, width, height)
            .stroke();
        self.text(SANS, 7.0, x + 3.0, y + height - 8.0, label);
    }

    fn text(&mut self, font: Name, size: f32, x: f32, y: f32, text: &str) {
        let content = &mut self.content;
        content.begin_text().set_font(font, size).next_line(x, y);
        content.show(Str(text.as_bytes())).end_text();
    }
}

fn file(content: &[u8], title: &str, (width, height): (f32, f32)) -> Vec<u8> {
    let [catalog, pages, page, stream, info, sans, bold, mono] =
        [1, 2, 3, 4, 5, 6, 7, 8].map(Ref::new);
    let fonts = [
        (SANS, sans, Name(b"Helvetica")),
        (BOLD, bold, Name(b"Helvetica-Bold")),
        (MONO, mono, Name(b"Courier")),
    ];
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages).lang(TextStr("en-GB"));
    pdf.document_info(info).title(TextStr(title));
    pdf.pages(pages).kids([page]).count(1);
    let mut only = pdf.page(page);
    only.parent(pages)
        .media_box(Rect::new(0.0, 0.0, width, height))
        .contents(stream);
    only.resources()
        .fonts()
        .pairs(fonts.map(|(name, id, _)| (name, id)));
    only.finish();
    for (_, id, base) in fonts {
        // Without it the apostrophe and the grave accent become typographic quotes.
        pdf.type1_font(id)
            .base_font(base)
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(stream, content);
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{V4, sheet};
    use super::*;

    /// The fullest sheet on the shorter paper, two facts longer than they ever should be.
    #[test]
    fn the_fullest_sheet_stays_on_its_page() {
        let id = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(40));
        let full = sheet(&id, true, &"x".repeat(500), &"0f".repeat(32)).layout();
        for paper in [Paper::A4, Paper::Letter] {
            let (_, spare) = set(&full, paper, LOW_BOX);
            assert!(spare >= 0.0, "{paper:?}: {spare}");
        }
    }

    /// Shows that nothing of the moment or the machine goes in.
    #[test]
    fn the_same_facts_give_the_same_bytes() {
        let made = || sheet("2026-01-02-x", false, "b@example.org", V4).pdf(Paper::A4);
        assert_eq!(made(), made());
        let text = String::from_utf8_lossy(&made()).into_owned();
        assert!(!text.contains("CreationDate") && !text.contains("/ID"));
    }

    #[test]
    fn each_paper_has_its_size() {
        for (paper, media) in [
            (Paper::A4, "[0 0 595.28 841.89]"),
            (Paper::Letter, "[0 0 612 792]"),
        ] {
            let pdf = sheet("2026-01-02-x", false, "", V4).pdf(paper);
            assert!(String::from_utf8_lossy(&pdf).contains(&format!("/MediaBox {media}")));
        }
    }
}
