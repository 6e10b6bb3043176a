//! Bad records by the dozen: every one must be refused, by both verifiers.

use ceremony::digest::Digest;
use ceremony::openpgp::LockedKey;
use ceremony::plan::Operator;
use ceremony::record::files;
use ceremony::record::time;
use ceremony::secret::SecretText;
use ceremony::verify::{Material, Pins};

use super::Held;
use super::forge::{Forge, Piece, Signer};

/// Signs a message as if at some time.
type Sign<'a> = dyn Fn(&[u8], u64) -> Vec<u8> + 'a;

/// A record to be judged.
pub struct Case {
    pub name: String,
    pub material: Material,
    pub pins: Pins,
}

impl Case {
    pub fn new(name: impl Into<String>, material: Material, pins: &Pins) -> Case {
        Case {
            name: name.into(),
            material,
            pins: pins.clone(),
        }
    }
}

/// A case that differs from a good record by a change to its material.
fn changed(held: &Held, name: &str, change: impl FnOnce(&mut Material)) -> Case {
    let mut material = held.closed.clone();
    change(&mut material);
    Case::new(name, material, &held.pins)
}

/// Files added, linked and renamed; certificates and what lies beside exchanged.
pub fn files_moved(held: &Held) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in [
        "extra.txt",
        "details/9999.txt",
        "details/0001.txt",
        "signatures/0001.A.asc",
        "signatures/0004.C.asc",
        "transcript.txt.W.asc",
        "transcript.txt.C.asc",
        "certificates/9.asc",
        "fragments/0001",
        "operators/C.asc",
        "signatures/deeper/0004.A.asc",
        ".hidden",
        "odd name",
    ] {
        let add = |m: &mut Material| drop(m.files.insert(path.to_string(), b"x\n".to_vec()));
        cases.push(changed(held, &format!("added {path}"), add));
        let mut listed = held.forge();
        listed.others.insert(path.to_string(), b"x\n".to_vec());
        let name = format!("added and listed {path}");
        cases.push(Case::new(name, listed.sign(None, &held.keys), &held.pins));
        let link = |m: &mut Material| m.odd.push(path.to_string());
        if !path.contains("deeper") {
            cases.push(changed(held, &format!("linked {path}"), link));
        }
    }
    for (from, to) in [
        ("operators/A.asc", "operators/B.asc"),
        ("transcript.txt.A.asc", "transcript.txt.B.asc"),
        ("plan.toml", "checklist.txt"),
        ("signatures/0004.A.asc", "transcript.txt.A.asc"),
        ("signatures/0007.A.asc", "signatures/0009.A.asc"),
        ("signatures/0007.A.asc", "signatures/0007.B.asc"),
        ("details/0000.txt", "details/0002.txt"),
        ("SHA256SUMS", "sha256sums"),
        ("transcript.txt", "transcript"),
    ] {
        cases.push(changed(held, &format!("renamed {from} to {to}"), |m| {
            let bytes = m.files.remove(from);
            m.files.extend(bytes.map(|bytes| (to.to_string(), bytes)));
        }));
        cases.push(changed(held, &format!("exchanged {from} and {to}"), |m| {
            let both = [m.files.remove(from), m.files.remove(to)];
            let names = [to, from].map(str::to_string).into_iter().zip(both);
            m.files
                .extend(names.filter_map(|(name, bytes)| Some((name, bytes?))));
        }));
    }
    for (from, to) in [
        ("payload.asc", "AB.asc"),
        ("RECOVERY.txt", "fingerprint.txt"),
    ] {
        cases.push(changed(held, &format!("beside: {from} for {to}"), |m| {
            let bytes = m.beside[from].clone();
            m.beside.insert(to.to_string(), bytes);
        }));
    }
    // What was stored: other files there are not the ceremony's.
    let stored = held.forge().pieces;
    let stored = stored.iter().filter(|piece| piece.event() == "stored");
    for name in stored.map(|piece| piece.get("file")) {
        if held.closed.beside.contains_key(name) {
            cases.push(changed(held, &format!("beside: changed {name}"), |m| {
                m.beside
                    .insert(name.to_string(), b"something else\n".to_vec());
            }));
        }
    }
    cases
}

/// The same record, good, with a whole detail file in the fragment of its first interruption: as if
/// the power had failed between the detail and its entry. With the fragment's path.
pub fn with_a_fragment(held: &Held) -> (Material, String) {
    let mut forge = held.forge();
    let at = forge.find("resumed", 0);
    let detail = held.closed.files["details/0000.txt"].clone();
    forge.pieces[at].fragment = Some(detail);
    let material = forge.sign(None, &held.keys);
    let path = files::fragment(u32::try_from(at).expect("few entries"));
    assert!(material.files.contains_key(&path));
    (material, path)
}

/// Fragments that are not, or not rightly, withheld.
fn fragments_withheld(held: &Held) -> Vec<Case> {
    if !held
        .forge()
        .pieces
        .iter()
        .any(|piece| piece.event() == "resumed")
    {
        return Vec::new();
    }
    let (material, fragment) = with_a_fragment(held);
    let fragment = fragment.as_str();
    let number = &fragment["fragments/".len()..];
    let case = |name: &str, list: Option<String>, gone: &[&str]| {
        let mut m = material.clone();
        list.map(|list| {
            m.files
                .insert(files::REDACTED.to_string(), list.into_bytes())
        });
        gone.iter().for_each(|path| drop(m.files.remove(*path)));
        Case::new(name, m, &held.pins)
    };
    let line = |path: &str| Some(format!("{path}\n"));
    let both = format!("{fragment}\ndetails/0000.txt\n");
    vec![
        case("a fragment is missing, and no list", None, &[fragment]),
        case(
            "a fragment is missing, and another file is listed",
            line("details/0000.txt"),
            &[fragment, "details/0000.txt"],
        ),
        case("a fragment is listed, and there", line(fragment), &[]),
        case(
            "a fragment is listed that never was",
            line("fragments/9999"),
            &[],
        ),
        case(
            "a fragment is missing, and one that never was is listed",
            line("fragments/9999"),
            &[fragment],
        ),
        case(
            "a fragment is listed as a detail",
            line(&format!("details/{number}")),
            &[fragment],
        ),
        case(
            "a fragment is listed with an ending",
            line(&format!("{fragment}.txt")),
            &[fragment],
        ),
        case(
            "a fragment is listed by its folder",
            line("fragments"),
            &[fragment],
        ),
        case(
            "a fragment is listed by a way around",
            line(&format!("fragments/../{fragment}")),
            &[fragment],
        ),
        case(
            "fragments and details are not in order",
            Some(both),
            &[fragment, "details/0000.txt"],
        ),
    ]
}

/// Details withheld, `REDACTED` and `SHA256SUMS` that say what is not so, unfinished closings.
pub fn lists(held: &Held) -> Vec<Case> {
    let detail = "details/0000.txt";
    let redacted = |text: &str, gone: &'static [&'static str]| {
        let text = text.as_bytes().to_vec();
        move |m: &mut Material| {
            m.files.insert(files::REDACTED.to_string(), text);
            for path in gone {
                m.files.remove(*path);
            }
        }
    };
    let list = |name, text, gone| changed(held, name, redacted(text, gone));
    let mut cases = vec![
        changed(held, "withheld without REDACTED", |m| {
            drop(m.files.remove(detail))
        }),
        list("REDACTED lists what is there", "details/0000.txt\n", &[]),
        list("REDACTED lists what never was", "details/0001.txt\n", &[]),
        list("REDACTED is empty", "", &["details/0000.txt"]),
        list(
            "REDACTED has no end of line",
            "details/0000.txt",
            &["details/0000.txt"],
        ),
        list("REDACTED withholds the plan", "plan.toml\n", &["plan.toml"]),
        list(
            "REDACTED is not in order",
            "details/0002.txt\ndetails/0000.txt\n",
            &["details/0000.txt", "details/0002.txt"],
        ),
        list(
            "REDACTED lists another",
            "details/0000.txt\n",
            &["details/0000.txt", "details/0002.txt"],
        ),
        list(
            "REDACTED withholds a signature",
            "signatures/0009.A.asc\n",
            &["signatures/0009.A.asc"],
        ),
    ];
    cases.extend(fragments_withheld(held));
    for operator in Operator::ALL {
        let path = files::closing_signature(operator);
        cases.push(changed(held, &format!("closed without {path}"), |m| {
            m.files.remove(&path);
        }));
        let mut unfinished = held.paused.clone();
        unfinished
            .files
            .insert(path.clone(), held.closed.files[&path].clone());
        let name = format!("unfinished with {path}");
        cases.push(Case::new(name, unfinished, &held.pins));
    }
    cases.push(changed(held, "closed without both", |m| {
        m.files
            .retain(|path, _| !path.starts_with("transcript.txt."));
    }));
    cases.extend(sums(held));
    cases
}

/// `SHA256SUMS` in another shape, named by `closed` and signed by both operators.
fn sums(held: &Held) -> Vec<Case> {
    let forge = held.forge();
    let last = forge.pieces.len() - 1;
    let text = String::from_utf8(held.closed.files[files::SUMS].clone()).expect("ASCII");
    let lines: Vec<&str> = text.lines().collect();
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    let other = Digest::of(b"other");
    let shapes = [
        ("reversed", reversed.join("\n") + "\n"),
        ("longer", format!("{text}{other}  zzz.txt\n")),
        ("shorter", lines[1..].join("\n") + "\n"),
        ("in binary mode", text.replace("  ", " *")),
        (
            "with a transcript",
            format!("{text}{other}  transcript.txt\n"),
        ),
        ("empty", String::new()),
        ("with another hash", format!("{other}{}", &text[64..])),
        ("without its last end of line", text.trim_end().to_string()),
    ];
    let forged = |(name, text): (&str, String)| {
        let hash = Digest::of(text.as_bytes()).to_string();
        let mut material = forge.sign(Some((last, "sums", &hash)), &held.keys);
        material
            .files
            .insert(files::SUMS.to_string(), text.into_bytes());
        Case::new(format!("SHA256SUMS {name}"), material, &held.pins)
    };
    shapes.into_iter().map(forged).collect()
}

/// What the person who verifies knows better.
pub fn pinned(held: &Held) -> Vec<Case> {
    let [a, b] = held.pins.operators.clone();
    let none = Pins::default();
    let with = |operators| Pins {
        operators,
        ..none.clone()
    };
    let id = held.forge().pieces[0].get("id").to_string();
    let pins = [
        ("A and B exchanged", with([b.clone(), a.clone()])),
        ("A twice", with([a.clone(), a.clone()])),
        ("B for A alone", with([b.clone(), None])),
        ("A for B alone", with([None, a.clone()])),
        (
            "another id",
            Pins {
                id: Some(id.to_lowercase()),
                ..held.pins.clone()
            },
        ),
        (
            "another record before",
            Pins {
                previous: Some(Digest::of(b"x")),
                ..held.pins.clone()
            },
        ),
    ];
    let case = |(name, pins): (&str, Pins)| Case::new(name, held.closed.clone(), &pins);
    pins.into_iter().map(case).collect()
}

/// Signs as the operators do, except for one signature.
pub struct Except<'a> {
    pub keys: &'a dyn Signer,
    /// The entry after which the signature stands.
    pub entry: usize,
    pub operator: Operator,
    pub instead: &'a dyn Fn(&[u8], u64) -> Vec<u8>,
}

impl Signer for Except<'_> {
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8> {
        let entry = message.windows(2).filter(|pair| pair == b"\n\n").count() - 1;
        if entry == self.entry && operator == self.operator {
            (self.instead)(message, at)
        } else {
            self.keys.sign(operator, message, at)
        }
    }
}

/// The end of an earlier entry: what an earlier checkpoint's signature is over.
fn earlier(message: &[u8]) -> &[u8] {
    let text = &message[..message.len() - 2];
    let end = text.windows(2).rposition(|pair| pair == b"\n\n");
    &message[..end.expect("two entries") + 2]
}

/// One signature that is not what it must be, all else signed again by both operators.
pub fn one_signature(held: &Held) -> Vec<Case> {
    let forge = held.forge();
    let words = SecretText::from_string("other words".to_string());
    let made = time::parse(forge.pieces[0].get("time")).expect("a time");
    let stranger = LockedKey::generate("operator A", &words, made, None).expect("a key");
    let checkpoint = forge.find("authorise", 3);
    let last = forge.pieces.len() - 1;
    let next = time::parse(forge.pieces[checkpoint + 1].get("time")).expect("a time");
    let mut cases = Vec::new();
    for operator in Operator::ALL {
        let own = |message: &[u8], at| held.keys.sign(operator, message, at);
        let theirs = |message: &[u8], at| held.keys.sign(operator.other(), message, at);
        let other = |message: &[u8], at| stranger.sign(&words, message, at, None).expect("signs");
        let prefix = |message: &[u8], at| own(earlier(message), at);
        let two = |m: &[u8], at| [own(m, at), own(m, at)].concat();
        let both = |m: &[u8], at| [own(m, at), theirs(m, at)].concat();
        let junk = |m: &[u8], at| [b"junk\n".to_vec(), own(m, at)].concat();
        let empty = |_: &[u8], _| Vec::new();
        let crlf = |m: &[u8], at| {
            own(
                &String::from_utf8_lossy(m)
                    .replace('\n', "\r\n")
                    .into_bytes(),
                at,
            )
        };
        let early = |m: &[u8], at| own(m, at - 1);
        let late = |m: &[u8], _| own(m, next + 1);
        let kinds: [(&str, &Sign<'_>); 10] = [
            ("by the other operator", &theirs),
            ("by a stranger", &other),
            ("over a prefix", &prefix),
            ("twice", &two),
            ("by both", &both),
            ("after junk", &junk),
            ("empty", &empty),
            ("over other line ends", &crlf),
            ("too early", &early),
            ("too late", &late),
        ];
        for entry in [checkpoint, last] {
            for (name, instead) in kinds {
                if entry == last && name == "too late" {
                    continue;
                }
                let signer = Except {
                    keys: &held.keys,
                    entry,
                    operator,
                    instead,
                };
                let name = format!("{operator}'s signature of entry {entry} {name}");
                cases.push(Case::new(name, forge.sign(None, &signer), &held.pins));
            }
        }
    }
    cases
}

/// The three entries with which an exception is recorded and signed, for a step.
fn exception(forge: &Forge, step: &str) -> Vec<Piece> {
    let at = forge.find("exception", 0);
    let mut pieces = forge.pieces[at..at + 3].to_vec();
    for piece in &mut pieces {
        piece.set("step", step);
    }
    pieces
}

/// Both operators conspire, with their own keys: they leave out what the plan demands.
pub fn colluding(held: &Held) -> Vec<Case> {
    colluding_from(held, 0)
}

/// The same, only about this entry and those after it.
pub fn colluding_from(held: &Held, from: usize) -> Vec<Case> {
    let forge = held.forge();
    let count = forge.pieces.len();
    let mut forged: Vec<(String, Forge)> = Vec::new();
    for at in from..count {
        let event = forge.pieces[at].event();
        let next = forge.pieces.get(at + 1).map_or("", Piece::event);
        // The machine may have been switched off one entry earlier; and nothing demands that a sheet is
        // printed.
        let needed = !matches!(event, "printed" | "not-printed");
        if needed && (next != "resumed" || event == "paused") {
            let without = forge.with(|pieces| drop(pieces.remove(at)));
            forged.push((format!("without entry {at}, {event}"), without));
        }
        if at + 1 < count {
            let swapped = forge.with(|pieces| pieces.swap(at, at + 1));
            forged.push((format!("entry {at}, {event}, after the next"), swapped));
        }
        // A ceremony may be interrupted again before anything else was written.
        if event != "resumed" {
            let twice = forge.with(|pieces| pieces.insert(at, pieces[at].clone()));
            forged.push((format!("entry {at}, {event}, twice"), twice));
        }
        // A checkpoint that was refused authorises nothing.
        if event == "authorise" && next != "refused" {
            let without = forge.with(|pieces| drop(pieces.drain(at..at + 2)));
            forged.push((format!("without the checkpoint {at}"), without));
        }
    }
    let mut steps: Vec<&str> = forge.pieces[from.max(1)..]
        .iter()
        .map(|p| p.get("step"))
        .collect();
    steps.dedup();
    for step in steps {
        let skipped = forge.with(|pieces| pieces.retain(|piece| piece.get("step") != step));
        forged.push((format!("without step {step}"), skipped));
        let at = forge
            .pieces
            .iter()
            .position(|piece| piece.get("step") == step);
        let excused = forge.with(|pieces| {
            pieces.retain(|piece| piece.get("step") != step);
            let at = at.expect("a step of the record").min(pieces.len());
            drop(pieces.splice(at..at, exception(&forge, step)));
        });
        forged.push((format!("an exception for step {step}"), excused));
    }
    let case = |(name, forge): (String, Forge)| {
        let name = format!("signed by both: {name}");
        Case::new(name, forge.sign(None, &held.keys), &held.pins)
    };
    forged.into_iter().map(case).collect()
}
