//! `shieldwall model`: train, score, evaluate, card; gates and the registry.
//!
//! | module | does |
//! |---|---|
//! | [`train`], [`score`], [`evaluate`], [`attack`], [`card`] | the commands |
//! | [`scan`], [`sign`], [`verify`], [`bom`] | what a file would do, who signed it, what it is made of |
//! | [`gate`], [`promote`], [`rollback`], [`list`], [`checklist`] | evidence, steps forward and back, what is there |
//! | [`policy`] | what must be shown before a step |
//! | [`trained`] | a model of any kind with its calibration, as one artifact |
//! | [`store`] | a model's folder: written whole, loaded only if somebody vouches for it |
//! | [`rows`] | CSV and Parquet as rows of text |
//! | [`table`] | rows of text → a frame of numbers and categories |
//! | [`texts`], [`sequences`] | texts and sequences with their labels |
//! | [`drift`] | whether what is scored is still like what was learned |
//! | [`label`] | what counts as 0 and what as 1 |
//! | [`figures`] | how good a model is, with intervals and trivial baselines |

mod attack;
mod bom;
mod card;
mod checklist;
mod drift;
mod evaluate;
mod figures;
mod gate;
pub(super) mod label;
mod list;
mod policy;
mod promote;
mod rollback;
pub(super) mod rows;
mod scan;
mod score;
mod sequences;
mod sign;
mod store;
mod table;
pub(super) mod texts;
mod train;
pub(super) mod trained;
mod verify;

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
    /// Attack a model within what a written attacker may do; say what it withstands
    Attack(attack::AttackArgs),
    /// Say what a model is made of, as CycloneDX
    Bom(bom::BomArgs),
    /// Sign a model's files
    Sign(sign::SignArgs),
    /// Check whether a model's files are what somebody signed
    Verify(verify::VerifyArgs),
    /// Say what model files would do to whoever loads them: clean, malicious or not proven
    Scan(scan::ScanArgs),
    /// Show a model's card
    Card(card::CardArgs),
    /// List the models of the registry and where each stands
    List(list::ListArgs),
    /// Measure one thing about a model and sign what was found
    Gate(gate::GateArgs),
    /// Sign that you approve a step
    Approve(promote::ApproveArgs),
    /// Take a model a step forward, if evidence shows what the policy asks for
    Promote(promote::PromoteArgs),
    /// Put the active model of a kind back and the one before it in its place
    Rollback(rollback::RollbackArgs),
    /// Put a model back into the shadow
    Demote(rollback::BackArgs),
    /// Say that a model may never act again
    Revoke(rollback::RevokeArgs),
    /// Show the controls of a secure pipeline, and what this machine has to show for each
    Checklist(checklist::ChecklistArgs),
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
        ModelCommand::Attack(args) => attack::run(global, args),
        ModelCommand::Bom(args) => bom::run(global, args),
        ModelCommand::Sign(args) => sign::run(global, args),
        ModelCommand::Verify(args) => verify::run(global, args),
        ModelCommand::Scan(args) => scan::run(global, args),
        ModelCommand::Card(args) => card::run(global, args),
        ModelCommand::List(args) => list::run(global, args),
        ModelCommand::Gate(args) => gate::run(global, args),
        ModelCommand::Approve(args) => promote::approve(global, args),
        ModelCommand::Promote(args) => promote::run(global, args),
        ModelCommand::Rollback(args) => rollback::run(global, args),
        ModelCommand::Demote(args) => rollback::demote(global, args),
        ModelCommand::Revoke(args) => rollback::revoke(global, args),
        ModelCommand::Checklist(args) => checklist::run(global, args),
    }
}
