//! Writing and reading the media, with people at hand who can put a device right.

use super::{Room, Stop};
use crate::digest::Digest;
use crate::edge::media::{Access, Kind};
use crate::edge::{MediaError, MediaFault};
use crate::engine::Ending;
use crate::journal::RECORD_MEDIA;
use crate::operator::key_path;
use crate::plan::Operator;
use crate::role::Role;

/// The two media with the encrypted secrets.
pub const SECRET_MEDIA: [Role; 2] = [Role::Secret1, Role::Secret2];

impl Room<'_> {
    /// Brings both copies of the record up to date.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        while let Err(error) = self.journal.flush(self.edge.media) {
            self.device_failed(error)?;
        }
        Ok(())
    }

    /// The path of a file in the ceremony's folder.
    pub fn path(&self, path: &str) -> String {
        format!("{}/{path}", self.id)
    }

    /// Writes a file into the ceremony's folder of each of these media, and reads it back.
    pub fn store(
        &mut self,
        roles: &[Role],
        path: &str,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), Stop> {
        let full = self.path(path);
        for role in roles {
            self.with_device(|room| room.edge.media.create(*role, &full, bytes, access))?;
        }
        Ok(())
    }

    /// Reads a file of the ceremony's folder from a medium.
    pub fn fetch(&mut self, role: Role, path: &str) -> Result<Vec<u8>, Stop> {
        let full = self.path(path);
        self.with_device(|room| room.edge.media.read(role, &full))
    }

    /// Reads a file that must be exactly what the record says.
    pub fn fetch_exactly(
        &mut self,
        role: Role,
        path: &str,
        digest: Digest,
    ) -> Result<Vec<u8>, Stop> {
        let full = self.path(path);
        self.with_device(|room| {
            let bytes = room.edge.media.read(role, &full)?;
            let same = Digest::of(&bytes) == digest;
            let differs = || MediaError {
                role,
                path: full.clone(),
                fault: MediaFault::Differs,
            };
            if same { Ok(bytes) } else { Err(differs()) }
        })
    }

    /// Does something with a device, and lets the operators resolve what fails.
    pub fn with_device<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, MediaError>,
    ) -> Result<T, Stop> {
        loop {
            match work(self) {
                Ok(done) => return Ok(done),
                Err(error) => self.device_failed(error)?,
            }
        }
    }

    /// Writes to a replaced device all that its predecessor had.
    pub(super) fn refill(&mut self, role: Role) -> Result<(), Stop> {
        if RECORD_MEDIA.contains(&role) {
            self.journal.medium_was_replaced(role);
            let operator = if role == Role::OperatorA {
                Operator::A
            } else {
                Operator::B
            };
            let key = self
                .operator(operator)
                .and_then(|signatory| signatory.key_file());
            if let Some(bytes) = key.map(<[u8]>::to_vec) {
                let path = key_path(&self.id, operator);
                self.with_device(|room| {
                    room.edge.media.create(role, &path, &bytes, Access::Private)
                })?;
            }
            return self.flush();
        }
        if !SECRET_MEDIA.contains(&role) {
            crate::steps::export_again(self, role)?;
            return self.copy_closed_record(role);
        }
        if self.plan().backup.is_none() {
            // Nothing was written to it: it only brings the backup of an earlier ceremony.
            return Ok(());
        }
        let Some(other) = SECRET_MEDIA.into_iter().find(|r| *r != role) else {
            return Ok(());
        };
        self.copy_between(other, role)
    }

    /// The public copy of the record, once it is closed.
    fn copy_closed_record(&mut self, role: Role) -> Result<(), Stop> {
        if role == Role::Public && self.state().ended() == Some(Ending::Closed) {
            self.store_record(role)?;
        }
        Ok(())
    }

    /// Writes the whole record to a medium.
    pub fn store_record(&mut self, role: Role) -> Result<(), Stop> {
        for (path, bytes) in self.journal.whole_copy() {
            self.store(&[role], &format!("record/{path}"), &bytes, Access::Public)?;
        }
        Ok(())
    }

    fn copy_between(&mut self, from: Role, to: Role) -> Result<(), Stop> {
        let folder = self.id.clone();
        let listed = self.with_device(|room| room.edge.media.list(from, &folder))?;
        for (path, kind) in listed {
            if kind == Kind::File {
                let bytes = self.fetch(from, &path)?;
                self.store(&[to], &path, &bytes, Access::Private)?;
            }
        }
        Ok(())
    }
}
