//! Preflight: is this machine fit for a ceremony, and are the media?
//!
//! The edge observes, [`assess`] judges, a [`Report`] says what was found and what to do.

mod assess;
mod tokens;

pub use assess::assess;
pub use tokens::{TokenDemands, assess_tokens};

/// What was observed of one medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediumFact {
    /// What it is for, as in `operator-a`.
    pub role: String,
    /// Whether it is there.
    pub present: bool,
    /// Free space in bytes.
    pub free_bytes: u64,
    /// What tells it from all others: a serial number, or device and inode of a folder.
    pub identity: String,
    /// Whether it can be written to.
    pub writable: bool,
    /// Anything else that is wrong with it, in a few plain words.
    pub problem: Option<String>,
}

impl MediumFact {
    /// It is not there.
    pub fn absent(role: &str, problem: String) -> MediumFact {
        MediumFact {
            role: role.to_string(),
            present: false,
            free_bytes: 0,
            identity: String::new(),
            writable: false,
            problem: Some(problem),
        }
    }
}

/// What the ceremony needs of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demands {
    /// When the program was built: UTC seconds since 1970.
    pub build_time: u64,
    /// The newest time in a previous record or a brought certificate, in the same unit.
    pub not_before: Option<u64>,
    /// How much space each medium must have, in bytes.
    pub needed_bytes: u64,
    /// Whether the ceremony has a drill that stock gpg should do.
    pub gpg_wanted: bool,
    /// The media that are only read: a closed write lock is as it should be there.
    pub only_read: Vec<String>,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Pass,
    /// Not as it should be, but a ceremony may go on.
    Warn,
    /// A ceremony must not go on.
    Fail,
}

impl Level {
    /// The word on screen and paper: four ASCII letters.
    pub fn word(self) -> &'static str {
        match self {
            Level::Pass => "PASS",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        }
    }
}

/// One check: what was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was checked; at most 7 ASCII letters.
    pub check: &'static str,
    /// How it went.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; always there unless the level is [`Level::Pass`].
    pub remedy: Option<String>,
}

/// As it should be.
pub(crate) fn pass(check: &'static str, found: impl Into<String>) -> Line {
    Line {
        check,
        level: Level::Pass,
        found: found.into(),
        remedy: None,
    }
}

/// Not as it should be, but a ceremony may go on.
pub(crate) fn warn(
    check: &'static str,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Line {
    Line {
        check,
        level: Level::Warn,
        found: found.into(),
        remedy: Some(remedy.into()),
    }
}

/// A ceremony must not go on.
pub(crate) fn fail(
    check: &'static str,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Line {
    Line {
        level: Level::Fail,
        ..warn(check, found, remedy)
    }
}

/// How many checks went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As they should be.
    pub pass: usize,
    /// Warnings.
    pub warn: usize,
    /// Failures.
    pub fail: usize,
}

/// All checks, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The checks.
    pub lines: Vec<Line>,
}

impl Report {
    /// How many checks went how.
    pub fn counts(&self) -> Counts {
        let count = |level| self.lines.iter().filter(|line| line.level == level).count();
        Counts {
            pass: count(Level::Pass),
            warn: count(Level::Warn),
            fail: count(Level::Fail),
        }
    }

    /// Whether a ceremony must not go on.
    pub fn fails(&self) -> bool {
        self.counts().fail > 0
    }

    /// The checks that failed, by name.
    pub fn failed(&self) -> impl Iterator<Item = &'static str> {
        self.lines
            .iter()
            .filter(|line| line.level == Level::Fail)
            .map(|line| line.check)
    }

    /// Why a ceremony is refused: the failed checks by name, then the whole report.
    pub fn refusal(&self) -> String {
        let failed: Vec<&str> = self.failed().collect();
        format!(
            "this machine is not fit for a ceremony ({})\n{}",
            failed.join(", "),
            self.text()
        )
    }

    /// The report as shown and recorded: printable ASCII, LF, lines of at most 78 columns.
    ///
    /// ```text
    /// PASS  network only lo
    /// FAIL  swap    not encrypted: /dev/sda2
    ///               Switch it off: swapoff -a
    /// ```
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let mut head = format!("{}  {:<8}", line.level.word(), line.check);
            for text in [Some(&line.found), line.remedy.as_ref()]
                .into_iter()
                .flatten()
            {
                for row in wrap(text) {
                    out.push_str(format!("{head:<INDENT$}{row}").trim_end());
                    out.push('\n');
                    head.clear();
                }
            }
        }
        out
    }
}

/// Where the text of a line begins. It leaves 64 columns: exactly a SHA-256 in hex.
const INDENT: usize = 14;
const WIDTH: usize = 78 - INDENT;

/// Breaks `text` at blanks into rows of at most [`WIDTH`] characters, at least one. Names
/// come from the machine, so anything but printable ASCII is shown as a question mark.
fn wrap(text: &str) -> Vec<String> {
    let shown = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().map(shown).collect();
        for piece in word.chunks(WIDTH) {
            let row = rows.last_mut().expect("there is at least one row");
            if row.is_empty() {
                row.extend(piece);
            } else if row.len() + 1 + piece.len() <= WIDTH {
                row.push(' ');
                row.extend(piece);
            } else {
                rows.push(piece.iter().collect());
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(level: Level, found: &str, remedy: Option<&str>) -> Line {
        let (found, remedy) = (found.to_string(), remedy.map(str::to_string));
        Line {
            check: "network",
            level,
            found,
            remedy,
        }
    }

    #[test]
    fn one_failure_fails_the_report_and_warnings_do_not() {
        let levels = [Level::Pass, Level::Warn, Level::Warn, Level::Fail];
        let lines: Vec<Line> = levels.iter().map(|level| line(*level, "", None)).collect();
        let report = Report {
            lines: lines.clone(),
        };
        assert_eq!(
            report.counts(),
            Counts {
                pass: 1,
                warn: 2,
                fail: 1
            }
        );
        assert!(report.fails());
        assert!(
            !Report {
                lines: lines[..3].to_vec()
            }
            .fails()
        );
    }

    #[test]
    fn text_is_aligned_and_the_remedy_stands_below() {
        let remedy = "Take the network cable out and switch the wireless adapter off, then run it.";
        let hash = "0123456789abcdef".repeat(4);
        let report = Report {
            lines: vec![
                line(Level::Pass, "only lo", None),
                line(Level::Fail, "also: eth\u{e4}\u{1b}[2J", Some(remedy)),
                Line {
                    check: "program",
                    ..line(Level::Pass, &hash, None)
                },
            ],
        };
        let expected = format!(
            "PASS  network only lo
FAIL  network also: eth??[2J
              Take the network cable out and switch the wireless adapter off,
              then run it.
PASS  program {hash}
"
        );
        assert_eq!(report.text(), expected);
    }

    proptest! {
        #[test]
        fn rows_are_narrow_ascii_and_lose_nothing(
            found in "(?s).{0,300}", remedy in prop::option::of("(?s).{0,300}"),
        ) {
            let report = Report { lines: vec![line(Level::Warn, &found, remedy.as_deref())] };
            let text = report.text();
            for row in text.lines() {
                prop_assert!(row.len() <= 78, "{row:?}");
                prop_assert!(row.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{row:?}");
            }
            let graphic = |s: &str| s.chars().filter(|c| !c.is_whitespace()).count();
            let remedy = remedy.as_deref().map_or(0, graphic);
            prop_assert_eq!(graphic(&text), graphic("WARNnetwork") + graphic(&found) + remedy);
        }
    }
}
