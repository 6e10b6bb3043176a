//! A host that speaks to a token directly, one APDU after the other.
#![allow(dead_code, reason = "each test file uses a part of it")]

use cipher::{BlockCipherEncrypt, KeyInit};
use virtual_yubikey::{Answer, Status, Token, Version};

pub const PIN: &[u8; 8] = b"123456\xff\xff";
pub const PUK: &[u8; 8] = b"12345678";
pub const PIV: [u8; 5] = [0xa0, 0, 0, 3, 8];
/// The default management key.
pub const KEY: [u8; 24] = [
    1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
];

pub struct Host<'a>(pub &'a mut Token);

impl Host<'_> {
    /// One APDU; `None` if the token is gone.
    pub fn apdu(&mut self, apdu: &[u8]) -> Option<(Vec<u8>, Status)> {
        match self.0.transmit(apdu) {
            Answer::Gone => None,
            Answer::Reply { mut bytes, .. } => {
                let low = bytes.pop().unwrap_or(0);
                let high = bytes.pop().unwrap_or(0);
                Some((bytes, Status(u16::from_be_bytes([high, low]))))
            }
        }
    }

    /// A command with all its data, chained, and the whole answer.
    pub fn send(&mut self, [ins, p1, p2]: [u8; 3], data: &[u8]) -> Result<Vec<u8>, Status> {
        let mut parts: Vec<&[u8]> = data.chunks(255).collect();
        let last = parts.pop().unwrap_or(&[]);
        for part in parts {
            let (_, status) = self
                .apdu(&[&[0x10, ins, p1, p2, 255][..], part].concat())
                .expect("here");
            if status != Status::OK {
                return Err(status);
            }
        }
        let length = u8::try_from(last.len()).expect("a chunk");
        let (mut answer, mut status) = self
            .apdu(&[&[0, ins, p1, p2, length][..], last].concat())
            .expect("here");
        while status.0 & 0xff00 == 0x6100 {
            let (more, next) = self.apdu(&[0, 0xc0, 0, 0, 0]).expect("here");
            answer.extend(more);
            status = next;
        }
        if status == Status::OK {
            Ok(answer)
        } else {
            Err(status)
        }
    }

    pub fn select(&mut self) {
        self.send([0xa4, 4, 0], &PIV).expect("every token has PIV");
    }

    pub fn verify(&mut self, pin: &[u8]) -> Result<(), Status> {
        self.send([0x20, 0, 0x80], pin).map(drop)
    }

    /// Shows the default management key.
    pub fn administrator(&mut self) {
        let old = self.0.version() < Version(5, 7, 0);
        let challenge = self.send([0x87, 0, 0x9b], &[0x7c, 2, 0x81, 0]);
        let (algorithm, challenge) = match challenge {
            Ok(challenge) => (0, challenge),
            Err(_) => (
                0x0a,
                self.send([0x87, 0x0a, 0x9b], &[0x7c, 2, 0x81, 0]).unwrap(),
            ),
        };
        assert_eq!(
            old,
            algorithm == 0,
            "which algorithm the management key has"
        );
        let response = if old {
            encrypt::<des::TdesEde3>(&challenge[4..])
        } else {
            encrypt::<aes::Aes192>(&challenge[4..])
        };
        let length = u8::try_from(response.len()).unwrap();
        let template = [&[0x7c, length + 2, 0x82, length][..], &response].concat();
        self.send([0x87, algorithm, 0x9b], &template)
            .expect("the default key");
    }

    /// A P-256 key in a slot, with these policies. Needs the management key.
    pub fn generate(&mut self, slot: u8, pin: u8, touch: u8) -> Result<Vec<u8>, Status> {
        let request = [0xac, 9, 0x80, 1, 0x11, 0xaa, 1, pin, 0xab, 1, touch];
        self.send([0x47, 0, slot], &request)
    }

    pub fn sign(&mut self, slot: u8) -> Result<Vec<u8>, Status> {
        let request = [&[0x7c, 36, 0x82, 0, 0x81, 32][..], &[7; 32]].concat();
        self.send([0x87, 0x11, slot], &request)
    }
}

/// One block with the default management key.
pub fn encrypt<C: KeyInit + BlockCipherEncrypt>(block: &[u8]) -> Vec<u8> {
    let mut block = cipher::Block::<C>::try_from(block).expect("a block");
    C::new_from_slice(&KEY)
        .expect("24 bytes")
        .encrypt_block(&mut block);
    block.to_vec()
}

/// A token that was selected.
pub fn token(version: Version) -> Token {
    let mut token = Token::with_own_root(12_345_678, version);
    Host(&mut token).select();
    token
}

pub fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}
