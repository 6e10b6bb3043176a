//! The verifier's blank grid: what is written down during the call, in the order of the call.
//!
//! It is made without the key's fingerprint, so it cannot show any of it.

use super::Paper;
use super::form::{Form, Item, Prose};
use crate::plan::Operator;
use crate::words::pgp;

/// Words that do not belong to the fingerprint and are read among its own.
const EXTRAS: usize = 3;

/// A blank grid.
pub struct Grid(Form);

impl Grid {
    /// A grid for a key of that version: 6, or else 4. Without an id it fits any ceremony.
    pub fn new(key_version: u8, ceremony_id: Option<&str>, rehearsal: bool) -> Grid {
        // The bytes of a fingerprint: RFC 9580, section 5.5.4.
        let bytes = if key_version == 6 { 32 } else { 20 };
        let kind = format!("version {}", if bytes == 32 { 6 } else { 4 });
        let mut form = Form::new(
            Prose::Small,
            "The verifier's grid",
            ceremony_id,
            rehearsal,
            &[("For a key of", &kind)],
        );
        form.say(WARNING);
        calls(&mut form);
        read_to_you(&mut form);
        rows(&mut form, bytes);
        answers(&mut form);
        digits(&mut form, bytes);
        form.boxes("Signed", &["name", "signature", "time (UTC)"]);
        Grid(form)
    }

    /// The grid in ASCII: at most 60 lines of at most 78 columns, LF.
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The grid as a PDF file of one page; the same grid always gives the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        self.0.pdf(paper)
    }
}

const WARNING: &str = "You have nothing that shows the fingerprint before you typed it: if you \
    have, put it away. Type what you hear, and copy nothing. What you write here is for yourself. \
    A second attempt has other words, and needs a second page.";

fn calls(form: &mut Form) {
    form.heading("1. Two calls. Only the second confirms: you call the number you held before.");
    form.boxes("Call 1", &["they call: time (UTC)", "who spoke"]);
    form.boxes("Call 2", &["you call: time (UTC)", "number"]);
    form.boxes(
        "Questions",
        &["you asked: right / wrong", "they asked: answered"],
    );
}

fn read_to_you(form: &mut Form) {
    form.heading("2. They read these to you.");
    form.some_boxes("End of the id", &numbers(1, 8), 8);
    form.some_boxes("Sheet code", &numbers(1, 4), 8);
    form.some_boxes("Head words", &numbers(1, 5), 5);
    form.some_boxes("Head words", &numbers(6, 5), 5);
    form.heading("3. Your program shows four words. Read them out.");
    form.some_boxes("Your words", &numbers(1, 4), 4);
}

/// Operator A reads the odd rows, so the verifier hears two voices by turns.
fn rows(form: &mut Form, bytes: usize) {
    form.heading("4. They read rows of words. A reads the odd rows, B the even ones.");
    let mut left = bytes + EXTRAS;
    for row in 1.. {
        let here = left.min(pgp::ROW);
        form.some_boxes(&lead("Row", row), &numbers(1, here), pgp::ROW);
        left -= here;
        if left == 0 {
            break;
        }
    }
}

fn answers(form: &mut Form) {
    form.heading("5. Your program names three extra words. Read each out: row, place, word.");
    form.some_boxes("Extra words", &numbers(1, EXTRAS), EXTRAS);
    form.heading("6. They ask for five places. Read the words there, and note row, place, word.");
    form.some_boxes("Five places", &numbers(1, 5), 5);
    form.heading("7. Result words: they read four, then you read four from your screen.");
    form.some_boxes("You hear", &numbers(1, 4), 4);
    form.some_boxes("You read", &numbers(5, 4), 4);
}

fn digits(form: &mut Form, bytes: usize) {
    form.heading("Only without the program: groups of four digits, instead of 3 to 7.");
    let columns = Item::Digits.columns();
    let groups = bytes / 2;
    for (row, first) in (1..).zip((1..=groups).step_by(columns)) {
        let here = columns.min(groups + 1 - first);
        form.some_boxes(&lead("Digits", row), &numbers(first, here), columns);
    }
}

/// What a row is called, with the operator who reads it.
fn lead(what: &str, row: usize) -> String {
    let reader = Operator::ALL[(row - 1) % 2];
    format!("{what} {row}, {}", reader.letter())
}

fn numbers(first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|n| n.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many boxes stand in the lines that begin so.
    fn boxes(text: &str, lead: &str) -> Vec<usize> {
        let lines = text.lines().filter(|line| line.starts_with(lead));
        lines
            .map(|line| {
                line.split_whitespace()
                    .filter(|part| part.starts_with('_'))
                    .count()
            })
            .collect()
    }

    fn flowing(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn there_is_a_box_for_everything_that_is_said() {
        for (version, rows, last, digits) in [(4, 6, 3, vec![5, 5]), (6, 9, 3, vec![5, 5, 5, 1])] {
            let text = Grid::new(version, None, false).text();
            let mut expected = vec![4; rows];
            expected[rows - 1] = last;
            assert_eq!(boxes(&text, "Row "), expected, "{text}");
            assert_eq!(boxes(&text, "Digits "), digits, "{text}");
            for (lead, count) in [
                ("End of the id", 8),
                ("Sheet code", 4),
                ("Head words", 10),
                ("Your words", 4),
                ("Extra words", 3),
                ("Five places", 5),
                ("You hear", 4),
                ("You read", 4),
            ] {
                assert_eq!(
                    boxes(&text, lead).iter().sum::<usize>(),
                    count,
                    "{lead}: {text}"
                );
            }
            assert!(
                text.contains("Row 1, A") && text.contains("Row 6, B"),
                "{text}"
            );
            assert!(
                flowing(&text).contains("if you have, put it away."),
                "{text}"
            );
        }
    }

    #[test]
    fn it_is_one_page_of_narrow_ascii() {
        let id = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(40));
        for version in [4, 6] {
            for id in [None, Some("2026-01-02-backup-key-01234567"), Some(&*id)] {
                let text = Grid::new(version, id, false).text();
                assert!(text.is_ascii() && text.lines().count() <= 60, "{text}");
                assert!(text.lines().all(|line| line.len() <= 78), "{text}");
                let begins = id.map_or("GRID", |id| &id[..30]);
                assert!(text.contains(begins), "{text}");
                let rehearsal = id.is_some_and(|id| id.starts_with("REHEARSAL"));
                assert_eq!(
                    text.matches("R E H E A R S A L").count(),
                    if rehearsal { 2 } else { 0 }
                );
            }
        }
    }
}
