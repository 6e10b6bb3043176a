//! An operator whose keys are in a YubiKey: the pinned one, or one that is enrolled today.

use std::rc::Rc;

use super::{own_medium, set_up};
use crate::attestation::{Doubt, Evidence};
use crate::edge::token::{About, Slot, Token, TokenError};
use crate::edge::{MediaError, MediaFault, TerminalError};
use crate::engine::Operators;
use crate::error::Explain;
use crate::openpgp::{Certificate, OpenPgpError, TokenCertificate, TokenKeyError, UnixTime};
use crate::operator::{Signatory, TokenOperator};
use crate::plan::Operator;
use crate::record::files;
use crate::record::value::{Mode, Standing};
use crate::role::Role;
use crate::room::{Room, Stop};
use crate::screen::{Asks, Who, layout};
use crate::site::SiteOperator;

/// A token that showed what it is.
pub(super) struct Shown {
    pub(super) certificate: TokenCertificate,
    pub(super) evidence: Evidence,
    pub(super) standing: Standing,
}

/// Why a token is not in use yet.
pub(super) enum Trouble {
    /// It ends here.
    Stop(Stop),
    /// The operator can see to it, and have another chance.
    Token(TokenError),
    /// What it shows of itself proves nothing.
    Doubt(Doubt),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Trouble::Stop(stop)
    }
}

impl From<TerminalError> for Trouble {
    fn from(error: TerminalError) -> Self {
        Trouble::Stop(error.into())
    }
}

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        Trouble::Token(error)
    }
}

impl From<Doubt> for Trouble {
    fn from(doubt: Doubt) -> Self {
        Trouble::Doubt(doubt)
    }
}

impl From<TokenKeyError<TokenError>> for Trouble {
    fn from(error: TokenKeyError<TokenError>) -> Self {
        match error {
            TokenKeyError::Token(error) => Trouble::Token(error),
            // The token signed, but not with its key, or not rightly.
            TokenKeyError::OpenPgp(OpenPgpError::SelfTest(source)) => {
                Trouble::Token(TokenError::Garbage(source))
            }
            TokenKeyError::OpenPgp(error) => Trouble::Stop(error.into()),
        }
    }
}

/// Says what is wrong and how to put it right, and waits. Doubts are exceptions: somebody may
/// have exchanged the token.
pub(super) fn another_chance(
    room: &mut Room<'_>,
    operator: Operator,
    trouble: Trouble,
) -> Result<(), Stop> {
    match trouble {
        Trouble::Stop(stop) => Err(stop),
        Trouble::Doubt(doubt) => {
            room.say(&doubt.remedy())?;
            let expected = "the YubiKey shows that its keys were made inside it";
            room.exception_about(Some((expected, &doubt.to_string())))
        }
        Trouble::Token(error) => {
            room.say(&format!("Not done: {error}."))?;
            room.say(&error.remedy())?;
            // Only where a question comes next, at which `!` is the way out.
            let at_once = matches!(error, TokenError::WrongPin(2..) | TokenError::Form);
            if at_once {
                return Ok(());
            }
            let prompt = format!("Operator {operator}, press Enter to try again");
            room.done(Who::Operator(operator), Asks::TokenReady(operator), &prompt)
        }
    }
}

/// The operator whom the site pins: their certificate from their medium, their keys in the token.
pub(super) fn pinned(
    room: &mut Room<'_>,
    operator: Operator,
    pin: &SiteOperator,
    serial: u32,
) -> Result<Shown, Stop> {
    let role = own_medium(operator);
    let certificate = room.with_device(|room| {
        let bytes = room.edge.media.read(role, pin.key.path())?;
        pinned_certificate(role, pin, &bytes, room.now())
    })?;
    let body = layout::paragraphs(&[
        &format!("{operator}: plug in your YubiKey; its serial number is {serial}."),
        "The machine looks whether it has the keys of your certificate. You prove that it is \
         yours when you sign, with your PIN and a touch.",
    ]);
    room.page(
        Who::Operator(operator),
        &format!("Operator {operator} plugs in"),
        body,
    )?;
    let prompt = format!("Operator {operator}, press Enter when it is plugged in");
    room.done(Who::Operator(operator), Asks::TokenReady(operator), &prompt)?;
    loop {
        match show(room, serial, &certificate) {
            Ok(evidence) => {
                return Ok(Shown {
                    certificate,
                    evidence,
                    standing: Standing::Pinned,
                });
            }
            Err(trouble) => another_chance(room, operator, trouble)?,
        }
    }
}

fn pinned_certificate(
    role: Role,
    pin: &SiteOperator,
    bytes: &[u8],
    now: UnixTime,
) -> Result<TokenCertificate, MediaError> {
    let refuse = |why: String| MediaError {
        role,
        path: pin.key.path().to_string(),
        fault: MediaFault::System(std::io::Error::other(why)),
    };
    let certificate = Certificate::from_bytes(bytes).map_err(|error| refuse(error.to_string()))?;
    if certificate.fingerprint() != pin.fingerprint {
        return Err(refuse(
            "it is not the certificate that the site file pins".to_string(),
        ));
    }
    let usable = certificate.can_sign(now);
    usable
        .and_then(|()| TokenCertificate::from_certificate(certificate))
        .map_err(|error| refuse(error.to_string()))
}

/// Whether the token is set up, has the certificate's keys, and was made by whom we know.
pub(super) fn show(
    room: &mut Room<'_>,
    serial: u32,
    certificate: &TokenCertificate,
) -> Result<Evidence, Trouble> {
    let tokens = Rc::clone(&room.edge.tokens);
    let oldest = room.plan().firmware;
    room.work("Looking at the YubiKey", |_| {
        let mut token = tokens.open(serial)?;
        if let Some(oldest) = oldest.filter(|oldest| token.about().firmware < *oldest) {
            let firmware = token.about().firmware;
            return Err(TokenError::TooOld { firmware, oldest }.into());
        }
        let state = token.state()?;
        state.is_set_up()?;
        if state.pin.left == 0 {
            return Err(TokenError::PinBlocked.into());
        }
        let keys = certificate.keys();
        for (slot, point) in [
            (Slot::Signature, keys.signing),
            (Slot::Decryption, keys.decryption),
        ] {
            if state.slot(slot).and_then(|key| key.point) != Some(point) {
                return Err(TokenError::OtherKey(slot).into());
            }
        }
        let evidence = collect(token.as_mut())?;
        evidence.judge(&keys.signing, &keys.decryption)?;
        Ok(evidence)
    })?
}

/// What the token shows of itself and of both its keys.
pub(in crate::steps) fn collect(token: &mut dyn Token) -> Result<Evidence, TokenError> {
    let mut signature = token.attest(Slot::Signature)?.into_iter();
    let mut decryption = token.attest(Slot::Decryption)?.into_iter();
    let missing = || TokenError::Garbage(None);
    let about = token.about();
    Ok(Evidence {
        serial: about.serial,
        model: about.model.chars().filter(|c| !c.is_control()).collect(),
        firmware: about.firmware,
        signature: signature.next().ok_or_else(missing)?,
        decryption: decryption.next().ok_or_else(missing)?,
        above: signature.collect(),
    })
}

/// A YubiKey that nobody pinned: the operator says which one it is, and it is set up as far as
/// it has to be. `others` is the serial number of the other operator's.
pub(super) fn enrol(
    room: &mut Room<'_>,
    operator: Operator,
    others: Option<u32>,
) -> Result<Shown, Stop> {
    loop {
        let serial = choose(room, operator, others)?;
        if let Some(shown) = set_up::run(room, operator, serial)? {
            return Ok(shown);
        }
    }
}

/// Which one is meant: the operator types the number from its back, so that it is the one in
/// their hand.
fn choose(room: &mut Room<'_>, operator: Operator, others: Option<u32>) -> Result<u32, Stop> {
    let who = Who::Operator(operator);
    loop {
        let found = match room.edge.tokens.list() {
            Ok(found) => found,
            Err(error) => {
                another_chance(room, operator, error.into())?;
                continue;
            }
        };
        let mut body = layout::paragraphs(&[
            &format!("{operator}: plug in your own YubiKey. These are plugged in:"),
            "",
        ]);
        body.extend(found.iter().map(listed));
        if found.is_empty() {
            body.push("    none".to_string());
        }
        if room.mode == Mode::Rehearsal {
            body.push(String::new());
            body.extend(layout::wrap(
                "This is a rehearsal, but what it does to a YubiKey is real: where keys are \
                 missing they are made. Use a spare one.",
            ));
        }
        room.page(who, &format!("Operator {operator}'s YubiKey"), body)?;
        let prompt = "The number on its back, or Enter to look again";
        let typed = room.ask_line(who, Asks::Serial(operator), prompt)?;
        if typed.is_empty() {
            continue;
        }
        let meant = typed.parse::<u32>().ok();
        match found.iter().find(|about| Some(about.serial) == meant) {
            Some(about) if Some(about.serial) == others => room.say(
                "That is the other operator's YubiKey. Each of you signs with your own: two people, \
                 two YubiKeys.",
            )?,
            Some(about) => return Ok(about.serial),
            None => room.say("There is no YubiKey with that number in this machine.")?,
        }
    }
}

fn listed(about: &About) -> String {
    let About {
        serial,
        model,
        firmware,
        ..
    } = about;
    let model: String = model.chars().filter(|c| !c.is_control()).take(30).collect();
    format!("    serial number {serial}, {model}, firmware {firmware}")
}

/// From now on the operator signs with it.
pub(super) fn settle(room: &Room<'_>, operator: Operator, shown: Shown) -> TokenOperator {
    TokenOperator::new(
        operator,
        shown.evidence.serial,
        shown.certificate,
        shown.standing,
        room.comment(),
        Rc::clone(&room.edge.tokens),
    )
}

/// The operator who was called before an interruption, from what the record has of them.
pub(super) fn load(
    room: &Room<'_>,
    operator: Operator,
    called: &Operators,
) -> Option<Box<dyn Signatory>> {
    let file = room.journal.file(&files::operator_certificate(operator))?;
    let certificate = Certificate::from_armored(file).ok()?;
    let certificate = TokenCertificate::from_certificate(certificate).ok()?;
    let shown = Shown {
        certificate,
        evidence: super::evidence(room, operator)?,
        standing: called.standings[operator.index()],
    };
    Some(Box::new(settle(room, operator, shown)))
}
