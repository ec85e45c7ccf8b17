//! What a case holds and somebody might want, before anybody judged whether it may leave.

use std::collections::BTreeSet;

use shieldwall_schema::Timestamp;
use shieldwall_schema::incident::Severity;

/// What sort of thing a candidate is. The order is that of the preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// An IP address.
    Address,
    /// A domain name.
    Domain,
    /// A file's hash, hex.
    Hash,
    /// An ATT&CK technique's id.
    Technique,
    /// A machine of ours.
    Host,
    /// An account.
    User,
    /// A logon session.
    Session,
    /// A process.
    Process,
    /// A command line or script.
    CommandLine,
    /// A file's path or name, or an address of a web page.
    Path,
    /// An e-mail address.
    Email,
    /// A sentence with values in it: a headline, a log's message.
    Words,
}

impl What {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Address,
        Self::Domain,
        Self::Hash,
        Self::Technique,
        Self::Host,
        Self::User,
        Self::Session,
        Self::Process,
        Self::CommandLine,
        Self::Path,
        Self::Email,
        Self::Words,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Domain => "domain",
            Self::Hash => "file hash",
            Self::Technique => "technique",
            Self::Host => "host",
            Self::User => "user",
            Self::Session => "logon session",
            Self::Process => "process",
            Self::CommandLine => "command line",
            Self::Path => "path",
            Self::Email => "e-mail",
            Self::Words => "words",
        }
    }
}

/// On whose side an address or a domain stood in the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// No record at hand says.
    #[default]
    Unknown,
    /// The other side: it came to us, or we went to it.
    Other,
    /// Ours.
    Own,
}

/// Something that might be shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// What sort of thing it is; `None` is nothing and never leaves.
    pub what: Option<What>,
    /// Its value as the records have it.
    pub value: String,
    /// Whose it is.
    pub role: Role,
    /// In how many matches.
    pub count: u64,
    /// Earliest of them.
    pub first: Option<Timestamp>,
    /// Latest of them.
    pub last: Option<Timestamp>,
    /// The gravest incident that it is part of.
    pub severity: Severity,
    /// ATT&CK techniques of the rules that matched records with it.
    pub techniques: BTreeSet<String>,
}
