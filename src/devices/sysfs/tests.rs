use std::os::unix::fs::symlink;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{StickId, Unfit, found};
use super::*;

/// A machine with a tree of its own below a folder.
struct Tree(TempDir);

/// Where a disk hangs: below a USB device with this serial number, or on the board.
const USB: &str = "devices/pci0000:00/usb1/1-1";
const BOARD: &str = "devices/pci0000:00/ata1";

impl Tree {
    fn new() -> Tree {
        let tree = Tree(TempDir::new().expect("a folder"));
        tree.put(
            "proc/self/mountinfo",
            "22 27 0:21 / /proc rw - proc proc rw\n",
        );
        fs::create_dir_all(tree.0.path().join("sys/block")).expect("a folder");
        fs::create_dir_all(tree.0.path().join("sys/devices")).expect("a folder");
        tree
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join("sys").join(path)).expect("it was there");
    }

    /// A disk at a place, as the kernel shows it; returns its folder.
    fn disk(&self, at: &str, name: &str, number: &str) -> String {
        let folder = format!("{at}/host0/target0:0:0/0:0:0:0/block/{name}");
        for (file, text) in [
            ("dev", format!("{number}\n")),
            ("size", "31250000\n".to_string()),
            ("removable", "1\n".to_string()),
            ("ro", "0\n".to_string()),
            ("diskseq", "7\n".to_string()),
        ] {
            self.put(&format!("sys/{folder}/{file}"), text);
        }
        let device = format!("{at}/host0/target0:0:0/0:0:0:0");
        self.put(&format!("sys/{device}/vendor"), "SanDisk \n");
        self.put(&format!("sys/{device}/model"), "Ultra           \n");
        let disk = self.0.path().join("sys").join(&folder);
        symlink(self.0.path().join("sys").join(device), disk.join("device")).expect("a link");
        symlink(&disk, self.0.path().join("sys/block").join(name)).expect("a link");
        folder
    }

    fn usb(&self, at: &str, serial: Option<&str>) {
        self.put(&format!("sys/{at}/idVendor"), "0781\n");
        self.put(&format!("sys/{at}/idProduct"), "5567\n");
        if let Some(serial) = serial {
            self.put(&format!("sys/{at}/serial"), format!("{serial}\n"));
        }
    }

    fn stick() -> (Tree, String) {
        let tree = Tree::new();
        tree.usb(USB, Some("4C530001230506117342"));
        let folder = tree.disk(USB, "sdb", "8:16");
        (tree, folder)
    }

    fn only(&self) -> Disk {
        let mut disks = disks(self.0.path()).expect("is shown");
        assert_eq!(disks.len(), 1);
        disks.remove(0)
    }

    fn fits(&self) -> Vec<Result<StickId, Unfit>> {
        let disks = disks(self.0.path()).expect("is shown");
        found(disks).into_iter().map(|found| found.fit).collect()
    }
}

#[test]
fn a_stick_is_shown_as_it_is() {
    let (tree, folder) = Tree::stick();
    tree.put(&format!("sys/{folder}/sdb1/partition"), "1\n");
    tree.put(&format!("sys/{folder}/sdb1/dev"), "8:17\n");
    let disk = tree.only();
    assert_eq!(disk.name, "sdb");
    assert_eq!(disk.title(), "SanDisk Ultra");
    assert_eq!(disk.bytes, 16_000_000_000);
    assert_eq!(super::super::size(disk.bytes), "16.0 GB");
    assert_eq!(
        (disk.sequence, disk.read_only, disk.in_use),
        (7, false, false)
    );
    assert_eq!(disk.device(), "sdb1");
    let id = disk.fit().expect("it fits");
    assert_eq!(id.to_string(), "0781:5567 4C530001230506117342");
    assert_eq!(id.serial(), "4C530001230506117342");
}

#[test]
fn what_is_no_stick_is_refused_with_its_reason() {
    let (tree, _) = Tree::stick();
    for (serial, fit) in [
        ("", Err(Unfit::NoSerial)),
        ("0000000000", Err(Unfit::NoSerial)),
        ("   ", Err(Unfit::NoSerial)),
        ("0A", Ok("0781:5567 0A")),
    ] {
        tree.usb(USB, Some(serial));
        let found = tree.fits().remove(0).map(|id| id.to_string());
        assert_eq!(found, fit.map(str::to_string), "{serial:?}");
    }
    tree.remove(&format!("{USB}/serial"));
    assert_eq!(tree.fits(), [Err(Unfit::NoSerial)]);

    for (file, text, fit) in [
        ("removable", "0\n", Unfit::Fixed),
        ("removable", "", Unfit::Fixed),
        ("removable", "yes", Unfit::Fixed),
        ("size", "0\n", Unfit::Empty),
    ] {
        let (tree, folder) = Tree::stick();
        tree.put(&format!("sys/{folder}/{file}"), text);
        assert_eq!(tree.fits(), [Err(fit)], "{file} {text:?}");
    }
    let (tree, folder) = Tree::stick();
    tree.remove(&format!("{folder}/removable"));
    assert_eq!(tree.fits(), [Err(Unfit::Fixed)]);

    let tree = Tree::new();
    tree.disk(BOARD, "sda", "8:0");
    assert_eq!(tree.fits(), [Err(Unfit::Fixed)], "no USB above it");
}

#[test]
fn two_with_one_serial_number_are_both_refused() {
    let (tree, _) = Tree::stick();
    let other = "devices/pci0000:00/usb1/1-2";
    tree.usb(other, Some("4C530001230506117342"));
    tree.disk(other, "sdc", "8:32");
    assert_eq!(tree.fits(), [Err(Unfit::Twin), Err(Unfit::Twin)]);
    tree.usb(other, Some("4C530001230506117343"));
    assert!(tree.fits().iter().all(Result::is_ok));
}

#[test]
fn a_disk_in_use_says_so() {
    let (tree, folder) = Tree::stick();
    tree.put(&format!("sys/{folder}/sdb1/partition"), "1\n");
    tree.put(&format!("sys/{folder}/sdb1/dev"), "8:17\n");
    for (number, used) in [
        ("8:16", true),
        ("8:17", true),
        ("8:1", false),
        ("8:160", false),
    ] {
        let line = format!("30 27 {number} / /mnt/a\\040b rw - vfat /dev/sdb rw\n");
        tree.put("proc/self/mountinfo", line);
        assert_eq!(tree.only().in_use, used, "{number}");
    }
    let mounts = mounts(tree.0.path()).expect("is read");
    assert_eq!(mounts[0].at, Path::new("/mnt/a b"));
    tree.put(&format!("sys/{folder}/sdb1/holders/dm-0"), "");
    assert!(tree.only().in_use);
}

#[test]
fn what_cannot_be_read_is_taken_for_the_worse() {
    let (tree, folder) = Tree::stick();
    tree.remove(&format!("{folder}/ro"));
    assert!(tree.only().read_only);
    for text in [
        "",
        "8",
        "8:",
        ":16",
        "8:16:1",
        "+8:16",
        "-8:16",
        "8:4294967296",
    ] {
        tree.put(&format!("sys/{folder}/dev"), text);
        assert_eq!(tree.fits(), [], "{text:?}");
    }
    let (tree, folder) = Tree::stick();
    for text in ["", "-1", "99999999999999999999", "18446744073709551615"] {
        tree.put(&format!("sys/{folder}/size"), text);
        assert_eq!(tree.fits(), [], "{text:?}");
    }
    tree.put("proc/self/mountinfo", "nonsense\n");
    assert!(
        disks(tree.0.path()).is_err(),
        "nobody knows what is mounted"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_device_says_of_itself_is_printable_and_short(
        vendor in prop::collection::vec(any::<u8>(), 0..300),
        serial in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (tree, _) = Tree::stick();
        tree.put(&format!("sys/{USB}/host0/target0:0:0/0:0:0:0/vendor"), &vendor);
        tree.put(&format!("sys/{USB}/serial"), &serial);
        let disk = tree.only();
        let mut texts = vec![disk.title()];
        texts.extend(disk.fit().map(|id| id.to_string()));
        for text in texts {
            prop_assert!(text.len() <= 300);
            prop_assert!(text.chars().all(|c| matches!(c, ' '..='~')), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written(major in any::<u32>(), minor in any::<u32>()) {
        let number = parse_number(&format!("{major}:{minor}"));
        prop_assert_eq!(number, Some(Number { major, minor }));
    }

    #[test]
    fn mounts_are_read_or_refused_and_never_misread(text in "(?s).{0,200}") {
        if let Some(mounts) = parse_mountinfo(&text) {
            prop_assert_eq!(mounts.len(), text.lines().count());
        }
    }

    #[test]
    fn a_mount_is_found_whatever_its_name(name in "[ -~]{1,20}", minor in 0u32..1000) {
        let escaped: String = name
            .bytes()
            .map(|b| match b {
                b' ' | b'\\' => format!("\\{b:03o}"),
                _ => char::from(b).to_string(),
            })
            .collect();
        let line = format!("30 27 8:{minor} / /{escaped} rw shared:1 - vfat /dev/sdb rw");
        let mounts = parse_mountinfo(&line).expect("is read");
        prop_assert_eq!(&mounts[0].at, &PathBuf::from(format!("/{name}")));
        prop_assert_eq!(mounts[0].number.minor, minor);
    }
}
