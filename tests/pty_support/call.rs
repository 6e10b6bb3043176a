//! A telephone call between two terminals. What one side is told to say is carried to the other
//! by ear: nothing else passes between the two programs.

use std::collections::BTreeMap;

use super::{Asked, People, Terminal, Turn, on_screen};

/// What was said so far, by whom it was said.
#[derive(Default)]
pub struct Air {
    pub id_tail: Option<String>,
    pub sheet_code: Option<String>,
    pub nonce: Option<String>,
    /// The room's rows, from 0.
    pub rows: BTreeMap<usize, String>,
    /// What the room wants to hear again, by the number on its screen; `good` when all is heard.
    pub wanted: Option<String>,
    pub canaries: Vec<String>,
    /// The places that the room asks for, and the words that came back.
    pub places: Vec<String>,
    pub place_words: Vec<String>,
    pub room_half: Option<String>,
    pub far_half: Option<String>,
    /// `accepted` or `failed`, as the room says it at the end.
    pub verdict: Option<&'static str>,
    /// The verifier's program failed this attempt.
    pub far_failed: bool,
    /// The verifier's program took all rows.
    pub far_took: bool,
}

/// What the line does to a row on its way: row number from 1, the attempt, and what was said.
pub type Line = fn(row: usize, time: usize, said: String) -> String;

/// Says every row as it is.
pub fn clear(_: usize, _: usize, said: String) -> String {
    said
}

/// How the two programs ended; `None` where one was left at a question.
#[derive(Debug, PartialEq, Eq)]
pub struct Codes {
    pub room: Option<i32>,
    pub far: Option<i32>,
}

/// The two sides of a call.
pub struct Call<'a> {
    pub room: &'a mut Terminal,
    pub people: &'a mut People,
    pub far: &'a mut Terminal,
    pub air: Air,
    pub line: Line,
    heard: BTreeMap<usize, usize>,
    room_is_over: bool,
    /// What the operators are told of the far end: `1` the program, `2` gpg alone.
    pub far_uses: &'static str,
    /// Leaves both as they are when one of them asks this.
    pub until: Option<&'static str>,
    /// Ends when the verifier's program has ended, whatever the room does.
    pub until_far_ended: bool,
    /// The attacker's file was made to have this code, and the room is believed to have read it.
    pub forged_sheet_code: Option<String>,
    /// Read instead of the head on the checklist.
    pub spoken_head: Option<String>,
    /// Every question that the verifier was asked, with the answer.
    pub verifier_typed: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    pub fn new(room: &'a mut Terminal, people: &'a mut People, far: &'a mut Terminal) -> Call<'a> {
        Call {
            room,
            people,
            far,
            air: Air::default(),
            line: clear,
            heard: BTreeMap::new(),
            room_is_over: false,
            far_uses: "1",
            until: None,
            until_far_ended: false,
            forged_sheet_code: None,
            spoken_head: None,
            verifier_typed: Vec::new(),
        }
    }

    /// Carries words until both programs ended, or neither knows how to go on.
    pub fn hold(&mut self) -> Codes {
        let mut room = self.next_in_room();
        let mut far = self.next_at_far_end();
        loop {
            let asks = |side: &Side| match (self.until, side) {
                (Some(until), Side::Asks(asked)) => asked.question.starts_with(until),
                _ => false,
            };
            if asks(&room) || asks(&far) {
                return Codes {
                    room: None,
                    far: None,
                };
            }
            if let (true, Side::Ended(code)) = (self.until_far_ended, &far) {
                return Codes {
                    room: None,
                    far: Some(*code),
                };
            }
            if let Side::Asks(asked) = &room
                && let Some(keys) = self.in_room(asked)
            {
                self.room.press(&format!("{keys}\r"));
                room = self.next_in_room();
                continue;
            }
            if let Side::Asks(asked) = &far
                && let Some(keys) = self.at_far_end(asked)
            {
                self.verifier_typed
                    .push((asked.question.clone(), keys.clone()));
                self.far.press(&format!("{keys}\r"));
                far = self.next_at_far_end();
                continue;
            }
            return match (room, far) {
                (Side::Ended(room), Side::Ended(far)) => Codes {
                    room: Some(room),
                    far: Some(far),
                },
                (room, far) => panic!("both wait: {} / {}", room.question(), far.question()),
            };
        }
    }

    fn next_in_room(&mut self) -> Side {
        match self.room.turn() {
            Turn::Ended(code) => {
                self.room_is_over = true;
                Side::Ended(code)
            }
            Turn::Asked(asked) => {
                self.people.look(&asked);
                self.listen_to_room(&asked);
                Side::Asks(asked)
            }
        }
    }

    fn next_at_far_end(&mut self) -> Side {
        match self.far.turn() {
            Turn::Ended(code) => Side::Ended(code),
            Turn::Asked(asked) => {
                assert!(asked.lines <= 24 || !asked.new_page, "{}", asked.text);
                self.listen_to_verifier(&asked);
                Side::Asks(asked)
            }
        }
    }

    /// What the operators say because their screen tells them to.
    fn listen_to_room(&mut self, asked: &Asked) {
        let page = on_screen(&asked.text);
        let last = |label: &str| {
            let line = page.lines().find(|line| line.trim().starts_with(label));
            line.and_then(|line| line.split_whitespace().last())
                .map(str::to_string)
        };
        if page.contains("\nWhat you read first\n") {
            // A new attempt: everything is said anew.
            self.air = Air::default();
            self.heard.clear();
            self.air.id_tail = last("the id ends with");
            self.air.sheet_code = self.forged_sheet_code.clone().or(last("the sheet code"));
        }
        let rows = spoken_rows(&page);
        if page.contains("\nRead again\n") {
            let numbers: Vec<String> = rows.iter().map(|(row, _)| (row + 1).to_string()).collect();
            self.air.wanted = Some(numbers.join(" "));
            (self.air.far_took, self.air.canaries) = (false, Vec::new());
        }
        self.air.rows.extend(rows);
        if page.contains("\nFive words back\n") {
            self.air.wanted = Some("good".to_string());
            let places = page
                .lines()
                .filter_map(|line| line.trim().strip_prefix("row "));
            let places = places.filter_map(|place| place.split_once(", word "));
            self.air.places = places.map(|(row, word)| format!("{row} {word}")).collect();
        }
        if page.contains("\nThe result of the call\n") {
            self.air.room_half = said(&page).pop();
        }
        if page.contains("Confirmed: the verifier") {
            self.air.verdict = Some("accepted");
        }
        if page.contains("\nNot confirmed\n") {
            self.air.verdict = Some("failed");
        }
    }

    fn listen_to_verifier(&mut self, asked: &Asked) {
        let page = on_screen(&asked.text);
        let said = said(&page);
        match asked.title.as_str() {
            "Four words for the room" => self.air.nonce = said.into_iter().next(),
            "The words that do not belong to it" if asked.new_page => {
                self.air.far_took = true;
                let words = said
                    .iter()
                    .map(|line| line.replace("row ", "").replace(", word", ""));
                self.air.canaries = words.map(|line| line.replace(':', "")).collect();
            }
            "Words for the room" | "The result" if !said.is_empty() => {
                self.air.place_words.extend(said);
            }
            "Your half of the result" if asked.new_page => {
                self.air.far_half = said.into_iter().next()
            }
            "Not confirmed" if asked.new_page => self.air.far_failed = true,
            _ => {}
        }
    }

    /// What is typed in the room; `None` while it waits for the far end.
    fn in_room(&mut self, asked: &Asked) -> Option<String> {
        let question = asked.question.as_str();
        let or_failed = |said: Option<String>, failed: bool| match said {
            None if failed => Some("failed".to_string()),
            said => said,
        };
        let failed = self.air.far_failed;
        match question {
            _ if self.people.has_deed(asked) => Some(self.people.keys(asked)),
            q if q.starts_with("The verifier uses") => Some(self.far_uses.to_string()),
            q if q.starts_with("the four words") => or_failed(self.air.nonce.clone(), failed),
            q if q.starts_with("The verifier's program") => match (self.air.far_took, failed) {
                (true, _) => Some("1".to_string()),
                (_, true) => Some("2".to_string()),
                _ => None,
            },
            q if q.starts_with("row, number and word, ") => {
                let at = super::people::number_after(q, "and word, ")?;
                let said = self.air.canaries.get(at - 1).cloned();
                or_failed(said, failed)
            }
            q if q.starts_with("the five words") => {
                let words = &self.air.place_words;
                let all = (words.len() == 5).then(|| words.join(" "));
                or_failed(all, failed)
            }
            q if q.starts_with("the verifier's four") => {
                or_failed(self.air.far_half.clone(), failed)
            }
            _ => Some(self.people.keys(asked)),
        }
    }

    /// What the verifier types; `None` while waiting for the room.
    fn at_far_end(&mut self, asked: &Asked) -> Option<String> {
        match asked.question.as_str() {
            q if q.starts_with("the end of the id") => self.air.id_tail.clone(),
            q if q.starts_with("the sheet code") => self.air.sheet_code.clone(),
            q if q.starts_with("the ten words") => {
                self.air.sheet_code.as_ref()?;
                Some(
                    self.spoken_head
                        .as_ref()
                        .unwrap_or(&self.people.head)
                        .clone(),
                )
            }
            q if q.starts_with("row and number, ") => {
                let at = super::people::number_after(q, "number, ")?;
                self.air.places.get(at - 1).cloned()
            }
            q if q.starts_with("row ") => {
                let row = super::people::number_after(q, "row ")?;
                let said = self.air.rows.get(&(row - 1)).cloned()?;
                let time = self.heard.entry(row).or_insert(0);
                *time += 1;
                Some((self.line)(row, *time, said))
            }
            q if q.starts_with("good, rows") => self.air.wanted.take(),
            q if q.starts_with("the room's four") => self.air.room_half.clone(),
            q if q.starts_with("accepted or") => self.air.verdict.map(str::to_string),
            q if q.contains("ress Enter when the room says") => {
                // Only when the room has typed the nonce, that is when it goes on.
                (!self.air.rows.is_empty()).then(String::new)
            }
            q if q.contains("ress Enter to go on") => {
                // The next attempt begins when the room begins it.
                (!self.air.far_failed || self.room_is_over).then(String::new)
            }
            q if q.contains("ress Enter") => Some(String::new()),
            q => panic!("the verifier knows no answer to {q:?}"),
        }
    }
}

enum Side {
    Asks(Asked),
    Ended(i32),
}

impl Side {
    fn question(&self) -> String {
        match self {
            Side::Asks(asked) => format!("{}: {}", asked.title, asked.question),
            Side::Ended(code) => format!("ended with {code}"),
        }
    }
}

/// `    say: words`: what the screen tells somebody to say, line by line.
fn said(page: &str) -> Vec<String> {
    let said = page
        .lines()
        .filter_map(|line| line.trim().strip_prefix("say: "));
    said.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// `  A row 1   words`: row from 0, and the words.
fn spoken_rows(page: &str) -> Vec<(usize, String)> {
    let rows = page.lines().filter_map(|line| {
        let (reader, rest) = line.trim().split_once(" row ")?;
        let (number, words) = rest.split_once(' ')?;
        let row = number.parse::<usize>().ok()?.checked_sub(1)?;
        let turn = ["A", "B"][row % 2] == reader;
        turn.then(|| (row, words.split_whitespace().collect::<Vec<_>>().join(" ")))
    });
    rows.collect()
}
