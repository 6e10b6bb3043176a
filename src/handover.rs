//! What is handed over with the certificate: a note for the person at the far end.

/// The independent check of a record, as it lies beside a closed one.
pub const VERIFY_RECORD: &str = include_str!("../scripts/verify-record");

/// `HANDOVER.txt`. ASCII, at most 78 columns.
pub fn text(id: &str, rehearsal: bool) -> String {
    let warning = if rehearsal {
        "REHEARSAL - do not use this certificate for anything real.\n\n"
    } else {
        ""
    };
    format!(
        "{warning}A CERTIFICATE FROM CEREMONY\n{id}\n\n{}\n",
        NOTE.join("\n")
    )
}

/// Lines that begin with four blanks are commands, to be typed as they stand.
const NOTE: &[&str] = &[
    "certificate.asc is the public key that a backup system encrypts to. Nothing",
    "on this stick is secret. This stick has left the ceremony: it must never go",
    "back into the ceremony's machine.",
    "",
    "BEFORE ANYTHING IS ENCRYPTED TO IT, compare the fingerprint with the people",
    "who held the ceremony. Do not trust a fingerprint that came with the file, by",
    "the same mail, or on this stick.",
    "",
    "1. Call them at a number that you knew before the ceremony.",
    "2. Let them read the fingerprint to you from their paper. Type what you hear",
    "   into a file, before you look at the certificate:",
    "",
    "    cat > heard.txt",
    "",
    "   End with Enter and Ctrl-D. Ask for a row again where you are not sure.",
    "3. Only then let the computer compare; it prints SAME or DIFFERENT:",
    "",
    "    a=$(tr -d ' \\n' < heard.txt | tr a-f A-F)",
    "    b=$(gpg --show-keys --with-colons certificate.asc |",
    "      awk -F: '$1 == \"fpr\" { print $10; exit }')",
    "    [ \"$a\" = \"$b\" ] && echo SAME || echo DIFFERENT",
    "",
    "4. If it says DIFFERENT, do not use the certificate, and tell them.",
    "",
    "record/ is the signed record of the ceremony as far as it had come when this",
    "stick was written. It is complete later, and can then be checked with",
    "verify-record, gpg and sha256sum.",
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_note_fits_and_shows_no_fingerprint() {
        let note = super::text("REHEARSAL-2026-01-02-backup-key-ABCDEFGH", true);
        assert!(note.is_ascii() && note.starts_with("REHEARSAL"));
        assert!(note.lines().all(|line| line.len() <= 78));
        let commands = note.lines().filter(|line| line.starts_with("    "));
        assert_eq!(commands.count(), 5, "they stand out from the text");
    }
}
