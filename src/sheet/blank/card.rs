//! Cards for the words of shares. They are blank, and stay so until a custodian writes by hand.

use super::{About, Table};
use crate::backup::quorum::Custodian;
use crate::plan::BackupSpec;
use crate::plan::checklist::{WIDTH, rule, wrap};
use crate::sheet::Lines;

/// Words of a card, and boxes side by side: the screen shows three to a row as well.
const WORDS: usize = 12;
const ACROSS: [usize; 3] = [25, 25, 24];

/// Lines of a box, 18 mm on A4: a word in capitals, by any hand.
const HIGH: usize = 4;

/// What is known of a card before anybody writes on it.
struct Card {
    custodian: String,
    half: String,
}

/// A card for each custodian of the plan, two for an absent one; one that fits anybody where no
/// plan is given. `None` if the plan has no shares.
pub fn share_cards(about: &About<'_>) -> Option<Lines> {
    let backup = match about.plan {
        None => None,
        Some(plan) => Some(plan.backup.as_ref()?),
    };
    let cards = backup.map_or_else(|| vec![any()], of_plan);
    let bodies = cards.iter().map(|card| body(card, backup)).collect();
    Some(about.pages("Share card", bodies))
}

fn any() -> Card {
    Card {
        custodian: String::new(),
        half: "[ ] whole share\n[ ] half 1, by A\n[ ] half 2, by B".to_string(),
    }
}

fn of_plan(backup: &BackupSpec) -> Vec<Card> {
    let of = |custodian: &Custodian, half: &str| Card {
        custodian: custodian.to_string(),
        half: half.to_string(),
    };
    let cards = |custodian| match backup.absent.contains(custodian) {
        true => vec![
            of(custodian, "half 1 of 2, by A"),
            of(custodian, "half 2 of 2, by B"),
        ],
        false => vec![of(custodian, "the whole share")],
    };
    backup.custodians.iter().flat_map(cards).collect()
}

fn body(card: &Card, backup: Option<&BackupSpec>) -> Vec<String> {
    let mut lines = vec!["SHARE CARD".to_string(), rule('=')];
    lines.extend(wrap(WRITE, WIDTH));
    lines.push(String::new());
    let third = Table(&ACROSS);
    lines.push(third.border());
    let labels = [
        format!("Custodian\n{}", card.custodian),
        format!("Which part\n{}", card.half),
    ];
    lines.extend(third.row(&[&labels[0], &labels[1], "Date (UTC)"], HIGH));
    lines.push(String::new());
    lines.push(third.border());
    for row in 0..WORDS / ACROSS.len() {
        let numbers: Vec<String> = (1..=ACROSS.len())
            .map(|column| (row * ACROSS.len() + column).to_string())
            .collect();
        let cells: Vec<&str> = numbers.iter().map(String::as_str).collect();
        lines.extend(third.row(&cells, HIGH));
    }
    lines.push(String::new());
    lines.push(third.border());
    lines.extend(third.row(
        &["Seal number", "Written by, initials", "Typed back (tick)"],
        3,
    ));
    lines.push(String::new());
    lines.extend(wrap(&if_lost(card, backup), WIDTH));
    lines
}

const WRITE: &str = "Words are never printed. Write them here by hand, in clear letters, as the \
    screen shows them. Nobody else looks: no person, no camera. Write them nowhere else and say \
    them to nobody. Fold the card, words inside, and seal it in an envelope of its own.";

fn if_lost(card: &Card, backup: Option<&BackupSpec>) -> String {
    let mut text = String::new();
    if card.half.starts_with("half") {
        text.push_str("This is half a share; whoever has it must not have the other half. ");
    }
    text.push_str(
        "Lost, or seen by somebody else? Tell both operators the same day: only a new ceremony \
         with new cards makes it good.",
    );
    if let Some(backup) = backup {
        let people: Vec<String> = backup.custodians.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            " The shares of any {} of {} open the backup; fewer open nothing.",
            backup.threshold,
            people.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load_carried;

    fn cards(plan: Option<&str>) -> Option<String> {
        let plan = plan.map(|name| load_carried(name).expect("carried").expect("good"));
        let about = About {
            ceremony_id: None,
            rehearsal: false,
            plan: plan.as_ref(),
        };
        share_cards(&about).map(|cards| cards.text())
    }

    #[test]
    fn every_custodian_has_a_card_and_an_absent_one_two() {
        let text = cards(Some("backup-key")).expect("it has shares");
        let pages: Vec<&str> = text.split('\u{c}').collect();
        assert_eq!(pages.len(), 4);
        for (page, (who, part)) in pages.iter().zip([
            ("| A  ", "the whole share"),
            ("| B  ", "the whole share"),
            ("| C  ", "half 1 of 2, by A"),
            ("| C  ", "half 2 of 2, by B"),
        ]) {
            assert!(page.contains(who) && page.contains(part), "{page}");
            assert!(page.contains("any 2 of A, B, C"), "{page}");
        }
        assert_eq!(cards(Some("open")), None);
    }

    #[test]
    fn twelve_boxes_are_numbered_as_the_screen_does_and_empty() {
        let text = cards(None).expect("a card for anybody");
        let rows: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("| ") && line.contains(|c: char| c.is_ascii_digit()))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.contains("half"))
            .collect();
        let expected = [
            "| 1 | 2 | 3 |",
            "| 4 | 5 | 6 |",
            "| 7 | 8 | 9 |",
            "| 10 | 11 | 12 |",
        ];
        assert_eq!(rows, expected, "{text}");
        let empty = format!("|{:25}|{:25}|{:24}|\n", "", "", "").repeat(HIGH - 1);
        assert_eq!(text.matches(&empty).count(), expected.len(), "{text}");
    }
}
