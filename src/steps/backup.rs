//! The payload and its capsules are made in memory, written to both secret media, read back.

use zeroize::Zeroizing;

use super::key_token;
use crate::backup::capsule;
use crate::backup::quorum::Custodian;
use crate::backup::{recovery, recovery_token};
use crate::digest::Digest;
use crate::edge::media::Access;
use crate::engine::{backup_files, revocation_files};
use crate::openpgp;
use crate::plan::{BackupSpec, Operator};
use crate::record::event::Event;
use crate::record::value::{Actors, Token};
use crate::room::{Room, SECRET_MEDIA, Stop};
use crate::secret::{SecretBytes, SecretText};

const WRITTEN: &str = "Written to secret-1 and secret-2, and read back from both.";

/// The secret key.
pub(super) fn run(room: &mut Room<'_>) -> Result<(), Stop> {
    let spec = spec(room);
    let comment = room.comment();
    let key = room
        .vault
        .key
        .as_ref()
        .expect("an interrupted key was abandoned before");
    let secret = key.armored(comment);
    let mut contents = encrypt(room, &spec, &secret)?;
    let certificate = room.vault.key.as_ref().expect("as above").certificate();
    let rehearsal = comment.is_some();
    let page = recovery::text(&room.id, &certificate.fingerprint(), &spec, rehearsal);
    contents.push(page.into_bytes());
    let names = backup_files(&spec);
    store(room, &names, &contents)?;
    room.record(
        Event::BackedUp {
            files: names.len() as u32,
        },
        Actors::none(),
    )?;
    room.say(WRITTEN)
}

/// The revocation certificate: the same shares, another K, a folder of its own.
pub(super) fn run_revocation(room: &mut Room<'_>) -> Result<(), Stop> {
    let spec = spec(room);
    if room.plan().key_is_in_a_token() {
        return revocation_of_token(room, &spec);
    }
    let revocation = room
        .vault
        .revocation
        .take()
        .expect("made together with the key");
    let revocation = match room.comment() {
        Some(comment) => openpgp::insert_comment(&revocation, comment),
        None => revocation,
    };
    let contents = encrypt(room, &spec, &revocation)?;
    store_revocation(room, &contents)?;
    revocation_saved(room, contents.len())
}

/// The key in the token signs it now. It is all that such a key's custodians share.
fn revocation_of_token(room: &mut Room<'_>, spec: &BackupSpec) -> Result<(), Stop> {
    if room.vault.shares.is_empty() {
        key_token::words_again(room, spec)?;
    }
    let (revocation, certificate) = key_token::revocation(room)?;
    let mut contents = encrypt(room, spec, &revocation)?;
    let rehearsal = room.comment().is_some();
    let page = recovery_token::text(&room.id, &certificate.fingerprint(), spec, rehearsal);
    contents.push(page.into_bytes());
    key_token::set_aside(room)?;
    store_revocation(room, &contents)?;
    key_token::opens_again(room, spec, &certificate)?;
    room.vault.clear();
    revocation_saved(room, contents.len())
}

fn store_revocation(room: &mut Room<'_>, contents: &[Vec<u8>]) -> Result<(), Stop> {
    let names = revocation_files(room.plan()).expect("a plan that backs up has their names");
    store(room, &names, contents)
}

fn revocation_saved(room: &mut Room<'_>, files: usize) -> Result<(), Stop> {
    let files = files as u32;
    room.record(Event::RevocationSaved { files }, Actors::none())?;
    room.say(WRITTEN)
}

fn spec(room: &Room<'_>) -> BackupSpec {
    room.plan()
        .backup
        .clone()
        .expect("a plan that backs up says among whom")
}

/// The payload, one capsule for each quorum and perhaps one for the tokens, in the order of their file names.
fn encrypt(
    room: &mut Room<'_>,
    spec: &BackupSpec,
    secret: &SecretBytes,
) -> Result<Vec<Vec<u8>>, Stop> {
    let mut random = Zeroizing::new([0; capsule::KEY_BYTES]);
    room.edge.system.random(random.as_mut_slice())?;
    let key = capsule::key_text(&random);
    let comment = room.comment();
    room.work("Encrypting the backup", |room| {
        let mut contents = vec![openpgp::encrypt_with_password(
            secret.expose(),
            &key,
            comment,
        )?];
        for quorum in spec.quorums() {
            let share_of = |custodian| share_of(room, custodian);
            contents.push(capsule::seal(&key, &quorum, share_of, comment)?);
        }
        if spec.tokens {
            let operators = Operator::ALL.map(|operator| {
                let called = room.operator(operator);
                called.expect("both authorised this").certificate()
            });
            contents.push(capsule::seal_to(operators, &key, room.now(), comment)?);
        }
        Ok::<_, Stop>(contents)
    })?
}

fn share_of<'r>(room: &'r Room<'_>, custodian: Custodian) -> &'r SecretText {
    let share = room
        .vault
        .shares
        .iter()
        .find(|share| share.custodian == custodian);
    &share
        .expect("the engine asks for a backup only after all shares")
        .words
}

/// Writes each file to both secret media, and records it once both were read back.
fn store(room: &mut Room<'_>, names: &[String], contents: &[Vec<u8>]) -> Result<(), Stop> {
    for (name, bytes) in names.iter().zip(contents) {
        room.store(&SECRET_MEDIA, name, bytes, Access::Private)?;
        let file = Token::new(name).expect("backup file names are tokens");
        room.record(
            Event::Stored {
                file,
                sha256: Digest::of(bytes),
            },
            Actors::none(),
        )?;
    }
    Ok(())
}
