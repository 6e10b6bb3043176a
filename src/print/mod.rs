//! What goes to a printer: named pages of plain ASCII, and the bytes that a printer takes for them.
//!
//! Pure. `edge::printer` carries the bytes; the sheets themselves are made by [`crate::sheet`]. Nothing
//! becomes a [`Job`] that holds a secret key or the words of a share: [`secret`] looks at each.

mod device_id;
mod languages;
mod postscript;
mod secret;
mod test_page;
mod typed;

pub use device_id::{DeviceId, MAX_DEVICE_ID};
pub use languages::{Language, render};
pub use secret::SecretOnPage;
pub use test_page::{CODE_BYTES, TestPage};
pub use typed::{Asked, certificate_rows, recovery_rows};

use crate::digest::Digest;
use ceremony_devices::printable;

/// Columns of a line, as on all sheets.
pub const COLUMNS: usize = 78;

/// Lines of a page: the fullest fingerprint sheet has as many, and Letter no more at 6 to the inch.
pub const LINES: usize = 66;

/// Pages, and for a printer that takes it the same as a PDF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    name: String,
    pages: Vec<Vec<String>>,
    digest: Digest,
    pdf: Option<Vec<u8>>,
}

impl Job {
    /// Takes a text whose pages are parted by form feeds, and the same as PDF where there is one.
    ///
    /// What is not printable becomes a question mark, a line that is too long is broken, a page that
    /// is too long goes on on the next one.
    ///
    /// # Errors
    /// [`SecretOnPage`]: nothing secret gets onto paper.
    pub fn new(name: &str, text: &str, pdf: Option<Vec<u8>>) -> Result<Job, SecretOnPage> {
        secret::refuse(text.as_bytes())?;
        if let Some(pdf) = &pdf {
            secret::refuse(pdf)?;
        }
        let pages = text.split('\u{c}').flat_map(pages);
        Ok(Job {
            name: file_name(name),
            pages: pages.collect(),
            digest: Digest::of(text.as_bytes()),
            pdf,
        })
    }

    /// The same for a file that is there as PDF alone.
    ///
    /// # Errors
    /// As for [`Job::new`].
    pub fn of_pdf(name: &str, pdf: Vec<u8>) -> Result<Job, SecretOnPage> {
        let mut job = Job::new(name, "", Some(pdf))?;
        job.pages.clear();
        Ok(job)
    }

    /// Its name: letters, digits and `.-_` alone, so that it can be a file's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its pages; none where it is there as PDF alone.
    pub fn pages(&self) -> &[Vec<String>] {
        &self.pages
    }

    /// The same as a PDF file.
    pub fn pdf(&self) -> Option<&[u8]> {
        self.pdf.as_deref()
    }

    /// SHA-256 of the text, as it was given.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The pages as one text, with form feeds between them.
    pub fn text(&self) -> String {
        let page = |lines: &Vec<String>| lines.join("\n") + "\n";
        let pages: Vec<String> = self.pages.iter().map(page).collect();
        pages.join("\u{c}")
    }
}

fn file_name(name: &str) -> String {
    let plain = |c: char| match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => c,
        _ => '-',
    };
    let name: String = name.chars().take(60).map(plain).collect();
    match name.trim_start_matches('.') {
        "" => "page".to_string(),
        name => name.to_string(),
    }
}

/// One page of the text, or several where it is too long. An empty one is a blank page.
fn pages(text: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_end().lines() {
        let line = printable(line.trim_end(), usize::MAX);
        let before = lines.len();
        // Printable ASCII: a byte is a character.
        let pieces = line.as_bytes().chunks(COLUMNS);
        lines.extend(pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()));
        if lines.len() == before {
            lines.push(String::new());
        }
    }
    match lines.is_empty() {
        true => vec![Vec::new()],
        false => lines.chunks(LINES).map(<[_]>::to_vec).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(text: &str) -> Job {
        Job::new("sheet", text, None).expect("no secret")
    }

    #[test]
    fn form_feeds_part_pages_and_long_pages_go_on() {
        assert_eq!(
            job("a\n\nb\n\u{c}c\n").pages(),
            [vec!["a", "", "b"], vec!["c"]]
        );
        let long = "x\n".repeat(LINES + 1);
        let lines: Vec<usize> = job(&long).pages().iter().map(Vec::len).collect();
        assert_eq!(lines, [LINES, 1]);
        assert_eq!(job("").pages(), [Vec::<String>::new()]);
    }

    #[test]
    fn what_goes_in_comes_out_and_has_its_digest() {
        let text = "one\n  two\n\u{c}three\n";
        assert_eq!(job(text).text(), text);
        assert_eq!(job(text).digest(), Digest::of(text.as_bytes()));
    }

    #[test]
    fn a_name_is_a_file_s() {
        for (name, plain) in [
            ("../a b", "-a-b"),
            ("", "page"),
            ("..", "page"),
            ("a.txt", "a.txt"),
        ] {
            assert_eq!(file_name(name), plain, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_moves_the_printer(text: String) {
            if let Ok(job) = Job::new(&text, &text, None) {
                prop_assert!(!job.pages().is_empty());
                for page in job.pages() {
                    prop_assert!(page.len() <= LINES);
                    for line in page {
                        prop_assert!(line.len() <= COLUMNS);
                        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                    }
                }
                prop_assert!(!job.name().contains('/') && !job.name().starts_with('.'));
            }
        }
    }
}
