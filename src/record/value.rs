//! The values that the transcript's fields hold, each with exactly one spelling.

use std::fmt;

use crate::attestation::Firmware;
use crate::digest::{Digest, Fingerprint};
use crate::role::Role;

/// A field's value: written one way, and read back only from that way.
pub trait Value: Sized {
    /// The one spelling: printable ASCII, never empty.
    fn write(&self) -> String;
    /// Reads exactly what [`Value::write`] writes.
    fn read(text: &str) -> Option<Self>;
}

/// Defines a closed list of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// The whole list.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word as the record writes it.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }

        impl Value for $name {
            fn write(&self) -> String {
                self.word().to_string()
            }
            fn read(text: &str) -> Option<Self> {
                $name::ALL.iter().copied().find(|each| each.word() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Whether a record is of a ceremony or of a rehearsal.
    Mode { Ceremony = "ceremony", Rehearsal = "rehearsal" }
}

words! {
    /// What a checkpoint authorises: a step (by its kind), or one of the last three.
    Act {
        RollCall = "roll-call",
        Media = "media",
        Generate = "generate",
        Fingerprint = "fingerprint",
        ReadBack = "read-back",
        Share = "share",
        Backup = "backup",
        Revocation = "revocation",
        Drill = "drill",
        Trial = "trial",
        Export = "export",
        Phone = "phone",
        Open = "open",
        Enrol = "enrol",
        Close = "close",
        /// An exception that was just recorded.
        Exception = "exception",
        /// Going on after an interruption.
        Resume = "resume",
        /// That a key is given up.
        Abandon = "abandon",
    }
}

words! {
    /// What an exception decided; nothing else can be decided.
    Decision {
        TryAgain = "try-again",
        ReplaceDevice = "replace-device",
        CopyByHand = "copy-by-hand",
        SetUpAgain = "set-up-again",
        Abort = "abort",
    }
}

impl Decision {
    /// The choice as a person reads it.
    pub fn plain(self) -> &'static str {
        match self {
            Decision::TryAgain => "try again",
            Decision::ReplaceDevice => "replace a device",
            Decision::CopyByHand => "copy by hand",
            Decision::SetUpAgain => "set a slot up again",
            Decision::Abort => "abort the ceremony",
        }
    }
}

words! {
    /// Which part of a share a person wrote down: all of it, or one half of an absent custodian's.
    Part { Whole = "whole", First = "first", Second = "second" }
}

words! {
    /// What opened a capsule: a program with the words, or both operators' tokens.
    Opener { Gpg = "gpg", Library = "library", Token = "token" }
}

words! {
    /// How the call confirmed the fingerprint: words with canaries, typed into the verifier's
    /// program; or digits without, where the verifier had stock gpg alone.
    Spoken { Canaries = "canaries", Digits = "digits" }
}

words! {
    /// A page that is printed: the fingerprint sheet, or the recovery sheets.
    Sheet { Fingerprint = "fingerprint", Recovery = "recovery" }
}

words! {
    /// What a page was printed by: a device of the kernel, a queue of CUPS, or a folder whose files
    /// are printed elsewhere.
    PrintedBy { Raw = "raw", Cups = "cups", Folder = "folder" }
}

words! {
    /// What there is instead of a page that was not printed.
    Instead { ByHand = "by-hand", LeftOut = "left-out" }
}

words! {
    /// How an operator signs.
    Means { File = "file", Token = "token" }
}

words! {
    /// Whose keys are in a token: an operator's, or the key that the ceremony makes.
    Holder { A = "A", B = "B", Key = "key" }
}

words! {
    /// Whether an operator's certificate was pinned before the ceremony or made in it.
    Standing { Pinned = "pinned", Enrolled = "enrolled" }
}

/// The people who acted, by letter, in order: `A B`, or `none` for the program alone.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Actors(Vec<char>);

impl Actors {
    /// Nobody: the program acted alone.
    pub fn none() -> Actors {
        Actors(Vec::new())
    }

    /// Both operators.
    pub fn both() -> Actors {
        Actors(vec!['A', 'B'])
    }

    /// These people; order and repetition do not matter.
    pub fn of(letters: impl IntoIterator<Item = char>) -> Actors {
        let mut letters: Vec<char> = letters.into_iter().collect();
        letters.sort_unstable();
        letters.dedup();
        Actors(letters)
    }

    /// The letters, in order.
    pub fn letters(&self) -> &[char] {
        &self.0
    }
}

impl Value for Actors {
    fn write(&self) -> String {
        if self.0.is_empty() {
            return "none".to_string();
        }
        self.0
            .iter()
            .map(char::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Actors::none());
        }
        let mut letters = Vec::new();
        for word in text.split(' ') {
            let mut chars = word.chars();
            let letter = chars
                .next()
                .filter(|c| ('A'..='T').contains(c) && chars.next().is_none())?;
            letters.push(letter);
        }
        letters
            .is_sorted_by(|a, b| a < b)
            .then_some(Actors(letters))
    }
}

/// Text of a narrow alphabet: letters, digits and `.`, `-`, `_`, `+`, `/`; 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// `None` if there are other characters, none at all, or too many.
    pub fn new(text: &str) -> Option<Token> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
        ((1..=64).contains(&text.len()) && text.chars().all(fits)).then(|| Token(text.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Token {
    fn write(&self) -> String {
        self.0.clone()
    }
    fn read(text: &str) -> Option<Self> {
        Token::new(text)
    }
}

impl Value for u32 {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|n: &u32| n.to_string() == text)
    }
}

impl Value for u64 {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|n: &u64| n.to_string() == text)
    }
}

impl Value for char {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        chars
            .next()
            .filter(|c| ('A'..='T').contains(c) && chars.next().is_none())
    }
}

impl Value for Firmware {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        Firmware::parse(text)
    }
}

impl Value for Digest {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        Digest::parse(text)
    }
}

impl Value for Fingerprint {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        Fingerprint::parse(text)
    }
}

impl Value for Role {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A value that may be absent is written `none`.
impl<T: Value> Value for Option<T> {
    fn write(&self) -> String {
        self.as_ref()
            .map_or_else(|| "none".to_string(), Value::write)
    }
    fn read(text: &str) -> Option<Self> {
        if text == "none" {
            Some(None)
        } else {
            T::read(text).map(Some)
        }
    }
}

/// The SHA-256 of a signature's file, or `refused` where an operator did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The operator signed; this is the file's hash.
    Yes(Digest),
    /// The operator did not sign.
    Refused,
}

impl Value for Signed {
    fn write(&self) -> String {
        match self {
            Signed::Yes(hash) => hash.to_string(),
            Signed::Refused => "refused".to_string(),
        }
    }
    fn read(text: &str) -> Option<Self> {
        if text == "refused" {
            return Some(Signed::Refused);
        }
        Digest::parse(text).map(Signed::Yes)
    }
}
