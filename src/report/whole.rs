//! The page for a record that `verify` accepts: the verdict, then who, what and when.

use super::document::{
    Block, Cell, Document, Piece, Row, Section, Table, Tone, code, lines, paragraph, said, strong,
};
use super::happened::duration;
use super::key::{self, words};
use super::people;
use super::story::Story;
use super::timeline;
use crate::digest::Digest;
use crate::error::Exit;
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::time;
use crate::record::value::Mode;
use crate::verify::{Completion, Material, PinStands, Pins, Verdict};
use crate::version;

/// See the module.
pub(super) fn document(material: &Material, pins: &Pins, verdict: &Verdict) -> Document {
    let story = Story::of(material, verdict);
    let sections = [
        Some(ceremony(&story)),
        key::section(&story),
        key::message(&story),
        Some(people::operators(&story)),
        Some(timeline::exceptions(&story)),
        people::call(&story),
        Some(timeline::steps(&story)),
        Some(timeline::checkpoints(&story)),
        people::things(&story),
        Some(hashes(&story)),
        withheld(&story),
        Some(timeline::entries(&story)),
        Some(about(verdict)),
    ];
    Document {
        headline: verdict.headline().to_string(),
        tone: match verdict.exit() {
            Exit::Good => Tone::Good,
            _ => Tone::Open,
        },
        banner: (verdict.mode == Mode::Rehearsal).then_some("REHEARSAL"),
        foot: verdict.id.clone(),
        verdict: judged(&story, pins),
        sections: sections.into_iter().flatten().collect(),
    }
}

type Facts = Vec<(String, Cell)>;

fn fact(facts: &mut Facts, name: &str, cell: Cell) {
    facts.push((name.to_string(), cell));
}

/// The verdict, one statement at a time.
fn judged(story: &Story<'_>, pins: &Pins) -> Vec<Block> {
    let verdict = story.verdict;
    let mut facts = Facts::new();
    let mut tell = |name: &str, cell: Cell| fact(&mut facts, name, cell);
    tell("id", code(verdict.id.clone()));
    if let Some(fingerprint) = &verdict.fingerprint {
        tell("fingerprint of the key", key::digits(fingerprint));
    }
    tell(
        "finished",
        match verdict.completion {
            Completion::Closed => said("yes: closed, and signed by both operators"),
            Completion::Aborted => strong("no: ABORTED, on the record"),
            Completion::Unfinished => strong("no: UNFINISHED"),
        },
    );
    tell("pinned", pinned(verdict));
    tell(
        "rehearsal",
        match verdict.mode {
            Mode::Rehearsal => strong("yes: REHEARSAL, not a ceremony"),
            Mode::Ceremony => said("no"),
        },
    );
    if let Some(words) = verdict.confirmed_in_words() {
        let confirmed = verdict.confirmed.is_some();
        tell(
            "confirmed",
            if confirmed {
                said(words)
            } else {
                strong(words)
            },
        );
    }
    if let Some(stands) = verdict.call {
        tell("the verifier's pin", said(PinStands::in_words(stands)));
    }
    tell(
        "withheld",
        match verdict.withheld.len() {
            0 => said("nothing"),
            some => strong(format!("{some} files: this is a public copy")),
        },
    );
    tell(
        "exceptions",
        match verdict.exceptions.len() {
            0 => said("none"),
            some => strong(some.to_string()),
        },
    );
    tell(
        "signatures",
        match verdict.signatures {
            0 => strong("none: nothing is signed yet"),
            some => said(format!("{some} checked, all good")),
        },
    );
    tell("compared with what you gave", said(given(pins)));
    tell("exit code", said((verdict.exit() as u8).to_string()));
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(people::privacy(story));
    blocks
}

fn pinned(verdict: &Verdict) -> Cell {
    let Some(both) = &verdict.operators else {
        return strong("no: no operators were called");
    };
    if verdict.pinned() {
        return said("yes: both operators are those whose fingerprints you gave");
    }
    let missing: Vec<&str> = ["operator A", "operator B"]
        .into_iter()
        .zip(both)
        .filter_map(|(name, known)| (!known.pinned).then_some(name))
        .collect();
    strong(format!(
        "no: you gave no fingerprint of {}",
        missing.join(" and ")
    ))
}

/// What the record was compared with; a report that was made without anything says so.
fn given(pins: &Pins) -> String {
    let [a, b] = &pins.operators;
    let all = [
        (a.is_some(), "operator A's fingerprint"),
        (b.is_some(), "operator B's fingerprint"),
        (pins.id.is_some(), "id"),
        (pins.previous.is_some(), "transcript before"),
        (pins.call.is_some(), "the verifier's pin"),
    ];
    let some: Vec<&str> = all
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    match some.is_empty() {
        true => "nothing was given".to_string(),
        false => some.join(", "),
    }
}

/// What was held, and when.
fn ceremony(story: &Story<'_>) -> Section {
    let (first, last) = (
        &story.entries[0].entry,
        &story.entries[story.entries.len() - 1].entry,
    );
    let stops = story.numbers(|event| matches!(event, Event::Resumed { .. }));
    let facts = vec![
        (
            "plan".to_string(),
            said(format!("{} ({})", story.plan.title, story.plan.id)),
        ),
        ("purpose".to_string(), said(story.plan.summary.clone())),
        ("mode".to_string(), said(story.verdict.mode.word())),
        ("began".to_string(), said(time::for_people(first.time))),
        ("last entry".to_string(), said(time::for_people(last.time))),
        (
            "took".to_string(),
            said(format!(
                "{}, stops included ({}); planned: {} min",
                duration(last.time - first.time),
                stops.len(),
                story.plan.minutes
            )),
        ),
        ("entries".to_string(), said(story.entries.len().to_string())),
        ("site file, without its comments".to_string(), site(story)),
    ];
    Section {
        title: match story.verdict.mode {
            Mode::Ceremony => "The ceremony".to_string(),
            Mode::Rehearsal => "The rehearsal".to_string(),
        },
        blocks: vec![Block::Facts(facts)],
    }
}

/// What the site file sets. Its comments change nothing, and a template is full of them.
fn site(story: &Story<'_>) -> Cell {
    story.detail_where(0, |line| !line.is_empty() && !line.starts_with('#'))
}

fn hashes(story: &Story<'_>) -> Section {
    let none = |hash: Option<Digest>| hash.map_or(said("none"), |hash| code(hash.to_string()));
    let mut facts = Facts::new();
    let mut tell = |name: &str, cell: Cell| fact(&mut facts, name, cell);
    tell("transcript", code(story.verdict.transcript.to_string()));
    if let Some(head) = story.verdict.head {
        let mut cell = code(head.to_string());
        cell.extend(words(&head.bytes()[..10]));
        tell("final head, and its first ten words", cell);
    }
    tell(
        "transcript of the ceremony before",
        none(story.verdict.previous),
    );
    if let Event::Opened {
        plan,
        checklist,
        program,
        version,
        image,
        ..
    } = &story.entries[0].entry.event
    {
        tell("plan", code(plan.to_string()));
        tell("checklist", code(checklist.to_string()));
        tell("program that held it", code(program.to_string()));
        tell("its version", code(version.as_str()));
        tell("live image", none(*image));
    }
    let mut blocks = vec![
        paragraph("All are SHA-256. The next ceremony names the transcript's as \"previous\"."),
        Block::Facts(facts),
    ];
    if !story.state.stored.is_empty() {
        blocks.push(Block::Table(stored(story)));
    }
    Section {
        title: "Hashes".to_string(),
        blocks,
    }
}

fn stored(story: &Story<'_>) -> Table {
    let row = |(path, hash): &(String, Digest)| {
        let compared = story.verdict.compared.contains(path);
        Row::Cells(vec![
            code(path.clone()),
            code(hash.to_string()),
            said(if compared {
                "yes: the same"
            } else {
                "no: not there"
            }),
        ])
    };
    Table {
        caption: "Files that were written to media and read back.".to_string(),
        heads: vec!["File", "SHA-256", "Compared beside the record"],
        rows: story.state.stored.iter().map(row).collect(),
    }
}

/// What a public copy leaves out, entry by entry.
fn withheld(story: &Story<'_>) -> Option<Section> {
    let mut rows = Vec::new();
    for entry in story.entries() {
        for path in [
            Entry::detail_path(entry.number),
            files::fragment(entry.number),
        ] {
            if story.verdict.withheld.contains(&path) {
                rows.push(Row::Cells(vec![
                    said(entry.number.to_string()),
                    code(path),
                    code(entry.event.name()),
                ]));
            }
        }
    }
    (!rows.is_empty()).then(|| Section {
        title: "Withheld".to_string(),
        blocks: vec![Block::Table(Table {
            caption: "Details, and fragments of files that an interruption cut short, that this \
                      public copy leaves out. Their hashes are in the transcript, so each can be \
                      shown later and compared."
                .to_string(),
            heads: vec!["Entry", "File", "Event"],
            rows,
        })],
    })
}

/// What this page is worth, and how to see for oneself.
fn about(verdict: &Verdict) -> Section {
    let mut commands: Cell = lines([]);
    for command in [
        format!(
            "ceremony verify RECORD --operator-a FINGERPRINT --operator-b FINGERPRINT --id {}",
            verdict.id
        ),
        "scripts/verify-record RECORD A-FINGERPRINT B-FINGERPRINT".to_string(),
        "gpg --verify transcript.txt.A.asc transcript.txt".to_string(),
        "gpg --verify transcript.txt.B.asc transcript.txt".to_string(),
        "sha256sum -c SHA256SUMS".to_string(),
    ] {
        commands.push(vec![Piece::Code(command)]);
    }
    Section {
        title: "About this page".to_string(),
        blocks: vec![
            paragraph(
                "This page proves nothing by itself: anybody can write one. It shows what the \
                 program found in a record. Check the record, with fingerprints from the \
                 operators' own notes:",
            ),
            Block::Facts(vec![
                ("commands".to_string(), commands),
                (
                    "made by".to_string(),
                    said(format!("ceremony {}", version::LONG_VERSION)),
                ),
            ]),
        ],
    }
}
