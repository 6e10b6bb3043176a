//! The tokens, where a plan asks for them or the site names some.

use super::{Level, Line};
use crate::attestation::Firmware;
use crate::edge::token::{About, OLDEST, TokenError};
use crate::error::Explain;
use crate::plan::{OperatorDemand, Plan};
use crate::site::{KeyPlace, Site};

const CHECK: &str = "tokens";

/// What a ceremony needs of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDemands {
    /// The plan has no operators without one, or makes its key in one.
    pub demanded: bool,
    /// The oldest firmware that they may have.
    pub oldest: Firmware,
    /// The serial numbers that the site names.
    pub pinned: Vec<u32>,
}

impl TokenDemands {
    /// What this plan at this site needs.
    pub fn of(plan: &Plan, site: &Site) -> TokenDemands {
        TokenDemands {
            demanded: plan.operators == OperatorDemand::Token,
            oldest: plan.firmware.unwrap_or(OLDEST).max(OLDEST),
            ..TokenDemands::of_site(site)
        }
    }

    /// The same without a plan.
    pub fn of_site(site: &Site) -> TokenDemands {
        let operators = [&site.operator_a, &site.operator_b];
        let serial = |operator: &&Option<_>| match operator.as_ref().map(key_of)? {
            KeyPlace::Token { serial, .. } => Some(*serial),
            KeyPlace::File(_) => None,
        };
        TokenDemands {
            demanded: false,
            oldest: OLDEST,
            pinned: operators.iter().filter_map(serial).collect(),
        }
    }

    /// Whether tokens are needed at all.
    pub fn any(&self) -> bool {
        self.demanded || !self.pinned.is_empty()
    }
}

fn key_of(operator: &crate::site::SiteOperator) -> &KeyPlace {
    &operator.key
}

/// Judges what is plugged in. One token is enough to begin with: a machine may have one socket,
/// and the operators plug theirs in one after the other.
pub fn assess_tokens(found: &Result<Vec<About>, TokenError>, demands: &TokenDemands) -> Vec<Line> {
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![line(Level::Fail, error.to_string(), Some(error.remedy()))],
    };
    let mut lines = Vec::new();
    for about in found {
        let About {
            serial, firmware, ..
        } = about;
        lines.push(match *firmware < demands.oldest {
            true => line(
                Level::Warn,
                format!("YubiKey {serial} has firmware {firmware}, too old"),
                Some(format!(
                    "Firmware can't be renewed: take one with {} or newer.",
                    demands.oldest
                )),
            ),
            false => line(
                Level::Pass,
                format!("YubiKey {serial}, firmware {firmware}"),
                None,
            ),
        });
    }
    let usable = |about: &&About| about.firmware >= demands.oldest;
    if demands.any() && !found.iter().any(|about| usable(&about)) {
        lines.push(line(
            Level::Fail,
            "no YubiKey that can be used is plugged in".to_string(),
            Some("Plug in the YubiKeys that are needed, then run preflight again.".to_string()),
        ));
        return lines;
    }
    for serial in &demands.pinned {
        if !found.iter().any(|about| about.serial == *serial) {
            lines.push(line(
                Level::Warn,
                format!("YubiKey {serial}, which the site names, is not plugged in"),
                Some("Have it at hand: it is asked for at the roll call.".to_string()),
            ));
        }
    }
    lines
}

fn line(level: Level, found: String, remedy: Option<String>) -> Line {
    Line {
        check: CHECK,
        level,
        found,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(serial: u32, firmware: Firmware) -> About {
        About {
            serial,
            model: "YubiKey".to_string(),
            firmware,
            reader: String::new(),
        }
    }

    fn levels(found: &Result<Vec<About>, TokenError>, demands: &TokenDemands) -> Vec<Level> {
        let lines = assess_tokens(found, demands);
        let explained = |line: &Line| line.remedy.is_some() == (line.level != Level::Pass);
        assert!(lines.iter().all(explained), "{lines:?}");
        lines.into_iter().map(|line| line.level).collect()
    }

    #[test]
    fn a_ceremony_with_tokens_begins_only_where_one_can_be_used() {
        let demands = TokenDemands {
            demanded: true,
            oldest: Firmware(5, 7, 0),
            pinned: Vec::new(),
        };
        let none = Err(TokenError::NoService(
            std::io::Error::other("it is not there").into(),
        ));
        assert_eq!(levels(&none, &demands), [Level::Fail]);
        assert_eq!(levels(&Ok(vec![]), &demands), [Level::Fail]);
        let old = about(1, Firmware(5, 4, 3));
        let new = about(2, Firmware(5, 7, 0));
        let only_old = Ok(vec![old.clone()]);
        assert_eq!(levels(&only_old, &demands), [Level::Warn, Level::Fail]);
        let both = Ok(vec![old, new.clone()]);
        assert_eq!(levels(&both, &demands), [Level::Warn, Level::Pass]);
        assert_eq!(levels(&Ok(vec![new]), &demands), [Level::Pass]);
    }

    #[test]
    fn a_pinned_token_that_is_missing_is_asked_for() {
        let demands = TokenDemands {
            demanded: false,
            oldest: OLDEST,
            pinned: vec![1, 2],
        };
        assert_eq!(levels(&Ok(vec![]), &demands), [Level::Fail]);
        let one = Ok(vec![about(2, Firmware(5, 4, 3))]);
        assert_eq!(levels(&one, &demands), [Level::Pass, Level::Warn]);
    }
}
