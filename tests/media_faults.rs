//! Media that are full, read-only, pulled out or lying; that hold something else already; that
//! are one device for two roles; that are missing, old or contradict each other.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use ceremony::driver::{OpenError, Outcome, ResumeError};
use ceremony::edge::Media;
use ceremony::edge::directory::Directories;
use ceremony::edge::media::{Access, Kind};
use ceremony::edge::players::Meddle;
use ceremony::error::Explain;
use ceremony::record::event::Event;
use ceremony::record::transcript::{self, Placed};
use ceremony::record::value::{Act, Decision, Mode};
use ceremony::role::Role;
use ceremony::screen::{Answer, Asks, Question, Reply};
use ceremony::verify::{self, Completion, Material, Pins};
use support::media::Device;
use support::script::{Death, Failing, Fault};
use support::{Ended, World, aftermath, far_end, plans};

fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

/// Answers the question what to do about a device, and where its replacement is.
fn decide(decision: Decision, location: &'static str) -> Meddle<'static> {
    Box::new(move |question: &Question, _| match &question.asks {
        Asks::Device if matches!(question.answer, Answer::Choice(_)) => line(decision.word()),
        Asks::Location => line(location),
        _ => None,
    })
}

fn failing(role: Role, fault: Fault, from: usize, path: &str, times: usize) -> Failing {
    Failing {
        role,
        fault,
        from,
        path: path.to_string(),
        times,
    }
}

/// Every exception that decided so was signed by both, with nothing in between.
fn exceptions(world: &World, role: Role) -> Vec<Decision> {
    let files = world.material(role).files;
    let (entries, _) = transcript::parse_prefix(&files["transcript.txt"]);
    let mut decided = Vec::new();
    for (at, placed) in entries.iter().enumerate() {
        if let Event::Exception { decided: decision } = placed.entry.event {
            let act = Act::Exception;
            let next = &entries[at + 1].entry.event;
            // Before roll call there is nobody who could sign.
            let called = |p: &Placed| matches!(p.entry.event, Event::RollCall { .. });
            if entries[..at].iter().any(called) {
                assert_eq!(next, &Event::Authorise { act }, "entry {at}");
            }
            decided.push(decision);
        }
    }
    decided
}

/// What the screen says of a fault, and what to do about it.
fn words(fault: Fault) -> [&'static str; 2] {
    match fault {
        Fault::Full => ["cannot be read or written", "is full. Replace it"],
        Fault::ReadOnly => ["cannot be read or written", "Open its write lock"],
        Fault::Vanished => ["cannot be read or written", "See that"],
        Fault::ReadsBackWrong | Fault::KeepsWrong => [
            "does not read back as it was written",
            "Do not trust this device",
        ],
    }
}

/// The screen's text with line breaks taken out, so that wrapped sentences are found.
fn flowing(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a fault can strike: a medium, a file, the first touch that counts.
const PLACES: [(Role, &str, usize); 10] = [
    (Role::OperatorA, "details/0002.txt", 0),
    (Role::OperatorA, "record/transcript.txt", 150),
    (Role::OperatorB, "operator-b.key.asc", 0),
    (Role::OperatorB, "record/transcript.txt", 250),
    (Role::Secret1, "/payload.asc", 0),
    (Role::Secret2, "/AB.asc", 0),
    (Role::Secret1, "record/plan.toml", 0),
    (Role::Handover, "HANDOVER.txt", 0),
    (Role::Handover, "record/signatures/", 0),
    (Role::Public, "fingerprint.pdf", 0),
];

#[test]
fn a_fault_that_passes_is_tried_again_on_the_record() {
    let mut tried = 0;
    for fault in [
        Fault::Full,
        Fault::ReadOnly,
        Fault::Vanished,
        Fault::ReadsBackWrong,
    ] {
        for (role, path, from) in PLACES {
            let label = format!("{fault:?} on {role}, {path}");
            let mut world = World::new();
            world.script.borrow_mut().failing = vec![failing(role, fault, from, path, 1)];
            let meddle = decide(Decision::TryAgain, "");
            let ended = world.hold_meddled(&plans::two_of_two(), None, Some(meddle));
            assert!(ended.is(Outcome::Closed), "{label}: {ended:?}");
            aftermath::records_are_good(&world, &label);
            let decided = exceptions(&world, Role::OperatorA);
            assert_eq!(decided, [Decision::TryAgain], "{label}");
            let screen = flowing(&world.screen.take());
            for part in words(fault) {
                assert!(
                    screen.contains(part),
                    "{label}: no \"{part}\" on the screen"
                );
            }
            assert!(
                screen.contains(&format!("{role}: ")),
                "{label}: which medium?"
            );
            tried += 1;
        }
    }
    println!("{tried} faults passed, all on the record");
}

#[test]
fn a_device_is_replaced_and_has_everything_that_the_old_one_had() {
    let mut tried = 0;
    for (role, path, from) in PLACES {
        let label = format!("{role} replaced at {path}");
        let mut world = World::new();
        world.media.add_spare("spare");
        let lies = failing(role, Fault::KeepsWrong, from, path, 1);
        world.script.borrow_mut().failing = vec![lies];
        let meddle = decide(Decision::ReplaceDevice, "spare");
        let ended = world.hold_meddled(&plans::two_of_two(), None, Some(meddle));
        assert!(ended.is(Outcome::Closed), "{label}: {ended:?}");
        aftermath::records_are_good(&world, &label);
        let decided = exceptions(&world, Role::OperatorA);
        assert_eq!(decided, [Decision::ReplaceDevice], "{label}");
        let mut sound = World::new();
        assert!(sound.hold(&plans::two_of_two(), None).is(Outcome::Closed));
        let (new, usual) = (beside(&world, role), beside(&sound, role));
        assert_eq!(new, usual, "{label}: files beside the record");
        tried += 1;
    }
    println!("{tried} devices replaced");
}

/// The names of the files in the ceremony's folder, the record apart.
fn beside(world: &World, role: Role) -> Vec<String> {
    world.material(role).beside.into_keys().collect()
}

#[test]
fn a_device_that_is_gone_for_good_ends_in_an_abort_on_the_record() {
    let mut tried = 0;
    for (role, path, from) in PLACES {
        let label = format!("{role} gone at {path}");
        let mut world = World::new();
        let first = first_touch(role, path, from);
        let gone = failing(role, Fault::Vanished, first, "", usize::MAX);
        world.script.borrow_mut().failing = vec![gone];
        let meddle = decide(Decision::Abort, "");
        let ended = world.hold_meddled(&plans::two_of_two(), None, Some(meddle));
        assert!(ended.is(Outcome::Aborted), "{label}: {ended:?}");
        let other = match role {
            Role::OperatorA => Role::OperatorB,
            _ => Role::OperatorA,
        };
        let verdict = world
            .verify(other)
            .unwrap_or_else(|f| panic!("{label}: {f}"));
        assert_eq!(verdict.completion, Completion::Aborted, "{label}");
        let decided = exceptions(&world, other);
        assert!(decided.contains(&Decision::Abort), "{label}: {decided:?}");
        aftermath::no_secret_is_left(&world, &label);
        tried += 1;
    }
    println!("{tried} devices gone for good");
}

/// The touch at which a sound ceremony first writes such a file there.
fn first_touch(role: Role, path: &str, from: usize) -> usize {
    let mut world = World::new();
    assert!(world.hold(&plans::two_of_two(), None).is(Outcome::Closed));
    let script = world.script.borrow();
    let fits = |what: &str| what.contains(&format!(" {role} ")) && what.contains(path);
    let mut touches = script.touches.iter().enumerate().skip(from);
    let found = touches.find(|(_, touch)| fits(&touch.what));
    found.expect("a sound ceremony writes it").0
}

/// Puts a file of somebody else where the backup will be, once the ceremony has its folder.
fn planting(world: &World, decision: Decision) -> Meddle<'static> {
    let media = world.media.clone();
    let mut planted = false;
    let mut decide = decide(decision, "spare");
    Box::new(move |question: &Question, paper| {
        if !planted && matches!(question.asks, Asks::NewPassphrase(_)) {
            planted = true;
            let id = media.device(Role::OperatorA);
            let id = id.keys().next().and_then(|path| path.split('/').next());
            let path = format!("{}/payload.asc", id.expect("entry 0 is there"));
            media.tamper(Role::Secret1, |device| {
                device.insert(path, b"somebody else's".to_vec());
            });
        }
        decide(question, paper)
    })
}

#[test]
fn an_output_that_exists_already_is_not_overwritten() {
    for (decision, outcome) in [
        (Decision::ReplaceDevice, Outcome::Closed),
        (Decision::Abort, Outcome::Aborted),
    ] {
        let mut world = World::new();
        world.media.add_spare("spare");
        let meddle = planting(&world, decision);
        let ended = world.hold_meddled(&plans::two_of_two(), None, Some(meddle));
        assert!(ended.is(outcome), "{ended:?}");
        let screen = flowing(&world.screen.take());
        assert!(screen.contains("payload.asc exists already, with other contents."));
        assert!(screen.contains("Nothing was overwritten. Use an empty medium as secret-1."));
        let old = &world.media.everything()["secret-1"];
        let kept = old.values().filter(|bytes| *bytes == b"somebody else's");
        assert_eq!(kept.count(), 1, "{decision}: it was there before us");
        assert_eq!(exceptions(&world, Role::OperatorA), [decision]);
        if outcome == Outcome::Closed {
            aftermath::records_are_good(&world, "replaced");
        }
    }
}

/// Real folders, one for each role, in a folder that goes away.
fn folders() -> (tempfile::TempDir, BTreeMap<Role, PathBuf>) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let make = |role: Role| {
        let path = temporary.path().join(role.to_string());
        std::fs::create_dir(&path).expect("a new folder");
        (role, path)
    };
    let roots = Role::ALL.map(make).into_iter().collect();
    (temporary, roots)
}

fn material_of(media: &mut dyn Media, role: Role) -> Material {
    let listed = media.list(role, "").expect("the medium is there");
    let (id, _) = listed.first().expect("something was written").clone();
    let device: Device = listed
        .into_iter()
        .filter(|(_, kind)| *kind == Kind::File)
        .map(|(path, _)| {
            let bytes = media.read(role, &path).expect("a file that was listed");
            (path, bytes)
        })
        .collect();
    support::material(&device, &id)
}

#[test]
fn one_folder_for_two_roles_must_be_resolved_before_the_key_is_made() {
    let (temporary, mut roots) = folders();
    roots.insert(Role::Secret2, roots[&Role::Secret1].clone());
    let spare = temporary.path().join("spare");
    std::fs::create_dir(&spare).expect("a new folder");
    let taken = roots[&Role::Public].display().to_string();
    let spare = spare.display().to_string();
    let mut media = Directories::new(roots);
    let mut world = World::new();
    let mut locations = vec![spare, taken, "/nowhere/at/all".to_string()];
    let meddle: Meddle = Box::new(move |question: &Question, _| match question.asks {
        Asks::Decide => line(Decision::ReplaceDevice.word()),
        Asks::Device => line("secret-2"),
        Asks::Location => line(&locations.pop().expect("the third one is free")),
        _ => None,
    });
    let verifier = far_end::verifier_at(temporary.path().join("handover"));
    let ended = world.hold_on(&mut media, verifier, &plans::two_of_two(), Some(meddle));
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    let screen = flowing(&world.screen.take());
    assert!(screen.contains("secret-2: it is the same device as another medium"));
    for role in [Role::OperatorA, Role::OperatorB, Role::Public] {
        let verdict = verify::verify(&material_of(&mut media, role), &Pins::default());
        let verdict = verdict.expect("a good record");
        assert_eq!(verdict.completion, Completion::Closed);
        let decided: Vec<Decision> = verdict.exceptions.iter().map(|e| e.2).collect();
        assert_eq!(decided, [Decision::ReplaceDevice]);
    }
    let second = material_of(&mut media, Role::Secret2);
    assert!(second.beside.contains_key("payload.asc"));
}

#[test]
fn a_ceremony_is_refused_by_preflight_when_one_folder_has_two_roles() {
    let (_temporary, mut roots) = folders();
    roots.insert(Role::Secret2, roots[&Role::Secret1].clone());
    let mut media = Directories::new(roots.clone());
    let mut world = World::new();
    world.mode = Mode::Ceremony;
    let verifier = far_end::verifier_at(roots[&Role::Handover].clone());
    let ended = world.hold_on(&mut media, verifier, &plans::two_of_two(), None);
    let Ended::Open(OpenError::Preflight(report)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(report.failed().collect::<Vec<_>>(), ["medium"]);
    for root in roots.values() {
        let left = std::fs::read_dir(root).expect("a folder").count();
        assert_eq!(left, 0, "nothing was written");
    }
}

#[test]
fn copies_of_the_record_that_diverge_are_refused() {
    let mut world = World::new();
    world.hold(&plans::two_of_two(), Some((200, Death::Before)));
    let id = world.id().expect("it began");
    let begin = world.media.everything();
    let mut ends = Vec::new();
    for _ in 0..2 {
        world.media.sticks.borrow_mut().devices = begin.clone();
        world.resume(&id, Some((120, Death::Before)));
        ends.push(world.media.everything());
    }
    let mut mixed = ends[0].clone();
    let other = ends[1]["operator-b"].clone();
    mixed.insert("operator-b".to_string(), other);
    world.media.sticks.borrow_mut().devices = mixed.clone();
    let ended = world.resume(&id, None);
    let Ended::Resume(error @ ResumeError::Fork) = ended else {
        panic!("{ended:?}");
    };
    assert!(error.to_string().contains("contradict each other"));
    assert!(error.remedy().contains("Do not go on with either"));
    assert!(world.media.everything() == mixed, "nothing was changed");
    // Either pair goes on.
    world.media.sticks.borrow_mut().devices = ends.remove(0);
    assert!(world.resume(&id, None).is(Outcome::Closed));
}

#[test]
fn an_older_copy_of_all_media_is_refused_by_the_words_on_paper() {
    let mut world = World::new();
    world.hold(&plans::two_of_two(), Some((260, Death::Before)));
    let id = world.id().expect("it began");
    let old = world.media.everything();
    let noted = |world: &World| {
        let entries = world.entries();
        let noted = |e: &&Event| matches!(e, Event::HeadNoted { .. });
        entries.iter().map(|p| &p.entry.event).filter(noted).count()
    };
    let before = noted(&world);
    assert!(before > 0, "the old copy has a head to ask for");
    world.resume(&id, Some((400, Death::Before)));
    assert!(noted(&world) > before, "the paper has a newer one");
    let new = world.media.everything();
    world.media.sticks.borrow_mut().devices = old.clone();
    let ended = world.resume(&id, None);
    let Ended::Resume(error @ ResumeError::Head) = ended else {
        panic!("{ended:?}");
    };
    assert!(error.remedy().contains("Find the newest one"));
    assert!(world.media.everything() == old, "nothing was changed");
    world.media.sticks.borrow_mut().devices = new;
    assert!(world.resume(&id, None).is(Outcome::Closed));
}

/// A world that died in the middle, with a file half-written on operator B's medium.
fn died_halfway(mode: Mode) -> (World, String) {
    let mut world = World::new();
    world.mode = mode;
    let at = first_touch(Role::OperatorB, "signatures/", 200);
    world.hold(&plans::two_of_two(), Some((at, Death::HalfWritten)));
    let id = world.id().expect("it began");
    (world, id)
}

#[test]
fn a_record_medium_that_is_missing_at_a_resume_is_put_back() {
    let (mut world, id) = died_halfway(Mode::Rehearsal);
    let sticks = world.media.sticks.clone();
    let stick = sticks.borrow_mut().roles.remove(&Role::OperatorB);
    let stick = stick.expect("it was there");
    let meddle: Meddle = Box::new(move |question: &Question, _| match question.asks {
        Asks::Device => {
            sticks
                .borrow_mut()
                .roles
                .insert(Role::OperatorB, stick.clone());
            line(Decision::TryAgain.word())
        }
        _ => None,
    });
    let ended = world.resume_meddled(&id, None, Some(meddle));
    assert!(
        ended.is(Outcome::Closed),
        "{ended:?}\n{}",
        world.screen.end()
    );
    aftermath::records_are_good(&world, "put back");
    aftermath::no_parts_are_left(&world, "put back");
    assert_eq!(exceptions(&world, Role::OperatorA), [Decision::TryAgain]);
}

#[test]
fn a_record_medium_that_is_lost_at_a_resume_ends_in_an_abort_on_the_record() {
    for (decision, mode) in [
        (Decision::Abort, Mode::Rehearsal),
        (Decision::ReplaceDevice, Mode::Rehearsal),
        // Preflight would refuse any other failure.
        (Decision::Abort, Mode::Ceremony),
    ] {
        let (mut world, id) = died_halfway(mode);
        world.media.add_spare("spare");
        let sticks = world.media.sticks.clone();
        sticks.borrow_mut().roles.remove(&Role::OperatorB);
        // B's key was on it: with another stick in its place too, B cannot sign.
        let meddle = decide(decision, "spare");
        let ended = world.resume_meddled(&id, None, Some(meddle));
        assert!(ended.is(Outcome::Aborted), "{decision}: {ended:?}");
        let verdict = world.verify(Role::OperatorA).expect("a good record");
        assert_eq!(verdict.completion, Completion::Aborted, "{decision}");
        let decided = exceptions(&world, Role::OperatorA);
        assert_eq!(decided.first(), Some(&decision));
        assert_eq!(decided.last(), Some(&Decision::Abort));
        if decision == Decision::ReplaceDevice {
            let verdict = world.verify(Role::OperatorB).expect("a good record");
            assert_eq!(verdict.completion, Completion::Aborted);
        }
    }
}

#[test]
fn every_step_can_be_aborted_at_its_first_prompt() {
    let plan = plans::two_of_two();
    let kinds: Vec<&str> = plan.steps().map(|(_, step)| step.kind.name()).collect();
    let mut aborted = Vec::new();
    for step in 0..=plan.step_count() {
        let label = format!("aborted in step {step} of {kinds:?}");
        let mut world = World::new();
        let screen = world.screen.clone();
        let mut done = false;
        // After the planned stop the record is taken over first: before that nothing is aborted.
        let resumed = step > 0 && kinds[step - 1] == "phone";
        let meddle: Meddle = Box::new(move |question: &Question, _| {
            let taken_over = !resumed || matches!(question.asks, Asks::Call(_));
            let now = !done && screen.step() == Some(step) && taken_over;
            done |= now;
            now.then_some(Reply::Exception)
        });
        let ended = world.hold_meddled(&plan, None, Some(meddle));
        if step == 0 {
            // Before entry 0 there is nothing to record it in.
            let Ended::Open(error) = ended else {
                panic!("{ended:?}");
            };
            assert!(error.to_string().contains("before anything was recorded"));
            assert!(world.id().is_none(), "nothing was written");
            continue;
        }
        if ended.is(Outcome::Closed) {
            // The clock was confirmed before the record began; the step asks no more.
            assert_eq!(kinds[step - 1], "clock", "{label}: no prompt");
            continue;
        }
        assert!(ended.is(Outcome::Aborted), "{label}: {ended:?}");
        aborted_cleanly(&world, &label);
        aborted.push(kinds[step - 1]);
    }
    println!("aborted in {}: {aborted:?}", aborted.len());
    assert_eq!(aborted.len(), plan.step_count() - 1);
}

/// `!` and "try again" once at each prompt that differs: the same question comes again, and
/// nothing is left out.
#[test]
fn an_exception_at_any_kind_of_prompt_goes_on_from_the_same_place() {
    let plan = plans::two_of_two();
    let mut kinds = Vec::new();
    let mut world = World::new();
    let screen = world.screen.clone();
    let listen: Meddle = Box::new(|question: &Question, _| {
        let kind = (screen.step(), kind(&question.asks));
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        None
    });
    assert!(
        world
            .hold_meddled(&plan, None, Some(listen))
            .is(Outcome::Closed)
    );
    assert!(kinds.len() > 30, "{kinds:?}");
    let mut recorded = 0;
    for wanted in &kinds {
        let label = format!("! at {wanted:?}");
        let mut world = World::new();
        let screen = world.screen.clone();
        let mut done = false;
        let meddle: Meddle = Box::new(move |question: &Question, _| {
            let now = !done && (screen.step(), kind(&question.asks)) == *wanted;
            done |= now;
            match question.asks {
                _ if now => Some(Reply::Exception),
                Asks::Decide => line(Decision::TryAgain.word()),
                _ => None,
            }
        });
        let ended = world.hold_meddled(&plan, None, Some(meddle));
        assert!(ended.is(Outcome::Closed), "{label}: {ended:?}");
        aftermath::records_are_good(&world, &label);
        let decided = exceptions(&world, Role::OperatorA);
        // Before entry 0 and after the last one nothing can be recorded.
        assert!(decided.len() <= 1, "{label}: {decided:?}");
        recorded += decided.len();
    }
    println!("! at {} prompts, {recorded} on the record", kinds.len());
    assert!(recorded + 8 > kinds.len(), "{recorded} of {}", kinds.len());
}

/// What is asked, without whom and which.
fn kind(asks: &Asks) -> String {
    let text = format!("{asks:?}");
    text.split('(').next().unwrap_or_default().to_string()
}

/// An exception begins the counting of attempts anew, also between two of them.
#[test]
fn an_exception_between_two_attempts_at_reading_back_counts_anew() {
    let mut world = World::new();
    let mut asked = 0;
    let meddle: Meddle = Box::new(move |question: &Question, _| match question.asks {
        Asks::HexRow(0) => {
            asked += 1;
            match asked {
                1 => line("0000 0000 0000 0000 0000"),
                2 => Some(Reply::Exception),
                _ => None,
            }
        }
        Asks::Decide => line(Decision::TryAgain.word()),
        _ => None,
    });
    let ended = world.hold_meddled(&plans::two_of_two(), None, Some(meddle));
    assert!(ended.is(Outcome::Closed), "{ended:?}");
    assert_eq!(exceptions(&world, Role::OperatorA), [Decision::TryAgain]);
    aftermath::records_are_good(&world, "counted anew");
}

fn aborted_cleanly(world: &World, label: &str) {
    for role in [Role::OperatorA, Role::OperatorB] {
        let verdict = world
            .verify(role)
            .unwrap_or_else(|f| panic!("{label}: {f}"));
        assert_eq!(verdict.completion, Completion::Aborted, "{label}");
        assert_eq!(verdict.mode, Mode::Rehearsal, "{label}");
    }
    assert_eq!(
        exceptions(world, Role::OperatorA),
        [Decision::Abort],
        "{label}"
    );
    aftermath::no_secret_is_left(world, label);
    let entries = world.entries();
    let has = |name: &str| entries.iter().any(|p| p.entry.event.name() == name);
    let kept = has("revocation-saved");
    assert_eq!(has("abandoned"), has("generated") && !kept, "{label}");
    for role in [Role::Secret1, Role::Secret2] {
        for path in world.media.device(role).keys() {
            let aside = path.starts_with("ABANDONED-1-REHEARSAL-");
            assert_eq!(aside, !kept, "{label}: {role}: {path}");
        }
    }
}

/// The machine dies while it is being aborted; both media end alike.
#[test]
fn an_abort_survives_death() {
    let plan = plans::two_of_two();
    let abort_at = |world: &World| -> Meddle<'static> {
        let screen = world.screen.clone();
        let mut done = false;
        Box::new(move |_, _| {
            // In the step that writes the revocation: the secret media have files.
            let now = !done && screen.step() == Some(11);
            done |= now;
            now.then_some(Reply::Exception)
        })
    };
    let mut world = World::new();
    let meddle = abort_at(&world);
    assert!(
        world
            .hold_meddled(&plan, None, Some(meddle))
            .is(Outcome::Aborted)
    );
    let touches: Vec<String> = {
        let script = world.script.borrow();
        script
            .touches
            .iter()
            .map(|touch| touch.what.clone())
            .collect()
    };
    let page = touches.iter().position(|what| what == "page Exception");
    let first = page.expect("the exception has a page");
    let mut ends = 0;
    for at in (first..touches.len()).step_by(2) {
        let how = [Death::Before, Death::HalfWritten][(at / 2) % 2];
        let label = format!("{how:?} {}", touches[at]);
        let mut world = World::new();
        let meddle = abort_at(&world);
        world.hold_meddled(&plan, Some((at, how)), Some(meddle));
        let id = world.id().expect("it began");
        let ended = world.resume(&id, None);
        // Before the exception was recorded there is no abort to go on with.
        let recorded = world
            .entries()
            .iter()
            .any(|p| p.entry.event.name() == "exception");
        let outcome = if recorded {
            Outcome::Aborted
        } else {
            Outcome::Closed
        };
        assert!(ended.is(outcome), "{label}: {ended:?}");
        let [a, b] = [Role::OperatorA, Role::OperatorB].map(|role| world.material(role).files);
        assert!(a == b, "{label}: the copies differ");
        world
            .verify(Role::OperatorB)
            .unwrap_or_else(|f| panic!("{label}: {f}"));
        ends += usize::from(recorded);
    }
    println!("{ends} aborts went on after a death");
    assert!(ends > 10);
}

/// The sticks in memory, on which so much rests, behave as real folders do.
#[test]
fn sticks_in_memory_behave_as_folders_do() {
    let (_temporary, roots) = folders();
    let mut real = Directories::new(roots);
    let mut scripted = World::new().media;
    let role = Role::Public;
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut refused = 0;
    for step in 0..600 {
        let path = ["a", "f/b", "f/c", "f/g/d"][random(4)];
        let bytes = vec![b'x'; random(4)];
        let act = random(7);
        let aside = format!("aside-{step}");
        let run = |media: &mut dyn Media| match act {
            0 | 1 => media.create(role, path, &bytes, Access::Public),
            2 | 3 => media.extend(role, path, &bytes),
            4 => media.remove(role, path),
            5 => media.read(role, path).map(drop),
            _ => media.rename(role, path, &aside),
        };
        let kind = |result: Result<(), ceremony::edge::MediaError>| {
            result.map_err(|error| std::mem::discriminant(&error.fault))
        };
        let (one, other) = (kind(run(&mut real)), kind(run(&mut scripted)));
        refused += usize::from(one.is_err());
        assert_eq!(one, other, "step {step}: {act} {path}");
        let held = |media: &mut dyn Media| -> Device {
            let listed = media.list(role, "").expect("it is there");
            let files = listed.into_iter().filter(|(_, kind)| *kind == Kind::File);
            files
                .map(|(path, _)| (path.clone(), media.read(role, &path).expect("listed")))
                .collect()
        };
        assert_eq!(held(&mut real), held(&mut scripted), "step {step}");
    }
    assert!((50..550).contains(&refused), "{refused}");
}
