//! `ceremony redact RECORD`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::{CliError, check, verify};
use crate::edge::files;
use crate::error::{Exit, Failure};
use crate::record::files::{REDACTED, may_be_withheld};
use crate::verify::{Pins, verify as check_record};

/// `ceremony redact RECORD`.
#[derive(Args)]
pub(super) struct Redact {
    /// The folder `record`, or the ceremony's folder that holds it.
    record: PathBuf,
    /// Where the public copy is made; must not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Redact {
    /// Copies a good record without its details, which hold the personal facts, and without what an
    /// interruption cut short: it may hold a whole detail.
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let material = verify::read(&self.record)?;
        if let Err(fault) = check_record(&material, &Pins::default()) {
            check::print(&verify::fault_text(&fault))?;
            return Ok(Exit::Failed);
        }
        files::new_folder(&self.out).map_err(|e| CliError::not_made(&self.out, e))?;
        // Who redacts a copy again goes on with its list.
        let before = material.files.get(REDACTED).map_or(&[][..], Vec::as_slice);
        let mut withheld: BTreeSet<&[u8]> = before.split(|byte| *byte == b'\n').collect();
        withheld.remove(&[][..]);
        for (path, bytes) in &material.files {
            if may_be_withheld(path) {
                withheld.insert(path.as_bytes());
            } else if path != REDACTED {
                let full = self.out.join(path);
                files::write_below(&full, bytes).map_err(|e| CliError::not_made(&full, e))?;
            }
        }
        let list: Vec<u8> = withheld
            .iter()
            .flat_map(|path| [path, &b"\n"[..]].concat())
            .collect();
        if !list.is_empty() {
            let full = self.out.join(REDACTED);
            files::write_below(&full, &list).map_err(|e| CliError::not_made(&full, e))?;
        }
        let fragments = withheld
            .iter()
            .filter(|path| path.starts_with(b"fragments/"))
            .count();
        check::print(&format!(
            "The public copy is in {}. {} details and {fragments} fragments are withheld.\n",
            self.out.display(),
            withheld.len() - fragments
        ))?;
        Ok(Exit::Good)
    }
}
