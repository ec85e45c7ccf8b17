//! How good a model is: with intervals, and with what anybody could do beside it.

use serde_json::{Value, json};
use shieldwall_learn::metrics::{Ranking, wilson};

use super::trained::Items;

/// The false-alarm rate at which a row is flagged unless asked otherwise.
pub const ALPHA: f64 = 0.01;

/// Figures of one score on labelled items.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What scored.
    pub name: String,
    ranking: Ranking,
    /// How many positives and negatives the model itself flags at its own threshold, if it has one.
    flagged: Option<(u64, u64)>,
}

impl Figures {
    /// Figures of scores. `flags` says for each item whether the model itself flags it.
    pub fn new(name: &str, scores: &[f64], labels: &[bool], flags: Option<&[bool]>) -> Self {
        let count = |wanted: bool, flags: &[bool]| {
            flags.iter().zip(labels).filter(|(flag, label)| **flag && **label == wanted).count() as u64
        };
        Self {
            name: name.to_owned(),
            ranking: Ranking::new(scores, labels),
            flagged: flags.map(|flags| (count(true, flags), count(false, flags))),
        }
    }

    /// AUC.
    pub fn auc(&self) -> f64 {
        self.ranking.auc()
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let (positives, negatives) = (self.ranking.positives(), self.ranking.negatives());
        let rate = |rate: f64| {
            let (recall, reached, _) = self.ranking.recall_at(rate);
            let (low, high) = wilson((recall * positives as f64).round() as u64, positives);
            json!({ "fpr_at_most": rate, "tpr": recall, "tpr_wilson_95": [low, high], "fpr": reached })
        };
        let mut out = json!({
            "name": self.name,
            "positives": positives,
            "negatives": negatives,
            "auc": self.ranking.auc(),
            "average_precision": self.ranking.average_precision(),
            "tpr_at_fpr": [rate(0.01), rate(0.001)],
        });
        if let (Some((hits, alarms)), Some(out)) = (self.flagged, out.as_object_mut()) {
            let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
            let (recall, fpr) = (wilson(hits, positives), wilson(alarms, negatives));
            out.insert(
                "at_own_threshold".to_owned(),
                json!({
                    "tpr": share(hits, positives), "tpr_wilson_95": [recall.0, recall.1],
                    "realised_fpr": share(alarms, negatives), "realised_fpr_wilson_95": [fpr.0, fpr.1],
                }),
            );
        }
        out
    }

    /// As a row of a table.
    fn row(&self) -> Vec<String> {
        let (positives, negatives) = (self.ranking.positives(), self.ranking.negatives());
        let recall = |rate: f64| {
            let (recall, ..) = self.ranking.recall_at(rate);
            with_interval((recall * positives as f64).round() as u64, positives)
        };
        let own = self.flagged.map(|(hits, alarms)| (with_interval(hits, positives), with_interval(alarms, negatives)));
        let (hits, alarms) = own.unwrap_or_else(|| ("–".to_owned(), "–".to_owned()));
        vec![
            self.name.clone(),
            format!("{:.4}", self.ranking.auc()),
            format!("{:.4}", self.ranking.average_precision()),
            recall(0.01),
            recall(0.001),
            hits,
            alarms,
        ]
    }
}

/// A share with its Wilson interval: `0.812 (0.790–0.832)`.
fn with_interval(hits: u64, of: u64) -> String {
    let (low, high) = wilson(hits, of);
    let share = if of == 0 { 0.0 } else { hits as f64 / of as f64 };
    format!("{share:.3} ({low:.3}–{high:.3})")
}

/// What anybody could do: the best single feature, the length, the same for all.
pub fn baselines(items: &Items, labels: &[bool]) -> Vec<Figures> {
    let mut out = Vec::new();
    if let Items::Table(frame) = items {
        let features = frame.schema().features.iter().zip(frame.columns()).flat_map(|(feature, column)| {
            let scores: Vec<f64> = column.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
            let turned: Vec<f64> = scores.iter().map(|score| -score).collect();
            let name = format!("best single feature, chosen on these rows: {}", feature.name);
            [Figures::new(&name, &scores, labels, None), Figures::new(&name, &turned, labels, None)]
        });
        out.extend(features.max_by(|a, b| a.auc().total_cmp(&b.auc())));
    }
    let lengths: Option<Vec<f64>> = (0..items.len()).map(|at| items.length(at)).collect();
    if let Some(lengths) = lengths.filter(|_| !matches!(items, Items::Table(_))) {
        out.push(Figures::new("length", &lengths, labels, None));
    }
    out.push(Figures::new("the same for all", &vec![0.0; labels.len()], labels, None));
    out
}

/// A table in Markdown, which reads well on a terminal too.
pub fn markdown(all: &[Figures]) -> String {
    let head = ["", "AUC", "AP", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "TPR at own threshold", "realised FPR"];
    let rows: Vec<Vec<String>> = all.iter().map(Figures::row).collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(head.get(at).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for (at, cell) in cells.enumerate() {
            let fill = width(at).saturating_sub(cell.chars().count());
            out.push_str(&format!("| {cell}{} ", " ".repeat(fill)));
        }
        out.push_str("|\n");
    };
    line(&mut head.iter().map(|cell| (*cell).to_owned()));
    line(&mut (0..head.len()).map(|at| "-".repeat(width(at))));
    for row in &rows {
        line(&mut row.iter().cloned());
    }
    out
}
