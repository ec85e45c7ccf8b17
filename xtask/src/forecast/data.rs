//! The threat reports and ATT&CK entities of `tie`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use shieldwall_forecast::{Reports, Source, State, Technique, Techniques};

/// Files that are read.
pub const FILES: [&str; 4] =
    ["reports_train.json", "reports_validation.json", "attack_uses_before_2024-03.json", "attack_v18_techniques.json"];

/// Likeness (Jaccard) from which two reports tell of one thing.
const SAME: f64 = 0.8;

#[derive(Deserialize)]
struct Report {
    techniques: Vec<String>,
}

#[derive(Deserialize)]
struct Uses {
    entities: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    kind: String,
    name: String,
    techniques: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    name: String,
    tactics: Vec<String>,
    platforms: Vec<String>,
}

/// Id, name, tactics, platforms, what replaced it.
type Old = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);

/// Techniques that reports name and ATT&CK v18 no longer has.
const OLD: &[Old] = &[
    ("T1026", "Multiband Communication", &["command-and-control"], &["Linux", "macOS", "Windows"], None),
    ("T1034", "Path Interception", &["persistence", "privilege-escalation"], &["Windows"], None),
    ("T1043", "Commonly Used Port", &["command-and-control"], &["Linux", "macOS", "Windows"], None),
    ("T1051", "Shared Webroot", &["lateral-movement"], &["Windows"], None),
    ("T1062", "Hypervisor", &["persistence"], &["Windows"], None),
    ("T1064", "Scripting", &["defense-evasion", "execution"], &["Linux", "macOS", "Windows"], Some("T1059")),
    ("T1108", "Redundant Access", &["defense-evasion", "persistence"], &["Linux", "macOS", "Windows"], None),
    ("T1153", "Source", &["execution"], &["Linux", "macOS"], None),
    ("T1175", "Component Object Model and Distributed COM", &["execution", "lateral-movement"], &["Windows"], None),
    (
        "T1574.002",
        "DLL Side-Loading",
        &["persistence", "privilege-escalation", "defense-evasion"],
        &["Windows"],
        Some("T1574.001"),
    ),
];

/// The data.
pub struct Data {
    /// ATT&CK's table, with what it gave up.
    pub table: Techniques,
    /// Reports to learn from.
    pub train: Reports,
    /// Reports to choose by.
    pub validation: Reports,
    /// Groups, campaigns, malware, tools.
    pub entities: Reports,
}

/// Where the files are.
pub fn paths(data: &Path) -> Vec<PathBuf> {
    FILES.iter().map(|name| data.join("tie").join(name)).collect()
}

/// Reads them.
///
/// # Errors
/// When a file is missing or not of its form.
pub fn read(data: &Path) -> Result<Data> {
    fn json<T: serde::de::DeserializeOwned>(data: &Path, name: &str) -> Result<T> {
        let path = data.join("tie").join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("`{}` is not as expected", path.display()))
    }
    let [train, validation, uses, table] = FILES;
    let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
    let mut rows: Vec<Technique> = json::<Vec<Row>>(data, table)?
        .into_iter()
        .map(|row| Technique {
            id: row.id,
            name: row.name,
            tactics: row.tactics,
            platforms: row.platforms,
            state: State::Current,
        })
        .collect();
    rows.extend(OLD.iter().map(|(id, name, tactics, platforms, by)| Technique {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        tactics: owned(tactics),
        platforms: owned(platforms),
        state: by.map_or(State::Deprecated, |by| State::RevokedBy(by.to_owned())),
    }));
    let table = Techniques::new(rows)?;
    let reports = |name: &str| -> Result<Reports> {
        let mut out = Reports::default();
        for report in json::<Vec<Report>>(data, name)? {
            out.add(&table, report.techniques.iter().map(String::as_str), Source::Report, "");
        }
        Ok(out)
    };
    let (train, validation) = (reports(train)?, reports(validation)?);
    let mut entities = Reports::default();
    for entity in json::<Uses>(data, uses)?.entities {
        let source = match entity.kind.as_str() {
            "campaign" => Source::Campaign,
            "intrusion-set" => Source::IntrusionSet,
            "malware" => Source::Malware,
            _ => Source::Tool,
        };
        entities.add(&table, entity.techniques.keys().map(String::as_str), source, &entity.name);
    }
    Ok(Data { table, train, validation, entities })
}

/// Reports and entities together, the reports first.
pub fn joined(parts: &[&Reports]) -> Reports {
    let mut out = Reports::default();
    for part in parts {
        for (at, set) in part.sets().iter().enumerate() {
            out.push(set.clone(), part.source(at), part.name(at));
        }
    }
    out
}

/// A number for each set; sets that tell of one thing (Jaccard at least [`SAME`], directly or by others) have the same.
pub fn clusters(sets: &[Vec<u16>]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..sets.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for (a, first) in sets.iter().enumerate() {
        for (b, second) in sets.iter().enumerate().skip(a + 1) {
            let shared = first.iter().filter(|one| second.binary_search(one).is_ok()).count();
            if shared as f64 >= SAME * (first.len() + second.len() - shared) as f64 {
                let (a, b) = (root(&mut parent, a), root(&mut parent, b));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    (0..sets.len()).map(|at| root(&mut parent, at)).collect()
}
