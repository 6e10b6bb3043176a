//! A machine that notes what is asked of it, and people who answer page by page.

use std::io;
use std::path::{Path, PathBuf};

use crate::assign::Desk;
use crate::digest::Digest;
use crate::edge::block::boot::BootMedium;
use crate::edge::block::{Disk, Found, MountError, Number, Usb};
use crate::edge::facts::tests::sound;
use crate::edge::{Terminal, TerminalError};
use crate::live::{Ended, Host, Image, Live, Loaded, Look};
use crate::screen::{Answer, Page, Question, Reply, SecretPage, layout};
use crate::version::BUILD_TIME;

/// The hash of the list of files.
pub fn list() -> Digest {
    Digest::of(b"the list")
}

/// All is as it should be.
pub fn look() -> Look {
    Look {
        kernel: "6.1.0-1-amd64".to_string(),
        debug: false,
        image: Image::Found {
            device: "sdz".to_string(),
            medium: BootMedium {
                whole: true,
                image: Digest::of(b"image"),
                ram: list(),
            },
        },
        loaded: Loaded::Good {
            files: 312,
            list: list(),
        },
        drivers_closed: true,
        secure_boot: Some(true),
        facts: sound(BUILD_TIME + 60),
        sticks: Vec::new(),
        tokens: Ok(vec![10_000_001]),
        printers: vec!["/dev/lp0".to_string()],
        notes: Vec::new(),
    }
}

pub struct Machine {
    pub look: Look,
    pub layouts: Vec<String>,
    pub files: Vec<String>,
    pub heard: String,
    /// What was asked of it, in order.
    pub done: Vec<String>,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            look: look(),
            layouts: Vec::new(),
            files: Vec::new(),
            heard: String::new(),
            done: Vec::new(),
        }
    }
}

impl Machine {
    pub fn plug(&mut self, serial: &str, minor: u32) {
        let disk = Disk {
            name: format!("sd{}", char::from(b'b' + minor as u8)),
            number: Number { major: 8, minor },
            sequence: 1,
            vendor: "Vendor".to_string(),
            model: serial.to_string(),
            usb: Some(Usb {
                product: "0781:5567".to_string(),
                serial: Some(format!(
                    "{serial}{}",
                    if serial.len() > 9 {
                        minor.to_string()
                    } else {
                        String::new()
                    }
                )),
            }),
            bytes: 8_000_000_000,
            removable: true,
            read_only: false,
            in_use: false,
            partitions: Vec::new(),
        };
        let fit = disk.fit();
        self.look.sticks.push(Found { disk, fit });
    }

    pub fn file(&mut self, path: &str) {
        self.files.push(path.to_string());
    }

    fn below(&self, folder: &Path) -> Vec<(String, bool)> {
        let inside = |path: &String| {
            let path = Path::new("/desk").join(path);
            let rest = path.strip_prefix(folder).ok()?.to_path_buf();
            let mut parts = rest.iter();
            let first = parts.next()?.to_string_lossy().into_owned();
            Some((first, parts.next().is_some()))
        };
        let mut all: Vec<(String, bool)> = self.files.iter().filter_map(inside).collect();
        all.sort();
        all.dedup();
        all
    }
}

impl Host for Machine {
    fn look(&mut self) -> Look {
        let Look {
            image,
            loaded,
            facts,
            ..
        } = &self.look;
        Look {
            kernel: self.look.kernel.clone(),
            image: image.clone(),
            loaded: loaded.clone(),
            facts: facts.clone(),
            sticks: self.look.sticks.clone(),
            tokens: self.look.tokens.clone(),
            printers: self.look.printers.clone(),
            notes: self.look.notes.clone(),
            ..self.look
        }
    }

    fn layouts(&mut self) -> Vec<String> {
        self.layouts.clone()
    }

    fn set_layout(&mut self, name: &str) -> Result<(), MountError> {
        self.done.push(format!("layout {name}"));
        Ok(())
    }

    fn sticks(&mut self) -> Vec<Found> {
        self.look.sticks.clone()
    }

    fn printers(&mut self) -> Vec<String> {
        self.look.printers.clone()
    }

    fn mount(&mut self, stick: &Found) -> Result<PathBuf, MountError> {
        let id = stick.fit.as_ref().expect("only such are offered");
        self.done.push(format!("mount {}", id.serial()));
        Ok("/desk".into())
    }

    fn clear(&mut self) -> Result<(), MountError> {
        self.done.push("clear".to_string());
        Ok(())
    }

    fn files(&mut self, folder: &Path) -> Vec<String> {
        let all = self.below(folder).into_iter();
        all.filter_map(|(name, is_folder)| (!is_folder).then_some(name))
            .collect()
    }

    fn folders(&mut self, folder: &Path) -> Vec<String> {
        let all = self.below(folder).into_iter();
        all.filter_map(|(name, is_folder)| is_folder.then_some(name))
            .collect()
    }

    fn fetch(&mut self, file: &Path) -> io::Result<PathBuf> {
        self.done.push(format!("fetch {}", file.display()));
        Ok(Path::new("/copy").join(file.file_name().expect("a file")))
    }

    fn run(&mut self, arguments: &[String]) -> io::Result<Ended> {
        self.done.push(format!("run {}", arguments.join(" ")));
        Ok(Ended::Code(0))
    }

    fn hear(&mut self, arguments: &[String]) -> io::Result<(Ended, String)> {
        self.done.push(format!("hear {}", arguments.join(" ")));
        Ok((Ended::Code(0), self.heard.clone()))
    }

    fn power_off(&mut self) -> Result<(), MountError> {
        self.done.push("off".to_string());
        Ok(())
    }
}

/// Answers each question with the next answer, which names the page it belongs to. A choice is
/// answered by its word.
struct People<'p> {
    answers: &'p [(&'p str, &'p str)],
    at: usize,
    title: String,
    said: String,
    pages: Vec<Vec<String>>,
}

impl Terminal for People<'_> {
    fn page(&mut self, page: &Page) -> Result<(), TerminalError> {
        let lines = layout::page(page);
        self.title = page.title.clone();
        self.said.push_str(&format!("{}\n", lines.join("\n")));
        self.pages.push(lines);
        Ok(())
    }

    fn say(&mut self, line: &str) -> Result<(), TerminalError> {
        self.said.push_str(&format!("{line}\n"));
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, TerminalError> {
        let (title, answer) = self.answers.get(self.at).unwrap_or_else(|| {
            panic!(
                "nobody answers {} on {}\n{}",
                question.prompt, self.title, self.said
            )
        });
        assert!(
            self.title.starts_with(title),
            "{title:?} was expected, {:?} came: {}\n{}",
            self.title,
            question.prompt,
            self.said
        );
        self.at += 1;
        if *answer == "!" {
            return Ok(Reply::Exception);
        }
        if let Answer::Choice(choices) = &question.answer {
            let at = choices.iter().position(|(word, _)| word == answer);
            let at = at.unwrap_or_else(|| panic!("{answer} is none of {choices:?}"));
            return Ok(Reply::Line((at + 1).to_string()));
        }
        Ok(Reply::Line(answer.to_string()))
    }

    fn secret(&mut self, _: &SecretPage<'_>) -> Result<Reply, TerminalError> {
        unreachable!("no secret is shown here")
    }

    fn work(&mut self, _: &str) -> Result<(), TerminalError> {
        Ok(())
    }

    fn work_done(&mut self) -> Result<(), TerminalError> {
        Ok(())
    }
}

/// Everything that was on the screen, and the pages, when all answers were given.
pub fn played(machine: &mut Machine, answers: &[(&str, &str)]) -> (String, Vec<Vec<String>>) {
    let mut people = People {
        answers,
        at: 0,
        title: String::new(),
        said: String::new(),
        pages: Vec::new(),
    };
    machine.done.clear();
    let desk = Desk::before(&mut people, "ceremony");
    Live::new(desk, machine).run().expect("it ends by itself");
    assert_eq!(people.at, answers.len(), "all was asked:\n{}", people.said);
    (people.said, people.pages)
}
