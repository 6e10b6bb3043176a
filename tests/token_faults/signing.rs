//! An operator whose YubiKey is known, at the roll call and at each signature.

use ceremony::driver::Outcome;
use ceremony::openpgp::{TokenCertificate, TokenKeys};
use ceremony::role::Role;
use ceremony::verify::Completion;
use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{ALICE, ALICES_PIN, ALICES_PUK, Desk, Sat, alone};
use crate::plans;
use crate::set_up;
use crate::sweep::{self, Share, Sweep, garbled, pulled};
use crate::table::row;

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

fn known(desk: &Desk, version: Version) -> SharedToken {
    let token = desk.token(ALICE, version);
    let certificate = ready(&token, ALICES_PIN, ALICES_PUK);
    pins_a(desk, ALICE, &certificate);
    token
}

fn closed(desk: &Desk, token: &SharedToken, sat: &Sat) {
    assert!(sat.ended.is(Outcome::Closed), "{sat}");
    assert_eq!(token.lock().tries_left().1, 3, "{sat}");
    desk.assert_verifies(Completion::Closed);
}

fn swept(desk: &Desk, version: Version, part: usize, fault: &dyn Fn(usize) -> Fault) -> Sat {
    let sweep = Sweep {
        plan: &plans::small(""),
        version,
        until_step: None,
        share: Share { part, of: 2 },
        ready: &known,
        fault,
        after: &closed,
    };
    sweep::run(desk, &sweep)
}

macro_rules! at_each_command {
    ($($name:ident: $version:expr, $part:expr, $fault:expr, $row:ident;)*) => {$(
        #[test]
        fn $name() {
            alone(module_path!(), stringify!($name), |desk| {
                let sat = swept(desk, $version, $part, &$fault);
                $row(&sat);
            });
        }
    )*};
}

at_each_command! {
    pulled_at_each_command_5_4_part_1: Version::V5_4, 0, |at| pulled(at, true), row_pulled;
    pulled_at_each_command_5_4_part_2: Version::V5_4, 1, |at| pulled(at, true), row_pulled;
    pulled_at_each_command_5_7_part_1: Version::V5_7, 0, |at| pulled(at, false), row_pulled;
    pulled_at_each_command_5_7_part_2: Version::V5_7, 1, |at| pulled(at, false), row_pulled;
    garbled_at_each_command_5_4_part_1: Version::V5_4, 0, |at| garbled(at, 0), row_garbled;
    garbled_at_each_command_5_4_part_2: Version::V5_4, 1, |at| garbled(at, 0), row_garbled;
    garbled_at_each_command_5_7_part_1: Version::V5_7, 0, |at| garbled(at, 5), row_garbled;
    garbled_at_each_command_5_7_part_2: Version::V5_7, 1, |at| garbled(at, 5), row_garbled;
}

fn row_pulled(sat: &Sat) {
    row(
        "2.1",
        "YubiKey pulled out at any command of the roll call or of a signature, before or after the \
         command took effect",
        sat,
        &[
            "Not signed: the YubiKey was pulled out, or lost contact.",
            "Plug it in again. Nothing is lost; what was under way is done anew.",
            "Operator A, press Enter to try again; `!` stops",
        ],
        "PIN and touch once more; the signature is good; no try is lost",
    );
}

fn row_garbled(sat: &Sat) {
    row(
        "2.2",
        "an answer that makes no sense, or a refusal without a reason, at any command of the roll \
         call or of a signature",
        sat,
        &[
            "Not signed: the YubiKey refused.",
            "Pull it out, plug it in and try again. If it happens again, use another YubiKey.",
        ],
        "as 2.1",
    );
}
