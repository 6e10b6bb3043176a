//! What is on a device, by its first bytes.

use std::io::{self, Read};

/// As many of a device's first bytes as are looked at: the superblocks of all that is known lie
/// in them (that of ISO 9660 ends last, at 32768 + 2048).
const HEAD: u64 = 36 * 1024;

/// What the image's volume name begins with, upper case as ISO 9660 wants it.
const MARKER: &[u8] = b"CEREMONY";

/// The file systems that are mounted; nothing else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// exFAT.
    ExFat,
    /// ext2, ext3 or ext4.
    Ext4,
}

impl FileSystem {
    /// All of them.
    pub const ALL: [FileSystem; 3] = [FileSystem::Fat, FileSystem::ExFat, FileSystem::Ext4];

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        match self {
            FileSystem::Fat => "vfat",
            FileSystem::ExFat => "exfat",
            FileSystem::Ext4 => "ext4",
        }
    }
}

/// A device's first bytes.
pub(super) struct Head(Vec<u8>);

impl Head {
    pub(super) fn read(device: &mut dyn Read) -> io::Result<Head> {
        let mut bytes = Vec::new();
        device.take(HEAD).read_to_end(&mut bytes)?;
        Ok(Head(bytes))
    }

    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        self.0.get(at..).is_some_and(|tail| tail.starts_with(bytes))
    }

    /// The file system that is there, if it is one that is mounted.
    ///
    /// FAT: Microsoft's specification (fatgen103), section 3, names at 54 and 82; exFAT: section
    /// 3.1.2; ext4: the kernel's documentation, `s_magic` at 0x38 of the superblock at 1024.
    pub(super) fn file_system(&self) -> Option<FileSystem> {
        let signed = self.has(510, &[0x55, 0xaa]);
        let fat = [(54, "FAT12   "), (54, "FAT16   "), (82, "FAT32   ")];
        if signed && self.has(3, b"EXFAT   ") {
            Some(FileSystem::ExFat)
        } else if signed && fat.iter().any(|(at, name)| self.has(*at, name.as_bytes())) {
            Some(FileSystem::Fat)
        } else if self.has(1024 + 0x38, &[0x53, 0xef]) {
            Some(FileSystem::Ext4)
        } else {
            None
        }
    }

    /// Whether the live image was written to this disk: its volume's name in the primary
    /// descriptor (ECMA-119, 8.4: `CD001` at 32769, the name at 32808).
    pub(super) fn is_boot_medium(&self) -> bool {
        self.has(32769, b"CD001") && self.has(32808, MARKER)
    }
}

/// Whether a whole disk holds the live image, by its content: whichever disk the machine was
/// started from, none with an image on it becomes a medium.
pub fn is_boot_medium(disk: &mut dyn Read) -> io::Result<bool> {
    Ok(Head::read(disk)?.is_boot_medium())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(parts: &[(usize, &[u8])]) -> Head {
        let mut bytes = vec![0; HEAD as usize];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        Head(bytes)
    }

    #[test]
    fn file_systems_are_told_by_all_their_signs() {
        let signed: (usize, &[u8]) = (510, &[0x55, 0xaa]);
        for (parts, expected) in [
            (vec![], None),
            (vec![signed], None),
            (vec![(82, &b"FAT32   "[..])], None),
            (vec![signed, (82, b"FAT32   ")], Some(FileSystem::Fat)),
            (vec![signed, (54, b"FAT16   ")], Some(FileSystem::Fat)),
            (vec![signed, (54, b"FAT32   ")], None),
            (vec![signed, (3, b"EXFAT   ")], Some(FileSystem::ExFat)),
            (vec![signed, (3, b"NTFS    ")], None),
            (vec![(1080, &[0x53, 0xef])], Some(FileSystem::Ext4)),
        ] {
            assert_eq!(head(&parts).file_system(), expected, "{parts:?}");
        }
        for length in [0, 1, 511, 1081] {
            assert_eq!(Head(vec![0; length]).file_system(), None);
        }
    }

    #[test]
    fn the_image_is_told_by_its_volumes_name() {
        assert!(head(&[(32769, b"CD001"), (32808, b"CEREMONY")]).is_boot_medium());
        assert!(!head(&[(32769, b"CD001"), (32808, b"DEBIAN")]).is_boot_medium());
        assert!(!head(&[(32808, b"CEREMONY")]).is_boot_medium());
        assert!(!Head(Vec::new()).is_boot_medium());
    }
}
