//! `HANDOVER.txt`, followed by someone who has no ceremony program: its commands run as they are
//! printed, in every POSIX shell at hand.
//!
//! Needs `gpg`, and `dash`, `bash` and `busybox` as shells.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod shell;
mod tools;

use std::process::{Command, Stdio};

use ceremony::digest::Fingerprint;
use ceremony::handover;
use ceremony::openpgp::{LockedKey, test_only};
use ceremony::secret::SecretText;

use held::{Backup, Held, need};
use shell::Shell;
use tools::Dir;

const SHELLS: [&[&str]; 4] = [&["sh"], &["dash"], &["bash", "--posix"], &["busybox", "sh"]];
/// How the lines begin that compare, and those that come before and after them.
const TYPED: &str = "    cat > heard.txt";
const NUMBERED: &str = "    echo \"$b\"";
const ENCRYPTS: &str = "    gpg --encrypt";

/// The commands of the way without the program, as printed; the keyboard's part is left out.
struct Printed {
    compare: String,
    number: String,
    encrypt: Option<String>,
}

impl Printed {
    fn of(note: &str) -> Printed {
        let (_, way) = note.split_once(" alone ----\n").expect("it has that way");
        let commands: Vec<&str> = way
            .lines()
            .filter(|line| line.starts_with("    "))
            .collect();
        assert_eq!(commands[0], TYPED);
        let at = |begin: &str| commands.iter().position(|line| line.starts_with(begin));
        let number = at(NUMBERED).expect("it prints the groups");
        let encrypt = at(ENCRYPTS);
        assert_eq!(
            commands.len(),
            encrypt.unwrap_or(number) + 1,
            "{commands:?}"
        );
        Printed {
            compare: commands[1..number].join("\n"),
            number: commands[number].to_string(),
            encrypt: encrypt.map(|at| commands[at].to_string()),
        }
    }
}

/// Somebody's computer: a folder with what was handed over, a gpg home, perhaps a stand-in.
struct Computer(Dir);

impl Computer {
    fn new(certificate: &[u8]) -> Computer {
        let dir = Dir::new();
        dir.write("certificate.asc", certificate);
        for folder in ["home", "bin"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a new folder");
        }
        Computer(dir)
    }

    /// A program of that name that prints `text`.
    fn put_in(&self, name: &str, text: &str) {
        let script = format!("#!/bin/sh\ncat <<'END'\n{text}END\n");
        self.0.write(&format!("bin/{name}"), script.as_bytes());
        let path = self.0.path().join("bin").join(name);
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("it is ours");
    }

    /// What a shell prints when these lines are given to it.
    fn run(&self, shell: &[&str], lines: &[&str]) -> String {
        let place = self.0.path();
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &lines.join("\n")])
            .current_dir(place)
            .env_clear()
            .env("PATH", format!("{}/bin:/usr/bin:/bin", place.display()))
            .env("GNUPGHOME", place.join("home"))
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{} did not start: {error}", shell[0]));
        String::from_utf8(output.stdout).expect("the commands print ASCII")
    }

    /// The answer after this was typed.
    fn answer(&self, shell: &[&str], printed: &Printed, heard: &str) -> String {
        self.0.write("heard.txt", heard.as_bytes());
        self.run(shell, &[&printed.compare]).trim_end().to_string()
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", self.0.path().join("home"))
            .args(["--kill", "all"])
            .status();
    }
}

fn certificate(user_id: &str) -> (Vec<u8>, Fingerprint) {
    test_only::make_passwords_cheap();
    let passphrase = SecretText::from_string("a passphrase".to_string());
    let key = LockedKey::generate(user_id, &passphrase, 1_772_366_400, None).expect("a key");
    let certificate = key.certificate();
    (certificate.armored(None), certificate.fingerprint())
}

/// The fingerprint with the digit at `place` changed.
fn misheard(right: &str, place: usize) -> String {
    let other = if right[place..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    format!("{}{other}{}", &right[..place], &right[place + 1..])
}

#[test]
fn what_was_heard_is_compared_in_every_shell() {
    need(&["gpg", "gpgconf", "dash", "bash", "busybox"]);
    // The user ID looks like another key's line in gpg's listing.
    let (file, key) = certificate("fpr:::::::::0000000000000000000000000000000000000000:");
    let computer = Computer::new(&file);
    let printed = Printed::of(&handover::text("x", false, 4));
    let right = key.to_string().to_uppercase();
    let rows = format!(
        "{}\r\n {}\t{}\n\n",
        &right[..20],
        &right[20..24],
        &right[24..]
    );
    for shell in SHELLS {
        for same in [
            &right,
            &right.to_lowercase(),
            &key.groups().join(" "),
            &rows,
        ] {
            assert_eq!(
                computer.answer(shell, &printed, same),
                "SAME",
                "{shell:?}: {same}"
            );
        }
    }
    let mut wrong: Vec<String> = (0..40).map(|place| misheard(&right, place)).collect();
    wrong.extend([
        String::new(),
        "\n".to_string(),
        right[..39].to_string(),
        right[1..].to_string(),
        format!("{right}0"),
        format!("{right}{right}"),
        format!("*{right}"),
        "*".to_string(),
        "SAME".to_string(),
        "$b".to_string(),
    ]);
    for (at, heard) in wrong.iter().enumerate() {
        let shell = SHELLS[at % SHELLS.len()];
        assert_eq!(
            computer.answer(shell, &printed, heard),
            "DIFFERENT",
            "{shell:?}: {heard}"
        );
    }
}

#[test]
fn a_file_that_is_not_one_certificate_is_never_the_same() {
    need(&["gpg", "gpgconf", "dash", "bash", "busybox"]);
    let (one, key) = certificate("One <one@example.org>");
    let (other, _) = certificate("Other <other@example.org>");
    let printed = Printed::of(&handover::text("x", false, 4));
    let right = key.to_string();
    for file in [
        Vec::new(),
        b"not a certificate\n".to_vec(),
        one[..one.len() / 2].to_vec(),
        other.clone(),
        [one.clone(), other.clone()].concat(),
        [other, one].concat(),
    ] {
        let computer = Computer::new(&file);
        for shell in SHELLS {
            for heard in [right.as_str(), ""] {
                assert_eq!(
                    computer.answer(shell, &printed, heard),
                    "DIFFERENT",
                    "{shell:?}"
                );
            }
        }
    }
}

#[test]
fn the_groups_are_numbered_as_on_the_reading_sheet() {
    need(&["gpg", "gpgconf", "dash", "bash", "busybox"]);
    let (file, key) = certificate("One <one@example.org>");
    let computer = Computer::new(&file);
    let printed = Printed::of(&handover::text("x", false, 4));
    let groups = key.rows().concat();
    let expected: Vec<String> = (1..)
        .zip(&groups)
        .map(|(n, group)| format!("{n} {group}"))
        .collect();
    assert_eq!(expected.len(), 10);
    computer.0.write("heard.txt", key.to_string().as_bytes());
    for shell in SHELLS {
        let said = computer.run(shell, &[&printed.compare, &printed.number]);
        assert_eq!(
            said.lines().skip(1).collect::<Vec<_>>(),
            expected,
            "{shell:?}"
        );
    }
}

/// sq is not at hand everywhere: here a stand-in prints what `sq inspect` does, as its own
/// manual shows it.
#[test]
fn a_key_of_version_six_is_compared_by_sq() {
    need(&["dash", "bash", "busybox"]);
    let printed = Printed::of(&handover::text("x", false, 6));
    assert!(printed.compare.contains("$(sq inspect certificate.asc |"));
    let right = "0123456789ABCDEF".repeat(4);
    let inspected = |fingerprint: &str| {
        format!(
            "certificate.asc: OpenPGP Certificate.\n\n      Fingerprint: {fingerprint}\n  \
             Public-key algo: Ed25519\n\n           Subkey: {}\n\n           \
             UserID: Fingerprint: x\n\n",
            "89".repeat(32)
        )
    };
    let computer = Computer::new(b"");
    for shell in SHELLS {
        computer.put_in("sq", &inspected(&right));
        assert_eq!(
            computer.answer(shell, &printed, &right.to_lowercase()),
            "SAME"
        );
        assert_eq!(
            computer.answer(shell, &printed, &misheard(&right, 63)),
            "DIFFERENT"
        );
        assert_eq!(computer.answer(shell, &printed, ""), "DIFFERENT");
        let said = computer.run(shell, &[&printed.compare, &printed.number]);
        assert!(said.ends_with("\n15 89AB\n16 CDEF\n"), "{said}");
        computer.put_in("sq", &inspected(&right).repeat(2));
        assert_eq!(
            computer.answer(shell, &printed, &right),
            "DIFFERENT",
            "two certificates"
        );
        computer.put_in("sq", "");
        assert_eq!(
            computer.answer(shell, &printed, ""),
            "DIFFERENT",
            "sq says nothing"
        );
    }
}

/// By hand: a terminal, the keyboard up to Ctrl-D, and the commands after it.
#[test]
fn it_is_typed_at_a_terminal_as_it_is_printed() {
    need(&["gpg", "gpgconf"]);
    let (file, key) = certificate("One <one@example.org>");
    let note = handover::text("x", false, 4);
    let (_, way) = note.split_once(" alone ----\n").expect("it has that way");
    let printed = shell::Printed::commands(way);
    assert_eq!(printed.len(), 6, "{printed:?}");
    let right = key.to_string();
    let rows = format!("{}\n{} {}", &right[..20], &right[20..24], &right[24..]);
    for (heard, answer) in [(&rows, "SAME"), (&misheard(&rows, 3), "DIFFERENT")] {
        let computer = Computer::new(&file);
        let mut shell = Shell::start(computer.0.path());
        shell.send_lines(&[format!(
            "export GNUPGHOME={}/home",
            computer.0.path().display()
        )]);
        shell.type_into(&printed[0].lines, heard);
        for command in &printed[1..5] {
            shell.send_lines(&command.lines);
        }
        let said = shell.wait_done();
        // A line may stand behind the shell's prompt.
        let bare = |line: &str| line.trim().trim_start_matches(['#', '$', ' ']).to_string();
        let said: Vec<String> = said.lines().map(bare).collect();
        let answers: Vec<_> = said
            .iter()
            .filter(|line| ["SAME", "DIFFERENT"].contains(&line.as_str()))
            .collect();
        assert_eq!(answers, [answer], "{said:?}");
        let last = format!("10 {}", key.groups()[9]);
        assert!(said.contains(&last), "{said:?}");
    }
}

/// The medium as a rehearsal writes it, and the way from its first line to a sealed backup.
#[test]
fn the_handover_medium_has_all_that_the_verifier_needs_and_no_fingerprint() {
    need(&["gpg", "gpgconf", "pdftotext", "dash", "bash", "busybox"]);
    let held = Held::new(Backup {
        profile: "modern",
        custodians: "AB",
        threshold: 2,
        absent: "",
    });
    let file = |name: &str| held.file("handover", name);
    let text = |name: &str| String::from_utf8(file(name)).expect("ASCII");
    let right = held.recorded("generated", "fingerprint").to_uppercase();

    let pdf = Dir::new();
    pdf.write("grid.pdf", &file("grid.pdf"));
    let printed_grid = pdf.run("pdftotext", &["-layout", "grid.pdf", "-"]);
    let key = Fingerprint::parse(&right.to_lowercase()).expect("40 digits");
    let words = ceremony::words::pgp::words(key.bytes());
    for page in [text("HANDOVER.txt"), text("grid.txt"), printed_grid] {
        assert!(
            page.contains(&held.id) && page.contains("REHEARSAL"),
            "{page}"
        );
        // Two in a row: any one may stand in the text by chance, as "telephone" does.
        let flowing = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for two in words.windows(2) {
            assert!(!flowing.contains(&two.join(" ")), "{two:?}: {page}");
        }
        let bare = flowing.replace(' ', "").to_uppercase();
        for two in key.groups().windows(2) {
            assert!(!bare.contains(&two.concat()), "{two:?}: {page}");
        }
    }
    assert!(text("grid.txt").contains("Digits 2, B") && text("HANDOVER.txt").contains("grid.pdf"));

    with_the_program(&held);
    let printed = Printed::of(&text("HANDOVER.txt"));
    let computer = Computer::new(&file("certificate.asc"));
    for shell in SHELLS {
        assert_eq!(
            computer.answer(shell, &printed, &right),
            "SAME",
            "{shell:?}"
        );
        assert_eq!(
            computer.answer(shell, &printed, &misheard(&right, 9)),
            "DIFFERENT"
        );
    }
    computer.0.write("backup.tar", b"a backup");
    let encrypt = printed
        .encrypt
        .expect("gpg can encrypt to a key of version 4");
    computer.run(&["sh"], &[&encrypt]);
    // The key's owner, on a computer of their own, has the same backup again.
    let owner = Computer::new(b"");
    let sealed = std::fs::read(computer.0.path().join("backup.tar.gpg")).expect("gpg wrote it");
    owner.0.write("backup.tar.gpg", &sealed);
    owner.0.write("key.asc", held.payload("").expose());
    owner.run(&["sh"], &["gpg --batch --import key.asc"]);
    let opened = owner.run(&["sh"], &["gpg --batch --decrypt backup.tar.gpg"]);
    assert_eq!(opened, "a backup");
}

/// The other way begins with one command: in the folder as it was handed over, it finds all
/// that it needs. It goes no further here, because no terminal is there to type at.
fn with_the_program(held: &Held) {
    let note = String::from_utf8(held.file("handover", "HANDOVER.txt")).expect("ASCII");
    let (before, _) = note.split_once(" alone ----\n").expect("it has both ways");
    let commands = before.lines().filter_map(|line| line.strip_prefix("    "));
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands, ["ceremony confirm certificate.asc"]);
    let programs = std::path::Path::new(held::PROGRAM)
        .parent()
        .expect("a folder");
    let output = Command::new("setsid")
        .args(["--wait", "sh", "-c", commands[0]])
        .current_dir(held.medium("handover"))
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .stdin(Stdio::null())
        .output()
        .expect("setsid starts; scripts/test installs util-linux");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("terminal"),
        "{said}"
    );
}
