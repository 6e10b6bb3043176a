//! The PGP word list: bytes as words that are hard to mishear.
//!
//! Source: Patrick Juola and Philip Zimmermann, "Whole-Word Phonetic Distances and the
//! PGPfone Alphabet", ICSLP 1996, in the form that PGP itself later used. Bytes at even
//! places take a word of two syllables, bytes at odd places one of three, so that a word
//! that is left out, doubled or exchanged with its neighbour shows at once.
//!
//! The words here are never secret: fingerprints, digests, nonces of a call.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use crate::error::Explain;

/// Words in a row, on paper and on the screen.
pub const ROW: usize = 4;

/// One line for each byte, 00 to ff: the even word, a blank, the odd word, in lower case.
const LIST: &str = include_str!("pgp-words.txt");

struct Table {
    /// For each byte the even and the odd word.
    pairs: Vec<[&'static str; 2]>,
    heard: HashMap<&'static str, Heard>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        pairs: Vec::with_capacity(256),
        heard: HashMap::with_capacity(512),
    };
    for (byte, line) in (0..=u8::MAX).zip(LIST.lines()) {
        let (even, odd) = line
            .split_once(' ')
            .expect("each line of the list has two words");
        table.pairs.push([even, odd]);
        table.heard.insert(even, Heard { byte, even: true });
        table.heard.insert(odd, Heard { byte, even: false });
    }
    table
});

/// The word for `byte` at `position`, counted from 0.
pub fn word(byte: u8, position: usize) -> &'static str {
    TABLE.pairs[usize::from(byte)][position % 2]
}

/// One word for each byte.
pub fn words(bytes: &[u8]) -> Vec<&'static str> {
    bytes
        .iter()
        .enumerate()
        .map(|(position, &byte)| word(byte, position))
        .collect()
}

/// The words in rows of four; the last row may be shorter.
pub fn rows(bytes: &[u8]) -> Vec<Vec<&'static str>> {
    words(bytes).chunks(ROW).map(<[_]>::to_vec).collect()
}

/// What a word that was heard stands for, whatever its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The byte.
    pub byte: u8,
    /// Whether the word belongs at an even place (counted from 0), or else at an odd one.
    pub even: bool,
}

impl Heard {
    /// The word itself.
    pub fn word(self) -> &'static str {
        word(self.byte, usize::from(!self.even))
    }
}

/// Looks `word` up in both lists, in any case; `None` if it is in neither.
pub fn lookup(word: &str) -> Option<Heard> {
    TABLE.heard.get(word.to_ascii_lowercase().as_str()).copied()
}

/// Reads words separated by white space, in any case, beginning at an even place.
///
/// No words at all are no bytes. Where the number of words is known, use [`decode_exactly`].
///
/// # Errors
/// [`WordError::Unknown`] and [`WordError::WrongPlace`], for the first word that is wrong.
pub fn decode(typed: &str) -> Result<Vec<u8>, WordError> {
    typed
        .split_whitespace()
        .enumerate()
        .map(|(at, word)| decode_one(word, at))
        .collect()
}

/// Reads exactly `expected` words, as [`decode`] does.
///
/// # Errors
/// [`WordError::Count`] comes first: a missing word makes all the ones after it wrong.
pub fn decode_exactly(typed: &str, expected: usize) -> Result<Vec<u8>, WordError> {
    let found = typed.split_whitespace().count();
    if found != expected {
        return Err(WordError::Count { found, expected });
    }
    decode(typed)
}

fn decode_one(word: &str, at: usize) -> Result<u8, WordError> {
    let heard = lookup(word).ok_or(WordError::Unknown { at })?;
    if heard.even != at.is_multiple_of(2) {
        return Err(WordError::WrongPlace { at });
    }
    Ok(heard.byte)
}

/// Why typed words stand for no bytes. Places are counted from 0 here and from 1 on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordError {
    /// The word is in neither list.
    Unknown {
        /// The word's place.
        at: usize,
    },
    /// The word belongs to the other list: one before it is missing, doubled or exchanged.
    WrongPlace {
        /// The word's place.
        at: usize,
    },
    /// There are too few or too many words.
    Count {
        /// How many words were typed.
        found: usize,
        /// How many were needed.
        expected: usize,
    },
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordError::Unknown { at } => write!(f, "word {} is not on the list", at + 1),
            WordError::WrongPlace { at } => {
                write!(
                    f,
                    "word {} is on the list, but cannot stand in that place",
                    at + 1
                )
            }
            WordError::Count { found, expected } => {
                write!(
                    f,
                    "{found} words were typed, but there should be {expected}"
                )
            }
        }
    }
}

impl std::error::Error for WordError {}

impl Explain for WordError {
    fn remedy(&self) -> String {
        match self {
            WordError::Unknown { .. } => "Look at the spelling of that word and type all again.",
            WordError::WrongPlace { .. } => {
                "A word before it is missing, doubled or exchanged. Type all the words again."
            }
            WordError::Count { .. } => "Type all the words again, in their order.",
        }
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_on_neither_list_is_refused_by_its_place() {
        assert_eq!(
            decode("aardvark nonsense"),
            Err(WordError::Unknown { at: 1 })
        );
        assert_eq!(
            decode("aardvark,adviser"),
            Err(WordError::Unknown { at: 0 })
        );
        assert_eq!(lookup(""), None);
        assert_eq!(lookup("aardvark "), None);
    }

    #[test]
    fn a_missing_doubled_or_exchanged_word_is_refused() {
        assert!(decode("topmost istanbul pluto vagabond").is_ok());
        for (typed, at) in [
            ("istanbul pluto vagabond", 0),
            ("topmost pluto vagabond", 1),
            ("topmost topmost istanbul", 1),
            ("topmost istanbul vagabond pluto", 2),
        ] {
            assert_eq!(decode(typed), Err(WordError::WrongPlace { at }), "{typed}");
        }
    }

    #[test]
    fn the_number_of_words_is_checked_before_the_words() {
        let short = WordError::Count {
            found: 1,
            expected: 2,
        };
        assert_eq!(decode_exactly("nonsense", 2), Err(short));
        assert_eq!(
            short.to_string(),
            "1 words were typed, but there should be 2"
        );
        assert_eq!(decode_exactly("aardvark adroitness", 1).ok(), None);
        assert_eq!(decode_exactly("aardvark adroitness", 2), Ok(vec![0, 0]));
    }

    #[test]
    fn people_count_places_from_one() {
        let error = decode("aardvark aardvark").expect_err("the second is at an odd place");
        assert!(error.to_string().starts_with("word 2 "), "{error}");
    }

    /// The example that descriptions of the list give, proper names capitalised as there.
    #[test]
    fn the_published_example() {
        let bytes = [
            0xE5, 0x82, 0x94, 0xF2, 0xE9, 0xA2, 0x27, 0x48, 0x6E, 0x8B, 0x06, 0x1B, 0x31, 0xCC,
            0x52, 0x8F, 0xD7, 0xFA, 0x3F, 0x19,
        ];
        let spoken = "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator \
                      goldfish Medusa afflict bravado chatter revolver Dupont midsummer \
                      stopwatch whimsical cowbell bottomless";
        assert_eq!(decode(spoken), Ok(bytes.to_vec()));
        assert_eq!(words(&bytes).join(" "), spoken.to_lowercase());
        assert_eq!(
            rows(&bytes)[4],
            ["stopwatch", "whimsical", "cowbell", "bottomless"]
        );
    }

    #[test]
    fn the_table_is_complete_and_no_word_stands_twice() {
        assert_eq!(LIST.lines().count(), 256);
        assert_eq!(TABLE.heard.len(), 512);
        let plain = |c: char| c.is_ascii_lowercase() || c == ' ' || c == '\n';
        assert!(LIST.chars().all(plain));
    }

    #[test]
    fn all_512_words_are_those_of_another_implementation() {
        for byte in 0..=u8::MAX {
            assert_eq!(
                words(&[byte, byte]),
                pgp_words::to_words(&[byte, byte]),
                "{byte:02x}"
            );
        }
    }

    proptest! {
        #[test]
        fn words_decode_to_their_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let typed = words(&bytes).join("  \t").to_uppercase();
            prop_assert_eq!(decode(&typed), Ok(bytes.clone()));
            prop_assert_eq!(rows(&bytes).concat(), words(&bytes));
        }

        #[test]
        fn every_heard_word_is_found_whatever_its_place(byte: u8, position: usize) {
            let heard = lookup(word(byte, position));
            prop_assert_eq!(heard, Some(Heard { byte, even: position % 2 == 0 }));
        }

        #[test]
        fn any_text_is_read_or_refused(typed in ".{0,80}") {
            if let Ok(bytes) = decode(&typed) {
                prop_assert_eq!(bytes.len(), typed.split_whitespace().count());
            }
        }
    }
}
