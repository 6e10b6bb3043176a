//! The menu's pages: what people choose there, by its text and not by its number.

use std::collections::VecDeque;

use crate::pty_support::{Asked, on_screen};

/// The pages on which something is chosen that depends on what is to be done.
const PAGES: [&str; 5] = [
    "What do you want to do?",
    "Which ceremony?",
    "Local facts",
    "Switch off now?",
    "Which record?",
];

/// What is chosen, page after page.
#[derive(Default)]
pub struct Menu(VecDeque<(&'static str, &'static str)>);

impl Menu {
    /// The choices, each with the beginning of its page's title; they are made in this order.
    pub fn of(choices: &[(&'static str, &'static str)]) -> Menu {
        Menu(choices.iter().copied().collect())
    }

    /// Whether all was chosen.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// What is typed on one of these pages.
    pub fn answer(&mut self, asked: &Asked) -> Option<String> {
        if !PAGES.iter().any(|page| asked.title.starts_with(page)) {
            return None;
        }
        let (title, choice) = self
            .0
            .pop_front()
            .unwrap_or_else(|| panic!("nothing is left to choose at:\n{}", asked.text));
        assert!(asked.title.starts_with(title), "{title}:\n{}", asked.text);
        Some(number_of(asked, choice))
    }
}

/// The number before the choice whose text begins with this, in whatever case.
pub fn number_of(asked: &Asked, choice: &str) -> String {
    let page = on_screen(&asked.text);
    let mut numbered = page.lines().filter_map(|line| {
        let (number, text) = line.trim_start().split_once(' ')?;
        number.parse::<u8>().ok()?;
        Some((number, text.trim_start().to_lowercase()))
    });
    let found = numbered.find(|(_, text)| text.starts_with(choice));
    let (number, _) = found.unwrap_or_else(|| panic!("no choice {choice:?}:\n{page}"));
    number.to_string()
}

/// Whether there is such a choice.
pub fn offers(asked: &Asked, choice: &str) -> bool {
    on_screen(&asked.text).lines().any(|line| {
        let text = line.trim_start().split_once("  ");
        text.is_some_and(|(_, text)| text.trim_start().to_lowercase().starts_with(choice))
    })
}
