//! Records that are good, and hold what somebody made up to harm whoever reads them.

use ceremony::digest::Digest;
use ceremony::openpgp::{LockedKey, Profile, SecretKey};
use ceremony::plan::Operator;
use ceremony::record::files as names;
use ceremony::record::time;
use ceremony::secret::SecretText;
use ceremony::verify::{Material, Pins};

use super::forge::{Forge, Signer};
use super::{Held, eventful};

/// Markup, breaks out of attributes, entities, what moves or hides text, terminal codes.
pub const HOSTILE: &str = "</td></table><script>alert(1)</script><img src=x onerror='alert(1)'>\
    \" onload=\"alert(1)\n&lt;script&gt; javascript:alert(1) <a href=\"http://evil.example\">x</a>\
    <!-- ]]> </title></style><style>@import url(//evil)</style>\u{202e}\u{2066}\u{0}\u{1b}[2J\r\
    \u{feff}\u{200b}\u{3164}\u{e0041}a\u{301}\u{301}\u{301}\u{301}\u{301} \\u{202e}";

/// Stands in both operators' place, with keys of its own.
struct Strangers([(LockedKey, SecretText); 2]);

impl Signer for Strangers {
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8> {
        let (key, words) = &self.0[operator.index()];
        key.sign(words, message, at, None).expect("signs")
    }
}

/// The same record with `text` wherever a record may hold one: details, fragments, user IDs of
/// both operators and of the key. Everything is signed anew, so it is good.
pub fn written_over(held: &Held, text: &str, uid: &str) -> (Material, Pins) {
    let mut forge = held.forge();
    let made = time::parse(forge.pieces[0].get("time")).expect("a time");
    let locked = || {
        let words = SecretText::from_string("words".to_string());
        let key = LockedKey::generate(uid, &words, made, None).expect("a key");
        (key, words)
    };
    let strangers = Strangers([locked(), locked()]);
    let mut pins = Pins::default();
    for operator in Operator::ALL {
        let certificate = strangers.0[operator.index()].0.certificate();
        let path = names::operator_certificate(operator);
        let fingerprint = certificate.fingerprint();
        forge.others.insert(path, certificate.armored(None));
        let label = ["operator-a", "operator-b"][operator.index()];
        for piece in &mut forge.pieces {
            piece.set(label, &fingerprint.to_string());
        }
        pins.operators[operator.index()] = Some(fingerprint);
    }
    for piece in &mut forge.pieces {
        let nonce = piece.detail.as_ref().map(|old| old[..65].to_vec());
        piece.detail = nonce.map(|nonce| [&nonce, text.as_bytes(), b"\n"].concat());
        if piece.event() == "resumed" {
            piece.fragment = Some(text.as_bytes().to_vec());
        }
    }
    forge.beside.clear();
    exchange_keys(&mut forge, uid, made);
    (forge.sign(None, &strangers), pins)
}

/// Each key of the record gives way to one with this user ID.
fn exchange_keys(forge: &mut Forge, uid: &str, made: u64) {
    let all: Vec<String> = forge
        .pieces
        .iter()
        .filter(|piece| piece.event() == "generated")
        .map(|piece| piece.get("fingerprint").to_string())
        .collect();
    for (at, old) in all.iter().enumerate() {
        let key = SecretKey::generate(Profile::Modern, uid, None, made)
            .expect("a key")
            .key;
        let certificate = key.certificate();
        let bytes = certificate.armored(None);
        let hash = Digest::of(&bytes).to_string();
        for piece in &mut forge.pieces {
            if piece.get("fingerprint") == old {
                piece.set("fingerprint", &certificate.fingerprint().to_string());
            }
            if piece.get("file") == "certificate.asc" {
                piece.set("sha256", &hash);
            }
        }
        forge
            .others
            .insert(names::certificate(at as u32 + 1), bytes);
    }
}

/// Before roll call nothing is signed, so anybody can write a good record of ten thousand entries.
pub fn ten_thousand_entries() -> Material {
    let forge = eventful().forge();
    let resumed = forge.pieces[forge.find("resumed", 0)].clone();
    let mut long = forge.cut(1);
    for _ in 1..10_000 {
        let mut piece = resumed.clone();
        piece.set("step", "1.1");
        piece.set("fragment", "none");
        piece.set("missing", "none");
        piece.fragment = None;
        let text = "\u{e0000}\n".repeat(150) + "x";
        piece.detail = Some(format!("{}\n{text}\n", "0".repeat(64)).into_bytes());
        long.pieces.push(piece);
    }
    long.in_order().build()
}
