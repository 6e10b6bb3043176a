//! The verifier at the far end of the telephone, in ceremonies that are held in a test.

#![allow(dead_code, reason = "each test program uses a part of what is here")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ceremony::confirm::Delivery;
use ceremony::edge::files;
use ceremony::edge::verifier::Verifier;

/// A verifier who gets what is on the handover medium when the call is held, by path.
pub fn verifier<'a>(mut handover: impl FnMut() -> BTreeMap<String, Vec<u8>> + 'a) -> Verifier<'a> {
    let courier = move || {
        let files = handover();
        let is_it =
            |path: &&String| path.ends_with("/certificate.asc") && !path.starts_with("ABANDONED-");
        let path = files.keys().find(is_it)?;
        let record = path.replace("/certificate.asc", "/record/transcript.txt");
        Delivery::with_record(&files[path], files.get(&record)?).ok()
    };
    Verifier::new(Box::new(courier), None)
}

/// The same, where the medium is a folder.
pub fn verifier_at(handover: PathBuf) -> Verifier<'static> {
    verifier(move || {
        let folder = files::read_folder(&handover);
        folder.map(|folder| folder.files).unwrap_or_default()
    })
}
