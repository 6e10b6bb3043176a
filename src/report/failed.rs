//! The page for a record that is not accepted.

use super::document::{
    Block, Cell, Document, Piece, Row, Section, Table, Tone, code, paragraph, said,
};
use super::happened;
use crate::error::Explain;
use crate::record::event::Event;
use crate::record::files;
use crate::record::time;
use crate::record::transcript::{Placed, parse_prefix};
use crate::record::value::Mode;
use crate::verify::{Fault, Material};

const NOT: &str = "NOT VERIFIED";

/// What was found, each part marked: even somebody who sees one row alone can't be misled.
pub(super) fn document(material: &Material, fault: &Fault) -> Document {
    let bytes = material.files.get(files::TRANSCRIPT);
    let (entries, _) = parse_prefix(bytes.map_or(&[], Vec::as_slice));
    let rehearsal = entries.first().is_some_and(|first| {
        matches!(
            first.entry.event,
            Event::Opened {
                mode: Mode::Rehearsal,
                ..
            }
        )
    });
    Document {
        headline: format!("FAILED: {fault}"),
        tone: Tone::Bad,
        banner: Some(if rehearsal {
            "FAILED REHEARSAL"
        } else {
            "FAILED"
        }),
        foot: "NOT VERIFIED".to_string(),
        verdict: vec![
            Block::Paragraph(vec![
                Piece::Strong("What to do: ".to_string()),
                Piece::Said(fault.remedy()),
            ]),
            paragraph(
                "This record was not accepted. This page holds no fingerprint, no hash and no \
                 signature of it: do not rely on anything below, and do not encrypt to its key.",
            ),
            Block::Facts(vec![("exit code".to_string(), said(fault.exit_code()))]),
        ],
        sections: vec![claims(material, &entries), entries_of(&entries)],
    }
}

impl Fault {
    fn exit_code(&self) -> String {
        (self.exit() as u8).to_string()
    }
}

fn claims(material: &Material, entries: &[Placed]) -> Section {
    let mut facts: Vec<(String, Cell)> = Vec::new();
    let mut claim = |name: &str, cell: Cell| facts.push((format!("{NOT}: {name}"), cell));
    if let Some(Event::Opened { mode, id, .. }) = entries.first().map(|first| &first.entry.event) {
        claim("id", code(id.as_str()));
        claim("mode", said(mode.word()));
    }
    if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
        claim("first entry", said(time::for_people(first.entry.time)));
        claim(
            "last entry that could be read",
            said(time::for_people(last.entry.time)),
        );
    }
    claim(
        "entries that could be read",
        said(entries.len().to_string()),
    );
    claim("files", said(material.files.len().to_string()));
    Section {
        title: format!("{NOT}: what the record claims"),
        blocks: vec![Block::Facts(facts)],
    }
}

fn entries_of(entries: &[Placed]) -> Section {
    let title = format!("{NOT}: entries that could be read");
    let caption = "The transcript as far as it could be read. Anybody may have written this.";
    let row = |placed: &Placed| {
        Row::Cells(vec![
            said(format!("{NOT}: {}", placed.entry.number)),
            said(time::for_tables(placed.entry.time)),
            said(placed.entry.step.as_str()),
            said(happened::in_words(&placed.entry.event)),
        ])
    };
    let blocks = match entries {
        [] => vec![paragraph("No entry could be read.")],
        some => vec![Block::Table(Table {
            caption: caption.to_string(),
            heads: vec!["Entry", "Time (UTC) it claims", "Step", "What it claims"],
            rows: some.iter().map(row).collect(),
        })],
    };
    Section { title, blocks }
}
