//! What the program and the helper say to each other: one line each way, then the connection
//! ends. This is all that the helper understands.

use std::fmt;

use super::{FileSystem, Refusal};
use crate::role::Role;

/// The longest line, its end included, in bytes.
pub const MAX_LINE: usize = 64;

/// The longest name of a device; the kernel's have at most 31 characters, those of sticks fewer.
const MAX_NAME: usize = 15;

/// A device's name: lower-case letters and digits, beginning with a letter, so that it is no
/// path and no option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceName(String);

impl DeviceName {
    /// Takes a name that is one.
    pub fn new(name: &str) -> Option<DeviceName> {
        let sound = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= MAX_NAME;
        sound.then(|| DeviceName(name.to_string()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `mount DEVICE ROLE`
    Mount(DeviceName, Role),
    /// `unmount ROLE`
    Unmount(Role),
    /// `format DEVICE`
    Format(DeviceName),
    /// `clock SECONDS`: UTC since 1970.
    Clock(u64),
    /// `poweroff`
    PowerOff,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Mount(device, role) => write!(f, "mount {} {role}", device.0),
            Request::Unmount(role) => write!(f, "unmount {role}"),
            Request::Format(device) => write!(f, "format {}", device.0),
            Request::Clock(seconds) => write!(f, "clock {seconds}"),
            Request::PowerOff => f.write_str("poweroff"),
        }
    }
}

impl Request {
    /// Reads a line without its end. Only what [`Request`] would itself write is taken.
    pub fn parse(line: &str) -> Option<Request> {
        let words: Vec<&str> = line.split(' ').collect();
        let request = match words[..] {
            ["mount", device, role] => Request::Mount(DeviceName::new(device)?, role.parse().ok()?),
            ["unmount", role] => Request::Unmount(role.parse().ok()?),
            ["format", device] => Request::Format(DeviceName::new(device)?),
            ["clock", seconds] => Request::Clock(seconds.parse().ok()?),
            ["poweroff"] => Request::PowerOff,
            _ => return None,
        };
        (request.to_string() == line).then_some(request)
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `mounted vfat rw`
    Mounted {
        /// With which file system.
        kind: FileSystem,
        /// It can only be read.
        read_only: bool,
    },
    /// `done`
    Done,
    /// `refused WORD`
    Refused(Refusal),
    /// `failed NUMBER`: the system's error number (errno(3)).
    Failed(i32),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Mounted { kind, read_only } => {
                let access = if *read_only { "ro" } else { "rw" };
                write!(f, "mounted {} {access}", kind.name())
            }
            Answer::Done => f.write_str("done"),
            Answer::Refused(refusal) => write!(f, "refused {}", refusal.word()),
            Answer::Failed(number) => write!(f, "failed {number}"),
        }
    }
}

impl Answer {
    /// Reads a line without its end.
    pub fn parse(line: &str) -> Option<Answer> {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["mounted", kind, access] => Answer::Mounted {
                kind: FileSystem::ALL.into_iter().find(|k| k.name() == kind)?,
                read_only: access == "ro",
            },
            ["done"] => Answer::Done,
            ["refused", word] => Answer::Refused(Refusal::from_word(word)?),
            ["failed", number] => Answer::Failed(number.parse().ok()?),
            _ => return None,
        };
        (answer.to_string() == line).then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_but_the_five_requests_is_understood() {
        for bad in [
            "",
            " ",
            "mount",
            "mount sdb",
            "mount sdb operator-a ",
            "mount  sdb operator-a",
            "mount sdb operator-c",
            "mount sdb ../operator-a",
            "mount /dev/sdb operator-a",
            "mount ../sda operator-a",
            "mount . operator-a",
            "mount -o operator-a",
            "mount SDB operator-a",
            "mount s.b operator-a",
            "mount sdb\0 operator-a",
            "mount abcdefghijklmnop operator-a",
            "mount 1sdb operator-a",
            "mount sdb operator-a exec",
            "MOUNT sdb operator-a",
            "unmount",
            "unmount /",
            "unmount operator-a operator-b",
            "format",
            "format /dev/sda",
            "format sda sdb",
            "format -I",
            "clock",
            "clock -1",
            "clock +1",
            "clock 01",
            "clock 1.5",
            "clock 99999999999999999999999",
            "poweroff now",
            "reboot",
            "sh",
        ] {
            assert_eq!(Request::parse(bad), None, "{bad:?}");
        }
    }

    fn request() -> impl Strategy<Value = Request> {
        let name = "[a-z][a-z0-9]{0,14}".prop_map(|name| DeviceName::new(&name).expect("sound"));
        let role = prop::sample::select(&Role::ALL[..]);
        prop_oneof![
            (name.clone(), role.clone()).prop_map(|(name, role)| Request::Mount(name, role)),
            role.prop_map(Request::Unmount),
            name.prop_map(Request::Format),
            any::<u64>().prop_map(Request::Clock),
            Just(Request::PowerOff),
        ]
    }

    fn answer() -> impl Strategy<Value = Answer> {
        let kind = prop::sample::select(&FileSystem::ALL[..]);
        prop_oneof![
            (kind, any::<bool>()).prop_map(|(kind, read_only)| Answer::Mounted { kind, read_only }),
            Just(Answer::Done),
            prop::sample::select(Refusal::ALL).prop_map(Answer::Refused),
            any::<i32>().prop_map(Answer::Failed),
        ]
    }

    proptest! {
        #[test]
        fn requests_are_read_as_they_are_written(request in request()) {
            let line = request.to_string();
            prop_assert!(line.len() < MAX_LINE, "{line}");
            prop_assert_eq!(Request::parse(&line), Some(request));
        }

        #[test]
        fn answers_are_read_as_they_are_written(answer in answer()) {
            let line = answer.to_string();
            prop_assert!(line.len() < MAX_LINE, "{line}");
            prop_assert_eq!(Answer::parse(&line), Some(answer));
        }

        #[test]
        fn a_line_means_one_thing_or_nothing(line in "(mount|unmount|format|clock|poweroff|done)?[ -~]{0,40}") {
            if let Some(request) = Request::parse(&line) {
                prop_assert_eq!(request.to_string(), line.clone());
            }
            if let Some(answer) = Answer::parse(&line) {
                prop_assert_eq!(answer.to_string(), line);
            }
        }
    }
}
