//! What a release must not have: the seams for tests. The program under test here has them, so
//! that the search can be seen to find them; the other is the release that `scripts/rehearse`
//! builds, and `.ci/run` looks into it after that.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::path::{Path, PathBuf};

/// What every seam's variable begins with, the one for the software tokens' root among them.
const SEAM: &[u8] = b"CEREMONY_TEST_ONLY";

fn has_seam(program: &Path) -> bool {
    let bytes = std::fs::read(program);
    let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    bytes.windows(SEAM.len()).any(|window| window == SEAM)
}

#[cfg(debug_assertions)]
#[test]
fn the_search_finds_the_seam_of_a_debug_build() {
    assert!(has_seam(Path::new(env!("CARGO_BIN_EXE_ceremony"))));
}

#[test]
#[ignore = "needs the release build of scripts/rehearse; .ci/run has it"]
fn the_release_has_no_seam() {
    let debug = PathBuf::from(env!("CARGO_BIN_EXE_ceremony"));
    let target = debug
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE");
    let release = target.join("release").join("ceremony");
    assert!(!has_seam(&release), "{}", release.display());
}
