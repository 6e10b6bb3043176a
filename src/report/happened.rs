//! What an entry says, in words.

use crate::record::event::Event;
use crate::record::value::{
    Act, Actors, Instead, Means, Opener, Part, PrintedBy, Sheet, Signed, Standing,
};

/// One sentence, without hashes: those are in the transcript.
pub fn in_words(event: &Event) -> String {
    match event {
        Event::Opened { .. } => "the record begins".to_string(),
        Event::ClockConfirmed {} => "the clock was compared with a watch".to_string(),
        Event::PreflightDone {
            passed,
            warned,
            failed,
        } => format!("the machine was checked: {passed} passed, {warned} warned, {failed} failed"),
        Event::RollCall { .. } => "operators A and B were called".to_string(),
        Event::TokenAttested { holder, firmware } => {
            format!("token of {holder}: attestation, firmware {firmware}")
        }
        Event::MediaReady { media } => format!("{media} media are ready"),
        Event::Authorise { act } => format!("checkpoint: {}", act_in_words(*act)),
        Event::Authorised { .. } => "both operators signed".to_string(),
        Event::Refused { sig_a, sig_b } => match (sig_a, sig_b) {
            (Signed::Refused, Signed::Refused) => "NOT signed by either operator".to_string(),
            (Signed::Refused, _) => "NOT signed by operator A".to_string(),
            _ => "NOT signed by operator B".to_string(),
        },
        Event::Generated {
            attempt, profile, ..
        } => format!("a key was made: attempt {attempt}, profile {profile}"),
        Event::FingerprintCopied {} => "the fingerprint was copied to paper".to_string(),
        Event::ReadBackFailed { attempt } => {
            format!("fingerprint read back, attempt {attempt}: WRONG")
        }
        Event::ReadBackMatched { attempts } => {
            format!("the fingerprint was read back as it is (attempt {attempts})")
        }
        Event::ShareFailed {
            custodian,
            part,
            attempt,
        } => format!("{}, attempt {attempt}: WRONG", share(*custodian, *part)),
        Event::ShareConfirmed {
            custodian,
            part,
            attempts,
        } => format!(
            "{}: typed back as it is (attempt {attempts})",
            share(*custodian, *part)
        ),
        Event::Stored { file, .. } => format!("{file} was written and read back"),
        other => later_in_words(other),
    }
}

/// The second half of the list, from the drill on.
fn later_in_words(event: &Event) -> String {
    match event {
        Event::BackedUp { files } => format!("the backup is on both secret media: {files} files"),
        Event::RevocationSaved { files } => {
            format!("the revocation certificate is on both secret media: {files} files")
        }
        Event::QuorumOpened {
            quorum,
            medium,
            opener,
        } => match opener {
            Opener::Token => format!("{quorum} opened the backup on {medium} with both tokens"),
            _ => format!("{quorum} opened the backup on {medium} ({opener})"),
        },
        Event::Drilled { quorums, .. } => {
            format!("drill: the key was restored and works; ways that were tried: {quorums}")
        }
        Event::TrialDone { .. } => "trial: the key in the token signed and decrypted".to_string(),
        Event::Erased {} => "what was secret is gone from the machine's memory".to_string(),
        Event::Enrolled { files } => format!("the operators are enrolled: {files} files"),
        Event::Printed {
            sheet, pages, how, ..
        } => format!(
            "{} on paper, {} (pages: {pages})",
            printed(*sheet),
            by(*how)
        ),
        Event::NotPrinted { sheet, how } => match how {
            Instead::ByHand => format!("{} NOT printed: copied by hand", printed(*sheet)),
            Instead::LeftOut => format!("{} NOT printed: left out", printed(*sheet)),
        },
        Event::Custody { items } => format!("who keeps what was written down: {items} items"),
        Event::Exported { files } => format!("what leaves the room is written: {files} files"),
        Event::SheetsChecked {} => {
            "both operators typed words of the fingerprint from their paper".to_string()
        }
        Event::CallFailed { attempt } => format!("telephone call, attempt {attempt}: FAILED"),
        Event::CallConfirmed { attempts, .. } => {
            format!("the verifier confirmed the fingerprint by telephone (attempt {attempts})")
        }
        Event::MessageNamed { bytes, .. } => {
            format!("a message of {bytes} bytes was named, to be opened")
        }
        Event::MessageOpened { bytes, .. } => {
            format!("the message was opened: {bytes} bytes of content")
        }
        Event::MessageRefused { .. } => "the message was NOT opened: it is not good".to_string(),
        Event::HeadNoted { .. } => "the head was written on paper".to_string(),
        Event::Paused {} => "planned stop".to_string(),
        Event::Resumed {
            medium, missing, ..
        } => match missing {
            None => format!("went on after a stop, with the copy on {medium}"),
            Some(missing) => {
                format!("went on after a stop, with the copy on {medium}; {missing} was MISSING")
            }
        },
        Event::Exception { decided } => format!("EXCEPTION; decided: {}", decided.plain()),
        Event::Abandoned { attempt, .. } => format!("the key of attempt {attempt} was GIVEN UP"),
        Event::Aborted {} => "ABORTED".to_string(),
        Event::Closed { entries, .. } => format!("closed, with {entries} entries"),
        other => other.name().to_string(),
    }
}

fn printed(sheet: Sheet) -> &'static str {
    match sheet {
        Sheet::Fingerprint => "the fingerprint sheet",
        Sheet::Recovery => "the recovery sheets",
    }
}

fn by(way: PrintedBy) -> &'static str {
    match way {
        PrintedBy::Raw => "on a printer of this machine",
        PrintedBy::Cups => "by the printing system",
        PrintedBy::Folder => "as files in a folder",
    }
}

/// What a checkpoint was signed for.
pub fn act_in_words(act: Act) -> String {
    match act {
        Act::Exception => "an exception".to_string(),
        Act::Resume => "to go on after a stop".to_string(),
        Act::Abandon => "that a key is given up".to_string(),
        step => format!("step \"{step}\""),
    }
}

/// Who acted.
pub fn actors(actors: &Actors) -> String {
    match actors.letters() {
        [] => "program".to_string(),
        letters => letters
            .iter()
            .map(char::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// How an operator came to be known in the ceremony.
pub fn standing(standing: Standing, means: Means) -> String {
    let known = match standing {
        Standing::Pinned => "known before the ceremony, says the record",
        Standing::Enrolled => "enrolled in the ceremony",
    };
    let with = match means {
        Means::File => "with a key file",
        Means::Token => "with a token",
    };
    format!("{known}, {with}")
}

fn share(custodian: char, part: Part) -> String {
    match part {
        Part::Whole => format!("share of custodian {custodian}"),
        Part::First => format!("first half of custodian {custodian}'s share"),
        Part::Second => format!("second half of custodian {custodian}'s share"),
    }
}

/// How long, for people.
pub fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds:02} s"),
        _ => format!("{hours} h {minutes:02} min {seconds:02} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_at_a_glance() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 00 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 00 min 00 s"),
            (90061, "25 h 01 min 01 s"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
