//! What this program is: version, commit, and when it was built.

/// `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `0.1.0 (1a2b3c4d5e6f)`, with the commit it was built from where that is known.
pub const LONG_VERSION: &str = env!("CEREMONY_LONG_VERSION");

/// When the source was committed, seconds since the epoch: a clock before this is wrong.
/// The commit's time, so that two builds of one commit are the same.
pub const BUILD_TIME: u64 = parse(env!("CEREMONY_BUILD_TIME"));

const fn parse(digits: &str) -> u64 {
    let bytes = digits.as_bytes();
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u64;
        at += 1;
    }
    value
}
