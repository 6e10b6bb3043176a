//! YubiKeys at the edge: data in, data out; no terminal. The only folder that names the token
//! library.
//!
//! Always by serial number, never "the one that is there". Every operation is bounded in time:
//! the real implementation does it in a thread of its own and stops waiting after
//! [`pcsc::ORDINARY`], or [`pcsc::TOUCH`] where a finger is needed. PINs are [`SecretText`].

mod error;
pub mod pcsc;

pub use crate::attestation::{Firmware, Point, Slot};
pub use error::TokenError;

use crate::openpgp::EcdsaSignature;
use crate::secret::{SecretBytes, SecretText};

/// Metadata of slots and PINs can be asked for since 5.3 (Yubico, "GET METADATA").
pub const OLDEST: Firmware = Firmware(5, 3, 0);

/// The PIN that every YubiKey is sold with (SP 800-73-4, part 1, section 2.4.3; Yubico).
pub const SOLD_PIN: &str = "123456";
/// The PUK that every YubiKey is sold with.
pub const SOLD_PUK: &str = "12345678";

/// Whether a PIN or PUK has the form that all YubiKeys take: 6 to 8 printable ASCII characters
/// (SP 800-73-4, part 2, section 3.2.1: at most 8 bytes; Yubico: at least 6).
pub fn is_code(secret: &SecretText) -> bool {
    let text = secret.expose();
    (6..=8).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Printed on its back.
    pub serial: u32,
    /// As people call it.
    pub model: String,
    /// Of its PIV application.
    pub firmware: Firmware,
    /// The reader it is in, as the system names it.
    pub reader: String,
}

/// A PIN or PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// It is the one that it was sold with.
    pub default: bool,
    /// Tries left.
    pub left: u8,
    /// Of so many.
    pub of: u8,
}

/// The key in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotKey {
    /// Its public key, if it is on P-256.
    pub point: Option<Point>,
    /// Made inside.
    pub generated: bool,
    /// The PIN is asked for each time.
    pub pin_always: bool,
    /// So is a touch.
    pub touch_always: bool,
}

/// How a token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What it is.
    pub about: About,
    /// Its PIN.
    pub pin: Reference,
    /// Its PUK.
    pub puk: Reference,
    /// The management key is the one that it was sold with.
    pub default_management_key: bool,
    /// 9c.
    pub signature: Option<SlotKey>,
    /// 9d.
    pub decryption: Option<SlotKey>,
}

impl State {
    /// Refuses a token on which anything is as it was sold.
    ///
    /// # Errors
    ///
    /// [`TokenError::DefaultPin`], [`TokenError::DefaultPuk`], [`TokenError::DefaultManagementKey`].
    pub fn is_set_up(&self) -> Result<(), TokenError> {
        if self.pin.default {
            return Err(TokenError::DefaultPin);
        }
        if self.puk.default {
            return Err(TokenError::DefaultPuk);
        }
        if self.default_management_key {
            return Err(TokenError::DefaultManagementKey);
        }
        Ok(())
    }

    /// The key in a slot.
    pub fn slot(&self, slot: Slot) -> Option<&SlotKey> {
        match slot {
            Slot::Signature => self.signature.as_ref(),
            Slot::Decryption => self.decryption.as_ref(),
        }
    }
}

/// The readers of this machine.
pub trait Tokens {
    /// The tokens that are plugged in.
    ///
    /// # Errors
    ///
    /// [`TokenError::NoService`], [`TokenError::TimedOut`]. No token is an empty list; one that
    /// can't be read is left out.
    fn list(&self) -> Result<Vec<About>, TokenError>;

    /// The token with this serial number.
    ///
    /// # Errors
    ///
    /// As [`Tokens::list`]; [`TokenError::NoToken`], [`TokenError::WrongToken`],
    /// [`TokenError::Busy`], [`TokenError::TooOld`].
    fn open(&self, serial: u32) -> Result<Box<dyn Token>, TokenError>;
}

/// No readers: in an automatic rehearsal nobody is there to touch a token, and a real one that
/// happens to be plugged in must be left alone.
pub struct NoTokens;

impl Tokens for NoTokens {
    fn list(&self) -> Result<Vec<About>, TokenError> {
        Ok(Vec::new())
    }

    fn open(&self, _serial: u32) -> Result<Box<dyn Token>, TokenError> {
        Err(TokenError::NoToken)
    }
}

/// The one token that is plugged in, where its serial number is not known yet.
///
/// # Errors
///
/// [`TokenError::NoToken`], [`TokenError::Several`].
pub fn the_only(all: &[About]) -> Result<&About, TokenError> {
    match all {
        [] => Err(TokenError::NoToken),
        [one] => Ok(one),
        several => Err(TokenError::Several(
            several.iter().map(|about| about.serial).collect(),
        )),
    }
}

/// A token that was opened. Any operation can end with [`TokenError::Pulled`],
/// [`TokenError::TimedOut`], [`TokenError::Garbage`] or [`TokenError::Refused`].
pub trait Token {
    /// What it is.
    fn about(&self) -> &About;

    /// How it stands.
    fn state(&mut self) -> Result<State, TokenError>;

    /// Changes the PIN.
    ///
    /// # Errors
    ///
    /// [`TokenError::Form`], [`TokenError::WrongPin`], [`TokenError::PinBlocked`].
    fn change_pin(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError>;

    /// Changes the PUK.
    ///
    /// # Errors
    ///
    /// [`TokenError::Form`], [`TokenError::WrongPuk`], [`TokenError::PukBlocked`].
    fn change_puk(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError>;

    /// Replaces the management key it was sold with by a random one, kept in it behind the PIN
    /// and shown to nobody. It is read back and tried.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownManagementKey`] if it is another; errors of the PIN.
    fn protect(&mut self, pin: &SecretText) -> Result<(), TokenError>;

    /// Makes a P-256 key in an empty slot, PIN always, touch always. It is read back. With
    /// `replace`, a key that is in the slot is lost.
    ///
    /// # Errors
    ///
    /// [`TokenError::SlotInUse`], [`TokenError::UnknownManagementKey`]; errors of the PIN.
    fn generate(
        &mut self,
        slot: Slot,
        pin: &SecretText,
        replace: bool,
    ) -> Result<Point, TokenError>;

    /// The slot's attestation and the token's certificate, DER.
    ///
    /// # Errors
    ///
    /// [`TokenError::SlotEmpty`], [`TokenError::Imported`].
    fn attest(&mut self, slot: Slot) -> Result<Vec<Vec<u8>>, TokenError>;

    /// Signs a SHA-256 digest with the key in 9c. `touch` is called when the PIN was right and
    /// the token waits for a finger.
    ///
    /// # Errors
    ///
    /// [`TokenError::SlotEmpty`], [`TokenError::NotTouched`]; errors of the PIN.
    fn sign(
        &mut self,
        pin: &SecretText,
        digest: &[u8; 32],
        touch: &mut dyn FnMut(),
    ) -> Result<EcdsaSignature, TokenError>;

    /// ECDH with the key in 9d: the secret shared with whoever has the key of `point`.
    ///
    /// # Errors
    ///
    /// As [`Token::sign`].
    fn agree(
        &mut self,
        pin: &SecretText,
        point: &Point,
        touch: &mut dyn FnMut(),
    ) -> Result<SecretBytes, TokenError>;
}
