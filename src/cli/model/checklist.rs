//! `shieldwall model checklist`: 26 controls of a secure pipeline, and what this machine has to show for each.
//!
//! A control that the program performs by itself says how it can be tried; one that needs evidence says how much of it is
//! there; what is not built says so. Ids: OWASP Machine Learning Security Top 10 (2023), MITRE ATLAS, NIST AI RMF.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use shieldwall_trust::audit;
use shieldwall_trust::registry::{Case, Policy, Registry, Stage, gate_uri, judge, sealed};

use super::list::Format;
use super::policy;
use crate::books;
use crate::cli::{Global, Outcome};
use crate::home::Home;

/// Arguments of `model checklist`.
#[derive(Debug, Args)]
pub struct ChecklistArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

/// How a control is shown.
enum How {
    /// The program does it; the words say what is done and the command that shows it.
    BuiltIn(&'static str),
    /// By evidence of a gate for what acts or is to act, judged as `model promote` judges it; a figure that the evidence must
    /// tell above 0, or none; what the gate looks at.
    Gate(&'static str, Option<&'static str>, &'static str),
    /// By the gates of the policy.
    Gates,
    /// By the policy's approvers.
    Approvers,
    /// By the audit log, verified now.
    Audit,
    /// By the mode of the local key, the log and the journal, looked at now.
    Modes,
    /// Not yet; the words say what it needs.
    NotYet(&'static str),
}

/// Number, what a pipeline must do, OWASP, ATLAS, RMF, how it is shown.
type Control = (u8, &'static str, &'static str, &'static str, &'static str, How);

#[rustfmt::skip]
const CONTROLS: [Control; 26] = [
    (1, "refuse a model whose load can run code", "ML06", "AML.M0016 AML.T0011.000 AML.T0018.002", "MANAGE 3", How::Gate("scan", None, "every file of the model's folder; `model scan` shows the calls")),
    (2, "say \"not proven\" for what it cannot read, and fail", "ML06", "AML.M0016", "MEASURE 2.7", How::Gate("scan", None, "`not proven` fails as `malicious` does; `model scan` exits 2")),
    (3, "decide by content, not by name", "ML06", "AML.T0074", "MEASURE 2.7", How::Gate("scan", None, "formats are told by content; names are never looked at")),
    (4, "load only in a safe format", "ML06", "AML.M0011", "MANAGE 2", How::BuiltIn("`model promote`, `score` and `evaluate` load safetensors alone; there is no unpickler in the program")),
    (5, "sign every artifact and verify it before each load", "ML06 ML10", "AML.M0013 AML.M0014", "GOVERN 6", How::Gate("signature", None, "by the local key; and each load checks the SHA-256 that the registry or the program vouches for")),
    (6, "refuse expired, revoked, unknown signers", "ML06", "AML.M0013", "GOVERN 6", How::BuiltIn("`model promote` refuses evidence by an unknown key, by one that the policy's `signers` leaves out (so a key is revoked) and evidence older than `evidence_days_max`; `model verify --ca` refuses expired certificates. No revocation lists are read")),
    (7, "cover every file of the tree with the signature", "ML06", "AML.M0014", "MANAGE 3", How::Gate("signature", None, "model, manifest and card; a file more in the folder is refused. Other trees: `model verify`")),
    (8, "record provenance: data, program, parameters, seed", "ML02 ML06", "AML.M0025 AML.M0023", "MAP 4", How::Gate("signature", None, "manifest.json of `model train` by its hash; the same data and seed give the same bytes")),
    (9, "emit a valid ML-BOM", "ML06", "AML.M0023", "MAP 4", How::Gate("bom", None, "CycloneDX 1.6, completeness; `model bom` writes it")),
    (10, "check dependencies offline against known vulnerabilities", "ML06", "AML.M0016 AML.T0011.001 AML.T0010.001", "MANAGE 3", How::NotYet("a scan of dependencies")),
    (11, "detect changed or replaced data sets", "ML02", "AML.M0025 AML.T0010.002", "MAP 4", How::Gate("data_check", None, "the data by the hashes that were signed when the model was trained; `data diff` names rows")),
    (12, "validate schema and ranges", "ML02", "AML.M0007", "MEASURE 2", How::Gate("data_check", Some("compared"), "cells that are no numbers, or infinite (`model train` refuses those itself; NaN counts as an empty cell); ranges and units against the data set named by --reference")),
    (13, "find flipped labels", "ML02", "AML.M0007 AML.T0020", "MEASURE 2.7", How::Gate("data_check", None, "labels that models which had not seen the rows deny")),
    (14, "find targeted and clean-label poison", "ML02 ML10", "AML.M0007 AML.T0018.000 AML.T0043.004", "MEASURE 2.7", How::Gate("data_check", None, "flipped clusters, values that stand with one label alone, and regions whose labels changed since the data set named by --reference")),
    (15, "limit the influence of one source", "ML08", "AML.M0007", "MANAGE 2", How::Gate("data_check", Some("sources_judged"), "no source may turn the model alone or contradict the others; named by --source")),
    (16, "evaluate evasion under a written attacker model", "ML01", "AML.M0003 AML.M0008 AML.T0015 AML.T0043", "MEASURE 2.7", How::Gate("attack", Some("attacked"), "recall that the default attacker leaves; `model attack --attacker` takes others")),
    (17, "certify a bound where possible", "ML01", "AML.M0003", "MEASURE 2.7", How::Gate("attack", Some("attacked"), "figure certified_recall, where model and attacker allow a proof: features that the model takes as monotone, only raised. Models of texts have no bound")),
    (18, "gate promotion on signed results", "ML06 ML10", "AML.M0008", "MANAGE 1", How::Gates),
    (19, "two-person approval, separation of roles", "ML05 ML10", "AML.M0005 AML.M0019", "GOVERN 2", How::Approvers),
    (20, "shadow or canary, and automatic rollback", "ML08", "AML.M0008", "MANAGE 4", How::NotYet("the living line; `model rollback` and `model demote` work by hand")),
    (21, "stop rollback to a revoked or older vulnerable model", "ML06", "AML.M0014", "MANAGE 4", How::BuiltIn("`model revoke --older`, then `model rollback` or an older journal: refused")),
    (22, "monitor drift with controlled false alarms", "ML08", "AML.M0024 AML.T0031", "MEASURE 3", How::NotYet("the living line")),
    (23, "detect probing queries, limit their rate", "ML01 ML03 ML04 ML05", "AML.M0004 AML.M0015 AML.T0040 AML.T0024", "MANAGE 4", How::NotYet("the living line")),
    (24, "protect the integrity of output", "ML09", "AML.M0024", "MANAGE 4", How::BuiltIn("each case's findings.jsonl stands in the signed audit log by SHA-256: `audit show FINDING CASE` exits 1 where it was changed. What is printed and kept nowhere is not recorded")),
    (25, "keep a tamper-evident log of every step", "ML09 ML10", "AML.M0024", "GOVERN 1", How::Audit),
    (26, "control access to keys, log and models at rest", "ML05", "AML.M0005 AML.M0012", "GOVERN 1", How::Modes),
];

/// What a control has to show.
struct Shown {
    status: &'static str,
    words: String,
}

/// Runs `model checklist`.
///
/// # Errors
/// When policy, registry or audit log cannot be read.
pub fn run(global: &Global, args: &ChecklistArgs) -> Result<Outcome> {
    let home = global.home()?;
    let policy = policy::read(&home, None)?;
    let registry = books::registry(&home)?;
    let models = judged(&home, &registry, &policy)?;
    let mut out = io::stdout().lock();
    let mut shown = 0;
    for (number, control, owasp, atlas, rmf, how) in &CONTROLS {
        let said = match how {
            How::BuiltIn(words) => Shown { status: "yes", words: (*words).to_owned() },
            How::NotYet(words) => Shown { status: "not yet", words: format!("needs {words}") },
            How::Gate(gate, figure, words) => by_gate(&models, &policy, gate, *figure, words),
            How::Gates => Shown {
                status: "yes",
                words: format!(
                    "`model promote` without signed evidence for each is refused: {}",
                    policy.gates.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
                ),
            },
            How::Modes => by_modes(&home)?,
            How::Approvers => Shown {
                status: if policy.approvers >= 2 { "yes" } else { "no" },
                words: format!(
                    "the policy asks for {} different keys; the same key twice counts once",
                    policy.approvers
                ),
            },
            How::Audit => by_audit(&home)?,
        };
        shown += usize::from(said.status == "yes");
        match args.format {
            Format::Text => {
                writeln!(out, "{number:>2}  {:<12} {control}", said.status)?;
                writeln!(out, "                 {}", said.words)?;
                writeln!(out, "                 OWASP {owasp} · ATLAS {atlas} · NIST AI RMF {rmf}")?;
            }
            Format::Jsonl => {
                let line = json!({
                    "control": number, "must": control, "status": said.status, "evidence": said.words,
                    "owasp_ml": owasp.split(' ').collect::<Vec<_>>(), "atlas": atlas.split(' ').collect::<Vec<_>>(),
                    "nist_ai_rmf": rmf,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    if args.format == Format::Text {
        writeln!(out, "\n{shown} of {} controls are shown on this machine", CONTROLS.len())?;
    }
    Ok(Outcome::Clean)
}

/// What one model has to show.
struct Judged {
    /// Gates of the policy that are not shown.
    missing: Vec<String>,
    /// Believed evidence: gate's type, figures.
    told: Vec<(String, Value)>,
}

/// The models that act, or may come to act, as `model promote` would judge them now.
fn judged(home: &Home, registry: &Registry, policy: &Policy) -> Result<Vec<Judged>> {
    let keys: Vec<_> = books::public_key(home)?.into_iter().collect();
    let models = registry.state().models().iter();
    let mut all = Vec::new();
    for (hash, _) in models.filter(|(_, model)| model.revoked.is_none() && model.stage != Stage::Retired) {
        let envelopes = registry.evidence(*hash)?;
        let case = Case {
            policy,
            model: *hash,
            to: Stage::Active,
            envelopes: &envelopes,
            keys: &keys,
            approver_keys: &[],
            now_ms: books::now_ms(),
        };
        let missing = judge(&case).err().map(|refused| refused.0.into_iter().map(|(gate, _)| gate).collect());
        let opened = envelopes.iter().filter_map(|bytes| sealed::open(bytes, &keys).ok());
        let told = opened.filter(|statement| statement.subjects == [*hash]);
        let told = told.map(|one| (one.predicate_type, one.predicate.get("figures").cloned().unwrap_or_default()));
        all.push(Judged { missing: missing.unwrap_or_default(), told: told.collect() });
    }
    Ok(all)
}

/// How many models passed a gate.
fn by_gate(models: &[Judged], policy: &Policy, gate: &str, figure: Option<&str>, looks_at: &str) -> Shown {
    if !policy.gates.contains_key(gate) {
        return Shown { status: "no", words: format!("the policy does not ask for the gate `{gate}`") };
    }
    let uri = gate_uri(gate);
    let told = |model: &&Judged| {
        figure.is_none_or(|figure| {
            let figures = model.told.iter().filter(|(kind, _)| *kind == uri).map(|(_, figures)| figures);
            figures.filter_map(|figures| figures.get(figure)?.as_f64()).any(|value| value > 0.0)
        })
    };
    let passed = models.iter().filter(|model| !model.missing.iter().any(|name| name == gate)).filter(told).count();
    let words = format!(
        "gate `{gate}`, needed by the policy: {looks_at}; shown for {passed} of {} models of the registry",
        models.len()
    );
    Shown { status: if !models.is_empty() && passed == models.len() { "yes" } else { "no evidence" }, words }
}

/// Whether key, log and registry are for their owner alone.
fn by_modes(home: &Home) -> Result<Shown> {
    let mut open = Vec::new();
    let mut looked = 0;
    let registry = home.registry();
    let mut paths = vec![home.key(), home.audit().join("log.jsonl"), home.audit().join("heads.jsonl")];
    paths.push(registry.join("journal.jsonl"));
    let objects = registry.join("objects");
    if objects.is_dir() {
        for entry in std::fs::read_dir(&objects)? {
            paths.push(entry?.path());
        }
    }
    for path in paths.iter().filter(|path| path.exists()) {
        looked += 1;
        if is_open(path)? {
            open.push(path.display().to_string());
        }
    }
    let more = "a key that others can read is refused. Nothing is encrypted: encrypt the disk; data sets lie where you put them";
    Ok(if let Some(first) = open.first() {
        Shown {
            status: "no",
            words: format!("others may read `{first}` and {} more of {looked} files", open.len() - 1),
        }
    } else if looked == 0 {
        Shown { status: "no evidence", words: format!("there is no key, log or model yet; {more}") }
    } else {
        Shown {
            status: "yes",
            words: format!("{looked} files (key, audit log, registry) are for their owner alone; {more}"),
        }
    })
}

/// Whether others than the owner may read or write a file.
#[cfg(unix)]
fn is_open(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Elsewhere rights are those of the folder, which the system keeps.
#[cfg(not(unix))]
fn is_open(_: &Path) -> Result<bool> {
    Ok(false)
}

/// Whether the log verifies.
fn by_audit(home: &Home) -> Result<Shown> {
    let Some(key) = books::public_key(home)? else {
        return Ok(Shown { status: "no evidence", words: "nothing was written down yet".to_owned() });
    };
    let checked = audit::verify(&home.audit(), &key, None)?;
    Ok(match checked.faults.first() {
        None => Shown { status: "yes", words: format!("{} entries verified just now", checked.entries) },
        Some(fault) => Shown { status: "no", words: fault.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_26_controls_in_order_and_four_wait() {
        assert!(CONTROLS.iter().zip(1_u8..).all(|(control, number)| control.0 == number));
        let waiting: Vec<u8> =
            CONTROLS.iter().filter(|control| matches!(control.5, How::NotYet(_))).map(|control| control.0).collect();
        assert_eq!(waiting, [10, 20, 22, 23]);
    }
}
