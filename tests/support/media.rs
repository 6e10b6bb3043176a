//! Sticks in memory. They behave as `edge::directory` does, and survive the machine's death.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::rc::Rc;

use ceremony::edge::media::{Access, Kind, Media, MediaError, MediaFault};
use ceremony::preflight::MediumFact;
use ceremony::role::Role;

use super::script::{Cue, Death, Effect, Fault, Shared};

/// Path and bytes of every file on a device.
pub type Device = BTreeMap<String, Vec<u8>>;

/// The sticks, and which of them has which role.
pub struct Sticks {
    pub devices: BTreeMap<String, Device>,
    pub roles: BTreeMap<Role, String>,
}

/// See the module.
#[derive(Clone)]
pub struct MemoryMedia {
    pub sticks: Rc<RefCell<Sticks>>,
    script: Shared,
}

type Outcome<T> = Result<T, MediaFault>;

impl MemoryMedia {
    /// One empty stick for each role.
    pub fn new(script: Shared) -> MemoryMedia {
        let names = Role::ALL.map(|role| (role, role.to_string()));
        let empty = |(_, name): &(Role, String)| (name.clone(), Device::new());
        let sticks = Sticks {
            devices: names.iter().map(empty).collect(),
            roles: names.into_iter().collect(),
        };
        let sticks = Rc::new(RefCell::new(sticks));
        MemoryMedia { sticks, script }
    }

    /// Puts an empty stick on the table, for a replacement.
    pub fn add_spare(&self, name: &str) {
        let spare = (name.to_string(), Device::new());
        self.sticks.borrow_mut().devices.extend([spare]);
    }

    /// What the stick in a role holds.
    pub fn device(&self, role: Role) -> Device {
        let sticks = self.sticks.borrow();
        sticks.devices[&sticks.roles[&role]].clone()
    }

    /// Changes what the stick in a role holds, behind the ceremony's back.
    pub fn tamper(&self, role: Role, change: impl FnOnce(&mut Device)) {
        let mut sticks = self.sticks.borrow_mut();
        let name = sticks.roles[&role].clone();
        change(
            sticks
                .devices
                .get_mut(&name)
                .expect("every role's stick is there"),
        );
    }

    /// All sticks, those that were replaced too.
    pub fn everything(&self) -> BTreeMap<String, Device> {
        self.sticks.borrow().devices.clone()
    }

    /// One call: counted, perhaps fatal, perhaps failing, else `work`.
    fn call<T>(
        &self,
        role: Role,
        path: &str,
        (name, effect): (&str, Effect),
        work: impl FnOnce(&mut Device, Option<Death>, Option<Fault>) -> Outcome<T>,
    ) -> Result<T, MediaError> {
        let named = |fault| MediaError {
            role,
            path: path.to_string(),
            fault,
        };
        let cue = self
            .script
            .borrow_mut()
            .touch(format!("{name} {role} {path}"), effect);
        let dying = match cue {
            Cue::Dead => return Err(named(MediaFault::Gone)),
            Cue::Live => None,
            Cue::Dying(how) => Some(how),
        };
        let fault = self
            .script
            .borrow_mut()
            .fault(role, path, effect != Effect::None);
        let mut sticks = self.sticks.borrow_mut();
        let stick = sticks.roles.get(&role).cloned();
        let device = stick.and_then(|stick| sticks.devices.get_mut(&stick));
        let result = match device {
            None => Err(MediaFault::Absent),
            Some(device) => work(device, dying, fault),
        };
        if dying.is_some() {
            return Err(named(MediaFault::Gone));
        }
        result.map_err(named)
    }
}

fn failed(kind: ErrorKind) -> MediaFault {
    MediaFault::System(Error::from(kind))
}

/// The fault of a call that leaves nothing behind.
fn plain(fault: Option<Fault>) -> Outcome<()> {
    match fault {
        Some(Fault::ReadOnly) => Err(failed(ErrorKind::ReadOnlyFilesystem)),
        // EIO, which has no kind of its own.
        Some(Fault::Vanished) => Err(MediaFault::System(Error::from_raw_os_error(5))),
        _ => Ok(()),
    }
}

fn part_name(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.part-{name}"),
        None => format!(".part-{path}"),
    }
}

fn write_new(
    device: &mut Device,
    path: &str,
    bytes: &[u8],
    dying: Option<Death>,
    fault: Option<Fault>,
) -> Outcome<()> {
    match device.get(path) {
        Some(held) if held == bytes => return plain(fault.filter(|f| *f == Fault::Vanished)),
        Some(_) => return Err(MediaFault::Exists),
        None => {}
    }
    plain(fault.filter(|f| *f == Fault::ReadOnly))?;
    let part = part_name(path);
    device.remove(&part);
    let half = bytes[..bytes.len() / 2].to_vec();
    match (dying, fault) {
        (Some(Death::HalfWritten), _) => drop(device.insert(part, half)),
        (Some(Death::NotRenamed), _) => drop(device.insert(part, bytes.to_vec())),
        (_, Some(Fault::Full)) => return Err(failed(ErrorKind::StorageFull)),
        (_, Some(Fault::Vanished)) => {
            device.insert(part, half);
            return plain(fault);
        }
        (_, Some(Fault::ReadsBackWrong | Fault::KeepsWrong)) => {
            device.insert(part, wrong(bytes));
            return Err(MediaFault::ReadBack);
        }
        _ => drop(device.insert(path.to_string(), bytes.to_vec())),
    }
    Ok(())
}

/// As many bytes, one of them another.
fn wrong(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}

fn grow(
    device: &mut Device,
    path: &str,
    whole: &[u8],
    dying: Option<Death>,
    fault: Option<Fault>,
) -> Outcome<()> {
    let Some(held) = device.get_mut(path) else {
        return write_new(device, path, whole, dying, fault);
    };
    if held == whole {
        return Ok(());
    }
    if !whole.starts_with(held) {
        return Err(MediaFault::Differs);
    }
    let half = held.len() + (whole.len() - held.len()) / 2;
    plain(fault.filter(|f| *f == Fault::ReadOnly))?;
    match (dying, fault) {
        (Some(Death::HalfWritten | Death::NotRenamed), _) => *held = whole[..half].to_vec(),
        (_, Some(Fault::Full)) => {
            *held = whole[..half].to_vec();
            return Err(failed(ErrorKind::StorageFull));
        }
        (_, Some(Fault::Vanished)) => {
            *held = whole[..half].to_vec();
            return plain(fault);
        }
        (_, Some(Fault::ReadsBackWrong)) => {
            *held = whole.to_vec();
            return Err(MediaFault::ReadBack);
        }
        (_, Some(Fault::KeepsWrong)) => {
            *held = wrong(whole);
            return Err(MediaFault::ReadBack);
        }
        _ => *held = whole.to_vec(),
    }
    Ok(())
}

fn below<'a>(device: &'a Device, folder: &str) -> Vec<(String, &'a [u8])> {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let inside = |(path, bytes): (&String, &'a Vec<u8>)| {
        let path = path.strip_prefix(&prefix)?;
        Some((path.to_string(), bytes.as_slice()))
    };
    device.iter().filter_map(inside).collect()
}

impl Media for MemoryMedia {
    fn roles(&self) -> Vec<Role> {
        Role::ALL.to_vec()
    }

    fn look(&mut self, role: Role) -> MediumFact {
        let stick = self.sticks.borrow().roles.get(&role).cloned();
        MediumFact {
            role: role.to_string(),
            present: stick.is_some(),
            free_bytes: 1 << 30,
            identity: stick.unwrap_or_default(),
            writable: true,
            problem: None,
        }
    }

    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError> {
        let mut sticks = self.sticks.borrow_mut();
        let used = sticks
            .roles
            .iter()
            .any(|(r, at)| *r != role && at == location);
        let fault = if !sticks.devices.contains_key(location) {
            MediaFault::NotFound
        } else if used {
            MediaFault::Exists
        } else {
            sticks.roles.insert(role, location.to_string());
            return Ok(());
        };
        Err(MediaError {
            role,
            path: location.to_string(),
            fault,
        })
    }

    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError> {
        self.call(role, folder, ("list", Effect::None), |device, _, fault| {
            plain(fault)?;
            let mut found = BTreeMap::new();
            for (path, _) in below(device, folder) {
                for (at, _) in path.match_indices('/') {
                    found.insert(path[..at].to_string(), Kind::Folder);
                }
                found.insert(path, Kind::File);
            }
            Ok(found.into_iter().collect())
        })
    }

    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError> {
        self.call(role, path, ("read", Effect::None), |device, _, fault| {
            plain(fault)?;
            device.get(path).cloned().ok_or(MediaFault::NotFound)
        })
    }

    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        _access: Access,
    ) -> Result<(), MediaError> {
        let call = ("create", Effect::Creates);
        self.call(role, path, call, |device, dying, fault| {
            write_new(device, path, bytes, dying, fault)
        })
    }

    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError> {
        let call = ("extend", Effect::Extends);
        self.call(role, path, call, |device, dying, fault| {
            grow(device, path, whole, dying, fault)
        })
    }

    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError> {
        self.call(role, path, ("cut", Effect::Whole), |device, _, fault| {
            plain(fault)?;
            let held = device.get_mut(path).ok_or(MediaFault::NotFound)?;
            held.resize(length, 0);
            Ok(())
        })
    }

    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError> {
        self.call(role, from, ("rename", Effect::Whole), |device, _, fault| {
            plain(fault)?;
            if device.contains_key(to) || !below(device, to).is_empty() {
                return Err(MediaFault::Exists);
            }
            let inside = format!("{from}/");
            let moved: Vec<String> = device
                .keys()
                .filter(|path| *path == from || path.starts_with(&inside))
                .cloned()
                .collect();
            if moved.is_empty() {
                return Err(MediaFault::NotFound);
            }
            for path in moved {
                let bytes = device.remove(&path).expect("listed just now");
                device.insert(format!("{to}{}", &path[from.len()..]), bytes);
            }
            Ok(())
        })
    }

    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        self.call(role, path, ("remove", Effect::Whole), |device, _, fault| {
            plain(fault)?;
            device.remove(path).map(drop).ok_or(MediaFault::NotFound)
        })
    }

    fn remount(&mut self, role: Role) -> Result<(), MediaError> {
        self.call(role, "", ("remount", Effect::None), |_, _, fault| {
            plain(fault)
        })
    }
}
