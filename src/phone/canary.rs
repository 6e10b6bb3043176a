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

/// Compares the rows that were heard with the fingerprint's words.
///
/// Rows that do not fit are named only if one or two explain everything: otherwise one could find
/// out the fingerprint row by row. A canary that was misheard as its neighbour's twin leaves two
/// ways to fit; the first is taken, and the room's program finds that it is not what was read.
pub fn fit(own: &[Heard], rows: &[Vec<Heard>]) -> Fit {
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    if lengths != row_lengths(own.len()) {
        return Fit::Not;
    }
    let heard: Vec<Heard> = rows.concat();
    if ways(own, &heard) > 0 {
        return Fit::Exact(extras(own, &heard));
    }
    let all: Vec<usize> = (0..rows.len()).collect();
    let alone = |row: &&usize| fits_without(own, rows, &[**row]);
    let one: Vec<usize> = all.iter().filter(alone).copied().collect();
    if !one.is_empty() {
        return named(one);
    }
    let pairs = all
        .iter()
        .flat_map(|a| all[a + 1..].iter().map(|b| [*a, *b]));
    let pairs: Vec<[usize; 2]> = pairs.filter(|pair| fits_without(own, rows, pair)).collect();
    match pairs[..] {
        [] => Fit::Not,
        [pair] => named(pair.to_vec()),
        // Whatever the other one is: what all explanations have in common is wrong.
        _ => named(
            all.into_iter()
                .filter(|row| pairs.iter().all(|p| p.contains(row)))
                .collect(),
        ),
    }
}

fn named(rows: Vec<usize>) -> Fit {
    match rows.len() {
        1 | 2 => Fit::Rows(rows),
        _ => Fit::Not,
    }
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

/// Whether all rows but these can be explained: by the fingerprint's words in order, and three
/// canaries in all. A row that is left out hides as many words as it has.
fn fits_without(own: &[Heard], rows: &[Vec<Heard>], left_out: &[usize]) -> bool {
    // reached[n]: n words of the fingerprint can be accounted for by the rows so far. How many
    // canaries there were follows: all words so far less n.
    let mut reached = vec![false; own.len() + 1];
    reached[0] = true;
    let mut so_far = 0;
    for (at, row) in rows.iter().enumerate() {
        if left_out.contains(&at) {
            let mut next = vec![false; own.len() + 1];
            for n in (0..=own.len()).filter(|n| reached[*n]) {
                let most = (n + row.len()).min(own.len());
                next[n..=most].fill(true);
            }
            reached = next;
        } else {
            for word in row {
                let mut next = vec![false; own.len() + 1];
                for n in (0..=own.len()).filter(|n| reached[*n]) {
                    next[n] = true;
                    if own.get(n) == Some(word) {
                        next[n + 1] = true;
                    }
                }
                reached = next;
            }
        }
        so_far += row.len();
        for (n, reached) in reached.iter_mut().enumerate() {
            *reached &= so_far - n.min(so_far) <= CANARIES && n <= so_far;
        }
    }
    reached[own.len()]
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
