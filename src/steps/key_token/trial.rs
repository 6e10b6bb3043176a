//! The trial: the token is plugged in anew, and its key signs and decrypts, with the halves of the
//! PIN as they stand on the cards.

use super::using::{self, KeyToken, trouble};
use crate::openpgp::{OpenPgpError, TokenKeyError};
use crate::record::event::Event;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

pub(in crate::steps) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let token = using::recall(room)?;
    pull_out(room, &token)?;
    let body = layout::paragraphs(&[
        &format!("Plug the YubiKey {} in again.", token.serial),
        "Both of you type your halves of its PIN from your cards. Then it blinks twice: once to \
         sign, once to decrypt. Touch its metal each time.",
    ]);
    room.page(Who::Both, "The key is used", body)?;
    room.done(Who::Both, Asks::KeyTokenReady, "Press Enter when it is in")?;
    use_key(room, &token)?;
    let fingerprint = token.key.certificate().fingerprint();
    room.record(Event::TrialDone { fingerprint }, Actors::both())?;
    room.say("The key signed and decrypted. Both halves on your cards are right.")
}

/// Without power a token forgets every PIN that it was given.
fn pull_out(room: &mut Room<'_>, token: &KeyToken) -> Result<(), Stop> {
    let body = layout::paragraphs(&[
        "Now it is tried whether the key works, as it will be used from tomorrow on.",
        &format!("Pull the YubiKey with the key, {}, out.", token.serial),
    ]);
    room.page(Who::Both, "The trial", body)?;
    loop {
        room.done(Who::Both, Asks::KeyTokenReady, "Press Enter when it is out")?;
        let listed = room.edge.tokens.list();
        match listed {
            Ok(all) if all.iter().all(|about| about.serial != token.serial) => return Ok(()),
            Ok(_) => room.say("It is still in. Pull it out, wait a second, and try again.")?,
            Err(error) => trouble(room, &error)?,
        }
    }
}

/// The key signs a nonce, and decrypts one.
fn use_key(room: &mut Room<'_>, token: &KeyToken) -> Result<(), Stop> {
    let (mut signed, mut hidden) = ([0; 32], [0; 32]);
    room.edge.system.random(&mut signed)?;
    room.edge.system.random(&mut hidden)?;
    let (now, key) = (room.now(), &token.key);
    let message = key.certificate().encrypt(&hidden, now)?;
    using::with_key(room, token, &mut |device, pin, touch| {
        // It is verified with the certificate before it is returned.
        key.sign(&signed, now, None, &mut |digest| {
            device.sign(pin, digest, touch)
        })?;
        let read = key.decrypt(&message, hidden.len(), now, &mut |point| {
            device.agree(pin, point, touch)
        })?;
        if read.expose() == hidden {
            Ok(())
        } else {
            Err(TokenKeyError::OpenPgp(OpenPgpError::SelfTest(None)))
        }
    })
}
