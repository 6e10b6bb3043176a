//! What a record keeps of a token: its serial number, and the certificates that show where its
//! keys came from. Written once as text for people; whoever checks the record reads it again and
//! judges it anew, by the roots that they know.

use std::fmt;

use data_encoding::BASE64;

use super::{Attestation, AttestationError, Attested, Firmware, Point, Slot, verify};
use crate::digest::Digest;
use crate::error::Explain;

/// The longest text that is read, in bytes. A chain of six certificates has less than 10 KiB.
const LONGEST: usize = 64 << 10;

/// What a token showed of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Printed on its back.
    pub serial: u32,
    /// As it calls itself; nothing depends on it.
    pub model: String,
    /// Of its PIV application.
    pub firmware: Firmware,
    /// The attestation of slot 9c, DER.
    pub signature: Vec<u8>,
    /// The attestation of slot 9d, DER.
    pub decryption: Vec<u8>,
    /// The token's own certificate, and any above it that it gave along, DER.
    pub above: Vec<Vec<u8>>,
}

/// What evidence proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// What both attestations say.
    pub attested: Attested,
    /// The root above them.
    pub root: String,
}

/// Why evidence proves nothing.
#[derive(Debug)]
pub enum Doubt {
    /// One of the two attestations is not believed.
    Attestation(Slot, AttestationError),
    /// Nobody known stands above the token: it may be one in software. The hash is that of the
    /// last certificate.
    UnknownRoot(Digest),
    /// The attestations speak of another token than the one that was asked.
    OtherToken,
    /// The key can be used without PIN or touch.
    Policies(Slot),
    /// The text is not one that this program writes.
    Form,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Attestation(slot, error) => write!(f, "slot {slot}: {error}"),
            Doubt::UnknownRoot(_) => {
                f.write_str("nobody known vouches for this token: it may be an imitation")
            }
            Doubt::OtherToken => f.write_str("the attestations are of another token"),
            Doubt::Policies(slot) => {
                write!(f, "the key in slot {slot} can be used without PIN or touch")
            }
            Doubt::Form => f.write_str("the attestations can't be read"),
        }
    }
}

impl std::error::Error for Doubt {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Doubt::Attestation(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for Doubt {
    fn remedy(&self) -> String {
        match self {
            Doubt::Attestation(_, error) => error.remedy(),
            Doubt::UnknownRoot(_) => "Use a YubiKey that you bought from its maker. If it is one, \
                and newer than this program, a newer version of the program may know its maker's \
                new root."
                .to_string(),
            Doubt::OtherToken | Doubt::Form => {
                "Take the token out, plug it in, and try again. If it happens again, use another \
                 one."
                    .to_string()
            }
            Doubt::Policies(_) => "Use a YubiKey whose slots 9c and 9d are empty: the keys are \
                then made so that each use needs PIN and touch."
                .to_string(),
        }
    }
}

impl Evidence {
    /// Judges it for the keys in 9c and 9d.
    ///
    /// # Errors
    ///
    /// [`Doubt`]: it proves nothing.
    pub fn judge(&self, signing: &Point, decryption: &Point) -> Result<Proven, Doubt> {
        let slots = [
            (Slot::Signature, &self.signature, signing),
            (Slot::Decryption, &self.decryption, decryption),
        ];
        let mut proven: Option<Proven> = None;
        for (slot, der, point) in slots {
            let mut chain = vec![der.clone()];
            chain.extend(self.above.iter().cloned());
            let judged = verify(&chain, slot, point);
            let one = match judged.map_err(|error| Doubt::Attestation(slot, error))? {
                Attestation::Genuine { attested, root } => Proven { attested, root },
                Attestation::UnknownRoot { last, .. } => return Err(Doubt::UnknownRoot(last)),
            };
            if !one.attested.pin_always || !one.attested.touch_always {
                return Err(Doubt::Policies(slot));
            }
            let says = (one.attested.serial, one.attested.firmware);
            if says != (self.serial, self.firmware)
                || proven.as_ref().is_some_and(|other| *other != one)
            {
                return Err(Doubt::OtherToken);
            }
            proven = Some(one);
        }
        proven.ok_or(Doubt::Form)
    }

    /// The text of a detail file. [`Evidence::parse`] reads exactly this.
    pub fn text(&self) -> String {
        let mut text = format!(
            "serial: {}\nmodel: {}\nfirmware: {}\npolicies: PIN always, touch always\n",
            self.serial, self.model, self.firmware
        );
        let mut add = |what: &str, der: &[u8]| {
            text.push_str(&format!("{what}:\n{}", pem(der)));
        };
        add("attestation of slot 9c", &self.signature);
        add("attestation of slot 9d", &self.decryption);
        for der in &self.above {
            add("above", der);
        }
        text
    }

    /// Reads what [`Evidence::text`] wrote, from a detail file without its nonce.
    ///
    /// # Errors
    ///
    /// [`Doubt::Form`] where it is anything else.
    pub fn parse(text: &str) -> Result<Evidence, Doubt> {
        let read = || -> Option<Evidence> {
            let field = |name: &str| {
                let mut lines = text.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let mut certificates = certificates(text)?.into_iter();
            Some(Evidence {
                serial: field("serial")?.parse().ok()?,
                model: field("model")?.to_string(),
                firmware: Firmware::parse(field("firmware")?)?,
                signature: certificates.next()?,
                decryption: certificates.next()?,
                above: certificates.collect(),
            })
        };
        let fits = |text: &str| text.len() <= LONGEST;
        let evidence = Some(text).filter(|text| fits(text)).and_then(|_| read());
        evidence
            .filter(|evidence| evidence.text() == text)
            .ok_or(Doubt::Form)
    }
}

/// RFC 7468: 64 characters to a line.
fn pem(der: &[u8]) -> String {
    let encoded = BASE64.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----\n").skip(1);
    blocks
        .map(|block| {
            let (body, _) = block.split_once("-----END CERTIFICATE-----\n")?;
            BASE64.decode(body.replace('\n', "").as_bytes()).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            serial: 12_345_678,
            model: "YubiKey 5C NFC".to_string(),
            firmware: Firmware(5, 7, 1),
            signature: vec![1; 200],
            decryption: vec![2; 48],
            above: vec![vec![3; 49], vec![4]],
        }
    }

    #[test]
    fn nothing_but_what_it_writes_is_read() {
        let text = evidence().text();
        for (old, new) in [
            ("serial: 1", "serial: 01"),
            ("serial: 1", "serial: +1"),
            ("firmware: 5.7.1", "firmware: 5.7.01"),
            ("firmware: 5.7.1", "firmware: 5.7"),
            ("PIN always", "PIN never"),
            ("attestation of slot 9d", "attestation of slot 9c"),
            ("above:", "Above:"),
            ("AQEB", "AQ EB"),
            ("\n", "\r\n"),
            ("-----END", "----- END"),
        ] {
            let changed = text.replacen(old, new, 1);
            assert_ne!(changed, text, "{old}");
            assert!(
                matches!(Evidence::parse(&changed), Err(Doubt::Form)),
                "{new}"
            );
        }
        assert!(Evidence::parse(&format!("{text}more\n")).is_err());
        assert!(Evidence::parse("").is_err());
        assert!(Evidence::parse(&text.repeat(100)).is_err());
    }

    #[test]
    fn what_it_writes_is_read_again() {
        let read = Evidence::parse(&evidence().text()).expect("it wrote it");
        assert_eq!(read, evidence());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,400}") {
            let _ = Evidence::parse(&text);
        }

        #[test]
        fn no_damage_goes_unseen(at in 0usize..700, byte in 0x20u8..0x7f) {
            let mut bytes = evidence().text().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).expect("ASCII");
            if let Ok(read) = Evidence::parse(&text) {
                prop_assert_eq!(read.text(), text);
            }
        }
    }
}
