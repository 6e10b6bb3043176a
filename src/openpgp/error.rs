//! What can go wrong with keys, signatures and messages, and what to do then.

use std::error::Error;
use std::fmt;

use super::ArmorError;
use crate::error::Explain;

/// The library's own error, kept as the source.
pub(super) type Source = Box<dyn Error + Send + Sync + 'static>;

/// A certificate or key was refused, or could not be made.
#[derive(Debug)]
pub enum OpenPgpError {
    /// The file is larger than this many bytes.
    TooLarge(usize),
    /// The text around the key is wrong.
    Armor(ArmorError),
    /// It can't be read as OpenPGP.
    Malformed(Source),
    /// There is no certificate or no key in it.
    Empty,
    /// There is more than one certificate or key in it.
    Several,
    /// A public certificate was asked for and a secret key is in it.
    HoldsSecretKey,
    /// Something is in it that is no part of a certificate.
    StrayPacket,
    /// No valid signature of its own says what the key may be used for.
    NoSelfSignature(Source),
    /// It is revoked.
    Revoked,
    /// It has no key that can sign at the given time.
    CannotSign(Option<Source>),
    /// It has no key that can be encrypted to at the given time.
    CannotEncrypt(Option<Source>),
    /// The secret key has no passphrase.
    Unprotected,
    /// The secret key has a passphrase where none may be.
    Protected,
    /// The secret part is not in the file, or is locked in a way that can't be opened.
    Stub,
    /// An operator's key is of this version, which GnuPG 2.2 can't read; it must be 4.
    Version(u8),
    /// Another key's certificate was given.
    OtherKey,
    /// The message is for another key.
    NotForThisKey,
    /// The key is one that only signs.
    OnlySigns,
    /// The user ID is empty, too long, or has control characters.
    UserId,
    /// The time or lifetime is beyond what OpenPGP can hold (the year 2106), or nought.
    Time,
    /// The key did not pass its own test.
    SelfTest(Option<Source>),
    /// The library failed.
    Library(Source),
}

impl OpenPgpError {
    pub(super) fn library(error: impl Into<Source>) -> OpenPgpError {
        OpenPgpError::Library(error.into())
    }
}

impl fmt::Display for OpenPgpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenPgpError::TooLarge(limit) => {
                return write!(
                    f,
                    "the file is larger than {limit} bytes, which no key needs"
                );
            }
            OpenPgpError::Version(version) => {
                return write!(
                    f,
                    "the key is of version {version}, which GnuPG 2.2 can't read"
                );
            }
            OpenPgpError::Armor(_) => "the file is not a whole OpenPGP key file",
            OpenPgpError::Malformed(_) => "the file can't be read as OpenPGP",
            OpenPgpError::Empty => "there is no OpenPGP key in the file",
            OpenPgpError::Several => "there is more than one OpenPGP key in the file",
            OpenPgpError::HoldsSecretKey => "the file holds a secret key, not a certificate",
            OpenPgpError::StrayPacket => "the file holds something besides the key",
            OpenPgpError::NoSelfSignature(_) => "the key has no valid signature of its own",
            OpenPgpError::Revoked => "the key is revoked",
            OpenPgpError::CannotSign(_) => "the key can't sign at this time",
            OpenPgpError::CannotEncrypt(_) => "the key can't be encrypted to at this time",
            OpenPgpError::Unprotected => "the secret key has no passphrase",
            OpenPgpError::Protected => "the secret key is locked with a passphrase",
            OpenPgpError::Stub => "the secret part of the key is not in the file",
            OpenPgpError::OtherKey => "the certificate is another key's",
            OpenPgpError::NotForThisKey => "the message is for another key",
            OpenPgpError::OnlySigns => "the key only signs",
            OpenPgpError::UserId => "the user ID can't be used",
            OpenPgpError::Time => "the key's times can't be used",
            OpenPgpError::SelfTest(_) => "the key did not pass its own test",
            OpenPgpError::Library(_) => "the OpenPGP library failed",
        })
    }
}

impl Error for OpenPgpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenPgpError::Armor(inner) => Some(inner),
            OpenPgpError::Malformed(inner)
            | OpenPgpError::NoSelfSignature(inner)
            | OpenPgpError::CannotSign(Some(inner))
            | OpenPgpError::CannotEncrypt(Some(inner))
            | OpenPgpError::SelfTest(Some(inner))
            | OpenPgpError::Library(inner) => Some(inner.as_ref()),
            _ => None,
        }
    }
}

impl Explain for OpenPgpError {
    fn remedy(&self) -> String {
        match self {
            OpenPgpError::TooLarge(_)
            | OpenPgpError::Armor(_)
            | OpenPgpError::Malformed(_)
            | OpenPgpError::Empty
            | OpenPgpError::Several
            | OpenPgpError::StrayPacket => {
                "Export the one key again (gpg --armor --export-options export-minimal \
                 --export FINGERPRINT) and change nothing in the file."
            }
            OpenPgpError::HoldsSecretKey => {
                "Give the public certificate instead, and keep this file where it is safe."
            }
            OpenPgpError::NoSelfSignature(_) => {
                "The key is damaged or made with outdated methods. Export it again or make a new one."
            }
            OpenPgpError::Revoked => "Use another key. A revoked one can't be made good again.",
            OpenPgpError::CannotSign(_) => {
                "Check the clock and the key's expiry date. Use a key that may sign."
            }
            OpenPgpError::CannotEncrypt(_) => {
                "Check the clock and the key's expiry date. Use a key with an encryption part."
            }
            OpenPgpError::Unprotected => {
                "Give it a passphrase (gpg --change-passphrase FINGERPRINT) and export it again."
            }
            OpenPgpError::Protected => "Use the key as this program keeps it, without a passphrase.",
            OpenPgpError::Stub => {
                "Export the whole secret key (gpg --armor --export-secret-keys FINGERPRINT)."
            }
            OpenPgpError::Version(_) => "Use a key of version 4, as gpg 2.2 makes it.",
            OpenPgpError::OtherKey => "Check the fingerprint, and give the right certificate.",
            OpenPgpError::NotForThisKey => "See whose key it is for.",
            OpenPgpError::OnlySigns => "Open it with the custodians' words.",
            OpenPgpError::UserId => {
                "Use a name or an address of at most 1000 bytes on a single line."
            }
            OpenPgpError::Time => "Check the clock, and give a lifetime that ends before 2106.",
            OpenPgpError::SelfTest(_) => {
                "Abandon this key and make a new one. If it happens again, use another machine."
            }
            OpenPgpError::Library(_) => "Try again. If it happens again, use another machine.",
        }
        .to_string()
    }
}

/// A signature could not be made.
#[derive(Debug)]
pub enum SignError {
    /// The passphrase does not open the key.
    WrongPassphrase,
    /// The key or the library failed.
    Other(OpenPgpError),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignError::WrongPassphrase => f.write_str("the passphrase does not open the key"),
            SignError::Other(_) => f.write_str("the signature could not be made"),
        }
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SignError::WrongPassphrase => None,
            SignError::Other(inner) => Some(inner),
        }
    }
}

impl Explain for SignError {
    fn remedy(&self) -> String {
        match self {
            SignError::WrongPassphrase => {
                "Type it again. Check the keyboard layout and the capitals key.".to_string()
            }
            SignError::Other(inner) => inner.remedy(),
        }
    }
}

/// A message was not opened.
#[derive(Debug)]
pub enum DecryptError {
    /// The message is larger than this many bytes.
    TooLarge(usize),
    /// The text around the message is wrong.
    Armor(ArmorError),
    /// It is no message under exactly one password in the form that this program makes.
    Form(Option<Source>),
    /// The password is wrong, or the message's beginning is damaged: that can't be told apart.
    WrongPassword,
    /// The password fits, and the message was changed after it was made.
    Damaged(Source),
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecryptError::TooLarge(limit) => {
                return write!(f, "the message is larger than {limit} bytes");
            }
            DecryptError::Armor(_) => "the file is not a whole OpenPGP message",
            DecryptError::Form(_) => "the message is not of the form that this program makes",
            DecryptError::WrongPassword => "the password does not open the message",
            DecryptError::Damaged(_) => "the message is damaged",
        })
    }
}

impl Error for DecryptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            DecryptError::Armor(inner) => Some(inner),
            DecryptError::Form(Some(inner)) | DecryptError::Damaged(inner) => Some(inner.as_ref()),
            _ => None,
        }
    }
}

impl Explain for DecryptError {
    fn remedy(&self) -> String {
        match self {
            DecryptError::TooLarge(_) | DecryptError::Form(_) => {
                "Check that it is the right file. Files made in another way are opened with gpg."
            }
            DecryptError::WrongPassword => {
                "Type the words again. If they are right, the file is damaged: use the other copy."
            }
            DecryptError::Armor(_) | DecryptError::Damaged(_) => "Use the other copy of the file.",
        }
        .to_string()
    }
}

/// A signature was refused.
#[derive(Debug)]
pub enum VerifyError {
    /// The file is larger than this many bytes.
    TooLarge(usize),
    /// The text around the signature is wrong, or something stands beside it.
    Armor(ArmorError),
    /// It can't be read as OpenPGP.
    Malformed(Source),
    /// There is not exactly one signature in the file.
    NotOne,
    /// It is not a signature over bytes as they are (class 0x00), for instance one over text.
    Class,
    /// It was made with a weak hash.
    Hash(String),
    /// It has no time, or is meant to expire.
    Time,
    /// It was made by a key that is not in this certificate.
    OtherKey,
    /// The certificate or the key that signed is revoked.
    Revoked,
    /// The key could not sign at the time in the signature.
    NotValidThen(Option<Source>),
    /// The signature does not fit the signed bytes.
    Bad(Option<Source>),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VerifyError::TooLarge(limit) => {
                return write!(f, "the signature file is larger than {limit} bytes");
            }
            VerifyError::Hash(name) => return write!(f, "the signature uses the hash {name}"),
            VerifyError::Armor(_) => "the file is not one whole OpenPGP signature",
            VerifyError::Malformed(_) => "the signature can't be read as OpenPGP",
            VerifyError::NotOne => "the file does not hold exactly one signature",
            VerifyError::Class => "the signature is not one over the bytes as they are",
            VerifyError::Time => "the signature has no time, or has an end of its own",
            VerifyError::OtherKey => "the signature was made by another key",
            VerifyError::Revoked => "the key that signed is revoked",
            VerifyError::NotValidThen(_) => "the key could not sign at the signature's time",
            VerifyError::Bad(_) => "the signature does not fit what was signed",
        })
    }
}

impl Error for VerifyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            VerifyError::Armor(inner) => Some(inner),
            VerifyError::Malformed(inner)
            | VerifyError::Bad(Some(inner))
            | VerifyError::NotValidThen(Some(inner)) => Some(inner.as_ref()),
            _ => None,
        }
    }
}

impl Explain for VerifyError {
    fn remedy(&self) -> String {
        match self {
            VerifyError::TooLarge(_)
            | VerifyError::Armor(_)
            | VerifyError::Malformed(_)
            | VerifyError::NotOne => "Look at another copy. If all are like this, do not trust it.",
            VerifyError::Class | VerifyError::Hash(_) | VerifyError::Time => {
                "Do not trust it. Have it signed anew: gpg --armor --detach-sign."
            }
            VerifyError::OtherKey => {
                "Check the fingerprint. Do not trust it unless that explains it."
            }
            VerifyError::Revoked => "Ask the key's owner when and why it was revoked.",
            VerifyError::NotValidThen(_) => "Check the key's dates and the clock it was made by.",
            VerifyError::Bad(_) => "Do not trust it: something was changed after it was signed.",
        }
        .to_string()
    }
}
