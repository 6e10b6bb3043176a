//! Which printers there are.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where devices are looked for"
)]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cups::{MOST, PATH};
use super::{Printers, QUEUE, RealPrinters};
use crate::edge::gpg::child;
use crate::print::{DeviceId, MAX_DEVICE_ID};
use ceremony_devices::printable;

/// As many of each kind are listed.
const LISTED: usize = 20;

/// A printer that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is typed to print there.
    pub place: String,
    /// What it says of itself; may be empty.
    pub title: String,
}

/// Devices first, then queues.
pub fn find(printers: &RealPrinters) -> Vec<Found> {
    let mut found = Vec::new();
    for folder in ["dev/usb", "dev"] {
        for path in devices(&printers.root.join(folder)) {
            let place = path.to_string_lossy().into_owned();
            if printers.open(&place).is_ok() {
                let id = device_id(&printers.root, &path);
                let title = id.title().to_string();
                found.push(Found { place, title });
            }
        }
    }
    let queues = queues(Path::new("lpstat"), Duration::from_secs(10));
    found.extend(queues.into_iter().map(|name| Found {
        place: format!("{QUEUE}{name}"),
        title: "a queue of CUPS".to_string(),
    }));
    found
}

fn devices(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_one = |name: &str| {
        let number = name.strip_prefix("lp").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let names = entries.flatten().map(|entry| entry.path());
    let named = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(is_one)
    };
    let mut paths: Vec<PathBuf> = names.filter(named).take(LISTED).collect();
    paths.sort();
    paths
}

fn queues(lpstat: &Path, patience: Duration) -> Vec<String> {
    let mut command = Command::new(lpstat);
    let command = command
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .arg("-e");
    match child::talk(command, &[], MOST, patience) {
        Ok(answer) if answer.success => {
            let text = String::from_utf8_lossy(answer.output.expose()).into_owned();
            let names = text.lines().filter(|line| !line.is_empty()).take(LISTED);
            names.map(|name| printable(name, 60)).collect()
        }
        // No CUPS, or none that answers.
        _ => Vec::new(),
    }
}

/// What a USB printer says of itself. `/dev/lp0` is another device with the same name: it has none.
pub(super) fn device_id(root: &Path, path: &Path) -> DeviceId {
    let read = || {
        let path = fs::canonicalize(path).ok()?;
        let usb = path.parent()?.file_name()? == "usb";
        let name = path.file_name().filter(|_| usb)?;
        let folder = root.join("sys/class/usbmisc").join(name);
        let file = File::open(folder.join("device/ieee1284_id")).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_DEVICE_ID as u64)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    };
    DeviceId::parse(&read().unwrap_or_default())
}
