//! What was not read, what was odd, what was assumed: the honest end of every report.
//!
//! Each function gives short statements in a fixed order; the report joins them into one line.

use std::collections::BTreeMap;

use shieldwall_schema::{Flag, Reject};

use super::escape::escape_flagged;
use super::report::{Report, SourceNote, SourceSummary};
use super::style::{counted, thousands};

/// Names given for one kind of gap; more are counted. The manifest has them all.
const NAMES_MAX: usize = 3;
/// Refused rules and assumptions told in full; more are counted.
const STATEMENTS_MAX: usize = 5;

/// What of the evidence was not read, and why; each makes a run partial. Empty if everything was read.
pub fn not_read(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    by_note(report, |note| if let SourceNote::NotRead(why) = note { Some(why.as_str()) } else { None })
        .into_iter()
        .for_each(|(why, names)| out.push(format!("{}: {}", named(&names, "file", "files"), escape_flagged(why))));
    out.extend(rejections(report));
    out.extend(losses(report));
    out
}

/// What holds nothing to read: empty files, recognised non-logs, second copies.
pub fn skipped(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    let with = |wanted: &SourceNote| -> Vec<&str> {
        report.sources.iter().filter(|source| source.note == *wanted).map(|source| source.display.as_str()).collect()
    };
    let empty = with(&SourceNote::Empty);
    if !empty.is_empty() {
        out.push(named(&empty, "empty file", "empty files"));
    }
    let kinds = by_note(report, |note| if let SourceNote::NonLog(kind) = note { Some(kind.as_str()) } else { None });
    for (kind, names) in kinds {
        out.push(format!("{}: {}, no log", named(&names, "file", "files"), escape_flagged(kind)));
    }
    let twins = report.sources.iter().filter(|source| matches!(source.note, SourceNote::DuplicateOf(_)));
    let twins: Vec<&str> = twins.map(|source| source.display.as_str()).collect();
    if !twins.is_empty() {
        out.push(format!("{}: same content as another, read once", named(&twins, "file", "files")));
    }
    out
}

/// Sources by what their note says, in the order of the words.
fn by_note<'a>(
    report: &'a Report,
    word: impl Fn(&'a SourceNote) -> Option<&'a str>,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &report.sources {
        if let Some(word) = word(&source.note) {
            groups.entry(word).or_default().push(&source.display);
        }
    }
    groups
}

/// `2 files (a, b)`, `5 files (a, b, c …)`
fn named(names: &[&str], one: &str, many: &str) -> String {
    let mut list: Vec<String> = names.iter().take(NAMES_MAX).map(|name| escape_flagged(name)).collect();
    if names.len() > NAMES_MAX {
        list.push("…".to_owned());
    }
    format!("{} ({})", counted(names.len() as u64, one, many), list.join(", "))
}

/// Records that could not be read: one statement a reason, with the first place.
fn rejections(report: &Report) -> Vec<String> {
    let mut by_reason: BTreeMap<Reject, (u64, u64, String)> = BTreeMap::new();
    for source in &report.sources {
        for (reason, count, first) in &source.rejected {
            let entry = by_reason.entry(*reason).or_insert_with(|| {
                let place = match first.place.record {
                    Some(record) => format!("record {record}"),
                    None => format!("byte {}", first.place.offset),
                };
                (0, 0, format!("{} at {place}: {}", escape_flagged(&source.display), escape_flagged(&first.detail)))
            });
            entry.0 = entry.0.saturating_add(*count);
            entry.1 += 1;
        }
    }
    let tell = |(reason, (count, files, first)): (Reject, (u64, u64, String))| {
        let (one, many) = words(reason);
        let head = counted(count, one, many);
        if files == 1 && count == 1 {
            format!("{head} ({first})")
        } else {
            format!("{head} in {} (first: {first})", counted(files, "file", "files"))
        }
    };
    by_reason.into_iter().map(tell).collect()
}

/// Parts of records that were cut.
fn losses(report: &Report) -> Vec<String> {
    let tell = |flag: Flag, one: &str, many: &str| {
        let count = flagged(report, flag);
        (count > 0).then(|| counted(count, one, many))
    };
    let cut = tell(Flag::Truncated, "record cut at its limit", "records cut at their limit");
    let capped = tell(
        Flag::FieldCap,
        "record with more fields than are looked at",
        "records with more fields than are looked at",
    );
    cut.into_iter().chain(capped).collect()
}

fn flagged(report: &Report, flag: Flag) -> u64 {
    let of = |source: &SourceSummary| {
        source.flags.iter().filter(|(have, _)| *have == flag).map(|(_, count)| *count).sum::<u64>()
    };
    report.sources.iter().map(of).fold(0, u64::saturating_add)
}

/// What was read and is odd all the same.
pub fn odd(report: &Report) -> Vec<String> {
    const ODD: [(Flag, &str); 9] = [
        (Flag::Confusable, "with hidden or look-alike characters"),
        (Flag::Utf8Invalid, "with bytes that are no text"),
        (Flag::TimeInvalid, "with an impossible time"),
        (Flag::DuplicateKey, "with a key twice (the last counts)"),
        (Flag::UnknownLine, "in no known form, kept as text"),
        (Flag::RawCefLeef, "of CEF or LEEF, kept as text"),
        (Flag::BadHeader, "with a broken header, kept as text"),
        (Flag::BadHex, "with a hex value that does not decode"),
        (Flag::Incomplete, "with a part missing"),
    ];
    let tell = |(flag, words): &(Flag, &str)| match flagged(report, *flag) {
        0 => None,
        count => Some(format!("{} {words}", counted(count, "record", "records"))),
    };
    ODD.iter().filter_map(tell).collect()
}

/// What was assumed, for the run and for sources; the same assumption is told once.
pub fn assumed(report: &Report) -> Vec<String> {
    let mut all: Vec<String> = report.assumptions.iter().map(|text| escape_flagged(text)).collect();
    let mut shared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &report.sources {
        for assumption in &source.assumptions {
            shared.entry(assumption).or_default().push(&source.display);
        }
    }
    for (assumption, names) in shared {
        let place = match names.as_slice() {
            [one] => escape_flagged(one),
            many => named(many, "file", "files"),
        };
        all.push(format!("{place}: {}", escape_flagged(assumption)));
    }
    capped(all)
}

/// What learning says of itself.
pub fn learned(report: &Report) -> Vec<String> {
    capped(report.learned.iter().map(|text| escape_flagged(text)).collect())
}

/// Rules that were refused.
pub fn refused(report: &Report) -> Vec<String> {
    capped(report.refused_rules.iter().map(|rule| escape_flagged(rule)).collect())
}

fn capped(mut statements: Vec<String>) -> Vec<String> {
    let more = statements.len().saturating_sub(STATEMENTS_MAX);
    if more > 0 {
        statements.truncate(STATEMENTS_MAX);
        statements.push(format!("and {} more", thousands(more as u64)));
    }
    statements
}

/// A reason in words, for one and for many.
const fn words(reason: Reject) -> (&'static str, &'static str) {
    match reason {
        Reject::Truncated => ("record cut short", "records cut short"),
        Reject::Corrupt => ("corrupt stretch", "corrupt stretches"),
        Reject::Checksum => ("stretch with a wrong checksum", "stretches with a wrong checksum"),
        Reject::TooDeep => ("record nested too deep", "records nested too deep"),
        Reject::TooLarge => ("oversized record", "oversized records"),
        Reject::OutOfRange => ("record with impossible values", "records with impossible values"),
        Reject::Limit => ("unpacking limit reached", "unpacking limits reached"),
        Reject::UnsafeName => ("member with an unsafe name", "members with an unsafe name"),
        Reject::Unreadable => ("unreadable stretch", "unreadable stretches"),
        Reject::Encrypted => ("encrypted part", "encrypted parts"),
        Reject::Unsupported => ("part in an unsupported variant", "parts in an unsupported variant"),
        Reject::Internal => ("record on which a decoder failed", "records on which a decoder failed"),
    }
}
