//! Both verifiers judge alike what a record says of tokens that opened something.
//!
//! Nothing after the changed entry is left, so nothing has to be signed anew.

use ceremony::record::files;
use ceremony::record::transcript;
use ceremony::verify::{Material, Pins, verify};

use crate::people::TOKENS;
use crate::script;

/// A field's label and its other value.
type Change<'a> = &'a [(&'a str, &'a str)];

/// What may stand in place of the tokens' entry: in the drill nothing; in an opening words.
pub fn on_changes(drilled: &Material, opened: &Material) {
    let by_words: Change<'_> = &[("quorum", "AC"), ("actors", "A C"), ("opener", "gpg")];
    let never: [Change<'_>; 12] = [
        &[("opener", "gpg")],
        &[("opener", "library")],
        &[("opener", "file")],
        &[("quorum", "AB")],
        &[("quorum", "AB-token")],
        &[("quorum", "ab-tokens")],
        &[("quorum", "AC-tokens"), ("actors", "A C")],
        &[("quorum", "ABC-tokens"), ("actors", "A B C")],
        &[("actors", "A")],
        &[("actors", "none")],
        &[("actors", "A B C")],
        &[("medium", "operator-b")],
    ];
    for (record, bad) in [(drilled, Some(by_words)), (opened, None)] {
        judged(record, &[], 3);
        for change in never.into_iter().chain(bad) {
            judged(record, change, 1);
        }
    }
    judged(opened, by_words, 3);
    judged(opened, &[("medium", "secret-2")], 3);
}

fn judged(record: &Material, changes: Change<'_>, expected: i32) {
    let record = cut(record, changes);
    let ours = verify(&record, &Pins::default());
    let code = ours.as_ref().map_or(1, |verdict| verdict.exit() as i32);
    assert_eq!(code, expected, "{changes:?}: {:?}", ours.err());
    let (code, said) = script::run(&record, &Pins::default());
    assert_eq!(code, expected, "{changes:?}: {said}");
}

/// The record as it stood when the tokens had opened something, with changes to that entry.
fn cut(record: &Material, changes: Change<'_>) -> Material {
    let text = &record.files[files::TRANSCRIPT];
    let entries = transcript::parse(text).expect("whole entries");
    let opened = format!("quorum: {TOKENS}\n");
    let last = entries.iter().position(|placed| {
        let bytes = String::from_utf8(placed.entry.bytes()).expect("ASCII");
        bytes.contains(&opened)
    });
    let last = last.expect("tokens opened it");
    let kept = &entries[..=last];
    let begin = kept[last - 1].end;
    let mut lines = String::new();
    for line in String::from_utf8_lossy(&text[begin..kept[last].end]).lines() {
        let label = line.split(": ").next().unwrap_or_default();
        let change = changes.iter().find(|(changed, _)| *changed == label);
        match change {
            Some((label, value)) => lines.push_str(&format!("{label}: {value}\n")),
            None => lines.push_str(&format!("{line}\n")),
        }
    }
    let claims = files::claims(kept);
    let mut changed = record.clone();
    changed.beside.clear();
    changed.files.retain(|path, _| claims.contains_key(path));
    let whole = [&text[..begin], lines.as_bytes()].concat();
    changed.files.insert(files::TRANSCRIPT.to_string(), whole);
    changed
}
