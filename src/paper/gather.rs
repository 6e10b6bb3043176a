//! Puts a backup together from what was scanned or typed, and names what is missing or wrong.

mod problem;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use problem::Problem;

use super::backup::COMMENT;
use super::row::{MAX_ROWS, ROW};
use super::{Part, REVOCATION, Row, SUMS, is_file_name, is_id, short_hash};
use crate::digest::Digest;
use crate::id;
use crate::openpgp::armor_message;

/// More complaints are not of use to anyone.
const MAX_PROBLEMS: usize = 200;

/// What was found so far, of any ceremony.
#[derive(Default)]
pub struct Gathered {
    /// The places where each ceremony was found.
    ceremonies: BTreeMap<String, BTreeSet<String>>,
    scanned: BTreeMap<String, Scanned>,
    typed: BTreeMap<String, Typed>,
    /// Rows wait until all ceremonies and files are known.
    lines: Vec<Line>,
    problems: Vec<Problem>,
}

/// The parts of one file.
struct Scanned {
    of: usize,
    parts: BTreeMap<usize, String>,
}

/// What stands above a file's rows, and the rows that are right.
struct Typed {
    count: usize,
    hash: Option<String>,
    rows: BTreeMap<usize, Vec<u8>>,
}

/// A typed row.
struct Line {
    id: String,
    file: String,
    source: String,
    line: usize,
    text: String,
}

/// What came out.
pub struct Restored {
    /// The ceremony.
    pub id: String,
    /// The files that are whole.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What keeps the others from being so.
    pub missing: Vec<Problem>,
    /// What was wrong, although it may not have mattered.
    pub notes: Vec<Problem>,
}

impl Gathered {
    /// What a picture's codes said. `source` is what the picture is called.
    pub fn codes(&mut self, source: &str, payloads: &[Vec<u8>]) {
        if payloads.is_empty() {
            self.problem(Problem::NoCode(source.to_string()));
        }
        for payload in payloads {
            match str::from_utf8(payload) {
                Ok(text) if Part::begins(text) => self.part(source, text),
                _ => self.problem(Problem::OtherCode(source.to_string())),
            }
        }
    }

    /// A text: what `zbarimg --raw` printed, typed rows, or both.
    pub fn text(&mut self, source: &str, text: &str) {
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end_matches(['\r', ' ']);
            if Part::begins(line) {
                self.end_part(source, &mut reader);
                reader.part = Some(format!("{line}\n"));
                continue;
            }
            let first = line.split_whitespace().next().unwrap_or_default();
            let begins_rows = ["CEREMONY", "FILE"]
                .iter()
                .any(|w| first.eq_ignore_ascii_case(w));
            match &mut reader.part {
                Some(part) if !begins_rows => {
                    part.push_str(line);
                    part.push('\n');
                }
                _ if line.is_empty() => {}
                _ => {
                    self.end_part(source, &mut reader);
                    self.typed_line(source, number, line, &mut reader);
                }
            }
        }
        self.end_part(source, &mut reader);
    }

    fn end_part(&mut self, source: &str, reader: &mut Reader) {
        if let Some(part) = reader.part.take() {
            self.part(source, &part);
        }
    }

    fn part(&mut self, source: &str, text: &str) {
        let part = match Part::parse(text) {
            Ok(part) => part,
            Err(error) => return self.problem(Problem::BadPart(source.to_string(), error)),
        };
        self.seen(&part.id, source);
        let key = format!("{} {}", part.id, part.file);
        let file = self.scanned.entry(key).or_insert_with(|| Scanned {
            of: part.of,
            parts: BTreeMap::new(),
        });
        let same = file.of == part.of
            && file
                .parts
                .get(&part.part)
                .is_none_or(|text| *text == part.text);
        if same {
            file.parts.insert(part.part, part.text);
        } else {
            self.problem(Problem::Conflict(part.file, part.part));
        }
    }

    fn typed_line(&mut self, source: &str, line: usize, text: &str, reader: &mut Reader) {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let word = fields[0].to_ascii_uppercase();
        let bad = || Problem::Line(source.to_string(), line);
        match (&word[..], &fields[1..]) {
            ("CEREMONY", [id]) if is_id(id) => {
                self.seen(id, source);
                reader.id = Some(id.to_string());
                reader.file = None;
            }
            ("FILE", [file, count, rest @ ..]) if is_file_name(file) && rest.len() < 2 => {
                let count = count
                    .parse()
                    .ok()
                    .filter(|count| (1..=MAX_ROWS).contains(count));
                let (Some(id), Some(count)) = (reader.id.clone(), count) else {
                    return self.problem(bad());
                };
                let hash = rest.first().map(|hash| hash.to_ascii_lowercase());
                let key = format!("{id} {file}");
                let typed = self.typed.entry(key).or_insert_with(|| Typed {
                    count,
                    hash: hash.clone(),
                    rows: BTreeMap::new(),
                });
                if typed.count != count || typed.hash != hash {
                    self.problem(bad());
                }
                reader.file = Some(file.to_string());
            }
            _ => match (&reader.id, &reader.file) {
                (Some(id), Some(file)) if self.lines.len() < 20 * MAX_ROWS => {
                    self.lines.push(Line {
                        id: id.clone(),
                        file: file.clone(),
                        source: source.to_string(),
                        line,
                        text: text.to_string(),
                    });
                }
                _ => self.problem(bad()),
            },
        }
    }

    fn seen(&mut self, id: &str, source: &str) {
        let places = self.ceremonies.entry(id.to_string()).or_default();
        places.insert(source.to_string());
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Reads the rows and puts the files together.
    ///
    /// # Errors
    /// All that is wrong, where it is not one ceremony's.
    pub fn finish(mut self) -> Result<Restored, Vec<Problem>> {
        self.read_rows();
        let mut ids = self.ceremonies.keys();
        let (Some(id), None) = (ids.next().cloned(), ids.next()) else {
            let mut problems = self.problems;
            problems.push(match self.ceremonies.is_empty() {
                true => Problem::Nothing,
                false => Problem::Mixed(self.ceremonies),
            });
            return Err(problems);
        };
        let mut assembly = Assembly {
            scanned: by_file(self.scanned),
            typed: by_file(self.typed),
            restored: Restored {
                id,
                files: BTreeMap::new(),
                missing: Vec::new(),
                notes: Vec::new(),
            },
        };
        assembly.put_together();
        let mut restored = assembly.restored;
        let fatal = |problem: &Problem| matches!(problem, Problem::Conflict(..));
        let (missing, notes): (Vec<_>, Vec<_>) = self.problems.into_iter().partition(fatal);
        restored.missing.extend(missing);
        restored.notes.splice(0..0, notes);
        Ok(restored)
    }

    fn read_rows(&mut self) {
        let keys: BTreeSet<&String> = self.scanned.keys().chain(self.typed.keys()).collect();
        let others: Vec<(String, String)> = keys
            .into_iter()
            .filter_map(|key| key.split_once(' '))
            .map(|(id, file)| (id.to_string(), file.to_string()))
            .collect();
        for line in std::mem::take(&mut self.lines) {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let Line {
                id,
                file,
                source,
                line,
                text,
            } = line;
            let typed = self
                .typed
                .get_mut(&format!("{id} {file}"))
                .expect("a FILE line made it");
            match Row::parse(&id, &file, &text, typed.count, &others) {
                Ok(row) => drop(typed.rows.insert(row.number, row.bytes)),
                Err((number, mistake)) => self.problem(Problem::Row {
                    source,
                    line,
                    file,
                    number,
                    mistake,
                }),
            }
        }
    }
}

/// Where a text is being read.
#[derive(Default)]
struct Reader {
    part: Option<String>,
    id: Option<String>,
    file: Option<String>,
}

/// Once there is one ceremony alone.
fn by_file<T>(found: BTreeMap<String, T>) -> BTreeMap<String, T> {
    let file = |key: String| key.split_once(' ').map(|(_, file)| file.to_string());
    found
        .into_iter()
        .filter_map(|(key, value)| Some((file(key)?, value)))
        .collect()
}

struct Assembly {
    scanned: BTreeMap<String, Scanned>,
    typed: BTreeMap<String, Typed>,
    restored: Restored,
}

/// What a group's list says.
#[derive(Default)]
struct List {
    hashes: BTreeMap<String, String>,
    /// Pages by file and part.
    pages: BTreeMap<(String, usize), String>,
}

impl Assembly {
    fn put_together(&mut self) {
        let mut found: BTreeSet<String> = self.scanned.keys().cloned().collect();
        found.extend(self.typed.keys().cloned());
        for folder in ["", REVOCATION] {
            let of_group = |name: &&String| name.starts_with(REVOCATION) != folder.is_empty();
            let names: BTreeSet<String> = found.iter().filter(of_group).cloned().collect();
            if names.is_empty() {
                self.restored.notes.push(Problem::NoGroup(folder));
                continue;
            }
            let sums = format!("{folder}{SUMS}");
            let list = match self.file(&sums) {
                Some(text) => {
                    let list = List::read(&text);
                    self.restored.files.insert(sums.clone(), text);
                    list
                }
                None => {
                    self.restored.notes.push(Problem::NoList(sums.clone()));
                    List::default()
                }
            };
            let all: BTreeSet<String> = names
                .into_iter()
                .chain(list.hashes.keys().cloned())
                .collect();
            for name in all.into_iter().filter(|name| *name != sums) {
                self.add(&name, &list);
            }
        }
    }

    fn add(&mut self, name: &str, list: &List) {
        let Some(bytes) = self.file(name) else {
            let missing = self.missing(name, list);
            return self.restored.missing.push(missing);
        };
        match list.hashes.get(name) {
            Some(hash) if *hash != Digest::of(&bytes).to_string() => {
                self.restored.missing.push(Problem::Hash(name.to_string()));
            }
            _ => drop(self.restored.files.insert(name.to_string(), bytes)),
        }
    }

    /// A whole file: from the codes, or else from the rows.
    fn file(&mut self, name: &str) -> Option<Vec<u8>> {
        if let Some(scanned) = self.scanned.get(name)
            && scanned.parts.len() == scanned.of
        {
            let parts = scanned.parts.values();
            return Some(parts.flat_map(|text| text.bytes()).collect());
        }
        let typed = self.typed.get(name)?;
        let bytes = typed.whole()?;
        if typed
            .hash
            .as_ref()
            .is_some_and(|hash| *hash != short_hash(&bytes))
        {
            self.restored.notes.push(Problem::Label(name.to_string()));
        }
        let comment = id::is_rehearsal(&self.restored.id).then_some(COMMENT);
        Some(armor_message(comment, &bytes))
    }

    fn missing(&self, name: &str, list: &List) -> Problem {
        let scanned = self.scanned.get(name);
        let of = scanned.map_or_else(|| list.parts(name), |scanned| scanned.of);
        let has = |part: &usize| scanned.is_some_and(|scanned| scanned.parts.contains_key(part));
        let parts = (1..=of).filter(|part| !has(part)).map(|part| {
            let pages = list.pages.get(&(name.to_string(), part));
            (part, pages.cloned())
        });
        Problem::Missing {
            file: name.to_string(),
            of,
            parts: parts.collect(),
            rows: self.typed.get(name).map(Typed::missing).unwrap_or_default(),
        }
    }
}

impl Typed {
    fn missing(&self) -> Vec<usize> {
        (1..=self.count)
            .filter(|row| !self.rows.contains_key(row))
            .collect()
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.count * ROW);
        for row in 1..=self.count {
            bytes.extend(self.rows.get(&row)?);
        }
        Some(bytes)
    }
}

impl List {
    fn read(text: &[u8]) -> List {
        let mut list = List::default();
        for line in String::from_utf8_lossy(text).lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            match fields[..] {
                ["#", file, part, "pages", first, second] => {
                    let part = part.split_once('/').and_then(|(part, _)| part.parse().ok());
                    let pages = [first, second].map(|page| page.trim_start_matches('0'));
                    if let Some(part) = part.filter(|_| is_file_name(file)) {
                        list.pages
                            .insert((file.to_string(), part), pages.join(" and "));
                    }
                }
                [hash, "", file] if is_file_name(file) => {
                    list.hashes.insert(file.to_string(), hash.to_string());
                }
                _ => {}
            }
        }
        list
    }

    fn parts(&self, name: &str) -> usize {
        self.pages.keys().filter(|(file, _)| file == name).count()
    }
}
