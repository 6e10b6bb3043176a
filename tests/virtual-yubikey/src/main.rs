//! Two virtual readers to try things by hand. Never shipped.
//!
//!     virtual-yubikey [TOKEN-FILE] [TOKEN-FILE]
//!
//! A file that isn't there becomes a new token; one whose name has "5.4" in it has firmware
//! 5.4.3, any other 5.7.4. Then: `remove N`, `insert N`, `touch N`, `leave N`, for reader 1 or 2.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use virtual_yubikey::{Pcscd, SharedToken, Token, Touch, Version};

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let service = Pcscd::start()?;
    println!("export PCSCLITE_CSOCK_NAME={}", service.socket().display());
    let mut readers = service.readers();
    if files.len() > readers.len() {
        return Err(format!("there are only {} readers", readers.len()).into());
    }
    let mut tokens: Vec<SharedToken> = Vec::new();
    for (place, file) in files.iter().enumerate() {
        make(file, place)?;
        let token = readers[place].insert_saved(file)?;
        println!("reader {}: {:?}", place + 1, token.lock());
        tokens.push(token);
    }
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = words.get(1).and_then(|word| word.parse::<usize>().ok());
        let place = place
            .and_then(|number| number.checked_sub(1))
            .filter(|place| *place < tokens.len());
        match (words.first(), place) {
            (Some(&"remove"), Some(place)) => readers[place].remove(),
            (Some(&"insert"), Some(place)) => {
                tokens[place] = readers[place].insert_saved(&files[place])?
            }
            (Some(&"touch"), Some(place)) => tokens[place].lock().set_touch(Touch::ALWAYS),
            (Some(&"leave"), Some(place)) => tokens[place].lock().set_touch(Touch::NEVER),
            _ => println!("remove N, insert N, touch N, leave N; end with Ctrl-D"),
        }
    }
    Ok(())
}

fn make(file: &Path, place: usize) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let old = file.to_string_lossy().contains("5.4");
    let version = if old { Version::V5_4 } else { Version::V5_7 };
    let serial = 10_000_001 + u32::try_from(place).expect("one of two");
    fs::write(file, Token::with_own_root(serial, version).to_json())
}
