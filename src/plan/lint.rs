//! The lint: what no plan may do. Each rule is a function of its own and hangs on step
//! kinds, because a plan need not make a key.

use super::rule::{Broken, MAX_PHASES, MAX_STEPS, Rule};
use super::{BackupSpec, Operator, OperatorDemand, Plan, Profile, Step, StepKind};
use crate::backup::quorum::{self, Custodian, MAX_CUSTODIANS, MAX_QUORUMS, MIN_THRESHOLD};

/// Where things stand in the file: line numbers, from 1.
pub(super) struct Lines {
    pub minutes: usize,
    pub firmware: usize,
    pub key: usize,
    pub custodians: usize,
    pub threshold: usize,
    pub absent: usize,
    pub tokens: usize,
    /// Each phase's id.
    pub phases: Vec<usize>,
    /// Each step's id, over the whole plan.
    pub steps: Vec<usize>,
}

/// Checks every rule; the first one that is broken is the answer.
pub(super) fn check(plan: &Plan, lines: &Lines) -> Result<(), Broken> {
    let steps = plan.steps().map(|(_, step)| step).collect();
    let lint = Lint { plan, lines, steps };
    RULES.iter().try_for_each(|rule| rule(&lint))
}

/// One rule: `Ok`, or what is broken and where.
type Check = fn(&Lint<'_>) -> Result<(), Broken>;

/// Counts and numbering first: later rules may then speak of steps by their ids.
const RULES: &[Check] = &[
    counts,
    phase_ids,
    step_ids,
    minutes_add_up,
    firmware_of_tokens,
    at_most_one_of_each,
    one_roll_call,
    opening_in_first_phase,
    opening_in_order,
    authorised_after_roll_call,
    what_matters_is_authorised,
    close_is_last,
    no_authorised_pause,
    key_and_generate,
    profile_and_place,
    token_key_has_no_backup,
    trial_of_a_token_alone,
    media_before_generate,
    generate_comes_first,
    generate_is_followed_up,
    nothing_leaves_before_the_drill,
    revocation_before_the_drill,
    read_backs_swap_roles,
    backup_and_its_steps,
    custodians_and_threshold,
    token_capsules,
    no_key_no_steps_of_it,
    phone_after_the_stop,
    opening_makes_no_key,
    enrolling_stands_alone,
];

/// Kinds that a plan has once at most. (Roll call and close have rules of their own.)
const ONCE: [StepKind; 13] = [
    StepKind::Clock,
    StepKind::Preflight,
    StepKind::Media,
    StepKind::Generate,
    StepKind::Share,
    StepKind::Backup,
    StepKind::Revocation,
    StepKind::Drill,
    StepKind::Trial,
    StepKind::Export,
    StepKind::Phone,
    StepKind::Open,
    StepKind::Enrol,
];

/// What every plan begins with, in this order.
const OPENING: [StepKind; 3] = [StepKind::Clock, StepKind::Preflight, StepKind::RollCall];

/// Kinds that can't be undone, or vouch for what can't.
const AUTHORISED: [StepKind; 11] = [
    StepKind::RollCall,
    StepKind::Generate,
    StepKind::Backup,
    StepKind::Revocation,
    StepKind::Drill,
    StepKind::Trial,
    StepKind::Export,
    StepKind::Phone,
    StepKind::Open,
    StepKind::Enrol,
    StepKind::Close,
];

/// What follows a new key, in this order, before anything leaves the room.
const AFTER_GENERATE: [&str; 5] = ["fingerprint", "read-back", "share", "backup", "drill"];

/// The same where the key is in a token: only its revocation certificate is shared.
const AFTER_GENERATE_IN_TOKEN: [&str; 5] =
    ["fingerprint", "read-back", "share", "revocation", "trial"];

/// Kinds that deal with a key, where the plan makes one.
const OF_THE_KEY: [&str; 9] = [
    "fingerprint",
    "read-back",
    "share",
    "backup",
    "revocation",
    "drill",
    "trial",
    "export",
    "phone",
];

/// Kinds by which something leaves the room, or the ceremony stands still or ends.
const LEAVING: [StepKind; 3] = [StepKind::Export, StepKind::Pause, StepKind::Close];

struct Lint<'a> {
    plan: &'a Plan,
    lines: &'a Lines,
    steps: Vec<&'a Step>,
}

impl Lint<'_> {
    /// The index of the first step of that kind.
    fn first(&self, kind: StepKind) -> Option<usize> {
        self.steps.iter().position(|step| step.kind == kind)
    }

    /// Breaks `rule` at the step with that index.
    fn at_step(&self, index: usize, rule: Rule) -> Result<(), Broken> {
        let step = Some(self.steps[index].id.clone());
        Err(Broken {
            rule,
            step,
            line: self.lines.steps[index],
        })
    }

    /// Breaks `rule` at the first step that `wrong` says is wrong.
    fn no_step(
        &self,
        wrong: impl Fn(usize, &Step) -> bool,
        rule: impl Fn(&Step) -> Rule,
    ) -> Result<(), Broken> {
        match self
            .steps
            .iter()
            .enumerate()
            .find(|(index, step)| wrong(*index, step))
        {
            Some((index, step)) => self.at_step(index, rule(step)),
            None => Ok(()),
        }
    }
}

fn at_line(line: usize, rule: Rule) -> Result<(), Broken> {
    Err(Broken {
        rule,
        step: None,
        line,
    })
}

fn counts(lint: &Lint) -> Result<(), Broken> {
    let phases = &lint.plan.phases;
    if phases.is_empty() || phases.len() > MAX_PHASES {
        return at_line(lint.lines.minutes, Rule::PhaseCount(phases.len()));
    }
    if lint.steps.len() > MAX_STEPS {
        return at_line(lint.lines.minutes, Rule::StepCount(lint.steps.len()));
    }
    match phases.iter().position(|phase| phase.steps.is_empty()) {
        Some(empty) => at_line(lint.lines.phases[empty], Rule::EmptyPhase),
        None => Ok(()),
    }
}

fn phase_ids(lint: &Lint) -> Result<(), Broken> {
    for (at, phase) in lint.plan.phases.iter().enumerate() {
        let expected = format!("{}", at + 1);
        if phase.id != expected {
            return at_line(lint.lines.phases[at], Rule::PhaseId { expected });
        }
    }
    Ok(())
}

fn step_ids(lint: &Lint) -> Result<(), Broken> {
    let mut index = 0;
    for phase in &lint.plan.phases {
        for (at, step) in phase.steps.iter().enumerate() {
            let expected = format!("{}.{}", phase.id, at + 1);
            if step.id != expected {
                return lint.at_step(index, Rule::StepId { expected });
            }
            index += 1;
        }
    }
    Ok(())
}

fn minutes_add_up(lint: &Lint) -> Result<(), Broken> {
    let (stated, sum) = (lint.plan.minutes, lint.plan.minutes_left(0));
    if stated == sum {
        return Ok(());
    }
    at_line(lint.lines.minutes, Rule::MinutesAddUp { stated, sum })
}

fn firmware_of_tokens(lint: &Lint) -> Result<(), Broken> {
    match (lint.plan.operators, lint.plan.firmware) {
        (OperatorDemand::Any, Some(_)) => at_line(lint.lines.firmware, Rule::FirmwareWithoutToken),
        _ => Ok(()),
    }
}

fn at_most_one_of_each(lint: &Lint) -> Result<(), Broken> {
    lint.no_step(
        |index, step| {
            ONCE.contains(&step.kind) && lint.first(step.kind).is_some_and(|first| first < index)
        },
        |step| Rule::Repeated {
            kind: step.kind.name(),
        },
    )
}

fn one_roll_call(lint: &Lint) -> Result<(), Broken> {
    let is_roll_call = |step: &&Step| step.kind == StepKind::RollCall;
    match lint.steps.iter().copied().filter(is_roll_call).count() {
        1 => Ok(()),
        0 => at_line(lint.lines.minutes, Rule::RollCallCount(0)),
        count => {
            let last = lint.steps.iter().rposition(is_roll_call).unwrap_or(0);
            lint.at_step(last, Rule::RollCallCount(count))
        }
    }
}

fn opening_in_first_phase(lint: &Lint) -> Result<(), Broken> {
    for kind in OPENING {
        match lint.first(kind) {
            Some(index) if lint.plan.phase_of(index) == 0 => {}
            Some(index) => {
                return lint.at_step(index, Rule::NotInFirstPhase { kind: kind.name() });
            }
            None => {
                let line = lint.lines.phases[0];
                return at_line(line, Rule::NotInFirstPhase { kind: kind.name() });
            }
        }
    }
    Ok(())
}

fn opening_in_order(lint: &Lint) -> Result<(), Broken> {
    let places = OPENING.map(|kind| lint.first(kind));
    match places.windows(2).find(|pair| pair[0] > pair[1]) {
        Some(pair) => lint.at_step(pair[1].unwrap_or(0), Rule::OpeningOrder),
        None => Ok(()),
    }
}

fn authorised_after_roll_call(lint: &Lint) -> Result<(), Broken> {
    let roll_call = lint.first(StepKind::RollCall).unwrap_or(0);
    lint.no_step(
        |index, step| step.authorise && index < roll_call,
        |_| Rule::AuthoriseBeforeRollCall,
    )
}

fn no_authorised_pause(lint: &Lint) -> Result<(), Broken> {
    lint.no_step(
        |_, step| step.authorise && step.kind == StepKind::Pause,
        |_| Rule::AuthorisePause,
    )
}

fn what_matters_is_authorised(lint: &Lint) -> Result<(), Broken> {
    lint.no_step(
        |_, step| AUTHORISED.contains(&step.kind) && !step.authorise,
        |step| Rule::Unauthorised {
            kind: step.kind.name(),
        },
    )
}

fn close_is_last(lint: &Lint) -> Result<(), Broken> {
    let last = lint.steps.len() - 1;
    lint.no_step(
        |index, step| (step.kind == StepKind::Close) != (index == last),
        |_| Rule::CloseLast,
    )
}

fn key_and_generate(lint: &Lint) -> Result<(), Broken> {
    match (&lint.plan.key, lint.first(StepKind::Generate)) {
        (Some(_), None) => at_line(lint.lines.key, Rule::KeyWithoutGenerate),
        (None, Some(index)) => lint.at_step(index, Rule::GenerateWithoutKey),
        _ => Ok(()),
    }
}

/// A token makes keys on P-256; what is made in memory is better made otherwise.
fn profile_and_place(lint: &Lint) -> Result<(), Broken> {
    let Some(key) = &lint.plan.key else {
        return Ok(());
    };
    match (key.is_in_a_token(), key.profile == Profile::P256) {
        (true, true) | (false, false) => Ok(()),
        _ => at_line(lint.lines.key, Rule::ProfileAndPlace),
    }
}

fn token_key_has_no_backup(lint: &Lint) -> Result<(), Broken> {
    let copies = |kind| matches!(kind, StepKind::Backup | StepKind::Drill);
    lint.no_step(
        |_, step| lint.plan.key_is_in_a_token() && copies(step.kind),
        |step| Rule::TokenKeyHasNoBackup {
            kind: step.kind.name(),
        },
    )
}

fn trial_of_a_token_alone(lint: &Lint) -> Result<(), Broken> {
    lint.no_step(
        |_, step| step.kind == StepKind::Trial && !lint.plan.key_is_in_a_token(),
        |_| Rule::TrialWithoutTokenKey,
    )
}

fn media_before_generate(lint: &Lint) -> Result<(), Broken> {
    let Some(generate) = lint.first(StepKind::Generate) else {
        return Ok(());
    };
    match lint.first(StepKind::Media) {
        Some(media) if media < generate => Ok(()),
        _ => lint.at_step(generate, Rule::MediaBeforeGenerate),
    }
}

fn generate_comes_first(lint: &Lint) -> Result<(), Broken> {
    let Some(generate) = lint.first(StepKind::Generate) else {
        return Ok(());
    };
    lint.no_step(
        |index, step| index < generate && OF_THE_KEY.contains(&step.kind.name()),
        |step| Rule::BeforeGenerate {
            kind: step.kind.name(),
        },
    )
}

/// A plan that makes no key has nothing that these steps could deal with.
fn no_key_no_steps_of_it(lint: &Lint) -> Result<(), Broken> {
    if lint.first(StepKind::Generate).is_some() {
        return Ok(());
    }
    lint.no_step(
        |_, step| OF_THE_KEY.contains(&step.kind.name()),
        |step| Rule::BeforeGenerate {
            kind: step.kind.name(),
        },
    )
}

fn generate_is_followed_up(lint: &Lint) -> Result<(), Broken> {
    let Some(generate) = lint.first(StepKind::Generate) else {
        return Ok(());
    };
    let mut done = generate;
    let in_token = lint.plan.key_is_in_a_token();
    let order = match in_token {
        true => AFTER_GENERATE_IN_TOKEN,
        false => AFTER_GENERATE,
    };
    for missing in order {
        match lint.steps[done..]
            .iter()
            .position(|step| step.kind.name() == missing)
        {
            Some(further) => done += further,
            None => {
                let after = lint.steps[done].kind.name();
                let rule = match in_token {
                    true => Rule::AfterTokenKey { missing, after },
                    false => Rule::AfterGenerate { missing, after },
                };
                return lint.at_step(generate, rule);
            }
        }
    }
    Ok(())
}

fn nothing_leaves_before_the_drill(lint: &Lint) -> Result<(), Broken> {
    let Some(generate) = lint.first(StepKind::Generate) else {
        return Ok(());
    };
    let in_token = lint.plan.key_is_in_a_token();
    let proof = match in_token {
        true => StepKind::Trial,
        false => StepKind::Drill,
    };
    let proven = lint.first(proof).unwrap_or(lint.steps.len());
    lint.no_step(
        |index, step| (generate..proven).contains(&index) && LEAVING.contains(&step.kind),
        |step| {
            let kind = step.kind.name();
            match in_token {
                true => Rule::BeforeTrial { kind },
                false => Rule::BeforeDrill { kind },
            }
        },
    )
}

fn revocation_before_the_drill(lint: &Lint) -> Result<(), Broken> {
    if lint.plan.key_is_in_a_token() {
        // What must follow such a key says it all.
        return Ok(());
    }
    let generate = lint.first(StepKind::Generate);
    let Some(revocation) = lint.first(StepKind::Revocation) else {
        return generate.map_or(Ok(()), |index| lint.at_step(index, Rule::RevocationMissing));
    };
    match (lint.first(StepKind::Backup), lint.first(StepKind::Drill)) {
        (Some(backup), Some(drill)) if backup < revocation && revocation < drill => Ok(()),
        _ => lint.at_step(revocation, Rule::RevocationPlace),
    }
}

/// The verifier has the certificate, by a medium that left at the planned stop, before the call.
fn phone_after_the_stop(lint: &Lint) -> Result<(), Broken> {
    let Some(phone) = lint.first(StepKind::Phone) else {
        return Ok(());
    };
    let export = lint.first(StepKind::Export).filter(|at| *at < phone);
    let stop = export.and_then(|export| {
        let between = &lint.steps[export..phone];
        between.iter().find(|step| step.kind == StepKind::Pause)
    });
    match stop {
        Some(_) => Ok(()),
        None => lint.at_step(phone, Rule::PhonePlace),
    }
}

/// A message is opened with a key that was made, drilled and confirmed before.
fn opening_makes_no_key(lint: &Lint) -> Result<(), Broken> {
    match (lint.first(StepKind::Open), lint.first(StepKind::Generate)) {
        (Some(open), Some(_)) => lint.at_step(open, Rule::OpenWithGenerate),
        _ => Ok(()),
    }
}

/// Who the operators are is settled before a key depends on them.
fn enrolling_stands_alone(lint: &Lint) -> Result<(), Broken> {
    let other = [StepKind::Generate, StepKind::Open];
    match lint.first(StepKind::Enrol) {
        Some(enrol) if other.iter().any(|kind| lint.first(*kind).is_some()) => {
            lint.at_step(enrol, Rule::EnrolAlone)
        }
        _ => Ok(()),
    }
}

fn read_backs_swap_roles(lint: &Lint) -> Result<(), Broken> {
    let read_backs: Vec<_> = lint
        .steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step.kind {
            StepKind::ReadBack(read_back) => Some((index, read_back)),
            _ => None,
        })
        .collect();
    if let Some((index, _)) = read_backs.iter().find(|(_, r)| r.speaker == r.listener) {
        return lint.at_step(*index, Rule::SpeakerListens);
    }
    let Some((last, _)) = read_backs.last() else {
        return Ok(());
    };
    for operator in Operator::ALL {
        if !read_backs
            .iter()
            .any(|(_, read_back)| read_back.listener == operator)
        {
            return lint.at_step(*last, Rule::NeverListens { operator });
        }
    }
    Ok(())
}

fn backup_and_its_steps(lint: &Lint) -> Result<(), Broken> {
    let stores = match lint.plan.key_is_in_a_token() {
        true => StepKind::Revocation,
        false => StepKind::Backup,
    };
    for kind in [StepKind::Share, stores] {
        let name = kind.name();
        match (&lint.plan.backup, lint.first(kind)) {
            (Some(_), None) => {
                return at_line(lint.lines.custodians, Rule::BackupUnused { kind: name });
            }
            (None, Some(index)) => {
                return lint.at_step(index, Rule::BackupMissing { kind: name });
            }
            _ => {}
        }
    }
    Ok(())
}

fn custodians_and_threshold(lint: &Lint) -> Result<(), Broken> {
    let Some(backup) = &lint.plan.backup else {
        return Ok(());
    };
    custodians(backup, lint.lines)?;
    threshold(backup, lint.lines)?;
    absent(backup, lint.lines)
}

fn custodians(backup: &BackupSpec, lines: &Lines) -> Result<(), Broken> {
    let people = &backup.custodians;
    let in_order = people.windows(2).all(|pair| pair[0] < pair[1]);
    if in_order
        && people.len() <= MAX_CUSTODIANS
        && people.starts_with(&[Custodian::A, Custodian::B])
    {
        return Ok(());
    }
    at_line(lines.custodians, Rule::Custodians)
}

fn threshold(backup: &BackupSpec, lines: &Lines) -> Result<(), Broken> {
    let custodians = backup.custodians.len();
    if !(MIN_THRESHOLD..=custodians).contains(&backup.threshold) {
        return at_line(lines.threshold, Rule::Threshold { custodians });
    }
    match quorum::quorum_count(custodians, backup.threshold) {
        count if count > MAX_QUORUMS => at_line(lines.threshold, Rule::TooManyQuorums(count)),
        _ => Ok(()),
    }
}

/// A and B together know an absent custodian's share. That gives nothing away only where
/// the two of them can open the backup anyway.
fn absent(backup: &BackupSpec, lines: &Lines) -> Result<(), Broken> {
    let absent = &backup.absent;
    if !absent.is_empty() && backup.threshold != 2 {
        return at_line(lines.absent, Rule::AbsentThreshold);
    }
    let known = |c: &Custodian| backup.custodians.contains(c) && !c.is_operator();
    let distinct = absent.windows(2).all(|pair| pair[0] < pair[1]);
    if distinct && absent.iter().all(known) {
        return Ok(());
    }
    at_line(lines.absent, Rule::AbsentCustodian)
}

/// A and B know nothing that they could not open anyway, each by a token of their own; and what
/// was not drilled is no backup.
fn token_capsules(lint: &Lint) -> Result<(), Broken> {
    let Some(backup) = lint.plan.backup.as_ref().filter(|backup| backup.tokens) else {
        return Ok(());
    };
    let demanded = lint.plan.operators == OperatorDemand::Token;
    let drilled = lint.first(StepKind::Drill).is_some();
    if demanded && backup.threshold == MIN_THRESHOLD && drilled {
        return Ok(());
    }
    at_line(lint.lines.tokens, Rule::TokenCapsules)
}
