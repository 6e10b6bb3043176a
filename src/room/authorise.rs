//! Checkpoints: both operators sign the transcript as it stands.

use super::{Room, Stop};
use crate::digest::Digest;
use crate::operator::SignStop;
use crate::plan::Operator;
use crate::record::event::Event;
use crate::record::files;
use crate::record::value::{Act, Actors, Means, Signed};
use crate::screen::{Who, layout};

impl Room<'_> {
    /// Has both operators authorise `act`, each with their own secret, until both did.
    ///
    /// For [`Act::Close`] the outcome is left to the closing entry, which holds it.
    pub fn authorise(&mut self, act: Act) -> Result<[Digest; 2], Stop> {
        loop {
            self.record(Event::Authorise { act }, Actors::none())?;
            self.page(
                Who::Both,
                "Both operators sign",
                self.authorisation_text(act),
            )?;
            let signed = [self.sign(Operator::A)?, self.sign(Operator::B)?];
            self.flush()?;
            if let [Signed::Yes(a), Signed::Yes(b)] = signed {
                if act != Act::Close {
                    let [sig_a, sig_b] = signed;
                    self.record_outcome(Event::Authorised { sig_a, sig_b })?;
                }
                return Ok([a, b]);
            }
            let [sig_a, sig_b] = signed;
            self.record_outcome(Event::Refused { sig_a, sig_b })?;
            if self.is_aborting() {
                return Err(Stop::Aborting);
            }
            self.exception()?;
        }
    }

    /// Records that a checkpoint stays unsigned, when an abort cut it short.
    pub fn refuse_pending(&mut self) -> Result<(), Stop> {
        if self.state().awaiting().is_some() {
            let unsigned = Signed::Refused;
            self.record_outcome(Event::Refused {
                sig_a: unsigned,
                sig_b: unsigned,
            })?;
        }
        Ok(())
    }

    /// The outcome must follow its checkpoint at once: nothing owed may come between.
    fn record_outcome(&mut self, event: Event) -> Result<(), Stop> {
        let signers = |event: &Event| {
            let signed = files::outcome(event).into_iter().flatten();
            let signed = Operator::ALL.into_iter().zip(signed);
            let yes = signed.filter(|(_, s)| matches!(s, Signed::Yes(_)));
            Actors::of(
                yes.map(|(operator, _)| operator.letter())
                    .collect::<Vec<_>>(),
            )
        };
        let actors = signers(&event);
        self.record_now(crate::journal::Happening {
            event,
            actors,
            detail: None,
        })
    }

    /// One operator's signature over the transcript as it stands, or their refusal.
    fn sign(&mut self, operator: Operator) -> Result<Signed, Stop> {
        let number = self.journal.next_number() - 1;
        match self.sign_bytes(operator)? {
            Some(signature) => {
                let digest = Digest::of(&signature);
                self.journal
                    .add_file(files::signature(number, operator), signature);
                Ok(Signed::Yes(digest))
            }
            None => Ok(Signed::Refused),
        }
    }

    /// The operator's signature over the whole transcript; `None` if they typed `!`.
    pub fn sign_bytes(&mut self, operator: Operator) -> Result<Option<Vec<u8>>, Stop> {
        let place = self.place();
        let at = self.now();
        let Some(signatory) = self.operators[operator.index()].as_deref() else {
            self.say(&format!(
                "Operator {operator}'s key is not here: {operator} cannot sign."
            ))?;
            return Ok(None);
        };
        let message = self.journal.transcript();
        match signatory.sign(self.edge.terminal, &place, message, at) {
            Ok(signature) => Ok(Some(signature)),
            Err(SignStop::Exception) => Ok(None),
            Err(stop) => Err(stop.into()),
        }
    }

    /// The current step, in the plan's own words.
    fn step_text(&self) -> String {
        let step = self.plan().step(self.state().cursor());
        step.map_or_else(String::new, |step| {
            format!("About step {}: {}", step.id, step.text)
        })
    }

    /// What the operators sign with, in words.
    fn secrets(&self) -> &'static str {
        let means = self.operators.iter().flatten().map(|one| one.means());
        match means.filter(|means| *means == Means::Token).count() {
            0 => "passphrase",
            1 => "passphrase, or PIN and touch",
            _ => "PIN, and a touch of your YubiKey",
        }
    }

    fn authorisation_text(&self, act: Act) -> Vec<String> {
        let what = match act {
            Act::RollCall => "You confirm: these two certificates are yours, this is the plan you \
                              agreed on, and everything on the screen so far is true."
                .to_string(),
            Act::Media => "You confirm the media as they were shown.".to_string(),
            Act::Generate => {
                let attempt = match self.state().next_attempt() {
                    1 => String::new(),
                    n => format!(" It is key number {n}: the one before was given up."),
                };
                format!(
                    "When both have signed, the machine makes the new key: {}.{attempt}",
                    crate::steps::key_in_words(self),
                )
            }
            Act::Fingerprint => "You confirm that the fingerprint is on paper.".to_string(),
            Act::ReadBack => "You confirm: the fingerprint was read from the paper and typed by \
                              ear, and it matched the certificate on the medium."
                .to_string(),
            Act::Share => "You confirm that every share is on its card.".to_string(),
            Act::Backup => "When both have signed, the encrypted secret key and its capsules are \
                            written to secret-1 and secret-2."
                .to_string(),
            Act::Revocation => "When both have signed, the encrypted revocation certificate is \
                                written to secret-1 and secret-2."
                .to_string(),
            Act::Drill => "You confirm: every group of custodians opened the backup from the \
                           media. When both have signed, the key is erased from this machine's \
                           memory. From then on only the backup is left."
                .to_string(),
            Act::Trial => "You confirm: the YubiKey with the key was pulled out and plugged in \
                           again, each of you typed your own half of its PIN from your card, and \
                           it signed and decrypted."
                .to_string(),
            Act::Export => "When both have signed, what may leave the room is written: the public \
                            certificate, its sheet, and copies of the record."
                .to_string(),
            Act::Phone => {
                "You confirm: the person whom you know as the verifier was on the phone, \
                           and the words went both ways as the screen asked for them."
                    .to_string()
            }
            Act::Open => {
                "When both have signed, the words of a quorum are typed, or your YubiKeys \
                          take their place, and the message that was just named is decrypted \
                          with the key from the backup."
                    .to_string()
            }
            Act::Enrol => "When both have signed, your certificates and the lines that pin them \
                           are written to the media."
                .to_string(),
            Act::Close => "When both have signed, the record is closed. Nothing can be added \
                           after that."
                .to_string(),
            Act::Exception => {
                "You confirm what was just written down about the exception.".to_string()
            }
            Act::Resume => {
                "You confirm: the ceremony goes on from what the screen just showed.".to_string()
            }
            Act::Abandon => {
                "You confirm: the key is given up, and its cards are destroyed.".to_string()
            }
        };
        let why = format!(
            "Each of you signs with your own {}. Let nobody see you type. If anything is not as it \
             should be, type ! instead.",
            self.secrets()
        );
        let step = match act {
            Act::Exception | Act::Resume | Act::Abandon => String::new(),
            _ => self.step_text(),
        };
        let texts = [step.as_str(), &what, &why];
        layout::paragraphs(
            &texts
                .into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>(),
        )
    }
}
