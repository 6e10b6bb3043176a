//! Both operators compare the machine's clock with a watch.

use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::time;
use crate::record::value::Actors;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    if !room.clock_confirmed {
        confirm(room)?;
    }
    room.record(Event::ClockConfirmed {}, Actors::both())
}

/// Asks both operators whether the clock is right, and lets them set it.
///
/// The record's times come from this clock, so this is asked before the record begins.
pub fn confirm(room: &mut Room<'_>) -> Result<(), Stop> {
    loop {
        let shown = time::for_people(room.edge.system.now());
        let body = layout::paragraphs(&[
            &format!("This machine's clock says    {shown}"),
            "UTC is the time in London in winter, without summer time. Compare it with a watch \
             that you trust, each of you. Two minutes more or less do not matter.",
            "From here to the end: where anything is not as it should be, type ! and press \
             Enter, whatever the question is. It is written down, and you decide together.",
        ]);
        room.page(Who::Both, "Is the clock right?", body)?;
        let mut right = true;
        for operator in Operator::ALL {
            let prompt = format!(
                "Operator {operator}: is it right? Type your letter, {operator}, or n for no"
            );
            right &= answer(room, operator, &prompt)?;
            if !right {
                break;
            }
        }
        if right {
            room.clock_confirmed = true;
            return Ok(());
        }
        set(room)?;
    }
}

fn answer(room: &mut Room<'_>, operator: Operator, prompt: &str) -> Result<bool, Stop> {
    loop {
        let asks = Asks::ClockRight(operator);
        let typed = room
            .ask_line(Who::Operator(operator), asks, prompt)?
            .to_ascii_lowercase();
        match typed.as_str() {
            "n" | "no" => return Ok(false),
            typed if typed.eq_ignore_ascii_case(&operator.to_string()) => return Ok(true),
            _ => room.say("Please type your letter, or n.")?,
        }
    }
}

fn set(room: &mut Room<'_>) -> Result<(), Stop> {
    loop {
        let prompt = "Type the right time in UTC, like 2026-01-31 14:05, or nothing to go back";
        let typed = room.ask_line(Who::Both, Asks::Time, prompt)?;
        if typed.is_empty() {
            return Ok(());
        }
        let Some(at) = parse(&typed) else {
            room.say("That is not a date and time like 2026-01-31 14:05.")?;
            continue;
        };
        match room.edge.system.set_clock(at) {
            Ok(()) => return Ok(()),
            Err(error) => {
                let remedy = crate::error::Explain::remedy(&error);
                room.say(&format!("{error}. {remedy}"))?;
            }
        }
    }
}

/// Reads `2026-01-31 14:05`, seconds allowed.
fn parse(typed: &str) -> Option<time::UnixTime> {
    let (date, clock) = typed.split_once(' ')?;
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    time::parse(&format!("{date}T{}{seconds}Z", clock.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_typed_with_or_without_seconds() {
        assert_eq!(
            parse("2026-01-02 03:04"),
            time::parse("2026-01-02T03:04:00Z")
        );
        assert_eq!(
            parse("2026-01-02 03:04:05"),
            time::parse("2026-01-02T03:04:05Z")
        );
        for bad in [
            "2026-01-02",
            "03:04",
            "2026-13-02 03:04",
            "2026-01-02 25:04",
            "now",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
