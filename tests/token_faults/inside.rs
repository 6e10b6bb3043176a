//! What is in a token, secrets and all: what the program must leave, and never tell.

use virtual_yubikey::SharedToken;

/// What is in a token, as it would be saved.
fn inside(token: &SharedToken) -> serde_json::Value {
    serde_json::from_str(&token.lock().to_json()).expect("it is JSON")
}

fn hex(value: &serde_json::Value) -> Vec<u8> {
    let text = value.as_str().expect("bytes are written as text");
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .expect("in hex")
}

pub fn management_key(token: &SharedToken) -> Vec<u8> {
    hex(&inside(token)["management"]["key"])
}

/// Whether PIN, PUK and management key are still those that it was sold with.
pub fn as_sold(token: &SharedToken) -> [bool; 3] {
    let inside = inside(token);
    let default = |name: &str| inside[name]["value"] == inside[name]["factory"];
    let sold: Vec<u8> = (1..=8).cycle().take(24).collect();
    [
        default("pin"),
        default("puk"),
        management_key(token) == sold,
    ]
}

/// All that is in a slot, the secret key included.
pub fn slot(token: &SharedToken, number: u8) -> serde_json::Value {
    inside(token)["keys"][number.to_string()].clone()
}

/// How often a key was made in a slot, successfully.
pub fn made(token: &SharedToken, number: u8) -> usize {
    const GENERATE: u8 = 0x47;
    let held = token.lock();
    let one = |e: &&virtual_yubikey::Exchange| {
        e.instruction == GENERATE && e.p2 == number && e.status.0 == 0x9000
    };
    held.log().iter().filter(one).count()
}
