//! A piece of a file, as one QR code says it.

use super::{PaperError, is_file_name, is_id, short_hash};

/// The most bytes of one code: version 22 with error correction M (ISO/IEC 18004, table 7), 105
/// modules. Four such codes stand side by side on A4 with modules of 0.46 mm.
pub(super) const MAX_PAYLOAD: usize = 779;

/// The most parts of a file.
const MAX_PARTS: usize = 99;

/// What every code begins with; the number is the format's.
const MARK: &str = "CEREMONY-PAPER 1 ";

/// One part: some whole lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The ceremony.
    pub id: String,
    /// The file's name, with `revocation/` before it where it lies there.
    pub file: String,
    /// Counted from 1.
    pub part: usize,
    /// How many there are.
    pub of: usize,
    /// The lines, the last with its line feed.
    pub text: String,
}

impl Part {
    /// Cuts a text of whole lines into as few parts as fit their codes.
    ///
    /// # Errors
    /// [`PaperError::TooLong`] for more than 99 parts or a line that fits no code.
    pub fn cut(id: &str, file: &str, text: &str) -> Result<Vec<Part>, PaperError> {
        // What stands before the text, with the largest numbers.
        let before = MARK.len() + id.len() + file.len() + " 99/99 01234567\n".len() + 1;
        let room = MAX_PAYLOAD.saturating_sub(before);
        let mut texts: Vec<String> = Vec::new();
        for line in text.split_inclusive('\n') {
            match texts.last_mut() {
                // The code leaves out the last line feed.
                Some(last) if last.len() + line.len() <= room + 1 => last.push_str(line),
                _ if line.len() <= room + 1 => texts.push(line.to_string()),
                _ => return Err(PaperError::TooLong(file.to_string())),
            }
        }
        if texts.len() > MAX_PARTS {
            return Err(PaperError::TooLong(file.to_string()));
        }
        let of = texts.len();
        let part = |(part, text)| Part {
            id: id.to_string(),
            file: file.to_string(),
            part,
            of,
            text,
        };
        Ok((1..).zip(texts).map(part).collect())
    }

    /// What the code says. The text's last line feed is left out: `zbarimg --raw` puts one after
    /// each code.
    pub fn payload(&self) -> String {
        let text = self.text.strip_suffix('\n').unwrap_or(&self.text);
        format!("{}\n{text}", self.first_line())
    }

    /// What stands before the text.
    fn first_line(&self) -> String {
        let Part {
            id,
            file,
            part,
            of,
            text,
        } = self;
        format!(
            "{MARK}{id} {file} {part}/{of} {}",
            short_hash(text.as_bytes())
        )
    }

    /// Whether a line begins a part.
    pub fn begins(line: &str) -> bool {
        line.starts_with("CEREMONY-PAPER ")
    }

    /// Reads what a code says; line feeds at the end do not matter.
    ///
    /// # Errors
    /// [`PaperError::NotAPart`], or [`PaperError::Damaged`] where the check does not fit the text.
    pub fn parse(payload: &str) -> Result<Part, PaperError> {
        let bad = || PaperError::NotAPart(shown(payload));
        let (first, text) = payload.split_once('\n').ok_or_else(bad)?;
        let text = format!("{}\n", text.trim_end_matches('\n'));
        let fields: Vec<&str> = first
            .strip_prefix(MARK)
            .ok_or_else(bad)?
            .split(' ')
            .collect();
        let [id, file, number, check] = fields[..] else {
            return Err(bad());
        };
        let (part, of) = number.split_once('/').ok_or_else(bad)?;
        let (part, of) = (count(part).ok_or_else(bad)?, count(of).ok_or_else(bad)?);
        if !is_id(id) || !is_file_name(file) || part > of {
            return Err(bad());
        }
        let found = Part {
            id: id.to_string(),
            file: file.to_string(),
            part,
            of,
            text,
        };
        if check != short_hash(found.text.as_bytes()) {
            return Err(PaperError::Damaged {
                file: found.file,
                part,
                of,
            });
        }
        Ok(found)
    }
}

/// 1 to 99, written in one way only.
fn count(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    let plain = number.to_string() == text;
    (plain && (1..=MAX_PARTS).contains(&number)).then_some(number)
}

/// The first line of what was found, printable and short.
pub(super) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    crate::printable(line, 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "REHEARSAL-2026-01-02-backup-key-0A1B2C3D";

    #[test]
    fn what_is_not_exactly_a_part_is_refused() {
        let part = &Part::cut(ID, "AB.asc", "one\ntwo\n").expect("short")[0];
        let good = part.payload();
        assert_eq!(Part::parse(&good).as_ref(), Ok(part));
        for (from, to) in [
            ("PAPER 1", "PAPER 2"),
            (ID, "2026-01-02"),
            ("AB.asc", "../AB.asc"),
            ("AB.asc", "AB.asc AB.asc"),
            ("1/1", "0/1"),
            ("1/1", "2/1"),
            ("1/1", "01/1"),
            ("1/1", "+1/1"),
            ("1/1", "1/100"),
            ("1/1", "1"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(
                matches!(Part::parse(&bad), Err(PaperError::NotAPart(_))),
                "{bad}"
            );
        }
        for (from, to) in [("one", "One"), ("one\n", ""), ("two", "two\nthree")] {
            let damaged = Part::parse(&good.replacen(from, to, 1));
            assert!(
                matches!(damaged, Err(PaperError::Damaged { part: 1, .. })),
                "{from}"
            );
        }
    }

    #[test]
    fn a_line_that_fits_no_code_is_refused() {
        let text = format!("{}\n", "x".repeat(MAX_PAYLOAD));
        assert!(matches!(
            Part::cut(ID, "AB.asc", &text),
            Err(PaperError::TooLong(_))
        ));
        let many = format!("{}\n", "y".repeat(600)).repeat(MAX_PARTS + 1);
        assert!(matches!(
            Part::cut(ID, "AB.asc", &many),
            Err(PaperError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn parts_fit_their_codes_and_make_the_text(lines in prop::collection::vec("[ -~]{1,64}", 1..200)) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let parts = Part::cut(ID, "revocation/payload.asc", &text).expect("not too long");
            let mut whole = String::new();
            for part in &parts {
                let payload = part.payload();
                prop_assert!(payload.len() <= MAX_PAYLOAD);
                let read = Part::parse(&payload);
                prop_assert_eq!(read.as_ref(), Ok(part));
                whole.push_str(&part.text);
            }
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn garbage_is_refused_without_a_panic(text in "(CEREMONY-PAPER 1 )?[ -~\n/]{0,200}") {
            prop_assert!(Part::parse(&text).is_err());
        }
    }
}
