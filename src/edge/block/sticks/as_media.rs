//! Sticks as the rest of the program sees them.

use super::{GROWTHS, Sticks, failed};
use crate::edge::block::Found;
use crate::edge::media::{Access, Kind, Media, MediaError, MediaFault};
use crate::journal::RECORD_MEDIA;
use crate::preflight::MediumFact;
use crate::role::Role;

impl Media for Sticks {
    fn roles(&self) -> Vec<Role> {
        self.held.keys().copied().collect()
    }

    /// A stick that was looked at when it got its role may lie on the table: machines have fewer
    /// places than a ceremony has sticks. Whenever it is used it must be the same.
    fn look(&mut self, role: Role) -> MediumFact {
        let mounted = match self.mounted(role) {
            Ok(mounted) => mounted.clone(),
            Err(error) => {
                let aside = matches!(error.fault, MediaFault::NotPlugged(_));
                let seen = self.held.get(&role).and_then(|held| held.seen.clone());
                let seen = seen.filter(|_| aside);
                return seen.unwrap_or_else(|| MediumFact::absent(role.name(), error.to_string()));
            }
        };
        let mut fact = self.files.look(role);
        if mounted.read_only {
            fact.writable = false;
            fact.problem = Some("its write lock is closed".to_string());
        }
        let fact = self.identified(role, fact);
        if let Some(held) = self.held.get_mut(&role) {
            held.seen = Some(fact.clone());
        }
        if !RECORD_MEDIA.contains(&role) {
            self.rest(role);
        }
        fact
    }

    /// By serial number, among those that are plugged in.
    fn replace(&mut self, role: Role, location: &str) -> Result<(), MediaError> {
        let fits = |stick: &Found| {
            let id = stick.fit.as_ref();
            id.is_ok_and(|id| id.serial() == location)
        };
        let stick = self.found().into_iter().find(fits);
        let stick = stick.ok_or_else(|| failed(role, location, MediaFault::NotFound))?;
        self.put(role, &stick).map(drop)
    }

    fn list(&mut self, role: Role, folder: &str) -> Result<Vec<(String, Kind)>, MediaError> {
        self.with(role, |files| files.list(role, folder))
    }

    fn read(&mut self, role: Role, path: &str) -> Result<Vec<u8>, MediaError> {
        self.with(role, |files| files.read(role, path))
    }

    fn create(
        &mut self,
        role: Role,
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), MediaError> {
        self.change(role, |files| files.create(role, path, bytes, access))?;
        self.note(role, path, bytes)
    }

    fn extend(&mut self, role: Role, path: &str, whole: &[u8]) -> Result<(), MediaError> {
        self.change(role, |files| files.extend(role, path, whole))?;
        self.note(role, path, whole)?;
        let held = self.held(role)?;
        held.growths_left = held.growths_left.saturating_sub(1);
        if held.growths_left > 0 || !RECORD_MEDIA.contains(&role) {
            return Ok(());
        }
        self.remount(role)?;
        self.held(role)?.growths_left = GROWTHS;
        Ok(())
    }

    fn cut(&mut self, role: Role, path: &str, length: usize) -> Result<(), MediaError> {
        self.held(role)?.written.remove(path);
        self.change(role, |files| files.cut(role, path, length))
    }

    fn rename(&mut self, role: Role, from: &str, to: &str) -> Result<(), MediaError> {
        self.change(role, |files| files.rename(role, from, to))?;
        let written = &mut self.held(role)?.written;
        let moves = |path: &String| path == from || is_below(path, from);
        let moved: Vec<String> = written.keys().filter(|path| moves(path)).cloned().collect();
        for path in moved {
            if let Some(held) = written.remove(&path) {
                written.insert(format!("{to}{}", &path[from.len()..]), held);
            }
        }
        Ok(())
    }

    fn remove(&mut self, role: Role, path: &str) -> Result<(), MediaError> {
        self.held(role)?.written.remove(path);
        self.change(role, |files| files.remove(role, path))
    }

    fn remount(&mut self, role: Role) -> Result<(), MediaError> {
        self.unmount(role)?;
        self.mounted(role).map(drop)
    }

    fn give_up(&mut self, role: Role) {
        if let Some(held) = self.held.get_mut(&role) {
            held.written.clear();
            held.unsettled = false;
        }
        self.rest(role);
    }

    fn sticks(&mut self) -> Option<&mut Sticks> {
        Some(self)
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}
