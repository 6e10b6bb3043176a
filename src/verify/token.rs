//! The operators' tokens: what they showed at the roll call is judged again, offline, for the keys
//! of the certificates that the signatures verify against. So is what the token showed that a key
//! was made in.

use super::{Fault, Material};
use crate::attestation::{Doubt, Evidence, Firmware, Proven};
use crate::engine::State;
use crate::openpgp::{Certificate, OpenPgpError, TokenCertificate};
use crate::plan::Operator;
use crate::record::entry::Entry;
use crate::record::event::Event;
use crate::record::files;
use crate::record::transcript::Placed;
use crate::record::value::{Holder, Means};

/// What is known of an operator's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSays {
    /// Its attestations are good.
    Proven(Proven),
    /// A public copy leaves them out.
    Withheld {
        /// What the transcript says.
        firmware: Firmware,
    },
}

pub(super) fn check(
    material: &Material,
    entries: &[Placed],
    state: &State,
    withheld: &[String],
) -> Result<[Option<TokenSays>; 2], Fault> {
    let Some(called) = &state.operators else {
        return Ok([None, None]);
    };
    let mut both = [None, None];
    for operator in Operator::ALL {
        let at = operator.index();
        if called.means[at] == Means::Token {
            both[at] = Some(one(material, entries, operator, withheld)?);
        }
    }
    Ok(both)
}

fn one(
    material: &Material,
    entries: &[Placed],
    operator: Operator,
    withheld: &[String],
) -> Result<TokenSays, Fault> {
    let holder = match operator {
        Operator::A => Holder::A,
        Operator::B => Holder::B,
    };
    let doubted = |doubt| Fault::Token(operator, doubt);
    // The fold does not call a token operator whose token was not shown.
    let shown = last_of(entries, holder).ok_or_else(|| doubted(Doubt::Form))?;
    let file = files::operator_certificate(operator);
    let certificate =
        certificate(material, &file).map_err(|error| Fault::Certificate(operator, error))?;
    judge(material, shown, &certificate, withheld).map_err(doubted)
}

/// The key, where it was made in a token and that showed what it is; an interruption may have come
/// between the two.
pub(super) fn check_key(
    material: &Material,
    entries: &[Placed],
    state: &State,
    withheld: &[String],
) -> Result<Option<TokenSays>, Fault> {
    let Some(key) = state.key.as_ref().filter(|key| key.in_token) else {
        return Ok(None);
    };
    let path = files::certificate(key.attempt);
    let certificate =
        certificate(material, &path).map_err(|error| Fault::Key(path, Some(error)))?;
    let is_made = |placed: &Placed| matches!(placed.entry.event, Event::Generated { attempt, .. } if attempt == key.attempt);
    let since = entries.iter().position(is_made).unwrap_or(entries.len());
    let Some(shown) = last_of(&entries[since..], Holder::Key) else {
        return Ok(None);
    };
    let says = judge(material, shown, &certificate, withheld);
    Ok(Some(says.map_err(Fault::KeyToken)?))
}

/// The last entry in which a token of that holder showed something, and with which firmware. A
/// roll call may be held again: the last one counts, as for the certificates.
fn last_of(entries: &[Placed], holder: Holder) -> Option<(u32, Firmware)> {
    entries
        .iter()
        .rev()
        .find_map(|placed| match placed.entry.event {
            Event::TokenAttested {
                holder: of,
                firmware,
            } if of == holder => Some((placed.entry.number, firmware)),
            _ => None,
        })
}

fn certificate(material: &Material, path: &str) -> Result<TokenCertificate, OpenPgpError> {
    let bytes = material.files.get(path).map_or(&[][..], Vec::as_slice);
    Certificate::from_armored(bytes).and_then(TokenCertificate::from_certificate)
}

fn judge(
    material: &Material,
    (number, firmware): (u32, Firmware),
    certificate: &TokenCertificate,
    withheld: &[String],
) -> Result<TokenSays, Doubt> {
    let path = Entry::detail_path(number);
    if withheld.contains(&path) {
        return Ok(TokenSays::Withheld { firmware });
    }
    let evidence = evidence(material.files.get(&path))?;
    if evidence.firmware != firmware {
        return Err(Doubt::OtherToken);
    }
    let keys = certificate.keys();
    let judged = evidence.judge(&keys.signing, &keys.decryption)?;
    Ok(TokenSays::Proven(judged))
}

/// A detail file without its nonce.
fn evidence(file: Option<&Vec<u8>>) -> Result<Evidence, Doubt> {
    let text = file.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let (_nonce, text) = text
        .and_then(|text| text.split_once('\n'))
        .ok_or(Doubt::Form)?;
    Evidence::parse(text)
}
