//! People at a terminal, as a list of cues: what each does at a question, and what is done to the
//! world meanwhile.

use std::collections::VecDeque;

use ceremony::edge::{Terminal, TerminalError};
use ceremony::plan::Operator;
use ceremony::screen::{Asks, Page, Question, Reply, SecretPage};

use super::text;

/// What a person does at a question, and what is done to the world meanwhile.
pub type Cue<'a> = (Asks, Box<dyn FnMut() -> Reply + 'a>);

/// Answers by the cues, in order, and keeps all that is said and asked.
pub struct People<'a> {
    pub cues: VecDeque<Cue<'a>>,
    pub said: Vec<String>,
}

impl<'a> People<'a> {
    pub fn new(cues: Vec<Cue<'a>>) -> People<'a> {
        People {
            cues: cues.into(),
            said: Vec::new(),
        }
    }

    pub fn heard(&self, part: &str) -> bool {
        self.said.iter().any(|line| line.contains(part))
    }
}

impl Terminal for People<'_> {
    fn page(&mut self, _: &Page) -> Result<(), TerminalError> {
        panic!("a key needs no page of its own")
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        assert!(line.len() <= 100, "{line}");
        self.said.push(line.to_string());
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        self.said.push(question.prompt.clone());
        let Some((asks, mut reply)) = self.cues.pop_front() else {
            panic!("nobody expected: {:#?}", self.said);
        };
        assert_eq!(asks, question.asks, "{:#?}", self.said);
        Ok(reply())
    }

    fn secret(&mut self, _: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        panic!("a key shows no secret")
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.said.push(label.to_string());
        Ok(())
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}

pub fn pin<'a>(typed: &'static str) -> Cue<'a> {
    let reply = move || Reply::Secret(text(typed));
    (Asks::Pin(Operator::A), Box::new(reply))
}

pub fn line<'a>(asks: fn(Operator) -> Asks, typed: &'static str) -> Cue<'a> {
    let reply = move || Reply::Line(typed.to_string());
    (asks(Operator::A), Box::new(reply))
}

pub fn ready<'a>(mut meanwhile: impl FnMut() + 'a) -> Cue<'a> {
    let reply = move || {
        meanwhile();
        Reply::Line(String::new())
    };
    (Asks::TokenReady(Operator::A), Box::new(reply))
}

pub fn stops<'a>(asks: fn(Operator) -> Asks) -> Cue<'a> {
    (asks(Operator::A), Box::new(|| Reply::Exception))
}
