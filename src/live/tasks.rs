//! The menu's tasks: each asks what it needs, then another program of its own does it.

use std::path::{Path, PathBuf};

use super::{Done, Ended, Live, MOST_LINES};
use crate::plan;
use crate::screen::{Asks, layout};

/// A site's file on a stick.
const SITE: &str = "site.toml";

impl Live<'_> {
    pub(super) fn rehearse(&mut self) -> Done<()> {
        let Some(plan) = self.plan()? else {
            return Ok(());
        };
        let body = layout::paragraphs(&[
            "By hand: the two of you do everything that a ceremony asks for. Its media are folders \
             in memory, which are gone when the machine is switched off.",
            "Watch: the program plays all persons, to show how it goes.",
        ]);
        self.desk.page("Which kind of rehearsal?", body)?;
        let choices = vec![
            ("hand", "hand      by hand".to_string()),
            ("watch", "watch     watch it".to_string()),
        ];
        let prints = has_sheets(&plan);
        let mut arguments = vec!["rehearse".to_string(), plan];
        if self.desk.choose(Asks::Decide, "Your choice", choices)? == "watch" {
            arguments.push("--auto".to_string());
        } else if prints {
            self.printer(&mut arguments)?;
        }
        self.start(&arguments)
    }

    pub(super) fn hold(&mut self) -> Done<()> {
        let Some(plan) = self.plan()? else {
            return Ok(());
        };
        let prints = has_sheets(&plan);
        let mut arguments = vec!["run".to_string(), plan, "--sticks".to_string()];
        if self.site(&mut arguments, prints)? {
            self.start(&arguments)?;
        }
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Done<()> {
        let mut arguments = vec!["resume".to_string(), "--sticks".to_string()];
        if self.site(&mut arguments, true)? {
            self.start(&arguments)?;
        }
        Ok(())
    }

    /// The message, and the file for its content, are on the same stick.
    pub(super) fn open(&mut self) -> Done<()> {
        let mut arguments = Vec::new();
        if !self.site(&mut arguments, false)? {
            return Ok(());
        }
        let what = "The stick with the sealed message. What is opened is written beside it, as \
                    plain text: think of where this stick goes afterwards.";
        let Some(stick) = self.stick(what)? else {
            return Ok(());
        };
        let opened = self.open_from(&stick, arguments);
        self.put_away()?;
        opened
    }

    fn open_from(&mut self, stick: &Path, more: Vec<String>) -> Done<()> {
        let is_message = |name: &str| {
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            ["pgp", "gpg", "asc"].contains(&ending.to_ascii_lowercase().as_str())
        };
        let Some(message) = self.file(stick, "message", is_message)? else {
            return Ok(());
        };
        let mut opened = message.clone().into_os_string();
        opened.push(".opened");
        let mut arguments = vec!["open".to_string(), text(&message)];
        arguments.extend(["-o".to_string(), text(Path::new(&opened))]);
        arguments.push("--sticks".to_string());
        let prompt = "Id of an opening that was interrupted, to go on with it; Enter: a new one";
        let id = self.desk.line(Asks::Decide, prompt)?;
        if !id.is_empty() {
            arguments.extend(["--resume".to_string(), id]);
        }
        arguments.extend(more);
        self.start(&arguments)
    }

    pub(super) fn verify(&mut self) -> Done<()> {
        let Some(stick) = self.stick("A stick with the record of a ceremony.")? else {
            return Ok(());
        };
        let heard = self.verify_from(&stick);
        self.put_away()?;
        match heard? {
            Some(verdict) => {
                let lines: Vec<String> = verdict.lines().flat_map(fitted).collect();
                self.pages("The verdict", &lines)
            }
            None => Ok(()),
        }
    }

    fn verify_from(&mut self, stick: &Path) -> Done<Option<String>> {
        let with_record = |live: &mut Self, folder: &String| {
            let record = stick.join(folder).join("record");
            live.host
                .files(&record)
                .contains(&"transcript.txt".to_string())
        };
        let mut folders = self.host.folders(stick);
        folders.retain(|folder| with_record(self, folder));
        let Some(chosen) = self.named("record", &folders)? else {
            return Ok(None);
        };
        let mut arguments = vec!["verify".to_string(), text(&stick.join(&folders[chosen]))];
        for operator in ["a", "b"] {
            let prompt = format!(
                "Operator {}'s fingerprint, from their own notes; Enter: not compared",
                operator.to_ascii_uppercase()
            );
            let typed = self.desk.line(Asks::Decide, &prompt)?;
            if !typed.is_empty() {
                arguments.push(format!("--operator-{operator}={typed}"));
            }
        }
        self.desk.work("Checking the record")?;
        let heard = self.host.hear(&arguments);
        self.desk.work_done()?;
        match heard {
            Ok((_, said)) => Ok(Some(said)),
            Err(error) => {
                self.not_started(&error)?;
                Ok(None)
            }
        }
    }

    pub(super) fn phone(&mut self) -> Done<()> {
        let what = "The stick that came from the ceremony (handover). The pin is written to it.";
        let Some(stick) = self.stick(what)? else {
            return Ok(());
        };
        let done = self.phone_from(&stick);
        self.put_away()?;
        done
    }

    fn phone_from(&mut self, stick: &Path) -> Done<()> {
        let delivered = |live: &mut Self, folder: &String| {
            let files = live.host.files(&stick.join(folder));
            files.contains(&"certificate.asc".to_string())
        };
        let mut folders = self.host.folders(stick);
        folders.retain(|folder| delivered(self, folder));
        let Some(chosen) = self.named("delivery", &folders)? else {
            return Ok(());
        };
        let folder = &folders[chosen];
        self.start(&[
            "confirm".to_string(),
            text(&stick.join(folder).join("certificate.asc")),
            "-o".to_string(),
            text(&stick.join(format!("{folder}.pin"))),
        ])
    }

    /// A carried plan's name, or a file in memory.
    fn plan(&mut self) -> Done<Option<String>> {
        let body = layout::paragraphs(&[
            "Both operators know the plan: its checklist is on paper before you. A plan of your own \
             is read from a stick.",
        ]);
        self.desk.page("Which ceremony?", body)?;
        let named = plan::carried().iter().filter_map(|carried| {
            let plan = plan::load_carried(carried.name)?.ok()?;
            let shown = format!("{:<16}{}", carried.name, plan.title);
            (!plan.opens_a_message()).then_some((carried.name, shown))
        });
        let mut choices: Vec<(&'static str, String)> = named.collect();
        choices.push(("stick", "a plan from a stick".to_string()));
        match self.desk.choose(Asks::Decide, "Your choice", choices)? {
            "stick" => self.fetched("plan", |name| name.ends_with(".toml") && name != SITE),
            name => Ok(Some(name.to_string())),
        }
    }

    /// Adds `--site FILE` if there is one; whether to go on. Without it a printer is asked for.
    fn site(&mut self, arguments: &mut Vec<String>, prints: bool) -> Done<bool> {
        let body = layout::paragraphs(&[
            "A file site.toml says who the operators are (their keys' fingerprints), where it is \
             held, the printer, and more. Without it the ceremony goes on, and asks.",
        ]);
        self.desk.page("Local facts", body)?;
        let choices = vec![
            ("none", "none".to_string()),
            ("stick", "from a stick".to_string()),
        ];
        if self.desk.choose(Asks::Decide, "Your choice", choices)? == "none" {
            if prints {
                self.printer(arguments)?;
            }
            return Ok(true);
        }
        let is_site = |name: &str| name == SITE || name.starts_with("site-");
        match self.fetched("file site.toml", |name| {
            is_site(name) && name.ends_with(".toml")
        })? {
            None => Ok(false),
            Some(file) => {
                arguments.extend(["--site".to_string(), file]);
                Ok(true)
            }
        }
    }

    /// Adds `--printer WHERE` if one is there, and is to be used.
    fn printer(&mut self, arguments: &mut Vec<String>) -> Done<()> {
        let printers = self.host.printers();
        let Some(first) = printers.first() else {
            return Ok(());
        };
        let body = layout::paragraphs(&[
            "What is not secret can be printed: the fingerprint sheet for each of you, and the \
             encrypted backup as recovery sheets. Rows are typed back from the paper.",
            "Without a printer the same is on the media, as files.",
        ]);
        self.desk.page("A printer?", body)?;
        let choices = vec![
            ("none", "none      print nothing".to_string()),
            ("print", format!("print     at {}", places(&printers))),
        ];
        if self.desk.choose(Asks::Decide, "Your choice", choices)? == "none" {
            return Ok(());
        }
        let chosen = match printers.len() {
            1 => first,
            _ => &printers[self.number("Several places are there for a printer:", &printers)?],
        };
        arguments.extend(["--printer".to_string(), chosen.clone()]);
        Ok(())
    }

    /// A file from a stick, as a copy in memory; the stick is unmounted again.
    fn fetched(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> Done<Option<String>> {
        let Some(stick) = self.stick(&format!("A stick with the {what}."))? else {
            return Ok(None);
        };
        let file = self.file(&stick, what, fits);
        let copied = match &file {
            Ok(Some(file)) => Some(self.host.fetch(file)),
            _ => None,
        };
        self.put_away()?;
        file?;
        match copied {
            None => Ok(None),
            Some(Ok(copy)) => Ok(Some(text(&copy))),
            Some(Err(error)) => {
                self.desk
                    .say(&format!("The {what} cannot be read: {error}."))?;
                self.desk.enter(Asks::Done, "Press Enter to go back")?;
                Ok(None)
            }
        }
    }

    /// Has a task done on this terminal.
    fn start(&mut self, arguments: &[String]) -> Done<()> {
        match self.host.run(arguments) {
            Ok(Ended::Code(0)) => {}
            Ok(Ended::Code(code)) => self.desk.say(&format!("It ended with code {code}."))?,
            Ok(Ended::Killed) => self.desk.say(
                "The program was ended from outside. If a ceremony was being held, choose `resume` \
                 in the menu.",
            )?,
            Err(error) => return self.not_started(&error),
        }
        self.desk.enter(Asks::Done, "Press Enter for the menu")
    }

    fn not_started(&mut self, error: &std::io::Error) -> Done<()> {
        self.desk
            .say(&format!("The program could not be started: {error}."))?;
        self.desk.enter(Asks::Done, "Press Enter for the menu")
    }

    /// A long text, page by page.
    pub(super) fn pages(&mut self, title: &str, lines: &[String]) -> Done<()> {
        for part in lines.chunks(MOST_LINES) {
            self.desk.page(title, part.to_vec())?;
            self.desk.enter(Asks::Done, "Press Enter to go on")?;
        }
        Ok(())
    }
}

/// Whether the plan, a carried one's name or a file, has sheets: a file may.
fn has_sheets(plan: &str) -> bool {
    match plan::load_carried(plan) {
        Some(Ok(carried)) => carried.has_sheets(),
        _ => true,
    }
}

fn places(printers: &[String]) -> &str {
    match printers {
        [only] => only,
        _ => "one of several places",
    }
}

/// A line that is too long is broken, its indentation lost.
fn fitted(line: &str) -> Vec<String> {
    match line.chars().count() <= layout::LINE {
        true => vec![line.to_string()],
        false => layout::wrap(line),
    }
}

fn text(path: &Path) -> String {
    PathBuf::from(path).to_string_lossy().into_owned()
}
