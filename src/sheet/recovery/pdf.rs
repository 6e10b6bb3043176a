//! The recovery sheets as a PDF file: codes, the same bytes as rows, commands.

use super::{INSTRUCTIONS, RecoverySheets, TITLE, apart, scanned, subject, typed};
use crate::paper::{ACROSS, BAND, BETWEEN, Band, LEADING, Place, Slot};
use crate::qr::Qr;
use crate::sheet::pdf::{BOLD, MARGIN, MONO, MONO_WIDTH, Page, Paper, SANS, finish};

/// The width that both papers have.
const WIDTH: f32 = 523.0;

/// A code's side, in points (48 mm): the largest code's modules have 0.46 mm, 2.7 pixels at 150 dpi.
/// Side by side there are at least four modules between two, the margin that the standard asks for.
const SIDE: f32 = 136.0;

/// Codes reach this far into the margins; what is left, printers can print on.
const OUT: f32 = 18.0;

/// The largest module, in points: 0.5 mm, so that the shortest part is no giant.
const MODULE: f32 = 1.44;

/// The type of rows: 60 characters are half the width.
const ROW: f32 = 7.2;

/// Lines of instructions on a page.
const LINES: usize = 62;

pub(super) fn render(sheets: &RecoverySheets, paper: Paper) -> Vec<u8> {
    let backup = &sheets.backup;
    let instructions = sheets.instructions.chunks(LINES);
    let all = backup.sheets.len() + instructions.len();
    let mut pages = Vec::new();
    for sheet in &backup.sheets {
        let group = &backup.groups[sheet.group];
        let mut page = begin(sheets, paper, pages.len() + 1, all, subject(group.folder));
        commands(&mut page, group.folder);
        for band in &sheet.bands {
            match band {
                Band::Codes(slots) => codes(&mut page, sheets, sheet.group, slots),
                Band::Lines(lines) => rows(&mut page, sheets, sheet.group, lines),
            }
            page.y -= BETWEEN;
        }
        pages.push(page);
    }
    for lines in instructions {
        let mut page = begin(sheets, paper, pages.len() + 1, all, INSTRUCTIONS);
        for line in lines {
            page.y -= 9.6;
            page.text(MONO, 8.5, MARGIN, page.y, line);
        }
        pages.push(page);
    }
    finish(pages, TITLE)
}

fn begin(sheets: &RecoverySheets, paper: Paper, number: usize, all: usize, about: &str) -> Page {
    let mut page = Page::new(paper, sheets.backup.rehearsal());
    page.y -= 11.0;
    page.text(BOLD, 13.0, MARGIN, page.y, TITLE);
    page.text(SANS, 10.0, MARGIN + 105.0, page.y, about);
    page.text(
        BOLD,
        10.0,
        MARGIN + WIDTH - 66.0,
        page.y,
        &format!("Page {number} of {all}"),
    );
    page.y -= 13.0;
    let line = format!("CEREMONY {}", sheets.backup.id);
    // Ids are as long as their plan's name; most are far shorter than this.
    let size = (WIDTH - 90.0) / (MONO_WIDTH * line.len() as f32);
    page.text(MONO, size.min(9.0), MARGIN, page.y, &line);
    let code = format!("Sheet code {}", sheets.sheet_code);
    page.text(SANS, 9.0, MARGIN + WIDTH - 76.0, page.y, &code);
    page.y -= 5.0;
    page
}

/// Both ways beside each other.
fn commands(page: &mut Page, folder: &str) {
    const SIZE: f32 = 6.6;
    const LINE: f32 = 8.4;
    let right = MARGIN + 278.0;
    let top = page.y;
    for (x, lines) in [(MARGIN, scanned(folder)), (right, typed(folder))] {
        page.y = top;
        for line in lines {
            page.y -= LINE;
            // All in Courier, so that no one has to ask what is part of a command.
            page.text(MONO, SIZE, x, page.y, &line);
        }
    }
    page.y -= 9.0;
}

fn codes(page: &mut Page, sheets: &RecoverySheets, group: usize, slots: &[Slot]) {
    let files = &sheets.backup.groups[group].files;
    let step = (WIDTH + 2.0 * OUT - SIDE) / (ACROSS - 1) as f32;
    for (at, slot) in slots.iter().enumerate() {
        let part = &files[slot.file].parts[slot.part];
        let left = MARGIN - OUT + step * at as f32;
        let label = format!("{} {}/{}", part.file, part.part, part.of);
        page.text(SANS, 7.5, left, page.y - 7.5, &label);
        let qr = Qr::encode(part.payload().as_bytes()).expect("parts are cut to fit a code");
        draw(page, &qr, left, page.y - 10.0);
    }
    page.y -= BAND;
}

/// Draws a code downwards from `top`.
fn draw(page: &mut Page, qr: &Qr, left: f32, top: f32) {
    let size = qr.size();
    let module = (SIDE / size as f32).min(MODULE);
    // From here on a module is 1 and y grows downwards: whole numbers, and a third of the bytes.
    page.content.save_state();
    page.content
        .transform([module, 0.0, 0.0, -module, left, top]);
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|&x| qr.dark(x, y)).count();
            if run > 0 {
                page.content.rect(x as f32, y as f32, run as f32, 1.0);
            }
            x += run.max(1);
        }
    }
    // One fill for all modules: filled one by one, hairlines would show between them.
    page.content.fill_nonzero();
    page.content.restore_state();
}

fn rows(page: &mut Page, sheets: &RecoverySheets, group: usize, lines: &[Place]) {
    let files = &sheets.backup.groups[group].files;
    let tall = lines.len().div_ceil(2);
    let column = WIDTH / 2.0 + 8.0;
    for (at, place) in lines.iter().enumerate() {
        let x = MARGIN + column * (at / tall) as f32;
        let y = page.y - LEADING * (at % tall + 1) as f32 + 2.0;
        match place {
            Place::Label(file) => page.text(BOLD, 8.0, x, y, &files[*file].label()),
            Place::Row(file, row) => {
                let row = &files[*file].rows[*row];
                page.text(MONO, ROW, x, y, &apart(row));
            }
        }
    }
    page.y -= LEADING * tall as f32;
}
