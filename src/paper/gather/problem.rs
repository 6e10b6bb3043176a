//! What was missing or wrong, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::paper::{Mistake, PaperError, REVOCATION};

/// One thing that is missing or wrong. What comes from a file is printable where it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nothing of any paper backup was found.
    Nothing,
    /// More than one ceremony, each with the places where it was found.
    Mixed(BTreeMap<String, BTreeSet<String>>),
    /// A picture without a code that can be read.
    NoCode(String),
    /// A code that is no part of a backup.
    OtherCode(String),
    /// A part that is not whole: where, and why.
    BadPart(String, PaperError),
    /// Two codes say different things about one part of a file.
    Conflict(String, usize),
    /// A line that is no row, or comes before its `CEREMONY` and `FILE`: where.
    Line(String, usize),
    /// A wrong row.
    Row {
        /// The text's name.
        source: String,
        /// The line in it.
        line: usize,
        /// The file it belongs to.
        file: String,
        /// The row, where it says so.
        number: Option<usize>,
        /// What is wrong.
        mistake: Mistake,
    },
    /// Rows that are each right, of a file that is not the one that its `FILE` line says.
    Label(String),
    /// A file that is not whole.
    Missing {
        /// Its name.
        file: String,
        /// How many parts it has; 0 if nobody knows.
        of: usize,
        /// Those that were not found, with the pages they are on, if known.
        parts: Vec<(usize, Option<String>)>,
        /// Rows that were not typed, if others were.
        rows: Vec<usize>,
    },
    /// A whole file that is another one than the list says.
    Hash(String),
    /// The list of a group's files was not found.
    NoList(String),
    /// Nothing of the key's files, or of the revocation certificate's.
    NoGroup(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Nothing => f.write_str("nothing of a paper backup was found"),
            Problem::Mixed(ceremonies) => {
                f.write_str("these are of different ceremonies:")?;
                for (id, sources) in ceremonies {
                    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
                    write!(f, "\n    {id}: {}", sources.join(", "))?;
                }
                Ok(())
            }
            Problem::NoCode(source) => write!(f, "{source}: no code in it can be read"),
            Problem::OtherCode(source) => {
                write!(
                    f,
                    "{source}: a code that belongs to no paper backup is passed over"
                )
            }
            Problem::BadPart(source, error) => write!(f, "{source}: {error}"),
            Problem::Conflict(file, part) => {
                write!(f, "{file}: there are two different parts {part}")
            }
            Problem::Line(source, line) => write!(
                f,
                "{source}, line {line}: neither a row nor a line CEREMONY or FILE as on the sheet"
            ),
            Problem::Row {
                source,
                line,
                file,
                number,
                mistake,
            } => {
                write!(f, "{source}, line {line}: {file}, ")?;
                match number {
                    Some(number) => write!(f, "row {number}: {mistake}"),
                    None => write!(f, "a row: {mistake}"),
                }
            }
            Problem::Label(file) => write!(
                f,
                "{file}: every row fits its check, but the FILE line says another hash"
            ),
            Problem::Missing {
                file,
                of,
                parts,
                rows,
            } => missing(f, file, *of, parts, rows),
            Problem::Hash(file) => write!(f, "{file}: it is not the file that the list says"),
            Problem::NoList(file) => write!(
                f,
                "{file} was not found: whether other files are missing cannot be said"
            ),
            Problem::NoGroup(REVOCATION) => {
                f.write_str("nothing of the revocation certificate was given")
            }
            Problem::NoGroup(_) => f.write_str("nothing of the key itself was given"),
        }
    }
}

fn missing(
    f: &mut fmt::Formatter<'_>,
    file: &str,
    of: usize,
    parts: &[(usize, Option<String>)],
    rows: &[usize],
) -> fmt::Result {
    if of == 0 && rows.is_empty() {
        return write!(f, "{file}: all of it is missing");
    }
    let mut said: Vec<String> = Vec::new();
    for (part, pages) in parts {
        let place = match pages {
            Some(pages) => format!(" (pages {pages})"),
            None => String::new(),
        };
        said.push(format!("part {part} of {of}{place}"));
    }
    if !rows.is_empty() {
        let plural = if rows.len() == 1 { "row" } else { "rows" };
        said.push(format!("{plural} {}", ranges(rows)));
    }
    write!(f, "{file}: missing: {}", said.join(", "))
}

/// 3, 5 to 8, 10.
fn ranges(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let said = runs.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first} to {last}"),
    });
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_follow_each_other_are_said_in_one() {
        assert_eq!(ranges(&[3, 5, 6, 7, 10]), "3, 5 to 7, 10");
    }
}
