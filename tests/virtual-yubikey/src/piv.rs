//! The PIV application: who may do what, data objects, PIN and PUK. One function for each command.
//! Sections are those of NIST SP 800-73-4 part 2; what has none is Yubico's.

mod manage;
mod use_keys;

use std::time::Instant;

use crate::apdu::{Command, Outcome, Status};
use crate::keys::TouchPolicy;
use crate::secrets::{ManagementKey, Reference};
use crate::tlv::{decode, encode, find, nest};
use crate::token::{Object, Session, Token, Version};
use crate::touch;

/// Where the certificate of the attestation key is.
pub const ATTESTATION_CERTIFICATE: u32 = 0x5f_ff01;
/// The slot of the attestation key.
const ATTESTATION: u8 = 0xf9;

const PIN: u8 = 0x80;
const PUK: u8 = 0x81;
const MANAGEMENT_KEY: u8 = 0x9b;

impl Token {
    pub(crate) fn piv(&mut self, command: &Command) -> Outcome {
        let since = |version| self.memory.version >= version;
        let fresh = std::mem::take(&mut self.session.pin_just_given);
        match command.ins {
            0x20 => self.verify(command),
            0x24 => self.change_reference_data(command),
            0x2c => self.reset_retry_counter(command),
            0x47 => self.generate(command),
            0x87 => self.general_authenticate(command, fresh),
            0xcb => self.get_data(command),
            0xdb => self.put_data(command),
            0xf6 if since(Version(5, 7, 0)) => self.move_key(command),
            0xf7 if since(Version(5, 3, 0)) => self.metadata(command),
            0xf8 if since(Version(5, 0, 0)) => Ok(self.memory.serial.to_be_bytes().to_vec()),
            0xf9 => self.attest(command),
            0xfa => self.set_pin_retries(command),
            0xfb => self.reset(),
            0xfd => Ok(vec![
                self.memory.version.0,
                self.memory.version.1,
                self.memory.version.2,
            ]),
            0xfe => self.import(command),
            0xff => self.set_management_key(command),
            _ => Err(Status::UNKNOWN_COMMAND),
        }
    }

    fn administrator_only(&self) -> Result<(), Status> {
        if self.session.administrator {
            Ok(())
        } else {
            Err(Status::SECURITY)
        }
    }

    /// VERIFY, section 3.2.1. Without data it asks for the tries left; P1 FF takes the PIN back.
    fn verify(&mut self, command: &Command) -> Outcome {
        if command.p2 != PIN {
            return Err(Status::NO_SUCH_REFERENCE);
        }
        match (command.p1, command.data) {
            (0x00, []) if self.session.pin => Ok(Vec::new()),
            (0x00, []) => Err(Status::wrong(self.memory.pin.left)),
            (0xff, []) => {
                self.forget_pin();
                Ok(Vec::new())
            }
            (0x00, pin) => {
                self.forget_pin();
                self.memory.pin.check(pin)?;
                (self.session.pin, self.session.pin_just_given) = (true, true);
                Ok(Vec::new())
            }
            _ => Err(Status::WRONG_PARAMETERS),
        }
    }

    fn forget_pin(&mut self) {
        (self.session.pin, self.session.pin_just_given) = (false, false);
    }

    /// CHANGE REFERENCE DATA, section 3.2.2: the old one and the new one, eight bytes each.
    fn change_reference_data(&mut self, command: &Command) -> Outcome {
        let reference = match command.p2 {
            PIN => &mut self.memory.pin,
            PUK => &mut self.memory.puk,
            _ => return Err(Status::NO_SUCH_REFERENCE),
        };
        let (old, new) = command.data.split_at_checked(8).ok_or(Status::WRONG_DATA)?;
        reference.check(old)?;
        reference.set(new)?;
        Ok(Vec::new())
    }

    /// RESET RETRY COUNTER, section 3.2.3: the PUK and a new PIN.
    fn reset_retry_counter(&mut self, command: &Command) -> Outcome {
        if command.p2 != PIN {
            return Err(Status::NO_SUCH_REFERENCE);
        }
        let (puk, pin) = command.data.split_at_checked(8).ok_or(Status::WRONG_DATA)?;
        self.memory.puk.check(puk)?;
        self.memory.pin.set(pin)?;
        self.forget_pin();
        Ok(Vec::new())
    }

    /// GET DATA, section 3.1.2. Which objects need the PIN: part 1, table 2.
    fn get_data(&self, command: &Command) -> Outcome {
        const PRINTED_INFORMATION: u32 = 0x5f_c109;
        const FINGERPRINTS: u32 = 0x5f_c103;
        const FACIAL_IMAGE: u32 = 0x5f_c108;
        const IRIS: u32 = 0x5f_c121;
        const DISCOVERY: u32 = 0x7e;
        let name = object_name(&decode(command.data).ok_or(Status::WRONG_DATA)?)?;
        match name {
            DISCOVERY => {
                // Section 3.1.2 and part 1, 3.3.2: not in a container; policy "PIV PIN only".
                let application = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
                Ok(nest(
                    0x7e,
                    &[encode(0x4f, &application), encode(0x5f2f, &[0x40, 0x00])],
                ))
            }
            PRINTED_INFORMATION | FINGERPRINTS | FACIAL_IMAGE | IRIS if !self.session.pin => {
                Err(Status::SECURITY)
            }
            _ => {
                let object = self.memory.objects.get(&name).ok_or(Status::NOT_FOUND)?;
                Ok(encode(0x53, &object.0))
            }
        }
    }

    /// PUT DATA, section 3.3.2. An empty object is removed.
    fn put_data(&mut self, command: &Command) -> Outcome {
        /// Yubico, "PIV objects".
        const LONGEST: usize = 3052;
        self.administrator_only()?;
        let fields = decode(command.data).ok_or(Status::WRONG_DATA)?;
        let name = object_name(&fields)?;
        let object = find(&fields, 0x53).ok_or(Status::WRONG_DATA)?;
        if object.len() > LONGEST {
            return Err(Status::NO_SPACE);
        }
        if object.is_empty() {
            self.memory.objects.remove(&name);
        } else {
            self.memory.objects.insert(name, Object(object.to_vec()));
        }
        Ok(Vec::new())
    }

    /// SET PIN RETRIES: both references go back to what they were at the factory.
    fn set_pin_retries(&mut self, command: &Command) -> Outcome {
        self.administrator_only()?;
        if !self.session.pin {
            return Err(Status::SECURITY);
        }
        if command.p1 == 0 || command.p2 == 0 {
            return Err(Status::WRONG_PARAMETERS);
        }
        self.memory.pin = Reference::new(Reference::DEFAULT_PIN, command.p1);
        self.memory.puk = Reference::new(Reference::DEFAULT_PUK, command.p2);
        self.forget_pin();
        Ok(Vec::new())
    }

    /// RESET: only once PIN and PUK are both blocked. The attestation key stays.
    fn reset(&mut self) -> Outcome {
        if self.memory.pin.left > 0 || self.memory.puk.left > 0 {
            return Err(Status::CONDITIONS);
        }
        let memory = &mut self.memory;
        memory.pin = Reference::new(Reference::DEFAULT_PIN, Reference::DEFAULT_LIMIT);
        memory.puk = Reference::new(Reference::DEFAULT_PUK, Reference::DEFAULT_LIMIT);
        memory.management = ManagementKey::factory(memory.version);
        memory.keys.retain(|slot, _| *slot == ATTESTATION);
        memory
            .objects
            .retain(|name, _| *name == ATTESTATION_CERTIFICATE);
        self.session = Session {
            application: self.session.application,
            ..Default::default()
        };
        Ok(Vec::new())
    }

    /// Whether a finger is there, if this policy asks for one.
    fn touched(&mut self, policy: TouchPolicy) -> Result<(), Status> {
        let recent = |at: Instant| at.elapsed() < touch::PATIENCE;
        match policy {
            TouchPolicy::Never => return Ok(()),
            TouchPolicy::Cached if self.session.touched.is_some_and(recent) => return Ok(()),
            TouchPolicy::Always | TouchPolicy::Cached => {}
        }
        let (touched, waited) = self.touch.ask();
        self.waited += waited;
        if !touched {
            return Err(Status::SECURITY);
        }
        self.session.touched = Some(touch::now());
        Ok(())
    }
}

/// Tag 5C names an object by up to three bytes: part 1, table 3.
fn object_name(fields: &[(u32, &[u8])]) -> Result<u32, Status> {
    let name = find(fields, 0x5c).filter(|name| (1..=3).contains(&name.len()));
    let name = name.ok_or(Status::WRONG_DATA)?;
    Ok(name
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The slots that keys can be in: 9A, 9C, 9D, 9E, twenty retired ones and F9.
fn slot(reference: u8) -> Result<u8, Status> {
    match reference {
        0x9a | 0x9c..=0x9e | 0x82..=0x95 | ATTESTATION => Ok(reference),
        _ => Err(Status::NO_SUCH_SLOT),
    }
}
