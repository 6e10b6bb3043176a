//! Two threads carry the pieces of a stream through the same stages.
//!
//! A thread takes its piece through all stages itself, so that the piece stays in one processor's
//! cache, and no stage waits for a thread of its own. Two pieces are under way at most: memory
//! does not grow with the stream.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is done with a piece.
pub(super) enum Stage<'a, P, E> {
    /// One piece at a time, in their order.
    InOrder(InOrder<'a, P, E>),
    /// Both at the same time.
    AtOnce(AtOnce<'a, P, E>),
}

type InOrder<'a, P, E> = Box<dyn FnMut(&mut P) -> Result<(), E> + Send + 'a>;
type AtOnce<'a, P, E> = Box<dyn Fn(&mut P) -> Result<(), E> + Send + Sync + 'a>;

impl<'a, P, E> Stage<'a, P, E> {
    pub(super) fn in_order(work: impl FnMut(&mut P) -> Result<(), E> + Send + 'a) -> Self {
        Stage::InOrder(Box::new(work))
    }

    pub(super) fn at_once(work: impl Fn(&mut P) -> Result<(), E> + Send + Sync + 'a) -> Self {
        Stage::AtOnce(Box::new(work))
    }
}

/// Fills pieces with `source`, in order, until it says that there was nothing more to fill (`false`),
/// and takes each through `stages`.
///
/// # Errors
///
/// The first error of the source or a stage. After it no stage starts with another piece.
pub(super) fn run<P: Send, E: Send>(
    pieces: [P; 2],
    source: impl FnMut(&mut P) -> Result<bool, E> + Send,
    stages: Vec<Stage<'_, P, E>>,
) -> Result<(), E> {
    let line = Line {
        source: Gate::new((source, false)),
        stages: stages.into_iter().map(Station::new).collect(),
        fault: Mutex::new(None),
    };
    let [mine, theirs] = pieces;
    std::thread::scope(|scope| {
        scope.spawn(|| line.work(theirs));
        line.work(mine);
    });
    match line.fault.into_inner() {
        Ok(Some(fault)) => Err(fault),
        // Poison means that a thread panicked, and then the scope did too.
        _ => Ok(()),
    }
}

struct Line<'a, S, P, E> {
    /// The source, and whether it has ended.
    source: Gate<(S, bool)>,
    stages: Vec<Station<'a, P, E>>,
    fault: Mutex<Option<E>>,
}

enum Station<'a, P, E> {
    InOrder(Gate<InOrder<'a, P, E>>),
    AtOnce(AtOnce<'a, P, E>),
}

impl<'a, P, E> Station<'a, P, E> {
    fn new(stage: Stage<'a, P, E>) -> Self {
        match stage {
            Stage::InOrder(work) => Station::InOrder(Gate::new(work)),
            Stage::AtOnce(work) => Station::AtOnce(work),
        }
    }
}

impl<S, P, E> Line<'_, S, P, E>
where
    S: FnMut(&mut P) -> Result<bool, E>,
{
    /// Takes piece after piece through the line, in the room of `piece`.
    fn work(&self, mut piece: P) {
        let stop = StopAtEnd(self);
        let ended = self.pieces(&mut piece);
        match ended {
            // The other thread may still have a piece under way.
            Ok(()) => std::mem::forget(stop),
            Err(fault) => {
                let mut first = relock(self.fault.lock());
                first.get_or_insert(fault);
            }
        }
    }

    fn pieces(&self, piece: &mut P) -> Result<(), E> {
        loop {
            let Some(turn) = self.next(piece)? else {
                return Ok(());
            };
            for station in &self.stages {
                match station {
                    Station::AtOnce(work) => work(piece)?,
                    Station::InOrder(gate) => match gate.pass(turn, |work| work(piece)) {
                        Some(done) => done?,
                        None => return Ok(()),
                    },
                }
            }
        }
    }

    /// Fills `piece` and says which one it is; `None` at the end.
    fn next(&self, piece: &mut P) -> Result<Option<u64>, E> {
        let mut turn = relock(self.source.turn.lock());
        let (source, ended) = &mut turn.work;
        if *ended {
            return Ok(None);
        }
        // Ended, too, if it fails: the other thread must not ask it again.
        *ended = true;
        if !source(piece)? {
            return Ok(None);
        }
        *ended = false;
        turn.next += 1;
        Ok((!turn.stopped).then_some(turn.next - 1))
    }

    fn stop(&self) {
        self.source.stop();
        relock(self.source.turn.lock()).work.1 = true;
        for station in &self.stages {
            if let Station::InOrder(gate) = station {
                gate.stop();
            }
        }
    }
}

/// Stops the line when a thread leaves with an error or a panic: the other must not wait for it.
struct StopAtEnd<'l, 'a, S, P, E>(&'l Line<'a, S, P, E>)
where
    S: FnMut(&mut P) -> Result<bool, E>;

impl<S, P, E> Drop for StopAtEnd<'_, '_, S, P, E>
where
    S: FnMut(&mut P) -> Result<bool, E>,
{
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Lets the pieces in one by one, by their numbers.
struct Gate<F> {
    turn: Mutex<Turn<F>>,
    moved: Condvar,
}

struct Turn<F> {
    next: u64,
    stopped: bool,
    work: F,
}

impl<F> Gate<F> {
    fn new(work: F) -> Gate<F> {
        Gate {
            turn: Mutex::new(Turn {
                next: 0,
                stopped: false,
                work,
            }),
            moved: Condvar::new(),
        }
    }

    /// Waits until it is this piece's turn; `None` if the line was stopped.
    fn pass<E>(
        &self,
        number: u64,
        with: impl FnOnce(&mut F) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let mut turn = relock(self.turn.lock());
        while turn.next != number && !turn.stopped {
            turn = relock(self.moved.wait(turn));
        }
        if turn.stopped {
            return None;
        }
        let done = with(&mut turn.work);
        turn.next += 1;
        turn.stopped = done.is_err();
        self.moved.notify_all();
        Some(done)
    }

    fn stop(&self) {
        relock(self.turn.lock()).stopped = true;
        self.moved.notify_all();
    }
}

/// A lock that a panic poisoned is still good for stopping; nothing is done with it otherwise.
fn relock<'l, T>(
    lock: Result<MutexGuard<'l, T>, PoisonError<MutexGuard<'l, T>>>,
) -> MutexGuard<'l, T> {
    lock.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Numbers up to `last` through three stages; the stage `fails_in` fails at `fails_at`.
    fn count(last: u64, fails_in: usize, fails_at: u64) -> (Result<(), usize>, Vec<u64>) {
        let (mut given, mut seen) = (0, Vec::new());
        let squares = AtomicU64::new(0);
        let check = |stage: usize, number: u64| match stage == fails_in && number == fails_at {
            true => Err(stage),
            false => Ok(()),
        };
        let mut over = false;
        let source = |piece: &mut u64| {
            assert!(!over, "it is asked again after its end");
            over = given == last || check(0, given).is_err();
            check(0, given)?;
            *piece = given;
            given += 1;
            Ok(!over)
        };
        let stages = vec![
            Stage::at_once(|piece: &mut u64| {
                squares.fetch_add(*piece, Ordering::Relaxed);
                check(1, *piece)
            }),
            Stage::in_order(|piece: &mut u64| {
                seen.push(*piece);
                check(2, *piece)
            }),
            Stage::in_order(|piece: &mut u64| check(3, *piece)),
        ];
        let ran = run([0, 0], source, stages);
        (ran, seen)
    }

    #[test]
    fn every_piece_comes_through_once_and_in_order() {
        for last in [0, 1, 2, 3, 10_000] {
            let (ran, seen) = count(last, 9, 0);
            assert_eq!(ran, Ok(()));
            assert!(seen.iter().copied().eq(0..last), "{last}");
        }
    }

    #[test]
    fn an_error_in_any_stage_ends_the_line() {
        for stage in 0..=3 {
            for at in [0, 1, 2, 99] {
                let (ran, seen) = count(100, stage, at);
                assert_eq!(ran, Err(stage), "{at}");
                let len = seen.len() as u64;
                assert!(seen.iter().copied().eq(0..len), "stage {stage} at {at}");
                // The other thread's piece may be one further, and not more.
                let most = [at, at, at + 1, at + 2][stage];
                assert!(len <= most, "stage {stage} at {at}: {len} pieces went on");
            }
        }
    }

    #[test]
    fn a_panic_in_a_stage_does_not_leave_the_other_thread_waiting() {
        let caught = std::panic::catch_unwind(|| {
            let mut left = 10;
            let source = |_: &mut ()| {
                left -= 1;
                Ok::<bool, ()>(left > 0)
            };
            let mut turns = 0;
            let stage = Stage::in_order(move |(): &mut ()| {
                turns += 1;
                assert!(turns < 5, "as the test wants it");
                Ok(())
            });
            run([(), ()], source, vec![stage])
        });
        assert!(caught.is_err());
    }
}
