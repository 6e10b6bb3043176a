//! Trouble while a message is opened: whatever happens, it is opened in the end, by the tokens that
//! the capsule is for, or by words.

use std::cell::Cell;

use ceremony::plan::Operator;
use ceremony::record::value::Opener;
use ceremony::role::Role;
use ceremony::screen::{Asks, Reply};
use virtual_yubikey::{Fault, Version, alone_with_pcscd};

use crate::people::{
    AUTHENTICATE, PINS, Room, TOKENS, certificate_of, choose_tokens, is_decrypting, line, secret,
    set_up, with_pins,
};
use crate::support;
use crate::token_support::{ALICE, BOB, LIMIT};

const CAROL: u32 = 10_003;

/// Other people, the same people in each other's place, no tokens, no record: words only, and the
/// screen says why.
#[test]
fn tokens_open_nothing_for_others_and_the_screen_says_why() {
    alone_with_pcscd(
        "opening::tokens_open_nothing_for_others_and_the_screen_says_why",
        LIMIT,
        |readers| {
            let mut room = Room::with_key(readers);
            // The PIN belongs to the token, whoever holds it.
            let words_only = |room: &mut Room, swapped: bool, why: &str| {
                let shown = room.opens(with_pins(|question| match &question.asks {
                    Asks::Pin(operator) if swapped => secret(PINS[operator.other().index()]),
                    Asks::Quorum(names) => {
                        assert_eq!(names[..], ["AB", "AC", "BC"]);
                        None
                    }
                    _ => None,
                }));
                let why = format!("YubiKeys cannot open it here: {why}.");
                assert!(shown.contains(&why), "{why}: {shown}");
                assert_eq!(room.opened_by(), ("AB".to_string(), Opener::Library));
            };

            let pinned = std::mem::replace(&mut room.table.site, support::SITE.to_string());
            words_only(&mut room, false, "operator A signs without one");

            let keys = [ALICE, BOB].map(|serial| certificate_of(&room, serial));
            room.pin([(BOB, &keys[1]), (ALICE, &keys[0])]);
            words_only(&mut room, true, "operator A is not the A of that ceremony");

            room.pull(Operator::B);
            let other = virtual_yubikey::Token::new(CAROL, Version::V5_7, &room.root).shared();
            let bobs = std::mem::replace(&mut room.inside[1], other);
            room.plug_in(Operator::B);
            let carol = set_up(CAROL, PINS[1]);
            room.pin([(ALICE, &keys[0]), (CAROL, &carol)]);
            words_only(&mut room, false, "operator B is not the B of that ceremony");

            room.pull(Operator::B);
            room.inside[1] = bobs;
            room.plug_in(Operator::B);
            room.table.site = pinned;
            let id = room.table.backup.clone();
            room.table.media.tamper(Role::Secret1, |device| {
                device.retain(|path, _| !path.starts_with(&format!("{id}/record/")));
            });
            words_only(
                &mut room,
                false,
                "no record beside the backup says whose they are",
            );
        },
    );
}

/// Whatever happens to the tokens, the message is opened in the end: by them, or by words.
#[test]
fn trouble_with_a_token_while_opening_is_another_chance() {
    alone_with_pcscd(
        "opening::trouble_with_a_token_while_opening_is_another_chance",
        LIMIT,
        |readers| {
            let mut room = Room::with_key(readers);
            // A wrong PIN of B's; then A's is pulled in the middle.
            let (wrong, pulled) = (Cell::new(true), Cell::new(true));
            let inside = room.inside.clone();
            let (plug_in, pull) = (room.hands(), room.pulling());
            let shown = room.opens(with_pins(|question| match &question.asks {
                Asks::Pin(_) if is_decrypting(question, Operator::B) && wrong.take() => {
                    secret("000000")
                }
                Asks::Pin(_) if is_decrypting(question, Operator::A) && pulled.take() => {
                    inside[0].lock().fault_on(AUTHENTICATE, Fault::Pull);
                    None
                }
                Asks::TokenReady(operator) => {
                    plug_in(*operator);
                    line("")
                }
                _ => choose_tokens(question),
            }));
            for part in [
                "Not decrypted: that is not the PIN; 2 tries are left",
                "Not decrypted: the YubiKey was pulled out, or lost contact",
            ] {
                assert!(shown.contains(part), "{part}: {shown}");
            }
            assert_eq!(room.opened_by(), (TOKENS.to_string(), Opener::Token));
            assert_eq!(inside[1].lock().tries_left(), (3, 3));
            assert!(room.table.events("exception").is_empty());

            // B's YubiKey is not at hand when it is needed: an exception, and then words.
            let chosen = Cell::new(0);
            let shown = room.opens(with_pins(|question| match &question.asks {
                Asks::Quorum(_) => {
                    chosen.set(chosen.get() + 1);
                    if chosen.get() > 1 {
                        return line("AC");
                    }
                    pull(Operator::B);
                    line(TOKENS)
                }
                Asks::TokenReady(Operator::B) if chosen.get() == 1 => Some(Reply::Exception),
                // The exception is signed with it.
                Asks::Decide => {
                    plug_in(Operator::B);
                    line("try-again")
                }
                _ => None,
            }));
            assert_eq!(chosen.get(), 2, "{shown}");
            assert_eq!(room.opened_by(), ("AC".to_string(), Opener::Library));
            assert_eq!(room.table.events("exception").len(), 1);
            room.table.verdict();
        },
    );
}
