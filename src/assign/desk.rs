//! The two people at the terminal, before there is a record that an exception could go into.

use super::{AssignError, Done};
use crate::edge::Terminal;
use crate::plan::Operator;
use crate::screen::{Answer, Asks, Page, Place, Question, Reply, Who, layout};

/// See the module.
pub struct Desk<'d> {
    terminal: &'d mut dyn Terminal,
    place: Place,
    /// Whether one may leave: not in the middle of a ceremony.
    may_leave: bool,
}

impl<'d> Desk<'d> {
    /// Before a ceremony.
    pub fn before(terminal: &'d mut dyn Terminal, plan: &str) -> Desk<'d> {
        let place = Place {
            plan: plan.to_string(),
            ..Place::default()
        };
        Desk {
            terminal,
            place,
            may_leave: true,
        }
    }

    /// In the middle of one.
    pub fn within(terminal: &'d mut dyn Terminal, place: Place) -> Desk<'d> {
        Desk {
            terminal,
            place,
            may_leave: false,
        }
    }

    pub(crate) fn page(&mut self, title: &str, body: Vec<String>) -> Done<()> {
        Ok(self.terminal.page(&Page {
            place: self.place.clone(),
            who: Who::Both,
            title: title.to_string(),
            body,
        })?)
    }

    pub(crate) fn say(&mut self, text: &str) -> Done<()> {
        for line in layout::wrap(text) {
            self.terminal.say(&line)?;
        }
        Ok(())
    }

    pub(crate) fn work(&mut self, label: &str) -> Done<()> {
        Ok(self.terminal.work(label)?)
    }

    pub(crate) fn work_done(&mut self) -> Done<()> {
        Ok(self.terminal.work_done()?)
    }

    /// A line. `!` leaves, where one may: nothing is recorded yet.
    fn ask(&mut self, who: Who, asks: Asks, prompt: &str, answer: Answer) -> Done<String> {
        let prompt = prompt.to_string();
        let question = Question {
            who,
            asks,
            prompt,
            answer,
        };
        loop {
            match self.terminal.ask(&question)? {
                Reply::Line(line) => return Ok(line.trim().to_string()),
                Reply::Exception if self.may_leave => {
                    self.say("Nothing is recorded yet.")?;
                    let stay = self.stays()?;
                    if !stay {
                        return Err(AssignError::Left);
                    }
                }
                _ => self.say("Answer this first: the ceremony needs a stick here.")?,
            }
        }
    }

    fn stays(&mut self) -> Done<bool> {
        let question = Question {
            who: Who::Both,
            asks: Asks::Decide,
            prompt: "What do you do".to_string(),
            answer: Answer::Choice(vec![
                ("leave", "leave, and start again later".to_string()),
                ("stay", "go on here".to_string()),
            ]),
        };
        loop {
            if let Reply::Line(line) = self.terminal.ask(&question)? {
                match line.trim() {
                    "1" | "leave" | "abort" => return Ok(false),
                    "2" | "stay" => return Ok(true),
                    _ => self.say("Please type one of the numbers.")?,
                }
            }
        }
    }

    pub(crate) fn enter(&mut self, asks: Asks, prompt: &str) -> Done<()> {
        self.ask(Who::Both, asks, prompt, Answer::Enter).map(drop)
    }

    /// A line as it was typed, without blanks around it.
    pub(crate) fn line(&mut self, asks: Asks, prompt: &str) -> Done<String> {
        self.ask(Who::Both, asks, prompt, Answer::Line)
    }

    /// A number from 1 to `count`, counted from 0 on return.
    pub(crate) fn number(&mut self, asks: Asks, prompt: &str, count: usize) -> Done<usize> {
        loop {
            let typed = self.ask(Who::Both, asks.clone(), prompt, Answer::Line)?;
            match typed.parse::<usize>() {
                Ok(number) if (1..=count).contains(&number) => return Ok(number - 1),
                _ => self.say("Please type one of the numbers.")?,
            }
        }
    }

    pub(crate) fn choose(
        &mut self,
        asks: Asks,
        prompt: &str,
        choices: Vec<(&'static str, String)>,
    ) -> Done<&'static str> {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        let answer = Answer::Choice(choices);
        loop {
            let typed = self.ask(Who::Both, asks.clone(), prompt, answer.clone())?;
            let number = typed.parse::<usize>().ok();
            let numbered = number.and_then(|number| words.get(number.wrapping_sub(1)));
            let named = words.iter().find(|word| **word == typed);
            match numbered.or(named) {
                Some(word) => return Ok(word),
                None => self.say("Please type one of the numbers.")?,
            }
        }
    }

    /// Each operator answers by typing their own letter. Nothing else goes on.
    pub(crate) fn each_agrees(&mut self, what: &str, asks: impl Fn(Operator) -> Asks) -> Done<()> {
        for operator in Operator::ALL {
            let prompt = format!("Operator {operator}: {what}? Type your letter, {operator}");
            let who = Who::Operator(operator);
            while !self
                .ask(who, asks(operator), &prompt, Answer::Line)?
                .eq_ignore_ascii_case(&operator.to_string())
            {
                self.say("Only that letter goes on.")?;
            }
        }
        Ok(())
    }
}
