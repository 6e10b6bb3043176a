//! Two people with YubiKeys at the real program, in a real terminal, through the real pcscd: they
//! are enrolled, hold a ceremony with what they took home from that, and rehearse.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;
#[path = "token_support/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pty_support::call::{Call, Codes};
use pty_support::{People, Terminal, Token};
use table::Table;
use tempfile::TempDir;
use virtual_yubikey::{SharedToken, Version};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
const PLAN: &str = include_str!("../ceremony/backup-key.toml");
const ADDRESS: &str = "backup-address = \"Backups <backup@example.org>\"\n\n[verifier]\n\
                       call-back = \"+44 20 7946 0102\"\n";
const ROLES: [&str; 6] = [
    "operator-a",
    "operator-b",
    "secret-1",
    "secret-2",
    "handover",
    "public",
];
const ALICE: u32 = 10_000_001;
const BOB: u32 = 10_000_002;
const ALICES_PIN: &str = "73916402";
const BOBS_PIN: &str = "58204617";
const ALICES_PUK: &str = "26481937";
const BOBS_PUK: &str = "90418263";

/// Six media, a plan and a site; two readers with Alice's and Bob's tokens in them.
struct Desk {
    folder: TempDir,
    readers: Table,
    _tokens: [SharedToken; 2],
}

impl Desk {
    /// The tokens are as they were sold.
    fn new() -> Desk {
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_path_buf(),
            false => std::env::temp_dir(),
        };
        let mut readers = Table::new();
        let tokens = [
            readers.token(ALICE, Version::V5_4),
            readers.token(BOB, Version::V5_7),
        ];
        for (reader, token) in readers.readers.iter_mut().zip(&tokens) {
            reader.insert(token).expect("the reader is empty");
        }
        let desk = Desk {
            folder: TempDir::with_prefix_in("tokens-", base).expect("a folder"),
            readers,
            _tokens: tokens,
        };
        desk.write("plan.toml", &PLAN.replace("\"rsa4096\"", "\"modern\""));
        desk.write("site.toml", ADDRESS);
        desk.write("swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        for role in ROLES {
            std::fs::create_dir(desk.path().join(role)).expect("a new medium");
        }
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the desk's folder is writable");
    }

    /// The program with these arguments, on a machine with nothing but `lo` and no swap.
    fn offline(&self, arguments: &str) -> Terminal {
        self.start(&format!(
            "unshare -rnm sh -c 'mount --bind swaps /proc/swaps && exec {PROGRAM} {arguments}'"
        ))
    }

    fn start(&self, line: &str) -> Terminal {
        let environment = self.readers.environment();
        let environment: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Terminal::start(
            &format!("cd {} && {line}", self.path().display()),
            &environment,
        )
    }

    /// The folder of the ceremony of this plan on a medium.
    fn folder(&self, medium: &str, plan: &str) -> PathBuf {
        let found = std::fs::read_dir(self.path().join(medium)).expect("the medium");
        let mut found = found.map(|entry| entry.expect("readable").path());
        let fits = |path: &PathBuf| path.display().to_string().contains(&format!("-{plan}-"));
        found.find(fits).expect("the ceremony's folder")
    }

    fn ceremony(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).envs(self.readers.environment());
        command.output().expect("the program starts")
    }
}

fn media(roles: &[&str]) -> String {
    let media: Vec<String> = roles.iter().map(|r| format!("--medium {r}={r}")).collect();
    media.join(" ")
}

fn people_with_tokens() -> People {
    let token = |serial, pin, puk| Some(Token { serial, pin, puk });
    let mut people = People::default();
    people.tokens = [
        token(ALICE, ALICES_PIN, ALICES_PUK),
        token(BOB, BOBS_PIN, BOBS_PUK),
    ];
    people
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Both verifiers and gpg find the record good, as far as it is no rehearsal.
fn assert_verifies(desk: &Desk, record: &Path, people: &People, code: i32) {
    let record = record.display().to_string();
    let [a, b] = &people.operators[..] else {
        panic!("two fingerprints: {:?}", people.operators);
    };
    let pins = [
        "verify",
        &record,
        "--operator-a",
        a.as_str(),
        "--operator-b",
        b.as_str(),
    ];
    let verified = desk.ceremony(&pins);
    let said = text(&verified);
    assert_eq!(verified.status.code(), Some(code), "{said}");
    for part in [
        "signs with YubiKey 10000001, firmware 5.4.",
        "signs with YubiKey 10000002, firmware 5.7.",
        "PIN and touch for each use",
        "attested under CN=Virtual root",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let script = Command::new(SCRIPT).args([&record, a, b]).output();
    let script = script.expect("the script starts");
    let said = text(&script);
    assert_eq!(script.status.code(), Some(code), "{said}");
    assert!(said.contains("token, firmware 5.7."), "{said}");
    assert_gpg_verifies(Path::new(&record));

    // The same program, without the test's root, believes nothing of it.
    let strangers = Command::new(PROGRAM).args(pins).output();
    let strangers = strangers.expect("the program starts");
    assert_eq!(strangers.status.code(), Some(1));
    let said = text(&strangers);
    assert!(
        said.contains("nobody known vouches for this token"),
        "{said}"
    );
    assert!(said.contains("What to do:"), "{said}");
}

/// Every checkpoint and the end, by gpg alone.
fn assert_gpg_verifies(record: &Path) {
    let home = TempDir::with_prefix("k").expect("a folder for gpg");
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(home.path()).args(arguments);
        let output = command.env("LC_ALL", "C").output();
        output.unwrap_or_else(|e| panic!("gpg does not start ({e}); scripts/test installs it"))
    };
    let path = |name: &str| record.join(name).display().to_string();
    let transcript = std::fs::read_to_string(path("transcript.txt")).expect("the transcript");
    let part = home.path().join("part");
    let mut checked = 0;
    for letter in ["A", "B"] {
        let imported = gpg(&[
            "--batch",
            "--import",
            &path(&format!("operators/{letter}.asc")),
        ]);
        assert!(imported.status.success(), "{}", text(&imported));
        let closing = path(&format!("transcript.txt.{letter}.asc"));
        let verified = gpg(&["--verify", &closing, &path("transcript.txt")]);
        assert!(
            text(&verified).contains("Good signature"),
            "{}",
            text(&verified)
        );
        assert!(
            text(&verified).contains("using ECDSA key"),
            "{}",
            text(&verified)
        );
        let mut end = 0;
        for (number, entry) in transcript.split_inclusive("\n\n").enumerate() {
            end += entry.len();
            if !entry.contains("\nevent: authorise\n") {
                continue;
            }
            std::fs::write(&part, &transcript[..end]).expect("a file for gpg");
            let signature = path(&format!("signatures/{number:04}.{letter}.asc"));
            let verified = gpg(&["--verify", &signature, &part.display().to_string()]);
            assert!(
                text(&verified).contains("Good signature"),
                "{}",
                text(&verified)
            );
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked} checkpoints");
    let _ = Command::new("gpgconf")
        .arg("--homedir")
        .arg(home.path())
        .args(["--kill", "all"])
        .output();
}

/// No PIN, PUK or management key on the screen or on any medium.
fn assert_no_secrets(desk: &Desk, printed: &str) {
    let mut everything = vec![printed.as_bytes().to_vec()];
    let mut folders = vec![desk.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => folders.push(path),
                false => everything.push(std::fs::read(path).expect("a file")),
            }
        }
    }
    for secret in [ALICES_PIN, BOBS_PIN, ALICES_PUK, BOBS_PUK] {
        let found = |bytes: &Vec<u8>| bytes.windows(8).any(|part| part == secret.as_bytes());
        assert!(!everything.iter().any(found), "a secret was left behind");
    }
}

/// The planned stop is over: the handover medium went to the verifier, who calls.
fn call(desk: &Desk, people: &mut People, room: &mut Terminal, handover: PathBuf) -> String {
    std::fs::rename(handover, desk.path().join("mail")).expect("the courier takes it");
    let mut far = desk.start(&format!(
        "{PROGRAM} confirm mail/certificate.asc -o key.pin"
    ));
    let codes = Call::new(room, people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    far.printed
}

#[test]
fn two_people_are_enrolled_and_hold_a_ceremony_that_knows_them() {
    let desk = Desk::new();
    let roles = media(&["operator-a", "operator-b", "public"]);
    let mut terminal = desk.offline(&format!("run enrol-operator {roles}"));
    let mut enrolled = people_with_tokens();
    let code = enrolled.play(&mut terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    let folder = desk.folder("public", "enrol-operator");
    assert_verifies(&desk, &folder.join("record"), &enrolled, 0);
    assert!(folder.join("operator-b.asc").is_file());
    assert!(
        !folder.join("site.toml").exists(),
        "serial numbers are not public"
    );
    assert_no_secrets(&desk, &terminal.printed);

    let own = desk
        .folder("operator-a", "enrol-operator")
        .join("site.toml");
    let pins = std::fs::read_to_string(own).expect("the lines that pin both");
    desk.write("site.toml", &format!("{ADDRESS}\n{pins}"));
    let all = media(&ROLES);
    let mut terminal = desk.offline(&format!("run plan.toml --site site.toml {all}"));
    let mut known = people_with_tokens();
    assert_eq!(known.play(&mut terminal), Some(0), "{}", terminal.printed);
    assert_eq!(known.operators, enrolled.operators);
    let record = desk.folder("operator-a", "backup-key").join("record");
    let some = media(&["operator-a", "operator-b", "public"]);
    let mut room = desk.offline(&format!(
        "resume {} --site site.toml {some}",
        record.display()
    ));
    let handover = desk.folder("handover", "backup-key");
    let far = call(&desk, &mut known, &mut room, handover);
    let record = desk.folder("public", "backup-key").join("record");
    assert_verifies(&desk, &record, &known, 0);
    assert_no_secrets(&desk, &format!("{}{}{far}", terminal.printed, room.printed));
}

#[test]
fn a_rehearsal_with_tokens_that_nobody_pinned() {
    let desk = Desk::new();
    let mut terminal = desk.start(&format!("{PROGRAM} rehearse plan.toml --out rehearsal"));
    let mut people = people_with_tokens();
    assert_eq!(people.play(&mut terminal), Some(0), "{}", terminal.printed);
    assert!(terminal.printed.contains("how do you sign"));
    let record = desk
        .folder("rehearsal/operator-a", "backup-key")
        .join("record");
    let mut room = desk.start(&format!("{PROGRAM} resume {}", record.display()));
    let handover = desk.folder("rehearsal/handover", "backup-key");
    let far = call(&desk, &mut people, &mut room, handover);
    let record = desk.folder("rehearsal/public", "backup-key").join("record");
    assert_verifies(&desk, &record, &people, 3);
    assert_no_secrets(&desk, &format!("{}{}{far}", terminal.printed, room.printed));

    // The slots alone give the fingerprints: nothing is made anew.
    let mut terminal = desk.start(&format!("{PROGRAM} rehearse enrol-operator --out again"));
    let mut again = people_with_tokens();
    again.until = Some("Operator B: is all of it right");
    assert_eq!(again.play(&mut terminal), None, "{}", terminal.printed);
    assert_eq!(again.operators, people.operators);
    assert!(terminal.printed.contains("has a key of yours already"));
    assert!(!terminal.printed.contains("new PIN"));
}

/// One signs with a token, the other with a passphrase: asked, since a token is plugged in.
#[test]
fn one_with_a_token_and_one_with_a_passphrase() {
    let desk = Desk::new();
    let mut terminal = desk.start(&format!("{PROGRAM} rehearse plan.toml --out rehearsal"));
    let mut people = People::new();
    people.tokens = [people_with_tokens().tokens[0].take(), None];
    people.until = Some("Operator B: are they on your checklist");
    assert_eq!(people.play(&mut terminal), None, "{}", terminal.printed);
    assert!(
        terminal
            .printed
            .contains("with your own passphrase, or PIN and touch")
    );
    let record = desk
        .folder("rehearsal/operator-a", "backup-key")
        .join("record");
    let record = record.display().to_string();
    let verified = desk.ceremony(&["verify", &record]);
    let said = text(&verified);
    assert_eq!(verified.status.code(), Some(3), "{said}");
    assert!(said.contains("signs with YubiKey 10000001"), "{said}");
    assert!(
        said.contains("signs with a key file and a passphrase"),
        "{said}"
    );
    let script = Command::new(SCRIPT).arg(&record).output();
    let script = script.expect("the script starts");
    let said = text(&script);
    assert_eq!(script.status.code(), Some(3), "{said}");
    assert!(
        said.contains("token, firmware 5.4.") && said.contains("file, enrolled"),
        "{said}"
    );
}
