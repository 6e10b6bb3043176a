//! Who the operators are: two people, two certificates, two secrets.

mod file;
mod set_up;
mod token;

pub(super) use token::collect;

use crate::attestation::Evidence;
use crate::digest::Digest;
use crate::edge::{MediaError, MediaFault};
use crate::engine::Operators;
use crate::error::Explain;
use crate::openpgp::{Certificate, LockedKey};
use crate::operator::{FileOperator, Signatory, key_path};
use crate::plan::{Operator, OperatorDemand};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Holder, Means, Standing};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Answer, Asks, Question, Reply, Who, layout};
use crate::site::{KeyPlace, SiteOperator};

type Both = [Box<dyn Signatory>; 2];

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    show_plan(room)?;
    let [a, b] = identify(room)?;
    attest(room, Operator::A, &a)?;
    attest(room, Operator::B, &b)?;
    let keys = [settle(room, Operator::A, a)?, settle(room, Operator::B, b)?];
    for (operator, signatory) in Operator::ALL.into_iter().zip(&keys) {
        let path = files::operator_certificate(operator);
        room.journal
            .add_file(path, signatory.certificate_file().to_vec());
    }
    show(room, &keys)?;
    let detail = describe(room, &keys);
    let [a, b] = &keys;
    let event = Event::RollCall {
        operator_a: a.certificate().fingerprint(),
        cert_a: Digest::of(a.certificate_file()),
        standing_a: a.standing(),
        means_a: a.means(),
        operator_b: b.certificate().fingerprint(),
        cert_b: Digest::of(b.certificate_file()),
        standing_b: b.standing(),
        means_b: b.means(),
    };
    room.operators = keys.map(Some);
    room.record_with(event, Actors::both(), &detail)
}

/// What an operator's token showed goes on the record.
fn attest(room: &mut Room<'_>, operator: Operator, candidate: &Candidate) -> Result<(), Stop> {
    let Candidate::Token(shown) = candidate else {
        return Ok(());
    };
    let event = Event::TokenAttested {
        holder: holder(operator),
        firmware: shown.evidence.firmware,
    };
    let text = shown.evidence.text();
    room.record_with(event, Actors::of([operator.letter()]), &text)
}

/// Both operators' keys, proven where that can be done yet, and certainly of two people.
fn identify(room: &mut Room<'_>) -> Result<[Candidate; 2], Stop> {
    loop {
        let of_b = pin(room, Operator::B).and_then(|pin| pin.key.serial());
        let a = candidate(room, Operator::A, of_b)?;
        let b = candidate(room, Operator::B, a.serial())?;
        let Some(what) = in_common(&a, &b) else {
            let Some(operator) = other_than_before(room, [&a, &b]) else {
                return Ok([a, b]);
            };
            let expected = "both operators have the keys of this ceremony's earlier roll call";
            let happened = format!("operator {operator} has another key or certificate");
            room.exception_about(Some((expected, &happened)))?;
            continue;
        };
        room.say(&format!(
            "No: {what}. That is one person's secret, not two."
        ))?;
        if a.is_chosen() || b.is_chosen() {
            room.say("Both of you choose a new passphrase, each without telling the other.")?;
        } else {
            let expected = "the operators have two keys and two secrets";
            room.exception_about(Some((expected, what)))?;
        }
    }
}

/// Who an operator is, before it is on the record.
enum Candidate {
    File(Box<file::Proven>),
    Token(Box<token::Shown>),
}

impl Candidate {
    fn certificate(&self) -> &Certificate {
        match self {
            Candidate::File(proven) => proven.key.certificate(),
            Candidate::Token(shown) => shown.certificate.certificate(),
        }
    }

    fn serial(&self) -> Option<u32> {
        match self {
            Candidate::File(_) => None,
            Candidate::Token(shown) => Some(shown.evidence.serial),
        }
    }

    /// Its secret was chosen just now, and can be chosen anew.
    fn is_chosen(&self) -> bool {
        matches!(self, Candidate::File(proven) if proven.origin != file::Origin::Pinned)
    }
}

/// Whoever is not the one that an interrupted roll call found, and something was signed since.
fn other_than_before(room: &Room<'_>, found: [&Candidate; 2]) -> Option<Operator> {
    let before = room.state().operators.as_ref()?;
    let differs = |operator: &Operator| {
        let file = found[operator.index()]
            .certificate()
            .armored(room.comment());
        before.certificates[operator.index()] != Digest::of(&file)
    };
    Operator::ALL.into_iter().find(differs)
}

fn in_common(a: &Candidate, b: &Candidate) -> Option<&'static str> {
    if a.certificate().shares_key_material(b.certificate()) {
        return Some("both operators have the same key");
    }
    match (a, b) {
        (Candidate::File(a), Candidate::File(b)) => a
            .shares_passphrase(b)
            .then_some("both operators have the same passphrase"),
        (Candidate::Token(a), Candidate::Token(b)) => (a.evidence.serial == b.evidence.serial)
            .then_some("both operators have the same YubiKey"),
        _ => None,
    }
}

/// `others` is the serial number of the other operator's token.
fn candidate(
    room: &mut Room<'_>,
    operator: Operator,
    others: Option<u32>,
) -> Result<Candidate, Stop> {
    if let Some(pin) = pin(room, operator) {
        return Ok(match &pin.key {
            KeyPlace::File(path) => {
                Candidate::File(Box::new(file::pinned(room, operator, &pin, path)?))
            }
            KeyPlace::Token { serial, .. } => {
                Candidate::Token(Box::new(token::pinned(room, operator, &pin, *serial)?))
            }
        });
    }
    let demanded = room.plan().operators == OperatorDemand::Token;
    if !demanded && let Some(key) = file::made_before(room, operator)? {
        return Ok(Candidate::File(Box::new(key)));
    }
    loop {
        if demanded || wants_token(room, operator)? {
            return Ok(Candidate::Token(Box::new(token::enrol(
                room, operator, others,
            )?)));
        }
        if let Some(made) = file::make(room, operator)? {
            return Ok(Candidate::File(Box::new(made)));
        }
        match room.edge.tokens.list() {
            Ok(found) if !found.is_empty() => {}
            Ok(_) => room.say("No YubiKey is plugged in.")?,
            Err(error) => room.say(&format!("{error}. {}", error.remedy()))?,
        }
    }
}

/// Whether an operator whom the site does not pin signs with a YubiKey. Asked only where one is
/// plugged in.
fn wants_token(room: &mut Room<'_>, operator: Operator) -> Result<bool, Stop> {
    if room.edge.tokens.list().unwrap_or_default().is_empty() {
        return Ok(false);
    }
    let who = Who::Operator(operator);
    let body = layout::paragraphs(&[
        "A YubiKey is plugged in. It is the safer way to sign: your key is made inside it and can't \
         be copied; each signature needs its PIN and a touch.",
        "Or you sign with a passphrase, and the key is a file on your medium.",
    ]);
    room.page(who, &format!("How operator {operator} signs"), body)?;
    let question = Question {
        who,
        asks: Asks::Means(operator),
        prompt: format!("Operator {operator}, how do you sign"),
        answer: Answer::Choice(vec![
            ("token", "with my YubiKey".to_string()),
            ("file", "with a passphrase".to_string()),
        ]),
    };
    loop {
        if let Reply::Line(typed) = room.ask(&question)? {
            match typed.trim().to_ascii_lowercase().as_str() {
                "1" | "t" | "token" => return Ok(true),
                "2" | "f" | "file" => return Ok(false),
                _ => room.say("Please type one of the numbers.")?,
            }
        }
    }
}

/// What makes the operator able to sign from now on.
fn settle(
    room: &mut Room<'_>,
    operator: Operator,
    candidate: Candidate,
) -> Result<Box<dyn Signatory>, Stop> {
    Ok(match candidate {
        Candidate::File(proven) => Box::new(file::settle(room, operator, *proven)?),
        Candidate::Token(shown) => Box::new(token::settle(room, operator, *shown)),
    })
}

/// Loads an operator who was called before an interruption. Proof comes with the next signature.
///
/// Where the key cannot be had, the operator stays unknown: then they cannot sign, and all that
/// is left is to abort.
pub fn load(room: &mut Room<'_>, operator: Operator) -> Result<(), Stop> {
    let called = room
        .state()
        .operators
        .clone()
        .expect("the caller knows that roll call was held");
    let at = operator.index();
    room.operators[at] = match called.means[at] {
        Means::File => load_file(room, operator, &called)?,
        Means::Token => token::load(room, operator, &called),
    };
    if room.operators[at].is_none() {
        let role = own_medium(operator);
        room.say(&format!(
            "Operator {operator}'s key is not on {role}. Without it {operator} cannot sign."
        ))?;
    }
    Ok(())
}

fn load_file(
    room: &mut Room<'_>,
    operator: Operator,
    called: &Operators,
) -> Result<Option<Box<dyn Signatory>>, Stop> {
    let at = operator.index();
    let standing = called.standings[at];
    let path = match (standing, pin(room, operator)) {
        (Standing::Pinned, Some(pin)) => pin.key.path().to_string(),
        _ => key_path(&room.id, operator),
    };
    let found = match room.edge.media.read(own_medium(operator), &path) {
        Ok(bytes) => LockedKey::from_bytes(&bytes).ok(),
        Err(
            gone @ MediaError {
                fault: MediaFault::Gone,
                ..
            },
        ) => return Err(Stop::Media(gone)),
        Err(_) => None,
    };
    let key = found.filter(|key| key.certificate().fingerprint() == called.fingerprints[at]);
    let signatory = |key| FileOperator::new(operator, key, standing, room.comment());
    Ok(key.map(|key| Box::new(signatory(key)) as Box<dyn Signatory>))
}

fn own_medium(operator: Operator) -> Role {
    match operator {
        Operator::A => Role::OperatorA,
        Operator::B => Role::OperatorB,
    }
}

fn pin(room: &Room<'_>, operator: Operator) -> Option<SiteOperator> {
    match operator {
        Operator::A => room.site.operator_a.clone(),
        Operator::B => room.site.operator_b.clone(),
    }
}

/// What both are about to agree to: compared with what each of them reviewed before.
fn show_plan(room: &mut Room<'_>) -> Result<(), Stop> {
    let plan = room.plan().clone();
    let mut body = layout::wrap(
        "Each of you compares this with your own printed checklist and notes, the long numbers \
         at least in their first and last eight digits.",
    );
    body.push(String::new());
    body.push(format!("Ceremony  {}", room.id));
    body.push(format!(
        "Plan      {}, SHA-256 (as on the checklist):",
        plan.id
    ));
    body.push(format!("          {}", plan.digest()));
    body.push("Site      SHA-256 (as in your notes):".to_string());
    body.push(format!("          {}", room.site.digest()));
    if plan.key.is_some() {
        body.push(String::new());
        body.extend(layout::wrap(&format!(
            "Key: {}.",
            super::key_in_words(room)
        )));
    }
    if let Some(backup) = &plan.backup {
        let names: Vec<String> = backup.custodians.iter().map(|c| c.to_string()).collect();
        let opened = match plan.key_is_in_a_token() {
            true => "NO BACKUP of the key. Certificate that declares it invalid",
            false => "Backup",
        };
        let by_tokens = match backup.tokens {
            true => " So can A and B with their YubiKeys.",
            false => "",
        };
        body.extend(layout::wrap(&format!(
            "{opened}: any {} of the custodians {} together can open it.{by_tokens}",
            backup.threshold,
            names.join(", ")
        )));
    }
    room.page(Who::Both, "What will be done today", body)?;
    room.each_agrees("is that what you agreed on", Asks::Agree)
}

/// Each operator compares with, or writes to, their own notes.
fn show(room: &mut Room<'_>, keys: &Both) -> Result<(), Stop> {
    let mut body = layout::wrap(
        "Each of you compares both rows with your own notes or, where a key was made today, \
         writes both rows down: with them you prove later that this record is yours.",
    );
    for (operator, key) in Operator::ALL.into_iter().zip(keys) {
        let groups = key.certificate().fingerprint().groups();
        body.push(String::new());
        body.push(format!(
            "Operator {operator}, {}:",
            origin_text(key.standing())
        ));
        body.push(format!("    {}", groups.join(" ")));
        if let Some(shown) = evidence(room, operator).filter(|_| key.means() == Means::Token) {
            let (serial, firmware) = (shown.serial, shown.firmware);
            body.push(format!("    in YubiKey {serial}, firmware {firmware}"));
        }
        if key.standing() == Standing::Pinned {
            let names = key.certificate().user_ids().join("; ");
            let shown: String = names.chars().filter(|c| !c.is_control()).take(60).collect();
            body.push(format!("    public in the record: {shown}"));
        }
    }
    for (name, number) in call_backs(room) {
        body.push(String::new());
        body.push(format!("Call-back number of {name}: {number}"));
    }
    room.page(Who::Both, "The operators of this ceremony", body)?;
    room.each_agrees("is all of it right, and in your own notes", Asks::Agree)
}

fn origin_text(standing: Standing) -> &'static str {
    match standing {
        Standing::Pinned => "pinned before",
        Standing::Enrolled => "enrolled today",
    }
}

fn call_backs(room: &Room<'_>) -> Vec<(&'static str, String)> {
    let site = room.site;
    let of = |operator: &Option<SiteOperator>| operator.as_ref().and_then(|o| o.callback.clone());
    let verifier = site.verifier.as_ref().map(|v| v.callback.clone());
    [
        ("A", of(&site.operator_a)),
        ("B", of(&site.operator_b)),
        ("the verifier", verifier),
    ]
    .into_iter()
    .filter_map(|(name, number)| number.map(|n| (name, n)))
    .collect()
}

fn describe(room: &Room<'_>, keys: &Both) -> String {
    let mut lines = Vec::new();
    for (operator, key) in Operator::ALL.into_iter().zip(keys) {
        let names = key.certificate().user_ids().join("; ");
        lines.push(format!("operator {operator}: {names}"));
    }
    for (name, number) in call_backs(room) {
        lines.push(format!("call-back number of {name}: {number}"));
    }
    lines.join("\n")
}

/// What the operator's token showed in this record's roll call; `None` where they have none.
pub fn evidence(room: &Room<'_>, operator: Operator) -> Option<Evidence> {
    evidence_of(room, holder(operator))
}

fn holder(operator: Operator) -> Holder {
    match operator {
        Operator::A => Holder::A,
        Operator::B => Holder::B,
    }
}

/// The same of any token that showed something in this record.
pub(super) fn evidence_of(room: &Room<'_>, wanted: Holder) -> Option<Evidence> {
    let shown = room.journal.entries().iter().rev().find(|placed| {
        matches!(&placed.entry.event, Event::TokenAttested { holder, .. } if *holder == wanted)
    })?;
    let file = room.journal.file(&Entry::detail_path(shown.entry.number))?;
    let text = std::str::from_utf8(file).ok()?;
    let (_nonce, text) = text.split_once('\n')?;
    Evidence::parse(text).ok()
}
