//! Two virtual readers to try things by hand. Never shipped.
//!
//!     virtual-yubikey [TOKEN-FILE] [TOKEN-FILE]
//!
//! A file that isn't there becomes a new token; one whose name has "5.4" in it has firmware
//! 5.4.3, any other 5.7.4. Then: `remove N`, `insert N`, `touch N`, `leave N`, for reader 1 or 2.
//!
//!     virtual-yubikey --vscard ROOT-FILE SOCKET TOKEN-FILE [SOCKET TOKEN-FILE]...
//!
//! puts tokens into QEMU's readers instead, each time that QEMU is started, until ten minutes after
//! the last. New ones have one root, whose certificate is left in ROOT-FILE.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io, thread};

use virtual_yubikey::{Algorithm, Authority, Pcscd, SharedToken, Token, Touch, Version, vscard};

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if let [option, root, places @ ..] = &files[..]
        && option == Path::new("--vscard")
    {
        return in_qemu(root, places);
    }
    let service = Pcscd::start()?;
    println!("export PCSCLITE_CSOCK_NAME={}", service.socket().display());
    let mut readers = service.readers();
    if files.len() > readers.len() {
        return Err(format!("there are only {} readers", readers.len()).into());
    }
    let mut tokens: Vec<SharedToken> = Vec::new();
    for (place, file) in files.iter().enumerate() {
        make(file, place, None)?;
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

fn in_qemu(root: &Path, places: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let (pairs, rest) = places.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err("--vscard wants a file for the root, then pairs of socket and token".into());
    }
    if pairs.iter().any(|[_, file]| !file.exists()) {
        let authority = Authority::root("Virtual root", Algorithm::P384);
        for (place, [_, file]) in pairs.iter().enumerate() {
            make(file, place, Some(&authority))?;
        }
        fs::write(root, authority.certificate())?;
    }
    let held = pairs.iter().cloned().map(|[socket, file]| {
        thread::spawn(move || {
            loop {
                vscard::serve_saved(&socket, &file)
                    .map_err(|error| format!("{}: {error}", socket.display()))?;
            }
        })
    });
    for token in held.collect::<Vec<thread::JoinHandle<Result<(), String>>>>() {
        token.join().map_err(|_| "a token panicked")??;
    }
    Ok(())
}

fn make(file: &Path, place: usize, authority: Option<&Authority>) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let old = file.to_string_lossy().contains("5.4");
    let version = if old { Version::V5_4 } else { Version::V5_7 };
    let serial = 10_000_001 + u32::try_from(place).expect("one of few");
    let token = match authority {
        Some(authority) => Token::new(serial, version, authority),
        None => Token::with_own_root(serial, version),
    };
    fs::write(file, token.to_json())
}
