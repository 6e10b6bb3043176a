//! The start menu, for those who were told "type ceremony".

use std::path::PathBuf;

use super::{CliError, check, place, rehearse};
use crate::edge::Terminal;
use crate::edge::console::Console;
use crate::edge::files;
use crate::edge::system::{RealSystem, System};
use crate::error::{Exit, Failure};
use crate::record::time;
use crate::screen::{Answer, Asks, Page, Place, Question, Reply, Who, layout};

/// Shows what can be done here, and begins what needs no further arguments.
pub(super) fn run() -> Result<Exit, Failure> {
    if !files::at_terminal() {
        return Err(CliError::NoTerminal.into());
    }
    let mut console = Console::open()?;
    let mut body = layout::paragraphs(&[
        "This program walks two people through making a key under dual control. Try a \
         rehearsal first: it is a whole ceremony, in folders, and changes nothing.",
    ]);
    body.push(String::new());
    body.extend(
        [
            "A real ceremony, at a machine without a network:",
            "    ceremony run backup-key --site FILE --medium ROLE=PATH ...",
            "Going on after an interruption:   ceremony resume RECORD",
            "Opening a sealed message:         ceremony open FILE -o OUT",
            "Checking a record:                ceremony verify RECORD",
            "Everything else:                  ceremony --help",
        ]
        .map(str::to_string),
    );
    let title = "What do you want to do?".to_string();
    let place = Place {
        plan: "ceremony".to_string(),
        ..Place::default()
    };
    console.page(&Page {
        place,
        who: Who::Both,
        title,
        body,
    })?;
    let choices = vec![
        (
            "rehearse",
            "rehearse making a backup key, by hand".to_string(),
        ),
        ("leave", "leave".to_string()),
    ];
    let question = Question {
        who: Who::Both,
        asks: Asks::Decide,
        prompt: "Your choice".to_string(),
        answer: Answer::Choice(choices),
    };
    match console.ask(&question)? {
        Reply::Line(typed) if typed.trim() == "1" => {
            let mut system = RealSystem::new(place::work_folder());
            let stamp = time::format(system.now()).replace([':', '-'], "");
            let out = PathBuf::from(format!("rehearsal-{stamp}"));
            rehearse::rehearse(&place::plan("backup-key")?, &out, None, &mut system, None)
        }
        _ => {
            check::print("Nothing was done.\n")?;
            Ok(Exit::Good)
        }
    }
}
