//! Capsules for the operators' tokens: what the fold takes for them, and for nothing else.

use super::walk::*;
use crate::backup::quorum::TOKENS;
use crate::engine::{Ending, backup_files, revocation_files};
use crate::plan::{Plan, StepKind};
use crate::record::event::Event;
use crate::record::value::{Actors, Holder, Opener};

/// The carried plan with operators who have tokens, which open the backup as well.
fn with_capsules() -> Plan {
    let source = carried()
        .source()
        .replace("minutes = 60\n", "minutes = 60\noperators = \"token\"\n");
    let source = source.replace("threshold = 2\n", "threshold = 2\ntokens = true\n");
    Plan::parse(&source).expect("a good plan")
}

#[test]
fn the_drill_opens_with_tokens_after_all_words_and_with_nothing_else() {
    let plan = with_capsules();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::Drill);
    for name in ["AB", "AC", "BC"] {
        assert!(walk.refuses(quorum_opened(TOKENS)), "before {name}");
        assert!(walk.refuses(opened_by(name, Opener::Token)), "{name}");
        walk.must(quorum_opened(name));
    }
    for (name, event) in [
        ("left out", drilled(3)),
        ("left out, but counted", drilled(4)),
        ("by gpg", opened_by(TOKENS, Opener::Gpg)),
        ("by the library", opened_by(TOKENS, Opener::Library)),
        ("words once more", quorum_opened("AB")),
        ("another name", opened_by("AB-token", Opener::Token)),
        ("other people", opened_by("AC-tokens", Opener::Token)),
    ] {
        assert!(walk.refuses(event), "{name}");
    }
    walk.must(quorum_opened(TOKENS));
    assert!(walk.refuses(quorum_opened(TOKENS)), "twice");
    assert!(walk.refuses(drilled(3)), "not counted");
    walk.must(drilled(4));
    walk.on_until(|_| false);
    assert_eq!(walk.state.ended(), Some(Ending::Closed));
}

#[test]
fn a_plan_without_capsules_for_tokens_has_none() {
    let source = with_capsules()
        .source()
        .replace("tokens = true", "tokens = false");
    let plan = Plan::parse(&source).expect("a good plan");
    let mut walk = Walk::new(&plan);
    walk.on_until(|walk| walk.due() == Some(drilled(3)));
    assert!(walk.refuses(quorum_opened(TOKENS)));
    walk.must(drilled(3));
}

#[test]
fn the_capsules_are_stored_after_those_of_words() {
    let backup = with_capsules().backup.expect("the plan backs up");
    let files = backup_files(&backup);
    assert_eq!(files[3..], ["BC.asc", "AB-tokens.asc", "RECOVERY.txt"]);
    let files = revocation_files(&with_capsules()).expect("the plan has them");
    assert_eq!(
        files[3..],
        ["revocation/BC.asc", "revocation/AB-tokens.asc"]
    );
}

#[test]
fn a_message_is_opened_with_tokens_by_operators_who_have_them() {
    let plan = opening();
    let mut by_file = Walk::new(&plan);
    by_file.on_until(|walk| opens_now(walk, 1));
    assert!(by_file.refuses(quorum_opened(TOKENS)));

    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::RollCall);
    walk.must(attested(Holder::A));
    walk.must(attested(Holder::B));
    walk.must(with_tokens());
    walk.on_until(|walk| opens_now(walk, 1));
    for opener in [Opener::Gpg, Opener::Library] {
        assert!(walk.refuses(opened_by(TOKENS, opener)), "{opener}");
    }
    assert!(walk.refuses(opened_by("AB", Opener::Token)));
    walk.clone().must(quorum_opened("AC"));
    walk.must(quorum_opened(TOKENS));
    walk.on_until(|_| false);
    assert_eq!(walk.state.ended(), Some(Ending::Closed));
}

#[test]
fn both_operators_act_when_tokens_open() {
    let actors = |event: &Event| crate::engine::says::actors(event);
    assert_eq!(actors(&quorum_opened(TOKENS)), Actors::both());
    assert_eq!(actors(&quorum_opened("BC")), Actors::of(['B', 'C']));
}
