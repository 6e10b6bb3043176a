//! What stands on which page. The same for A4 and Letter, for a rehearsal and a ceremony, so that
//! two prints of one backup are one backup, and a missing page can be named.

use super::backup::{Group, PaperFile};

/// Codes side by side.
pub const ACROSS: usize = 4;

/// The height of a band of codes, in points (1/72 inch).
pub const BAND: f32 = 149.0;

/// The height of a row that is typed.
pub const LEADING: f32 = 8.6;

/// Between two bands.
pub const BETWEEN: f32 = 4.0;

/// What Letter has left between head and foot of a rehearsal's page.
pub const ROOM: f32 = 552.0;

/// A code's place in its group: file, then part, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The file; 0 is the list of hashes.
    pub file: usize,
    /// The part.
    pub part: usize,
}

/// A line between the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What stands above a file's rows.
    Label(usize),
    /// A row of a file, from 0.
    Row(usize, usize),
}

/// A part of a page, over its whole width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Band {
    /// At most four codes.
    Codes(Vec<Slot>),
    /// Lines in two columns: the left one first.
    Lines(Vec<Place>),
}

/// One page of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The group, from 0.
    pub group: usize,
    /// From the top.
    pub bands: Vec<Band>,
}

/// All pages: for each group every code once, the rows, every code again. So the two codes of a
/// part are on different pages, or have the rows between them.
pub(super) fn arrange(groups: &[Group]) -> Vec<Sheet> {
    let mut sheets = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let mut flow = Flow {
            group: at,
            sheets: Vec::new(),
            left: 0.0,
        };
        let codes = slots(&group.files);
        flow.codes(&codes);
        flow.lines(&lines(&group.files));
        // In another order, so that a fold or a stripe does not go through both.
        let mut again = codes;
        let half = again.len().min(ACROSS) / 2;
        again.rotate_left(half);
        flow.codes(&again);
        sheets.extend(flow.sheets);
    }
    sheets
}

fn slots(files: &[PaperFile]) -> Vec<Slot> {
    let parts = |(file, paper): (usize, &PaperFile)| {
        let parts = 0..paper.parts.len();
        parts
            .map(move |part| Slot { file, part })
            .collect::<Vec<_>>()
    };
    files.iter().enumerate().flat_map(parts).collect()
}

fn lines(files: &[PaperFile]) -> Vec<Place> {
    let mut lines = Vec::new();
    for (file, paper) in files
        .iter()
        .enumerate()
        .filter(|(_, paper)| !paper.rows.is_empty())
    {
        lines.push(Place::Label(file));
        lines.extend((0..paper.rows.len()).map(|row| Place::Row(file, row)));
    }
    lines
}

/// Fills pages from the top.
struct Flow {
    group: usize,
    sheets: Vec<Sheet>,
    /// The height that the last page has left.
    left: f32,
}

impl Flow {
    fn put(&mut self, height: f32, band: Band) {
        self.left -= height + BETWEEN;
        let sheet = self.sheets.last_mut().expect("a page was made for it");
        sheet.bands.push(band);
    }

    fn turn_unless(&mut self, height: f32) {
        if self.left < height {
            self.left = ROOM;
            self.sheets.push(Sheet {
                group: self.group,
                bands: Vec::new(),
            });
        }
    }

    fn codes(&mut self, slots: &[Slot]) {
        for band in slots.chunks(ACROSS) {
            self.turn_unless(BAND);
            self.put(BAND, Band::Codes(band.to_vec()));
        }
    }

    fn lines(&mut self, lines: &[Place]) {
        let mut rest = lines;
        while !rest.is_empty() {
            self.turn_unless(5.0 * LEADING);
            // Whoever types from a page sees on that page what file it is.
            let mut here = match rest[0] {
                Place::Row(file, _) => vec![Place::Label(file)],
                Place::Label(_) => Vec::new(),
            };
            let fit = 2 * (self.left / LEADING) as usize - here.len();
            let (now, later) = rest.split_at(fit.min(rest.len()));
            here.extend(now);
            let height = here.len().div_ceil(2) as f32 * LEADING;
            self.put(height, Band::Lines(here));
            rest = later;
        }
    }
}
