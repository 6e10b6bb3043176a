//! The card's end of T=1: how an APDU travels in blocks (ISO/IEC 7816-3, section 11).
//!
//! A block is NAD, PCB, LEN, so many bytes, and the exclusive or of all before it. Blocks of data
//! are numbered 0, 1, 0, 1 in each direction; PCB says what kind a block is:
//!
//! | PCB | block |
//! | --- | --- |
//! | `0nm00000` | data with number n; m: more follows |
//! | `100n00ee` | acknowledged, n is expected next; ee: what was wrong |
//! | `11r00sss` | about the link; r: a reply; sss: 0 begin anew, 1 sizes, 2 give up |

/// The most bytes of an APDU in a block, either way.
const MOST: usize = 254;

const MORE: u8 = 0x20;
const REPLY: u8 = 0x20;
const WRONG_SUM: u8 = 1;
const OTHER_ERROR: u8 = 2;
const BEGIN_ANEW: u8 = 0xc0;
const SIZES: u8 = 0xc1;
const GIVE_UP: u8 = 0xc2;

/// What a block leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This block goes back.
    Block(Vec<u8>),
    /// This is a whole APDU; [`Link::answer`] has the block that goes back.
    Apdu(Vec<u8>),
}

/// What both ends have counted.
#[derive(Default)]
pub(crate) struct Link {
    /// The number that the host's next block must have.
    expected: bool,
    /// The number that the next block to the host has.
    next: bool,
    /// How many blocks the host's APDU came in: whether it is an odd number.
    odd: bool,
    received: Vec<u8>,
    /// What has yet to be sent of an answer.
    parts: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Link {
    /// A block from the host. `true` if the card has lost its power since the one before.
    pub fn receive(&mut self, bytes: &[u8]) -> (Step, bool) {
        let Some((pcb, data)) = parse(bytes) else {
            return (Step::Block(self.acknowledge(WRONG_SUM)), false);
        };
        match pcb {
            _ if pcb & 0x80 == 0 => {
                // No reader of QEMU's tells its card that power was taken and given, and its wires
                // lose nothing: a host that begins at 0 again has done that.
                let anew = (pcb & 0x40 != 0) != self.expected;
                if anew {
                    *self = Self::default();
                    if pcb & 0x40 != 0 {
                        return (Step::Block(self.acknowledge(OTHER_ERROR)), true);
                    }
                }
                (self.data(data, pcb & MORE != 0), anew)
            }
            _ if pcb & 0x40 == 0 => (self.acknowledged(pcb & 0x10 != 0), false),
            BEGIN_ANEW => {
                *self = Self::default();
                (Step::Block(block(BEGIN_ANEW | REPLY, &[])), true)
            }
            SIZES | GIVE_UP => {
                if pcb == GIVE_UP {
                    self.received.clear();
                    self.parts.clear();
                }
                (Step::Block(block(pcb | REPLY, data)), false)
            }
            _ => (Step::Block(self.acknowledge(OTHER_ERROR)), false),
        }
    }

    /// The first block of an APDU's answer.
    pub fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = bytes.chunks(MOST).map(<[u8]>::to_vec).collect();
        // Both ends' numbers are the same after each answer: then the host that begins anew at 0,
        // unseen, expects 0 from here as well.
        if (parts.len() % 2 == 1) != self.odd
            && let Some(first) = parts.first_mut()
        {
            let half = first.split_off(first.len() / 2);
            parts.insert(1, half);
        }
        parts.reverse();
        self.parts = parts;
        self.odd = false;
        self.send()
    }

    fn data(&mut self, data: &[u8], more: bool) -> Step {
        self.parts.clear();
        self.expected = !self.expected;
        self.odd = !self.odd;
        self.received.extend(data);
        if more {
            return Step::Block(self.acknowledge(0));
        }
        Step::Apdu(std::mem::take(&mut self.received))
    }

    fn acknowledged(&mut self, wanted: bool) -> Step {
        Step::Block(if wanted != self.next && !self.last.is_empty() {
            self.last.clone()
        } else if self.parts.is_empty() {
            self.acknowledge(OTHER_ERROR)
        } else {
            self.send()
        })
    }

    fn send(&mut self) -> Vec<u8> {
        let part = self.parts.pop().unwrap_or_default();
        let more = if self.parts.is_empty() { 0 } else { MORE };
        self.last = block(u8::from(self.next) << 6 | more, &part);
        self.next = !self.next;
        self.last.clone()
    }

    fn acknowledge(&self, error: u8) -> Vec<u8> {
        block(0x80 | u8::from(self.expected) << 4 | error, &[])
    }
}

fn parse(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (sum, rest) = bytes.split_last()?;
    let [0, pcb, length, data @ ..] = rest else {
        return None;
    };
    let whole = usize::from(*length) == data.len() && data.len() <= MOST;
    (whole && *sum == exclusive_or(rest)).then_some((*pcb, data))
}

fn block(pcb: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("at most 254 bytes");
    let mut bytes = [&[0, pcb, length], data].concat();
    bytes.push(exclusive_or(&bytes));
    bytes
}

fn exclusive_or(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back(link: &mut Link, bytes: &[u8]) -> Vec<u8> {
        match link.receive(bytes).0 {
            Step::Block(bytes) => bytes,
            Step::Apdu(apdu) => panic!("taken for an APDU: {apdu:02x?}"),
        }
    }

    #[test]
    fn a_block_that_is_damaged_cut_or_too_long_is_asked_for_again() {
        let good = block(0, &[1, 2, 3]);
        let mut damaged = good.clone();
        damaged[4] ^= 1;
        let cut = &good[..good.len() - 1];
        let long = [&good[..], &[0]].concat();
        let mut illegal = [&[0, 0, 255][..], &[7; 255]].concat();
        illegal.push(exclusive_or(&illegal));
        let elsewhere = {
            let mut bytes = good.clone();
            bytes[0] = 0x21;
            bytes[6] ^= 0x21;
            bytes
        };
        for bad in [&damaged[..], cut, &long, &illegal, &elsewhere, &[], &[0]] {
            let mut link = Link::default();
            assert_eq!(back(&mut link, bad), block(0x81, &[]), "{bad:02x?}");
            assert_eq!(link.receive(&good).0, Step::Apdu(vec![1, 2, 3]));
        }
    }

    #[test]
    fn an_acknowledgement_of_nothing_and_an_unknown_block_are_errors() {
        let mut link = Link::default();
        assert_eq!(back(&mut link, &block(0x80, &[])), block(0x82, &[]));
        assert_eq!(back(&mut link, &block(0xc3, &[1])), block(0x82, &[]));
        // A number that was never expected, and one that is.
        assert_eq!(back(&mut link, &block(0x40, &[9])), block(0x82, &[]));
        assert_eq!(link.receive(&block(0, &[9])).0, Step::Apdu(vec![9]));
    }

    #[test]
    fn a_block_that_the_host_did_not_get_is_sent_again() {
        let mut link = Link::default();
        let _ = link.receive(&block(0, &[9]));
        let first = link.answer(&[7; 600]);
        assert_eq!(first, block(MORE, &[7; 254]));
        assert_eq!(back(&mut link, &block(0x81, &[])), first);
        assert_eq!(
            back(&mut link, &block(0x90, &[])),
            block(0x40 | MORE, &[7; 254])
        );
        assert_eq!(back(&mut link, &block(0x80, &[])), block(0, &[7; 92]));
    }

    #[test]
    fn the_host_can_begin_anew_agree_on_sizes_and_give_up() {
        let mut link = Link::default();
        let _ = link.receive(&block(MORE, &[9]));
        assert_eq!(back(&mut link, &block(SIZES, &[254])), block(0xe1, &[254]));
        assert_eq!(back(&mut link, &block(GIVE_UP, &[])), block(0xe2, &[]));
        let (step, anew) = link.receive(&block(BEGIN_ANEW, &[]));
        assert_eq!((step, anew), (Step::Block(block(0xe0, &[])), true));
        assert_eq!(link.receive(&block(0, &[5])).0, Step::Apdu(vec![5]));
    }

    /// A host, as it must be: what it sends in blocks of so many bytes, and what it gets.
    struct Host {
        next: bool,
        expected: bool,
    }

    impl Host {
        fn exchange(
            &mut self,
            link: &mut Link,
            most: usize,
            apdu: &[u8],
            reply: &[u8],
        ) -> (Vec<u8>, bool) {
            let mut anew = false;
            let count = apdu.chunks(most).count();
            let mut bytes = Vec::new();
            for (place, part) in apdu.chunks(most).enumerate() {
                let more = place + 1 < count;
                let pcb = u8::from(self.next) << 6 | if more { MORE } else { 0 };
                let (step, lost) = link.receive(&block(pcb, part));
                anew |= lost;
                self.next = !self.next;
                match step {
                    Step::Block(bytes) => {
                        assert!(more);
                        assert_eq!(bytes, block(0x80 | u8::from(self.next) << 4, &[]));
                    }
                    Step::Apdu(whole) => {
                        assert!(!more);
                        assert_eq!(whole, apdu);
                        bytes = link.answer(reply);
                    }
                }
            }
            let mut whole = Vec::new();
            loop {
                let (pcb, data) = parse(&bytes).unwrap();
                assert_eq!(pcb & 0x9f, 0);
                assert_eq!(pcb & 0x40 != 0, self.expected, "the number");
                self.expected = !self.expected;
                whole.extend(data);
                if pcb & MORE == 0 {
                    return (whole, anew);
                }
                let wanted = block(0x80 | u8::from(self.expected) << 4, &[]);
                let Step::Block(next) = link.receive(&wanted).0 else {
                    panic!("an acknowledgement is no APDU")
                };
                bytes = next;
            }
        }
    }

    proptest! {
        #[test]
        fn whole_apdus_come_and_go_whatever_their_length_and_whenever_power_is_lost(
            most in 1..=MOST,
            exchanges in prop::collection::vec((1..900_usize, 2..900_usize, any::<bool>()), 1..20),
        ) {
            let mut link = Link::default();
            let mut host = Host { next: false, expected: false };
            for (sent, got, powered_anew) in exchanges {
                if powered_anew {
                    host = Host { next: false, expected: false };
                }
                let (apdu, reply) = (vec![3; sent], vec![4; got]);
                let (whole, anew) = host.exchange(&mut link, most, &apdu, &reply);
                prop_assert_eq!(whole, reply);
                // Not each loss can be seen; what was not lost is never taken for lost.
                prop_assert!(powered_anew || !anew);
            }
        }

        #[test]
        fn any_bytes_are_answered_with_a_block(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        ) {
            let mut link = Link::default();
            for bytes in all {
                if let (Step::Block(bytes), _) = link.receive(&bytes) {
                    prop_assert!(parse(&bytes).is_some());
                }
            }
        }

        #[test]
        fn any_block_is_answered_with_a_block(
            all in prop::collection::vec(
                (any::<u8>(), prop::collection::vec(any::<u8>(), 0..=MOST)), 0..40),
        ) {
            let mut link = Link::default();
            for (pcb, data) in all {
                let answer = match link.receive(&block(pcb, &data)).0 {
                    Step::Block(bytes) => bytes,
                    Step::Apdu(_) => link.answer(&[0x90, 0]),
                };
                prop_assert!(parse(&answer).is_some());
            }
        }
    }
}
