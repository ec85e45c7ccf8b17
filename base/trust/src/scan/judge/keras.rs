//! What the configuration of a Keras model would import and call.
//!
//! A configuration is a tree of `{"module", "class_name", "config", "registered_name"}`. The loader imports `module`, takes
//! `class_name` (or, for functions, `config`) from it and calls it, wherever in the tree it stands: in a layer, an
//! initializer, an argument of a call. Classes and functions that Keras itself brings are known by name; what reaches files
//! or code is malicious, whatever is not known is not proven.

use super::keras_names::{CLASSES, FUNCTIONS};
use super::names::{Power, dunder, listed, power};
use super::value::Value;
use crate::scan::Inside;
use crate::scan::kinds::{CONFIG_CALLS, found, shown};
use crate::scan::report::{Finding, Report, Weight};

/// Where a configuration stands: what an unknown class means depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A model that is built from its configuration: an unknown class is code from elsewhere.
    Model,
    /// Metadata beside a graph (SavedModel): an unknown class is revived from the graph.
    Metadata,
}

/// Whether a tree is a configuration of Keras.
pub(crate) fn is_keras(value: &Value) -> bool {
    let mut yes = false;
    value.walk(&mut |_, value| yes |= value.has("class_name") && (value.has("config") || value.has("module")));
    yes
}

/// Judges the whole tree.
pub(crate) fn judge(value: &Value, place: Place, inside: &Inside<'_>, report: &mut Report) {
    let mut judge = Judge { inside, report, place };
    value.walk(&mut |key, value| judge.node(key, value));
}

struct Judge<'a, 'b> {
    inside: &'a Inside<'b>,
    report: &'a mut Report,
    place: Place,
}

impl Judge<'_, '_> {
    fn say(&mut self, weight: Weight, advisories: &'static [&'static str], call: Option<String>, words: String) {
        self.report.add(Finding { advisories, call, ..found(self.inside, &CONFIG_CALLS, weight, words) });
    }

    fn node(&mut self, key: &str, value: &Value) {
        if let Value::Text(text) = value
            && key == "code"
            && text.len() > 32
        {
            let words = "the configuration holds marshalled bytecode".to_owned();
            self.say(Weight::NotProven, &[], None, words);
        }
        for module in value.all("module").filter_map(Value::as_text) {
            self.module(module, value);
        }
        for class in value.all("class_name").filter_map(Value::as_text) {
            self.class(class, value);
        }
    }

    /// A node that names a module: `class_name` or, for functions, `config` is what is taken from it.
    fn module(&mut self, module: &str, node: &Value) {
        let class = node.text("class_name").unwrap_or_default();
        // A layer's own option that happens to be called `module` holds data, not the name of one.
        if class.is_empty() && !node.has("registered_name") && !node.has("config") {
            return self.bare(module);
        }
        for name in node.all("config").chain(node.all("registered_name")).filter_map(Value::as_text).chain([class]) {
            if name.is_empty() {
                continue;
            }
            let dotted = format!("{module}.{name}");
            let call = Some(format!("{}(…)", shown(&dotted)));
            let leaf = name.rsplit(['.', '>']).next().unwrap_or_default();
            let acts = power(module, name) == Power::Acts || power(module, leaf) == Power::Acts;
            // What a plain class or function of Python's types is called says nothing: `builtins.function`, `builtins.dict`.
            let plain = matches!(module, "builtins" | "types")
                && matches!(name, "function" | "NoneType" | "type" | "object" | "method");
            match (acts && !plain, root(module)) {
                (true, _) => {
                    let advisories: &[&str] = match leaf {
                        "get_file" => &["CVE-2025-8747"],
                        "enable_unsafe_deserialization" => &["CVE-2025-9906"],
                        _ => &["CVE-2025-1550"],
                    };
                    self.say(
                        Weight::Malicious,
                        advisories,
                        call,
                        format!("loading the model imports and calls `{}`", shown(&dotted)),
                    );
                }
                (false, Root::Keras) => {
                    let is_class = name == class && class != "function";
                    if !is_class && class == "function" && name != class && !listed(FUNCTIONS, leaf) {
                        self.say(
                            Weight::NotProven,
                            &[],
                            call,
                            format!("loading the model calls `{}`, which is not known to be harmless", shown(&dotted)),
                        );
                    }
                }
                (false, Root::Python) => {
                    if name != class && class == "function" && !listed(FUNCTIONS, leaf) && name != "function" {
                        self.say(
                            Weight::NotProven,
                            &[],
                            call,
                            format!("the model needs a function `{}` from elsewhere", shown(name)),
                        );
                    }
                }
                (false, Root::Other) if self.place == Place::Model => {
                    self.say(
                        Weight::NotProven,
                        &[],
                        call,
                        format!("loading the model imports `{}`, which is not part of Keras", shown(&dotted)),
                    );
                }
                (false, Root::Other) => {}
            }
        }
    }

    /// `"module": …` without a class: told only where it is plainly one that acts.
    fn bare(&mut self, module: &str) {
        if matches!(
            module,
            "os" | "posix"
                | "nt"
                | "subprocess"
                | "sys"
                | "builtins"
                | "importlib"
                | "runpy"
                | "shutil"
                | "pickle"
                | "marshal"
        ) {
            self.say(
                Weight::Malicious,
                &["CVE-2025-1550"],
                None,
                format!("the configuration names the module `{module}`"),
            );
        }
    }

    fn class(&mut self, class: &str, node: &Value) {
        let leaf = class.rsplit('>').next().unwrap_or(class);
        let leaf = leaf.rsplit('.').next().unwrap_or(leaf);
        let config: Vec<&Value> = node.all("config").collect();
        match leaf {
            "Lambda" | "lambda" | "LAMBDA" => {
                let function = config.iter().find_map(|config| config.get("function"));
                let named_only = config.len() == 1
                    && config.iter().find_map(|config| config.text("function_type")) == Some("function");
                let source =
                    function.and_then(Value::as_text).is_some_and(|text| text.contains("lambda") || text.contains('('));
                match named_only && !source && matches!(function, Some(Value::Text(_))) {
                    true => self.say(
                        Weight::NotProven,
                        &[],
                        None,
                        "a Lambda layer needs a function from elsewhere".to_owned(),
                    ),
                    false => self.say(
                        Weight::Malicious,
                        &["CVE-2024-3660"],
                        None,
                        "a Lambda layer carries Python code that runs with the model".to_owned(),
                    ),
                }
            }
            "__lambda__" => self.say(
                Weight::Malicious,
                &["CVE-2024-3660"],
                None,
                "the configuration carries marshalled Python code that runs with the model".to_owned(),
            ),
            "TorchModuleWrapper" => {
                self.say(
                    Weight::Malicious,
                    &["CVE-2025-49655"],
                    Some("torch.load(…)".to_owned()),
                    "a TorchModuleWrapper layer unpickles what stands in its configuration".to_owned(),
                );
                for text in config.iter().flat_map(|config| config.all("module")).filter_map(Value::as_text) {
                    (self.inside.member)("TorchModuleWrapper", &base64(text), self.report);
                }
            }
            "TFSMLayer" => {
                self.say(
                    Weight::Malicious,
                    &["CVE-2026-1462"],
                    Some("tf.saved_model.load(…)".to_owned()),
                    "a TFSMLayer loads a SavedModel from a path in the configuration, without safe mode".to_owned(),
                );
            }
            "StringLookup" | "IntegerLookup" | "TextVectorization" | "IndexLookup" => {
                for key in ["vocabulary", "idf_weights"] {
                    for file in config.iter().flat_map(|config| config.all(key)).filter_map(Value::as_text) {
                        let words = format!("loading the model reads the file `{}` into its vocabulary", shown(file));
                        self.say(
                            Weight::Malicious,
                            &["CVE-2025-12058"],
                            Some(format!("open(\"{}\")", shown(file))),
                            words,
                        );
                    }
                }
            }
            "TFOpLambda" | "SlicingOpLambda" | "ClassMethod" | "InstanceMethod" | "InstanceProperty" => {
                for function in config
                    .into_iter()
                    .flat_map(|config| config.all("function").chain(config.all("cls_ref")))
                    .filter_map(Value::as_text)
                {
                    let name = function.trim_start_matches("__operators__.");
                    if power("tensorflow", name) == Power::Acts
                        || name.starts_with("raw_ops") && FILE_OPS.iter().any(|op| name.ends_with(op))
                    {
                        self.say(
                            Weight::Malicious,
                            &[],
                            Some(format!("tf.{}(…)", shown(name))),
                            format!("an operator layer calls `tf.{}`", shown(name)),
                        );
                    }
                }
            }
            _ if dunder(leaf)
                && !matches!(
                    leaf,
                    "__tensor__"
                        | "__numpy__"
                        | "__bytes__"
                        | "__ellipsis__"
                        | "__typespec__"
                        | "__keras_tensor__"
                        | "__tuple__"
                        | "__none__"
                        | "__dict__"
                        | "__class__"
                ) =>
            {
                self.say(
                    Weight::Malicious,
                    &[],
                    None,
                    format!("the class name `{}` reaches into Python's object model", shown(class)),
                );
            }
            _ => self.unknown(class, leaf, node),
        }
    }

    fn unknown(&mut self, class: &str, leaf: &str, node: &Value) {
        let module = node.text("module").unwrap_or_default();
        // A module of its own was judged by its name.
        if self.place == Place::Metadata
            || matches!(root(module), Root::Other) && !module.is_empty()
            || leaf == "function"
        {
            return;
        }
        if listed(CLASSES, leaf)
            || listed(FUNCTIONS, leaf)
            || leaf.starts_with("__")
            || leaf == "type"
            || leaf == "slice"
        {
            return;
        }
        let words = format!(
            "the model needs a class `{}` that Keras does not have: its code comes from elsewhere",
            shown(class)
        );
        self.say(Weight::NotProven, &[], None, words);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Keras,
    Python,
    Other,
}

fn root(module: &str) -> Root {
    match module.split('.').next().unwrap_or_default() {
        "keras"
        | "tf_keras"
        | "keras_core"
        | "tensorflow"
        | "keras_nlp"
        | "keras_cv"
        | "keras_hub"
        | "tensorflow_addons"
        | "tensorflow_probability" => Root::Keras,
        "builtins" | "" => Root::Python,
        _ => Root::Other,
    }
}

/// Operators of TensorFlow that reach files.
const FILE_OPS: &[&str] = &[
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "SaveV2",
    "Save",
    "PrintV2",
    "PyFunc",
    "EagerPyFunc",
    "LoadDataset",
    "SaveDataset",
];

/// Base64 as the loaders read it: what is no digit is skipped.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut many) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        many += 6;
        if many >= 8 {
            many -= 8;
            out.push((bits >> many & 0xff) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::judge::json;
    use crate::scan::{Budget, Verdict};

    fn verdict(text: &str) -> Verdict {
        let budget = Budget::default();
        let inside = Inside { path: &[], member: &|_, _, _| {}, budget: &budget };
        let mut report = Report::default();
        judge(&json::parse(text.as_bytes()).unwrap(), Place::Model, &inside, &mut report);
        report.verdict()
    }

    #[test]
    fn what_a_configuration_would_call() {
        for (text, expected) in [
            (
                r#"{"module":"keras.layers","class_name":"Dense","config":{"units":1,"activation":"relu"},"registered_name":null}"#,
                Verdict::Clean,
            ),
            (
                r#"{"module":"builtins","class_name":"function","config":"mse","registered_name":"function"}"#,
                Verdict::Clean,
            ),
            (
                r#"{"a":[{"b":{"module":"builtins","class_name":"function","config":"exec","registered_name":"exec"}}]}"#,
                Verdict::Malicious,
            ),
            (r#"{"args":[{"module":"subprocess","class_name":"function","config":"run"}]}"#, Verdict::Malicious),
            (
                r#"{"module":"keras.utils","class_name":"function","config":"get_file","registered_name":"get_file"}"#,
                Verdict::Malicious,
            ),
            (
                r#"{"module":"keras.config","class_name":"function","config":"enable_unsafe_deserialization"}"#,
                Verdict::Malicious,
            ),
            (
                r#"{"module":"keras.layers","class_name":"Lambda","config":{"function":{"class_name":"__lambda__","config":{"code":"x"}}}}"#,
                Verdict::Malicious,
            ),
            (r#"{"module":"keras.layers","class_name":"Custom>Lambda","config":{}}"#, Verdict::Malicious),
            (r#"{"module":"keras.layers","class_name":"TFSMLayer","config":{"filepath":"x"}}"#, Verdict::Malicious),
            (
                r#"{"module":"keras.layers","class_name":"TorchModuleWrapper","config":{"module":"gASMAm9z"}}"#,
                Verdict::Malicious,
            ),
            (
                r#"{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":"/etc/passwd"}}"#,
                Verdict::Malicious,
            ),
            (r#"{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":["a"]}}"#, Verdict::Clean),
            (r#"{"class_name":"TFOpLambda","config":{"function":"math.add"}}"#, Verdict::Clean),
            (r#"{"class_name":"TFOpLambda","config":{"function":"io.write_file"}}"#, Verdict::Malicious),
            (r#"{"module":"my_layers","class_name":"Mine","config":{}}"#, Verdict::NotProven),
            (r#"{"class_name":"Mine","config":{}}"#, Verdict::NotProven),
            (
                r#"{"module":"keras.src.models.functional","class_name":"Functional","config":{"layers":[]}}"#,
                Verdict::Clean,
            ),
        ] {
            assert_eq!(verdict(text), expected, "{text}");
        }
        assert_eq!(base64("gASMAm9z"), b"\x80\x04\x8c\x02os");
    }
}
