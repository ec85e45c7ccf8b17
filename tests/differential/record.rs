//! One event as the flat JSON object that the other engine reads.
//!
//! The object has the record's native names, and, for each field that a rule asks for under another name, that name
//! with the values of its native fields, as our matcher sees it through the bucket. So what is compared is matching, not
//! the mapping of names.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};
use shieldwall_schema::event::Fields;
use shieldwall_schema::mapping::Bucket;
use shieldwall_schema::value::Kind;

/// A rule's field name and the native fields that hold it.
pub type Renamed = Vec<(String, Vec<String>)>;

/// The fields that a bucket calls otherwise.
pub fn renamed(bucket: Option<&Bucket>, asked: &BTreeSet<String>) -> Renamed {
    let Some(bucket) = bucket else { return Vec::new() };
    let native = |field: &String| bucket.native(field).to_vec();
    let fields = asked.iter().map(|field| (field.clone(), native(field)));
    fields.filter(|(_, native)| !native.is_empty()).collect()
}

/// The record under its native names, each with its values in document order.
pub fn native(fields: &dyn Fields) -> Map<String, Value> {
    let mut record = Map::new();
    fields.each(&mut |name, value| add(&mut record, name, [json(value.kind, value.text)]));
    record
}

/// The record with a bucket's names over its own.
pub fn with_names(native: &Map<String, Value>, renamed: &Renamed) -> Value {
    let mut record = native.clone();
    for (field, _) in renamed {
        record.remove(field);
    }
    for (field, names) in renamed {
        for value in names.iter().filter_map(|name| native.get(name)) {
            match value {
                Value::Array(values) => add(&mut record, field, values.iter().cloned()),
                value => add(&mut record, field, [value.clone()]),
            }
        }
    }
    Value::Object(record)
}

/// A field that is there several times becomes an array.
fn add(record: &mut Map<String, Value>, name: &str, values: impl IntoIterator<Item = Value>) {
    for value in values {
        match record.get_mut(name) {
            None => {
                record.insert(name.to_owned(), value);
            }
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
}

/// A number stays one if JSON writes it as the log did; otherwise its text is what rules compare.
fn json(kind: Kind, text: &str) -> Value {
    let whole = || text.parse::<i64>().ok().map(Number::from);
    let number = || whole().filter(|number| number.to_string() == text);
    match kind {
        Kind::Null => Value::Null,
        Kind::Bool if text == "true" || text == "false" => Value::Bool(text == "true"),
        Kind::Number => number().map_or_else(|| Value::from(text), Value::Number),
        Kind::Bool | Kind::Text => Value::from(text),
    }
}
