//! Whether a JSON event obeys the schema: for tests and `cargo xtask ocsf --validate`.
//!
//! Checked: required attributes are there, no attribute is unknown, profile attributes only with their profile, types and their forms,
//! allowed values, a number's caption beside it, constraints, and the arithmetic of `type_uid`. Recommended attributes that
//! lack are not errors.

use serde_json::{Map, Value};

use super::form::has_form;
use super::types::{Attribute, Constraints, Requirement, Type};
use super::{activity_name, category_name, class, class_name, type_uid};

/// Deeper nesting is reported and not followed.
const DEPTH_MAX: usize = 32;

/// Every way in which the event breaks the schema, as `path: what`; empty if it is valid.
pub fn validate(event: &Value) -> Vec<String> {
    let mut check = Check { errors: Vec::new(), profiles: Vec::new() };
    match event.as_object() {
        Some(event) => check.event(event),
        None => check.error("", "an event is a JSON object"),
    }
    check.errors
}

struct Check<'a> {
    errors: Vec<String>,
    profiles: Vec<&'a str>,
}

impl<'a> Check<'a> {
    fn error(&mut self, path: &str, what: impl AsRef<str>) {
        self.errors.push(format!("{path}: {}", what.as_ref()));
    }

    fn event(&mut self, event: &'a Map<String, Value>) {
        let number = |name: &str| event.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let Some(class) = number("class_uid").and_then(class) else {
            return self.error("class_uid", "names no class");
        };
        if let Some(profiles) = event.get("metadata").and_then(|m| m.get("profiles")).and_then(Value::as_array) {
            self.profiles = profiles.iter().filter_map(Value::as_str).collect();
        }
        if number("category_uid") != Some(class.category) {
            self.error("category_uid", format!("is not {}", class.category));
        }
        let activity = number("activity_id").unwrap_or(0);
        let type_wanted = type_uid(class.uid, activity);
        if event.get("type_uid").and_then(Value::as_u64) != Some(type_wanted) {
            self.error("type_uid", format!("is not {type_wanted}"));
        }
        let type_name = activity_name(class.uid, activity).map(|name| format!("{}: {name}", class.caption));
        for (name, wanted) in [
            ("class_name", class_name(class.uid)),
            ("category_name", category_name(class.category)),
            ("activity_name", activity_name(class.uid, activity)),
            ("type_name", type_name.as_deref()),
        ] {
            let have = event.get(name).and_then(Value::as_str);
            if have.is_some() && have != wanted {
                self.error(name, format!("is not {wanted:?}"));
            }
        }
        if event.get("metadata").and_then(|m| m.get("version")).and_then(Value::as_str) != Some(super::VERSION) {
            self.error("metadata.version", format!("is not {}", super::VERSION));
        }
        let attributes: Vec<_> = class.attributes().collect();
        self.object("", event, &attributes, &class.constraints, 0);
    }

    fn object(
        &mut self,
        path: &str,
        object: &Map<String, Value>,
        attributes: &[&'static Attribute],
        constraints: &Constraints,
        depth: usize,
    ) {
        if depth > DEPTH_MAX {
            return self.error(path, "is nested too deep");
        }
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for attribute in attributes {
            let wanted = attribute.profile.is_empty() || self.profiles.contains(&attribute.profile);
            if attribute.requirement == Requirement::Required && wanted && !object.contains_key(attribute.name) {
                self.error(&join(attribute.name), "is required");
            }
        }
        for (name, value) in object {
            let path = join(name);
            match attributes.iter().find(|attribute| attribute.name == name) {
                None if self.is_datetime_twin(name, attributes) => self.scalar(&path, value, Type::DatetimeT),
                None => self.error(&path, "is unknown"),
                Some(attribute) => {
                    if !attribute.profile.is_empty() && !self.profiles.contains(&attribute.profile) {
                        self.error(&path, format!("needs the profile `{}`", attribute.profile));
                    }
                    if attribute.deprecated {
                        self.error(&path, "is deprecated");
                    }
                    self.attribute(&path, value, attribute, object, depth);
                }
            }
        }
        let present = |names: &[&str]| names.iter().filter(|name| object.contains_key(**name)).count();
        if !constraints.at_least_one.is_empty() && present(constraints.at_least_one) == 0 {
            self.error(path, format!("needs one of {:?}", constraints.at_least_one));
        }
        if !constraints.just_one.is_empty() && present(constraints.just_one) != 1 {
            self.error(path, format!("needs just one of {:?}", constraints.just_one));
        }
    }

    fn is_datetime_twin(&self, name: &str, attributes: &[&'static Attribute]) -> bool {
        let Some(base) = name.strip_suffix("_dt") else { return false };
        let timestamp = attributes.iter().any(|a| a.name == base && a.kind == Type::TimestampT);
        timestamp && self.profiles.contains(&"datetime")
    }

    fn attribute(
        &mut self,
        path: &str,
        value: &Value,
        attribute: &Attribute,
        beside: &Map<String, Value>,
        depth: usize,
    ) {
        match (attribute.array, value) {
            (true, Value::Array(values)) => {
                for (at, value) in values.iter().enumerate() {
                    self.one(&format!("{path}[{at}]"), value, attribute, depth);
                }
            }
            (true, _) => self.error(path, "is no array"),
            (false, value) => self.one(path, value, attribute, depth),
        }
        // `severity` beside `severity_id` says the same in words, unless the number is 99, Other.
        let words = attribute.name.strip_suffix("_id").and_then(|name| beside.get(name)).and_then(Value::as_str);
        if let (Some(words), Some(number)) = (words, value.as_i64())
            && number != 99
            && let Some(caption) = attribute.caption(number)
            && caption != words
        {
            self.error(path, format!("is {number}, {caption:?}, beside {words:?}"));
        }
    }

    fn one(&mut self, path: &str, value: &Value, attribute: &Attribute, depth: usize) {
        match attribute.kind.object() {
            Some(object) => match value.as_object() {
                None => self.error(path, "is no object"),
                Some(_) if object.is_free() => {}
                Some(value) => {
                    let attributes: Vec<_> = object.attributes().collect();
                    self.object(path, value, &attributes, &object.constraints, depth + 1);
                }
            },
            None => self.scalar(path, value, attribute.kind),
        }
        // The class's own numbers are checked by arithmetic; their table entries are not complete.
        let choices = attribute.choices();
        if !choices.is_empty() && !matches!(attribute.name, "class_uid" | "category_uid" | "type_uid") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if !choices.iter().any(|(choice, _)| *choice == text) {
                self.error(path, format!("may not be {text}"));
            }
        }
    }

    fn scalar(&mut self, path: &str, value: &Value, kind: Type) {
        let fits = match kind {
            Type::JsonT => true,
            Type::BooleanT => value.is_boolean(),
            Type::FloatT => value.is_number(),
            Type::IntegerT => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            Type::PortT => value.as_u64().is_some_and(|n| n <= 65_535),
            Type::LongT | Type::TimestampT => value.as_i64().is_some(),
            Type::Object(_) => false,
            text => value.as_str().is_some_and(|value| has_form(value, text)),
        };
        if !fits {
            self.error(path, format!("is no {kind:?}: {value}"));
        }
    }
}
