//! HTTP data: parameters with their class, and the requests of the Core Rule Set's tests.

use std::path::Path;

use anyhow::{Context, Result, bail};
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

/// One text with what is known of it.
pub struct Known {
    /// The parameter, or the request's target, body and unusual headers, one a line.
    pub text: String,
    /// Hostile.
    pub hostile: bool,
    /// What near-copies share.
    pub group: String,
    /// Class of attack, or `norm`.
    pub class: String,
}

/// `http-params/payload_train.csv`: `payload,length,attack_type,label`, quoted, quotes doubled.
///
/// # Errors
/// When the file is missing.
pub fn params(data: &Path) -> Result<Vec<Known>> {
    let path = data.join("http-params/payload_train.csv");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let rows = rows(&text);
    let known = rows.into_iter().skip(1).filter_map(|mut fields| {
        let (label, class) = (fields.pop()?, fields.get(2)?.clone());
        let text = fields.first()?.clone();
        Some(Known { group: template(&text), hostile: label == "anom", class, text })
    });
    Ok(known.collect())
}

/// The rows of a CSV file.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let row = rows.last_mut();
        let Some(field) = row.and_then(|row| row.last_mut()) else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => rows.last_mut().into_iter().for_each(|row| row.push(String::new())),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    rows.retain(|row| row.len() > 3);
    rows
}

/// The text with runs of digits as `0` and words of up to four letters in quotes, random in the tool that made them, as `a`.
fn template(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let letter = match letter {
            '0'..='9' => '0',
            'a'..='z' | 'A'..='Z' => 'a',
            other => other,
        };
        if !(matches!(letter, '0' | 'a') && out.ends_with(letter)) {
            out.push(letter);
        }
    }
    out
}

/// Rules about attacks in texts; the others are about protocols, methods and responses.
const ATTACK_RULES: std::ops::Range<u32> = 930_000..945_000;

/// Headers that every client sends and no test is about.
const USUAL_HEADERS: &[&str] = &[
    "host",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "content-type",
    "keep-alive",
    "proxy-connection",
    "cache-control",
];

/// `crs-regression`: requests that must be flagged (`expect_ids` of a rule about attacks) and that must not
/// (`no_expect_ids` alone). Grouped by the rule's file.
///
/// # Errors
/// When the folder is missing or a file does not parse.
pub fn requests(data: &Path) -> Result<Vec<Known>> {
    let root = data.join("crs-regression/tests/regression/tests");
    let mut paths = Vec::new();
    for folder in std::fs::read_dir(&root).with_context(|| format!("cannot read `{}`", root.display()))? {
        for file in std::fs::read_dir(folder?.path())? {
            paths.push(file?.path());
        }
    }
    paths.sort();
    let mut known = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        let file = yaml(&text).with_context(|| format!("cannot read `{}`", path.display()))?;
        let rule = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if !rule.parse().is_ok_and(|number| ATTACK_RULES.contains(&number)) {
            continue;
        }
        let class = rule.get(..3).unwrap_or("").to_owned();
        for stage in file["tests"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|test| test["stages"].as_array().into_iter().flatten())
        {
            let log = &stage["output"]["log"];
            let hostile = !log["expect_ids"].is_null();
            let text = request(&stage["input"]);
            if !text.is_empty() && (hostile || !log["no_expect_ids"].is_null()) {
                known.push(Known { text, hostile, group: rule.clone(), class: class.clone() });
            }
        }
    }
    Ok(known)
}

fn request(input: &Value) -> String {
    let mut lines = Vec::new();
    let mut add = |text: Option<&str>| lines.extend(text.filter(|text| !text.trim().is_empty()).map(str::to_owned));
    let uri = input["uri"].as_str();
    add(uri.filter(|uri| !matches!(*uri, "/" | "/get" | "/post")));
    add(input["data"].as_str());
    for (name, value) in input["headers"].as_object().into_iter().flatten() {
        let usual = USUAL_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        add(value.as_str().filter(|value| !usual && !value.contains("CRS test agent")));
    }
    lines.join("\n")
}

/// Nesting of a test's file.
const DEPTH_MAX: usize = 32;

/// A YAML file as JSON: scalars are strings, empty plain ones null.
pub(super) fn yaml(text: &str) -> Result<Value> {
    let mut stack: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = Value::Null;
    for event in Parser::new_from_str(text) {
        let done = match event?.0 {
            Event::SequenceStart(..) => {
                stack.push((Value::Array(Vec::new()), None));
                None
            }
            Event::MappingStart(..) => {
                stack.push((Value::Object(Map::new()), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => stack.pop().map(|open| open.0),
            Event::Scalar(text, ..) => Some(Value::String(text.into_owned())),
            Event::Alias(_) => bail!("aliases are not expected"),
            _ => None,
        };
        if stack.len() > DEPTH_MAX {
            bail!("nested too deeply");
        }
        let Some(value) = done else { continue };
        match stack.last_mut() {
            None => root = value,
            Some((Value::Array(list), _)) => list.push(value),
            Some((Value::Object(map), key)) => match key.take() {
                Some(name) => drop(map.insert(name, value)),
                None => *key = value.as_str().map(str::to_owned),
            },
            Some(_) => {}
        }
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_templates_are_read() {
        assert_eq!(rows("\"a,\"\"b\"\"\",1,x,norm\nc,2,y,z\n")[0], ["a,\"b\"", "1", "x", "norm"]);
        assert_eq!(template("1' or 4213=4213--"), template("9' or 5=5--"));
    }

    #[test]
    fn tests_of_rules_are_read() {
        let file = yaml("a: [x, {b: 'c'}]\nd: |-\n  e\n  f\n").unwrap();
        assert_eq!(file.to_string(), r#"{"a":["x",{"b":"c"}],"d":"e\nf"}"#);
        let input = yaml("uri: /get?x=1\ndata: y\nheaders: {Host: a, Cookie: z}").unwrap();
        assert_eq!(request(&input), "/get?x=1\ny\nz");
    }
}
