//! What is done with a token, in its thread. Sources: NIST SP 800-73-4, part 2, and Yubico's
//! extensions, <https://developers.yubico.com/PIV/Introduction/Yubico_extensions.html>.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the system's randomness is"
)]

use rustix::rand::{GetRandomFlags, getrandom};
use yubikey::piv::{
    self, AlgorithmId, ManagementSlotId, Origin, SlotAlgorithmId, SlotId, SlotMetadata,
};
use yubikey::{Error, MgmKey, PinPolicy, TouchPolicy, YubiKey};
use zeroize::Zeroizing;

use super::super::{About, Point, Reference, Slot, SlotKey, State, TokenError};
use crate::attestation::two_numbers;
use crate::openpgp::EcdsaSignature;
use crate::secret::{SecretBytes, SecretText};

/// The certificate that speaks for the token: slot F9's object (Yubico, "PIV attestation").
const ATTESTATION_CERTIFICATE: u32 = 0x005f_ff01;
/// "Printed Information", which can be read only with the PIN; Yubico's tools keep the
/// management key there.
const PROTECTED: u32 = 0x005f_c109;

/// The library's error in this program's words.
pub(super) fn explain(error: Error) -> TokenError {
    use pcsc::Error as P;
    match error {
        Error::PcscError { inner: Some(inner) } => match inner {
            P::NoService | P::ServiceStopped => TokenError::NoService(error.into()),
            P::SharingViolation => TokenError::Busy(error.into()),
            _ => TokenError::Pulled(error.into()),
        },
        Error::WrongPin { tries: 0 } => TokenError::PinBlocked,
        Error::WrongPin { tries } => TokenError::WrongPin(tries),
        Error::PinLocked => TokenError::PinBlocked,
        Error::ParseError | Error::SizeError | Error::InvalidObject => {
            TokenError::Garbage(Some(error.into()))
        }
        error => TokenError::Refused(error.into()),
    }
}

/// `error`, unless the token is no longer there to have refused anything: some readers answer
/// for a token that was pulled with nothing instead of an error.
pub(super) fn or_gone(token: &mut YubiKey, error: TokenError) -> TokenError {
    // A management key that could not be shown is said to be unknown.
    if !matches!(
        error,
        TokenError::Refused(_) | TokenError::Garbage(_) | TokenError::UnknownManagementKey
    ) {
        return error;
    }
    match piv::metadata(token, SlotId::Management(ManagementSlotId::Pin)).map_err(explain) {
        Err(gone @ TokenError::Pulled(_)) => gone,
        _ => error,
    }
}

fn id(slot: Slot) -> SlotId {
    match slot {
        Slot::Signature => SlotId::Signature,
        Slot::Decryption => SlotId::KeyManagement,
    }
}

pub(super) fn state(token: &mut YubiKey, about: About) -> Result<State, TokenError> {
    let management = managed(token, ManagementSlotId::Management)?;
    Ok(State {
        about,
        pin: reference(&managed(token, ManagementSlotId::Pin)?)?,
        puk: reference(&managed(token, ManagementSlotId::Puk)?)?,
        default_management_key: management.default.ok_or(TokenError::Garbage(None))?,
        signature: key(token, Slot::Signature)?,
        decryption: key(token, Slot::Decryption)?,
    })
}

fn managed(token: &mut YubiKey, which: ManagementSlotId) -> Result<SlotMetadata, TokenError> {
    piv::metadata(token, SlotId::Management(which)).map_err(explain)
}

fn reference(metadata: &SlotMetadata) -> Result<Reference, TokenError> {
    let retries = metadata.retries.as_ref().ok_or(TokenError::Garbage(None))?;
    Ok(Reference {
        default: metadata.default.ok_or(TokenError::Garbage(None))?,
        left: retries.remaining_count,
        of: retries.retry_count,
    })
}

/// `None` if the slot is empty.
fn key(token: &mut YubiKey, slot: Slot) -> Result<Option<SlotKey>, TokenError> {
    let metadata = match piv::metadata(token, id(slot)) {
        Ok(metadata) => metadata,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(explain(error)),
    };
    let on_p256 = metadata.algorithm == SlotAlgorithmId::Asymmetric(AlgorithmId::EccP256);
    let public = metadata.public.filter(|_| on_p256);
    let policies = metadata.policy;
    Ok(Some(SlotKey {
        point: public.and_then(|key| Point::try_from(key.subject_public_key.raw_bytes()).ok()),
        generated: metadata.origin == Some(Origin::Generated),
        pin_always: policies.is_some_and(|(pin, _)| pin == PinPolicy::Always),
        touch_always: policies.is_some_and(|(_, touch)| touch == TouchPolicy::Always),
    }))
}

/// A key on P-256, which is what `sign` and `agree` work with.
pub(super) fn has_key(token: &mut YubiKey, slot: Slot) -> Result<(), TokenError> {
    match key(token, slot)? {
        None => Err(TokenError::SlotEmpty(slot)),
        Some(key) if key.point.is_none() => Err(TokenError::NotAsAsked(slot)),
        Some(_) => Ok(()),
    }
}

pub(super) fn verify(token: &mut YubiKey, pin: &SecretText) -> Result<(), TokenError> {
    token.verify_pin(pin.expose().as_bytes()).map_err(explain)
}

pub(super) fn change_pin(
    token: &mut YubiKey,
    old: &SecretText,
    new: &SecretText,
) -> Result<(), TokenError> {
    token
        .change_pin(old.expose().as_bytes(), new.expose().as_bytes())
        .map_err(explain)
}

pub(super) fn change_puk(
    token: &mut YubiKey,
    old: &SecretText,
    new: &SecretText,
) -> Result<(), TokenError> {
    token
        .change_puk(old.expose().as_bytes(), new.expose().as_bytes())
        .map_err(|error| match error {
            Error::WrongPin { tries: 0 } | Error::PinLocked => TokenError::PukBlocked,
            Error::WrongPin { tries } => TokenError::WrongPuk(tries),
            other => explain(other),
        })
}

/// The new key is written behind the PIN first, and set then: pulled in between, the token has
/// still its old key, and pulled after, what is behind the PIN is right.
pub(super) fn protect(token: &mut YubiKey, pin: &SecretText) -> Result<(), TokenError> {
    verify(token, pin)?;
    let management = managed(token, ManagementSlotId::Management)?;
    if management.default != Some(true) {
        return administrate(token);
    }
    let SlotAlgorithmId::Management(algorithm) = management.algorithm else {
        return Err(TokenError::Garbage(None));
    };
    let default = MgmKey::get_default(token).map_err(explain)?;
    token.authenticate(&default).map_err(explain)?;
    // Both kinds that tokens are sold with, triple DES and AES-192, have 24 bytes.
    const LENGTH: usize = 24;
    let mut bytes = Zeroizing::new([0; LENGTH]);
    let mut filled = 0;
    while filled < LENGTH {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())
            .map_err(|error| TokenError::Random(error.into()))?;
    }
    let new = MgmKey::from_bytes(&bytes[..], Some(algorithm)).map_err(explain)?;
    if may_be_written(token)? {
        // Tag 88 holds tag 89, the key (ykman and yubico-piv-tool, "PIN-protected data").
        let mut object = Zeroizing::new([0; LENGTH + 4]);
        object[..4].copy_from_slice(&[0x88, LENGTH as u8 + 2, 0x89, LENGTH as u8]);
        object[4..].copy_from_slice(&bytes[..]);
        token
            .save_object(PROTECTED, &mut object[..])
            .map_err(explain)?;
    }
    new.set_protected(token).map_err(explain)?;
    match administrate(token) {
        Ok(()) => Ok(()),
        Err(error @ (TokenError::Pulled(_) | TokenError::NoService(_))) => Err(error),
        Err(error) => {
            // What was read back is not what was written: as it was sold is better than lost.
            MgmKey::set_default(token).map_err(explain)?;
            Err(error)
        }
    }
}

/// Nothing of somebody else's is in the object.
fn may_be_written(token: &mut YubiKey) -> Result<bool, TokenError> {
    match token.fetch_object(PROTECTED) {
        Ok(found) => Ok(matches!(found[..], [] | [0x88, ..])),
        Err(Error::NotFound) => Ok(true),
        Err(error) => Err(explain(error)),
    }
}

/// Shows the management key that is kept behind the PIN.
fn administrate(token: &mut YubiKey) -> Result<(), TokenError> {
    let unknown = |error| match explain(error) {
        TokenError::Refused(_) | TokenError::Garbage(_) => TokenError::UnknownManagementKey,
        other => other,
    };
    let protected = MgmKey::get_protected(token).map_err(unknown)?;
    token.authenticate(&protected).map_err(unknown)
}

pub(super) fn generate(
    token: &mut YubiKey,
    slot: Slot,
    pin: &SecretText,
    replace: bool,
) -> Result<Point, TokenError> {
    if !replace && key(token, slot)?.is_some() {
        return Err(TokenError::SlotInUse(slot));
    }
    let management = managed(token, ManagementSlotId::Management)?;
    if management.default == Some(true) {
        return Err(TokenError::DefaultManagementKey);
    }
    verify(token, pin)?;
    administrate(token)?;
    let (pin, touch) = (PinPolicy::Always, TouchPolicy::Always);
    let made = piv::generate(token, id(slot), AlgorithmId::EccP256, pin, touch).map_err(explain)?;
    let point = Point::try_from(made.subject_public_key.raw_bytes())
        .map_err(|error| TokenError::Garbage(Some(error.into())))?;
    let expected = SlotKey {
        point: Some(point),
        generated: true,
        pin_always: true,
        touch_always: true,
    };
    if key(token, slot)? != Some(expected) {
        return Err(TokenError::NotAsAsked(slot));
    }
    Ok(point)
}

pub(super) fn attest(token: &mut YubiKey, slot: Slot) -> Result<Vec<Vec<u8>>, TokenError> {
    match key(token, slot)? {
        None => return Err(TokenError::SlotEmpty(slot)),
        Some(key) if !key.generated => return Err(TokenError::Imported(slot)),
        Some(_) => {}
    }
    let own = piv::attest(token, id(slot)).map_err(explain)?;
    let object = token
        .fetch_object(ATTESTATION_CERTIFICATE)
        .map_err(explain)?;
    let above = certificate(&object).ok_or(TokenError::Garbage(None))?;
    Ok(vec![own.to_vec(), above.to_vec()])
}

/// The certificate in its object: tag 70, its length (SP 800-73-4, part 1, table 10).
fn certificate(object: &[u8]) -> Option<&[u8]> {
    let (length, rest) = match object {
        [0x70, 0x82, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]).into(), rest),
        [0x70, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x70, length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.get(..length)
}

/// The PIN was given; what is refused now was refused for want of a touch.
fn without_touch(error: Error) -> TokenError {
    match error {
        Error::AuthenticationError => TokenError::NotTouched,
        other => explain(other),
    }
}

pub(super) fn sign(token: &mut YubiKey, digest: &[u8; 32]) -> Result<EcdsaSignature, TokenError> {
    let der = piv::sign_data(token, digest, AlgorithmId::EccP256, SlotId::Signature)
        .map_err(without_touch)?;
    let (r, s) = two_numbers(&der).ok_or(TokenError::Garbage(None))?;
    Ok(EcdsaSignature { r, s })
}

pub(super) fn agree(token: &mut YubiKey, point: &Point) -> Result<SecretBytes, TokenError> {
    let shared = piv::decrypt_data(token, point, AlgorithmId::EccP256, SlotId::KeyManagement)
        .map_err(without_touch)?;
    // The x coordinate alone.
    if shared.len() != 32 {
        return Err(TokenError::Garbage(None));
    }
    SecretBytes::build(shared.len(), |place| {
        place.copy_from_slice(&shared);
        Ok(())
    })
}
