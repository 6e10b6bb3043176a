//! A rehearsal that was held with the real program, and what its players wrote down.

#![allow(dead_code, reason = "not every test looks at everything")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ceremony::backup::capsule;
use ceremony::backup::quorum::{Custodian, Quorum, quorums};
use ceremony::openpgp;
use ceremony::secret::{SecretBytes, SecretText};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

/// Fails with a clear message where a tool that the test drives is missing.
pub fn need(tools: &[&str]) {
    for tool in tools {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", tool])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        assert!(found, "this test needs {tool}; scripts/test installs it");
    }
}

/// What differs between the plans that are rehearsed here.
#[derive(Clone, Copy)]
pub struct Backup {
    pub profile: &'static str,
    /// One letter each.
    pub custodians: &'static str,
    pub threshold: usize,
    /// One letter each.
    pub absent: &'static str,
}

impl Backup {
    /// The carried plan with these lines in the place of its own.
    pub fn plan(&self) -> String {
        let list = |letters: &str| {
            let quoted: Vec<String> = letters.chars().map(|c| format!("\"{c}\"")).collect();
            format!("[{}]", quoted.join(", "))
        };
        let replaced = |line: &str| match line.split(' ').next() {
            Some("profile") => format!("profile = \"{}\"", self.profile),
            Some("custodians") => format!("custodians = {}", list(self.custodians)),
            Some("threshold") => format!("threshold = {}", self.threshold),
            Some("absent") => format!("absent = {}", list(self.absent)),
            _ => line.to_string(),
        };
        let carried = include_str!("../../ceremony/backup-key.toml");
        carried
            .lines()
            .map(|line| replaced(line) + "\n")
            .collect::<String>()
    }

    /// Everyone.
    pub fn people(&self) -> Vec<Custodian> {
        let custodian = |letter| Custodian::new(letter).expect("a letter");
        self.custodians.chars().map(custodian).collect()
    }

    /// Every set that opens the backup.
    pub fn quorums(&self) -> Vec<Quorum> {
        quorums(&self.people(), self.threshold)
    }
}

/// A finished rehearsal; its folder goes when this is dropped.
pub struct Held {
    pub backup: Backup,
    /// What the rehearsal printed.
    pub output: Output,
    pub id: String,
    folder: tempfile::TempDir,
}

impl Held {
    /// Holds one with the real program.
    pub fn new(backup: Backup) -> Held {
        let folder = folder();
        let output = command(&backup, folder.path())
            .output()
            .expect("the program starts");
        Held::found(backup, folder, output)
    }

    /// Takes over a folder in which one was held by [`command`].
    pub fn found(backup: Backup, folder: tempfile::TempDir, output: Output) -> Held {
        assert!(
            output.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let public = folder.path().join("out/public");
        let id = only_entry(&public);
        Held {
            backup,
            output,
            id,
            folder,
        }
    }

    /// The rehearsal's folder.
    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The ceremony's folder on a medium.
    pub fn medium(&self, role: &str) -> PathBuf {
        self.out().join(role).join(&self.id)
    }

    /// A file of the ceremony's folder on a medium.
    pub fn file(&self, role: &str, name: &str) -> Vec<u8> {
        read(&self.medium(role).join(name))
    }

    /// The first line of a sheet of paper.
    pub fn paper(&self, name: &str) -> String {
        let text = String::from_utf8(read(&self.out().join("paper").join(name))).expect("ASCII");
        text.lines().next().expect("it has a line").to_string()
    }

    /// A custodian's whole share.
    pub fn words(&self, custodian: Custodian) -> String {
        self.paper(&format!("share-{custodian}.txt"))
    }

    /// A field of the first entry of that kind.
    pub fn recorded(&self, event: &str, field: &str) -> String {
        let transcript = String::from_utf8(self.file("public", "record/transcript.txt"));
        let transcript = transcript.expect("ASCII");
        let mut entries = transcript.split("\n\n");
        let entry = entries.find(|entry| entry.contains(&format!("\nevent: {event}\n")));
        let mut lines = entry.expect("there is such an entry").lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{field}: ")));
        value.expect("the entry has the field").to_string()
    }

    /// K, opened by the first quorum. `folder` is empty, or `revocation/`.
    pub fn k(&self, folder: &str) -> SecretText {
        let quorum = &self.backup.quorums()[0];
        let shares: Vec<(Custodian, SecretText)> = self
            .backup
            .people()
            .into_iter()
            .map(|custodian| (custodian, text(&self.words(custodian))))
            .collect();
        let share_of = |custodian| {
            let share = shares.iter().find(|(whose, _)| *whose == custodian);
            &share.expect("everyone has one").1
        };
        let capsule = self.file("secret-1", &format!("{folder}{}", quorum.file_name()));
        capsule::open_with_library(&capsule, quorum, share_of)
            .unwrap_or_else(|(custodian, error)| panic!("{custodian}: {error}"))
    }

    /// What K opens: the secret key, or the revocation certificate.
    pub fn payload(&self, folder: &str) -> SecretBytes {
        let payload = self.file("secret-2", &format!("{folder}payload.asc"));
        openpgp::decrypt_with_password(&payload, &self.k(folder)).expect("K opens the payload")
    }
}

/// A folder for [`command`].
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

/// The command that holds a rehearsal in `folder`.
pub fn command(backup: &Backup, folder: &Path) -> Command {
    let plan = folder.join("plan.toml");
    fs::write(&plan, backup.plan()).expect("the folder is writable");
    let mut command = Command::new(PROGRAM);
    command.arg("rehearse").arg(plan);
    command.args(["--auto", "--fast", "--out"]);
    command.arg(folder.join("out")).stdin(Stdio::null());
    command
}

/// A text as a secret.
pub fn text(plain: &str) -> SecretText {
    SecretText::from_string(plain.to_string())
}

/// Every file below `folder`.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn only_entry(folder: &Path) -> String {
    let mut entries = fs::read_dir(folder).expect("the medium is there");
    let first = entries.next().expect("it holds something").expect("a name");
    assert!(entries.next().is_none(), "{} holds more", folder.display());
    first.file_name().into_string().expect("ASCII")
}
