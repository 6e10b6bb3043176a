//! Why a plan is not accepted.

use std::error::Error;
use std::fmt;

use super::UnknownName;
use super::rule::Broken;
use crate::error::{Exit, Explain};
use crate::input::{BadText, Unreadable};

/// Why a plan is not accepted: the first thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Not TOML, too large, or a key or type that does not belong there.
    Unreadable(Unreadable),
    /// A value that is not accepted.
    Value {
        /// The line in the file, from 1.
        line: usize,
        /// The key whose value it is.
        key: &'static str,
        /// What is wrong with it.
        problem: BadValue,
    },
    /// A rule about the plan as a whole.
    Broken(Broken),
    /// Good TOML, but not in the plain form of a plan that is held.
    Form {
        /// The line in the file, from 1.
        line: usize,
    },
}

impl PlanError {
    /// The line in the file, from 1; only a file that is too large has none.
    pub fn line(&self) -> Option<usize> {
        match self {
            PlanError::Unreadable(unreadable) => unreadable.line(),
            PlanError::Value { line, .. } => Some(*line),
            PlanError::Broken(broken) => Some(broken.line),
            PlanError::Form { line } => Some(*line),
        }
    }

    /// A short name for the kind of failure, the same for all plans that fail this way.
    pub fn class(&self) -> &'static str {
        match self {
            PlanError::Unreadable(Unreadable::TooLarge { .. }) => "too-large",
            PlanError::Unreadable(Unreadable::Malformed { .. }) => "malformed",
            PlanError::Value { problem, .. } => problem.class(),
            PlanError::Broken(broken) => broken.rule.class(),
            PlanError::Form { .. } => "form",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Unreadable(unreadable) => unreadable.fmt(f),
            PlanError::Value { line, key, problem } => {
                write!(f, "line {line}: the value of `{key}` {problem}")
            }
            PlanError::Broken(broken) => broken.fmt(f),
            PlanError::Form { line } => write!(
                f,
                "line {line} is not in the plain form that a check of the record can read"
            ),
        }
    }
}

impl Error for PlanError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // Each `Display` above says all that its part knows; only what lies below is left.
        match self {
            PlanError::Unreadable(unreadable) => unreadable.source(),
            PlanError::Broken(broken) => broken.source(),
            PlanError::Value { .. } | PlanError::Form { .. } => None,
        }
    }
}

impl Explain for PlanError {
    fn remedy(&self) -> String {
        match self {
            PlanError::Unreadable(unreadable) => unreadable.remedy(),
            PlanError::Value { line, key, .. } => {
                format!("Correct `{key}` on line {line}, then check the plan again.")
            }
            PlanError::Broken(broken) => broken.rule.remedy(),
            PlanError::Form { line } => format!(
                "Write line {line} as in the carried plans: one key and its value to a line, \
                 every step under a [[phase.step]] of its own, texts in double quotes."
            ),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl From<Unreadable> for PlanError {
    fn from(unreadable: Unreadable) -> PlanError {
        PlanError::Unreadable(unreadable)
    }
}

impl From<Broken> for PlanError {
    fn from(broken: Broken) -> PlanError {
        PlanError::Broken(broken)
    }
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadValue {
    /// A text that is empty, too long, or has characters that are not accepted.
    Text(BadText),
    /// Not 1 to 32 of `a` to `z`, `0` to `9` and `-`.
    PlanId,
    /// None of the names that are known.
    Unknown(UnknownName),
    /// A number outside these bounds, both included.
    Outside(u32, u32),
    /// Not a validity period.
    Period,
    /// Not a firmware version.
    Firmware,
    /// Not a custodian's letter.
    Custodian,
    /// The site has no such value to give.
    SiteValue,
    /// A key that steps of this kind do not have.
    NotForKind(&'static str),
    /// A key that steps of this kind must have; the line is the step's.
    MissingForKind(&'static str),
}

impl BadValue {
    fn class(&self) -> &'static str {
        match self {
            BadValue::Text(_) => "text",
            BadValue::PlanId => "plan-id",
            BadValue::Unknown(_) => "unknown-name",
            BadValue::Outside(..) => "outside-bounds",
            BadValue::Period => "period",
            BadValue::Firmware => "firmware",
            BadValue::Custodian => "custodian-letter",
            BadValue::SiteValue => "site-value",
            BadValue::NotForKind(_) => "key-not-for-kind",
            BadValue::MissingForKind(_) => "key-missing-for-kind",
        }
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadValue::Text(bad) => bad.fmt(f),
            BadValue::PlanId => f.write_str("is not made of 1 to 32 of a-z, 0-9 and -"),
            BadValue::Unknown(unknown) => unknown.fmt(f),
            BadValue::Outside(low, high) => write!(f, "is not between {low} and {high}"),
            BadValue::Period => f.write_str(
                "is neither `never` nor a number with y, m or d behind it, at most 100 years",
            ),
            BadValue::Firmware => {
                f.write_str("is not three numbers with dots between them, as in 5.7.0")
            }
            BadValue::Custodian => f.write_str("has a name that is not one letter from A to T"),
            BadValue::SiteValue => {
                f.write_str("asks the site for something other than `site:backup-address`")
            }
            BadValue::NotForKind(kind) => write!(f, "does not belong to a `{kind}` step"),
            BadValue::MissingForKind(kind) => write!(f, "is missing; a `{kind}` step needs it"),
        }
    }
}
