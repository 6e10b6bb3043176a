//! The bytes for a printer, in the languages that they take.

use super::{Job, postscript};

/// What a printer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Lines with CR LF, a form feed after each page.
    Text,
    /// Epson's, of needle printers and many others.
    Escp,
    /// A program that sets the lines.
    PostScript,
    /// The job's own PDF file.
    Pdf,
}

/// Lines that fit a page at six to the inch, with the margins that printers keep.
const AT_SIX: usize = 60;

/// The bytes of a job; `None` where it is not there in this language.
pub fn render(job: &Job, language: Language) -> Option<Vec<u8>> {
    let pages = job.pages();
    match language {
        Language::Pdf => job.pdf().map(<[u8]>::to_vec),
        _ if pages.is_empty() => None,
        Language::Text => Some(pages.iter().flat_map(|page| text(page)).collect()),
        Language::Escp => Some(escp(pages)),
        Language::PostScript => Some(postscript::program(pages)),
    }
}

fn text(page: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in page {
        bytes.extend(line.as_bytes());
        bytes.extend(b"\r\n");
    }
    bytes.push(b'\x0c');
    bytes
}

/// The commands are those of Epson's ESC/P Reference Manual (1997), which old printers have as well.
fn escp(pages: &[Vec<String>]) -> Vec<u8> {
    const RESET: &[u8] = b"\x1b@";
    const TEN_TO_THE_INCH: &[u8] = b"\x1bP";
    // 78 columns in the middle of 80.
    const LEFT_MARGIN: &[u8] = b"\x1bl\x01";
    const SIX_LINES: &[u8] = b"\x1b2";
    const EIGHT_LINES: &[u8] = b"\x1b0";
    const BOLD: &[u8] = b"\x1bE";
    const NOT_BOLD: &[u8] = b"\x1bF";
    let mut bytes = [RESET, TEN_TO_THE_INCH, LEFT_MARGIN].concat();
    for page in pages {
        bytes.extend(if page.len() > AT_SIX {
            EIGHT_LINES
        } else {
            SIX_LINES
        });
        let heading = heading(page);
        for (at, line) in page.iter().enumerate() {
            let bold = Some(at) == heading;
            bytes.extend(if bold { BOLD } else { b"" });
            bytes.extend(line.as_bytes());
            bytes.extend(if bold { NOT_BOLD } else { b"" });
            bytes.extend(b"\r\n");
        }
        bytes.push(b'\x0c');
    }
    // Whoever prints next finds it as it was.
    bytes.extend(RESET);
    bytes
}

/// The line that is set bold: the first one that is not empty.
pub(super) fn heading(page: &[String]) -> Option<usize> {
    page.iter().position(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job::new("x", "\nHEAD\nbody\n\u{c}two\n", Some(b"%PDF-".to_vec())).expect("no secret")
    }

    #[test]
    fn what_is_not_there_is_not_rendered() {
        let text = Job::new("x", "text", None).expect("no secret");
        assert_eq!(render(&text, Language::Pdf), None);
        let pdf = Job::of_pdf("x", b"%PDF-".to_vec()).expect("no secret");
        for language in [Language::Text, Language::Escp, Language::PostScript] {
            assert_eq!(render(&pdf, language), None);
        }
        assert_eq!(render(&pdf, Language::Pdf).as_deref(), Some(&b"%PDF-"[..]));
    }

    #[test]
    fn plain_text_has_the_ends_that_printers_want() {
        let bytes = render(&job(), Language::Text).expect("has text");
        assert_eq!(bytes, b"\r\nHEAD\r\nbody\r\n\x0ctwo\r\n\x0c");
    }

    #[test]
    fn escp_sets_the_heading_bold_and_leaves_the_printer_as_it_was() {
        let bytes = render(&job(), Language::Escp).expect("has text");
        let expected = b"\x1b@\x1bP\x1bl\x01\x1b2\r\n\x1bEHEAD\x1bF\r\nbody\r\n\x0c\x1b2\x1bEtwo\x1bF\r\n\x0c\x1b@";
        assert_eq!(bytes, expected);
        let long = Job::new("x", &"l\n".repeat(AT_SIX + 1), None).expect("no secret");
        let bytes = render(&long, Language::Escp).expect("has text");
        assert!(
            bytes.windows(2).any(|at| at == b"\x1b0"),
            "lines are closer"
        );
    }
}
