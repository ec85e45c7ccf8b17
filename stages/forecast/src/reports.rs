//! What is learned from: sets of techniques that were told of together, in a report or of a group, campaign or tool.

use serde::{Deserialize, Serialize};

use crate::techniques::Techniques;

/// Sets that are read.
pub const REPORTS_MAX: usize = 60_000;

/// Where a set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A report of an intrusion.
    Report,
    /// A campaign that ATT&CK describes.
    Campaign,
    /// A group that ATT&CK describes.
    IntrusionSet,
    /// Malware that ATT&CK describes.
    Malware,
    /// A tool that ATT&CK describes.
    Tool,
}

impl Source {
    /// How much a set counts beside a report. Software does many things that no one intrusion shows (chosen on the training
    /// reports, by five parts of them).
    pub fn weight(self) -> f64 {
        match self {
            Self::Malware | Self::Tool => 0.7,
            _ => 1.0,
        }
    }
}

/// Sets of techniques.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// Numbers of techniques, each set sorted, each number once.
    sets: Vec<Vec<u16>>,
    sources: Vec<Source>,
    /// Names of groups, campaigns, malware, tools; empty for reports.
    names: Vec<String>,
}

impl Reports {
    /// Adds a set; ids that the table does not know are left out, and how many is said. A set of nothing is not added.
    pub fn add<'a>(
        &mut self,
        table: &Techniques,
        ids: impl IntoIterator<Item = &'a str>,
        source: Source,
        name: &str,
    ) -> usize {
        let (mut set, mut unknown) = (Vec::new(), 0);
        for id in ids {
            match table.number(id) {
                Some(number) => set.push(number),
                None => unknown += 1,
            }
        }
        set.sort_unstable();
        set.dedup();
        self.push(set, source, name);
        unknown
    }

    /// Adds a set of numbers.
    pub fn push(&mut self, set: Vec<u16>, source: Source, name: &str) {
        if !set.is_empty() && self.sets.len() < REPORTS_MAX {
            self.sets.push(set);
            self.sources.push(source);
            self.names.push(name.to_owned());
        }
    }

    /// Only some of them, in this order.
    pub fn select(&self, which: impl IntoIterator<Item = usize>) -> Self {
        let mut out = Self::default();
        for at in which {
            if let (Some(set), Some(source)) = (self.sets.get(at), self.sources.get(at)) {
                out.push(set.clone(), *source, self.name(at));
            }
        }
        out
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The sets.
    pub fn sets(&self) -> &[Vec<u16>] {
        &self.sets
    }

    /// Where a set comes from.
    pub fn source(&self, at: usize) -> Source {
        self.sources.get(at).copied().unwrap_or(Source::Report)
    }

    /// Its name; empty for a report.
    pub fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// Sets with their weights.
    pub fn weighted(&self) -> impl Iterator<Item = (&[u16], f64)> {
        self.sets.iter().zip(&self.sources).map(|(set, source)| (set.as_slice(), source.weight()))
    }
}
