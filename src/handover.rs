//! What is handed over with the certificate: a note for the person at the far end.

/// The independent check of a record, as it lies beside a closed one.
pub const VERIFY_RECORD: &str = include_str!("../scripts/verify-record");

/// `HANDOVER.txt`, for a key of version 6 or else 4. ASCII, at most 78 columns; it is written
/// without the fingerprint, and cannot show it.
///
/// Lines that begin with four blanks are commands, to be typed as they stand.
pub fn text(id: &str, rehearsal: bool, key_version: u8) -> String {
    let warning: &[&str] = if rehearsal {
        &[
            "REHEARSAL - do not use this certificate for anything real.",
            "",
        ]
    } else {
        &[]
    };
    let head = ["A CERTIFICATE FROM CEREMONY", id, ""];
    // GnuPG knows no keys of version 6 (RFC 9580); sq does since its version 1.3.
    let without = match key_version {
        6 => [WITHOUT_SQ, HEARD, ANSWER_SQ, GROUPS, USE_SQ],
        _ => [WITHOUT_GPG, HEARD, ANSWER_GPG, GROUPS, USE_GPG],
    };
    let ways = [WHAT, CALLS, WITH_THE_PROGRAM].into_iter().chain(without);
    let parts = [warning, &head].into_iter().chain(ways).chain([RECORD]);
    parts.flatten().map(|line| format!("{line}\n")).collect()
}

const WHAT: &[&str] = &[
    "certificate.asc is the public key that a backup system encrypts to. Nothing",
    "on this stick is secret. This stick has left the ceremony: it must never go",
    "back into the ceremony's machine.",
    "",
    "BEFORE ANYTHING IS ENCRYPTED TO IT, the people who held the ceremony read the",
    "key's fingerprint to you in a telephone call, and your computer compares.",
    "Trust no fingerprint that came with the file, by mail or on a stick, and look",
    "at none before the call: you type what you hear, and only that counts.",
    "",
];

const CALLS: &[&str] = &[
    "---- The two calls ----",
    "",
    "1. They call you. You arrange a time, and both of you hang up. Nothing is",
    "   confirmed in this call, and you give no answer in it.",
    "2. You call them, at the number that you held before the ceremony: not at one",
    "   that you got in the first call, by mail or with this stick. Only this call",
    "   counts.",
    "3. In it each of you asks the other the question that you agreed on in person.",
    "   If an answer is wrong, hang up, and tell them when you meet.",
    "",
    "Two people read to you, by turns. A call cannot detect someone who sits in the",
    "middle and passes everything on live, with cloned voices of people you know.",
    "",
    "Print grid.pdf (or grid.txt) before the call: it has room for what you hear.",
    "",
];

const WITH_THE_PROGRAM: &[&str] = &[
    "---- With the program ceremony (the better way) ----",
    "",
    "On an ordinary computer with a network, get the program from a place that you",
    "trust, not from a stick. Copy this folder to the computer. Before the second",
    "call, open a terminal in the folder and type:",
    "",
    "    ceremony confirm certificate.asc",
    "",
    "Call when it says so, and do what the screen says. At the end you have a pin",
    "file (its name ends in .pin), which says what key was confirmed. The command",
    "ceremony seal --pin, with its name, seals a backup to that key and no other.",
    "The pin file is not secret, but keep it where nobody else can change it.",
    "",
];

const WITHOUT_GPG: &[&str] = &[
    "---- With gpg alone ----",
    "",
    "This way is weaker: it cannot show them that you typed what you heard. Their",
    "record will say \"confirmed without canaries\". They read groups of four digits",
    "to you instead of words. Tell them before the call that you need that.",
    "",
];

const WITHOUT_SQ: &[&str] = &[
    "---- With sq alone ----",
    "",
    "This key is of version 6. Stock gpg cannot read it; the program sq (Sequoia",
    "PGP), version 1.3 or newer, can: sq inspect shows a certificate.",
    "",
    "This way is weaker: it cannot show them that you typed what you heard. Their",
    "record will say \"confirmed without canaries\". They read groups of four digits",
    "to you instead of words. Tell them before the call that you need that.",
    "",
];

const HEARD: &[&str] = &[
    "Copy this folder to the computer, open a terminal in it, type sh and press",
    "Enter. Type each command below as it stands, in this order, in this terminal.",
    "",
    "1. In the second call let them read the end of the ceremony's id to you. The",
    "   id at the top of this page must end so. Let them read the ten head words",
    "   from their paper. Write those on the grid, and keep it: they show later",
    "   that nobody changed the record.",
    "2. Type what you hear into a file, before the computer shows you anything. The",
    "   digits are 0 to 9 and A to F; blanks, line breaks and small letters do not",
    "   matter:",
    "",
    "    cat > heard.txt",
    "",
    "   End with Enter and Ctrl-D. Ask for a row again where you are not sure.",
    "3. Only then let the computer compare; it prints SAME or DIFFERENT:",
    "",
    "    a=$(tr -d '[:space:]' < heard.txt | tr a-f A-F)",
];

const ANSWER_GPG: &[&str] = &[
    "    b=$(gpg --show-keys --with-colons certificate.asc |",
    "      awk -F: '/^pub:/ {n++} /^fpr:/ && !f {f=$10} END {if (n==1) print f}')",
];

const ANSWER_SQ: &[&str] = &[
    "    b=$(sq inspect certificate.asc |",
    "      awk '$1==\"Fingerprint:\" {n++; f=$2} END {if (n==1) print f}')",
];

const GROUPS: &[&str] = &[
    "    [ -n \"$b\" ] && [ \"$a\" = \"$b\" ] && echo SAME || echo DIFFERENT",
    "",
    "   Tell them what it says. If it is DIFFERENT, let them read all of it once",
    "   more, and do 2 and 3 again. If it stays so, do not use the certificate.",
    "4. If it is SAME, they ask you for five groups by number. Read those to them",
    "   from what this prints:",
    "",
    "    echo \"$b\" | fold -w 4 | awk '{ print NR, $0 }'",
    "",
];

const USE_GPG: &[&str] = &[
    "   They numbered the groups the same way, from 1 to 10.",
    "5. When they say that the key is confirmed, encrypt to this file and no other.",
    "   Put the name of what you back up in the place of backup.tar:",
    "",
    "    gpg --encrypt --recipient-file certificate.asc backup.tar",
    "",
];

const USE_SQ: &[&str] = &[
    "   They numbered the groups the same way, from 1 to 16.",
    "5. When they say that the key is confirmed, encrypt to this file and no other.",
    "",
];

const RECORD: &[&str] = &[
    "---- The record ----",
    "",
    "record/ is the signed record of the ceremony as far as it had come when this",
    "stick was written. It is complete later, and can then be checked with",
    "verify-record, gpg and sha256sum.",
];

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_note_fits_and_says_that_it_is_a_rehearsal_s() {
        for version in [4, 6] {
            let note = text("REHEARSAL-2026-01-02-backup-key-ABCDEFGH", true, version);
            assert!(note.is_ascii() && note.starts_with("REHEARSAL - "));
            assert!(note.lines().all(|line| line.len() <= 78), "{note}");
            let real = text("2026-01-02-backup-key-ABCDEFGH", false, version);
            assert!(!real.contains("REHEARSAL"));
        }
    }

    #[test]
    fn each_version_names_the_program_that_can_read_it() {
        let [v4, v6] = [4, 6].map(|version| text("x", false, version));
        assert!(v4.contains("gpg --show-keys") && !v4.contains("sq inspect"));
        assert!(v6.contains("sq inspect") && !v6.contains("gpg --show-keys"));
        assert!(v4.contains("1 to 10") && v6.contains("1 to 16"));
    }
}
