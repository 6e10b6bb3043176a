//! OpenPGP's ASCII armor (RFC 9580, section 6), strict in reading and exact in writing.
//!
//! Written here and not taken from the library for two reasons: secret keys pass through it,
//! and these buffers are pre-sized and zeroized; and a signature file must hold one block
//! and nothing else, where the library, like GnuPG, skips what stands around it.

use std::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PublicKey,
    PrivateKey,
    Signature,
    Message,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Kind::PublicKey => "PGP PUBLIC KEY BLOCK",
            Kind::PrivateKey => "PGP PRIVATE KEY BLOCK",
            Kind::Signature => "PGP SIGNATURE",
            Kind::Message => "PGP MESSAGE",
        }
    }
}

/// Why an armored block was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmorError {
    /// It does not begin with the BEGIN line of the kind that was asked for.
    Begin,
    /// It does not end with the END line that belongs to its BEGIN line.
    End,
    /// A header line, or the empty line after the headers, is wrong.
    Header,
    /// The base64 lines are damaged.
    Body,
    /// The checksum line does not fit the base64 lines.
    Checksum,
    /// It is a message, but does not begin as an encrypted one does.
    NotEncrypted,
}

impl std::error::Error for ArmorError {}

impl fmt::Display for ArmorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ArmorError::Begin => "the BEGIN line is missing, is not the first, or is another one",
            ArmorError::End => "the END line is missing, is not the last, or is another one",
            ArmorError::Header => "the lines after the BEGIN line are not as they should be",
            ArmorError::Body => "the lines of letters and digits are damaged",
            ArmorError::Checksum => "the checksum line does not fit",
            ArmorError::NotEncrypted => "it is not an encrypted message",
        })
    }
}

/// The bytes that a line stands for; it has 64 characters, as GnuPG writes them.
const LINE_BYTES: usize = 48;

/// Writes `data` as one block. The buffer gets its exact size at the start, so that
/// a secret leaves no earlier copy behind.
///
/// `checksum`: whether the CRC-24 line is written. GnuPG 2.2 expects it; RFC 9580 (6.1) forbids it
/// around anything of version 6.
pub(super) fn encode(kind: Kind, comment: Option<&str>, checksum: bool, data: &[u8]) -> Vec<u8> {
    let comment = comment.map(comment_line).unwrap_or_default();
    let lines = data.len().div_ceil(LINE_BYTES);
    let size = 2 * (kind.label().len() + "-----BEGIN -----\n".len())
        + comment.len()
        + 1
        + 6
        + BASE64.encode_len(data.len())
        + lines;
    let mut out = Vec::with_capacity(size);
    let begin = ["-----BEGIN ", kind.label(), "-----\n", &comment, "\n"];
    begin
        .iter()
        .for_each(|part| out.extend_from_slice(part.as_bytes()));
    for chunk in data.chunks(LINE_BYTES) {
        let start = out.len();
        out.resize(start + BASE64.encode_len(chunk.len()), 0);
        BASE64.encode_mut(chunk, &mut out[start..]);
        out.push(b'\n');
    }
    if checksum {
        let sum = crc24(data).to_be_bytes();
        out.push(b'=');
        out.extend_from_slice(BASE64.encode(&sum[1..]).as_bytes());
        out.push(b'\n');
    }
    ["-----END ", kind.label(), "-----\n"]
        .iter()
        .for_each(|part| out.extend_from_slice(part.as_bytes()));
    debug_assert!(out.len() <= size, "the buffer grew and left a copy behind");
    out
}

/// The binary form of an armored message that is encrypted. Any other is refused, so that
/// nothing is printed that could be read without a secret.
pub fn encrypted_message(armored: &[u8]) -> Result<Vec<u8>, ArmorError> {
    let message = decode(Kind::Message, armored)?;
    // The packet's type, in the new form and in the old one (RFC 9580, section 4.2).
    let tag = match message[0] {
        first if first & 0xc0 == 0xc0 => first & 0x3f,
        first => first >> 2 & 0x0f,
    };
    match tag {
        // A session key, for a key's holder or for a passphrase (5.1 and 5.3), is what comes first.
        1 | 3 => Ok(message.to_vec()),
        _ => Err(ArmorError::NotEncrypted),
    }
}

/// An encrypted message in the armor that the backup's files have.
pub fn armor_message(comment: Option<&str>, message: &[u8]) -> Vec<u8> {
    encode(Kind::Message, comment, true, message)
}

/// Puts a `Comment:` line under the BEGIN line of a block made by this program, as a
/// rehearsal needs it on what is made without one.
pub fn insert_comment(armored: &SecretBytes, comment: &str) -> SecretBytes {
    let bytes = armored.expose();
    let line = comment_line(comment);
    let at = bytes
        .iter()
        .position(|b| *b == b'\n')
        .map_or(0, |newline| newline + 1);
    let mut out = Vec::with_capacity(bytes.len() + line.len());
    out.extend_from_slice(&bytes[..at]);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(&bytes[at..]);
    SecretBytes::from_vec(out)
}

/// A line break in a comment would begin the body, so control characters are left out.
fn comment_line(comment: &str) -> String {
    let clean: String = comment.chars().filter(|c| !c.is_control()).collect();
    format!("Comment: {clean}\n")
}

/// Whether `bytes` are armor and not binary packets, whose first byte has its high bit set
/// (RFC 9580, section 4.2).
pub(super) fn is_armored(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x80 == 0)
}

/// Takes exactly one block apart; only white space may stand before and after it.
pub(super) fn decode(kind: Kind, armored: &[u8]) -> Result<Zeroizing<Vec<u8>>, ArmorError> {
    let mut lines = armored
        .trim_ascii()
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii_end);
    if !is_line(lines.next(), "-----BEGIN ", kind) {
        return Err(ArmorError::Begin);
    }
    loop {
        match lines.next() {
            Some(b"") => break,
            Some(line) if is_header(line) => {}
            _ => return Err(ArmorError::Header),
        }
    }
    let mut text = Zeroizing::new(Vec::with_capacity(armored.len()));
    let mut checksum = None;
    loop {
        let line = lines.next().ok_or(ArmorError::End)?;
        if line.starts_with(b"-----") {
            if !is_line(Some(line), "-----END ", kind) || lines.next().is_some() {
                return Err(ArmorError::End);
            }
            break;
        } else if checksum.is_some() || line.is_empty() {
            return Err(ArmorError::Body);
        } else if line.starts_with(b"=") && line.len() == 5 {
            checksum = Some(&line[1..]);
        } else {
            text.extend_from_slice(line);
        }
    }
    body(&text, checksum)
}

fn body(text: &[u8], checksum: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, ArmorError> {
    let size = BASE64
        .decode_len(text.len())
        .map_err(|_| ArmorError::Body)?;
    let mut data = Zeroizing::new(vec![0; size]);
    let size = BASE64
        .decode_mut(text, &mut data)
        .map_err(|_| ArmorError::Body)?;
    data.truncate(size);
    if data.is_empty() {
        return Err(ArmorError::Body);
    }
    if let Some(given) = checksum {
        let given = BASE64.decode(given).map_err(|_| ArmorError::Checksum)?;
        if given != crc24(&data).to_be_bytes()[1..] {
            return Err(ArmorError::Checksum);
        }
    }
    Ok(data)
}

fn is_line(line: Option<&[u8]>, start: &str, kind: Kind) -> bool {
    line.and_then(|line| line.strip_prefix(start.as_bytes()))
        .and_then(|line| line.strip_suffix(b"-----"))
        .is_some_and(|label| label == kind.label().as_bytes())
}

/// A header is a word, a colon, a blank and a text (RFC 9580, section 6.2.2).
fn is_header(line: &[u8]) -> bool {
    let colon = line.iter().position(|b| *b == b':');
    colon.is_some_and(|at| {
        at > 0
            && line[..at].iter().all(u8::is_ascii_alphanumeric)
            && line.get(at + 1).is_none_or(|after| *after == b' ')
    })
}

/// The checksum of RFC 9580, section 6.1.1. It finds slips, not malice.
pub fn crc24(data: &[u8]) -> u32 {
    data.iter().fold(0x00b7_04ce, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 16), |sum, _| {
            let shifted = sum << 1;
            if shifted & 0x0100_0000 == 0 {
                shifted
            } else {
                shifted ^ 0x0186_4cfb
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn good() -> String {
        String::from_utf8(encode(Kind::Signature, None, true, b"some bytes")).expect("ASCII")
    }

    #[test]
    fn nothing_may_stand_around_a_block_or_be_missing_from_it() {
        let good = good();
        let read = |text: &str| decode(Kind::Signature, text.as_bytes()).map(|data| data.to_vec());
        assert_eq!(read(&good), Ok(b"some bytes".to_vec()));
        assert_eq!(read(&format!("\n {good}\n\n")), Ok(b"some bytes".to_vec()));
        assert_eq!(
            read(&good.replace('\n', "\r\n")),
            Ok(b"some bytes".to_vec())
        );
        for (bad, error) in [
            (format!("a\n{good}"), ArmorError::Begin),
            (format!("{good}a"), ArmorError::End),
            (format!("{good}{good}"), ArmorError::End),
            (good.replace("END PGP SIG", "END PGP SOG"), ArmorError::End),
            (
                good.replace("-----END PGP SIGNATURE-----\n", ""),
                ArmorError::End,
            ),
            (good.replace("SIGNATURE", "MESSAGE"), ArmorError::Begin),
            (good.replace("\n\n", "\n"), ArmorError::Header),
            (good.replace("\n\n", "\nno header\n\n"), ArmorError::Header),
            (good.replace("c29t", "c2?t"), ArmorError::Body),
            (good.replace("c29t", "\nc29t"), ArmorError::Body),
            (good.replace("c29t", "c29u"), ArmorError::Checksum),
            (String::new(), ArmorError::Begin),
        ] {
            assert_eq!(read(&bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn what_is_not_encrypted_is_no_encrypted_message() {
        let plain = armor_message(None, &[0xcb, 3, b'b', 0, 0]);
        assert_eq!(encrypted_message(&plain), Err(ArmorError::NotEncrypted));
        let key = encode(Kind::PrivateKey, None, true, &[0xc3, 1, 4]);
        assert_eq!(encrypted_message(&key), Err(ArmorError::Begin));
        for first in [0xc1, 0xc3, 0x84, 0x8c] {
            let message = [first, 1, 4];
            assert_eq!(
                encrypted_message(&armor_message(Some("c"), &message)),
                Ok(message.to_vec())
            );
        }
    }

    #[test]
    fn the_checksum_is_the_standard_one() {
        // The CRC-24/OPENPGP check value of the catalogues.
        assert_eq!(crc24(b"123456789"), 0x21cf02);
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        let block = encode(Kind::Message, Some("REHEARSAL\n\nAAAA"), true, b"x");
        assert!(block.starts_with(b"-----BEGIN PGP MESSAGE-----\nComment: REHEARSALAAAA\n\n"));
        assert_eq!(decode(Kind::Message, &block).as_deref(), Ok(&b"x".to_vec()));
        let bare = SecretBytes::from_vec(encode(Kind::Message, None, true, b"x"));
        let same = encode(Kind::Message, Some("REHEARSAL"), true, b"x");
        assert_eq!(insert_comment(&bare, "REHEARSAL").expose(), same);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(data in prop::collection::vec(any::<u8>(), 1..300), sum: bool) {
            let block = encode(Kind::PublicKey, Some("c"), sum, &data);
            let read = decode(Kind::PublicKey, &block);
            prop_assert_eq!(read.as_deref(), Ok(&data));
        }

        #[test]
        fn garbage_is_refused_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(Kind::Signature, &data).is_err());
        }
    }
}
