//! Sticks and boot media as block devices: what is plugged in, and the helper that mounts them, which
//! is all that runs as root. With them the few words that the whole program uses.
//!
//! A crate of its own, so that no more than this is in the helper.
//!
//! The ceremony's program cannot mount. It sees sticks in sysfs ([`sysfs`]), and asks the helper
//! ([`helper`], over [`wire`]) through the interface [`Mounts`].

pub mod boot;
mod client;
pub mod digest;
pub mod error;
pub mod helper;
pub mod keyboard;
mod mounts;
mod probe;
pub mod role;
pub mod sysfs;
pub mod test_only;
pub mod wire;

pub use client::{Client, SOCKET};
pub use mounts::{MountError, Mounted, Mounts, Refusal};
pub use probe::{FileSystem, is_boot_medium};

use std::fmt;
use std::io;

/// A block device's number, as in `/sys/block/sdb/dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    /// The driver's.
    pub major: u32,
    /// The device's.
    pub minor: u32,
}

/// A whole disk, of whatever kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// As the kernel names it: `sdb`. It may be another disk's name a moment later.
    pub name: String,
    /// The device number.
    pub number: Number,
    /// Counted up by the kernel for every disk that appears; 0 where it does not count. So a disk
    /// is told from another one that came after it under the same name.
    pub sequence: u64,
    /// As it calls itself; printable ASCII.
    pub vendor: String,
    /// See `vendor`.
    pub model: String,
    /// The USB device that it is behind, if it is behind one.
    pub usb: Option<Usb>,
    /// In bytes; 0 for a reader without a card.
    pub bytes: u64,
    /// It says that it can be taken out.
    pub removable: bool,
    /// Its write lock is closed.
    pub read_only: bool,
    /// It, or a partition of it, is mounted or used by another device.
    pub in_use: bool,
    /// In the order of their numbers.
    pub partitions: Vec<Partition>,
}

/// A part of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// As the kernel names it: `sdb1`.
    pub name: String,
    /// From 1.
    pub index: u32,
    /// The device number.
    pub number: Number,
}

/// What a USB device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usb {
    /// Vendor and product, as in `0781:5567`.
    pub product: String,
    /// Its serial number; printable ASCII.
    pub serial: Option<String>,
}

/// What tells a stick from all others: vendor, product and serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StickId(String);

impl StickId {
    /// The serial number alone, as people compare it.
    pub fn serial(&self) -> &str {
        self.0.split_once(' ').map_or("", |(_, serial)| serial)
    }
}

impl fmt::Display for StickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a disk is no medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is built in, or says that it cannot be taken out.
    Fixed,
    /// A reader without a card.
    Empty,
    /// It cannot be told from another one.
    NoSerial,
    /// Another one that is plugged in has the same serial number.
    Twin,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::Fixed => "it is a fixed disk",
            Unfit::Empty => "there is no card in it",
            Unfit::NoSerial => "it has no serial number, so it cannot be told from others",
            Unfit::Twin => "two devices have this serial number, so they cannot be told apart",
        })
    }
}

/// A disk that is plugged in, and whether it can be a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The disk.
    pub disk: Disk,
    /// What tells it from others.
    pub fit: Result<StickId, Unfit>,
}

/// What is plugged in.
pub trait Bus {
    /// All disks, by name.
    ///
    /// # Errors
    /// If the machine does not show its disks at all.
    fn disks(&mut self) -> io::Result<Vec<Disk>>;

    /// Waits a little for something to change.
    fn wait(&mut self);

    /// What is plugged in, and what of it can be a medium; nothing where the machine does not show it.
    fn found(&mut self) -> Vec<Found> {
        found(self.disks().unwrap_or_default())
    }
}

impl Disk {
    /// Vendor and model, as they stand on the screen.
    pub fn title(&self) -> String {
        let title = format!("{} {}", self.vendor, self.model);
        let title = title.trim();
        if title.is_empty() { "unnamed" } else { title }.to_string()
    }

    /// What is mounted of it: its first partition, or all of it where it has none.
    pub fn device(&self) -> &str {
        self.partitions
            .first()
            .map_or(&self.name, |partition| &partition.name)
    }

    /// Whether it can be a medium, looked at by itself.
    ///
    /// A disk in a USB case says that it is not removable, and so do a few sticks: those are
    /// refused too. It must be impossible to erase a disk with this.
    pub fn fit(&self) -> Result<StickId, Unfit> {
        let Some(usb) = self.usb.as_ref().filter(|_| self.removable) else {
            return Err(Unfit::Fixed);
        };
        if self.bytes == 0 {
            return Err(Unfit::Empty);
        }
        let serial = usb.serial.as_ref().ok_or(Unfit::NoSerial)?;
        Ok(StickId(format!("{} {serial}", usb.product)))
    }
}

/// Which disks can be media, looked at together.
pub fn found(disks: Vec<Disk>) -> Vec<Found> {
    let ids: Vec<Result<StickId, Unfit>> = disks.iter().map(Disk::fit).collect();
    let twin = |id: &StickId| ids.iter().filter(|other| other.as_ref() == Ok(id)).count() > 1;
    let fits = ids.iter().map(|fit| match fit {
        Ok(id) if twin(id) => Err(Unfit::Twin),
        fit => fit.clone(),
    });
    let together = disks.into_iter().zip(fits);
    together.map(|(disk, fit)| Found { disk, fit }).collect()
}

/// As much of a text as is shown, printable ASCII alone: it comes from a device, a file or a person,
/// and must not be able to write to the terminal as it likes. Anything else becomes a question mark.
pub fn printable(text: &str, most: usize) -> String {
    let shown = |c: char| match c {
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(most).map(shown).collect()
}

/// A size as it is printed on sticks: decimal, in GB or MB.
pub fn size(bytes: u64) -> String {
    const GB: u64 = 1_000_000_000;
    if bytes < GB {
        return format!("{} MB", bytes / 1_000_000);
    }
    format!("{}.{} GB", bytes / GB, bytes % GB / (GB / 10))
}
