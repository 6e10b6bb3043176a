//! Small plans, and sites that pin operators.

use ceremony::plan::Plan;

const STEPS: &str = r#"
[[phase]]
id = "1"
title = "Before we start"

[[phase.step]]
id = "1.1"
kind = "clock"
text = "Set the clock."
minutes = 1

[[phase.step]]
id = "1.2"
kind = "preflight"
text = "The machine checks itself."
minutes = 1

[[phase.step]]
id = "1.3"
kind = "roll-call"
text = "Say who you are."
minutes = 1
authorise = ["A", "B"]

[[phase]]
id = "2"
title = "Close"

[[phase.step]]
id = "2.1"
kind = "close"
text = "Sign the record."
minutes = 1
authorise = ["A", "B"]

"#;

/// The step after the roll call, counted from 1.
pub const AFTER_ROLL_CALL: usize = 4;

/// Clock, preflight, roll call, close.
pub fn small(more: &str) -> Plan {
    let head = format!(
        "[plan]\nid = \"small\"\ntitle = \"Small plan\"\nsummary = \"Makes no key.\"\nminutes = 4\n{more}"
    );
    let plan = Plan::parse(&format!("{head}{STEPS}")).and_then(|plan| plan.in_plain_form());
    plan.expect("it is accepted")
}

/// The same for operators with YubiKeys alone.
pub fn tokens_only() -> Plan {
    small("operators = \"token\"\n")
}
