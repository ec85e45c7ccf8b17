//! A forecast for an incident: how likely each technique is, who would see it on the incident's hosts, and what can be done
//! before it comes.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::outlook::{Outlook, Prospect, Watch};

use crate::countermeasures;
use crate::forecaster::{Forecast, Forecaster, Question};
use crate::ranker::Scratch;
use crate::reports::Source;

/// Techniques that an outlook lists.
const LISTED: usize = 5;

/// Below this nothing is listed: one in ten is no news.
const PROBABILITY_MIN: f64 = 0.1;

/// Kinds of missing logs that are named.
const MISSING_MAX: usize = 3;

/// What the loaded rules and detectors could see, and which logs each host has. The line builds it; nothing here changes it.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By technique: the logs that each rule speaks on, as category or service and product.
    rules: BTreeMap<String, Vec<Log>>,
    /// By technique: detectors that learn.
    detectors: BTreeMap<String, u32>,
    /// By host: kinds of its logs, and its product.
    hosts: BTreeMap<String, (String, BTreeSet<String>)>,
}

/// The logs that a rule speaks on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Log {
    /// `process_creation`, `sshd`; empty: all of the product.
    kind: String,
    /// `windows`; empty: any.
    product: String,
}

impl Coverage {
    /// A rule: its ATT&CK techniques and log source.
    pub fn rule<'a>(
        &mut self,
        techniques: impl Iterator<Item = &'a str>,
        category: &str,
        service: &str,
        product: &str,
    ) {
        let kind = if category.is_empty() { service } else { category };
        for technique in techniques {
            let log = Log { kind: kind.to_owned(), product: product.to_owned() };
            self.rules.entry(technique.to_ascii_uppercase()).or_default().push(log);
        }
    }

    /// A detector that learns: its techniques.
    pub fn detector<'a>(&mut self, techniques: impl Iterator<Item = &'a str>) {
        for technique in techniques {
            *self.detectors.entry(technique.to_ascii_uppercase()).or_default() += 1;
        }
    }

    /// A host: its product and the kinds of its logs (Sigma's categories and services).
    pub fn host<'a>(&mut self, host: &str, product: &str, kinds: impl Iterator<Item = &'a str>) {
        let own = self.hosts.entry(host.to_owned()).or_default();
        own.0 = product.to_owned();
        own.1.extend(kinds.map(str::to_owned));
    }

    /// The platform of the hosts as ATT&CK writes it, where all that are known agree.
    pub fn platform(&self, hosts: &[&str]) -> Option<&'static str> {
        let known = hosts.iter().filter_map(|host| self.hosts.get(*host)).map(|(product, _)| match product.as_str() {
            "windows" => Some("Windows"),
            "linux" => Some("Linux"),
            "macos" => Some("macOS"),
            _ => None,
        });
        let mut one = None;
        for platform in known {
            match (one, platform?) {
                (None, platform) => one = Some(platform),
                (Some(have), platform) if have == platform => {}
                _ => return None,
            }
        }
        one
    }

    /// Who would see a technique on these hosts. Rules that name only its parent count where none names the technique itself.
    pub fn watch(&self, technique: &str, hosts: &[&str]) -> Watch {
        let parent = technique.split_once('.').map(|(parent, _)| parent);
        let rules = self.rules.get(technique).or_else(|| self.rules.get(parent?)).map_or(&[][..], Vec::as_slice);
        let detectors = self.detectors.get(technique).or_else(|| self.detectors.get(parent?)).copied().unwrap_or(0);
        let own: Vec<&(String, BTreeSet<String>)> = hosts.iter().filter_map(|host| self.hosts.get(*host)).collect();
        let has = |log: &Log| {
            own.iter().any(|(product, kinds)| {
                (log.product.is_empty() || product.is_empty() || log.product == *product)
                    && (log.kind.is_empty() || kinds.contains(&log.kind))
            })
        };
        // Rules of another system wait for nothing here.
        let possible = |log: &&Log| {
            log.product.is_empty()
                || own.is_empty()
                || own.iter().any(|(product, _)| product.is_empty() || *product == log.product)
        };
        let possible: Vec<&Log> = rules.iter().filter(possible).collect();
        let mut missing: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ready = 0;
        for log in &possible {
            if has(log) {
                ready += 1;
            } else if !log.kind.is_empty() {
                *missing.entry(log.kind.as_str()).or_default() += 1;
            }
        }
        let mut missing: Vec<(&str, u32)> = missing.into_iter().collect();
        missing.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        Watch {
            rules: u32::try_from(possible.len()).unwrap_or(u32::MAX),
            rules_with_logs: ready,
            detectors,
            missing: missing.into_iter().take(MISSING_MAX).map(|(kind, _)| kind.to_owned()).collect(),
        }
    }
}

/// The outlook of an incident of these techniques on these hosts; `None` where nothing was observed or nothing is likely.
pub fn outlook(
    forecaster: &Forecaster,
    model: &str,
    techniques: &[String],
    hosts: &[&str],
    coverage: &Coverage,
    scratch: &mut Scratch,
) -> Option<Outlook> {
    if techniques.iter().all(|id| forecaster.table().number(id).is_none()) {
        return None;
    }
    let platform = coverage.platform(hosts);
    let question = Question { techniques, platform, top: LISTED, as_reported: false };
    let Forecast { ranked, none, alike, .. } = forecaster.forecast(&question, scratch);
    let prospects: Vec<Prospect> = ranked
        .into_iter()
        .filter(|next| next.probability >= PROBABILITY_MIN)
        .map(|next| Prospect {
            watch: coverage.watch(&next.technique, hosts),
            countermeasure: countermeasures::of(&next.technique),
            because: next.because.as_ref().map(because_words).unwrap_or_default(),
            technique: next.technique,
            name: next.name,
            tactics: next.tactics,
            probability: next.probability,
        })
        .collect();
    let alike = alike
        .iter()
        .map(|one| {
            let what = if one.source == Source::Campaign { "the campaign " } else { "" };
            format!("{what}{} shares {} of {}", one.name, one.shared, one.of)
        })
        .collect();
    (!prospects.is_empty()).then(|| Outlook { prospects, none, alike, model: model.to_owned() })
}

/// A link in words: `41 of 60 reports with T1105 and T1059 also had it`.
pub fn because_words(because: &crate::forecaster::Because) -> String {
    format!("{} of {} reports with {} also had it", because.also, because.of, because.seen.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_their_logs_wait_and_those_of_other_systems_do_not_count() {
        let mut coverage = Coverage::default();
        coverage.rule(["t1053.003"].into_iter(), "process_creation", "", "linux");
        coverage.rule(["T1053.003"].into_iter(), "", "cron", "linux");
        coverage.rule(["T1053"].into_iter(), "process_creation", "", "windows");
        coverage.detector(["T1053"].into_iter());
        coverage.host("web01", "linux", ["cron", "sshd"].into_iter());
        coverage.host("pc", "windows", ["security"].into_iter());
        let watch = coverage.watch("T1053.003", &["web01"]);
        assert_eq!((watch.rules, watch.rules_with_logs, watch.detectors), (2, 1, 1));
        assert_eq!(watch.missing, ["process_creation"]);
        assert_eq!(coverage.watch("T1053.005", &["web01"]).rules, 0);
        let windows = coverage.watch("T1053.005", &["pc"]);
        assert_eq!((windows.rules, windows.rules_with_logs), (1, 0));
        assert_eq!((coverage.platform(&["web01"]), coverage.platform(&["web01", "pc"])), (Some("Linux"), None));
        assert_eq!(coverage.platform(&["unknown"]), None);
    }
}
