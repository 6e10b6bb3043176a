//! A token on a wire: the protocol of vsmartcard's vpcd, which shows pcscd a reader with a card
//! for as long as somebody is connected to its port.
//!
//! Each message is a length (two bytes, high one first) and so many bytes. One byte alone is the
//! reader's: 0 power off, 1 power on, 2 reset, none of them answered; 4 asks for the ATR, about
//! twice a second. Everything else is an APDU.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::token::{Answer, SharedToken, Token};

/// What a YubiKey 5 says when it gets power: T=1, and "YubiKey" among the historical bytes
/// (ISO/IEC 7816-3 section 8.2).
const ATR: &[u8] = b"\x3b\xfd\x13\x00\x00\x81\x31\xfe\x15\x80\x73\xc0\x21\xc0\x57YubiKey\x40";

/// pcscd looks for a card every 400 ms. If one goes and another comes between two looks, it never
/// learns that the first went.
const UNTIL_MISSED: Duration = Duration::from_millis(900);
/// A card is seen at the second look; the rest is for busy machines.
const UNTIL_SEEN: Duration = Duration::from_secs(20);

/// One reader of a [`crate::Pcscd`], with at most one token in it.
pub struct Reader {
    port: u16,
    inserted: Option<Inserted>,
}

struct Inserted {
    stream: TcpStream,
    /// When the token went, by hand or by a fault.
    gone: Arc<Mutex<Option<Instant>>>,
}

impl Reader {
    /// The reader whose port this is.
    pub fn at(port: u16) -> Self {
        Self {
            port,
            inserted: None,
        }
    }

    /// Puts a token in, and waits until pcscd has seen it.
    pub fn insert(&mut self, token: &SharedToken) -> Result<(), ReaderError> {
        self.insert_and(token.clone(), |_| Ok(()))
    }

    /// Puts in the token that was saved in `file`, and saves it again whenever it changes.
    pub fn insert_saved(&mut self, file: &Path) -> Result<SharedToken, ReaderError> {
        let unreadable = |source| ReaderError::File(file.to_owned(), source);
        let mut saved = std::fs::read_to_string(file).map_err(unreadable)?;
        let token = Token::from_json(&saved)
            .map_err(|error| unreadable(error.into()))?
            .shared();
        let kept = file.to_owned();
        self.insert_and(token.clone(), move |token| {
            let now = token.to_json();
            if now != saved {
                // Never half a token: a test may be killed at any time.
                let new = kept.with_extension("new");
                std::fs::write(&new, &now)?;
                std::fs::rename(new, &kept)?;
                saved = now;
            }
            Ok(())
        })?;
        Ok(token)
    }

    fn insert_and(
        &mut self,
        token: SharedToken,
        served: impl FnMut(&Token) -> io::Result<()> + Send + 'static,
    ) -> Result<(), ReaderError> {
        if let Some(before) = &self.inserted {
            let gone = *before.gone.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = gone.ok_or(ReaderError::Occupied)?;
            thread::sleep(UNTIL_MISSED.saturating_sub(gone.elapsed()));
        }
        let stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(ReaderError::Wire)?;
        let gone = Arc::new(Mutex::new(None));
        let left = Left {
            wire: stream.try_clone().map_err(ReaderError::Wire)?,
            gone: Arc::clone(&gone),
        };
        self.inserted = Some(Inserted { stream, gone });
        let (seen, first_look) = mpsc::channel();
        thread::spawn(move || {
            // Either way the token is gone: a connection that fails is a token that was pulled.
            let _ = serve(&left.wire, &token, served, &seen);
        });
        first_look
            .recv_timeout(UNTIL_SEEN)
            .map_err(|_| ReaderError::NotSeen)
    }

    /// Pulls the token out. pcscd notices within half a second, or at the next command.
    pub fn remove(&mut self) {
        if let Some(Inserted { stream, gone }) = &self.inserted {
            // It may have been closed from the other end.
            let _ = stream.shutdown(Shutdown::Both);
            gone.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(Instant::now);
        }
    }

    /// Another token in the same reader.
    pub fn swap(&mut self, token: &SharedToken) -> Result<(), ReaderError> {
        self.remove();
        self.insert(token)
    }
}

/// The token's end of the wire. Dropped however serving ends, a panic included.
struct Left {
    wire: TcpStream,
    gone: Arc<Mutex<Option<Instant>>>,
}

impl Drop for Left {
    fn drop(&mut self) {
        // Said before the other end can notice: whoever notices may put one in again.
        self.gone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(Instant::now);
        // It may have been closed from the other end.
        let _ = self.wire.shutdown(Shutdown::Both);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.remove();
    }
}

fn serve(
    mut wire: &TcpStream,
    token: &SharedToken,
    mut served: impl FnMut(&Token) -> io::Result<()>,
    seen: &mpsc::Sender<()>,
) -> io::Result<()> {
    token.lock().power_cycle();
    wire.set_nodelay(true)?;
    loop {
        // vpcd sends length and body apart: unless the first is acknowledged at once, the second
        // waits 40 ms for that. The kernel forgets the setting, so it is made anew each time.
        rustix::net::sockopt::set_tcp_quickack(wire, true)?;
        let mut length = [0; 2];
        wire.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        wire.read_exact(&mut message)?;
        let bytes = match message[..] {
            [] | [0..=2] => {
                token.lock().power_cycle();
                continue;
            }
            [_] => ATR.to_vec(),
            _ => {
                let mut held = token.lock();
                let answer = held.transmit(&message);
                served(&held)?;
                drop(held);
                let Answer::Reply { bytes, after } = answer else {
                    return Ok(());
                };
                thread::sleep(after);
                bytes
            }
        };
        let length = u16::try_from(bytes.len()).expect("an answer is at most 64 KiB less one");
        wire.write_all(&[&length.to_be_bytes(), &bytes[..]].concat())?;
        // Whoever put the token in may no longer be waiting.
        let _ = seen.send(());
    }
}

/// Why a token could not be put in.
#[derive(Debug)]
pub enum ReaderError {
    /// There is one in the reader.
    Occupied,
    Wire(io::Error),
    /// pcscd did not look at it.
    NotSeen,
    File(PathBuf, io::Error),
}

impl fmt::Display for ReaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied => write!(f, "there is a token in this reader; remove it first"),
            Self::Wire(_) => write!(f, "pcscd's virtual reader can't be reached"),
            Self::NotSeen => write!(f, "pcscd did not notice the token"),
            Self::File(file, _) => write!(f, "the token saved in {} can't be used", file.display()),
        }
    }
}

impl std::error::Error for ReaderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Wire(source) | Self::File(_, source) => Some(source),
            Self::Occupied | Self::NotSeen => None,
        }
    }
}
