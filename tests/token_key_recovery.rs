//! The revocation certificate of a key in a token is opened as RECOVERY.txt says, with stock gpg at
//! a terminal and the words from the cards. The commands are the printed ones, byte for byte.
#![allow(clippy::disallowed_methods, reason = "tests touch files and processes")]

mod held;
mod shell;
#[path = "token_key_support/mod.rs"]
mod support;

use ceremony::backup::quorum::Custodian;
use ceremony::openpgp::Certificate;
use ceremony::record::value::Part;
use ceremony::role::Role;
use shell::{Kept, Printed, Shell};
use support::{Hands, Held, KEY, LIMIT, Maker, Table, as_expected};
use virtual_yubikey::alone_with_pcscd;

struct Finished<'a>(&'a Table, Held);

impl Kept for Finished<'_> {
    fn page(&self, medium: &str) -> Vec<u8> {
        let role = match medium {
            "secret-1" => Role::Secret1,
            _ => Role::Secret2,
        };
        self.0.file(role, &self.1.id, "RECOVERY.txt")
    }

    fn words(&self, custodian: Custodian) -> String {
        self.0.card(custodian.letter(), Part::Whole)
    }
}

#[test]
fn the_key_is_declared_invalid_as_it_is_printed() {
    let name = "the_key_is_declared_invalid_as_it_is_printed";
    held::need(&["gpg", "gpgconf"]);
    alone_with_pcscd(name, LIMIT, |[reader, _]| {
        let table = Table::of_two(Hands::new(reader, Maker::known().token(KEY)));
        let finished = Finished(&table, table.hold(as_expected()).closed());
        let printed = Printed::of(&finished);
        let folder = table.medium(Role::Secret1).join(&finished.1.id);
        let before =
            Certificate::from_bytes(&table.file(Role::Public, &finished.1.id, "certificate.asc"));
        let before = before.expect("a certificate");
        assert!(!before.is_revoked());
        let mut shell = Shell::start(&folder);
        shell.run_all(&finished, &printed.prepare);
        let title = "The revocation certificate, with the words of A and B";
        shell.run_all(&finished, printed.section(title));
        let (join, clear) = printed.section("Then, with the certificate").split_at(3);
        shell.run_all(&finished, join);
        let revoked = std::fs::read(shell.home().join("revoked.asc")).expect("it was written");
        let after = Certificate::from_bytes(&revoked).expect("a certificate");
        assert_eq!(after.fingerprint(), before.fingerprint());
        assert!(after.is_revoked());
        shell.run_all(&finished, clear);
        assert!(!shell.home().exists(), "the last command removes the place");
    });
}
