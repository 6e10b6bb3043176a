//! One quorum types its words, or both operators use their tokens, and the key comes out of the
//! backup, into memory alone.

use super::backup::Backup;
use super::tokens;
use crate::backup::capsule;
use crate::backup::quorum::{Custodian, Quorum, TOKENS};
use crate::openpgp::{self, DecryptError, SecretKey};
use crate::record::value::{Actors, Opener, Part};
use crate::room::{Room, Share, Stop};
use crate::screen::{Answer, Asks, Question, Reply, Who, layout};
use crate::secret::SecretText;
use crate::steps::words;

/// How often a quorum's words may be wrong before it is an exception.
const ATTEMPTS: u32 = 3;

/// The words that are typed, or their numbers, where another attempt is offered.
const AGAIN: &str = "again";
const OTHER: &str = "other";

/// Who opened the backup.
pub(super) struct Opened {
    /// The quorum's letters, or the name of the tokens' capsule.
    pub name: String,
    pub opener: Opener,
    pub actors: Actors,
    pub key: SecretKey,
}

/// Asks until some quorum's words opened the backup, or the operators' tokens did.
pub(super) fn restore(room: &mut Room<'_>, backup: &Backup) -> Result<Opened, Stop> {
    loop {
        let opened = match choose(room, backup)? {
            Chosen::Words(quorum, capsule) => {
                let key = open_as(room, backup, &quorum, &capsule)?;
                let letters = quorum.custodians().iter().map(|c| c.letter());
                let actors = Actors::of(letters.collect::<Vec<_>>());
                (key, quorum.to_string(), Opener::Library, actors)
            }
            Chosen::Tokens(capsule) => {
                let key = tokens::open(room, backup, capsule)?;
                (key, TOKENS.to_string(), Opener::Token, Actors::both())
            }
        };
        if let (Some(key), name, opener, actors) = opened {
            return Ok(Opened {
                name,
                opener,
                actors,
                key,
            });
        }
    }
}

/// By what the backup is opened.
enum Chosen {
    Words(Quorum, Vec<u8>),
    Tokens(Vec<u8>),
}

/// Which quorum is there.
fn choose(room: &mut Room<'_>, backup: &Backup) -> Result<Chosen, Stop> {
    let mut names: Vec<String> = backup.capsules.iter().map(|(q, _)| q.to_string()).collect();
    let usable = tokens::usable(room, backup);
    let by_tokens = match &usable {
        None => String::new(),
        Some(Ok(_)) => {
            names.push(TOKENS.to_string());
            format!("{TOKENS}: the two operators, with their YubiKeys and no words.")
        }
        Some(Err(why)) => format!("YubiKeys cannot open it here: {why}."),
    };
    let paragraphs = [
        "Each of these groups of custodians can open the backup. All of one group must be here, \
         each with their own card.",
        &names.join("  "),
        "Each of them types their own words, alone at the screen, unseen by all others.",
        &by_tokens,
    ];
    let said = paragraphs.into_iter().filter(|text| !text.is_empty());
    let body = layout::paragraphs(&said.collect::<Vec<_>>());
    room.page(Who::Both, "Who opens the backup", body)?;
    loop {
        let asks = Asks::Quorum(names.clone());
        let prompt = "the letters of the group that is here";
        let typed = room.ask_line(Who::Both, asks, prompt)?;
        let typed = typed.to_ascii_uppercase().replace([' ', ','], "");
        if let Some((quorum, capsule)) =
            backup.capsules.iter().find(|(q, _)| q.to_string() == typed)
        {
            return Ok(Chosen::Words(quorum.clone(), capsule.clone()));
        }
        if let Some(Ok(capsule)) = &usable
            && TOKENS.eq_ignore_ascii_case(&typed)
        {
            return Ok(Chosen::Tokens(capsule.clone()));
        }
        room.say("That is not one of the groups above. A custodian counts once in a group.")?;
    }
}

/// `None` where another quorum is to be tried.
fn open_as(
    room: &mut Room<'_>,
    backup: &Backup,
    quorum: &Quorum,
    capsule: &[u8],
) -> Result<Option<SecretKey>, Stop> {
    let mut typed = Vec::new();
    for custodian in quorum.custodians() {
        typed.push(type_share(room, backup, *custodian)?);
    }
    room.say("All words are typed. Everybody may turn round.")?;
    let mut failed = 0;
    loop {
        let label = format!("Opening the backup as {quorum}");
        let tried = room.work(&label, |_| try_words(backup, quorum, capsule, &typed))?;
        let (happened, whose) = match tried {
            Tried::Opened(key) => return Ok(Some(*key)),
            Tried::WrongWords(custodian) => (
                format!("{custodian}'s words do not open {}", quorum.file_name()),
                Some(custodian),
            ),
            Tried::Broken(what) => (what.to_string(), None),
        };
        failed += 1;
        if whose.is_none() || failed >= ATTEMPTS {
            failed = 0;
            room.exception_about(Some((&format!("{quorum} opens the backup"), &happened)))?;
        }
        let Some(custodian) = whose else {
            return Ok(None);
        };
        if !again(room, custodian, &happened)? {
            return Ok(None);
        }
        let share = type_share(room, backup, custodian)?;
        typed.retain(|share| share.custodian != custodian);
        typed.push(share);
    }
}

/// Whether the same custodian types once more.
fn again(room: &mut Room<'_>, custodian: Custodian, happened: &str) -> Result<bool, Stop> {
    let body = layout::paragraphs(&[
        &format!("{happened}."),
        "A word was read or typed wrongly, or it is the card of another ceremony.",
    ]);
    room.page(Who::Both, "The words do not fit", body)?;
    let choices = vec![
        (AGAIN, format!("{custodian} types the words once more")),
        (
            OTHER,
            "another group of custodians, or the same from its beginning".to_string(),
        ),
    ];
    let question = Question {
        who: Who::Both,
        asks: Asks::WrongWords,
        prompt: "What do you do".to_string(),
        answer: Answer::Choice(choices),
    };
    loop {
        if let Reply::Line(line) = room.ask(&question)? {
            match line.trim() {
                "1" | AGAIN => return Ok(true),
                "2" | OTHER => return Ok(false),
                _ => {}
            }
        }
        room.say("Type one of the numbers.")?;
    }
}

/// A custodian's whole share. It stood on two cards if they were absent when it was written: by
/// now both are theirs.
fn type_share(room: &mut Room<'_>, backup: &Backup, custodian: Custodian) -> Result<Share, Stop> {
    let parts: &[Part] = match on_two_cards(room, backup, custodian)? {
        true => &[Part::First, Part::Second],
        false => &[Part::Whole],
    };
    let words = words::type_share(room, custodian, parts, |custodian, _| custodian)?;
    Ok(Share { custodian, words })
}

/// Says the record, or whoever has the cards, where no record lies beside the backup.
fn on_two_cards(room: &mut Room<'_>, backup: &Backup, custodian: Custodian) -> Result<bool, Stop> {
    if let Some(said) = &backup.said {
        return Ok(said.absent.contains(&custodian));
    }
    if custodian.is_operator() {
        return Ok(false);
    }
    loop {
        let prompt = format!("On how many cards do {custodian}'s words stand, 1 or 2");
        let typed = room.ask_line(Who::Custodian(custodian), Asks::Cards(custodian), &prompt)?;
        match typed.as_str() {
            "1" => return Ok(false),
            "2" => return Ok(true),
            _ => room.say("Type 1 or 2.")?,
        }
    }
}

/// What came of trying a quorum's words.
enum Tried {
    Opened(Box<SecretKey>),
    WrongWords(Custodian),
    Broken(&'static str),
}

fn try_words(backup: &Backup, quorum: &Quorum, capsule: &[u8], typed: &[Share]) -> Tried {
    let share_of = |custodian: Custodian| {
        let share = typed.iter().find(|share| share.custodian == custodian);
        &share.expect("every custodian of the quorum typed").words
    };
    let key = match capsule::open_with_library(capsule, quorum, share_of) {
        Ok(key) => key,
        Err((custodian, DecryptError::WrongPassword)) => return Tried::WrongWords(custodian),
        Err(_) => return Tried::Broken("the capsule is damaged"),
    };
    match key_from(backup, &key) {
        Ok(key) => Tried::Opened(Box::new(key)),
        Err(what) => Tried::Broken(what),
    }
}

/// The secret key, by the K from a capsule; or what is wrong.
pub(super) fn key_from(backup: &Backup, key: &SecretText) -> Result<SecretKey, &'static str> {
    let Ok(secret) = openpgp::decrypt_with_password(&backup.payload, key) else {
        return Err("the encrypted key is damaged, or belongs to other capsules");
    };
    let Ok(key) = SecretKey::from_bytes(&secret) else {
        return Err("what the backup holds is not a secret key");
    };
    let expected = backup.fingerprint();
    if expected.is_some_and(|expected| *expected != key.certificate().fingerprint()) {
        return Err("the backup holds another key than its record says");
    }
    Ok(key)
}
