//! Parses, runs, and turns an error into its two lines and an exit code.

use std::process::ExitCode;

use ceremony::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version go to standard output and are no error.
            let _ = usage.print();
            return ExitCode::from(u8::from(usage.use_stderr()) * 2);
        }
    };
    match cli.run() {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            eprintln!("ceremony: {failure}\n\nWhat to do: {}", failure.remedy());
            ExitCode::from(failure.exit() as u8)
        }
    }
}
