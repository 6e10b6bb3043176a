#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! A record that was changed anywhere is refused: bytes, entries, fields, files, signatures.

mod tamper_support;

use std::collections::BTreeSet;
use std::sync::Mutex;

use ceremony::record::{files, transcript};
use ceremony::verify::{Completion, Material, Verdict, verify};
use proptest::prelude::*;
use tamper_support::cases::{self, Case};
use tamper_support::forge::Forge;
use tamper_support::stock;
use tamper_support::{Held, aborted, alternatives, called, eventful, opened, smooth};

/// Judges every case; those that are not refused are named all together.
fn all_refused(what: &str, cases: impl Iterator<Item = Case> + Send) {
    let queue = Mutex::new(cases);
    let (tried, accepted) = (Mutex::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no panic").next();
                    let Some(case) = next else { return };
                    *tried.lock().expect("no panic") += 1;
                    if verify(&case.material, &case.pins).is_ok() {
                        accepted.lock().expect("no panic").push(case.name);
                    }
                }
            });
        }
    });
    let tried = *tried.lock().expect("no panic");
    let accepted = accepted.into_inner().expect("no panic");
    println!("{what}: {tried} tried, {} refused", tried - accepted.len());
    assert!(tried > 0 && accepted.is_empty(), "{what}: {accepted:#?}");
}

fn good(held: &Held, material: &Material) -> Verdict {
    verify(material, &held.pins).unwrap_or_else(|fault| panic!("a good record: {fault}"))
}

/// The records that the other tests change are good, and so are their forgeries where nothing
/// was changed: what is refused there is refused for the change.
#[test]
fn what_was_not_changed_is_good() {
    for held in [eventful(), smooth(), aborted(), called(), opened()] {
        let verdict = good(held, &held.closed);
        let again = good(held, &held.forge().sign(None, &held.keys));
        assert_eq!(verdict.completion, again.completion);
        assert_eq!(held.forge().build().files, held.closed.files);
    }
    let verdict = good(eventful(), &eventful().closed);
    assert_eq!(verdict.exit() as u8, 0);
    assert_eq!(verdict.exceptions.len(), 2);
    assert_eq!(verdict.abandoned.len(), 1);
    assert!(verdict.compared.len() >= 12, "{:?}", verdict.compared);
    assert_eq!(good(smooth(), &smooth().closed).exit() as u8, 3);
    let stopped = good(eventful(), &eventful().paused);
    assert_eq!(stopped.completion, Completion::Unfinished);
    let stopped = good(aborted(), &aborted().closed);
    assert_eq!(stopped.completion, Completion::Aborted);
}

#[test]
fn any_changed_bit_of_the_transcript_is_refused() {
    let held = eventful();
    let length = held.closed.files[files::TRANSCRIPT].len();
    // One bit in every byte, another one in the next: all eight take minutes and say the same.
    let flips = (0..length).map(|at| {
        let mut material = held.closed.clone();
        let text = material
            .files
            .get_mut(files::TRANSCRIPT)
            .expect("a transcript");
        text[at] ^= 1 << (at % 8);
        Case::new(format!("byte {at}"), material, &held.pins)
    });
    all_refused("bits of the transcript", flips);
}

#[test]
fn entries_deleted_repeated_and_swapped_are_refused() {
    let held = eventful();
    let forge = held.forge();
    let count = forge.pieces.len();
    let edits = (0..count).flat_map(|at| {
        let mut edits = vec![
            ("deleted", forge.with(|pieces| drop(pieces.remove(at)))),
            (
                "repeated",
                forge.with(|pieces| pieces.insert(at, pieces[at].clone())),
            ),
        ];
        if at + 1 < count {
            edits.push(("swapped", forge.with(|pieces| pieces.swap(at, at + 1))));
        }
        edits.into_iter().flat_map(move |(name, edited)| {
            let mut as_it_is = held.closed.clone();
            let text = Forge::raw(&edited.pieces);
            as_it_is.files.insert(files::TRANSCRIPT.to_string(), text);
            [
                Case::new(format!("entry {at} {name}"), as_it_is, &held.pins),
                Case::new(
                    format!("entry {at} {name}, chained"),
                    edited.build(),
                    &held.pins,
                ),
            ]
        })
    });
    all_refused("entries deleted, repeated, swapped", edits);
}

#[test]
fn a_closed_transcript_cut_anywhere_is_refused() {
    let held = eventful();
    let text = &held.closed.files[files::TRANSCRIPT];
    let ends: Vec<usize> = transcript::parse(text)
        .expect("a good transcript")
        .iter()
        .map(|placed| placed.end)
        .collect();
    let middles = ends.windows(2).map(|pair| (pair[0] + pair[1]) / 2);
    let near = ends
        .iter()
        .flat_map(|end| [end - 2, end - 1, *end, end + 1]);
    let lengths: BTreeSet<usize> = middles.chain(near).chain([0, 1]).collect();
    let lengths = lengths.into_iter().filter(|length| *length < text.len());
    let cuts = lengths.map(|length| {
        let mut material = held.closed.clone();
        let cut = text[..length].to_vec();
        material.files.insert(files::TRANSCRIPT.to_string(), cut);
        Case::new(format!("cut at {length}"), material, &held.pins)
    });
    all_refused("cut transcripts", cuts);
}

/// With the files taken away too, a shorter record is what it would be after an interruption:
/// unfinished, and never more than that.
#[test]
fn a_record_cut_at_an_entry_is_never_closed() {
    let (mut unfinished, mut refused) = (0, 0);
    for held in [eventful(), smooth(), called(), opened()] {
        let forge = held.forge();
        for count in 1..forge.pieces.len() {
            match verify(&forge.cut(count).build(), &Default::default()) {
                Ok(verdict) => {
                    assert_eq!(verdict.completion, Completion::Unfinished, "{count}");
                    unfinished += 1;
                }
                Err(_) => refused += 1,
            }
            let mut closed = forge.cut(count);
            closed.closing = forge.closing.clone();
            verify(&closed.build(), &held.pins).expect_err("closing signatures without closed");
        }
    }
    println!("cut at each entry: {unfinished} unfinished, {refused} refused");
    assert!(unfinished > 0);
}

/// Only the signatures can catch these: every hash was computed anew.
#[test]
fn every_field_changed_and_chained_anew_is_refused() {
    for (held, from) in [
        (eventful(), "opened"),
        (smooth(), "opened"),
        (called(), "sheets-checked"),
        (opened(), "message-named"),
    ] {
        let forge = held.forge();
        let from = forge.find(from, 0);
        let (forge, cases) = (&forge, forge.pieces.iter().enumerate().skip(from));
        let cases = cases.flat_map(move |(at, piece)| {
            piece.fields.iter().flat_map(move |(label, value)| {
                let others = alternatives(piece.event(), label, value);
                others.into_iter().map(move |other| {
                    let name = format!("entry {at}, {label}: {value} is {other}");
                    let material = forge.build_changed(Some((at, label, &other)));
                    Case::new(name, material, &held.pins)
                })
            })
        });
        all_refused("fields changed, chained anew", cases);
    }
}

#[test]
fn every_file_changed_or_removed_is_refused() {
    for held in [eventful(), smooth()] {
        let cases = held.closed.files.iter().flat_map(|(path, bytes)| {
            let middle = bytes.len() / 2;
            let mut flipped = bytes.clone();
            flipped[middle] ^= 1;
            let versions = [
                ("longer", Some([bytes.as_slice(), b"\n"].concat())),
                ("shorter", Some(bytes[..bytes.len() - 1].to_vec())),
                ("flipped", Some(flipped)),
                ("emptied", Some(Vec::new())),
                ("removed", None),
            ];
            versions.into_iter().map(move |(name, version)| {
                let mut material = held.closed.clone();
                material.files.remove(path);
                material
                    .files
                    .extend(version.map(|bytes| (path.clone(), bytes)));
                Case::new(format!("{path} {name}"), material, &held.pins)
            })
        });
        // White space around the armor of a closing signature means nothing, and nothing names
        // the hash of these two files.
        let means_something =
            |case: &Case| !(case.name.starts_with("transcript.txt.") && case.name.ends_with("er"));
        all_refused("files changed or removed", cases.filter(means_something));
    }
}

/// Plan, checklist, certificates and details changed, and every hash with them.
#[test]
fn every_file_changed_and_chained_anew_is_refused() {
    let held = eventful();
    let forge = held.forge();
    let mut cases = Vec::new();
    for path in forge.others.keys() {
        let mut changed = forge.clone();
        let bytes = changed.others.get_mut(path).expect("a file");
        bytes.extend(b"# more\n");
        cases.push(Case::new(path.as_str(), changed.build(), &held.pins));
    }
    for (at, piece) in forge.pieces.iter().enumerate() {
        let mut changed = forge.clone();
        if let Some(detail) = &piece.detail {
            changed.pieces[at].detail = Some([detail.as_slice(), b"more\n"].concat());
            cases.push(Case::new(
                format!("detail {at}"),
                changed.build(),
                &held.pins,
            ));
        }
    }
    let mut exchanged = forge.clone();
    let a = exchanged.others["operators/A.asc"].clone();
    let b = exchanged
        .others
        .insert("operators/B.asc".to_string(), a)
        .expect("B");
    exchanged.others.insert("operators/A.asc".to_string(), b);
    let call = forge.find("roll-call", 0);
    for (label, from) in [("operator-a", "operator-b"), ("operator-b", "operator-a")] {
        exchanged.pieces[call].set(label, forge.pieces[call].get(from));
    }
    cases.push(Case::new(
        "operators exchanged",
        exchanged.build(),
        &held.pins,
    ));
    let unpinned = Default::default();
    cases.push(Case::new(
        "operators exchanged, unpinned",
        exchanged.build(),
        &unpinned,
    ));
    all_refused("files changed, chained anew", cases.into_iter());
}

#[test]
fn a_rehearsal_does_not_become_a_ceremony() {
    let held = smooth();
    let mut forge = held.forge();
    let id = forge.pieces[0]
        .get("id")
        .trim_start_matches("REHEARSAL-")
        .to_string();
    let relabelled = |forge: &Forge, name| Case::new(name, forge.build(), &held.pins);
    let mut cases = Vec::new();
    forge.pieces[0].set("mode", "ceremony");
    cases.push(relabelled(&forge, "mode"));
    forge.pieces[0].set("id", &id);
    cases.push(relabelled(&forge, "mode and id"));
    let strip = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(bytes).replace("Comment: REHEARSAL\n", "");
        *bytes = text.replace("REHEARSAL", "").into_bytes();
    };
    forge.others.values_mut().for_each(strip);
    forge.pieces.iter_mut().for_each(|piece| {
        let signatures = piece.signatures.iter_mut().flatten();
        signatures.chain(&mut piece.detail).for_each(strip);
    });
    forge.closing.iter_mut().flatten().for_each(strip);
    cases.push(relabelled(&forge, "mode, id and comments"));
    all_refused("a rehearsal relabelled", cases.into_iter());
}

#[test]
fn files_and_lists_that_do_not_belong_are_refused() {
    let held = eventful();
    all_refused("files moved", cases::files_moved(held).into_iter());
    all_refused("lists", cases::lists(held).into_iter());
    all_refused("pins", cases::pinned(held).into_iter());
}

#[test]
fn a_public_copy_that_says_what_it_withholds_is_good() {
    let (mut material, _) = cases::with_a_fragment(eventful());
    let paths: Vec<String> = material.files.keys().cloned().collect();
    let personal = |path: &&String| path.starts_with("details/") || path.starts_with("fragments/");
    let details = paths.iter().filter(personal);
    let list: String = details.clone().map(|path| format!("{path}\n")).collect();
    details.for_each(|path| drop(material.files.remove(path)));
    material
        .files
        .insert(files::REDACTED.to_string(), list.into_bytes());
    let verdict = good(eventful(), &material);
    assert!(verdict.withheld.len() > 3);
    assert!(
        verdict
            .withheld
            .iter()
            .any(|path| path.starts_with("fragments/"))
    );
    assert_eq!(verdict.exit() as u8, 0);
}

#[test]
fn one_bad_signature_is_refused() {
    all_refused(
        "one signature",
        cases::one_signature(eventful()).into_iter(),
    );
}

/// Expired, revoked and shared keys, and signatures of other kinds, made with stock gpg.
#[test]
fn what_gpg_lets_an_operator_do_is_refused() {
    let mut cases = stock::cases(eventful()).into_iter();
    let control = cases.next().expect("the first is good");
    let verdict = verify(&control.material, &control.pins).expect("gpg's signatures are good");
    assert_eq!(verdict.completion, Completion::Unfinished);
    assert!(verdict.signatures > 5);
    all_refused("signatures by gpg", cases);
}

#[test]
fn not_even_both_operators_together_can_leave_something_out() {
    all_refused("signed by both", cases::colluding(eventful()).into_iter());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Splices and cuts in any file: never a panic, and never another verdict than before
    /// unless it was refused.
    #[test]
    fn random_splices_are_refused(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0..200usize,
        with in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[ -~\n]{0,40}".prop_map(String::into_bytes),
        ],
    ) {
        let held = eventful();
        let mut material = held.closed.clone();
        let path = which.get(&material.files.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = material.files.get_mut(&path).expect("a file");
        let before = bytes.clone();
        let from = from.index(bytes.len());
        let to = (from + length).min(bytes.len());
        bytes.splice(from..to, with);
        let blank = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().collect::<String>();
        let same = blank(&before) == blank(bytes) && path.starts_with("transcript.txt.");
        prop_assume!(before != *bytes && !same);
        prop_assert!(verify(&material, &held.pins).is_err(), "{path}");
    }
}
