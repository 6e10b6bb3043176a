//! Trouble in the drill: each is another chance, and nothing is claimed before it happened.

use std::cell::Cell;

use ceremony::openpgp::Format;
use ceremony::plan::Operator;
use ceremony::record::event::Event;
use ceremony::record::value::Opener;
use ceremony::role::Role;
use ceremony::screen::{Asks, Reply};
use ceremony::verify::Pins;
use virtual_yubikey::{Fault, alone_with_pcscd};

use crate::people::{
    AUTHENTICATE, CONTENT, Room, TOKENS, choose_tokens, is_decrypting, line, plan, with_pins,
};
use crate::script;
use crate::support::{Ended, material};
use crate::token_support::LIMIT;

#[test]
fn trouble_in_the_drill_is_another_chance_and_after_power_failed_it_begins_again() {
    alone_with_pcscd(
        "drill::trouble_in_the_drill_is_another_chance_and_after_power_failed_it_begins_again",
        LIMIT,
        |readers| {
            let mut room = Room::new(readers);
            let (inside, script) = (room.inside.clone(), room.table.script.clone());
            let plug_in = room.hands();
            let (stopped, of_a) = (Cell::new(true), Cell::new(0));
            let held = room.table.hold(
                &plan(),
                Some(with_pins(|question| match &question.asks {
                    Asks::Pin(_) if is_decrypting(question, Operator::B) && stopped.take() => {
                        Some(Reply::Exception)
                    }
                    Asks::Decide => line("try-again"),
                    Asks::Pin(_) if is_decrypting(question, Operator::A) => {
                        of_a.set(of_a.get() + 1);
                        match of_a.get() {
                            1 => inside[0].lock().fault_on(AUTHENTICATE, Fault::PullAfter),
                            2 => {}
                            // Power fails when one of A's layers is off, and the other is not.
                            _ => script.borrow_mut().dead = true,
                        }
                        None
                    }
                    Asks::TokenReady(operator) => {
                        plug_in(*operator);
                        line("")
                    }
                    _ => None,
                })),
            );
            assert!(matches!(held, Ended::Stop(_)), "{held:?}");
            assert_eq!(of_a.get(), 3);
            let opened = |events: &[Event]| {
                let by_tokens = |e: &&Event| {
                    matches!(
                        e,
                        Event::QuorumOpened {
                            opener: Opener::Token,
                            ..
                        }
                    )
                };
                events.iter().filter(by_tokens).count()
            };
            let made = room.making();
            assert_eq!(opened(&made), 0, "nothing is claimed before it happened");
            let exceptions = |e: &&Event| matches!(e, Event::Exception { .. });
            assert_eq!(made.iter().filter(exceptions).count(), 1);

            room.table.go_on_making(Some(with_pins(|_| None)));
            let made = room.making();
            assert_eq!(opened(&made), 1);
            let words = made.iter().filter(|e| e.name() == "quorum-opened").count();
            assert_eq!(words, 3 + 4, "all words were typed again");
            assert!(made.iter().any(|e| e.name() == "erased"));
            let id = room.table.backup.clone();
            let record = material(&room.table.media.device(Role::OperatorA), &id);
            let (code, said) = script::run(&record, &Pins::default());
            assert_eq!(code, 3, "{said}");
        },
    );
}

#[test]
fn a_damaged_capsule_opens_nothing_until_it_is_whole_again() {
    alone_with_pcscd(
        "drill::a_damaged_capsule_opens_nothing_until_it_is_whole_again",
        LIMIT,
        |readers| {
            let mut room = Room::new(readers);
            let media = room.table.media.clone();
            let flip = || {
                for role in [Role::Secret1, Role::Secret2] {
                    media.tamper(role, |device| {
                        let name = |path: &String| path.ends_with("/AB-tokens.asc");
                        for (_, bytes) in device.iter_mut().filter(|(path, _)| name(path)) {
                            let middle = bytes.len() / 2;
                            bytes[middle] ^= 1;
                        }
                    });
                }
            };
            let damaged = Cell::new(false);
            room.table.make_key(
                &plan(),
                Some(with_pins(|question| {
                    match &question.asks {
                        // Before the first word of the drill, and once it was noticed.
                        Asks::DrillWord(..) if !damaged.replace(true) => flip(),
                        Asks::Device => {
                            flip();
                            return line("try-again");
                        }
                        _ => {}
                    }
                    None
                })),
            );
            assert!(damaged.get());
            let made = room.making();
            assert_eq!(made.iter().filter(|e| e.name() == "exception").count(), 1);

            room.table.seal(Format::Gpg, CONTENT);
            flip();
            let shown = room.opens(with_pins(|question| match &question.asks {
                Asks::Decide => {
                    flip();
                    line("try-again")
                }
                _ => choose_tokens(question),
            }));
            assert!(
                shown.contains("the backup is not as its record says"),
                "{shown}"
            );
            assert_eq!(room.opened_by(), (TOKENS.to_string(), Opener::Token));
        },
    );
}
