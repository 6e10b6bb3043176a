//! `ceremony verify RECORD...`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{CliError, check, place};
use crate::attestation::Proven;
use crate::digest::{Digest, Fingerprint};
use crate::edge::files;
use crate::engine::Message;
use crate::error::{Exit, Explain, Failure};
use crate::pin::Pin;
use crate::record::value::{Mode, Spoken};
use crate::verify::{
    Completion, Fault, Material, PinStands, Pins, TokenSays, Verdict, content_in_words, verify,
};
use crate::words::pgp;

/// `ceremony verify RECORD...`.
#[derive(Args)]
pub(super) struct Verify {
    /// The folder `record`, or the ceremony's folder that holds it; several in their order.
    #[arg(required = true)]
    record: Vec<PathBuf>,
    #[command(flatten)]
    notes: Notes,
    /// Print one JSON object for each record.
    #[arg(long)]
    json: bool,
}

/// What the person who verifies knows already.
#[derive(Args)]
pub(super) struct Notes {
    /// Operator A's fingerprint, from A's own notes.
    #[arg(long, value_name = "FPR")]
    operator_a: Option<String>,
    /// Operator B's fingerprint, from B's own notes.
    #[arg(long, value_name = "FPR")]
    operator_b: Option<String>,
    /// The ceremony's id, of the last record.
    #[arg(long)]
    id: Option<String>,
    /// The SHA-256 of the transcript of the ceremony before the first record.
    #[arg(long, value_name = "HASH")]
    previous: Option<String>,
    /// What the verifier kept of the telephone call, to compare with the last record.
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
}

impl Notes {
    /// The pins that one record is judged with.
    pub(super) fn pins(&self) -> Result<Pins, Failure> {
        Ok(Pins {
            operators: [
                fingerprint(&self.operator_a)?,
                fingerprint(&self.operator_b)?,
            ],
            id: self.id.clone(),
            previous: match &self.previous {
                None => None,
                Some(text) => {
                    Some(Digest::parse(text).ok_or_else(|| CliError::NotHex(text.clone()))?)
                }
            },
            call: self.pin.as_deref().map(read_pin).transpose()?,
        })
    }
}

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let given = self.notes.pins()?;
        let mut previous = given.previous;
        let mut exit = Exit::Good;
        let last = self.record.len() - 1;
        for (at, path) in self.record.iter().enumerate() {
            let pins = Pins {
                operators: given.operators.clone(),
                id: given.id.clone().filter(|_| at == last),
                previous,
                call: given.call.clone().filter(|_| at == last),
            };
            let material = read(path)?;
            match verify(&material, &pins) {
                Ok(verdict) => {
                    previous = Some(verdict.transcript);
                    exit = worse(exit, verdict.exit());
                    check::print(&if self.json {
                        as_json(&verdict)
                    } else {
                        as_text(&verdict)
                    })?;
                }
                Err(fault) => {
                    check::print(&if self.json {
                        fault_json(&fault)
                    } else {
                        fault_text(&fault)
                    })?;
                    return Ok(Exit::Failed);
                }
            }
        }
        Ok(exit)
    }
}

/// The code that outranks: 1, then 3, then 4, then 0.
fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Failed => 3,
        Exit::Rehearsal => 2,
        Exit::Unfinished => 1,
        _ => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn fingerprint(given: &Option<String>) -> Result<Option<Fingerprint>, Failure> {
    let Some(text) = given else { return Ok(None) };
    let parsed = Fingerprint::parse_typed(text).ok_or_else(|| CliError::NotHex(text.clone()))?;
    Ok(Some(parsed))
}

fn read_pin(path: &Path) -> Result<Pin, Failure> {
    let bytes = files::read(path).map_err(|e| CliError::Read(path.to_path_buf(), e))?;
    Ok(Pin::parse(&bytes)?)
}

/// Reads a record and what lies beside it.
pub(super) fn read(path: &Path) -> Result<Material, Failure> {
    let place = place::record(path)?;
    let unreadable = |error| CliError::Read(place.record.clone(), error);
    let record = files::read_folder(&place.record).map_err(unreadable)?;
    let mut beside = std::collections::BTreeMap::new();
    if place
        .record
        .file_name()
        .is_some_and(|name| name == "record")
    {
        for name in files::beside(&place.record) {
            let path = place.record.with_file_name("").join(&name);
            beside.insert(
                name,
                files::read(&path).map_err(|e| CliError::Read(path, e))?,
            );
        }
    }
    Ok(Material {
        files: record.files,
        odd: record.odd,
        beside,
    })
}

fn as_text(verdict: &Verdict) -> String {
    let none = || "none".to_string();
    let mut lines = vec![
        verdict.headline().to_string(),
        format!("id           {}", verdict.id),
        format!(
            "fingerprint  {}",
            verdict
                .fingerprint
                .as_ref()
                .map_or_else(none, |f| f.to_string())
        ),
        format!(
            "final head   {}",
            verdict.head.map_or_else(none, |head| head.to_string())
        ),
    ];
    if let Some(token) = &verdict.key_token {
        lines.splice(3..3, key_lines(token));
    }
    if let Some(head) = verdict.head {
        let words = pgp::words(&head.bytes()[..10]);
        lines.push(format!("             {}", words[..5].join(" ")));
        lines.push(format!("             {}", words[5..].join(" ")));
    }
    if let Some(operators) = &verdict.operators {
        for (letter, known) in ["A", "B"].into_iter().zip(operators) {
            let pinned = if known.pinned { "pinned" } else { "not pinned" };
            lines.push(format!("operator {letter}   {}", known.fingerprint));
            lines.push(format!(
                "             {pinned} now, {} then",
                known.standing
            ));
            lines.extend(indented(TokenSays::of_operator(known.token.as_ref())));
        }
    }
    lines.push(format!("signatures   {} checked", verdict.signatures));
    lines.extend(call_lines(verdict));
    lines.extend(verdict.message.iter().flat_map(message_lines));
    for (entry, step, decided) in &verdict.exceptions {
        lines.push(format!(
            "exception    entry {entry}, step {step}: {}",
            decided.plain()
        ));
    }
    for fingerprint in &verdict.abandoned {
        lines.push(format!("abandoned    {fingerprint}"));
    }
    let withheld = verdict.withheld.iter();
    lines.extend(withheld.map(|path| format!("withheld     {path}")));
    if !verdict.compared.is_empty() {
        lines.push(format!(
            "beside       {} files are as recorded",
            verdict.compared.len()
        ));
    }
    lines.push(format!("transcript   {}", verdict.transcript));
    lines.join("\n") + "\n"
}

/// Where a key is that was made in a token.
fn key_lines(token: &TokenSays) -> Vec<String> {
    indented(token.of_key())
}

fn indented(lines: Vec<String>) -> Vec<String> {
    let indent = |line| format!("             {line}");
    lines.into_iter().map(indent).collect()
}

fn token_json(token: &TokenSays) -> Value {
    match token {
        TokenSays::Withheld { firmware } => json!({
            "firmware": firmware.to_string(),
            "attested": false,
        }),
        TokenSays::Proven(Proven { attested, root }) => json!({
            "firmware": attested.firmware.to_string(),
            "attested": true,
            "serial": attested.serial,
            "form": attested.form(),
            "pin-always": attested.pin_always,
            "touch-always": attested.touch_always,
            "root": root,
        }),
    }
}

/// Whether the far end confirmed the key, where the plan asks for that.
fn call_lines(verdict: &Verdict) -> Vec<String> {
    let confirmed = verdict.confirmed_in_words();
    let confirmed = confirmed.map(|words| format!("confirmed    {words}"));
    let pin = verdict.call.map(PinStands::in_words);
    let pin = pin.map(|words| format!("pin          {words}"));
    confirmed.into_iter().chain(pin).collect()
}

fn message_lines(message: &Message) -> [String; 3] {
    [
        format!("message      {}", message.message),
        format!("backup       {}", message.backup),
        format!("content      {}", content_in_words(message)),
    ]
}

fn as_json(verdict: &Verdict) -> String {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::String);
    let operators: Vec<Value> = verdict
        .operators
        .iter()
        .flatten()
        .map(|known| {
            json!({
                "fingerprint": known.fingerprint.to_string(),
                "standing": known.standing.word(),
                "pinned": known.pinned,
                "token": known.token.as_ref().map(token_json),
            })
        })
        .collect();
    let exceptions: Vec<Value> = verdict
        .exceptions
        .iter()
        .map(|(entry, step, decided)| json!({ "entry": entry, "step": step, "decided": decided.word() }))
        .collect();
    let object = json!({
        "verified": true,
        "id": verdict.id,
        "key-token": verdict.key_token.as_ref().map(token_json),
        "fingerprint": text(verdict.fingerprint.as_ref().map(ToString::to_string)),
        "head": text(verdict.head.map(|head| head.to_string())),
        "finished": verdict.completion == Completion::Closed,
        "aborted": verdict.completion == Completion::Aborted,
        "pinned": verdict.pinned(),
        "rehearsal": verdict.mode == Mode::Rehearsal,
        "withheld": verdict.withheld,
        "confirmed": verdict.confirmed.map(Spoken::word),
        "pin": verdict.call.map(|stands| match stands {
            PinStands::Recorded => "recorded",
            PinStands::NotYet => "not-yet",
        }),
        "message": verdict.message.as_ref().map(|message| json!({
            "message": message.message.to_string(),
            "backup": message.backup,
            "content": text(message.content.map(|content| content.to_string())),
            "refused": message.refused,
        })),
        "operators": operators,
        "exceptions": exceptions,
        "abandoned": verdict.abandoned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "signatures": verdict.signatures,
        "compared": verdict.compared,
        "transcript": verdict.transcript.to_string(),
        "previous": text(verdict.previous.map(|hash| hash.to_string())),
        "exit": verdict.exit() as u8,
    });
    format!("{object}\n")
}

pub(super) fn fault_text(fault: &Fault) -> String {
    format!("FAILED: {fault}\nWhat to do: {}\n", fault.remedy())
}

fn fault_json(fault: &Fault) -> String {
    let object = json!({
        "verified": false,
        "cause": fault.to_string(),
        "remedy": fault.remedy(),
        "exit": Exit::Failed as u8,
    });
    format!("{object}\n")
}
