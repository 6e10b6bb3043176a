//! Records to tamper with, and the tools to do it. Shared by the tests of both verifiers.

#![allow(dead_code, reason = "each test program uses a part of what is here")]

pub mod call;
pub mod call_cases;
pub mod cases;
#[path = "../far_end/mod.rs"]
pub mod far_end;
pub mod forge;
pub mod hold;
pub mod hostile;
pub mod script;
pub mod stock;
pub mod token_cases;

use std::sync::{Arc, OnceLock};

use ceremony::digest::Digest;
use ceremony::driver::Outcome;
use ceremony::edge::paper::Paper;
use ceremony::openpgp::Certificate;
use ceremony::record::value::{Mode, Part, Sheet, Spoken};
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use ceremony::secret::SecretText;
use ceremony::steps::BAD_PAPER;
use ceremony::verify::{Material, Pins};

use forge::Forge;
use hold::{Keys, Table, once};

/// Everything that a plan can have: absent custodians, revocation, a planned stop.
pub const LARGE_PLAN: &str = include_str!("plan.toml");

/// The same with two custodians.
pub fn small_plan() -> String {
    let plan = LARGE_PLAN.replace(
        r#"custodians = ["A", "B", "C"]"#,
        r#"custodians = ["A", "B"]"#,
    );
    plan.replace(r#"absent = ["C"]"#, "absent = []")
}

/// A ceremony that was held, as it stood at the planned stop and at its end.
pub struct Held {
    pub paused: Material,
    pub closed: Material,
    pub keys: Arc<Keys>,
    pub pins: Pins,
}

impl Held {
    pub fn forge(&self) -> Forge {
        Forge::new(&self.closed)
    }

    fn of(table: &Table, paused: Material) -> Held {
        let closed = table.material(Role::OperatorA);
        let pins = pins(&closed);
        Held {
            paused,
            closed,
            keys: Arc::new(table.keys()),
            pins,
        }
    }
}

/// The operators of a record, as its certificates have them.
pub fn pins(material: &Material) -> Pins {
    let fingerprint = |letter: &str| {
        let file = material.files.get(&format!("operators/{letter}.asc"))?;
        Some(
            Certificate::from_bytes(file)
                .expect("a certificate")
                .fingerprint(),
        )
    };
    Pins {
        operators: [fingerprint("A"), fingerprint("B")],
        ..Pins::default()
    }
}

fn line(text: &str) -> Reply {
    Reply::Line(text.to_string())
}

/// A real ceremony in which much went wrong, and that was closed all the same: a refused
/// signature, exceptions, a wrong read-back, a wrong share, a machine that was switched off
/// while the key was in its memory, an abandoned key, a sheet that was printed and one that came out
/// badly, a planned stop.
pub fn eventful() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| {
        let mut table = Table::new(LARGE_PLAN, Mode::Ceremony).with_printer();
        let mut wrong = once(vec![
            (
                |asks| matches!(asks, Asks::Passphrase(o) if o.letter() == 'B'),
                || Reply::Exception,
            ),
            (|asks| matches!(asks, Asks::HexRow(0)), || line("0000 0000")),
            (
                |asks| matches!(asks, Asks::ShareWord(..)),
                || Reply::Secret(SecretText::from_string("abandon".to_string())),
            ),
        ]);
        let is_second =
            |asks: &Asks| matches!(asks, Asks::ShareWord(c, Part::Whole, 3) if c.letter() == 'B');
        let cut = table.session(
            Box::new(|question, paper| wrong(question, paper)),
            Box::new(|question| is_second(&question.asks)),
        );
        assert_eq!(cut, None, "the machine was switched off");
        // The recovery sheets come out badly, and are left out.
        let play = |table: &mut Table| {
            let bad =
                |question: &Question| matches!(question.asks, Asks::PaperRow(Sheet::Recovery, _));
            let meddle =
                move |question: &Question, _: &mut Paper| bad(question).then(|| line(BAD_PAPER));
            table.session(Box::new(meddle), Box::new(|_| false))
        };
        assert_eq!(play(&mut table), Some(Outcome::Paused));
        let paused = table.material(Role::OperatorA);
        assert_eq!(play(&mut table), Some(Outcome::Closed));
        Held::of(&table, paused)
    })
}

/// The same ceremony with a telephone call before its end, by words with canaries.
pub fn called() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| call::called(eventful(), Spoken::Canaries))
}

/// A message that the same operators opened.
pub fn opened() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| call::opened(eventful(), call::Opening::Opened))
}

/// A rehearsal in which nothing went wrong, as small as they come.
pub fn smooth() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| hold_closed(Table::new(&small_plan(), Mode::Rehearsal)))
}

/// Nothing goes wrong; the planned stop is made.
pub fn hold_closed(mut table: Table) -> Held {
    let play = |table: &mut Table| table.session(Box::new(|_, _| None), Box::new(|_| false));
    assert_eq!(play(&mut table), Some(Outcome::Paused));
    let paused = table.material(Role::OperatorA);
    assert_eq!(play(&mut table), Some(Outcome::Closed));
    Held::of(&table, paused)
}

/// A ceremony that was aborted while the key was in memory.
pub fn aborted() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| hold_aborted(Table::new(&small_plan(), Mode::Ceremony)))
}

/// An exception at the first read-back; the players decide to abort.
pub fn hold_aborted(mut table: Table) -> Held {
    let meddle = |question: &ceremony::screen::Question, _: &mut _| {
        matches!(question.asks, Asks::HexRow(0)).then_some(Reply::Exception)
    };
    let outcome = table.session(Box::new(meddle), Box::new(|_| false));
    assert_eq!(outcome, Some(Outcome::Aborted));
    let material = table.material(Role::OperatorA);
    Held::of(&table, material)
}

/// Other well-formed values for a field.
pub fn alternatives(event: &str, label: &str, value: &str) -> Vec<String> {
    let words: &[&str] = match label {
        "event" => return other_events(event),
        "actors" => &["none", "A", "B", "A B", "A C"],
        "step" => &["0", "1.1", "2.1", "2.3", "9.9"],
        "mode" => &["ceremony", "rehearsal"],
        "act" => &[
            "generate",
            "drill",
            "phone",
            "open",
            "resume",
            "exception",
            "close",
            "media",
        ],
        "heard" => &["canaries", "digits"],
        "nonce" => &[
            "none",
            "topmost-istanbul-pluto-pluto",
            "aardvark-adroitness",
        ],
        "canaries" => &["none", "1-snapshot.11-bravado.24-music"],
        "standing-a" | "standing-b" => &["pinned", "enrolled"],
        "means-a" | "means-b" => &["file", "token"],
        "sheet" => &["fingerprint", "recovery"],
        "how" => &["raw", "cups", "folder", "by-hand", "left-out"],
        "part" => &["whole", "first", "second"],
        "custodian" => &["A", "B", "C", "T"],
        "opener" => &["gpg", "library"],
        "medium" => &["secret-1", "secret-2", "operator-a", "operator-b", "public"],
        "missing" => &["none", "operator-a", "operator-b", "public"],
        "decided" => &["try-again", "replace-device", "copy-by-hand", "abort"],
        "quorum" => &["AB", "AC", "BC", "XY"],
        "profile" => &["modern", "rsa4096", "v6"],
        "version" => &["9.9.9", "next"],
        "file" => &["payload.asc", "AB.asc", "certificate.asc", "other"],
        "time" => return other_times(value),
        "id" => return other_ids(value),
        "backup" => &["REHEARSAL-2026-01-02-key-0A1B2C3D"],
        _ => &[],
    };
    let mut found: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
    if let Ok(number) = value.parse::<u64>() {
        let others = [
            number.saturating_add(1),
            number.saturating_add(1000),
            number.saturating_sub(1),
        ];
        found.extend(others.map(|n| n.to_string()));
    } else if value.len() == 40 && words.is_empty() {
        found.push("0123456789abcdef0123456789abcdef01234567".to_string());
    } else if words.is_empty() {
        found.push(Digest::of(b"something else").to_string());
        match label {
            "previous" | "image" | "fragment" | "result" => found.push("none".to_string()),
            "sig-a" | "sig-b" => found.push("refused".to_string()),
            _ => {}
        }
    }
    found.retain(|other| other != value);
    found.dedup();
    assert!(!found.is_empty(), "{event}, {label}: {value}");
    found
}

fn other_times(value: &str) -> Vec<String> {
    use ceremony::record::time;
    let at = time::parse(value).expect("a time");
    [at - 86_400, at - 1, at + 1, at + 86_400]
        .map(time::format)
        .to_vec()
}

fn other_ids(value: &str) -> Vec<String> {
    let (rest, _) = value.rsplit_once('-').expect("an id");
    let mut others = vec![
        format!("{rest}-00000000"),
        format!("{rest}-UUUUUUUU"),
        format!("REHEARSAL-{value}"),
        value.trim_start_matches("REHEARSAL-").to_string(),
        value.replacen("20", "19", 1),
    ];
    others.retain(|other| other != value);
    others
}

/// Events with the same fields, so that the entry stays well formed.
fn other_events(event: &str) -> Vec<String> {
    let families: [&[&str]; 9] = [
        &[
            "clock-confirmed",
            "fingerprint-copied",
            "erased",
            "paused",
            "aborted",
        ],
        &["authorised", "refused"],
        &["backed-up", "revocation-saved", "exported"],
        &["share-failed"],
        &["read-back-failed"],
        &["share-confirmed"],
        &["head-noted"],
        &["sheets-checked", "clock-confirmed"],
        &["message-refused"],
    ];
    let family = families.iter().find(|family| family.contains(&event));
    let others = family.into_iter().flat_map(|family| family.iter());
    let mut others: Vec<String> = others
        .filter(|other| **other != event)
        .map(|other| (*other).to_string())
        .collect();
    if others.is_empty() {
        // Not well formed with these fields; both verifiers must say so.
        others.push("fingerprint-copied".to_string());
    }
    others
}
