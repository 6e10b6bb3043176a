//! Tag, length, value: BER as ISO/IEC 7816-4 section 5.2 and X.690 section 8.1 have it, lengths
//! up to 65535.

/// One object, encoded. `tag` holds the tag's bytes as a number: 0x7f49 is two bytes.
pub fn encode(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = tag
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    let length = u16::try_from(value.len()).expect("no object here is longer than 65535 bytes");
    let [high, low] = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(low),
        0x80..=0xff => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    out.extend(value);
    out
}

/// A constructed object: its value is `parts`, one after the other.
pub fn nest(tag: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    encode(tag, &parts.concat())
}

/// The objects that lie one after the other in `data`, or nothing if it is not made of whole ones.
pub fn decode(mut data: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let mut objects = Vec::new();
    while !data.is_empty() {
        let tag = tag(&mut data)?;
        let length = length(&mut data)?;
        objects.push((tag, data.split_off(..length)?));
    }
    Some(objects)
}

fn tag(data: &mut &[u8]) -> Option<u32> {
    let mut tag = u32::from(*data.split_off_first()?);
    if tag & 0x1f == 0x1f {
        // The low five bits set: the number goes on, for as long as the high bit of a byte is set.
        loop {
            let byte = *data.split_off_first()?;
            tag = tag.checked_mul(0x100)? | u32::from(byte);
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    Some(tag)
}

fn length(data: &mut &[u8]) -> Option<usize> {
    let bytes = match *data.split_off_first()? {
        short @ 0..=0x7f => return Some(usize::from(short)),
        0x81 => 1,
        0x82 => 2,
        _ => return None,
    };
    let bytes = data.split_off(..bytes)?;
    Some(
        bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)),
    )
}

/// The value of the first object with this tag.
pub fn find<'a>(objects: &[(u32, &'a [u8])], tag: u32) -> Option<&'a [u8]> {
    objects
        .iter()
        .find(|(found, _)| *found == tag)
        .map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_cut_short_or_has_an_unknown_form_of_length_is_refused() {
        for bad in [
            "53",
            "5302aa",
            "5380aa0000",
            "53830000",
            "5f",
            "5fffffffffffff7f00",
            "538201",
            "5381",
        ] {
            let bad = data_encoding::HEXLOWER.decode(bad.as_bytes()).unwrap();
            assert_eq!(decode(&bad), None, "{bad:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            tag in prop::sample::select(vec![0x53, 0x7c, 0x80, 0xac, 0x5f2f, 0x7f49]),
            value in prop::collection::vec(any::<u8>(), 0..700),
        ) {
            let two = [encode(tag, &value), encode(0x01, &[])].concat();
            prop_assert_eq!(decode(&two), Some(vec![(tag, &value[..]), (0x01, &[][..])]));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(data in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(objects) = decode(&data) {
                prop_assert!(objects.iter().all(|(_, value)| value.len() < data.len()));
            }
        }
    }
}
