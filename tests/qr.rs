//! What the screen shows of a QR code can be scanned: `zbarimg` (zbar-tools) reads it back.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod tools;

use ceremony::qr::{QUIET, Qr};

const HEX: &str = "0123456789ABCDEF9E885D952AD362CAEB4EFE34A8E91BD2C0BA5A8E91411121";

/// Pixels along one side of a module.
const SCALE: usize = 4;

fn payloads() -> [String; 4] {
    let byte_mode = "https://example.org/".repeat(4);
    [
        format!("OPENPGP4FPR:{}", &HEX[..40]),
        HEX.to_string(),
        HEX.to_lowercase(),
        byte_mode,
    ]
}

/// Reads the code from a picture whose pixels, true for light, are given module by module.
fn scan(light: &[Vec<bool>]) -> String {
    let mut picture = format!(
        "P5 {} {} 255\n",
        light[0].len() * SCALE,
        light.len() * SCALE
    )
    .into_bytes();
    for row in light {
        let line: Vec<u8> = row
            .iter()
            .flat_map(|&light| [if light { 255 } else { 0 }; SCALE])
            .collect();
        picture.extend(line.repeat(SCALE));
    }
    let dir = tools::Dir::new();
    dir.write("screen.pgm", &picture);
    dir.run("zbarimg", &["-q", "--raw", "screen.pgm"])
        .trim_end()
        .to_string()
}

/// A dark screen around what is shown.
fn on_dark_ground(shown: Vec<Vec<bool>>) -> Vec<Vec<bool>> {
    let width = shown[0].len() + 8;
    let blank = vec![vec![false; width]; 4];
    let framed = shown
        .into_iter()
        .map(|row| [vec![false; 4], row, vec![false; 4]].concat());
    blank
        .iter()
        .cloned()
        .chain(framed)
        .chain(blank.iter().cloned())
        .collect()
}

#[test]
fn half_blocks_scan_on_a_dark_screen() {
    for payload in payloads() {
        let code = Qr::encode(payload.as_bytes()).expect("short enough");
        let shown = code
            .half_blocks()
            .iter()
            .flat_map(|line| {
                let half = |blocks: [char; 2]| line.chars().map(|c| blocks.contains(&c)).collect();
                [
                    half(['\u{2588}', '\u{2580}']),
                    half(['\u{2588}', '\u{2584}']),
                ]
            })
            .collect();
        assert_eq!(scan(&on_dark_ground(shown)), payload);
    }
}

/// As in a font whose hash fills its place.
#[test]
fn hashes_scan_on_their_own_ground() {
    for payload in payloads() {
        let code = Qr::encode(payload.as_bytes()).expect("short enough");
        let inked = |lines: Vec<String>| -> Vec<Vec<bool>> {
            lines
                .iter()
                .map(|line| line.bytes().step_by(2).map(|byte| byte == b'#').collect())
                .collect()
        };
        assert_eq!(scan(&on_dark_ground(inked(code.hashes_on_dark()))), payload);
        let mut paper = on_dark_ground(inked(code.hashes()));
        paper
            .iter_mut()
            .flatten()
            .for_each(|pixel| *pixel = !*pixel);
        assert_eq!(scan(&paper), payload);
    }
}

#[test]
fn the_matrix_scans() {
    for payload in payloads() {
        let code = Qr::encode(payload.as_bytes()).expect("short enough");
        let light: Vec<Vec<bool>> = code
            .matrix(QUIET)
            .iter()
            .map(|row| row.iter().map(|dark| !dark).collect())
            .collect();
        assert_eq!(scan(&light), payload);
    }
}
