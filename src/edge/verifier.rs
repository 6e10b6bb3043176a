//! The verifier of an automatic rehearsal: hears what the operators' page says, and answers.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where files and the clock are"
)]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};

use super::TerminalError;
use crate::confirm::Delivery;
use crate::digest::Fingerprint;
use crate::phone::canary::Canary;
use crate::phone::far::{FarCall, HeadStanding, Verdict};
use crate::pin::Pin;
use crate::screen::CallAsk;

/// What brings the handover medium to the verifier.
pub type Courier<'a> = Box<dyn FnMut() -> Option<Delivery> + 'a>;

/// See the module.
pub struct Verifier<'a> {
    courier: Courier<'a>,
    /// Where the pin goes; nowhere in some tests.
    folder: Option<PathBuf>,
    delivery: Option<Delivery>,
    call: Option<FarCall>,
    canaries: Vec<Canary>,
}

impl<'a> Verifier<'a> {
    /// A verifier to whom `courier` brings what was exported.
    pub fn new(courier: Courier<'a>, folder: Option<PathBuf>) -> Verifier<'a> {
        Verifier {
            courier,
            folder,
            delivery: None,
            call: None,
            canaries: Vec::new(),
        }
    }

    /// What is typed in the room after the verifier heard the page, with the head from the paper.
    pub(super) fn answer(&mut self, asks: &CallAsk, page: &[String], head: &str) -> String {
        let answered = match asks {
            CallAsk::FarSide => Some("program".to_string()),
            CallAsk::Nonce => self.begin(page, head),
            CallAsk::Rows(rows) => Some(self.hear(rows, page)),
            CallAsk::Canary(at) => self.canaries.get(*at).map(|canary| {
                let (row, word) = canary.row_and_word();
                format!("{row} {word} {}", canary.word.word())
            }),
            CallAsk::Places(places) => self.places(places),
            CallAsk::Result => self.result(page),
            CallAsk::Groups(numbers) => self.groups(numbers),
            CallAsk::SheetWord(..) => None,
        };
        answered.unwrap_or_else(|| "failed".to_string())
    }

    /// The delivery is looked at, the names are compared, and a nonce is drawn.
    fn begin(&mut self, page: &[String], head: &str) -> Option<String> {
        let delivery = (self.courier)()?;
        let mut nonce = [0; 4];
        getrandom(&mut nonce[..], GetRandomFlags::empty()).ok()?;
        let heads = delivery.heads.clone().unwrap_or_default();
        let mut call = FarCall::begin(delivery.facts.clone(), heads, nonce);
        let said = |label: &str| {
            let line = page
                .iter()
                .find(|line| line.trim_start().starts_with(label))?;
            line.split_whitespace().last()
        };
        let names =
            call.is_id(said("the id ends with")?) && call.is_sheet_code(said("the sheet code")?);
        let standing = call.hear_head(head)?;
        let nonce = call.nonce_words().join(" ");
        self.delivery = Some(delivery);
        self.call = Some(call);
        (names && standing != HeadStanding::Stale).then_some(nonce)
    }

    fn hear(&mut self, rows: &[usize], page: &[String]) -> String {
        let failed = || "failed".to_string();
        let Some(call) = &mut self.call else {
            return failed();
        };
        for row in rows {
            let spoken = page.iter().find_map(|line| {
                let mut parts = line.split_whitespace().skip(1);
                let is_row = parts.next() == Some("row")
                    && parts.next() == Some((row + 1).to_string().as_str());
                is_row.then(|| parts.collect::<Vec<_>>().join(" "))
            });
            if spoken.is_none_or(|words| call.hear_row(*row, &words).is_err()) {
                return failed();
            }
        }
        match call.judge() {
            Verdict::Fits(canaries) => self.canaries = canaries,
            _ => return failed(),
        }
        "taken".to_string()
    }

    fn places(&self, places: &[(usize, usize)]) -> Option<String> {
        let call = self.call.as_ref()?;
        let words = places.iter().map(|(row, word)| call.word_at(*row, *word));
        Some(words.collect::<Option<Vec<_>>>()?.join(" "))
    }

    fn result(&self, page: &[String]) -> Option<String> {
        let call = self.call.as_ref()?;
        let line = page
            .iter()
            .find_map(|line| line.trim().strip_prefix("say: "))?;
        let [_, mine] = call.hear_result(line).then(|| call.said())??.halves();
        Some(mine.join(" "))
    }

    fn groups(&mut self, numbers: &[usize]) -> Option<String> {
        let delivery = (self.courier)()?;
        let groups = Fingerprint::from_bytes(&delivery.facts.fingerprint)?.groups();
        let asked = numbers
            .iter()
            .map(|n| groups.get(n.checked_sub(1)?).cloned());
        Some(asked.collect::<Option<Vec<_>>>()?.join(" "))
    }

    /// The room says that the key is confirmed: the pin is kept.
    pub(super) fn confirmed(&mut self) -> Result<(), TerminalError> {
        let (Some(delivery), Some(call)) = (&self.delivery, &self.call) else {
            return Ok(());
        };
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let Some(pin) = delivery.pin(call, now.map_or(0, |since| since.as_secs())) else {
            return Ok(());
        };
        write(folder, &pin).map_err(TerminalError::Io)
    }
}

/// After an interruption the call is held again, and its pin counts: an earlier one is set aside.
fn write(folder: &Path, pin: &Pin) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.pin", pin.id));
    if path.exists() {
        let mut names = (1..).map(|n: u32| folder.join(format!("{}.pin.{n}", pin.id)));
        let aside = names.find(|name| !name.exists());
        fs::rename(&path, aside.expect("more names than files"))?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    file.write_all(&pin.render())
}
