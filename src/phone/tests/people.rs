//! The people of a simulated call, and the line between them.

use std::convert::Infallible;

use super::super::canary::Canary;
use super::super::far::{FarCall, HeadStanding, Verdict};
use super::super::room::{CanaryVerdict, RoomCall};
use super::super::{Facts, HEAD_WORDS, NONCE_WORDS, PLACES};
use crate::digest::Digest;
use crate::words::pgp;

/// Numbers that look random and are the same for the same seed.
pub struct Numbers {
    seed: u64,
    pub count: u64,
}

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers { seed, count: 0 }
    }

    pub fn source(&mut self) -> impl FnMut(&mut [u8]) -> Result<(), Infallible> + '_ {
        |bytes| {
            for chunk in bytes.chunks_mut(32) {
                let input = [self.seed.to_be_bytes(), self.count.to_be_bytes()].concat();
                self.count += 1;
                chunk.copy_from_slice(&Digest::of(&input).bytes()[..chunk.len()]);
            }
            Ok(())
        }
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let Ok(()) = self.source()(&mut bytes);
        bytes
    }

    pub fn below(&mut self, bound: usize) -> usize {
        let bytes = self.bytes(4);
        u32::from_be_bytes(bytes.try_into().expect("four bytes")) as usize % bound
    }

    /// `count` different numbers below `bound`.
    pub fn some(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut some = Vec::new();
        while some.len() < count {
            let number = self.below(bound);
            if !some.contains(&number) {
                some.push(number);
            }
        }
        some
    }

    /// Any word but this one.
    fn other_word(&mut self, than: &str) -> &'static str {
        loop {
            let word = pgp::word(self.below(256) as u8, self.below(2));
            if word != than {
                return word;
            }
        }
    }
}

/// What a substituted key's fingerprint has in common with the right one.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    Nothing,
    /// So many words at each end.
    Ends(usize),
    /// So many words, anywhere.
    Words(usize),
    /// All, but the word for the last byte stands at the beginning.
    OneWordShifted,
    /// All, but two words changed places.
    TwoWordsSwapped,
}

impl Keep {
    /// All kinds, for a fingerprint of so many words.
    pub fn all(length: usize) -> [Keep; 8] {
        [
            Keep::Nothing,
            Keep::Ends(2),
            Keep::Ends(length / 2 - 1),
            Keep::Words(7),
            Keep::Words(10),
            Keep::Words(length - 1),
            Keep::OneWordShifted,
            Keep::TwoWordsSwapped,
        ]
    }
}

/// What a bad line does to a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mishap {
    /// A word became another one of the lists.
    Misheard,
    /// Two neighbours changed places.
    Swapped,
    /// A word was heard twice, and the one after it not.
    Doubled,
    /// A word was left out, and a stray one heard instead at the end.
    Dropped,
    /// All words of the row became others.
    Garbled,
}

impl Mishap {
    pub const ALL: [Mishap; 5] = [
        Mishap::Misheard,
        Mishap::Swapped,
        Mishap::Doubled,
        Mishap::Dropped,
        Mishap::Garbled,
    ];

    fn befall(self, row: &mut [&'static str], numbers: &mut Numbers) {
        let at = numbers.below(row.len());
        let next = (at + 1) % row.len();
        match self {
            Mishap::Misheard => row[at] = numbers.other_word(row[at]),
            Mishap::Swapped => row.swap(at, next),
            Mishap::Doubled => row[next] = row[at],
            Mishap::Dropped => {
                row[at..].rotate_left(1);
                let last = row.len() - 1;
                row[last] = numbers.other_word(row[last]);
            }
            Mishap::Garbled => {
                for word in row.iter_mut() {
                    *word = numbers.other_word(word);
                }
            }
        }
    }
}

/// What the line does.
pub struct Noise {
    rows: usize,
    kind: Mishap,
    seed: u64,
    /// A row that is read again is misheard again.
    pub again: bool,
    everywhere: bool,
}

impl Noise {
    pub fn none() -> Noise {
        Noise::rows(0, Mishap::Misheard, 0)
    }

    /// So many rows are misheard, once.
    pub fn rows(rows: usize, kind: Mishap, seed: u64) -> Noise {
        Noise {
            rows,
            kind,
            seed,
            again: false,
            everywhere: false,
        }
    }

    /// Anything that is said may be misheard.
    pub fn everywhere(seed: u64) -> Noise {
        Noise {
            everywhere: true,
            ..Noise::rows(1, Mishap::Misheard, seed)
        }
    }

    /// Words of something else than a row, as they are heard the first time.
    fn spoil(&self, words: &str, salt: u64) -> String {
        let mut numbers = Numbers::new(self.seed ^ salt << 32);
        if !self.everywhere || numbers.below(4) > 0 {
            return words.to_string();
        }
        let mut words: Vec<&str> = words.split(' ').collect();
        let at = numbers.below(words.len());
        words[at] = numbers.other_word(words[at]);
        words.join(" ")
    }
}

/// Who listens at the far end.
pub trait Hearer {
    /// What is typed for a row that was heard.
    fn types(&mut self, row: usize, heard: &[&'static str]) -> String;
}

/// Types what is heard.
pub struct Honest;

impl Hearer for Honest {
    fn types(&mut self, _: usize, heard: &[&'static str]) -> String {
        heard.join(" ")
    }
}

/// How somebody who copies the fingerprint from the file fills the rows.
#[derive(Clone, Copy, Debug)]
pub enum Copying {
    PadsAtTheEnd,
    InventsCanaries,
    RepeatsWords,
}

/// Copies the fingerprint of the file on the verifier's machine.
pub struct Copier {
    rows: Vec<Vec<&'static str>>,
}

impl Copier {
    pub fn new(how: Copying, facts: &Facts, seed: u64) -> Copier {
        let mut numbers = Numbers::new(seed ^ 0xC0);
        let mut words = pgp::words(&facts.fingerprint);
        for _ in 0..3 {
            let (at, word) = match how {
                Copying::PadsAtTheEnd => (words.len(), numbers.other_word("")),
                Copying::InventsCanaries => {
                    (numbers.below(words.len() + 1), numbers.other_word(""))
                }
                Copying::RepeatsWords => {
                    let at = numbers.below(words.len());
                    (at, words[at])
                }
            };
            words.insert(at, word);
        }
        Copier {
            rows: words.chunks(4).map(<[_]>::to_vec).collect(),
        }
    }
}

impl Hearer for Copier {
    fn types(&mut self, row: usize, _: &[&'static str]) -> String {
        self.rows[row].join(" ")
    }
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Names,
    Rows,
    Canaries,
    Places,
    Result,
    Done,
}

/// How a call ended.
#[derive(Debug)]
pub struct Outcome {
    pub stage: Stage,
    room: bool,
    far: bool,
    /// Rows that were read again.
    pub reread: usize,
    pub head: Option<HeadStanding>,
}

impl Outcome {
    /// Whether the room's program confirms the key, and whether the verifier's does.
    pub fn confirmed(&self) -> (bool, bool) {
        (self.room, self.far)
    }
}

/// Both ends, and what each holds.
pub struct World {
    pub seed: u64,
    /// What the room has.
    pub room: Facts,
    /// What was delivered.
    pub far: Facts,
    /// The delivered record's heads.
    pub heads: Vec<Digest>,
    /// The head that the room's record and program have.
    head: Digest,
    /// The head that is read from paper.
    pub spoken_head: Digest,
}

/// What was said in a call, as a recording has it.
pub struct Recording {
    nonce: String,
    rows: Vec<Vec<&'static str>>,
    canaries: Vec<String>,
    places: String,
    room_half: String,
    far_half: String,
}

impl World {
    pub fn new(seed: u64, length: usize) -> World {
        let mut numbers = Numbers::new(seed ^ 0xFAC7);
        let room = Facts {
            id: "2026-01-02-backup-key-0A1B2C3D".to_string(),
            sheet_code: "7GQ2".to_string(),
            fingerprint: numbers.bytes(length),
            certificate: Digest::of(&numbers.bytes(32)),
        };
        let heads: Vec<Digest> = (0..9).map(|_| Digest::of(&numbers.bytes(32))).collect();
        World {
            seed,
            far: room.clone(),
            room,
            head: heads[8],
            spoken_head: heads[8],
            heads,
        }
    }

    /// Another fingerprint that has something in common with the room's.
    pub fn substitute(&self, keep: Keep) -> Vec<u8> {
        let own = &self.room.fingerprint;
        let mut numbers = Numbers::new(self.seed ^ 0x5AB);
        let length = own.len();
        let kept: Vec<usize> = match keep {
            Keep::Nothing => Vec::new(),
            Keep::Ends(n) => (0..length)
                .filter(|at| *at < n || at + n >= length)
                .collect(),
            Keep::Words(n) => numbers.some(n, length),
            Keep::OneWordShifted => {
                let mut shifted = own.clone();
                shifted.rotate_right(1);
                return differing(shifted, own);
            }
            Keep::TwoWordsSwapped => {
                let mut swapped = own.clone();
                let at = numbers.below(length - 2);
                swapped.swap(at, at + 2);
                return differing(swapped, own);
            }
        };
        let other = |at: usize, numbers: &mut Numbers| loop {
            let byte = numbers.bytes(1)[0];
            if byte != own[at] {
                return byte;
            }
        };
        (0..length)
            .map(|at| {
                if kept.contains(&at) {
                    own[at]
                } else {
                    other(at, &mut numbers)
                }
            })
            .collect()
    }

    fn head_bytes(&self) -> [u8; HEAD_WORDS] {
        self.head.bytes()[..HEAD_WORDS]
            .try_into()
            .expect("ten bytes")
    }

    fn begin(&self) -> (RoomCall, FarCall) {
        let mut numbers = Numbers::new(self.seed);
        let Ok(room) = RoomCall::begin(self.room.clone(), self.head_bytes(), &mut numbers.source());
        let nonce = numbers.bytes(NONCE_WORDS).try_into().expect("four bytes");
        (
            room,
            FarCall::begin(self.far.clone(), self.heads.clone(), nonce),
        )
    }

    /// One attempt, as people hold it: what was not understood is said again, once.
    pub fn call(&mut self, hearer: &mut dyn Hearer, noise: &Noise) -> Outcome {
        let (mut room, mut far) = self.begin();
        let mut outcome = Outcome {
            stage: Stage::Names,
            room: false,
            far: false,
            reread: 0,
            head: None,
        };
        let tail = room.facts().id_tail().to_string();
        if !far.is_id(&tail) || !far.is_sheet_code(&room.facts().sheet_code) {
            return outcome;
        }
        let head = pgp::words(&self.spoken_head.bytes()[..HEAD_WORDS]).join(" ");
        outcome.head = far.hear_head(&head);
        if outcome.head == Some(HeadStanding::Stale) {
            return outcome;
        }
        let nonce = noise.spoil(&far.nonce_words().join(" "), 1);
        if !room.hear_nonce(&nonce) && !room.hear_nonce(&far.nonce_words().join(" ")) {
            return outcome;
        }
        outcome.stage = Stage::Rows;
        if !self.read(&room, &mut far, hearer, noise, &mut outcome) {
            return outcome;
        }
        outcome.stage = Stage::Canaries;
        if !self.canaries(&mut room, &mut far, hearer, noise, &mut outcome) {
            return outcome;
        }
        outcome.stage = Stage::Places;
        let words: Option<Vec<&str>> = room
            .places()
            .iter()
            .map(|(row, word)| far.word_at(*row, *word))
            .collect();
        let words = words.expect("the reading fits").join(" ");
        assert_eq!(words.split(' ').count(), PLACES);
        if !room.hear_places(&noise.spoil(&words, 2)) && !room.hear_places(&words) {
            return outcome;
        }
        outcome.stage = Stage::Result;
        let Some(said) = room.said() else {
            return outcome;
        };
        let first = said.halves()[0].join(" ");
        if !far.hear_result(&noise.spoil(&first, 3)) && !far.hear_result(&first) {
            return outcome;
        }
        let second = far.said().expect("it fits").halves()[1].join(" ");
        // The verifier waits until the room's program has accepted: both, or neither.
        outcome.room = room.hear_result(&noise.spoil(&second, 4)) || room.hear_result(&second);
        outcome.far = outcome.room;
        outcome.stage = Stage::Done;
        outcome
    }

    /// All rows are read, and those that the verifier names once more.
    fn read(
        &self,
        room: &RoomCall,
        far: &mut FarCall,
        hearer: &mut dyn Hearer,
        noise: &Noise,
        outcome: &mut Outcome,
    ) -> bool {
        let rows = room.rows();
        let mut numbers = Numbers::new(noise.seed ^ 0x0153);
        let bad = numbers.some(noise.rows, rows.len());
        for (at, row) in rows.iter().enumerate() {
            let mut heard = row.clone();
            if bad.contains(&at) {
                noise.kind.befall(&mut heard, &mut numbers);
            }
            if far.hear_row(at, &hearer.types(at, &heard)).is_err() {
                return false;
            }
        }
        self.until_it_fits(room, far, hearer, noise, outcome)
    }

    fn until_it_fits(
        &self,
        room: &RoomCall,
        far: &mut FarCall,
        hearer: &mut dyn Hearer,
        noise: &Noise,
        outcome: &mut Outcome,
    ) -> bool {
        loop {
            match far.judge() {
                Verdict::Fits(_) => return true,
                Verdict::Failed => return false,
                Verdict::Again(rows) => {
                    assert!((1..=2).contains(&rows.len()));
                    for row in rows {
                        self.again(room, far, hearer, noise, row);
                        outcome.reread += 1;
                    }
                }
            }
        }
    }

    fn again(
        &self,
        room: &RoomCall,
        far: &mut FarCall,
        hearer: &mut dyn Hearer,
        noise: &Noise,
        row: usize,
    ) {
        let mut heard = room.rows()[row].clone();
        if noise.again {
            let mut numbers = Numbers::new(noise.seed ^ 0xA6A1);
            noise.kind.befall(&mut heard, &mut numbers);
        }
        far.hear_row(row, &hearer.types(row, &heard))
            .expect("four listed words");
    }

    fn canaries(
        &self,
        room: &mut RoomCall,
        far: &mut FarCall,
        hearer: &mut dyn Hearer,
        noise: &Noise,
        outcome: &mut Outcome,
    ) -> bool {
        loop {
            let Verdict::Fits(canaries) = far.judge() else {
                return false;
            };
            let typed: Vec<String> = canaries.iter().map(spoken).collect();
            let rows = match room.hear_canaries(&typed) {
                CanaryVerdict::Heard => return true,
                CanaryVerdict::Failed => return false,
                CanaryVerdict::Again(rows) => rows,
            };
            for row in rows {
                if !far.read_again(row) {
                    return false;
                }
                self.again(room, far, hearer, noise, row);
                outcome.reread += 1;
            }
            if !self.until_it_fits(room, far, hearer, noise, outcome) {
                return false;
            }
        }
    }

    /// An honest call, recorded.
    pub fn record_call(&mut self) -> Recording {
        let (mut room, mut far) = self.begin();
        let head = pgp::words(&self.head.bytes()[..HEAD_WORDS]).join(" ");
        far.hear_head(&head);
        let nonce = far.nonce_words().join(" ");
        room.hear_nonce(&nonce);
        let rows = room.rows();
        for (at, row) in rows.iter().enumerate() {
            far.hear_row(at, &row.join(" ")).expect("listed words");
        }
        let Verdict::Fits(canaries) = far.judge() else {
            panic!("an honest call")
        };
        let canaries: Vec<String> = canaries.iter().map(spoken).collect();
        assert_eq!(room.hear_canaries(&canaries), CanaryVerdict::Heard);
        let words = room
            .places()
            .into_iter()
            .map(|(r, w)| far.word_at(r, w).expect("it fits"));
        let places = words.collect::<Vec<_>>().join(" ");
        assert!(room.hear_places(&places));
        let [room_half, far_half] = room.said().expect("all said").halves().map(|h| h.join(" "));
        Recording {
            nonce,
            rows,
            canaries,
            places,
            room_half,
            far_half,
        }
    }

    /// The room's voice comes from a recording; whether the verifier's program accepts.
    pub fn replay_to_verifier(&self, recording: &Recording) -> bool {
        let (_, mut far) = self.begin();
        far.hear_head(&pgp::words(&self.head.bytes()[..HEAD_WORDS]).join(" "));
        for (at, row) in recording.rows.iter().enumerate() {
            far.hear_row(at, &row.join(" ")).expect("listed words");
        }
        let fits = matches!(far.judge(), Verdict::Fits(_));
        assert!(fits, "up to the result a recording is as good as the room");
        far.hear_result(&recording.room_half)
    }

    /// The verifier's voice comes from a recording; whether the room's program accepts.
    pub fn replay_to_room(&self, recording: &Recording) -> bool {
        let (mut room, _) = self.begin();
        room.hear_nonce(&recording.nonce);
        let heard = room.hear_canaries(&recording.canaries) == CanaryVerdict::Heard;
        let places = room.hear_places(&recording.places);
        heard || places || room.hear_result(&recording.far_half)
    }
}

/// As the verifier reads a canary and the room types it.
fn spoken(canary: &Canary) -> String {
    let (row, word) = canary.row_and_word();
    format!("{row} {word} {}", canary.word.word())
}

/// The changed fingerprint, made different where the change happened to change nothing.
fn differing(mut changed: Vec<u8>, own: &[u8]) -> Vec<u8> {
    if changed == own {
        changed[0] ^= 1;
    }
    changed
}
