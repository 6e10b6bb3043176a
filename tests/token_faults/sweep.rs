//! One ceremony for each command that a token is given: at that one the fault happens.

use std::cell::Cell;

use ceremony::driver::Outcome;
use ceremony::plan::Plan;
use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{ALICE, Desk, Sat};
use crate::people::People;
use crate::support::Ended;

/// At how many desks at once a sweep is done.
pub const DESKS: usize = 4;
/// Both firmwares share the commands: 5.4 has the even ones, 5.7 the odd ones.
const STEP: usize = 2 * DESKS;

/// The first command of a desk's.
pub fn first(version: Version, desk: usize) -> usize {
    2 * desk + usize::from(version == Version::V5_7)
}

/// What is tried.
pub struct Sweep<'a> {
    pub plan: &'a Plan,
    pub version: Version,
    /// Where the session ends; at the end if nothing is said.
    pub until_step: Option<usize>,
    /// The first command of this desk's, from 0; then every [`STEP`]th.
    pub first: usize,
    /// Makes a token ready, and all that knows of it.
    pub ready: &'a dyn Fn(&Desk, Version) -> SharedToken,
    /// The fault for the command with this number.
    pub fault: &'a dyn Fn(usize) -> Fault,
    /// What must hold after every session.
    pub after: &'a dyn Fn(&Desk, &SharedToken, &Sat),
}

/// Everything that was on the screen, of all sessions.
pub fn run(desk: &Desk, sweep: &Sweep<'_>) -> Sat {
    let (whole, _) = once(desk, sweep, None);
    let mut all = Sat {
        ended: Ended::Well(Outcome::Closed),
        screen: String::new(),
        asked: 0,
    };
    let (mut tried, mut struck) = (0, 0);
    for at in (sweep.first..whole).step_by(STEP) {
        let (_, sat) = once(desk, sweep, Some((at, (sweep.fault)(at))));
        tried += 1;
        struck +=
            usize::from(sat.screen.contains("Not done:") || sat.screen.contains("Not signed:"));
        all.screen.push_str(&sat.screen);
        all.asked += sat.asked;
    }
    println!("\n  * {whole} commands, {tried} tried, in {struck} somebody was told");
    // What is only looked at is looked at again: nobody need be told.
    assert!(whole > 20 && 3 * struck >= tried, "{struck} of {tried}");
    all
}

/// How many commands the token was given, and the session.
fn once(desk: &Desk, sweep: &Sweep<'_>, fault: Option<(usize, Fault)>) -> (usize, Sat) {
    // Each time another reader: pcscd needs a moment until it sees that one is empty.
    let at = Cell::new(desk.next_reader());
    desk.new_media();
    let token = (sweep.ready)(desk, sweep.version);
    assert_eq!(token.lock().serial(), ALICE);
    desk.puts(at.get(), &token);
    let before = token.lock().log().len();
    if let Some((at, fault)) = fault {
        token.lock().fault_after(at as u64, fault);
    }
    let back = || {
        if desk.is_gone(at.get()) {
            at.set(desk.next_reader());
            desk.puts(at.get(), &token);
        }
    };
    let mut people = People::one_token().puts_back(back);
    if let Some(step) = sweep.until_step {
        people = people.until_step(step);
    }
    let mut sat = desk.holds(sweep.plan, people);
    if matches!(sat.ended, Ended::Open(_)) {
        // Preflight refused what it saw, or did not see; nothing was written.
        back();
        sat = desk.holds(sweep.plan, People::one_token());
    }
    (sweep.after)(desk, &token, &sat);
    let commands = token.lock().log().len() - before;
    desk.lets_go(at.get());
    (commands, sat)
}

/// Pulled out before the command, or after it, by turns.
pub fn pulled(at: usize) -> Fault {
    match (at / STEP).is_multiple_of(2) {
        true => Fault::Pull,
        false => Fault::PullAfter,
    }
}

/// Answers that no token gives, and refusals that it has no reason for.
pub fn garbled(at: usize) -> Fault {
    const FAULTS: [Fault; 9] = [
        Fault::Garbage(2),
        Fault::Status(0x6f00),
        Fault::Garbage(40),
        Fault::Status(0x6982),
        Fault::Garbage(253),
        Fault::Status(0x6a80),
        Fault::Garbage(600),
        Fault::Status(0x6a88),
        Fault::Garbage(1),
    ];
    FAULTS[at % FAULTS.len()]
}
