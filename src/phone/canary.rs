//! Canary words: drawn into a reading by the room, found again by the verifier's program.

use super::{CANARIES, below, places};
use crate::words::pgp::{self, Heard, ROW};

/// The words of a fingerprint, each with the list that its place asks for.
pub fn words_of(fingerprint: &[u8]) -> Vec<Heard> {
    let word = |(at, &byte): (usize, &u8)| Heard {
        byte,
        even: at.is_multiple_of(2),
    };
    fingerprint.iter().enumerate().map(word).collect()
}

/// A word that does not belong to the fingerprint, and its place among all words, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The place.
    pub place: usize,
    /// The word; of either list.
    pub word: Heard,
}

impl Canary {
    /// The row, from 1, and the word's number in it, from 1: as people say it.
    pub fn row_and_word(&self) -> (usize, usize) {
        (self.place / ROW + 1, self.place % ROW + 1)
    }
}

/// What is read aloud: the fingerprint's words with the canaries among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// All words, in order.
    pub words: Vec<Heard>,
    /// The canaries, in the order of their places.
    pub canaries: Vec<Canary>,
}

impl Reading {
    /// Draws three canaries and their places, again and again until they fit in one way only: a
    /// canary that equals its neighbour could be either of the two.
    pub fn draw<E>(
        fingerprint: &[u8],
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Reading, E> {
        let own = words_of(fingerprint);
        loop {
            let places = places(CANARIES, own.len() + CANARIES, random)?;
            let mut canaries = Vec::with_capacity(CANARIES);
            for place in places {
                let drawn = below(512, random)?;
                let word = Heard {
                    byte: (drawn / 2) as u8,
                    even: drawn % 2 == 0,
                };
                canaries.push(Canary { place, word });
            }
            let reading = Reading {
                words: insert(&own, &canaries),
                canaries,
            };
            if ways(&own, &reading.words) == 1 {
                return Ok(reading);
            }
        }
    }

    /// The words in rows of four; the last row has fewer.
    pub fn rows(&self) -> Vec<Vec<&'static str>> {
        let words: Vec<&'static str> = self.words.iter().map(|word| word.word()).collect();
        words.chunks(ROW).map(<[_]>::to_vec).collect()
    }
}

fn insert(own: &[Heard], canaries: &[Canary]) -> Vec<Heard> {
    let mut own = own.iter();
    let total = own.len() + canaries.len();
    let at = |place| canaries.iter().find(|canary| canary.place == place);
    (0..total)
        .filter_map(|place| at(place).map_or_else(|| own.next().copied(), |c| Some(c.word)))
        .collect()
}

/// In how many ways `own` can be found in `heard`, in order and with words between; at most
/// [`u32::MAX`].
fn ways(own: &[Heard], heard: &[Heard]) -> u32 {
    // ways[n]: how often the first n words were found so far.
    let mut ways = vec![0u32; own.len() + 1];
    ways[0] = 1;
    for word in heard {
        for n in (0..own.len()).rev() {
            if own[n] == *word {
                ways[n + 1] = ways[n + 1].saturating_add(ways[n]);
            }
        }
    }
    ways[own.len()]
}

/// How what was heard compares with a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The fingerprint, and exactly these three words more.
    Exact(Vec<Canary>),
    /// All can be explained but these rows (from 0), one or two.
    Rows(Vec<usize>),
    /// It is not this fingerprint, or there are no canaries in it.
    Not,
}

/// How many words each row of a reading of `words` fingerprint words has.
pub fn row_lengths(words: usize) -> Vec<usize> {
    let total = words + CANARIES;
    (0..total)
        .step_by(ROW)
        .map(|at| ROW.min(total - at))
        .collect()
}

/// Compares the rows that were heard with the fingerprint's words; `certain` rows were read again,
/// and are not named again.
///
/// Rows that do not fit are named only if one or two explain everything: otherwise one could find
/// out the fingerprint row by row. A canary that was misheard as its neighbour's twin leaves two
/// ways to fit; the first is taken, and the room's program finds that it is not what was read.
pub fn fit(own: &[Heard], rows: &[Vec<Heard>], certain: &[usize]) -> Fit {
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    if lengths != row_lengths(own.len()) {
        return Fit::Not;
    }
    let heard: Vec<Heard> = rows.concat();
    if ways(own, &heard) > 0 {
        return Fit::Exact(extras(own, &heard));
    }
    let explanations = explain(own, rows, certain);
    let in_any = |row: &usize| explanations.iter().any(|rows| rows.contains(row));
    let suspects: Vec<usize> = (0..rows.len()).filter(in_any).collect();
    match (suspects.len(), explanations.into_iter().next()) {
        (1 | 2, _) => Fit::Rows(suspects),
        // Several explanations: if the first is wrong, the next one is tried.
        (_, Some(first)) if first.len() <= 2 => Fit::Rows(first),
        _ => Fit::Not,
    }
}

/// An explanation of what was heard: which rows are wrong, and how many words in them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Explanation {
    rows: Vec<usize>,
    words: usize,
}

/// The sets of wrong rows that explain what was heard best: with the fewest wrong rows, and of
/// these with the fewest words misheard.
fn explain(own: &[Heard], rows: &[Vec<Heard>], certain: &[usize]) -> Vec<Vec<usize>> {
    // best[n]: how the rows so far can be explained by the first n words of the fingerprint. How
    // many canaries there were follows: all words so far less n.
    let mut best: Vec<Vec<Explanation>> = vec![Vec::new(); own.len() + 1];
    let nothing = Explanation {
        rows: Vec::new(),
        words: 0,
    };
    best[0].push(nothing);
    let mut so_far = 0;
    for (at, row) in rows.iter().enumerate() {
        so_far += row.len();
        let mut next: Vec<Vec<Explanation>> = vec![Vec::new(); own.len() + 1];
        for (n, before) in best.iter().enumerate().filter(|(_, e)| !e.is_empty()) {
            for taken in row.len().saturating_sub(CANARIES)..=row.len() {
                let Some(words) = own.get(n..n + taken) else {
                    continue;
                };
                if so_far - (n + taken) > CANARIES {
                    continue;
                }
                let wrong = misheard(words, row);
                if wrong > 0 && certain.contains(&at) {
                    continue;
                }
                for explanation in before {
                    let mut explanation = explanation.clone();
                    explanation.words += wrong;
                    if wrong > 0 {
                        explanation.rows.push(at);
                    }
                    keep_best(&mut next[n + taken], explanation);
                }
            }
        }
        best = next;
    }
    let last = best.pop().unwrap_or_default();
    last.into_iter()
        .map(|explanation| explanation.rows)
        .collect()
}

/// Keeps the explanations that are as good as the best one, each once.
fn keep_best(kept: &mut Vec<Explanation>, new: Explanation) {
    let rank = |explanation: &Explanation| (explanation.rows.len(), explanation.words);
    if let Some(best) = kept.first() {
        if rank(&new) > rank(best) {
            return;
        }
        if rank(&new) < rank(best) {
            kept.clear();
        }
    }
    if !kept.contains(&new) {
        kept.push(new);
    }
}

/// How many of a row's words, at least, are neither the fingerprint's words there nor canaries.
fn misheard(words: &[Heard], row: &[Heard]) -> usize {
    // fewest[n]: so many were misheard if the words so far are the first n, and canaries.
    let canaries = row.len() - words.len();
    let mut fewest = vec![None; words.len() + 1];
    fewest[0] = Some(0);
    for (at, heard) in row.iter().enumerate() {
        let mut next = vec![None; words.len() + 1];
        for (n, wrong) in fewest.iter().enumerate() {
            let Some(wrong) = *wrong else { continue };
            let mut offer = |to: usize, wrong: usize| {
                let is_less = next[to].is_none_or(|best| wrong < best);
                if is_less {
                    next[to] = Some(wrong);
                }
            };
            if at - n < canaries {
                offer(n, wrong);
            }
            if let Some(word) = words.get(n) {
                offer(n + 1, wrong + usize::from(word != heard));
            }
        }
        fewest = next;
    }
    fewest[words.len()].unwrap_or(row.len())
}

/// The words beyond the fingerprint's, where it was found.
fn extras(own: &[Heard], heard: &[Heard]) -> Vec<Canary> {
    let mut own = own.iter().peekable();
    let mut extras = Vec::new();
    for (place, word) in heard.iter().enumerate() {
        if own.peek() == Some(&word) {
            own.next();
        } else {
            extras.push(Canary { place, word: *word });
        }
    }
    extras
}

/// A canary as the record writes it: the place among all words, from 1, and the word.
pub fn write(canaries: &[Canary]) -> String {
    let one = |canary: &Canary| format!("{}-{}", canary.place + 1, canary.word.word());
    canaries.iter().map(one).collect::<Vec<_>>().join(".")
}

/// Reads what [`write`] writes, for a fingerprint of so many words; nothing else.
pub fn read(text: &str, words: usize) -> Option<Vec<Canary>> {
    let mut canaries = Vec::with_capacity(CANARIES);
    for part in text.split('.') {
        let (place, word) = part.split_once('-')?;
        let place: usize = place.parse().ok()?;
        let word = pgp::lookup(word)?;
        canaries.push(Canary {
            place: place.checked_sub(1)?,
            word,
        });
    }
    let in_order = canaries
        .windows(2)
        .all(|pair| pair[0].place < pair[1].place);
    let fits = canaries.len() == CANARIES
        && in_order
        && canaries.last()?.place < words + CANARIES
        && write(&canaries) == text;
    fits.then_some(canaries)
}
