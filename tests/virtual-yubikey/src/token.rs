//! The device: what it keeps, what it forgets without power, and how commands reach its
//! applications.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::apdu::{Command, Link, Outcome, Status};
use crate::attestation::Authority;
use crate::fault::{Fault, Faults};
use crate::keys::{Algorithm, Key, Origin, PrivateKey};
use crate::piv::ATTESTATION_CERTIFICATE;
use crate::secrets::{ManagementKey, Reference, random};
use crate::tlv::{decode, encode, nest};
use crate::touch::Touch;

/// Firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u8, pub u8, pub u8);

impl Version {
    /// Management key: triple DES.
    pub const V5_4: Self = Self(5, 4, 3);
    /// Management key: AES-192. More algorithms; keys can be moved and deleted.
    pub const V5_7: Self = Self(5, 7, 4);
}

/// What is kept without power. This is what a saved token consists of.
#[derive(Serialize, Deserialize)]
pub(crate) struct Memory {
    pub serial: u32,
    pub version: Version,
    /// 1: USB-A keychain (Yubico, "PIV Attestation OID Arc").
    pub form_factor: u8,
    pub pin: Reference,
    pub puk: Reference,
    pub management: ManagementKey,
    pub keys: BTreeMap<u8, Key>,
    pub objects: BTreeMap<u32, Object>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Object(#[serde(with = "crate::keys::hex")] pub Vec<u8>);

/// What lasts until the power goes or an application is selected.
#[derive(Default)]
pub(crate) struct Session {
    pub application: Option<Application>,
    /// The PIN was given.
    pub pin: bool,
    /// The PIN was given by the last command.
    pub pin_just_given: bool,
    /// The management key was shown.
    pub administrator: bool,
    pub challenge: Option<Challenge>,
    pub touched: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Application {
    Piv,
    Management,
}

/// What the token waits for while a management key is shown.
pub(crate) enum Challenge {
    /// It sent this, encrypted; the host must send it back decrypted.
    Witness(Vec<u8>),
    /// It sent this; the host must send it back encrypted.
    Plain(Vec<u8>),
}

/// What an APDU led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// These bytes, after that much time: the token waited for a finger.
    Reply { bytes: Vec<u8>, after: Duration },
    /// Nothing: the token is no longer there.
    Gone,
}

/// An APDU that was served, without its data: a PIN may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub instruction: u8,
    pub p1: u8,
    pub p2: u8,
    /// Bytes that came, the four of the header not counted.
    pub length: usize,
    pub status: Status,
}

/// A token that a test and a reader both hold.
#[derive(Clone)]
pub struct SharedToken(Arc<Mutex<Token>>);

impl SharedToken {
    pub fn lock(&self) -> MutexGuard<'_, Token> {
        // A test that panicked with the token in its hand has failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One virtual YubiKey.
pub struct Token {
    pub(crate) memory: Memory,
    pub(crate) session: Session,
    pub(crate) touch: Touch,
    /// How long the command at hand has waited for a finger.
    pub(crate) waited: Duration,
    link: Link,
    faults: Faults,
    log: Vec<Exchange>,
}

impl Token {
    /// As it leaves the factory, with an attestation key that `authority` vouches for.
    pub fn new(serial: u32, version: Version, authority: &Authority) -> Self {
        let private = PrivateKey::generate(authority.algorithm());
        let certificate = authority.vouch_for("Virtual PIV Attestation", &private);
        let attesting = Key::new(0xf9, private, Origin::Imported, &[])
            .expect("the default policies of a slot are policies");
        Self::from(Memory {
            serial,
            version,
            form_factor: 1,
            pin: Reference::new(Reference::DEFAULT_PIN, Reference::DEFAULT_LIMIT),
            puk: Reference::new(Reference::DEFAULT_PUK, Reference::DEFAULT_LIMIT),
            management: ManagementKey::factory(version),
            keys: BTreeMap::from([(0xf9, attesting)]),
            objects: BTreeMap::from([(ATTESTATION_CERTIFICATE, Object::certificate(&certificate))]),
        })
    }

    /// A token with a root of its own that nobody else knows.
    pub fn with_own_root(serial: u32, version: Version) -> Self {
        Self::new(
            serial,
            version,
            &Authority::root("Virtual PIV Root", Algorithm::P256),
        )
    }

    pub fn shared(self) -> SharedToken {
        SharedToken(Arc::new(Mutex::new(self)))
    }

    pub fn serial(&self) -> u32 {
        self.memory.serial
    }

    pub fn version(&self) -> Version {
        self.memory.version
    }

    /// From now on, the finger does this.
    pub fn set_touch(&mut self, touch: Touch) {
        self.touch = touch;
    }

    /// `fault` happens to the APDU that comes after so many others.
    pub fn fault_after(&mut self, apdus: u64, fault: Fault) {
        self.faults.after(apdus, fault);
    }

    /// `fault` happens to the next command with this instruction byte.
    pub fn fault_on(&mut self, instruction: u8, fault: Fault) {
        self.faults.on(instruction, fault);
    }

    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The APDUs served so far.
    pub fn log(&self) -> &[Exchange] {
        &self.log
    }

    /// PIN tries and PUK tries left.
    pub fn tries_left(&self) -> (u8, u8) {
        (self.memory.pin.left, self.memory.puk.left)
    }

    /// The token as text, its keys in the clear.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.memory).expect("all of a token can be written as text")
    }

    /// A token that was saved; it has no power yet.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(|memory: Memory| Self::from(memory))
    }

    /// Power goes, and comes back: what was shown and verified is forgotten.
    pub fn power_cycle(&mut self) {
        self.session = Session::default();
        self.link = Link::default();
    }

    /// One APDU.
    pub fn transmit(&mut self, apdu: &[u8]) -> Answer {
        let fault = self.faults.next(apdu.get(1).copied());
        self.waited = Duration::ZERO;
        let mut bytes = match fault {
            Some(Fault::Pull) => {
                self.power_cycle();
                return Answer::Gone;
            }
            Some(Fault::Status(status)) => status.to_be_bytes().to_vec(),
            _ => {
                let (mut data, status) = self.serve(apdu);
                data.extend(status.0.to_be_bytes());
                data
            }
        };
        self.write_down(apdu, &bytes);
        match fault {
            Some(Fault::PullAfter) => {
                self.power_cycle();
                return Answer::Gone;
            }
            Some(Fault::Garbage(length)) => bytes = random(usize::from(length)),
            Some(Fault::Delay(delay)) => self.waited += delay,
            _ => {}
        }
        Answer::Reply {
            bytes,
            after: self.waited,
        }
    }

    /// The layers below an application: the APDU's form, chains, portions.
    fn serve(&mut self, apdu: &[u8]) -> (Vec<u8>, Status) {
        const GET_RESPONSE: u8 = 0xc0;
        let command = match Command::parse(apdu) {
            Ok(command) => command,
            Err(status) => return (Vec::new(), status),
        };
        if command.ins == GET_RESPONSE {
            let rest = self.link.rest();
            return self.link.answer(rest, command.expected);
        }
        let outcome = match self.link.receive(&command) {
            Ok(Some(data)) => self.dispatch(&Command {
                data: &data,
                ..command
            }),
            Ok(None) => Ok(Vec::new()),
            Err(status) => Err(status),
        };
        self.link.answer(outcome, command.expected)
    }

    fn dispatch(&mut self, command: &Command) -> Outcome {
        const SELECT: u8 = 0xa4;
        match self.session.application {
            _ if command.ins == SELECT => self.select(command),
            Some(Application::Piv) => self.piv(command),
            Some(Application::Management) => self.management(command),
            None => Err(Status::UNKNOWN_COMMAND),
        }
    }

    /// SELECT by name, or by the beginning of one: SP 800-73-4 part 2, section 3.1.1.
    fn select(&mut self, command: &Command) -> Outcome {
        /// Of 11 bytes the first five are NIST's, the last two the version.
        const PIV: [u8; 11] = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
        const MANAGEMENT: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];
        const SHORTEST: usize = 5;
        let named = |name: &[u8]| command.data.len() >= SHORTEST && name.starts_with(command.data);
        if command.p1 != 0x04 {
            return Err(Status::WRONG_PARAMETERS);
        }
        if named(&PIV) {
            self.session = Session {
                application: Some(Application::Piv),
                ..Session::default()
            };
            let authority = encode(0x79, &encode(0x4f, &PIV[..5]));
            return Ok(nest(0x61, &[encode(0x4f, &PIV[5..]), authority]));
        }
        if named(&MANAGEMENT) {
            self.session = Session {
                application: Some(Application::Management),
                ..Session::default()
            };
            let Version(major, minor, patch) = self.memory.version;
            return Ok(format!("Virtual mgr - FW version {major}.{minor}.{patch}").into_bytes());
        }
        // What was selected stays selected.
        Err(Status::NOT_FOUND)
    }

    /// READ CONFIG of Yubico's management application; a host asks it what it has before it.
    fn management(&self, command: &Command) -> Outcome {
        const READ_CONFIG: u8 = 0x1d;
        if command.ins != READ_CONFIG {
            return Err(Status::UNKNOWN_COMMAND);
        }
        let Memory {
            serial,
            version,
            form_factor,
            ..
        } = &self.memory;
        let only_piv = [0x10];
        let fields = [
            encode(0x01, &only_piv), // supported by USB
            encode(0x02, &serial.to_be_bytes()),
            encode(0x03, &only_piv), // switched on
            encode(0x04, &[*form_factor]),
            encode(0x05, &[version.0, version.1, version.2]),
        ]
        .concat();
        let length = u8::try_from(fields.len()).expect("five short fields");
        Ok([vec![length], fields].concat())
    }

    fn write_down(&mut self, apdu: &[u8], answer: &[u8]) {
        let byte = |place: usize| apdu.get(place).copied().unwrap_or(0);
        let status = answer
            .last_chunk()
            .map_or(0, |status| u16::from_be_bytes(*status));
        self.log.push(Exchange {
            instruction: byte(1),
            p1: byte(2),
            p2: byte(3),
            length: apdu.len().saturating_sub(4),
            status: Status(status),
        });
    }
}

impl From<Memory> for Token {
    fn from(memory: Memory) -> Self {
        Self {
            memory,
            session: Session::default(),
            touch: Touch::ALWAYS,
            waited: Duration::ZERO,
            link: Link::default(),
            faults: Faults::default(),
            log: Vec::new(),
        }
    }
}

/// Serial and firmware: what is printed on a token or told to anyone.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Memory {
            serial, version, ..
        } = &self.memory;
        f.debug_struct("Token")
            .field("serial", serial)
            .field("version", version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SharedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever writes it down may hold it already.
        match self.0.try_lock() {
            Ok(token) => token.fmt(f),
            Err(_) => f.write_str("Token (in use)"),
        }
    }
}

impl Object {
    /// A certificate's container: SP 800-73-4 part 1, table 10. 71 says "not compressed".
    pub fn certificate(der: &[u8]) -> Self {
        Self([encode(0x70, der), encode(0x71, &[0]), encode(0xfe, &[])].concat())
    }

    /// The certificate in a container.
    pub fn as_certificate(&self) -> Option<&[u8]> {
        crate::tlv::find(&decode(&self.0)?, 0x70)
    }
}
