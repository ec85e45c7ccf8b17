//! What detect gives: why a rule matched, in parts that words can be made of.

use serde::{Deserialize, Serialize};

/// Who could have written a value. Responses and explanations weigh it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Established by the transport, such as a TCP peer's address as the server saw it.
    TransportVerified,
    /// Written by the host's own system software.
    HostReported,
    /// Free text that an attacker may choose: command lines, user agents, names tried at a login.
    AttackerWritable,
}

/// One fact that made a rule match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's selection (`selection`, `filter_main_x` …).
    pub selection: String,
    /// The rule's field name; empty for keywords.
    pub field: String,
    /// The native field that held the value, where its name differs from the rule's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub native: Option<String>,
    /// How it compared: `equals`, `contains`, `ends with`, `matches regex`, `is absent` …
    pub how: String,
    /// What the rule looked for.
    pub pattern: String,
    /// The value, cut at a limit.
    pub value: String,
    /// Byte range of the match inside the value, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span: Option<(u32, u32)>,
    /// Who could have written the value.
    pub provenance: Provenance,
}
