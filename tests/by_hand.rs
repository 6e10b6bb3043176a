//! Whole sessions by hand: the real program in a real terminal, and two people who read the
//! screen and type.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod pty_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pty_support::call::{Call, Codes};
use pty_support::{ALTERNATE, Deed, ERASE, People, Terminal, golden};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const PLAN: &str = include_str!("../ceremony/backup-key.toml");
const SITE: &str = include_str!("../ceremony/site.example.toml");
const ROLES: [&str; 6] = [
    "operator-a",
    "operator-b",
    "secret-1",
    "secret-2",
    "handover",
    "public",
];

/// A table with a plan, a site and six media; in memory where that can be had, for speed.
struct Table(TempDir);

impl Table {
    fn new() -> Table {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let table = Table(TempDir::with_prefix_in("by-hand-", base).expect("a folder"));
        table.write("plan.toml", &PLAN.replace("\"rsa4096\"", "\"modern\""));
        table.write("site.toml", SITE);
        table.write("swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        for role in ROLES {
            std::fs::create_dir(table.path().join(role)).expect("a new medium");
        }
        table
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the table's folder is writable");
    }

    /// `ceremony run` on a machine with nothing but `lo`, and with these swap areas.
    fn run(&self, network: &str) -> String {
        let media: Vec<String> = ROLES.iter().map(|r| format!("--medium {r}={r}")).collect();
        format!(
            "cd {} && unshare {network} sh -c 'mount --bind swaps /proc/swaps && \
             exec {PROGRAM} run plan.toml --site site.toml {}'",
            self.path().display(),
            media.join(" ")
        )
    }

    /// `ceremony resume` on such a machine, after the planned stop: the handover medium has left,
    /// and the secret media are locked away.
    fn resume(&self) -> String {
        let media = ["operator-a", "operator-b", "public"];
        let media: Vec<String> = media.iter().map(|r| format!("--medium {r}={r}")).collect();
        let record = self.folder("operator-a");
        format!(
            "cd {} && unshare -rnm sh -c 'mount --bind swaps /proc/swaps && \
             exec {PROGRAM} resume {} --site site.toml {}'",
            self.path().display(),
            record.display(),
            media.join(" ")
        )
    }

    /// `ceremony confirm` on the verifier's machine, with what the courier brought.
    fn confirm(&self) -> String {
        let mail = self.path().join("mail");
        std::fs::rename(self.folder("handover"), &mail).expect("the courier takes it");
        let path = self.path().display();
        format!("cd {path} && {PROGRAM} confirm mail/certificate.asc -o key.pin")
    }

    fn rehearse(&self) -> String {
        let path = self.path().display();
        format!("cd {path} && {PROGRAM} rehearse plan.toml --out rehearsal")
    }

    /// The one ceremony's folder on a medium.
    fn folder(&self, medium: &str) -> PathBuf {
        let mut found = std::fs::read_dir(self.path().join(medium)).expect("the medium");
        let folder = found.next().expect("a folder on it").expect("readable");
        assert!(found.next().is_none(), "one folder, no more");
        folder.path()
    }
}

fn deed(title: &'static str, question: &'static str, keys: &'static str) -> Deed {
    Deed {
        question,
        title,
        keys,
    }
}

fn output(program: &str, args: &[&str], home: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(args).env("GNUPGHOME", home).env("LC_ALL", "C");
    command
        .output()
        .unwrap_or_else(|e| panic!("{program} does not start ({e}); scripts/test installs it"))
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Three words of a card in a row, anywhere on the screen but on the secret page.
fn assert_cards_are_gone(people: &People, terminal: &Terminal) {
    let mut elsewhere = String::new();
    for (at, part) in terminal.printed.split(ALTERNATE).enumerate() {
        let rest = if at == 0 {
            part
        } else {
            part.split_once(ERASE).expect("was erased").1
        };
        elsewhere.push_str(rest);
    }
    let has = |text: &str, words: &[String]| words.iter().all(|word| text.contains(word.as_str()));
    let rows = |text: &str, words: &[String]| text.lines().any(|line| has(line, words));
    for card in people.cards.values() {
        for words in card.chunks(3) {
            assert!(rows(&terminal.printed, words), "the search finds nothing");
            assert!(
                !rows(&elsewhere, words),
                "words of a share are on the screen again"
            );
        }
    }
}

/// What two people do in a whole ceremony, `!` and Ctrl-C at every kind of question among it.
#[test]
fn a_whole_ceremony_by_two_people() {
    let table = Table::new();
    let mut terminal = Terminal::start(&table.run("-rnm"), &[]);
    let mut people = People::new();
    people.deeds = vec![
        deed("The media", "Operator B", "!"),
        deed("Exception", "What do you decide", "!"),
        deed("Exception", "What do you decide", "\x03"),
        deed("A reads, B types", "row 2", "\x03"),
        deed("A's share", "A: press Enter", "!"),
        deed("B's share", "B: press Enter", "\x03"),
        deed("For A alone", "Press Enter", "!"),
        deed("For B alone", "Press Enter", "\x03"),
        deed("A: type the words", "word 3", "!"),
        deed("B: type the words", "word 4", "\x03"),
        deed("Both operators sign", "Operator A", "!"),
        deed("Both operators sign", "Operator B", "\x03"),
    ];
    let code = people.play(&mut terminal);
    assert_eq!(code, Some(0), "{}", terminal.printed);
    assert!(
        terminal.printed.contains("ceremony resume"),
        "the planned stop"
    );
    people.deeds.extend([
        deed("A's own sheet of paper", "word", "!"),
        deed("The second call", "Operator B", "!"),
        deed("What the verifier uses", "The verifier uses", "!"),
    ]);
    let (mut room, mut far) = (
        Terminal::start(&table.resume(), &[]),
        Terminal::start(&table.confirm(), &[]),
    );
    let codes = Call::new(&mut room, &mut people, &mut far).hold();
    let both = Codes {
        room: Some(0),
        far: Some(0),
    };
    assert_eq!(codes, both, "{}\n\n{}", room.printed, far.printed);
    assert!(
        people.deeds.is_empty(),
        "not every kind of question came up"
    );
    assert!(terminal.printed.contains("\x1b[1m"), "a title is bold");
    let printed = terminal.printed.clone() + &room.printed + &far.printed;
    assert!(!printed.contains("REHEARSAL"));
    let modes = terminal.modes();
    assert_eq!(modes.len(), 2);
    assert_eq!(modes[0], modes[1], "the terminal is as it was");
    assert_cards_are_gone(&people, &terminal);
    assert_eq!(people.cards.len(), 4, "A, B, and two halves of C's");
    let pages = [&terminal.pages[..], &room.pages, &far.pages].concat();
    golden::compare("pages.txt", &golden::titles(&pages));

    let home = TempDir::with_prefix("k").expect("a folder for gpg");
    let record = table.folder("public").join("record");
    let record = record.to_str().expect("UTF-8");
    let [a, b] = people.operators.as_slice() else {
        panic!("two fingerprints: {:?}", people.operators);
    };
    let verified = output(
        PROGRAM,
        &["verify", record, "--operator-a", a, "--operator-b", b],
        home.path(),
    );
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    assert!(text(&verified).contains("exception"), "{}", text(&verified));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verify-record");
    let verified = output(script, &[record, a, b], home.path());
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));

    for operator in ["A", "B"] {
        let certificate = format!("{record}/operators/{operator}.asc");
        let imported = output("gpg", &["--batch", "--import", &certificate], home.path());
        assert!(imported.status.success(), "{}", text(&imported));
        let signature = format!("{record}/transcript.txt.{operator}.asc");
        let transcript = format!("{record}/transcript.txt");
        let verified = output("gpg", &["--verify", &signature, &transcript], home.path());
        assert!(
            text(&verified).contains("Good signature"),
            "{}",
            text(&verified)
        );
    }
    output("gpgconf", &["--kill", "all"], home.path());
}

/// How many escape sequences there are but those that enter and leave the secret page.
fn escapes_elsewhere(printed: &str) -> usize {
    let elsewhere = printed.replace(ERASE, "");
    let elsewhere = elsewhere.replace("\x1b[?1049h\x1b[H\x1b[2J", "");
    elsewhere.matches('\x1b').count()
}

/// By hand in folders, on a screen without colour; stopped by an abort after the first share.
#[test]
fn a_rehearsal_by_hand_says_so_on_every_page_and_can_be_stopped() {
    let table = Table::new();
    let mut terminal = Terminal::start(&table.rehearse(), &[("NO_COLOR", "1")]);
    let mut people = People::new();
    people.deeds = vec![
        deed("B's share", "B: press Enter", "!"),
        deed("Exception", "What do you decide", "5"),
    ];
    let code = people.play(&mut terminal);
    assert_eq!(code, Some(1), "{}", terminal.printed);
    let plain = pty_support::on_screen(&terminal.printed);
    let is_header = |line: &&str| line.contains(" min left") || line.contains("before the first");
    let headers: Vec<&str> = plain.lines().filter(is_header).collect();
    assert!(headers.len() > 20);
    assert!(
        headers.iter().all(|line| line.contains("REHEARSAL")),
        "{headers:?}"
    );
    assert!(terminal.printed.contains(ERASE), "a share was shown");
    assert_eq!(escapes_elsewhere(&terminal.printed), 0);
    assert_cards_are_gone(&people, &terminal);

    let record = table.folder("rehearsal/operator-a").join("record");
    let record = record.display().to_string();
    let verified = output(PROGRAM, &["verify", &record], table.path());
    assert_eq!(verified.status.code(), Some(3), "{}", text(&verified));
    assert!(
        text(&verified).starts_with("REHEARSAL, aborted"),
        "{}",
        text(&verified)
    );
}

/// Plain text; and when the terminal is closed, it is left as it was.
#[test]
fn a_dumb_terminal_gets_plain_text() {
    let table = Table::new();
    let mut terminal = Terminal::start(&table.rehearse(), &[("TERM", "dumb")]);
    let mut people = People::new();
    // Ctrl-D: the end of input.
    people.deeds = vec![deed("Operator A", "new passphrase", "\x04")];
    assert_eq!(people.play(&mut terminal), Some(1), "{}", terminal.printed);
    assert!(!terminal.printed.contains('\x1b'));
    assert!(
        terminal.printed.contains("ceremony resume"),
        "{}",
        terminal.printed
    );
    let modes = terminal.modes();
    assert_eq!(modes[0], modes[1], "the terminal is as it was");
}

/// What is typed too early is neither shown nor taken as an answer.
#[test]
fn keys_that_come_too_early_are_forgotten() {
    let table = Table::new();
    let mut terminal = Terminal::start(&table.rehearse(), &[("TERM", "dumb")]);
    let mut people = People::new();
    // B's passphrase and B's next answer, while the machine still signs for A.
    people.deeds = vec![deed(
        "Both operators sign",
        "Operator A",
        "amber kettle seven ropes\rviolet anchor two rivers\rA\rB",
    )];
    people.until = Some("Operator B, type your passphrase to sign");
    assert_eq!(people.play(&mut terminal), None);
    assert!(people.deeds.is_empty());
    assert!(!terminal.printed.contains("violet"), "a secret was echoed");
}

/// Nothing is written where preflight refuses.
fn assert_refused(table: &Table, line: &str, reason: &str) {
    let mut terminal = Terminal::start(line, &[]);
    let code = People::new().play(&mut terminal);
    let printed = &terminal.printed;
    assert_eq!(code, Some(5), "{printed}");
    assert!(printed.contains(reason), "{printed}");
    assert!(printed.contains("What to do:"), "{printed}");
    for role in ROLES {
        let mut left = std::fs::read_dir(table.path().join(role)).expect("the medium");
        assert!(left.next().is_none(), "{role} is not empty");
    }
}

#[test]
fn a_machine_with_swap_is_refused_and_nothing_is_written() {
    let table = Table::new();
    table.write(
        "swaps",
        "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1048576 0 -2\n",
    );
    assert_refused(&table, &table.run("-rnm"), "FAIL  swap");
}

/// The namespace has another interface beside `lo`: where the kernel makes one for a test, a
/// dummy; else the machine's own, if it has any.
#[test]
fn a_machine_with_a_network_is_refused_and_nothing_is_written() {
    let table = Table::new();
    let dummy = "unshare -rn sh -c 'ip link add dummy0 type dummy' 2>/dev/null";
    let made = Command::new("sh").args(["-c", dummy]).status();
    let made = made.expect("a shell").success();
    let line = if made {
        let inside = "ip link add dummy0 type dummy && mount --bind";
        table.run("-rnm").replace("mount --bind", inside)
    } else {
        table.run("-rm")
    };
    let names = std::fs::read_to_string("/proc/self/net/dev").expect("/proc is mounted");
    let mut names = names.lines().skip(2).map(str::trim);
    assert!(
        made || names.any(|line| !line.starts_with("lo:")),
        "this test needs `ip` and the kernel's dummy interface, or a machine with a network"
    );
    assert_refused(&table, &line, "FAIL  network");
}

/// The screens of a whole ceremony, as the players of an automatic rehearsal see them.
#[test]
fn the_screens_of_a_rehearsal_are_the_golden_ones() {
    let table = Table::new();
    let mut command = Command::new(PROGRAM);
    command.args(["rehearse", "plan.toml", "--auto", "--fast"]);
    let held = command
        .current_dir(table.path())
        .output()
        .expect("the program runs");
    assert!(held.status.success(), "{}", text(&held));
    let screens = String::from_utf8(held.stdout).expect("UTF-8");
    // What is typed may be longer than a line.
    let mut pages = screens
        .lines()
        .filter(|line| !line.contains("the ten words: "));
    assert!(pages.all(|line| line.chars().count() <= 80));
    golden::compare("rehearsal.txt", &golden::screens(&screens));
}
