//! Records whose plan speaks of capsules for tokens, and openings that only tokens can make.

use ceremony::record::files;
use ceremony::verify::Pins;

use super::Held;
use super::call_cases::Judged;
use super::cases::Case;

/// Where a plan may have `tokens`, and how that is written.
pub fn plans(held: &Held) -> Judged {
    let mut judged = Judged::default();
    let case = |(operators, threshold, tokens): &(&str, &str, &str)| {
        let plan =
            super::LARGE_PLAN.replace("minutes = 15\n", &format!("minutes = 15\n{operators}"));
        let backup = format!("{threshold}\n{tokens}\n");
        let plan = plan.replace("threshold = 2\nabsent = [\"C\"]\n", &backup);
        let mut forge = held.forge().cut(2);
        let files = &mut forge.others;
        files.insert(files::PLAN.to_string(), plan.into_bytes());
        let name = format!("plan {operators} {threshold} {tokens}");
        Case::new(name, forge.build(), &Pins::default())
    };
    const BY_TOKEN: &str = "operators = \"token\"\n";
    const TWO: &str = "threshold = 2";
    let good = [
        (BY_TOKEN, TWO, "tokens = true"),
        (BY_TOKEN, TWO, "tokens=true# both"),
        (BY_TOKEN, TWO, "absent = [\"C\"]\ntokens = true"),
        (BY_TOKEN, "threshold = 3", "tokens = false"),
        ("", TWO, "tokens = false"),
        (BY_TOKEN, TWO, ""),
    ];
    let bad = [
        ("", TWO, "tokens = true"),
        ("operators = \"any\"\n", TWO, "tokens = true"),
        (BY_TOKEN, "threshold = 3", "tokens = true"),
        (BY_TOKEN, TWO, "tokens = \"true\""),
        (BY_TOKEN, TWO, "tokens = 1"),
        (BY_TOKEN, TWO, "tokens = True"),
        (BY_TOKEN, TWO, "tokens = truefalse"),
        (BY_TOKEN, TWO, "tokens = true false"),
        (BY_TOKEN, TWO, "tokens = [\"A\"]"),
        (BY_TOKEN, TWO, "tokens = true\ntokens = true"),
        (BY_TOKEN, TWO, "absent = true"),
        (BY_TOKEN, "threshold = true", "tokens = true"),
        ("operators = true\n", TWO, "tokens = true"),
        ("tokens = true\noperators = \"token\"\n", TWO, ""),
    ];
    judged.good.extend(good.iter().map(case));
    judged.bad.extend(bad.iter().map(case));
    judged
}

/// Operators with key files: words open the backup, whatever else is claimed.
pub fn openers(held: &Held) -> Judged {
    let mut judged = Judged::default();
    let at = held.forge().find("quorum-opened", 0);
    let case = |(quorum, opener): &(&str, &str)| {
        let mut forge = held.forge().cut(at + 1);
        forge.pieces[at].set("quorum", quorum);
        forge.pieces[at].set("actors", "A B");
        forge.pieces[at].set("opener", opener);
        let name = format!("quorum {quorum}, opener {opener}");
        Case::new(name, forge.build(), &held.pins)
    };
    let good = [("AB", "gpg"), ("AB", "library")];
    let bad = [
        ("AB", "token"),
        ("AB-tokens", "token"),
        ("AB-tokens", "library"),
        ("AB", "file"),
    ];
    judged.good.extend(good.iter().map(case));
    judged.bad.extend(bad.iter().map(case));
    judged
}
