//! The recovery sheets: a backup's encrypted files as codes and rows, and how to put them together.
//!
//! They are made from a [`Backup`], which takes nothing but encrypted files.

mod pdf;
mod text;

use super::{Paper, escape, sheet_code};
use crate::paper::Backup;

/// The pages of one backup.
pub struct RecoverySheets {
    backup: Backup,
    sheet_code: String,
    /// `RECOVERY.txt`, if it lies beside the files: lines of at most 78 printable characters.
    instructions: Vec<String>,
}

impl RecoverySheets {
    /// Takes the backup, and `RECOVERY.txt` for the last pages.
    pub fn new(backup: Backup, instructions: Option<&str>) -> RecoverySheets {
        RecoverySheets {
            sheet_code: sheet_code(&backup.id, &backup.identity()),
            instructions: instructions.map(printable).unwrap_or_default(),
            backup,
        }
    }

    /// The rows and commands in ASCII: pages of at most 60 lines of at most 78 columns, LF, a form
    /// feed between two. No codes: made of printed letters, they are too pale to be scanned.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// All pages as a PDF file; the same backup always gives the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        pdf::render(self, paper)
    }
}

fn printable(text: &str) -> Vec<String> {
    const COLUMNS: usize = 78;
    let mut lines = Vec::new();
    for line in text.lines() {
        let shown: String = line
            .chars()
            .map(|c| match c {
                // Commands have backslashes, and are typed as they stand.
                '\\' => c.to_string(),
                _ => escape(c),
            })
            .collect();
        let pieces = shown.as_bytes().chunks(COLUMNS);
        let pieces = pieces.map(|piece| String::from_utf8_lossy(piece).into_owned());
        let before = lines.len();
        lines.extend(pieces);
        if lines.len() == before {
            lines.push(String::new());
        }
    }
    lines
}

const TITLE: &str = "Recovery sheet";

/// What a page is for, by its group.
fn subject(folder: &str) -> &'static str {
    match folder {
        "" => "the secret key, encrypted",
        _ => "the revocation certificate, encrypted",
    }
}

/// A row with its number and its check set off from the groups.
fn apart(row: &str) -> String {
    let parts = row.split_once(' ').zip(row.rsplit_once(' '));
    let ((number, _), (before, check)) =
        parts.expect("number, groups and check have blanks between");
    let groups = &before[number.len() + 1..];
    format!("{number:>4} {groups}  {check}")
}

const INSTRUCTIONS: &str = "how to open the files, once they are put together";

/// How codes become files. Lines that begin with four blanks are typed as they stand.
fn scanned(folder: &str) -> Vec<String> {
    let lines = [
        "From scans of these pages at 300 dpi, page-1.png and so on:",
        "    mkdir -p revocation",
        "    zbarimg -q --raw -Sdisable -Sqrcode.enable page-*.png |",
        "      awk '/^CEREMONY-PAPER 1/ { close(f); split($5, p, \"/\")",
        "           f = sprintf(\"%s.%02d\", $4, p[1]); next } { print > f }'",
        "    for f in FOLDER*.01; do cat \"${f%01}\"?? > \"${f%.01}\"; done",
        "    sha256sum -c FOLDERSHA256SUMS",
    ];
    lines
        .iter()
        .map(|line| line.replace("FOLDER", folder))
        .collect()
}

/// How rows become a file.
fn typed(folder: &str) -> Vec<String> {
    let lines = [
        "From rows, typed file by file into rows.txt:",
        "    awk '/^ *[0-9]/ { $1 = $NF = \"\"; print }' rows.txt |",
        "      tr -d ' \\n' | base32 -d > FOLDERpayload.asc",
        "The name is in the FILE line, and how its sha256sum begins.",
        "A row ends with its check. To have rows and scans checked:",
        "ceremony restore-paper FILES -o DIR, the line CEREMONY with",
        "the id first. Then go on with RECOVERY.txt (last pages).",
    ];
    lines
        .iter()
        .map(|line| line.replace("FOLDER", folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_cannot_move_what_is_printed() {
        assert_eq!(printable("a\\\n\n\u{1b}[2J"), ["a\\", "", "\\u{1b}[2J"]);
        assert_eq!(
            printable(&"x".repeat(79)),
            ["x".repeat(78), "x".to_string()]
        );
    }

    #[test]
    fn commands_fit_their_columns() {
        for folder in ["", "revocation/"] {
            assert!(scanned(folder).iter().all(|line| line.len() <= 67));
            assert!(typed(folder).iter().all(|line| line.len() <= 60));
        }
    }
}
