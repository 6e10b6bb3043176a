//! The operators' side of one attempt.

use super::canary::{Canary, Reading};
use super::result::{Said, same_words};
use super::{Facts, HEAD_WORDS, PLACES, REREADS, heard_words, places};
use crate::plan::Operator;
use crate::words::pgp::{self, Heard, ROW};

/// How the canaries came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryVerdict {
    /// As they were drawn.
    Heard,
    /// Some did not: these rows (from 0) are read again, each once, at most two in an attempt.
    Again(Vec<usize>),
    /// The attempt failed.
    Failed,
}

/// One attempt, as the room's program holds it. A new attempt draws everything anew.
pub struct RoomCall {
    facts: Facts,
    head: [u8; HEAD_WORDS],
    reading: Reading,
    places: Vec<usize>,
    nonce: Option<[u8; 4]>,
    /// Rows that were read again because a canary in them was misheard.
    reread: Vec<usize>,
    /// The canaries came back as they were drawn.
    canaries_heard: bool,
    /// The words at the places came back as they were read.
    places_heard: bool,
}

impl RoomCall {
    /// Draws canaries and places.
    pub fn begin<E>(
        facts: Facts,
        head: [u8; HEAD_WORDS],
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<RoomCall, E> {
        let reading = Reading::draw(&facts.fingerprint, random)?;
        let places = places(PLACES, reading.words.len(), random)?;
        Ok(RoomCall {
            facts,
            head,
            reading,
            places,
            nonce: None,
            reread: Vec::new(),
            canaries_heard: false,
            places_heard: false,
        })
    }

    /// What both sides know.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes the nonce as it was heard; `false` if these are not four words in their places.
    pub fn hear_nonce(&mut self, typed: &str) -> bool {
        let bytes = pgp::decode(typed).ok();
        let nonce = bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        self.nonce = nonce.or(self.nonce);
        nonce.is_some()
    }

    /// All rows, in order: A reads the first, third and so on, B the others.
    pub fn rows(&self) -> Vec<Vec<&'static str>> {
        self.reading.rows()
    }

    /// Who reads a row, counted from 0.
    pub fn reader(row: usize) -> Operator {
        Operator::ALL[row % 2]
    }

    /// Takes the canaries as the verifier read them back, each as row, word and the word itself, in
    /// the order of their places.
    pub fn hear_canaries(&mut self, typed: &[String]) -> CanaryVerdict {
        let said: Vec<Option<Canary>> = typed.iter().map(|typed| parse_canary(typed)).collect();
        let was_said = |canary: &Canary| said.contains(&Some(*canary));
        let missed = self
            .reading
            .canaries
            .iter()
            .filter(|canary| !was_said(canary));
        let mut rows: Vec<usize> = missed.map(|canary| canary.place / ROW).collect();
        rows.dedup();
        self.canaries_heard = rows.is_empty() && said.len() == self.reading.canaries.len();
        if self.canaries_heard {
            return CanaryVerdict::Heard;
        }
        let budget = rows.len() + self.reread.len() <= REREADS;
        let anew = rows.iter().all(|row| !self.reread.contains(row));
        self.reread.extend(&rows);
        if budget && anew && !rows.is_empty() {
            CanaryVerdict::Again(rows)
        } else {
            CanaryVerdict::Failed
        }
    }

    /// The places that the room asks for: row and word, from 1.
    pub fn places(&self) -> Vec<(usize, usize)> {
        let place = |place: &usize| (place / ROW + 1, place % ROW + 1);
        self.places.iter().map(place).collect()
    }

    /// Takes the words at the places, in their order.
    pub fn hear_places(&mut self, typed: &str) -> bool {
        let words: Vec<Heard> = self
            .places
            .iter()
            .map(|at| self.reading.words[*at])
            .collect();
        self.places_heard = heard_words(typed) == Ok(words);
        self.places_heard
    }

    /// All that was said, once it was; the result's first half is read from it.
    pub fn said(&self) -> Option<Said> {
        let nonce = self
            .nonce
            .filter(|_| self.canaries_heard && self.places_heard)?;
        Some(Said {
            id: self.facts.id.clone(),
            certificate: self.facts.certificate,
            nonce,
            canaries: self.reading.canaries.clone(),
            head: self.head,
        })
    }

    /// Takes the result's second half; `true` confirms the key.
    pub fn hear_result(&self, typed: &str) -> bool {
        self.said()
            .is_some_and(|said| same_words(typed, &said.halves()[1]))
    }
}

/// `2 3 snapline`: row, word, the word itself.
fn parse_canary(typed: &str) -> Option<Canary> {
    let parts: Vec<&str> = typed.split_whitespace().collect();
    let [row, number, word] = parts[..] else {
        return None;
    };
    let (row, number): (usize, usize) = (row.parse().ok()?, number.parse().ok()?);
    let in_row = (1..=ROW).contains(&number).then_some(number - 1)?;
    Some(Canary {
        place: row.checked_sub(1)?.checked_mul(ROW)? + in_row,
        word: pgp::lookup(word)?,
    })
}
