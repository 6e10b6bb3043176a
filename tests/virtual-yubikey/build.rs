//! Finds the integration tests that the `yubikey` crate brings, wherever cargo keeps it, for
//! `tests/conformance.rs` to include. They are not copied into this project.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script asks cargo, and writes what is to be included"
)]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let variable = |name| env::var(name).expect("cargo sets it for build scripts");
    let found = Command::new(variable("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        // Of other platforms nothing was fetched.
        .args(["--filter-platform", &variable("TARGET"), "--manifest-path"])
        .arg(Path::new(&variable("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("cargo runs this script and can be run by it");
    assert!(
        found.status.success(),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let yubikey = packages.iter().find(|package| package["name"] == "yubikey");
    let manifest = yubikey.and_then(|package| package["manifest_path"].as_str());
    let source = Path::new(manifest.expect("yubikey is a dependency"))
        .parent()
        .expect("a file");

    // What can stand only at the beginning of a file can't be included.
    let tests = fs::read_to_string(source.join("tests/integration.rs")).expect("published with it");
    let tests: String = tests
        .lines()
        .filter(|line| !line.starts_with("#![") && !line.starts_with("//!"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let output = Path::new(&variable("OUT_DIR")).join("yubikey_integration.rs");
    fs::write(output, tests).expect("cargo made the directory");
    println!("cargo::rustc-env=YUBIKEY_SOURCE={}", source.display());
}
