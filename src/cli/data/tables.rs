//! What is looked for in a table.

use anyhow::{Context, Result};
use serde_json::json;
use shieldwall_learn::gate::{clusters, duplicates, flips, leaks, regions, sources, triggers};
use shieldwall_learn::{FeatureKind, FitError, Frame, Random};

use super::finding::{Finding, Level};
use super::read::DataSet;

/// Rows of which labels are judged; longer tables are sampled evenly.
const JUDGED_MAX: usize = 300_000;

/// Rows of the rarer class below which labels cannot be judged.
const CLASS_ROWS_MIN: usize = 10;

/// Share of rows outside a reference's range from which on the range has changed.
const OUTSIDE_MAX: f64 = 0.05;

/// Share of rows whose equals carry another label from which on a table contradicts itself.
const CONFLICTS_MAX: f64 = 0.001;

/// Each row's suspicion, check by check.
#[derive(Debug, Default)]
pub struct Scores {
    /// Probability that the label is wrong.
    pub flip: Vec<f64>,
    /// Log-odds against *normal* of models that saw nothing of the row's cluster.
    pub cluster: Vec<f64>,
    /// Boundness of the most suspect stamp on the row.
    pub trigger: Vec<f64>,
}

/// Bad cells and columns that say nothing.
pub fn columns(data: &DataSet, out: &mut Vec<Finding>) {
    for profile in &data.profiles {
        let name = &profile.name;
        if profile.is_numeric() {
            if profile.words.0 > 0 {
                let words = format!("column `{name}`: {} cells are no numbers", profile.words.0);
                out.push(Finding::new(Level::Quality, "type", words).rows(profile.words.1.clone()));
            }
            if profile.infinite.0 > 0 {
                let words = format!("column `{name}`: {} cells are infinite", profile.infinite.0);
                out.push(Finding::new(Level::Quality, "infinite", words).rows(profile.infinite.1.clone()));
            }
        }
        if profile.filled == 0 {
            out.push(Finding::new(Level::Note, "empty", format!("column `{name}` is empty")));
        } else if !profile.many && profile.values.len() == 1 && profile.missing == 0 {
            out.push(Finding::new(Level::Note, "constant", format!("column `{name}` has one value only")));
        }
        if profile.missing * 2 > profile.missing + profile.filled && profile.filled > 0 {
            let share = 100.0 * profile.missing as f64 / (profile.missing + profile.filled) as f64;
            out.push(Finding::new(
                Level::Note,
                "missing",
                format!("column `{name}`: {share:.0} % of the cells are empty"),
            ));
        }
    }
}

/// Rows that stand more than once.
pub fn repeated(data: &DataSet, out: &mut Vec<Finding>) {
    let found = duplicates::duplicates(&data.frame, data.labels.as_deref());
    let rest = |groups: &[Vec<usize>]| -> Vec<usize> {
        groups.iter().flat_map(|group| group.iter().skip(1).copied()).collect()
    };
    if !found.exact.is_empty() {
        let rows = rest(&found.exact);
        let words = format!("{} rows repeat an earlier row in all columns that teach", rows.len());
        out.push(Finding::new(Level::Note, "duplicates", words).rows(rows));
    }
    if !found.near.is_empty() {
        let words = format!("{} rows equal another one when numbers are rounded to three figures", found.near.len());
        out.push(Finding::new(Level::Note, "near_duplicates", words).rows(found.near));
    }
    if !found.conflicts.is_empty() {
        // The minority of each group is the suspect part.
        let labels = data.labels.as_deref().unwrap_or_default();
        let is_hostile = |row: &usize| labels.get(*row).copied().unwrap_or(false);
        let mut rows: Vec<usize> = Vec::new();
        for group in &found.conflicts {
            let hostile = group.iter().filter(|row| is_hostile(row)).count();
            rows.extend(group.iter().filter(|row| is_hostile(row) == (hostile * 2 <= group.len())));
        }
        let share = rows.len() as f64 / data.frame.rows() as f64;
        let level = if share > CONFLICTS_MAX { Level::Quality } else { Level::Note };
        let words = format!(
            "{} groups of equal rows carry different labels; {} rows are in the minority of theirs",
            found.conflicts.len(),
            rows.len()
        );
        out.push(Finding::new(level, "conflicting_labels", words).rows(rows).details(json!({ "share": share })));
    }
}

/// How the labels are spread, and columns that give them away.
pub fn labels(data: &DataSet, out: &mut Vec<Finding>) {
    let Some(labels) = &data.labels else { return };
    let hostile = labels.iter().filter(|label| **label).count();
    let share = 100.0 * hostile as f64 / labels.len().max(1) as f64;
    let words = format!("{hostile} of {} rows are hostile ({share:.2} %)", labels.len());
    out.push(Finding::new(Level::Note, "labels", words).details(json!({ "counts": data.label_counts })));
    for leak in leaks::single_columns(&data.frame, labels).iter().take_while(|leak| leak.auc >= leaks::AUC_MIN) {
        let name = data.frame.schema().name(leak.column);
        let words = format!(
            "column `{name}` alone gives the label away (AUC {:.4}): a copy of the label, or known only afterwards?",
            leak.auc
        );
        out.push(
            Finding::new(Level::Quality, "leaking_column", words).details(json!({ "column": name, "auc": leak.auc })),
        );
    }
}

/// Rows, groups and times that stand on both sides of a split, and labels that contradict.
pub fn splits(data: &DataSet, test: &DataSet, out: &mut Vec<Finding>) {
    let shared = duplicates::shared(&data.frame, &test.frame);
    if !shared.is_empty() {
        let words = format!("{} rows stand in the test data too: results on them are memory, not skill", shared.len());
        let there: Vec<usize> = shared.iter().map(|(_, there)| there + 1).collect();
        let rows = shared.iter().map(|(row, _)| *row).collect();
        out.push(
            Finding::new(Level::Quality, "split_overlap", words).rows(rows).details(json!({ "test_rows": there })),
        );
    }
    if let (Some(own), Some(there)) = (&data.groups, &test.groups) {
        let there: std::collections::BTreeSet<&String> = there.iter().collect();
        let rows: Vec<usize> =
            own.iter().enumerate().filter(|(_, group)| there.contains(group)).map(|(row, _)| row).collect();
        if !rows.is_empty() {
            let words = format!("{} rows belong to groups that stand in the test data too", rows.len());
            out.push(Finding::new(Level::Quality, "group_leak", words).rows(rows));
        }
    }
    if let (Some(own), Some(there)) = (&data.times, &test.times) {
        // Times are compared as numbers where all are numbers, else as texts: right for ISO 8601.
        let numbers = |times: &[String]| -> Option<Vec<f64>> { times.iter().map(|time| time.parse().ok()).collect() };
        let late: Vec<usize> = match (numbers(own), numbers(there)) {
            (Some(own), Some(there)) => {
                let first = there.iter().copied().fold(f64::INFINITY, f64::min);
                own.iter().enumerate().filter(|(_, time)| **time >= first).map(|(row, _)| row).collect()
            }
            _ => {
                let first = there.iter().min();
                own.iter().enumerate().filter(|(_, time)| Some(*time) >= first).map(|(row, _)| row).collect()
            }
        };
        if !late.is_empty() {
            let words =
                format!("{} rows are not older than the first test row: the future teaches the past", late.len());
            out.push(Finding::new(Level::Quality, "time_leak", words).rows(late));
        }
    }
    changed(&test.frame, &data.frame, "the test data", out);
}

fn changed(frame: &Frame, reference: &Frame, what: &str, out: &mut Vec<Finding>) {
    for change in leaks::changes(reference, frame) {
        let name = frame.schema().name(change.column);
        if let Some(factor) = change.factor {
            let words = format!("column `{name}` of {what} is {factor:.4} times what it was: another unit?");
            out.push(
                Finding::new(Level::Quality, "unit_change", words).details(json!({ "column": name, "factor": factor })),
            );
        } else if change.outside > OUTSIDE_MAX {
            let words =
                format!("column `{name}` of {what}: {:.1} % is outside what was there before", 100.0 * change.outside);
            out.push(
                Finding::new(Level::Quality, "range", words)
                    .details(json!({ "column": name, "outside": change.outside })),
            );
        }
    }
}

/// What changed against a reference: units, ranges, labels of equal rows, labels of regions.
///
/// # Errors
/// When the reference cannot be learned from.
pub fn reference(data: &DataSet, old: &DataSet, seed: u64, out: &mut Vec<Finding>) -> Result<()> {
    changed(&data.frame, &old.frame, "this table", out);
    let (Some(labels), Some(old_labels)) = (&data.labels, &old.labels) else { return Ok(()) };
    let relabelled: Vec<usize> = duplicates::shared(&data.frame, &old.frame)
        .into_iter()
        .filter(|(row, there)| labels.get(*row) != old_labels.get(*there))
        .map(|(row, _)| row)
        .collect();
    if !relabelled.is_empty() {
        let words = format!("{} rows stand in the reference with the other label", relabelled.len());
        out.push(Finding::new(Level::Poison, "relabelled", words).rows(relabelled));
    }
    let found = match regions::shift((&old.frame, old_labels), &data.frame, labels, &mut Random::new(seed)) {
        Ok(found) => found,
        Err(error) => {
            out.push(Finding::new(Level::Note, "not_checked", format!("label shift: {error}")));
            return Ok(());
        }
    };
    if !found.rows.is_empty() {
        let words = format!(
            "{} rows of regions whose labels changed: a model of the reference denies them with certainty",
            found.rows.len()
        );
        let suspicion = found.rows.iter().filter_map(|row| found.score.get(*row).copied()).collect();
        out.push(Finding::new(Level::Poison, "label_shift", words).rows(found.rows).suspicion(suspicion));
    }
    Ok(())
}

/// Labels that were flipped one by one or a cluster at a time, and stamps.
///
/// # Errors
/// When a check fails for another reason than too little data.
pub fn poison(data: &DataSet, seed: u64, out: &mut Vec<Finding>) -> Result<Scores> {
    let rows = data.frame.rows();
    let mut scores = Scores { trigger: vec![0.0; rows], ..Scores::default() };
    let stamps = triggers::triggers(&data.frame, data.labels.as_deref());
    scores.trigger = triggers::row_scores(&stamps, rows);
    stamped(data, &stamps, out);
    let Some(labels) = &data.labels else {
        out.push(Finding::new(
            Level::Note,
            "not_checked",
            "labels: there are none (name a column with --label)".into(),
        ));
        return Ok(scores);
    };
    let hostile = labels.iter().filter(|label| **label).count();
    let fewest = hostile.min(labels.len() - hostile);
    if fewest < CLASS_ROWS_MIN {
        let words =
            format!("labels: {fewest} rows of the rarer class, at least {CLASS_ROWS_MIN} are needed to judge them");
        out.push(Finding::new(Level::Note, "not_checked", words));
        return Ok(scores);
    }
    scores.flip = vec![0.0; rows];
    scores.cluster = vec![f64::NEG_INFINITY; rows];
    let judged = sample(rows, JUDGED_MAX, seed, "flipped labels", out);
    let (frame, own) = part(data, labels, &judged);
    let mut found = match flips::flips(&frame, &own, &mut Random::new(seed)) {
        Ok(found) => Some(found),
        Err(error) => {
            cannot(error, "flipped labels", out)?;
            None
        }
    };
    // What was flipped one by one would gather in clusters of its own.
    let mut denied = vec![false; rows];
    if let Some(found) = found.as_ref().filter(|found| found.alarm()) {
        found.suspects.iter().filter_map(|at| judged.get(*at)).for_each(|row| set(&mut denied, *row, true));
    }
    let mut picked = sample(rows, clusters::ROWS_MAX, seed, "flipped clusters", out);
    picked.retain(|row| denied.get(*row) == Some(&false));
    let (few, few_labels) = part(data, labels, &picked);
    match clusters::clusters(&few, &few_labels, &mut Random::new(seed)) {
        Ok(clusters) => {
            for (row, score) in picked.iter().zip(&clusters.score) {
                set(&mut scores.cluster, *row, *score);
            }
            let named = clustered(&clusters, &picked, out);
            if !named.is_empty() {
                // Beside a flipped cluster its honest siblings look flipped: judged again with the cluster as it was.
                let mut mended = labels.clone();
                named.iter().for_each(|row| set(&mut mended, *row, true));
                let (_, own) = part(data, &mended, &judged);
                found = flips::flips(&frame, &own, &mut Random::new(seed)).ok().or(found);
            }
        }
        Err(error) => cannot(error, "flipped clusters", out)?,
    }
    if let Some(found) = found {
        for (row, denial) in judged.iter().zip(&found.denial) {
            set(&mut scores.flip, *row, *denial);
        }
        flipped(&found, &judged, out);
    }
    Ok(scores)
}

fn flipped(found: &flips::Flips, picked: &[usize], out: &mut Vec<Finding>) {
    let is_alarm = found.alarm();
    let named = if is_alarm { found.named() } else { &found.suspects };
    if named.is_empty() {
        return;
    }
    let suspicion: Vec<f64> = named.iter().filter_map(|row| found.denial.get(*row).copied()).collect();
    let rows: Vec<usize> = named.iter().filter_map(|row| picked.get(*row).copied()).collect();
    let words = if is_alarm {
        format!(
            "{} labels were probably flipped: models that had not seen these rows deny them with certainty",
            rows.len()
        )
    } else {
        format!("{} rows have a label that models would not give; that many are usual in a table like this", rows.len())
    };
    let [normal, hostile] = found.deep;
    let details = json!({
        "deep_normal": { "rows": normal.0, "labelled_hostile": normal.1 },
        "deep_hostile": { "rows": hostile.0, "labelled_normal": hostile.1 },
        "owasp": "ML02", "atlas": ["AML.T0020"],
    });
    let (level, kind) = if is_alarm { (Level::Poison, "flipped_labels") } else { (Level::Note, "doubtful_labels") };
    out.push(Finding::new(level, kind, words).rows(rows).suspicion(suspicion).details(details));
}

/// Names the rows of flipped clusters.
fn clustered(found: &clusters::Clusters, picked: &[usize], out: &mut Vec<Finding>) -> Vec<usize> {
    // Clusters of all resolutions overlap: each row is named once, by the most suspect.
    let mut seen = vec![false; picked.len()];
    let mut rows = Vec::new();
    let mut suspicion = Vec::new();
    let mut alarms = 0u32;
    for cluster in found.clusters.iter().filter(|cluster| cluster.alarm(picked.len())) {
        alarms += 1;
        for row in &cluster.rows {
            if let Some(seen) = seen.get_mut(*row).filter(|seen| !**seen) {
                *seen = true;
                rows.extend(picked.get(*row));
                suspicion.push(cluster.odds);
            }
        }
    }
    if alarms > 0 {
        let words = format!(
            "{} rows that are labelled normal form clusters that look like attacks to every model that saw nothing of them",
            rows.len()
        );
        let finding = Finding::new(Level::Poison, "flipped_cluster", words).rows(rows.clone()).suspicion(suspicion);
        out.push(finding.details(json!({ "owasp": "ML02", "atlas": ["AML.T0020"] })));
    }
    rows
}

fn stamped(data: &DataSet, stamps: &[triggers::Trigger], out: &mut Vec<Finding>) {
    let mut seen = vec![false; data.frame.rows()];
    let mut alarms: Vec<&triggers::Trigger> = stamps.iter().filter(|stamp| stamp.alarm(&data.frame)).collect();
    alarms.sort_by(|a, b| b.suspicion().total_cmp(&a.suspicion()));
    for stamp in alarms {
        let fresh = stamp.rows.iter().filter(|row| seen.get(**row) == Some(&false)).count();
        // Parts of a stamp are bound too: what names no new rows is the same stamp again.
        if fresh * 2 < stamp.rows.len() {
            continue;
        }
        stamp.rows.iter().for_each(|row| {
            if let Some(seen) = seen.get_mut(*row) {
                *seen = true;
            }
        });
        let values: Vec<(String, String)> = stamp
            .values
            .iter()
            .filter_map(|(column, value)| {
                let feature = data.frame.schema().features.get(*column)?;
                let value = match &feature.kind {
                    FeatureKind::Numeric => value.to_string(),
                    FeatureKind::Categorical(words) => words.get(*value as usize).cloned().unwrap_or_default(),
                };
                Some((feature.name.clone(), value))
            })
            .collect();
        let shown: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let class = if stamp.hostile { "hostile" } else { "normal" };
        let words = format!(
            "{} {class} rows carry the same values {} (chance: {:.2}) and have nothing else in common: a backdoor's trigger?",
            stamp.rows.len(),
            shown.join(", "),
            stamp.expected
        );
        let details = json!({
            "trigger": values.into_iter().collect::<std::collections::BTreeMap<_, _>>(), "class": class,
            "rows_of_the_other_class": stamp.others, "expected": stamp.expected, "bound": stamp.bound,
            "strange": stamp.strange, "owasp": "ML10", "atlas": ["AML.T0018.000", "AML.T0043.004"],
        });
        let suspicion = vec![stamp.suspicion(); stamp.rows.len()];
        let finding = Finding::new(Level::Poison, "backdoor", words).rows(stamp.rows.clone());
        out.push(finding.suspicion(suspicion).details(details));
    }
}

/// What each source moves.
///
/// # Errors
/// When the check fails for another reason than too little data.
pub fn influence(data: &DataSet, seed: u64, out: &mut Vec<Finding>) -> Result<()> {
    let (Some((of, names)), Some(labels)) = (&data.sources, &data.labels) else { return Ok(()) };
    let picked = sample(data.frame.rows(), JUDGED_MAX, seed, "sources", out);
    let (frame, own) = part(data, labels, &picked);
    let of: Vec<u32> = picked.iter().filter_map(|row| of.get(*row).copied()).collect();
    let found = match sources::sources(&frame, &own, &of, &mut Random::new(seed)) {
        Ok(found) => found,
        Err(error) => return cannot(error, "sources", out),
    };
    for one in found {
        let name = names.get(one.source as usize).map_or("", String::as_str);
        let of_it = || -> Vec<usize> {
            of.iter().zip(&picked).filter(|(own, _)| **own == one.source).map(|(_, row)| *row).collect()
        };
        let told = format!(
            "source `{name}`: {} rows ({:.1} % of all), {:.1} % hostile; without it {:.2} % of the others would be judged \
             otherwise; the others deny {:.1} % of its labels",
            one.rows,
            100.0 * one.share,
            100.0 * one.hostile,
            100.0 * one.moves,
            100.0 * one.denied
        );
        let details = json!({
            "source": name, "rows": one.rows, "share": one.share, "hostile": one.hostile, "denied": one.denied, "moves": one.moves,
        });
        let finding = if one.is_contrary {
            Finding::new(Level::Poison, "contrary_source", told).rows(of_it())
        } else if one.is_heavy {
            Finding::new(Level::Quality, "heavy_source", format!("{told}: one source alone can turn the model"))
                .rows(of_it())
        } else {
            Finding::new(Level::Note, "source", told)
        };
        out.push(finding.details(details));
    }
    Ok(())
}

/// What cannot be learned from is said; other errors end the command.
fn cannot(error: FitError, what: &str, out: &mut Vec<Finding>) -> Result<()> {
    match error {
        FitError::TooFew { .. } | FitError::OneClass { .. } => {
            out.push(Finding::new(Level::Note, "not_checked", format!("{what}: {error}")));
            Ok(())
        }
        error => Err(error).context(what.to_owned()),
    }
}

fn sample(rows: usize, most: usize, seed: u64, what: &str, out: &mut Vec<Finding>) -> Vec<usize> {
    if rows > most {
        let words = format!("{what}: {most} of {rows} rows were judged, drawn evenly");
        out.push(Finding::new(Level::Note, "sampled", words));
    }
    Random::new(seed).sample(rows, most)
}

fn part(data: &DataSet, labels: &[bool], rows: &[usize]) -> (Frame, Vec<bool>) {
    (data.frame.select(rows), rows.iter().filter_map(|row| labels.get(*row).copied()).collect())
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}
