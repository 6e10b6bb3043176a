//! A custodian's share: 128 bits as 12 words of the BIP-39 English list.
//!
//! Source: BIP-39, "Mnemonic code for generating deterministic keys", 2013. Only its words
//! and its checksum are used here: the words themselves, in lower case and joined by single
//! blanks, are the passphrase; no seed is derived from them. An absent custodian's share is
//! two such blocks, joined by a blank.
//!
//! Of the crate `bip39` only the word list is used. Its `Mnemonic` can be cloned and printed,
//! and does not wipe what it computes on the way; the checksum is a few lines.
//!
//! Nothing here shows a word: errors name places only.

use std::fmt;

use bip39::Language;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::Explain;
use crate::secret::SecretText;

/// Words in a block: 11 bits each, 128 bits of entropy and 4 of checksum.
pub const WORDS: usize = 12;

/// Blocks in the longest share: an absent custodian's, half written by A and half by B.
pub const MAX_BLOCKS: usize = 2;

/// Bytes of entropy in a block.
const ENTROPY: usize = 16;
const BITS_PER_WORD: usize = 11;
const LONGEST_WORD: usize = 8;
const LONGEST_BLOCK: usize = WORDS * (LONGEST_WORD + 1) - 1;

/// A block's bits: the entropy, then the checksum in the upper half of the last byte.
type Block = Zeroizing<[u8; ENTROPY + 1]>;

/// The 12 words for `entropy`, in lower case, joined by single blanks.
pub fn from_entropy(entropy: &[u8; ENTROPY]) -> SecretText {
    let list = Language::English.word_list();
    let mut block: Block = Zeroizing::new([0; ENTROPY + 1]);
    block[..ENTROPY].copy_from_slice(entropy);
    block[ENTROPY] = checksum(entropy);

    let mut words = SecretText::with_capacity(LONGEST_BLOCK);
    for at in 0..WORDS {
        if at > 0 {
            words.push_str(" ");
        }
        words.push_str(list[index_at(&block, at)]);
    }
    words
}

/// Whether `word` is on the list, in any case.
pub fn is_word(word: &str) -> bool {
    if word.len() > LONGEST_WORD {
        return false;
    }
    let mut lower = Zeroizing::new([0; LONGEST_WORD]);
    for (to, from) in lower.iter_mut().zip(word.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    std::str::from_utf8(&lower[..word.len()])
        .ok()
        .and_then(index_of)
        .is_some()
}

/// Checks a share as it was typed, in any case: one block of 12 words or two, each word on
/// the list, each block with its checksum.
///
/// One mistaken word passes the checksum in one of 16 cases, so this finds most slips early;
/// what decides is whether the capsule opens.
///
/// # Errors
/// The first of [`ShareError`]'s cases that holds.
pub fn check(words: &SecretText) -> Result<(), ShareError> {
    let normal = words.normalized_words();
    let found = normal
        .expose()
        .split(' ')
        .filter(|word| !word.is_empty())
        .count();
    if found == 0 || !found.is_multiple_of(WORDS) || found > WORDS * MAX_BLOCKS {
        return Err(ShareError::Count { found });
    }
    let mut blocks: [Block; MAX_BLOCKS] = std::array::from_fn(|_| Zeroizing::new([0; ENTROPY + 1]));
    for (at, word) in normal.expose().split(' ').enumerate() {
        let index = index_of(word).ok_or(ShareError::Unknown { at })?;
        set_index(&mut blocks[at / WORDS], at % WORDS, index);
    }
    for (block, bits) in blocks.iter().take(found / WORDS).enumerate() {
        let entropy = bits.first_chunk().expect("a block begins with its entropy");
        if checksum(entropy) != bits[ENTROPY] {
            return Err(ShareError::Checksum { block });
        }
    }
    Ok(())
}

/// The first four bits of the entropy's SHA-256, in the upper half of a byte.
fn checksum(entropy: &[u8; ENTROPY]) -> u8 {
    let mut digest = Zeroizing::new([0; 32]);
    let mut hasher = Sha256::new();
    hasher.update(entropy);
    hasher.finalize_into((&mut *digest).into());
    digest[0] & 0xf0
}

fn index_of(word: &str) -> Option<usize> {
    Language::English.find_word(word).map(usize::from)
}

/// The index of the word at `at`: its 11 bits, most significant first.
fn index_at(block: &Block, at: usize) -> usize {
    (at * BITS_PER_WORD..(at + 1) * BITS_PER_WORD).fold(0, |index, bit| {
        index << 1 | usize::from(block[bit / 8] >> (7 - bit % 8) & 1)
    })
}

/// Puts the index of the word at `at` into an empty place.
fn set_index(block: &mut Block, at: usize, index: usize) {
    for offset in 0..BITS_PER_WORD {
        let bit = at * BITS_PER_WORD + offset;
        let set = index >> (BITS_PER_WORD - 1 - offset) & 1 == 1;
        block[bit / 8] |= u8::from(set) << (7 - bit % 8);
    }
}

/// Why a typed share is not one. Places are counted from 0 here and from 1 on the screen;
/// no word is ever named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareError {
    /// Neither 12 words nor 24.
    Count {
        /// How many words were typed.
        found: usize,
    },
    /// The word is not on the list.
    Unknown {
        /// The word's place.
        at: usize,
    },
    /// All words are on the list, but they do not belong together.
    Checksum {
        /// Which block of 12.
        block: usize,
    },
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShareError::Count { found } => {
                write!(f, "{found} words were typed, but a card has {WORDS}")
            }
            ShareError::Unknown { at } => write!(f, "word {} is not on the list", at + 1),
            ShareError::Checksum { block } => {
                let (first, last) = (block * WORDS + 1, (block + 1) * WORDS);
                write!(f, "the words {first} to {last} do not fit together")
            }
        }
    }
}

impl std::error::Error for ShareError {}

impl Explain for ShareError {
    fn remedy(&self) -> String {
        match self {
            ShareError::Count { .. } => {
                "Type all the words of the card, with a blank after each. \
                 If the share is on two cards, type the first card's words, then the second's."
            }
            ShareError::Unknown { .. } => {
                "Compare that word on the card letter by letter and type all the words again."
            }
            ShareError::Checksum { .. } => {
                "At least one word is wrong or in the wrong place. \
                 Compare them with the card one by one and type them again."
            }
        }
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The 128-bit vectors that BIP-39 refers to (english, entropy and mnemonic).
    const VECTORS: [([u8; 16], &str); 8] = [
        (
            [0; 16],
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
             abandon about",
        ),
        (
            [0x7f; 16],
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
        ),
        (
            [0x80; 16],
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        ),
        (
            [0xff; 16],
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
        ),
        (
            0x9e885d952ad362caeb4efe34a8e91bd2_u128.to_be_bytes(),
            "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
        ),
        (
            0xc0ba5a8e914111210f2bd131f3d5e08d_u128.to_be_bytes(),
            "scheme spot photo card baby mountain device kick cradle pact join borrow",
        ),
        (
            0x23db8160a31d3e0dca3688ed941adbf3_u128.to_be_bytes(),
            "cat swing flag economy stadium alone churn speed unique patch report train",
        ),
        (
            0xf30f8c1da665478f49b001d94c5fc452_u128.to_be_bytes(),
            "vessel ladder alter error federal sibling chat ability sun glass valve picture",
        ),
    ];

    fn text(words: &str) -> SecretText {
        SecretText::from_string(words.to_string())
    }

    #[test]
    fn a_wrong_number_of_words_is_refused() {
        for (words, found) in [("", 0), ("  ", 0), ("zoo", 1)] {
            assert_eq!(check(&text(words)), Err(ShareError::Count { found }));
        }
        for found in [11, 13, 23, 25, 36] {
            assert_eq!(
                check(&text(&"zoo ".repeat(found))),
                Err(ShareError::Count { found })
            );
        }
    }

    #[test]
    fn an_unknown_word_is_refused_by_its_place() {
        let words = VECTORS[3].1.replacen("wrong", "wrongs", 1);
        assert_eq!(check(&text(&words)), Err(ShareError::Unknown { at: 11 }));
        for word in [
            "",
            " ",
            "zo",
            "zoo ",
            "zoos",
            "abandoned",
            "z\u{f6}o",
            "\u{130}ce",
        ] {
            assert!(!is_word(word), "{word:?}");
        }
        assert!(is_word("Zoo") && is_word("ABSTRACT"));
    }

    #[test]
    fn words_that_do_not_belong_together_are_refused_by_their_block() {
        let (good, bad) = (VECTORS[1].1, "zoo ".repeat(WORDS));
        let error = |words: &str| check(&text(words)).expect_err("a bad block");
        assert_eq!(error(&bad), ShareError::Checksum { block: 0 });
        assert_eq!(
            error(&format!("{good} {bad}")),
            ShareError::Checksum { block: 1 }
        );
        assert_eq!(
            error(&format!("{bad} {good}")),
            ShareError::Checksum { block: 0 }
        );
        let swapped = good.replacen("legal winner", "winner legal", 1);
        assert_eq!(error(&swapped), ShareError::Checksum { block: 0 });
    }

    #[test]
    fn no_error_names_a_word() {
        let typed = VECTORS[0].1.replace("about", "xyzzy");
        let typed = [typed, "zoo ".repeat(WORDS), "zoo ".repeat(WORDS - 1)];
        for (words, named) in typed.iter().zip(["xyzzy", "zoo", "zoo"]) {
            let error = check(&text(words)).expect_err("not a share");
            let said = format!("{error} {} {error:?}", error.remedy());
            assert!(!said.contains(named) && !said.contains("abandon"), "{said}");
        }
    }

    #[test]
    fn published_vectors() {
        for (entropy, words) in VECTORS {
            let made = from_entropy(&entropy);
            assert_eq!(made.expose(), words);
            assert_eq!(check(&made), Ok(()));
        }
    }

    #[test]
    fn a_share_never_outgrows_its_buffer() {
        let longest = Language::English
            .word_list()
            .iter()
            .map(|word| word.len())
            .max();
        assert_eq!(longest, Some(LONGEST_WORD));
    }

    proptest! {
        #[test]
        fn made_as_the_crate_makes_them(entropy: [u8; 16]) {
            let theirs = bip39::Mnemonic::from_entropy(&entropy).expect("128 bits");
            let theirs: Vec<_> = theirs.words().collect();
            let ours = from_entropy(&entropy);
            prop_assert_eq!(ours.expose(), theirs.join(" "));
            prop_assert!(theirs.iter().all(|word| is_word(word)));
            prop_assert_eq!(check(&ours), Ok(()));
        }

        #[test]
        fn two_cards_in_any_case_pass(a: [u8; 16], b: [u8; 16]) {
            let (a, b) = (from_entropy(&a), from_entropy(&b));
            let typed = format!(" {}\n{}\t", a.expose().to_uppercase(), b.expose());
            prop_assert_eq!(check(&text(&typed)), Ok(()));
        }

        #[test]
        fn agrees_with_the_crate_on_any_twelve_words(
            indices in prop::collection::vec(0..2048_usize, WORDS)
        ) {
            let list = Language::English.word_list();
            let words: Vec<_> = indices.iter().map(|&index| list[index]).collect();
            let theirs = bip39::Mnemonic::parse_in_normalized(Language::English, &words.join(" "));
            prop_assert_eq!(check(&text(&words.join(" "))).is_ok(), theirs.is_ok());
        }
    }
}
