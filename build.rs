//! Tells the program its commit and the commit's time. A source tree without git says so.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script is asked by cargo, through its environment"
)]

use std::process::Command;

fn main() {
    // The live image is built without git and gives the commit and its time. (Not by
    // SOURCE_DATE_EPOCH: with each new value OpenSSL would be built anew.)
    let given = std::env::var("CEREMONY_COMMIT").ok();
    if given.is_none() {
        println!("cargo::rerun-if-changed=.git/HEAD");
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    }
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    let time = std::env::var("CEREMONY_COMMIT_TIME")
        .or_else(|_| std::env::var("SOURCE_DATE_EPOCH"))
        .ok()
        .or_else(|| git(&["log", "-1", "--format=%ct"]));
    let version = std::env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    let commit = commit.unwrap_or_else(|| "no commit known".to_string());
    println!("cargo::rustc-env=CEREMONY_LONG_VERSION={version} ({commit})");
    let time = time.filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()));
    // 2026-01-01, for a source tree without history.
    let time = time.unwrap_or_else(|| "1767225600".to_string());
    println!("cargo::rustc-env=CEREMONY_BUILD_TIME={time}");
    println!("cargo::rerun-if-env-changed=CEREMONY_COMMIT");
    println!("cargo::rerun-if-env-changed=CEREMONY_COMMIT_TIME");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}
