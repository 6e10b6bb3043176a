//! What can go wrong between a person, a reader and a YubiKey.

use std::error::Error;
use std::fmt;

use super::{Firmware, Slot};
use crate::error::{Exit, Explain};

/// The library's own error, kept as the source.
pub type Source = Box<dyn Error + Send + Sync + 'static>;

/// Why a token did not do what it was asked.
#[derive(Debug)]
pub enum TokenError {
    /// The system's smart card service does not run.
    NoService(Source),
    /// No YubiKey is plugged in.
    NoToken,
    /// Several are, and it was not said which: these.
    Several(Vec<u32>),
    /// Another YubiKey is plugged in than the one that is wanted.
    WrongToken {
        /// The serial number of the one that is wanted.
        wanted: u32,
        /// Those that are there.
        found: Vec<u32>,
    },
    /// Another program uses it.
    Busy(Source),
    /// It was pulled out, or lost power or contact.
    Pulled(Source),
    /// It did not answer in time.
    TimedOut,
    /// It answered what no YubiKey answers.
    Garbage(Option<Source>),
    /// It refused, and does not say why.
    Refused(Source),
    /// Its firmware is older than this program can work with.
    TooOld {
        /// What it has.
        firmware: Firmware,
        /// What is needed.
        oldest: Firmware,
    },
    /// A PIN or PUK must have 6 to 8 printable ASCII characters.
    Form,
    /// The PIN is wrong; so many tries are left.
    WrongPin(u8),
    /// No tries are left.
    PinBlocked,
    /// The PUK is wrong; so many tries are left.
    WrongPuk(u8),
    /// No tries are left.
    PukBlocked,
    /// Nobody touched it.
    NotTouched,
    /// It has the PIN that it was sold with.
    DefaultPin,
    /// It has the PUK that it was sold with.
    DefaultPuk,
    /// It has the management key that it was sold with.
    DefaultManagementKey,
    /// Its management key is neither the one that it was sold with nor kept in it behind the PIN.
    UnknownManagementKey,
    /// There is a key in the slot.
    SlotInUse(Slot),
    /// There is none.
    SlotEmpty(Slot),
    /// The key was put into the slot from outside, so that nothing can be said of it.
    Imported(Slot),
    /// What was made in the slot is not what was asked for.
    NotAsAsked(Slot),
    /// There is another key in the slot than the certificate's.
    OtherKey(Slot),
    /// The system gave no random numbers.
    Random(std::io::Error),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use TokenError as E;
        match self {
            E::NoService(_) => f.write_str("the smart card service (pcscd) does not run"),
            E::NoToken => f.write_str("no YubiKey is plugged in"),
            E::Several(serials) => {
                write!(f, "several YubiKeys are plugged in: {}", list(serials))
            }
            E::WrongToken { wanted, found } => write!(
                f,
                "YubiKey {wanted} is not plugged in; found instead: {}",
                list(found)
            ),
            E::Busy(_) => f.write_str("another program uses the YubiKey"),
            E::Pulled(_) => f.write_str("the YubiKey was pulled out, or lost contact"),
            E::TimedOut => f.write_str("the YubiKey did not answer in time"),
            E::Garbage(_) => f.write_str("the YubiKey's answer makes no sense"),
            E::Refused(_) => f.write_str("the YubiKey refused"),
            E::TooOld { firmware, oldest } => write!(
                f,
                "the YubiKey has firmware {firmware}; at least {oldest} is needed"
            ),
            E::Form => f.write_str("a PIN or PUK has 6 to 8 characters: letters, digits, signs"),
            E::WrongPin(tries) => write!(f, "that is not the PIN; {}", left(*tries)),
            E::PinBlocked => f.write_str("the PIN is blocked: there were too many wrong tries"),
            E::WrongPuk(tries) => write!(f, "that is not the PUK; {}", left(*tries)),
            E::PukBlocked => f.write_str("the PUK is blocked: there were too many wrong tries"),
            E::NotTouched => f.write_str("the YubiKey was not touched in time"),
            E::DefaultPin => f.write_str("the YubiKey still has the PIN it was sold with"),
            E::DefaultPuk => f.write_str("the YubiKey still has the PUK it was sold with"),
            E::DefaultManagementKey => {
                f.write_str("the YubiKey still has the management key it was sold with")
            }
            E::UnknownManagementKey => {
                f.write_str("the YubiKey's management key was changed by someone else")
            }
            E::SlotInUse(slot) => write!(f, "there is a key in slot {slot} already"),
            E::SlotEmpty(slot) => write!(f, "there is no key in slot {slot}"),
            E::Imported(slot) => {
                write!(f, "the key in slot {slot} was not made inside the YubiKey")
            }
            E::NotAsAsked(slot) => write!(
                f,
                "the key in slot {slot} is not what the YubiKey was asked to make"
            ),
            E::OtherKey(slot) => {
                write!(f, "slot {slot} has another key than the certificate")
            }
            E::Random(_) => f.write_str("the system gave no random numbers"),
        }
    }
}

fn left(tries: u8) -> String {
    match tries {
        1 => "1 try is left".to_string(),
        tries => format!("{tries} tries are left"),
    }
}

fn list(serials: &[u32]) -> String {
    let serials: Vec<String> = serials.iter().map(u32::to_string).collect();
    serials.join(", ")
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TokenError::NoService(source)
            | TokenError::Busy(source)
            | TokenError::Pulled(source)
            | TokenError::Garbage(Some(source))
            | TokenError::Refused(source) => Some(source.as_ref()),
            TokenError::Random(source) => Some(source),
            _ => None,
        }
    }
}

impl Explain for TokenError {
    fn remedy(&self) -> String {
        use TokenError as E;
        match self {
            E::NoService(_) => "Start pcscd, or install it (Debian: apt-get install pcscd).",
            E::NoToken => "Plug in your YubiKey. If it is in, try another port.",
            E::Several(_) => "Pull out all but the one that is meant.",
            E::WrongToken { .. } => {
                "Plug in the right one; the serial number is printed on its back."
            }
            E::Busy(_) => "Close the other program (gpg keeps a YubiKey: gpgconf --kill scdaemon).",
            E::Pulled(_) => "Plug it in again. Nothing is lost; what was under way is done anew.",
            E::TimedOut => "Pull the YubiKey out, plug it in again, and try again.",
            E::Garbage(_) | E::Refused(_) => {
                "Pull it out, plug it in and try again. If it happens again, use another YubiKey."
            }
            E::TooOld { .. } => "Use a newer YubiKey. Firmware can't be renewed.",
            E::Form => "Choose 6 to 8 characters.",
            E::WrongPin(_) => "Try again, with care: after the last try the PIN is blocked.",
            E::WrongPuk(_) => "Try again, with care: after the last try the PUK is blocked.",
            E::PinBlocked => {
                "The PUK unblocks it, on another machine: ykman piv access unblock-pin."
            }
            E::PukBlocked => "With PIN and PUK blocked only a reset helps, and it loses the keys.",
            E::NotTouched => "Try again, and touch the metal when it blinks.",
            E::DefaultPin => {
                "Everybody knows it. Change it on another machine (ykman piv access change-pin), \
                 or hold the plan enrol-operator first."
            }
            E::DefaultPuk => {
                "Everybody knows it. Change it on another machine (ykman piv access change-puk), \
                 or hold the plan enrol-operator first."
            }
            E::DefaultManagementKey => {
                "Everybody knows it. Hold the plan enrol-operator first: it sets a new one."
            }
            E::UnknownManagementKey => {
                "Use another YubiKey. `ykman piv reset` would make this one new, and lose its keys."
            }
            E::SlotInUse(_) => "Use an empty YubiKey. A key is never overwritten.",
            E::SlotEmpty(_) => "Is it the right YubiKey? It has to be set up first.",
            E::Imported(_) => "Somebody may have a copy of it. Use an empty YubiKey.",
            E::OtherKey(_) => "Plug in the YubiKey that belongs to the certificate.",
            E::NotAsAsked(_) => "Don't use this YubiKey.",
            E::Random(_) => "Restart the machine.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        Exit::Device
    }
}
