//! Whether a PDF says what its text says, on the same pages and within them, as other programs see
//! it. Needs `pdftoppm` and `pdftotext` (poppler-utils).

use std::fs;

use crate::tools::Dir;
use ceremony::sheet::Paper;

pub const PAPERS: [Paper; 2] = [Paper::A4, Paper::Letter];

/// Points that printers leave blank.
const BLANK: f32 = 18.0;

/// Dots per inch of the pictures that are looked at; a point is less than one of them.
const DPI: f32 = 48.0;

/// The same lines in the same order on the same pages, and nothing at the edges.
pub fn same(label: &str, text: &str, pdf: &[u8], paper: Paper) {
    let dir = Dir::new();
    dir.write("page.pdf", pdf);
    same_lines(
        label,
        text,
        &dir.run("pdftotext", &["-layout", "page.pdf", "-"]),
    );
    nothing_outside(&dir, label, paper);
    edges_are_white(&dir, label, text.split('\u{c}').count());
}

/// What the PDF says, line by line.
pub fn said(pdf: &[u8]) -> String {
    let dir = Dir::new();
    dir.write("page.pdf", pdf);
    dir.run("pdftotext", &["-layout", "page.pdf", "-"])
}

fn same_lines(label: &str, text: &str, printed: &str) {
    let pages: Vec<&str> = text.split('\u{c}').collect();
    let printed: Vec<&str> = printed
        .strip_suffix('\u{c}')
        .expect("a page ends")
        .split('\u{c}')
        .collect();
    assert_eq!(printed.len(), pages.len(), "{label}: pages");
    for ((source, printed), number) in pages.iter().zip(&printed).zip(1..) {
        let expected: Vec<String> = source.lines().filter_map(written).collect();
        let found: Vec<String> = printed
            .lines()
            .map(together)
            .filter(|line| !line.is_empty())
            .collect();
        assert!(!expected.is_empty(), "{label}: page {number} is empty");
        for (line, other) in expected.iter().zip(&found) {
            assert_eq!(line, other, "{label}: page {number}");
        }
        assert_eq!(
            expected.len(),
            found.len(),
            "{label}: page {number}: {printed}"
        );
    }
}

/// A line as it is read; `None` for what is drawn in the PDF.
fn written(line: &str) -> Option<String> {
    let all = |of: &str| line.chars().all(|c| of.contains(c));
    let rule = line.len() >= 20 && ["=", "-", "_"].into_iter().any(all);
    let border = line.starts_with('+') && all("+-");
    if rule || border {
        return None;
    }
    let text = match line
        .strip_prefix('|')
        .and_then(|line| line.strip_suffix('|'))
    {
        Some(row) => together(&row.replace('|', " ")),
        None => together(&unspaced(line)),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A banner is larger type in the PDF.
fn unspaced(line: &str) -> String {
    let inner = line
        .trim()
        .strip_prefix("*** ")
        .and_then(|rest| rest.strip_suffix(" ***"));
    inner.map_or_else(
        || line.to_string(),
        |letters| {
            let words = letters.split("   ").map(|word| word.replace(' ', ""));
            words.collect::<Vec<_>>().join(" ")
        },
    )
}

fn together(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The boxes of all words.
fn nothing_outside(dir: &Dir, label: &str, paper: Paper) {
    let html = dir.run("pdftotext", &["-bbox", "page.pdf", "-"]);
    let number = |line: &str, name: &str| -> f32 {
        let (_, rest) = line
            .split_once(&format!(" {name}=\""))
            .expect("an attribute");
        rest.split_once('"')
            .expect("it ends")
            .0
            .parse()
            .expect("a number")
    };
    let (width, height) = match paper {
        Paper::A4 => (595.28, 841.89),
        Paper::Letter => (612.0, 792.0),
    };
    let mut words = 0;
    for line in html.lines() {
        if line.contains("<page ") {
            let size = (number(line, "width"), number(line, "height"));
            assert!(
                (size.0 - width).abs() < 0.1 && (size.1 - height).abs() < 0.1,
                "{label}: {size:?}"
            );
        } else if line.contains("<word ") {
            words += 1;
            let [left, top, right, bottom] =
                ["xMin", "yMin", "xMax", "yMax"].map(|name| number(line, name));
            assert!(left >= BLANK && right <= width - BLANK, "{label}: {line}");
            assert!(top >= BLANK && bottom <= height - BLANK, "{label}: {line}");
        }
    }
    assert!(words > 5, "{label}: {words} words");
}

/// Lines that are drawn have no boxes: a picture shows where they end.
fn edges_are_white(dir: &Dir, label: &str, pages: usize) {
    let dpi = DPI.to_string();
    dir.run("pdftoppm", &["-r", &dpi, "-gray", "page.pdf", "page"]);
    let pictures = fs::read_dir(dir.path())
        .expect("readable")
        .map(|entry| entry.expect("readable").path());
    let pictures: Vec<_> = pictures
        .filter(|path| path.extension().is_some_and(|end| end == "pgm"))
        .collect();
    assert_eq!(pictures.len(), pages, "{label}: pictures");
    let blank = (BLANK * DPI / 72.0) as usize;
    for path in pictures {
        let bytes = fs::read(&path).expect("a picture");
        let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
        assert_eq!(parts.next(), Some(&b"P5"[..]));
        let size = std::str::from_utf8(parts.next().expect("its size")).expect("ASCII");
        let (width, height) = size.split_once(' ').expect("two numbers");
        let [width, height]: [usize; 2] = [width, height].map(|n| n.parse().expect("a number"));
        let shades = parts.nth(1).expect("the picture");
        let mut dark = 0;
        for (at, shade) in shades.iter().enumerate() {
            let (x, y) = (at % width, at / width);
            let edge = x < blank || x >= width - blank || y < blank || y >= height - blank;
            assert!(
                !edge || *shade > 250,
                "{label}: something is at {x}, {y} of {}",
                path.display()
            );
            dark += usize::from(*shade < 128);
        }
        assert!(dark > 50, "{label}: {} is empty", path.display());
    }
}
