//! A made estate of known content: simulations of attacks, each on machines of its own, among benign logs.
//!
//! Each simulation is one archive of the OTRF Security Datasets. Its hosts are renamed, so that no two simulations share one;
//! its times are shifted so that it begins near a time of the benign logs: at least [`APART`] from every other simulation, or,
//! where accounts and addresses are renamed too, all of them [`AT_ONCE`]. What a record says is otherwise left as it is: text
//! is replaced, JSON is not rewritten.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_schema::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// The least span between the beginnings of two simulations that share accounts and addresses, in seconds: what happens
/// in one hour by one account from one address is one thing, as far as anybody can tell.
const APART: i64 = 2 * 3600;

/// Simulations that share nothing all begin within this span, in seconds, most of them overlap.
const AT_ONCE: u64 = 600;

/// One archive of records.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its file's name, without ending.
    pub name: String,
    /// `T1021.002` …, as its metadata say.
    pub techniques: Vec<String>,
    lines: Vec<String>,
    hosts: BTreeSet<String>,
    users: BTreeSet<String>,
}

/// What is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// Hosts alone: accounts and addresses are shared by all simulations, as in one estate.
    Hosts,
    /// Hosts, accounts and private addresses: simulations share nothing but tools.
    All,
}

/// Numbers that look drawn, the same for a seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Draw(pub u64);

impl Draw {
    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most.max(1)
    }

    /// The same things in a drawn order.
    pub fn shuffled<T>(&mut self, mut things: Vec<T>) -> Vec<T> {
        for at in (1..things.len()).rev() {
            let other = usize::try_from(self.below(at as u64 + 1)).unwrap_or_default();
            things.swap(at, other);
        }
        things
    }
}

/// All sets of Windows events in a folder of archives, by name.
///
/// # Errors
/// When an archive cannot be read.
pub fn sets(folder: &Path) -> Result<Vec<Set>> {
    let mut archives = Vec::new();
    for tactic in listed(&folder.join("windows"))? {
        for part in ["host", ""] {
            let found = listed(&tactic.join(part)).unwrap_or_default();
            archives.extend(found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "zip")));
        }
    }
    archives.sort();
    archives.dedup();
    let metadata: Vec<String> =
        listed(&folder.join("_metadata"))?.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    archives.iter().map(|path| read(path, &metadata)).collect()
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no folder `{}`", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path, metadata: &[String]) -> Result<Set> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut archive = zip::ZipArchive::new(fs::File::open(path)?)?;
    let mut lines = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at)?;
        // Some archives carry macOS's own files beside the records.
        let file = member.name()?.into_owned();
        if file.ends_with(".json") && !file.contains("__MACOSX") {
            let mut text = String::new();
            member.read_to_string(&mut text)?;
            lines.extend(text.lines().filter(|line| line.starts_with('{')).map(str::to_owned));
        }
    }
    if lines.is_empty() {
        bail!("`{}` has no records", path.display());
    }
    let file = format!("/{name}.zip");
    let techniques = metadata.iter().filter(|text| text.contains(&file)).flat_map(|text| techniques(text)).collect();
    let mut set = Set { name, techniques, lines, hosts: BTreeSet::new(), users: BTreeSet::new() };
    for line in &set.lines {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(host) = record["Hostname"].as_str().and_then(|host| host.split('.').next()) {
            set.hosts.insert(host.to_uppercase());
        }
        for field in ["SubjectUserName", "TargetUserName", "AccountName", "User"] {
            let user = record[field].as_str().and_then(|user| user.rsplit('\\').next()).unwrap_or_default();
            let is_person = user.len() > 3 && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if is_person && !OWN.iter().any(|own| user.eq_ignore_ascii_case(own)) && !user.starts_with("DWM-") {
                set.users.insert(user.to_uppercase());
            }
        }
    }
    set.users = set.users.difference(&set.hosts).cloned().collect();
    Ok(set)
}

/// Names that every Windows machine has.
const OWN: &[&str] = &["SYSTEM", "LOCAL", "NETWORK", "SERVICE", "Administrators", "Guest", "IUSR", "Users", "None"];

/// The techniques in a set's metadata: `technique: T1021`, then `sub-technique: "002"`.
fn techniques(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().map(|line| line.trim().trim_start_matches("- ")) {
        if let Some(id) = line.strip_prefix("technique:") {
            found.push(id.trim().trim_matches('"').to_owned());
        } else if let Some(sub) = line.strip_prefix("sub-technique:") {
            let sub = sub.trim().trim_matches('"');
            if let Some(last) = found.last_mut().filter(|_| sub.len() == 3) {
                *last = format!("{last}.{sub}");
            }
        }
    }
    found
}

/// A written estate.
#[derive(Clone, Debug)]
pub struct Estate {
    /// The file of all simulations' records.
    pub file: PathBuf,
    /// For each line: where it begins in the file, and the number of its set.
    pub begins: Vec<(u64, usize)>,
}

/// Writes `sets` as one file into `folder`, each at a time near one of `times` (in nanoseconds).
///
/// # Errors
/// When the file cannot be written.
pub fn write(sets: &[&Set], times: &[i64], renamed: Renamed, draw: &mut Draw, folder: &Path) -> Result<Estate> {
    let mut starts: Vec<i64> = Vec::new();
    let at_once = times.get(usize::try_from(draw.below(times.len() as u64))?).context("no times")? / NANOS;
    let mut records: Vec<(i64, usize, String)> = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        let own: Vec<Option<i64>> = set.lines.iter().map(|line| time_of(line)).collect();
        let first = own.iter().flatten().min().copied().context("a set without a time")?;
        let start = loop {
            if renamed == Renamed::All {
                break at_once + i64::try_from(draw.below(AT_ONCE))?;
            }
            let near = times.get(usize::try_from(draw.below(times.len() as u64))?).context("no times")? / NANOS;
            let start = near + i64::try_from(draw.below(6 * 3600))? - 3 * 3600;
            if starts.iter().all(|other| (other - start).abs() >= APART) {
                break start;
            }
        };
        starts.push(start);
        // Whole seconds, so that fractions stay as they are.
        let shift = start - first.div_euclid(NANOS);
        let mut last = first;
        for (line, time) in set.lines.iter().zip(own) {
            last = time.unwrap_or(last);
            records.push((last + shift * NANOS, number, made_over(line, set, number, shift, renamed)));
        }
    }
    records.sort_by_key(|(time, number, _)| (*time, *number));
    let mut text = String::new();
    let mut begins = Vec::with_capacity(records.len());
    for (_, number, line) in &records {
        begins.push((text.len() as u64, *number));
        text.push_str(line);
        text.push('\n');
    }
    let file = folder.join("simulations.json");
    fs::write(&file, text)?;
    Ok(Estate { file, begins })
}

/// The fields of times, the one that counts for order first.
const TIMES: [&str; 6] = [
    "\"@timestamp\":\"",
    "\"TimeCreated\":\"",
    "\"EventTime\":\"",
    "\"UtcTime\":\"",
    "\"EventReceivedTime\":\"",
    "\"CreationUtcTime\":\"",
];

/// A record's time in nanoseconds.
fn time_of(line: &str) -> Option<i64> {
    let at = TIMES.iter().find_map(|field| Some(line.find(field)? + field.len()))?;
    let seconds = seconds(line.get(at..at + 19)?)?;
    let fraction = line.get(at + 19..).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.get(..3));
    let millis: i64 = fraction.and_then(|digits| digits.parse().ok()).unwrap_or_default();
    Some(seconds * NANOS + millis * 1_000_000)
}

/// `2020-06-10T02:50:56` as seconds since 1970; any character may part date and time.
fn seconds(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(part(0, 4)?).ok()?;
    let time =
        Timestamp::from_civil(year, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?, 0, 0)?;
    Some(time.nanos() / NANOS)
}

fn made_over(line: &str, set: &Set, number: usize, shift: i64, renamed: Renamed) -> String {
    let mut line = line.to_owned();
    for field in TIMES {
        let Some(at) = line.find(field).map(|at| at + field.len()) else { continue };
        let Some(old) = line.get(at..at + 19).map(str::to_owned) else { continue };
        let Some(new) = seconds(&old).and_then(|old| Timestamp::from_seconds(old + shift, 0)) else { continue };
        let mut new: String = new.to_string().chars().take(19).collect();
        if old.get(10..11) == Some(" ") {
            new.replace_range(10..11, " ");
        }
        line.replace_range(at..at + 19, &new);
    }
    for host in &set.hosts {
        line = replaced(&line, host, &format!("{host}-N{number:02}"));
    }
    if renamed == Renamed::All {
        for user in &set.users {
            line = replaced(&line, user, &format!("{user}N{number:02}"));
        }
        line = moved(&line, number);
    }
    line
}

/// Replaces a word, whatever its case, where no letter or digit stands beside it.
fn replaced(text: &str, word: &str, new: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let mut out = String::with_capacity(text.len() + 64);
    let mut from = 0;
    while let Some(found) = upper.get(from..).and_then(|rest| rest.find(word)).map(|at| at + from) {
        let end = found + word.len();
        let beside = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        // In JSON `\n` and `\t` before a word are no letters of it.
        let before = found.checked_sub(1).and_then(|at| upper.as_bytes().get(at));
        let escaped = found.checked_sub(2).and_then(|at| upper.as_bytes().get(at)) == Some(&b'\\');
        let whole = (escaped || !beside(before)) && !beside(upper.as_bytes().get(end));
        out.push_str(text.get(from..found).unwrap_or_default());
        out.push_str(if whole { new } else { text.get(found..end).unwrap_or_default() });
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Moves private addresses to a network of the set's own.
fn moved(text: &str, number: usize) -> String {
    // Private they stay: rules tell private from public.
    let mut out = replaced_after(text, "172.18.", &format!("10.{number}."));
    for (old, new) in [("192.168.", format!("10.{}.", 50 + number)), ("10.10.", format!("10.{}.", 100 + number))] {
        out = replaced_after(&out, old, &new);
    }
    out
}

/// Replaces the beginning of an address where a digit follows and none goes before.
fn replaced_after(text: &str, old: &str, new: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(old)).map(|at| at + from) {
        let end = found + old.len();
        let before = found.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let whole = !before.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
            && text.as_bytes().get(end).is_some_and(u8::is_ascii_digit);
        out.push_str(text.get(from..found).unwrap_or_default());
        out.push_str(if whole { new } else { old });
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_times_are_made_over() {
        let set = Set {
            name: String::new(),
            techniques: Vec::new(),
            lines: Vec::new(),
            hosts: BTreeSet::from(["WS5".to_owned()]),
            users: BTreeSet::from(["ALICE".to_owned()]),
        };
        let line = r#"{"@timestamp":"2020-06-10T02:50:56.537Z","EventTime":"2020-06-09 22:50:54","Hostname":"ws5.x.local","Message":"\nWS5$ WS55 alice from ::ffff:172.18.39.5"}"#;
        let hosts = made_over(line, &set, 3, 86_400, Renamed::Hosts);
        assert_eq!(
            hosts,
            r#"{"@timestamp":"2020-06-11T02:50:56.537Z","EventTime":"2020-06-10 22:50:54","Hostname":"WS5-N03.x.local","Message":"\nWS5-N03$ WS55 alice from ::ffff:172.18.39.5"}"#
        );
        let all = made_over(line, &set, 3, 0, Renamed::All);
        assert!(all.contains("ALICEN03 from ::ffff:10.3.39.5"), "{all}");
        assert_eq!(time_of(line).unwrap() % NANOS, 537_000_000);
    }

    #[test]
    fn techniques_are_read_from_metadata() {
        let text = "attack_mappings:\n  - technique: T1021\n    sub-technique: \"002\"\n    tactics:\n      - TA0008\n  - technique: T1018\n    sub-technique:\n";
        assert_eq!(techniques(text), ["T1021.002", "T1018"]);
    }

    #[test]
    fn a_seed_gives_the_same_order() {
        let order = |seed| Draw(seed).shuffled((0..9).collect::<Vec<_>>());
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
