//! A message is opened by hand: two people in a real terminal make a key in a ceremony, and open
//! with their cards what gpg sealed to it; the secret medium's lock is closed.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pty_support::{ALTERNATE, Deed, ERASE, People, Terminal};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const SITE: &str = include_str!("../ceremony/site.example.toml");
const CONTENT: &[u8] = b"the content of a backup, in the clear\n";
const ROLES: [&str; 6] = [
    "operator-a",
    "operator-b",
    "secret-1",
    "secret-2",
    "handover",
    "public",
];

/// The carried plan for A and B alone, without the call: that is not what this is about.
fn plan() -> String {
    let carried = include_str!("../ceremony/backup-key.toml");
    let (before, rest) = carried
        .split_once("[[phase]]\nid = \"6\"")
        .expect("the call");
    let (_, close) = rest.split_once("[[phase]]\nid = \"7\"").expect("the close");
    let close = close.replace("\"7.1\"", "\"6.1\"");
    let plan = format!("{before}[[phase]]\nid = \"6\"{close}");
    [
        ("\"rsa4096\"", "\"modern\""),
        ("[\"A\", \"B\", \"C\"]", "[\"A\", \"B\"]"),
        ("absent = [\"C\"]", "absent = []"),
        ("minutes = 60", "minutes = 45"),
    ]
    .iter()
    .fold(plan, |plan, (from, to)| {
        assert_eq!(plan.matches(from).count(), 1, "{from}");
        plan.replace(from, to)
    })
}

/// A table with six media; in memory where that can be had, for speed.
struct Table(TempDir);

impl Table {
    fn new() -> Table {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let table = Table(TempDir::with_prefix_in("open-", base).expect("a folder"));
        table.write("plan.toml", plan().as_bytes());
        table.write("site.toml", SITE.as_bytes());
        table.write("swaps", b"Filename\tType\tSize\tUsed\tPriority\n");
        for name in ROLES.iter().chain(&["g", "drive"]) {
            fs::create_dir(table.at(name)).expect("a new folder");
        }
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(table.at("g"), private).expect("it is ours");
        table
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).expect("the table's folder is writable");
    }

    /// A command on a machine with nothing but `lo` and no swap, where more is mounted.
    fn machine(&self, mounts: &str, command: &str, roles: &[&str]) -> String {
        let media: Vec<String> = roles.iter().map(|r| format!("--medium {r}={r}")).collect();
        format!(
            "cd {} && unshare -rnm sh -c 'mount --bind swaps /proc/swaps && {mounts} \
             exec {PROGRAM} {command} --site site.toml {}'",
            self.0.path().display(),
            media.join(" ")
        )
    }

    /// The one ceremony's folder on a medium whose id has this plan.
    fn folder(&self, medium: &str, plan: &str) -> PathBuf {
        let found = fs::read_dir(self.at(medium)).expect("the medium").flatten();
        let is_it = |path: &PathBuf| path.display().to_string().contains(plan);
        let mut found: Vec<PathBuf> = found.map(|entry| entry.path()).filter(is_it).collect();
        assert_eq!(found.len(), 1, "one folder");
        found.remove(0)
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        let home = self.at("g");
        command.current_dir(self.0.path()).args(args);
        command.env("GNUPGHOME", home).env("LC_ALL", "C");
        command
            .output()
            .unwrap_or_else(|e| panic!("{program} does not start ({e}); scripts/test installs it"))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.run("gpgconf", &["--kill", "all"]);
    }
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn deed(title: &'static str, question: &'static str, keys: &'static str) -> Deed {
    Deed {
        question,
        title,
        keys,
    }
}

#[test]
fn two_people_open_what_gpg_sealed_to_their_key() {
    let table = Table::new();
    let mut people = People::new();
    let mut terminal = Terminal::start(&table.machine("", "run plan.toml", &ROLES), &[]);
    let code = people.play(&mut terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    drop(terminal);

    let certificate = table.folder("public", "backup-key").join("certificate.asc");
    let certificate = certificate.to_str().expect("UTF-8");
    let imported = table.run("gpg", &["--batch", "--import", certificate]);
    assert!(imported.status.success(), "{}", text(&imported));
    table.write("drive/plain", CONTENT);
    let seal = [
        "--batch",
        "--trust-model",
        "always",
        "-r",
        "backup@example.org",
    ];
    let seal = [&seal[..], &["-o", "drive/sealed.gpg", "-e", "drive/plain"]].concat();
    let sealed = table.run("gpg", &seal);
    assert!(sealed.status.success(), "{}", text(&sealed));
    fs::remove_file(table.at("drive/plain")).expect("it is ours");

    // Its lock is closed: what opens a backup needs not write to it.
    let locked = "mount --bind secret-2 secret-2 && mount -o remount,bind,ro secret-2 &&";
    let media = ["operator-a", "operator-b", "secret-2"];
    let command = "open drive/sealed.gpg -o drive/content";
    let mut terminal = Terminal::start(&table.machine(locked, command, &media), &[]);
    people.deeds = vec![
        deed(
            "The message that is to be",
            "Why is it opened",
            "a disk failed",
        ),
        deed("Who opens the backup", "the letters", "A A"),
        deed("Who opens the backup", "the letters", "a b"),
        // Not the card's word: then the whole share again.
        deed("A types A's share", "word 2 of", "zoo"),
        deed("B types B's share", "word 5 of", "!"),
        deed("The words do not fit", "What do you do", "3"),
        deed("The words do not fit", "What do you do", "1"),
        deed("The message is open", "Press Enter", "\x03"),
    ];
    people.operators.clear();
    let code = people.play(&mut terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    let left: Vec<&str> = people.deeds.iter().map(|deed| deed.title).collect();
    assert!(left.is_empty(), "never came up: {left:?}");
    assert!(!terminal.printed.contains("REHEARSAL"));
    assert!(!terminal.printed.contains(ALTERNATE) && !terminal.printed.contains(ERASE));
    let content = fs::read(table.at("drive/content")).expect("it was opened");
    assert_eq!(content, CONTENT);
    for card in people.cards.values() {
        for words in card.chunks(3) {
            let row = |line: &str| words.iter().all(|word| line.contains(word.as_str()));
            assert!(
                !terminal.printed.lines().any(row),
                "words are on the screen"
            );
        }
    }

    let record = table.folder("operator-a", "-open-").join("record");
    let record = record.to_str().expect("UTF-8");
    let [a, b] = people.operators.as_slice() else {
        panic!("two fingerprints: {:?}", people.operators);
    };
    let pins = ["--operator-a", a, "--operator-b", b];
    let verified = table.run(PROGRAM, &[&["verify", record][..], &pins].concat());
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    let transcript = fs::read_to_string(format!("{record}/transcript.txt")).expect("ASCII");
    assert!(transcript.contains("medium: secret-2\n"));
    assert!(
        !transcript.contains("a disk failed"),
        "the reason is a detail"
    );
    let details = fs::read_dir(format!("{record}/details"))
        .expect("details")
        .flatten();
    let mut details = details.map(|entry| fs::read_to_string(entry.path()).expect("UTF-8"));
    assert!(details.any(|detail| detail.contains("\nreason: a disk failed\n")));
}
