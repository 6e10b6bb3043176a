//! The `yubikey` crate, libpcsclite and pcscd as they are, with virtual tokens in the readers.
//! Each test has a pcscd and a process of its own.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use der::{Decode, Encode};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256};
use virtual_yubikey::{
    Algorithm, Authority, Fault, Pcscd, Reader, SharedToken, Token, Touch, Version,
    alone_with_pcscd,
};
use x509_cert::Certificate;
use x509_cert::der;
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, SlotId};
use yubikey::{Error, MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};

const LIMIT: Duration = Duration::from_secs(120);
const SIGNATURE: SlotId = SlotId::Signature;
const DECRYPTION: SlotId = SlotId::KeyManagement;
const PIN: &[u8] = b"123456";
const PUK: &[u8] = b"12345678";

/// Opens a token that may not be there yet.
fn open(serial: u32) -> YubiKey {
    poll(|| YubiKey::open_by_serial(Serial(serial)).ok()).expect("the token is in a reader")
}

fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if let Some(found) = look() {
            return Some(found);
        }
        sleep(Duration::from_millis(20));
    }
    None
}

fn token(serial: u32, version: Version) -> SharedToken {
    Token::with_own_root(serial, version).shared()
}

/// Own PIN, PUK and random management key; P-256 keys in both slots. All default values are gone.
fn provision(yubikey: &mut YubiKey, pin: &[u8], puk: &[u8]) -> [p256::PublicKey; 2] {
    yubikey.change_pin(PIN, pin).unwrap();
    yubikey.change_puk(PUK, puk).unwrap();
    yubikey.verify_pin(pin).unwrap();
    let default = MgmKey::get_default(yubikey).unwrap();
    yubikey.authenticate(&default).unwrap();
    MgmKey::generate_for(yubikey, &mut getrandom::SysRng)
        .unwrap()
        .set_protected(yubikey)
        .unwrap();
    assert_eq!(
        yubikey.authenticate(&default),
        Err(Error::AuthenticationError)
    );

    let protected = MgmKey::get_protected(yubikey).unwrap();
    yubikey.authenticate(&protected).unwrap();
    [SIGNATURE, DECRYPTION].map(|slot| {
        let (algorithm, pin, touch) =
            (AlgorithmId::EccP256, PinPolicy::Always, TouchPolicy::Always);
        let public = piv::generate(yubikey, slot, algorithm, pin, touch).unwrap();
        p256::PublicKey::from_sec1_bytes(public.subject_public_key.raw_bytes()).unwrap()
    })
}

fn sign(yubikey: &mut YubiKey, hash: &[u8]) -> Result<p256::ecdsa::Signature, Error> {
    let signature = piv::sign_data(yubikey, hash, AlgorithmId::EccP256, SIGNATURE)?;
    Ok(p256::ecdsa::Signature::from_der(&signature).expect("a signature"))
}

/// Firmware 5.4 with triple DES and 5.7 with AES-192, from the factory to a signature.
fn provisioned_and_used([mut reader, _]: [Reader; 2], version: Version, default_key: u8) {
    let token = token(1001, version);
    reader.insert(&token).unwrap();
    let mut yubikey = open(1001);
    let Version(major, minor, patch) = version;
    assert_eq!(
        yubikey.version().to_string(),
        format!("{major}.{minor}.{patch}")
    );
    let slot = SlotId::Management(ManagementSlotId::Management);
    let management = piv::metadata(&mut yubikey, slot).unwrap();
    assert_eq!(
        (u8::from(management.algorithm), management.default),
        (default_key, Some(true))
    );

    let [signing, agreeing] = provision(&mut yubikey, b"84736251", b"19283746");
    let management = piv::metadata(&mut yubikey, slot).unwrap();
    assert_eq!(
        (u8::from(management.algorithm), management.default),
        (default_key, Some(false))
    );
    let metadata = piv::metadata(&mut yubikey, SIGNATURE).unwrap();
    assert_eq!(
        metadata.policy,
        Some((PinPolicy::Always, TouchPolicy::Always))
    );
    assert_eq!(metadata.origin, Some(piv::Origin::Generated));

    let hash = Sha256::digest(b"a checkpoint");
    assert_eq!(
        sign(&mut yubikey, &hash).err(),
        Some(Error::AuthenticationError),
        "no PIN"
    );
    yubikey.verify_pin(b"84736251").unwrap();
    let signature = sign(&mut yubikey, &hash).unwrap();
    p256::ecdsa::VerifyingKey::from(signing)
        .verify_prehash(&hash, &signature)
        .unwrap();
    assert_eq!(
        sign(&mut yubikey, &hash).err(),
        Some(Error::AuthenticationError),
        "PIN always"
    );

    let ephemeral = p256::SecretKey::from_slice(&[9; 32]).unwrap();
    yubikey.verify_pin(b"84736251").unwrap();
    let point = ephemeral.public_key().to_sec1_bytes();
    let shared = piv::decrypt_data(&mut yubikey, &point, AlgorithmId::EccP256, DECRYPTION).unwrap();
    let expected = p256::ecdh::diffie_hellman(ephemeral.to_nonzero_scalar(), agreeing.as_affine());
    assert_eq!(shared[..], expected.raw_secret_bytes()[..]);

    let log = format!("{token:?} {:?}", token.lock().log());
    assert!(!log.contains("84736251") && !log.contains("19283746"));
}

#[test]
fn firmware_5_4_is_provisioned_and_used() {
    alone_with_pcscd("firmware_5_4_is_provisioned_and_used", LIMIT, |readers| {
        provisioned_and_used(readers, Version::V5_4, 0x03);
    });
}

#[test]
fn firmware_5_7_is_provisioned_and_used() {
    alone_with_pcscd("firmware_5_7_is_provisioned_and_used", LIMIT, |readers| {
        provisioned_and_used(readers, Version::V5_7, 0x0a);
    });
}

#[test]
fn wrong_pins_block_and_the_puk_unblocks() {
    alone_with_pcscd(
        "wrong_pins_block_and_the_puk_unblocks",
        LIMIT,
        |[mut reader, _]| {
            reader.insert(&token(1001, Version::V5_4)).unwrap();
            let mut yubikey = open(1001);
            for tries in [2, 1, 0, 0] {
                assert_eq!(
                    yubikey.verify_pin(b"000000"),
                    Err(Error::WrongPin { tries })
                );
                assert_eq!(yubikey.get_pin_retries(), Ok(tries));
            }
            assert_eq!(yubikey.verify_pin(PIN), Err(Error::WrongPin { tries: 0 }));
            assert_eq!(
                yubikey.unblock_pin(b"00000000", b"654321"),
                Err(Error::WrongPin { tries: 2 })
            );
            yubikey.unblock_pin(PUK, b"654321").unwrap();
            yubikey.verify_pin(b"654321").unwrap();
            for expected in [
                Error::WrongPin { tries: 2 },
                Error::WrongPin { tries: 1 },
                Error::PinLocked,
            ] {
                assert_eq!(yubikey.unblock_pin(b"00000000", b"654321"), Err(expected));
            }
            assert_eq!(yubikey.unblock_pin(PUK, b"654321"), Err(Error::PinLocked));
            yubikey
                .verify_pin(b"654321")
                .expect("a blocked PUK leaves the PIN alone");
        },
    );
}

/// One certificate checked against the key of the one above.
fn signed_by(certificate: &Certificate, above: &Certificate) -> bool {
    assert_eq!(
        certificate.tbs_certificate().issuer(),
        above.tbs_certificate().subject()
    );
    let hash = Sha256::digest(certificate.tbs_certificate().to_der().unwrap());
    let signature = certificate.signature().raw_bytes();
    let key = above
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .unwrap();
    use p256::pkcs8::DecodePublicKey;
    if let Ok(key) = p256::PublicKey::from_public_key_der(&key) {
        let signature = p256::ecdsa::Signature::from_der(signature).unwrap();
        p256::ecdsa::VerifyingKey::from(key)
            .verify_prehash(&hash, &signature)
            .is_ok()
    } else if let Ok(key) = p384::PublicKey::from_public_key_der(&key) {
        let signature = p384::ecdsa::Signature::from_der(signature).unwrap();
        p384::ecdsa::VerifyingKey::from(key)
            .verify_prehash(&hash, &signature)
            .is_ok()
    } else {
        let key = rsa::RsaPublicKey::from_public_key_der(&key).unwrap();
        key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &hash, signature)
            .is_ok()
    }
}

fn extension(certificate: &Certificate, n: u8) -> Vec<u8> {
    let wanted = format!("1.3.6.1.4.1.41482.3.{n}");
    let extensions = certificate.tbs_certificate().extensions().unwrap();
    let found = extensions
        .iter()
        .find(|extension| extension.extn_id.to_string() == wanted);
    found
        .expect("attestations have all of Yubico's extensions")
        .extn_value
        .as_bytes()
        .to_vec()
}

#[test]
fn attestations_chain_to_their_root_and_say_where_the_key_is() {
    let name = "attestations_chain_to_their_root_and_say_where_the_key_is";
    alone_with_pcscd(name, LIMIT, |[mut one, mut other]| {
        let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
        let stranger = parse(Authority::root("Stranger", Algorithm::P256).certificate());
        // Yubico's older tokens hang from an RSA root, newer ones two authorities lower.
        let old = Authority::root("Old root", Algorithm::Rsa2048);
        let new = Authority::root("New root", Algorithm::P384);
        let below = new.subordinate("New authority", Algorithm::P384);
        let cases = [
            (&mut one, 1001, Version::V5_4, &old, vec![old.certificate()]),
            (
                &mut other,
                0x00ae_17fb,
                Version::V5_7,
                &below,
                vec![below.certificate(), new.certificate()],
            ),
        ];
        for (reader, serial, version, authority, above) in cases {
            let token = Token::new(serial, version, authority).shared();
            reader.insert(&token).unwrap();
            let mut yubikey = open(serial);
            let [signing, _] = provision(&mut yubikey, b"84736251", b"19283746");
            let leaf = parse(&piv::attest(&mut yubikey, SIGNATURE).unwrap());
            let container = yubikey.fetch_object(0x5f_ff01).unwrap();
            let mut chain = vec![leaf, parse(certificate(&container))];
            chain.extend(above.into_iter().map(parse));
            for pair in chain.windows(2) {
                assert!(signed_by(&pair[0], &pair[1]));
            }
            let root = chain.last().unwrap();
            assert!(signed_by(root, root));
            let renamed = stranger.tbs_certificate().subject_public_key_info();
            assert_ne!(root.tbs_certificate().subject_public_key_info(), renamed);

            let leaf = &chain[0];
            let subject = leaf.tbs_certificate().subject().to_string();
            assert_eq!(subject, "CN=YubiKey PIV Attestation 9c");
            let key = leaf.tbs_certificate().subject_public_key_info();
            assert_eq!(
                key.subject_public_key.raw_bytes(),
                &signing.to_sec1_bytes()[..]
            );
            assert_eq!(extension(leaf, 3), [version.0, version.1, version.2]);
            assert_eq!(u32::from_der(&extension(leaf, 7)).unwrap(), serial);
            assert_eq!(extension(leaf, 8), [3, 2], "PIN always, touch always");
            assert_eq!(extension(leaf, 9), [1]);
            assert_eq!(
                leaf.tbs_certificate().validity(),
                chain[1].tbs_certificate().validity()
            );
        }
    });
}

/// The certificate in an object: tag 70, a length of two bytes.
fn certificate(object: &[u8]) -> &[u8] {
    let [0x70, 0x82, high, low, rest @ ..] = object else {
        panic!("{object:02x?}")
    };
    &rest[..usize::from(u16::from_be_bytes([*high, *low]))]
}

#[test]
fn an_imported_key_signs_but_is_not_attested() {
    alone_with_pcscd(
        "an_imported_key_signs_but_is_not_attested",
        LIMIT,
        |[mut reader, _]| {
            reader.insert(&token(1001, Version::V5_4)).unwrap();
            let mut yubikey = open(1001);
            yubikey
                .authenticate(&MgmKey::get_default(&yubikey).unwrap())
                .unwrap();
            let (algorithm, secret) = (AlgorithmId::EccP256, [9; 32]);
            let (touch, pin) = (TouchPolicy::Always, PinPolicy::Always);
            piv::import_ecc_key(&mut yubikey, SIGNATURE, algorithm, &secret, touch, pin).unwrap();
            assert!(piv::attest(&mut yubikey, SIGNATURE).is_err());
            let metadata = piv::metadata(&mut yubikey, SIGNATURE).unwrap();
            assert_eq!(metadata.origin, Some(piv::Origin::Imported));
            yubikey.verify_pin(PIN).unwrap();
            let signature = sign(&mut yubikey, &[5; 32]).unwrap();
            let key = p256::ecdsa::SigningKey::from_slice(&secret).unwrap();
            key.verifying_key()
                .verify_prehash(&[5; 32], &signature)
                .unwrap();
        },
    );
}

#[test]
fn a_token_pulled_in_the_middle_comes_back_with_its_keys_and_without_its_pin() {
    let name = "a_token_pulled_in_the_middle_comes_back_with_its_keys_and_without_its_pin";
    alone_with_pcscd(name, LIMIT, |[mut reader, _]| {
        let token = token(1001, Version::V5_7);
        reader.insert(&token).unwrap();
        let mut yubikey = open(1001);
        let [signing, _] = provision(&mut yubikey, b"84736251", b"19283746");
        for fault in [Fault::Pull, Fault::PullAfter] {
            yubikey.verify_pin(b"84736251").unwrap();
            token.lock().fault_on(0x87, fault);
            assert!(sign(&mut yubikey, &[5; 32]).is_err());
            drop(yubikey);
            assert!(poll(|| YubiKey::open_by_serial(Serial(1001)).err()).is_some());
            reader.insert(&token).unwrap();
            yubikey = open(1001);
            assert_eq!(
                sign(&mut yubikey, &[5; 32]).err(),
                Some(Error::AuthenticationError)
            );
        }
        yubikey.verify_pin(b"84736251").unwrap();
        let signature = sign(&mut yubikey, &[5; 32]).unwrap();
        p256::ecdsa::VerifyingKey::from(signing)
            .verify_prehash(&[5; 32], &signature)
            .unwrap();
    });
}

#[test]
fn garbage_and_wrong_status_words_are_errors_and_pass() {
    alone_with_pcscd(
        "garbage_and_wrong_status_words_are_errors_and_pass",
        LIMIT,
        |[mut reader, _]| {
            let token = token(1001, Version::V5_4);
            reader.insert(&token).unwrap();
            let mut yubikey = open(1001);
            provision(&mut yubikey, b"84736251", b"19283746");
            // Not 90 00 by chance: two bytes are too few for a signature.
            let faults = [
                Fault::Garbage(2),
                Fault::Garbage(60),
                Fault::Status(0x6f00),
                Fault::Status(0x6982),
            ];
            for fault in faults {
                yubikey.verify_pin(b"84736251").unwrap();
                token.lock().fault_on(0x87, fault);
                assert!(sign(&mut yubikey, &[5; 32]).is_err(), "{fault:?}");
            }
            token
                .lock()
                .fault_on(0x87, Fault::Delay(Duration::from_millis(300)));
            yubikey.verify_pin(b"84736251").unwrap();
            sign(&mut yubikey, &[5; 32]).expect("late, but right");
        },
    );
}

#[test]
fn without_a_touch_the_host_waits_and_is_then_refused() {
    alone_with_pcscd(
        "without_a_touch_the_host_waits_and_is_then_refused",
        LIMIT,
        |[mut reader, _]| {
            let token = token(1001, Version::V5_4);
            reader.insert(&token).unwrap();
            let mut yubikey = open(1001);
            provision(&mut yubikey, b"84736251", b"19283746");
            let after = Duration::from_millis(700);
            for (touch, signed) in [
                (Touch::Missing { after }, false),
                (Touch::Given { after }, true),
            ] {
                token.lock().set_touch(touch);
                yubikey.verify_pin(b"84736251").unwrap();
                let begun = Instant::now();
                let outcome = sign(&mut yubikey, &[5; 32]);
                assert!(begun.elapsed() >= after);
                assert_eq!(
                    outcome.err(),
                    (!signed).then_some(Error::AuthenticationError)
                );
            }
        },
    );
}

#[test]
fn two_tokens_are_told_apart_swapped_and_put_in_late() {
    alone_with_pcscd(
        "two_tokens_are_told_apart_swapped_and_put_in_late",
        LIMIT,
        |[mut one, mut two]| {
            let a = token(1001, Version::V5_4);
            let b = token(1002, Version::V5_7);
            assert!(
                YubiKey::open_by_serial(Serial(1001)).is_err(),
                "both readers are empty"
            );
            one.insert(&a).unwrap();
            assert!(one.insert(&b).is_err(), "there is one in it");
            two.insert(&b).unwrap();
            assert_eq!(
                [open(1001), open(1002)].map(|token| token.serial().0),
                [1001, 1002]
            );
            two.remove();
            one.swap(&b).unwrap();
            two.insert(&a).unwrap();
            assert_eq!(
                [open(1001), open(1002)].map(|token| token.serial().0),
                [1001, 1002]
            );
            assert_ne!(open(1001).name(), open(1002).name());
        },
    );
}

#[test]
fn a_saved_token_survives_the_process_that_held_it() {
    alone_with_pcscd(
        "a_saved_token_survives_the_process_that_held_it",
        LIMIT,
        |[mut reader, _]| {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("a.token");
            let new = Token::with_own_root(1001, Version::V5_4);
            std::fs::write(&file, new.to_json()).unwrap();
            let first = reader.insert_saved(&file).unwrap();
            let [signing, _] = provision(&mut open(1001), b"84736251", b"19283746");
            reader.remove();
            drop(first);

            reader.insert_saved(&file).unwrap();
            let mut yubikey = open(1001);
            yubikey.verify_pin(b"84736251").unwrap();
            let signature = sign(&mut yubikey, &[5; 32]).unwrap();
            p256::ecdsa::VerifyingKey::from(signing)
                .verify_prehash(&[5; 32], &signature)
                .unwrap();
            let missing = reader
                .insert_saved(&directory.path().join("none"))
                .unwrap_err();
            assert!(missing.to_string().contains("none"));
        },
    );
}

/// The algorithms that only firmware 5.7 has.
#[test]
fn ed25519_and_x25519_keys_are_used() {
    alone_with_pcscd(
        "ed25519_and_x25519_keys_are_used",
        LIMIT,
        |[mut reader, _]| {
            reader.insert(&token(1001, Version::V5_7)).unwrap();
            let mut yubikey = open(1001);
            yubikey
                .authenticate(&MgmKey::get_default(&yubikey).unwrap())
                .unwrap();
            let mut generate = |slot, algorithm| {
                let (pin, touch) = (PinPolicy::Once, TouchPolicy::Never);
                let public = piv::generate(&mut yubikey, slot, algorithm, pin, touch).unwrap();
                <[u8; 32]>::try_from(public.subject_public_key.raw_bytes()).unwrap()
            };
            let signing = generate(SIGNATURE, AlgorithmId::Ed25519);
            let agreeing = generate(DECRYPTION, AlgorithmId::X25519);
            yubikey.verify_pin(PIN).unwrap();
            let message = b"not hashed before";
            let signature =
                piv::sign_data(&mut yubikey, message, AlgorithmId::Ed25519, SIGNATURE).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
            let signing = ed25519_dalek::VerifyingKey::from_bytes(&signing).unwrap();
            signing.verify_strict(message, &signature).unwrap();

            let own = x25519_dalek::StaticSecret::from([9; 32]);
            let point = *x25519_dalek::PublicKey::from(&own).as_bytes();
            let shared =
                piv::decrypt_data(&mut yubikey, &point, AlgorithmId::X25519, DECRYPTION).unwrap();
            assert_eq!(
                shared[..],
                own.diffie_hellman(&agreeing.into()).as_bytes()[..]
            );
        },
    );
}

#[test]
fn services_do_not_meet_and_end_with_whoever_started_them() {
    let services = [Pcscd::start().unwrap(), Pcscd::start().unwrap()];
    assert_ne!(services[0].socket(), services[1].socket());
    let [mut first, _] = services[0].readers();
    let [mut second, _] = services[1].readers();
    let token = token(1001, Version::V5_4);
    first.insert(&token).unwrap();
    second
        .insert(&token)
        .expect("another service's reader is empty");
    drop(services);
    first.remove();
    assert!(first.insert(&token).is_err());

    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("known-before");
    let late = Pcscd::start_at(&socket).unwrap();
    UnixStream::connect(&socket).unwrap();
    assert!(
        Pcscd::start_at(&socket).is_err(),
        "another one listens there"
    );
    drop(late);
    assert!(!socket.exists());
}

#[test]
fn the_program_keeps_tokens_in_files_and_leaves_no_service_behind_when_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_virtual-yubikey"))
        .args([
            directory.path().join("a-5.4.token"),
            directory.path().join("b.token"),
        ])
        .env("TMPDIR", directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = lines.next().unwrap();
    let socket = first.strip_prefix("export PCSCLITE_CSOCK_NAME=").unwrap();
    let tokens: Vec<_> = lines.by_ref().take(2).collect();
    assert!(
        tokens[0].contains("serial: 10000001, version: Version(5, 4, 3)"),
        "{tokens:?}"
    );
    assert!(
        tokens[1].contains("serial: 10000002, version: Version(5, 7, 4)"),
        "{tokens:?}"
    );
    program
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"remove 1\ninsert 1\nwhat?\n")
        .unwrap();
    assert!(
        lines.next().unwrap().starts_with("remove N"),
        "the commands before have no output"
    );
    UnixStream::connect(socket).expect("the service runs");

    program.kill().unwrap();
    program.wait().unwrap();
    assert!(
        poll(|| UnixStream::connect(socket).err()).is_some(),
        "the service is still there"
    );
    let kept = std::fs::read_to_string(directory.path().join("b.token")).unwrap();
    assert_eq!(Token::from_json(&kept).unwrap().serial(), 10_000_002);
}
