//! Commands and status words: ISO/IEC 7816-4.

use std::fmt;

/// The two bytes that end every answer (ISO/IEC 7816-4 section 5.1.3, SP 800-73-4 part 2 section
/// 5.6). Which one a YubiKey gives is from Yubico's command pages where they say, else from what
/// Yubico's own programs expect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    pub const OK: Self = Self(0x9000);
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// A chain of commands was begun, and something else came.
    pub const CHAIN_EXPECTED: Self = Self(0x6883);
    /// No PIN, no touch, no management key.
    pub const SECURITY: Self = Self(0x6982);
    pub const BLOCKED: Self = Self(0x6983);
    pub const CONDITIONS: Self = Self(0x6985);
    pub const WRONG_DATA: Self = Self(0x6a80);
    pub const NOT_FOUND: Self = Self(0x6a82);
    pub const NO_SPACE: Self = Self(0x6a84);
    pub const WRONG_PARAMETERS: Self = Self(0x6a86);
    pub const NO_SUCH_REFERENCE: Self = Self(0x6a88);
    /// Yubico's own: there is no such slot.
    pub const NO_SUCH_SLOT: Self = Self(0x6b00);
    pub const UNKNOWN_COMMAND: Self = Self(0x6d00);

    /// Wrong PIN or PUK. One digit has room for 15 tries; a YubiKey can have more left.
    pub fn wrong(tries_left: u8) -> Self {
        if tries_left == 0 {
            Self::BLOCKED
        } else {
            Self(0x63c0 | u16::from(tries_left.min(15)))
        }
    }

    /// So many bytes are still to be fetched by GET RESPONSE; 0 means 256 or more.
    fn more(left: usize) -> Self {
        Self(
            0x6100
                | u16::try_from(left)
                    .ok()
                    .filter(|left| *left < 256)
                    .unwrap_or(0),
        )
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// What a command gives: data, or the reason for none.
pub type Outcome = Result<Vec<u8>, Status>;

/// A command: ISO/IEC 7816-4 section 5.1.
pub struct Command<'a> {
    pub cla: u8,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
    pub data: &'a [u8],
    /// The most bytes that may come back at once (Le).
    pub expected: usize,
}

impl<'a> Command<'a> {
    /// The four cases of section 5.1, each with lengths of one byte or, "extended", of three.
    pub fn parse(apdu: &'a [u8]) -> Result<Self, Status> {
        let [cla, ins, p1, p2, body @ ..] = apdu else {
            return Err(Status::WRONG_LENGTH);
        };
        let two = |high: u8, low: u8| usize::from(high) << 8 | usize::from(low);
        let (length, rest, extended) = match *body {
            [] | [_] => (0, body, false),
            [0, _, _] => (0, &body[1..], true),
            [0, high, low, ref rest @ ..] => (two(high, low), rest, true),
            [length, ref rest @ ..] => (usize::from(length), rest, false),
        };
        let (data, le) = rest.split_at_checked(length).ok_or(Status::WRONG_LENGTH)?;
        let expected = match (le, extended) {
            // None, or zero: as long as a length of this kind can say.
            ([] | [0], false) => 256,
            ([le], false) => usize::from(*le),
            ([] | [0, 0], true) => 65536,
            ([high, low], true) => two(*high, *low),
            _ => return Err(Status::WRONG_LENGTH),
        };
        Ok(Self {
            cla: *cla,
            ins: *ins,
            p1: *p1,
            p2: *p2,
            data,
            expected,
        })
    }

    fn header(&self) -> [u8; 4] {
        [self.cla & !CHAINED, self.ins, self.p1, self.p2]
    }
}

/// In the class byte: the next command goes on with this one's data (section 5.3.3).
const CHAINED: u8 = 0x10;
/// No command of this application has more data than the largest object and its headers.
const MOST_DATA: usize = 4096;

/// What the token remembers between one APDU and the next.
#[derive(Default)]
pub struct Link {
    /// The chain so far: the header that its commands have in common, and their data.
    chain: Option<([u8; 4], Vec<u8>)>,
    /// What is left of an answer.
    outbox: Vec<u8>,
}

impl Link {
    /// All data of a command, once the last of its chain has come.
    pub fn receive(&mut self, command: &Command) -> Result<Option<Vec<u8>>, Status> {
        let (header, mut data) = self.chain.take().unwrap_or((command.header(), Vec::new()));
        if header != command.header() {
            return Err(Status::CHAIN_EXPECTED);
        }
        data.extend(command.data);
        if data.len() > MOST_DATA {
            return Err(Status::WRONG_LENGTH);
        }
        if command.cla & CHAINED == 0 {
            return Ok(Some(data));
        }
        self.chain = Some((header, data));
        Ok(None)
    }

    /// The answer, or as much of it as the command has room for. GET RESPONSE fetches the rest.
    pub fn answer(&mut self, outcome: Outcome, expected: usize) -> (Vec<u8>, Status) {
        self.outbox = match outcome {
            Ok(data) => data,
            Err(status) => {
                self.outbox.clear();
                return (Vec::new(), status);
            }
        };
        let rest = self.outbox.split_off(expected.min(self.outbox.len()));
        let now = std::mem::replace(&mut self.outbox, rest);
        let status = if self.outbox.is_empty() {
            Status::OK
        } else {
            Status::more(self.outbox.len())
        };
        (now, status)
    }

    /// GET RESPONSE (section 7.6.1).
    pub fn rest(&mut self) -> Outcome {
        if self.outbox.is_empty() {
            Err(Status::WRONG_DATA)
        } else {
            Ok(std::mem::take(&mut self.outbox))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        for bad in [
            &[][..],
            &[0, 1, 2],
            &[0, 0, 0, 0, 2, 9],
            &[0, 0, 0, 0, 1, 9, 0, 0],
            &[0, 0, 0, 0, 0, 0, 2, 9],
        ] {
            assert_eq!(
                Command::parse(bad).err(),
                Some(Status::WRONG_LENGTH),
                "{bad:02x?}"
            );
        }
    }

    #[test]
    fn a_chain_takes_no_other_command_in_between_and_no_endless_data() {
        let mut link = Link::default();
        let part = [0x10, 0xdb, 0x3f, 0xff, 1, 7];
        assert_eq!(link.receive(&Command::parse(&part).unwrap()), Ok(None));
        let other = Command::parse(&[0, 0x20, 0, 0x80]).unwrap();
        assert_eq!(link.receive(&other), Err(Status::CHAIN_EXPECTED));
        let last = Command::parse(&[0, 0xdb, 0x3f, 0xff, 1, 8]).unwrap();
        assert_eq!(
            link.receive(&last),
            Ok(Some(vec![8])),
            "the broken chain is forgotten"
        );

        let long = [&[0x10, 0xdb, 0x3f, 0xff, 255][..], &[0; 255]].concat();
        let refused = (0..20).any(|_| link.receive(&Command::parse(&long).unwrap()).is_err());
        assert!(refused);
    }

    proptest! {
        /// Any split of any data arrives whole; any answer is fetched whole in any portions.
        #[test]
        fn chains_and_portions_lose_nothing(
            data in prop::collection::vec(any::<u8>(), 1..3000),
            portion in 1..=255usize,
        ) {
            let mut link = Link::default();
            let mut received = None;
            let last = data.chunks(portion).count() - 1;
            for (place, chunk) in data.chunks(portion).enumerate() {
                let cla = if place == last { 0 } else { CHAINED };
                let apdu = [&[cla, 0xdb, 0x3f, 0xff, u8::try_from(chunk.len()).unwrap()][..], chunk].concat();
                received = link.receive(&Command::parse(&apdu).unwrap()).unwrap();
            }
            prop_assert_eq!(received.as_ref(), Some(&data));

            let (mut fetched, mut status) = link.answer(Ok(data.clone()), portion);
            while status != Status::OK {
                prop_assert_eq!(status.0 & 0xff00, 0x6100);
                let rest = link.rest();
                let (more, next) = link.answer(rest, portion);
                fetched.extend(more);
                status = next;
            }
            prop_assert_eq!(fetched, data);
            prop_assert_eq!(link.rest(), Err(Status::WRONG_DATA));
        }
    }
}
