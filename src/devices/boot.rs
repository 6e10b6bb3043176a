//! The boot medium, and whether it is whole.
//!
//! An image cannot hold its own hash. It holds the hash of itself with one field empty, in the part
//! of the volume descriptor that is left to the application (ECMA-119, 8.4.32: from byte 883 of
//! sector 16, 512 bytes), as the text
//!
//! ```text
//! ceremony-image bytes=SIZE sha256=HEX ram=HEX
//! ```
//!
//! with a line feed and zeros after it. `bytes` is the size of the image, `sha256` its hash with
//! those 512 bytes zero, `ram` the hash of the list of all files that are loaded from it. This finds
//! damage, not malice.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// Where the field begins.
const FIELD: u64 = 16 * 2048 + 883;

/// How long it is.
const FIELD_LENGTH: usize = 512;

/// No image is larger: what claims to be is none.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// What was found on a boot medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootMedium {
    /// The image is as it was built.
    pub whole: bool,
    /// SHA-256 of the image: what everybody compares.
    pub image: Digest,
    /// SHA-256 of the list of the files that are loaded from it.
    pub ram: Digest,
}

/// What the field says.
struct Claim {
    bytes: u64,
    sha256: Digest,
    ram: Digest,
}

/// Reads the image on a medium; `None` if there is none.
///
/// # Errors
/// If the medium cannot be read, or ends before the image does.
pub fn look(medium: &mut (impl Read + Seek)) -> io::Result<Option<BootMedium>> {
    let mut field = [0; FIELD_LENGTH];
    medium.seek(SeekFrom::Start(FIELD))?;
    medium.read_exact(&mut field)?;
    let Some(claim) = parse(&field) else {
        return Ok(None);
    };
    medium.seek(SeekFrom::Start(0))?;
    let (mut image, mut emptied) = (Sha256::new(), Sha256::new());
    let mut part = [0; 64 * 1024];
    let mut at = 0;
    while at < claim.bytes {
        let length = part.len().min((claim.bytes - at) as usize);
        medium.read_exact(&mut part[..length])?;
        image.update(&part[..length]);
        empty_field(&mut part[..length], at);
        emptied.update(&part[..length]);
        at += length as u64;
    }
    Ok(Some(BootMedium {
        whole: Digest::from_bytes(emptied.finalize().into()) == claim.sha256,
        image: Digest::from_bytes(image.finalize().into()),
        ram: claim.ram,
    }))
}

/// Zeroes what of the field lies in a part that begins at `at`.
fn empty_field(part: &mut [u8], at: u64) {
    let end = at + part.len() as u64;
    let from = FIELD.clamp(at, end) - at;
    let to = (FIELD + FIELD_LENGTH as u64).clamp(at, end) - at;
    part[from as usize..to as usize].fill(0);
}

fn parse(field: &[u8]) -> Option<Claim> {
    let end = field.iter().position(|byte| *byte == b'\n')?;
    let rest_is_empty = field[end + 1..].iter().all(|byte| *byte == 0);
    let line = std::str::from_utf8(&field[..end]).ok()?;
    let words: Vec<&str> = line.split(' ').collect();
    let ["ceremony-image", bytes, sha256, ram] = words[..] else {
        return None;
    };
    let claim = Claim {
        bytes: bytes.strip_prefix("bytes=")?.parse().ok()?,
        sha256: Digest::parse(sha256.strip_prefix("sha256=")?)?,
        ram: Digest::parse(ram.strip_prefix("ram=")?)?,
    };
    let possible = claim.bytes >= FIELD + FIELD_LENGTH as u64 && claim.bytes <= MOST_BYTES;
    (rest_is_empty && possible).then_some(claim)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// An image of this size, as scripts/build-image would finish it.
    pub fn image(bytes: usize) -> Vec<u8> {
        let mut image: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
        image[32769..32774].copy_from_slice(b"CD001");
        image[32808..32816].copy_from_slice(b"CEREMONY");
        empty_field(&mut image, 0);
        let (sha256, ram) = (Digest::of(&image), Digest::of(b"the list"));
        let text = format!("ceremony-image bytes={bytes} sha256={sha256} ram={ram}\n");
        let at = FIELD as usize;
        image[at..at + text.len()].copy_from_slice(text.as_bytes());
        image
    }

    fn looked(medium: Vec<u8>) -> io::Result<Option<BootMedium>> {
        look(&mut Cursor::new(medium))
    }

    #[test]
    fn an_image_on_a_larger_stick_is_whole_and_has_its_files_hash() {
        for bytes in [34_200, 65_536, 65_537, 200_000] {
            let image = image(bytes);
            let hash = Digest::of(&image);
            let mut stick = image.clone();
            stick.extend([0xff; 5000]);
            let medium = looked(stick).expect("read").expect("an image");
            assert!(medium.whole);
            assert_eq!((medium.image, medium.ram), (hash, Digest::of(b"the list")));
        }
    }

    #[test]
    fn what_is_no_image_or_ends_early_is_not_taken_for_one() {
        assert!(looked(Vec::new()).is_err());
        assert_eq!(looked(vec![0; 40_000]).expect("read"), None);
        let mut short = image(100_000);
        short.truncate(99_999);
        assert!(looked(short).is_err(), "the medium ends before the image");
        let good = image(40_000);
        let at = FIELD as usize;
        for (from, to) in [
            ("ceremony-image", "Ceremony-image"),
            ("bytes=40000", "bytes=12345"),
            ("bytes=40000", "bytes=-4000"),
            ("sha256=", "sha257="),
            (" ram=", "\nram="),
        ] {
            let mut bad = good.clone();
            let text = String::from_utf8_lossy(&bad[at..at + FIELD_LENGTH]).replace(from, to);
            bad[at..at + FIELD_LENGTH].copy_from_slice(text.as_bytes());
            assert_eq!(looked(bad).expect("read"), None, "{to}");
        }
    }

    proptest! {
        #[test]
        fn every_changed_byte_is_found(at in 0usize..70_000, change in 1u8..) {
            let mut bad = image(70_000);
            bad[at] ^= change;
            let found = looked(bad).ok().flatten();
            prop_assert!(found.is_none_or(|medium| !medium.whole) || in_list_hash(at));
        }

        #[test]
        fn any_field_is_read_without_a_panic(field in prop::collection::vec(any::<u8>(), 512)) {
            let mut medium = image(40_000);
            medium[FIELD as usize..][..512].copy_from_slice(&field);
            let _ = looked(medium);
        }
    }

    /// The one part that no hash covers: the list's hash, which is compared with the running list.
    fn in_list_hash(at: usize) -> bool {
        (FIELD as usize..FIELD as usize + FIELD_LENGTH).contains(&at)
    }
}
