//! Touches, tokens in the wrong place, and readers that come and go.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ceremony::driver::OpenError;
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::plan::Operator::{A, B};
use ceremony::record::value::Decision;
use ceremony::role::Role;
use ceremony::screen::{Asks, Reply};
use virtual_yubikey::{Fault, Touch, Version};

use crate::desk::{ALICE, ALICES_PIN, ALICES_PUK, BOB, BOBS_PIN, BOBS_PUK, CAROL, alone};
use crate::inside::{as_sold, made};
use crate::known::{pinned_and_in, pins_a, ready};
use crate::people::{People, line, secret};
use crate::plans;
use crate::support::Ended;
use crate::table::row;

const VERIFY: u8 = 0x20;
const AUTHENTICATE: u8 = 0x87;

/// PIN and PUK are as sold again; the keys are there.
#[test]
fn nobody_touches_it() {
    alone(module_path!(), "nobody_touches_it", |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        desk.puts(0, &token);
        let missing = || Touch::Missing {
            after: Duration::from_millis(100),
        };
        let late = || Touch::Given {
            after: Duration::from_millis(1500),
        };
        token.lock().set_touch(missing());
        let people = People::one_token()
            // Enrolment: not touched, then touched late.
            .cue(Asks::TokenReady(A), || {
                token.lock().set_touch(late());
                line("")
            })
            .cue(Asks::Pin(A), || {
                token.lock().set_touch(missing());
                secret(ALICES_PIN)
            })
            .cue(Asks::Pin(A), || {
                token.lock().set_touch(late());
                secret(ALICES_PIN)
            });
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!([made(&token, 0x9c), made(&token, 0x9d)], [1, 1]);
        row(
            "4.1",
            "nobody touches it, or late",
            &sat,
            &[
                "Touch 1 of 2: touch your YubiKey now; it blinks for 15 seconds.",
                "Not done: the YubiKey was not touched in time.",
                "The PIN is right. Touch your YubiKey now: it blinks for 15 seconds.",
                "Not signed: the YubiKey was not touched in time.",
                "Try again, and touch the metal when it blinks.",
            ],
            "another chance, with the PIN again at a signature; a late touch counts",
        );
    });
}

#[test]
fn a_token_that_does_not_answer() {
    alone(module_path!(), "a_token_that_does_not_answer", |desk| {
        let token = pinned_and_in(desk, Version::V5_7);
        let limit = Duration::from_millis(1500);
        let tokens = PcscTokens::with_limits(limit, limit);
        desk.tokens.replace(Rc::new(tokens));
        let slow = Fault::Delay(Duration::from_secs(4));
        let people = People::one_token()
            .cue(Asks::Pin(A), || {
                token.lock().fault_on(VERIFY, slow);
                secret(ALICES_PIN)
            })
            .cue(Asks::Pin(A), || {
                token.lock().fault_on(AUTHENTICATE, slow);
                secret(ALICES_PIN)
            })
            .puts_back(|| {
                // As the screen says: out, and in again.
                desk.lets_go(0);
                desk.puts(0, &token);
            });
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        row(
            "4.2",
            "the YubiKey or its reader does not answer (20 seconds; 30 with a touch)",
            &sat,
            &[
                "Not signed: the YubiKey did not answer in time.",
                "Pull the YubiKey out, plug it in again, and try again.",
            ],
            "another chance; the signature is good",
        );
    });
}

#[test]
fn tokens_that_change_places_sign_as_before() {
    let name = "tokens_that_change_places_sign_as_before";
    alone(module_path!(), name, |desk| {
        let tokens = [(ALICE, ALICES_PIN, ALICES_PUK), (BOB, BOBS_PIN, BOBS_PUK)].map(
            |(serial, pin, puk)| {
                let token = desk.token(serial, Version::V5_7);
                ready(&token, pin, puk);
                token
            },
        );
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        let people = People::new()
            .types_unseen(Asks::Pin(A), ALICES_PIN)
            .types_unseen(Asks::Pin(B), BOBS_PIN)
            // At the signature.
            .cue(Asks::Pin(A), || secret(ALICES_PIN))
            .cue(Asks::HeadWritten(A), || {
                desk.pulls(0);
                desk.pulls(1);
                desk.puts(0, &tokens[1]);
                desk.puts(1, &tokens[0]);
                line("A")
            });
        let plan = plans::tokens_only();
        // The head is written by the players; only the swap is added.
        let sat = desk.holds(&plan, people);
        desk.assert_closed(&sat);
        row(
            "4.3",
            "two YubiKeys change their places",
            &sat,
            &["Operator A, type your PIN to sign (3 tries left)"],
            "nothing to see: each is found by its serial number",
        );
    });
}

#[test]
fn one_token_for_both() {
    alone(module_path!(), "one_token_for_both", |desk| {
        let tokens = [ALICE, BOB].map(|serial| desk.token(serial, Version::V5_7));
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        let people = People::new().types(Asks::Serial(B), "10000001");
        let sat = desk.holds(&plans::tokens_only(), people);
        desk.assert_closed(&sat);
        assert_eq!(
            sat.times("That is the other operator's YubiKey."),
            1,
            "{sat}"
        );
        row(
            "4.4",
            "B gives A's YubiKey as their own",
            &sat,
            &[
                "That is the other operator's YubiKey. Each of you signs with your own: two people, \
                 two YubiKeys.",
            ],
            "refused before a PIN is typed",
        );
    });
}

#[test]
fn the_pinned_token_of_one_for_the_other() {
    let name = "the_pinned_token_of_one_for_the_other";
    alone(module_path!(), name, |desk| {
        // A is not pinned and takes B's, which the site names.
        let tokens = [ALICE, BOB].map(|serial| desk.token(serial, Version::V5_7));
        let certificate = ready(&tokens[1], BOBS_PIN, BOBS_PUK);
        pins_a(desk, BOB, &certificate);
        let lines = desk.site.borrow().replace("operator-a", "operator-b");
        desk.site.replace(lines);
        let medium = desk.media.borrow().clone();
        let mut file = None;
        medium.tamper(Role::OperatorA, |device| {
            file = device.remove("alice.asc");
        });
        medium.tamper(Role::OperatorB, |device| {
            device.insert("alice.asc".to_string(), file.expect("it was there"));
        });
        desk.puts(0, &tokens[0]);
        desk.puts(1, &tokens[1]);
        let people = People::new().types(Asks::Serial(A), "10000002");
        let sat = desk.holds(&plans::tokens_only(), people);
        desk.assert_closed(&sat);
        sat.shows(&["That is the other operator's YubiKey."]);

        // A's lines name B's YubiKey: its keys are not those of A's certificate.
        desk.new_media();
        let certificate = ready(&tokens[0], ALICES_PIN, ALICES_PUK);
        pins_a(desk, BOB, &certificate);
        let people = People::one_token()
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), || Reply::Exception)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_aborted(&sat);
        row(
            "4.5",
            "the site pins A, but names B's YubiKey",
            &sat,
            &[
                "Not done: slot 9c has another key than the certificate.",
                "Plug in the YubiKey that belongs to the certificate.",
            ],
            "not accepted; nothing is on the record but the exception",
        );
    });
}

#[test]
fn none_and_the_wrong_one() {
    alone(module_path!(), "none_and_the_wrong_one", |desk| {
        let token = pinned_and_in(desk, Version::V5_4);
        let other = desk.token(CAROL, Version::V5_7);
        let people = People::one_token()
            .cue(Asks::TokenReady(A), || {
                desk.pulls(0);
                line("")
            })
            .cue(Asks::TokenReady(A), || {
                desk.puts(1, &other);
                line("")
            })
            .cue(Asks::TokenReady(A), || {
                desk.puts(0, &token);
                line("")
            });
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        row(
            "4.6",
            "no YubiKey, or the wrong one",
            &sat,
            &[
                "Not done: no YubiKey is plugged in.",
                "Plug in your YubiKey. If it is in, try another port.",
                "Not done: YubiKey 10000001 is not plugged in; found instead: 10000003.",
                "Plug in the right one; the serial number is printed on its back.",
            ],
            "another chance",
        );
    });
}

#[test]
fn a_token_that_comes_late_to_enrolment() {
    let name = "a_token_that_comes_late_to_enrolment";
    alone(module_path!(), name, |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        let late = Cell::new(false);
        let people = People::one_token()
            .cue(Asks::NewPassphrase(A), || secret(""))
            .cue(Asks::NewPassphrase(A), || {
                desk.stop_pcscd();
                secret("")
            })
            .cue(Asks::NewPassphrase(A), || {
                desk.start_pcscd();
                desk.puts(0, &token);
                late.set(true);
                secret("")
            })
            .types(Asks::Serial(A), "99999999")
            .types(Asks::Serial(A), "");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert!(late.get());
        row(
            "4.7",
            "the YubiKey is not plugged in yet, or pcscd does not run yet, at enrolment",
            &sat,
            &[
                "No YubiKey is plugged in.",
                "the smart card service (pcscd) does not run. Start pcscd, or install it (Debian: \
                 apt-get install pcscd).",
                "There is no YubiKey with that number in this machine.",
            ],
            "looked for again at each Enter",
        );
    });
}

#[test]
fn pcscd_dies_and_comes_back() {
    alone(module_path!(), "pcscd_dies_and_comes_back", |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        desk.puts(0, &token);
        let back = || {
            desk.start_pcscd();
            desk.puts(0, &token);
            line("")
        };
        let people = People::one_token()
            // Between the questions of enrolment, and while the PIN for a signature is typed.
            .cue(Asks::SamePin(A), || {
                desk.stop_pcscd();
                secret(ALICES_PIN)
            })
            .cue(Asks::TokenReady(A), back)
            .cue(Asks::Pin(A), || {
                desk.stop_pcscd();
                secret(ALICES_PIN)
            })
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), back);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(as_sold(&token), [false; 3]);
        assert_eq!([made(&token, 0x9c), made(&token, 0x9d)], [1, 1]);
        row(
            "4.8",
            "pcscd dies in the middle, and comes back",
            &sat,
            &[
                "Not done: the smart card service (pcscd) does not run.",
                "Not signed: the smart card service (pcscd) does not run.",
                "Start pcscd, or install it (Debian: apt-get install pcscd).",
            ],
            "another chance, at enrolment and at each signature",
        );
    });
}

#[test]
fn firmware_that_the_plan_refuses() {
    alone(module_path!(), "firmware_that_the_plan_refuses", |desk| {
        let plan = plans::small("operators = \"token\"\nfirmware = \"5.7.0\"\n");
        let old = desk.token(CAROL, Version::V5_4);
        desk.puts(0, &old);
        let sat = desk.holds(&plan, People::new());
        let Ended::Open(OpenError::Preflight(report)) = &sat.ended else {
            panic!("{sat}");
        };
        let text = report.text();
        for part in [
            "YubiKey 10000003 has firmware 5.4.3, too old",
            "no YubiKey that can be used",
        ] {
            assert!(text.contains(part), "{text}");
        }
        // With a good one beside it the ceremony begins; the old one is refused at roll call.
        let [alice, bob] = [ALICE, BOB].map(|serial| desk.token(serial, Version::V5_7));
        desk.puts(1, &alice);
        let people = People::new()
            .types(Asks::Serial(A), "10000003")
            .cue(Asks::Serial(B), || {
                desk.pulls(0);
                desk.puts(0, &bob);
                line("10000002")
            });
        let sat = desk.holds(&plan, people);
        desk.assert_closed(&sat);
        assert_eq!(as_sold(&old), [true; 3], "it was not touched");
        row(
            "4.9",
            "the plan asks for newer firmware",
            &sat,
            &[
                "YubiKey 10000003 has firmware 5.4.3, too old",
                "Firmware can't be renewed: take one with 5.7.0 or newer.",
                "Not done: the YubiKey has firmware 5.4.3; at least 5.7.0 is needed.",
                "Use a newer YubiKey. Firmware can't be renewed.",
            ],
            "preflight refuses where there is no other; at roll call nothing is done to it, and \
             another one may be taken",
        );
    });
}
