//! The players of an automatic rehearsal: they read the pages that people see, write on their
//! own paper, and answer at the terminal's interface. They exist for demonstrations and tests.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where paper is written"
)]

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::paper::Paper;
use super::printed::Printed;
use super::terminal::{Terminal, TerminalError};
use super::verifier::Verifier;
use crate::plan::Operator;
use crate::record::value::{Decision, Instead, Part};
use crate::screen::{Answer, Asks, CallAsk, Page, Question, Reply, SecretPage, layout};
use crate::secret::SecretText;

/// What a test may put between a question and its answer: `None` lets the player answer.
pub type Meddle<'a> = Box<dyn FnMut(&Question, &mut Paper) -> Option<Reply> + 'a>;

/// How fast the players read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As a person does, so that one can follow.
    Reading,
    /// Without a pause.
    Fast,
}

/// See the module.
pub struct Players<'a> {
    paper: Paper,
    screen: Box<dyn Write + 'a>,
    pace: Pace,
    meddle: Option<Meddle<'a>>,
    last_page: Vec<String>,
    verifier: Option<Verifier<'a>>,
    printed: Option<Printed>,
}

impl<'a> Players<'a> {
    /// Players who write on `paper` and whose screen can be watched at `screen`.
    pub fn new(paper: Paper, screen: Box<dyn Write + 'a>, pace: Pace) -> Players<'a> {
        Players {
            paper,
            screen,
            pace,
            meddle: None,
            last_page: Vec::new(),
            verifier: None,
            printed: None,
        }
    }

    /// Lets a test answer some questions in the players' place.
    pub fn meddled(mut self, meddle: Meddle<'a>) -> Players<'a> {
        self.meddle = Some(meddle);
        self
    }

    /// Somebody at the far end of the telephone.
    pub fn with_verifier(mut self, verifier: Verifier<'a>) -> Players<'a> {
        self.verifier = Some(verifier);
        self
    }

    /// A folder that takes a printer's place: what is in it is what they read from paper.
    pub fn with_printed(mut self, folder: PathBuf) -> Players<'a> {
        self.printed = Some(Printed::new(folder));
        self
    }

    /// The players' paper, for those who go on with it.
    pub fn into_paper(self) -> Paper {
        self.paper
    }

    fn print(&mut self, text: &str) -> Result<(), TerminalError> {
        let written = self
            .screen
            .write_all(text.as_bytes())
            .and_then(|()| self.screen.flush());
        written.map_err(TerminalError::Io)
    }

    fn pause(&self, milliseconds: u64) {
        if self.pace == Pace::Reading {
            std::thread::sleep(Duration::from_millis(milliseconds));
        }
    }

    /// What the player whom it concerns answers.
    fn answer(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        let line = |text: &str| Ok(Reply::Line(text.to_string()));
        match &question.asks {
            // Players have no tokens: an automatic rehearsal signs with files.
            // Nobody is there to touch a token.
            Asks::Means(_) => line("file"),
            Asks::Serial(_)
            | Asks::NewPin(_)
            | Asks::SamePin(_)
            | Asks::NewPuk(_)
            | Asks::SamePuk(_)
            | Asks::Pin(_)
            | Asks::LastTry(_)
            | Asks::TokenReady(_)
            | Asks::NewHalf(..)
            | Asks::SameHalf(..)
            | Asks::Half(..)
            | Asks::KeyTokenSerial
            | Asks::KeyTokenUsed
            | Asks::KeyTokenReady => Ok(Reply::Exception),
            Asks::Done => line(""),
            Asks::ClockRight(operator) | Asks::Agree(operator) => line(&operator.to_string()),
            Asks::Copied(operator) => {
                self.paper.copy_fingerprint(&self.last_page)?;
                line(&operator.to_string())
            }
            Asks::HeadWritten(operator) => {
                self.paper.copy_head(&self.last_page)?;
                line(&operator.to_string())
            }
            Asks::NewPassphrase(operator)
            | Asks::SamePassphrase(operator)
            | Asks::Passphrase(operator) => Ok(Reply::Secret(self.passphrase(*operator))),
            Asks::HexRow(row) => line(&self.paper.hex_row(*row)),
            Asks::WordRow(row) => line(&self.paper.word_row(*row)),
            Asks::ShareWord(custodian, part, at) | Asks::DrillWord(custodian, part, at) => Ok(
                Reply::Secret(self.paper.share_word(custodian.letter(), *part, *at)),
            ),
            Asks::Backup(_) | Asks::WhichStick(_) | Asks::StickFor(_) | Asks::Record(_) => {
                line("1")
            }
            Asks::StickIn(_) => line(""),
            Asks::Erase(operator) => line(&operator.to_string()),
            Asks::Reason => line("to see that it can be done"),
            Asks::Quorum(quorums) => line(self.quorum(quorums)),
            Asks::Cards(custodian) => {
                let halved = self.paper.share(custodian.letter(), Part::First).is_some();
                line(if halved { "2" } else { "1" })
            }
            Asks::WrongWords => line("again"),
            Asks::Seal(_) => line(&self.paper.next_seal()),
            Asks::HeadWords(_) => line(self.paper.head()),
            Asks::Call(CallAsk::SheetWord(_, number)) => line(&self.paper.word(*number)),
            Asks::Call(asks) => {
                let (page, head) = (&self.last_page, self.paper.head());
                let answer = match &mut self.verifier {
                    Some(verifier) => verifier.answer(asks, page, head),
                    None => "failed".to_string(),
                };
                line(&answer)
            }
            // The verifier's own screen is not part of a rehearsal.
            Asks::Far(_) => line(""),
            Asks::Time | Asks::Location => line(""),
            Asks::Expected => line("the rehearsal goes on"),
            Asks::Happened => line("something else"),
            Asks::TestCode => line(&self.read_printed(Printed::code)),
            Asks::PaperRow(_, what) => line(&self.read_printed(|printed| printed.row(what))),
            Asks::Printer => line(Decision::CopyByHand.word()),
            Asks::PrinterPlace => line(""),
            Asks::Instead(_) => line(Instead::LeftOut.word()),
            Asks::Decide | Asks::Device => line(Decision::Abort.word()),
        }
    }

    /// The first quorum whose cards are all on the table.
    fn quorum<'q>(&self, quorums: &'q [String]) -> &'q str {
        let has = |letter| {
            let parts = [Part::Whole, Part::First];
            parts
                .iter()
                .any(|part| self.paper.share(letter, *part).is_some())
        };
        let fits = |quorum: &&String| quorum.chars().all(has);
        quorums.iter().find(fits).map_or("", String::as_str)
    }

    /// What stands on paper, or that there is none.
    fn read_printed(&self, read: impl Fn(&Printed) -> Option<String>) -> String {
        let found = self.printed.as_ref().and_then(read);
        found.unwrap_or_else(|| crate::steps::BAD_PAPER.to_string())
    }

    fn passphrase(&self, operator: Operator) -> SecretText {
        let mut copy = SecretText::with_capacity(256);
        copy.push_str(self.paper.passphrase(operator).expose());
        copy
    }
}

impl Terminal for Players<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        self.last_page = page.body.clone();
        let text = layout::page(page).join("\n");
        self.print(&format!("{text}\n"))?;
        self.pause(
            400 + 60
                * page
                    .body
                    .iter()
                    .map(|l| l.split(' ').count() as u64)
                    .sum::<u64>(),
        );
        Ok(())
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.print(&format!("{line}\n"))?;
        if let (true, Some(verifier)) = (line.starts_with("Confirmed:"), &mut self.verifier) {
            verifier.confirmed()?;
        }
        self.pause(600);
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        let meddled = self
            .meddle
            .as_mut()
            .and_then(|meddle| meddle(question, &mut self.paper));
        let reply = match meddled {
            Some(reply) => reply,
            None => self.answer(question)?,
        };
        if let Answer::Choice(choices) = &question.answer {
            for (at, (_, text)) in choices.iter().enumerate() {
                self.print(&format!("  {}  {text}\n", at + 1))?;
            }
        }
        let shown = match &reply {
            Reply::Line(line) => line.clone(),
            Reply::Secret(_) => "*****".to_string(),
            Reply::Exception => "!".to_string(),
        };
        self.print(&format!("{}: {shown}\n", question.prompt))?;
        self.pause(150);
        Ok(reply)
    }

    fn secret(&mut self, page: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        self.page(&page.page)?;
        self.print("(Twelve words stand here. They are copied to the card, and erased.)\n")?;
        self.paper
            .copy_share(page.custodian.letter(), page.part, page.words)?;
        self.pause(1500);
        Ok(Reply::Line(String::new()))
    }

    fn work(&mut self, label: &str) -> Result<(), TerminalError> {
        self.print(&format!("{label} ...\n"))
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}
