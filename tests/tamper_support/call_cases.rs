//! Calls and opened messages of which one thing is not as it must be, and some where all is.
//!
//! Each record ends where the change is, or both operators sign it anew: so no hash and no
//! signature hides what a verifier makes of the change itself.

use ceremony::digest::Digest;
use ceremony::record::files;

use super::Held;
use super::call::OPEN_PLAN;
use super::cases::{Case, colluding_from};
use super::forge::{Forge, Piece};

/// Cases that must be accepted, and cases that must be refused.
#[derive(Default)]
pub struct Judged {
    pub good: Vec<Case>,
    pub bad: Vec<Case>,
}

impl Judged {
    /// The record that ends with this entry, and other values of one of its fields.
    fn values(&mut self, held: &Held, event: &str, label: &str, good: &[&str], bad: &[&str]) {
        let at = held.forge().find(event, 0);
        let forge = held.forge().cut(at + 1);
        let case = |value: &&str| {
            let name = format!("{event}, {label}: {value}");
            let material = forge.build_changed(Some((at, label, value)));
            Case::new(name, material, &held.pins)
        };
        self.good.extend(good.iter().map(case));
        self.bad.extend(bad.iter().map(case));
    }
}

/// How the words of a call are spelt: in exactly one way.
pub fn words(held: &Held) -> Judged {
    let mut judged = Judged::default();
    let good = [
        "topmost-istanbul-pluto-vagabond",
        "aardvark-adroitness-zulu-yucatan",
    ];
    let bad = [
        "none",
        "istanbul-topmost-vagabond-pluto",
        "topmost-istanbul-pluto",
        "topmost-istanbul-pluto-vagabond-topmost",
        "topmost-istanbul-pluto-pluto",
        "topmost-istanbul-pluto-nonsense",
        "Topmost-istanbul-pluto-vagabond",
        "topmost-istanbul-pluto-vagabond-",
        "-topmost-istanbul-pluto-vagabond",
        "topmost--istanbul-pluto-vagabond",
        "topmost.istanbul.pluto.vagabond",
        "topmost-istanbul-pluto-1",
    ];
    judged.values(held, "call-confirmed", "nonce", &good, &bad);
    let good = [
        "1-snapshot.11-bravado.23-music",
        "1-aardvark.2-aardvark.3-aardvark",
        "21-yucatan.22-zulu.23-adroitness",
        "9-souvenir.10-consensus.11-consensus",
    ];
    let bad = [
        "none",
        "1-snapshot.11-bravado.24-music",
        "1-snapshot.11-bravado.123-music",
        "0-snapshot.11-bravado.23-music",
        "01-snapshot.11-bravado.23-music",
        "1-snapshot.23-bravado.11-music",
        "1-snapshot.11-bravado.11-music",
        "1-snapshot.11-bravado",
        "1-snapshot.11-bravado.12-music.13-music",
        "1-snapshot.11-bravado.23-nonsense",
        "1-snapshot.11-bravado.23-Music",
        "1-snapshot.11-bravado.23-",
        "1-snapshot.11-bravado.23",
        "1-snapshot.11-bravado.music",
        "1-snapshot.11-bravado.23-music.",
        ".1-snapshot.11-bravado.23-music",
        "1-snapshot..11-bravado.23-music",
        "1-snapshot.11--bravado.23-music",
        "1-snapshot.11-bravado-.23-music",
        "+1-snapshot.11-bravado.23-music",
        "1+snapshot.11+bravado.23+music",
        "1-snapshot-11-bravado-23-music",
        "1/snapshot.11/bravado.23/music",
    ];
    judged.values(held, "call-confirmed", "canaries", &good, &bad);
    let bad = ["canaries", "digits", "none", "Canaries"];
    let bad: Vec<&str> = bad.into_iter().filter(|v| *v != heard(held)).collect();
    judged.values(held, "call-confirmed", "heard", &[heard(held)], &bad);
    judged
}

/// Canaries that are among the words of a version 6 fingerprint, and behind them.
pub fn long_words(held: &Held) -> Judged {
    let mut judged = Judged::default();
    let good = ["1-snapshot.24-bravado.35-music"];
    let bad = ["1-snapshot.24-bravado.36-music"];
    judged.values(held, "call-confirmed", "canaries", &good, &bad);
    judged
}

fn heard(held: &Held) -> &'static str {
    let forge = held.forge();
    match forge.pieces[forge.find("call-confirmed", 0)].get("heard") {
        "digits" => "digits",
        _ => "canaries",
    }
}

/// The head that was read, and how often it was tried.
pub fn call(held: &Held) -> Judged {
    let mut judged = Judged::default();
    let forge = held.forge();
    let confirmed = forge.find("call-confirmed", 0);
    let noted: Vec<&Piece> = pieces(&forge, "head-noted").collect();
    let last = noted[noted.len() - 1].get("head");
    // The head of a checkpoint after the last one that was noted, and an earlier one.
    let later = forge.pieces[forge.find("exported", 0) - 6].get("prev");
    let earlier = noted[0].get("head");
    assert!(last != later && last != earlier);
    let other = last.to_uppercase();
    let bad = [later, earlier, "none", &other, &last[..63]];
    judged.values(held, "call-confirmed", "head", &[last], &bad);
    judged.values(held, "call-confirmed", "attempts", &["2"], &["0", "1", "3"]);
    judged.values(held, "call-failed", "attempt", &["1"], &["0", "2", "3"]);

    let entries = |pieces: &[Piece]| {
        let mut changed = forge.cut(confirmed + 1);
        changed.pieces.truncate(confirmed - 1);
        changed.pieces.extend(pieces.iter().cloned());
        changed.with(|_| {}).sign(None, &held.keys)
    };
    let case = |name: &str, pieces: &[Piece]| Case::new(name, entries(pieces), &held.pins);
    let with = |at: usize, label: &str, value: &str| {
        let mut piece = forge.pieces[at].clone();
        piece.set(label, value);
        piece
    };
    let failed = |n: &str| with(confirmed - 1, "attempt", n);
    let spoken = |n: &str| with(confirmed, "attempts", n);
    let excused = beside_the_step(&forge, "exception", "3.3");
    let again = beside_the_step(&forge, "resumed", "3.3");
    let sheets = with(confirmed - 2, "actors", "A B");
    let list = |parts: &[&[Piece]]| parts.concat();
    judged.good.extend([
        case("at once", &[spoken("1")]),
        case(
            "after two attempts and an exception",
            &list(&[&[failed("1"), failed("2")], &excused, &[spoken("1")]]),
        ),
        case(
            "held again after an interruption",
            &list(&[&[spoken("1")], &again, &[sheets.clone(), spoken("1")]]),
        ),
        case("two attempts", &[failed("1"), failed("2")]),
    ]);
    judged.bad.extend([
        case("a third attempt", &[failed("1"), failed("2"), spoken("3")]),
        case("three failures", &[failed("1"), failed("2"), failed("3")]),
        case("counted wrongly", &[failed("1"), failed("1")]),
        case(
            "not counted anew after an exception",
            &list(&[&[failed("1")], &excused, &[spoken("2")]]),
        ),
        case(
            "not from the sheets on after an interruption",
            &list(&[&[failed("1")], &again, &[spoken("2")]]),
        ),
        case("the sheets twice", &[sheets.clone(), spoken("1")]),
        case("confirmed twice", &[spoken("1"), spoken("2")]),
        case("failed after all", &[spoken("1"), failed("2")]),
        case(
            "by one alone",
            &[{
                let mut alone = spoken("1");
                alone.set("actors", "A");
                alone
            }],
        ),
    ]);
    judged.bad.extend(colluding_from(held, confirmed - 2));
    judged
}

fn pieces<'a>(forge: &'a Forge, event: &'a str) -> impl Iterator<Item = &'a Piece> {
    forge
        .pieces
        .iter()
        .filter(move |piece| piece.event() == event)
}

/// The last event of this kind with its checkpoint, as if it had happened in that step.
fn beside_the_step(forge: &Forge, event: &str, step: &str) -> Vec<Piece> {
    let at = forge.find(event, pieces(forge, event).count() - 1);
    let mut three = forge.pieces[at..at + 3].to_vec();
    assert_eq!(three[2].event(), "authorised");
    for piece in &mut three {
        piece.set("step", step);
        piece.fragment = None;
        piece.set("fragment", "none");
    }
    three
}

/// What is opened, with whose words, and in which order that is signed and done. `from` is the
/// record that it was made from.
pub fn message(held: &Held, from: &Held) -> Judged {
    let mut judged = Judged::default();
    let backup = held.forge().pieces[held.forge().find("message-named", 0)]
        .get("backup")
        .to_string();
    let other = match backup.strip_prefix("REHEARSAL-") {
        Some(bare) => bare.to_string(),
        None => format!("REHEARSAL-{backup}"),
    };
    let prefixed = format!("{}x", &backup[..12]);
    let good = [backup.as_str(), &prefixed];
    judged.values(held, "message-named", "backup", &good, &[&other, "", "a b"]);
    let most = "18446744073709551615";
    let bad = ["18446744073709551616", "-1", "01", "1e3", "none"];
    judged.values(held, "message-named", "bytes", &["0", most], &bad);
    judged.values(held, "message-opened", "bytes", &["0", most], &bad);
    let bad = ["operator-a", "public", "secret-3"];
    let good = ["secret-1", "secret-2"];
    judged.values(held, "quorum-opened", "medium", &good, &bad);
    quorums(held, &mut judged);
    named_again(held, from, &mut judged);
    judged
        .bad
        .extend(colluding_from(held, held.forge().find("message-named", 0)));
    judged
}

/// The machine was switched off after the message was named; then it is named again.
fn named_again(held: &Held, from: &Held, judged: &mut Judged) {
    let forge = held.forge();
    let named = forge.find("message-named", 0);
    let resumed = beside_the_step(&from.forge(), "resumed", "2.1");
    let case = |label: &str, value: &str| {
        let mut again = forge.cut(named + 1);
        let mut named = forge.pieces[named].clone();
        named.set(label, value);
        again.pieces.extend(resumed.iter().cloned());
        again.pieces.push(named);
        let material = again.with(|_| {}).sign(None, &held.keys);
        Case::new(
            format!("named again, {label}: {value}"),
            material,
            &held.pins,
        )
    };
    let other = Digest::of(b"another message").to_string();
    judged.good.push(case("bytes", "7"));
    judged.good.push(case("payload", &other));
    judged.bad.push(case("message", &other));
    let backup = forge.pieces[named].get("backup");
    judged.bad.push(case("backup", &format!("{backup}x")));
}

/// The letters decide who acted, so both change together.
fn quorums(held: &Held, judged: &mut Judged) {
    let at = held.forge().find("quorum-opened", 0);
    let case = |quorum: &&str| {
        let mut forge = held.forge().cut(at + 1);
        let actors: Vec<String> = quorum.chars().map(String::from).collect();
        forge.pieces[at].set("quorum", quorum);
        forge.pieces[at].set("actors", &actors.join(" "));
        Case::new(format!("quorum {quorum}"), forge.build(), &held.pins)
    };
    let good = ["AB", "BC", "AT", "ABCDEFGHIJKLMNOPQRST"];
    let bad = ["A", "BA", "AA", "AU", "ab", "A-B", "AB+", "A1"];
    judged.good.extend(good.iter().map(case));
    judged.bad.extend(bad.iter().map(case));
}

/// Plans of which the last phase has these steps; `!` before one that nobody authorises
/// though it must be, `+` before one that is authorised though it must not be.
fn plan_with(head: &str, minutes: usize, phase: usize, kinds: &str) -> String {
    let (head, _) = head
        .split_once(&format!("[[phase]]\nid = \"{phase}\""))
        .expect("a phase");
    let kinds: Vec<&str> = kinds.split(' ').collect();
    let sum = format!("minutes = {}", minutes + kinds.len());
    let (first, rest) = head.split_once("minutes = ").expect("the plan's minutes");
    let (_, rest) = rest.split_once('\n').expect("the end of the line");
    let mut text = format!("{first}{sum}\n{rest}[[phase]]\nid = \"{phase}\"\ntitle = \"End\"\n");
    for (at, kind) in kinds.iter().enumerate() {
        let bare = kind.trim_start_matches(['!', '+']);
        let id = format!("{phase}.{}", at + 1);
        text += &format!("\n[[phase.step]]\nid = \"{id}\"\nkind = \"{bare}\"\n");
        text += "text = \"Do it.\"\nminutes = 1\n";
        if kind.starts_with('+') || (bare == *kind && bare != "pause") {
            text += "authorise = [\"A\", \"B\"]\n";
        }
    }
    text
}

/// What the rules about calls and messages allow in a plan; the record has only begun.
pub fn plans(with_key: &Held, without: &Held) -> Judged {
    let mut judged = Judged::default();
    let case = |held: &Held, plan: String, kinds: &str| {
        let mut forge = held.forge().cut(2);
        forge
            .others
            .insert(files::PLAN.to_string(), plan.into_bytes());
        let pins = ceremony::verify::Pins::default();
        Case::new(format!("plan {kinds}"), forge.build(), &pins)
    };
    let key = |kinds: &&str| case(with_key, plan_with(super::LARGE_PLAN, 12, 3, kinds), kinds);
    let open = |kinds: &&str| case(without, plan_with(OPEN_PLAN, 4, 2, kinds), kinds);
    let good = [
        "export pause phone close",
        "export pause pause phone close",
        "close",
    ];
    judged.good.extend(good.iter().map(key));
    let bad = [
        "export phone close",
        "export phone pause close",
        "pause export phone close",
        "phone export pause close",
        "pause phone export close",
        "pause phone close",
        "export pause phone phone close",
        "export pause !phone close",
        "export pause phone",
        "export pause open close",
        "export +pause phone close",
    ];
    judged.bad.extend(bad.iter().map(key));
    judged
        .good
        .extend(["open close", "close", "pause open close"].iter().map(open));
    let bad = [
        "open open close",
        "!open close",
        "open",
        "phone close",
        "pause phone close",
        "export pause phone close",
        "export close",
        "drill close",
        "!fingerprint close",
        "revocation close",
    ];
    judged.bad.extend(bad.iter().map(open));
    judged
}
