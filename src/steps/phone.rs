//! The verifier confirms the fingerprint by telephone: the operators' side of the call.
//!
//! What is said and compared stands in [`crate::phone`]; here it is shown, asked and recorded.

use super::fingerprint::{certificate_file, hex_rows};
use crate::openpgp::Certificate;
use crate::phone::room::{CanaryVerdict, RoomCall};
use crate::phone::{self, ATTEMPTS, CANARIES, Facts, HEAD_WORDS, PLACES};
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::value::{Actors, Spoken, Token};
use crate::room::{Room, Stop};
use crate::screen::{Answer, Asks, CallAsk, Question, Reply, Who, layout};
use crate::sheet;
use crate::words::pgp;

/// How often what was heard may be typed again before the attempt has failed. Guessing does not
/// pay: the shortest thing that is typed has 32 bits.
const TRIES: u32 = 3;

/// What is typed instead of an answer when the far end says that the attempt failed.
const FAILED: &str = "failed";

/// Whether an attempt went on.
type Heard<T> = Result<Option<T>, Stop>;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let facts = facts(room)?;
    if room.state().seen().is_empty() {
        for operator in Operator::ALL {
            own_sheet(room, operator, &facts)?;
        }
        room.record(Event::SheetsChecked {}, Actors::both())?;
    }
    arrange(room)?;
    let by = far_side(room)?;
    loop {
        let attempt = room.state().seen().len() as u32;
        if attempt > ATTEMPTS {
            let happened = format!("the call failed {ATTEMPTS} times");
            let expected = "the verifier confirms the fingerprint in the call";
            room.exception_about(Some((expected, &happened)))?;
            continue;
        }
        let confirmed = match by {
            Spoken::Canaries => with_canaries(room, &facts, attempt)?,
            Spoken::Digits => with_digits(room, &facts, attempt)?,
        };
        // An exception in between began the counting anew.
        room.settle_owed()?;
        let attempt = room.state().seen().len() as u32;
        match confirmed {
            Some(evidence) => return confirm(room, attempt, evidence),
            None => failed(room, attempt)?,
        }
    }
}

/// What the transcript keeps of a call that confirmed the key.
struct Evidence {
    heard: Spoken,
    said: Option<phone::result::Said>,
}

/// Of the certificate as it lies on operator B's medium.
fn facts(room: &mut Room<'_>) -> Result<Facts, Stop> {
    let file = certificate_file(room)?;
    let certificate = Certificate::from_bytes(&file)?;
    Ok(Facts {
        id: room.id.clone(),
        sheet_code: sheet::sheet_code(&room.id, &file),
        fingerprint: certificate.fingerprint().bytes().to_vec(),
        certificate: crate::digest::Digest::of(&file),
    })
}

/// Random numbers for the protocol.
fn random(room: &mut Room<'_>, bytes: &mut [u8]) -> Result<(), Stop> {
    room.edge.system.random(bytes).map_err(Stop::from)
}

/// Five words from the operator's own paper: paper and program speak of the same key.
fn own_sheet(room: &mut Room<'_>, operator: Operator, facts: &Facts) -> Result<(), Stop> {
    let words = pgp::words(&facts.fingerprint);
    loop {
        let body = layout::paragraphs(&[
            &format!(
                "Operator {operator}: take your own sheet with the fingerprint in words. Type \
                 the words that the screen asks for, from that paper and from nothing else."
            ),
            "This shows that your paper and this machine speak of the same key.",
        ]);
        let title = format!("{operator}'s own sheet of paper");
        room.page(Who::Operator(operator), &title, body)?;
        let places = phone::places(PLACES, words.len(), &mut |bytes| random(room, bytes))?;
        let mut wrong = Vec::new();
        for place in places {
            let number = place + 1;
            let prompt = format!("word {number} of {}", words.len());
            let asks = Asks::Call(CallAsk::SheetWord(operator, number));
            let typed = room.ask_line(Who::Operator(operator), asks, &prompt)?;
            if !typed.eq_ignore_ascii_case(words[place]) {
                wrong.push(number.to_string());
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let happened = format!(
            "on {operator}'s sheet word {} is another one",
            wrong.join(", ")
        );
        let expected = "the sheet on the table is that of this key";
        room.exception_about(Some((expected, &happened)))?;
    }
}

/// Two calls: whoever can answer a telephone can pretend to be somebody; only the second call, to
/// a number that the verifier held before, counts.
fn arrange(room: &mut Room<'_>) -> Result<(), Stop> {
    let number = match &room.site.verifier {
        Some(verifier) => format!("The number from the site: {}", verifier.callback),
        None => "The site names no number. Take it from your own notes, not from a message that \
                 came lately."
            .to_string(),
    };
    let body = layout::paragraphs(&[
        "Call the verifier. Say only that you are ready, that the handover stick is on its way \
         or there, and when they should call. Then hang up: this call confirms nothing.",
        &number,
    ]);
    room.page(Who::Both, "The first call: to arrange", body)?;
    room.each_agrees("is it arranged, and did you hang up", Asks::Agree)?;
    let body = layout::paragraphs(&[
        "Now the verifier calls you, at the number that they held before today. Put the \
         telephone on its loudspeaker: both of you must hear, and be heard.",
        "Ask the question that you agreed on in person, and answer theirs. If the answer is not \
         the one that you agreed on, or the call came in another way, type ! here.",
    ]);
    room.page(Who::Both, "The second call: from the verifier", body)?;
    room.each_agrees("is it the verifier, by voice and answer", Asks::Agree)
}

fn far_side(room: &mut Room<'_>) -> Result<Spoken, Stop> {
    let body = layout::paragraphs(&[
        "Ask the verifier: is the program `ceremony confirm` on the screen there, or will the \
         fingerprint be compared with gpg alone?",
        "The program is much the better way. Without it the record says \"without canaries\".",
    ]);
    room.page(Who::Both, "What the verifier uses", body)?;
    let choices = [
        ("program", "the program: ceremony confirm"),
        ("gpg", "gpg alone, by the note in HANDOVER.txt"),
    ];
    match choose(room, CallAsk::FarSide, "The verifier uses", &choices)? {
        0 => Ok(Spoken::Canaries),
        _ => Ok(Spoken::Digits),
    }
}

/// The number of the choice, from 0. It is typed as a number or as the word itself.
fn choose(
    room: &mut Room<'_>,
    asks: CallAsk,
    prompt: &str,
    choices: &[(&'static str, &str)],
) -> Result<usize, Stop> {
    let shown = choices.iter().map(|(word, text)| (*word, text.to_string()));
    let question = Question {
        who: Who::Both,
        asks: Asks::Call(asks),
        prompt: prompt.to_string(),
        answer: Answer::Choice(shown.collect()),
    };
    loop {
        if let Reply::Line(line) = room.ask(&question)? {
            let typed = line.trim();
            let chosen = choices.iter().enumerate().position(|(at, (word, _))| {
                typed.eq_ignore_ascii_case(word) || typed == (at + 1).to_string()
            });
            if let Some(chosen) = chosen {
                return Ok(chosen);
            }
        }
        room.say("Type one of the numbers.")?;
    }
}

/// The head that stands on the operators' paper: the last one noted.
fn noted_head(room: &Room<'_>) -> crate::digest::Digest {
    room.state()
        .noted_head()
        .expect("a phase with a checkpoint ended before the call")
}

fn with_canaries(room: &mut Room<'_>, facts: &Facts, attempt: u32) -> Heard<Evidence> {
    let mut head = [0; HEAD_WORDS];
    head.copy_from_slice(&noted_head(room).bytes()[..HEAD_WORDS]);
    let mut call = RoomCall::begin(facts.clone(), head, &mut |bytes| random(room, bytes))?;
    read_names(room, facts, attempt)?;
    let nonce = listen(room, CallAsk::Nonce, "the four words", |typed| {
        call.hear_nonce(typed)
    })?;
    if nonce.is_none() || read_rows(room, &call)?.is_none() {
        return Ok(None);
    }
    if hear_canaries(room, &mut call)?.is_none() || hear_places(room, &mut call)?.is_none() {
        return Ok(None);
    }
    let Some(said) = call.said() else {
        return Ok(None);
    };
    let [first, _] = said.halves();
    let mut body = layout::paragraphs(&["A: read these four words to the verifier, slowly:"]);
    body.extend([String::new(), format!("    say: {}", first.join("  "))]);
    body.push(String::new());
    body.extend(layout::wrap(
        "If the verifier's program takes them, it shows four others. B: type what you hear.",
    ));
    room.page(Who::Both, "The result of the call", body)?;
    let prompt = "the verifier's four result words";
    let heard = listen(room, CallAsk::Result, prompt, |typed| {
        call.hear_result(typed)
    })?;
    Ok(heard.map(|()| Evidence {
        heard: Spoken::Canaries,
        said: Some(said),
    }))
}

/// Id, sheet code and head are read; then the nonce is heard.
fn read_names(room: &mut Room<'_>, facts: &Facts, attempt: u32) -> Result<(), Stop> {
    let mut body = layout::paragraphs(&[&format!(
        "Attempt {attempt} of {ATTEMPTS}. A: read this to the verifier, letter by letter:"
    )]);
    body.extend([
        String::new(),
        format!("    the id ends with  {}", facts.id_tail()),
        format!("    the sheet code    {}", facts.sheet_code),
        String::new(),
    ]);
    body.extend(layout::paragraphs(&[
        "B: then read the ten words of the last head from your own checklist.",
        "The verifier's program then shows four words. B: type them as you hear them. If the \
         verifier says at any time that the attempt failed, type failed.",
    ]));
    room.page(Who::Both, "What you read first", body)
}

/// Asks until what was typed is right; `None` ends the attempt.
fn listen(
    room: &mut Room<'_>,
    asks: CallAsk,
    prompt: &str,
    mut right: impl FnMut(&str) -> bool,
) -> Heard<()> {
    for left in (0..TRIES).rev() {
        let who = Who::Operator(Operator::B);
        let typed = room.ask_line(who, Asks::Call(asks.clone()), prompt)?;
        if typed.eq_ignore_ascii_case(FAILED) {
            return Ok(None);
        }
        if right(&typed) {
            return Ok(Some(()));
        }
        if left > 0 {
            room.say("That is not it. Have it read again, and type it again.")?;
        }
    }
    Ok(None)
}

/// The reading: which words are canaries stands nowhere on the screen.
fn read_rows(room: &mut Room<'_>, call: &RoomCall) -> Heard<()> {
    let rows = call.rows();
    let mut body = layout::wrap(
        "A reads A's rows, B reads B's rows, in this order. Say the number of the row, then its \
         words, slowly. Three words do not belong to the fingerprint: do not leave out any, and \
         do not explain.",
    );
    body.push(String::new());
    body.extend(rows.iter().enumerate().map(|(at, row)| {
        let words: Vec<String> = row.iter().map(|word| format!("{word:<13}")).collect();
        let line = format!(
            "  {} row {}   {}",
            RoomCall::reader(at),
            at + 1,
            words.join(" ")
        );
        line.trim_end().to_string()
    }));
    body.push(String::new());
    body.extend(layout::wrap(
        "If the verifier names a row, read that row again, once. If the verifier's program says \
         that the attempt failed, say so here.",
    ));
    room.page(Who::Both, "Read the words", body)?;
    rows_taken(room, (0..rows.len()).collect())
}

fn rows_taken(room: &mut Room<'_>, rows: Vec<usize>) -> Heard<()> {
    let choices = [
        (
            "taken",
            "it took all rows, and shows three words to read back",
        ),
        (FAILED, "it says that the attempt failed"),
    ];
    let chosen = choose(
        room,
        CallAsk::Rows(rows),
        "The verifier's program",
        &choices,
    )?;
    Ok((chosen == 0).then_some(()))
}

fn hear_canaries(room: &mut Room<'_>, call: &mut RoomCall) -> Heard<()> {
    loop {
        let body = layout::paragraphs(&[
            "The verifier reads three words back, each with its row and its number in the row.",
            "A: type for each the row, the number and the word, as in: 2 3 snapline",
        ]);
        room.page(
            Who::Operator(Operator::A),
            "What the verifier heard too much",
            body,
        )?;
        let mut typed = Vec::new();
        for at in 0..CANARIES {
            let prompt = format!("row, number and word, {} of {CANARIES}", at + 1);
            let asks = Asks::Call(CallAsk::Canary(at));
            let line = room.ask_line(Who::Operator(Operator::A), asks, &prompt)?;
            if line.eq_ignore_ascii_case(FAILED) {
                return Ok(None);
            }
            typed.push(line);
        }
        let rows = match call.hear_canaries(&typed) {
            CanaryVerdict::Heard => return Ok(Some(())),
            CanaryVerdict::Failed => return Ok(None),
            CanaryVerdict::Again(rows) => rows,
        };
        let all = call.rows();
        let mut body = layout::wrap(
            "Not yet. Tell the verifier the number of each row below, let it be typed as what is \
             to be read again, and read it again, once:",
        );
        body.push(String::new());
        for row in &rows {
            let (reader, number) = (RoomCall::reader(*row), row + 1);
            body.push(format!(
                "  {reader} row {number}   {}",
                all[*row].join("  ")
            ));
        }
        room.page(Who::Both, "Read again", body)?;
        if rows_taken(room, rows)?.is_none() {
            return Ok(None);
        }
    }
}

fn hear_places(room: &mut Room<'_>, call: &mut RoomCall) -> Heard<()> {
    let places = call.places();
    let mut body = layout::paragraphs(&[
        "Now the other way round. A: ask the verifier for the words at these places, one after \
         the other; the verifier types each place, and reads the word that the program shows:",
    ]);
    body.push(String::new());
    body.extend(
        places
            .iter()
            .map(|(row, word)| format!("    row {row}, word {word}")),
    );
    body.push(String::new());
    body.extend(layout::wrap(
        "B: type the five words in this order, with a blank between two words.",
    ));
    room.page(Who::Both, "Five words back", body)?;
    let asks = CallAsk::Places(places);
    listen(room, asks, "the five words", |typed| {
        call.hear_places(typed)
    })
}

/// For a verifier with gpg alone: digits, typed into a file there; then groups at random places
/// come back, so that not a "yes" confirms the key but what the verifier sees.
fn with_digits(room: &mut Room<'_>, facts: &Facts, attempt: u32) -> Heard<Evidence> {
    read_digits(room, facts, attempt)?;
    let groups = groups(facts);
    let places = phone::places(PLACES, groups.len(), &mut |bytes| random(room, bytes))?;
    let numbers: Vec<usize> = places.iter().map(|place| place + 1).collect();
    let right: Vec<&String> = places.iter().map(|place| &groups[*place]).collect();
    let listed: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let body = layout::paragraphs(&[
        "The verifier lets the computer compare, as HANDOVER.txt says. If it says DIFFERENT, \
         type failed below.",
        &format!(
            "If it says SAME: A: ask for the groups number {} of the fingerprint that gpg shows \
             there. B: type the five groups in this order, with a blank between two groups.",
            listed.join(", ")
        ),
    ]);
    room.page(Who::Both, "Five groups back", body)?;
    let same = |typed: &str| {
        let typed = typed.split_whitespace().map(str::to_ascii_uppercase);
        typed.eq(right.iter().map(|group| group.to_string()))
    };
    let heard = listen(room, CallAsk::Groups(numbers), "the five groups", same)?;
    Ok(heard.map(|()| Evidence {
        heard: Spoken::Digits,
        said: None,
    }))
}

fn groups(facts: &Facts) -> Vec<String> {
    crate::digest::Fingerprint::from_bytes(&facts.fingerprint)
        .map(|fingerprint| fingerprint.groups())
        .unwrap_or_default()
}

fn read_digits(room: &mut Room<'_>, facts: &Facts, attempt: u32) -> Result<(), Stop> {
    let mut body = layout::paragraphs(&[
        &format!(
            "Attempt {attempt} of {ATTEMPTS}. Say how the id ends, {}, and read the ten head words \
             from your checklist: the verifier writes them down.",
            facts.id_tail()
        ),
        "Then read the digits from your own paper, row by row; the verifier types them into a \
         file, as HANDOVER.txt says. They are:",
    ]);
    body.push(String::new());
    for (at, row) in hex_rows(&groups(facts)).iter().enumerate() {
        body.push(format!(
            "  {} row {}   {}",
            RoomCall::reader(at),
            at + 1,
            row.join("  ")
        ));
    }
    room.page(Who::Both, "Read the digits", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter when all of it is typed")
}

fn failed(room: &mut Room<'_>, attempt: u32) -> Result<(), Stop> {
    room.record(Event::CallFailed { attempt }, Actors::both())?;
    let more = if attempt < ATTEMPTS {
        "You may try once more in this call: everything is drawn anew. The verifier's program \
         must begin its next attempt, too."
    } else {
        "That was the last attempt of this call. Hang up. Nothing is confirmed."
    };
    let body = layout::paragraphs(&[
        "This attempt failed, and that is written down. It may be a bad line. It may also be \
         that the verifier has another key, or is not the verifier.",
        more,
    ]);
    room.page(Who::Both, "Not confirmed", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to go on")
}

fn confirm(room: &mut Room<'_>, attempts: u32, evidence: Evidence) -> Result<(), Stop> {
    let token = |text: String| Token::new(&text).expect("words, digits, dots and hyphens");
    let said = evidence.said.as_ref();
    let event = Event::CallConfirmed {
        attempts,
        heard: evidence.heard,
        head: noted_head(room),
        nonce: said.map(|said| token(phone::result::write_nonce(&said.nonce))),
        canaries: said.map(|said| token(phone::canary::write(&said.canaries))),
        result: said.map(phone::result::Said::digest),
    };
    let number = room.site.verifier.as_ref().map(|v| v.callback.as_str());
    let text = format!(
        "the verifier's number: {}\nfirst call: to the verifier\nsecond call: from the verifier\n",
        number.unwrap_or("not in the site")
    );
    room.record_with(event, Actors::both(), &text)?;
    room.say("Confirmed: the verifier has the key that this ceremony made. You may hang up.")
}
