#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! The verifier's pin against the record: they tell of the same call, or the record is refused.

mod tamper_support;

use ceremony::digest::Fingerprint;
use ceremony::phone::canary;
use ceremony::phone::result;
use ceremony::pin::{Delivered, Pin};
use ceremony::record::value::Spoken;
use ceremony::verify::{Fault, Material, PinFault, PinStands, Pins, verify};
use tamper_support::call;
use tamper_support::forge::{Forge, Piece};
use tamper_support::{Held, aborted, called, eventful, opened};

/// The pin that the verifier's program makes in the recorded call.
fn pin(held: &Held) -> Pin {
    let forge = held.forge();
    let call = &forge.pieces[forge.find("call-confirmed", 0)];
    let made = forge
        .pieces
        .iter()
        .rfind(|piece| piece.event() == "generated");
    let made = made.expect("a key");
    let certificate = format!("certificates/{}.asc", made.get("attempt"));
    Pin {
        id: forge.pieces[0].get("id").to_string(),
        fingerprint: fingerprint(made.get("fingerprint")),
        certificate: forge.others[&certificate].clone(),
        head: head(call),
        delivered: Delivered::Last,
        time: 1_800_000_000,
        nonce: result::read_nonce(call::NONCE).expect("a nonce"),
        canaries: canary::read(call::CANARIES, 20).expect("canaries"),
    }
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::parse(text).expect("a fingerprint")
}

/// The bytes that were read of a recorded call's head.
fn head(call: &Piece) -> [u8; 10] {
    let head = &call.get("head").as_bytes()[..20];
    let head = data_encoding::HEXLOWER.decode(head).expect("hex");
    head.try_into().expect("ten bytes")
}

fn judge(material: &Material, pin: &Pin) -> Result<Option<PinStands>, PinFault> {
    // As it is read from the file that the verifier keeps.
    let call = Some(Pin::parse(&pin.render()).expect("a pin"));
    let pins = Pins {
        call,
        ..Pins::default()
    };
    match verify(material, &pins) {
        Ok(verdict) => Ok(verdict.call),
        Err(Fault::Pin(fault)) => Err(fault),
        Err(other) => panic!("another fault: {other}"),
    }
}

#[test]
fn the_pin_of_the_recorded_call_is_good() {
    let held = called();
    let pin = pin(held);
    assert_eq!(judge(&held.closed, &pin), Ok(Some(PinStands::Recorded)));
    let without = verify(&held.closed, &Pins::default()).expect("good");
    assert_eq!(without.call, None);
    // Exactly at the call, and before the checkpoint after it.
    let forge = held.forge();
    let call = forge.cut(forge.find("call-confirmed", 0) + 1).build();
    assert_eq!(judge(&call, &pin), Ok(Some(PinStands::Recorded)));
}

#[test]
fn a_record_that_does_not_come_to_the_call_yet_is_no_contradiction() {
    let held = called();
    assert_eq!(judge(&held.paused, &pin(held)), Ok(Some(PinStands::NotYet)));
    // The head that was read may be younger than this copy.
    let mut younger = pin(held);
    younger.head[0] ^= 1;
    assert_eq!(judge(&held.paused, &younger), Ok(Some(PinStands::NotYet)));
}

#[test]
fn every_difference_between_pin_and_record_is_named() {
    let held = called();
    let good = pin(held);
    let refused = |change: &dyn Fn(&mut Pin)| {
        let mut pin = good.clone();
        change(&mut pin);
        judge(&held.closed, &pin)
    };
    let id = |pin: &mut Pin| pin.id = pin.id.replace("-key-", "-kez-");
    assert_eq!(refused(&id), Err(PinFault::OtherId));
    let other_head = |pin: &mut Pin| pin.head[9] ^= 1;
    assert_eq!(refused(&other_head), Err(PinFault::OtherHead));
    let nonce = |pin: &mut Pin| pin.nonce[3] ^= 1;
    assert_eq!(refused(&nonce), Err(PinFault::OtherCall));
    let word = |pin: &mut Pin| pin.canaries[2].word.byte ^= 1;
    assert_eq!(refused(&word), Err(PinFault::OtherCall));
    let place = |pin: &mut Pin| pin.canaries[1].place += 1;
    assert_eq!(refused(&place), Err(PinFault::OtherCall));
    let longer = |pin: &mut Pin| pin.certificate.push(b'\n');
    assert_eq!(refused(&longer), Err(PinFault::OtherCertificate));
    // Another key's pin is a good pin of its own.
    let forge = held.forge();
    let other = forge.others["operators/A.asc"].clone();
    let called = forge.find("roll-call", 0);
    let theirs = forge.pieces[called].get("operator-a");
    let key = |pin: &mut Pin| {
        pin.certificate = other.clone();
        pin.fingerprint = fingerprint(theirs);
    };
    assert_eq!(refused(&key), Err(PinFault::OtherKey));
}

#[test]
fn a_call_by_digits_leaves_no_pin() {
    let digits = call::called(eventful(), Spoken::Digits);
    // Nothing but the way of reading differs.
    let mut pin = pin(called());
    let forge = digits.forge();
    pin.head = head(&forge.pieces[forge.find("call-confirmed", 0)]);
    assert_eq!(judge(&digits.closed, &pin), Err(PinFault::OtherCall));
}

#[test]
fn an_ended_record_without_a_call_contradicts_a_pin() {
    let pin = pin(called());
    assert_eq!(judge(&eventful().closed, &pin), Err(PinFault::NoCall));
    let mut message = pin.clone();
    message.id = opened().forge().pieces[0].get("id").to_string();
    assert_eq!(judge(&opened().closed, &message), Err(PinFault::OtherKey));
    assert_eq!(judge(&aborted().closed, &pin), Err(PinFault::OtherId));
}

/// A pin of an earlier call is not that of the call that was held again after an interruption.
#[test]
fn the_last_call_counts() {
    let held = called();
    let forge = held.forge();
    let confirmed = forge.find("call-confirmed", 0);
    let resumed = forge.find(
        "resumed",
        forge
            .pieces
            .iter()
            .filter(|p| p.event() == "resumed")
            .count()
            - 1,
    );
    let mut again = forge.cut(confirmed + 1);
    let mut more = forge.pieces[resumed..resumed + 3].to_vec();
    more.push(forge.pieces[confirmed - 2].clone());
    let mut call = forge.pieces[confirmed].clone();
    call.set("attempts", "1");
    call.set("nonce", "aardvark-adroitness-aardvark-adroitness");
    more.push(call);
    more.iter_mut().for_each(|piece| piece.set("step", "3.3"));
    again.pieces.extend(more);
    let material = again.with(|_| {}).sign(None, &held.keys);
    let mut second = pin(held);
    // Signed anew, the record may have other heads.
    let anew = Forge::new(&material);
    second.head = head(&anew.pieces[anew.find("call-confirmed", 1)]);
    assert_eq!(judge(&material, &second), Err(PinFault::OtherCall));
    second.nonce = [0; 4];
    assert_eq!(judge(&material, &second), Ok(Some(PinStands::Recorded)));
}
