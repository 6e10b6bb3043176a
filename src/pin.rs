//! The pin: what a verifier keeps of a call that confirmed a key. `ceremony seal` encrypts to
//! nothing else.
//!
//! ```text
//! ceremony pin 1
//! id: 2026-01-02-backup-key-0A1B2C3D
//! fingerprint: <40 or 64 hex digits>
//! certificate: <SHA-256 of the file below, as it was delivered>
//! head: <20 hex digits: the ten words that were heard>
//! record: last
//! time: 2026-01-02T16:04:05Z
//! nonce: topmost-istanbul-pluto-vagabond
//! canaries: 3-snapline.11-bravado.17-music
//! room: the four result words that the room read
//! verifier: the four result words that the verifier read
//!
//! -----BEGIN PGP PUBLIC KEY BLOCK-----
//! ...
//! ```
//!
//! ASCII, LF, fields in this order. `record` says where the head stood in the record that was
//! delivered: `last`, `unknown` (it went on since), or `none` (there was no record). A pin guards
//! against mistakes and damage, not against somebody who can write to the machine that it is on:
//! whoever can exchange the pin can exchange the program, too.

use std::fmt;

use crate::digest::{Digest, Fingerprint};
use crate::error::{Exit, Explain};
use crate::id;
use crate::openpgp::{Certificate, OpenPgpError};
use crate::phone::canary::{self, Canary};
use crate::phone::result::{self, Said};
use crate::phone::{Facts, HEAD_WORDS};
use crate::record::time::{self, UnixTime};
use crate::sheet;

/// The first line.
const TITLE: &str = "ceremony pin 1";

/// The largest pin that is read, in bytes: the largest certificate, and the fields.
const MAX_PIN: usize = (1 << 20) + 4096;

/// Where the head that was heard stood in the record that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was its last head.
    Last,
    /// It was not in it: the record went on after it was copied.
    Unknown,
    /// No record was delivered.
    None,
}

impl Delivered {
    const ALL: [(Delivered, &'static str); 3] = [
        (Delivered::Last, "last"),
        (Delivered::Unknown, "unknown"),
        (Delivered::None, "none"),
    ];

    /// The word in the pin.
    pub fn word(self) -> &'static str {
        match self {
            Delivered::Last => "last",
            Delivered::Unknown => "unknown",
            Delivered::None => "none",
        }
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The ceremony's id.
    pub id: String,
    /// The primary key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The certificate's file as it was delivered, armored.
    pub certificate: Vec<u8>,
    /// The first ten bytes of the head that was heard.
    pub head: [u8; HEAD_WORDS],
    /// Where that head stood in the record that was delivered.
    pub delivered: Delivered,
    /// When the call confirmed the key, by the verifier's clock.
    pub time: UnixTime,
    /// The verifier's nonce.
    pub nonce: [u8; 4],
    /// The canaries.
    pub canaries: Vec<Canary>,
}

impl Pin {
    /// Whether the key is a rehearsal's, for practice only.
    pub fn is_rehearsal(&self) -> bool {
        id::is_rehearsal(&self.id)
    }

    /// What the call's result is over.
    pub fn said(&self) -> Said {
        Said {
            id: self.id.clone(),
            certificate: Digest::of(&self.certificate),
            nonce: self.nonce,
            canaries: self.canaries.clone(),
            head: self.head,
        }
    }

    /// The file's bytes.
    pub fn render(&self) -> Vec<u8> {
        let said = self.said();
        let [room, verifier] = said.halves().map(|half| half.join("-"));
        let mut out = format!(
            "{TITLE}\nid: {}\nfingerprint: {}\ncertificate: {}\nhead: {}\nrecord: {}\ntime: {}\n\
             nonce: {}\ncanaries: {}\nroom: {room}\nverifier: {verifier}\n\n",
            self.id,
            self.fingerprint,
            said.certificate,
            data_encoding::HEXLOWER.encode(&self.head),
            self.delivered.word(),
            time::format(self.time),
            result::write_nonce(&self.nonce),
            canary::write(&self.canaries),
        )
        .into_bytes();
        out.extend(&self.certificate);
        out
    }

    /// Reads a pin, and checks all that follows from something else in it.
    ///
    /// # Errors
    /// See [`PinError`].
    pub fn parse(bytes: &[u8]) -> Result<Pin, PinError> {
        if bytes.len() > MAX_PIN || !bytes.starts_with(TITLE.as_bytes()) {
            return Err(PinError::NotAPin);
        }
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (fields, certificate) = bytes.split_at(end.ok_or(PinError::Damaged)? + 2);
        let pin = read(fields, certificate).ok_or(PinError::Damaged)?;
        // Byte for byte: hashes and result words must be those that follow from the rest.
        if pin.render() != bytes {
            return Err(PinError::Damaged);
        }
        let certificate = Certificate::from_armored(&pin.certificate)?;
        if certificate.fingerprint() != pin.fingerprint {
            return Err(PinError::OtherKey);
        }
        Ok(pin)
    }

    /// The facts of the call that made this pin.
    pub fn facts(&self) -> Facts {
        Facts {
            id: self.id.clone(),
            sheet_code: sheet::sheet_code(&self.id, &self.certificate),
            fingerprint: self.fingerprint.bytes().to_vec(),
            certificate: Digest::of(&self.certificate),
        }
    }
}

/// The fields as they stand; whether they belong together is checked after.
fn read(fields: &[u8], certificate: &[u8]) -> Option<Pin> {
    let mut lines = std::str::from_utf8(fields).ok()?.lines().skip(1);
    let mut field = |label: &str| lines.next()?.strip_prefix(label)?.strip_prefix(": ");
    let id = field("id")?.to_string();
    let fingerprint = Fingerprint::parse(field("fingerprint")?)?;
    field("certificate")?;
    let head = data_encoding::HEXLOWER
        .decode(field("head")?.as_bytes())
        .ok()?;
    let record = field("record")?;
    let delivered = Delivered::ALL
        .into_iter()
        .find(|(_, word)| *word == record)?
        .0;
    let time = time::parse(field("time")?)?;
    let nonce = result::read_nonce(field("nonce")?)?;
    let canaries = canary::read(field("canaries")?, fingerprint.bytes().len())?;
    Some(Pin {
        id,
        fingerprint,
        certificate: certificate.to_vec(),
        head: head.try_into().ok()?,
        delivered,
        time,
        nonce,
        canaries,
    })
}

/// Why a pin is not taken.
#[derive(Debug)]
pub enum PinError {
    /// It does not begin as one.
    NotAPin,
    /// Something in it was changed, is missing, or does not follow from the rest.
    Damaged,
    /// The certificate in it cannot be read.
    Certificate(OpenPgpError),
    /// The certificate in it has another fingerprint than was confirmed.
    OtherKey,
}

impl From<OpenPgpError> for PinError {
    fn from(error: OpenPgpError) -> Self {
        PinError::Certificate(error)
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinError::NotAPin => "this is not a pin file",
            PinError::Damaged => "the pin file was changed or is not complete",
            PinError::Certificate(_) => "the certificate in the pin file cannot be used",
            PinError::OtherKey => "the certificate in the pin file is another key's",
        })
    }
}

impl std::error::Error for PinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PinError::Certificate(error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for PinError {
    fn remedy(&self) -> String {
        match self {
            PinError::NotAPin => {
                "Name the file that `ceremony confirm` wrote at the end of the call: <id>.pin."
            }
            _ => {
                "Do not use it. Fetch it anew from where the verifier keeps it, or have the key \
                 confirmed in another call."
            }
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }
}
