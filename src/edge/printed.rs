//! What the players of an automatic rehearsal read from printed pages: the files in a folder that takes
//! a printer's place.

use std::path::PathBuf;

use super::files;

pub(super) struct Printed {
    folder: PathBuf,
}

impl Printed {
    pub(super) fn new(folder: PathBuf) -> Printed {
        Printed { folder }
    }

    /// The page of this name that was printed last.
    fn latest(&self, name: &str) -> Option<String> {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let names = std::iter::once(name.to_string()).chain(numbered);
        let paths = names.map(|name| self.folder.join(format!("{name}.txt")));
        let last = paths.take_while(|path| files::is_file(path)).last()?;
        files::read_text(&last).ok()
    }

    /// The check code: the first line with anything in it below the one that announces it.
    pub(super) fn code(&self) -> Option<String> {
        let page = self.latest("test-page")?;
        let mut below = page.lines().skip_while(|line| !line.contains("Check code"));
        below.next()?;
        below.map(inside).find(|code| !code.is_empty())
    }

    /// What is asked for in words: `row 3 of the certificate file's words` or
    /// `the last group of row 17 of payload.asc`.
    pub(super) fn row(&self, what: &str) -> Option<String> {
        let words: Vec<&str> = what.split(' ').collect();
        match words[..] {
            ["row", number, "of", "the", "certificate", ..] => self.words(number.parse().ok()?),
            ["the", "last", "group", "of", "row", number, "of", file] => self.check(number, file),
            _ => None,
        }
    }

    /// A row of the last list of words on the fingerprint sheet.
    fn words(&self, row: usize) -> Option<String> {
        let page = self.latest("fingerprint-sheet")?;
        let mut below = page
            .lines()
            .skip_while(|line| !line.starts_with("The certificate file"));
        let words: Vec<&str> = below.nth(row)?.split_whitespace().collect();
        Some(words.join(" "))
    }

    fn check(&self, number: &str, file: &str) -> Option<String> {
        let pages = self.latest("recovery-sheets")?;
        let begins = format!("FILE {file} ");
        let rows = pages
            .lines()
            .skip_while(|line| !line.starts_with(&begins))
            .skip(1);
        let mut rows = rows.take_while(|line| !line.starts_with("FILE "));
        let row = rows.find(|line| line.split_whitespace().next() == Some(number))?;
        row.split_whitespace().last().map(str::to_string)
    }
}

/// What stands in a numbered line of the frame.
fn inside(line: &str) -> String {
    let between = 5..line.len().saturating_sub(4).max(5);
    line.get(between).unwrap_or_default().trim().to_string()
}
