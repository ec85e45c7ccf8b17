//! `shieldwall model`: train, score, evaluate, scan, card.
//!
//! | module | does |
//! |---|---|
//! | [`train`], [`score`], [`evaluate`], [`scan`], [`card`] | the commands |
//! | [`trained`] | a model of any kind with its calibration, as one artifact |
//! | [`store`] | a model's folder: written whole, loaded only if somebody vouches for it |
//! | [`rows`] | CSV and Parquet as rows of text |
//! | [`table`] | rows of text → a frame of numbers and categories |
//! | [`texts`], [`sequences`] | texts and sequences with their labels |
//! | [`label`] | what counts as 0 and what as 1 |
//! | [`figures`] | how good a model is, with intervals and trivial baselines |

mod card;
mod evaluate;
mod figures;
mod label;
mod rows;
mod scan;
mod score;
mod sequences;
mod store;
mod table;
mod texts;
mod train;
mod trained;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use super::{Global, Outcome};

/// Arguments of `model`.
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Learn from data; write a model with its manifest and card
    Train(train::TrainArgs),
    /// Score rows, texts or sequences: score, p-value, flagged, and why
    Score(score::ScoreArgs),
    /// Say how good a model is on labelled data, beside trivial baselines
    Evaluate(evaluate::EvaluateArgs),
    /// Say what model files would do to whoever loads them: clean, malicious or not proven
    Scan(scan::ScanArgs),
    /// Show a model's card
    Card(card::CardArgs),
}

/// What a model is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Rows of numbers and categories (CSV, Parquet); with --label it learns the difference, without what is usual
    Tabular,
    /// Sequences of ids (JSON Lines {"sequence": [...]})
    Sequence,
    /// Domain names
    Domain,
    /// HTTP parameters and requests
    Http,
    /// Command lines
    Command,
    /// Scripts
    Script,
}

impl KindArg {
    /// Its word, as in a manifest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tabular => "tabular",
            Self::Sequence => "sequence",
            Self::Domain => "domain",
            Self::Http => "http",
            Self::Command => "command",
            Self::Script => "script",
        }
    }

    /// The kind of a word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Tabular, Self::Sequence, Self::Domain, Self::Http, Self::Command, Self::Script];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

/// Runs `model`.
///
/// # Errors
/// When data or a model cannot be read, or a model is not trusted.
pub fn run(global: &Global, args: &ModelArgs) -> Result<Outcome> {
    match &args.command {
        ModelCommand::Train(args) => train::run(global, args),
        ModelCommand::Score(args) => score::run(global, args),
        ModelCommand::Evaluate(args) => evaluate::run(global, args),
        ModelCommand::Scan(args) => scan::run(global, args),
        ModelCommand::Card(args) => card::run(global, args),
    }
}
