//! Opens a sealed file with a secret key that lies in a file: for measurements alone.
//!
//! `ceremony open` does this under dual control, with the key in memory only; this is its engine
//! without the ceremony, so that its speed can be compared with gpg's.

#![allow(clippy::disallowed_methods, reason = "a tool for measurements")]

use std::error::Error;
use std::fs::{self, File};
use std::process::ExitCode;

use ceremony::openpgp::SecretKey;
use ceremony::secret::SecretBytes;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, sealed, out] = &arguments[..] else {
        eprintln!("usage: unseal SECRET-KEY SEALED OUT");
        return ExitCode::from(2);
    };
    match unseal(key, sealed, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unseal: {error}");
            ExitCode::FAILURE
        }
    }
}

fn unseal(key: &str, sealed: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let key = SecretKey::from_bytes(&SecretBytes::from_vec(fs::read(key)?))?;
    key.unseal(File::open(sealed)?, File::create(out)?, &mut |_| {})?;
    Ok(())
}
