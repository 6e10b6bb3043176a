//! Which files a record must hold, no more and no fewer, as its transcript says.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use super::event::Event;
use super::transcript::Placed;
use super::value::Signed;
use crate::digest::Digest;
use crate::plan::Operator;

/// The transcript.
pub const TRANSCRIPT: &str = "transcript.txt";
/// The plan, as it was read.
pub const PLAN: &str = "plan.toml";
/// The checklist, as the plan compiles to it.
pub const CHECKLIST: &str = "checklist.txt";
/// The list of files with their hashes, in the format of `sha256sum`.
pub const SUMS: &str = "SHA256SUMS";
/// Lists the details and fragments that a public copy withholds.
pub const REDACTED: &str = "REDACTED";

/// `operators/A.asc`.
pub fn operator_certificate(operator: Operator) -> String {
    format!("operators/{operator}.asc")
}

/// `signatures/0017.A.asc`.
pub fn signature(entry: u32, operator: Operator) -> String {
    format!("signatures/{entry:04}.{operator}.asc")
}

/// `transcript.txt.A.asc`.
pub fn closing_signature(operator: Operator) -> String {
    format!("{TRANSCRIPT}.{operator}.asc")
}

/// `certificates/1.asc`: the certificate that this attempt made.
pub fn certificate(attempt: u32) -> String {
    format!("certificates/{attempt}.asc")
}

/// `fragments/0017`: what was cut short before entry 17, kept.
pub fn fragment(entry: u32) -> String {
    format!("fragments/{entry:04}")
}

/// Whether a public copy may withhold this file: a detail holds personal facts, and a fragment may
/// hold a whole one.
pub fn may_be_withheld(path: &str) -> bool {
    let numbered = |folder: &str, ending: &str| {
        let number = path
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_suffix(ending));
        number.is_some_and(|n| n.len() == 4 && n.bytes().all(|digit| digit.is_ascii_digit()))
    };
    numbered("details/", ".txt") || numbered("fragments/", "")
}

/// A file of the record beside its transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The transcript holds its hash.
    Hashed(Digest),
    /// A signature of the last checkpoint, whose outcome is not recorded yet.
    Pending,
}

/// The files that a transcript calls for, each with the hash that it claims for it.
pub fn claims(entries: &[Placed]) -> BTreeMap<String, Claim> {
    let mut files = BTreeMap::new();
    let mut claim = |path: String, hash: Digest| {
        files.insert(path, Claim::Hashed(hash));
    };
    for (at, placed) in entries.iter().enumerate() {
        let Entry {
            number,
            event,
            detail,
            ..
        } = &placed.entry;
        if let Some(detail) = detail {
            claim(Entry::detail_path(*number), *detail);
        }
        match event {
            Event::Opened {
                plan, checklist, ..
            } => {
                claim(PLAN.to_string(), *plan);
                claim(CHECKLIST.to_string(), *checklist);
            }
            Event::RollCall { cert_a, cert_b, .. } => {
                claim(operator_certificate(Operator::A), *cert_a);
                claim(operator_certificate(Operator::B), *cert_b);
            }
            Event::Generated {
                attempt,
                certificate: hash,
                ..
            } => claim(certificate(*attempt), *hash),
            Event::Resumed {
                fragment: Some(hash),
                ..
            } => claim(fragment(*number), *hash),
            Event::Closed { sums, .. } => claim(SUMS.to_string(), *sums),
            _ => {}
        }
        if let Some(signed) = outcome(event) {
            let checkpoint = entries[at - 1].entry.number;
            for (operator, signed) in Operator::ALL.into_iter().zip(signed) {
                if let Signed::Yes(hash) = signed {
                    claim(signature(checkpoint, operator), hash);
                }
            }
        }
    }
    if let Some(Event::Authorise { .. }) = entries.last().map(|last| &last.entry.event) {
        let checkpoint = entries[entries.len() - 1].entry.number;
        for operator in Operator::ALL {
            files.insert(signature(checkpoint, operator), Claim::Pending);
        }
    }
    files
}

/// The signatures of the checkpoint just before, where an event names them. Such an event is
/// never the first.
pub fn outcome(event: &Event) -> Option<[Signed; 2]> {
    match event {
        Event::Authorised { sig_a, sig_b }
        | Event::Refused { sig_a, sig_b }
        | Event::Closed { sig_a, sig_b, .. } => Some([*sig_a, *sig_b]),
        _ => None,
    }
}

/// `SHA256SUMS` over these files: `sha256sum`'s own format, sorted by path.
pub fn sums<'a>(files: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>) -> String {
    let sorted: BTreeMap<_, _> = files.into_iter().collect();
    sorted
        .iter()
        .map(|(path, bytes)| format!("{}  {path}\n", Digest::of(bytes)))
        .collect()
}

/// Reads `SHA256SUMS` strictly; `None` unless it is what [`sums`] would write.
pub fn parse_sums(bytes: &[u8]) -> Option<BTreeMap<String, Digest>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut sums = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for line in text.split_inclusive('\n') {
        let (hash, path) = line.strip_suffix('\n')?.split_once("  ")?;
        let hash = Digest::parse(hash)?;
        if paths
            .last()
            .is_some_and(|last: &String| last.as_str() >= path)
            || !is_plain(path)
        {
            return None;
        }
        paths.insert(path.to_string());
        sums.insert(path.to_string(), hash);
    }
    Some(sums)
}

/// A relative path without surprises.
pub fn is_plain(path: &str) -> bool {
    let part = |p: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !p.is_empty() && !p.starts_with('.') && p.chars().all(fits)
    };
    path.len() <= 100 && path.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_refuse_disorder_repetition_and_odd_paths() {
        let line = |path: &str| format!("{}  {path}\n", Digest::of(path.as_bytes()));
        assert!(parse_sums((line("a") + &line("b")).as_bytes()).is_some());
        for bad in [
            line("b") + &line("a"),
            line("a") + &line("a"),
            line("../a"),
            line("/a"),
            line("a//b"),
            line(".hidden"),
            line("a").trim_end().to_string(),
            line("a").replace("  ", " *"),
        ] {
            assert_eq!(parse_sums(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_read_back(names in proptest::collection::btree_map("[a-z]{1,8}(/[a-z]{1,8})?", proptest::collection::vec(any::<u8>(), 0..20), 0..8)) {
            let text = sums(&names);
            let read = parse_sums(text.as_bytes()).expect("its own writing");
            prop_assert_eq!(read.len(), names.len());
            for (path, bytes) in &names {
                prop_assert_eq!(read[path], Digest::of(bytes));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_sums(&bytes);
        }
    }
}
