//! QR codes (ISO/IEC 18004), for screens and sheets. The only module that names the QR libraries:
//! one makes codes, the other reads them.
//!
//! Codes are made with error correction M, which still reads with 15 % of the code spoiled.
//! A text of digits, upper-case letters and `$%*+-./:` makes a smaller code than any other.

mod scan;

use std::error::Error;
use std::fmt;

use qrcode::{Color, EcLevel, QrCode};

use crate::error::Explain;

pub use scan::{MAX_PIXELS, Picture, scan};

/// The light margin that the standard asks for, in modules.
pub const QUIET: usize = 4;

/// The margin for a code that would otherwise fill the screen; phones still read it.
const NARROW_QUIET: usize = 2;

/// Rows of an 80x24 screen that a code may take, so that header and prompt fit too.
const SCREEN_ROWS: usize = 19;

/// A QR code: a square of dark and light modules.
pub struct Qr {
    size: usize,
    /// Row by row from the top left; true is dark.
    modules: Vec<bool>,
}

impl Qr {
    /// Encodes `payload` in the smallest code that takes it.
    ///
    /// # Errors
    /// [`QrError::TooLong`] beyond the largest code: 2331 bytes, or 3391 characters of the
    /// small set named above.
    pub fn encode(payload: &[u8]) -> Result<Qr, QrError> {
        let code = QrCode::with_error_correction_level(payload, EcLevel::M).map_err(|source| {
            QrError::TooLong {
                bytes: payload.len(),
                source: source.into(),
            }
        })?;
        let modules = code
            .to_colors()
            .into_iter()
            .map(|color| color == Color::Dark)
            .collect();
        Ok(Qr {
            size: code.width(),
            modules,
        })
    }

    /// Modules along one side, without margin: 21 to 177.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the module in column `x` of row `y` is dark. Everything outside is light.
    pub fn dark(&self, x: usize, y: usize) -> bool {
        x < self.size && y < self.size && self.modules[y * self.size + x]
    }

    /// The code with a light margin of `quiet` modules, row by row; true is dark.
    pub fn matrix(&self, quiet: usize) -> Vec<Vec<bool>> {
        let side = self.size + 2 * quiet;
        // Columns and rows left of and above the code wrap round to far outside, which is light.
        let dark = |x: usize, y: usize| self.dark(x.wrapping_sub(quiet), y.wrapping_sub(quiet));
        (0..side)
            .map(|y| (0..side).map(|x| dark(x, y)).collect())
            .collect()
    }

    /// The code for a screen with light letters on a dark ground: a block is a *light* module,
    /// a blank a dark one, two rows of modules to a line.
    ///
    /// With its margin of 4 modules a v4 fingerprint takes 19 lines. The margin shrinks to 2 where
    /// more would not fit, so that a v6 one takes 19 lines too.
    pub fn half_blocks(&self) -> Vec<String> {
        let wide = (self.size + 2 * QUIET).div_ceil(2) <= SCREEN_ROWS;
        let matrix = self.matrix(if wide { QUIET } else { NARROW_QUIET });
        matrix
            .chunks(2)
            .map(|pair| {
                // Sides are odd, so the last line's lower half lies outside; it stays dark
                // like the ground around it.
                let lower = |x: usize| pair.get(1).is_none_or(|row| row[x]);
                (0..pair[0].len())
                    .map(|x| half_block(pair[0][x], lower(x)))
                    .collect()
            })
            .collect()
    }

    /// The code in plain ASCII for a *light* ground, such as paper: `##` is a dark module, two
    /// blanks a light one. There is no margin: leave four rows and eight columns free around it.
    ///
    /// It scans where `##` fills its place. Thin letters are too pale for that: seen sharply
    /// they are no code, so read the words where half blocks or a picture can't be had.
    pub fn hashes(&self) -> Vec<String> {
        self.ascii(0, true)
    }

    /// The code in plain ASCII for a *dark* ground, such as a serial console: `##` is a light
    /// module, two blanks a dark one. The margin of two modules is part of it. Thin letters
    /// are as bad for it as for [`Qr::hashes`].
    pub fn hashes_on_dark(&self) -> Vec<String> {
        self.ascii(NARROW_QUIET, false)
    }

    fn ascii(&self, quiet: usize, inked: bool) -> Vec<String> {
        let cell = |&dark: &bool| if dark == inked { "##" } else { "  " };
        self.matrix(quiet)
            .iter()
            .map(|row| row.iter().map(cell).collect())
            .collect()
    }
}

fn half_block(upper_dark: bool, lower_dark: bool) -> char {
    match (upper_dark, lower_dark) {
        (false, false) => '\u{2588}',
        (false, true) => '\u{2580}',
        (true, false) => '\u{2584}',
        (true, true) => ' ',
    }
}

/// Why no code was made.
#[derive(Debug)]
pub enum QrError {
    /// The payload fits into no QR code.
    TooLong {
        /// The payload's length.
        bytes: usize,
        /// What the library said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for QrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QrError::TooLong { bytes, .. } => {
                write!(f, "{bytes} bytes are too many for a QR code")
            }
        }
    }
}

impl Error for QrError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            QrError::TooLong { source, .. } => Some(source.as_ref()),
        }
    }
}

impl Explain for QrError {
    fn remedy(&self) -> String {
        "Use the words or the file instead of the code.".to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(payload: &str) -> Qr {
        Qr::encode(payload.as_bytes()).expect("short enough")
    }

    #[test]
    fn what_fits_into_no_code_is_refused() {
        assert!(Qr::encode(&[0; 2331]).is_ok());
        let error = Qr::encode(&[0; 2332]).err().expect("one byte too many");
        assert_eq!(error.to_string(), "2332 bytes are too many for a QR code");
        assert!(error.source().is_some());
        assert!(Qr::encode(&[b'A'; 3391]).is_ok());
        assert!(Qr::encode(&[b'A'; 3392]).is_err());
    }

    #[test]
    fn fingerprints_and_heads_fit_below_a_page_header() {
        let hex = "9E88".repeat(16);
        let v4 = format!("OPENPGP4FPR:{}", &hex[..40]);
        for (payload, size, margin) in [(&v4, 29, QUIET), (&hex, 33, NARROW_QUIET)] {
            let code = encode(payload);
            assert_eq!(code.size(), size);
            assert_eq!(code.half_blocks().len(), SCREEN_ROWS);
            assert!(
                code.half_blocks()
                    .iter()
                    .all(|line| line.chars().count() == size + 2 * margin)
            );
            assert!(code.hashes_on_dark().iter().all(|line| line.len() < 78));
        }
    }

    #[test]
    fn a_larger_code_has_a_narrow_margin() {
        let code = encode(&"a".repeat(70));
        assert_eq!((code.size(), code.half_blocks().len()), (37, 21));
    }

    /// Each corner but the lower right one has a finder: dark 7x7, light ring, dark 3x3.
    #[test]
    fn finders_are_where_they_belong() {
        let code = encode("0123");
        let far = code.size() - 7;
        for (left, top) in [(0, 0), (far, 0), (0, far)] {
            for (x, y) in (0..7).flat_map(|y| (0..7).map(move |x| (x, y))) {
                let ring = usize::max(usize::abs_diff(x, 3), usize::abs_diff(y, 3));
                assert_eq!(
                    code.dark(left + x, top + y),
                    ring != 2,
                    "{left} {top} {x} {y}"
                );
            }
        }
        assert!(!code.dark(code.size(), 0) && !code.dark(0, code.size()));
    }

    #[test]
    fn each_ground_has_its_own_ink() {
        let code = encode("0123");
        assert!(code.hashes()[0].starts_with("##############  "));
        assert_eq!(code.hashes()[0].len(), 2 * code.size());
        let on_dark = code.hashes_on_dark();
        assert!(on_dark[0].bytes().all(|byte| byte == b'#'));
        assert!(on_dark[2].starts_with("####              ##"));
        assert!(code.half_blocks()[0].chars().all(|c| c == '\u{2588}'));
        assert!(code.half_blocks()[2].starts_with("\u{2588}\u{2588}\u{2588}\u{2588} "));
    }
}
