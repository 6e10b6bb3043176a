//! A machine in a folder, with the helper for sticks as a process above it.
#![allow(dead_code, reason = "each test program uses a part of what is here")]

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub const HELPER: &str = env!("CARGO_BIN_EXE_ceremony-media");
/// The seam of debug builds that names such a folder.
pub const SEAM: &str = "CEREMONY_TEST_ONLY_MACHINE";

/// A machine in a folder, with a helper.
pub struct Machine {
    pub folder: TempDir,
    helper: Option<Child>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut helper) = self.helper.take() {
            helper.kill().expect("it still runs");
            helper.wait().expect("it ended");
        }
    }
}

/// The first bytes of a device.
pub fn head(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 40_000];
    for (at, part) in parts {
        bytes[*at..at + part.len()].copy_from_slice(part);
    }
    bytes
}

pub fn fat() -> Vec<u8> {
    head(&[(510, &[0x55, 0xaa]), (82, b"FAT32   ")])
}

pub fn image() -> Vec<u8> {
    head(&[
        (510, &[0x55, 0xaa]),
        (82, b"FAT32   "),
        (32769, b"CD001"),
        (32808, b"CEREMONY"),
    ])
}

impl Machine {
    /// A fixed disk sda; sticks: sdb with a FAT partition and another one, sdc with FAT on all of
    /// it, sdd with the live image, sde with nothing, sdf with its lock closed, sdg in use.
    pub fn new() -> Machine {
        let machine = Machine::bare();
        machine.put(
            "proc/self/mountinfo",
            b"30 27 8:97 / /mnt rw - vfat /dev/sdg1 rw\n",
        );
        machine.disk("sda", 0, None, &fat());
        for (at, (name, head)) in [
            ("sdb", head(&[])),
            ("sdc", fat()),
            ("sdd", image()),
            ("sde", head(&[])),
            ("sdf", fat()),
            ("sdg", fat()),
        ]
        .into_iter()
        .enumerate()
        {
            machine.disk(name, 16 * (at as u32 + 1), Some(at), &head);
        }
        machine.put("sys/block/sdf/ro", b"1\n");
        for (disk, minor, index) in [
            ("sdb", 17, 1),
            ("sdb", 18, 2),
            ("sdd", 49, 1),
            ("sdg", 97, 1),
        ] {
            machine.part(disk, minor, index);
        }
        machine
    }

    /// Nothing is plugged in.
    pub fn bare() -> Machine {
        let machine = Machine {
            folder: TempDir::new().expect("a folder"),
            helper: None,
        };
        machine.put("proc/self/mountinfo", b"");
        fs::create_dir_all(machine.path("sys/block")).expect("a folder");
        machine
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn disk(&self, name: &str, minor: u32, port: Option<usize>, head: &[u8]) {
        let hangs = match port {
            Some(port) => format!("sys/devices/usb1/1-{port}"),
            None => "sys/devices/ata1".to_string(),
        };
        if let Some(port) = port {
            self.put(&format!("{hangs}/idVendor"), b"0781\n");
            self.put(&format!("{hangs}/idProduct"), b"5567\n");
            self.put(&format!("{hangs}/serial"), format!("A{port}\n").as_bytes());
        }
        let folder = format!("{hangs}/host0/block/{name}");
        self.put(&format!("{folder}/dev"), format!("8:{minor}\n").as_bytes());
        self.put(&format!("{folder}/size"), b"31250000\n");
        let removable = if port.is_some() { "1\n" } else { "0\n" };
        self.put(&format!("{folder}/removable"), removable.as_bytes());
        self.put(&format!("{folder}/ro"), b"0\n");
        self.put(&format!("{folder}/diskseq"), b"3\n");
        fs::create_dir_all(self.path("sys/block")).expect("a folder");
        symlink(self.path(&folder), self.path("sys/block").join(name)).expect("a link");
        self.device(name, head);
    }

    pub fn device(&self, name: &str, head: &[u8]) {
        self.put(&format!("dev/{name}"), head);
        fs::create_dir_all(self.path("sticks").join(name)).expect("a folder");
    }

    pub fn part(&self, disk: &str, minor: u32, index: u32) {
        let folder = format!("sys/block/{disk}/{disk}{index}");
        self.put(
            &format!("{folder}/partition"),
            format!("{index}\n").as_bytes(),
        );
        self.put(&format!("{folder}/dev"), format!("8:{minor}\n").as_bytes());
        self.device(&format!("{disk}{index}"), &fat());
    }

    pub fn with_helper() -> Machine {
        Machine::new().started()
    }

    /// The helper runs.
    pub fn started(self) -> Machine {
        let mut machine = self;
        let helper = Command::new(HELPER)
            .args(["--for", "1000"])
            .env(SEAM, machine.folder.path())
            .spawn();
        machine.helper = Some(helper.expect("it starts"));
        let end = Instant::now() + Duration::from_secs(20);
        while !machine.socket().exists() {
            assert!(Instant::now() < end, "the helper does not listen");
            sleep(Duration::from_millis(20));
        }
        machine
    }

    /// Takes a disk out.
    pub fn unplug(&self, name: &str) {
        fs::remove_file(self.path("sys/block").join(name)).expect("it was plugged in");
    }

    /// The same, if it is in.
    pub fn unplug_if_in(&self, name: &str) {
        if self.path("sys/block").join(name).exists() {
            self.unplug(name);
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/ceremony/media.sock")
    }

    /// What the helper answers to these bytes.
    pub fn ask(&self, bytes: &[u8]) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        let mut stream = loop {
            // The socket is there a moment before anybody listens.
            match UnixStream::connect(self.socket()) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            sleep(Duration::from_millis(20));
        };
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a limit");
        stream.write_all(bytes).expect("it is read");
        stream.shutdown(Shutdown::Write).expect("that was all");
        let mut answer = String::new();
        // What was too long is not read to its end, and the answer may be cut off with it.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    pub fn says(&self, request: &str, answer: &str) {
        let given = self.ask(format!("{request}\n").as_bytes());
        assert_eq!(given, format!("{answer}\n"), "{request:?}");
    }

    /// What was done, since the last look.
    pub fn acts(&self) -> Vec<String> {
        let path = self.path("acts");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_string).collect()
    }
}
