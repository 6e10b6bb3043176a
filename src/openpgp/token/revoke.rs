//! The revocation certificate of a key in a token: signed by the token, while it can.

use std::fmt;

use sequoia::cert::CertRevocationBuilder;
use sequoia::packet::Packet;
use sequoia::serialize::Marshal;
use sequoia::types::{HashAlgorithm, ReasonForRevocation};
use sequoia_openpgp as sequoia;
use zeroize::Zeroizing;

use super::super::armor::{self, Kind};
use super::super::{OpenPgpError, UnixTime, system_time};
use super::{SignDigest, TokenCertificate, TokenKeyError, with_signer};
use crate::secret::SecretBytes;

/// More than such a signature has; its buffer must not grow.
const ROOM: usize = 1024;

impl TokenCertificate {
    /// An armored revocation certificate, as in [`super::super::Generated`]: the bare signature
    /// (RFC 9580, section 10.1.3), dated `at`. It was tried on the certificate before it is returned.
    ///
    /// # Errors
    ///
    /// [`TokenKeyError::Token`] as `sign` gave it; [`OpenPgpError::Time`];
    /// [`OpenPgpError::SelfTest`] if what the token made does not revoke.
    pub fn revocation<E: fmt::Debug>(
        &self,
        at: UnixTime,
        comment: Option<&str>,
        sign: SignDigest<'_, E>,
    ) -> Result<SecretBytes, TokenKeyError<E>> {
        let time = system_time(at).ok_or(OpenPgpError::Time)?;
        let public = self.keys.primary()?.role_into_unspecified();
        let builder = CertRevocationBuilder::new()
            .set_signature_creation_time(time)
            .and_then(|builder| {
                // Why it will be used one day, nobody knows yet.
                builder.set_reason_for_revocation(ReasonForRevocation::Unspecified, b"Unspecified")
            })
            .map_err(OpenPgpError::library)?;
        let cert = self.certificate.cert();
        let signature = with_signer(&public, sign, |signer| {
            builder.build(signer, cert, HashAlgorithm::SHA256)
        })?;
        let mut binary = Zeroizing::new(Vec::with_capacity(ROOM));
        Packet::from(signature)
            .serialize(&mut *binary)
            .map_err(OpenPgpError::library)?;
        let armored = armor::encode(Kind::PublicKey, comment, true, &binary);
        let revocation = SecretBytes::from_vec(armored);
        if self.certificate.is_revoked_by(revocation.expose()) {
            Ok(revocation)
        } else {
            Err(OpenPgpError::SelfTest(None).into())
        }
    }
}
