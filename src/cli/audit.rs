//! `shieldwall audit`: whether what was written down is still as it was written, and how a finding came about.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shieldwall_schema::finding::Finding;
use shieldwall_trust::audit::{self, Entry, Head};
use shieldwall_trust::key::PublicKey;

use super::{Global, Outcome};
use crate::books;
use crate::case::Case;
use crate::confine::Needs;
use crate::home::Home;
use crate::output::escape::escape;

/// Bytes of a kept head that are read.
const HEAD_FILE_BYTES_MAX: usize = 4096;

/// Bytes of a case's manifest that are read.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Logs that normal was learned from that are shown; the manifest has all.
const LEARNED_SHOWN_MAX: usize = 100;

/// Digits of a finding's id that name it.
const PREFIX_MIN: usize = 6;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check the whole log; name what was edited, deleted, moved or cut off
    Verify {
        /// Print the entries since then (a date, or an RFC 3339 time)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Who must have signed [default: the local key]
        #[arg(long, value_name = "KEY")]
        public_key: Option<PathBuf>,
        /// A head that was kept elsewhere, which the log must continue
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// Print the chain from an event to what was decided, and by what
    Show {
        /// The finding's number in findings.jsonl, or the beginning of its id
        #[arg(value_name = "FINDING")]
        finding: String,
        /// The case's folder [default: the last scan]
        case: Option<PathBuf>,
    },
    /// Print an entry with the proof that it is in the log, as JSON
    Proof {
        /// The entry's number
        #[arg(value_name = "N")]
        number: u64,
    },
}

/// Runs the command.
///
/// # Errors
/// When the log, a key or a case cannot be read.
pub fn run(global: &Global, args: &AuditArgs) -> Result<Outcome> {
    let home = global.home()?;
    global.confine(&Needs::default());
    match &args.command {
        AuditCommand::Verify { since, public_key, head } => {
            verify(&home, since.as_deref(), public_key.as_ref(), head.as_ref())
        }
        AuditCommand::Show { finding, case } => show(&home, finding, case.as_ref()),
        AuditCommand::Proof { number } => proof(&home, *number),
    }
}

/// The key that must have signed; `None` where there is none yet.
fn key(home: &Home, path: Option<&PathBuf>) -> Result<Option<PublicKey>> {
    match path {
        Some(path) => Ok(Some(PublicKey::load(path)?)),
        None => books::public_key(home),
    }
}

fn verify(home: &Home, since: Option<&str>, path: Option<&PathBuf>, head: Option<&PathBuf>) -> Result<Outcome> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let Some(key) = key(home, path)? else {
        if home.audit().join("log.jsonl").exists() {
            bail!("there is an audit log and no local key: say who signed it (--public-key)");
        }
        writeln!(out, "nothing was written down yet")?;
        return Ok(Outcome::Clean);
    };
    let since = since.map(parse_time).transpose()?;
    let kept = match head {
        None => None,
        Some(path) => {
            let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let text = text.get(..HEAD_FILE_BYTES_MAX).unwrap_or(&text).trim_ascii();
            Some(Head::read(text).with_context(|| format!("`{}` is no signed head", path.display()))?)
        }
    };
    let checked = audit::verify(&home.audit(), &key, kept.as_ref())?;
    if let Some(since) = since {
        audit::entries(&home.audit(), &mut |entry| {
            if entry.time_ms >= since {
                // A reader that went away is met again below.
                let _ = writeln!(out, "{}", line(&entry));
            }
        })?;
    }
    for fault in &checked.faults {
        writeln!(out, "FAULT  {fault}")?;
    }
    if checked.more > 0 {
        writeln!(out, "FAULT  and {} more", checked.more)?;
    }
    writeln!(out, "{} entries, {} fault(s)", checked.entries, checked.faults.len() as u64 + checked.more)?;
    if let Some(head) = &checked.head {
        writeln!(out, "head: {}", head.to_line())?;
    }
    out.flush()?;
    let tampered = checked.faults.iter().any(|fault| !fault.is_crash());
    Ok(Outcome::of(tampered, checked.faults.iter().any(audit::Fault::is_crash)))
}

/// An entry for people.
fn line(entry: &Entry) -> String {
    let mut words =
        format!("{:>6}  {}  {} {}", entry.number, time(entry.time_ms), entry.event.action, entry.event.subject);
    for (name, value) in &entry.event.details {
        words.push_str(&format!("  {name}={value}"));
    }
    escape(&words)
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

fn parse_time(text: &str) -> Result<i64> {
    let midnight = format!("{text}T00:00:00Z");
    let time = [text, midnight.as_str()].iter().find_map(|text| text.parse::<jiff::Timestamp>().ok());
    let time = time.context("--since: say a date (2026-11-01) or an RFC 3339 time (2026-11-01T10:00:00Z)")?;
    Ok(time.as_millisecond())
}

fn proof(home: &Home, number: u64) -> Result<Outcome> {
    let key = books::public_key(home)?.context("nothing was written down yet")?;
    let proof = audit::proof(&home.audit(), &key, number)?;
    let proof = proof.with_context(|| format!("no signed head covers an entry {number}"))?;
    if !proof.holds(&key) {
        bail!("entry {number} is not the one that was signed: `shieldwall audit verify` tells more");
    }
    let head: Value = serde_json::from_str(&proof.head.to_line())?;
    let hashes: Vec<String> = proof.hashes.iter().map(ToString::to_string).collect();
    let said = json!({ "entry": proof.line, "number": proof.number, "hashes": hashes, "head": head, "public_key": key.to_pem() });
    writeln!(io::stdout(), "{said:#}")?;
    Ok(Outcome::Clean)
}

fn show(home: &Home, wanted: &str, case: Option<&PathBuf>) -> Result<Outcome> {
    let folder = case.cloned().unwrap_or_else(|| home.latest_case());
    let findings = Case::open(&folder)?.findings()?;
    let by_id: Vec<&Finding> = findings.iter().filter(|finding| finding.uid.starts_with(wanted)).collect();
    let by_number = wanted.parse::<usize>().ok().and_then(|number| findings.get(number.checked_sub(1)?));
    let finding = match (by_number, by_id.as_slice()) {
        (Some(finding), _) => finding,
        (None, [finding]) if wanted.len() >= PREFIX_MIN => finding,
        _ => bail!("no one finding `{wanted}`: say a number from 1 to {}, or the beginning of an id", findings.len()),
    };
    let mut out = String::new();
    let mut say = |name: &str, words: &str| out.push_str(&format!("{name:<9} {}\n", escape(words)));
    let sha256 = finding.sha256.as_deref().unwrap_or("not taken");
    for evidence in finding.evidences.iter().take(1) {
        let place = evidence.place.record.map_or_else(
            || format!("offset {}", evidence.place.offset),
            |record| format!("record {record}, offset {}", evidence.place.offset),
        );
        say("event", &format!("{} {place}, SHA-256 {sha256}", finding.source));
    }
    say(
        "finding",
        &format!("{} {} ({}), {} record(s)", finding.uid, finding.analytic.name, finding.analytic.level, finding.count),
    );
    let bytes = std::fs::read(folder.join("findings.jsonl"))?;
    let hash = shieldwall_trust::Hash::of(&bytes).to_string();
    let scans = books::entries(home, |entry| entry.event.action == "scan" && entry.event.subject == hash)?;
    match scans.last() {
        Some(scan) => say("decision", &line(scan)),
        None => say("decision", "NO ENTRY: findings.jsonl is not one that was recorded here, or was changed since"),
    }
    let analytic = &finding.analytic;
    if finding.anomaly.is_none() {
        let pack = if analytic.pack.is_empty() { "built-in" } else { analytic.pack.as_str() };
        let signed = if analytic.unsigned { "unsigned" } else { "signed or built-in" };
        say(
            "rule",
            &format!("{} version {} hash {} of {pack}, {signed}", analytic.uid, analytic.version, analytic.hash),
        );
        let added = books::entries(home, |entry| {
            matches!(entry.event.action.as_str(), "rules.add" | "pack.add") && entry.event.subject == analytic.pack
        })?;
        if let Some(added) = added.last() {
            say("added", &line(added));
        }
    } else {
        say("detector", &format!("{} version {}", analytic.uid, analytic.version));
        learned(&folder, &mut say)?;
        models(home, scans.last(), &mut say)?;
    }
    io::stdout().lock().write_all(out.as_bytes())?;
    // What nobody wrote down is not what the program found, as far as anybody can show.
    Ok(Outcome::of(scans.is_empty(), false))
}

/// What the case says that normal was learned from.
fn learned(case: &Path, say: &mut dyn FnMut(&str, &str)) -> Result<()> {
    let mut bytes = Vec::new();
    File::open(case.join("manifest.json"))?.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes)?;
    let manifest: Value = serde_json::from_slice(&bytes).context("the case's manifest.json")?;
    let logs = manifest.pointer("/learning/logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for log in logs.iter().take(LEARNED_SHOWN_MAX) {
        let words: Vec<String> = log
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        say("learned", &words.join("  "));
    }
    if logs.len() > LEARNED_SHOWN_MAX {
        say("learned", &format!("and {} more", logs.len() - LEARNED_SHOWN_MAX));
    }
    if logs.is_empty() {
        say("learned", "from the records of this case alone");
    }
    Ok(())
}

/// The models that took part, how each came to act, and what it learned from.
fn models(home: &Home, scan: Option<&Entry>, say: &mut dyn FnMut(&str, &str)) -> Result<()> {
    let details = scan.map(|scan| scan.event.details.as_slice()).unwrap_or_default();
    for (kind, hash) in details.iter().filter_map(|(name, hash)| Some((name.strip_prefix("model.")?, hash))) {
        say("model", &format!("{kind} {hash}"));
        let steps =
            books::entries(home, |entry| entry.event.action.starts_with("model.") && entry.event.subject == *hash)?;
        if steps.is_empty() {
            say("  from", "came with the program: `content/models`, its manifest names the data");
        }
        for step in &steps {
            say("  step", &line(step));
        }
        let registered = steps.iter().find(|step| step.event.action == "model.register");
        let data = registered.and_then(|step| step.event.details.iter().find(|(name, _)| name == "data_sha256"));
        if let Some((_, data)) = data {
            say("  data", data);
        }
    }
    Ok(())
}
