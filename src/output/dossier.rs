//! Everything that a report tells, as plain data: the line fills it, the writers of HTML, CSV, SARIF and STIX show it.

use std::io;

use serde_json::Value;
use shieldwall_schema::finding::Finding;
use shieldwall_schema::incident::Incident;
use shieldwall_schema::story::HostCoverage;

use super::report::Report;
use super::story::Told;

/// A run as its reports tell it. Findings themselves come one by one through [`Findings`].
#[derive(Clone, Copy, Debug)]
pub struct Dossier<'a> {
    /// Sources, refused rules, assumptions, counts.
    pub report: &'a Report,
    /// The manifest: inputs with hashes, rules, options.
    pub manifest: &'a Value,
    /// Every incident, worst first.
    pub incidents: &'a [Incident],
    /// The first of them with their stories.
    pub stories: &'a [Told],
    /// Which incidents a finding's matches went to: (finding, place in `incidents`), sorted.
    pub membership: &'a [(u32, u32)],
    /// What was recorded on which host.
    pub coverage: &'a [HostCoverage],
}

impl Dossier<'_> {
    /// The numbers (from 1) of the incidents that a finding belongs to.
    pub fn incidents_of(&self, finding: u32) -> impl Iterator<Item = usize> {
        let from = self.membership.partition_point(|(at, _)| *at < finding);
        let own = self.membership.get(from..).unwrap_or_default().iter();
        own.take_while(move |(at, _)| *at == finding).map(|(_, incident)| *incident as usize + 1)
    }
}

/// Findings by number, in the order of their first matches. A million of them never sit in memory.
pub trait Findings {
    /// How many there are.
    fn len(&self) -> usize;

    /// One of them with at most so many pieces of evidence.
    ///
    /// # Errors
    /// When it cannot be read back.
    fn get(&mut self, at: usize, evidences_max: usize) -> io::Result<Finding>;
}
