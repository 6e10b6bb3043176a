//! The helper for sticks, which runs as root: see `ceremony_devices::helper`.

#![allow(clippy::disallowed_methods, reason = "main reads the arguments")]

use std::process::ExitCode;

use ceremony_devices::error::Explain;
use ceremony_devices::helper;

/// When it was built: UTC seconds since 1970 (build.rs).
const BUILT: &str = env!("CEREMONY_BUILD_TIME");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match helper::serve(&arguments, BUILT.parse().expect("build.rs writes a number")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceremony-media: {error}\n\nWhat to do: {}", error.remedy());
            ExitCode::FAILURE
        }
    }
}
