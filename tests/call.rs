//! The telephone call, both programs in terminals of their own: the test carries the words from
//! one to the other, as two people at telephones would.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ceremony::pin::{Delivered, Pin};
use ceremony::record::transcript;
use ceremony::words::pgp;
use pty_support::call::{Call, Codes};
use pty_support::{Deed, People, Terminal, Turn};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const PLAN: &str = include_str!("../ceremony/backup-key.toml");

/// A rehearsal at its planned stop: its folder, and the ceremony's id.
struct Stopped {
    table: TempDir,
    id: String,
}

impl Stopped {
    fn path(&self) -> &Path {
        self.table.path()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// The people who held it, with what they have on paper.
    fn people(&self) -> People {
        let line = |name: &str| self.read(&format!("out/paper/{name}")).trim().to_string();
        let mut people = People::new();
        people.passphrases = [line("passphrase-A.txt"), line("passphrase-B.txt")];
        people.head = line("head.txt");
        people.words = pty_support::people::numbered(&line("fingerprint.txt"));
        people
    }

    /// `ceremony resume` in a terminal.
    fn room(&self) -> Terminal {
        let path = self.path().display();
        let record = format!("out/operator-a/{}", self.id);
        Terminal::start(&format!("cd {path} && {PROGRAM} resume {record}"), &[])
    }

    /// `ceremony confirm` in a terminal, with what lies in this folder.
    fn far(&self, delivered: &str) -> Terminal {
        let path = self.path().display();
        let line = format!("cd {path} && {PROGRAM} confirm {delivered}/certificate.asc");
        Terminal::start(&line, &[])
    }

    /// What the courier brings: a copy of the handover medium's folder.
    fn deliver(&self, name: &str) -> PathBuf {
        let to = self.path().join(name);
        let from = self.path().join("out/handover").join(&self.id);
        copy(&from, &to);
        to
    }

    fn pin(&self) -> Option<Pin> {
        let bytes = fs::read(self.path().join(format!("{}.pin", self.id))).ok()?;
        Some(Pin::parse(&bytes).expect("a good pin"))
    }

    fn verify(&self, record: &str) -> (i32, String) {
        let output = Command::new(PROGRAM)
            .args(["verify", record])
            .current_dir(self.path())
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().expect("it ended by itself"), text)
    }

    /// Each event of the record on operator A's medium.
    fn events(&self) -> Vec<&'static str> {
        let bytes = self.read(&format!("out/operator-a/{}/record/transcript.txt", self.id));
        let entries = transcript::parse(bytes.as_bytes()).expect("well formed");
        entries
            .iter()
            .map(|placed| placed.entry.event.name())
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.expect("cp runs").success());
}

/// An automatic rehearsal that was switched off at its planned stop, held once for each profile.
fn held(profile: &'static str) -> &'static (TempDir, String) {
    static MODERN: OnceLock<(TempDir, String)> = OnceLock::new();
    static V6: OnceLock<(TempDir, String)> = OnceLock::new();
    let once = if profile == "v6" { &V6 } else { &MODERN };
    once.get_or_init(|| {
        let table = TempDir::with_prefix("call-").expect("a folder");
        let plan = PLAN.replace("\"rsa4096\"", &format!("\"{profile}\""));
        fs::write(table.path().join("plan.toml"), plan).expect("writable");
        let mut rehearsal = Command::new(PROGRAM)
            .args(["rehearse", "plan.toml", "--auto", "--fast", "--out", "out"])
            .current_dir(table.path())
            .env("CEREMONY_TEST_ONLY_STOPS", "paused")
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program runs");
        wait_until_stopped(rehearsal.id());
        rehearsal.kill().expect("it stands still");
        rehearsal.wait().expect("it ended");
        let mut folders = fs::read_dir(table.path().join("out/operator-a")).expect("the medium");
        let folder = folders.next().expect("a folder").expect("readable");
        let id = folder.file_name().into_string().expect("plain");
        (table, id)
    })
}

fn wait_until_stopped(process: u32) {
    let deadline = Instant::now() + Duration::from_secs(240);
    let path = format!("/proc/{process}/stat");
    loop {
        let stat = fs::read_to_string(&path).expect("the process is there");
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        if state == Some('T') {
            return;
        }
        assert!(state != Some('Z'), "it ended before its planned stop");
        assert!(Instant::now() < deadline, "no planned stop");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A copy of it for one test.
fn stopped(profile: &'static str) -> Stopped {
    let (held, id) = held(profile);
    let table = TempDir::with_prefix("call-").expect("a folder");
    copy(&held.path().join("out"), &table.path().join("out"));
    let id = id.clone();
    Stopped { table, id }
}

/// Before all rows were typed, nothing of the fingerprint may be on the verifier's screen.
fn assert_blind(far: &Terminal, pin: &Pin) {
    let (blind, _) = far
        .printed
        .split_once("The words that do not belong to it")
        .expect("the reading fitted");
    let typed_rows = blind.split("Type what you hear").next().expect("a part");
    let words = pgp::words(pin.fingerprint.bytes());
    for pair in words.windows(3) {
        assert!(!typed_rows.contains(&pair.join(" ")), "{pair:?}");
    }
    let said = blind.to_lowercase().replace(' ', "");
    for group in pin.fingerprint.groups().windows(2) {
        assert!(!said.contains(&group.concat().to_lowercase()), "{group:?}");
    }
}

#[test]
fn a_call_confirms_the_key_at_both_ends() {
    for profile in ["modern", "v6"] {
        let stopped = stopped(profile);
        let (code, said) = stopped.verify(&format!("out/operator-a/{}", stopped.id));
        assert_eq!(code, 3, "{said}");
        stopped.deliver("mail");
        let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
        let mut people = stopped.people();
        let mut call = Call::new(&mut room, &mut people, &mut far);
        let codes = call.hold();
        let is_row = |asked: &String| asked.starts_with("row ") && !asked.starts_with("row and");
        let rows = call
            .verifier_typed
            .iter()
            .filter(|(asked, _)| is_row(asked));
        assert_eq!(rows.count(), if profile == "v6" { 9 } else { 6 });
        let both = Codes {
            room: Some(0),
            far: Some(0),
        };
        assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);

        let pin = stopped.pin().expect("the verifier has a pin");
        assert_blind(&far, &pin);
        assert!(pin.is_rehearsal());
        assert_eq!(pin.delivered, Delivered::Last);
        let file = stopped.read(&format!("out/public/{}/certificate.asc", stopped.id));
        assert_eq!(pin.certificate, file.as_bytes());
        let transcript = stopped.read(&format!("out/public/{}/record/transcript.txt", stopped.id));
        assert!(transcript.contains(&format!("result: {}\n", pin.said().digest())));
        let receipt = stopped.read(&format!("{}.receipt.txt", stopped.id));
        for half in pin.said().halves() {
            assert!(receipt.contains(&half.join(" ")), "{receipt}");
        }
        assert!(receipt.starts_with("REHEARSAL"));
        let (code, said) = stopped.verify(&format!("out/public/{}", stopped.id));
        assert_eq!(code, 3, "{said}");
        assert!(said.starts_with("REHEARSAL, complete."), "{said}");

        // A pin is never written over.
        let mut again = stopped.far("mail");
        let mut nobody = People::new();
        assert_eq!(nobody.play(&mut again), Some(2), "{}", again.printed);
        assert!(again.printed.contains("exists already"));
    }
}

/// The fingerprint that stock gpg shows of the delivered certificate.
fn by_gpg(stopped: &Stopped, certificate: &str) -> String {
    let home = TempDir::with_prefix("k").expect("a folder for gpg");
    let shown = Command::new("gpg")
        .args(["--batch", "--show-keys", "--with-colons", certificate])
        .env("GNUPGHOME", home.path())
        .current_dir(stopped.path())
        .output()
        .expect("gpg starts; scripts/test installs it");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("fpr:"));
    let fingerprint = line.and_then(|line| line.split(':').nth(9));
    fingerprint.expect("gpg shows a fingerprint").to_string()
}

/// A verifier without the program: the digits are read, and five groups come back. What gpg shows of
/// another certificate does not confirm the key.
#[test]
fn a_verifier_with_gpg_alone_confirms_the_key_without_canaries() {
    let stopped = stopped("modern");
    stopped.deliver("mail");
    let (mut room, mut people) = (stopped.room(), stopped.people());
    let shown = by_gpg(&stopped, "mail/certificate.asc");
    let group = |number: usize, of: &str| of[4 * (number - 1)..4 * number].to_string();
    let other = "0".repeat(40);
    let mut read_out = String::new();
    let mut asked_groups = 0;
    let code = loop {
        let asked = match room.turn() {
            Turn::Ended(code) => break code,
            Turn::Asked(asked) => asked,
        };
        let page = pty_support::on_screen(&asked.text);
        let keys = match asked.question.as_str() {
            q if q.starts_with("The verifier uses") => "2".to_string(),
            q if q.starts_with("Press Enter when all of it") => {
                let rows = page
                    .lines()
                    .filter(|line| line.starts_with("  A row ") || line.starts_with("  B row "));
                let groups = rows.flat_map(|row| row.split_whitespace().skip(3));
                read_out = groups.collect();
                String::new()
            }
            q if q.starts_with("the five groups") => {
                let (_, numbers) = page.split_once("groups number ").unwrap_or_default();
                let numbers = numbers.split(" of the").next().unwrap_or_default();
                let numbers = numbers.split(|c: char| !c.is_ascii_digit());
                let numbers: Vec<usize> = numbers.filter_map(|n| n.parse().ok()).collect();
                asked_groups += 1;
                // The first attempt is about another key; all its three tries are.
                let of = if asked_groups <= 3 { &other } else { &shown };
                let said: Vec<String> = numbers.iter().map(|n| group(*n, of)).collect();
                match said.is_empty() {
                    true => "0000".to_string(),
                    false => said.join(" ").to_lowercase(),
                }
            }
            _ => people.answer(&asked),
        };
        room.press(&format!("{keys}\r"));
    };
    assert_eq!(code, 0, "{}", room.printed);
    assert_eq!(asked_groups, 4, "{}", room.printed);
    assert_eq!(read_out, shown, "what was read is what gpg shows");
    let (code, said) = stopped.verify(&format!("out/public/{}", stopped.id));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("by phone, without canaries"), "{said}");
    let events = stopped.events();
    let count = |name| events.iter().filter(|event| **event == name).count();
    assert_eq!((count("call-failed"), count("call-confirmed")), (1, 1));
}

/// No record came with the certificate: the id is typed from HANDOVER.txt, and the pin says so.
#[test]
fn a_certificate_that_came_alone_is_confirmed_under_its_id() {
    let stopped = stopped("modern");
    let mail = stopped.deliver("mail");
    fs::remove_dir_all(mail.join("record")).expect("it did not come");
    let path = stopped.path().display();
    let id = &stopped.id;
    let line = format!("cd {path} && {PROGRAM} confirm mail/certificate.asc --id {id}");
    let (mut room, mut far) = (stopped.room(), Terminal::start(&line, &[]));
    let mut people = stopped.people();
    let codes = Call::new(&mut room, &mut people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert_eq!(stopped.pin().expect("a pin").delivered, Delivered::None);
}

/// `!` and Ctrl-C stop the verifier's program at any question; nothing is written.
#[test]
fn the_verifier_can_stop_at_any_time() {
    let stopped = stopped("modern");
    stopped.deliver("mail");
    for (until, key) in [
        ("Press Enter when both", "!"),
        ("the end of the id", "\x03"),
    ] {
        let mut far = stopped.far("mail");
        let code = loop {
            match far.turn() {
                Turn::Ended(code) => break code,
                Turn::Asked(asked) if asked.question.starts_with(until) => {
                    far.press(&format!("{key}\r"));
                }
                Turn::Asked(_) => far.press("\r"),
            }
        };
        assert_eq!(code, 1, "{}", far.printed);
        assert!(
            far.printed.contains("nothing was confirmed"),
            "{}",
            far.printed
        );
        let modes = far.modes();
        assert_eq!(modes[0], modes[1], "the terminal is as it was");
    }
    assert!(stopped.pin().is_none());
}

/// Row 2 is misheard once, and so is the canary in another row.
fn bad_line(row: usize, time: usize, said: String) -> String {
    let mut words: Vec<&str> = said.split(' ').collect();
    if (row, time) == (2, 1) {
        words[1] = if words[1] == "adult" {
            "afflict"
        } else {
            "adult"
        };
    }
    words.join(" ")
}

#[test]
fn a_misheard_row_is_read_again_and_the_key_is_confirmed() {
    let stopped = stopped("modern");
    stopped.deliver("mail");
    let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
    let mut people = stopped.people();
    let mut call = Call::new(&mut room, &mut people, &mut far);
    call.line = bad_line;
    let codes = call.hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    let again =
        far.printed.matches("read row").count() + room.printed.matches("Read again").count();
    assert!(again > 0, "{}", far.printed);
    assert!(stopped.pin().is_some());
    assert!(!stopped.events().contains(&"call-failed"));
}

#[test]
fn a_substituted_certificate_is_never_confirmed() {
    // The attacker's file, with a record that names it: all that can be forged beside the call.
    let stopped = stopped("modern");
    let mail = stopped.deliver("mail");
    let key = ceremony::openpgp::SecretKey::generate(
        ceremony::openpgp::Profile::Modern,
        "Example backups <backup@example.org>",
        None,
        1_772_366_400,
    );
    let forged = key
        .expect("a key")
        .key
        .certificate()
        .armored(Some("REHEARSAL"));
    let sums = |bytes: &[u8]| ceremony::digest::Digest::of(bytes).to_string();
    let path = mail.join("record/transcript.txt");
    let honest = fs::read(mail.join("certificate.asc")).expect("readable");
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(
        &path,
        rechained(&text.replace(&sums(&honest), &sums(&forged))),
    )
    .expect("writable");
    fs::write(mail.join("certificate.asc"), &forged).expect("writable");

    let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
    let mut people = stopped.people();
    // The operators are on the attacker's side in nothing: they read what their screen shows. Both
    // attempts fail; then they abort.
    people.deeds = vec![Deed {
        title: "Exception",
        question: "What do you decide",
        keys: "5",
    }];
    let mut call = Call::new(&mut room, &mut people, &mut far);
    call.forged_sheet_code = Some(ceremony::sheet::sheet_code(&stopped.id, &forged));
    let codes = call.hold();
    let neither = Codes {
        room: Some(1),
        far: Some(1),
    };
    assert_eq!(codes, neither, "{}\n\n{}", room.printed, far.printed);
    assert!(stopped.pin().is_none());
    assert!(far.printed.contains("NOT confirmed"), "{}", far.printed);
    let events = stopped.events();
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == "call-failed")
            .count(),
        2
    );
    assert!(!events.contains(&"call-confirmed"));
    assert_eq!(events.last(), Some(&"aborted"));
}

/// Entries whose `prev` fits again after one was changed.
fn rechained(text: &str) -> String {
    let mut out = String::new();
    let mut prev = None;
    for entry in text.split_inclusive("\n\n") {
        let lines = entry.split_inclusive('\n').map(|line| match &prev {
            Some(prev) if line.starts_with("prev: ") => format!("prev: {prev}\n"),
            _ => line.to_string(),
        });
        let entry: String = lines.collect();
        prev = Some(ceremony::digest::Digest::of(entry.as_bytes()));
        out.push_str(&entry);
    }
    out
}

#[test]
fn an_older_delivered_record_is_accepted_and_the_pin_says_so() {
    let stopped = stopped("modern");
    let mail = stopped.deliver("mail");
    // The copy ends at the checkpoint before the last: the room's record went on after it was made.
    let path = mail.join("record/transcript.txt");
    let bytes = fs::read(&path).expect("readable");
    let entries = transcript::parse(&bytes).expect("well formed");
    let checkpoints = entries
        .iter()
        .filter(|placed| placed.entry.event.name() == "authorise");
    let checkpoints: Vec<usize> = checkpoints.map(|placed| placed.end).collect();
    fs::write(&path, &bytes[..checkpoints[checkpoints.len() - 2]]).expect("writable");
    let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
    let mut people = stopped.people();
    let codes = Call::new(&mut room, &mut people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert!(far.printed.contains("not in the record on this machine"));
    let pin = stopped.pin().expect("a pin");
    assert_eq!(pin.delivered, Delivered::Unknown);
}

#[test]
fn a_head_from_an_older_line_of_the_checklist_is_refused() {
    let stopped = stopped("modern");
    stopped.deliver("mail");
    let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
    let mut people = stopped.people();
    let transcript = stopped.read("mail/record/transcript.txt");
    let entries = transcript::parse(transcript.as_bytes()).expect("well formed");
    let first = entries
        .iter()
        .find(|placed| placed.entry.event.name() == "authorise");
    let stale = pgp::words(&first.expect("a checkpoint").digest.bytes()[..10]).join(" ");
    let mut call = Call::new(&mut room, &mut people, &mut far);
    call.spoken_head = Some(stale);
    call.until_far_ended = true;
    let codes = call.hold();
    assert_eq!(codes.far, Some(1), "{}", far.printed);
    assert!(far.printed.contains("an older one"), "{}", far.printed);
    assert!(stopped.pin().is_none());
}

#[test]
fn power_that_fails_in_the_middle_of_the_call_loses_nothing() {
    let stopped = stopped("modern");
    stopped.deliver("mail");
    for until in [
        "the four words",
        "row, number and word, 2",
        "the verifier's four",
    ] {
        let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
        let mut people = stopped.people();
        let mut call = Call::new(&mut room, &mut people, &mut far);
        call.until = Some(until);
        assert_eq!(
            call.hold(),
            Codes {
                room: None,
                far: None
            }
        );
        // Both machines are switched off.
        drop((room, far));
        assert!(
            stopped.pin().is_none(),
            "nothing is confirmed before the end"
        );
        let (code, said) = stopped.verify(&format!("out/operator-a/{}", stopped.id));
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("unfinished"), "{said}");
    }
    let (mut room, mut far) = (stopped.room(), stopped.far("mail"));
    let mut people = stopped.people();
    let codes = Call::new(&mut room, &mut people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert!(stopped.pin().is_some());
    let events = stopped.events();
    assert_eq!(
        events.iter().filter(|event| **event == "resumed").count(),
        4
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == "call-confirmed")
            .count(),
        1
    );
}
