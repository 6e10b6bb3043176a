//! The script that all scripted parts of the edge share: it counts every touch, and says where
//! the machine dies and which device fails when.

use std::cell::RefCell;
use std::rc::Rc;

use ceremony::role::Role;

/// How much of a touch's effect happened when the machine died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Nothing.
    Before,
    /// Half of the bytes: in `.part-NAME` for a new file, at the end of one that grows.
    HalfWritten,
    /// All bytes of a new file, which does not have its name yet.
    NotRenamed,
    /// Everything, but nobody was told.
    NotReported,
}

/// What a device does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space: a new file is refused, one that grows does so by half.
    Full,
    /// Its write lock is closed.
    ReadOnly,
    /// It was pulled in the middle of a write.
    Vanished,
    /// It reads back other bytes than were written, once.
    ReadsBackWrong,
    /// It keeps other bytes than were written.
    KeepsWrong,
}

/// A device that fails for a while.
#[derive(Clone, Debug)]
pub struct Failing {
    pub role: Role,
    pub fault: Fault,
    /// The first touch at which it does.
    pub from: usize,
    /// Only calls whose path contains this.
    pub path: String,
    /// How many calls fail.
    pub times: usize,
}

/// What a touch does to the world, for those who choose where to interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changes.
    None,
    /// A new file.
    Creates,
    /// A file grows.
    Extends,
    /// Something that is done or not, never half.
    Whole,
}

/// One touch of the edge.
#[derive(Clone, Debug)]
pub struct Touch {
    pub what: String,
    pub effect: Effect,
}

/// See the module.
#[derive(Default)]
pub struct Script {
    /// Every touch so far.
    pub touches: Vec<Touch>,
    /// Where the machine dies: the touch's number, and how far it came.
    pub death: Option<(usize, Death)>,
    pub dead: bool,
    pub failing: Vec<Failing>,
}

/// What a scripted part does at a touch.
pub enum Cue {
    Live,
    /// The machine is off already, or goes off before anything happens.
    Dead,
    /// It goes off in the middle of the effect.
    Dying(Death),
}

pub type Shared = Rc<RefCell<Script>>;

impl Script {
    pub fn shared() -> Shared {
        Rc::new(RefCell::new(Script::default()))
    }

    /// Counts a touch.
    pub fn touch(&mut self, what: String, effect: Effect) -> Cue {
        if self.dead {
            return Cue::Dead;
        }
        let number = self.touches.len();
        self.touches.push(Touch { what, effect });
        match self.death {
            Some((at, how)) if at == number => {
                self.dead = true;
                if how == Death::Before {
                    Cue::Dead
                } else {
                    Cue::Dying(how)
                }
            }
            _ => Cue::Live,
        }
    }

    /// The fault that a call to a device meets now, if any.
    pub fn fault(&mut self, role: Role, path: &str, writes: bool) -> Option<Fault> {
        let now = self.touches.len().saturating_sub(1);
        let meets = |f: &&mut Failing| {
            let reads_too = f.fault == Fault::Vanished;
            let fits = writes || (reads_too && f.from < now);
            f.role == role && f.times > 0 && f.from <= now && fits && path.contains(&f.path)
        };
        let failing = self.failing.iter_mut().find(meets)?;
        failing.times -= 1;
        Some(failing.fault)
    }

    /// A new session at the machine: counting begins again.
    pub fn restart(&mut self, death: Option<(usize, Death)>) {
        self.touches.clear();
        self.dead = false;
        self.death = death;
    }
}
