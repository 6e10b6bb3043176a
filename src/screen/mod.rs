//! Pages and questions: what people see and what they are asked, as data.
//!
//! The same pages are drawn by the console and read by an automatic rehearsal's players.

use std::fmt;

use crate::backup::quorum::Custodian;
use crate::plan::Operator;
use crate::record::value::{Part, Sheet};
use crate::role::Role;
use crate::secret::SecretText;

pub mod layout;

/// The width and height that every page fits.
pub const WIDTH: usize = 80;
/// See [`WIDTH`].
pub const HEIGHT: usize = 24;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// One operator.
    Operator(Operator),
    /// Both operators, together.
    Both,
    /// A custodian, alone at the screen.
    Custodian(Custodian),
    /// The person at the far end of the telephone call.
    Verifier,
    /// Nobody: the machine works.
    Machine,
}

impl Who {
    /// As it stands in a page's header.
    pub fn label(self) -> String {
        match self {
            Who::Operator(operator) => format!("OPERATOR {operator}"),
            Who::Both => "BOTH OPERATORS".to_string(),
            Who::Custodian(custodian) => format!("CUSTODIAN {custodian}, ALONE"),
            Who::Verifier => "YOU, THE VERIFIER".to_string(),
            Who::Machine => "THE MACHINE".to_string(),
        }
    }
}

/// Where the ceremony stands: the first lines of every page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The plan's title.
    pub plan: String,
    /// The current step's number within the plan, from 1; 0 before the first.
    pub step: usize,
    /// How many steps the plan has.
    pub steps: usize,
    /// The phase, `2 Make the key`.
    pub phase: String,
    /// Minutes that the plan gives the steps that are left.
    pub minutes_left: u32,
    /// A rehearsal says so on every page.
    pub rehearsal: bool,
}

/// One page: one thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the ceremony stands.
    pub place: Place,
    /// Who acts.
    pub who: Who,
    /// What it is about. Empty for a picture that takes the whole screen.
    pub title: String,
    /// Plain lines of at most 78 columns.
    pub body: Vec<String>,
}

/// A page with a secret on it: shown alone, erased before anything else is shown.
pub struct SecretPage<'a> {
    /// The page; its body has no secret.
    pub page: Page,
    /// Whose share, and which part of it.
    pub custodian: Custodian,
    /// Which part.
    pub part: Part,
    /// The words, joined by single blanks.
    pub words: &'a SecretText,
}

/// How an answer is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The Enter key, when one person has read or done something.
    Enter,
    /// A visible line.
    Line,
    /// A line that is not shown while it is typed.
    Hidden,
    /// One of these words, typed in full or by its first letter.
    Choice(Vec<(&'static str, String)>),
}

/// What is asked, for those that answer without reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// That something on the page was read, done or seen to.
    Done,
    /// Whether the clock is right.
    ClockRight(Operator),
    /// The right time.
    Time,
    /// Whether this operator agrees to what the page says.
    Agree(Operator),
    /// A new passphrase, then the same again.
    NewPassphrase(Operator),
    /// See [`Asks::NewPassphrase`].
    SamePassphrase(Operator),
    /// The passphrase that authorises.
    Passphrase(Operator),
    /// Whether this operator signs with a token or with a passphrase.
    Means(Operator),
    /// The serial number on the back of this operator's token.
    Serial(Operator),
    /// A new PIN for a token, then the same again.
    NewPin(Operator),
    /// See [`Asks::NewPin`].
    SamePin(Operator),
    /// A new PUK for a token, then the same again.
    NewPuk(Operator),
    /// See [`Asks::NewPuk`].
    SamePuk(Operator),
    /// The PIN that authorises.
    Pin(Operator),
    /// Whether the last try of a PIN is to be used.
    LastTry(Operator),
    /// That the operator's token is in a reader, or something was seen to.
    TokenReady(Operator),
    /// A new half of a code of the token with the key, then the same again.
    NewHalf(Operator, Code),
    /// See [`Asks::NewHalf`].
    SameHalf(Operator, Code),
    /// An operator's half of a code of the token with the key, from their card.
    Half(Operator, Code),
    /// The serial number of the token with the key.
    KeyTokenSerial,
    /// Whether a token that is not new is taken for the key all the same.
    KeyTokenUsed,
    /// That the token with the key was plugged in, pulled out or seen to.
    KeyTokenReady,
    /// A row of the fingerprint as hex groups; rows count from 0.
    HexRow(usize),
    /// A row of the fingerprint as PGP words; rows count from 0.
    WordRow(usize),
    /// That the page with the fingerprint was copied to paper by this operator.
    Copied(Operator),
    /// A word of a share, from the card; words count from 0.
    ShareWord(Custodian, Part, usize),
    /// The same in the drill, and when a message is opened.
    DrillWord(Custodian, Part, usize),
    /// Which of these ceremonies' backups is meant.
    Backup(Vec<String>),
    /// Why a message is opened.
    Reason,
    /// Which of these quorums is there, by its letters.
    Quorum(Vec<String>),
    /// On how many cards this custodian's words stand.
    Cards(Custodian),
    /// Whether wrong words are typed again, or another quorum's.
    WrongWords,
    /// The number on a seal.
    Seal(String),
    /// The head's ten words, from the paper.
    HeadWords(Operator),
    /// That the head was written on paper.
    HeadWritten(Operator),
    /// Something in the telephone call.
    Call(CallAsk),
    /// Something on the verifier's side of it.
    Far(FarAsk),
    /// That the stick for a role was plugged in.
    StickIn(Role),
    /// Which of these sticks, by serial number.
    WhichStick(Vec<String>),
    /// What is done with the stick that was plugged in for a role.
    StickFor(Role),
    /// Whether this operator agrees that what is on a stick is erased.
    Erase(Operator),
    /// Which of these records goes on.
    Record(Vec<String>),
    /// What was expected, and what happened.
    Expected,
    /// See [`Asks::Expected`].
    Happened,
    /// What to do about it.
    Decide,
    /// What to do about a device.
    Device,
    /// Where the replacement of a device is.
    Location,
    /// The check code of the printer's test page.
    TestCode,
    /// Something that stands on a printed sheet.
    PaperRow(Sheet, String),
    /// What to do about the printer.
    Printer,
    /// Which printer takes the place of the one that failed.
    PrinterPlace,
    /// What there is instead of a sheet that is not printed.
    Instead(Sheet),
}

/// What a token asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// For each use of a key.
    Pin,
    /// To set a new PIN where that one is blocked.
    Puk,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::Pin => "PIN",
            Code::Puk => "PUK",
        })
    }
}

/// What is asked in the room during the telephone call. Places count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallAsk {
    /// A word of the fingerprint, from this operator's own paper.
    SheetWord(Operator, usize),
    /// Whether the verifier has the program or stock gpg alone.
    FarSide,
    /// The verifier's four nonce words.
    Nonce,
    /// Whether these rows (from 0) were taken at the far end, or the attempt failed there.
    Rows(Vec<usize>),
    /// A canary as the verifier reads it back; they count from 0.
    Canary(usize),
    /// The words at places that the room asked for: row and word.
    Places(Vec<(usize, usize)>),
    /// The result's second half.
    Result,
    /// Groups of digits at these places, from what the verifier's gpg shows.
    Groups(Vec<usize>),
}

/// What the verifier is asked. Rows count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FarAsk {
    /// The ceremony's whole id, where no record came with the certificate.
    Id,
    /// The last characters of the id.
    IdTail,
    /// The sheet code.
    SheetCode,
    /// The head's ten words.
    Head,
    /// A row, as it was heard.
    Row(usize),
    /// What the room says of the canaries: good, or a row to be read again.
    CanariesHeard,
    /// A place that the room asks for; they count from 0.
    Place(usize),
    /// The result's first half.
    Result,
    /// Whether the room's program accepted the second half.
    Accepted,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who answers.
    pub who: Who,
    /// What is asked.
    pub asks: Asks,
    /// The prompt.
    pub prompt: String,
    /// How it is answered.
    pub answer: Answer,
}

/// An answer.
pub enum Reply {
    /// What was typed, without the line feed.
    Line(String),
    /// What was typed unseen.
    Secret(SecretText),
    /// `!`: something is not as it should be.
    Exception,
}
