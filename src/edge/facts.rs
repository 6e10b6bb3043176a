//! What the machine shows of itself: raw observations, judged by `preflight::assess`.
//!
//! Observing never fails as a whole. A fact that could not be seen says so, and the
//! judgement decides whether that is bad enough to stop.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the machine is looked at"
)]

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceremony_devices::sysfs::unescape;

use crate::digest::Digest;

/// A fact, or why it could not be seen.
pub type Seen<T> = Result<T, Unseen>;

/// A fact that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Where it was looked for: a file or a system call.
    pub place: &'static str,
    /// What kind of failure it was; `InvalidData` when the answer made no sense.
    pub kind: io::ErrorKind,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

/// All observations that preflight judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Names of the network interfaces in this process's network namespace.
    pub interfaces: Seen<Vec<String>>,
    /// The swap areas in use.
    pub swaps: Seen<Vec<Swap>>,
    /// What would happen if a program crashed.
    pub core_dumps: Seen<CoreDumps>,
    /// How much of this process's memory is locked into RAM.
    pub memory: Seen<Memory>,
    /// Whether the kernel's random generator has been seeded.
    pub random_ready: Seen<bool>,
    /// The clock: UTC seconds since 1970.
    pub now: u64,
    /// The folder that the program works in.
    pub work_folder: Seen<WorkFolder>,
    /// The size of the terminal on standard output; `None` when it is not a terminal.
    pub terminal: Option<TerminalSize>,
    /// The system's own gpg, if there is one.
    pub gpg: Option<GpgFound>,
    /// SHA-256 of the running program's file.
    pub program: Seen<Digest>,
}

/// A swap area in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The device or file, as the kernel names it.
    pub name: String,
    /// Where what is swapped out ends up.
    pub kind: SwapKind,
}

/// Where what is swapped out ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapKind {
    /// On a disk or in a file, readable by whoever finds it.
    Plain,
    /// On a device below which everything passes through dm-crypt.
    Encrypted,
    /// In RAM (zram with no backing device).
    Memory,
}

/// What would happen if a program crashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreDumps {
    /// The soft limit on a core file's size in bytes; `None` is unlimited.
    pub limit: Option<u64>,
    /// Whether the kernel may dump this process at all (`PR_GET_DUMPABLE`).
    pub dumpable: bool,
    /// `/proc/sys/kernel/core_pattern`. With a leading `|` dumps go to a program, and
    /// the kernel then ignores the size limit (core(5)).
    pub pattern: String,
}

impl CoreDumps {
    /// Whether dumps are handed to a program, whatever the limit.
    pub fn piped(&self) -> bool {
        self.pattern.starts_with('|')
    }

    /// Whether a crash could leave memory behind. A piped pattern counts even if this
    /// process is safe, because helper programs such as gpg would still be dumped.
    pub fn possible(&self) -> bool {
        self.piped() || (self.dumpable && self.limit != Some(0))
    }
}

/// How much of this process's memory is locked into RAM, in kB (`/proc/self/status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// `VmLck`: what is locked.
    pub locked: u64,
    /// `VmData` and `VmStk`: heap and stack, where secrets are.
    pub private: u64,
}

impl Memory {
    /// Whether heap and stack are all locked.
    pub fn all_locked(&self) -> bool {
        self.locked > 0 && self.locked >= self.private
    }
}

/// The folder that the program works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFolder {
    /// Its path.
    pub path: PathBuf,
    /// Whether it is on tmpfs or ramfs.
    pub in_memory: bool,
}

/// A terminal's size in characters; both 0 when the terminal does not tell (serial lines).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line.
    pub columns: u16,
    /// Lines on the screen.
    pub rows: u16,
}

/// The system's own gpg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpgFound {
    /// Its path.
    pub path: PathBuf,
    /// The first line of `gpg --version`.
    pub version: String,
    /// Whether there is a folder in RAM for its keys; without one it is not used.
    pub home_in_memory: bool,
}

/// The names of the network interfaces in this process's network namespace.
///
/// `/proc/self/net/dev` is read and not `/sys/class/net`: sysfs shows the namespace of
/// whoever mounted it, so in a container or under `unshare -n` it may list interfaces
/// that this process cannot reach, or miss ones that it can.
pub(super) fn interfaces() -> Seen<Vec<String>> {
    const PLACE: &str = "/proc/self/net/dev";
    parse_net_dev(&read(PLACE)?).ok_or(nonsense(PLACE))
}

/// The swap areas in use, each with where it ends up.
pub(super) fn swaps() -> Seen<Vec<Swap>> {
    const PLACE: &str = "/proc/swaps";
    let names = parse_swaps(&read(PLACE)?).ok_or(nonsense(PLACE))?;
    Ok(names
        .into_iter()
        .map(|name| Swap {
            kind: swap_kind(&name, Path::new("/sys/block")),
            name,
        })
        .collect())
}

/// What would happen if a program crashed.
pub(super) fn core_dumps() -> Seen<CoreDumps> {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    let dumpable = dumpable_behavior().map_err(|e| unseen("PR_GET_DUMPABLE", e.into()))?;
    Ok(CoreDumps {
        limit: getrlimit(Resource::Core).current,
        dumpable: dumpable != DumpableBehavior::NotDumpable,
        pattern: read("/proc/sys/kernel/core_pattern")?.trim().to_string(),
    })
}

/// How much of this process's memory is locked into RAM.
pub(super) fn memory() -> Seen<Memory> {
    const PLACE: &str = "/proc/self/status";
    let status = read(PLACE)?;
    let kb = |field| parse_status_kb(&status, field).ok_or(nonsense(PLACE));
    Ok(Memory {
        locked: kb("VmLck")?,
        private: kb("VmData")? + kb("VmStk")?,
    })
}

/// Whether the kernel's random generator has been seeded (getrandom(2): `EAGAIN` if not).
pub(super) fn random_ready() -> Seen<bool> {
    use rustix::rand::{GetRandomFlags, getrandom};
    match getrandom(&mut [0; 1], GetRandomFlags::NONBLOCK) {
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::AGAIN) => Ok(false),
        Err(e) => Err(unseen("getrandom", e.into())),
    }
}

/// Whether `path` is on tmpfs or ramfs, as the initial RAM disk is too.
pub(super) fn is_in_memory(path: &Path) -> io::Result<bool> {
    // statfs(2): the file systems' magic numbers.
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    let kind = rustix::fs::statfs(path)?.f_type as u64 & 0xffff_ffff;
    Ok(matches!(kind, TMPFS | RAMFS))
}

/// Describes the folder that the program works in.
pub(super) fn work_folder(path: &Path) -> Seen<WorkFolder> {
    let in_memory = is_in_memory(path).map_err(|e| unseen("the work folder", e))?;
    Ok(WorkFolder {
        path: path.to_path_buf(),
        in_memory,
    })
}

/// The size of the terminal on standard output.
pub(super) fn terminal() -> Option<TerminalSize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(TerminalSize {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}

/// Reads the interface names from the text of `/proc/net/dev`; `None` if it is no such text.
///
/// Format: two lines of headings, then one line for each interface: blanks, the name, a
/// colon, counters. The kernel allows no blank, colon or slash in a name.
pub fn parse_net_dev(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines();
    let headings = lines.next()?.starts_with("Inter-|") && lines.next()?.starts_with(" face |");
    headings.then_some(())?;
    lines
        .map(|line| {
            let name = line.split_once(':')?.0.trim();
            let sound = !name.is_empty() && !name.contains(char::is_whitespace);
            sound.then(|| name.to_string())
        })
        .collect()
}

/// Reads the names from the text of `/proc/swaps`; `None` if it is no such text.
///
/// Format: a line of headings, then `name type size used priority`, where the name has
/// blanks, tabs, line feeds and backslashes written as `\` and three octal digits.
pub fn parse_swaps(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines();
    lines.next()?.starts_with("Filename").then_some(())?;
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let sound = fields.len() == 5 && matches!(fields[1], "partition" | "file");
            sound.then(|| unescape(fields[0]))
        })
        .collect()
}

/// Reads a field such as `VmLck: 0 kB` from the text of `/proc/self/status`.
pub fn parse_status_kb(text: &str, field: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Where a swap area ends up. In doubt it is plain: a swap file, for one, may lie on an
/// encrypted disk, but that cannot be told from here.
fn swap_kind(name: &str, blocks: &Path) -> SwapKind {
    let resolved = fs::canonicalize(name).unwrap_or_else(|_| PathBuf::from(name));
    let device = match resolved.strip_prefix("/dev").ok().and_then(Path::to_str) {
        Some(device) if !device.contains('/') => device,
        _ => return SwapKind::Plain,
    };
    if device.starts_with("zram") {
        // With CONFIG_ZRAM_WRITEBACK pages may go on to a disk; without it there is no such file.
        return match fs::read_to_string(blocks.join(device).join("backing_dev")) {
            Ok(backing) if backing.trim() != "none" => SwapKind::Plain,
            Err(e) if e.kind() != io::ErrorKind::NotFound => SwapKind::Plain,
            _ => SwapKind::Memory,
        };
    }
    if is_encrypted(device, blocks, 8) {
        SwapKind::Encrypted
    } else {
        SwapKind::Plain
    }
}

/// Whether a block device is a dm-crypt mapping, or a mapping with nothing but such below.
fn is_encrypted(device: &str, blocks: &Path, depth: u8) -> bool {
    let folder = blocks.join(device);
    let uuid = fs::read_to_string(folder.join("dm/uuid")).unwrap_or_default();
    if uuid.starts_with("CRYPT-") {
        return true;
    }
    if depth == 0 || uuid.is_empty() {
        return false;
    }
    let Ok(below) = fs::read_dir(folder.join("slaves")) else {
        return false;
    };
    let mut below = below.peekable();
    below.peek().is_some()
        && below.all(|entry| match entry.map(|e| e.file_name().into_string()) {
            Ok(Ok(name)) => is_encrypted(&name, blocks, depth - 1),
            _ => false,
        })
}

fn read(place: &'static str) -> Seen<String> {
    fs::read_to_string(place).map_err(|e| unseen(place, e))
}

fn nonsense(place: &'static str) -> Unseen {
    Unseen {
        place,
        kind: io::ErrorKind::InvalidData,
    }
}

pub(super) fn unseen(place: &'static str, error: io::Error) -> Unseen {
    Unseen {
        place,
        kind: error.kind(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
