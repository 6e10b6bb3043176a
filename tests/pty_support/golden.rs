//! Screens as golden text that a person can read: what differs each time has a placeholder.

use std::path::Path;

/// Compares with a golden file; what came instead is left where it can be looked at.
pub fn compare(name: &str, actual: &str) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let golden = golden.join(name);
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    if actual != expected {
        let came = std::env::temp_dir().join(format!("ceremony-{name}.actual"));
        std::fs::write(&came, actual).expect("the temporary folder is writable");
        panic!(
            "{} is not what came. Compare it with {}; where that is right, and was read, \
             copy it over.",
            golden.display(),
            came.display()
        );
    }
}

/// Each page's title and who acts. Preflight's pages are as many as the machine has remarks.
pub fn titles(pages: &[(String, String)]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (who, title) in pages {
        let title = title.split(" (1 of").next().unwrap_or(title);
        let further = title.contains(" of ") && title.starts_with("What this machine is like");
        if !further {
            lines.push(format!("{who:<20} {title}\n"));
        }
    }
    lines.concat()
}

/// The screens of a whole rehearsal, with placeholders.
pub fn screens(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("What this machine is like (1 of") {
            // What is found depends on the machine; the questions at the end do not.
            out.push("What this machine is like (...)\n\n<what preflight finds>\n".to_string());
            while !lines
                .peek()
                .is_none_or(|line| line.starts_with("Operator A: have"))
            {
                lines.next();
            }
        } else if is_code(line) {
            if out.last().is_none_or(|last| last != "<code>") {
                out.push("<code>".to_string());
            }
        } else {
            out.push(with_placeholders(line));
        }
    }
    out.join("\n") + "\n"
}

fn is_code(line: &str) -> bool {
    let blocks = |c| matches!(c, '\u{2588}' | '\u{2580}' | '\u{2584}' | ' ');
    line.len() > 60 && line.chars().all(blocks)
}

/// Prompts for what differs each time.
const TYPED: [&str; 6] = [
    "row, number and word, ",
    "the four words: ",
    "the five words: ",
    "four result words: ",
    ", the ten words: ",
    " of 20: ",
];

/// What the operators' screen has them say in the call; what follows differs each time.
const SAID: [&str; 3] = ["the id ends with ", "the sheet code ", "say: "];

/// `A row 1` and `    row 2, word 3`: what is read in the call, and the places that are asked for.
fn spoken(line: &str) -> Option<String> {
    if let Some(label) = SAID.iter().find(|label| line.contains(**label)) {
        let (head, _) = line.split_once(label)?;
        return Some(format!("{head}{label}<said>"));
    }
    if line.starts_with("    row ") && line.contains(", word ") {
        return Some("    row <n>, word <n>".to_string());
    }
    let (head, rest) = line.split_once(" row ")?;
    let (number, _) = rest.split_once(' ')?;
    ["  A", "  B"]
        .contains(&head)
        .then(|| format!("{head} row {number}   <words>"))
}

fn with_placeholders(line: &str) -> String {
    let is_row = line.starts_with("row ") && !line.starts_with("row and");
    let typed = is_row || TYPED.iter().any(|prompt| line.contains(prompt));
    if let Some((head, _)) = line.split_once(": ").filter(|_| typed) {
        let head = if head.starts_with("word ") {
            "word <n> of 20"
        } else {
            head
        };
        return format!("{head}: <typed>");
    }
    if let Some(line) = spoken(line) {
        return line;
    }
    if let Some((head, _)) = line.split_once("OPERATOR-A-MEDIUM/") {
        return format!("{head}OPERATOR-A-MEDIUM/<id>/record");
    }
    if let Some((role, _)) = line.split_once(' ').filter(|_| line.contains(" MB free ")) {
        return format!("{role:<12} <free> MB   <device>");
    }
    if let Some((said, _)) = line.split_once("folders in ") {
        return format!("{said}folders in <folder>");
    }
    // A telephone number has groups of four digits too, but not five of them.
    let hex = line
        .split(' ')
        .filter(|word| placeholder(word) == "<hex>")
        .count()
        >= 5;
    let mut numbered = false;
    let words = line.split(' ').map(|word| {
        let replaced = match placeholder(word) {
            _ if numbered && !word.is_empty() => "<word>",
            "<hex>" if !hex => word,
            replaced => replaced,
        };
        let number = word.strip_suffix('.').unwrap_or_default();
        numbered = line.starts_with(' ') && number.parse::<u8>().is_ok();
        match word.split_once('/') {
            Some((_, file)) if replaced == "<id>" => format!("<id>/{file}"),
            _ => replaced.to_string(),
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    // The columns of words are as wide as the words were.
    let is_list = line.contains("<word>");
    if is_list {
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        line
    }
}

fn placeholder(word: &str) -> &str {
    let all = |fits: fn(char) -> bool| word.chars().all(fits);
    match word.len() {
        64 if all(|c| c.is_ascii_hexdigit()) => "<hash>",
        4 if all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)) => "<hex>",
        10 if all(|c| c.is_ascii_digit() || c == '-') => "<date>",
        8 if all(|c| c.is_ascii_digit() || c == ':') => "<time>",
        _ if word.starts_with("REHEARSAL-") => "<id>",
        _ => word,
    }
}
