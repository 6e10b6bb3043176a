//! A test in a process of its own.
//!
//! libpcsclite reads `PCSCLITE_CSOCK_NAME` once in a process, and the environment can't be
//! changed safely while other threads run. So a test that is a PC/SC client starts its own
//! program again, for this one test, with the variable set.

#![allow(
    clippy::disallowed_methods,
    reason = "a development tool: the project's edge is not its own"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::pcscd::{Pcscd, READERS, readers};
use crate::reader::Reader;

/// Read by libpcsclite.
const SOCKET: &str = "PCSCLITE_CSOCK_NAME";
const PORT: &str = "VIRTUAL_YUBIKEY_PORT";
const DONE: &str = "VIRTUAL_YUBIKEY_DONE";

/// Runs `body` in a process whose PC/SC service has two empty readers and nothing else. `test` is
/// the test's full name. Fails if `body` does, or takes longer than `limit`.
pub fn alone_with_pcscd(
    test: &str,
    limit: Duration,
    body: impl FnOnce([Reader; READERS as usize]),
) {
    if let Ok(port) = env::var(PORT) {
        let socket = env::var_os(SOCKET).expect("set together with the port");
        let port = port.parse().expect("set below");
        body(readers(port, Path::new(&socket)));
        let done = env::var_os(DONE).expect("set together with the port");
        fs::write(done, "").expect("the directory of the test that waits is still there");
        return;
    }
    let service = Pcscd::start().unwrap_or_else(|error| panic!("{error} {error:?}"));
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let at = |name: &str| directory.path().join(name);
    let log = fs::File::create(at("log")).expect("the directory is new");
    let mut child = Command::new(env::current_exe().expect("a test is a program"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .arg("--include-ignored")
        .env(SOCKET, service.socket())
        .env(PORT, service.port().to_string())
        .env(DONE, at("done"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be opened twice"))
        .stderr(log)
        .spawn()
        .expect("what runs can be started again");
    let begun = Instant::now();
    let ended = loop {
        match child
            .try_wait()
            .expect("it was started here and not yet waited for")
        {
            Some(status) => break Some(status),
            None if begun.elapsed() > limit => break None,
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let log = fs::read_to_string(at("log")).unwrap_or_default();
    let Some(status) = ended else {
        panic!("{test} took longer than {limit:?}:\n{log}")
    };
    assert!(status.success(), "{test}, in a process of its own:\n{log}");
    // A name that is misspelt runs no test, successfully.
    assert!(
        at("done").exists(),
        "there is no test called {test}:\n{log}"
    );
    print!("{log}");
}
