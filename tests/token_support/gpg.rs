//! Stock gpg with a home of its own.

use std::process::{Command, Output};

use tempfile::TempDir;

pub struct Home(TempDir);

impl Home {
    pub fn new() -> Home {
        // Short: its agent's socket must fit 108 bytes.
        let home = tempfile::Builder::new().prefix("g-").tempdir().unwrap();
        Home(home)
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
            .args(["--faked-system-time", "1772366500"])
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

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}
