//! What a release must not have: the seams for tests. The program under test here has them, so
//! that the search can be seen to find them; the other is the release that `scripts/rehearse`
//! builds, and `.ci/run` looks into it after that.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What every seam's variable begins with, the one for the software tokens' root among them.
const SEAM: &[u8] = b"CEREMONY_TEST_ONLY";

fn has_seam(program: &Path) -> bool {
    let bytes = std::fs::read(program);
    let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    bytes.windows(SEAM.len()).any(|window| window == SEAM)
}

/// What the program says of a record with software tokens, when it is given their root.
fn verdict(program: &Path) -> String {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/3/capsules");
    let output = Command::new(program)
        .arg("verify")
        .arg(kept.join("record"))
        .env("CEREMONY_TEST_ONLY_ROOT", kept.join("root.der"))
        .output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

const REFUSED: &str = "nobody known vouches for this token";

#[cfg(debug_assertions)]
#[test]
fn a_debug_build_has_the_seam() {
    let program = Path::new(env!("CARGO_BIN_EXE_ceremony"));
    assert!(has_seam(program));
    let said = verdict(program);
    assert!(
        !said.contains(REFUSED) && said.contains("attested under"),
        "{said}"
    );
}

#[test]
#[ignore = "needs the release build of scripts/rehearse; .ci/run has it"]
fn the_release_has_no_seam_and_believes_no_software_token() {
    let debug = PathBuf::from(env!("CARGO_BIN_EXE_ceremony"));
    let target = debug.parent().and_then(Path::parent);
    let release = target.expect("target/PROFILE").join("release/ceremony");
    assert!(!has_seam(&release), "{}", release.display());
    let said = verdict(&release);
    assert!(said.contains(REFUSED), "{said}");
}
