//! The test page: edges, all characters, full lines, a full page, and a code that stands nowhere else.

use super::COLUMNS;

/// Lines of the page: a full one at six to the inch, with the margins that printers keep.
const LINES: usize = 58;

/// Random bytes that a code takes: eight characters of five bits.
pub const CODE_BYTES: usize = 5;

/// What fits between the numbers of a line.
const INSIDE: usize = COLUMNS - 9;

/// How wide the labels before the characters are.
const LABEL: usize = 12;

/// One page with its code. The code is never shown on a screen.
pub struct TestPage {
    code: String,
}

impl TestPage {
    /// A page with the code that these random bytes make.
    pub fn new(random: [u8; CODE_BYTES]) -> TestPage {
        const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = random
            .iter()
            .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let character = |at: u32| char::from(CROCKFORD[((bits >> (35 - 5 * at)) & 31) as usize]);
        TestPage {
            code: (0..8).map(character).collect(),
        }
    }

    /// Whether this is the code, typed from paper: small letters, blanks and hyphens are fine, and O, I
    /// and L are read as 0 and 1, since no code has them.
    pub fn is_code(&self, typed: &str) -> bool {
        let plain = typed.chars().filter(|c| !matches!(c, ' ' | '-'));
        let read = plain.map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        });
        read.collect::<String>() == self.code
    }

    /// The page: 58 lines of at most 78 columns.
    pub fn text(&self) -> String {
        let mut lines = vec![
            "TEST PAGE".to_string(),
            "Two operators look at this page. All is well if".to_string(),
            "- the frame is whole on all four sides, and each line in it has its number,"
                .to_string(),
            "- the characters below are all there, and can be told from each other.".to_string(),
            String::new(),
        ];
        for (label, range) in [
            ("Digits", '0'..='9'),
            ("Letters", 'A'..='Z'),
            ("", 'a'..='z'),
        ] {
            let all: Vec<String> = range.map(String::from).collect();
            lines.push(format!("{label:LABEL$}{}", all.join(" ")));
        }
        let signs = (' '..='~').filter(|c| c.is_ascii_punctuation());
        let signs: Vec<String> = signs.map(String::from).collect();
        lines.push(format!("{:LABEL$}{}", "Signs", signs.join(" ")));
        lines.push(format!(
            "{:LABEL$}0 O o   1 I l |   5 S   8 B   2 Z   rn m   ' ` \"",
            "Look alike"
        ));
        lines.push(String::new());
        let edge = format!("+{}+", "-".repeat(COLUMNS - 2));
        lines.push(edge.clone());
        let (code, instruction) = (self.spaced(), "Check code. It is typed from this page:");
        // From the frame's first line to the one before its last.
        while lines.len() < LINES - 1 {
            let number = lines.len() + 1;
            let inside = match LINES - number {
                6 => format!("      {instruction}"),
                4 => format!("      {code}"),
                left if left > 10 && left % 5 == 0 => "0123456789".repeat(7)[..INSIDE].to_string(),
                _ => String::new(),
            };
            lines.push(format!("|{number:>3} {inside:<INSIDE$} {number:>2}|"));
        }
        lines.push(edge);
        lines.join("\n") + "\n"
    }

    fn spaced(&self) -> String {
        let (first, last) = self.code.split_at(4);
        format!("{first} {last}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_code_on_the_paper_fits() {
        let page = TestPage::new([0x01, 0x23, 0x45, 0x67, 0x89]);
        assert_eq!(page.code, "04HMASW9");
        for typed in ["04HM ASW9", "04hmasw9", " o4hm-asw9 "] {
            assert!(page.is_code(typed), "{typed}");
        }
        for typed in ["", "04HM", "04HMASW8", "04HMASW90", "04HM ASW9 04HM ASW9"] {
            assert!(!page.is_code(typed), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn the_page_is_full_and_its_code_stands_on_it_once(random: [u8; CODE_BYTES]) {
            let page = TestPage::new(random);
            let text = page.text();
            prop_assert_eq!(text.lines().count(), LINES);
            prop_assert_eq!(text.lines().map(str::len).max(), Some(COLUMNS));
            for c in '!'..='~' {
                prop_assert!(text.contains(c), "{}", c);
            }
            let spaced = page.spaced();
            prop_assert_eq!(text.matches(&spaced).count(), 1);
            prop_assert!(page.is_code(&spaced));
            let last: Vec<&str> = text.lines().skip(50).collect();
            prop_assert!(last.iter().any(|line| line.contains(&spaced)), "near the foot");
        }
    }
}
