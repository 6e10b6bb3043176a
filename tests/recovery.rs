//! The backup is opened as RECOVERY.txt says, with stock gpg at a terminal, by every quorum
//! and by nobody else. The commands that are run here are the printed ones, byte for byte.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod shell;

use std::fs;
use std::path::Path;

use ceremony::backup::quorum::Custodian;
use ceremony::openpgp::{DecryptError, SecretKey, decrypt_with_password};
use ceremony::secret::SecretBytes;

use held::{Backup, Held, need, text};
use shell::{Gpg, Printed, Shell};

const TWO_OF_THREE_ABSENT: Backup = Backup {
    profile: "rsa4096",
    custodians: "ABC",
    threshold: 2,
    absent: "C",
};

fn modern(custodians: &'static str, threshold: usize) -> Backup {
    Backup {
        profile: "modern",
        custodians,
        threshold,
        absent: "",
    }
}

#[test]
fn rsa_two_of_three_with_an_absent_custodian() {
    let held = Held::new(TWO_OF_THREE_ABSENT);
    every_quorum_recovers(&held);
    every_layer_opens_for_its_owner_alone(&held, "");
    every_layer_opens_for_its_owner_alone(&held, "revocation/");
}

#[test]
fn modern_two_of_two() {
    let held = Held::new(modern("AB", 2));
    every_quorum_recovers(&held);
    every_layer_opens_for_its_owner_alone(&held, "");
    every_layer_opens_for_its_owner_alone(&held, "revocation/");
    gpg_too_refuses_a_single_person(&held);
}

#[test]
fn modern_three_of_three() {
    let held = Held::new(modern("ABC", 3));
    every_quorum_recovers(&held);
    every_layer_opens_for_its_owner_alone(&held, "");
}

#[test]
fn modern_three_of_five() {
    let held = Held::new(modern("ABCDE", 3));
    every_quorum_recovers(&held);
    every_layer_opens_for_its_owner_alone(&held, "");
}

/// gpg 2.2 opens the backup of a key that it cannot use; the library takes the bytes.
#[test]
fn version_six_is_recovered_as_bytes() {
    let backup = Backup {
        profile: "v6",
        ..modern("AB", 2)
    };
    let held = Held::new(backup);
    need(&["gpg", "gpgconf"]);
    let printed = Printed::of(&held);
    let mut shell = Shell::start(&held.medium("secret-1"));
    shell.run_all(&held, &printed.prepare);
    shell.run_all(&held, printed.section("With the words of A and B"));
    let recovered = fs::read(shell.home().join("key.asc")).expect("the commands wrote it");
    assert!(
        recovered == held.payload("").expose(),
        "gpg's are the library's bytes"
    );
    let imported = Gpg(shell.home()).run(&["--import", "key.asc"], b"");
    assert!(!imported.0, "RECOVERY.txt says that gpg cannot use it");
    let key = SecretKey::from_bytes(&SecretBytes::from_vec(recovered)).expect("a secret key");
    let fingerprint = key.certificate().fingerprint().to_string();
    assert_eq!(fingerprint, held.recorded("generated", "fingerprint"));
    shell.run_all(&held, printed.section("Then, with the key"));
    assert!(!shell.home().exists(), "the last command removes the place");
}

/// Key and revocation certificate, by the printed commands, with the words typed at gpg's prompts.
fn every_quorum_recovers(held: &Held) {
    need(&["gpg", "gpgconf"]);
    let fingerprint = held.recorded("generated", "fingerprint").to_uppercase();
    let printed = Printed::of(held);
    let quorums = held.backup.quorums();
    let mut first: Option<(Vec<u8>, Vec<u8>)> = None;
    for (at, quorum) in quorums.iter().enumerate() {
        let letters: Vec<String> = quorum.custodians().iter().map(|c| c.to_string()).collect();
        let named = letters.join(" and ");
        let medium = held.medium(["secret-1", "secret-2"][at % 2]);
        let mut shell = Shell::start(&medium);
        shell.run_all(held, &printed.prepare);
        shell.run_all(held, printed.section(&format!("With the words of {named}")));
        let title = format!("The revocation certificate, with the words of {named}");
        shell.run_all(held, printed.section(&title));
        let key = fs::read(shell.home().join("key.asc")).expect("the commands wrote it");
        let revocation = fs::read(shell.home().join("revocation.asc")).expect("likewise");

        let (use_it, clear) = printed.section("Then, with the key").split_at(2);
        let said = shell.run_all(held, use_it);
        assert!(
            said.replace(' ', "").contains(&fingerprint),
            "{quorum}: {said}"
        );
        the_restored_key_works(held, &shell.home(), &fingerprint);
        the_certificate_is_revoked_by(held, &revocation);
        shell.run_all(held, clear);
        assert!(!shell.home().exists(), "the last command removes the place");

        let (same_key, same_revocation) = first.get_or_insert((key.clone(), revocation.clone()));
        assert!(
            *same_key == key,
            "{quorum} recovers other bytes than {}",
            quorums[0]
        );
        assert!(
            *same_revocation == revocation,
            "{quorum}: another revocation"
        );
    }
    let (key, revocation) = first.expect("there are quorums");
    for (what, armored) in [("key", &key), ("revocation", &revocation)] {
        let text = String::from_utf8_lossy(armored);
        assert!(text.contains("\nComment: REHEARSAL\n"), "{what} is marked");
    }
    assert!(
        key == held.payload("").expose(),
        "gpg's are the library's bytes"
    );
    assert!(revocation == held.payload("revocation/").expose());
}

fn the_restored_key_works(held: &Held, home: &Path, fingerprint: &str) {
    let recovery = Gpg(home.to_path_buf());
    let (listed, colons) = recovery.run(&["--list-secret-keys", "--with-colons"], b"");
    assert!(listed && colons.contains(fingerprint), "{colons}");

    // The far end: only the certificate from the public medium is known there.
    let far = tempfile::tempdir().expect("a folder");
    let public = Gpg(far.path().to_path_buf());
    let certificate = held.medium("public").join("certificate.asc");
    let certificate = certificate.to_str().expect("ASCII");
    assert!(public.run(&["--import", certificate], b"").0);
    let backup = b"one night's backup\n";
    let sealed = far.path().join("sealed");
    let sealed = sealed.to_str().expect("ASCII");
    let encrypt = [
        "--trust-model",
        "always",
        "-r",
        fingerprint,
        "--output",
        sealed,
        "--encrypt",
    ];
    assert!(public.run(&encrypt, backup).0, "gpg encrypts to it");
    let (opened, plain) = recovery.run(&["--decrypt", sealed], b"");
    assert!(
        opened && plain.starts_with("one night's backup\n"),
        "{plain}"
    );

    let (document, signature) = (far.path().join("d"), far.path().join("d.sig"));
    fs::write(&document, backup).expect("the folder is writable");
    let (document, signature) = (document.to_str(), signature.to_str());
    let (document, signature) = (document.expect("ASCII"), signature.expect("ASCII"));
    let sign = ["--output", signature, "--detach-sign", document];
    assert!(recovery.run(&sign, b"").0, "the restored key signs");
    let (verified, status) = public.run(&["--verify", signature, document], b"");
    assert!(
        verified && status.contains(&format!("VALIDSIG {fingerprint}")),
        "{status}"
    );
    public.stop();
}

fn the_certificate_is_revoked_by(held: &Held, revocation: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let gpg = Gpg(home.path().to_path_buf());
    let certificate = held.file("public", "certificate.asc");
    assert!(gpg.run(&["--import"], &certificate).0);
    let validity = |gpg: &Gpg| {
        let (_, colons) = gpg.run(&["--list-keys", "--with-colons"], b"");
        let line = colons.lines().find(|line| line.starts_with("pub:"));
        line.expect("one key").split(':').nth(1).map(str::to_string)
    };
    assert_ne!(validity(&gpg).as_deref(), Some("r"), "not revoked before");
    let (imported, said) = gpg.run(&["--import"], revocation);
    assert!(imported, "{said}");
    assert_eq!(validity(&gpg).as_deref(), Some("r"));
    gpg.stop();
}

/// Each layer of each capsule is opened by one person's words, and the payload by nobody's. So a
/// set that lacks one member of each quorum opens nothing, whatever its members peel off.
fn every_layer_opens_for_its_owner_alone(held: &Held, folder: &str) {
    let mut known: Vec<(Option<Custodian>, String)> = Vec::new();
    for custodian in held.backup.people() {
        let words = held.words(custodian);
        let all: Vec<&str> = words.split(' ').collect();
        if held.backup.absent.contains(custodian.letter()) {
            let (one, two) = (all[..12].join(" "), all[12..].join(" "));
            known.push((None, format!("{two} {one}")));
            known.extend([(None, one), (None, two)]);
        }
        known.push((Some(custodian), words));
    }
    let payload = held.file("secret-1", &format!("{folder}payload.asc"));
    for (whose, words) in &known {
        let opened = decrypt_with_password(&payload, &text(words));
        assert!(is_refused(&opened), "{whose:?} opens the payload");
    }
    for quorum in held.backup.quorums() {
        let mut layer = held.file("secret-1", &format!("{folder}{}", quorum.file_name()));
        for owner in quorum.custodians().iter().rev() {
            let mut inside = None;
            for (whose, words) in &known {
                let opened = decrypt_with_password(&layer, &text(words));
                if *whose == Some(*owner) {
                    inside = Some(opened.expect("the owner's words open it"));
                } else {
                    assert!(
                        is_refused(&opened),
                        "{quorum}: {whose:?} opens {owner}'s layer"
                    );
                }
            }
            layer = inside.expect("the owner was among them").expose().to_vec();
            let innermost = quorum.custodians()[0] == *owner;
            let message = layer.starts_with(b"-----BEGIN PGP MESSAGE-----");
            assert_eq!(message, !innermost, "{quorum}: what is in {owner}'s layer");
        }
        let key = String::from_utf8(layer).expect("K is text");
        assert_eq!(key.trim_end(), held.k(folder).expose(), "{quorum}");
    }
}

fn is_refused(opened: &Result<SecretBytes, DecryptError>) -> bool {
    // A wrong password that by chance looks right at first is found by the MDC.
    matches!(
        opened,
        Err(DecryptError::WrongPassword | DecryptError::Damaged(_) | DecryptError::Form(_))
    )
}

/// The same with the program that people would try it with.
fn gpg_too_refuses_a_single_person(held: &Held) {
    let home = tempfile::tempdir().expect("a folder");
    let gpg = Gpg(home.path().to_path_buf());
    let capsule = held.medium("secret-1").join("AB.asc");
    let payload = held.medium("secret-1").join("payload.asc");
    let [a, b] = ["A", "B"].map(|who| held.paper(&format!("share-{who}.txt")) + "\n");
    let open = |file: &Path, words: &str| {
        let file = file.to_str().expect("ASCII");
        gpg.run(
            &["--passphrase-fd", "0", "--decrypt", file],
            words.as_bytes(),
        )
    };
    assert!(!open(&capsule, &a).0 && !open(&payload, &a).0 && !open(&payload, &b).0);
    let (peeled, inside) = open(&capsule, &b);
    assert!(peeled, "B's layer is the outermost");
    let begin = inside.find("-----BEGIN PGP MESSAGE-----").expect("a layer");
    let end = inside.find("-----END PGP MESSAGE-----").expect("its end");
    let layer = home.path().join("layer");
    fs::write(
        &layer,
        format!("{}-----END PGP MESSAGE-----\n", &inside[begin..end]),
    )
    .expect("the folder is writable");
    assert!(!open(&layer, &b).0, "A's layer is not opened by B");
    assert!(open(&layer, &a).0, "but by A");
    gpg.stop();
}
