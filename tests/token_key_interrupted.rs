//! A ceremony with a key in a token that is interrupted: the key is never lost, never made twice,
//! and nothing that was half done is taken for done.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

#[path = "token_key_support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::process::Command;

use ceremony::backup::capsule;
use ceremony::backup::quorum::Custodian;
use ceremony::digest::Fingerprint;
use ceremony::openpgp::{Certificate, decrypt_with_password};
use ceremony::record::event::Event;
use ceremony::record::value::{Decision, Part};
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use ceremony::secret::SecretText;
use ceremony::verify::{Material, Pins, verify};
use support::{
    Cut, Hands, Held, KEY, LIMIT, Maker, Table, as_expected, first, is_page, line, secret, text,
};
use virtual_yubikey::{Reader, alone_with_pcscd};

const OTHER: u32 = 10_004;

fn table(reader: Reader, maker: &Maker) -> Table {
    Table::of_two(Hands::new(reader, maker.token(KEY)))
}

fn keys(held: &Held) -> Vec<Fingerprint> {
    let made = held.events.iter().filter_map(|event| match event {
        Event::Generated { fingerprint, .. } => Some(fingerprint.clone()),
        _ => None,
    });
    made.collect()
}

/// The record on operator A's medium is good, and the words on the cards open the revocation
/// certificate of the key.
fn all_is_good(table: &Table, held: &Held) {
    let folder = table.medium(Role::OperatorA).join(&held.id).join("record");
    let found = ceremony::edge::files::read_folder(&folder).expect("it is readable");
    let beside = table.medium(Role::Secret1).join(&held.id);
    let beside = ceremony::edge::files::read_folder(&beside).expect("it is readable");
    let material = Material {
        files: found.files,
        odd: found.odd,
        beside: beside.files,
    };
    let verdict = verify(&material, &Pins::default()).expect("a good record");
    assert_eq!(verdict.abandoned, []);
    let compared = verdict.compared.iter();
    let stored = compared.filter(|path| path.starts_with("revocation/"));
    assert_eq!(stored.count(), 2, "{:?}", verdict.compared);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
    let record = table.medium(Role::OperatorA).join(&held.id);
    let ran = Command::new("sh").arg(script).arg(&record).output();
    let ran = ran.expect("sh is there");
    // A rehearsal.
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    revokes(table, held);
}

fn revokes(table: &Table, held: &Held) {
    let file = table.file(Role::Public, &held.id, "certificate.asc");
    let certificate = Certificate::from_bytes(&file).expect("a certificate");
    assert_eq!(keys(held), [certificate.fingerprint()]);
    let backup = table.plan.backup.as_ref().expect("the plan has one");
    let [quorum] = &backup.quorums()[..] else {
        panic!("A and B alone");
    };
    let cards = ['A', 'B'].map(|who| text(&table.card(who, Part::Whole)));
    let of = |who: Custodian| -> &SecretText { &cards[usize::from(who != Custodian::A)] };
    for medium in [Role::Secret1, Role::Secret2] {
        let file = |name: &str| table.file(medium, &held.id, &format!("revocation/{name}"));
        let key = capsule::open_with_library(&file("AB.asc"), quorum, of);
        let key = key.map_err(|(_, error)| error).expect("the words open it");
        let opened = decrypt_with_password(&file("payload.asc"), &key).expect("K opens it");
        assert!(certificate.is_revoked_by(opened.expose()));
        assert!(!certificate.is_revoked());
    }
}

/// The keys are made, and nothing says so: the same token is overwritten after an exception, or
/// another one is taken.
#[test]
fn before_the_key_is_on_the_record() {
    let name = "before_the_key_is_on_the_record";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let maker = Maker::known();
        let table = table(reader, &maker);
        let at = || Cut::AtPage(Box::new(is_page("The key signs its certificate")));
        let held = table.hold_until(at(), as_expected()).cut();
        assert_eq!(held.named("generated"), 0);
        let id = held.id.clone();
        // Both decide to use it all the same, and are interrupted once more.
        let overwrite = |question: &Question| match &question.asks {
            Asks::KeyTokenUsed => line("overwrite"),
            Asks::Decide => line(Decision::SetUpAgain.word()),
            _ => None,
        };
        let hook = Box::new(move |question: &Question, _: &mut Hands| overwrite(question));
        let held = table.resume_until(&id, at(), hook).cut();
        held.must_say("This YubiKey is not new");
        assert_eq!((held.named("exception"), held.named("generated")), (1, 0));
        // Then they take another one.
        let other = RefCell::new(Some(maker.token(OTHER)));
        let held = table.resume(
            &id,
            Box::new(|question, hands| {
                if question.asks == Asks::KeyTokenUsed {
                    hands.take(other.borrow_mut().take().expect("once"));
                }
                None
            }),
        );
        let held = held.closed();
        assert_eq!(held.named("exception"), 1, "a new one needs none");
        all_is_good(&table, &held);
    });
}

/// The key is on the record; what the token shows of it is not.
#[test]
fn between_the_key_and_its_attestation() {
    let name = "between_the_key_and_its_attestation";
    alone_with_pcscd(name, LIMIT, |[reader, mut second]| {
        let maker = Maker::known();
        let table = table(reader, &maker);
        let held = table.hold_until(Cut::BeforeEntry("event: token-attested"), as_expected());
        let held = held.cut();
        // As the media have it; the entry that did not come to them is not there.
        assert_eq!(held.named("generated"), 1);
        let made = keys(&held);
        second.insert(&maker.token(OTHER)).unwrap();
        let mut wrong = first(
            |asks| *asks == Asks::KeyTokenSerial,
            vec![line(&OTHER.to_string())],
        );
        let mut files = first(
            |asks| matches!(asks, Asks::Means(_)),
            vec![line("file"), line("file")],
        );
        let hook = Box::new(move |question: &Question, _: &mut Hands| {
            wrong(question).or_else(|| files(question))
        });
        let held = table.resume(&held.id, hook).closed();
        held.must_say("That is another YubiKey: the key is not in it.");
        assert_eq!(keys(&held), made, "the same key, made once");
        assert_eq!(held.named("token-attested"), 1);
        assert_eq!(held.asked(|asks| matches!(asks, Asks::NewHalf(..))), 0);
        all_is_good(&table, &held);
    });
}

/// Words that were being written are gone: everybody gets new ones, and the old cards go.
#[test]
fn while_the_words_are_written() {
    let name = "while_the_words_are_written";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let at_b = |question: &Question| matches!(question.asks, Asks::ShareWord(who, ..) if who == Custodian::B);
        let held = table.hold_until(Cut::AtQuestion(Box::new(at_b)), as_expected());
        let held = held.cut();
        let before = table.card('A', Part::Whole);
        let held = table.resume(&held.id, as_expected()).closed();
        held.must_say("Destroy every card with words that you wrote for this key");
        assert_ne!(table.card('A', Part::Whole), before);
        all_is_good(&table, &held);
    });
}

/// Some files of the revocation certificate are on the media, the words only on the cards.
#[test]
fn while_the_revocation_certificate_is_stored() {
    let name = "while_the_revocation_certificate_is_stored";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        for (at, entry) in ["file: revocation/AB.asc", "event: revocation-saved"]
            .into_iter()
            .enumerate()
        {
            let held = match at {
                0 => table.hold_until(Cut::BeforeEntry(entry), as_expected()),
                _ => {
                    let id = id(&table);
                    table.resume_until(&id, Cut::BeforeEntry(entry), as_expected())
                }
            };
            held.cut();
        }
        let id = id(&table);
        // A's words are typed otherwise the second time: both times once more.
        let is_a = |asks: &Asks| matches!(asks, Asks::DrillWord(who, _, 0) if *who == Custodian::A);
        let mut wrong = first(is_a, vec![None, secret("zoo")]);
        let hook = Box::new(move |question: &Question, _: &mut Hands| wrong(question));
        let held = table.resume(&id, hook).closed();
        held.must_say("the words are on the cards alone");
        held.must_say("The two are not the same. Look at the card");
        assert_eq!(held.asked(is_a), 4);
        assert_eq!(held.named("share-confirmed"), 2, "no new words");
        // What the two attempts left is kept, aside.
        let aside = |path: &&String| path.contains("SET-ASIDE-") && path.ends_with("payload.asc");
        let files = table.files();
        assert_eq!(files.keys().filter(aside).count(), 4);
        all_is_good(&table, &held);
    });
}

fn id(table: &Table) -> String {
    let files = table.files();
    let record = files
        .keys()
        .find_map(|path| path.strip_prefix("operator-a/"));
    let (id, _) = record
        .and_then(|path| path.split_once('/'))
        .expect("a record");
    id.to_string()
}

/// The trial begins again, token out first.
#[test]
fn in_the_trial_and_at_its_signature() {
    let name = "in_the_trial_and_at_its_signature";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let cut = Cut::AtPage(Box::new(is_page("The key is used")));
        let held = table.hold_until(cut, as_expected()).cut();
        assert_eq!(held.named("trial-done"), 0);
        // Tried, and not yet signed by both.
        let mut tried = false;
        let cut = Cut::AtQuestion(Box::new(move |question: &Question| {
            tried |= question.prompt.contains("is in");
            tried && matches!(question.asks, Asks::Passphrase(_))
        }));
        let held = table.resume_until(&held.id, cut, as_expected()).cut();
        assert_eq!(held.named("trial-done"), 1);
        let held = table.resume(&held.id, as_expected()).closed();
        assert_eq!(held.named("trial-done"), 2, "it is done again");
        assert_eq!(held.named("exported"), 1);
        all_is_good(&table, &held);
    });
}

/// Nothing secret was only in memory; whoever aborts before the key can be revoked gives it up.
#[test]
fn an_abort_before_it_can_be_revoked_gives_the_key_up() {
    let name = "an_abort_before_it_can_be_revoked_gives_the_key_up";
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = table(reader, &Maker::known());
        let held = table.hold(Box::new(|question, _| match question.asks {
            Asks::Copied(_) => Some(Reply::Exception),
            Asks::Decide => line(Decision::Abort.word()),
            _ => None,
        }));
        assert_eq!(held.end, Ok(ceremony::driver::Outcome::Aborted));
        held.must_say("Reset that YubiKey before it is used for anything else");
        assert_eq!((held.named("abandoned"), held.named("aborted")), (1, 1));
    });
}
