//! From TOML to a plan: raw types that know the file, then resolved types that know nothing
//! of it. Each value is looked at once, here.

use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::error::{BadValue, PlanError};
use super::lint::{self, Lines};
use super::rule::{Broken, Rule};
use super::{
    BackupSpec, KeyPlace, KeySpec, OperatorDemand, Period, Phase, Plan, ReadBack, Step, StepKind,
    UnknownName, UserIdSource,
};
use crate::attestation::Firmware;
use crate::backup::quorum::Custodian;
use crate::input::{self, BadText, MAX_USER_ID};

/// Limits of texts in bytes: what fits the screen's header, and a few printed lines.
const MAX_ID: usize = 8;
const MAX_PLAN_ID: usize = 32;
const MAX_TITLE: usize = 60;
const MAX_SUMMARY: usize = 160;
const MAX_TEXT: usize = 300;

/// Limits of times in minutes: a step of more than four hours, or a ceremony of more than
/// twelve, is a mistake or should be two.
const STEP_MINUTES: (u32, u32) = (1, 240);
const PLAN_MINUTES: (u32, u32) = (1, 720);

/// Attempts at a read-back. More would let a listener guess.
const ATTEMPTS: (u32, u32) = (1, 5);

const KINDS: &[&str] = &[
    "clock",
    "preflight",
    "roll-call",
    "media",
    "generate",
    "fingerprint",
    "read-back",
    "share",
    "backup",
    "revocation",
    "drill",
    "trial",
    "export",
    "pause",
    "phone",
    "open",
    "enrol",
    "close",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    plan: RawHead,
    key: Option<RawKey>,
    backup: Option<RawBackup>,
    #[serde(default)]
    phase: Vec<RawPhase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    id: Spanned<String>,
    title: Spanned<String>,
    summary: Spanned<String>,
    minutes: Spanned<u32>,
    operators: Option<Spanned<String>>,
    firmware: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawKey {
    r#where: Option<Spanned<String>>,
    profile: Spanned<String>,
    user_id: Spanned<String>,
    expires: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBackup {
    custodians: Spanned<Vec<String>>,
    threshold: Spanned<u8>,
    absent: Option<Spanned<Vec<String>>>,
    tokens: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPhase {
    id: Spanned<String>,
    title: Spanned<String>,
    #[serde(default)]
    step: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStep {
    id: Spanned<String>,
    kind: Spanned<String>,
    text: Spanned<String>,
    minutes: Spanned<u32>,
    value: Option<Spanned<String>>,
    encoding: Option<Spanned<String>>,
    speaker: Option<Spanned<String>>,
    listener: Option<Spanned<String>>,
    max_attempts: Option<Spanned<u32>>,
    authorise: Option<Spanned<Vec<String>>>,
}

/// Reads, resolves and lints.
pub(super) fn parse(source: &str) -> Result<Plan, PlanError> {
    let raw: RawPlan = input::read(source)?;
    let file = File { source };
    let plan = file.plan(&raw)?;
    lint::check(&plan, &file.lines(&raw))?;
    Ok(plan)
}

/// The file that is being resolved; it turns places into lines.
struct File<'a> {
    source: &'a str,
}

impl File<'_> {
    fn plan(&self, raw: &RawPlan) -> Result<Plan, PlanError> {
        let head = &raw.plan;
        let operators = match &head.operators {
            Some(demand) => self.name("operators", demand)?,
            None => OperatorDemand::Any,
        };
        Ok(Plan {
            id: self.plan_id(&head.id)?,
            title: self.text("title", &head.title, MAX_TITLE)?,
            summary: self.text("summary", &head.summary, MAX_SUMMARY)?,
            minutes: self.number("minutes", &head.minutes, PLAN_MINUTES)?,
            operators,
            firmware: self.firmware(head.firmware.as_ref())?,
            key: raw.key.as_ref().map(|key| self.key(key)).transpose()?,
            backup: raw
                .backup
                .as_ref()
                .map(|backup| self.backup(backup))
                .transpose()?,
            phases: raw
                .phase
                .iter()
                .map(|phase| self.phase(phase))
                .collect::<Result<_, _>>()?,
            source: self.source.to_string(),
        })
    }

    fn plan_id(&self, raw: &Spanned<String>) -> Result<String, PlanError> {
        let id = raw.get_ref();
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if id.is_empty() || id.len() > MAX_PLAN_ID || !id.bytes().all(letter) {
            return Err(self.bad("id", raw, BadValue::PlanId));
        }
        Ok(id.clone())
    }

    fn firmware(&self, raw: Option<&Spanned<String>>) -> Result<Option<Firmware>, PlanError> {
        let read = |raw: &Spanned<String>| {
            Firmware::parse(raw.get_ref())
                .ok_or_else(|| self.bad("firmware", raw, BadValue::Firmware))
        };
        raw.map(read).transpose()
    }

    fn key(&self, raw: &RawKey) -> Result<KeySpec, PlanError> {
        let expires = match raw.expires.get_ref().as_str() {
            "never" => None,
            text => Some(
                Period::parse(text)
                    .ok_or_else(|| self.bad("expires", &raw.expires, BadValue::Period))?,
            ),
        };
        let place = match &raw.r#where {
            Some(place) => self.name("where", place)?,
            None => KeyPlace::Memory,
        };
        Ok(KeySpec {
            place,
            profile: self.name("profile", &raw.profile)?,
            user_id: self.user_id(&raw.user_id)?,
            expires,
        })
    }

    fn user_id(&self, raw: &Spanned<String>) -> Result<UserIdSource, PlanError> {
        let text = raw.get_ref();
        match text.strip_prefix("site:") {
            Some("backup-address") => Ok(UserIdSource::Site),
            Some(_) => Err(self.bad("user-id", raw, BadValue::SiteValue)),
            None => match input::unicode_text(text, MAX_USER_ID) {
                Ok(()) => Ok(UserIdSource::Literal(text.clone())),
                Err(bad) => Err(self.bad("user-id", raw, BadValue::Text(bad))),
            },
        }
    }

    fn backup(&self, raw: &RawBackup) -> Result<BackupSpec, PlanError> {
        Ok(BackupSpec {
            custodians: self.people("custodians", &raw.custodians)?,
            threshold: usize::from(*raw.threshold.get_ref()),
            absent: match &raw.absent {
                Some(absent) => self.people("absent", absent)?,
                None => Vec::new(),
            },
            tokens: raw.tokens.as_ref().is_some_and(|tokens| *tokens.get_ref()),
        })
    }

    fn people(
        &self,
        key: &'static str,
        raw: &Spanned<Vec<String>>,
    ) -> Result<Vec<Custodian>, PlanError> {
        let letters = raw.get_ref().iter().map(|name| Custodian::parse(name));
        letters
            .collect::<Option<_>>()
            .ok_or_else(|| self.bad(key, raw, BadValue::Custodian))
    }

    fn phase(&self, raw: &RawPhase) -> Result<Phase, PlanError> {
        Ok(Phase {
            id: self.text("id", &raw.id, MAX_ID)?,
            title: self.text("title", &raw.title, MAX_TITLE)?,
            steps: raw
                .step
                .iter()
                .map(|step| self.step(step))
                .collect::<Result<_, _>>()?,
        })
    }

    fn step(&self, raw: &RawStep) -> Result<Step, PlanError> {
        let id = self.text("id", &raw.id, MAX_ID)?;
        Ok(Step {
            kind: self.kind(raw)?,
            text: self.text("text", &raw.text, MAX_TEXT)?,
            minutes: self.number("minutes", &raw.minutes, STEP_MINUTES)?,
            authorise: self.authorise(&id, raw.authorise.as_ref())?,
            id,
        })
    }

    /// Both or nobody: a step that only one operator authorises can't be expressed.
    fn authorise(&self, step: &str, raw: Option<&Spanned<Vec<String>>>) -> Result<bool, PlanError> {
        let Some(names) = raw else { return Ok(false) };
        if names.get_ref() == &["A", "B"] {
            return Ok(true);
        }
        let line = self.line(names.span());
        Err(Broken {
            rule: Rule::AuthoriseBoth,
            step: Some(step.to_string()),
            line,
        }
        .into())
    }

    fn kind(&self, raw: &RawStep) -> Result<StepKind, PlanError> {
        let kind = match raw.kind.get_ref().as_str() {
            "clock" => StepKind::Clock,
            "preflight" => StepKind::Preflight,
            "roll-call" => StepKind::RollCall,
            "media" => StepKind::Media,
            "generate" => StepKind::Generate,
            "fingerprint" => StepKind::Fingerprint,
            "read-back" => return Ok(StepKind::ReadBack(self.read_back(raw)?)),
            "share" => StepKind::Share,
            "backup" => StepKind::Backup,
            "revocation" => StepKind::Revocation,
            "drill" => StepKind::Drill,
            "trial" => StepKind::Trial,
            "export" => StepKind::Export,
            "pause" => StepKind::Pause,
            "phone" => StepKind::Phone,
            "open" => StepKind::Open,
            "enrol" => StepKind::Enrol,
            "close" => StepKind::Close,
            _ => {
                let unknown = UnknownName { known: KINDS };
                return Err(self.bad("kind", &raw.kind, BadValue::Unknown(unknown)));
            }
        };
        self.no_read_back_keys(kind.name(), raw)?;
        Ok(kind)
    }

    fn no_read_back_keys(&self, kind: &'static str, raw: &RawStep) -> Result<(), PlanError> {
        let texts = [
            ("value", &raw.value),
            ("encoding", &raw.encoding),
            ("speaker", &raw.speaker),
            ("listener", &raw.listener),
        ];
        let text = texts
            .into_iter()
            .find_map(|(key, value)| Some((key, value.as_ref()?.span())));
        let number = raw
            .max_attempts
            .as_ref()
            .map(|value| ("max-attempts", value.span()));
        match text.or(number) {
            Some((key, span)) => Err(self.bad_at(key, span, BadValue::NotForKind(kind))),
            None => Ok(()),
        }
    }

    fn read_back(&self, raw: &RawStep) -> Result<ReadBack, PlanError> {
        let value = self.needed("value", raw, &raw.value)?;
        if value.get_ref() != "fingerprint" {
            let unknown = UnknownName {
                known: &["fingerprint"],
            };
            return Err(self.bad("value", value, BadValue::Unknown(unknown)));
        }
        let attempts = self.needed("max-attempts", raw, &raw.max_attempts)?;
        Ok(ReadBack {
            encoding: self.name("encoding", self.needed("encoding", raw, &raw.encoding)?)?,
            speaker: self.name("speaker", self.needed("speaker", raw, &raw.speaker)?)?,
            listener: self.name("listener", self.needed("listener", raw, &raw.listener)?)?,
            max_attempts: self.number("max-attempts", attempts, ATTEMPTS)?,
        })
    }

    fn needed<'r, T>(
        &self,
        key: &'static str,
        step: &RawStep,
        value: &'r Option<Spanned<T>>,
    ) -> Result<&'r Spanned<T>, PlanError> {
        let missing = BadValue::MissingForKind("read-back");
        value
            .as_ref()
            .ok_or_else(|| self.bad(key, &step.id, missing))
    }

    fn text(
        &self,
        key: &'static str,
        raw: &Spanned<String>,
        limit: usize,
    ) -> Result<String, PlanError> {
        let refuse = |bad: BadText| self.bad(key, raw, BadValue::Text(bad));
        input::ascii_text(raw.get_ref(), limit).map_err(refuse)?;
        Ok(raw.get_ref().clone())
    }

    fn name<T: FromStr<Err = UnknownName>>(
        &self,
        key: &'static str,
        raw: &Spanned<String>,
    ) -> Result<T, PlanError> {
        raw.get_ref()
            .parse()
            .map_err(|unknown| self.bad(key, raw, BadValue::Unknown(unknown)))
    }

    fn number(
        &self,
        key: &'static str,
        raw: &Spanned<u32>,
        (low, high): (u32, u32),
    ) -> Result<u32, PlanError> {
        let number = *raw.get_ref();
        if (low..=high).contains(&number) {
            return Ok(number);
        }
        Err(self.bad(key, raw, BadValue::Outside(low, high)))
    }

    fn bad<T>(&self, key: &'static str, raw: &Spanned<T>, problem: BadValue) -> PlanError {
        self.bad_at(key, raw.span(), problem)
    }

    fn bad_at(&self, key: &'static str, span: Range<usize>, problem: BadValue) -> PlanError {
        PlanError::Value {
            line: self.line(span),
            key,
            problem,
        }
    }

    fn line(&self, span: Range<usize>) -> usize {
        input::line_at(self.source, Some(span))
    }

    /// Where each thing stands that the lint may speak of.
    fn lines(&self, raw: &RawPlan) -> Lines {
        let line = |span| self.line(span);
        let minutes = line(raw.plan.minutes.span());
        let backup = raw.backup.as_ref();
        let phases = raw.phase.iter();
        Lines {
            minutes,
            firmware: raw
                .plan
                .firmware
                .as_ref()
                .map_or(minutes, |value| line(value.span())),
            key: raw
                .key
                .as_ref()
                .map_or(minutes, |key| line(key.profile.span())),
            custodians: backup.map_or(minutes, |backup| line(backup.custodians.span())),
            threshold: backup.map_or(minutes, |backup| line(backup.threshold.span())),
            absent: backup
                .and_then(|backup| backup.absent.as_ref())
                .map_or(minutes, |absent| line(absent.span())),
            tokens: backup
                .and_then(|backup| backup.tokens.as_ref())
                .map_or(minutes, |tokens| line(tokens.span())),
            phases: phases.clone().map(|phase| line(phase.id.span())).collect(),
            steps: phases
                .flat_map(|p| &p.step)
                .map(|step| line(step.id.span()))
                .collect(),
        }
    }
}
