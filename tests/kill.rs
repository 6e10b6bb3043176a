//! The real program, real folders, and `kill -9`: spread over the run, and just before and after
//! each act that cannot be undone. Then it is resumed, and both verifiers look at the record.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

/// No run takes longer, not on a busy machine either.
const LIMIT: Duration = Duration::from_secs(90);

/// How many machines run at once.
const MACHINES: usize = 2;

/// When the program is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Some time after its folders were there.
    After(Duration),
    /// As soon as the transcript has this text for the nth time.
    Seen(&'static str, usize),
}

/// What came of one kill.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Closed { given_up: usize },
    NothingRecorded,
}

fn moments() -> Vec<Moment> {
    let mut moments = Vec::new();
    for act in [
        "generate",
        "backup",
        "revocation",
        "drill",
        "export",
        "phone",
        "close",
    ] {
        let asked: &'static str = format!("event: authorise\nactors: none\nact: {act}\n").leak();
        moments.push(Moment::Seen(asked, 1));
        if act != "close" {
            let signed: &'static str = format!("{act}\n\nSIGNED").leak();
            moments.push(Moment::Seen(signed, 1));
        }
    }
    let done = [
        ("generated", 1),
        ("share-confirmed", 2),
        ("stored", 1),
        ("stored", 3),
        ("backed-up", 1),
        ("stored", 4),
        ("revocation-saved", 1),
        ("drilled", 1),
        ("erased", 1),
        ("stored", 7),
        ("exported", 1),
        ("paused", 1),
        ("resumed", 1),
        ("sheets-checked", 1),
        ("call-confirmed", 1),
        ("closed", 1),
    ];
    for (event, nth) in done {
        let event: &'static str = format!("event: {event}\n").leak();
        moments.push(Moment::Seen(event, nth));
    }
    for tenths in [0, 2, 5, 9, 14, 20, 27] {
        moments.push(Moment::After(Duration::from_millis(100 * tenths)));
    }
    moments
}

/// The fast plan: a key that is made in a moment, two custodians.
fn plan(folder: &Path) -> PathBuf {
    let mut source = include_str!("../ceremony/backup-key.toml").to_string();
    for (from, to) in [
        ("profile = \"rsa4096\"", "profile = \"modern\""),
        ("[\"A\", \"B\", \"C\"]", "[\"A\", \"B\"]"),
        ("absent = [\"C\"]", "absent = []"),
    ] {
        assert_eq!(source.matches(from).count(), 1, "{from}");
        source = source.replace(from, to);
    }
    let path = folder.join("plan.toml");
    fs::write(&path, source).expect("a temporary folder");
    path
}

fn start(arguments: &[&str], log: &Path) -> Child {
    let log = fs::File::create(log).expect("a temporary folder");
    let errors = log.try_clone().expect("an open file");
    Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .expect("the program starts")
}

fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let until = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("{what}: not done after {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The ceremony's folder on an operator's medium, once it is there.
fn ceremony_folder(out: &Path, role: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(out.join(role)).ok()?;
    let paths = entries.flatten().map(|entry| entry.path());
    paths.into_iter().find(|path| path.is_dir())
}

fn transcript(out: &Path, role: &str) -> String {
    let folder = ceremony_folder(out, role);
    let path = folder.map(|folder| folder.join("record/transcript.txt"));
    path.and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default()
}

/// Whether the moment has come.
fn is_now(moment: Moment, out: &Path, since: &mut Option<Instant>) -> bool {
    match moment {
        Moment::After(time) => {
            if since.is_none() && out.join("public").is_dir() {
                *since = Some(Instant::now());
            }
            since.is_some_and(|since| since.elapsed() >= time)
        }
        Moment::Seen(text, nth) => {
            let held = transcript(out, "operator-a");
            match text.strip_suffix("\n\nSIGNED") {
                None => held.matches(text).count() >= nth,
                // After its authorisation, whatever stands between.
                Some(act) => held
                    .split_once(&format!("act: {act}\n"))
                    .is_some_and(|(_, after)| after.contains("event: authorised\n")),
            }
        }
    }
}

/// Runs until the moment, kills, and says whether the program was still running.
fn run_and_kill(moment: Moment, plan: &Path, out: &Path, log: &Path) -> bool {
    let (plan, folder) = (plan.to_str(), out.to_str());
    let (plan, folder) = (plan.expect("ASCII"), folder.expect("ASCII"));
    let arguments = ["rehearse", plan, "--auto", "--fast", "--out", folder];
    let mut child = start(&arguments, log);
    let until = Instant::now() + LIMIT;
    let mut since = None;
    while !is_now(moment, out, &mut since) {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            assert!(status.success(), "{moment:?}: {}", read(log));
            return false;
        }
        assert!(Instant::now() < until, "{moment:?} never came");
        thread::sleep(Duration::from_micros(300));
    }
    child.kill().expect("it is ours");
    let status = child.wait().expect("it is ours");
    status.signal() == Some(9)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Every file on the media, with its bytes, except what never had its name. The players' paper and
/// the verifier's machine are no media.
fn files(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "paper" && name != "verifier" {
                folders.push(path);
            } else if path.is_file() && !name.starts_with(".part-") {
                found.push((path.clone(), fs::read(&path).expect("a file")));
            }
        }
    }
    found
}

/// Whether a file that was there before is still there, or was set aside on the record.
fn survived(path: &Path, bytes: &[u8], after: &[(PathBuf, Vec<u8>)], out: &Path) -> bool {
    let holds = |hay: &[u8]| hay.windows(bytes.len().max(1)).any(|part| part == bytes);
    let medium = path.strip_prefix(out).expect("below").components().next();
    let on_medium = after
        .iter()
        .filter(|(found, _)| found.strip_prefix(out).expect("below").components().next() == medium);
    let mut same_name = on_medium.filter(|(found, _)| {
        let aside = found.to_string_lossy().contains("/ABANDONED-");
        let fragment = found.parent().is_some_and(|p| p.ends_with("fragments"));
        found == path || fragment || (aside && found.file_name() == path.file_name())
    });
    // A transcript goes on; a file that no entry called for lies in a fragment.
    same_name.any(|(found, held)| {
        let grew = path.ends_with("transcript.txt") && found == path;
        held == bytes || (grew && grows(bytes, held)) || (found != path && holds(held))
    })
}

/// Whether `after` begins with all whole entries of `before`.
fn grows(before: &[u8], after: &[u8]) -> bool {
    let text = String::from_utf8_lossy(before);
    let whole = text.rfind("\n\n").map_or(0, |at| at + 2);
    after.starts_with(&before[..whole])
}

/// Kills at one moment, resumes until the end, has it verified.
fn kill_at(moment: Moment, plan: &Path, folder: &Path) -> Option<Came> {
    let (out, log) = (folder.join("out"), folder.join("log"));
    if !run_and_kill(moment, plan, &out, &log) {
        return None;
    }
    let before = files(&out);
    let Some(record) = ceremony_folder(&out, "operator-a") else {
        return Some(Came::NothingRecorded);
    };
    let record = record.to_str().expect("ASCII").to_string();
    let what = format!("{moment:?}, resumed");
    let mut child = start(&["resume", &record, "--auto", "--fast"], &log);
    let status = wait(&mut child, &what);
    if !status.success() {
        let nothing = !transcript(&out, "operator-a").contains("\n\n");
        assert!(nothing, "{what}: {status}\n{}", read(&log));
        assert!(
            read(&log).contains("before anything was recorded"),
            "{what}: {}",
            read(&log)
        );
        return Some(Came::NothingRecorded);
    }
    let after = files(&out);
    for (path, bytes) in &before {
        assert!(
            survived(path, bytes, &after, &out),
            "{what}: {path:?} was lost"
        );
    }
    verified(&out, &what);
    let text = transcript(&out, "operator-a");
    let made = text.matches("event: generated\n").count();
    let given_up = text.matches("event: abandoned\n").count();
    assert_eq!(made, given_up + 1, "{what}: every key but one is given up");
    the_pin_is_of_the_last_call(&out, &what);
    Some(Came::Closed { given_up })
}

/// However often the call was held, the verifier's pin is that of the call that counts.
fn the_pin_is_of_the_last_call(out: &Path, what: &str) {
    let record = ceremony_folder(out, "public").expect("the record was closed");
    let name = record
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let pin = out.join("verifier").join(name + ".pin");
    let [record, pin] = [&record, &pin].map(|path| path.to_str().expect("ASCII").to_string());
    let log = out.with_file_name("verify-log");
    let mut child = start(&["verify", &record, "--pin", &pin], &log);
    let status = wait(&mut child, what);
    assert_eq!(status.code(), Some(3), "{what}: {}", read(&log));
    assert!(read(&log).contains("pin          of this call"), "{what}");
}

/// Both verifiers call it a good rehearsal, on all three media that have the whole record.
fn verified(out: &Path, what: &str) {
    for role in ["operator-a", "operator-b", "public"] {
        let folder = ceremony_folder(out, role).expect("the record was closed");
        let log = out.with_file_name("verify-log");
        let record = folder.to_str().expect("ASCII");
        let mut child = start(&["verify", record], &log);
        let status = wait(&mut child, what);
        assert_eq!(status.code(), Some(3), "{what}: {role}: {}", read(&log));
        assert!(read(&log).contains("REHEARSAL, complete"), "{what}: {role}");
    }
    let folder = ceremony_folder(out, "operator-b").expect("as above");
    let checked = Command::new("sh")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/scripts/verify-record"
        ))
        .arg(folder.join("record"))
        .output()
        .expect("sh starts");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(
        checked.status.code(),
        Some(3),
        "{what}: verify-record: {said}"
    );
}

#[test]
fn kill_9_at_any_moment_leaves_a_record_that_resumes() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(temporary.path());
    let moments = moments();
    let count = moments.len();
    let work = Mutex::new(moments.into_iter().enumerate());
    let came = Mutex::new(Vec::new());
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..MACHINES {
            scope.spawn(|| {
                loop {
                    let next = work.lock().expect("no other machine failed").next();
                    let Some((number, moment)) = next else { break };
                    let folder = temporary.path().join(number.to_string());
                    fs::create_dir(&folder).expect("a new folder");
                    let result = kill_at(moment, &plan, &folder);
                    came.lock().expect("as above").push((moment, result));
                    fs::remove_dir_all(&folder).expect("ours");
                }
            });
        }
    });
    let came = came.into_inner().expect("all machines are done");
    let of = |wanted: &dyn Fn(&Came) -> bool| {
        came.iter()
            .filter(|(_, c)| c.as_ref().is_some_and(wanted))
            .count()
    };
    let closed = of(&|c| matches!(c, Came::Closed { .. }));
    let given_up = of(&|c| matches!(c, Came::Closed { given_up } if *given_up > 0));
    let nothing = of(&|c| *c == Came::NothingRecorded);
    let too_late = count - closed - nothing;
    println!(
        "{count} moments: {closed} resumed to the end ({given_up} with a key given up), \
         {nothing} before anything was recorded, {too_late} too late; {:?}",
        began.elapsed()
    );
    assert!(closed >= 20, "{came:?}");
    assert!(given_up >= 5, "{came:?}");
    assert!(closed - given_up >= 5, "{came:?}");
}
