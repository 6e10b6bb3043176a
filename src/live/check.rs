//! The self-check: what was seen, and what it means. It finds damage, not malice: an image that lies
//! says what it likes.

use crate::digest::Digest;
use crate::edge::block::boot::BootMedium;
use crate::edge::block::{Found, StickId, size};
use crate::edge::facts::Facts;
use crate::preflight::{Demands, Line, Report, assess, fail, pass, warn};
use crate::version;

/// The boot medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// It is plugged in.
    Found {
        /// As the kernel names it.
        device: String,
        /// What was found on it.
        medium: BootMedium,
    },
    /// None is.
    None,
    /// It could not be read, and why.
    Unread(String),
}

/// The files that were loaded from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// All are as the list says.
    Good {
        /// How many.
        files: usize,
        /// SHA-256 of the list.
        list: Digest,
    },
    /// These are not.
    Damaged(Vec<String>),
    /// There is no list: this is not the live image.
    NoList,
}

/// Everything that was seen.
pub struct Look {
    /// The kernel, and whether the image is one with a shell.
    pub kernel: String,
    /// See `kernel`.
    pub debug: bool,
    /// The boot medium.
    pub image: Image,
    /// What is in memory.
    pub loaded: Loaded,
    /// Whether the kernel takes no more drivers.
    pub drivers_closed: bool,
    /// Whether Secure Boot was on, if that is known.
    pub secure_boot: Option<bool>,
    /// What preflight judges.
    pub facts: Facts,
    /// What is plugged in.
    pub sticks: Vec<Found>,
    /// Serial numbers of the tokens; or why that is not known.
    pub tokens: Result<Vec<u32>, String>,
    /// Where printers are.
    pub printers: Vec<String>,
    /// What did not go as it should at the start.
    pub notes: Vec<String>,
}

impl Look {
    /// The stick with the image, if it is one that could be a medium else.
    pub fn boot_stick(&self) -> Option<StickId> {
        let Image::Found { device, .. } = &self.image else {
            return None;
        };
        let mut sticks = self.sticks.iter();
        sticks
            .find(|found| found.disk.name == *device)?
            .fit
            .clone()
            .ok()
    }
}

/// Whether the image is whole.
pub fn image_report(look: &Look) -> Report {
    let mut lines = vec![
        version_line(look),
        medium(look),
        loaded(look),
        drivers(look),
    ];
    lines.extend(look.notes.iter().map(|note| {
        warn(
            "start",
            note,
            "Start the machine again; if it says so again, take another machine.",
        )
    }));
    Report { lines }
}

fn version_line(look: &Look) -> Line {
    let found = format!("ceremony {}, kernel {}", version::LONG_VERSION, look.kernel);
    match look.debug {
        false => pass("version", found),
        true => fail(
            "version",
            format!("{found}, WITH A SHELL"),
            "This image is for finding faults. Hold no ceremony with it.",
        ),
    }
}

fn medium(look: &Look) -> Line {
    match &look.image {
        Image::Found { device, medium } if medium.whole => {
            pass("medium", format!("{device}: the image on it is whole"))
        }
        Image::Found { device, .. } => fail(
            "medium",
            format!("{device}: the image on it is damaged"),
            "Switch off. Write it again, to another stick, and check that before you use it.",
        ),
        Image::None => warn(
            "medium",
            "no boot medium is plugged in, so it was not checked",
            "To check it plug it in and choose `look` in the menu.",
        ),
        Image::Unread(why) => fail(
            "medium",
            format!("the boot medium cannot be read: {why}"),
            "Pull it out, plug it in again, and choose `look` in the menu.",
        ),
    }
}

fn loaded(look: &Look) -> Line {
    const REMEDY: &str = "Start the machine again; if it says so again, take another machine or \
                          another stick.";
    match &look.loaded {
        Loaded::Good { files, list } => match &look.image {
            Image::Found { medium, .. } if medium.ram != *list => fail(
                "memory",
                "what runs here was not started from this medium",
                "Leave only the stick plugged in that the machine was started from.",
            ),
            Image::Found { .. } => pass(
                "memory",
                format!("{files} files, all as on the medium: list {}", short(list)),
            ),
            _ => pass(
                "memory",
                format!(
                    "{files} files, all as they were built: list {}",
                    short(list)
                ),
            ),
        },
        Loaded::Damaged(names) => fail("memory", format!("damaged: {}", some(names)), REMEDY),
        Loaded::NoList => fail(
            "memory",
            "there is no list of files: this is not the live image",
            "Start the machine from the live image.",
        ),
    }
}

/// Enough of a hash to see that two are the same list.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

fn drivers(look: &Look) -> Line {
    let boot = match look.secure_boot {
        Some(true) => "Secure Boot is on",
        Some(false) => "Secure Boot is off",
        None => "Secure Boot is not known",
    };
    match look.drivers_closed {
        true => pass("drivers", format!("no more can be loaded; {boot}")),
        false => fail(
            "drivers",
            format!("more can be loaded; {boot}"),
            "Start the machine again; if it says so again, do not use this image.",
        ),
    }
}

/// Whether the machine is fit, and what is plugged in.
pub fn machine_report(look: &Look) -> Report {
    let demands = Demands {
        build_time: version::BUILD_TIME,
        not_before: None,
        needed_bytes: 0,
        gpg_wanted: true,
        only_read: Vec::new(),
    };
    let mut report = assess(&look.facts, &[], &demands);
    report
        .lines
        .extend([sticks(look), tokens(look), printer(look)]);
    report
}

fn sticks(look: &Look) -> Line {
    let boot = look.boot_stick();
    let fit = look.sticks.iter().filter_map(|found| {
        let id = found.fit.as_ref().ok()?;
        (boot.as_ref() != Some(id)).then_some(())?;
        Some(format!("{} ({})", id.serial(), size(found.disk.bytes)))
    });
    pass("sticks", some(&fit.collect::<Vec<_>>()))
}

fn tokens(look: &Look) -> Line {
    match &look.tokens {
        Ok(serials) => pass(
            "tokens",
            some(&serials.iter().map(u32::to_string).collect::<Vec<_>>()),
        ),
        Err(why) => warn(
            "tokens",
            why,
            "Only those who sign with a YubiKey need it. Start the machine again.",
        ),
    }
}

fn printer(look: &Look) -> Line {
    pass("printer", some(&look.printers))
}

/// The first few of a list, which may come from a device.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 3;
    if names.is_empty() {
        return "none".to_string();
    }
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
