//! What a scan says.

use std::fmt;

/// The verdict on one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Read to its last byte, understood, and nothing in it acts.
    #[default]
    Clean,
    /// Something could not be read, is unknown, or lies: it may be harmless, and nobody has shown that it is.
    NotProven,
    /// Loading it would run code, touch files or reach the network.
    Malicious,
}

impl Verdict {
    /// Its name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::NotProven => "not_proven",
            Self::Malicious => "malicious",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a finding means for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth telling; changes nothing.
    Note,
    /// Keeps the file from being clean.
    NotProven,
    /// Makes the file malicious.
    Malicious,
}

/// The kind of a finding: a stable word for machines (`kind` in JSON Lines, the rule id in SARIF), with the weakness and
/// technique it is an instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name: "pickle-call".
    pub name: &'static str,
    /// CWE ids, as "CWE-502".
    pub cwe: &'static [&'static str],
    /// MITRE ATLAS techniques, as "AML.T0011.000".
    pub atlas: &'static [&'static str],
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: &'static Kind,
    /// What it means for the verdict.
    pub weight: Weight,
    /// Path inside containers, joined with `!`; empty for the file itself.
    pub member: String,
    /// Byte offset in that member (or the file).
    pub offset: u64,
    /// The call that would happen, resolved: `os.system("echo hi")`.
    pub call: Option<String>,
    /// Published ids of this very trick: CVE or GHSA.
    pub advisories: &'static [&'static str],
    /// Plain words: what would happen, or what could not be read.
    pub words: String,
}

/// Findings of one file that are kept; more are counted.
pub const FINDINGS_MAX: usize = 1_000;

/// What a scan of one file found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    /// Findings beyond [`FINDINGS_MAX`].
    pub more: u64,
    /// Formats that were read, in the order in which they were met.
    pub formats: Vec<&'static str>,
    verdict: Verdict,
}

impl Report {
    /// The verdict: that of the weightiest finding; a file that no format claims must have been given one.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What was found, in the order of finding.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Adds a finding. The verdict never forgets one that was too many to keep.
    pub fn add(&mut self, finding: Finding) {
        let verdict = match finding.weight {
            Weight::Note => Verdict::Clean,
            Weight::NotProven => Verdict::NotProven,
            Weight::Malicious => Verdict::Malicious,
        };
        self.verdict = self.verdict.max(verdict);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Notes that a format was read.
    pub fn read_as(&mut self, format: &'static str) {
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_finding_decides_even_when_too_many_to_keep() {
        const KIND: Kind = Kind { name: "test", cwe: &[], atlas: &[] };
        let finding = |weight| Finding {
            kind: &KIND,
            weight,
            member: String::new(),
            offset: 0,
            call: None,
            advisories: &[],
            words: "x".to_owned(),
        };
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::Clean);
        (0..FINDINGS_MAX).for_each(|_| report.add(finding(Weight::Note)));
        assert_eq!(report.verdict(), Verdict::Clean);
        report.add(finding(Weight::Malicious));
        report.add(finding(Weight::NotProven));
        assert_eq!((report.verdict(), report.more, report.findings().len()), (Verdict::Malicious, 2, FINDINGS_MAX));
    }
}
