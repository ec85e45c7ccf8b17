//! What the host's logs could not show: the telemetry that an incident on such a host would leave and nobody recorded.

use std::collections::BTreeSet;

use shieldwall_schema::entity::host_id;
use shieldwall_schema::story::{HostCoverage, Sentence};

use crate::sentence::{From, Words};

/// Hosts that are spoken of one by one.
pub const HOSTS_MAX: usize = 8;

/// A thing worth seeing: what in plain words, which kinds of records show it, how to get them.
struct Sight {
    product: &'static str,
    what: &'static str,
    kinds: &'static [&'static str],
    how: &'static str,
}

const SIGHTS: &[Sight] = &[
    Sight {
        product: "windows",
        what: "which programs were started",
        kinds: &["process_creation"],
        how: "audit process creation with command lines (4688), or Sysmon",
    },
    Sight { product: "windows", what: "who logged on", kinds: &["security"], how: "keep the Security log" },
    Sight {
        product: "windows",
        what: "what scripts did",
        kinds: &["ps_script", "powershell"],
        how: "PowerShell script block logging",
    },
    Sight {
        product: "windows",
        what: "where programs connected to",
        kinds: &["network_connection", "firewall-as"],
        how: "Sysmon event 3, or audit the filtering platform (5156)",
    },
    Sight { product: "windows", what: "which files were written", kinds: &["file_event"], how: "Sysmon event 11" },
    Sight {
        product: "windows",
        what: "who read the memory of other programs",
        kinds: &["process_access"],
        how: "Sysmon event 10",
    },
    Sight {
        product: "linux",
        what: "which programs were started",
        kinds: &["process_creation"],
        how: "auditd with an execve rule, or Sysmon for Linux",
    },
    Sight {
        product: "linux",
        what: "who logged in",
        kinds: &["sshd", "auth", "authentication"],
        how: "keep auth.log or the journal",
    },
    Sight {
        product: "linux",
        what: "which files were changed",
        kinds: &["file_event", "auditd"],
        how: "auditd with watches on the paths that matter",
    },
    Sight {
        product: "linux",
        what: "where programs connected to",
        kinds: &["network_connection"],
        how: "auditd with a connect rule, or Sysmon for Linux",
    },
];

/// Kinds that a sensor on the network gives.
const NETWORK: &[&str] = &["zeek", "suricata", "firewall", "dns", "proxy", "conn", "flow"];

/// One sentence a host on what could not be seen there, then one on the network.
pub fn unseen(finding: u32, hosts: &[&str], coverage: &[HostCoverage]) -> Vec<Sentence> {
    let mut out = Vec::new();
    let from = From { finding, evidence: None };
    let mut network = false;
    for host in hosts.iter().take(HOSTS_MAX) {
        let found = coverage.iter().find(|one| host_id(&one.host).as_deref() == Some(host));
        let Some(found) = found else { continue };
        let kinds: BTreeSet<&str> = found.kinds.iter().map(String::as_str).collect();
        network |= NETWORK.iter().any(|kind| kinds.contains(kind));
        let missing: Vec<&Sight> = SIGHTS
            .iter()
            .filter(|sight| sight.product == found.product && !sight.kinds.iter().any(|kind| kinds.contains(kind)))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let mut words = Words::default();
        words.say("on ").fact(from, "coverage.host", &found.host).say(" nobody recorded ");
        for (at, sight) in missing.iter().enumerate() {
            words.say(match at {
                0 => "",
                at if at + 1 == missing.len() => " or ",
                _ => ", ",
            });
            words.say(sight.what);
        }
        if let Some(first) = missing.first() {
            words.say(&format!(" (for the first: {})", first.how));
        }
        out.push(words.finish());
    }
    let any_network =
        network || coverage.iter().any(|one| one.kinds.iter().any(|kind| NETWORK.contains(&kind.as_str())));
    if !any_network && !hosts.is_empty() {
        let mut words = Words::default();
        words.say(
            "no sensor's log of the network is among the inputs, so what left the machines is not known from outside",
        );
        out.push(words.finish());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(product: &str, kinds: &[&str]) -> HostCoverage {
        HostCoverage {
            host: "WS01.example.org".to_owned(),
            product: product.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            ..HostCoverage::default()
        }
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not() {
        let seen = ["process_creation", "security", "ps_script", "file_event", "process_access"];
        let told = unseen(0, &["ws01"], &[host("windows", &seen)]);
        let texts: Vec<&str> = told.iter().map(|sentence| sentence.text.as_str()).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].starts_with("on WS01.example.org nobody recorded where programs connected to ("), "{texts:?}");
        assert!(texts[1].starts_with("no sensor's log of the network"));
    }

    #[test]
    fn with_everything_there_is_nothing_to_tell() {
        let seen = ["process_creation", "sshd", "auditd", "network_connection", "zeek"];
        assert_eq!(unseen(0, &["ws01"], &[host("linux", &seen)]), []);
    }
}
