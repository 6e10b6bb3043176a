//! Ceremony ids: `2026-01-02-backup-key-0A1B2C3D`, a rehearsal's with `REHEARSAL-` before it.

use crate::record::time::{self, UnixTime};
use crate::record::value::{Mode, Token};

/// Crockford's base32 alphabet: no I, L, O or U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a rehearsal's id begins with.
const REHEARSAL: &str = "REHEARSAL-";

/// Makes an id from the date, the plan's id and 40 random bits.
pub fn new(mode: Mode, now: UnixTime, plan: &str, random: [u8; 5]) -> String {
    let prefix = if mode == Mode::Rehearsal {
        REHEARSAL
    } else {
        ""
    };
    format!("{prefix}{}-{plan}-{}", time::date(now), base32(random))
}

/// 40 bits as 8 characters, most significant first.
fn base32(random: [u8; 5]) -> String {
    let bits = random
        .iter()
        .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (0..8)
        .rev()
        .map(|at| char::from(CROCKFORD[(bits >> (5 * at)) as usize & 31]))
        .collect()
}

/// Whether an id says that it is a rehearsal's.
pub fn is_rehearsal(id: &str) -> bool {
    id.starts_with(REHEARSAL)
}

/// The mode of the ceremony that has this id, whatever its plan; `None` if it is no id.
pub fn mode_of(id: &str) -> Option<Mode> {
    let (mode, rest) = match id.strip_prefix(REHEARSAL) {
        Some(rest) => (Mode::Rehearsal, rest),
        None => (Mode::Ceremony, id),
    };
    let (dated, _) = rest.rsplit_once('-')?;
    let plan = dated.get(11..)?;
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let named = !plan.is_empty() && plan.bytes().all(letter);
    // The record writes ids as tokens.
    (named && Token::new(id).is_some() && fits(id, mode, plan)).then_some(mode)
}

/// Whether `id` could be the id of a ceremony of this mode and plan.
pub fn fits(id: &str, mode: Mode, plan: &str) -> bool {
    let rest = match mode {
        Mode::Rehearsal => id.strip_prefix(REHEARSAL),
        Mode::Ceremony => Some(id),
    };
    let Some((date, rest)) = rest.and_then(|rest| rest.split_at_checked(10)) else {
        return false;
    };
    let random = rest
        .strip_prefix('-')
        .and_then(|r| r.strip_prefix(plan))
        .and_then(|r| r.strip_prefix('-'));
    let is_date = time::parse(&format!("{date}T00:00:00Z")).is_some();
    is_date && random.is_some_and(|r| r.len() == 8 && r.bytes().all(|b| CROCKFORD.contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_their_mode_and_plan_only() {
        let now = 1_767_323_045;
        let id = new(Mode::Rehearsal, now, "backup-key", [0xff, 0, 0, 0, 1]);
        assert_eq!(id, "REHEARSAL-2026-01-02-backup-key-ZW000001");
        assert!(fits(&id, Mode::Rehearsal, "backup-key"));
        assert!(!fits(&id, Mode::Ceremony, "backup-key"));
        assert!(!fits(&id, Mode::Rehearsal, "backup"));
        let real = new(Mode::Ceremony, now, "backup-key", [1; 5]);
        assert!(fits(&real, Mode::Ceremony, "backup-key"));
        assert!(!fits(&real[1..], Mode::Ceremony, "backup-key"));
        assert!(!fits("", Mode::Ceremony, "backup-key"));
    }

    #[test]
    fn an_id_tells_its_mode_and_nothing_else_does() {
        let now = 1_767_323_045;
        for mode in [Mode::Ceremony, Mode::Rehearsal] {
            for plan in ["open", "backup-key", "a-b-1"] {
                let id = new(mode, now, plan, [9; 5]);
                assert_eq!(mode_of(&id), Some(mode));
                assert_eq!(is_rehearsal(&id), mode == Mode::Rehearsal);
                let bad = format!("ABANDONED-1-{id}");
                assert_eq!(mode_of(&bad), None);
            }
        }
        for bad in [
            "",
            "record",
            "2026-01-02",
            "2026-01-02-ZW000001",
            "2026-01-02--ZW000001",
            "2026-13-02-open-ZW000001",
            "2026-01-02-open-ZW00000",
            "2026-01-02-open-ZW00000I",
            "2026-01-02-o\u{fc}en-ZW000001",
            "2026-01-02-o pen-ZW000001",
            "2026-01-02-o/pen-ZW000001",
            "../2026-01-02-open-ZW000001",
        ] {
            assert_eq!(mode_of(bad), None, "{bad}");
        }
    }
}
