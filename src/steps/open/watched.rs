//! A reader that hashes what goes by, so that what was decrypted is what was named.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::edge::Meter;
use crate::edge::vessel::Measure;

/// See the module. It may go back to the beginning: then it hashes anew.
pub(super) struct Watched<R> {
    inner: R,
    hash: Sha256,
    at: u64,
    /// All bytes up to `at` were hashed, in their order.
    straight: bool,
    meter: Meter,
}

impl<R: Read + Seek> Watched<R> {
    /// Watches `inner`, which stands at its beginning. `meter` is told how far it was read.
    pub fn new(inner: R, meter: Meter) -> Watched<R> {
        Watched {
            inner,
            hash: Sha256::new(),
            at: 0,
            straight: true,
            meter,
        }
    }

    /// What was read, and what is left. Where it was read out of order, it is read once more.
    pub fn finish(mut self) -> io::Result<Measure> {
        if !self.straight {
            self.seek(SeekFrom::Start(0))?;
        }
        io::copy(&mut self, &mut io::sink())?;
        Ok(Measure {
            sha256: Digest::from_bytes(self.hash.finalize().into()),
            bytes: self.at,
        })
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        if self.straight {
            self.hash.update(&buffer[..size]);
        }
        self.at += size as u64;
        (self.meter)(self.at);
        Ok(size)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.inner.seek(to)?;
        if at == 0 {
            self.hash = Sha256::new();
            self.straight = true;
        } else if at != self.at {
            self.straight = false;
        }
        self.at = at;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However it is read, the whole file is what counts.
        #[test]
        fn every_way_of_reading_gives_the_whole_files_hash(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            ways in prop::collection::vec((0..3u8, 0..450u64), 0..8),
        ) {
            let mut watched = Watched::new(Cursor::new(&bytes), Box::new(|_| {}));
            for (way, place) in ways {
                match way {
                    0 => drop(watched.seek(SeekFrom::Start(place)).expect("a cursor goes anywhere")),
                    1 => drop(watched.stream_position().expect("it has one")),
                    _ => {
                        let mut buffer = vec![0; place as usize];
                        let read = watched.read(&mut buffer).expect("a cursor can be read");
                        prop_assert!(read <= buffer.len());
                    }
                }
            }
            let expected = Measure { sha256: Digest::of(&bytes), bytes: bytes.len() as u64 };
            prop_assert_eq!(watched.finish().expect("a cursor can be read"), expected);
        }
    }
}
