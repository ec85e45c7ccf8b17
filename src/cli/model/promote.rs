//! `shieldwall model promote`: a step forward, for which every gate of the policy must be shown.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_trust::Hash;
use shieldwall_trust::audit::Event;
use shieldwall_trust::key::{PublicKey, SecretKey};
use shieldwall_trust::registry::{Case, Stage, approval, judge};

use super::{policy, store};
use crate::books;
use crate::cli::{Global, Outcome};
use crate::home::write_whole;
use crate::output::escape::escape;

/// Arguments of `model promote`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shieldwall model promote flows/ --to shadow\n  \
                        shieldwall model promote 3fa9c1 --approve-key anna.pem --approve-key ben.pem\n\
                        Evidence that `model gate` wrote on this machine is found by itself.\n\
                        Exit code 1: refused, each missing gate named.")]
pub struct PromoteArgs {
    /// The model: its folder, its file, or the beginning of its SHA-256 in the registry
    #[arg(value_name = "MODEL")]
    model: String,
    /// shadow, canary or active
    #[arg(long, default_value = "active", value_parser = parse_stage, value_name = "STAGE")]
    to: Stage,
    /// More evidence, or approvals of others (may be given more than once)
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// Approve with this secret key (may be given more than once)
    #[arg(long, value_name = "KEY")]
    approve_key: Vec<PathBuf>,
    /// Believe evidence and approvals by this public key too (may be given more than once)
    #[arg(long, value_name = "KEY")]
    public_key: Vec<PathBuf>,
    /// The policy [default: policies/models.toml of the data directory, else the built-in one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Take in the model with this SHA-256 though nobody here vouches for it (may be given more than once)
    #[arg(long, value_name = "HEX")]
    trust_hash: Vec<Hash>,
}

/// Arguments of `model approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The model: its folder, its file, or the beginning of its SHA-256 in the registry
    #[arg(value_name = "MODEL")]
    model: String,
    /// Your secret key
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// What you approve: shadow, canary or active
    #[arg(long, default_value = "active", value_parser = parse_stage, value_name = "STAGE")]
    to: Stage,
    /// The policy that you approve it under
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the approval goes
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

fn parse_stage(text: &str) -> Result<Stage, String> {
    let stage = Stage::of(text).filter(|stage| matches!(stage, Stage::Shadow | Stage::Canary | Stage::Active));
    stage.ok_or_else(|| "say shadow, canary or active".to_owned())
}

/// Runs `model approve`.
///
/// # Errors
/// When there is no such model or key, or the approval cannot be written.
pub fn approve(global: &Global, args: &ApproveArgs) -> Result<Outcome> {
    let home = global.home()?;
    let policy = policy::read(&home, args.policy.as_deref())?;
    let model = store::find(&home, &args.model)?.hash();
    let key = SecretKey::load(&args.key)?;
    let envelope = approval(model, args.to, policy.hash, books::now_ms(), &key);
    write_whole(&args.output, envelope.as_bytes())?;
    writeln!(io::stdout(), "{model}: approved to become {} by {}", args.to, key.public().id())?;
    Ok(Outcome::Clean)
}

/// Runs `model promote`.
///
/// # Errors
/// When files cannot be read or the step cannot be taken.
pub fn run(global: &Global, args: &PromoteArgs) -> Result<Outcome> {
    let home = global.home()?;
    let policy = policy::read(&home, args.policy.as_deref())?;
    let artifact = store::find(&home, &args.model)?;
    let model = artifact.hash();
    let now = books::now_ms();
    let mut envelopes = Vec::new();
    for path in &args.evidence {
        envelopes.push(std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?);
    }
    let mut approvers = Vec::new();
    for path in &args.approve_key {
        let key = SecretKey::load(path)?;
        envelopes.push(approval(model, args.to, policy.hash, now, &key).into_bytes());
        approvers.push(key.public());
    }
    let mut keys = Vec::new();
    for path in &args.public_key {
        keys.push(PublicKey::load(path)?);
    }
    approvers.extend(keys.iter().cloned());
    let refused = books::change_registry(&home, |registry, audit, key| {
        keys.push(key.public());
        if !registry.state().models().contains_key(&model) {
            let (trained, _) = store::load(std::path::Path::new(&args.model), Some(&home), &args.trust_hash)?;
            registry.register(audit, now, &artifact, trained.kind().word(), &[])?;
        }
        envelopes.extend(registry.evidence(model)?);
        let (keys, approver_keys) = (keys.as_slice(), approvers.as_slice());
        let case =
            Case { policy: &policy, model, to: args.to, envelopes: &envelopes, keys, approver_keys, now_ms: now };
        match judge(&case) {
            Ok(judged) => {
                registry.promote(audit, now, &judged, &envelopes)?;
                Ok(None)
            }
            // A decision, too.
            Err(refused) => {
                let why = books::short(&refused.to_string());
                audit.append(now, &[Event::new("refused", model.to_string()).with("to", args.to).with("why", why)])?;
                Ok(Some(refused))
            }
        }
    })?;
    let mut out = io::stdout().lock();
    match refused {
        None => {
            writeln!(out, "{model} is {} now", args.to)?;
            Ok(Outcome::Clean)
        }
        Some(refused) => {
            writeln!(out, "{model} is not promoted to {}:", args.to)?;
            for (gate, reason) in &refused.0 {
                writeln!(out, "  {}: {}", escape(gate), escape(&reason.to_string()))?;
            }
            if refused.0.is_empty() {
                bail!("refused without a reason");
            }
            Ok(Outcome::Findings)
        }
    }
}
