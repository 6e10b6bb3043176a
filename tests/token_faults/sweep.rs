//! One ceremony for each command that a token is given: at that one the fault happens.

use std::cell::Cell;

use ceremony::driver::Outcome;
use ceremony::plan::Plan;
use virtual_yubikey::{Fault, SharedToken, Version};

use crate::desk::{ALICE, Desk, Sat};
use crate::people::People;
use crate::support::Ended;

/// Several tests share the work: this one does every `of`th, from `part` on.
#[derive(Clone, Copy)]
pub struct Share {
    pub part: usize,
    pub of: usize,
}

/// What is tried.
pub struct Sweep<'a> {
    pub plan: &'a Plan,
    pub version: Version,
    /// Where the session ends; at the end if nothing is said.
    pub until_step: Option<usize>,
    pub share: Share,
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
    let Share { part, of } = sweep.share;
    let (mut tried, mut struck) = (0, 0);
    for at in (part..whole).step_by(of) {
        let (_, sat) = once(desk, sweep, Some((at, (sweep.fault)(at))));
        tried += 1;
        struck += usize::from(sat.screen.contains("Not done:") || sat.screen.contains("Not signed:"));
        all.screen.push_str(&sat.screen);
        all.asked += sat.asked;
    }
    println!("\n  * {whole} commands, {tried} tried, in {struck} somebody was told");
    assert!(whole > 20 && struck > tried / 2, "{struck} of {tried}");
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
pub fn pulled(at: usize, first: bool) -> Fault {
    match at.is_multiple_of(2) == first {
        true => Fault::Pull,
        false => Fault::PullAfter,
    }
}

/// Answers that no token gives, and refusals that it has no reason for.
pub fn garbled(at: usize, first: usize) -> Fault {
    const FAULTS: [Fault; 10] = [
        Fault::Garbage(2),
        Fault::Status(0x6f00),
        Fault::Garbage(40),
        Fault::Status(0x6982),
        Fault::Garbage(253),
        Fault::Status(0x6a80),
        Fault::Garbage(1),
        Fault::Status(0x6a88),
        Fault::Garbage(600),
        Fault::Status(0x6d00),
    ];
    FAULTS[(at + first) % FAULTS.len()]
}
