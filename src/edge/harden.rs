//! Makes the process a safer place for secrets, before it holds any.
//!
//! `main` calls [`reexec_with_clean_environment`] and then [`harden`], first thing, for
//! every command that holds secrets.

#![allow(
    clippy::disallowed_methods,
    reason = "the edge is where processes are started"
)]

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

use super::test_only;
use crate::error::Explain;

/// With `perturb` glibc overwrites memory when it is freed, and without the thread cache
/// nothing escapes that: so RSA key material that OpenSSL leaves behind is gone. glibc
/// reads this only when a program starts.
const TUNABLES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
);

/// Set when we have started ourselves again, so that it is done once only.
const MARK: &str = "CEREMONY_STARTED_AGAIN";

/// The variables that a ceremony needs. All others go: a list of bad ones (`LD_PRELOAD`,
/// `OPENSSL_CONF`, `MALLOC_PERTURB_`, `GNUPGHOME`...) would never be complete.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "TERM",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    // Where a private pcscd listens; without it the system's own is used.
    "PCSCLITE_CSOCK_NAME",
    MARK,
];

/// What a command holds in its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Keys, shares, passphrases: all that is done here.
    Secrets,
    /// Public keys, and much data that lies open elsewhere. It is still kept from libraries and core
    /// dumps, but memory is not locked or overwritten, which costs a large stream its speed, and
    /// files get the access that the user's umask says.
    PublicKeys,
}

/// Why the process could not be made safe.
#[derive(Debug)]
pub enum HardenError {
    /// Core dumps could not be switched off.
    CoreDumps(io::Error),
    /// The program could not be started again with a clean environment.
    StartAgain(io::Error),
    /// The environment is not clean although the program was started again.
    StillNotClean,
}

impl fmt::Display for HardenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HardenError::CoreDumps(_) => "core dumps could not be switched off",
            HardenError::StartAgain(_) => {
                "the program could not start itself again with a clean environment"
            }
            HardenError::StillNotClean => {
                "the environment is not clean although the program started itself again"
            }
        })
    }
}

impl std::error::Error for HardenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HardenError::CoreDumps(source) | HardenError::StartAgain(source) => Some(source),
            HardenError::StillNotClean => None,
        }
    }
}

impl Explain for HardenError {
    fn remedy(&self) -> String {
        match self {
            HardenError::CoreDumps(_) => {
                "Restart the machine and start again. Do not go on: a crash could write the secret \
                 key to a disk."
                    .to_string()
            }
            HardenError::StartAgain(_) => {
                "Make sure that /proc is mounted (mount -t proc proc /proc) and start again."
                    .to_string()
            }
            HardenError::StillNotClean => format!(
                "Start again from a new login, where the variable {MARK} is not set: unset {MARK}"
            ),
        }
    }
}

/// Switches core dumps off, takes new files away from others (umask 077), and locks memory
/// into RAM if the system allows it; whether it did is for `Facts` to say. For public keys, only
/// core dumps are switched off.
///
/// # Errors
/// [`HardenError::CoreDumps`].
pub fn harden(holds: Holds) -> Result<(), HardenError> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|e| HardenError::CoreDumps(e.into()))?;
    // Also keeps other processes of the same user from looking into our memory (ptrace(2)).
    if !test_only::memory_is_read() {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .map_err(|e| HardenError::CoreDumps(e.into()))?;
    }
    if holds == Holds::Secrets {
        umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        lock_memory();
    }
    Ok(())
}

/// Locks all memory, but only where there is no limit to it: with a limit that is reached
/// later, in the middle of a ceremony, the next allocation would fail.
fn lock_memory() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let allowed = setrlimit(Resource::Memlock, unlimited).is_ok()
        || getrlimit(Resource::Memlock).current.is_none();
    if allowed {
        // ONFAULT: pages are locked as they are used, not all of what is merely reserved.
        let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        let _ = mlockall(all);
    }
}

/// Makes sure that the environment holds only what a ceremony needs, and glibc's setting
/// to overwrite freed memory. If it is so, comes back; if not, becomes the same program
/// with the same arguments and the right environment.
///
/// # Errors
/// [`HardenError::StartAgain`], or [`HardenError::StillNotClean`] when it was tried before.
pub fn reexec_with_clean_environment(holds: Holds) -> Result<(), HardenError> {
    let now: Vec<(OsString, OsString)> = env::vars_os().collect();
    let Some(wanted) = clean(&now, holds) else {
        return Ok(());
    };
    if now.iter().any(|(name, _)| name == MARK) {
        return Err(HardenError::StillNotClean);
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "ceremony".into());
    // Comes back only if it failed.
    let error = Command::new("/proc/self/exe")
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(wanted)
        .env(MARK, "1")
        .exec();
    Err(HardenError::StartAgain(error))
}

/// The environment as it should be, or `None` if `now` is just that.
fn clean(now: &[(OsString, OsString)], holds: Holds) -> Option<BTreeMap<OsString, OsString>> {
    let mut wanted: BTreeMap<OsString, OsString> = now
        .iter()
        .filter(|(name, _)| is_kept(name))
        .cloned()
        .collect();
    if holds == Holds::Secrets {
        wanted.insert(TUNABLES.0.into(), TUNABLES.1.into());
    }
    // Comparing the numbers too finds names that occur twice.
    let right = now.len() == wanted.len()
        && now
            .iter()
            .all(|(name, value)| wanted.get(name) == Some(value));
    (!right).then_some(wanted)
}

fn is_kept(name: &OsStr) -> bool {
    let locale = |name: &str| name.starts_with("LC_");
    name.to_str()
        .is_some_and(|name| KEPT.contains(&name) || locale(name) || test_only::is_variable(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::facts;

    fn vars(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn what_could_change_the_libraries_is_not_kept() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "OPENSSL_CONF",
            "OPENSSL_MODULES",
            "OPENSSL_ia32cap",
            "MALLOC_PERTURB_",
            "MALLOC_CHECK_",
            "GNUPGHOME",
            "GPG_AGENT_INFO",
            "SSLKEYLOGFILE",
            "RUST_LOG",
            "path",
            "LC",
            "",
        ] {
            let now = vars(&[TUNABLES, ("PATH", "/bin"), (name, "x")]);
            let wanted =
                clean(&now, Holds::Secrets).unwrap_or_else(|| panic!("{name} is not clean"));
            assert!(!wanted.contains_key(OsStr::new(name)), "{name}");
            assert_eq!(wanted.len(), 2, "{name}");
        }
    }

    #[test]
    fn other_tunables_are_replaced() {
        for value in ["", "glibc.malloc.perturb=165", "glibc.malloc.check=3"] {
            let wanted = clean(&vars(&[(TUNABLES.0, value)]), Holds::Secrets).expect("not clean");
            assert_eq!(wanted[OsStr::new(TUNABLES.0)], TUNABLES.1);
        }
        assert!(clean(&[], Holds::Secrets).is_some());
    }

    #[test]
    fn a_name_that_occurs_twice_is_not_clean() {
        assert!(clean(&vars(&[TUNABLES, TUNABLES]), Holds::Secrets).is_some());
        assert!(
            clean(
                &vars(&[("PATH", "/a"), TUNABLES, ("PATH", "/b")]),
                Holds::Secrets
            )
            .is_some()
        );
    }

    #[test]
    fn a_clean_environment_is_left_alone() {
        let now = vars(&[("PATH", "/bin"), ("LC_ALL", "C"), (MARK, "1"), TUNABLES]);
        assert_eq!(clean(&now, Holds::Secrets), None);
    }

    #[test]
    fn public_keys_need_a_clean_environment_and_no_tunables() {
        let now = vars(&[TUNABLES, ("PATH", "/bin"), ("OPENSSL_CONF", "x")]);
        let wanted = clean(&now, Holds::PublicKeys).expect("not clean");
        assert!(wanted.keys().eq(["PATH"]));
        assert_eq!(clean(&vars(&[("PATH", "/bin")]), Holds::PublicKeys), None);
    }

    /// Runs one of the helpers below in a process of its own, with `environment` added.
    fn in_child(helper: &str, environment: &[(&str, &str)]) -> (bool, String) {
        let output = Command::new(env::current_exe().expect("is known"))
            .args(["--exact", &format!("edge::harden::tests::{helper}")])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .envs(environment.iter().copied())
            .output()
            .expect("starts");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    #[test]
    #[ignore = "started by the tests below in a process of its own"]
    fn helper_start_again() {
        match reexec_with_clean_environment(Holds::Secrets) {
            Ok(()) => env::vars_os().for_each(|(name, value)| println!("is {name:?}={value:?}")),
            Err(e) => println!("error {e:?}"),
        }
        println!("arguments {:?}", env::args_os().collect::<Vec<_>>());
    }

    #[test]
    #[ignore = "started by the test below in a process of its own"]
    fn helper_harden() {
        harden(Holds::Secrets).expect("hardens");
        println!("umask {:o}", umask(rustix::fs::Mode::empty()).bits());
        let dumps = facts::core_dumps().expect("can be seen");
        println!("limit {:?} dumpable {}", dumps.limit, dumps.dumpable);
        let memory = facts::memory().expect("can be seen");
        let may_lock = getrlimit(Resource::Memlock).current.is_none();
        println!("locked as allowed {}", memory.all_locked() == may_lock);
        // With a limit on locked memory this allocation would be the one that fails.
        let big = vec![1u8; 32 << 20];
        println!(
            "big {} readable {}",
            big.len(),
            std::fs::read("/proc/self/exe").is_ok()
        );
    }

    #[test]
    fn the_program_starts_itself_again_with_a_clean_environment() {
        let dirty = [
            ("OPENSSL_CONF", "/evil.cnf"),
            ("GNUPGHOME", "/evil"),
            ("TERM", "vt100"),
        ];
        let (good, said) = in_child("helper_start_again", &dirty);
        assert!(good, "{said}");
        assert!(!said.contains("evil"), "{said}");
        assert!(said.contains(r#"is "TERM"="vt100""#), "{said}");
        assert!(
            said.contains(&format!("is {:?}={:?}", TUNABLES.0, TUNABLES.1)),
            "{said}"
        );
        let own = env::current_exe().expect("is known");
        assert!(
            said.contains(&format!("arguments [{own:?}, \"--exact\"")),
            "{said}"
        );
    }

    #[test]
    fn the_program_does_not_start_itself_for_ever() {
        let (_, said) = in_child("helper_start_again", &[(MARK, "1"), ("LD_BIND_NOW", "1")]);
        assert!(said.contains("error StillNotClean"), "{said}");
    }

    #[test]
    fn a_hardened_process_leaves_nothing_for_others() {
        let (good, said) = in_child("helper_harden", &[]);
        assert!(good, "{said}");
        for line in [
            "umask 77",
            "limit Some(0) dumpable false",
            "locked as allowed true",
            "readable true",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}
