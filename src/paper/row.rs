//! The same bytes as rows that people can type.
//!
//! A row is `NUMBER GROUPS CHECK`: 25 bytes in base32 (RFC 4648, section 6: no 0, 1, 8 or 9) in 8
//! groups of 5, then a group of 5 for its check. The last row may be shorter, and is filled up with
//! `=` to a multiple of 8. The check is the CRC-24 of RFC 9580, section 6.1, over ceremony, LF,
//! file, LF, the row's number in decimal, LF, and the row's bytes: 24 bits and a zero bit in base32.

use std::fmt;

use data_encoding::{BASE32, BASE32_NOPAD};

use crate::openpgp::crc24;

/// The bytes of a full row.
pub(super) const ROW: usize = 25;

/// The most rows of a file: more than anyone types.
pub(super) const MAX_ROWS: usize = 9999;

/// The letters that a row is made of.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A row that was typed, and fits its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1.
    pub number: usize,
    /// 25, or fewer in a file's last row.
    pub bytes: Vec<u8>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It does not begin with its number.
    Number,
    /// Characters that no row has.
    Character(String),
    /// Too many or too few characters.
    Length,
    /// It does not fit its check; where one other character would make it fit: group, place in the
    /// group, what was typed and what it should be.
    Check(Option<Misread>),
    /// It fits another number: it stands in the wrong place.
    Swapped(usize),
    /// It belongs to another file or ceremony, which is named.
    Elsewhere(String),
}

/// One character that is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misread {
    /// From 1; `None` is the check at the end.
    pub group: Option<usize>,
    /// From 1.
    pub place: usize,
    /// What stands there.
    pub typed: char,
    /// What would fit.
    pub fits: char,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Number => f.write_str("it does not begin with its number"),
            Mistake::Character(found) => {
                write!(f, "{found:?} is in no row: they have A to Z and 2 to 7")
            }
            Mistake::Length => f.write_str("it has too many or too few characters"),
            Mistake::Check(None) => f.write_str(
                "it does not fit its check: more than one character is wrong, or missing",
            ),
            Mistake::Check(Some(misread)) => {
                let Misread {
                    group,
                    place,
                    typed,
                    fits,
                } = misread;
                let group = match group {
                    Some(group) => format!("group {group}"),
                    None => "the check at its end".to_string(),
                };
                write!(
                    f,
                    "it does not fit its check: character {place} of {group} is {typed}, and \
                     would fit as {fits}"
                )
            }
            Mistake::Swapped(number) => write!(f, "what stands there is row {number}"),
            Mistake::Elsewhere(place) => write!(f, "what stands there belongs to {place}"),
        }
    }
}

/// A file's rows as they are printed.
pub fn rows(id: &str, file: &str, data: &[u8]) -> Vec<String> {
    let row = |(number, bytes): (usize, &[u8])| {
        let text = BASE32.encode(bytes);
        let groups: Vec<String> = text
            .as_bytes()
            .chunks(5)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect();
        format!(
            "{number} {} {}",
            groups.join(" "),
            check(id, file, number, bytes)
        )
    };
    (1..).zip(data.chunks(ROW)).map(row).collect()
}

fn check(id: &str, file: &str, number: usize, bytes: &[u8]) -> String {
    let text = format!("{id}\n{file}\n{number}\n");
    let sum = crc24(&[text.as_bytes(), bytes].concat()) << 1;
    [20, 15, 10, 5, 0]
        .map(|shift| char::from(ALPHABET[(sum >> shift) as usize & 31]))
        .iter()
        .collect()
}

/// A row as it was typed, not compared with its check yet.
struct Typed {
    number: usize,
    /// Groups and check in one.
    letters: String,
}

impl Typed {
    /// Small letters and any blanks are fine; 0 is taken for O, 1 for I and 8 for B, because the
    /// letters alone are in use.
    fn read(line: &str) -> Result<Typed, Mistake> {
        let line = line.trim();
        let end = line.find([' ', '\t', ':', '.']).ok_or(Mistake::Number)?;
        let number: usize = line[..end].parse().map_err(|_| Mistake::Number)?;
        if !(1..=MAX_ROWS).contains(&number) {
            return Err(Mistake::Number);
        }
        let mut letters = String::new();
        for c in line[end + 1..]
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '=')
        {
            let letter = match c.to_ascii_uppercase() {
                '0' => 'O',
                '1' => 'I',
                '8' => 'B',
                other => other,
            };
            if !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) {
                return Err(Mistake::Character(c.to_string()));
            }
            letters.push(letter);
        }
        // A row's bytes take 40 characters, or for the last row fewer.
        if letters.len() < 7 || letters.len() > 45 {
            return Err(Mistake::Length);
        }
        Ok(Typed { number, letters })
    }

    /// The bytes, if they fit the check as this row of that file.
    fn fits(&self, id: &str, file: &str, number: usize, letters: &str) -> Option<Vec<u8>> {
        let (text, sum) = letters.split_at(letters.len() - 5);
        let bytes = BASE32_NOPAD.decode(text.as_bytes()).ok()?;
        (check(id, file, number, &bytes) == sum).then_some(bytes)
    }

    /// The one character that could be another one, so that the check fits. With 1395
    /// others to try, a chance fit has odds of 1 in 12 000.
    fn misread(&self, id: &str, file: &str) -> Option<Misread> {
        let mut letters = self.letters.clone().into_bytes();
        for at in 0..letters.len() {
            let typed = letters[at];
            for &fits in ALPHABET {
                letters[at] = fits;
                let text = str::from_utf8(&letters).expect("letters and digits");
                if self.fits(id, file, self.number, text).is_some() {
                    // The check begins a new group, also after a short row.
                    let row = letters.len() - 5;
                    let (group, place) = match at.checked_sub(row) {
                        Some(place) => (None, place),
                        None => (Some(at / 5 + 1), at % 5),
                    };
                    return Some(Misread {
                        group,
                        place: place + 1,
                        typed: char::from(typed),
                        fits: char::from(fits),
                    });
                }
            }
            letters[at] = typed;
        }
        None
    }
}

impl Row {
    /// Reads a typed row of that file. `others` are the further ceremonies and files that are known,
    /// so that a row of theirs can be named.
    ///
    /// # Errors
    /// What is wrong, with the row's number as far as there is one.
    pub fn parse(
        id: &str,
        file: &str,
        line: &str,
        count: usize,
        others: &[(String, String)],
    ) -> Result<Row, (Option<usize>, Mistake)> {
        let typed = Typed::read(line).map_err(|mistake| (leading_number(line), mistake))?;
        let number = typed.number;
        let fail = |mistake| Err((Some(number), mistake));
        if let Some(bytes) = typed.fits(id, file, number, &typed.letters) {
            return match bytes.len() {
                ROW => Ok(Row { number, bytes }),
                _ if number == count => Ok(Row { number, bytes }),
                _ => fail(Mistake::Length),
            };
        }
        let fits = |id: &str, file: &str, at| typed.fits(id, file, at, &typed.letters).is_some();
        if let Some(other) = (1..=count).find(|&other| fits(id, file, other)) {
            return fail(Mistake::Swapped(other));
        }
        let known = others.iter().take(100);
        for (their_id, their_file) in known.filter(|(i, f)| i != id || f != file) {
            if fits(their_id, their_file, number) {
                return fail(Mistake::Elsewhere(format!("{their_file} of {their_id}")));
            }
        }
        if let Some(misread) = typed.misread(id, file) {
            return fail(Mistake::Check(Some(misread)));
        }
        fail(match typed.letters.len() {
            45 => Mistake::Check(None),
            _ if number == count => Mistake::Check(None),
            _ => Mistake::Length,
        })
    }
}

fn leading_number(line: &str) -> Option<usize> {
    let digits: String = line
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "REHEARSAL-2026-01-02-backup-key-0A1B2C3D";
    const OTHER: &str = "2026-01-03-backup-key-0A1B2C3D";

    fn parse(line: &str, count: usize) -> Result<Row, (Option<usize>, Mistake)> {
        let others = [(OTHER, "AB.asc"), (ID, "AC.asc")];
        let others = others.map(|(id, file)| (id.to_string(), file.to_string()));
        Row::parse(ID, "AB.asc", line, count, &others)
    }

    fn data() -> Vec<u8> {
        (0..=255u8)
            .map(|n| n.wrapping_mul(167).wrapping_add(11))
            .collect()
    }

    #[test]
    fn what_is_wrong_with_a_row_is_said() {
        let rows = rows(ID, "AB.asc", &data());
        assert_eq!(rows.len(), 11);
        let mistake = |line: &str| parse(line, rows.len()).expect_err("wrong").1;
        assert_eq!(mistake("MFRGG ZDFMY"), Mistake::Number);
        assert_eq!(mistake("0 MFRGG ZDFMY"), Mistake::Number);
        assert_eq!(mistake("7"), Mistake::Number);
        assert_eq!(mistake("7 MFRG9 ZDFMY"), Mistake::Character("9".into()));
        assert_eq!(
            mistake("7 MFRG\u{e9} ZDFMY"),
            Mistake::Character("\u{e9}".into())
        );
        assert_eq!(mistake("7 MFRGG"), Mistake::Length);
        assert_eq!(mistake(&format!("{}A", rows[3])), Mistake::Length);
        assert_eq!(mistake(&rows[3].replacen(" ", " A", 1)), Mistake::Length);
        let swapped = rows[3].replacen('4', "9", 1);
        assert_eq!(mistake(&swapped), Mistake::Swapped(4));
        let elsewhere = super::rows(OTHER, "AB.asc", &data());
        assert_eq!(
            mistake(&elsewhere[3]),
            Mistake::Elsewhere(format!("AB.asc of {OTHER}"))
        );
        let two = [(2, 'X'), (17, 'Q')]
            .iter()
            .fold(rows[3].clone(), |row, (at, c)| {
                let mut row: Vec<char> = row.chars().collect();
                row[*at] = if row[*at] == *c { 'A' } else { *c };
                row.into_iter().collect()
            });
        assert_eq!(mistake(&two), Mistake::Check(None));
    }

    #[test]
    fn zero_one_and_eight_are_taken_for_the_letters_that_they_look_like() {
        for row in rows(ID, "AB.asc", &data()) {
            let (number, text) = row.split_once(' ').expect("a number");
            let like = text.replace('O', "0").replace('I', "1").replace('B', "8");
            let typed = format!(" {number}:  {} ", like.to_lowercase().replace(' ', "\t"));
            assert_eq!(parse(&typed, 11), parse(&row, 11), "{typed}");
            assert!(parse(&row, 11).is_ok());
        }
    }

    #[test]
    fn every_wrong_character_is_found_and_named() {
        let all = rows(ID, "AB.asc", &data());
        for row in [&all[0], &all[10]] {
            let first = row.find(' ').expect("a number") + 1;
            for (at, right) in row
                .char_indices()
                .skip(first)
                .filter(|(_, c)| c.is_alphanumeric())
            {
                let wrong = if right == 'X' { 'Y' } else { 'X' };
                let mut typed = row.clone();
                typed.replace_range(at..=at, &wrong.to_string());
                let (number, mistake) = parse(&typed, 11).expect_err("one is wrong");
                assert_eq!(number, leading_number(row));
                let Mistake::Check(Some(misread)) = mistake else {
                    panic!("{typed}: {mistake}");
                };
                assert_eq!((misread.typed, misread.fits), (wrong, right), "{typed}");
                let groups: Vec<&str> = typed.split(' ').collect();
                let group = groups[misread.group.unwrap_or(groups.len() - 1)];
                assert_eq!(group.chars().nth(misread.place - 1), Some(wrong), "{typed}");
            }
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_are_printed(data in prop::collection::vec(any::<u8>(), 1..300)) {
            let rows = rows(ID, "AB.asc", &data);
            let mut read = Vec::new();
            for row in &rows {
                read.extend(parse(row, rows.len()).expect("as printed").bytes);
            }
            prop_assert_eq!(read, data);
        }

        #[test]
        fn garbage_is_refused_without_a_panic(line in "[0-9]{0,3}[ A-Z2-7=\u{e9}]{0,60}") {
            prop_assert!(parse(&line, 9).is_err());
        }
    }
}
