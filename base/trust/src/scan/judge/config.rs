//! Configurations of models, whatever notation they are written in: what a loader that is given this file would import,
//! call, render or read. A configuration that names nothing of the kind is data.

use super::names::{Power, power, power_of_dotted};
use super::value::Value;
use super::{jinja, keras, path, python, skops};
use crate::scan::Inside;
use crate::scan::kinds::{BROKEN, CODE, CONFIG_CALLS, GRAPH, PATH, TEMPLATE, found, shown};
use crate::scan::report::{Finding, Report, Weight};

/// Templates that are told of one file.
const TOLD_MAX: usize = 64;

/// Judges a tree that was read to its end.
pub(crate) fn judge(value: &Value, inside: &Inside<'_>, report: &mut Report) {
    if skops::is_skops(value) {
        report.read_as("skops schema");
        skops::judge(value, inside, report);
    }
    if keras::is_keras(value) {
        report.read_as("Keras configuration");
        keras::judge(value, keras::Place::Model, inside, report);
    }
    if value.has("nbformat") && value.has("cells") {
        notebook(value, inside, report);
    }
    if value.has("_class_name") && value.has("_diffusers_version") {
        pipeline(value, inside, report);
    }
    if value.has("graph_module") && value.has("opset_version") {
        let words =
            "an exported program of torch: its operators and expressions are resolved by the loader, and not read here";
        report.add(found(inside, &GRAPH, Weight::NotProven, words));
    }
    let mut told = 0;
    let mut twice = None;
    value.walk(&mut |key, value| {
        let mut names = std::collections::HashSet::new();
        twice = twice.or(value.entries().iter().map(|(name, _)| name.as_str()).find(|name| !names.insert(*name)));
        entry(key, value, inside, report);
        if value.has("loader_module")
            && value.text("code").is_some_and(|code| !matches!(code, "" | "null" | "~" | "Null" | "NULL"))
        {
            report.add(found(
                inside,
                &CODE,
                Weight::NotProven,
                "loading the model puts a folder of its own code in reach of imports",
            ));
        }
        if let Value::Text(text) = value {
            texts(key, text, &mut told, inside, report);
        }
        for (key, _) in value.entries() {
            texts("", key, &mut told, inside, report);
        }
    });
    if let Some(key) = twice {
        let words = format!("the key `{}` stands twice in one map: readers take the first or the last", shown(key));
        report.add(found(inside, &BROKEN, Weight::NotProven, words));
    }
}

/// Every string: a template, or a pickle in base64.
pub(crate) fn texts(key: &str, text: &str, told: &mut usize, inside: &Inside<'_>, report: &mut Report) {
    if jinja::is_template(text) && *told < TOLD_MAX {
        let before = report.findings().len();
        template(key, text, inside, report);
        *told += usize::from(report.findings().len() > before);
    }
    // Protocols 2 to 5 in base64 begin like this.
    if text.len() > 12 && ["gAN", "gAS", "gAI", "gAR", "gAU"].iter().any(|start| text.starts_with(start)) {
        let mut apart = Report::default();
        let bytes = keras::base64(text);
        (inside.member)("base64", &bytes, &mut apart);
        if apart.verdict() == crate::scan::Verdict::Malicious {
            (inside.member)("base64", &bytes, report);
        }
    }
}

/// Judges a template and says what it would reach.
pub(crate) fn template(name: &str, text: &str, inside: &Inside<'_>, report: &mut Report) {
    for escape in jinja::judge(text) {
        let weight = if escape.certain { Weight::Malicious } else { Weight::NotProven };
        let words = match name {
            "" => escape.words,
            name => format!("{}: {}", shown(name), escape.words),
        };
        report.add(Finding {
            offset: escape.at as u64,
            advisories: &["CVE-2024-34359"],
            ..found(inside, &TEMPLATE, weight, words)
        });
    }
}

/// Keys that make a loader import, call or open what stands under them.
fn entry(key: &str, value: &Value, inside: &Inside<'_>, report: &mut Report) {
    let mut say = |weight, kind, advisories: &'static [&'static str], call: Option<String>, words: String| {
        report.add(Finding { advisories, call, ..found(inside, kind, weight, words) });
    };
    match (key, value) {
        ("auto_map", Value::Map(entries)) if !entries.is_empty() => {
            for (class, target) in entries {
                for target in std::iter::once(target).chain(target.items()).filter_map(Value::as_text) {
                    let words =
                        format!("loading the model with its own code runs `{}` as {}", shown(target), shown(class));
                    say(Weight::Malicious, &CONFIG_CALLS, &[], Some(shown(target)), words);
                }
            }
        }
        ("custom_pipelines", Value::Map(entries)) => {
            for (name, _) in entries {
                say(
                    Weight::NotProven,
                    &CONFIG_CALLS,
                    &[],
                    None,
                    format!("the pipeline `{}` is code of the model's own", shown(name)),
                );
            }
        }
        ("_target_" | "class_path" | "_recursive_target_", Value::Text(target)) => {
            match (instantiated(target), known(target)) {
                (Power::Acts, _) => {
                    let words = format!("the configuration is instantiated by calling `{}`", shown(target));
                    say(
                        Weight::Malicious,
                        &CONFIG_CALLS,
                        &["CVE-2025-23304"],
                        Some(format!("{}(…)", shown(target))),
                        words,
                    );
                }
                (_, true) => {}
                _ => say(
                    Weight::NotProven,
                    &CONFIG_CALLS,
                    &[],
                    Some(shown(target)),
                    format!("the configuration is instantiated by calling `{}`, which is not known", shown(target)),
                ),
            }
        }
        ("target", Value::Text(target))
            if target.contains('.') && instantiated(target) == Power::Acts && !target.contains(['/', ' ']) =>
        {
            say(
                Weight::Malicious,
                &CONFIG_CALLS,
                &["CVE-2025-23304"],
                Some(format!("{}(…)", shown(target))),
                format!("the configuration is instantiated by calling `{}`", shown(target)),
            );
        }
        ("loader_module", Value::Text(module)) => match module.split('.').next() {
            Some("mlflow") => {}
            _ if power(module, "_load_pyfunc") == Power::Acts => {
                say(
                    Weight::Malicious,
                    &CONFIG_CALLS,
                    &[],
                    Some(format!("{}._load_pyfunc(…)", shown(module))),
                    format!("loading the model imports `{}` and calls its loader", shown(module)),
                );
            }
            _ => say(
                Weight::NotProven,
                &CONFIG_CALLS,
                &[],
                Some(shown(module)),
                format!("loading the model imports `{}`, which is not part of MLflow", shown(module)),
            ),
        },
        ("model_code_path", Value::Text(file)) if !file.is_empty() => {
            say(Weight::NotProven, &CODE, &[], None, format!("the model is made by running `{}`", shown(file)));
        }
        ("handler", Value::Text(file)) if file.ends_with(".py") || file.contains(".py:") => {
            say(Weight::NotProven, &CODE, &[], None, format!("serving the model runs `{}`", shown(file)));
        }
        ("weight_map", Value::Map(entries)) => {
            for (_, file) in entries {
                if let Some(file) = file.as_text()
                    && let Some(why) = path::escapes(file).or(path::remote(file).then_some("it is on another machine"))
                {
                    say(
                        Weight::Malicious,
                        &PATH,
                        &[],
                        Some(format!("open(\"{}\")", shown(file))),
                        format!("the index reads weights from `{}`: {why}", shown(file)),
                    );
                }
            }
        }
        (
            "py/object" | "py/reduce" | "py/type" | "py/function" | "py/repr" | "py/module" | "py/newobj"
            | "py/newargs" | "py/state",
            value,
        ) => {
            let acts = value.as_text().is_some_and(|name| power_of_dotted(name) == Power::Acts) || key == "py/repr";
            let weight = if acts { Weight::Malicious } else { Weight::NotProven };
            say(
                weight,
                &CONFIG_CALLS,
                &[],
                value.as_text().map(shown),
                format!("the file is read by jsonpickle, which builds what `{key}` names"),
            );
        }
        ("trust_remote_code", Value::Bool(true)) => {
            say(
                Weight::NotProven,
                &CONFIG_CALLS,
                &[],
                None,
                "the configuration asks to run code of the model's own".to_owned(),
            );
        }
        _ => {}
    }
}

/// Libraries whose classes configurations of models name and that keep to computing.
fn known(target: &str) -> bool {
    let root = target.split('.').next().unwrap_or_default();
    matches!(
        root,
        "nemo"
            | "torch"
            | "torchvision"
            | "torchaudio"
            | "pytorch_lightning"
            | "lightning"
            | "transformers"
            | "diffusers"
            | "timm"
            | "sklearn"
            | "numpy"
            | "megatron"
            | "apex"
            | "torchmetrics"
            | "ldm"
            | "sgm"
    ) && target.rsplit_once('.').is_some_and(|(_, leaf)| leaf.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// What a target of an instantiation can do: a loader or a saver of any library acts, because the configuration gives its
/// arguments too.
fn instantiated(target: &str) -> Power {
    let leaf = target.rsplit('.').next().unwrap_or_default();
    match leaf {
        "load"
        | "save"
        | "dump"
        | "dumps"
        | "loadtxt"
        | "save_pretrained"
        | "from_pickle"
        | "load_state_dict_from_url"
        | "load_module"
        | "call"
        | "run" => Power::Acts,
        _ if leaf.starts_with("load_") || leaf.starts_with("read_") || leaf.starts_with("download") => Power::Acts,
        _ => power_of_dotted(target),
    }
}

/// `model_index.json` of diffusers: each part is `[library, class]`, and a library may be a file of the repository.
fn pipeline(value: &Value, inside: &Inside<'_>, report: &mut Report) {
    for (part, value) in value.entries() {
        let [Value::Text(module), Value::Text(class)] = value.items() else {
            if part == "_class_name" && !value.items().is_empty() {
                report.add(found(inside, &CONFIG_CALLS, Weight::NotProven, "the pipeline is code of the model's own"));
            }
            continue;
        };
        let weight = match (power(module, class), module.split('.').next().unwrap_or_default()) {
            (Power::Acts, _) => Weight::Malicious,
            (
                _,
                "diffusers" | "transformers" | "optimum" | "onnxruntime" | "flax" | "stable_diffusion"
                | "latent_diffusion" | "paint_by_example" | "k_diffusion",
            ) => continue,
            _ => Weight::NotProven,
        };
        let call = Some(format!("{}.{}(…)", shown(module), shown(class)));
        report.add(Finding {
            call,
            ..found(
                inside,
                &CONFIG_CALLS,
                weight,
                format!("the part `{}` comes from `{}`, not from the library", shown(part), shown(module)),
            )
        });
    }
}

/// Jupyter notebooks: cells of code are code.
fn notebook(value: &Value, inside: &Inside<'_>, report: &mut Report) {
    report.read_as("notebook");
    let mut any = false;
    for cell in value.all("cells").flat_map(Value::items) {
        if cell.text("cell_type") != Some("code") {
            continue;
        }
        let source: String = cell
            .all("source")
            .flat_map(|source| std::iter::once(source).chain(source.items()))
            .filter_map(Value::as_text)
            .collect();
        any |= !source.trim().is_empty();
        // Lines for the shell and for the notebook itself are not Python.
        let python: String = source
            .lines()
            .filter(|line| !line.trim_start().starts_with(['!', '%']))
            .flat_map(|line| [line, "\n"])
            .collect();
        python::judge(&python, inside, report);
        if source.lines().any(|line| {
            line.trim_start().starts_with('!') && (line.contains("curl") || line.contains("wget")) && line.contains('|')
        }) {
            report.add(found(
                inside,
                &CODE,
                Weight::Malicious,
                "a cell of the notebook downloads a script and runs it",
            ));
        }
    }
    if any {
        report.add(found(inside, &CODE, Weight::NotProven, "the notebook holds code"));
    }
}

/// Tags of YAML that make a reader build objects.
pub(crate) fn tags(tags: &[(String, usize)], inside: &Inside<'_>, report: &mut Report) {
    for (tag, at) in tags.iter().take(TOLD_MAX) {
        let name = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag).trim_start_matches('!');
        let (weight, words) = match name.strip_prefix("python/") {
            Some(rest) => {
                let (kind, target) = rest.split_once(':').unwrap_or((rest, ""));
                match kind {
                    "none" | "bool" | "bytes" | "str" | "unicode" | "int" | "long" | "float" | "complex" | "list"
                    | "tuple" | "dict" => continue,
                    _ if power_of_dotted(target) == Power::Acts
                        || kind == "module" && power(target, "x") == Power::Acts =>
                    {
                        (Weight::Malicious, format!("reading the file as YAML calls `{}`", shown(target)))
                    }
                    _ => (Weight::NotProven, format!("reading the file as YAML builds `{}`", shown(target))),
                }
            }
            None => (Weight::NotProven, format!("the tag `{}` has a meaning only to its own reader", shown(tag))),
        };
        report.add(Finding {
            offset: *at as u64,
            advisories: &["CVE-2021-37678"],
            ..found(inside, &CONFIG_CALLS, weight, words)
        });
    }
}
