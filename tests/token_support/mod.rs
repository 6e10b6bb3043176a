//! Tokens in readers, set up, and what signs with them.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod gpg;
pub mod people;

use std::thread::sleep;
use std::time::{Duration, Instant};

use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::token::{Slot, Token, TokenError, Tokens};
use ceremony::openpgp::{TokenCertificate, TokenKeyError, TokenKeys};
use ceremony::secret::SecretText;
use virtual_yubikey::{Reader, SharedToken, Version};

/// For a test as a whole, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(180);
pub const ALICE: u32 = 10_001;
pub const BOB: u32 = 10_002;
pub const PIN: &str = "84736251";
pub const PUK: &str = "19283746";
/// 2026-03-01T12:00:00Z.
pub const NOW: u64 = 1_772_366_400;

pub fn text(s: &str) -> SecretText {
    SecretText::from_string(s.to_string())
}

pub fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if let Some(found) = look() {
            return Some(found);
        }
        sleep(Duration::from_millis(20));
    }
    None
}

pub fn in_reader(reader: &mut Reader, serial: u32, version: Version) -> SharedToken {
    let token = virtual_yubikey::Token::with_own_root(serial, version).shared();
    reader.insert(&token).unwrap();
    token
}

/// Opens a token that pcscd may not have seen yet.
pub fn open(serial: u32) -> Box<dyn Token> {
    poll(|| PcscTokens::default().open(serial).ok()).expect("the token is in a reader")
}

/// From the factory to two keys.
pub fn set_up(token: &mut dyn Token) -> TokenKeys {
    token.change_pin(&text("123456"), &text(PIN)).unwrap();
    token.change_puk(&text("12345678"), &text(PUK)).unwrap();
    token.protect(&text(PIN)).unwrap();
    TokenKeys {
        signing: token.generate(Slot::Signature, &text(PIN), false).unwrap(),
        decryption: token.generate(Slot::Decryption, &text(PIN), false).unwrap(),
        created: NOW - 60,
    }
}

pub fn certificate(token: &mut dyn Token, keys: &TokenKeys) -> TokenCertificate {
    TokenCertificate::make(keys.clone(), "Operator A <a@example.org>", &mut |digest| {
        token.sign(&text(PIN), digest, &mut || {})
    })
    .expect("the token signs")
}

pub fn sign(
    token: &mut dyn Token,
    by: &TokenCertificate,
    message: &[u8],
) -> Result<Vec<u8>, TokenKeyError<TokenError>> {
    by.sign(message, NOW, None, &mut |digest| {
        token.sign(&text(PIN), digest, &mut || {})
    })
}
