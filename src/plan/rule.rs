//! The rules that a plan keeps, as a person reads them: name, cause, remedy.

use std::error::Error;
use std::fmt;

use super::Operator;
use crate::backup::quorum::{MAX_QUORUMS, MIN_THRESHOLD};

/// The most phases a plan may have; each ends with a head copied to paper by hand.
pub(super) const MAX_PHASES: usize = 12;

/// The most steps a plan may have.
pub(super) const MAX_STEPS: usize = 60;

/// A rule that a plan breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which rule.
    pub rule: Rule,
    /// The id of the step, where it is about a step.
    pub step: Option<String>,
    /// The line in the file, from 1.
    pub line: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "line {}, step {step}: {}", self.line, self.rule),
            None => write!(f, "line {}: {}", self.line, self.rule),
        }
    }
}

impl Error for Broken {}

/// A rule about a plan as a whole. `kind` is the name of a step kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A firmware is demanded, but no token.
    FirmwareWithoutToken,
    /// 1 to 12 phases.
    PhaseCount(usize),
    /// At most 60 steps.
    StepCount(usize),
    /// A phase has at least one step.
    EmptyPhase,
    /// Phase ids count 1, 2, 3.
    PhaseId { expected: String },
    /// Step ids count within their phase.
    StepId { expected: String },
    /// The steps' minutes add up to the plan's.
    MinutesAddUp { stated: u32, sum: u32 },
    /// At most one step of this kind.
    Repeated { kind: &'static str },
    /// Exactly one roll call.
    RollCallCount(usize),
    /// The first phase has a step of this kind, and no other phase has.
    NotInFirstPhase { kind: &'static str },
    /// Clock, preflight, roll call, in that order.
    OpeningOrder,
    /// Nobody can authorise before the roll call.
    AuthoriseBeforeRollCall,
    /// A pause is not authorised: going on after it is.
    AuthorisePause,
    /// `authorise` names both operators and nobody else.
    AuthoriseBoth,
    /// Steps of this kind are authorised.
    Unauthorised { kind: &'static str },
    /// Exactly one `close`, as the last step.
    CloseLast,
    /// A key is described, but none is generated.
    KeyWithoutGenerate,
    /// A key is generated, but none is described.
    GenerateWithoutKey,
    /// The media are checked before a key is generated.
    MediaBeforeGenerate,
    /// Steps of this kind deal with the key and come after it.
    BeforeGenerate { kind: &'static str },
    /// What must follow `generate`, in order.
    AfterGenerate {
        missing: &'static str,
        after: &'static str,
    },
    /// Nothing leaves or closes between the key and the drill.
    BeforeDrill { kind: &'static str },
    /// A key in a token has the profile p256, and no other key has it.
    ProfileAndPlace,
    /// A key in a token can't be backed up, so it can't be restored either.
    TokenKeyHasNoBackup { kind: &'static str },
    /// Only a key in a token has a trial.
    TrialWithoutTokenKey,
    /// What must follow `generate` where the key is in a token, in order.
    AfterTokenKey {
        missing: &'static str,
        after: &'static str,
    },
    /// Nothing leaves or closes between a key in a token and its trial.
    BeforeTrial { kind: &'static str },
    /// The call comes after the export and a planned stop.
    PhonePlace,
    /// A plan that opens a message makes no key.
    OpenWithGenerate,
    /// A plan that enrols operators makes no key and opens nothing.
    EnrolAlone,
    /// Custodians are named, but nothing is shared or backed up.
    BackupUnused { kind: &'static str },
    /// A step needs custodians, but none are named.
    BackupMissing { kind: &'static str },
    /// A plan that generates a key also makes its revocation certificate.
    RevocationMissing,
    /// The revocation certificate is written between backup and drill.
    RevocationPlace,
    /// Speaker and listener are two people.
    SpeakerListens,
    /// Each operator listens at least once.
    NeverListens { operator: Operator },
    /// The threshold lies between 2 and the number of custodians.
    Threshold { custodians: usize },
    /// Custodians are distinct, in order, and begin with A and B.
    Custodians,
    /// At most 20 quorums.
    TooManyQuorums(usize),
    /// A custodian may be absent only where A and B are a quorum.
    AbsentThreshold,
    /// The absent are custodians, distinct, and not A or B.
    AbsentCustodian,
    /// Tokens open a backup only where both operators have one, A and B are a quorum, and it is
    /// drilled.
    TokenCapsules,
}

impl Rule {
    /// A short name, the same for all plans that break this rule.
    pub fn class(&self) -> &'static str {
        match self {
            Rule::FirmwareWithoutToken => "firmware-without-token",
            Rule::PhaseCount(_) => "phase-count",
            Rule::StepCount(_) => "step-count",
            Rule::EmptyPhase => "empty-phase",
            Rule::PhaseId { .. } => "phase-id",
            Rule::StepId { .. } => "step-id",
            Rule::MinutesAddUp { .. } => "minutes-add-up",
            Rule::Repeated { .. } => "repeated",
            Rule::RollCallCount(_) => "roll-call-count",
            Rule::NotInFirstPhase { .. } => "not-in-first-phase",
            Rule::OpeningOrder => "opening-order",
            Rule::AuthoriseBeforeRollCall => "authorise-before-roll-call",
            Rule::AuthorisePause => "authorise-pause",
            Rule::AuthoriseBoth => "authorise-both",
            Rule::Unauthorised { .. } => "unauthorised",
            Rule::CloseLast => "close-last",
            Rule::KeyWithoutGenerate => "key-without-generate",
            Rule::GenerateWithoutKey => "generate-without-key",
            Rule::MediaBeforeGenerate => "media-before-generate",
            Rule::BeforeGenerate { .. } => "before-generate",
            Rule::AfterGenerate { .. } => "after-generate",
            Rule::BeforeDrill { .. } => "before-drill",
            Rule::ProfileAndPlace => "profile-and-place",
            Rule::TokenKeyHasNoBackup { .. } => "token-key-has-no-backup",
            Rule::TrialWithoutTokenKey => "trial-without-token-key",
            Rule::AfterTokenKey { .. } => "after-token-key",
            Rule::BeforeTrial { .. } => "before-trial",
            Rule::PhonePlace => "phone-place",
            Rule::OpenWithGenerate => "open-with-generate",
            Rule::EnrolAlone => "enrol-alone",
            Rule::BackupUnused { .. } => "backup-unused",
            Rule::BackupMissing { .. } => "backup-missing",
            Rule::RevocationMissing => "revocation-missing",
            Rule::RevocationPlace => "revocation-place",
            Rule::SpeakerListens => "speaker-listens",
            Rule::NeverListens { .. } => "never-listens",
            Rule::Threshold { .. } => "threshold",
            Rule::Custodians => "custodians",
            Rule::TooManyQuorums(_) => "too-many-quorums",
            Rule::AbsentThreshold => "absent-threshold",
            Rule::AbsentCustodian => "absent-custodian",
            Rule::TokenCapsules => "token-capsules",
        }
    }

    /// What to change in the plan.
    pub fn remedy(&self) -> String {
        let text = match self {
            Rule::FirmwareWithoutToken => {
                "Take the line away, or write operators = \"token\": operators then authorise \
                 with a YubiKey."
            }
            Rule::PhaseCount(_) | Rule::StepCount(_) | Rule::EmptyPhase => {
                "Join or split phases and steps until the counts fit."
            }
            Rule::PhaseId { .. } | Rule::StepId { .. } => {
                "Number phases 1, 2, 3 and their steps 1.1, 1.2, 1.3, leaving none out: the \
                 paper is followed by these numbers."
            }
            Rule::MinutesAddUp { .. } => "Correct the minutes of the steps or of the plan.",
            Rule::Repeated { .. } | Rule::RollCallCount(_) => "Keep one such step.",
            Rule::NotInFirstPhase { .. } | Rule::OpeningOrder => {
                "Begin the first phase with the steps clock, preflight and roll-call: all that \
                 can be refused is refused before anything is made."
            }
            Rule::AuthoriseBeforeRollCall => "Move the step behind the roll call.",
            Rule::AuthorisePause => "Leave `authorise` out here.",
            Rule::AuthoriseBoth | Rule::Unauthorised { .. } => {
                "Write authorise = [\"A\", \"B\"]: a step that matters is authorised by both."
            }
            Rule::CloseLast => "End the last phase with one close step, and have no other.",
            Rule::KeyWithoutGenerate | Rule::GenerateWithoutKey => {
                "Have both a [key] section and a generate step, or neither."
            }
            Rule::MediaBeforeGenerate => "Put a media step before the generate step.",
            Rule::BeforeGenerate { .. }
            | Rule::AfterGenerate { .. }
            | Rule::BeforeDrill { .. }
            | Rule::RevocationMissing
            | Rule::RevocationPlace => {
                "Keep this order: generate, fingerprint, read-back, share, backup, revocation, \
                 drill, and only then export, pause or close."
            }
            Rule::ProfileAndPlace => {
                "Write both lines, profile = \"p256\" and where = \"token\", or neither of them."
            }
            Rule::TokenKeyHasNoBackup { .. } => {
                "Take the step away if you accept that. If the key must have a backup, take the \
                 line with `where` away, and choose another profile."
            }
            Rule::TrialWithoutTokenKey => {
                "Take the step away: a key in memory has a drill instead."
            }
            Rule::AfterTokenKey { .. } | Rule::BeforeTrial { .. } => {
                "Keep this order: generate, fingerprint, read-back, share, revocation, trial, and \
                 only then export, pause or close."
            }
            Rule::PhonePlace => {
                "Keep this order: export, pause, phone: the verifier needs the certificate first."
            }
            Rule::EnrolAlone => {
                "Make two plans of it: the operators are enrolled in a ceremony of its own."
            }
            Rule::OpenWithGenerate => {
                "Make two plans of it: one that makes the key, one that opens messages."
            }
            Rule::BackupUnused { .. } | Rule::BackupMissing { .. } => {
                "Have a [backup] section and the steps share and backup (for a key in a token, share \
                 and revocation), or none of the three."
            }
            Rule::SpeakerListens | Rule::NeverListens { .. } => {
                "Let A read and B type in one read-back, and the other way round in another."
            }
            Rule::Threshold { .. } | Rule::TooManyQuorums(_) => {
                "Change the threshold or the number of custodians."
            }
            Rule::Custodians => "Write the letters in order, as in [\"A\", \"B\", \"C\"].",
            Rule::AbsentThreshold | Rule::AbsentCustodian => {
                "Have the custodian come, or name as absent only a custodian after B, with a \
                 threshold of 2."
            }
            Rule::TokenCapsules => {
                "Take `tokens` away, or write operators = \"token\" and threshold = 2."
            }
        };
        text.to_string()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::FirmwareWithoutToken => {
                f.write_str("a firmware can be demanded only where operators = \"token\"")
            }
            Rule::PhaseCount(n) => write!(f, "there are {n} phases, not 1 to {MAX_PHASES}"),
            Rule::StepCount(n) => write!(f, "there are {n} steps, more than {MAX_STEPS}"),
            Rule::EmptyPhase => f.write_str("a phase has no steps"),
            Rule::PhaseId { expected } => write!(f, "the id of this phase must be {expected}"),
            Rule::StepId { expected } => write!(f, "the id of this step must be {expected}"),
            Rule::MinutesAddUp { stated, sum } => {
                write!(
                    f,
                    "the plan says {stated} minutes, but its steps add up to {sum}"
                )
            }
            Rule::Repeated { kind } => write!(f, "there is a second `{kind}` step"),
            Rule::RollCallCount(n) => write!(f, "there are {n} roll calls, not exactly one"),
            Rule::NotInFirstPhase { kind } => {
                write!(f, "the step `{kind}` belongs into the first phase")
            }
            Rule::OpeningOrder => {
                f.write_str("the clock comes before the preflight, and that before the roll call")
            }
            Rule::AuthoriseBeforeRollCall => {
                f.write_str("nobody can authorise a step before the roll call")
            }
            Rule::AuthorisePause => {
                f.write_str("a pause is not authorised: both authorise going on after it")
            }
            Rule::AuthoriseBoth => {
                f.write_str("`authorise` must name both operators, A and B, and nobody else")
            }
            Rule::Unauthorised { kind } => {
                write!(f, "a `{kind}` step must be authorised by both operators")
            }
            Rule::CloseLast => f.write_str("the last step, and no other, must be `close`"),
            Rule::KeyWithoutGenerate => {
                f.write_str("the plan describes a key, but no step generates one")
            }
            Rule::GenerateWithoutKey => {
                f.write_str("this step generates a key, but the plan has no [key] section")
            }
            Rule::MediaBeforeGenerate => {
                f.write_str("the media must be checked before a key is generated")
            }
            Rule::BeforeGenerate { kind } => {
                write!(
                    f,
                    "a `{kind}` step deals with the key, so it must come after `generate`"
                )
            }
            Rule::AfterGenerate { missing, after } => {
                write!(
                    f,
                    "after this `generate` a `{missing}` step must follow `{after}`"
                )
            }
            Rule::BeforeDrill { kind } => {
                write!(
                    f,
                    "a `{kind}` step must not come between `generate` and the drill"
                )
            }
            Rule::ProfileAndPlace => f.write_str(
                "a key that is made in a token has the profile p256, and no other key has it",
            ),
            Rule::TokenKeyHasNoBackup { kind } => write!(
                f,
                "a `{kind}` step can't be: a key in a token has no backup; if the token is lost \
                 or breaks, nothing that was encrypted to the key can be read again"
            ),
            Rule::TrialWithoutTokenKey => {
                f.write_str("a `trial` step tries a key in a token, and this plan makes none")
            }
            Rule::AfterTokenKey { missing, after } => write!(
                f,
                "after this `generate` in a token a `{missing}` step must follow `{after}`"
            ),
            Rule::BeforeTrial { kind } => write!(
                f,
                "a `{kind}` step must not come between `generate` and the trial"
            ),
            Rule::PhonePlace => {
                f.write_str("the call must come after `export` and a `pause` behind it")
            }
            Rule::EnrolAlone => {
                f.write_str("a plan that enrols operators can't make a key or open a message")
            }
            Rule::OpenWithGenerate => {
                f.write_str("a plan that opens a message can't generate a key")
            }
            Rule::BackupUnused { kind } => {
                write!(f, "the plan names custodians, but has no `{kind}` step")
            }
            Rule::BackupMissing { kind } => {
                write!(
                    f,
                    "a `{kind}` step needs a [backup] section that names the custodians"
                )
            }
            Rule::RevocationMissing => {
                f.write_str("a plan that generates a key must also have a `revocation` step")
            }
            Rule::RevocationPlace => {
                f.write_str("the `revocation` step must come between `backup` and `drill`")
            }
            Rule::SpeakerListens => {
                f.write_str("the operator who reads aloud can't be the one who types")
            }
            Rule::NeverListens { operator } => {
                write!(
                    f,
                    "operator {operator} never types what the other one reads aloud"
                )
            }
            Rule::Threshold { custodians } => write!(
                f,
                "the threshold must lie between {MIN_THRESHOLD} and the number of custodians, \
                 {custodians}"
            ),
            Rule::Custodians => {
                f.write_str("custodians must be distinct, in order, and begin with A and B")
            }
            Rule::TooManyQuorums(n) => write!(
                f,
                "{n} sets of custodians could open the backup, more than {MAX_QUORUMS}; each is \
                 tried by hand in the drill"
            ),
            Rule::AbsentThreshold => f.write_str(
                "a custodian may be absent only where the threshold is 2: A and B together know \
                 the absent one's share",
            ),
            Rule::AbsentCustodian => {
                f.write_str("only a custodian of this plan other than A and B can be absent, once")
            }
            Rule::TokenCapsules => f.write_str(
                "the operators' tokens may open the backup only where both must have a token, A \
                 and B open it together anyway, and a drill tries it",
            ),
        }
    }
}
