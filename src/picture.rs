//! Scanned pages as pictures: PNG and PGM, nothing else. The only module that names the PNG library.
//!
//! A scan may come from anywhere, so sizes are bounded before anything is unpacked.

use std::error::Error;
use std::fmt;
use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};

use crate::error::Explain;
use crate::qr::{MAX_PIXELS, Picture};

/// The first bytes of a PNG file (RFC 2083, section 3.1).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why a picture is not read.
#[derive(Debug)]
pub enum PictureError {
    /// A damaged PNG file.
    Png(png::DecodingError),
    /// A PGM file that is damaged, or has more than 256 shades.
    Pgm,
    /// More pixels than A3 has at 600 dpi.
    TooLarge,
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PictureError::Png(_) => "the picture (PNG) is damaged",
            PictureError::Pgm => "the picture (PGM) is damaged or of an unusual kind",
            PictureError::TooLarge => "the picture is larger than A3 at 600 dpi",
        })
    }
}

impl Error for PictureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PictureError::Png(error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for PictureError {
    fn remedy(&self) -> String {
        "Scan the page at 300 dpi, in grey, and save it as PNG.".to_string()
    }
}

/// Whether a file begins as a picture does.
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(PNG) || bytes.starts_with(b"P5") || bytes.starts_with(b"P2")
}

/// Reads a picture as shades of grey.
pub fn read(bytes: &[u8]) -> Result<Picture, PictureError> {
    match bytes.starts_with(PNG) {
        true => read_png(bytes),
        false => read_pgm(bytes),
    }
}

fn read_png(bytes: &[u8]) -> Result<Picture, PictureError> {
    // Four channels of 8 bits, and room for the library's own rows.
    let limits = Limits {
        bytes: 5 * MAX_PIXELS,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(PictureError::Png)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let size = reader
        .output_buffer_size()
        .filter(|&size| size <= 4 * MAX_PIXELS);
    let mut pixels = vec![0; size.ok_or(PictureError::TooLarge)?];
    let frame = reader.next_frame(&mut pixels).map_err(PictureError::Png)?;
    pixels.truncate(frame.buffer_size());
    let grey = match frame.color_type {
        ColorType::Grayscale | ColorType::Indexed => pixels,
        // What is transparent counts as paper.
        ColorType::GrayscaleAlpha => pixels.chunks(2).map(|p| on_paper(p[0], p[1])).collect(),
        ColorType::Rgb => pixels.chunks(3).map(luma).collect(),
        ColorType::Rgba => pixels.chunks(4).map(|p| on_paper(luma(p), p[3])).collect(),
    };
    Picture::new(width, height, grey).ok_or(PictureError::TooLarge)
}

/// Brightness as the eye has it (ITU-R BT.601).
fn luma(pixel: &[u8]) -> u8 {
    let [r, g, b] = [0, 1, 2].map(|at| u32::from(pixel[at]));
    ((299 * r + 587 * g + 114 * b) / 1000) as u8
}

fn on_paper(grey: u8, alpha: u8) -> u8 {
    let (grey, alpha) = (u32::from(grey), u32::from(alpha));
    ((grey * alpha + 255 * (255 - alpha)) / 255) as u8
}

/// PGM as netpbm describes it: `P5` or `P2`, width, height, the brightest value, then the pixels.
fn read_pgm(bytes: &[u8]) -> Result<Picture, PictureError> {
    let mut at = 2;
    let [width, height, most] = [(); 3].map(|()| number(bytes, &mut at));
    let (Some(width), Some(height), Some(most)) = (width, height, most) else {
        return Err(PictureError::Pgm);
    };
    if !(1..=255).contains(&most) {
        return Err(PictureError::Pgm);
    }
    let count = width
        .checked_mul(height)
        .filter(|&count| count <= MAX_PIXELS);
    let count = count.ok_or(PictureError::TooLarge)?;
    let bright = |value: usize| (value.min(most) * 255 / most) as u8;
    let grey: Option<Vec<u8>> = if bytes.starts_with(b"P5") {
        // One blank ends the head.
        let pixels = bytes.get(at + 1..).filter(|pixels| pixels.len() == count);
        pixels.map(|pixels| pixels.iter().map(|&p| bright(usize::from(p))).collect())
    } else if bytes.len() >= count {
        (0..count)
            .map(|_| number(bytes, &mut at).map(bright))
            .collect()
    } else {
        None
    };
    grey.and_then(|grey| Picture::new(width, height, grey))
        .ok_or(PictureError::Pgm)
}

/// The next number, over blanks and comments.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    loop {
        match bytes.get(*at)? {
            b'#' => *at += bytes[*at..].iter().position(|b| *b == b'\n')?,
            b if b.is_ascii_whitespace() => *at += 1,
            _ => break,
        }
    }
    let rest = &bytes[*at..];
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    *at += digits;
    str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(color: ColorType, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 2, 1);
        encoder.set_color(color);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(data).expect("two pixels");
        drop(writer);
        out
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let good = png(ColorType::Grayscale, &[7, 200]);
        for bad in [&good[..good.len() / 2], &good[..8]] {
            assert!(matches!(read(bad), Err(PictureError::Png(_))));
        }
        for bad in [
            "P5",
            "P5 2 1 255 a",
            "P5 2 1 255 abc",
            "P5 2 1 0 ab",
            "P5 2 1 65535 abcd",
            "P5 -2 1 255 ab",
            "P2 2 1 255 7",
            "P2 2 1 255 x y",
            "P5 # no end",
        ] {
            assert!(
                matches!(read(bad.as_bytes()), Err(PictureError::Pgm)),
                "{bad}"
            );
        }
        for large in [
            "P5 99999999 99999999 255 ",
            "P5 18446744073709551615 2 255 ",
        ] {
            assert!(
                matches!(read(large.as_bytes()), Err(PictureError::TooLarge)),
                "{large}"
            );
        }
    }

    #[test]
    fn every_kind_gives_the_same_greys() {
        let files = [
            png(ColorType::Grayscale, &[7, 200]),
            png(ColorType::GrayscaleAlpha, &[7, 255, 200, 255]),
            png(ColorType::Rgb, &[7, 7, 7, 200, 200, 200]),
            png(ColorType::Rgba, &[7, 7, 7, 255, 200, 200, 200, 255]),
            b"P5 # by a scanner\n2 1\n255\n\x07\xc8".to_vec(),
            b"P2 2 1 255\n7 200\n".to_vec(),
        ];
        for file in files {
            assert!(is_picture(&file));
            let picture = read(&file).expect("a picture");
            assert_eq!((picture.size(), picture.grey()), ((2, 1), &[7, 200][..]));
        }
        assert_eq!(on_paper(0, 0), 255);
    }

    proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&data);
            let _ = read(&[PNG, &data].concat());
            let _ = read(&[b"P5 2 ", &data[..]].concat());
        }
    }
}
