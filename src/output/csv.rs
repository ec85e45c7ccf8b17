//! The timeline as comma-separated values: one matched record a line.
//!
//! Opens in Timeline Explorer and spreadsheets and imports into Timesketch, whose three columns (`datetime`,
//! `timestamp_desc`, `message`) come first; the rest is named as Hayabusa names it.
//!
//! RFC 4180: `CR LF` between rows, quotes doubled. UTF-8 without a byte order mark: readers that do not know the mark would make
//! it part of the first column's name, and Timesketch needs that column. No cell is a formula: what begins like one gets a
//! leading apostrophe. Control and hidden characters are shown, as everywhere ([`escape_into`]).
//!
//! Order: by time, those without a time first. Findings come nearly in the order of their first matches and keep up to a
//! hundred records, so rows wait in a heap. Beyond [`WAITING_BYTES_MAX`] the earliest leaves, so memory stays constant, and
//! only in a huge case may a row stand behind a later one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use shieldwall_schema::finding::{Evidence, Finding};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::{Place, Timestamp};

use super::dossier::{Dossier, Findings};
use super::escape::escape_into;
use super::words::{self, Severity};

/// The columns, in their order.
pub const COLUMNS: [&str; 20] = [
    "datetime",
    "timestamp_desc",
    "message",
    "Timestamp",
    "RuleTitle",
    "Level",
    "Computer",
    "Channel",
    "EventID",
    "RecordID",
    "MitreTactics",
    "MitreTags",
    "Details",
    "ExtraFieldInfo",
    "RuleID",
    "EvidenceFile",
    "Offset",
    "SHA256",
    "Incident",
    "IncidentID",
];

/// Bytes of rows that wait for earlier ones.
pub const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of one cell; a spreadsheet takes 32,767 characters.
pub const CELL_BYTES_MAX: usize = 32_000;

/// Pieces of evidence of a finding: all that findings keep.
const EVIDENCES_MAX: usize = super::jsonl::EVIDENCES_MAX;

/// Incidents named in a row.
const INCIDENTS_MAX: usize = 8;

/// Between the parts of a cell, as Hayabusa has it.
const BETWEEN: &str = " ¦ ";

/// Writes the timeline.
///
/// # Errors
/// When a finding cannot be read back or `out` fails.
pub fn write(dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
    writing(dossier, findings, WAITING_BYTES_MAX, out)
}

fn writing(
    dossier: &Dossier<'_>,
    findings: &mut dyn Findings,
    waiting_bytes_max: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(COLUMNS.join(",").as_bytes())?;
    out.write_all(b"\r\n")?;
    let mut waiting = Waiting::default();
    for at in 0..findings.len() {
        let finding = findings.get(at, EVIDENCES_MAX)?;
        let parts = Parts::of(dossier, at as u32, &finding);
        for evidence in &finding.evidences {
            waiting.put(key(evidence.time), parts.row(&finding, evidence));
        }
        let left_out = finding.count.saturating_sub(finding.evidences.len() as u64);
        if left_out > 0 {
            waiting.put(key(finding.last), parts.rest(&finding, left_out));
        }
        while waiting.bytes > waiting_bytes_max {
            waiting.give(out)?;
        }
    }
    while waiting.give(out)? {}
    Ok(())
}

/// Records without a time sort first.
fn key(time: Option<Timestamp>) -> i64 {
    time.map_or(i64::MIN, Timestamp::nanos)
}

/// Rows by time, then in the order in which they came.
#[derive(Default)]
struct Waiting {
    rows: BinaryHeap<Reverse<(i64, u64, String)>>,
    came: u64,
    bytes: usize,
}

impl Waiting {
    fn put(&mut self, time: i64, row: String) {
        self.bytes += row.len();
        self.rows.push(Reverse((time, self.came, row)));
        self.came += 1;
    }

    /// Writes the earliest row; says whether there was one.
    fn give(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let Some(Reverse((_, _, row))) = self.rows.pop() else { return Ok(false) };
        self.bytes -= row.len();
        out.write_all(row.as_bytes())?;
        Ok(true)
    }
}

/// What all rows of a finding share.
struct Parts {
    title: String,
    level: &'static str,
    tactics: String,
    techniques: String,
    incidents: String,
    incident_ids: String,
}

impl Parts {
    fn of(dossier: &Dossier<'_>, at: u32, finding: &Finding) -> Self {
        let mut tactics: Vec<&str> = Vec::new();
        let mut techniques: Vec<String> = Vec::new();
        for tag in finding.analytic.tags.iter().filter_map(|tag| attack::tag(tag)) {
            match tag {
                AttackTag::Tactic { name, .. } if !tactics.contains(&name) => tactics.push(name),
                AttackTag::Technique(id) => {
                    let id = id.sub_technique().unwrap_or_else(|| id.technique());
                    if !techniques.contains(&id) {
                        techniques.push(id);
                    }
                }
                AttackTag::Tactic { .. } => {}
            }
        }
        let numbers: Vec<usize> = dossier.incidents_of(at).take(INCIDENTS_MAX).collect();
        let ids = numbers.iter().filter_map(|number| dossier.incidents.get(number - 1));
        Self {
            title: words::headline(&finding.analytic),
            level: Severity::of_level(&finding.analytic.level).level(),
            tactics: tactics.join(BETWEEN),
            techniques: techniques.join(BETWEEN),
            incident_ids: ids.map(|incident| incident.uid.as_str()).collect::<Vec<_>>().join(BETWEEN),
            incidents: numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(BETWEEN),
        }
    }

    fn row(&self, finding: &Finding, evidence: &Evidence) -> String {
        let field = |path: &str| evidence.fields.iter().find(|(have, _)| have == path).map_or("", |(_, value)| value);
        let why = words::why(evidence).join("; ");
        let message = if why.is_empty() { self.title.clone() } else { format!("{}: {why}", self.title) };
        let mut details: Vec<String> = Vec::new();
        let mut told: Vec<&str> = Vec::new();
        for reason in evidence.reasons.iter().filter(|reason| !reason.value.is_empty()) {
            let name = if reason.field.is_empty() { "record" } else { reason.field.as_str() };
            if !told.contains(&name) {
                told.push(name);
                details.push(format!("{name}: {}", reason.value));
            }
        }
        let extra: Vec<String> = evidence.fields.iter().map(|(path, value)| format!("{path}: {value}")).collect();
        let host = evidence.host.as_deref().or(match finding.hosts.as_slice() {
            [one] => Some(one),
            _ => None,
        });
        self.cells(&Cells {
            finding,
            time: evidence.time,
            what: "Record matched",
            message: &message,
            host: host.unwrap_or_default(),
            channel: field("metadata.log_name"),
            event: field("metadata.event_code"),
            place: Some(evidence.place),
            details: &details.join(BETWEEN),
            extra: &extra.join(BETWEEN),
        })
    }

    /// The row that stands for the records which a finding counts and does not keep.
    fn rest(&self, finding: &Finding, left_out: u64) -> String {
        let message = format!(
            "{}: {left_out} more records matched and are not listed here; --evidence all lists each",
            self.title
        );
        self.cells(&Cells {
            finding,
            time: finding.last,
            what: "Last of more records",
            message: &message,
            host: if let [one] = finding.hosts.as_slice() { one } else { "" },
            channel: "",
            event: "",
            place: None,
            details: "",
            extra: "",
        })
    }

    fn cells(&self, cells: &Cells<'_>) -> String {
        let Cells { finding, time, place, .. } = cells;
        let time = time.map(stamp).unwrap_or_default();
        // A time whose year is a placeholder is no date to sort a timeline by, but it is all there is.
        let what = if finding.year_unknown { format!("{} (year unknown)", cells.what) } else { cells.what.to_owned() };
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut row = String::with_capacity(512);
        for text in [
            time.as_str(),
            &what,
            cells.message,
            &time.trim_end_matches('Z').replacen('T', " ", 1),
            &self.title,
            self.level,
            cells.host,
            cells.channel,
            cells.event,
            &number(place.and_then(|place| place.record)),
            &self.tactics,
            &self.techniques,
            cells.details,
            cells.extra,
            &finding.analytic.uid,
            &finding.source,
            &number(place.map(|place| place.offset)),
            finding.sha256.as_deref().unwrap_or_default(),
            &self.incidents,
            &self.incident_ids,
        ] {
            if !row.is_empty() {
                row.push(',');
            }
            cell(text, &mut row);
        }
        row.push_str("\r\n");
        row
    }
}

/// RFC 3339 with six digits of a second, Timesketch's own resolution: as text, too, times sort as times.
fn stamp(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.get(..19).unwrap_or_default();
    format!("{seconds}.{:06}Z", time.nanos().rem_euclid(1_000_000_000) / 1000)
}

/// What differs between rows.
struct Cells<'a> {
    finding: &'a Finding,
    time: Option<Timestamp>,
    what: &'a str,
    message: &'a str,
    host: &'a str,
    channel: &'a str,
    event: &'a str,
    place: Option<Place>,
    details: &'a str,
    extra: &'a str,
}

/// Appends one cell, always quoted: what reads it need not guess.
fn cell(text: &str, row: &mut String) {
    row.push('"');
    let mut shown = String::new();
    let shown = if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        text
    } else {
        escape_into(text, &mut shown);
        &shown
    };
    if is_formula(shown) {
        row.push('\'');
    }
    let mut end = shown.len().min(CELL_BYTES_MAX);
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = shown.split_at_checked(end).unwrap_or((shown, ""));
    for (at, part) in kept.split('"').enumerate() {
        if at > 0 {
            row.push_str("\"\"");
        }
        row.push_str(part);
    }
    if !rest.is_empty() {
        row.push('…');
    }
    row.push('"');
}

/// Whether a spreadsheet could take a cell for a formula. Blanks before it are looked through, and the wide forms
/// of the signs count, because some programs do so too.
pub fn is_formula(text: &str) -> bool {
    let first = text.trim_start().chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) || text.starts_with(['\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_inert_and_bounded() {
        for (text, wanted) in [
            ("", "\"\""),
            ("plain, text", "\"plain, text\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=1+1", "\"'=1+1\""),
            (" =cmd|'/c calc'!A1", "\"' =cmd|'/c calc'!A1\""),
            ("+1", "\"'+1\""),
            ("-enc", "\"'-enc\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("＝1", "\"'＝1\""),
            ("\t=1", "\"\\t=1\""),
            ("a\r\nb\x1b", "\"a\\r\\nb\\x1b\""),
            ("x\u{202e}y", "\"x\\u{202e}y\""),
        ] {
            let mut row = String::new();
            cell(text, &mut row);
            assert_eq!(row, wanted, "{text:?}");
        }
        let mut row = String::new();
        cell(&"é".repeat(CELL_BYTES_MAX), &mut row);
        assert!(row.len() <= CELL_BYTES_MAX + 5 && row.ends_with("…\""), "{}", row.len());
    }

    #[test]
    fn rows_leave_in_order_and_a_full_heap_lets_the_earliest_go() {
        let mut out = Vec::new();
        let mut waiting = Waiting::default();
        for (time, row) in [(5, "e"), (1, "a"), (3, "c"), (1, "b")] {
            waiting.put(time, row.to_owned());
        }
        waiting.give(&mut out).unwrap();
        assert_eq!((out.as_slice(), waiting.bytes), (b"a".as_slice(), 3));
        while waiting.give(&mut out).unwrap() {}
        assert_eq!((out.as_slice(), waiting.bytes), (b"abce".as_slice(), 0));
    }
}
