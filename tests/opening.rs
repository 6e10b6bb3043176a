//! Messages are opened in this process: whatever is wrong with the message, the words, the backup
//! or the drive, nothing false is recorded, and nothing half stays.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod opening_support;
mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ceremony::digest::Digest;
use ceremony::driver::Outcome;
use ceremony::openpgp::Format;
use ceremony::record::event::Event;
use ceremony::record::value::{Decision, Opener, Part};
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use ceremony::secret::SecretText;
use ceremony::verify::Completion;
use opening_support::{Fails, Table};
use support::script::{Death, Effect};
use support::{contains, plans};

const CONTENT: &[u8] =
    b"What the backup system sealed, and nobody shall read elsewhere: 0123456789";

/// A table with a message that can be opened.
fn table() -> Table {
    let table = Table::with_key(&plans::two_of_three());
    table.seal(Format::Gpg, CONTENT);
    table
}

/// Holds the opening; it must end well, and refuse the message.
fn refused(table: &mut Table) {
    let ended = table.open(None, None);
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}\n{}",
        table.screen.text()
    );
    assert_eq!(table.events("message-refused").len(), 1);
    assert!(table.events("message-opened").is_empty());
    assert_eq!(table.events("erased").len(), 1);
    assert_eq!(table.drive().content, None, "nothing is written");
    assert!(table.screen.text().contains("The message was NOT opened"));
    assert_eq!(table.verdict().completion, Completion::Closed);
}

/// The opening ended well, with exactly the content. Whatever was opened before an interruption
/// was opened again.
fn opened(table: &Table, content: &[u8]) {
    assert_eq!(table.drive().content.as_deref(), Some(content));
    let events = table.events("message-opened");
    assert!(!events.is_empty(), "it was opened");
    for event in events {
        let expected = Event::MessageOpened {
            content: Digest::of(content),
            bytes: content.len() as u64,
            fingerprint: table.certificate().fingerprint(),
        };
        assert_eq!(event, expected);
    }
    assert_eq!(table.events("erased").len(), 1);
    assert_eq!(table.verdict().completion, Completion::Closed);
}

fn typed(words: &str) -> Option<Reply> {
    let mut secret = SecretText::with_capacity(256);
    secret.push_str(words);
    Some(Reply::Secret(secret))
}

fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

/// Twelve words that are nobody's.
const WRONG: &str = "abandon";

#[test]
fn messages_that_are_not_in_order_are_refused_and_nothing_is_written() {
    let mut table = table();
    let good = table.drive().message.clone();
    let other = Table::with_key(&plans::two_of_two());
    other.seal(Format::Modern, CONTENT);
    let mut altered = good.clone();
    let middle = altered.len() - 30;
    altered[middle] ^= 1;
    let doubled = [&good[..], &good[..]].concat();
    let cases: [(&str, Vec<u8>); 8] = [
        ("empty", Vec::new()),
        (
            "not a message",
            b"Dear operators, please open this.\n".to_vec(),
        ),
        ("altered", altered),
        ("cut short", good[..good.len() - 1].to_vec()),
        ("cut in half", good[..good.len() / 2].to_vec()),
        ("more behind it", [&good[..], b"more"].concat()),
        ("twice", doubled),
        ("for another key", other.drive().message.clone()),
    ];
    for (case, message) in cases {
        println!("{case}");
        table.drive().message = message;
        refused(&mut table);
    }
    table.drive().message = good;
    assert!(table.open(None, None).is(Outcome::Closed));
    opened(&table, CONTENT);
}

#[test]
fn every_format_and_size_is_opened_and_the_record_says_by_whom() {
    let mut table = table();
    for (format, size) in [
        (Format::Gpg, 0),
        (Format::Modern, 1),
        (Format::Modern, 3_000_000),
    ] {
        let content = vec![0x5a; size];
        table.seal(format, &content);
        table.drive().content = None;
        let ended = table.open(None, None);
        assert!(
            ended.is(Outcome::Closed),
            "{ended:?}\n{}",
            table.screen.text()
        );
        opened(&table, &content);
    }
    let [
        Event::MessageNamed {
            message,
            bytes,
            backup,
            payload,
        },
    ] = &table.events("message-named")[..]
    else {
        panic!("it was named once");
    };
    assert_eq!(*message, Digest::of(&table.drive().message));
    assert_eq!(*bytes, table.drive().message.len() as u64);
    assert_eq!(backup.as_str(), table.backup);
    let path = format!("{}/payload.asc", table.backup);
    assert_eq!(
        *payload,
        Digest::of(&table.media.device(Role::Secret1)[&path])
    );
    let [
        Event::QuorumOpened {
            quorum,
            medium,
            opener,
        },
    ] = &table.events("quorum-opened")[..]
    else {
        panic!("it was opened by one quorum");
    };
    assert_eq!(quorum.as_str(), "AB");
    assert_eq!((*medium, *opener), (Role::Secret1, Opener::Library));
    let detail = table.detail("message-named");
    assert!(
        detail.contains("\nfile: sealed.pgp\ncontent goes to: content\n"),
        "{detail}"
    );
    assert!(
        detail.contains("\nreason: to see that it can be done\n"),
        "{detail}"
    );
    let shown = table.screen.text();
    assert!(
        shown.contains(&message.to_string()),
        "both see what is opened"
    );
    assert!(shown.contains(&table.certificate().fingerprint().groups().join(" ")));
}

#[test]
fn nothing_secret_is_on_a_medium_or_the_screen() {
    let mut table = table();
    let ended = table.open(None, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    opened(&table, CONTENT);
    let mut secrets = table.secrets();
    assert!(secrets.len() >= 6, "two passphrases, four cards");
    secrets.push(String::from_utf8(CONTENT.to_vec()).expect("ASCII"));
    secrets.push("PRIVATE KEY BLOCK-----\n\n".to_string());
    let mut read = 0;
    for (medium, files) in table.everything() {
        for (path, bytes) in files {
            // The operators' own keys are under their passphrases.
            for secret in secrets.iter().filter(|_| !path.ends_with(".key.asc")) {
                assert!(!contains(&bytes, secret.as_bytes()), "{medium}/{path}");
            }
            read += 1;
        }
    }
    assert!(read > 100, "{read}");
    for secret in &secrets {
        assert!(!table.screen.text().contains(secret.as_str()));
    }
    // The search would find them.
    assert!(contains(
        &table.drive().content.clone().expect("opened"),
        CONTENT
    ));
}

#[test]
fn other_quorums_open_it_too_and_absent_custodians_have_two_cards() {
    let mut table = table();
    for (letters, expected) in [("AC", "AC"), ("b c", "BC"), ("A,B", "AB")] {
        table.drive().content = None;
        let meddle = move |question: &Question, _: &mut _| match question.asks {
            Asks::Quorum(_) => line(letters),
            _ => None,
        };
        let ended = table.open(None, Some(Box::new(meddle)));
        assert!(ended.is(Outcome::Closed), "{ended:?}");
        opened(&table, CONTENT);
        let actors: Vec<char> = expected.chars().collect();
        let entries = table.entries(Role::OperatorB);
        let entry = entries
            .iter()
            .find(|placed| placed.entry.event.name() == "quorum-opened");
        let entry = &entry.expect("a quorum opened it").entry;
        assert_eq!(entry.actors, ceremony::record::value::Actors::of(actors));
    }
}

#[test]
fn what_is_no_quorum_is_asked_again() {
    let mut table = table();
    let tries = Cell::new(0);
    let bad = ["A", "AA", "BA B", "", "ABC", "AD", "x", "A A B"];
    let meddle = |question: &Question, _: &mut _| match question.asks {
        Asks::Quorum(_) => {
            tries.set(tries.get() + 1);
            bad.get(tries.get() - 1)
                .map(|text| Reply::Line((*text).to_string()))
        }
        _ => None,
    };
    let ended = table.open(None, Some(Box::new(meddle)));
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    assert_eq!(
        tries.get(),
        bad.len() + 1,
        "one custodian twice is no quorum"
    );
    opened(&table, CONTENT);
}

#[test]
fn wrong_words_may_be_typed_again_or_another_quorum_may_try() {
    let mut table = table();
    let wrong = Cell::new(0);
    let meddle = |question: &Question, _: &mut _| match &question.asks {
        // A's first two attempts are wrong, and then A gives up.
        Asks::DrillWord(custodian, ..) if custodian.letter() == 'A' && wrong.get() < 24 => {
            wrong.set(wrong.get() + 1);
            typed(WRONG)
        }
        Asks::WrongWords if wrong.get() >= 24 => line("other"),
        Asks::Quorum(_) if wrong.get() >= 24 => line("BC"),
        _ => None,
    };
    let ended = table.open(None, Some(Box::new(meddle)));
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    opened(&table, CONTENT);
    assert_eq!(wrong.get(), 24);
    assert_eq!(table.events("quorum-opened").len(), 1);
    assert!(
        table.events("exception").is_empty(),
        "two wrong attempts are none"
    );
    assert!(
        table
            .screen
            .text()
            .contains("A's words do not open AB.asc.")
    );
}

#[test]
fn words_that_are_wrong_three_times_are_an_exception_and_may_end_it() {
    let mut table = table();
    let wrong = |question: &Question, _: &mut _| match question.asks {
        Asks::DrillWord(..) => typed(WRONG),
        _ => None,
    };
    let ended = table.open(None, Some(Box::new(wrong)));
    assert!(ended.is(Outcome::Aborted), "{ended:?}");
    let decided = Decision::Abort;
    assert_eq!(table.events("exception"), [Event::Exception { decided }]);
    assert!(
        table
            .detail("exception")
            .contains("words do not open AB.asc")
    );
    assert!(table.events("quorum-opened").is_empty());
    assert_eq!(table.drive().content, None);
    assert_eq!(table.verdict().completion, Completion::Aborted);
    let said = table.screen.text();
    assert!(
        !said.contains("Destroy every card"),
        "the cards are still needed"
    );
}

/// Decides to try again at each exception, and does something once at the first.
fn trying_again<'a>(
    mut mend: impl FnMut() + 'a,
) -> Box<dyn FnMut(&Question, &mut ceremony::edge::paper::Paper) -> Option<Reply> + 'a> {
    Box::new(move |question, _| match question.asks {
        Asks::Decide => {
            mend();
            line(Decision::TryAgain.word())
        }
        _ => None,
    })
}

#[test]
fn a_drive_that_fails_is_an_exception_and_then_the_message_is_opened() {
    let mut table = table();
    let content = vec![7; 400_000];
    table.seal(Format::Modern, &content);
    for (fails, said) in [
        (Fails::FullAfter(100_000), "content cannot be written: "),
        (Fails::KeepsWrong, "did not read back"),
        (
            Fails::UnreadableAfter(150_000),
            "sealed.pgp cannot be read: ",
        ),
        (Fails::NameTaken, "content exists already"),
    ] {
        println!("{fails:?}");
        table.drive().content = None;
        table.drive().fails = Some(fails);
        let drive = table.drive.clone();
        let mend = move || {
            let mut drive = drive.lock().expect("nobody panicked");
            assert!(
                drive.content.is_none() || fails == Fails::NameTaken,
                "nothing of it is there"
            );
            (drive.fails, drive.content) = (None, None);
        };
        let ended = table.open(None, Some(trying_again(mend)));
        assert!(ended.is(Outcome::Closed), "{ended:?}");
        opened(&table, &content);
        let detail = table.detail("exception");
        assert!(detail.contains(said), "{detail}");
        assert_eq!(table.events("exception").len(), 1);
        assert_eq!(
            table.events("quorum-opened").len(),
            1,
            "the words are not typed again"
        );
    }
}

#[test]
fn what_stands_at_the_target_is_never_overwritten() {
    let mut table = table();
    table.drive().content = Some(b"something else".to_vec());
    let ended = table.open(None, None);
    assert!(ended.is(Outcome::Aborted), "{ended:?}");
    assert_eq!(
        table.drive().content.as_deref(),
        Some(&b"something else"[..])
    );
    assert!(table.events("message-opened").is_empty());
    assert!(table.detail("exception").contains("content exists already"));
}

#[test]
fn a_message_that_is_exchanged_after_it_was_named_is_refused() {
    let mut table = table();
    let good = table.drive().message.clone();
    table.seal(Format::Gpg, b"something else, sealed to the same key");
    let other = table.drive().message.clone();
    table.drive().message = good;
    // Once it was measured.
    table.drive().exchanged = Some((1, other));
    refused(&mut table);
    assert!(table.screen.text().contains("changed after it was named"));
}

/// The exception's detail, where something is changed on the secret medium after the rehearsal.
fn with_changed_backup(change: impl FnOnce(&mut support::media::Device, &str)) -> String {
    let mut table = table();
    let id = table.backup.clone();
    table
        .media
        .tamper(Role::Secret1, |device| change(device, &id));
    let ended = table.open(None, None);
    assert!(ended.is(Outcome::Aborted), "{ended:?}");
    assert!(
        table.events("message-named").is_empty(),
        "refused before it is named"
    );
    assert_eq!(table.drive().content, None);
    table.detail("exception")
}

#[test]
fn a_backup_that_is_not_as_its_record_says_is_not_used() {
    let changed = |path: &'static str| {
        with_changed_backup(move |device, id| {
            let bytes = device
                .get_mut(&format!("{id}/{path}"))
                .expect("it is there");
            let middle = bytes.len() / 2;
            bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        })
    };
    for path in [
        "payload.asc",
        "AC.asc",
        "revocation/AB.asc",
        "record/transcript.txt",
        "record/plan.toml",
        "record/operators/A.asc",
    ] {
        let detail = changed(path);
        assert!(
            detail.contains("not as its record says"),
            "{path}: {detail}"
        );
    }
    let missing =
        with_changed_backup(|device, id| drop(device.remove(&format!("{id}/payload.asc"))));
    assert!(
        missing.contains("the backup has no payload.asc"),
        "{missing}"
    );
    let none = with_changed_backup(|device, id| {
        device.retain(|path, _| {
            !path.starts_with(id) || !path.ends_with("B.asc") && !path.ends_with("C.asc")
        });
    });
    assert!(
        none.contains("not as its record says") || none.contains("no capsule"),
        "{none}"
    );
    for name in ["AD.asc", "AB-tokens.asc"] {
        let added = with_changed_backup(|device, id| {
            let bytes = device[&format!("{id}/AB.asc")].clone();
            device.insert(format!("{id}/{name}"), bytes);
        });
        assert!(added.contains(&format!("does not name {name}")), "{added}");
    }
    let renamed = with_changed_backup(|device, id| {
        let files: Vec<(String, Vec<u8>)> = device.clone().into_iter().collect();
        // Another ceremony's folder under this one's name.
        let other = Table::with_key(&plans::two_of_three());
        let theirs = other.media.device(Role::Secret1);
        for (path, _) in files {
            device.remove(&path);
        }
        for (path, bytes) in theirs {
            device.insert(path.replace(&other.backup, id), bytes);
        }
    });
    assert!(renamed.contains("not as its record says"), "{renamed}");
}

#[test]
fn a_backup_that_is_exchanged_after_it_was_named_is_not_used() {
    let mut table = table();
    let other = Table::with_key(&plans::two_of_three());
    let (media, id) = (table.media.clone(), table.backup.clone());
    let (theirs, their_id) = (other.media.device(Role::Secret1), other.backup.clone());
    let signed = Cell::new(0);
    let meddle = |question: &Question, _: &mut _| {
        if let Asks::Passphrase(_) = question.asks {
            signed.set(signed.get() + 1);
            if signed.get() == 4 {
                // Without its record it looks well by itself.
                media.tamper(Role::Secret1, |device| {
                    device.clear();
                    let files = theirs.iter().filter(|(path, _)| !path.contains("/record/"));
                    let files = files.map(|(p, bytes)| (p.replace(&their_id, &id), bytes.clone()));
                    device.extend(files);
                });
            }
        }
        None
    };
    let ended = table.open(None, Some(Box::new(meddle)));
    assert!(ended.is(Outcome::Aborted), "{ended:?}");
    assert!(
        table
            .detail("exception")
            .contains("not the one that was named")
    );
    assert!(table.events("quorum-opened").is_empty());
}

#[test]
fn without_a_record_beside_it_the_backup_is_opened_by_what_the_people_know() {
    let mut table = table();
    table.media.tamper(Role::Secret1, |device| {
        device.retain(|path, _| !path.contains("/record/"));
    });
    let meddle = |question: &Question, _: &mut _| match question.asks {
        Asks::Quorum(_) => line("BC"),
        _ => None,
    };
    let ended = table.open(None, Some(Box::new(meddle)));
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}\n{}",
        table.screen.text()
    );
    opened(&table, CONTENT);
    assert!(
        table
            .screen
            .text()
            .contains("not known: no record lies beside the backup")
    );
    assert!(
        table
            .detail("message-named")
            .contains("transcript beside it: none")
    );
}

#[test]
fn a_ceremonys_backup_is_not_opened_in_a_rehearsal() {
    let mut table = table();
    let real = table.backup.trim_start_matches("REHEARSAL-").to_string();
    table.media.tamper(Role::Secret1, |device| {
        let files: Vec<(String, Vec<u8>)> = device.clone().into_iter().collect();
        for (path, bytes) in files {
            if !path.contains("/record/") {
                device.insert(path.trim_start_matches("REHEARSAL-").to_string(), bytes);
            }
        }
    });
    table.backup = real;
    let ended = table.open(None, None);
    assert!(matches!(ended, support::Ended::Stop(_)), "{ended:?}");
    assert!(table.events("message-named").is_empty());
    assert!(table.drive().content.is_none());
}

#[test]
fn the_other_secret_medium_serves_as_well() {
    let mut table = table();
    table.secret = Role::Secret2;
    let ended = table.open(None, None);
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    opened(&table, CONTENT);
    let events = table.events("quorum-opened");
    assert!(matches!(
        &events[0],
        Event::QuorumOpened {
            medium: Role::Secret2,
            ..
        }
    ));
}

#[test]
fn a_clock_before_the_backup_is_noticed() {
    let mut table = table();
    for (later, clause) in [(0, None), (86_400, Some("FAIL  clock"))] {
        table.not_before = Some(table.now() + later);
        let ended = table.open(None, None);
        assert!(ended.is(Outcome::Closed), "a rehearsal goes on: {ended:?}");
        let report = table.detail("preflight-done");
        assert_eq!(report.contains("FAIL  clock"), clause.is_some(), "{report}");
        table.drive().content = None;
    }
}

/// The places of an opening where the machine may die: before each effect, in its middle, and
/// after the last.
fn places(table: &Table) -> Vec<(usize, Death, String)> {
    let script = table.script.borrow();
    let mut places = Vec::new();
    let mut changed = true;
    for (at, touch) in script.touches.iter().enumerate() {
        if changed {
            places.push((at, Death::Before, touch.what.clone()));
        }
        match touch.effect {
            Effect::Creates if at % 2 == 0 => {
                places.push((at, Death::HalfWritten, touch.what.clone()));
            }
            Effect::Creates => places.push((at, Death::NotRenamed, touch.what.clone())),
            Effect::Extends => places.push((at, Death::HalfWritten, touch.what.clone())),
            _ => {}
        }
        // What the drive holds changes without a touch.
        changed = touch.effect != Effect::None || touch.what == "work done";
    }
    places
}

#[test]
fn power_that_fails_anywhere_leaves_nothing_half_and_the_opening_goes_on() {
    let mut table = Table::with_key(&plans::two_of_two());
    table.seal(Format::Gpg, CONTENT);
    assert!(table.open(None, None).is(Outcome::Closed));
    let places = places(&table);
    assert!(places.len() > 60, "{} places", places.len());
    let (mut taken, mut closed) = (0, 0);
    for (at, how, what) in &places {
        let label = format!("{how:?} touch {at}, {what}");
        let tried = catch_unwind(AssertUnwindSafe(|| {
            table.drive().content = None;
            let died = table.open(Some((*at, *how)), None);
            assert!(!died.is(Outcome::Closed), "it died");
            let stands = table.drive().content.is_some();
            assert!(
                table
                    .drive()
                    .content
                    .as_deref()
                    .is_none_or(|held| held == CONTENT)
            );
            let begun = table.id().is_some();
            let mut ended = table.resume(None);
            if !ended.is(Outcome::Closed) {
                // Nothing was recorded before it died.
                assert!(matches!(ended, support::Ended::Resume(_)), "{ended:?}");
                ended = table.open(None, None);
            }
            assert!(ended.is(Outcome::Closed), "{ended:?}");
            opened(&table, CONTENT);
            usize::from(stands && begun)
        }));
        taken += tried.unwrap_or_else(|_| panic!("{label}"));
        closed += 1;
    }
    println!("{closed} places, {taken} times the content stood there already");
    assert!(
        taken > 3,
        "content that was not recorded yet was taken {taken} times"
    );
}

#[test]
fn a_resumed_opening_is_about_the_message_that_was_opened_before() {
    let mut table = table();
    table.open(None, None);
    let erased = {
        let script = table.script.borrow();
        let mut touches = script.touches.iter().enumerate();
        let opened = touches.find(|(_, touch)| touch.what.starts_with("page The message is open"));
        opened.expect("the page was shown").0
    };
    table.drive().content = None;
    let died = table.open(Some((erased, Death::Before)), None);
    assert!(matches!(died, support::Ended::Stop(_)), "{died:?}");
    assert_eq!(table.events("message-opened").len(), 1);
    let good = table.drive().message.clone();
    table.seal(Format::Gpg, b"another one");
    let drive = table.drive.clone();
    let mend = move || drive.lock().expect("nobody panicked").message = good.clone();
    let ended = table.resume(Some(trying_again(mend)));
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    assert!(
        table
            .detail("exception")
            .contains("a record is about one message")
    );
    assert_eq!(table.drive().content.as_deref(), Some(CONTENT));
    assert_eq!(
        table.events("message-opened").len(),
        2,
        "opened again, and taken"
    );
    let _ = (table.share('A', Part::Whole), table.secrets());
}
