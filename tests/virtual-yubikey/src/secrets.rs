//! What is compared and never given out: PIN, PUK, management key.

use cipher::{BlockCipherEncrypt, KeyInit};
use serde::{Deserialize, Serialize};

use crate::apdu::{Outcome, Status};
use crate::keys::{TouchPolicy, hex};
use crate::token::Version;

/// A PIN or PUK with its retry counter: SP 800-73-4 part 2, section 2.4.3. Always eight bytes:
/// a shorter one is filled up with FF.
#[derive(Serialize, Deserialize)]
pub struct Reference {
    #[serde(with = "hex")]
    value: Vec<u8>,
    #[serde(with = "hex")]
    factory: Vec<u8>,
    pub limit: u8,
    pub left: u8,
}

impl Reference {
    pub const DEFAULT_PIN: &[u8; 8] = b"123456\xff\xff";
    pub const DEFAULT_PUK: &[u8; 8] = b"12345678";
    /// What a new YubiKey allows for each.
    pub const DEFAULT_LIMIT: u8 = 3;

    pub fn new(factory: &[u8; 8], limit: u8) -> Self {
        Self {
            value: factory.to_vec(),
            factory: factory.to_vec(),
            limit,
            left: limit,
        }
    }

    /// Counts down before it compares, so that power that fails in between gains no try.
    pub fn check(&mut self, given: &[u8]) -> Result<(), Status> {
        if given.len() != 8 {
            return Err(Status::WRONG_DATA);
        }
        self.left = self.left.checked_sub(1).ok_or(Status::BLOCKED)?;
        if given != self.value {
            return Err(Status::wrong(self.left));
        }
        self.left = self.limit;
        Ok(())
    }

    /// Six to eight bytes and then FF, nothing else.
    pub fn set(&mut self, new: &[u8]) -> Result<(), Status> {
        let length = new
            .iter()
            .position(|byte| *byte == 0xff)
            .unwrap_or(new.len());
        if new.len() != 8 || length < 6 || new[length..].iter().any(|byte| *byte != 0xff) {
            return Err(Status::WRONG_DATA);
        }
        self.value = new.to_vec();
        self.left = self.limit;
        Ok(())
    }

    pub fn is_default(&self) -> bool {
        self.value == self.factory
    }
}

/// The key that may change what is on the token: reference 9B. Its algorithm identifiers are in
/// SP 800-78-4, table 6-2.
#[derive(Serialize, Deserialize)]
pub struct ManagementKey {
    pub algorithm: u8,
    #[serde(with = "hex")]
    key: Vec<u8>,
    pub touch: TouchPolicy,
}

impl ManagementKey {
    const TRIPLE_DES: u8 = 0x03;
    const AES_192: u8 = 0x0a;
    /// 01 to 08, three times: 24 bytes fit both algorithms.
    const DEFAULT: [u8; 24] = [
        1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
    ];

    /// As it leaves the factory: from firmware 5.7 on with AES-192.
    pub fn factory(version: Version) -> Self {
        let algorithm = if version >= Version(5, 7, 0) {
            Self::AES_192
        } else {
            Self::TRIPLE_DES
        };
        Self {
            algorithm,
            key: Self::DEFAULT.to_vec(),
            touch: TouchPolicy::Never,
        }
    }

    /// AES came with firmware 5.4.2.
    pub fn new(
        algorithm: u8,
        key: &[u8],
        touch: TouchPolicy,
        version: Version,
    ) -> Result<Self, Status> {
        if algorithm != Self::TRIPLE_DES && version < Version(5, 4, 2) {
            return Err(Status::WRONG_DATA);
        }
        let new = Self {
            algorithm,
            key: key.to_vec(),
            touch,
        };
        new.encrypt(&vec![0; new.block()])?;
        Ok(new)
    }

    /// Bytes in a challenge.
    pub fn block(&self) -> usize {
        if self.algorithm == Self::TRIPLE_DES {
            8
        } else {
            16
        }
    }

    /// P1 of the command says which algorithm; 00 stands for triple DES.
    pub fn is_meant_by(&self, p1: u8) -> bool {
        p1 == self.algorithm || (p1 == 0 && self.algorithm == Self::TRIPLE_DES)
    }

    pub fn is_default(&self) -> bool {
        self.key == Self::DEFAULT
    }

    pub fn encrypt(&self, block: &[u8]) -> Outcome {
        match self.algorithm {
            Self::TRIPLE_DES => one_block::<des::TdesEde3>(&self.key, block),
            0x08 => one_block::<aes::Aes128>(&self.key, block),
            Self::AES_192 => one_block::<aes::Aes192>(&self.key, block),
            0x0c => one_block::<aes::Aes256>(&self.key, block),
            _ => Err(Status::WRONG_DATA),
        }
    }
}

fn one_block<C: KeyInit + BlockCipherEncrypt>(key: &[u8], block: &[u8]) -> Outcome {
    let cipher = C::new_from_slice(key).map_err(|_| Status::WRONG_DATA)?;
    let mut block = cipher::Block::<C>::try_from(block).map_err(|_| Status::WRONG_DATA)?;
    cipher.encrypt_block(&mut block);
    Ok(block.to_vec())
}

/// Challenges, serial numbers, garbage.
pub fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}
