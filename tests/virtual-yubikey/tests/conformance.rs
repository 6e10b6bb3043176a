//! The `yubikey` crate's own integration tests, written for real devices, against virtual ones.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use virtual_yubikey::{Pcscd, Token, Version};

/// They are all ignored unless asked for, since they want a device.
#[allow(warnings, clippy::all, reason = "included as they were published")]
mod upstream {
    include!(concat!(env!("OUT_DIR"), "/yubikey_integration.rs"));
}

/// What each of them comes to: nothing, or what it says when it fails.
///
/// One can't pass, on a real device neither: `generate_self_signed_cv_cert`. On firmware 5.4 there
/// is no Ed25519. On 5.7 the crate has the device sign the SHA-512 hash of the certificate instead
/// of the certificate (`KeyType::prepare` for Ed25519 in its `certificate.rs`), which is another
/// signature than RFC 8410 wants and than the test checks. So Ed25519 through that interface is
/// not to be used; the raw operation, `piv::sign_data`, is right (`through_pcscd.rs`).
fn expected(version: Version) -> BTreeMap<&'static str, Option<&'static str>> {
    let passes = [
        "generate_rsa3072",
        "generate_self_signed_ec_cert",
        "generate_self_signed_rsa_cert",
        "test_get_cccid",
        "test_get_chuid",
        "test_get_config",
        "test_list_keys",
        "test_parse_cert_from_der",
        "test_read_metadata",
        "test_read_metadata_missing_key",
        "test_set_mgmkey",
        "test_slot_id_display",
        "test_verify_pin",
    ];
    let mut all = BTreeMap::from(passes.map(|test| (test, None)));
    let fails = if version == Version::V5_4 {
        "AlgorithmError"
    } else {
        "pubkey.verify(msg, &sig).is_ok()"
    };
    all.insert("generate_self_signed_cv_cert", Some(fails));
    all
}

fn conforms(version: Version) {
    let service = Pcscd::start().unwrap_or_else(|error| panic!("{error} {error:?}"));
    let [mut reader, _] = service.readers();
    reader
        .insert(&Token::with_own_root(1001, version).shared())
        .unwrap();
    // One after the other, since they share one token; each in its own process, since one that
    // panics with the token in its hand fails the next.
    for (test, fails) in expected(version) {
        let (passed, log) = run(test, &service);
        match fails {
            None => assert!(passed, "{test} fails:\n{log}"),
            Some(why) => assert!(
                !passed && log.contains(why),
                "{test} no longer says {why}:\n{log}"
            ),
        }
    }
}

fn run(test: &str, service: &Pcscd) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let output = std::fs::File::create(&log).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            &format!("upstream::{test}"),
            "--exact",
            "--ignored",
            "--test-threads=1",
        ])
        .env("PCSCLITE_CSOCK_NAME", service.socket())
        .env("YUBIKEY_SERIAL", "1001")
        .env_remove("RUST_LOG")
        .current_dir(env!("YUBIKEY_SOURCE"))
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.success(), std::fs::read_to_string(&log).unwrap());
        }
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!(
                "{test} does not end:\n{}",
                std::fs::read_to_string(&log).unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn firmware_5_4_conforms() {
    conforms(Version::V5_4);
}

#[test]
fn firmware_5_7_conforms() {
    conforms(Version::V5_7);
}

/// A test that upstream adds, or renames, is noticed.
#[test]
fn no_upstream_test_is_left_out() {
    let list = Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--ignored"])
        .output();
    let list = String::from_utf8(list.unwrap().stdout).unwrap();
    let mut found: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_prefix("upstream::")?.strip_suffix(": test"))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        expected(Version::V5_4).into_keys().collect::<Vec<_>>()
    );
}
