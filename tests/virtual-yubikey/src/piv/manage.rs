//! What the holder of the management key does with keys, and what the token says about them.

use crate::apdu::{Command, Outcome, Status};
use crate::attestation;
use crate::keys::{Algorithm, Key, Origin, PrivateKey, TouchPolicy};
use crate::piv::{ATTESTATION, ATTESTATION_CERTIFICATE, MANAGEMENT_KEY, PIN, PUK, slot};
use crate::secrets::{ManagementKey, Reference};
use crate::tlv::{decode, encode, find};
use crate::token::Token;

impl Token {
    /// GENERATE ASYMMETRIC KEY PAIR, section 3.3.3: AC around the algorithm and the policies.
    pub(super) fn generate(&mut self, command: &Command) -> Outcome {
        self.administrator_only()?;
        let slot = slot(command.p2)?;
        let outer = decode(command.data).ok_or(Status::WRONG_DATA)?;
        let inner = find(&outer, 0xac).ok_or(Status::WRONG_DATA)?;
        let fields = decode(inner).ok_or(Status::WRONG_DATA)?;
        let Some([algorithm]) = find(&fields, 0x80) else {
            return Err(Status::WRONG_DATA);
        };
        let algorithm = self.algorithm(*algorithm)?;
        let key = Key::new(
            slot,
            PrivateKey::generate(algorithm),
            Origin::Generated,
            &fields,
        )?;
        let public = key.private.public();
        self.memory.keys.insert(slot, key);
        Ok(encode(0x7f49, &public))
    }

    /// IMPORT ASYMMETRIC KEY: never attested, for others may have it too.
    pub(super) fn import(&mut self, command: &Command) -> Outcome {
        self.administrator_only()?;
        let slot = slot(command.p2)?;
        let fields = decode(command.data).ok_or(Status::WRONG_DATA)?;
        let private = PrivateKey::import(self.algorithm(command.p1)?, &fields)?;
        let key = Key::new(slot, private, Origin::Imported, &fields)?;
        self.memory.keys.insert(slot, key);
        Ok(Vec::new())
    }

    fn algorithm(&self, id: u8) -> Result<Algorithm, Status> {
        Algorithm::known(id, self.memory.version).ok_or(Status::WRONG_DATA)
    }

    /// MOVE KEY, from firmware 5.7 on: P2 is where from, P1 where to; to FF is DELETE KEY.
    pub(super) fn move_key(&mut self, command: &Command) -> Outcome {
        const DELETE: u8 = 0xff;
        self.administrator_only()?;
        let (to, from) = (command.p1, slot(command.p2)?);
        if to != DELETE && (from == ATTESTATION || slot(to)? == ATTESTATION) {
            return Err(Status::NO_SUCH_SLOT);
        }
        // "The destination slot must be empty": Yubico, MoveKeyCommand.
        if self.memory.keys.contains_key(&to) {
            return Err(Status::WRONG_DATA);
        }
        let key = self
            .memory
            .keys
            .remove(&from)
            .ok_or(Status::NO_SUCH_REFERENCE)?;
        if to != DELETE {
            self.memory.keys.insert(to, key);
        }
        Ok(Vec::new())
    }

    /// SET MANAGEMENT KEY: algorithm, 9B, length, key. P2 FE: it will need a touch.
    pub(super) fn set_management_key(&mut self, command: &Command) -> Outcome {
        self.administrator_only()?;
        let touch = match (command.p1, command.p2) {
            (0xff, 0xff) => TouchPolicy::Never,
            (0xff, 0xfe) => TouchPolicy::Always,
            (0xff, 0xfd) => TouchPolicy::Cached,
            _ => return Err(Status::WRONG_PARAMETERS),
        };
        let [algorithm, MANAGEMENT_KEY, length, key @ ..] = command.data else {
            return Err(Status::WRONG_DATA);
        };
        if usize::from(*length) != key.len() {
            return Err(Status::WRONG_DATA);
        }
        self.memory.management = ManagementKey::new(*algorithm, key, touch, self.memory.version)?;
        Ok(Vec::new())
    }

    /// GET METADATA, from firmware 5.3 on. It says whether a default was changed, but no secret.
    pub(super) fn metadata(&self, command: &Command) -> Outcome {
        let reference = |reference: &Reference| {
            let tries = [reference.limit, reference.left];
            vec![
                (1, vec![0xff]),
                (5, vec![u8::from(reference.is_default())]),
                (6, tries.to_vec()),
            ]
        };
        let fields = match command.p2 {
            PIN => reference(&self.memory.pin),
            PUK => reference(&self.memory.puk),
            MANAGEMENT_KEY => {
                let key = &self.memory.management;
                let default = vec![u8::from(key.is_default())];
                vec![
                    (1, vec![key.algorithm]),
                    (2, vec![0, key.touch as u8]),
                    (5, default),
                ]
            }
            slot => {
                let key = self
                    .memory
                    .keys
                    .get(&slot)
                    .ok_or(Status::NO_SUCH_REFERENCE)?;
                vec![
                    (1, vec![key.private.algorithm as u8]),
                    (2, vec![key.pin as u8, key.touch as u8]),
                    (3, vec![key.origin as u8]),
                    (4, key.private.public()),
                ]
            }
        };
        Ok(fields
            .iter()
            .flat_map(|(tag, value)| encode(*tag, value))
            .collect())
    }

    /// ATTEST: only for a key that was made here. Anyone may ask.
    pub(super) fn attest(&self, command: &Command) -> Outcome {
        let memory = &self.memory;
        let slot = slot(command.p1)?;
        let key = memory
            .keys
            .get(&slot)
            .filter(|key| key.origin == Origin::Generated);
        let attesting = memory.keys.get(&ATTESTATION);
        let certificate = memory
            .objects
            .get(&ATTESTATION_CERTIFICATE)
            .and_then(|object| object.as_certificate());
        let (Some(key), Some(attesting), Some(certificate)) = (key, attesting, certificate) else {
            return Err(Status::WRONG_DATA);
        };
        let device = (memory.version, memory.serial, memory.form_factor);
        attestation::attest(slot, key, (attesting, certificate), device).ok_or(Status::WRONG_DATA)
    }
}
