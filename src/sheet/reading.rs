//! What one operator reads from in the call: every second row, and what to say before and after.
//!
//! Nobody in the room reads all rows. Whoever listens hears two voices by turns, and nobody can
//! answer for both operators alone.

use super::Paper;
use super::form::{Form, Item, Part, Prose, Row};
use crate::plan::Operator;

/// What is read aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The fingerprint's words with the extra words of this attempt among them.
    Words {
        /// Which attempt of the call it is, from 1.
        attempt: u32,
    },
    /// The fingerprint's digits and nothing else, for a verifier with stock gpg alone.
    Digits,
}

impl Reading {
    fn item(self) -> Item {
        match self {
            Reading::Words { .. } => Item::Word,
            Reading::Digits => Item::Digits,
        }
    }
}

/// What a reading sheet is made from.
pub struct ReadingFacts {
    /// The ceremony's id. One that begins with `REHEARSAL` makes a rehearsal's sheet, whatever
    /// `rehearsal` says.
    pub ceremony_id: String,
    /// The code on the fingerprint sheet, see [`sheet_code`](super::sheet_code).
    pub sheet_code: String,
    /// Whether it was a rehearsal.
    pub rehearsal: bool,
    /// The time on the sheet, in UTC.
    pub utc: String,
    /// Who reads from it: operator A the odd rows, operator B the even ones.
    pub reader: Operator,
    /// All rows, of both operators, in order: at most four words in each, or five groups of
    /// digits. Only the reader's own come onto the sheet.
    pub rows: Vec<Vec<String>>,
    /// What the rows are.
    pub what: Reading,
}

/// One operator's sheet.
pub struct ReadingSheet(Form);

impl ReadingSheet {
    /// Takes the reader's rows; the other operator's are dropped here.
    pub fn new(facts: ReadingFacts) -> ReadingSheet {
        let letter = facts.reader.letter();
        let title = match facts.what {
            Reading::Words { .. } => format!("Operator {letter} reads: words"),
            Reading::Digits => format!("Operator {letter} reads: digits"),
        };
        let attempt = match facts.what {
            Reading::Words { attempt } => attempt.to_string(),
            Reading::Digits => "any".to_string(),
        };
        let head = [
            ("Sheet code", facts.sheet_code.as_str()),
            ("Time (UTC)", facts.utc.as_str()),
            ("For attempt", attempt.as_str()),
        ];
        let id = Some(facts.ceremony_id.as_str());
        let mut form = Form::new(Prose::Large, &title, id, facts.rehearsal, &head);
        before(&mut form, &facts);
        form.parts.extend(rows(&facts));
        match facts.what {
            Reading::Words { .. } => after_words(&mut form),
            Reading::Digits => after_digits(&mut form, &facts),
        }
        ReadingSheet(form)
    }

    /// The sheet in ASCII: at most 60 lines of at most 78 columns, LF.
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The sheet as a PDF file of one page; the same facts always give the same bytes.
    pub fn pdf(&self, paper: Paper) -> Vec<u8> {
        self.0.pdf(paper)
    }
}

/// The numbers of the rows that `reader` reads, from 1.
fn own(reader: Operator, rows: usize) -> impl Iterator<Item = usize> {
    (1..=rows).filter(move |row| (row - 1) % 2 == reader.index())
}

/// `row 2`, or `rows 1, 3 and 5`.
fn listed(rows: &[usize]) -> String {
    let rows: Vec<_> = rows.iter().map(usize::to_string).collect();
    match rows.split_last() {
        Some((last, [])) => format!("row {last}"),
        Some((last, others)) => format!("rows {} and {last}", others.join(", ")),
        None => "no row".to_string(),
    }
}

fn before(form: &mut Form, facts: &ReadingFacts) {
    let (me, other) = (facts.reader.letter(), facts.reader.other().letter());
    let own = listed(&own(facts.reader, facts.rows.len()).collect::<Vec<_>>());
    form.heading("Before you read");
    if facts.what == Reading::Digits {
        form.say(DIGITS_ONLY);
    }
    form.say(&format!(
        "Say: \"I am operator {me}. I read {own}. Operator {other} reads the others. \
         Type what you hear. Ask for a row again if you are not sure.\""
    ));
    let how: &[&str] = match facts.what {
        Reading::Words { .. } => &HOW_WORDS,
        Reading::Digits => &HOW_DIGITS,
    };
    how.iter().for_each(|paragraph| form.say(paragraph));
    form.heading("What you read");
}

fn rows(facts: &ReadingFacts) -> Vec<Part> {
    let item = facts.what.item();
    let last = facts.rows.len();
    let other = facts.reader.other().letter();
    let row = |row: usize| {
        // Words are named by row and place; groups of digits by their place in the whole.
        let first = match facts.what {
            Reading::Words { .. } => 1,
            Reading::Digits => (row - 1) * item.columns() + 1,
        };
        let then = match last - row {
            0 => "Pause. That was the last row.".to_string(),
            1 => format!("Pause. Operator {other} reads row {last}, the last one."),
            _ => format!("Pause. Operator {other} reads row {}.", row + 1),
        };
        let items = &facts.rows[row - 1];
        Part::Row(Row::new(format!("Row {row}"), first, items, item, then))
    };
    own(facts.reader, last).map(row).collect()
}

fn after_words(form: &mut Form) {
    form.heading("After you have read");
    AFTER_WORDS.iter().for_each(|paragraph| form.say(paragraph));
}

fn after_digits(form: &mut Form, facts: &ReadingFacts) {
    let groups = facts.rows.iter().map(Vec::len).sum::<usize>();
    form.heading("After you have read");
    form.say(&format!(
        "When the verifier says SAME, let the verifier read five groups to you, by their numbers \
         from 1 to {groups}: those that your screen names, or else five that you choose. Write down \
         each number and what you hear, then compare with your fingerprint sheet."
    ));
    form.boxes("Asked for", &["1", "2", "3", "4", "5"]);
    AFTER_DIGITS
        .iter()
        .for_each(|paragraph| form.say(paragraph));
}

const DIGITS_ONLY: &str = "This sheet is for a verifier who does not have the program, only stock gpg. \
    It has no extra words, so it cannot show whether the verifier typed by ear or copied: the \
    record then says \"confirmed without canaries\". With the program, read words instead.";

const HOW_WORDS: [&str; 2] = [
    "Say \"row\" and its number, then its words from left to right, slowly, with a breath between \
     two words. Do not spell them. Pause after each row, until you hear that it is typed.",
    "Do not leave out or explain any word, and add none: three of them do not belong to the \
     fingerprint, and only the verifier's program can tell which. Show this sheet to nobody, and \
     read no row that is not on it.",
];

const HOW_DIGITS: [&str; 1] = [
    "Say \"row\" and its number, then its groups from left to right, one digit after the other: \
     zero, one, two, and Alfa, Bravo, Charlie, Delta, Echo, Foxtrot. Pause after each group, and \
     after each row until you hear that it is typed. Read no row that is not on this sheet.",
];

const AFTER_WORDS: [&str; 3] = [
    "If the verifier names a row, whoever read it reads the whole row again, once; at most two \
     rows in an attempt. Never say which word was wrong, and never answer \"is it the same?\": \
     the verifier's program compares.",
    "Then listen: the verifier reads the three extra words and their places to you. Type what you \
     hear, and go on as the screen says.",
    "DESTROY THIS SHEET after the call, before you leave the room. It is for this attempt only: \
     another attempt has other extra words, and a sheet of its own.",
];

const AFTER_DIGITS: [&str; 2] = [
    "If the verifier says DIFFERENT, both of you read all rows once more. If it says so again, the \
     key is not confirmed. Never answer \"is it the same?\": the verifier's computer compares.",
    "DESTROY THIS SHEET after the call, before you leave the room.",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Fingerprint;
    use crate::words::pgp;

    fn sheet(reader: Operator, rows: Vec<Vec<String>>, what: Reading, id: &str) -> ReadingSheet {
        ReadingSheet::new(ReadingFacts {
            ceremony_id: id.to_string(),
            sheet_code: "31XP".to_string(),
            rehearsal: false,
            utc: "2026-01-02 03:10".to_string(),
            reader,
            rows,
            what,
        })
    }

    fn words(bytes: &[u8]) -> Vec<Vec<String>> {
        let row = |row: Vec<&str>| row.into_iter().map(String::from).collect();
        pgp::rows(bytes).into_iter().map(row).collect()
    }

    fn flowing(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The rows that stand on a sheet: their numbers, and their items with the numbers before.
    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        let row = |line: &str| {
            let mut parts = line.strip_prefix("ROW ")?.split_whitespace();
            let number = parts.next()?.parse().ok()?;
            Some((number, parts.map(String::from).collect()))
        };
        text.lines().filter_map(row).collect()
    }

    #[test]
    fn nothing_of_the_other_operator_s_rows_is_on_a_sheet() {
        let rows: Vec<Vec<String>> = (1..=9)
            .map(|row| (1..=4).map(|at| format!("word{row}x{at}")).collect())
            .collect();
        for (reader, odd) in [(Operator::A, 1), (Operator::B, 0)] {
            let made = sheet(reader, rows.clone(), Reading::Words { attempt: 1 }, "x");
            let pdf = String::from_utf8_lossy(&made.pdf(Paper::A4)).into_owned();
            for text in [made.text(), pdf] {
                for row in 1..=9 {
                    let there = text.contains(&format!("word{row}x"));
                    assert_eq!(there, row % 2 == odd, "{reader:?}, row {row}: {text}");
                }
            }
        }
    }

    #[test]
    fn the_last_row_is_announced_and_named() {
        let rows = || words(&[7; 23]);
        let what = Reading::Words { attempt: 2 };
        let a = sheet(Operator::A, rows(), what, "x").text();
        assert!(a.contains("Operator B reads row 6, the last one."), "{a}");
        assert!(!a.contains("That was the last row."), "{a}");
        assert!(a.contains("For attempt   2\n"), "{a}");
        let b = sheet(Operator::B, rows(), what, "x").text();
        assert!(b.contains("That was the last row."), "{b}");
    }

    #[test]
    fn digits_are_numbered_through_and_say_that_they_are_the_weaker_way() {
        let key = Fingerprint::from_bytes(&[0xab; 32]).expect("32 bytes");
        let rows = key.rows();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 1]);
        let text = sheet(Operator::B, rows, Reading::Digits, "x").text();
        assert!(text.contains("\"confirmed without canaries\""), "{text}");
        assert!(flowing(&text).contains("numbers from 1 to 16:"), "{text}");
        let numbered: Vec<_> = (6..=10)
            .flat_map(|n| [n.to_string(), "ABAB".into()])
            .collect();
        assert_eq!(read(&text)[0], (2, numbered));
        assert_eq!(read(&text)[1], (4, vec!["16".into(), "ABAB".into()]));
    }

    #[test]
    fn a_rehearsal_s_id_is_enough_to_say_so_at_both_ends() {
        let what = Reading::Words { attempt: 1 };
        let text = sheet(Operator::A, words(&[7; 23]), what, "REHEARSAL-x").text();
        assert_eq!(text.matches("R E H E A R S A L").count(), 2, "{text}");
        let real = sheet(Operator::A, words(&[7; 23]), what, "x").text();
        assert!(!real.contains("E H E A"), "{real}");
    }

    proptest! {
        #[test]
        fn each_row_is_on_exactly_one_of_the_two_sheets_whole_and_in_order(
            bytes in prop::collection::vec(any::<u8>(), 1..=35), attempt: u32
        ) {
            let rows = words(&bytes);
            let [a, b] = Operator::ALL.map(|reader| {
                read(&sheet(reader, rows.clone(), Reading::Words { attempt }, "x").text())
            });
            let mut all = [a, b].concat();
            all.sort();
            let numbered = |row: &Vec<String>| {
                let items = row.iter().enumerate();
                items.flat_map(|(at, word)| [(at + 1).to_string(), word.clone()]).collect()
            };
            let expected: Vec<(usize, Vec<String>)> = rows
                .iter()
                .enumerate()
                .map(|(at, row)| (at + 1, numbered(row)))
                .collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn the_text_is_one_page_of_narrow_ascii_whatever_the_facts(
            id: String, rehearsal: bool, v6: bool, b: bool, digits: bool, seed: u8
        ) {
            let bytes: Vec<u8> = (0..if v6 { 35u8 } else { 23 })
                .map(|at| at.wrapping_mul(89).wrapping_add(seed))
                .collect();
            let key = Fingerprint::from_bytes(&bytes[..if v6 { 32 } else { 20 }]);
            let (rows, what) = if digits {
                (key.expect("20 or 32 bytes").rows(), Reading::Digits)
            } else {
                (words(&bytes), Reading::Words { attempt: 2 })
            };
            let reader = Operator::ALL[usize::from(b)];
            let id = if rehearsal { format!("REHEARSAL-{id}") } else { id };
            let text = sheet(reader, rows, what, &id).text();
            prop_assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
            prop_assert!(text.lines().count() <= 60, "{}", text);
            for line in text.lines() {
                prop_assert!(line.len() <= 78 && line.trim_end() == line, "{}", line);
            }
        }
    }
}
