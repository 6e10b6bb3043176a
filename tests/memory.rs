//! What was dropped is gone from the program's memory.
//!
//! An automatic rehearsal is stopped, through a seam that a release does not have, at a moment
//! when secrets are alive (that the search finds them there shows that it can), after the key
//! was erased, and at the end, when the players' paper is gone, too. All its writable memory is
//! searched. What the kernel holds, and other processes (gpg's own), is not looked at.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod planted;
mod stopped;

use std::fs::{self, File};
use std::process::Output;

use ceremony::edge::test_only::STOPS;

use held::{Backup, Held};
use planted::{Found, Search, Secret, count, secrets};
use stopped::{Happened, Watched};

/// While the armored key is in a buffer; after the vault was cleared; when all are gone.
const PLACES: [&str; 3] = ["stored", "erased", "end"];

const TWO_OF_TWO: Backup = Backup {
    profile: "modern",
    custodians: "AB",
    threshold: 2,
    absent: "",
};

#[test]
fn a_modern_key_and_the_words_are_gone() {
    for _ in 0..3 {
        nothing_stays(TWO_OF_TWO);
    }
}

#[test]
fn an_rsa_key_and_the_words_are_gone() {
    let backup = Backup {
        profile: "rsa4096",
        custodians: "ABC",
        threshold: 2,
        absent: "C",
    };
    nothing_stays(backup);
}

#[test]
fn the_search_finds_pieces_of_numbers_and_words() {
    let number: Vec<u8> = (0..64u32).map(|n| (n * 37 + 1) as u8).collect();
    let (number, words) = (
        Secret::number("n", &number),
        "abandon ability able about above",
    );
    let all = [number, Secret::words("w", words)];
    let search = Search::new(&all);
    let number: Vec<u8> = (0..64u32).map(|n| (n * 37 + 1) as u8).collect();
    let reversed: Vec<u8> = number.iter().rev().copied().collect();
    for (place, expected) in [(&number[3..18], 1), (&reversed[5..20], 1), (&number[..], 8)] {
        let mut found = Found::new();
        search.add(&[&[7; 100], place, &[7; 100]].concat(), &mut found);
        assert_eq!(count(&found, "n"), expected);
    }
    let mut found = Found::new();
    search.add(b"1 able about ability able about above 2", &mut found);
    assert_eq!(count(&found, "w"), 1);
}

fn nothing_stays(backup: Backup) {
    let (held, dumps) = dumped(backup);
    let secrets = secrets(&held);
    let search = Search::new(&secrets);
    let found: Vec<Found> = dumps
        .iter()
        .map(|dump| {
            let mut found = Found::new();
            dump.iter().for_each(|part| search.add(part, &mut found));
            found
        })
        .collect();
    let [alive, erased, end] = &found[..] else {
        panic!("one for each place");
    };
    let size: usize = dumps[2].iter().map(Vec::len).sum();
    println!("{} kB searched at the end", size / 1024);
    println!(
        "found: {:?}",
        found
            .iter()
            .map(|found| count(found, ""))
            .collect::<Vec<_>>()
    );
    // The library keeps the key encrypted in memory, but its armored form is being stored.
    for name in [
        "key's",
        "subkey's",
        "share of A",
        "share of B",
        "passphrase of A",
    ] {
        assert!(
            count(alive, name) > 0,
            "the search sees no {name} that must be there"
        );
    }
    let key_and_k = |found: &Found| {
        let mut left = found.clone();
        left.retain(|(name, _), _| name.contains("key's") || name.contains('K'));
        left
    };
    assert!(
        key_and_k(erased).is_empty(),
        "after erasing: {:?}",
        key_and_k(erased)
    );
    // The players' paper was in memory until then.
    assert!(count(erased, "share of A") > 0, "the search still works");
    assert!(end.is_empty(), "at the end: {end:?}");
}

/// Holds a rehearsal; gives it, and its memory at each of the places.
fn dumped(backup: Backup) -> (Held, Vec<Vec<Vec<u8>>>) {
    let folder = held::folder();
    let output = folder.path().join("output");
    let file = File::create(&output).expect("the folder is writable");
    let child = held::command(&backup, folder.path())
        .env(STOPS, PLACES.join(","))
        .stdout(file.try_clone().expect("a file"))
        .stderr(file)
        .spawn()
        .expect("the program starts");
    let mut watched = Watched::new(child);
    let mut dumps = Vec::new();
    let status = loop {
        match watched.next() {
            Happened::Stopped => dumps.push(watched.memory()),
            Happened::Ended(status) => break status,
        }
        watched.go_on();
    };
    assert_eq!(dumps.len(), PLACES.len(), "it stops once at each place");
    let output = Output {
        status,
        stdout: fs::read(output).expect("it is there"),
        stderr: Vec::new(),
    };
    (Held::found(backup, folder, output), dumps)
}
