//! A strict reader of the one kind of HTML page that the program writes. Whatever is not on its
//! lists is an error: a tag, an attribute, a value, an entity, a tag that is not closed.

/// What a page holds.
#[derive(Default)]
pub struct Page {
    pub title: String,
    /// The heading above everything: the verdict.
    pub h1: String,
    /// The text of the body, a line for each element that begins one.
    pub text: String,
    /// The first cell of each row below `main`, without those of headings.
    pub names: Vec<String>,
    pub codes: usize,
    pub bytes: usize,
    pub banners: Vec<String>,
}

type Attributes<'a> = Vec<(&'a str, &'a str)>;

/// Reads a page to its end.
pub fn read(html: &str) -> Result<Page, String> {
    let mut reader = Reader::default();
    let rest = html
        .strip_prefix("<!DOCTYPE html>\n")
        .ok_or("no document type")?;
    reader.all(rest)?;
    reader.page.bytes = html.len();
    match reader.open.is_empty() && reader.seen_html {
        true => Ok(reader.page),
        false => Err(format!("left open: {:?}", reader.open)),
    }
}

#[derive(Default)]
struct Reader<'a> {
    open: Vec<&'a str>,
    seen_html: bool,
    page: Page,
    /// Columns of the table that is read, and cells of the row so far.
    columns: usize,
    cells: usize,
    row_name: bool,
}

/// Elements with what they may lie in.
const ELEMENTS: [(&str, &[&str]); 32] = [
    ("html", &[""]),
    ("head", &["html"]),
    ("body", &["html"]),
    ("meta", &["head"]),
    ("title", &["head"]),
    ("style", &["head"]),
    ("header", &["body"]),
    ("main", &["body"]),
    ("section", &["main"]),
    ("h1", &["header"]),
    ("h2", &["section"]),
    ("p", &["header", "section", "body"]),
    ("svg", &["section"]),
    ("rect", &["svg"]),
    ("path", &["svg"]),
    ("table", &["header", "section"]),
    ("caption", &["table"]),
    ("thead", &["table"]),
    ("tbody", &["table"]),
    ("tr", &["thead", "tbody"]),
    ("th", &["tr"]),
    ("td", &["tr"]),
    ("br", &["th", "td", "p", "bdi"]),
    ("code", &["th", "td", "p"]),
    ("strong", &["th", "td", "p"]),
    ("bdi", &["th", "td", "p"]),
    (
        "b",
        &["th", "td", "p", "h1", "h2", "caption", "code", "strong"],
    ),
    ("#text", &["title", "h1", "h2", "p", "caption", "th", "td"]),
    ("#text", &["code", "strong", "bdi", "b"]),
    ("#blank", &["html", "head", "body", "header", "main"]),
    ("#blank", &["section", "table", "thead", "tbody", "tr"]),
    ("#blank", &["", "svg"]),
];

const VOID: [&str; 4] = ["meta", "br", "rect", "path"];

fn attribute_is_allowed(element: &str, name: &str, value: &str) -> bool {
    let policy = "default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; \
                  base-uri &#39;none&#39;; form-action &#39;none&#39;";
    let number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    match (element, name) {
        ("html", "lang") => value == "en",
        ("meta", "charset") => value == "utf-8",
        ("meta", "http-equiv") => value == "Content-Security-Policy",
        ("meta", "name") => value == "viewport",
        ("meta", "content") => value == policy || value == "width=device-width",
        ("h1", "class") => ["good", "open", "bad"].contains(&value),
        ("p", "class") => ["banner", "behind", "cut"].contains(&value),
        ("table", "class") => value == "facts",
        ("tr", "class") => value == "group",
        ("b", "class") => value == "cut",
        ("bdi", "class") => ["quoted", "lines"].contains(&value),
        ("th", "scope") => ["row", "col", "colgroup"].contains(&value),
        ("th", "colspan") => number,
        ("svg", "class") => value == "qr",
        ("svg", "role") => value == "img",
        ("svg", "aria-label") => entities(value).is_ok(),
        ("svg", "viewBox") => value.bytes().all(|b| b == b' ' || b.is_ascii_digit()),
        ("svg" | "rect", "width" | "height") => number,
        ("rect" | "path", "fill") => ["#fff", "#000"].contains(&value),
        ("path", "d") => value.bytes().all(|b| b" Mhvz-0123456789".contains(&b)),
        _ => false,
    }
}

/// Text with its entities read; anything that a reader can't see is an error.
fn entities(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(each) = rest.chars().next() {
        let hidden = (each.is_control() && each != '\n')
            || matches!(each, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{3164}' | '\u{e0000}'..='\u{e0fff}');
        if hidden || "<>\"'".contains(each) {
            return Err(format!("{each:?} stands in a text"));
        }
        if each != '&' {
            out.push(each);
            rest = &rest[each.len_utf8()..];
            continue;
        }
        let known = [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&quot;", '"'),
            ("&#39;", '\''),
        ];
        let found = known.into_iter().find(|(code, _)| rest.starts_with(code));
        let (code, read) = found.ok_or_else(|| format!("an entity at {:.20}", rest))?;
        out.push(read);
        rest = &rest[code.len()..];
    }
    Ok(out)
}

impl<'a> Reader<'a> {
    fn all(&mut self, html: &'a str) -> Result<(), String> {
        let mut rest = html;
        while !rest.is_empty() {
            let at = rest.find('<').unwrap_or(rest.len());
            self.text(&rest[..at])?;
            rest = &rest[at..];
            if rest.is_empty() {
                break;
            }
            let end = rest.find('>').ok_or("a tag without an end")?;
            self.tag(&rest[1..end])?;
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    fn inside(&self) -> &'a str {
        self.open.last().copied().unwrap_or("")
    }

    fn may_hold(&self, what: &str) -> bool {
        let within = self.inside();
        ELEMENTS
            .iter()
            .any(|(element, places)| *element == what && places.contains(&within))
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if self.inside() == "style" {
            let low = text.to_lowercase();
            let bad = [
                "url",
                "import",
                "http",
                "expression",
                "//",
                "\\",
                "behavior",
            ];
            return match bad.iter().find(|bad| low.contains(**bad)) {
                Some(bad) => Err(format!("{bad} in the style")),
                None => Ok(()),
            };
        }
        let blank = text.bytes().all(|b| b == b'\n');
        if !self.may_hold(if blank { "#blank" } else { "#text" }) && !self.may_hold("#text") {
            return match text.is_empty() {
                true => Ok(()),
                false => Err(format!("text in {:?}: {text:.40}", self.inside())),
            };
        }
        let read = entities(text)?;
        if self.open.contains(&"title") {
            self.page.title.push_str(&read);
        } else if self.open.contains(&"h1") {
            self.page.h1.push_str(&read);
        }
        if self.row_name {
            self.page.names.last_mut().expect("begun").push_str(&read);
        }
        if self.open.contains(&"body") {
            self.page.text.push_str(&read);
        }
        Ok(())
    }

    fn tag(&mut self, tag: &'a str) -> Result<(), String> {
        if let Some(name) = tag.strip_prefix('/') {
            return self.close(name);
        }
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = attributes(tag)?;
        if !self.may_hold(name) {
            return Err(format!("<{name}> in {:?}", self.inside()));
        }
        for (attribute, value) in &attributes {
            if !attribute_is_allowed(name, attribute, value) {
                return Err(format!("<{name} {attribute}={value:?}>"));
            }
        }
        if closed && !["rect", "path"].contains(&name) {
            return Err(format!("<{name}/>"));
        }
        self.begin(name, &attributes)?;
        if !VOID.contains(&name) {
            self.open.push(name);
        }
        Ok(())
    }

    fn begin(&mut self, name: &str, attributes: &Attributes<'_>) -> Result<(), String> {
        let has = |name, value| attributes.contains(&(name, value));
        match name {
            "html" => self.seen_html = true,
            "svg" => self.page.codes += 1,
            "table" => self.columns = 0,
            "tr" => self.cells = 0,
            "th" | "td" => {
                self.cells += 1;
                if name == "th" && !attributes.iter().any(|(name, _)| *name == "scope") {
                    return Err("a heading without a scope".to_string());
                }
                if let Some((_, wide)) = attributes.iter().find(|(name, _)| *name == "colspan") {
                    self.cells = wide.parse().map_err(|_| "a colspan")?;
                }
                let below = self.open.contains(&"main");
                self.row_name = below && name == "th" && has("scope", "row");
                if self.row_name {
                    self.page.names.push(String::new());
                }
            }
            _ => {}
        }
        if name == "p" && has("class", "banner") {
            self.page.banners.push("above".to_string());
        }
        if name == "p" && has("class", "behind") {
            self.page.banners.push("on paper".to_string());
        }
        if !["b", "bdi", "code", "strong"].contains(&name) {
            self.page.text.push('\n');
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        if self.open.pop() != Some(name) {
            return Err(format!("</{name}> closes something else"));
        }
        match name {
            "th" => self.row_name = false,
            "tr" if self.columns == 0 => self.columns = self.cells,
            "tr" if self.columns != self.cells => {
                return Err(format!("{} cells instead of {}", self.cells, self.columns));
            }
            _ => {}
        }
        Ok(())
    }
}

/// `name a="b" c="d"`, and nothing else.
fn attributes(tag: &str) -> Result<(&str, Attributes<'_>), String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut all: Attributes<'_> = Vec::new();
    while !rest.is_empty() {
        let (attribute, value) = rest.split_once("=\"").ok_or(format!("in <{tag}>"))?;
        let (value, after) = value.split_once('"').ok_or(format!("in <{tag}>"))?;
        if all.iter().any(|(known, _)| *known == attribute) {
            return Err(format!("{attribute} twice in <{tag}>"));
        }
        all.push((attribute, value));
        rest = match after.strip_prefix(' ') {
            Some(more) if !more.is_empty() => more,
            None if after.is_empty() => "",
            _ => return Err(format!("in <{tag}>")),
        };
    }
    Ok((name, all))
}
