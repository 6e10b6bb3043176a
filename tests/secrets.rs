//! Secrets that a rehearsal had are in none of its outputs: not on the screen, not in a file
//! outside `paper/` (the secret media included), not in a file's name, not in an argument or
//! variable of any process; and nothing stays behind in the folders for passing things.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod planted;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

use held::{Backup, Held, PROGRAM, need};
use planted::{Found, Search, Secret, count, secrets};

const MODERN: Backup = Backup {
    profile: "modern",
    custodians: "AB",
    threshold: 2,
    absent: "",
};

/// A way in which a secret may be written.
type Form = fn(&[u8]) -> Vec<u8>;

#[test]
fn a_modern_rehearsal_shows_no_secret() {
    nothing_is_shown(MODERN);
}

#[test]
fn an_rsa_rehearsal_shows_no_secret() {
    nothing_is_shown(Backup {
        profile: "rsa4096",
        custodians: "ABC",
        threshold: 2,
        absent: "C",
    });
}

fn nothing_is_shown(backup: Backup) {
    need(&["gpg", "gpgconf"]);
    let (held, seen) = watched(backup);
    let secrets = secrets(&held);
    let search = Search::new(&secrets);
    each_secret_would_be_found(&held, &search);

    let absent_from = |place: &str, bytes: &[u8]| {
        let found = search.find(bytes);
        assert!(found.is_empty(), "{place}: {found:?}");
    };
    absent_from("standard output", &held.output.stdout);
    absent_from("standard error", &held.output.stderr);
    let (mut read, mut on_paper) = (0, Found::new());
    for path in held::files(&held.out()) {
        absent_from("a file's name", path.as_os_str().as_bytes());
        let bytes = fs::read(&path).expect("the test may read it");
        if path.starts_with(held.out().join("paper")) {
            search.add(&bytes, &mut on_paper);
        } else {
            absent_from(&path.display().to_string(), &bytes);
            read += 1;
        }
    }
    assert!(read > 50, "the media were read: {read} files");
    // The words are where they must be; of the key and K even the paper knows nothing.
    assert!(count(&on_paper, "share of A") > 0 && count(&on_paper, "passphrase of B") > 0);
    let only_words =
        |(name, _): &(String, &str)| name.starts_with("share") || name.starts_with("pass");
    assert!(on_paper.keys().all(only_words), "{on_paper:?}");

    assert!(
        seen.names.contains("gpg"),
        "the sampler saw {:?}",
        seen.names
    );
    // It calls itself by another name once it has started itself again.
    let rehearses = |text: &[u8]| {
        text.split(|byte| *byte == 0)
            .any(|word| word == b"rehearse")
    };
    let program = seen.texts.iter().any(|(_, text)| rehearses(text));
    assert!(program, "the sampler saw {:?}", seen.names);
    for (process, text) in &seen.texts {
        absent_from(process, text);
    }
    assert!(!seen.homes.is_empty(), "gpg had a home");
    for home in &seen.homes {
        assert!(
            home.starts_with("/dev/shm/gpg-") || home == "/nonexistent",
            "{home}"
        );
        assert!(fs::symlink_metadata(home).is_err(), "{home} stayed behind");
    }
    no_process_stays(&seen.homes);
}

/// The same search finds each secret of this rehearsal where it was planted.
fn each_secret_would_be_found(held: &Held, search: &Search) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("planted");
    let forms: [Form; 4] = [
        <[u8]>::to_vec,
        |bytes| HEXLOWER.encode(bytes).into_bytes(),
        |bytes| HEXUPPER.encode(bytes).into_bytes(),
        // As in armor: lines of 64.
        |bytes| {
            let text = BASE64.encode(bytes).into_bytes();
            text.chunks(64).collect::<Vec<_>>().join(&b'\n')
        },
    ];
    let mut planted: Vec<(String, Vec<u8>)> = Vec::new();
    for custodian in held.backup.people() {
        let words = held.words(custodian);
        planted.push((format!("share of {custodian}"), words.into_bytes()));
    }
    let passphrase = held.paper("passphrase-A.txt").into_bytes();
    planted.push(("passphrase of A".to_string(), passphrase));
    planted.push((
        "K as text".to_string(),
        held.k("").expose().as_bytes().to_vec(),
    ));
    planted.extend(planted::key_numbers(held.payload("").expose()));
    for (name, bytes) in &planted {
        for form in forms {
            for before in 0..3 {
                // Base64 looks different at each of three places.
                let text = [&b"***"[..before], bytes].concat();
                let text = [b"text ", &form(&text)[..], b" text"].concat();
                fs::write(&path, text).expect("the folder is writable");
                let found = search.find(&fs::read(&path).expect("just written"));
                assert!(count(&found, name) > 0, "{name} is not found");
            }
        }
    }
}

/// What was seen of the program and of all that it started.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    /// Arguments and variables, by process.
    texts: BTreeSet<(String, Vec<u8>)>,
    homes: BTreeSet<String>,
}

/// Holds a rehearsal, and looks at its processes as often as can be.
fn watched(backup: Backup) -> (Held, Seen) {
    let folder = held::folder();
    let child = held::command(&backup, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = child.id();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut seen = Seen::default();
            while !done.load(Ordering::Relaxed) {
                seen.look(pid);
                thread::sleep(Duration::from_millis(1));
            }
            seen
        });
        let output = child.wait_with_output().expect("the program ends");
        done.store(true, Ordering::Relaxed);
        let seen = sampler.join().expect("the sampler ends");
        (Held::found(backup, folder, output), seen)
    })
}

impl Seen {
    /// One look at all processes: those descended from `root`, and those that use a home of its
    /// gpg (an agent leaves the family).
    fn look(&mut self, root: u32) {
        let mut parents = BTreeMap::new();
        for entry in fs::read_dir("/proc").expect("/proc is there").flatten() {
            let name = entry.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) {
                // A process may end at any moment while it is looked at.
                if let Some(parent) = parent(pid) {
                    parents.insert(pid, parent);
                }
            }
        }
        for &pid in parents.keys() {
            let mut ancestor = Some(pid);
            while ancestor.is_some_and(|pid| pid != root) {
                ancestor = ancestor.and_then(|pid| parents.get(&pid).copied());
            }
            let variables = read_proc(pid, "environ");
            let home = variables.as_deref().ok().and_then(home_of);
            let is_ours =
                ancestor.is_some() || home.as_ref().is_some_and(|h| self.homes.contains(h));
            if !is_ours {
                continue;
            }
            self.homes.extend(home);
            let name = read_proc(pid, "comm").unwrap_or_default();
            let name = String::from_utf8_lossy(&name).trim().to_string();
            for text in [read_proc(pid, "cmdline"), variables].into_iter().flatten() {
                self.texts.insert((name.clone(), text));
            }
            self.names.insert(name);
        }
    }
}

fn read_proc(pid: u32, what: &str) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/{what}"))
}

fn parent(pid: u32) -> Option<u32> {
    let stat = String::from_utf8(read_proc(pid, "stat").ok()?).ok()?;
    // The name, in parentheses, may hold anything; the parent is the second field after it.
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(1)?.parse().ok()
}

fn home_of(variables: &[u8]) -> Option<String> {
    let mut each = variables.split(|byte| *byte == 0);
    let home = each.find_map(|variable| variable.strip_prefix(b"GNUPGHOME="))?;
    String::from_utf8(home.to_vec()).ok()
}

fn no_process_stays(homes: &BTreeSet<String>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc is there").flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.parse::<u32>().ok());
            let variables = pid.and_then(|pid| read_proc(pid, "environ").ok());
            let home = variables.as_deref().and_then(home_of);
            left.extend(home.filter(|home| home != "/nonexistent" && homes.contains(home)));
        }
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "gpg's agents stayed: {left:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// In a mount namespace of its own, where the folders for passing things are empty at first.
#[test]
fn nothing_stays_in_the_folders_for_passing_things() {
    need(&["unshare", "mount", "find", "gpg"]);
    // In the build's folder, since /tmp is hidden there.
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    fs::write(outside.path().join("plan.toml"), MODERN.plan()).expect("it is writable");
    fs::copy(PROGRAM, outside.path().join("ceremony")).expect("the program is copied");
    let script = "
        mount --make-rprivate /
        mount --bind \"$1\" /mnt
        for folder in /tmp /var/tmp /dev/shm /run; do mount -t tmpfs none $folder; done
        mkdir -m 700 /run/home /run/user
        export HOME=/run/home XDG_RUNTIME_DIR=/run/user TMPDIR=/tmp
        /mnt/ceremony rehearse /mnt/plan.toml --auto --fast --out /mnt/out >/mnt/log
        [ -s /mnt/out/public/*/record/transcript.txt.B.asc ]
        find /tmp /var/tmp /dev/shm /run
        echo planted; echo x > /dev/shm/gpg-x; find /dev/shm -type f";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-euc"])
        .arg(script)
        .arg("sh")
        .arg(outside.path())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaint}");
    let left: Vec<&str> = said.lines().collect();
    let expected = [
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        "/run/home",
        "/run/user",
        "planted",
        "/dev/shm/gpg-x",
    ];
    let sorted = |mut lines: Vec<&str>| {
        lines.sort_unstable();
        lines.join("\n")
    };
    assert_eq!(sorted(left), sorted(expected.to_vec()));
}

/// Not a secret of a rehearsal: the search's own forms, once without any program.
#[test]
fn the_search_sees_through_line_breaks() {
    let number: Vec<u8> = (0..96u32).map(|n| (n * 29 + 3) as u8).collect();
    let search = Search::new(&[Secret::number("n", &number)]);
    let armored = BASE64.encode(&number).into_bytes();
    let broken = armored.chunks(5).collect::<Vec<_>>().join(&b'\n');
    assert!(count(&search.find(&broken), "n") > 0);
    let mut unaided = Found::new();
    search.add(&broken, &mut unaided);
    assert!(unaided.is_empty(), "no line is long enough");
}
