//! Plans: the reviewed definition of a ceremony, read once into types that can be trusted.
//!
//! A plan is strict TOML: unknown keys are refused, there are no includes, conditions or
//! commands. It is read in two stages: raw types that only know TOML (`parse`), then the
//! types below. The lint (`lint`) runs last, so whoever holds a [`Plan`] holds one that
//! keeps every rule, and a rule hangs on step kinds, not on what the ceremony makes.

pub mod checklist;
mod error;
mod form;
mod lint;
mod parse;
mod period;
mod rule;

use std::fmt;
use std::str::FromStr;

use crate::attestation::Firmware;
use crate::backup::quorum::{self, Custodian, Quorum};
use crate::digest::Digest;
use crate::role::Role;

pub use error::{BadValue, PlanError};
pub use period::Period;
pub use rule::{Broken, Rule};

/// A plan that was read, resolved and linted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// 1 to 32 of `a` to `z`, `0` to `9` and `-`; part of the ceremony's id.
    pub id: String,
    /// What people call the ceremony; printable ASCII, at most 60 bytes.
    pub title: String,
    /// What it is for, in a sentence; printable ASCII, at most 160 bytes.
    pub summary: String,
    /// How long it takes; the sum over all steps.
    pub minutes: u32,
    /// Which operators it demands.
    pub operators: OperatorDemand,
    /// The oldest firmware that the operators' tokens may have; only where tokens are demanded.
    pub firmware: Option<Firmware>,
    /// The key that is made; present exactly if a step generates one.
    pub key: Option<KeySpec>,
    /// Who keeps shares; present exactly if steps share and back up.
    pub backup: Option<BackupSpec>,
    /// The phases in order; each has at least one step.
    pub phases: Vec<Phase>,
    /// The file as it was read: the record keeps it, and its digest, byte for byte.
    source: String,
}

impl Plan {
    /// Reads, resolves and lints a plan of at most 64 KiB.
    ///
    /// # Errors
    /// The first thing that is not accepted, with its line and a remedy.
    pub fn parse(source: &str) -> Result<Plan, PlanError> {
        parse::parse(source)
    }

    /// Refuses a plan that is not written in the plain form that a check of the record with POSIX
    /// tools can read. A plan that is to be held must be.
    ///
    /// # Errors
    /// The first line that is written otherwise.
    pub fn in_plain_form(self) -> Result<Plan, PlanError> {
        match form::first_odd_line(&self.source) {
            None => Ok(self),
            Some(line) => Err(PlanError::Form { line }),
        }
    }

    /// The file as it was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The SHA-256 of the file as it was read.
    pub fn digest(&self) -> Digest {
        Digest::of(self.source.as_bytes())
    }

    /// All steps in order, each with the index of its phase.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        let phases = self.phases.iter().enumerate();
        phases.flat_map(|(phase, p)| p.steps.iter().map(move |step| (phase, step)))
    }

    /// The step with that index, counted from 0 over the whole plan.
    pub fn step(&self, index: usize) -> Option<&Step> {
        self.steps().nth(index).map(|(_, step)| step)
    }

    /// How many steps there are.
    pub fn step_count(&self) -> usize {
        self.phases.iter().map(|phase| phase.steps.len()).sum()
    }

    /// Whether it can be held only where tokens are: nobody can play people who have none.
    pub fn needs_tokens(&self) -> bool {
        self.operators == OperatorDemand::Token || self.key_is_in_a_token()
    }

    /// Whether a step opens a message: such a plan is held by `ceremony open`, which brings one.
    pub fn opens_a_message(&self) -> bool {
        self.steps().any(|(_, step)| step.kind == StepKind::Open)
    }

    /// Whether it has sheets that can be printed.
    pub fn has_sheets(&self) -> bool {
        self.steps().any(|(_, step)| step.kind == StepKind::Export)
    }

    /// Whether the key is made in a token, and so never backed up.
    pub fn key_is_in_a_token(&self) -> bool {
        self.key.as_ref().is_some_and(KeySpec::is_in_a_token)
    }

    /// The media that the ceremony needs, where these were brought: to open a message, either
    /// secret medium will do.
    pub fn media(&self, brought: &[Role]) -> Vec<Role> {
        if self.key.is_some() {
            return Role::ALL.to_vec();
        }
        let mut media = vec![Role::OperatorA, Role::OperatorB];
        if !self.opens_a_message() {
            media.push(Role::Public);
        } else if !brought.contains(&Role::Secret1) && brought.contains(&Role::Secret2) {
            media.push(Role::Secret2);
        } else {
            media.push(Role::Secret1);
        }
        media
    }

    /// Whether the steps from this one on use a medium. After the export the handover medium has
    /// left the room, and the secret media are locked away.
    pub fn uses(&self, role: Role, from: usize) -> bool {
        let left = |kinds: &[StepKind]| {
            let mut steps = self.steps().skip(from);
            steps.any(|(_, step)| kinds.contains(&step.kind))
        };
        use StepKind::{Backup, Close, Drill, Export, Media, Open, Revocation};
        match role {
            Role::OperatorA | Role::OperatorB => true,
            Role::Secret1 | Role::Secret2 => {
                left(&[Media, Backup, Revocation, Drill, Export, Open])
            }
            Role::Handover => left(&[Media, Export]),
            Role::Public => left(&[Media, Export, Close]),
        }
    }

    /// The index of the phase that a step belongs to; the last phase past the end.
    pub fn phase_of(&self, step_index: usize) -> usize {
        let past_the_end = self.phases.len().saturating_sub(1);
        self.steps()
            .nth(step_index)
            .map_or(past_the_end, |(phase, _)| phase)
    }

    /// The minutes that are left when a step begins: its own and those of all later ones.
    pub fn minutes_left(&self, step_index: usize) -> u32 {
        self.steps()
            .skip(step_index)
            .map(|(_, step)| step.minutes)
            .sum()
    }
}

/// Which kind of operators a plan demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorDemand {
    /// With a token or with a passphrase-protected file.
    Any,
    /// With a token only.
    Token,
}

/// The key that a plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where it is made.
    pub place: KeyPlace,
    /// Algorithms and OpenPGP version.
    pub profile: Profile,
    /// Where the user ID comes from.
    pub user_id: UserIdSource,
    /// How long the key is valid from its creation; `None` is for ever.
    pub expires: Option<Period>,
}

impl KeySpec {
    /// Whether the key is made in a token.
    pub fn is_in_a_token(&self) -> bool {
        self.place == KeyPlace::Token
    }
}

/// Where a key is made; `where` in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In this machine's memory, from where it goes to its backup.
    Memory,
    /// In a token, which it never leaves: there is no backup.
    Token,
}

/// Algorithms and OpenPGP version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// RSA with 4096 bits, version 4: every OpenPGP program since 2000 can encrypt to it.
    Rsa4096,
    /// Ed25519 and X25519, version 4.
    Modern,
    /// Version 6 (RFC 9580); GnuPG can't use it.
    V6,
    /// ECDSA and ECDH on P-256, version 4: what a token makes.
    P256,
}

/// Where a key's user ID comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserIdSource {
    /// The site's `backup-address`; `site:backup-address` in the plan.
    Site,
    /// The plan's own text: UTF-8, at most 200 bytes.
    Literal(String),
}

/// Who keeps shares of the backup, and how many of them open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSpec {
    /// A and B first, then the others in order; 2 to 20.
    pub custodians: Vec<Custodian>,
    /// How many custodians open the backup together; 2 to the number of custodians.
    pub threshold: usize,
    /// Custodians who are not in the room. Only where the threshold is 2.
    pub absent: Vec<Custodian>,
    /// The operators' tokens open the backup as well. Only where A and B are a quorum.
    pub tokens: bool,
}

impl BackupSpec {
    /// Every set of custodians that opens the backup, at most 20.
    pub fn quorums(&self) -> Vec<Quorum> {
        quorum::quorums(&self.custodians, self.threshold)
    }

    /// The names of all capsules, each of which opens the backup: the quorums', then the one for
    /// the operators' tokens, if there is one. With `.asc` they are the files'.
    pub fn capsules(&self) -> Vec<String> {
        let mut names: Vec<String> = self.quorums().iter().map(Quorum::to_string).collect();
        if self.tokens {
            names.push(quorum::TOKENS.to_string());
        }
        names
    }
}

/// A part of the ceremony; at its end the head is copied to paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// `1`, `2`, `3` and so on.
    pub id: String,
    /// Printable ASCII, at most 60 bytes.
    pub title: String,
    /// At least one.
    pub steps: Vec<Step>,
}

/// One step of the ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The phase's id, a dot, the number in the phase: `3.2`.
    pub id: String,
    /// What is done.
    pub kind: StepKind,
    /// What the people at the table are told; printable ASCII, at most 300 bytes.
    pub text: String,
    /// About how long it takes.
    pub minutes: u32,
    /// Whether both operators authorise it; a step never has only one.
    pub authorise: bool,
}

/// What a step does: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Both set the clock.
    Clock,
    /// The machine is checked.
    Preflight,
    /// Both operators say who they are.
    RollCall,
    /// The media are checked.
    Media,
    /// The key is made, in memory alone.
    Generate,
    /// The fingerprint is shown and copied to paper.
    Fingerprint,
    /// One reads aloud, the other types.
    ReadBack(ReadBack),
    /// Each custodian copies their share.
    Share,
    /// The encrypted key and its capsules are written.
    Backup,
    /// The encrypted revocation certificate is written.
    Revocation,
    /// The key is restored from the media and the shares.
    Drill,
    /// The token with the key is plugged in again, and its key is used.
    Trial,
    /// The public key is written.
    Export,
    /// The ceremony waits for something outside the room.
    Pause,
    /// The verifier confirms the fingerprint by telephone.
    Phone,
    /// A message is decrypted with the key of an earlier ceremony, from its backup.
    Open,
    /// The certificates of both operators are handed out.
    Enrol,
    /// The record is closed.
    Close,
}

impl StepKind {
    /// The name in a plan.
    pub fn name(&self) -> &'static str {
        match self {
            StepKind::Clock => "clock",
            StepKind::Preflight => "preflight",
            StepKind::RollCall => "roll-call",
            StepKind::Media => "media",
            StepKind::Generate => "generate",
            StepKind::Fingerprint => "fingerprint",
            StepKind::ReadBack(_) => "read-back",
            StepKind::Share => "share",
            StepKind::Backup => "backup",
            StepKind::Revocation => "revocation",
            StepKind::Drill => "drill",
            StepKind::Trial => "trial",
            StepKind::Export => "export",
            StepKind::Pause => "pause",
            StepKind::Phone => "phone",
            StepKind::Open => "open",
            StepKind::Enrol => "enrol",
            StepKind::Close => "close",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the fingerprint is read from paper and typed by ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// What is read: words or digits.
    pub encoding: Encoding,
    /// Who reads aloud.
    pub speaker: Operator,
    /// Who types what they hear; never the speaker.
    pub listener: Operator,
    /// How many attempts there are, 1 to 5.
    pub max_attempts: u32,
}

/// How a fingerprint is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The PGP word list, a word for each byte.
    PgpWords,
    /// Hexadecimal digits in groups of four.
    Hex,
}

/// One of the two people under dual control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// Operator A.
    A,
    /// Operator B.
    B,
}

impl Operator {
    /// Both operators, A first.
    pub const ALL: [Operator; 2] = [Operator::A, Operator::B];

    /// The one who is not this one.
    pub fn other(self) -> Operator {
        match self {
            Operator::A => Operator::B,
            Operator::B => Operator::A,
        }
    }

    /// 0 for A, 1 for B: the place in whatever holds one thing for each.
    pub fn index(self) -> usize {
        match self {
            Operator::A => 0,
            Operator::B => 1,
        }
    }

    /// `A` or `B`, as the record's actors are named.
    pub fn letter(self) -> char {
        self.custodian().letter()
    }

    /// The custodian who this operator is as well.
    pub fn custodian(self) -> Custodian {
        match self {
            Operator::A => Custodian::A,
            Operator::B => Custodian::B,
        }
    }
}

/// The text is none of the names that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The names that are known.
    pub known: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is none of: {}", self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// Writes and reads an enum by one table, so that the two can't drift apart.
macro_rules! named {
    ($type:ident { $($value:ident = $name:literal),+ }) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($type::$value => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<$type, UnknownName> {
                match text {
                    $($name => Ok($type::$value),)+
                    _ => Err(UnknownName { known: &[$($name),+] }),
                }
            }
        }
    };
}

named!(OperatorDemand { Any = "any", Token = "token" });
named!(KeyPlace { Memory = "memory", Token = "token" });
named!(Profile { Rsa4096 = "rsa4096", Modern = "modern", V6 = "v6", P256 = "p256" });
named!(Encoding { PgpWords = "pgp-words", Hex = "hex" });
named!(Operator { A = "A", B = "B" });

/// A plan that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// The name to ask for it by; the same as the plan's id.
    pub name: &'static str,
    /// The file.
    pub source: &'static str,
}

/// The plans that the program carries.
pub fn carried() -> &'static [Carried] {
    &[
        Carried {
            name: "backup-key",
            source: include_str!("../../ceremony/backup-key.toml"),
        },
        Carried {
            name: "enrol-operator",
            source: include_str!("../../ceremony/enrol-operator.toml"),
        },
        Carried {
            name: "open",
            source: include_str!("../../ceremony/open.toml"),
        },
        Carried {
            name: "token-key",
            source: include_str!("../../ceremony/token-key.toml"),
        },
    ]
}

/// The carried plan of that name; `None` if there is none.
pub fn load_carried(name: &str) -> Option<Result<Plan, PlanError>> {
    carried()
        .iter()
        .find(|plan| plan.name == name)
        .map(|plan| Plan::parse(plan.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup_key() -> Plan {
        load_carried("backup-key")
            .expect("it is carried")
            .expect("it keeps the rules")
    }

    #[test]
    fn names_that_are_not_in_a_table_are_refused() {
        assert_eq!(
            "RSA4096".parse::<Profile>(),
            Err(UnknownName {
                known: &["rsa4096", "modern", "v6", "p256"]
            })
        );
        assert!("C".parse::<Operator>().is_err());
        assert!("".parse::<Encoding>().is_err());
        assert!(load_carried("backup-keys").is_none());
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for profile in [
            Profile::Rsa4096,
            Profile::Modern,
            Profile::V6,
            Profile::P256,
        ] {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        for place in [KeyPlace::Memory, KeyPlace::Token] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for operator in Operator::ALL {
            assert_eq!(operator.to_string().parse(), Ok(operator));
            assert_ne!(operator.other(), operator);
        }
    }

    #[test]
    fn every_carried_plan_is_good_and_named_by_its_id() {
        for carried in carried() {
            let plan = load_carried(carried.name)
                .expect("it is carried")
                .expect("it is good");
            assert_eq!(plan.id, carried.name);
            assert_eq!(plan.source(), carried.source);
            assert_eq!(plan.digest(), Digest::of(carried.source.as_bytes()));
        }
    }

    #[test]
    fn steps_are_counted_over_all_phases() {
        let plan = backup_key();
        assert_eq!(plan.step_count(), plan.steps().count());
        assert_eq!(plan.step(4).map(|step| step.id.as_str()), Some("2.1"));
        assert_eq!((plan.phase_of(3), plan.phase_of(4)), (0, 1));
        assert_eq!(plan.phase_of(999), plan.phases.len() - 1);
        assert_eq!(plan.step(plan.step_count()), None);
        assert_eq!(plan.minutes_left(0), plan.minutes);
        let last = plan.step_count() - 1;
        assert_eq!(
            plan.minutes_left(last),
            plan.step(last).expect("the last").minutes
        );
        assert_eq!(plan.minutes_left(last + 1), 0);
    }

    #[test]
    fn a_plan_needs_the_media_that_its_steps_use() {
        use Role::{OperatorA, OperatorB, Public, Secret1, Secret2};
        assert_eq!(backup_key().media(&[]), Role::ALL);
        let open = load_carried("open").expect("it is carried").expect("good");
        let operators = [OperatorA, OperatorB];
        for (brought, secret) in [
            (&[][..], Secret1),
            (&operators, Secret1),
            (&[Secret1], Secret1),
            (&[Secret2], Secret2),
            (&[Secret1, Secret2], Secret1),
        ] {
            assert_eq!(open.media(brought), [OperatorA, OperatorB, secret]);
        }
        let none = include_str!("../../tests/plans/good/no-key.toml");
        let none = Plan::parse(none).expect("a good plan");
        assert_eq!(none.media(&[Secret2]), [OperatorA, OperatorB, Public]);
    }

    #[test]
    fn after_the_export_some_media_have_left_the_room() {
        let plan = backup_key();
        let used = |kind: &str| {
            let at = plan.steps().position(|(_, step)| step.kind.name() == kind);
            let at = at.expect("the plan has such a step");
            Role::ALL.map(|role| plan.uses(role, at))
        };
        assert_eq!(used("clock"), [true; 6]);
        assert_eq!(used("export"), [true; 6]);
        assert_eq!(used("phone"), [true, true, false, false, false, true]);
        assert_eq!(used("close"), [true, true, false, false, false, true]);
    }

    #[test]
    fn the_backup_key_plan_says_what_the_project_promises() {
        let plan = backup_key();
        assert_eq!(plan.minutes, 60);
        let key = plan.key.expect("it makes a key");
        assert_eq!(
            (key.profile, key.user_id),
            (Profile::Rsa4096, UserIdSource::Site)
        );
        assert_eq!(
            key.expires.map(|period| period.to_string()).as_deref(),
            Some("5y")
        );
        let quorums: Vec<String> = plan
            .backup
            .expect("it backs up")
            .quorums()
            .iter()
            .map(Quorum::to_string)
            .collect();
        assert_eq!(quorums, ["AB", "AC", "BC"]);
    }
}
