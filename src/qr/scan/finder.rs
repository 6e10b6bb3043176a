//! The three squares in a code's corners: dark, light, dark, light, dark in the ratio 1:1:3:1:1
//! on any line through the middle (ISO/IEC 18004, 6.3.3).

use super::Picture;

/// More squares than any page of codes has; each costs time when corners are put together.
const MAX_FINDERS: usize = 240;

/// A square that was found.
pub(super) struct Finder {
    pub x: f32,
    pub y: f32,
    /// The side of a module in pixels, roughly.
    pub module: f32,
    /// Lines on which it was seen.
    seen: f32,
}

/// Every square of the page, those that were seen on most lines first.
pub(super) fn find(picture: &Picture) -> Vec<Finder> {
    let ink = Ink::of(picture);
    let mut found: Vec<Finder> = Vec::new();
    for y in 0..ink.height {
        let mut ends: Vec<usize> = Vec::new();
        let row = &ink.dark[y * ink.width..(y + 1) * ink.width];
        for x in 1..ink.width {
            if row[x] == row[x - 1] {
                continue;
            }
            ends.push(x);
            // A light run begins here: the five before it may be a square's.
            if let [.., a, b, c, d, e, f] = ends[..]
                && !row[x]
                && is_square([b - a, c - b, d - c, e - d, f - e])
            {
                let middle = (c + d) as f32 / 2.0;
                if let Some(finder) = ink.confirmed(middle, y) {
                    join(&mut found, finder);
                }
            }
        }
    }
    found.retain(|finder| finder.seen >= 2.0);
    found.sort_by(|a, b| b.seen.total_cmp(&a.seen));
    found.truncate(MAX_FINDERS);
    found
}

/// Whether five runs are in the ratio of a finder's; a pixel more or less is forgiven.
fn is_square(runs: [usize; 5]) -> bool {
    let module = runs.iter().sum::<usize>() as f32 / 7.0;
    let fits = |run: usize, modules: f32| {
        (run as f32 - modules * module).abs() <= 0.45 * module * modules.sqrt() + 0.7
    };
    module >= 1.5
        && [1.0, 1.0, 3.0, 1.0, 1.0]
            .iter()
            .zip(runs)
            .all(|(&modules, run)| fits(run, modules))
}

fn join(found: &mut Vec<Finder>, new: Finder) {
    let near = |old: &&mut Finder| {
        (old.x - new.x).abs() < 2.5 * old.module && (old.y - new.y).abs() < 2.5 * old.module
    };
    if let Some(old) = found.iter_mut().rev().find(near) {
        let seen = old.seen + 1.0;
        let mean = |a: f32, b: f32| a + (b - a) / seen;
        old.x = mean(old.x, new.x);
        old.y = mean(old.y, new.y);
        old.module = mean(old.module, new.module);
        old.seen = seen;
    } else if found.len() < 40 * MAX_FINDERS {
        found.push(new);
    }
}

/// The picture in two shades: darker than its surroundings or not.
struct Ink {
    width: usize,
    height: usize,
    dark: Vec<bool>,
}

impl Ink {
    /// Compares each pixel with the mean around it, so that stains and shadows do not matter.
    fn of(picture: &Picture) -> Ink {
        let (width, height) = picture.size();
        let reach = (width.min(height) / 40).clamp(16, 120);
        let mut dark = vec![false; width * height];
        let mut columns = vec![0u32; width];
        let rows = |at: usize| &picture.grey()[at * width..(at + 1) * width];
        for y in 0..(reach.min(height)) {
            add(&mut columns, rows(y));
        }
        for y in 0..height {
            if y + reach < height {
                add(&mut columns, rows(y + reach));
            }
            if let Some(gone) = (y + 1).checked_sub(reach + 1) {
                let row = rows(gone);
                columns
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, &p)| *sum -= u32::from(p));
            }
            let tall = (y + reach).min(height - 1) + 1 - (y + 1).saturating_sub(reach);
            let mut sum: u64 = columns.iter().take(reach).map(|&c| u64::from(c)).sum();
            let mut wide = reach.min(width);
            for x in 0..width {
                if x + reach < width {
                    sum += u64::from(columns[x + reach]);
                    wide += 1;
                }
                if let Some(gone) = x.checked_sub(reach + 1) {
                    sum -= u64::from(columns[gone]);
                    wide -= 1;
                }
                let mean = sum as f32 / (wide * tall) as f32;
                dark[y * width + x] = f32::from(rows(y)[x]) < 0.85 * mean;
            }
        }
        Ink {
            width,
            height,
            dark,
        }
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.width + x]
    }

    /// The square around a place, if the line that crosses there from top to bottom, and then
    /// the one from left to right through its middle, look like a finder's.
    fn confirmed(&self, x: f32, y: usize) -> Option<Finder> {
        let column = (x as usize).min(self.width - 1);
        let (y, tall) = middle(self.height, y, |at| self.dark(column, at))?;
        let row = (y as usize).min(self.height - 1);
        let (x, wide) = middle(self.width, column, |at| self.dark(at, row))?;
        let module = (tall + wide) / 14.0;
        let alike = tall < 1.4 * wide && wide < 1.4 * tall;
        alike.then_some(Finder {
            x,
            y,
            module,
            seen: 1.0,
        })
    }
}

fn add(columns: &mut [u32], row: &[u8]) {
    columns
        .iter_mut()
        .zip(row)
        .for_each(|(sum, &pixel)| *sum += u32::from(pixel));
}

/// Middle and length of the five runs around a dark pixel of a line.
fn middle(length: usize, from: usize, dark: impl Fn(usize) -> bool) -> Option<(f32, f32)> {
    let up = |from: usize, is: bool| (from..length).find(|&at| dark(at) != is);
    let down = |from: usize, is: bool| (0..from).rev().find(|&at| dark(at) != is);
    if !dark(from) {
        return None;
    }
    let (d, c) = (up(from, true)?, down(from, true)? + 1);
    let (e, b) = (up(d, false)?, down(c, false)? + 1);
    let (f, a) = (up(e, true)?, down(b, true)? + 1);
    is_square([b - a, c - b, d - c, e - d, f - e]).then_some(((c + d) as f32 / 2.0, (f - a) as f32))
}
