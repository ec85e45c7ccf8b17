//! A rehearsal in words, or one JSON object a step.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};
use shieldwall_respond::playbook::Playbook;
use shieldwall_respond::rehearse::{Entry, History, Hit, Totals, Verdict};
use shieldwall_schema::Timestamp;

use crate::output::escape::escape;

/// Incidents that are told in words; the rest is in the totals, and whole in JSON.
const TOLD_MAX: usize = 20;

/// Names in one line.
const NAMES_MAX: usize = 8;

fn time(at_ms: i64) -> String {
    Timestamp::from_nanos(at_ms.saturating_mul(1_000_000)).to_string()
}

/// Writes one entry as a line of JSON.
///
/// # Errors
/// When `out` fails.
pub fn line(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let mut line = json!({
        "kind": "step",
        "incident": entry.incident,
        "number": entry.number,
        "step": entry.step,
        "name": entry.name,
        "says": entry.says,
        "begins": entry.at_ms.map(time),
    });
    let mut put = |name: &str, value: Value| {
        if let Some(fields) = line.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    if let Some(plan) = &entry.plan {
        put("plan", json!(plan.step));
        put("words", json!(plan.words()));
    }
    if !entry.left_out.is_empty() {
        put("left_out", json!(entry.left_out));
    }
    let would = match &entry.verdict {
        Verdict::Done { asks, ends_ms, hit } => {
            put("ends", json!(ends_ms.map(time)));
            put("asks_because", json!(asks));
            put("own_people", people(hit));
            if asks.is_some() { "ask" } else { "do" }
        }
        Verdict::Refused(why) => {
            put("refused", json!(why.iter().map(ToString::to_string).collect::<Vec<_>>()));
            "refuse"
        }
        Verdict::Unbound => "nothing",
        Verdict::Manual => "person",
        Verdict::Off(kind) => {
            put("off", json!(kind));
            "off"
        }
        Verdict::Decide(why) => {
            put("decide", json!(why));
            "person decides"
        }
    };
    put("would", json!(would));
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn people(hit: &Hit) -> Value {
    json!({
        "accounts": hit.people,
        "uses_before": hit.uses_before,
        "uses_during": hit.uses_during,
        "pages_before": hit.pages_before,
        "new_accounts": hit.new_accounts,
    })
}

/// Writes the totals as the last line of JSON.
///
/// # Errors
/// When `out` fails.
pub fn summary(playbook: &Playbook, totals: &Totals, history: &History, out: &mut dyn Write) -> io::Result<()> {
    let line = json!({
        "kind": "totals",
        "playbook": playbook.id,
        "name": playbook.name,
        "incidents": totals.incidents,
        "other_incidents": totals.others,
        "done": totals.done,
        "asked": totals.asked,
        "refused": totals.refused,
        "too_fast": totals.too_fast,
        "person": totals.manual,
        "off": totals.off,
        "person_decides": totals.decide,
        "own_people": totals.people,
        "history_uses": history.len(),
        "history_from": history.first_ms().map(time),
        "history_left_out": history.left_out(),
    });
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// A rehearsal in words.
pub struct Text<'o> {
    out: &'o mut dyn Write,
    incident: String,
    told: usize,
}

impl<'o> Text<'o> {
    /// Begins with the playbook.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(playbook: &Playbook, out: &'o mut dyn Write) -> io::Result<Self> {
        writeln!(out, "{}: {}", escape(&playbook.name), escape(&playbook.description))?;
        writeln!(out, "What it would have done, had every question been answered yes at once. Times are UTC.")?;
        Ok(Self { out, incident: String::new(), told: 0 })
    }

    /// Tells one entry.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        if self.incident != entry.incident {
            entry.incident.clone_into(&mut self.incident);
            self.told += 1;
            if self.told <= TOLD_MAX {
                let known = entry.at_ms.map_or("at an unknown time".to_owned(), time);
                writeln!(self.out, "\nIncident {} ({}), known {known}", entry.number, escape(&entry.incident))?;
            }
        }
        if self.told > TOLD_MAX {
            return Ok(());
        }
        let name = escape(&entry.name);
        match &entry.verdict {
            // What people do is the same each time: said once, then named.
            Verdict::Manual if self.told > 1 => writeln!(self.out, "  person   {name}")?,
            Verdict::Manual => writeln!(self.out, "  person   {name}: {}", escape(&entry.says))?,
            Verdict::Off(kind) => {
                let kind = escape(kind);
                writeln!(
                    self.out,
                    "  off      {name}: would need a person: command steps ({kind}) are off: {}",
                    escape(&entry.says)
                )?;
            }
            Verdict::Decide(why) => writeln!(self.out, "  person   {name}: a person decides: {}", escape(why))?,
            Verdict::Unbound => writeln!(self.out, "  nothing  {name}")?,
            Verdict::Refused(why) => {
                writeln!(self.out, "  refused  {name}: {}", escape(&does(entry)))?;
                for why in why {
                    writeln!(self.out, "             because {}", escape(&why.to_string()))?;
                }
            }
            Verdict::Done { asks, ends_ms, hit } => self.done(entry, asks.as_deref(), *ends_ms, hit)?,
        }
        for left in entry.left_out.iter().take(NAMES_MAX) {
            writeln!(self.out, "             left out: {}", escape(left))?;
        }
        if entry.left_out.len() > NAMES_MAX {
            writeln!(self.out, "             left out: {} more", entry.left_out.len() - NAMES_MAX)?;
        }
        Ok(())
    }

    fn done(&mut self, entry: &Entry, asks: Option<&str>, ends_ms: Option<i64>, hit: &Hit) -> io::Result<()> {
        let what = escape(&does(entry));
        match asks {
            Some(why) => writeln!(self.out, "  ask      {what} (asks: {})", escape(why))?,
            None => writeln!(self.out, "  do       {what} (if the operator's policy allows it without asking)")?,
        }
        let begins = entry.at_ms.map_or("at an unknown time".to_owned(), time);
        match ends_ms.filter(|_| entry.at_ms.is_some()) {
            Some(ends) => writeln!(self.out, "             from {begins} to {}", time(ends))?,
            None => writeln!(self.out, "             from {begins} until somebody undoes it")?,
        }
        if hit.people.is_empty() && hit.pages_before == 0 {
            writeln!(self.out, "             would have hit none of your own people that the history knows")?;
        }
        if !hit.people.is_empty() {
            let times = format!("{} uses in the 30 days before, {} while it held", hit.uses_before, hit.uses_during);
            writeln!(
                self.out,
                "             would have hit {} of your own people: {} ({times})",
                hit.people.len(),
                names(&hit.people)
            )?;
        }
        if hit.pages_before > 0 {
            writeln!(
                self.out,
                "             would have hit visitors: {} pages served in the 30 days before",
                hit.pages_before
            )?;
        }
        if !hit.new_accounts.is_empty() {
            writeln!(
                self.out,
                "             first used when the incident had begun, by new people or the attacker: {}",
                names(&hit.new_accounts)
            )?;
        }
        Ok(())
    }

    /// Ends with the totals.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn end(&mut self, totals: &Totals, history: &History, of: &str) -> io::Result<()> {
        let out = &mut self.out;
        if totals.incidents > TOLD_MAX {
            writeln!(out, "\nand {} more incidents: --format jsonl tells them all", totals.incidents - TOLD_MAX)?;
        }
        writeln!(out, "\nIncidents   {} fit, {} do not", totals.incidents, totals.others)?;
        writeln!(
            out,
            "Would do    {} ({} of them asked first), {} refused by the guards",
            totals.done, totals.asked, totals.refused
        )?;
        if totals.too_fast > 0 {
            writeln!(
                out,
                "Too fast    {} were held back by the rate: after {} in ten minutes nothing more is done, and one question is asked for the rest",
                totals.too_fast,
                shieldwall_respond::guard::Limits::default().rate
            )?;
        }
        writeln!(
            out,
            "For people  {} steps, {} choices, {} command steps that are off",
            totals.manual, totals.decide, totals.off
        )?;
        let hit = if totals.people.is_empty() {
            "none".to_owned()
        } else {
            format!("{}: {}", totals.people.len(), names(&totals.people))
        };
        writeln!(out, "Own people  {hit}")?;
        let from = history.first_ms().map_or("nothing with a time".to_owned(), |first| format!("from {}", time(first)));
        writeln!(out, "History     {} rightful uses, {from}; it is {of}", history.len())?;
        if history.left_out() > 0 {
            writeln!(out, "            {} uses more were too many to keep", history.left_out())?;
        }
        Ok(())
    }
}

/// What an entry does, in its plan's first words.
fn does(entry: &Entry) -> String {
    let words = entry.plan.as_ref().map(|plan| plan.words());
    words.and_then(|words| words.into_iter().next()).unwrap_or_else(|| entry.name.clone())
}

fn names(names: &BTreeSet<String>) -> String {
    let mut out: Vec<String> = names.iter().take(NAMES_MAX).map(|name| escape(name)).collect();
    if names.len() > NAMES_MAX {
        out.push(format!("{} more", names.len() - NAMES_MAX));
    }
    out.join(", ")
}
