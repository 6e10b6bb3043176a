//! Sealing and unsealing, against GnuPG and against the library's own reader and writer.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod seal_support;

use std::io::{Cursor, Read, Write};

use ceremony::digest::{Digest, Fingerprint};
use ceremony::openpgp::{Certificate, Format, Profile, SealError, SecretKey, UnsealError};
use proptest::prelude::*;
use seal_support::*;
use sequoia_openpgp::cert::amalgamation::key::ValidSubordinateKeyAmalgamation;
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::packet::key::{PublicParts, SubordinateRole};
use sequoia_openpgp::packet::{Key, PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient};
use sequoia_openpgp::types::{
    AEADAlgorithm, CompressionAlgorithm, Curve, Features, KeyFlags, ReasonForRevocation,
    SymmetricAlgorithm,
};

/// A part of the packet, which is two chunks.
const PART: usize = 1 << 19;
const CHUNK: usize = PART / 2;

/// What stands before the data in the literal packet's first part.
const BEGIN: usize = 6;

/// Where lengths change their form, parts and chunks end, and the threads get more pieces.
fn sizes() -> Vec<usize> {
    let around = |size: usize| [size - 2, size - 1, size, size + 1, size + 2];
    let mut sizes = vec![0, 1, 2, 15, 16, 17];
    for edge in [
        64,
        192 - BEGIN,
        512,
        8384 - BEGIN,
        64 << 10,
        PART - BEGIN - 24,
        CHUNK - BEGIN - 2,
        CHUNK,
        3 * CHUNK - BEGIN - 3,
        PART - BEGIN,
        PART,
        2 * PART - BEGIN,
        2 * PART,
        3 * PART - BEGIN,
        4 * PART - BEGIN,
    ] {
        sizes.extend(around(edge));
    }
    sizes
}

/// The library's reader, with its own checks.
struct Opener(sequoia_openpgp::Cert);

impl VerificationHelper for Opener {
    fn get_certs(
        &mut self,
        _: &[sequoia_openpgp::KeyHandle],
    ) -> sequoia_openpgp::Result<Vec<sequoia_openpgp::Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure) -> sequoia_openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Opener {
    fn decrypt(
        &mut self,
        recipients: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        open: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia_openpgp::Result<Option<sequoia_openpgp::Cert>> {
        for key in self.0.keys().subkeys().unencrypted_secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for recipient in recipients {
                let session = recipient.decrypt(&mut pair, algorithm);
                if session.is_some_and(|(algorithm, session)| open(algorithm, &session)) {
                    return Ok(None);
                }
            }
        }
        panic!("the message is not for this key");
    }
}

fn by_library(key: sequoia_openpgp::Cert, message: &[u8]) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let mut reader = DecryptorBuilder::from_bytes(message)
        .and_then(|builder| builder.with_policy(&policy, None, Opener(key)))
        .expect("the library opens it");
    let mut out = Vec::new();
    reader.read_to_end(&mut out).expect("all of it");
    out
}

/// What the library's own writer makes, in the form and with the cipher that is asked for.
fn from_writer(
    key: &SecretKey,
    aead: Option<AEADAlgorithm>,
    cipher: SymmetricAlgorithm,
    compression: CompressionAlgorithm,
    plaintext: &[u8],
) -> Vec<u8> {
    let (policy, cert) = (StandardPolicy::new(), to_library(key));
    let old = Features::empty().set_seipdv1();
    let features = aead.map_or(old.clone(), |_| old.set_seipdv2());
    let recipients = cert
        .keys()
        .with_policy(&policy, None)
        .for_storage_encryption()
        .map(|key| Recipient::new(features.clone(), key.key().key_handle(), key.key()));
    let mut out = Vec::new();
    let mut encryptor =
        Encryptor::for_recipients(Message::new(&mut out), recipients).symmetric_algo(cipher);
    if let Some(aead) = aead {
        encryptor = encryptor.aead_algo(aead);
    }
    let message = encryptor.build().expect("a message");
    let message = sequoia_openpgp::serialize::stream::Compressor::new(message)
        .algo(compression)
        .build()
        .expect("compressed");
    let mut writer = LiteralWriter::new(message).build().expect("a message");
    writer.write_all(plaintext).expect("written");
    writer.finalize().expect("finished");
    out
}

#[test]
fn what_is_sealed_is_opened_by_us_and_the_library() {
    let largest = data(*sizes().iter().max().expect("there are some"));
    let cases = [
        (Profile::Modern, Format::Gpg),
        (Profile::Modern, Format::Modern),
        (Profile::V6, Format::Modern),
    ];
    for (profile, format) in cases {
        let key = key(profile);
        for size in sizes() {
            let plaintext = &largest[..size];
            let message = seal(&key.certificate(), format, plaintext);
            let (opened, said) = unseal(key, &message).expect("opened");
            assert!(opened == plaintext, "{profile:?} {format:?} {size}");
            assert_eq!((said.bytes, said.format), (size as u64, format));
            assert_eq!(said.sha256, Digest::of(plaintext));
            assert!(
                by_library(to_library(key), &message) == plaintext,
                "{profile:?} {format:?} {size}"
            );
        }
    }
}

#[test]
fn gpg_opens_what_is_sealed_for_it() {
    for profile in [Profile::Modern, Profile::Rsa4096] {
        let key = key(profile);
        let gpg = Gpg::with(key);
        for size in [
            0,
            1,
            511,
            PART - BEGIN - 1,
            PART - BEGIN,
            PART,
            3 * PART + 1,
        ] {
            let plaintext = data(size);
            let message = seal(&key.certificate(), Format::Gpg, &plaintext);
            let opened = gpg.run(&["--decrypt"], &message);
            assert!(opened.status.success(), "{}", complaint(&opened));
            assert!(
                complaint(&opened).contains("GOODMDC"),
                "{}",
                complaint(&opened)
            );
            assert!(opened.stdout == plaintext, "{profile:?} {size}");
            let cut = gpg.run(&["--decrypt"], &message[..message.len() - 1]);
            assert!(
                !cut.status.success(),
                "{size}: gpg takes a part for the whole"
            );
        }
    }
}

#[test]
fn we_open_what_gpg_seals() {
    let ways: [&[&str]; 10] = [
        &[],
        &["--compress-algo", "none"],
        &["--compress-algo", "zip"],
        &["--compress-algo", "zlib"],
        &["--compress-algo", "bzip2"],
        &["--armor"],
        &["--throw-keyids"],
        &["--throw-keyids", "--compress-algo", "none"],
        &["--cipher-algo", "AES128", "-z", "0"],
        &["--set-filename", "a-long-name.tar", "-z", "0"],
    ];
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    let text = b"All is quiet on the third floor. ".repeat(30_000);
    for plaintext in [&b""[..], b"x", &text, &data(300_000)] {
        for way in ways {
            let message = gpg.encrypt(key, way, plaintext);
            let (opened, said) = unseal(key, &message)
                .unwrap_or_else(|error| panic!("{way:?} {}: {error:?}", plaintext.len()));
            assert!(opened == plaintext, "{way:?} {}", plaintext.len());
            assert_eq!(said.format, Format::Gpg, "{way:?}");
        }
    }
    let message = gpg.encrypt(key, &["--textmode"], b"one line");
    assert_eq!(unseal(key, &message).expect("opened").0, b"one line");
    // A cipher that is not built in.
    let message = gpg.encrypt(key, &["--cipher-algo", "CAMELLIA256"], &text);
    assert!(matches!(
        unseal(key, &message),
        Err(UnsealError::Unsupported(_))
    ));
    // From a file gpg knows the length, and writes it in the old or new form.
    for size in [0, 100, 200, 9000, 70_000] {
        let plaintext = data(size);
        let file = gpg.file("plain", &plaintext);
        let file = file.to_str().expect("ASCII");
        let fingerprint = key.certificate().fingerprint().to_string();
        for level in ["0", "6"] {
            let arguments = [
                "-z",
                level,
                "-r",
                &fingerprint,
                "-o",
                "-",
                "--encrypt",
                file,
            ];
            let message = gpg.run(&arguments, b"").stdout;
            assert!(
                unseal(key, &message).expect("opened").0 == plaintext,
                "{size}"
            );
        }
    }
}

#[test]
fn we_open_what_gpg_signs_and_seals_and_rsa() {
    let key = key(Profile::Rsa4096);
    let gpg = Gpg::with(key);
    let plaintext = data(100_000);
    for way in [
        &["--sign"][..],
        &["--sign", "-z", "0"],
        &["--sign", "--armor"],
        &[],
    ] {
        let message = gpg.encrypt(key, way, &plaintext);
        assert!(
            unseal(key, &message).expect("opened").0 == plaintext,
            "{way:?}"
        );
    }
}

#[test]
fn we_open_what_the_librarys_writer_seals() {
    use CompressionAlgorithm::{BZip2, Uncompressed, Zip, Zlib};
    use SymmetricAlgorithm::{AES128, AES256};
    let (ocb, gcm) = (Some(AEADAlgorithm::OCB), Some(AEADAlgorithm::GCM));
    for (profile, aead, cipher, compression) in [
        (Profile::Modern, None, AES256, Uncompressed),
        (Profile::Modern, None, AES128, Zip),
        (Profile::Modern, ocb, AES256, Uncompressed),
        (Profile::Modern, gcm, AES256, Zlib),
        (Profile::V6, ocb, AES256, Uncompressed),
        (Profile::V6, ocb, AES128, BZip2),
        (Profile::V6, gcm, AES128, Zip),
    ] {
        let key = key(profile);
        // The library's chunks are of 4096 bytes.
        for size in [0, 1, 4000, 4088, 4089, 4090, 4096, 8192, 500_000] {
            let plaintext = data(size);
            let message = from_writer(key, aead, cipher, compression, &plaintext);
            let (opened, said) = unseal(key, &message).expect("opened");
            assert!(
                opened == plaintext,
                "{profile:?} {aead:?} {compression:?} {size}"
            );
            assert_eq!(said.format == Format::Modern, aead.is_some());
        }
    }
}

fn on_p256(key: &ValidSubordinateKeyAmalgamation<'_, PublicParts>) -> bool {
    matches!(
        key.key().mpis(),
        PublicKey::ECDH {
            curve: Curve::NistP256,
            ..
        }
    )
}

/// The packet of the data in other forms of the same: old, new, in parts of all sizes.
fn framed(message: &[u8]) -> Vec<Vec<u8>> {
    let begin = 2 + usize::from(message[1]);
    assert_eq!(
        message[begin..begin + 2],
        [0xd2, 0xff],
        "one length of four bytes"
    );
    let (keys, body) = (&message[..begin], &message[begin + 6..]);
    let mut forms = Vec::new();
    for bits in [9, 10, 13, 16] {
        let mut parts = [keys, &[0xd2]].concat();
        let mut rest = body;
        while let Some((part, later)) = rest.split_at_checked(1 << bits) {
            parts.push(224 + bits);
            parts.extend(part);
            rest = later;
        }
        parts.push(255);
        parts.extend((rest.len() as u32).to_be_bytes());
        parts.extend(rest);
        forms.push(parts);
    }
    // A last part of no length, and parts that grow smaller.
    let (mut falling, mut rest) = ([keys, &[0xd2]].concat(), body);
    for bits in (0..17).rev() {
        if let Some((part, later)) = rest.split_at_checked(1 << bits) {
            falling.push(224 + bits);
            falling.extend(part);
            rest = later;
        }
    }
    assert!(rest.is_empty());
    falling.push(0);
    forms.push(falling);
    forms
}

#[test]
fn the_packet_may_be_framed_in_any_way() {
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    let plaintext = data(100_001);
    for format in FORMATS {
        let message = seal(&key.certificate(), format, &plaintext);
        for (number, form) in framed(&message).into_iter().enumerate() {
            assert!(
                unseal(key, &form).expect("opened").0 == plaintext,
                "{number}"
            );
            assert!(by_library(to_library(key), &form) == plaintext, "{number}");
            if format == Format::Gpg {
                let opened = gpg.run(&["--decrypt"], &form);
                assert!(
                    opened.stdout == plaintext,
                    "{number}: {}",
                    complaint(&opened)
                );
            }
        }
    }
}

#[test]
fn every_key_for_encryption_can_open_it_and_no_other() {
    let (storage, transport) = (
        KeyFlags::empty().set_storage_encryption(),
        KeyFlags::empty().set_transport_encryption(),
    );
    let (cert, _) = CertBuilder::new()
        .set_cipher_suite(CipherSuite::Cv25519)
        .add_userid("several")
        .add_signing_subkey()
        .add_subkey(storage.clone(), None, None)
        .add_subkey(transport.clone(), None, CipherSuite::P256)
        .add_subkey(storage, std::time::Duration::from_secs(1), None)
        .add_subkey(transport, None, None)
        .set_creation_time(std::time::SystemTime::now() - std::time::Duration::from_secs(100))
        .generate()
        .expect("a key");
    let subkeys = |chosen: fn(&ValidSubordinateKeyAmalgamation<'_, PublicParts>) -> bool| {
        let policy = StandardPolicy::new();
        let valid = cert.with_policy(&policy, None).expect("valid");
        let found: Vec<_> = valid
            .keys()
            .subkeys()
            .filter(chosen)
            .map(|key| key.key().clone())
            .collect();
        found
    };
    let retired = subkeys(|key| key.for_transport_encryption() && !on_p256(key));
    let usable = subkeys(|key| {
        on_p256(key) || key.for_storage_encryption() && key.key_validity_period().is_none()
    });
    assert_eq!((retired.len(), usable.len()), (1, 2));
    let last = &retired[0];
    let mut signer = cert
        .primary_key()
        .key()
        .clone()
        .parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("a secret key");
    let revocation = sequoia_openpgp::cert::SubkeyRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
        .and_then(|builder| builder.build(&mut signer, &cert, last, None))
        .expect("a revocation");
    let cert = cert.insert_packets(revocation).expect("inserted").0;
    let key = from_library(&cert);
    let certificate = key.certificate();
    // Two of the four: one has expired, one is revoked.
    let is_usable = |ours: &Fingerprint| {
        let same = |key: &Key<_, SubordinateRole>| key.fingerprint().as_bytes() == ours.bytes();
        usable.iter().any(same)
    };
    let expected: Vec<Fingerprint> = certificate
        .key_fingerprints()
        .into_iter()
        .filter(is_usable)
        .collect();
    for format in FORMATS {
        let mut message = Vec::new();
        let sealed = certificate
            .seal(format, now(), &b"text"[..], &mut message, &mut |_| {})
            .expect("sealed");
        assert_eq!(sealed.recipients, expected);
        assert_eq!(sealed.bytes, 4);
        for wanted in &expected {
            let only = cert
                .as_tsk()
                .set_filter(|key| key.fingerprint().as_bytes() == wanted.bytes());
            let only = sequoia_openpgp::Cert::from_bytes(&only.to_vec().expect("written"));
            let opened = by_library(only.expect("a key"), &message);
            assert_eq!(opened, b"text");
        }
        let stranger = unseal(self::key(Profile::Modern), &message);
        assert!(matches!(stranger, Err(UnsealError::NotForThisKey)));
    }
}

fn made(profile: Profile, lifetime: Option<u64>, at: u64) -> SecretKey {
    SecretKey::generate(profile, "Test", lifetime, at)
        .expect("a key")
        .key
}

#[test]
fn what_cannot_be_sealed_to_is_refused_before_anything_is_written() {
    let refused = |certificate: &Certificate, format| {
        let mut out = Vec::new();
        let error = certificate
            .seal(format, now(), Failing(b""), &mut out, &mut |_| {})
            .expect_err("refused");
        assert!(out.is_empty());
        let same = certificate.can_seal(format, now()).expect_err("refused");
        assert_eq!(error.to_string(), same.to_string());
        error
    };
    let v6 = key(Profile::V6).certificate();
    assert!(matches!(refused(&v6, Format::Gpg), SealError::NotForGpg));
    let operator = CertBuilder::new()
        .add_userid("signs only")
        .generate()
        .expect("a key")
        .0;
    let operator = Certificate::from_bytes(&operator.to_vec().expect("written")).expect("one");
    for format in FORMATS {
        let late = made(Profile::Modern, Some(100), now() - 1000).certificate();
        let end = late.expires().expect("it ends");
        assert!(matches!(refused(&late, format), SealError::Expired(at) if at == end));
        let early = made(Profile::Modern, None, now() + 1000).certificate();
        assert!(matches!(refused(&early, format), SealError::NotYetValid(_)));
        assert!(matches!(refused(&operator, format), SealError::NoKey(None)));
    }
}

#[test]
fn a_revoked_key_is_refused_whenever_it_was_revoked() {
    use sequoia_openpgp::cert::CertRevocationBuilder;
    for reason in [
        ReasonForRevocation::KeyCompromised,
        ReasonForRevocation::KeySuperseded,
    ] {
        let cert = to_library(key(Profile::Modern));
        let mut signer = cert
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .and_then(|key| key.into_keypair())
            .expect("a secret key");
        let revocation = CertRevocationBuilder::new()
            .set_reason_for_revocation(reason, b"test")
            .and_then(|builder| builder.build(&mut signer, &cert, None))
            .expect("a revocation");
        let revoked = cert.insert_packets(revocation).expect("inserted").0;
        let revoked = Certificate::from_bytes(&revoked.to_vec().expect("written")).expect("one");
        for format in FORMATS {
            let refused = try_seal(&revoked, format, &b"text"[..]);
            assert!(matches!(refused, Err(SealError::Revoked)), "{reason}");
        }
    }
}

#[test]
fn an_input_that_fails_leaves_nothing_that_looks_whole() {
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    for format in FORMATS {
        for size in [
            0,
            1,
            511,
            PART - BEGIN - 1,
            PART - BEGIN,
            PART,
            2 * PART,
            4 * PART + 7,
        ] {
            let (plaintext, mut out) = (data(size), Vec::new());
            let failed =
                key.certificate()
                    .seal(format, now(), Failing(&plaintext), &mut out, &mut |_| {});
            assert!(matches!(failed, Err(SealError::Read(_))), "{size}");
            let opened = unseal(key, &out);
            assert!(
                matches!(opened, Err(UnsealError::Altered(_))),
                "{size}: {opened:?}"
            );
            if format == Format::Gpg {
                assert!(!gpg.run(&["--decrypt"], &out).status.success(), "{size}");
            }
        }
    }
}

/// Takes so many bytes, and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_named_as_what_it_is() {
    let (key, plaintext) = (key(Profile::Modern), data(4 * PART));
    for format in FORMATS {
        let message = seal(&key.certificate(), format, &plaintext);
        for room in [0, 100, PART, 3 * PART, message.len() - 1] {
            let sealed =
                key.certificate()
                    .seal(format, now(), &plaintext[..], Full(room), &mut |_| {});
            assert!(matches!(sealed, Err(SealError::Write(_))), "{room}");
        }
        for room in [0, PART, plaintext.len() - 1] {
            let opened = key.unseal(Cursor::new(&message), Full(room), &mut |_| {});
            assert!(matches!(opened, Err(UnsealError::Write(_))), "{room}");
        }
        let mut broken = Broken(Cursor::new(&message), 3 * PART as u64);
        let opened = key.unseal(&mut broken, Vec::new(), &mut |_| {});
        assert!(matches!(opened, Err(UnsealError::Read(_))), "{opened:?}");
    }
    let armored = Gpg::with(key).encrypt(key, &["--armor"], &plaintext);
    let mut broken = Broken(Cursor::new(&armored), 3 * PART as u64);
    let opened = key.unseal(&mut broken, Vec::new(), &mut |_| {});
    assert!(matches!(opened, Err(UnsealError::Read(_))), "{opened:?}");
}

/// Can't be read from there on.
struct Broken<'a>(Cursor<&'a Vec<u8>>, u64);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.position() >= self.1 {
            return Err(std::io::Error::other("a bad sector"));
        }
        self.0.read(buffer)
    }
}

impl std::io::Seek for Broken<'_> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn progress_comes_to_the_whole() {
    let (key, plaintext) = (key(Profile::Modern), data(3 * PART + 5));
    for format in FORMATS {
        let (mut sealing, mut opening) = (Vec::new(), Vec::new());
        let mut message = Vec::new();
        let certificate = key.certificate();
        certificate
            .seal(format, now(), &plaintext[..], &mut message, &mut |at| {
                sealing.push(at)
            })
            .expect("sealed");
        key.unseal(Cursor::new(&message), Vec::new(), &mut |at| {
            opening.push(at)
        })
        .expect("opened");
        assert!(sealing.len() > 3 && sealing.is_sorted() && opening.is_sorted());
        assert_eq!(opening.last(), Some(&(plaintext.len() as u64)));
        // What is sealed is counted with the headers of the parts.
        let counted = sealing.last().expect("some") - plaintext.len() as u64;
        assert!(counted < 100, "{counted}");
    }
}

#[test]
fn a_message_is_read_from_where_the_input_stands() {
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    for message in [
        seal(&key.certificate(), Format::Gpg, b"text"),
        gpg.encrypt(key, &["--armor"], b"text"),
    ] {
        let mut input = Cursor::new([b"before", &message[..]].concat());
        input.set_position(6);
        let mut out = Vec::new();
        key.unseal(&mut input, &mut out, &mut |_| {})
            .expect("opened");
        assert_eq!(out, b"text");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_read_in_any_pieces_comes_back(
        size in prop_oneof![0usize..700, 0usize..(4 * PART), (PART - 40)..(PART + 40)],
        pieces in prop::collection::vec(0usize..100_000, 1..8),
        modern in any::<bool>(),
        v6 in any::<bool>(),
    ) {
        prop_assume!(pieces.iter().any(|piece| *piece > 500));
        let format = if modern || v6 { Format::Modern } else { Format::Gpg };
        let key = key(if v6 { Profile::V6 } else { Profile::Modern });
        let plaintext = data(size);
        let input = InPieces { rest: &plaintext, sizes: pieces, at: 0 };
        let message = try_seal(&key.certificate(), format, input).unwrap();
        let (opened, said) = unseal(key, &message).unwrap();
        prop_assert!(opened == plaintext && said.bytes == size as u64);
        prop_assert!(by_library(to_library(key), &message) == plaintext);
    }
}
