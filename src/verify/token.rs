//! The operators' tokens: what they showed at the roll call is judged again, offline, for the keys
//! of the certificates that the signatures verify against.

use super::{Fault, Material};
use crate::attestation::{Doubt, Evidence, Firmware, Proven};
use crate::engine::State;
use crate::openpgp::{Certificate, TokenCertificate};
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
    // A roll call may be held again: the last one counts, as for the certificates.
    let shown = entries
        .iter()
        .rev()
        .find_map(|placed| match placed.entry.event {
            Event::TokenAttested {
                holder: of,
                firmware,
            } if of == holder => Some((placed.entry.number, firmware)),
            _ => None,
        });
    let doubted = |doubt| Fault::Token(operator, doubt);
    // The fold does not call a token operator whose token was not shown.
    let (number, firmware) = shown.ok_or_else(|| doubted(Doubt::Form))?;
    let path = Entry::detail_path(number);
    if withheld.contains(&path) {
        return Ok(TokenSays::Withheld { firmware });
    }
    let evidence = evidence(material.files.get(&path)).map_err(doubted)?;
    if evidence.firmware != firmware {
        return Err(doubted(Doubt::OtherToken));
    }
    let file = files::operator_certificate(operator);
    let bytes = material.files.get(&file).map_or(&[][..], Vec::as_slice);
    let certificate = Certificate::from_armored(bytes)
        .and_then(TokenCertificate::from_certificate)
        .map_err(|error| Fault::Certificate(operator, error))?;
    let keys = certificate.keys();
    let judged = evidence.judge(&keys.signing, &keys.decryption);
    Ok(TokenSays::Proven(judged.map_err(doubted)?))
}

/// A detail file without its nonce.
fn evidence(file: Option<&Vec<u8>>) -> Result<Evidence, Doubt> {
    let text = file.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let (_nonce, text) = text
        .and_then(|text| text.split_once('\n'))
        .ok_or(Doubt::Form)?;
    Evidence::parse(text)
}
