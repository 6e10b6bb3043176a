//! `ceremony confirm CERT`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, check, place};
use crate::confirm::{ConfirmError, Delivery, session};
use crate::edge::console::Console;
use crate::edge::files;
use crate::edge::system::RealSystem;
use crate::error::{Exit, Failure};
use crate::pin::Pin;
use crate::record::time;

/// `ceremony confirm CERT`: the verifier's side of the telephone call.
#[derive(Args)]
pub(super) struct Confirm {
    /// The file certificate.asc that came from the ceremony.
    cert: PathBuf,
    /// The record that came with it; otherwise the folder `record` beside the certificate.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// The ceremony's id, as in HANDOVER.txt, where no record came with the certificate.
    #[arg(long)]
    id: Option<String>,
    /// Where the pin is written [default: ID.pin].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Confirm {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let delivery = match delivered(&self.cert, self.record.as_deref())? {
            Some(delivery) => delivery,
            None => {
                let id = self.id.as_deref().ok_or(ConfirmError::NoId)?;
                Delivery::alone(&read(&self.cert)?, id)?
            }
        };
        if self.id.is_some_and(|id| id != delivery.facts.id) {
            return Err(ConfirmError::OtherSheet("the id").into());
        }
        let pin = self
            .output
            .unwrap_or_else(|| PathBuf::from(format!("{}.pin", delivery.facts.id)));
        let receipt = pin.with_extension("receipt.txt");
        for path in [&pin, &receipt] {
            if files::exists(path) {
                return Err(CliError::Exists(path.clone()).into());
            }
        }
        let mut console = Console::open()?;
        let mut system = RealSystem::new(place::work_folder());
        let confirmed = session::hold(&mut console, &mut system, &delivery)?;
        drop(console);
        place::write_new(&pin, &confirmed.render())?;
        let text = self::receipt(&confirmed, &pin);
        place::write_new(&receipt, text.as_bytes())?;
        check::print(&format!("\n{text}"))?;
        Ok(Exit::Good)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(files::read(path).map_err(|e| CliError::Read(path.to_path_buf(), e))?)
}

/// What reached the verifier: the certificate, with the record that was named or lies beside it.
/// `None` where there is no record.
pub(super) fn delivered(cert: &Path, record: Option<&Path>) -> Result<Option<Delivery>, Failure> {
    let certificate = read(cert)?;
    let transcript = match record {
        Some(folder) => place::record(folder)?.record.join("transcript.txt"),
        None => cert.with_file_name("record").join("transcript.txt"),
    };
    if record.is_none() && !files::is_file(&transcript) {
        return Ok(None);
    }
    let transcript = read(&transcript)?;
    Ok(Some(Delivery::with_record(&certificate, &transcript)?))
}

/// What the verifier keeps on paper, and can send to the operators.
fn receipt(pin: &Pin, file: &Path) -> String {
    let [room, verifier] = pin.said().halves().map(|half| half.join(" "));
    let warning = if pin.is_rehearsal() {
        "REHEARSAL - do not use this key for anything real.\n\n"
    } else {
        ""
    };
    let rows: Vec<String> = pin
        .fingerprint
        .rows()
        .iter()
        .map(|row| row.join(" "))
        .collect();
    let delivered = match pin.delivered {
        crate::pin::Delivered::Last => "the head is the last of the record that was delivered",
        crate::pin::Delivered::Unknown => {
            "the head is newer than the record that was delivered: look for it in the final record"
        }
        crate::pin::Delivered::None => "no record was delivered",
    };
    format!(
        "{warning}CONFIRMED BY TELEPHONE\n\nceremony     {}\ntime         {}\nfingerprint  {}\n\
         sheet code   {}\nhead         {}\n\nresult, read by the room:      {room}\n\
         result, read by the verifier:  {verifier}\n\n\
         The pin is {}. To encrypt to this key and to no other:\n\n    \
         ceremony seal --pin {} FILE -o FILE.pgp\n\n\
         Keep the pin where only those can change it who may change your backups.\n",
        pin.id,
        time::for_people(pin.time),
        rows.join("\n             "),
        pin.facts().sheet_code,
        delivered,
        file.display(),
        file.display(),
    )
}
