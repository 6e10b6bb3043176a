//! The secrets of a held rehearsal, and a search for pieces of them in any bytes.
//!
//! Numbers are searched for in pieces of 8 bytes, in both byte orders: any run of 15 bytes of
//! a number has one, and by chance one does not occur (some thousand pieces in some hundred
//! megabytes: about 1 in 10^7). Words are searched for in runs of four.

#![allow(dead_code, reason = "not every test looks at everything")]

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use sha2::{Digest as _, Sha512};

use crate::held::Held;

const PIECE: usize = 8;
const WORDS: usize = 4;

/// Something that nobody may find.
pub struct Secret {
    pub name: String,
    pieces: Vec<Vec<u8>>,
}

impl Secret {
    /// A number or key: as it is and with its bytes in reverse, as libraries keep numbers.
    pub fn number(name: &str, bytes: &[u8]) -> Secret {
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
        let bytes = &bytes[first..];
        assert!(
            bytes.len() >= PIECE,
            "{name} is too short to be searched for"
        );
        let mut reversed = bytes.to_vec();
        reversed.reverse();
        let pieces = [bytes, &reversed].into_iter().flat_map(|bytes| {
            let mut starts: Vec<usize> = (0..=bytes.len() - PIECE).step_by(PIECE).collect();
            if !bytes.len().is_multiple_of(PIECE) {
                starts.push(bytes.len() - PIECE);
            }
            let piece = |start| bytes[start..start + PIECE].to_vec();
            starts.into_iter().map(piece).collect::<Vec<_>>()
        });
        Secret {
            name: name.to_string(),
            pieces: pieces.collect(),
        }
    }

    /// Words: each run of four of them.
    pub fn words(name: &str, words: &str) -> Secret {
        let words: Vec<&str> = words.split(' ').collect();
        let runs = words.windows(WORDS).map(|run| run.join(" ").into_bytes());
        Secret {
            name: name.to_string(),
            pieces: runs.collect(),
        }
    }
}

/// How bytes may be written down.
const FORMS: [&str; 6] = [
    "raw",
    "hex",
    "HEX",
    "base64 (0)",
    "base64 (1)",
    "base64 (2)",
];

fn written(piece: &[u8], form: usize) -> Vec<u8> {
    match form {
        0 => piece.to_vec(),
        1 => HEXLOWER.encode(piece).into_bytes(),
        2 => HEXUPPER.encode(piece).into_bytes(),
        _ => {
            // At each of the three places in a group of four characters; only those characters
            // that depend on nothing but the piece.
            let before = form - 3;
            let shifted = [&[0; 2][..before], piece].concat();
            let from = (before * 8).div_ceil(6);
            let to = shifted.len() * 8 / 6;
            BASE64.encode(&shifted).as_bytes()[from..to].to_vec()
        }
    }
}

/// Looks for many secrets at once.
pub struct Search {
    names: Vec<String>,
    /// What to look for, whose it is, which piece, in which form.
    patterns: Vec<(Vec<u8>, usize, usize, usize)>,
    by_two_bytes: Vec<Vec<usize>>,
}

/// For each secret and form: the numbers of the pieces that were found.
pub type Found = BTreeMap<(String, &'static str), BTreeSet<usize>>;

impl Search {
    pub fn new(secrets: &[Secret]) -> Search {
        let mut patterns = Vec::new();
        for (at, secret) in secrets.iter().enumerate() {
            for (number, piece) in secret.pieces.iter().enumerate() {
                for form in 0..FORMS.len() {
                    patterns.push((written(piece, form), at, number, form));
                }
            }
        }
        let mut by_two_bytes = vec![Vec::new(); 1 << 16];
        for (at, (bytes, ..)) in patterns.iter().enumerate() {
            by_two_bytes[two_bytes(bytes)].push(at);
        }
        Search {
            names: secrets.iter().map(|secret| secret.name.clone()).collect(),
            patterns,
            by_two_bytes,
        }
    }

    /// Adds what is in `bytes` to `found`.
    pub fn add(&self, bytes: &[u8], found: &mut Found) {
        for at in 0..bytes.len().saturating_sub(1) {
            let rest = &bytes[at..];
            if rest[0] == 0 && rest[1] == 0 {
                continue;
            }
            for candidate in &self.by_two_bytes[two_bytes(rest)] {
                let (pattern, secret, piece, form) = &self.patterns[*candidate];
                if rest.starts_with(pattern) {
                    let key = (self.names[*secret].clone(), FORMS[*form]);
                    found.entry(key).or_default().insert(*piece);
                }
            }
        }
    }

    /// What is in `bytes`, also where lines were broken in the middle of it.
    pub fn find(&self, bytes: &[u8]) -> Found {
        let mut found = Found::new();
        self.add(bytes, &mut found);
        let unbroken: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\n' | b'\r'))
            .collect();
        self.add(&unbroken, &mut found);
        found
    }
}

fn two_bytes(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// The number of pieces found of the secrets whose name begins so, in all forms.
pub fn count(found: &Found, name: &str) -> usize {
    let named = found
        .iter()
        .filter(|((found, _), _)| found.starts_with(name));
    named.map(|(_, pieces)| pieces.len()).sum()
}

/// Every secret that a rehearsal had.
pub fn secrets(held: &Held) -> Vec<Secret> {
    let mut all = key_parameters(held.payload("").expose());
    for (name, folder) in [("K", ""), ("revocation K", "revocation/")] {
        let key = held.k(folder);
        let raw = HEXLOWER.decode(key.expose().as_bytes()).expect("K is hex");
        all.push(Secret::number(name, &raw));
        all.push(Secret::number(
            &format!("{name} as text"),
            key.expose().as_bytes(),
        ));
    }
    for custodian in held.backup.people() {
        add_words(
            &mut all,
            &format!("share of {custodian}"),
            &held.words(custodian),
        );
    }
    for operator in ["A", "B"] {
        let words = held.paper(&format!("passphrase-{operator}.txt"));
        add_words(&mut all, &format!("passphrase of {operator}"), &words);
    }
    all
}

/// The words, and the 128 bits that each twelve of them stand for.
fn add_words(all: &mut Vec<Secret>, name: &str, words: &str) {
    all.push(Secret::words(name, words));
    let list: Vec<&str> = words.split(' ').collect();
    for twelve in list.chunks(12) {
        let mnemonic = bip39::Mnemonic::parse_normalized(&twelve.join(" ")).expect("BIP-39");
        let (entropy, length) = mnemonic.to_entropy_array();
        all.push(Secret::number(
            &format!("{name} in bits"),
            &entropy[..length],
        ));
    }
}

/// The secret numbers in an armored, unprotected secret key of version 4 (RFC 9580, 5.5.3).
pub fn key_parameters(armored: &[u8]) -> Vec<Secret> {
    let numbers = key_numbers(armored);
    let secret = |(name, bytes): &(String, Vec<u8>)| Secret::number(name, bytes);
    numbers.iter().map(secret).collect()
}

/// The same, as they are.
pub fn key_numbers(armored: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = std::str::from_utf8(armored).expect("armor is ASCII");
    let (_, body) = text
        .split_once("\n\n")
        .expect("an empty line ends the headers");
    let lines = body
        .lines()
        .take_while(|line| !line.starts_with(['=', '-']));
    let binary = BASE64
        .decode(lines.collect::<String>().as_bytes())
        .expect("base64");
    let mut all = Vec::new();
    let mut rest = &binary[..];
    while !rest.is_empty() {
        let (tag, body, after) = packet(rest);
        rest = after;
        if tag == 5 || tag == 7 {
            let whose = if tag == 5 { "key" } else { "subkey" };
            all.extend(secret_numbers(body, whose));
        }
    }
    all
}

/// Tag and body of the first packet, and what follows it.
fn packet(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    assert!(bytes[0] & 0xc0 == 0xc0, "new packet format");
    let (length, head) = match bytes[1] {
        short @ 0..=191 => (usize::from(short), 2),
        two @ 192..=223 => (
            ((usize::from(two) - 192) << 8) + usize::from(bytes[2]) + 192,
            3,
        ),
        255 => (
            u32::from_be_bytes(bytes[2..6].try_into().expect("four")) as usize,
            6,
        ),
        _ => panic!("no partial lengths in a key"),
    };
    (
        bytes[0] & 0x3f,
        &bytes[head..head + length],
        &bytes[head + length..],
    )
}

/// Takes a multiprecision integer off the front.
fn mpi<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let bits = usize::from(rest[0]) << 8 | usize::from(rest[1]);
    let (number, after) = rest[2..].split_at(bits.div_ceil(8));
    *rest = after;
    number
}

/// Takes a field off the front that begins with its length.
fn field(rest: &mut &[u8]) {
    *rest = &rest[1 + usize::from(rest[0])..];
}

fn secret_numbers(body: &[u8], whose: &str) -> Vec<(String, Vec<u8>)> {
    assert_eq!(body[0], 4, "a key of version 4");
    let (algorithm, mut rest) = (body[5], &body[6..]);
    if algorithm != 1 {
        field(&mut rest);
    }
    mpi(&mut rest);
    match algorithm {
        1 => drop(mpi(&mut rest)),
        18 => field(&mut rest),
        22 => {}
        other => panic!("algorithm {other}"),
    }
    assert_eq!(rest[0], 0, "not protected");
    rest = &rest[1..];
    let secret = |name: &str, bytes: &[u8]| (format!("{whose}'s {name}"), bytes.to_vec());
    if algorithm == 1 {
        let [d, p, q, u] = [(); 4].map(|()| mpi(&mut rest));
        // Any of these tells the whole key; libraries compute the last two to be faster.
        let parts = [("d", d), ("p", p), ("q", q), ("u", u)];
        let mut all = parts.map(|(name, bytes)| secret(name, bytes)).to_vec();
        all.push(secret("d mod p-1", &remainder(d, &less_one(p))));
        all.push(secret("d mod q-1", &remainder(d, &less_one(q))));
        return all;
    }
    let scalar = mpi(&mut rest);
    let mut all = vec![secret("scalar", scalar)];
    if algorithm == 22 {
        // What Ed25519 makes of its seed is as good as the seed (RFC 8032, 5.1.5). The first and
        // the last byte of the first half are changed before use: the 30 between are not.
        let mut seed = [0; 32];
        seed[32 - scalar.len()..].copy_from_slice(scalar);
        let hash = Sha512::digest(seed);
        all.push(secret("expanded scalar", &hash[1..31]));
        all.push(secret("expanded prefix", &hash[32..]));
    }
    all
}

/// An odd number less one.
fn less_one(odd: &[u8]) -> Vec<u8> {
    let mut less = odd.to_vec();
    *less.last_mut().expect("a number") -= 1;
    less
}

/// `number` mod `modulus`, both big-endian: shift and subtract, bit by bit.
pub fn remainder(number: &[u8], modulus: &[u8]) -> Vec<u8> {
    let size = modulus.len() + 1;
    let modulus = [&[0], modulus].concat();
    let mut rest = vec![0u8; size];
    for bit in 0..number.len() * 8 {
        let mut carry = number[bit / 8] >> (7 - bit % 8) & 1;
        for byte in rest.iter_mut().rev() {
            let out = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = out;
        }
        if rest >= modulus {
            let mut borrow = 0;
            for (byte, less) in rest.iter_mut().zip(&modulus).rev() {
                let (once, under) = byte.overflowing_sub(*less);
                let (twice, again) = once.overflowing_sub(borrow);
                (*byte, borrow) = (twice, u8::from(under || again));
            }
        }
    }
    rest
}
