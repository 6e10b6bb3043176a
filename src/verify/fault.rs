//! Why a record is not accepted.

use std::fmt;

use super::PinFault;
use crate::attestation::Doubt;
use crate::engine::Refusal;
use crate::error::Explain;
use crate::openpgp::{OpenPgpError, VerifyError};
use crate::plan::{Operator, PlanError};
use crate::record::transcript::{TranscriptError, Why};

/// See the module.
#[derive(Debug)]
pub enum Fault {
    /// The transcript is not well formed.
    Transcript(TranscriptError),
    /// The entries do not follow from the plan.
    Refusal(Refusal),
    /// The plan in the record is not accepted.
    Plan(PlanError),
    /// A file is not as it must be.
    File(String, FileFault),
    /// The id does not fit the mode, the plan or the form.
    BadId(String),
    /// The record is of another ceremony than asked for.
    OtherId(String),
    /// The record does not follow the one that was named.
    OtherPrevious,
    /// An operator is not the one that is pinned, or not the one that was called.
    OtherOperator(Operator),
    /// Both operators have the same key.
    SameOperator,
    /// An operator's certificate cannot be read.
    Certificate(Operator, OpenPgpError),
    /// What an operator's token showed is not believed.
    Token(Operator, Doubt),
    /// What the token showed that the key was made in is not believed.
    KeyToken(Doubt),
    /// The certificate of a key that was made cannot be read, or without a reason: it is of
    /// another key than the transcript says.
    Key(String, Option<OpenPgpError>),
    /// A checkpoint's signature is not good; without a reason, its time does not fit.
    Signature(u32, Operator, Option<VerifyError>),
    /// A closing signature is not good; without a reason, its time does not fit.
    ClosingSignature(Operator, Option<VerifyError>),
    /// Closed without its closing signatures, or one of them without `closed`.
    NotCompleted(String),
    /// A file beside the record is not what was stored.
    Beside(String),
    /// The verifier's pin does not belong to this record.
    Pin(PinFault),
}

/// What can be wrong with a file of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It is not there.
    Missing,
    /// It is not what the record says.
    Changed,
    /// Nothing in the record calls for it.
    Unexpected,
    /// It is a link, a device, or too large.
    Odd,
    /// A detail without a nonce in its first line.
    NoNonce,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Transcript(error) => error.fmt(f),
            Fault::Refusal(error) => error.fmt(f),
            Fault::Plan(error) => write!(f, "the plan in the record is not accepted: {error}"),
            Fault::File(path, fault) => {
                let what = match fault {
                    FileFault::Missing => "is missing",
                    FileFault::Changed => "is not what the record says",
                    FileFault::Unexpected => "does not belong to the record",
                    FileFault::Odd => "is a link, a device, or too large",
                    FileFault::NoNonce => "does not begin with a nonce",
                };
                write!(f, "{} {what}", path.escape_default())
            }
            Fault::BadId(id) => write!(f, "{id} is not an id of this plan and mode"),
            Fault::OtherId(id) => write!(f, "this is the record of {id}"),
            Fault::OtherPrevious => f.write_str("it does not follow the record that was named"),
            Fault::OtherOperator(operator) => write!(f, "operator {operator} is somebody else"),
            Fault::SameOperator => f.write_str("both operators have the same key"),
            Fault::Certificate(operator, error) => {
                write!(f, "operator {operator}'s certificate: {error}")
            }
            Fault::Token(operator, doubt) => write!(f, "operator {operator}'s YubiKey: {doubt}"),
            Fault::KeyToken(doubt) => write!(f, "the YubiKey with the key: {doubt}"),
            Fault::Key(path, Some(error)) => write!(f, "{path}: {error}"),
            Fault::Key(path, None) => {
                write!(f, "{path} is of another key than the transcript says")
            }
            Fault::Signature(entry, operator, Some(why)) => {
                write!(
                    f,
                    "operator {operator}'s signature of entry {entry} is not good: {why}"
                )
            }
            Fault::Signature(entry, operator, None) => {
                write!(
                    f,
                    "operator {operator}'s signature of entry {entry} was made at another time"
                )
            }
            Fault::ClosingSignature(operator, Some(why)) => {
                write!(
                    f,
                    "operator {operator}'s closing signature is not good: {why}"
                )
            }
            Fault::ClosingSignature(operator, None) => {
                write!(
                    f,
                    "operator {operator}'s closing signature was made before the end"
                )
            }
            Fault::NotCompleted(path) => write!(f, "the record was not completed: {path}"),
            Fault::Pin(fault) => fault.fmt(f),
            Fault::Beside(path) => write!(f, "{path}, beside the record, is not what was stored"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Fault::Token(_, doubt) | Fault::KeyToken(doubt) => doubt.source(),
            Fault::Certificate(_, error) | Fault::Key(_, Some(error)) => error.source(),
            Fault::Signature(_, _, Some(error)) | Fault::ClosingSignature(_, Some(error)) => {
                error.source()
            }
            _ => None,
        }
    }
}

impl Explain for Fault {
    fn remedy(&self) -> String {
        let interrupted = "If the ceremony was interrupted, complete it with `ceremony resume` on \
                           the offline machine. Otherwise do not rely on this copy.";
        match self {
            Fault::Transcript(error) if error.why == Why::CutShort => error.remedy(),
            Fault::NotCompleted(_) | Fault::File(_, FileFault::Unexpected) => {
                interrupted.to_string()
            }
            Fault::OtherId(_) | Fault::OtherPrevious | Fault::OtherOperator(_) => {
                "See that this is the record you mean, and compare with your own notes. If it is, \
                 do not rely on it."
                    .to_string()
            }
            Fault::Pin(_) => {
                "See that pin and record are of the same ceremony. If they are, do not encrypt \
                 to that key: ask the verifier and both operators what was said in the call."
                    .to_string()
            }
            Fault::Token(_, Doubt::UnknownRoot(_)) => "If the YubiKey is newer than this program, \
                check the record with a newer version of it. Otherwise do not rely on this record: \
                the operator's key may be in something that only looks like a YubiKey."
                .to_string(),
            Fault::KeyToken(Doubt::UnknownRoot(_)) => "If the YubiKey is newer than this program, \
                check the record with a newer version of it. Otherwise do not use the key: it may \
                be in something that only looks like a YubiKey."
                .to_string(),
            Fault::Beside(_) => "Do not use that file. Take it from another medium.".to_string(),
            _ => "Do not rely on this copy, nor on the key. Compare it with the copies on the \
                  other media, and ask both operators."
                .to_string(),
        }
    }
}

impl From<TranscriptError> for Fault {
    fn from(error: TranscriptError) -> Self {
        Fault::Transcript(error)
    }
}

impl From<Refusal> for Fault {
    fn from(error: Refusal) -> Self {
        Fault::Refusal(error)
    }
}
