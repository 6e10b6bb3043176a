//! What is looked at afterwards on another machine: the sticks, and what came out of the printer.

use std::path::Path;
use std::process::{Command, Output};

use ceremony::backup::capsule;
use ceremony::backup::quorum::{Custodian, Quorum, quorums};
use ceremony::secret::SecretText;
use tempfile::TempDir;

use super::Table;
use crate::pty_support::People;
use crate::shell::{Gpg, Kept, Printed, Shell};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");

/// The three closed copies of the record are good, for the program, for the script and for gpg.
pub fn records_are_good(table: &Table, people: &People) {
    let [a, b] = people.operators.as_slice() else {
        panic!("two fingerprints: {:?}", people.operators);
    };
    for role in ["operator-a", "operator-b", "public"] {
        let record = table.ceremony(role).join("record");
        let record = record.to_str().expect("UTF-8");
        let options = ["verify", record, "--operator-a", a, "--operator-b", b];
        succeeds(role, &run(PROGRAM, &options));
        succeeds(role, &run(SCRIPT, &[record, a, b]));
        signatures_are_good(record);
    }
}

/// The media that left earlier have good beginnings of the record.
pub fn beginnings_are_good(table: &Table) {
    are_unfinished(table, &["secret-1", "secret-2", "handover"]);
}

/// The ceremony was interrupted: what the operators have is a good beginning.
pub fn unfinished_records_are_good(table: &Table) {
    are_unfinished(table, &["operator-a", "operator-b"]);
}

fn are_unfinished(table: &Table, roles: &[&str]) {
    for role in roles {
        let record = table.ceremony(role).join("record");
        let verified = run(PROGRAM, &["verify", &record.display().to_string()]);
        let said = text(&verified);
        assert_eq!(
            verified.status.code(),
            Some(4),
            "{role}: unfinished: {said}"
        );
    }
}

fn signatures_are_good(record: &str) {
    let home = TempDir::with_prefix("g").expect("a folder for gpg");
    let gpg = Gpg(home.path().to_path_buf());
    for operator in ["A", "B"] {
        let certificate = format!("{record}/operators/{operator}.asc");
        assert!(gpg.run(&["--import", &certificate], b"").0);
        let signature = format!("{record}/transcript.txt.{operator}.asc");
        let transcript = format!("{record}/transcript.txt");
        let (verified, said) = gpg.run(&["--verify", &signature, &transcript], b"");
        assert!(verified && said.contains("Good signature"), "{said}");
    }
    gpg.stop();
}

/// What people kept: two secret sticks, and cards.
struct OnPaper<'a> {
    table: &'a Table,
    people: &'a People,
}

impl Kept for OnPaper<'_> {
    fn page(&self, medium: &str) -> Vec<u8> {
        let page = self.table.ceremony(medium).join("RECOVERY.txt");
        std::fs::read(page).expect("it is on the stick")
    }

    fn words(&self, custodian: Custodian) -> String {
        let one = format!("{custodian}'s share");
        let halves = ["first", "second"].map(|half| format!("the {half} half of {one}"));
        let cards = [&[one][..], &halves].concat();
        let words = cards.iter().filter_map(|card| self.people.cards.get(card));
        let words: Vec<String> = words.flatten().cloned().collect();
        assert!(!words.is_empty(), "{custodian} has no card");
        words.join(" ")
    }
}

/// The key comes back by the printed page, with stock gpg and the words from the cards.
pub fn backup_opens_as_the_page_says(table: &Table, people: &People) {
    let kept = OnPaper { table, people };
    let printed = Printed::of(&kept);
    let record = table.ceremony("public").join("record");
    let fingerprint = recorded(&record, "generated", "fingerprint").to_uppercase();
    for (medium, named) in [("secret-1", "A and B"), ("secret-2", "B and C")] {
        let mut shell = Shell::start(&table.ceremony(medium));
        shell.run_all(&kept, &printed.prepare);
        shell.run_all(
            &kept,
            printed.section(&format!("With the words of {named}")),
        );
        let (use_it, clear) = printed.section("Then, with the key").split_at(2);
        let said = shell.run_all(&kept, use_it);
        assert!(said.replace(' ', "").contains(&fingerprint), "{said}");
        shell.run_all(&kept, clear);
        assert!(!shell.home().exists(), "the last command removes the place");
    }
}

/// A field of the last entry of that kind: a key that was abandoned has its own.
pub fn recorded(record: &Path, event: &str, field: &str) -> String {
    let transcript = transcript(record);
    let mut entries = transcript.rsplit("\n\n");
    let entry = entries.find(|entry| entry.contains(&format!("\nevent: {event}\n")));
    let entry = entry.unwrap_or_else(|| panic!("no {event}:\n{transcript}"));
    let mut lines = entry.lines();
    let value = lines.find_map(|line| line.strip_prefix(&format!("{field}: ")));
    value.expect("the entry has the field").to_string()
}

pub fn transcript(record: &Path) -> String {
    std::fs::read_to_string(record.join("transcript.txt")).expect("a transcript")
}

/// The sheets are on paper as the sticks have them, and nothing secret is.
pub fn paper_is_right(table: &Table, people: &People) {
    let printed = table.printed().0;
    let sheet = std::fs::read_to_string(table.ceremony("public").join("fingerprint.txt"));
    // A blank line more or less is no other sheet.
    let lines = |text: &str| {
        let lines = text.lines().map(str::trim_end);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let (sheet, all) = (lines(&sheet.expect("it is on the stick")), lines(&printed));
    assert_eq!(
        all.matches(&sheet).count(),
        3,
        "for A, B and the record:\n{printed}"
    );
    let record = table.ceremony("public").join("record");
    assert_eq!(recorded(&record, "printed", "how"), "raw");
    assert_eq!(recorded(&record, "printed", "sheet"), "recovery");
    for secret in secrets(table, people) {
        assert!(!printed.contains(&secret), "a secret was printed");
    }
}

/// What must be found on nothing but paper that was written by hand.
fn secrets(table: &Table, people: &People) -> Vec<String> {
    let mut secrets: Vec<String> = people.passphrases.to_vec();
    for card in people.cards.values().chain(&people.torn) {
        // Three words in a row are no accident.
        secrets.extend(card.windows(3).map(|words| words.join(" ")));
    }
    secrets.extend(ks(table, people));
    secrets
}

/// No stick has a word of what is secret: not in a file, not in one that was deleted.
pub fn no_secret_is_on_a_stick(table: &Table, people: &People) {
    let secrets = secrets(table, people);
    for (name, stick) in &table.sticks {
        let text = stick.text();
        for secret in &secrets {
            let found = text.contains(secret.as_str());
            assert!(!found, "a secret is on the stick {name}");
        }
    }
    let text = table.sticks["operator-a"].text();
    assert!(
        text.contains("event: generated"),
        "the search finds nothing"
    );
}

/// What opens the backup, and the revocation.
pub fn ks(table: &Table, people: &People) -> [String; 2] {
    let kept = OnPaper { table, people };
    ["", "revocation/"].map(|folder| k(&kept, folder).expose().to_string())
}

fn k(kept: &OnPaper<'_>, folder: &str) -> SecretText {
    let custodians = ['A', 'B', 'C'].map(|letter| Custodian::new(letter).expect("a letter"));
    let quorum: &Quorum = &quorums(&custodians, 2)[0];
    let shares = custodians.map(|custodian| (custodian, secret(kept.words(custodian))));
    let share_of = |custodian| {
        let share = shares.iter().find(|(whose, _)| *whose == custodian);
        &share.expect("everyone has one").1
    };
    let file = format!("{folder}{}", quorum.file_name());
    let file = kept.table.ceremony("secret-1").join(file);
    let capsule = std::fs::read(file).expect("a capsule");
    capsule::open_with_library(&capsule, quorum, share_of)
        .unwrap_or_else(|(custodian, error)| panic!("{custodian}: {error}"))
}

fn secret(text: String) -> SecretText {
    SecretText::from_string(text)
}

pub fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{program} does not start: {error}"))
}

fn succeeds(role: &str, output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{role}: {}", text(output));
}

pub fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
