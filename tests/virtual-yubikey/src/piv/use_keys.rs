//! GENERAL AUTHENTICATE, section 3.2.4: to show the management key, to sign, to agree on a secret.

use crate::apdu::{Command, Outcome, Status};
use crate::keys::PinPolicy;
use crate::piv::{ATTESTATION, MANAGEMENT_KEY};
use crate::secrets::random;
use crate::tlv::{decode, encode, find};
use crate::token::{Challenge, Token};

/// Dynamic Authentication Template and what can be in it: table 7.
const TEMPLATE: u32 = 0x7c;
const WITNESS: u32 = 0x80;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;
const EXPONENTIATION: u32 = 0x85;

impl Token {
    pub(super) fn general_authenticate(&mut self, command: &Command, fresh: bool) -> Outcome {
        let outer = decode(command.data).ok_or(Status::WRONG_DATA)?;
        let inner = find(&outer, TEMPLATE).ok_or(Status::WRONG_DATA)?;
        let template = decode(inner).ok_or(Status::WRONG_DATA)?;
        if command.p2 == MANAGEMENT_KEY {
            self.show_management_key(command.p1, &template)
        } else {
            self.use_key(command, fresh, &template)
        }
    }

    /// Appendix A.1: the host shows that it has the key, and with a witness the token does too.
    fn show_management_key(&mut self, algorithm: u8, template: &[(u32, &[u8])]) -> Outcome {
        let key = &self.memory.management;
        if !key.is_meant_by(algorithm) {
            return Err(Status::WRONG_PARAMETERS);
        }
        let field = |tag| find(template, tag);
        // A challenge is good for one attempt.
        let challenge = self.session.challenge.take();
        match (field(WITNESS), field(CHALLENGE), field(RESPONSE)) {
            (Some([]), None, None) => {
                let witness = random(key.block());
                let sent = key.encrypt(&witness)?;
                self.session.challenge = Some(Challenge::Witness(witness));
                Ok(encode(TEMPLATE, &encode(WITNESS, &sent)))
            }
            (Some(shown), Some(hosts), None | Some([])) => {
                let right =
                    matches!(challenge, Some(Challenge::Witness(ref sent)) if sent == shown);
                let answer = key.encrypt(hosts)?;
                self.become_administrator(right)?;
                Ok(encode(TEMPLATE, &encode(RESPONSE, &answer)))
            }
            (None, Some([]), None) => {
                let sent = random(key.block());
                let answer = encode(TEMPLATE, &encode(CHALLENGE, &sent));
                self.session.challenge = Some(Challenge::Plain(sent));
                Ok(answer)
            }
            (None, None, Some(shown)) => {
                let Some(Challenge::Plain(sent)) = challenge else {
                    return Err(Status::SECURITY);
                };
                let right = key.encrypt(&sent)? == shown;
                self.become_administrator(right)?;
                Ok(Vec::new())
            }
            _ => Err(Status::WRONG_DATA),
        }
    }

    fn become_administrator(&mut self, right: bool) -> Result<(), Status> {
        if !right {
            self.session.administrator = false;
            return Err(Status::SECURITY);
        }
        self.touched(self.memory.management.touch)?;
        self.session.administrator = true;
        Ok(())
    }

    /// Appendix A.3 to A.5. No PIN or no touch: the status word does not say which.
    fn use_key(&mut self, command: &Command, fresh: bool, template: &[(u32, &[u8])]) -> Outcome {
        // The attestation key signs what the token says, never what a host says.
        let slot = super::slot(command.p2)
            .ok()
            .filter(|slot| *slot != ATTESTATION);
        let slot = slot.ok_or(Status::WRONG_PARAMETERS)?;
        let key = self.memory.keys.get(&slot).ok_or(Status::WRONG_DATA)?;
        if key.private.algorithm as u8 != command.p1 {
            return Err(Status::WRONG_PARAMETERS);
        }
        let pin = match key.pin {
            PinPolicy::Never => true,
            PinPolicy::Once => self.session.pin,
            // Yubico: "verified just before operation". Here nothing at all may come in between;
            // a host that gets on with this gets on with any reading of it.
            PinPolicy::Always => fresh,
        };
        if !pin {
            return Err(Status::SECURITY);
        }
        self.touched(key.touch)?;
        let private = &self.memory.keys[&slot].private;
        let output = match (find(template, CHALLENGE), find(template, EXPONENTIATION)) {
            (Some(input), None) => private.sign(input)?,
            (None, Some(point)) => private.agree(point)?,
            _ => return Err(Status::WRONG_DATA),
        };
        Ok(encode(TEMPLATE, &encode(RESPONSE, &output)))
    }
}
