//! Finds and reads QR codes in scanned pages.
//!
//! The library decodes the modules; where they lie is found here. Its own search follows one
//! alignment pattern, and misses dense codes at 2.5 pixels to the module: a page scanned at
//! 150 dpi. Here everything that the standard prescribes (finders, timing, all alignment patterns:
//! ISO/IEC 18004, 6.3) pulls the grid into place. Made for scans of flat paper; for photographs
//! there are phones and `zbarimg`.

mod finder;
mod grid;

use rqrr::{BitGrid, Grid};

use grid::Placed;

/// The most pixels of a picture: A3 at 600 dpi.
pub const MAX_PIXELS: usize = 72_000_000;

/// A picture in shades of grey; 0 is black.
pub struct Picture {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Picture {
    /// `grey` row by row from the top left; `None` if it is not `width` times `height` bytes, or
    /// more than [`MAX_PIXELS`].
    pub fn new(width: usize, height: usize, grey: Vec<u8>) -> Option<Picture> {
        let fits = width.checked_mul(height) == Some(grey.len()) && grey.len() <= MAX_PIXELS;
        fits.then_some(Picture {
            width,
            height,
            grey,
        })
    }

    /// The width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The pixels, row by row.
    pub fn grey(&self) -> &[u8] {
        &self.grey
    }

    /// The grey at a place between pixels; `x` and `y` count from the picture's corner.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
        let (left, top) = (x as usize, y as usize);
        if left + 1 >= self.width || top + 1 >= self.height {
            return 255.0;
        }
        let (a, b) = (x - left as f32, y - top as f32);
        let pixel = |at: usize| f32::from(self.grey[at]);
        let first = top * self.width + left;
        let second = first + self.width;
        let upper = pixel(first) * (1.0 - a) + pixel(first + 1) * a;
        let lower = pixel(second) * (1.0 - a) + pixel(second + 1) * a;
        upper * (1.0 - b) + lower * b
    }
}

/// What a page's codes say. One that is damaged beyond repair is not among them.
pub fn scan(picture: &Picture) -> Vec<Vec<u8>> {
    let finders = finder::find(picture);
    let mut read: Vec<Vec<u8>> = Vec::new();
    let mut used = vec![false; finders.len()];
    for corner in grid::corners(&finders) {
        if corner.finders.iter().any(|&at| used[at]) {
            continue;
        }
        let placed = corner
            .placings(&finders)
            .find_map(|placing| read_placed(&placing.settle(picture)));
        if let Some(payload) = placed {
            corner.finders.iter().for_each(|&at| used[at] = true);
            read.push(payload);
        }
    }
    read
}

/// How much a module is set off against its neighbours: undoes what a blurred scan smears.
const SHARPEN: [f32; 3] = [0.5, 0.0, 1.2];

fn read_placed(placed: &Placed<'_>) -> Option<Vec<u8>> {
    if !placed.is_likely() {
        return None;
    }
    let levels = placed.levels();
    SHARPEN.iter().find_map(|&sharpen| {
        let mut payload = Vec::new();
        let dark = Modules {
            size: placed.size(),
            dark: levels.dark(sharpen),
        };
        Grid::new(dark)
            .decode_to(&mut payload)
            .is_ok()
            .then_some(payload)
    })
}

struct Modules {
    size: usize,
    dark: Vec<bool>,
}

impl BitGrid for Modules {
    fn size(&self) -> usize {
        self.size
    }

    fn bit(&self, y: usize, x: usize) -> bool {
        y < self.size && x < self.size && self.dark[y * self.size + x]
    }
}
