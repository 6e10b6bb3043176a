//! Calls that must be accepted, and calls that must not, played through both programs' protocols.
//! Who plays the people is in [`people`]. `docs/call-simulation.md` has the numbers.

mod people;

use proptest::prelude::*;

use super::canary::{self, Canary, Fit, Reading};
use super::far::{FarCall, HeadStanding, RowProblem};
use super::result::{Said, read_nonce, same_words, write_nonce};
use super::room::RoomCall;
use super::*;
use people::*;

/// Calls of each kind of attack; there are more than ten kinds.
const CALLS: u64 = 650;

#[test]
fn no_call_about_another_key_is_accepted() {
    let mut tried = 0;
    for length in [20, 32] {
        for keep in Keep::all(length) {
            for seed in 0..CALLS {
                let mut world = World::new(seed, length);
                let substitute = world.substitute(keep);
                assert_ne!(substitute, world.room.fingerprint);
                // Nothing else is wrong: the substituted file even has the same sheet code.
                world.far.fingerprint = substitute;
                let outcome = world.call(&mut Honest, &Noise::none());
                assert_eq!(outcome.confirmed(), (false, false), "{keep:?} {seed}");
                tried += 1;
            }
        }
    }
    println!("substituted keys: {tried} calls, none accepted");
    assert!(tried >= 10_000);
}

#[test]
fn a_substituted_certificate_of_the_same_fingerprint_is_not_accepted() {
    // Another user ID or subkey on the same primary key: another file.
    for seed in 0..CALLS {
        let mut world = World::new(seed, 20);
        world.far.certificate = Digest::of(b"another file");
        let outcome = world.call(&mut Honest, &Noise::none());
        assert_eq!(outcome.confirmed(), (false, false), "{seed}");
    }
}

#[test]
fn honest_calls_are_accepted_with_up_to_two_misheard_rows() {
    for length in [20, 32] {
        for misheard in 0..=2 {
            for kind in Mishap::ALL {
                for seed in 0..CALLS / 6 {
                    let mut world = World::new(seed, length);
                    let noise = Noise::rows(misheard, kind, seed);
                    let outcome = world.call(&mut Honest, &noise);
                    let name = format!("{length} bytes, {misheard} rows {kind:?}, call {seed}");
                    assert_eq!(outcome.confirmed(), (true, true), "{name}: {outcome:?}");
                    assert!(
                        outcome.reread <= if misheard == 0 { 0 } else { 4 },
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_row_that_is_misheard_again_and_a_third_row_end_the_attempt() {
    let mut failed = 0;
    for seed in 0..CALLS {
        let mut world = World::new(seed, 20);
        let mut noise = Noise::rows(1, Mishap::Misheard, seed);
        noise.again = true;
        let outcome = world.call(&mut Honest, &noise);
        assert_eq!(outcome.confirmed(), (false, false), "again, {seed}");
        let mut world = World::new(seed, 20);
        let outcome = world.call(&mut Honest, &Noise::rows(3, Mishap::Misheard, seed));
        assert_eq!(outcome.confirmed(), (false, false), "three rows, {seed}");
        failed += 2;
    }
    assert_eq!(failed, 2 * CALLS);
}

#[test]
fn a_hearer_who_copies_instead_of_listening_is_not_accepted() {
    for length in [20, 32] {
        for seed in 0..CALLS {
            for how in [
                Copying::PadsAtTheEnd,
                Copying::InventsCanaries,
                Copying::RepeatsWords,
            ] {
                // The file is the right one, or a substituted one: copied is copied.
                for substituted in [false, true] {
                    let mut world = World::new(seed, length);
                    if substituted {
                        world.far.fingerprint = world.substitute(Keep::Nothing);
                    }
                    let mut hearer = Copier::new(how, &world.far, seed);
                    let outcome = world.call(&mut hearer, &Noise::none());
                    assert_eq!(outcome.confirmed(), (false, false), "{how:?} {seed}");
                }
            }
        }
    }
}

#[test]
fn a_replayed_earlier_call_is_not_accepted() {
    for seed in 0..CALLS {
        let mut earlier = World::new(seed, 20);
        let record = earlier.record_call();
        // The same ceremony, the same key, the same file; only the call is a recording.
        let mut today = World::new(seed, 20);
        today.seed = seed.wrapping_add(1 << 40);
        let far = today.replay_to_verifier(&record);
        assert!(!far, "the verifier took a recording of the room, {seed}");
        let room = today.replay_to_room(&record);
        assert!(!room, "the room took a recording of the verifier, {seed}");
    }
}

#[test]
fn a_wrong_sheet_and_a_stale_head_are_not_accepted() {
    for seed in 0..CALLS {
        let mut world = World::new(seed, 20);
        world.far.sheet_code = "0000".to_string();
        assert_eq!(world.call(&mut Honest, &Noise::none()).stage, Stage::Names);
        let mut world = World::new(seed, 20);
        world.far.id = "2026-01-02-backup-key-00000000".to_string();
        assert_eq!(world.call(&mut Honest, &Noise::none()).stage, Stage::Names);
        // The room reads an older line of its checklist.
        let mut world = World::new(seed, 20);
        world.spoken_head = world.heads[0];
        let outcome = world.call(&mut Honest, &Noise::none());
        assert_eq!(outcome.stage, Stage::Names, "it is in the delivered record");
        // The same where no record was delivered: the result differs.
        let mut world = World::new(seed, 20);
        world.spoken_head = world.heads[0];
        world.heads.clear();
        let outcome = world.call(&mut Honest, &Noise::none());
        assert_eq!(outcome.confirmed(), (false, false));
        assert_eq!(outcome.stage, Stage::Result);
    }
}

#[test]
fn a_record_that_went_on_since_it_was_delivered_is_accepted() {
    for seed in 0..CALLS {
        let mut world = World::new(seed, 20);
        world.heads.pop();
        let outcome = world.call(&mut Honest, &Noise::none());
        assert_eq!(outcome.confirmed(), (true, true));
        assert_eq!(outcome.head, Some(HeadStanding::Unknown));
    }
}

#[test]
fn whatever_is_misheard_elsewhere_nothing_wrong_is_accepted() {
    // Nonce, canaries, places and results pass over the same bad line; whatever happens, both
    // sides confirm the same, or the far side alone does and its person is told so.
    let (mut both, mut neither) = (0, 0);
    for seed in 0..CALLS {
        let mut world = World::new(seed, 20);
        let outcome = world.call(&mut Honest, &Noise::everywhere(seed));
        match outcome.confirmed() {
            (true, true) => both += 1,
            (false, false) => neither += 1,
            other => panic!("one side only: {other:?}, {seed}"),
        }
    }
    println!("a bad line: {both} confirmed, {neither} not");
    assert!(both > 0 && neither > 0);
}

#[test]
fn canaries_are_never_ambiguous() {
    let mut redrawn = 0;
    for seed in 0..3_000 {
        let mut numbers = Numbers::new(seed);
        let length = if seed % 2 == 0 { 20 } else { 32 };
        // A fingerprint of few different words is the hardest.
        let fingerprint: Vec<u8> = (0..length).map(|_| numbers.below(3) as u8).collect();
        let before = numbers.count;
        let reading = Reading::draw(&fingerprint, &mut numbers.source()).expect("no errors");
        redrawn += u64::from(numbers.count - before > 6);
        let own = canary::words_of(&fingerprint);
        let rows: Vec<Vec<Heard>> = reading.words.chunks(4).map(<[_]>::to_vec).collect();
        assert_eq!(
            canary::fit(&own, &rows, &[]),
            Fit::Exact(reading.canaries.clone())
        );
        assert_eq!(reading.canaries.len(), CANARIES);
        assert_eq!(brute_force(&own, &reading.words), 1, "{seed}");
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        assert_eq!(lengths, canary::row_lengths(length));
        assert_eq!(
            (rows.len(), rows.last().map(Vec::len)),
            (if length == 20 { 6 } else { 9 }, Some(3))
        );
    }
    assert!(redrawn > 0, "some had to be drawn again");
}

/// In how many ways three words can be left out of `heard` so that `own` remains.
fn brute_force(own: &[Heard], heard: &[Heard]) -> usize {
    let places = 0..heard.len();
    let mut ways = 0;
    for a in places.clone() {
        for b in a + 1..heard.len() {
            for c in b + 1..heard.len() {
                let kept = places.clone().filter(|at| ![a, b, c].contains(at));
                ways += usize::from(kept.map(|at| &heard[at]).eq(own.iter()));
            }
        }
    }
    ways
}

#[test]
fn canaries_are_spread_over_all_places_and_words() {
    let mut places = [0u32; 23];
    let mut words = std::collections::BTreeSet::new();
    for seed in 0..4000 {
        let mut numbers = Numbers::new(seed);
        let reading = Reading::draw(&[7; 20], &mut numbers.source()).expect("no errors");
        for canary in reading.canaries {
            places[canary.place] += 1;
            words.insert((canary.word.byte, canary.word.even));
        }
    }
    // 12,000 canaries on 23 places: 521 each; a fifth more or less is far beyond chance.
    assert!(places.iter().all(|n| (400..650).contains(n)), "{places:?}");
    assert!(words.len() > 505, "{}", words.len());
}

#[test]
fn the_verifiers_program_shows_no_word_before_the_reading_fits() {
    let world = World::new(1, 20);
    let mut far = FarCall::begin(world.far.clone(), Vec::new(), [0; 4]);
    assert_eq!(far.word_at(1, 1), None);
    assert_eq!(far.said(), None);
    assert_eq!(far.hear_row(0, "aardvark"), Err(RowProblem::Count(4)));
    assert_eq!(
        far.hear_row(0, "aardvark nonsense adult afflict"),
        Err(RowProblem::Unlisted(2))
    );
    assert_eq!(far.hear_row(0, "Aardvark adult afflict ahead"), Ok(()));
    assert_eq!(far.judge(), super::far::Verdict::Failed);
    assert_eq!(far.word_at(1, 1), None);
}

#[test]
fn places_that_are_asked_for_are_those_of_the_reading() {
    let world = World::new(5, 32);
    let mut numbers = Numbers::new(5);
    let call = RoomCall::begin(world.room.clone(), [0; 10], &mut numbers.source());
    let call = call.expect("no errors");
    let places = call.places();
    assert_eq!(places.len(), PLACES);
    assert!(places.is_sorted() && places.windows(2).all(|two| two[0] != two[1]));
    assert!(
        places
            .iter()
            .all(|(row, word)| call.rows()[row - 1].get(word - 1).is_some())
    );
}

proptest! {
    #[test]
    fn written_canaries_and_nonces_are_read_back_and_nothing_else_is(
        seed: u64, nonce: [u8; 4], text in "[a-z0-9.-]{0,60}",
    ) {
        let mut numbers = Numbers::new(seed);
        let reading = Reading::draw(&[9; 20], &mut numbers.source()).expect("no errors");
        let written = canary::write(&reading.canaries);
        prop_assert_eq!(canary::read(&written, 20), Some(reading.canaries.clone()));
        prop_assert!(written.len() <= 64, "it fits into a field");
        prop_assert_eq!(read_nonce(&write_nonce(&nonce)), Some(nonce));
        prop_assert_eq!(canary::read(&written.to_uppercase(), 20), None);
        prop_assert_eq!(canary::read(&format!("0{written}"), 20), None);
        let last = reading.canaries[2].place;
        prop_assert!(last < 3 || canary::read(&written, last - 3).is_none(), "beyond the words");
        if let Some(read) = canary::read(&text, 20) {
            prop_assert_eq!(canary::write(&read), text);
        }
    }

    #[test]
    fn each_part_of_what_was_said_changes_the_result(seed: u64) {
        let mut numbers = Numbers::new(seed);
        let said = Said {
            id: "2026-01-02-backup-key-0A1B2C3D".to_string(),
            certificate: Digest::of(b"a"),
            nonce: [1, 2, 3, 4],
            canaries: Reading::draw(&[9; 20], &mut numbers.source()).expect("no errors").canaries,
            head: [5; 10],
        };
        let mut moved = said.canaries.clone();
        moved[0] = Canary { place: moved[0].place, word: Heard { byte: !moved[0].word.byte, ..moved[0].word } };
        let others = [
            Said { id: "2026-01-02-backup-key-0A1B2C3E".to_string(), ..said.clone() },
            Said { certificate: Digest::of(b"b"), ..said.clone() },
            Said { nonce: [1, 2, 3, 5], ..said.clone() },
            Said { canaries: moved, ..said.clone() },
            Said { head: [6; 10], ..said.clone() },
        ];
        for other in others {
            prop_assert_ne!(other.halves(), said.halves());
        }
        let [first, second] = said.halves();
        prop_assert!(same_words(&first.join("  ").to_uppercase(), &first));
        prop_assert!(!same_words(&second.join(" "), &first));
        prop_assert_eq!((first.len(), second.len()), (4, 4));
    }

    #[test]
    fn whatever_is_typed_is_taken_or_refused(typed in ".{0,60}", seed: u64) {
        let world = World::new(seed, 20);
        let mut far = FarCall::begin(world.far.clone(), world.heads.clone(), [0; 4]);
        let _ = (far.is_id(&typed), far.is_sheet_code(&typed), far.hear_head(&typed), far.hear_row(5, &typed));
        prop_assert!(!far.hear_result(&typed));
        let mut numbers = Numbers::new(seed);
        let mut room = RoomCall::begin(world.room, [0; 10], &mut numbers.source()).expect("no errors");
        let _ = room.hear_nonce(&typed);
        prop_assert_ne!(room.hear_canaries(&[typed.clone(), typed.clone(), typed.clone()]), super::room::CanaryVerdict::Heard);
        prop_assert!(!room.hear_places(&typed) && !room.hear_result(&typed));
    }
}

/// The table of `docs/call-simulation.md`:
/// `cargo test --lib -- --ignored --nocapture phone::tests::the_table`.
#[test]
#[ignore = "prints a table; the tests above check the same, with fewer calls"]
fn the_table() {
    const CALLS: u64 = 2000;
    let row = |what: &str, call: &mut dyn FnMut(u64) -> Outcome| {
        let (mut both, mut neither, mut other, mut reread) = (0, 0, 0, 0);
        for seed in 0..CALLS {
            let outcome = call(seed);
            reread += outcome.reread;
            match outcome.confirmed() {
                (true, true) => both += 1,
                (false, false) => neither += 1,
                _ => other += 1,
            }
        }
        assert_eq!(other, 0, "{what}");
        println!("| {what} | {CALLS} | {both} | {neither} | {reread} |");
    };
    println!(
        "| call | attempts | confirmed | not | rows re-read |\n| --- | --- | --- | --- | --- |"
    );
    for length in [20, 32] {
        for keep in Keep::all(length) {
            row(
                &format!("substituted key, {length} words, keeps {keep:?}"),
                &mut |seed| {
                    let mut world = World::new(seed, length);
                    world.far.fingerprint = world.substitute(keep);
                    world.call(&mut Honest, &Noise::none())
                },
            );
        }
        for misheard in 0..=3 {
            for kind in Mishap::ALL {
                row(
                    &format!("honest, {length} words, {misheard} rows {kind:?}"),
                    &mut |seed| {
                        World::new(seed, length)
                            .call(&mut Honest, &Noise::rows(misheard, kind, seed))
                    },
                );
            }
        }
        for how in [
            Copying::PadsAtTheEnd,
            Copying::InventsCanaries,
            Copying::RepeatsWords,
        ] {
            row(
                &format!("hearer copies, {length} words, {how:?}"),
                &mut |seed| {
                    let mut world = World::new(seed, length);
                    let mut hearer = Copier::new(how, &world.far, seed);
                    world.call(&mut hearer, &Noise::none())
                },
            );
        }
    }
    row("a bad line everywhere", &mut |seed| {
        World::new(seed, 20).call(&mut Honest, &Noise::everywhere(seed))
    });
    row("the same row misheard twice", &mut |seed| {
        let mut noise = Noise::rows(1, Mishap::Misheard, seed);
        noise.again = true;
        World::new(seed, 20).call(&mut Honest, &noise)
    });
    row("wrong sheet code", &mut |seed| {
        let mut world = World::new(seed, 20);
        world.far.sheet_code = "0000".to_string();
        world.call(&mut Honest, &Noise::none())
    });
    row("head of an older line", &mut |seed| {
        let mut world = World::new(seed, 20);
        world.spoken_head = world.heads[0];
        world.call(&mut Honest, &Noise::none())
    });
    row("head of an older line, no record delivered", &mut |seed| {
        let mut world = World::new(seed, 20);
        world.spoken_head = world.heads[0];
        world.heads.clear();
        world.call(&mut Honest, &Noise::none())
    });
}
