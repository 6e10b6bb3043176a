//! Tokens that prove nothing of themselves, and slots with somebody's keys.

use ceremony::driver::Outcome;
use ceremony::plan::Operator::A;
use ceremony::record::event::Event;
use ceremony::record::value::Decision;
use ceremony::screen::{Asks, Reply};
use virtual_yubikey::{SharedToken, Version};
use yubikey::piv::{self, AlgorithmId, SlotId};
use yubikey::{MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};

use crate::desk::{ALICE, ALICES_PIN, ALICES_PUK, CAROL, Desk, Sat, alone};
use crate::inside::{as_sold, made, slot};
use crate::known::{pins_a, ready};
use crate::people::People;
use crate::plans;
use crate::table::row;

fn exceptions(desk: &Desk) -> Vec<Decision> {
    let decided = desk.events().into_iter().filter_map(|event| match event {
        Event::Exception { decided } => Some(decided),
        _ => None,
    });
    decided.collect()
}

/// Somebody's own tool at work on a token as it is sold.
fn with_another_tool(work: impl FnOnce(&mut YubiKey)) {
    let mut token = YubiKey::open_by_serial(Serial(ALICE)).expect("it is in a reader");
    let default = MgmKey::get_default(&token).expect("this firmware has one");
    token.authenticate(&default).expect("it is as it was sold");
    work(&mut token);
}

#[test]
fn an_unknown_root_at_enrolment() {
    alone(module_path!(), "an_unknown_root_at_enrolment", |desk| {
        let strange = desk.strange_token(ALICE, Version::V5_7);
        let good = desk.token(CAROL, Version::V5_7);
        desk.puts(0, &strange);
        desk.puts(1, &good);
        let people = People::one_token()
            .types(Asks::Serial(A), "10000001")
            .decide(Decision::TryAgain)
            .types(Asks::Serial(A), "10000003");
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_eq!(exceptions(desk), [Decision::TryAgain]);
        let details = desk.details();
        assert!(details.contains("serial: 10000003") && !details.contains("10000001"));
        assert!(details.contains("nobody known vouches for this token"));
        row(
            "6.1",
            "attestation by an unknown root at enrolment",
            &sat,
            &[
                "Use a YubiKey that you bought from its maker. If it is one, and newer than this \
                 program, a newer version of the program may know its maker's new root.",
                "Expected: the YubiKey shows that its keys were made inside it",
                "Happened: nobody known vouches for this token: it may be an imitation",
            ],
            "refused; an exception of both; nothing on the record claims that token; another one may \
             be taken",
        );
    });
}

#[test]
fn an_unknown_root_that_is_pinned() {
    alone(module_path!(), "an_unknown_root_that_is_pinned", |desk| {
        let strange = desk.strange_token(ALICE, Version::V5_4);
        let certificate = ready(&strange, ALICES_PIN, ALICES_PUK);
        pins_a(desk, ALICE, &certificate);
        desk.puts(0, &strange);
        let people = People::one_token()
            .decide(Decision::TryAgain)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_aborted(&sat);
        assert_eq!(exceptions(desk), [Decision::TryAgain, Decision::Abort]);
        row(
            "6.2",
            "attestation by an unknown root where the operator is pinned",
            &sat,
            &["Happened: nobody known vouches for this token: it may be an imitation"],
            "refused each time; each time an exception; no `token-attested`, no roll call",
        );
    });
}

/// A key that came from outside is not attested, and not overwritten without both.
#[test]
fn an_imported_key() {
    alone(module_path!(), "an_imported_key", |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        desk.puts(0, &token);
        with_another_tool(|token| {
            let (touch, pin) = (TouchPolicy::Always, PinPolicy::Always);
            let slot = SlotId::Signature;
            piv::import_ecc_key(token, slot, AlgorithmId::EccP256, &[9; 32], touch, pin)
                .expect("it may be imported");
        });
        let imported = slot(&token, 0x9c);
        // Not overwritten: another token, or none.
        let people = People::one_token()
            .types(Asks::Serial(A), "10000001")
            .decide(Decision::TryAgain)
            .cue(Asks::Serial(A), || Reply::Exception)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        assert!(sat.ended.is(Outcome::Aborted), "{sat}");
        assert_eq!(slot(&token, 0x9c), imported, "it is still there");
        assert_eq!(exceptions(desk), [Decision::TryAgain, Decision::Abort]);
        row(
            "6.3",
            "a key in 9c that was imported, of another kind (RSA), or that needs no touch",
            &sat,
            &[
                "Happened: a key of another kind is in 9c, perhaps still needed; \"set a slot up \
                 again\" would overwrite it",
                "Nothing was overwritten. Take another YubiKey.",
            ],
            "the key is as it was, unless both decide as in 6.4",
        );
    });
}

/// What is overwritten with both letters, and what the record then says.
fn set_up_again(desk: &Desk, token: &SharedToken, kept: u8, lost: u8) -> Sat {
    let before = slot(token, kept);
    // Pulled out before the new key is made: the letters are not asked for again.
    const GENERATE: u8 = 0x47;
    let people = People::one_token()
        .decide(Decision::SetUpAgain)
        .cue(Asks::Pin(A), || {
            token
                .lock()
                .fault_on(GENERATE, virtual_yubikey::Fault::PullAfter);
            crate::people::secret(ALICES_PIN)
        })
        .puts_back(|| desk.puts_back(0, token));
    let sat = desk.holds(&plans::small(""), people);
    desk.assert_closed(&sat);
    assert_eq!(exceptions(desk), [Decision::SetUpAgain]);
    assert_eq!(
        sat.times("to be lost for ever"),
        2,
        "each letter once: {sat}"
    );
    assert_eq!(slot(token, kept), before, "the good key was not touched");
    assert_eq!(made(token, lost), 1 + usize::from(made_elsewhere(lost)));
    assert_eq!(as_sold(token), [false; 3]);
    let details = desk.details();
    assert!(details.contains("decided: set-up-again"), "{details}");
    assert!(
        details.contains("a key of another kind is in 9"),
        "{details}"
    );
    sat
}

/// The other tool had the token make it.
fn made_elsewhere(lost: u8) -> bool {
    lost == 0x9d
}

#[test]
fn a_key_without_touch_is_overwritten_with_both_letters_only() {
    let name = "a_key_without_touch_is_overwritten_with_both_letters_only";
    alone(module_path!(), name, |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        desk.puts(0, &token);
        with_another_tool(|token| {
            for (slot, touch) in [
                (SlotId::Signature, TouchPolicy::Always),
                (SlotId::KeyManagement, TouchPolicy::Never),
            ] {
                piv::generate(token, slot, AlgorithmId::EccP256, PinPolicy::Always, touch)
                    .expect("it makes keys");
            }
        });
        let lost = slot(&token, 0x9d);
        let sat = set_up_again(desk, &token, 0x9c, 0x9d);
        assert_ne!(slot(&token, 0x9d), lost);
        row(
            "6.4",
            "the same, and both decide \"set a slot up again\"",
            &sat,
            &[
                "Operator A: is the key in 9d of YubiKey 10000001 to be lost for ever? Type your \
                 letter, A",
                "Operator B: is the key in 9d of YubiKey 10000001 to be lost for ever? Type your \
                 letter, B",
            ],
            "that slot alone is set up again, once, also if the YubiKey is pulled out meanwhile; the \
             record has the exception with its decision `set-up-again`",
        );
    });
}

#[test]
fn an_rsa_key_is_overwritten_with_both_letters_only() {
    let name = "an_rsa_key_is_overwritten_with_both_letters_only";
    alone(module_path!(), name, |desk| {
        let token = desk.token(ALICE, Version::V5_4);
        desk.puts(0, &token);
        with_another_tool(|token| {
            let (touch, pin) = (TouchPolicy::Always, PinPolicy::Always);
            piv::generate(
                token,
                SlotId::KeyManagement,
                AlgorithmId::EccP256,
                pin,
                touch,
            )
            .expect("it makes keys");
            let rsa = AlgorithmId::Rsa2048;
            piv::generate(token, SlotId::Signature, rsa, pin, touch).expect("it makes keys");
        });
        let lost = slot(&token, 0x9c);
        // Replacing a device is for media: without a name nothing is replaced.
        let people = People::one_token()
            .decide(Decision::ReplaceDevice)
            .types(Asks::Device, "")
            .cue(Asks::Serial(A), || Reply::Line("10000001".to_string()))
            .cue(Asks::Serial(A), || Reply::Exception)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        assert!(sat.ended.is(Outcome::Aborted), "{sat}");
        sat.shows(&["If it is no medium but a YubiKey, press Enter alone."]);
        assert_eq!(slot(&token, 0x9c), lost);
        desk.new_media();
        let before = slot(&token, 0x9d);
        let people = People::one_token().decide(Decision::SetUpAgain);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_closed(&sat);
        assert_ne!(slot(&token, 0x9c), lost);
        assert_eq!(slot(&token, 0x9d), before);
        assert_eq!(made(&token, 0x9d), 1);
    });
}

#[test]
fn a_pinned_token_whose_key_was_imported() {
    let name = "a_pinned_token_whose_key_was_imported";
    alone(module_path!(), name, |desk| {
        let token = desk.token(ALICE, Version::V5_7);
        let certificate = ready(&token, ALICES_PIN, ALICES_PUK);
        pins_a(desk, ALICE, &certificate);
        // The same key, but from outside: somebody had it before.
        let saved = token
            .lock()
            .to_json()
            .replace("\"Generated\"", "\"Imported\"");
        let forged = virtual_yubikey::Token::from_json(&saved).expect("it is still one");
        let forged = forged.shared();
        desk.puts(0, &forged);
        let people = People::one_token()
            .types(Asks::TokenReady(A), "")
            .cue(Asks::TokenReady(A), || Reply::Exception)
            .decide(Decision::Abort);
        let sat = desk.holds(&plans::small(""), people);
        desk.assert_aborted(&sat);
        row(
            "6.5",
            "a pinned YubiKey whose key was put in from outside",
            &sat,
            &[
                "Not done: the key in slot 9c was not made inside the YubiKey.",
                "Somebody may have a copy of it. Use an empty YubiKey.",
            ],
            "not accepted; no `token-attested`, no roll call",
        );
    });
}
