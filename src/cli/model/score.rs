//! `shieldwall model score`: one line a row, in the order of the input.

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use shieldwall_trust::Hash;

use super::drift;
use super::figures::ALPHA;
use super::store;
use super::train::{Loaded, load};
use super::trained::{Items, Trained};
use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape;

/// Parts of a score that are listed one by one; the others are summed as `rest`.
const EXPLAIN_DEFAULT: usize = 10;

/// Rows that are scored at a time.
const BATCH: usize = 4096;

/// Flagged rows that the text lists.
const LISTED_MAX: usize = 20;

/// Arguments of `model score`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shieldwall model score flows/ today.csv --format jsonl\n\
                        p_value: how often a normal row scores at least as high. Contributions and base sum to the score.")]
pub struct ScoreArgs {
    /// The model's folder
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// What to score: files as for training; labels in them are ignored
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<PathBuf>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Flag what a normal row does at most this often
    #[arg(long, default_value_t = ALPHA, value_parser = parse_alpha, value_name = "P")]
    alpha: f64,
    /// Parts of each score to list; the others are summed as `rest`
    #[arg(long, default_value_t = EXPLAIN_DEFAULT, value_name = "N")]
    explain: usize,
    /// Learn each row after it was scored: sequences as such, of tables and texts which scores are usual now
    #[arg(long)]
    online: bool,
    /// Trust the model with this SHA-256 (may be given more than once)
    #[arg(long, value_name = "HEX")]
    trust_hash: Vec<Hash>,
}

/// How rows are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The flagged rows, strangest first, and how many there are
    Text,
    /// One JSON object a row
    Jsonl,
}

#[derive(Serialize)]
struct Line {
    row: usize,
    score: f64,
    p_value: f64,
    flagged: bool,
    base: f64,
    contributions: Vec<Share>,
}

#[derive(Serialize)]
struct Share {
    part: String,
    value: f64,
}

/// Runs `model score`.
///
/// # Errors
/// When the model is not trusted or damaged, or the input cannot be read.
pub fn run(global: &Global, args: &ScoreArgs) -> Result<Outcome> {
    global.confine(&Needs::default().spool());
    let (mut trained, _) = store::load(&args.model, global.home().ok().as_ref(), &args.trust_hash)?;
    let Loaded { items, rejected, .. } = load(trained.kind(), &args.input, None, Some(&trained))?;
    for reject in rejected.iter().take(LISTED_MAX) {
        writeln!(io::stderr(), "not scored: {}", escape(reject))?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut flagged, mut p_values) = (Vec::new(), Vec::new());
    for from in (0..items.len()).step_by(BATCH) {
        let rows: Vec<usize> = (from..items.len().min(from + BATCH)).collect();
        let lines = if args.online {
            let mut lines = Vec::with_capacity(rows.len());
            for row in &rows {
                let own = batch(&trained, &items, &[*row], args);
                let score = own.first().map_or(0.0, |line| line.score);
                lines.extend(own);
                trained.learn(&items, *row, score);
            }
            lines
        } else {
            batch(&trained, &items, &rows, args)
        };
        p_values.extend(lines.iter().map(|line| trained.trained_p_value(line.score)));
        for line in lines {
            if args.format == Format::Jsonl {
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            }
            if line.flagged {
                flagged.push(line);
                if args.format == Format::Text && flagged.len() >= 2 * BATCH {
                    flagged.sort_by(|a, b| b.score.total_cmp(&a.score));
                }
            }
        }
    }
    if args.format == Format::Text {
        text(&mut out, &items, &mut flagged, args.alpha)?;
    }
    out.flush()?;
    for line in drift::told(&trained, &items, &p_values) {
        writeln!(io::stderr(), "drift: {line}")?;
    }
    Ok(Outcome::of(!flagged.is_empty(), !rejected.is_empty()))
}

/// Scores and explains rows, on all cores; the order is the input's.
fn batch(trained: &Trained, items: &Items, rows: &[usize], args: &ScoreArgs) -> Vec<Line> {
    let scores = trained.scores(&items.select(rows));
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = rows.len().div_ceil(threads).max(1);
    let work = |rows: &[usize], scores: &[f64]| -> Vec<Line> {
        rows.iter().zip(scores).map(|(row, score)| line(trained, items, *row, *score, args)).collect()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(share)
            .zip(scores.chunks(share))
            .map(|(rows, scores)| scope.spawn(move || work(rows, scores)))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}

fn line(trained: &Trained, items: &Items, row: usize, score: f64, args: &ScoreArgs) -> Line {
    let p_value = trained.p_value(score);
    let (mut base, mut contributions) = (score, Vec::new());
    if args.explain > 0 {
        let explanation = trained.explain(items, row);
        base = explanation.base;
        let ranked = explanation.ranked();
        let named = ranked.iter().take(args.explain).filter(|one| one.value != 0.0);
        contributions.extend(named.map(|one| Share { part: trained.part(&one.part, items, row), value: one.value }));
        let rest: f64 = ranked.iter().skip(args.explain).map(|one| one.value).sum();
        if rest != 0.0 {
            contributions.push(Share { part: "rest".to_owned(), value: rest });
        }
    }
    Line { row, score, p_value, flagged: p_value <= args.alpha, base, contributions }
}

fn text(out: &mut dyn Write, items: &Items, flagged: &mut [Line], alpha: f64) -> Result<()> {
    flagged.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    writeln!(out, "{} of {} rows are flagged (p at most {alpha})", flagged.len(), items.len())?;
    for line in flagged.iter().take(LISTED_MAX) {
        let parts: Vec<String> = line
            .contributions
            .iter()
            .take(3)
            .map(|share| {
                format!(
                    "{} {:+.2}",
                    escape(share.part.get(..share.part.floor_char_boundary(60)).unwrap_or_default()),
                    share.value
                )
            })
            .collect();
        writeln!(
            out,
            "  row {:<8} score {:<9.3} p {:<9.2e} {}",
            line.row,
            line.score,
            line.p_value,
            parts.join(" · ")
        )?;
    }
    if flagged.len() > LISTED_MAX {
        writeln!(out, "  and {} more: --format jsonl lists every row", flagged.len() - LISTED_MAX)?;
    }
    Ok(())
}

/// A share between 0 and 1.
pub fn parse_alpha(text: &str) -> Result<f64, String> {
    let alpha = text.parse::<f64>().ok().filter(|alpha| (0.0..=1.0).contains(alpha));
    alpha.ok_or_else(|| "say a share between 0 and 1".to_owned())
}
