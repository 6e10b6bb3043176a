//! A YubiKey's PIV application in software, and the readers it is put into. For tests only.
//!
//! Read it as a description of the protocol:
//!
//! | file | layer | source |
//! | --- | --- | --- |
//! | `apdu.rs` | commands, answers, chaining | ISO/IEC 7816-4, 5.1 to 5.3 |
//! | `tlv.rs` | how data is packed inside them | ISO/IEC 7816-4, 5.2; X.690 for certificates |
//! | `token.rs` | the device: power, applications, faults | |
//! | `piv.rs`, `piv/` | the PIV application, one function for each command | NIST SP 800-73-4, part 2; Yubico's extensions |
//! | `secrets.rs` | PIN, PUK, management key | the same |
//! | `keys.rs` | asymmetric keys | NIST SP 800-78-4 |
//! | `attestation.rs` | certificates that say where a key was made | Yubico, "PIV attestation" |
//! | `set_up.rs` | a token that somebody has set up before | |
//! | `reader.rs` | a token on a wire | vsmartcard's vpcd protocol |
//! | `vscard.rs`, `t1.rs` | a token in a virtual machine | libcacard's protocol; ISO/IEC 7816-3 |
//! | `saved.rs` | a token that lives in a file | |
//! | `pcscd.rs`, `states.rs`, `alone.rs` | a PC/SC service for one test | pcsc-lite |
//!
//! [`Token`] is a pure state machine: it waits for nothing, and a pulled token is an answer
//! like any other. Yubico's extensions are described at
//! <https://developers.yubico.com/PIV/Introduction/Yubico_extensions.html>, the commands one by
//! one at <https://docs.yubico.com/yesdk/users-manual/application-piv/commands.html>.
//!
//! What it is not: a place for a key. Memory is not wiped, arithmetic is not constant-time, and
//! a saved token is a file with its keys in it.

#![forbid(unsafe_code)]

mod alone;
mod apdu;
mod attestation;
mod fault;
mod keys;
mod pcscd;
mod piv;
mod reader;
mod saved;
mod secrets;
mod set_up;
mod states;
mod t1;
mod tlv;
mod token;
mod touch;
pub mod vscard;

pub use alone::alone_with_pcscd;
pub use apdu::Status;
pub use attestation::Authority;
pub use fault::Fault;
pub use keys::{Algorithm, Origin, PinPolicy, TouchPolicy};
pub use pcscd::{Pcscd, PcscdError};
pub use reader::{Reader, ReaderError};
pub use token::{Answer, Exchange, SharedToken, Token, Version};
pub use touch::Touch;
