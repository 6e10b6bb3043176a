//! Every truncation and every flipped bit of small messages, from us, GnuPG and the library.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod seal_support;

use ceremony::openpgp::{Format, Profile, SecretKey, UnsealError};
use proptest::prelude::*;
use seal_support::*;

const TEXT: &[u8] = b"The quick brown fox";

/// What became of the tries.
#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    not_a_message: usize,
    not_for_this_key: usize,
    altered: usize,
    unsupported: usize,
    unprotected: usize,
    /// The bits (byte, bit) that may be flipped.
    opened: Vec<(usize, u8)>,
}

impl Tally {
    fn try_one(&mut self, key: &SecretKey, message: &[u8], flipped: (usize, u8)) {
        self.tried += 1;
        match unseal(key, message) {
            Ok((plaintext, _)) => {
                assert_eq!(plaintext, TEXT, "opened to something else: {flipped:?}");
                self.opened.push(flipped);
            }
            Err(UnsealError::NotAMessage(_)) => self.not_a_message += 1,
            Err(UnsealError::NotForThisKey) => self.not_for_this_key += 1,
            Err(UnsealError::Altered(_)) => self.altered += 1,
            Err(UnsealError::Unsupported(_)) => self.unsupported += 1,
            Err(UnsealError::Unprotected) => self.unprotected += 1,
            Err(error) => panic!("{flipped:?}: {error:?}"),
        }
    }
}

fn flip_all(key: &SecretKey, message: &[u8], bytes: impl Iterator<Item = usize>) -> Tally {
    let mut tally = Tally::default();
    let mut changed = message.to_vec();
    for at in bytes {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            tally.try_one(key, &changed, (at, bit));
            changed[at] ^= 1 << bit;
        }
    }
    tally
}

fn cut_all(key: &SecretKey, message: &[u8]) {
    for size in 0..message.len() {
        let opened = unseal(key, &message[..size]);
        assert!(
            matches!(
                opened,
                Err(UnsealError::Altered(_) | UnsealError::NotAMessage(_))
            ),
            "{size} of {}: {opened:?}",
            message.len()
        );
    }
    for more in [&b"\0"[..], b"\n", b"\xca\x03PGP", message] {
        let longer = [message, more].concat();
        assert!(unseal(key, &longer).is_err(), "{more:?} may follow");
    }
}

/// X25519 does not look at the highest bit of a point (RFC 7748, section 5), and the older way to
/// encrypt a session key with it (ECDH, RFC 9580, 11.5) does not hash the point: flipped, the
/// message is the same message. The point's last byte stands behind the packet's header (2),
/// version (1), what names the key, the algorithm (1), a length (2), a prefix (1) and 31 bytes.
fn highest_bit_of_the_point(naming: usize) -> (usize, u8) {
    (2 + 1 + naming + 1 + 2 + 1 + 31, 7)
}

#[test]
fn every_cut_and_every_flipped_bit_of_ours_is_refused() {
    for (profile, format, naming) in [
        (Profile::Modern, Format::Gpg, Some(8)),
        (Profile::Modern, Format::Modern, Some(1 + 1 + 20)),
        (Profile::V6, Format::Modern, None),
    ] {
        let key = key(profile);
        let message = seal(&key.certificate(), format, TEXT);
        cut_all(key, &message);
        let tally = flip_all(key, &message, 0..message.len());
        println!("{profile:?} {format:?}: {} cuts, {tally:?}", message.len());
        let same: Vec<_> = naming.map(highest_bit_of_the_point).into_iter().collect();
        assert_eq!(tally.tried, 8 * message.len());
        assert_eq!(tally.opened, same, "{profile:?} {format:?}");
    }
}

#[test]
fn every_flipped_bit_of_an_rsa_message_is_refused() {
    let key = key(Profile::Rsa4096);
    for format in FORMATS {
        let message = seal(&key.certificate(), format, TEXT);
        // An RSA key is slow. Inside its number all bits are alike, and what follows is as above.
        let bytes = (0..40).chain((40..540).step_by(64));
        let tally = flip_all(key, &message, bytes);
        println!("RSA {format:?}: {tally:?}");
        assert_eq!(tally.opened, []);
    }
}

#[test]
fn every_cut_and_every_flipped_bit_of_gpgs_is_refused() {
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    for options in [&["-z", "0"][..], &[], &["--compress-algo", "zlib"]] {
        let message = gpg.encrypt(key, options, TEXT);
        cut_all(key, &message);
        let tally = flip_all(key, &message, 0..message.len());
        println!("gpg {options:?}: {} cuts, {tally:?}", message.len());
        assert_eq!(tally.opened, [highest_bit_of_the_point(8)], "{options:?}");
    }
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_signed_message_is_refused() {
    // The library reads these.
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    let message = gpg.encrypt(key, &["--sign", "-z", "0"], TEXT);
    cut_all(key, &message);
    let tally = flip_all(key, &message, 0..message.len());
    println!("signed: {} cuts, {tally:?}", message.len());
    assert_eq!(tally.opened, [highest_bit_of_the_point(8)]);
}

#[test]
fn what_is_not_protected_or_not_encrypted_is_refused() {
    let key = key(Profile::Modern);
    let gpg = Gpg::with(key);
    // The old kind: gpg makes it only for a cipher with blocks of 8 bytes, and when asked to.
    let old = gpg.encrypt(
        key,
        &[
            "--rfc2440",
            "--cipher-algo",
            "CAST5",
            "--ignore-mdc-error",
            "--disable-mdc",
        ],
        TEXT,
    );
    let kind = |message: &[u8]| unseal(key, message).expect_err("refused");
    let refused = kind(&old);
    assert!(
        matches!(
            refused,
            UnsealError::Unprotected | UnsealError::Unsupported(_)
        ),
        "{refused:?}"
    );
    let signed = gpg.run(&["--sign"], TEXT).stdout;
    assert!(!signed.is_empty());
    for none in [
        &b""[..],
        b"text",
        &signed,
        &gpg.run(&["--armor", "--sign"], TEXT).stdout,
        &gpg.run(&["--clearsign"], TEXT).stdout,
        &gpg.run(&["--store"], TEXT).stdout,
        &gpg.run(&["--armor", "--store"], TEXT).stdout,
        &key.certificate().armored(None),
        b"-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n",
    ] {
        let refused = kind(none);
        assert!(
            matches!(refused, UnsealError::NotAMessage(_)),
            "{refused:?}"
        );
    }
    let stranger = SecretKey::generate(Profile::Modern, "other", None, now() - 5).expect("a key");
    for options in [&["-z", "0"][..], &["--armor"], &["--throw-keyids"]] {
        let message = gpg.encrypt(key, options, TEXT);
        let refused = unseal(&stranger.key, &message).expect_err("refused");
        assert!(
            matches!(refused, UnsealError::NotForThisKey),
            "{options:?}: {refused:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        begin in prop::sample::select(&[0x00u8, 0x85, 0xc1, 0xc3, 0xc8, 0xca, 0xcb, 0xd2, 0xd4, 0xd5]),
    ) {
        let key = key(Profile::Modern);
        prop_assert!(unseal(key, &bytes).is_err());
        prop_assert!(unseal(key, &[&[begin], &bytes[..]].concat()).is_err());
    }

    #[test]
    fn what_is_overwritten_is_refused_or_the_same(
        modern in any::<bool>(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let key = key(Profile::Modern);
        let format = if modern { Format::Modern } else { Format::Gpg };
        let mut message = seal(&key.certificate(), format, TEXT);
        let at = at.index(message.len());
        let end = message.len().min(at + bytes.len());
        let whole = message.clone();
        message[at..end].copy_from_slice(&bytes[..end - at]);
        match unseal(key, &message) {
            Ok((plaintext, _)) => prop_assert_eq!(plaintext, TEXT),
            Err(_) => prop_assert!(message != whole),
        }
    }
}
