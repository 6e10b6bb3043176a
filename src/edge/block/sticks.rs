//! Media that are sticks: told by their serial numbers, mounted while they are in use.
//!
//! - `operator-a` and `operator-b` get every entry of the record. They stay mounted; after the
//!   first growth of the record and every eighth they are unmounted, mounted and compared.
//! - The others are mounted when something is read or written. Before the record goes on, and
//!   before another stick is asked for, they are unmounted; what was written is compared after one
//!   more mount. So no entry says that something is stored which was not read back from the device
//!   itself.
//! - Whatever is mounted again is compared with all that was written to it since the program
//!   began, so that a device which loses or changes something does not stay unnoticed.

mod as_media;

use std::collections::BTreeMap;

use super::{Bus, Found, Mounted, Mounts, StickId, size};
use crate::digest::Digest;
use crate::edge::block::MountError;
use crate::edge::media::{Media, MediaError, MediaFault};
use crate::journal::RECORD_MEDIA;
use crate::preflight::MediumFact;
use crate::role::Role;

/// The record grows this often before an operator's stick is mounted anew and compared.
const GROWTHS: u32 = 8;

/// How often it is looked whether partitions are gone.
const PARTITION_TRIES: u32 = 10;

/// The columns that are left for a stick's name beside its role and free space.
const TITLE: usize = 48;

type Done<T> = Result<T, MediaError>;

/// A file as it was written: so many bytes, with this digest. More may follow where a write was
/// cut short.
struct Written {
    length: usize,
    digest: Digest,
}

/// The stick in a role.
struct Held {
    id: StickId,
    title: String,
    mounted: Option<Mounted>,
    /// Everything written, by path.
    written: BTreeMap<String, Written>,
    /// Something was written that was not compared after a mount.
    unsettled: bool,
    /// How often the record grows until it is compared again: soon the first time.
    growths_left: u32,
    /// It was pulled while mounted: it has to come back before anything else.
    pulled: bool,
    /// What was seen of it when it was last there.
    seen: Option<MediumFact>,
}

/// A stick that was mounted to be looked at.
pub struct Tried {
    /// Where and how.
    pub mounted: Mounted,
    /// What is free on it, and whether it can be written.
    pub fact: MediumFact,
}

/// See the module.
pub struct Sticks {
    bus: Box<dyn Bus>,
    mounts: Box<dyn Mounts>,
    /// Reads and writes files where sticks are mounted.
    files: Box<dyn Media>,
    held: BTreeMap<Role, Held>,
}

fn failed(role: Role, path: &str, fault: MediaFault) -> MediaError {
    let path = path.to_string();
    MediaError { role, path, fault }
}

impl Sticks {
    /// No stick has a role yet. `files` reads and writes where a stick is mounted:
    /// [`Media::replace`] tells it where that is.
    pub fn new(bus: Box<dyn Bus>, mounts: Box<dyn Mounts>, files: Box<dyn Media>) -> Sticks {
        Sticks {
            bus,
            mounts,
            files,
            held: BTreeMap::new(),
        }
    }

    /// Unmounts what a program that ended badly left mounted. It is looked at anew.
    pub fn tidied(mut self) -> Sticks {
        for role in Role::ALL {
            // Mostly nothing is mounted there.
            let _ = self.mounts.unmount(role);
        }
        self
    }

    /// What is plugged in; nothing where the machine does not show it.
    pub fn found(&mut self) -> Vec<Found> {
        self.bus.found()
    }

    /// The role of a stick, if it has one.
    pub fn role_of(&self, id: &StickId) -> Option<Role> {
        let mut held = self.held.iter();
        held.find_map(|(role, held)| (held.id == *id).then_some(*role))
    }

    /// Puts a stick into a role and mounts it, so that it can be looked at.
    pub fn put(&mut self, role: Role, stick: &Found) -> Result<Tried, MediaError> {
        let id = stick.fit.clone();
        let id = id.map_err(|_| failed(role, "", MediaFault::Absent))?;
        if self.role_of(&id).is_some_and(|other| other != role) {
            return Err(failed(role, "", MediaFault::Exists));
        }
        self.take_out(role);
        let held = Held {
            title: title(stick, &id),
            id,
            mounted: None,
            written: BTreeMap::new(),
            unsettled: false,
            growths_left: 1,
            pulled: false,
            seen: None,
        };
        self.held.insert(role, held);
        let mounted = self.mounted(role)?.clone();
        let fact = self.look(role);
        Ok(Tried { mounted, fact })
    }

    /// Nothing has this role any more.
    pub fn take_out(&mut self, role: Role) {
        let held = self.held.remove(&role);
        if held.is_some_and(|held| held.mounted.is_some() || held.pulled) {
            // Where it cannot be unmounted, the next mount in this place says so.
            let _ = self.mounts.unmount(role);
        }
    }

    /// Makes an empty file system on a stick that has no role.
    pub fn format(&mut self, stick: &Found) -> Result<(), MountError> {
        self.mounts.format(&stick.disk.name)
    }

    /// A stick stays in the role that it was put into; one that is not written all the time is
    /// unmounted until it is used.
    pub fn keep(&mut self, role: Role) {
        if !RECORD_MEDIA.contains(&role) {
            self.rest(role);
        }
    }

    /// The same stick after it was formatted. Its partitions go a moment later.
    pub fn after_format(&mut self, old: &Found) -> Option<Found> {
        let mut stick = None;
        for _ in 0..PARTITION_TRIES {
            let mut all = self.found().into_iter();
            stick = all.find(|stick| stick.fit.is_ok() && stick.fit == old.fit);
            if stick.as_ref().is_some_and(|s| s.disk.partitions.is_empty()) {
                break;
            }
            self.bus.wait();
        }
        stick
    }

    /// Unmounts a stick that is not used now.
    pub fn rest(&mut self, role: Role) {
        // A failure shows at the next use.
        let _ = self.unmount(role);
    }

    /// Unmounts everything, what was written compared; the first thing that went wrong.
    pub fn finish(&mut self) -> Done<()> {
        let roles: Vec<Role> = self.held.keys().copied().collect();
        let mut result = Ok(());
        for role in roles {
            let settled = self.settle(role);
            result = result.and(settled);
        }
        result
    }

    fn held(&mut self, role: Role) -> Done<&mut Held> {
        let held = self.held.get_mut(&role);
        held.ok_or_else(|| failed(role, "", MediaFault::Absent))
    }

    /// The stick's device name now, if it is plugged in.
    fn device(&mut self, role: Role) -> Option<String> {
        let id = self.held.get(&role)?.id.clone();
        let all = self.found();
        let stick = all.iter().find(|stick| stick.fit.as_ref() == Ok(&id))?;
        Some(stick.disk.device().to_string())
    }

    /// Mounts a role's stick unless it is, and compares what was written to it before.
    fn mounted(&mut self, role: Role) -> Done<&Mounted> {
        if self.held(role)?.mounted.is_none() {
            let mounted = self.mount(role)?;
            self.held(role)?.mounted = Some(mounted);
            if let Err(error) = self.compare(role) {
                // Not taken for compared the next time.
                let _ = self.unmount(role);
                return Err(error);
            }
        }
        let mounted = self.held(role)?.mounted.as_ref();
        Ok(mounted.expect("it was just mounted"))
    }

    fn mount(&mut self, role: Role) -> Done<Mounted> {
        let mount_failed = |error| failed(role, "", MediaFault::Mount(error));
        let Some(device) = self.device(role) else {
            let error = self.missing(role, "");
            if matches!(error.fault, MediaFault::NotPlugged(_)) {
                // Its place may be taken by one that was just written: that one may go now.
                self.settle_others()?;
            }
            return Err(error);
        };
        if self.held(role)?.pulled {
            // What is left of a stick that was pulled stands in the way.
            let _ = self.mounts.unmount(role);
            self.held(role)?.pulled = false;
        }
        let mounted = self.mounts.mount(&device, role).map_err(mount_failed)?;
        if self.device(role).as_ref() != Some(&device) {
            // Another one came under that name in between.
            let _ = self.mounts.unmount(role);
            return Err(self.missing(role, ""));
        }
        let at = mounted.at.to_string_lossy().into_owned();
        self.files.replace(role, &at)?;
        Ok(mounted)
    }

    /// Why a stick that is not plugged in is not used: it is only asked for where it may have been
    /// put aside.
    fn missing(&mut self, role: Role, path: &str) -> MediaError {
        let fault = match self.held.get(&role) {
            None => MediaFault::Absent,
            Some(held) if held.pulled || held.unsettled || RECORD_MEDIA.contains(&role) => {
                MediaFault::Pulled
            }
            Some(held) => MediaFault::NotPlugged(held.title.clone()),
        };
        failed(role, path, fault)
    }

    fn unmount(&mut self, role: Role) -> Done<()> {
        if self.held(role)?.mounted.take().is_none() {
            return Ok(());
        }
        let unmounted = self.mounts.unmount(role);
        unmounted.map_err(|error| {
            if let Some(held) = self.held.get_mut(&role) {
                held.pulled = true;
            }
            failed(role, "", MediaFault::Mount(error))
        })
    }

    /// Reads everything that was written, and sees that it is still so.
    fn compare(&mut self, role: Role) -> Done<()> {
        let held = self.held.get_mut(&role);
        let written = held.map(|held| std::mem::take(&mut held.written));
        let written = written.unwrap_or_default();
        let mut result = Ok(());
        for (path, wanted) in &written {
            result = match self.files.read(role, path) {
                Ok(bytes) => match bytes.get(..wanted.length).map(Digest::of) {
                    Some(digest) if digest == wanted.digest => Ok(()),
                    _ => Err(failed(role, path, MediaFault::ReadBack)),
                },
                Err(MediaError {
                    fault: MediaFault::NotFound,
                    ..
                }) => Err(failed(role, path, MediaFault::ReadBack)),
                Err(error) => Err(error),
            };
            if result.is_err() {
                break;
            }
        }
        let held = self.held(role)?;
        held.written = written;
        if result.is_ok() {
            held.unsettled = false;
        }
        result
    }

    /// Unmounts a stick; what was written to it is compared after one more mount.
    fn settle(&mut self, role: Role) -> Done<()> {
        if self.held(role)?.unsettled {
            self.unmount(role)?;
            self.mounted(role)?;
        }
        self.unmount(role)
    }

    /// Before the record goes on: the sticks that it is not on.
    fn settle_others(&mut self) -> Done<()> {
        let roles = self.held.keys().copied();
        let others: Vec<Role> = roles.filter(|role| !RECORD_MEDIA.contains(role)).collect();
        others.into_iter().try_for_each(|role| self.settle(role))
    }

    /// Does something with a mounted stick.
    fn with<T>(&mut self, role: Role, work: impl FnOnce(&mut dyn Media) -> Done<T>) -> Done<T> {
        self.mounted(role)?;
        work(self.files.as_mut()).map_err(|error| self.after_failure(error))
    }

    /// The same, where something is changed.
    fn change(&mut self, role: Role, work: impl FnOnce(&mut dyn Media) -> Done<()>) -> Done<()> {
        if RECORD_MEDIA.contains(&role) {
            self.settle_others()?;
        }
        self.mounted(role)?;
        self.held(role)?.unsettled = true;
        self.with(role, work)
    }

    /// A stick that failed is mounted anew the next time: it may have been pulled, come back under
    /// another name, or been locked by its file system after an error.
    fn after_failure(&mut self, error: MediaError) -> MediaError {
        let role = error.role;
        let there = self.device(role).is_some();
        let device_failed = matches!(error.fault, MediaFault::System(_)) || !there;
        if device_failed
            && self.unmount(role).is_ok()
            && !there
            && let Some(held) = self.held.get_mut(&role)
        {
            held.unsettled = true;
        }
        match there {
            true => error,
            false => failed(role, &error.path, MediaFault::Pulled),
        }
    }

    fn note(&mut self, role: Role, path: &str, bytes: &[u8]) -> Done<()> {
        let written = Written {
            length: bytes.len(),
            digest: Digest::of(bytes),
        };
        self.held(role)?.written.insert(path.to_string(), written);
        Ok(())
    }

    /// Serial number first: it is what people compare.
    fn identified(&self, role: Role, fact: MediumFact) -> MediumFact {
        let held = self.held.get(&role);
        MediumFact {
            identity: held.map(|held| held.title.clone()).unwrap_or_default(),
            ..fact
        }
    }
}

/// Serial number, name and size.
fn title(stick: &Found, id: &StickId) -> String {
    let (serial, size) = (id.serial(), size(stick.disk.bytes));
    let room = TITLE.saturating_sub(serial.len() + size.len() + 2);
    let name: String = stick.disk.title().chars().take(room).collect();
    format!("{serial} {} {size}", name.trim_end())
}

impl Drop for Sticks {
    fn drop(&mut self) {
        let roles: Vec<Role> = self.held.keys().copied().collect();
        for role in roles {
            self.rest(role);
        }
    }
}
