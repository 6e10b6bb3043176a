//! The printable checklist: what lies on the table while the screen leads through the plan.
//!
//! Plain ASCII with LF, lines of at most 78 columns, pages of at most 58 lines parted by
//! form feeds: fit for A4 and Letter, at six lines to the inch, on any printer.
//! It is made from the plan alone, so anyone can make the same bytes again; its hash is in
//! the record. It has no place for a secret: shares and passphrases go to cards.

use super::{BackupSpec, OperatorDemand, Period, Phase, Plan, Step, StepKind};

/// The widest line, in columns.
pub(crate) const WIDTH: usize = 78;

/// The longest page, in lines, its heading included.
pub(crate) const PAGE_LINES: usize = 58;

/// How far a step's lines stand in, behind its number.
const INDENT: usize = 7;

/// Words of a head, one for each byte of a SHA-256: ten are copied at the end of a phase,
/// all at the close.
const HEAD_WORDS: usize = 10;
const CLOSING_HEAD_WORDS: usize = 32;

/// How many exception sheets are printed. Two: a second exception is not rare after a first.
const EXCEPTION_SHEETS: usize = 2;

/// What may be decided in an exception. None of these skips a check.
const DECISIONS: [&str; 5] = [
    "try again",
    "replace a device",
    "copy by hand",
    "set a slot up again",
    "abort",
];

/// Lines that stay together on a page.
type Block = Vec<String>;

/// The lists that are the same for all plans, by name.
pub const LISTS: [(&str, &str); 4] = [
    (
        "preparation",
        include_str!("../../checklists/preparation.txt"),
    ),
    ("rehearsal", include_str!("../../checklists/rehearsal.txt")),
    ("custody", include_str!("../../checklists/custody.txt")),
    ("emergency", include_str!("../../checklists/emergency.txt")),
];

/// One of [`LISTS`], ready to print.
pub fn list(name: &str) -> Option<&'static str> {
    let mut lists = LISTS.iter();
    lists.find_map(|(other, list)| (*other == name).then_some(*list))
}

/// The checklist of `plan`, ready to print.
pub fn compile(plan: &Plan) -> String {
    let mut pages = paginate(walk(plan), 1);
    let sheet = |number| exception_sheet(&format!("EXCEPTION SHEET {number}"));
    pages.extend((1..=EXCEPTION_SHEETS).map(sheet));
    pages.extend(paginate(custody(plan), 0));
    let total = pages.len();
    let numbered = pages.iter().zip(1..);
    let printed: Vec<String> = numbered
        .map(|(page, number)| print_page(plan, page, number, total))
        .collect();
    printed.join("\u{c}")
}

fn print_page(plan: &Plan, page: &[String], number: usize, total: usize) -> String {
    let left = format!("Checklist {}", plan.id);
    let right = format!("page {number} of {total}");
    let mut text = format!("{left}{right:>width$}\n\n", width = WIDTH - left.len());
    for line in page {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Fills pages with whole blocks; `gap` blank lines part two blocks on the same page.
fn paginate(blocks: Vec<Block>, gap: usize) -> Vec<Vec<String>> {
    let room = PAGE_LINES - 2;
    let mut pages: Vec<Vec<String>> = Vec::new();
    for block in blocks {
        match pages.last_mut() {
            Some(page) if page.len() + gap + block.len() <= room => {
                page.extend(std::iter::repeat_n(String::new(), gap));
                page.extend(block);
            }
            _ => pages.push(block),
        }
    }
    pages
}

fn walk(plan: &Plan) -> Vec<Block> {
    let mut blocks = vec![cover(plan), how_to_use()];
    for phase in &plan.phases {
        let mut steps = phase.steps.iter().map(step_block);
        // A heading alone at the foot of a page would be overlooked.
        let mut opening = heading(phase);
        opening.extend(steps.next().unwrap_or_default());
        blocks.push(opening);
        blocks.extend(steps);
        blocks.push(head_block(phase));
    }
    blocks
}

fn cover(plan: &Plan) -> Block {
    let mut lines = vec![plan.title.to_uppercase(), rule('=')];
    lines.extend(wrap(&plan.summary, WIDTH));
    lines.push(String::new());
    lines.push(field("Plan", &plan.id));
    lines.push(field(
        "Time needed",
        &format!("about {} minutes", plan.minutes),
    ));
    if let Some(key) = &plan.key {
        let valid = match &key.expires {
            Some(period) => format!("valid for {}", Period::in_words(period)),
            None => "valid for ever".to_string(),
        };
        let place = match key.is_in_a_token() {
            true => ", in a YubiKey",
            false => "",
        };
        lines.push(field("Key", &format!("{}{place}, {valid}", key.profile)));
    }
    if plan.key_is_in_a_token() {
        lines.extend(labelled("NO BACKUP", NO_BACKUP));
    }
    if let Some(backup) = &plan.backup {
        let label = match plan.key_is_in_a_token() {
            true => "Can revoke it",
            false => "Opened by",
        };
        lines.extend(who_opens(label, backup));
    }
    lines.push("Plan SHA-256:".to_string());
    lines.push(format!("  {}", plan.digest()));
    lines.push(String::new());
    lines.push("This is a    [ ] ceremony    [ ] rehearsal: mark every page REHEARSAL".to_string());
    for label in [
        "Ceremony id",
        "Date (UTC)",
        "Operator A",
        "Operator B",
        "Witness, if any",
    ] {
        lines.push(String::new());
        lines.push(format!("{label:<16} {}", "_".repeat(WIDTH - 17)));
    }
    lines
}

/// What is lost with a key in a token.
const NO_BACKUP: &str = "If the YubiKey is lost or breaks, nothing that was encrypted to the key \
     can be read again.";

fn who_opens(label: &str, backup: &BackupSpec) -> Block {
    let quorums: Vec<String> = backup.quorums().iter().map(ToString::to_string).collect();
    let people = letters(&backup.custodians);
    let mut text = format!(
        "any {} of {people}: {}",
        backup.threshold,
        quorums.join(", ")
    );
    if !backup.absent.is_empty() {
        text.push_str(&format!("; not in the room: {}", letters(&backup.absent)));
    }
    if backup.tokens {
        text.push_str("; A and B also with their YubiKeys");
    }
    labelled(label, &text)
}

fn labelled(label: &str, text: &str) -> Block {
    let mut lines = wrap(text, WIDTH - 17).into_iter();
    let mut out = vec![field(label, &lines.next().unwrap_or_default())];
    out.extend(lines.map(|line| format!("{:17}{line}", "")));
    out
}

fn letters<T: ToString>(people: &[T]) -> String {
    people
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn field(label: &str, value: &str) -> String {
    format!("{label:<16} {value}")
}

fn how_to_use() -> Block {
    let paragraphs = [
        "Keep to the order and leave no step out. The screen says what to do; this paper shows \
         where you are. When a step is done, write the time, and each of you their own initials.",
        "Never write a passphrase, a PIN or any word of a share on this paper. Shares go to their \
         cards and nowhere else.",
        "If anything is not as the screen or this paper says: stop. Touch nothing, and fill in \
         an exception sheet together. The sheets are near the end.",
    ];
    let mut lines = vec!["HOW TO USE THIS PAPER".to_string(), rule('-')];
    for (number, paragraph) in paragraphs.iter().enumerate() {
        if number > 0 {
            lines.push(String::new());
        }
        lines.extend(wrap(paragraph, WIDTH));
    }
    lines
}

fn heading(phase: &Phase) -> Block {
    let minutes: u32 = phase.steps.iter().map(|step| step.minutes).sum();
    let left = format!("PHASE {}  {}", phase.id, phase.title);
    let right = format!("about {minutes} min");
    // A title of 60 columns leaves too little room on its own line.
    let width = WIDTH.saturating_sub(left.len());
    let line = if right.len() < width {
        format!("{left}{right:>width$}")
    } else {
        left
    };
    vec![rule('='), line, rule('='), String::new()]
}

fn step_block(step: &Step) -> Block {
    let mut body = wrap(&step.text, WIDTH - INDENT);
    body.extend(wrap(
        &format!("Who acts: {}. {} min.", who_acts(step), step.minutes),
        WIDTH - INDENT,
    ));
    body.push(String::new());
    body.push("Time (UTC) [     :     ]     Initials  A [          ]  B [          ]".to_string());
    let number = std::iter::once(step.id.as_str()).chain(std::iter::repeat(""));
    body.iter()
        .zip(number)
        .map(|(line, id)| format!("{id:<INDENT$}{line}"))
        .collect()
}

fn who_acts(step: &Step) -> String {
    let people = match step.kind {
        StepKind::ReadBack(read_back) => {
            format!(
                "{} reads aloud, {} types",
                read_back.speaker, read_back.listener
            )
        }
        StepKind::RollCall => "A, then B".to_string(),
        StepKind::Phone => "A and B read in turn, on a loudspeaker".to_string(),
        StepKind::Trial => "A types, then B, the other looks away".to_string(),
        StepKind::Open => "the custodians of one quorum type their words".to_string(),
        StepKind::Share => "each custodian alone, the other looks away".to_string(),
        _ => "A and B together".to_string(),
    };
    if step.authorise {
        format!("{people}; both authorise")
    } else {
        people
    }
}

fn head_block(phase: &Phase) -> Block {
    let closes = phase.steps.iter().any(|step| step.kind == StepKind::Close);
    let words = if closes {
        CLOSING_HEAD_WORDS
    } else {
        HEAD_WORDS
    };
    let text = format!(
        "Head at the end of phase {}: copy the {words} words from the screen, in this order. \
         They are no secret. They show later that nobody has changed the record.",
        phase.id
    );
    let mut lines = wrap(&text, WIDTH);
    let blanks: Vec<String> = (1..=words).map(|n| format!("{n:>2} {:_<15}", "")).collect();
    for row in blanks.chunks(4) {
        lines.push(String::new());
        lines.push(row.join("  "));
    }
    lines.push(String::new());
    lines.push("Copied and compared     Initials  A [          ]  B [          ]".to_string());
    lines
}

/// A page for one exception, below this title.
pub(crate) fn exception_sheet(title: &str) -> Vec<String> {
    let mut lines = vec![title.to_string(), rule('=')];
    lines.extend(wrap(
        "Fill this in together as soon as something is not as it should be, then tell the \
         screen the same. No decision skips a step, an operator or a check. Write no \
         passphrase and no word of a share here.",
        WIDTH,
    ));
    lines.push(String::new());
    lines.push("Step [          ]     Time (UTC) [     :     ]".to_string());
    for question in ["What we expected:", "What happened:"] {
        lines.extend(writing_lines(question, 4));
    }
    lines.push(String::new());
    lines.push("What we decided (tick one):".to_string());
    for decision in DECISIONS {
        lines.push(String::new());
        lines.push(format!("  [ ] {decision}"));
    }
    lines.extend(writing_lines("Why, and what came of it:", 4));
    lines.push(String::new());
    lines.push("Initials  A [          ]  B [          ]".to_string());
    lines
}

fn writing_lines(question: &str, count: usize) -> Block {
    let mut lines = vec![String::new(), question.to_string()];
    for _ in 0..count {
        lines.push(String::new());
        lines.push(rule('_'));
    }
    lines
}

fn custody(plan: &Plan) -> Vec<Block> {
    let mut intro = vec!["CUSTODY".to_string(), rule('=')];
    intro.extend(wrap(
        "Everything that leaves the table, who takes it, and the number of its seal. Whoever \
         takes a thing initials its row. Strike out what there is not.",
        WIDTH,
    ));
    intro.push(String::new());
    intro.push(table_rule());
    intro.push(table_row([
        "What",
        "Seal number",
        "Who, initials",
        "When (UTC)",
    ]));
    intro.push(table_rule());
    let mut blocks = vec![intro];
    // The second line of a row leaves room for a hand.
    let row = |thing: String| {
        vec![
            table_row([&thing, "", "", ""]),
            table_row([""; 4]),
            table_rule(),
        ]
    };
    let blank = || vec![String::new(); 3];
    let things = things_to_keep(plan).into_iter().chain(blank());
    blocks.extend(things.map(row));
    blocks
}

/// What the steps of the plan leave on the table.
pub(crate) fn things_to_keep(plan: &Plan) -> Vec<String> {
    let has = |kind| plan.steps().any(|(_, step)| step.kind == kind);
    let mut things = vec![
        "Medium operator-a".to_string(),
        "Medium operator-b".to_string(),
    ];
    if plan.operators == OperatorDemand::Token {
        things.extend(["YubiKey of A", "YubiKey of B"].map(String::from));
    }
    if has(StepKind::Enrol) {
        things.push("Medium public".to_string());
    }
    if has(StepKind::Backup) || has(StepKind::Revocation) {
        things.extend(["Medium secret-1", "Medium secret-2"].map(String::from));
    }
    if has(StepKind::Export) {
        things.extend(["Medium handover", "Medium public"].map(String::from));
    }
    if let Some(backup) = &plan.backup {
        for custodian in &backup.custodians {
            if backup.absent.contains(custodian) {
                things.push(format!("Card {custodian}, half by A"));
                things.push(format!("Card {custodian}, half by B"));
            } else {
                things.push(format!("Card {custodian}"));
            }
        }
    }
    if plan.key_is_in_a_token() {
        let of_it = [
            "YubiKey with the key",
            "A's card, PIN and PUK",
            "B's card, PIN and PUK",
        ];
        things.extend(of_it.map(String::from));
    }
    if has(StepKind::Fingerprint) {
        things.extend(["Fingerprint, A's paper", "Fingerprint, B's paper"].map(String::from));
    }
    if has(StepKind::Open) {
        let opened = ["The secret medium", "Card", "Card", "What was opened"];
        things.extend(opened.map(String::from));
    }
    things.push("This checklist".to_string());
    things
}

fn table_row([what, seal, who, when]: [&str; 4]) -> String {
    format!("| {what:<23} | {seal:<14} | {who:<14} | {when:<14} |")
}

fn table_rule() -> String {
    format!("+{:-<25}+{:-<16}+{:-<16}+{:-<16}+", "", "", "", "")
}

pub(crate) fn rule(of: char) -> String {
    String::from(of).repeat(WIDTH)
}

/// Breaks ASCII text at blanks into lines of at most `width` columns; a longer word is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for mut word in text.split_ascii_whitespace() {
        loop {
            let line = lines.last_mut().expect("there is always a last line");
            let blank = usize::from(!line.is_empty());
            if line.len() + blank + word.len() <= width {
                line.push_str(&" "[..blank]);
                line.push_str(word);
                break;
            }
            if line.is_empty() {
                line.push_str(&word[..width]);
                word = &word[width..];
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::load_carried;

    fn backup_key() -> Plan {
        load_carried("backup-key")
            .expect("it is carried")
            .expect("it is good")
    }

    /// What a printer needs, whatever the plan.
    fn assert_printable(paper: &str) {
        assert!(
            paper
                .bytes()
                .all(|b| matches!(b, b'\n' | 0xc | b' '..=b'~')),
            "plain ASCII"
        );
        assert!(paper.ends_with('\n'));
        for page in paper.split('\u{c}') {
            assert!(page.lines().count() <= PAGE_LINES, "a page is too long");
            for line in page.lines() {
                assert!(line.len() <= WIDTH, "too wide: {line:?}");
                assert_eq!(line.trim_end(), line, "blanks at the end");
            }
        }
    }

    #[test]
    fn every_step_and_phase_has_its_boxes() {
        let plan = backup_key();
        let paper = compile(&plan);
        assert_printable(&paper);
        for (_, step) in plan.steps() {
            let line = format!("\n{:<INDENT$}", step.id);
            assert_eq!(paper.matches(&line).count(), 1, "{}", step.id);
        }
        let times = plan.step_count() + EXCEPTION_SHEETS;
        assert_eq!(paper.matches("Time (UTC) [").count(), times);
        assert_eq!(
            paper.matches("Head at the end of phase").count(),
            plan.phases.len()
        );
        assert!(paper.contains(&plan.digest().to_string()));
        for decision in DECISIONS {
            assert_eq!(
                paper.matches(&format!("[ ] {decision}\n")).count(),
                EXCEPTION_SHEETS
            );
        }
    }

    #[test]
    fn there_is_no_place_for_a_secret() {
        // The only numbered blanks are those of the heads, which are no secret.
        let paper = compile(&backup_key());
        let words: Vec<&str> = paper.split_ascii_whitespace().collect();
        let is_blank = |word: &str| word.len() > 1 && word.bytes().all(|b| b == b'_');
        let numbered = words
            .windows(2)
            .filter(|w| w[0].parse::<u32>().is_ok() && is_blank(w[1]));
        assert_eq!(numbered.count(), 6 * HEAD_WORDS + CLOSING_HEAD_WORDS);
        for line in paper
            .lines()
            .filter(|line| line.contains('_') || line.contains('['))
        {
            for secret in ["share", "passphrase", "PIN", "word"] {
                assert!(!line.contains(secret), "a place for a secret: {line:?}");
            }
        }
    }

    #[test]
    fn an_absent_custodian_has_two_cards_in_the_custody_table() {
        let paper = compile(&backup_key());
        for row in [
            "| Card A  ",
            "| Card B  ",
            "| Card C, half by A",
            "| Card C, half by B",
        ] {
            assert_eq!(paper.matches(row).count(), 1, "{row}");
        }
    }

    #[test]
    fn another_plan_makes_another_checklist() {
        let source = backup_key().source().replace("# Makes", "# makes");
        let other = Plan::parse(&source).expect("only a comment differs");
        assert_ne!(compile(&other), compile(&backup_key()));
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word_and_the_width(text in "[a-z]{1,120}( [a-z]{1,9}){0,30}") {
            let lines = wrap(&text, 20);
            prop_assert!(lines.iter().all(|line| line.len() <= 20));
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }

        #[test]
        fn any_texts_that_a_plan_accepts_can_be_printed(
            title in "[!-~]([ -~]{0,58}[!-~])?",
            text in "[!-~]([ -~]{0,298}[!-~])?",
        ) {
            let mut plan = backup_key();
            plan.title.clone_from(&title);
            for phase in &mut plan.phases {
                phase.title.clone_from(&title);
                phase.steps.iter_mut().for_each(|step| step.text.clone_from(&text));
            }
            assert_printable(&compile(&plan));
        }
    }
}
