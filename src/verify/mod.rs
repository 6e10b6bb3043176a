//! Checks a record that a ceremony left behind. Pure: what it checks was read before.
//!
//! `scripts/verify-record` does the same with POSIX tools and gpg; both agree.

mod call;
mod fault;
mod token;
mod words;

pub use call::{PinFault, PinStands};
pub use fault::{Fault, FileFault};
pub use token::TokenSays;
pub use words::content_in_words;

use std::collections::BTreeMap;

use crate::digest::{Digest, Fingerprint};
use crate::engine::{Ending, Message, State};
use crate::error::Exit;
use crate::id;
use crate::openpgp::{self, Certificate};
use crate::pin::Pin;
use crate::plan::{Operator, Plan, StepKind};
use crate::record::event::Event;
use crate::record::files::{self, Claim};
use crate::record::time::UnixTime;
use crate::record::transcript::{self, Placed};
use crate::record::value::{Decision, Mode, Spoken, Standing};

/// What was read from where the record lies.
#[derive(Clone, Default)]
pub struct Material {
    /// The record's files, transcript included.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links, devices and files too large: none may be in a record.
    pub odd: Vec<String>,
    /// Files beside the record, in the ceremony's folder.
    pub beside: BTreeMap<String, Vec<u8>>,
}

/// What the person who verifies knows already.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// The operators' fingerprints, A and B.
    pub operators: [Option<Fingerprint>; 2],
    /// The ceremony's id.
    pub id: Option<String>,
    /// SHA-256 of the closed transcript of the ceremony before.
    pub previous: Option<Digest>,
    /// What the verifier kept of the telephone call.
    pub call: Option<Pin>,
}

/// How far the ceremony came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Closed and signed.
    Closed,
    /// Aborted, on the record.
    Aborted,
    /// Neither.
    Unfinished,
}

/// An operator, as the record and the person who verifies know them.
#[derive(Clone, Debug)]
pub struct Known {
    /// The certificate's primary fingerprint.
    pub fingerprint: Fingerprint,
    /// How it came to be known then.
    pub standing: Standing,
    /// Whether the person who verifies pins it now.
    pub pinned: bool,
    /// What their token showed; `None` where they sign with a key file.
    pub token: Option<TokenSays>,
}

/// What a good record says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The ceremony's id.
    pub id: String,
    /// Ceremony or rehearsal.
    pub mode: Mode,
    /// How far it came.
    pub completion: Completion,
    /// The key's fingerprint, where there is a key.
    pub fingerprint: Option<Fingerprint>,
    /// What the token showed that the key was made in; `None` where it was made in memory.
    pub key_token: Option<TokenSays>,
    /// The last checkpoint's hash.
    pub head: Option<Digest>,
    /// The operators, once roll call was held.
    pub operators: Option<[Known; 2]>,
    /// Whether the plan has a telephone call.
    pub wants_call: bool,
    /// How the fingerprint was confirmed by phone, if it was.
    pub confirmed: Option<Spoken>,
    /// How the verifier's pin compares with the record, if one was given.
    pub call: Option<PinStands>,
    /// The message that was to be opened, and what became of it.
    pub message: Option<Message>,
    /// Entry, step, decision.
    pub exceptions: Vec<(u32, String, Decision)>,
    /// Keys that were given up.
    pub abandoned: Vec<Fingerprint>,
    /// Details and fragments that a public copy withholds.
    pub withheld: Vec<String>,
    /// How many signatures were checked.
    pub signatures: usize,
    /// Which files beside the record were compared.
    pub compared: Vec<String>,
    /// SHA-256 of the transcript: what the next ceremony names as `previous`.
    pub transcript: Digest,
    /// The transcript of the ceremony before, as this record names it.
    pub previous: Option<Digest>,
}

impl Verdict {
    /// Whether both operators are pinned by the person who verifies.
    pub fn pinned(&self) -> bool {
        self.operators
            .as_ref()
            .is_some_and(|both| both.iter().all(|known| known.pinned))
    }

    /// Good so far, but nobody may rely on the key yet: the call is still to come.
    pub fn waits_for_call(&self) -> bool {
        self.wants_call && self.confirmed.is_none() && self.completion == Completion::Unfinished
    }

    /// The exit code: a rehearsal is one whatever else it is.
    pub fn exit(&self) -> Exit {
        if self.mode == Mode::Rehearsal {
            Exit::Rehearsal
        } else if self.completion != Completion::Closed || !self.pinned() {
            Exit::Unfinished
        } else {
            Exit::Good
        }
    }
}

/// Checks everything that can be checked without the media.
pub fn verify(material: &Material, pins: &Pins) -> Result<Verdict, Fault> {
    let file = |path: &str| material.files.get(path).map(Vec::as_slice);
    if let Some(odd) = material.odd.first() {
        return Err(Fault::File(odd.clone(), FileFault::Odd));
    }
    let missing = |path: &str| Fault::File(path.to_string(), FileFault::Missing);
    let bytes = file(files::TRANSCRIPT).ok_or_else(|| missing(files::TRANSCRIPT))?;
    let entries = transcript::parse(bytes)?;
    let withheld = withheld(file(files::REDACTED))?;
    check_files(material, &entries, &withheld)?;
    let plan = plan(file(files::PLAN))?;
    let state = State::replay(&plan, &entries)?;
    let opened = &entries[0].entry.event;
    let Event::Opened { mode, previous, .. } = opened else {
        return Err(Fault::File(
            files::TRANSCRIPT.to_string(),
            FileFault::Changed,
        ));
    };
    let id = state.id.clone().unwrap_or_default();
    if !id::fits(&id, *mode, &plan.id) {
        return Err(Fault::BadId(id));
    }
    check_pins(&id, *previous, pins)?;
    check_keys(material, &entries)?;
    let completion = completion(material, &state)?;
    let signatures = check_signatures(material, &entries, &state, completion)?;
    let tokens = token::check(material, &entries, &state, &withheld)?;
    let key_token = token::check_key(material, &entries, &state, &withheld)?;
    let compared = check_beside(material, &state)?;
    let stands = |pin| call::compare(pin, &state, &entries);
    let call = pins.call.as_ref().map(stands).transpose()?;
    Ok(Verdict {
        operators: operators(&state, pins, tokens)?,
        fingerprint: state.key.as_ref().map(|key| key.fingerprint.clone()),
        key_token,
        head: state.head,
        abandoned: state
            .abandoned
            .iter()
            .map(|key| key.fingerprint.clone())
            .collect(),
        wants_call: plan.steps().any(|(_, step)| step.kind == StepKind::Phone),
        confirmed: state.confirmed,
        call,
        message: state.message.clone(),
        exceptions: state.exceptions.clone(),
        transcript: Digest::of(bytes),
        previous: *previous,
        mode: *mode,
        completion,
        signatures,
        compared,
        withheld,
        id,
    })
}

fn plan(source: Option<&[u8]>) -> Result<Plan, Fault> {
    let text = source.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let missing = || Fault::File(files::PLAN.to_string(), FileFault::Missing);
    let plan = Plan::parse(text.ok_or_else(missing)?).map_err(Fault::Plan)?;
    plan.in_plain_form().map_err(Fault::Plan)
}

/// The details and fragments that a public copy leaves out, one path to a line, in order.
fn withheld(list: Option<&[u8]>) -> Result<Vec<String>, Fault> {
    let Some(bytes) = list else {
        return Ok(Vec::new());
    };
    let changed = || Fault::File(files::REDACTED.to_string(), FileFault::Changed);
    let text = std::str::from_utf8(bytes).map_err(|_| changed())?;
    let paths: Vec<String> = text.lines().map(str::to_string).collect();
    let fits = paths.iter().all(|path| files::may_be_withheld(path));
    let good = text.ends_with('\n') && paths.is_sorted_by(|a, b| a < b) && fits;
    if good { Ok(paths) } else { Err(changed()) }
}

/// Exactly the files that the transcript calls for, with the hashes that it has for them.
fn check_files(material: &Material, entries: &[Placed], withheld: &[String]) -> Result<(), Fault> {
    let claims = files::claims(entries);
    for path in withheld {
        if !claims.contains_key(path) || material.files.contains_key(path) {
            return Err(Fault::File(files::REDACTED.to_string(), FileFault::Changed));
        }
    }
    for (path, claim) in &claims {
        let Claim::Hashed(hash) = claim else { continue };
        match material.files.get(path) {
            Some(bytes) if Digest::of(bytes) == *hash => {}
            Some(_) => return Err(Fault::File(path.clone(), FileFault::Changed)),
            None if withheld.contains(path) => {}
            None => return Err(Fault::File(path.clone(), FileFault::Missing)),
        }
    }
    let closing = Operator::ALL.map(files::closing_signature);
    for path in material.files.keys() {
        let expected = claims.contains_key(path)
            || closing.contains(path)
            || path == files::TRANSCRIPT
            || path == files::REDACTED;
        if !expected {
            return Err(Fault::File(path.clone(), FileFault::Unexpected));
        }
    }
    check_nonces(material, &claims)?;
    check_sums(material, &claims)
}

/// A nonce in the first line makes a detail's hash say nothing about its text.
fn check_nonces(material: &Material, claims: &BTreeMap<String, Claim>) -> Result<(), Fault> {
    let details = claims.keys().filter(|path| path.starts_with("details/"));
    for path in details {
        let Some(bytes) = material.files.get(path) else {
            continue;
        };
        let first = bytes.split_inclusive(|byte| *byte == b'\n').next();
        let nonce = first.and_then(|line| line.strip_suffix(b"\n"));
        let nonce = nonce.and_then(|line| std::str::from_utf8(line).ok());
        if nonce.and_then(Digest::parse).is_none() {
            return Err(Fault::File(path.clone(), FileFault::NoNonce));
        }
    }
    Ok(())
}

/// The certificate of each key that was made is the one that the transcript names.
fn check_keys(material: &Material, entries: &[Placed]) -> Result<(), Fault> {
    for placed in entries {
        let Event::Generated {
            attempt,
            fingerprint,
            ..
        } = &placed.entry.event
        else {
            continue;
        };
        let path = files::certificate(*attempt);
        let bytes = material.files.get(&path).map_or(&[][..], Vec::as_slice);
        let certificate =
            Certificate::from_armored(bytes).map_err(|e| Fault::Key(path.clone(), Some(e)))?;
        if certificate.fingerprint() != *fingerprint {
            return Err(Fault::Key(path, None));
        }
    }
    Ok(())
}

fn check_sums(material: &Material, claims: &BTreeMap<String, Claim>) -> Result<(), Fault> {
    let Some(bytes) = material.files.get(files::SUMS) else {
        return Ok(());
    };
    let changed = || Fault::File(files::SUMS.to_string(), FileFault::Changed);
    let listed = files::parse_sums(bytes).ok_or_else(changed)?;
    let expected: BTreeMap<String, Digest> = claims
        .iter()
        .filter(|(path, _)| *path != files::SUMS)
        .filter_map(|(path, claim)| match claim {
            Claim::Hashed(hash) => Some((path.clone(), *hash)),
            Claim::Pending => None,
        })
        .collect();
    if listed == expected {
        Ok(())
    } else {
        Err(changed())
    }
}

fn check_pins(id: &str, previous: Option<Digest>, pins: &Pins) -> Result<(), Fault> {
    if pins.id.as_deref().is_some_and(|pinned| pinned != id) {
        return Err(Fault::OtherId(id.to_string()));
    }
    if pins.previous.is_some() && pins.previous != previous {
        return Err(Fault::OtherPrevious);
    }
    Ok(())
}

/// Closed with everything that belongs to it, or not closed and without any of it.
fn completion(material: &Material, state: &State) -> Result<Completion, Fault> {
    let closing = Operator::ALL.map(files::closing_signature);
    let has = |path: &String| material.files.contains_key(path);
    match state.ended() {
        Some(Ending::Closed) => match closing.iter().find(|path| !has(path)) {
            Some(path) => Err(Fault::NotCompleted(path.clone())),
            None => Ok(Completion::Closed),
        },
        ended => match closing.iter().find(|path| has(path)) {
            Some(path) => Err(Fault::NotCompleted(path.clone())),
            None if ended == Some(Ending::Aborted) => Ok(Completion::Aborted),
            None => Ok(Completion::Unfinished),
        },
    }
}

fn operators(
    state: &State,
    pins: &Pins,
    mut tokens: [Option<TokenSays>; 2],
) -> Result<Option<[Known; 2]>, Fault> {
    let Some(called) = &state.operators else {
        let pinned = pins.operators.iter().position(Option::is_some);
        return match pinned {
            Some(at) => Err(Fault::OtherOperator(Operator::ALL[at])),
            None => Ok(None),
        };
    };
    for operator in Operator::ALL {
        let at = operator.index();
        let pin = pins.operators[at].as_ref();
        if pin.is_some_and(|pin| *pin != called.fingerprints[at]) {
            return Err(Fault::OtherOperator(operator));
        }
    }
    Ok(Some([0, 1].map(|at| Known {
        fingerprint: called.fingerprints[at].clone(),
        standing: called.standings[at],
        pinned: pins.operators[at].is_some(),
        token: tokens[at].take(),
    })))
}

/// Each signature against exactly one certificate: that of its operator.
fn check_signatures(
    material: &Material,
    entries: &[Placed],
    state: &State,
    completion: Completion,
) -> Result<usize, Fault> {
    let Some(called) = &state.operators else {
        return Ok(0);
    };
    let mut certificates = Vec::new();
    for operator in Operator::ALL {
        let path = files::operator_certificate(operator);
        let bad = |error| Fault::Certificate(operator, error);
        let bytes = material.files.get(&path).map_or(&[][..], Vec::as_slice);
        let certificate = Certificate::from_armored(bytes).map_err(bad)?;
        if certificate.fingerprint() != called.fingerprints[operator.index()] {
            return Err(Fault::OtherOperator(operator));
        }
        certificates.push(certificate);
    }
    if certificates[0].shares_key_material(&certificates[1]) {
        return Err(Fault::SameOperator);
    }
    let text = &material.files[files::TRANSCRIPT];
    let mut checked = 0;
    for (at, placed) in entries.iter().enumerate() {
        if !matches!(placed.entry.event, Event::Authorise { .. }) {
            continue;
        }
        let number = placed.entry.number;
        let latest = entries
            .get(at + 1)
            .map_or(UnixTime::MAX, |next| next.entry.time);
        for (operator, certificate) in Operator::ALL.into_iter().zip(&certificates) {
            let Some(signature) = material.files.get(&files::signature(number, operator)) else {
                continue;
            };
            let window = (placed.entry.time, latest);
            let fault = |why| Fault::Signature(number, operator, why);
            check_one(signature, certificate, &text[..placed.end], window).map_err(fault)?;
            checked += 1;
        }
    }
    if completion == Completion::Closed {
        let closed = &entries[entries.len() - 1].entry;
        for (operator, certificate) in Operator::ALL.into_iter().zip(&certificates) {
            let signature = &material.files[&files::closing_signature(operator)];
            let window = (closed.time, UnixTime::MAX);
            let fault = |why| Fault::ClosingSignature(operator, why);
            check_one(signature, certificate, text, window).map_err(fault)?;
            checked += 1;
        }
    }
    Ok(checked)
}

fn check_one(
    signature: &[u8],
    certificate: &Certificate,
    message: &[u8],
    (earliest, latest): (UnixTime, UnixTime),
) -> Result<(), Option<openpgp::VerifyError>> {
    let signed = openpgp::verify_detached(signature, certificate, message).map_err(Some)?;
    if (earliest..=latest).contains(&signed.at) {
        Ok(())
    } else {
        Err(None)
    }
}

/// What lies beside the record must be what was stored.
fn check_beside(material: &Material, state: &State) -> Result<Vec<String>, Fault> {
    let mut stored: BTreeMap<&str, Digest> = BTreeMap::new();
    if let Some(key) = &state.key {
        stored.insert("certificate.asc", key.certificate);
    }
    for (path, hash) in &state.stored {
        stored.insert(path, *hash);
    }
    let mut compared = Vec::new();
    for (path, hash) in stored {
        if let Some(bytes) = material.beside.get(path) {
            if Digest::of(bytes) != hash {
                return Err(Fault::Beside(path.to_string()));
            }
            compared.push(path.to_string());
        }
    }
    Ok(compared)
}
