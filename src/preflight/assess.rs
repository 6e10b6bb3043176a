//! The rules of preflight. What cannot be seen is treated as bad.

use std::fmt::Display;

use super::{Demands, Level, Line, MediumFact, Report, fail, pass, warn};
use crate::edge::facts::{CoreDumps, Facts, Seen, Swap, SwapKind};

/// A clock that is further after the build than this is wrong, or the program is too old.
const MOST_SECONDS_AFTER_BUILD: u64 = 20 * 31_557_600;

/// The smallest screen that every page fits on.
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// Judges the machine and the media. The order is that of the screen: what stops a
/// ceremony most often comes first, media last.
pub fn assess(facts: &Facts, media: &[MediumFact], demands: &Demands) -> Report {
    let mut lines = vec![
        network(facts),
        swap(facts),
        random(facts),
        clock(facts.now, demands),
    ];
    lines.extend([
        core_dumps(facts),
        memory(facts),
        folder(facts),
        screen(facts),
    ]);
    lines.extend([gpg(facts, demands), program(facts)]);
    for (at, medium) in media.iter().enumerate() {
        lines.extend(self::medium(medium, &media[..at], demands));
    }
    Report { lines }
}

/// A line for a fact that could not be seen.
fn unseen(check: &'static str, level: Level, why: &impl Display) -> Line {
    let remedy = "Make sure that /proc and /sys are mounted and start the program as root, or \
                  boot the live image, then run preflight again.";
    Line {
        level,
        ..warn(check, format!("cannot be checked ({why})"), remedy)
    }
}

/// Judges a fact, or says at `level` that it could not be seen.
fn judge<T>(
    check: &'static str,
    level: Level,
    fact: &Seen<T>,
    rule: impl FnOnce(&T) -> Line,
) -> Line {
    match fact {
        Ok(fact) => rule(fact),
        Err(why) => unseen(check, level, why),
    }
}

fn network(facts: &Facts) -> Line {
    const CHECK: &str = "network";
    judge(CHECK, Level::Fail, &facts.interfaces, |names| {
        let others: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|n| *n != "lo")
            .collect();
        let Some(first) = others.first() else {
            return pass(CHECK, "only lo");
        };
        fail(
            CHECK,
            format!("this machine has a network: {}", others.join(" ")),
            format!(
                "Take network cables and wireless adapters out. For what is built in, unload its \
                 driver: `ls -l /sys/class/net/{first}/device/driver` ends with its name, \
                 `modprobe -r NAME` unloads it. Or boot the live image, which has no network \
                 driver. Then run preflight again."
            ),
        )
    })
}

fn swap(facts: &Facts) -> Line {
    const CHECK: &str = "swap";
    judge(CHECK, Level::Fail, &facts.swaps, |swaps| {
        let of = |kind| {
            let names = swaps.iter().filter(|swap: &&Swap| swap.kind == kind);
            names
                .map(|swap| swap.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let remedy = "Switch it off: swapoff -a";
        let (plain, encrypted) = (of(SwapKind::Plain), of(SwapKind::Encrypted));
        if !plain.is_empty() {
            fail(
                CHECK,
                format!("secrets could reach a disk, not encrypted: {plain}"),
                remedy,
            )
        } else if !encrypted.is_empty() {
            warn(
                CHECK,
                format!("secrets could reach a disk, encrypted: {encrypted}"),
                remedy,
            )
        } else if !swaps.is_empty() {
            pass(CHECK, format!("in memory only: {}", of(SwapKind::Memory)))
        } else {
            pass(CHECK, "none")
        }
    })
}

fn random(facts: &Facts) -> Line {
    const CHECK: &str = "random";
    judge(
        CHECK,
        Level::Fail,
        &facts.random_ready,
        |ready| match ready {
            true => pass(CHECK, "the system's random numbers are ready"),
            false => fail(
                CHECK,
                "the system has not gathered enough randomness yet",
                "Type on the keyboard for a minute, then run preflight again.",
            ),
        },
    )
}

fn clock(now: u64, demands: &Demands) -> Line {
    const CHECK: &str = "clock";
    let fault = if now < demands.build_time {
        Some(format!(
            "the program was built later, at {}",
            time(demands.build_time)
        ))
    } else if now > demands.build_time.saturating_add(MOST_SECONDS_AFTER_BUILD) {
        Some("that is more than 20 years after the program was built".to_string())
    } else {
        let newest = demands.not_before.filter(|newest| now < *newest);
        newest.map(|newest| format!("a record or certificate is newer, from {}", time(newest)))
    };
    match fault {
        None => pass(CHECK, time(now)),
        Some(fault) => fail(
            CHECK,
            format!("{} cannot be right: {fault}", time(now)),
            "Read the time from two watches and set the clock, in UTC: date -u -s 'YYYY-MM-DD \
             HH:MM:SS'. If the clock is right, the record or the certificate is not: find out why \
             before you go on.",
        ),
    }
}

/// UTC as in the transcript; a time beyond its calendar as a bare number.
fn time(seconds: u64) -> String {
    let stamp = i64::try_from(seconds)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok());
    stamp.map_or_else(
        || format!("{seconds} seconds after 1970"),
        |stamp| stamp.to_string(),
    )
}

fn core_dumps(facts: &Facts) -> Line {
    const CHECK: &str = "crashes";
    judge(
        CHECK,
        Level::Warn,
        &facts.core_dumps,
        |dumps: &CoreDumps| {
            if dumps.piped() {
                warn(
                    CHECK,
                    format!(
                        "the memory of crashed programs goes to {}",
                        &dumps.pattern[1..]
                    ),
                    "Keep it from doing so: sysctl -w kernel.core_pattern=core",
                )
            } else if dumps.possible() {
                warn(
                    CHECK,
                    "a crash would leave secrets in a file",
                    "Start the program from a shell where you typed: ulimit -c 0",
                )
            } else {
                pass(CHECK, "would leave nothing behind")
            }
        },
    )
}

fn memory(facts: &Facts) -> Line {
    const CHECK: &str = "memory";
    judge(CHECK, Level::Warn, &facts.memory, |memory| {
        match memory.all_locked() {
            true => pass(CHECK, "locked, nothing can be swapped out"),
            false => warn(
                CHECK,
                "not locked: where there is swap, secrets could be swapped out",
                "Start the program as root, or from a shell where `ulimit -l` says unlimited.",
            ),
        }
    })
}

fn folder(facts: &Facts) -> Line {
    const CHECK: &str = "folder";
    judge(CHECK, Level::Warn, &facts.work_folder, |folder| {
        let path = folder.path.display();
        match folder.in_memory {
            true => pass(CHECK, format!("in memory: {path}")),
            false => warn(
                CHECK,
                format!("on a disk, what is written there stays: {path}"),
                "Boot the live image, or start the program in a folder in memory: cd /dev/shm",
            ),
        }
    })
}

fn screen(facts: &Facts) -> Line {
    const CHECK: &str = "screen";
    let remedy = format!("Make the window larger, or use the console: {COLUMNS} by {ROWS}.");
    match facts.terminal {
        None => warn(
            CHECK,
            "this is not a terminal",
            "Start the program on a console.",
        ),
        Some(size) if size.columns == 0 || size.rows == 0 => warn(
            CHECK,
            "the terminal does not tell its size",
            format!("Tell it, if pages do not fit: stty columns {COLUMNS} rows {ROWS}"),
        ),
        Some(size) => {
            let found = format!("{} columns, {} lines", size.columns, size.rows);
            match size.columns < COLUMNS || size.rows < ROWS {
                true => warn(CHECK, format!("too small: {found}"), remedy),
                false => pass(CHECK, found),
            }
        }
    }
}

fn gpg(facts: &Facts, demands: &Demands) -> Line {
    const CHECK: &str = "gpg";
    let instead = "Nothing must be done: the drill then uses the program's own library. For an \
                   independent check";
    match &facts.gpg {
        Some(found) if found.home_in_memory => pass(
            CHECK,
            format!("{} at {}", found.version, found.path.display()),
        ),
        None if !demands.gpg_wanted => pass(CHECK, "not found, not needed"),
        Some(found) if !demands.gpg_wanted => pass(CHECK, format!("{}, not needed", found.version)),
        Some(found) => warn(
            CHECK,
            format!("{} has no folder in memory for its keys", found.version),
            format!("{instead}, mount one: mount -t tmpfs tmpfs /dev/shm"),
        ),
        None => warn(
            CHECK,
            "not found",
            format!("{instead}, use a machine or live image that has gpg."),
        ),
    }
}

fn program(facts: &Facts) -> Line {
    const CHECK: &str = "program";
    judge(CHECK, Level::Fail, &facts.program, |digest| {
        pass(CHECK, digest.to_string())
    })
}

/// Judges one medium beside those that came before it; a line for each fault.
fn medium(medium: &MediumFact, earlier: &[MediumFact], demands: &Demands) -> Vec<Line> {
    const CHECK: &str = "medium";
    let role = &medium.role;
    let mut lines = Vec::new();
    let mut fault = |found: String, remedy: &str| {
        lines.push(fail(CHECK, format!("{role}: {found}"), remedy));
    };
    if earlier.iter().any(|other| other.role == *role) {
        fault(
            "named twice".to_string(),
            "Name each medium once, then run preflight again.",
        );
    }
    if !medium.present {
        fault(
            "missing".to_string(),
            "Put it in, then run preflight again.",
        );
        return lines;
    }
    let only_read = demands.only_read.contains(role);
    let locked = only_read && !medium.writable;
    if let Some(problem) = medium.problem.as_ref().filter(|_| !locked) {
        fault(
            problem.clone(),
            "Put this right or take another one, then run preflight again.",
        );
    }
    let same = |other: &&MediumFact| other.present && other.identity == medium.identity;
    if medium.identity.is_empty() {
        fault(
            "cannot be told from other media".to_string(),
            "Take one that has a serial number, then run preflight again.",
        );
    } else if let Some(other) = earlier.iter().find(same) {
        fault(
            format!("is the same as {}", other.role),
            "Take a medium of its own for each role, then run preflight again.",
        );
    }
    if !medium.writable && !only_read {
        fault(
            "cannot be written to".to_string(),
            "Look for a lock switch on it, or take another one, then run preflight again.",
        );
    }
    if medium.free_bytes < demands.needed_bytes && !only_read {
        fault(
            format!(
                "{} bytes free, {} needed",
                medium.free_bytes, demands.needed_bytes
            ),
            "Take an empty one, then run preflight again.",
        );
    }
    if lines.is_empty() {
        lines.push(pass(CHECK, format!("{role}: {}", medium.identity)));
    }
    lines
}

#[cfg(test)]
mod tests;
