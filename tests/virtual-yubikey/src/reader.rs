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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::saved::Saved;
use crate::states::{Name, States};
use crate::token::{Answer, SharedToken, Token};

/// What a YubiKey 5 says when it gets power: T=1, and "YubiKey" among the historical bytes
/// (ISO/IEC 7816-3 section 8.2).
pub(crate) const ATR: &[u8] =
    b"\x3b\xfd\x13\x00\x00\x81\x31\xfe\x15\x80\x73\xc0\x21\xc0\x57YubiKey\x40";

/// pcscd looks for a card every 400 ms; the rest is for busy machines.
const UNTIL_NOTICED: Duration = Duration::from_secs(20);

/// One reader of a [`crate::Pcscd`], with at most one token in it.
pub struct Reader {
    port: u16,
    name: Name,
    /// Where pcscd's clients find it.
    service: PathBuf,
    inserted: Option<Inserted>,
}

struct Inserted {
    stream: TcpStream,
    /// The token went, by hand or by a fault.
    gone: Arc<AtomicBool>,
}

impl Reader {
    pub(crate) fn new(port: u16, name: Name, service: PathBuf) -> Self {
        Self {
            port,
            name,
            service,
            inserted: None,
        }
    }

    /// Puts a token in, and waits until pcscd's clients can use it.
    pub fn insert(&mut self, token: &SharedToken) -> Result<(), ReaderError> {
        self.insert_and(token.clone(), |_| Ok(()))
    }

    /// Puts in the token that was saved in `file`, and saves it again whenever it changes.
    pub fn insert_saved(&mut self, file: &Path) -> Result<SharedToken, ReaderError> {
        let (token, mut saved) =
            Saved::open(file).map_err(|source| ReaderError::File(file.to_owned(), source))?;
        self.insert_and(token.clone(), move |token| saved.keep(token))?;
        Ok(token)
    }

    fn insert_and(
        &mut self,
        token: SharedToken,
        served: impl FnMut(&Token) -> io::Result<()> + Send + 'static,
    ) -> Result<(), ReaderError> {
        if !self.is_empty() {
            return Err(ReaderError::Occupied);
        }
        // If one went and another came between two looks, pcscd would take both for one.
        let mut service = self.service()?;
        let empty = service
            .wait_for(&self.name, UNTIL_NOTICED, |now| now.empty)
            .map_err(ReaderError::Service)?
            .ok_or(ReaderError::Occupied)?;
        let stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(ReaderError::Wire)?;
        let gone = Arc::new(AtomicBool::new(false));
        let left = Left {
            wire: stream.try_clone().map_err(ReaderError::Wire)?,
            gone: Arc::clone(&gone),
        };
        self.inserted = Some(Inserted { stream, gone });
        thread::spawn(move || {
            // Either way the token is gone: a connection that fails is a token that was pulled.
            let _ = serve(&left.wire, &token, served);
        });
        // An answer to pcscd is not enough: it tells its clients only after giving the token
        // power. A token that a fault has pulled again was seen, too.
        service
            .wait_for(&self.name, UNTIL_NOTICED, |now| now.events != empty.events)
            .map_err(ReaderError::Service)?
            .ok_or(ReaderError::NotSeen)?;
        Ok(())
    }

    /// Whether no token is in it, whatever pcscd has noticed.
    pub fn is_empty(&self) -> bool {
        let there = |one: &Inserted| !one.gone.load(Ordering::SeqCst);
        !self.inserted.as_ref().is_some_and(there)
    }

    /// Pulls the token out. pcscd notices within half a second, or at the next command.
    pub fn remove(&mut self) {
        if let Some(Inserted { stream, gone }) = &self.inserted {
            // It may have been closed from the other end.
            let _ = stream.shutdown(Shutdown::Both);
            gone.store(true, Ordering::SeqCst);
        }
    }

    /// Pulls the token out, and waits until pcscd's clients know.
    pub fn remove_and_wait(&mut self) -> Result<(), ReaderError> {
        self.remove();
        self.service()?
            .wait_for(&self.name, UNTIL_NOTICED, |now| now.empty)
            .map_err(ReaderError::Service)?
            .ok_or(ReaderError::NotMissed)?;
        Ok(())
    }

    fn service(&self) -> Result<States, ReaderError> {
        States::connect(&self.service, UNTIL_NOTICED).map_err(ReaderError::Service)
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
    gone: Arc<AtomicBool>,
}

impl Drop for Left {
    fn drop(&mut self) {
        // Said before the other end can notice: whoever notices may put one in again.
        self.gone.store(true, Ordering::SeqCst);
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
    }
}

/// Why a token could not be put in.
#[derive(Debug)]
pub enum ReaderError {
    /// There is one in the reader.
    Occupied,
    Wire(io::Error),
    /// pcscd does not say how its readers are.
    Service(io::Error),
    /// pcscd did not look at it.
    NotSeen,
    /// pcscd still shows it.
    NotMissed,
    File(PathBuf, io::Error),
}

impl fmt::Display for ReaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied => write!(f, "there is a token in this reader; remove it first"),
            Self::Wire(_) => write!(f, "pcscd's virtual reader can't be reached"),
            Self::Service(_) => write!(f, "pcscd does not say how its readers are"),
            Self::NotSeen => write!(f, "pcscd did not notice the token"),
            Self::NotMissed => write!(f, "pcscd did not notice that the token went"),
            Self::File(file, _) => write!(f, "the token saved in {} can't be used", file.display()),
        }
    }
}

impl std::error::Error for ReaderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Wire(source) | Self::Service(source) | Self::File(_, source) => Some(source),
            Self::Occupied | Self::NotSeen | Self::NotMissed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;
    use crate::token::Version;

    /// pcscd asks for the ATR long before its clients see the token, if the machine is busy.
    #[test]
    fn a_token_is_in_the_reader_when_clients_see_it_and_not_when_pcscd_does() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let (clients, cards) = (
            UnixListener::bind(&socket).unwrap(),
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
        );
        let port = cards.local_addr().unwrap().port();
        let service = thread::spawn(move || {
            let (mut client, _) = clients.accept().unwrap();
            // Events and state. Empty, but pcscd has not yet looked; empty.
            answer(&mut client, 1, 2);
            answer(&mut client, 2, 2);
            let (mut card, _) = cards.accept().unwrap();
            card.write_all(&[0, 1, 4]).unwrap();
            let mut atr = vec![0; 2 + ATR.len()];
            card.read_exact(&mut atr).unwrap();
            assert_eq!(atr[2..], *ATR);
            // Seen by pcscd; not yet told, twice; being told; told.
            answer(&mut client, 2, 2);
            answer(&mut client, 2, 2);
            answer(&mut client, 2, 0x34);
            answer(&mut client, 3, 0x34);
            // Whoever asks once more, is not yet content.
            client.read(&mut [0; 8]).unwrap()
        });
        let name = Name {
            driver: "Virtual reader",
            slot: 1,
        };
        let mut reader = Reader::new(port, name, socket);
        let token = Token::with_own_root(1001, Version::V5_7).shared();
        reader.insert(&token).unwrap();
        assert_eq!(service.join().unwrap(), 0);
    }

    fn answer(client: &mut UnixStream, events: u32, state: u32) {
        let mut question = [0; 8];
        client.read_exact(&mut question).unwrap();
        let mut entries = vec![0; 16 * 184];
        for (place, name) in ["Virtual reader 00 00", "Virtual reader 00 01"]
            .iter()
            .enumerate()
        {
            let entry = &mut entries[place * 184..];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            if place == 1 {
                entry[128..132].copy_from_slice(&events.to_ne_bytes());
                entry[132..136].copy_from_slice(&state.to_ne_bytes());
            }
        }
        client.write_all(&entries).unwrap();
    }
}
