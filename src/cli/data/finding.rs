//! What was found in data, as words and as JSON.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value, json};

use crate::output::escape::escape;

/// Rows that are named in words; JSON names all.
const ROWS_SHOWN: usize = 20;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; never an accusation, and the exit code stays 0.
    Note,
    /// The data are not fit to teach as they are.
    Quality,
    /// Somebody may have poisoned the data.
    Poison,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Quality => "quality",
            Self::Poison => "poison",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How much it weighs.
    pub level: Level,
    /// What it is, in one word.
    pub kind: &'static str,
    /// What it is, in words.
    pub words: String,
    /// Rows from 0, the most suspect first.
    pub rows: Vec<usize>,
    /// As many numbers, higher is more suspect; or none.
    pub suspicion: Vec<f64>,
    /// More for machines.
    pub details: Value,
}

impl Finding {
    /// A finding without rows.
    pub fn new(level: Level, kind: &'static str, words: String) -> Self {
        Self { level, kind, words, rows: Vec::new(), suspicion: Vec::new(), details: json!({}) }
    }

    /// With rows, ranked.
    pub fn rows(self, rows: Vec<usize>) -> Self {
        Self { rows, ..self }
    }

    /// With each row's suspicion.
    pub fn suspicion(self, suspicion: Vec<f64>) -> Self {
        Self { suspicion, ..self }
    }

    /// With more for machines.
    pub fn details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    fn json(&self) -> Value {
        let rows: Vec<u64> = self.rows.iter().map(|row| *row as u64 + 1).collect();
        let suspicion: Vec<f64> = self.suspicion.iter().map(|value| (value * 1e4).round() / 1e4).collect();
        json!({
            "level": self.level.word(), "kind": self.kind, "message": self.words, "rows": rows, "suspicion": suspicion,
            "details": self.details,
        })
    }
}

/// Writes findings as JSON Lines.
///
/// # Errors
/// When the output cannot be written.
pub fn write_json(findings: &[Finding], out: &mut impl Write) -> Result<()> {
    for finding in findings {
        writeln!(out, "{}", finding.json())?;
    }
    Ok(())
}

/// Writes findings as words.
///
/// # Errors
/// When the output cannot be written.
pub fn write_words(findings: &[Finding], out: &mut impl Write) -> Result<()> {
    for finding in findings {
        writeln!(out, "{} [{}] {}", finding.level.word().to_uppercase(), finding.kind, escape(&finding.words))?;
        if finding.rows.is_empty() {
            continue;
        }
        let mut shown: Vec<String> = finding.rows.iter().take(ROWS_SHOWN).map(|row| (row + 1).to_string()).collect();
        if finding.rows.len() > ROWS_SHOWN {
            shown.push(format!("… and {} more (--format jsonl names all)", finding.rows.len() - ROWS_SHOWN));
        }
        writeln!(out, "    rows: {}", shown.join(" "))?;
    }
    Ok(())
}
