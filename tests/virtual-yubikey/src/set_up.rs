//! A token that somebody has set up before: what a host would do in forty commands, done at once.

use crate::keys::{Algorithm, Key, Origin, PinPolicy, PrivateKey, TouchPolicy};
use crate::secrets::{ManagementKey, random};
use crate::tlv::{decode, encode, find};
use crate::token::{Object, Token};

/// "Printed Information": only with the PIN can it be read, so hosts keep the management key
/// there (ykman and yubico-piv-tool, "PIN-protected data").
const PROTECTED: u32 = 0x5f_c109;
/// Says that it is there (the same, "admin data").
const ADMIN_DATA: u32 = 0x5f_ff00;
const SIGNATURE: u8 = 0x9c;
const DECRYPTION: u8 = 0x9d;

impl Token {
    /// Gives it this PIN and PUK (six to eight characters), a management key of its own protected
    /// by the PIN, and new P-256 keys in 9c and 9d, both for PIN and touch each time. Their
    /// points (SEC 1, not compressed), in this order.
    ///
    /// # Panics
    ///
    /// If PIN or PUK can't be one.
    pub fn set_up(&mut self, pin: &str, puk: &str) -> [[u8; 65]; 2] {
        let set = self.memory.pin.set(&padded(pin));
        set.expect("six to eight characters");
        let set = self.memory.puk.set(&padded(puk));
        set.expect("six to eight characters");
        self.protect();
        let points = [SIGNATURE, DECRYPTION].map(|slot| self.make(slot));
        self.power_cycle();
        points
    }

    fn protect(&mut self) {
        let bytes = random(24);
        let ManagementKey { algorithm, .. } = self.memory.management;
        self.memory.management =
            ManagementKey::new(algorithm, &bytes, TouchPolicy::Never, self.memory.version)
                .expect("24 bytes are a key of both kinds that tokens are sold with");
        let key = encode(0x88, &encode(0x89, &bytes));
        self.memory.objects.insert(PROTECTED, Object(key));
        // The first flags, of which 02 is "the management key is stored".
        let flags = encode(0x80, &encode(0x81, &[0x02]));
        self.memory.objects.insert(ADMIN_DATA, Object(flags));
    }

    fn make(&mut self, slot: u8) -> [u8; 65] {
        let private = PrivateKey::generate(Algorithm::P256);
        let point = decode(&private.public())
            .and_then(|fields| find(&fields, 0x86)?.try_into().ok())
            .expect("65 bytes of a point that is not compressed");
        let policies: [(u32, &[u8]); 2] = [
            (0xaa, &[PinPolicy::Always as u8]),
            (0xab, &[TouchPolicy::Always as u8]),
        ];
        let key = Key::new(slot, private, Origin::Generated, &policies)
            .expect("these policies are known");
        self.memory.keys.insert(slot, key);
        point
    }
}

fn padded(reference: &str) -> Vec<u8> {
    let mut bytes = reference.as_bytes().to_vec();
    bytes.resize(bytes.len().max(8), 0xff);
    bytes
}
