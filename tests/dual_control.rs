//! Two people, always: each rule about them has a test that tries to break it.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod dual_support;

use std::mem::discriminant;

use ceremony::driver::Outcome;
use ceremony::openpgp::LockedKey;
use ceremony::plan::Operator::{self, A, B};
use ceremony::record::event::Event;
use ceremony::record::value::{Act, Decision, Signed, Standing};
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use ceremony::secret::SecretText;
use ceremony::site::Site;
use ceremony::verify::Completion;
use dual_support::{Held, PASSPHRASES, Table, first, line, secret};

fn decide(question: &Question, decision: Decision) -> Option<Reply> {
    matches!(question.asks, Asks::Decide | Asks::Device).then(|| line(decision.word()))?
}

fn is_signing(question: &Question, operator: Operator) -> bool {
    question.asks == Asks::Passphrase(operator)
}

fn share_word(question: &Question, letter: char) -> Option<usize> {
    match &question.asks {
        Asks::ShareWord(custodian, _, at) if custodian.letter() == letter => Some(*at),
        _ => None,
    }
}

fn drill_word(question: &Question, letter: char) -> Option<usize> {
    match &question.asks {
        Asks::DrillWord(custodian, _, at) if custodian.letter() == letter => Some(*at),
        _ => None,
    }
}

/// The same kind of question; each question of a call is a kind of its own.
fn same_kind(one: &Asks, other: &Asks) -> bool {
    match (one, other) {
        (Asks::Call(one), Asks::Call(other)) => discriminant(one) == discriminant(other),
        _ => discriminant(one) == discriminant(other),
    }
}

fn kind(event: &Event) -> impl Fn(&Event) -> bool {
    let kind = discriminant(event);
    move |event| discriminant(event) == kind
}

fn authorised(held: &Held) -> usize {
    held.count(|event| matches!(event, Event::Authorised { .. }))
}

// Passphrases

#[test]
fn one_operators_passphrase_never_signs_for_both() {
    let table = Table::new();
    let mut tries = 0;
    let held = table.hold(|question| {
        if is_signing(question, B) {
            tries += 1;
            return if tries <= 5 {
                secret(PASSPHRASES[0])
            } else {
                Some(Reply::Exception)
            };
        }
        decide(question, Decision::Abort)
    });
    assert_eq!(held.end, Ok(Outcome::Aborted), "{}", held.screen);
    assert_eq!(table.completion(&held), Completion::Aborted);
    assert!(tries > 5);
    assert_eq!(authorised(&held), 0);
    let by_a_alone = |event: &Event| {
        matches!(
            event,
            Event::Refused {
                sig_a: Signed::Yes(_),
                sig_b: Signed::Refused
            }
        )
    };
    assert!(held.count(by_a_alone) > 0, "{:?}", held.events);
    assert_eq!(
        held.screen
            .matches("not the passphrase of this key")
            .count(),
        5
    );
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_and_the_right_one_signs() {
    let table = Table::new();
    let b_as_a = first(3, |q| is_signing(q, A), || secret(PASSPHRASES[1]));
    let held = table.hold(b_as_a).closed();
    assert_eq!(
        held.screen
            .matches("not the passphrase of this key")
            .count(),
        3
    );
    assert_eq!(table.completion(&held), Completion::Closed);
}

#[test]
fn when_both_choose_the_same_passphrase_both_choose_anew() {
    let table = Table::new();
    let chooses = |q: &Question| matches!(q.asks, Asks::NewPassphrase(B) | Asks::SamePassphrase(B));
    let held = table
        .hold(first(2, chooses, || secret(PASSPHRASES[0])))
        .closed();
    assert!(held.says("one person's secret, not two"));
    for operator in [A, B] {
        assert_eq!(held.asked(|q| q.asks == Asks::NewPassphrase(operator)), 2);
        let mut keys = table.files();
        let letter = operator.to_string().to_lowercase();
        keys.retain(|path, _| path.ends_with(&format!("operator-{letter}.key.asc")));
        assert_eq!(keys.len(), 1, "the refused key was never written");
    }
}

#[test]
fn a_passphrase_that_is_short_or_typed_differently_is_not_taken() {
    let table = Table::new();
    let mut answers = ["eleven char", "long enough it is", "long enough it was"].into_iter();
    let held = table.hold(move |question| match question.asks {
        Asks::NewPassphrase(A) | Asks::SamePassphrase(A) => answers.next().and_then(secret),
        _ => None,
    });
    let held = held.closed();
    assert!(held.says("too short: at least 12"));
    assert!(held.says("The two are not the same"));
    assert_eq!(held.asked(|q| q.asks == Asks::NewPassphrase(A)), 3);
}

#[test]
fn only_ones_own_letter_goes_on() {
    let table = Table::new();
    let baseline = table.hold(|_| None).closed();
    let asked = |held: &Held, asks: Asks| held.asked(|q| q.asks == asks);
    let table = Table::new();
    let mut wrong = ["B", "", "yes", "AB"].into_iter();
    let held = table.hold(move |question| match question.asks {
        Asks::Agree(A) => wrong.next().and_then(line),
        _ => None,
    });
    let held = held.closed();
    let agrees = Asks::Agree(A);
    assert_eq!(asked(&held, agrees.clone()), asked(&baseline, agrees) + 4);
    assert_eq!(
        asked(&held, Asks::Agree(B)),
        asked(&baseline, Asks::Agree(B))
    );
    assert_eq!(held.deeds(), baseline.deeds());
}

// Keys that were brought

/// Puts a key on each operator's medium and pins it.
fn bring(table: &mut Table, keys: &[Vec<u8>; 2]) {
    for (operator, bytes) in [A, B].into_iter().zip(keys) {
        let key = LockedKey::from_bytes(bytes).expect("a key");
        let letter = operator.to_string().to_lowercase();
        let fingerprint = key.certificate().fingerprint();
        let role = if operator == A {
            Role::OperatorA
        } else {
            Role::OperatorB
        };
        std::fs::write(table.medium(role).join("own.key.asc"), bytes).expect("written");
        table.site.push_str(&format!(
            "\n[operator-{letter}]\nfingerprint = \"{fingerprint}\"\nkey = \"own.key.asc\"\n"
        ));
    }
}

fn own_key(name: &str, passphrase: &str) -> Vec<u8> {
    let passphrase = SecretText::from_string(passphrase.to_string());
    let an_hour_ago = now() - 3600;
    let key = LockedKey::generate(name, &passphrase, an_hour_ago, None);
    key.expect("a key").bytes().to_vec()
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("the clock is right").as_secs()
}

#[test]
fn brought_keys_that_the_site_pins_are_used_and_never_written() {
    let mut table = Table::new();
    let keys = [
        own_key("Alice", PASSPHRASES[0]),
        own_key("Bob", PASSPHRASES[1]),
    ];
    bring(&mut table, &keys);
    let held = table.hold(|_| None).closed();
    let pinned = |event: &Event| {
        matches!(
            event,
            Event::RollCall {
                standing_a: Standing::Pinned,
                standing_b: Standing::Pinned,
                ..
            }
        )
    };
    assert_eq!(held.count(pinned), 1);
    assert_eq!(held.asked(|q| matches!(q.asks, Asks::NewPassphrase(_))), 0);
    assert!(
        !table
            .files()
            .keys()
            .any(|path| path.ends_with("operator-a.key.asc"))
    );
    assert_eq!(table.completion(&held), Completion::Closed);
}

#[test]
fn a_key_that_is_not_the_pinned_one_is_refused_until_the_right_one_is_there() {
    let mut table = Table::new();
    let keys = [
        own_key("Alice", PASSPHRASES[0]),
        own_key("Bob", PASSPHRASES[1]),
    ];
    bring(&mut table, &keys);
    let place = table.medium(Role::OperatorA).join("own.key.asc");
    std::fs::write(&place, own_key("Alice", PASSPHRASES[0])).expect("written");
    let held = table.hold(|question| {
        if question.asks != Asks::Device {
            return None;
        }
        std::fs::write(&place, &keys[0]).expect("written");
        line(Decision::TryAgain.word())
    });
    let held = held.closed();
    assert!(
        held.says("not the key that the site file pins"),
        "{}",
        held.screen
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::Exception { .. })),
        1
    );
}

#[test]
fn the_same_key_cannot_be_pinned_for_both() {
    let mut table = Table::new();
    let key = own_key("Alice", PASSPHRASES[0]);
    bring(&mut table, &[key.clone(), key]);
    assert!(Site::parse(&table.site).is_err());
}

/// Two certificates with different fingerprints over one key: made with stock gpg, which can
/// make a certificate around a key that it has already.
#[test]
fn two_certificates_around_one_key_are_one_persons() {
    let gpg = Gpg::new();
    let first = gpg.certificate(
        "Alice",
        "Key-Type: eddsa\nKey-Curve: ed25519",
        "20260101T000000",
    );
    let grip = gpg.grip(&first);
    let second = gpg.certificate(
        "Bob",
        &format!("Key-Type: eddsa\nKey-Grip: {grip}"),
        "20260201T000000",
    );
    assert_ne!(first, second);
    let mut table = Table::new();
    bring(&mut table, &[gpg.secret(&first), gpg.secret(&second)]);
    let held = table.hold(|question| match question.asks {
        Asks::Passphrase(_) => secret(PASSPHRASES[0]),
        _ => decide(question, Decision::Abort),
    });
    assert_eq!(held.end, Ok(Outcome::Aborted), "{}", held.screen);
    assert!(
        held.says("both operators have the same key"),
        "{}",
        held.screen
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::RollCall { .. })),
        0
    );
}

#[test]
fn two_brought_keys_under_one_passphrase_are_one_persons() {
    let mut table = Table::new();
    bring(
        &mut table,
        &[
            own_key("Alice", PASSPHRASES[0]),
            own_key("Bob", PASSPHRASES[0]),
        ],
    );
    let held = table.hold(|question| match question.asks {
        Asks::Passphrase(_) => secret(PASSPHRASES[0]),
        _ => decide(question, Decision::Abort),
    });
    assert_eq!(held.end, Ok(Outcome::Aborted), "{}", held.screen);
    assert!(held.says("both operators have the same passphrase"));
    assert_eq!(
        held.count(|event| matches!(event, Event::RollCall { .. })),
        0
    );
}

/// Stock gpg in a home of its own.
struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Gpg {
        Gpg(tempfile::TempDir::with_prefix("g").expect("a short folder"))
    }

    fn run(&self, args: &[&str]) -> Vec<u8> {
        let mut command = std::process::Command::new("gpg");
        command.arg("--homedir").arg(self.0.path()).args([
            "--batch",
            "--pinentry-mode",
            "loopback",
        ]);
        let output = command
            .args(["--passphrase", PASSPHRASES[0]])
            .args(args)
            .output();
        let output = output.expect("gpg starts; scripts/test installs it");
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Makes a certificate; gives its fingerprint.
    fn certificate(&self, name: &str, key: &str, at: &str) -> String {
        let terms = self.0.path().join(format!("{name}.txt"));
        let text =
            format!("{key}\nKey-Usage: sign\nName-Real: {name} Test\nExpire-Date: 0\n%commit\n");
        std::fs::write(&terms, text).expect("written");
        let terms = terms.display().to_string();
        self.run(&["--faked-system-time", at, "--gen-key", &terms]);
        self.field(&["--list-keys", name], "fpr:")
    }

    fn grip(&self, fingerprint: &str) -> String {
        self.field(&["--list-keys", fingerprint], "grp:")
    }

    fn field(&self, args: &[&str], record: &str) -> String {
        let listed = self.run(&[&["--with-colons", "--with-keygrip"], args].concat());
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let line = listed.lines().find(|line| line.starts_with(record));
        line.and_then(|line| line.split(':').nth(9))
            .expect("is listed")
            .to_string()
    }

    fn secret(&self, fingerprint: &str) -> Vec<u8> {
        self.run(&["--armor", "--export-secret-keys", fingerprint])
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut kill = std::process::Command::new("gpgconf");
        let _ = kill
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}

// Shares

#[test]
fn a_wrong_word_fails_the_attempt_and_the_share_is_shown_again() {
    let table = Table::new();
    // A word of the list, but another one.
    let wrong = first(
        1,
        |q| share_word(q, 'A') == Some(3),
        || {
            secret(if table.card('A')[3] == "zoo" {
                "zone"
            } else {
                "zoo"
            })
        },
    );
    let held = table.hold(wrong).closed();
    let failed = |event: &Event| {
        matches!(
            event,
            Event::ShareFailed {
                custodian: 'A',
                attempt: 1,
                ..
            }
        )
    };
    let second = |event: &Event| {
        matches!(
            event,
            Event::ShareConfirmed {
                custodian: 'A',
                attempts: 2,
                ..
            }
        )
    };
    assert_eq!((held.count(failed), held.count(second)), (1, 1));
}

#[test]
fn what_is_no_word_of_the_list_is_asked_for_again_at_once() {
    let table = Table::new();
    let wrong = first(2, |q| share_word(q, 'B') == Some(0), || secret("zzzz"));
    let held = table.hold(wrong).closed();
    assert_eq!(
        held.count(|event| matches!(event, Event::ShareFailed { .. })),
        0
    );
    assert_eq!(held.screen.matches("not a word of the list").count(), 2);
}

#[test]
fn three_failed_shares_are_an_exception_and_then_it_goes_on() {
    let table = Table::new();
    let mut wrong = first(3, |q| share_word(q, 'A') == Some(0), || secret("zoo"));
    let held = table
        .hold(|q| decide(q, Decision::TryAgain).or_else(|| wrong(q)))
        .closed();
    assert_eq!(
        held.count(|event| matches!(event, Event::ShareFailed { .. })),
        3
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::Exception { .. })),
        1
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::ShareConfirmed { .. })),
        2
    );
}

#[test]
fn three_failed_read_backs_are_an_exception_and_then_it_goes_on() {
    for row in [Asks::HexRow(0), Asks::WordRow(1)] {
        let table = Table::new();
        let mut wrong = first(3, |q| q.asks == row, || line("0000"));
        let held = table
            .hold(|q| decide(q, Decision::TryAgain).or_else(|| wrong(q)))
            .closed();
        let failed = held.count(|event| matches!(event, Event::ReadBackFailed { .. }));
        assert_eq!(failed, 3);
        assert_eq!(
            held.count(|event| matches!(event, Event::ReadBackMatched { .. })),
            2
        );
        assert_eq!(
            held.count(|event| matches!(event, Event::Exception { .. })),
            1
        );
    }
}

#[test]
fn three_failed_read_backs_can_end_it() {
    let table = Table::new();
    let held = table.hold(|q| match q.asks {
        Asks::HexRow(1) => line("FFFF"),
        _ => decide(q, Decision::Abort),
    });
    assert_eq!(held.end, Ok(Outcome::Aborted));
    assert_eq!(
        held.count(|event| matches!(event, Event::ReadBackFailed { .. })),
        3
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::ReadBackMatched { .. })),
        0
    );
    assert_eq!(
        held.count(|event| matches!(event, Event::Abandoned { .. })),
        1
    );
    assert_eq!(table.completion(&held), Completion::Aborted);
}

/// The first share again, where the second is due: refused when it is typed back.
#[test]
fn one_card_typed_for_two_custodians_is_not_taken() {
    let table = Table::new();
    let mut left = 12;
    let held = table.hold(|question| {
        let at = share_word(question, 'B').filter(|_| left > 0)?;
        left -= 1;
        secret(&table.card('A')[at])
    });
    let held = held.closed();
    let failed = |event: &Event| matches!(event, Event::ShareFailed { custodian: 'B', .. });
    assert_eq!(held.count(failed), 1);
}

/// In the drill the capsule decides: A's words do not open what is B's.
#[test]
fn one_card_typed_for_two_custodians_opens_nothing() {
    let table = Table::new();
    let mut left = 12;
    let held = table.hold(|question| {
        let at = drill_word(question, 'B').filter(|_| left > 0)?;
        left -= 1;
        secret(&table.card('A')[at])
    });
    let held = held.closed();
    assert!(held.says("B's words do not open AB.asc"), "{}", held.screen);
    assert_eq!(held.asked(|q| drill_word(q, 'B') == Some(0)), 2);
    assert_eq!(held.asked(|q| drill_word(q, 'A') == Some(0)), 1);
}

#[test]
fn a_card_that_never_opens_the_backup_ends_as_an_exception_not_as_a_drill() {
    let table = Table::new();
    let held = table.hold(|question| match drill_word(question, 'A') {
        Some(_) => secret("zoo"),
        None => decide(question, Decision::Abort),
    });
    assert_eq!(held.end, Ok(Outcome::Aborted), "{}", held.screen);
    assert_eq!(held.asked(|q| drill_word(q, 'A') == Some(0)), 3);
    assert_eq!(
        held.count(|event| matches!(event, Event::Drilled { .. })),
        0
    );
    assert_eq!(held.count(|event| matches!(event, Event::Erased {})), 0);
}

#[test]
fn case_and_blanks_do_not_matter_and_a_line_may_have_several_words() {
    let table = Table::new();
    let held =
        table.hold(
            |question| match (share_word(question, 'A'), drill_word(question, 'B')) {
                (Some(at), _) => secret(&format!("  {} ", table.card('A')[at].to_uppercase())),
                (_, Some(0)) => secret(&table.card('B')[..5].join("   ")),
                (_, Some(5)) => secret(&table.card('B')[5..].join("\t").to_uppercase()),
                _ => None,
            },
        );
    let held = held.closed();
    assert_eq!(held.asked(|q| drill_word(q, 'B').is_some()), 2);
    assert_eq!(
        held.count(|event| matches!(event, Event::ShareFailed { .. })),
        0
    );
}

#[test]
fn more_words_than_a_share_has_are_not_taken() {
    let table = Table::new();
    let thirteen = ["zoo"; 13].join(" ");
    let many = first(1, |q| share_word(q, 'A') == Some(0), || secret(&thirteen));
    let held = table.hold(many).closed();
    assert!(held.says("Type one word, then press Enter."));
}

// Exceptions

/// At the first question of every kind somebody types `!`. Whatever is decided, the same
/// question comes again, and everything that is done without exceptions is done with them.
#[test]
fn an_exception_skips_nothing() {
    let baseline = Table::new();
    let baseline = baseline.hold(|_| None).closed();
    for decision in Decision::ALL.iter().filter(|d| **d != Decision::Abort) {
        let table = Table::new();
        let spare = table.spare();
        let mut seen = Vec::new();
        let mut stands: Option<Asks> = None;
        let held = table.hold(|question| {
            let in_dialogue = matches!(
                question.asks,
                Asks::Expected | Asks::Happened | Asks::Passphrase(_)
            );
            match question.asks {
                Asks::Decide => return line(decision.word()),
                Asks::Device => return line("secret-2"),
                Asks::Location => return line(&spare),
                _ if in_dialogue && stands.is_some() => return None,
                _ => {}
            }
            if let Some(asks) = stands.take() {
                let refused = matches!(asks, Asks::Passphrase(_));
                assert!(
                    refused || question.asks == asks,
                    "{decision}: {asks:?} was left out"
                );
            }
            if seen.iter().any(|asks| same_kind(asks, &question.asks)) {
                return None;
            }
            seen.push(question.asks.clone());
            stands = Some(question.asks.clone());
            Some(Reply::Exception)
        });
        let held = held.closed();
        assert_eq!(held.deeds(), baseline.deeds(), "{decision}");
        // At the clock nothing is recorded yet; and where the words on paper are asked for, it is
        // not known yet whether this is the record to go on with.
        let exceptions = held.count(|event| matches!(event, Event::Exception { .. }));
        assert_eq!(exceptions, seen.len() - 2, "{decision}");
        assert!(seen.len() >= 12, "{} kinds of questions", seen.len());
        assert_eq!(table.completion(&held), Completion::Closed);
    }
}

#[test]
fn aborting_is_possible_at_every_kind_of_question_and_clean() {
    let baseline = Table::new();
    let baseline = baseline.hold(|_| None).closed();
    let mut kinds: Vec<Asks> = Vec::new();
    for question in baseline.asked {
        if !kinds.iter().any(|asks| same_kind(asks, &question.asks)) {
            kinds.push(question.asks);
        }
    }
    for asks in kinds {
        let table = Table::new();
        let mut stop = first(1, |q| same_kind(&q.asks, &asks), || Some(Reply::Exception));
        let held = table.hold(|q| decide(q, Decision::Abort).or_else(|| stop(q)));
        if matches!(asks, Asks::ClockRight(_)) {
            assert!(held.end.is_err(), "{:?}", held.end);
            assert!(
                table.files().is_empty(),
                "nothing is written before the record begins"
            );
            continue;
        }
        if matches!(asks, Asks::HeadWords(_)) {
            let end = held.end.as_ref().expect_err("it does not go on");
            assert!(end.contains("the record is as it was"), "{end}");
            assert_eq!(table.completion(&held), Completion::Unfinished, "{asks:?}");
            continue;
        }
        assert_eq!(held.end, Ok(Outcome::Aborted), "{asks:?}\n{}", held.screen);
        assert!(
            matches!(held.events.last(), Some(Event::Aborted {})),
            "{asks:?}"
        );
        assert_eq!(table.completion(&held), Completion::Aborted, "{asks:?}");
        let made = held.count(|event| matches!(event, Event::Generated { .. }));
        let safe = held.count(|event| matches!(event, Event::RevocationSaved { .. }));
        let abandoned = held.count(|event| matches!(event, Event::Abandoned { .. }));
        assert_eq!(
            abandoned,
            made - safe.min(made),
            "{asks:?}: no key is left behind"
        );
    }
}

#[test]
fn a_refusal_to_sign_is_recorded_and_the_act_waits_for_both() {
    for operator in [A, B] {
        let table = Table::new();
        let mut acts = 0;
        let mut refusals = first(1, |q| is_signing(q, operator), || Some(Reply::Exception));
        let held = table.hold(|question| {
            acts += usize::from(is_signing(question, A));
            decide(question, Decision::TryAgain).or_else(|| refusals(question))
        });
        let held = held.closed();
        let refused = Event::Refused {
            sig_a: Signed::Refused,
            sig_b: Signed::Refused,
        };
        assert_eq!(held.count(kind(&refused)), 1);
        let at = held
            .events
            .iter()
            .position(kind(&refused))
            .expect("is there");
        let names: Vec<&str> = held.events[at - 1..=at + 5]
            .iter()
            .map(Event::name)
            .collect();
        assert_eq!(
            names,
            [
                "authorise",
                "refused",
                "exception",
                "authorise",
                "authorised",
                "authorise",
                "authorised"
            ]
        );
        assert!(matches!(
            held.events[at + 4],
            Event::Authorise { act: Act::RollCall }
        ));
        assert_eq!(table.completion(&held), Completion::Closed);
    }
}

// Resuming

#[test]
fn words_of_another_record_do_not_resume_this_one() {
    let table = Table::new();
    let held = table.hold_until(|q| q.asks == Asks::HexRow(1));
    assert!(held.end.is_err());
    let before = table.files();
    let ten = "aardvark adroitness aardvark adroitness aardvark adroitness aardvark adroitness \
               aardvark adroitness";
    let resumed = table.resume(&held.id, |q| match q.asks {
        Asks::HeadWords(_) => line(ten),
        _ => None,
    });
    let error = resumed.end.expect_err("refused");
    assert!(error.contains("head words"), "{error}");
    assert_eq!(
        resumed
            .asked
            .iter()
            .filter(|q| matches!(q.asks, Asks::HeadWords(A)))
            .count(),
        3
    );
    assert_eq!(table.files(), before, "nothing was changed");
}

/// A medium that is replaced gets all that its predecessor had, at any time.
#[test]
fn a_replaced_medium_has_all_that_the_record_says() {
    let plain = Table::new();
    let undisturbed = plain.hold(|_| None).closed();
    for role in Role::ALL {
        let expected = names(&plain, role, &undisturbed.id);
        let mut table = Table::new();
        let spare = table.spare();
        let mut once = first(
            1,
            |q| matches!(q.asks, Asks::Seal(_)),
            || Some(Reply::Exception),
        );
        let held = table.hold(|question| match question.asks {
            Asks::Decide => line(Decision::ReplaceDevice.word()),
            Asks::Device => line(&role.to_string()),
            Asks::Location => line(&spare),
            _ => once(question),
        });
        let held = held.closed();
        table.use_spare(role);
        assert_eq!(names(&table, role, &held.id), expected, "{role}");
    }
}

/// The files on a medium, without the ceremony's folder before them; files of single entries
/// left out, because an exception has its own.
fn names(table: &Table, role: Role, id: &str) -> Vec<String> {
    let before = format!("{role}/{id}/");
    let files = table.files().into_keys();
    let names = files.filter_map(|path| path.strip_prefix(&before).map(str::to_string));
    let of_entry = |name: &String| {
        ["record/signatures/", "record/details/"]
            .iter()
            .any(|f| name.starts_with(f))
    };
    names.filter(|name| !of_entry(name)).collect()
}
