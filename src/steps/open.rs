//! A message is opened with the key of an earlier ceremony: named, authorised, decrypted.
//!
//! The content streams into a file that has no name until the whole message was verified and
//! every byte that was read was hashed again: what was opened is what was named.

mod backup;
mod quorum;
mod tokens;
mod watched;

use std::io;

use backup::{Backup, BackupFault};
use watched::Watched;

use crate::digest::{Digest, Fingerprint};
use crate::edge::vessel::{Measure, Source};
use crate::edge::{Meter, Vessel, VesselError};
use crate::error::Explain;
use crate::openpgp::{SecretKey, UnsealError};
use crate::record::event::Event;
use crate::record::value::{Actors, Token};
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

/// The longest reason that is taken, in bytes.
const MAX_REASON: usize = 400;

/// As much of a file's name as fits beside its label, in characters.
const MAX_SHOWN: usize = 64;

/// Digits that stand in one group, and groups in one row, of a fingerprint.
const GROUPS_IN_ROW: usize = 10;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    match room.state().seen() {
        [] => name(room),
        [Event::MessageNamed { payload, .. }] => {
            let payload = *payload;
            restore(room, payload)?;
            open(room)
        }
        [_, _] => open(room),
        _ => erase(room),
    }
}

/// What is to be opened is shown and recorded; the engine then has both authorise it.
fn name(room: &mut Room<'_>) -> Result<(), Stop> {
    let message = measure(room)?;
    let backup = look(room, None)?;
    show(room, &message, &backup)?;
    let reason = reason(room)?;
    room.each_agrees("is this the message, and that the reason", Asks::Agree)?;
    let opening = room.opening();
    let (id, medium) = (opening.backup.clone(), opening.medium);
    let said = backup.said.as_ref();
    let record = said.map_or_else(|| "none".to_string(), |said| said.transcript.to_string());
    let text = format!(
        "file: {}\ncontent goes to: {}\nbackup on: {medium}\ntranscript beside it: {record}\n\
         reason: {reason}\n",
        opening.vessel.message_name(),
        opening.vessel.target_name(),
    );
    let event = Event::MessageNamed {
        message: message.sha256,
        bytes: message.bytes,
        backup: Token::new(&id).expect("the command looked at the id before"),
        payload: backup.digest(),
    };
    room.record_with(event, Actors::both(), &text)
}

/// The message's size and hash. After an interruption it must be the one that was named before.
fn measure(room: &mut Room<'_>) -> Result<Measure, Stop> {
    let named = room.state().message.clone();
    loop {
        let found = match read_all(room)? {
            Ok(found) => found,
            Err(error) => {
                trouble(room, &error)?;
                continue;
            }
        };
        if named
            .as_ref()
            .is_none_or(|before| before.message == found.sha256)
        {
            return Ok(found);
        }
        let expected = "the file is the message that was named before the interruption";
        let happened = "it is another one; a record is about one message";
        room.exception_about(Some((expected, happened)))?;
    }
}

fn read_all(room: &mut Room<'_>) -> Result<Result<Measure, VesselError>, Stop> {
    let name = room.opening().vessel.message_name();
    room.work("Reading the message", |room| {
        let mut source = room.opening().vessel.message()?;
        Measure::of(&mut source, &mut |_| {}).map_err(|error| VesselError::Read(name, error))
    })
}

/// Looks at the backup until it is as it should be: the same as when it was named, if it was.
fn look(room: &mut Room<'_>, named: Option<Digest>) -> Result<Backup, Stop> {
    loop {
        let opening = room.opening();
        let (id, medium) = (opening.backup.clone(), opening.medium);
        let (material, capsules) =
            room.with_device(|room| backup::read(room.edge.media, medium, &id))?;
        let fault: Box<dyn Explain> = match backup::judge(material, &capsules, &id) {
            Ok(backup) if named.is_none_or(|named| named == backup.digest()) => return Ok(backup),
            Ok(_) => Box::new(BackupFault::Exchanged),
            Err(fault) => Box::new(fault),
        };
        let expected = format!("the backup of {id} on {medium} is in order");
        explain(room, &expected, fault.as_ref())?;
    }
}

fn show(room: &mut Room<'_>, message: &Measure, backup: &Backup) -> Result<(), Stop> {
    let opening = room.opening();
    let mut body = vec![
        format!("  File     {}", fitting(&opening.vessel.message_name())),
        format!("  Size     {} bytes", message.bytes),
        format!("  SHA-256  {}", message.sha256),
        format!("  Goes to  {}", fitting(&opening.vessel.target_name())),
        format!("  Backup   {}, on {}", opening.backup, opening.medium),
    ];
    match backup.fingerprint() {
        Some(fingerprint) => body.extend(key_rows(fingerprint)),
        None => body.push("  Key      not known: no record lies beside the backup".to_string()),
    }
    body.push(String::new());
    body.extend(layout::wrap(
        "Compare all of it with what you agreed to open. Then write in a few words why it is \
         opened. The reason goes into a file of the record, not into its transcript.",
    ));
    room.page(Who::Both, "The message that is to be opened", body)
}

fn key_rows(fingerprint: &Fingerprint) -> Vec<String> {
    let groups = fingerprint.groups();
    let rows = groups
        .chunks(GROUPS_IN_ROW)
        .zip(["  Key    "].iter().chain(std::iter::repeat(&"         ")));
    rows.map(|(row, label)| format!("{label}  {}", row.join(" ")))
        .collect()
}

/// The end of a path says more than its beginning.
fn fitting(name: &str) -> String {
    let length = name.chars().count();
    if length <= MAX_SHOWN {
        return name.to_string();
    }
    let end: String = name.chars().skip(length - (MAX_SHOWN - 3)).collect();
    format!("...{end}")
}

fn reason(room: &mut Room<'_>) -> Result<String, Stop> {
    loop {
        let typed = room.ask_line(Who::Both, Asks::Reason, "Why is it opened")?;
        if typed.is_empty() {
            room.say("Please write a few words.")?;
        } else if typed.len() > MAX_REASON || typed.chars().any(char::is_control) {
            room.say("Please write it shorter, in one line.")?;
        } else {
            return Ok(typed);
        }
    }
}

/// A quorum's words, or both operators' tokens, bring the key into memory.
fn restore(room: &mut Room<'_>, payload: Digest) -> Result<(), Stop> {
    let backup = look(room, Some(payload))?;
    let opened = quorum::restore(room, &backup)?;
    room.vault.key = Some(opened.key);
    let event = Event::QuorumOpened {
        quorum: Token::new(&opened.name).expect("letters and a hyphen"),
        medium: room.opening().medium,
        opener: opened.opener,
    };
    room.record(event, opened.actors)?;
    let name = opened.name;
    room.say(&format!(
        "{name} opened the backup. The key is in this machine's memory, and nowhere else."
    ))
}

/// What came of decrypting.
enum Came {
    Opened(Measure),
    Refused(Refused),
    Trouble(VesselError),
}

/// Why a message is refused for good.
enum Refused {
    /// It is not in order, or not for this key.
    Unsealing(UnsealError),
    /// It is another file than was named.
    Changed,
}

fn open(room: &mut Room<'_>) -> Result<(), Stop> {
    let named = room.state().message.clone();
    let named = named.expect("the step began with naming it");
    loop {
        let came = decrypt(room, named.message)?;
        let fingerprint = key(room).certificate().fingerprint();
        if !matches!(came, Came::Trouble(_)) {
            // Nothing more is done with it, whatever people still read on the screen.
            room.vault.clear();
        }
        match came {
            Came::Opened(content) => {
                let event = Event::MessageOpened {
                    fingerprint,
                    content: content.sha256,
                    bytes: content.bytes,
                };
                room.record(event, Actors::none())?;
                return opened(room, &content);
            }
            Came::Refused(why) => {
                let event = Event::MessageRefused { fingerprint };
                room.record(event, Actors::none())?;
                return refused(room, &why);
            }
            Came::Trouble(error) => trouble(room, &error)?,
        }
    }
}

fn key<'r>(room: &'r Room<'_>) -> &'r SecretKey {
    let key = room.vault.key.as_ref();
    key.expect("an interrupted step begins anew, and restores it")
}

fn decrypt(room: &mut Room<'_>, named: Digest) -> Result<Came, Stop> {
    let total = match read_size(room) {
        Ok(total) => total,
        Err(error) => return Ok(Came::Trouble(error)),
    };
    let label = "Opening the message";
    room.metered(label, total, |room, meter| {
        let opening = room.opening.as_mut();
        let vessel = &mut opening.expect("as above: it was named").vessel;
        let key = room.vault.key.as_ref().expect("as above: it was restored");
        match pour(&mut **vessel, key, named, meter) {
            Ok(came) => came,
            Err(error) => Came::Trouble(error),
        }
    })
}

fn read_size(room: &mut Room<'_>) -> Result<u64, VesselError> {
    let vessel = &mut room.opening().vessel;
    let name = vessel.message_name();
    let mut source = vessel.message()?;
    let size = source.seek(io::SeekFrom::End(0));
    size.map_err(|error| VesselError::Read(name, error))
}

/// Decrypts into a new file, and publishes it. Where a file stands there already, after an
/// interruption, it is taken if it has exactly the content.
fn pour(
    vessel: &mut dyn Vessel,
    key: &SecretKey,
    named: Digest,
    meter: Meter,
) -> Result<Came, VesselError> {
    let mut source = Watched::new(vessel.message()?, meter);
    let standing = vessel.standing()?;
    let mut target = match standing {
        None => Some(vessel.target()?),
        Some(_) => None,
    };
    let done = match &mut target {
        Some(target) => key.unseal(&mut source, &mut **target, &mut |_| {}),
        None => key.unseal(&mut source, io::sink(), &mut |_| {}),
    };
    let content = match done {
        Ok(unsealed) => Measure {
            sha256: unsealed.sha256,
            bytes: unsealed.bytes,
        },
        Err(UnsealError::Read(error)) => {
            return Err(VesselError::Read(vessel.message_name(), error));
        }
        Err(UnsealError::Write(error)) => {
            return Err(VesselError::Write(vessel.target_name(), error));
        }
        Err(why) => return Ok(Came::Refused(Refused::Unsealing(why))),
    };
    let read = source.finish();
    let read = read.map_err(|error| VesselError::Read(vessel.message_name(), error))?;
    if read.sha256 != named {
        return Ok(Came::Refused(Refused::Changed));
    }
    match (target, standing) {
        (Some(target), _) => target.publish(&content)?,
        (None, Some(standing)) => compare(vessel, standing, &content)?,
        (None, None) => {}
    }
    Ok(Came::Opened(content))
}

fn compare(
    vessel: &dyn Vessel,
    mut standing: Box<dyn Source>,
    content: &Measure,
) -> Result<(), VesselError> {
    let found = Measure::of(&mut standing, &mut |_| {});
    let found = found.map_err(|error| VesselError::Read(vessel.target_name(), error))?;
    if found == *content {
        Ok(())
    } else {
        Err(VesselError::Exists(vessel.target_name()))
    }
}

fn opened(room: &mut Room<'_>, content: &Measure) -> Result<(), Stop> {
    let target = room.opening().vessel.target_name();
    let mut body = layout::paragraphs(&[
        "The whole message was verified: it is complete, and as it was sealed. Its content was \
         written and read back.",
    ]);
    body.extend([
        String::new(),
        format!("  File     {}", fitting(&target)),
        format!("  Size     {} bytes", content.bytes),
        format!("  SHA-256  {}", content.sha256),
        String::new(),
    ]);
    body.extend(layout::wrap(
        "It lies there in the clear: whoever has that medium can read it.",
    ));
    room.page(Who::Both, "The message is open", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to go on")
}

fn refused(room: &mut Room<'_>, why: &Refused) -> Result<(), Stop> {
    let (cause, remedy) = match why {
        Refused::Unsealing(error) => (error.to_string(), error.remedy()),
        Refused::Changed => (
            "the file was changed after it was named".to_string(),
            "Nothing of it can be trusted. Find out who can write to its medium.".to_string(),
        ),
    };
    let body = layout::paragraphs(&[
        &format!("The message was NOT opened: {cause}."),
        "Nothing was written. The record says that it was refused.",
        &remedy,
        "To open another file, or another copy of it, begin a new ceremony.",
    ]);
    room.page(Who::Both, "The message is refused", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to go on")
}

fn erase(room: &mut Room<'_>) -> Result<(), Stop> {
    room.vault.clear();
    room.record(Event::Erased {}, Actors::none())?;
    room.say("The key is erased from this machine's memory.")
}

/// The message or its content cannot be read or written: both put it right, or abort.
fn trouble(room: &mut Room<'_>, error: &VesselError) -> Result<(), Stop> {
    explain(
        room,
        "the message can be read, and its content written",
        error,
    )
}

fn explain(room: &mut Room<'_>, expected: &str, fault: &dyn Explain) -> Result<(), Stop> {
    let mut happened = fault.to_string();
    if let Some(source) = fault.source() {
        happened.push_str(&format!(": {source}"));
    }
    let body = layout::paragraphs(&[
        &format!("{happened}."),
        &fault.remedy(),
        "Then decide below to try again, or to abort.",
    ]);
    room.page(Who::Both, "Something needs you", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter when you have read this")?;
    room.exception_about(Some((expected, &happened)))
}
