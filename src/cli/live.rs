//! `ceremony live`: what the live image starts.

use super::{CliError, place};
use crate::assign::Desk;
use crate::edge::console::Console;
use crate::edge::{files, live, test_only};
use crate::error::{Exit, Failure};
use crate::live::Live;
use crate::version;

/// The first screen, the keyboard, the menu; ends when the machine is being switched off.
pub(super) fn run() -> Result<Exit, Failure> {
    if !files::at_terminal() {
        return Err(CliError::NoTerminal.into());
    }
    let work = place::work_folder();
    let mut console = Console::open()?;
    let mut machine = live::Machine::new(test_only::root(), work, place::tokens(false));
    let title = format!("ceremony {}", version::VERSION);
    let desk = Desk::before(&mut console, &title);
    Live::new(desk, &mut machine).run()?;
    Ok(Exit::Good)
}
