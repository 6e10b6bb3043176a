//! Which secret medium was brought, and which ceremony's backup on it is meant.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::edge::media::{Kind, Media};
use crate::edge::{MediaError, Terminal, files};
use crate::error::{Exit, Explain, Failure};
use crate::id;
use crate::plan::Plan;
use crate::record;
use crate::record::time::UnixTime;
use crate::role::Role;
use crate::room::SECRET_MEDIA;
use crate::screen::{Answer, Asks, Page, Place, Question, Reply, Who, layout};

/// Leaves of these media those that the plan needs, and says which secret one is among them: the
/// one that was named on the command line, or the first that is there.
pub(super) fn medium(
    roots: &mut BTreeMap<Role, PathBuf>,
    given: &[String],
    plan: &Plan,
) -> Result<Role, Failure> {
    let named = |role: &Role| {
        given
            .iter()
            .any(|text| text.starts_with(&format!("{role}=")))
    };
    let there = |role: &Role| roots.get(role).is_some_and(|root| files::is_folder(root));
    let chosen = SECRET_MEDIA.into_iter().find(named);
    let chosen = chosen.or_else(|| SECRET_MEDIA.into_iter().find(there));
    let chosen = chosen.ok_or(OpeningError::NoMedium)?;
    let needed = plan.media(&[chosen]);
    roots.retain(|role, _| needed.contains(role));
    Ok(chosen)
}

/// The ceremony whose backup is meant: the one that was named, the only one, or the one that is
/// chosen at the terminal, where somebody sits there.
pub(super) fn choose(
    media: &mut dyn Media,
    role: Role,
    named: Option<&str>,
    terminal: Option<&mut dyn Terminal>,
) -> Result<String, Failure> {
    let Listed {
        backups: mut ids,
        in_tokens,
    } = listed(media, role)?;
    let in_token = match named {
        Some(named) => in_tokens.iter().find(|id| *id == named),
        None if ids.is_empty() => in_tokens.first(),
        None => None,
    };
    if let Some(id) = in_token {
        return Err(OpeningError::InToken(id.clone()).into());
    }
    if let Some(named) = named {
        return match ids.iter().any(|id| id == named) {
            true => Ok(named.to_string()),
            false => Err(OpeningError::NotThere(named.to_string(), role).into()),
        };
    }
    match (ids.len(), terminal) {
        (0, _) => Err(OpeningError::NoBackup(role).into()),
        (1, _) => Ok(ids.remove(0)),
        (_, None) => Err(OpeningError::Several(ids).into()),
        (_, Some(terminal)) => Ok(ask(terminal, role, ids)?),
    }
}

/// The ceremonies that left something on a medium.
struct Listed {
    /// Their encrypted key is there.
    backups: Vec<String>,
    /// Their key is in a token: only its revocation certificate is there.
    in_tokens: Vec<String>,
}

fn listed(media: &mut dyn Media, role: Role) -> Result<Listed, MediaError> {
    let listed = media.list(role, "")?;
    let with = |file: &str| -> Vec<String> {
        let files = listed.iter().filter(|(_, kind)| *kind == Kind::File);
        let folders = files.filter_map(|(path, _)| path.strip_suffix(file));
        let ids = folders.filter(|id| id::mode_of(id).is_some());
        ids.map(str::to_string).collect()
    };
    let backups = with("/payload.asc");
    let mut in_tokens = with("/revocation/payload.asc");
    in_tokens.retain(|id| !backups.contains(id));
    Ok(Listed { backups, in_tokens })
}

/// When the last entry of the record beside a backup was written. What is wrong with that record
/// is said when the backup is looked at.
pub(super) fn written(media: &mut dyn Media, role: Role, id: &str) -> Option<UnixTime> {
    let path = format!("{id}/record/{}", record::files::TRANSCRIPT);
    let bytes = media.read(role, &path).ok()?;
    let (entries, _) = record::transcript::parse_prefix(&bytes);
    entries.last().map(|placed| placed.entry.time)
}

fn ask(terminal: &mut dyn Terminal, role: Role, ids: Vec<String>) -> Result<String, Failure> {
    let mut body = layout::paragraphs(&[&format!(
        "On {role} lie the backups of several ceremonies. Which one has the key that the message \
         was sealed to?"
    )]);
    body.push(String::new());
    let numbered = ids.iter().enumerate();
    body.extend(numbered.map(|(at, id)| format!("  {:>2}  {id}", at + 1)));
    terminal.page(&Page {
        place: Place {
            plan: "ceremony".to_string(),
            ..Place::default()
        },
        who: Who::Both,
        title: "Which backup".to_string(),
        body,
    })?;
    let question = Question {
        who: Who::Both,
        asks: Asks::Backup(ids.clone()),
        prompt: "Its number".to_string(),
        answer: Answer::Line,
    };
    loop {
        let Reply::Line(typed) = terminal.ask(&question)? else {
            return Err(OpeningError::Several(ids).into());
        };
        let number = typed.trim().parse::<usize>().ok();
        match number.and_then(|number| ids.get(number.wrapping_sub(1))) {
            Some(id) => return Ok(id.clone()),
            None => terminal.say("Type one of the numbers.")?,
        }
    }
}

/// What keeps a message from being opened before anything was done.
#[derive(Debug)]
pub(super) enum OpeningError {
    /// Neither secret medium was named.
    NoMedium,
    /// No ceremony's backup is on the medium.
    NoBackup(Role),
    /// The ceremony made its key in a token: there is no backup.
    InToken(String),
    /// The backup that was named is not on the medium.
    NotThere(String, Role),
    /// There are several, and nobody was asked.
    Several(Vec<String>),
    /// A rehearsal was asked for, and this is a ceremony's backup; or the other way round.
    OtherMode(String),
    /// The record is not one of opening a message.
    NotAnOpening(PathBuf),
}

impl fmt::Display for OpeningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpeningError::NoMedium => f.write_str("no secret medium is named, or it is not there"),
            OpeningError::NoBackup(role) => write!(f, "there is no ceremony's backup on {role}"),
            OpeningError::InToken(id) => {
                write!(f, "the key of {id} is in a YubiKey, and has no backup")
            }
            OpeningError::NotThere(id, role) => {
                write!(f, "there is no backup of a ceremony {id:?} on {role}")
            }
            OpeningError::Several(ids) => {
                write!(f, "there are several backups: {}", ids.join(", "))
            }
            OpeningError::OtherMode(id) if id::is_rehearsal(id) => write!(
                f,
                "{id} is a rehearsal's backup, which is opened in a rehearsal only"
            ),
            OpeningError::OtherMode(id) => write!(
                f,
                "{id} is a ceremony's backup, which is not opened in a rehearsal"
            ),
            OpeningError::NotAnOpening(path) => {
                write!(
                    f,
                    "{} is not the record of opening a message",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for OpeningError {}

impl Explain for OpeningError {
    fn remedy(&self) -> String {
        match self {
            OpeningError::NoMedium => {
                "Name one: --medium secret-1=PATH, or secret-2=PATH. To try it out, name a \
                 finished rehearsal's folder: --rehearsal DIR."
            }
            OpeningError::NoBackup(_) => "See that the right medium is inserted.",
            OpeningError::InToken(_) => {
                "This command opens backups. What was encrypted to that key is decrypted with its \
                 YubiKey and both halves of its PIN, by a program that uses PIV slots."
            }
            OpeningError::NotThere(..) => {
                "Leave --backup out to see which there are, or insert another medium."
            }
            OpeningError::Several(_) => "Say which one: --backup ID.",
            OpeningError::OtherMode(_) => {
                "Name media that belong together, and the right backup with --backup ID."
            }
            OpeningError::NotAnOpening(_) => "Use `ceremony resume` for it.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests touch files")]
mod tests {
    use super::*;
    use crate::edge::directory::Directories;

    #[test]
    fn of_a_key_in_a_token_there_is_no_backup_to_choose() {
        let folder = tempfile::tempdir().expect("a folder");
        let (token, backup) = (
            "2026-01-02-token-key-0A1B2C3D",
            "2026-01-02-backup-key-0A1B2C3D",
        );
        let put = |path: String| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, b"payload").expect("a file");
        };
        let choose = |named: Option<&str>| {
            let roots = BTreeMap::from([(Role::Secret1, folder.path().to_path_buf())]);
            let mut media = Directories::new(roots);
            choose(&mut media, Role::Secret1, named, None).map_err(|error| error.to_string())
        };
        let refused = Err(format!(
            "the key of {token} is in a YubiKey, and has no backup"
        ));
        put(format!("{token}/revocation/payload.asc"));
        assert_eq!(choose(None), refused);
        assert_eq!(choose(Some(token)), refused);
        put(format!("{backup}/payload.asc"));
        put(format!("{backup}/revocation/payload.asc"));
        assert_eq!(choose(Some(token)), refused);
        assert_eq!(choose(None), Ok(backup.to_string()));
        assert_eq!(choose(Some(backup)), Ok(backup.to_string()));
    }
}
