//! Learned detectors as findings name them: beside the rules, numbered behind them.

use sha2::{Digest, Sha256};
use shieldwall_detect::anomaly::{DETECTORS, DetectorFacts};
use shieldwall_detect::sigma::ir::{Level, Rule};

use super::run::hex;
use super::suspicious::LEVELS;

/// Every detector at every level as a rule: what a finding names. They stand behind the rules in the order of numbers.
pub fn detector_rules() -> Vec<Rule> {
    DETECTORS.iter().flat_map(|facts| LEVELS.iter().map(|level| rule_of(facts, level))).collect()
}

fn rule_of(facts: &DetectorFacts, level: &str) -> Rule {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let mut hash = Sha256::new();
    hash.update("shieldwall detector\0");
    hash.update(facts.id);
    hash.update("\0");
    hash.update(env!("CARGO_PKG_VERSION"));
    let hash: [u8; 32] = hash.finalize().into();
    Rule {
        id: facts.id.to_owned(),
        title: facts.title.to_owned(),
        description: facts.description.to_owned(),
        level: match level {
            "high" => Level::High,
            "medium" => Level::Medium,
            _ => Level::Low,
        },
        author: "Shieldwall".to_owned(),
        license: "Apache-2.0".to_owned(),
        tags: words(facts.tags),
        false_positives: words(facts.false_positives),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hash: hex(&hash),
        ..Rule::default()
    }
}
