//! An ML-BOM: CycloneDX 1.6 and 1.7, with the model, its card, the data it learned from and how it was made.
//!
//! Every field says whether it was *verified* from the bytes at hand (hashes, sizes, names) or is *claimed* by the manifest beside
//! them, as a property `shieldwall:evidence:FIELD`. What nobody said is not invented: it lowers the completeness, which counts
//! [`FIELDS`] that a reader of a BOM looks for.
//!
//! The text depends on the input alone: no clock, and a serial number that is made from the files' hashes.

use serde_json::{Map, Value, json};

use crate::artifact::Hash;

/// Texts longer than this are cut.
const TEXT_MAX: usize = 2000;

/// Fields that count for completeness.
pub const FIELDS: [&str; 20] = [
    "name",
    "version",
    "files",
    "hashes",
    "kind",
    "approach",
    "task",
    "architecture",
    "datasets",
    "dataset hashes",
    "inputs",
    "outputs",
    "metrics",
    "intervals",
    "baselines",
    "limitations",
    "use",
    "seed",
    "tool",
    "workflow",
];

/// Which CycloneDX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// 1.6.
    V1_6,
    /// 1.7.
    V1_7,
}

/// A file of the model, read.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root.
    pub name: String,
    /// Bytes.
    pub len: u64,
    /// SHA-256.
    pub hash: Hash,
}

/// A BOM and how complete it is.
#[derive(Clone, Debug)]
pub struct Bom {
    /// The document.
    pub document: Value,
    /// Fields that are there, in percent of [`FIELDS`].
    pub completeness: u32,
    /// Fields that are missing.
    pub missing: Vec<&'static str>,
}

/// Makes a BOM of a model's files. `manifest`: what stands beside it (as `model train` writes it), believed as a claim.
pub fn build(name: &str, files: &[File], manifest: Option<&Value>, tool_version: &str, spec: Spec) -> Bom {
    let mut told = Told { manifest: manifest.cloned().unwrap_or(Value::Null), evidence: Vec::new() };
    let claims = told.manifest.clone();
    let text = |pointer: &str| claims.pointer(pointer).and_then(Value::as_str).map(cut);
    let root = Hash::of(
        files.iter().flat_map(|file| [file.name.clone(), file.hash.to_string()]).collect::<String>().as_bytes(),
    );
    let mut model = Map::new();
    model.insert("type".into(), "machine-learning-model".into());
    model.insert("bom-ref".into(), format!("model-{root}").into());
    model.insert("name".into(), cut(name).into());
    told.verified("name");
    let own = files.iter().find(|file| file.name.ends_with(".safetensors")).or_else(|| files.first());
    if let Some(own) = own {
        model.insert("version".into(), format!("sha256:{}", own.hash).into());
        model.insert("hashes".into(), json!([{ "alg": "SHA-256", "content": own.hash.to_string() }]));
        told.verified("version");
        told.verified("hashes");
    }
    let kind = text("/kind");
    if let Some(kind) = &kind {
        model.insert("description".into(), format!("A {kind} model.").into());
        told.claimed("kind");
    }
    let mut components: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({
                "type": "file", "bom-ref": format!("file-{}-{}", file.hash, Hash::of(file.name.as_bytes())), "name": cut(&file.name),
                "hashes": [{ "alg": "SHA-256", "content": file.hash.to_string() }],
                "properties": [
                    { "name": "shieldwall:bytes", "value": file.len.to_string() },
                    { "name": "shieldwall:evidence:hashes", "value": "verified" },
                ],
            })
        })
        .collect();
    if !files.is_empty() {
        told.verified("files");
    }
    let datasets = datasets(&claims);
    if !datasets.is_empty() {
        told.claimed("datasets");
        if datasets.iter().all(|one| one.get("hashes").is_some()) {
            told.claimed("dataset hashes");
        }
    }
    let refs: Vec<Value> = datasets.iter().filter_map(|one| Some(json!({ "ref": one.get("bom-ref")? }))).collect();
    components.extend(datasets);
    model.insert("modelCard".into(), card(&mut told, &claims, kind.as_deref(), &refs, &root));
    let workflow = workflow(&mut told, &claims, &root, &refs);
    let present: Vec<&str> = told.evidence.iter().map(|(field, _)| *field).collect();
    let missing: Vec<&'static str> = FIELDS.into_iter().filter(|field| !present.contains(field)).collect();
    let completeness = ((FIELDS.len() - missing.len()) * 100 / FIELDS.len()) as u32;
    let mut properties: Vec<Value> = told
        .evidence
        .iter()
        .map(|(field, how)| json!({ "name": format!("shieldwall:evidence:{field}"), "value": how }))
        .collect();
    properties.push(json!({ "name": "shieldwall:completeness", "value": completeness.to_string() }));
    model.insert("properties".into(), properties.into());
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": if spec == Spec::V1_6 { "1.6" } else { "1.7" },
        "serialNumber": serial(&root),
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "shieldwall", "version": tool_version }] },
            "component": model,
        },
        "components": components,
    });
    if let (Some(workflow), Some(members)) = (workflow, document.as_object_mut()) {
        members.insert("formulation".into(), json!([workflow]));
    }
    Bom { document, completeness, missing }
}

/// What was found, and how it is known.
struct Told {
    manifest: Value,
    evidence: Vec<(&'static str, &'static str)>,
}

impl Told {
    fn verified(&mut self, field: &'static str) {
        self.evidence.push((field, "verified"));
    }

    fn claimed(&mut self, field: &'static str) {
        self.evidence.push((field, "claimed"));
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

fn datasets(claims: &Value) -> Vec<Value> {
    let list = claims.get("data").and_then(Value::as_array);
    let mut out = Vec::new();
    for (at, one) in list.into_iter().flatten().enumerate() {
        let name = one.get("path").or_else(|| one.get("name")).and_then(Value::as_str).unwrap_or("data");
        let hash =
            |text: &str| text.parse::<Hash>().ok().map(|hash| json!({ "alg": "SHA-256", "content": hash.to_string() }));
        let hashes: Vec<Value> = match one.get("sha256") {
            Some(Value::String(text)) => hash(text).into_iter().collect(),
            Some(Value::Object(files)) => files.values().filter_map(|one| hash(one.as_str()?)).collect(),
            _ => Vec::new(),
        };
        let mut data = json!({
            "type": "data", "bom-ref": format!("data-{at}"), "name": cut(name),
            "data": [{ "type": "dataset", "name": cut(name) }],
        });
        if let Some(members) = data.as_object_mut().filter(|_| !hashes.is_empty()) {
            members.insert("hashes".into(), hashes.into());
        }
        out.push(data);
    }
    for (at, one) in claims.get("generators").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = one.get("name").and_then(Value::as_str).unwrap_or("generator");
        let version = one.get("version").map(Value::to_string).unwrap_or_default();
        // A generator is data that is made again from its seed: its hash is that of its name and version.
        let hash = Hash::of(format!("{name} {version}").as_bytes());
        out.push(json!({
            "type": "data", "bom-ref": format!("generator-{at}"), "name": cut(name), "version": version,
            "hashes": [{ "alg": "SHA-256", "content": hash.to_string() }],
            "data": [{ "type": "dataset", "name": cut(name), "description": "made by a generator from a seed" }],
        }));
    }
    out
}

fn card(told: &mut Told, claims: &Value, kind: Option<&str>, refs: &[Value], root: &Hash) -> Value {
    let mut parameters = Map::new();
    if let Some(kind) = kind {
        let labelled =
            claims.get("label").is_some_and(|label| !label.is_null()) || !matches!(kind, "tabular" | "sequence");
        let approach = if labelled { "supervised" } else { "unsupervised" };
        parameters.insert("approach".into(), json!({ "type": approach }));
        told.claimed("approach");
        let (task, family, inputs) = match kind {
            "tabular" => (
                "anomaly and attack scoring of rows",
                "boosted trees, isolation forest, nearest neighbours",
                "rows of numbers and categories",
            ),
            "sequence" => ("anomaly scoring of sequences", "n-grams and count vectors", "sequences of ids"),
            "forecast" => (
                "ranking of techniques",
                "random walk, linear autoencoder, nearest neighbours, naive Bayes",
                "sets of ATT&CK techniques",
            ),
            _ => ("classification of texts", "hashed n-grams with a monotone additive head", "UTF-8 texts"),
        };
        for (name, value) in [("task", task), ("architectureFamily", family), ("modelArchitecture", family)] {
            parameters.insert(name.into(), value.into());
        }
        told.claimed("task");
        told.claimed("architecture");
        parameters.insert("inputs".into(), json!([{ "format": inputs }]));
        parameters
            .insert("outputs".into(), json!([{ "format": "score, p-value, contributions that sum to the score" }]));
        told.claimed("inputs");
        told.claimed("outputs");
    }
    if !refs.is_empty() {
        parameters.insert("datasets".into(), refs.into());
    }
    let mut card = Map::new();
    card.insert("bom-ref".into(), format!("card-{root}").into());
    if !parameters.is_empty() {
        card.insert("modelParameters".into(), parameters.into());
    }
    let metrics = metrics(told, claims);
    if !metrics.is_empty() {
        card.insert("quantitativeAnalysis".into(), json!({ "performanceMetrics": metrics }));
    }
    let mut considerations = Map::new();
    let mut limits: Vec<String> = Vec::new();
    for name in ["limits", "notes"] {
        let list = claims.get(name).and_then(Value::as_array);
        limits.extend(list.into_iter().flatten().filter_map(Value::as_str).map(cut));
    }
    if kind.is_some() && limits.is_empty() {
        limits.push("A p-value says how often normal items of the kind it learned from score as high; where what is normal changes it must be learned anew.".to_owned());
    }
    if !limits.is_empty() {
        considerations.insert("technicalLimitations".into(), limits.into());
        told.claimed("limitations");
    }
    if kind.is_some() {
        considerations.insert("users".into(), json!(["defenders who read logs and network records"]));
        considerations.insert("useCases".into(), json!(["to point people at what deserves a look, with reasons"]));
        told.claimed("use");
    }
    if !considerations.is_empty() {
        card.insert("considerations".into(), considerations.into());
    }
    card.into()
}

fn metrics(told: &mut Told, claims: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    let mut push = |kind: &str, value: &Value, slice: &str, interval: Option<(&Value, &Value)>| {
        if let Some(value) = value.as_f64() {
            let mut metric = json!({ "type": kind, "value": format!("{value:.4}"), "slice": cut(slice) });
            if let (Some((low, high)), Some(members)) = (interval, metric.as_object_mut()) {
                let text = |value: &Value| value.as_f64().map(|value| format!("{value:.4}"));
                if let (Some(low), Some(high)) = (text(low), text(high)) {
                    members.insert("confidenceInterval".into(), json!({ "lowerBound": low, "upperBound": high }));
                }
            }
            out.push(metric);
        }
    };
    let split = claims.get("held_out_split").and_then(Value::as_str).unwrap_or("held-out data");
    let held_out: Vec<&Value> = claims.get("held_out").and_then(Value::as_array).into_iter().flatten().collect();
    let (mut intervals, baselines) = (false, held_out.len() > 1);
    for one in &held_out {
        let name = one.get("name").and_then(Value::as_str).unwrap_or("model");
        let slice = format!("{name}; {split}");
        for (kind, field) in [("AUC", "auc"), ("average precision", "average_precision")] {
            push(kind, one.get(field).unwrap_or(&Value::Null), &slice, None);
        }
        for at in one.get("tpr_at_fpr").and_then(Value::as_array).into_iter().flatten() {
            let most = at.get("fpr_at_most").and_then(Value::as_f64).unwrap_or_default();
            let wilson = at.get("tpr_wilson_95").and_then(Value::as_array);
            let interval = wilson.and_then(|list| Some((list.first()?, list.get(1)?)));
            intervals |= interval.is_some();
            push(&format!("TPR at FPR {most}"), at.get("tpr").unwrap_or(&Value::Null), &slice, interval);
        }
    }
    for one in claims.get("figures").and_then(Value::as_array).into_iter().flatten() {
        let slice = one.get("what").and_then(Value::as_str).unwrap_or("measured");
        for field in ["auc", "average_precision", "recall_at_1_percent", "recall_at_0.1_percent"] {
            push(field, one.get(field).unwrap_or(&Value::Null), slice, None);
        }
    }
    if !out.is_empty() {
        told.claimed("metrics");
    }
    if intervals {
        told.claimed("intervals");
    }
    if baselines {
        told.claimed("baselines");
    }
    out
}

fn workflow(told: &mut Told, claims: &Value, root: &Hash, refs: &[Value]) -> Option<Value> {
    let program = claims.pointer("/program/version").and_then(Value::as_str);
    let command = claims.get("command").and_then(Value::as_str);
    if program.is_none() && command.is_none() {
        return None;
    }
    told.claimed("tool");
    told.claimed("workflow");
    let mut properties = Vec::new();
    for (name, value) in
        [("seed", claims.get("seed")), ("items", claims.get("items")), ("hostile", claims.get("hostile"))]
    {
        if let Some(value) = value.filter(|value| value.is_number()) {
            properties.push(json!({ "name": format!("shieldwall:{name}"), "value": value.to_string() }));
        }
    }
    if claims.get("seed").is_some() {
        told.claimed("seed");
    }
    if let Some(version) = program {
        properties.push(json!({ "name": "shieldwall:program", "value": format!("shieldwall {}", cut(version)) }));
    }
    if let Some(command) = command {
        properties.push(json!({ "name": "shieldwall:command", "value": cut(command) }));
    }
    let mut workflow = json!({
        "bom-ref": format!("training-{root}"), "uid": format!("training-{root}"), "name": "training",
        "taskTypes": ["build"], "properties": properties,
    });
    if let Some(members) = workflow.as_object_mut().filter(|_| !refs.is_empty()) {
        let inputs: Vec<Value> = refs.iter().map(|one| json!({ "resource": one, "source": one })).collect();
        members.insert("inputs".into(), inputs.into());
    }
    Some(json!({ "bom-ref": format!("formula-{root}"), "workflows": [workflow] }))
}

/// A UUID (version 8, RFC 9562: made of a hash).
fn serial(root: &Hash) -> String {
    let digits = root.to_string();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_says_how_it_is_known_and_nothing_is_invented() {
        let files = [File { name: "model.safetensors".into(), len: 3, hash: Hash::of(b"abc") }];
        let bare = build("m", &files, None, "0.1.0", Spec::V1_6);
        assert!(bare.completeness < 30 && bare.missing.contains(&"datasets"), "{}", bare.completeness);
        let manifest = json!({
            "kind": "tabular", "label": "y", "seed": 1, "program": { "version": "0.1.0" }, "items": 10,
            "data": [{ "path": "flows.csv", "sha256": Hash::of(b"data").to_string() }],
            "held_out": [
                { "name": "this model", "auc": 0.9, "tpr_at_fpr": [{ "fpr_at_most": 0.01, "tpr": 0.5, "tpr_wilson_95": [0.4, 0.6] }] },
                { "name": "the same for all", "auc": 0.5 }
            ],
        });
        let bom = build("m", &files, Some(&manifest), "0.1.0", Spec::V1_7);
        assert_eq!((bom.completeness, bom.missing.len()), (100, 0), "{:?}", bom.missing);
        let text = bom.document.to_string();
        assert!(text.contains("\"specVersion\":\"1.7\"") && text.contains("confidenceInterval"), "{text}");
        assert_eq!(text, build("m", &files, Some(&manifest), "0.1.0", Spec::V1_7).document.to_string());
        let hostile = json!({ "kind": 5, "data": "x", "held_out": [1, null, { "tpr_at_fpr": {} }], "figures": [[]], "limits": [3] });
        assert!(build("m", &[], Some(&hostile), "0.1.0", Spec::V1_6).completeness <= 10);
    }
}
