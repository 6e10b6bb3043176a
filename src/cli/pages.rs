//! `ceremony man` and `ceremony completions`.

use std::path::PathBuf;

use clap::{Args, Command, ValueEnum};

use super::{check, place};
use crate::error::{Exit, Failure};

/// `ceremony man`.
#[derive(Args)]
pub(super) struct Man {
    /// Writes ceremony.1 and one page for each command into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, command: Command) -> Result<Exit, Failure> {
        let Some(folder) = self.out else {
            check::print(&String::from_utf8_lossy(&render(&command)))?;
            return Ok(Exit::Good);
        };
        write(&folder, "ceremony.1", &render(&command))?;
        for sub in command.get_subcommands() {
            let name = format!("ceremony-{}", sub.get_name());
            let page = render(&sub.clone().name(name.clone()).bin_name(name.clone()));
            write(&folder, &format!("{name}.1"), &page)?;
        }
        Ok(Exit::Good)
    }
}

fn render(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .expect("writing to memory does not fail");
    page
}

fn write(folder: &std::path::Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    Ok(place::write_new(&folder.join(name), bytes)?)
}

/// `ceremony completions SHELL`.
#[derive(Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

/// The shells that there are completions for.
#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

impl Completions {
    pub(super) fn run(self, mut command: Command) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Fish => clap_complete::Shell::Fish,
            Shell::Zsh => clap_complete::Shell::Zsh,
        };
        let mut out = Vec::new();
        clap_complete::generate(shell, &mut command, "ceremony", &mut out);
        check::print(&String::from_utf8_lossy(&out))?;
        Ok(Exit::Good)
    }
}
