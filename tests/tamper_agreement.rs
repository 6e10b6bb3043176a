#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]
//! The library and the script judge alike.
mod tamper_support;
use ceremony::verify::{Material, Pins, verify};
use std::sync::Mutex;
use tamper_support::*;

struct Case {
    name: String,
    material: Material,
    pins: Pins,
}

fn library(case: &Case) -> (i32, String) {
    match verify(&case.material, &case.pins) {
        Ok(v) => (v.exit() as i32, String::new()),
        Err(f) => (1, f.to_string()),
    }
}
fn explore(cases: Vec<Case>) {
    let n = cases.len();
    let queue = Mutex::new(cases.into_iter());
    let bad = Mutex::new(Vec::new());
    let t = std::time::Instant::now();
    let counts = Mutex::new(std::collections::BTreeMap::<i32, usize>::new());
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else {
                        return;
                    };
                    let l = library(&case);
                    let r = script::run(&case.material, &case.pins);
                    *counts.lock().unwrap().entry(l.0).or_default() += 1;
                    if l.0 != r.0 {
                        bad.lock().unwrap().push(format!(
                            "{}: library {} {} script {} {}",
                            case.name, l.0, l.1, r.0, r.1
                        ));
                    }
                }
            });
        }
    });
    println!("{n} cases {:?} {:?}", counts.lock().unwrap(), t.elapsed());
    let bad = bad.into_inner().unwrap();
    for b in &bad {
        println!("{b}\n");
    }
    println!("{} disagreements", bad.len());
}
#[test]
fn good() {
    let mut v = vec![];
    for held in [eventful(), smooth(), aborted()] {
        for m in [&held.closed, &held.paused] {
            for pins in [held.pins.clone(), Pins::default()] {
                v.push(Case {
                    name: "good".into(),
                    material: m.clone(),
                    pins,
                });
            }
        }
    }
    explore(v);
}
#[test]
fn signed_fields() {
    let mut v = vec![];
    for held in [eventful(), aborted()] {
        let f = held.forge();
        let mut done = std::collections::BTreeMap::new();
        for (at, p) in f.pieces.iter().enumerate() {
            let n = done.entry(p.event().to_string()).or_insert(0);
            *n += 1;
            if *n > 1 {
                continue;
            }
            for (label, value) in &p.fields {
                for other in alternatives(p.event(), label, value) {
                    let mut cut = f.cut((at + 2).min(f.pieces.len()));
                    if cut.pieces.last().unwrap().event() == "authorise" {
                        cut = f.cut((at + 3).min(f.pieces.len()));
                    }
                    v.push(Case {
                        name: format!("{at} {} {label}: {value} -> {other}", p.event()),
                        material: cut.sign(Some((at, label, &other)), &held.keys),
                        pins: held.pins.clone(),
                    });
                }
            }
        }
    }
    explore(v);
}
