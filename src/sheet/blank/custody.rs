//! The custody log: a row each time a thing changes hands.

use super::{About, Table};
use crate::plan::checklist::{WIDTH, rule, things_to_keep, wrap};
use crate::sheet::Lines;

const HEADS: [&str; 8] = [
    "What",
    "Serial",
    "Role",
    "Seal no.",
    "From",
    "To",
    "When",
    "Init- ials",
];
const COLUMNS: [usize; 8] = [12, 10, 12, 7, 7, 7, 8, 6];

/// Lines of a row: 9 mm, enough for a hand.
const HIGH: usize = 2;

/// With a plan, what its steps leave on the table; empty rows up to the page's end.
pub fn custody_log(about: &About<'_>) -> Lines {
    let things = about.plan.map(things_to_keep).unwrap_or_default();
    let table = Table(&COLUMNS);
    let mut rows = things.iter().map(|thing| {
        let (what, role) = split(thing);
        table.row(&[what, "", role, "", "", "", "", ""], HIGH)
    });
    let mut bodies = Vec::new();
    loop {
        let mut page = begin(&table);
        let empty = || table.row(&[""; 8], HIGH);
        while page.len() + HIGH < about.room() {
            page.extend(rows.next().unwrap_or_else(empty));
        }
        bodies.push(page);
        if rows.len() == 0 {
            return about.pages("Custody log", bodies);
        }
    }
}

fn begin(table: &Table<'_>) -> Vec<String> {
    let mut lines = vec!["CUSTODY LOG".to_string(), rule('=')];
    lines.extend(wrap(
        "A row each time a thing is handed over or moved: who gave it, who took it, when (UTC). \
         Both initial. A card is named by its seal, never by a word. Strike out what there is not.",
        WIDTH,
    ));
    lines.push(String::new());
    lines.push(table.border());
    lines.extend(table.row(&HEADS, 1));
    lines
}

/// `Medium operator-a` is a medium, in the role of `operator-a`; a card is somebody's.
fn split(thing: &str) -> (&str, &str) {
    thing
        .strip_prefix("Medium ")
        .map(|role| ("Medium", role))
        .or_else(|| thing.split_once(", "))
        .unwrap_or((thing, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load_carried;

    #[test]
    fn everything_that_the_plan_leaves_has_a_row_and_there_are_empty_ones() {
        let plan = load_carried("backup-key").expect("carried").expect("good");
        let about = About {
            ceremony_id: None,
            rehearsal: false,
            plan: Some(&plan),
        };
        let text = custody_log(&about).text();
        for thing in things_to_keep(&plan) {
            let (what, role) = split(&thing);
            let row = |line: &&str| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                cells.len() == 10
                    && what.starts_with(cells[1])
                    && !cells[1].is_empty()
                    && role.starts_with(cells[3])
            };
            assert!(text.lines().filter(row).count() >= 1, "{thing}: {text}");
        }
        let empty = Table(&COLUMNS).row(&[""; 8], HIGH).join("\n");
        assert!(text.contains(&empty), "{text}");
    }
}
