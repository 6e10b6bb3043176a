use super::canary::{self, Fit, Reading};
use super::*;
use proptest::prelude::*;

fn drawn(seed: u64) -> impl FnMut(&mut [u8]) -> Result<(), ()> {
    let mut count = seed;
    move |bytes| {
        for chunk in bytes.chunks_mut(32) {
            count += 1;
            let digest = Digest::of(&count.to_be_bytes());
            chunk.copy_from_slice(&digest.bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn x(seed: u64) { let _ = Reading::draw(&[1;20], &mut drawn(seed)); }
}
