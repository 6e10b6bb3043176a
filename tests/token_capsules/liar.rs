//! A token that is broken, or lies: the layer that it should take off seems damaged.

use std::cell::Cell;
use std::rc::Rc;

use ceremony::edge::token::pcsc::PcscTokens;
use ceremony::edge::token::{About, Point, Slot, State, Token, TokenError, Tokens};
use ceremony::openpgp::{EcdsaSignature, Format};
use ceremony::record::value::Opener;
use ceremony::screen::{Asks, Question};
use ceremony::secret::{SecretBytes, SecretText};
use virtual_yubikey::alone_with_pcscd;

use crate::people::{CONTENT, Room, TOKENS, choose_tokens, line, plan, with_pins};
use crate::token_support::LIMIT;

/// A token that agrees on something else, as often as it is told to: the capsule then seems
/// damaged. In the drill that is an exception, and when a message is opened another way is offered.
#[test]
fn a_layer_that_does_not_come_off_is_an_exception() {
    alone_with_pcscd(
        "liar::a_layer_that_does_not_come_off_is_an_exception",
        LIMIT,
        |readers| {
            let mut room = Room::new(readers);
            let lies = Rc::new(Cell::new(1));
            room.table.tokens = Rc::new(Lying(Rc::clone(&lies)));
            let again = |question: &Question| match question.asks {
                Asks::Decide => line("try-again"),
                _ => None,
            };
            room.table.make_key(&plan(), Some(with_pins(again)));
            let shown = room.table.screen.text();
            assert!(
                shown.contains("B's layer of AB-tokens.asc is damaged."),
                "{shown}"
            );
            let made = room.making();
            assert_eq!(made.iter().filter(|e| e.name() == "exception").count(), 1);

            lies.set(1);
            room.table.seal(Format::Gpg, CONTENT);
            let shown = room.opens(with_pins(|question| {
                again(question).or_else(|| choose_tokens(question))
            }));
            assert!(
                shown.contains("B's layer of AB-tokens.asc is damaged."),
                "{shown}"
            );
            assert_eq!(room.opened_by(), (TOKENS.to_string(), Opener::Token));
            assert_eq!(room.table.events("exception").len(), 1);
        },
    );
}

/// Real readers, whose tokens give a wrong secret so often.
struct Lying(Rc<Cell<u32>>);

struct Liar(Box<dyn Token>, Rc<Cell<u32>>);

impl Tokens for Lying {
    fn list(&self) -> Result<Vec<About>, TokenError> {
        PcscTokens::default().list()
    }

    fn open(&self, serial: u32) -> Result<Box<dyn Token>, TokenError> {
        let real = PcscTokens::default().open(serial)?;
        Ok(Box::new(Liar(real, Rc::clone(&self.0))))
    }
}

impl Token for Liar {
    fn about(&self) -> &About {
        self.0.about()
    }

    fn state(&mut self) -> Result<State, TokenError> {
        self.0.state()
    }

    fn change_pin(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError> {
        self.0.change_pin(old, new)
    }

    fn change_puk(&mut self, old: &SecretText, new: &SecretText) -> Result<(), TokenError> {
        self.0.change_puk(old, new)
    }

    fn protect(&mut self, pin: &SecretText) -> Result<(), TokenError> {
        self.0.protect(pin)
    }

    fn generate(
        &mut self,
        slot: Slot,
        pin: &SecretText,
        replace: bool,
    ) -> Result<Point, TokenError> {
        self.0.generate(slot, pin, replace)
    }

    fn attest(&mut self, slot: Slot) -> Result<Vec<Vec<u8>>, TokenError> {
        self.0.attest(slot)
    }

    fn sign(
        &mut self,
        pin: &SecretText,
        digest: &[u8; 32],
        touch: &mut dyn FnMut(),
    ) -> Result<EcdsaSignature, TokenError> {
        self.0.sign(pin, digest, touch)
    }

    fn agree(
        &mut self,
        pin: &SecretText,
        point: &Point,
        touch: &mut dyn FnMut(),
    ) -> Result<SecretBytes, TokenError> {
        let agreed = self.0.agree(pin, point, touch)?;
        let lies = self.1.get();
        if lies == 0 {
            return Ok(agreed);
        }
        self.1.set(lies - 1);
        Ok(SecretBytes::from_vec(vec![7; agreed.expose().len()]))
    }
}
