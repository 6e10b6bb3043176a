//! Messages that the library reads.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sequoia::cert::Cert;
use sequoia::crypto::SessionKey;
use sequoia::packet::{PKESK, SKESK};
use sequoia::parse::Parse;
use sequoia::parse::stream::{
    DecryptionHelper, Decryptor, DecryptorBuilder, MessageLayer, MessageStructure,
    VerificationHelper,
};
use sequoia::policy::StandardPolicy;
use sequoia::types::SymmetricAlgorithm;
use sequoia_openpgp as sequoia;

use super::super::{SecretKey, policy};
use super::session::Careful;
use super::{Format, Plaintext, UnsealError};

/// How much the library holds back, in bytes. It would hold 25 MB, so as to give out nothing of a
/// small message that is not verified; here nothing is used before all is.
const HELD: usize = 1 << 20;

/// Begins to read a message.
pub(super) fn open<'a>(
    key: &'a SecretKey,
    input: impl Read + Send + 'a,
) -> Result<Plaintext<'a>, UnsealError> {
    static POLICY: LazyLock<StandardPolicy<'static>> = LazyLock::new(policy);
    let opened = Arc::new(AtomicBool::new(false));
    let helper = Helper {
        cert: key.cert(),
        format: Format::Gpg,
        opened: Arc::clone(&opened),
    };
    let reader = DecryptorBuilder::from_reader(Shared(Mutex::new(input)))
        .and_then(|builder| {
            builder
                .buffer_size(HELD)
                .with_policy(&*POLICY, None, helper)
        })
        .map_err(|error| match explained(error) {
            // Nothing was decrypted, so that there is no sign that it ever was a message.
            UnsealError::Altered(why) if !opened.load(Ordering::Relaxed) => {
                UnsealError::NotAMessage(why)
            }
            other => other,
        })?;
    // The session key was looked for already, or the message is none.
    let format = reader.helper_ref().format;
    let reader = Box::new(Reader(reader));
    Ok(Plaintext { format, reader })
}

/// The library wants a reader that threads could share.
struct Shared<R>(Mutex<R>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        input.read(buffer)
    }
}

struct Reader<'a>(Decryptor<'a, Helper<'a>>);

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(explained(error.into()).into())
            }
            other => other,
        }
    }
}

/// Hands the library the secret keys, and remembers how the message was protected.
struct Helper<'a> {
    cert: &'a Cert,
    format: Format,
    /// Set when a session key was found that opens the data's begin.
    opened: Arc<AtomicBool>,
}

impl VerificationHelper for Helper<'_> {
    fn get_certs(&mut self, _: &[sequoia::KeyHandle]) -> sequoia::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    /// Whoever signed inside is not known here, and not asked for.
    fn check(&mut self, structure: MessageStructure) -> sequoia::Result<()> {
        let encrypted = |layer: MessageLayer| matches!(layer, MessageLayer::Encryption { .. });
        if structure.into_iter().any(encrypted) {
            return Ok(());
        }
        Err(UnsealError::NotAMessage(None).into())
    }
}

impl DecryptionHelper for Helper<'_> {
    fn decrypt(
        &mut self,
        recipients: &[PKESK],
        _: &[SKESK],
        cipher: Option<SymmetricAlgorithm>,
        open: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia::Result<Option<Cert>> {
        // Only the header of SEIPD version 2 says which cipher is used.
        if cipher.is_some() {
            self.format = Format::Modern;
        }
        let mut unsupported = false;
        for key in self.cert.keys().unencrypted_secret() {
            let handle = sequoia::KeyHandle::from(key.key().fingerprint());
            let mut pair = Careful::new(key.key())?;
            let for_us = |to: &&PKESK| to.recipient().is_none_or(|to| to.aliases(&handle));
            for recipient in recipients.iter().filter(for_us) {
                let Some((cipher, session)) = recipient.decrypt(&mut pair, cipher) else {
                    continue;
                };
                if open(cipher, &session) {
                    self.opened.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                unsupported |= cipher.is_some_and(|cipher| !cipher.is_supported());
            }
        }
        Err(match unsupported {
            true => UnsealError::Unsupported(None),
            false => UnsealError::NotForThisKey,
        }
        .into())
    }
}

/// What the library's error means for the message.
fn explained(error: sequoia::anyhow::Error) -> UnsealError {
    use sequoia::Error as E;
    let error = match error.downcast::<UnsealError>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    let error = match error.downcast::<io::Error>() {
        Ok(outer) => match outer.downcast::<UnsealError>() {
            Ok(ours) => return ours,
            Err(outer) => match outer.into_inner() {
                Some(inner) => inner,
                None => return UnsealError::Altered(None),
            },
        },
        Err(error) => error.into(),
    };
    match error.downcast_ref() {
        Some(E::MissingSessionKey(_)) => UnsealError::NotForThisKey,
        Some(E::MalformedMessage(_)) => UnsealError::NotAMessage(Some(error)),
        Some(
            E::UnsupportedSymmetricAlgorithm(_)
            | E::UnsupportedAEADAlgorithm(_)
            | E::UnsupportedCompressionAlgorithm(_)
            | E::UnsupportedPublicKeyAlgorithm(_)
            | E::UnsupportedPacketType(_)
            | E::PolicyViolation(..),
        ) => UnsealError::Unsupported(Some(error)),
        _ => UnsealError::Altered(Some(error)),
    }
}
