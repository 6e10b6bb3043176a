//! A stick is a file; what is on it is put there and read with mtools, as another system would.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::liar::Liar;

/// FAT32 begins at about 34 MB.
const SIZE: u64 = 64 * 1024 * 1024;
const SECTOR: u64 = 512;
/// Where partitions begin since 2009: at 1 MiB.
const PARTITION: u64 = 2048;

/// How a stick comes to the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// From a factory that forgot to format it.
    Blank,
    /// FAT16 on all of it.
    Fat16,
    /// FAT32 on all of it.
    Fat32,
    /// FAT32 in a partition.
    Partition,
}

/// A stick.
pub struct Stick {
    /// As QEMU names it.
    pub name: String,
    pub serial: String,
    pub file: PathBuf,
    pub form: Form,
    /// Where it is no plain file for QEMU.
    pub liar: Option<Liar>,
}

impl Stick {
    pub fn new(folder: &Path, name: &str, serial: &str, form: Form) -> Stick {
        let file = folder.join(format!("{name}.img"));
        let image = File::create(&file).expect("a stick");
        image.set_len(SIZE).expect("the disk has space");
        let stick = Stick {
            name: name.to_string(),
            serial: serial.to_string(),
            file,
            form,
            liar: None,
        };
        match form {
            Form::Blank => {}
            // 4 sectors in a cluster: 32768 clusters, which is FAT16 (Microsoft, fatgen103).
            Form::Fat16 => stick.mtools("mformat", &["-c", "4", "-T", &sectors(0)], &["::"]),
            Form::Fat32 => stick.mtools("mformat", &["-F", "-T", &sectors(0)], &["::"]),
            Form::Partition => {
                stick.partition(&image);
                let hidden = PARTITION.to_string();
                let sectors = sectors(PARTITION);
                stick.mtools("mformat", &["-F", "-H", &hidden, "-T", &sectors], &["::"]);
            }
        }
        stick
    }

    /// A partition table with one entry (the form of 1983: 16 bytes at byte 446).
    fn partition(&self, image: &File) {
        let count = SIZE / SECTOR - PARTITION;
        let mut entry = [0; 16];
        // FAT32, addressed by sector numbers; cylinders and heads are of no use.
        entry[4] = 0x0c;
        entry[8..12].copy_from_slice(&(PARTITION as u32).to_le_bytes());
        entry[12..].copy_from_slice(&(count as u32).to_le_bytes());
        image.write_all_at(&entry, 446).expect("a file");
        image.write_all_at(&[0x55, 0xaa], 510).expect("a file");
    }

    /// Where its file system begins now: in the partition, if there still is one.
    fn image(&self) -> String {
        let mut first = [0; 512];
        let image = OpenOptions::new().read(true).open(&self.file);
        let read = image.and_then(|image| image.read_exact_at(&mut first, 0));
        read.expect("a stick's first sector");
        let start = u32::from_le_bytes(first[454..458].try_into().expect("four bytes"));
        let is_partition = first[450] == 0x0c && u64::from(start) == PARTITION;
        let offset = if is_partition { PARTITION * SECTOR } else { 0 };
        format!("{}@@{offset}", self.file.display())
    }

    /// From now on QEMU gets it from someone who may lie.
    pub fn hand_to_liar(&mut self) {
        let socket = self.file.with_extension("nbd");
        self.liar = Some(Liar::start(&socket, &self.file));
    }

    /// Its file for QEMU, which sees the case's folder under that name.
    pub fn source(&self, folder: &str) -> String {
        match self.liar {
            Some(_) => format!("nbd:unix:{folder}/{}.nbd", self.name),
            None => format!("{folder}/{}.img", self.name),
        }
    }

    fn mtools(&self, program: &str, options: &[&str], rest: &[&str]) {
        let output = self.output(program, options, rest);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {rest:?}: {said}");
    }

    fn output(&self, program: &str, options: &[&str], rest: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(options).args(["-i", &self.image()]).args(rest);
        // The size need not be a multiple of some disk's tracks.
        let output = command.env("MTOOLS_SKIP_CHECK", "1").output();
        output.unwrap_or_else(|e| panic!("{program}: {e}; scripts/test-image has it"))
    }

    /// The paths of all that is on it; a folder's ends with a slash, and is before what is in it.
    fn list(&self) -> Vec<String> {
        let output = self.output("mdir", &["-/", "-b"], &["::"]);
        let said = String::from_utf8_lossy(&output.stderr);
        // That is what it says of a file system without any file.
        let is_empty = said.contains("File \"::\" not found");
        assert!(output.status.success() || is_empty, "mdir: {said}");
        let listed = String::from_utf8(output.stdout).expect("names are UTF-8");
        let paths = listed.lines().filter_map(|line| line.strip_prefix("::/"));
        paths.map(str::to_string).collect()
    }

    /// Writes a file into its root folder.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.file.with_extension("file");
        fs::write(&file, text).expect("a file");
        let from = file.display().to_string();
        self.mtools("mcopy", &["-o"], &[&from, &format!("::{name}")]);
    }

    /// Reads all that is on it into a new folder. What a power cut left of a file that was being
    /// written may have lost its clusters: it never got its name, and nobody reads it.
    pub fn read(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder");
        for path in self.list() {
            let to = folder.join(&path);
            let name = path.rsplit('/').next().unwrap_or(&path);
            if path.ends_with('/') {
                fs::create_dir_all(&to).expect("a folder");
            } else if !name.starts_with(".part-") {
                let to = to.display().to_string();
                self.mtools("mcopy", &["-n"], &[&format!("::/{path}"), &to]);
            }
        }
    }

    /// All that was ever written to it and is still there, in deleted files too; what is no text
    /// is replaced. Sectors of zeros, which are most of it, are left out.
    pub fn text(&self) -> String {
        let bytes = fs::read(&self.file).expect("a stick");
        let sectors = bytes.chunks(SECTOR as usize);
        let used = sectors.filter(|sector| sector.iter().any(|byte| *byte != 0));
        String::from_utf8_lossy(&used.flatten().copied().collect::<Vec<u8>>()).into_owned()
    }
}

/// From `first` to the stick's end.
fn sectors(first: u64) -> String {
    (SIZE / SECTOR - first).to_string()
}
