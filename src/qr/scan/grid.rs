//! From three squares to a code's grid, settled by all the modules that the standard prescribes.

use super::Picture;
use super::finder::Finder;

/// Modules of the smallest and of the largest code (ISO/IEC 18004, 6.3.1).
const SIZES: std::ops::RangeInclusive<usize> = 21..=177;

/// Three finders that may be one code's: upper left, upper right, lower left.
pub(super) struct Corner {
    pub finders: [usize; 3],
    /// How far it is from a right angle with equal sides.
    skew: f32,
}

/// Every three that stand like a code's, the best first.
pub(super) fn corners(finders: &[Finder]) -> Vec<Corner> {
    const LIMIT: f32 = 0.12;
    let mut corners = Vec::new();
    for (first, corner) in finders.iter().enumerate() {
        for (right, a) in finders.iter().enumerate() {
            let (ax, ay) = (a.x - corner.x, a.y - corner.y);
            let modules = ax.hypot(ay) / corner.module;
            if right == first || !(10.0..200.0).contains(&modules) || !alike(corner, a) {
                continue;
            }
            for (below, b) in finders.iter().enumerate() {
                let (bx, by) = (b.x - corner.x, b.y - corner.y);
                // Where the sides are equal and the angle is right, this is zero.
                let skew = (bx + ay).hypot(by - ax) / ax.hypot(ay);
                if below != first && below != right && skew < LIMIT && alike(corner, b) {
                    let finders = [first, right, below];
                    corners.push(Corner { finders, skew });
                }
            }
        }
    }
    corners.sort_by(|a, b| a.skew.total_cmp(&b.skew));
    corners
}

fn alike(a: &Finder, b: &Finder) -> bool {
    a.module < 1.3 * b.module && b.module < 1.3 * a.module
}

impl Corner {
    /// The grids it may have, the likeliest first: the finders say the number of modules only
    /// roughly.
    pub fn placings<'a>(&self, finders: &'a [Finder]) -> impl Iterator<Item = Placing> + 'a {
        let [first, right, below] = self.finders.map(|at| &finders[at]);
        let side = (right.x - first.x).hypot(right.y - first.y);
        let module = (first.module + right.module + below.module) / 3.0;
        let modules = side / module + 7.0;
        let mut sizes: Vec<usize> = SIZES
            .step_by(4)
            .filter(|&size| (size as f32 - modules).abs() < 4.0 + 0.08 * modules)
            .collect();
        sizes.sort_by(|&a, &b| {
            (a as f32 - modules)
                .abs()
                .total_cmp(&(b as f32 - modules).abs())
        });
        let place = |finder: &Finder| (finder.x, finder.y);
        let (p, q, r) = (place(first), place(right), place(below));
        let corners = [p, q, (q.0 + r.0 - p.0, q.1 + r.1 - p.1), r];
        sizes.into_iter().map(move |size| Placing {
            size,
            module: side / (size - 7) as f32,
            corners,
        })
    }
}

/// A guess where a grid lies.
pub(super) struct Placing {
    size: usize,
    /// Pixels.
    module: f32,
    /// The centres of the finders, and where a fourth would be: clockwise from the upper left.
    corners: [(f32, f32); 4],
}

impl Placing {
    /// Moves the corners until the prescribed modules are as dark and as light as they can be.
    pub fn settle(self, picture: &Picture) -> Placed<'_> {
        let mut placed = Placed {
            known: known(self.size),
            size: self.size,
            corners: self.corners,
            picture,
        };
        if !placed.is_likely() {
            return placed;
        }
        let mut best = placed.score();
        for share in [0.6, 0.3, 0.15, 0.07] {
            let step = share * self.module;
            for _ in 0..4 {
                let before = best;
                for (at, (dx, dy)) in (0..4).flat_map(|at| MOVES.map(|to| (at, to))) {
                    let old = placed.corners[at];
                    placed.corners[at] = (old.0 + dx * step, old.1 + dy * step);
                    let score = placed.score();
                    if score > best {
                        best = score;
                    } else {
                        placed.corners[at] = old;
                    }
                }
                if best <= before {
                    break;
                }
            }
        }
        placed
    }
}

const MOVES: [(f32, f32); 4] = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)];

/// A grid in its place.
pub(super) struct Placed<'a> {
    size: usize,
    /// Column, row, and whether it is dark.
    known: Vec<(f32, f32, bool)>,
    corners: [(f32, f32); 4],
    picture: &'a Picture,
}

impl Placed<'_> {
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the prescribed modules are there at all.
    pub fn is_likely(&self) -> bool {
        // A tenth of the range from black to white; a wrong grid has next to nothing.
        self.score() > 25.0
    }

    /// How much lighter the light ones of the prescribed modules are than the dark ones.
    fn score(&self) -> f32 {
        let map = Map::new(self.corners, self.size);
        let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
        for &(column, row, dark) in &self.known {
            let (x, y) = map.place(column, row);
            sums[usize::from(dark)] += self.picture.at(x, y);
            counts[usize::from(dark)] += 1.0;
        }
        sums[0] / counts[0] - sums[1] / counts[1]
    }

    /// The grey of every module.
    pub fn levels(&self) -> Levels {
        // Five places in each: noise is less, and the module's edge is kept away from.
        const SPOTS: [(f32, f32); 5] = [
            (0.0, 0.0),
            (0.2, 0.2),
            (-0.2, 0.2),
            (0.2, -0.2),
            (-0.2, -0.2),
        ];
        let map = Map::new(self.corners, self.size);
        let module = |at: usize| {
            let (column, row) = ((at % self.size) as f32 + 0.5, (at / self.size) as f32 + 0.5);
            let grey = SPOTS.iter().map(|(dx, dy)| {
                let (x, y) = map.place(column + dx, row + dy);
                self.picture.at(x, y)
            });
            grey.sum::<f32>() / SPOTS.len() as f32
        };
        Levels {
            size: self.size,
            grey: (0..self.size * self.size).map(module).collect(),
        }
    }
}

/// The modules' greys.
pub(super) struct Levels {
    size: usize,
    grey: Vec<f32>,
}

impl Levels {
    /// Which modules are darker than those around them.
    pub fn dark(&self, sharpen: f32) -> Vec<bool> {
        const REACH: usize = 4;
        let all = 0..self.size * self.size;
        all.map(|at| {
            let (x, y) = (at % self.size, at / self.size);
            let square = |reach: usize| {
                let columns = x.saturating_sub(reach)..(x + reach + 1).min(self.size);
                let rows = y.saturating_sub(reach)..(y + reach + 1).min(self.size);
                (
                    rows.clone(),
                    columns.clone(),
                    (rows.len() * columns.len()) as f32,
                )
            };
            let (rows, columns, count) = square(REACH);
            let mean = rows
                .map(|row| {
                    self.grey[row * self.size..][columns.clone()]
                        .iter()
                        .sum::<f32>()
                })
                .sum::<f32>()
                / count;
            let grey = |x: usize, y: usize| self.grey[y * self.size + x];
            let last = self.size - 1;
            let beside = (grey(x.saturating_sub(1), y)
                + grey((x + 1).min(last), y)
                + grey(x, y.saturating_sub(1))
                + grey(x, (y + 1).min(last)))
                / 4.0;
            let own = self.grey[at];
            own + sharpen * (own - beside) < mean
        })
        .collect()
    }
}

/// From modules to pixels: the projection of a square to a quadrilateral (Heckbert 1989).
struct Map {
    origin: (f32, f32),
    a: [f32; 8],
    scale: f32,
}

impl Map {
    fn new([p, q, r, s]: [(f32, f32); 4], size: usize) -> Map {
        let (dx1, dy1) = (q.0 - r.0, q.1 - r.1);
        let (dx2, dy2) = (s.0 - r.0, s.1 - r.1);
        let (sx, sy) = (p.0 - q.0 + r.0 - s.0, p.1 - q.1 + r.1 - s.1);
        let whole = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / whole;
        let h = (dx1 * sy - sx * dy1) / whole;
        Map {
            origin: p,
            a: [
                q.0 - p.0 + g * q.0,
                s.0 - p.0 + h * s.0,
                p.0,
                q.1 - p.1 + g * q.1,
                s.1 - p.1 + h * s.1,
                p.1,
                g,
                h,
            ],
            scale: 1.0 / (size - 7) as f32,
        }
    }

    /// Where a place among the modules lies in the picture.
    fn place(&self, column: f32, row: f32) -> (f32, f32) {
        let (u, v) = ((column - 3.5) * self.scale, (row - 3.5) * self.scale);
        let [a, b, c, d, e, f, g, h] = self.a;
        let w = g * u + h * v + 1.0;
        if w.abs() < 0.1 {
            return self.origin;
        }
        ((a * u + b * v + c) / w, (d * u + e * v + f) / w)
    }
}

/// The modules that are the same in every code of that size: finders with the light line around
/// them, timing, alignment (ISO/IEC 18004, 6.3 and annex E).
fn known(size: usize) -> Vec<(f32, f32, bool)> {
    let mut known = Vec::new();
    let mut add = |x: usize, y: usize, dark: bool| {
        known.push((x as f32 + 0.5, y as f32 + 0.5, dark));
    };
    let far = size - 7;
    for (left, top) in [(0, 0), (far, 0), (0, far)] {
        for (x, y) in (0..7).flat_map(|y| (0..7).map(move |x| (x, y))) {
            let ring = usize::max(usize::abs_diff(x, 3), usize::abs_diff(y, 3));
            add(left + x, top + y, ring != 2);
        }
    }
    for at in 8..size - 8 {
        add(at, 6, at % 2 == 0);
        add(6, at, at % 2 == 0);
    }
    let places = alignment(size);
    let last = places.len().saturating_sub(1);
    for (i, &x) in places.iter().enumerate() {
        for (j, &y) in places.iter().enumerate() {
            if [(0, 0), (0, last), (last, 0)].contains(&(i, j)) {
                continue;
            }
            for (dx, dy) in (0..5).flat_map(|dy| (0..5).map(move |dx| (dx, dy))) {
                let ring = usize::max(usize::abs_diff(dx, 2), usize::abs_diff(dy, 2));
                add(x + dx - 2, y + dy - 2, ring != 1);
            }
        }
    }
    known
}

/// The rows (and columns) of the alignment patterns' centres: annex E's table follows this rule.
fn alignment(size: usize) -> Vec<usize> {
    let version = (size - 17) / 4;
    if version == 1 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let step = match version {
        32 => 26,
        _ => (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2,
    };
    let mut places: Vec<usize> = (0..count - 1).map(|at| size - 7 - at * step).collect();
    places.push(6);
    places.reverse();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_patterns_are_where_the_standard_has_them() {
        for (version, places) in [
            (1, &[][..]),
            (2, &[6, 18]),
            (7, &[6, 22, 38]),
            (22, &[6, 26, 50, 74, 98]),
            (32, &[6, 34, 60, 86, 112, 138]),
            (40, &[6, 30, 58, 86, 114, 142, 170]),
        ] {
            assert_eq!(alignment(17 + 4 * version), places, "{version}");
        }
    }
}
