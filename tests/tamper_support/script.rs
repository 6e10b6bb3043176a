//! `scripts/verify-record`, run on a record that lies in a folder.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceremony::verify::{Material, Pins};

/// Where to find the script.
fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/verify-record")
}

/// Lays the record out as it lies on a medium; returns the ceremony's folder. What is `odd` is
/// made a link.
pub fn lay_out(material: &Material, at: &Path) -> PathBuf {
    let folder = at.join("ceremony");
    let record = folder.join("record");
    std::fs::create_dir_all(&record).expect("a folder");
    let put = |path: PathBuf, bytes: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    };
    for (path, bytes) in &material.files {
        put(record.join(path), bytes);
    }
    for (path, bytes) in &material.beside {
        put(folder.join(path), bytes);
    }
    for path in &material.odd {
        let path = record.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        symlink("/etc/hostname", path).expect("a link");
    }
    folder
}

/// What the script said: its exit code, and what it printed.
pub fn run(material: &Material, pins: &Pins) -> (i32, String) {
    let at = tempfile::tempdir().expect("a folder");
    let folder = lay_out(material, at.path());
    let mut command = Command::new("sh");
    command.arg(script());
    for (option, value) in ["--operator-a", "--operator-b"]
        .into_iter()
        .zip(&pins.operators)
    {
        if let Some(value) = value {
            command.arg(option).arg(value.to_string());
        }
    }
    if let Some(id) = &pins.id {
        command.arg("--id").arg(id);
    }
    if let Some(previous) = &pins.previous {
        command.arg("--previous").arg(previous.to_string());
    }
    command
        .arg(folder)
        .env("TMPDIR", at.path())
        .stdin(Stdio::null());
    let output = command
        .output()
        .expect("sh is missing: scripts/test installs what the tests need");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}
