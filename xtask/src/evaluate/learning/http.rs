//! Requests: classes of attack that the model has not seen, and from parameters to whole requests.

use std::path::Path;

use anyhow::Result;
use shieldwall_learn::Random;
use shieldwall_learn::text::TextModel;

use crate::train::http::{FOLDS, fit, generated, parts};
use crate::train::http_data::{Known, params, requests};
use crate::train::{Figures, linear_scores, scores};

/// Generated benign texts: as many are trained on, and as many others judged.
const GENERATED: usize = 20_000;

/// Attacks of our own that the last models learn beside the data.
const ATTACKS: usize = 4000;

/// Texts whose mutations are scored.
const MUTATED: usize = 2000;

/// Writes the section.
///
/// # Errors
/// When data are missing.
pub fn section(data: &Path) -> Result<String> {
    let params = params(data)?;
    let requests = requests(data)?;
    let (seen, fresh) = (generated(GENERATED, 5), generated(GENERATED, 6));
    let parts = parts(&params, 1);
    let part = |keep: &dyn Fn(&Known, usize) -> bool| -> Vec<&Known> {
        params.iter().zip(&parts).filter(|(one, part)| keep(one, **part)).map(|one| one.0).collect()
    };
    let mut text = format!(
        "\n### HTTP requests\n\n`cargo xtask learning http`, seed 1. Data: http-params (parameters with their class), \
         crs-regression (requests that rules about attacks must or must not flag). Baseline: the number of punctuation marks. \
         Parameters fall into {FOLDS} parts by template (letters and digits made equal), so that near-copies stay together.\n\n"
    );
    text.push_str(&Figures::head("trained → judged, scorer"));
    let train = part(&|_, part| part != 0);
    judge("four parts → the fifth", &train, &part(&|_, part| part == 0), 0, &mut text)?;
    for class in ["sqli", "xss", "path-traversal", "cmdi"] {
        let train = part(&|one, part| one.class != class && (one.hostile || part != 0));
        let test = part(&|one, part| one.class == class || (!one.hostile && part == 0));
        judge(&format!("without {class} → {class}"), &train, &test, 0, &mut text)?;
    }
    let all: Vec<&Known> = params.iter().collect();
    let rules: Vec<&Known> = requests.iter().collect();
    judge("parameters → rules' requests", &all, &rules, 0, &mut text)?;
    judge("parameters and our own attacks → rules' requests", &all, &rules, ATTACKS, &mut text)?;
    let with: Vec<&Known> = params.iter().chain(&seen).collect();
    let real: Vec<&Known> = requests.iter().filter(|one| one.hostile).chain(&fresh).collect();
    judge("parameters, generated benign → rules' hostile requests, other generated", &with, &real, 0, &mut text)?;
    let what = "the same and our own attacks → the same";
    let model = judge(what, &with, &real, ATTACKS, &mut text)?;
    text.push_str(
        "\nA request that a rule must *not* flag is often an attack of another kind or a near miss written to fool that rule; \
         telling it from those that must be flagged is a harder and different question than telling attacks from ordinary \
         requests, which the last rows ask.\n",
    );
    text.push_str(&mutations(&model, &params));
    Ok(text)
}

fn judge(what: &str, train: &[&Known], test: &[&Known], attacks: usize, text: &mut String) -> Result<TextModel> {
    let model = fit(train, 1, attacks)?;
    let labels: Vec<bool> = test.iter().map(|one| one.hostile).collect();
    let texts = || test.iter().map(|one| one.text.as_str());
    let marks: Vec<f64> = texts().map(|text| text.bytes().filter(u8::is_ascii_punctuation).count() as f64).collect();
    text.push_str(&Figures::of(format!("{what}: baseline"), &marks, &labels).row());
    text.push_str(&Figures::of(format!("{what}: logistic"), &linear_scores(&model, texts()), &labels).row());
    text.push_str(&Figures::of(format!("{what}: model"), &scores(&model, texts()), &labels).row());
    Ok(model)
}

/// One way to disguise a text.
type Mutation = fn(&str, &mut Random) -> String;

const MUTATIONS: &[(&str, Mutation)] = &[
    ("upper and lower case mixed", |text, random| {
        text.chars().map(|c| if random.below(2) == 0 { c.to_ascii_uppercase() } else { c }).collect()
    }),
    ("percent-encoded", |text, _| text.bytes().map(|byte| format!("%{byte:02x}")).collect()),
    ("percent-encoded twice", |text, _| text.bytes().map(|byte| format!("%25{byte:02x}")).collect()),
    ("as JSON escapes", |text, _| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
    ("as entities", |text, _| text.chars().map(|c| format!("&#{};", u32::from(c))).collect()),
    ("spaces as comments", |text, _| text.replace(' ', "/**/")),
    ("spaces repeated", |text, _| text.replace(' ', " \t  ")),
    ("between benign parameters", |text, _| format!("page=2&name=maria lopez&q={text}&sort=asc&lang=es")),
];

/// How often a disguise lowers the score of a hostile parameter.
fn mutations(model: &TextModel, params: &[Known]) -> String {
    let mut hostile: Vec<&str> = params.iter().filter(|one| one.hostile).map(|one| one.text.as_str()).collect();
    Random::new(1).shuffle(&mut hostile);
    hostile.truncate(MUTATED);
    let plain = scores(model, hostile.iter().copied());
    let mut text = format!(
        "\nDisguises of {MUTATED} hostile parameters (same model, seed 1): how many of them score lower than the plain text, by \
         more than 0.001, and the largest loss.\n\n| disguise | lower | largest loss |\n|---|---|---|\n"
    );
    for (name, mutate) in MUTATIONS {
        let mut random = Random::new(1);
        let disguised: Vec<String> = hostile.iter().map(|text| mutate(text, &mut random)).collect();
        let losses = scores(model, disguised.iter().map(String::as_str))
            .into_iter()
            .zip(&plain)
            .map(|(after, before)| before - after);
        let losses: Vec<f64> = losses.filter(|loss| *loss > 0.001).collect();
        let largest = losses.iter().copied().fold(0.0, f64::max);
        text.push_str(&format!("| {name} | {} | {largest:.2} |\n", losses.len()));
    }
    text
}
