//! `ceremony seal --pin PIN [FILE] [-o OUT]`.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{CliError, place};
use crate::edge::files;
use crate::edge::media::Access;
use crate::edge::new_file::{NewFile, is_same_file};
use crate::edge::stream::{self, Input, Progress};
use crate::edge::system::{RealSystem, System};
use crate::error::{Exit, Explain, Failure};
use crate::openpgp::{Certificate, Format, Sealed};
use crate::pin::Pin;

/// `ceremony seal --pin PIN [FILE] [-o OUT]`.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Seal {
    /// The pin file that the phone call with the ceremony ended in.
    #[arg(long, value_name = "PIN")]
    pin: PathBuf,
    /// A newer certificate of the same key: its new expiry date or revocation counts.
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    /// Who is to be able to read it: gpg (and everything else), or modern programs only, faster.
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "gpg")]
    to: To,
    /// What is sealed; standard input if there is none.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where the sealed file goes, which must not exist; else standard output.
    #[arg(short, long = "out", value_name = "OUT")]
    out: Option<PathBuf>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all was sealed
  1  the pin, the certificate or the key is not accepted
  2  usage, or OUT exists
  6  reading or writing failed; nothing that looks whole was left";

#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Readable by gpg 2.2 and everything else in use.
    Gpg,
    /// RFC 9580, five times as fast; not readable by gpg.
    Modern,
}

impl Seal {
    /// Refuses all that can be refused before the first byte is read.
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let format = match self.to {
            To::Gpg => Format::Gpg,
            To::Modern => Format::Modern,
        };
        let read = |path: &Path| files::read(path).map_err(|e| CliError::Read(path.into(), e));
        let pin = Pin::parse(&read(&self.pin)?)?;
        let updated = self.cert.as_deref().map(read).transpose()?;
        let certificate = certificate(&pin, updated.as_deref())?;
        let now = RealSystem::new(place::work_folder()).now();
        certificate.can_seal(format, now)?;
        if pin.is_rehearsal() {
            stream::warn(REHEARSAL);
        }
        let input = Input::open(self.file.as_deref()).map_err(|e| {
            let name = self.file.clone().unwrap_or_else(|| "standard input".into());
            CliError::Read(name, e)
        })?;
        let seal = |output: &mut (dyn Write + Send), input: Input| -> Result<Sealed, Failure> {
            let bar = Progress::new(input.size);
            let mut progress = |bytes| bar.at(bytes);
            Ok(certificate.seal(format, now, input, output, &mut progress)?)
        };
        match self.out {
            Some(out) => to_file(&out, |output| seal(output, input)),
            None => to_standard_output(&input).and_then(|mut output| seal(&mut output, input)),
        }?;
        Ok(Exit::Good)
    }
}

const REHEARSAL: &str = "\
ceremony: WARNING: this pin is from a REHEARSAL. Its key is for practice: seal nothing to it that
you need or that must stay secret.";

/// The pinned certificate with what is new in `updated`. A revocation in either counts.
fn certificate(pin: &Pin, updated: Option<&[u8]>) -> Result<Certificate, Failure> {
    let pinned = Certificate::from_armored(&pin.certificate)?;
    let Some(updated) = updated else {
        return Ok(pinned);
    };
    let updated = Certificate::from_bytes(updated)?;
    if updated.fingerprint() != pin.fingerprint {
        return Err(Refusal::OtherKey.into());
    }
    Ok(pinned.joined_with(&updated)?)
}

fn to_file(
    out: &Path,
    seal: impl FnOnce(&mut (dyn Write + Send)) -> Result<Sealed, Failure>,
) -> Result<Sealed, Failure> {
    let failed = |error| CliError::not_made(out, error);
    let mut file = NewFile::create(out, Access::Public).map_err(failed)?;
    file.remove_at_signals().map_err(failed)?;
    let sealed = seal(&mut file)?;
    file.publish().map_err(failed)?;
    Ok(sealed)
}

fn to_standard_output(input: &Input) -> Result<std::fs::File, Failure> {
    let name = PathBuf::from("standard output");
    let output = match stream::output() {
        Ok(Some(output)) => output,
        Ok(None) => return Err(Refusal::Terminal.into()),
        Err(error) => return Err(CliError::Write(name, error).into()),
    };
    match is_same_file(input, &output) {
        Ok(false) => Ok(output),
        Ok(true) => Err(Refusal::IntoItself.into()),
        Err(error) => Err(CliError::Write(name, error).into()),
    }
}

/// What only this command refuses.
#[derive(Debug)]
enum Refusal {
    /// `--cert` is another key's.
    OtherKey,
    /// The sealed data would go to a terminal.
    Terminal,
    /// The sealed data would go into the file that is read.
    IntoItself,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::OtherKey => "the certificate is another key's than the pinned one",
            Refusal::Terminal => "sealed data is not for a terminal",
            Refusal::IntoItself => "the file would be sealed into itself",
        })
    }
}

impl std::error::Error for Refusal {}

impl Explain for Refusal {
    fn remedy(&self) -> String {
        match self {
            Refusal::OtherKey => {
                "Only the key that was confirmed by phone is sealed to. Leave out --cert, or have \
                 the other key confirmed."
            }
            Refusal::Terminal => "Name a file with -o, or send the output to a file or a program.",
            Refusal::IntoItself => "Name another file for the output.",
        }
        .to_string()
    }

    fn exit(&self) -> Exit {
        match self {
            Refusal::OtherKey => Exit::Failed,
            Refusal::Terminal | Refusal::IntoItself => Exit::Usage,
        }
    }
}
