//! How long a key is valid.

use std::fmt;

const DAY: u64 = 24 * 60 * 60;

/// The longest period: OpenPGP counts seconds in 32 bits (RFC 9580 section 5.2.3.13),
/// which ends after about 136 years.
const MAX_DAYS: u64 = 100 * 365;

/// A validity period as people write it: `5y`, `18m`, `90d`.
///
/// A year has 365 days and a month 30, so that the same plan always makes the same period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    count: u32,
    unit: char,
}

impl Period {
    /// Reads a number without sign or leading zero and one of `y`, `m`, `d`: 1 day to 100
    /// years.
    pub fn parse(text: &str) -> Option<Period> {
        let unit = text
            .chars()
            .last()
            .filter(|unit| days_in(*unit).is_some())?;
        let digits = &text[..text.len() - 1];
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let period = Period {
            count: digits.parse().ok()?,
            unit,
        };
        (period.seconds() <= MAX_DAYS * DAY).then_some(period)
    }

    /// The period in seconds.
    pub fn seconds(&self) -> u64 {
        u64::from(self.count) * days_in(self.unit).unwrap_or(0) * DAY
    }

    /// The period in words: `5 years`.
    pub fn in_words(&self) -> String {
        let unit = match self.unit {
            'y' => "year",
            'm' => "month",
            _ => "day",
        };
        format!(
            "{} {unit}{}",
            self.count,
            if self.count == 1 { "" } else { "s" }
        )
    }
}

fn days_in(unit: char) -> Option<u64> {
    match unit {
        'y' => Some(365),
        'm' => Some(30),
        'd' => Some(1),
        _ => None,
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn anything_but_a_number_and_a_unit_is_refused() {
        for bad in [
            "", "y", "5", "0y", "05y", "-5y", "+5y", "5 y", "5Y", "5w", "5.5y", "1y2m",
        ] {
            assert_eq!(Period::parse(bad), None, "{bad:?}");
        }
        for beyond in ["101y", "36501d", "4294967295y", "4294967296d", "5\u{e9}"] {
            assert_eq!(Period::parse(beyond), None, "{beyond:?}");
        }
    }

    #[test]
    fn years_and_months_have_a_fixed_length() {
        let seconds = |text| Period::parse(text).map(|period| period.seconds());
        assert_eq!(seconds("5y"), Some(157_680_000));
        assert_eq!(seconds("18m"), Some(46_656_000));
        assert_eq!(seconds("90d"), Some(7_776_000));
        assert_eq!(seconds("100y"), Some(3_153_600_000));
        assert_eq!(
            Period::parse("1m").map(|p| p.in_words()).as_deref(),
            Some("1 month")
        );
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_written_the_same(text in "[0-9]{1,11}[ymdx]|\\PC{0,6}") {
            if let Some(period) = Period::parse(&text) {
                prop_assert_eq!(period.to_string(), text);
                prop_assert!(u32::try_from(period.seconds()).is_ok());
            }
        }
    }
}
