//! The script of `docs/nightly-backup.md`, as it stands there.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod seal_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ceremony::openpgp::Profile;
use rustix::process::{Pid, Signal, kill_process_group};
use seal_support::{complaint, key, pin, unseal};
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../docs/nightly-backup.md");

/// The script, a folder `from` with a file in it, and an empty folder `to`.
struct Machine(TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(TempDir::new().expect("a folder"));
        for folder in ["bin", "from", "to"] {
            fs::create_dir(machine.path(folder)).expect("made");
        }
        let begin = DOCUMENT.find("#!/bin/bash\n").expect("the script is there");
        let script = &DOCUMENT[begin..];
        let script = &script[..script.find("```").expect("it ends")];
        machine.program("sealed-backup", script);
        symlink(env!("CARGO_BIN_EXE_ceremony"), machine.path("bin/ceremony")).expect("linked");
        let certificate = key(Profile::Modern).certificate();
        let pin = pin(&certificate, "2026-01-02-backup-key-0A1B2C3D");
        fs::write(machine.path("the.pin"), pin).expect("written");
        fs::write(machine.path("from/file"), "what matters").expect("written");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
    }

    fn command(&self) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new(self.path("bin/sealed-backup"));
        command
            .args([self.path("from"), self.path("to")])
            .env("PATH", path)
            .env("PIN", self.path("the.pin"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self) -> Output {
        self.command()
            .output()
            .expect("the script starts; it needs bash")
    }

    fn files(&self) -> Vec<PathBuf> {
        list(&self.path("to"))
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn the_backup_can_be_opened_and_unpacked() {
    let machine = Machine::new();
    let ran = machine.run();
    assert!(ran.status.success(), "{}", complaint(&ran));
    let files = machine.files();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(
        files[0].to_string_lossy().ends_with("Z.tar.pgp"),
        "{files:?}"
    );
    let sealed = fs::read(&files[0]).expect("it is there");
    let (archive, _) = unseal(key(Profile::Modern), &sealed).expect("opened");
    fs::write(machine.path("archive"), archive).expect("written");
    let unpacked = Command::new("tar")
        .args(["--extract", "--to-stdout", "--file"])
        .arg(machine.path("archive"))
        .arg("./file")
        .output()
        .expect("tar starts");
    assert_eq!(unpacked.stdout, b"what matters");
}

#[test]
fn a_tar_that_fails_in_the_middle_leaves_nothing() {
    let machine = Machine::new();
    for code in [1, 2, 137] {
        let text = format!("#!/bin/sh\nhead -c 3000000 /dev/urandom\nexit {code}\n");
        machine.program("tar", &text);
        assert!(!machine.run().status.success(), "{code}");
        assert_eq!(machine.files(), Vec::<PathBuf>::new(), "{code}");
    }
}

#[test]
fn a_seal_that_fails_leaves_nothing() {
    let machine = Machine::new();
    fs::write(machine.path("the.pin"), "no pin").expect("written");
    let ran = machine.run();
    assert!(
        complaint(&ran).contains("not a pin file"),
        "{}",
        complaint(&ran)
    );
    assert!(!ran.status.success());
    assert_eq!(machine.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_backup_is_never_replaced() {
    let machine = Machine::new();
    // The same second twice.
    machine.program("date", "#!/bin/sh\necho same\n");
    assert!(machine.run().status.success());
    let before = fs::read(machine.path("to/same.tar.pgp")).expect("it is there");
    assert!(!machine.run().status.success());
    assert!(fs::read(machine.path("to/same.tar.pgp")).expect("it is there") == before);
    assert_eq!(machine.files().len(), 1);
}

#[test]
fn a_backup_that_is_stopped_leaves_nothing() {
    let machine = Machine::new();
    let ready = machine.path("ready");
    let text = format!(
        "#!/bin/sh\nhead -c 3000000 /dev/urandom\n: > {}\nexec sleep 60\n",
        ready.display()
    );
    machine.program("tar", &text);
    let mut child = machine
        .command()
        .process_group(0)
        .stderr(Stdio::null())
        .spawn()
        .expect("the script starts");
    let mut patience = 600;
    while !ready.exists() && patience > 0 {
        std::thread::sleep(Duration::from_millis(50));
        patience -= 1;
    }
    assert!(ready.exists(), "tar did not come so far within 30 seconds");
    kill_process_group(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert!(!child.wait().expect("it ends").success());
    assert_eq!(machine.files(), Vec::<PathBuf>::new());
}
