//! What never gets onto paper, whoever asks for it.
//!
//! The ceremony's own sheets are made from what is public or encrypted; this is the second lock, and the
//! only one for files that people name.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Exit, Explain};
use crate::words::share;

/// A page has something secret on it, and is not printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOnPage {
    /// A secret OpenPGP key, armored.
    Key,
    /// As many words of the list one after the other as a share has.
    Words,
}

impl fmt::Display for SecretOnPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecretOnPage::Key => "there is a secret key on this page",
            SecretOnPage::Words => "there seem to be the words of a share on this page",
        })
    }
}

impl std::error::Error for SecretOnPage {}

impl Explain for SecretOnPage {
    fn remedy(&self) -> String {
        "Secrets are never printed: printers and their queues keep what they print. Words are \
         copied to cards by hand; a key is printed encrypted alone (`ceremony sheet --recovery`)."
            .to_string()
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

const ARMOR: &[u8] = b"BEGIN PGP PRIVATE KEY BLOCK";

/// Looks for armored secret keys and for shares. Numbers and punctuation between words do not hide them.
pub(super) fn refuse(bytes: &[u8]) -> Result<(), SecretOnPage> {
    if bytes.windows(ARMOR.len()).any(|at| at == ARMOR) {
        return Err(SecretOnPage::Key);
    }
    let mut run = 0;
    let mut word = Zeroizing::new(Vec::with_capacity(64));
    // One byte more than there is, so that the last word ends.
    for byte in bytes.iter().chain(b" ") {
        if byte.is_ascii_alphabetic() {
            // No word of the list is nearly as long; what is longer is none.
            if word.len() < 32 {
                word.push(*byte);
            }
            continue;
        }
        if word.is_empty() {
            continue;
        }
        let listed = std::str::from_utf8(&word).is_ok_and(share::is_word);
        run = if listed { run + 1 } else { 0 };
        word.clear();
        if run >= share::WORDS {
            return Err(SecretOnPage::Words);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_shares_are_refused_however_they_stand_on_the_page() {
        let words = share::from_entropy(&[7; 16]);
        let list: Vec<&str> = words.expose().split(' ').collect();
        let numbered: Vec<String> = (1..)
            .zip(&list)
            .map(|(n, w)| format!("{n:>2}. {w}\r\n"))
            .collect();
        for text in [
            words.expose().to_string(),
            words.expose().to_uppercase(),
            format!("Share of A: {}", list.join(", ")),
            numbered.concat(),
        ] {
            assert_eq!(
                refuse(text.as_bytes()),
                Err(SecretOnPage::Words),
                "{}",
                text.len()
            );
        }
        let key = b"-----BEGIN PGP PRIVATE KEY BLOCK-----";
        assert_eq!(refuse(key), Err(SecretOnPage::Key));
    }

    #[test]
    fn all_else_passes() {
        let words = share::from_entropy(&[7; 16]);
        let some: Vec<&str> = words.expose().split(' ').take(share::WORDS - 1).collect();
        for text in [
            some.join(" "),
            format!("{} sixteen {}", some.join(" "), some.join(" ")),
            "-----BEGIN PGP MESSAGE-----".to_string(),
            include_str!("../../docs/paper-backup.md").to_string(),
            String::new(),
        ] {
            assert_eq!(refuse(text.as_bytes()), Ok(()));
        }
        assert!(!SecretOnPage::Key.remedy().is_empty());
    }
}
