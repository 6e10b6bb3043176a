//! An operator whose YubiKey is known, at the roll call and at each signature.

use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{Desk, Sat, alone, in_parts};
use crate::known::{pinned, pinned_and_in};
use crate::people::People;
use crate::plans;
use crate::sweep::{self, DESKS, Sweep};
use crate::table::row;

fn closed(desk: &Desk, token: &SharedToken, sat: &Sat) {
    desk.assert_closed(sat);
    assert_eq!(token.lock().tries_left().1, 3, "{sat}");
}

fn swept(test: &str, version: Version, fault: fn(usize) -> Fault, row: fn(&Sat)) {
    in_parts(module_path!(), test, DESKS, |desk, part| {
        let sweep = Sweep {
            plan: &plans::small(""),
            version,
            until_step: None,
            first: sweep::first(version, part),
            ready: &pinned,
            fault: &fault,
            after: &closed,
        };
        row(&sweep::run(desk, &sweep));
    });
}

#[test]
fn pulled_at_each_command_5_4() {
    let test = "pulled_at_each_command_5_4";
    swept(test, Version::V5_4, sweep::pulled, row_pulled);
}

#[test]
fn pulled_at_each_command_5_7() {
    let test = "pulled_at_each_command_5_7";
    swept(test, Version::V5_7, sweep::pulled, row_pulled);
}

#[test]
fn garbled_at_each_command_5_4() {
    let test = "garbled_at_each_command_5_4";
    swept(test, Version::V5_4, sweep::garbled, |_| {});
}

#[test]
fn garbled_at_each_command_5_7() {
    let test = "garbled_at_each_command_5_7";
    swept(test, Version::V5_7, sweep::garbled, |_| {});
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

#[test]
fn it_refuses_to_sign() {
    alone(module_path!(), "it_refuses_to_sign", |desk| {
        const VERIFY: u8 = 0x20;
        let token = pinned_and_in(desk, Version::V5_4);
        token.lock().fault_on(VERIFY, Fault::Status(0x6f00));
        let sat = desk.holds(&plans::small(""), People::one_token());
        desk.assert_closed(&sat);
        row(
            "2.2",
            "an answer that makes no sense, or a refusal without a reason, at any command of the \
             roll call or of a signature",
            &sat,
            &[
                "Not signed: the YubiKey refused.",
                "Pull it out, plug it in and try again. If it happens again, use another YubiKey.",
            ],
            "as 2.1",
        );
    });
}
