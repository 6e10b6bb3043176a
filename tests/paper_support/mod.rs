//! A made-up backup on paper, and what can happen to a page of it.

use std::collections::BTreeMap;

use ceremony::openpgp::armor_message;
use ceremony::paper::Backup;
use ceremony::qr::{Picture, scan};
use ceremony::sheet::{Paper, RecoverySheets};

use crate::tools;

const ID: &str = "REHEARSAL-2026-01-02-backup-key-0A1B2C3D";

/// A backup of the carried plan's shape: three capsules beside the payload.
pub struct Made {
    id: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Made {
    pub fn new(payload: usize) -> Made {
        Made::of(ID, payload)
    }

    pub fn of(id: &str, payload: usize) -> Made {
        let sizes = [("payload", payload), ("AB", 407), ("AC", 407), ("BC", 407)];
        let files = sizes.map(|(name, size)| (format!("{name}.asc"), message(size)));
        Made {
            id: id.to_string(),
            files: files.into(),
        }
    }

    fn backup(&self) -> Backup {
        Backup::new(&self.id, &self.files).expect("a backup")
    }

    /// What the codes say, each once.
    pub fn payloads(&self) -> Vec<String> {
        let files = self
            .backup()
            .groups
            .into_iter()
            .flat_map(|group| group.files);
        files
            .flat_map(|file| file.parts)
            .map(|part| part.payload())
            .collect()
    }

    pub fn sheets(&self) -> RecoverySheets {
        RecoverySheets::new(self.backup(), None)
    }

    /// The pages as a scanner sees them.
    pub fn scans(&self, paper: Paper, dpi: usize) -> Vec<Scan> {
        let dir = tools::Dir::new();
        dir.write("sheets.pdf", &self.sheets().pdf(paper));
        dir.run(
            "pdftoppm",
            &["-r", &dpi.to_string(), "-gray", "sheets.pdf", "page"],
        );
        let mut files: Vec<_> = std::fs::read_dir(dir.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "pgm"))
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| Scan::read(&std::fs::read(path).expect("a picture")))
            .collect()
    }
}

/// Bytes that look encrypted, as far as paper can tell.
fn message(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252;
    let mut data = vec![0xc3];
    data.extend((1..size).map(|_| (next(&mut state) >> 24) as u8));
    armor_message(Some("REHEARSAL"), &data)
}

/// Marsaglia's xorshift: the same at each run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A page in shades of grey.
#[derive(Clone)]
pub struct Scan {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Scan {
    fn read(pgm: &[u8]) -> Scan {
        let picture = ceremony::picture::read(pgm).expect("pdftoppm writes PGM");
        let (width, height) = picture.size();
        Scan {
            width,
            height,
            grey: picture.grey().to_vec(),
        }
    }

    fn pgm(&self) -> Vec<u8> {
        let mut out = format!("P5 {} {} 255\n", self.width, self.height).into_bytes();
        out.extend(&self.grey);
        out
    }

    fn each(&self, mut grey: impl FnMut(usize, usize) -> u8) -> Scan {
        let pixels = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        Scan {
            grey: pixels.map(|(x, y)| grey(x, y)).collect(),
            ..*self
        }
    }

    fn at(&self, x: isize, y: isize) -> f32 {
        let inside = x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height;
        if inside {
            f32::from(self.grey[y as usize * self.width + x as usize])
        } else {
            255.0
        }
    }

    /// Turned around its middle.
    pub fn turned(&self, degrees: f32) -> Scan {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (cx, cy) = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        self.each(|x, y| {
            let (dx, dy) = (x as f32 - cx, y as f32 - cy);
            let (u, v) = (cx + dx * cos + dy * sin, cy - dx * sin + dy * cos);
            let (left, top) = (u.floor(), v.floor());
            let (a, b) = (u - left, v - top);
            let (left, top) = (left as isize, top as isize);
            let upper = self.at(left, top) * (1.0 - a) + self.at(left + 1, top) * a;
            let lower = self.at(left, top + 1) * (1.0 - a) + self.at(left + 1, top + 1) * a;
            (upper * (1.0 - b) + lower * b) as u8
        })
    }

    /// Each pixel lighter or darker by up to `most`.
    pub fn noisy(&self, most: i32) -> Scan {
        let mut state = 2_463_534_242;
        self.each(|x, y| {
            let noise = (next(&mut state) >> 20) as i32 & 0xffff;
            let noise = noise % (2 * most + 1) - most;
            (self.at(x as isize, y as isize) as i32 + noise).clamp(0, 255) as u8
        })
    }

    /// Each pixel mixed with its neighbours: 1 2 1 in both directions.
    pub fn blurred(&self) -> Scan {
        self.each(|x, y| {
            let (x, y) = (x as isize, y as isize);
            let row = |y| self.at(x - 1, y) + 2.0 * self.at(x, y) + self.at(x + 1, y);
            ((row(y - 1) + 2.0 * row(y) + row(y + 1)) / 16.0) as u8
        })
    }

    /// A dark disc as large as a code (46 mm); the place is a share of width and height.
    pub fn stained(&self, x: f32, y: f32) -> Scan {
        let (cx, cy) = (x * self.width as f32, y * self.height as f32);
        let reach = 0.11 * self.width as f32;
        self.each(|x, y| {
            let away = (x as f32 - cx).hypot(y as f32 - cy);
            let grey = self.at(x as isize, y as isize);
            if away < reach { 80 } else { grey as u8 }
        })
    }

    /// A coffee ring: the paper is darker, and what is printed can be seen through it.
    pub fn ringed(&self, x: f32, y: f32) -> Scan {
        let (cx, cy) = (x * self.width as f32, y * self.height as f32);
        let reach = 0.14 * self.width as f32;
        self.each(|x, y| {
            let away = (x as f32 - cx).hypot(y as f32 - cy);
            let grey = self.at(x as isize, y as isize);
            let dark = if away < 0.85 * reach {
                0.8
            } else if away < reach {
                0.5
            } else {
                1.0
            };
            (grey * dark) as u8
        })
    }

    /// Spots of 1 mm at 300 dpi, that hide so many hundredths of the page.
    pub fn spotted(&self, share: usize) -> Scan {
        const SPOT: usize = 12;
        let mut state = 362_436_069;
        let columns = self.width / SPOT + 1;
        let spots: Vec<bool> = (0..columns * (self.height / SPOT + 1))
            .map(|_| (next(&mut state) >> 30) % 100 < share as u64)
            .collect();
        self.each(|x, y| match spots[y / SPOT * columns + x / SPOT] {
            true => 60,
            false => self.at(x as isize, y as isize) as u8,
        })
    }
}

/// What the table shows.
pub fn damages(page: &Scan) -> Vec<(&'static str, Scan)> {
    vec![
        ("none", page.clone()),
        ("turned by 2 degrees", page.turned(2.0)),
        ("turned by 10 degrees", page.turned(10.0)),
        ("upside down", page.turned(180.0)),
        ("noise of 40 shades", page.noisy(40)),
        ("noise of 80 shades", page.noisy(80)),
        ("blur", page.blurred()),
        ("blur, twice", page.blurred().blurred()),
        ("blur and noise of 40", page.blurred().noisy(40)),
        (
            "turned by 2 degrees, blur, noise of 25",
            page.turned(2.0).blurred().noisy(25),
        ),
        ("pale coffee ring over four codes", page.ringed(0.28, 0.32)),
        (
            "dark stain as large as a code, over one",
            page.stained(0.16, 0.28),
        ),
    ]
}

pub fn by_zbarimg(scans: &[Scan]) -> Vec<String> {
    let dir = tools::Dir::new();
    let mut read = Vec::new();
    for scan in scans {
        dir.write("scan.pgm", &scan.pgm());
        // It fails where it finds no code at all.
        let script = "zbarimg -q --raw -Sdisable -Sqrcode.enable scan.pgm || true";
        let said = dir.run("sh", &["-c", script]);
        let codes = said.split("CEREMONY-PAPER").skip(1);
        read.extend(
            codes.map(|code| format!("CEREMONY-PAPER{}", code.strip_suffix('\n').unwrap_or(code))),
        );
    }
    read
}

pub fn by_us(scans: &[Scan]) -> Vec<String> {
    let picture =
        |page: &Scan| Picture::new(page.width, page.height, page.grey.clone()).expect("it fits");
    let codes = scans.iter().flat_map(|page| scan(&picture(page)));
    codes
        .map(|code| String::from_utf8(code).expect("ASCII"))
        .collect()
}

/// The boxes of all words lie within the margins, and above the banner at the foot.
pub fn nothing_hangs_out(html: &str) {
    let number = |line: &str, name: &str| -> f32 {
        let (_, rest) = line
            .split_once(&format!(" {name}=\""))
            .expect("an attribute");
        rest.split('"')
            .next()
            .expect("it ends")
            .parse()
            .expect("a number")
    };
    let (mut width, mut height, mut words) = (0.0, 0.0, 0);
    for line in html.lines() {
        if line.contains("<page ") {
            (width, height) = (number(line, "width"), number(line, "height"));
        } else if line.contains("<word ") {
            words += 1;
            let [left, right] = ["xMin", "xMax"].map(|name| number(line, name));
            assert!(left >= 17.0 && right <= width - 17.0, "{line}");
            let banner = line.contains(">REHEARSAL<");
            assert!(
                banner || number(line, "yMax") <= height - 36.0 - 28.0,
                "{line}"
            );
        }
    }
    assert!(words > 500, "{words}");
}
