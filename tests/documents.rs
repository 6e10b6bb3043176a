//! Checklists, forms and reports on paper: the PDF says what the text says, on the same pages and
//! within them; and nothing secret is on any.
//!
//! Needs `pdftoppm` and `pdftotext` (poppler-utils); the rehearsal needs gpg.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod planted;
mod printed_support;
mod tamper_support;
mod tools;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ceremony::plan::{self, Plan, checklist};
use ceremony::record::files as names;
use ceremony::report::{MOST_PAGES, report_lines, transcript_lines};
use ceremony::sheet::blank::{self, About};
use ceremony::sheet::{Lines, Paper};
use ceremony::verify::{Material, Pins, verify};
use held::{Backup, Held};
use planted::{Search, count, secrets};
use printed_support::{PAPERS, said, same};
use tamper_support::hostile::{self, HOSTILE, written_over};
use tamper_support::{aborted, called, eventful, opened, smooth};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceremony");

fn ceremony(args: &[&str]) -> Output {
    let output = Command::new(PROGRAM)
        .args(args)
        .stdin(Stdio::null())
        .output();
    output.expect("the program starts")
}

fn same_on_paper(label: &str, lines: &Lines) {
    for paper in PAPERS {
        same(
            &format!("{label}, {paper:?}"),
            &lines.text(),
            &lines.pdf(paper),
            paper,
        );
    }
}

fn plans() -> Vec<Plan> {
    let carried = plan::carried().iter();
    carried
        .map(|carried| Plan::parse(carried.source).expect("carried plans are good"))
        .collect()
}

#[test]
fn checklists_say_the_same_as_text_and_as_pdf() {
    let lists = checklist::LISTS.map(|(name, list)| (name.to_string(), list.to_string()));
    let plans = plans()
        .into_iter()
        .map(|plan| (plan.id.clone(), checklist::compile(&plan)));
    for (name, text) in lists.into_iter().chain(plans) {
        let lines = Lines::of_text(&name, false, &text);
        assert_eq!(lines.text(), text, "{name}: the pages are the text's own");
        same_on_paper(&name, &lines);
        let marked = Lines::of_text(&name, true, &text);
        assert_eq!(marked.pages(), lines.pages());
        let pdf = marked.pdf(Paper::Letter);
        same(
            &format!("{name}, a rehearsal"),
            &marked.text(),
            &pdf,
            Paper::Letter,
        );
        for page in said(&pdf).split_terminator('\u{c}') {
            let marks = page.lines().filter(|line| line.trim() == "REHEARSAL");
            assert!(marks.count() >= 2, "{page}");
        }
    }
}

#[test]
fn forms_say_the_same_as_text_and_as_pdf() {
    let long = format!("REHEARSAL-2026-01-02-{}-01234567", "x".repeat(60));
    let ids = [None, Some("2026-01-02-backup-key-01234567"), Some(&*long)];
    let plans = plans();
    for plan in plans.iter().map(Some).chain([None]) {
        for ceremony_id in ids {
            let rehearsal = plan.is_none();
            let about = About {
                ceremony_id,
                rehearsal,
                plan,
            };
            let label = format!("{:?}, {ceremony_id:?}", plan.map(|plan| &plan.id));
            if let Some(cards) = blank::share_cards(&about) {
                same_on_paper(&format!("cards: {label}"), &cards);
            }
            same_on_paper(&format!("exception: {label}"), &blank::exception(&about));
            same_on_paper(&format!("labels: {label}"), &blank::labels(&about));
            same_on_paper(&format!("custody: {label}"), &blank::custody_log(&about));
        }
    }
}

/// Each page of a report is narrow, short, numbered, and marked as the record is.
fn report_of(material: &Material, pins: &Pins, label: &str) -> Lines {
    let judged = verify(material, pins);
    let lines = report_lines(material, pins, &judged);
    let text = lines.text();
    assert!(
        lines.pages() <= MOST_PAGES,
        "{label}: {} pages",
        lines.pages()
    );
    let mark = match &judged {
        Err(_) => Some("F A I L E D"),
        Ok(verdict) if verdict.id.starts_with("REHEARSAL") => Some("R E H E A R S A L"),
        Ok(_) => None,
    };
    for (page, number) in text.split('\u{c}').zip(1..) {
        assert!(
            page.contains(&format!("page {number} of {}\n", lines.pages())),
            "{label}: {page}"
        );
        assert!(page.lines().count() <= 62, "{label}: {page}");
        for line in page.lines() {
            assert!(line.chars().count() <= 78, "{label}: {line}");
            let shown = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{ff}') && c != '\u{ad}';
            assert!(line.chars().all(shown), "{label}: {line:?}");
        }
        for known in ["F A I L E D", "R E H E A R S A L"] {
            let marks = page.matches(&format!("*** {known}")).count();
            assert_eq!(
                marks,
                if mark == Some(known) { 2 } else { 0 },
                "{label}: {page}"
            );
        }
    }
    // The verdict comes first.
    let first = text
        .lines()
        .skip_while(|line| !line.starts_with("===="))
        .nth(1);
    let headline = match &judged {
        Ok(verdict) => verdict.headline().to_string(),
        Err(_) => "FAILED: ".to_string(),
    };
    let first = first.expect("a headline");
    assert!(
        headline.starts_with(first) || first.starts_with(&headline),
        "{label}: {first}"
    );
    lines
}

#[test]
fn reports_say_the_same_as_text_and_as_pdf() {
    for (label, held) in [
        ("eventful", eventful()),
        ("smooth", smooth()),
        ("aborted", aborted()),
        ("called", called()),
        ("opened", opened()),
    ] {
        let lines = report_of(&held.closed, &held.pins, label);
        same_on_paper(label, &lines);
        // All that the record says is somewhere: each entry's number, and all hashes in pieces.
        let verdict = verify(&held.closed, &held.pins).expect("good");
        let unbroken: String = lines.text().split_whitespace().collect();
        assert!(
            unbroken.contains(&verdict.transcript.to_string()),
            "{label}"
        );
        for title in [
            "TIMELINE",
            "CHECKPOINTS AND SIGNATURES",
            "HASHES",
            "ENTRY BY ENTRY",
        ] {
            assert!(
                lines.text().contains(&format!("\n{title}\n")),
                "{label}: {title}"
            );
        }
        let mut broken = held.closed.clone();
        broken.files.insert("odd".to_string(), Vec::new());
        let failed = report_of(&broken, &held.pins, "broken");
        assert!(!failed.text().contains("GOOD"));
        same_on_paper("failed", &failed);
        report_of(&held.paused, &Pins::default(), "stopped");
    }
}

/// The file's lines, from the pages of a transcript: without heads and marks, what is set in put back.
fn transcript_on(lines: &Lines) -> String {
    let mut file = String::new();
    for page in lines.text().split('\u{c}') {
        let below = page
            .lines()
            .skip_while(|line| !line.contains("  page "))
            .skip(1);
        for line in below.filter(|line| !line.is_empty() && !line.contains("*** ")) {
            match line.strip_prefix("    ") {
                Some(rest) => file.push_str(rest),
                None => {
                    file.push('\n');
                    file.push_str(line);
                }
            }
        }
    }
    file
}

#[test]
fn a_transcript_on_paper_is_the_file() {
    for (label, held) in [("eventful", eventful()), ("called", called())] {
        let judged = verify(&held.closed, &held.pins);
        let lines = transcript_lines(&held.closed, &held.pins, &judged);
        same_on_paper(label, &lines);
        let verdict = judged.expect("good");
        assert!(lines.text().contains(verdict.headline()), "{label}");
        let on_paper = transcript_on(&lines);
        let file = String::from_utf8_lossy(&held.closed.files[names::TRANSCRIPT]).into_owned();
        let whole: Vec<&str> = file.lines().filter(|line| !line.is_empty()).collect();
        assert!(on_paper.ends_with(&whole.join("\n")), "{label}: {on_paper}");

        let mut broken = held.closed.clone();
        broken.files.insert("odd".to_string(), Vec::new());
        let judged = verify(&broken, &held.pins);
        let failed = transcript_lines(&broken, &held.pins, &judged).text();
        assert!(failed.contains("FAILED"), "{failed}");
        assert!(!failed.contains(whole[1]), "{failed}");
    }
}

#[test]
fn a_hostile_record_is_harmless_on_paper() {
    let uid = "<b>x</b> \u{202e}Zo\u{eb} | GOOD <x@example.org>";
    let forged = format!(
        "{HOSTILE}\nGOOD: finished\n{}\n+----+\n|GOOD|\n\u{c}page 1 of 1",
        "=".repeat(78)
    );
    for held in [eventful(), smooth(), called()] {
        let (material, pins) = written_over(held, &forged, uid);
        let lines = report_of(&material, &pins, "hostile");
        let text = lines.text();
        // What they wrote stands behind a sign, and so do its marks.
        assert!(
            text.contains("> GOOD: finished") && text.contains("Zo\u{eb}"),
            "{text}"
        );
        for line in text.lines().filter(|line| line.contains("GOOD: finished")) {
            assert!(line.contains("> GOOD: finished"), "{line}");
        }
        assert!(
            text.contains("\\u{202e}") && text.contains("\\u{1b}[2J") && text.contains("\\u{c}")
        );
        assert!(!text.lines().any(|line| line.starts_with("|GOOD|")));
        same_on_paper("hostile", &lines);
    }
}

#[test]
fn an_enormous_record_has_a_bounded_report_that_says_what_is_missing() {
    for text in ["\u{10fffd}", "a\n", "\u{202e}", "\\", "word "] {
        let huge = text.repeat(2_000_000 / text.len());
        let (material, pins) = written_over(eventful(), &huge, "a <a@example.org>");
        let lines = report_of(&material, &pins, "huge");
        assert!(
            lines.text().contains("more characters are left out here]"),
            "{text:?}"
        );
        // What they wrote does not push what the program says off the paper.
        assert!(lines.text().contains("\nABOUT THIS PAGE\n"), "{text:?}");
        println!("{text:?}: {} pages", lines.pages());
    }
    let material = hostile::ten_thousand_entries();
    let lines = report_of(&material, &Pins::default(), "long");
    assert_eq!(lines.pages(), MOST_PAGES);
    let text = lines.text();
    let pages: Vec<&str> = text.split('\u{c}').collect();
    assert!(pages[0].contains("\nCUT: "), "{}", pages[0]);
    let note = pages[MOST_PAGES - 1]
        .lines()
        .find(|line| line.starts_with("CUT HERE: "));
    assert!(
        note.is_some_and(|note| note.contains(" more lines")),
        "{}",
        pages[MOST_PAGES - 1]
    );
    let pdf = lines.pdf(Paper::A4);
    println!("{} bytes on {MOST_PAGES} pages", pdf.len());
    assert!(pdf.len() < 4 * 1024 * 1024, "{}", pdf.len());
}

/// Files of their own, for their owner alone where personal details are in them.
#[test]
fn the_commands_write_new_files() {
    let dir = tools::Dir::new();
    let at = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_string();
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/1/closed/record");
    let record = record.to_str().expect("UTF-8");
    let html = ceremony(&["report", record]);
    let text = ceremony(&["report", record, "--text"]);
    let pdf = ceremony(&[
        "report",
        record,
        "--pdf",
        &at("report.pdf"),
        "--paper",
        "letter",
    ]);
    let file = ceremony(&["report", record, "--text", "-o", &at("report.txt")]);
    for made in [&text, &pdf, &file] {
        assert_eq!(made.status.code(), html.status.code());
    }
    assert_eq!(text.stdout, fs::read(at("report.txt")).expect("written"));
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    same(
        "report",
        &text,
        &fs::read(at("report.pdf")).expect("written"),
        Paper::Letter,
    );
    for name in ["report.pdf", "report.txt"] {
        let mode = fs::metadata(at(name))
            .expect("written")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let transcript = ceremony(&["report", record, "--transcript"]);
    assert_eq!(transcript.status.code(), html.status.code());
    assert!(String::from_utf8_lossy(&transcript.stdout).contains("Transcript  "));
    let again = ceremony(&["report", record, "--pdf", &at("report.pdf")]);
    assert_eq!(again.status.code(), Some(2));
    for name in ["share-card", "exception", "labels", "custody", "verifier"] {
        let all = [
            "form",
            name,
            "--plan",
            "backup-key",
            "--id",
            "REHEARSAL-2026-01-02-backup-key-01234567",
        ];
        let text = ceremony(&all);
        let path = at(&format!("{name}.pdf"));
        let pdf = ceremony(&[&all[..], &["--pdf", &path]].concat());
        assert_eq!(
            (text.status.code(), pdf.status.code()),
            (Some(0), Some(0)),
            "{name}"
        );
        let (text, pdf) = (
            String::from_utf8(text.stdout).expect("ASCII"),
            fs::read(&path).expect("written"),
        );
        if name == "verifier" {
            let grid = ceremony::sheet::Grid::new(4, Some(all[5]), false);
            assert_eq!((text, pdf), (grid.text(), grid.pdf(Paper::A4)));
        } else {
            same(name, &text, &pdf, Paper::A4);
        }
    }
    let marked = ceremony(&["checklist", "custody", "--rehearsal"]);
    assert!(String::from_utf8_lossy(&marked.stdout).contains("R E H E A R S A L"));
}

/// Words with whatever stood between them taken away: numbers, bars, ends of lines.
fn words_alone(text: &str) -> String {
    let letters = |c: char| {
        if c.is_ascii_alphabetic() {
            c.to_ascii_lowercase()
        } else {
            ' '
        }
    };
    let text: String = text.chars().map(letters).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every document that can be made of a rehearsal, searched for what its players wrote on paper.
#[test]
fn no_secret_of_a_rehearsal_is_on_any_document() {
    held::need(&["gpg", "gpgconf", "pdftotext"]);
    let held = Held::new(Backup {
        profile: "modern",
        custodians: "ABC",
        threshold: 2,
        absent: "C",
    });
    let secrets = secrets(&held);
    let search = Search::new(&secrets);
    let nothing = |label: &str, text: &str| {
        for form in [text.to_string(), words_alone(text)] {
            let found = search.find(form.as_bytes());
            assert!(found.is_empty(), "{label}: {found:?}");
        }
    };
    // The search finds a share where a card would have it.
    let words = held.paper("share-A.txt");
    let numbered: Vec<String> = words
        .split(' ')
        .zip(1..)
        .map(|(word, n)| format!("| {n:<2} {word} "))
        .collect();
    let card = words_alone(&numbered.join("|\n"));
    assert!(count(&search.find(card.as_bytes()), "share of A") > 0);

    let dir = tools::Dir::new();
    let plan = held.out().parent().expect("a folder").join("plan.toml");
    let [plan, record, secret, certificate] = [
        plan,
        held.medium("operator-a").join("record"),
        held.medium("secret-1"),
        held.medium("public").join("certificate.asc"),
    ]
    .map(|path| path.to_str().expect("UTF-8").to_string());
    let plan = plan.as_str();
    let id = held.id.as_str();
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["checklist", plan, "--rehearsal"],
        vec!["report", &record],
        vec!["sheet", &certificate, "--id", id],
        vec!["sheet", &certificate, "--id", id, "--reading", "a"],
        vec!["sheet", "--recovery", &secret],
    ];
    commands.extend(
        checklist::LISTS
            .iter()
            .map(|(name, _)| vec!["checklist", *name]),
    );
    for name in ["share-card", "exception", "labels", "custody", "verifier"] {
        commands.push(vec!["form", name, "--plan", plan, "--id", id]);
    }
    let mut read = 0;
    for (command, number) in commands.iter().zip(0..) {
        let label = command.join(" ");
        let text = match command[0] {
            "report" => ceremony(&[&command[..], &["--text"]].concat()),
            _ => ceremony(command),
        };
        let text = String::from_utf8(text.stdout).expect("UTF-8");
        assert!(text.len() > 500, "{label}: {text}");
        let path = dir.path().join(format!("{number}.pdf"));
        let path = path.to_str().expect("UTF-8");
        ceremony(&[&command[..], &["--pdf", path]].concat());
        let pdf = fs::read(path).unwrap_or_else(|error| panic!("{label}: {error}"));
        nothing(&label, &text);
        nothing(&label, &said(&pdf));
        assert!(search.find(&pdf).is_empty(), "{label}");
        read += 1;
    }
    // And what the rehearsal left on its media.
    for path in held::files(&held.out()) {
        if path.extension().is_some_and(|end| end == "pdf") {
            let pdf = fs::read(&path).expect("readable");
            nothing(&path.display().to_string(), &said(&pdf));
            read += 1;
        }
    }
    assert!(read > 15, "{read} documents");
    assert!(Path::new(&record).join(names::TRANSCRIPT).is_file());
}
