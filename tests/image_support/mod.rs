//! The live image in QEMU, on a table with sticks, and two people at its serial line.
#![allow(dead_code, reason = "not every case uses all of it")]

pub mod checks;
pub mod liar;
pub mod menu;
pub mod paper;
pub mod qemu;
pub mod stick;
pub mod table;

pub use qemu::{Boot, Machine};
pub use stick::{Form, Stick};
pub use table::Table;

use std::path::PathBuf;

/// What `scripts/test-image` says: where things are, here and as QEMU sees them.
pub struct Place {
    /// Starts QEMU with the machine that every case has; takes further options.
    pub qemu: PathBuf,
    /// The image, as QEMU sees it.
    pub iso: String,
    /// A folder of the case's own ...
    pub work: PathBuf,
    /// ... and its name for QEMU.
    pub inside: String,
    /// Whether time does not matter.
    pub slow: bool,
}

impl Place {
    /// The folder of this case, empty.
    pub fn of(case: &str) -> Place {
        let said = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: scripts/test-image runs this"))
        };
        let work = PathBuf::from(said("IMAGE_WORK")).join(case);
        // From the last time, if there was one.
        let _ = std::fs::remove_dir_all(&work);
        std::fs::create_dir_all(&work).expect("a folder for the case");
        Place {
            qemu: PathBuf::from(said("IMAGE_QEMU")),
            iso: said("IMAGE_ISO"),
            inside: format!("{}/{case}", said("IMAGE_WORK_INSIDE")),
            work,
            slow: std::env::var_os("SLOW").is_some(),
        }
    }

    /// A file's name for QEMU.
    pub fn inside(&self, name: &str) -> String {
        format!("{}/{name}", self.inside)
    }
}
