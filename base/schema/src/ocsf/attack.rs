//! The words for ATT&CK: tactics by Sigma tag, techniques by id.

use super::attack_table::TECHNIQUES;

pub use super::attack_table::VERSION;

/// A tactic: (Sigma tag without `attack.`, id, name), sorted by tag. ATT&CK v19 split *Defense Evasion* into *Stealth*, which
/// kept the id, and *Defense Impairment*; rules use old and new names side by side.
const TACTICS: &[(&str, &str, &str)] = &[
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("credential-access", "TA0006", "Credential Access"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("defense-impairment", "TA0112", "Defense Impairment"),
    ("discovery", "TA0007", "Discovery"),
    ("execution", "TA0002", "Execution"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
    ("initial-access", "TA0001", "Initial Access"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("stealth", "TA0005", "Stealth"),
];

/// Techniques of v19 that rules name and the table of v18 does not have.
const NEWER: &[(&str, &str)] = &[("T1685", "Disable or Modify Tools"), ("T1686", "Disable or Modify System Firewall")];

/// What a Sigma tag says of ATT&CK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackTag<'a> {
    /// `attack.execution`
    Tactic {
        /// `TA0002`
        uid: &'static str,
        /// `Execution`
        name: &'static str,
    },
    /// `attack.t1059`, `attack.t1059.001`; the id as written, without the prefix.
    Technique(TechniqueId<'a>),
}

/// A technique's id as a tag writes it: `t1059` or `t1059.001`, of any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TechniqueId<'a> {
    /// Four digits.
    number: &'a str,
    /// Three digits.
    sub: Option<&'a str>,
}

impl<'a> TechniqueId<'a> {
    /// Reads `T1059` or `t1059.001`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(['t', 'T'])?;
        let (number, sub) = match rest.split_once('.') {
            Some((number, sub)) => (number, Some(sub)),
            None => (rest, None),
        };
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        (digits(number, 4) && sub.is_none_or(|sub| digits(sub, 3))).then_some(Self { number, sub })
    }

    /// `T1059`
    pub fn technique(&self) -> String {
        format!("T{}", self.number)
    }

    /// `T1059.001`, if it is a sub-technique.
    pub fn sub_technique(&self) -> Option<String> {
        self.sub.map(|sub| format!("T{}.{sub}", self.number))
    }
}

/// Reads a rule's tag; `None` if it is not of ATT&CK (`cve.2021-44228`, `car.…`, groups and software).
pub fn tag(text: &str) -> Option<AttackTag<'_>> {
    let (space, rest) = text.split_once('.')?;
    if !space.eq_ignore_ascii_case("attack") {
        return None;
    }
    if let Some(technique) = TechniqueId::parse(rest) {
        return Some(AttackTag::Technique(technique));
    }
    // Sigma wrote `defense_evasion` before version 2.
    let equal = |have: &str| {
        have.len() == rest.len()
            && have.bytes().zip(rest.bytes()).all(|(a, b)| a == b.to_ascii_lowercase() || (a == b'-' && b == b'_'))
    };
    let uid = |have: &str| have.eq_ignore_ascii_case(rest);
    let tactic = TACTICS.iter().find(|(word, id, _)| equal(word) || uid(id));
    tactic.map(|(_, uid, name)| AttackTag::Tactic { uid, name })
}

/// The name of a technique or sub-technique (`T1059.001` → `PowerShell`).
pub fn technique_name(id: &str) -> Option<&'static str> {
    let newer = || NEWER.iter().find(|(have, _)| *have == id).map(|(_, name)| *name);
    listed(id).map(|(_, name, _)| *name).or_else(newer)
}

/// The tactics that a technique serves, by their tags (`credential-access`); none for a technique that is not listed.
pub fn tactics_of(id: &str) -> impl Iterator<Item = &'static str> {
    listed(id).into_iter().flat_map(|(_, _, tactics)| tactics.split_ascii_whitespace())
}

fn listed(id: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    TECHNIQUES.binary_search_by(|(have, _, _)| (*have).cmp(id)).ok().and_then(|at| TECHNIQUES.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read() {
        let tactic = |uid, name| Some(AttackTag::Tactic { uid, name });
        for (text, wanted) in [
            ("attack.execution", tactic("TA0002", "Execution")),
            ("attack.Defense_Evasion", tactic("TA0005", "Defense Evasion")),
            ("attack.ta0011", tactic("TA0011", "Command and Control")),
            ("attack.t1059", Some(AttackTag::Technique(TechniqueId { number: "1059", sub: None }))),
            ("attack.T1059.001", Some(AttackTag::Technique(TechniqueId { number: "1059", sub: Some("001") }))),
            ("attack.t1059.1", None),
            ("attack.t10590", None),
            ("attack.g0032", None),
            ("cve.2021-44228", None),
            ("attack", None),
            ("attack.t12é4", None),
        ] {
            assert_eq!(tag(text), wanted, "{text}");
        }
    }

    #[test]
    fn techniques_have_names() {
        assert_eq!(technique_name("T1059.001"), Some("PowerShell"));
        assert_eq!(technique_name("T1003"), Some("OS Credential Dumping"));
        assert_eq!(technique_name("T1685"), Some("Disable or Modify Tools"));
        assert_eq!(technique_name("T9999"), None);
        assert!(TECHNIQUES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
