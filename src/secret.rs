//! Secret bytes and text: built in place, zeroized on drop, never `Clone`, never `Debug`.
//!
//! A `Vec` that grows leaves its old contents behind in freed memory, so a secret's
//! buffer is given its full capacity at the start and refuses to grow.

use zeroize::{Zeroize, Zeroizing};

/// The longest secret text that is accepted from a keyboard, in bytes.
pub const MAX_TYPED: usize = 512;

/// Secret bytes, zeroized on drop.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over a buffer that was filled elsewhere; the buffer itself is kept, not copied.
    pub fn from_vec(bytes: Vec<u8>) -> SecretBytes {
        SecretBytes(Zeroizing::new(bytes))
    }

    /// `len` bytes, filled in place by `fill`.
    pub fn build<E>(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<SecretBytes, E> {
        let mut bytes = Zeroizing::new(vec![0; len]);
        fill(&mut bytes)?;
        Ok(SecretBytes(bytes))
    }

    /// The bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Secret text (a passphrase, a share's words), zeroized on drop.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// An empty text with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> SecretText {
        SecretText(Zeroizing::new(String::with_capacity(capacity)))
    }

    /// Takes over a string that was filled elsewhere; its buffer is kept, not copied.
    pub fn from_string(text: String) -> SecretText {
        SecretText(Zeroizing::new(text))
    }

    /// Appends `text`. Grows by hand, so that no copy of the old contents is left behind.
    pub fn push_str(&mut self, text: &str) {
        if self.0.len() + text.len() > self.0.capacity() {
            let mut larger = String::with_capacity((self.0.len() + text.len()) * 2);
            larger.push_str(&self.0);
            self.0.zeroize();
            *self.0 = larger;
        }
        self.0.push_str(text);
    }

    /// The text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both texts are the same; takes as long wherever they differ.
    pub fn same_as(&self, other: &SecretText) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
    }

    /// The words in lower case, joined by single blanks: how a share is used as a passphrase.
    pub fn normalized_words(&self) -> SecretText {
        let mut out = SecretText::with_capacity(self.0.len());
        for word in self.0.split_whitespace() {
            if !out.0.is_empty() {
                out.0.push(' ');
            }
            word.chars()
                .for_each(|c| out.0.push(c.to_ascii_lowercase()));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> SecretText {
        let mut t = SecretText::with_capacity(4);
        t.push_str(s);
        t
    }

    #[test]
    fn words_are_normalized() {
        let typed = text("  ABandon  ability\table ");
        assert_eq!(typed.normalized_words().expose(), "abandon ability able");
    }

    #[test]
    fn comparison_sees_length_and_content() {
        assert!(text("one two").same_as(&text("one two")));
        assert!(!text("one two").same_as(&text("one twx")));
        assert!(!text("one").same_as(&text("one two")));
    }

    #[test]
    fn pushing_past_the_capacity_keeps_the_text() {
        let mut t = text("abcd");
        t.push_str("efghijkl");
        assert_eq!(t.expose(), "abcdefghijkl");
    }
}
