//! Two people who read the screen, write on paper, and type what they have on paper.

use std::collections::BTreeMap;

use super::{ALTERNATE, Asked, ERASE, Terminal, Turn, on_screen};

/// Something that somebody types once instead of the answer.
pub struct Deed {
    /// The question begins with this ...
    pub question: &'static str,
    /// ... on a page whose title begins with this.
    pub title: &'static str,
    /// The keys.
    pub keys: &'static str,
}

impl Deed {
    fn fits(&self, asked: &Asked) -> bool {
        asked.question.starts_with(self.question) && asked.title.starts_with(self.title)
    }
}

/// An operator's YubiKey, and what its owner knows of it.
pub struct Token {
    pub serial: u32,
    pub pin: &'static str,
    pub puk: &'static str,
}

/// Operators A and B, who also hold C's two half cards.
#[derive(Default)]
pub struct People {
    pub passphrases: [String; 2],
    /// What each has in hand instead of a passphrase.
    pub tokens: [Option<Token>; 2],
    /// Cards by the name of the share: `A's share`.
    pub cards: BTreeMap<String, Vec<String>>,
    /// Cards that were written again, and torn up.
    pub torn: Vec<Vec<String>>,
    card_in_hand: String,
    /// The fingerprint on paper: rows of digits, and words.
    rows: Vec<String>,
    pub words: Vec<String>,
    /// The last head's ten words, on the checklist.
    pub head: String,
    /// The operators' fingerprints, from the roll-call page.
    pub operators: Vec<String>,
    /// The last fingerprint of an operator's own, copied row by row.
    own_rows: Vec<String>,
    /// What is done at the first question that fits, in any order.
    pub deeds: Vec<Deed>,
    /// What happened when the deeds were done: the question, and what came of it.
    pub done: Vec<String>,
    /// The question was not answered: it comes again below, and the page scrolls.
    again: bool,
    /// Ends the session when this question comes: nobody answers it.
    pub until: Option<&'static str>,
    /// What is done with sticks and the like, before anybody else thinks of an answer.
    pub hands: Option<Hands>,
}

/// What is typed at this question after something was done with the hands.
pub type Hands = Box<dyn FnMut(&Asked) -> Option<String>>;

impl People {
    pub fn new() -> People {
        People {
            passphrases: ["amber kettle seven ropes", "violet anchor two rivers"].map(String::from),
            ..People::default()
        }
    }

    /// The key was given up: what they copied of it goes.
    pub fn forget_fingerprint(&mut self) {
        self.rows.clear();
        self.words.clear();
    }

    /// Plays to the end; returns the exit code.
    pub fn play(&mut self, terminal: &mut Terminal) -> Option<i32> {
        let mut expected = Echo::Nothing;
        loop {
            let asked = match terminal.turn() {
                Turn::Ended(code) => return Some(code),
                Turn::Asked(asked) => asked,
            };
            expected.check(&asked.text);
            self.look(&asked);
            if self
                .until
                .is_some_and(|end| asked.question.starts_with(end))
            {
                return None;
            }
            let keys = self.keys(&asked);
            expected = Echo::of(&asked, &keys);
            terminal.press(&format!("{keys}\r"));
        }
    }

    /// Reads the page, and says what is typed.
    pub fn answer(&mut self, asked: &Asked) -> String {
        self.look(asked);
        self.keys(asked)
    }

    /// Reads the page and copies what is to be copied.
    pub(super) fn look(&mut self, asked: &Asked) {
        let page = on_screen(&asked.text);
        self.again &= !asked.new_page;
        // Where no half blocks can be drawn, a code for a camera is higher than the screen.
        let code = |line: &str| line.len() > 20 && line.chars().all(|c| c == '#' || c == ' ');
        let has_code = page.lines().any(code);
        assert!(
            self.again || has_code || asked.lines <= 24,
            "{} lines do not fit:\n{page}",
            asked.lines
        );
        // The first line is what was typed before.
        let mut lines = page.lines().skip(1);
        assert!(
            lines.all(|line| line.chars().count() <= 80),
            "too wide:\n{page}"
        );
        let named_in_title = ["Operator A", "Operator B", "Custodian"];
        if let Some(name) = named_in_title.iter().find(|n| asked.title.starts_with(**n)) {
            assert_eq!(asked.who, name.to_uppercase(), "{page}");
        }
        match asked.title.as_str() {
            "The operators of this ceremony" => self.operators.extend(fingerprints(&page)),
            "Operator A copies" | "Operator B copies" => self.own_rows = rows(&page),
            "The fingerprint in digits" => self.rows.extend(rows(&page)),
            "The fingerprint in words" => self.words.extend(numbered(&page)),
            "The head of the record" if asked.new_page => self.head = numbered(&page).join(" "),
            _ => {}
        }
        if let Some((_, secret)) = asked.text.split_once(ALTERNATE) {
            let (_, name) = asked.title.split_once(" alone: ").expect("whose it is");
            let card = numbered(&on_screen(secret));
            assert_eq!(card.len(), 12, "{name}");
            assert!(asked.who.ends_with(", ALONE"), "{}", asked.who);
            self.card_in_hand = name.to_string();
            let torn = self.cards.insert(name.to_string(), card);
            self.torn.extend(torn);
        }
    }

    /// Whether somebody does something else than answer this.
    pub(super) fn has_deed(&self, asked: &Asked) -> bool {
        self.deeds.iter().any(|deed| deed.fits(asked))
    }

    /// What the owner of a token types: about the token, and whatever it is asked for.
    fn about_token(&self, asked: &Asked) -> Option<String> {
        let question = asked.question.as_str();
        if question.starts_with("row ") && asked.title.ends_with("types it back") {
            return Some(self.own_rows[number_after(question, "row ")? - 1].clone());
        }
        let b = asked.who == "OPERATOR B" || question.starts_with("Operator B");
        let token = self.tokens[usize::from(b)].as_ref()?;
        let typed = match question {
            q if q.contains("how do you sign") => "1",
            q if q.starts_with("The number on its back") => return Some(token.serial.to_string()),
            q if q.starts_with("new PIN") || q.contains("your PIN") => token.pin,
            q if q.contains("the PIN of this YubiKey") => token.pin,
            q if q.starts_with("new PUK") => token.puk,
            q if q.starts_with("the same again") && asked.title.ends_with("a PIN") => token.pin,
            q if q.starts_with("the same again") && asked.title.ends_with("a PUK") => token.puk,
            _ => return None,
        };
        Some(typed.to_string())
    }

    /// What somebody types.
    pub(super) fn keys(&mut self, asked: &Asked) -> String {
        if let Some(at) = self.deeds.iter().position(|deed| deed.fits(asked)) {
            let deed = self.deeds.remove(at);
            self.again = true;
            self.done
                .push(format!("{} / {}", asked.title, asked.question));
            return deed.keys.to_string();
        }
        let question = asked.question.as_str();
        let place = |word: &str| number_after(question, word).expect("a number") - 1;
        if let Some(keys) = self.hands.as_mut().and_then(|hands| hands(asked)) {
            return keys;
        }
        if let Some(keys) = self.about_token(asked) {
            return keys;
        }
        match question {
            q if q.contains("Type your letter, A") => "A".to_string(),
            q if q.contains("Type your letter, B") => "B".to_string(),
            q if q.starts_with("new passphrase") || q.starts_with("the same again") => {
                self.passphrases[usize::from(asked.who == "OPERATOR B")].to_string()
            }
            q if q.starts_with("Operator A, type your pass") => self.passphrases[0].to_string(),
            q if q.starts_with("Operator B, type your pass") => self.passphrases[1].to_string(),
            q if q.contains(", the ten words") => self.head.clone(),
            q if asked.title.ends_with("own sheet of paper") => {
                self.words[number_after(q, "word ").expect("a number") - 1].clone()
            }
            q if q.starts_with("row ") && asked.title == "A reads, B types" => {
                self.rows[place("row ")].clone()
            }
            q if q.starts_with("row ") => {
                let row = place("row ");
                self.words[4 * row..(4 * row + 4).min(self.words.len())].join(" ")
            }
            q if q.starts_with("word ") => {
                let card = asked.title.split_once(" types ").map(|(_, card)| card);
                let card = card.unwrap_or(&self.card_in_hand);
                self.cards[card][place("word ")].clone()
            }
            q if q.contains("how do you sign") => "2".to_string(),
            q if q.starts_with("seal number of") => "S-17".to_string(),
            q if q.starts_with("What did you expect") => "the usual".to_string(),
            q if q.starts_with("What happened") => "something else".to_string(),
            q if q.starts_with("What do you decide") => "1".to_string(),
            q if q.contains("ress Enter") => String::new(),
            q => panic!("nobody knows an answer to {q:?}\n{}", asked.text),
        }
    }
}

/// What must be printed first after an answer.
enum Echo {
    Nothing,
    /// A secret was typed: as many stars, and a new line.
    Stars(usize),
    /// The secret page is left: what was typed, then the erasing, before anything else.
    Erased(Vec<String>),
}

impl Echo {
    fn of(asked: &Asked, keys: &str) -> Echo {
        let question = asked.question.as_str();
        let hidden: &[&str] = if asked.title.ends_with("own sheet of paper") {
            &[]
        } else {
            &["new passphrase", "new P", "the same again", "word "]
        };
        if asked.text.contains(ALTERNATE) {
            return Echo::Erased(vec![
                format!("{}\r\n{ERASE}", keys.replace('\x03', "^C")),
                format!("{}\r\n\r\n{ERASE}", keys.replace('\x03', "^C")),
            ]);
        }
        let is_hidden = hidden.iter().any(|h| question.starts_with(h))
            || question.contains("type your passphrase")
            || question.contains("type your PIN")
            || question.contains("the PIN of this YubiKey");
        match keys {
            "\x03" => Echo::Nothing,
            _ if is_hidden => Echo::Stars(keys.chars().take_while(|c| *c != '\r').count()),
            _ => Echo::Nothing,
        }
    }

    fn check(&self, text: &str) {
        match self {
            Echo::Nothing => {}
            Echo::Stars(count) => {
                let stars = format!("{}\r\n", "*".repeat(*count));
                assert!(text.starts_with(&stars), "not only stars: {text:?}");
            }
            Echo::Erased(ways) => assert!(
                ways.iter().any(|way| text.starts_with(way)),
                "not erased at once: {text:?}"
            ),
        }
    }
}

/// `Operator A, made today:` and, below it, the fingerprint.
fn fingerprints(page: &str) -> Vec<String> {
    let lines: Vec<&str> = page.lines().collect();
    let below = |pair: &[&str]| {
        let named = pair[0].starts_with("Operator ") && pair[0].ends_with(':');
        named.then(|| pair[1].replace(' ', ""))
    };
    lines.windows(2).filter_map(below).collect()
}

/// `row 1    0123  4567 ...`.
fn rows(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| {
        let (number, row) = line.trim().strip_prefix("row ")?.split_once(' ')?;
        number.parse::<u8>().ok()?;
        Some(row.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    rows.collect()
}

/// `  1. aardvark      2. adroitness`: the words, whose numbers must be in order.
pub fn numbered(page: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut parts = page.split_whitespace().peekable();
    while let Some(part) = parts.next() {
        if part == format!("{}.", words.len() + 1) {
            words.extend(parts.next().map(str::to_string));
        }
    }
    words
}

pub(super) fn number_after(text: &str, before: &str) -> Option<usize> {
    let (_, rest) = text.split_once(before)?;
    rest.split(' ').next()?.parse().ok()
}
