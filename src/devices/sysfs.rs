//! The disks of this machine, as sysfs shows them (Documentation/ABI/stable/sysfs-block and
//! testing/sysfs-bus-usb of the kernel). What cannot be read is taken for the worse: not removable,
//! read-only, in use, without a serial number.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the machine is looked at"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Bus, Disk, Number, Partition, Usb, printable};

/// The longest text that is taken from a device, in characters: a USB string has at most 126.
const MAX_TEXT: usize = 126;

/// `size` counts in these, whatever the device does.
const SECTOR: u64 = 512;

/// The machine below a folder: `/`, or a tree of a test's own.
pub struct Sysfs {
    root: PathBuf,
}

impl Sysfs {
    /// Looks below `root`.
    pub fn new(root: PathBuf) -> Sysfs {
        Sysfs { root }
    }
}

impl Bus for Sysfs {
    fn disks(&mut self) -> io::Result<Vec<Disk>> {
        disks(&self.root)
    }

    fn wait(&mut self) {
        thread::sleep(Duration::from_millis(300));
    }
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The device number, where a device is behind it.
    pub number: Number,
    /// Where.
    pub at: PathBuf,
}

/// All disks, by name. One that goes while it is looked at is left out.
pub fn disks(root: &Path) -> io::Result<Vec<Disk>> {
    let mounts = mounts(root)?;
    let folder = root.join("sys/block");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    let look = |name: String| disk(root, &folder.join(&name), name, &mounts);
    Ok(names.into_iter().filter_map(look).collect())
}

/// What is mounted where.
pub fn mounts(root: &Path) -> io::Result<Vec<Mount>> {
    let text = fs::read_to_string(root.join("proc/self/mountinfo"))?;
    parse_mountinfo(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn disk(root: &Path, folder: &Path, name: String, mounts: &[Mount]) -> Option<Disk> {
    let number = parse_number(&text(&folder.join("dev"))?)?;
    let partitions = partitions(folder);
    let numbers: Vec<Number> = partitions.iter().map(|p| p.number).collect();
    let mounted = mounts
        .iter()
        .any(|mount| mount.number == number || numbers.contains(&mount.number));
    let held = is_held(folder) || partitions.iter().any(|p| is_held(&folder.join(&p.name)));
    let flag = |file: &str| text(&folder.join(file)).as_deref() == Some("1");
    Some(Disk {
        number,
        sequence: number_in(&folder.join("diskseq")).unwrap_or(0),
        vendor: text(&folder.join("device/vendor")).unwrap_or_default(),
        model: text(&folder.join("device/model")).unwrap_or_default(),
        usb: usb(root, folder),
        bytes: number_in(&folder.join("size"))?.checked_mul(SECTOR)?,
        removable: flag("removable"),
        read_only: text(&folder.join("ro")).as_deref() != Some("0"),
        in_use: mounted || held,
        partitions,
        name,
    })
}

fn partitions(folder: &Path) -> Vec<Partition> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<Partition> = entries
        .filter_map(|entry| {
            let folder = entry.path();
            Some(Partition {
                index: number_in(&folder.join("partition"))?.try_into().ok()?,
                number: parse_number(&text(&folder.join("dev"))?)?,
                name: entry.file_name().into_string().ok()?,
            })
        })
        .collect();
    found.sort_by_key(|partition| partition.index);
    found
}

/// Whether another device is made of this one (a mapping, a RAID).
fn is_held(folder: &Path) -> bool {
    match fs::read_dir(folder.join("holders")) {
        Ok(mut holders) => holders.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// The nearest USB device above a disk.
fn usb(root: &Path, folder: &Path) -> Option<Usb> {
    let devices = fs::canonicalize(root.join("sys/devices")).ok()?;
    let place = fs::canonicalize(folder).ok()?;
    let mut above = place.ancestors().take_while(|at| at.starts_with(&devices));
    let device = above.find(|at| at.join("idVendor").is_file())?;
    let part = |file: &str| text(&device.join(file)).filter(|id| is_hex4(id));
    Some(Usb {
        product: format!("{}:{}", part("idVendor")?, part("idProduct")?),
        serial: text(&device.join("serial")).filter(|serial| is_serial(serial)),
    })
}

fn is_hex4(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A serial number tells devices apart only if something stands in it.
fn is_serial(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_alphanumeric() && c != '0')
}

/// A file's text without blanks around it. What is not printable ASCII becomes a question mark:
/// it comes from the device.
fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(trimmed(&bytes))
}

fn trimmed(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    printable(text, MAX_TEXT)
}

fn number_in(path: &Path) -> Option<u64> {
    parse_decimal(&text(path)?)
}

/// Digits alone: `parse` would take a sign.
fn parse_decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Reads `8:16`.
pub fn parse_number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once(':')?;
    let part = |text| parse_decimal(text)?.try_into().ok();
    Some(Number {
        major: part(major)?,
        minor: part(minor)?,
    })
}

/// Reads the text of `/proc/self/mountinfo`; `None` if it is no such text.
///
/// Format (proc_pid_mountinfo(5)): mount id, parent id, `major:minor`, root, mount point with
/// blanks as `\040`, options, and more.
pub fn parse_mountinfo(text: &str) -> Option<Vec<Mount>> {
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            if fields.len() < 7 || !fields.contains(&"-") {
                return None;
            }
            Some(Mount {
                number: parse_number(fields[2])?,
                at: PathBuf::from(unescape(fields[4])),
            })
        })
        .collect()
}

/// Undoes `\ooo`; a backslash that starts no such escape stays as it is.
pub fn unescape(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let octal = (*first == b'\\').then(|| tail.get(..3)).flatten();
        let code = octal
            .filter(|digits| digits.iter().all(|d| (b'0'..=b'7').contains(d)))
            .map(|digits| digits.iter().fold(0u32, |n, d| n * 8 + u32::from(d - b'0')));
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(byte) => (out.push(byte), rest = &tail[3..]),
            None => (out.push(*first), rest = tail),
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
