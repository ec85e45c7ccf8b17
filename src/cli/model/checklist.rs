//! `shieldwall model checklist`: 26 controls of a secure pipeline, and what this machine has to show for each.
//!
//! A control that the program performs by itself says how it can be tried; one that needs evidence says how much of it is
//! there; what is not built says so. Ids: OWASP Machine Learning Security Top 10 (2023), MITRE ATLAS, NIST AI RMF.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use shieldwall_trust::audit;
use shieldwall_trust::registry::{Registry, Stage, gate_uri, sealed};

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
    /// The program does it; the words say how to see it.
    BuiltIn(&'static str),
    /// By evidence of a gate for what acts or is to act.
    Gate(&'static str),
    /// By the policy's approvers.
    Approvers,
    /// By the audit log, verified now.
    Audit,
    /// Not yet; the words say what it needs.
    NotYet(&'static str),
}

/// Number, what a pipeline must do, OWASP, ATLAS, RMF, how it is shown.
type Control = (u8, &'static str, &'static str, &'static str, &'static str, How);

#[rustfmt::skip]
const CONTROLS: [Control; 26] = [
    (1, "refuse a model whose load can run code", "ML06", "AML.M0016 AML.T0011.000 AML.T0018.002", "MANAGE 3", How::Gate("scan")),
    (2, "say \"not proven\" for what it cannot read, and fail", "ML06", "AML.M0016", "MEASURE 2.7", How::Gate("scan")),
    (3, "decide by content, not by name", "ML06", "AML.T0074", "MEASURE 2.7", How::BuiltIn("formats are told by content; names are never looked at")),
    (4, "load only in a safe format", "ML06", "AML.M0011", "MANAGE 2", How::BuiltIn("only safetensors are loaded; there is no unpickler in the program")),
    (5, "sign every artifact and verify it before each load", "ML06 ML10", "AML.M0013 AML.M0014", "GOVERN 6", How::Gate("signature")),
    (6, "refuse expired, revoked, unknown signers", "ML06", "AML.M0013", "GOVERN 6", How::BuiltIn("evidence by a key that is not believed, or stale, is refused by `model promote`")),
    (7, "cover every file of the tree with the signature", "ML06", "AML.M0014", "MANAGE 3", How::Gate("signature")),
    (8, "record provenance: data, program, parameters, seed", "ML02 ML06", "AML.M0025 AML.M0023", "MAP 4", How::BuiltIn("`model train` writes and signs manifest.json; the same data and seed give the same bytes")),
    (9, "emit a valid ML-BOM", "ML06", "AML.M0023", "MAP 4", How::Gate("bom")),
    (10, "check dependencies offline against known vulnerabilities", "ML06", "AML.M0016 AML.T0011.001 AML.T0010.001", "MANAGE 3", How::NotYet("a scan of dependencies")),
    (11, "detect changed or replaced data sets", "ML02", "AML.M0025 AML.T0010.002", "MAP 4", How::Gate("data_check")),
    (12, "validate schema and ranges before training", "ML02", "AML.M0007", "MEASURE 2", How::Gate("data_check")),
    (13, "find flipped labels", "ML02", "AML.M0007 AML.T0020", "MEASURE 2.7", How::Gate("data_check")),
    (14, "find targeted and clean-label poison", "ML02 ML10", "AML.M0007 AML.T0018.000 AML.T0043.004", "MEASURE 2.7", How::Gate("data_check")),
    (15, "limit the influence of one source", "ML08", "AML.M0007", "MANAGE 2", How::Gate("data_check")),
    (16, "evaluate evasion under a written attacker model", "ML01", "AML.M0003 AML.M0008 AML.T0015 AML.T0043", "MEASURE 2.7", How::Gate("attack")),
    (17, "certify a bound where possible", "ML01", "AML.M0003", "MEASURE 2.7", How::Gate("attack")),
    (18, "gate promotion on signed results", "ML06 ML10", "AML.M0008", "MANAGE 1", How::BuiltIn("`model promote` without evidence is refused, each gate named")),
    (19, "two-person approval, separation of roles", "ML05 ML10", "AML.M0005 AML.M0019", "GOVERN 2", How::Approvers),
    (20, "shadow or canary, and automatic rollback", "ML08", "AML.M0008", "MANAGE 4", How::NotYet("the living line; `model rollback` and `model demote` work by hand")),
    (21, "stop rollback to a revoked or older vulnerable model", "ML06", "AML.M0014", "MANAGE 4", How::BuiltIn("`model revoke --older`, then `model rollback` or an older journal: refused")),
    (22, "monitor drift with controlled false alarms", "ML08", "AML.M0024 AML.T0031", "MEASURE 3", How::NotYet("the living line")),
    (23, "detect probing queries, limit their rate", "ML01 ML03 ML04 ML05", "AML.M0004 AML.M0015 AML.T0040 AML.T0024", "MANAGE 4", How::NotYet("the living line")),
    (24, "protect the integrity of output", "ML09", "AML.M0024", "MANAGE 4", How::BuiltIn("each case's findings stand in the audit log by SHA-256: `audit show FINDING CASE`")),
    (25, "keep a tamper-evident log of every step", "ML09 ML10", "AML.M0024", "GOVERN 1", How::Audit),
    (26, "control access to models, data and keys at rest", "ML05", "AML.M0005 AML.M0012", "GOVERN 1", How::BuiltIn("keys, audit log and journal are for their owner alone (mode 600); others' are refused. Encrypt the disk for more")),
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
    let mut out = io::stdout().lock();
    let mut shown = 0;
    for (number, control, owasp, atlas, rmf, how) in &CONTROLS {
        let said = match how {
            How::BuiltIn(words) => Shown { status: "yes", words: (*words).to_owned() },
            How::NotYet(words) => Shown { status: "not yet", words: format!("needs {words}") },
            How::Gate(gate) => by_gate(&home, &registry, &policy, gate)?,
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

/// How many of the models that act, or may come to act, passed a gate.
fn by_gate(home: &Home, registry: &Registry, policy: &shieldwall_trust::registry::Policy, gate: &str) -> Result<Shown> {
    if !policy.gates.contains_key(gate) {
        return Ok(Shown { status: "no", words: format!("the policy does not ask for the gate `{gate}`") });
    }
    let keys: Vec<_> = books::public_key(home)?.into_iter().collect();
    let (mut models, mut passed) = (0, 0);
    for (hash, _) in
        registry.state().models().iter().filter(|(_, model)| model.revoked.is_none() && model.stage != Stage::Retired)
    {
        models += 1;
        let passes = registry.evidence(*hash)?.iter().any(|bytes| {
            sealed::open(bytes, &keys).is_ok_and(|statement| {
                statement.predicate_type == gate_uri(gate)
                    && statement.subjects == [*hash]
                    && statement.predicate.get("verdict").and_then(|verdict| verdict.as_str()) == Some("pass")
            })
        });
        passed += usize::from(passes);
    }
    let words = format!("gate `{gate}` is needed by the policy; passed by {passed} of {models} models of the registry");
    Ok(Shown { status: if models > 0 && passed == models { "yes" } else { "no evidence" }, words })
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
