//! The parsers against texts good and bad, and the observations against this machine.

use proptest::prelude::*;

use super::*;

const NET_HEAD: &str = "Inter-|   Receive   |  Transmit\n face |bytes    |bytes\n";
const SWAP_HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

/// A machine with nothing to complain about, at `now`.
pub(crate) fn sound(now: u64) -> Facts {
    Facts {
        interfaces: Ok(vec!["lo".to_string()]),
        swaps: Ok(Vec::new()),
        core_dumps: Ok(CoreDumps {
            limit: Some(0),
            dumpable: false,
            pattern: "core".to_string(),
        }),
        memory: Ok(Memory {
            locked: 4000,
            private: 3000,
        }),
        random_ready: Ok(true),
        now,
        work_folder: Ok(WorkFolder {
            path: PathBuf::from("/root"),
            in_memory: true,
        }),
        terminal: Some(TerminalSize {
            columns: 80,
            rows: 24,
        }),
        gpg: Some(GpgFound {
            path: PathBuf::from("/usr/bin/gpg"),
            version: "gpg (GnuPG) 2.2.40".to_string(),
            home_in_memory: true,
        }),
        program: Ok(Digest::of(b"program")),
    }
}

#[test]
fn a_text_of_another_kind_is_not_an_empty_list() {
    for bad in ["", "\n", "lo: 1 2 3\n", "Inter-|\n", SWAP_HEAD] {
        assert_eq!(parse_net_dev(bad), None, "{bad:?}");
    }
    for bad in ["no colon here", "  : 1 2", "a b: 1"] {
        assert_eq!(
            parse_net_dev(&format!("{NET_HEAD}{bad}\n")),
            None,
            "{bad:?}"
        );
    }
    for bad in ["", "/dev/sda2 partition 1 0 -2\n", NET_HEAD] {
        assert_eq!(parse_swaps(bad), None, "{bad:?}");
    }
    for bad in [
        "/dev/sda2",
        "/dev/sda2 partition 1 0",
        "/dev/sda2 weird 1 0 -2",
    ] {
        assert_eq!(parse_swaps(&format!("{SWAP_HEAD}{bad}\n")), None, "{bad:?}");
    }
    for bad in ["", "VmLck: none kB", "VmLck: 3", "VmLckX: 3 kB"] {
        assert_eq!(parse_status_kb(bad, "VmLck"), None, "{bad:?}");
    }
}

#[test]
fn real_texts_are_read() {
    let net = format!("{NET_HEAD}    lo:    3293  31\nenp0s31f6: 1 2\n");
    assert_eq!(
        parse_net_dev(&net),
        Some(vec!["lo".to_string(), "enp0s31f6".to_string()])
    );
    let swaps = format!("{SWAP_HEAD}/my\\040swap\\134file\tfile\t\t1024\t0\t-2\n");
    assert_eq!(
        parse_swaps(&swaps),
        Some(vec!["/my swap\\file".to_string()])
    );
    assert_eq!(
        parse_status_kb("Name:\tx\nVmLck:\t     12 kB\n", "VmLck"),
        Some(12)
    );
}

#[test]
fn swap_is_encrypted_only_if_everything_below_is() {
    let blocks = std::env::temp_dir().join(format!("ceremony-blocks-{}", std::process::id()));
    let block = |name: &str, uuid: &str, slaves: &[&str]| {
        fs::create_dir_all(blocks.join(name).join("dm")).expect("test folder");
        fs::write(blocks.join(name).join("dm/uuid"), uuid).expect("test file");
        for slave in slaves {
            fs::create_dir_all(blocks.join(name).join("slaves").join(slave)).expect("test");
        }
    };
    block("dm-900", "CRYPT-PLAIN-swap\n", &["sda2"]);
    block("dm-901", "LVM-abc\n", &["dm-900"]);
    block("dm-902", "LVM-def\n", &["dm-900", "sda3"]);
    block("dm-903", "LVM-ghi\n", &[]);
    block("dm-904", "LVM-loop\n", &["dm-904"]);
    for (zram, backing) in [("zram901", "none\n"), ("zram902", "/dev/sda4\n")] {
        fs::create_dir_all(blocks.join(zram)).expect("test folder");
        fs::write(blocks.join(zram).join("backing_dev"), backing).expect("test file");
    }
    let kinds: Vec<SwapKind> = [
        "/dev/sda2",
        "/dev/dm-902",
        "/dev/dm-903",
        "/dev/dm-904",
        "/swapfile",
        "/dev/zram902",
        "/dev/dm-900",
        "/dev/dm-901",
        "/dev/zram901",
        "/dev/zram903",
    ]
    .iter()
    .map(|name| swap_kind(name, &blocks))
    .collect();
    fs::remove_dir_all(&blocks).expect("test folder");
    use SwapKind::{Encrypted, Memory, Plain};
    let plain = [Plain; 6];
    assert_eq!(kinds[..6], plain);
    assert_eq!(kinds[6..], [Encrypted, Encrypted, Memory, Memory]);
}

#[test]
fn a_piped_core_pattern_counts_whatever_the_limit() {
    let dumps = |limit, dumpable, pattern: &str| {
        CoreDumps {
            limit,
            dumpable,
            pattern: pattern.to_string(),
        }
        .possible()
    };
    assert!(dumps(Some(0), false, "|/usr/lib/handler %p"));
    assert!(dumps(None, true, "core"));
    assert!(dumps(Some(1), true, "core"));
    assert!(!dumps(Some(0), true, "core"));
    assert!(!dumps(None, false, "core"));
}

#[test]
fn this_machine_can_be_seen() {
    assert!(interfaces().is_ok_and(|names| !names.contains(&String::new())));
    assert!(swaps().is_ok());
    assert!(core_dumps().is_ok());
    assert!(memory().is_ok_and(|memory| memory.private > 0));
    assert_eq!(random_ready(), Ok(true));
    assert!(!is_in_memory(Path::new("/proc")).expect("/proc is mounted"));
    assert!(is_in_memory(Path::new("/no/such/folder")).is_err());
}

proptest! {
    #[test]
    fn interface_names_come_back(names in prop::collection::vec("[!-9;-~]{1,15}", 0..6)) {
        let rows: String = names.iter().map(|n| format!("{n:>6}: 1 0 0\n")).collect();
        prop_assert_eq!(parse_net_dev(&format!("{NET_HEAD}{rows}")), Some(names));
    }

    #[test]
    fn swap_names_come_back(names in prop::collection::vec("/[ -~\t\u{e4}]{0,20}", 0..6)) {
        let escape = |name: &String| name
            .replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011");
        let rows: String =
            names.iter().map(|n| format!("{}  file\t9\t0\t-2\n", escape(n))).collect();
        prop_assert_eq!(parse_swaps(&format!("{SWAP_HEAD}{rows}")), Some(names));
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "(?s).{0,200}") {
        let _ = parse_net_dev(&format!("{NET_HEAD}{text}"));
        let _ = parse_swaps(&format!("{SWAP_HEAD}{text}"));
        let _ = parse_status_kb(&text, "VmLck");
    }
}
