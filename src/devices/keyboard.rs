//! Keyboard layouts, as files of kbd.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where the machine is looked at"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Below it each family (qwerty, qwertz, azerty, ...) has a folder.
const LAYOUTS: &str = "usr/share/keymaps/i386";

/// How the files end.
const ENDING: &str = ".kmap";

/// The names of all layouts, sorted.
pub fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = files(root).into_iter().map(|(name, _)| name).collect();
    names.sort_by_key(|name| name.to_ascii_lowercase());
    names.dedup();
    names
}

/// The file of a layout.
pub fn file(root: &Path, name: &str) -> Option<PathBuf> {
    let mut found = files(root).into_iter();
    found.find_map(|(other, path)| (other == name).then_some(path))
}

/// Plain files alone, in an order that does not depend on the file system.
fn files(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let folders = fs::read_dir(root.join(LAYOUTS)).into_iter().flatten();
    for entry in folders
        .flatten()
        .flat_map(|folder| fs::read_dir(folder.path()))
    {
        for entry in entry.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
            if let Some(name) = name.strip_suffix(ENDING).filter(|_| plain) {
                found.push((name.to_string(), entry.path()));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_plain_files_with_their_ending() {
        let root = tempfile::tempdir().expect("a folder");
        let all = root.path().join(LAYOUTS);
        assert_eq!(names(root.path()), [""; 0]);
        for path in ["qwertz/de.kmap", "qwerty/us.kmap", "include/ctrl.inc"] {
            let path = all.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        std::os::unix::fs::symlink("/etc/passwd", all.join("qwerty/zz.kmap")).expect("a link");
        assert_eq!(names(root.path()), ["de", "us"]);
        assert_eq!(file(root.path(), "de"), Some(all.join("qwertz/de.kmap")));
        for bad in ["zz", "ctrl", "../qwertz/de", ""] {
            assert_eq!(file(root.path(), bad), None, "{bad}");
        }
    }
}
