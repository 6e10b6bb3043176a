//! What the operators take home from an enrolment: both certificates, and the lines for the site
//! file that pin them. Each has their own fingerprint on paper by then, and typed it from there.

use crate::digest::{Digest, Fingerprint};
use crate::edge::media::Access;
use crate::engine::ENROL_FILES;
use crate::operator::key_path;
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Actors, Means, Token};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};

pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let known = room.state().operators.clone();
    let known = known.expect("the engine runs this only after the roll call");
    if room.state().seen().is_empty() {
        for operator in Operator::ALL {
            on_paper(room, operator, &known.fingerprints[operator.index()])?;
        }
    }
    let contents = [
        certificate(room, Operator::A),
        certificate(room, Operator::B),
        site_lines(room).into_bytes(),
    ];
    for (at, (name, bytes)) in ENROL_FILES.iter().zip(contents).enumerate() {
        if at < room.state().seen().len() {
            continue;
        }
        // Serial numbers are nobody else's business.
        let roles: &[Role] = match *name {
            "site.toml" => &[Role::OperatorA, Role::OperatorB],
            _ => &[Role::OperatorA, Role::OperatorB, Role::Public],
        };
        room.store(roles, name, &bytes, Access::Public)?;
        let event = Event::Stored {
            file: Token::new(name).expect("the names are tokens"),
            sha256: Digest::of(&bytes),
        };
        room.record(event, Actors::none())?;
    }
    let folder = room.id.clone();
    let body = layout::paragraphs(&[
        &format!(
            "Both certificates, and the lines for the site file that pin both of you, are in the \
             folder {folder} on both operators' media; the certificates on the public one, too."
        ),
        "In the next ceremony, give the program a site file with those lines: it then knows you \
         by your fingerprints, and the record says so.",
    ]);
    room.page(Who::Both, "You are enrolled", body)?;
    room.done(Who::Both, Asks::Done, "Press Enter to go on")?;
    let files = ENROL_FILES.len() as u32;
    room.record(Event::Enrolled { files }, Actors::none())
}

/// The operator copies their fingerprint, and types it from the paper, unseen on the screen.
fn on_paper(room: &mut Room<'_>, operator: Operator, own: &Fingerprint) -> Result<(), Stop> {
    let who = Who::Operator(operator);
    let rows = own.rows();
    loop {
        let mut body = layout::paragraphs(&[
            "This is your fingerprint. Write it on your own paper and keep that: with it you prove, \
             years from now, which records are yours.",
        ]);
        body.push(String::new());
        let numbered = rows.iter().enumerate();
        body.extend(numbered.map(|(at, row)| format!("    row {}    {}", at + 1, row.join("  "))));
        room.page(who, &format!("Operator {operator} copies"), body)?;
        room.one_agrees(operator, "is it all on your paper", Asks::Copied(operator))?;
        let body = layout::paragraphs(&["Now type it from your paper, row by row."]);
        room.page(who, &format!("Operator {operator} types it back"), body)?;
        let mut wrong = None;
        for (at, row) in rows.iter().enumerate() {
            let prompt = format!("row {} of {}", at + 1, rows.len());
            let typed = room.ask_line(who, Asks::HexRow(at), &prompt)?;
            let typed: String = typed.split_whitespace().collect();
            if !typed.eq_ignore_ascii_case(&row.concat()) {
                wrong = wrong.or(Some(at + 1));
            }
        }
        match wrong {
            None => return Ok(()),
            Some(row) => room.say(&format!(
                "Row {row} is not as it was shown. Look at it again, and correct your paper."
            ))?,
        }
        room.done(who, Asks::Done, "Press Enter to see it again")?;
    }
}

fn certificate(room: &Room<'_>, operator: Operator) -> Vec<u8> {
    let file = room.journal.file(&files::operator_certificate(operator));
    file.expect("the roll call put it into the record").to_vec()
}

/// The lines that pin both operators in a site file.
fn site_lines(room: &Room<'_>) -> String {
    let known = room.state().operators.as_ref();
    let known = known.expect("the engine runs this only after the roll call");
    let mut text = format!("# Pins the operators of {}. Copy these lines\n", room.id);
    text.push_str("# into your site file, and compare the fingerprints with your papers.\n");
    for operator in Operator::ALL {
        let letter = operator.to_string().to_lowercase();
        let fingerprint = &known.fingerprints[operator.index()];
        text.push_str(&format!("\n[operator-{letter}]\n"));
        text.push_str(&format!("fingerprint = \"{fingerprint}\"\n"));
        match (
            known.means[operator.index()],
            super::roll_call::evidence(room, operator),
        ) {
            (Means::Token, Some(evidence)) => {
                text.push_str(&format!("token = \"{}\"\n", evidence.serial));
                let path = format!("{}/operator-{letter}.asc", room.id);
                text.push_str(&format!("certificate = \"{path}\"\n"));
            }
            _ => {
                let key = key_path(&room.id, operator);
                text.push_str(&format!("key = \"{key}\"\n"));
            }
        }
    }
    text
}
