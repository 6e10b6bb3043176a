//! What came out of the printer, and what people read on it: lines of plain text.

/// All pages so far, in their order.
pub struct Paper(pub String);

impl Paper {
    /// What a question wants to have typed from the paper; `None` if it is not about paper.
    pub fn answer(&self, question: &str) -> Option<String> {
        let wanted = question.strip_prefix("Type ")?.trim_end_matches([':', ' ']);
        let words: Vec<&str> = wanted.split(' ').collect();
        match words[..] {
            ["the", "check", "code"] => Some(self.code()),
            ["row", row, "of", "the", "certificate", "file's", "words"] => Some(self.words(row)),
            ["the", "last", "group", "of", "row", row, "of", file] => Some(self.group(row, file)),
            _ => None,
        }
    }

    /// The lines below the last one that begins so.
    fn below(&self, begin: &str) -> Vec<&str> {
        let lines: Vec<&str> = self.0.lines().map(str::trim_end).collect();
        let at = lines.iter().rposition(|line| line.starts_with(begin));
        let at = at.unwrap_or_else(|| panic!("no line begins with {begin:?}:\n{}", self.0));
        lines[at + 1..].to_vec()
    }

    /// In the frame of the last test page, below the line that announces it.
    fn code(&self) -> String {
        let frame = self.below("+---").len();
        let lines: Vec<&str> = self.0.lines().collect();
        let above = &lines[..lines.len() - frame];
        let announced = above.iter().rposition(|line| line.contains("Check code"));
        let below = &above[announced.expect("a test page") + 1..];
        let mut inside = below.iter().filter_map(|line| line.get(5..40));
        let code = inside.find(|inside| !inside.trim().is_empty());
        code.expect("a code").trim().to_string()
    }

    fn words(&self, row: &str) -> String {
        let row: usize = row.parse().expect("a number");
        let words = self.below("The certificate file")[row - 1].split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    fn group(&self, row: &str, file: &str) -> String {
        let rows = self.below(&format!("FILE {file} "));
        let mut rows = rows.iter().map(|line| line.split_whitespace());
        let mut row = rows.find(|words| words.clone().next() == Some(row));
        let group = row.as_mut().and_then(|words| words.next_back());
        group.expect("there is such a row").to_string()
    }
}
