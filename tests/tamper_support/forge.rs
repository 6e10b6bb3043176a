//! Taking a record apart and putting it together again, with every hash computed anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use ceremony::digest::Digest;
use ceremony::plan::Operator;
use ceremony::record::files;
use ceremony::record::time;
use ceremony::verify::Material;

/// Whoever signs a forged record.
pub trait Signer {
    /// A detached signature over `message`, dated `at`.
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8>;
}

impl<S: Signer> Signer for Arc<S> {
    fn sign(&self, operator: Operator, message: &[u8], at: u64) -> Vec<u8> {
        S::sign(self, operator, message, at)
    }
}

/// One entry, its lines as they are, with the files that belong to it.
#[derive(Clone, Debug)]
pub struct Piece {
    pub fields: Vec<(String, String)>,
    pub detail: Option<Vec<u8>>,
    pub fragment: Option<Vec<u8>>,
    pub signatures: [Option<Vec<u8>>; 2],
}

impl Piece {
    pub fn get(&self, label: &str) -> &str {
        let field = self.fields.iter().find(|(name, _)| name == label);
        field.map_or("", |(_, value)| value)
    }

    pub fn set(&mut self, label: &str, value: &str) {
        for (name, old) in &mut self.fields {
            if name == label {
                *old = value.to_string();
            }
        }
    }

    pub fn event(&self) -> &str {
        self.get("event")
    }

    fn bytes(&self) -> Vec<u8> {
        let lines = self.fields.iter();
        let text: String = lines.map(|(l, v)| format!("{l}: {v}\n")).collect();
        (text + "\n").into_bytes()
    }
}

/// A field that is changed after everything else was computed: entry, label, value.
pub type Change<'a> = Option<(usize, &'a str, &'a str)>;

/// A record in pieces.
#[derive(Clone)]
pub struct Forge {
    pub pieces: Vec<Piece>,
    /// Plan, checklist and certificates.
    pub others: BTreeMap<String, Vec<u8>>,
    pub closing: [Option<Vec<u8>>; 2],
    pub beside: BTreeMap<String, Vec<u8>>,
}

impl Forge {
    pub fn new(material: &Material) -> Forge {
        let mut others = material.files.clone();
        let text = others.remove(files::TRANSCRIPT).expect("a transcript");
        let text = String::from_utf8(text).expect("ASCII");
        let _ = others.remove(files::SUMS);
        let stanzas = text.split_terminator("\n\n").enumerate();
        let pieces = stanzas
            .map(|(at, stanza)| {
                let at = u32::try_from(at).expect("few entries");
                let fields = stanza.lines().map(|line| {
                    let (label, value) = line.split_once(": ").expect("a field");
                    (label.to_string(), value.to_string())
                });
                Piece {
                    fields: fields.collect(),
                    detail: others.remove(&format!("details/{at:04}.txt")),
                    fragment: others.remove(&files::fragment(at)),
                    signatures: Operator::ALL.map(|o| others.remove(&files::signature(at, o))),
                }
            })
            .collect();
        let closing = Operator::ALL.map(|o| others.remove(&files::closing_signature(o)));
        Forge {
            pieces,
            others,
            closing,
            beside: material.beside.clone(),
        }
    }

    /// The index of the `nth` entry of this event, from 0.
    pub fn find(&self, event: &str, nth: usize) -> usize {
        let mut found = (0..self.pieces.len()).filter(|at| self.pieces[*at].event() == event);
        found
            .nth(nth)
            .unwrap_or_else(|| panic!("no {event} number {nth}"))
    }

    /// Only the first `count` entries, and the files that they call for; nothing beside.
    pub fn cut(&self, count: usize) -> Forge {
        let mut cut = self.clone();
        if count < self.pieces.len() {
            cut.beside.clear();
        }
        cut.pieces.truncate(count);
        let closed = cut
            .pieces
            .last()
            .is_some_and(|last| last.event() == "closed");
        if !closed {
            cut.closing = [None, None];
        }
        let called = cut.pieces.iter().any(|p| p.event() == "roll-call");
        let made: Vec<String> = cut
            .pieces
            .iter()
            .filter(|p| p.event() == "generated")
            .map(|p| format!("certificates/{}.asc", p.get("attempt")))
            .collect();
        cut.others.retain(|path, _| {
            let by_nobody = path.starts_with("operators/") && !called;
            let of_no_key = path.starts_with("certificates/") && !made.contains(path);
            !by_nobody && !of_no_key
        });
        cut
    }

    /// The record with every number and hash computed anew, the signatures left as they are.
    pub fn build(&self) -> Material {
        self.assemble(None, None)
    }

    /// The same, then one field changed to a value of the forger's choice.
    pub fn build_changed(&self, change: Change<'_>) -> Material {
        self.assemble(change, None)
    }

    /// The same, signed anew by both operators: what only the fold and the files can catch.
    pub fn sign(&self, change: Change<'_>, signer: &dyn Signer) -> Material {
        self.assemble(change, Some(signer))
    }

    fn assemble(&self, change: Change<'_>, signer: Option<&dyn Signer>) -> Material {
        let mut out = Assembly {
            material: Material {
                files: self.others.clone(),
                odd: Vec::new(),
                beside: self.beside.clone(),
            },
            text: Vec::new(),
            prev: Digest::ZERO,
            head: Digest::ZERO,
            noted: String::new(),
            id: String::new(),
            certificate: String::new(),
            signatures: [None, None],
        };
        for (at, piece) in self.pieces.iter().enumerate() {
            out.add(at, piece.clone(), change, signer);
        }
        let closed = self
            .pieces
            .last()
            .is_some_and(|last| last.event() == "closed");
        for operator in Operator::ALL {
            let mut signature = self.closing[operator.index()].clone();
            if let (Some(signer), Some(_), true) = (signer, &signature, closed) {
                let last = &self.pieces[self.pieces.len() - 1];
                signature = Some(signer.sign(operator, &out.text, seconds(last)));
            }
            out.put(files::closing_signature(operator), signature);
        }
        out.put(files::TRANSCRIPT.to_string(), Some(out.text.clone()));
        out.material
    }
}

fn seconds(piece: &Piece) -> u64 {
    time::parse(piece.get("time")).unwrap_or(0)
}

struct Assembly {
    material: Material,
    text: Vec<u8>,
    prev: Digest,
    head: Digest,
    /// The head that was last written on paper.
    noted: String,
    id: String,
    /// SHA-256 of the last key's certificate.
    certificate: String,
    /// Of the entry before.
    signatures: [Option<Vec<u8>>; 2],
}

impl Assembly {
    fn put(&mut self, path: String, bytes: Option<Vec<u8>>) {
        if let Some(bytes) = bytes {
            self.material.files.insert(path, bytes);
        }
    }

    fn hash_of(&self, path: &str) -> Option<String> {
        let bytes = self.material.files.get(path)?;
        Some(Digest::of(bytes).to_string())
    }

    fn add(
        &mut self,
        at: usize,
        mut piece: Piece,
        change: Change<'_>,
        signer: Option<&dyn Signer>,
    ) {
        let number = u32::try_from(at).expect("few entries");
        piece.set("entry", &number.to_string());
        piece.set("prev", &self.prev.to_string());
        self.files_of(number, &mut piece);
        if let Some((changed, label, value)) = change
            && changed == at
        {
            piece.set(label, value);
        }
        self.remember(&piece);
        // Who forges what was said forges the result with it, unless it is the result itself.
        let forged = |label| change.is_some_and(|(changed, l, _)| changed == at && l == label);
        if piece.event() == "call-confirmed" && !forged("result") && piece.get("result") != "none" {
            piece.set("result", &self.result(&piece));
        }
        let bytes = piece.bytes();
        self.prev = Digest::of(&bytes);
        self.text.extend(bytes);
        if piece.event() == "authorise" {
            self.head = self.prev;
        }
        let at = seconds(&piece);
        if let Some(signer) = signer {
            for operator in Operator::ALL {
                let signature = &mut piece.signatures[operator.index()];
                if signature.is_some() {
                    *signature = Some(signer.sign(operator, &self.text, at));
                }
            }
        }
        for operator in Operator::ALL {
            let signature = piece.signatures[operator.index()].clone();
            self.put(files::signature(number, operator), signature);
        }
        self.signatures = piece.signatures;
    }

    /// What a later entry must say again.
    fn remember(&mut self, piece: &Piece) {
        match piece.event() {
            "opened" => self.id = piece.get("id").to_string(),
            "generated" => self.certificate = piece.get("certificate").to_string(),
            "head-noted" => self.noted = piece.get("head").to_string(),
            _ => {}
        }
    }

    /// The result of a call, as docs/record-format.md describes it.
    fn result(&self, call: &Piece) -> String {
        let head = call.get("head");
        let lines = [
            "ceremony call 1".to_string(),
            format!("id: {}", self.id),
            format!("certificate: {}", self.certificate),
            format!("nonce: {}", call.get("nonce")),
            format!("canaries: {}", call.get("canaries")),
            format!("head: {}", &head[..head.len().min(20)]),
            "outcome: confirmed".to_string(),
        ];
        let text = lines.map(|line| line + "\n").concat();
        Digest::of(text.as_bytes()).to_string()
    }

    /// The fields that are hashes of files or numbers of entries.
    fn files_of(&mut self, number: u32, piece: &mut Piece) {
        if let Some(detail) = piece.detail.take() {
            piece.set("detail", &Digest::of(&detail).to_string());
            self.put(format!("details/{number:04}.txt"), Some(detail));
        }
        if let Some(fragment) = piece.fragment.take() {
            piece.set("fragment", &Digest::of(&fragment).to_string());
            self.put(files::fragment(number), Some(fragment));
        }
        let attempt = format!("certificates/{}.asc", piece.get("attempt"));
        let hashed: &[(&str, &str)] = match piece.event() {
            "opened" => &[("plan", files::PLAN), ("checklist", files::CHECKLIST)],
            "roll-call" => &[("cert-a", "operators/A.asc"), ("cert-b", "operators/B.asc")],
            "generated" => &[("certificate", &attempt)],
            _ => &[],
        };
        for (label, path) in hashed {
            if let Some(hash) = self.hash_of(path) {
                piece.set(label, &hash);
            }
        }
        for (label, signature) in ["sig-a", "sig-b"].into_iter().zip(self.signatures.clone()) {
            match signature {
                Some(bytes) if piece.get(label) != "refused" => {
                    piece.set(label, &Digest::of(&bytes).to_string());
                }
                _ => {}
            }
        }
        match piece.event() {
            "resumed" => piece.set("kept", &number.to_string()),
            "call-confirmed" => piece.set("head", &self.noted.clone()),
            "head-noted" => piece.set("head", &self.head.to_string()),
            "closed" => {
                piece.set("entries", &(number + 1).to_string());
                let sums = files::sums(self.material.files.iter().filter(|(path, _)| {
                    path.as_str() != files::SUMS && path.as_str() != files::REDACTED
                }));
                piece.set("sums", &Digest::of(sums.as_bytes()).to_string());
                self.put(files::SUMS.to_string(), Some(sums.into_bytes()));
            }
            _ => {}
        }
    }
}

impl Forge {
    /// Times that do not fall, whatever was done to the order of the entries.
    pub fn in_order(mut self) -> Forge {
        for at in 1..self.pieces.len() {
            let (before, rest) = self.pieces.split_at_mut(at);
            let (before, piece) = (&before[at - 1], &mut rest[0]);
            if seconds(piece) < seconds(before) {
                piece.set("time", before.get("time"));
            }
            let uptime = |piece: &Piece| piece.get("uptime").parse::<u64>().unwrap_or(0);
            if uptime(piece) < uptime(before) {
                piece.set("uptime", before.get("uptime"));
            }
        }
        self
    }

    /// Changed by `change`, times put in order.
    pub fn with(&self, change: impl FnOnce(&mut Vec<Piece>)) -> Forge {
        let mut changed = self.clone();
        change(&mut changed.pieces);
        changed.in_order()
    }

    /// Exactly these entries' lines, with nothing computed anew.
    pub fn raw(pieces: &[Piece]) -> Vec<u8> {
        pieces.iter().flat_map(Piece::bytes).collect()
    }
}
