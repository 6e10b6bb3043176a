//! The site: facts of one place and two people, which a plan never holds.
//!
//! Strict TOML like a plan; everything in it is optional. It becomes the detail file of
//! the record's first entry, so its digest is there too.

mod error;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path};

use serde::Deserialize;
use toml::Spanned;

use crate::digest::{Digest, Fingerprint};
use crate::input::{self, MAX_USER_ID};
use crate::role::Role;

pub use error::{BadFact, SiteError};

/// Limits in bytes.
const MAX_PATH: usize = 400;
const MAX_CALL_BACK: usize = 40;
const MAX_PRINTER: usize = 100;

/// The site that a rehearsal uses when it is given none; its comments explain each key.
pub const EXAMPLE: &str = include_str!("../ceremony/site.example.toml");

/// The facts of a place. The default knows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The new key's user ID: UTF-8, at most 200 bytes, no control or hidden characters.
    pub backup_address: Option<String>,
    /// SHA-256 of the closed transcript of this site's last ceremony.
    pub previous: Option<Digest>,
    /// Operator A's pinned identity.
    pub operator_a: Option<SiteOperator>,
    /// Operator B's pinned identity; never the same key as operator A's.
    pub operator_b: Option<SiteOperator>,
    /// The person at the far end of the telephone call.
    pub verifier: Option<Verifier>,
    /// Where each medium is found: a directory or a device. No two roles share one.
    pub media: BTreeMap<Role, String>,
    /// The printer, by the name that the system knows it by.
    pub printer: Option<String>,
    /// The file as it was read.
    source: String,
}

/// An operator whose certificate was pinned before the ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOperator {
    /// The certificate's primary fingerprint.
    pub fingerprint: Fingerprint,
    /// Where their secret key is.
    pub key: KeyPlace,
    /// The number to call this operator back at.
    pub callback: Option<String>,
}

/// Where an operator's secret key is. Paths lie inside the operator's own medium, relative,
/// without `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A passphrase-protected key, in this file.
    File(String),
    /// In a YubiKey.
    Token {
        /// The serial number on its back.
        serial: u32,
        /// Where the certificate is: a token does not hold it.
        certificate: String,
    },
}

impl KeyPlace {
    /// The file that the operator brings.
    pub fn path(&self) -> &str {
        match self {
            KeyPlace::File(path) => path,
            KeyPlace::Token { certificate, .. } => certificate,
        }
    }

    /// The serial number of the YubiKey, where it is one.
    pub fn serial(&self) -> Option<u32> {
        match self {
            KeyPlace::File(_) => None,
            KeyPlace::Token { serial, .. } => Some(*serial),
        }
    }
}

/// The remote person who confirms the fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// The number to call the verifier at, known before the ceremony.
    pub callback: String,
}

impl Site {
    /// Reads a site of at most 64 KiB.
    ///
    /// # Errors
    /// The first thing that is not accepted, with its line and a remedy.
    pub fn parse(source: &str) -> Result<Site, SiteError> {
        let raw: RawSite = input::read(source)?;
        File { source }.site(&raw)
    }

    /// The file as it was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The SHA-256 of the file as it was read.
    pub fn digest(&self) -> Digest {
        Digest::of(self.source.as_bytes())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSite {
    backup_address: Option<Spanned<String>>,
    previous: Option<Spanned<String>>,
    operator_a: Option<RawOperator>,
    operator_b: Option<RawOperator>,
    verifier: Option<RawVerifier>,
    #[serde(default)]
    media: BTreeMap<Spanned<String>, Spanned<String>>,
    printer: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOperator {
    fingerprint: Spanned<String>,
    key: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    call_back: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawVerifier {
    call_back: Spanned<String>,
}

/// The file that is being resolved; it turns places into lines.
struct File<'a> {
    source: &'a str,
}

impl File<'_> {
    fn site(&self, raw: &RawSite) -> Result<Site, SiteError> {
        let address = raw.backup_address.as_ref();
        let printer = raw.printer.as_ref();
        let site = Site {
            backup_address: address
                .map(|raw| self.text("backup-address", raw, MAX_USER_ID))
                .transpose()?,
            previous: raw
                .previous
                .as_ref()
                .map(|raw| self.previous(raw))
                .transpose()?,
            operator_a: raw
                .operator_a
                .as_ref()
                .map(|raw| self.operator(raw))
                .transpose()?,
            operator_b: raw
                .operator_b
                .as_ref()
                .map(|raw| self.operator(raw))
                .transpose()?,
            verifier: raw
                .verifier
                .as_ref()
                .map(|raw| self.verifier(raw))
                .transpose()?,
            media: self.media(&raw.media)?,
            printer: printer
                .map(|raw| self.text("printer", raw, MAX_PRINTER))
                .transpose()?,
            source: self.source.to_string(),
        };
        if let (Some(a), Some(b), Some(raw_b)) =
            (&site.operator_a, &site.operator_b, &raw.operator_b)
            && a.fingerprint == b.fingerprint
        {
            let line = self.line(raw_b.fingerprint.span());
            return Err(SiteError::SameFingerprint { line });
        }
        let token = |operator: &Option<SiteOperator>| operator.as_ref()?.key.serial();
        let tokens = token(&site.operator_a).zip(token(&site.operator_b));
        if let (Some((a, b)), Some(raw_b)) = (tokens, &raw.operator_b)
            && a == b
        {
            let line = self.line(raw_b.fingerprint.span());
            return Err(SiteError::SameToken { line });
        }
        Ok(site)
    }

    fn previous(&self, raw: &Spanned<String>) -> Result<Digest, SiteError> {
        Digest::parse(raw.get_ref()).ok_or_else(|| self.bad("previous", raw, BadFact::Digest))
    }

    fn operator(&self, raw: &RawOperator) -> Result<SiteOperator, SiteError> {
        let fingerprint = Fingerprint::parse_typed(raw.fingerprint.get_ref())
            .ok_or_else(|| self.bad("fingerprint", &raw.fingerprint, BadFact::Fingerprint))?;
        let key = self.key_place(raw)?;
        let callback = raw
            .call_back
            .as_ref()
            .map(|raw| self.call_back(raw))
            .transpose()?;
        Ok(SiteOperator {
            fingerprint,
            key,
            callback,
        })
    }

    fn key_place(&self, raw: &RawOperator) -> Result<KeyPlace, SiteError> {
        match (&raw.key, &raw.token, &raw.certificate) {
            (Some(key), None, None) => Ok(KeyPlace::File(self.inside("key", key)?)),
            (None, Some(token), Some(certificate)) => {
                let text = token.get_ref();
                let serial = text.parse().ok().filter(|n: &u32| n.to_string() == *text);
                Ok(KeyPlace::Token {
                    serial: serial.ok_or_else(|| self.bad("token", token, BadFact::Serial))?,
                    certificate: self.inside("certificate", certificate)?,
                })
            }
            _ => {
                let line = self.line(raw.fingerprint.span());
                Err(SiteError::KeyOrToken { line })
            }
        }
    }

    /// A name on another medium: it must not lead out of it.
    fn inside(&self, key: &'static str, raw: &Spanned<String>) -> Result<String, SiteError> {
        let path = self.text(key, raw, MAX_PATH)?;
        let inside = |part| matches!(part, Component::Normal(_));
        let plain = Path::new(&path).components().all(inside);
        if !plain || path.contains('\\') || path.ends_with('/') {
            return Err(self.bad(key, raw, BadFact::Path));
        }
        Ok(path)
    }

    fn verifier(&self, raw: &RawVerifier) -> Result<Verifier, SiteError> {
        Ok(Verifier {
            callback: self.call_back(&raw.call_back)?,
        })
    }

    fn call_back(&self, raw: &Spanned<String>) -> Result<String, SiteError> {
        match input::ascii_text(raw.get_ref(), MAX_CALL_BACK) {
            Ok(()) => Ok(raw.get_ref().clone()),
            Err(bad) => Err(self.bad("call-back", raw, BadFact::Text(bad))),
        }
    }

    fn media(
        &self,
        raw: &BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> Result<BTreeMap<Role, String>, SiteError> {
        let mut media: BTreeMap<Role, String> = BTreeMap::new();
        // In the order of the file, so that a double is found at its second place.
        let mut entries: Vec<_> = raw.iter().collect();
        entries.sort_by_key(|(role, _)| role.span().start);
        for (role_name, place) in entries {
            let role: Role = role_name
                .get_ref()
                .parse()
                .map_err(|unknown| self.bad("media", role_name, BadFact::Role(unknown)))?;
            let path = self.text(role.name(), place, MAX_PATH)?;
            if media
                .values()
                .any(|other| Path::new(other) == Path::new(&path))
            {
                return Err(SiteError::SameMedium {
                    line: self.line(place.span()),
                });
            }
            media.insert(role, path);
        }
        Ok(media)
    }

    fn text(
        &self,
        key: &'static str,
        raw: &Spanned<String>,
        limit: usize,
    ) -> Result<String, SiteError> {
        match input::unicode_text(raw.get_ref(), limit) {
            Ok(()) => Ok(raw.get_ref().clone()),
            Err(bad) => Err(self.bad(key, raw, BadFact::Text(bad))),
        }
    }

    fn bad<T>(&self, key: &'static str, raw: &Spanned<T>, problem: BadFact) -> SiteError {
        SiteError::Value {
            line: self.line(raw.span()),
            key,
            problem,
        }
    }

    fn line(&self, span: Range<usize>) -> usize {
        input::line_at(self.source, Some(span))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::{Exit, Explain};

    const FULL: &str = r#"
backup-address = "Gärtnerei backups <backup@example.org>"
previous = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
printer = "/dev/usb/lp0"

[operator-a]
fingerprint = "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"
key = "keys/alice.key.asc"
call-back = "+44 20 7946 0101"

[operator-b]
fingerprint = "fedcba9876543210fedcba9876543210fedcba98"
key = "bob.key.asc"

[verifier]
call-back = "+44 20 7946 0102"

[media]
operator-a = "/media/a"
operator-b = "/media/b"
"#;

    /// The error of the full site with one line exchanged, which must be on that line.
    fn refused(old: &str, new: &str) -> SiteError {
        let source = FULL.replace(old, new);
        assert_ne!(source, FULL, "nothing was exchanged");
        let error = Site::parse(&source).expect_err(new);
        let changed = source
            .lines()
            .zip(FULL.lines())
            .position(|(new, old)| new != old);
        assert_eq!(error.line(), changed.map(|at| at + 1), "{error}");
        assert_eq!(error.exit(), Exit::Usage);
        assert!(!error.remedy().is_empty());
        error
    }

    #[test]
    fn unknown_keys_are_refused_everywhere() {
        for (old, new) in [
            ("printer", "printers"),
            ("call-back = \"+44 20 7946 0101\"", "callback = \"+44\""),
            ("operator-a = \"/media/a\"", "operator-c = \"/media/a\""),
        ] {
            let error = refused(old, new).to_string();
            assert!(
                error.contains("unknown") || error.contains("no medium"),
                "{error}"
            );
        }
    }

    #[test]
    fn operators_are_two_people_with_files_on_their_own_media() {
        let (a, b) = (
            "fedcba9876543210fedcba9876543210fedcba98",
            "0123456789ABCDEF0123456789abcdef01234567",
        );
        assert!(matches!(refused(a, b), SiteError::SameFingerprint { .. }));
        refused(a, "fedcba98");
        for path in [
            "/etc/key",
            "../bob.key",
            "a/../../b",
            "./..",
            "a\\\\b",
            "",
            "a/",
            ".",
        ] {
            let error = refused("bob.key.asc", path);
            assert!(
                matches!(error, SiteError::Value { key: "key", .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_is_in_a_file_or_in_a_token() {
        let file = "key = \"bob.key.asc\"";
        let serial = |bad: &str| format!("token = \"{bad}\"\ncertificate = \"bob.asc\"");
        for bad in ["", "0123", "-1", "4294967296", "12 34", "ABC"] {
            let error = Site::parse(&FULL.replace(file, &serial(bad))).expect_err(bad);
            assert!(
                matches!(error, SiteError::Value { key: "token", .. }),
                "{error}"
            );
        }
        for bad in [
            "",
            "token = \"1234\"",
            "certificate = \"bob.asc\"",
            "key = \"bob.key.asc\"\ntoken = \"1234\"\ncertificate = \"bob.asc\"",
        ] {
            let error = Site::parse(&FULL.replace(file, bad)).expect_err(bad);
            assert!(matches!(error, SiteError::KeyOrToken { .. }), "{error}");
            assert!(!error.remedy().is_empty() && error.line().is_some());
        }
        let outside = FULL.replace(file, "token = \"1234\"\ncertificate = \"../b.asc\"");
        assert!(Site::parse(&outside).is_err());
        let source = FULL.replace(file, &serial("12345678"));
        let site = Site::parse(&source).expect("it is good");
        let place = site.operator_b.expect("pinned").key;
        let certificate = "bob.asc".to_string();
        assert_eq!(
            place,
            KeyPlace::Token {
                serial: 12_345_678,
                certificate
            }
        );
        let same = source.replace("key = \"keys/alice.key.asc\"", &serial("12345678"));
        let error = Site::parse(&same).expect_err("one token");
        assert!(matches!(error, SiteError::SameToken { .. }), "{error}");
    }

    #[test]
    fn two_roles_never_share_a_medium() {
        for path in ["/media/a", "/media/a/", "/media//a"] {
            assert!(matches!(
                refused("/media/b", path),
                SiteError::SameMedium { .. }
            ));
        }
    }

    #[test]
    fn texts_hide_nothing() {
        refused("Gärtnerei", "G\\u202e");
        refused("Gärtnerei", "G\\n");
        refused("Gärtnerei", &"x".repeat(200));
        refused("+44 20 7946 0102", "");
        refused("+44 20 7946 0102", "ä");
        refused("e3b0c", "E3B0C");
    }

    #[test]
    fn a_full_site_is_read() {
        let site = Site::parse(FULL).expect("it is good");
        assert_eq!(
            site.backup_address.as_deref(),
            Some("Gärtnerei backups <backup@example.org>")
        );
        let a = site.operator_a.as_ref().expect("pinned");
        assert_eq!(
            a.fingerprint.to_string(),
            "0123456789abcdef0123456789abcdef01234567"
        );
        assert_eq!(a.callback.as_deref(), Some("+44 20 7946 0101"));
        assert_eq!(site.operator_b.as_ref().expect("pinned").callback, None);
        assert_eq!(site.media[&Role::OperatorB], "/media/b");
        assert_eq!(
            (site.source(), site.digest()),
            (FULL, Digest::of(FULL.as_bytes()))
        );
        assert_eq!(Site::parse(""), Ok(Site::default()));
    }

    #[test]
    fn the_example_is_good_and_so_is_each_key_that_it_only_shows() {
        let site = Site::parse(EXAMPLE).expect("the example is good");
        assert!(site.backup_address.is_some(), "a rehearsal needs a user ID");
        assert!(
            site.operator_a.is_none() && site.media.is_empty(),
            "a rehearsal has its own"
        );
        // A key that is only shown begins its line with `#` and no blank.
        let shown = |line: &str| line.len() > 1 && !line.starts_with("# ");
        let all: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| {
                if shown(line) {
                    line.trim_start_matches('#')
                } else {
                    line
                }
            })
            .collect();
        let site = Site::parse(&all.join("\n")).expect("what it shows is good");
        assert!(site.previous.is_some() && site.printer.is_some() && site.verifier.is_some());
        assert!(site.operator_a.is_some() && site.operator_b.is_some());
        assert!(Role::ALL.iter().all(|role| site.media.contains_key(role)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(source in "\\PC{0,200}") {
            let _ = Site::parse(&source);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..FULL.len(), len in 0usize..40, put in "\\PC{0,8}") {
            let mut source: String = FULL.chars().take(at).collect();
            source.push_str(&put);
            source.extend(FULL.chars().skip(at + len));
            if let Ok(site) = Site::parse(&source) {
                prop_assert_eq!(site.source(), source);
            }
        }
    }
}
