//! Plans that must be refused, each for the reason and on the line that its first line
//! names, and plans that must stay good for ever.
//!
//! A bad plan begins with `# expect: CLASS line N`.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ceremony::error::{Exit, Explain};
use ceremony::plan::{Plan, PlanError, carried, checklist};
use proptest::prelude::*;

fn plans(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is part of the project");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    let read = |path: PathBuf| {
        let source = fs::read_to_string(&path).expect("a plan is text");
        (path, source)
    };
    paths.into_iter().map(read).collect()
}

/// What a bad plan's first line says: class and line.
fn expectation(source: &str) -> Option<(&str, usize)> {
    let (class, line) = source
        .lines()
        .next()?
        .strip_prefix("# expect: ")?
        .split_once(" line ")?;
    Some((class, line.parse().ok()?))
}

#[test]
fn bad_plans_are_refused_for_their_reason_on_their_line() {
    let mut seen = BTreeSet::new();
    for (path, source) in plans("plans") {
        let path = path.display();
        let (class, line) =
            expectation(&source).unwrap_or_else(|| panic!("{path}: no expectation"));
        let error = match Plan::parse(&source) {
            Ok(_) => panic!("{path}: was accepted"),
            Err(error) => error,
        };
        assert_eq!(
            (error.class(), error.line()),
            (class, Some(line)),
            "{path}: {error}"
        );
        assert_explained(&error);
        assert!(
            error.to_string().contains(&format!("line {line}")),
            "{path}: {error}"
        );
        seen.insert(class.to_string());
    }
    // A rule without a plan that breaks it may be a rule that does nothing.
    let rules = include_str!("../src/plan/rule.rs");
    let errors = include_str!("../src/plan/error.rs");
    for class in classes(rules, "Rule::").chain(classes(errors, "BadValue::")) {
        assert!(
            seen.contains(class),
            "no bad plan in tests/plans shows the class {class}"
        );
    }
}

/// The class names in a source file: `Rule::Name => "class",`.
fn classes<'a>(source: &'a str, of: &'static str) -> impl Iterator<Item = &'a str> {
    let arms = source
        .lines()
        .filter_map(|line| line.trim().split_once(" => \""));
    arms.filter(move |(variant, _)| variant.starts_with(of))
        .filter_map(|(_, class)| class.strip_suffix("\","))
        .filter(|class| !class.contains(' '))
}

#[test]
fn good_plans_stay_good() {
    let good = plans("plans/good");
    assert!(!good.is_empty());
    for (path, source) in good {
        if let Err(error) = Plan::parse(&source) {
            panic!("{}: {error}", path.display());
        }
    }
}

#[test]
fn a_plan_that_is_too_large_has_no_line() {
    let source = format!("{}#{}", carried()[0].source, "x".repeat(64 * 1024));
    let error = Plan::parse(&source).expect_err("it is too large");
    assert_eq!((error.class(), error.line()), ("too-large", None));
    assert_explained(&error);
}

/// Every error can be shown on a terminal and says what to do now.
fn assert_explained(error: &PlanError) {
    let text = error.to_string();
    assert!(
        text.len() < 600 && text.bytes().all(|b| matches!(b, b' '..=b'~')),
        "{text:?}"
    );
    assert!(!error.remedy().is_empty());
    assert_eq!(error.exit(), Exit::Usage);
}

/// What must hold of any text: it is a plan that can be printed, or an explained error.
fn assert_handled(source: &str) {
    match Plan::parse(source) {
        Err(error) => assert_explained(&error),
        Ok(plan) => {
            assert_eq!(plan.source(), source);
            assert_eq!(plan.minutes_left(0), plan.minutes);
            assert!(checklist::compile(&plan).is_ascii());
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(source in "\\PC{0,300}|(?s:.{0,300})") {
        assert_handled(&source);
    }

    #[test]
    fn no_damaged_character_makes_it_panic(
        at in 0usize..5000,
        len in 0usize..60,
        put in "(?s:.{0,8})|[0-9]{1,12}|[\\[\\]{}\"'=.,#\n]{0,6}",
    ) {
        let plan = carried()[0].source;
        let mut source: String = plan.chars().take(at).collect();
        source.push_str(&put);
        source.extend(plan.chars().skip(at + len));
        assert_handled(&source);
    }

    #[test]
    fn no_moved_line_makes_it_panic(from in 0usize..150, to in 0usize..150, keep: bool) {
        let mut lines: Vec<&str> = carried()[0].source.lines().collect();
        let line = lines[from % lines.len()];
        if !keep {
            lines.remove(from % lines.len());
        }
        lines.insert(to % lines.len(), line);
        assert_handled(&lines.join("\n"));
    }
}
