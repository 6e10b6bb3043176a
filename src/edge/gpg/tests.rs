//! The runner against the system's own gpg, and against scripts that play a bad one.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn gpg() -> Gpg {
    let (_, gpg) = look(OsStr::new(SEARCH_PATH), None).expect("these tests need gpg 2.2 or later");
    gpg.expect("these tests need a folder in memory, such as /dev/shm")
}

fn text(s: &str) -> SecretText {
    SecretText::from_string(s.to_string())
}

/// Runs the real gpg in `home` for the tests' own needs.
fn stock(home: &Home, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = home.command(&gpg().program);
    command.args([
        "--batch",
        "--no-tty",
        "--pinentry-mode",
        "loopback",
        "--trust-model",
        "always",
    ]);
    let answer = child::talk(command.args(arguments), &[input], 1 << 22, LIMIT).expect("answers");
    assert!(answer.success, "{arguments:?}: {}", answer.messages);
    answer.output.expose().to_vec()
}

fn home() -> Home {
    let gpg = gpg();
    Home::make(&gpg.memory, gpg.gpgconf, SEARCH_PATH.into()).expect("a home")
}

/// A message to one password, as gpg makes it; short key derivation, to be quick.
fn message(password: &str, plain: &[u8], more: &[&str]) -> Vec<u8> {
    let input = [password.as_bytes(), b"\n", plain].concat();
    let how = ["--passphrase-fd", "0", "--s2k-count", "1024", "--symmetric"];
    stock(&home(), &[more, &how].concat(), &input)
}

/// A script that stands in for gpg, in a folder in memory of its own.
struct Fake {
    gpg: Gpg,
    folder: Home,
}

impl Fake {
    /// `script` may use `$D`, the fake's folder.
    fn new(script: &str) -> Fake {
        let folder = home();
        let memory = folder.path().join("m");
        fs::create_dir(&memory).expect("test folder");
        let program = folder.path().join("gpg");
        // Written by another process: if this one held it open for writing while another
        // test forks, it could not be started ("text file busy").
        let mut writer = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\"; chmod 700 \"$0\""])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .expect("starts");
        let text = format!("#!/bin/sh\nD='{}'\n{script}\n", folder.path().display());
        let mut stdin = writer.stdin.take().expect("piped");
        stdin.write_all(text.as_bytes()).expect("takes the script");
        drop(stdin);
        assert!(writer.wait().expect("ends").success());
        let gpg = Gpg {
            program,
            gpgconf: None,
            memory,
            limit: LIMIT,
            ..gpg()
        };
        Fake { gpg, folder }
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).expect("the fake wrote it");
        String::from_utf8(bytes).expect("is text")
    }

    /// Whether no home is left in the fake's memory folder.
    fn is_clean(&self) -> bool {
        fs::read_dir(&self.gpg.memory)
            .expect("is there")
            .next()
            .is_none()
    }
}

#[test]
fn a_wrong_password_is_told_from_damage() {
    let mut gpg = gpg();
    let sealed = message("right words", b"plain", &[]);
    for wrong in ["wrong words", "right word", "right words ", ""] {
        let refused = gpg.decrypt_with_password(&sealed, &text(wrong)).err();
        assert!(
            matches!(refused, Some(GpgError::WrongPassword)),
            "{wrong:?}: {refused:?}"
        );
    }
    let mut changed = sealed.clone();
    *changed.last_mut().expect("not empty") ^= 1;
    for damaged in [&changed[..], &sealed[..sealed.len() - 10], b"garbage", b""] {
        let refused = gpg
            .decrypt_with_password(damaged, &text("right words"))
            .err();
        assert!(
            matches!(refused, Some(GpgError::Failed { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_password_of_two_lines_never_reaches_gpg() {
    let mut fake = Fake::new("touch \"$D/started\"; exit 2");
    for bad in ["two\nlines", "line\n", "zero\0byte"] {
        let refused = fake.gpg.decrypt_with_password(b"message", &text(bad)).err();
        assert!(matches!(refused, Some(GpgError::NotOneLine)), "{bad:?}");
    }
    assert!(!fake.folder.path().join("started").exists());
}

#[test]
fn a_message_that_is_not_encrypted_is_refused() {
    let mut gpg = gpg();
    let stored = stock(&home(), &["--store"], b"plain");
    let refused = gpg
        .decrypt_with_password(&stored, &text("right words"))
        .err();
    assert!(
        matches!(refused, Some(GpgError::Failed { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_message_that_grows_out_of_bounds_is_refused() {
    let mut gpg = gpg();
    let bomb = message("right words", &vec![0; 3 << 20], &["--compress-level", "9"]);
    assert!(bomb.len() < 100_000);
    let refused = gpg.decrypt_with_password(&bomb, &text("right words")).err();
    let Some(GpgError::NoAnswer {
        source: ChildError::TooMuch { .. },
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
}

#[test]
fn a_gpg_that_hangs_is_stopped_and_its_home_is_gone() {
    let mut fake = Fake::new("echo $$ > \"$D/pid\"; exec sleep 600");
    fake.gpg.limit = Duration::from_secs(2);
    let refused = fake
        .gpg
        .decrypt_with_password(b"message", &text("words"))
        .err();
    assert!(matches!(
        refused,
        Some(GpgError::NoAnswer {
            source: ChildError::TimedOut { .. },
            ..
        })
    ));
    assert!(fake.is_clean());
    // On a very busy machine it may be stopped before it wrote its number.
    if fake.folder.path().join("pid").exists() {
        assert!(!Path::new("/proc").join(fake.read("pid").trim()).exists());
    }
}

#[test]
fn success_without_the_words_for_it_is_a_failure() {
    let said = |words: &str| {
        let script = format!("cat > /dev/null; printf '{words}' >&2; echo plain");
        Fake::new(&script)
            .gpg
            .decrypt_with_password(b"message", &text("words"))
            .err()
    };
    let good = "[GNUPG:] PLAINTEXT 62 0 \\n[GNUPG:] DECRYPTION_OKAY\\n[GNUPG:] GOODMDC\\n";
    assert!(said(good).is_none());
    for bad in [
        "",
        "gpg: [GNUPG:] DECRYPTION_OKAY\\n",
        "[GNUPG:] PLAINTEXT 62 0 \\n[GNUPG:] DECRYPTION_OKAY\\n",
        "[GNUPG:] PLAINTEXT 62 0 \\n[GNUPG:] GOODMDC\\n",
        &format!("{good}[GNUPG:] DECRYPTION_FAILED\\n"),
        &format!("{good}{good}"),
    ] {
        assert!(matches!(said(bad), Some(GpgError::Failed { .. })), "{bad}");
    }
}

#[test]
fn the_password_is_in_no_argument_variable_or_file() {
    // The fake keeps all that another process could see of gpg, then the one pipe.
    let mut fake = Fake::new(
        "tr '\\0' '\\n' < /proc/$$/cmdline > \"$D/argv\"; tr '\\0' '\\n' < /proc/$$/environ > \
         \"$D/env\"; ls -lR \"$GNUPGHOME\" > \"$D/files\"; cat > \"$D/stdin\"; exit 2",
    );
    let refused = fake
        .gpg
        .decrypt_with_password(b"the message", &text("zebra crossing"))
        .err();
    assert!(matches!(refused, Some(GpgError::Failed { .. })));
    assert_eq!(fake.read("stdin"), "zebra crossing\nthe message");
    for place in ["argv", "env", "files"] {
        let seen = fake.read(place);
        assert!(
            !seen.contains("zebra") && !seen.contains("message"),
            "{place}: {seen}"
        );
    }
    let environment = fake.read("env");
    let mut names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["GNUPGHOME", "LC_ALL", "PATH", "TZ"]);
    assert!(fake.is_clean());
}

#[test]
fn what_gpg_says_is_shown_in_printable_characters_only() {
    let script = "cat > /dev/null; printf 'gpg: \\033[2J\\303\\244 no\\n' >&2; exit 2";
    let refused = Fake::new(script)
        .gpg
        .decrypt_with_password(b"m", &text("words"))
        .err();
    let Some(GpgError::Failed { said, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(said, "?[2J? no");
}

#[test]
fn the_right_password_opens_messages_of_any_size() {
    let mut gpg = gpg();
    // Multiplied by an odd constant, the upper bits hardly compress.
    let scattered = |n: u32| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 24) as u8;
    let big: Vec<u8> = (0..300_000u32).map(scattered).collect();
    let cases: [(&[u8], &[&str]); 3] = [
        (b"", &[]),
        (b"one line\n", &["--armor"]),
        (&big, &["--compress-level", "0"]),
    ];
    for (plain, more) in cases {
        let sealed = message("right words", plain, more);
        let opened = gpg.decrypt_with_password(&sealed, &text("right words"));
        assert!(opened.expect("opens").expose() == plain, "{more:?}");
    }
}

/// A key as the ceremony makes it (signs and decrypts), its certificate, and its fingerprint.
fn key(home: &Home, name: &str) -> (SecretBytes, String) {
    let make = [
        "--passphrase",
        "",
        "--quick-generate-key",
        name,
        "ed25519",
        "sign",
        "never",
    ];
    stock(home, &make, b"");
    let listing = stock(home, &["--with-colons", "--list-keys", name], b"");
    let listing = String::from_utf8(listing).expect("is text");
    let fingerprint = listing
        .lines()
        .find_map(|line| line.strip_prefix("fpr:"))
        .expect("has a fingerprint")
        .trim_matches(':')
        .to_string();
    let add = [
        "--passphrase",
        "",
        "--quick-add-key",
        &fingerprint,
        "cv25519",
        "encr",
        "never",
    ];
    stock(home, &add, b"");
    let secret = stock(home, &["--export-secret-keys", &fingerprint], b"");
    (SecretBytes::from_vec(secret), fingerprint)
}

#[test]
fn a_key_that_is_not_just_one_secret_key_is_refused() {
    let mut gpg = gpg();
    let home = home();
    let (one, fingerprint) = key(&home, "one@example.org");
    let (two, _) = key(&home, "two@example.org");
    let public = stock(&home, &["--export", &fingerprint], b"");
    let sealed = stock(&home, &["--encrypt", "--recipient", &fingerprint], b"nonce");
    let both = [one.expose(), two.expose()].concat();
    let cut = &one.expose()[..one.expose().len() / 3];
    for bad in [&public[..], &both, cut, b"garbage", b""] {
        let bad = SecretBytes::from_vec(bad.to_vec());
        let refused = gpg.restore_and_use(&bad, b"nonce", &sealed).err();
        let Some(GpgError::Failed { action, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(action, "restore the key");
    }
}

#[test]
fn a_key_that_cannot_decrypt_the_nonce_is_refused() {
    let mut gpg = gpg();
    let home = home();
    let (one, _) = key(&home, "one@example.org");
    let (_, other) = key(&home, "other@example.org");
    let sealed = stock(&home, &["--encrypt", "--recipient", &other], b"nonce");
    let refused = gpg.restore_and_use(&one, b"nonce", &sealed).err();
    let Some(GpgError::Failed { action, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(action, "decrypt with the restored key");
}

#[test]
fn a_restored_key_signs_and_decrypts_and_leaves_nothing() {
    let fake = Fake::new("exit 2");
    let real = gpg();
    // The real gpg, with a memory folder that holds nothing else.
    let mut gpg = Gpg {
        memory: fake.gpg.memory.clone(),
        ..real
    };
    let home = home();
    let (secret, fingerprint) = key(&home, "one@example.org");
    let sealed = stock(&home, &["--encrypt", "--recipient", &fingerprint], b"nonce");

    let used = gpg
        .restore_and_use(&secret, b"other nonce", &sealed)
        .expect("is restored");

    assert_eq!(
        used.fingerprint.to_string(),
        fingerprint.to_ascii_lowercase()
    );
    assert_eq!(used.decrypted.expose(), b"nonce");
    assert!(used.signature.starts_with(b"-----BEGIN PGP SIGNATURE-----"));
    let file = home.path().join("signature.asc");
    fs::write(&file, &used.signature).expect("test file");
    stock(
        &home,
        &["--verify", file.to_str().expect("is text"), "-"],
        b"other nonce",
    );
    assert!(fake.is_clean());
}

#[test]
fn gpg_is_looked_for_in_absolute_folders_only() {
    let relative: OsString = "usr/bin:.:".into();
    assert_eq!(find("gpg", &relative), None);
    assert_eq!(find("no-such-program", OsStr::new(SEARCH_PATH)), None);
    let (found, _) = look(OsStr::new(SEARCH_PATH), None).expect("there is a gpg");
    assert!(found.path.is_absolute() && found.version.starts_with("gpg (GnuPG) "));
    assert_eq!(gpg().version(), found.version);
}
