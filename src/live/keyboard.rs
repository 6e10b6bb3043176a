//! The keyboard's layout.

use super::{Done, Live};
use crate::screen::{Asks, layout};

/// What the kernel begins with.
const BUILT_IN: &str = "us";

impl Live<'_> {
    /// Has the layout chosen, and tried.
    pub(super) fn keyboard(&mut self) -> Done<()> {
        let names = self.host.layouts();
        if names.is_empty() {
            return Ok(());
        }
        loop {
            let mut body = layout::wrap(&names.join(" "));
            body.truncate(super::MOST_LINES - 3);
            body.push(String::new());
            body.extend(layout::wrap(
                "The names begin with the country: de, fr, uk, us. Enter alone takes us.",
            ));
            self.desk.page("The keyboard", body)?;
            let typed = self.desk.line(Asks::Decide, "Name of the layout")?;
            let name = if typed.is_empty() { BUILT_IN } else { &typed };
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
