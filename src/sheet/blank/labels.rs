//! Labels for the media, to be cut out.

use super::{About, Table};
use crate::plan::checklist::wrap;
use crate::role::Role;
use crate::sheet::{Lines, REHEARSAL, escape};

/// Two labels side by side, 88 mm wide.
const ACROSS: [usize; 2] = [38, 37];

/// Lines of a label.
const HIGH: usize = 11;

/// Labels without a role, for spare sticks.
const SPARE: usize = 2;

/// A label for each medium of the plan, all that there are without one, and two more.
pub fn labels(about: &About<'_>) -> Lines {
    let roles = about
        .plan
        .map_or(Role::ALL.to_vec(), |plan| plan.media(&[]));
    let mut all: Vec<String> = roles.iter().map(|role| label(about, role.name())).collect();
    all.extend(vec![label(about, "____________"); SPARE]);
    if !all.len().is_multiple_of(ACROSS.len()) {
        all.push(label(about, "____________"));
    }
    let table = Table(&ACROSS);
    let rows: Vec<&[String]> = all.chunks(ACROSS.len()).collect();
    // Two lines say what to do, one is the first border.
    let on_page = (about.room() - 3) / (HIGH + 1);
    let body = |rows: &[&[String]]| {
        let mut lines = wrap("MEDIA LABELS. Cut along the lines.", ACROSS[0] * 2);
        lines.push(String::new());
        lines.push(table.border());
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            lines.extend(table.row(&cells, HIGH));
        }
        lines
    };
    about.pages("Media labels", rows.chunks(on_page).map(body).collect())
}

/// It is cut off, so it says everything by itself.
fn label(about: &About<'_>, role: &str) -> String {
    let mark = if about.says_rehearsal() {
        REHEARSAL
    } else {
        ""
    };
    let mut lines = vec![format!("Medium    {role:14}{mark}").trim_end().to_string()];
    let blank = "_".repeat(25);
    match about.ceremony_id {
        Some(id) => {
            lines.push("Ceremony".to_string());
            lines.extend(on_two_lines(&id.chars().map(escape).collect::<String>()));
        }
        None => lines.extend([String::new(), format!("Ceremony  {blank}")]),
    }
    for what in ["Serial", "Seal", "Date"] {
        lines.extend([String::new(), format!("{what:10}{blank}")]);
    }
    lines.join("\n")
}

/// An id that is too long for a line is broken before its last part, which people compare. What
/// two lines do not hold is no id that the program made.
fn on_two_lines(id: &str) -> Vec<String> {
    let width = ACROSS[1] - 1;
    let (first, rest) = match id.rfind('-') {
        _ if id.len() <= width => (id, ""),
        Some(at) if at < width => id.split_at(at + 1),
        _ => id.split_at(width),
    };
    let rest = rest.chars().take(width).collect();
    vec![first.to_string(), rest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load_carried;

    #[test]
    fn every_medium_has_a_label_that_says_all_by_itself() {
        for (name, roles) in [
            (None, 6),
            (Some("backup-key"), 6),
            (Some("enrol-operator"), 3),
        ] {
            let plan = name.map(|name| load_carried(name).expect("carried").expect("good"));
            let id = "REHEARSAL-2026-01-02-backup-key-01234567";
            let about = About {
                ceremony_id: Some(id),
                rehearsal: false,
                plan: plan.as_ref(),
            };
            let text = labels(&about).text();
            let count = |what: &str| text.matches(what).count();
            let all = (roles + SPARE).next_multiple_of(ACROSS.len());
            assert_eq!(count("Medium    ____"), all - roles, "{text}");
            for what in [
                "Medium    ",
                "Serial    ____",
                "Seal      ____",
                "Date      ____",
                " REHEARSAL  ",
            ] {
                assert_eq!(count(what), all, "{what}: {text}");
            }
        }
    }
}
