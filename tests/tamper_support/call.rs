//! Records with a telephone call, and records of a message that was opened: made from a ceremony
//! that was held, by putting entries in and having both operators sign all of it anew.

use ceremony::digest::Digest;
use ceremony::plan::{Plan, checklist};
use ceremony::record::files;
use ceremony::record::value::Spoken;

use super::forge::{Forge, Piece};
use super::{Held, pins};

/// A plan that opens a message and does nothing else.
pub const OPEN_PLAN: &str = include_str!("open.toml");

/// Words that are hidden in the reading of a version 4 fingerprint, at its first and last places.
pub const CANARIES: &str = "1-snapshot.11-bravado.23-music";
/// The verifier's words.
pub const NONCE: &str = "topmost-istanbul-pluto-vagabond";

/// The plan with a telephone call after its planned stop.
pub fn with_phone(plan: &str) -> String {
    let changed = |text: &str, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    };
    let call = "id = \"3.3\"\nkind = \"phone\"\ntext = \"Be called.\"\nminutes = 1\n\
                authorise = [\"A\", \"B\"]\n\n[[phase.step]]\nid = \"3.4\"\nkind = \"close\"";
    let plan = changed(plan, "id = \"3.3\"\nkind = \"close\"", call);
    changed(&plan, "minutes = 15", "minutes = 16")
}

/// An entry that stands right after another one.
fn piece(after: &Piece, step: &str, event: &str, actors: &str, fields: &[(&str, &str)]) -> Piece {
    let head = [
        ("entry", "0"),
        ("prev", ""),
        ("time", after.get("time")),
        ("uptime", after.get("uptime")),
        ("step", step),
        ("event", event),
        ("actors", actors),
    ];
    let owned = |(label, value): &(&str, &str)| (label.to_string(), value.to_string());
    Piece {
        fields: head.iter().chain(fields).map(owned).collect(),
        detail: None,
        fragment: None,
        signatures: [None, None],
    }
}

/// With a detail file.
fn detailed(mut piece: Piece, text: &str) -> Piece {
    let nonce = Digest::of(text.as_bytes());
    piece.detail = Some(format!("{nonce}\n{text}").into_bytes());
    piece.fields.push(("detail".to_string(), String::new()));
    piece
}

/// A checkpoint that both sign.
fn authorised(after: &Piece, step: &str, act: &str) -> [Piece; 2] {
    let mut checkpoint = piece(after, step, "authorise", "none", &[("act", act)]);
    checkpoint.signatures = [Some(Vec::new()), Some(Vec::new())];
    let signed = [("sig-a", ""), ("sig-b", "")];
    [checkpoint, piece(after, step, "authorised", "A B", &signed)]
}

/// The record as if the plan had had a telephone call, and it had been held after one attempt
/// that failed.
pub fn called(held: &Held, heard: Spoken) -> Held {
    let mut forge = held.forge();
    let plan = String::from_utf8(forge.others[files::PLAN].clone()).expect("ASCII");
    put_plan(&mut forge, &with_phone(&plan));
    let close = forge.pieces.len() - 2;
    forge.pieces[close..]
        .iter_mut()
        .for_each(|piece| piece.set("step", "3.4"));
    let after = forge.pieces[close - 1].clone();
    let step = "3.3";
    let [nonce, canaries, result] = match heard {
        Spoken::Canaries => [NONCE, CANARIES, ""],
        Spoken::Digits => ["none"; 3],
    };
    let fields = [
        ("attempts", "2"),
        ("heard", heard.word()),
        ("head", ""),
        ("nonce", nonce),
        ("canaries", canaries),
        ("result", result),
    ];
    let confirmed = piece(&after, step, "call-confirmed", "A B", &fields);
    let mut call = vec![
        piece(&after, step, "sheets-checked", "A B", &[]),
        piece(&after, step, "call-failed", "A B", &[("attempt", "1")]),
        detailed(confirmed, "the verifier's number: +44 20 7946 0102\n"),
    ];
    call.extend(authorised(&after, step, "phone"));
    forge.pieces.splice(close..close, call);
    let stop = forge.find("paused", 0) + 1;
    signed(held, &forge, stop)
}

/// Another plan, with the checklist that it compiles to.
fn put_plan(forge: &mut Forge, source: &str) {
    let plan = Plan::parse(source).expect("the test's plan is good");
    let checklist = checklist::compile(&plan).into_bytes();
    forge.others.insert(files::CHECKLIST.to_string(), checklist);
    let source = source.as_bytes().to_vec();
    forge.others.insert(files::PLAN.to_string(), source);
}

/// How the opening of a message ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Opened,
    Refused,
}

/// The record of a message that was opened, or not, by the same operators.
pub fn opened(held: &Held, end: Opening) -> Held {
    let mut forge = held.forge();
    let fingerprint = forge.pieces[forge.find("generated", 0)]
        .get("fingerprint")
        .to_string();
    let id = forge.pieces[0].get("id").to_string();
    forge.pieces[0].set("id", &id.replace("-key-", "-open-"));
    put_plan(&mut forge, OPEN_PLAN);
    forge
        .others
        .retain(|path, _| !path.starts_with("certificates/"));
    forge.beside.clear();
    let end_of_close = forge.pieces.split_off(forge.pieces.len() - 2);
    let noted = forge.find("head-noted", 0);
    forge.pieces.truncate(noted + 1);
    let after = forge.pieces[noted].clone();
    let step = "2.1";
    forge.pieces[noted].set("step", step);
    let some = |text: &str| Digest::of(text.as_bytes()).to_string();
    let (message, payload, content) = (some("message"), some("payload"), some("content"));
    let named = [
        ("message", message.as_str()),
        ("bytes", "18446744073709551615"),
        ("backup", id.as_str()),
        ("payload", payload.as_str()),
    ];
    let named = piece(&after, step, "message-named", "A B", &named);
    let mut pieces = vec![detailed(named, "file: backup.tar.gpg\nwhy: a test\n")];
    pieces.extend(authorised(&after, step, "open"));
    let quorum = [
        ("quorum", "AB"),
        ("medium", "secret-1"),
        ("opener", "library"),
    ];
    pieces.push(piece(&after, step, "quorum-opened", "A B", &quorum));
    let whose = ("fingerprint", fingerprint.as_str());
    pieces.push(match end {
        Opening::Opened => {
            let fields = [whose, ("content", content.as_str()), ("bytes", "7")];
            piece(&after, step, "message-opened", "none", &fields)
        }
        Opening::Refused => piece(&after, step, "message-refused", "none", &[whose]),
    });
    pieces.push(piece(&after, step, "erased", "none", &[]));
    forge.pieces.extend(pieces);
    forge.pieces.extend(end_of_close);
    let close = forge.pieces.len() - 2;
    forge.pieces[close..]
        .iter_mut()
        .for_each(|piece| piece.set("step", "2.2"));
    let stop = forge.find("message-named", 0) + 1;
    signed(held, &forge.with(|_| {}), stop)
}

/// Signed anew by the operators of the record that it was made from.
fn signed(held: &Held, forge: &Forge, stop: usize) -> Held {
    let closed = forge.sign(None, &held.keys);
    Held {
        paused: Forge::new(&closed).cut(stop).build(),
        pins: pins(&closed),
        keys: held.keys.clone(),
        closed,
    }
}
