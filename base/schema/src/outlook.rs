//! What may come next: techniques that reports of such incidents also tell of, and what could be done about each beforehand.

use serde::{Deserialize, Serialize};

/// The outlook of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outlook {
    /// Techniques, most likely first.
    pub prospects: Vec<Prospect>,
    /// How often none of the likely ones was reported.
    pub none: f64,
    /// Groups and campaigns most like this, with how many of the techniques they share: `FIN7 shares 4 of 6`.
    pub alike: Vec<String>,
    /// SHA-256 of the model.
    pub model: String,
}

/// A technique that may come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prospect {
    /// `T1053.003`.
    pub technique: String,
    /// `Cron`.
    pub name: String,
    /// Its tactics.
    pub tactics: Vec<String>,
    /// The share of reports with the incident's techniques that also have it.
    pub probability: f64,
    /// Why, with counts: `41 of 60 reports with T1105 also had it`.
    pub because: String,
    /// Who would see it here.
    pub watch: Watch,
    /// What to do beforehand, if the table knows anything.
    pub countermeasure: Option<Countermeasure>,
}

/// Who would see a technique on the incident's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Loaded rules that name it.
    pub rules: u32,
    /// Of these, how many have logs here that they can speak on.
    pub rules_with_logs: u32,
    /// Detectors that learn which name it.
    pub detectors: u32,
    /// Kinds of logs that the others wait for and that the hosts do not have, the most wanted first.
    pub missing: Vec<String>,
}

/// A countermeasure of D3FEND.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Countermeasure {
    /// `D3-OTF`.
    pub id: String,
    /// `Outbound Traffic Filtering`.
    pub name: String,
    /// Where D3FEND describes it.
    pub url: String,
    /// What to do, in a sentence.
    pub advice: String,
}

impl Watch {
    /// In plain words whether it would be seen here.
    pub fn words(&self) -> String {
        let rules = |count: u32| if count == 1 { "1 rule".to_owned() } else { format!("{count} rules") };
        match (self.rules_with_logs, self.rules, self.detectors) {
            (0, 0, 0) => "no loaded rule or detector knows it".to_owned(),
            (0, 0, _) => "a detector that learns would tell".to_owned(),
            (0, waiting, _) => format!(
                "would not be seen here: {} {} for logs that are missing{}",
                rules(waiting),
                if waiting == 1 { "waits" } else { "wait" },
                self.missing.first().map_or(String::new(), |kind| format!(" ({kind})")),
            ),
            (ready, _, _) => {
                format!("would be seen: {} {} for it here", rules(ready), if ready == 1 { "watches" } else { "watch" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_watches_is_said_in_words() {
        let watch = |rules, rules_with_logs, detectors| Watch {
            rules,
            rules_with_logs,
            detectors,
            missing: vec!["process_creation".to_owned()],
        };
        assert_eq!(watch(0, 0, 0).words(), "no loaded rule or detector knows it");
        assert_eq!(watch(1, 1, 0).words(), "would be seen: 1 rule watches for it here");
        assert_eq!(
            watch(7, 0, 2).words(),
            "would not be seen here: 7 rules wait for logs that are missing (process_creation)"
        );
        assert!(watch(0, 0, 1).words().contains("learns"));
    }
}
