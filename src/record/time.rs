//! Times as the record writes them: UTC, whole seconds, `2026-01-02T03:04:05Z` (RFC 3339).

use jiff::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
pub type UnixTime = u64;

/// Writes a time as the record does. Times past the year 9999 are written as its last second.
pub fn format(at: UnixTime) -> String {
    let second = i64::try_from(at).unwrap_or(i64::MAX).min(LAST_SECOND);
    let stamp = Timestamp::from_second(second).expect("clamped to the years 1970 to 9999");
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads exactly what [`format`] writes; anything else is `None`.
pub fn parse(text: &str) -> Option<UnixTime> {
    let stamp: Timestamp = text.parse().ok()?;
    let at = u64::try_from(stamp.as_second()).ok()?;
    (format(at) == text).then_some(at)
}

/// The date alone, `2026-01-02`.
pub fn date(at: UnixTime) -> String {
    format(at)[..10].to_string()
}

/// Date and time for people, `2026-01-02 03:04:05 UTC`.
pub fn for_people(at: UnixTime) -> String {
    for_tables(at) + " UTC"
}

/// The same below a heading that says UTC.
pub fn for_tables(at: UnixTime) -> String {
    let text = format(at);
    format!("{} {}", &text[..10], &text[11..19])
}

const LAST_SECOND: i64 = 253_402_207_200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_one_spelling_is_read() {
        assert_eq!(parse("2026-01-02T03:04:05Z"), Some(1_767_323_045));
        for bad in [
            "2026-01-02T03:04:05+00:00",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05.0Z",
            "2026-1-2T03:04:05Z",
            "2026-01-02T03:04:60Z",
            "1969-12-31T23:59:59Z",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn written_times_are_read_back(at in 0..253_402_207_200u64) {
            prop_assert_eq!(parse(&format(at)), Some(at));
        }
    }
}
