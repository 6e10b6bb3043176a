//! Text that others wrote, made harmless: it shows what is there, and can do nothing else.
//!
//! Signs of markup become entities. What a reader cannot see, or what moves other text about
//! (control characters, bidirectional marks, blank letters, heaps of accents), is written out as
//! `\u{202e}`, and a backslash as two, so that nobody can write such a code themselves.

use std::borrow::Cow;

/// Accents that one letter may carry; a heap of them would cover the lines above and below.
const MARKS: usize = 3;

/// The beginning of a text, and how many characters were left out after it.
pub struct Cut<'a> {
    /// As much of the text as fits.
    pub kept: &'a str,
    /// Characters left out; 0 where nothing was.
    pub left_out: usize,
}

/// Cuts a text after `most` characters.
pub fn cut(text: &str, most: usize) -> Cut<'_> {
    let at = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(at, _)| at);
    let (kept, rest) = text.split_at(at);
    Cut {
        kept,
        left_out: rest.chars().count(),
    }
}

/// The text for HTML, between tags or in an attribute with double quotes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for each in text.chars() {
        let mark = is_mark(each);
        marks = if mark { marks + 1 } else { 0 };
        match each {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\\' => out.push_str("\\\\"),
            _ if marks > MARKS || !(mark || is_shown(each)) => {
                out.push_str(&each.escape_unicode().to_string());
            }
            _ => out.push(each),
        }
    }
    out
}

/// The text for lines of one width on any printer: letters of western Europe as they are, all else
/// that is not ASCII is written out, and a backslash is two.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(each),
            '\u{a1}'..='\u{ff}' if each != '\u{ad}' => out.push(each),
            _ => out.push_str(&each.escape_unicode().to_string()),
        }
    }
    out
}

/// A letter's accent or the like. The standard library spells it out alone, but not after a letter.
fn is_mark(each: char) -> bool {
    if each.is_ascii() || is_blank(each) || each.escape_debug().count() == 1 {
        return false;
    }
    let after_letter = format!("a{each}");
    after_letter.escape_debug().eq(after_letter.chars())
}

/// Whether a person sees it as what it is. The standard library's table leaves out controls,
/// formats (the bidirectional marks among them), private and unassigned characters.
fn is_shown(each: char) -> bool {
    matches!(each, ' '..='~')
        || (!each.is_ascii() && !is_blank(each) && each.escape_debug().count() == 1)
}

/// Letters and marks that show nothing (Unicode: `Default_Ignorable_Code_Point`), and the empty
/// pattern of Braille: the standard library counts them as printable.
fn is_blank(each: char) -> bool {
    matches!(
        each,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Bytes as text; what is no UTF-8 is spelt out, `\xff`, with a word that it is.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => format!("(not UTF-8) {}", bytes.escape_ascii()).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what [`escape`] writes.
    fn unescape(text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(each) = rest.chars().next() {
            let (read, length) = match each {
                '&' => {
                    let end = rest.find(';')?;
                    let read = match &rest[..=end] {
                        "&amp;" => '&',
                        "&lt;" => '<',
                        "&gt;" => '>',
                        "&quot;" => '"',
                        "&#39;" => '\'',
                        _ => return None,
                    };
                    (read, end + 1)
                }
                '\\' if rest.starts_with("\\\\") => ('\\', 2),
                '\\' => {
                    let end = rest.find('}')?;
                    let digits = rest[..end].strip_prefix("\\u{")?;
                    let code = u32::from_str_radix(digits, 16).ok()?;
                    (char::from_u32(code)?, end + 1)
                }
                '<' | '>' | '"' | '\'' => return None,
                _ => (each, each.len_utf8()),
            };
            out.push(read);
            rest = &rest[length..];
        }
        Some(out)
    }

    #[test]
    fn what_cannot_be_seen_is_spelt_out() {
        for (hostile, shown) in [
            (
                "<script>alert('x')</script>",
                "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
            ),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("&lt;", "&amp;lt;"),
            ("a\u{202e}b", "a\\u{202e}b"),
            (
                "\u{2066}\u{2069}\u{200f}\u{feff}\u{200b}",
                "\\u{2066}\\u{2069}\\u{200f}\\u{feff}\\u{200b}",
            ),
            (
                "\u{1b}[2J\0\r\n\t\u{7f}\u{85}",
                "\\u{1b}[2J\\u{0}\\u{d}\\u{a}\\u{9}\\u{7f}\\u{85}",
            ),
            (
                "\u{2028}\u{2029}\u{a0}\u{ad}",
                "\\u{2028}\\u{2029}\\u{a0}\\u{ad}",
            ),
            (
                "\u{3164}\u{115f}\u{2800}\u{e0041}\u{fe0f}",
                "\\u{3164}\\u{115f}\\u{2800}\\u{e0041}\\u{fe0f}",
            ),
            ("\u{e000}\u{fffff}\u{ffff}", "\\u{e000}\\u{fffff}\\u{ffff}"),
            ("\\u{202e}", "\\\\u{202e}"),
            (
                "e\u{301}\u{301}\u{301}\u{301}",
                "e\u{301}\u{301}\u{301}\\u{301}",
            ),
        ] {
            assert_eq!(escape(hostile), shown, "{hostile:?}");
        }
    }

    #[test]
    fn names_of_people_stay_as_they_are() {
        for name in [
            "Zoë Müller <z@example.org>"
                .split('<')
                .next()
                .expect("a name"),
            "Łukasz Żółć",
            "Иван",
            "משה",
            "فاطمة",
            "王小明",
            "e\u{301}",
            "หมู่บ้าน",
        ] {
            assert_eq!(escape(name), name);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(10);
        let short = cut(&text, 4);
        assert_eq!((short.kept, short.left_out), ("éééé", 6));
        for most in [10, 11] {
            assert_eq!(
                (cut(&text, most).kept, cut(&text, most).left_out),
                (&*text, 0)
            );
        }
        assert_eq!(cut("", 0).left_out, 0);
    }

    #[test]
    fn bytes_that_are_no_text_are_spelt_out() {
        assert_eq!(text("é".as_bytes()), "é");
        assert_eq!(text(b"a\xff<"), "(not UTF-8) a\\xff<");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            prop_assert_eq!(unescape(&escape(&text)), Some(text));
        }

        #[test]
        fn any_characters_come_back(text in proptest::collection::vec(any::<char>(), 0..60)) {
            let text: String = text.into_iter().collect();
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(escaped.chars().all(|c| !c.is_control()));
            prop_assert_eq!(unescape(&escaped), Some(text));
        }
    }
}
