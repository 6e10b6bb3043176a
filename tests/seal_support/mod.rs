//! Keys, sources and other programs for the tests of sealing.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use ceremony::openpgp::{
    Certificate, Format, Profile, SealError, SecretKey, UnsealError, Unsealed,
};
use ceremony::secret::SecretBytes;

pub const FORMATS: [Format; 2] = [Format::Gpg, Format::Modern];

pub fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs()
}

/// One key of each kind for all tests of a file: making them takes long.
pub fn key(profile: Profile) -> &'static SecretKey {
    static KEYS: [OnceLock<SecretKey>; 3] = [const { OnceLock::new() }; 3];
    let at = match profile {
        Profile::Rsa4096 => 0,
        Profile::Modern => 1,
        Profile::V6 => 2,
    };
    KEYS[at].get_or_init(|| {
        SecretKey::generate(profile, "Test <test@example.org>", None, now() - 10)
            .expect("a key")
            .key
    })
}

/// `size` bytes that no compression makes smaller, always the same.
pub fn data(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        })
        .collect()
}

pub fn seal(certificate: &Certificate, format: Format, plaintext: &[u8]) -> Vec<u8> {
    try_seal(certificate, format, plaintext).expect("sealed")
}

pub fn try_seal(
    certificate: &Certificate,
    format: Format,
    plaintext: impl Read + Send,
) -> Result<Vec<u8>, SealError> {
    let mut out = Vec::new();
    certificate.seal(format, now(), plaintext, &mut out, &mut |_| {})?;
    Ok(out)
}

pub fn unseal(key: &SecretKey, message: &[u8]) -> Result<(Vec<u8>, Unsealed), UnsealError> {
    let mut out = Vec::new();
    let unsealed = key.unseal(Cursor::new(message), &mut out, &mut |_| {})?;
    Ok((out, unsealed))
}

/// A secret key as the library writes it, from the library's own.
pub fn from_library(cert: &sequoia_openpgp::Cert) -> SecretKey {
    use sequoia_openpgp::serialize::MarshalInto;
    let bytes = cert.as_tsk().to_vec().expect("it can be written");
    SecretKey::from_bytes(&SecretBytes::from_vec(bytes)).expect("a secret key")
}

/// A library's certificate with the secret keys of ours.
pub fn to_library(key: &SecretKey) -> sequoia_openpgp::Cert {
    use sequoia_openpgp::parse::Parse;
    sequoia_openpgp::Cert::from_bytes(key.armored(None).expose()).expect("the same key")
}

/// Gives its bytes in pieces of the sizes in `sizes`, over and over; at 0 it is interrupted, as by
/// a signal.
pub struct InPieces<'a> {
    pub rest: &'a [u8],
    pub sizes: Vec<usize>,
    pub at: usize,
}

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.at % self.sizes.len().max(1)).copied();
        self.at += 1;
        let size = match size {
            Some(0) => return Err(io::ErrorKind::Interrupted.into()),
            Some(size) => size,
            None => buffer.len(),
        };
        let size = size.min(buffer.len()).min(self.rest.len());
        buffer[..size].copy_from_slice(&self.rest[..size]);
        self.rest = &self.rest[size..];
        Ok(size)
    }
}

/// Fails after its bytes, as a disk does.
pub struct Failing<'a>(pub &'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::Error::other("the disk is gone")),
            other => other,
        }
    }
}

/// A GnuPG home that stops its agent and goes away at the end.
pub struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    pub fn new() -> Gpg {
        // The agent's socket lies in it, and a socket's path has at most 107 bytes.
        let home = tempfile::Builder::new()
            .prefix("sg")
            .tempdir_in("/tmp")
            .expect("a directory");
        Gpg { home }
    }

    /// With the secret key imported.
    pub fn with(key: &SecretKey) -> Gpg {
        let gpg = Gpg::new();
        let imported = gpg.run(&["--import"], key.armored(None).expose());
        assert!(imported.status.success(), "{}", complaint(&imported));
        gpg
    }

    pub fn path(&self) -> &Path {
        self.home.path()
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("gpg")
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .env("GNUPGHOME", self.path())
            .current_dir(self.path())
            .args(["--batch", "--yes", "--no-tty", "--status-fd", "2"])
            .args(["--trust-model", "always"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("these tests need gpg: install the package gnupg");
        let mut stdin = child.stdin.take().expect("piped");
        std::thread::scope(|scope| {
            // gpg may end without reading all of it; what it answers is looked at by the caller.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().expect("gpg ends")
        })
    }

    pub fn encrypt(&self, to: &SecretKey, options: &[&str], plaintext: &[u8]) -> Vec<u8> {
        let fingerprint = to.certificate().fingerprint().to_string();
        let ran = self.run(
            &[options, &["--encrypt", "-r", &fingerprint]].concat(),
            plaintext,
        );
        assert!(ran.status.success(), "{options:?}: {}", complaint(&ran));
        ran.stdout
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", self.path())
            .args(["--kill", "all"])
            .status();
    }
}

pub fn complaint(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

/// The pin of a call that confirmed `certificate` in the ceremony `id`.
pub fn pin(certificate: &Certificate, id: &str) -> Vec<u8> {
    use ceremony::phone::canary;
    use ceremony::pin::{Delivered, Pin};
    let words = certificate.fingerprint().bytes().len();
    let pin = Pin {
        id: id.to_string(),
        fingerprint: certificate.fingerprint(),
        certificate: certificate.armored(None),
        head: [7; 10],
        delivered: Delivered::Last,
        time: now() - 5,
        nonce: [1, 2, 3, 4],
        canaries: canary::read("3-aardvark.11-absurd.17-accrue", words).expect("canaries"),
    };
    let bytes = pin.render();
    Pin::parse(&bytes).expect("a pin as the program reads it");
    bytes
}
