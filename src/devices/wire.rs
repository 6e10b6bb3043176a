//! What the program and the helper say to each other: one line each way, then the connection
//! ends. This is all that the helper understands.

use std::fmt;

use super::boot::BootMedium;
use super::{FileSystem, Refusal};
use crate::digest::Digest;
use crate::role::Role;

/// The longest request, its end included, in bytes.
pub const MAX_LINE: usize = 64;

/// The longest answer: that about a boot medium, with two hashes.
pub const MAX_ANSWER: usize = 192;

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

/// The longest name of a keyboard layout; Debian's have at most 30 characters.
const MAX_LAYOUT: usize = 40;

/// The name of a keyboard layout: letters, digits, `-`, `_` and `.`, beginning with a letter, so
/// that it is no path and no option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(String);

impl Layout {
    /// Takes a name that is one.
    pub fn new(name: &str) -> Option<Layout> {
        let sound = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= MAX_LAYOUT;
        sound.then(|| Layout(name.to_string()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a stick is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// In its role.
    Role(Role),
    /// On the desk: a stick without a role, from which something is read before a ceremony.
    Desk,
}

impl Spot {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Spot> {
        Role::ALL.into_iter().map(Spot::Role).chain([Spot::Desk])
    }

    /// As in a request, and as its folder is named.
    pub fn name(self) -> &'static str {
        match self {
            Spot::Role(role) => role.name(),
            Spot::Desk => "desk",
        }
    }

    fn parse(word: &str) -> Option<Spot> {
        Spot::all().find(|spot| spot.name() == word)
    }
}

impl From<Role> for Spot {
    fn from(role: Role) -> Spot {
        Spot::Role(role)
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `mount DEVICE ROLE`, or `mount DEVICE desk`
    Mount(DeviceName, Spot),
    /// `unmount ROLE`, or `unmount desk`
    Unmount(Spot),
    /// `format DEVICE`
    Format(DeviceName),
    /// `clock SECONDS`: UTC since 1970.
    Clock(u64),
    /// `layout NAME`: of the keyboard.
    Layout(Layout),
    /// `boot-medium`: is one plugged in, and is it whole?
    BootMedium,
    /// `poweroff`
    PowerOff,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Mount(device, spot) => write!(f, "mount {} {}", device.0, spot.name()),
            Request::Unmount(spot) => write!(f, "unmount {}", spot.name()),
            Request::Format(device) => write!(f, "format {}", device.0),
            Request::Clock(seconds) => write!(f, "clock {seconds}"),
            Request::Layout(layout) => write!(f, "layout {}", layout.0),
            Request::BootMedium => f.write_str("boot-medium"),
            Request::PowerOff => f.write_str("poweroff"),
        }
    }
}

impl Request {
    /// Reads a line without its end. Only what [`Request`] would itself write is taken.
    pub fn parse(line: &str) -> Option<Request> {
        let words: Vec<&str> = line.split(' ').collect();
        let request = match words[..] {
            ["mount", device, spot] => Request::Mount(DeviceName::new(device)?, Spot::parse(spot)?),
            ["unmount", spot] => Request::Unmount(Spot::parse(spot)?),
            ["format", device] => Request::Format(DeviceName::new(device)?),
            ["clock", seconds] => Request::Clock(seconds.parse().ok()?),
            ["layout", name] => Request::Layout(Layout::new(name)?),
            ["boot-medium"] => Request::BootMedium,
            ["poweroff"] => Request::PowerOff,
            _ => return None,
        };
        (request.to_string() == line).then_some(request)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `boot-medium DEVICE whole SHA256 SHA256`, or `damaged` in the place of `whole`
    BootMedium(DeviceName, BootMedium),
    /// `boot-medium none`
    NoBootMedium,
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
            Answer::BootMedium(device, medium) => {
                let state = if medium.whole { "whole" } else { "damaged" };
                let BootMedium { image, ram, .. } = medium;
                write!(f, "boot-medium {} {state} {image} {ram}", device.0)
            }
            Answer::NoBootMedium => f.write_str("boot-medium none"),
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
            ["boot-medium", "none"] => Answer::NoBootMedium,
            ["boot-medium", device, state, image, ram] => {
                let medium = BootMedium {
                    whole: state == "whole",
                    image: Digest::parse(image)?,
                    ram: Digest::parse(ram)?,
                };
                Answer::BootMedium(DeviceName::new(device)?, medium)
            }
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
    fn nothing_but_the_requests_is_understood() {
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
            "mount sdb Desk",
            "mount sdb desk desk",
            "unmount",
            "layout",
            "layout ../us",
            "layout /etc/passwd",
            "layout -C",
            "layout .us",
            "layout us de",
            "layout us;sh",
            "boot-medium sdb",
        ] {
            assert_eq!(Request::parse(bad), None, "{bad:?}");
        }
    }

    fn request() -> impl Strategy<Value = Request> {
        let name = "[a-z][a-z0-9]{0,14}".prop_map(|name| DeviceName::new(&name).expect("sound"));
        let spot = prop::sample::select(Spot::all().collect::<Vec<_>>());
        let layout = "[a-zA-Z][a-zA-Z0-9._-]{0,39}".prop_map(|name| Layout::new(&name));
        prop_oneof![
            (name.clone(), spot.clone()).prop_map(|(name, spot)| Request::Mount(name, spot)),
            spot.prop_map(Request::Unmount),
            layout.prop_map(|layout| Request::Layout(layout.expect("sound"))),
            Just(Request::BootMedium),
            name.prop_map(Request::Format),
            any::<u64>().prop_map(Request::Clock),
            Just(Request::PowerOff),
        ]
    }

    fn answer() -> impl Strategy<Value = Answer> {
        let kind = prop::sample::select(&FileSystem::ALL[..]);
        let name = "[a-z][a-z0-9]{0,14}".prop_map(|name| DeviceName::new(&name).expect("sound"));
        let boot = (name, any::<bool>(), any::<[u8; 32]>(), any::<[u8; 32]>());
        let boot = boot.prop_filter("that is another answer", |(name, ..)| name.0 != "none");
        prop_oneof![
            boot.prop_map(|(name, whole, image, ram)| {
                let (image, ram) = (Digest::from_bytes(image), Digest::from_bytes(ram));
                Answer::BootMedium(name, BootMedium { whole, image, ram })
            }),
            Just(Answer::NoBootMedium),
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
            prop_assert!(line.len() < MAX_ANSWER, "{line}");
            prop_assert_eq!(Answer::parse(&line), Some(answer));
        }

        #[test]
        fn a_line_means_one_thing_or_nothing(line in "(mount|unmount|format|clock|layout|boot-medium|poweroff|done)?[ -~]{0,40}") {
            if let Some(request) = Request::parse(&line) {
                prop_assert_eq!(request.to_string(), line.clone());
            }
            if let Some(answer) = Answer::parse(&line) {
                prop_assert_eq!(answer.to_string(), line);
            }
        }
    }
}
