//! Each rule is broken once; then a sound machine passes.

use std::io::ErrorKind;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::edge::facts::tests::sound;
use crate::edge::facts::{Memory, TerminalSize, Unseen, WorkFolder};

const BUILD: u64 = 1_750_000_000;
const NOW: u64 = BUILD + 1000;

fn demands() -> Demands {
    Demands {
        build_time: BUILD,
        not_before: None,
        needed_bytes: 1000,
        gpg_wanted: true,
        only_read: Vec::new(),
    }
}

fn medium(role: &str) -> MediumFact {
    MediumFact {
        role: role.to_string(),
        present: true,
        free_bytes: 1000,
        identity: format!("serial of {role}"),
        writable: true,
        problem: None,
    }
}

/// Breaks a sound machine with `change` and wants exactly one line not to pass: the one for
/// `check`, at `level`, with a remedy, and with `word` in what was found.
#[track_caller]
fn breaks(check: &str, level: Level, word: &str, change: impl FnOnce(&mut Facts)) {
    let mut facts = sound(NOW);
    change(&mut facts);
    only(&assess(&facts, &[], &demands()), check, level, word);
}

#[track_caller]
fn only(report: &Report, check: &str, level: Level, word: &str) {
    let bad: Vec<&Line> = report
        .lines
        .iter()
        .filter(|line| line.level != Level::Pass)
        .collect();
    let [line] = bad[..] else {
        panic!("not one line: {bad:?}")
    };
    assert_eq!((line.check, line.level), (check, level), "{line:?}");
    assert!(line.found.contains(word), "{line:?}");
    assert!(
        line.remedy
            .as_ref()
            .is_some_and(|remedy| !remedy.is_empty()),
        "{line:?}"
    );
}

#[track_caller]
fn clock_fails(now: u64, demands: &Demands, word: &str) {
    only(
        &assess(&sound(now), &[], demands),
        "clock",
        Level::Fail,
        word,
    );
}

#[track_caller]
fn medium_fails(word: &str, change: impl FnOnce(&mut MediumFact)) {
    let mut bad = medium("secret-1");
    change(&mut bad);
    let report = assess(&sound(NOW), &[medium("operator-a"), bad], &demands());
    only(&report, "medium", Level::Fail, word);
}

fn swaps(kinds: &[(&str, SwapKind)]) -> Seen<Vec<Swap>> {
    Ok(kinds
        .iter()
        .map(|(name, kind)| Swap {
            name: name.to_string(),
            kind: *kind,
        })
        .collect())
}

#[test]
fn any_interface_but_lo_fails() {
    for name in ["eth0", "wlan0", "lo0", "LO", "docker0", ""] {
        breaks("network", Level::Fail, name, |facts| {
            facts.interfaces = Ok(vec!["lo".to_string(), name.to_string()]);
        });
    }
}

#[test]
fn unencrypted_swap_fails_beside_other_swap_too() {
    use SwapKind::{Encrypted, Memory, Plain};
    breaks("swap", Level::Fail, "/dev/sda2", |facts| {
        let all = [
            ("/dev/zram0", Memory),
            ("/dev/dm-0", Encrypted),
            ("/dev/sda2", Plain),
        ];
        facts.swaps = swaps(&all);
    });
    breaks("swap", Level::Warn, "encrypted: /dev/dm-0", |facts| {
        facts.swaps = swaps(&[("/dev/zram0", Memory), ("/dev/dm-0", Encrypted)]);
    });
}

#[test]
fn randomness_that_is_not_ready_fails() {
    breaks("random", Level::Fail, "not", |facts| {
        facts.random_ready = Ok(false)
    });
}

#[test]
fn an_implausible_clock_fails() {
    clock_fails(BUILD - 1, &demands(), "built later");
    clock_fails(0, &demands(), "1970-01-01T00:00:00Z cannot be right");
    clock_fails(BUILD + MOST_SECONDS_AFTER_BUILD + 1, &demands(), "20 years");
    clock_fails(u64::MAX, &demands(), "20 years");
    let later = Demands {
        not_before: Some(NOW + 1),
        ..demands()
    };
    clock_fails(NOW, &later, "newer");
}

#[test]
fn a_clock_at_the_bounds_passes() {
    let same = Demands {
        not_before: Some(NOW),
        ..demands()
    };
    assert!(!assess(&sound(NOW), &[], &same).fails());
    for now in [BUILD, BUILD + MOST_SECONDS_AFTER_BUILD] {
        assert!(!assess(&sound(now), &[], &demands()).fails());
    }
}

#[test]
fn core_dumps_warn() {
    breaks("crashes", Level::Warn, "a crash", |facts| {
        let dumps = facts.core_dumps.as_mut().expect("was seen");
        (dumps.limit, dumps.dumpable) = (None, true);
    });
    breaks("crashes", Level::Warn, "/usr/lib/handler", |facts| {
        let dumps = facts.core_dumps.as_mut().expect("was seen");
        dumps.pattern = "|/usr/lib/handler %p".to_string();
    });
}

#[test]
fn memory_folder_and_screen_warn() {
    breaks("memory", Level::Warn, "not locked", |facts| {
        facts.memory = Ok(Memory {
            locked: 64,
            private: 3000,
        });
    });
    breaks("folder", Level::Warn, "/home", |facts| {
        facts.work_folder = Ok(WorkFolder {
            path: PathBuf::from("/home"),
            in_memory: false,
        });
    });
    breaks("screen", Level::Warn, "not a terminal", |facts| {
        facts.terminal = None
    });
    for (columns, rows, word) in [
        (79, 24, "small"),
        (80, 23, "small"),
        (0, 0, "does not tell"),
    ] {
        breaks("screen", Level::Warn, word, |facts| {
            facts.terminal = Some(TerminalSize { columns, rows });
        });
    }
}

#[test]
fn gpg_warns_only_where_it_is_wanted() {
    breaks("gpg", Level::Warn, "not found", |facts| facts.gpg = None);
    let mut facts = sound(NOW);
    facts.gpg.as_mut().expect("was found").home_in_memory = false;
    only(
        &assess(&facts, &[], &demands()),
        "gpg",
        Level::Warn,
        "no folder in memory",
    );
    let unwanted = Demands {
        gpg_wanted: false,
        ..demands()
    };
    assert_eq!(assess(&facts, &[], &unwanted).counts().warn, 0);
    facts.gpg = None;
    assert_eq!(assess(&facts, &[], &unwanted).counts().warn, 0);
}

#[test]
fn what_cannot_be_seen_does_not_pass() {
    let why = Unseen {
        place: "/proc/x",
        kind: ErrorKind::PermissionDenied,
    };
    let word = "cannot be checked (/proc/x: permission denied)";
    breaks("network", Level::Fail, word, |facts| {
        facts.interfaces = Err(why.clone())
    });
    breaks("swap", Level::Fail, word, |facts| {
        facts.swaps = Err(why.clone())
    });
    breaks("random", Level::Fail, word, |facts| {
        facts.random_ready = Err(why.clone())
    });
    breaks("program", Level::Fail, word, |facts| {
        facts.program = Err(why.clone())
    });
    breaks("crashes", Level::Warn, word, |facts| {
        facts.core_dumps = Err(why.clone())
    });
    breaks("memory", Level::Warn, word, |facts| {
        facts.memory = Err(why.clone())
    });
    breaks("folder", Level::Warn, word, |facts| {
        facts.work_folder = Err(why.clone())
    });
}

#[test]
fn each_fault_of_a_medium_fails() {
    medium_fails("secret-1: missing", |medium| medium.present = false);
    medium_fails("same as operator-a", |medium| {
        medium.identity = "serial of operator-a".into()
    });
    medium_fails("told from", |medium| medium.identity.clear());
    medium_fails("named twice", |medium| {
        medium.role = "operator-a".to_string()
    });
    medium_fails("written", |medium| medium.writable = false);
    medium_fails("999 bytes free, 1000 needed", |medium| {
        medium.free_bytes = 999
    });
    medium_fails("a fixed disk", |medium| {
        medium.problem = Some("a fixed disk".to_string())
    });
}

#[test]
fn all_faults_of_a_medium_are_said_at_once() {
    let bad = MediumFact {
        writable: false,
        free_bytes: 0,
        ..medium("public")
    };
    assert_eq!(assess(&sound(NOW), &[bad], &demands()).counts().fail, 2);
}

#[test]
fn a_medium_that_is_only_read_may_be_locked_and_full() {
    let demands = Demands {
        only_read: vec!["secret-1".to_string()],
        ..demands()
    };
    let locked = |role| MediumFact {
        writable: false,
        free_bytes: 0,
        problem: Some("its lock is closed".to_string()),
        ..medium(role)
    };
    let fails = |fact| assess(&sound(NOW), &[fact], &demands).counts().fail;
    assert_eq!(fails(locked("secret-1")), 0);
    assert_eq!(fails(locked("operator-a")), 3);
    let mut other = locked("secret-1");
    other.writable = true;
    assert_eq!(fails(other), 1, "it has another problem");
    let mut missing = locked("secret-1");
    missing.present = false;
    assert_eq!(fails(missing), 1);
}

#[test]
fn a_missing_medium_is_not_the_same_as_another_missing_one() {
    let missing = |role| MediumFact {
        present: false,
        identity: String::new(),
        ..medium(role)
    };
    let report = assess(
        &sound(NOW),
        &[missing("public"), missing("handover")],
        &demands(),
    );
    let found: Vec<&str> = report
        .lines
        .iter()
        .filter(|line| line.level == Level::Fail)
        .map(|line| line.found.as_str())
        .collect();
    assert_eq!(found, ["public: missing", "handover: missing"]);
}

#[test]
fn a_sound_machine_passes() {
    let mut facts = sound(NOW);
    facts.swaps = swaps(&[("/dev/zram0", SwapKind::Memory)]);
    let report = assess(
        &facts,
        &[medium("operator-a"), medium("operator-b")],
        &demands(),
    );
    let expected = format!(
        "PASS  network only lo
PASS  swap    in memory only: /dev/zram0
PASS  random  the system's random numbers are ready
PASS  clock   2025-06-15T15:23:20Z
PASS  crashes would leave nothing behind
PASS  memory  locked, nothing can be swapped out
PASS  folder  in memory: /root
PASS  screen  80 columns, 24 lines
PASS  gpg     gpg (GnuPG) 2.2.40 at /usr/bin/gpg
PASS  program {}
PASS  medium  operator-a: serial of operator-a
PASS  medium  operator-b: serial of operator-b
",
        crate::digest::Digest::of(b"program")
    );
    assert_eq!(report.text(), expected);
}

proptest! {
    #[test]
    fn every_line_that_does_not_pass_has_a_remedy(
        names in prop::collection::vec("[a-z]{1,5}", 0..3), now: u64, build_time: u64,
        not_before: Option<u64>, free_bytes: u64, needed_bytes: u64, gpg_wanted: bool,
        ready: bool, present: bool, writable: bool,
    ) {
        let facts = Facts {
            interfaces: Ok(names), random_ready: Ok(ready), terminal: None, gpg: None, ..sound(now)
        };
        let only_read = Vec::new();
        let demands = Demands { build_time, not_before, needed_bytes, gpg_wanted, only_read };
        let media = [MediumFact { present, writable, free_bytes, ..medium("public") }];
        let report = assess(&facts, &media, &demands);
        for line in &report.lines {
            prop_assert_eq!(line.remedy.is_some(), line.level != Level::Pass, "{:?}", line);
            prop_assert!(line.check.len() <= 7);
        }
        prop_assert_eq!(report.fails(), report.text().contains("FAIL  "));
    }
}
