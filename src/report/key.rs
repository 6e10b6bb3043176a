//! The key that was made, its backup, and the message that was opened.

use super::document::{Block, Cell, Piece, Section, code, lines, paragraph, quoted, said, strong};
use super::story::Story;
use crate::digest::Fingerprint;
use crate::openpgp::Certificate;
use crate::qr::Qr;
use crate::record::event::Event;
use crate::record::files;
use crate::record::time;
use crate::record::value::Mode;
use crate::sheet::qr_payload;
use crate::verify::{Completion, TokenSays, content_in_words};
use crate::words::pgp;

/// The key, where the plan makes one.
pub(super) fn section(story: &Story<'_>) -> Option<Section> {
    story.plan.key.as_ref()?;
    let mut facts = Vec::new();
    let mut blocks = Vec::new();
    match &story.state.key {
        None => blocks.push(paragraph("There is no key at the end of this record.")),
        Some(key) => {
            blocks.extend(
                caution(story).map(|text| Block::Paragraph(vec![Piece::Strong(text.to_string())])),
            );
            // On paper it stays with the heading, and with the digits just below.
            blocks.push(code_of(story, &key.fingerprint));
            facts.push(("fingerprint".to_string(), digits(&key.fingerprint)));
            facts.push((
                "the same as PGP words".to_string(),
                words(key.fingerprint.bytes()),
            ));
            facts.extend(of_certificate(story, key.attempt));
            let sha256 = code(key.certificate.to_string());
            facts.push(("SHA-256 of certificate.asc".to_string(), sha256));
        }
    }
    if let Some(token) = &story.verdict.key_token {
        facts.push(("kept in".to_string(), lines(TokenSays::of_key(token))));
    }
    for gone in &story.verdict.abandoned {
        let mut cell = strong("do not use this one");
        cell.extend(digits(gone));
        facts.push(("key that was given up".to_string(), cell));
    }
    facts.extend(backup(story));
    blocks.push(Block::Facts(facts));
    Some(Section {
        title: "The key".to_string(),
        blocks,
    })
}

/// What must be known before the key is used.
fn caution(story: &Story<'_>) -> Option<&'static str> {
    let verdict = story.verdict;
    match (verdict.mode, verdict.completion) {
        (Mode::Rehearsal, _) => Some("REHEARSAL: never encrypt anything to this key."),
        (_, Completion::Aborted) => Some("ABORTED: do not encrypt anything to this key."),
        _ if verdict.waits_for_call() => {
            Some("Not confirmed by phone yet: do not encrypt anything to this key.")
        }
        (_, Completion::Unfinished) => {
            Some("The ceremony is not finished: do not rely on this key yet.")
        }
        _ if !verdict.pinned() => Some(
            "Before you rely on this key, compare the fingerprints of both operators with their \
             own notes.",
        ),
        _ => None,
    }
}

/// The QR code; whoever can't see it has the digits above.
fn code_of(story: &Story<'_>, fingerprint: &Fingerprint) -> Block {
    let payload = qr_payload(fingerprint);
    let of = match story.verdict.mode {
        Mode::Rehearsal => "REHEARSAL: QR code of a key that must not be used",
        Mode::Ceremony => "QR code of the key's fingerprint",
    };
    let code = Qr::encode(payload.as_bytes());
    let code = code.expect("64 characters at most fit into a QR code");
    Block::Qr(code, format!("{of}: {payload}"))
}

fn of_certificate(story: &Story<'_>, attempt: u32) -> Vec<(String, Cell)> {
    let bytes = story.material.files.get(&files::certificate(attempt));
    let certificate = Certificate::from_armored(bytes.map_or(&[], Vec::as_slice));
    let certificate = certificate.expect("verify read it");
    let mut facts: Vec<(String, Cell)> = certificate
        .user_ids()
        .iter()
        .map(|id| ("user ID".to_string(), quoted(id)))
        .collect();
    let expires = certificate.expires();
    facts.extend([
        ("algorithm".to_string(), said(certificate.algorithm())),
        (
            "made".to_string(),
            said(time::for_people(certificate.created())),
        ),
        (
            "expires".to_string(),
            said(expires.map_or("never".to_string(), time::for_people)),
        ),
        ("attempt".to_string(), said(attempt.to_string())),
    ]);
    facts
}

fn backup(story: &Story<'_>) -> Option<(String, Cell)> {
    let backup = story.plan.backup.as_ref()?;
    let of = backup.custodians.len();
    let mut plan = vec![format!(
        "planned: any {} of {of} custodians open it ({})",
        backup.threshold,
        backup.capsules().join(", ")
    )];
    let drilled = story.last(|entry| match &entry.event {
        Event::Drilled { quorums, .. } => Some((entry.number, *quorums)),
        _ => None,
    });
    let made = match drilled {
        Some((entry, ways)) if story.state.key.is_some() => {
            format!("drill: opened; ways that were tried: {ways} (entry {entry})")
        }
        _ => "no drill of it is recorded".to_string(),
    };
    if story.state.key.as_ref().is_some_and(|key| !key.in_token) {
        plan.push(made);
    }
    Some(("shares".to_string(), lines(plan)))
}

/// The message, where the plan opens one.
pub(super) fn message(story: &Story<'_>) -> Option<Section> {
    let message = story.verdict.message.as_ref()?;
    let mut facts = vec![
        (
            "SHA-256 of the message".to_string(),
            code(message.message.to_string()),
        ),
        ("backup used".to_string(), code(message.backup.clone())),
        (
            "SHA-256 of its content".to_string(),
            code(content_in_words(message)),
        ),
    ];
    for number in story.numbers(|event| matches!(event, Event::MessageNamed { .. })) {
        let what = format!("written down in entry {number}");
        facts.push((what, story.detail(number)));
    }
    Some(Section {
        title: "The message".to_string(),
        blocks: vec![Block::Facts(facts)],
    })
}

/// A fingerprint as it is read aloud.
pub(super) fn digits(fingerprint: &Fingerprint) -> Cell {
    let row = |row: &Vec<String>| vec![Piece::Code(row.join(" "))];
    fingerprint.rows().iter().map(row).collect()
}

/// Bytes as PGP words, four to a line.
pub(super) fn words(bytes: &[u8]) -> Cell {
    let row = |row: &Vec<&str>| vec![Piece::Code(row.join(" "))];
    pgp::rows(bytes).iter().map(row).collect()
}
