//! Recovery sheets as a printer and a scanner leave them: rendered, spoiled, read by `zbarimg` and by
//! the program, put together by the printed commands and by `restore-paper`.
//!
//! Needs `pdftoppm` and `pdftotext` (poppler-utils), `zbarimg` (zbar-tools) and gpg.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod paper_support;
mod shell;
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ceremony::digest::Digest;
use ceremony::openpgp::encrypted_message;
use ceremony::paper::Gathered;
use ceremony::sheet::Paper;

use held::{Backup, Held, PROGRAM, need};
use paper_support::{Made, Scan, by_us, by_zbarimg};
use shell::{Printed, Shell};

/// Payloads as large as the carried plan's, for the profiles `modern` and `rsa4096`.
const MODERN: usize = 1365;
const RSA: usize = 7850;

/// At 150 dpi `zbarimg` may miss one of the two codes of a part, never both.
#[test]
fn every_code_is_read_by_both_readers() {
    for (payload, paper, dpi) in [
        (MODERN, Paper::A4, 150),
        (MODERN, Paper::Letter, 150),
        (MODERN, Paper::Letter, 300),
        (RSA, Paper::A4, 150),
    ] {
        let made = Made::new(payload);
        let scans = made.scans(paper, dpi);
        for (name, read, least) in [
            (
                "zbarimg",
                by_zbarimg(&scans),
                if dpi == 300 { 2 } else { 1 },
            ),
            ("ours", by_us(&scans), 2),
        ] {
            for payload in made.payloads() {
                let seen = read.iter().filter(|read| **read == payload).count();
                let first = payload.lines().next();
                assert!(
                    seen >= least,
                    "{name}, {paper:?}, {dpi} dpi: {first:?}: {seen}"
                );
            }
            assert!(
                read.iter().all(|read| made.payloads().contains(read)),
                "{name}"
            );
        }
    }
}

#[test]
fn every_code_is_read_from_a_bad_scan() {
    let made = Made::new(MODERN);
    let all = made.payloads().len();
    for dpi in [150, 300] {
        let pages = made.scans(Paper::A4, dpi);
        let spoil: [(&str, fn(&Scan) -> Scan); 4] = [
            ("turned", |page| page.turned(2.0)),
            ("noise", |page| page.noisy(40)),
            ("blur", |page| page.blurred()),
            ("turned back, noise", |page| page.turned(-2.0).noisy(25)),
        ];
        for (what, spoil) in spoil {
            let bad: Vec<Scan> = pages.iter().map(spoil).collect();
            let mut read = by_zbarimg(&bad);
            assert!(
                dpi == 150 || read.len() == 2 * all,
                "zbarimg: {what}, {dpi} dpi"
            );
            read.sort();
            read.dedup();
            assert_eq!(read.len(), all, "zbarimg: {what}, {dpi} dpi");
            assert_eq!(by_us(&bad[..1]).len(), all, "ours: {what}, {dpi} dpi");
        }
    }
}

/// A stain that hides any one code, on either page: the other page's copy is enough.
#[test]
fn a_stain_over_any_one_code_costs_nothing() {
    let made = Made::new(MODERN);
    let pages = made.scans(Paper::A4, 150);
    let read = |page: &Scan| by_us(std::slice::from_ref(page));
    let clean: Vec<Vec<String>> = pages.iter().map(read).collect();
    let mut hit = 0;
    for (page, rows) in [(0, [0.29, 0.48]), (1, [0.58, 0.76])] {
        for (x, y) in [0.15, 0.38, 0.62, 0.85]
            .iter()
            .flat_map(|x| rows.map(|y| (*x, y)))
        {
            let mut codes = read(&pages[page].stained(x, y));
            hit += usize::from(codes.len() < clean[page].len());
            codes.extend(clean[1 - page].iter().cloned());
            let mut gathered = Gathered::default();
            let codes: Vec<Vec<u8>> = codes.into_iter().map(String::into_bytes).collect();
            gathered.codes("scan", &codes);
            let restored = gathered.finish().expect("one ceremony");
            assert!(
                restored.missing.is_empty(),
                "{page}, {x}, {y}: {:?}",
                restored.missing
            );
        }
    }
    assert_eq!(hit, 14, "stains that hid a code");
}

#[test]
fn any_page_of_the_key_may_be_lost() {
    let made = Made::new(RSA);
    let scans = made.scans(Paper::Letter, 150);
    let codes: Vec<Vec<Vec<u8>>> = scans
        .iter()
        .map(|page| {
            by_us(std::slice::from_ref(page))
                .into_iter()
                .map(String::into_bytes)
                .collect()
        })
        .collect();
    for lost in 0..codes.len() {
        let mut gathered = Gathered::default();
        for (page, codes) in codes.iter().enumerate().filter(|(page, _)| *page != lost) {
            gathered.codes(&format!("page {}", page + 1), codes);
        }
        let restored = gathered.finish().expect("one ceremony");
        assert!(
            restored.missing.is_empty(),
            "without page {}: {:?}",
            lost + 1,
            restored.missing
        );
    }
}

/// What a page says is the same in both renderings, and nothing hangs out of a page.
#[test]
fn both_renderings_have_the_rows_and_the_commands() {
    for (payload, paper) in [
        (MODERN, Paper::A4),
        (MODERN, Paper::Letter),
        (RSA, Paper::Letter),
    ] {
        let made = Made::new(payload);
        let dir = tools::Dir::new();
        dir.write("sheets.pdf", &made.sheets().pdf(paper));
        let printed = dir.run("pdftotext", &["-raw", "sheets.pdf", "-"]);
        let flowing = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let printed = flowing(&printed);
        let text = made.sheets().text();
        let pages: Vec<&str> = text.split('\u{c}').collect();
        for page in &pages {
            assert!(page.is_ascii() && page.lines().count() <= 60, "{page}");
            assert!(page.lines().all(|line| line.len() <= 78), "{page}");
            assert_eq!(page.matches("R E H E A R S A L").count(), 2);
        }
        for line in text
            .lines()
            .filter(|line| !line.contains("R E H E A R S A L"))
        {
            // Titles are in capitals where there is no larger type, pages are counted by themselves.
            if line.starts_with("RECOVERY SHEET") || line.contains(", page ") {
                continue;
            }
            assert!(printed.contains(&flowing(line)), "{line}");
        }
        let html = dir.run("pdftotext", &["-bbox", "sheets.pdf", "-"]);
        paper_support::nothing_hangs_out(&html);
    }
}

/// From the printed pages alone to the secret key: scan, the printed commands, RECOVERY.txt.
#[test]
fn the_printed_commands_lead_to_the_working_key() {
    need(&["gpg", "gpgconf", "zbarimg", "pdftoppm", "awk", "base32"]);
    let held = Held::new(Backup {
        profile: "modern",
        custodians: "ABC",
        threshold: 2,
        absent: "C",
    });
    let medium = held.medium("secret-1");
    let dir = tools::Dir::new();
    let sheet = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .args(["sheet", "--recovery"])
            .arg(&medium)
            .args(more);
        let output = command.current_dir(dir.path()).output();
        let output = output.expect("the program starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("ASCII")
    };
    sheet(&["--pdf", "sheets.pdf"]);
    let text = sheet(&[]);
    let folder = dir.path().join("scans");
    fs::create_dir(&folder).expect("the folder is writable");
    dir.run(
        "pdftoppm",
        &["-r", "300", "-gray", "-png", "sheets.pdf", "scans/page"],
    );

    let mut commands: Vec<&str> = Vec::new();
    for page in text.split('\u{c}') {
        for line in page.split("From rows").next().expect("a part").lines() {
            if line.starts_with("    ") && !line.contains("R E H E A R S A L") {
                commands.push(line);
            }
        }
        if page.contains("revocation/SHA256SUMS") {
            break;
        }
    }
    // Of the key's pages one is enough.
    let key = 6;
    let (first, last) = (
        commands[..key].join("\n"),
        commands[commands.len() - key..].join("\n"),
    );
    run(&folder, &first);
    run(&folder, &last);
    let files = ["payload.asc", "AB.asc", "AC.asc", "BC.asc"];
    for name in files
        .iter()
        .flat_map(|name| [name.to_string(), format!("revocation/{name}")])
    {
        let restored = fs::read(folder.join(&name)).expect("the commands wrote it");
        assert!(restored == held.file("secret-1", &name), "{name}");
    }

    typed_rows_are_the_binary_message(&held, &text);
    restore_paper_gives_the_same(&held, dir.path());

    let printed = Printed::of(&held);
    let mut shell = Shell::start(&folder);
    shell.run_all(&held, &printed.prepare);
    shell.run_all(&held, printed.section("With the words of A and B"));
    let (use_it, clear) = printed.section("Then, with the key").split_at(2);
    let said = shell.run_all(&held, use_it);
    let fingerprint = held.recorded("generated", "fingerprint").to_uppercase();
    assert!(said.replace(' ', "").contains(&fingerprint), "{said}");
    shell.run_all(&held, clear);
    // RECOVERY.txt is on the last pages.
    let recovery = String::from_utf8(held.file("secret-1", "RECOVERY.txt")).expect("ASCII");
    assert!(recovery.lines().all(|line| text.contains(line)));
}

fn run(folder: &Path, script: &str) -> String {
    let mut sh = Command::new("sh");
    sh.args(["-e", "-c", script])
        .current_dir(folder)
        .env("LC_ALL", "C");
    let output = sh.output().expect("sh starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The rows of AB.asc, typed as they stand, by the printed command; gpg takes what comes out.
fn typed_rows_are_the_binary_message(held: &Held, text: &str) {
    let dir = tools::Dir::new();
    let after = text.split("\nFILE AB.asc ").nth(1).expect("it has rows");
    let rows: Vec<&str> = after
        .split("\nFILE ")
        .next()
        .expect("they end")
        .lines()
        .collect();
    let rows = rows
        .iter()
        .skip(1)
        .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    let rows: String = rows.map(|row| format!("{row}\n")).collect();
    dir.write("rows.txt", format!("FILE AB.asc\n{rows}").as_bytes());
    let command = text
        .split("into rows.txt:\n")
        .nth(1)
        .expect("it is printed");
    let command: Vec<&str> = command.lines().take(2).collect();
    run(dir.path(), &command.join("\n"));
    let typed = fs::read(dir.path().join("payload.asc")).expect("the command wrote it");
    let binary = encrypted_message(&held.file("secret-1", "AB.asc")).expect("a message");
    assert!(typed == binary);
    let hash = after.split_whitespace().nth(1).expect("its hash");
    assert!(Digest::of(&typed).to_string().starts_with(hash));
    assert!(
        run(
            dir.path(),
            "gpg --homedir . --list-packets payload.asc 2>&1 || true"
        )
        .contains("symkey enc packet")
    );
    let _ = Command::new("gpgconf")
        .arg("--homedir")
        .arg(dir.path())
        .args(["--kill", "all"])
        .output();
}

fn restore_paper_gives_the_same(held: &Held, dir: &Path) {
    let pages: Vec<String> = (1..=4)
        .map(|page| format!("scans/page-{page}.png"))
        .collect();
    let (status, said) = restore(dir, &[&pages[..], &["-o".into(), "again".into()]].concat());
    assert_eq!(status, 0, "{said}");
    let files: BTreeMap<String, Vec<u8>> = held::files(&dir.join("again"))
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(dir.join("again"))
                .expect("below it")
                .display()
                .to_string();
            (name, fs::read(path).expect("it is there"))
        })
        .collect();
    assert_eq!(files.len(), 10, "{said}");
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".asc")) {
        assert!(*bytes == held.file("secret-1", name), "{name}");
    }
}

fn restore(folder: &Path, arguments: &[String]) -> (i32, String) {
    let mut command = Command::new(PROGRAM);
    command
        .arg("restore-paper")
        .args(arguments)
        .current_dir(folder);
    let output = command.output().expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().expect("it ends"),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Exit codes, and that nothing is written unless all is whole.
#[test]
fn restore_paper_refuses_what_is_not_whole() {
    let dir = tools::Dir::new();
    let made = Made::new(MODERN);
    let other = Made::of("REHEARSAL-2026-01-03-backup-key-0A1B2C3D", MODERN);
    let all = made.payloads();
    dir.write("all.txt", all.join("\n").as_bytes());
    dir.write("some.txt", all[..2].join("\n").as_bytes());
    dir.write("other.txt", other.payloads()[1].as_bytes());
    dir.write("bad.png", b"\x89PNG\r\n\x1a\nnot one");
    dir.write("binary", &[0xff; 9]);
    fs::create_dir(dir.path().join("there")).expect("the folder is writable");
    for (arguments, status, expected) in [
        ("all.txt", 2, "--out"),
        ("all.txt -o there", 2, "there exists already"),
        ("none.txt -o out", 1, "none.txt cannot be read"),
        ("binary -o out", 1, "binary: neither a picture"),
        ("bad.png -o out", 1, "bad.png: the picture (PNG) is damaged"),
        ("all.txt other.txt -o out", 1, "different ceremonies"),
        (
            "some.txt -o out",
            1,
            "payload.asc: missing: part 2 of 3 (pages 1 and 2)",
        ),
        (
            "some.txt -o out",
            1,
            "AB.asc: missing: part 1 of 1 (pages 1 and 2)",
        ),
    ] {
        let words: Vec<String> = arguments.split(' ').map(String::from).collect();
        let (code, said) = restore(dir.path(), &words);
        assert_eq!(code, status, "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
        assert!(!dir.path().join("out").exists(), "{arguments}");
    }
    let partial = ["some.txt", "--partial", "-o", "part"].map(String::from);
    let (code, said) = restore(dir.path(), &partial);
    assert_eq!(code, 1, "{said}");
    assert_eq!(
        fs::read_dir(dir.path().join("part"))
            .expect("it was written")
            .count(),
        1
    );
    let (code, said) = restore(
        dir.path(),
        &["all.txt", "bad.png", "-o", "out"].map(String::from),
    );
    assert_eq!(code, 0, "{said}");
}

/// Not a test: prints the table of docs/paper-backup.md.
#[test]
#[ignore = "prints a table; takes a minute"]
fn damage_table() {
    let made = Made::new(MODERN);
    for dpi in [300, 150] {
        let page = &made.scans(Paper::A4, dpi)[0];
        for (what, bad) in paper_support::damages(page) {
            let bad = [bad];
            println!(
                "| {what} | {dpi} | {} of 7 | {} of 7 |",
                by_zbarimg(&bad).len(),
                by_us(&bad).len()
            );
        }
    }
    for share in [2, 4, 6, 8, 10, 12, 14] {
        let page = &made.scans(Paper::A4, 300)[0];
        let bad = [page.spotted(share)];
        println!(
            "| spots over {share} % | 300 | {} of 7 | {} of 7 |",
            by_zbarimg(&bad).len(),
            by_us(&bad).len()
        );
    }
}
