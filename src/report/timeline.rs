//! Phases and steps with their times, checkpoints, and every entry.

use super::document::{Block, Cell, Piece, Row, Section, Table, code, paragraph, said, strong};
use super::happened::{act_in_words, actors, duration, in_words};
use super::story::Story;
use crate::plan::Operator;
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::time::{self, UnixTime};
use crate::record::value::Signed;
use crate::verify::Completion;

/// A while that was spent with one step, or between a stop and going on.
struct Stretch<'a> {
    /// The step; `None` is the time in which the ceremony stood still.
    step: Option<&'a str>,
    /// The entry before was written then.
    from: UnixTime,
    to: UnixTime,
    first: u32,
    last: u32,
}

/// Each stretch in its order. A step begins when the entry before it was written.
fn stretches<'a>(story: &'a Story<'_>) -> Vec<Stretch<'a>> {
    let mut all: Vec<Stretch<'a>> = Vec::new();
    for entry in story.entries() {
        let step = entry.step.as_str();
        let mut from = all.last().map_or(entry.time, |before| before.to);
        if matches!(entry.event, Event::Resumed { .. }) {
            all.push(Stretch {
                step: None,
                from,
                to: entry.time,
                first: entry.number,
                last: entry.number,
            });
            from = entry.time;
        }
        match all.last_mut() {
            Some(same) if same.step == Some(step) => {
                same.to = entry.time;
                same.last = entry.number;
            }
            _ => all.push(Stretch {
                step: Some(step),
                from,
                to: entry.time,
                first: entry.number,
                last: entry.number,
            }),
        }
    }
    all
}

/// When, phase by phase and step by step.
pub(super) fn steps(story: &Story<'_>) -> Section {
    let stretches = stretches(story);
    let phase = |each: &Stretch<'_>| each.step.and_then(|id| Some(story.step(id)?.0));
    let mut rows = Vec::new();
    let mut at = 0;
    while at < stretches.len() {
        let this = phase(&stretches[at]);
        // A stop in the middle of a phase is a part of it.
        let belongs = |each: &Stretch<'_>| each.step.is_none() || phase(each) == this;
        let more = stretches[at..].iter().take_while(|each| belongs(each));
        let group = &stretches[at..at + more.count().max(1)];
        let title = this.map_or("Opening".to_string(), |phase| {
            format!("Phase {}: {}", phase.id, phase.title)
        });
        let (from, to) = (group[0].from, group[group.len() - 1].to);
        rows.push(Row::Heading(vec![
            Piece::Strong(title),
            Piece::Said(format!(
                " ({} to {}, {})",
                time::for_people(from),
                time::for_people(to),
                duration(to - from)
            )),
        ]));
        rows.extend(group.iter().map(|each| step_row(story, each)));
        at += group.len();
    }
    let mut blocks = vec![Block::Table(Table {
        caption: "Times are UTC as both operators set the clock. A step begins when the entry \
                  before it was written."
            .to_string(),
        heads: vec![
            "Step",
            "What",
            "Start (UTC)",
            "End (UTC)",
            "Took",
            "Planned",
            "Entries",
        ],
        rows,
    })];
    if story.verdict.completion == Completion::Unfinished
        && let Some(step) = story.plan.step(story.state.cursor())
    {
        blocks.push(Block::Paragraph(vec![
            Piece::Strong("Still to come: ".to_string()),
            Piece::Said(format!(
                "step {} ({}) and what follows it.",
                step.id, step.kind
            )),
        ]));
    }
    Section {
        title: "Timeline".to_string(),
        blocks,
    }
}

fn step_row(story: &Story<'_>, stretch: &Stretch<'_>) -> Row {
    let took = said(duration(stretch.to - stretch.from));
    let times = [stretch.from, stretch.to].map(|at| said(time::for_tables(at)));
    let [start, end] = times;
    let entries = if stretch.first == stretch.last {
        stretch.first.to_string()
    } else {
        format!("{} to {}", stretch.first, stretch.last)
    };
    let (name, what, planned) = match stretch.step {
        None => (
            "stop".to_string(),
            said("the ceremony stood still"),
            String::new(),
        ),
        Some(id) => match story.step(id) {
            None => (id.to_string(), said("the record begins"), String::new()),
            Some((_, step)) => {
                let kind = Piece::Strong(step.kind.name().to_string());
                let text = Piece::Said(step.text.clone());
                let planned = format!("{} min", step.minutes);
                (id.to_string(), vec![vec![kind], vec![text]], planned)
            }
        },
    };
    Row::Cells(vec![
        said(name),
        what,
        start,
        end,
        took,
        said(planned),
        said(entries),
    ])
}

/// Every checkpoint, with what became of it.
pub(super) fn checkpoints(story: &Story<'_>) -> Section {
    let entries: Vec<&Entry> = story.entries().collect();
    let mut rows = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Event::Authorise { act } = entry.event else {
            continue;
        };
        let outcome = entries.get(at + 1).map(|next| &next.event);
        let [a, b] = signatures(story, entry.number, outcome);
        rows.push(Row::Cells(vec![
            said(entry.number.to_string()),
            said(time::for_tables(entry.time)),
            said(entry.step.as_str()),
            said(act_in_words(act)),
            a,
            b,
        ]));
    }
    if story.verdict.completion == Completion::Closed {
        let good = || said("signed; good");
        rows.push(Row::Cells(vec![
            said("all"),
            said("after the end"),
            said(""),
            said("the whole transcript"),
            good(),
            good(),
        ]));
    }
    let blocks = match rows.is_empty() {
        true => vec![paragraph("No checkpoint was reached.")],
        false => vec![Block::Table(Table {
            caption: format!(
                "Both operators sign the transcript up to each of these entries. {} signatures \
                 were checked.",
                story.verdict.signatures
            ),
            heads: vec![
                "Entry",
                "Time (UTC)",
                "Step",
                "For",
                "Operator A",
                "Operator B",
            ],
            rows,
        })],
    };
    Section {
        title: "Checkpoints and signatures".to_string(),
        blocks,
    }
}

fn signatures(story: &Story<'_>, number: u32, outcome: Option<&Event>) -> [Cell; 2] {
    let signed = outcome.and_then(files::outcome);
    Operator::ALL.map(|operator| {
        let path = files::signature(number, operator);
        match signed.map(|both| both[operator.index()]) {
            Some(Signed::Yes(_)) => said("signed; good"),
            Some(Signed::Refused) => strong("NOT signed"),
            None if outcome.is_some() => strong("interrupted: NOT signed"),
            None if story.material.files.contains_key(&path) => {
                said("signed; good; the record ends here")
            }
            None => strong("not signed yet"),
        }
    })
}

/// What went otherwise than planned, in full.
pub(super) fn exceptions(story: &Story<'_>) -> Section {
    let is = |entry: &&Entry| {
        matches!(
            entry.event,
            Event::Exception { .. } | Event::Abandoned { .. } | Event::Resumed { .. }
        )
    };
    let row = |entry: &Entry| {
        Row::Cells(vec![
            said(entry.number.to_string()),
            said(time::for_tables(entry.time)),
            said(entry.step.as_str()),
            strong(in_words(&entry.event)),
            story.detail(entry.number),
        ])
    };
    let rows: Vec<Row> = story.entries().filter(is).map(row).collect();
    let blocks = match rows.is_empty() {
        true => vec![paragraph("None was recorded.")],
        false => vec![Block::Table(Table {
            caption: format!(
                "Exceptions: {}. Each time the ceremony went on after a stop, and each key that \
                 was given up, is here as well.",
                story.verdict.exceptions.len()
            ),
            heads: vec![
                "Entry",
                "Time (UTC)",
                "Step",
                "What was decided",
                "What was written down",
            ],
            rows,
        })],
    };
    Section {
        title: "Exceptions and interruptions".to_string(),
        blocks,
    }
}

/// Every entry of the transcript, in words.
pub(super) fn entries(story: &Story<'_>) -> Section {
    let row = |entry: &Entry| {
        let bad = matches!(
            entry.event,
            Event::Refused { .. }
                | Event::ReadBackFailed { .. }
                | Event::ShareFailed { .. }
                | Event::CallFailed { .. }
                | Event::MessageRefused { .. }
                | Event::Exception { .. }
                | Event::Abandoned { .. }
                | Event::Aborted {}
        );
        let words = in_words(&entry.event);
        Row::Cells(vec![
            said(entry.number.to_string()),
            said(time::for_tables(entry.time)),
            said(entry.step.as_str()),
            if bad { strong(words) } else { said(words) },
            said(actors(&entry.actors)),
            code(entry.event.name()),
        ])
    };
    Section {
        title: "Entry by entry".to_string(),
        blocks: vec![Block::Table(Table {
            caption: "Every entry of the transcript, without its hashes.".to_string(),
            heads: vec![
                "Entry",
                "Time (UTC)",
                "Step",
                "What happened",
                "Who",
                "Event",
            ],
            rows: story.entries().map(row).collect(),
        })],
    }
}
