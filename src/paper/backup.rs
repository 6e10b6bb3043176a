//! A backup's files, made ready for paper.

use std::collections::BTreeMap;

use super::pages::{self, Band, Sheet};
use super::row::MAX_ROWS;
use super::{PaperError, Part, REVOCATION, SUMS, is_file_name, is_id, rows, short_hash};
use crate::digest::Digest;
use crate::id;
use crate::openpgp::{armor_message, encrypted_message};

/// What a rehearsal's files say in their armor.
pub(super) const COMMENT: &str = "REHEARSAL";

/// A whole backup.
pub struct Backup {
    /// The ceremony.
    pub id: String,
    /// The key's files, then the revocation certificate's; one of both may not be there.
    pub groups: Vec<Group>,
    /// What stands on which page.
    pub sheets: Vec<Sheet>,
}

/// Files that are restored together.
pub struct Group {
    /// Empty, or `revocation/`.
    pub folder: &'static str,
    /// The list of hashes first.
    pub files: Vec<PaperFile>,
}

/// One file.
pub struct PaperFile {
    /// Its name, with its folder.
    pub name: String,
    /// For the codes.
    pub parts: Vec<Part>,
    /// For typing; none for the list of hashes.
    pub rows: Vec<String>,
    /// The first 8 hex digits of the SHA-256 of what the rows give.
    pub hash: String,
}

impl PaperFile {
    /// What is typed before the rows.
    pub fn label(&self) -> String {
        format!("FILE {} {} {}", self.name, self.rows.len(), self.hash)
    }
}

impl Backup {
    /// Takes the encrypted files of a ceremony's backup by their names, as they lie on a secret medium.
    ///
    /// # Errors
    /// [`PaperError`] for anything that is not such a file: nothing else gets onto paper.
    pub fn new(id: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Backup, PaperError> {
        if !is_id(id) {
            return Err(PaperError::Id(id.to_string()));
        }
        if let Some(name) = files
            .keys()
            .find(|name| !is_file_name(name) || name.ends_with(SUMS))
        {
            return Err(PaperError::Name(name.clone()));
        }
        let mut groups = Vec::new();
        for folder in ["", REVOCATION] {
            let of_group = |name: &str| name.starts_with(REVOCATION) != folder.is_empty();
            let mut names: Vec<&String> = files.keys().filter(|name| of_group(name)).collect();
            // The payload is what is needed in any case.
            names.sort_by_key(|name| (!name.ends_with("payload.asc"), name.len(), *name));
            match names.first() {
                None => continue,
                Some(first) if first.ends_with("payload.asc") => {}
                _ => return Err(PaperError::NoPayload),
            }
            let mut all = vec![Sums::file(folder)];
            for name in names {
                all.push(file(id, name, &files[name])?);
            }
            groups.push(Group { folder, files: all });
        }
        if groups.is_empty() {
            return Err(PaperError::NoPayload);
        }
        let mut backup = Backup {
            id: id.to_string(),
            groups,
            sheets: Vec::new(),
        };
        backup.list_pages(files)?;
        Ok(backup)
    }

    /// Whether it is a rehearsal's.
    pub fn rehearsal(&self) -> bool {
        id::is_rehearsal(&self.id)
    }

    /// Whether it holds the key's files: a key in a token has no others than its revocation
    /// certificate's.
    pub fn has_key(&self) -> bool {
        self.groups.iter().any(|group| group.folder.is_empty())
    }

    /// The hashes of all files: what tells one backup from another.
    pub fn identity(&self) -> Vec<u8> {
        let files = self.groups.iter().flat_map(|group| &group.files);
        files.flat_map(|file| file.hash.bytes()).collect()
    }

    /// The list of hashes also says on which pages its group's codes are, its own too. Page numbers
    /// are always as long, so its length, and with it all else, settles after a few rounds.
    fn list_pages(&mut self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), PaperError> {
        loop {
            let mut settled = true;
            for at in 0..self.groups.len() {
                let text = Sums { backup: self, at }.text(files);
                let list = &mut self.groups[at].files[0];
                let parts = Part::cut(&self.id, &list.name, &text)?;
                settled &= parts == list.parts;
                list.parts = parts;
            }
            if settled {
                return Ok(());
            }
            self.sheets = pages::arrange(&self.groups);
        }
    }
}

/// One group's `SHA256SUMS`, as `sha256sum -c` takes it, which skips what begins with `#`.
struct Sums<'a> {
    backup: &'a Backup,
    at: usize,
}

impl Sums<'_> {
    fn file(folder: &str) -> PaperFile {
        PaperFile {
            name: format!("{folder}{SUMS}"),
            parts: Vec::new(),
            rows: Vec::new(),
            hash: String::new(),
        }
    }

    fn text(&self, files: &BTreeMap<String, Vec<u8>>) -> String {
        let group = &self.backup.groups[self.at];
        let mut text = String::new();
        for file in &group.files[1..] {
            text.push_str(&format!(
                "{}  {}\n",
                Digest::of(&files[&file.name]),
                file.name
            ));
        }
        for (index, file) in group.files.iter().enumerate() {
            let of = file.parts.len();
            for part in 0..of {
                let pages = self.pages(index, part);
                text.push_str(&format!("# {} {}/{of} pages{pages}\n", file.name, part + 1));
            }
        }
        text
    }

    /// The pages on which that code stands, always as long.
    fn pages(&self, file: usize, part: usize) -> String {
        let is_it = |slot: &pages::Slot| slot.file == file && slot.part == part;
        let mut found = Vec::new();
        for (page, sheet) in (1..).zip(&self.backup.sheets) {
            for band in sheet.bands.iter().filter(|_| sheet.group == self.at) {
                if let Band::Codes(slots) = band {
                    found.extend(slots.iter().filter(|slot| is_it(slot)).map(|_| page));
                }
            }
        }
        found.resize(2, 0);
        format!(" {:03} {:03}", found[0], found[1])
    }
}

fn file(id: &str, name: &str, armored: &[u8]) -> Result<PaperFile, PaperError> {
    let binary = encrypted_message(armored)
        .map_err(|error| PaperError::NotEncrypted(name.to_string(), error))?;
    if armor_message(id::is_rehearsal(id).then_some(COMMENT), &binary) != armored {
        return Err(PaperError::Unusual(name.to_string()));
    }
    let text = str::from_utf8(armored).map_err(|_| PaperError::Unusual(name.to_string()))?;
    let rows = rows(id, name, &binary);
    if rows.len() > MAX_ROWS {
        return Err(PaperError::TooLong(name.to_string()));
    }
    Ok(PaperFile {
        name: name.to_string(),
        parts: Part::cut(id, name, text)?,
        rows,
        hash: short_hash(&binary),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::pages::Slot;
    use super::*;

    const ID: &str = "REHEARSAL-2026-01-02-backup-key-0A1B2C3D";

    /// An encrypted message of that many bytes, as far as paper can tell.
    pub fn message(bytes: usize) -> Vec<u8> {
        let mut data = vec![0xc3];
        data.extend((1..bytes).map(|n| (n * n % 251) as u8));
        armor_message(Some(COMMENT), &data)
    }

    /// A whole backup with a payload of that many bytes.
    pub fn files(payload: usize) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in ["", REVOCATION] {
            files.insert(format!("{folder}payload.asc"), message(payload));
            for capsule in ["AB", "AC", "BC"] {
                files.insert(format!("{folder}{capsule}.asc"), message(407));
            }
        }
        files
    }

    #[test]
    fn nothing_but_encrypted_files_gets_onto_paper() {
        let with = |name: &str, bytes: &[u8]| {
            let mut files = files(1400);
            files.insert(name.to_string(), bytes.to_vec());
            Backup::new(ID, &files).err()
        };
        let words = b"abandon ability able about above absent absorb abstract absurd abuse access accident\n";
        let plain = armor_message(Some(COMMENT), &[0xcb, 3, b'b', 0, 0]);
        for secret in [&words[..], &[b'a'; 64], &plain, b""] {
            let error = with("AB.asc", secret);
            assert!(
                matches!(error, Some(PaperError::NotEncrypted(..))),
                "{error:?}"
            );
        }
        assert!(matches!(
            with("share-A.txt", b""),
            Some(PaperError::Name(_))
        ));
        assert!(matches!(with(SUMS, b""), Some(PaperError::Name(_))));
        let other = armor_message(Some("other"), &[0xc3, 1]);
        assert!(matches!(
            with("AB.asc", &other),
            Some(PaperError::Unusual(_))
        ));
        let mut none = files(1400);
        none.remove("payload.asc");
        assert_eq!(Backup::new(ID, &none).err(), Some(PaperError::NoPayload));
        let nothing = Backup::new(ID, &BTreeMap::new()).err();
        assert_eq!(nothing, Some(PaperError::NoPayload));
        let error = Backup::new("backup", &files(1400)).err();
        assert_eq!(error, Some(PaperError::Id("backup".into())));
        assert!(with("AB.asc", &message(3)).is_none());
    }

    #[test]
    fn a_key_in_a_token_has_the_revocation_certificate_alone() {
        let mut files = files(1400);
        assert!(Backup::new(ID, &files).expect("a backup").has_key());
        files.retain(|name, _| name.starts_with(REVOCATION));
        let backup = Backup::new(ID, &files).expect("a backup");
        assert!(!backup.has_key());
        let folders = backup.groups.iter().map(|group| group.folder);
        assert_eq!(folders.collect::<Vec<_>>(), [REVOCATION]);
    }

    #[test]
    fn the_parts_of_a_file_are_the_file_and_every_code_stands_in_two_places() {
        for payload in [300, 1400, 8000] {
            let files = files(payload);
            let backup = Backup::new(ID, &files).expect("a backup");
            for (at, group) in backup.groups.iter().enumerate() {
                for (index, file) in group.files.iter().enumerate() {
                    let text: String = file.parts.iter().map(|part| part.text.as_str()).collect();
                    if index > 0 {
                        assert_eq!(text.as_bytes(), files[&file.name], "{}", file.name);
                    }
                    for part in 0..file.parts.len() {
                        let slot = Slot { file: index, part };
                        let seen = backup.sheets.iter().enumerate().flat_map(|(page, sheet)| {
                            let bands = sheet.bands.iter().enumerate();
                            let with = bands.filter(move |(_, band)| match band {
                                Band::Codes(slots) => sheet.group == at && slots.contains(&slot),
                                Band::Lines(_) => false,
                            });
                            with.map(move |(band, _)| (page, band))
                        });
                        let seen: Vec<_> = seen.collect();
                        let [(page, band), (page2, band2)] = seen[..] else {
                            panic!("{slot:?}: {seen:?}");
                        };
                        assert!(page != page2 || band2 - band > 1, "rows stand between them");
                    }
                }
                // Its own parts are listed.
                let sums: String = group.files[0]
                    .parts
                    .iter()
                    .map(|p| p.text.as_str())
                    .collect();
                assert_eq!(sums.matches(SUMS).count(), group.files[0].parts.len());
                assert!(!sums.contains(" 000"), "{sums}");
            }
        }
    }

    #[test]
    fn a_modern_key_fits_one_sheet_and_an_rsa_key_a_few() {
        for (payload, most) in [(1365, 2), (7850, 7)] {
            let backup = Backup::new(ID, &files(payload)).expect("a backup");
            let key = backup
                .sheets
                .iter()
                .filter(|sheet| sheet.group == 0)
                .count();
            assert!(key <= most, "{key} pages");
        }
    }
}
