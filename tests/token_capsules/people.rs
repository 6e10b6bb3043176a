//! Two operators with YubiKeys at a table, and what they do at a question.

use std::cell::RefCell;
use std::rc::Rc;

use ceremony::attestation;
use ceremony::driver::Outcome;
use ceremony::edge::players::Meddle;
use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::token::{Slot, Tokens};
use ceremony::openpgp::{Certificate, Format, TokenCertificate, TokenKeys};
use ceremony::plan::{Operator, Plan};
use ceremony::record::event::Event;
use ceremony::record::transcript;
use ceremony::record::value::Opener;
use ceremony::role::Role;
use ceremony::screen::{Asks, Question, Reply};
use virtual_yubikey::{Algorithm, Authority, Reader, SharedToken, Version};

use crate::opening_support::Table;
use crate::support::{self, material, plans};
use crate::token_support::{ALICE, BOB, PUK, open, poll, text};

pub const CONTENT: &[u8] = b"What the backup system sealed: 0123456789";
pub const PINS: [&str; 2] = ["84736251", "93628417"];
/// GENERAL AUTHENTICATE: the command that signs and decrypts.
pub const AUTHENTICATE: u8 = 0x87;
pub const TOKENS: &str = "AB-tokens";

/// The carried plan with a key that is made in a moment, and YubiKeys that open its backup.
pub fn plan() -> Plan {
    let source = plans::two_of_three().source().to_string();
    let source = source.replace("minutes = 60\n", "minutes = 60\noperators = \"token\"\n");
    let source = source.replace("threshold = 2\n", "threshold = 2\ntokens = true\n");
    Plan::parse(&source).expect("a good plan")
}

/// Two people with a YubiKey each, and a table between them.
pub struct Room {
    pub table: Table,
    pub inside: [SharedToken; 2],
    readers: Rc<RefCell<[Reader; 2]>>,
    pub root: Authority,
}

impl Room {
    pub fn new(readers: [Reader; 2]) -> Room {
        let root = Authority::root("Virtual PIV Root", Algorithm::P256);
        attestation::test_only::trust_root(root.certificate());
        let new = |serial| virtual_yubikey::Token::new(serial, Version::V5_7, &root).shared();
        let mut room = Room {
            table: Table::empty(),
            inside: [new(ALICE), new(BOB)],
            readers: Rc::new(RefCell::new(readers)),
            root,
        };
        room.table.tokens = Rc::new(PcscTokens::default());
        room.plug_in(Operator::A);
        room.plug_in(Operator::B);
        let keys = [set_up(ALICE, PINS[0]), set_up(BOB, PINS[1])];
        room.pin([(ALICE, &keys[0]), (BOB, &keys[1])]);
        room
    }

    /// With a key, and a message for it.
    pub fn with_key(readers: [Reader; 2]) -> Room {
        let mut room = Room::new(readers);
        room.make_key();
        room
    }

    /// Makes a key, and a message for it.
    pub fn make_key(&mut self) {
        self.table.make_key(&plan(), Some(with_pins(|_| None)));
        self.table.seal(Format::Gpg, CONTENT);
    }

    pub fn plug_in(&self, operator: Operator) {
        self.hands()(operator);
    }

    /// Plugs an operator's token in, if it is not, whatever the table is doing meanwhile.
    pub fn hands(&self) -> impl Fn(Operator) + 'static {
        let (inside, readers) = (self.inside.clone(), Rc::clone(&self.readers));
        move |operator| {
            let at = operator.index();
            let serial = inside[at].lock().serial();
            if PcscTokens::default().open(serial).is_err() {
                readers.borrow_mut()[at].insert(&inside[at]).unwrap();
                open(serial);
            }
        }
    }

    pub fn pull(&self, operator: Operator) {
        self.pulling()(operator);
    }

    /// Pulls an operator's token, whatever the table is doing meanwhile.
    pub fn pulling(&self) -> impl Fn(Operator) + 'static {
        let readers = Rc::clone(&self.readers);
        move |operator| {
            readers.borrow_mut()[operator.index()].remove();
            let gone = || {
                let there = PcscTokens::default().list().ok()?;
                (there.len() == 1).then_some(())
            };
            poll(gone).expect("pcscd sees that it is gone");
        }
    }

    /// The site pins these two as A and B; their certificates are on both operators' media.
    pub fn pin(&mut self, both: [(u32, &TokenCertificate); 2]) {
        self.table.site = format!("{}\n", support::SITE);
        for (letter, (serial, key)) in ["a", "b"].iter().zip(both) {
            let fingerprint = key.certificate().fingerprint();
            self.table.site.push_str(&format!(
                "[operator-{letter}]\nfingerprint = \"{fingerprint}\"\ntoken = \"{serial}\"\n\
                 certificate = \"{serial}.asc\"\n"
            ));
            for role in [Role::OperatorA, Role::OperatorB] {
                let file = key.certificate().armored(None);
                self.table.media.tamper(role, |device| {
                    device.insert(format!("{serial}.asc"), file);
                });
            }
        }
    }

    /// Opens the message; what the screen showed meanwhile.
    pub fn opens<'a>(&'a mut self, meddle: Meddle<'a>) -> String {
        self.table.drive().content = None;
        let before = self.table.screen.text().len();
        let ended = self.table.open(None, Some(meddle));
        let shown = self.table.screen.text()[before..].to_string();
        assert!(ended.is(Outcome::Closed), "{ended:?}\n{shown}");
        assert_eq!(
            self.table.drive().content.as_deref(),
            Some(CONTENT),
            "{shown}"
        );
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// By whom the backup was opened last.
    pub fn opened_by(&self) -> (String, Opener) {
        match self.table.events("quorum-opened").last() {
            Some(Event::QuorumOpened { quorum, opener, .. }) => (quorum.to_string(), *opener),
            other => panic!("{other:?}"),
        }
    }

    /// The events of the ceremony that made the key.
    pub fn making(&self) -> Vec<Event> {
        let id = self.table.ids(Role::OperatorA).remove(0);
        let files = material(&self.table.media.device(Role::OperatorA), &id).files;
        let entries = transcript::parse(&files["transcript.txt"]).expect("whole entries");
        entries
            .into_iter()
            .map(|placed| placed.entry.event)
            .collect()
    }
}

/// From the factory to two keys.
pub fn set_up(serial: u32, pin: &str) -> TokenCertificate {
    let mut token = open(serial);
    token.change_pin(&text("123456"), &text(pin)).unwrap();
    token.change_puk(&text("12345678"), &text(PUK)).unwrap();
    token.protect(&text(pin)).unwrap();
    let mut generate = |slot| token.generate(slot, &text(pin), false).unwrap();
    let keys = TokenKeys {
        signing: generate(Slot::Signature),
        decryption: generate(Slot::Decryption),
        created: TokenKeys::CREATED,
    };
    TokenCertificate::make(keys, "Operator <o@example.org>", &mut |digest| {
        token.sign(&text(pin), digest, &mut || {})
    })
    .expect("the token signs")
}

/// People who type their PINs and see to their YubiKeys, unless the test has them do otherwise.
pub fn with_pins<'a>(mut first: impl FnMut(&Question) -> Option<Reply> + 'a) -> Meddle<'a> {
    Box::new(move |question, _| {
        first(question).or_else(|| match question.asks {
            Asks::Pin(operator) => secret(PINS[operator.index()]),
            Asks::TokenReady(_) => line(""),
            _ => None,
        })
    })
}

pub fn line(text: &str) -> Option<Reply> {
    Some(Reply::Line(text.to_string()))
}

pub fn secret(typed: &str) -> Option<Reply> {
    Some(Reply::Secret(text(typed)))
}

/// Whether tokens are offered; then they are chosen.
pub fn choose_tokens(question: &Question) -> Option<Reply> {
    match &question.asks {
        Asks::Quorum(names) if names.iter().any(|name| name == TOKENS) => line("ab-tokens"),
        _ => None,
    }
}

pub fn is_decrypting(question: &Question, operator: Operator) -> bool {
    question.asks == Asks::Pin(operator) && question.prompt.contains("to decrypt")
}

/// The certificate that the table's media have of a token.
pub fn certificate_of(room: &Room, serial: u32) -> TokenCertificate {
    let file = &room.table.media.device(Role::OperatorA)[&format!("{serial}.asc")];
    let certificate = Certificate::from_armored(file).expect("it was put there");
    TokenCertificate::from_certificate(certificate).expect("it was made for a token")
}
