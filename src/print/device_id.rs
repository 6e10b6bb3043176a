//! What a printer says of itself: the device ID of IEEE 1284, clause 6.6.
//!
//! It comes from a device, and may be anything: too long, cut short, hostile.

use ceremony_devices::printable;

use super::Language;

/// As much of an ID as is looked at, in bytes; the kernel gives no more than 1022.
pub const MAX_DEVICE_ID: usize = 4096;

/// As much of a text as is shown.
const MAX_SHOWN: usize = 30;

/// What is of interest in a device ID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceId {
    /// Manufacturer and model, printable.
    title: String,
    /// What it takes, upper case; `None` where it does not say.
    commands: Option<Vec<String>>,
}

impl DeviceId {
    /// Reads an ID, with or without the two bytes of its length. There is no wrong one: what cannot
    /// be understood says nothing.
    pub fn parse(bytes: &[u8]) -> DeviceId {
        let bytes = &bytes[..bytes.len().min(MAX_DEVICE_ID)];
        let text = String::from_utf8_lossy(without_length(bytes));
        let mut fields: Vec<(String, &str)> = Vec::new();
        for field in text.split(';') {
            if let Some((key, value)) = field.split_once(':') {
                fields.push((key.trim().to_ascii_uppercase(), value.trim()));
            }
        }
        let find = |names: [&str; 2]| {
            let fits = |(key, _): &&(String, &str)| names.contains(&key.as_str());
            fields.iter().find(fits).map(|(_, value)| *value)
        };
        let manufacturer = find(["MFG", "MANUFACTURER"]).unwrap_or_default();
        let model = find(["MDL", "MODEL"]).unwrap_or_default();
        let shown = |text| printable(text, MAX_SHOWN);
        let title = format!("{} {}", shown(manufacturer), shown(model));
        let commands = find(["CMD", "COMMAND SET"]).filter(|list| !list.is_empty());
        DeviceId {
            title: title.trim().to_string(),
            commands: commands.map(listed),
        }
    }

    /// Manufacturer and model; empty where it does not say.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it takes, as it says; empty where it does not say.
    pub fn commands(&self) -> String {
        let all = self.commands.as_deref().unwrap_or_default().join(", ");
        printable(&all, 2 * MAX_SHOWN)
    }

    /// The language for a job, with or without a PDF; `None` where it takes none of ours.
    ///
    /// A printer that says nothing gets plain text: old ones take nothing else.
    pub fn language(&self, has_pdf: bool) -> Option<Language> {
        let Some(commands) = &self.commands else {
            return Some(Language::Text);
        };
        let takes = |language| commands.iter().any(|name| means(name) == Some(language));
        let in_order = [
            (has_pdf, Language::Pdf),
            (true, Language::PostScript),
            (true, Language::Escp),
            (true, Language::Text),
        ];
        let fits = |(may, language): &(bool, Language)| *may && takes(*language);
        in_order
            .into_iter()
            .find(fits)
            .map(|(_, language)| language)
    }
}

fn listed(list: &str) -> Vec<String> {
    let names = list.split(',').map(|name| name.trim().to_ascii_uppercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// Length first, most significant byte first, itself counted. The kernel leaves it out; some printers
/// count it wrongly or the other way round. No text begins with such a byte: an ID is shorter than
/// 8 KiB, and its first key is printable.
fn without_length(bytes: &[u8]) -> &[u8] {
    match bytes {
        [high, low, rest @ ..] if *high < b' ' => {
            let said = usize::from(u16::from_be_bytes([*high, *low]));
            match said.checked_sub(2) {
                Some(said) if said > 0 && said < rest.len() => &rest[..said],
                _ => rest,
            }
        }
        _ => bytes,
    }
}

/// What a name in the list of commands stands for. Left out are those that look alike and are pictures
/// of the printer's own kind: ESCPR, PCLXL, PCL3GUI, PCLM.
fn means(name: &str) -> Option<Language> {
    let pcl = |rest: &str| {
        let numbered = ["", "3", "4", "5", "5C", "5E"];
        numbered.contains(&rest.trim())
    };
    match name {
        "PDF" => Some(Language::Pdf),
        "PS" | "PS2" | "PS3" => Some(Language::PostScript),
        _ if name.starts_with("POSTSCRIPT") || name.starts_with("BR-SCRIPT") => {
            Some(Language::PostScript)
        }
        "ESC/P" | "ESC/P2" | "ESCP" | "ESCP2" | "ESCPL2" | "ESCP9" | "EPSON" => {
            Some(Language::Escp)
        }
        "TEXT" | "ASCII" | "TXT" | "PLAINTEXT" | "BDC" => Some(Language::Text),
        _ => {
            let rest = name.strip_prefix("PCL")?;
            pcl(rest).then_some(Language::Text)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn language(id: &str, has_pdf: bool) -> Option<Language> {
        DeviceId::parse(id.as_bytes()).language(has_pdf)
    }

    #[test]
    fn pictures_of_their_own_kind_are_no_language_of_ours() {
        for id in [
            "CMD:ZJS,URF;",
            "CMD:GDI",
            "COMMAND SET:ESCPR1,PCLXL,PCL3GUI,PCLM;",
            "CMD:PDFX,XPDF,POST;",
            "CMD:,,PJL;",
        ] {
            assert_eq!(language(id, true), None, "{id}");
        }
        assert_eq!(
            language("CMD:PDF;", false),
            None,
            "there is no PDF to give it"
        );
    }

    #[test]
    fn who_says_nothing_gets_plain_text() {
        for id in [
            "",
            "MFG:X;MDL:Y;",
            "CMD:;",
            "CMD",
            ":",
            ";;;",
            "\u{0}",
            "\u{0}\u{5}",
        ] {
            assert_eq!(language(id, true), Some(Language::Text), "{id:?}");
        }
    }

    #[test]
    fn printers_as_they_are() {
        let laser =
            "MFG:Hewlett-Packard;CMD:PJL,MLC,PCL,POSTSCRIPT,PCLXL;MDL:LaserJet 2200;CLS:PRINTER;";
        assert_eq!(language(laser, true), Some(Language::PostScript));
        let office = "MANUFACTURER:Brother;COMMAND SET:PJL,PCL,PCLXL,PDF;MODEL:HL-X;";
        assert_eq!(language(office, true), Some(Language::Pdf));
        assert_eq!(language(office, false), Some(Language::Text));
        let needles = "MFG:EPSON; CMD:ESCPL2,BDC ;MDL:LQ-350;CLS:PRINTER;DES:EPSON LQ-350;";
        assert_eq!(language(needles, true), Some(Language::Escp));
        assert_eq!(DeviceId::parse(needles.as_bytes()).title(), "EPSON LQ-350");
        assert_eq!(
            language("cmd: postscript level 3", false),
            Some(Language::PostScript)
        );
    }

    #[test]
    fn the_length_is_taken_off_and_believed_only_where_it_is_less() {
        let with = |said: u16, rest: &str| {
            let bytes = [&said.to_be_bytes(), rest.as_bytes()].concat();
            DeviceId::parse(&bytes).language(true)
        };
        let id = "CMD:PS;";
        let whole = id.len() as u16 + 2;
        for said in [whole, 0, 1, 2, whole + 400] {
            assert_eq!(with(said, id), Some(Language::PostScript), "{said}");
        }
        assert_eq!(with(whole, "CMD:PS;CMD:PDF;"), Some(Language::PostScript));
        // What comes after the ID is not part of it.
        assert_eq!(with(8, "MDL:X;CMD:PDF;"), Some(Language::Text));
    }

    #[test]
    fn a_name_cannot_write_to_the_terminal() {
        let id = DeviceId::parse("MFG:\u{1b}[2J;MDL:\u{202e}x\n;CMD:\u{7}".as_bytes());
        assert_eq!(id.title(), "?[2J ?x");
        assert_eq!(id.commands(), "?");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let id = DeviceId::parse(&bytes);
            let shown = format!("{}{}", id.title(), id.commands());
            prop_assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(id.title().len() <= 2 * MAX_SHOWN + 1);
            id.language(true);
        }

        #[test]
        fn cut_anywhere_it_claims_no_more(at in 0usize..80) {
            let id = "MFG:Hewlett-Packard;CMD:PJL,PCL,POSTSCRIPT,PDF;MDL:LaserJet;";
            let cut = &id[..at.min(id.len())];
            let takes = DeviceId::parse(cut.as_bytes()).language(true);
            prop_assert!(takes != Some(Language::Escp));
            if !cut.contains("PDF") {
                prop_assert!(takes != Some(Language::Pdf));
            }
        }

        #[test]
        fn order_and_case_do_not_matter(mut names in Just(vec!["pcl", "PJL", "pOSTscript"]).prop_shuffle()) {
            let id = format!("mfg:x;cmd:{};", names.join(" , "));
            prop_assert_eq!(language(&id, false), Some(Language::PostScript));
            names.retain(|name| *name != "pOSTscript");
            let id = format!("MDL:y;Command Set:{}", names.join(","));
            prop_assert_eq!(language(&id, false), Some(Language::Text));
        }
    }
}
