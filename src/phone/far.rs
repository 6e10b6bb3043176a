//! The verifier's side of one attempt.

use super::canary::{self, Canary, Fit};
use super::result::{Said, same_words};
use super::{Facts, HEAD_WORDS, REREADS, heard_words};
use crate::digest::Digest;
use crate::words::pgp::{self, Heard, ROW};

/// Rows that may be named in an attempt. What was heard may have more than one explanation, so that a
/// row is named that was heard well: it does not count as misheard.
const NAMED: usize = 2 * REREADS;

/// Where the head that was read stands in the record that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadStanding {
    /// It is that record's last.
    Last,
    /// It is not in it: the room's record went on since, or this is no record of it.
    Unknown,
    /// It is in it, but not the last: the room read from an older note.
    Stale,
}

/// Why a typed row is not taken. It says nothing about the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowProblem {
    /// The row has so many words.
    Count(usize),
    /// This word (from 1) is on neither list.
    Unlisted(usize),
}

/// How an attempt stands once all rows were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the fingerprint of the file, and these are the canaries.
    Fits(Vec<Canary>),
    /// These rows (from 0) are to be read again, once.
    Again(Vec<usize>),
    /// The attempt failed.
    Failed,
}

/// One attempt, as the verifier's program holds it.
pub struct FarCall {
    facts: Facts,
    heads: Vec<Digest>,
    nonce: [u8; 4],
    head: Option<([u8; HEAD_WORDS], HeadStanding)>,
    rows: Vec<Vec<Heard>>,
    /// Rows that were read again, as they were heard before.
    reread: Vec<(usize, Vec<Heard>)>,
    canaries: Option<Vec<Canary>>,
}

impl FarCall {
    /// Begins an attempt. `facts` are of what was delivered; `heads` those of the record that came
    /// with it, oldest first, or none; the nonce is new for each attempt.
    pub fn begin(facts: Facts, heads: Vec<Digest>, nonce: [u8; 4]) -> FarCall {
        let rows = canary::row_lengths(facts.fingerprint.len());
        FarCall {
            rows: vec![Vec::new(); rows.len()],
            facts,
            heads,
            nonce,
            head: None,
            reread: Vec::new(),
            canaries: None,
        }
    }

    /// What was delivered.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether this is how the id of what was delivered ends.
    pub fn is_id(&self, typed: &str) -> bool {
        same_code(typed, self.facts.id_tail())
    }

    /// Whether this is the sheet code of what was delivered.
    pub fn is_sheet_code(&self, typed: &str) -> bool {
        same_code(typed, &self.facts.sheet_code)
    }

    /// Takes the head's ten words; `None` if these are not ten words in their places.
    pub fn hear_head(&mut self, typed: &str) -> Option<HeadStanding> {
        let head: [u8; HEAD_WORDS] = pgp::decode(typed).ok()?.try_into().ok()?;
        let is = |known: &Digest| known.bytes()[..HEAD_WORDS] == head;
        let standing = match self.heads.iter().rposition(is) {
            Some(at) if at + 1 == self.heads.len() => HeadStanding::Last,
            Some(_) => HeadStanding::Stale,
            None => HeadStanding::Unknown,
        };
        self.head = (standing != HeadStanding::Stale).then_some((head, standing));
        Some(standing)
    }

    /// Where the head that was heard stands.
    pub fn head_standing(&self) -> Option<HeadStanding> {
        self.head.map(|(_, standing)| standing)
    }

    /// The four words to be read to the room.
    pub fn nonce_words(&self) -> Vec<&'static str> {
        pgp::words(&self.nonce)
    }

    /// The nonce.
    pub fn nonce(&self) -> [u8; 4] {
        self.nonce
    }

    /// How many words each row has.
    pub fn row_lengths(&self) -> Vec<usize> {
        canary::row_lengths(self.facts.fingerprint.len())
    }

    /// Takes a row, from 0, as it was heard.
    pub fn hear_row(&mut self, row: usize, typed: &str) -> Result<(), RowProblem> {
        let words = heard_words(typed).map_err(|at| RowProblem::Unlisted(at + 1))?;
        let length = self.row_lengths()[row];
        if words.len() != length {
            return Err(RowProblem::Count(length));
        }
        self.rows[row] = words;
        Ok(())
    }

    /// Compares what was typed. A row is read again once, and at most two may have been misheard.
    pub fn judge(&mut self) -> Verdict {
        self.canaries = None;
        let changed = self
            .reread
            .iter()
            .filter(|(row, before)| self.rows[*row] != *before);
        if changed.count() > REREADS {
            return Verdict::Failed;
        }
        let certain: Vec<usize> = self.reread.iter().map(|(row, _)| *row).collect();
        match canary::fit(&self.facts.words(), &self.rows, &certain) {
            Fit::Exact(canaries) => {
                self.canaries = Some(canaries.clone());
                Verdict::Fits(canaries)
            }
            Fit::Rows(rows) if rows.iter().all(|row| self.read_again(*row)) => Verdict::Again(rows),
            _ => Verdict::Failed,
        }
    }

    /// The row (from 0) is read again: it does not fit, or the room says that a canary in it was
    /// misheard. `false` ends the attempt: the row was read again before, or too many were.
    pub fn read_again(&mut self, row: usize) -> bool {
        self.canaries = None;
        let Some(before) = self.rows.get(row).cloned() else {
            return false;
        };
        let known = self.reread.iter().any(|(again, _)| *again == row);
        self.reread.push((row, before));
        !known && self.reread.len() <= NAMED
    }

    /// The word at a place that the room asks for, row and word from 1; only once the reading fits.
    pub fn word_at(&self, row: usize, word: usize) -> Option<&'static str> {
        self.canaries.as_ref()?;
        let in_row = (1..=ROW).contains(&word).then_some(word - 1)?;
        let row = self.rows.get(row.checked_sub(1)?)?;
        row.get(in_row).map(|heard| heard.word())
    }

    /// All that was said, once it was.
    pub fn said(&self) -> Option<Said> {
        Some(Said {
            id: self.facts.id.clone(),
            certificate: self.facts.certificate,
            nonce: self.nonce,
            canaries: self.canaries.clone()?,
            head: self.head?.0,
        })
    }

    /// Takes the result's first half; `true` means that the room has the same key and heard the
    /// same nonce. The second half is then read to it.
    pub fn hear_result(&self, typed: &str) -> bool {
        self.said()
            .is_some_and(|said| same_words(typed, &said.halves()[0]))
    }
}

/// Crockford base32 as people say it: case does not matter, O is 0, I and L are 1.
fn same_code(typed: &str, code: &str) -> bool {
    let plain = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let typed = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    typed.map(plain).eq(code.chars().map(plain))
}
