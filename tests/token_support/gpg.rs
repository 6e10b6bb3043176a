//! Stock gpg with a home of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::process::{Command, Output};

use tempfile::TempDir;

pub struct Home(TempDir, u64);

impl Home {
    pub fn new() -> Home {
        Home::at(1_772_366_500)
    }

    /// Whose clock says so.
    pub fn at(now: u64) -> Home {
        // Short: its agent's socket must fit 108 bytes.
        let home = tempfile::Builder::new().prefix("g-").tempdir().unwrap();
        Home(home, now)
    }

    fn run(&self, args: &[&str]) -> Output {
        let gpg = Command::new("gpg")
            .args([
                "--batch",
                "--yes",
                "--no-autostart",
                "--trust-model",
                "always",
            ])
            .args(["--faked-system-time", &self.1.to_string()])
            .arg("--homedir")
            .arg(self.0.path())
            .args(args)
            .current_dir(self.0.path())
            .output();
        gpg.expect("gpg is needed: apt-get install gpg")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    pub fn import(&self, certificate: &[u8]) {
        self.write("certificate", certificate);
        let done = self.run(&["--import", "certificate"]);
        assert!(done.status.success(), "{done:?}");
    }

    pub fn verifies(&self, signature: &[u8], message: &[u8]) -> bool {
        self.write("signature", signature);
        self.write("message", message);
        let done = self.run(&["--verify", "signature", "message"]);
        done.status.success()
    }

    pub fn encrypt(&self, to: &str, plain: &[u8]) -> Vec<u8> {
        self.write("plain", plain);
        let to: String = to.split_whitespace().collect();
        let done = self.run(&["--armor", "-r", &to, "-o", "sealed", "--encrypt", "plain"]);
        assert!(done.status.success(), "{done:?}");
        std::fs::read(self.0.path().join("sealed")).unwrap()
    }
}

impl Home {
    /// A binary message, armored.
    pub fn armored(&self, binary: &[u8]) -> Vec<u8> {
        self.write("binary", binary);
        let done = self.run(&["-o", "armored", "--enarmor", "binary"]);
        assert!(done.status.success(), "{done:?}");
        let text = std::fs::read_to_string(self.0.path().join("armored")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("Comment"));
        let lines: Vec<&str> = lines.collect();
        let text = lines.join("\n").replace("ARMORED FILE", "MESSAGE");
        format!("{text}\n").into_bytes()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}
