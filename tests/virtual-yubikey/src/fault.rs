//! Faults on purpose: what happens to a token between two people's hands.

use std::time::Duration;

/// What goes wrong with one APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Pulled out before the command is carried out.
    Pull,
    /// Carried out, then pulled out: nobody gets the answer.
    PullAfter,
    /// Carried out, but so many random bytes come back.
    Garbage(u16),
    /// Not carried out; this status comes back.
    Status(u16),
    /// Carried out, answered later.
    Delay(Duration),
}

#[derive(Clone, Copy)]
enum When {
    /// This many APDUs are served before.
    After(u64),
    /// The next command with this instruction byte.
    On(u8),
}

/// The faults still to come. Each happens once.
#[derive(Default)]
pub struct Faults(Vec<(When, Fault)>);

impl Faults {
    pub fn after(&mut self, apdus: u64, fault: Fault) {
        self.0.push((When::After(apdus), fault));
    }

    pub fn on(&mut self, instruction: u8, fault: Fault) {
        self.0.push((When::On(instruction), fault));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for the APDU that just came.
    pub fn next(&mut self, instruction: Option<u8>) -> Option<Fault> {
        let due = self.0.iter().position(|(when, _)| match when {
            When::After(apdus) => *apdus == 0,
            When::On(wanted) => Some(*wanted) == instruction,
        });
        let fault = due.map(|place| self.0.remove(place).1);
        for (when, _) in &mut self.0 {
            if let When::After(apdus) = when {
                *apdus = apdus.saturating_sub(1);
            }
        }
        fault
    }
}
