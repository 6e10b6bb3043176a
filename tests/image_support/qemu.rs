//! One QEMU: its serial line is a terminal of 80 columns, its monitor takes and gives sticks.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use super::Place;
use crate::pty_support::Terminal;

/// The longest work between two questions (Argon2id, say), with an emulated processor that
/// others use too.
const PATIENCE: Duration = Duration::from_secs(600);

/// A character on the serial line may be late by so much.
const QUIET: Duration = Duration::from_millis(150);

/// How long QEMU itself may take for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// What the machine starts from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    Cd,
    Stick,
}

/// A machine that runs. It is cut from power when this goes.
pub struct Machine {
    monitor: BufReader<UnixStream>,
    pid_file: PathBuf,
}

impl Machine {
    /// Starts the image; the terminal is at its first screen.
    pub fn start(place: &Place, boot: Boot) -> (Terminal, Machine) {
        let pid_file = place.work.join("pid");
        let socket = place.work.join("monitor");
        let _ = fs::remove_file(&socket);
        let options = options(place, boot);
        let options: Vec<String> = options.iter().map(|o| format!("'{o}'")).collect();
        // The shell is replaced by QEMU and so has its number. Lines come as the guest ends them.
        let line = format!(
            "stty -onlcr; sh -c 'echo $$ >\"$0\" && exec \"$@\"' '{}' '{}' {} 2>'{}'",
            pid_file.display(),
            place.qemu.display(),
            options.join(" "),
            place.work.join("qemu.log").display()
        );
        let mut terminal = Terminal::start(&line, &[]);
        (terminal.patience, terminal.quiet) = (PATIENCE, QUIET);
        terminal.log_to(&place.work.join("serial"));
        let monitor = BufReader::new(connected(&socket));
        let mut machine = Machine { monitor, pid_file };
        // QEMU greets, and waits for this.
        machine.read_line();
        machine.ask("qmp_capabilities", &json!({}));
        terminal.wait_for("Press Enter to hold the ceremony on this screen.");
        // Between the message and the reading nobody listens for a moment.
        sleep(Duration::from_secs(1));
        (terminal, machine)
    }

    /// Puts a stick into a USB port, and waits until the machine has looked at it.
    pub fn plug(&mut self, id: &str, serial: &str, file: &str) {
        self.human(&format!(
            "drive_add 0 if=none,id=drive-{id},format=raw,file={file}"
        ));
        self.human(&format!(
            "device_add usb-storage,bus=usb.0,id={id},drive=drive-{id},serial={serial},removable=on"
        ));
        self.wait_until_calm(&format!("drive-{id}"));
    }

    /// Pulls one out.
    pub fn unplug(&mut self, id: &str) {
        self.ask("device_del", &json!({ "id": id }));
        let deadline = Instant::now() + LIMIT;
        while self.human("info block").contains(&format!("drive-{id}")) {
            assert!(Instant::now() < deadline, "QEMU keeps {id}");
            sleep(Duration::from_millis(100));
        }
    }

    /// A light that has been on, and then off for a while.
    fn wait_until_calm(&mut self, drive: &str) {
        let deadline = Instant::now() + LIMIT;
        let (mut last, mut since) = (0, Instant::now());
        while last == 0 || since.elapsed() < Duration::from_millis(1500) {
            assert!(
                Instant::now() < deadline,
                "the machine does not look at {drive}"
            );
            sleep(Duration::from_millis(100));
            let read = self.bytes_read(drive);
            if read != last {
                (last, since) = (read, Instant::now());
            }
        }
    }

    fn bytes_read(&mut self, drive: &str) -> u64 {
        let all = self.ask("query-blockstats", &json!({}));
        let mut all = all.as_array().expect("a list").iter();
        let stats = all.find(|stats| stats["device"] == drive);
        let stats = stats.unwrap_or_else(|| panic!("QEMU has no {drive}"));
        stats["stats"]["rd_bytes"].as_u64().expect("a number")
    }

    /// What a person would type into QEMU's monitor.
    pub fn human(&mut self, line: &str) -> String {
        let answer = self.ask("human-monitor-command", &json!({ "command-line": line }));
        let answer = answer.as_str().expect("a text").trim().to_string();
        assert!(!answer.contains("Error"), "{line}: {answer}");
        answer
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        let line = json!({ "execute": command, "arguments": arguments }).to_string();
        let socket = self.monitor.get_mut();
        socket
            .write_all(line.as_bytes())
            .expect("QEMU's monitor listens");
        loop {
            let mut said = self.read_line();
            // Events come between.
            if let Some(answer) = said.get_mut("return") {
                return answer.take();
            }
            assert!(said.get("error").is_none(), "{line}: {said}");
        }
    }

    fn read_line(&mut self) -> Value {
        let mut line = String::new();
        let read = self.monitor.read_line(&mut line);
        assert!(
            read.is_ok_and(|count| count > 0),
            "QEMU's monitor is closed"
        );
        serde_json::from_str(&line).expect("QEMU speaks JSON")
    }

    pub fn is_on(&self) -> bool {
        running(&self.pid_file).is_some()
    }

    /// From one moment to the next, whatever is being written.
    pub fn cut_power(&self) {
        cut_power(&self.pid_file);
    }

    /// Cuts the power as soon as the machine writes new data to this file, in a thread of its own.
    pub fn cut_power_while_writing(&self, file: &Path) {
        // Grows when a sector is written to for the first time: the file has holes.
        let taken = |file: &Path| fs::metadata(file).map_or(0, |data| data.blocks());
        let (pid_file, file) = (self.pid_file.clone(), file.to_path_buf());
        let before = taken(&file);
        std::thread::spawn(move || {
            while running(&pid_file).is_some() {
                if taken(&file) > before {
                    cut_power(&pid_file);
                }
                sleep(Duration::from_millis(1));
            }
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut_power();
    }
}

/// What this image's machine has besides the one of all cases.
fn options(place: &Place, boot: Boot) -> Vec<String> {
    let mut options = vec![
        // Ctrl-C is the guest's.
        "-chardev stdio,id=serial,signal=off -serial chardev:serial".to_string(),
        format!(
            "-chardev socket,id=monitor,path={},server=on,wait=off -mon chardev=monitor,mode=control",
            place.inside("monitor")
        ),
        "-device qemu-xhci,id=usb".to_string(),
        format!("-parallel file:{}", place.inside("printed")),
    ];
    options.push(match boot {
        Boot::Cd => format!("-cdrom {}", place.iso),
        Boot::Stick => format!(
            "-drive if=none,id=drive-boot,format=raw,readonly=on,file={} \
             -device usb-storage,bus=usb.0,id=boot,drive=drive-boot,serial=BOOT,bootindex=0",
            place.iso
        ),
    });
    let words = options.iter().flat_map(|o| o.split_whitespace());
    words.map(str::to_string).collect()
}

fn connected(socket: &Path) -> UnixStream {
    let deadline = Instant::now() + LIMIT;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => {
                let limited = stream.set_read_timeout(Some(LIMIT));
                limited.expect("a socket can be limited in time");
                return stream;
            }
            Err(error) => assert!(Instant::now() < deadline, "QEMU did not start: {error}"),
        }
        sleep(Duration::from_millis(50));
    }
}

/// QEMU's number, as long as it is QEMU's.
fn running(pid_file: &Path) -> Option<Pid> {
    let number: i32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let line = fs::read(format!("/proc/{number}/cmdline")).ok()?;
    let is_ours = String::from_utf8_lossy(&line).contains("qemu-system");
    let pid = Pid::from_raw(number).filter(|_| is_ours)?;
    test_kill_process(pid).is_ok().then_some(pid)
}

fn cut_power(pid_file: &Path) {
    let deadline = Instant::now() + LIMIT;
    while let Some(pid) = running(pid_file) {
        // It may end by itself between the two.
        let _ = kill_process(pid, Signal::KILL);
        if Instant::now() > deadline {
            eprintln!("QEMU, number {pid:?}, does not end");
            return;
        }
        sleep(Duration::from_millis(20));
    }
}
