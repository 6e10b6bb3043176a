//! The fold, walked through a whole plan, with everything else tried at each point.

mod walk;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::attestation::Firmware;
use crate::digest::Digest;
use crate::plan::{Plan, StepKind};
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::value::{Act, Decision, Holder, Opener, Part, Sheet};
use crate::role::Role;
use walk::*;

mod tokens;

#[test]
fn at_each_point_only_what_is_due_follows() {
    for plan in [
        carried(),
        with_a_pause(),
        opening(),
        enrolling(),
        in_a_token(),
    ] {
        let mut walk = Walk::new(&plan);
        let (mut points, mut tried) = (0, 0);
        while let Some(due) = walk.due() {
            for event in everything(&walk) {
                let expected = event == due || may_happen(&walk, &event);
                let name = format!("entry {}: {event:?}, due {due:?}", walk.state.entries);
                assert_eq!(!walk.refuses(event), expected, "{name}");
                tried += 1;
            }
            walk.must(due);
            points += 1;
        }
        assert_eq!(walk.state.ended(), Some(Ending::Closed));
        assert!(
            everything(&walk)
                .into_iter()
                .all(|event| walk.refuses(event))
        );
        println!("{points} points, {tried} events tried");
    }
}

#[test]
fn entries_name_their_step_and_those_who_acted() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    while let Some(event) = walk.due() {
        let label = walk.state.step_label(&plan, &event).to_string();
        let good = Entry {
            number: walk.state.entries,
            prev: Digest::ZERO,
            time: 0,
            uptime: 0,
            step: token(&label),
            actors: says::actors(&event),
            detail: None,
            event: event.clone(),
        };
        let refused = |entry: &Entry| {
            let taken = walk.state.clone().take(&plan, entry, Digest::ZERO);
            assert!(taken.is_err(), "{entry:?}");
        };
        for step in ["0", "1.1", "2.1", "9.9"]
            .into_iter()
            .filter(|s| *s != label)
        {
            refused(&Entry {
                step: token(step),
                ..good.clone()
            });
        }
        for letters in ["", "A", "B", "C", "AB", "ABC"] {
            let actors = crate::record::value::Actors::of(letters.chars());
            if actors != good.actors {
                refused(&Entry {
                    actors,
                    ..good.clone()
                });
            }
        }
        walk.must(event);
    }
}

#[test]
fn an_interruption_abandons_the_key_exactly_while_it_is_in_memory_only() {
    let plan = with_a_pause();
    let mut walk = Walk::new(&plan);
    let (mut kept, mut given_up) = (0, 0);
    while let Some(event) = walk.due() {
        if walk.state.entries > 0 {
            let mut other = walk.clone();
            let (attempt, in_memory) = (
                walk.state.next_attempt(),
                walk.state.key_is_only_in_memory(),
            );
            other.must(resumed(walk.state.entries));
            if other.state.can_authorise() {
                assert_eq!(other.state.next(&plan), Next::Authorise(Act::Resume));
            }
            other.on_until(|_| false);
            assert_eq!(other.state.ended(), Some(Ending::Closed));
            assert_eq!(other.state.abandoned.len(), usize::from(in_memory));
            let last = other.state.key.as_ref().expect("a key").attempt;
            assert_eq!(last, if in_memory { attempt } else { 1 });
            kept += u32::from(!in_memory);
            given_up += u32::from(in_memory);
        }
        walk.must(event);
    }
    assert!(kept > 10 && given_up > 10, "{kept}, {given_up}");
}

#[test]
fn an_interruption_never_loses_a_key_in_a_token() {
    let plan = in_a_token();
    let mut walk = Walk::new(&plan);
    let mut with_key = 0;
    while let Some(event) = walk.due() {
        assert!(!walk.state.key_is_only_in_memory());
        if walk.state.entries > 0 {
            let mut other = walk.clone();
            other.must(resumed(walk.state.entries));
            other.on_until(|_| false);
            assert_eq!(other.state.ended(), Some(Ending::Closed));
            assert_eq!(other.state.abandoned, []);
            let last = other.state.key.as_ref().expect("a key").attempt;
            assert_eq!(last, 1, "no key is made twice");
            with_key += u32::from(walk.state.key.is_some());
        }
        walk.must(event);
    }
    assert!(with_key > 20, "{with_key}");
}

/// Until the certificate that can revoke it is stored, an abort gives the key up.
#[test]
fn an_abort_gives_a_key_in_a_token_up_until_it_can_be_revoked() {
    let plan = in_a_token();
    let mut walk = Walk::new(&plan);
    let mut stages = Vec::new();
    while let Some(event) = walk.due() {
        let name = event.name();
        walk.must(event);
        let mut other = walk.clone();
        let decided = Decision::Abort;
        if other.take(Event::Exception { decided }).is_ok() {
            other.on_until(|_| false);
            assert_eq!(other.state.ended(), Some(Ending::Aborted));
            let given_up = other.state.abandoned.len();
            if stages.last().map(|(_, before)| *before) != Some(given_up) {
                stages.push((name, given_up));
            }
        }
    }
    assert_eq!(
        stages,
        [("opened", 0), ("generated", 1), ("revocation-saved", 0)]
    );
}

/// Neither without its attestation, nor with that of an operator's token.
#[test]
fn a_key_in_a_token_is_attested_before_anything_else() {
    let plan = in_a_token();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::Generate);
    assert!(walk.refuses(attested(Holder::Key)));
    walk.must(made(&plan, 1));
    for holder in [Holder::A, Holder::B] {
        assert!(walk.refuses(attested(holder)));
    }
    assert!(walk.refuses(Event::FingerprintCopied {}));
    // After an interruption too.
    walk.must(resumed(walk.state.entries));
    walk.on_until(|walk| walk.in_step());
    assert!(walk.refuses(made(&plan, 1)) && walk.refuses(made(&plan, 2)));
    walk.must(attested(Holder::Key));
    assert_eq!(walk.due(), Some(Event::FingerprintCopied {}));
}

#[test]
fn the_key_is_in_memory_only_until_its_backup_and_revocation_are_stored() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    let mut stages = Vec::new();
    while let Some(event) = walk.due() {
        let name = event.name();
        walk.must(event);
        let now = walk.state.key_is_only_in_memory();
        if stages.last().map(|(_, before)| *before) != Some(now) {
            stages.push((name, now));
        }
    }
    assert_eq!(
        stages,
        [
            ("opened", false),
            ("generated", true),
            ("revocation-saved", false)
        ]
    );
}

#[test]
fn an_exception_at_any_point_skips_nothing() {
    let plan = with_a_pause();
    let mut walk = Walk::new(&plan);
    while let Some(event) = walk.due() {
        for decided in Decision::ALL.iter().filter(|d| **d != Decision::Abort) {
            let mut other = walk.clone();
            if other.take(Event::Exception { decided: *decided }).is_ok() {
                if other.state.can_authorise() {
                    other.must(Event::Authorise {
                        act: Act::Exception,
                    });
                    other.must(Event::Authorised {
                        sig_a: yes(),
                        sig_b: yes(),
                    });
                }
                // `kept` and `entries` count the entries that came between.
                let due = other.due().expect("something is due");
                assert_eq!(due.name(), event.name());
                assert_eq!(other.state.cursor(), walk.state.cursor());
                assert_eq!(other.state.seen(), walk.state.seen());
            }
        }
        walk.must(event);
    }
}

#[test]
fn an_abort_at_any_point_ends_aborted_and_the_key_in_memory_is_given_up() {
    let plan = with_a_pause();
    let mut walk = Walk::new(&plan);
    let mut aborted = 0;
    while let Some(event) = walk.due() {
        let mut other = walk.clone();
        let decided = Decision::Abort;
        if other.take(Event::Exception { decided }).is_ok() {
            let in_memory = walk.state.key_is_only_in_memory();
            other.on_until(|_| false);
            assert_eq!(other.state.ended(), Some(Ending::Aborted));
            assert_eq!(other.state.abandoned.len(), usize::from(in_memory));
            aborted += 1;
        }
        walk.must(event);
    }
    assert!(aborted > 30);
}

#[test]
fn read_backs_and_shares_may_fail_only_so_often() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    let read_back = plan.steps().find_map(|(_, step)| match &step.kind {
        StepKind::ReadBack(terms) => Some((step.kind, terms.max_attempts)),
        _ => None,
    });
    let (kind, most) = read_back.expect("a read-back");
    walk.on_to(&kind);
    for attempt in 1..=most {
        walk.must(Event::ReadBackFailed { attempt });
    }
    assert!(walk.refuses(Event::ReadBackFailed { attempt: most + 1 }));
    assert!(walk.refuses(Event::ReadBackMatched { attempts: most + 1 }));
    excuse(&mut walk);
    walk.must(Event::ReadBackFailed { attempt: 1 });
    walk.must(Event::ReadBackMatched { attempts: 2 });

    walk.on_to(&StepKind::Share);
    let failed = |attempt| Event::ShareFailed {
        custodian: 'A',
        part: Part::Whole,
        attempt,
    };
    for attempt in 1..=SHARE_ATTEMPTS {
        walk.must(failed(attempt));
    }
    assert!(walk.refuses(failed(SHARE_ATTEMPTS + 1)));
    assert!(walk.refuses(share('A', Part::Whole, SHARE_ATTEMPTS + 1)));
    excuse(&mut walk);
    walk.must(share('A', Part::Whole, 1));
    assert!(
        walk.refuses(share('A', Part::Whole, 1)),
        "confirmed already"
    );
}

/// An exception that lets people try again, signed by both.
fn excuse(walk: &mut Walk<'_>) {
    walk.must(Event::Exception {
        decided: Decision::TryAgain,
    });
    walk.must(Event::Authorise {
        act: Act::Exception,
    });
    walk.must(Event::Authorised {
        sig_a: yes(),
        sig_b: yes(),
    });
}

#[test]
fn a_head_is_noted_at_the_end_of_each_phase_and_cannot_be_left_out() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    let mut noted = Vec::new();
    while let Some(event) = walk.due() {
        if let Event::HeadNoted { head } = &event {
            assert_eq!(walk.state.head, Some(*head));
            assert!(walk.refuses(Event::HeadNoted { head: Digest::ZERO }));
            let mut trouble = walk.clone();
            trouble.must(resumed(walk.state.entries));
            trouble.on_until(|walk| matches!(walk.due(), Some(Event::HeadNoted { .. })));
            assert_eq!(trouble.state.cursor(), walk.state.cursor(), "still owed");
            noted.push(plan.phase_of(walk.state.cursor()));
        }
        walk.must(event);
        assert!(walk.state.heads_since_note.len() <= 20);
    }
    let phases: BTreeSet<usize> = noted.iter().copied().collect();
    assert_eq!(phases.len(), noted.len(), "once for each");
    assert!(noted.len() >= plan.phases.len() - 2, "{noted:?}");
}

#[test]
fn a_planned_stop_goes_on_by_resuming_only() {
    let plan = with_a_pause();
    let mut walk = Walk::new(&plan);
    walk.on_until(|walk| walk.state.next(walk.plan) == Next::Paused);
    for event in everything(&walk) {
        let goes_on = may_happen(&walk, &event);
        assert_eq!(!walk.refuses(event), goes_on);
    }
    walk.must(resumed(walk.state.entries));
    walk.on_until(|_| false);
    assert_eq!(walk.state.ended(), Some(Ending::Closed));
    assert!(walk.state.abandoned.is_empty());
}

#[test]
fn a_roll_call_held_again_finds_the_same_two_once_something_was_signed() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::RollCall);
    assert!(walk.refuses(roll_call("a")), "one operator twice");
    walk.must(roll_call("b"));
    let mut before = walk.clone();
    before.must(resumed(before.state.entries));
    before.must(roll_call("c"));
    walk.on_until(|walk| walk.state.awaiting().is_some());
    walk.must(resumed(walk.state.entries));
    walk.on_until(|walk| walk.in_step());
    assert!(walk.refuses(roll_call("c")));
    walk.must(roll_call("b"));
}

#[test]
fn a_backup_is_opened_by_a_quorum_and_from_a_secret_medium_only() {
    let plan = opening();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::Open);
    walk.on_until(|walk| opens_now(walk, 1));
    let opened = |quorum: &str, medium| Event::QuorumOpened {
        quorum: token(quorum),
        medium,
        opener: Opener::Library,
    };
    for quorum in ["A", "AA", "BA", "AU", "ab", "A.B", "none"] {
        assert!(walk.refuses(opened(quorum, Role::Secret1)), "{quorum}");
    }
    for medium in Role::ALL {
        let secret = [Role::Secret1, Role::Secret2].contains(&medium);
        assert_eq!(!walk.refuses(opened("BCT", medium)), secret, "{medium}");
    }
}

#[test]
fn an_interrupted_opening_is_named_and_authorised_anew() {
    let plan = opening();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::Open);
    let mut interrupted = 0;
    while walk.state.ended().is_none() {
        let step = plan.step(walk.state.cursor()).expect("a step");
        if step.kind == StepKind::Open {
            let mut other = walk.clone();
            other.must(resumed(other.state.entries));
            other.on_until(|walk| walk.in_step());
            assert!(other.state.seen().is_empty());
            assert!(other.refuses(quorum_opened("AB")) && other.refuses(message_opened()));
            other.on_until(|walk| walk.state.seen().len() == 1);
            assert!(other.refuses(quorum_opened("AB")), "not authorised yet");
            assert_eq!(other.due(), Some(Event::Authorise { act: Act::Open }));
            other.on_until(|_| false);
            let message = other.state.message.expect("it was named");
            assert_eq!(message.content, Some(Digest::of(b"content")));
            interrupted += 1;
        }
        walk.must(walk.due().expect("it did not end"));
    }
    assert!(interrupted > 5, "{interrupted}");
}

/// What the property keeps book of, from nothing but the events that were taken.
#[derive(Default)]
struct Book {
    opened: BTreeSet<String>,
    signed: BTreeSet<usize>,
    done: BTreeSet<&'static str>,
}

impl Book {
    fn take(&mut self, before: &Walk<'_>, event: &Event) {
        let plan = before.plan;
        let cursor = before.state.cursor();
        match event {
            Event::Resumed { .. } => self.opened.clear(),
            Event::Abandoned { .. } => {
                let made = plan.steps().position(|(_, s)| s.kind == StepKind::Generate);
                self.signed.retain(|step| Some(*step) < made);
                *self = Book {
                    signed: std::mem::take(&mut self.signed),
                    ..Book::default()
                };
            }
            Event::QuorumOpened { quorum, .. } => {
                self.opened.insert(quorum.to_string());
            }
            Event::Drilled { .. } => {
                assert_eq!(self.opened.len(), before.backup().quorums().len());
            }
            Event::Authorised { .. } => {
                let act = plan.step(cursor).map(|step| act_of(&step.kind));
                if before.state.awaiting() == act {
                    self.signed.insert(cursor);
                }
            }
            Event::Erased {} => {
                assert!(self.done.contains("drilled") && self.signed.contains(&cursor));
            }
            Event::Closed { .. } => {
                for (at, (_, step)) in plan.steps().enumerate() {
                    let close = step.kind == StepKind::Close;
                    assert!(
                        close || !step.authorise || self.signed.contains(&at),
                        "{at}"
                    );
                }
                for name in [
                    "backed-up",
                    "revocation-saved",
                    "drilled",
                    "erased",
                    "exported",
                ] {
                    assert!(self.done.contains(name), "closed without {name}");
                }
            }
            _ => {}
        }
        self.done.insert(event.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is tried in whatever order: it is refused and changes nothing, or nothing was
    /// left out on the way.
    #[test]
    fn no_order_of_events_leaves_anything_out(
        picks in prop::collection::vec((0..6u8, any::<prop::sample::Index>()), 100..250),
    ) {
        let plan = with_a_pause();
        let mut walk = Walk::new(&plan);
        let mut book = Book::default();
        for (kind, pick) in picks {
            let event = match (kind, walk.due()) {
                (0, _) | (_, None) => pick.get(&everything(&walk)).clone(),
                (_, Some(due)) => due,
            };
            let before = walk.clone();
            match walk.take(event.clone()) {
                Ok(()) => {
                    prop_assert!(before.state.ended().is_none());
                    book.take(&before, &event);
                }
                Err(_) => prop_assert_eq!(format!("{:?}", walk.state), format!("{:?}", before.state)),
            }
        }
    }
}

#[test]
fn sheets_are_printed_once_in_order_as_they_were_stored_or_left_out_by_an_exception() {
    let plan = carried();
    let mut walk = Walk::new(&plan);
    walk.on_to(&StepKind::Export);
    let fingerprint = printed(Sheet::Fingerprint, "fingerprint.txt");
    let recovery = printed(Sheet::Recovery, "anything");
    walk.on_until(|walk| walk.due() == Some(Event::Custody { items: 4 }));
    assert!(walk.refuses(printed(Sheet::Fingerprint, "something-else")));
    for pages in [0, 1000] {
        let Event::Printed {
            sheet, sha256, how, ..
        } = fingerprint.clone()
        else {
            unreachable!()
        };
        assert!(
            walk.refuses(Event::Printed {
                sheet,
                pages,
                sha256,
                how
            }),
            "{pages}"
        );
    }
    assert!(
        walk.refuses(not_printed(Sheet::Fingerprint)),
        "nobody decided that"
    );
    let mut alone = walk.clone();
    alone.must(recovery.clone());
    assert!(alone.refuses(fingerprint.clone()), "its turn is over");
    let mut without = walk.clone();
    let decided = Decision::CopyByHand;
    without.must(Event::Exception { decided });
    assert!(
        without.refuses(not_printed(Sheet::Fingerprint)),
        "not signed yet"
    );
    without.on_until(|walk| walk.due() == Some(Event::Custody { items: 4 }));
    without.must(not_printed(Sheet::Fingerprint));
    assert!(without.refuses(fingerprint.clone()), "it was decided");
    without.must(not_printed(Sheet::Recovery));
    walk.must(fingerprint.clone());
    assert!(walk.refuses(fingerprint.clone()), "once");
    walk.must(recovery.clone());
    for event in [fingerprint, recovery] {
        assert!(walk.refuses(event), "once");
    }
    for walk in [&mut walk, &mut without] {
        walk.must(Event::Custody { items: 5 });
        assert!(
            walk.refuses(printed(Sheet::Recovery, "late")),
            "custody was settled"
        );
        walk.must(Event::Exported { files: 4 });
    }
}

#[test]
fn who_signs_with_a_token_showed_it_and_its_firmware_is_new_enough() {
    let source = enrolling().source().replace(
        "operators = \"token\"",
        "operators = \"token\"\nfirmware = \"5.7.0\"",
    );
    let newest = Plan::parse(&source).expect("a good plan");
    for plan in [enrolling(), newest.clone(), opening()] {
        let mut walk = Walk::new(&plan);
        walk.on_to(&StepKind::RollCall);
        assert!(walk.refuses(with_tokens()), "nobody showed a token");
        assert!(walk.refuses(attested(Holder::Key)), "there is no key");
        let old = |holder| Event::TokenAttested {
            holder,
            firmware: Firmware(5, 4, 3),
        };
        assert_eq!(walk.refuses(old(Holder::A)), plan == newest);
        let mut only_b = walk.clone();
        only_b.must(attested(Holder::B));
        assert!(only_b.refuses(with_tokens()) && only_b.refuses(roll_call("b")));
        assert!(only_b.refuses(attested(Holder::A)), "A comes before B");
        walk.must(attested(Holder::A));
        assert!(walk.refuses(attested(Holder::A)), "once is enough");
        walk.must(attested(Holder::B));
        assert!(walk.refuses(roll_call("b")), "both showed a token");
        walk.must(with_tokens());
    }
}
