//! The verifier's side: what was delivered, and the call that confirms it.
//!
//! [`Delivery`] is what reached the verifier, [`session::hold`] leads through the call on an
//! ordinary machine. The fingerprint of the delivered certificate is never shown before it was
//! typed.

pub mod session;

use std::fmt;

use crate::digest::{Digest, Fingerprint};
use crate::edge::{SystemError, TerminalError};
use crate::error::{Exit, Explain};
use crate::openpgp::{Certificate, OpenPgpError};
use crate::phone::Facts;
use crate::phone::far::{FarCall, HeadStanding};
use crate::pin::{Delivered, Pin};
use crate::record::event::Event;
use crate::record::time::UnixTime;
use crate::record::transcript::{self, TranscriptError};
use crate::record::value::Token;
use crate::sheet;

/// What reached the verifier.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The certificate's file.
    pub certificate: Vec<u8>,
    /// Of the certificate, under the id of the record that came with it or that was typed.
    pub facts: Facts,
    /// The heads of the record that came with it, oldest first; `None` without a record.
    pub heads: Option<Vec<Digest>>,
}

impl Delivery {
    /// Takes an armored certificate, and the transcript that came with it.
    ///
    /// # Errors
    /// The certificate is none, the transcript is none, or they are of two ceremonies.
    pub fn with_record(certificate: &[u8], transcript: &[u8]) -> Result<Delivery, ConfirmError> {
        let entries = transcript::parse(transcript).map_err(ConfirmError::Transcript)?;
        let digest = Digest::of(certificate);
        let mut id = None;
        let mut made = None;
        let mut heads = Vec::new();
        for placed in &entries {
            match &placed.entry.event {
                Event::Opened { id: opened, .. } => id = Some(opened.to_string()),
                Event::Generated { certificate, .. } => made = Some(*certificate),
                Event::Authorise { .. } => heads.push(placed.digest),
                _ => {}
            }
        }
        if made != Some(digest) {
            return Err(ConfirmError::OtherCertificate);
        }
        let id = id.unwrap_or_default();
        Ok(Delivery {
            facts: facts(certificate, &id)?,
            certificate: certificate.to_vec(),
            heads: Some(heads),
        })
    }

    /// Takes a certificate that came alone, and the id as the verifier typed it.
    ///
    /// # Errors
    /// The certificate is none, or the id cannot be one.
    pub fn alone(certificate: &[u8], id: &str) -> Result<Delivery, ConfirmError> {
        if Token::new(id).is_none() || id.len() < 20 {
            return Err(ConfirmError::NotAnId);
        }
        Ok(Delivery {
            facts: facts(certificate, id)?,
            certificate: certificate.to_vec(),
            heads: None,
        })
    }

    /// The pin of a call about this delivery; `None` unless the call was held to its end.
    pub fn pin(&self, call: &FarCall, now: UnixTime) -> Option<Pin> {
        let said = call.said()?;
        let delivered = match (&self.heads, call.head_standing()?) {
            (None, _) => Delivered::None,
            (Some(_), HeadStanding::Last) => Delivered::Last,
            (Some(_), _) => Delivered::Unknown,
        };
        Some(Pin {
            id: said.id,
            fingerprint: Fingerprint::from_bytes(&self.facts.fingerprint)?,
            certificate: self.certificate.clone(),
            head: said.head,
            delivered,
            time: now,
            nonce: said.nonce,
            canaries: said.canaries,
        })
    }
}

fn facts(file: &[u8], id: &str) -> Result<Facts, ConfirmError> {
    let certificate = Certificate::from_armored(file).map_err(ConfirmError::Certificate)?;
    Ok(Facts {
        id: id.to_string(),
        sheet_code: sheet::sheet_code(id, file),
        fingerprint: certificate.fingerprint().bytes().to_vec(),
        certificate: Digest::of(file),
    })
}

/// Why no key was confirmed.
#[derive(Debug)]
pub enum ConfirmError {
    /// The certificate cannot be used.
    Certificate(OpenPgpError),
    /// The transcript that lies beside it is not well formed.
    Transcript(TranscriptError),
    /// The record that lies beside the certificate is of another one.
    OtherCertificate,
    /// This cannot be a ceremony's id.
    NotAnId,
    /// No record came with the certificate, and no id was given.
    NoId,
    /// What was read is of another ceremony, or of another file.
    OtherSheet(&'static str),
    /// The head that was read is an older one of the record that was delivered.
    StaleHead,
    /// Two attempts failed, or the room said so.
    NotConfirmed,
    /// The verifier stopped.
    Stopped,
    /// The terminal is gone.
    Terminal(TerminalError),
    /// No random numbers.
    System(SystemError),
}

impl From<TerminalError> for ConfirmError {
    fn from(error: TerminalError) -> Self {
        ConfirmError::Terminal(error)
    }
}

impl From<SystemError> for ConfirmError {
    fn from(error: SystemError) -> Self {
        ConfirmError::System(error)
    }
}

impl fmt::Display for ConfirmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfirmError::Certificate(_) => f.write_str("the certificate cannot be used"),
            ConfirmError::Transcript(_) => {
                f.write_str("the record beside the certificate is damaged")
            }
            ConfirmError::OtherCertificate => {
                f.write_str("the record beside the certificate is of another certificate")
            }
            ConfirmError::NoId => {
                f.write_str("no record lies beside the certificate, and no id was given")
            }
            ConfirmError::NotAnId => f.write_str("that cannot be the id of a ceremony"),
            ConfirmError::OtherSheet(what) => {
                write!(f, "{what} that was read is not that of the file on this machine")
            }
            ConfirmError::StaleHead => f.write_str(
                "the head that was read is an older one than the last of the record on this machine",
            ),
            ConfirmError::NotConfirmed => f.write_str("the key was NOT confirmed"),
            ConfirmError::Stopped => f.write_str("stopped; nothing was confirmed"),
            ConfirmError::Terminal(error) => error.fmt(f),
            ConfirmError::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConfirmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfirmError::Certificate(error) => Some(error),
            ConfirmError::Transcript(error) => Some(error),
            ConfirmError::Terminal(error) => error.source(),
            ConfirmError::System(error) => error.source(),
            _ => None,
        }
    }
}

impl Explain for ConfirmError {
    fn remedy(&self) -> String {
        match self {
            ConfirmError::Certificate(_) => {
                "Name the file certificate.asc as it came from the ceremony."
            }
            ConfirmError::Transcript(_) | ConfirmError::OtherCertificate => {
                "Do not mix what came from several ceremonies. Ask for a new copy of the handover \
                 medium, in person or by a way that you trust."
            }
            ConfirmError::NoId => {
                "Name the record with --record; or, if none came, the id with --id, as it stands \
                 in HANDOVER.txt."
            }
            ConfirmError::NotAnId => "Type it as it stands in the first lines of HANDOVER.txt.",
            ConfirmError::OtherSheet(_) | ConfirmError::NotConfirmed => {
                "Use this certificate for nothing. Tell the operators, and find out together which \
                 file is the right one: one of you may have been given another key."
            }
            ConfirmError::StaleHead => {
                "Ask the operators for the last head words on their checklists. If these are the \
                 last, one of the two records is not the right one: confirm nothing."
            }
            ConfirmError::Stopped => "Start again when both sides are ready.",
            ConfirmError::Terminal(error) => return error.remedy(),
            ConfirmError::System(error) => return error.remedy(),
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            ConfirmError::NotAnId | ConfirmError::NoId => Exit::Usage,
            ConfirmError::System(error) => error.exit(),
            _ => Exit::Failed,
        }
    }
}
