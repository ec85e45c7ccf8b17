//! `shieldwall model rollback | demote | revoke`: steps back, which need no evidence and are taken at once.

use std::io::{self, Write};

use anyhow::{Result, bail};
use clap::Args;

use super::{KindArg, store};
use crate::books;
use crate::cli::{Global, Outcome};
use crate::models;

/// Arguments of `model rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The kind whose active model goes
    #[arg(value_name = "KIND")]
    kind: KindArg,
    /// Why, for the audit log
    #[arg(long, default_value = "asked for", value_name = "WORDS")]
    why: String,
}

/// Arguments of `model demote` and `model revoke`.
#[derive(Debug, Args)]
pub struct BackArgs {
    /// The model: its folder, its file, or the beginning of its SHA-256 in the registry
    #[arg(value_name = "MODEL")]
    model: String,
    /// Why, for the audit log
    #[arg(long, default_value = "asked for", value_name = "WORDS")]
    why: String,
}

/// Arguments of `model revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    back: BackArgs,
    /// And all that came before it, of its kind
    #[arg(long)]
    older: bool,
}

/// Runs `model rollback`.
///
/// # Errors
/// When no earlier model may act, or the step cannot be written down.
pub fn run(global: &Global, args: &RollbackArgs) -> Result<Outcome> {
    let home = global.home()?;
    let why = books::short(&args.why);
    let (from, to) = books::change_registry(&home, |registry, audit, _| {
        let shipped = models::shipped(args.kind.word());
        Ok(registry.rollback(audit, books::now_ms(), args.kind.word(), &why, shipped)?)
    })?;
    let from = from.map_or_else(|| "none".to_owned(), |from| from.to_string());
    writeln!(io::stdout(), "{}: {to} is active again; before: {from}", args.kind.word())?;
    Ok(Outcome::Clean)
}

/// Runs `model demote`.
///
/// # Errors
/// When the model stands no higher than the shadow, or the step cannot be written down.
pub fn demote(global: &Global, args: &BackArgs) -> Result<Outcome> {
    let home = global.home()?;
    let model = store::find(&home, &args.model)?.hash();
    books::change_registry(&home, |registry, audit, _| {
        Ok(registry.demote(audit, books::now_ms(), model, &books::short(&args.why))?)
    })?;
    writeln!(io::stdout(), "{model} runs in the shadow now: it makes no findings")?;
    Ok(Outcome::Clean)
}

/// Runs `model revoke`.
///
/// # Errors
/// When the model is unknown, or the step cannot be written down.
pub fn revoke(global: &Global, args: &RevokeArgs) -> Result<Outcome> {
    let home = global.home()?;
    let artifact = store::find(&home, &args.back.model)?;
    let model = artifact.hash();
    let shipped = models::shipped_by_prefix(&model.to_string());
    if shipped.is_some() && args.older {
        bail!("`--older` says nothing of a model that came with the program: none of its kind is older");
    }
    books::change_registry(&home, |registry, audit, _| {
        // One that came with the program may never have been registered. It is, so that its revocation has a subject.
        if let Some((kind, artifact)) = &shipped {
            registry.register(audit, books::now_ms(), artifact, kind, &[])?;
        }
        Ok(registry.revoke(audit, books::now_ms(), model, &books::short(&args.back.why), args.older)?)
    })?;
    let older = if args.older { ", nor anything older of its kind" } else { "" };
    writeln!(io::stdout(), "{model} can never act again{older}")?;
    Ok(Outcome::Clean)
}
