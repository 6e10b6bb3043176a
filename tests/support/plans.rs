//! Plans that are quick to follow, made from the carried one.

use ceremony::plan::Plan;

const CARRIED: &str = include_str!("../../ceremony/backup-key.toml");

/// Replaces what must be there exactly once.
fn changed(source: &str, from: &str, to: &str) -> String {
    assert_eq!(
        source.matches(from).count(),
        1,
        "{from} in the carried plan"
    );
    source.replace(from, to)
}

fn parse(source: &str) -> Plan {
    Plan::parse(source).expect("a variant of the carried plan is accepted")
}

fn modern() -> String {
    changed(CARRIED, "profile = \"rsa4096\"", "profile = \"modern\"")
}

/// The carried plan's 2-of-3 with C absent, and a key that is made in a moment.
pub fn two_of_three() -> Plan {
    parse(&modern())
}

/// A and B alone.
pub fn two_of_two() -> Plan {
    let source = changed(
        &modern(),
        "custodians = [\"A\", \"B\", \"C\"]",
        "custodians = [\"A\", \"B\"]",
    );
    parse(&changed(&source, "absent = [\"C\"]", "absent = []"))
}
