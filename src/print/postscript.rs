//! A small PostScript program that sets the lines in Courier.

use super::languages::heading;

/// The type, in points: 78 columns are 468 points wide.
const SIZE: f32 = 10.0;

/// The left edge and the first line. What hangs on them fits A4 and Letter.
const LEFT: u32 = 72;
const TOP: f32 = 752.0;

/// The widest leading, and the height that all lines of a page share.
const LEADING: f32 = 12.0;
const HEIGHT: f32 = 726.0;

pub(super) fn program(pages: &[Vec<String>]) -> Vec<u8> {
    let mut program = format!(
        "%!PS-Adobe-3.0\n%%Title: ceremony\n%%Pages: {}\n%%DocumentNeededResources: font Courier \
         Courier-Bold\n%%EndComments\n\
         /R /Courier findfont {SIZE} scalefont def\n\
         /B /Courier-Bold findfont {SIZE} scalefont def\n\
         /S {{ setfont moveto show }} bind def\n",
        pages.len()
    );
    for (at, page) in pages.iter().enumerate() {
        let number = at + 1;
        program.push_str(&format!("%%Page: {number} {number}\n"));
        let leading = LEADING.min(HEIGHT / page.len().max(1) as f32);
        let bold = heading(page);
        for (row, line) in page.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let y = TOP - leading * row as f32;
            let font = if Some(row) == bold { "B" } else { "R" };
            program.push_str(&format!("({}) {LEFT} {y:.2} {font} S\n", escaped(line)));
        }
        program.push_str("showpage\n");
    }
    program.push_str("%%EOF\n");
    program.into_bytes()
}

/// A string's text (PostScript Language Reference, 3.2.2): these three characters mean something.
fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        if matches!(c, '(' | ')' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_ends_its_string() {
        assert_eq!(escaped(r"a) quit \ (b"), r"a\) quit \\ \(b");
        let program = program(&[vec![r"HEAD \".to_string(), ")".to_string()], Vec::new()]);
        let program = String::from_utf8(program).expect("ASCII");
        assert!(
            program.contains("(HEAD \\\\) 72 752.00 B S\n(\\)) 72 740.00 R S\n"),
            "{program}"
        );
        assert_eq!(
            program.matches("showpage").count(),
            2,
            "an empty page is a page"
        );
    }
}
