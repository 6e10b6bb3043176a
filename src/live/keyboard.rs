//! The keyboard's layout.

use super::{Done, Live};
use crate::screen::{Asks, layout};

/// What the kernel begins with.
const BUILT_IN: &str = "us";

/// The layouts that are shown first: of the many that kbd has, the ordinary one of each language.
pub(super) const COMMON: &[(&str, &str)] = &[
    ("us", "US English"),
    ("uk", "British"),
    ("ca-multi", "Canadian"),
    ("fr-latin9", "French"),
    ("be-latin1", "Belgian"),
    ("fr_CH", "Swiss French"),
    ("sg", "Swiss German"),
    ("de", "German"),
    ("nl", "Dutch"),
    ("dk", "Danish"),
    ("se-latin1", "Swedish"),
    ("no", "Norwegian"),
    ("fi", "Finnish"),
    ("is-latin1", "Icelandic"),
    ("es", "Spanish"),
    ("la-latin1", "Latin American"),
    ("pt-latin1", "Portuguese"),
    ("br-abnt2", "Brazilian"),
    ("it", "Italian"),
    ("pl", "Polish"),
    ("cz-us-qwertz", "Czech"),
    ("sk-qwertz", "Slovak"),
    ("hu", "Hungarian"),
    ("slovene", "Slovene"),
    ("croat", "Croatian"),
    ("ro", "Romanian"),
    ("et", "Estonian"),
    ("lv-latin7", "Latvian"),
    ("lt", "Lithuanian"),
    ("trq", "Turkish Q"),
    ("gr", "Greek"),
    ("ru", "Russian"),
    ("ua", "Ukrainian"),
    ("jp106", "Japanese"),
    ("dvorak", "Dvorak"),
    ("dvorak-fr-bepo", "Bepo (French)"),
];

/// Shows all others.
const ALL: &str = "all";

impl Live<'_> {
    /// Has the layout chosen, and tried.
    pub(super) fn keyboard(&mut self) -> Done<()> {
        let names = self.host.layouts();
        if names.is_empty() {
            return Ok(());
        }
        loop {
            self.desk.page("The keyboard", common(&names))?;
            let prompt = "Name of the layout; Enter alone takes us; all shows all names";
            let typed = self.desk.line(Asks::Decide, prompt)?;
            let name = if typed.is_empty() { BUILT_IN } else { &typed };
            if name == ALL {
                self.pages("All layouts", &layout::wrap(&names.join(" ")))?;
                continue;
            }
            if !names.iter().any(|known| known == name) {
                self.desk
                    .say("There is no such layout. Type one of the names.")?;
                self.desk.enter(Asks::Done, "Press Enter to go on")?;
                continue;
            }
            if let Err(error) = self.host.set_layout(name) {
                self.failed(&error)?;
                return Ok(());
            }
            if self.tried(name)? {
                return Ok(());
            }
        }
    }

    /// Types something visible, so that no passphrase is typed with the wrong keys.
    fn tried(&mut self, name: &str) -> Done<bool> {
        let text = format!(
            "The layout is {name}. Try the keys that differ: z and y, a and q, digits, - and /."
        );
        self.desk.page("Try the keyboard", layout::wrap(&text))?;
        loop {
            let prompt = "Type something; Enter alone when it is right; other to choose again";
            match self.desk.line(Asks::Decide, prompt)?.as_str() {
                "" => return Ok(true),
                "other" => return Ok(false),
                typed => self.desk.say(&format!("You typed {typed}"))?,
            }
        }
    }
}

/// Name and language in columns, those that are there.
fn common(names: &[String]) -> Vec<String> {
    let there = COMMON
        .iter()
        .filter(|(name, _)| names.iter().any(|other| other == name));
    let cells: Vec<String> = there
        .map(|(name, language)| format!("{name:<14} {language}"))
        .collect();
    let rows = cells.len().div_ceil(COLUMNS);
    let row = |at: usize| -> String {
        let cells = (0..COLUMNS).filter_map(|column| cells.get(column * rows + at));
        let wide: Vec<String> = cells.map(|cell| format!("{cell:<CELL$}")).collect();
        wide.concat().trim_end().to_string()
    };
    (0..rows).map(row).collect()
}

const COLUMNS: usize = 2;
const CELL: usize = 38;
