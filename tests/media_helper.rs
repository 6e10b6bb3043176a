//! The helper that mounts sticks, as a process: what it refuses, and what exactly it would do.
//! The machine below its checks is a folder (a seam of debug builds).
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod media_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ceremony::edge::block::sysfs::Sysfs;
use ceremony::edge::block::{Client, MountError, Mounts, Refusal, Sticks};
use ceremony::edge::directory::Directories;
use ceremony::edge::media::{Access, Media};
use ceremony::role::Role;
use ceremony::version::BUILD_TIME;
use media_support::{HELPER, Machine, SEAM, head};
use tempfile::TempDir;

fn run(command: &mut Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    child
        .expect("it starts")
        .wait_with_output()
        .expect("it ends")
}

#[test]
fn it_does_not_start_for_anybody_but_root() {
    let folder = TempDir::new().expect("a folder");
    let own = folder.path().join("helper");
    fs::copy(HELPER, &own).expect("a copy that everybody may run");
    for path in [folder.path(), &own] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("may be run");
    }
    let mut command = Command::new(&own);
    command.args(["--for", "1000"]).current_dir("/");
    let nobody = 65_534;
    if fs::metadata(folder.path()).is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
    {
        command.uid(nobody).gid(nobody);
    }
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("must be started as root"), "{said}");
    assert!(said.contains("What to do: "), "{said}");
}

#[test]
fn it_takes_one_argument_and_no_other() {
    let machine = Machine::new();
    for bad in [
        &[][..],
        &["--for"],
        &["--for", "root"],
        &["--for", "-1"],
        &["--for", "1000", "x"],
        &["--socket", "1000"],
        &["mount", "sdb", "operator-a"],
        &["1000", "--for"],
    ] {
        let mut command = Command::new(HELPER);
        let output = run(command.args(bad).env(SEAM, machine.folder.path()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{bad:?}");
        assert!(
            said.contains("usage: ceremony-media --for"),
            "{bad:?}: {said}"
        );
    }
    assert!(!machine.socket().exists());
}

#[test]
fn only_its_user_may_connect_and_a_second_one_does_not_start() {
    let machine = Machine::with_helper();
    machine.says("unmount public", "refused not-mounted");
    let mode = fs::metadata(machine.socket())
        .expect("it is there")
        .permissions();
    assert_eq!(mode.mode() & 0o077, 0);
    let mut command = Command::new(HELPER);
    let output = run(command
        .args(["--for", "1000"])
        .env(SEAM, machine.folder.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot listen"), "{said}");
    machine.says("unmount public", "refused not-mounted");
}

#[test]
fn what_it_refuses() {
    let machine = Machine::with_helper();
    for (request, refusal) in [
        ("mount sda operator-a", "fixed-disk"),
        ("format sda", "fixed-disk"),
        ("mount sdd operator-a", "boot-medium"),
        ("mount sdd1 operator-a", "boot-medium"),
        ("format sdd", "boot-medium"),
        ("mount sdb2 operator-a", "not-the-first"),
        ("format sdb2", "not-the-first"),
        ("format sdb1", "bad-request"),
        ("mount sdb operator-a", "no-file-system"),
        ("mount sde operator-a", "no-file-system"),
        ("format sdf", "read-only"),
        ("mount sdg operator-a", "in-use"),
        ("mount sdg1 operator-a", "in-use"),
        ("format sdg", "in-use"),
        ("mount sdz operator-a", "not-there"),
        ("format loop0", "not-there"),
        ("unmount operator-a", "not-mounted"),
        ("mount sdc operator-c", "bad-request"),
        ("mount sdc /etc", "bad-request"),
        ("mount ../sda operator-a", "bad-request"),
        ("mount /dev/sdc operator-a", "bad-request"),
        ("mount sdc operator-a suid", "bad-request"),
        ("clock 0", "out-of-range"),
        ("clock 18446744073709551615", "out-of-range"),
        ("clock now", "bad-request"),
        ("reboot", "bad-request"),
        ("", "bad-request"),
    ] {
        machine.says(request, &format!("refused {refusal}"));
    }
    for bytes in [
        &b"poweroff"[..],
        b"poweroff\r\n",
        b"poweroff\npoweroff\n",
        b"poweroff\n\n",
        b"\0poweroff\n",
        b"\xff\n",
        b"",
    ] {
        assert_eq!(machine.ask(bytes), "refused bad-request\n", "{bytes:?}");
    }
    let long = [b"mount ".as_slice(), &[b'a'; 5000], b" operator-a\n"].concat();
    let answer = machine.ask(&long);
    assert!(
        answer.is_empty() || answer == "refused bad-request\n",
        "{answer:?}"
    );
    assert_eq!(
        machine.acts(),
        [] as [&str; 0],
        "nothing was done for any of these"
    );
}

#[test]
fn what_it_does_and_nothing_more() {
    let machine = Machine::with_helper();
    let place = "/run/ceremony/media";
    let owner = "uid=1000,gid=1000,fmask=0177,dmask=0077";
    let options = format!("{owner},codepage=437,iocharset=ascii,errors=remount-ro");
    let time = BUILD_TIME + 60;
    for (request, answer, acts) in [
        (
            "mount sdb1 secret-1".to_string(),
            "mounted vfat rw",
            vec![format!(
                "mount /dev/sdb1 {place}/secret-1 vfat rw {options}"
            )],
        ),
        ("mount sdc secret-1".to_string(), "refused in-use", vec![]),
        ("mount sdb1 secret-2".to_string(), "refused in-use", vec![]),
        ("format sdb".to_string(), "refused in-use", vec![]),
        (
            "unmount secret-1".to_string(),
            "done",
            vec![format!("unmount {place}/secret-1")],
        ),
        (
            "mount sdf secret-2".to_string(),
            "mounted vfat ro",
            vec![format!("mount /dev/sdf {place}/secret-2 vfat ro {options}")],
        ),
        (
            "format sde".to_string(),
            "done",
            vec![
                "run /sbin/mkdosfs -I -F 32 -n MEDIUM /dev/sde".to_string(),
                "run /sbin/blockdev --rereadpt /dev/sde".to_string(),
            ],
        ),
        (
            format!("clock {time}"),
            "done",
            vec![format!("clock {time}")],
        ),
        (
            "poweroff".to_string(),
            "done",
            vec![format!("unmount {place}/secret-2"), "power off".to_string()],
        ),
    ] {
        machine.says(&request, answer);
        assert_eq!(machine.acts(), acts, "{request}");
    }
}

#[test]
fn other_file_systems_have_their_own_options() {
    let machine = Machine::with_helper();
    let owner = "uid=1000,gid=1000,fmask=0177,dmask=0077";
    for (bytes, kind, options) in [
        (
            head(&[(510, &[0x55, 0xaa]), (3, b"EXFAT   ")]),
            "exfat",
            format!("{owner},errors=remount-ro"),
        ),
        (
            head(&[(1080, &[0x53, 0xef])]),
            "ext4",
            "errors=remount-ro".to_string(),
        ),
    ] {
        machine.put("dev/sde", &bytes);
        machine.says("mount sde public", &format!("mounted {kind} rw"));
        let act = format!("mount /dev/sde /run/ceremony/media/public {kind} rw {options}");
        assert_eq!(machine.acts(), [act]);
        machine.says("unmount public", "done");
        machine.acts();
    }
}

#[test]
fn a_role_s_place_that_is_a_link_is_not_used() {
    let machine = Machine::with_helper();
    machine.says("unmount public", "refused not-mounted");
    symlink("/etc", machine.path("run/ceremony/media/public")).expect("a link");
    machine.says("mount sdc public", "refused in-use");
    // Nor a device that is a link to another.
    fs::remove_file(machine.path("dev/sdc")).expect("it was there");
    symlink(machine.path("dev/sdf"), machine.path("dev/sdc")).expect("a link");
    machine.says("mount sdc handover", "failed 40");
    assert_eq!(machine.acts(), [] as [&str; 0]);
}

#[test]
fn one_that_says_nothing_does_not_keep_it() {
    let machine = Machine::with_helper();
    machine.says("unmount public", "refused not-mounted");
    let silent = UnixStream::connect(machine.socket()).expect("it listens");
    machine.says("unmount public", "refused not-mounted");
    drop(silent);
}

#[test]
fn the_program_s_side_writes_where_the_helper_mounted() {
    let machine = Machine::with_helper();
    machine.says("unmount public", "refused not-mounted");
    let root = machine.folder.path();
    let mut client = Client::new(root);
    let refused = client
        .mount("sdd", Role::Public)
        .expect_err("the live image");
    assert!(
        matches!(refused, MountError::Refused(Refusal::BootMedium)),
        "{refused:?}"
    );
    let refused = client.format("../sda").expect_err("no name of a device");
    assert!(
        matches!(refused, MountError::Refused(Refusal::NotThere)),
        "{refused:?}"
    );
    client
        .set_clock(1)
        .expect_err("before the program was built");
    client.set_clock(BUILD_TIME).expect("it is possible");
    let mut sticks = sticks(root);
    sticks.replace(Role::Secret1, "A1").expect("sdc");
    assert!(sticks.look(Role::Secret1).writable);
    sticks
        .create(Role::Secret1, "x/y", b"kept", Access::Private)
        .expect("is written");
    let at = machine.path("run/ceremony/media/secret-1/x/y");
    assert_eq!(fs::read(at).expect("where it is mounted"), b"kept");
    sticks.finish().expect("all is as it was written");
    let aside = machine.path("sticks/sdc/x/y");
    assert_eq!(fs::read(aside).expect("on the stick"), b"kept");
    assert!(
        sticks.replace(Role::Public, "A1").is_err(),
        "one stick in two roles"
    );
    client.power_off().expect("nothing is mounted");
}

#[test]
fn without_a_helper_the_program_says_so() {
    let machine = Machine::new();
    let error = Client::new(machine.folder.path()).mount("sdc", Role::Public);
    let error = error.expect_err("nobody listens");
    assert!(matches!(error, MountError::Helper(_)), "{error:?}");
}

fn sticks(root: &Path) -> Sticks {
    Sticks::new(
        Box::new(Sysfs::new(root.to_path_buf())),
        Box::new(Client::new(root)),
        Box::new(Directories::new(Default::default())),
    )
}
