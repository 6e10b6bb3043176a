//! A directory of its own for a test, and other programs run in it.

use std::path::Path;
use std::process::Command;

/// Removed when dropped.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Dir {
        Dir(tempfile::tempdir().expect("a directory for the test"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("the test's directory is writable");
    }

    /// Runs `program` here and gives what it printed; anything but success fails the test.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let mut command = Command::new(program);
        let output = command.args(args).current_dir(self.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{program} did not start: {error}"));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} {args:?}: {}: {complaint}",
            output.status
        );
        String::from_utf8(output.stdout).expect("the program prints UTF-8")
    }
}
