//! A host: the `yubikey` crate on libpcsclite.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use virtual_yubikey::{SharedToken, Token, Version};
use yubikey::piv::{self, AlgorithmId, SlotId};
use yubikey::{Error, MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};

pub const LIMIT: Duration = Duration::from_secs(120);
pub const SIGNATURE: SlotId = SlotId::Signature;
pub const DECRYPTION: SlotId = SlotId::KeyManagement;
pub const PIN: &[u8] = b"123456";
pub const PUK: &[u8] = b"12345678";

/// Opens a token that may not be there yet.
pub fn open(serial: u32) -> YubiKey {
    poll(|| YubiKey::open_by_serial(Serial(serial)).ok()).expect("the token is in a reader")
}

pub fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if let Some(found) = look() {
            return Some(found);
        }
        sleep(Duration::from_millis(20));
    }
    None
}

pub fn token(serial: u32, version: Version) -> SharedToken {
    Token::with_own_root(serial, version).shared()
}

/// Own PIN, PUK and random management key; P-256 keys in both slots. All default values are gone.
pub fn provision(yubikey: &mut YubiKey, pin: &[u8], puk: &[u8]) -> [p256::PublicKey; 2] {
    yubikey.change_pin(PIN, pin).unwrap();
    yubikey.change_puk(PUK, puk).unwrap();
    yubikey.verify_pin(pin).unwrap();
    let default = MgmKey::get_default(yubikey).unwrap();
    yubikey.authenticate(&default).unwrap();
    MgmKey::generate_for(yubikey, &mut getrandom::SysRng)
        .unwrap()
        .set_protected(yubikey)
        .unwrap();
    assert_eq!(
        yubikey.authenticate(&default),
        Err(Error::AuthenticationError)
    );

    let protected = MgmKey::get_protected(yubikey).unwrap();
    yubikey.authenticate(&protected).unwrap();
    [SIGNATURE, DECRYPTION].map(|slot| {
        let (algorithm, pin, touch) =
            (AlgorithmId::EccP256, PinPolicy::Always, TouchPolicy::Always);
        let public = piv::generate(yubikey, slot, algorithm, pin, touch).unwrap();
        p256::PublicKey::from_sec1_bytes(public.subject_public_key.raw_bytes()).unwrap()
    })
}

pub fn sign(yubikey: &mut YubiKey, hash: &[u8]) -> Result<p256::ecdsa::Signature, Error> {
    let signature = piv::sign_data(yubikey, hash, AlgorithmId::EccP256, SIGNATURE)?;
    Ok(p256::ecdsa::Signature::from_der(&signature).expect("a signature"))
}
