//! What is on a stick, as far as people must know it before they use or erase it.

use std::collections::BTreeMap;

use crate::edge::media::Kind;
use crate::id;
use crate::record::files;
use crate::role::Role;
use crate::screen::layout;

/// As many names as are shown.
const SHOWN: usize = 6;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Folders of ceremonies, and how many other things.
    Ceremonies(Vec<Left>, Vec<String>),
    /// So much, or such names, that it is none of ours.
    Other,
    /// No file system that can be read.
    Unreadable,
}

/// What a ceremony left on a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The folder's name.
    pub folder: String,
    /// What the stick was in that ceremony, as far as its files tell.
    pub was: Vec<Role>,
    /// A transcript is there.
    pub record: bool,
}

impl Content {
    /// What a listing of the whole stick means.
    pub fn of(listed: &[(String, Kind)]) -> Content {
        let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut others = Vec::new();
        for (path, kind) in listed {
            let (top, below) = path.split_once('/').unwrap_or((path, ""));
            if is_ceremonys(top) {
                folders.entry(top).or_default().push(below);
            } else if below.is_empty() {
                let mark = if *kind == Kind::Folder { "/" } else { "" };
                others.push(format!("{path}{mark}"));
            }
        }
        if folders.is_empty() && others.is_empty() {
            return Content::Empty;
        }
        let left = folders.into_iter().map(|(folder, files)| Left {
            folder: folder.to_string(),
            was: was(&files),
            record: files.contains(&format!("record/{}", files::TRANSCRIPT).as_str()),
        });
        Content::Ceremonies(left.collect(), others)
    }

    /// The ceremonies whose records are on it.
    pub fn records(&self) -> Vec<&str> {
        let left = match self {
            Content::Ceremonies(left, _) => left.as_slice(),
            _ => &[],
        };
        let with_record = left.iter().filter(|left| left.record);
        with_record.map(|left| left.folder.as_str()).collect()
    }

    /// Another operator than this role's whose key is on it.
    pub(super) fn belongs_to_other(&self, role: Role) -> Option<Role> {
        let Content::Ceremonies(left, _) = self else {
            return None;
        };
        let operators = [Role::OperatorA, Role::OperatorB];
        let mut was = left.iter().flat_map(|left| left.was.iter());
        was.find(|was| operators.contains(was) && operators.contains(&role) && **was != role)
            .copied()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let text = match self {
            Content::Empty => "It is empty.",
            Content::Other => "Many files are on it, or such as no ceremony writes.",
            Content::Unreadable => {
                "What is on it cannot be read here. It may be new, or hold something that other \
                 machines can read."
            }
            Content::Ceremonies(left, others) => return listed(left, others),
        };
        layout::wrap(text)
    }

    /// What is lost with it, as a question to each operator.
    pub(super) fn loss(&self) -> &'static str {
        match self {
            Content::Ceremonies(left, _) if !left.is_empty() => {
                "what those ceremonies left on it is lost, do you want that"
            }
            _ => "everything on it is lost, do you want that",
        }
    }
}

/// A ceremony's folder, or one that was set aside.
fn is_ceremonys(folder: &str) -> bool {
    let aside = folder.strip_prefix("ABANDONED-");
    let aside = aside.and_then(|rest| rest.split_once('-'));
    id::mode_of(aside.map_or(folder, |(_, id)| id)).is_some()
}

/// The roles whose files are there.
fn was(files: &[&str]) -> Vec<Role> {
    let signs = [
        ("operator-a.key.asc", Role::OperatorA),
        ("operator-b.key.asc", Role::OperatorB),
        ("payload.asc", Role::Secret1),
        ("HANDOVER.txt", Role::Handover),
        ("fingerprint.txt", Role::Public),
    ];
    let there = signs.into_iter().filter(|(file, _)| files.contains(file));
    there.map(|(_, role)| role).collect()
}

fn listed(left: &[Left], others: &[String]) -> Vec<String> {
    let mut lines = vec!["On it are:".to_string()];
    for left in left.iter().take(SHOWN) {
        let what = match left.was.first() {
            Some(Role::OperatorA) => "operator A's key",
            Some(Role::OperatorB) => "operator B's key",
            Some(Role::Secret1) => "a backup",
            Some(Role::Handover) => "a handover",
            Some(_) => "the public files",
            None if left.record => "a record",
            None => "files",
        };
        lines.push(format!("  {} ({what})", left.folder));
    }
    if left.len() > SHOWN {
        lines.push(format!("  and {} more ceremonies", left.len() - SHOWN));
    }
    for name in others.iter().take(SHOWN) {
        let name: String = crate::printable(name, 70);
        lines.push(format!("  {name}"));
    }
    if others.len() > SHOWN {
        lines.push(format!("  and {} other things", others.len() - SHOWN));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "2026-01-02-backup-key-0A1B2C3D";

    fn listing(paths: &[String]) -> Vec<(String, Kind)> {
        let kind = |path: &String| match path.ends_with('/') {
            true => (path.trim_end_matches('/').to_string(), Kind::Folder),
            false => (path.clone(), Kind::File),
        };
        paths.iter().map(kind).collect()
    }

    #[test]
    fn ceremonies_are_told_from_other_things() {
        assert_eq!(Content::of(&[]), Content::Empty);
        let paths = [
            format!("{ID}/"),
            format!("{ID}/operator-b.key.asc"),
            format!("{ID}/record/"),
            format!("{ID}/record/transcript.txt"),
            format!("ABANDONED-1-{ID}/"),
            format!("ABANDONED-1-{ID}/payload.asc"),
            "photos/".to_string(),
            "photos/1.jpg".to_string(),
        ];
        let content = Content::of(&listing(&paths));
        assert_eq!(content.records(), [ID]);
        assert_eq!(
            content.belongs_to_other(Role::OperatorA),
            Some(Role::OperatorB)
        );
        assert_eq!(content.belongs_to_other(Role::OperatorB), None);
        let lines = content.lines().join("\n");
        for part in ["operator B's key", "ABANDONED-1", "a backup", "photos/"] {
            assert!(lines.contains(part), "{part}: {lines}");
        }
        assert!(!lines.contains("1.jpg"));
        assert!(content.loss().contains("ceremonies"));
    }

    proptest! {
        #[test]
        fn whatever_is_on_it_fits_the_screen(
            names in prop::collection::vec("[^/]{1,90}(/[^/]{1,9})?", 0..40),
        ) {
            let listed = listing(&names);
            let lines = Content::of(&listed).lines();
            prop_assert!(lines.len() <= 2 * SHOWN + 3);
            for line in lines {
                prop_assert!(line.len() <= layout::LINE, "{line:?}");
                prop_assert!(line.chars().all(|c| matches!(c, ' '..='~')), "{line:?}");
            }
        }
    }
}
