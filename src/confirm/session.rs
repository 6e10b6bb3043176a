//! The call as the verifier's screen leads through it. Nothing is shown of the fingerprint before
//! all of it was typed and found right.

use super::{ConfirmError, Delivery};
use crate::edge::system::System;
use crate::edge::terminal::Terminal;
use crate::error::Explain;
use crate::id;
use crate::phone::canary::Canary;
use crate::phone::far::{FarCall, HeadStanding, RowProblem, Verdict};
use crate::phone::{ATTEMPTS, PLACES, RESULT_WORDS};
use crate::pin::Pin;
use crate::screen::{Answer, Asks, FarAsk, Page, Place, Question, Reply, Who, layout};
use crate::words::pgp;

/// How often what was heard may be typed again. Guessing does not pay: the result's half has 32
/// bits.
const TRIES: u32 = 3;

/// The stages of an attempt, for the header of a page.
const STAGES: usize = 6;

/// Leads through the call, to a pin.
///
/// # Errors
/// See [`ConfirmError`]; nothing is confirmed then.
pub fn hold(
    terminal: &mut dyn Terminal,
    system: &mut dyn System,
    delivery: &Delivery,
) -> Result<Pin, ConfirmError> {
    let mut far = Far {
        terminal,
        rehearsal: id::is_rehearsal(&delivery.facts.id),
        stage: 0,
    };
    far.welcome()?;
    for attempt in 1..=ATTEMPTS {
        let mut nonce = [0; 4];
        system.random(&mut nonce)?;
        let heads = delivery.heads.clone().unwrap_or_default();
        let mut call = FarCall::begin(delivery.facts.clone(), heads, nonce);
        if far.attempt(&mut call, attempt)?
            && let Some(pin) = delivery.pin(&call, system.now())
        {
            return Ok(pin);
        }
        far.failed(attempt)?;
    }
    Err(ConfirmError::NotConfirmed)
}

struct Far<'a> {
    terminal: &'a mut dyn Terminal,
    rehearsal: bool,
    stage: usize,
}

impl Far<'_> {
    fn page(&mut self, title: &str, body: Vec<String>) -> Result<(), ConfirmError> {
        let stage = self.stage;
        let place = Place {
            plan: "Confirm a key by telephone".to_string(),
            step: stage,
            steps: STAGES,
            phase: [
                "The call",
                "Names",
                "Nonce",
                "Fingerprint",
                "Canaries",
                "Places",
                "Result",
            ][stage.min(STAGES)]
            .to_string(),
            minutes_left: 2 * (STAGES - stage.min(STAGES)) as u32 + 1,
            rehearsal: self.rehearsal,
        };
        let title = title.to_string();
        Ok(self.terminal.page(&Page {
            place,
            who: Who::Verifier,
            title,
            body,
        })?)
    }

    fn say(&mut self, text: &str) -> Result<(), ConfirmError> {
        for line in layout::wrap(text) {
            self.terminal.say(&line)?;
        }
        Ok(())
    }

    fn ask(&mut self, asks: FarAsk, prompt: &str, answer: Answer) -> Result<String, ConfirmError> {
        let question = Question {
            who: Who::Verifier,
            asks: Asks::Far(asks),
            prompt: prompt.to_string(),
            answer,
        };
        loop {
            match self.terminal.ask(&question)? {
                Reply::Line(line) => return Ok(line.trim().to_string()),
                Reply::Exception => return Err(ConfirmError::Stopped),
                Reply::Secret(_) => {}
            }
        }
    }

    fn line(&mut self, asks: FarAsk, prompt: &str) -> Result<String, ConfirmError> {
        self.ask(asks, prompt, Answer::Line)
    }

    fn welcome(&mut self) -> Result<(), ConfirmError> {
        let body = layout::paragraphs(&[
            "You hold a public key on this machine. In the telephone call the operators read its \
             fingerprint to you, and you type what you hear. The computer compares.",
            "Put away everything that shows the fingerprint. Type by ear only. Ask for anything \
             to be said again as often as you like before you press Enter.",
            "Were you called first, to arrange? Then call the room now, at the number that you \
             held before the ceremony. Ask the question that you agreed on in person, and answer \
             theirs. If anything is wrong, hang up, and type ! here.",
        ]);
        self.page("Before you call", body)?;
        self.done("Press Enter when both voices and the answer are right")
    }

    /// One attempt; `false` if it failed.
    fn attempt(&mut self, call: &mut FarCall, attempt: u32) -> Result<bool, ConfirmError> {
        self.names(call, attempt)?;
        self.nonce(call)?;
        let Some(canaries) = self.rows(call)? else {
            return Ok(false);
        };
        if !self.canaries(call, canaries)? {
            return Ok(false);
        }
        self.places(call)?;
        self.result(call)
    }

    /// Id, sheet code and head, as they are heard.
    fn names(&mut self, call: &mut FarCall, attempt: u32) -> Result<(), ConfirmError> {
        self.stage = 1;
        let body = layout::paragraphs(&[
            &format!("Attempt {attempt} of {ATTEMPTS}. The operators read three things to you."),
            "First the last eight letters and digits of the ceremony's id. Then the sheet code, \
             four letters and digits. Then the ten words of the head of their record.",
        ]);
        self.page("Which ceremony, which file", body)?;
        let id = |call: &FarCall, typed: &str| call.is_id(typed);
        let code = |call: &FarCall, typed: &str| call.is_sheet_code(typed);
        self.code(call, FarAsk::IdTail, "the end of the id", id)?;
        self.code(call, FarAsk::SheetCode, "the sheet code", code)?;
        self.head(call)
    }

    fn code(
        &mut self,
        call: &FarCall,
        asks: FarAsk,
        what: &'static str,
        right: impl Fn(&FarCall, &str) -> bool,
    ) -> Result<(), ConfirmError> {
        for _ in 0..TRIES {
            let typed = self.line(asks.clone(), what)?;
            if right(call, &typed) {
                return Ok(());
            }
            self.say("That is not it. Ask for it again, letter by letter, and type it again.")?;
        }
        Err(ConfirmError::OtherSheet(what))
    }

    /// A head that the delivered record does not have is typed twice: it may have been misheard.
    fn head(&mut self, call: &mut FarCall) -> Result<(), ConfirmError> {
        let mut before = String::new();
        loop {
            let typed = self.line(FarAsk::Head, "the ten words of the head")?;
            let typed = typed.to_ascii_lowercase();
            let words: Vec<&str> = typed.split_whitespace().collect();
            match call.hear_head(&typed) {
                Some(HeadStanding::Last) => return Ok(()),
                Some(HeadStanding::Stale) => return Err(ConfirmError::StaleHead),
                Some(HeadStanding::Unknown) if before == words.join(" ") => {
                    self.say(
                        "This head is not in the record on this machine: their record may have \
                         gone on since. It is kept in the pin, and can be found in the final \
                         record.",
                    )?;
                    return Ok(());
                }
                Some(HeadStanding::Unknown) => {
                    before = words.join(" ");
                    self.say(
                        "These words are not the head of a record on this machine. Have them \
                         read again, and type them again.",
                    )?;
                }
                None => {
                    let error = match pgp::decode_exactly(&typed, 10) {
                        Err(error) => format!("{error}. {}", error.remedy()),
                        Ok(_) => "Ten words are needed.".to_string(),
                    };
                    self.say(&error)?;
                }
            }
        }
    }

    fn nonce(&mut self, call: &FarCall) -> Result<(), ConfirmError> {
        self.stage = 2;
        let mut body = layout::wrap("Read these four words to the room, slowly:");
        body.push(String::new());
        body.push(format!("    say: {}", call.nonce_words().join("  ")));
        body.push(String::new());
        body.extend(layout::wrap(
            "They were drawn for this attempt, so that no recording of another call will do.",
        ));
        self.page("Four words for the room", body)?;
        self.done("Press Enter when the room says that it has typed them")
    }

    fn done(&mut self, prompt: &str) -> Result<(), ConfirmError> {
        let question = Question {
            who: Who::Verifier,
            asks: Asks::Done,
            prompt: prompt.to_string(),
            answer: Answer::Enter,
        };
        match self.terminal.ask(&question)? {
            Reply::Exception => Err(ConfirmError::Stopped),
            _ => Ok(()),
        }
    }

    /// All rows are typed, then judged; `None` if the attempt failed.
    fn rows(&mut self, call: &mut FarCall) -> Result<Option<Vec<Canary>>, ConfirmError> {
        self.stage = 3;
        let count = call.row_lengths().len();
        let body = layout::paragraphs(&[
            &format!(
                "Now the fingerprint, {count} rows. Operator A reads the first, third and so on, \
                 operator B the others: listen for both voices."
            ),
            "Type every word that you hear, with a blank between two words, then Enter. Three of \
             the words do not belong to the fingerprint; do not leave them out.",
        ]);
        self.page("Type what you hear", body)?;
        for row in 0..count {
            self.row(call, row)?;
        }
        self.judge(call)
    }

    fn row(&mut self, call: &mut FarCall, row: usize) -> Result<(), ConfirmError> {
        let lengths = call.row_lengths();
        let prompt = format!("row {} of {}", row + 1, lengths.len());
        loop {
            let typed = self.line(FarAsk::Row(row), &prompt)?;
            match call.hear_row(row, &typed) {
                Ok(()) => return Ok(()),
                Err(RowProblem::Count(count)) => {
                    self.say(&format!("This row has {count} words. Have it read again."))?;
                }
                Err(RowProblem::Unlisted(at)) => self.say(&format!(
                    "Word {at} is not on the list of words. Ask for it again, and type the whole \
                     row again."
                ))?,
            }
        }
    }

    fn judge(&mut self, call: &mut FarCall) -> Result<Option<Vec<Canary>>, ConfirmError> {
        loop {
            match call.judge() {
                Verdict::Fits(canaries) => return Ok(Some(canaries)),
                Verdict::Failed => return Ok(None),
                Verdict::Again(rows) => {
                    let numbers: Vec<String> = rows.iter().map(|r| (r + 1).to_string()).collect();
                    self.say(&format!(
                        "Not yet. Ask the room to read row {} again, and type it again.",
                        numbers.join(" and row ")
                    ))?;
                    for row in rows {
                        self.row(call, row)?;
                    }
                }
            }
        }
    }

    /// The canaries are read back; the room may ask for a row to be heard again.
    fn canaries(&mut self, call: &mut FarCall, first: Vec<Canary>) -> Result<bool, ConfirmError> {
        self.stage = 4;
        let mut canaries = first;
        loop {
            let mut body = layout::wrap(
                "You heard the fingerprint of the file on this machine, and three words more. \
                 Read these to the room, each with its row and its number:",
            );
            body.push(String::new());
            for canary in &canaries {
                let (row, word) = canary.row_and_word();
                body.push(format!(
                    "    say: row {row}, word {word}: {}",
                    canary.word.word()
                ));
            }
            body.push(String::new());
            body.extend(layout::wrap(
                "What does the room say? Type good; or the number of a row that is to be read \
                 again; or failed.",
            ));
            self.page("The words that do not belong to it", body)?;
            let Some(rows) = self.canaries_heard(call)? else {
                return Ok(false);
            };
            if rows.is_empty() {
                return Ok(true);
            }
            for row in rows {
                if !call.read_again(row) {
                    return Ok(false);
                }
                self.row(call, row)?;
            }
            match self.judge(call)? {
                Some(again) => canaries = again,
                None => return Ok(false),
            }
        }
    }

    /// The rows that the room names, from 0; none if all is good; `None` if the attempt failed.
    fn canaries_heard(&mut self, call: &FarCall) -> Result<Option<Vec<usize>>, ConfirmError> {
        let count = call.row_lengths().len();
        loop {
            let typed = self.line(FarAsk::CanariesHeard, "good, rows, or failed")?;
            let typed = typed.to_ascii_lowercase();
            if typed == "good" {
                return Ok(Some(Vec::new()));
            }
            if typed == "failed" {
                return Ok(None);
            }
            let parts = typed.split([' ', ',']).filter(|part| !part.is_empty());
            let numbers = parts.filter(|part| *part != "row" && *part != "and");
            let rows: Option<Vec<usize>> = numbers
                .map(|part| {
                    let row = part.parse::<usize>().ok()?.checked_sub(1)?;
                    (row < count).then_some(row)
                })
                .collect();
            match rows {
                Some(rows) if !rows.is_empty() => return Ok(Some(rows)),
                _ => self.say("Type good, or a row's number such as 3, or failed.")?,
            }
        }
    }

    fn places(&mut self, call: &FarCall) -> Result<(), ConfirmError> {
        self.stage = 5;
        let body = layout::paragraphs(&[
            &format!("Now the room asks you for {PLACES} words, each by its row and number."),
            "Type row and number, such as 2 3. Read the word that is shown to the room.",
        ]);
        self.page("Words for the room", body)?;
        for at in 0..PLACES {
            loop {
                let prompt = format!("row and number, {} of {PLACES}", at + 1);
                let typed = self.line(FarAsk::Place(at), &prompt)?;
                let parts = typed.split(|c: char| !c.is_ascii_digit());
                let numbers = parts.filter_map(|part| part.parse().ok());
                let numbers: Vec<usize> = numbers.collect();
                let word = match numbers[..] {
                    [row, word] => call.word_at(row, word),
                    _ => None,
                };
                if let Some(word) = word {
                    self.say(&format!("    say: {word}"))?;
                    break;
                }
                self.say("There is no such place. Type row and number, such as 2 3.")?;
            }
        }
        Ok(())
    }

    /// The halves of the result; `false` if the attempt failed.
    fn result(&mut self, call: &FarCall) -> Result<bool, ConfirmError> {
        self.stage = 6;
        let half = RESULT_WORDS / 2;
        let body = layout::paragraphs(&[&format!(
            "The room now reads {half} words. Type them as you hear them."
        )]);
        self.page("The result", body)?;
        let mut right = false;
        for _ in 0..TRIES {
            let typed = self.line(FarAsk::Result, "the room's four words")?;
            if typed.eq_ignore_ascii_case("failed") {
                return Ok(false);
            }
            right = call.hear_result(&typed);
            if right {
                break;
            }
            self.say("That is not it. Have them read again, and type them again.")?;
        }
        let Some(said) = call.said().filter(|_| right) else {
            return Ok(false);
        };
        let [_, mine] = said.halves();
        let mut body = layout::wrap("These are right. Read your four words to the room:");
        body.push(String::new());
        body.push(format!("    say: {}", mine.join("  ")));
        body.push(String::new());
        body.extend(layout::wrap(
            "Wait until the room says that its program accepted them. Then type accepted. If the \
             room says that it failed, type failed.",
        ));
        self.page("Your half of the result", body)?;
        loop {
            let typed = self.line(FarAsk::Accepted, "accepted or failed")?;
            match typed.to_ascii_lowercase().as_str() {
                "accepted" => return Ok(true),
                "failed" => return Ok(false),
                _ => self.say("Type accepted, or failed.")?,
            }
        }
    }

    fn failed(&mut self, attempt: u32) -> Result<(), ConfirmError> {
        let more = if attempt < ATTEMPTS {
            "Tell the room that the attempt failed. One more attempt is possible in this call; \
             all words are drawn anew."
        } else {
            "Tell the room that this attempt failed, too. Hang up. Use the key for nothing."
        };
        let body = layout::paragraphs(&[
            "This attempt failed. It may be a bad line. It may also be that the file on this \
             machine is not the key that the operators made.",
            more,
        ]);
        self.page("Not confirmed", body)?;
        self.done("Press Enter to go on")
    }
}
