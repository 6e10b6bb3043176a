//! Our keys, signatures and messages against GnuPG 2.2, both ways.
//!
//! GnuPG is the other implementation that people recover and verify with, so what it does
//! with ours is the test that counts. Each test has a home directory of its own.

// Tests drive another program; the library itself may not.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use ceremony::openpgp::{
    Certificate, DecryptError, Generated, LockedKey, OpenPgpError, Profile, SecretKey, VerifyError,
    decrypt_with_password, encrypt_with_password, insert_comment, verify_detached,
};
use ceremony::secret::SecretText;

const TEXT: &[u8] = b"entry: 17\nprev: none\n\n";

/// A GnuPG home that stops its agent and goes away at the end.
struct Gpg(PathBuf);

struct Ran {
    good: bool,
    out: Vec<u8>,
    status: String,
}

impl Gpg {
    fn new() -> Gpg {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The agent's socket lies in it, and a socket's path has at most 107 bytes.
        let name = format!(
            "cg{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let home = Path::new("/tmp").join(name);
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&home).expect("a new directory");
        Gpg(home)
    }

    /// Runs gpg with `passphrase` and then `input` on its standard input.
    fn run(&self, arguments: &[&str], passphrase: &str, input: &[u8]) -> Ran {
        let mut child = Command::new("gpg")
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .env("GNUPGHOME", &self.0)
            .current_dir(&self.0)
            .args([
                "--batch",
                "--yes",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
            ])
            .args(["--passphrase-fd", "0", "--status-fd", "2"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("these tests need gpg");
        let mut stdin = child.stdin.take().expect("it is piped");
        // gpg may end without reading all of it; what it answers is looked at below.
        let _ = stdin.write_all(format!("{passphrase}\n").as_bytes());
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("gpg ends");
        // What gpg says to people stands between what it says to programs: for failed assertions.
        let status = String::from_utf8_lossy(&output.stderr).into_owned();
        Ran {
            good: output.status.success(),
            out: output.stdout,
            status,
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("the file is written");
        path.to_str().expect("ASCII").to_string()
    }

    fn import(&self, bytes: &[u8]) {
        let ran = self.run(&["--import"], "", bytes);
        assert!(ran.good, "{}", ran.status);
    }

    /// The keywords of the status lines about `signature` over [`TEXT`].
    fn verify(&self, signature: &[u8]) -> String {
        let (signature, text) = (self.file("sig", signature), self.file("text", TEXT));
        self.run(&["--verify", &signature, &text], "", b"").status
    }

    /// Makes a key with GnuPG and gives its exported secret key.
    fn own_key(&self, algorithm: &str, passphrase: &str) -> Vec<u8> {
        let made = self.run(
            &["--quick-gen-key", "own", algorithm, "sign", "never"],
            passphrase,
            b"",
        );
        assert!(made.good, "{}", made.status);
        self.run(&["--armor", "--export-secret-keys", "own"], passphrase, b"")
            .out
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", &self.0)
            .args(["--kill", "all"])
            .status();
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(s: &str) -> SecretText {
    SecretText::from_string(s.to_string())
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs()
        - 1
}

fn make(profile: Profile) -> Generated {
    SecretKey::generate(profile, "Käthe <k@example.org>", Some(86_400), now()).expect("a key")
}

fn assert_good(status: &str, fingerprint: &str, at: u64) {
    let count = |word: &str| status.matches(&format!("[GNUPG:] {word} ")).count();
    assert_eq!(
        (count("GOODSIG"), count("VALIDSIG"), count("BADSIG")),
        (1, 1, 0),
        "{status}"
    );
    let line = status
        .lines()
        .find(|line| line.contains("VALIDSIG"))
        .expect("counted above");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[2].to_lowercase(), fingerprint);
    assert_eq!(words[4], at.to_string(), "the signature's time");
    assert_eq!((words[9], words[10]), ("10", "00"), "SHA-512, class 00");
}

#[test]
fn gpg_uses_our_keys_of_version_4() {
    for profile in [Profile::Rsa4096, Profile::Modern] {
        let Generated { key, revocation } = make(profile);
        let certificate = key.certificate();
        let fingerprint = certificate.fingerprint().to_string();

        let public = Gpg::new();
        public.import(&certificate.armored(Some("REHEARSAL")));
        let listed = public.run(&["--with-colons", "--list-keys"], "", b"");
        let listed = String::from_utf8(listed.out).expect("UTF-8");
        let ends = certificate.expires().expect("it ends").to_string();
        let primary = listed
            .lines()
            .find(|line| line.starts_with("pub"))
            .expect("a key");
        assert!(
            primary.contains(&ends) && primary.contains("scESC"),
            "{listed}"
        );
        assert!(listed.contains("Käthe <k@example.org>"));

        let secret = Gpg::new();
        secret.import(key.armored(None).expose());
        let message = certificate.encrypt(b"nonce", now()).expect("encrypted");
        let opened = secret.run(&["--decrypt"], "", &message);
        assert!(opened.good && opened.out == b"nonce", "{}", opened.status);
        assert!(opened.status.contains("DECRYPTION_OKAY") && opened.status.contains("GOODMDC"));

        let signed = secret.run(&["--armor", "--detach-sign"], "", TEXT).out;
        verify_detached(&signed, &certificate, TEXT).expect("gpg signed with our key");
        assert!(public.verify(&signed).contains("GOODSIG"));

        // What peers encrypt with gpg opens with the key, and is of the old form.
        let peer = public
            .run(
                &["--trust-model", "always", "--encrypt", "-r", &fingerprint],
                "",
                b"from a peer",
            )
            .out;
        assert_eq!(secret.run(&["--decrypt"], "", &peer).out, b"from a peer");

        public.import(insert_comment(&revocation, "REHEARSAL").expose());
        assert!(public.verify(&signed).contains("REVKEYSIG"));
        let revoked = public.run(&["--armor", "--export"], "", b"").out;
        let revoked = Certificate::from_bytes(&revoked).expect("a certificate");
        assert!(matches!(
            verify_detached(&signed, &revoked, TEXT),
            Err(VerifyError::Revoked)
        ));
        assert!(matches!(
            revoked.can_sign(now()),
            Err(OpenPgpError::Revoked)
        ));
    }
}

#[test]
fn gpg_restores_our_key_byte_for_byte_from_its_capsules() {
    let key = make(Profile::V6).key.armored(None);
    let (k, a, b) = (
        "0123456789abcdef".repeat(4),
        "one two three",
        "four five six",
    );
    let payload = encrypt_with_password(key.expose(), &text(&k), None).expect("encrypted");
    let inner = encrypt_with_password(k.as_bytes(), &text(a), None).expect("encrypted");
    let capsule = encrypt_with_password(&inner, &text(b), Some("REHEARSAL")).expect("encrypted");

    let gpg = Gpg::new();
    let inner = gpg.run(&["--decrypt"], b, &capsule);
    assert!(
        inner.good && inner.status.contains("GOODMDC"),
        "{}",
        inner.status
    );
    let found = gpg.run(&["--decrypt"], a, &inner.out).out;
    assert_eq!(found, k.as_bytes());
    let restored = gpg.run(&["--decrypt"], &k, &payload).out;
    assert!(restored == key.expose());
    assert!(!gpg.run(&["--decrypt"], "one two thred", &inner.out).good);
}

#[test]
fn we_open_messages_that_gpg_locked() {
    let gpg = Gpg::new();
    let lock = |compress: &str, armor: &str| {
        let arguments = [
            "--symmetric",
            "--s2k-cipher-algo",
            "AES256",
            "--s2k-mode",
            "3",
            "-z",
            compress,
            armor,
        ];
        gpg.run(&arguments, "some words", TEXT).out
    };
    for armor in ["--armor", "--no-armor"] {
        let message = lock("0", armor);
        let opened = decrypt_with_password(&message, &text("some words")).expect("opened");
        assert_eq!(opened.expose(), TEXT);
        let wrong = decrypt_with_password(&message, &text("some wards"));
        assert!(matches!(wrong, Err(DecryptError::WrongPassword)));
    }
    assert!(decrypt_with_password(&lock("6", "--armor"), &text("some words")).is_err());
}

#[test]
fn gpg_verifies_and_imports_an_operators_key() {
    let key = LockedKey::generate("operator A", &text("right words"), now(), Some("REHEARSAL"))
        .expect("a key");
    let fingerprint = key.certificate().fingerprint().to_string();
    let at = now();
    let signature = key
        .sign(&text("right words"), TEXT, at, Some("REHEARSAL"))
        .expect("signed");

    let public = Gpg::new();
    public.import(&key.certificate().armored(None));
    assert_good(&public.verify(&signature), &fingerprint, at);

    let secret = Gpg::new();
    let imported = secret.run(
        &["--import", &secret.file("key", key.bytes())],
        "right words",
        b"",
    );
    assert!(imported.good, "{}", imported.status);
    let sign = ["--armor", "--detach-sign"];
    assert!(!secret.run(&sign, "wrong words", TEXT).good);
    let signed = secret.run(&sign, "right words", TEXT);
    assert!(signed.good, "{}", signed.status);
    verify_detached(&signed.out, key.certificate(), TEXT).expect("gpg signed with our key");
}

#[test]
fn an_operator_may_bring_a_key_that_gpg_made() {
    for algorithm in ["ed25519", "rsa3072", "nistp256"] {
        let gpg = Gpg::new();
        let key = LockedKey::from_bytes(&gpg.own_key(algorithm, "own words")).expect("a key");
        assert!(key.opens_with(&text("own words")) && !key.opens_with(&text("other words")));
        let at = now() + 1;
        let signature = key
            .sign(&text("own words"), TEXT, at, None)
            .expect("signed");
        assert_good(
            &gpg.verify(&signature),
            &key.certificate().fingerprint().to_string(),
            at,
        );
    }
}

#[test]
fn open_keys_and_stubs_from_gpg_are_refused() {
    let gpg = Gpg::new();
    let open = LockedKey::from_bytes(&gpg.own_key("ed25519", ""));
    assert!(matches!(open, Err(OpenPgpError::Unprotected)));

    let gpg = Gpg::new();
    let key = LockedKey::from_bytes(&gpg.own_key("ed25519", "own words")).expect("a key");
    let fingerprint = key.certificate().fingerprint().to_string();
    let added = ["--quick-add-key", &fingerprint, "ed25519", "sign", "never"];
    assert!(gpg.run(&added, "own words", b"").good);
    let stub = gpg
        .run(
            &["--armor", "--export-secret-subkeys", "own"],
            "own words",
            b"",
        )
        .out;
    assert!(matches!(
        LockedKey::from_bytes(&stub),
        Err(OpenPgpError::Stub)
    ));
}

#[test]
fn we_judge_gpgs_signatures_strictly() {
    let gpg = Gpg::new();
    gpg.own_key("ed25519", "");
    let public = gpg.run(&["--armor", "--export"], "", b"").out;
    let certificate = Certificate::from_bytes(&public).expect("a certificate");
    let sign = |options: &[&str]| {
        let ran = gpg.run(&[options, &["--armor", "--detach-sign"]].concat(), "", TEXT);
        assert!(ran.good, "{}", ran.status);
        ran.out
    };
    let verdict = |signature: &[u8]| verify_detached(signature, &certificate, TEXT);
    let good = sign(&[]);
    let signed = verdict(&good).expect("good");
    assert!(signed.at.abs_diff(now()) < 100);
    assert!(matches!(
        verdict(&sign(&["--textmode"])),
        Err(VerifyError::Class)
    ));
    assert!(matches!(
        verdict(&sign(&["--digest-algo", "SHA224"])),
        Err(VerifyError::Hash(_))
    ));
    let ends = sign(&["--default-sig-expire", "1y"]);
    assert!(matches!(verdict(&ends), Err(VerifyError::Time)));
    // What gpg itself tolerates.
    let junk = [b"junk\n", &good[..]].concat();
    assert!(gpg.verify(&junk).contains("GOODSIG"));
    assert!(matches!(verdict(&junk), Err(VerifyError::Armor(_))));

    let other = Gpg::new();
    other.own_key("ed25519", "");
    let theirs = other.run(&["--armor", "--detach-sign"], "", TEXT).out;
    assert!(matches!(verdict(&theirs), Err(VerifyError::OtherKey)));
    gpg.import(&other.run(&["--export-secret-keys"], "", b"").out);
    let two = Certificate::from_bytes(&gpg.run(&["--armor", "--export"], "", b"").out);
    assert!(matches!(two, Err(OpenPgpError::Several)));
    let theirs = other.run(&["--armor", "--export"], "", b"").out;
    let theirs = Certificate::from_bytes(&theirs)
        .expect("a certificate")
        .fingerprint()
        .to_string();
    let ours = certificate.fingerprint().to_string();
    let both = sign(&["-u", &ours, "-u", &theirs]);
    assert!(matches!(verdict(&both), Err(VerifyError::NotOne)));
}
