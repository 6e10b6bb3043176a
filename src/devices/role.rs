//! The roles that media play in a ceremony.

use std::fmt;
use std::str::FromStr;

use crate::error::{Exit, Explain};

/// What a medium is for. A medium has one role and a role has one medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Operator A's own medium: the record from the first entry on, and a file operator's key.
    OperatorA,
    /// Operator B's own medium, the same.
    OperatorB,
    /// The first copy of the encrypted secret key and its capsules.
    Secret1,
    /// The second copy of the same.
    Secret2,
    /// What is sent to the verifier: the certificate and the record so far.
    Handover,
    /// What anyone may see: certificate, fingerprint sheet, closed record.
    Public,
}

impl Role {
    /// All roles, in the order in which people are asked for them.
    pub const ALL: [Role; 6] = [
        Role::OperatorA,
        Role::OperatorB,
        Role::Secret1,
        Role::Secret2,
        Role::Handover,
        Role::Public,
    ];

    /// The name in sites, on the command line and as a rehearsal's folder.
    pub fn name(self) -> &'static str {
        match self {
            Role::OperatorA => "operator-a",
            Role::OperatorB => "operator-b",
            Role::Secret1 => "secret-1",
            Role::Secret2 => "secret-2",
            Role::Handover => "handover",
            Role::Public => "public",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no role; the roles are those of [`Role::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no medium with that role")
    }
}

impl std::error::Error for UnknownRole {}

impl Explain for UnknownRole {
    fn remedy(&self) -> String {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("Use one of these roles: {}.", names.join(", "))
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Role, UnknownRole> {
        Role::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_exactly() {
        for bad in [
            "",
            "Operator-A",
            "operator-c",
            "secret",
            " public",
            "secret-1 ",
        ] {
            assert_eq!(bad.parse::<Role>(), Err(UnknownRole), "{bad:?}");
        }
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
    }
}
