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

fn two_of_two_source() -> String {
    let source = changed(
        &modern(),
        "custodians = [\"A\", \"B\", \"C\"]",
        "custodians = [\"A\", \"B\"]",
    );
    changed(&source, "absent = [\"C\"]", "absent = []")
}

/// A and B alone.
pub fn two_of_two() -> Plan {
    parse(&two_of_two_source())
}

/// A and B alone, with a planned stop before the close.
pub fn with_a_pause() -> Plan {
    let close = "id = \"6.1\"\nkind = \"close\"";
    let pause = "id = \"6.1\"\nkind = \"pause\"\ntext = \"A planned stop.\"\nminutes = 1\n\n\
                 [[phase.step]]\nid = \"6.2\"\nkind = \"close\"";
    let source = changed(&two_of_two_source(), close, pause);
    parse(&changed(&source, "minutes = 45", "minutes = 46"))
}
