//! The types that a skops schema names (`schema.json`): skops builds objects from a tree of nodes, each with a loader, a
//! module and a class. What the tree names is what runs.

use super::names::{Power, dunder, power};
use super::value::Value;
use crate::scan::Inside;
use crate::scan::kinds::{CONFIG_CALLS, found, shown};
use crate::scan::report::{Finding, Report, Weight};

/// Whether a tree is a schema of skops.
pub(crate) fn is_skops(value: &Value) -> bool {
    value.has("__loader__") && value.has("__module__") && value.has("__class__")
}

/// Loaders that skops has; what each builds is judged by module and class.
const LOADERS: &[&str] = &[
    "ObjectNode",
    "DictNode",
    "DefaultDictNode",
    "OrderedDictNode",
    "_DictWithDeprecatedKeysNode",
    "BunchNode",
    "ListNode",
    "SetNode",
    "TupleNode",
    "JsonNode",
    "BytesNode",
    "BytearrayNode",
    "SliceNode",
    "TypeNode",
    "FunctionNode",
    "PartialNode",
    "MethodNode",
    "OperatorFuncNode",
    "NdArrayNode",
    "MaskedArrayNode",
    "RandomStateNode",
    "RandomGeneratorNode",
    "DtypeNode",
    "SparseMatrixNode",
    "ReduceNode",
    "TreeNode",
    "SGDNode",
    "CachedNode",
    "DatetimeTimedeltaNode",
    "CyLossNode",
    "QuantileForestNode",
    "GeneratorNode",
    "CythonNode",
    "ConstantNode",
    "NumPyRandomGeneratorNode",
];

/// Libraries whose classes compute and keep to memory.
const LIBRARIES: &[&str] = &[
    "sklearn",
    "numpy",
    "scipy",
    "xgboost",
    "lightgbm",
    "catboost",
    "imblearn",
    "quantile_forest",
    "pandas",
    "collections",
    "datetime",
];

/// Judges the whole tree.
pub(crate) fn judge(schema: &Value, inside: &Inside<'_>, report: &mut Report) {
    schema.walk(&mut |_, node| {
        if let Some(loader) = node.text("__loader__") {
            one(node, loader, inside, report);
        }
        for (module, function) in
            node.all("module_path").filter_map(Value::as_text).zip(node.all("function").filter_map(Value::as_text))
        {
            let dotted = format!("{module}.{function}");
            let weight = match power(module, function) {
                Power::Acts => Weight::Malicious,
                Power::Unknown if !LIBRARIES.contains(&module.split('.').next().unwrap_or_default()) => {
                    Weight::NotProven
                }
                _ => continue,
            };
            let words = format!("loading the model imports the function `{}`", shown(&dotted));
            report.add(Finding { call: Some(shown(&dotted)), ..found(inside, &CONFIG_CALLS, weight, words) });
        }
        for file in node.all("file").filter_map(Value::as_text) {
            if let Some(why) = super::path::escapes(file) {
                report.add(found(
                    inside,
                    &crate::scan::kinds::PATH,
                    Weight::Malicious,
                    format!("the schema reads `{}`: {why}", shown(file)),
                ));
            }
        }
    });
}

fn one(node: &Value, loader: &str, inside: &Inside<'_>, report: &mut Report) {
    let mut say = |weight, advisories: &'static [&'static str], call: String, words: String| {
        report.add(Finding { advisories, call: Some(call), ..found(inside, &CONFIG_CALLS, weight, words) });
    };
    let module = node.text("__module__").unwrap_or_default();
    let class = node.text("__class__").unwrap_or_default();
    let dotted = format!("{module}.{class}");
    let call = format!("{}(…)", shown(&dotted));
    if !LOADERS.contains(&loader) {
        say(
            Weight::NotProven,
            &[],
            call.clone(),
            format!("the schema uses a loader `{}` that skops does not have", shown(loader)),
        );
    }
    match loader {
        "MethodNode" => {
            let content = node.get("content");
            let method = content.and_then(|content| content.text("func")).unwrap_or_default();
            let object = content.and_then(|content| content.get("obj"));
            let same = object.is_none_or(|object| {
                object.text("__module__") == Some(module) && object.text("__class__") == Some(class)
            });
            if dunder(method) || method.contains('.') || power("builtins", method) == Power::Acts && !method.is_empty()
            {
                say(
                    Weight::Malicious,
                    &["CVE-2025-54413"],
                    call.clone(),
                    format!("the schema fetches the attribute `{}` of an object", shown(method)),
                );
            } else if !same {
                say(
                    Weight::Malicious,
                    &["CVE-2025-54413"],
                    call.clone(),
                    "a method node names one type for the check and has another inside".to_owned(),
                );
            } else {
                say(Weight::NotProven, &[], call.clone(), format!("the schema binds the method `{}`", shown(method)));
            }
        }
        "OperatorFuncNode" => {
            let known = module == "operator" && matches!(class, "itemgetter");
            let words = format!("the schema builds `{}`, a way from text to attributes and calls", shown(&dotted));
            match known {
                true => say(Weight::Note, &[], call.clone(), words),
                false => say(Weight::Malicious, &["CVE-2025-54412"], call.clone(), words),
            }
        }
        _ => {}
    }
    if matches!(
        loader,
        "JsonNode" | "DictNode" | "ListNode" | "TupleNode" | "SetNode" | "SliceNode" | "BytesNode" | "BytearrayNode"
    ) && matches!(module, "builtins" | "" | "collections")
        && power(module, class) != Power::Acts
    {
        return;
    }
    let root = module.split('.').next().unwrap_or_default();
    let plain_type = module == "builtins"
        && matches!(class, "type" | "function" | "builtin_function_or_method" | "method" | "object" | "NoneType");
    match power(module, class) {
        Power::Acts if !plain_type => say(
            Weight::Malicious,
            &["CVE-2024-37065"],
            call,
            format!("loading the model imports and calls `{}`", shown(&dotted)),
        ),
        Power::Computes => {}
        _ if plain_type
            || LIBRARIES.contains(&root)
            || module == "functools" && class == "partial"
            || module == "operator" => {}
        _ => say(
            Weight::NotProven,
            &[],
            call,
            format!("loading the model imports `{}`, which is not known", shown(&dotted)),
        ),
    }
}
