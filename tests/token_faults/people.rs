//! The two people: they answer as the page asks, with their own tokens and PINs, except where a
//! cue says otherwise. Whatever was pulled is plugged in again when the screen waits for it.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;

use ceremony::edge::paper::Paper;
use ceremony::edge::players::{Pace, Players};
use ceremony::edge::{Terminal, TerminalError};
use ceremony::plan::Operator;
use ceremony::record::value::Decision;
use ceremony::screen::{Asks, Page, Question, Reply, SecretPage};
use ceremony::secret::SecretText;

use crate::desk::{ALICE, ALICES_PIN, ALICES_PUK, BOB, BOBS_PIN, BOBS_PUK};

/// Nobody is asked more than this: the program would go round in a circle.
const PATIENCE: usize = 400;

/// What is done once, at the next question of this kind.
pub type Cue<'a> = (Asks, Box<dyn FnMut() -> Reply + 'a>);

/// An operator.
#[derive(Clone, Copy)]
pub struct Person {
    pub serial: u32,
    pub pin: &'static str,
    pub puk: &'static str,
    /// Signs with a YubiKey where there is a choice.
    pub token: bool,
}

/// See the module.
pub struct People<'a> {
    pub persons: [Person; 2],
    cues: Vec<Cue<'a>>,
    back: Option<Box<dyn FnMut() + 'a>>,
    until_step: Option<usize>,
    closes_at: Option<usize>,
}

impl<'a> People<'a> {
    /// Both with YubiKeys.
    pub fn new() -> People<'a> {
        let person = |serial, pin, puk| Person {
            serial,
            pin,
            puk,
            token: true,
        };
        People {
            persons: [
                person(ALICE, ALICES_PIN, ALICES_PUK),
                person(BOB, BOBS_PIN, BOBS_PUK),
            ],
            cues: Vec::new(),
            back: None,
            until_step: None,
            closes_at: None,
        }
    }

    /// Only A has a YubiKey; B chooses a passphrase.
    pub fn one_token() -> People<'a> {
        let mut people = People::new();
        people.persons[1].token = false;
        people
    }

    /// Something else than the answer, once, in this order.
    pub fn cue(mut self, asks: Asks, reply: impl FnMut() -> Reply + 'a) -> People<'a> {
        self.cues.push((asks, Box::new(reply)));
        self
    }

    /// Types this once.
    pub fn types(self, asks: Asks, text: &'static str) -> People<'a> {
        self.cue(asks, move || line(text))
    }

    /// Types this once, unseen.
    pub fn types_unseen(self, asks: Asks, text: &'static str) -> People<'a> {
        self.cue(asks, move || secret(text))
    }

    /// What both decide at the next exception.
    pub fn decide(self, decision: Decision) -> People<'a> {
        self.cue(Asks::Decide, move || line(decision.word()))
    }

    /// Done whenever the screen waits for a token, before the answer.
    pub fn puts_back(mut self, back: impl FnMut() + 'a) -> People<'a> {
        self.back = Some(Box::new(back));
        self
    }

    /// The terminal is closed when a page of this step (from 1) comes.
    pub fn until_step(mut self, step: usize) -> People<'a> {
        self.until_step = Some(step);
        self
    }

    /// The terminal is closed at this question, counted from 0.
    pub fn closes_at(mut self, question: usize) -> People<'a> {
        self.closes_at = Some(question);
        self
    }

    fn answer(&mut self, question: &Question) -> Option<Reply> {
        let no_passphrase = match &question.asks {
            Asks::NewPassphrase(operator) => self.persons[operator.index()].token,
            _ => false,
        };
        let waits = matches!(
            question.asks,
            Asks::TokenReady(_) | Asks::Serial(_) | Asks::Decide
        ) || no_passphrase;
        if let (true, Some(back)) = (waits, &mut self.back) {
            back();
        }
        if let Some(at) = self
            .cues
            .iter()
            .position(|(asks, _)| *asks == question.asks)
        {
            return Some(self.cues.remove(at).1());
        }
        let person = |operator: &Operator| self.persons[operator.index()];
        Some(match &question.asks {
            Asks::Means(o) => line(if person(o).token { "token" } else { "file" }),
            Asks::Serial(o) => Reply::Line(person(o).serial.to_string()),
            Asks::NewPin(o) | Asks::SamePin(o) | Asks::Pin(o) => secret(person(o).pin),
            Asks::NewPuk(o) | Asks::SamePuk(o) => secret(person(o).puk),
            Asks::LastTry(_) | Asks::TokenReady(_) => line(""),
            Asks::Decide => line(Decision::TryAgain.word()),
            // Whoever has a YubiKey was not seen to have one, and looks again.
            Asks::NewPassphrase(_) if no_passphrase => secret(""),
            _ => return None,
        })
    }
}

pub fn line(text: &str) -> Reply {
    Reply::Line(text.to_string())
}

pub fn secret(text: &str) -> Reply {
    Reply::Secret(SecretText::from_string(text.to_string()))
}

/// The terminal they sit at: the players of automatic rehearsals for everything that has nothing
/// to do with tokens, and a line that can be cut.
pub struct Gate<'a> {
    players: Players<'a>,
    until_step: Option<usize>,
    closes_at: Option<usize>,
    /// Questions asked, and cues that are left.
    counts: Rc<Cell<(usize, usize)>>,
    said: usize,
}

struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> Gate<'a> {
    pub fn new(
        paper: Paper,
        mut people: People<'a>,
        shown: Rc<RefCell<Vec<u8>>>,
        counts: Rc<Cell<(usize, usize)>>,
    ) -> Gate<'a> {
        let (until_step, closes_at) = (people.until_step, people.closes_at);
        counts.set((0, people.cues.len()));
        let left = Rc::clone(&counts);
        let meddle = move |question: &Question, _: &mut Paper| {
            let reply = people.answer(question);
            left.set((left.get().0, people.cues.len()));
            reply
        };
        let players = Players::new(paper, Box::new(Sink(shown)), Pace::Fast);
        Gate {
            players: players.meddled(Box::new(meddle)),
            until_step,
            closes_at,
            counts,
            said: 0,
        }
    }

    pub fn into_paper(self) -> Paper {
        self.players.into_paper()
    }

    fn fits(&mut self, line: &str) {
        assert!(line.chars().count() <= 78, "too wide: {line}");

        self.said += 1;
        assert!(self.said < 10 * PATIENCE, "round in a circle: {line}");
    }
}

impl Terminal for Gate<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        if self.until_step.is_some_and(|step| page.place.step >= step) {
            return Err(TerminalError::Closed);
        }
        page.body.iter().for_each(|line| self.fits(line));
        self.players.page(page)
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.fits(line);
        self.players.say(line)
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        let (asked, left) = self.counts.get();
        assert!(asked < PATIENCE, "round in a circle: {}", question.prompt);
        if self.closes_at == Some(asked) {
            return Err(TerminalError::Closed);
        }
        self.counts.set((asked + 1, left));
        self.players.ask(question)
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        self.players.secret(page)
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.players.work(label)
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        self.players.work_done()
    }
}
