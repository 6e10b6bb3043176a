//! The plain form of a plan: what a check with POSIX tools can read without a TOML parser.
//!
//! TOML allows the same plan to be written in many ways. A plan that is held, and so becomes
//! part of a record, is written in one: a key and its value to a line, tables by their headers,
//! texts in double quotes without escapes, decimal numbers, lists of single letters, `true` and
//! `false`.
//! `docs/record-format.md` describes it; `scripts/verify-record` reads it.

/// The only table headers.
const TABLES: [&str; 5] = ["[plan]", "[key]", "[backup]", "[[phase]]", "[[phase.step]]"];

/// The first line, from 1, that is not of the plain form.
pub(super) fn first_odd_line(source: &str) -> Option<usize> {
    let odd = source.split('\n').position(|line| !is_plain(line));
    odd.map(|index| index + 1)
}

fn is_plain(line: &str) -> bool {
    if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
        return false;
    }
    let line = line.trim_start_matches(BLANKS);
    if line.starts_with('[') {
        return TABLES.contains(&without_comment(line));
    }
    ends(line) || is_setting(line)
}

const BLANKS: [char; 2] = [' ', '\t'];

fn without_comment(line: &str) -> &str {
    let end = line.find('#').unwrap_or(line.len());
    line[..end].trim_end_matches(BLANKS)
}

/// Nothing but blanks and a comment.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start_matches(BLANKS);
    rest.is_empty() || rest.starts_with('#')
}

fn is_setting(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let key = key.trim_end_matches(BLANKS);
    let named = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let value = value.trim_start_matches(BLANKS);
    named && after_value(value).is_some_and(ends)
}

/// What follows a text, a number, a list of letters, `true` or `false`; `None` if there is none
/// of them.
fn after_value(value: &str) -> Option<&str> {
    if let Some(text) = value.strip_prefix('"') {
        let (inside, rest) = text.split_once('"')?;
        return (!inside.contains('\\')).then_some(rest);
    }
    if let Some(list) = value.strip_prefix('[') {
        let (inside, rest) = list.split_once(']')?;
        let members = inside.split(',').map(|m| m.trim_matches(BLANKS));
        let empty = inside.trim_matches(BLANKS).is_empty();
        return (empty || members.into_iter().all(is_letter)).then_some(rest);
    }
    for word in ["true", "false"] {
        if let Some(rest) = value.strip_prefix(word) {
            return Some(rest);
        }
    }
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number = &value[..digits];
    let plain = number == "0" || ((1..9).contains(&digits) && !number.starts_with('0'));
    plain.then_some(&value[digits..])
}

fn is_letter(member: &str) -> bool {
    let mut chars = member.chars();
    let quoted = [chars.next(), chars.next(), chars.next(), chars.next()];
    matches!(quoted, [Some('"'), Some('A'..='Z'), Some('"'), None])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ways_of_writing_toml_are_odd() {
        for odd in [
            "step = [",
            "minutes = +5",
            "minutes = 0x10",
            "minutes = 05",
            "minutes = 1_000",
            "title = 'single'",
            "title = \"a\\tb\"",
            "title = \"a\" x",
            "\"title\" = \"a\"",
            "plan.title = \"a\"",
            "title = \"a\"\r",
            "[ plan ]",
            "[plan] x",
            "[[phase.step.more]]",
            "absent = [\"CD\"]",
            "absent = [\"C\",]",
            "tokens = True",
            "tokens = truely",
            "tokens = true false",
            "key = { profile = \"modern\" }",
            "words",
        ] {
            assert_eq!(
                first_odd_line(&format!("# fine\n{odd}\n")),
                Some(2),
                "{odd}"
            );
        }
    }

    #[test]
    fn the_plain_form_is_plain() {
        let plain = "# a plan\n\n[plan] # head\nid = \"a#b\" # c\n  minutes=4\n\
                     absent = []\ntokens = true# c\nopen =false\nauthorise = [ \"A\" , \"B\" ]\n[[phase.step]]\n";
        assert_eq!(first_odd_line(plain), None);
        for carried in super::super::carried() {
            assert_eq!(first_odd_line(carried.source), None, "{}", carried.name);
        }
    }
}
