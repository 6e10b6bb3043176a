//! Columns of plain text.

use super::Run;

/// Blank columns between two.
pub const GAP: usize = 2;

/// A word that is longer than this may be broken: a hash, the name of a file.
const UNBROKEN: usize = 24;

/// Breaks a text at blanks into lines of at most `width` columns; a longer word is cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let blank = usize::from(used > 0);
            let line = lines.last_mut().expect("there is always a last line");
            if used + blank + word.len() <= width {
                line.push_str(&" "[..blank]);
                line.extend(&word);
                used += blank + word.len();
                break;
            }
            if used == 0 {
                line.extend(word.drain(..width));
            }
            lines.push(String::new());
            used = 0;
        }
    }
    lines
}

/// The columns' widths: what each needs if there is room, else at least its longest word.
pub fn widths<'a>(
    heads: &[Vec<Run>],
    rows: impl Iterator<Item = &'a Vec<Vec<Run>>>,
    width: usize,
) -> Vec<usize> {
    let mut wants: Vec<usize> = heads.iter().map(|head| longest(head)).collect();
    let mut needs = wants.clone();
    for cells in rows {
        for (at, cell) in cells.iter().enumerate().take(wants.len()) {
            wants[at] = wants[at].max(longest(cell));
            needs[at] = needs[at].max(longest_word(cell).min(UNBROKEN));
        }
    }
    let room = width.saturating_sub(GAP * (wants.len() - 1));
    let mut widths: Vec<usize> = wants.iter().zip(&needs).map(|(a, b)| *a.min(b)).collect();
    while widths.iter().sum::<usize>() > room {
        // Words are broken where nothing else helps.
        let widest = (0..widths.len()).max_by_key(|at| widths[*at]);
        widths[widest.expect("a table has columns")] -= 1;
    }
    while widths.iter().sum::<usize>() < room {
        let hungry = (0..widths.len()).filter(|at| widths[*at] < wants[*at]);
        // Who would need the most lines gets the next column.
        let Some(at) = hungry.max_by_key(|at| wants[*at] * 1000 / widths[*at].max(1)) else {
            break;
        };
        widths[at] += 1;
    }
    widths
}

fn longest(cell: &[Run]) -> usize {
    let runs = cell
        .iter()
        .map(|run| run.text.chars().count() + run.indent());
    runs.max().unwrap_or_default()
}

fn longest_word(cell: &[Run]) -> usize {
    let words = cell.iter().flat_map(|run| {
        let indent = run.indent();
        run.text
            .split(' ')
            .map(move |word| word.chars().count() + indent)
    });
    words.max().unwrap_or_default()
}

/// The lines of a cell. Where there are several runs, what a line goes on with stands in.
fn cell_lines(cell: &[Run], width: usize) -> Vec<String> {
    const IN: usize = 2;
    let run_lines = |run: &Run| {
        let lines = run.wrapped(width);
        if lines.len() == 1 || cell.len() == 1 || run.theirs || width <= IN {
            return lines;
        }
        let mut lines = run.wrapped(width - IN);
        let more = lines.iter_mut().skip(1);
        more.for_each(|line| line.insert_str(0, &" ".repeat(IN)));
        lines
    };
    cell.iter().flat_map(run_lines).collect()
}

/// A row, as many lines as its tallest cell needs.
pub fn row(cells: &[Vec<Run>], widths: &[usize]) -> Vec<String> {
    let wrapped: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| cell_lines(cell, *width))
        .collect();
    let tallest = wrapped.iter().map(Vec::len).max().unwrap_or_default();
    let line = |at: usize| {
        let mut line = String::new();
        for (cell, width) in wrapped.iter().zip(widths) {
            let text = cell.get(at).map_or("", String::as_str);
            line.push_str(&format!("{text:<width$}{:GAP$}", ""));
        }
        line.trim_end().to_string()
    };
    (0..tallest.max(1)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(text: &str) -> Vec<Run> {
        vec![Run::ours(text.to_string())]
    }

    #[test]
    fn a_column_is_as_wide_as_its_longest_word_where_there_is_room() {
        let heads = [cell("Entry"), cell("What")];
        let rows = [vec![cell("1"), cell(&"word ".repeat(60))]];
        let widths = widths(&heads, rows.iter(), 40);
        assert_eq!(widths, [5, 33]);
        let lines = row(&rows[0], &widths);
        assert_eq!(lines.len(), 300_usize.div_ceil(33 / 5 * 5));
        assert!(lines[0].starts_with("1      word word"), "{lines:?}");
        assert!(lines[1].starts_with("       word word"), "{lines:?}");
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_the_page_and_nothing_is_lost(
            texts in proptest::collection::vec("[a-z]{0,90}( [a-zé]{1,30}){0,9}", 1..8),
            theirs: bool,
        ) {
            let heads: Vec<Vec<Run>> = texts.iter().map(|_| cell("Head")).collect();
            let run = |text: &String| vec![Run { text: text.clone(), theirs }];
            let cells: Vec<Vec<Run>> = texts.iter().map(run).collect();
            let widths = widths(&heads, [&cells].into_iter(), 78);
            let lines = row(&cells, &widths);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= 78), "{:?}", lines);
            let count = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            prop_assert_eq!(count(&lines.concat()), texts.iter().map(|text| count(text)).sum::<usize>());
        }
    }
}
