//! What must be true after an interrupted ceremony came to its end.

use std::collections::BTreeMap;

use ceremony::record::event::Event;
use ceremony::record::transcript;
use ceremony::role::Role;
use ceremony::verify::Completion;

use super::media::Device;
use super::{World, contains, material};

type Sticks = BTreeMap<String, Device>;

/// The three whole copies of the record are good and the same; the media that left earlier have
/// good beginnings of it.
pub fn records_are_good(world: &World, place: &str) {
    let id = world.id().expect("something was written");
    let whole = world.material(Role::OperatorA).files;
    for role in [Role::OperatorA, Role::OperatorB, Role::Public] {
        let verdict = world.verify(role);
        let verdict = verdict.unwrap_or_else(|fault| panic!("{place}: {role}: {fault}"));
        assert_eq!(verdict.completion, Completion::Closed, "{place}: {role}");
        let same = world.material(role).files == whole;
        assert!(same, "{place}: {role} has another record");
    }
    for role in [Role::Secret1, Role::Secret2, Role::Handover] {
        let device = world.media.device(role);
        let copy = material(&device, &id).files;
        let verdict = world.verify(role);
        let verdict = verdict.unwrap_or_else(|fault| panic!("{place}: {role}: {fault}"));
        assert_eq!(
            verdict.completion,
            Completion::Unfinished,
            "{place}: {role}"
        );
        assert!(!verdict.compared.is_empty(), "{place}: {role} has no files");
        let begins = whole["transcript.txt"].starts_with(&copy["transcript.txt"]);
        assert!(
            begins,
            "{place}: {role} has the beginning of another record"
        );
    }
}

/// No key was silently made again; returns how many were given up.
pub fn keys_are_accounted_for(world: &World, place: &str) -> usize {
    let entries = world.entries();
    let (mut made, mut given_up) = (Vec::new(), Vec::new());
    for placed in &entries {
        match &placed.entry.event {
            Event::Generated {
                attempt,
                fingerprint,
                ..
            } => {
                assert_eq!(made.len(), given_up.len(), "{place}: two keys at once");
                made.push((*attempt, fingerprint.clone()));
                assert_eq!(
                    *attempt as usize,
                    made.len(),
                    "{place}: attempts are numbered"
                );
            }
            Event::Abandoned {
                attempt,
                fingerprint,
            } => given_up.push((*attempt, fingerprint.clone())),
            _ => {}
        }
    }
    assert_eq!(made[..given_up.len()], given_up[..], "{place}");
    assert_eq!(made.len(), given_up.len() + 1, "{place}: one key is good");
    let files = world.material(Role::OperatorA).files;
    let certificates: std::collections::BTreeSet<_> = files
        .iter()
        .filter(|(path, _)| path.starts_with("certificates/"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(certificates.len(), made.len(), "{place}: certificates");
    for role in [Role::Secret1, Role::Secret2] {
        let device = world.media.device(role);
        let aside = |path: &&String| path.starts_with("ABANDONED-");
        let folders: std::collections::BTreeSet<_> = device
            .keys()
            .filter(aside)
            .map(|path| path.split('/').next())
            .collect();
        assert!(folders.len() <= given_up.len(), "{place}: {folders:?}");
    }
    given_up.len()
}

/// Everything that was complete when the machine died is still there, byte for byte: in its
/// place, in a folder set aside, or (what no entry called for) in a fragment.
pub fn nothing_is_lost(world: &World, before: &Sticks, place: &str) {
    let id = world.id().expect("something was written");
    let after = world.media.everything();
    for (name, device) in before {
        for (path, bytes) in device {
            if !survived(name, &after[name], &id, path, bytes) {
                panic!("{place}: {name}: {path} was lost or overwritten");
            }
        }
    }
}

fn survived(name: &str, after: &Device, id: &str, path: &str, bytes: &[u8]) -> bool {
    if after.get(path).is_some_and(|held| held == bytes) {
        return true;
    }
    let (folder, rest) = path.split_once('/').unwrap_or(("", path));
    let set_aside = |(found, held): (&String, &Vec<u8>)| {
        let aside = found.starts_with("ABANDONED-") && found.ends_with(&format!("{folder}/{rest}"));
        aside && held == bytes
    };
    if after.iter().any(set_aside) {
        return true;
    }
    // Only the operators' media have the record; the others have copies of it.
    let in_record = name.starts_with("operator-") && path.starts_with(&format!("{id}/record/"));
    if !in_record {
        // What never had its name may go, for it was not complete; and a copy of the record may
        // have been brought up to date.
        let grew = after.get(path).is_some_and(|held| held.starts_with(bytes));
        return path.contains("/.part-") || (grew && path.ends_with("/record/transcript.txt"));
    }
    let whole = after.get(&format!("{id}/record/transcript.txt"));
    let whole = whole.map_or(&[][..], Vec::as_slice);
    let fragments: Vec<&[u8]> = after
        .iter()
        .filter(|(path, _)| path.starts_with(&format!("{id}/record/fragments/")))
        .map(|(_, bytes)| bytes.as_slice())
        .collect();
    let kept = |bytes: &[u8]| fragments.iter().any(|fragment| contains(fragment, bytes));
    if path.ends_with("/record/transcript.txt") {
        if whole.starts_with(bytes) {
            return true;
        }
        let (entries, _) = transcript::parse_prefix(bytes);
        let good = entries.last().map_or(0, |last| last.end);
        return whole.starts_with(&bytes[..good]) && kept(&bytes[good..]);
    }
    // A record that is closed on the other medium takes no more fragments: what was half
    // written then is written again.
    let closing = ["/.part-transcript.txt.", "/.part-SHA256SUMS"];
    let closing = closing.iter().any(|part| path.contains(part));
    kept(bytes) || closing || bytes.is_empty()
}

/// Nothing half-written lies where a verifier looks.
pub fn no_parts_are_left(world: &World, place: &str) {
    for (name, device) in world.media.everything() {
        for path in device.keys() {
            let in_record = path.contains("/record/") && !path.starts_with("ABANDONED-");
            let part = in_record && path.contains(".part-");
            assert!(!part, "{place}: {name}: {path} was left");
        }
    }
}

/// No passphrase and no share stands in clear on any medium.
pub fn no_secret_is_left(world: &World, place: &str) {
    let secrets = world.secrets();
    // Two passphrases, and two shares if it came that far.
    assert!(secrets.len() >= 2, "{place}");
    for (name, device) in world.media.everything() {
        for (path, bytes) in device {
            for secret in &secrets {
                let found = contains(&bytes, secret.as_bytes());
                assert!(!found, "{place}: {name}: {path} holds a secret");
            }
        }
    }
}
