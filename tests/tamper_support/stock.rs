//! Operators' keys made with stock gpg: expired, revoked, or signing in ways that ours does not.

use std::path::Path;
use std::process::{Command, Stdio};

use ceremony::openpgp::Certificate;
use ceremony::plan::Operator;
use ceremony::record::time;
use ceremony::verify::Pins;

use super::Held;
use super::cases::{Case, Except};
use super::forge::{Forge, Signer};

/// A home of gpg's, whose agent ends with it.
pub struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let folder = tempfile::Builder::new().prefix("g").tempdir_in("/tmp");
        Home(folder.expect("a short path, for gpg's sockets"))
    }

    fn gpg(&self, at: u64, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase", "", "--faked-system-time"])
            .arg(format!("{at}!"))
            .args(args)
            .env("GNUPGHOME", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .expect("gpg is missing: scripts/test installs what the tests need");
        let mut stdin = child.stdin.take().expect("piped");
        std::io::Write::write_all(&mut stdin, input).expect("gpg reads");
        drop(stdin);
        let output = child.wait_with_output().expect("gpg ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {args:?}: {said}");
        output.stdout
    }

    fn make(&self, at: u64, name: &str) {
        let algorithm = ["ed25519", "cert,sign", "never"];
        let args = [&["--quick-generate-key", name], algorithm.as_slice()].concat();
        self.gpg(at, &args, b"");
    }

    fn certificate(&self, at: u64, name: &str) -> Vec<u8> {
        self.gpg(at, &["--armor", "--export", name], b"")
    }

    fn sign(&self, at: u64, name: &str, more: &[&str], message: &[u8]) -> Vec<u8> {
        let args = ["--armor", "--local-user", name, "--detach-sign"];
        self.gpg(at, &[more, &args].concat(), message)
    }

    /// The key under another certificate: the same material, dated otherwise.
    fn same_key_again(&self, at: u64, name: &str, other: &str) {
        let listed = self.gpg(at, &["--with-colons", "--with-keygrip", "-K", name], b"");
        let listed = String::from_utf8(listed).expect("ASCII");
        let grip = listed.lines().find_map(|line| line.strip_prefix("grp:"));
        let grip = grip.expect("a keygrip").trim_matches(':').to_string();
        let terms = format!(
            "Key-Type: eddsa\nKey-Grip: {grip}\nKey-Usage: cert,sign\nName-Real: {other}\n\
             Expire-Date: 0\n%no-protection\n%commit\n"
        );
        self.gpg(at + 1, &["--generate-key"], terms.as_bytes());
    }

    /// Revokes the key with the certificate that gpg made beside it.
    fn revoke(&self, at: u64, fingerprint: &str) {
        let folder = self.0.path().join("openpgp-revocs.d");
        let path = folder.join(fingerprint.to_uppercase() + ".rev");
        let text = std::fs::read_to_string(path).expect("gpg made a revocation");
        let text = text.replace(":-----BEGIN", "-----BEGIN");
        self.gpg(at, &["--import"], text.as_bytes());
    }

    fn copy_to(&self, other: &Home, at: u64) {
        let secret = self.gpg(at, &["--export-secret-keys"], b"");
        other.gpg(at, &["--import"], &secret);
        let (from, to) = (self.0.path(), other.0.path());
        copy(&from.join("openpgp-revocs.d"), &to.join("openpgp-revocs.d"));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.arg("--homedir").arg(self.0.path());
        let _ = end.args(["--kill", "all"]).stdout(Stdio::null()).status();
    }
}

/// Operator A, or both, sign with gpg.
struct Stock<'a> {
    keys: &'a dyn Signer,
    home: &'a Home,
    names: [Option<&'a str>; 2],
}

impl Signer for Stock<'_> {
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8> {
        match self.names[operator.index()] {
            Some(name) => self.home.sign(at, name, &[], message),
            None => self.keys.sign(operator, message, at),
        }
    }
}

/// The record with this certificate in an operator's place.
fn instead(forge: &Forge, operator: Operator, certificate: &[u8]) -> Forge {
    let letter = operator.to_string().to_lowercase();
    let mut forge = forge.clone();
    let path = format!("operators/{operator}.asc");
    forge.others.insert(path, certificate.to_vec());
    let call = forge.find("roll-call", 0);
    let certificate = Certificate::from_bytes(certificate).expect("a certificate");
    let fingerprint = certificate.fingerprint().to_string();
    forge.pieces[call].set(&format!("operator-{letter}"), &fingerprint);
    forge
}

/// What gpg lets an operator do. The first case is good; all others are bad.
pub fn cases(held: &Held) -> Vec<Case> {
    // Cut short, since gpg signs slowly.
    let whole = held.forge();
    let forge = whole.cut(whole.find("generated", 0) + 1);
    let opened = time::parse(forge.pieces[0].get("time")).expect("a time");
    let (made, now) = (opened - 1000, opened + 100_000);
    let home = Home::new();
    home.make(made, "alice");
    home.same_key_again(made, "alice", "bob");
    let pins = Pins::default();
    let stock = |names| Stock {
        keys: &held.keys,
        home: &home,
        names,
    };
    let alice = stock([Some("alice"), None]);
    let certificate = home.certificate(now, "alice");
    let with_alice = instead(&forge, Operator::A, &certificate);
    let signed = |name: &str, forge: &Forge, signer: &dyn Signer| {
        Case::new(format!("gpg: {name}"), forge.sign(None, signer), &pins)
    };
    let mut cases = vec![signed("good", &with_alice, &alice)];

    let both = stock([Some("alice"), Some("bob")]);
    let bob = instead(&with_alice, Operator::B, &home.certificate(now, "bob"));
    cases.push(signed("one key, two certificates", &bob, &both));

    for (name, more) in [
        ("text mode", &["--textmode"][..]),
        ("good for a day", &["--default-sig-expire", "1d"]),
        ("SHA-1", &["--digest-algo", "SHA1"]),
        ("SHA-224", &["--digest-algo", "SHA224"]),
    ] {
        let other = |message: &[u8], at| home.sign(at, "alice", more, message);
        let signer = Except {
            keys: &alice,
            entry: forge.find("authorise", 2),
            operator: Operator::A,
            instead: &other,
        };
        cases.push(signed(name, &with_alice, &signer));
    }

    let expired = Home::new();
    home.copy_to(&expired, now);
    let fingerprint = Certificate::from_bytes(&certificate).expect("alice's");
    let fingerprint = fingerprint.fingerprint().to_string();
    // It expired before the ceremony began, and said so even then.
    let end = ["--quick-set-expire", &fingerprint, "seconds=10"];
    expired.gpg(opened - 500, &end, b"");
    let certificate = expired.certificate(now, "alice");
    let replaced = instead(&forge, Operator::A, &certificate);
    cases.push(signed("expired before", &replaced, &alice));

    // The end was set after the ceremony, to a time before it.
    let shortened = Home::new();
    home.copy_to(&shortened, now);
    let end = time::format(opened - 100).replace(['-', ':', 'Z'], "");
    shortened.gpg(now, &["--quick-set-expire", &fingerprint, &end], b"");
    let replaced = instead(&forge, Operator::A, &shortened.certificate(now, "alice"));
    cases.push(signed("its end set back later", &replaced, &alice));

    let binary = home.gpg(now, &["--export", "alice"], b"");
    let replaced = instead(&forge, Operator::A, &binary);
    cases.push(signed("a certificate without armor", &replaced, &alice));

    let revoked = Home::new();
    home.copy_to(&revoked, now);
    revoked.revoke(now, &fingerprint);
    let replaced = instead(&forge, Operator::A, &revoked.certificate(now, "alice"));
    cases.push(signed("revoked", &replaced, &alice));
    cases
}
