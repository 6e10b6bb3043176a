//! The operators' tokens open capsules: B's takes the outer layer off, then A's the inner one.

use crate::backup::capsule;
use crate::openpgp::OpenPgpError;
use crate::operator::SignStop;
use crate::plan::Operator;
use crate::room::{Room, Stop};
use crate::screen::{Who, layout};
use crate::secret::{SecretBytes, SecretText};

/// The longest content of a layer, in bytes. The largest is the inner layer, with some 700.
const MAX_LAYER: usize = 8 * 1024;

/// What came of trying.
pub(super) enum Came {
    /// The K of each capsule.
    Opened(Vec<SecretText>),
    /// No further attempt would open them: why.
    Broken(String),
    /// An operator typed `!`. The exception is on the record.
    Stopped,
}

/// Has both operators open these capsules, each given with its file's name. Each layer takes a
/// PIN and a touch.
pub(super) fn open(room: &mut Room<'_>, capsules: &[(String, Vec<u8>)]) -> Result<Came, Stop> {
    let outside = capsules.iter().map(|(_, bytes)| bytes.clone());
    let mut layers: Vec<SecretBytes> = outside.map(SecretBytes::from_vec).collect();
    for operator in [Operator::B, Operator::A] {
        introduce(room, operator, capsules)?;
        for ((name, _), layer) in capsules.iter().zip(&mut layers) {
            match take_off(room, operator, layer)? {
                Ok(inside) => *layer = inside,
                Err(SignStop::Exception) => {
                    room.exception()?;
                    return Ok(Came::Stopped);
                }
                Err(SignStop::OpenPgp(error)) => {
                    return Ok(Came::Broken(said(&error, operator, name)));
                }
                Err(stop) => return Err(stop.into()),
            }
            room.say(&format!("{operator}'s layer of {name} is off."))?;
        }
    }
    Ok(Came::Opened(layers.iter().map(capsule::key_in).collect()))
}

fn introduce(
    room: &mut Room<'_>,
    operator: Operator,
    capsules: &[(String, Vec<u8>)],
) -> Result<(), Stop> {
    let names: Vec<&str> = capsules.iter().map(|(name, _)| name.as_str()).collect();
    let times = match capsules.len() {
        1 => "once".to_string(),
        times => format!("{times} times"),
    };
    let body = layout::paragraphs(&[
        &format!(
            "{operator}: plug your YubiKey in. It takes your layer off {}: type your PIN and \
             touch it, {times}.",
            names.join(" and ")
        ),
        "Let nobody see you type. The other operator looks away.",
    ]);
    let title = format!("Operator {operator}'s YubiKey opens its layer");
    room.page(Who::Operator(operator), &title, body)
}

fn take_off(
    room: &mut Room<'_>,
    operator: Operator,
    layer: &SecretBytes,
) -> Result<Result<SecretBytes, SignStop>, Stop> {
    let (place, now) = (room.place(), room.now());
    let Some(signatory) = room.operators[operator.index()].as_deref() else {
        room.say(&format!(
            "Operator {operator}'s key is not here: {operator} can open nothing."
        ))?;
        return Ok(Err(SignStop::Exception));
    };
    let terminal = &mut *room.edge.terminal;
    Ok(signatory.decrypt(terminal, &place, layer.expose(), MAX_LAYER, now))
}

fn said(error: &OpenPgpError, operator: Operator, name: &str) -> String {
    match error {
        OpenPgpError::NotForThisKey => {
            format!("{name} is not for {operator}'s YubiKey")
        }
        OpenPgpError::OnlySigns => format!("operator {operator} has no YubiKey"),
        _ => format!("{operator}'s layer of {name} is damaged"),
    }
}
