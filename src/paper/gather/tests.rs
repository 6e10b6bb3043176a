use proptest::prelude::*;

use super::super::backup::tests::files;
use super::super::{Backup, Mistake, Part};
use super::*;

const ID: &str = "REHEARSAL-2026-01-02-backup-key-0A1B2C3D";
const OTHER: &str = "REHEARSAL-2026-01-03-backup-key-0A1B2C3D";
const PAYLOAD: usize = 1400;

fn parts(id: &str) -> Vec<Part> {
    let backup = Backup::new(id, &files(PAYLOAD)).expect("a backup");
    let files = backup.groups.into_iter().flat_map(|group| group.files);
    files.flat_map(|file| file.parts).collect()
}

fn scanned<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Gathered {
    let mut gathered = Gathered::default();
    let payloads: Vec<Vec<u8>> = parts
        .into_iter()
        .map(|part| part.payload().into_bytes())
        .collect();
    gathered.codes("page.png", &payloads);
    gathered
}

/// The key's rows as somebody types them, line by line.
fn typed() -> Vec<String> {
    let backup = Backup::new(ID, &files(PAYLOAD)).expect("a backup");
    let mut lines = vec![format!("CEREMONY {ID}")];
    for file in backup.groups[0].files.iter().skip(1) {
        lines.push(file.label());
        lines.extend(file.rows.clone());
    }
    lines
}

fn from_text(text: &str) -> Restored {
    let mut gathered = Gathered::default();
    gathered.text("rows.txt", text);
    gathered.finish().expect("one ceremony")
}

fn of_key(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files
        .into_iter()
        .filter(|(name, _)| !name.starts_with(REVOCATION))
        .collect()
}

#[test]
fn nothing_and_two_ceremonies_are_no_backup() {
    let nothing = Gathered::default().finish().err();
    assert_eq!(nothing, Some(vec![Problem::Nothing]));
    let mut mixed = scanned(&parts(ID));
    mixed.codes("other.png", &[parts(OTHER)[1].payload().into_bytes()]);
    let problems = mixed.finish().err().expect("two ceremonies");
    let [problem @ Problem::Mixed(ceremonies)] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(ceremonies.keys().collect::<Vec<_>>(), [ID, OTHER]);
    let said = problem.to_string();
    assert!(said.contains(&format!("{OTHER}: other.png")), "{said}");
}

#[test]
fn each_part_that_is_missing_is_named_with_its_pages() {
    let all = parts(ID);
    for lost in all.iter().filter(|part| !part.file.ends_with(SUMS)) {
        let restored = scanned(all.iter().filter(|part| *part != lost))
            .finish()
            .expect("one ceremony");
        let [
            Problem::Missing {
                file, of, parts, ..
            },
        ] = &restored.missing[..]
        else {
            panic!("{:?}", restored.missing);
        };
        assert_eq!((file, *of), (&lost.file, lost.of));
        let [(part, Some(pages))] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!(*part, lost.part);
        assert!(pages.contains(" and "), "{pages}");
        assert!(!restored.files.contains_key(&lost.file));
    }
}

#[test]
fn a_list_that_is_missing_is_said_and_hinders_nothing() {
    let all = parts(ID);
    let restored = scanned(all.iter().filter(|part| part.file != SUMS))
        .finish()
        .expect("one ceremony");
    assert!(restored.missing.is_empty());
    assert_eq!(restored.notes, [Problem::NoList(SUMS.to_string())]);
}

#[test]
fn two_different_parts_of_one_number_are_refused() {
    let mut all = parts(ID);
    let mut other = all[2].clone();
    other.text = other.text.replace('A', "B");
    let (file, part) = (other.file.clone(), other.part);
    all.push(other);
    let restored = scanned(&all).finish().expect("one ceremony");
    assert_eq!(restored.missing, [Problem::Conflict(file, part)]);
}

#[test]
fn the_codes_give_every_file_as_it_was() {
    let all = parts(ID);
    let mut restored = scanned(all.iter().rev().chain(&all))
        .finish()
        .expect("one ceremony");
    assert!(restored.missing.is_empty() && restored.notes.is_empty());
    for list in [SUMS, "revocation/SHA256SUMS"] {
        assert!(restored.files.remove(list).is_some());
    }
    assert_eq!(restored.files, files(PAYLOAD));
    // What zbarimg prints: each code, and a line feed after it.
    let printed: String = all.iter().map(|part| part.payload() + "\n").collect();
    assert!(from_text(&printed).missing.is_empty());
    assert!(from_text(&printed.replace('\n', "\r\n")).missing.is_empty());
}

#[test]
fn a_code_that_is_no_part_is_passed_over_and_said() {
    let mut gathered = scanned(&parts(ID));
    let damaged = (parts(ID)[1].payload() + "x").into_bytes();
    gathered.codes(
        "b.png",
        &[b"OPENPGP4FPR:00".to_vec(), vec![0xff, 0xfe], damaged],
    );
    gathered.codes("empty.png", &[]);
    let restored = gathered.finish().expect("one ceremony");
    assert!(restored.missing.is_empty());
    let said: Vec<String> = restored.notes.iter().map(Problem::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[1].contains("does not fit its check"), "{said:?}");
}

#[test]
fn the_rows_give_every_file_as_it_was() {
    let restored = from_text(&typed().join("\n"));
    assert!(restored.missing.is_empty(), "{:?}", restored.missing);
    assert_eq!(restored.files, of_key(files(PAYLOAD)));
}

#[test]
fn one_wrong_character_in_any_row_is_named() {
    let lines = typed();
    let mut file = "";
    for (at, line) in lines.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("FILE ") {
            file = rest.split(' ').next().expect("a name");
        }
        let Some((number, _)) = line
            .split_once(' ')
            .filter(|(n, _)| n.parse::<usize>().is_ok())
        else {
            continue;
        };
        // The third character of the row, whatever the row.
        let place = number.len() + 3;
        let right = line.as_bytes()[place] as char;
        let wrong = if right == 'Q' { "R" } else { "Q" };
        let mut changed = lines.clone();
        changed[at].replace_range(place..=place, wrong);
        let restored = from_text(&changed.join("\n"));
        let said = restored.notes[0].to_string();
        let expected = format!(
            "rows.txt, line {}: {file}, row {number}: it does not fit its check: character 3 of \
             group 1 is {wrong}, and would fit as {right}",
            at + 1
        );
        assert_eq!(said, expected);
        let missing = restored.missing[0].to_string();
        assert_eq!(missing, format!("{file}: missing: row {number}"));
        assert!(!restored.files.contains_key(file));
    }
}

#[test]
fn swapped_lost_and_foreign_rows_are_named() {
    let lines = typed();
    // Two rows change places, and keep the numbers that they had there.
    let mut swapped = lines.clone();
    let (third, fourth) = (lines[4].clone(), lines[5].clone());
    swapped[4] = third.replacen('3', "4", 1);
    swapped[5] = fourth.replacen('4', "3", 1);
    let notes = from_text(&swapped.join("\n")).notes;
    let said = [0, 1].map(|at| notes[at].to_string());
    assert!(
        said[0].ends_with("row 4: what stands there is row 3"),
        "{said:?}"
    );
    assert!(
        said[1].ends_with("row 3: what stands there is row 4"),
        "{said:?}"
    );
    // In another order, but with their own numbers: no harm.
    let mut turned = lines.clone();
    turned.swap(4, 5);
    assert!(from_text(&turned.join("\n")).missing.is_empty());

    let mut lost = lines.clone();
    lost.drain(4..7);
    let missing = from_text(&lost.join("\n")).missing;
    assert_eq!(missing[0].to_string(), "payload.asc: missing: rows 3 to 5");

    let mut foreign = lines.clone();
    let at = foreign
        .iter()
        .position(|line| line.starts_with("FILE AB.asc"))
        .expect("it is there");
    foreign.swap(at + 6, 7);
    let notes = from_text(&foreign.join("\n")).notes;
    assert!(
        matches!(
            &notes[0],
            Problem::Row {
                mistake: Mistake::Elsewhere(_),
                ..
            }
        ),
        "{notes:?}"
    );
    assert!(
        notes[0]
            .to_string()
            .contains(&format!("belongs to AB.asc of {ID}")),
        "{notes:?}"
    );
}

#[test]
fn rows_need_their_ceremony_and_file() {
    let lines = typed();
    for (from, what) in [(1, "no ceremony"), (2, "no file")] {
        let mut gathered = Gathered::default();
        gathered.text("rows.txt", &lines[from..from + 1].join("\n"));
        let problems = gathered.finish().err().expect(what);
        assert_eq!(problems[0], Problem::Line("rows.txt".into(), 1), "{what}");
    }
}

#[test]
fn rows_fill_what_the_codes_leave_open() {
    let all = parts(ID);
    let mut gathered = scanned(all.iter().filter(|part| part.file != "AB.asc"));
    gathered.text("rows.txt", &typed().join("\n"));
    let restored = gathered.finish().expect("one ceremony");
    assert!(restored.missing.is_empty());
    assert_eq!(restored.files["AB.asc"], files(PAYLOAD)["AB.asc"]);
}

proptest! {
    #[test]
    fn whatever_is_typed_nothing_panics(text in "((CEREMONY|FILE|[0-9]{1,2}|AB.asc|REHEARSAL-2026-01-02-backup-key-0A1B2C3D|[A-Z2-7]{5})[ \n]){0,60}") {
        let mut gathered = Gathered::default();
        gathered.text("rows.txt", &text);
        if let Ok(restored) = gathered.finish() {
            prop_assert!(restored.files.is_empty());
        }
    }
}
