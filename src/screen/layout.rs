//! Lays pages out as plain lines for 80 columns.

use super::{Page, Place, WIDTH};
use crate::secret::SecretText;

/// The widest line: two columns are left free, so that no terminal wraps it.
pub const LINE: usize = WIDTH - 2;

/// Breaks text into lines of at most [`LINE`] columns, at blanks.
pub fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LINE {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Wraps several paragraphs, an empty line between each two.
pub fn paragraphs(texts: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            lines.push(String::new());
        }
        lines.extend(wrap(text));
    }
    lines
}

/// A body with more lines than this gets a shorter header, so that the page still fits.
const TALL: usize = 14;

/// A page as lines, header first.
pub fn page(page: &Page) -> Vec<String> {
    let tall = page.body.len() > TALL;
    let mut lines = Vec::new();
    if !tall {
        lines.push(String::new());
        lines.push("=".repeat(LINE));
    }
    lines.extend(header(&page.place, &page.who.label()));
    lines.push(page.title.clone());
    if !tall {
        lines.push(String::new());
    }
    lines.extend(page.body.iter().cloned());
    if !tall {
        lines.push(String::new());
    }
    lines
}

fn header(place: &Place, who: &str) -> Vec<String> {
    let rehearsal = if place.rehearsal { "REHEARSAL" } else { "" };
    let step = match place.step {
        0 => "before the first step".to_string(),
        n => format!(
            "step {n} of {}, {} min left",
            place.steps, place.minutes_left
        ),
    };
    let now = format!("now: {who}");
    vec![
        spread(&place.plan, rehearsal, &step),
        spread(&place.phase, "", &now),
        "-".repeat(LINE),
    ]
}

/// Left, middle and right on one line; the middle gives way, then the left is cut.
fn spread(left: &str, middle: &str, right: &str) -> String {
    let wide = |text: &str| text.chars().count();
    let room = LINE.saturating_sub(wide(right) + wide(middle) + 4);
    let left: String = left.chars().take(room).collect();
    let gap = LINE.saturating_sub(wide(&left) + wide(middle) + wide(right));
    let before = gap / 2;
    format!(
        "{left}{}{middle}{}{right}",
        " ".repeat(before),
        " ".repeat(gap - before)
    )
}

/// Numbered words, four to a row. For words that are not secret.
pub fn numbered<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let words: Vec<&str> = words.into_iter().collect();
    let cell = |(at, word): (usize, &&str)| format!("{:>3}. {word:<13}", at + 1);
    let cells: Vec<String> = words.iter().enumerate().map(cell).collect();
    cells
        .chunks(4)
        .map(|row| row.join(" ").trim_end().to_string())
        .collect()
}

/// Secret words, numbered, three to a row, built in place.
pub fn secret_words(words: &SecretText) -> SecretText {
    let mut out = SecretText::with_capacity(2048);
    for (at, word) in words.expose().split(' ').enumerate() {
        out.push_str("   ");
        let number = at + 1;
        out.push_str(if number < 10 { " " } else { "" });
        out.push_str(&number.to_string());
        out.push_str(".  ");
        out.push_str(word);
        let last = (at + 1) % 3 == 0;
        out.push_str(if last {
            "\n\n"
        } else {
            &"                "[word.len().min(15)..]
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Page, Who};
    use super::*;

    #[test]
    fn a_header_names_who_acts_and_never_exceeds_the_width() {
        let place = Place {
            plan: "A very long title of a plan that goes on and on and on until it is cut".into(),
            step: 3,
            steps: 14,
            phase: "1 Before we start".into(),
            minutes_left: 44,
            rehearsal: true,
        };
        let lines = page(&Page {
            place,
            who: Who::Both,
            title: "Title".into(),
            body: vec![],
        });
        let text = lines.join("\n");
        assert!(text.contains("BOTH OPERATORS") && text.contains("REHEARSAL"));
        assert!(text.contains("step 3 of 14, 44 min left"));
        assert!(
            lines.iter().all(|line| line.chars().count() <= LINE),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word(text in "[a-z]{1,20}( [a-z]{1,20}){0,40}") {
            let lines = wrap(&text);
            prop_assert!(lines.iter().all(|line| line.len() <= LINE));
            prop_assert_eq!(lines.join(" "), text);
        }
    }
}
