//! `ceremony seal` from outside.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod seal_support;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ceremony::openpgp::{Certificate, Format, Profile, SecretKey};
use rustix::process::{Pid, Signal, kill_process};
use seal_support::*;
use sequoia_openpgp::serialize::MarshalInto;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");
const ID: &str = "2026-01-02-backup-key-0A1B2C3D";
const TEXT: &[u8] = b"what the backup holds\n";

/// A folder with `plain` and `the.pin` for `key`.
fn folder(certificate: &Certificate) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("plain"), TEXT).expect("written");
    fs::write(folder.path().join("the.pin"), pin(certificate, ID)).expect("written");
    folder
}

/// With signals as at a terminal: tests that run in the background have some of them ignored, and a
/// program inherits that.
fn command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,HUP,TERM", PROGRAM, "seal"]);
    command.args(args).current_dir(at);
    command
}

/// Runs `ceremony seal`, with `input` on its standard input.
fn seal_with(at: &Path, args: &[&str], input: impl Into<Stdio>) -> Output {
    let output = command(at, args).stdin(input).output();
    output.expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A refusal has a code, a cause, a remedy, and leaves no file and no output.
fn assert_refused(at: &Path, args: &[&str], code: i32, cause: &str) {
    let output = seal_with(at, &[args, &["-o", "out"]].concat(), Stdio::null());
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(cause), "{args:?}: {said}");
    assert!(said.contains("What to do: "), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert!(!at.join("out").exists(), "{args:?}");
    assert_no_parts(at);
}

fn assert_no_parts(at: &Path) {
    for entry in fs::read_dir(at).expect("it can be listed") {
        let name = entry.expect("an entry").file_name();
        assert!(!name.to_string_lossy().contains("part"), "{name:?} is left");
    }
}

#[test]
fn what_is_sealed_can_be_opened() {
    for (profile, to, format) in [
        (Profile::Modern, &[][..], Format::Gpg),
        (Profile::Modern, &["--to", "gpg"], Format::Gpg),
        (Profile::Modern, &["--to", "modern"], Format::Modern),
        (Profile::V6, &["--to", "modern"], Format::Modern),
    ] {
        let key = key(profile);
        let at = folder(&key.certificate());
        let at = at.path();
        let args = |more: &[&'static str]| [&["--pin", "the.pin"], to, more].concat();

        let file = seal_with(at, &args(&["plain", "-o", "out"]), Stdio::null());
        assert_eq!(file.status.code(), Some(0), "{}", said(&file));
        assert!(
            file.stdout.is_empty() && file.stderr.is_empty(),
            "{}",
            said(&file)
        );
        let out = fs::read(at.join("out")).expect("it is there");
        let mode = fs::metadata(at.join("out"))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7600, 0o600, "{mode:o}");
        assert_no_parts(at);

        let input = File::open(at.join("plain")).expect("it opens");
        let stream = seal_with(at, &args(&[]), input);
        assert_eq!(stream.status.code(), Some(0), "{}", said(&stream));
        assert!(stream.stderr.is_empty(), "{}", said(&stream));
        for message in [out, stream.stdout] {
            let (opened, about) = unseal(key, &message).expect("opened");
            assert_eq!((&opened[..], about.format), (TEXT, format));
        }
    }
}

#[test]
fn a_rehearsals_pin_works_and_warns() {
    let key = key(Profile::Modern);
    let at = folder(&key.certificate());
    let rehearsal = pin(&key.certificate(), &format!("REHEARSAL-{ID}"));
    fs::write(at.path().join("the.pin"), rehearsal).expect("written");
    let output = seal_with(at.path(), &["--pin", "the.pin", "plain"], Stdio::null());
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("WARNING: this pin is from a REHEARSAL"));
    assert_eq!(unseal(key, &output.stdout).expect("opened").0, TEXT);
}

#[test]
fn only_a_whole_pin_is_taken() {
    let certificate = key(Profile::Modern).certificate();
    let at = folder(&certificate);
    let at = at.path();
    let pin = pin(&certificate, ID);
    let refused = |bytes: &[u8], cause| {
        fs::write(at.join("other"), bytes).expect("written");
        assert_refused(at, &["--pin", "other", "plain"], 1, cause);
    };
    refused(b"", "not a pin file");
    refused(&certificate.armored(None), "not a pin file");
    refused(&pin[..pin.len() - 1], "changed or is not complete");
    // One letter at places all over it, and in each of its lines.
    for place in (20..pin.len()).step_by(97) {
        let mut altered = pin.clone();
        altered[place] ^= 1;
        refused(&altered, "pin file");
    }
    let stranger = SecretKey::generate(Profile::Modern, "other", None, now() - 5).expect("a key");
    let theirs = stranger.key.certificate().armored(None);
    let end = pin
        .windows(2)
        .position(|two| two == b"\n\n")
        .expect("a blank line")
        + 2;
    refused(
        &[&pin[..end], &theirs].concat(),
        "changed or is not complete",
    );
    assert_refused(
        at,
        &["--pin", "missing", "plain"],
        1,
        "missing cannot be read",
    );
}

/// The certificate as the key's owner would change it.
fn changed(
    key: &SecretKey,
    change: impl FnOnce(
        &sequoia_openpgp::Cert,
        &mut sequoia_openpgp::crypto::KeyPair,
    ) -> Vec<sequoia_openpgp::packet::Signature>,
) -> Certificate {
    let cert = to_library(key);
    let primary = cert.primary_key().key().clone().parts_into_secret();
    let mut signer = primary
        .and_then(|key| key.into_keypair())
        .expect("a secret key");
    let signatures = change(&cert, &mut signer);
    let cert = cert.insert_packets(signatures).expect("inserted").0;
    Certificate::from_bytes(&cert.to_vec().expect("written")).expect("one certificate")
}

fn expiring(key: &SecretKey, at: Option<u64>) -> Certificate {
    let at = at.map(|at| std::time::UNIX_EPOCH + Duration::from_secs(at));
    changed(key, |cert, signer| {
        let policy = sequoia_openpgp::policy::StandardPolicy::new();
        let valid = cert.with_policy(&policy, None).expect("valid");
        // As gpg's `--quick-set-expire FINGERPRINT DATE '*'`: the subkeys have dates of their own.
        let keys = valid
            .keys()
            .flat_map(|key| key.set_expiration_time(signer, None, at).expect("signed"));
        keys.collect()
    })
}

fn revoked(key: &SecretKey) -> Certificate {
    changed(key, |cert, signer| {
        let revocation = sequoia_openpgp::cert::CertRevocationBuilder::new()
            .set_reason_for_revocation(
                sequoia_openpgp::types::ReasonForRevocation::KeyRetired,
                b"test",
            )
            .and_then(|builder| builder.build(signer, cert, None));
        vec![revocation.expect("signed")]
    })
}

fn generate(lifetime: Option<u64>, at: u64) -> SecretKey {
    SecretKey::generate(Profile::Modern, "Test", lifetime, at)
        .expect("a key")
        .key
}

#[test]
fn dates_and_revocations_of_both_certificates_count() {
    const DAY: u64 = 86_400;
    let key = generate(None, now() - 10 * DAY);
    let good = key.certificate();
    let (ended, renewed) = (
        expiring(&key, Some(now() - 5)),
        expiring(&key, Some(now() + DAY)),
    );
    let (stranger, revoked) = (generate(None, now() - 5).certificate(), revoked(&key));
    let early = generate(None, now() + DAY).certificate();
    let signs_only = sequoia_openpgp::cert::CertBuilder::new()
        .add_userid("signs only")
        .generate()
        .expect("a key")
        .0
        .to_vec()
        .expect("written");
    let signs_only = Certificate::from_bytes(&signs_only).expect("one");
    // What the pin has, what --cert brings, and how it ends.
    let cases: [(&Certificate, Option<&Certificate>, Option<&str>); 12] = [
        (&good, None, None),
        (&good, Some(&good), None),
        (&good, Some(&renewed), None),
        (&good, Some(&stranger), Some("another key's")),
        (&good, Some(&revoked), Some("is revoked")),
        (&revoked, None, Some("is revoked")),
        (&revoked, Some(&good), Some("is revoked")),
        (&ended, None, Some("expired on")),
        (&good, Some(&ended), Some("expired on")),
        (&renewed, Some(&revoked), Some("is revoked")),
        (&early, None, Some("valid only from")),
        (&signs_only, None, Some("no part that can be encrypted to")),
    ];
    for (number, (pinned, updated, refused)) in cases.into_iter().enumerate() {
        let at = folder(pinned);
        let at = at.path();
        let mut args = vec!["--pin", "the.pin", "plain"];
        if let Some(updated) = updated {
            fs::write(at.join("cert.asc"), updated.armored(None)).expect("written");
            args.extend(["--cert", "cert.asc"]);
        }
        match refused {
            Some(cause) => assert_refused(at, &args, 1, cause),
            None => {
                let output = seal_with(at, &args, Stdio::null());
                assert_eq!(
                    output.status.code(),
                    Some(0),
                    "case {number}: {}",
                    said(&output)
                );
                assert_eq!(unseal(&key, &output.stdout).expect("opened").0, TEXT);
            }
        }
    }
}

#[test]
fn an_expired_pin_is_good_again_with_the_new_certificate() {
    let key = generate(Some(100), now() - 1000);
    let renewed = expiring(&key, Some(now() + 1000));
    let at = folder(&key.certificate());
    let at = at.path();
    assert_refused(at, &["--pin", "the.pin", "plain"], 1, "expired on");
    fs::write(at.join("cert.asc"), renewed.armored(None)).expect("written");
    let args = ["--pin", "the.pin", "--cert", "cert.asc", "plain"];
    let output = seal_with(at, &args, Stdio::null());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(unseal(&key, &output.stdout).expect("opened").0, TEXT);
    fs::write(at.join("cert.asc"), b"no certificate").expect("written");
    assert_refused(at, &args, 1, "");
}

#[test]
fn a_key_of_version_6_is_not_sealed_to_for_gpg() {
    let at = folder(&key(Profile::V6).certificate());
    assert_refused(at.path(), &["--pin", "the.pin", "plain"], 2, "version 6");
}

#[test]
fn wrong_usage_is_refused() {
    let at = folder(&key(Profile::Modern).certificate());
    let at = at.path();
    for args in [
        &["plain"][..],
        &["--pin", "the.pin", "--to", "pgp"],
        &["--pin", "the.pin", "a", "b"],
    ] {
        let output = seal_with(at, args, Stdio::null());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
    }
    assert_refused(
        at,
        &["--pin", "the.pin", "missing"],
        1,
        "missing cannot be read",
    );
    assert_refused(at, &["--pin", "the.pin", "."], 1, "cannot be read");
}

#[test]
fn nothing_is_overwritten() {
    let at = folder(&key(Profile::Modern).certificate());
    let at = at.path();
    std::os::unix::fs::symlink("nowhere", at.join("link")).expect("linked");
    fs::hard_link(at.join("plain"), at.join("twin")).expect("linked");
    for out in ["plain", "./plain", "twin", "the.pin", "link", "."] {
        let args = ["--pin", "the.pin", "plain", "-o", out];
        let output = seal_with(at, &args, Stdio::null());
        assert_ne!(output.status.code(), Some(0), "{out}");
        assert_eq!(
            fs::read(at.join("plain")).expect("it is there"),
            TEXT,
            "{out}"
        );
    }
    assert!(!at.join("nowhere").exists());
    // The shell's redirection into the file that is read.
    let same = File::options()
        .append(true)
        .open(at.join("plain"))
        .expect("it opens");
    let output = command(at, &["--pin", "the.pin", "plain"])
        .stdout(same)
        .output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("sealed into itself"),
        "{}",
        said(&output)
    );
    assert_eq!(fs::read(at.join("plain")).expect("it is there"), TEXT);
}

#[test]
fn sealed_data_does_not_go_to_a_terminal() {
    let at = folder(&key(Profile::Modern).certificate());
    let line = format!("{PROGRAM} seal --pin the.pin plain");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(at.path());
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
    session
        .exp_string("sealed data is not for a terminal")
        .expect("refused");
    session.exp_string("-o").expect("a remedy");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_file() {
    let at = folder(&key(Profile::Modern).certificate());
    let at = at.path();
    fs::write(at.join("large"), data(4 << 20)).expect("written");
    for to in ["gpg", "modern"] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("it opens");
        let output = command(at, &["--pin", "the.pin", "--to", to, "large"])
            .stdout(full)
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(6), "{}", said(&output));
        assert!(said(&output).contains("No space left"), "{}", said(&output));

        let script = format!(
            "mkdir -p small && mount -t tmpfs -o size=1m tmpfs small && \
             {PROGRAM} seal --pin the.pin --to {to} large -o small/out; \
             echo code $?; ls -A small; df --output=used small | tail -n 1"
        );
        let output = Command::new("unshare")
            .args(["-rm", "sh", "-c", &script])
            .current_dir(at)
            .output()
            .expect("these tests need unshare: install the package util-linux");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = printed.split_whitespace().collect();
        assert_eq!(words, ["code", "6", "0"], "{}", said(&output));
    }
}

#[test]
fn a_read_error_in_the_middle_leaves_no_file() {
    let at = folder(&key(Profile::Modern).certificate());
    let at = at.path();
    // This process's memory from where the program lies: some of it can be read, and then comes a gap.
    let maps = fs::read_to_string("/proc/self/maps").expect("it can be read");
    let begin = maps.split('-').next().expect("an address");
    let begin = u64::from_str_radix(begin, 16).expect("an address");
    for to in ["gpg", "modern"] {
        let mut memory = File::open("/proc/self/mem").expect("it opens");
        memory
            .seek(SeekFrom::Start(begin))
            .expect("it can be sought in");
        let mut first = [0; 4096];
        memory
            .read_exact(&mut first)
            .expect("there is something to read first");
        let args = ["--pin", "the.pin", "--to", to, "-o", "out"];
        let output = seal_with(at, &args, memory);
        assert_eq!(output.status.code(), Some(6), "{}", said(&output));
        assert!(said(&output).contains("can't be read"), "{}", said(&output));
        assert!(!at.join("out").exists());
        assert_no_parts(at);
    }
}

/// Begins to seal `size` bytes that come through a pipe, which stays open.
fn begin(at: &Path, to: &str, size: usize) -> Child {
    let mut child = command(at, &["--pin", "the.pin", "--to", to, "-o", "out"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let block = data(1 << 20);
    let stdin = child.stdin.as_mut().expect("piped");
    for _ in 0..size >> 20 {
        stdin.write_all(&block).expect("it is read");
    }
    child
}

#[test]
fn a_killed_process_leaves_no_file() {
    let at = folder(&key(Profile::Modern).certificate());
    let at = at.path();
    for (to, signal) in [
        ("gpg", Signal::INT),
        ("gpg", Signal::TERM),
        ("modern", Signal::HUP),
        ("modern", Signal::KILL),
    ] {
        let mut child = begin(at, to, 8 << 20);
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let status = child.wait().expect("it ends");
        assert!(!status.success());
        let mut names: Vec<_> = fs::read_dir(at)
            .expect("it can be listed")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["plain", "the.pin"], "{signal:?}");
    }
}

/// The most memory that it had so far, in KiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a line");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("a number")
}

#[test]
fn a_large_stream_needs_no_more_memory_than_a_small_one() {
    let key = key(Profile::Modern);
    for to in ["gpg", "modern"] {
        let mut peaks = Vec::new();
        for size in [4 << 20, 96 << 20] {
            let at = folder(&key.certificate());
            let at = at.path();
            let mut child = begin(at, to, size);
            peaks.push(peak(&child));
            assert!(!at.join("out").exists(), "it is there before it is whole");
            drop(child.stdin.take());
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            let mut hash = 0;
            let sealed = File::open(at.join("out")).expect("it is there");
            assert!(sealed.metadata().expect("it is there").size() > size as u64);
            key.unseal(sealed, std::io::sink(), &mut |bytes| hash = bytes)
                .expect("opened");
            assert_eq!(hash, size as u64);
        }
        assert!(peaks[1] < peaks[0] + 2048, "{to}: {peaks:?} KiB");
        assert!(peaks[1] < 32 << 10, "{to}: {peaks:?} KiB");
        println!("{to}: {peaks:?} KiB");
    }
}
