//! What the players of an automatic rehearsal wrote by hand, as files in `paper/`.
//!
//! Nothing but an automatic rehearsal ever writes these.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files are touched"
)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::TerminalError;
use super::system::{System, SystemError};
use crate::plan::Operator;
use crate::record::value::Part;
use crate::secret::SecretText;
use crate::words::share;

/// See the module. Without a folder it is kept in memory only.
pub struct Paper {
    folder: Option<PathBuf>,
    passphrases: [SecretText; 2],
    shares: BTreeMap<(char, u8), SecretText>,
    hex: Vec<String>,
    words: Vec<String>,
    head: String,
    seals: u32,
}

impl Paper {
    /// Empty sheets, and a passphrase that each operator made up.
    pub fn new(system: &mut dyn System, folder: Option<PathBuf>) -> Result<Paper, SystemError> {
        let mut made_up = || {
            let mut random = zeroize::Zeroizing::new([0; 16]);
            system.random(random.as_mut_slice())?;
            Ok::<_, SystemError>(share::from_entropy(&random))
        };
        Ok(Paper {
            passphrases: [made_up()?, made_up()?],
            folder,
            shares: BTreeMap::new(),
            hex: Vec::new(),
            words: Vec::new(),
            head: String::new(),
            seals: 100,
        })
    }

    /// Writes down the passphrases, which a resumed rehearsal needs.
    pub fn keep_passphrases(&self) -> io::Result<()> {
        for operator in Operator::ALL {
            let name = format!("passphrase-{operator}.txt");
            self.write(&name, self.passphrase(operator).expose())?;
        }
        Ok(())
    }

    /// The sheets that an interrupted automatic rehearsal left in `folder`.
    pub fn load(folder: PathBuf) -> io::Result<Paper> {
        let read = |name: &str| fs::read_to_string(folder.join(name));
        let optional = |name: &str| read(name).unwrap_or_default();
        let passphrase = |name: &str| {
            let text = SecretText::from_string(read(name)?);
            let mut line = SecretText::with_capacity(256);
            line.push_str(text.expose().trim_end());
            Ok::<_, io::Error>(line)
        };
        let mut paper = Paper {
            passphrases: [
                passphrase("passphrase-A.txt")?,
                passphrase("passphrase-B.txt")?,
            ],
            shares: BTreeMap::new(),
            hex: Vec::new(),
            words: Vec::new(),
            head: optional("head.txt").trim().to_string(),
            seals: 500,
            folder: None,
        };
        paper.read_shares(&folder)?;
        let fingerprint = optional("fingerprint.txt");
        paper.copy_rows(&fingerprint.lines().map(str::to_string).collect::<Vec<_>>());
        paper.folder = Some(folder);
        Ok(paper)
    }

    fn read_shares(&mut self, folder: &std::path::Path) -> io::Result<()> {
        for letter in 'A'..='T' {
            let path = folder.join(format!("share-{letter}.txt"));
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let text = SecretText::from_string(text);
            let words: Vec<&str> = text.expose().split_whitespace().collect();
            let halves: Vec<&[&str]> = words.chunks(share::WORDS).collect();
            for (at, half) in halves.iter().enumerate() {
                let part = if halves.len() == 1 {
                    Part::Whole
                } else {
                    [Part::First, Part::Second][at.min(1)]
                };
                let mut kept = SecretText::with_capacity(256);
                for (n, word) in half.iter().enumerate() {
                    kept.push_str(if n > 0 { " " } else { "" });
                    kept.push_str(word);
                }
                self.shares.insert((letter, part as u8), kept);
            }
        }
        Ok(())
    }

    /// An operator's passphrase.
    pub fn passphrase(&self, operator: Operator) -> &SecretText {
        &self.passphrases[operator.index()]
    }

    /// Lets a test choose a passphrase.
    pub fn set_passphrase(&mut self, operator: Operator, text: &str) {
        let mut chosen = SecretText::with_capacity(256);
        chosen.push_str(text);
        self.passphrases[operator.index()] = chosen;
    }

    pub(super) fn copy_share(
        &mut self,
        custodian: char,
        part: Part,
        words: &SecretText,
    ) -> Result<(), TerminalError> {
        let mut copy = SecretText::with_capacity(256);
        copy.push_str(words.expose());
        self.shares.insert((custodian, part as u8), copy);
        let mut whole = SecretText::with_capacity(512);
        for part in [Part::Whole, Part::First, Part::Second] {
            if let Some(words) = self.shares.get(&(custodian, part as u8)) {
                whole.push_str(if whole.expose().is_empty() { "" } else { " " });
                whole.push_str(words.expose());
            }
        }
        self.write(&format!("share-{custodian}.txt"), whole.expose())
            .map_err(TerminalError::Io)
    }

    /// A custodian's words as they stand on the card, joined by blanks.
    pub fn share(&self, custodian: char, part: Part) -> Option<&SecretText> {
        self.shares.get(&(custodian, part as u8))
    }

    pub(super) fn share_word(&self, custodian: char, part: Part, at: usize) -> SecretText {
        let mut word = SecretText::with_capacity(64);
        if let Some(words) = self.share(custodian, part) {
            word.push_str(words.expose().split(' ').nth(at).unwrap_or(""));
        }
        word
    }

    /// Copies the page with the fingerprint, in digits or in words.
    pub(super) fn copy_fingerprint(&mut self, page: &[String]) -> Result<(), TerminalError> {
        self.copy_rows(page);
        let text = [self.hex.clone(), self.numbered_words()]
            .concat()
            .join("\n");
        self.write("fingerprint.txt", &text)
            .map_err(TerminalError::Io)
    }

    fn numbered_words(&self) -> Vec<String> {
        crate::screen::layout::numbered(self.words.iter().map(String::as_str))
    }

    fn copy_rows(&mut self, page: &[String]) {
        let rows: Vec<String> = page
            .iter()
            .filter(|line| line.trim_start().starts_with("row "))
            .cloned()
            .collect();
        if !rows.is_empty() {
            self.hex = rows;
        }
        let words = listed_words(page);
        if !words.is_empty() {
            self.words = words;
        }
    }

    pub(super) fn hex_row(&self, row: usize) -> String {
        let line = self.hex.get(row).map_or("", String::as_str);
        line.split_whitespace()
            .skip(2)
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(super) fn word_row(&self, row: usize) -> String {
        self.words
            .chunks(4)
            .nth(row)
            .map(|words| words.join(" "))
            .unwrap_or_default()
    }

    /// A word of the fingerprint by its number, from 1.
    pub(super) fn word(&self, number: usize) -> String {
        let at = number.checked_sub(1).and_then(|at| self.words.get(at));
        at.cloned().unwrap_or_default()
    }

    pub(super) fn copy_head(&mut self, page: &[String]) -> Result<(), TerminalError> {
        self.head = listed_words(page)
            .into_iter()
            .take(10)
            .collect::<Vec<_>>()
            .join(" ");
        self.write("head.txt", &self.head)
            .map_err(TerminalError::Io)
    }

    /// The last head words on paper.
    pub fn head(&self) -> &str {
        &self.head
    }

    pub(super) fn next_seal(&mut self) -> String {
        self.seals += 1;
        format!("S-{:04}", self.seals)
    }

    /// Paper is written over: a new card replaces a destroyed one.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let new = folder.join(format!(".{name}"));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        fs::rename(new, folder.join(name))
    }
}

/// The words of a numbered list, `  1. aardvark      2. adroitness`.
fn listed_words(page: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    for line in page {
        let mut parts = line.split_whitespace();
        let mut row = Vec::new();
        while let (Some(number), Some(word)) = (parts.next(), parts.next()) {
            let is_number = number
                .strip_suffix('.')
                .is_some_and(|n| n.parse::<u8>().is_ok());
            if !is_number {
                row.clear();
                break;
            }
            row.push(word.to_string());
        }
        words.extend(row);
    }
    words
}
