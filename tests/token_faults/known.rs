//! Tokens that were set up before, and sites that know them.

use ceremony::openpgp::{TokenCertificate, TokenKeys};
use ceremony::role::Role;
use virtual_yubikey::{SharedToken, Version};

use crate::desk::{ALICE, ALICES_PIN, ALICES_PUK, Desk};
use crate::set_up;

/// A token that was set up before.
pub fn ready(token: &SharedToken, pin: &str, puk: &str) -> TokenCertificate {
    let keys = set_up::set_up(token, pin, puk, TokenKeys::CREATED);
    set_up::certificate(token, pin, &keys, "Operator <operator@example.org>")
}

/// Pins A to it: the lines of the site, and the certificate on A's medium.
pub fn pins_a(desk: &Desk, serial: u32, certificate: &TokenCertificate) {
    let certificate = certificate.certificate();
    desk.site.replace(format!(
        "[operator-a]\nfingerprint = \"{}\"\ntoken = \"{serial}\"\ncertificate = \"alice.asc\"\n",
        certificate.fingerprint()
    ));
    let file = certificate.armored(None);
    let medium = desk.media.borrow();
    medium.tamper(Role::OperatorA, |device| {
        device.insert("alice.asc".to_string(), file);
    });
}

/// A's, and the site pins A to it; in nobody's reader.
pub fn pinned(desk: &Desk, version: Version) -> SharedToken {
    let token = desk.token(ALICE, version);
    let certificate = ready(&token, ALICES_PIN, ALICES_PUK);
    pins_a(desk, ALICE, &certificate);
    token
}

/// The same in a reader.
pub fn pinned_and_in(desk: &Desk, version: Version) -> SharedToken {
    let token = pinned(desk, version);
    desk.puts(0, &token);
    token
}

/// A's, which nobody pins, in a reader.
pub fn used(desk: &Desk, version: Version) -> SharedToken {
    let token = desk.token(ALICE, version);
    ready(&token, ALICES_PIN, ALICES_PUK);
    desk.puts(0, &token);
    token
}
