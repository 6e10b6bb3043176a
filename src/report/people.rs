//! The operators, the telephone call, and what is in whose hands.

use super::document::{
    Block, Cell, Row, Section, Table, code, lines, paragraph, quoted, said, strong,
};
use super::happened::{in_words, standing};
use super::key::{digits, words};
use super::story::Story;
use crate::openpgp::Certificate;
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::Holder;
use crate::verify::{Completion, PinStands, TokenSays};

/// Both operators, side by side.
pub(super) fn operators(story: &Story<'_>) -> Section {
    let title = "The operators".to_string();
    let (Some(known), Some(called)) = (&story.verdict.operators, &story.state.operators) else {
        let blocks = vec![paragraph("Roll call was not held, so nothing is signed.")];
        return Section { title, blocks };
    };
    let row = |name: &str, cell: &dyn Fn(Operator) -> Cell| {
        let [a, b] = Operator::ALL.map(cell);
        Row::Cells(vec![said(name), a, b])
    };
    let mut rows = vec![
        row("fingerprint", &|of| digits(&known[of.index()].fingerprint)),
        row(
            "compared with your notes",
            &|of| match known[of.index()].pinned {
                true => said("yes: pinned, the same"),
                false => strong("no: NOT pinned"),
            },
        ),
        row("in the ceremony", &|of| {
            let at = of.index();
            said(standing(called.standings[at], called.means[at]))
        }),
        row("signs how", &|of| signs(story, of)),
        row("user ID", &|of| user_ids(story, of)),
        row("SHA-256 of the certificate", &|of| {
            code(called.certificates[of.index()].to_string())
        }),
    ];
    let ended = match story.verdict.completion {
        Completion::Closed => said("the whole transcript; good"),
        _ => strong("no: the record is not closed"),
    };
    rows.push(row("signed at the end", &|_| ended.clone()));
    let mut written = Vec::new();
    for number in story.numbers(|event| matches!(event, Event::RollCall { .. })) {
        let what = format!("written down at roll call, entry {number}");
        written.push((what, story.detail(number)));
    }
    let table = Table {
        caption: "Both sign every checkpoint, each with a key of their own.".to_string(),
        heads: vec!["", "Operator A", "Operator B"],
        rows,
    };
    Section {
        title,
        blocks: vec![Block::Table(table), Block::Facts(written)],
    }
}

fn signs(story: &Story<'_>, operator: Operator) -> Cell {
    let known = story.verdict.operators.as_ref();
    let token = known.and_then(|both| both[operator.index()].token.as_ref());
    let mut cell = lines(TokenSays::of_operator(token));
    let holder = match operator {
        Operator::A => Holder::A,
        Operator::B => Holder::B,
    };
    cell.extend(
        token
            .and_then(|_| model(story, holder))
            .into_iter()
            .flatten(),
    );
    cell
}

/// What the token called itself. No check depends on it.
fn model(story: &Story<'_>, of: Holder) -> Option<Cell> {
    let number = story.last(|entry| match entry.event {
        Event::TokenAttested { holder, .. } if holder == of => Some(entry.number),
        _ => None,
    })?;
    let path = crate::record::entry::Entry::detail_path(number);
    let text = std::str::from_utf8(story.material.files.get(&path)?).ok()?;
    let model = text.lines().find_map(|line| line.strip_prefix("model: "))?;
    let mut cell = said("it calls itself: ");
    cell[0].extend(quoted(model).remove(0));
    Some(cell)
}

fn user_ids(story: &Story<'_>, operator: Operator) -> Cell {
    let bytes = story
        .material
        .files
        .get(&files::operator_certificate(operator));
    let certificate = Certificate::from_armored(bytes.map_or(&[], Vec::as_slice));
    let ids = certificate.expect("verify read it").user_ids();
    match ids.is_empty() {
        true => said("none"),
        false => ids.iter().flat_map(|id| quoted(id)).collect(),
    }
}

/// The telephone call, where the plan has one.
pub(super) fn call(story: &Story<'_>) -> Option<Section> {
    let mut facts = vec![(
        "confirmed".to_string(),
        match story.verdict.confirmed {
            Some(_) => said(story.verdict.confirmed_in_words()?),
            None => strong(story.verdict.confirmed_in_words()?),
        },
    )];
    if let Some(stands) = story.verdict.call {
        facts.push((
            "the verifier's pin".to_string(),
            said(PinStands::in_words(stands)),
        ));
    }
    let failed = story.numbers(|event| matches!(event, Event::CallFailed { .. }));
    if !failed.is_empty() {
        let list: Vec<String> = failed
            .iter()
            .map(|number| format!("entry {number}"))
            .collect();
        facts.push(("failed attempts".to_string(), strong(list.join(", "))));
    }
    for entry in story.entries() {
        let Event::CallConfirmed {
            head,
            nonce,
            canaries,
            result,
            ..
        } = &entry.event
        else {
            continue;
        };
        facts.push((
            "recorded in".to_string(),
            said(format!("entry {}", entry.number)),
        ));
        facts.push(("head that was read".to_string(), words(&head.bytes()[..10])));
        if let (Some(nonce), Some(canaries)) = (nonce, canaries) {
            facts.push(("the verifier's words".to_string(), code(nonce.as_str())));
            facts.push(("canaries".to_string(), code(canaries.as_str())));
        }
        if let Some(result) = result {
            let mut cell = words(&result.bytes()[..8]);
            cell.extend(code(result.to_string()));
            facts.push(("result that both sides read".to_string(), cell));
        }
        facts.push(("written down".to_string(), story.detail(entry.number)));
    }
    Some(Section {
        title: "The telephone call".to_string(),
        blocks: vec![Block::Facts(facts)],
    })
}

/// The machine, the media, and who keeps what.
pub(super) fn things(story: &Story<'_>) -> Option<Section> {
    let mut facts = Vec::new();
    for entry in story.entries() {
        let name = match entry.event {
            Event::PreflightDone { .. } => "the machine",
            Event::MediaReady { .. } => "the media",
            Event::Custody { .. } => "media, cards and seals",
            _ => continue,
        };
        let mut cell = said(in_words(&entry.event));
        cell.extend(story.detail(entry.number));
        facts.push((format!("{name} (entry {})", entry.number), cell));
    }
    (!facts.is_empty()).then(|| Section {
        title: "Machine, media and seals".to_string(),
        blocks: vec![Block::Facts(facts)],
    })
}

/// What must be known before the page goes to anybody else.
pub(super) fn privacy(story: &Story<'_>) -> Option<Block> {
    story.is_private().then(|| {
        paragraph(
            "This page holds personal details from the record. To publish a page, make it from a \
             public copy of the record (ceremony redact).",
        )
    })
}
