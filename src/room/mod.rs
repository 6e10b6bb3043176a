//! The room: the two operators at the machine, with all that a step may use.
//!
//! A step shows pages and asks through it, records events, stores files. Deviations are
//! handled here, so that no step can be talked into leaving something out: an exception is
//! recorded and signed, and then the same question is asked again.

mod authorise;
mod exception;
mod printing;
mod stop;
mod storage;

pub use printing::{ATTEMPTS as PRINTING_ATTEMPTS, Printing};
pub use stop::Stop;
pub use storage::SECRET_MEDIA;

use crate::edge::{Edge, Meter, Vessel, test_only};
use crate::engine::State;
use crate::journal::{Happening, Journal, Moment};
use crate::openpgp::{SecretKey, UnixTime};
use crate::operator::Signatory;
use crate::plan::{Operator, Plan};
use crate::qr::Qr;
use crate::record::event::Event;
use crate::record::value::{Actors, Decision, Mode};
use crate::role::Role;
use crate::screen::{Answer, Asks, Page, Place, Question, Reply, SecretPage, Who, layout};
use crate::secret::{SecretBytes, SecretText};
use crate::site::Site;

/// Live secrets. In memory only; empty after a resume.
#[derive(Default)]
pub struct Vault {
    /// The key under ceremony.
    pub key: Option<SecretKey>,
    /// Its revocation certificate, armored.
    pub revocation: Option<SecretBytes>,
    /// The custodians' shares, in the plan's order.
    pub shares: Vec<Share>,
}

impl Vault {
    /// Drops, and thereby zeroizes, everything.
    pub fn clear(&mut self) {
        *self = Vault::default();
    }
}

/// A custodian's share, whole.
pub struct Share {
    /// Whose.
    pub custodian: crate::backup::quorum::Custodian,
    /// 12 words, or 24 where the custodian is absent.
    pub words: SecretText,
}

/// What a plan that opens a message works on.
pub struct Opening<'a> {
    /// The message, and where its content goes.
    pub vessel: &'a mut dyn Vessel,
    /// The ceremony whose backup has the key.
    pub backup: String,
    /// The medium with that backup.
    pub medium: Role,
    /// When the record beside that backup ends, if one is there: no clock stands before it.
    pub not_before: Option<UnixTime>,
}

/// An exception that happened where it could not be recorded at once.
struct Owed {
    expected: String,
    happened: String,
    decided: Decision,
}

/// See the module.
pub struct Room<'a> {
    /// The world.
    pub edge: Edge<'a>,
    /// The local facts.
    pub site: &'a Site,
    /// The record.
    pub journal: Journal,
    /// Live secrets.
    pub vault: Vault,
    /// The operators, once they are known.
    pub operators: [Option<Box<dyn Signatory>>; 2],
    /// Ceremony or rehearsal.
    pub mode: Mode,
    /// The ceremony's id.
    pub id: String,
    /// The message that is opened, where the plan opens one.
    pub opening: Option<Opening<'a>>,
    /// The printer, where there is one.
    pub printing: Option<Printing>,
    /// Where a ceremony that goes on stands, until its record is taken over.
    pub resuming_at: Option<Place>,
    /// Both operators confirmed the clock since the program was started.
    pub clock_confirmed: bool,
    owed: Vec<Owed>,
    /// The page that stands on the screen.
    shown: Option<Page>,
}

/// The armor comment of a rehearsal.
pub const REHEARSAL: &str = "REHEARSAL";

impl<'a> Room<'a> {
    /// A room with nobody known in it yet.
    pub fn new(edge: Edge<'a>, site: &'a Site, journal: Journal, mode: Mode, id: &str) -> Room<'a> {
        Room {
            edge,
            site,
            journal,
            vault: Vault::default(),
            operators: [None, None],
            mode,
            id: id.to_string(),
            opening: None,
            printing: None,
            resuming_at: None,
            clock_confirmed: false,
            owed: Vec::new(),
            shown: None,
        }
    }

    /// The plan that is followed.
    pub fn plan(&self) -> &Plan {
        self.journal.plan()
    }

    /// The fold over what was recorded.
    pub fn state(&self) -> &State {
        self.journal.state()
    }

    /// `REHEARSAL` where it is one: stands in every armor header.
    pub fn comment(&self) -> Option<&'static str> {
        (self.mode == Mode::Rehearsal).then_some(REHEARSAL)
    }

    /// An operator, once roll call was held.
    pub fn operator(&self, operator: Operator) -> Option<&dyn Signatory> {
        self.operators[operator.index()].as_deref()
    }

    /// UTC now, never before the last entry.
    pub fn now(&self) -> UnixTime {
        self.edge.system.now().max(self.journal.last_time())
    }

    fn moment(&self) -> Moment {
        Moment {
            time: self.now(),
            uptime: self.edge.system.uptime(),
        }
    }

    /// Records an event without a detail file. It is on both operators' media on return.
    pub fn record(&mut self, event: Event, actors: Actors) -> Result<(), Stop> {
        self.settle_owed()?;
        self.record_now(Happening {
            event,
            actors,
            detail: None,
        })
    }

    /// Records an event with a detail file; a nonce makes its hash say nothing about its text.
    pub fn record_with(&mut self, event: Event, actors: Actors, text: &str) -> Result<(), Stop> {
        self.settle_owed()?;
        let detail = Some(self.detail(text)?);
        self.record_now(Happening {
            event,
            actors,
            detail,
        })
    }

    /// Records the entry that closes the record; it follows its checkpoint at once.
    pub fn close_with(&mut self, event: Event, actors: Actors) -> Result<(), Stop> {
        self.record_now(Happening {
            event,
            actors,
            detail: None,
        })
    }

    /// Records that the ceremony goes on, before anything that is still owed.
    pub fn record_resumed(&mut self, event: Event, actors: Actors, text: &str) -> Result<(), Stop> {
        let detail = Some(self.detail(text)?);
        self.record_now(Happening {
            event,
            actors,
            detail,
        })
    }

    /// Brings both copies of the record up to date with files that no entry names.
    pub fn save(&mut self) -> Result<(), Stop> {
        self.flush()
    }

    /// Brings a decision to abort onto the record, whatever it interrupted.
    pub fn record_abort(&mut self) -> Result<(), Stop> {
        self.refuse_pending()?;
        match self.settle_owed() {
            Err(Stop::Aborting) | Ok(()) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    fn detail(&mut self, text: &str) -> Result<String, Stop> {
        let mut nonce = [0; 32];
        self.edge.system.random(&mut nonce)?;
        let end = if text.ends_with('\n') { "" } else { "\n" };
        Ok(format!(
            "{}\n{text}{end}",
            data_encoding::HEXLOWER.encode(&nonce)
        ))
    }

    fn record_now(&mut self, what: Happening) -> Result<(), Stop> {
        let (moment, name) = (self.moment(), what.event.name());
        self.journal.append(moment, what)?;
        self.flush()?;
        test_only::stop_at(name);
        Ok(())
    }

    /// Where the ceremony stands, for the header of a page.
    pub fn place(&self) -> Place {
        let begun = self.state().entries > 0;
        let resuming = self.resuming_at.clone().filter(|_| !begun);
        resuming.unwrap_or_else(|| self.place_at(self.state().cursor()))
    }

    /// The same, as if the step with this index were current.
    pub fn place_at(&self, step: usize) -> Place {
        let plan = self.plan();
        let step = step.min(plan.step_count().saturating_sub(1));
        let phase = &plan.phases[plan.phase_of(step)];
        let begun = self.state().entries > 0;
        Place {
            plan: plan.title.clone(),
            step: if begun { step + 1 } else { 0 },
            steps: plan.step_count(),
            phase: format!("{} {}", phase.id, phase.title),
            minutes_left: plan.minutes_left(step),
            rehearsal: self.mode == Mode::Rehearsal,
        }
    }

    /// Shows a code for a camera, on a page of its own, until somebody goes on.
    pub fn code(&mut self, title: &str, payload: &str) -> Result<(), Stop> {
        // What does not fit into a code was shown in words; nothing depends on it.
        let Ok(code) = Qr::encode(payload.as_bytes()) else {
            return Ok(());
        };
        let picture = match self.edge.terminal.draws_blocks() {
            true => code.half_blocks(),
            false => code.hashes_on_dark(),
        };
        self.page(Who::Both, title, picture)?;
        self.done(Who::Both, Asks::Done, "Press Enter to go on")
    }

    /// Shows a page.
    pub fn page(&mut self, who: Who, title: &str, body: Vec<String>) -> Result<(), Stop> {
        self.page_at(self.place(), who, title, body)
    }

    /// Shows a page of another place than the current one.
    pub fn page_at(
        &mut self,
        place: Place,
        who: Who,
        title: &str,
        body: Vec<String>,
    ) -> Result<(), Stop> {
        let title = title.to_string();
        let page = Page {
            place,
            who,
            title,
            body,
        };
        self.show(page)
    }

    fn show(&mut self, page: Page) -> Result<(), Stop> {
        self.edge.terminal.page(&page)?;
        self.shown = Some(page);
        Ok(())
    }

    /// One more line below the page.
    pub fn say(&mut self, line: &str) -> Result<(), Stop> {
        for line in layout::wrap(line) {
            self.edge.terminal.say(&line)?;
        }
        Ok(())
    }

    /// Asks until there is an answer. `!` records an exception; then the same page and question
    /// stand again.
    pub fn ask(&mut self, question: &Question) -> Result<Reply, Stop> {
        loop {
            match self.edge.terminal.ask(question)? {
                Reply::Exception => {
                    let page = self.shown.clone();
                    self.exception()?;
                    page.map_or(Ok(()), |page| self.show(page))?;
                }
                reply => return Ok(reply),
            }
        }
    }

    /// Asks for a visible line.
    pub fn ask_line(&mut self, who: Who, asks: Asks, prompt: &str) -> Result<String, Stop> {
        let prompt = prompt.to_string();
        let question = Question {
            who,
            asks,
            prompt,
            answer: Answer::Line,
        };
        loop {
            if let Reply::Line(line) = self.ask(&question)? {
                return Ok(line.trim().to_string());
            }
        }
    }

    /// Asks for a line that is not shown.
    pub fn ask_hidden(&mut self, who: Who, asks: Asks, prompt: &str) -> Result<SecretText, Stop> {
        let prompt = prompt.to_string();
        let question = Question {
            who,
            asks,
            prompt,
            answer: Answer::Hidden,
        };
        loop {
            if let Reply::Secret(secret) = self.ask(&question)? {
                return Ok(secret);
            }
        }
    }

    /// One person says that they are done with what the page asks.
    pub fn done(&mut self, who: Who, asks: Asks, prompt: &str) -> Result<(), Stop> {
        let prompt = prompt.to_string();
        self.ask(&Question {
            who,
            asks,
            prompt,
            answer: Answer::Enter,
        })?;
        Ok(())
    }

    /// Each operator answers for themselves, by typing their own letter.
    pub fn each_agrees(&mut self, what: &str, asks: impl Fn(Operator) -> Asks) -> Result<(), Stop> {
        for operator in Operator::ALL {
            self.one_agrees(operator, what, asks(operator))?;
        }
        Ok(())
    }

    /// One operator answers by typing their own letter. Nothing else goes on.
    pub fn one_agrees(&mut self, operator: Operator, what: &str, asks: Asks) -> Result<(), Stop> {
        let prompt = format!("Operator {operator}: {what}? Type your letter, {operator}");
        let who = Who::Operator(operator);
        loop {
            let typed = self.ask_line(who, asks.clone(), &prompt)?;
            if typed.eq_ignore_ascii_case(&operator.to_string()) {
                return Ok(());
            }
            self.say("Only that letter goes on. If it is not so, type ! instead.")?;
        }
    }

    /// Shows a secret page. It is erased on return.
    pub fn secret(&mut self, page: &SecretPage<'_>) -> Result<(), Stop> {
        loop {
            match self.edge.terminal.secret(page)? {
                Reply::Exception => self.exception()?,
                _ => return Ok(()),
            }
        }
    }

    /// Does work that may take longer than a second, and says so on the screen.
    pub fn work<T>(&mut self, label: &str, work: impl FnOnce(&mut Self) -> T) -> Result<T, Stop> {
        self.edge.terminal.work(label)?;
        let done = work(self);
        self.edge.terminal.work_done()?;
        Ok(done)
    }

    /// The same, where it is known how many bytes there are.
    pub fn metered<T>(
        &mut self,
        label: &str,
        total: u64,
        work: impl FnOnce(&mut Self, Meter) -> T,
    ) -> Result<T, Stop> {
        let meter = self.edge.terminal.meter(label, total)?;
        let done = work(self, meter);
        self.edge.terminal.work_done()?;
        Ok(done)
    }

    /// The message that the plan opens.
    pub fn opening(&mut self) -> &mut Opening<'a> {
        self.opening
            .as_mut()
            .expect("whoever holds a plan that opens a message brings one")
    }
}
