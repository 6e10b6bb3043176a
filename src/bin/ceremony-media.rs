//! The helper for sticks, which runs as root: see `edge::block::helper`.

#![allow(clippy::disallowed_methods, reason = "main reads the arguments")]

use std::process::ExitCode;

use ceremony::edge::block::helper;
use ceremony::error::Explain;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match helper::serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceremony-media: {error}\n\nWhat to do: {}", error.remedy());
            ExitCode::FAILURE
        }
    }
}
