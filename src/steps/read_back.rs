//! Blind read-back: one operator reads the paper aloud, the other types what they hear.
//!
//! Nobody is asked "is it the same?": the program compares with the certificate on the medium.

use super::fingerprint::certificate_on_medium;
use crate::digest::Fingerprint;
use crate::plan::{Encoding, ReadBack};
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::words::pgp;

pub(super) fn run(room: &mut Room<'_>, terms: &ReadBack) -> Result<(), Stop> {
    let fingerprint = certificate_on_medium(room)?.fingerprint();
    let expected = rows(&fingerprint, terms.encoding);
    loop {
        let attempt = room.state().seen().len() as u32 + 1;
        if attempt > terms.max_attempts {
            let happened = format!("it was typed wrongly {} times", terms.max_attempts);
            room.exception_about(Some((
                "the fingerprint on paper is that on the medium",
                &happened,
            )))?;
            continue;
        }
        introduce(room, terms, expected.len(), attempt)?;
        let wrong = type_all(room, terms, &expected)?;
        // Not as before the typing: an exception in between began the counting anew.
        room.settle_owed()?;
        let attempt = room.state().seen().len() as u32 + 1;
        if wrong.is_empty() {
            room.record(Event::ReadBackMatched { attempts: attempt }, Actors::both())?;
            return room.say("It matches: what was typed is the fingerprint of the new key.");
        }
        room.record(Event::ReadBackFailed { attempt }, Actors::both())?;
        let rows: Vec<String> = wrong.iter().map(|row| (row + 1).to_string()).collect();
        room.say(&format!(
            "Not the same in row {}. Look at the paper together, then read it all again.",
            rows.join(", ")
        ))?;
        room.done(
            Who::Operator(terms.listener),
            Asks::Done,
            "Press Enter to go on",
        )?;
    }
}

/// The fingerprint in rows, each normalised as typed rows are.
fn rows(fingerprint: &Fingerprint, encoding: Encoding) -> Vec<String> {
    match encoding {
        Encoding::Hex => fingerprint.rows().iter().map(|row| row.concat()).collect(),
        Encoding::PgpWords => pgp::rows(fingerprint.bytes())
            .iter()
            .map(|row| row.join(" "))
            .collect(),
    }
}

/// What a person typed, with blanks and case made alike.
fn normalise(typed: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => typed
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_uppercase(),
        Encoding::PgpWords => typed
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase(),
    }
}

fn introduce(room: &mut Room<'_>, terms: &ReadBack, rows: usize, attempt: u32) -> Result<(), Stop> {
    let (speaker, listener) = (terms.speaker, terms.listener);
    let what = match terms.encoding {
        Encoding::Hex => "five groups of four digits to a row",
        Encoding::PgpWords => "four words to a row",
    };
    let body = layout::paragraphs(&[
        &format!(
            "{speaker}: read the fingerprint aloud from your own paper, {what}, {rows} rows. \
             Do not look at the screen."
        ),
        &format!(
            "{listener}: put your paper face down, and type only what you hear. You may ask \
             for a row to be read again before you press Enter."
        ),
        &format!("This is attempt {attempt} of {}.", terms.max_attempts),
    ]);
    room.page(
        Who::Operator(listener),
        &format!("{speaker} reads, {listener} types"),
        body,
    )
}

/// Has all rows typed; returns those that differ, from 0.
fn type_all(
    room: &mut Room<'_>,
    terms: &ReadBack,
    expected: &[String],
) -> Result<Vec<usize>, Stop> {
    let mut wrong = Vec::new();
    for (at, row) in expected.iter().enumerate() {
        let asks = match terms.encoding {
            Encoding::Hex => Asks::HexRow(at),
            Encoding::PgpWords => Asks::WordRow(at),
        };
        let prompt = format!("row {} of {}", at + 1, expected.len());
        let typed = room.ask_line(Who::Operator(terms.listener), asks, &prompt)?;
        if normalise(&typed, terms.encoding) != *row {
            wrong.push(at);
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_case_do_not_matter_but_letters_do() {
        assert_eq!(normalise(" 01ab  CDef", Encoding::Hex), "01ABCDEF");
        assert_eq!(
            normalise(" Aardvark  ADROITNESS", Encoding::PgpWords),
            "aardvark adroitness"
        );
        assert_ne!(normalise("01ab cdee", Encoding::Hex), "01ABCDEF");
    }
}
