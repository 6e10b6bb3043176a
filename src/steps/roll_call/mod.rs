//! Who the operators are: two people, two certificates, two secrets.

use std::fmt;

use crate::attestation::Evidence;
use crate::digest::Digest;
use crate::edge::media::Access;
use crate::edge::{MediaError, MediaFault};
use crate::openpgp::{Certificate, LockedKey, UnixTime};
use crate::operator::{FileOperator, Signatory, key_path};
use crate::plan::Operator;
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Standing};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::secret::SecretText;
use crate::site::SiteOperator;

/// The shortest passphrase that is taken for a key made here, in characters.
const MIN_PASSPHRASE: usize = 12;

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    show_plan(room)?;
    let keys = identify(room)?;
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
    room.operators = keys.map(|key| Some(Box::new(key) as Box<dyn Signatory>));
    room.record_with(event, Actors::both(), &detail)
}

/// Both operators' keys, proven with their passphrases, and certainly of two people.
fn identify(room: &mut Room<'_>) -> Result<[FileOperator; 2], Stop> {
    loop {
        let a = candidate(room, Operator::A)?;
        let b = candidate(room, Operator::B)?;
        if let Some(what) = in_common(&a, &b) {
            room.say(&format!(
                "No: {what}. That is one person's secret, not two."
            ))?;
            let brought = a.is_brought() && b.is_brought();
            if brought {
                let expected = "the operators have two keys and two passphrases";
                room.exception_about(Some((expected, what)))?;
            } else {
                room.say("Both of you choose a new passphrase, each without telling the other.")?;
            }
            continue;
        }
        return Ok([settle(room, Operator::A, a)?, settle(room, Operator::B, b)?]);
    }
}

/// A key and the passphrase that unlocks it.
struct Candidate {
    key: LockedKey,
    passphrase: SecretText,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Pinned by the site.
    Pinned,
    /// Made before an interruption of this ceremony; it is on the medium.
    Before,
    /// Made just now; it is in memory only.
    New,
}

impl Candidate {
    fn is_brought(&self) -> bool {
        self.origin == Origin::Pinned
    }
}

fn in_common(a: &Candidate, b: &Candidate) -> Option<&'static str> {
    let (cert_a, cert_b) = (a.key.certificate(), b.key.certificate());
    if cert_a.shares_key_material(cert_b) {
        return Some("both operators have the same key");
    }
    let same = a.passphrase.same_as(&b.passphrase)
        || a.key.opens_with(&b.passphrase)
        || b.key.opens_with(&a.passphrase);
    same.then_some("both operators have the same passphrase")
}

fn candidate(room: &mut Room<'_>, operator: Operator) -> Result<Candidate, Stop> {
    match find(room, operator)? {
        Some((key, origin)) => {
            let passphrase = prove(room, operator, &key, origin)?;
            Ok(Candidate {
                key,
                passphrase,
                origin,
            })
        }
        None => make(room, operator),
    }
}

/// The key that the operator brought, or that an interruption left behind.
fn find(room: &mut Room<'_>, operator: Operator) -> Result<Option<(LockedKey, Origin)>, Stop> {
    let role = own_medium(operator);
    if let Some(pin) = pin(room, operator) {
        let key = room.with_device(|room| {
            let bytes = room.edge.media.read(role, &pin.key)?;
            pinned_key(role, &pin, &bytes, room.now())
        })?;
        return Ok(Some((key, Origin::Pinned)));
    }
    let path = key_path(&room.id, operator);
    let held = room.with_device(|room| match room.edge.media.read(role, &path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.fault, MediaFault::NotFound) => Ok(None),
        Err(error) => Err(error),
    })?;
    match held {
        Some(bytes) => Ok(Some((LockedKey::from_bytes(&bytes)?, Origin::Before))),
        None => Ok(None),
    }
}

/// The brought key, if it is the pinned one and can sign now. A clock that is before the key
/// was made shows here.
fn pinned_key(
    role: Role,
    pin: &SiteOperator,
    bytes: &[u8],
    now: UnixTime,
) -> Result<LockedKey, MediaError> {
    let refuse = |why: WrongKey| MediaError {
        role,
        path: pin.key.clone(),
        fault: MediaFault::System(std::io::Error::other(why)),
    };
    let key = LockedKey::from_bytes(bytes)
        .map_err(|error| refuse(WrongKey::Unusable(error.to_string())))?;
    if key.certificate().fingerprint() != pin.fingerprint {
        return Err(refuse(WrongKey::NotPinned));
    }
    match key.certificate().can_sign(now) {
        Ok(()) => Ok(key),
        Err(error) => Err(refuse(WrongKey::Unusable(error.to_string()))),
    }
}

/// Why a brought key is not taken.
#[derive(Debug)]
enum WrongKey {
    NotPinned,
    Unusable(String),
}

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrongKey::NotPinned => f.write_str("it is not the key that the site file pins"),
            WrongKey::Unusable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for WrongKey {}

fn prove(
    room: &mut Room<'_>,
    operator: Operator,
    key: &LockedKey,
    origin: Origin,
) -> Result<SecretText, Stop> {
    let whence = match origin {
        Origin::Before => "that you made earlier in this ceremony",
        _ => "that you brought",
    };
    let body = layout::paragraphs(&[
        &format!("{operator}: your medium has the key {whence}. Type its passphrase."),
        "Let nobody see you type. The other operator looks away.",
    ]);
    let who = Who::Operator(operator);
    room.page(
        who,
        &format!("Operator {operator} proves who they are"),
        body,
    )?;
    loop {
        let prompt = format!("Operator {operator}, your passphrase");
        let typed = room.ask_hidden(who, Asks::Passphrase(operator), &prompt)?;
        if key.opens_with(&typed) {
            return Ok(typed);
        }
        room.say("That is not the passphrase of this key. Try again.")?;
    }
}

fn make(room: &mut Room<'_>, operator: Operator) -> Result<Candidate, Stop> {
    let body = layout::paragraphs(&[
        &format!(
            "{operator}: choose a passphrase. With it you sign every step that matters today. \
             It is yours alone: the other operator must never learn it."
        ),
        &format!(
            "At least {MIN_PASSPHRASE} characters; several words that have nothing to do with \
             each other are good. You will type it about ten times. Let nobody see you type."
        ),
    ]);
    let who = Who::Operator(operator);
    room.page(
        who,
        &format!("Operator {operator} chooses a passphrase"),
        body,
    )?;
    let passphrase = loop {
        let first = room.ask_hidden(who, Asks::NewPassphrase(operator), "new passphrase")?;
        if first.expose().chars().count() < MIN_PASSPHRASE {
            room.say(&format!(
                "That is too short: at least {MIN_PASSPHRASE} characters."
            ))?;
            continue;
        }
        let again = room.ask_hidden(who, Asks::SamePassphrase(operator), "the same again")?;
        if first.same_as(&again) {
            break first;
        }
        room.say("The two are not the same. Choose again.")?;
    };
    let user_id = format!("operator {operator} {}", room.id);
    let (now, comment) = (room.now(), room.comment());
    let key = room.work("Making your signing key", |_| {
        LockedKey::generate(&user_id, &passphrase, now, comment)
    })??;
    Ok(Candidate {
        key,
        passphrase,
        origin: Origin::New,
    })
}

/// Puts a new key on its operator's medium.
fn settle(
    room: &mut Room<'_>,
    operator: Operator,
    candidate: Candidate,
) -> Result<FileOperator, Stop> {
    if candidate.origin == Origin::New {
        let path = key_path(&room.id, operator);
        let role = own_medium(operator);
        let bytes = candidate.key.bytes().to_vec();
        room.with_device(|room| room.edge.media.create(role, &path, &bytes, Access::Private))?;
    }
    let standing = if candidate.is_brought() {
        Standing::Pinned
    } else {
        Standing::Enrolled
    };
    Ok(FileOperator::new(
        operator,
        candidate.key,
        standing,
        room.comment(),
    ))
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
    let expected = &called.fingerprints[operator.index()];
    let role = own_medium(operator);
    let standing = called.standings[operator.index()];
    let path = match (standing, pin(room, operator)) {
        (Standing::Pinned, Some(pin)) => pin.key,
        _ => key_path(&room.id, operator),
    };
    let found = match room.edge.media.read(role, &path) {
        Ok(bytes) => LockedKey::from_bytes(&bytes).ok(),
        Err(MediaError {
            fault: MediaFault::Gone,
            path,
            role,
        }) => {
            return Err(Stop::Media(MediaError {
                fault: MediaFault::Gone,
                path,
                role,
            }));
        }
        Err(_) => None,
    };
    let key = found.filter(|key| key.certificate().fingerprint() == *expected);
    if key.is_none() {
        room.say(&format!(
            "Operator {operator}'s key is not on {role}. Without it {operator} cannot sign."
        ))?;
    }
    let signatory = key.map(|key| FileOperator::new(operator, key, standing, room.comment()));
    room.operators[operator.index()] = signatory.map(|s| Box::new(s) as Box<dyn Signatory>);
    Ok(())
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
        body.extend(layout::wrap(&format!(
            "{opened}: any {} of the custodians {} together can open it.",
            backup.threshold,
            names.join(", ")
        )));
    }
    room.page(Who::Both, "What will be done today", body)?;
    room.each_agrees("is that what you agreed on", Asks::Agree)
}

/// Each operator compares with, or writes to, their own notes.
fn show(room: &mut Room<'_>, keys: &[FileOperator; 2]) -> Result<(), Stop> {
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
        Standing::Enrolled => "made today",
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

fn describe(room: &Room<'_>, keys: &[FileOperator; 2]) -> String {
    let mut lines = Vec::new();
    for (operator, key) in Operator::ALL.into_iter().zip(keys) {
        let names = Certificate::user_ids(key.certificate()).join("; ");
        lines.push(format!("operator {operator}: {names}"));
    }
    for (name, number) in call_backs(room) {
        lines.push(format!("call-back number of {name}: {number}"));
    }
    lines.join("\n")
}

/// What the operator's token showed in this record's roll call; `None` where they have none.
pub fn evidence(room: &Room<'_>, operator: Operator) -> Option<Evidence> {
    let shown = room.journal.entries().iter().rev().find(|placed| {
        let holder = match &placed.entry.event {
            Event::TokenAttested { holder, .. } => holder.word(),
            _ => return false,
        };
        holder == operator.to_string()
    })?;
    let file = room.journal.file(&Entry::detail_path(shown.entry.number))?;
    let text = std::str::from_utf8(file).ok()?;
    let (_nonce, text) = text.split_once('\n')?;
    Evidence::parse(text).ok()
}
