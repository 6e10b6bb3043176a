//! The printed checklists are what the carried plans compile to, byte for byte.

#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ceremony::plan;
use ceremony::plan::checklist;

/// The names of the files in a folder at the project's top that end like this.
fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is part of the project");
    entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("plain names")
        })
        .filter_map(|name| name.strip_suffix(ending).map(String::from))
        .collect()
}

#[test]
fn checklists_are_what_the_plans_compile_to() {
    for carried in plan::carried() {
        let plan = plan::Plan::parse(carried.source).expect("carried plans are good");
        let now = checklist::compile(&plan);
        let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("checklists")
            .join(format!("{}.txt", carried.name));
        if fs::read_to_string(&kept).is_ok_and(|kept| kept == now) {
            continue;
        }
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.txt", carried.name));
        fs::write(&fresh, now).expect("the build's own folder can be written");
        panic!(
            "{kept} is not what ceremony/{name}.toml compiles to.\n\
             Look at the difference, page by page, as if you had to work by that paper:\n  \
             diff -u {kept} {fresh}\n\
             If it is meant, refresh it and commit it together with the plan:\n  \
             cp {fresh} {kept}",
            name = carried.name,
            kept = kept.display(),
            fresh = fresh.display(),
        );
    }
}

#[test]
fn every_plan_is_carried_and_every_checklist_has_a_plan() {
    let carried: BTreeSet<String> = plan::carried().iter().map(|c| c.name.to_string()).collect();
    let mut plans = names("ceremony", ".toml");
    assert!(
        plans.remove("site.example"),
        "the example site lies beside the plans"
    );
    assert_eq!(plans, carried);
    let lists = checklist::LISTS.iter().map(|(name, _)| name.to_string());
    let all: BTreeSet<String> = carried.iter().cloned().chain(lists).collect();
    assert_eq!(names("checklists", ".txt"), all);
    assert_eq!(all.len(), carried.len() + 4, "no list has a plan's name");
}

/// They are printed as they are: as checklists, on A4 and Letter, by any printer.
#[test]
fn the_lists_for_all_plans_fit_their_pages() {
    for (name, list) in checklist::LISTS {
        assert!(list.is_ascii(), "{name}");
        assert_eq!(checklist::list(name), Some(list));
        let pages: Vec<&str> = list.split('\u{c}').collect();
        for (page, number) in pages.iter().zip(1..) {
            let lines: Vec<&str> = page.lines().collect();
            assert!(lines.len() <= 58, "{name}, page {number}: {}", lines.len());
            for line in &lines {
                assert!(line.len() <= 78, "{name}: {line}");
                assert_eq!(line.trim_end(), *line, "{name}");
            }
            let numbered = format!("page {number} of {}", pages.len());
            assert!(lines[0].ends_with(&numbered), "{name}: {}", lines[0]);
        }
    }
    assert_eq!(checklist::list("backup-key"), None);
}
