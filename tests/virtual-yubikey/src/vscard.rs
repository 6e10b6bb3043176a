//! A token on another wire: QEMU's `ccid-card-passthru`, a card in a virtual machine's USB reader.
//!
//! Source: libcacard, `vscard_common.h`. Each message is a type, a reader's number and a length
//! (four bytes each, high one first), and so many bytes. QEMU's reader exchanges T=1 blocks with
//! the machine's driver (`dwFeatures` in QEMU's `dev-smartcard-reader.c`: "TPDU level") and hands
//! them over as they are. It does not say when it takes power from the card.
//!
//! A reader that is unplugged (`device_del`) and plugged in again greets anew on the same wire.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::reader::ATR;
use crate::saved::Saved;
use crate::t1::{Link, Step};
use crate::token::{Answer, SharedToken, Token};

const INIT: u32 = 1;
const ERROR: u32 = 2;
const READER_ADD: u32 = 3;
const READER_REMOVE: u32 = 4;
const ATR_IS: u32 = 5;
const CARD_REMOVE: u32 = 6;
/// "APDU"; here, a T=1 block.
const BLOCK: u32 = 7;

/// QEMU has one reader on each wire; `VSCARD_UNDEFINED_READER_ID` before it is there.
const READER: u32 = 0;
const NO_READER: u32 = 0xffff_ffff;
/// `VSCARD_MAGIC`, version 0.0.2, no capabilities.
const GREETING: &[u8] = b"VSCD\x00\x00\x00\x02\x00\x00\x00\x00";

/// No message of QEMU's is longer: its reader takes 64 KiB from the machine.
const LONGEST: u32 = 0x1_0000;
/// How long QEMU may take to open its socket: between two starts a test may look at much.
const UNTIL_THERE: Duration = Duration::from_secs(600);

/// Connects to a socket (QEMU: `-chardev socket,server=on,wait=off`) and is the token that was
/// saved in `file`, until the other end closes; saves it whenever it changes.
///
/// # Errors
///
/// The file holds no token, nobody listens on the socket, or what comes is not this protocol.
pub fn serve_saved(socket: &Path, file: &Path) -> io::Result<()> {
    let (token, mut saved) = Saved::open(file)?;
    let wire = connect(socket)?;
    match serve(wire, &token, |token| saved.keep(token)) {
        Err(error) if cut(&error) => Ok(()),
        other => other,
    }
}

/// A QEMU that is killed closes in the middle of a message, or before it has read one.
fn cut(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    let kind = error.kind();
    [K::ConnectionReset, K::BrokenPipe, K::UnexpectedEof].contains(&kind)
}

/// Is the token until the other end closes.
///
/// # Errors
///
/// The wire breaks, or what comes is not this protocol.
pub fn serve(
    mut wire: impl Read + Write,
    token: &SharedToken,
    mut served: impl FnMut(&Token) -> io::Result<()>,
) -> io::Result<()> {
    let mut link = Link::default();
    send(&mut wire, INIT, NO_READER, GREETING)?;
    while let Some((kind, body)) = receive(&mut wire)? {
        match kind {
            INIT if body.starts_with(&GREETING[..4]) => {
                token.lock().power_cycle();
                link = Link::default();
                send(&mut wire, READER_ADD, READER, &[])?;
                send(&mut wire, ATR_IS, READER, ATR)?;
            }
            BLOCK => {
                let (step, anew) = link.receive(&body);
                if anew {
                    token.lock().power_cycle();
                }
                let block = match step {
                    Step::Block(block) => block,
                    Step::Apdu(apdu) => {
                        let answer = {
                            let mut held = token.lock();
                            let answer = held.transmit(&apdu);
                            served(&held)?;
                            answer
                        };
                        let Answer::Reply { bytes, after } = answer else {
                            send(&mut wire, CARD_REMOVE, READER, &[])?;
                            continue;
                        };
                        thread::sleep(after);
                        link.answer(&bytes)
                    }
                };
                send(&mut wire, BLOCK, READER, &block)?;
            }
            // How the last message was taken.
            ERROR if body == [0; 4] => {}
            READER_REMOVE => {}
            _ => return Err(unknown(kind)),
        }
    }
    Ok(())
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Err(_) if begun.elapsed() < UNTIL_THERE => thread::sleep(Duration::from_millis(50)),
            other => return other,
        }
    }
}

fn send(wire: &mut impl Write, kind: u32, reader: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).expect("a block or a greeting is short");
    let header = [kind, reader, length].map(u32::to_be_bytes).concat();
    wire.write_all(&[&header, body].concat())
}

/// `None` if the other end has closed, between two messages.
fn receive(wire: &mut impl Read) -> io::Result<Option<(u32, Vec<u8>)>> {
    let mut header = [0; 12];
    if wire.read(&mut header[..1])? == 0 {
        return Ok(None);
    }
    wire.read_exact(&mut header[1..])?;
    let number = |at: usize| {
        let bytes = header[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    let (kind, length) = (number(0), number(8));
    if length > LONGEST {
        return Err(unknown(kind));
    }
    let mut body = vec![0; length as usize];
    wire.read_exact(&mut body)?;
    Ok(Some((kind, body)))
}

fn unknown(kind: u32) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("QEMU sent what a reader does not send (message {kind})"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::fault::Fault;
    use crate::token::Version;

    /// What QEMU says, one after the other, and what it hears.
    struct Wire {
        said: Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Wire {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.said.read(into)
        }
    }

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn message(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, kind, READER, body).unwrap();
        bytes
    }

    fn token() -> SharedToken {
        Token::with_own_root(10_001, Version::V5_7).shared()
    }

    /// What a token answers to all this: types and bodies, and how it ended.
    fn hold(token: &SharedToken, said: Vec<u8>) -> (Vec<(u32, Vec<u8>)>, io::Result<()>) {
        let mut wire = Wire {
            said: Cursor::new(said),
            heard: Vec::new(),
        };
        let ended = serve(&mut wire, token, |_| Ok(()));
        let mut heard = &wire.heard[..];
        let mut messages = Vec::new();
        while let Some(message) = receive(&mut heard).unwrap() {
            messages.push(message);
        }
        assert_eq!(messages.remove(0), (INIT, GREETING.to_vec()));
        (messages, ended)
    }

    #[test]
    fn what_is_not_the_protocol_ends_the_connection() {
        let header = |kind: u32, length: u32| [kind, 0, length].map(u32::to_be_bytes).concat();
        for bad in [
            message(INIT, b"DCSV\x00\x00\x00\x02\x00\x00\x00\x00"),
            message(ERROR, &[0, 0, 0, 1]),
            message(99, &[]),
            header(BLOCK, u32::MAX),
            header(BLOCK, 4),
            header(BLOCK, 4)[..7].to_vec(),
        ] {
            let (_, ended) = hold(&token(), bad.clone());
            assert!(ended.is_err(), "{bad:02x?}");
        }
        let (heard, ended) = hold(&token(), Vec::new());
        assert!(ended.is_ok() && heard.is_empty());
    }

    const SELECT: [u8; 14] = [0, 0, 10, 0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8, 0x00];

    /// The block with its sum.
    fn select() -> Vec<u8> {
        let sum = SELECT[..13].iter().fold(0, |sum, byte| sum ^ byte);
        [&SELECT[..13], &[sum]].concat()
    }

    #[test]
    fn a_token_that_is_pulled_is_a_card_that_goes() {
        let token = token();
        token.lock().fault_on(0xa4, Fault::Pull);
        let (heard, ended) = hold(&token, message(BLOCK, &select()));
        assert!(ended.is_ok());
        assert_eq!(heard, [(CARD_REMOVE, vec![])]);
    }

    #[test]
    fn a_greeting_puts_the_card_in_and_a_block_is_answered() {
        let said = [
            message(INIT, GREETING),
            message(ERROR, &[0; 4]),
            message(BLOCK, &select()),
            message(INIT, GREETING),
        ];
        let (heard, ended) = hold(&token(), said.concat());
        assert!(ended.is_ok());
        let put_in = [(READER_ADD, vec![]), (ATR_IS, ATR.to_vec())];
        assert_eq!(heard[..2], put_in);
        assert_eq!(heard[3..], put_in);
        let (kind, block) = &heard[2];
        assert_eq!((*kind, &block[..2]), (BLOCK, &[0, 0][..]));
        let status = &block[block.len() - 3..block.len() - 1];
        assert_eq!(status, [0x90, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_end_and_never_panic(said in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = hold(&token(), said);
        }

        #[test]
        fn any_messages_end_and_never_panic(
            all in prop::collection::vec(
                (0_u32..12, prop::collection::vec(any::<u8>(), 0..300)), 0..20),
        ) {
            let said: Vec<_> = all.iter().map(|(kind, body)| message(*kind, body)).collect();
            let _ = hold(&token(), said.concat());
        }
    }
}
