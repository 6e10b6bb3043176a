use super::roots::certificates;
use super::*;

/// A real YubiKey's attestation of a key in 9c: firmware 5.7.4, published by its owner.
const REAL: &str = include_str!("../../tests/attestation/yubikey-5.7.4.pem");

fn real() -> (Vec<Vec<u8>>, Point) {
    let chain = certificates(REAL);
    let leaf = Link::read(&chain[0]).expect("a certificate");
    let Some(RawKeyOf::P256(point)) = leaf.key() else {
        panic!("a key on P-256")
    };
    (chain, point.try_into().expect("an uncompressed point"))
}

/// The fingerprints were found in two or three independent places each, and match what is embedded.
#[test]
fn what_is_embedded_is_what_yubico_publishes() {
    let digest = |der: &Vec<u8>| Digest::of(der).to_string();
    let pinned: Vec<_> = certificates(include_str!("roots.pem"))
        .iter()
        .map(digest)
        .collect();
    assert_eq!(
        pinned,
        [
            "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
            "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8"
        ]
    );
    let below: Vec<_> = roots::below().iter().map(digest).collect();
    assert_eq!(
        below,
        [
            "d4cc3f456fdaf4e7812a21aab1dfe9d8e27d24e2fd2d6f21c9940109f0daa754",
            "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052",
            "0c90b7d184a36edf50a35f9be935f0c5689bfdcfe5bdd073366cafb49061a440",
            "4698a1d3389c3ec60016c216250f1d0439922832d65142327436376dc2942b55",
            "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870"
        ]
    );
    for authority in roots::below() {
        let authority = Link::read(&authority).expect("a certificate");
        assert!(authority.is_authority());
        let root = root_above(authority).expect("a known root");
        assert_eq!(root, "CN=Yubico Attestation Root 1");
    }
    for root in certificates(include_str!("roots.pem")) {
        let root = Link::read(&root).expect("a certificate");
        assert!(root.is_authority() && root.was_made_by(&root));
    }
}

#[test]
fn a_real_attestation_is_genuine() {
    let (chain, point) = real();
    let Ok(Attestation::Genuine { attested, root }) = verify(&chain, Slot::Signature, &point)
    else {
        panic!("it is genuine")
    };
    assert_eq!(root, "CN=Yubico Attestation Root 1");
    assert_eq!(attested.firmware, Firmware(5, 7, 4));
    assert_eq!(attested.form(), "USB-C keychain");
    assert!(attested.pin_always && attested.touch_always);
}

#[test]
fn another_slot_or_key_is_refused() {
    let (chain, point) = real();
    assert!(matches!(
        verify(&chain, Slot::Decryption, &point),
        Err(AttestationError::OtherSlot)
    ));
    let mut other = point;
    other[64] ^= 1;
    assert!(matches!(
        verify(&chain, Slot::Signature, &other),
        Err(AttestationError::OtherKey)
    ));
    for chain in [vec![], vec![chain[0].clone()], vec![chain[0].clone(); 7]] {
        assert!(matches!(
            verify(&chain, Slot::Signature, &point),
            Err(AttestationError::Length(_))
        ));
    }
    let twice = vec![chain[0].clone(), chain[0].clone()];
    assert!(matches!(
        verify(&twice, Slot::Signature, &point),
        Err(AttestationError::NotAnAuthority(1))
    ));
}

/// Every bit of both certificates: never genuine, never a crash.
#[test]
fn no_changed_bit_is_genuine() {
    let (chain, point) = real();
    for which in 0..chain.len() {
        for bit in 0..chain[which].len() * 8 {
            let mut bad = chain.clone();
            bad[which][bit / 8] ^= 1 << (bit % 8);
            let judged = verify(&bad, Slot::Signature, &point);
            assert!(
                !matches!(judged, Ok(Attestation::Genuine { .. })),
                "certificate {which}, bit {bit}"
            );
        }
        for length in 0..chain[which].len() {
            let mut bad = chain.clone();
            bad[which].truncate(length);
            assert!(matches!(
                verify(&bad, Slot::Signature, &point),
                Err(AttestationError::Malformed(_))
            ));
        }
    }
}

#[test]
fn two_numbers_are_read_strictly() {
    assert_eq!(
        two_numbers(&[0x30, 6, 2, 1, 1, 2, 1, 2]),
        Some((vec![1], vec![2]))
    );
    for bad in [
        &[][..],
        &[0x30, 6, 2, 1, 1, 2, 1],
        &[0x30, 6, 2, 1, 1, 2, 1, 2, 0],
        &[0x30, 3, 2, 1, 1],
        &[0x30, 6, 2, 1, 0xff, 2, 1, 2],
        &[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3],
    ] {
        assert_eq!(two_numbers(bad), None, "{bad:02x?}");
    }
}
