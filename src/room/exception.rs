//! Exceptions: recorded deviations. None of them skips anything.

use super::{Owed, Room, Stop};
use crate::assign::{self, AssignError, Desk, Purpose};
use crate::edge::{MediaError, MediaFault};
use crate::error::Explain;
use crate::journal::Happening;
use crate::record::event::Event;
use crate::record::value::{Act, Actors, Decision};
use crate::role::Role;
use crate::screen::{Answer, Asks, Question, Reply, Who, layout};

/// The longest text that is taken for what was expected or what happened, in bytes.
const MAX_TEXT: usize = 400;

impl Room<'_> {
    /// An operator typed `!`: both say what was expected, what happened and what to do.
    ///
    /// # Errors
    /// [`Stop::Aborting`] where they decided to abort; otherwise the caller asks again.
    pub fn exception(&mut self) -> Result<(), Stop> {
        self.exception_about(None)
    }

    /// The same, where the machine knows what was expected and what happened.
    pub fn exception_about(&mut self, known: Option<(&str, &str)>) -> Result<(), Stop> {
        if self.state().ended().is_some() {
            return self.say(
                "The record has ended: nothing can be added to it. Write it on an exception \
                 sheet, and go on here.",
            );
        }
        let intro = layout::paragraphs(&[
            "Something is not as it should be. That is allowed: it is written down, both of \
             you sign it, and the ceremony goes on from the same place or is aborted. Nothing \
             is left out.",
            "Do not write names, passphrases or words of a share here.",
        ]);
        self.page(Who::Both, "Exception", intro)?;
        let (expected, happened) = match known {
            Some((expected, happened)) => {
                self.say(&format!("Expected: {expected}"))?;
                self.say(&format!("Happened: {happened}"))?;
                (expected.to_string(), happened.to_string())
            }
            None => (
                self.describe(Asks::Expected, "What did you expect?")?,
                self.describe(Asks::Happened, "What happened instead?")?,
            ),
        };
        let decided = self.decide()?;
        if self.state().entries == 0 {
            return if decided == Decision::Abort {
                Err(Stop::Aborting)
            } else {
                Ok(())
            };
        }
        if decided == Decision::ReplaceDevice {
            self.choose_replacement()?;
        }
        self.record_exception(Owed {
            expected,
            happened,
            decided,
        })
    }

    fn record_exception(&mut self, owed: Owed) -> Result<(), Stop> {
        let Owed {
            expected,
            happened,
            decided,
        } = owed;
        let text = format!("expected: {expected}\nhappened: {happened}\ndecided: {decided}\n");
        let detail = Some(self.detail(&text)?);
        let event = Event::Exception { decided };
        self.record_now(Happening {
            event,
            actors: Actors::both(),
            detail,
        })?;
        if self.state().can_authorise() {
            self.authorise(Act::Exception)?;
        }
        if decided == Decision::Abort {
            Err(Stop::Aborting)
        } else {
            Ok(())
        }
    }

    /// Records what could not be recorded when it happened. A step that counts what is recorded
    /// calls this before it counts: an exception begins the counting anew.
    pub fn settle_owed(&mut self) -> Result<(), Stop> {
        while !self.owed.is_empty() && self.state().awaiting().is_none() {
            let owed = self.owed.remove(0);
            self.record_exception(owed)?;
        }
        Ok(())
    }

    /// Whether an abort was decided, recorded or still to be.
    pub fn is_aborting(&self) -> bool {
        let aborts = |decision: Decision| decision == Decision::Abort;
        self.state()
            .exceptions
            .iter()
            .any(|(_, _, decided)| aborts(*decided))
            || self.owed.iter().any(|owed| aborts(owed.decided))
    }

    /// A medium failed. Both operators put it right, replace it, or abort; the exception is
    /// recorded as soon as the record can be written again.
    pub(super) fn device_failed(&mut self, error: MediaError) -> Result<(), Stop> {
        self.resolve(error).map(drop)
    }

    fn resolve(&mut self, error: MediaError) -> Result<Decision, Stop> {
        if !error.can_be_resolved() {
            return Err(Stop::Media(error));
        }
        if let MediaFault::NotPlugged(stick) = &error.fault {
            return self.plug_in(error.role, stick);
        }
        let mut happened = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            happened.push_str(&format!(": {source}"));
        }
        let body = layout::paragraphs(&[
            &format!("{happened}."),
            &error.remedy(),
            "Nothing is lost: what was written before is kept, and nothing is overwritten.",
        ]);
        self.page(Who::Both, "A device needs you", body)?;
        let decided = self.choose(
            Asks::Device,
            "What do you do",
            &[
                (Decision::TryAgain, "it is in order now: try again"),
                (Decision::ReplaceDevice, "another device takes its place"),
                (Decision::Abort, "abort the ceremony"),
            ],
        )?;
        let expected = format!("{} can be written and read back", error.role);
        let owed = Owed {
            expected,
            happened,
            decided,
        };
        match decided {
            Decision::ReplaceDevice => self.replace(error.role)?,
            Decision::Abort => {
                self.journal.give_up(error.role);
                self.edge.media.give_up(error.role);
                if self.state().ended().is_some() {
                    return Err(Stop::Media(error));
                }
                self.owed.push(owed);
                return Err(Stop::Aborting);
            }
            _ => {}
        }
        self.owed.push(owed);
        Ok(decided)
    }

    /// The printer failed, or what came out of it is not as it should be. There is no choice to abort: a
    /// printer never stops a ceremony. The exception is on the record on return.
    pub fn printer_failed(
        &mut self,
        expected: &str,
        happened: &str,
        remedy: &str,
    ) -> Result<Decision, Stop> {
        let body = layout::paragraphs(&[
            &format!("Expected: {expected}. Happened: {happened}."),
            remedy,
            "Nothing is lost: what would be printed is on the media, too.",
        ]);
        self.page(Who::Both, "The printer needs you", body)?;
        let decided = self.choose(
            Asks::Printer,
            "What do you do",
            &[
                (Decision::TryAgain, "it is in order now: print again"),
                (Decision::ReplaceDevice, "another printer takes its place"),
                (
                    Decision::CopyByHand,
                    "no printer: copy by hand, or leave it out",
                ),
            ],
        )?;
        self.settle_owed()?;
        self.record_exception(Owed {
            expected: expected.to_string(),
            happened: happened.to_string(),
            decided,
        })?;
        Ok(decided)
    }

    /// After an interruption, a record medium is not there.
    pub fn medium_is_missing(&mut self, role: Role) -> Result<Decision, Stop> {
        let fault = MediaFault::NotFound;
        let path = self.journal.folder().to_string();
        self.resolve(MediaError { role, path, fault })
    }

    fn choose_replacement(&mut self) -> Result<(), Stop> {
        self.say("If it is no medium but a YubiKey, press Enter alone.")?;
        let names: Vec<String> = self
            .edge
            .media
            .roles()
            .iter()
            .map(Role::to_string)
            .collect();
        loop {
            let prompt = format!("Which medium is replaced ({})", names.join(", "));
            let typed = self.plain_line(Asks::Device, &prompt)?;
            // A token, say: whoever asks for it next takes the other one.
            if typed.is_empty() {
                return Ok(());
            }
            match typed.parse::<Role>() {
                Ok(role) => return self.replace(role),
                Err(_) => self.say("That is not the name of a medium.")?,
            }
        }
    }

    /// A stick that was put aside is needed again. That is no exception; `!` makes it one.
    fn plug_in(&mut self, role: Role, stick: &str) -> Result<Decision, Stop> {
        let body = layout::paragraphs(&[
            &format!("The medium {role} is needed now:"),
            stick,
            "If no place is free, take another one out first. Those of the operators stay in.",
            "Plug it in, and wait until its light is calm.",
        ]);
        self.page(Who::Both, &format!("Plug in {role}"), body)?;
        let prompt = "Press Enter when it is plugged in";
        self.done(Who::Both, Asks::StickIn(role), prompt)?;
        Ok(Decision::TryAgain)
    }

    /// The same dialogue as before the ceremony. Whoever leaves it is back at once.
    fn replace_stick(&mut self, role: Role) -> Result<bool, Stop> {
        let place = self.place();
        let Some(sticks) = self.edge.media.sticks() else {
            return Ok(false);
        };
        sticks.take_out(role);
        let mut desk = Desk::within(self.edge.terminal, place);
        match assign::one(&mut desk, sticks, role, Purpose::New) {
            Err(AssignError::Terminal(error)) => Err(error.into()),
            _ => Ok(true),
        }
    }

    fn replace(&mut self, role: Role) -> Result<(), Stop> {
        if self.replace_stick(role)? {
            return self.refill(role);
        }
        let prompt = format!("Where is the new {role} (a folder's path)");
        loop {
            let location = self.plain_line(Asks::Location, &prompt)?;
            match self.edge.media.replace(role, &location) {
                Ok(()) => break,
                Err(error) if error.can_be_resolved() => {
                    self.say(&format!("{error}. {}", error.remedy()))?;
                }
                Err(error) => return Err(Stop::Media(error)),
            }
        }
        self.refill(role)
    }

    /// A line in a dialogue about an exception: `!` there asks again.
    fn plain_line(&mut self, asks: Asks, prompt: &str) -> Result<String, Stop> {
        let prompt = prompt.to_string();
        let question = Question {
            who: Who::Both,
            asks,
            prompt,
            answer: Answer::Line,
        };
        loop {
            if let Reply::Line(line) = self.edge.terminal.ask(&question)? {
                return Ok(line.trim().to_string());
            }
        }
    }

    fn describe(&mut self, asks: Asks, prompt: &str) -> Result<String, Stop> {
        loop {
            let text = self.plain_line(asks.clone(), prompt)?;
            if text.is_empty() {
                self.say("Please write a few words.")?;
            } else if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                self.say("Please write it shorter, in one line.")?;
            } else {
                return Ok(text);
            }
        }
    }

    fn decide(&mut self) -> Result<Decision, Stop> {
        let all: Vec<(Decision, &str)> = Decision::ALL.iter().map(|d| (*d, d.plain())).collect();
        self.choose(Asks::Decide, "What do you decide", &all)
    }

    fn choose(
        &mut self,
        asks: Asks,
        prompt: &str,
        choices: &[(Decision, &str)],
    ) -> Result<Decision, Stop> {
        let listed = choices
            .iter()
            .map(|(d, text)| (d.word(), text.to_string()))
            .collect();
        let prompt = prompt.to_string();
        let answer = Answer::Choice(listed);
        let question = Question {
            who: Who::Both,
            asks,
            prompt,
            answer,
        };
        loop {
            let Reply::Line(typed) = self.edge.terminal.ask(&question)? else {
                continue;
            };
            let typed = typed.trim().to_ascii_lowercase();
            let numbered = typed
                .parse::<usize>()
                .ok()
                .and_then(|n| choices.get(n.wrapping_sub(1)));
            let named = choices
                .iter()
                .find(|(decision, _)| decision.word() == typed);
            match numbered.or(named) {
                Some((decision, _)) => return Ok(*decision),
                None => self.say("Please type one of the numbers.")?,
            }
        }
    }
}
