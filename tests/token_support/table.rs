//! A table with readers on it, and the drawer of tokens beside it: what a test needs that runs the
//! program as a child (in a pty, say) while it puts tokens in and takes them out.
//!
//! ```ignore
//! let mut table = Table::new();
//! let alice = table.token(ALICE, Version::V5_7);
//! table.readers[0].insert(&alice).unwrap();
//! Command::new(env!("CARGO_BIN_EXE_ceremony")).envs(table.environment());
//! table.readers[0].remove_and_wait().unwrap();
//! ```
//!
//! A token is touched at once; `alice.lock().set_touch(..)` is another finger. One that the
//! program has (or has had) in its hand is locked only for the time of one command.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use ceremony::openpgp::{EcdsaSignature, TokenCertificate, TokenKeys};
use tempfile::TempDir;
use virtual_yubikey::{Algorithm, Answer, Authority, Pcscd, Reader, SharedToken, Token, Version};

/// Readers with a pcscd of their own, and one root for all tokens.
pub struct Table {
    /// Empty while there is no pcscd.
    pub readers: Vec<Reader>,
    service: Option<Pcscd>,
    root: Authority,
    directory: TempDir,
}

impl Table {
    /// Two readers, empty.
    pub fn new() -> Table {
        let mut table = Table::without_pcscd();
        table.start_pcscd();
        table
    }

    /// Four readers, empty.
    pub fn with_four_readers() -> Table {
        let mut table = Table::without_pcscd();
        let service = Pcscd::start_with_four_at(&table.socket());
        table.takes(service.unwrap_or_else(|error| panic!("{error}: {error:?}")));
        table
    }

    /// No service: what [`Table::environment`] names is not there yet.
    pub fn without_pcscd() -> Table {
        let directory = tempfile::Builder::new().prefix("t-").tempdir().unwrap();
        let root = Authority::root("Virtual root", Algorithm::P384);
        std::fs::write(directory.path().join("root.der"), root.certificate()).unwrap();
        Table {
            readers: Vec::new(),
            service: None,
            root,
            directory,
        }
    }

    /// The service comes, with two empty readers.
    pub fn start_pcscd(&mut self) {
        let service = Pcscd::start_at(&self.socket());
        self.takes(service.unwrap_or_else(|error| panic!("{error}: {error:?}")));
    }

    fn takes(&mut self, service: Pcscd) {
        self.readers = service.all_readers();
        self.service = Some(service);
    }

    /// The service goes, and the readers with it.
    pub fn stop_pcscd(&mut self) {
        self.readers.clear();
        self.service = None;
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// What a child needs to find these readers, and to believe in these tokens.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.into_os_string().into_string().unwrap();
        vec![
            ("PCSCLITE_CSOCK_NAME", text(self.socket())),
            (
                "CEREMONY_TEST_ONLY_ROOT",
                text(self.directory.path().join("root.der")),
            ),
        ]
    }

    /// A token as it is sold, in nobody's reader.
    pub fn token(&self, serial: u32, version: Version) -> SharedToken {
        Token::new(serial, version, &self.root).shared()
    }
}

/// Sets up a token as enrolment would, without pcscd and at once: the PIN and PUK given, a
/// management key of its own, keys in both slots that were made at `created`.
pub fn set_up(token: &SharedToken, pin: &str, puk: &str, created: u64) -> TokenKeys {
    let [signing, decryption] = token.lock().set_up(pin, puk);
    TokenKeys {
        signing,
        decryption,
        created,
    }
}

/// The certificate of a token that was set up with this PIN, without pcscd as well.
pub fn certificate(
    token: &SharedToken,
    pin: &str,
    keys: &TokenKeys,
    user_id: &str,
) -> TokenCertificate {
    TokenCertificate::make(keys.clone(), user_id, &mut |digest| {
        Ok::<_, std::convert::Infallible>(sign(&mut token.lock(), pin, digest))
    })
    .unwrap()
}

/// SELECT, VERIFY and GENERAL AUTHENTICATE (NIST SP 800-73-4, part 2, sections 3.1.1, 3.2.1 and
/// 3.2.4).
fn sign(token: &mut Token, pin: &str, digest: &[u8; 32]) -> EcdsaSignature {
    transmit(token, &[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]);
    let mut padded = pin.as_bytes().to_vec();
    padded.resize(8, 0xff);
    transmit(token, &[&[0, 0x20, 0, 0x80, 8][..], &padded].concat());
    let request = [0, 0x87, 0x11, 0x9c, 38, 0x7c, 36, 0x82, 0, 0x81, 32];
    let answer = transmit(token, &[&request[..], digest].concat());
    token.power_cycle();
    // 7C, 82, and two whole numbers in a sequence; each with its length in one byte.
    let [0x7c, _, 0x82, _, 0x30, _, 0x02, length, numbers @ ..] = &answer[..] else {
        panic!("no signature: {answer:02x?}");
    };
    let (r, rest) = numbers.split_at(usize::from(*length));
    let [0x02, _, s @ ..] = rest else {
        panic!("half a signature: {answer:02x?}");
    };
    let shortest = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
    EcdsaSignature {
        r: shortest(r),
        s: shortest(s),
    }
}

fn transmit(token: &mut Token, apdu: &[u8]) -> Vec<u8> {
    let Answer::Reply { mut bytes, .. } = token.transmit(apdu) else {
        panic!("no fault was planned");
    };
    let status = bytes.split_off(bytes.len() - 2);
    assert_eq!(status, [0x90, 0], "the answer to {:02x?}", &apdu[..4]);
    bytes
}
