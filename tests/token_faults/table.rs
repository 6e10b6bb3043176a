//! The fault table: `docs/token-faults.md` holds exactly the rows that the tests saw happen.

use std::collections::BTreeSet;
use std::fs;

use crate::desk::{Sat, project};

const TABLE: &str = "docs/token-faults.md";
/// Names a folder into which each row is written besides, for whoever brings the table up to date.
const COLLECT: &str = "TOKEN_FAULTS_COLLECT";
/// Where the rows come from.
const SOURCES: [&str; 6] = [
    include_str!("enrolment.rs"),
    include_str!("signing.rs"),
    include_str!("pins.rs"),
    include_str!("readers.rs"),
    include_str!("doubts.rs"),
    include_str!("interrupted.rs"),
];

/// One row: the lines were on the screen, and the table says so.
pub fn row(number: &str, fault: &str, sat: &Sat, shown: &[&str], after: &str) {
    sat.shows(shown);
    let quoted: Vec<String> = shown.iter().map(|line| format!("\"{line}\"")).collect();
    let row = format!(
        "| {number} | {fault} | {} | {after} |\n",
        quoted.join("<br>")
    );
    if let Some(folder) = std::env::var_os(COLLECT) {
        fs::write(std::path::Path::new(&folder).join(number), &row).expect("the folder is there");
        return;
    }
    let table = fs::read_to_string(project(TABLE)).expect("the table is there");
    assert!(table.contains(&row), "{TABLE} lacks this row:\n{row}");
}

#[test]
fn each_row_of_the_table_comes_from_a_test() {
    let table = fs::read_to_string(project(TABLE)).expect("the table is there");
    let mut numbers = BTreeSet::new();
    for line in table.lines().filter(|line| line.starts_with("| ")) {
        let number = line.split('|').nth(1).unwrap_or_default().trim();
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        assert!(numbers.insert(number), "{number} stands there twice");
        let quoted = format!("\"{number}\"");
        let from = SOURCES.iter().filter(|source| source.contains(&quoted));
        assert_eq!(from.count(), 1, "{number} comes from one test");
    }
    assert!(numbers.len() > 20, "{numbers:?}");
}
