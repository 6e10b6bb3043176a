//! The `yubikey` crate, libpcsclite and pcscd as they are, with virtual tokens in the readers.
//! Each test has a pcscd and a process of its own.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod client;

use client::{DECRYPTION, LIMIT, PIN, PUK, SIGNATURE, open, provision, sign, token};
use der::{Decode, Encode};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256};
use virtual_yubikey::{Algorithm, Authority, Reader, Token, Version, alone_with_pcscd};
use x509_cert::Certificate;
use x509_cert::der;
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, SlotId};
use yubikey::{Error, MgmKey, PinPolicy, TouchPolicy};

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

    let held = token.lock();
    let log = format!("{held:?} {:?}", held.log());
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
