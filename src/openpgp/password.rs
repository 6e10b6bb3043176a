//! Messages under one password, in the one form that every OpenPGP program can open.
//!
//! Version 4 SKESK with an encrypted session key, iterated and salted S2K with the largest
//! count, AES-256, SEIPDv1 with its MDC, no compression, a literal without name and date
//! (RFC 9580, sections 3.7.1.3, 5.3.1, 5.9, 5.13.1). No Argon2 and no AEAD: GnuPG and RFC 9580
//! disagree on them. One password: of several, GnuPG 2.2 tries only the first.

use std::io::Read;

use sequoia::cert::Cert;
use sequoia::crypto::{Password, S2K, SessionKey};
use sequoia::packet::skesk::SKESK4;
use sequoia::packet::{PKESK, Packet, SEIP, SKESK};
use sequoia::parse::Parse;
use sequoia::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageLayer, MessageStructure, VerificationHelper,
};
use sequoia::serialize::Marshal;
use sequoia::serialize::stream::{Encryptor, Message};
use sequoia::types::{HashAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp as sequoia;

use super::armor::{self, Kind};
use super::cert::write_literal;
use super::error::Source;
use super::{DecryptError, OpenPgpError, packets, password, policy};
use crate::secret::{SecretBytes, SecretText};

/// The largest message that is opened, in bytes: 16 MiB.
const MAX_MESSAGE: usize = 16 << 20;

/// The largest S2K count, encoded as 0xFF: bytes that are hashed (RFC 9580, section 3.7.1.3).
const LARGEST_COUNT: u32 = 65_011_712;

/// The S2K that all of this program's passwords get. SHA-256: GnuPG 2.2 reads it
/// everywhere, and with the count given in bytes it costs a guesser no less than SHA-512.
pub(super) fn strongest_s2k() -> sequoia::Result<S2K> {
    #[cfg(debug_assertions)]
    if test_only::CHEAP.load(std::sync::atomic::Ordering::Relaxed) {
        return S2K::new_iterated(HashAlgorithm::SHA256, 1024);
    }
    S2K::new_iterated(HashAlgorithm::SHA256, LARGEST_COUNT)
}

/// Seams for tests; not compiled into a release.
#[cfg(debug_assertions)]
pub mod test_only {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) static CHEAP: AtomicBool = AtomicBool::new(false);

    /// From now on this process makes passwords that are cheap to try, so that a test can hold
    /// hundreds of ceremonies.
    pub fn make_passwords_cheap() {
        CHEAP.store(true, Ordering::Relaxed);
    }
}

/// Encrypts `plaintext` under `password`; armored.
///
/// Takes some tenths of a second, on purpose: that is what a guess costs too.
///
/// # Errors
///
/// [`OpenPgpError::Unprotected`] if the password is empty; [`OpenPgpError::Library`].
pub fn encrypt_with_password(
    plaintext: &[u8],
    password: &SecretText,
    comment: Option<&str>,
) -> Result<Vec<u8>, OpenPgpError> {
    if password.expose().is_empty() {
        return Err(OpenPgpError::Unprotected);
    }
    let binary = strongest_s2k()
        .and_then(|s2k| encrypt(plaintext, password, s2k))
        .map_err(OpenPgpError::library)?;
    Ok(armor::encode(Kind::Message, comment, true, &binary))
}

fn encrypt(plaintext: &[u8], text: &SecretText, s2k: S2K) -> sequoia::Result<Vec<u8>> {
    const CIPHER: SymmetricAlgorithm = SymmetricAlgorithm::AES256;
    let session = SessionKey::new(CIPHER.key_size()?)?;
    let locked = SKESK4::with_password(CIPHER, CIPHER, s2k, &session, &password(text))?;
    let mut binary = Vec::new();
    let mut message = Message::new(&mut binary);
    Packet::from(locked).serialize(&mut message)?;
    let message = Encryptor::with_session_key(message, CIPHER, session)?.build()?;
    write_literal(message, plaintext)?;
    Ok(binary)
}

/// Opens a message of at most 16 MiB, armored or binary, in the form described above (one
/// without an encrypted session key, as GnuPG makes them, is taken too).
///
/// Nothing is returned before the MDC at the message's end has been checked.
///
/// Residue: the library's decryptor reads through plain buffers of 32 KiB and more, freed without
/// being zeroized; what it holds back until the MDC is checked is zeroized.
///
/// # Errors
///
/// See [`DecryptError`]. A changed message is never opened; whether it is called damaged
/// or the password wrong depends on the place.
pub fn decrypt_with_password(
    message: &[u8],
    password: &SecretText,
) -> Result<SecretBytes, DecryptError> {
    if message.len() > MAX_MESSAGE {
        return Err(DecryptError::TooLarge(MAX_MESSAGE));
    }
    if armor::is_armored(message) {
        let binary = armor::decode(Kind::Message, message).map_err(DecryptError::Armor)?;
        decrypt(&binary, password)
    } else {
        decrypt(message, password)
    }
}

fn decrypt(binary: &[u8], text: &SecretText) -> Result<SecretBytes, DecryptError> {
    check_form(binary)?;
    let mut opened = false;
    let read = read_all(
        binary,
        Opener {
            password: password(text),
            opened: &mut opened,
        },
    );
    read.map_err(|error| match opened {
        true => DecryptError::Damaged(error),
        false => DecryptError::WrongPassword,
    })
}

/// Exactly one version 4 SKESK with the iterated and salted S2K, one SEIPDv1, and the end.
fn check_form(binary: &[u8]) -> Result<(), DecryptError> {
    let packets = packets(binary).map_err(|error| DecryptError::Form(Some(error)))?;
    match &packets[..] {
        [Packet::SKESK(SKESK::V4(locked)), Packet::SEIP(SEIP::V1(_))]
            if matches!(locked.s2k(), S2K::Iterated { .. }) =>
        {
            Ok(())
        }
        _ => Err(DecryptError::Form(None)),
    }
}

fn read_all(binary: &[u8], opener: Opener<'_>) -> Result<SecretBytes, Source> {
    let policy = policy();
    let mut reader = DecryptorBuilder::from_bytes(binary)?
        // The plaintext is shorter, so all of it is held back until the MDC has been checked.
        .buffer_size(binary.len())
        // The time matters for signatures only, and there are none: any will do.
        .with_policy(&policy, policy.time(), opener)?;
    // The plaintext is shorter than its message, so this buffer never has to grow.
    let mut out = vec![0; binary.len()];
    let mut filled = 0;
    let result = loop {
        match reader.read(&mut out[filled..]) {
            Ok(0) => break Ok(()),
            Ok(more) => filled += more,
            Err(error) => break Err(error),
        }
    };
    out.truncate(filled);
    let out = SecretBytes::from_vec(out);
    result?;
    Ok(out)
}

/// Hands the library the session key, and notes whether the password gave one.
struct Opener<'a> {
    password: Password,
    opened: &'a mut bool,
}

impl VerificationHelper for Opener<'_> {
    fn get_certs(&mut self, _: &[sequoia::KeyHandle]) -> sequoia::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, structure: MessageStructure) -> sequoia::Result<()> {
        match structure.iter().collect::<Vec<_>>()[..] {
            [
                MessageLayer::Encryption {
                    aead_algo: None, ..
                },
            ] => Ok(()),
            _ => Err(sequoia::Error::MalformedMessage("not a bare literal".into()).into()),
        }
    }
}

impl DecryptionHelper for Opener<'_> {
    fn decrypt(
        &mut self,
        _: &[PKESK],
        locked: &[SKESK],
        _: Option<SymmetricAlgorithm>,
        open: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia::Result<Option<Cert>> {
        for locked in locked {
            // A wrong password gives a random cipher octet, hence mostly an unknown cipher.
            let (cipher, session) = locked.decrypt(&self.password)?;
            if open(cipher, &session) {
                *self.opened = true;
                return Ok(None);
            }
        }
        Err(sequoia::Error::MissingSessionKey("the password does not fit".into()).into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use sequoia::serialize::stream::LiteralWriter;

    use super::super::testing::*;
    use super::*;

    /// A message like all others, but with a low count: these tests open it thousands of times.
    fn quick(plaintext: &[u8]) -> Vec<u8> {
        let s2k = S2K::new_iterated(HashAlgorithm::SHA256, 1024).expect("the smallest count");
        encrypt(plaintext, &text("word"), s2k).expect("it can be encrypted")
    }

    #[test]
    fn no_changed_bit_goes_unseen() {
        let good = quick(b"64 hex digits");
        assert_eq!(
            decrypt_with_password(&good, &text("word"))
                .ok()
                .unwrap()
                .expose(),
            b"64 hex digits"
        );
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(
                decrypt_with_password(&bad, &text("word")).is_err(),
                "bit {at}"
            );
        }
        for length in 0..good.len() {
            assert!(
                decrypt_with_password(&good[..length], &text("word")).is_err(),
                "cut at {length}"
            );
        }
    }

    #[test]
    fn no_changed_bit_of_the_armor_gives_another_text() {
        let good = armor::encode(Kind::Message, None, true, &quick(b"text"));
        let mut refused = 0;
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            match decrypt_with_password(&bad, &text("word")) {
                Ok(same) => assert_eq!(same.expose(), b"text", "bit {at}"),
                Err(_) => refused += 1,
            }
        }
        // Only a line's end may differ (the byte before a line feed can become white space).
        assert!(
            refused > good.len() * 8 - 40,
            "{refused} of {}",
            good.len() * 8
        );
    }

    #[test]
    fn a_wrong_password_is_told_from_damage() {
        let good = quick(b"text");
        for wrong in ["Word", "word ", "", "other"] {
            let opened = decrypt_with_password(&good, &text(wrong));
            assert!(
                matches!(opened, Err(DecryptError::WrongPassword)),
                "{wrong:?}"
            );
        }
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        let opened = decrypt_with_password(&bad, &text("word"));
        assert!(matches!(opened, Err(DecryptError::Damaged(_))));
        let twice = [good.clone(), good].concat();
        assert!(matches!(
            decrypt_with_password(&twice, &text("word")),
            Err(DecryptError::Form(_))
        ));
        let huge = vec![0xc0; MAX_MESSAGE + 1];
        assert!(matches!(
            decrypt_with_password(&huge, &text("")),
            Err(DecryptError::TooLarge(_))
        ));
    }

    #[test]
    fn other_forms_are_refused() {
        let write = |passwords: &[&str], new: bool| {
            let mut binary = Vec::new();
            let mut encryptor =
                Encryptor::with_passwords(Message::new(&mut binary), passwords.iter().copied());
            if new {
                encryptor = encryptor.aead_algo(sequoia::types::AEADAlgorithm::OCB);
            }
            let mut literal = LiteralWriter::new(encryptor.build().unwrap())
                .build()
                .unwrap();
            literal.write_all(b"text").unwrap();
            literal.finalize().unwrap();
            binary
        };
        let opened = decrypt_with_password(&write(&["word"], false), &text("word"));
        assert!(opened.is_ok_and(|plain| plain.expose() == b"text"));
        for other in [write(&["word", "second"], false), write(&["word"], true)] {
            let opened = decrypt_with_password(&other, &text("word"));
            assert!(matches!(opened, Err(DecryptError::Form(None))));
        }
    }

    #[test]
    fn the_form_is_the_promised_one() {
        let message = encrypt_with_password(b"text", &text("word"), Some("REHEARSAL")).unwrap();
        assert!(message.starts_with(b"-----BEGIN PGP MESSAGE-----\nComment: REHEARSAL\n\n"));
        let binary = armor::decode(Kind::Message, &message).unwrap();
        // New-format SKESK of 46 bytes, version 4, AES-256, S2K 3, SHA-256, salt, largest count.
        assert_eq!(binary[..6], [0xc3, 46, 4, 9, 3, 8]);
        assert_eq!(binary[14], 0xff);
        // 33 bytes of encrypted session key, then a SEIPD of version 1.
        assert_eq!((binary[48], binary[50]), (0xd2, 1));
        assert_eq!(
            decrypt_with_password(&message, &text("word"))
                .ok()
                .unwrap()
                .expose(),
            b"text"
        );
        let none = encrypt_with_password(b"text", &text(""), None);
        assert!(matches!(none, Err(OpenPgpError::Unprotected)));
    }

    #[test]
    fn any_length_comes_back() {
        for length in [0, 1, 15, 16, 17, 191, 192, 8383, 8384, 70_000] {
            let plaintext = vec![7; length];
            let opened = decrypt_with_password(&quick(&plaintext), &text("word"));
            assert!(
                opened.is_ok_and(|plain| plain.expose() == plaintext),
                "{length}"
            );
        }
    }
}
