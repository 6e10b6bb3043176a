//! What is typed back from a sheet, to see that the paper says what it should.
//!
//! Each is a row that is on the paper, and on no page of the screen.

/// Something that is read from paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is asked for, in words.
    pub what: String,
    /// What stands there.
    answer: Vec<String>,
}

impl Asked {
    /// Whether that was typed. Capitals and blanks do not matter; in groups of letters and digits 0, 1
    /// and 8 are read as O, I and B, which no group has.
    pub fn is(&self, typed: &str) -> bool {
        let typed: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let read = |group: &String| group.replace('0', "o").replace('1', "i").replace('8', "b");
        typed == self.answer || typed.iter().map(read).collect::<Vec<_>>() == self.answer
    }
}

/// Words in a row of a fingerprint sheet.
const ROW: usize = 4;

/// The rows of words for the certificate file, of the text of a fingerprint sheet: their words are in
/// no other place.
pub fn certificate_rows(words: &[&str]) -> Vec<Asked> {
    let rows = words.chunks(ROW).enumerate();
    rows.map(|(at, row)| Asked {
        what: format!("row {} of the certificate file's words", at + 1),
        answer: row.iter().map(|word| word.to_lowercase()).collect(),
    })
    .collect()
}

/// The check groups of the rows on each page of recovery sheets (docs/paper-backup.md, "The rows");
/// none for a page without rows.
pub fn recovery_rows(pages: &[Vec<String>]) -> Vec<Vec<Asked>> {
    let mut file = String::new();
    let mut of_page = |lines: &Vec<String>| {
        let mut rows = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["FILE", name, _, _] => file = name.to_string(),
                [number, .., check] if is_row(number, check, &words) && !file.is_empty() => {
                    rows.push(Asked {
                        what: format!("the last group of row {number} of {file}"),
                        answer: vec![check.to_lowercase()],
                    });
                }
                _ => {}
            }
        }
        rows
    };
    pages.iter().map(&mut of_page).collect()
}

/// A number, groups of base32, and a check of five characters.
fn is_row(number: &str, check: &str, words: &[&str]) -> bool {
    let base32 = |c: char| matches!(c, 'A'..='Z' | '2'..='7' | '=');
    words.len() > 2
        && number.parse::<u32>().is_ok()
        && check.len() == 5
        && words[1..].iter().all(|word| word.chars().all(base32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_typed_as_it_stands_or_not() {
        let words = ["Crackdown", "asteroid", "dogsled", "maverick", "skydive"];
        let rows = certificate_rows(&words);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].what, "row 2 of the certificate file's words");
        assert!(rows[0].is("  crackdown ASTEROID dogsled maverick"));
        for wrong in [
            "",
            "crackdown asteroid dogsled",
            "asteroid crackdown dogsled maverick",
        ] {
            assert!(!rows[0].is(wrong), "{wrong}");
        }
    }

    #[test]
    fn rows_belong_to_the_file_whose_name_stands_above_even_on_the_page_before() {
        let page = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
        let pages = [
            page(
                "RECOVERY SHEET\n    mkdir -p revocation\nFILE payload.asc 3 f0029000\n   1 YMXAI CIDBB  3PIZE",
            ),
            page("Sheet code ABCD, page 2 of 3\n   2 OIB67 CIDBB  OIBBE\n\n   3 YM======  7PIZE"),
            page("1. Put the words in\n   gpg --decrypt AB.asc"),
        ];
        let rows = recovery_rows(&pages);
        let counts: Vec<usize> = rows.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 2, 0]);
        assert_eq!(rows[1][0].what, "the last group of row 2 of payload.asc");
        assert!(rows[1][0].is("01bbe") && rows[1][0].is("oi8be"));
        assert!(!rows[1][0].is("3PIZE"));
    }
}
