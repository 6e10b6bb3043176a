//! The begin of a message: the session key, encrypted to one or more keys.

use std::io::{self, Read};

use sequoia::crypto::mpi::Ciphertext;
use sequoia::crypto::{Decryptor, KeyPair, SessionKey};
use sequoia::packet::key::{PublicParts, SecretParts, UnspecifiedRole};
use sequoia::packet::{Key, PKESK, Packet};
use sequoia::types::SymmetricAlgorithm;
use sequoia_openpgp as sequoia;

use super::super::framing::{Header, Length, first_octet, tag};
use super::super::{SecretKey, packets};
use super::UnsealError;

/// More than any real message has: an attacker's file must not cost hours of RSA.
const MAX_RECIPIENTS: usize = 1000;

/// The largest packet of these that is read, in bytes.
const MAX_PACKET: usize = 64 << 10;

/// What was read.
pub(super) struct Begin {
    recipients: Vec<PKESK>,
    /// The length of the packet that holds the data.
    pub length: Length,
}

/// Reads up to the encrypted data's header; `None` if it is something for the library.
pub(super) fn read(input: &mut impl Read) -> io::Result<Option<Begin>> {
    let mut recipients = Vec::new();
    let mut others = 0;
    loop {
        let mut first = [0];
        super::exactly(input, &mut first).map_err(|_| UnsealError::NotAMessage(None))?;
        // Text: perhaps armor.
        if first[0] & 0x80 == 0 {
            return Ok(None);
        }
        let header = Header::read(&mut (&first[..]).chain(&mut *input))?;
        let Some(header) = header else {
            return Err(UnsealError::NotAMessage(None).into());
        };
        match header.tag {
            tag::PKESK => {
                let body = header.small_body(input, MAX_PACKET)?;
                recipients.extend(parse(&body)?);
            }
            tag::SKESK | tag::MARKER | tag::PADDING => {
                header.small_body(input, MAX_PACKET)?;
                others += 1;
            }
            tag::SEIPD => {
                let length = header.length;
                return Ok(Some(Begin { recipients, length }));
            }
            tag::SED => return Err(UnsealError::Unprotected.into()),
            tag::OCB_OF_GNUPG => return Err(UnsealError::Unsupported(None).into()),
            _ => return Err(UnsealError::NotAMessage(None).into()),
        }
        if recipients.len() + others > MAX_RECIPIENTS {
            return Err(UnsealError::NotAMessage(None).into());
        }
    }
}

/// One recipient; none if it is of a version that nobody knows, and so not for us.
fn parse(body: &[u8]) -> io::Result<Option<PKESK>> {
    let size = u32::try_from(body.len()).expect("it has at most 64 KiB");
    let header = [&[first_octet(tag::PKESK), 0xff][..], &size.to_be_bytes()].concat();
    let found =
        packets(&[&header, body].concat()).map_err(|error| UnsealError::Altered(Some(error)))?;
    Ok(found.into_iter().find_map(|packet| match packet {
        Packet::PKESK(recipient) => Some(recipient),
        _ => None,
    }))
}

impl Begin {
    /// The cipher and session key of SEIPD version 1; `None` if it is something for the library.
    pub fn key_of_v3(
        &self,
        key: &SecretKey,
    ) -> io::Result<Option<(SymmetricAlgorithm, SessionKey)>> {
        let ours = self.decrypt(key, 3)?;
        Ok(ours.and_then(|(cipher, key)| {
            use SymmetricAlgorithm::{AES128, AES192, AES256};
            let cipher = cipher.filter(|cipher| matches!(cipher, AES128 | AES192 | AES256))?;
            Some((cipher, key))
        }))
    }

    /// The session key of SEIPD version 2; `None` if it is something for the library.
    pub fn key_of_v6(&self, key: &SecretKey) -> io::Result<Option<SessionKey>> {
        Ok(self.decrypt(key, 6)?.map(|(_, key)| key))
    }

    /// The session key is looked for in packets of `version` alone, which the version of the data
    /// asks for (RFC 9580, 10.3.2.1), and that name a key of ours.
    fn decrypt(
        &self,
        key: &SecretKey,
        version: u8,
    ) -> io::Result<Option<(Option<SymmetricAlgorithm>, SessionKey)>> {
        let fitting = || self.recipients.iter().filter(|r| r.version() == version);
        let mut named = false;
        for ours in key.cert().keys().unencrypted_secret() {
            let handle = sequoia::KeyHandle::from(ours.key().fingerprint());
            let for_us = |to: &&PKESK| to.recipient().is_some_and(|to| to.aliases(&handle));
            for recipient in fitting().filter(for_us) {
                named = true;
                let mut pair = Careful::new(ours.key())
                    .map_err(|error| UnsealError::Unsupported(Some(error.into())))?;
                if let Some(found) = recipient.decrypt(&mut pair, None) {
                    return Ok(Some(found));
                }
            }
        }
        let hidden = fitting().any(|to| to.recipient().is_none());
        match (named, hidden) {
            (false, true) => Ok(None),
            (false, false) => Err(UnsealError::NotForThisKey.into()),
            (true, _) => Err(UnsealError::Altered(None).into()),
        }
    }
}

/// A secret key that gives no session key rather than one that is too short.
///
/// A wrong RSA ciphertext decrypts to random bytes of a random length (OpenSSL's implicit
/// rejection), and the library looks at the first and the last two without looking at the length.
pub(super) struct Careful(KeyPair);

impl Careful {
    pub fn new(key: &Key<SecretParts, UnspecifiedRole>) -> sequoia::Result<Careful> {
        Ok(Careful(key.clone().into_keypair()?))
    }
}

impl Decryptor for Careful {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        self.0.public()
    }

    fn decrypt(
        &mut self,
        ciphertext: &Ciphertext,
        length: Option<usize>,
    ) -> sequoia::Result<SessionKey> {
        let session = self.0.decrypt(ciphertext, length)?;
        // The cipher and the checksum.
        if session.len() < 3 {
            return Err(sequoia::Error::InvalidSessionKey("it is too short".into()).into());
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use sequoia::packet::pkesk::{PKESK3, PKESK6};
    use sequoia::serialize::Marshal;

    use super::super::super::Profile;
    use super::super::super::testing::key;
    use super::*;

    #[test]
    fn a_session_key_that_is_too_short_is_no_panic() {
        let key = key(Profile::Rsa4096).key;
        let subkey = key
            .cert()
            .keys()
            .subkeys()
            .next()
            .expect("one")
            .key()
            .clone();
        for size in 0..4 {
            let short = subkey.encrypt(&vec![9; size].into()).expect("encrypted");
            let algorithm = subkey.pk_algo();
            let old = PKESK3::new(Some(subkey.keyid()), algorithm, short.clone());
            let new = PKESK6::new(Some(subkey.fingerprint()), algorithm, short);
            for (recipient, version) in [
                (PKESK::from(old.expect("a packet")), 1),
                (PKESK::from(new.expect("a packet")), 2),
            ] {
                let mut message = Vec::new();
                Packet::from(recipient)
                    .serialize(&mut message)
                    .expect("written");
                message.extend([0xd2, 100, version]);
                message.extend([0; 99]);
                let opened = key.unseal(Cursor::new(&message), Vec::new(), &mut |_| {});
                assert!(
                    matches!(opened, Err(UnsealError::Altered(_))),
                    "{size} {opened:?}"
                );
                // The library's way is no panic either.
                let hidden = super::super::library::open(&key, &message[..]).err();
                assert!(hidden.is_some(), "{size}");
            }
        }
    }
}
