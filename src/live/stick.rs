//! A stick without a role, from which something is read before a task.

use std::path::{Path, PathBuf};

use super::{Done, Live};
use crate::edge::block::{Found, size};
use crate::screen::{Asks, layout};

/// As many names as are offered.
const MOST: usize = 15;

impl Live<'_> {
    /// Asks for a stick and mounts it; `None` if it cannot be used. It stays mounted until
    /// [`Live::put_away`].
    pub(super) fn stick(&mut self, what: &str) -> Done<Option<PathBuf>> {
        let body = layout::paragraphs(&[what, "Plug it in, and wait until its light is calm."]);
        self.desk.page("A stick to read from", body)?;
        self.desk
            .enter(Asks::Done, "Press Enter when it is plugged in")?;
        let mut sticks = self.host.sticks();
        sticks.retain(|found| {
            let is_boot = self.boot.as_ref() == found.fit.as_ref().ok();
            found.fit.is_ok() && !found.disk.in_use && !is_boot
        });
        let chosen = match sticks.len() {
            0 => {
                self.desk.say("There is no stick that can be used.")?;
                self.desk.enter(Asks::Done, "Press Enter to go back")?;
                return Ok(None);
            }
            1 => 0,
            _ => {
                let names: Vec<String> = sticks.iter().map(named).collect();
                self.number("Several sticks are plugged in:", &names)?
            }
        };
        match self.host.mount(&sticks.swap_remove(chosen)) {
            Ok(at) => Ok(Some(at)),
            Err(error) => {
                self.failed(&error)?;
                Ok(None)
            }
        }
    }

    /// Unmounts it; everything that was written to it is on it then.
    pub(super) fn put_away(&mut self) -> Done<()> {
        if let Err(error) = self.host.clear() {
            self.failed(&error)?;
        }
        Ok(())
    }

    /// One of the files on a stick; the only one that fits is taken.
    pub(super) fn file(
        &mut self,
        folder: &Path,
        what: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Done<Option<PathBuf>> {
        let names = self.host.files(folder).into_iter();
        let names: Vec<String> = names.filter(|name| fits(name)).collect();
        let chosen = self.named(what, &names)?;
        Ok(chosen.map(|at| folder.join(&names[at])))
    }

    /// One of these; the only one is taken.
    pub(super) fn named(&mut self, what: &str, names: &[String]) -> Done<Option<usize>> {
        match names {
            [] => {
                self.desk.say(&format!("There is no {what} on it."))?;
                self.desk.enter(Asks::Done, "Press Enter to go back")?;
                Ok(None)
            }
            [only] => {
                self.desk.say(&format!("The {what}: {only}"))?;
                Ok(Some(0))
            }
            _ => self
                .number(&format!("Several could be the {what}:"), names)
                .map(Some),
        }
    }

    pub(super) fn number(&mut self, text: &str, names: &[String]) -> Done<usize> {
        self.desk.say(text)?;
        let names = &names[..names.len().min(MOST)];
        for (at, name) in names.iter().enumerate() {
            self.desk
                .say(&format!("  {:>2}  {}", at + 1, crate::printable(name, 64)))?;
        }
        self.desk.number(Asks::Decide, "Its number", names.len())
    }
}

/// Serial number first: it is what people compare.
fn named(found: &Found) -> String {
    let serial = found.fit.as_ref().map_or("", |id| id.serial());
    let disk = &found.disk;
    format!("{serial} {}, {}", disk.title(), size(disk.bytes))
}
