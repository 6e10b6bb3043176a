#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! The report of a record, and its public copy: the verdict is `verify`'s, and whatever a record
//! holds, the page is safe to open.

mod page;
mod tamper_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ceremony::digest::Fingerprint;
use ceremony::edge::files;
use ceremony::record::files as names;
use ceremony::record::value::Mode;
use ceremony::report::{MAX_BYTES, MOST_OF_ONE, MOST_ROWS, report};
use ceremony::verify::{Completion, Material, Pins, Verdict, verify};
use ceremony::words::pgp;
use page::Page;
use tamper_support::cases::{self, Case};
use tamper_support::hostile::{self, HOSTILE, written_over};
use tamper_support::script;
use tamper_support::{Held, aborted, called, eventful, opened, smooth};
use tempfile::TempDir;

/// Reads the page strictly, and sees that nothing in it could be fetched, run or followed.
fn judged(material: &Material, pins: &Pins) -> (Page, Result<Verdict, String>) {
    let verdict = verify(material, pins);
    let html = report(material, pins, &verdict);
    assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
    let page = page::read(&html).unwrap_or_else(|why| panic!("{why}"));
    (page, verdict.map_err(|fault| fault.to_string()))
}

fn good(material: &Material, pins: &Pins) -> (Page, Verdict) {
    let (page, verdict) = judged(material, pins);
    let verdict = verdict.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(page.h1, verdict.headline());
    assert_eq!(
        page.title,
        format!("{} - {}", verdict.headline(), verdict.id)
    );
    assert!(
        page.text
            .contains(&format!("\nexit code\n{}\n", verdict.exit() as u8))
    );
    let rehearsal = verdict.mode == Mode::Rehearsal;
    let banners: &[&str] = if rehearsal {
        &["above", "on paper"]
    } else {
        &[]
    };
    assert_eq!(page.banners, banners);
    assert_eq!(page.title.starts_with("REHEARSAL"), rehearsal);
    (page, verdict)
}

/// Whatever could be taken for a good report is not there.
fn failed(material: &Material, pins: &Pins, name: &str) -> Page {
    let (page, verdict) = judged(material, pins);
    let fault = verdict.expect_err(name);
    // What the cause has spelt out already has its backslashes doubled here.
    let shown = page.h1["FAILED: ".len()..].replace("\\\\", "\\");
    assert!(page.h1.starts_with("FAILED: "), "{name}");
    assert!(
        fault.starts_with(&shown[..shown.len().min(40)]),
        "{name}: {shown}"
    );
    assert!(page.title.starts_with("FAILED: "), "{name}");
    assert_eq!(page.banners, ["above", "on paper"], "{name}");
    assert_eq!(page.codes, 0, "{name}");
    let marked = |row: &String| row.starts_with("NOT VERIFIED: ");
    assert!(page.names.iter().all(marked), "{name}: {:?}", page.names);
    for word in [
        "GOOD",
        "PINNED",
        "all good",
        "pinned, the same",
        "signed; good",
    ] {
        assert!(!page.text.contains(word), "{name}: {word}");
    }
    page
}

/// Nothing of these keys stands on the page, as digits or as words.
fn names_no_key(page: &Page, keys: &[Fingerprint]) {
    let text = page.text.to_lowercase().replace([' ', '\n'], "");
    for key in keys {
        assert!(!text.contains(&key.to_string()));
        let words: String = pgp::words(key.bytes())[..4].concat().to_lowercase();
        assert!(!text.contains(&words));
    }
}

fn kept() -> Vec<(String, PathBuf)> {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    let mut all = Vec::new();
    for set in ["1", "2", "3"] {
        for entry in fs::read_dir(records.join(set)).expect("the fixtures") {
            let path = entry.expect("a fixture").path();
            if path.is_dir() {
                all.push((path.display().to_string(), path));
            }
        }
    }
    assert!(all.len() >= 13, "{}", all.len());
    all
}

fn load(record: &Path) -> Material {
    let read = files::read_folder(record).expect("a record");
    Material {
        files: read.files,
        odd: read.odd,
        ..Material::default()
    }
}

fn expected(path: &Path) -> (i32, Pins) {
    let text = fs::read_to_string(path.join("EXPECTED")).expect("EXPECTED");
    let mut words = text.split_whitespace();
    let exit = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a code");
    let mut pin = || words.next().and_then(Fingerprint::parse);
    let operators = [pin(), pin()];
    (
        exit,
        Pins {
            operators,
            ..Pins::default()
        },
    )
}

#[test]
fn each_kept_record_has_a_report_with_verifys_verdict() {
    for (name, path) in kept() {
        if let Ok(root) = fs::read(path.join("root.der")) {
            ceremony::attestation::test_only::trust_root(&root);
        }
        let material = load(&path.join("record"));
        let (exit, pins) = expected(&path);
        let (page, verdict) = good(&material, &pins);
        assert_eq!(verdict.exit() as i32, exit, "{name}");
        tells_it_all(&page, &verdict, &name);
        let (page, verdict) = good(&material, &Pins::default());
        assert_ne!(verdict.exit() as i32, 0, "{name}");
        assert!(!page.h1.contains("GOOD"), "{name}");
        tells_it_all(&page, &verdict, &name);
    }
}

/// What the verdict says is on the page, in full.
fn tells_it_all(page: &Page, verdict: &Verdict, name: &str) {
    let rows = |of: &Fingerprint| {
        let rows: Vec<String> = of.rows().iter().map(|row| row.join(" ")).collect();
        rows.join("\n\n")
    };
    let has = |text: &str| assert!(page.text.contains(text), "{name}: no {text:?}");
    has(&verdict.transcript.to_string());
    if let Some(head) = verdict.head {
        has(&head.to_string());
    }
    assert_eq!(
        page.codes,
        usize::from(verdict.fingerprint.is_some()),
        "{name}"
    );
    let operators = verdict
        .operators
        .iter()
        .flatten()
        .map(|known| &known.fingerprint);
    for key in operators.chain(&verdict.fingerprint) {
        has(&rows(key));
    }
    for (entry, step, decided) in &verdict.exceptions {
        has(&format!("\n{entry}\n"));
        has(&format!("\n{step}\n"));
        has(decided.plain());
    }
    for path in &verdict.withheld {
        has(path);
    }
    let waits = verdict.completion == Completion::Unfinished;
    assert_eq!(page.text.contains("Still to come: "), waits, "{name}");
}

#[test]
fn markup_in_any_text_stays_text() {
    let uid = "<b onmouseover=\"alert(1)\">x</b> \u{202e}<script>alert(1)</script> <x@example.org>";
    for held in [eventful(), smooth(), aborted(), called(), opened()] {
        let (material, pins) = written_over(held, HOSTILE, uid);
        let (page, verdict) = good(&material, &pins);
        let details = material
            .files
            .keys()
            .filter(|path| path.starts_with("details/"));
        assert!(details.count() > 3);
        // It is shown, as what it is.
        assert!(
            page.text
                .contains("<script>alert(1)</script><img src=x onerror='alert(1)'>")
        );
        assert!(
            page.text
                .contains("\\u{202e}\\u{2066}\\u{0}\\u{1b}[2J\\u{d}")
        );
        assert!(
            page.text
                .contains("<b onmouseover=\"alert(1)\">x</b> \\u{202e}<script>")
        );
        assert!(!page.text.contains('\u{202e}'));
        tells_it_all(&page, &verdict, "hostile");
        // A record that fails shows none of it.
        let mut broken = material.clone();
        broken.files.insert("odd".to_string(), Vec::new());
        let page = failed(&broken, &pins, "broken");
        assert!(!page.text.contains("alert"));
    }
}

#[test]
fn a_hostile_plan_or_file_name_stays_text() {
    let held = smooth();
    for path in [
        "<script>alert(1)</script>",
        "\u{202e}\"><svg onload=alert(1)>",
        "a\nb\u{1b}[2J",
    ] {
        let mut material = held.closed.clone();
        material.files.insert(path.to_string(), Vec::new());
        failed(&material, &held.pins, path);
        let mut material = held.closed.clone();
        material.odd.push(path.to_string());
        failed(&material, &held.pins, path);
    }
    let mut forge = held.forge();
    let plan = format!("[plan]\nid = \"{}\"\n", HOSTILE.replace(['"', '\\'], ""));
    forge
        .others
        .insert(names::PLAN.to_string(), plan.into_bytes());
    failed(&forge.sign(None, &held.keys), &held.pins, "a plan");
}

#[test]
fn enormous_texts_are_cut_and_the_rest_is_counted() {
    for text in [
        "\u{10fffd}",
        "a\n",
        "<",
        "\u{202e}",
        "e\u{301}\u{301}\u{301}\u{301}",
    ] {
        let huge = text.repeat(2_000_000 / text.len());
        let (material, pins) = written_over(eventful(), &huge, "a <a@example.org>");
        let (page, _) = good(&material, &pins);
        let left_out = huge.trim_end().chars().count() - MOST_OF_ONE;
        let note = format!(" [{left_out} more characters are left out here]");
        assert!(page.text.contains(&note), "{text:?}: {note}");
    }
}

/// Before roll call nothing is signed, so anybody can write a good record of ten thousand entries.
#[test]
fn ten_thousand_entries_make_a_bounded_page() {
    let material = hostile::ten_thousand_entries();
    let (page, verdict) = good(&material, &Pins::default());
    assert_eq!(verdict.completion, Completion::Unfinished);
    let left_out = 10_000 - MOST_ROWS;
    assert!(
        page.text
            .contains(&format!("\n{left_out} more rows are left out here."))
    );
    assert!(
        page.text
            .contains("[301 more characters are left out here]")
    );
    println!("{} bytes", page.bytes);
    // The same, refused.
    let pins = Pins {
        id: Some("another".to_string()),
        ..Pins::default()
    };
    let page = failed(&material, &pins, "long");
    assert!(
        page.text
            .contains(&format!("\n{left_out} more rows are left out here."))
    );
}

/// All keys that a record speaks of.
fn keys(held: &Held) -> Vec<Fingerprint> {
    let forge = held.forge();
    let labels = ["fingerprint", "operator-a", "operator-b"];
    let values = forge
        .pieces
        .iter()
        .flat_map(|piece| labels.map(|label| piece.get(label)));
    let mut keys: Vec<Fingerprint> = values.filter_map(Fingerprint::parse).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 2);
    keys
}

#[test]
fn a_record_that_was_changed_says_failed_and_nothing_else() {
    let held = eventful();
    let keys = keys(held);
    let all = [
        cases::files_moved(held),
        cases::lists(held),
        cases::one_signature(held),
    ];
    let mut tried = 0;
    for case in all.into_iter().flatten() {
        names_no_key(&failed(&case.material, &case.pins, &case.name), &keys);
        tried += 1;
    }
    // A wrong pin is a failure, too: what was read may be of another ceremony.
    for Case {
        name,
        material,
        pins,
    } in cases::pinned(held)
    {
        if verify(&material, &pins).is_err() {
            names_no_key(&failed(&material, &pins, &name), &keys);
            tried += 1;
        }
    }
    let text = &held.closed.files[names::TRANSCRIPT];
    let changes = (0..text.len()).step_by(251);
    for at in changes.clone() {
        let mut material = held.closed.clone();
        material.files.get_mut(names::TRANSCRIPT).expect("there")[at] ^= 1;
        failed(&material, &held.pins, "a flipped bit");
        tried += 1;
    }
    for length in changes {
        let mut material = held.closed.clone();
        material
            .files
            .get_mut(names::TRANSCRIPT)
            .expect("there")
            .truncate(length);
        failed(&material, &held.pins, "cut short");
        tried += 1;
    }
    println!("{tried} tried, all of them say FAILED");
    assert!(tried > 150, "{tried}");
    let nothing = failed(&Material::default(), &Pins::default(), "nothing");
    assert!(nothing.text.contains("No entry could be read."));
}

#[test]
fn a_rehearsal_that_fails_says_both() {
    let held = smooth();
    let mut material = held.closed.clone();
    material.files.remove(names::SUMS);
    let page = failed(&material, &held.pins, "without sums");
    assert!(page.text.contains("FAILED REHEARSAL"), "{}", page.text);
}

#[test]
fn a_ceremony_on_its_way_says_what_is_missing() {
    let held = called();
    let (page, verdict) = good(&held.paused, &held.pins);
    assert!(verdict.waits_for_call());
    assert!(
        page.text
            .contains("Not confirmed by phone yet: do not encrypt anything to this key.")
    );
    let (page, _) = good(&aborted().closed, &aborted().pins);
    assert!(page.h1.starts_with("ABORTED"));
    assert!(page.text.contains("ABORTED: the ceremony was stopped"));
    // Cut after each entry: a good beginning, or a failure, and never anything between.
    let forge = eventful().forge();
    let (mut unfinished, mut refused) = (0, 0);
    for count in 1..forge.pieces.len() {
        let material = forge.cut(count).build();
        if verify(&material, &Pins::default()).is_ok() {
            let (page, verdict) = good(&material, &Pins::default());
            assert_eq!(verdict.completion, Completion::Unfinished);
            assert!(page.h1.starts_with("UNFINISHED"));
            unfinished += 1;
        } else {
            failed(&material, &Pins::default(), "cut");
            refused += 1;
        }
    }
    println!("{unfinished} unfinished, {refused} refused");
    assert!(unfinished > 50);
}

fn ceremony(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ceremony"));
    let output = command.args(args).stdin(Stdio::null()).output();
    output.expect("the program starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The same options, the same exit codes; into a file of its own, never over another.
#[test]
fn the_command_ends_as_verify_does() {
    let at = TempDir::new().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    let mut codes = Vec::new();
    for name in [
        "1/closed",
        "1/rehearsal",
        "1/redacted",
        "1/aborted",
        "2/waiting",
    ] {
        let path = root.join(name);
        let (exit, pins) = expected(&path);
        let record = path.join("record");
        let [a, b] = pins
            .operators
            .clone()
            .map(|pin| pin.expect("called").to_string());
        let known = ["--operator-a", &a, "--operator-b", &b];
        let id = ["--id", "2026-02-01-key-00000000"];
        for (options, code) in [
            (&known[..], exit),
            (&[][..], if exit == 3 { 3 } else { 4 }),
            (&id, 1),
        ] {
            let page = at.path().join(format!("{}.html", codes.len()));
            let to_file = [&["report", text(&record), "-o", text(&page)], options].concat();
            let verify = ceremony(&[&["verify", text(&record)], options].concat());
            let report = ceremony(&to_file);
            assert_eq!(report.status.code(), Some(code), "{name} {options:?}");
            assert_eq!(verify.status.code(), Some(code), "{name} {options:?}");
            let said = String::from_utf8_lossy(&report.stdout);
            let first = |text: &str| text.lines().next().map(str::to_string);
            assert_eq!(
                first(&said),
                first(&String::from_utf8_lossy(&verify.stdout))
            );
            let html = fs::read_to_string(&page).expect("written");
            let read = page::read(&html).expect("a good page");
            assert_eq!(Some(read.h1), first(&said));
            let mode = fs::metadata(&page).expect("written").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "personal details may be in it");
            // Standard output has the same page; the file is not written over.
            let printed = ceremony(&[&["report", text(&record)], options].concat());
            assert_eq!(printed.status.code(), Some(code));
            assert_eq!(printed.stdout, html.as_bytes());
            let again = ceremony(&to_file);
            assert_eq!(again.status.code(), Some(2));
            assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
            assert_eq!(fs::read_to_string(&page).expect("as before"), html);
            codes.push(code);
        }
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [0, 1, 3, 4]);
    let nowhere = at.path().join("no/where.html");
    let record = root.join("1/closed/record");
    let refused = ceremony(&["report", text(&record), "-o", text(&nowhere)]);
    assert_eq!(refused.status.code(), Some(1));
    let none = ceremony(&["report", text(&at.path().join("missing"))]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(2), 0));
}

/// A public copy of whatever record is good, names what was withheld, and has nothing of it: no
/// detail, and no fragment that may hold a whole one.
#[test]
fn a_public_copy_holds_no_detail() {
    let mut fragments = 0;
    let secret = format!("Mallory's number is +49 555 0100 {HOSTILE}");
    for held in [eventful(), smooth(), called()] {
        let at = TempDir::new().expect("a folder");
        let (material, pins) = written_over(held, &secret, "x <x@example.org>");
        let folder = script::lay_out(&material, at.path());
        let copy = at.path().join("copy");
        let made = ceremony(&["redact", text(&folder), "--out", text(&copy)]);
        assert_eq!(made.status.code(), Some(0));
        let public = load(&copy);
        for (path, bytes) in &public.files {
            assert!(
                !bytes.windows(7).any(|window| window == b"Mallory"),
                "{path}"
            );
        }
        let listed = String::from_utf8(public.files[names::REDACTED].clone()).expect("ASCII");
        for path in material.files.keys() {
            let personal = path.starts_with("details/") || path.starts_with("fragments/");
            assert_eq!(listed.lines().any(|line| line == path), personal, "{path}");
            fragments += usize::from(path.starts_with("fragments/"));
        }
        let (page, verdict) = good(&public, &pins);
        let (_, whole) = good(&material, &pins);
        assert_eq!(verdict.exit(), whole.exit());
        assert_eq!(
            verdict.withheld.len(),
            material.files.len() + 1 - public.files.len()
        );
        tells_it_all(&page, &verdict, "a public copy");
        assert!(!page.text.contains("Mallory"));
        let warns = |page: &Page| page.text.contains("This page holds personal details");
        assert!(!warns(&page) && warns(&good(&material, &pins).0));
        assert!(page.text.contains("withheld in this public copy"));
        let (code, said) = script::run(&public, &pins);
        assert_eq!(code, whole.exit() as i32, "{said}");
        assert!(
            verdict.withheld.iter().all(|path| said.contains(path)),
            "{said}"
        );
        // A copy that exists is left alone.
        let again = ceremony(&["redact", text(&folder), "--out", text(&copy)]);
        assert_eq!(again.status.code(), Some(2));
        // The program says as much as the script: each of them by its name.
        let judged = ceremony(&["verify", text(&copy)]);
        let said = String::from_utf8_lossy(&judged.stdout).into_owned();
        let named = |path: &String| said.contains(&format!("withheld     {path}\n"));
        assert!(verdict.withheld.iter().all(named), "{said}");
    }
    assert!(fragments > 0, "a fragment was there to be withheld");
}

/// A copy from which only some details were taken can be redacted again.
#[test]
fn a_copy_of_a_copy_names_all_that_is_withheld() {
    let held = eventful();
    let at = TempDir::new().expect("a folder");
    let mut some = held.closed.clone();
    some.beside.clear();
    for (number, path) in ["details/0003.txt", "details/0000.txt"].iter().enumerate() {
        some.files.remove(*path).expect("there was one");
        let list = [
            &b"details/0003.txt\n"[..],
            b"details/0000.txt\ndetails/0003.txt\n",
        ][number];
        some.files
            .insert(names::REDACTED.to_string(), list.to_vec());
        let folder = script::lay_out(&some, &at.path().join(number.to_string()));
        let mut from = folder.join("record");
        for round in ["first", "second"] {
            let copy = at.path().join(format!("{round}-{number}"));
            let made = ceremony(&["redact", text(&from), "--out", text(&copy)]);
            assert_eq!(made.status.code(), Some(0), "{round}");
            let public = load(&copy);
            let (_, verdict) = good(&public, &held.pins);
            assert_eq!(
                verdict.withheld.len(),
                held.closed.files.len() + 1 - public.files.len()
            );
            assert_eq!(script::run(&public, &held.pins).0, 0, "{round}");
            from = copy;
        }
    }
}

/// A record that is not good is not published.
#[test]
fn what_fails_is_not_redacted() {
    let at = TempDir::new().expect("a folder");
    let held = smooth();
    let mut material = held.closed.clone();
    material.files.insert("extra.txt".to_string(), Vec::new());
    let folder = script::lay_out(&material, at.path());
    let copy = at.path().join("copy");
    let refused = ceremony(&["redact", text(&folder), "--out", text(&copy)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!copy.exists());
}

/// The reader of pages can fail.
#[test]
fn the_reader_of_pages_refuses_what_is_not_on_its_lists() {
    let held = smooth();
    let html = report(&held.closed, &held.pins, &verify(&held.closed, &held.pins));
    assert!(page::read(&html).is_ok());
    for (from, to) in [
        ("<main>", "<main><script></script>"),
        ("<main>", "<main><section onclick=\"x\">"),
        ("<section>", "<section style=\"x\">"),
        ("</section>", ""),
        ("<tr>", "<tr><td></td>"),
        ("<td>", "<td><img src=\"x\">"),
        ("<td>", "<td>\u{202e}"),
        ("<td>", "<td>&nbsp;"),
        ("<td>", "<td>it's"),
        ("@page", "@import url(x) @page"),
        ("lang=\"en\"", "lang=\"en\" lang=\"en\""),
        ("</html>", ""),
        ("<!DOCTYPE html>\n", ""),
    ] {
        let bad = html.replacen(from, to, 1);
        assert_ne!(bad, html, "{from}");
        assert!(page::read(&bad).is_err(), "{from} is {to}");
    }
}
