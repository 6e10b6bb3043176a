//! A backup's files once they were on paper: from the codes alone, and from the rows alone.

use std::collections::BTreeMap;

use ceremony::paper::{Backup, Gathered, PaperFile};

/// Asserts that codes and rows each give exactly these files.
#[track_caller]
pub fn gives(backup: &Backup, files: &BTreeMap<String, Vec<u8>>) {
    let on_paper: Vec<&PaperFile> = backup.groups.iter().flat_map(|g| &g.files).collect();

    let mut scanned = Gathered::default();
    let parts = on_paper.iter().flat_map(|file| &file.parts);
    let payloads: Vec<Vec<u8>> = parts.map(|part| part.payload().into_bytes()).collect();
    scanned.codes("the codes", &payloads);

    let mut rows = format!("CEREMONY {}\n", backup.id);
    for file in on_paper.iter().filter(|file| !file.rows.is_empty()) {
        rows += &format!("{}\n{}\n", file.label(), file.rows.join("\n"));
    }
    let mut typed = Gathered::default();
    typed.text("the rows", &rows);

    for gathered in [scanned, typed] {
        let Ok(mut restored) = gathered.finish() else {
            panic!("one ceremony's pages");
        };
        assert!(restored.missing.is_empty());
        restored.files.retain(|name, _| name.ends_with(".asc"));
        assert!(restored.files == *files, "{:?}", restored.files.keys());
    }
}
