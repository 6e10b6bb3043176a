//! Every command from outside: what it prints, how it refuses, and with which exit code.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ceremony::openpgp::{Certificate, LockedKey};
use ceremony::plan::Plan;
use ceremony::record::transcript;
use ceremony::site::Site;
use ceremony::version;
use proptest::prelude::*;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const PLAN: &str = include_str!("../ceremony/backup-key.toml");
const COMMANDS: [&str; 20] = [
    "plans",
    "check",
    "checklist",
    "form",
    "preflight",
    "live",
    "run",
    "rehearse",
    "resume",
    "verify",
    "report",
    "redact",
    "print",
    "restore-paper",
    "sheet",
    "confirm",
    "seal",
    "open",
    "man",
    "completions",
];

/// What the verifier's program refuses before it asks anything.
#[test]
fn confirm_refuses_what_is_not_one_ceremonys_certificate_and_record() {
    let at = folder();
    let path = at.path();
    let armored = rehearsed_certificate();
    fs::write(path.join("certificate.asc"), &armored).expect("writable");
    let alone = ["confirm", "certificate.asc"];
    assert_refused(path, &alone, 2, "no record lies beside the certificate");
    let short = ["confirm", "certificate.asc", "--id", "2026"];
    assert_refused(path, &short, 2, "cannot be the id");
    assert_refused(path, &["confirm", "nothing.asc"], 1, "cannot be read");
    fs::write(path.join("text.asc"), "no certificate\n").expect("writable");
    let id = "2026-01-02-backup-key-0A1B2C3D";
    let text = ["confirm", "text.asc", "--id", id];
    assert_refused(path, &text, 1, "the certificate cannot be used");
    // A record that is of another certificate, or none.
    let record = path.join("record");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/2/canaries/record");
    fs::create_dir(&record).expect("a folder");
    fs::copy(
        fixture.join("transcript.txt"),
        record.join("transcript.txt"),
    )
    .expect("copied");
    assert_refused(path, &alone, 1, "of another certificate");
    fs::write(record.join("transcript.txt"), "entry: 0\n").expect("writable");
    assert_refused(
        path,
        &alone,
        1,
        "the record beside the certificate is damaged",
    );
    fs::remove_dir_all(&record).expect("removed");
    // All is well, but there is no terminal to hold the call at.
    let named = ["confirm", "certificate.asc", "--id", id];
    assert_refused(path, &named, 1, "the terminal does not work");
    fs::write(path.join(format!("{id}.pin")), "an earlier one\n").expect("writable");
    assert_refused(path, &named, 2, "exists already");
}

fn rehearsed_certificate() -> Vec<u8> {
    use ceremony::openpgp::{Profile, SecretKey};
    let made = SecretKey::generate(Profile::Modern, "a <a@example.org>", None, 1_772_366_400);
    made.expect("a key").key.certificate().armored(None)
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder for the test")
}

/// Runs the program in `at`, in a session without a terminal.
fn ceremony(at: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("setsid");
    command
        .arg("--wait")
        .arg(PROGRAM)
        .args(args)
        .current_dir(at);
    let output = command.stdin(Stdio::null()).output();
    output.expect("setsid starts; scripts/test installs util-linux")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A refusal has a code, a cause and a remedy, no panic, and nothing that a terminal obeys.
fn assert_refused(at: &Path, args: &[&str], code: i32, cause: &str) {
    let output = ceremony(at, args);
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(cause), "{args:?}: no {cause:?} in {said}");
    assert!(
        said.contains("What to do: "),
        "{args:?}: no remedy in {said}"
    );
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    assert!(!said.contains('\x1b'), "{args:?}: {said:?}");
}

fn assert_good(at: &Path, args: &[&str], text: &str) -> String {
    let output = ceremony(at, args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{args:?}: {}",
        stderr(&output)
    );
    let said = stdout(&output);
    assert!(said.contains(text), "{args:?}: no {text:?} in {said}");
    said
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let at = folder();
    let help = assert_good(at.path(), &["--help"], "Exit codes:");
    for command in COMMANDS {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command} in {help}"
        );
        assert_good(
            at.path(),
            &[command, "--help"],
            &format!("Usage: ceremony {command}"),
        );
    }
    for code in 0..=6 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code} in {help}");
    }
}

#[test]
fn the_version_names_the_commit() {
    let at = folder();
    let version = assert_good(at.path(), &["--version"], version::LONG_VERSION);
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // A source tree without history says that no commit is known.
    let known = git.output().is_ok_and(|output| output.status.success());
    assert_eq!(known, !version.contains("no commit known"), "{version}");
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    let at = folder();
    for args in [
        ["frobnicate"].as_slice(),
        &["check"],
        &["check", "backup-key", "more"],
        &["rehearse", "backup-key", "--fast"],
        &["rehearse", "backup-key", "--force"],
        &["run", "backup-key", "--auto"],
        &["run", "backup-key", "--skip", "drill"],
        &["verify"],
        &["completions", "tcsh"],
        &["sheet", "--paper", "a5", "x"],
        &["form"],
        &["form", "words"],
        &["form", "labels", "--paper", "a5"],
        &["report", "x", "--text", "--pdf", "y"],
        &["report", "x", "--output", "y", "--pdf", "z"],
        &["sheet"],
        &["sheet", "--reading", "a"],
        &["sheet", "--reading", "c", "x"],
        &["sheet", "--grid", "v5"],
        &["sheet", "--recovery", "x", "--grid", "v4"],
        &["restore-paper", "x"],
        &["sheet", "--grid", "v4", "x"],
        &["sheet", "--grid", "v4", "--reading", "a"],
    ] {
        let output = ceremony(at.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = stderr(&output);
        assert!(
            said.starts_with("error: ") && said.contains("--help"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn without_a_terminal_each_command_that_needs_one_says_so() {
    let at = folder();
    assert_refused(at.path(), &[], 2, "the start menu needs a terminal");
    assert_refused(
        at.path(),
        &["rehearse", "backup-key", "--out", "r"],
        1,
        "terminal",
    );
    assert!(!at.path().join("r").exists(), "nothing is left behind");
    for role in ["operator-a", "operator-b"] {
        fs::create_dir(at.path().join(role)).expect("a medium");
    }
    let media = [
        "--medium",
        "operator-a=operator-a",
        "--medium",
        "operator-b=operator-b",
    ];
    let args = [["run", "backup-key"].as_slice(), &media].concat();
    assert_refused(at.path(), &args, 1, "terminal");
    assert!(
        fs::read_dir(at.path().join("operator-a"))
            .expect("readable")
            .next()
            .is_none()
    );
}

#[test]
fn the_carried_plan_is_listed_good_and_printed() {
    let at = folder();
    assert_good(at.path(), &["plans"], "backup-key");
    assert_good(
        at.path(),
        &["check", "backup-key"],
        "good. 7 phases, 16 steps, 60 minutes",
    );
    let printed = assert_good(at.path(), &["checklist", "backup-key"], "EXCEPTION");
    assert_eq!(printed, include_str!("../checklists/backup-key.txt"));
}

#[test]
fn every_bad_plan_is_refused_with_its_line() {
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut count = 0;
    for entry in fs::read_dir(&plans).expect("bad plans") {
        let path = entry.expect("readable").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let path = path.display().to_string();
            assert_refused(&plans, &["check", &path], 2, "line ");
            count += 1;
        }
    }
    assert!(count > 90, "{count} bad plans");
}

#[test]
fn names_that_lead_nowhere_are_refused() {
    let at = folder();
    let path = at.path();
    fs::write(path.join("empty"), "").expect("written");
    fs::write(path.join("binary"), [0xff, 0xfe, 0]).expect("written");
    fs::write(path.join("large"), vec![b'#'; 17 << 20]).expect("written");
    fs::write(path.join("unknown-key"), "\nbackup-adress = \"x\"\n").expect("written");
    for (args, code, cause) in [
        (
            ["check", "nothing"].as_slice(),
            2,
            "there is no plan nothing",
        ),
        (&["check", "."], 2, "there is no plan"),
        (&["check", "empty"], 2, "line 1"),
        (&["check", "binary"], 1, "UTF-8"),
        (&["check", "large"], 1, "16 MiB"),
        (&["checklist", "nothing"], 2, "there is no plan"),
        (
            &["form", "labels", "--plan", "nothing"],
            2,
            "there is no plan",
        ),
        (
            &["form", "share-card", "--plan", "open"],
            2,
            "has no shares",
        ),
        (&["run", "nothing"], 2, "there is no plan"),
        (&["rehearse", "nothing", "--auto"], 2, "there is no plan"),
        (
            &["run", "backup-key", "--site", "nowhere"],
            1,
            "nowhere cannot be read",
        ),
        (&["run", "backup-key", "--site", "unknown-key"], 2, "line 2"),
        (
            &["run", "backup-key", "--medium", "operator-a"],
            2,
            "does not say which medium",
        ),
        (
            &["run", "backup-key", "--medium", "operator-c=x"],
            2,
            "does not say which medium",
        ),
        (
            &["run", "backup-key", "--medium", "public="],
            2,
            "does not say which medium",
        ),
        (
            &["preflight", "--medium", "public=a", "--medium", "public=b"],
            2,
            "named twice",
        ),
        (&["resume", "nowhere"], 2, "not the folder of a record"),
        (&["resume", "/"], 2, "not the folder of a record"),
        (&["verify", "nowhere"], 2, "not the folder of a record"),
        (
            &["verify", ".", "--operator-a", "12AB"],
            2,
            "not a fingerprint or hash",
        ),
        (
            &["verify", ".", "--previous", "none"],
            2,
            "not a fingerprint or hash",
        ),
        (&["sheet", "nowhere"], 1, "nowhere cannot be read"),
        (&["man", "--out", "no/where"], 1, "cannot be written"),
    ] {
        assert_refused(path, args, code, cause);
    }
}

#[test]
fn what_exists_is_never_written_over() {
    let at = folder();
    let path = at.path();
    fs::create_dir(path.join("out")).expect("a folder");
    fs::write(path.join("out/kept"), "kept").expect("written");
    assert_refused(
        path,
        &["rehearse", "backup-key", "--auto", "--fast", "--out", "out"],
        2,
        "exists already",
    );
    assert_eq!(fs::read_dir(path.join("out")).expect("readable").count(), 1);

    fs::write(path.join("out/ceremony.1"), "kept").expect("written");
    assert_refused(path, &["man", "--out", "out"], 2, "exists already");
    let certificate = path.join("certificate.asc");
    fs::write(&certificate, certificate_file()).expect("written");
    fs::write(path.join("sheet.pdf"), "kept").expect("written");
    for command in [
        ["sheet", "certificate.asc"],
        ["form", "labels"],
        ["checklist", "open"],
    ] {
        let args = [&command[..], &["--pdf", "sheet.pdf"]].concat();
        assert_refused(path, &args, 2, "exists already");
    }
    for kept in ["out/kept", "out/ceremony.1", "sheet.pdf"] {
        assert_eq!(fs::read(path.join(kept)).expect("is there"), b"kept");
    }
}

#[test]
fn pages_and_completions_come_for_every_command() {
    let at = folder();
    assert_good(at.path(), &["man"], ".TH ceremony 1");
    fs::create_dir(at.path().join("man")).expect("a folder");
    assert_good(at.path(), &["man", "--out", "man"], "");
    for command in COMMANDS {
        assert!(
            at.path()
                .join(format!("man/ceremony-{command}.1"))
                .is_file(),
            "{command}"
        );
    }
    for shell in ["bash", "fish", "zsh"] {
        let script = assert_good(at.path(), &["completions", shell], "ceremony");
        assert!(
            COMMANDS.iter().all(|command| script.contains(command)),
            "{shell}"
        );
    }
}

/// A good certificate.
fn certificate_file() -> Vec<u8> {
    let passphrase = ceremony::secret::SecretText::from_string("a passphrase".to_string());
    let key = LockedKey::generate("Test <test@example.org>", &passphrase, 1_772_366_400, None);
    key.expect("a key").certificate().armored(None)
}

#[test]
fn a_certificate_becomes_a_sheet_and_anything_else_an_error() {
    let at = folder();
    let path = at.path();
    let good = certificate_file();
    fs::write(path.join("good"), &good).expect("written");
    assert_good(path, &["sheet", "good"], "Test <test@example.org>");
    assert_good(
        path,
        &["sheet", "good", "--pdf", "good.pdf", "--paper", "letter"],
        "",
    );
    assert!(
        fs::read(path.join("good.pdf"))
            .expect("is there")
            .starts_with(b"%PDF-")
    );

    let text = String::from_utf8(good.clone()).expect("armored");
    let bad: [(&str, Vec<u8>); 8] = [
        ("empty", Vec::new()),
        ("text", b"not a certificate\n".to_vec()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("twice", [good.clone(), good.clone()].concat()),
        ("spoiled", text.replacen('x', "y", 3).into_bytes()),
        (
            "mislabelled",
            text.replace("PUBLIC KEY", "MESSAGE").into_bytes(),
        ),
        ("noise", (0..=255).cycle().take(5000).collect()),
        ("large", vec![0x99; 2 << 20]),
    ];
    for (name, bytes) in bad {
        fs::write(path.join(name), bytes).expect("written");
        assert_refused(path, &["sheet", name], 1, "ceremony: ");
    }
}

#[test]
fn the_pages_of_the_call_come_one_for_each_reader_and_one_for_the_verifier() {
    let at = folder();
    let path = at.path();
    let good = certificate_file();
    fs::write(path.join("good"), &good).expect("written");
    let groups = Certificate::from_bytes(&good)
        .expect("a certificate")
        .fingerprint()
        .groups();
    let id = "2026-01-02-backup-key-00000000";
    let sheet = assert_good(path, &["sheet", "good", "--id", id], id);
    let code = sheet
        .lines()
        .find_map(|line| line.strip_prefix("Sheet code"));
    let code = code.expect("the sheet has a code");
    for (reader, own) in [("a", &groups[..5]), ("b", &groups[5..])] {
        let args = ["sheet", "good", "--id", id, "--reading", reader];
        let said = assert_good(path, &args, code);
        for group in &groups {
            assert_eq!(
                said.contains(group),
                own.contains(group),
                "{reader}: {said}"
            );
        }
    }
    let mut args = vec!["sheet", "--grid", "v6", "--id", id];
    assert!(assert_good(path, &args, "Row 9, A").contains(id));
    assert_good(path, &["sheet", "--grid", "v4"], "Row 6, B");
    args.extend(["--pdf", "grid.pdf", "--paper", "letter"]);
    assert_good(path, &args, "");
    assert_refused(path, &args, 2, "exists already");
    let pdf = fs::read(path.join("grid.pdf")).expect("is there");
    assert!(pdf.starts_with(b"%PDF-"));
}

/// A folder with what somebody says is a record.
fn record(at: &Path, transcript: &[u8]) -> PathBuf {
    let record = at.join("2026-01-02-backup-key-00000000/record");
    fs::create_dir_all(record.join("signatures")).expect("a folder");
    fs::write(record.join("transcript.txt"), transcript).expect("written");
    record
}

#[test]
fn hostile_records_are_refused_by_verify_and_resume() {
    let opened = "entry: 0\nprev: 0000000000000000000000000000000000000000000000000000000000000000\n\
                  time: 2026-01-02T03:04:05Z\nuptime: 1\nstep: 0\nevent: opened\nactors: none\n\n";
    let transcripts: [&[u8]; 7] = [
        b"",
        b"\n",
        b"\x1b[2J\x1b]0;title\x07entry: 0\n",
        &[0xff; 4096],
        opened.as_bytes(),
        &b"entry: 99999999999999999999\n".repeat(1000),
        &[b'a'; 1 << 20],
    ];
    for transcript in transcripts {
        let at = folder();
        let record = record(at.path(), transcript).display().to_string();
        assert_refused(at.path(), &["verify", &record], 1, "FAILED");
        let resumed = ceremony(at.path(), &["resume", &record]);
        assert_eq!(resumed.status.code(), Some(1));
        assert!(
            stderr(&resumed).contains("What to do: "),
            "{}",
            stderr(&resumed)
        );
        let json = ceremony(at.path(), &["verify", "--json", &record]);
        assert_eq!(json.status.code(), Some(1));
        let said: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
        assert_eq!(said["verified"], false);
        assert!(said["remedy"].is_string() && said["cause"].is_string());
    }
}

#[test]
fn odd_things_in_a_record_are_refused_and_not_followed() {
    let make: [(&str, fn(&Path)); 6] = [
        ("link", |record| {
            symlink("/etc/passwd", record.join("plan.toml"))
        }),
        ("loop", |record| symlink(".", record.join("details"))),
        ("pipe", |record| {
            let path = record.join("plan.toml");
            let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
            assert!(made.success());
        }),
        ("large", |record| {
            let file = fs::File::create(record.join("plan.toml")).expect("written");
            // A hole: it takes no space.
            file.set_len(17 << 20).expect("set");
        }),
        ("name", |record| {
            fs::write(record.join("\x1b[2J\n"), "x").expect("written")
        }),
        ("deep", |record| {
            fs::create_dir_all(record.join("d/".repeat(900))).expect("folders");
        }),
    ];
    for (name, make) in make {
        let at = folder();
        let record = record(at.path(), b"entry: 0\n");
        make(&record);
        let record = record.display().to_string();
        assert_refused(at.path(), &["verify", &record], 1, "FAILED");
        let resumed = ceremony(at.path(), &["resume", &record]);
        let said = stderr(&resumed);
        assert!(
            !resumed.status.success() && !said.contains("panicked"),
            "{name}: {said}"
        );
        assert!(!said.contains('\x1b'), "{name}: {said:?}");
    }
}

fn symlink(to: &str, at: PathBuf) {
    std::os::unix::fs::symlink(to, at).expect("a link");
}

#[test]
fn preflight_looks_and_writes_nothing() {
    let at = folder();
    fs::create_dir(at.path().join("a")).expect("a medium");
    let output = ceremony(
        at.path(),
        &[
            "preflight",
            "--medium",
            "public=a",
            "--medium",
            "handover=b",
        ],
    );
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("FAIL  medium  handover"), "{said}");
    assert!(
        fs::read_dir(at.path().join("a"))
            .expect("readable")
            .next()
            .is_none()
    );
}

/// Bytes that are nearly a file: the good text with some of it replaced.
fn nearly(good: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let spoiled = (
        0..good.len(),
        0..40usize,
        proptest::collection::vec(any::<u8>(), 0..20),
    );
    spoiled.prop_map(move |(at, cut, put)| {
        let mut bytes = good.as_bytes().to_vec();
        bytes.splice(at..(at + cut).min(good.len()), put);
        bytes
    })
}

/// Reads the bytes as everything that comes from outside; none of it may panic.
fn read_as_everything(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Plan::parse(&text);
    let _ = Site::parse(&text);
    let _ = transcript::parse(bytes);
    let _ = transcript::parse_prefix(bytes);
    let _ = Certificate::from_bytes(bytes);
    let _ = LockedKey::from_bytes(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spoiled_plans_never_panic(bytes in nearly(PLAN)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spoiled_sites_never_panic(bytes in nearly(ceremony::site::EXAMPLE)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spoiled_certificates_never_panic(at in 0..4000usize, put in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = good_certificate().to_vec();
        let at = at % bytes.len();
        bytes[at] = put;
        if cut {
            bytes.truncate(at);
        }
        read_as_everything(&bytes);
    }
}

fn good_certificate() -> &'static [u8] {
    static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILE.get_or_init(certificate_file)
}
