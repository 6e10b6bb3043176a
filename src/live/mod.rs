//! What the live image shows between its start and its end: whether the image is whole and the
//! machine fit, the keyboard, and the menu. Every task is a program of its own ([`Host::run`]), so
//! that nothing of one is in the memory of the next.

mod check;
mod host;
mod keyboard;
mod stick;
mod tasks;

pub use check::{Image, Loaded, Look, image_report, machine_report};
pub use host::{Ended, Host};

use crate::assign::{AssignError, Desk};
use crate::edge::block::StickId;
use crate::screen::{Asks, layout};
use crate::words::pgp;

pub(crate) type Done<T> = Result<T, AssignError>;

/// See the module.
pub struct Live<'l> {
    desk: Desk<'l>,
    host: &'l mut dyn Host,
    /// The boot stick, if it was plugged in when it was last looked: no other use is offered.
    boot: Option<StickId>,
}

/// What can be done from the menu, in its order. On the screen each begins with its word.
const TASKS: &[(&str, &str)] = &[
    ("rehearse", "a whole ceremony of which nothing is kept"),
    ("run", "hold a ceremony"),
    ("resume", "go on with one that paused or was interrupted"),
    ("open", "open a sealed message"),
    ("verify", "check a record"),
    ("phone", "confirm a key by telephone, as its verifier"),
    ("look", "check the image and this machine again"),
    ("off", "switch the machine off"),
];

impl<'l> Live<'l> {
    /// At this terminal, on this machine.
    pub fn new(desk: Desk<'l>, host: &'l mut dyn Host) -> Live<'l> {
        Live {
            desk,
            host,
            boot: None,
        }
    }

    /// From the first screen to the end; comes back when the machine is being switched off.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn run(mut self) -> Done<()> {
        at_home(self.look())?;
        at_home(self.keyboard())?;
        loop {
            if let Some(true) = at_home(self.menu())? {
                return Ok(());
            }
        }
    }

    /// The image and the machine, a page each unless much is wrong.
    fn look(&mut self) -> Done<()> {
        self.desk.work("Looking at the image and this machine")?;
        let look = self.host.look();
        self.desk.work_done()?;
        self.boot = look.boot_stick();
        self.pages("The image", &image_page(&look))?;
        self.pages("This machine", &report_lines(&machine_report(&look)))
    }

    /// Whether the machine is being switched off.
    fn menu(&mut self) -> Done<bool> {
        let body = layout::paragraphs(&[
            "Try a rehearsal first: it is a whole ceremony, with real cryptography. For a \
             ceremony have the sticks, the labels and the checklist ready.",
        ]);
        self.desk.page("What do you want to do?", body)?;
        let choices = TASKS
            .iter()
            .map(|(word, text)| (*word, format!("{word:<10}{text}")));
        let chosen = self
            .desk
            .choose(Asks::Decide, "Your choice", choices.collect())?;
        match chosen {
            "rehearse" => self.rehearse()?,
            "run" => self.hold()?,
            "resume" => self.resume()?,
            "open" => self.open()?,
            "verify" => self.verify()?,
            "phone" => self.phone()?,
            "look" => self.look()?,
            _ => return self.off(),
        }
        Ok(false)
    }

    fn off(&mut self) -> Done<bool> {
        let body = layout::paragraphs(&[
            "All sticks are unmounted, and what is in memory is overwritten. Rehearsals that were \
             held in memory are gone.",
            "When the machine is off: pull the sticks out, and take every sheet and card with you.",
        ]);
        self.desk.page("Switch off now?", body)?;
        let choices = vec![
            ("off", "off       switch off".to_string()),
            ("back", "back      go back".to_string()),
        ];
        if self.desk.choose(Asks::Decide, "Your choice", choices)? == "back" {
            return Ok(false);
        }
        self.desk.say("Switching off.")?;
        match self.host.power_off() {
            Ok(()) => Ok(true),
            Err(error) => {
                self.failed(&error)?;
                Ok(false)
            }
        }
    }

    /// Something did not work; nothing is lost by it.
    fn failed(&mut self, error: &dyn crate::error::Explain) -> Done<()> {
        self.desk.say(&format!("{error}. {}", error.remedy()))?;
        self.desk.enter(Asks::Done, "Press Enter to go on")
    }
}

/// As many lines as a page can have below its title, with a prompt below them.
const MOST_LINES: usize = 18;

/// Leaving a question leads back to the menu.
fn at_home<T>(done: Done<T>) -> Done<Option<T>> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(AssignError::Left) => Ok(None),
        Err(error) => Err(error),
    }
}

fn report_lines(report: &crate::preflight::Report) -> Vec<String> {
    report.text().lines().map(str::to_string).collect()
}

fn image_page(look: &Look) -> Vec<String> {
    let mut body = report_lines(&image_report(look));
    let Image::Found { medium, .. } = &look.image else {
        return body;
    };
    if !medium.whole {
        return body;
    }
    body.extend(layout::wrap(
        "Words of the image's SHA-256. Compare with your paper:",
    ));
    for (row, words) in pgp::rows(medium.image.bytes()).iter().enumerate() {
        let words = words.iter().map(|word| format!("{word:<11}"));
        let words: String = words.collect::<Vec<_>>().join(" ");
        body.push(format!(" {:>2}  {}", row * 4 + 1, words.trim_end()));
    }
    body.extend(layout::wrap(
        "The boot stick may be removed now. All that is needed is in memory.",
    ));
    body
}

#[cfg(test)]
mod tests;
